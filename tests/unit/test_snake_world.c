/*
 * test_snake_world.c - the rules of Snake as world.h numbers them.
 */
/* links: gamecore/examples/snake/world.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gamecore/examples/snake/world.h"

enum { W = 20, H = 12 };

/* Dice from a seed (xorshift), so that every run is the same. */
static uint64_t
roll(void *arg, uint64_t below)
{
	uint64_t *x = arg;

	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x % below;
}

static uint64_t seed;

static struct world *
quiet_world(bool wrap)
{
	struct world_rules rules = { .width = W,
		.height = H,
		.wrap = wrap,
		.corpse_frames = 10,
		.stone_frames = 10 };
	struct world *w;

	seed = 88172645463325252u;
	w = world_new(&rules, roll, &seed);
	assert_non_null(w);
	return w;
}

static int
at(int x, int y)
{
	return x + y * W;
}

/* A straight snake with its head at x, y. */
static int
lay(struct world *w, int x, int y, enum world_way way, int length)
{
	static const int dx[] = { 1, 0, -1, 0 }, dy[] = { 0, 1, 0, -1 };
	int slot = world_join(w);
	struct world_snake *s = &w->snakes[slot];

	assert_true(slot >= 0);
	s->placed = true;
	s->way = way;
	s->length = length;
	for (int n = 0; n < length; n++) {
		int back = length - 1 - n;
		int cell = at(x + dx[way] * back, y + dy[way] * back);

		s->cells[n] = cell;
		w->cells[cell].slot = (uint8_t)slot;
		w->cells[cell].look =
		    back ? WORLD_BODIES[way] : WORLD_HEADS[way];
	}
	return slot;
}

static void
set(struct world *w, int x, int y, char look)
{
	w->cells[at(x, y)].look = look;
	w->digits += look >= '1' && look <= '9';
	w->stones += look == '#';
}

static char
look(const struct world *w, int x, int y)
{
	return w->cells[at(x, y)].look;
}

/* What the news say of a slot, then forget nothing. */
static const struct world_news *
news_of(const struct world *w, int slot)
{
	for (int i = 0; i < w->news_len; i++)
		if (w->news[i].slot == slot)
			return &w->news[i];
	return NULL;
}

static void
assert_died(const struct world *w, int slot, enum world_death of)
{
	assert_non_null(news_of(w, slot));
	assert_int_equal(news_of(w, slot)->death, of);
	assert_false(w->snakes[slot].placed);
}

static void
a_snake_moves_one_cell_and_its_tail_follows(void **state)
{
	struct world *w = quiet_world(false);
	int a = lay(w, 5, 5, WORLD_RIGHT, 3);

	(void)state;
	world_step(w);
	assert_int_equal(world_head(w, a), at(6, 5));
	assert_int_equal(look(w, 6, 5), 'R');
	assert_int_equal(look(w, 5, 5), 'r');
	assert_int_equal(look(w, 3, 5), ' ');
	/* The new head, the old head, the tail that left: nothing else. */
	assert_int_equal(w->changes_len, 3);
	world_free(w);
}

static void
a_bend_points_towards_the_head(void **state)
{
	struct world *w = quiet_world(false);
	int a = lay(w, 5, 5, WORLD_RIGHT, 3);

	(void)state;
	assert_true(world_turn(w, a, WORLD_DOWN));
	world_step(w);
	assert_int_equal(look(w, 5, 5), 'd');
	assert_int_equal(look(w, 5, 6), 'D');
	world_free(w);
}

static void
the_edge_kills_with_walls(void **state)
{
	struct world *w = quiet_world(false);
	int a = lay(w, W - 1, 5, WORLD_RIGHT, 3);
	int b = lay(w, 9, 0, WORLD_UP, 3);

	(void)state;
	world_step(w);
	assert_died(w, a, WORLD_HIT_WALL);
	assert_died(w, b, WORLD_HIT_WALL);
	assert_int_equal(look(w, W - 1, 5), 'x');
	world_free(w);
}

static void
the_edge_leads_to_the_other_side_with_wrap(void **state)
{
	struct world *w = quiet_world(true);
	int a = lay(w, W - 1, 5, WORLD_RIGHT, 3);
	int b = lay(w, 9, 0, WORLD_UP, 3);
	int c = lay(w, 0, 8, WORLD_LEFT, 3);

	(void)state;
	world_step(w);
	assert_int_equal(world_head(w, a), at(0, 5));
	assert_int_equal(world_head(w, b), at(9, H - 1));
	assert_int_equal(world_head(w, c), at(W - 1, 8));
	assert_int_equal(w->news_len, 0);
	world_free(w);
}

