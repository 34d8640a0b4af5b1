/*
 * state.c - the game's stores in netd: what its frames do to them, and how they
 * pass from one game to the next.
 *
 * Next: state_watch.c for who watches them, store.c for what a store is.
 */
#include "netd/state_own.h"

#include "ipc/log.h"
#include "netd/netd.h"
#include "netd/talk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct states *
states_of(struct link *l)
{
	if (l->states == NULL)
		l->states = calloc(1, sizeof(*l->states));
	return l->states;
}

static struct held *
held_find(const struct link *l, uint64_t number)
{
	struct held *h = NULL;

	if (l->states)
		HASH_FIND(hh, l->states->held, &number, sizeof(number), h);
	return h;
}

struct view *
view_find(const struct link *l, uint64_t number)
{
	struct view *v = NULL;

	if (l->states)
		HASH_FIND(hh, l->states->views, &number, sizeof(number), v);
	return v;
}

int64_t
watch_every_us(double rate)
{
	if (!(rate > 0))
		return 0;
	return rate < 0.01 ? 100000000 : (int64_t)(1e6 / rate);
}

/* ---- the game's frames
 * ------------------------------------------------------------
 */

static struct store *
new_store(const struct link *l)
{
	const struct config *config = &l->netd->config;
	struct store_limits limits = {
		.places_max = (size_t)config->state_places,
		.bytes_max = (size_t)config->state_bytes,
		.tombs_max = (size_t)config->state_tombs,
		.tomb_us = config->state_tomb_ms * 1000,
	};

	return store_new(&limits);
}

static struct held *
held_new(struct link *l, uint64_t number)
{
	const struct config *config = &l->netd->config;
	struct states *s = states_of(l);
	struct held *h;

	if (s == NULL || HASH_COUNT(s->held) >= (unsigned)config->states_max)
		return NULL;
	h = calloc(1, sizeof(*h));
	if (h == NULL)
		return NULL;
	h->number = number;
	h->store = new_store(l);
	if (h->store == NULL) {
		free(h);
		return NULL;
	}
	HASH_ADD(hh, s->held, number, sizeof(number), h);
	return h;
}

static void
held_end(struct link *l, struct held *h)
{
	while (h->watches)
		watch_end(h->watches);
	HASH_DEL(l->states->held, h);
	store_free(h->store);
	store_free(h->before);
	free(h);
}

/* {path, x, y, cell} */
static bool
set_grid(struct held *h, const struct ipc_value *v)
{
	struct ipc_path path;
	const char *y;

	if (v == NULL)
		return true;
	y = ipc_value_text(ipc_value_gets(v, "y"), NULL);
	return ipc_path_of(ipc_value_gets(v, "path"), &path) &&
	       store_grid(h->store, &path,
		   ipc_value_text(ipc_value_gets(v, "x"), NULL), *y ? y : NULL,
		   ipc_value_as_float(ipc_value_gets(v, "cell"))) == 0;
}

static const char *
unpack(const struct ipc_frame *f, struct ipc_value **v)
{
	const char *why;

	return ipc_value_unpack(
		   f->bytes, f->len, &ipc_value_from_pipe, v, &why) < 0
		   ? why
		   : NULL;
}

const char *
state_open(struct link *l, const struct ipc_frame *f)
{
	struct held *h = held_find(l, f->id);
	struct ipc_value *v;
	const char *why = unpack(f, &v);
	bool good;

	if (why)
		return why;
	l->talks = true;
	if (h == NULL)
		h = held_new(l, f->id);
	if (h == NULL) {
		ipc_value_free(v);
		return "id: too many stores (limit states_max)";
	}
	h->automatic = ipc_value_as_bool(ipc_value_gets(v, "auto"));
	h->own_key = ipc_value_as_bool(ipc_value_gets(v, "me"));
	h->view = (uint64_t)ipc_value_as_int(ipc_value_gets(v, "view"));
	h->every_us =
	    watch_every_us(ipc_value_as_float(ipc_value_gets(v, "rate")));
	good = set_grid(h, ipc_value_gets(v, "grid"));
	ipc_value_free(v);
	if (!good)
		return "grid: {path, x, y, cell}";
	if (h->automatic && l == l->netd->link)
		for (struct client *c = l->netd->playing; c; c = c->next)
			if (c->phase == PLAYING)
				state_opened(c);
	return NULL;
}

