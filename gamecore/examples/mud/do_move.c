/*
 * do_move.c - looking around and going places.
 */
#include "mud.h"

#include <stdio.h>
#include <string.h>

int
do_way(struct player *p, char *rest, enum way way)
{
	(void)rest;
	if (p->body->foe) {
		say(p->body, "You are in a fight! Try to {bold}flee{/}.");
		return 0;
	}
	room_step(p->body, way);
	return 0;
}

int
do_go(struct player *p, char *rest)
{
	enum way way = way_of(text_word(&rest));

	if (way != WAYS)
		return do_way(p, rest, way);
	say(p->body, "Go where? The exits are below the text of a room.");
	return 0;
}

/* ---- looking at something ------------------------------------------------ */

static const char *
health(const struct body *b)
{
	long percent = 100 * b->life / b->life_max;

	return percent > 95   ? "in good health"
	       : percent > 65 ? "scratched"
	       : percent > 35 ? "wounded"
	       : percent > 10 ? "badly wounded"
			      : "almost dead";
}

static void
look_body(struct player *p, const struct body *b)
{
	struct text t = { 0 };

	text_printf(&t, "{bold}%s{/}", say_cap(b->name));
	if (b->player)
		text_printf(&t, ", of level %ld", b->level);
	if (b->breed && b->breed->text)
		text_printf(&t, "\n%s", b->breed->text);
	text_printf(&t, "\n%s is %s.", say_cap(b->name), health(b));
	for (const struct thing *th = b->things; th; th = th->next)
		if (th->worn)
			text_printf(&t, "\n  %s: {yellow}%s{/}",
			    slot_names[th->kind->slot], th->kind->name);
	say(p->body, "%s", text_of(&t));
	text_release(&t);
}

static void
look_thing(struct player *p, const struct kind *k)
{
	struct text t = { 0 };

	text_printf(&t, "{bold}%s{/}\n%s", say_cap(k->name),
	    k->text ? k->text : "Nothing special.");
	if (k->damage.high)
		text_printf(&t, "\nA weapon: %ld to %ld.", k->damage.low,
		    k->damage.high);
	if (k->armour)
		text_printf(
		    &t, "\nArmour (%s): %ld.", slot_names[k->slot], k->armour);
	if (k->heals)
		text_printf(&t, "\nIt would do you good: %ld.", k->heals);
	if (k->price)
		text_printf(&t, "\nWorth about %ld coins.", k->price);
	say(p->body, "%s", text_of(&t));
	text_release(&t);
}

static bool
look_detail(struct player *p, const char *words)
{
	const struct detail *d = p->body->room->place->details;

	while (d && !text_matches(d->words, words))
		d = d->next;
	if (d)
		say(p->body, "%s", d->text);
	return d != NULL;
}

int
do_examine(struct player *p, char *rest)
{
	struct body *me = p->body, *b;
	const struct thing *t;
	enum way way;

	if (*rest == '\0') {
		room_look(p, false);
		return 0;
	}
	if (text_begins(rest, "at "))
		rest += 3;
	if (strcmp(rest, "me") == 0 || strcmp(rest, "self") == 0) {
		look_body(p, me);
		return 0;
	}
	b = room_find_body(me->room, rest);
	t = b ? NULL : thing_find(me->things, rest);
	if (b == NULL && t == NULL)
		t = thing_find(me->room->things, rest);
	if (b)
		look_body(p, b);
	else if (t)
		look_thing(p, t->kind);
	else if (!look_detail(p, rest)) {
		way = way_of(rest);
		if (way != WAYS && me->room->place->exits[way])
			say(me, "That way lies {cyan}%s{/}.",
			    me->room->place->exits[way]->name);
		else
			say(me, "You see no \"%s\" here.", say_words(rest));
	}
	return 0;
}

int
do_look(struct player *p, char *rest)
{
	return do_examine(p, rest);
}

int
do_map(struct player *p, char *rest)
{
	struct text t = { 0 };

	(void)rest;
	map_draw(p->mud->world, p->body->room->place, 4, &t);
	say(p->body,
	    "%s{grey}@ you, ^ up, v down, %% both ways; 'look' names the "
	    "exits{/}",
	    text_of(&t));
	text_release(&t);
	return 0;
}

/* ---- further away -------------------------------------------------------- */

static struct room *
find_place(struct mud *m, const char *words)
{
	size_t n = m->world->n[PLACES];

	for (size_t i = 0; i < n; i++)
		if (text_begins(m->rooms[i].place->entry.id, words) ||
		    text_begins(m->rooms[i].place->name, words))
			return &m->rooms[i];
	for (size_t i = 0; i < n; i++)
		if (text_matches(m->rooms[i].place->name, words))
			return &m->rooms[i];
	return NULL;
}

/* A moment between two steps. 1: go on; 0: the player typed something, which
 * comes next; or an error. */
static int
breathe(struct player *p)
{
	struct gc_wait w = { .what = GC_FOR_MESSAGE };
	int r = gc_wait(p->s, &w, (int)being_time(p->mud, 400));

	if (r != GC_FOR_MESSAGE)
		return r == GC_ETIMEOUT ? 1 : r;
	snprintf(p->pending, sizeof(p->pending), "%.*s", (int)w.len, w.text);
	p->has_pending = true;
	return 0;
}

int
do_walk(struct player *p, char *rest)
{
	struct room *to = *rest ? find_place(p->mud, rest) : NULL;
	struct body *b = p->body;
	char steps[100];
	int r, go = 1;

	if (to == NULL || b->foe) {
		say(b, b->foe ? "Not while you fight." : "Walk where?");
		return 0;
	}
	r = walk_path(p->s, b->room, to, steps, sizeof(steps));
	if (r == -1)
		say(b, "You know no way there.");
	else if (r == 0)
		say(b, "You are there.");
	for (int i = 0; i < r && go == 1; i++) {
		if (b->foe || room_step(b, way_of((char[2]){ steps[i] })) != 0)
			break;
		if (i + 1 < r)
			go = breathe(p);
	}
	return r < -1 ? r : go < 0 ? go : 0;
}
