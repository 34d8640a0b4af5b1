/* links: tests/lib/kit*.c tests/lib/players.c tests/lib/family.c */
/* links: tests/lib/deaths.c */
/*
 * A new program takes over from the running one, and players notice nothing
 * but a short pause; and if it cannot, the old one plays on. The same after a
 * death that only a cold start is left for.
 */
#include "tests/lib/deaths.h"
#include "tests/lib/family.h"
#include "tests/lib/kit.h"
#include "tests/lib/players.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define URL "line://127.0.0.1:0"

static struct kit_proc *launcher;

/* ---- the game --------------------------------------------------------------
 */

/* What the next program does when it starts; NULL: plays. */
static void
next_is(const char *mode)
{
	const char *file = kit_path("mode");
	FILE *f;

	if (mode == NULL) {
		unlink(file);
		return;
	}
	f = fopen(file, "w");
	if (f == NULL || fputs(mode, f) < 0 || fclose(f) < 0)
		kit_fail("%s: %s", file, strerror(errno));
}

static void
start(const char *limit)
{
	setenv("HEIR_MODE", kit_path("mode"), 1);
	launcher = kit_game(players_game("heir"), "--listen", URL, "--limit",
	    limit ? limit : "upgrade_ms=8000", NULL);
}

/* A game that can be replaced on disk; *file is where. */
static void
start_installed(const char **file)
{
	*file = kit_path("game");
	kit_install(players_game("heir"), *file);
	launcher = kit_game(*file, "--listen", URL, NULL);
}

static void
upgrade(void)
{
	kit_signal(launcher, SIGHUP);
}

/* Wait until text stands so often in the log, talking meanwhile. */
static void
talk_until_log(struct players *p, const char *text, unsigned times)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;

	while (kit_count_log(launcher, text) < times) {
		if (kit_now_ms() > end)
			kit_fail("no %u times '%s'", times, text);
		if (p)
			players_talk(p, 5);
		else
			kit_tick();
	}
}

static void
wait_log(const char *text, unsigned times)
{
	talk_until_log(NULL, text, times);
}

#define UPGRADED " upgraded "
#define FAILED " upgrade_failed "

static const char *
ask(int fd, const char *word)
{
	kit_send(fd, word);
	kit_send(fd, "\n");
	return kit_line(fd);
}

static void
expect(int fd, const char *word, const char *answer)
{
	const char *said = ask(fd, word);

	if (strcmp(said, answer) != 0)
		kit_fail("'%s' is answered '%s', not '%s'", word, said, answer);
}

/* Has the game seen this? Asked until it has. */
static void
expect_seen(int fd, const char *text)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	const char *said;

	while (!strstr(said = ask(fd, "seen"), text)) {
		if (kit_now_ms() > end)
			kit_fail("it has not seen '%s': '%s'", text, said);
		kit_expect_silence(fd, 10);
	}
}

static void
settle(struct players *p)
{
	players_talk_until(p, 500);
	players_settle(p);
	players_reconcile(p);
}

/* ---- upgrades that work ----------------------------------------------------
 */

static void
players_who_talk_all_the_time_lose_nothing(void)
{
	struct players *p;

	start(NULL);
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 50, 4, 100, 7);
	for (unsigned i = 1; i <= 4; i++) {
		players_talk_until(p, 2000);
		players_longest_us(p);
		upgrade();
		talk_until_log(p, UPGRADED, i);
		players_talk_until(p, 2000);
		printf("# upgrade %u: longest wait of 50 players %.1f ms\n", i,
		    (double)players_longest_us(p) / 1e3);
	}
	settle(p);
	assert_int_equal(kit_count_log(launcher, FAILED), 0);
	assert_int_equal(kit_count_log(launcher, "game_died"), 0);
	assert_int_equal(kit_count_log(launcher, " closed "), 0);
}

