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
/* The loop rounds; a timer that is so near is due. */
#define NEARLY_US 500
/* A hundred years: what is longer than that is as good as never. */
#define EVER_US (INT64_C(3153600000) * 1000000)

struct timer {
	ev_timer io;
	struct link *link;
	uint64_t number;
	uint64_t passed;
	uint64_t told_at;         /* position of its last frame, 0: taken */
	int64_t due_us, every_us; /* 0: once */
	UT_hash_handle hh;
};

static bool
taken(const struct link *l, uint64_t told_at)
{
	return l->phase == LINKED && told_at <= l->committed;
}

/*
 * How often it passed until now, by the clock: a loop that was busy for long
 * has missed some. Goes on at the time it should, not later and later.
 */
static uint64_t
passed(struct link *l, ev_timer *w, int64_t *due_us, int64_t every_us)
{
	int64_t now = netd_now(l->netd), times = 0;

	if (now + NEARLY_US >= *due_us)
		times = now > *due_us ? 1 + (now - *due_us) / every_us : 1;
	*due_us += times * every_us;
	ev_timer_set(w, *due_us > now ? SECONDS(*due_us - now) : 0., 0.);
	ev_timer_start(l->netd->loop, w);
	return (uint64_t)times;
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
	l->tick.passed += passed(l, w, &l->tick.due_us, l->tick.every_us);
	tick_tell(l);
}

void
tick_start(struct link *l, int64_t interval_us)
{
	tick_stop(l);
	l->tick.io.data = l;
	l->tick.every_us = interval_us;
	l->tick.due_us = netd_now(l->netd) + interval_us;
	ev_timer_init(&l->tick.io, on_tick, SECONDS(interval_us), 0.);
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
	unsigned times =
	    t->passed > UINT16_MAX ? UINT16_MAX : (unsigned)t->passed;

	if (t->passed == 0 || !taken(l, t->told_at))
		return;
	link_up(l, IPC_TIMER, t->number, 0, times, NULL, 0);
	t->told_at = l->journal.position;
	t->passed -= times; /* what one frame cannot say is held */
	l->held_timers -= t->passed == 0;
	if (t->every_us == 0)
		timer_end(l, t);
}

static void
on_timer(struct ev_loop *loop, ev_timer *w, int events)
{
	struct timer *t = w->data;
	uint64_t times = 1, before = t->passed;

	(void)loop;
	(void)events;
	if (t->every_us) {
		if (t->due_us == 0) /* the first time, whenever that is */
			t->due_us = netd_now(t->link->netd);
		times = passed(t->link, w, &t->due_us, t->every_us);
	}
	t->passed += times;
	t->link->held_timers += before == 0 && times > 0;
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
	t->every_us = repeat_us < EVER_US ? repeat_us : EVER_US;
	t->io.data = t;
	/* From now, not from when this turn of the loop began. */
	ev_now_update(l->netd->loop);
	ev_timer_init(&t->io, on_timer, SECONDS(delay_us), 0.);
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
