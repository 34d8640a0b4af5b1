/*
 * pipe.c - the link to a game: two pipe ends and what happens to them.
 *
 * Up: frames gather in the journal during a turn and leave in one write.
 * Down: what the game wrote is held until the COMMIT that ends its turn, then
 * acted on at once. A game that breaks the protocol loses its pipes and
 * nobody else loses anything; players are held until the next game.
 */
#include "netd/jobs.h"
#include "netd/netd.h"
#include "netd/state.h"

#include "ipc/log.h"
#include "netd/operator.h"
#include "netd/record.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

/* Read from the pipe in one turn, so that players come in between. */
#define READS_PER_TURN 4
/* What a pipe may hold: room for a slice on its way and one being made. */
#define PIPE_BYTES (256 << 10)
/* What is lent to the pipe, not copied: page by page costs, too. */
#define LEND_MIN (16u << 10)
/* Writes after which no answer is looked for, once there was none some times
 * in a row. */
#define GLANCES_OFF 31

/* ---- up -------------------------------------------------------------------
 */

/* Whoever watches sees each frame once. */
static inline void
saw(struct link *l, const struct ipc_frame *f, uint64_t position)
{
	if (l->netd->watched)
		operator_saw(l, f, position);
}

/* The clock is the first frame of a batch. */
static void
say_now(struct link *l)
{
	struct ipc_frame f = { .kind = IPC_NOW };

	if (l->batch_open)
		return;
	l->batch_open = true;
	l->said_now_us = netd_now(l->netd);
	f.id = (uint64_t)l->said_now_us;
	l->netd->metrics.frames_up++;
	if (!journal_add(&l->journal, &f))
		l->lost = true;
	saw(l, &f, l->journal.position);
}

void
link_up(struct link *l, unsigned kind, uint64_t id, unsigned flags,
    unsigned channel, const void *bytes, size_t len)
{
	struct ipc_frame f = { .kind = (uint8_t)kind,
		.flags = (uint8_t)flags,
		.channel = (uint16_t)channel,
		.id = id,
		.bytes = bytes,
		.len = (uint32_t)len };

	/* It has yet to be greeted: this waits with what it is told then. */
	if (l->phase == GREETING && kind != IPC_WELCOME && kind != IPC_FAULT) {
		if (l->told_once && !journal_add(&l->rec.parked, &f))
			l->lost = true;
		return;
	}
	if (kind != IPC_WELCOME)
		say_now(l);
	l->netd->metrics.frames_up++;
	/* A frame lost to memory would break the stream: end the link. */
	if (!journal_add(&l->journal, &f))
		l->lost = true;
	saw(l, &f, l->journal.position);
}

/* How far the game may be sent: a recovery goes step by step, and whoever
 * runs the game may have paused it. */
static uint64_t
up_until(const struct link *l)
{
	uint64_t recovery = recover_until(l), paused = operator_until(l);

	return recovery < paused ? recovery : paused;
}

void
link_up_msg(struct link *l, unsigned kind, uint64_t id, const void *m)
{
	struct ipc_buf b;

	ipc_buf_init(&b, IPC_IMAGE_MAX);
	if (ipc_msg_pack(kind, m, &b) == 0)
		link_up(l, kind, id, 0, 0, b.data, b.len);
	else
		l->lost = true;
	ipc_buf_release(&b);
}

void
link_told(struct link *l)
{
	l->told_at = l->journal.position;
}

/*
 * Much at once is lent to the pipe, not copied into pages that the kernel
 * makes and frees for it. CPU of an echo of 1,024 bytes: 0.93 of write()'s.
 */