static void
tags_and_states_come_back(void)
{
	int one, two;

	start(NULL);
	one = kit_connect(kit_url(launcher, 1));
	expect(one, "who", "who 1 f ");
	expect(one, "tag the first", "done");
	upgrade();
	wait_log(UPGRADED, 1);
	expect(one, "who", "who 1 r the first");
	two = kit_connect(kit_url(launcher, 1));
	expect(two, "who", "who 1 f ");
	expect(two, "tag the second", "done");
	upgrade();
	wait_log(UPGRADED, 2);
	expect(one, "who", "who 1 r the first");
	expect(two, "who", "who 1 r the second");
}

static void
a_rebuilt_program_is_the_one_that_takes_over(void)
{
	const char *file;
	int fd;

	start_installed(&file);
	fd = kit_connect(kit_url(launcher, 1));
	expect(fd, "who", "who 1 f ");
	kit_install(players_game("heir2"), file);
	upgrade();
	wait_log(UPGRADED, 1);
	expect(fd, "who", "who 2 r ");
	kit_install(players_game("heir"), file);
	upgrade();
	wait_log(UPGRADED, 2);
	expect(fd, "who", "who 1 r ");
	/* A crash is no upgrade: it goes on as what it was. */
	kit_install(players_game("heir2"), file);
	death_signal(launcher, SIGKILL);
	wait_log(" recovered ", 1);
	expect(fd, "who", "who 1 r ");
}

/* One player who stays, one who leaves, one who comes, and one who does both;
 * the game that runs has read nothing of it. */
struct crowd {
	int stays, leaves, comes;
};

static void
crowd_before(struct crowd *c)
{
	const char *url = kit_url(launcher, 1);

	c->stays = kit_connect(url);
	expect(c->stays, "tag first", "done");
	c->leaves = kit_connect(url);
	expect(c->leaves, "tag second", "done");
}

static void
crowd_moves(struct crowd *c)
{
	const char *url = kit_url(launcher, 1);
	unsigned closed = kit_count_log(launcher, " closed ");
	int both;

	kit_send(c->leaves, "say so long\n");
	kit_close(c->leaves);
	c->comes = kit_connect(url);
	kit_send(c->comes, "say hello\n");
	both = kit_connect(url);
	kit_send(both, "say hi and bye\n");
	kit_close(both);
	kit_send(c->stays, "say still here\n");
	wait_log(" closed ", closed + 2);
}

/* What each of them said came, in order, and their ends. */
static void
crowd_was_seen(const struct crowd *c)
{
	const char *seen, *left, *both;

	expect_seen(c->stays, "s1:still here");
	expect_seen(c->stays, "c4");
	expect_seen(c->stays, "s3:hello");
	seen = ask(c->stays, "seen");
	left = strstr(seen, " s2:so long ");
	both = strstr(seen, " s4:hi and bye ");
	if (!left || !strstr(left, " c2") || !both || !strstr(both, " c4"))
		kit_fail("the game has seen '%s'", seen);
	if (strstr(left + 1, " s2:") || strstr(both + 1, " s4:") ||
	    strstr(strstr(seen, " s1:") + 1, " s1:") ||
	    strstr(strstr(seen, " s3:") + 1, " s3:"))
		kit_fail("it has seen something twice: '%s'", seen);
}

/* The old one is stopped, so that the new one does not begin yet. */
static void
who_comes_and_goes_before_the_new_program_begins(void)
{
	struct crowd c;
	pid_t old;

	start(NULL);
	crowd_before(&c);
	old = family_game(launcher, 0);
	kill(old, SIGSTOP);
	upgrade();
	wait_log(" upgrade ", 1);
	crowd_moves(&c);
	kill(old, SIGCONT);
	wait_log(UPGRADED, 1);
	crowd_was_seen(&c);
	expect(c.stays, "who", "who 1 r first");
	expect(c.comes, "who", "who 1 n ");
	expect_seen(c.stays, " g2 ");
	expect_seen(c.stays, " g4 ");
	assert_int_equal(kit_count_log(launcher, "game_died"), 0);
	/* The next one knows them all. */
	upgrade();
	wait_log(UPGRADED, 2);
	expect(c.comes, "who", "who 1 r ");
}

