/*
 * client_out.c - bytes to a player: encoded, queued, sent.
 *
 * What one turn says to somebody lies side by side in the arena and leaves in
 * one send() at the turn's end; what a socket does not take is moved out of
 * it. The queue is bounded as the class of each message allows. Next: outq.c
 * for the queue, groups.c for one message to many.
 */
#include "netd/mccp.h"
#include "netd/netd.h"
#include "netd/resume.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One client's share of a turn, in bytes out. */
#define FLUSH_MAX (256u << 10)

ssize_t
client_write(struct client *c, const void *p, size_t n)
{
	return RARE(c, mccp) ? mccp_write(c, p, n) : c->wire->write(c, p, n);
}

void
client_mark(struct client *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	c->next_dirty = c->netd->dirty;
	c->netd->dirty = c;
}

/* What it has still goes, but when epoll says so and not in this turn. */
static void
client_unmark(struct client *c)
{
	if (c->netd->dirty != c)
		return;
	c->netd->dirty = c->next_dirty;
	c->dirty = false;
}

static void
report_pressure(struct client *c)
{
	const struct config *k = &c->url->config;
	bool high = c->pressed ? c->out.bytes > (size_t)k->soft_bytes / 2
			       : c->out.bytes > (size_t)k->soft_bytes;
	struct ipc_pressure m = { .high = high, .queued_bytes = c->out.bytes };

	if (high == c->pressed || !c->told)
		return;
	c->pressed = high;
	link_up_msg(c->link, IPC_PRESSURE, c->id, &m);
}

