/*
 * store.c - a merged state that knows when each of its places changed.
 *
 * A place keeps its children in the order of their newest change, so a delta
 * is a walk that ends at the first child which is old enough. A place that
 * died stays as a tombstone with the times of its lives: that is how a delta
 * knows whether somebody has it at all, and what of it, when it lives again.
 * What a dead map had inside dies with it, one by one, for the same reason.
 */
#include "netd/store.h"

#include "ipc/msg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <uthash.h>

/* Lives of a place that are remembered beside the last: most need few. */
#define LIVES_FEW 2
#define LIVES_MAX 128
/* A place's own cost, for bytes_max. */
#define PLACE_BYTES 64
/* Things leave sight this much farther out than they come in, so that one on
 * the edge does not come and go. */
#define LEAVE 1.1
/* Arrays in one value of a place. */
#define VALUE_DEPTH_MAX 12
/* Beyond that many cells all things are looked at instead. */
#define CELLS_MAX 1024

struct life {
	uint64_t born, died;
};

struct place {
	struct place *parent;
	struct ipc_value *value; /* alive and no map: owned; else NULL */
	bool alive, is_map;
	uint8_t n_lives, lives_size;
	uint64_t at;                        /* of its own last change */
	uint64_t newest;                    /* of the last change in it */
	uint64_t born;                      /* of this life */
	struct life few[LIVES_FEW], *lives; /* to few, or owned */
	int64_t died_us;
	uint64_t number;        /* never used again */
	struct place *children; /* uthash by key */
	struct places {         /* the same, newest first */
		struct place *first, *last;
	} order;
	struct place *newer, *older; /* of its parent's */
	TAILQ_ENTRY(place) dead;
	/* In the grid. */
	bool placed;
	double x, y;
	struct cell *cell;
	struct place *next_in, *prev_in;
	UT_hash_handle hh;
	uint32_t key_len;
	bool key_is_int;
	int64_t key_number;
	char key[]; /* of a str */
};

struct cell {
	int64_t at[2];
	struct place *first;
	UT_hash_handle hh;
};

struct store {
	struct store_limits limits;
	struct place *top;
	uint64_t version, floor, numbers;
	uint64_t had; /* everybody has this version */
	size_t places, bytes, tombs;
	TAILQ_HEAD(, place) dead; /* in the order they died */
	struct ipc_value *grid_path;
	struct ipc_path grid;
	char *grid_x, *grid_y;
	double cell;
	struct cell *cells;
};

struct store_known {
	uint64_t number;
	uint32_t round;
	struct ipc_value *key;
	UT_hash_handle hh;
};

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

static struct ipc_key
key_of(const struct place *p)
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

static struct place *
child(const struct place *p, struct ipc_key key)
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

/* ---- the grid --------------------------------------------------------------
 */

static void
cell_leave(struct store *s, struct place *p)
{
	struct cell *c = p->cell;

	if (c == NULL)
		return;
	*(p->prev_in ? &p->prev_in->next_in : &c->first) = p->next_in;
	if (p->next_in)
		p->next_in->prev_in = p->prev_in;
	p->cell = NULL;
	p->next_in = p->prev_in = NULL;
	if (c->first == NULL) {
		HASH_DEL(s->cells, c);
		free(c);
	}
}

static int64_t
cell_at(const struct store *s, double v)
{
	double at = floor(v / s->cell);

	return at < -1e15  ? (int64_t)-1e15
	       : at > 1e15 ? (int64_t)1e15
			   : (int64_t)at;
}

static struct cell *
cell_find(const struct store *s, int64_t x, int64_t y)
{
	int64_t at[2] = { x, y };
	struct cell *c;

	HASH_FIND(hh, s->cells, at, sizeof(at), c);
	return c;
}

static bool
cell_enter(struct store *s, struct place *p)
{
	int64_t x = cell_at(s, p->x), y = cell_at(s, p->y);
	struct cell *c = cell_find(s, x, y);

	if (c && p->cell == c)
		return true;
	cell_leave(s, p);
	c = cell_find(s, x, y);
	if (c == NULL) {
		c = calloc(1, sizeof(*c));
		if (c == NULL)
			return false;
		c->at[0] = x;
		c->at[1] = y;
		HASH_ADD(hh, s->cells, at, sizeof(c->at), c);
	}
	p->cell = c;
	p->next_in = c->first;
	if (c->first)
		c->first->prev_in = p;
	c->first = p;
	return true;
}

