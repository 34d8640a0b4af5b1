/*
 * event.c - events with acknowledgement, both ways.
 *
 * A line that is a stream loses nothing, so nothing is said twice here: what
 * waits to be confirmed is remembered with the time it has, and fails with the
 * line or at its time. Whoever carries events in datagrams does so itself, in
 * the slot event() of its transport, and what it tells of one is believed once.
 */
#include "netd/event.h"

#include "ipc/log.h"
#include "netd/netd.h"
#include "netd/talk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The largest that event_ms may be. */
#define EVENT_WAIT_MAX_MS 3600000

struct waiting {
	struct waiting *next;
	uint64_t number;
	int64_t late_us;
};

/* ---- up ---------------------------------------------------------------------
 */

bool
event_came(struct client *c, uint64_t request, const char *name,
    size_t name_len, const struct ipc_value *args,
    const struct ipc_value *kwargs)
{
	struct ipc_value *v;
	struct ipc_buf b;
	bool fits;

	if (c->phase != PLAYING)
		return c->phase == LEAVING;
	ipc_buf_init(&b, c->link->frame_max - IPC_FRAME_HEAD);
	v = ipc_value_make("[lSvv]", (int64_t)request, name, name_len,
	    args ? ipc_value_copy(args) : ipc_value_array(),
	    kwargs ? ipc_value_copy(kwargs) : ipc_value_map());
	fits = v && ipc_value_pack(v, &b) == 0;
	ipc_value_free(v);
	c->netd->metrics.events_in++;
	if (fits)
		link_up(c->link, IPC_EVENT_UP, c->id, 0, 0, b.data, b.len);
	ipc_buf_release(&b);
	if (!fits) {
		client_close(c, IPC_REASON_TOO_LONG, "event too long");
		return false;
	}
	return client_heard(c);
}

bool
event_came_packed(struct client *c, const struct event *e)
{
	/* Not cleared: it is long, and little of it is used. */
	uint8_t b[EVENT_BYTES_MAX + 8];
	size_t n = 0;

	if (c->phase != PLAYING)
		return c->phase == LEAVING;
	assert(e->name_len <= EVENT_NAME_MAX &&
	       e->name_len + e->args_len + e->kwargs_len <= EVENT_BYTES_MAX);
	/* An array of four, and number 0: nobody waits for an answer. */
	b[n++] = 0x94;
	b[n++] = 0x00;
	if (e->name_len >= 32)
		b[n++] = 0xd9;
	b[n++] = (uint8_t)(e->name_len < 32 ? 0xa0 | e->name_len : e->name_len);
	memcpy(b + n, e->name, e->name_len);
	n += e->name_len;
	memcpy(b + n, e->args, e->args_len);
	n += e->args_len;
	memcpy(b + n, e->kwargs, e->kwargs_len);
	n += e->kwargs_len;
	c->netd->metrics.events_in++;
	link_up(c->link, IPC_EVENT_UP, c->id, 0, 0, b, n);
	return client_heard(c);
}

/* ---- what became of those down
 * -----------------------------------------------
 */

static void
tell_done(struct client *c, uint64_t number, bool arrived,
    const struct ipc_value *answer)
{
	struct ipc_buf b;

	c->netd->metrics.events_failed += !arrived;
	if (number == 0)
		return;
	ipc_buf_init(&b, c->link->frame_max - IPC_FRAME_HEAD);
	if (!ipc_buf_add(&b, &number, sizeof(number)) ||
	    (answer && ipc_value_pack(answer, &b) < 0))
		arrived = false;
	if (b.len >= sizeof(number))
		link_up(
		    c->link, IPC_EVENT_DONE, c->id, 0, arrived, b.data, b.len);
	ipc_buf_release(&b);
}

static bool
take(struct client *c, uint64_t number)
{
	struct waiting **at = c->talk ? &c->talk->events : NULL, *w;

	if (at == NULL)
		return false;
	while (*at && (*at)->number != number)
		at = &(*at)->next;
	w = *at;
	if (w == NULL)
		return false;
	*at = w->next;
	c->talk->n_events--;
	free(w);
	return true;
}

void
event_got(struct client *c, uint64_t number, const struct ipc_value *answer)
{
	if (take(c, number))
		tell_done(c, number, true, answer);
}

