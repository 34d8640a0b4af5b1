/*
 * state_watch.c - who watches the game's stores, and what each is told.
 *
 * A watch says what one player sees of one store, how often, and which version
 * it has. At a turn's end those with news and time for it get one delta; equal
 * ones (same version, same view) share its bytes. A player whose queue does
 * not empty, or who has not acknowledged for a while, waits, and its next
 * delta covers all of that.
 */
#include "netd/state_own.h"

#include "ipc/log.h"
#include "netd/netd.h"
#include "netd/speak.h"
#include "netd/talk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Who waits for room is looked at this often. */
#define AGAIN_US 10000
/* Encoded deltas that are kept within one turn. */
#define SHARED_MAX 8

/* ---- watches ----------------------------------------------------------------
 */

struct watch *
watch_of(const struct client *c)
{
	return c->talk ? c->talk->watch : NULL;
}

void
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

void
watch_again(struct watch *w)
{
	w->base = 0;
	w->asked = 0;
	w->unacked = 0;
	w->fresh = true;
	w->held->poked = true;
	store_sight_forget(&w->sight);
}

struct watch *
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

void
watch_view(struct watch *w)
{
	struct view *v = view_find(w->client->link, w->view);

	w->sight.view = v ? v->is : NULL;
}

/* A key or [x, y]. */
bool
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
	/* Which deltas came between is only known of the one asked for. */
	if (version == w->said)
		w->unacked = 0;
	else if (w->asked && version >= w->asked)
		w->unacked = w->since_asked;
	else if (w->unacked)
		w->unacked--;
	if (version >= w->asked)
		w->asked = 0;
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

/* Only what is at the top: all that it may hold is in or under that, or is said
 * anew. */
static void
cut_to_tops(struct ipc_value *v, const struct store *store)
{
	struct ipc_value *now = store_value(store);

	for (size_t i = ipc_value_size(v); i > 0; i--) {
		struct ipc_key key = ipc_value_key(v, i - 1);
		bool is_map =
		    ipc_value_type(ipc_value_at(v, i - 1)) == IPC_V_MAP;

		if (is_map ? ipc_value_set(v, key, ipc_value_map()) < 0
			   : ipc_value_get(now, key) != NULL)
			ipc_value_free(ipc_value_take(v, key));
	}
	ipc_value_free(now);
}

struct ipc_value *
state_take_before(struct client *c)
{
	struct watch *w = watch_of(c);
	struct store_sight sight = { 0 };
	struct store_view view;
	struct store_delta d;

	if (w == NULL || w->held->before == NULL)
		return NULL;
	/* By its rules alone: who was near then is forgotten. */
	sight.me = w->sight.me;
	if (w->sight.view) {
		view = *w->sight.view;
		view.radius = 0;
		sight.view = &view;
	}
	if (store_delta(w->held->before, 0, &sight, NULL, &d) < 0)
		return NULL;
	if (w->sight.view && w->sight.view->radius > 0) {
		cut_to_tops(d.set, w->held->store);
		return d.set;
	}
	w->fresh = false;
	w->base = w->held->before_version;
	return d.set;
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
	bool binary, asks, nothing;
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

/*
 * Is it to acknowledge the next delta? One question at a time, and only when a
 * quarter of what it may leave unanswered is: the answer of one whose line is
 * as fast as the deltas is there long before it has to wait. Not everybody at
 * the same delta.
 */
static bool
asks(const struct watch *w)
{
	const struct netd *n = w->client->netd;
	uint32_t period = (uint32_t)n->config.state_unacked / 4;

	if (w->asked)
		return false;
	if (w->acked == 0 && period)
		period = (uint32_t)(w->client->id % period);
	return w->unacked >= period;
}

static struct ipc_value *
message(struct watch *w, struct store_delta *d, bool ask)
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
	if (ask)
		ipc_value_set(
		    body, ipc_key_str("ack", 3), ipc_value_bool(true));
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
	s->asks = asks(w);
	ipc_buf_init(&s->bytes, IPC_FRAME_MAX_MAX);
	e = state_take(w->client, NULL, &d);
	s->nothing = e == 0;
	if (e <= 0)
		return e == 0;
	v = message(w, &d, s->asks);
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
		    s->said == w->said && s->asks == asks(w) &&
		    s->binary == w->client->talk->binary)
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
		w->since_asked++;
		if (s->asks) {
			w->asked = version;
			w->since_asked = 0;
		}
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

	if (h->before && r.now_us - h->before_us > BEFORE_US) {
		store_free(h->before);
		h->before = NULL;
	}
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
	/* For those it is kept for, what was deleted since is not forgotten. */
	if (h->before && h->before_version < r.everybody_has)
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
