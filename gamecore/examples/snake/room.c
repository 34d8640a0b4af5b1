/*
 * room.c - who is here, and what is shown when.
 *
 * Everybody in a room sees everything. Pages follow the room's state; the
 * terminals are a group, and a frame is one message to it. The world is only
 * shown by show(), which passes on what changed and forgets it; a terminal
 * that comes gets all of it once, after such a show(), so that no change comes
 * to it twice or never.
 */
#include "room.h"

#include "bot.h"
#include "page.h"
#include "term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BOT_REST = 20,        /* frames a dead bot waits */
	COUNT_MS = 500,       /* how late the number of people may be */
	TALK_US = 700 * 1000, /* between two lines of one player */
	TALK_AHEAD = 3,       /* lines that may come at once */
	GRACE = 1,            /* a timer: for so long one may be away, */
	GRACE_MS = 30 * 1000,
	HOLD_US = 5 * 1000 * 1000, /* and the room waits, if netd died */
};

/* ---- sending --------------------------------------------------------------
 */

static void
to_terminals(struct room *r)
{
	struct text *t = &r->game->term;

	if (t->len == 0)
		return;
	term_end(t);
	if (!t->failed)
		gc_send_group(r->game->net, r->number, NULL, t->bytes, t->len);
	text_clear(t);
}

static void
to_terminal(struct player *p)
{
	struct text *t = &p->room->game->term;

	term_end(t);
	if (p->conn != 0 && t->len > 0 && !t->failed)
		gc_send(p->room->game->net, p->conn, t->bytes, t->len);
	text_clear(t);
}

void
room_error(struct player *p, const char *text)
{
	if (!p->terminal) {
		page_sorry(p, text);
		return;
	}
	term_say(&p->room->game->term, "%s", text);
	to_terminal(p);
}

/* All of it, to one, and from now on what changes. */
static void
welcome(struct player *p)
{
	struct gc_net *net = p->room->game->net;

	gc_bind(net, p->conn, p);
	if (!p->terminal) {
		page_welcome(p);
		return;
	}
	gc_join(net, p->conn, p->room->number);
	term_welcome(&p->room->game->term, p->room);
	to_terminal(p);
}

/* ---- top scores ------------------------------------------------------------
 */

/* True if they changed. Best per name, sorted, zero never enters. */
static bool
top_enter(struct game *g, const struct player *p, unsigned long score)
{
	struct top_score entry = {
		.score = score, .slot = p->slot, .at_us = gc_now(g->net)
	};
	int at = 0, old;

	if (score == 0 || p->conn == 0)
		return false;
	memcpy(entry.name, p->name, sizeof(entry.name));
	for (old = 0; old < g->top_len; old++)
		if (strcmp(g->top[old].name, p->name) == 0)
			break;
	if (old < g->top_len && g->top[old].score >= score)
		return false;
	while (at < g->top_len && g->top[at].score >= score)
		at++;
	if (at == TOP_SCORES)
		return false;
	if (old == g->top_len && g->top_len < TOP_SCORES)
		g->top_len++;
	else if (old == g->top_len)
		old--;
	memmove(
	    &g->top[at + 1], &g->top[at], (size_t)(old - at) * sizeof(entry));
	g->top[at] = entry;
	return true;
}

/* In all rooms: they share them. */
static void
show_top(struct game *g)
{
	page_top(g);
	for (struct room *r = g->rooms; r != NULL; r = r->next) {
		term_panel(&g->term, r);
		to_terminals(r);
	}
}

/* ---- showing
 * ----------------------------------------------------------------- */

/* Pass on what happened in the world. Those who died watch from now on. */
static void
show(struct room *r)
{
	struct game *g = r->game;
	struct world *w = r->world;
	bool top = false;

	page_frame(r);
	term_draw(&g->term, r, false);
	for (int i = 0; i < w->news_len; i++)
		if (w->news[i].death != WORLD_ALIVE)
			term_over(&g->term, r, &w->news[i]);
	for (int i = 0; i < w->news_len; i++) {
		struct player *p = r->playing[w->news[i].slot];

		if (w->news[i].death == WORLD_ALIVE)
			continue;
		top = top_enter(g, p, w->news[i].score) || top;
		r->playing[p->slot] = NULL;
		p->slot = -1;
		p->rest = BOT_REST;
	}
	if (w->news_len > 0)
		term_panel(&g->term, r);
	to_terminals(r);
	world_seen(w);
	if (top)
		show_top(g);
}

