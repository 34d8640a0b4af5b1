/*
 * recover_fresh.c - a game that counts from 1: what it is told of all that was
 * there before it.
 *
 * After a cold start, an upgrade, or for a game that attaches: snapshot, who
 * is there, who has gone, and the input that the one before had not finished.
 * recover.c is about the same game going on.
 */
#include "netd/jobs.h"
#include "netd/netd.h"
#include "netd/resume.h"
#include "netd/side.h"
#include "netd/state.h"

#include "ipc/log.h"

#include <stdlib.h>
#include <string.h>

void
recover_fresh(struct link *l, bool able)
{
	struct recovery *r = &l->rec;

	/* What the one before had not finished waits for this one. One that
	 * was never told leaves it to the next. */
	if (l->told_once && r->told) {
		journal_clear(&r->parked);
		r->parked = l->journal;
		r->parked_from = r->finished;
		r->suspect_parked = r->suspect_at;
		r->suspect_at = 0;
		l->journal = (struct journal){ .pool = l->journal.pool };
	}
	journal_clear(&l->journal);
	l->journal.keep = able;
	l->taken = l->committed = l->told_at = l->down = 0;
	r->able = able;
	/* The numbers of checkpoints go on: the launcher knows them by that. */
	r->number = r->finished = r->catch_up = r->redo = 0;
	r->position = r->down = 0;
	r->pending = r->told = false;
	timers_release(l);
	/* What was begun is done; a fresh game knows nothing of it. */
	jobs_disown(l);
	l->tick.told_at = 0;
}

void
recover_again(struct link *l, uint64_t asked)
{
	l->rec.ran_before = true;
	l->rec.asked = asked;
}

static void
tell_snapshot(struct link *l)
{
	struct ipc_buf *b = &l->netd->link->rec.snapshot;
	size_t piece = l->frame_max / 2;

	for (size_t at = 0; at < b->len; at += piece) {
		size_t n = b->len - at < piece ? b->len - at : piece;

		link_up(l, IPC_RESTORE, 0, at + n < b->len ? IPC_MORE : 0, 0,
		    b->data + at, n);
	}
}

/* What no game is done with: what the dead one left, or what an upgrade keeps
 * from the old one. */
struct past {
	const struct journal *journal;
	uint64_t from;
};

static struct past
past_of(const struct link *l)
{
	const struct link *old = l->netd->link;

	if (l == old)
		return (struct past){ &l->rec.parked, l->rec.parked_from };
	return (struct past){ &old->journal, old->rec.finished };
}

/* Did a game before know this connection? Then that stays so, however many die
 * before they could take it over. */
static unsigned
state_of(const struct link *l, struct client *c)
{
	if (!l->told_once)
		return IPC_FRESH;
	if (c->opened_at && c->opened_at <= past_of(l).from)
		c->known = true;
	return c->known ? IPC_RESUMED : IPC_NEW;
}

static bool
is_farewell(const struct ipc_frame *f)
{
	return f->kind == IPC_CLOSED && !(f->flags & IPC_FAILED);
}

/* Those who left while no game took anything: their last words follow. */
static void
tell_gone(struct link *l)
{
	static char none[1];
	struct ipc_opened m = { .state = IPC_GONE,
		.uid = UINT32_MAX,
		.transport = none,
		.terminal = none,
		.peer = none,
		.local = none,
		.real = none,
		.path = none,
		.query = none,
		.origin = none,
		.cookies = none,
		.subprotocol = none };
	struct past past = past_of(l);
	struct walk w = { .position = past.from };
	struct ipc_frame f;

	while (journal_walk(past.journal, &w, &f))
		if (is_farewell(&f))
			link_up_msg(l, IPC_OPENED, f.id, &m);
}

static void
tell_living(struct link *l)
{
	for (struct client *c = l->netd->playing; c; c = c->next) {
		struct link *was = c->link;
		uint64_t opened_at = c->opened_at;

		c->told = true;
		/* An upgrade tells a link that is not theirs yet. */
		c->link = l;
		client_tell(c, c->rare ? c->rare->request : 0, state_of(l, c));
		if (c->id == l->rec.suspect_conn &&
		    l->rec.suspect_kind == IPC_OPENED && l->rec.suspect_parked)
			l->rec.suspect_at = l->journal.position;
		side_tell(c);
		if (c->resume && c->resume->state == RESUME_AWAY)
			link_up(l, IPC_AWAY, c->id, 0, 0, NULL, 0);
		c->link = was;
		if (was != l)
			c->opened_at = opened_at;
	}
}

/* The game before took longer frames than this one does. */
static void
too_long(struct link *l, const struct ipc_frame *f)
{
	struct client *c = client_find(l->netd, f->id);

	ipc_log(IPC_LOG_ERROR, "parked_too_long",
	    "conn=%llu bytes=%u frame_bytes=%zu", (unsigned long long)f->id,
	    f->len, l->frame_max);
	if (c && c->phase == PLAYING)
		client_close(c, IPC_REASON_TOO_LONG,
		    "your message is too long for the new game");
}

/* What was said meanwhile, and by whom that was the last, in order. */
static void
tell_parked(struct link *l)
{
	struct past past = past_of(l);
	struct walk w = { .position = past.from };
	struct ipc_frame f;

	while (journal_walk(past.journal, &w, &f)) {
		if (f.kind != IPC_MESSAGE && f.kind != IPC_SIDE &&
		    f.kind != IPC_TYPED && !is_farewell(&f))
			continue;
		if (ipc_frame_size(f.len) > l->frame_max) {
			too_long(l, &f);
			continue;
		}
		link_up(l, f.kind, f.id, f.flags, f.channel, f.bytes, f.len);
		/* One that a game died in: is it this one's death as well? */
		if (w.position == l->rec.suspect_parked)
			l->rec.suspect_at = l->journal.position;
	}
}

void
recover_tell(struct link *l)
{
	struct recovery *r = &l->rec;
	struct netd *n = l->netd;
	bool cold = l->told_once;

	n->upgrade.told = n->link->journal.position;
	if (cold) {
		tell_snapshot(l);
		states_tell(l, n->link);
		tell_gone(l);
	}
	tell_living(l);
	link_up(l, IPC_LIVE, n->n_playing, 0, 0, NULL, 0);
	link_told(l);
	/* Before anything is done: a death from here on needs no snapshot. */
	if (r->able)
		recover_checkpoint(l);
	if (cold)
		tell_parked(l);
	if (cold && l == n->link) {
		recover_taken_over(l);
		journal_clear(&r->parked);
		r->parked_from = r->suspect_parked = 0;
	}
	l->told_once = r->told = true;
	r->since_us = netd_now(n);
}

/* Clients know of positions in the journal of a game that is no more. */
void
recover_taken_over(struct link *l)
{
	struct netd *n = l->netd;

	connects_forget(n);
	for (struct client *c = n->pending; c; c = c->next)
		if (c->linger)
			c->closed_at = l->journal.position;
	/* Who reads slowly is reported anew. */
	for (struct client *c = n->playing; c; c = c->next)
		c->pressed = false;
}
