/*
 * keys.c - each key of a terminal in a line of its own, for tests: "key 1b5b41"
 * and "size 80 24"; "q" hangs up, "d" draws at a place of its own.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>

static void
on_key(struct gc_net *net, const struct gc_event *ev)
{
	char hex[80] = "";

	for (size_t i = 0; i < ev->len && i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)ev->text[i]);
	gc_printf(net, ev->conn, "key %s%s", hex, ev->binary ? " binary" : "");
	if (ev->len == 1 && ev->text[0] == 'q')
		gc_hang_up(net, ev->conn, GC_KICKED, "Well played.");
	if (ev->len == 1 && ev->text[0] == 'd')
		gc_printf(net, ev->conn, "\x1b[5;10Hdrawn\x1b[8;1H");
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "tty:", NULL };
	struct gc_start start = {
		.name = "keys", .about = "Shows keys.", .listen = listen
	};
	struct gc_net *net = gc_open(&start, argc, argv);
	struct gc_event ev;
	int r;

	if (net == NULL)
		return gc_explain(&start);
	while ((r = gc_next(net, &ev)) == 0 && ev.kind != GC_STOP) {
		if (ev.kind == GC_OPEN)
			gc_printf(net, ev.conn, "%s %s at %s, %u by %u",
			    ev.peer->transport, ev.peer->terminal,
			    ev.peer->address, ev.peer->columns, ev.peer->rows);
		else if (ev.kind == GC_MESSAGE)
			on_key(net, &ev);
		else if (ev.kind == GC_RESIZE)
			gc_printf(
			    net, ev.conn, "size %u %u", ev.columns, ev.rows);
	}
	gc_close(net);
	return r < 0;
}
