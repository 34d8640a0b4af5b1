/*
 * recover.c - checkpoints, deaths, and going on as if nothing had happened.
 *
 * The game's whole input lies in the journal, so a frozen copy of the game
 * (checkpoint.c) plus the frames behind it is the game. After a death the
 * launcher wakes the copy on fresh pipes, the journal is sent again from
 * there, and what comes down is counted: frames that the players have already
 * are dropped, held against the recording. The launcher says which frame the
 * dead game had in hand; the second death with the same one there sets it
 * aside. See PROTOCOL.md, "After a death".
 */
#include "netd/netd.h"

#include "ipc/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* A checkpoint may take this part of the time. */
#define CHECKPOINT_SHARE 100
/* Bytes of memory that a game's pages are copied at again in a microsecond. */
#define PAGE_A_US 8192
/* ... and more of it, this many times, while much is said. */
#define TORRENT_SHARE 2
#define BACK_OFF_MAX_S 60.
#define HELD_S 1.
/* What a person reads meanwhile. */
#define NOTICE "The game is being restarted. Please hold on."
/* After a copy that could not be made, before the next try. */
#define RETRY_US 1000000
#define NO_COPY "game=%s hint=\"no memory for a copy?\""
/* A look at the game comes four times a second, or netd was held up. */
#define WATCH_US 500000

/* ---- what went out before -------------------------------------------------
 */

