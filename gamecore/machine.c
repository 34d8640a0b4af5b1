/*
 * machine.c - a state with time, handlers for events, and both in one.
 *
 * Nothing of it runs by itself: gc_machine_take() is given the stream's events
 * and acts on ticks and events of players; gc_backend_run() is the loop that a
 * game would write around it.
 */
#include "gamecore/stores.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_MS 20
#define LATE_MAX 5
/* Between two lines in the log about events that nobody wants. */
#define GRUMBLE_US 1000000
#define HOST_TAG "penstock.host"

struct gc_machine {
	struct gc_net *net;
	struct gc_state *state;
	struct gc_machine_options o;
	bool runs;
	int64_t time_us;
	uint64_t refused;
	int64_t grumbled_us;
	/* gc_backend_run() */
	uint64_t host;
	bool had_host, over;
	int status;
};

static int
put_status(struct gc_machine *m, int status)
{
	return gc_state_set(m->state, "game_status", gc_value_int(status));
}

struct gc_machine *
gc_machine_new(struct gc_state *st, const struct gc_machine_options *o)
{
	struct gc_machine *m = calloc(1, sizeof(*m));

	if (m == NULL) {
		net_problem(st->net, GC_ENO_MEMORY, "out of memory");
		return NULL;
	}
	m->net = st->net;
	m->state = st;
	m->o = *o;
	if (m->o.interval_ms == 0)
		m->o.interval_ms = INTERVAL_MS;
	if (m->o.late_max == 0)
		m->o.late_max = LATE_MAX;
	if (gc_events(m->net) == 0 && gc_machine_resume(m) == 0)
		return m;
	free(m);
	return NULL;
}

void
gc_machine_free(struct gc_machine *m)
{
	free(m);
}

struct gc_net *
gc_machine_net(const struct gc_machine *m)
{
	return m->net;
}

struct gc_state *
gc_machine_state(const struct gc_machine *m)
{
	return m->state;
}

void *
gc_machine_thing(const struct gc_machine *m)
{
	return m->o.thing;
}

const struct gc_value *
gc_machine_get(const struct gc_machine *m, const char *path)
{
	return gc_state_get(m->state, path);
}

double
gc_machine_time(const struct gc_machine *m)
{
	return (double)m->time_us / 1e6;
}

uint64_t
gc_machine_refused(const struct gc_machine *m)
{
	return m->refused;
}

/* ---- time
 * --------------------------------------------------------------------- */

int
gc_machine_resume(struct gc_machine *m)
{
	int r;

	if (m->runs)
		return 0;
	r = gc_tick(m->net, m->o.interval_ms);
	if (r == 0)
		r = put_status(m, 1);
	m->runs = r == 0;
	return r;
}

int
gc_machine_pause(struct gc_machine *m)
{
	int r;

	if (!m->runs)
		return 0;
	m->runs = false;
	r = gc_tick_stop(m->net);
	return r < 0 ? r : put_status(m, 0);
}

int
gc_machine_stop(struct gc_machine *m, int timeout_ms)
{
	struct request r = { .kind = IPC_ANSWER };
	struct ipc_frame f = { .kind = IPC_ASK };
	int e = gc_machine_pause(m);

	if (e < 0)
		return e;
	/* netd answers when it has taken all that came before. */
	stream_ask(m->net, &r);
	f.id = r.number;
	e = stream_put(m->net, &f, NULL);
	if (e < 0) {
		stream_forget(m->net, &r);
		return e;
	}
	return await_within(m->net, &r, timeout_ms);
}

/* What a handler or a step made; taken. */
static void
merge(struct gc_machine *m, const char *of, struct gc_value *change)
{
	if (change == NULL)
		return;
	if (gc_state_merge(m->state, "", change) < 0 && !m->net->failed)
		gc_log(m->net, 1, "%s: its change is not merged: %s", of,
		    gc_problem(m->net));
}

static void
step(struct gc_machine *m, uint64_t passed)
{
	double dt = m->o.interval_ms / 1e3;

	if (passed > m->o.late_max)
		passed = m->o.late_max;
	for (; passed && m->runs; passed--) {
		m->time_us += (int64_t)m->o.interval_ms * 1000;
		if (m->o.time_step)
			merge(m, "time_step", m->o.time_step(m, dt));
	}
}

/* ---- events
 * -------------------------------------------------------------------- */

