/*
 * loop_on_demand.c - the first player starts the loop; it ends when nobody is
 * left.
 *
 * Waiting for a player and playing are two subroutines. Each reads the same
 * stream while it has the word, and nothing that arrives in between is lost.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>

#define INTERVAL_MS 2000

/* From the first player to the last: true; false when the game must end. */
static bool
play(struct gc_net *net, int *error)
{
	struct gc_event ev;
	unsigned tick = 0;

	gc_tick(net, INTERVAL_MS);
	while (gc_conns(net) > 0) {
		*error = gc_next(net, &ev);
		if (*error != 0 || ev.kind == GC_STOP)
			return false;
		if (ev.kind == GC_TICK)
			gc_printf_group(net, GC_ALL, NULL, "tick %u", ++tick);
		else if (ev.kind == GC_MESSAGE)
			gc_printf(
			    net, ev.conn, "Pressed key code: %.20s", ev.text);
	}
	gc_tick_stop(net);
	return true;
}

/* 0 when asked to stop, else why there is no more to read. */
static int
game(struct gc_net *net)
{
	struct gc_event ev;
	int error;

	while ((error = gc_next(net, &ev)) == 0 && ev.kind != GC_STOP)
		if (ev.kind == GC_OPEN && !play(net, &error))
			break;
	return error;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "ws://*:8082/ws?www={www}",
		NULL };
	struct gc_start start = { .name = "loop_on_demand",
		.about =
		    "The first player starts the loop, the last one ends it.",
		.listen = listen,
		.pages = "loops" };
	struct gc_net *net = gc_open(&start, argc, argv);
	char address[256];
	int error;

	if (net == NULL)
		return gc_explain(&start);
	for (int i = 1; gc_address(net, i, address, sizeof(address)) == 0; i++)
		printf("loop_on_demand: %s\n", address);
	fflush(stdout);
	error = game(net);
	if (error)
		fprintf(stderr, "loop_on_demand: %s\n", gc_error_text(error));
	gc_close(net);
	return error ? 1 : 0;
}
