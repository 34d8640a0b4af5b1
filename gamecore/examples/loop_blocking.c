/*
 * loop_blocking.c - the loop is a plain subroutine that blocks.
 *
 * Where an event loop needs a thread for it, here it is simply the game: it
 * sleeps two seconds, several calls deep if it likes, and the players are
 * answered meanwhile.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>

#define PAUSE 1 /* the timer's number */

/* Block for a while, answering keys. 0, GC_ESTOPPED or another error. */
static int
pause_ms(struct gc_net *net, int ms)
{
	struct gc_event ev;
	int error;

	gc_timer(net, PAUSE, ms, 0);
	while ((error = gc_next(net, &ev)) == 0)
		if (ev.kind == GC_MESSAGE)
			gc_printf(
			    net, ev.conn, "Pressed key code: %.20s", ev.text);
		else if (ev.kind == GC_TIMER && ev.timer == PAUSE)
			return 0;
		else if (ev.kind == GC_STOP)
			return GC_ESTOPPED;
	return error;
}

/* 0 when asked to stop, else why there is no more to read. */
static int
game_loop(struct gc_net *net)
{
	int error;

	for (unsigned tick = 1; (error = pause_ms(net, 2000)) == 0; tick++)
		gc_printf_group(net, GC_ALL, NULL, "tick %u", tick);
	return error == GC_ESTOPPED ? 0 : error;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "ws://*:8082/ws?www={www}",
		NULL };
	struct gc_start start = { .name = "loop_blocking",
		.about = "A loop that simply blocks between its ticks.",
		.listen = listen,
		.pages = "loops" };
	struct gc_net *net = gc_open(&start, argc, argv);
	char address[256];
	int error;

	if (net == NULL)
		return gc_explain(&start);
	for (int i = 1; gc_address(net, i, address, sizeof(address)) == 0; i++)
		printf("loop_blocking: %s\n", address);
	fflush(stdout);
	error = game_loop(net);
	if (error)
		fprintf(stderr, "loop_blocking: %s\n", gc_error_text(error));
	gc_close(net);
	return error ? 1 : 0;
}