static const char *
changed(int e)
{
	return e == 0                 ? NULL
	       : e == IPC_ERR_INVALID ? "value: a map where one is needed"
	       : e == IPC_ERR_LIMIT
		   ? "the store is full or too deep (limits state_places, "
		     "state_bytes)"
		   : "out of memory";
}

const char *
state_change(struct link *l, const struct ipc_frame *f)
{
	struct held *h = held_find(l, f->id);
	struct ipc_value *where, *v = NULL;
	int64_t now = netd_now(l->netd);
	struct ipc_path path;
	const char *why;
	size_t used;
	int e = IPC_ERR_INVALID;

	if (h == NULL)
		return "id: no such store";
	if (ipc_value_unpack_first(f->bytes, f->len, &ipc_value_from_pipe,
		&where, &used, &why) < 0)
		return why;
	if (f->kind != IPC_STATE_DELETE &&
	    ipc_value_unpack(f->bytes + used, f->len - used,
		&ipc_value_from_pipe, &v, &why) < 0) {
		ipc_value_free(where);
		return why;
	}
	if (ipc_path_of(where, &path))
		e = f->kind == IPC_STATE_SET
			? store_set(h->store, &path, v, now)
		    : f->kind == IPC_STATE_MERGE
			? store_merge(h->store, &path, v, now)
			: store_drop(h->store, &path, now);
	ipc_value_free(where);
	ipc_value_free(v);
	return changed(e);
}

const char *
state_close(struct link *l, const struct ipc_frame *f)
{
	struct held *h = held_find(l, f->id);

	if (h)
		held_end(l, h);
	return NULL;
}

/* Everybody who sees by this view sees anew. */
static void
view_changed(struct link *l, uint64_t number)
{
	struct held *h, *next;

	HASH_ITER(hh, l->states->held, h, next)
	for (struct watch *w = h->watches; w; w = w->next)
		if (w->view == number) {
			watch_view(w);
			watch_again(w);
		}
}

const char *
state_view(struct link *l, const struct ipc_frame *f)
{
	struct view *v = view_find(l, f->id);
	struct store_view *is = NULL, *was = v ? v->is : NULL;
	struct ipc_value *value;
	const char *why;

	if (f->id == 0)
		return "id: view 0 is everything";
	if (f->len) {
		why = unpack(f, &value);
		if (why)
			return why;
		is = store_view_new(value);
		ipc_value_free(value);
		if (is == NULL)
			return "value: {rules: [[bool, path], ...], radius}";
	}
	if (v == NULL && is) {
		struct states *s = states_of(l);

		v = s && HASH_COUNT(s->views) <
				(unsigned)l->netd->config.state_views
			? calloc(1, sizeof(*v))
			: NULL;
		if (v == NULL) {
			store_view_free(is);
			return "id: too many views (limit state_views)";
		}
		v->number = f->id;
		HASH_ADD(hh, s->views, number, sizeof(v->number), v);
	}
	if (v == NULL)
		return NULL;
	v->is = is;
	view_changed(l, f->id);
	store_view_free(was);
	if (is == NULL) {
		HASH_DEL(l->states->views, v);
		free(v);
	}
	return NULL;
}

struct watching {
	const struct ipc_value *v;
	struct held *held; /* NULL: watch nothing */
	const char *why;
};

