/*
 * backend.c - a whole game server in a dozen lines: a state, a step, a handler.
 *
 * Open http://localhost:8080/ in a page that takes /penstock.js, or connect
 * with gc_connect("tcp://localhost:5010"). HELLO(name) puts a name into the
 * state, and every player sees it.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>

static struct gc_value *
initial(void)
{
	return gc_value_make("{s: i, s: {}}", "tick", 0, "names");
}

static struct gc_value *
time_step(struct gc_machine *m, double dt)
{
	(void)dt;
	return gc_value_make(
	    "{s: l}", "tick", gc_value_as_int(gc_machine_get(m, "tick")) + 1);
}

static struct gc_value *
on_hello(struct gc_machine *m, const struct gc_call *call)
{
	(void)m;
	return gc_value_make("{s: {l: v}}", "names", (int64_t)call->conn,
	    gc_value_copy(gc_value_at(call->args, 0)));
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "ws://*:8080/",
		"tcp://127.0.0.1:5010", NULL };
	static const struct gc_handler handlers[] = {
		{ "HELLO", "s", on_hello }, { NULL, NULL, NULL }
	};
	static struct gc_backend game = { .start = { .name = "backend",
					      .about = "A server in a dozen "
						       "lines.",
					      .listen = listen },
		.machine = { .interval_ms = 50,
		    .time_step = time_step,
		    .handlers = handlers },
		.initial = initial };
	int status = gc_backend_run(&game, argc, argv);

	fputs(game.start.text, status ? stderr : stdout);
	return status;
}
