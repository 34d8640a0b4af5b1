/*
 * thing.c - what lies around and is carried, and coins.
 *
 * Nothing comes or goes but by thing_new(), thing_free(), coins_make() and
 * coins_spend(), which write it in the ledger; everything else only moves. The
 * command audit adds it all up.
 */
#include "mud.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct thing *
thing_new(struct mud *m, struct kind *k)
{
	struct thing *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->serial = ++m->serial;
	t->kind = k;
	m->things.made++;
	return t;
}

void
thing_free(struct mud *m, struct thing *t)
{
	m->things.spent++;
	free(t);
}

void
thing_put(struct thing **list, struct thing *t)
{
	t->worn = false;
	t->next = *list;
	*list = t;
}

struct thing *
thing_take(struct thing **list, struct thing *t)
{
	while (*list && *list != t)
		list = &(*list)->next;
	if (*list == NULL)
		return NULL;
	*list = t->next;
	t->next = NULL;
	t->worn = false;
	return t;
}

/* Its number and the words of its kind: "dagger", "dag", "2.dagger". */
struct thing *
thing_find(struct thing *list, const char *words)
{
	char *end;
	long nth = strtol(words, &end, 10);

	if (*end == '.' && nth > 0)
		words = end + 1;
	else
		nth = 1;
	for (struct thing *t = list; t; t = t->next)
		if (text_matches(t->kind->words, words) && --nth == 0)
			return t;
	return NULL;
}

struct thing *
thing_of_kind(struct thing *list, const struct kind *k)
{
	while (list && list->kind != k)
		list = list->next;
	return list;
}

struct thing *
thing_worn(const struct body *b, long slot)
{
	struct thing *t = b->things;

	while (t && !(t->worn && t->kind->slot == slot))
		t = t->next;
	return t;
}

size_t
thing_count(const struct thing *list)
{
	size_t n = 0;

	for (; list; list = list->next)
		n++;
	return n;
}

/* A place that is full loses what has lain there longest. */
void
thing_drop(struct room *r, struct thing *t)
{
	thing_put(&r->things, t);
	if (thing_count(r->things) <= FLOOR_MAX)
		return;
	while (t->next)
		t = t->next;
	thing_free(r->mud, thing_take(&r->things, t));
}

struct kind *
thing_kind(struct mud *m, const char *id)
{
	struct kind *k = m->world ? world_find(m->world, KINDS, id) : NULL;
	struct entry *e;
	char *copy;

	for (e = k ? NULL : (struct entry *)(void *)m->relics; e; e = e->next)
		if (strcmp(e->id, id) == 0)
			return (struct kind *)(void *)e;
	if (k)
		return k;
	k = calloc(1, sizeof(*k));
	copy = strdup(id);
	if (k == NULL || copy == NULL) {
		static struct kind dust = { .entry = { .id = "dust" },
			.name = "a handful of dust",
			.words = "handful dust",
			.text = "What it was, nobody can say." };

		free(k);
		free(copy);
		return &dust;
	}
	*k = (struct kind){ .entry = { (struct entry *)(void *)m->relics, copy,
				0, 0 },
		.name = "a strange relic",
		.words = "strange relic",
		.text = "Nobody remembers what this was for." };
	m->relics = k;
	return k;
}

long
thing_armour(const struct body *b)
{
	long armour = b->breed ? b->breed->armour : 0;

	for (const struct thing *t = b->things; t; t = t->next)
		if (t->worn)
			armour += t->kind->armour;
	return armour;
}

/* ---- coins --------------------------------------------------------------- */

void
coins_make(struct mud *m, long *to, long n)
{
	*to += n;
	m->coins.made += n;
}

void
coins_spend(struct mud *m, long *from, long n)
{
	*from -= n;
	m->coins.spent += n;
}

void
coins_move(long *from, long *to, long n)
{
	*from -= n;
	*to += n;
}
