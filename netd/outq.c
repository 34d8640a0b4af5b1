/*
 * outq.c - bytes on their way to one client.
 *
 * A slice is shared by every queue it is on (a broadcast is stored once) and
 * never changes after the first outq_add(). Never blocks, never closes: what
 * to do about a long queue is client.c's business.
 */
#include "netd/netd.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct slice *
slice_new(size_t len)
{
	struct slice *s = malloc(sizeof(*s) + len);

	if (s == NULL)
		return NULL;
	s->refs = 1;
	s->len = (uint32_t)len;
	s->arena = false;
	return s;
}

void
slice_drop(struct slice *s)
{
	assert(s->refs > 0);
	if (--s->refs == 0)
		free(s);
}

/* Most turns speak to fewer. */
#define SPARE_MAX 1024

static inline struct seg *
seg_new(struct segs *spare)
{
	struct seg *g = spare->first;

	if (g == NULL)
		return malloc(sizeof(*g));
	spare->first = g->next;
	spare->n--;
	return g;
}

static inline void
seg_free(struct seg *g, struct segs *spare)
{
	if (spare->n == SPARE_MAX) {
		free(g);
		return;
	}
	g->next = spare->first;
	spare->first = g;
	spare->n++;
}

void
segs_release(struct segs *spare)
{
	while (spare->n)
		free(seg_new(spare));
}

/* A seg that was made, behind prev or at the head. NULL: it was not made. */
static inline struct seg *
add(struct outq *q, struct seg *prev, struct seg *g, struct slice *s,
    size_t off, size_t len)
{
	if (g == NULL)
		return NULL;
	*g = (struct seg){ .next = prev ? prev->next : q->head,
		.slice = s,
		.off = (uint32_t)off,
		.len = (uint32_t)len,
		.class = IPC_RELIABLE };
	s->refs++;
	if (prev)
		prev->next = g;
	else
		q->head = g;
	if (q->tail == prev)
		q->tail = g;
	q->bytes += len;
	return g;
}

bool
outq_add(struct outq *q, struct segs *spare, struct slice *s, size_t off,
    size_t len, uint8_t class, uint16_t key)
{
	struct seg *g = q->tail;

	/* Messages of one turn to one client lie side by side: one piece. */
	if (g && g->slice == s && g->class == IPC_RELIABLE && !g->whole &&
	    class == IPC_RELIABLE && g->off + g->len == off) {
		g->len += (uint32_t)len;
		q->bytes += len;
		return true;
	}
	g = add(q, q->tail, seg_new(spare), s, off, len);
	if (g == NULL)
		return false;
	g->key = key;
	g->class = class;
	return true;
}

bool
outq_add_whole(struct outq *q, struct slice *s, size_t off, size_t len,
    uint8_t class, uint16_t key)
{
	struct seg *g = add(q, q->tail, malloc(sizeof(*g)), s, off, len);

	if (g == NULL)
		return false;
	g->key = key;
	g->class = class;
	g->whole = (uint32_t)len;
	return true;
}

bool
outq_add_first(struct outq *q, struct slice *s, size_t off, size_t len)
{
	struct seg *g = q->head && q->head->begun ? q->head : NULL;

	/* Behind those that overtook before: they keep their order. */
	while (g ? g->next && !g->next->whole : q->head && !q->head->whole)
		g = g ? g->next : q->head;
	return add(q, g, malloc(sizeof(*g)), s, off, len) != NULL;
}

const uint8_t *
outq_gather(const struct outq *q, uint8_t *scratch, size_t size, size_t *n)
{
	const struct seg *g = q->head;
	size_t used = 0;

	/* One plain send() of a copy beats writev() of many small pieces. */
	for (; g && used + g->len <= size; g = g->next) {
		memcpy(scratch + used, g->slice->bytes + g->off, g->len);
		used += g->len;
	}
	*n = used;
	return q->head ? scratch : NULL;
}

