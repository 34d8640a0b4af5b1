/*
 * sync_client.c - the other side of sync: a program that plays, and checks
 * that what the game says of the state and its events is so.
 *
 *	bin/sync_client tcp://127.0.0.1:5010        or ws://, udp://
 *
 * Prints a line for each thing that holds; exits with 1 at the first that does
 * not. With --end it ends the server, if it is the first player.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>
#include <string.h>

#define WAIT_MS 10000

static struct gc_conn *con;
static struct gc_net *net;
/* What it does to the state is done under this number: others do the same. */
static int64_t own;

static bool
has_begun(const struct gc_value *state, void *thing)
{
	(void)thing;
	return strcmp(gc_value_text(gc_value_get(state, "hello"), NULL),
		   "world") == 0 &&
	       gc_value_type(gc_value_get(state, "players")) == GC_V_MAP;
}

static bool
has_ticked(const struct gc_value *state, void *thing)
{
	return gc_value_as_int(gc_value_get(state, "tick")) > *(int64_t *)thing;
}

static bool
is_there(const struct gc_value *state, void *thing)
{
	return gc_value_find(state, thing) != NULL;
}

static bool
is_gone(const struct gc_value *state, void *thing)
{
	return gc_value_find(state, thing) == NULL;
}

static bool
has_moved(const struct gc_value *state, void *thing)
{
	return gc_value_as_float(gc_value_at(gc_value_find(state, thing), 0)) ==
	       12.5;
}

static bool
says(bool good, const char *what)
{
	printf("%s %s\n", good ? "ok" : "NOT", what);
	if (!good)
		fprintf(stderr, "sync_client: not so: %s (%s)\n", what,
		    gc_problem(net));
	return good;
}

static bool
until(bool (*cond)(const struct gc_value *state, void *thing), void *thing,
    const char *what)
{
	return says(gc_client_wait_until(con, cond, thing, WAIT_MS) == 0, what);
}

static bool
send_event(const char *name, struct gc_value *args, struct gc_value *kwargs)
{
	return gc_client_event(con, name, args, kwargs, WAIT_MS) == 0;
}

/* This event comes, whatever others shout meanwhile; args is taken. */
static bool
hears(const char *name, struct gc_value *args)
{
	struct gc_call call;
	bool same = false;

	while (!same && gc_client_next(con, &call, WAIT_MS) == 0)
		same = strcmp(call.name, name) == 0 &&
		       gc_value_equal(call.args, args);
	gc_value_free(args);
	return same;
}

static bool
echoes(void)
{
	struct gc_value *odd = gc_value_make("[i s [f] n b l f y {i: s} s]", 1,
	    "two", 3.5, 1, -(INT64_C(1) << 40), 0.1, "\x01\xff", (size_t)2, 7,
	    "seven", "h\xc3\xa9");

	return says(send_event("ECHO", gc_value_copy(odd), NULL) &&
			hears("ECHOED", odd),
	    "ECHO: every kind of value comes back unchanged");
}

static bool
shouts(void)
{
	return says(
	    send_event("SHOUT", gc_value_make("[{s: i}]", "x", 1), NULL) &&
		hears("HEARD", gc_value_make("[{s: i}]", "x", 1)),
	    "SHOUT is heard");
}

static bool
plays(void)
{
	static char place[64], me[32];

	snprintf(me, sizeof(me), "players/%lld", (long long)own);
	snprintf(place, sizeof(place), "%s/position", me);
	return send_event("JOIN", gc_value_make("[l s]", own, "ann"), NULL) &&
	       until(is_there, place, "JOIN") &&
	       send_event("MOVE", NULL,
		   gc_value_make("{s: l, s: [f, i]}", "player_id", own,
		       "new_position", 12.5, -3)) &&
	       until(has_moved, place, "MOVE with keyword data") &&
	       send_event("LEAVE", gc_value_make("[l]", own), NULL) &&
	       until(is_gone, me, "LEAVE");
}

static bool
merges(void)
{
	char deep[32], x[40], y[40];

	snprintf(deep, sizeof(deep), "deep%lld", (long long)own);
	snprintf(x, sizeof(x), "%s/a/x", deep);
	snprintf(y, sizeof(y), "%s/a/y", deep);
	return send_event("SET",
		   gc_value_make("[s {s: {s: i}}]", deep, "a", "x", 1), NULL) &&
	       send_event("SET",
		   gc_value_make("[s {s: {s: i}}]", deep, "a", "y", 2), NULL) &&
	       until(is_there, y, "SET") &&
	       says(
		   gc_value_as_int(gc_value_find(gc_client_state(con), x)) == 1,
		   "SET merges deeply") &&
	       send_event("DEL", gc_value_make("[s]", deep), NULL) &&
	       until(is_gone, deep, "DEL");
}

static bool
all(void)
{
	int64_t tick;

	if (!until(has_begun, NULL, "the whole state comes first"))
		return false;
	tick = gc_value_as_int(gc_value_get(gc_client_state(con), "tick")) + 5;
	return until(has_ticked, &tick, "and goes on") && echoes() &&
	       shouts() && plays() && merges() &&
	       says(send_event("NOBODY_KNOWS", NULL, NULL),
		   "what nobody knows is ignored");
}

int
main(int argc, char **argv)
{
	bool end = false, good;
	const struct gc_option options[] = {
		{ .name = "end", .help = "end the server", .on = &end },
		{ .name = NULL }
	};
	struct gc_start start = { .name = "sync_client",
		.about = "Checks a running sync.",
		.options = options,
		.arguments = "URL" };

	net = gc_open(&start, argc, argv);
	if (net == NULL)
		return gc_explain(&start);
	if (start.first_argument >= argc) {
		fputs("sync_client: wants a URL, such as "
		      "tcp://127.0.0.1:5010 (try --help)\n",
		    stderr);
		gc_close(net);
		return 2;
	}
	own = 1 + (int64_t)gc_random(net, 1000000000);
	con = gc_connect(net, argv[start.first_argument], NULL);
	good = con && gc_client_begin(con) == 0 && all();
	if (con == NULL)
		fprintf(stderr, "sync_client: %s\n", gc_problem(net));
	if (good && end)
		gc_client_event(con, "$shutdown", NULL, NULL, WAIT_MS);
	gc_disconnect(con);
	gc_close(net);
	return !good;
}
