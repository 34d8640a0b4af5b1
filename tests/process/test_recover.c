/* links: tests/lib/kit*.c tests/lib/players.c */
/*
 * The game dies, however and whenever: nobody is disconnected, and no message
 * is lost, doubled, reordered or given to another.
 */
#include "tests/lib/kit.h"
#include "tests/lib/players.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define URL "line://127.0.0.1:0"
#define MANY "restarts_max=1000000"

static struct kit_proc *launcher;

/* The game that runs now: the child of the launcher that is not netd and
 * holds a pipe. */
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
		players_kill_game(launcher, signal);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(sigkill_under_load_loses_nothing),
		KIT_TEST(a_segmentation_fault_under_load_loses_nothing),
		KIT_TEST(abort_under_load_loses_nothing),
		KIT_TEST(an_exit_with_an_error_under_load_loses_nothing),
		KIT_TEST(a_game_out_of_memory_under_load_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
