/*
 * stream.c - the blocking stream: the only file that reads or writes the pipe.
 *
 * A turn is one read(), the events in it, and one write() that ends with a
 * COMMIT. Everything that the game will ever know comes through stream_take(),
 * which counts it; so the counters here are the positions that recording and
 * recovery speak of. Nothing in this file knows what a frame means: kinds.c.
 */
#include "gamecore/core.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- writing ------------------------------------------------------------ */

/* Nobody takes what is written: an error, unless a new netd will. */
static int
gone(const struct gc_net *net)
{
	return respawn_able(net) ? 0 : GC_ENETD_GONE;
}

/* Much at once is lent to the pipe, not copied: CPU of an echo of 1,024 bytes,
 * game and netd together, 0.86 of write()'s. */
static ssize_t
send_down(struct gc_net *net, uint8_t *p, size_t n, bool lends)
{
	struct iovec v = { .iov_base = p, .iov_len = n };
	ssize_t r;

	if (lends && !net->lend.off) {
		r = vmsplice(net->down, &v, 1, 0);
		if (r > 0 || (r < 0 && errno == EINTR))
			return r;
		net->lend.off = true; /* if it is more, write() says so */
	}
	return write(net->down, p, n);
}

/* All of it, however often a signal or a full pipe cuts it. */
static int
write_out(struct gc_net *net)
{
	bool lends = lend_can(net);
	size_t at = 0;
	int r = 0;

	while (at < net->out.len) {
		ssize_t n = send_down(
		    net, net->out.data + at, net->out.len - at, lends);

		if (n >= 0) {
			at += (size_t)n;
			net->lend.written += (uint64_t)n;
		} else if (errno != EINTR) {
			/* What netd still had to say may wait in the other
			 * pipe: reading goes on to its end. */
			net->down_gone = true;
			net->out_end = 0;
			r = gone(net);
			break;
		}
	}
	ipc_buf_clear(&net->out);
	if (lends)
		lend_done(net);
	else
		lend_large(net, false);
	return r;
}

int
stream_commit(struct gc_net *net, bool partial)
{
	struct ipc_frame f = { .kind = IPC_COMMIT,
		.flags = partial ? IPC_PARTIAL : 0,
		.id = net->up_taken };
	uint8_t *to;

	if (net->down_gone || net->down < 0)
		return gone(net);
	if (net->out.len == 0 && net->committed == net->up_taken &&
	    (partial || !net->committed_partial))
		return 0;
	lend_ready(net);
	to = ipc_buf_space(&net->out, IPC_FRAME_HEAD);
	if (to == NULL)
		return net_fail(net, GC_ENO_MEMORY, "out of memory");
	ipc_frame_head(to, &f);
	ipc_buf_added(&net->out, IPC_FRAME_HEAD);
	net->committed = net->up_taken;
	net->committed_partial = partial;
	return write_out(net);
}

/* Before n more bytes are queued: what has gathered leaves if it must. */
static int
make_room(struct gc_net *net, size_t n)
{
	if (net->failed)
		return net->failed;
	if (net->down_gone)
		return gone(net);
	if (net->out.len && net->out.len + n > OUT_GATHER - IPC_FRAME_HEAD)
		return stream_commit(net, true);
	lend_ready(net);
	return 0;
}

/* All that can be in the way of a frame. */
static int
put(struct gc_net *net, const struct ipc_frame *f, const uint64_t *front)
{
	size_t before = front ? sizeof(*front) : 0;
	size_t size = ipc_frame_size(f->len);
	struct ipc_frame whole = *f;
	uint8_t *to;
	int r;

	if (f->len > net->frame_max - IPC_FRAME_HEAD - before)
		return net_problem(net, GC_ETOO_LONG,
		    "a message of %" PRIu32 " bytes is too long: a frame can "
		    "be of %" PRIu32 " bytes",
		    f->len, net->frame_max);
	r = make_room(net, size + before);
	if (r < 0 || net->down_gone)
		return r;
	if (size + before > OUT_GATHER - IPC_FRAME_HEAD)
		lend_large(net, true);
	to = ipc_buf_space(&net->out, size + before);
	if (to == NULL)
		return net_problem(net, GC_ENO_MEMORY, "out of memory");
	whole.len += (uint32_t)before;
	ipc_frame_head(to, &whole);
	if (front)
		memcpy(to + IPC_FRAME_HEAD, front, before);
	if (f->len)
		memcpy(to + IPC_FRAME_HEAD + before, f->bytes, f->len);
	ipc_buf_added(&net->out, size + before);
	net->down_sent++;
	/* The next ones need not ask all that. */
	net->out_end =
	    (net->out.size < OUT_GATHER ? net->out.size : OUT_GATHER) -
	    IPC_FRAME_HEAD;
	return 0;
}

