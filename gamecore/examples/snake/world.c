/*
 * world.c - the rules of Snake, as world.h writes them down.
 *
 * Must never read a clock, dice or input of its own: the same dice and turns
 * give the same game, which replays depend on. A step costs one look at each
 * snake, and one walk over the field for each thing that is placed.
 */
#include "world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DIGIT_AREA = 30, /* one digit for as many cells, at the most */
	STONE_AREA = 40,
};

/* Where a snake is going in this frame. */
struct step {
	bool moving;
	int to; /* or -1: over the edge */
	enum world_death death;
	uint8_t killer;
};

void
world_usual(struct world_rules *rules)
{
	*rules = (struct world_rules){
		.width = 50,
		.height = 25,
		.digit_percent = 6,
		.stone_percent = 3,
		.corpse_frames = 40,
		.stone_frames = 400,
	};
}

struct world *
world_new(const struct world_rules *rules, world_dice *dice, void *arg)
{
	struct world *w;

	if (rules->width < WORLD_SIDE_MIN || rules->width > WORLD_SIDE_MAX ||
	    rules->height < WORLD_SIDE_MIN || rules->height > WORLD_SIDE_MAX)
		return NULL;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return NULL;
	w->rules = *rules;
	w->size = rules->width * rules->height;
	w->dice = dice;
	w->arg = arg;
	w->cells = calloc((size_t)w->size, sizeof(*w->cells));
	w->changes = calloc((size_t)w->size, sizeof(*w->changes));
	if (w->cells == NULL || w->changes == NULL)
		goto fail;
	for (int i = 0; i < w->size; i++) {
		w->cells[i].look = WORLD_FREE;
		w->cells[i].slot = WORLD_NOBODY;
	}
	for (int i = 0; i < WORLD_SNAKES; i++) {
		w->snakes[i].cells = calloc((size_t)w->size, sizeof(int));
		if (w->snakes[i].cells == NULL)
			goto fail;
	}
	return w;
fail:
	world_free(w);
	return NULL;
}

void
world_free(struct world *w)
{
	if (w == NULL)
		return;
	for (int i = 0; i < WORLD_SNAKES; i++)
		free(w->snakes[i].cells);
	free(w->cells);
	free(w->changes);
	free(w);
}

static bool
is_digit(char look)
{
	return look >= '1' && look <= '9';
}

/* The only place that changes a cell. */
static void
put(struct world *w, int at, char look, int slot, uint32_t until)
{
	struct world_cell *c = &w->cells[at];

	w->digits += is_digit(look) - is_digit(c->look);
	w->stones += (look == WORLD_STONE) - (c->look == WORLD_STONE);
	c->until = until;
	if (c->look == look && c->slot == slot)
		return;
	c->look = look;
	c->slot = (uint8_t)slot;
	if (c->changed)
		return;
	c->changed = true;
	w->changes[w->changes_len++] = at;
}

void
world_seen(struct world *w)
{
	for (int i = 0; i < w->changes_len; i++)
		w->cells[w->changes[i]].changed = false;
	for (int i = 0; i < WORLD_SNAKES; i++)
		w->snakes[i].bent = false;
	w->changes_len = 0;
	w->news_len = 0;
}

void
world_clear(struct world *w)
{
	for (int i = 0; i < w->size; i++)
		if (w->cells[i].slot == WORLD_NOBODY)
			put(w, i, WORLD_FREE, WORLD_NOBODY, 0);
}

/* ---- snakes -------------------------------------------------------------- */

/* The n-th cell of a snake, counted from its tail. */
static int
part(const struct world *w, const struct world_snake *s, int n)
{
	return s->cells[(s->tail + n) % w->size];
}

int
world_head(const struct world *w, int slot)
{
	const struct world_snake *s = &w->snakes[slot];

	assert(s->placed);
	return part(w, s, s->length - 1);
}

static void
tell(struct world *w, int slot, enum world_death death, int killer, char digit)
{
	assert(w->news_len < (int)(sizeof(w->news) / sizeof(w->news[0])));
	w->news[w->news_len++] = (struct world_news){
		.slot = (uint8_t)slot,
		.death = death,
		.killer = (uint8_t)killer,
		.score = w->snakes[slot].score,
		.digit = (unsigned long)(digit - '0'),
		.cell = world_head(w, slot),
	};
}

int
world_living(const struct world *w)
{
	int living = 0;

	for (int i = 0; i < WORLD_SNAKES; i++)
		living += w->snakes[i].used;
	return living;
}

int
world_join(struct world *w)
{
	for (int i = 0; i < WORLD_SNAKES; i++) {
		struct world_snake *s = &w->snakes[i];

		if (s->used)
			continue;
		*s = (struct world_snake){ .used = true, .cells = s->cells };
		return i;
	}
	return -1;
}