static void
two_heads_into_one_cell_both_die(void **state)
{
	struct world *w = quiet_world(false);
	int a = lay(w, 5, 5, WORLD_RIGHT, 3);
	int b = lay(w, 7, 5, WORLD_LEFT, 3);

	(void)state;
	world_step(w);
	assert_died(w, a, WORLD_HIT_HEAD);
	assert_died(w, b, WORLD_HIT_HEAD);
	assert_int_equal(news_of(w, a)->killer, b);
	assert_int_equal(news_of(w, b)->killer, a);
	assert_int_equal(look(w, 6, 5), ' ');
	world_free(w);
}

static void
a_digit_two_heads_want_is_eaten_by_neither(void **state)
{
	struct world *w = quiet_world(false);
	int a = lay(w, 5, 5, WORLD_RIGHT, 3);
	int b = lay(w, 6, 6, WORLD_UP, 3);
	int c = lay(w, 7, 5, WORLD_LEFT, 3);

	(void)state;
	set(w, 6, 5, '7');
	world_step(w);
	assert_died(w, a, WORLD_HIT_HEAD);
	assert_died(w, b, WORLD_HIT_HEAD);
	assert_died(w, c, WORLD_HIT_HEAD);
	assert_int_equal(look(w, 6, 5), '7');
	assert_int_equal(w->digits, 1);
	world_free(w);
}

static void
two_heads_that_would_swap_places_both_die(void **state)
{
	struct world *w = quiet_world(false);
	int a = lay(w, 5, 5, WORLD_RIGHT, 3);
	int b = lay(w, 6, 5, WORLD_LEFT, 3);

	(void)state;
	world_step(w);
	assert_died(w, a, WORLD_HIT_SNAKE);
	assert_died(w, b, WORLD_HIT_SNAKE);
	world_free(w);
}

static void
following_a_tail_that_moves_is_safe(void **state)
{
	struct world *w = quiet_world(false);
	int front = lay(w, 9, 5, WORLD_RIGHT, 3);
	int behind = lay(w, 6, 5, WORLD_RIGHT, 3);

	(void)state;
	world_step(w);
	assert_int_equal(w->news_len, 0);
	assert_int_equal(world_head(w, behind), at(7, 5));
	assert_int_equal(world_head(w, front), at(10, 5));
	world_free(w);
}

static void
following_ones_own_tail_in_a_square_is_safe(void **state)
{
	static const enum world_way round[] = { WORLD_DOWN, WORLD_LEFT,
		WORLD_UP, WORLD_RIGHT };
	struct world *w = quiet_world(false);
	int a = lay(w, 5, 5, WORLD_RIGHT, 4);

	(void)state;
	for (int i = 0; i < 12; i++) {
		assert_true(world_turn(w, a, round[i % 4]));
		world_step(w);
	}
	assert_int_equal(w->news_len, 0);
	world_free(w);
}

static void
the_tail_of_one_that_grows_kills(void **state)
{
	struct world *w = quiet_world(false);
	int front = lay(w, 9, 5, WORLD_RIGHT, 3);
	int behind = lay(w, 6, 5, WORLD_RIGHT, 3);

	(void)state;
	w->snakes[front].growth = 1;
	world_step(w);
	assert_died(w, behind, WORLD_HIT_SNAKE);
	assert_int_equal(news_of(w, behind)->killer, front);
	assert_true(w->snakes[front].placed);
	world_free(w);
}

static void
the_tail_of_one_that_dies_in_this_frame_moves_off_too(void **state)
{
	struct world *w = quiet_world(false);
	int front = lay(w, W - 1, 5, WORLD_RIGHT, 3);
	int behind = lay(w, W - 4, 5, WORLD_RIGHT, 3);

	(void)state;
	world_step(w);
	assert_died(w, front, WORLD_HIT_WALL);
	assert_null(news_of(w, behind));
	world_step(w);
	assert_died(w, behind, WORLD_HIT_CORPSE);
	world_free(w);
}

static void
the_body_of_one_that_dies_in_this_frame_still_kills(void **state)
{
	struct world *w = quiet_world(false);
	int a = lay(w, W - 1, 5, WORLD_RIGHT, 3);
	int b = lay(w, W - 1, 6, WORLD_UP, 3);

	(void)state;
	world_step(w);
	assert_died(w, a, WORLD_HIT_WALL);
	assert_died(w, b, WORLD_HIT_SNAKE);
	world_free(w);
}

