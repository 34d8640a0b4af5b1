/*
 * arena.c - tanks for a page with a canvas: 200 bots and whoever comes.
 *
 * What the network does to a game of reflexes, and what is done about it:
 *
 *	interest      a player is told of what is near (a view with a radius),
 *	              and of that only what changed
 *	prediction    a page drives its own tank at once and corrects itself by
 *	              the last input that counted ("q" of a tank)
 *	rewind        a shot hits what the shooter saw: it says which tick the
 *	              page showed, and world_shoot() looks back (--no-rewind)
 *
 *	JOIN(name)                  answers the number of one's tank
 *	IN(number, dx, dy, aim)     what one wants for a tick
 *	FIRE(aim, seen)             at tick seen, with a fraction
 *	SHOT(x, y, to_x, to_y, by, hit, killed)   to all who are near
 */
#include "gamecore/examples/arena/world.h"
#include "gamecore/gamecore.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TICK_MS 33
#define SIGHT 5500 /* a page shows less */
#define PLAYERS_MAX 1000
#define FIRST_BOT ((int64_t)1 << 40)
#define TOP 5

/* What was told of a slot last. */
struct told {
	int64_t id;
	int x, y, aim, health, score, safe;
	uint32_t done;
};

static struct {
	struct world world;
	struct told told[TANKS_MAX];
	uint64_t players[PLAYERS_MAX]; /* their connections */
	size_t n_players;
	long bots;
	bool no_rewind;
} arena;

/* ---- what players are told ---------------------------------------------- */

/* Put it if it is another. */
static void
tell(struct gc_value *map, const char *key, int *was, int is, bool whole)
{
	if (!whole && *was == is)
		return;
	*was = is;
	gc_value_set(map, key, gc_value_int(is));
}

/* What changed of a tank; NULL: nothing. */
static struct gc_value *
news_of(const struct tank *t, struct told *was, bool whole)
{
	struct gc_value *map = gc_value_map();

	if (whole)
		gc_value_set(map, "n", gc_value_str(t->name));
	tell(map, "x", &was->x, (int)lround(t->x), whole);
	tell(map, "y", &was->y, (int)lround(t->y), whole);
	tell(map, "a", &was->aim, t->aim, whole);
	tell(map, "h", &was->health, t->health, whole);
	tell(map, "s", &was->score, t->score, whole);
	tell(map, "f", &was->safe, t->safe > 0, whole);
	if (!t->bot && (whole || was->done != t->done))
		gc_value_set(map, "q", gc_value_int(t->done));
	was->done = t->done;
	if (gc_value_size(map))
		return map;
	gc_value_free(map);
	return NULL;
}

static struct gc_value *
news_of_tanks(void)
{
	struct gc_value *all = gc_value_map();

	for (size_t i = 0; i < TANKS_MAX; i++) {
		struct tank *t = &arena.world.tanks[i];
		struct told *was = &arena.told[i];
		bool whole = was->id != t->id;
		struct gc_value *news;

		if (whole && was->id)
			gc_value_set_at(all, was->id, gc_value_deleted());
		was->id = t->id;
		news = t->id ? news_of(t, was, whole) : NULL;
		if (news)
			gc_value_set_at(all, t->id, news);
	}
	return all;
}

/* The best, [[name, score], ...]. */
static struct gc_value *
top(void)
{
	struct gc_value *list = gc_value_array();
	const struct tank *best[TOP] = { NULL };

	for (size_t i = 0; i < arena.world.used; i++) {
		const struct tank *t = &arena.world.tanks[i];

		if (t->id == 0 || t->score == 0)
			continue;
		for (size_t j = 0; j < TOP; j++)
			if (best[j] == NULL || t->score > best[j]->score) {
				const struct tank *next = best[j];

				best[j] = t;
				t = next;
				if (t == NULL)
					break;
			}
	}
	for (size_t j = 0; j < TOP && best[j]; j++)
		gc_value_add(list,
		    gc_value_make("[s, i]", best[j]->name, best[j]->score));
	return list;
}

