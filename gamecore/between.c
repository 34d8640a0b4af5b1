/*
 * between.c - what sessions are to each other: signals, ends, conditions,
 * channels, and a player who changes hands.
 */
#include "gamecore/sched.h"

#include <stdlib.h>

/* ---- cancel, signal ----------------------------------------------------- */

static struct gc_session *
living(struct gc_net *net, uint64_t number)
{
	struct gc_session *s = gc_session_find(net, number);

	return s && s->state != ENDED ? s : NULL;
}

int
gc_cancel(struct gc_net *net, uint64_t number)
{
	struct gc_session *s = living(net, number);

	if (s == NULL)
		return GC_ENOTHING;
	s->cancelled = true;
	session_ready(s);
	return 0;
}

int
gc_signal(struct gc_net *net, uint64_t to, int value, void *thing)
{
	struct gc_session *s = living(net, to);
	struct gc_session *from = net->sessions ? net->sessions->running : NULL;
	struct letter l = { .what = GC_FOR_SIGNAL,
		.from = from ? from->number : 0,
		.value = value,
		.thing = thing };

	return s ? session_post(s, &l, NULL, 0) : GC_ENOTHING;
}

/* ---- the end of another ------------------------------------------------- */

int
gc_await(struct gc_session *s, uint64_t number, int *result, int timeout_ms)
{
	struct gc_session *other = living(s->net, number);
	struct gc_wait w = { .what = 0 };
	int r;

	if (other == s)
		return net_problem(
		    s->net, GC_EINVALID, "a session cannot await itself");
	if (other == NULL)
		return session_result(s->net, number, result) ? 0 : GC_ENOTHING;
	r = session_wait(s, &w, &other->joiners, timeout_ms);
	if (r != FOR_OTHER)
		return r;
	*result = s->other_result;
	return 0;
}

static int
post_end(struct gc_session *watcher, uint64_t number, int result)
{
	struct letter l = {
		.what = GC_FOR_END, .from = number, .value = result
	};

	return session_post(watcher, &l, NULL, 0);
}

int
gc_monitor(struct gc_session *s, uint64_t number)
{
	struct gc_session *other = living(s->net, number);
	struct monitor *m;
	int result;

	if (other == s)
		return net_problem(
		    s->net, GC_EINVALID, "a session cannot monitor itself");
	if (other == NULL)
		return session_result(s->net, number, &result)
			   ? post_end(s, number, result)
			   : GC_ENOTHING;
	m = malloc(sizeof(*m));
	if (m == NULL)
		return net_problem(s->net, GC_ENO_MEMORY, "out of memory");
	m->watcher = s->number;
	m->next = other->monitors;
	other->monitors = m;
	return 0;
}

void
monitors_free(struct gc_session *s)
{
	struct monitor *m;

	while ((m = s->monitors) != NULL) {
		s->monitors = m->next;
		free(m);
	}
}

bool
session_tell_end(struct gc_session *s, int result)
{
	bool told = false;

	while (s->joiners.first) {
		struct gc_session *joiner = s->joiners.first->s;

		waiter_off(s->joiners.first);
		joiner->other_result = result;
		joiner->came |= FOR_OTHER;
		session_ready(joiner);
		told = true;
	}
	for (struct monitor *m = s->monitors; m; m = m->next) {
		struct gc_session *watcher = living(s->net, m->watcher);

		if (watcher && post_end(watcher, s->number, result) == 0)
			told = true;
	}
	monitors_free(s);
	return told;
}

/* ---- conditions --------------------------------------------------------- */

struct gc_condition {
	struct waiters waiters;
};

struct gc_condition *
gc_condition_new(struct gc_net *net)
{
	struct gc_condition *c = calloc(1, sizeof(*c));

	if (c == NULL)
		net_problem(net, GC_ENO_MEMORY, "out of memory");
	return c;
}

void
gc_condition_free(struct gc_condition *c)
{
	if (c)
		wake_lost(&c->waiters);
	free(c);
}

void
gc_notify_all(struct gc_condition *c)
{
	wake_all(&c->waiters, GC_FOR_CONDITION, 1);
}

int
gc_condition_wait(struct gc_session *s, struct gc_condition *c, int timeout_ms)
{
	struct gc_wait w = { .what = GC_FOR_CONDITION, .condition = c };
	int r = gc_wait(s, &w, timeout_ms);

	return r < 0 ? r : 0;
}

