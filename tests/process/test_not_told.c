/* links: tests/lib/kit*.c tests/lib/p[gl]*.c netd/pygase.c */
/*
 * What netd did not get told before it died: a player who noticed nothing, as
 * PyGaSe's clients do not, has the game's state in the end, and nothing that
 * was deleted meanwhile.
 */
#include "tests/lib/kit.h"
#include "tests/lib/kit_game.h"
#include "tests/lib/kit_own.h"
#include "tests/lib/pg_player.h"
#include "tests/lib/players.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct kit_proc *game;
static struct pg_player *p;
static int page;
static unsigned said;

/* The page has the game do this; it is done. */
static void
act(const char *name, const char *args)
{
	char text[512], mark[32], *heard;
	size_t len;

	snprintf(text, sizeof(text), "[\"$event\",%u,\"%s\",%s]", said + 1,
	    name, args);
	kit_ws_send(page, 1, text, strlen(text));
	snprintf(text, sizeof(text), "[\"$event\",%u,\"PUT\",[\"mark\",%u]]",
	    said + 2, said + 2);
	kit_ws_send(page, 1, text, strlen(text));
	said += 2;
	snprintf(mark, sizeof(mark), "\"mark\":%u", said);
	do {
		kit_ws_recv(page, &heard, &len);
		/* Nobody is left waiting for want of an answer. */
		if (strstr(heard, "\"ack\":true")) {
			snprintf(text, sizeof(text), "[\"$ack\",%s]",
			    strstr(heard, "\"to\":") + 5);
			strcpy(strpbrk(text + 8, ",}"), "]");
			kit_ws_send(page, 1, text, strlen(text));
		}
	} while (strstr(heard, mark) == NULL);
}

/* What the player has there, or NULL. */
static const struct ipc_value *
has(const char *path)
{
	struct ipc_path at;

	assert_true(ipc_path_parse(path, &at));
	return p->state ? ipc_value_find(p->state, &at) : NULL;
}

/* Play until this is there or is not. */
static void
until(const char *path, bool is_there)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;

	while ((has(path) != NULL) != is_there) {
		if (kit_now_ms() > end)
			kit_fail(
			    "'%s' is %sthere", path, is_there ? "not " : "");
		pg_player_run(p);
		kit_tick();
	}
}

/* Until it has what the page did last. */
static void
until_told(void)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;

	while (ipc_value_as_int(has("mark")) != (int64_t)said) {
		if (kit_now_ms() > end)
			kit_fail("it does not hear of %u", said);
		pg_player_run(p);
		kit_tick();
	}
	assert_int_equal(p->fatal, 0);
}

static void
begin_with(const char *view, const char *limit)
{
	game = kit_game(players_game("stage"), "--listen", "ws://127.0.0.1:0/",
	    "--listen", "pygase://127.0.0.1:0", "--view", view, "--limit",
	    limit, NULL);
	page = kit_ws(kit_url(game, 1));
	said = 0;
	/* Connection 1 is the page and 2 the player. */
	act("PUT", "[\"things/1\", {\"x\": 3, \"y\": 0}]");
	act("PUT", "[\"things/50\", {\"x\": 4, \"y\": 4, \"old\": 1}]");
	act("PUT", "[\"things/51\", {\"x\": 5, \"y\": 5}]");
	act("PUT", "[\"cards/2\", {\"seven\": 7}]");
	act("PUT", "[\"ghost\", {\"a\": {\"b\": 1}}]");
	act("PUT", "[\"scalar\", 1]");
	act("PUT", "[\"deep\", {\"a\": {\"b\": 1, \"c\": 1}}]");
	p = pg_player_new(kit_url(game, 2), NULL);
	pg_player_say(p, "AT", 0);
	until_told();
	until("things/50/old", true);
}

static void
begin(const char *view)
{
	begin_with(view, "states_max=8");
}

/* netd dies; what it had told the player since is lost on the way. */
static void
netd_dies(void)
{
	pid_t before = kit_child(game, "netd"), now;
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	uint8_t bytes[4096];

	kill(before, SIGKILL);
	kit_recv_all(page, NULL);
	kit_close(page);
	while (recv(p->fd, bytes, sizeof(bytes), 0) > 0)
		continue;
	while ((now = kit_child(game, "netd")) == before || now == 0) {
		assert_true(kit_now_ms() < end);
		kit_tick();
	}
	page = kit_ws(kit_url(game, 1));
	said = 0;
}

