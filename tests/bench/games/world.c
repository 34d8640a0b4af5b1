/*
 * world.c - things that move, and players who follow them. For `make bench`:
 * a tenth of the things moves with each tick and one changes its name a second.
 *
 *	--see all     everybody follows all of the state
 *	--see near    everybody what is near a thing of its own
 *	--see whole   no state store: all of it to everybody with each tick
 */
#include "gamecore/gamecore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THINGS_MAX 1000
#define WORLD 1000
#define RADIUS 100.0
#define TEXT_MAX (128 * THINGS_MAX)

static long tick_ms = 50, n_things = 200;
static const char *see = "all";

static const struct gc_option options[] = {
	{ .name = "tick",
	    .value = "MS",
	    .help = "between two moves",
	    .number = &tick_ms,
	    .smallest = 1,
	    .largest = 60000 },
	{ .name = "things",
	    .value = "N",
	    .help = "how many there are",
	    .number = &n_things,
	    .smallest = 10,
	    .largest = THINGS_MAX },
	{ .name = "see",
	    .value = "WHAT",
	    .help = "all, near or whole",
	    .text = &see },
	{ .name = NULL },
};

static struct thing {
	double x, y;
	const char *name;
} things[THINGS_MAX];
static struct gc_state *state;
static uint64_t ticks;

static double
place(struct gc_net *net)
{
	return (double)gc_random(net, WORLD * 8) / 8;
}

static struct gc_value *
initial(void)
{
	struct gc_value *map = gc_value_map();

	for (int i = 0; i < n_things; i++)
		gc_value_set_at(map, i,
		    gc_value_make("{sfsfsisssi}", "x", things[i].x, "y",
			things[i].y, "life", 100, "name", things[i].name,
			"team", i % 4));
	return gc_value_make("{sv}", "things", map);
}

static void
begin(struct gc_net *net)
{
	struct gc_state_options o = { .everybody = strcmp(see, "all") == 0,
		.grid = "things",
		.x = "x",
		.y = "y",
		.cell = RADIUS };

	for (int i = 0; i < n_things; i++)
		things[i] =
		    (struct thing){ place(net), place(net), "somebody" };
	if (strcmp(see, "whole") == 0)
		return;
	state = gc_state_open(net, 1, &o, initial());
	gc_view(net, 1, &(struct gc_view){ .radius = RADIUS });
}

/* What moved, as a change of the map; NULL: nobody follows that. */
static struct gc_value *
move(struct gc_net *net)
{
	struct gc_value *moved = state ? gc_value_map() : NULL;

	for (long i = (long)(ticks % 10); i < n_things; i += 10) {
		things[i].x = place(net);
		things[i].y = place(net);
		if (moved)
			gc_value_set_at(moved, i,
			    gc_value_make(
				"{sfsf}", "x", things[i].x, "y", things[i].y));
	}
	if (ticks++ % (uint64_t)(1000 / tick_ms) == 0) {
		struct thing *t = &things[ticks % (uint64_t)n_things];

		t->name = "another";
		if (moved)
			gc_value_set_at(moved, t - things,
			    gc_value_make("{sfsfss}", "x", t->x, "y", t->y,
				"name", t->name));
	}
	return moved;
}

/* As a page would want it. */
static void
tell_whole(struct gc_net *net)
{
	static char text[TEXT_MAX];
	size_t n = (size_t)sprintf(text, "{\"things\":{");

	for (int i = 0; i < n_things; i++)
		n += (size_t)sprintf(text + n,
		    "%s\"%d\":{\"x\":%.8g,\"y\":%.8g,\"life\":100,"
		    "\"name\":\"%s\",\"team\":%d}",
		    i ? "," : "", i, things[i].x, things[i].y, things[i].name,
		    i % 4);
	n += (size_t)sprintf(text + n, "}}");
	gc_send_group(net, GC_ALL, NULL, text, n);
}

static void
on_tick(struct gc_net *net)
{
	struct gc_value *moved = move(net);

	if (state)
		gc_state_merge(state, "things", moved);
	else
		tell_whole(net);
}

static void
on_open(uint64_t conn)
{
	struct gc_value *me =
	    gc_value_int((int64_t)(conn % (uint64_t)n_things));

	if (state && strcmp(see, "near") == 0)
		gc_state_watch(
		    state, conn, &(struct gc_watch){ .view = 1, .me = me });
	gc_value_free(me);
}

int
main(int argc, char **argv)
{
	struct gc_start start = { .name = "world",
		.about = "Things that move.",
		.options = options };
	struct gc_net *net = gc_open(&start, argc, argv);
	struct gc_event ev;

	if (net == NULL)
		return gc_explain(&start);
	begin(net);
	gc_tick(net, (int)tick_ms);
	while (gc_next(net, &ev) == 0 && ev.kind != GC_STOP) {
		if (ev.kind == GC_TICK)
			on_tick(net);
		if (ev.kind == GC_OPEN)
			on_open(ev.conn);
	}
	gc_close(net);
	return 0;
}