int
stream_put(struct gc_net *net, const struct ipc_frame *f, const uint64_t *front)
{
	uint8_t *to = front ? NULL : stream_place(net, f->len);

	if (to == NULL)
		return put(net, f, front);
	ipc_frame_lay(to, f);
	return 0;
}

int
stream_put_msg(struct gc_net *net, unsigned kind, uint64_t id, const void *m)
{
	int r = make_room(net, IPC_FRAME_HEAD);

	if (r < 0 || net->down_gone)
		return r;
	r = ipc_msg_frame(kind, id, m, &net->out);
	if (r < 0)
		return net_problem(
		    net, r, "%s: %s", ipc_info(kind)->name, ipc_error_text(r));
	net->down_sent++;
	return 0;
}

int
gc_flush(struct gc_net *net)
{
	if (net->failed)
		return net->failed;
	return stream_commit(net, true);
}

/* ---- what the game has in hand ------------------------------------------- */

uint64_t
stream_count(const struct gc_net *net)
{
	return net->taken_before + net->up_taken;
}

static void
show_hand(struct gc_net *net)
{
	/* What a netd brought that is no more has no position any more. */
	*net->hand = net->in_hand > net->taken_before
			 ? net->in_hand - net->taken_before
			 : 0;
}

void
stream_hand(struct gc_net *net, uint64_t count)
{
	net->in_hand = count;
	show_hand(net);
}

/* ---- reading ------------------------------------------------------------ */

/* Put back the byte that a text's NUL stands on. */
static inline void
uncut(struct gc_net *net)
{
	if (net->cut)
		*net->cut = net->cut_was;
	net->cut = NULL;
}

const char *
stream_text(struct gc_net *net, const struct ipc_frame *f)
{
	uint8_t *end = (uint8_t *)(uintptr_t)(f->bytes + f->len);
	const uint8_t *kept = net->backlog.data;
	const struct ipc_reader *in = &net->in;

	if (kept && f->bytes >= kept && f->bytes < kept + net->backlog.len)
		return (
		    const char *)f->bytes; /* stream_keep() put a NUL there */
	uncut(net);
	if (end < in->data + in->size) {
		net->cut = end;
		net->cut_was = *end;
		*end = '\0';
		return (const char *)f->bytes;
	}
	ipc_buf_clear(&net->scratch);
	if (!ipc_buf_add(&net->scratch, f->bytes, f->len) ||
	    !ipc_buf_add(&net->scratch, "", 1))
		return NULL;
	return (const char *)net->scratch.data;
}

static int
fill(struct gc_net *net)
{
	size_t room;
	uint8_t *to = ipc_reader_space(&net->in, &room);
	ssize_t n;

	if (to == NULL)
		return net_fail(net, GC_ENO_MEMORY, "out of memory");
	if (room > IPC_SLICE)
		room = IPC_SLICE;
	/* Who dies here was killed by somebody else. */
	*net->hand = 0;
	do
		n = read(net->up, to, room);
	while (n < 0 && errno == EINTR);
	show_hand(net);
	if (n < 0)
		return net_fail(net, GC_ESYSTEM, "cannot read netd's pipe: %s",
		    strerror(errno));
	if (n == 0 && respawn_able(net))
		return respawn(net);
	if (n == 0 && net->in.pos != net->in.end)
		return net_fail(net, GC_ENETD_GONE,
		    "netd is gone in the middle of frame %" PRIu64,
		    net->up_taken + 1);
	if (n == 0)
		return net_fail(net, GC_ENETD_GONE, "netd is gone");
	ipc_reader_filled(&net->in, (size_t)n);
	return 0;
}

/* An error in the bytes that came: said once, in full, then the link ends. */
static int
broken(struct gc_net *net, const struct ipc_frame *f, const char *why)
{
	const struct ipc_info *info = f ? ipc_info(f->kind) : NULL;

	if (f == NULL)
		return net_fail(net, GC_EPROTOCOL,
		    "netd's frame %" PRIu64 " is broken at byte %zu: %s",
		    net->up_taken + 1, net->in.wrong_at, why);
	return net_fail(net, GC_EPROTOCOL,
	    "netd's frame %" PRIu64 " (%s, kind %u) is not legal: %s",
	    net->up_taken + 1, info ? info->name : "unknown", f->kind, why);
}

