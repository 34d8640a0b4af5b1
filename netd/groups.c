/*
 * groups.c - one send to many.
 *
 * A broadcast is one frame from the game; here it is encoded once for each
 * transport that has a member and handed to every socket from the same bytes.
 * Only sockets that do not take it all hold a reference. Frames to the same
 * receivers that follow each other become one send (struct cast), flushed
 * before anything else of the game is acted on, so order holds.
 */
#include "netd/netd.h"
#include "netd/side.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct group {
	uint64_t number;
	struct client **clients;
	size_t n, size;
	size_t turn; /* where the next send begins, so that nobody is last */
	UT_hash_handle hh;
};

/* Kinds of clients that a broadcast is kept for: transports, and terminals
 * that differ in width and colours. */
#define ENCODINGS_MAX 32

struct encoding {
	const struct transport *transport;
	bool outgoing;
	uint32_t looks;
	enum speak speak; /* of typed messages */
	unsigned forms;   /* of GMCP */
	struct slice *slice;
	uint32_t ends[CAST_MAX]; /* of each message in the slice */
};

static struct group *
group_find(const struct link *l, uint64_t number)
{
	struct group *g;

	if (number == 0)
		return l->everybody;
	HASH_FIND(hh, l->groups, &number, sizeof(number), g);
	return g;
}

static struct group *
group_make(struct link *l, uint64_t number)
{
	struct group *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->number = number;
	if (number == 0)
		l->everybody = g;
	else
		HASH_ADD(hh, l->groups, number, sizeof(number), g);
	return g;
}

static void
group_end(struct link *l, struct group *g)
{
	if (g->number == 0)
		l->everybody = NULL;
	else
		HASH_DEL(l->groups, g);
	free(g->clients);
	free(g);
}

static struct member *
member_find(const struct client *c, const struct group *g)
{
	struct member *m = c->members;

	while (m && m->group != g)
		m = m->next;
	return m;
}

/* Is it in as many groups as it may be? */
static bool
member_full(const struct client *c)
{
	int64_t n = 0;

	for (const struct member *m = c->members; m; m = m->next)
		n++;
	return n >= c->netd->config.memberships_max;
}

/* Everybody is among everybody, without a struct member. */
static bool
is_in(const struct client *c, uint64_t number, const struct group *g)
{
	return number ? g && member_find(c, g) : c->everybody_at != 0;
}

static void
set_place(struct client *c, const struct group *g, size_t index)
{
	if (g->number == 0)
		c->everybody_at = (uint32_t)index + 1;
	else
		member_find(c, g)->index = index;
}

static bool
make_place(struct group *g)
{
	size_t size = g->size ? g->size * 2 : 4;
	struct client **p;

	if (g->n < g->size)
		return true;
	p = realloc(g->clients, size * sizeof(*p));
	if (p == NULL)
		return false;
	g->clients = p;
	g->size = size;
	return true;
}

static void
empty_place(struct link *l, struct group *g, size_t index)
{
	struct client *last = g->clients[g->n - 1];

	if (index != g->n - 1) {
		g->clients[index] = last;
		set_place(last, g, index);
	}
	if (--g->n == 0)
		group_end(l, g);
}

bool
group_join(struct link *l, uint64_t number, struct client *c)
{
	struct group *g = group_find(l, number);
	struct member *m = NULL;

	if (is_in(c, number, g))
		return true;
	if (number && member_full(c))
		return false;
	if (g == NULL) {
		if (HASH_COUNT(l->groups) >= l->netd->config.groups_max)
			return false;
		g = group_make(l, number);
	}
	if (number)
		m = calloc(1, sizeof(*m));
	if (g == NULL || (number && m == NULL) || !make_place(g)) {
		free(m);
		if (g && g->n == 0)
			group_end(l, g);
		return false;
	}
	if (m) {
		m->group = g;
		m->next = c->members;
		c->members = m;
	}
	g->clients[g->n] = c;
	set_place(c, g, g->n++);
	return true;
}

static void
member_end(struct link *l, struct member **at)
{
	struct member *m = *at;

	*at = m->next;
	empty_place(l, m->group, m->index);
	free(m);
}

void
group_leave(struct link *l, uint64_t number, struct client *c)
{
	struct group *g = group_find(l, number);

	if (number == 0 && c->everybody_at) {
		empty_place(l, g, c->everybody_at - 1);
		c->everybody_at = 0;
	}
	for (struct member **m = &c->members; *m; m = &(*m)->next) {
		if ((*m)->group == g) {
			member_end(l, m);
			return;
		}
	}
}

void
groups_forget(struct client *c)
{
	while (c->members)
		member_end(c->link, &c->members);
	group_leave(c->link, 0, c);
}

