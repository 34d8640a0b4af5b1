/*
 * store_grid.c - things with a place, by cells, so that who is near is found
 * without a look at everybody.
 */
#include "netd/store_own.h"

#include "ipc/msg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the grid --------------------------------------------------------------
 */

void
grid_leave(struct store *s, struct place *p)
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

int64_t
grid_cell(const struct store *s, double v)
{
	double at = floor(v / s->cell);

	return at < -1e15  ? (int64_t)-1e15
	       : at > 1e15 ? (int64_t)1e15
			   : (int64_t)at;
}

struct cell *
grid_cell_find(const struct store *s, int64_t x, int64_t y)
{
	int64_t at[2] = { x, y };
	struct cell *c;

	HASH_FIND(hh, s->cells, at, sizeof(at), c);
	return c;
}

static bool
cell_enter(struct store *s, struct place *p)
{
	int64_t x = grid_cell(s, p->x), y = grid_cell(s, p->y);
	struct cell *c = grid_cell_find(s, x, y);

	if (c && p->cell == c)
		return true;
	grid_leave(s, p);
	c = grid_cell_find(s, x, y);
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
	    place_child(thing, ipc_key_str(s->grid_x, strlen(s->grid_x)));

	if (at == NULL || !at->alive || at->value == NULL)
		return false;
	if (s->grid_y == NULL)
		return coordinate(ipc_value_at(at->value, 0), x) &&
		       coordinate(ipc_value_at(at->value, 1), y);
	if (!coordinate(at->value, x))
		return false;
	at = place_child(thing, ipc_key_str(s->grid_y, strlen(s->grid_y)));
	return at && at->alive && coordinate(at->value, y);
}

/* The map that holds the things, or NULL. */
struct place *
grid_map(const struct store *s)
{
	struct place *p = s->top;

	if (s->grid_path == NULL)
		return NULL;
	for (size_t i = 0; p && i < s->grid.n; i++)
		p = place_child(p, s->grid.keys[i]);
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
	grid_leave(s, thing);
	return true;
}

/* After a change: every thing of this version. */
bool
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
		grid_leave(s, at);
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
