/*
 * room.c - who is where: bodies in rooms, steps, looks, and a new world.
 *
 * A room is what moves in one place of the builders' file. When the file is
 * read again the rooms are made anew and everybody and everything moves over,
 * by the ids of the places; what stood in a place that is no more finds itself
 * where new characters begin.
 */
#include "mud.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- bodies -------------------------------------------------------------- */

struct body *
body_new(struct mud *m, const char *name)
{
	struct body *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->mud = m;
	b->number = ++m->number;
	snprintf(b->name, sizeof(b->name), "%s", name);
	TAILQ_INSERT_TAIL(&m->bodies, b, all);
	return b;
}

/* What it has goes with it: whoever wants that kept has saved it. */
void
body_free(struct body *b)
{
	struct mud *m = b->mud;

	room_put(b, NULL);
	while (b->things) {
		struct thing *t = thing_take(&b->things, b->things);

		if (b->player) {
			m->things.taken++;
			free(t);
		} else {
			thing_free(m, t);
		}
	}
	if (b->player)
		m->coins.taken += b->coins;
	else
		coins_spend(m, &b->coins, b->coins);
	TAILQ_REMOVE(&m->bodies, b, all);
	if (b->id[0])
		keep_gone(m, b->id);
	free(b);
}

/* ---- places -------------------------------------------------------------- */

struct room *
room_of(struct mud *m, const struct place *place)
{
	return place ? &m->rooms[place->entry.number] : NULL;
}

void
room_put(struct body *b, struct room *r)
{
	fight_stop(b);
	if (b->room) {
		TAILQ_REMOVE(&b->room->bodies, b, here);
		if (b->player && b->player->s)
			gc_room_leave(b->player->s);
	}
	b->room = r;
	b->resting = false;
	if (r == NULL)
		return;
	TAILQ_INSERT_TAIL(&r->bodies, b, here);
	if (b->player) {
		gc_room_enter(r->voice, b->player->s);
		prompt_stale(b->player, STALE_ALL);
	}
}

static const char *
came_from(enum way way)
{
	static const char *const words[WAYS] = { "the south", "the west",
		"the north", "the east", "below", "above" };

	return words[way];
}

bool
room_crowded(const struct room *r)
{
	return gc_room_members(r->voice) > CROWD;
}

int
room_step(struct body *b, enum way way)
{
	struct room *from = b->room;
	const struct place *next = from->place->exits[way];
	struct room *to;

	if (next == NULL) {
		say(b, "There is no way %s.", way_names[way]);
		return -1;
	}
	if (b->player && next->needs && !b->player->wizard &&
	    !thing_of_kind(b->things, next->needs)) {
		say(b, "%s",
		    *next->without ? next->without : "You cannot go there.");
		return -1;
	}
	to = room_of(b->mud, next);
	if (!room_crowded(from))
		say_room(from, b, NULL, "{grey}%s leaves %s.{/}",
		    say_cap(b->name), way_names[way]);
	room_put(b, to);
	if (!room_crowded(to))
		say_room(to, b, NULL, "{grey}%s comes in from %s.{/}",
		    say_cap(b->name), came_from(way));
	if (b->player) {
		room_look(b->player, b->player->brief);
		being_tell_all(to, SAW);
	}
	return 0;
}

/* ---- looking ------------------------------------------------------------- */

static void
look_exits(const struct place *p, struct text *t)
{
	const char *comma = "";

	text_printf(t, "{green}[Exits:");
	for (int w = 0; w < WAYS; w++)
		if (p->exits[w]) {
			text_printf(t, "%s %s", comma, way_names[w]);
			comma = ",";
		}
	text_printf(t, "%s]{/}", *comma ? "" : " none");
}

static void
look_things(const struct room *r, struct text *t)
{
	for (const struct thing *th = r->things; th; th = th->next) {
		size_t same = 1;

		/* Ten of a kind are one line, at the first of them. */
		for (const struct thing *o = r->things; o != th; o = o->next)
			if (o->kind == th->kind)
				same = 0;
		for (const struct thing *o = same ? th->next : NULL; o;
		     o = o->next)
			same += o->kind == th->kind;
		if (same == 1)
			text_printf(t, "\n  {yellow}%s{/} lies here.",
			    say_cap(th->kind->name));
		else if (same > 1)
			text_printf(t, "\n  {yellow}%s{/} lies here. (%zu)",
			    say_cap(th->kind->name), same);
	}
	if (r->coins)
		text_printf(t, "\n  {yellow}%ld coin%s{/} glint%s here.",
		    r->coins, r->coins == 1 ? "" : "s",
		    r->coins == 1 ? "s" : "");
}

static const char *
posture(const struct body *b)
{
	if (b->foe)
		return "is here, fighting";
	if (b->asleep)
		return "is here, asleep";
	if (b->resting)
		return "rests here";
	if (b->player && b->player->line_dead)
		return "is here, staring into nothing";
	return "is here";
}

/* How many a line is for: all who do the same as the first of them, and 0 for
 * the others. */