void
event_done(struct client *c, uint64_t number, bool arrived)
{
	if (number == 0 || take(c, number))
		tell_done(c, number, arrived, NULL);
}

static void
fail(struct client *c, struct waiting *w)
{
	if (c->link->phase == LINKED || recover_parks(c->link))
		tell_done(c, w->number, false, NULL);
	free(w);
}

void
event_forget(struct client *c)
{
	struct waiting *w;

	while (c->talk && (w = c->talk->events)) {
		c->talk->events = w->next;
		c->talk->n_events--;
		fail(c, w);
	}
}

void
events_sweep(struct client *c)
{
	struct waiting **at = c->talk ? &c->talk->events : NULL, *w;

	while (at && (w = *at)) {
		if (netd_now(c->netd) < w->late_us) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		c->talk->n_events--;
		fail(c, w);
	}
}

/* ---- down -------------------------------------------------------------------
 */

struct sending {
	struct event event;
	uint64_t but;
	int64_t wait_ms; /* 0: the limit event_ms */
	/* For those who are told in other words: made when one is. */
	struct ipc_value *args, *kwargs;
};

static bool
wait_for(struct client *c, uint64_t number, int64_t wait_ms)
{
	struct waiting *w, **at;

	if (talk_of(c) == NULL ||
	    c->talk->n_events >= (uint32_t)c->netd->config.events_waiting)
		return false;
	at = &c->talk->events;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return false;
	while (*at)
		at = &(*at)->next;
	*at = w;
	w->number = number;
	w->late_us = netd_now(c->netd) +
		     (wait_ms ? wait_ms : c->netd->config.event_ms) * 1000;
	c->talk->n_events++;
	return true;
}

static bool
has_trees(struct sending *s)
{
	const struct event *e = &s->event;
	const char *why;

	return (s->args || ipc_value_unpack(e->args, e->args_len,
			       &ipc_value_from_pipe, &s->args, &why) == 0) &&
	       (s->kwargs || ipc_value_unpack(e->kwargs, e->kwargs_len,
				 &ipc_value_from_pipe, &s->kwargs, &why) == 0);
}

static void
send_one(struct client *c, void *arg)
{
	struct sending *s = arg;
	const struct event *e = &s->event;

	if (c->id == s->but || c->outgoing || c->phase != PLAYING)
		return;
	c->netd->metrics.events_out++;
	if ((!c->transport->event && (!talk_hears(c) || !talk_of(c))) ||
	    (e->number && !wait_for(c, e->number, s->wait_ms))) {
		tell_done(c, e->number, false, NULL);
		return;
	}
	if (c->transport->event) {
		if (!c->transport->event(c, e))
			event_done(c, e->number, false);
		return;
	}
	if (!has_trees(s)) {
		event_done(c, e->number, false);
		return;
	}
	talk_send(c, ipc_value_make("[slSvv]", "$event", (int64_t)e->number,
			 e->name, e->name_len, ipc_value_copy(s->args),
			 ipc_value_copy(s->kwargs)));
}

/* A connection that is not there has not got it. */
static void
not_there(struct link *l, uint64_t conn, uint64_t number)
{
	if (number)
		link_up(l, IPC_EVENT_DONE, conn, 0, 0, &number, sizeof(number));
}

static void
send_all(struct link *l, const struct ipc_frame *f, struct sending *s)
{
	struct client *c;

	if (f->flags & IPC_TO_GROUP) {
		group_each(l, f->id, s->but, send_one, s);
	} else {
		c = client_find(l->netd, f->id);
		if (c && c->phase == PLAYING)
			send_one(c, s);
		else
			not_there(l, f->id, s->event.number);
	}
	ipc_value_free(s->args);
	ipc_value_free(s->kwargs);
}

static bool
may_wait(int64_t wait_ms)
{
	return wait_ms >= 0 && wait_ms <= EVENT_WAIT_MAX_MS;
}

