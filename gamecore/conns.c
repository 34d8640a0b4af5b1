/*
 * conns.c - which connections the game knows, and what it tied to them.
 *
 * Open addressing with a multiplied hash: netd counts connections up, and
 * neighbours then never share a slot. Removal shifts back, so there are no
 * graves and a game that runs for a year probes as little as a fresh one.
 */
#include "gamecore/core.h"

#include <assert.h>
#include <stdlib.h>

static struct conn *
put(struct conns *c, struct conn what)
{
	size_t i = conns_home(c, what.id);

	while (c->slots[i].id)
		i = (i + 1) & (c->size - 1);
	c->slots[i] = what;
	c->used++;
	return &c->slots[i];
}

static bool
grow(struct conns *c)
{
	/* Small ones in large steps: what they leave behind is no good for the
	 * next. */
	size_t times = c->size < 4096 ? 4 : 2;
	struct conns bigger = { .size = c->size ? c->size * times : 64,
		.files = c->files };

	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (bigger.slots == NULL)
		return false;
	for (size_t i = 0; i < c->size; i++)
		if (c->slots[i].id)
			put(&bigger, c->slots[i]);
	free(c->slots);
	*c = bigger;
	return true;
}

struct conn *
conns_add(struct conns *c, uint64_t id, struct gc_conn *file)
{
	assert(id != 0);
	if (c->used * 4 >= c->size * 3 && !grow(c))
		return NULL;
	c->files += file != NULL;
	return put(c, (struct conn){ .id = id,
			  .file = file,
			  .is_file = file != NULL,
			  .able = IPC_ABLE_UTF8,
			  .wrap = -1 });
}

void
conns_remove(struct conns *c, uint64_t id)
{
	struct conn *found = conns_find(c, id);
	size_t hole, i, mask = c->size - 1;

	if (found == NULL)
		return;
	c->files -= found->is_file;
	c->used--;
	c->last = NULL;
	hole = i = (size_t)(found - c->slots);
	for (;;) {
		i = (i + 1) & mask;
		if (c->slots[i].id == 0)
			break;
		/* May it move back into the hole without passing its home? */
		if (((i - conns_home(c, c->slots[i].id)) & mask) <
		    ((i - hole) & mask))
			continue;
		c->slots[hole] = c->slots[i];
		hole = i;
	}
	c->slots[hole] = (struct conn){ 0 };
}

void
conns_release(struct conns *c)
{
	free(c->slots);
	*c = (struct conns){ 0 };
}

void *
conn_bound(const struct conn *c)
{
	return c->is_file ? file_bound(c->file) : c->bound;
}

/* ---- what the game sees of it ------------------------------------------- */

int
gc_bind(struct gc_net *net, uint64_t conn, void *thing)
{
	struct conn *c = conns_find(&net->conns, conn);

	if (c == NULL)
		return GC_ECLOSED;
	if (c->is_file)
		return file_bind(c->file, thing) ? 0 : GC_ECLOSED;
	c->bound = thing;
	return 0;
}

void *
gc_bound(const struct gc_net *net, uint64_t conn)
{
	struct conn *c = conns_find(&net->conns, conn);

	return c ? conn_bound(c) : NULL;
}

size_t
gc_conns(const struct gc_net *net)
{
	return net->conns.used - net->conns.files;
}

uint64_t
gc_next_conn(const struct gc_net *net, uint64_t after)
{
	const struct conns *c = &net->conns;
	size_t i = 0;

	if (after) {
		const struct conn *at = conns_find(c, after);

		if (at == NULL)
			return 0;
		i = (size_t)(at - c->slots) + 1;
	}
	for (; i < c->size; i++)
		if (c->slots[i].id && !c->slots[i].is_file)
			return c->slots[i].id;
	return 0;
}