static ssize_t
send_up(struct link *l, const uint8_t *p, size_t n)
{
	struct iovec v = { .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	ssize_t r;

	if (n < LEND_MIN || l->up_copies || !journal_lends(&l->journal))
		return write(l->up_fd, p, n);
	r = vmsplice(l->up_fd, &v, 1, SPLICE_F_NONBLOCK);
	if (r >= 0 || errno == EAGAIN || errno == EINTR || errno == EPIPE)
		return r;
	l->up_copies = true; /* no pipe, or nothing this kernel does */
	return write(l->up_fd, p, n);
}

static void
up_write(struct link *l)
{
	const uint8_t *p;
	size_t n;

	/* Most turns have nothing for the game; what is sent is recorded. */
	if (l->journal.unsent == 0 && !ev_is_active(&l->up_io))
		return;
	record_up(l);
	while (l->up_fd >= 0 && !l->up_broken && l->journal.unsent &&
	       (p = journal_next(&l->journal, up_until(l), &n)) != NULL) {
		ssize_t r = send_up(l, p, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && errno == EAGAIN)
			break;
		if (r < 0) {
			/* What it still said may wait in the other pipe. */
			l->up_broken = true;
			break;
		}
		journal_sent(&l->journal, (size_t)r);
		l->netd->metrics.writes_up++;
		l->wrote = true;
		if ((size_t)r < n)
			break;
	}
	if (l->up_fd < 0)
		return;
	if (!l->up_broken && l->journal.unsent &&
	    journal_next(&l->journal, up_until(l), &n))
		ev_io_start(l->netd->loop, &l->up_io);
	else
		ev_io_stop(l->netd->loop, &l->up_io);
}

void
link_turn(struct link *l)
{
	l->batch_open = false;
	if (l->lost) {
		l->lost = false;
		link_break(l, "out of memory");
	}
	if (l->phase == LINKED || l->phase == GREETING)
		up_write(l);
	clients_hold_input(l->netd);
}

static void
on_up(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop;
	(void)events;
	up_write(w->data);
	clients_hold_input(((struct link *)w->data)->netd);
}

/* The fault is in the game's frame of this position. */
static void
break_at(struct link *l, uint64_t position, const char *text)
{
	struct ipc_fault m = { .position = position,
		.text = (char *)(uintptr_t)text };
	char inside[600];

	ipc_log(IPC_LOG_ERROR, "link_broken", "game=%s fault=\"%s\"", l->game,
	    ipc_log_inside(text, inside, sizeof(inside)));
	l->netd->metrics.links_broken++;
	if (l->up_fd >= 0) {
		link_up_msg(l, IPC_FAULT, 0, &m);
		up_write(l);
	}
	link_detach(l);
}

/* ---- down -----------------------------------------------------------------
 */

/* A frame that is not acted on. */
static void
break_frame(
    struct link *l, uint64_t position, const char *name, const char *why)
{
	char text[512];

	snprintf(text, sizeof(text), "frame %llu%s: %s",
	    (unsigned long long)position, name, why);
	break_at(l, position, text);
}

static bool
not_legal(struct link *l, const struct ipc_frame *f)
{
	const struct ipc_info *info = ipc_info(f->kind);
	char name[40];

	snprintf(name, sizeof(name), " (%s)", info ? info->name : "unknown");
	break_frame(l, l->down + 1, name, ipc_msg_check(f, IPC_TO_NETD));
	return false;
}

/* again: of a turn that the players have in part. */
static bool
act(struct link *l, const struct ipc_frame *f, bool again)
{
	if (!ipc_msg_fits(f, IPC_TO_NETD))
		return not_legal(l, f);
	if (recover_behind(l) && recover_seen(l, f))
		return true; /* the players have it already */
	l->down++;
	l->netd->metrics.frames_down++;
	saw(l, f, l->down);
	if (again)
		record_down(
		    l, f->bytes - IPC_FRAME_HEAD, ipc_frame_size(f->len), 1);
	recover_note(l);
	return dispatch(l, f);
}

/* Nearly all a game ever says are messages, and often several to one client in
 * a row: how many bytes of them; 0: act() must see the first. */
static size_t
act_row(struct link *l, const uint8_t *p, size_t n, bool again)
{
	size_t frames, size;

	if (l->phase != LINKED || again || l->netd->watched)
		return 0;
	size = dispatch_row(l, p, n, &frames);
	if (size == 0)
		return 0;
	l->down += frames;
	l->netd->metrics.frames_down += frames;
	recover_note(l);
	return size;
}

/* All frames of a turn, whose bytes lie at p. False: the link is broken. */
static bool
act_all(struct link *l, const uint8_t *p, size_t n, bool again)
{
	struct ipc_frame f;

	/* down_frames() looked at each of them. */
	while (n) {
		size_t size = 0;

		ipc_frame_known(p, &f);
		if (f.kind == IPC_SEND)
			size = act_row(l, p, n, again);
		/* An inner COMMIT is of turns that were kept (too_early). */
		if (size == 0 && f.kind != IPC_COMMIT && !act(l, &f, again))
			return false;
		if (size == 0)
			size = ipc_frame_size(f.len);
		p += size;
		n -= size;
	}
	return true;
}

/* Is there a frame of this kind among those at p? */
static bool
has_kind(const uint8_t *p, size_t n, unsigned kind)
{
	struct ipc_frame f;

	while (n) {
		ipc_frame_known(p, &f);
		if (f.kind == kind)
			return true;
		p += ipc_frame_size(f.len);
		n -= ipc_frame_size(f.len);
	}
	return false;
}

/*
 * A new game beside the old one may listen and ask; whatever else it says
 * waits until it is READY, and is forgotten if it never is.
 */
static bool
too_early(const struct link *l, const uint8_t *p, size_t n)
{
	return l == l->netd->upgrade.standby && n &&
	       !has_kind(p, n, IPC_READY) && !has_kind(p, n, IPC_LISTEN);
}

static bool
commit(
    struct link *l, const struct ipc_frame *f, const uint8_t *turn, size_t len)
{
	bool again = recover_behind(l);

	if (f->id < l->taken || f->id > l->journal.sent) {
		link_break(l, "COMMIT: position %llu is not from %llu to %llu",
		    (unsigned long long)f->id, (unsigned long long)l->taken,
		    (unsigned long long)l->journal.sent);
		return false;
	}
	/* A new game takes over before its first words count. */
	if (l == l->netd->upgrade.standby && has_kind(turn, len, IPC_READY))
		upgrade_ready(l);
	if (!again)
		record_down(l, turn, len + IPC_FRAME_HEAD, l->turn_frames);
	if (!act_all(l, turn, len, again))
		return false;
	if (again && !recover_behind(l))
		record_down(l, turn + len, IPC_FRAME_HEAD, 0);
	cast_flush(l);
	if (l->netd->watched && f->id >= l->committed)
		operator_saw(l, f, l->down);
	l->taken = f->id;
	if (f->id > l->committed)
		l->committed = f->id;
	if (l->netd->input_held)
		clients_hold_input(l->netd);
	if (l->phase == LINKED)
		timers_committed(l);
	l->moved_us = netd_now(l->netd);
	l->hang_warned = false;
	recover_committed(l, f->flags & IPC_PARTIAL);
	upgrade_committed(l);
	return true;
}

/* Frames of a turn wait for its COMMIT. */
static void
skip_to_commit(struct link *l)
{
	struct ipc_reader *r = &l->reader;
	const uint8_t *p = r->data + r->pos, *end = r->data + r->end;
	const uint8_t *from = p;
	struct ipc_frame f;
	size_t frames = 0;

	for (;;) {
		p += ipc_frame_row(
		    p, (size_t)(end - p), r->max, IPC_SEND, &frames);
		if (!ipc_frame_ready(p, (size_t)(end - p), r->max, &f) ||
		    f.kind == IPC_COMMIT)
			break;
		p += ipc_frame_size(f.len);
		frames++;
	}
	r->pos += (size_t)(p - from);
	r->taken += (size_t)(p - from);
	l->turn_frames += frames;
}

/* Whole frames in the reader: turns up to their COMMIT. False: broken. */
static bool
down_frames(struct link *l)
{
	struct ipc_reader *r = &l->reader;
	struct ipc_frame f;
	char where[40];

	for (;;) {
		size_t before, turn = r->mark;

		if (l->phase == LINKED)
			skip_to_commit(l);
		before = r->pos;
		switch (ipc_reader_next(r, &f)) {
		case IPC_NEED_MORE:
			return true;
		case IPC_BROKEN:
			snprintf(
			    where, sizeof(where), " at byte %zu", r->wrong_at);
			/* Those of its turn before it were not acted on. */
			break_frame(
			    l, l->down + l->turn_frames + 1, where, r->why);
			return false;
		case IPC_FRAME:
			break;
		}
		if (l->phase == GREETING) {
			/* HELLO stands alone: it is answered before a turn. */
			r->mark = r->pos;
			l->turn_frames = 0;
			if (!act(l, &f, false))
				return false;
			record_hello(l, r->data + before, r->pos - before);
		} else if (f.kind == IPC_COMMIT) {
			if (too_early(l, r->data + turn, before - turn))
				continue; /* kept until it is READY */
			r->mark = r->pos;
			if (!commit(l, &f, r->data + turn, before - turn))
				return false;
			l->turn_frames = 0;
		} else {
			l->turn_frames++;
		}
		if (l->phase == FINISHED)
			return false;
	}
}

/* False: there was nothing to read. */
static bool
down_read(struct link *l)
{
	for (int i = 0; i < READS_PER_TURN; i++) {
		size_t room;
		uint8_t *to = ipc_reader_space(&l->reader, &room);
		ssize_t n;

		if (to == NULL) {
			link_break(l, "a turn of over %u bytes without COMMIT",
			    IPC_TURN_MAX);
			return true;
		}
		n = read(l->down_fd, to, room);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return i > 0;
		if (n <= 0) {
			link_detach(l);
			return true;
		}
		l->netd->metrics.reads_down++;
		ipc_reader_filled(&l->reader, (size_t)n);
		if (!down_frames(l) || (size_t)n < room)
			return true;
	}
	return true;
}

static void
on_down(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop;
	(void)events;
	down_read(w->data);
}

/*
 * On one core the write above is where the game runs, and its answer is there
 * when write() returns: then it need not wait for the loop to find it.
 */
bool
link_glance(struct link *l)
{
	if (!l->wrote || l->phase != LINKED || l->down_fd < 0 || l->stalled)
		return false;
	l->wrote = false;
	if (l->glances_off) {
		l->glances_off--;
		return false;
	}
	if (down_read(l)) {
		l->missed = 0;
		return true;
	}
	/* A game on another core is never that quick. */
	l->glances_off = l->missed;
	if (l->missed < GLANCES_OFF)
		l->missed = (uint8_t)(2 * l->missed + 1);
	return false;
}

void
link_read_out(struct link *l)
{
	int left;

	while (l->phase == LINKED && l->down_fd >= 0 &&
	       ioctl(l->down_fd, FIONREAD, &left) == 0 && left > 0)
		down_read(l);
}

void
link_hung_up(struct link *l)
{
	struct pollfd p = { .fd = l->down_fd };

	if (l->phase != LINKED || l->down_fd < 0 || poll(&p, 1, 0) != 1 ||
	    !(p.revents & POLLHUP))
		return;
	link_read_out(l);
	if (l->phase == LINKED && l->down_fd >= 0)
		down_read(l);
}

/* ---- budget ---------------------------------------------------------------
 */

void
link_budget(struct link *l)
{
	struct netd *n = l->netd;
	size_t budget = (size_t)n->config.budget_bytes;
	bool over = l->phase == LINKED &&
		    n->queued_bytes > (l->stalled ? budget / 4 * 3 : budget);
	int64_t now = netd_now(n);

	if (over == l->stalled || l->down_fd < 0)
		return;
	l->stalled = over;
	if (over) {
		l->stalled_us = now;
		ev_io_stop(n->loop, &l->down_io);
		ipc_log(IPC_LOG_WARN, "stalled",
		    "queued_bytes=%zu budget_bytes=%zu", n->queued_bytes,
		    budget);
		return;
	}
	ev_io_start(n->loop, &l->down_io);
	link_up(l, IPC_STALLED, (uint64_t)(now - l->stalled_us), 0, 0, NULL, 0);
}

/* Not read, it is looked at: has it ended? Then what is left is read. */
void
link_look(struct link *l)
{
	struct pollfd p = { .fd = l->down_fd };

	if (l->stalled && l->down_fd >= 0 && poll(&p, 1, 0) == 1)
		ev_io_start(l->netd->loop, &l->down_io);
}

/* ---- coming and going ------------------------------------------------------
 */

struct link *
link_new(struct netd *n)
{
	struct link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->netd = n;
	l->up_fd = l->down_fd = -1;
	l->journal.pool = &n->journal_pool;
	l->frame_max = (size_t)n->config.frame_bytes;
	ipc_reader_init(&l->reader, l->frame_max);
	ipc_reader_hold(&l->reader, IPC_TURN_MAX + l->frame_max);
	recover_init(l);
	ipc_buf_init(&l->recorded, RECORD_HELD_MAX);
	return l;
}

void
link_free(struct link *l)
{
	link_detach(l);
	timers_release(l);
	jobs_disown(l);
	states_release(l);
	groups_release(l);
	recover_release(l);
	ipc_buf_release(&l->recorded);
	speak_release(l);
	journal_clear(&l->journal);
	ipc_reader_release(&l->reader);
	free(l);
}

static void
non_blocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	/* Less is fine where the system allows no more. */
	fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
}