int
stream_take(struct gc_net *net, struct ipc_frame *f)
{
	uncut(net);
	/* Whatever this brings: gc_next() looks again. */
	net->run_end = 0;
	while (!net->failed) {
		enum ipc_decoded d = ipc_reader_next(&net->in, f);

		if (d == IPC_BROKEN)
			return broken(net, NULL, net->in.why);
		if (d == IPC_FRAME) {
			if (net->up_taken + 1 == net->break_at)
				raise(SIGTRAP);
			if (!ipc_msg_fits(f, IPC_TO_GAME))
				return broken(
				    net, f, ipc_msg_check(f, IPC_TO_GAME));
			net->up_taken++;
			return 0;
		}
		/* If nobody reads this any more, the read says so in turn. */
		stream_commit(
		    net, net->working || net->backlog_at < net->backlog.len);
		fill(net);
	}
	return net->failed;
}

void
stream_restart(struct gc_net *net, int up, int down)
{
	close(net->up);
	close(net->down);
	net->up = up;
	net->down = down;
	ipc_reader_clear(&net->in);
	ipc_buf_clear(&net->out);
	lend_restart(net);
	net->cut = NULL;
	net->run_end = 0;
	net->taken_before += net->up_taken;
	stream_hand(net, 0);
	net->up_taken = net->down_sent = net->committed = 0;
	net->committed_partial = net->down_gone = false;
}

/* A kept frame takes so much more than the frame. */
#define KEPT_MORE (sizeof(uint64_t) + 1)

/* ---- the backlog: events that came while a call waited for its own ------ */

bool
stream_keep(struct gc_net *net, const struct ipc_frame *f, uint64_t count)
{
	struct ipc_buf *b = &net->backlog;
	uint8_t *to;

	if (net->backlog_at > BACKLOG_MAX / 2) {
		ipc_buf_eat(b, net->backlog_at);
		net->backlog_at = 0;
	}
	to = ipc_buf_space(b, KEPT_MORE + ipc_frame_size(f->len));
	if (to == NULL)
		return false;
	memcpy(to, &count, sizeof(count));
	to += sizeof(count);
	ipc_frame_lay(to, f);
	to[IPC_FRAME_HEAD + f->len] = '\0';
	ipc_buf_added(b, KEPT_MORE + ipc_frame_size(f->len));
	return true;
}

bool
stream_kept(const struct gc_net *net, size_t *at, struct ipc_frame *f)
{
	const struct ipc_buf *b = &net->backlog;
	size_t want, from = net->backlog_at + *at + sizeof(uint64_t);
	const char *why;

	if (net->backlog_at + *at == b->len)
		return false;
	if (ipc_frame_decode(b->data + from, b->len - from, IPC_FRAME_MAX_MAX,
		f, &want, &why) != IPC_FRAME)
		abort(); /* stream_keep() wrote it: our own defect */
	*at += KEPT_MORE + ipc_frame_size(f->len);
	return true;
}

/* The oldest kept frame; the view is good until the next stream_keep(). */
static bool
unkeep(struct gc_net *net, struct ipc_frame *f, uint64_t *count)
{
	size_t size = 0;

	if (!stream_kept(net, &size, f)) {
		ipc_buf_clear(&net->backlog);
		net->backlog_at = 0;
		return false;
	}
	memcpy(count, net->backlog.data + net->backlog_at, sizeof(*count));
	net->backlog_at += size;
	return true;
}

int
stream_step(struct gc_net *net)
{
	struct ipc_frame f;
	int r;

	if (sessions_running(net))
		return sessions_step(net);
	if (net->backlog.len - net->backlog_at > BACKLOG_MAX)
		return net_problem(net, GC_EFULL,
		    "over %u bytes of events wait for gc_next()", BACKLOG_MAX);
	r = stream_take(net, &f);
	if (r < 0)
		return r;
	r = kind_arrive(net, &f);
	if (r > 0 && !stream_keep(net, &f, stream_count(net)))
		return net_fail(net, GC_ENO_MEMORY, "out of memory");
	return r < 0 ? r : 0;
}

/* Said where the game waits and not where the pipe runs empty: when depends on
 * the frames alone. */
void
stream_ready(struct gc_net *net)
{
	struct ipc_frame f = { .kind = IPC_READY };

	if (net->opened && net->live) {
		net->live = false;
		stream_put(net, &f, NULL);
	}
}

int
stream_turn(struct gc_net *net, struct gc_event *ev)
{
	struct ipc_frame f;
	uint64_t count = stream_count(net);
	int r;

	net->working = false;
	stream_hand(net, 0);
	if (net->live && net->backlog_at == net->backlog.len)
		stream_ready(net);
	r = net->timed ? timed_next(net, ev) : TIMED_NONE;
	if (r == TIMED_NONE) {
		r = 0;
		if (net->backlog.len == 0 || !unkeep(net, &f, &count)) {
			r = stream_take(net, &f);
			if (r == 0)
				r = kind_arrive(net, &f);
			count = stream_count(net);
			if (r <= 0)
				return r;
		}
		r = kind_show(net, &f, ev);
	}
	if (r > 0) {
		net->working = true;
		stream_hand(net, count);
	}
	return r;
}

