/*
 * state.c - the game's state: a copy of our own, and each change as a frame.
 *
 * netd merges the same changes and tells the players; the copy here is what
 * the game reads, and what a new netd is told when the old one died. After a
 * cold start it is the other way around: netd has what the game before left.
 */
#include "gamecore/stores.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct stores *
stores_of(struct gc_net *net)
{
	struct stores *s = net->stores;

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		net_problem(net, GC_ENO_MEMORY, "out of memory");
		return NULL;
	}
	ipc_buf_init(&s->bytes, IPC_FRAME_MAX_MAX);
	net->stores = s;
	return s;
}

/* ---- frames -----------------------------------------------------------------
 */

static int
put_bytes(struct gc_net *net, unsigned kind, unsigned flags, uint64_t id)
{
	const struct ipc_buf *b = &net->stores->bytes;
	struct ipc_frame f = { .kind = (uint8_t)kind,
		.flags = (uint8_t)flags,
		.id = id,
		.bytes = b->data,
		.len = (uint32_t)b->len };

	return stream_put(net, &f, NULL);
}

static int
too_long(struct gc_net *net)
{
	return net_problem(
	    net, GC_ETOO_LONG, "a value is too deep or too long");
}

int
put_value(struct gc_net *net, unsigned kind, unsigned flags, uint64_t id,
    const struct ipc_value *v)
{
	struct stores *s = stores_of(net);

	if (s == NULL)
		return GC_ENO_MEMORY;
	ipc_buf_clear(&s->bytes);
	if (ipc_value_pack(v, &s->bytes) < 0)
		return too_long(net);
	return put_bytes(net, kind, flags, id);
}

/* A path, and a value behind it unless that is NULL. */
static int
put_change(struct gc_net *net, unsigned kind, uint64_t number,
    const struct ipc_path *path, const struct ipc_value *v)
{
	struct ipc_value *where = ipc_path_value(path);
	struct stores *s = net->stores;
	bool fits;

	ipc_buf_clear(&s->bytes);
	fits = where && ipc_value_pack(where, &s->bytes) == 0 &&
	       (v == NULL || ipc_value_pack(v, &s->bytes) == 0);
	ipc_value_free(where);
	return fits ? put_bytes(net, kind, 0, number) : too_long(net);
}

/* A map that is too long for one frame goes in pieces. */
static int
put_set(struct gc_state *st, struct ipc_path *path, const struct ipc_value *v,
    unsigned kind)
{
	struct gc_net *net = st->net;
	size_t room = net->frame_max - IPC_FRAME_HEAD - 4096;
	struct ipc_value *empty;
	int r = 0;

	if (ipc_value_type(v) != IPC_V_MAP || ipc_value_size(v) == 0 ||
	    ipc_value_packed(v) <= room || path->n == IPC_PATH_MAX)
		return put_change(net, kind, st->number, path, v);
	if (kind == IPC_STATE_SET) {
		empty = ipc_value_map();
		r = put_change(net, kind, st->number, path, empty);
		ipc_value_free(empty);
	}
	for (size_t i = 0; i < ipc_value_size(v) && r == 0; i++) {
		const struct ipc_value *one = ipc_value_at(v, i);
		bool is_map = ipc_value_type(one) == IPC_V_MAP;

		path->keys[path->n++] = ipc_value_key(v, i);
		r = put_set(st, path, one, is_map ? kind : IPC_STATE_SET);
		path->n--;
	}
	return r;
}

/* ---- opening
 * ------------------------------------------------------------------ */

int
store_held(struct gc_net *net, const struct ipc_frame *f)
{
	struct stores *s = stores_of(net);
	struct held *h = s ? s->held : NULL;

	while (h && h->number != f->id)
		h = h->next;
	if (s && h == NULL) {
		h = calloc(1, sizeof(*h));
		if (h) {
			h->number = f->id;
			ipc_buf_init(&h->bytes, SNAPSHOT_MAX);
			h->next = s->held;
			s->held = h;
		}
	}
	if (h == NULL || !ipc_buf_add(&h->bytes, f->bytes, f->len))
		return net_fail(net, GC_ENO_MEMORY, "out of memory");
	h->whole = !(f->flags & IPC_MORE);
	return 0;
}

/* What the game before left under this number: owned, or NULL. */
static struct ipc_value *
take_held(struct stores *s, uint64_t number)
{
	struct ipc_value *v = NULL;
	const char *why;

	for (struct held **at = &s->held; *at; at = &(*at)->next) {
		struct held *h = *at;

		if (h->number != number)
			continue;
		if (h->whole && ipc_value_unpack(h->bytes.data, h->bytes.len,
				    &ipc_value_from_pipe, &v, &why) < 0)
			v = NULL;
		*at = h->next;
		ipc_buf_release(&h->bytes);
		free(h);
		break;
	}
	return v;
}

