/*
 * being.c - the life of a guard, a rat, a shopkeeper: one session each.
 *
 * A life is straight lines: be born, wait for the next thing to do, do it,
 * until it dies; then be nowhere for a while, and be born again. What a being
 * does by itself stands in its breed; what others do to it comes as a signal.
 */
#include "mud.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- birth --------------------------------------------------------------- */

int64_t
being_time(const struct mud *m, int64_t ms)
{
	return ms > 0 && ms < m->pace ? 1 : ms / m->pace;
}

static int64_t
soon_us(struct mud *m, long about_s)
{
	int64_t us = being_time(m, about_s * INT64_C(1000)) * 1000;

	return gc_now(m->net) + us / 2 +
	       (int64_t)gc_random(m->net, (uint64_t)us + 1);
}

static long
between(struct mud *m, struct range r)
{
	return r.low + (long)gc_random(m->net, (uint64_t)(r.high - r.low) + 1);
}

static void
be_born(struct body *b)
{
	struct mud *m = b->mud;
	const struct breed *k = b->breed;

	b->dead = false;
	b->level = k->level;
	b->life = b->life_max = k->life;
	b->prey = 0;
	b->asleep = k->sleep_s > 0;
	b->sleep_us = soon_us(m, k->sleep_s);
	b->talk_us = soon_us(m, k->talk_s);
	b->step_us = soon_us(m, k->wander_s ? k->wander_s : 20);
	coins_make(m, &b->coins, between(m, k->coins));
	for (size_t i = 0; i < k->carries.n; i++) {
		struct thing *t = thing_new(m, k->carries.to[i]);

		if (t)
			thing_put(&b->things, t);
		if (t && t->kind->slot && !thing_worn(b, t->kind->slot))
			t->worn = true;
	}
	room_put(b, room_of(m, k->in));
	say_room(b->room, b, NULL, "{grey}%s is here.{/}", say_cap(b->name));
}

/* ---- what it does by itself ---------------------------------------------- */

/* One line of several, "a|b" by lines of the file. */
static void
speak(struct body *b)
{
	const char *line = b->breed->talk;
	size_t lines = 1, len;
	uint64_t which;

	for (const char *p = line; *p; p++)
		lines += *p == '\n';
	which = gc_random(b->mud->net, lines);
	while (which--)
		line = strchr(line, '\n') + 1;
	len = strcspn(line, "\n");
	if (*line == '*')
		say_room(b->room, NULL, NULL, "%s %.*s", say_cap(b->name),
		    (int)len - 2, line + 2);
	else
		say_room(b->room, NULL, NULL, "%s says: {cyan}%.*s{/}",
		    say_cap(b->name), (int)len, line);
}

static void
turn_over(struct body *b)
{
	const char *words = b->asleep ? b->breed->wakes : b->breed->sleeps;

	b->asleep = !b->asleep;
	b->sleep_us = soon_us(b->mud, b->breed->sleep_s);
	say_room(b->room, NULL, NULL, "%s",
	    words       ? words
	    : b->asleep ? "Somebody begins to snore."
			: "Somebody yawns and looks around.");
}

/* Somewhere near, but not into other areas nor where one needs something. */
static void
wander(struct body *b)
{
	const struct place *here = b->room->place;
	enum way way = (enum way)gc_random(b->mud->net, WAYS);
	const struct place *to = here->exits[way];

	b->step_us = soon_us(b->mud, b->breed->wander_s);
	if (to && to->needs == NULL && !(b->breed->fierce && to->safe) &&
	    strcmp(to->area, here->area) == 0)
		room_step(b, way);
}

static void
seek_a_fight(struct body *b)
{
	struct body *o;
	uint64_t n = 0;

	if (!b->breed->fierce || b->foe || b->room->place->safe)
		return;
	TAILQ_FOREACH (o, &b->room->bodies, here) {
		if (o->player)
			n++;
	}
	n = n ? 1 + gc_random(b->mud->net, n) : 0;
	TAILQ_FOREACH (o, &b->room->bodies, here) {
		if (n == 0 || o->player == NULL || --n > 0)
			continue;
		say(o, "{bright red}%s attacks you!{/}", say_cap(b->name));
		say_room(
		    b->room, b, o, "%s attacks %s!", say_cap(b->name), o->name);
		fight_begin(b, o);
	}
}