static void
running_into_oneself_and_a_stone_kills(void **state)
{
	static const enum world_way curl[] = { WORLD_DOWN, WORLD_LEFT,
		WORLD_UP };
	struct world *w = quiet_world(false);
	int a = lay(w, 5, 5, WORLD_RIGHT, 5);
	int b = lay(w, 15, 5, WORLD_RIGHT, 3);

	(void)state;
	set(w, 16, 5, '#');
	for (int i = 0; i < 3; i++) {
		assert_true(world_turn(w, a, curl[i]));
		world_step(w);
	}
	assert_died(w, a, WORLD_HIT_SELF);
	assert_died(w, b, WORLD_HIT_STONE);
	assert_int_equal(look(w, 16, 5), '#');
	world_free(w);
}

static void
a_digit_is_its_value_in_score_and_in_growth_from_the_next_frame(void **state)
{
	struct world *w = quiet_world(false);
	int a = lay(w, 5, 5, WORLD_RIGHT, 3);

	(void)state;
	set(w, 6, 5, '4');
	world_step(w);
	assert_int_equal(w->snakes[a].score, 4);
	assert_int_equal(w->snakes[a].length, 3);
	assert_int_equal(news_of(w, a)->death, WORLD_ALIVE);
	assert_int_equal(news_of(w, a)->score, 4);
	assert_int_equal(w->digits, 0);
	for (int i = 1; i <= 4; i++) {
		world_step(w);
		assert_int_equal(w->snakes[a].length, 3 + i);
	}
	world_step(w);
	assert_int_equal(w->snakes[a].length, 7);
	world_free(w);
}

static void
two_turns_wait_and_none_reverses(void **state)
{
	struct world *w = quiet_world(false);
	int a = lay(w, 8, 5, WORLD_RIGHT, 5);

	(void)state;
	assert_false(world_turn(w, a, WORLD_LEFT));
	assert_false(world_turn(w, a, WORLD_RIGHT));
	assert_true(world_turn(w, a, WORLD_UP));
	/* Judged against what is queued, not against where it goes now. */
	assert_false(world_turn(w, a, WORLD_DOWN));
	assert_true(world_turn(w, a, WORLD_LEFT));
	assert_false(world_turn(w, a, WORLD_DOWN));
	world_step(w);
	assert_int_equal(world_head(w, a), at(8, 4));
	world_step(w);
	assert_int_equal(world_head(w, a), at(7, 4));
	assert_true(w->snakes[a].placed);
	world_free(w);
}

static void
corpses_and_stones_vanish_after_a_while(void **state)
{
	struct world *w = quiet_world(false);
	int a = lay(w, W - 1, 5, WORLD_RIGHT, 3);

	(void)state;
	world_step(w);
	assert_died(w, a, WORLD_HIT_WALL);
	for (int i = 0; i < 9; i++)
		world_step(w);
	assert_int_equal(look(w, W - 2, 5), 'o');
	for (int i = 0; i < 3; i++)
		world_step(w);
	for (int i = 0; i < w->size; i++)
		assert_int_equal(w->cells[i].look, ' ');
	world_free(w);
}

static void
leaving_alive_is_a_death_and_frees_the_slot(void **state)
{
	struct world *w = quiet_world(false);
	int a = lay(w, 8, 5, WORLD_RIGHT, 3);

	(void)state;
	world_leave(w, a);
	assert_died(w, a, WORLD_GAVE_UP);
	assert_int_equal(look(w, 8, 5), 'x');
	assert_int_equal(world_living(w), 0);
	assert_int_equal(world_join(w), a);
	/* One that was never placed leaves no corpse and no news. */
	world_seen(w);
	world_leave(w, a);
	assert_int_equal(w->news_len, 0);
	assert_int_equal(w->changes_len, 0);
	world_free(w);
}

static void
ten_play_and_the_eleventh_does_not(void **state)
{
	struct world *w = quiet_world(false);

	(void)state;
	for (int i = 0; i < WORLD_SNAKES; i++)
		assert_int_equal(world_join(w), i);
	assert_int_equal(world_join(w), -1);
	world_free(w);
}

