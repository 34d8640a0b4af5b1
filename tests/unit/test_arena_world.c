/* links: gamecore/examples/arena/world.c gamecore/examples/arena/bot.c */
/* gamecore/examples/arena/world.c: driving, and shots that look back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gamecore/examples/arena/world.h"

#include <math.h>
#include <string.h>

static struct world w;
static struct shot shot;

/* A field without rocks, where one stands as told and can be hit. */
static void
empty_field(void)
{
	world_init(&w, 7);
	memset(w.rocks, 0, sizeof(w.rocks));
	for (size_t i = 0; i < ROCKS; i++)
		w.rocks[i].x = w.rocks[i].y = -1e6;
}

static struct tank *
stand(int64_t id, double x, double y)
{
	struct tank *t = world_add(&w, id, "one", false);

	assert_non_null(t);
	t->x = x;
	t->y = y;
	t->safe = 0;
	return t;
}

static void
steps(int n)
{
	while (n--)
		world_step(&w);
}

static void
input(struct tank *t, uint32_t number, int dx, int dy)
{
	struct input in = { number, (int8_t)dx, (int8_t)dy };

	assert_true(tank_input(t, &in));
}

static void
an_input_drives_one_tick_and_is_told_back(void **state)
{
	struct tank *t;

	(void)state;
	empty_field();
	t = stand(1, 5000, 5000);
	input(t, 41, 1, 0);
	world_step(&w);
	assert_int_equal(t->done, 41);
	assert_true(t->x == 5000 + TANK_SPEED && t->y == 5000);
	steps(3);
	assert_true(t->x == 5000 + TANK_SPEED);
}

static void
slanting_is_not_faster(void **state)
{
	struct tank *t;

	(void)state;
	empty_field();
	t = stand(1, 5000, 5000);
	input(t, 1, 1, 1);
	world_step(&w);
	assert_true(fabs(hypot(t->x - 5000, t->y - 5000) - TANK_SPEED) < 1e-9);
}

static void
whoever_sends_more_inputs_is_no_faster(void **state)
{
	struct input in = { 1, 1, 0 };
	struct tank *t;
	double x;

	(void)state;
	empty_field();
	t = stand(1, 2000, 5000);
	for (int i = 0; i < 100; i++) {
		while (tank_input(t, &in))
			in.number++;
		world_step(&w);
	}
	x = t->x;
	assert_true(x == 2000 + 100 * TANK_SPEED);
	assert_int_equal(t->n_inputs, INPUTS_MAX - 1);
}

static void
a_wall_and_a_rock_stop(void **state)
{
	struct tank *t;

	(void)state;
	empty_field();
	w.rocks[0] = (struct rock){ 5000, 5000, 300 };
	t = stand(1, 5000 - 300 - TANK_RADIUS - 10, 5000);
	for (unsigned i = 1; i < 20; i++) {
		input(t, i, 1, 0);
		world_step(&w);
		assert_true(hypot(t->x - 5000, t->y - 5000) >=
			    300 + TANK_RADIUS - 1e-6);
	}
	t->x = TANK_RADIUS + 10;
	t->y = 9000;
	input(t, 99, -1, 0);
	world_step(&w);
	assert_true(t->x == TANK_RADIUS);
}

/* The other drives across; the shooter saw it where it was 5 ticks ago. */
static void
a_shot_hits_what_the_shooter_saw(void **state)
{
	struct tank *a, *b;

	(void)state;
	empty_field();
	a = stand(1, 5000, 5000);
	b = stand(2, 8000, 5000);
	steps(REWIND_TICKS + 1);
	for (unsigned i = 1; i <= 5; i++) {
		input(b, i, 0, 1);
		world_step(&w);
	}
	/* Now it is 650 units away from the line of fire. */
	assert_true(world_shoot(&w, a, 0, w.tick, &shot));
	assert_int_equal(shot.hit, 0);
	assert_true(shot.to_x == 5000 + RANGE);
	a->cool = 0;
	assert_true(world_shoot(&w, a, 0, w.tick - 5, &shot));
	assert_int_equal(shot.hit, 2);
	assert_int_equal(b->health, HEALTH - DAMAGE);
	/* And where it is drawn between two ticks. */
	a->cool = 0;
	assert_true(world_shoot(&w, a, 0, w.tick - 3.6, &shot));
	assert_int_equal(shot.hit, 2);
	a->cool = 0;
	assert_true(world_shoot(&w, a, 0, w.tick - 3.4, &shot));
	assert_int_equal(shot.hit, 0);
}