static void
tell_shot(struct gc_net *net, const struct shot *s)
{
	for (size_t i = 0; i < arena.n_players; i++) {
		uint64_t conn = arena.players[i];
		struct tank *t = world_find(&arena.world, (int64_t)conn);
		double x = t ? t->x : WORLD_SIZE / 2.0;
		double y = t ? t->y : WORLD_SIZE / 2.0;

		if (hypot(s->x - x, s->y - y) > SIGHT &&
		    hypot(s->to_x - x, s->to_y - y) > SIGHT)
			continue;
		gc_event(net, conn, NULL, "SHOT",
		    gc_value_make("[i, i, i, i, l, l, b]", (int)s->x, (int)s->y,
			(int)s->to_x, (int)s->to_y, s->by, s->hit, s->killed),
		    NULL);
	}
}

/* ---- what players say --------------------------------------------------- */

static struct tank *
tank_of(const struct gc_call *call)
{
	return world_find(&arena.world, (int64_t)call->conn);
}

/* Letters, digits and what is harmless in a name. */
static void
clean_name(const struct gc_value *v, char out[NAME_MAX_BYTES + 1])
{
	const char *text = gc_value_text(v, NULL);
	size_t n = 0;

	for (; *text && n < NAME_MAX_BYTES; text++)
		if (strchr("-_' ", *text) || (*text >= '0' && *text <= '9') ||
		    (*text >= 'A' && *text <= 'Z') ||
		    (*text >= 'a' && *text <= 'z'))
			out[n++] = *text;
	out[n] = '\0';
	if (n == 0)
		snprintf(out, NAME_MAX_BYTES + 1, "nobody");
}

static struct gc_value *
on_join(struct gc_machine *m, const struct gc_call *call)
{
	struct gc_net *net = gc_machine_net(m);
	struct gc_value *key = gc_value_int((int64_t)call->conn);
	char name[NAME_MAX_BYTES + 1];
	struct tank *t = tank_of(call);

	clean_name(gc_value_at(call->args, 0), name);
	if (t == NULL)
		t = world_add(&arena.world, (int64_t)call->conn, name, false);
	if (t)
		gc_state_focus(net, call->conn, key);
	gc_value_free(key);
	gc_answer(net, call->conn, call->request,
	    t ? gc_value_int(t->id) : gc_value_nil());
	return NULL;
}

static int
number(const struct gc_call *call, size_t i, int low, int high)
{
	int64_t v = gc_value_as_int(gc_value_at(call->args, i));

	return v < low ? low : v > high ? high : (int)v;
}

static struct gc_value *
on_in(struct gc_machine *m, const struct gc_call *call)
{
	struct tank *t = tank_of(call);
	struct input in = {
		(uint32_t)gc_value_as_int(gc_value_at(call->args, 0)),
		(int8_t)number(call, 1, -1, 1), (int8_t)number(call, 2, -1, 1)
	};

	(void)m;
	if (t == NULL)
		return NULL;
	t->aim = number(call, 3, 0, 6283);
	tank_input(t, &in);
	return NULL;
}

static struct gc_value *
on_fire(struct gc_machine *m, const struct gc_call *call)
{
	double seen = gc_value_as_float(gc_value_at(call->args, 1));
	struct tank *t = tank_of(call);
	struct shot shot;

	if (arena.no_rewind)
		seen = arena.world.tick;
	if (t &&
	    world_shoot(&arena.world, t, number(call, 0, 0, 6283), seen, &shot))
		tell_shot(gc_machine_net(m), &shot);
	return NULL;
}

/* ---- the game ----------------------------------------------------------- */

