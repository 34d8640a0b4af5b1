/*
 * store.c - a merged state that knows when each of its places changed.
 *
 * A place keeps its children in the order of their newest change, so a delta
 * is a walk that ends at the first child which is old enough. A place that
 * died stays as a tombstone with the times of its lives: that is how a delta
 * knows whether somebody has it at all, and what of it, when it lives again.
 * What a dead map had inside dies with it, one by one, for the same reason.
 */
#include "netd/store_own.h"

#include "ipc/msg.h"

#include <stdlib.h>
#include <string.h>

/* Arrays in one value of a place. */
#define VALUE_DEPTH_MAX 12

bool
store_is_deleted(const struct ipc_value *v)
{
	const char *bytes;
	size_t len;

	if (ipc_value_type(v) != IPC_V_BYTES)
		return false;
	bytes = ipc_value_text(v, &len);
	return len == STORE_DELETED_LEN &&
	       memcmp(bytes, STORE_DELETED, len) == 0;
}

/* ---- places ----------------------------------------------------------------
 */

struct ipc_key
place_key(const struct place *p)
{
	return p->key_is_int ? ipc_key_int(p->key_number)
			     : ipc_key_str(p->key, p->key_len);
}

/* What uthash compares: a str's bytes, or the number's with one more behind,
 * so that eight letters are no number. */
static const void *
hashed(struct ipc_key key, uint8_t number[9], unsigned *len)
{
	if (key.text) {
		*len = (unsigned)key.len;
		return key.text;
	}
	memcpy(number, &key.number, 8);
	number[8] = 0xff; /* no UTF-8 has this byte */
	*len = 9;
	return number;
}

struct place *
place_child(const struct place *p, struct ipc_key key)
{
	struct place *found;
	uint8_t number[9];
	unsigned len;
	const void *bytes = hashed(key, number, &len);

	HASH_FIND(hh, p->children, bytes, len, found);
	return found;
}

static void
order_out(struct place *p)
{
	struct places *o = &p->parent->order;

	*(p->newer ? &p->newer->older : &o->first) = p->older;
	*(p->older ? &p->older->newer : &o->last) = p->newer;
}

static void
order_in(struct place *p)
{
	struct places *o = &p->parent->order;

	p->newer = NULL;
	p->older = o->first;
	*(o->first ? &o->first->newer : &o->last) = p;
	o->first = p;
}

static struct place *
place_new(struct store *s, struct place *parent, struct ipc_key key)
{
	size_t room = key.text ? key.len : 9;
	struct place *p;

	if (s->places >= s->limits.places_max)
		return NULL;
	p = calloc(1, sizeof(*p) + room + 1);
	if (p == NULL)
		return NULL;
	p->parent = parent;
	p->number = ++s->numbers;
	p->key_is_int = key.text == NULL;
	p->key_number = key.number;
	s->places++;
	s->bytes += PLACE_BYTES + room;
	if (parent == NULL)
		return p;
	if (key.text) {
		memcpy(p->key, key.text, key.len);
		p->key_len = (uint32_t)key.len;
	} else {
		unsigned len;

		hashed(key, (uint8_t *)p->key, &len);
		p->key_len = len;
	}
	HASH_ADD_KEYPTR(hh, parent->children, p->key, p->key_len, p);
	/* Nothing happened in it yet: it is the oldest. */
	p->newer = parent->order.last;
	*(p->newer ? &p->newer->older : &parent->order.first) = p;
	parent->order.last = p;
	return p;
}

/* Something in p has this version: p and all above it are the newest. */
static void
touch(struct store *s, struct place *p)
{
	p->at = s->version;
	for (; p && p->newest != s->version; p = p->parent) {
		p->newest = s->version;
		if (p->parent && p->newer) {
			order_out(p);
			order_in(p);
		}
	}
}

static void
value_put(struct store *s, struct place *p, struct ipc_value *v)
{
	if (p->value)
		s->bytes -= ipc_value_packed(p->value);
	ipc_value_free(p->value);
	p->value = v;
	if (v)
		s->bytes += ipc_value_packed(v);
}

/* ---- lives and deaths -------------------------------------------------------
 */

/* Forget the oldest life. */
static void
life_drop(struct place *p)
{
	p->n_lives--;
	memmove(&p->lives[0], &p->lives[1], p->n_lives * sizeof(p->lives[0]));
}

