/*
 * awake.c - see awake.h. libev calls an idle watcher when nothing else is to
 * be called, and does not sleep while there is one.
 */
#include "netd/awake.h"
#include "netd/netd.h"

#include <sched.h>

/* Messages of a turn. More of them share what it costs to wake up. */
#define FEW 8

static void
on_idle(struct ev_loop *loop, ev_idle *w, int events)
{
	struct netd *n = w->data;
	struct awake *a = &n->awake;

	(void)events;
	a->idled = true;
	n->metrics.busy_poll_us += (uint64_t)(n->now_us - a->seen_us);
	a->seen_us = n->now_us;
	if (n->now_us - a->since_us >= n->config.busy_poll_us)
		ev_idle_stop(loop, w);
	else
		sched_yield(); /* to the game, if it shares our core */
}

void
awake_init(struct netd *n)
{
	ev_idle_init(&n->awake.idle, on_idle);
	n->awake.idle.data = n;
	n->awake.since_us = n->now_us;
}

void
awake_woken(struct netd *n)
{
	const struct awake *a = &n->awake;

	if (!a->many && n->now_us - a->since_us < n->config.busy_poll_us)
		ev_idle_start(n->loop, &n->awake.idle);
}

bool
awake_idled(struct netd *n)
{
	bool idled = n->awake.idled;

	n->awake.idled = false;
	return idled;
}

void
awake_wait(struct netd *n)
{
	struct awake *a = &n->awake;
	uint64_t messages = n->metrics.messages_in;

	a->since_us = a->seen_us = n->now_us;
	a->many = messages - a->messages > FEW;
	a->messages = messages;
	if (a->many)
		ev_idle_stop(n->loop, &a->idle);
}
