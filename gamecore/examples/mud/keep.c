/*
 * keep.c - the world as text, so that another program finds it as it was: what
 * lies in which place, who of the beings is where and how, and until when.
 *
 * Nothing marks what has changed. Before each save a record of every place and
 * being is written, and what is not as it was last saved goes along, in the
 * same transaction as the characters: so a thing that was dropped is on the
 * floor and in no hand, or the other way round, whatever ends when.
 */
#include "mud.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- ids ----------------------------------------------------------------- */

void
keep_place_id(const struct place *place, char *out, size_t size)
{
	snprintf(out, size, "place/%s", place->entry.id);
}

void
keep_being_id(const struct body *b, char *out, size_t size)
{
	snprintf(out, size, "being/%s/%zu", b->breed->entry.id, b->nth);
}

void
keep_gone(struct mud *m, const char *id)
{
	struct body *b;

	text_printf(&m->gone, "world %s\n", id);
	/* Should there be another one by now, it is written again. */
	TAILQ_FOREACH (b, &m->bodies, all)
		if (strcmp(b->id, id) == 0)
			b->kept.saved = 0;
}

/* ---- out ----------------------------------------------------------------- */

/* FNV-1a, and never 0, which is the sum of nothing. */
static uint64_t
sum(const char *text, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return h ? h : 1;
}

static void
write_place(const struct room *r, struct text *t)
{
	char id[48];

	keep_place_id(r->place, id, sizeof(id));
	text_printf(t, "world %s\ncoins %ld\n", id, r->coins);
	record_write_things(r->things, t);
}

static void
write_being(const struct body *b, struct text *t)
{
	text_printf(
	    t, "world %s\nlife %ld\ncoins %ld\n", b->id, b->life, b->coins);
	if (b->dead)
		text_printf(t, "dead %" PRId64 "\n", b->back_us);
	else if (b->room)
		text_printf(t, "place %s\n", b->room->place->entry.id);
	text_printf(t, "asleep %d\nway %zu\n", b->asleep, b->way_at);
	text_printf(t, "next %" PRId64 " %" PRId64 " %" PRId64 "\n",
	    b->sleep_us, b->talk_us, b->step_us);
	if (b->foe && b->foe->player)
		text_printf(t, "foe %s\n", b->foe->name);
	record_write_things(b->things, t);
}

/* Leave what was written from there only if it is news. */
static size_t
news(struct kept *k, struct text *out, size_t from)
{
	uint64_t is = sum(out->bytes + from, out->len - from);

	k->saving = 0;
	if (is == k->saved) {
		out->len = from;
		out->bytes[from] = '\0';
		return 0;
	}
	k->saving = is;
	return 1;
}

/* Out of memory it stops growing, and what is cut off may not be saved. */
size_t
keep_write(struct mud *m, struct text *out)
{
	struct body *b;
	size_t n = m->gone.len > 0, from;

	text_add(out, text_of(&m->gone), m->gone.len);
	m->gone_saving = m->gone.len;
	for (size_t i = 0; m->world && i < m->world->n[PLACES]; i++) {
		from = out->len;
		write_place(&m->rooms[i], out);
		n += from < out->len ? news(&m->rooms[i].kept, out, from) : 0;
	}
	TAILQ_FOREACH (b, &m->bodies, all) {
		/* One that was not born yet has nothing to remember. */
		if (b->breed == NULL || (b->room == NULL && !b->dead))
			continue;
		from = out->len;
		write_being(b, out);
		n += from < out->len ? news(&b->kept, out, from) : 0;
	}
	return n;
}

static void
settle(struct kept *k, bool saved)
{
	if (saved && k->saving)
		k->saved = k->saving;
	k->saving = 0;
}

void
keep_settle(struct mud *m, bool saved)
{
	struct body *b;
	size_t n = saved ? m->gone_saving : 0;

	for (size_t i = 0; m->world && i < m->world->n[PLACES]; i++)
		settle(&m->rooms[i].kept, saved);
	TAILQ_FOREACH (b, &m->bodies, all)
		settle(&b->kept, saved);
	if (n) {
		memmove(m->gone.bytes, m->gone.bytes + n, m->gone.len - n + 1);
		m->gone.len -= n;
	}
	m->gone_saving = 0;
}

