/*
 * loop_cancel.c - the loop is a task: started by the first player, cancelled
 * when the last one leaves, and not allowed to fail in silence.
 *
 * A task is a subroutine here and how it ended is what it returns. Its caller
 * is the monitor: being cancelled is no error, anything else is told to
 * everybody, goes into netd's log, and the task is started again. Press Escape
 * (key code 27) to make it fail.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>
#include <string.h>

#define INTERVAL_MS 2000

enum ended {
	CANCELLED, /* the last player left */
	FAILED,    /* by its own fault: start it again */
	OVER,      /* asked to stop, or netd is gone: *error says */
};

/* One life of the task. */
static enum ended
game_loop(struct gc_net *net, int *error)
{
	struct gc_event ev;
	unsigned tick = 0;

	while (gc_conns(net) > 0) {
		*error = gc_next(net, &ev);
		if (*error != 0 || ev.kind == GC_STOP)
			return OVER;
		if (ev.kind == GC_TICK)
			gc_printf_group(net, GC_ALL, NULL, "tick %u", ++tick);
		if (ev.kind != GC_MESSAGE)
			continue;
		gc_printf(net, ev.conn, "Pressed key code: %.20s", ev.text);
		if (strcmp(ev.text, "27") == 0)
			return FAILED;
	}
	return CANCELLED;
}

/* Start the task, restart it when it fails, until it is cancelled or over. */
static enum ended
monitor(struct gc_net *net, int *error)
{
	enum ended how;

	gc_tick(net, INTERVAL_MS);
	while ((how = game_loop(net, error)) == FAILED) {
		gc_log(net, 1, "loop_failed players=%zu", gc_conns(net));
		gc_printf_group(
		    net, GC_ALL, NULL, "The loop failed and starts again");
	}
	gc_tick_stop(net);
	return how;
}

/* 0 when asked to stop, else why there is no more to read. */
static int
game(struct gc_net *net)
{
	struct gc_event ev;
	int error;

	while ((error = gc_next(net, &ev)) == 0 && ev.kind != GC_STOP)
		if (ev.kind == GC_OPEN && monitor(net, &error) == OVER)
			break;
	return error;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "ws://*:8082/ws?www={www}",
		NULL };
	struct gc_start start = { .name = "loop_cancel",
		.about =
		    "A loop that is started, cancelled, watched and restarted.",
		.listen = listen,
		.pages = "loops" };
	struct gc_net *net = gc_open(&start, argc, argv);
	char address[256];
	int error;

	if (net == NULL)
		return gc_explain(&start);
	for (int i = 1; gc_address(net, i, address, sizeof(address)) == 0; i++)
		printf("loop_cancel: %s\n", address);
	fflush(stdout);
	error = game(net);
	if (error)
		fprintf(stderr, "loop_cancel: %s\n", gc_error_text(error));
	gc_close(net);
	return error ? 1 : 0;
}
