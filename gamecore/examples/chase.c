/*
 * chase.c - one is the chaser; whom it touches is the next.
 *
 * The rules of PyGaSe's own example game, on the same port and with the same
 * state and events, so that its client plays here (pygase://) together with
 * pages (ws://) and terminals (bin/chase_term, tcp://):
 *
 *	players      {id: {name, position: [x, y]}}
 *	chaser_id    of one of them, or nil
 *	protection   nobody can be caught for countdown seconds
 *	JOIN(name), answered by PLAYER_CREATED(id)
 *	MOVE(player_id=, new_position=)
 *
 * Unlike there, nobody moves another, and who leaves is gone.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 640.0
#define HEIGHT 420.0
#define TOUCH 15.0 /* square of the distance */
#define PROTECTED_S 5.0
#define NAME_MAX_BYTES 40

static struct gc_value *
initial(void)
{
	return gc_value_make("{s{} sn sn sf}", "players", "chaser_id",
	    "protection", "countdown", 0.0);
}

/* The number that a connection plays; 0: it only looks on. */
static int64_t
player_of(void *bound)
{
	return (int64_t)(intptr_t)bound;
}

static void
is_player(struct gc_net *net, uint64_t conn, int64_t id)
{
	gc_bind(net, conn, (void *)(intptr_t)id);
	gc_tag(net, conn, &id, sizeof(id));
}

/* ---- time -----------------------------------------------------------------
 */

static double
distance(const struct gc_value *a, const struct gc_value *b)
{
	const struct gc_value *p = gc_value_get(a, "position");
	const struct gc_value *q = gc_value_get(b, "position");
	double dx = gc_value_as_float(gc_value_at(p, 0)) -
		    gc_value_as_float(gc_value_at(q, 0));
	double dy = gc_value_as_float(gc_value_at(p, 1)) -
		    gc_value_as_float(gc_value_at(q, 1));

	return dx * dx + dy * dy;
}

static struct gc_value *
time_step(struct gc_machine *m, double dt)
{
	const struct gc_value *players = gc_machine_get(m, "players");
	const struct gc_value *chaser = gc_machine_get(m, "chaser_id");
	double countdown = gc_value_as_float(gc_machine_get(m, "countdown"));
	int64_t id, it = gc_value_as_int(chaser);

	if (gc_value_type(chaser) == GC_V_NIL)
		return NULL;
	if (gc_value_as_bool(gc_machine_get(m, "protection"))) {
		countdown -= dt;
		return gc_value_make("{sf sb}", "countdown", countdown,
		    "protection", countdown >= 0);
	}
	for (size_t i = 0; i < gc_value_size(players); i++) {
		gc_value_key(players, i, &id);
		if (id != it && distance(gc_value_at(players, i),
				    gc_value_get_at(players, it)) < TOUCH)
			return gc_value_make("{sl sb sf}", "chaser_id", id,
			    "protection", 1, "countdown", PROTECTED_S);
	}
	return NULL;
}

/* ---- players ----------------------------------------------------------------
 */

static struct gc_value *
on_join(struct gc_machine *m, const struct gc_call *call)
{
	const struct gc_value *players = gc_machine_get(m, "players");
	const struct gc_value *name = gc_value_at(call->args, 0);
	int64_t id = 0, other;
	struct gc_value *change;
	size_t len;

	gc_value_text(name, &len);
	if (player_of(call->bound) || len == 0 || len > NAME_MAX_BYTES)
		return NULL;
	for (size_t i = 0; i < gc_value_size(players); i++) {
		gc_value_key(players, i, &other);
		id = other > id ? other : id;
	}
	id++;
	is_player(gc_machine_net(m), call->conn, id);
	/* PyGaSe's client waits for this before it plays. */
	gc_event(gc_machine_net(m), call->conn, NULL, "PLAYER_CREATED",
	    gc_value_make("[l]", id), NULL);
	change = gc_value_make("{s{l{sv s[ii]}}}", "players", id, "name",
	    gc_value_copy(name), "position", 0, 0);
	if (gc_value_type(gc_machine_get(m, "chaser_id")) == GC_V_NIL)
		gc_value_set(change, "chaser_id", gc_value_int(id));
	return change;
}

static bool
coordinate(const struct gc_value *at, size_t i, double end)
{
	const struct gc_value *v = gc_value_at(at, i);
	double x = gc_value_as_float(v);

	return (gc_value_type(v) == GC_V_INT ||
		   gc_value_type(v) == GC_V_FLOAT) &&
	       x >= 0 && x <= end;
}

static struct gc_value *
on_move(struct gc_machine *m, const struct gc_call *call)
{
	const struct gc_value *id = gc_value_get(call->kwargs, "player_id");
	const struct gc_value *to = gc_value_get(call->kwargs, "new_position");

	(void)m;
	if (player_of(call->bound) == 0 ||
	    gc_value_as_int(id) != player_of(call->bound) ||
	    gc_value_size(to) != 2 || !coordinate(to, 0, WIDTH) ||
	    !coordinate(to, 1, HEIGHT))
		return NULL;
	return gc_value_make("{s{l{sv}}}", "players", gc_value_as_int(id),
	    "position", gc_value_copy(to));
}

static void
leave(struct gc_machine *m, int64_t id)
{
	struct gc_state *st = gc_machine_state(m);
	const struct gc_value *players;
	char path[40];
	int64_t next = 0;

	snprintf(path, sizeof(path), "players/%lld", (long long)id);
	gc_state_delete(st, path);
	if (gc_value_as_int(gc_machine_get(m, "chaser_id")) != id)
		return;
	players = gc_machine_get(m, "players");
	if (gc_value_size(players))
		gc_value_key(players, 0, &next);
	gc_state_set(
	    st, "chaser_id", next ? gc_value_int(next) : gc_value_nil());
}

static void
on_event(struct gc_machine *m, const struct gc_event *ev)
{
	int64_t id;

	if (ev->kind == GC_CLOSE && player_of(ev->bound))
		leave(m, player_of(ev->bound));
	/* It played with the program before this one. */
	if (ev->kind == GC_OPEN && ev->peer->tag_len == sizeof(id)) {
		memcpy(&id, ev->peer->tag, sizeof(id));
		is_player(gc_machine_net(m), ev->conn, id);
	}
}

static int
begin(struct gc_machine *m)
{
	struct gc_net *net = gc_machine_net(m);
	char at[256];

	for (int i = 1; gc_address(net, i, at, sizeof(at)) == 0; i++)
		printf("chase: %s\n", at);
	fflush(stdout);
	return 0;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "pygase://127.0.0.1:8080",
		"ws://*:8080/?www={www}", "tcp://127.0.0.1:5010", NULL };
	static const struct gc_handler handlers[] = {
		{ "JOIN", "s", on_join },
		{ "MOVE", NULL, on_move },
		{ NULL, NULL, NULL },
	};
	static struct gc_backend game = {
		.start = { .name = "chase",
		    .about = "One chases the others.",
		    .listen = listen },
		.machine = { .interval_ms = 20,
		    .time_step = time_step,
		    .handlers = handlers },
		.initial = initial,
		.begin = begin,
		.event = on_event,
	};

	gc_backend_run(&game, argc, argv);
	return gc_explain(&game.start);
}
