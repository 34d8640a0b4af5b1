/*
 * lend.c - where the game's words lie: storage that a pipe can be lent.
 *
 * For write() the kernel makes, charges and frees a page for each 4 KiB, which
 * costs more than both copies of them. So much at once is lent instead: the
 * pipe holds the pages that the frames were laid into, and nothing is laid
 * there again before netd has read them. How far it has read is what was put
 * into the pipe less what still lies there (netd copies; one that spliced the
 * pages on would see them change).
 *
 * Whatever becomes of the process meanwhile, the pipe keeps what it was lent:
 * pages of the dead, pages that were unmapped, and after a fork() whoever
 * writes into one first gets a copy. stream.c does the lending.
 */
#include "gamecore/core.h"

#include <assert.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* Whole pages, and nothing that gathers is ever larger: what is too big for
 * the rest of OUT_GATHER comes alone, but for a typed message, whose size
 * shows when it lies there. */
#define CHUNK (OUT_GATHER + IPC_IMAGE_MAX)

static_assert(CHUNK % 4096 == 0, "whole pages");

/* Into this one goes what the game says next. */
static void
lay_into(struct gc_net *net, struct lend_chunk *c)
{
	net->lend.at = c;
	net->out.data = c->bytes;
	net->out.size = net->out.max = CHUNK;
	net->out.len = 0;
}

static struct lend_chunk *
unlent(struct lend *l)
{
	for (unsigned i = 0; i < l->n; i++)
		if (&l->chunks[i] != l->at && l->chunks[i].end <= l->read)
			return &l->chunks[i];
	return NULL;
}

static struct lend_chunk *
another(struct lend *l)
{
	struct lend_chunk *c = &l->chunks[l->n];
	void *bytes;

	if (l->n == LEND_CHUNKS)
		return NULL;
	bytes = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED)
		return NULL;
	*c = (struct lend_chunk){ .bytes = bytes };
	l->n++;
	return c;
}

/* Ask the pipe; somebody else's bytes in it only make us think less is read. */
static void
look(struct gc_net *net)
{
	struct lend *l = &net->lend;
	int left;

	if (ioctl(net->down, FIONREAD, &left) == 0 && left >= 0 &&
	    (uint64_t)left <= l->written)
		l->read = l->written - (uint64_t)left;
}

void
lend_ready(struct gc_net *net)
{
	struct lend_chunk *c = net->out.data ? NULL : another(&net->lend);

	/* Without one it is storage like any other, which is never lent. */
	if (c)
		lay_into(net, c);
}

bool
lend_can(struct gc_net *net)
{
	struct lend *l = &net->lend;

	if (net->out.len < LEND_MIN || l->at == NULL || l->is_large || l->off)
		return false;
	l->next = unlent(l);
	if (l->next == NULL) {
		look(net);
		l->next = unlent(l);
	}
	if (l->next == NULL)
		l->next = another(l);
	return l->next;
}

void
lend_done(struct gc_net *net)
{
	net->lend.at->end = net->lend.written;
	lay_into(net, net->lend.next);
}

void
lend_large(struct gc_net *net, bool large)
{
	struct ipc_buf out = net->out;

	if (net->lend.at == NULL || net->lend.is_large == large)
		return;
	assert(out.len == 0);
	net->lend.is_large = large;
	net->out = net->lend.other;
	net->lend.other = out;
}

/* Its pages are dropped and not written into again, so that the other pipe
 * may be read by whoever still does; fresh ones come as they are needed. */
void
lend_restart(struct gc_net *net)
{
	struct lend *l = &net->lend;

	lend_large(net, false);
	for (unsigned i = 0; i < l->n; i++) {
		struct lend_chunk *c = &l->chunks[i];

		c->end = 0;
		if (madvise(c->bytes, CHUNK, MADV_DONTNEED) < 0 && c != l->at)
			c->end = UINT64_MAX;
	}
	l->written = l->read = 0;
	l->off = false;
}

void
lend_release(struct gc_net *net)
{
	struct lend *l = &net->lend;

	lend_large(net, false);
	if (l->at)
		net->out.data = NULL;
	for (unsigned i = 0; i < l->n; i++)
		munmap(l->chunks[i].bytes, CHUNK);
	ipc_buf_release(&l->other);
	ipc_buf_release(&net->out);
	*l = (struct lend){ 0 };
}
