/* links: tests/lib/kit*.c tests/lib/family.c tests/lib/players.c */
/*
 * A game that hangs is ended and goes on without its players noticing more
 * than a pause; one that somebody stopped or looks into is left alone.
 */
#include "tests/lib/family.h"
#include "tests/lib/kit.h"
#include "tests/lib/players.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define URL "line://127.0.0.1:0"
#define LIMIT_MS 400
#define LIMIT "hang_ms=400"
/* Of promise 4; another look at it is due after a quarter of a second. */
#define LATE_MS 250
/* What a busy machine adds; figures of a quiet one are printed. */
#define SLACK_MS 1500

static struct kit_proc *launcher;
static int one, two;

static const char *
file_named(const char *name)
{
	const char *path = kit_path(name);
	FILE *f = fopen(path, "w");

	if (f == NULL || fclose(f) < 0)
		kit_fail("%s: %s", path, strerror(errno));
	return path;
}

/* The game, and two who play it. */
static void
start(void)
{
	launcher = kit_game(players_game("heir"), "--listen", URL, "--limit",
	    LIMIT, "--limit", "restarts_max=100", NULL);
	one = kit_connect(kit_url(launcher, 1));
	two = kit_connect(kit_url(launcher, 1));
	kit_send(two, "who\n");
	kit_expect(two, "who 1 f \n");
}

static void
say(int fd, const char *word, const char *rest)
{
	kit_send(fd, word);
	kit_send(fd, rest);
	kit_send(fd, "\n");
}

/* ---- hung ------------------------------------------------------------------
 */

static void
is_replaced_when_it(const char *word)
{
	int64_t before, took;
	const char *said;

	start();
	before = kit_now_ms();
	say(one, word, file_named("hang"));
	kit_send(two, "who\n");
	kit_expect(one, "done\n");
	took = kit_now_ms() - before;
	kit_expect(two, "who 1 f \n");
	printf("# %s: replaced after %lld ms with a limit of %d\n", word,
	    (long long)took, LIMIT_MS);
	if (took < LIMIT_MS || took > LIMIT_MS + LATE_MS + SLACK_MS)
		kit_fail("it took %lld ms", (long long)took);
	/* Before that somebody was warned. */
	kit_expect_logs(launcher, " game_slow ", 1);
	kit_expect_logs(launcher, "hung for ", 1);
	assert_int_equal(kit_count_log(launcher, " game_died "), 1);
	said = kit_said(launcher);
	assert_true(strstr(said, " game_slow ") < strstr(said, " game_died "));
	assert_int_equal(kit_count_log(launcher, "poison"), 0);
}

static void
a_game_in_a_busy_loop_is_replaced(void)
{
	is_replaced_when_it("spin-once ");
}

static void
a_game_that_waits_for_ever_is_replaced(void)
{
	is_replaced_when_it("block-once ");
}

static void
a_message_that_hangs_it_twice_is_poison(void)
{
	start();
	say(one, "spin", "");
	kit_send(two, "who\n");
	/* The one who said it is closed with a reason, the other plays on. */
	kit_recv_all(one, NULL);
	kit_expect(two, "who 1 f \n");
	kit_expect_logs(launcher, " poison conn=1 ", 1);
	assert_int_equal(kit_count_log(launcher, " game_died "), 2);
	assert_int_equal(kit_count_log(launcher, " why=poison "), 1);
	kit_send(two, "who\n");
	kit_expect(two, "who 1 f \n");
}

static void
a_crowd_loses_nothing_to_a_hang(void)
{
	struct players *p;

	start();
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 30, 4, 50, 11);
	for (unsigned i = 1; i <= 2; i++) {
		players_talk_until(p, 300);
		say(one, i == 1 ? "spin-once " : "block-once ",
		    file_named("hang"));
		while (kit_count_log(launcher, " recovered ") < i)
			players_talk(p, 5);
		kit_expect(one, "done\n");
	}
	players_settle(p);
	players_reconcile(p);
	assert_int_equal(kit_count_log(launcher, " closed "), 0);
}

static void
a_game_that_an_upgrade_started_is_watched_too(void)
{
	start();
	kit_signal(launcher, SIGHUP);
	kit_expect_logs(launcher, " upgraded ", 1);
	say(one, "spin-once ", file_named("hang"));
	kit_expect(one, "done\n");
	kit_expect_logs(launcher, "hung for ", 1);
}

/* ---- not hung --------------------------------------------------------------
 */