/* The new one is there and was told, but is not ready yet. */
static void
who_comes_and_goes_before_the_new_program_is_ready(void)
{
	struct crowd c;

	start(NULL);
	crowd_before(&c);
	next_is("wait-open");
	upgrade();
	wait_log(" game game=heir ", 2);
	crowd_moves(&c);
	next_is(NULL);
	wait_log(UPGRADED, 1);
	crowd_was_seen(&c);
	expect(c.stays, "who", "who 1 r first");
	expect(c.comes, "who", "who 1 n ");
	assert_int_equal(kit_count_log(launcher, "game_died"), 0);
	upgrade();
	wait_log(UPGRADED, 2);
	expect(c.comes, "who", "who 1 r ");
}

/* The same, and then it never is: the old one is told of all. */
static void
who_comes_and_goes_during_a_failed_upgrade(void)
{
	struct crowd c;
	pid_t old;

	start(NULL);
	crowd_before(&c);
	old = family_game(launcher, 0);
	next_is("late");
	upgrade();
	wait_log(" game game=heir ", 2);
	crowd_moves(&c);
	kill(family_game(launcher, old), SIGKILL);
	wait_log(FAILED, 1);
	crowd_was_seen(&c);
	expect(c.stays, "who", "who 1 f ");
	expect(c.comes, "who", "who 1 f ");
	next_is(NULL);
	upgrade();
	wait_log(UPGRADED, 1);
	expect(c.stays, "who", "who 1 r first");
	expect(c.comes, "who", "who 1 r ");
}

/* A tick that the new program asked for runs, and the old one's does not. */
static void
the_new_program_has_its_own_ticks(void)
{
	int fd;

	start(NULL);
	fd = kit_connect(kit_url(launcher, 1));
	expect(fd, "tick 1", "done");
	expect_seen(fd, " t");
	upgrade();
	wait_log(UPGRADED, 1);
	expect(fd, "who", "who 1 r ");
	assert_null(strstr(ask(fd, "seen"), " t"));
	expect(fd, "tick 1", "done");
	expect_seen(fd, " t");
}

static void
kill_right_after_an_upgrade_loses_nothing(void)
{
	struct players *p;

	start("restarts_max=1000");
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 20, 4, 50, 9);
	for (unsigned i = 1; i <= 10; i++) {
		pid_t old = family_game(launcher, 0), pid;

		players_talk_until(p, 100 + 37 * i);
		upgrade();
		talk_until_log(p, UPGRADED, i);
		pid = family_game(launcher, old);
		kill(pid, SIGKILL);
		talk_until_log(p, " recovered ", i);
	}
	settle(p);
	assert_int_equal(kit_count_log(launcher, "cold_start"), 0);
	assert_int_equal(kit_count_log(launcher, "replay_differs"), 0);
}

/* ---- upgrades that do not --------------------------------------------------
 */

/* The next program is bad in that way; nobody notices. */
static void
plays_on_when_next_is(const char *mode, const char *limit)
{
	struct players *p;
	int fd;

	start(limit);
	fd = kit_connect(kit_url(launcher, 1));
	expect(fd, "tag mine", "done");
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 20, 2, 50, 3);
	players_talk_until(p, 500);
	for (unsigned i = 1; i <= 2; i++) {
		next_is(mode);
		upgrade();
		talk_until_log(p, FAILED, i);
		settle(p);
	}
	/* It was asked for its snapshot, and is the process it was. */
	expect(fd, "who", "who 1 f ");
	expect_seen(fd, " u u");
	/* It still survives a death, and is not what started last. */
	next_is(NULL);
	death_signal(launcher, SIGKILL);
	talk_until_log(p, " recovered ", 1);
	settle(p);
	expect(fd, "who", "who 1 f ");
	assert_int_equal(kit_count_log(launcher, "cold_start"), 0);
	assert_int_equal(kit_count_log(launcher, "replay_differs"), 0);
	/* And a good one still takes over. */
	upgrade();
	talk_until_log(p, UPGRADED, 1);
	settle(p);
	expect(fd, "who", "who 1 r mine");
}

