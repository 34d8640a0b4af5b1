/*
 * journal.h - frames on their way to the game, and what recovery may need
 * again.
 *
 * The queue to the game and the memory of it are the same bytes.
 */
#ifndef NETD_JOURNAL_H
#define NETD_JOURNAL_H

#include "ipc/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Frames from this on are worth a thought about caches, of which a part like
 * the other is warmed. */
#define JOURNAL_LONG 256
#define JOURNAL_WARM 4096

/*
 * Memory that never holds anything but frames up: a pipe that was lent a page
 * of it has it as long as the game likes. All zero, it is empty; it outlives
 * every journal that takes from it, and every record of their bytes.
 */
struct journal_pool {
	struct chunk *spares;
	unsigned n;
};

/* Frames lie whole in chunks; one write() sends what is left of one. */
struct chunk {
	struct chunk *next;
	uint64_t first; /* position of its first frame */
	size_t size, len;
	uint32_t refs; /* the journal's, and one for each record of its bytes */
	bool once; /* somebody may still read it in a pipe: not used again */
	struct journal_pool *pool; /* or NULL: malloc()'s */
	uint8_t bytes[];
};

/*
 * What went up: kept from the oldest frame that may be needed again to the
 * newest, with a cursor for what the pipe has taken. Positions count frames
 * from 1.
 */
struct journal {
	struct journal_pool *pool; /* or NULL: nothing of it can be lent */
	struct chunk *head, *tail;
	struct chunk *at;  /* the chunk that is being sent */
	size_t at_off;     /* sent of it */
	uint64_t position; /* of the newest frame */
	uint64_t sent;     /* frames that the pipe has taken whole */
	size_t frame_left; /* bytes of a frame that it has taken in part */
	size_t unsent;     /* bytes */
	size_t kept;       /* bytes in memory before the cursor */
	bool keep;         /* keep what was sent, until journal_forget() */
	/* The oldest frame that record_up() has not seen; NULL: there is none.
	 * It looks before anything of it is sent. */
	struct chunk *fresh;
	size_t fresh_off;
	uint64_t recorded; /* the newest frame that it has seen */
};

/* Room for a frame of size bytes at the tail's end. False: no memory. */
bool journal_make_room(struct journal *j, size_t size);
static inline bool
journal_has_room(const struct journal *j, size_t size)
{
	const struct chunk *c = j->tail;

	return c && j->fresh && c->size - c->len >= size;
}
/* What is kept for long is out of the caches when its turn comes again: the
 * lines at to for a next frame like this one, of size bytes, are asked for
 * while this one is made. */
static inline void
journal_warm(const uint8_t *to, const uint8_t *end, size_t size)
{
	size_t most = (size_t)(end - to);

	if (size < JOURNAL_LONG)
		return;
	if (most > JOURNAL_WARM)
		most = JOURNAL_WARM;
	for (size_t i = 0; i < size && i < most; i += 64)
		__builtin_prefetch(to + i, 1);
}
/* Frames were laid down behind each other from the tail's end to here. */
static inline void
journal_took(struct journal *j, const uint8_t *end, size_t frames)
{
	struct chunk *c = j->tail;
	size_t len = (size_t)(end - c->bytes);

	j->unsent += len - c->len;
	c->len = len;
	j->position += frames;
}
/* Lay down a frame. False: no memory. */
static inline bool
journal_add(struct journal *j, const struct ipc_frame *f)
{
	size_t size = ipc_frame_size(f->len);
	uint8_t *to;

	if (!journal_has_room(j, size) && !journal_make_room(j, size))
		return false;
	to = j->tail->bytes + j->tail->len;
	journal_warm(to + size, j->tail->bytes + j->tail->size, size);
	ipc_frame_lay(to, f);
	journal_took(j, to + size, 1);
	return true;
}
/* What to write next, up to the end of frame number until: *n bytes, NULL if
 * nothing. */
const uint8_t *journal_next(const struct journal *j, uint64_t until, size_t *n);
void journal_sent(struct journal *j, size_t n);
/*
 * May a pipe be lent what is next, so that the game copies it from here? Only
 * what stays as it is until the game has it: that is kept until it says so.
 */
bool journal_lends(const struct journal *j);
/* Frames up to and with this position are not needed again. */
void journal_forget(struct journal *j, uint64_t position);
/* Send again from behind this position on. False: it is forgotten. */
bool journal_rewind(struct journal *j, uint64_t position);
/* Frame number position, a view; NULL if it is not kept. */
struct ipc_frame *
journal_find(const struct journal *j, uint64_t position, struct ipc_frame *f);
/* A place between two frames; begins behind the frame at position. */
struct walk {
	uint64_t position;
	struct chunk *chunk;
	size_t off;
};
/* The next frame that is kept, a view; false at the end. */
bool journal_walk(const struct journal *j, struct walk *w, struct ipc_frame *f);
/* Put another frame in its place; its bytes, padded with blanks or cut to fit,
 * become a view of what is there. */
void
journal_replace(struct journal *j, uint64_t position, struct ipc_frame *with);
void journal_clear(struct journal *j);
/* A record of a chunk's bytes is no more. */
void journal_give_back(void *chunk);
/* What it takes of memory. */
size_t journal_weight(const struct chunk *c);
void journal_pool_release(struct journal_pool *pool);

#endif
