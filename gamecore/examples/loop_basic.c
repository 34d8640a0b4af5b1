/*
 * loop_basic.c - an endless loop sends "tick" to all every two seconds.
 *
 * Messages and ticks come in one stream, so the game is one loop and there is
 * nothing to start, to lock or to await. Open the printed address and press
 * keys.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>

#define INTERVAL_MS 2000

/* 0 when asked to stop, else why there is no more to read. */
static int
game_loop(struct gc_net *net)
{
	struct gc_event ev;
	int error;

	gc_tick(net, INTERVAL_MS);
	while ((error = gc_next(net, &ev)) == 0)
		if (ev.kind == GC_TICK)
			gc_send_group(net, GC_ALL, NULL, "tick", 4);
		else if (ev.kind == GC_MESSAGE)
			gc_printf(
			    net, ev.conn, "Pressed key code: %.20s", ev.text);
		else if (ev.kind == GC_STOP)
			break;
	return error;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "ws://*:8082/ws?www={www}",
		NULL };
	struct gc_start start = { .name = "loop_basic",
		.about =
		    "An endless loop sends a tick to all every two seconds.",
		.listen = listen,
		.pages = "loops" };
	struct gc_net *net = gc_open(&start, argc, argv);
	char address[256];
	int error;

	if (net == NULL)
		return gc_explain(&start);
	for (int i = 1; gc_address(net, i, address, sizeof(address)) == 0; i++)
		printf("loop_basic: %s\n", address);
	fflush(stdout);
	error = game_loop(net);
	if (error)
		fprintf(stderr, "loop_basic: %s\n", gc_error_text(error));
	gc_close(net);
	return error ? 1 : 0;
}
