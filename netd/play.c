/*
 * play.c - a recorded game drives real players: netd --play FILE.
 *
 * To the rest of netd this is a game: two pipes, whose other ends are here.
 * What the game said then is said again when it is due, to the players who
 * are there now: the first who comes is the first who came then, and time
 * stands still until as many are there. What they say is read and forgotten.
 * Frames that ask netd for something (ticks, timers, answers, connections) are
 * left out, since nobody is there to take it.
 */
#include "netd/netd.h"

#include "ipc/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Said and not taken by netd yet. */
#define OUT_MAX ((size_t)IPC_FRAME_MAX_MAX + (1u << 20))
#define OUT_FULL (1u << 20)

/* A player then, and the one who plays that part now. */
struct part {
	uint64_t then, now;
};

struct play {
	struct netd *netd;
	int fd;      /* the recording */
	bool listen; /* its listeners are opened */
	struct ipc_recording_reader in;
	struct ipc_recorded next;
	bool has_next;
	bool welcomed, waiting, finished;
	int64_t ahead_us; /* of the recording's time to ours */
	int64_t waits_us; /* since when */
	int up, down;     /* a game's ends of the pipes */
	ev_io up_io, down_io;
	ev_timer due;
	struct ipc_reader heard;
	struct ipc_buf out;
	uint64_t taken;
	struct part *parts;
	size_t n_parts;
	uint64_t *came; /* players who came and have no part yet */
	size_t n_came;
	uint64_t said, left_out;
};

/* ---- parts ------------------------------------------------------------------
 */

static uint64_t
now_for(const struct play *p, uint64_t then)
{
	for (size_t i = p->n_parts; i > 0; i--)
		if (p->parts[i - 1].then == then)
			return p->parts[i - 1].now;
	return 0;
}

/* False: nobody is there for it yet. */
static bool
give_part(struct play *p, uint64_t then)
{
	struct part *more;

	if (p->n_came == 0)
		return false;
	more = realloc(p->parts, (p->n_parts + 1) * sizeof(*more));
	if (more == NULL)
		return false;
	p->parts = more;
	more[p->n_parts++] = (struct part){ then, p->came[0] };
	memmove(p->came, p->came + 1, --p->n_came * sizeof(*p->came));
	return true;
}

static void
came(struct play *p, uint64_t conn)
{
	uint64_t *more = realloc(p->came, (p->n_came + 1) * sizeof(*more));

	if (more == NULL)
		return;
	p->came = more;
	more[p->n_came++] = conn;
}

/* ---- saying
 * ------------------------------------------------------------------
 */

static void
put(struct play *p, const struct ipc_frame *f)
{
	uint8_t *to = ipc_buf_space(&p->out, ipc_frame_size(f->len));

	if (to == NULL)
		return;
	ipc_frame_lay(to, f);
	ipc_buf_added(&p->out, ipc_frame_size(f->len));
}

static void
put_commit(struct play *p)
{
	struct ipc_frame f = { .kind = IPC_COMMIT, .id = p->taken };

	put(p, &f);
}

static bool
say_as_it_is(struct play *p, struct ipc_frame *f)
{
	put(p, f);
	return true;
}

static bool
say_commit(struct play *p, struct ipc_frame *f)
{
	(void)f;
	put_commit(p);
	return true;
}

static bool
say_listen(struct play *p, struct ipc_frame *f)
{
	if (p->listen)
		put(p, f);
	return p->listen;
}

static bool
say_to_one(struct play *p, struct ipc_frame *f)
{
	f->id = now_for(p, f->id);
	if (f->id)
		put(p, f);
	return f->id != 0;
}

static bool
say_but_one(struct play *p, struct ipc_frame *f)
{
	uint64_t but;
	uint8_t *to;

	if (f->len < sizeof(but))
		return false;
	memcpy(&but, f->bytes, sizeof(but));
	but = now_for(p, but);
	put(p, f);
	to = p->out.data + p->out.len - f->len;
	memcpy(to, &but, sizeof(but));
	return true;
}

