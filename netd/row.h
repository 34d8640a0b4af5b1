/*
 * row.h - messages of a player that lie one behind the other in what was read.
 *
 * Nearly always nothing is to be done with them but to pass them on. Then what
 * is to be asked is asked once for all of them, and a codec makes each where
 * the pipe takes it from:
 *
 *	struct row row = row_begin(c);
 *
 *	while (... a whole message of len bytes ...)
 *		if ((to = row_place(&row, len)) != NULL)
 *			... make it at to ..., row_add(&row, flags, len);
 *	row_end(c, &row);
 *
 * Between begin and end nothing else may be said of the client, nor done to
 * it: a message that finds no place waits until the row has ended, and goes to
 * client_got().
 */
#ifndef NETD_ROW_H
#define NETD_ROW_H

#include "netd/netd.h"

struct row {
	uint8_t *at;     /* the next frame; NULL: there is no row */
	uint8_t *end;    /* of the room for frames */
	size_t len_max;  /* of a message */
	size_t messages; /* laid down so far */
	uint64_t id;     /* of the client */
};

/* Are messages of c just passed on now, and is the turn's first laid down? */
static inline bool
row_may(const struct client *c)
{
	const struct link *l = c->link;

	return l && l->batch_open && l->phase == LINKED && !l->talks &&
	       !l->schema && !l->netd->watched && c->phase == PLAYING &&
	       !c->resume && !c->url->config.messages_per_s &&
	       journal_has_room(&l->journal, IPC_FRAME_HEAD);
}

static inline struct row
row_begin(const struct client *c)
{
	struct row r = { .id = c->id };
	const struct chunk *to;
	size_t most;

	if (!row_may(c))
		return r;
	to = c->link->journal.tail;
	r.at = c->link->journal.tail->bytes + to->len;
	r.end = c->link->journal.tail->bytes + to->size;
	most = c->link->frame_max - IPC_FRAME_HEAD;
	r.len_max = (size_t)c->url->config.message_bytes;
	if (r.len_max > most)
		r.len_max = most;
	return r;
}

/* Where the len bytes of the next message are to be made; NULL: not here. */
static inline uint8_t *
row_place(const struct row *r, size_t len)
{
	if (len > r->len_max || ipc_frame_size(len) > (size_t)(r->end - r->at))
		return NULL;
	return r->at + IPC_FRAME_HEAD;
}

/* They are made. flags: IPC_TEXT or IPC_BINARY. */
static inline void
row_add(struct row *r, unsigned flags, size_t len)
{
	struct ipc_frame f = { .kind = IPC_MESSAGE,
		.flags = (uint8_t)flags,
		.id = r->id,
		.len = (uint32_t)len };

	ipc_frame_head(r->at, &f);
	r->at += ipc_frame_size(len);
	r->messages++;
	journal_warm(r->at, r->end, ipc_frame_size(len));
}

/* What client_got() does else for each of them. */
static inline void
row_end(struct client *c, const struct row *r)
{
	if (r->messages == 0)
		return;
	journal_took(&c->link->journal, r->at, r->messages);
	c->netd->metrics.frames_up += r->messages;
	c->netd->metrics.messages_in += r->messages;
	c->heard = true;
	c->since_us = c->bytes_us;
}

#endif
