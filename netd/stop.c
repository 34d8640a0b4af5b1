/*
 * stop.c - the end, in order.
 *
 * Asked to stop, netd asks the game (STOP), which says its goodbyes and BYE;
 * then every queue is flushed, every connection closed properly, and the loop
 * ends. A game that does not answer is given stop_ms. A second signal ends
 * everything at once.
 */
#include "netd/netd.h"

#include "ipc/log.h"
#include "netd/jobs.h"

#include <signal.h>

void
stop_now(struct netd *n)
{
	ipc_log(IPC_LOG_WARN, "stop_now", "players=%zu", n->n_playing);
	ev_break(n->loop, EVBREAK_ALL);
}

static void
on_hard(struct ev_loop *loop, ev_timer *w, int events)
{
	struct netd *n = w->data;

	(void)loop;
	(void)events;
	ipc_log(IPC_LOG_WARN, "stop_hard", "players=%zu", n->n_playing);
	n->status = 1;
	stop_now(n);
}

void
stop_tell(struct netd *n)
{
	link_up(n->link, IPC_STOP, (uint64_t)n->config.stop_ms, 0, 0, NULL, 0);
}

void
stop_asked(struct netd *n, const char *by)
{
	if (++n->stops > 1) {
		stop_now(n);
		return;
	}
	ipc_log(
	    IPC_LOG_INFO, "stopping", "by=%s players=%zu", by, n->n_playing);
	/* The old game is the one that says the goodbyes. */
	upgrade_fail(n, "netd is to stop");
	listen_pause(n, true);
	ev_timer_set(&n->stop_hard, (double)n->config.stop_ms / 1e3, 0.);
	ev_timer_start(n->loop, &n->stop_hard);
	if (n->link->phase == LINKED)
		stop_tell(n);
	else if (n->link->phase != GREETING || !n->link->rec.ran_before)
		stop_drain(n, IPC_REASON_SHUTDOWN);
}

void
stop_drain(struct netd *n, unsigned reason)
{
	if (n->draining)
		return;
	n->draining = true;
	listen_pause(n, true);
	listen_close_all(n);
	if (!ev_is_active(&n->stop_hard)) {
		ev_timer_set(
		    &n->stop_hard, (double)n->config.stop_ms / 1e3, 0.);
		ev_timer_start(n->loop, &n->stop_hard);
	}
	clients_close_all(n, reason, "");
	clients_hold_input(n);
	jobs_finish(n);
}

void
stop_bye(struct netd *n)
{
	if (n->launched || n->stops || n->play) {
		stop_drain(n, IPC_REASON_SHUTDOWN);
		return;
	}
	/* On our own: this game is over, the next one may attach. */
	clients_close_all(n, IPC_REASON_SHUTDOWN, "");
	n->link->told_once = false;
}

void
stop_game_gone(struct netd *n)
{
	if (n->stops && !n->draining)
		stop_drain(n, IPC_REASON_SHUTDOWN);
}

void
stop_turn(struct netd *n)
{
	if (n->draining && n->n_clients == 0 && !jobs_pending(n) &&
	    !crash_pending(n))
		ev_break(n->loop, EVBREAK_ALL);
}

static void
on_signal(struct ev_loop *loop, ev_signal *w, int events)
{
	(void)loop;
	(void)events;
	stop_asked(w->data, w->signum == SIGINT ? "SIGINT" : "SIGTERM");
}

void
stop_init(struct netd *n)
{
	signal(SIGPIPE, SIG_IGN);
	ev_signal_init(&n->on_int, on_signal, SIGINT);
	ev_signal_init(&n->on_term, on_signal, SIGTERM);
	n->on_int.data = n->on_term.data = n;
	ev_signal_start(n->loop, &n->on_int);
	ev_signal_start(n->loop, &n->on_term);
	ev_timer_init(&n->stop_hard, on_hard, 0., 0.);
	n->stop_hard.data = n;
}
