/* links: tests/lib/kit*.c tests/lib/players.c tests/lib/deaths.c */
/*
 * A message that kills the game each time it is heard, and a game that dies
 * whatever it hears: the others play on as long as there is a way.
 */
#include "tests/lib/deaths.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define URL "line://127.0.0.1:0"

/* Read lines until one contains text: each read has its deadline. */
static void
is_answered(int fd, const char *word)
{
	kit_send(fd, word);
	kit_send(fd, "\n");
	kit_hear(fd, word);
}

static void
a_poisonous_message_kills_twice_and_only_its_player_goes(void)
{
	struct kit_proc *game = kit_game(players_game("fragile"), "--listen",
	    URL, "--limit", "close_ms=200", NULL);
	int good = kit_connect(kit_url(game, 1));
	int bad = kit_connect(kit_url(game, 1));

	is_answered(good, "one");
	kit_send(bad, "die\n");
	kit_send(good, "two\n");
	kit_expect_log(game, " poison ");
	kit_hear(bad, "your message stopped the game twice");
	assert_int_equal(kit_count_log(game, " game_died "), 2);
	assert_int_equal(kit_count_log(game, "why=poison"), 1);
	kit_send(good, "three\n");
	/* What was said around it is answered; a notice says what happened. */
	kit_hear(good, "two");
	kit_hear(good, "three");
}

static void
a_poisoned_game_tells_of_it(void)
{
	struct kit_proc *game =
	    kit_game(players_game("fragile"), "--listen", URL, NULL);
	int good = kit_connect(kit_url(game, 1));
	int bad = kit_connect(kit_url(game, 1));

	is_answered(good, "one");
	kit_send(bad, "die\n");
	kit_hear(good, "notice a message of connection 2");
}

static void
a_game_that_dies_of_its_clock_is_started_cold(void)
{
	struct kit_proc *game = kit_game(players_game("fragile"), "--listen",
	    URL, "--limit", "restarts_max=3", "--limit", "cold_max=2", NULL);
	int player = kit_connect(kit_url(game, 1));

	kit_send(player, "clock\n");
	kit_expect_log(game, " cold_start ");
	kit_hear(player, "The game is being restarted");
	/* Started cold it knows of no clock, and plays on. */
	is_answered(player, "alive?");
}

/* End it; the same program comes to the same by its recording, deaths and all.
 */
static void
replays_the_same(struct kit_proc *game, const char *program)
{
	struct kit_proc *again;

	kit_signal(game, SIGTERM);
	kit_wait(game);
	again = kit_start(
	    players_game(program), "--replay", kit_path("game.rec"), NULL);
	assert_int_equal(kit_wait(again), 0);
	assert_non_null(strstr(kit_said(again), "the same"));
}

/* ---- what the game had in hand ------------------------------------------- */

static void
die_and_recover(struct kit_proc *game, int signal, unsigned times)
{
	death_signal(game, signal);
	kit_expect_logs(game, " recovered ", times);
}

/* The game connects to a server of ours and waits for its word; our end. */
static int
waits_for_a_server(int player)
{
	char url[64];
	int server = kit_serve("line", url, sizeof(url));

	kit_send(player, "wait ");
	kit_send(player, url);
	kit_send(player, "\n");
	return kit_accept(server);
}

static void
a_message_that_the_game_waits_in_is_not_blamed_for_a_death(void)
{
	struct kit_proc *game = kit_game(players_game("fragile"), "--listen",
	    URL, "--limit", "restarts_max=1000", NULL);
	int player = kit_connect(kit_url(game, 1)), line;

	line = waits_for_a_server(player);
	/* It waits for what its server says: whoever kills it is elsewhere. */
	die_and_recover(game, SIGSEGV, 1);
	die_and_recover(game, SIGABRT, 2);
	die_and_recover(game, SIGSEGV, 3);
	for (unsigned i = 4; i < 9; i++)
		die_and_recover(game, SIGKILL, i);
	assert_int_equal(kit_count_log(game, " poison "), 0);
	kit_send(line, "news\n");
	kit_expect(player, "heard news\n");
}

static void
what_came_while_the_game_waited_is_blamed_by_itself(void)
{
	struct kit_proc *game = kit_game(players_game("fragile"), "--listen",
	    URL, "--record", kit_path("game.rec"), NULL);
	int waits = kit_connect(kit_url(game, 1));
	int bad = kit_connect(kit_url(game, 1));
	int line;

	line = waits_for_a_server(waits);
	/* Taken now, looked at when the wait is over. */
	kit_send(bad, "die\n");
	kit_send(line, "news\n");
	kit_hear(waits, "heard news");
	kit_hear(bad, "your message stopped the game twice");
	is_answered(waits, "alive?");
	assert_int_equal(kit_count_log(game, " game_died "), 2);
	replays_the_same(game, "fragile");
}