static void
watch_one(struct client *c, void *arg)
{
	struct watching *to = arg;
	const struct ipc_value *view = ipc_value_gets(to->v, "view");
	const struct ipc_value *rate = ipc_value_gets(to->v, "rate");
	const struct ipc_value *me = ipc_value_gets(to->v, "me");
	const struct ipc_value *at = ipc_value_gets(to->v, "at");
	struct watch *w;

	if (c->phase != PLAYING || c->outgoing)
		return;
	if (to->held == NULL) {
		state_forget(c);
		return;
	}
	w = watch_begin(c, to->held);
	if (w == NULL) {
		client_abort(c, IPC_REASON_NO_MEMORY, "");
		return;
	}
	if (rate)
		w->every_us = watch_every_us(ipc_value_as_float(rate));
	if (view && (uint64_t)ipc_value_as_int(view) != w->view) {
		w->view = (uint64_t)ipc_value_as_int(view);
		watch_again(w);
	}
	watch_view(w);
	if (me && !watch_focus(w, me))
		to->why = "me: a str or an int";
	if (at && !watch_focus(w, at))
		to->why = "at: [x, y]";
}

const char *
state_watch(struct link *l, const struct ipc_frame *f)
{
	struct watching to = { 0 };
	struct ipc_value *v;
	const char *why = unpack(f, &v);
	uint64_t number;

	if (why)
		return why;
	to.v = v;
	number = (uint64_t)ipc_value_as_int(ipc_value_gets(v, "store"));
	to.held = held_find(l, number);
	if (number && to.held == NULL) {
		to.why = "store: no such store";
	} else if (f->flags & IPC_TO_GROUP) {
		group_each(l, f->id, 0, watch_one, &to);
	} else {
		struct client *c = client_find(l->netd, f->id);

		if (c)
			watch_one(c, &to);
	}
	ipc_value_free(v);
	return to.why;
}

const char *
state_focus(struct link *l, const struct ipc_frame *f)
{
	struct client *c = client_find(l->netd, f->id);
	struct ipc_value *v;
	const char *why = unpack(f, &v);
	bool good;

	if (why)
		return why;
	good = c == NULL || watch_of(c) == NULL || watch_focus(watch_of(c), v);
	ipc_value_free(v);
	return good ? NULL : "value: a key, or [x, y]";
}

/* ---- netd died
 * ------------------------------------------------------------------------- */

/* Put what is not there where it was. */
static int
haunt(struct ipc_value *now, const struct ipc_value *gone)
{
	int e = 0;

	for (size_t i = 0; i < ipc_value_size(gone) && e == 0; i++) {
		const struct ipc_value *was = ipc_value_at(gone, i);
		struct ipc_key key = ipc_value_key(gone, i);
		struct ipc_value *is = ipc_value_get(now, key);

		if (is == NULL)
			e = ipc_value_set(now, key, ipc_value_copy(was));
		else if (ipc_value_type(is) == IPC_V_MAP &&
			 ipc_value_type(was) == IPC_V_MAP)
			e = haunt(is, was);
	}
	return e;
}

/*
 * For those who noticed nothing of netd's death: the state as they may hold it
 * is kept, and what is gone lives and dies once in the store, so that it is
 * deleted like anything else. If there is no room for that it is left out.
 */
static void
keep_before(struct held *h, struct ipc_value *now, const struct ipc_value *gone,
    int64_t now_us)
{
	static const struct ipc_path top;
	struct ipc_value *then = ipc_value_copy(now);

	if (then && haunt(then, gone) == 0 &&
	    store_set(h->before, &top, then, now_us) == 0 &&
	    store_set(h->store, &top, then, now_us) == 0) {
		h->before_version = store_version(h->store);
		store_set(h->store, &top, now, now_us);
	} else {
		store_set(h->before, &top, now, now_us);
		store_set(h->store, &top, now, now_us);
		h->before_version = store_version(h->store);
	}
	ipc_value_free(then);
}

const char *
state_gone(struct link *l, const struct ipc_frame *f)
{
	struct held *h = held_find(l, f->id);
	struct ipc_value *gone, *now;
	const char *why;
	bool good;

	if (h == NULL)
		return "id: no such store";
	why = unpack(f, &gone);
	if (why)
		return why;
	good = ipc_value_type(gone) == IPC_V_MAP;
	if (good && l->rec.ran_before && h->before_us == 0) {
		h->before_us = netd_now(l->netd);
		h->before = new_store(l);
		now = h->before ? store_value(h->store) : NULL;
		if (now)
			keep_before(h, now, gone, h->before_us);
		ipc_value_free(now);
	}
	ipc_value_free(gone);
	return good ? NULL : "value: a map";
}