struct waiters *
condition_waiters(struct gc_condition *c)
{
	return &c->waiters;
}

/* ---- channels ----------------------------------------------------------- */

struct gc_channel {
	struct waiters takers, putters;
	bool closed;
	size_t max, size; /* size: of the ring */
	size_t first, n;
	void **ring;
};

struct gc_channel *
gc_channel_new(struct gc_net *net, size_t max)
{
	struct gc_channel *ch;

	if (max == 0) {
		net_problem(net, GC_EINVALID, "a channel for nothing");
		return NULL;
	}
	ch = calloc(1, sizeof(*ch));
	if (ch == NULL)
		net_problem(net, GC_ENO_MEMORY, "out of memory");
	else
		ch->max = max;
	return ch;
}

void
gc_channel_close(struct gc_channel *ch)
{
	ch->closed = true;
	wake_all(&ch->takers, 0, 0);
	wake_all(&ch->putters, FOR_OTHER, 0);
}

void
gc_channel_free(struct gc_channel *ch)
{
	if (ch == NULL)
		return;
	wake_lost(&ch->takers);
	wake_lost(&ch->putters);
	free(ch->ring);
	free(ch);
}

struct waiters *
channel_takers(struct gc_channel *ch)
{
	return &ch->takers;
}

static bool
grow(struct gc_channel *ch)
{
	size_t size = ch->size ? 2 * ch->size : 8;
	void **ring;

	if (ch->n < ch->size)
		return true;
	if (size > ch->max)
		size = ch->max;
	ring = calloc(size, sizeof(*ring));
	if (ring == NULL)
		return false;
	for (size_t i = 0; i < ch->n; i++)
		ring[i] = ch->ring[(ch->first + i) % ch->size];
	free(ch->ring);
	ch->ring = ring;
	ch->size = size;
	ch->first = 0;
	return true;
}

int
channel_get(struct gc_channel *ch, void **thing)
{
	if (ch->n == 0)
		return ch->closed ? GC_ECLOSED : 0;
	*thing = ch->ring[ch->first];
	ch->first = (ch->first + 1) % ch->size;
	ch->n--;
	wake_one(&ch->putters, FOR_OTHER);
	/* Whoever was woken for one may have found another's; there is more. */
	if (ch->n)
		wake_one(&ch->takers, 0);
	return 1;
}

int
gc_channel_put(
    struct gc_session *s, struct gc_channel *ch, void *thing, int timeout_ms)
{
	struct gc_wait w = { .what = 0 };

	while (!ch->closed && ch->n >= ch->max) {
		int r = session_wait(s, &w, &ch->putters, timeout_ms);

		if (r < 0)
			return r;
	}
	if (ch->closed)
		return net_problem(s->net, GC_ECLOSED, "the channel is closed");
	if (!grow(ch))
		return net_problem(s->net, GC_ENO_MEMORY, "out of memory");
	ch->ring[(ch->first + ch->n++) % ch->size] = thing;
	wake_one(&ch->takers, 0);
	return 0;
}

int
gc_channel_take(
    struct gc_session *s, struct gc_channel *ch, void **thing, int timeout_ms)
{
	struct gc_wait w = { .what = GC_FOR_CHANNEL, .channel = ch };
	int r = gc_wait(s, &w, timeout_ms);

	if (r < 0)
		return r;
	*thing = w.thing;
	return 0;
}

/* ---- a player changes hands --------------------------------------------- */

int
gc_session_detach(struct gc_session *s)
{
	uint64_t before = s->conn;

	if (s->conn)
		session_strand(s);
	s->player = false;
	if (before)
		room_moved(s, before);
	return 0;
}

int
gc_session_give(struct gc_session *s, uint64_t to)
{
	struct gc_session *t = living(s->net, to);
	struct sessions *all = s->net->sessions;
	uint64_t conn = s->conn, before;

	if (t == NULL || t == s)
		return GC_ENOTHING;
	if (conn == 0)
		return GC_ECLOSED;
	before = t->conn;
	if (before) {
		conns_find(&all->by_conn, before)->bound = NULL;
		gc_hang_up(s->net, before, GC_TAKEN_OVER, NULL);
	}
	conns_find(&all->by_conn, conn)->bound = t;
	t->conn = conn;
	t->player = true;
	t->gone = false;
	s->conn = 0;
	s->player = false;
	room_moved(s, conn);
	room_moved(t, before);
	letters_move(s, t);
	return 0;
}