/* How many are here changes by hundreds at once: tell it later, once. */
static void
count(struct room *r)
{
	if (r->counting)
		return;
	r->counting = gc_timer(r->game->net, r->number, COUNT_MS, 0) == 0;
}

/* ---- the clock runs only while somebody plays
 * --------------------------------- */

/* Bots alone play only for somebody to watch. */
static bool
is_active(const struct room *r)
{
	for (int i = 0; i < WORLD_SNAKES; i++)
		if (r->playing[i] != NULL && r->playing[i]->conn != 0)
			return true;
	return r->game->bots > 0 && r->people > 0;
}

static void
run_clock(struct game *g)
{
	bool wanted = false;

	for (struct room *r = g->rooms; r != NULL; r = r->next)
		wanted = wanted || is_active(r);
	if (wanted == g->ticking)
		return;
	g->ticking = wanted;
	if (wanted)
		gc_tick(g->net, 1000 / g->speed);
	else
		gc_tick_stop(g->net);
}

/* ---- rooms
 * ---------------------------------------------------------------------- */

static uint64_t
dice(void *arg, uint64_t below)
{
	return gc_random(arg, below);
}

static struct player *
add_player(struct room *r, uint64_t conn)
{
	struct player *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->room = r;
	p->conn = conn;
	p->slot = -1;
	p->next = r->players;
	r->players = p;
	return p;
}

static struct player *
find_bot(const struct room *r, unsigned number)
{
	struct player *p = r->players;

	while (p != NULL && (p->conn != 0 || p->number != number))
		p = p->next;
	return p;
}

void
room_bots(struct room *r)
{
	static const char *const names[BOTS_MAX] = { "Adder", "Boa", "Cobra",
		"Mamba", "Viper", "Python", "Krait", "Taipan", "Asp" };

	for (unsigned i = 0; i < (unsigned)r->game->bots; i++) {
		struct player *p = find_bot(r, i + 1);

		if (p == NULL && (p = add_player(r, 0)) == NULL)
			return;
		p->number = i + 1;
		snprintf(p->name, sizeof(p->name), "%s", names[i]);
		p->rest = 1 + 3 * i;
	}
}

static void
free_room(struct room *r)
{
	while (r->players != NULL) {
		struct player *p = r->players;

		r->players = p->next;
		free(p);
	}
	world_free(r->world);
	free(r);
}

struct room *
room_made(struct game *g, const char *name, uint64_t number)
{
	struct room *r =
	    g->rooms_len < ROOMS_MAX ? calloc(1, sizeof(*r)) : NULL;

	if (r == NULL)
		return NULL;
	r->world = world_new(&g->rules, dice, g->net);
	if (r->world == NULL) {
		free(r);
		return NULL;
	}
	r->game = g;
	r->number = number;
	snprintf(r->name, sizeof(r->name), "%s", name);
	if (!page_open(r)) {
		free_room(r);
		return NULL;
	}
	r->next = g->rooms;
	g->rooms = r;
	g->rooms_len++;
	return r;
}

/* The room of that name; past ROOMS_MAX the one where one arrives. */
static struct room *
find(struct game *g, const char *name)
{
	struct room *r;

	for (r = g->rooms; r != NULL; r = r->next)
		if (strcmp(r->name, name) == 0)
			return r;
	/* One place is kept for that. */
	if (g->rooms_len >= ROOMS_MAX - 1 && *name != '\0')
		return find(g, "");
	r = room_made(g, name, ++g->last_number);
	if (r != NULL)
		room_bots(r);
	return r;
}

static void
end_room(struct room *r)
{
	struct room **at = &r->game->rooms;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	r->game->rooms_len--;
	if (r->counting)
		gc_timer_stop(r->game->net, r->number);
	page_close(r);
	free_room(r);
}

void
rooms_free(struct game *g)
{
	while (g->rooms != NULL) {
		struct room *r = g->rooms;

		g->rooms = r->next;
		free_room(r);
	}
	text_release(&g->term);
}

/* ---- who comes, and who comes back -----------------------------------------
 */

