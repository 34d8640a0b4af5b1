/*
 * worker.c - a process of its own computes, and the game plays on.
 *
 * "How many primes are there up to N?" takes a while, so a worker counts them:
 * this same program, started a second and a third time. Its news and its answer
 * come to the player's session in the one stream, and whatever the player types
 * meanwhile gives it up. Kill a worker: the count begins again. Kill the game:
 * it goes on, and nobody counts twice. Ctrl-C ends them all in order.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HIGHEST 1000000000ul
/* Between two pieces of news. */
#define STEP 5000000ul

/* ---- the worker -----------------------------------------------------------
 */

/* Odd numbers alone: sieve[i] is of 2 * i + 1. */
static void
count(struct gc_net *net, const struct gc_job *job, unsigned long highest)
{
	size_t n = (highest + 1) / 2, found = highest >= 2;
	char *composite = calloc(n + 1, 1), text[64];

	if (composite == NULL) {
		gc_job_failed(net, job, "there is no memory for so many");
		return;
	}
	for (size_t i = 1; i < n; i++) {
		unsigned long p = 2 * i + 1;

		if (i % STEP == 0) {
			snprintf(text, sizeof(text), "%zu up to %lu", found, p);
			gc_job_note(net, job, text, strlen(text));
		}
		if (composite[i])
			continue;
		found++;
		for (size_t k = p <= highest / p ? p * p / 2 : n; k < n; k += p)
			composite[k] = 1;
	}
	free(composite);
	snprintf(text, sizeof(text), "%zu", found);
	gc_job_done(net, job, text, strlen(text));
}

static int
work(struct gc_net *net)
{
	struct gc_job job;
	int r;

	while ((r = gc_job_next(net, &job)) > 0)
		count(net, &job, strtoul(job.bytes, NULL, 10));
	return r < 0;
}

/* ---- the game -------------------------------------------------------------
 */

/* News, the answer, or a word of the player: whichever comes first. */
static int
follow(struct gc_session *s, int64_t job)
{
	struct gc_wait w = { .what = GC_FOR_JOB | GC_FOR_MESSAGE };
	int r;

	while ((r = gc_wait(s, &w, -1)) == GC_FOR_JOB && w.value == GC_JOB_NOTE)
		gc_say(s, "... %s", w.text);
	if (r < 0)
		return r;
	if (r == GC_FOR_MESSAGE) {
		gc_job_cancel(gc_session_net(s), job);
		return gc_say(s, "Never mind, then.");
	}
	if (w.value < 0)
		return gc_say(s, "It came to nothing: %s.", w.text);
	return gc_say(s, "There are %s.", w.text);
}

static int
player(struct gc_session *s, void *arg)
{
	char line[32];
	int r = 0;

	(void)arg;
	gc_say(s, "I have primes counted. Type anything to give one up.");
	while (r >= 0) {
		unsigned long n;
		int64_t job;

		r = (int)gc_ask(
		    s, "Primes up to which number?", line, sizeof(line));
		if (r < 0)
			break;
		n = strtoul(line, NULL, 10);
		if (n < 1 || n > HIGHEST) {
			gc_say(s, "From 1 to %lu, please.", HIGHEST);
			continue;
		}
		job = gc_job(gc_session_net(s), "counters", line, strlen(line));
		r = job < 0 ? (int)job : follow(s, job);
	}
	if (r == GC_ESTOPPED)
		gc_say(s, "Shutting down...");
	return r;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "line://127.0.0.1:4000", NULL };
	static const struct gc_workers workers[] = {
		{ .name = "counters",
		    .count = 2,
		    .retries = 1,
		    .limit_ms = 60000 },
		{ .name = NULL },
	};
	struct gc_start start = { .name = "worker",
		.about = "Count primes in processes beside the game.",
		.listen = listen,
		.workers = workers };
	struct gc_net *net = gc_open(&start, argc, argv);
	char address[256];
	int r;

	if (net == NULL)
		return gc_explain(&start);
	if (gc_worker(net)) {
		r = work(net);
		gc_close(net);
		return r;
	}
	if (gc_address(net, 1, address, sizeof(address)) == 0)
		fprintf(stderr, "worker: try  %s\n", address);
	r = gc_serve(net, player, NULL);
	if (r < 0)
		fprintf(stderr, "worker: %s\n", gc_problem(net));
	gc_close(net);
	return r < 0;
}
