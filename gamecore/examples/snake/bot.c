/*
 * bot.c - a snake that plays by itself.
 *
 * It looks one step ahead in the three ways it can go, and fills the field
 * from there to see how much room there is and how far the nearest digit is.
 * No dice: in the same world it always goes the same way.
 */
#include "bot.h"

#include <stdlib.h>
#include <string.h>

enum { FAR = 10000 };

/* What lies beyond a first step. */
struct view {
	int room;  /* cells that can be reached, at most enough */
	int digit; /* steps to the nearest digit, or FAR */
};

/* Breadth first, so the first digit seen is the nearest. seen and queue have
 * a place for each cell. */
static struct view
look(const struct world *w, int from, int enough, bool *seen, int *queue)
{
	struct view v = { .digit = FAR };
	int head = 0, tail = 0, level_end = 1, steps = 1;

	memset(seen, 0, (size_t)w->size * sizeof(*seen));
	seen[from] = true;
	queue[tail++] = from;
	while (head < tail && (v.room < enough || v.digit == FAR)) {
		int at = queue[head++];

		v.room++;
		if (w->cells[at].look != WORLD_FREE && v.digit == FAR)
			v.digit = steps;
		for (int way = 0; way < 4; way++) {
			int to = world_ahead(w, at, (enum world_way)way);

			if (to < 0 || seen[to] || !world_open(w, to))
				continue;
			seen[to] = true;
			queue[tail++] = to;
		}
		if (head == level_end) {
			level_end = tail;
			steps++;
		}
	}
	return v;
}

/* True if the head of another snake may enter this cell in this frame. */
static bool
contested(const struct world *w, int slot, int cell)
{
	for (int way = 0; way < 4; way++) {
		int from = world_ahead(w, cell, (enum world_way)way);
		const struct world_cell *c;

		if (from < 0)
			continue;
		c = &w->cells[from];
		if (c->slot != slot && c->slot != WORLD_NOBODY &&
		    strchr(WORLD_HEADS, c->look) != NULL)
			return true;
	}
	return false;
}

enum world_way
bot_way(const struct world *w, int slot)
{
	const struct world_snake *s = &w->snakes[slot];
	int enough = s->length + (int)s->growth + 10;
	int *queue = malloc((size_t)w->size * sizeof(*queue));
	bool *seen = malloc((size_t)w->size * sizeof(*seen));
	enum world_way best = s->way;
	int best_worth = -1;

	/* Straight on first: of two that are as good it stays on its way. */
	for (unsigned turn = 0; turn < 4 && queue != NULL && seen != NULL;
	     turn++) {
		enum world_way way = (enum world_way)((s->way + turn) % 4);
		int to = world_ahead(w, world_head(w, slot), way);
		struct view v;
		int worth;

		if (turn == 2 || to < 0 || !world_open(w, to))
			continue;
		v = look(w, to, enough, seen, queue);
		worth = v.room < enough ? v.room : 3 * FAR - v.digit;
		if (contested(w, slot, to))
			worth /= 8;
		if (worth > best_worth) {
			best_worth = worth;
			best = way;
		}
	}
	free(queue);
	free(seen);
	return best;
}
