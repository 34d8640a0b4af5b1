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

bool
outq_add(struct outq *q, struct slice *s, size_t off, size_t len, uint8_t class,
    uint16_t key)
{
	struct seg *g = q->tail;

	/* Messages of one turn to one client lie side by side: one piece. */
	if (g && g->slice == s && g->class == IPC_RELIABLE &&
	    class == IPC_RELIABLE && g->off + g->len == off) {
		g->len += (uint32_t)len;
		q->bytes += len;
		return true;
	}
	g = malloc(sizeof(*g));
	if (g == NULL)
		return false;
	*g = (struct seg){ .slice = s,
		.off = (uint32_t)off,
		.len = (uint32_t)len,
		.key = key,
		.class = class };
	s->refs++;
	if (q->tail)
		q->tail->next = g;
	else
		q->head = g;
	q->tail = g;
	q->bytes += len;
	return true;
}

const uint8_t *
outq_peek(const struct outq *q, uint8_t *scratch, size_t size, size_t *n)
{
	const struct seg *g = q->head;
	size_t used = 0;

	*n = 0;
	if (g == NULL)
		return NULL;
	if (g->next == NULL || g->len >= size / 2) {
		*n = g->len;
		return g->slice->bytes + g->off;
	}
	/* One plain send() of a copy beats writev() of many small pieces. */
	for (; g && used + g->len <= size; g = g->next) {
		memcpy(scratch + used, g->slice->bytes + g->off, g->len);
		used += g->len;
	}
	*n = used;
	return scratch;
}

static void
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
	free(g);
}

void
outq_sent(struct outq *q, size_t n)
{
	while (n) {
		struct seg *g = q->head;

		if (n < g->len) {
			g->off += (uint32_t)n;
			g->len -= (uint32_t)n;
			g->begun = true;
			q->bytes -= n;
			return;
		}
		n -= g->len;
		unlink_seg(q, NULL, g);
	}
}

static size_t
drop_first(struct outq *q, uint8_t class, uint16_t key)
{
	struct seg *prev = NULL;

	for (struct seg *g = q->head; g; prev = g, g = g->next) {
		size_t len = g->len;

		if (g->class != class || g->key != key || g->begun)
			continue;
		unlink_seg(q, prev, g);
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
		unlink_seg(q, begun, begun ? begun->next : q->head);
}

void
outq_clear(struct outq *q)
{
	while (q->head)
		unlink_seg(q, NULL, q->head);
}
