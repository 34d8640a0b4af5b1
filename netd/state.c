/*
 * state.c - the game's stores in netd, and who watches them.
 *
 * A watch says what one player sees of one store, how often, and which version
 * it has. At a turn's end those with news and time for it get one delta; equal
 * ones (same version, same view) share its bytes. A player whose queue does
 * not empty, or who has not acknowledged for a while, waits, and its next
 * delta covers all of that.
 */
#include "netd/state.h"

#include "ipc/log.h"
#include "netd/netd.h"
#include "netd/speak.h"
#include "netd/talk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

/* Who waits for room is looked at this often. */
#define AGAIN_US 10000
/* Who was there before netd died is back by then, or never. */
#define BEFORE_US 15000000
/* Encoded deltas that are kept within one turn. */
#define SHARED_MAX 4

struct view {
	uint64_t number;
	struct store_view *is;
	UT_hash_handle hh;
};

struct held {
	uint64_t number;
	struct store *store;
	struct watch *watches;
	size_t n_watches;
	bool automatic; /* whoever comes watches it */
	bool own_key;   /* and looks at its connection number */
	uint64_t view;
	int64_t every_us;
	uint64_t swept;  /* version that all watches were looked at with */
	bool poked;      /* some watch has news for another reason */
	int64_t next_us; /* when to look again, or 0 */
	/* As a game told it that ran under the netd before, for a while. */
	struct ipc_buf before;
	uint64_t before_version;
	int64_t before_us;
	UT_hash_handle hh;
};

struct watch {
	struct client *client;
	struct held *held;
	struct watch *next, *prev;
	uint64_t view;
	struct store_sight sight;
	int64_t every_us;
	uint64_t base;  /* what it was given, taken as held */
	uint64_t said;  /* the version that it was told last */
	uint64_t acked; /* and has acknowledged */
	uint32_t unacked;
	bool fresh;   /* view or focus changed */
	bool blocked; /* has news and cannot take them */
	int64_t sent_us;
};

struct states {
	struct held *held;
	struct view *views;
	ev_timer timer;
	bool timed;
};

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

static struct view *
view_find(const struct link *l, uint64_t number)
{
	struct view *v = NULL;

	if (l->states)
		HASH_FIND(hh, l->states->views, &number, sizeof(number), v);
	return v;
}

static int64_t
every_us(double rate)
{
	if (!(rate > 0))
		return 0;
	return rate < 0.01 ? 100000000 : (int64_t)(1e6 / rate);
}

/* ---- watches ----------------------------------------------------------------
 */

static struct watch *
watch_of(const struct client *c)
{
	return c->talk ? c->talk->watch : NULL;
}

static void
watch_end(struct watch *w)
{
	struct held *h = w->held;

	*(w->prev ? &w->prev->next : &h->watches) = w->next;
	if (w->next)
		w->next->prev = w->prev;
	h->n_watches--;
	w->client->talk->watch = NULL;
	store_sight_release(&w->sight);
	free(w);
}

static void
watch_again(struct watch *w)
{
	w->base = 0;
	w->unacked = 0;
	w->fresh = true;
	w->held->poked = true;
	store_sight_forget(&w->sight);
}

static struct watch *
watch_begin(struct client *c, struct held *h)
{
	struct watch *w = watch_of(c);

	if (w && w->held == h)
		return w;
	if (w)
		watch_end(w);
	w = talk_of(c) ? calloc(1, sizeof(*w)) : NULL;
	if (w == NULL)
		return NULL;
	w->client = c;
	w->held = h;
	w->next = h->watches;
	if (h->watches)
		h->watches->prev = w;
	h->watches = w;
	h->n_watches++;
	c->talk->watch = w;
	w->view = h->view;
	w->every_us = h->every_us;
	watch_again(w);
	return w;
}

static void
watch_view(struct watch *w)
{
	struct view *v = view_find(w->client->link, w->view);

	w->sight.view = v ? v->is : NULL;
}

