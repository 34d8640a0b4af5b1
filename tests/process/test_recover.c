/* links: tests/lib/kit*.c tests/lib/players.c tests/lib/deaths.c */
/*
 * The game dies, however and whenever: nobody is disconnected, and no message
 * is lost, doubled, reordered or given to another.
 */
#include "tests/lib/deaths.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define URL "line://127.0.0.1:0"
#define MANY "restarts_max=1000000"

static struct kit_proc *launcher;

static void
start_ledger(void)
{
	launcher = kit_game(
	    players_game("ledger"), "--listen", URL, "--limit", MANY, NULL);
}

static void
plays_on_after(int signal, const char *how)
{
	struct players *p;

	start_ledger();
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 50, 4, 100, 1);
	for (unsigned i = 1; i <= 5; i++) {
		players_talk_until(p, 2000);
		death_signal(launcher, signal);
		players_talk_until(p, 2000);
		players_settle(p);
		players_reconcile(p);
		if (kit_count_log(launcher, "recovered") != i)
			kit_fail("not recovered %u times", i);
	}
	kit_expect_log(launcher, how);
	assert_int_equal(kit_count_log(launcher, "replay_differs"), 0);
}

static void
sigkill_under_load_loses_nothing(void)
{
	plays_on_after(SIGKILL, "killed (signal 9)");
}

static void
a_segmentation_fault_under_load_loses_nothing(void)
{
	plays_on_after(SIGSEGV, "segmentation fault (signal 11)");
}

static void
abort_under_load_loses_nothing(void)
{
	plays_on_after(SIGABRT, "aborted (signal 6)");
}

static void
an_exit_with_an_error_under_load_loses_nothing(void)
{
	plays_on_after(SIGUSR1, "exit status 3");
}

static void
a_game_out_of_memory_under_load_loses_nothing(void)
{
	plays_on_after(SIGUSR2, "aborted (signal 6)");
	kit_expect_log(launcher, "ledger: out of memory");
}

static void
a_kill_in_the_middle_of_a_write_with_full_pipes_loses_nothing(void)
{
	struct players *p;

	start_ledger();
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 400, 32, 200, 2);
	for (unsigned i = 1; i <= 5; i++) {
		players_talk_until(p, 2000);
		death_in_a_write(launcher, p);
		players_talk_until(p, 2000);
		players_settle(p);
		players_reconcile(p);
		if (kit_count_log(launcher, "recovered") != i)
			kit_fail("not recovered %u times", i);
	}
	assert_int_equal(kit_count_log(launcher, "replay_differs"), 0);
}

/* Nobody's message did it, so nobody is taken for poison, however often a game
 * dies while it is catching up. */
static void
deaths_in_quick_succession_cost_no_player(void)
{
	struct players *p;

	start_ledger();
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 200, 16, 100, 4);
	players_talk_until(p, 2000);
	for (unsigned i = 0; i < 100; i++) {
		players_talk(p, (int)(i % 4));
		death_await(death_signal(launcher, SIGKILL));
	}
	players_settle(p);
	players_reconcile(p);
	/* A few hit a copy that has not let go of its pipes yet. */
	assert_in_range(kit_count_log(launcher, " game_died "), 90, 100);
	assert_int_equal(kit_count_log(launcher, " cold_start "), 0);
	assert_int_equal(kit_count_log(launcher, " poison "), 0);
	assert_int_equal(kit_count_log(launcher, "replay_differs"), 0);
}

/* A busy machine lets the copy stand before it has let go of the game's pipes:
 * until then the one before it counts, whatever becomes of this one. */
static void
a_copy_that_is_not_ready_may_die_with_its_game(void)
{
	struct players *p;
	pid_t copy;

	death_prepare_copy();
	start_ledger();
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 20, 4, 100, 5);
	players_talk_until(p, 2000);
	copy = death_slow_copy(launcher, p);
	players_talk(p, 50);
	death_await(death_signal(launcher, SIGKILL));
	kill(copy, SIGKILL);
	players_talk_until(p, 200);
	players_settle(p);
	players_reconcile(p);
	kit_expect_logs(launcher, " recovered ", 1);
	assert_int_equal(kit_count_log(launcher, " cold_start "), 0);
	assert_int_equal(kit_count_log(launcher, "replay_differs"), 0);
}

