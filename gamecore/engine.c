/*
 * engine.c - gc_serve(): the one loop under all sessions.
 *
 * It runs whoever is ready, in turn, until all of them wait; then it takes
 * what comes next from the stream, and that makes somebody ready again. So the
 * order in which sessions run depends on the frames alone, and a copy of the
 * process, or a replay, finds every one of them on its stack where it was.
 *
 * An engine is one gc_serve() with what belongs to it. It can be left by
 * gc_serve_end() and entered again; what comes for its sessions meanwhile goes
 * into their mailboxes. Next: session.c, what a session calls.
 */
#include "gamecore/sched.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef GC_ASAN
#include <sanitizer/common_interface_defs.h>
#else
#define __sanitizer_start_switch_fiber(save, low, size) (void)(save)
#define __sanitizer_finish_switch_fiber(save, low, size) (void)(save)
#endif

#define STACK_MIN ((size_t)16 << 10)
#define STACK_MAX ((size_t)256 << 20)

/* For scripts/sessions.py, which begins its walk here. */
static struct sessions *sessions_first;

/* ---- all of them -------------------------------------------------------- */

struct sessions *
sessions_of(struct gc_net *net)
{
	struct sessions *all = net->sessions;

	if (all)
		return all;
	all = calloc(1, sizeof(*all));
	if (all == NULL) {
		net_problem(net, GC_ENO_MEMORY, "out of memory");
		return NULL;
	}
	all->net = net;
	all->limits = (struct gc_session_limits){ .sessions_max = 30000,
		.stack_bytes = 64 << 10,
		.mailbox_bytes = 64 << 10 };
	all->next = sessions_first;
	sessions_first = all;
	net->sessions = all;
	net->run_end = 0;
	return all;
}

int
gc_session_limits(struct gc_net *net, const struct gc_session_limits *l)
{
	struct sessions *all = sessions_of(net);
	size_t stack = (l->stack_bytes + 4095) & ~(size_t)4095;

	if (all == NULL)
		return GC_ENO_MEMORY;
	if (all->started)
		return net_problem(
		    net, GC_EINVALID, "limits stand before the first session");
	if (l->stack_bytes > STACK_MAX || (stack && stack < STACK_MIN))
		return net_problem(net, GC_EINVALID,
		    "a stack of %zu bytes is not possible", l->stack_bytes);
	if (stack)
		all->limits.stack_bytes = stack;
	if (l->sessions_max)
		all->limits.sessions_max = l->sessions_max;
	if (l->mailbox_bytes)
		all->limits.mailbox_bytes = l->mailbox_bytes;
	return 0;
}

bool
sessions_running(const struct gc_net *net)
{
	return net->sessions && net->sessions->running &&
	       net->sessions->running->state == RUNNING &&
	       net->sessions->running->engine == net->sessions->engine;
}

struct gc_session *
session_find(const struct gc_net *net, uint64_t number)
{
	struct conn *c = net->sessions
			     ? conns_find(&net->sessions->by_number, number)
			     : NULL;

	return c ? c->bound : NULL;
}

bool
session_result(const struct gc_net *net, uint64_t number, int *result)
{
	const struct sessions *all = net->sessions;

	for (size_t i = 0; all && number && i < ENDED_KEPT; i++)
		if (all->ended[i].number == number) {
			*result = all->ended[i].result;
			return true;
		}
	return false;
}

/* ---- from stack to stack ------------------------------------------------ */

static void
hop_in(struct engine *e, struct gc_session *s)
{
	__sanitizer_start_switch_fiber(&e->fake, s->stack.low, s->stack.size);
	ctx_switch(&e->back, &s->ctx);
	__sanitizer_finish_switch_fiber(e->fake, NULL, NULL);
}

static void
hop_out(struct gc_session *s)
{
	struct engine *e = s->engine;

	__sanitizer_start_switch_fiber(
	    s->state == ENDED ? NULL : &s->fake, e->low, e->size);
	ctx_switch(&s->ctx, &e->back);
	__sanitizer_finish_switch_fiber(s->fake, &e->low, &e->size);
}

