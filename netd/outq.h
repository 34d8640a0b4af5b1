/*
 * outq.h - bytes on their way to one client.
 *
 * A message is encoded into a slice, which every queue that it is on shares; a
 * queue is a list of places in slices. Nothing here sends or closes: client.c
 * does, once a turn.
 */
#ifndef NETD_OUTQ_H
#define NETD_OUTQ_H

#include "ipc/msg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Encoded bytes, shared by every queue they are on; never change. */
struct slice {
	uint32_t refs;
	uint32_t len;
	bool arena; /* the turn's arena: not to be held beyond the turn */
	uint8_t bytes[];
};

/* A new slice of len bytes with one reference, or NULL. */
struct slice *slice_new(size_t len);
void slice_drop(struct slice *s);

/* One message's place in a queue. */
struct seg {
	struct seg *next;
	struct slice *slice; /* holds a reference */
	uint32_t off, len;   /* what is still to be sent of the slice */
	uint32_t whole;      /* a message that may be sent again: its length */
	uint16_t key;        /* of class LATEST */
	uint8_t class;       /* IPC_RELIABLE ... */
	bool begun;          /* partly sent: may not be dropped any more */
};

struct outq {
	struct seg *head, *tail;
	size_t bytes; /* still to be sent */
};

/*
 * Places that were sent, for those of the next turn: what goes as it comes
 * needs no malloc().
 */
struct segs {
	struct seg *first;
	unsigned n;
};
void segs_release(struct segs *spare);

/* Append len bytes of s from off; takes a reference. False: no memory. */
bool outq_add(struct outq *q, struct segs *spare, struct slice *s, size_t off,
    size_t len, uint8_t class, uint16_t key);
/* The same for one whole message that is kept when it is sent. */
bool outq_add_whole(struct outq *q, struct slice *s, size_t off, size_t len,
    uint8_t class, uint16_t key);
/* Bytes of a protocol that overtake all that is not begun. */
bool outq_add_first(struct outq *q, struct slice *s, size_t off, size_t len);
/* The next bytes to send, contiguous: a view of a slice or of scratch. */
const uint8_t *
outq_gather(const struct outq *q, uint8_t *scratch, size_t size, size_t *n);
/* The same, or NULL: mostly it is one piece. */
static inline const uint8_t *
outq_peek(const struct outq *q, uint8_t *scratch, size_t size, size_t *n)
{
	const struct seg *g = q->head;

	if (g == NULL || (g->next && g->len < size / 2))
		return outq_gather(q, scratch, size, n);
	*n = g->len;
	return g->slice->bytes + g->off;
}
/* n bytes of them are sent; whole messages go on to kept: how many. */
size_t
outq_sent(struct outq *q, struct segs *spare, size_t n, struct outq *kept);
/* Nothing of what waits was received: only whole messages stay. Returns how
 * many bytes fewer (or more, negative) wait now. */
ssize_t outq_unsend(struct outq *q);
/* Give up the first n messages; all of one queue goes before another. */
void outq_forget(struct outq *q, size_t n);
void outq_prepend(struct outq *q, struct outq *first);
/* Give up the waiting LATEST message with this key: its bytes, or 0. */
size_t outq_replace(struct outq *q, uint16_t key);
/* Give up the oldest message of a class: its bytes, or 0. */
size_t outq_drop_oldest(struct outq *q, uint8_t class);
/* Replace views into the turn's arena by bytes of the queue's own. */
bool outq_settle(struct outq *q);
/* Give up everything but a message that is partly sent. */
void outq_cut(struct outq *q);
void outq_clear(struct outq *q);

#endif