/* ---- what must hold
 * ------------------------------------------------------------ */

static void
a_delete_that_was_not_told_is_told_by_the_next(void)
{
	begin("0");
	act("CUT", "[\"things/50\"]");
	act("CUT", "[\"ghost\"]");
	act("CUT", "[\"scalar\"]");
	act("CUT", "[\"deep/a/b\"]");
	netd_dies();
	act("PUT", "[\"new\", 1]");
	until_told();
	until("things/50", false);
	until("ghost", false);
	until("scalar", false);
	until("deep/a/b", false);
	until("deep/a/c", true);
	until("things/51/x", true);
	until("cards/2/seven", true);
}

static void
what_lives_again_has_nothing_of_its_life_before(void)
{
	begin("0");
	act("CUT", "[\"things/50\"]");
	act("PUT", "[\"things/50\", {\"x\": 1, \"y\": 1}]");
	/* The same by a set of all and by a merge. */
	act("PUT", "[\"deep\", {\"a\": {\"c\": 2}}]");
	act("MERGE", "[{\"ghost\": {\"$bytes\": \"0oHlug==\"}}]");
	netd_dies();
	act("PUT", "[\"things/52\", {\"x\": 1, \"y\": 1}]");
	until_told();
	until("things/50/old", false);
	until("things/50/x", true);
	until("deep/a/b", false);
	until("deep/a/c", true);
	until("ghost", false);
	/* And the new one's own deletes arrive. */
	act("CUT", "[\"things/52\"]");
	until_told();
	until("things/52", false);
}

/* A page of the new netd sees no ghosts, not even for a moment. */
static void
who_comes_anew_hears_of_no_ghost(void)
{
	char *heard;
	size_t len;

	begin("0");
	act("CUT", "[\"ghost\"]");
	netd_dies();
	for (int i = 0; i < 5; i++) {
		kit_ws_recv(page, &heard, &len);
		assert_null(strstr(heard, "ghost"));
	}
}

/* The next netd breaks no limit over what is gone. */
static void
where_there_is_no_room_for_what_is_gone_the_game_goes_on(void)
{
	begin_with("0", "state_places=56");
	for (int i = 0; i < 4; i++) {
		char args[256];

		snprintf(args, sizeof(args),
		    "[\"gone%d\", {\"a\": 1, \"b\": 1, \"c\": 1, \"d\": 1, "
		    "\"e\": 1, \"f\": 1, \"g\": 1, \"h\": 1, \"i\": 1}]",
		    i);
		act("PUT", args);
		snprintf(args, sizeof(args), "[\"gone%d\"]", i);
		act("CUT", args);
		until_told();
	}
	netd_dies();
	act("PUT", "[\"new\", 1]");
	until_told();
	until("new", true);
	until("deep/a/b", true);
	assert_int_equal(kit_count_log(game, "error"), 1);
	kit_expect_log(game, "netd_died");
}

static void
one_that_sees_by_rules_is_told_too(void)
{
	begin("2");
	act("CUT", "[\"things/50\"]");
	act("CUT", "[\"ghost\"]");
	netd_dies();
	act("CUT", "[\"things/51\"]");
	act("PUT", "[\"cards/1\", {\"secret\": 1}]");
	until_told();
	until("things/50", false);
	until("things/51", false);
	until("ghost", false);
	until("deep/a/c", true);
	until("cards/1", false);
}

static void
one_that_sees_what_is_near_is_told_too(void)
{
	begin("1");
	act("CUT", "[\"things/50\"]");
	act("CUT", "[\"ghost\"]");
	/* It goes out of sight, and stays. */
	act("PUT", "[\"things/51\", {\"x\": 500, \"y\": 500}]");
	netd_dies();
	act("PUT", "[\"things/60\", {\"x\": 1, \"y\": 1}]");
	until_told();
	pg_player_say(p, "AT", 0);
	until("things/60/x", true);
	until("things/1/x", true);
	until("things/50", false);
	until("things/51", false);
	until("ghost", false);
	until("scalar", true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(a_delete_that_was_not_told_is_told_by_the_next),
		KIT_TEST(what_lives_again_has_nothing_of_its_life_before),
		KIT_TEST(who_comes_anew_hears_of_no_ghost),
		KIT_TEST(
		    where_there_is_no_room_for_what_is_gone_the_game_goes_on),
		KIT_TEST(one_that_sees_by_rules_is_told_too),
		KIT_TEST(one_that_sees_what_is_near_is_told_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
