/* links: tests/lib/kit*.c tests/lib/players.c tests/lib/deaths.c */
/*
 * A game that says much has its pages lent to the pipe: whatever happens to it
 * meanwhile, every answer comes as it was said.
 */
#include "tests/lib/deaths.h"
#include "tests/lib/kit_game.h"
#include "tests/lib/players.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL "line://127.0.0.1:0"
#define MANY "restarts_max=1000000"
/* Short messages, so that what a full pipe holds of them is answered with
 * more than LEND_MIN. */
#define N 400
#define WINDOW 32
#define PADDING 16

static struct kit_proc *game;
static struct players *p;

static void
start(const char *a, const char *b)
{
	game = kit_game(players_game("ledger"), "--listen", URL, "--limit",
	    MANY, a, b, NULL);
	p = players_new(OF_LEDGER, kit_url(game, 1), N, WINDOW, PADDING, 1);
}

/* The last word: the games of this case have lent what they said. */
static void
ends_well(const char *url)
{
	unsigned long long times = 0;
	int fd = kit_connect(url);

	players_settle(p);
	players_reconcile(p);
	kit_send(fd, "lent\n");
	if (sscanf(kit_line(fd), "lent %llu", &times) != 1 || times == 0)
		kit_fail("nothing was lent");
	printf("# lent %llu times, %llu answers\n", times,
	    (unsigned long long)players_answers(p));
}

static void
dies_all_the_time(void)
{
	for (unsigned i = 1; i <= 6; i++) {
		players_talk_until(p, 10000);
		if (i % 2)
			death_await(death_signal(game, SIGKILL));
		else
			death_in_a_write(game, p);
		kit_expect_logs(game, "recovered", i);
	}
	players_talk_until(p, 20000);
	ends_well(kit_url(game, 1));
	assert_int_equal(kit_count_log(game, "replay_differs"), 0);
}

static void
deaths_change_nothing(void)
{
	start(NULL, NULL);
	dies_all_the_time();
}

static void
deaths_in_jail_change_nothing(void)
{
	start("--jail", NULL);
	dies_all_the_time();
}

static void
in_the_foreground_all_comes_as_it_was_said(void)
{
	start("--foreground", NULL);
	players_talk_until(p, 50000);
	ends_well(kit_url(game, 1));
}

static void
attached_all_comes_as_it_was_said(void)
{
	struct kit_proc *netd = kit_netd(NULL);

	game = kit_start(players_game("ledger"), "--attach", netd->dir,
	    "--listen", URL, NULL);
	p = players_new(OF_LEDGER, kit_url(netd, 1), N, WINDOW, PADDING, 2);
	players_talk_until(p, 50000);
	ends_well(kit_url(netd, 1));
}

/* What another netd is told is not what the dead one has left unread. */
static void
a_dead_netd_changes_nothing(void)
{
	start(NULL, NULL);
	for (unsigned i = 1; i <= 5; i++) {
		/* Those before are disconnected, which they would not bear. */
		p = players_new(
		    OF_LEDGER, kit_url(game, 1), N, WINDOW, PADDING, i);
		players_talk_until(p, 50000);
		kill(kit_child(game, "netd"), SIGKILL);
		kit_expect_logs(game, "netd_died", i);
		kit_expect_logs(game, " game game=ledger", i + 1);
	}
}

/* Both programs are there at once, and what the first lent comes first. */
static void
upgrades_change_nothing(void)
{
	const char *mode = kit_path("mode");
	FILE *f;

	setenv("HEIR_MODE", mode, 1);
	game = kit_game(players_game("heir"), "--listen", URL, "--limit",
	    "upgrade_ms=8000", NULL);
	p = players_new(OF_LEDGER, kit_url(game, 1), N, WINDOW, PADDING, 3);
	for (unsigned i = 1; i <= 4; i++) {
		const char *ends = i < 4 ? " upgraded " : " upgrade_failed ";
		int64_t end = kit_now_ms() + KIT_WAIT_MS;

		players_talk_until(p, 10000);
		if (i == 4) {
			f = fopen(mode, "we");
			if (f == NULL || fputs("crash", f) < 0 || fclose(f) < 0)
				kit_fail("%s", mode);
		}
		kit_signal(game, SIGHUP);
		while (kit_count_log(game, ends) < (i < 4 ? i : 1)) {
			if (kit_now_ms() > end)
				kit_fail("not %u times '%s'", i, ends);
			players_talk(p, 5);
		}
		players_talk_until(p, 10000);
	}
	players_settle(p);
	players_reconcile(p);
	assert_int_equal(kit_count_log(game, "game_died"), 0);
}

/* The game replays as it played, lending or not. */
static void
a_recording_replays_the_same(void)
{
	const char *file = kit_path("much.rec");
	struct kit_proc *replay;

	start("--record", file);
	players_talk_until(p, 50000);
	death_in_a_write(game, p);
	kit_expect_log(game, "recovered");
	players_talk_until(p, 50000);
	players_settle(p);
	players_reconcile(p);
	kit_signal(game, SIGTERM);
	assert_int_equal(kit_wait(game), 0);
	replay = kit_start(players_game("ledger"), "--replay", file, NULL);
	assert_int_equal(kit_wait(replay), 0);
	kit_expect_log(replay, "the replay is the same");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(deaths_change_nothing),
		KIT_TEST(deaths_in_jail_change_nothing),
		KIT_TEST(in_the_foreground_all_comes_as_it_was_said),
		KIT_TEST(attached_all_comes_as_it_was_said),
		KIT_TEST(a_dead_netd_changes_nothing),
		KIT_TEST(upgrades_change_nothing),
		KIT_TEST(a_recording_replays_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