void
session_park(struct gc_session *s)
{
	s->state = WAITING;
	hop_out(s);
}

static _Noreturn void
finish(struct gc_session *s, int result)
{
	s->state = ENDED;
	s->result = result;
	hop_out(s);
	abort(); /* nobody goes on with one that ended: our own defect */
}

static void
begin(void *arg)
{
	struct gc_session *s = arg;

	__sanitizer_finish_switch_fiber(
	    NULL, &s->engine->low, &s->engine->size);
	finish(s, s->fn(s, s->arg));
}

void
session_put_away(struct gc_session *s, const char *why)
{
	gc_log(s->net, 1, "session '%s' was put away: %s", s->name, why);
	s->put_away = true;
	finish(s, GC_EINVALID);
}

void
session_ready(struct gc_session *s)
{
	struct engine *e = s->engine;

	if (s->state != WAITING)
		return;
	s->state = READY;
	s->next_ready = NULL;
	if (e == NULL)
		return; /* the next gc_serve() finds it */
	*e->ready_end = s;
	e->ready_end = &s->next_ready;
}

/* ---- start -------------------------------------------------------------- */

static void
unlink_session(struct sessions *all, struct gc_session *s)
{
	if (s->prev)
		s->prev->next = s->next;
	else
		all->first = s->next;
	if (s->next)
		s->next->prev = s->prev;
	else
		all->last = s->prev;
	conns_remove(&all->by_number, s->number);
}

static struct gc_session *
enlist(struct sessions *all)
{
	struct gc_session *s = calloc(1, sizeof(*s));
	struct conn *c;

	if (s == NULL)
		return NULL;
	s->number = OURS | ++all->net->numbers;
	c = conns_add(&all->by_number, s->number, NULL);
	if (c == NULL) {
		free(s);
		return NULL;
	}
	c->bound = s;
	s->net = all->net;
	s->prev = all->last;
	if (all->last)
		all->last->next = s;
	else
		all->first = s;
	all->last = s;
	return s;
}

/* In engine e, or in the next one if e is NULL. */
static struct gc_session *
start(struct sessions *all, struct engine *e, const char *name,
    int (*fn)(struct gc_session *, void *), void *arg)
{
	struct gc_session *s;

	if (all->live >= all->limits.sessions_max) {
		net_problem(
		    all->net, GC_ELIMIT, "there are %zu sessions", all->live);
		return NULL;
	}
	all->started = true;
	all->stacks.size = all->limits.stack_bytes;
	s = enlist(all);
	if (s == NULL || !stack_take(&all->stacks, &s->stack)) {
		if (s)
			unlink_session(all, s);
		free(s);
		net_problem(all->net, GC_ENO_MEMORY, "out of memory");
		return NULL;
	}
	gc_session_set_name(s, name);
	s->stack.name = s->name;
	s->stack.number = s->number;
	s->fn = fn;
	s->arg = arg;
	s->engine = e;
	s->stopped = all->stopped;
	s->state = WAITING;
	ctx_make(&s->ctx, s->stack.low, s->stack.size, begin, s);
	all->live++;
	if (e)
		e->live++;
	session_ready(s);
	return s;
}

uint64_t
gc_task(struct gc_net *net, const char *name,
    int (*fn)(struct gc_session *s, void *arg), void *arg)
{
	struct sessions *all = sessions_of(net);
	struct gc_session *s =
	    all ? start(all, all->engine, name, fn, arg) : NULL;

	return s ? s->number : 0;
}

/* This connection is that session's; NULL: it was hung up. */
static bool
tie(struct sessions *all, uint64_t conn, struct gc_session *s)
{
	struct conn *c = conns_find(&all->by_conn, conn);

	if (c == NULL)
		c = conns_add(&all->by_conn, conn, NULL);
	if (c == NULL)
		return false;
	c->bound = s;
	if (s) {
		s->conn = conn;
		s->player = true;
		s->gone = false;
	}
	return true;
}

