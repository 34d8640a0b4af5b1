/*
 * quest.c - what beings want from players, and what they give for it.
 *
 * A quest is taken by talking to its giver, and ends by talking once enough
 * are killed, or by giving the thing. What a player has done is kept by the
 * ids of the quests, so builders may change all else.
 */
#include "mud.h"

#include <stdio.h>
#include <string.h>

static struct progress *
progress_of(struct player *p, const struct quest *q)
{
	for (size_t i = 0; i < p->n_progress; i++)
		if (strcmp(p->progress[i].id, q->entry.id) == 0)
			return &p->progress[i];
	return NULL;
}

static bool
is_done(struct player *p, const struct quest *q)
{
	const struct progress *pr = progress_of(p, q);

	return pr && pr->done;
}

/* The first quest of this giver that this player may be in and has not done. */
static struct quest *
open_quest(struct player *p, const struct body *giver)
{
	for (struct entry *e = p->mud->world->first[QUESTS]; e; e = e->next) {
		struct quest *q = (struct quest *)(void *)e;

		if (q->giver == giver->breed && !is_done(p, q) &&
		    (q->after == NULL || is_done(p, q->after)))
			return q;
	}
	return NULL;
}

static void
tell(struct player *p, const struct body *giver, const char *words)
{
	say(p->body, "%s says to you: {cyan}%s{/}", say_cap(giver->name),
	    words);
}

static void
take_on(struct player *p, const struct body *giver, const struct quest *q)
{
	struct progress *pr;

	if (p->n_progress == PROGRESS_MAX) {
		say(p->body, "You have too many things to do already.");
		return;
	}
	pr = &p->progress[p->n_progress++];
	*pr = (struct progress){ .count = 0 };
	snprintf(pr->id, sizeof(pr->id), "%s", q->entry.id);
	tell(p, giver, q->offer);
	say(p->body, "{bold}You take it on:{/} %s.", q->name);
	store_mark(p);
}

static void
reward(struct player *p, const struct body *giver, const struct quest *q)
{
	struct mud *m = p->mud;
	struct body *b = p->body;
	struct thing *t = q->gives ? thing_new(m, q->gives) : NULL;

	progress_of(p, q)->done = true;
	tell(p, giver, q->thanks);
	say(b, "{bold}Done:{/} %s. (%ld experience, %ld coins)", q->name,
	    q->experience, q->coins);
	say_room(b->room, b, NULL, "%s presses the hand of %s.",
	    say_cap(giver->name), b->name);
	coins_make(m, &b->coins, q->coins);
	if (t) {
		thing_put(&b->things, t);
		say(b, "%s gives you %s.", say_cap(giver->name), t->kind->name);
	}
	prompt_stale(p, STALE_THINGS);
	fight_reward(p, q->experience);
}

bool
quest_talk(struct player *p, struct body *giver)
{
	struct quest *q = giver->breed ? open_quest(p, giver) : NULL;
	struct progress *pr = q ? progress_of(p, q) : NULL;

	if (q == NULL)
		return false;
	if (pr == NULL)
		take_on(p, giver, q);
	else if (q->kills && pr->count >= q->count)
		reward(p, giver, q);
	else
		tell(p, giver, q->remind);
	return true;
}

void
quest_killed(struct player *p, const struct breed *b)
{
	for (size_t i = 0; i < p->n_progress; i++) {
		struct progress *pr = &p->progress[i];
		const struct quest *q =
		    world_find(p->mud->world, QUESTS, pr->id);

		if (q == NULL || q->kills != b || pr->done ||
		    pr->count >= q->count)
			continue;
		pr->count++;
		say(p->body, "{bold}%s:{/} %ld of %ld.", q->name, pr->count,
		    q->count);
		store_mark(p);
	}
}

bool
quest_given(struct player *p, struct body *giver, struct thing *t)
{
	struct quest *q = giver->breed ? open_quest(p, giver) : NULL;
	struct progress *pr = q ? progress_of(p, q) : NULL;

	if (pr == NULL || q->brings != t->kind)
		return false;
	thing_take(&p->body->things, t);
	thing_free(p->mud, t);
	if (++pr->count >= q->count)
		reward(p, giver, q);
	else
		say(p->body, "{bold}%s:{/} %ld of %ld.", q->name, pr->count,
		    q->count);
	prompt_stale(p, STALE_THINGS);
	store_mark(p);
	return true;
}

void
quest_list(struct player *p, struct text *out)
{
	for (size_t i = 0; i < p->n_progress; i++) {
		const struct progress *pr = &p->progress[i];
		const struct quest *q =
		    world_find(p->mud->world, QUESTS, pr->id);

		if (q == NULL)
			continue;
		text_printf(out, "\n  %s%s{/}", pr->done ? "{grey}" : "{bold}",
		    q->name);
		if (pr->done)
			text_printf(out, " {grey}(done){/}");
		else
			text_printf(out, " for %s: %ld of %ld", q->giver->name,
			    pr->count, q->count);
	}
}
