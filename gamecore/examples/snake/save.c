/*
 * save.c - the game in JSON and back.
 *
 * What comes back was written by a build that may have been another one: a
 * piece that makes no sense is left out, and the rest is played on.
 */
#include "save.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	VERSION = 1,
	SAVE_US = 4 * 1000 * 1000, /* between two that nobody asked for */
};

/* ---- out ------------------------------------------------------------------
 */

static json_t *
save_top(const struct game *g)
{
	json_t *list = json_array();

	for (int i = 0; i < g->top_len; i++)
		json_array_append_new(
		    list, json_pack("[sIiI]", g->top[i].name,
			      (json_int_t)g->top[i].score, g->top[i].slot,
			      (json_int_t)g->top[i].at_us));
	return list;
}

/* Each cell that is not free: where, look, whose, until which frame. */
static json_t *
save_cells(const struct world *w)
{
	json_t *list = json_array();

	for (int i = 0; i < w->size; i++) {
		const struct world_cell *c = &w->cells[i];

		if (c->look != WORLD_FREE)
			json_array_append_new(
			    list, json_pack("[iiiI]", i, (int)c->look,
				      (int)c->slot, (json_int_t)c->until));
	}
	return list;
}

static json_t *
save_snake(const struct world *w, const struct world_snake *s)
{
	json_t *cells, *queue;

	if (!s->used)
		return json_null();
	cells = json_array();
	queue = json_array();
	for (int i = 0; s->placed && i < s->length; i++)
		json_array_append_new(
		    cells, json_integer(s->cells[(s->tail + i) % w->size]));
	for (unsigned i = 0; i < s->queued; i++)
		json_array_append_new(queue, json_integer((int)s->queue[i]));
	return json_pack("{sbsbsisosIsIso}", "placed", (int)s->placed, "moved",
	    (int)s->moved, "way", (int)s->way, "queue", queue, "growth",
	    (json_int_t)s->growth, "score", (json_int_t)s->score, "cells",
	    cells);
}

static json_t *
save_players(const struct room *r)
{
	json_t *list = json_array();

	for (const struct player *p = r->players; p != NULL; p = p->next)
		json_array_append_new(list,
		    json_pack("[IIsibII]", (json_int_t)p->conn,
			(json_int_t)p->id, p->name, p->slot, (int)p->terminal,
			(json_int_t)p->rest, (json_int_t)p->talk_us));
	return list;
}

static json_t *
save_room(const struct room *r)
{
	const struct world *w = r->world;
	json_t *snakes = json_array();

	for (int i = 0; i < WORLD_SNAKES; i++)
		json_array_append_new(snakes, save_snake(w, &w->snakes[i]));
	return json_pack("{sssIsisisIsososo}", "name", r->name, "number",
	    (json_int_t)r->number, "width", w->rules.width, "height",
	    w->rules.height, "frame", (json_int_t)w->frame, "cells",
	    save_cells(w), "snakes", snakes, "players", save_players(r));
}

void
save(struct game *g)
{
	json_t *rooms = json_array(), *all;
	char *text;

	for (const struct room *r = g->rooms; r != NULL; r = r->next)
		json_array_append_new(rooms, save_room(r));
	all = json_pack("{sisIsIsoso}", "version", VERSION, "next_number",
	    (json_int_t)g->next_number, "next_id", (json_int_t)g->next_id,
	    "top", save_top(g), "rooms", rooms);
	text = all ? json_dumps(all, JSON_COMPACT) : NULL;
	json_decref(all);
	if (text != NULL)
		gc_snapshot(g->net, text, strlen(text));
	free(text);
	g->saved_us = gc_now(g->net);
}

void
save_now_and_then(struct game *g)
{
	if (gc_now(g->net) - g->saved_us > SAVE_US)
		save(g);
}

/* ---- back -----------------------------------------------------------------
 */

static void
copy_name(char *to, const char *from)
{
	text_clean(to, NAME_LETTERS, from, strlen(from));
}

static void
restore_top(struct game *g, json_t *list)
{
	size_t i;
	json_t *one;

	json_array_foreach(list, i, one)
	{
		struct top_score *t = &g->top[g->top_len];
		const char *name;
		json_int_t score, at_us;

		if (g->top_len == TOP_SCORES ||
		    json_unpack(
			one, "[sIiI]", &name, &score, &t->slot, &at_us) < 0 ||
		    t->slot < 0 || t->slot >= WORLD_SNAKES)
			continue;
		copy_name(t->name, name);
		t->score = (unsigned long)score;
		t->at_us = at_us;
		g->top_len++;
	}
}

