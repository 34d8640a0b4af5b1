/*
 * page.c - rooms as states: what is new in a world is put there, and netd
 * tells everybody what they lack.
 */
#include "page.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { GAME = 1, LOG_MAX = 20 };

const struct gc_type *const page_types[] = { &name_type, &join_type, &turn_type,
	&talk_type, &ping_type, &you_type, &sorry_type, &bye_type, &pong_type,
	NULL };

/* Put a value at a path; NULL: nothing shall be there. */
__attribute__((format(printf, 3, 4))) static void
put(struct gc_state *st, struct gc_value *v, const char *format, ...)
{
	char path[64];
	va_list ap;

	va_start(ap, format);
	vsnprintf(path, sizeof(path), format, ap);
	va_end(ap);
	if (v != NULL)
		gc_state_set(st, path, v);
	else
		gc_state_delete(st, path);
}

/* ---- a room ----------------------------------------------------------------
 */

static struct gc_value *
top_of(const struct game *g)
{
	struct gc_value *list = gc_value_array();

	for (int i = 0; i < g->top_len; i++) {
		const struct top_score *t = &g->top[i];

		gc_value_add(
		    list, gc_value_make("[slil]", t->name, (int64_t)t->score,
			      t->slot, t->at_us / 1000000));
	}
	return list;
}

static struct gc_value *
empty(const struct room *r)
{
	const struct world_rules *rules = &r->world->rules;

	return gc_value_make("{sssisisbsisisisis{}s{}svs{}}", "room", r->name,
	    "width", rules->width, "height", rules->height, "wrap", rules->wrap,
	    "speed", r->game->speed, "most", WORLD_SNAKES, "frame", 0, "people",
	    0, "things", "snakes", "top", top_of(r->game), "log");
}

bool
page_begin(struct game *g)
{
	g->st = gc_state_open(g->net, GAME, NULL,
	    gc_value_make("{sis{}s[]}", "last", GAME, "rooms", "top"));
	return g->st != NULL;
}

bool
page_open(struct room *r)
{
	struct game *g = r->game;

	r->st = gc_state_open(g->net, r->number, NULL, empty(r));
	if (r->st == NULL)
		return false;
	put(r->st, gc_value_bool(g->rules.wrap), "wrap");
	put(r->st, gc_value_int(g->speed), "speed");
	put(g->st, gc_value_str(r->name), "rooms/%" PRIu64, r->number);
	put(g->st, gc_value_int((int64_t)g->last_number), "last");
	return true;
}

void
page_renew(struct room *r)
{
	gc_state_set(r->st, "", empty(r));
}

void
page_close(struct room *r)
{
	put(r->game->st, NULL, "rooms/%" PRIu64, r->number);
	gc_state_close(r->st);
}

/* ---- to one ----------------------------------------------------------------
 */

void
page_welcome(const struct player *p)
{
	gc_state_watch(p->room->st, p->conn, NULL);
	if (p->name[0] != '\0')
		page_you(p);
}

void
page_you(const struct player *p)
{
	struct you y = { p->conn, p->name };

	gc_send_typed(p->room->game->net, p->conn, NULL, &you_type, &y);
}

void
page_sorry(const struct player *p, const char *text)
{
	struct sorry s = { text };

	if (p->conn != 0)
		gc_send_typed(
		    p->room->game->net, p->conn, NULL, &sorry_type, &s);
}

/* ---- to all ----------------------------------------------------------------
 */

/* The key of its snake: "7" of a player, "b7" of a bot. */
static const char *
id_of(const struct player *p)
{
	static char id[24];

	if (p->conn != 0)
		snprintf(id, sizeof(id), "%" PRIu64, p->conn);
	else
		snprintf(id, sizeof(id), "b%u", p->number);
	return id;
}

static void
add_log(struct room *r, struct gc_value *entry)
{
	put(r->st, entry, "log/%" PRIu64, ++r->logged);
	if (r->logged > LOG_MAX)
		put(r->st, NULL, "log/%" PRIu64, r->logged - LOG_MAX);
}