bool
world_turn(struct world *w, int slot, enum world_way way)
{
	struct world_snake *s = &w->snakes[slot];
	enum world_way last = s->queued ? s->queue[s->queued - 1] : s->way;

	/* Ways that differ by 0 or 2 are the same or the opposite one. */
	if (!s->placed || s->queued == WORLD_QUEUE ||
	    ((unsigned)way - (unsigned)last) % 2 == 0)
		return false;
	s->queue[s->queued++] = way;
	return true;
}

/* Its tail goes first, so that a long corpse shrinks as the snake moved. */
static void
die(struct world *w, int slot, enum world_death death, int killer)
{
	struct world_snake *s = &w->snakes[slot];
	int head = world_head(w, slot);

	for (int n = 0; n < s->length; n++) {
		int at = part(w, s, n);

		put(w, at, at == head ? WORLD_CORPSE_HEAD : WORLD_CORPSE,
		    WORLD_NOBODY,
		    w->frame + w->rules.corpse_frames + (uint32_t)n);
	}
	tell(w, slot, death, killer, '0');
	s->used = s->placed = s->moved = false;
}

void
world_leave(struct world *w, int slot)
{
	struct world_snake *s = &w->snakes[slot];

	if (s->placed)
		die(w, slot, WORLD_GAVE_UP, WORLD_NOBODY);
	s->used = false;
}

int
world_ahead(const struct world *w, int cell, enum world_way way)
{
	static const int dx[] = { -1, 0, 1, 0 }, dy[] = { 0, -1, 0, 1 };
	int width = w->rules.width, height = w->rules.height;
	int x = cell % width + dx[way], y = cell / width + dy[way];

	if (w->rules.wrap) {
		x = (x + width) % width;
		y = (y + height) % height;
	} else if (x < 0 || x >= width || y < 0 || y >= height) {
		return -1;
	}
	return x + y * width;
}

bool
world_open(const struct world *w, int cell)
{
	char look = w->cells[cell].look;

	return look == WORLD_FREE || is_digit(look);
}

/* ---- a world as it was, and a snake in a few letters --------------------- */

bool
world_lie(struct world *w, int64_t at, char look)
{
	bool corpse = look == WORLD_CORPSE || look == WORLD_CORPSE_HEAD;

	if (at < 0 || at >= w->size || w->cells[at].look != WORLD_FREE ||
	    !(is_digit(look) || look == WORLD_STONE || corpse))
		return false;
	put(w, (int)at, look, WORLD_NOBODY,
	    corpse                ? w->frame + w->rules.corpse_frames
	    : look == WORLD_STONE ? w->frame + w->rules.stone_frames
				  : 0);
	return true;
}

void
world_runs(const struct world *w, int slot, char *out)
{
	const struct world_snake *s = &w->snakes[slot];

	for (int n = s->length - 2, run; n >= 0; n -= run) {
		char look = w->cells[part(w, s, n)].look;

		for (run = 1; run <= n; run++)
			if (w->cells[part(w, s, n - run)].look != look)
				break;
		*out++ = look;
		if (run > 1)
			out += sprintf(out, "%d", run);
	}
	*out = '\0';
}

/* Runs as a letter a part, not more than max of them; returns how many. */
static int
expand(const char *runs, char *ways, int max)
{
	int len = 0;

	for (char *end; *runs != '\0' && len < max; runs = end) {
		long n = strtol(runs + 1, &end, 10);

		if (end == runs + 1)
			n = 1;
		for (; n > 0 && len < max; n--)
			ways[len++] = *runs;
	}
	return len;
}

bool
world_lay(struct world *w, int slot, int64_t frame, int64_t head,
    int64_t growth, const char *runs)
{
	static char ways[WORLD_SIDE_MAX * WORLD_SIDE_MAX];
	struct world_snake *s = &w->snakes[slot];
	int64_t gone = (int64_t)w->frame - frame;
	int64_t grown = growth < gone ? growth : gone;
	int at = (int)head, parts;

	if (gone < 0 || gone >= w->size || growth < 0 || head < 0 ||
	    head >= w->size || *runs == '\0' || !strchr(WORLD_BODIES, *runs))
		return false;
	s->way = (enum world_way)(strchr(WORLD_BODIES, *runs) - WORLD_BODIES);
	memset(ways, *runs, (size_t)gone);
	parts = expand(runs, ways + gone, w->size - 1 - (int)gone) + (int)grown;
	for (; gone > 0 && at >= 0; gone--)
		at = world_ahead(w, at, s->way);
	for (int i = 0; i <= parts; i++) {
		const char *to =
		    i == 0 ? "" : strchr(WORLD_BODIES, ways[i - 1]);

		/* A part lies where the opposite of its way leads. */
		if (i > 0 && to != NULL && at >= 0)
			at = world_ahead(w, at,
			    (enum world_way)((to - WORLD_BODIES + 2) % 4));
		if (to == NULL || at < 0 || w->cells[at].look != WORLD_FREE)
			return false;
		put(w, at, i == 0 ? WORLD_HEADS[s->way] : ways[i - 1], slot, 0);
		s->cells[parts - i] = at;
	}
	s->used = true;
	s->length = parts + 1;
	s->growth = (unsigned)(growth - grown);
	return s->placed = true;
}

