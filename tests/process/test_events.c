/* links: tests/lib/kit*.c tests/lib/pg_player.c */
/* links: tests/lib/players.c netd/pygase.c */
/*
 * Events over lines that lose, delay and reorder, each family of transports:
 * each is taken once, heard once and told done once, and states are equal at
 * the end. What a page does when its line is cut is in interop/test_events_js.
 */
#include "tests/lib/kit.h"
#include "tests/lib/pg_player.h"
#include "tests/lib/players.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOME "?loss=5%&delay=20ms&jitter=10ms&reorder=5%&seed=5"
#define MUCH "?loss=20%&delay=20ms&jitter=10ms&reorder=20%&seed=20"
/* Not for a client of PyGaSe: its own would die of them. */
#define TWICE "&dup=5%"
#define EVENTS 60

static struct kit_proc *game;

static void
start(const char *scheme, const char *query)
{
	char url[160];

	snprintf(url, sizeof(url), "%s://127.0.0.1:0%s%s", scheme,
	    strcmp(scheme, "ws") ? "" : "/", query);
	game = kit_game(players_game("tally"), "--listen", url, NULL);
}

static void
a_c_client_counts(const char *scheme, const char *query)
{
	int64_t end = kit_now_ms() + 6 * KIT_WAIT_MS;
	char url[256];
	struct kit_proc *p;

	start(scheme, query);
	snprintf(url, sizeof(url), "%s", kit_url(game, 1));
	/* How bad the line is is the server's affair. */
	url[strcspn(url, "?")] = '\0';
	p = kit_start(
	    players_game("tally_client"), url, "--log", "error", NULL);
	if (kit_wait(p) != 0)
		kit_fail("%s", kit_said(p));
	kit_expect_log(p, "ok\n");
	/* It was told to end, and how; netd waits for one who may not know. */
	while (!kit_ended(game) && kit_now_ms() < end)
		kit_tick();
	assert_int_equal(kit_wait(game), 7);
}

static void
once_over_udp_with_5_percent_lost(void)
{
	a_c_client_counts("udp", SOME TWICE);
}

static void
once_over_udp_with_20_percent_lost(void)
{
	a_c_client_counts("udp", MUCH TWICE);
}

static void
once_over_a_stream_with_20_percent_lost(void)
{
	a_c_client_counts("ws", MUCH TWICE);
}

/* {CONN: {0: 1, 1: 1, ...}} */
static bool
each_is_one(const struct pg_player *p, const char *where)
{
	const struct ipc_value *map =
	    ipc_value_at(ipc_value_gets(p->state, where), 0);

	if (ipc_value_size(map) != EVENTS)
		return false;
	for (size_t i = 0; i < EVENTS; i++)
		if (ipc_value_as_int(ipc_value_at(map, i)) != 1)
			kit_fail("%s %zu is %lld", where, i,
			    (long long)ipc_value_as_int(ipc_value_at(map, i)));
	return true;
}

static void
a_pygase_client_counts(const char *query)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS, quiet;
	struct pg_player *p;

	start("pygase", query);
	p = pg_player_new(kit_url(game, 1), NULL);
	pg_player_enter(p);
	for (unsigned i = 0; i < EVENTS; i++)
		pg_player_say(p, "COUNT", i);
	pg_player_say(p, "SEND", EVENTS);
	while (!each_is_one(p, "up") || !each_is_one(p, "done") ||
	       p->acked < EVENTS + 1) {
		pg_player_run(p);
		if (kit_now_ms() > end)
			kit_fail("acked %u, heard %u", p->acked, p->heard);
		kit_tick();
	}
	/* Nothing comes twice. */
	for (quiet = kit_now_ms() + 1000; kit_now_ms() < quiet; kit_tick())
		pg_player_run(p);
	for (unsigned i = 0; i < EVENTS; i++)
		assert_int_equal(p->echoed[i], 1);
	assert_int_equal(p->heard, EVENTS);
	assert_true(each_is_one(p, "up") && each_is_one(p, "done"));
	assert_int_equal(p->fatal, 0);
}

static void
once_over_pygase_with_5_percent_lost(void)
{
	a_pygase_client_counts(SOME);
}

static void
once_over_pygase_with_20_percent_lost(void)
{
	a_pygase_client_counts(MUCH);
}

/* Until the page hears of this. */
static void
until_told(int page, const char *text)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	char *bytes, *copy = NULL;
	size_t len;

	do {
		free(copy);
		kit_ws_recv(page, &bytes, &len);
		copy = strndup(bytes, len);
		if (kit_now_ms() > end)
			kit_fail("not told of %s", text);
	} while (strstr(copy, text) == NULL);
	free(copy);
}

static void
one_that_is_late_has_failed_and_is_not_told_again(void)
{
	struct pg_player *p;
	int64_t quiet;
	int page;

	game = kit_game(players_game("tally"), "--listen",
	    "pygase://127.0.0.1:0", "--listen", "ws://127.0.0.1:0/", NULL);
	p = pg_player_new(kit_url(game, 1), NULL);
	pg_player_enter(p);
	page = kit_ws(kit_url(game, 2));
	pg_player_say(p, "HASTE", 1);
	pg_player_run(p);
	pg_player_speak(p);
	/* It says and takes nothing meanwhile. */
	until_told(page, "\"done\":{\"1\":{\"0\":1000}}");
	for (quiet = kit_now_ms() + 1000; kit_now_ms() < quiet; kit_tick())
		pg_player_run(p);
	assert_int_equal(p->echoed[0], 1);
	assert_int_equal(
	    ipc_value_as_int(ipc_value_at(
		ipc_value_at(ipc_value_gets(p->state, "done"), 0), 0)),
	    1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(once_over_udp_with_5_percent_lost),
		KIT_TEST(once_over_udp_with_20_percent_lost),
		KIT_TEST(once_over_a_stream_with_20_percent_lost),
		KIT_TEST(once_over_pygase_with_5_percent_lost),
		KIT_TEST(once_over_pygase_with_20_percent_lost),
		KIT_TEST(one_that_is_late_has_failed_and_is_not_told_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