/* What has no row is left out. */
static bool (*const say[IPC_KIND_END])(struct play *, struct ipc_frame *) = {
	[IPC_HELLO] = say_as_it_is,
	[IPC_COMMIT] = say_commit,
	[IPC_SEND] = say_to_one,
	[IPC_SEND_GROUP] = say_as_it_is,
	[IPC_SEND_BUT] = say_but_one,
	[IPC_SCHEMA] = say_as_it_is,
	[IPC_SEND_TYPED] = say_to_one,
	[IPC_SEND_TYPED_GROUP] = say_as_it_is,
	[IPC_SEND_TYPED_BUT] = say_but_one,
	[IPC_CLOSE] = say_to_one,
	[IPC_JOIN] = say_to_one,
	[IPC_LEAVE] = say_to_one,
	[IPC_TAG] = say_to_one,
	[IPC_LISTEN] = say_listen,
	[IPC_LOG] = say_as_it_is,
	[IPC_HIDE_INPUT] = say_to_one,
	[IPC_SEND_SIDE] = say_to_one,
	[IPC_SEND_SIDE_GROUP] = say_but_one,
	[IPC_SET_ABLE] = say_to_one,
};

static void
flush(struct play *p)
{
	while (p->out.len && p->down >= 0) {
		ssize_t n = write(p->down, p->out.data, p->out.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		ipc_buf_eat(&p->out, (size_t)n);
	}
	if (p->out.len)
		ev_io_start(p->netd->loop, &p->down_io);
	else
		ev_io_stop(p->netd->loop, &p->down_io);
}

/* ---- time ------------------------------------------------------------------
 */

static void
finish(struct play *p, const char *why)
{
	struct ipc_frame bye = { .kind = IPC_BYE };

	p->finished = true;
	ipc_log(IPC_LOG_INFO, "played",
	    "frames=%llu left_out=%llu parts=%zu end=\"%s\"",
	    (unsigned long long)p->said, (unsigned long long)p->left_out,
	    p->n_parts, why);
	put(p, &bye);
	put_commit(p);
}

/* Is the frame at hand through? False: it waits for somebody. */
static bool
take_up(struct play *p)
{
	const struct ipc_frame *f = &p->next.frame;
	struct ipc_opened m;
	const char *why, *field;
	bool player = false;

	if (f->kind == IPC_WELCOME)
		return p->welcomed;
	if (f->kind != IPC_OPENED || now_for(p, f->id))
		return true;
	if (ipc_msg_unpack(f, &m, &why, &field) == 0) {
		player = m.request == 0;
		ipc_msg_release(IPC_OPENED, &m);
	}
	return !player || give_part(p, f->id);
}

static void
take_down(struct play *p)
{
	struct ipc_frame f = p->next.frame;

	if (say[f.kind] && say[f.kind](p, &f))
		p->said += f.kind != IPC_COMMIT;
	else
		p->left_out++;
}

/* Have p->next: false at the end. */
static bool
fetch(struct play *p)
{
	int got = 1;

	while (!p->has_next && got > 0) {
		got = ipc_recording_next_frame(&p->in, &p->next);
		if (got <= 0 || p->next.type == IPC_RECORD_RESTART) {
			finish(p, got < 0 ? p->in.why : "");
			return false;
		}
		p->has_next = p->next.type == IPC_RECORD_UP ||
			      p->next.type == IPC_RECORD_DOWN;
		if (p->has_next && p->ahead_us == 0)
			p->ahead_us = p->next.time_us - netd_now(p->netd);
	}
	return true;
}

static void
wait_for_somebody(struct play *p)
{
	if (p->waiting)
		return;
	p->waiting = true;
	p->waits_us = netd_now(p->netd);
	if (p->next.frame.kind == IPC_OPENED)
		ipc_log(IPC_LOG_INFO, "play_waits", "parts=%zu", p->n_parts);
}

static void
step(struct play *p)
{
	int64_t now = netd_now(p->netd);

	while (!p->finished && p->out.len < OUT_FULL && fetch(p)) {
		int64_t left = p->next.time_us - p->ahead_us - now;

		if (!p->waiting && left > 0) {
			ev_timer_stop(p->netd->loop, &p->due);
			ev_timer_set(&p->due, (double)left / 1e6, 0.);
			ev_timer_start(p->netd->loop, &p->due);
			break;
		}
		if (p->next.type == IPC_RECORD_UP && !take_up(p)) {
			wait_for_somebody(p);
			break;
		}
		if (p->waiting)
			p->ahead_us -= now - p->waits_us;
		p->waiting = false;
		if (p->next.type == IPC_RECORD_DOWN)
			take_down(p);
		p->has_next = false;
	}
	flush(p);
}

static void
on_due(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	step(w->data);
}

/* ---- the pipes
 * ---------------------------------------------------------------
 */

static void
close_ends(struct play *p)
{
	ev_io_stop(p->netd->loop, &p->up_io);
	ev_io_stop(p->netd->loop, &p->down_io);
	ev_timer_stop(p->netd->loop, &p->due);
	if (p->up >= 0)
		close(p->up);
	if (p->down >= 0)
		close(p->down);
	p->up = p->down = -1;
}

static void
on_up(struct ev_loop *loop, ev_io *w, int events)
{
	struct play *p = w->data;
	struct ipc_frame f;
	size_t room;
	uint8_t *to = ipc_reader_space(&p->heard, &room);
	ssize_t n = to ? read(p->up, to, room) : 0;

	(void)loop;
	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close_ends(p);
		return;
	}
	ipc_reader_filled(&p->heard, (size_t)n);
	while (ipc_reader_next(&p->heard, &f) == IPC_FRAME) {
		p->taken++;
		p->welcomed = p->welcomed || f.kind == IPC_WELCOME;
		if (f.kind == IPC_OPENED)
			came(p, f.id);
		if (f.kind == IPC_STOP && !p->finished)
			finish(p, "stopped");
	}
	if (p->welcomed && !p->finished)
		put_commit(p);
	step(p);
}

