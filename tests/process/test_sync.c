/* links: tests/lib/kit*.c tests/lib/pg_player.c tests/lib/family.c */
/* links: tests/lib/players.c netd/pygase.c */
/*
 * The game sync for each kind of client at once: one state, one set of events,
 * whatever the line is like.
 */
#include "tests/lib/family.h"
#include "tests/lib/kit.h"
#include "tests/lib/pg_player.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kit_proc *game;

static void
start(const char *query)
{
	static const char *const schemes[] = { "ws", "tcp", "udp", "pygase" };
	char urls[4][128];

	for (int i = 0; i < 4; i++)
		snprintf(urls[i], sizeof(urls[i]), "%s://127.0.0.1:0%s%s",
		    schemes[i], i ? "" : "/", query);
	game = kit_game("sync", "--listen", urls[0], "--listen", urls[1],
	    "--listen", urls[2], "--listen", urls[3], NULL);
	kit_url(game, 4);
}

/* The program that checks, at listener n, for as long as it takes. */
static struct kit_proc *
client(unsigned n)
{
	char url[256], *query;

	snprintf(url, sizeof(url), "%s", kit_url(game, n));
	/* How bad the line is is the server's affair. */
	query = strchr(url, '?');
	if (query)
		*query = '\0';
	return kit_start("sync_client", url, "--log", "error", NULL);
}

static void
passes(struct kit_proc *p)
{
	if (kit_wait(p) != 0)
		kit_fail("%s", kit_said(p));
	assert_int_equal(kit_count_log(p, "ok "), 11);
}

static void
each_kind_of_c_client_agrees(void)
{
	start("");
	for (unsigned n = 1; n <= 3; n++)
		passes(client(n));
}

static void
c_clients_agree_over_a_bad_line(void)
{
	start("?delay=20ms&jitter=10ms&loss=5%&seed=7");
	for (unsigned n = 1; n <= 3; n++)
		passes(client(n));
}

static void
c_clients_do_not_notice_that_the_game_dies(void)
{
	struct kit_proc *p[3];
	pid_t pid = 0;

	start("");
	for (unsigned n = 1; n <= 3; n++)
		p[n - 1] = client(n);
	for (int i = 0; i < 3; i++) {
		pid = family_game(game, pid);
		kill(pid, SIGKILL);
		family_expect_end(pid);
	}
	for (unsigned n = 1; n <= 3; n++)
		passes(p[n - 1]);
}

static bool
has(const struct pg_player *p, const char *path)
{
	struct ipc_path at;

	return ipc_path_parse(path, &at) && ipc_value_find(p->state, &at);
}

static int
tick_of(const struct pg_player *p)
{
	return (int)ipc_value_as_int(ipc_value_gets(p->state, "tick"));
}

static void
a_pygase_client_has_the_same_state(void)
{
	struct pg_player *p;
	struct kit_proc *c;
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	int tick;

	start("");
	p = pg_player_new(kit_url(game, 4), NULL);
	pg_player_enter(p);
	while (
	    !has(p, "hello") || !has(p, "players") || !has(p, "game_status")) {
		pg_player_run(p);
		if (kit_now_ms() > end)
			kit_fail("no whole state");
		kit_tick();
	}
	c = client(2);
	for (unsigned n = 0; n < 20; n++)
		pg_player_say(p, "ECHO", n);
	tick = tick_of(p);
	while (p->acked < 20 || p->echoed[19] == 0 || tick_of(p) < tick + 20) {
		pg_player_run(p);
		if (kit_now_ms() > end)
			kit_fail("%u events are acked, the state is at %d",
			    p->acked, tick_of(p));
		kit_tick();
	}
	passes(c);
	assert_int_equal(p->fatal, 0);
}

static void
only_the_first_player_ends_it(void)
{
	struct kit_proc *first, *second;

	start("");
	first = kit_start(
	    "sync_client", kit_url(game, 2), "--log", "error", "--end", NULL);
	passes(first);
	assert_int_equal(kit_wait(game), 0);
	start("");
	passes(client(2));
	second = kit_start(
	    "sync_client", kit_url(game, 1), "--log", "error", "--end", NULL);
	passes(second);
	passes(client(2));
	assert_false(kit_ended(game));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(each_kind_of_c_client_agrees),
		KIT_TEST(c_clients_agree_over_a_bad_line),
		KIT_TEST(c_clients_do_not_notice_that_the_game_dies),
		KIT_TEST(a_pygase_client_has_the_same_state),
		KIT_TEST(only_the_first_player_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
