/*
 * awake.h - waiting for what comes soon without going to sleep (busy polling).
 *
 * A core that goes to sleep takes its time to wake: 40 us on a virtual machine,
 * more than the turn that it wakes for. So when the last wait was shorter than
 * the limit busy_poll_us, the next one begins awake: the loop looks again and
 * again, and gives way to whoever wants the core. If nothing comes for as long
 * as that, it sleeps, and stays awake again only after a short wait. A quiet
 * netd does none of it, and a burst costs one wait in vain.
 */
#ifndef NETD_AWAKE_H
#define NETD_AWAKE_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct netd;

struct awake {
	ev_idle idle;      /* while it is active, the loop does not sleep */
	int64_t since_us;  /* when the last turn ended that did something */
	int64_t seen_us;   /* how much of the wait is counted */
	uint64_t messages; /* of players, when it ended */
	bool many;         /* it had more of them than wait for a waking core */
	bool idled;        /* nothing has come this time round */
};

void awake_init(struct netd *n);
/* The loop has looked what there is, and the clock was read. */
void awake_woken(struct netd *n);
/* A turn begins. True: nothing has come, there is nothing to do. */
bool awake_idled(struct netd *n);
/* It has ended, and the clock was read. */
void awake_wait(struct netd *n);

#endif
