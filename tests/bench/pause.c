/*
 * pause.c - what players see of a game's death, and what it costs before one:
 * the longest wait of any player when the game is killed, and the price of a
 * checkpoint. Real netd, real games; each figure is a median of several.
 */
#include "tests/lib/deaths.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- copies ---------------------------------------------------------------
 */

#define COPIES 20

/* A figure of /metrics. */
static double
metric(const char *url, const char *name)
{
	int fd = kit_connect(url);
	const char *at, *all;
	double value;

	kit_send(fd, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
		     "Connection: close\r\n\r\n");
	all = kit_recv_all(fd, NULL);
	kit_close(fd);
	for (at = all; (at = strstr(at, name)) != NULL; at++)
		if (at[-1] == '\n' &&
		    sscanf(at + strlen(name), " %lf", &value) == 1)
			return value;
	kit_fail("no %s in /metrics", name);
}

/* Somebody talks, so that there is something to make a copy for. */
static void
checkpoint_of(const char *megabytes)
{
	struct kit_proc *launcher = kit_game(players_game("heavy"), "--listen",
	    "ws://127.0.0.1:0/", "--listen", LINES, "--limit",
	    "checkpoint_ms=100", "--megabytes", megabytes, NULL);
	int fd = kit_connect(kit_url(launcher, 2));
	const char *url = kit_url(launcher, 1);
	double before, cost;
	int64_t end = kit_now_ms() + 60000;

	kit_send(fd, "begin\n");
	kit_expect(fd, "begin\n");
	before = metric(url, "penstock_checkpoints_total");
	cost = metric(url, "penstock_checkpoint_us_total");
	while (metric(url, "penstock_checkpoints_total") < before + COPIES) {
		if (kit_now_ms() > end)
			kit_fail("not %d copies in a minute", COPIES);
		kit_send(fd, "more\n");
		kit_expect(fd, "more\n");
		kit_tick();
	}
	cost = metric(url, "penstock_checkpoint_us_total") - cost;
	before = metric(url, "penstock_checkpoints_total") - before;
	print_message("checkpoint megabytes=%s copies=%.0f cost_ms=%.2f\n",
	    megabytes, before, cost / before / 1e3);
}

static void
checkpoint_of_20(void)
{
	checkpoint_of("20");
}

static void
checkpoint_of_200(void)
{
	checkpoint_of("200");
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
		KIT_TEST(checkpoint_of_20),
		KIT_TEST(checkpoint_of_200),
		KIT_TEST(pause_at_1000),
		KIT_TEST(pause_at_10000),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