/* ---- placing ------------------------------------------------------------- */

/* Steps from here to there, going straight. */
static int
distance(const struct world *w, int a, int b)
{
	int width = w->rules.width, height = w->rules.height;
	int x = abs(a % width - b % width), y = abs(a / width - b / width);

	if (w->rules.wrap && x > width / 2)
		x = width - x;
	if (w->rules.wrap && y > height / 2)
		y = height - y;
	return x + y;
}

static bool
near_a_head(const struct world *w, int at)
{
	for (int i = 0; i < WORLD_SNAKES; i++)
		if (w->snakes[i].placed &&
		    distance(w, at, world_head(w, i)) < WORLD_NEAR)
			return true;
	return false;
}

/* A free cell, each as likely, or -1: there is none. */
static int
pick_free(struct world *w, bool away)
{
	uint64_t seen = 0;

	for (int pass = 0; pass < 2; pass++) {
		uint64_t left = pass ? w->dice(w->arg, seen) : 0;

		for (int i = 0; i < w->size; i++) {
			if (w->cells[i].look != WORLD_FREE ||
			    (away && near_a_head(w, i)))
				continue;
			if (pass == 0)
				seen++;
			else if (left-- == 0)
				return i;
		}
		if (seen == 0)
			break;
	}
	return -1;
}

static void
bring_digit(struct world *w)
{
	int at;

	if (w->digits * DIGIT_AREA >= w->size)
		return;
	at = pick_free(w, false);
	if (at >= 0)
		put(w, at, (char)('1' + w->dice(w->arg, 9)), WORLD_NOBODY, 0);
}

static void
bring_stone(struct world *w)
{
	int at;

	if (w->stones * STONE_AREA >= w->size)
		return;
	at = pick_free(w, true);
	if (at >= 0)
		put(w, at, WORLD_STONE, WORLD_NOBODY,
		    w->frame + w->rules.stone_frames);
}

/* True if a newborn's tail may lie at from, with run free cells ahead. */
static bool
fits(const struct world *w, int from, enum world_way way, int run)
{
	for (int n = 0; n < WORLD_LENGTH + run; n++) {
		if (n > 0)
			from = world_ahead(w, from, way);
		if (from < 0 || !world_open(w, from) ||
		    (n < WORLD_LENGTH && w->cells[from].look != WORLD_FREE))
			return false;
	}
	return true;
}

static void
place_at(struct world *w, int slot, int from, enum world_way way)
{
	struct world_snake *s = &w->snakes[slot];

	s->way = way;
	s->placed = s->bent = true;
	s->tail = 0;
	s->length = WORLD_LENGTH;
	for (int n = 0; n < WORLD_LENGTH; n++) {
		s->cells[n] = from;
		put(w, from,
		    n + 1 < WORLD_LENGTH ? WORLD_BODIES[way] : WORLD_HEADS[way],
		    slot, 0);
		from = world_ahead(w, from, way);
	}
}

/*
 * Each place and way that has the run is as likely, so that rows and columns
 * at the edges are used too. A crowded field gives a shorter run, and in the
 * end none: false.
 */
static bool
place(struct world *w, int slot)
{
	for (int run = WORLD_RUN; run > 0; run /= 2) {
		uint64_t seen = 0, left;

		for (int i = 0; i < 4 * w->size; i++)
			seen += fits(w, i / 4, (enum world_way)(i % 4), run);
		if (seen == 0)
			continue;
		left = w->dice(w->arg, seen);
		for (int i = 0; i < 4 * w->size; i++) {
			enum world_way way = (enum world_way)(i % 4);

			if (!fits(w, i / 4, way, run) || left-- > 0)
				continue;
			place_at(w, slot, i / 4, way);
			return true;
		}
	}
	return false;
}

/* ---- a frame, in the order of world.h ------------------------------------ */

static void
fade(struct world *w)
{
	for (int i = 0; i < w->size; i++)
		if (w->cells[i].until != 0 && w->cells[i].until <= w->frame)
			put(w, i, WORLD_FREE, WORLD_NOBODY, 0);
}

