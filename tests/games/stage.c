/*
 * stage.c - states and events, for tests that look at what each player is told.
 *
 * State 1: things with x and y in a grid, cards that only their owner sees, and
 * whatever a test puts. The words are events:
 *
 *	WATCH(view, rate)  follow by this view: 0 all, 1 near, 2 no cards but
 *			   one's own
 *	LOOK(x, y)         look there
 *	AT(x)              look at x, x
 *	PUT(path, value)   CUT(path)   MERGE(value)
 *	TURN(n)            n things move one step each, n times
 *	ASK_ME(x)          the sender is asked WHAT(x), and answered that
 *	WIN(text)          WON(text) to all but the sender; each end of it is
 *			   told to everybody as DONE(conn, arrived)
 *	PAUSE, RESUME, STOP  of the machine; STOP answers what it came to
 *	DIE                abort
 *
 * With --fresh it begins anew whatever was left, with --view=N everybody
 * follows by that view and looks at the thing of its own number.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>
#include <stdlib.h>

static struct gc_value *
initial(void)
{
	return gc_value_make("{s{} s{} si}", "things", "cards", "life", 1);
}

static struct gc_value *
time_step(struct gc_machine *m, double dt)
{
	(void)dt;
	return gc_value_make(
	    "{sl}", "tick", gc_value_as_int(gc_machine_get(m, "tick")) + 1);
}

static const char *
text(const struct gc_call *call, size_t i)
{
	return gc_value_text(gc_value_at(call->args, i), NULL);
}

static void
answer(struct gc_machine *m, const struct gc_call *call, struct gc_value *v)
{
	gc_answer(gc_machine_net(m), call->conn, call->request, v);
}

static struct gc_value *
on_watch(struct gc_machine *m, const struct gc_call *call)
{
	struct gc_value *me = gc_value_int((int64_t)call->conn);
	struct gc_watch how = {
		.view = (uint64_t)gc_value_as_int(gc_value_at(call->args, 0)),
		.rate = gc_value_as_float(gc_value_at(call->args, 1)),
		.me = me,
	};

	gc_state_watch(gc_machine_state(m), call->conn, &how);
	gc_value_free(me);
	return NULL;
}

static struct gc_value *
on_show(struct gc_machine *m, const struct gc_call *call)
{
	gc_state_watch(gc_machine_state(m),
	    (uint64_t)gc_value_as_int(gc_value_at(call->args, 0)), NULL);
	return NULL;
}

static struct gc_value *
on_look(struct gc_machine *m, const struct gc_call *call)
{
	gc_state_look(gc_machine_net(m), call->conn,
	    gc_value_as_float(gc_value_at(call->args, 0)),
	    gc_value_as_float(gc_value_at(call->args, 1)));
	return NULL;
}

static struct gc_value *
on_at(struct gc_machine *m, const struct gc_call *call)
{
	double x = gc_value_as_float(gc_value_at(call->args, 0));

	gc_state_look(gc_machine_net(m), call->conn, x, x);
	return NULL;
}

static struct gc_value *
on_put(struct gc_machine *m, const struct gc_call *call)
{
	gc_state_set(gc_machine_state(m), text(call, 0),
	    gc_value_copy(gc_value_at(call->args, 1)));
	return NULL;
}

static struct gc_value *
on_cut(struct gc_machine *m, const struct gc_call *call)
{
	gc_state_delete(gc_machine_state(m), text(call, 0));
	return NULL;
}

static struct gc_value *
on_merge(struct gc_machine *m, const struct gc_call *call)
{
	(void)m;
	return gc_value_copy(gc_value_at(call->args, 0));
}

static struct gc_value *
on_turn(struct gc_machine *m, const struct gc_call *call)
{
	int n = (int)gc_value_as_int(gc_value_at(call->args, 0));

	for (int turn = 0; turn < n; turn++)
		for (int i = 0; i < n; i++) {
			char path[32];

			snprintf(path, sizeof(path), "things/%d", i);
			gc_state_merge(gc_machine_state(m), path,
			    gc_value_make("{sisi}", "x", i, "y", turn));
		}
	return NULL;
}

static struct gc_value *
on_ask_me(struct gc_machine *m, const struct gc_call *call)
{
	uint64_t conn = call->conn, request = call->request;
	const struct gc_value *said = NULL;
	int r = gc_request(gc_machine_net(m), conn, "WHAT",
	    gc_value_copy(call->args), NULL, 2000, &said);

	gc_answer(gc_machine_net(m), conn, request,
	    r < 0 ? gc_value_int(r) : gc_value_copy(said));
	return NULL;
}

static void
on_done(struct gc_net *net, uint64_t conn, bool arrived,
    const struct gc_value *said, void *thing)
{
	(void)said;
	(void)thing;
	gc_event_group(net, GC_ALL, NULL, "DONE",
	    gc_value_make("[lb]", (int64_t)conn, arrived), NULL);
}

static struct gc_value *
on_win(struct gc_machine *m, const struct gc_call *call)
{
	struct gc_event_how how = { .but = call->conn, .done = on_done };

	gc_event_group(gc_machine_net(m), GC_ALL, &how, "WON",
	    gc_value_copy(call->args), NULL);
	return NULL;
}

static struct gc_value *
on_pause(struct gc_machine *m, const struct gc_call *call)
{
	answer(m, call, gc_value_int(gc_machine_pause(m)));
	return NULL;
}

static struct gc_value *
on_resume(struct gc_machine *m, const struct gc_call *call)
{
	answer(m, call, gc_value_int(gc_machine_resume(m)));
	return NULL;
}

static struct gc_value *
on_stop(struct gc_machine *m, const struct gc_call *call)
{
	uint64_t conn = call->conn, request = call->request;
	int r = gc_machine_stop(m, 5000);

	gc_answer(gc_machine_net(m), conn, request, gc_value_int(r));
	return NULL;
}

static struct gc_value *
on_die(struct gc_machine *m, const struct gc_call *call)
{
	(void)m;
	(void)call;
	abort();
}

static int
begin(struct gc_machine *m)
{
	static const char *const rules[] = { "-cards", "+cards/$me", NULL };
	struct gc_net *net = gc_machine_net(m);

	gc_view(net, 1, &(struct gc_view){ .radius = 10 });
	gc_view(net, 2, &(struct gc_view){ .rules = rules });
	if (gc_state_restored(gc_machine_state(m)))
		gc_state_set(gc_machine_state(m), "life",
		    gc_value_int(
			1 + gc_value_as_int(gc_machine_get(m, "life"))));
	return 0;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "ws://127.0.0.1:0/", NULL };
	static const struct gc_handler handlers[] = {
		{ "WATCH", "if", on_watch },
		{ "SHOW", "i", on_show },
		{ "LOOK", "ff", on_look },
		{ "AT", "i", on_at },
		{ "PUT", "sv", on_put },
		{ "CUT", "s", on_cut },
		{ "MERGE", "m", on_merge },
		{ "TURN", "i", on_turn },
		{ "ASK_ME", "v", on_ask_me },
		{ "WIN", "s", on_win },
		{ "PAUSE", "", on_pause },
		{ "RESUME", "", on_resume },
		{ "STOP", "", on_stop },
		{ "DIE", NULL, on_die },
		{ NULL, NULL, NULL },
	};
	static struct gc_backend game = {
		.start = { .name = "stage",
		    .about = "A test's game.",
		    .listen = listen },
		.state = { .grid = "things",
		    .x = "x",
		    .y = "y",
		    .cell = 10,
		    .by_conn = true },
		.machine = { .interval_ms = 20,
		    .time_step = time_step,
		    .handlers = handlers },
		.initial = initial,
		.begin = begin,
		.host_ends = true,
		.host_follows = true,
	};
	const struct gc_option options[] = {
		{ .name = "fresh",
		    .help = "begin anew",
		    .on = &game.state.fresh },
		{ .name = "view",
		    .value = "N",
		    .help = "what everybody sees",
		    /* Signed or not is the same here. */
		    .number = (long *)&game.state.view,
		    .largest = 2 },
		{ .name = NULL },
	};

	game.start.options = options;
	gc_backend_run(&game, argc, argv);
	return gc_explain(&game.start);
}
