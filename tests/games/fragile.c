/*
 * fragile.c - an echo that one word kills, however often it hears it; and that
 * dies of every tick once it was told "clock".
 */
#include "gamecore/gamecore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
is(const struct gc_event *ev, const char *word)
{
	return strcmp(ev->text, word) == 0;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "line://127.0.0.1:0", NULL };
	struct gc_start start = { .name = "fragile",
		.about = "An echo that dies of the word 'die'.",
		.listen = listen };
	struct gc_net *net = gc_open(&start, argc, argv);
	struct gc_event ev;

	if (net == NULL) {
		fputs(start.text, start.status ? stderr : stdout);
		return start.status;
	}
	while (gc_next(net, &ev) == 0 && ev.kind != GC_STOP) {
		if (ev.kind == GC_TICK)
			abort();
		if (ev.kind == GC_NOTICE)
			gc_printf_group(
			    net, GC_ALL, NULL, "notice %s", ev.text);
		if (ev.kind != GC_MESSAGE)
			continue;
		if (is(&ev, "die"))
			abort();
		if (is(&ev, "clock"))
			gc_tick(net, 10);
		gc_send(net, ev.conn, ev.text, ev.len);
	}
	gc_close(net);
	return 0;
}