static void
tell_thing(struct room *r, int at)
{
	const struct world_cell *c = &r->world->cells[at];
	bool lies = c->slot == WORLD_NOBODY && c->look != WORLD_FREE;

	put(r->st, lies ? gc_value_str_len(&c->look, 1) : NULL, "things/%d",
	    at);
}

static void
tell_path(struct room *r, int slot)
{
	static char runs[WORLD_SIDE_MAX * WORLD_SIDE_MAX + 1];
	const struct world *w = r->world;

	world_runs(w, slot, runs);
	put(r->st,
	    gc_value_make("[liis]", (int64_t)w->frame, world_head(w, slot),
		(int)w->snakes[slot].growth, runs),
	    "snakes/%s/path", id_of(r->playing[slot]));
}

static void
tell_news(struct room *r, const struct world_news *news)
{
	const struct player *p = r->playing[news->slot], *by = NULL;
	int64_t score = (int64_t)news->score;

	if (news->death == WORLD_ALIVE) {
		put(r->st, gc_value_int(score), "snakes/%s/score", id_of(p));
		return;
	}
	if (news->killer != WORLD_NOBODY)
		by = r->playing[news->killer];
	put(r->st, NULL, "snakes/%s", id_of(p));
	add_log(
	    r, gc_value_make("{sssisssl ssss}", "who", p->name, "slot", p->slot,
		   "id", id_of(p), "score", score, "out",
		   world_death_name(news->death), "by", by ? by->name : ""));
}

void
page_frame(struct room *r)
{
	const struct world *w = r->world;

	for (int i = 0; i < w->changes_len; i++)
		tell_thing(r, w->changes[i]);
	for (int i = 0; i < WORLD_SNAKES; i++)
		if (w->snakes[i].placed && w->snakes[i].bent)
			tell_path(r, i);
	for (int i = 0; i < w->news_len; i++)
		tell_news(r, &w->news[i]);
	put(r->st, gc_value_int(w->frame), "frame");
}

void
page_joined(const struct player *p)
{
	put(p->room->st,
	    gc_value_make("{sssisisb}", "name", p->name, "slot", p->slot,
		"score", 0, "bot", p->conn == 0),
	    "snakes/%s", id_of(p));
}

void
page_gone(const struct player *p)
{
	put(p->room->st, NULL, "snakes/%s", id_of(p));
}

void
page_top(const struct game *g)
{
	put(g->st, top_of(g), "top");
	for (const struct room *r = g->rooms; r != NULL; r = r->next)
		put(r->st, top_of(g), "top");
}

void
page_people(const struct room *r)
{
	put(r->st, gc_value_int((int64_t)r->people), "people");
}

void
page_chat(const struct player *p, const char *said)
{
	add_log(p->room, gc_value_make("{sssiss}", "who", p->name, "slot",
			     p->slot, "said", said));
}

void
page_bye(const struct game *g)
{
	static const struct bye bye = { "the game is being shut down" };

	gc_cast(g->net, GC_ALL, NULL, &bye_type, &bye);
}

/* ---- from a page -----------------------------------------------------------
 */

void
page_got(struct player *p, const struct gc_event *ev)
{
	const struct name *name = GC_AS(name, ev);
	const struct turn *turn = GC_AS(turn, ev);
	const struct talk *talk = GC_AS(talk, ev);

	if (turn)
		room_turn(p, (enum world_way)turn->way);
	else if (GC_AS(join, ev))
		room_play(p);
	else if (talk)
		room_talk(p, talk->text, strlen(talk->text));
	else if (GC_AS(ping, ev))
		gc_send_typed(
		    p->room->game->net, p->conn, NULL, &pong_type, ev->value);
	else if (name && p->name[0] != '\0')
		page_you(p);
	else if (name)
		room_name(p, name->name, strlen(name->name));
}