static struct player *
find_away(struct game *g, uint64_t conn)
{
	struct player *p = NULL;

	for (struct room *r = g->rooms; r != NULL && p == NULL; r = r->next)
		for (p = r->players; p != NULL; p = p->next)
			if (p->away && (conn == 0 || p->conn == conn))
				break;
	return p;
}

int
room_enter(struct game *g, const struct gc_event *ev)
{
	struct player *p = find_away(g, ev->conn);
	const struct gc_peer *peer = ev->peer;
	char name[NAME_BYTES];
	struct room *r;

	if (p == NULL && peer->state == GC_GONE)
		return 0;
	if (p == NULL) {
		text_query(name, NAME_LETTERS, peer->query, "room");
		r = find(g, name);
		p = r ? add_player(r, ev->conn) : NULL;
		if (p == NULL)
			return GC_NO_MEMORY;
		r->people++;
		text_clean(p->name, NAME_LETTERS, peer->tag, peer->tag_len);
		count(r);
	}
	p->away = false;
	p->keys = strcmp(peer->transport, "tty") == 0;
	p->terminal = p->keys || strcmp(peer->transport, "line") == 0 ||
		      strcmp(peer->transport, "telnet") == 0;
	welcome(p);
	run_clock(g);
	return 0;
}

void
room_lost(struct player *p)
{
	struct game *g = p->room->game;

	/* Terminals have no way to show that they are who they were. */
	if (p->terminal) {
		room_leave(p);
		return;
	}
	p->away = true;
	g->hold_us = gc_now(g->net) + HOLD_US;
	rooms_settle_later(g);
}

void
rooms_settle_later(struct game *g)
{
	gc_timer(g->net, GRACE, GRACE_MS, 0);
}

static void
settle(struct game *g)
{
	struct player *p;

	while ((p = find_away(g, 0)) != NULL)
		room_leave(p);
	for (struct room *r = g->rooms, *next; r != NULL; r = next) {
		next = r->next;
		if (r->people == 0)
			end_room(r);
	}
}

void
rooms_timer(struct game *g, uint64_t number)
{
	if (number == GRACE)
		settle(g);
	for (struct room *r = g->rooms; r != NULL; r = r->next) {
		if (r->number != number)
			continue;
		r->counting = false;
		page_people(r);
	}
}

/* Somebody lost the line when everybody did: the room stands still. */
static bool
is_held(const struct room *r)
{
	for (int i = 0; i < WORLD_SNAKES; i++)
		if (r->playing[i] != NULL && r->playing[i]->away)
			return gc_now(r->game->net) < r->game->hold_us;
	return false;
}

bool
room_renew(struct room *r)
{
	struct world *w = world_new(&r->game->rules, dice, r->game->net);

	if (w == NULL)
		return false;
	world_free(r->world);
	r->world = w;
	page_renew(r);
	return true;
}

void
room_restore(
    struct room *r, uint64_t conn, unsigned number, const char *name, int slot)
{
	struct player *p = add_player(r, conn);

	if (p == NULL) {
		world_leave(r->world, slot);
		return;
	}
	text_clean(p->name, NAME_LETTERS, name, strlen(name));
	p->number = number;
	p->away = conn != 0;
	p->slot = slot;
	r->playing[slot] = p;
	r->people += conn != 0;
}

/* A snake is taken off the world, if the player has one. */
static void
stop_playing(struct player *p)
{
	struct room *r = p->room;
	int slot = p->slot;

	if (slot < 0)
		return;
	if (r->world->snakes[slot].placed) {
		world_leave(r->world, slot);
		show(r);
		return;
	}
	/* It was still waiting for room: there is no corpse and no news. */
	world_leave(r->world, slot);
	page_gone(p);
	r->playing[slot] = NULL;
	p->slot = -1;
}

void
room_leave(struct player *p)
{
	struct room *r = p->room;
	struct player **at = &r->players;
	struct game *g = r->game;

	stop_playing(p);
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	free(p);
	r->people--;
	if (r->people == 0)
		end_room(r);
	else
		count(r);
	run_clock(g);
}

/* ---- what players do
 * -------------------------------------------------------------- */

static bool
is_taken(const struct room *r, const char *name)
{
	for (const struct player *p = r->players; p != NULL; p = p->next)
		if (strcmp(p->name, name) == 0)
			return true;
	return false;
}

