/*
 * timers.c - ticks and timers, told to the game as frames.
 *
 * A game that is behind never finds a backlog: while its last TICK (or the
 * last TIMER of a number) is not taken yet, what passes is only counted, and
 * follows as one frame once the game has committed that one.
 */
#include "netd/netd.h"

#include <stdlib.h>
#include <uthash.h>

#define SECONDS(us) ((double)(us) / 1e6)

struct timer {
	ev_timer io;
	struct link *link;
	uint64_t number;
	uint64_t passed;
	uint64_t told_at; /* position of its last frame, 0: taken */
	bool once;
	UT_hash_handle hh;
};

static bool
taken(const struct link *l, uint64_t told_at)
{
	return l->phase == LINKED && told_at <= l->committed;
}

static void
tick_tell(struct link *l)
{
	struct tick *t = &l->tick;

	if (t->passed == 0 || !taken(l, t->told_at))
		return;
	link_up(l, IPC_TICK, t->passed, 0, 0, NULL, 0);
	t->told_at = l->journal.position;
	t->passed = 0;
}

static void
on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
	struct link *l = w->data;

	(void)loop;
	(void)events;
	l->tick.passed++;
	tick_tell(l);
}

void
tick_start(struct link *l, int64_t interval_us)
{
	tick_stop(l);
	l->tick.io.data = l;
	ev_timer_init(
	    &l->tick.io, on_tick, SECONDS(interval_us), SECONDS(interval_us));
	ev_timer_start(l->netd->loop, &l->tick.io);
	l->tick.on = true;
}

void
tick_stop(struct link *l)
{
	if (l->tick.on)
		ev_timer_stop(l->netd->loop, &l->tick.io);
	l->tick.on = false;
	l->tick.passed = 0;
}

static void
timer_end(struct link *l, struct timer *t)
{
	ev_timer_stop(l->netd->loop, &t->io);
	HASH_DEL(l->timers, t);
	l->n_timers--;
	l->held_timers -= t->passed > 0;
	free(t);
}

static void
timer_tell(struct timer *t)
{
	struct link *l = t->link;
	unsigned passed =
	    t->passed > UINT16_MAX ? UINT16_MAX : (unsigned)t->passed;

	if (t->passed == 0 || !taken(l, t->told_at))
		return;
	link_up(l, IPC_TIMER, t->number, 0, passed, NULL, 0);
	t->told_at = l->journal.position;
	t->passed = 0;
	l->held_timers--;
	if (t->once)
		timer_end(l, t);
}

static void
on_timer(struct ev_loop *loop, ev_timer *w, int events)
{
	struct timer *t = w->data;

	(void)loop;
	(void)events;
	if (t->passed++ == 0)
		t->link->held_timers++;
	timer_tell(t);
}

static struct timer *
timer_find(const struct link *l, uint64_t number)
{
	struct timer *t;

	HASH_FIND(hh, l->timers, &number, sizeof(number), t);
	return t;
}

bool
timer_add(struct link *l, uint64_t number, int64_t delay_us, int64_t repeat_us)
{
	struct timer *t = timer_find(l, number);

	if (t)
		timer_end(l, t);
	if (l->n_timers >= (uint64_t)l->netd->config.timers_max)
		return false;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return false;
	t->link = l;
	t->number = number;
	t->once = repeat_us == 0;
	t->io.data = t;
	/* From now, not from when this turn of the loop began. */
	ev_now_update(l->netd->loop);
	ev_timer_init(&t->io, on_timer, SECONDS(delay_us), SECONDS(repeat_us));
	ev_timer_start(l->netd->loop, &t->io);
	HASH_ADD(hh, l->timers, number, sizeof(t->number), t);
	l->n_timers++;
	return true;
}

void
timer_cancel(struct link *l, uint64_t number)
{
	struct timer *t = timer_find(l, number);

	if (t)
		timer_end(l, t);
}

void
timers_committed(struct link *l)
{
	struct timer *t, *next;

	tick_tell(l);
	if (l->held_timers == 0)
		return;
	HASH_ITER(hh, l->timers, t, next)
	timer_tell(t);
}

void
timers_release(struct link *l)
{
	struct timer *t, *next;

	tick_stop(l);
	HASH_ITER(hh, l->timers, t, next)
	timer_end(l, t);
}