/* The parts of a frame where they lie. False: it needs a closer look. */
static bool
parts(const struct ipc_frame *f, struct sending *s)
{
	enum { NUMBER, NAME, ARGS, KWARGS, WAIT_MS, BUT, ALL };
	static const uint8_t types[ALL] = { IPC_V_INT, IPC_V_STR, IPC_V_ARRAY,
		IPC_V_MAP, IPC_V_INT, IPC_V_INT };
	struct ipc_scanned at[ALL];
	const uint8_t *p = f->bytes;
	size_t left = f->len;

	if (left == 0 || *p != (0x90 | ALL))
		return false;
	p++, left--;
	for (unsigned i = 0; i < ALL; i++) {
		if (!ipc_value_scan(p, left, &ipc_value_from_pipe, &at[i]) ||
		    at[i].type != types[i])
			return false;
		p += at[i].len;
		left -= at[i].len;
	}
	if (left || at[NAME].n == 0 || at[NAME].n > EVENT_NAME_MAX)
		return false;
	if (!may_wait(at[WAIT_MS].number))
		return false;
	s->event = (struct event){ .number = (uint64_t)at[NUMBER].number,
		.name = at[NAME].text,
		.name_len = at[NAME].n,
		.args = at[ARGS].bytes,
		.kwargs = at[KWARGS].bytes,
		.args_len = at[ARGS].len,
		.kwargs_len = at[KWARGS].len };
	s->wait_ms = at[WAIT_MS].number;
	s->but = (uint64_t)at[BUT].number;
	return true;
}

/* The same of the tree: what it lacks is said, what it has too much is not. */
static const char *
send_value(struct link *l, const struct ipc_frame *f, const struct ipc_value *v)
{
	struct sending s = { 0 };
	const struct ipc_value *name = ipc_value_at(v, 1);
	const struct ipc_value *args = ipc_value_at(v, 2);
	const struct ipc_value *kwargs = ipc_value_at(v, 3);
	struct ipc_buf b;

	s.event.number = (uint64_t)ipc_value_as_int(ipc_value_at(v, 0));
	s.event.name = ipc_value_text(name, &s.event.name_len);
	s.wait_ms = ipc_value_as_int(ipc_value_at(v, 4));
	s.but = (uint64_t)ipc_value_as_int(ipc_value_at(v, 5));
	if (ipc_value_type(name) != IPC_V_STR || s.event.name_len == 0 ||
	    s.event.name_len > EVENT_NAME_MAX)
		return "name: a str of 1 to 255 bytes";
	if (ipc_value_type(args) != IPC_V_ARRAY)
		return "args: an array";
	if (ipc_value_type(kwargs) != IPC_V_MAP)
		return "kwargs: a map";
	if (!may_wait(s.wait_ms))
		return "wait_ms: from 0 to 3,600,000";
	ipc_buf_init(&b, IPC_FRAME_MAX_MAX);
	if (ipc_value_pack(args, &b) == 0) {
		s.event.args_len = b.len;
		if (ipc_value_pack(kwargs, &b) == 0) {
			s.event.args = b.data;
			s.event.kwargs = b.data + s.event.args_len;
			s.event.kwargs_len = b.len - s.event.args_len;
			send_all(l, f, &s);
		}
	}
	ipc_buf_release(&b);
	return s.event.kwargs ? NULL : "out of memory";
}

const char *
event_send(struct link *l, const struct ipc_frame *f)
{
	struct sending s = { 0 };
	struct ipc_value *v;
	const char *why;

	l->talks = true;
	if (parts(f, &s)) {
		send_all(l, f, &s);
		return NULL;
	}
	if (ipc_value_unpack(f->bytes, f->len, &ipc_value_from_pipe, &v, &why) <
	    0)
		return why;
	why = send_value(l, f, v);
	ipc_value_free(v);
	return why;
}

const char *
event_answer(struct link *l, const struct ipc_frame *f)
{
	struct client *c = client_find(l->netd, f->id);
	struct ipc_value *v;
	const char *why;

	if (ipc_value_unpack(f->bytes, f->len, &ipc_value_from_pipe, &v, &why) <
	    0)
		return why;
	if (c && c->phase == PLAYING && !c->transport->event)
		talk_send(c, ipc_value_make("[svv]", "$answer",
				 ipc_value_copy(ipc_value_at(v, 0)),
				 ipc_value_copy(ipc_value_at(v, 1))));
	ipc_value_free(v);
	return NULL;
}
