/* links: tests/lib/kit*.c tests/lib/players.c tests/lib/deaths.c */
/*
 * A message that kills the game each time it is heard, and a game that dies
 * whatever it hears: the others play on as long as there is a way.
 */
#include "tests/lib/deaths.h"

#include <string.h>

#define URL "line://127.0.0.1:0"

/* Read lines until one contains text: each read has its deadline. */
static void
hear(int fd, const char *text)
{
	while (strstr(kit_line(fd), text) == NULL)
		continue;
}

static void
a_poisonous_message_kills_twice_and_only_its_player_goes(void)
{
	struct kit_proc *game = kit_game(players_game("fragile"), "--listen",
	    URL, "--limit", "close_ms=200", NULL);
	int good = kit_connect(kit_url(game, 1));
	int bad = kit_connect(kit_url(game, 1));

	kit_send(good, "one\n");
	hear(good, "one");
	kit_send(bad, "die\n");
	kit_send(good, "two\n");
	kit_expect_log(game, " poison ");
	hear(bad, "your message stopped the game twice");
	assert_int_equal(kit_count_log(game, " game_died "), 2);
	assert_int_equal(kit_count_log(game, "why=poison"), 1);
	kit_send(good, "three\n");
	/* What was said around it is answered; a notice says what happened. */
	hear(good, "two");
	hear(good, "three");
}

static void
a_poisoned_game_tells_of_it(void)
{
	struct kit_proc *game =
	    kit_game(players_game("fragile"), "--listen", URL, NULL);
	int good = kit_connect(kit_url(game, 1));
	int bad = kit_connect(kit_url(game, 1));

	kit_send(good, "one\n");
	hear(good, "one");
	kit_send(bad, "die\n");
	hear(good, "notice a message of connection 2");
}

static void
a_game_that_dies_of_its_clock_is_started_cold(void)
{
	struct kit_proc *game = kit_game(players_game("fragile"), "--listen",
	    URL, "--limit", "restarts_max=3", "--limit", "cold_max=2", NULL);
	int player = kit_connect(kit_url(game, 1));

	kit_send(player, "clock\n");
	kit_expect_log(game, " cold_start ");
	hear(player, "The game is being restarted");
	/* Started cold it knows of no clock, and plays on. */
	kit_send(player, "alive?\n");
	hear(player, "alive?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(
		    a_poisonous_message_kills_twice_and_only_its_player_goes),
		KIT_TEST(a_poisoned_game_tells_of_it),
		KIT_TEST(a_game_that_dies_of_its_clock_is_started_cold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
