/*
 * timers.h - ticks and timers. They pass here and are told in frames; while the
 * game is behind they are gathered, not queued.
 */
#ifndef NETD_TIMERS_H
#define NETD_TIMERS_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct link;

/* The game's one tick. */
struct tick {
	ev_timer io;
	bool on;
	uint64_t passed;  /* and not told yet */
	uint64_t told_at; /* position of the last TICK */
	int64_t due_us, every_us;
};

void tick_start(struct link *l, int64_t interval_us);
void tick_stop(struct link *l);
bool
timer_add(struct link *l, uint64_t number, int64_t delay_us, int64_t repeat_us);
void timer_cancel(struct link *l, uint64_t number);
/* The game took frames: what was held back for it may follow. */
void timers_committed(struct link *l);
void timers_release(struct link *l);

#endif
