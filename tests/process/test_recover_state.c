/* links: tests/lib/kit*.c tests/lib/players.c tests/lib/deaths.c */
/*
 * What a game had before it died it has again: its clock, its dice, its
 * groups. A game that does not come out the same is told so, one that cannot
 * live ends aloud, and nothing of it is left when its launcher is killed.
 */
#include "tests/lib/deaths.h"

#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL "line://127.0.0.1:0"
#define MANY "restarts_max=1000000"
/* Nothing but the first: what is told apart here is the replay. */
#define ONE_CHECKPOINT "checkpoint_ms=3600000"

static struct kit_proc *launcher;

static void
start_ledger(void)
{
	launcher = kit_game(players_game("ledger"), "--listen", URL, "--limit",
	    MANY, "--limit", ONE_CHECKPOINT, NULL);
}

static void
die_and_recover(unsigned times)
{
	death_signal(launcher, SIGKILL);
	kit_expect_logs(launcher, " recovered ", times);
}

/* ---- time, dice, groups ---------------------------------------------------
 */

static void
ticks_go_on_without_a_gap(void)
{
	struct players *p;

	launcher = kit_game(players_game("ledger"), "--listen", URL, "--limit",
	    MANY, "--tick", "5", NULL);
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 20, 2, 50, 1);
	for (unsigned i = 0; i < 10; i++) {
		uint64_t enough = players_ticks(p) + 20 * 5;
		int64_t end = kit_now_ms() + KIT_WAIT_MS;

		players_talk_until(p, 200);
		death_signal(launcher, SIGKILL);
		/* players.c fails at a tick that is lost or doubled. */
		while (players_ticks(p) < enough) {
			if (kit_now_ms() > end)
				kit_fail("it ticks no more");
			players_talk(p, 5);
		}
	}
	players_settle(p);
	players_reconcile(p);
	assert_int_equal(kit_count_log(launcher, "replay_differs"), 0);
}

static void
a_timer_of_a_dead_game_fires_once(void)
{
	int fd;

	start_ledger();
	fd = kit_connect(kit_url(launcher, 1));
	kit_send(fd, "timer 7 300 0\nroll\n");
	assert_memory_equal(kit_line(fd), "roll ", 5);
	die_and_recover(1);
	kit_expect(fd, "timer 7\n");
	/* Now it lies in what is replayed, and must not be heard again. */
	die_and_recover(2);
	kit_expect_silence(fd, 400);
	kit_send(fd, "roll\n");
	assert_memory_equal(kit_line(fd), "roll ", 5);
}

static void
a_timer_that_was_stopped_by_a_newer_one_stays_so(void)
{
	int fd;

	start_ledger();
	fd = kit_connect(kit_url(launcher, 1));
	kit_send(fd, "timer 1 100 0\ntimer 1 400 0\nroll\n");
	assert_memory_equal(kit_line(fd), "roll ", 5);
	die_and_recover(1);
	kit_expect(fd, "timer 1\n");
	kit_expect_silence(fd, 200);
}

static void
groups_are_as_they_were(void)
{
	int a, b, c;

	start_ledger();
	a = kit_connect(kit_url(launcher, 1));
	b = kit_connect(kit_url(launcher, 1));
	c = kit_connect(kit_url(launcher, 1));
	kit_send(a, "join 5\n");
	kit_expect(a, "joined 5\n");
	kit_send(b, "join 5\n");
	kit_expect(b, "joined 5\n");
	die_and_recover(1);
	kit_send(c, "cast 5 hello\nroll\n");
	kit_expect(a, "cast hello\n");
	kit_expect(b, "cast hello\n");
	assert_memory_equal(kit_line(c), "roll ", 5);
}

static uint64_t
roll(int fd)
{
	uint64_t value;
	const char *line;

	kit_send(fd, "roll\n");
	line = kit_line(fd);
	if (sscanf(line, "roll %" SCNu64, &value) != 1)
		kit_fail("no roll: '%s'", line);
	return value;
}

/* The dice of a replay are those of the life before (or it would differ), and
 * go on from there. */
static void
dice_and_time_come_out_the_same_and_go_on(void)
{
	uint64_t seen[60];
	int fd;

	start_ledger();
	fd = kit_connect(kit_url(launcher, 1));
	for (unsigned i = 0; i < 60; i++) {
		seen[i] = roll(fd);
		for (unsigned k = 0; k < i; k++)
			assert_true(seen[k] != seen[i]);
		if (i % 10 == 9)
			die_and_recover(i / 10 + 1);
	}
	assert_int_equal(kit_count_log(launcher, "replay_differs"), 0);
}