static void
open_pipes(struct link *l, int up_fd, int down_fd)
{
	struct netd *n = l->netd;

	non_blocking(up_fd);
	non_blocking(down_fd);
	l->up_fd = up_fd;
	l->down_fd = down_fd;
	l->up_broken = l->up_copies = false;
	l->turn_frames = 0;
	ev_io_init(&l->up_io, on_up, up_fd, EV_WRITE);
	ev_io_init(&l->down_io, on_down, down_fd, EV_READ);
	l->up_io.data = l->down_io.data = l;
	ev_io_start(n->loop, &l->down_io);
	l->stalled = false;
}

void
link_attach(struct link *l, int up_fd, int down_fd, enum ipc_link_how how,
    uint64_t value)
{
	link_detach(l);
	open_pipes(l, up_fd, down_fd);
	if (how == IPC_LINK_WOKEN) {
		recover_woken(l, value);
		l->pid = 0; /* not that of the dead: a copy says no HELLO */
		l->moved_us = l->watched_us = netd_now(l->netd);
		l->phase = LINKED;
		return;
	}
	l->moved_us = l->watched_us = netd_now(l->netd);
	l->phase = GREETING;
	l->frame_max = l->reader.max = (size_t)l->netd->config.frame_bytes;
	record_fresh(l, how);
	recover_fresh(l, how == IPC_LINK_FIRST || how == IPC_LINK_AGAIN
			     ? value != 0
			     : l->netd->link->rec.able);
	if (how == IPC_LINK_AGAIN)
		recover_again(l, value);
}