static void
a_newborn_has_a_free_run_ahead_and_brings_a_digit(void **state)
{
	(void)state;
	for (int round = 0; round < 300; round++) {
		struct world *w = quiet_world(false);
		int a = world_join(w), cell;

		seed += (uint64_t)round * 7919;
		world_step(w);
		assert_true(w->snakes[a].placed);
		assert_int_equal(w->snakes[a].length, WORLD_LENGTH);
		assert_int_equal(w->digits, 1);
		cell = world_head(w, a);
		for (int n = 0; n < WORLD_RUN; n++) {
			cell = world_ahead(w, cell, w->snakes[a].way);
			assert_true(cell >= 0 && world_open(w, cell));
		}
		world_free(w);
	}
}

static void
a_newborn_waits_while_there_is_no_room(void **state)
{
	struct world *w = quiet_world(false);
	int a = world_join(w);

	(void)state;
	for (int y = 0; y < H; y++)
		for (int x = 0; x < W; x++)
			set(w, x, y, '#');
	world_step(w);
	assert_true(w->snakes[a].used);
	assert_false(w->snakes[a].placed);
	for (int x = 3; x < 9; x++) {
		w->cells[at(x, 4)].look = ' ';
		w->stones--;
	}
	world_step(w);
	assert_true(w->snakes[a].placed);
	world_free(w);
}

static void
every_row_and_column_is_used(void **state)
{
	enum { SIDE = 24 };
	struct world_rules rules = { .width = SIDE, .height = SIDE };
	bool row[SIDE] = { false }, column[SIDE] = { false };
	bool spawn_row[SIDE] = { false }, spawn_column[SIDE] = { false };

	(void)state;
	for (int round = 0; round < 500; round++) {
		uint64_t own = 4711u + (uint64_t)round * 104729;
		struct world *w = world_new(&rules, roll, &own);
		int a = world_join(w), tail;

		world_step(w);
		tail = w->snakes[a].cells[0];
		spawn_row[tail / SIDE] = spawn_column[tail % SIDE] = true;
		for (int i = 0; i < w->size; i++)
			if (world_open(w, i) && w->cells[i].look != ' ')
				row[i / SIDE] = column[i % SIDE] = true;
		world_free(w);
	}
	for (int i = 0; i < SIDE; i++)
		assert_true(
		    row[i] && column[i] && spawn_row[i] && spawn_column[i]);
}

static void
clearing_takes_all_but_the_living(void **state)
{
	struct world *w = quiet_world(false);
	int a = lay(w, 8, 5, WORLD_RIGHT, 3);

	(void)state;
	set(w, 1, 1, '#');
	set(w, 2, 1, '3');
	world_clear(w);
	assert_int_equal(look(w, 1, 1), ' ');
	assert_int_equal(look(w, 2, 1), ' ');
	assert_int_equal(world_head(w, a), at(8, 5));
	assert_int_equal(w->digits + w->stones, 0);
	world_free(w);
}

static void
a_side_beyond_the_limits_is_refused(void **state)
{
	struct world_rules rules;

	(void)state;
	world_usual(&rules);
	rules.width = WORLD_SIDE_MIN - 1;
	assert_null(world_new(&rules, roll, &seed));
	rules.width = 50;
	rules.height = WORLD_SIDE_MAX + 1;
	assert_null(world_new(&rules, roll, &seed));
}

/* What must hold after any frame. */
static void
assert_sound(const struct world *w, const char *shown)
{
	int parts = 0, lengths = 0, digits = 0, stones = 0;

	for (int i = 0; i < w->size; i++) {
		const struct world_cell *c = &w->cells[i];

		assert_int_equal(shown[i], c->look);
		parts += c->slot != WORLD_NOBODY;
		digits += c->look >= '1' && c->look <= '9';
		stones += c->look == '#';
	}
	for (int i = 0; i < WORLD_SNAKES; i++) {
		const struct world_snake *s = &w->snakes[i];

		if (!s->placed)
			continue;
		lengths += s->length;
		for (int n = 0; n < s->length; n++) {
			int cell = s->cells[(s->tail + n) % w->size];

			assert_int_equal(w->cells[cell].slot, i);
		}
	}
	/* No two parts share a cell and nothing of a snake is left behind. */
	assert_int_equal(parts, lengths);
	assert_int_equal(digits, w->digits);
	assert_int_equal(stones, w->stones);
}

/*
 * Many random games: what a viewer who only gets the changes sees is the
 * field, and the field is always sound.
 */
