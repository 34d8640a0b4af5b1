/*
 * sync.c - the game that shows conformance: 50 ticks a second, a state that
 * everybody follows, and events whose values are known only at run time.
 *
 *	tick         counts; hello is "world"; players is a map
 *	ECHO(*args)  answers ECHOED(*args) to the sender
 *	SHOUT(x)     sends HEARD(x) to everybody once
 *	SET(k, v)    merges v into the state at k
 *	DEL(k)       deletes it
 *	JOIN(pid, name), LEAVE(pid), MOVE(player_id=, new_position=)
 *
 * The first player may end the server. One source for pages, C programs,
 * clients of PyGaSe and whatever else netd speaks.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>

static struct gc_value *
initial(void)
{
	return gc_value_make(
	    "{s: i, s: s, s: {}}", "tick", 0, "hello", "world", "players");
}

static struct gc_value *
time_step(struct gc_machine *m, double dt)
{
	(void)dt;
	return gc_value_make(
	    "{s: l}", "tick", gc_value_as_int(gc_machine_get(m, "tick")) + 1);
}

static struct gc_value *
on_echo(struct gc_machine *m, const struct gc_call *call)
{
	gc_event(gc_machine_net(m), call->conn, NULL, "ECHOED",
	    gc_value_copy(call->args), NULL);
	return NULL;
}

static struct gc_value *
on_shout(struct gc_machine *m, const struct gc_call *call)
{
	gc_event_group(gc_machine_net(m), GC_ALL, NULL, "HEARD",
	    gc_value_make("[v]", gc_value_copy(gc_value_at(call->args, 0))),
	    NULL);
	return NULL;
}

/* A change of one key, which is the first argument; v is taken. */
static struct gc_value *
change(const struct gc_call *call, struct gc_value *v)
{
	struct gc_value *map = gc_value_map();

	gc_value_set_key(map, gc_value_at(call->args, 0), v);
	return map;
}

static struct gc_value *
on_set(struct gc_machine *m, const struct gc_call *call)
{
	(void)m;
	return change(call, gc_value_copy(gc_value_at(call->args, 1)));
}

static struct gc_value *
on_del(struct gc_machine *m, const struct gc_call *call)
{
	(void)m;
	return change(call, gc_value_deleted());
}

static struct gc_value *
on_join(struct gc_machine *m, const struct gc_call *call)
{
	(void)m;
	return gc_value_make("{s: v}", "players",
	    change(call, gc_value_make("{s: v, s: [f, f]}", "name",
			     gc_value_copy(gc_value_at(call->args, 1)),
			     "position", 0.0, 0.0)));
}

static struct gc_value *
on_leave(struct gc_machine *m, const struct gc_call *call)
{
	(void)m;
	return gc_value_make(
	    "{s: v}", "players", change(call, gc_value_deleted()));
}

static struct gc_value *
on_move(struct gc_machine *m, const struct gc_call *call)
{
	const struct gc_value *id = gc_value_get(call->kwargs, "player_id");
	const struct gc_value *to = gc_value_get(call->kwargs, "new_position");
	struct gc_value *players = gc_value_map();

	(void)m;
	if (id == NULL || to == NULL ||
	    gc_value_set_key(players, id,
		gc_value_make("{s: v}", "position", gc_value_copy(to))) < 0) {
		gc_value_free(players);
		return NULL;
	}
	return gc_value_make("{s: v}", "players", players);
}

static int
begin(struct gc_machine *m)
{
	const char *at;

	for (int i = 1; *(at = gc_listening(gc_machine_net(m), i)); i++)
		fprintf(stderr, "sync: %s\n", at);
	return 0;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "ws://127.0.0.1:8080/",
		"tcp://127.0.0.1:5010", "pygase://127.0.0.1:8080",
		"udp://127.0.0.1:5010", NULL };
	static const struct gc_handler handlers[] = {
		{ "ECHO", NULL, on_echo },
		{ "SHOUT", "v", on_shout },
		{ "SET", "kv", on_set },
		{ "DEL", "k", on_del },
		{ "JOIN", "kv", on_join },
		{ "LEAVE", "k", on_leave },
		{ "MOVE", NULL, on_move },
		{ NULL, NULL, NULL },
	};
	static struct gc_backend game = {
		.start = { .name = "sync",
		    .about = "Shows that a client and a server agree.",
		    .listen = listen },
		.machine = { .interval_ms = 20,
		    .time_step = time_step,
		    .handlers = handlers },
		.initial = initial,
		.begin = begin,
		.host_ends = true,
	};

	gc_backend_run(&game, argc, argv);
	return gc_explain(&game.start);
}
