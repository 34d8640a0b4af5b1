/*
 * loop_either.c - each player waits for a message or the tick, whichever
 * comes first.
 *
 * gc_next() is that one waiting call, for all players together. A message
 * wakes the player it is from; the tick wakes everybody, and each one gets an
 * answer of its own.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>
#include <stdlib.h>

#define INTERVAL_MS 2000

struct player {
	unsigned keys; /* pressed since the last tick */
};

static void
on_open(struct gc_net *net, uint64_t conn)
{
	struct player *p = calloc(1, sizeof(*p));

	if (p == NULL || gc_bind(net, conn, p) != 0) {
		free(p);
		gc_hang_up(net, conn, GC_NO_MEMORY, "no room left");
	}
}

static void
notify_all(struct gc_net *net)
{
	for (uint64_t c = gc_next_conn(net, 0); c; c = gc_next_conn(net, c)) {
		struct player *p = gc_bound(net, c);

		if (p == NULL)
			continue;
		gc_printf(net, c, "tick, after %u of your keys", p->keys);
		p->keys = 0;
	}
}

/* 0 when asked to stop, else why there is no more to read. */
static int
game(struct gc_net *net)
{
	struct gc_event ev;
	int error;

	gc_tick(net, INTERVAL_MS);
	while ((error = gc_next(net, &ev)) == 0 && ev.kind != GC_STOP) {
		struct player *p = ev.bound;

		if (ev.kind == GC_OPEN)
			on_open(net, ev.conn);
		else if (ev.kind == GC_TICK)
			notify_all(net);
		else if (ev.kind == GC_MESSAGE && p != NULL) {
			p->keys++;
			gc_printf(
			    net, ev.conn, "Pressed key code: %.20s", ev.text);
		} else if (ev.kind == GC_CLOSE)
			free(p);
	}
	return error;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "ws://*:8082/ws?www={www}",
		NULL };
	struct gc_start start = { .name = "loop_either",
		.about =
		    "Each player gets a message or a tick, whichever is first.",
		.listen = listen,
		.pages = "loops" };
	struct gc_net *net = gc_open(&start, argc, argv);
	char address[256];
	int error;

	if (net == NULL)
		return gc_explain(&start);
	for (int i = 1; gc_address(net, i, address, sizeof(address)) == 0; i++)
		printf("loop_either: %s\n", address);
	fflush(stdout);
	error = game(net);
	if (error)
		fprintf(stderr, "loop_either: %s\n", gc_error_text(error));
	gc_close(net);
	return error ? 1 : 0;
}