static void
turn_away(
    struct sessions *all, uint64_t conn, unsigned reason, const char *text)
{
	tie(all, conn, NULL);
	gc_hang_up(all->net, conn, reason, text);
}

static struct gc_session *
start_player(struct sessions *all, struct engine *e, uint64_t conn)
{
	bool full = all->live >= all->limits.sessions_max;
	struct gc_session *s = start(all, e, "player", e->fn, e->arg);

	if (s && tie(all, conn, s))
		return s;
	if (s) {
		/* It ends before it begins. */
		s->cancelled = true;
		s->player = s->gone = true;
	}
	turn_away(all, conn, full ? GC_LIMIT : GC_NO_MEMORY,
	    "the game is full, try again later");
	return NULL;
}

/* ---- connections without a function ------------------------------------- */

void
session_strand(struct gc_session *s)
{
	struct sessions *all = s->net->sessions;
	struct gc_session *left = enlist(all);
	uint64_t conn = s->conn;

	s->conn = 0;
	if (left == NULL) {
		turn_away(all, conn, GC_NO_MEMORY, NULL);
		return;
	}
	left->state = STRANDED;
	all->stranded++;
	tie(all, conn, left); /* it is there: no memory is needed */
	letters_move(s, left);
}

static void
free_stranded(struct sessions *all, struct gc_session *s)
{
	all->stranded--;
	letters_free(s);
	unlink_session(all, s);
	free(s);
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Players whom no session has: those of a gc_next() before, by their age. */
static int
adopt_players(struct sessions *all, struct engine *e)
{
	size_t n = 0, max = gc_conns(all->net);
	uint64_t *ids = max ? calloc(max, sizeof(*ids)) : NULL;

	if (ids == NULL)
		return max ? net_problem(
				 all->net, GC_ENO_MEMORY, "out of memory")
			   : 0;
	for (uint64_t c = gc_next_conn(all->net, 0); c;
	     c = gc_next_conn(all->net, c))
		if (conns_find(&all->by_conn, c) == NULL)
			ids[n++] = c;
	qsort(ids, n, sizeof(*ids), by_number);
	for (size_t i = 0; i < n; i++)
		start_player(all, e, ids[i]);
	free(ids);
	return 0;
}

static int
adopt(struct sessions *all, struct engine *e)
{
	struct gc_session *s, *next, *last = all->last;

	for (s = all->first; s; s = next) {
		next = s == last ? NULL : s->next;
		if (s->state == STRANDED) {
			struct gc_session *p = start_player(all, e, s->conn);

			if (p)
				letters_move(s, p);
			free_stranded(all, s);
		} else if (s->engine == NULL) {
			s->engine = e;
			e->live++;
			s->state = WAITING;
			session_ready(s);
		}
	}
	return adopt_players(all, e);
}

/* ---- end ---------------------------------------------------------------- */

static void
all_off(struct gc_session *s)
{
	waiter_off(&s->for_tick);
	waiter_off(&s->for_condition);
	waiter_off(&s->for_channel);
	waiter_off(&s->for_room);
	waiter_off(&s->for_other);
	timed_stop(s->net, &s->timer);
}

static bool
is_bad(const struct gc_session *s)
{
	static const int usual[] = { GC_ECLOSED, GC_ECANCELLED, GC_ESTOPPED };
	int r = s->result;

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (r == usual[i])
			return false;
	return r < 0 && r != s->net->failed;
}

static void
tell_end(struct sessions *all, struct gc_session *s)
{
	bool told = session_tell_end(s, s->result);
	size_t i = all->n_ended++ % ENDED_KEPT;

	all->ended[i].number = s->number;
	all->ended[i].result = s->result;
	if (is_bad(s) && !told && !s->put_away)
		gc_log(s->net, 1, "session '%s' ended badly: %s (%d)", s->name,
		    gc_error_text(s->result), s->result);
}

static void
end(struct sessions *all, struct gc_session *s)
{
	all_off(s);
	gc_later_stop_all(s->net, s->number);
	jobs_of_session_end(s);
	gc_room_leave(s);
	if (s->conn && s->result > 0)
		session_strand(s);
	else if (s->conn)
		turn_away(all, s->conn, GC_LEFT, NULL);
	tell_end(all, s);
	letters_free(s);
	stack_put(&all->stacks, &s->stack);
	unlink_session(all, s);
	all->live--;
	s->engine->live--;
	free(s);
}

/* ---- what the stream says ----------------------------------------------- */

/* Everybody has to look up: something came that all calls tell. */
static void
rouse(struct sessions *all)
{
	for (struct gc_session *s = all->first; s; s = s->next)
		session_ready(s);
}

static void
on_message(
    struct sessions *all, struct gc_session *s, const struct gc_event *ev)
{
	struct letter l = { .what = ev->kind == GC_TYPED ? GC_FOR_TYPED
							 : GC_FOR_MESSAGE,
		.binary = ev->binary,
		.event = { .kind = ev->kind, .conn = ev->conn } };

	if (session_post(s, &l, ev->text, ev->len) == 0)
		return;
	gc_log(all->net, 1,
	    "session '%s' does not read: %zu bytes wait for it, its player "
	    "is closed",
	    s->name, s->mailbox_bytes);
	gc_hang_up(all->net, s->conn, GC_LIMIT, "too much waits to be read");
}

/* Of one who types key by key: the whole line. */
static void
on_keys(struct sessions *all, struct gc_session *s, const struct gc_event *ev)
{
	struct gc_event line = *ev;

	if (ev->kind != GC_MESSAGE || keys_typed(all->net, &line))
		on_message(all, s, &line);
}

static void
on_close(struct sessions *all, struct gc_session *s, uint64_t conn)
{
	conns_remove(&all->by_conn, conn);
	if (s == NULL)
		return;
	s->gone = true;
	s->conn = 0;
	if (s->state == STRANDED)
		free_stranded(all, s);
	else
		session_ready(s);
}

static void
post_event(struct gc_session *s, const struct gc_event *ev)
{
	struct letter l = { .what = GC_FOR_EVENT, .event = *ev };

	if (!s->wants_events)
		return;
	l.event.peer = NULL;
	l.event.bound = NULL;
	session_post(s, &l, ev->text, ev->len);
}

static void
on_own(struct sessions *all, struct gc_session *s, const struct gc_event *ev)
{
	if (ev->kind == GC_CLOSE)
		on_close(all, s, ev->conn);
	else if (s && (ev->kind == GC_MESSAGE || ev->kind == GC_TYPED))
		on_keys(all, s, ev);
	else if (s)
		post_event(s, ev);
}

static void
on_stop(struct sessions *all)
{
	all->stopped = true;
	for (struct gc_session *s = all->first; s; s = s->next)
		s->stopped = true;
	rouse(all);
}

/* True: it was for a session. */
static bool
deliver(struct sessions *all, const struct gc_event *ev)
{
	struct conn *c = ev->conn ? conns_find(&all->by_conn, ev->conn) : NULL;
	struct gc_session *s;

	if (c) {
		on_own(all, c->bound, ev);
		return true;
	}
	if (ev->kind == GC_DUE && (s = session_find(all->net, ev->owner))) {
		struct letter l = { .what = GC_FOR_DUE,
			.from = ev->timer,
			.thing = ev->bound,
			.count = ev->count };

		session_post(s, &l, NULL, 0);
		return true;
	}
	if (ev->kind == GC_JOB && job_deliver(all->net, ev))
		return true;
	if (ev->kind == GC_OPEN)
		all->fresh_conn = ev->conn;
	else if (ev->kind == GC_TICK)
		wake_all(&all->tick, GC_FOR_TICK, ev->count);
	else if (ev->kind == GC_STOP)
		on_stop(all);
	else if (ev->conn == 0)
		for (s = all->first; s; s = s->next)
			post_event(s, ev);
	return false;
}

bool
sessions_keep(struct gc_net *net, const struct gc_event *ev)
{
	return net->sessions && deliver(net->sessions, ev);
}

int
sessions_step(struct gc_net *net)
{
	struct sessions *all = net->sessions;
	struct gc_session *s = all->running;
	int r = session_told(s);

	if (r == 0) {
		waiter_on(&all->steps, &s->for_other, s);
		session_park(s);
		waiter_off(&s->for_other);
		r = net->failed;
	}
	return r;
}

/* ---- the loop ----------------------------------------------------------- */

static void
resume(struct sessions *all, struct engine *e, struct gc_session *s)
{
	struct gc_session *outer = all->running;
	int fd = all->net->keeper >= 0 ? all->net->keeper : all->net->control;

	all->running = s;
	s->state = RUNNING;
	stack_watch(&s->stack, fd);
	hop_in(e, s);
	stack_watch(outer ? &outer->stack : NULL, fd);
	all->running = outer;
	if (s->state == ENDED)
		end(all, s);
}

static void
run_ready(struct sessions *all, struct engine *e)
{
	struct gc_session *s;

	while (e->value == 0 && (s = e->ready) != NULL) {
		e->ready = s->next_ready;
		if (e->ready == NULL)
			e->ready_end = &e->ready;
		resume(all, e, s);
	}
}

static int
serve(struct sessions *all, struct engine *e)
{
	struct gc_net *net = all->net;
	struct gc_event ev;
	int r;

	for (;;) {
		run_ready(all, e);
		if (e->value)
			return e->value;
		if (e->live == 0 && net->failed)
			return net->failed;
		if (e->live == 0 && all->stopped)
			return 0;
		r = stream_turn(net, &ev);
		if (r < 0)
			rouse(all);
		else if (r == 0)
			wake_all(&all->steps, 0, 0);
		else if (!deliver(all, &ev) && ev.kind == GC_OPEN)
			start_player(all, e, ev.conn);
	}
}

static struct engine *
engine_of(
    struct sessions *all, int (*fn)(struct gc_session *, void *), void *arg)
{
	struct engine *e = all->engines;

	while (e && (e->fn != fn || e->arg != arg))
		e = e->next;
	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return NULL;
	e->fn = fn;
	e->arg = arg;
	e->ready_end = &e->ready;
	e->next = all->engines;
	all->engines = e;
	return e;
}

static void
engine_free(struct sessions *all, struct engine *e)
{
	struct engine **p = &all->engines;

	while (*p != e)
		p = &(*p)->next;
	*p = e->next;
	free(e);
}

int
gc_serve(
    struct gc_net *net, int (*fn)(struct gc_session *s, void *arg), void *arg)
{
	struct sessions *all = sessions_of(net);
	struct engine *e = all ? engine_of(all, fn, arg) : NULL;
	int r;

	if (e == NULL)
		return net_problem(net, GC_ENO_MEMORY, "out of memory");
	if (e->runs)
		return net_problem(
		    net, GC_EINVALID, "this gc_serve() runs already");
	e->runs = true;
	e->value = 0;
	e->outer = all->engine;
	all->engine = e;
	r = adopt(all, e);
	if (r == 0)
		r = serve(all, e);
	all->engine = e->outer;
	e->runs = false;
	if (e->live == 0)
		engine_free(all, e);
	return r;
}

int
gc_serve_end(struct gc_net *net, int value)
{
	struct engine *e = net->sessions ? net->sessions->engine : NULL;

	if (e == NULL || value <= 0)
		return net_problem(net, GC_EINVALID,
		    e ? "the value must be above 0" : "nobody serves");
	e->value = value;
	return 0;
}

void
sessions_release(struct gc_net *net)
{
	struct sessions *all = net->sessions, **p = &sessions_first;
	struct gc_session *s, *next;

	if (all == NULL)
		return;
	for (s = all->first; s; s = next) {
		next = s->next;
		all_off(s);
		letters_free(s);
		monitors_free(s);
		stack_put(&all->stacks, &s->stack);
		free(s);
	}
	while (all->engines)
		engine_free(all, all->engines);
	stacks_release(&all->stacks);
	conns_release(&all->by_conn);
	conns_release(&all->by_number);
	while (*p != all)
		p = &(*p)->next;
	*p = all->next;
	free(all);
	net->sessions = NULL;
}