static void
restore_cells(struct world *w, json_t *list)
{
	size_t i;
	json_t *one;

	json_array_foreach(list, i, one)
	{
		int at, look, slot;
		json_int_t until;

		if (json_unpack(one, "[iiiI]", &at, &look, &slot, &until) < 0 ||
		    at < 0 || at >= w->size)
			continue;
		w->cells[at].look = (char)look;
		w->cells[at].slot = (uint8_t)slot;
		w->cells[at].until = (uint32_t)until;
	}
}

static void
restore_snake(struct world *w, struct world_snake *s, json_t *one)
{
	json_t *queue, *cells;
	int placed, moved, way;
	json_int_t growth, score;
	size_t i;
	json_t *n;

	if (json_unpack(one, "{sbsbsisosIsIso}", "placed", &placed, "moved",
		&moved, "way", &way, "queue", &queue, "growth", &growth,
		"score", &score, "cells", &cells) < 0)
		return;
	s->used = true;
	s->placed = placed;
	s->moved = moved;
	s->way = (enum world_way)way;
	s->growth = (unsigned)growth;
	s->score = (unsigned long)score;
	json_array_foreach(queue, i, n) if (s->queued < WORLD_QUEUE)
	    s->queue[s->queued++] = (enum world_way)json_integer_value(n);
	json_array_foreach(cells, i, n) if (s->length < w->size)
	    s->cells[s->length++] = (int)json_integer_value(n);
}

/* A world of the rules that hold now, as it was, or an empty one. */
static void
restore_world(struct room *r, json_t *one)
{
	json_t *cells, *snakes, *s;
	json_int_t frame;
	int width, height;
	size_t i;

	if (json_unpack(one, "{sisisIsoso}", "width", &width, "height", &height,
		"frame", &frame, "cells", &cells, "snakes", &snakes) < 0 ||
	    width != r->world->rules.width || height != r->world->rules.height)
		return;
	r->world->frame = (uint32_t)frame;
	restore_cells(r->world, cells);
	json_array_foreach(snakes, i, s) if (i < WORLD_SNAKES)
	    restore_snake(r->world, &r->world->snakes[i], s);
	if (!world_restored(r->world))
		room_renew(r);
}

static void
restore_players(struct room *r, json_t *list)
{
	size_t i;
	json_t *one;

	json_array_foreach(list, i, one)
	{
		struct player p = { .room = r };
		const char *name;
		json_int_t conn, id, rest, talk_us;
		int terminal;

		if (json_unpack(one, "[IIsibII]", &conn, &id, &name, &p.slot,
			&terminal, &rest, &talk_us) < 0)
			continue;
		copy_name(p.name, name);
		p.conn = (uint64_t)conn;
		p.id = (unsigned)id;
		p.terminal = terminal;
		p.rest = (unsigned)rest;
		p.talk_us = talk_us;
		room_restore(r, &p);
	}
}

static void
restore_rooms(struct game *g, json_t *list)
{
	size_t i;
	json_t *one, *players;

	json_array_foreach(list, i, one)
	{
		char clean[NAME_BYTES] = "";
		const char *name;
		json_int_t number;
		struct room *r;

		if (json_unpack(one, "{sssIso}", "name", &name, "number",
			&number, "players", &players) < 0)
			continue;
		copy_name(clean, name);
		r = room_made(g, clean, (uint64_t)number);
		if (r == NULL)
			continue;
		restore_world(r, one);
		restore_players(r, players);
		room_restored(r);
	}
}

void
restore(struct game *g)
{
	size_t len;
	const char *text = gc_restored(g->net, &len);
	json_t *all = text ? json_loadb(text, len, 0, NULL) : NULL;
	json_t *top, *rooms;
	json_int_t next_number, next_id;
	int version;

	if (all != NULL &&
	    json_unpack(all, "{sisIsIsoso}", "version", &version, "next_number",
		&next_number, "next_id", &next_id, "top", &top, "rooms",
		&rooms) == 0 &&
	    version == VERSION) {
		g->next_number = (uint64_t)next_number;
		g->next_id = (unsigned)next_id;
		restore_top(g, top);
		restore_rooms(g, rooms);
	} else if (text != NULL) {
		gc_log(g->net, 1, "a saved game that this build cannot read");
	}
	json_decref(all);
	g->settled = g->rooms == NULL;
}