/* A key or [x, y]. */
static bool
watch_focus(struct watch *w, const struct ipc_value *v)
{
	struct store_sight *s = &w->sight;

	if (ipc_value_type(v) == IPC_V_ARRAY) {
		double x = ipc_value_as_float(ipc_value_at(v, 0));
		double y = ipc_value_as_float(ipc_value_at(v, 1));

		if (!isfinite(x) || !isfinite(y))
			return false;
		s->fixed = true;
		s->x = x;
		s->y = y;
	} else {
		struct ipc_value *me = ipc_value_copy(v);
		enum ipc_value_type type = ipc_value_type(me);

		if (type != IPC_V_STR && type != IPC_V_INT) {
			ipc_value_free(me);
			return false;
		}
		/* Rules that name its own key see something else now. */
		if (!ipc_value_equal(me, s->me) && s->view && s->view->n)
			watch_again(w);
		ipc_value_free(s->me);
		s->me = me;
		s->fixed = false;
	}
	w->fresh = true;
	w->held->poked = true;
	return true;
}

/* A person who reads lines did not ask for JSON. */
static bool
is_program(const struct client *c)
{
	return !c->transport->is_prose && !c->outgoing;
}

static void
watch_automatic(struct client *c, struct held *h)
{
	struct watch *w = watch_begin(c, h);

	if (w == NULL) {
		client_abort(c, IPC_REASON_NO_MEMORY, "");
		return;
	}
	watch_view(w);
	if (h->own_key && w->sight.me == NULL) {
		struct ipc_value *me = ipc_value_uint(c->id);

		watch_focus(w, me);
		ipc_value_free(me);
	}
}

void
state_opened(struct client *c)
{
	struct held *h, *next;

	if (c->link->states == NULL || !is_program(c))
		return;
	HASH_ITER(hh, c->link->states->held, h, next)
	if (h->automatic && watch_of(c) == NULL)
		watch_automatic(c, h);
}

void
state_forget(struct client *c)
{
	if (watch_of(c))
		watch_end(watch_of(c));
}

void
state_acked(struct client *c, uint64_t version)
{
	struct watch *w = watch_of(c);

	if (w == NULL || version > w->said || version <= w->acked)
		return;
	w->acked = version;
	w->unacked = version == w->said ? 0 : w->unacked - (w->unacked > 0);
	if (w->blocked)
		w->held->poked = true;
}

/* ---- what a player lacks
 * -------------------------------------------------------
 */

bool
state_news(const struct client *c)
{
	const struct watch *w = watch_of(c);

	return w && (w->fresh || store_version(w->held->store) > w->base);
}

int
state_take(
    struct client *c, const struct ipc_value *marker, struct store_delta *d)
{
	struct watch *w = watch_of(c);
	int e;

	if (!state_news(c))
		return 0;
	e = store_delta(w->held->store, w->base, &w->sight, marker, d);
	if (e < 0)
		return e;
	w->fresh = false;
	w->base = d->to;
	/* An empty store is told of as well, but only once. */
	if (d->set || d->del)
		return 1;
	store_delta_release(d);
	return 0;
}

bool
state_key(const struct client *c, struct state_key *key)
{
	const struct watch *w = watch_of(c);

	if (!state_news(c) || !store_sight_shared(&w->sight))
		return false;
	*key = (struct state_key){ .store = w->held->store,
		.view = w->sight.view,
		.from = w->base,
		.to = store_version(w->held->store) };
	return true;
}

void
state_took(struct client *c)
{
	struct watch *w = watch_of(c);

	w->fresh = false;
	w->base = store_version(w->held->store);
}

struct ipc_value *
state_take_before(struct client *c)
{
	struct watch *w = watch_of(c);
	struct ipc_value *v;
	const char *why;

	if (w == NULL || w->held->before.len == 0 ||
	    !store_sight_shared(&w->sight) || w->sight.view ||
	    ipc_value_unpack(w->held->before.data, w->held->before.len,
		&ipc_value_from_pipe, &v, &why) < 0)
		return NULL;
	w->fresh = false;
	w->base = w->held->before_version;
	return v;
}

void
state_again(struct client *c)
{
	if (watch_of(c))
		watch_again(watch_of(c));
}

const struct store *
state_watched(const struct client *c)
{
	return watch_of(c) ? watch_of(c)->held->store : NULL;
}