static void
one_that_crashes_at_once_changes_nothing(void)
{
	plays_on_when_next_is("crash", NULL);
}

static void
one_that_exits_changes_nothing(void)
{
	plays_on_when_next_is("exit", NULL);
}

static void
one_that_crashes_after_its_start_changes_nothing(void)
{
	plays_on_when_next_is("crash-open", NULL);
}

static void
one_that_exits_after_its_start_changes_nothing(void)
{
	plays_on_when_next_is("exit-open", NULL);
}

static void
one_that_dies_of_what_it_is_told_changes_nothing(void)
{
	plays_on_when_next_is("die-told", NULL);
}

static void
one_that_says_nothing_changes_nothing(void)
{
	plays_on_when_next_is("mute", "upgrade_ms=300");
}

static void
one_that_is_never_ready_changes_nothing(void)
{
	plays_on_when_next_is("late", "upgrade_ms=300");
}

static void
one_that_cannot_listen_changes_nothing(void)
{
	plays_on_when_next_is("listen", NULL);
}

static void
one_that_cannot_start_because_it_cannot_listen_changes_nothing(void)
{
	struct players *p;

	setenv("HEIR_MODE", kit_path("mode"), 1);
	launcher = kit_game(players_game("heir"), NULL);
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 5, 2, 50, 3);
	players_talk_until(p, 100);
	next_is("listen-open");
	upgrade();
	talk_until_log(p, FAILED, 1);
	next_is(NULL);
	death_signal(launcher, SIGKILL);
	talk_until_log(p, " recovered ", 1);
	settle(p);
}

static void
a_program_that_is_gone_changes_nothing(void)
{
	const char *file;
	int fd;

	start_installed(&file);
	fd = kit_connect(kit_url(launcher, 1));
	expect(fd, "who", "who 1 f ");
	unlink(file);
	upgrade();
	wait_log(FAILED, 1);
	expect(fd, "who", "who 1 f ");
	kit_install(players_game("heir2"), file);
	upgrade();
	wait_log(UPGRADED, 1);
	expect(fd, "who", "who 2 r ");
}

static void
no_copy_of_a_failed_program_stays(void)
{
	int fd;

	start(NULL);
	fd = kit_connect(kit_url(launcher, 1));
	expect(fd, "who", "who 1 f ");
	for (unsigned i = 1; i <= 3; i++) {
		next_is("die-told");
		upgrade();
		wait_log(FAILED, i);
	}
	next_is(NULL);
	/* netd, the game, its frozen copy, and nobody else. */
	family_expect(launcher, 3);
	upgrade();
	wait_log(UPGRADED, 1);
	expect(fd, "who", "who 1 r ");
	family_expect(launcher, 3);
}

static void
the_old_one_dies_during_the_upgrade(void)
{
	struct players *p;
	int fd;

	start(NULL);
	fd = kit_connect(kit_url(launcher, 1));
	expect(fd, "who", "who 1 f ");
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 20, 2, 50, 3);
	for (unsigned i = 1; i <= 3; i++) {
		pid_t old = family_game(launcher, 0);

		players_talk_until(p, 200);
		next_is("mute");
		upgrade();
		family_game(launcher, old);
		kill(old, SIGKILL);
		talk_until_log(p, FAILED, i);
		talk_until_log(p, " recovered ", i);
		next_is(NULL);
		settle(p);
	}
	expect(fd, "who", "who 1 f ");
	upgrade();
	talk_until_log(p, UPGRADED, 1);
	settle(p);
	expect(fd, "who", "who 1 r ");
}

/* ---- several at once -------------------------------------------------------
 */

