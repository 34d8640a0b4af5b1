/* links: tests/lib/kit*.c tests/lib/players.c tests/lib/family.c */
/*
 * Jobs: results arrive, whoever is killed; what cannot be done is said; a
 * replay needs no workers; the end leaves no process.
 */
#include "tests/lib/family.h"
#include "tests/lib/kit.h"
#include "tests/lib/players.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct kit_proc *p;
static int fd;

/* ---- helpers --------------------------------------------------------------
 */

static void
begin(const char *option, const char *value)
{
	p = kit_game(players_game("jobber"), option, value, NULL);
	fd = kit_connect(kit_url(p, 1));
}

static void
say(const char *format, const char *text)
{
	char line[600];

	snprintf(line, sizeof(line), format, text);
	kit_send(fd, line);
}

static void
expect_line(const char *text)
{
	char *line = kit_line(fd);

	if (strcmp(line, text) != 0)
		kit_fail("'%s', not '%s'", line, text);
}

/* The game's process, or another than that. */
static pid_t
game_after(pid_t before)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	char own[64];
	pid_t pid;

	/* Workers call themselves "hands". */
	snprintf(own, sizeof(own), "jobber");
	while ((pid = kit_child(p, own)) == before || pid == 0) {
		if (kit_now_ms() > end)
			kit_fail("no other game came");
		kit_tick();
	}
	return pid;
}

static void
left_nothing(void)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;

	for (;;) {
		while (waitpid(-p->pid, NULL, WNOHANG) > 0)
			continue;
		if (kill(-p->pid, 0) < 0 && errno == ESRCH)
			return;
		if (kit_now_ms() > end)
			kit_fail("something of %s still runs", p->name);
		kit_tick();
	}
}

static void
ends_well(void)
{
	kit_signal(p, SIGTERM);
	assert_int_equal(kit_wait(p), 0);
	left_nothing();
}

/* "N done tried T" for each of 1 to n, once; in any order. */
static void
expect_all(unsigned n, const char *what)
{
	bool *seen = calloc(n + 1, sizeof(*seen));
	char format[64];

	assert_non_null(seen);
	for (unsigned i = 0; i < n; i++) {
		unsigned number = 0;
		char *line = kit_line(fd);
		int at = 0;

		snprintf(format, sizeof(format), "%%u done %s%%n", what);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		sscanf(line, format, &number, &at);
#pragma GCC diagnostic pop
		if (at == 0 || number == 0 || number > n || seen[number])
			kit_fail("'%s' after %u", line, i);
		seen[number] = true;
	}
	free(seen);
	kit_expect_silence(fd, 200);
}

/* ---- cases ----------------------------------------------------------------
 */

static void
answers_come_back(void)
{
	begin("--hands", "3");
	say("%s\n", "echo hello");
	expect_line("1 done hello");
	say("%s\n", "note two");
	expect_line("2 note one");
	expect_line("2 note two");
	expect_line("2 done noted");
	say("%s\n", "bad");
	expect_line("3 the worker cannot do it I will not");
	say("%s\n", "nobody");
	expect_line("4 not valid here there are no workers of that name");
	say("%s\n", "big 900000");
	expect_line("5 done 900000 bytes");
	say("%s\n", "big 2000000");
	expect_line("6 the worker cannot do it the worker gave no answer");
	say("%s\n", "mute");
	expect_line("7 the worker cannot do it the worker gave no answer");
	say("%s\n", "echo");
	expect_line("8 done echo");
	ends_well();
}

static void
one_worker_works_in_order(void)
{
	begin("--hands", "1");
	say("%s\n", "many 500 echo it");
	for (unsigned i = 1; i <= 500; i++) {
		char text[64];

		snprintf(text, sizeof(text), "%u done it", i);
		expect_line(text);
	}
	ends_well();
}