static void
refuse(struct gc_machine *m, const struct gc_call *call, const char *why)
{
	m->refused++;
	if (m->grumbled_us && m->net->now_us - m->grumbled_us < GRUMBLE_US)
		return;
	m->grumbled_us = m->net->now_us;
	gc_log(m->net, 1, "event '%.64s' of connection %" PRIu64 ": %s",
	    call->name, call->conn, why);
}

static void
handle(struct gc_machine *m, const struct gc_event *ev)
{
	const struct gc_handler *h = m->o.handlers;
	struct gc_call call;

	if (gc_call_read(m->net, ev, &call) < 0)
		return;
	if (strcmp(call.name, "$shutdown") == 0) {
		m->over = m->over || (m->host && call.conn == m->host);
		return;
	}
	while (h && h->event && strcmp(h->event, call.name) != 0)
		h++;
	if (h == NULL || h->event == NULL)
		refuse(m, &call, "no handler");
	else if (h->args && !gc_args_fit(call.args, h->args))
		refuse(m, &call, "its arguments do not fit");
	else
		merge(m, h->event, h->handle(m, &call));
}

bool
gc_machine_take(struct gc_machine *m, const struct gc_event *ev)
{
	if (ev->kind == GC_TICK) {
		step(m, ev->count);
		return true;
	}
	if (ev->kind != GC_EVENT)
		return false;
	handle(m, ev);
	return true;
}

/* ---- all in one
 * ------------------------------------------------------------------- */

uint64_t
gc_backend_host(const struct gc_machine *m)
{
	return m->host;
}

void
gc_backend_end(struct gc_machine *m, int status)
{
	m->over = true;
	m->status = status;
}

/* Numbers rise: the lowest is the oldest. */
static uint64_t
oldest(const struct gc_net *net)
{
	uint64_t found = 0;

	for (uint64_t c = gc_next_conn(net, 0); c; c = gc_next_conn(net, c))
		if (found == 0 || c < found)
			found = c;
	return found;
}

/* Its tag tells the game after an upgrade. */
static void
be_host(struct gc_machine *m, uint64_t conn)
{
	if (m->host && m->host != conn)
		gc_tag(m->net, m->host, "", 0);
	m->host = conn;
	m->had_host = true;
	if (conn)
		gc_tag(m->net, conn, HOST_TAG, sizeof(HOST_TAG) - 1);
}

static bool
was_host(const struct gc_event *ev)
{
	const struct gc_peer *p = ev->peer;

	return p->state == GC_RESUMED && p->tag_len == sizeof(HOST_TAG) - 1 &&
	       memcmp(p->tag, HOST_TAG, p->tag_len) == 0;
}

static void
follow_host(
    struct gc_machine *m, const struct gc_backend *b, const struct gc_event *ev)
{
	if (!b->host_ends)
		return;
	if (ev->kind == GC_OPEN && (was_host(ev) || !m->had_host))
		be_host(m, ev->conn);
	if (ev->kind == GC_CLOSE && ev->conn == m->host)
		be_host(m, b->host_follows ? oldest(m->net) : 0);
	if (ev->kind == GC_OPEN && m->host == 0 && b->host_follows)
		be_host(m, oldest(m->net));
}

static void
loop(struct gc_machine *m, const struct gc_backend *b)
{
	struct gc_event ev;

	while (!m->over && gc_next(m->net, &ev) == 0) {
		follow_host(m, b, &ev);
		if (ev.kind == GC_STOP)
			break;
		if (!gc_machine_take(m, &ev) && b->event)
			b->event(m, &ev);
	}
}

static int
run(const struct gc_backend *b, struct gc_net *net)
{
	struct gc_state_options options = b->state;
	struct gc_machine *m;
	struct gc_state *st;
	int status;

	options.everybody = true;
	st = gc_state_open(net, 1, &options, b->initial ? b->initial() : NULL);
	m = st ? gc_machine_new(st, &b->machine) : NULL;
	if (m == NULL) {
		gc_log(net, 2, "cannot begin: %s", gc_problem(net));
		return 1;
	}
	/* The first player ever was one of the game's before this one. */
	m->had_host = gc_state_restored(st);
	if (b->begin && b->begin(m) < 0)
		m->status = 1;
	else
		loop(m, b);
	status = m->status;
	gc_machine_free(m);
	return status;
}

int
gc_backend_run(struct gc_backend *b, int argc, char **argv)
{
	struct gc_net *net = gc_open(&b->start, argc, argv);

	if (net == NULL)
		return b->start.status;
	b->start.text = "";
	b->start.status = run(b, net);
	gc_close(net);
	return b->start.status;
}