static void
asked_twice_it_upgrades_once(void)
{
	int fd;
	pid_t old;

	start("upgrade_ms=2000");
	fd = kit_connect(kit_url(launcher, 1));
	expect(fd, "who", "who 1 f ");
	old = family_game(launcher, 0);
	next_is("mute");
	upgrade();
	wait_log(" upgrade ", 1);
	upgrade();
	wait_log("upgrade_refused", 1);
	/* The first one is still under way, and is not disturbed. */
	kill(family_game(launcher, old), SIGKILL);
	wait_log(FAILED, 1);
	next_is(NULL);
	upgrade();
	wait_log(UPGRADED, 1);
	expect(fd, "who", "who 1 r ");
}

static void
one_upgrade_after_the_other_without_a_break(void)
{
	struct players *p;

	start(NULL);
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 10, 2, 50, 5);
	for (unsigned i = 1; i <= 10; i++) {
		upgrade();
		talk_until_log(p, UPGRADED, i);
	}
	settle(p);
	family_expect(launcher, 3);
}

static void
a_stop_during_an_upgrade_is_a_stop(void)
{
	int fd;
	pid_t old;

	start(NULL);
	fd = kit_connect(kit_url(launcher, 1));
	expect(fd, "who", "who 1 f ");
	old = family_game(launcher, 0);
	next_is("mute");
	upgrade();
	family_game(launcher, old);
	kit_signal(launcher, SIGTERM);
	kit_recv_all(fd, NULL);
	assert_int_equal(kit_wait(launcher), 0);
}

/* ---- cold starts -----------------------------------------------------------
 */

/* Only a cold start is left: one restart is allowed and was had. */
static void
start_for_cold(void)
{
	setenv("HEIR_MODE", kit_path("mode"), 1);
	launcher = kit_game(players_game("heir"), "--listen", URL, "--limit",
	    "restarts_max=1", "--limit", "restarts_ms=1000000", NULL);
}

static void
skip_notice(int fd)
{
	kit_hear(fd, "hold on");
}

/* The game used up its one restart, and is stopped: it reads nothing of what
 * they do before it dies. */
static pid_t
crowd_waits_for_a_cold_start(struct crowd *c)
{
	pid_t game;

	start_for_cold();
	crowd_before(c);
	expect(c->stays, "save", "done");
	death_signal(launcher, SIGKILL);
	wait_log(" recovered ", 1);
	game = family_game(launcher, 0);
	kill(game, SIGSTOP);
	crowd_moves(c);
	return game;
}

static void
crowd_is_back(const struct crowd *c)
{
	skip_notice(c->stays);
	skip_notice(c->comes);
	crowd_was_seen(c);
	expect(c->stays, "who", "who 1 r first");
	expect(c->comes, "who", "who 1 n ");
	expect_seen(c->stays, " g2 ");
	expect_seen(c->stays, " g4 ");
}

static void
a_cold_start_gets_snapshot_tags_and_parked_input(void)
{
	struct crowd c;
	pid_t game = crowd_waits_for_a_cold_start(&c);

	kill(game, SIGKILL);
	wait_log(" cold_start ", 1);
	crowd_is_back(&c);
	assert_int_equal(kit_count_log(launcher, " game_died "), 2);
}

/* The first fresh game dies of nothing in particular before it was told: the
 * second finds everything as the first would have. */
static void
a_second_cold_start_is_told_what_the_first_was(void)
{
	struct crowd c;
	pid_t game = crowd_waits_for_a_cold_start(&c);

	next_is("die-told");
	kill(game, SIGKILL);
	wait_log(" game_died ", 3);
	next_is(NULL);
	wait_log(" cold_start ", 2);
	crowd_is_back(&c);
}