void
link_detach(struct link *l)
{
	struct netd *n = l->netd;

	if (l->up_fd < 0)
		return;
	ev_io_stop(n->loop, &l->up_io);
	ev_io_stop(n->loop, &l->down_io);
	close(l->up_fd);
	close(l->down_fd);
	l->up_fd = l->down_fd = -1;
	ipc_reader_clear(&l->reader);
	l->cast.n = 0;
	if (l->phase == LINKED && !l->rec.able && !l->unsaid)
		ipc_log(IPC_LOG_INFO, "game_gone", "game=%s players=%zu",
		    l->game, n->n_playing);
	if (l->phase != FINISHED)
		l->phase = NO_GAME;
	if (l == n->upgrade.standby) {
		upgrade_fail(n, "the new game ended");
		return;
	}
	if (l->superseded)
		return;
	upgrade_fail(n, "the old game died");
	clients_hold_input(n);
	stop_game_gone(n);
	recover_detached(l);
}

void
link_say_game(struct link *l)
{
	if (!l->unsaid)
		return;
	l->unsaid = false;
	ipc_log(IPC_LOG_INFO, "game", "game=%s pid=%ld players=%zu", l->game,
	    (long)l->pid, l->netd->n_playing);
}

void
link_break(struct link *l, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	break_at(l, l->down, text);
}