static void
what_its_worker_died_of_is_tried_again(void)
{
	char text[300];

	begin("--hands", "1");
	say("once %s\n", kit_path("died"));
	snprintf(text, sizeof(text), "1 done once %s", kit_path("died"));
	expect_line(text);
	kit_expect_log(p, "worker_died workers=hands");
	say("hangonce %s\n", kit_path("hung"));
	snprintf(text, sizeof(text), "2 done hangonce %s", kit_path("hung"));
	expect_line(text);
	kit_expect_log(p, "it took over 1000 ms");
	ends_well();
}

static void
what_kills_every_worker_is_said(void)
{
	begin("--hands", "2");
	say("%s\n", "die");
	say("%s\n", "hang");
	say("%s\n", "echo between");
	expect_line("1 the worker died of it it died");
	expect_line("3 done between");
	expect_line("2 timed out it took over 1000 ms");
	assert_int_equal(kit_count_log(p, "why=\"it died\" job=1"), 3);
	assert_int_equal(kit_count_log(p, "why=\"it took over"), 3);
	say("%s\n", "echo after");
	expect_line("4 done after");
	ends_well();
}

static void
a_game_that_is_killed_has_each_answer_once(void)
{
	pid_t game;
	size_t lines = 0;
	char *text, buf[4096];
	int file;

	begin("--hands", "3");
	game = game_after(0);
	for (unsigned round = 0; round < 3; round++) {
		say("many 100 slow 5 from %s\n", "here");
		kill(game, SIGKILL);
		game = game_after(game);
	}
	expect_all(300, "from here");
	/* What is done outside is done once too, unless a worker dies. */
	snprintf(buf, sizeof(buf), "many 100 count %s\n", kit_path("count"));
	kit_send(fd, buf);
	kill(game, SIGKILL);
	for (unsigned i = 301; i <= 400; i++)
		kit_line(fd);
	file = open(kit_path("count"), O_RDONLY);
	assert_true(file >= 0);
	for (text = buf; read(file, text, 1) == 1;)
		lines += *text == '\n';
	close(file);
	assert_int_equal(lines, 100);
	assert_int_equal(kit_count_log(p, "replay=differs"), 0);
	ends_well();
}

static void
workers_that_are_killed_lose_no_job(void)
{
	begin("--job-ms", "5000");
	say("%s\n", "many 60 slow 20 x");
	for (unsigned i = 0; i < 5; i++) {
		pid_t hand = kit_child(p, "hands");

		kill(hand, SIGKILL);
		kit_line(fd);
	}
	for (unsigned i = 5; i < 60; i++)
		kit_line(fd);
	kit_expect_silence(fd, 200);
	ends_well();
}

static void
netd_dies_and_jobs_are_begun_again(void)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	char *line;

	begin("--job-ms", "5000");
	say("%s\n", "many 50 slow 50 again");
	kit_line(fd);
	kill(kit_child(p, "netd"), SIGKILL);
	kit_close(fd);
	/* The game's account of them is the next one's. */
	fd = kit_connect(kit_url(p, 1));
	say("%s\n", "echo fresh");
	expect_line("51 done fresh");
	do {
		kit_tick();
		say("%s\n", "score");
		line = kit_line(fd);
	} while (strcmp(line, "score 51 of 51") != 0 && kit_now_ms() < end);
	if (strcmp(line, "score 51 of 51") != 0)
		kit_fail("'%s'", line);
	ends_well();
}

static unsigned
score(void)
{
	int own = kit_connect(kit_url(p, 1));
	unsigned n = 0;
	char *line;

	kit_send(own, "score\n");
	line = kit_line(own);
	if (strncmp(line, "The game is being restarted", 27) == 0)
		line = kit_line(own);
	if (sscanf(line, "score %u of", &n) != 1)
		kit_fail("no score: '%s'", line);
	kit_close(own);
	return n;
}

