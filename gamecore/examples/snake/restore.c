/*
 * restore.c - worlds from their states. What makes no sense begins anew.
 */
#include "restore.h"

#include "page.h"

#include <stdlib.h>
#include <string.h>

static int64_t
whole(const struct gc_value *map, const char *key)
{
	return gc_value_as_int(gc_value_get(map, key));
}

static const char *
word(const struct gc_value *map, const char *key)
{
	return gc_value_text(gc_value_get(map, key), NULL);
}

static void
restore_top(struct game *g)
{
	const struct gc_value *top = gc_state_get(g->st, "top"), *v;

	for (size_t i = 0; i < gc_value_size(top) && i < TOP_SCORES; i++) {
		struct top_score *t = &g->top[g->top_len++];
		const char *name;

		v = gc_value_at(top, i);
		name = gc_value_text(gc_value_at(v, 0), NULL);
		text_clean(t->name, NAME_LETTERS, name, strlen(name));
		t->score = (unsigned long)gc_value_as_int(gc_value_at(v, 1));
		t->slot =
		    abs((int)gc_value_as_int(gc_value_at(v, 2))) % WORLD_SNAKES;
		t->at_us = gc_value_as_int(gc_value_at(v, 3)) * 1000000;
	}
}

/* ---- a world ---------------------------------------------------------------
 */

static bool
restore_snake(struct world *w, const struct gc_value *v)
{
	const struct gc_value *path = gc_value_get(v, "path");
	int64_t slot = whole(v, "slot");

	if (slot < 0 || slot >= WORLD_SNAKES || w->snakes[slot].used)
		return false;
	w->snakes[slot].used = true;
	w->snakes[slot].score = (unsigned long)whole(v, "score");
	return path == NULL ||
	       world_lay(w, (int)slot, gc_value_as_int(gc_value_at(path, 0)),
		   gc_value_as_int(gc_value_at(path, 1)),
		   gc_value_as_int(gc_value_at(path, 2)),
		   gc_value_text(gc_value_at(path, 3), NULL));
}

/* False: it is of another size, or makes no sense. */
static bool
restore_world(struct room *r, const struct gc_value *all)
{
	const struct gc_value *things = gc_value_get(all, "things");
	const struct gc_value *snakes = gc_value_get(all, "snakes");
	struct world *w = r->world;
	bool good = whole(all, "width") == w->rules.width &&
		    whole(all, "height") == w->rules.height;

	w->frame = (uint32_t)whole(all, "frame");
	for (size_t i = 0; i < gc_value_size(things) && good; i++) {
		int64_t at = -1;

		gc_value_key(things, i, &at);
		good = world_lie(
		    w, at, *gc_value_text(gc_value_at(things, i), NULL));
	}
	for (size_t i = 0; i < gc_value_size(snakes) && good; i++)
		good = restore_snake(w, gc_value_at(snakes, i));
	world_seen(w);
	return good;
}

/* ---- rooms -----------------------------------------------------------------
 */

static bool
restore_room(struct room *r)
{
	const struct gc_value *all = gc_state_value(r->st);
	const struct gc_value *snakes = gc_value_get(all, "snakes");
	const struct gc_value *log = gc_value_get(all, "log");

	if (!gc_state_restored(r->st) || !restore_world(r, all))
		return room_renew(r);
	for (size_t i = 0; i < gc_value_size(log); i++) {
		int64_t number = 0;

		gc_value_key(log, i, &number);
		if ((uint64_t)number > r->logged)
			r->logged = (uint64_t)number;
	}
	for (size_t i = 0; i < gc_value_size(snakes); i++) {
		const struct gc_value *v = gc_value_at(snakes, i);
		int64_t conn = 0;
		const char *bot = gc_value_key(snakes, i, &conn);

		room_restore(r, (uint64_t)conn,
		    bot ? (unsigned)strtoul(bot + 1, NULL, 10) : 0,
		    word(v, "name"), (int)whole(v, "slot"));
	}
	return true;
}

bool
restore(struct game *g)
{
	const struct gc_value *rooms;

	if (!page_begin(g))
		return false;
	g->last_number = (uint64_t)whole(gc_state_value(g->st), "last");
	if (!gc_state_restored(g->st))
		return true;
	restore_top(g);
	rooms = gc_state_get(g->st, "rooms");
	for (size_t i = gc_value_size(rooms); i > 0; i--) {
		char name[NAME_BYTES];
		const char *was;
		struct room *r;
		int64_t number = 0;

		gc_value_key(rooms, i - 1, &number);
		was = gc_value_text(gc_value_at(rooms, i - 1), NULL);
		text_clean(name, NAME_LETTERS, was, strlen(was));
		r = room_made(g, name, (uint64_t)number);
		if (r == NULL || !restore_room(r))
			return false;
		room_bots(r);
		rooms = gc_state_get(g->st, "rooms");
	}
	rooms_settle_later(g);
	return true;
}
