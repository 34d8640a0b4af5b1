/*
 * upgrade.c - a new program takes over from the running one.
 *
 * The old game is told (STOP, channel 1), may leave a snapshot, and is held:
 * its input gathers in its journal. The new one attaches beside it on a link
 * of its own, is told of everybody, and says READY. Until then nothing is
 * decided: if it ends, or takes too long, its link is dropped, the old game
 * is given its input, and has seen nothing. See DESIGN in README.md.
 */
#include "netd/jobs.h"
#include "netd/netd.h"
#include "netd/record.h"
#include "netd/state.h"

#include "ipc/log.h"

#include <stdlib.h>
#include <string.h>

static void
on_late(struct ev_loop *loop, ev_timer *w, int events)
{
	struct netd *n = w->data;

	(void)loop;
	(void)events;
	upgrade_fail(n, "the new game was not ready in time");
}

/* Why it cannot begin now, or NULL. */
static const char *
busy(const struct netd *n)
{
	if (n->stops || n->draining)
		return "netd is stopping";
	if (n->upgrade.on)
		return "an upgrade is under way";
	if (!n->link->rec.able)
		return "no launcher is there to start a new game";
	if (n->link->phase != LINKED || n->link->rec.catch_up)
		return "the game is just being recovered";
	return NULL;
}

const char *
upgrade_begin(struct netd *n)
{
	struct upgrade *u = &n->upgrade;
	const char *why = busy(n);

	if (why) {
		ipc_log(IPC_LOG_WARN, "upgrade_refused", "why=\"%s\"", why);
		return why;
	}
	link_up(
	    n->link, IPC_STOP, (uint64_t)n->config.upgrade_ms, 0, 1, NULL, 0);
	u->on = true;
	u->began_us = netd_now(n);
	u->held = n->link->journal.position;
	u->asked = false;
	ev_timer_init(
	    &u->late, on_late, (double)n->config.upgrade_ms / 1e3, 0.);
	u->late.data = n;
	ev_timer_start(n->loop, &u->late);
	ipc_log(IPC_LOG_INFO, "upgrade", "game=%s players=%zu", n->link->game,
	    n->n_playing);
	return NULL;
}

void
upgrade_committed(struct link *l)
{
	struct netd *n = l->netd;
	struct upgrade *u = &n->upgrade;

	if (!u->on || l != n->link || u->asked || l->rec.finished < u->held)
		return;
	u->asked = true;
	control_say(n, IPC_CONTROL_UPGRADE, 0, 0, "", -1);
}

struct link *
upgrade_standby(struct netd *n)
{
	struct upgrade *u = &n->upgrade;
	struct link *l;

	if (!u->on || u->standby)
		return NULL;
	l = link_new(n);
	if (l == NULL)
		return NULL;
	u->standby = l;
	/* Its checkpoints are told from those of the old game. */
	if (u->asked_from < n->link->rec.asked)
		u->asked_from = n->link->rec.asked;
	u->asked_from += IPC_CHECKPOINTS_APART;
	l->rec.asked = u->asked_from;
	l->told_once = true;
	return l;
}

/* Somebody came after the new one was told: as the old one would have been. */
static void
hand_over_opened(struct link *to, const struct ipc_frame *f)
{
	struct client *c = client_find(to->netd, f->id);
	const char *why, *field;
	struct ipc_opened m;

	if (ipc_msg_unpack(f, &m, &why, &field) < 0)
		return;
	/* The answer to a question of the old one. */
	if (m.request != IPC_REQUEST_INFO) {
		m.state = IPC_NEW;
		link_up_msg(to, IPC_OPENED, f->id, &m);
		if (c)
			c->opened_at = to->journal.position;
	}
	ipc_msg_release(f->kind, &m);
}