/* ---- going somewhere ----------------------------------------------------- */

static bool
is_free(const struct body *b)
{
	return b->breed && !b->dead && !b->foe && b->room;
}

/* Along a path that a worker found, a step at a time, until something comes
 * in between. 0, or an error of the wait. */
static int
go_to(struct gc_session *s, struct body *b, struct room *to)
{
	char steps[100];
	int r = walk_path(s, b->room, to, steps, sizeof(steps));

	for (int i = 0; i < r && is_free(b); i++) {
		int e;

		room_step(b, way_of((char[2]){ steps[i] }));
		e = gc_sleep(s, being_time(b->mud, 1500));
		if (e < 0)
			return e;
	}
	return r < -1 ? r : 0;
}

/* The next place of its way. */
static int
do_rounds(struct gc_session *s, struct body *b)
{
	const struct refs *way = &b->breed->way;
	struct place *to = way->to[b->way_at++ % way->n];

	b->step_us = soon_us(b->mud, 20);
	return go_to(s, b, room_of(b->mud, to));
}

static struct body *
find_player(struct mud *m, uint64_t number)
{
	struct player *p;

	TAILQ_FOREACH (p, &m->players, next)
		if (p->body->number == number && p->body->room)
			return p->body;
	return NULL;
}

/* After who fled, a few paths long, then home. */
static int
hunt(struct gc_session *s, struct body *b)
{
	struct body *prey = NULL;
	int r = 0;

	say_room(b->room, NULL, NULL, "%s sets off after its prey.",
	    say_cap(b->name));
	for (int i = 0; i < 4 && r == 0 && is_free(b); i++) {
		prey = find_player(b->mud, b->prey);
		if (prey == NULL || prey->room->place->safe)
			break;
		r = go_to(s, b, prey->room);
		/* It may have left the world meanwhile. */
		prey = find_player(b->mud, b->prey);
		if (r == 0 && is_free(b) && prey && prey->room == b->room) {
			say(prey, "{bright red}%s has found you!{/}",
			    say_cap(b->name));
			fight_begin(b, prey);
			return 0;
		}
	}
	b->prey = 0;
	return r == 0 && is_free(b) ? go_to(s, b, room_of(b->mud, b->breed->in))
				    : r;
}

/* ---- a moment ------------------------------------------------------------ */

static int
due_ms(const struct body *b)
{
	const struct breed *k = b->breed;
	int64_t first = INT64_MAX, now = gc_now(b->mud->net);

	if (k->sleep_s)
		first = b->sleep_us;
	if (k->talk_s && k->talk && b->talk_us < first)
		first = b->talk_us;
	if ((k->wander_s || k->way.n) && b->step_us < first)
		first = b->step_us;
	if (first == INT64_MAX)
		return -1;
	return first > now ? (int)((first - now) / 1000) + 1 : 0;
}

static int
do_next(struct gc_session *s, struct body *b)
{
	const struct breed *k = b->breed;
	int64_t now = gc_now(b->mud->net);

	if (k->sleep_s && b->sleep_us <= now) {
		if (b->foe)
			b->sleep_us = soon_us(b->mud, k->sleep_s);
		else
			turn_over(b);
	}
	if (k->talk_s && k->talk && b->talk_us <= now) {
		b->talk_us = soon_us(b->mud, k->talk_s);
		if (!b->asleep && !b->foe && gc_room_members(b->room->voice))
			speak(b);
	}
	if (b->step_us > now)
		return 0;
	b->step_us = soon_us(b->mud, 10);
	if (b->asleep || b->foe)
		return 0;
	if (k->way.n)
		return do_rounds(s, b);
	/* A hunt ended somewhere, or another program found it there. */
	if (strcmp(b->room->place->area, k->in->area) != 0)
		return go_to(s, b, room_of(b->mud, k->in));
	if (k->wander_s)
		wander(b);
	seek_a_fight(b);
	return 0;
}

