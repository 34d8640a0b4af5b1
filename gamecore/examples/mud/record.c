/*
 * record.c - a character as text and back: what the store keeps.
 *
 * A line is a word and what belongs to it. What this build does not know is
 * left out when it is read, so an older record is never refused.
 */
#include "mud.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
record_write_things(const struct thing *list, struct text *out)
{
	for (; list; list = list->next)
		text_printf(out, "item %" PRIu64 " %d %s\n", list->serial,
		    list->worn, list->kind->entry.id);
}

void
record_write(const struct player *p, struct text *out)
{
	const struct body *b = p->body;
	const struct mud *m = p->mud;
	const struct place *place = b->room ? b->room->place : m->world->start;

	text_printf(out, "character %s\n", b->name);
	text_printf(out, "place %s\n", place->entry.id);
	text_printf(out, "level %ld\nexperience %ld\nlife %ld\ncoins %ld\n",
	    b->level, p->experience, b->life, b->coins);
	text_printf(out, "brief %d\nprompt %d\n", p->brief, p->prompt);
	for (size_t i = 0; i < p->n_aliases; i++)
		text_printf(out, "alias %s %s\n", p->aliases[i].name,
		    p->aliases[i].text);
	for (size_t i = 0; i < p->n_progress; i++)
		text_printf(out, "quest %s %ld %d\n", p->progress[i].id,
		    p->progress[i].count, p->progress[i].done);
	if (b->foe && b->foe->breed)
		text_printf(out, "foe %s\n", b->foe->id);
	record_write_things(b->things, out);
}

/* ---- back ---------------------------------------------------------------- */

static long
whole(const char *text, long max)
{
	long n = strtol(text, NULL, 10);

	return n < 0 ? 0 : n > max ? max : n;
}

static void
read_alias(struct player *p, char *rest)
{
	struct alias *a = &p->aliases[p->n_aliases];
	const char *name = text_word(&rest);

	if (p->n_aliases == ALIASES_MAX || *name == '\0')
		return;
	snprintf(a->name, sizeof(a->name), "%s", name);
	snprintf(a->text, sizeof(a->text), "%s", rest);
	p->n_aliases++;
}

static void
read_quest(struct player *p, char *rest)
{
	struct progress *pr = &p->progress[p->n_progress];

	if (p->n_progress == PROGRESS_MAX)
		return;
	snprintf(pr->id, sizeof(pr->id), "%s", text_word(&rest));
	pr->count = whole(text_word(&rest), 1000000);
	pr->done = *text_word(&rest) == '1';
	p->n_progress++;
}

void
record_read_thing(
    struct mud *m, struct thing **list, struct body *wearer, char *rest)
{
	uint64_t serial = strtoull(text_word(&rest), NULL, 10);
	bool worn = *text_word(&rest) == '1';
	struct kind *k = thing_kind(m, text_word(&rest));
	struct thing *t = k && serial ? calloc(1, sizeof(*t)) : NULL;

	if (t == NULL)
		return;
	*t = (struct thing){ NULL, serial, k,
		worn && wearer && k->slot && !thing_worn(wearer, k->slot) };
	while (*list)
		list = &(*list)->next;
	*list = t;
	m->things.brought++;
}

static void
read_line(struct player *p, const char *word, char *rest)
{
	struct body *b = p->body;

	if (strcmp(word, "place") == 0) {
		snprintf(p->place, sizeof(p->place), "%s", rest);
	} else if (strcmp(word, "level") == 0) {
		b->level = whole(rest, LEVEL_MAX);
	} else if (strcmp(word, "experience") == 0) {
		p->experience = whole(rest, LONG_MAX);
	} else if (strcmp(word, "life") == 0) {
		b->life = whole(rest, LONG_MAX);
	} else if (strcmp(word, "coins") == 0) {
		b->coins = whole(rest, LONG_MAX);
		p->mud->coins.brought += b->coins;
	} else if (strcmp(word, "brief") == 0) {
		p->brief = *rest == '1';
	} else if (strcmp(word, "prompt") == 0) {
		p->prompt = *rest == '1';
	} else if (strcmp(word, "alias") == 0) {
		read_alias(p, rest);
	} else if (strcmp(word, "quest") == 0) {
		read_quest(p, rest);
	} else if (strcmp(word, "foe") == 0) {
		snprintf(p->foe, sizeof(p->foe), "%s", rest);
	} else if (strcmp(word, "item") == 0) {
		record_read_thing(p->mud, &b->things, b, rest);
	}
}

bool
record_read(struct player *p, char *text)
{
	struct body *b = p->body;

	while (*text) {
		char *line = text, *end = text + strcspn(text, "\n");
		const char *word;

		text = *end ? end + 1 : end;
		*end = '\0';
		word = text_word(&line);
		read_line(p, word, line);
	}
	if (b->level < 1)
		return false;
	b->life_max = fight_life_max(b->level);
	if (b->life < 1 || b->life > b->life_max)
		b->life = b->life_max;
	return true;
}
