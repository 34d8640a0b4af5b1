/*
 * fan.c - what one player says goes to everybody; or, with --tick, a message
 * to everybody every so many milliseconds, whatever the players say. For
 * `make bench`; the messages look as tests/bench/load.c expects them.
 */
#include "gamecore/gamecore.h"

static long tick_ms, size = 128, each = 1;

static const struct gc_option options[] = {
	{ .name = "tick",
	    .value = "MS",
	    .help = "send by itself this often",
	    .number = &tick_ms,
	    .smallest = 0,
	    .largest = 60000 },
	{ .name = "size",
	    .value = "BYTES",
	    .help = "of a tick's message",
	    .number = &size,
	    .smallest = 8,
	    .largest = 60000 },
	{ .name = "each",
	    .value = "N",
	    .help = "messages a tick",
	    .number = &each,
	    .smallest = 1,
	    .largest = 1000 },
	{ .name = NULL },
};

/* The letters of a message's number, its sender's being four times a. */
static void
number_text(char *text, unsigned number)
{
	for (unsigned i = 0; i < 4; i++)
		text[4 + i] = (char)('a' + ((number >> (4 * i)) & 15));
}

static void
on_tick(struct gc_net *net)
{
	static unsigned number;
	static char text[60000];

	for (long i = 0; i < size; i++)
		text[i] = (char)(i < 4 ? 'a' : 'a' + i % 26);
	for (long i = 0; i < each; i++) {
		number_text(text, number++);
		gc_send_group(net, GC_ALL, NULL, text, (size_t)size);
	}
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "ws://127.0.0.1:5000", NULL };
	struct gc_start start = { .name = "fan",
		.about = "Say to all what one says.",
		.listen = listen,
		.options = options };
	struct gc_net *net = gc_open(&start, argc, argv);
	struct gc_event ev;

	if (net == NULL)
		return gc_explain(&start);
	if (tick_ms > 0)
		gc_tick(net, (int)tick_ms);
	while (gc_next(net, &ev) == 0 && ev.kind != GC_STOP) {
		if (ev.kind == GC_TICK)
			on_tick(net);
		if (ev.kind == GC_MESSAGE && tick_ms == 0)
			gc_send_group(net, GC_ALL, NULL, ev.text, ev.len);
	}
	gc_close(net);
	return 0;
}