/* What a player did, and not what the old one had asked for. */
static const bool of_a_player[IPC_KIND_END] = {
	[IPC_MESSAGE] = true,
	[IPC_CLOSED] = true,
	[IPC_AWAY] = true,
	[IPC_BACK] = true,
	[IPC_RESIZED] = true,
	[IPC_TERMINAL] = true,
	[IPC_SIDE] = true,
	[IPC_ABLE] = true,
	[IPC_TYPED] = true,
};

/* What happened since the new one was told, all of it held back. */
static void
hand_over(struct link *from, struct link *to, uint64_t told)
{
	struct walk w = { .position = told };
	struct ipc_frame f;

	while (journal_walk(&from->journal, &w, &f)) {
		if (f.kind == IPC_OPENED)
			hand_over_opened(to, &f);
		else if (!(f.flags & IPC_FAILED) && of_a_player[f.kind])
			link_up(to, f.kind, f.id, f.flags, f.channel, f.bytes,
			    f.len);
	}
}

/* A game may leave its snapshot once for all that follow. */
static void
inherit_snapshot(struct link *from, struct link *to)
{
	if (to->rec.snapshot.len)
		return;
	ipc_buf_release(&to->rec.snapshot);
	to->rec.snapshot = from->rec.snapshot;
	ipc_buf_init(&from->rec.snapshot, 0);
}

/* Everybody is the new game's. */
static void
hand_over_clients(struct link *l, uint64_t told)
{
	struct netd *n = l->netd;

	for (struct client *c = n->playing; c; c = c->next) {
		groups_forget(c);
		c->link = l;
		group_join(l, 0, c);
		/* From its first frame on. */
		if (c->opened_at && c->opened_at <= told)
			c->opened_at = 1;
	}
	for (struct client *c = n->pending; c; c = c->next) {
		groups_forget(c);
		c->link = l;
	}
	for (struct client *c = n->gone; c; c = c->next) {
		groups_forget(c);
		c->link = l;
	}
}

static void
end(struct netd *n)
{
	ev_timer_stop(n->loop, &n->upgrade.late);
	n->upgrade.on = n->upgrade.asked = false;
	n->upgrade.standby = NULL;
}

void
upgrade_ready(struct link *l)
{
	struct netd *n = l->netd;
	struct link *old = n->link;

	if (n->upgrade.standby != l)
		return;
	ipc_log(IPC_LOG_INFO, "upgraded", "game=%s players=%zu took_ms=%.1f",
	    l->game, n->n_playing,
	    (double)(netd_now(n) - n->upgrade.began_us) / 1e3);
	record_up(old);
	n->link = l;
	l->watched_us = netd_now(n);
	record_upgraded(l);
	hand_over_clients(l, n->upgrade.told);
	states_hand_over(old, l);
	hand_over(old, l, n->upgrade.told);
	recover_taken_over(l);
	inherit_snapshot(old, l);
	end(n);
	n->metrics.upgrades++;
	control_say(
	    n, IPC_CONTROL_UPGRADED, 1, n->upgrade.asked_from + 1, "", -1);
	if (l->rec.number)
		control_say(
		    n, IPC_CONTROL_CHECKPOINTED, 0, l->rec.number, "", -1);
	old->superseded = true;
	link_free(old);
	jobs_retire(n);
	clients_hold_input(n);
}

void
upgrade_fail(struct netd *n, const char *why)
{
	struct link *standby = n->upgrade.standby;

	if (!n->upgrade.on)
		return;
	ipc_log(IPC_LOG_ERROR, "upgrade_failed",
	    "why=\"%s\" game=%s hint=\"the old game plays on\"", why,
	    n->link->game);
	end(n);
	control_say(
	    n, IPC_CONTROL_UPGRADED, 0, n->upgrade.asked_from + 1, "", -1);
	if (standby) {
		standby->superseded = true;
		n->upgrade.doomed = standby;
	}
	link_turn(n->link);
}

void
upgrade_turn(struct netd *n)
{
	if (n->upgrade.doomed)
		link_free(n->upgrade.doomed);
	n->upgrade.doomed = NULL;
	if (n->upgrade.standby)
		link_turn(n->upgrade.standby);
}
