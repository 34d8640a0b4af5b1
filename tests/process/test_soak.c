/* links: tests/lib/kit*.c tests/lib/players.c tests/lib/deaths.c */
/*
 * A thousand players talk, over lines and WebSocket, while the game dies again
 * and again in every way; every ledger is reconciled. A run is told by its
 * seed: `make soak SEED= MINUTES=` runs for long, a check for a minute.
 */
#include "tests/lib/deaths.h"

#include <signal.h>
#include <stdlib.h>

#define PLAYERS 1000
#define LINES "line://127.0.0.1:0"
#define WEB "ws://127.0.0.1:0/"
/* In a check; make soak says its own. */
#define CHECK_MS 45000
#define CHECK_SEED 20261121

/* How it dies: what it is sent, or 0: in the middle of a write. */
static const int ways[] = { SIGKILL, SIGSEGV, SIGABRT, SIGUSR1, SIGUSR2 };
#define N_WAYS (sizeof(ways) / sizeof(ways[0]))

static uint64_t state;

static unsigned
dice(unsigned below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % below;
}

static int64_t
run_ms(void)
{
	const char *minutes = getenv("SOAK_MINUTES");
	const char *seed = getenv("SOAK_SEED");

	state = seed && *seed ? strtoull(seed, NULL, 10) : CHECK_SEED;
	return minutes ? (int64_t)(atof(minutes) * 60000) : CHECK_MS;
}

/* In the middle of a frame, up or down, wherever that falls. */
static void
die_at_a_byte(struct kit_proc *launcher, struct players *p)
{
	unsigned before = kit_count_log(launcher, " game_died ");
	int64_t end = kit_now_ms() + KIT_WAIT_MS;

	death_at(dice(2) ? "up" : "down", dice(20000));
	while (kit_count_log(launcher, " game_died ") == before) {
		if (kit_now_ms() > end)
			kit_fail("it does not die at a byte");
		players_talk(p, 5);
	}
}

static void
soak(enum players_of game, const char *program, int64_t for_ms)
{
	struct kit_proc *launcher = kit_game(program, "--listen", LINES,
	    "--listen", WEB, "--limit", "restarts_max=1000000", NULL);
	struct players *p = players_mixed(game, kit_url(launcher, 1),
	    kit_url(launcher, 2), PLAYERS, 4, 200, dice(1u << 30));
	unsigned kills[N_WAYS] = { 0 }, in_a_write = 0, at_a_byte = 0;
	unsigned rounds = 0;
	int64_t end = kit_now_ms() + for_ms, longest = 0;

	while (kit_now_ms() < end) {
		/* The echo game dies by signals alone. */
		unsigned way = dice(game == OF_LEDGER ? N_WAYS : 3);

		players_talk(p, (int)dice(150));
		if (game == OF_LEDGER && dice(16) == 0) {
			death_in_a_write(launcher, p);
			in_a_write++;
		} else if (game == OF_LEDGER && dice(4) == 0) {
			die_at_a_byte(launcher, p);
			at_a_byte++;
		} else {
			death_signal(launcher, ways[way]);
			kills[way]++;
		}
		players_talk(p, (int)dice(150));
		players_settle(p);
		if (game == OF_LEDGER)
			players_reconcile(p);
		rounds++;
	}
	longest = players_longest_us(p);
	print_message(
	    "%u rounds: %u KILL %u SEGV %u ABRT %u exit %u memory "
	    "%u in a write %u at a byte; %llu answers, none wrong; the longest "
	    "wait under load %lld ms\n",
	    rounds, kills[0], kills[1], kills[2], kills[3], kills[4],
	    in_a_write, at_a_byte, (unsigned long long)players_answers(p),
	    (long long)longest / 1000);
	assert_int_equal(kit_count_log(launcher, "replay_differs"), 0);
	assert_true(kit_count_log(launcher, "game_died") >= rounds);
}

static void
a_ledger_is_right_after_every_kind_of_death(void)
{
	death_prepare();
	soak(OF_LEDGER, players_game("ledger"), run_ms() * 3 / 4);
}

static void
an_echo_is_complete_after_every_kind_of_death(void)
{
	int64_t ms = run_ms() / 4;

	soak(OF_ECHO, "echo", ms);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(a_ledger_is_right_after_every_kind_of_death),
		KIT_TEST(an_echo_is_complete_after_every_kind_of_death),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
