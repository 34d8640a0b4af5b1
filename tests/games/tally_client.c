/*
 * tally_client.c - the other side of tally: says COUNT 60 times and hears NEWS
 * 60 times, over whatever line there is, and checks that each was taken, heard
 * and told done once, and that its state is the game's.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>
#include <stdlib.h>

#define EVENTS 60
#define WAIT_MS 60000
/* An event that came twice would be here by then. */
#define QUIET_MS 1000

static struct gc_net *net;
static struct gc_conn *con;

static void
check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "NOT %s: %s\n", what, gc_problem(net));
	exit(1);
}

/* The one map inside: ours is the only connection. */
static const struct gc_value *
inside(const struct gc_value *state, const char *where)
{
	return gc_value_at(gc_value_get(state, where), 0);
}

static bool
is_whole(const struct gc_value *state, void *thing)
{
	(void)thing;
	return gc_value_size(inside(state, "up")) == EVENTS &&
	       gc_value_size(inside(state, "done")) == EVENTS;
}

static void
each_is_one(const char *where)
{
	const struct gc_value *map = inside(gc_client_state(con), where);

	for (size_t i = 0; i < EVENTS; i++)
		check(gc_value_as_int(gc_value_at(map, i)) == 1, where);
}

static void
says(void)
{
	for (int i = 0; i < EVENTS; i++)
		check(gc_client_event(con, "COUNT", gc_value_make("[i]", i),
			  NULL, WAIT_MS) == 0,
		    "acknowledged");
}

static void
hears(void)
{
	unsigned count[EVENTS] = { 0 };
	struct gc_call call;

	check(gc_client_event(con, "SEND", gc_value_make("[i]", EVENTS), NULL,
		  WAIT_MS) == 0,
	    "sent");
	for (int i = 0; i < EVENTS; i++) {
		int64_t n;

		check(gc_client_next(con, &call, WAIT_MS) == 0, "heard");
		n = gc_value_as_int(gc_value_at(call.args, 0));
		check(n == i && count[n]++ == 0, "in order and once");
	}
	check(gc_client_next(con, &call, QUIET_MS) == GC_ETIMEOUT, "no more");
}

static bool
has(const struct gc_value *state, void *name)
{
	return gc_value_get(state, name) != NULL;
}

static bool
never(const struct gc_value *state, void *thing)
{
	(void)state;
	++*(int *)thing;
	return false;
}

/* A number, which the game answers. */
static double
time_there(void)
{
	const struct gc_value *time;

	check(gc_client_request(con, "TIME", NULL, NULL, WAIT_MS, &time) == 0,
	    "told the time");
	return gc_value_as_float(time);
}

/* Everything that waits: for an answer, for a change, for nothing. */
static void
waits(void)
{
	const struct gc_value *whole = NULL;
	struct gc_call call;
	double before = time_there();
	int asked = 0;

	check(gc_client_wait_until(con, never, &asked, 100) == GC_ETIMEOUT &&
		  asked > 0,
	    "waited in vain");
	check(time_there() > before, "time goes on");
	check(gc_client_request(con, "NOBODY", NULL, NULL, 100, &whole) ==
		  GC_ETIMEOUT,
	    "not answered");
	check(gc_client_event(
		  con, "ASK", gc_value_make("[i]", 5), NULL, WAIT_MS) == 0 &&
		  gc_client_next(con, &call, WAIT_MS) == 0 && call.request &&
		  gc_client_answer(con, &call,
		      gc_value_make("{s: v}", "said",
			  gc_value_copy(gc_value_at(call.args, 0)))) == 0 &&
		  gc_client_wait_until(
		      con, has, (char[]){ "asked" }, WAIT_MS) == 0,
	    "asked");
	check(gc_value_as_int(
		  gc_value_find(gc_client_state(con), "asked/said")) == 5,
	    "what was answered");
	check(gc_client_event(con, "NOTE", NULL, NULL, WAIT_MS) == 0 &&
		  gc_client_next(con, &call, WAIT_MS) == 0 &&
		  gc_client_wait_until(
		      con, has, (char[]){ "noted" }, WAIT_MS) == 0 &&
		  gc_value_as_bool(gc_value_get(gc_client_state(con), "noted")),
	    "GC_ACK");
}

int
main(int argc, char **argv)
{
	struct gc_start start = { .name = "tally_client",
		.about = "Checks a tally.",
		.arguments = "URL" };
	const struct gc_value *whole;

	net = gc_open(&start, argc, argv);
	if (net == NULL)
		return gc_explain(&start);
	con = gc_connect(net, argv[start.first_argument], NULL);
	check(con && gc_client_begin(con) == 0, "connected");
	says();
	hears();
	check(gc_client_wait_until(con, is_whole, NULL, WAIT_MS) == 0,
	    "told done");
	each_is_one("up");
	each_is_one("done");
	waits();
	check(gc_client_request(con, "WHOLE", NULL, NULL, WAIT_MS, &whole) == 0,
	    "answered");
	check(gc_value_equal(whole, gc_client_state(con)), "the same state");
	/* It may be gone before it says that this was taken. */
	gc_client_event(con, "END", NULL, NULL, WAIT_MS);
	gc_disconnect(con);
	gc_close(net);
	puts("ok");
	return 0;
}