static bool
lives_grow(struct place *p)
{
	unsigned size = p->lives_size * 2u;
	struct life *lives;

	if (size > LIVES_MAX)
		return false;
	lives = malloc(size * sizeof(*lives));
	if (lives == NULL)
		return false;
	memcpy(lives, p->lives, p->n_lives * sizeof(*lives));
	if (p->lives != p->few)
		free(p->lives);
	p->lives = lives;
	p->lives_size = (uint8_t)size;
	return true;
}

static void
life_add(struct store *s, struct place *p)
{
	/* What everybody is past says nothing to anybody. */
	while (p->n_lives && p->lives[0].died <= s->had)
		life_drop(p);
	if (p->lives == NULL) {
		p->lives = p->few;
		p->lives_size = LIVES_FEW;
	}
	if (p->n_lives == p->lives_size && !lives_grow(p)) {
		/* Who is as far behind as that life gets everything. */
		if (p->lives[0].died > s->floor)
			s->floor = p->lives[0].died;
		life_drop(p);
	}
	p->lives[p->n_lives++] = (struct life){ p->born, s->version };
}

static void
place_live(struct store *s, struct place *p)
{
	if (p->alive)
		return;
	if (p->n_lives) {
		TAILQ_REMOVE(&s->dead, p, dead);
		s->tombs--;
	}
	p->alive = true;
	p->born = s->version;
	p->at = s->version;
}

static void
place_die(struct store *s, struct place *p, int64_t now_us)
{
	struct place *older;

	if (!p->alive)
		return;
	/* Children first: they leave the list of the dead before it does. */
	for (struct place *c = p->order.first; c; c = older) {
		older = c->older;
		place_die(s, c, now_us);
	}
	value_put(s, p, NULL);
	grid_leave(s, p);
	p->alive = p->is_map = p->placed = false;
	life_add(s, p);
	p->died_us = now_us;
	TAILQ_INSERT_TAIL(&s->dead, p, dead);
	s->tombs++;
	touch(s, p);
}

static void
place_remove(struct store *s, struct place *p)
{
	while (p->order.first)
		place_remove(s, p->order.first);
	value_put(s, p, NULL);
	grid_leave(s, p);
	if (!p->alive && p->n_lives) {
		TAILQ_REMOVE(&s->dead, p, dead);
		s->tombs--;
	}
	s->places--;
	s->bytes -= PLACE_BYTES + p->key_len;
	if (p->parent) {
		HASH_DEL(p->parent->children, p);
		order_out(p);
	}
	if (p->lives != p->few)
		free(p->lives);
	free(p);
}

bool
place_alive_at(const struct place *p, uint64_t version)
{
	if (p->alive && p->born <= version)
		return true;
	for (uint8_t i = 0; i < p->n_lives; i++)
		if (p->lives[i].born <= version && version < p->lives[i].died)
			return true;
	return false;
}

/* ---- changing ---------------------------------------------------------------
 */

struct store *
store_new(const struct store_limits *limits)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->limits = *limits;
	TAILQ_INIT(&s->dead);
	s->top = place_new(s, NULL, ipc_key_int(0));
	if (s->top == NULL) {
		free(s);
		return NULL;
	}
	s->top->alive = s->top->is_map = true;
	return s;
}

void
store_free(struct store *s)
{
	if (s == NULL)
		return;
	place_remove(s, s->top);
	ipc_value_free(s->grid_path);
	free(s->grid_x);
	free(s->grid_y);
	free(s);
}

static int assign(struct store *s, struct place *p, const struct ipc_value *v,
    bool merge, int64_t now_us);

static int
assign_child(struct store *s, struct place *p, struct ipc_key key,
    const struct ipc_value *v, bool merge, int64_t now_us)
{
	struct place *c = place_child(p, key);

	if (merge && store_is_deleted(v)) {
		if (c)
			place_die(s, c, now_us);
		return 0;
	}
	if (c == NULL)
		c = place_new(s, p, key);
	if (c == NULL)
		return IPC_ERR_LIMIT;
	return assign(s, c, v, merge, now_us);
}

/* Its paths and what surrounds them must fit into a value. */
static int
become_map(struct store *s, struct place *p)
{
	size_t depth = 0;

	if (p->alive && p->is_map)
		return 0;
	for (struct place *up = p->parent; up; up = up->parent)
		depth++;
	if (depth >= IPC_PATH_MAX)
		return IPC_ERR_LIMIT;
	place_live(s, p);
	value_put(s, p, NULL);
	p->is_map = true;
	touch(s, p);
	return 0;
}