/* One typed message as bytes for a transport, at the end of out. */
static bool
add_typed(struct ipc_buf *out, const struct cast *k, const struct encoding *e,
    const uint8_t *said, size_t n, unsigned text)
{
	const struct transport *t = e->transport;
	struct slice *side;
	uint8_t *to;
	bool ok;

	if (e->speak == SPEAK_GMCP) {
		side = side_write(e->forms, said, n);
		ok = side && ipc_buf_add(out, side->bytes, side->len);
		if (side)
			slice_drop(side);
		return ok;
	}
	to = ipc_buf_space(out, t->encode_max(n));
	if (to)
		ipc_buf_added(
		    out, t->encode(e->outgoing,
			     (k->flags & IPC_CLASS_MASK) | text, said, n, to));
	return to != NULL;
}

/* Typed messages, one encoding of theirs for one transport: owned, or NULL. */
static struct slice *
encode_typed(struct link *l, const struct cast *k, struct encoding *e)
{
	struct ipc_buf all;
	struct slice *s = NULL;
	bool ok = true;

	ipc_buf_init(&all, SIZE_MAX);
	for (size_t i = 0; i < k->n && ok; i++) {
		unsigned text;
		size_t n;
		const uint8_t *said = speak_encode(l, e->speak,
		    k->frames[i].bytes, k->frames[i].len, &text, &n);

		ok = said && add_typed(&all, k, e, said, n, text);
		e->ends[i] = (uint32_t)all.len;
	}
	if (ok)
		s = slice_new(all.len);
	if (s)
		memcpy(s->bytes, all.data, all.len);
	ipc_buf_release(&all);
	return s;
}

/* Append a message, with what stands between it and the one before. */
static size_t
encode_one(const struct encoding *e, unsigned flags, const uint8_t *bytes,
    size_t len, struct slice *s, size_t at)
{
	const struct transport *t = e->transport;

	if (t->apart && at && s->bytes[at - 1] != '\n')
		at += t->encode(e->outgoing, flags, (const uint8_t *)t->apart,
		    strlen(t->apart), s->bytes + at);
	return at + t->encode(e->outgoing, flags, bytes, len, s->bytes + at);
}

static size_t
encoded_max(const struct transport *t, size_t len)
{
	return t->encode_max(len) +
	       (t->apart ? t->encode_max(strlen(t->apart)) : 0);
}

/* A slice with room for more bytes behind those that it has: s or another;
 * NULL: out of memory, and s is dropped. */
static struct slice *
room(struct slice *s, size_t used, size_t more)
{
	struct slice *bigger;

	if (s && s->len - used >= more)
		return s;
	bigger = slice_new(2 * used + more);
	if (bigger && used)
		memcpy(bigger->bytes, s->bytes, used);
	if (s)
		slice_drop(s);
	return bigger;
}

/* All frames of a cast, encoded for one kind of client: owned, or NULL. */
static struct slice *
encode(struct netd *n, const struct cast *k, struct encoding *e)
{
	struct slice *s = NULL;
	size_t len = 0, at = 0;

	for (size_t i = 0; i < k->n; i++)
		len += encoded_max(e->transport, k->frames[i].len);
	s = room(NULL, 0, len);
	for (size_t i = 0; s && i < k->n; i++) {
		const uint8_t *text = k->frames[i].bytes;

		len = k->frames[i].len;
		text = look_text(n, e->looks, text, &len);
		if (e->looks)
			s = room(s, at, encoded_max(e->transport, len));
		if (s)
			at = encode_one(e, k->flags, text, len, s, at);
		e->ends[i] = (uint32_t)at;
	}
	if (s)
		s->len = (uint32_t)at;
	return s;
}

static struct encoding *
encoding_for(
    const struct cast *k, struct encoding *e, size_t *n, const struct client *c)
{
	enum speak speak = k->typed ? speak_of(c) : SPEAK_RAW;
	uint32_t looks = k->typed ? 0 : look_of(c, k->flags);
	size_t there = *n < ENCODINGS_MAX ? *n : ENCODINGS_MAX;

	for (size_t i = 0; i < there; i++)
		if (e[i].transport == c->transport &&
		    e[i].outgoing == c->outgoing && e[i].looks == looks &&
		    e[i].speak == speak)
			return &e[i];
	/* More kinds than we keep: one of them is written again. */
	e += (*n)++ % ENCODINGS_MAX;
	if (there == ENCODINGS_MAX && e->slice)
		slice_drop(e->slice);
	e->transport = c->transport;
	e->outgoing = c->outgoing;
	e->looks = looks;
	e->speak = speak;
	e->slice = NULL;
	if (speak == SPEAK_GMCP)
		e->forms = c->transport->side_forms(c);
	if (!k->typed)
		e->slice = encode(c->netd, k, e);
	else if (speak != SPEAK_RAW)
		e->slice = encode_typed(c->link, k, e);
	return e;
}