static struct gc_value *
time_step(struct gc_machine *m, double dt)
{
	struct world *w = &arena.world;
	struct gc_value *news;
	struct shot shot;

	(void)dt;
	for (size_t i = 0; i < w->used; i++)
		if (w->tanks[i].id && w->tanks[i].bot &&
		    bot_think(w, &w->tanks[i], &shot))
			tell_shot(gc_machine_net(m), &shot);
	world_step(w);
	news = gc_value_make(
	    "{s: l, s: v}", "tick", (int64_t)w->tick, "tanks", news_of_tanks());
	if (w->tick % WORLD_HZ == 0)
		gc_value_set(news, "top", top());
	return news;
}

static struct gc_value *
initial(void)
{
	struct gc_value *rocks = gc_value_array();

	world_init(&arena.world, 1);
	for (size_t i = 0; i < ROCKS; i++)
		gc_value_add(rocks,
		    gc_value_make("[i, i, i]", (int)arena.world.rocks[i].x,
			(int)arena.world.rocks[i].y,
			(int)arena.world.rocks[i].radius));
	return gc_value_make("{s: i, s: {}, s: [], s: v}", "tick", 0, "tanks",
	    "top", "rocks", rocks);
}

static int
begin(struct gc_machine *m)
{
	struct gc_net *net = gc_machine_net(m);
	char name[32], address[256];

	arena.world.dice = gc_random(net, UINT64_MAX) | 1;
	for (long i = 0; i < arena.bots; i++) {
		snprintf(name, sizeof(name), "bot %ld", i + 1);
		world_add(&arena.world, FIRST_BOT + i, name, true);
	}
	for (int i = 1; gc_address(net, i, address, sizeof(address)) == 0; i++)
		printf("arena: open %s in a browser\n", address);
	fflush(stdout);
	return gc_view(net, 1, &(struct gc_view){ .radius = SIGHT });
}

static void
event(struct gc_machine *m, const struct gc_event *ev)
{
	struct gc_net *net = gc_machine_net(m);

	if (ev->kind == GC_OPEN && arena.n_players == PLAYERS_MAX) {
		gc_hang_up(net, ev->conn, GC_KICKED, "the arena is full");
	} else if (ev->kind == GC_OPEN) {
		arena.players[arena.n_players++] = ev->conn;
		gc_state_look(
		    net, ev->conn, WORLD_SIZE / 2.0, WORLD_SIZE / 2.0);
	} else if (ev->kind == GC_CLOSE) {
		world_remove(&arena.world, (int64_t)ev->conn);
		for (size_t i = 0; i < arena.n_players; i++)
			if (arena.players[i] == ev->conn)
				arena.players[i] =
				    arena.players[--arena.n_players];
	}
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = {
		"ws://*:8085/play?www={www}&resume=30s", NULL
	};
	static const struct gc_option options[] = {
		{ .name = "bots",
		    .value = "N",
		    .help = "so many tanks that drive by themselves (200)",
		    .number = &arena.bots,
		    .smallest = 0,
		    .largest = TANKS_MAX - PLAYERS_MAX },
		{ .name = "no-rewind",
		    .help = "a shot hits what is there when it arrives",
		    .on = &arena.no_rewind },
		{ .name = NULL },
	};
	static const struct gc_handler handlers[] = {
		{ "JOIN", "s", on_join },
		{ "IN", "iiii", on_in },
		{ "FIRE", "if", on_fire },
		{ NULL, NULL, NULL },
	};
	static struct gc_backend game = {
		.start = { .name = "arena",
		    .about = "Tanks: what is near, ahead of time, and back in "
			     "it.",
		    .listen = listen,
		    .options = options },
		.state = { .everybody = true,
		    .by_conn = true,
		    .fresh = true,
		    .view = 1,
		    .grid = "tanks",
		    .x = "x",
		    .y = "y",
		    .cell = SIGHT },
		.machine = { .interval_ms = TICK_MS,
		    .time_step = time_step,
		    .handlers = handlers },
		.initial = initial,
		.begin = begin,
		.event = event,
	};

	arena.bots = 200;
	gc_backend_run(&game, argc, argv);
	return gc_explain(&game.start);
}
