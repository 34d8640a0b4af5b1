/*
 * timed.c - things that are due at a time: a heap over one timer of netd's.
 *
 * Sleeping sessions, ticks of rooms and the game's own gc_later() stand in
 * one heap, ordered by time and then by when they were begun. Time is what
 * the stream says, so a replay finds the same order; netd is asked only to
 * say something when the earliest of them is due.
 */
#include "gamecore/timed.h"

#include <stdlib.h>

#define TIMED_MAX 1000000

struct timeds {
	struct timed **heap; /* from 0; the earliest first */
	size_t n, size;
	size_t n_later;       /* of gc_later() */
	uint64_t order;       /* the last one given */
	uint64_t timer;       /* netd's, a number of ours */
	int64_t armed_us;     /* when it will come; 0: it does not stand */
	struct conns numbers; /* gc_later(): number -> struct timed */
	struct conns owners;  /* owner -> the first of its list */
};

static struct timeds *
timeds(struct gc_net *net)
{
	if (net->timed == NULL) {
		net->timed = calloc(1, sizeof(*net->timed));
		net->run_end = 0;
		if (net->timed)
			net->timed->timer = OURS | ++net->numbers;
	}
	return net->timed;
}

/* ---- the heap ----------------------------------------------------------- */

static bool
before(const struct timed *a, const struct timed *b)
{
	if (a->due_us != b->due_us)
		return a->due_us < b->due_us;
	return a->order < b->order;
}

static void
set(struct timeds *q, size_t i, struct timed *t)
{
	q->heap[i] = t;
	t->at = i + 1;
}

static void
rise(struct timeds *q, size_t i, struct timed *t)
{
	while (i > 0 && before(t, q->heap[(i - 1) / 2])) {
		set(q, i, q->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	set(q, i, t);
}

static void
sink(struct timeds *q, size_t i, struct timed *t)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < q->n &&
		    before(q->heap[child + 1], q->heap[child]))
			child++;
		if (child >= q->n || before(t, q->heap[child]))
			break;
		set(q, i, q->heap[child]);
		i = child;
	}
	set(q, i, t);
}

static bool
grow(struct timeds *q)
{
	size_t size = q->size ? 2 * q->size : 64;
	struct timed **heap;

	if (q->n < q->size)
		return true;
	heap = realloc(q->heap, size * sizeof(struct timed *));
	if (heap == NULL)
		return false;
	q->heap = heap;
	q->size = size;
	return true;
}

void
timed_stop(struct gc_net *net, struct timed *t)
{
	struct timeds *q = net->timed;
	struct timed *last;
	size_t i = t->at;

	if (i-- == 0)
		return;
	t->at = 0;
	last = q->heap[--q->n];
	if (last == t)
		return;
	if (i > 0 && before(last, q->heap[(i - 1) / 2]))
		rise(q, i, last);
	else
		sink(q, i, last);
}

bool
timed_start(
    struct gc_net *net, struct timed *t, int64_t delay_us, int64_t repeat_us)
{
	struct timeds *q = timeds(net);

	timed_stop(net, t);
	if (q == NULL || !grow(q))
		return false;
	/* Never due before the stream says something: whoever starts them
	 * without end would keep everybody else from it. */
	if (delay_us < 1)
		delay_us = 1;
	if (delay_us > INT64_MAX - net->now_us)
		delay_us = INT64_MAX - net->now_us;
	t->due_us = net->now_us + delay_us;
	t->repeat_us = repeat_us;
	t->order = ++q->order;
	rise(q, q->n++, t);
	return true;
}

/* ---- the one timer ------------------------------------------------------ */

void
timed_arrived(struct gc_net *net, uint64_t number)
{
	struct timeds *q = net->timed;

	if (q == NULL || number != q->timer)
		return;
	/* A person may have set the clock back: what netd measured counts. */
	if (net->now_us < q->armed_us)
		net->now_us = q->armed_us;
	q->armed_us = 0;
}

void
timed_forgotten(struct gc_net *net)
{
	if (net->timed)
		net->timed->armed_us = 0;
}

static int
arm(struct gc_net *net)
{
	struct timeds *q = net->timed;
	struct ipc_timer_start m = { 0 };
	int64_t due = q->heap[0]->due_us;
	int r;

	if (q->armed_us && q->armed_us <= due)
		return 0;
	m.delay_us = (uint64_t)(due - net->now_us);
	r = stream_put_msg(net, IPC_TIMER_START, q->timer, &m);
	/* Nobody reads what we write: what netd still had to say comes. */
	if (r < 0 && net->failed)
		return r;
	q->armed_us = due;
	return 0;
}

/* ---- what is due -------------------------------------------------------- */

