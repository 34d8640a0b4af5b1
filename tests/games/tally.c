/*
 * tally.c - events that are counted, for tests of bad lines: each that came up
 * and each that was told done is a number in the state, which is to be 1.
 *
 *	COUNT(i)   up/CONN/i counts one more
 *	SEND(n)    NEWS(0) to NEWS(n - 1) to the sender; what became of each
 *		   counts in done/CONN/i: 1, or 1000 if it did not arrive
 *	HASTE(n)   the same, and they have 200 ms
 *	WHOLE()    answers the state as the game has it
 *	TIME()     answers the machine's time
 *	ASK(x)     asks the sender WHAT(x); its answer becomes "asked"
 *	NOTE()     NOTED to the sender; "noted" is true once GC_ACK says so
 *	END()      the game ends, with status 7
 */
#include "gamecore/gamecore.h"

#include <stdio.h>

static struct gc_machine *machine;

static struct gc_value *
initial(void)
{
	return gc_value_make("{s{} s{}}", "up", "done");
}

/* {where: {conn: {i: by more than it is}}} */
static struct gc_value *
more(const char *where, uint64_t conn, int64_t i, int by)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%lld/%lld", where, (long long)conn,
	    (long long)i);
	return gc_value_make("{s: {l: {l: l}}}", where, (int64_t)conn, i,
	    gc_value_as_int(gc_machine_get(machine, path)) + by);
}

static struct gc_value *
on_count(struct gc_machine *m, const struct gc_call *call)
{
	(void)m;
	return more(
	    "up", call->conn, gc_value_as_int(gc_value_at(call->args, 0)), 1);
}

static void
on_done(struct gc_net *net, uint64_t conn, bool arrived,
    const struct gc_value *answer, void *thing)
{
	(void)net;
	(void)answer;
	gc_state_merge(gc_machine_state(machine), "",
	    more("done", conn, (int64_t)(uintptr_t)thing, arrived ? 1 : 1000));
}

static void
send_news(struct gc_machine *m, const struct gc_call *call, int timeout_ms)
{
	int64_t n = gc_value_as_int(gc_value_at(call->args, 0));

	for (int64_t i = 0; i < n; i++) {
		struct gc_event_how how = { .done = on_done,
			.thing = (void *)(uintptr_t)i,
			.timeout_ms = timeout_ms };

		gc_event(gc_machine_net(m), call->conn, &how, "NEWS",
		    gc_value_make("[l]", i), NULL);
	}
}

static struct gc_value *
on_send(struct gc_machine *m, const struct gc_call *call)
{
	send_news(m, call, 60000);
	return NULL;
}

static struct gc_value *
on_haste(struct gc_machine *m, const struct gc_call *call)
{
	send_news(m, call, 200);
	return NULL;
}

static struct gc_value *
on_whole(struct gc_machine *m, const struct gc_call *call)
{
	gc_answer(gc_machine_net(m), call->conn, call->request,
	    gc_value_copy(gc_state_value(gc_machine_state(m))));
	return NULL;
}

static struct gc_value *
on_time(struct gc_machine *m, const struct gc_call *call)
{
	gc_answer(gc_machine_net(m), call->conn, call->request,
	    gc_value_float(gc_machine_time(m)));
	return NULL;
}

static struct gc_value *
on_ask(struct gc_machine *m, const struct gc_call *call)
{
	const struct gc_value *said = NULL;
	int r = gc_request(gc_machine_net(m), call->conn, "WHAT",
	    gc_value_copy(call->args), NULL, 60000, &said);

	return gc_value_make(
	    "{s: v}", "asked", r < 0 ? gc_value_int(r) : gc_value_copy(said));
}

static int64_t noted;

static struct gc_value *
on_note(struct gc_machine *m, const struct gc_call *call)
{
	struct gc_event_how how = { .ack = true, .timeout_ms = -1 };

	noted =
	    gc_event(gc_machine_net(m), call->conn, &how, "NOTED", NULL, NULL);
	return NULL;
}

static struct gc_value *
on_end(struct gc_machine *m, const struct gc_call *call)
{
	(void)call;
	gc_backend_end(m, 7);
	return NULL;
}

/* What is not the machine's. */
static void
event(struct gc_machine *m, const struct gc_event *ev)
{
	if (ev->kind == GC_ACK && noted > 0)
		gc_state_set(gc_machine_state(m), "noted",
		    gc_value_bool(
			ev->status == 0 && (int64_t)ev->count == noted));
}

static int
begin(struct gc_machine *m)
{
	machine = m;
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct gc_handler handlers[] = { { "COUNT", "i",
							  on_count },
		{ "SEND", "i", on_send }, { "HASTE", "i", on_haste },
		{ "WHOLE", "", on_whole }, { "TIME", "", on_time },
		{ "ASK", "v", on_ask }, { "NOTE", "", on_note },
		{ "END", "", on_end }, { NULL, NULL, NULL } };
	static struct gc_backend game = { .start = { .name = "tally",
					      .about = "Counts events." },
		.machine = { .handlers = handlers },
		.initial = initial,
		.begin = begin,
		.event = event };

	gc_backend_run(&game, argc, argv);
	return gc_explain(&game.start);
}