static void
a_server_can_be_poisonous_as_well(void)
{
	struct kit_proc *game = kit_game(players_game("fragile"), "--listen",
	    URL, "--record", kit_path("game.rec"), NULL);
	int player = kit_connect(kit_url(game, 1)), line;

	line = waits_for_a_server(player);
	kit_send(line, "die\n");
	kit_hear(player, "waited in vain");
	assert_int_equal(kit_count_log(game, " game_died "), 2);
	assert_int_equal(kit_count_log(game, " poison "), 1);
	replays_the_same(game, "fragile");
}

static void
a_session_that_read_poison_loses_its_player_alone(void)
{
	struct kit_proc *game = kit_game(players_game("visits"), "--listen",
	    URL, "--record", kit_path("game.rec"), NULL);
	int good = kit_connect(kit_url(game, 1));
	int bad = kit_connect(kit_url(game, 1));

	kit_send(good, "good\n");
	kit_hear(good, "q 1 good 0");
	kit_send(bad, "bad\n");
	kit_hear(bad, "q 1 bad 0");
	/* It lies in the mailbox while others talk, and kills when read. */
	kit_send(bad, "sleep 300\ndie\n");
	kit_send(good, "a\n");
	kit_hear(good, "q 2 good 97");
	kit_send(good, "dice\n");
	kit_hear(good, "q 3 good 97");
	kit_hear(bad, "your message stopped the game twice");
	kit_send(good, "b\n");
	kit_hear(good, "q 4 good 3105");
	assert_int_equal(kit_count_log(game, " game_died "), 2);
	assert_int_equal(kit_count_log(game, " poison "), 1);
	replays_the_same(game, "visits");
}

static void
a_visitor_who_kills_by_coming_is_not_let_in_a_third_time(void)
{
	struct kit_proc *game =
	    kit_game(players_game("fragile"), "--listen", "ws://127.0.0.1:0/",
		"--listen", URL, "--record", kit_path("game.rec"), NULL);
	int good = kit_connect(kit_url(game, 2));
	char url[256], *bytes;
	size_t len;
	int bad;

	is_answered(good, "one");
	snprintf(url, sizeof(url), "%sdie", kit_url(game, 1));
	bad = kit_ws(url);
	kit_ws_send(bad, 1, "hello", 5);
	assert_int_equal(kit_ws_recv(bad, &bytes, &len), 8);
	kit_hear(good, "was set aside");
	is_answered(good, "two");
	assert_int_equal(kit_count_log(game, " game_died "), 2);
	assert_int_equal(kit_count_log(game, " poison "), 1);
	replays_the_same(game, "fragile");
}

/* ---- across a cold start --------------------------------------------------
 */

static void
poison_that_waited_for_a_cold_start_is_set_aside(void)
{
	struct kit_proc *game = kit_game(players_game("fragile"), "--listen",
	    URL, "--limit", "restarts_max=1", NULL);
	int good = kit_connect(kit_url(game, 1));
	int bad = kit_connect(kit_url(game, 1));

	is_answered(good, "one");
	die_and_recover(game, SIGKILL, 1);
	/* One death too many: it starts cold, and is told this again. */
	kit_send(bad, "die\n");
	kit_send(good, "two\n");
	kit_expect_log(game, " cold_start ");
	kit_hear(bad, "your message stopped the game twice");
	kit_hear(good, "two");
	is_answered(good, "three");
	assert_int_equal(kit_count_log(game, " poison "), 1);
	assert_int_equal(kit_count_log(game, " game_died "), 3);
}

static void
a_poisonous_visitor_is_kept_out_across_a_cold_start(void)
{
	struct kit_proc *game =
	    kit_game(players_game("fragile"), "--listen", "ws://127.0.0.1:0/",
		"--listen", URL, "--limit", "restarts_max=1", NULL);
	int good = kit_connect(kit_url(game, 2));
	char url[256];

	is_answered(good, "one");
	die_and_recover(game, SIGKILL, 1);
	snprintf(url, sizeof(url), "%sdie", kit_url(game, 1));
	kit_ws(url);
	kit_expect_log(game, " cold_start ");
	kit_expect_log(game, " poison ");
	is_answered(good, "two");
	assert_int_equal(kit_count_log(game, " game_died "), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(
		    a_poisonous_message_kills_twice_and_only_its_player_goes),
		KIT_TEST(a_poisoned_game_tells_of_it),
		KIT_TEST(a_game_that_dies_of_its_clock_is_started_cold),
		KIT_TEST(
		    a_message_that_the_game_waits_in_is_not_blamed_for_a_death),
		KIT_TEST(what_came_while_the_game_waited_is_blamed_by_itself),
		KIT_TEST(a_server_can_be_poisonous_as_well),
		KIT_TEST(a_session_that_read_poison_loses_its_player_alone),
		KIT_TEST(
		    a_visitor_who_kills_by_coming_is_not_let_in_a_third_time),
		KIT_TEST(poison_that_waited_for_a_cold_start_is_set_aside),
		KIT_TEST(a_poisonous_visitor_is_kept_out_across_a_cold_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