/* One of the three at a time, in an order of dice, while jobs are out. */
static void
whoever_dies_every_job_has_one_end(void)
{
	int64_t end;
	unsigned asked = 0, n = 0, seed = 7;

	p = kit_game(players_game("jobber"), "--job-ms", "20000", "--limit",
	    "restarts_max=1000000", NULL);
	for (int round = 0; round < 24; round++) {
		static const char *const who[] = { "netd", "hands", "jobber" };
		unsigned dice = (seed = seed * 1103515245 + 12345) >> 16;
		pid_t pid;

		fd = kit_connect(kit_url(p, 1));
		say("%s\n", "many 100 slow 1 x");
		kit_send(fd, "score\n");
		asked += 100;
		while (strncmp(kit_line(fd), "score", 5) != 0)
			continue;
		pid =
		    dice % 3 == 2 ? game_after(0) : kit_child(p, who[dice % 3]);
		kill(pid, SIGKILL);
		kit_close(fd);
		/* It is over that death before the next one. */
		if (dice % 3 == 2)
			game_after(pid);
		score();
	}
	for (end = kit_now_ms() + 3 * KIT_WAIT_MS;
	     n != asked && kit_now_ms() < end; kit_tick())
		n = score();
	assert_int_equal(n, asked);
	kit_tick();
	assert_int_equal(score(), asked);
	assert_int_equal(kit_count_log(p, "replay=differs"), 0);
	ends_well();
}

static void
a_replay_needs_no_workers(void)
{
	struct kit_proc *again;
	char rec[300];

	snprintf(rec, sizeof(rec), "%s", kit_path("jobs.rec"));
	begin("--record", rec);
	say("%s\n", "many 40 echo x");
	say("%s\n", "die");
	say("%s\n", "bad");
	for (unsigned i = 0; i < 42; i++)
		kit_line(fd);
	ends_well();
	again = kit_start(players_game("jobber"), "--replay", rec, NULL);
	assert_int_equal(kit_wait(again), 0);
	assert_null(strstr(kit_said(again), "worker"));
}

static void
without_a_launcher(void)
{
	struct kit_proc *netd;

	p = kit_game(players_game("jobber"), "--foreground", NULL);
	fd = kit_connect(kit_url(p, 1));
	say("%s\n", "echo hello");
	expect_line("1 done hello");
	say("%s\n", "die");
	expect_line("2 the worker died of it it died");
	say("%s\n", "hang");
	expect_line("3 timed out it took over 1000 ms");
	ends_well();

	netd = kit_netd(NULL);
	p = kit_start(players_game("jobber"), "--attach", netd->dir, NULL);
	fd = kit_connect(kit_url(netd, 1));
	say("%s\n", "echo attached");
	expect_line("1 done attached");
	say("%s\n", "die");
	expect_line("2 the worker died of it it died");
	ends_well();
	assert_int_equal(kit_wait(netd), 0);
}

static void
sessions_wait_for_jobs(void)
{
	int other;

	p = kit_game(players_game("jobber"), "--sessions", NULL);
	fd = kit_connect(kit_url(p, 1));
	other = kit_connect(kit_url(p, 1));
	say("%s\n", "wait slow 300 done");
	kit_send(other, "wait echo meanwhile\n");
	kit_expect(other, "answer meanwhile\n");
	expect_line("answer done");
	say("%s\n", "wait note x");
	expect_line("answer noted");
	say("%s\n", "wait bad");
	expect_line("error the worker cannot do it: I will not");
	say("%s\n", "either note x");
	expect_line("news one");
	expect_line("news x");
	expect_line("first the job: 0 noted");
	say("%s\n", "either slow 800 late");
	say("%s\n", "me");
	expect_line("first a line: me");
	/* Who leaves while it waits takes its job along. */
	kit_send(other, "wait slow 200 nobody\n");
	kit_close(other);
	say("%s\n", "wait echo still");
	expect_line("answer still");
	ends_well();
}