void
room_name(struct player *p, const char *bytes, size_t len)
{
	char name[NAME_BYTES], wanted[NAME_BYTES];
	struct text *t = &p->room->game->term;

	if (text_clean(wanted, NAME_LETTERS, bytes, len) == 0) {
		room_error(p, "a name needs at least one letter");
		return;
	}
	memcpy(name, wanted, sizeof(name));
	/* Ann, Ann 2, Ann 3: the number takes the place of the last letters. */
	for (int i = 2; is_taken(p->room, name); i++) {
		char number[16];
		int room =
		    NAME_LETTERS - snprintf(number, sizeof(number), " %d", i);

		text_clean(name, room, wanted, strlen(wanted));
		strcat(name, number);
	}
	memcpy(p->name, name, sizeof(p->name));
	gc_tag(p->room->game->net, p->conn, p->name, strlen(p->name));
	if (!p->terminal) {
		page_you(p);
		return;
	}
	term_say(t, "Welcome, %s. j%s starts a snake", p->name,
	    p->keys ? "" : " and Enter");
	to_terminal(p);
}

/* A bot goes when a person wants to play and all slots are taken. */
static void
make_room(struct room *r)
{
	for (int i = 0; i < WORLD_SNAKES; i++) {
		if (r->playing[i] == NULL)
			return;
		if (r->playing[i]->conn != 0)
			continue;
		stop_playing(r->playing[i]);
		return;
	}
}

static bool
start(struct player *p)
{
	struct room *r = p->room;
	struct game *g = r->game;
	bool first = world_living(r->world) == 0;
	int slot = world_join(r->world);

	if (slot < 0)
		return false;
	p->slot = slot;
	r->playing[slot] = p;
	if (first) {
		world_clear(r->world);
		show(r);
	}
	page_joined(p);
	term_panel(&g->term, r);
	to_terminals(r);
	return true;
}

void
room_play(struct player *p)
{
	if (p->name[0] == '\0') {
		room_error(p, "say who you are first");
		return;
	}
	if (p->slot >= 0) {
		room_error(p, "you are playing already");
		return;
	}
	make_room(p->room);
	if (!start(p))
		room_error(p, "ten are playing, which is all that fit: "
			      "wait until one is out");
	run_clock(p->room->game);
}

void
room_turn(struct player *p, enum world_way way)
{
	if (p->slot >= 0)
		world_turn(p->room->world, p->slot, way);
}

void
room_talk(struct player *p, const char *bytes, size_t len)
{
	struct game *g = p->room->game;
	int64_t now = gc_now(g->net);
	char said[CHAT_BYTES];

	if (p->name[0] == '\0') {
		room_error(p, "say who you are first");
		return;
	}
	if (text_clean(said, CHAT_LETTERS, bytes, len) == 0)
		return;
	if (p->talk_us < now)
		p->talk_us = now;
	if (p->talk_us > now + TALK_AHEAD * TALK_US) {
		room_error(p, "not so fast");
		return;
	}
	p->talk_us += TALK_US;
	page_chat(p, said);
	term_say(&g->term, "%s: %s", p->name, said);
	to_terminals(p->room);
}

/* ---- a frame
 * ------------------------------------------------------------------------ */

static void
drive_bots(struct room *r)
{
	for (struct player *p = r->players; p != NULL; p = p->next) {
		if (p->conn != 0)
			continue;
		if (p->slot < 0) {
			if (p->rest > 0)
				p->rest--;
			else
				start(p);
		} else if (r->world->snakes[p->slot].placed &&
			   gc_random(r->game->net, 12) > 0) {
			/* Now and then it looks elsewhere, or it would never
			 * lose. */
			world_turn(
			    r->world, p->slot, bot_way(r->world, p->slot));
		}
	}
}

void
rooms_tick(struct game *g)
{
	for (struct room *r = g->rooms; r != NULL; r = r->next) {
		if (!is_active(r) || is_held(r))
			continue;
		drive_bots(r);
		world_step(r->world);
		show(r);
	}
	run_clock(g);
}

void
rooms_bye(struct game *g)
{
	page_bye(g);
	for (struct room *r = g->rooms; r != NULL; r = r->next) {
		term_say(&g->term, "The game is being shut down. Bye!");
		to_terminals(r);
		for (struct player *p = r->players; p != NULL; p = p->next)
			term_leave(p);
	}
}
