/*
 * journal.c - frames on their way to the game, and those that may have to be
 * sent again.
 *
 * A frame lies whole inside one chunk, and a chunk is about one slice, so one
 * write() sends what one turn gathered and stays inside the L2 cache. What
 * was sent is kept only when somebody can rewind to it; then the pipe may have
 * the very pages it lies in.
 */
#include "netd/netd.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- memory ---------------------------------------------------------------
 */

/* What a chunk of one slice takes of the machine. */
#define PAGES (((sizeof(struct chunk) + IPC_SLICE - 1) / 4096 + 1) * 4096)
/* What a turn lays down comes back about when the next one begins. */
#define SPARES_MAX 8

static struct chunk *
chunk_alloc(struct journal_pool *pool, size_t size)
{
	struct chunk *c;

	if (size > IPC_SLICE || pool == NULL) {
		if (size < IPC_SLICE)
			size = IPC_SLICE;
		c = malloc(sizeof(*c) + size);
		if (c)
			*c = (struct chunk){ .size = size };
		return c;
	}
	c = pool->spares;
	if (c) {
		pool->spares = c->next;
		pool->n--;
	} else {
		c = mmap(NULL, PAGES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (c == MAP_FAILED)
			return NULL;
	}
	*c = (struct chunk){ .size = IPC_SLICE, .pool = pool };
	return c;
}

void
journal_give_back(void *chunk)
{
	struct chunk *c = chunk;
	struct journal_pool *pool = c->pool;

	if (--c->refs)
		return;
	if (pool == NULL) {
		free(c);
	} else if (c->once || pool->n == SPARES_MAX) {
		munmap(c, PAGES); /* a pipe keeps what it was lent of it */
	} else {
		c->next = pool->spares;
		pool->spares = c;
		pool->n++;
	}
}

void
journal_pool_release(struct journal_pool *pool)
{
	while (pool->spares) {
		struct chunk *c = pool->spares;

		pool->spares = c->next;
		munmap(c, PAGES);
	}
	pool->n = 0;
}

size_t
journal_weight(const struct chunk *c)
{
	return c->pool ? PAGES : sizeof(*c) + c->size;
}

static struct chunk *
chunk_new(struct journal *j, size_t need)
{
	struct chunk *c = chunk_alloc(j->pool, need);

	if (c == NULL)
		return NULL;
	c->refs = 1;
	c->first = j->position + 1;
	if (j->tail)
		j->tail->next = c;
	else
		j->head = c;
	j->tail = c;
	if (j->at == NULL) {
		j->at = c;
		j->at_off = 0;
	}
	return c;
}

/* ---- frames -----------------------------------------------------------------
 */

bool
journal_make_room(struct journal *j, size_t size)
{
	struct chunk *c = j->tail;

	if (c == NULL || c->size - c->len < size)
		c = chunk_new(j, size);
	if (c == NULL)
		return false;
	if (j->fresh == NULL) {
		j->fresh = c;
		j->fresh_off = c->len;
	}
	return true;
}

/* The length of the frame that starts at p. */
static size_t
frame_at(const uint8_t *p)
{
	uint32_t whole;

	memcpy(&whole, p + 4, 4);
	return whole;
}

const uint8_t *
journal_next(const struct journal *j, uint64_t until, size_t *n)
{
	const struct chunk *c = j->at;
	size_t off = j->at_off, end;
	uint64_t position = j->sent;

	if (c && off == c->len && c->next) {
		c = c->next;
		off = 0;
	}
	if (c == NULL || off == c->len)
		return NULL;
	*n = c->len - off;
	if (until >= j->position)
		return c->bytes + off;
	/* Only the whole frames up to that one, and what is begun. */
	end = off + j->frame_left;
	position += j->frame_left > 0;
	while (position < until && end < c->len) {
		end += frame_at(c->bytes + end);
		position++;
	}
	*n = end - off;
	return *n ? c->bytes + off : NULL;
}

bool
journal_lends(const struct journal *j)
{
	const struct chunk *c = j->at;

	if (c && j->at_off == c->len && c->next)
		c = c->next;
	return j->keep && c && c->pool;
}

/* Count the frames whose last byte is among the next n. */
static void
count_sent(struct journal *j, size_t n)
{
	const struct chunk *c = j->at;
	size_t off = j->at_off;

	while (n) {
		size_t step;

		if (j->frame_left == 0)
			j->frame_left = frame_at(c->bytes + off);
		step = n < j->frame_left ? n : j->frame_left;
		j->frame_left -= step;
		off += step;
		n -= step;
		j->sent += j->frame_left == 0;
	}
}

void
journal_sent(struct journal *j, size_t n)
{
	if (j->at_off == j->at->len) {
		j->at = j->at->next;
		j->at_off = 0;
	}
	if (j->frame_left == 0 && n == j->at->len - j->at_off)
		/* All that is there: nobody needs to look at each. */
		j->sent = j->at->next ? j->at->next->first - 1 : j->position;
	else
		count_sent(j, n);
	j->at_off += n;
	j->unsent -= n;
	j->kept += n;
	assert(j->at_off <= j->at->len);
	if (j->keep)
		return;
	/* Nobody rewinds: free what is sent, begin again in the same bytes. */
	while (j->head != j->at) {
		struct chunk *c = j->head;

		j->head = c->next;
		j->kept -= c->len;
		journal_give_back(c);
	}
	if (j->at == j->tail && j->at_off == j->at->len) {
		j->kept = 0;
		j->at_off = j->at->len = 0;
		j->at->first = j->position + 1;
	}
}

/* The chunk and offset behind frame number position. False: forgotten. */
static bool
seek(const struct journal *j, uint64_t position, struct chunk **chunk,
    size_t *off)
{
	struct chunk *c = j->head;
	uint64_t at;

	if (c == NULL || c->first > position + 1 || position > j->position)
		return false;
	while (c->next && c->next->first <= position + 1)
		c = c->next;
	*off = 0;
	for (at = c->first; at <= position && *off < c->len; at++)
		*off += frame_at(c->bytes + *off);
	*chunk = c;
	return true;
}

struct ipc_frame *
journal_find(const struct journal *j, uint64_t position, struct ipc_frame *f)
{
	struct chunk *c;
	size_t off, want;
	const char *why;

	if (position == 0 || position > j->position ||
	    !seek(j, position - 1, &c, &off) || off == c->len)
		return NULL;
	if (ipc_frame_decode(c->bytes + off, c->len - off, c->size, f, &want,
		&why) != IPC_FRAME)
		return NULL;
	return f;
}

bool
journal_walk(const struct journal *j, struct walk *w, struct ipc_frame *f)
{
	size_t want;
	const char *why;

	/* What is not kept any more is passed over. */
	if (w->chunk == NULL && j->head && w->position + 1 < j->head->first)
		w->position = j->head->first - 1;
	if (w->chunk == NULL && !seek(j, w->position, &w->chunk, &w->off))
		return false;
	if (w->off == w->chunk->len && w->chunk->next) {
		w->chunk = w->chunk->next;
		w->off = 0;
	}
	if (w->off == w->chunk->len ||
	    ipc_frame_decode(w->chunk->bytes + w->off, w->chunk->len - w->off,
		w->chunk->size, f, &want, &why) != IPC_FRAME)
		return false;
	w->off += ipc_frame_size(f->len);
	w->position++;
	return true;
}

/* A chunk of the journal's alone: what was recorded stays as it was. False: no
 * memory. */
static bool
own(struct journal *j, struct chunk **chunk)
{
	struct chunk *was = *chunk, *c, **p = &j->head;

	if (was->refs == 1)
		return true;
	c = malloc(sizeof(*c) + was->size);
	if (c == NULL)
		return false;
	memcpy(c, was, sizeof(*c) + was->len);
	c->refs = 1;
	c->pool = NULL;
	while (*p != was)
		p = &(*p)->next;
	*p = c;
	if (j->tail == was)
		j->tail = c;
	if (j->at == was)
		j->at = c;
	if (j->fresh == was)
		j->fresh = c;
	journal_give_back(was);
	*chunk = c;
	return true;
}

void
journal_replace(struct journal *j, uint64_t position, struct ipc_frame *with)
{
	struct chunk *c;
	size_t off;
	uint8_t *bytes;
	uint32_t len;

	if (!seek(j, position - 1, &c, &off) || off == c->len)
		return;
	own(j, &c); /* or the recording has it wrong, and the game is right */
	bytes = c->bytes + off + IPC_FRAME_HEAD;
	len = (uint32_t)frame_at(c->bytes + off) - IPC_FRAME_HEAD;
	/* Of the same length, so that nothing behind it moves. */
	memset(bytes, ' ', len);
	if (with->len)
		memcpy(bytes, with->bytes, with->len < len ? with->len : len);
	with->bytes = bytes;
	with->len = len;
	ipc_frame_head(c->bytes + off, with);
}

void
journal_forget(struct journal *j, uint64_t position)
{
	while (j->head && j->head != j->at && j->head->next &&
	       j->head->next->first <= position + 1) {
		struct chunk *c = j->head;

		j->head = c->next;
		j->kept -= c->len;
		journal_give_back(c);
	}
}

bool
journal_rewind(struct journal *j, uint64_t position)
{
	struct chunk *c;
	size_t off;

	if (!seek(j, position, &c, &off))
		return false;
	j->at = c;
	j->at_off = off;
	j->sent = position;
	j->frame_left = 0;
	j->unsent = c->len - off;
	for (struct chunk *k = c->next; k; k = k->next)
		j->unsent += k->len;
	j->kept = off;
	for (struct chunk *k = j->head; k != c; k = k->next)
		j->kept += k->len;
	return true;
}

void
journal_clear(struct journal *j)
{
	while (j->head) {
		struct chunk *c = j->head;

		j->head = c->next;
		c->once = true;
		journal_give_back(c);
	}
	j->tail = j->at = j->fresh = NULL;
	j->at_off = j->unsent = j->kept = j->frame_left = 0;
	j->position = j->sent = j->recorded = 0;
}
