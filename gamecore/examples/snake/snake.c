/*
 * snake.c - Snake for a crowd: the main loop.
 *
 * Players come over WebSocket (the page in www/, or any program that speaks
 * page.h) and over line:// (a terminal, term.h). What happens is read from
 * one stream, one event after the other; there is no other input, so a
 * recording of the stream is a recording of the game.
 *
 * Go on with world.h (the rules), room.c (who is here), page.h (what they see
 * and say).
 */
#include "page.h"
#include "restore.h"
#include "room.h"
#include "term.h"

#include "gamecore/gamecore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
on_open(struct game *g, struct gc_event *ev)
{
	int reason = room_enter(g, ev);

	if (reason != 0)
		gc_hang_up(g->net, ev->conn, (unsigned)reason, NULL);
}

static void
on_message(struct game *g, struct gc_event *ev)
{
	struct player *p = ev->bound;

	(void)g;
	if (p != NULL && p->keys)
		term_key(p, ev->text, ev->len);
	else if (p != NULL && p->terminal)
		term_got(p, ev->text, ev->len);
}

static void
on_typed(struct game *g, struct gc_event *ev)
{
	(void)g;
	if (ev->bound != NULL)
		page_got(ev->bound, ev);
}

static void
on_close(struct game *g, struct gc_event *ev)
{
	(void)g;
	if (ev->bound != NULL && ev->reason == GC_NETD_GONE)
		room_lost(ev->bound);
	else if (ev->bound != NULL)
		room_leave(ev->bound);
}

static void
on_tick(struct game *g, struct gc_event *ev)
{
	/* Whatever its count: after a pause the game goes on where it was. */
	(void)ev;
	rooms_tick(g);
}

static void
on_timer(struct game *g, struct gc_event *ev)
{
	rooms_timer(g, ev->timer);
}

static void (*const handlers[])(struct game *, struct gc_event *) = {
	[GC_OPEN] = on_open,
	[GC_MESSAGE] = on_message,
	[GC_TYPED] = on_typed,
	[GC_CLOSE] = on_close,
	[GC_TICK] = on_tick,
	[GC_TIMER] = on_timer,
};

static int
play(struct game *g)
{
	struct gc_event ev;
	int error;

	while ((error = gc_next(g->net, &ev)) == 0) {
		if (ev.kind == GC_STOP) {
			rooms_bye(g);
			break;
		}
		if ((size_t)ev.kind < sizeof(handlers) / sizeof(handlers[0]) &&
		    handlers[ev.kind] != NULL)
			handlers[ev.kind](g, &ev);
	}
	return error;
}

/* Where to open it or to type, one line a listener. */
static void
print_addresses(struct gc_net *net)
{
	char address[512];

	for (int i = 1; *gc_listening(net, i) != '\0'; i++) {
		if (gc_address(net, i, address, sizeof(address)) < 0)
			continue;
		if (strncmp(address, "http", 4) == 0)
			printf("snake: open %s in a browser\n", address);
		else if (strncmp(address, "nc ", 3) == 0 ||
			 strncmp(address, "telnet ", 7) == 0)
			printf("snake: or play in a terminal: %s\n", address);
		else
			printf("snake: programs at %s\n", address);
	}
	fflush(stdout);
}

/* "50x25" */
static bool
read_size(const char *text, int *width, int *height)
{
	char more;

	return sscanf(text, "%dx%d%c", width, height, &more) == 2 &&
	       *width >= WORLD_SIDE_MIN && *width <= WORLD_SIDE_MAX &&
	       *height >= WORLD_SIDE_MIN && *height <= WORLD_SIDE_MAX;
}

static const char *
wrong_size(const char *text)
{
	int width, height;

	_Static_assert(WORLD_SIDE_MIN == 10 && WORLD_SIDE_MAX == 200,
	    "what the text says");
	return read_size(text, &width, &height)
		   ? NULL
		   : "must be WxH, each side from 10 to 200";
}

static int
run(struct game *g)
{
	int error = GC_ENO_MEMORY;

	if (restore(g)) {
		print_addresses(g->net);
		error = play(g);
	}
	if (error < 0)
		fprintf(stderr, "snake: %s\n", gc_error_text(error));
	gc_close(g->net);
	rooms_free(g);
	return error < 0 ? 1 : 0;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = {
		"ws://*:8080/play?www={www}&resume=30s", NULL
	};
	struct game g = { 0 };
	long speed = 6, bots = 0;
	const char *size = "50x25";
	const struct gc_option options[] = {
		{ .name = "speed",
		    .value = "N",
		    .help = "frames a second",
		    .number = &speed,
		    .smallest = 1,
		    .largest = 30 },
		{ .name = "size",
		    .value = "WxH",
		    .help = "the field in cells, each side 10 to 200",
		    .text = &size,
		    .wrong = wrong_size },
		{ .name = "wrap",
		    .help = "join the edges: who leaves on one side comes in "
			    "on the other",
		    .on = &g.rules.wrap },
		{ .name = "bots",
		    .value = "N",
		    .help = "snakes that play by themselves in each room",
		    .number = &bots,
		    .smallest = 0,
		    .largest = BOTS_MAX },
		{ .name = NULL },
	};
	struct gc_start start = {
		.name = "snake",
		.about = "Snake for up to ten players a room and any number "
			 "of watchers",
		.listen = listen,
		.options = options,
		.types = page_types,
	};

	world_usual(&g.rules);
	g.net = gc_open(&start, argc, argv);
	if (g.net == NULL)
		return gc_explain(&start);
	read_size(size, &g.rules.width, &g.rules.height);
	g.speed = (int)speed;
	g.bots = (int)bots;
	return run(&g);
}