static void
a_cold_start_after_an_upgrade_has_the_snapshot(void)
{
	struct players *p;
	int fd;

	start_for_cold();
	fd = kit_connect(kit_url(launcher, 1));
	expect(fd, "tag mine", "done");
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 5, 2, 50, 5);
	players_talk_until(p, 100);
	players_settle(p);
	upgrade();
	wait_log(UPGRADED, 1);
	expect(fd, "who", "who 1 r mine");
	death_signal(launcher, SIGKILL);
	wait_log(" recovered ", 1);
	death_signal(launcher, SIGKILL);
	wait_log(" cold_start ", 1);
	skip_notice(fd);
	expect(fd, "who", "who 1 r mine");
}

static void
who_comes_while_the_game_is_dead_plays(void)
{
	const char *url;
	int one, two;

	start(NULL);
	url = kit_url(launcher, 1);
	one = kit_connect(url);
	expect(one, "who", "who 1 f ");
	/* Long enough for a person to connect: the launcher is stopped. */
	kit_signal(launcher, SIGSTOP);
	family_expect_end(death_signal(launcher, SIGKILL));
	kit_expect_silence(one, 20);
	two = kit_connect(url);
	kit_send(two, "who\n");
	kit_send(one, "who\n");
	kit_signal(launcher, SIGCONT);
	wait_log(" recovered ", 1);
	kit_expect(one, "who 1 f \n");
	kit_expect(two, "who 1 f \n");
}

/* It has taken over once it waits for anything at all. */
static void
a_new_game_may_connect_before_its_first_event(void)
{
	char url[64];
	int fd = kit_serve("line", url, sizeof(url)), player;

	launcher = kit_game(
	    players_game("fragile"), "--listen", URL, "--first", url, NULL);
	kit_send(kit_accept(fd), "go\n");
	player = kit_connect(kit_url(launcher, 1));
	assert_string_equal(ask(player, "one"), "one");
	upgrade();
	kit_send(kit_accept(fd), "go\n");
	wait_log(UPGRADED, 1);
	assert_string_equal(ask(player, "two"), "two");
	assert_int_equal(kit_count_log(launcher, FAILED), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(a_new_game_may_connect_before_its_first_event),
		KIT_TEST(players_who_talk_all_the_time_lose_nothing),
		KIT_TEST(tags_and_states_come_back),
		KIT_TEST(a_rebuilt_program_is_the_one_that_takes_over),
		KIT_TEST(who_comes_and_goes_before_the_new_program_begins),
		KIT_TEST(who_comes_and_goes_before_the_new_program_is_ready),
		KIT_TEST(who_comes_and_goes_during_a_failed_upgrade),
		KIT_TEST(the_new_program_has_its_own_ticks),
		KIT_TEST(kill_right_after_an_upgrade_loses_nothing),
		KIT_TEST(one_that_crashes_at_once_changes_nothing),
		KIT_TEST(one_that_exits_changes_nothing),
		KIT_TEST(one_that_crashes_after_its_start_changes_nothing),
		KIT_TEST(one_that_exits_after_its_start_changes_nothing),
		KIT_TEST(one_that_dies_of_what_it_is_told_changes_nothing),
		KIT_TEST(one_that_says_nothing_changes_nothing),
		KIT_TEST(one_that_is_never_ready_changes_nothing),
		KIT_TEST(one_that_cannot_listen_changes_nothing),
		KIT_TEST(
		    one_that_cannot_start_because_it_cannot_listen_changes_nothing),
		KIT_TEST(a_program_that_is_gone_changes_nothing),
		KIT_TEST(no_copy_of_a_failed_program_stays),
		KIT_TEST(the_old_one_dies_during_the_upgrade),
		KIT_TEST(asked_twice_it_upgrades_once),
		KIT_TEST(one_upgrade_after_the_other_without_a_break),
		KIT_TEST(a_stop_during_an_upgrade_is_a_stop),
		KIT_TEST(a_cold_start_gets_snapshot_tags_and_parked_input),
		KIT_TEST(a_second_cold_start_is_told_what_the_first_was),
		KIT_TEST(a_cold_start_after_an_upgrade_has_the_snapshot),
		KIT_TEST(who_comes_while_the_game_is_dead_plays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