/* Longer than a hang is let be, with input waiting all the time. */
static void
look_on(void)
{
	int64_t end = kit_now_ms() + 4 * LIMIT_MS;

	kit_send(two, "who\n");
	while (kit_now_ms() < end)
		kit_tick();
}

static void
nothing_happened(void)
{
	kit_expect(two, "who 1 f \n");
	assert_int_equal(kit_count_log(launcher, " game_died "), 0);
}

static void
a_stopped_game_is_left_alone(void)
{
	pid_t game;

	start();
	game = family_game(launcher, 0);
	kill(game, SIGSTOP);
	look_on();
	kill(game, SIGCONT);
	nothing_happened();
}

static void
a_game_that_is_traced_is_left_alone(void)
{
	pid_t game;
	int status;

	start();
	game = family_game(launcher, 0);
	if (ptrace(PTRACE_SEIZE, game, NULL, NULL) < 0 && errno == EPERM) {
		skip(); /* this machine forbids it */
		return;
	}
	/* Running under the tracer's eyes, and hanging: not our business. */
	say(one, "block-once ", file_named("hang"));
	look_on();
	assert_int_equal(kit_count_log(launcher, " game_died "), 0);
	/* Halted by it, as at a breakpoint. */
	assert_int_equal(ptrace(PTRACE_INTERRUPT, game, NULL, NULL), 0);
	assert_int_equal(waitpid(game, &status, __WALL), game);
	look_on();
	assert_int_equal(kit_count_log(launcher, " game_died "), 0);
	assert_int_equal(ptrace(PTRACE_DETACH, game, NULL, NULL), 0);
	/* Nobody looks any more: now it is a hang. */
	kit_expect(one, "done\n");
	kit_expect_logs(launcher, "hung for ", 1);
	assert_int_equal(kit_count_log(launcher, " game_died "), 1);
}

static void
a_game_with_nothing_to_do_is_left_alone(void)
{
	start();
	for (int64_t end = kit_now_ms() + 3 * LIMIT_MS; kit_now_ms() < end;)
		kit_tick();
	kit_send(two, "who\n");
	nothing_happened();
	assert_int_equal(kit_count_log(launcher, " game_slow "), 0);
}

/* It was netd that did not look, not the game that did not move. */
static void
a_netd_that_stood_still_blames_nobody(void)
{
	struct players *p;
	pid_t netd;

	start();
	netd = kit_child(launcher, "netd");
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 30, 8, 50, 12);
	for (unsigned i = 0; i < 5; i++) {
		int64_t end;

		players_talk_until(p, 500 + 77 * i);
		kill(netd, SIGSTOP);
		end = kit_now_ms() + 2 * LIMIT_MS;
		while (kit_now_ms() < end)
			kit_tick();
		kill(netd, SIGCONT);
	}
	players_settle(p);
	players_reconcile(p);
	kit_send(two, "who\n");
	nothing_happened();
	assert_int_equal(kit_count_log(launcher, "game_slow"), 0);
}

/* The same for the launcher: it is asked to end a game that has moved on. */
static void
a_launcher_that_stood_still_ends_no_healthy_game(void)
{
	start();
	kit_signal(launcher, SIGSTOP);
	say(one, "block-once ", file_named("hang"));
	for (int64_t end = kit_now_ms() + 3 * LIMIT_MS; kit_now_ms() < end;)
		kit_tick();
	kit_signal(launcher, SIGCONT);
	kit_expect(one, "done\n");
	/* However often netd asked meanwhile, it died of that once. */
	kit_send(two, "who\n");
	kit_expect(two, "who 1 f \n");
	for (int64_t end = kit_now_ms() + LIMIT_MS; kit_now_ms() < end;)
		kit_tick();
	assert_int_equal(kit_count_log(launcher, " game_died "), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(a_game_in_a_busy_loop_is_replaced),
		KIT_TEST(a_game_that_waits_for_ever_is_replaced),
		KIT_TEST(a_message_that_hangs_it_twice_is_poison),
		KIT_TEST(a_crowd_loses_nothing_to_a_hang),
		KIT_TEST(a_game_that_an_upgrade_started_is_watched_too),
		KIT_TEST(a_stopped_game_is_left_alone),
		KIT_TEST(a_game_that_is_traced_is_left_alone),
		KIT_TEST(a_game_with_nothing_to_do_is_left_alone),
		KIT_TEST(a_netd_that_stood_still_blames_nobody),
		KIT_TEST(a_launcher_that_stood_still_ends_no_healthy_game),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