static int
set(struct ipc_value *map, const char *key, struct ipc_value *v)
{
	return ipc_value_set(map, ipc_key_str(key, strlen(key)), v);
}

/* The options as netd wants them: 0 or an error. */
static int
pack_options(const struct gc_state_options *o, struct ipc_buf *out)
{
	struct ipc_value *v = ipc_value_map();
	struct ipc_path path;
	int e = 0;

	if (o->everybody)
		e = set(v, "auto", ipc_value_bool(true));
	if (e == 0 && o->by_conn)
		e = set(v, "me", ipc_value_bool(true));
	if (e == 0 && o->view)
		e = set(v, "view", ipc_value_int((int64_t)o->view));
	if (e == 0 && o->rate > 0)
		e = set(v, "rate", ipc_value_float(o->rate));
	if (e == 0 && o->grid) {
		struct ipc_value *grid = ipc_value_map();

		e = ipc_path_parse(o->grid, &path) ? 0 : IPC_ERR_INVALID;
		e = e ? e : set(grid, "path", ipc_path_value(&path));
		e = e ? e
		      : set(grid, "x",
			    ipc_value_str(
				o->x ? o->x : "x", strlen(o->x ? o->x : "x")));
		if (e == 0 && o->y)
			e = set(grid, "y", ipc_value_str(o->y, strlen(o->y)));
		e = e ? e
		      : set(grid, "cell",
			    ipc_value_float(o->cell > 0 ? o->cell : 1));
		e = e ? e : set(v, "grid", grid);
	}
	e = e ? e : ipc_value_pack(v, out);
	ipc_value_free(v);
	return e;
}

static int
put_options(const struct gc_state *st)
{
	struct ipc_frame f = { .kind = IPC_STATE_OPEN,
		.id = st->number,
		.bytes = st->options.data,
		.len = (uint32_t)st->options.len };

	return stream_put(st->net, &f, NULL);
}

/* The new one's frames. 0 or GC_E... */
static int
begin(struct gc_state *st, const struct gc_state_options *o)
{
	struct ipc_path top = { .n = 0 };
	int r = put_options(st);

	/* netd merges as it did before: nothing else is new to anybody. */
	if (r == 0 && !st->restored)
		r = put_set(st, &top, st->value, IPC_STATE_SET);
	(void)o;
	return r;
}

struct gc_state *
gc_state_open(struct gc_net *net, uint64_t number,
    const struct gc_state_options *options, struct gc_value *initial)
{
	static const struct gc_state_options plain;
	struct stores *s = stores_of(net);
	struct gc_state *st = s ? calloc(1, sizeof(*st)) : NULL;
	const struct gc_state_options *o = options ? options : &plain;
	struct ipc_value *held;
	int e;

	if (st == NULL) {
		gc_value_free(initial);
		net_problem(net, GC_ENO_MEMORY, "out of memory");
		return NULL;
	}
	held = o->fresh ? NULL : take_held(s, number);
	st->net = net;
	st->number = number;
	st->restored = held != NULL;
	st->value = held ? held : initial ? value_in(initial) : ipc_value_map();
	if (held)
		gc_value_free(initial);
	ipc_buf_init(&st->options, 64 << 10);
	e = pack_options(o, &st->options);
	if (e == 0 && (number == 0 || ipc_value_type(st->value) != IPC_V_MAP))
		e = IPC_ERR_INVALID;
	if (e == 0 && begin(st, o) == 0) {
		st->next = s->states;
		s->states = st;
		return st;
	}
	if (e)
		net_problem(
		    net, GC_EINVALID, "a state of these options cannot be");
	ipc_value_free(st->value);
	ipc_buf_release(&st->options);
	free(st);
	return NULL;
}

bool
gc_state_restored(const struct gc_state *st)
{
	return st->restored;
}

void
gc_state_close(struct gc_state *st)
{
	struct ipc_frame f = { .kind = IPC_STATE_CLOSE };
	struct gc_state **at;

	if (st == NULL)
		return;
	at = &st->net->stores->states;
	while (*at && *at != st)
		at = &(*at)->next;
	if (*at)
		*at = st->next;
	f.id = st->number;
	stream_put(st->net, &f, NULL);
	gone_release(st);
	ipc_value_free(st->value);
	ipc_buf_release(&st->options);
	free(st);
}

/* ---- reading and changing
 * --------------------------------------------------------- */

const struct gc_value *
gc_state_value(const struct gc_state *st)
{
	return value_out(st->value);
}

const struct gc_value *
gc_state_get(const struct gc_state *st, const char *path)
{
	return gc_value_find(value_out(st->value), path);
}