static bool
is_flat(const struct ipc_value *v, unsigned depth)
{
	size_t n = ipc_value_size(v);

	if (n && depth == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_flat(ipc_value_at(v, i), depth - 1))
			return false;
	return true;
}

static int
assign_map(struct store *s, struct place *p, const struct ipc_value *v,
    bool merge, int64_t now_us)
{
	size_t n = ipc_value_size(v);
	struct place *older;
	int e = become_map(s, p);

	if (e)
		return e;
	for (struct place *c = merge ? NULL : p->order.first; c; c = older) {
		older = c->older;
		if (ipc_value_get(v, place_key(c)) == NULL)
			place_die(s, c, now_us);
	}
	for (size_t i = 0; i < n && e == 0; i++)
		e = assign_child(s, p, ipc_value_key(v, i), ipc_value_at(v, i),
		    merge, now_us);
	return e;
}

static int
assign(struct store *s, struct place *p, const struct ipc_value *v, bool merge,
    int64_t now_us)
{
	struct ipc_value *copy;
	struct place *older;

	if (ipc_value_type(v) == IPC_V_MAP)
		return assign_map(s, p, v, merge, now_us);
	if (p->alive && !p->is_map && ipc_value_equal(p->value, v))
		return 0;
	if (!is_flat(v, VALUE_DEPTH_MAX))
		return IPC_ERR_LIMIT;
	copy = ipc_value_copy(v);
	if (copy == NULL)
		return IPC_ERR_NO_MEMORY;
	for (struct place *c = p->order.first; c; c = older) {
		older = c->older;
		place_die(s, c, now_us);
	}
	place_live(s, p);
	p->is_map = false;
	value_put(s, p, copy);
	touch(s, p);
	return s->bytes > s->limits.bytes_max ? IPC_ERR_LIMIT : 0;
}

/* The place at a path; what is missing or no map becomes one. */
static int
reach(struct store *s, const struct ipc_path *path, struct place **out)
{
	struct place *p = s->top;

	for (size_t i = 0; i < path->n; i++) {
		struct place *c = place_child(p, path->keys[i]);
		int e = become_map(s, p);

		if (e)
			return e;
		if (c == NULL)
			c = place_new(s, p, path->keys[i]);
		if (c == NULL)
			return IPC_ERR_LIMIT;
		p = c;
	}
	*out = p;
	return 0;
}

static int
change(struct store *s, const struct ipc_path *path, const struct ipc_value *v,
    bool merge, int64_t now_us)
{
	struct place *p = NULL;
	int e;

	if (ipc_value_type(v) != IPC_V_MAP && (merge || path->n == 0))
		return IPC_ERR_INVALID;
	s->version++;
	e = reach(s, path, &p);
	if (e == 0)
		e = assign(s, p, v, merge, now_us);
	if (!grid_follow(s))
		return IPC_ERR_NO_MEMORY;
	if (e == 0 && s->top->newest != s->version)
		s->version--; /* nothing is new */
	return e;
}

int
store_set(struct store *s, const struct ipc_path *p, const struct ipc_value *v,
    int64_t now_us)
{
	return change(s, p, v, false, now_us);
}

int
store_merge(struct store *s, const struct ipc_path *p,
    const struct ipc_value *v, int64_t now_us)
{
	return change(s, p, v, true, now_us);
}

int
store_drop(struct store *s, const struct ipc_path *path, int64_t now_us)
{
	struct place *p = s->top;

	if (path->n == 0)
		return IPC_ERR_INVALID;
	for (size_t i = 0; p && i < path->n; i++)
		p = place_child(p, path->keys[i]);
	if (p == NULL || !p->alive)
		return 0;
	s->version++;
	place_die(s, p, now_us);
	return grid_follow(s) ? 0 : IPC_ERR_NO_MEMORY;
}

uint64_t
store_version(const struct store *s)
{
	return s->version;
}

size_t
store_places(const struct store *s)
{
	return s->places;
}

size_t
store_bytes(const struct store *s)
{
	return s->bytes;
}

size_t
store_tombs(const struct store *s)
{
	return s->tombs;
}

void
store_prune(struct store *s, uint64_t everybody_has, int64_t now_us)
{
	struct place *p;

	s->had = everybody_has;
	while ((p = TAILQ_FIRST(&s->dead)) != NULL) {
		uint64_t died = p->lives[p->n_lives - 1].died;

		if (died > everybody_has && s->tombs <= s->limits.tombs_max &&
		    now_us - p->died_us < s->limits.tomb_us)
			break;
		if (died > s->floor)
			s->floor = died;
		place_remove(s, p);
	}
}
