/*
 * page.c - the game in typed messages: structs are filled in and sent.
 */
#include "page.h"

#include <string.h>

const struct gc_type *const page_types[] = { &name_type, &join_type, &turn_type,
	&talk_type, &ping_type, &hello_type, &field_type, &you_type,
	&joined_type, &frame_type, &top_type, &people_type, &chat_type,
	&sorry_type, &bye_type, &pong_type, NULL };

static void
to_one(const struct player *p, const struct gc_type *type, const void *message)
{
	if (p->conn != 0)
		gc_send_typed(p->room->game->net, p->conn, NULL, type, message);
}

static void
to_pages(const struct room *r, const struct gc_type *type, const void *message)
{
	gc_cast(r->game->net, 2 * r->number, NULL, type, message);
}

/* ---- to one ----------------------------------------------------------------
 */

static struct who
who_is(const struct player *p)
{
	return (struct who){ .id = p->id,
		.name = p->name,
		.slot = (int8_t)p->slot,
		.score = (uint32_t)p->room->world->snakes[p->slot].score,
		.bot = p->conn == 0 };
}

static struct top
top_of(const struct game *g)
{
	static struct best list[TOP_SCORES];

	for (int i = 0; i < g->top_len; i++)
		list[i] = (struct best){ .name = g->top[i].name,
			.score = (uint32_t)g->top[i].score,
			.slot = (int8_t)g->top[i].slot,
			.at = g->top[i].at_us / 1000000 };
	return (struct top){ .list = list, .n_list = (uint32_t)g->top_len };
}

static void
field(const struct player *p)
{
	static char looks[CELLS_MAX + 1], slots[CELLS_MAX + 1];
	const struct world *w = p->room->world;
	struct who players[WORLD_SNAKES];
	struct field f = { .looks = looks, .slots = slots, .players = players };

	for (int i = 0; i < w->size; i++) {
		const struct world_cell *c = &w->cells[i];

		looks[i] = c->look;
		slots[i] =
		    c->slot == WORLD_NOBODY ? ' ' : (char)('0' + c->slot);
	}
	looks[w->size] = slots[w->size] = '\0';
	for (int i = 0; i < WORLD_SNAKES; i++)
		if (p->room->playing[i] != NULL)
			players[f.n_players++] = who_is(p->room->playing[i]);
	to_one(p, &field_type, &f);
}

void
page_welcome(const struct player *p, bool fresh)
{
	const struct world_rules *rules = &p->room->world->rules;
	struct hello h = { .room = p->room->name,
		.width = (uint16_t)rules->width,
		.height = (uint16_t)rules->height,
		.wrap = rules->wrap,
		.speed = (uint8_t)p->room->game->speed,
		.most = WORLD_SNAKES };
	struct top top = top_of(p->room->game);
	struct people people = { (uint32_t)p->room->people };

	if (fresh)
		to_one(p, &hello_type, &h);
	field(p);
	to_one(p, &top_type, &top);
	to_one(p, &people_type, &people);
}

void
page_you(const struct player *p)
{
	struct you y = { p->id, p->name };

	to_one(p, &you_type, &y);
}

void
page_sorry(const struct player *p, const char *text)
{
	struct sorry s = { text };

	to_one(p, &sorry_type, &s);
}

/* ---- to all ----------------------------------------------------------------
 */

static uint32_t
id_in(const struct room *r, uint8_t slot)
{
	const struct player *p = slot == WORLD_NOBODY ? NULL : r->playing[slot];

	return p ? p->id : 0;
}

static void
add_news(const struct room *r, const struct world_news *news, struct frame *f,
    struct eaten *eaten, struct out *out)
{
	uint32_t id = id_in(r, news->slot), score = (uint32_t)news->score;

	if (news->death == WORLD_ALIVE)
		eaten[f->n_eaten++] = (struct eaten){ id, score,
			(uint32_t)news->digit, (uint16_t)news->cell };
	else
		out[f->n_out++] = (struct out){ id, score,
			world_death_name(news->death), id_in(r, news->killer) };
}

void
page_frame(const struct room *r)
{
	static struct cell cells[CELLS_MAX];
	struct eaten eaten[2 * WORLD_SNAKES];
	struct out out[2 * WORLD_SNAKES];
	const struct world *w = r->world;
	struct frame f = { .cells = cells,
		.n_cells = (uint32_t)w->changes_len,
		.eaten = eaten,
		.out = out };

	for (int i = 0; i < w->changes_len; i++) {
		const struct world_cell *c = &w->cells[w->changes[i]];

		cells[i] =
		    (struct cell){ (uint16_t)w->changes[i], (uint8_t)c->look,
			    c->slot == WORLD_NOBODY ? -1 : (int8_t)c->slot };
	}
	for (int i = 0; i < w->news_len; i++)
		add_news(r, &w->news[i], &f, eaten, out);
	if (f.n_cells > 0 || w->news_len > 0)
		to_pages(r, &frame_type, &f);
}

void
page_joined(const struct player *p, bool fresh)
{
	struct joined j = { who_is(p), fresh };

	to_pages(p->room, &joined_type, &j);
}

void
page_gone(const struct player *p)
{
	struct out out = { p->id, 0, world_death_name(WORLD_GAVE_UP), 0 };
	struct frame f = { .out = &out, .n_out = 1 };

	to_pages(p->room, &frame_type, &f);
}

void
page_top(const struct room *r)
{
	struct top top = top_of(r->game);

	to_pages(r, &top_type, &top);
}

void
page_people(const struct room *r)
{
	struct people people = { (uint32_t)r->people };

	to_pages(r, &people_type, &people);
}

void
page_chat(const struct player *p, const char *said)
{
	struct chat c = { p->name, (int8_t)p->slot, said };

	to_pages(p->room, &chat_type, &c);
}

void
page_bye(const struct room *r)
{
	static const struct bye bye = { "the game is being shut down" };

	to_pages(r, &bye_type, &bye);
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
		to_one(p, &pong_type, ev->value);
	else if (name && p->name[0] != '\0')
		room_error(p, "you have a name already");
	else if (name)
		room_name(p, name->name, strlen(name->name));
}
