/*
 * echo.c - start here: every player hears back what they say.
 *
 *	./bin/echo
 *	nc 127.0.0.1 4000          (or telnet, from as many windows as you like)
 *
 * Everything that a game needs is in gamecore.h. There are no callbacks: the
 * program waits in gc_next(), and what happened is a struct.
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
	struct gc_event ev;

	if (net == NULL) {
		fputs(start.text, start.status ? stderr : stdout);
		return start.status;
	}
	while (gc_next(net, &ev) == 0 && ev.kind != GC_STOP) {
		struct gc_how same = { .binary = ev.binary };

		if (ev.kind == GC_MESSAGE)
			gc_send_how(net, ev.conn, &same, ev.text, ev.len);
	}
	gc_close(net);
	return 0;
}
