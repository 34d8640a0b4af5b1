/*
 * test_snake_bot.c - a bot lives, eats, and repeats itself.
 */
/* links: gamecore/examples/snake/world.c gamecore/examples/snake/bot.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gamecore/examples/snake/bot.h"

static uint64_t
roll(void *arg, uint64_t below)
{
	uint64_t *x = arg;

	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x % below;
}

/* A frame in which every bot goes its way. */
static void
frame(struct world *w, int bots)
{
	for (int i = 0; i < bots; i++)
		if (w->snakes[i].placed)
			world_turn(w, i, bot_way(w, i));
	world_step(w);
}

static void
alone_it_eats_and_lives_for_a_long_time(void **state)
{
	uint64_t seed = 12345;
	struct world_rules rules;
	struct world *w;
	int frames = 0;

	(void)state;
	world_usual(&rules);
	w = world_new(&rules, roll, &seed);
	assert_int_equal(world_join(w), 0);
	while (w->snakes[0].used && frames < 250) {
		world_seen(w);
		frame(w, 1);
		frames++;
	}
	assert_int_equal(frames, 250);
	assert_true(w->snakes[0].score > 20);
	world_free(w);
}

static void
it_never_chooses_certain_death_while_a_way_is_open(void **state)
{
	uint64_t seed = 99;
	struct world_rules rules;
	struct world *w;

	(void)state;
	world_usual(&rules);
	rules.wrap = true;
	w = world_new(&rules, roll, &seed);
	for (int n = 0; n < 2000; n++) {
		while (world_join(w) >= 0)
			;
		for (int i = 0; i < WORLD_SNAKES; i++) {
			int head, to;
			bool open = false;

			if (!w->snakes[i].placed)
				continue;
			head = world_head(w, i);
			for (int way = 0; way < 4; way++) {
				to = world_ahead(w, head, (enum world_way)way);
				open = open || world_open(w, to);
			}
			to = world_ahead(w, head, bot_way(w, i));
			assert_true(!open || world_open(w, to));
		}
		world_seen(w);
		frame(w, WORLD_SNAKES);
	}
	world_free(w);
}

static void
in_the_same_world_it_goes_the_same_way(void **state)
{
	unsigned long score[2];

	(void)state;
	for (int round = 0; round < 2; round++) {
		uint64_t seed = 4242;
		struct world_rules rules;
		struct world *w;

		world_usual(&rules);
		w = world_new(&rules, roll, &seed);
		for (int i = 0; i < 5; i++)
			world_join(w);
		score[round] = 0;
		for (int n = 0; n < 200; n++) {
			world_seen(w);
			frame(w, 5);
			for (int i = 0; i < 5; i++)
				score[round] =
				    score[round] * 31 + w->snakes[i].score;
		}
		world_free(w);
	}
	assert_int_equal(score[0], score[1]);
	assert_int_not_equal(score[0], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone_it_eats_and_lives_for_a_long_time),
		cmocka_unit_test(
		    it_never_chooses_certain_death_while_a_way_is_open),
		cmocka_unit_test(in_the_same_world_it_goes_the_same_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