/* ---- another game
 * -------------------------------------------------------------------
 */

static void
tell_held(struct link *l, uint64_t number, const struct ipc_buf *b)
{
	size_t piece = l->frame_max - IPC_FRAME_HEAD, at = 0;

	do {
		size_t n = b->len - at < piece ? b->len - at : piece;

		link_up(l, IPC_STATE_HELD, number,
		    at + n < b->len ? IPC_MORE : 0, 0, b->data + at, n);
		at += n;
	} while (at < b->len);
}

/* One that takes over by and by changes a copy until it has. */
static void
inherit(struct link *l, const struct link *of, uint64_t number,
    const struct ipc_value *v)
{
	static const struct ipc_path top;
	struct held *h = l == of ? NULL : held_new(l, number);

	if (h)
		store_set(h->store, &top, v, netd_now(l->netd));
}

void
states_tell(struct link *l, const struct link *of)
{
	struct held *h, *next;

	if (of->states == NULL)
		return;
	HASH_ITER(hh, of->states->held, h, next)
	{
		struct ipc_value *v = store_value(h->store);
		struct ipc_buf b;

		ipc_buf_init(&b, ipc_value_from_pipe.bytes);
		if (v && ipc_value_pack(v, &b) == 0) {
			tell_held(l, h->number, &b);
			inherit(l, of, h->number, v);
		} else
			ipc_log(IPC_LOG_ERROR, "state_lost",
			    "store=%llu why=\"too large to be told\"",
			    (unsigned long long)h->number);
		ipc_buf_release(&b);
		ipc_value_free(v);
	}
}

/*
 * A store that both know stays the old one, with the new game's content: who
 * watches it is told the difference and no more.
 */
static void
merge_held(struct link *from, struct link *to, struct held *old)
{
	static const struct ipc_path top;
	struct held *h = held_find(to, old->number);
	struct ipc_value *v = h ? store_value(h->store) : NULL;
	struct store *was;

	if (v == NULL ||
	    store_set(old->store, &top, v, netd_now(to->netd)) < 0) {
		while (old->watches)
			watch_end(old->watches);
		ipc_value_free(v);
		return;
	}
	ipc_value_free(v);
	was = h->store;
	h->store = old->store;
	old->store = was;
	h->watches = old->watches;
	h->n_watches = old->n_watches;
	h->before = old->before;
	h->before_version = old->before_version;
	h->before_us = old->before_us;
	old->before = NULL;
	h->poked = true;
	old->watches = NULL;
	for (struct watch *w = h->watches; w; w = w->next) {
		w->held = h;
		if (w->sight.view)
			watch_again(w);
	}
	(void)from;
}

void
states_hand_over(struct link *from, struct link *to)
{
	struct held *h, *next;

	if (from->states)
		HASH_ITER(hh, from->states->held, h, next)
	merge_held(from, to, h);
	if (to->states == NULL)
		return;
	HASH_ITER(hh, to->states->held, h, next)
	for (struct watch *w = h->watches; w; w = w->next)
		watch_view(w);
	for (struct client *c = to->netd->playing; c; c = c->next)
		if (c->phase == PLAYING)
			state_opened(c);
}

void
states_release(struct link *l)
{
	struct states *s = l->states;
	struct held *h, *next;
	struct view *v, *more;

	if (s == NULL)
		return;
	HASH_ITER(hh, s->held, h, next)
	held_end(l, h);
	HASH_ITER(hh, s->views, v, more)
	{
		HASH_DEL(s->views, v);
		store_view_free(v->is);
		free(v);
	}
	if (s->timed)
		ev_timer_stop(l->netd->loop, &s->timer);
	free(s);
	l->states = NULL;
}