uint64_t
gc_state_version(const struct gc_state *st)
{
	return st->version;
}

static int
bad(struct gc_state *st, const char *path)
{
	return net_problem(
	    st->net, GC_EINVALID, "'%s' cannot be changed like that", path);
}

int
gc_state_set(struct gc_state *st, const char *path, struct gc_value *v)
{
	struct ipc_value *value = value_in(v);
	struct ipc_path p;
	int r;

	if (v == NULL)
		return net_problem(st->net, GC_ENO_MEMORY, "no value");
	if (!ipc_path_parse(path, &p) ||
	    (p.n == 0 && ipc_value_type(value) != IPC_V_MAP)) {
		ipc_value_free(value);
		return bad(st, path);
	}
	r = put_set(st, &p, value, IPC_STATE_SET);
	if (r < 0) {
		ipc_value_free(value);
		return r;
	}
	gone_note(st, &p, value);
	st->version++;
	if (p.n) {
		r = ipc_value_put(st->value, &p, value);
	} else {
		ipc_value_free(st->value);
		st->value = value;
	}
	return r < 0 ? net_fail(st->net, GC_ENO_MEMORY, "out of memory") : 0;
}

/* The map at a path; what is missing becomes one. */
static struct ipc_value *
map_at(struct gc_state *st, const struct ipc_path *p)
{
	struct ipc_value *at = ipc_value_find(st->value, p);

	if (ipc_value_type(at) == IPC_V_MAP)
		return at;
	if (ipc_value_put(st->value, p, ipc_value_map()) < 0)
		return NULL;
	return ipc_value_find(st->value, p);
}

int
gc_state_merge(struct gc_state *st, const char *path, struct gc_value *v)
{
	struct ipc_value *value = value_in(v), *marker;
	struct ipc_path p;
	int r;

	if (v == NULL)
		return net_problem(st->net, GC_ENO_MEMORY, "no value");
	if (!ipc_path_parse(path, &p) || ipc_value_type(value) != IPC_V_MAP) {
		ipc_value_free(value);
		return bad(st, path);
	}
	r = put_set(st, &p, value, IPC_STATE_MERGE);
	if (r == 0) {
		gone_note_merge(st, &p, value);
		marker = ipc_value_bytes(GC_DELETED, GC_DELETED_LEN);
		if (marker == NULL ||
		    ipc_value_merge(map_at(st, &p), value, marker) < 0)
			r = net_fail(st->net, GC_ENO_MEMORY, "out of memory");
		ipc_value_free(marker);
		st->version++;
	}
	ipc_value_free(value);
	return r;
}

int
gc_state_delete(struct gc_state *st, const char *path)
{
	struct ipc_path p;
	int r;

	if (!ipc_path_parse(path, &p) || p.n == 0)
		return bad(st, path);
	if (ipc_value_find(st->value, &p) == NULL)
		return 0;
	r = put_change(st->net, IPC_STATE_DELETE, st->number, &p, NULL);
	if (r == 0) {
		gone_note(st, &p, NULL);
		ipc_value_drop(st->value, &p);
		st->version++;
	}
	return r;
}

struct gc_value *
gc_value_deleted(void)
{
	return gc_value_bytes(GC_DELETED, GC_DELETED_LEN);
}

/* ---- who sees what
 * ------------------------------------------------------------------ */

static int
put_view(struct gc_net *net, uint64_t number, const struct ipc_buf *b)
{
	struct ipc_frame f = { .kind = IPC_STATE_VIEW,
		.id = number,
		.bytes = b ? b->data : NULL,
		.len = b ? (uint32_t)b->len : 0 };

	return stream_put(net, &f, NULL);
}

/* A path behind + or -. NULL: it is none. */
static struct ipc_value *
rule(const char *text)
{
	struct ipc_path p;

	if ((*text != '+' && *text != '-') || !ipc_path_parse(text + 1, &p) ||
	    p.n == 0)
		return NULL;
	return ipc_value_make("[bv]", *text == '+', ipc_path_value(&p));
}

static bool
pack_view(const struct gc_view *view, struct ipc_buf *out)
{
	struct ipc_value *rules = ipc_value_array(), *v;
	bool good = true;

	for (const char *const *r = view->rules; r && *r && good; r++)
		good = ipc_value_add(rules, rule(*r)) == 0;
	v = ipc_value_make("{svsf}", "rules", rules, "radius", view->radius);
	good = good && v && ipc_value_pack(v, out) == 0;
	ipc_value_free(v);
	return good;
}