static int
look_up(struct gc_session *s, struct body *b)
{
	int r = gc_sleep(s, being_time(b->mud, 800));

	b->looked_up = false;
	if (r < 0 || !is_free(b) || b->asleep)
		return r;
	if (b->breed->hello && !room_crowded(b->room))
		say_room(b->room, NULL, NULL, "%s says: {cyan}%s{/}",
		    say_cap(b->name), b->breed->hello);
	seek_a_fight(b);
	return 0;
}

static int
moment(struct gc_session *s, struct body *b)
{
	struct gc_wait w = { .what = GC_FOR_SIGNAL };
	int r = gc_wait(s, &w, due_ms(b));

	if (r == GC_ETIMEOUT)
		return do_next(s, b);
	if (r < 0)
		return r;
	if (w.value == SAW)
		return look_up(s, b);
	if (w.value == FLED && b->breed->hunts && b->prey && is_free(b))
		return hunt(s, b);
	return 0;
}

static int
be_nowhere(struct gc_session *s, const struct body *b)
{
	int64_t us = b->back_us - gc_now(b->mud->net);

	return us > 0 ? gc_sleep(s, us / 1000 + 1) : 0;
}

static int
being(struct gc_session *s, void *arg)
{
	struct body *b = arg;
	struct mud *m = b->mud;
	int r = 0;

	/* The store may know of it. */
	while (r >= 0 && !m->ready)
		r = gc_condition_wait(s, m->is_ready, -1);
	while (r >= 0 && b->breed) {
		if (!b->restored)
			be_born(b);
		b->restored = false;
		while (r >= 0 && b->breed && !b->dead)
			r = moment(s, b);
		if (r >= 0 && b->breed)
			r = be_nowhere(s, b);
	}
	/* As the world ends it is still to be saved: main.c frees it. */
	if (r == GC_ESTOPPED)
		return r;
	/* Its breed is no more. */
	if (b->room)
		say_room(b->room, b, NULL, "%s fades away.", say_cap(b->name));
	body_free(b);
	return r == GC_ECANCELLED ? 0 : r;
}

/* ---- all of them --------------------------------------------------------- */

void
being_tell_all(struct room *r, int what)
{
	struct body *b;

	TAILQ_FOREACH (b, &r->bodies, here) {
		if (b->breed == NULL || b->looked_up || b->asleep ||
		    (what == SAW && !b->breed->hello && !b->breed->fierce))
			continue;
		b->looked_up = what == SAW;
		gc_signal(r->mud->net, b->session, what, NULL);
	}
}

static bool
spawn(struct mud *m, struct breed *k, size_t nth)
{
	struct body *b = body_new(m, k->name);

	if (b == NULL)
		return false;
	b->breed = k;
	b->nth = nth;
	keep_being_id(b, b->id, sizeof(b->id));
	b->session = gc_task(m->net, k->entry.id, being, b);
	if (b->session)
		return true;
	b->breed = NULL;
	b->id[0] = '\0';
	body_free(b);
	return false;
}

/* Those that the world has and that are not there are born; those whose breed
 * is no more, or of which there are too many, end. */
bool
being_spawn_all(struct mud *m)
{
	struct body *b;

	TAILQ_FOREACH (b, &m->bodies, all) {
		if (b->player)
			continue;
		if (b->breed && (long)b->nth >= b->breed->count)
			b->breed = NULL;
		if (b->breed == NULL)
			gc_cancel(m->net, b->session);
		else
			snprintf(
			    b->name, sizeof(b->name), "%s", b->breed->name);
	}
	for (struct entry *e = m->world->first[BREEDS]; e; e = e->next) {
		struct breed *k = (struct breed *)(void *)e;

		for (size_t n = 0; n < (size_t)k->count; n++) {
			bool there = false;

			TAILQ_FOREACH (b, &m->bodies, all)
				there = there || (b->breed == k && b->nth == n);
			if (!there && !spawn(m, k, n))
				return false;
		}
	}
	return true;
}