static void
look_ahead(struct world *w, struct step *steps)
{
	for (int i = 0; i < WORLD_SNAKES; i++) {
		struct world_snake *s = &w->snakes[i];

		steps[i] = (struct step){ .killer = WORLD_NOBODY };
		s->moved = false;
		if (!s->placed)
			continue;
		if (s->queued > 0) {
			s->way = s->queue[0];
			s->bent = true;
			s->queue[0] = s->queue[1];
			s->queued--;
		}
		steps[i].moving = true;
		steps[i].to = world_ahead(w, world_head(w, i), s->way);
	}
}

static void
draw_in_tails(struct world *w)
{
	for (int i = 0; i < WORLD_SNAKES; i++) {
		struct world_snake *s = &w->snakes[i];

		if (!s->placed)
			continue;
		if (s->growth > 0) {
			s->growth--;
			continue;
		}
		put(w, part(w, s, 0), WORLD_FREE, WORLD_NOBODY, 0);
		s->tail = (s->tail + 1) % w->size;
		s->length--;
	}
}

/* What the cell ahead does to a snake, other heads aside. */
static void
judge(const struct world *w, int slot, struct step *st)
{
	const struct world_cell *c;

	if (st->to < 0) {
		st->death = WORLD_HIT_WALL;
		return;
	}
	c = &w->cells[st->to];
	if (c->slot != WORLD_NOBODY) {
		st->death = c->slot == slot ? WORLD_HIT_SELF : WORLD_HIT_SNAKE;
		st->killer = c->slot == slot ? WORLD_NOBODY : c->slot;
	} else if (c->look == WORLD_STONE) {
		st->death = WORLD_HIT_STONE;
	} else if (!world_open(w, st->to)) {
		st->death = WORLD_HIT_CORPSE;
	}
}

static void
judge_all(const struct world *w, struct step *steps)
{
	for (int i = 0; i < WORLD_SNAKES; i++) {
		if (!steps[i].moving)
			continue;
		judge(w, i, &steps[i]);
		for (int k = 0; k < WORLD_SNAKES; k++) {
			if (k == i || !steps[k].moving ||
			    steps[k].to != steps[i].to || steps[i].to < 0)
				continue;
			steps[i].death = WORLD_HIT_HEAD;
			steps[i].killer = (uint8_t)k;
		}
	}
}

static void
move(struct world *w, int slot, int to)
{
	struct world_snake *s = &w->snakes[slot];
	char look = w->cells[to].look;

	put(w, world_head(w, slot), WORLD_BODIES[s->way], slot, 0);
	s->cells[(s->tail + s->length) % w->size] = to;
	s->length++;
	s->moved = true;
	put(w, to, WORLD_HEADS[s->way], slot, 0);
	if (is_digit(look)) {
		s->growth += (unsigned)(look - '0');
		s->bent = true;
		s->score += (unsigned long)(look - '0');
		tell(w, slot, WORLD_ALIVE, WORLD_NOBODY, look);
	}
}

static void
bring(struct world *w)
{
	for (int i = 0; i < WORLD_SNAKES; i++) {
		if (w->snakes[i].used && !w->snakes[i].placed) {
			if (place(w, i))
				bring_digit(w);
			continue;
		}
		if (!w->snakes[i].moved)
			continue;
		if (w->dice(w->arg, 100) < w->rules.digit_percent)
			bring_digit(w);
		if (w->dice(w->arg, 100) < w->rules.stone_percent)
			bring_stone(w);
	}
}

void
world_step(struct world *w)
{
	struct step steps[WORLD_SNAKES];

	w->frame++;
	fade(w);
	look_ahead(w, steps);
	draw_in_tails(w);
	judge_all(w, steps);
	for (int i = 0; i < WORLD_SNAKES; i++)
		if (steps[i].moving && steps[i].death == WORLD_ALIVE)
			move(w, i, steps[i].to);
	for (int i = 0; i < WORLD_SNAKES; i++)
		if (steps[i].moving && steps[i].death != WORLD_ALIVE)
			die(w, i, steps[i].death, steps[i].killer);
	bring(w);
}

const char *
world_death_name(enum world_death death)
{
	static const char *const names[] = {
		[WORLD_ALIVE] = "",
		[WORLD_HIT_WALL] = "wall",
		[WORLD_HIT_STONE] = "stone",
		[WORLD_HIT_CORPSE] = "corpse",
		[WORLD_HIT_SELF] = "self",
		[WORLD_HIT_SNAKE] = "snake",
		[WORLD_HIT_HEAD] = "head",
		[WORLD_GAVE_UP] = "left",
	};

	return names[death];
}