/* One by one, as it may have to hear some of them again, or does not want
 * all. */
static void
deliver_each(struct client *c, const struct encoding *e, const struct cast *k)
{
	size_t at = 0;

	for (size_t i = 0; i < k->n && client_takes(c); at = e->ends[i++]) {
		if (e->speak == SPEAK_GMCP &&
		    !speak_wanted(c, k->frames[i].bytes))
			continue;
		c->netd->metrics.messages_out++;
		client_queue(c, e->slice, at, e->ends[i] - at,
		    k->flags & IPC_CLASS_MASK, k->key);
	}
}

/*
 * Straight to the socket while nothing waits; the queue takes the rest. What
 * is missing of a message whose beginning is out follows in any case: half a
 * message would spoil all that comes behind it.
 */
static void
deliver(struct client *c, const struct encoding *e, const struct cast *k)
{
	struct slice *s = e->slice;
	size_t sent = 0, i = 0;

	c->netd->metrics.messages_out += k->n;
	if (c->out.head == NULL && c->phase == PLAYING) {
		ssize_t n = client_write(c, s->bytes, s->len);

		if (n < 0 && errno != EAGAIN) {
			client_abort(c, IPC_REASON_RESET, strerror(errno));
			return;
		}
		if (n > 0) {
			sent = (size_t)n;
			c->netd->metrics.bytes_out += sent;
		}
	}
	while (sent && i + 1 < k->n && e->ends[i] < sent)
		i++;
	if (sent && sent < e->ends[i]) {
		client_queue_begun(c, s, sent, e->ends[i] - sent);
		sent = e->ends[i];
	}
	if (sent < s->len && c->phase != GONE)
		client_queue(c, s, sent, s->len - sent,
		    k->flags & IPC_CLASS_MASK, k->key);
}

/* The last message as it was written; its end is what counts. */
static void
sent_last(struct client *c, const struct encoding *e, const struct cast *k)
{
	size_t from = k->n > 1 ? e->ends[k->n - 2] : 0;

	c->transport->sent(c, e->slice->bytes + from, e->ends[k->n - 1] - from);
}

void
cast_flush(struct link *l)
{
	struct cast *k = &l->cast;
	struct encoding made[ENCODINGS_MAX];
	size_t n_made = 0;
	struct group *g;

	if (k->n == 0)
		return;
	g = group_find(l, k->group);
	if (g)
		g->turn++;
	for (size_t i = 0; g && i < g->n; i++) {
		struct client *c = g->clients[(g->turn + i) % g->n];
		struct encoding *e;

		if (c->id == k->but || !client_takes(c))
			continue;
		if (k->group == 0 && c->outgoing)
			continue;
		e = encoding_for(k, made, &n_made, c);
		if (e->slice == NULL)
			continue;
		if (c->transport->before && !k->typed)
			c->transport->before(c);
		if (c->resume || e->speak == SPEAK_GMCP)
			deliver_each(c, e, k);
		else
			deliver(c, e, k);
		if (c->transport->sent && !k->typed)
			sent_last(c, e, k);
	}
	for (size_t i = 0; i < n_made && i < ENCODINGS_MAX; i++)
		if (made[i].slice)
			slice_drop(made[i].slice);
	k->n = 0;
}

void
cast_add(
    struct link *l, uint64_t group, uint64_t but, const struct ipc_frame *f)
{
	struct cast *k = &l->cast;
	size_t most = sizeof(k->frames) / sizeof(k->frames[0]);

	bool typed =
	    f->kind == IPC_SEND_TYPED_GROUP || f->kind == IPC_SEND_TYPED_BUT;

	if (k->n && (k->n == most || k->group != group || k->but != but ||
			k->typed != typed || k->flags != f->flags ||
			(f->flags & IPC_CLASS_MASK)))
		cast_flush(l);
	k->group = group;
	k->but = but;
	k->typed = typed;
	k->flags = f->flags;
	k->key = f->channel;
	k->frames[k->n++] = *f;
}

void
group_each(struct link *l, uint64_t group, uint64_t but,
    void (*fn)(struct client *c, void *arg), void *arg)
{
	struct group *g = group_find(l, group);

	if (g)
		g->turn++;
	for (size_t i = 0; g && i < g->n; i++) {
		struct client *c = g->clients[(g->turn + i) % g->n];

		if (c->id != but && client_takes(c) &&
		    !(group == 0 && c->outgoing))
			fn(c, arg);
	}
}

void
groups_release(struct link *l)
{
	struct group *g, *next;

	HASH_ITER(hh, l->groups, g, next)
	group_end(l, g);
	if (l->everybody)
		group_end(l, l->everybody);
}