static inline void
unlink_seg(struct outq *q, struct seg *prev, struct seg *g)
{
	if (prev)
		prev->next = g->next;
	else
		q->head = g->next;
	if (q->tail == g)
		q->tail = prev;
	q->bytes -= g->len;
	slice_drop(g->slice);
}

static void
give_up(struct outq *q, struct seg *prev, struct seg *g)
{
	unlink_seg(q, prev, g);
	free(g);
}

/* The head is sent: it waits in kept until the peer says it has it. */
static void
keep_head(struct outq *q, struct outq *kept)
{
	struct seg *g = q->head;

	q->head = g->next;
	if (q->tail == g)
		q->tail = NULL;
	q->bytes -= g->len;
	g->next = NULL;
	g->off = g->off + g->len - g->whole;
	g->len = g->whole;
	g->begun = false;
	g->class = IPC_RELIABLE;
	if (kept->tail)
		kept->tail->next = g;
	else
		kept->head = g;
	kept->tail = g;
	kept->bytes += g->len;
}

size_t
outq_sent(struct outq *q, struct segs *spare, size_t n, struct outq *kept)
{
	size_t whole = 0;

	while (n) {
		struct seg *g = q->head;

		if (n < g->len) {
			g->off += (uint32_t)n;
			g->len -= (uint32_t)n;
			g->begun = true;
			q->bytes -= n;
			return whole;
		}
		n -= g->len;
		if (g->whole && kept) {
			keep_head(q, kept);
			whole++;
		} else {
			unlink_seg(q, NULL, g);
			seg_free(g, spare);
		}
	}
	return whole;
}

ssize_t
outq_unsend(struct outq *q)
{
	size_t before = q->bytes;
	struct seg *prev = NULL;

	for (struct seg *g = q->head, *next; g; g = next) {
		next = g->next;
		if (!g->whole) {
			give_up(q, prev, g);
			continue;
		}
		q->bytes += g->whole - g->len;
		g->off = g->off + g->len - g->whole;
		g->len = g->whole;
		g->begun = false;
		prev = g;
	}
	return (ssize_t)before - (ssize_t)q->bytes;
}

void
outq_forget(struct outq *q, size_t n)
{
	while (n-- && q->head)
		give_up(q, NULL, q->head);
}

void
outq_prepend(struct outq *q, struct outq *first)
{
	if (first->head == NULL)
		return;
	first->tail->next = q->head;
	if (q->tail == NULL)
		q->tail = first->tail;
	q->head = first->head;
	q->bytes += first->bytes;
	*first = (struct outq){ 0 };
}

static size_t
drop_first(struct outq *q, uint8_t class, uint16_t key)
{
	struct seg *prev = NULL;

	for (struct seg *g = q->head; g; prev = g, g = g->next) {
		size_t len = g->len;

		if (g->class != class || g->key != key || g->begun)
			continue;
		give_up(q, prev, g);
		return len;
	}
	return 0;
}

size_t
outq_replace(struct outq *q, uint16_t key)
{
	return drop_first(q, IPC_LATEST, key);
}

size_t
outq_drop_oldest(struct outq *q, uint8_t class)
{
	return drop_first(q, class, 0);
}

bool
outq_settle(struct outq *q)
{
	for (struct seg *g = q->head; g; g = g->next) {
		struct slice *own;

		if (!g->slice->arena)
			continue;
		own = slice_new(g->len);
		if (own == NULL)
			return false;
		memcpy(own->bytes, g->slice->bytes + g->off, g->len);
		slice_drop(g->slice);
		g->slice = own;
		g->off = 0;
	}
	return true;
}

void
outq_cut(struct outq *q)
{
	struct seg *begun = q->head && q->head->begun ? q->head : NULL;

	while (begun ? begun->next : q->head)
		give_up(q, begun, begun ? begun->next : q->head);
}

void
outq_clear(struct outq *q)
{
	while (q->head)
		give_up(q, NULL, q->head);
}