static void
nobody_looks_back_for_ever_or_ahead(void **state)
{
	static const double seen[] = { 0, -1e300, NAN, -INFINITY };
	struct tank *a, *b;

	(void)state;
	empty_field();
	a = stand(1, 5000, 5000);
	b = stand(2, 8000, 5000);
	steps(2);
	for (unsigned i = 1; i <= 40; i++) {
		input(b, i, 0, 1);
		world_step(&w);
	}
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
		a->cool = 0;
		assert_true(world_shoot(&w, a, 0, seen[i], &shot));
		assert_int_equal(shot.hit, 0);
	}
	a->cool = 0;
	assert_true(world_shoot(&w, a, 0, 1e300, &shot));
	assert_int_equal(shot.hit, 0);
}

static void
a_rock_is_in_the_way(void **state)
{
	struct tank *a;

	(void)state;
	empty_field();
	w.rocks[0] = (struct rock){ 6500, 5000, 300 };
	a = stand(1, 5000, 5000);
	stand(2, 8000, 5000);
	steps(REWIND_TICKS + 1);
	assert_true(world_shoot(&w, a, 0, w.tick, &shot));
	assert_int_equal(shot.hit, 0);
	assert_true(fabs(shot.to_x - 6200) < 1e-6);
}

static void
the_nearest_is_hit_and_nobody_before_they_can_be(void **state)
{
	struct tank *a, *b;

	(void)state;
	empty_field();
	a = stand(1, 5000, 5000);
	b = stand(2, 7000, 5000);
	stand(3, 8000, 5000);
	steps(REWIND_TICKS + 1);
	b->safe = 100;
	steps(REWIND_TICKS + 1);
	assert_true(world_shoot(&w, a, 0, w.tick, &shot));
	assert_int_equal(shot.hit, 3);
	b->safe = 0;
	steps(REWIND_TICKS + 1);
	assert_true(world_shoot(&w, a, 0, w.tick, &shot));
	assert_int_equal(shot.hit, 2);
	/* The gun cools. */
	assert_false(world_shoot(&w, a, 0, w.tick, &shot));
}

static void
four_hits_kill_and_one_comes_back_elsewhere_whole(void **state)
{
	struct tank *a, *b;

	(void)state;
	empty_field();
	a = stand(1, 5000, 5000);
	b = stand(2, 7000, 5000);
	steps(REWIND_TICKS + 1);
	for (int i = 0; i < HEALTH / DAMAGE; i++) {
		assert_false(shot.killed);
		a->cool = 0;
		assert_true(world_shoot(&w, a, 0, w.tick, &shot));
	}
	assert_true(shot.killed);
	assert_int_equal(a->score, 1);
	assert_int_equal(b->deaths, 1);
	assert_false(world_shoot(&w, b, 0, w.tick, &shot));
	steps(DEAD_TICKS);
	assert_int_equal(b->health, HEALTH);
	assert_true(b->x != 7000 || b->y != 5000);
	assert_true(b->safe > 0);
}

static void
bots_fight(void **state)
{
	int kills = 0;

	(void)state;
	world_init(&w, 11);
	for (int i = 1; i <= 200; i++)
		assert_non_null(world_add(&w, i, "bot", true));
	for (int tick = 0; tick < 60 * WORLD_HZ; tick++) {
		for (size_t i = 0; i < w.used; i++)
			if (bot_think(&w, &w.tanks[i], &shot))
				kills += shot.killed;
		world_step(&w);
	}
	assert_true(kills > 50);
	for (size_t i = 0; i < w.used; i++) {
		assert_true(w.tanks[i].x >= TANK_RADIUS);
		assert_true(w.tanks[i].y <= WORLD_SIZE - TANK_RADIUS);
	}
}

static void
there_is_an_end_of_tanks(void **state)
{
	(void)state;
	empty_field();
	for (int64_t i = 1; i <= TANKS_MAX; i++)
		assert_non_null(world_add(&w, i, "one", false));
	assert_null(world_add(&w, 99999, "one", false));
	world_remove(&w, 17);
	assert_null(world_find(&w, 17));
	assert_non_null(world_add(&w, 99999, "one", false));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_input_drives_one_tick_and_is_told_back),
		cmocka_unit_test(slanting_is_not_faster),
		cmocka_unit_test(whoever_sends_more_inputs_is_no_faster),
		cmocka_unit_test(a_wall_and_a_rock_stop),
		cmocka_unit_test(a_shot_hits_what_the_shooter_saw),
		cmocka_unit_test(nobody_looks_back_for_ever_or_ahead),
		cmocka_unit_test(a_rock_is_in_the_way),
		cmocka_unit_test(
		    the_nearest_is_hit_and_nobody_before_they_can_be),
		cmocka_unit_test(
		    four_hits_kill_and_one_comes_back_elsewhere_whole),
		cmocka_unit_test(bots_fight),
		cmocka_unit_test(there_is_an_end_of_tanks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