/* ---- a game that does not come out the same -------------------------------
 */

/* The frame that is reported when these words are replayed. The first answer
 * comes behind READY, so what is said next lies behind the checkpoint that
 * READY leads to. */
static unsigned long
differing_frame(const char *words, unsigned answers)
{
	const char *said;
	unsigned long frame;
	int fd;

	start_ledger();
	fd = kit_connect(kit_url(launcher, 1));
	roll(fd);
	kit_send(fd, words);
	for (unsigned i = 0; i < answers; i++)
		kit_line(fd);
	die_and_recover(1);
	kit_expect_log(launcher, " replay_differs ");
	said = strstr(kit_said(launcher), " replay_differs ");
	if (sscanf(said, " replay_differs frame=%lu message=SEND conn=1",
		&frame) != 1)
		kit_fail("it says '%.80s'", said);
	/* Said once, and the player, who has his answers, plays on. */
	assert_int_equal(kit_count_log(launcher, " replay_differs "), 1);
	kit_send(fd, "roll\n");
	assert_memory_equal(kit_line(fd), "roll ", 5);
	return frame;
}

static void
a_replay_that_differs_is_reported_at_its_first_frame(void)
{
	unsigned long first = differing_frame("clock\nroll\nclock\n", 3);

	assert_int_equal(differing_frame("roll\nclock\n", 2), first + 1);
	assert_int_equal(
	    differing_frame("roll\nroll\nclock\nclock\n", 4), first + 2);
}

/* ---- poison ---------------------------------------------------------------
 */

static void
poison_costs_two_deaths_one_player_and_nobody_elses_input(void)
{
	struct players *p;
	int bad;
	char *all;

	start_ledger();
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 100, 8, 100, 5);
	bad = kit_connect(kit_url(launcher, 1));
	players_talk_until(p, 3000);
	kit_send(bad, "die abort\n");
	players_talk_until(p, 3000);
	players_settle(p);
	players_reconcile(p);
	all = kit_recv_all(bad, NULL);
	assert_non_null(strstr(all, "your message stopped the game twice"));
	assert_int_equal(kit_count_log(launcher, " game_died "), 2);
	assert_int_equal(kit_count_log(launcher, " poison "), 1);
	assert_int_equal(kit_count_log(launcher, "why=poison"), 1);
}

static void
a_web_socket_hears_of_its_poison_by_1011(void)
{
	char *bytes;
	size_t len;
	int fd;

	launcher = kit_game(players_game("ledger"), "--listen",
	    "ws://127.0.0.1:0/", "--limit", MANY, NULL);
	fd = kit_ws(kit_url(launcher, 1));
	kit_ws_send(fd, 1, "die segv", 8);
	assert_int_equal(kit_ws_recv(fd, &bytes, &len), 8);
	assert_true(len > 2);
	assert_int_equal((uint8_t)bytes[0] << 8 | (uint8_t)bytes[1], 1011);
	assert_int_equal(kit_count_log(launcher, " game_died "), 2);
}

/* ---- a game that cannot live ----------------------------------------------
 */

static void
an_error_before_any_player_means_it_did_not_start(void)
{
	launcher = kit_start(players_game("ledger"), "--listen", URL,
	    "--at-start", "exit", NULL);
	assert_int_equal(kit_wait(launcher), 3);
	assert_int_equal(kit_count_log(launcher, " game_died "), 1);
	assert_int_equal(kit_count_log(launcher, " cold_start "), 0);
}

static void
a_crash_loop_is_started_cold_and_then_given_up_aloud(void)
{
	const char *said, *cold, *given_up;
	int64_t began = kit_now_ms();

	launcher = kit_start(players_game("ledger"), "--listen", URL,
	    "--at-start", "abort", "--limit", "cold_max=2", NULL);
	assert_int_not_equal(kit_wait(launcher), 0);
	said = kit_said(launcher);
	/* Five restarts in 30 s are the limit: the sixth death is one too
	 * many, and so are those of both cold starts. */
	assert_int_equal(kit_count_log(launcher, " game_died "), 6 + 2);
	assert_int_equal(kit_count_log(launcher, " cold_start "), 2);
	assert_int_equal(kit_count_log(launcher, " given_up "), 1);
	cold = strstr(said, " cold_start ");
	given_up = strstr(said, " given_up ");
	assert_true(cold < given_up);
	assert_non_null(strstr(cold, "try=1 in_ms=1000"));
	assert_non_null(strstr(cold, "try=2 in_ms=2000"));
	assert_true(kit_now_ms() - began >= 3000);
}