/* A few plain stores: for memset() a compiler puts a loop in microcode here,
 * which takes longer than the rest of a message. */
static inline void
blank(struct gc_event *ev)
{
	typedef uint64_t two
	    __attribute__((vector_size(16), aligned(8), may_alias));
	const two nothing = { 0, 0 };
	two *p = (two *)(void *)ev;

	if (sizeof(*ev) != 8 * sizeof(*p) + 8) {
		memset(ev, 0, sizeof(*ev));
		return;
	}
	p[0] = p[1] = p[2] = p[3] = nothing;
	p[4] = p[5] = p[6] = p[7] = nothing;
	memset(p + 8, 0, 8);
}

/* Is a message all that there can be for gc_next()? */
static bool
is_plain(const struct gc_net *net)
{
	return !net->failed && net->welcomed && !net->live && !net->timed &&
	       !net->sessions && !net->worker[0] && !net->break_at &&
	       net->backlog.len == 0 && net->conns.files == 0;
}

/*
 * Nearly every frame is a player's message, and nearly always nothing else is
 * at hand. Then each frame is looked at, and all that can be in its way asked,
 * once for as many as lie in a row: what stream_turn() and stream_take() do of
 * them, in a third of the steps. False: there is none.
 */
static bool
run_begin(struct gc_net *net)
{
	const struct ipc_reader *in = &net->in;
	size_t n = in->end - in->pos, frames = 0;

	if (n == 0 || !is_plain(net))
		return false;
	uncut(net);
	/* A NUL needs a place behind each. */
	n -= in->end == in->size;
	n = ipc_frame_row(in->data + in->pos, n, in->max, IPC_MESSAGE, &frames);
	net->run_end = in->pos + n;
	return frames > 0;
}

/* The next of them. False: of nobody, and nothing was done. */
static inline bool
run_next(struct gc_net *net, struct gc_event *ev)
{
	struct ipc_reader *in = &net->in;
	struct ipc_frame f;
	struct conn *c;

	ipc_frame_known(in->data + in->pos, &f);
	c = conns_again(&net->conns, f.id);
	if (c == NULL)
		return false;
	ipc_reader_took(in, &f);
	net->up_taken++;
	blank(ev);
	ev->kind = GC_MESSAGE;
	ev->conn = f.id;
	ev->bound = c->bound;
	ev->binary = (f.flags & IPC_BINARY) != 0;
	ev->text = (const char *)f.bytes;
	ev->len = f.len;
	/* The byte that is cut here was a part of a head that is known: it is
	 * put back when somebody is to look at the next one again. */
	net->cut = in->data + in->pos;
	net->cut_was = *net->cut;
	*net->cut = '\0';
	net->working = true;
	net->in_hand = stream_count(net);
	*net->hand = net->up_taken;
	return true;
}

/* What gc_next() does where there is no run, or its next one is of nobody: over
 * 0 is an event, too. */
static __attribute__((noinline)) int
next_slowly(struct gc_net *net, struct gc_event *ev)
{
	int r;

	if (net->worker[0])
		return net_problem(net, GC_EINVALID,
		    "a worker cannot call gc_next(): gc_job_next() is its own");
	if (net->sessions && sessions_running(net))
		return net_problem(net, GC_EINVALID,
		    "a session cannot call gc_next(): gc_wait() is its own");
	do {
		if (run_begin(net) && run_next(net, ev))
			return 0;
		r = stream_turn(net, ev);
	} while (r == 0 || (r > 0 && net->sessions && sessions_keep(net, ev)));
	return r;
}

int
gc_next(struct gc_net *net, struct gc_event *ev)
{
	int r;

	if (net->in.pos < net->run_end && run_next(net, ev))
		return 0;
	r = next_slowly(net, ev);
	return r < 0 ? r : 0;
}

/* ---- answers ------------------------------------------------------------ */

void
stream_ask(struct gc_net *net, struct request *r)
{
	if (r->number == 0)
		r->number = OURS | ++net->numbers;
	r->next = net->requests;
	net->requests = r;
}

void
stream_forget(struct gc_net *net, struct request *r)
{
	struct request **p = &net->requests;

	while (*p && *p != r)
		p = &(*p)->next;
	if (*p)
		*p = r->next;
}

int
stream_await(struct gc_net *net, struct request *r)
{
	int e = 0;

	/* Whoever cannot listen has not taken over. */
	if (r->kind != IPC_LISTENING)
		stream_ready(net);
	while (!r->done && e == 0)
		e = stream_step(net);
	stream_forget(net, r);
	return r->done ? r->result : e;
}