/* Write until the socket takes no more. False: the client failed. */
static bool
send_queued(struct client *c)
{
	struct netd *n = c->netd;
	size_t sent = 0;

	while (c->out.head && c->phase < GONE && c->phase > CONNECTING) {
		size_t room =
		    c->resume ? resume_room(c) : (size_t)n->config.read_bytes;
		const uint8_t *p;
		size_t len;
		ssize_t r;

		if (room == 0)
			break;
		p = outq_peek(&c->out, n->scratch, room, &len);
		r = client_write(c, p, len);

		if (r < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (r < 0) {
			client_failed(c, errno);
			return false;
		}
		if (c->resume)
			c->resume->sent += outq_sent(&c->out, &n->spare_segs,
			    (size_t)r, &c->resume->kept);
		else
			outq_sent(&c->out, &n->spare_segs, (size_t)r, NULL);
		n->queued_bytes -= (size_t)r;
		n->metrics.bytes_out += (uint64_t)r;
		c->moved_us = netd_now(n);
		if ((size_t)r < len)
			break;
		if (c->out.head == NULL && c->transport->drained)
			c->transport->drained(c);
		/* A long file for a fast reader: the others come first. */
		sent += (size_t)r;
		if (sent >= FLUSH_MAX && c->wire == &wire_sock) {
			client_unmark(c);
			break;
		}
	}
	return true;
}

/* Nothing waits, and nobody was told or watches that something did. */
static inline bool
has_nothing_left(const struct client *c)
{
	return c->out.head == NULL && c->phase == PLAYING && !c->want_write &&
	       !c->pressed && !c->resume && !mccp_waits(c) &&
	       !c->wire->wants_read;
}

void
client_flush(struct client *c)
{
	if (mccp_waits(c) && mccp_push(c) < 0 && errno != EAGAIN &&
	    errno != EINTR) {
		client_failed(c, errno);
		return;
	}
	if (!send_queued(c) || has_nothing_left(c))
		return;
	if (!outq_settle(&c->out)) {
		client_abort(c, IPC_REASON_NO_MEMORY, "");
		return;
	}
	report_pressure(c);
	client_watch(c);
	if (c->phase == LEAVING && c->out.head == NULL)
		client_leave_on(c);
}

void
client_writable(struct client *c)
{
	if (c->phase == CONNECTING)
		connect_writable(c);
	else if (c->phase != GONE)
		client_flush(c);
}

void
client_dropped(struct client *c, unsigned messages, size_t bytes)
{
	struct rare *r = messages ? client_rare(c) : NULL;

	if (r) {
		r->dropped += messages;
		r->dropped_bytes += bytes;
	}
}

static void
count_drop(struct client *c, size_t bytes)
{
	client_dropped(c, 1, bytes);
	c->netd->metrics.dropped++;
	c->netd->queued_bytes -= bytes;
}

/* Make room as the classes allow: true if len more bytes fit. */
static bool
make_room(struct client *c, size_t len)
{
	size_t hard = (size_t)c->url->config.hard_bytes, n;
	size_t held = c->resume ? resume_held(c) : 0;
	size_t budget = (size_t)c->netd->config.budget_bytes;

	/* Whoever is away must never stop the game by what waits for them. */
	while (
	    c->out.bytes + held + len > hard ||
	    (resume_lineless(c) && c->netd->queued_bytes + len > budget / 2)) {
		n = outq_drop_oldest(&c->out, IPC_DROPPABLE);
		if (n == 0)
			return false;
		count_drop(c, n);
	}
	return true;
}

/* The queue takes it, and it leaves at the turn's end. whole: it is kept until
 * it is acked. False: the client is gone, there was no memory. */
static inline bool
put(struct client *c, struct slice *s, size_t off, size_t len, uint8_t class,
    uint16_t key, bool whole)
{
	struct netd *n = c->netd;

	if (c->out.head == NULL)
		c->moved_us = netd_now(n);
	if (whole
		? !outq_add_whole(&c->out, s, off, len, class, key)
		: !outq_add(&c->out, &n->spare_segs, s, off, len, class, key)) {
		client_abort(c, IPC_REASON_NO_MEMORY, "");
		return false;
	}
	n->queued_bytes += len;
	client_mark(c);
	return true;
}

/* message: it is one of the game, whole; else bytes of the protocol. */
static void
queue(struct client *c, struct slice *s, size_t off, size_t len, uint8_t class,
    uint16_t key, bool message)
{
	struct netd *n = c->netd;

	if (class != IPC_LATEST)
		key = 0;
	else
		n->queued_bytes -= outq_replace(&c->out, key);
	/* Answers to one who half closed are the game's, and all go. */
	if (c->phase >= PLAYING && !c->linger && !make_room(c, len)) {
		if (c->phase == LEAVING) {
			/* It asks (pings) and takes nothing. */
			client_abort(c, c->reason, "");
			return;
		}
		if (class == IPC_RELIABLE) {
			client_close(c, IPC_REASON_SLOW, "reads too slowly");
			return;
		}
		n->queued_bytes += len;
		count_drop(c, len);
		return;
	}
	put(c, s, off, len, class, key, message && c->resume);
}

void
client_queue(struct client *c, struct slice *s, size_t off, size_t len,
    uint8_t class, uint16_t key)
{
	queue(c, s, off, len, class, key, true);
}

void
client_queue_begun(struct client *c, struct slice *s, size_t off, size_t len)
{
	assert(c->out.head == NULL);
	if (put(c, s, off, len, IPC_RELIABLE, 0, false))
		c->out.tail->begun = true;
}

/*
 * Room for bytes that live for this turn: consecutive messages lie side by
 * side in memory that stays hot, and what a socket does not take at the
 * turn's end is moved out (outq_settle).
 */
static struct slice *
arena_new(struct netd *n, size_t len, size_t *off)
{
	if (n->arena)
		slice_drop(n->arena);
	n->arena = slice_new(len > IPC_SLICE ? len : IPC_SLICE);
	n->arena_used = 0;
	*off = 0;
	if (n->arena)
		n->arena->arena = true;
	return n->arena;
}

static inline struct slice *
arena_room(struct netd *n, size_t len, size_t *off)
{
	struct slice *s = n->arena;

	if (s == NULL)
		return arena_new(n, len, off);
	if (s->refs == 1)
		n->arena_used = 0;
	*off = n->arena_used;
	return s->len - n->arena_used >= len ? s : arena_new(n, len, off);
}

void
client_send(struct client *c, unsigned flags, uint16_t key,
    const uint8_t *bytes, size_t len)
{
	struct netd *n = c->netd;
	const struct transport *t = c->transport;
	size_t off = 0, used, max;
	uint32_t looks = c->looks || flags & IPC_MARKUP ? look_of(c, flags) : 0;
	bool resumable = c->resume != NULL;
	unsigned class = flags & IPC_CLASS_MASK;
	struct slice *s;

	if (looks)
		bytes = look_text(n, looks, bytes, &len);
	max = t->encode_max(len);
	if (t->before)
		t->before(c);
	/* What is kept until it is acked must not lie in the arena. */
	s = resumable ? slice_new(max) : arena_room(n, max, &off);
	if (s == NULL) {
		client_abort(c, IPC_REASON_NO_MEMORY, "");
		return;
	}
	used = t->encode(c->outgoing, flags, bytes, len, s->bytes + off);
	n->metrics.messages_out++;
	if (!resumable)
		n->arena_used = off + used;
	queue(c, s, off, used, (uint8_t) class, key, true);
	if (t->sent)
		t->sent(c, s->bytes + off, used);
	if (resumable)
		slice_drop(s);
}

/*
 * Encode the frames at p that are like the first, as far as room goes: how many
 * bytes of them; *room is what they became, and *messages how many they are.
 */
static size_t
encode_row(const struct client *c, const uint8_t *p, size_t n, uint8_t *to,
    size_t *room, size_t *messages)
{
	const struct transport *t = c->transport;
	size_t at = 0, used = 0, count = 0;
	bool more = true;

	while (more) {
		struct ipc_frame f;
		size_t size;

		ipc_frame_known(p + at, &f);
		size = ipc_frame_size(f.len);
		if (size > *room - used)
			break;
		more = at + size < n && ipc_frame_alike(p + at, p + at + size);
		used +=
		    t->encode(c->outgoing, f.flags, f.bytes, f.len, to + used);
		at += size;
		count++;
	}
	*room = used;
	*messages = count;
	c->netd->metrics.messages_out += count;
	return at;
}

size_t
client_send_row(struct client *c, const struct ipc_frame *f, const uint8_t *p,
    size_t n, size_t *messages)
{
	struct netd *nd = c->netd;
	size_t hard = (size_t)c->url->config.hard_bytes, off, room, at;
	struct slice *s;

	if ((f->flags & ~IPC_BINARY) != IPC_RELIABLE || c->looks || c->resume ||
	    c->phase != PLAYING || !c->transport->fits_frame ||
	    c->out.bytes >= hard)
		return 0;
	s = arena_room(nd, ipc_frame_size(f->len), &off);
	if (s == NULL)
		return 0;
	room = s->len - off;
	if (room > hard - c->out.bytes)
		room = hard - c->out.bytes;
	at = encode_row(c, p, n, s->bytes + off, &room, messages);
	if (at == 0)
		return 0;
	nd->arena_used = off + room;
	put(c, s, off, room, IPC_RELIABLE, 0, false);
	return at;
}

/* Bytes of the protocol itself, as they are. */
static struct slice *
arena_lay(struct netd *n, const void *bytes, size_t len, size_t *off)
{
	struct slice *s = arena_room(n, len, off);

	if (s == NULL)
		return NULL;
	memcpy(s->bytes + *off, bytes, len);
	n->arena_used = *off + len;
	return s;
}

bool
client_raw(struct client *c, const void *bytes, size_t len)
{
	size_t off;
	struct slice *s;

	if (c->phase == GONE)
		return false;
	s = arena_lay(c->netd, bytes, len, &off);
	if (s == NULL)
		return false;
	queue(c, s, off, len, IPC_RELIABLE, 0, false);
	return c->phase <= LEAVING;
}

bool
client_raw_first(struct client *c, const void *bytes, size_t len)
{
	size_t off;
	struct slice *s;

	if (c->phase == GONE)
		return false;
	/* A peer that asks and asks and takes no answer. */
	if (c->out.bytes + len > 2 * (size_t)c->url->config.hard_bytes) {
		client_close(c, IPC_REASON_SLOW, "reads too slowly");
		return false;
	}
	s = arena_lay(c->netd, bytes, len, &off);
	if (s == NULL)
		return false;
	if (c->out.head == NULL)
		c->moved_us = netd_now(c->netd);
	if (!outq_add_first(&c->out, s, off, len)) {
		client_abort(c, IPC_REASON_NO_MEMORY, "");
		return false;
	}
	c->netd->queued_bytes += len;
	client_mark(c);
	return true;
}