/* It is not waited for for ever, nor left behind. */
static void
a_copy_that_never_gets_ready_is_given_up(void)
{
	struct players *p;
	pid_t copy;

	death_prepare_copy();
	start_ledger();
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 20, 4, 100, 6);
	players_talk_until(p, 2000);
	copy = death_slow_copy(launcher, p);
	players_talk_until(p, 2000);
	kit_expect_logs(launcher, " checkpoint_failed ", 1);
	kill(copy, SIGCONT);
	death_await(copy);
	death_await(death_signal(launcher, SIGKILL));
	players_talk_until(p, 200);
	players_settle(p);
	players_reconcile(p);
	kit_expect_logs(launcher, " recovered ", 1);
	assert_int_equal(kit_count_log(launcher, " cold_start "), 0);
}

/* As the system does it that runs out of memory: there is another soon. */
static void
a_copy_that_somebody_ends_is_made_again(void)
{
	struct players *p;

	start_ledger();
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 20, 4, 100, 7);
	players_talk_until(p, 200);
	players_settle(p);
	kill(death_of_copies(launcher), SIGCONT);
	kit_expect_log(launcher, " checkpoint_lost ");
	death_copy(launcher);
	players_talk_until(p, 200);
	death_await(death_signal(launcher, SIGKILL));
	players_talk_until(p, 200);
	players_settle(p);
	players_reconcile(p);
	kit_expect_logs(launcher, " recovered ", 1);
	assert_int_equal(kit_count_log(launcher, " cold_start "), 0);
}

/* Longer than the clock's frame, the message's and the answer's all together.
 */
#define PAD 160

static void
look(int fd)
{
	static char line[PAD + 8];

	snprintf(line, sizeof(line), "look %0*d\n", PAD, 0);
	kit_send(fd, line);
	if (strncmp(kit_line(fd), "looked 000", 10) != 0)
		kit_fail("it does not look");
}

/* Nothing is left to wake: that is a cold start, and said to be one. */
static void
a_game_and_its_copy_that_die_together_start_cold(void)
{
	int fd;

	start_ledger();
	fd = kit_connect(kit_url(launcher, 1));
	look(fd);
	kill(launcher->pid, SIGSTOP);
	kill(death_of_copies(launcher), SIGKILL);
	kill(launcher->pid, SIGCONT);
	kit_expect_log(launcher, " checkpoint_lost ");
	kit_expect_logs(launcher, " cold_start ", 1);
	kit_expect(fd, "The game is being restarted. Please hold on.\n");
	look(fd);
	assert_int_equal(kit_count_log(launcher, " recovered "), 0);
	/* That one has a copy again. */
	death_copy(launcher);
	look(fd);
	death_await(death_signal(launcher, SIGKILL));
	look(fd);
	kit_expect_logs(launcher, " recovered ", 1);
	assert_int_equal(kit_count_log(launcher, " cold_start "), 1);
}

/* The game takes the order up while it answers, so the answer is what is cut,
 * or the next message. A death for each byte. */
static void
dies_at_every_byte(const char *way, unsigned long until)
{
	struct players *p;
	int fd;

	death_prepare();
	start_ledger();
	p = players_new(OF_LEDGER, kit_url(launcher, 1), 2, 1, 8, 3);
	fd = kit_connect(kit_url(launcher, 1));
	players_talk_until(p, 2);
	players_settle(p);
	for (unsigned long i = 0; i < until; i++) {
		death_at(way, i);
		look(fd);
		look(fd);
		players_say(p);
		players_settle(p);
		players_reconcile(p);
	}
	assert_int_equal(kit_count_log(launcher, " game_died "), until);
	assert_int_equal(kit_count_log(launcher, "replay_differs"), 0);
}

static void
a_death_at_every_byte_from_netd_loses_nothing(void)
{
	dies_at_every_byte("up", 180);
}

static void
a_death_at_every_byte_to_netd_loses_nothing(void)
{
	dies_at_every_byte("down", 180);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(sigkill_under_load_loses_nothing),
		KIT_TEST(a_segmentation_fault_under_load_loses_nothing),
		KIT_TEST(abort_under_load_loses_nothing),
		KIT_TEST(an_exit_with_an_error_under_load_loses_nothing),
		KIT_TEST(a_game_out_of_memory_under_load_loses_nothing),
		KIT_TEST(
		    a_kill_in_the_middle_of_a_write_with_full_pipes_loses_nothing),
		KIT_TEST(deaths_in_quick_succession_cost_no_player),
		KIT_TEST(a_copy_that_is_not_ready_may_die_with_its_game),
		KIT_TEST(a_copy_that_never_gets_ready_is_given_up),
		KIT_TEST(a_copy_that_somebody_ends_is_made_again),
		KIT_TEST(a_game_and_its_copy_that_die_together_start_cold),
		KIT_TEST(a_death_at_every_byte_from_netd_loses_nothing),
		KIT_TEST(a_death_at_every_byte_to_netd_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