static size_t
alike(const struct room *r, const struct body *b)
{
	const struct body *o;
	size_t n = 0;

	if (b->player)
		return 1;
	TAILQ_FOREACH (o, &r->bodies, here) {
		if (o->breed != b->breed || o->foe != b->foe ||
		    o->asleep != b->asleep)
			continue;
		if (n++ == 0 && o != b)
			return 0;
	}
	return n;
}

/* A crowd is told in one line. */
static void
look_bodies(const struct room *r, const struct body *me, struct text *t)
{
	enum { SHOWN = 12 };
	const struct body *b;
	size_t players = 0;

	TAILQ_FOREACH (b, &r->bodies, here) {
		size_t same = alike(r, b);

		if (b == me || same == 0 || (b->player && players++ >= SHOWN))
			continue;
		text_printf(t, "\n  {%s}%s{/} %s%s%s.",
		    b->player ? "bright cyan" : "magenta", say_cap(b->name),
		    posture(b), b->foe ? " " : "",
		    b->foe == me ? "you"
		    : b->foe     ? b->foe->name
				 : "");
		if (same > 1)
			text_printf(t, " (%zu)", same);
	}
	if (players > SHOWN)
		text_printf(t, "\n  And %zu more people.", players - SHOWN);
}

void
room_look(struct player *p, bool brief)
{
	const struct room *r = p->body->room;
	struct text t = { 0 };

	text_printf(&t, "\n{bold}{cyan}%s{/}{/}\n", r->place->name);
	if (!brief)
		text_printf(&t, "%s\n", r->place->text);
	look_exits(r->place, &t);
	look_things(r, &t);
	look_bodies(r, p->body, &t);
	say(p->body, "%s", text_of(&t));
	text_release(&t);
}

struct body *
room_find_body(const struct room *r, const char *words)
{
	struct body *b;
	char *end;
	long nth = strtol(words, &end, 10);

	if (*end == '.' && nth > 0)
		words = end + 1;
	else
		nth = 1;
	TAILQ_FOREACH (b, &r->bodies, here) {
		if (text_matches(b->breed ? b->breed->words : b->name, words) &&
		    --nth == 0)
			return b;
	}
	return NULL;
}

/* ---- a new world --------------------------------------------------------- */

static struct room *
rooms_make(struct mud *m, const struct world *w)
{
	struct room *rooms = calloc(w->n[PLACES], sizeof(*rooms));
	size_t i = 0;

	if (rooms == NULL)
		return NULL;
	for (const struct entry *e = w->first[PLACES]; e; e = e->next, i++) {
		rooms[i].mud = m;
		rooms[i].place = (const struct place *)(const void *)e;
		TAILQ_INIT(&rooms[i].bodies);
		rooms[i].voice = gc_room_new(m->net, e->id, 0, NULL);
		if (rooms[i].voice == NULL)
			break;
	}
	if (i == w->n[PLACES])
		return rooms;
	while (i-- > 0)
		gc_room_free(rooms[i].voice);
	free(rooms);
	return NULL;
}

static struct kind *
kind_now(struct mud *m, const struct kind *k)
{
	return thing_kind(m, k->entry.id);
}

static void
things_now(struct mud *m, struct thing *list)
{
	for (; list; list = list->next) {
		struct kind *k = kind_now(m, list->kind);

		list->worn = list->worn && k->slot != SLOT_NONE;
		list->kind = k;
	}
}

/* Everybody and everything of an old room into the new one. */
static void
move_over(struct mud *m, struct room *from, struct room *to)
{
	struct thing *t, *reversed = NULL;
	struct body *b, *foe;

	while ((t = from->things) != NULL) {
		thing_take(&from->things, t);
		thing_put(&reversed, t);
	}
	while ((t = reversed) != NULL) {
		thing_take(&reversed, t);
		thing_put(&to->things, t);
	}
	things_now(m, to->things);
	coins_move(&from->coins, &to->coins, from->coins);
	while ((b = TAILQ_FIRST(&from->bodies)) != NULL) {
		foe = b->foe;
		room_put(b, to);
		b->foe = foe;
	}
	gc_room_free(from->voice);
}

bool
room_take_world(struct mud *m, struct world *w)
{
	struct world *old = m->world;
	struct room *rooms = rooms_make(m, w), *before = m->rooms;
	struct body *b;

	if (rooms == NULL)
		return false;
	m->world = w;
	m->rooms = rooms;
	TAILQ_FOREACH (b, &m->bodies, all) {
		things_now(m, b->things);
		if (b->breed)
			b->breed = world_find(w, BREEDS, b->breed->entry.id);
	}
	for (size_t i = 0; old && i < old->n[PLACES]; i++) {
		struct place *p =
		    world_find(w, PLACES, before[i].place->entry.id);
		char id[48];

		keep_place_id(before[i].place, id, sizeof(id));
		if (p == NULL)
			keep_gone(m, id);
		move_over(m, &before[i], room_of(m, p ? p : w->start));
	}
	free(before);
	world_free(old);
	return being_spawn_all(m);
}
