/*
 * store_delta.c - what somebody lacks: a walk over what changed, by what may
 * be seen.
 *
 * Where a radius holds, what came near is told whole and what went far is
 * deleted, whether it changed or not; so a sight remembers what it was told
 * of.
 */
#include "netd/store_own.h"

#include "ipc/msg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Things leave sight this much farther out than they come in, so that one on
 * the edge does not come and go. */
#define LEAVE 1.1
/* Beyond that many cells all things are looked at instead. */
#define CELLS_MAX 1024

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
	struct ipc_key key = place_key(c);
	struct ipc_value *inner;

	if (!seen.shown && !shows_deeper(w, seen))
		return;
	if (!c->alive) {
		if (place_alive_at(c, since))
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
		    seen_under(w, above, place_key(thing)), into);
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
	p = place_child(map, ipc_value_type(me) == IPC_V_STR
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
	int64_t x0 = grid_cell(w->s, x - far), x1 = grid_cell(w->s, x + far);
	int64_t y0 = grid_cell(w->s, y - far), y1 = grid_cell(w->s, y + far);
	struct place *p = map->order.first;

	if ((double)(x1 - x0 + 1) * (double)(y1 - y0 + 1) > CELLS_MAX) {
		for (; p; p = p->older)
			if (p->placed)
				walk_thing(w, p, x, y, since, seen, into);
		return;
	}
	for (int64_t cx = x0; cx <= x1; cx++)
		for (int64_t cy = y0; cy <= y1; cy++) {
			struct cell *c = grid_cell_find(w->s, cx, cy);

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
		p = place_child(map, key);
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
			walk_child(w, p, since,
			    seen_under(w, seen, place_key(p)), into);
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
		walk_child(
		    w, c, since, seen_under(w, seen, place_key(c)), into);
	/* Who moves sees other things, though nothing changed. */
	way = w->things;
	while (way && way->parent != p)
		way = way->parent;
	if (way && way->newest <= since)
		walk_child(
		    w, way, since, seen_under(w, seen, place_key(way)), into);
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