static void
on_down(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop;
	(void)events;
	step(w->data);
}

static bool
attach(struct play *p)
{
	int up[2], down[2];

	if (pipe2(up, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	if (pipe2(down, O_CLOEXEC | O_NONBLOCK) < 0) {
		close(up[0]);
		close(up[1]);
		return false;
	}
	p->up = up[0];
	p->down = down[1];
	ev_io_init(&p->up_io, on_up, p->up, EV_READ);
	ev_io_init(&p->down_io, on_down, p->down, EV_WRITE);
	p->up_io.data = p->down_io.data = p;
	ev_io_start(p->netd->loop, &p->up_io);
	link_attach(p->netd->link, up[1], down[0], IPC_LINK_FIRST, 0);
	return true;
}

/* The first frame is the game's HELLO, or there is nothing to play. */
static const char *
begins(struct play *p)
{
	int got = ipc_recording_next_frame(&p->in, &p->next);

	if (got < 0)
		return p->in.why;
	if (got == 0 || p->next.type != IPC_RECORD_DOWN ||
	    p->next.frame.kind != IPC_HELLO)
		return "it does not begin where the game does";
	p->has_next = true;
	p->ahead_us = p->next.time_us - netd_now(p->netd);
	return NULL;
}

bool
play_begin(struct netd *n, const char *file, bool own, char *why, size_t size)
{
	struct play *p = calloc(1, sizeof(*p));
	const char *fault = NULL;

	if (p == NULL) {
		snprintf(why, size, "out of memory");
		return false;
	}
	n->play = p;
	*p = (struct play){ .netd = n, .listen = own, .up = -1, .down = -1 };
	ipc_reader_init(&p->heard, IPC_FRAME_MAX_MAX);
	ipc_buf_init(&p->out, OUT_MAX);
	ev_timer_init(&p->due, on_due, 0., 0.);
	p->due.data = p;
	p->fd = open(file, O_RDONLY | O_CLOEXEC);
	if (p->fd < 0)
		fault = strerror(errno);
	else if (ipc_recording_open(&p->in, p->fd) < 0)
		fault = p->in.why[0] ? p->in.why : "cannot read it";
	else if ((fault = begins(p)) == NULL && !attach(p))
		fault = strerror(errno);
	if (fault) {
		snprintf(why, size, "cannot play '%s': %s", file, fault);
		return false;
	}
	step(p);
	return true;
}

void
play_release(struct netd *n)
{
	struct play *p = n->play;

	if (p == NULL)
		return;
	close_ends(p);
	ipc_recording_close(&p->in);
	if (p->fd >= 0)
		close(p->fd);
	ipc_reader_release(&p->heard);
	ipc_buf_release(&p->out);
	free(p->parts);
	free(p->came);
	free(p);
	n->play = NULL;
}
