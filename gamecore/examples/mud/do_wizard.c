/*
 * do_wizard.c - for those who look after the world.
 */
#include "mud.h"

#include <stdlib.h>
#include <string.h>

int
wizard_reload(struct gc_session *s, struct mud *m, struct text *problem)
{
	char why[WORLD_PROBLEM], question[300] = "file ";
	const char *answer;
	struct world *w;
	ssize_t len;

	strncat(question, m->file, sizeof(question) - 6);
	len = gc_job_wait(s, "helpers", question, strlen(question), &answer);
	if (len < 0) {
		text_printf(problem, "%s", gc_problem(m->net));
		return len == GC_ECLOSED || len == GC_ESTOPPED ||
			       len == GC_ECANCELLED
			   ? (int)len
			   : GC_EFAILED;
	}
	w = world_parse(m->file, answer, (size_t)len, why);
	if (w == NULL) {
		text_printf(problem, "%s", why);
		return GC_EFAILED;
	}
	if (room_take_world(m, w))
		return 0;
	text_printf(problem, "out of memory");
	return GC_EFAILED;
}

int
do_reload(struct player *p, char *rest)
{
	struct text problem = { 0 };
	struct mud *m = p->mud;
	int r;

	(void)rest;
	r = wizard_reload(p->s, m, &problem);
	if (r == 0) {
		say_all(m, NULL, "{grey}The world shivers for a moment.{/}");
		say(p->body,
		    "%zu places, %zu kinds of things and %zu of "
		    "beings, %zu quests.",
		    m->world->n[PLACES], m->world->n[KINDS],
		    m->world->n[BREEDS], m->world->n[QUESTS]);
	} else {
		say(p->body, "{red}The old world stays:{/}\n%s",
		    text_of(&problem));
	}
	text_release(&problem);
	return r == GC_EFAILED ? 0 : r;
}

/* ---- does it all add up? ------------------------------------------------- */

struct sums {
	long coins, things, twice;
	uint64_t *serials;
	size_t n, size;
};

static void
count(struct sums *s, const struct thing *list)
{
	for (; list; list = list->next) {
		s->things++;
		if (s->n == s->size) {
			size_t size = s->size ? 2 * s->size : 1024;
			uint64_t *more =
			    realloc(s->serials, size * sizeof(*more));

			if (more == NULL)
				continue;
			s->serials = more;
			s->size = size;
		}
		s->serials[s->n++] = list->serial;
	}
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
audit(struct mud *m, struct sums *s)
{
	struct body *b;

	*s = (struct sums){ .coins = 0 };
	TAILQ_FOREACH (b, &m->bodies, all) {
		s->coins += b->coins;
		count(s, b->things);
	}
	for (size_t i = 0; i < m->world->n[PLACES]; i++) {
		s->coins += m->rooms[i].coins;
		count(s, m->rooms[i].things);
	}
	if (s->n)
		qsort(s->serials, s->n, sizeof(*s->serials), by_number);
	for (size_t i = 1; i < s->n; i++)
		s->twice += s->serials[i] == s->serials[i - 1];
	free(s->serials);
}

static long
should(const struct ledger *l)
{
	return l->made + l->brought - l->spent - l->taken;
}

int
do_audit(struct player *p, char *rest)
{
	struct mud *m = p->mud;
	const struct ledger *c = &m->coins, *t = &m->things;
	struct sums s;

	(void)rest;
	audit(m, &s);
	say(p->body,
	    "coins %ld = %ld made + %ld brought - %ld spent - %ld taken: %s\n"
	    "things %ld = %ld made + %ld brought - %ld spent - %ld taken: %s\n"
	    "doubled %ld, players %zu, commands %ju\n"
	    "audit %s",
	    s.coins, c->made, c->brought, c->spent, c->taken,
	    s.coins == should(c) ? "right" : "WRONG", s.things, t->made,
	    t->brought, t->spent, t->taken,
	    s.things == should(t) ? "right" : "WRONG", s.twice, m->n_players,
	    (uintmax_t)m->commands,
	    s.coins == should(c) && s.things == should(t) && s.twice == 0
		? "passed"
		: "FAILED");
	return 0;
}

int
do_goto(struct player *p, char *rest)
{
	const struct place *to = world_find(p->mud->world, PLACES, rest);
	struct body *b = p->body;

	if (to == NULL) {
		say(b, "There is no place with the id \"%s\".",
		    say_words(rest));
		return 0;
	}
	say_room(b->room, b, NULL, "%s is gone.", b->name);
	room_put(b, room_of(p->mud, to));
	say_room(b->room, b, NULL, "%s is here.", b->name);
	room_look(p, p->brief);
	return 0;
}
