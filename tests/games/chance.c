/*
 * chance.c - a game of dice, for recordings: what it does next depends on
 * everything that a game can know, and whoever hears all of it hears whether
 * any of that came out otherwise.
 *
 * Dice, the clock, timers, ticks, groups, tags, a file-like connection to
 * itself and its gc_read_now(). "die" kills it, whenever it is replayed.
 */
#include "gamecore/gamecore.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct gc_net *net;
static struct gc_conn *self;
static uint64_t seen; /* a sum of all that it learned */
static bool ticking, alone;

static void
learn(uint64_t what)
{
	seen = (seen ^ what) * 0x100000001b3u;
}

static void
say(const struct gc_event *ev)
{
	gc_printf(net, ev->conn, "said %" PRIx64 " at %" PRId64 " %" PRIu64,
	    seen, gc_now(net), gc_random(net, 1000));
}

static void
set_timer(const struct gc_event *ev)
{
	(void)ev;
	gc_timer(net, gc_random(net, 4), 1 + (int)gc_random(net, 10),
	    gc_random(net, 4) ? 0 : 5);
}

static void
stop_timer(const struct gc_event *ev)
{
	(void)ev;
	gc_timer_stop(net, gc_random(net, 4));
}

static void
tick(const struct gc_event *ev)
{
	(void)ev;
	if (ticking)
		gc_tick_stop(net);
	else
		gc_tick(net, 1 + (int)gc_random(net, 10));
	ticking = !ticking;
}

static void
join(const struct gc_event *ev)
{
	gc_join(net, ev->conn, 1 + gc_random(net, 3));
}

static void
cast(const struct gc_event *ev)
{
	uint64_t group = gc_random(net, 4);

	gc_printf_group(net, group, NULL,
	    "cast of %" PRIu64 " to %" PRIu64 ": %" PRIx64, ev->conn, group,
	    seen);
}

static void
tag(const struct gc_event *ev)
{
	gc_tag(net, ev->conn, &seen, sizeof(seen));
}

/* Whether anything is there yet is chance, and so is part of the stream. */
static void
look(const struct gc_event *ev)
{
	const char *text;
	ssize_t n;

	(void)ev;
	while (self && (n = gc_read_now(self, &text)) != GC_ENOTHING) {
		learn((uint64_t)n);
		if (n < 0)
			break;
		learn((uint64_t)text[0]);
	}
	learn(gc_random(net, 0));
}

static void
talk(const struct gc_event *ev)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "self %" PRIu64, ev->conn);

	if (self)
		gc_write(self, text, (size_t)n);
}

static void
meet(const struct gc_event *ev)
{
	unsigned why;

	(void)ev;
	if (self == NULL && !alone)
		self = gc_connect(net, gc_listening(net, 1), &why);
}

static void (*const acts[])(const struct gc_event *) = { say, set_timer,
	stop_timer, tick, join, cast, tag, look, talk, meet, look, say };

static void
on_message(const struct gc_event *ev)
{
	char first[16];

	snprintf(first, sizeof(first), "%.15s", ev->text);
	if (strcmp(first, "die") == 0)
		raise(SIGSEGV);
	if (strncmp(first, "self ", 5) == 0) {
		gc_printf(net, ev->conn, "%" PRIx64, seen);
		return;
	}
	for (uint64_t n = 1 + gc_random(net, 3); n; n--)
		acts[gc_random(net, sizeof(acts) / sizeof(acts[0]))](ev);
	if (strcmp(first, "end") == 0)
		gc_printf(net, ev->conn, "end");
}

static void
on_event(const struct gc_event *ev)
{
	learn((uint64_t)ev->kind);
	learn(ev->conn);
	learn(ev->count);
	learn((uint64_t)gc_now(net));
	if (ev->kind == GC_MESSAGE)
		on_message(ev);
	else if (ev->kind == GC_TIMER)
		gc_printf_group(net, GC_ALL, NULL, "timer %" PRIu64 " %" PRIx64,
		    ev->timer, seen);
	else if (ev->kind == GC_TICK && gc_random(net, 3) == 0)
		gc_printf_group(net, 1, NULL, "tick %" PRIu64, ev->count);
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "line://127.0.0.1:0", NULL };
	static const struct gc_option options[] = {
		{ .name = "alone",
		    .help = "never connect to itself, which waits",
		    .on = &alone },
		{ 0 }
	};
	struct gc_start start = { .name = "chance",
		.options = options,
		.about = "Does whatever the dice say.",
		.listen = listen,
		.may_connect = "*" };
	struct gc_event ev;
	int r;

	net = gc_open(&start, argc, argv);
	if (net == NULL)
		return gc_explain(&start);
	while ((r = gc_next(net, &ev)) == 0 && ev.kind != GC_STOP)
		on_event(&ev);
	if (r < 0)
		fprintf(stderr, "chance: %s\n", gc_problem(net));
	if (self)
		gc_disconnect(self);
	gc_close(net);
	return r < 0;
}