static bool
coordinate(const struct ipc_value *v, double *out)
{
	enum ipc_value_type type = ipc_value_type(v);

	if (type != IPC_V_INT && type != IPC_V_FLOAT)
		return false;
	*out = ipc_value_as_float(v);
	return isfinite(*out);
}

static bool
find_xy(const struct store *s, const struct place *thing, double *x, double *y)
{
	const struct place *at =
	    child(thing, ipc_key_str(s->grid_x, strlen(s->grid_x)));

	if (at == NULL || !at->alive || at->value == NULL)
		return false;
	if (s->grid_y == NULL)
		return coordinate(ipc_value_at(at->value, 0), x) &&
		       coordinate(ipc_value_at(at->value, 1), y);
	if (!coordinate(at->value, x))
		return false;
	at = child(thing, ipc_key_str(s->grid_y, strlen(s->grid_y)));
	return at && at->alive && coordinate(at->value, y);
}

/* The map that holds the things, or NULL. */
static struct place *
grid_map(const struct store *s)
{
	struct place *p = s->top;

	if (s->grid_path == NULL)
		return NULL;
	for (size_t i = 0; p && i < s->grid.n; i++)
		p = child(p, s->grid.keys[i]);
	return p;
}

/* A thing changed: it stands where its numbers say. */
static bool
grid_place(struct store *s, struct place *thing)
{
	thing->placed = thing->alive && thing->is_map &&
			find_xy(s, thing, &thing->x, &thing->y);
	if (thing->placed)
		return cell_enter(s, thing);
	cell_leave(s, thing);
	return true;
}

/* After a change: every thing of this version. */
static bool
grid_follow(struct store *s)
{
	struct place *map = grid_map(s), *p = map ? map->order.first : NULL;

	for (; p && p->newest == s->version; p = p->older)
		if (!grid_place(s, p))
			return false;
	return true;
}