static void
the_changes_alone_give_the_whole_field(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		struct world_rules rules = { .width = W,
			.height = H,
			.wrap = round % 2,
			.digit_percent = 20,
			.stone_percent = 10,
			.corpse_frames = 15,
			.stone_frames = 40 };
		uint64_t own = 1234567u + (uint64_t)round;
		struct world *w = world_new(&rules, roll, &own);
		char shown[W * H];

		memset(shown, ' ', sizeof(shown));
		for (int frame = 0; frame < 400; frame++) {
			if (roll(&own, 4) == 0)
				world_join(w);
			for (int i = 0; i < WORLD_SNAKES; i++)
				world_turn(w, i, (enum world_way)roll(&own, 4));
			if (roll(&own, 50) == 0)
				world_leave(w, (int)roll(&own, 10));
			world_step(w);
			for (int i = 0; i < w->changes_len; i++)
				shown[w->changes[i]] =
				    w->cells[w->changes[i]].look;
			world_seen(w);
			assert_sound(w, shown);
		}
		world_free(w);
	}
}

struct told {
	int64_t frame, head, growth;
	char runs[W * H + 1];
};

/* What was told of the snakes when they last turned or ate makes them as they
 * are now, in a world that knows nothing else. */
static void
assert_told(const struct world *w, const struct told *told)
{
	struct world *other = world_new(&w->rules, roll, &seed);

	other->frame = w->frame;
	for (int i = 0; i < WORLD_SNAKES; i++) {
		const struct world_snake *s = &w->snakes[i];
		struct world_snake *o = &other->snakes[i];

		if (!s->placed)
			continue;
		assert_true(world_lay(other, i, told[i].frame, told[i].head,
		    told[i].growth, told[i].runs));
		assert_int_equal(o->way, s->way);
		assert_int_equal(o->growth, s->growth);
		assert_int_equal(o->length, s->length);
		assert_int_equal(world_head(other, i), world_head(w, i));
		for (int n = 0; n < s->length; n++)
			assert_int_equal(
			    o->cells[n], s->cells[(s->tail + n) % w->size]);
	}
	for (int i = 0; i < w->size; i++)
		if (w->cells[i].slot != WORLD_NOBODY) {
			assert_int_equal(
			    other->cells[i].look, w->cells[i].look);
			assert_int_equal(
			    other->cells[i].slot, w->cells[i].slot);
		}
	world_free(other);
}

static void
a_path_says_where_a_snake_is_until_it_turns_or_eats(void **state)
{
	struct told told[WORLD_SNAKES];
	int longest = 0;

	(void)state;
	for (int round = 0; round < 8; round++) {
		struct world *w = quiet_world(round % 2);

		w->rules.digit_percent = 30;
		seed += (uint64_t)round;
		for (int frame = 0; frame < 300; frame++) {
			if (roll(&seed, 9) == 0)
				world_join(w);
			for (int i = 0; i < WORLD_SNAKES; i++)
				if (roll(&seed, 5) == 0)
					world_turn(w, i,
					    (enum world_way)roll(&seed, 4));
			world_step(w);
			for (int i = 0; i < WORLD_SNAKES; i++) {
				const struct world_snake *s = &w->snakes[i];

				if (!s->placed || !s->bent)
					continue;
				told[i].frame = w->frame;
				told[i].head = world_head(w, i);
				told[i].growth = s->growth;
				world_runs(w, i, told[i].runs);
				longest =
				    s->length > longest ? s->length : longest;
			}
			world_seen(w);
			assert_told(w, told);
		}
		world_free(w);
	}
	assert_true(longest > 20);
}

static void
only_things_lie_and_only_where_it_is_free(void **state)
{
	struct world *w = quiet_world(false);
	static const char things[] = "19#ox", others[] = " 0:Lrd*";

	(void)state;
	for (const char *c = others; c < others + sizeof(others); c++)
		assert_false(world_lie(w, 7, *c));
	for (const char *c = things; *c; c++)
		assert_true(world_lie(w, c - things, *c));
	assert_false(world_lie(w, 0, '#'));
	assert_false(world_lie(w, -1, '#'));
	assert_false(world_lie(w, W * H, '#'));
	assert_int_equal(w->digits, 2);
	assert_int_equal(w->stones, 1);
	for (int i = 0; i < 11; i++)
		world_step(w);
	assert_int_equal(w->cells[1].look, '9');
	assert_int_equal(w->cells[2].look, WORLD_FREE);
	assert_int_equal(w->cells[4].look, WORLD_FREE);
	world_free(w);
}

