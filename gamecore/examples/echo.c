/*
 * echo.c - start here: everybody hears back what they say.
 *
 * There are no callbacks and no sockets. The program waits in gc_next(); what
 * happened is a struct. Start it, and type what it prints in another window.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "line://127.0.0.1:4000", NULL };
	struct gc_start start = { .name = "echo",
		.about = "Everybody hears back what they say.",
		.listen = listen };
	struct gc_net *net = gc_open(&start, argc, argv);
	char address[256];
	struct gc_event ev;
	int r;

	if (net == NULL)
		return gc_explain(&start);
	if (gc_address(net, 1, address, sizeof(address)) == 0)
		fprintf(stderr, "echo: try  %s\n", address);
	while ((r = gc_next(net, &ev)) == 0 && ev.kind != GC_STOP) {
		struct gc_how same = { .binary = ev.binary };

		if (ev.kind == GC_MESSAGE)
			gc_send_how(net, ev.conn, &same, ev.text, ev.len);
	}
	if (r < 0)
		fprintf(stderr, "echo: %s\n", gc_problem(net));
	gc_close(net);
	return r < 0;
}
