/*
 * map.c - the surroundings, drawn from the exits alone.
 *
 * Places are laid on a grid as one would walk: the first that claims a spot
 * has it, so a world that does not lie flat still gives a fair map. Stairs are
 * marked and not followed. Pure.
 */
#include "mud.h"

#include <string.h>

enum { REACH_MAX = 6, SIDE = 2 * REACH_MAX + 1 };

static const int step_x[] = { 0, 1, 0, -1 }, step_y[] = { -1, 0, 1, 0 };

struct grid {
	const struct place *at[SIDE][SIDE]; /* y, x */
	int reach;
};

static bool
inside(const struct grid *g, int x, int y)
{
	return x >= -g->reach && x <= g->reach && y >= -g->reach &&
	       y <= g->reach;
}

static const struct place **
spot(struct grid *g, int x, int y)
{
	return &g->at[y + REACH_MAX][x + REACH_MAX];
}

static bool
is_laid(struct grid *g, const struct place *p)
{
	for (int i = 0; i < SIDE * SIDE; i++)
		if (g->at[i / SIDE][i % SIDE] == p)
			return true;
	return false;
}

/* Breadth first, so that what is near has its spot first. */
static void
lay(struct grid *g, const struct place *here, int reach)
{
	struct {
		const struct place *place;
		int x, y;
	} queue[SIDE * SIDE], now;
	size_t head = 0, tail = 0;

	*g = (struct grid){ .reach = reach > REACH_MAX ? REACH_MAX : reach };
	*spot(g, 0, 0) = here;
	queue[tail].place = here;
	queue[tail].x = queue[tail].y = 0;
	tail++;
	while (head < tail) {
		now = queue[head++];
		for (int w = 0; w < UP; w++) {
			const struct place *next = now.place->exits[w];
			int x = now.x + step_x[w], y = now.y + step_y[w];

			if (next == NULL || !inside(g, x, y) ||
			    *spot(g, x, y) || is_laid(g, next))
				continue;
			*spot(g, x, y) = next;
			queue[tail].place = next;
			queue[tail].x = x;
			queue[tail++].y = y;
		}
	}
}

/* Do these two spots join, one east or south of the other? */
static bool
joins(struct grid *g, int x, int y, enum way way)
{
	const struct place *a = *spot(g, x, y), *b;

	if (a == NULL || !inside(g, x + step_x[way], y + step_y[way]))
		return false;
	b = *spot(g, x + step_x[way], y + step_y[way]);
	return b && (a->exits[way] == b || b->exits[WAY_BACK(way)] == a);
}

static void
draw_place(struct grid *g, int x, int y, struct text *out)
{
	const struct place *p = *spot(g, x, y);
	const char *mark;

	if (p == NULL) {
		text_printf(out, "   ");
		return;
	}
	mark = p->exits[UP] && p->exits[DOWN] ? "%"
	       : p->exits[UP]                 ? "^"
	       : p->exits[DOWN]               ? "v"
					      : p->symbol;
	if (x == 0 && y == 0)
		text_printf(out, "[{bold}{yellow}@{/}{/}]");
	else
		text_printf(out, "[{cyan}%c{/}]", *mark);
}

/* Rows that have anything in them. */
static bool
is_row(struct grid *g, int y)
{
	for (int x = -g->reach; x <= g->reach; x++)
		if (*spot(g, x, y))
			return true;
	return false;
}

static bool
is_column(struct grid *g, int x)
{
	for (int y = -g->reach; y <= g->reach; y++)
		if (*spot(g, x, y))
			return true;
	return false;
}

void
map_draw(const struct world *w, const struct place *here, int reach,
    struct text *out)
{
	struct grid g;
	int left, right;

	(void)w;
	lay(&g, here, reach);
	for (left = -g.reach; !is_column(&g, left);)
		left++;
	for (right = g.reach; !is_column(&g, right);)
		right--;
	text_printf(out, "{pre}");
	for (int y = -g.reach; y <= g.reach; y++) {
		if (!is_row(&g, y))
			continue;
		text_printf(out, "  ");
		for (int x = left; x <= right; x++) {
			draw_place(&g, x, y, out);
			text_printf(out, joins(&g, x, y, EAST) ? "-" : " ");
		}
		text_printf(out, "\n");
		if (y == g.reach || !is_row(&g, y + 1))
			continue;
		text_printf(out, "  ");
		for (int x = left; x <= right; x++)
			text_printf(
			    out, joins(&g, x, y, SOUTH) ? " |  " : "    ");
		text_printf(out, "\n");
	}
	text_printf(out, "{/pre}");
}

void
map_json(const struct world *w, const struct place *here, int reach,
    struct text *out)
{
	struct grid g;
	const char *comma = "";

	(void)w;
	lay(&g, here, reach);
	text_printf(out, "[");
	for (int y = -g.reach; y <= g.reach; y++)
		for (int x = -g.reach; x <= g.reach; x++) {
			const struct place *p = *spot(&g, x, y);
			char letter[2] = { 0 };

			if (p == NULL)
				continue;
			text_printf(
			    out, "%s{\"x\":%d,\"y\":%d,\"name\":", comma, x, y);
			text_json(out, p->name);
			letter[0] = *p->symbol;
			text_printf(out, ",\"symbol\":");
			text_json(out, letter);
			text_printf(out, ",\"exits\":\"");
			for (int way = 0; way < WAYS; way++)
				if (p->exits[way] &&
				    (way >= UP ||
					joins(&g, x, y, (enum way)way)))
					text_add(out, way_names[way], 1);
			text_printf(out, "\"}");
			comma = ",";
		}
	text_printf(out, "]");
}