/* ---- telling
 * --------------------------------------------------------------------
 */

/* One delta's bytes, for all who lack the same. */
struct shared {
	const struct store_view *view;
	uint64_t base, said;
	bool binary, nothing;
	struct ipc_buf bytes;
};

struct round {
	struct netd *netd;
	struct held *held;
	int64_t now_us;
	struct shared shared[SHARED_MAX];
	size_t n;
	uint64_t everybody_has;
};

static struct ipc_value *
message(struct watch *w, struct store_delta *d)
{
	struct ipc_value *v = ipc_value_make("[s{slsl}]", "$state", "from",
	    (int64_t)(d->whole ? 0 : w->said), "to", (int64_t)d->to);
	struct ipc_value *body = ipc_value_at(v, 1);

	if (d->set && ipc_value_set(body, ipc_key_str("set", 3), d->set) < 0)
		w->client->talk->watch->fresh = true;
	d->set = NULL;
	if (d->del)
		ipc_value_set(body, ipc_key_str("del", 3), d->del);
	d->del = NULL;
	return v;
}

/* Fill s with what w lacks. False: out of memory, or too long for a frame. */
static bool
encode(struct watch *w, struct shared *s)
{
	struct store_delta d;
	struct ipc_value *v;
	int e;

	s->view = w->sight.view;
	s->base = w->base;
	s->said = w->said;
	s->binary = w->client->talk->binary;
	ipc_buf_init(&s->bytes, IPC_FRAME_MAX_MAX);
	e = state_take(w->client, NULL, &d);
	s->nothing = e == 0;
	if (e <= 0)
		return e == 0;
	v = message(w, &d);
	store_delta_release(&d);
	if (v && talk_encode(s->binary, v, &s->bytes)) {
		ipc_value_free(v);
		return true;
	}
	ipc_value_free(v);
	ipc_buf_release(&s->bytes);
	return false;
}

static struct shared *
shared_for(struct round *r, struct watch *w)
{
	struct shared *s;

	for (size_t i = 0; i < r->n; i++) {
		s = &r->shared[i];
		if (s->view == w->sight.view && s->base == w->base &&
		    s->said == w->said && s->binary == w->client->talk->binary)
			return s;
	}
	if (r->n == SHARED_MAX)
		return NULL;
	s = &r->shared[r->n];
	if (!encode(w, s))
		return NULL;
	r->n++;
	return s;
}

static void
tell(struct round *r, struct watch *w)
{
	uint64_t version = store_version(w->held->store);
	struct shared own, *s = NULL;
	bool shares = store_sight_shared(&w->sight);

	if (shares)
		s = shared_for(r, w);
	if (s == NULL && encode(w, &own))
		s = &own;
	if (s == NULL) {
		client_close(w->client, IPC_REASON_NO_MEMORY, "");
		return;
	}
	w->base = version;
	w->fresh = false;
	if (!s->nothing) {
		w->said = version;
		w->unacked++;
		w->sent_us = r->now_us;
		r->netd->metrics.deltas++;
		r->netd->metrics.delta_bytes += s->bytes.len;
		talk_send_bytes(w->client, &s->bytes);
	}
	if (s == &own)
		ipc_buf_release(&own.bytes);
}

/* When may it be told? 0: now. */
static int64_t
due(const struct round *r, struct watch *w)
{
	const struct config *config = &r->netd->config;
	struct client *c = w->client;

	w->blocked = false;
	if (w->every_us && w->sent_us &&
	    w->sent_us + w->every_us > r->now_us + 500)
		return w->sent_us + w->every_us;
	if (c->transport->state)
		return 0;
	/* GMCP has no acknowledgements. */
	if (c->out.bytes <= (size_t)config->state_queue_bytes &&
	    (w->unacked < (uint32_t)config->state_unacked ||
		c->transport->natural == SPEAK_GMCP))
		return 0;
	w->blocked = true;
	return r->now_us + AGAIN_US;
}