int
gc_view(struct gc_net *net, uint64_t number, const struct gc_view *view)
{
	struct stores *s = stores_of(net);
	struct ipc_buf *b = s && view ? calloc(1, sizeof(*b)) : NULL;
	struct conn *c;

	if (s == NULL || (view && b == NULL))
		return net_problem(net, GC_ENO_MEMORY, "out of memory");
	if (b)
		ipc_buf_init(b, 64 << 10);
	if (number == 0 || (b && !pack_view(view, b))) {
		if (b)
			ipc_buf_release(b);
		free(b);
		return net_problem(net, GC_EINVALID,
		    "view %" PRIu64 ": no such number or rule", number);
	}
	c = conns_find(&s->views, number);
	if (c) {
		ipc_buf_release(c->bound);
		free(c->bound);
		conns_remove(&s->views, number);
	}
	if (b) {
		c = conns_add(&s->views, number, NULL);
		if (c == NULL) {
			ipc_buf_release(b);
			free(b);
			return net_problem(net, GC_ENO_MEMORY, "out of memory");
		}
		c->bound = b;
	}
	return put_view(net, number, b);
}

static int
put_watch(struct gc_net *net, uint64_t store, uint64_t id, unsigned flags,
    const struct gc_watch *how)
{
	struct ipc_value *v = ipc_value_make("{sl}", "store", (int64_t)store);
	int e = v ? 0 : IPC_ERR_NO_MEMORY;

	if (e == 0 && how && how->view)
		e = set(v, "view", ipc_value_int((int64_t)how->view));
	if (e == 0 && how && how->rate > 0)
		e = set(v, "rate", ipc_value_float(how->rate));
	if (e == 0 && how && how->me)
		e = set(v, "me", ipc_value_copy(value_in(how->me)));
	e = e ? net_problem(net, GC_ENO_MEMORY, "out of memory")
	      : put_value(net, IPC_STATE_WATCH, flags, id, v);
	ipc_value_free(v);
	return e;
}

int
gc_state_watch(struct gc_state *st, uint64_t conn, const struct gc_watch *how)
{
	return put_watch(st->net, st->number, conn, 0, how);
}

int
gc_state_watch_group(
    struct gc_state *st, uint64_t group, const struct gc_watch *how)
{
	return put_watch(st->net, st->number, group, IPC_TO_GROUP, how);
}

int
gc_state_unwatch(struct gc_net *net, uint64_t conn)
{
	return put_watch(net, 0, conn, 0, NULL);
}

static int
put_focus(struct gc_net *net, uint64_t conn, struct ipc_value *v)
{
	int r = v ? put_value(net, IPC_STATE_FOCUS, 0, conn, v)
		  : net_problem(net, GC_ENO_MEMORY, "out of memory");

	ipc_value_free(v);
	return r;
}

int
gc_state_focus(struct gc_net *net, uint64_t conn, const struct gc_value *key)
{
	return put_focus(net, conn, ipc_value_copy(value_in(key)));
}

int
gc_state_look(struct gc_net *net, uint64_t conn, double x, double y)
{
	return put_focus(net, conn, ipc_value_make("[ff]", x, y));
}

/* ---- netd died; the end
 * ---------------------------------------------------------------- */

int
stores_again(struct gc_net *net)
{
	struct stores *s = net->stores;
	struct ipc_frame events = { .kind = IPC_EVENTS, .id = 1 };
	int r = 0;

	if (s == NULL)
		return 0;
	if (s->events)
		r = stream_put(net, &events, NULL);
	for (size_t i = 0; i < s->views.size && r == 0; i++)
		if (s->views.slots[i].id)
			r = put_view(
			    net, s->views.slots[i].id, s->views.slots[i].bound);
	for (struct gc_state *st = s->states; st && r == 0; st = st->next) {
		struct ipc_path top = { .n = 0 };

		r = put_options(st);
		if (r == 0)
			r = put_set(st, &top, st->value, IPC_STATE_SET);
		if (r == 0)
			r = gone_put(st);
	}
	return r;
}

void
stores_release(struct gc_net *net)
{
	struct stores *s = net->stores;

	if (s == NULL)
		return;
	while (s->states) {
		struct gc_state *st = s->states;

		s->states = st->next;
		gone_release(st);
		ipc_value_free(st->value);
		ipc_buf_release(&st->options);
		free(st);
	}
	while (s->held)
		ipc_value_free(take_held(s, s->held->number));
	for (size_t i = 0; i < s->views.size; i++)
		if (s->views.slots[i].id) {
			ipc_buf_release(s->views.slots[i].bound);
			free(s->views.slots[i].bound);
		}
	for (size_t i = 0; i < s->acks.size; i++)
		if (s->acks.slots[i].id)
			free(s->acks.slots[i].bound);
	conns_release(&s->views);
	conns_release(&s->acks);
	ipc_buf_release(&s->bytes);
	ipc_value_free(s->call);
	ipc_value_free(s->reply);
	free(s);
	net->stores = NULL;
}
