/*
 * backend.c - a whole game server in a dozen lines: a state, a step, handlers.
 *
 * Open http://localhost:8080/ for a page that shows the state as it changes,
 * or connect with gc_connect("tcp://localhost:5010"). HELLO(name) puts a name
 * into the state, CLICK() counts, PAUSE() and RESUME() stop time and let it go
 * on; what a handler returns is merged into the state, and every player sees
 * it.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>

static struct gc_value *
initial(void)
{
	return gc_value_make(
	    "{s: i, s: i, s: {}}", "tick", 0, "clicks", 0, "names");
}

/* What is there at path, plus one. */
static struct gc_value *
one_more(struct gc_machine *m, const char *path)
{
	return gc_value_make(
	    "{s: l}", path, gc_value_as_int(gc_machine_get(m, path)) + 1);
}

static struct gc_value *
time_step(struct gc_machine *m, double dt)
{
	(void)dt;
	return one_more(m, "tick");
}

static struct gc_value *
on_hello(struct gc_machine *m, const struct gc_call *call)
{
	(void)m;
	return gc_value_make("{s: {l: v}}", "names", (int64_t)call->conn,
	    gc_value_copy(gc_value_at(call->args, 0)));
}

static struct gc_value *
on_click(struct gc_machine *m, const struct gc_call *call)
{
	(void)call;
	return one_more(m, "clicks");
}

static struct gc_value *
on_pause(struct gc_machine *m, const struct gc_call *call)
{
	(void)call;
	gc_machine_pause(m);
	return NULL;
}

static struct gc_value *
on_resume(struct gc_machine *m, const struct gc_call *call)
{
	(void)call;
	gc_machine_resume(m);
	return NULL;
}

/* Who leaves takes the name along. */
static void
event(struct gc_machine *m, const struct gc_event *ev)
{
	char path[40];

	snprintf(path, sizeof(path), "names/%lld", (long long)ev->conn);
	if (ev->kind == GC_CLOSE && gc_machine_get(m, path))
		gc_state_delete(gc_machine_state(m), path);
}

static int
begin(struct gc_machine *m)
{
	const struct gc_net *net = gc_machine_net(m);
	char at[512];

	for (int i = 1; gc_address(net, i, at, sizeof(at)) == 0; i++)
		printf("backend: at %s\n", at);
	fflush(stdout);
	return 0;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = {
		"ws://*:8080/?www={www}&resume=30s", "tcp://127.0.0.1:5010",
		NULL
	};
	static const struct gc_handler handlers[] = { { "HELLO", "s",
							  on_hello },
		{ "CLICK", "", on_click }, { "PAUSE", "", on_pause },
		{ "RESUME", "", on_resume }, { NULL, NULL, NULL } };
	static struct gc_backend game = {
		.start = { .name = "backend",
		    .about = "A server in a dozen lines.",
		    .listen = listen },
		.machine = { .interval_ms = 50,
		    .time_step = time_step,
		    .handlers = handlers },
		.initial = initial,
		.begin = begin,
		.event = event,
	};

	gc_backend_run(&game, argc, argv);
	return gc_explain(&game.start);
}
