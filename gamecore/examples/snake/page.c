/*
 * page.c - the game in JSON.
 *
 * Out it is written by hand, a few bytes a frame; in it is read by jansson,
 * because it comes from strangers.
 */
#include "page.h"

#include <jansson.h>
#include <string.h>

enum { MESSAGE_MAX = 2048 }; /* the longest a page has reason to send */

void
page_begin(struct text *t)
{
	text_clear(t);
}

/* Commands are written with a comma before each. */
void
page_end(struct text *t)
{
	if (t->len == 0 || t->failed)
		return;
	t->bytes[0] = '[';
	text_add(t, "]", 1);
}

static void
cell(struct text *t, const struct world *w, int at)
{
	const struct world_cell *c = &w->cells[at];

	text_printf(t, "%d,\"%c", at, c->look);
	if (c->slot != WORLD_NOBODY)
		text_printf(t, "%d", c->slot);
	text_add(t, "\",", 2);
}

/* In the place of the last comma. */
static void
end_list(struct text *t)
{
	if (!t->failed && t->bytes[t->len - 1] == ',')
		t->len--;
	text_add(t, "]]", 2);
}

void
page_draw(struct text *t, const struct room *r)
{
	const struct world *w = r->world;

	if (w->changes_len == 0)
		return;
	text_printf(t, ",[\"draw\",[");
	for (int i = 0; i < w->changes_len; i++)
		cell(t, w, w->changes[i]);
	end_list(t);
}

static void
player(struct text *t, const struct player *p)
{
	text_printf(t, "%u,", p->id);
	text_json(t, p->name);
	text_printf(t, ",%d,%lu,%s", p->slot,
	    p->room->world->snakes[p->slot].score,
	    p->conn == 0 ? "true" : "false");
}

void
page_welcome(struct text *t, const struct room *r)
{
	const struct world *w = r->world;

	text_printf(t, ",[\"hello\",{\"room\":");
	text_json(t, r->name);
	text_printf(t,
	    ",\"width\":%d,\"height\":%d,\"wrap\":%s,\"speed\":%d,"
	    "\"most\":%d}]",
	    w->rules.width, w->rules.height, w->rules.wrap ? "true" : "false",
	    r->game->speed, WORLD_SNAKES);
	page_all(t, r);
}

void
page_all(struct text *t, const struct room *r)
{
	const struct world *w = r->world;

	text_printf(t, ",[\"world\",[");
	for (int i = 0; i < w->size; i++)
		if (w->cells[i].look != WORLD_FREE)
			cell(t, w, i);
	end_list(t);
	text_printf(t, ",[\"players\",[");
	for (int i = 0; i < WORLD_SNAKES; i++) {
		if (r->playing[i] == NULL)
			continue;
		text_add(t, "[", 1);
		player(t, r->playing[i]);
		text_add(t, "],", 2);
	}
	end_list(t);
	page_top(t, r->game);
	page_people(t, r);
}

void
page_handshake(struct text *t, const struct player *p)
{
	text_printf(t, ",[\"handshake\",");
	text_json(t, p->name);
	text_printf(t, ",%u]", p->id);
}

void
page_reset(struct text *t)
{
	text_printf(t, ",[\"reset_world\"]");
}

void
page_joined(struct text *t, const struct player *p)
{
	text_printf(t, ",[\"p_joined\",");
	player(t, p);
	text_add(t, "]", 1);
}

void
page_over(struct text *t, const struct room *r, const struct world_news *news)
{
	const struct player *killer = NULL;

	if (news->killer != WORLD_NOBODY)
		killer = r->playing[news->killer];
	text_printf(t, ",[\"p_gameover\",%u,%lu,\"%s\",%u]",
	    r->playing[news->slot]->id, news->score,
	    world_death_name(news->death), killer ? killer->id : 0);
}

void
page_score(struct text *t, const struct room *r, const struct world_news *news)
{
	text_printf(t, ",[\"p_score\",%u,%lu,%lu,%d]",
	    r->playing[news->slot]->id, news->score, news->digit, news->cell);
}

void
page_top(struct text *t, const struct game *g)
{
	text_printf(t, ",[\"top_scores\",[");
	for (int i = 0; i < g->top_len; i++) {
		text_add(t, "[", 1);
		text_json(t, g->top[i].name);
		text_printf(t, ",%lu,%d,%lld],", g->top[i].score,
		    g->top[i].slot, (long long)(g->top[i].at_us / 1000000));
	}
	end_list(t);
}

void
page_people(struct text *t, const struct room *r)
{
	text_printf(t, ",[\"people\",%zu]", r->people);
}

void
page_chat(struct text *t, const struct player *p, const char *said)
{
	text_printf(t, ",[\"chat\",");
	text_json(t, p->name);
	text_printf(t, ",%d,", p->slot);
	text_json(t, said);
	text_add(t, "]", 1);
}

void
page_error(struct text *t, const char *text)
{
	text_printf(t, ",[\"error\",");
	text_json(t, text);
	text_add(t, "]", 1);
}

void
page_bye(struct text *t)
{
	text_printf(t, ",[\"bye\",\"the game is being shut down\"]");
}

/* ---- from the page --------------------------------------------------------
 */

static void
on_new_player(struct player *p, const json_t *arg)
{
	if (p->name[0] != '\0')
		room_error(p, "you have a name already");
	else if (!json_is_string(arg))
		room_error(p, "new_player needs a name");
	else
		room_name(p, json_string_value(arg), json_string_length(arg));
}

static void
on_join(struct player *p, const json_t *arg)
{
	(void)arg;
	room_play(p);
}

static void
on_chat(struct player *p, const json_t *arg)
{
	if (json_is_string(arg))
		room_talk(p, json_string_value(arg), json_string_length(arg));
	else
		room_error(p, "chat needs a text");
}

static void
on_ping(struct player *p, const json_t *arg)
{
	struct text *t = &p->room->game->page;
	double number = arg ? json_number_value(arg) : 0;

	page_begin(t);
	text_printf(t, ",[\"pong\",%.17g]", number);
	page_end(t);
	gc_send(p->room->game->net, p->conn, t->bytes, t->len);
}

static const struct {
	const char *name;
	void (*run)(struct player *p, const json_t *arg);
} commands[] = {
	{ "new_player", on_new_player },
	{ "join", on_join },
	{ "chat", on_chat },
	{ "ping", on_ping },
};

static void
command(struct player *p, const json_t *message)
{
	const char *name = json_string_value(json_array_get(message, 0));

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (name == NULL || strcmp(name, commands[i].name) != 0)
			continue;
		commands[i].run(p, json_array_get(message, 1));
		return;
	}
	room_error(p, "no such command");
}

void
page_got(struct player *p, const char *bytes, size_t len)
{
	json_error_t error;
	json_t *message;

	if (len > MESSAGE_MAX) {
		room_error(p, "that message is too long");
		return;
	}
	message =
	    json_loadb(bytes, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	if (message == NULL) {
		room_error(p, "that is not JSON");
		return;
	}
	if (json_is_integer(message)) {
		json_int_t key = json_integer_value(message);

		if (key >= 37 && key <= 40)
			room_turn(p, (enum world_way)(key - 37));
	} else {
		command(p, message);
	}
	json_decref(message);
}