static void
without_a_journal_a_death_is_the_end(void)
{
	int fd;

	launcher = kit_game(
	    players_game("ledger"), "--listen", URL, "--no-journal", NULL);
	fd = kit_connect(kit_url(launcher, 1));
	roll(fd);
	death_signal(launcher, SIGKILL);
	kit_recv_all(fd, NULL);
	assert_int_equal(kit_wait(launcher), 128 + SIGKILL);
}

/* ---- frozen copies --------------------------------------------------------
 */

/* 0 also of one that is dead and waits to be buried. */
static long
parent_of(long pid)
{
	char path[64], stat[512] = "";
	const char *after = NULL;
	long parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fgets(stat, sizeof(stat), f))
		after = strrchr(stat, ')');
	fclose(f);
	if (after == NULL || after[2] == 'Z' ||
	    sscanf(after, ") %*c %ld", &parent) != 1)
		return 0;
	return parent;
}

/* All that descend from pid, it not. */
static unsigned
family(pid_t pid, pid_t *out, unsigned max)
{
	DIR *d = opendir("/proc");
	unsigned n = 0;

	for (struct dirent *e; d && (e = readdir(d));) {
		long at = atol(e->d_name), up = at;

		while (up > 1 && up != pid)
			up = parent_of(up);
		if (up == pid && at != pid && n < max)
			out[n++] = (pid_t)at;
	}
	if (d)
		closedir(d);
	return n;
}

/* netd, the game, its copy, and two that are just coming or going. */
static unsigned
few(pid_t all[32])
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	unsigned n;

	while ((n = family(launcher->pid, all, 32)) > 5 || n < 3) {
		if (kit_now_ms() > end)
			kit_fail("%u processes under the launcher", n);
		kit_tick();
	}
	return n;
}

static void
nothing_outlives_the_launcher(unsigned deaths)
{
	pid_t all[32];
	unsigned n;
	int fd;

	start_ledger();
	fd = kit_connect(kit_url(launcher, 1));
	roll(fd);
	for (unsigned i = 0; i < deaths; i++) {
		die_and_recover(i + 1);
		roll(fd);
	}
	n = few(all);
	kit_kill(launcher);
	for (unsigned i = 0; i < n; i++)
		death_await(all[i]);
}

static void
no_copy_outlives_a_killed_launcher(void)
{
	nothing_outlives_the_launcher(0);
}

static void
no_copy_of_a_woken_game_outlives_a_killed_launcher(void)
{
	nothing_outlives_the_launcher(3);
}

static void
copies_do_not_gather(void)
{
	struct players *p;
	pid_t all[32];

	launcher = kit_game(players_game("ledger"), "--listen", URL, "--limit",
	    MANY, "--limit", "checkpoint_ms=100", "--limit",
	    "checkpoint_bytes=65536", NULL);
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 50, 8, 100, 6);
	for (unsigned i = 0; i < 5; i++) {
		players_talk_until(p, 10000);
		players_settle(p);
		few(all);
		death_signal(launcher, SIGKILL);
	}
	players_settle(p);
	players_reconcile(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(ticks_go_on_without_a_gap),
		KIT_TEST(a_timer_of_a_dead_game_fires_once),
		KIT_TEST(a_timer_that_was_stopped_by_a_newer_one_stays_so),
		KIT_TEST(groups_are_as_they_were),
		KIT_TEST(dice_and_time_come_out_the_same_and_go_on),
		KIT_TEST(a_replay_that_differs_is_reported_at_its_first_frame),
		KIT_TEST(
		    poison_costs_two_deaths_one_player_and_nobody_elses_input),
		KIT_TEST(a_web_socket_hears_of_its_poison_by_1011),
		KIT_TEST(an_error_before_any_player_means_it_did_not_start),
		KIT_TEST(a_crash_loop_is_started_cold_and_then_given_up_aloud),
		KIT_TEST(without_a_journal_a_death_is_the_end),
		KIT_TEST(no_copy_outlives_a_killed_launcher),
		KIT_TEST(no_copy_of_a_woken_game_outlives_a_killed_launcher),
		KIT_TEST(copies_do_not_gather),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
