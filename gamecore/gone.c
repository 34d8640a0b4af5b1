/*
 * gone.c - what was deleted from a state lately.
 *
 * netd knows who has heard of a delete; if it dies that is forgotten, and a
 * player who noticed nothing of its death would keep what is no more. So the
 * next netd is told what was deleted in the last seconds, with what it was.
 */
#include "gamecore/stores.h"

#include <stdlib.h>
#include <string.h>

/* Who was not told within this time is gone itself; netd's BEFORE_US. */
#define GONE_US 15000000
#define GONE_MAX 4096
#define GONE_BYTES (256u << 10)

struct gone {
	struct gone *newer;
	int64_t at_us;
	size_t bytes;
	struct ipc_value *what; /* a map, with what it was in its place */
};

static void
drop_oldest(struct gc_state *st)
{
	struct gone *g = st->gone_oldest;

	st->gone_oldest = g->newer;
	if (g->newer == NULL)
		st->gone_newest = NULL;
	st->n_gone--;
	st->gone_bytes -= g->bytes;
	ipc_value_free(g->what);
	free(g);
}

static void
drop_old(struct gc_state *st)
{
	while (st->gone_oldest &&
	       (st->n_gone > GONE_MAX || st->gone_bytes > GONE_BYTES ||
		   st->net->now_us - st->gone_oldest->at_us > GONE_US))
		drop_oldest(st);
}

/* Without memory it is only not remembered. */
static void
remember(struct gc_state *st, const struct ipc_path *path,
    const struct ipc_value *was)
{
	struct gone *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return;
	g->what = ipc_value_map();
	if (g->what == NULL ||
	    ipc_value_put(g->what, path, ipc_value_copy(was)) < 0) {
		ipc_value_free(g->what);
		free(g);
		return;
	}
	g->at_us = st->net->now_us;
	g->bytes = ipc_value_packed(g->what);
	*(st->gone_newest ? &st->gone_newest->newer : &st->gone_oldest) = g;
	st->gone_newest = g;
	st->n_gone++;
	st->gone_bytes += g->bytes;
	drop_old(st);
}

/* Nobody dies but under the launcher. */
static bool
wanted(const struct gc_state *st)
{
	return respawn_able(st->net);
}

static bool
is_map(const struct ipc_value *v)
{
	return ipc_value_type(v) == IPC_V_MAP;
}

/* was becomes is; of two maps what is not in the other is lost. */
static void
compare(struct gc_state *st, struct ipc_path *path, const struct ipc_value *was,
    const struct ipc_value *is)
{
	if (!is_map(was) || !is_map(is) || path->n == IPC_PATH_MAX)
		return;
	for (size_t i = 0; i < ipc_value_size(was); i++) {
		const struct ipc_value *one = ipc_value_at(was, i);
		struct ipc_key key = ipc_value_key(was, i);
		const struct ipc_value *other = ipc_value_get(is, key);

		path->keys[path->n++] = key;
		if (other == NULL)
			remember(st, path, one);
		else
			compare(st, path, one, other);
		path->n--;
	}
}

static void
compare_merge(struct gc_state *st, struct ipc_path *path,
    const struct ipc_value *was, const struct ipc_value *merged)
{
	if (!is_map(was) || !is_map(merged) || path->n == IPC_PATH_MAX)
		return;
	for (size_t i = 0; i < ipc_value_size(merged); i++) {
		const struct ipc_value *one = ipc_value_at(merged, i);
		struct ipc_key key = ipc_value_key(merged, i);
		const struct ipc_value *there = ipc_value_get(was, key);
		const char *text;
		size_t len;

		if (there == NULL)
			continue;
		text = ipc_value_text(one, &len);
		path->keys[path->n++] = key;
		if (ipc_value_type(one) == IPC_V_BYTES &&
		    len == GC_DELETED_LEN &&
		    memcmp(text, GC_DELETED, GC_DELETED_LEN) == 0)
			remember(st, path, there);
		else
			compare_merge(st, path, there, one);
		path->n--;
	}
}

void
gone_note(
    struct gc_state *st, const struct ipc_path *path, const struct ipc_value *v)
{
	const struct ipc_value *was = ipc_value_find(st->value, path);
	struct ipc_path at = *path;

	if (!wanted(st) || was == NULL)
		return;
	if (v)
		compare(st, &at, was, v);
	else
		remember(st, path, was);
}

void
gone_note_merge(
    struct gc_state *st, const struct ipc_path *path, const struct ipc_value *v)
{
	struct ipc_path at = *path;

	if (wanted(st))
		compare_merge(st, &at, ipc_value_find(st->value, path), v);
}

int
gone_put(struct gc_state *st)
{
	struct gc_net *net = st->net;
	struct ipc_value *all = ipc_value_map();
	size_t room = net->frame_max - IPC_FRAME_HEAD - 64;
	int e = all ? 0 : IPC_ERR_NO_MEMORY;

	drop_old(st);
	while (st->gone_bytes > room)
		drop_oldest(st);
	/* What was there last is what somebody has, or was told of. */
	for (struct gone *g = st->gone_oldest; g && e == 0; g = g->newer)
		e = ipc_value_merge(all, g->what, NULL);
	e = e ? net_fail(net, GC_ENO_MEMORY, "out of memory")
	      : put_value(net, IPC_STATE_GONE, 0, st->number, all);
	ipc_value_free(all);
	return e;
}

void
gone_release(struct gc_state *st)
{
	while (st->gone_oldest)
		drop_oldest(st);
}
