/*
 * pause.c - what players see of a game's death, and what it costs before one:
 * the longest wait of any player when the game is killed, and the price of a
 * checkpoint. Real netd, real games; each figure is a median of several.
 */
#include "tests/lib/deaths.h"

#include <signal.h>
#include <stdlib.h>

#define KILLS 9
#define LINES "line://127.0.0.1:0"

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_size);
	return v[n / 2];
}

/* Everybody says something; how long the slowest waits for its answer. */
static double
round_ms(struct players *p)
{
	players_longest_us(p);
	players_say(p);
	players_settle(p);
	return (double)players_longest_us(p) / 1e3;
}

static void
pause_of(unsigned n)
{
	struct kit_proc *launcher = kit_game(players_game("ledger"), "--listen",
	    LINES, "--limit", "restarts_max=1000000", NULL);
	struct players *p =
	    players_new(OF_LEDGER, kit_url(launcher, 1), n, 1, 20, 1);
	double calm[KILLS], killed[KILLS], more[KILLS];

	round_ms(p);
	for (unsigned i = 0; i < KILLS; i++) {
		calm[i] = round_ms(p);
		players_longest_us(p);
		death_signal(launcher, SIGKILL);
		players_say(p);
		players_settle(p);
		killed[i] = (double)players_longest_us(p) / 1e3;
		more[i] = killed[i] - calm[i];
	}
	players_reconcile(p);
	print_message("pause players=%u kills=%u slowest_calm_ms=%.1f "
		      "slowest_killed_ms=%.1f pause_ms=%.1f\n",
	    n, KILLS, median(calm, KILLS), median(killed, KILLS),
	    median(more, KILLS));
}

static void
pause_at_1000(void)
{
	pause_of(1000);
}

static void
pause_at_10000(void)
{
	pause_of(10000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(pause_at_1000),
		KIT_TEST(pause_at_10000),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