static void
the_end_waits_for_no_hang(void)
{
	int64_t from;

	begin("--job-ms", "0");
	say("%s\n", "many 5 hang");
	say("%s\n", "echo last");
	from = kit_now_ms();
	ends_well();
	if (kit_now_ms() - from > 7000)
		kit_fail("the end took %d ms", (int)(kit_now_ms() - from));
}

static void
whoever_is_killed_nobody_stays(void)
{
	begin("--job-ms", "100000");
	say("%s\n", "many 5 hang");
	say("%s\n", "cancel 99");
	expect_line("cancel -16");
	kit_kill(p);
	left_nothing();
	/* Without a launcher the game is the first of them. */
	p = kit_game(
	    players_game("jobber"), "--foreground", "--job-ms", "100000", NULL);
	fd = kit_connect(kit_url(p, 1));
	say("%s\n", "many 5 hang");
	say("%s\n", "cancel 99");
	expect_line("cancel -16");
	kit_kill(p);
	left_nothing();
}

static void
an_upgrade_has_new_workers(void)
{
	pid_t hand;

	begin("--hands", "1");
	say("%s\n", "echo old");
	expect_line("1 done old");
	hand = kit_child(p, "hands");
	kit_signal(p, SIGHUP);
	kit_expect_log(p, " upgraded ");
	family_expect_end(hand);
	say("%s\n", "echo new");
	expect_line("1 done new");
	assert_true(kit_child(p, "hands") != hand);
	assert_int_equal(kit_count_log(p, "worker_lost"), 0);
	ends_well();
}

static void
what_was_said_before_the_end_is_done(void)
{
	char buf[400], c, *line;
	size_t lines = 0;
	int file;

	begin("--hands", "1");
	/* What the worker has done by then is told before. */
	snprintf(buf, sizeof(buf), "many 200 count %s\ncancel 999\n",
	    kit_path("count"));
	kit_send(fd, buf);
	do
		line = kit_line(fd);
	while (strstr(line, " done "));
	assert_string_equal(line, "cancel -16");
	ends_well();
	file = open(kit_path("count"), O_RDONLY);
	assert_true(file >= 0);
	while (read(file, &c, 1) == 1)
		lines += c == '\n';
	close(file);
	assert_int_equal(lines, 200);
}

static void
too_many_fail_at_once_and_the_rest_are_done(void)
{
	unsigned good = 0, bad = 0;

	p = kit_game(players_game("jobber"), "--limit", "jobs_max=50", NULL);
	fd = kit_connect(kit_url(p, 1));
	say("%s\n", "many 300 slow 1 x");
	for (unsigned i = 0; i < 300; i++) {
		char *line = kit_line(fd);

		good += strstr(line, " done x") != NULL;
		bad += strstr(line, "limit jobs_max") != NULL;
	}
	assert_int_equal(good + bad, 300);
	assert_true(good >= 50 && bad > 0);
	ends_well();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(answers_come_back),
		KIT_TEST(one_worker_works_in_order),
		KIT_TEST(what_its_worker_died_of_is_tried_again),
		KIT_TEST(what_kills_every_worker_is_said),
		KIT_TEST(a_game_that_is_killed_has_each_answer_once),
		KIT_TEST(workers_that_are_killed_lose_no_job),
		KIT_TEST(netd_dies_and_jobs_are_begun_again),
		KIT_TEST(whoever_dies_every_job_has_one_end),
		KIT_TEST(a_replay_needs_no_workers),
		KIT_TEST(without_a_launcher),
		KIT_TEST(sessions_wait_for_jobs),
		KIT_TEST(the_end_waits_for_no_hang),
		KIT_TEST(whoever_is_killed_nobody_stays),
		KIT_TEST(an_upgrade_has_new_workers),
		KIT_TEST(what_was_said_before_the_end_is_done),
		KIT_TEST(too_many_fail_at_once_and_the_rest_are_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
