/*
 * later.c - things that are due, for tests that kill netd meanwhile: from the
 * first player on, N of them, one each STEP ms, in a mixed order of beginning;
 * one that repeats, and those of an owner who gives up half way. Each is a line
 * of standard error.
 */
#include "gamecore/gamecore.h"

#include <inttypes.h>
#include <stdio.h>

#define N 100
#define STEP 20
#define QUITTER 7

static void
begin(struct gc_net *net)
{
	/* 37 and 100 have no divisor in common: each number once. */
	for (unsigned i = 0; i < N; i++)
		gc_later(net, 1, (1 + i * 37 % N) * STEP, 0,
		    (void *)(uintptr_t)(i * 37 % N));
	gc_later(net, 2, STEP, STEP, NULL);
	for (unsigned i = 0; i < N; i++)
		gc_later(net, QUITTER, N / 2 * STEP + STEP / 2 + i, 0, NULL);
}

static void
on_due(struct gc_net *net, const struct gc_event *ev)
{
	static unsigned repeated;
	unsigned i = (unsigned)(uintptr_t)ev->bound;

	if (ev->owner == 2) {
		repeated += (unsigned)ev->count;
		return;
	}
	fprintf(stderr, "due %" PRIu64 " %u\n", ev->owner, i);
	if (ev->owner == 1 && i == N / 2 - 1)
		fprintf(
		    stderr, "stopped %zu\n", gc_later_stop_all(net, QUITTER));
	if (i == N - 1)
		fprintf(stderr, "repeated %u\n", repeated);
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "line://127.0.0.1:0", NULL };
	struct gc_start start = {
		.name = "later", .about = "Due.", .listen = listen
	};
	struct gc_net *net = gc_open(&start, argc, argv);
	struct gc_event ev;
	bool began = false;
	int r;

	if (net == NULL)
		return gc_explain(&start);
	while ((r = gc_next(net, &ev)) == 0 && ev.kind != GC_STOP) {
		if (ev.kind == GC_OPEN && !began) {
			began = true;
			begin(net);
		}
		if (ev.kind == GC_DUE)
			on_due(net, &ev);
	}
	gc_close(net);
	return r < 0;
}