void
keep_forget(struct mud *m)
{
	struct body *b;

	for (size_t i = 0; m->world && i < m->world->n[PLACES]; i++)
		m->rooms[i].kept = (struct kept){ 0 };
	TAILQ_FOREACH (b, &m->bodies, all)
		b->kept = (struct kept){ 0 };
}

/* ---- back ---------------------------------------------------------------- */

/* What a record is of: one of them, or neither. */
struct found {
	struct room *room;
	struct body *being;
};

static struct found
find(struct mud *m, const char *id)
{
	struct found f = { NULL, NULL };
	struct body *b;

	if (strncmp(id, "place/", 6) == 0)
		f.room = room_of(m, world_find(m->world, PLACES, id + 6));
	TAILQ_FOREACH (b, &m->bodies, all)
		if (b->breed && strcmp(b->id, id) == 0)
			f.being = b;
	return f;
}

static long
whole(const char *text, long max)
{
	long n = strtol(text, NULL, 10);

	return n < 0 ? 0 : n > max ? max : n;
}

static void
read_coins(struct mud *m, long *to, const char *rest)
{
	long n = whole(rest, LONG_MAX / 4);

	*to += n;
	m->coins.brought += n;
}

static void
read_being(struct body *b, const char *word, char *rest)
{
	struct mud *m = b->mud;

	if (strcmp(word, "life") == 0) {
		b->life = whole(rest, b->life_max);
	} else if (strcmp(word, "dead") == 0) {
		b->dead = true;
		b->back_us = strtoll(rest, NULL, 10);
	} else if (strcmp(word, "place") == 0) {
		struct place *p = world_find(m->world, PLACES, rest);

		room_put(b, room_of(m, p ? p : b->breed->in));
	} else if (strcmp(word, "asleep") == 0) {
		b->asleep = *rest == '1' && b->breed->sleep_s > 0;
	} else if (strcmp(word, "way") == 0) {
		b->way_at = (size_t)whole(rest, LONG_MAX);
	} else if (strcmp(word, "next") == 0) {
		b->sleep_us = strtoll(text_word(&rest), NULL, 10);
		b->talk_us = strtoll(text_word(&rest), NULL, 10);
		b->step_us = strtoll(text_word(&rest), NULL, 10);
	} else if (strcmp(word, "foe") == 0) {
		snprintf(b->grudge, sizeof(b->grudge), "%s", rest);
	}
}

/* What lay in a place that is no more lies where all begin; what a being had
 * that is no more went with it. */
static void
read_line(struct mud *m, struct found *f, const char *word, char *rest)
{
	struct room *r = f->room;

	if (strcmp(word, "coins") == 0 && (r || f->being))
		read_coins(m, r ? &r->coins : &f->being->coins, rest);
	else if (strcmp(word, "item") == 0 && (r || f->being))
		record_read_thing(
		    m, r ? &r->things : &f->being->things, f->being, rest);
	else if (f->being)
		read_being(f->being, word, rest);
}

static struct found
begin(struct mud *m, const char *id)
{
	struct found f = find(m, id);

	if (f.room == NULL && f.being == NULL)
		keep_gone(m, id);
	if (f.room == NULL && f.being == NULL && strncmp(id, "place/", 6) == 0)
		f.room = room_of(m, m->world->start);
	if (f.being) {
		const struct breed *k = f.being->breed;

		f.being->restored = true;
		f.being->level = k->level;
		f.being->life = f.being->life_max = k->life;
	}
	return f;
}

void
keep_read(struct mud *m, char *text, char *last, size_t size)
{
	struct found f = { NULL, NULL };

	while (*text) {
		char *line = text, *end = text + strcspn(text, "\n");
		const char *word;

		text = *end ? end + 1 : end;
		*end = '\0';
		word = text_word(&line);
		if (strcmp(word, "world") == 0) {
			snprintf(last, size, "%s", line);
			f = begin(m, line);
		} else {
			read_line(m, &f, word, line);
		}
	}
}