int
store_grid(struct store *s, const struct ipc_path *p, const char *x,
    const char *y, double cell)
{
	struct place *map = grid_map(s), *at;

	if (!(cell > 0) || *x == '\0' || !isfinite(cell))
		return IPC_ERR_INVALID;
	for (at = map ? map->order.first : NULL; at; at = at->older)
		cell_leave(s, at);
	ipc_value_free(s->grid_path);
	free(s->grid_x);
	free(s->grid_y);
	s->grid_path = ipc_path_value(p);
	s->grid_x = strdup(x);
	s->grid_y = y ? strdup(y) : NULL;
	s->cell = cell;
	if (s->grid_path == NULL || s->grid_x == NULL || (y && !s->grid_y))
		return IPC_ERR_NO_MEMORY;
	ipc_path_of(s->grid_path, &s->grid);
	map = grid_map(s);
	for (at = map ? map->order.first : NULL; at; at = at->older)
		if (!grid_place(s, at))
			return IPC_ERR_NO_MEMORY;
	return 0;
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
	cell_leave(s, p);
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
	cell_leave(s, p);
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

static bool
alive_at(const struct place *p, uint64_t version)
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
	struct place *c = child(p, key);

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
		if (ipc_value_get(v, key_of(c)) == NULL)
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
		struct place *c = child(p, path->keys[i]);
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
		p = child(p, path->keys[i]);
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

/* ---- views ------------------------------------------------------------------
 */

struct store_view *
store_view_new(const struct ipc_value *v)
{
	const struct ipc_value *rules = ipc_value_gets(v, "rules");
	struct store_view *view = calloc(1, sizeof(*view));
	size_t n = ipc_value_size(rules);
	bool good =
	    view && ipc_value_type(v) == IPC_V_MAP && n <= STORE_RULES_MAX;

	for (size_t i = 0; good && i < n; i++) {
		const struct ipc_value *r = ipc_value_at(rules, i);
		struct store_rule *to = &view->rules[i];

		to->show = ipc_value_as_bool(ipc_value_at(r, 0));
		to->path = ipc_value_copy(ipc_value_at(r, 1));
		view->n++;
		good = to->path && ipc_path_of(to->path, &to->keys) &&
		       to->keys.n > 0;
	}
	if (good)
		view->radius = ipc_value_as_float(ipc_value_gets(v, "radius"));
	if (good && isfinite(view->radius))
		return view;
	store_view_free(view);
	return NULL;
}

void
store_view_free(struct store_view *v)
{
	if (v == NULL)
		return;
	for (size_t i = 0; i < v->n; i++)
		ipc_value_free(v->rules[i].path);
	free(v);
}

void
store_sight_forget(struct store_sight *sight)
{
	struct store_known *k, *next;

	HASH_ITER(hh, sight->known, k, next)
	{
		HASH_DEL(sight->known, k);
		ipc_value_free(k->key);
		free(k);
	}
}

void
store_sight_release(struct store_sight *sight)
{
	store_sight_forget(sight);
	ipc_value_free(sight->me);
	sight->me = NULL;
}

/* ---- deltas
 * ------------------------------------------------------------------
 */

struct walk {
	struct store *s;
	struct store_sight *sight;
	const struct ipc_value *marker;
	struct store_delta *d;
	const struct place *things; /* the grid's map, if there is a radius */
	struct ipc_path path;
	bool no_memory;
};

/* What the rules say of one place and what is under it. */
struct seen {
	bool shown;
	uint32_t rules; /* that match so far and go deeper */
};

static bool
rule_matches(const struct walk *w, struct ipc_key want, struct ipc_key key)
{
	if (want.text && want.len == 1 && *want.text == '*')
		return true;
	if (want.text && want.len == 3 && memcmp(want.text, "$me", 3) == 0) {
		size_t len;
		const char *text = ipc_value_text(w->sight->me, &len);

		if (w->sight->me == NULL)
			return false;
		want = ipc_value_type(w->sight->me) == IPC_V_STR
			   ? ipc_key_str(text, len)
			   : ipc_key_int(ipc_value_as_int(w->sight->me));
	}
	return ipc_key_equal(want, key);
}

static struct seen
seen_at_top(const struct walk *w)
{
	const struct store_view *v = w->sight ? w->sight->view : NULL;

	if (v == NULL || v->n == 0)
		return (struct seen){ true, 0 };
	return (struct seen){ !v->rules[0].show,
		(uint32_t)((UINT64_C(1) << v->n) - 1) };
}

/* One level deeper, to key at this depth. */
static struct seen
seen_under(const struct walk *w, struct seen above, struct ipc_key key)
{
	struct seen s = { above.shown, 0 };
	size_t depth = w->path.n;

	for (size_t i = 0; above.rules >> i && i < STORE_RULES_MAX; i++) {
		const struct store_rule *r = &w->sight->view->rules[i];

		if (!(above.rules >> i & 1) ||
		    !rule_matches(w, r->keys.keys[depth], key))
			continue;
		if (r->keys.n == depth + 1)
			s.shown = r->show;
		else
			s.rules |= 1u << i;
	}
	return s;
}

/* Does a rule show something deeper? */
static bool
shows_deeper(const struct walk *w, struct seen s)
{
	for (size_t i = 0; s.rules >> i && i < STORE_RULES_MAX; i++)
		if ((s.rules >> i & 1) && w->sight->view->rules[i].show)
			return true;
	return false;
}

static void
put(struct walk *w, struct ipc_value *into, struct ipc_key key,
    struct ipc_value *v)
{
	if (ipc_value_set(into, key, v) < 0)
		w->no_memory = true;
}

/* Something at this key is to go. */
static void
tell_gone(struct walk *w, struct ipc_value *into, struct ipc_key key)
{
	struct ipc_value *path;

	if (w->marker) {
		put(w, into, key, ipc_value_copy(w->marker));
		return;
	}
	if (w->d->del == NULL)
		w->d->del = ipc_value_array();
	w->path.keys[w->path.n++] = key;
	path = ipc_path_value(&w->path);
	w->path.n--;
	if (ipc_value_add(w->d->del, path) < 0)
		w->no_memory = true;
}

static void walk_map(struct walk *w, const struct place *p, uint64_t since,
    struct seen seen, struct ipc_value *into);

static void
walk_child(struct walk *w, const struct place *c, uint64_t since,
    struct seen seen, struct ipc_value *into)
{
	struct ipc_key key = key_of(c);
	struct ipc_value *inner;

	if (!seen.shown && !shows_deeper(w, seen))
		return;
	if (!c->alive) {
		if (alive_at(c, since))
			tell_gone(w, into, key);
	} else if (!c->is_map) {
		if (seen.shown && (c->at > since))
			put(w, into, key, ipc_value_copy(c->value));
	} else if (w->path.n + 1 < IPC_PATH_MAX) {
		inner = ipc_value_map();
		if (inner == NULL) {
			w->no_memory = true;
			return;
		}
		w->path.keys[w->path.n++] = key;
		walk_map(w, c, since, seen, inner);
		w->path.n--;
		/* A new map is told of even when it is empty. */
		if (ipc_value_size(inner) || (seen.shown && c->at > since))
			put(w, into, key, inner);
		else
			ipc_value_free(inner);
	}
}

/* ---- what is near -----------------------------------------------------------
 */

static struct store_known *
known(struct walk *w, const struct place *thing, bool *is_new)
{
	struct store_sight *sight = w->sight;
	struct store_known *k;

	HASH_FIND(hh, sight->known, &thing->number, sizeof(k->number), k);
	*is_new = k == NULL;
	if (k)
		return k;
	k = calloc(1, sizeof(*k));
	if (k == NULL)
		return NULL;
	k->number = thing->number;
	k->key = thing->key_is_int ? ipc_value_int(thing->key_number)
				   : ipc_value_str(thing->key, thing->key_len);
	if (k->key == NULL) {
		free(k);
		return NULL;
	}
	HASH_ADD(hh, sight->known, number, sizeof(k->number), k);
	return k;
}

static void
walk_thing(struct walk *w, struct place *thing, double x, double y,
    uint64_t since, struct seen above, struct ipc_value *into)
{
	double r = w->sight->view->radius, dx = thing->x - x, dy = thing->y - y;
	double far = r * LEAVE, square = dx * dx + dy * dy;
	struct store_known *k;
	bool is_new;

	if (square > far * far)
		return;
	HASH_FIND(hh, w->sight->known, &thing->number, sizeof(k->number), k);
	if (k == NULL && square > r * r)
		return;
	k = known(w, thing, &is_new);
	if (k == NULL) {
		w->no_memory = true;
		return;
	}
	k->round = w->sight->round;
	if (is_new || thing->newest > since)
		walk_child(w, thing, is_new ? 0 : since,
		    seen_under(w, above, key_of(thing)), into);
}

/* Where this player looks. */
static bool
focus(const struct walk *w, const struct place *map, double *x, double *y)
{
	const struct ipc_value *me = w->sight->me;
	const struct place *p;
	size_t len;
	const char *text = ipc_value_text(me, &len);

	*x = w->sight->x;
	*y = w->sight->y;
	if (w->sight->fixed)
		return true;
	if (me == NULL)
		return false;
	p = child(map, ipc_value_type(me) == IPC_V_STR
			   ? ipc_key_str(text, len)
			   : ipc_key_int(ipc_value_as_int(me)));
	if (p == NULL || !p->placed)
		return false;
	*x = p->x;
	*y = p->y;
	return true;
}

static void
walk_near(struct walk *w, const struct place *map, double x, double y,
    uint64_t since, struct seen seen, struct ipc_value *into)
{
	double far = w->sight->view->radius * LEAVE;
	int64_t x0 = cell_at(w->s, x - far), x1 = cell_at(w->s, x + far);
	int64_t y0 = cell_at(w->s, y - far), y1 = cell_at(w->s, y + far);
	struct place *p = map->order.first;

	if ((double)(x1 - x0 + 1) * (double)(y1 - y0 + 1) > CELLS_MAX) {
		for (; p; p = p->older)
			if (p->placed)
				walk_thing(w, p, x, y, since, seen, into);
		return;
	}
	for (int64_t cx = x0; cx <= x1; cx++)
		for (int64_t cy = y0; cy <= y1; cy++) {
			struct cell *c = cell_find(w->s, cx, cy);

			for (p = c ? c->first : NULL; p; p = p->next_in)
				walk_thing(w, p, x, y, since, seen, into);
		}
}

/* Things without a place are everywhere; who looks nowhere sees only them. */
static void
walk_things(struct walk *w, const struct place *map, uint64_t since,
    struct seen seen, struct ipc_value *into)
{
	struct store_sight *sight = w->sight;
	struct store_known *k, *next;
	double x, y;

	sight->round++;
	if (focus(w, map, &x, &y))
		walk_near(w, map, x, y, since, seen, into);
	HASH_ITER(hh, sight->known, k, next)
	{
		size_t len;
		const char *text = ipc_value_text(k->key, &len);
		struct ipc_key key =
		    ipc_value_type(k->key) == IPC_V_STR
			? ipc_key_str(text, len)
			: ipc_key_int(ipc_value_as_int(k->key));
		const struct place *p;

		if (k->round == sight->round)
			continue;
		p = child(map, key);
		/* It has no place any more, or another has its name. */
		if (p == NULL || !p->alive || p->placed)
			if (ipc_value_get(into, key) == NULL)
				tell_gone(w, into, key);
		HASH_DEL(sight->known, k);
		ipc_value_free(k->key);
		free(k);
	}
	for (struct place *p = map->order.first; p && p->newest > since;
	     p = p->older)
		if (p->alive && !p->placed)
			walk_child(
			    w, p, since, seen_under(w, seen, key_of(p)), into);
}

static void
walk_map(struct walk *w, const struct place *p, uint64_t since,
    struct seen seen, struct ipc_value *into)
{
	const struct place *way;

	if (p == w->things) {
		walk_things(w, p, since, seen, into);
		return;
	}
	for (const struct place *c = p->order.first; c && c->newest > since;
	     c = c->older)
		walk_child(w, c, since, seen_under(w, seen, key_of(c)), into);
	/* Who moves sees other things, though nothing changed. */
	way = w->things;
	while (way && way->parent != p)
		way = way->parent;
	if (way && way->newest <= since)
		walk_child(
		    w, way, since, seen_under(w, seen, key_of(way)), into);
}

int
store_delta(struct store *s, uint64_t since, struct store_sight *sight,
    const struct ipc_value *marker, struct store_delta *d)
{
	struct walk w = { .s = s, .sight = sight, .marker = marker, .d = d };

	*d = (struct store_delta){ .from = since, .to = s->version };
	if (since == 0 || since < s->floor) {
		d->from = 0;
		d->whole = true;
		since = 0;
		if (sight)
			store_sight_forget(sight);
	}
	d->set = ipc_value_map();
	if (d->set == NULL)
		return IPC_ERR_NO_MEMORY;
	if (sight && sight->view && sight->view->radius > 0)
		w.things = grid_map(s);
	walk_map(&w, s->top, since, seen_at_top(&w), d->set);
	if (w.no_memory) {
		store_delta_release(d);
		return IPC_ERR_NO_MEMORY;
	}
	if (ipc_value_size(d->set) == 0 && !d->whole) {
		ipc_value_free(d->set);
		d->set = NULL;
	}
	return 0;
}

void
store_delta_release(struct store_delta *d)
{
	ipc_value_free(d->set);
	ipc_value_free(d->del);
	d->set = d->del = NULL;
}

/* ---- all of it
 * --------------------------------------------------------------- */

struct ipc_value *
store_value(const struct store *s)
{
	struct store_delta d;

	/* Without a sight nothing is noted: the store stays as it is. */
	if (store_delta((struct store *)(uintptr_t)s, 0, NULL, NULL, &d) < 0)
		return NULL;
	return d.set;
}