/* Off its owner's list and out of the numbers. */
static void
later_free(struct gc_net *net, struct timed *t)
{
	struct timeds *q = net->timed;
	struct conn *first = conns_find(&q->owners, t->owner);

	timed_stop(net, t);
	if (t->next)
		t->next->prev = t->prev;
	if (t->prev)
		t->prev->next = t->next;
	else if (t->owner && t->next)
		first->bound = t->next;
	else if (t->owner)
		conns_remove(&q->owners, t->owner);
	conns_remove(&q->numbers, t->number);
	q->n_later--;
	free(t);
}

static void
show(struct gc_net *net, struct timed *t, uint64_t count, struct gc_event *ev)
{
	*ev = (struct gc_event){ .kind = GC_DUE,
		.text = "",
		.timer = t->number,
		.owner = t->owner,
		.bound = t->thing,
		.count = count };
	if (t->repeat_us == 0)
		later_free(net, t);
}

int
timed_next(struct gc_net *net, struct gc_event *ev)
{
	struct timeds *q = net->timed;
	struct timed *t;
	uint64_t count = 1;

	if (q == NULL || q->n == 0 || net->failed)
		return TIMED_NONE;
	t = q->heap[0];
	if (t->due_us > net->now_us) {
		int r = arm(net);

		return r < 0 ? r : TIMED_NONE;
	}
	timed_stop(net, t);
	if (t->repeat_us) {
		count += (uint64_t)((net->now_us - t->due_us) / t->repeat_us);
		t->due_us += (int64_t)count * t->repeat_us;
		t->order = ++q->order;
		rise(q, q->n++, t); /* into the place it just left */
	}
	if (t->fire) {
		t->fire(t, count);
		return 0;
	}
	show(net, t, count, ev);
	return 1;
}

void
timed_release(struct gc_net *net)
{
	struct timeds *q = net->timed;

	if (q == NULL)
		return;
	for (size_t i = 0; i < q->n; i++)
		if (q->heap[i]->fire == NULL)
			free(q->heap[i]);
	free(q->heap);
	conns_release(&q->numbers);
	conns_release(&q->owners);
	free(q);
	net->timed = NULL;
}

/* ---- what the game asks for --------------------------------------------- */

#define MS_MAX (INT64_MAX / 4000)

/* Into the numbers and its owner's list: false, and it is in neither. */
static bool
enter(struct timeds *q, struct timed *t)
{
	struct conn *number = conns_add(&q->numbers, t->number, NULL);
	struct conn *first;

	if (number == NULL)
		return false;
	number->bound = t;
	if (t->owner == 0)
		return true;
	first = conns_find(&q->owners, t->owner);
	if (first == NULL) {
		first = conns_add(&q->owners, t->owner, NULL);
		if (first == NULL) {
			conns_remove(&q->numbers, t->number);
			return false;
		}
	} else {
		t->next = first->bound;
		t->next->prev = t;
	}
	first->bound = t;
	return true;
}

uint64_t
gc_later(struct gc_net *net, uint64_t owner, int64_t delay_ms,
    int64_t repeat_ms, void *thing)
{
	struct timeds *q = timeds(net);
	struct timed *t;

	if (delay_ms < 0 || repeat_ms < 0 || delay_ms > MS_MAX ||
	    repeat_ms > MS_MAX) {
		net_problem(net, GC_EINVALID, "a time that is not valid");
		return 0;
	}
	if (q && q->n_later >= TIMED_MAX) {
		net_problem(
		    net, GC_ELIMIT, "over %d things are due later", TIMED_MAX);
		return 0;
	}
	t = q ? calloc(1, sizeof(*t)) : NULL;
	if (t == NULL)
		goto no_memory;
	t->number = OURS | ++net->numbers;
	t->owner = owner;
	t->thing = thing;
	if (!enter(q, t))
		goto no_memory;
	q->n_later++;
	if (timed_start(net, t, delay_ms * 1000, repeat_ms * 1000))
		return t->number;
	later_free(net, t);
	t = NULL;
no_memory:
	free(t);
	net_problem(net, GC_ENO_MEMORY, "out of memory");
	return 0;
}

int
gc_later_stop(struct gc_net *net, uint64_t number)
{
	struct timeds *q = net->timed;
	struct conn *c = q ? conns_find(&q->numbers, number) : NULL;

	if (c == NULL)
		return GC_ENOTHING;
	later_free(net, c->bound);
	return 0;
}

size_t
gc_later_stop_all(struct gc_net *net, uint64_t owner)
{
	struct timeds *q = net->timed;
	struct conn *first;
	size_t n = 0;

	while (q && (first = conns_find(&q->owners, owner)) != NULL) {
		later_free(net, first->bound);
		n++;
	}
	return n;
}
