/*
 * timed.h - the queue of things that are due at a time.
 */
#ifndef GAMECORE_TIMED_H
#define GAMECORE_TIMED_H

#include "gamecore/core.h"

/* One of them; lives in whoever waits, or by itself for gc_later(). */
struct timed {
	int64_t due_us, repeat_us; /* repeat 0: once */
	uint64_t order;            /* among those due at the same moment */
	size_t at;                 /* place in the heap from 1; 0: not in it */
	/* Called when due, count times over; NULL: an event of gc_later(). */
	void (*fire)(struct timed *t, uint64_t count);
	/* of gc_later() */
	uint64_t number, owner;
	void *thing;
	struct timed *prev, *next; /* of the same owner */
};

/* Start it (again). False: out of memory, or too many. */
bool timed_start(
    struct gc_net *net, struct timed *t, int64_t delay_us, int64_t repeat_us);
/* Ignored if it is not in the queue. */
void timed_stop(struct gc_net *net, struct timed *t);

#endif
