/*
 * heavy.c - an echo with so many megabytes of memory, each page in use: what
 * a checkpoint costs a game of that size.
 */
#include "gamecore/gamecore.h"

#include <stdlib.h>
#include <string.h>

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "line://127.0.0.1:0", NULL };
	long megabytes = 20;
	const struct gc_option options[] = { { .name = "megabytes",
						 .value = "N",
						 .help = "memory to hold",
						 .number = &megabytes,
						 .smallest = 1,
						 .largest = 4096 },
		{ 0 } };
	struct gc_start start = { .name = "heavy",
		.about = "An echo that holds memory.",
		.listen = listen,
		.options = options };
	struct gc_net *net = gc_open(&start, argc, argv);
	struct gc_event ev;
	size_t size;
	char *held;

	if (net == NULL)
		return gc_explain(&start);
	size = (size_t)megabytes << 20;
	held = malloc(size);
	if (held == NULL)
		return 1;
	memset(held, 1, size);
	while (gc_next(net, &ev) == 0 && ev.kind != GC_STOP) {
		/* Some of it changes, as a game's memory does. */
		held[gc_random(net, size)]++;
		if (ev.kind == GC_MESSAGE)
			gc_send(net, ev.conn, ev.text, ev.len);
	}
	free(held);
	gc_close(net);
	return 0;
}