static void
a_path_that_cannot_be_is_refused(void **state)
{
	static const struct {
		int64_t frame, head, growth;
		const char *runs;
	} bad[] = {
		{ 11, 30, 0, "r2" },            /* of a frame to come */
		{ 10 - W * H, 30, 0, "r2" },    /* too long ago */
		{ 10, -1, 0, "r2" },            /* not on the field */
		{ 10, W * H, 0, "r2" },         /* neither */
		{ 10, 30, -1, "r2" },           /* it shrinks */
		{ 10, 30, 0, "" },              /* a head alone */
		{ 10, 30, 0, "x2" },            /* no way */
		{ 10, 30, 0, "r2x" },           /* no way later on */
		{ 10, 30, 0, "r11" },           /* beyond the edge */
		{ 10, 30, 0, "r99999999999r" }, /* for ever */
		{ 10, 30, 0, "rl" },            /* over itself */
		{ 0, 30, 0, "r2" },             /* it would be dead by now */
		{ 10, W * 5 + 6, 0, "r2" },     /* on a stone */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct world *w = quiet_world(false);

		w->frame = 10;
		assert_true(world_lie(w, at(5, 5), WORLD_STONE));
		if (world_lay(w, 3, bad[i].frame, bad[i].head, bad[i].growth,
			bad[i].runs))
			fail_msg("row %zu is taken", i);
		world_free(w);
	}
}

static void
the_same_dice_and_turns_give_the_same_game(void **state)
{
	char end[2][W * H];

	(void)state;
	for (int round = 0; round < 2; round++) {
		struct world *w = quiet_world(true);

		w->rules.digit_percent = w->rules.stone_percent = 10;
		for (int frame = 0; frame < 300; frame++) {
			world_join(w);
			world_turn(w, frame % WORLD_SNAKES,
			    (enum world_way)(frame % 4));
			world_step(w);
			world_seen(w);
		}
		for (int i = 0; i < w->size; i++)
			end[round][i] = w->cells[i].look;
		world_free(w);
	}
	assert_memory_equal(end[0], end[1], sizeof(end[0]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_snake_moves_one_cell_and_its_tail_follows),
		cmocka_unit_test(a_bend_points_towards_the_head),
		cmocka_unit_test(the_edge_kills_with_walls),
		cmocka_unit_test(the_edge_leads_to_the_other_side_with_wrap),
		cmocka_unit_test(two_heads_into_one_cell_both_die),
		cmocka_unit_test(a_digit_two_heads_want_is_eaten_by_neither),
		cmocka_unit_test(two_heads_that_would_swap_places_both_die),
		cmocka_unit_test(following_a_tail_that_moves_is_safe),
		cmocka_unit_test(following_ones_own_tail_in_a_square_is_safe),
		cmocka_unit_test(the_tail_of_one_that_grows_kills),
		cmocka_unit_test(
		    the_tail_of_one_that_dies_in_this_frame_moves_off_too),
		cmocka_unit_test(
		    the_body_of_one_that_dies_in_this_frame_still_kills),
		cmocka_unit_test(running_into_oneself_and_a_stone_kills),
		cmocka_unit_test(
		    a_digit_is_its_value_in_score_and_in_growth_from_the_next_frame),
		cmocka_unit_test(two_turns_wait_and_none_reverses),
		cmocka_unit_test(corpses_and_stones_vanish_after_a_while),
		cmocka_unit_test(leaving_alive_is_a_death_and_frees_the_slot),
		cmocka_unit_test(ten_play_and_the_eleventh_does_not),
		cmocka_unit_test(
		    a_newborn_has_a_free_run_ahead_and_brings_a_digit),
		cmocka_unit_test(a_newborn_waits_while_there_is_no_room),
		cmocka_unit_test(every_row_and_column_is_used),
		cmocka_unit_test(clearing_takes_all_but_the_living),
		cmocka_unit_test(a_side_beyond_the_limits_is_refused),
		cmocka_unit_test(the_changes_alone_give_the_whole_field),
		cmocka_unit_test(
		    a_path_says_where_a_snake_is_until_it_turns_or_eats),
		cmocka_unit_test(only_things_lie_and_only_where_it_is_free),
		cmocka_unit_test(a_path_that_cannot_be_is_refused),
		cmocka_unit_test(the_same_dice_and_turns_give_the_same_game),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