static void
look(struct round *r, struct watch *w)
{
	struct client *c = w->client;
	int64_t when;

	if (!state_news(c) || c->phase != PLAYING ||
	    (!c->transport->state && !talk_hears(c)))
		goto out;
	when = due(r, w);
	if (when) {
		if (r->held->next_us == 0 || when < r->held->next_us)
			r->held->next_us = when;
		goto out;
	}
	if (c->transport->state) {
		w->sent_us = r->now_us;
		c->transport->state(c);
	} else {
		tell(r, w);
	}
out:
	if (w->base < r->everybody_has)
		r->everybody_has = w->base;
}

static void
held_turn(struct netd *n, struct held *h)
{
	struct round r = { .netd = n,
		.held = h,
		.now_us = netd_now(n),
		.everybody_has = store_version(h->store) };

	if (h->swept == r.everybody_has && !h->poked &&
	    (h->next_us == 0 || r.now_us + 500 < h->next_us))
		return;
	h->swept = r.everybody_has;
	h->poked = false;
	h->next_us = 0;
	for (struct watch *w = h->watches, *next; w; w = next) {
		next = w->next;
		look(&r, w);
	}
	for (size_t i = 0; i < r.n; i++)
		ipc_buf_release(&r.shared[i].bytes);
	if (h->before.len && r.now_us - h->before_us > BEFORE_US)
		ipc_buf_release(&h->before);
	/* For those it is kept for, what was deleted since is not forgotten. */
	if (h->before.len && h->before_version < r.everybody_has)
		r.everybody_has = h->before_version;
	store_prune(h->store, r.everybody_has, r.now_us);
}

/* Waking the loop is all: its turn does the rest. */
static void
on_timer(struct ev_loop *loop, ev_timer *t, int events)
{
	struct states *s = t->data;

	(void)loop;
	(void)events;
	s->timed = false;
}

void
states_turn(struct netd *n)
{
	struct states *s = n->link->states;
	struct held *h, *next;
	int64_t soonest = 0;

	if (s == NULL)
		return;
	HASH_ITER(hh, s->held, h, next)
	{
		held_turn(n, h);
		if (h->next_us && (soonest == 0 || h->next_us < soonest))
			soonest = h->next_us;
	}
	if (s->timed)
		ev_timer_stop(n->loop, &s->timer);
	s->timed = soonest != 0;
	if (!s->timed)
		return;
	soonest -= netd_now(n);
	ev_timer_init(
	    &s->timer, on_timer, soonest > 0 ? (double)soonest / 1e6 : 0., 0.);
	s->timer.data = s;
	ev_timer_start(n->loop, &s->timer);
}

/* ---- the game's frames
 * ------------------------------------------------------------
 */

static struct held *
held_new(struct link *l, uint64_t number)
{
	const struct config *config = &l->netd->config;
	struct store_limits limits = {
		.places_max = (size_t)config->state_places,
		.bytes_max = (size_t)config->state_bytes,
		.tombs_max = (size_t)config->state_tombs,
		.tomb_us = config->state_tomb_ms * 1000,
	};
	struct states *s = states_of(l);
	struct held *h;

	if (s == NULL || HASH_COUNT(s->held) >= (unsigned)config->states_max)
		return NULL;
	h = calloc(1, sizeof(*h));
	if (h == NULL)
		return NULL;
	h->number = number;
	h->store = store_new(&limits);
	if (h->store == NULL) {
		free(h);
		return NULL;
	}
	ipc_buf_init(&h->before, IPC_FRAME_MAX_MAX);
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
	ipc_buf_release(&h->before);
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
	h->every_us = every_us(ipc_value_as_float(ipc_value_gets(v, "rate")));
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

/* The first that a game says of a state which it had under another netd. */
static void
keep_before(struct link *l, struct held *h, const uint8_t *bytes, size_t len)
{
	if (!l->rec.ran_before || h->before_us)
		return;
	h->before_us = netd_now(l->netd);
	h->before_version = store_version(h->store);
	ipc_buf_add(&h->before, bytes, len);
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
	if (e == 0 && f->kind == IPC_STATE_SET && path.n == 0)
		keep_before(l, h, f->bytes + used, f->len - used);
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
		w->every_us = every_us(ipc_value_as_float(rate));
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