static bool
same(const struct ipc_frame *a, const struct ipc_frame *b)
{
	if (a->kind != b->kind || a->id != b->id)
		return false;
	/* What a checkpoint cost differs each time. */
	if (a->kind == IPC_CHECKPOINTED)
		return true;
	return a->flags == b->flags && a->channel == b->channel &&
	       a->len == b->len &&
	       (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
}

/* The frame that the players have at the place where this one stands; false:
 * nobody knows any more. */
static bool
was(struct recovery *r, const struct ipc_flight *flight, struct ipc_frame *f)
{
	while (r->again.position < r->redo)
		if (!ipc_flight_next_down(flight, &r->again, f))
			return false;
	return r->again.position == r->redo;
}

/* Another is due, but not one after the other where there is no memory. */
static void
forget_checkpoint(struct recovery *r)
{
	r->number = 0;
	r->failed = true;
}

/* A woken copy leaves another in its place, or says that it could not. */
static void
copied_again(struct link *l, const struct ipc_frame *f)
{
	struct recovery *r = &l->rec;
	struct ipc_checkpointed m;
	const char *why, *field;

	if (f->id != r->number || ipc_msg_unpack(f, &m, &why, &field) < 0)
		return;
	if (!m.done) {
		forget_checkpoint(r);
		ipc_log(IPC_LOG_WARN, "checkpoint_failed", NO_COPY, l->game);
	}
	ipc_msg_release(IPC_CHECKPOINTED, &m);
}

bool
recover_seen(struct link *l, const struct ipc_frame *f)
{
	struct recovery *r = &l->rec;
	struct ipc_frame before;

	if (!r->able || r->redo >= l->down)
		return false;
	r->redo++;
	if (f->kind == IPC_CHECKPOINTED)
		copied_again(l, f);
	if (!r->compares)
		return true;
	r->compares = was(r, &l->netd->record.flight, &before);
	if (r->compares && !same(f, &before)) {
		r->compares = false;
		r->differs = r->redo;
		ipc_log(IPC_LOG_ERROR, "replay_differs",
		    "frame=%llu message=%s conn=%llu",
		    (unsigned long long)r->redo, ipc_info(f->kind)->name,
		    (unsigned long long)f->id);
	}
	return true;
}

/* ---- checkpoints
 * -------------------------------------------------------------- */

void
recover_checkpoint(struct link *l)
{
	struct recovery *r = &l->rec;

	r->pending = true;
	link_up(l, IPC_CHECKPOINT, ++r->asked, 0, 0, NULL, 0);
	r->asked_at = l->journal.position;
}

/* What comes behind this frame is held against the recording. */
static void
remember(struct link *l)
{
	struct recovery *r = &l->rec;
	const struct ipc_flight *f = &l->netd->record.flight;

	/* The beginning of a game that may take over is not in it. */
	memset(&r->checkpoint, 0, sizeof(r->checkpoint));
	if (l == l->netd->link)
		ipc_flight_here(f, &r->checkpoint);
	r->laid = f->laid;
}

/* How many quarters of what the recording can reach back the checkpoint lies
 * back; with a small one nobody asks for copies all the time. */
static uint64_t
quarters(const struct link *l)
{
	const struct ipc_flight *f = &l->netd->record.flight;
	uint64_t all = 2 * (uint64_t)l->netd->config.checkpoint_bytes;

	if (all < f->size)
		all = f->size;
	return l->rec.number && f->data ? 4 * (f->laid - l->rec.laid) / all : 0;
}

bool
recover_checkpointed(
    struct link *l, uint64_t number, const struct ipc_checkpointed *m)
{
	struct recovery *r = &l->rec;
	bool done;

	if (!r->able || number != r->asked || !r->pending)
		return false;
	r->pending = false;
	r->since_us = netd_now(l->netd);
	r->interval_us = CHECKPOINT_SHARE *
			 (int64_t)(m->cost_us + m->private_bytes / PAGE_A_US);
	l->netd->metrics.checkpoints++;
	l->netd->metrics.checkpoint_us += m->cost_us;
	done = m->done && number != r->lost;
	if (!done && !r->failed)
		ipc_log(IPC_LOG_WARN, "checkpoint_failed", NO_COPY, l->game);
	r->failed = !done;
	if (!done)
		return true;
	r->number = number;
	r->position = r->asked_at;
	r->down = l->down;
	remember(l);
	journal_forget(&l->journal, r->position);
	record_mark(l, IPC_RECORD_CHECKPOINT, "number=%llu",
	    (unsigned long long)number);
	/* Until an upgrade has succeeded the old game needs its own. */
	if (l == l->netd->link)
		control_say(
		    l->netd, IPC_CONTROL_CHECKPOINTED, 0, number, "", -1);
	return true;
}

/* Players wait while these are repeated. */
static bool
many_frames(const struct link *l)
{
	const struct recovery *r = &l->rec;

	return r->number &&
	       l->committed - r->position >
		   (uint64_t)l->netd->config.checkpoint_frames &&
	       netd_now(l->netd) - r->since_us > r->interval_us;
}

static bool
quiet(const struct link *l)
{
	return !l->rec.able || l->phase != LINKED || l->rec.pending ||
	       l->rec.catch_up || l->rec.redo < l->down || l->netd->stops ||
	       l->netd->upgrade.on;
}

void
recover_turn(struct link *l)
{
	struct recovery *r = &l->rec;
	const struct config *k = &l->netd->config;

	if (l->journal.kept > (size_t)k->journal_bytes && r->number) {
		ipc_log(IPC_LOG_ERROR, "journal_full",
		    "kept_bytes=%zu hint=\"a death now means a cold start\"",
		    l->journal.kept);
		r->number = 0;
	}
	if (l->journal.kept > (size_t)k->journal_bytes)
		journal_forget(&l->journal, r->finished);
	if (quiet(l) ||
	    (r->failed && netd_now(l->netd) - r->since_us < RETRY_US))
		return;
	if (r->number == 0 || many_frames(l))
		recover_checkpoint(l);
	if (r->pending ||
	    (l->journal.kept <= (size_t)k->checkpoint_bytes && quarters(l) < 2))
		return;
	/* A torrent of input must not make copies most of the game's work. */
	if (netd_now(l->netd) - r->since_us > r->interval_us / TORRENT_SHARE ||
	    l->journal.kept > (size_t)k->journal_bytes / 2 || quarters(l) > 2)
		recover_checkpoint(l);
}

/* Does something wait for the game to take it, or to greet a new netd? */
static bool
awaited(const struct link *l)
{
	return l->rec.able &&
	       (l->phase == LINKED
		       ? l->journal.sent > l->taken
		       : l->phase == GREETING && l->rec.ran_before &&
			     l->rec.cold_starts == 0);
}

/* A game that leaves a frame unread for too long hangs. */
static void
watch(struct link *l)
{
	int64_t limit = l->netd->config.hang_ms * 1000, since;
	int64_t now = netd_now(l->netd), step = now - l->watched_us;
	char text[64];

	l->watched_us = now;
	/* While netd itself stood still, nobody could be seen to move; and a
	 * game that waits for netd to read does not hang. */
	if (step > WATCH_US || !awaited(l) || l->stalled) {
		l->moved_us = now;
		return;
	}
	since = netd_now(l->netd) - l->moved_us;
	if (since > limit / 2 && !l->hang_warned) {
		l->hang_warned = true;
		ipc_log(IPC_LOG_WARN, "game_slow",
		    "game=%s frame=%llu waiting_ms=%lld limit_ms=%lld", l->game,
		    (unsigned long long)l->rec.finished + 1,
		    (long long)since / 1000, (long long)limit / 1000);
	}
	if (since <= limit)
		return;
	l->moved_us = netd_now(l->netd);
	l->netd->metrics.hangs++;
	snprintf(
	    text, sizeof(text), "hung for %lld ms", (long long)since / 1000);
	control_say(l->netd, IPC_CONTROL_KILL, 0, 0, text, -1);
}

/* With input since the last one, and never more than a hundredth of the time.
 */
void
recover_sweep(struct link *l)
{
	struct recovery *r = &l->rec;
	int64_t wait = l->netd->config.checkpoint_ms * 1000;

	link_look(l);
	watch(l);
	if (quiet(l))
		return;
	if (wait < r->interval_us)
		wait = r->interval_us;
	if (netd_now(l->netd) - r->since_us > wait &&
	    l->committed > r->position + 2)
		recover_checkpoint(l);
}

/* ---- a death
 * -------------------------------------------------------------------- */

static size_t
recent_deaths(const struct recovery *r, int64_t now, int64_t within_us)
{
	size_t n = 0, ring = sizeof(r->deaths_us) / sizeof(r->deaths_us[0]);

	for (size_t i = 0; i < ring && i < r->deaths; i++)
		n += now - r->deaths_us[i] < within_us;
	return n;
}

/* Nothing a game does ends it by SIGKILL but filling the memory: that may as
 * well have been a person, so such a frame has one more try. */
static bool
from_outside(const struct recovery *r)
{
	return WIFSIGNALED(r->wait_status) &&
	       WTERMSIG(r->wait_status) == SIGKILL &&
	       strstr(r->how, "hung for") == NULL;
}

/* Whom a frame comes from that is the player's own doing; 0: nobody. */
static uint64_t
whose(const struct ipc_frame *f)
{
	struct ipc_opened m;
	const char *why, *field;
	uint64_t id = f->id;

	if (f->kind == IPC_MESSAGE || f->kind == IPC_TYPED ||
	    f->kind == IPC_SIDE || f->kind == IPC_RESIZED ||
	    f->kind == IPC_TERMINAL)
		return id;
	if (f->kind != IPC_OPENED || ipc_msg_unpack(f, &m, &why, &field) < 0)
		return 0;
	/* What the game asked for itself it waits for. */
	if (m.request || m.state == IPC_GONE)
		id = 0;
	ipc_msg_release(IPC_OPENED, &m);
	return id;
}

/* What the dead game had in hand, and whether it had it the time before. */
static void
examine(struct link *l)
{
	struct recovery *r = &l->rec;
	uint64_t at = r->hand;
	struct ipc_frame f;

	r->given = l->journal.sent + (l->journal.frame_left > 0);
	r->died_at = r->died_conn = 0;
	r->died_of[0] = '\0';
	r->poisoned = false;
	if (at > r->given || !journal_find(&l->journal, at, &f))
		return;
	r->died_at = at;
	report_frame(&f, r->died_of, sizeof(r->died_of));
	r->died_conn = whose(&f);
	if (r->died_conn == 0)
		return;
	r->suspect_deaths = r->suspect_at == at ? r->suspect_deaths + 1 : 1;
	r->suspect_at = at;
	r->suspect_kind = f.kind;
	r->suspect_conn = f.id;
	r->poisoned = r->suspect_deaths >= (from_outside(r) ? 3 : 2);
}

static bool
write_frame(int fd, const struct ipc_frame *f)
{
	uint8_t head[IPC_FRAME_HEAD];
	struct iovec v[] = { { head, sizeof(head) },
		{ (void *)(uintptr_t)f->bytes, f->len } };
	size_t len = sizeof(head) + f->len;
	ssize_t n;

	ipc_frame_head(head, f);
	n = writev(fd, v, 2);
	if (n >= 0 && (size_t)n < len)
		errno = ENOSPC;
	return n >= 0 && (size_t)n == len;
}

/* Where it lies then, or that it could not be saved, for a sentence. */
static void
save_poison(
    const struct link *l, const struct ipc_frame *f, char *where, size_t size)
{
	struct crash_file file = { .fd = -1 };
	int e = 0;

	crash_path(
	    l, "poison", l->rec.died_at, "frame", file.path, sizeof(file.path));
	if (!crash_file_new(l->netd, &file) || !write_frame(file.fd, f) ||
	    !crash_file_keep(&file))
		e = errno;
	crash_file_drop(l->netd, &file);
	ipc_log(IPC_LOG_ERROR, "poison", "conn=%llu frame=%llu file=%s%s%s%s",
	    (unsigned long long)l->rec.died_conn,
	    (unsigned long long)l->rec.died_at, file.path,
	    e ? " why=\"not saved: " : "", e ? strerror(e) : "", e ? "\"" : "");
	if (e)
		snprintf(where, size, ", but could not be saved in %s: %s",
		    file.path, strerror(e));
	else
		snprintf(where, size, " in %s", file.path);
}

/* Nothing in its place, so that nothing behind it moves. */
static void
blank(struct link *l, uint64_t position)
{
	struct ipc_frame f = { .kind = IPC_NOTICE };

	journal_replace(&l->journal, position, &f);
	record_replaced(l, position, &f, l->rec.died_at);
}

/* What a game is told about a player. */
static const bool about_player[IPC_KIND_END] = {
	[IPC_MESSAGE] = true,
	[IPC_TYPED] = true,
	[IPC_SIDE] = true,
	[IPC_ABLE] = true,
	[IPC_CLOSED] = true,
	[IPC_AWAY] = true,
	[IPC_BACK] = true,
	[IPC_PRESSURE] = true,
	[IPC_DROPPED] = true,
	[IPC_RESIZED] = true,
	[IPC_TERMINAL] = true,
};

/* A player that no game is ever told of. */
static void
blank_all(struct link *l, uint64_t from, uint64_t conn)
{
	struct walk w = { .position = from };
	struct ipc_frame f;

	while (journal_walk(&l->journal, &w, &f))
		if (f.id == conn && about_player[f.kind])
			blank(l, w.position);
}

/* Set the frame aside: an empty one in its place, its connection closed. */
static void
set_aside(struct link *l)
{
	struct recovery *r = &l->rec;
	struct client *c = client_find(l->netd, r->died_conn);
	struct ipc_frame f;
	char where[440], text[560];
	bool came;

	if (journal_find(&l->journal, r->died_at, &f) == NULL)
		return;
	came = f.kind == IPC_OPENED;
	save_poison(l, &f, where, sizeof(where));
	snprintf(text, sizeof(text),
	    "a message of connection %llu killed the game twice and was set "
	    "aside%s",
	    (unsigned long long)r->died_conn, where);
	blank(l, r->died_at);
	if (came) {
		blank_all(l, r->died_at, r->died_conn);
		if (c)
			c->told = false;
	}
	/* The news come behind what waits already. */
	link_up(l, IPC_NOTICE, r->died_conn, 0, 2, text, strlen(text));
	l->netd->metrics.poisoned++;
	r->suspect_at = r->suspect_deaths = 0;
	/* A copy that had taken it, and kept it for later, would die of it. */
	if (r->died_at <= r->position)
		r->number = 0;
	if (c)
		client_close(c, IPC_REASON_POISON,
		    "your message stopped the game twice");
}

/* Once, at the first cold start: a person on a line is told by itself, others
 * only if somebody chose the words. */
static void
report_cold(struct link *l, double wait_s)
{
	char done[160];

	snprintf(done, sizeof(done),
	    "no checkpoint helps: it starts anew in %.0f ms, %zu player%s held",
	    wait_s * 1e3, l->netd->n_playing,
	    l->netd->n_playing == 1 ? "" : "s");
	report_death(l, done);
}

static void
hold_players(struct link *l)
{
	struct netd *n = l->netd;
	const char *text = n->notice ? n->notice : NOTICE;

	if (l->rec.cold_starts != 1)
		return;
	ipc_log(IPC_LOG_WARN, "players_held", "players=%zu", n->n_playing);
	/* One whose queue is full is closed, and then on another list. */
	for (struct client *c = n->playing, *next; c; c = next) {
		next = c->next;
		if (c->transport->is_prose || n->notice)
			client_send(c, IPC_RELIABLE, 0, (const uint8_t *)text,
			    strlen(text));
	}
}

static void
start_cold(struct link *l)
{
	struct recovery *r = &l->rec;
	struct netd *n = l->netd;
	double wait = HELD_S;

	r->cold_starts++;
	if (r->cold_starts > n->config.cold_max) {
		report_death(l, "it was started often enough: given up");
		ipc_log(IPC_LOG_ERROR, "given_up",
		    "game=%s cold_starts=%u hint=\"see the log above\"",
		    l->game, r->cold_starts - 1);
		n->status = 1;
		stop_drain(n, IPC_REASON_GAME_GONE);
		return;
	}
	if (r->cold_starts == 1 && r->deaths == 1)
		wait = 0.;
	for (unsigned i = 1; i < r->cold_starts && wait < BACK_OFF_MAX_S; i++)
		wait *= 2;
	if (wait > BACK_OFF_MAX_S)
		wait = BACK_OFF_MAX_S;
	ipc_log(IPC_LOG_WARN, "cold_start", "game=%s try=%u in_ms=%.0f",
	    l->game, r->cold_starts, wait * 1e3);
	report_cold(l, wait);
	hold_players(l);
	ev_timer_stop(n->loop, &r->cold);
	ev_timer_set(&r->cold, wait, 0.);
	ev_timer_start(n->loop, &r->cold);
}

static void
on_cold(struct ev_loop *loop, ev_timer *w, int events)
{
	struct link *l = w->data;

	(void)loop;
	(void)events;
	control_say(l->netd, IPC_CONTROL_COLD, 0, 0, "", -1);
}

static void
decide(struct link *l)
{
	struct recovery *r = &l->rec;
	const struct config *k = &l->netd->config;
	int64_t now = netd_now(l->netd);
	size_t ring = sizeof(r->deaths_us) / sizeof(r->deaths_us[0]);

	r->died = false;
	r->died_us = now;
	examine(l);
	if (recent_deaths(r, now, k->restarts_ms * 1000) == 0)
		r->cold_starts = 0; /* it ran well for long enough */
	r->deaths_us[r->deaths++ % ring] = now;
	l->netd->metrics.game_deaths++;
	ipc_log(IPC_LOG_ERROR, "game_died",
	    "%s frame=%llu conn=%llu players=%zu", r->how,
	    (unsigned long long)r->died_at, (unsigned long long)r->died_conn,
	    l->netd->n_playing);
	record_died(l);
	/* One that says no before anybody came did not start. */
	if (WIFEXITED(r->wait_status) && r->deaths == 1 && !r->ran_before &&
	    l->netd->metrics.accepted == 0) {
		stop_drain(l->netd, IPC_REASON_GAME_GONE);
		return;
	}
	if (r->poisoned)
		set_aside(l);
	/* What killed it so often is out of the way: no reason to forget. */
	if (r->number == 0 ||
	    (!r->poisoned && (int64_t)recent_deaths(r, now,
				 k->restarts_ms * 1000) > k->restarts_max)) {
		start_cold(l);
		return;
	}
	control_say(l->netd, IPC_CONTROL_WAKE, 0, r->number, "", -1);
}

void
recover_died(struct link *l, int wait_status, const char *text)
{
	struct recovery *r = &l->rec;

	r->wait_status = wait_status;
	snprintf(r->how, sizeof(r->how), "%s", text);
	if (!r->able || l->phase == FINISHED || l->netd->draining) {
		if (l->phase != FINISHED)
			ipc_log(IPC_LOG_ERROR, "game_died", "%s", text);
		link_detach(l);
		return;
	}
	r->died = true;
	if (l->netd->stops)
		stop_drain(l->netd, IPC_REASON_SHUTDOWN);
	/* Its last words are read first: over the budget or not. */
	if (l->down_fd < 0)
		decide(l);
	else
		ev_io_start(l->netd->loop, &l->down_io);
}

void
recover_detached(struct link *l)
{
	if (l->rec.died && !l->netd->draining)
		decide(l);
}

void
recover_lost(struct link *l, uint64_t number, bool asked)
{
	struct recovery *r = &l->rec;

	/* The game's word that it is there may still be to come. */
	r->lost = number;
	if (!asked && number != r->number)
		return; /* there is a newer one */
	forget_checkpoint(r);
	ipc_log(IPC_LOG_WARN, "checkpoint_lost",
	    "game=%s checkpoint=%llu hint=\"a frozen copy of the game ended; "
	    "was there memory?\"",
	    l->game, (unsigned long long)number);
	if (!asked || l->netd->draining)
		return;
	link_detach(l); /* it may have pipes that nobody took */
	start_cold(l);
}

/* ---- going on
 * -------------------------------------------------------------------- */

void
recover_woken(struct link *l, uint64_t number)
{
	struct recovery *r = &l->rec;

	if (number != r->number || !journal_rewind(&l->journal, r->position)) {
		ipc_log(IPC_LOG_ERROR, "woken",
		    "fault=\"checkpoint %llu is not the newest\"",
		    (unsigned long long)number);
		return;
	}
	r->catch_up = r->given > r->finished ? r->given : r->finished;
	l->taken = r->position;
	r->redo = r->down - 1; /* its CHECKPOINTED comes again */
	r->differs = 0;
	r->again = r->checkpoint;
	r->compares = true;
	/* A CHECKPOINT that was asked for and not answered goes up again. */
	l->netd->metrics.recoveries++;
}

uint64_t
recover_until(const struct link *l)
{
	if (l->netd->upgrade.on && l == l->netd->link)
		return l->netd->upgrade.held;
	return UINT64_MAX;
}

static void
report(struct link *l)
{
	struct recovery *r = &l->rec;
	int64_t took = netd_now(l->netd) - r->died_us;
	char done[200];

	ipc_log(IPC_LOG_WARN, "recovered",
	    "%s pid=%ld frame=%llu conn=%llu players=%zu took_ms=%.1f "
	    "replayed=%llu%s",
	    r->how, (long)l->pid, (unsigned long long)r->died_at,
	    (unsigned long long)r->died_conn, l->netd->n_playing,
	    (double)took / 1e3, (unsigned long long)(l->taken - r->position),
	    r->differs ? " replay=differs" : "");
	record_mark(l, IPC_RECORD_NOTE, "recovered took_ms=%.1f players=%zu",
	    (double)took / 1e3, l->netd->n_playing);
	snprintf(done, sizeof(done),
	    "it plays on after %.1f ms as pid %ld, with %zu player%s; %llu "
	    "frames were replayed%s",
	    (double)took / 1e3, (long)l->pid, l->netd->n_playing,
	    l->netd->n_playing == 1 ? "" : "s",
	    (unsigned long long)(l->taken - r->position),
	    r->differs ? ", AND CAME OUT OTHERWISE" : "");
	report_death(l, done);
}

void
recover_committed(struct link *l, bool partial)
{
	struct recovery *r = &l->rec;

	if (!partial && l->taken > r->finished)
		r->finished = l->taken;
	/* It may wait in the middle of a frame: that is no catching up. */
	if (r->catch_up && l->taken >= r->catch_up) {
		r->catch_up = 0;
		report(l);
	}
}

bool
recover_parks(const struct link *l)
{
	return l->phase == NO_GAME && l->rec.able && l->rec.told;
}

/* It has said its first words: from here on is better than from its start. */
void
recover_ready(struct link *l)
{
	if (!quiet(l))
		recover_checkpoint(l);
}

bool
recover_snapshot(struct link *l, const struct ipc_frame *f)
{
	struct recovery *r = &l->rec;

	r->snapshot_next.max = (size_t)l->netd->config.snapshot_bytes;
	if (f->flags & IPC_FIRST)
		ipc_buf_clear(&r->snapshot_next);
	if (!ipc_buf_add(&r->snapshot_next, f->bytes, f->len))
		return false;
	if (f->flags & IPC_MORE)
		return true;
	ipc_buf_release(&r->snapshot);
	r->snapshot = r->snapshot_next;
	ipc_buf_init(&r->snapshot_next, r->snapshot.max);
	return true;
}

void
recover_init(struct link *l)
{
	ev_timer_init(&l->rec.cold, on_cold, 0., 0.);
	l->rec.cold.data = l;
}

void
recover_release(struct link *l)
{
	struct recovery *r = &l->rec;

	ev_timer_stop(l->netd->loop, &r->cold);
	journal_clear(&r->parked);
	ipc_buf_release(&r->snapshot);
	ipc_buf_release(&r->snapshot_next);
}
