/*
 * prompt.c - the prompt, and what a player's program is told beside the text.
 *
 * Whatever happens to a player only marks what is out of date. One session
 * waits for such marks; it runs after all those that make them, so a turn in
 * which ten things happened ends with one prompt and one line of vitals.
 */
#include "mud.h"

#include <stdio.h>
#include <string.h>

void
prompt_stale(struct player *p, unsigned what)
{
	struct mud *m = p->mud;

	p->stale |= what;
	if (p->is_stale_listed || p->line_dead)
		return;
	if (TAILQ_EMPTY(&m->stale))
		gc_notify_all(m->is_stale);
	TAILQ_INSERT_TAIL(&m->stale, p, in_stale);
	p->is_stale_listed = true;
}

void
prompt_stale_room(struct room *r, unsigned what)
{
	struct body *b;

	TAILQ_FOREACH (b, &r->bodies, here) {
		if (b->player)
			prompt_stale(b->player, what);
	}
}

/* ---- beside the text: GMCP ----------------------------------------------- */

static void
side(struct player *p, const char *name, struct text *json)
{
	gc_side(p->mud->net, gc_session_conn(p->s), name, text_of(json));
	text_release(json);
}

static void
side_vitals(struct player *p)
{
	struct body *b = p->body;
	struct text t = { 0 };

	text_printf(&t,
	    "{\"hp\":%ld,\"maxhp\":%ld,\"level\":%ld,\"xp\":%ld,"
	    "\"nextxp\":%ld,\"coins\":%ld,\"foe\":",
	    b->life, b->life_max, b->level, p->experience,
	    fight_experience(b->level), b->coins);
	if (b->foe)
		text_json(&t, b->foe->name);
	else
		text_printf(&t, "null");
	text_printf(&t, ",\"foehp\":%ld}",
	    b->foe ? 100 * b->foe->life / b->foe->life_max : 0);
	if (strcmp(text_of(&t), p->vitals) == 0) {
		text_release(&t);
		return;
	}
	snprintf(p->vitals, sizeof(p->vitals), "%s", text_of(&t));
	side(p, "Char.Vitals", &t);
}

static void
side_room(struct player *p)
{
	const struct place *place = p->body->room->place;
	const char *comma = "";
	struct text t = { 0 }, map = { 0 };

	text_printf(&t, "{\"num\":%zu,\"name\":", place->entry.number + 1);
	text_json(&t, place->name);
	text_printf(&t, ",\"area\":");
	text_json(&t, place->area);
	text_printf(&t, ",\"exits\":{");
	for (int w = 0; w < WAYS; w++)
		if (place->exits[w]) {
			text_printf(&t, "%s\"%c\":%zu", comma, way_names[w][0],
			    place->exits[w]->entry.number + 1);
			comma = ",";
		}
	text_printf(&t, "}}");
	side(p, "Room.Info", &t);
	map_json(p->mud->world, place, 4, &map);
	side(p, "Room.Map", &map);
}

static void
side_list(struct player *p, const char *where, const struct thing *list)
{
	const char *comma = "";
	struct text t = { 0 };

	text_printf(&t, "{\"location\":\"%s\",\"items\":[", where);
	for (; list; list = list->next) {
		text_printf(&t, "%s{\"id\":%ju,\"name\":", comma,
		    (uintmax_t)list->serial);
		text_json(&t, list->kind->name);
		if (list->worn)
			text_printf(&t, ",\"attrib\":\"%c\"",
			    list->kind->slot == HELD ? 'l' : 'w');
		text_printf(&t, "}");
		comma = ",";
	}
	text_printf(&t, "]}");
	side(p, "Char.Items.List", &t);
}

void
side_talk(
    struct player *p, const char *channel, const char *from, const char *words)
{
	struct gc_terminal terminal;
	struct text t = { 0 };

	if (gc_terminal(p->mud->net, gc_session_conn(p->s), &terminal) != 0 ||
	    !terminal.side)
		return;
	text_printf(&t, "{\"channel\":\"%s\",\"talker\":", channel);
	text_json(&t, from);
	text_printf(&t, ",\"text\":");
	/* A brace of a player's is a brace. */
	text_json(&t, say_words(words));
	text_printf(&t, "}");
	side(p, "Comm.Channel.Text", &t);
}

/* ---- the prompt ---------------------------------------------------------- */

static void
prompt(struct player *p)
{
	struct body *b = p->body;
	const char *colour = b->life * 3 < b->life_max       ? "bright red"
			     : b->life * 3 < 2 * b->life_max ? "yellow"
							     : "green";
	char text[160];

	if (b->foe)
		snprintf(text, sizeof(text),
		    "{%s}%ld/%ld{/} {red}%.30s %ld%%{/}> ", colour, b->life,
		    b->life_max, b->foe->name,
		    100 * b->foe->life / b->foe->life_max);
	else
		snprintf(text, sizeof(text), "{%s}%ld/%ld{/}> ", colour,
		    b->life, b->life_max);
	gc_prompt(p->mud->net, gc_session_conn(p->s), text);
}

static void
show(struct player *p)
{
	struct gc_terminal terminal;
	unsigned stale = p->stale;

	p->stale = 0;
	if (p->line_dead || p->leaving || p->body->room == NULL)
		return;
	if ((stale & ~(unsigned)STALE_PROMPT) &&
	    gc_terminal(p->mud->net, gc_session_conn(p->s), &terminal) == 0 &&
	    terminal.side) {
		if (stale & STALE_ROOM)
			side_room(p);
		if (stale & STALE_VITALS)
			side_vitals(p);
		if (stale & STALE_THINGS) {
			side_list(p, "inv", p->body->things);
			side_list(p, "room", p->body->room->things);
		}
	}
	if ((stale & STALE_PROMPT) && p->prompt && !p->is_line && !p->busy)
		prompt(p);
}

int
prompt_task(struct gc_session *s, void *arg)
{
	struct mud *m = arg;
	struct player *p;
	int r;

	for (;;) {
		while ((p = TAILQ_FIRST(&m->stale)) != NULL) {
			TAILQ_REMOVE(&m->stale, p, in_stale);
			p->is_stale_listed = false;
			show(p);
		}
		r = gc_condition_wait(s, m->is_stale, -1);
		if (r < 0)
			return r;
	}
}
