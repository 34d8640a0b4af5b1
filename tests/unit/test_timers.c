/* links: netd/[a-lo-z]*.c netd/m[b-z]*.c */
/* links: netd/mask.c */
/*
 * netd/timers.c on a real loop: what passes while the game is behind is
 * counted and told as one, and no passing is told twice or never.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ipc/log.h"
#include "netd/netd.h"

#include <string.h>
#include <time.h>

#define MS 1000
#define DEADLINE_US (5000 * MS)

static struct netd n;
static struct link *game;

uint64_t
netd_seed(void)
{
	return 1;
}

static int64_t
clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
netd_now(const struct netd *netd)
{
	return netd->now_us;
}

static void
on_woken(struct ev_loop *loop, ev_check *w, int events)
{
	(void)loop;
	(void)w;
	(void)events;
	n.now_us = clock_us();
}

static void
begin(void)
{
	memset(&n, 0, sizeof(n));
	ipc_log_init("test", IPC_LOG_ERROR);
	config_init(&n.config);
	n.control_fd = n.wait_fd = n.spare_fd = -1;
	n.loop = ev_loop_new(EVFLAG_AUTO);
	n.now_us = clock_us();
	n.link = game = link_new(&n);
	game->phase = LINKED;
	game->journal.keep = true;
	ev_check_init(&n.woken, on_woken);
	ev_set_priority(&n.woken, EV_MAXPRI);
	ev_check_start(n.loop, &n.woken);
}

static void
finish(void)
{
	timers_release(game);
	assert_int_equal(game->n_timers, 0);
	assert_int_equal(game->held_timers, 0);
	assert_null(game->timers);
	ev_check_stop(n.loop, &n.woken);
	link_free(game);
	ev_loop_destroy(n.loop);
}

/* The game takes everything that it was told. */
static void
commit(void)
{
	game->committed = game->journal.position;
	timers_committed(game);
}

/* How many frames of a kind were told for a number, and their counts'
 * sum. */
static unsigned
told(unsigned kind, uint64_t number, uint64_t *sum)
{
	unsigned frames = 0;
	struct ipc_frame f;

	*sum = 0;
	for (uint64_t at = 1; at <= game->journal.position; at++) {
		assert_non_null(journal_find(&game->journal, at, &f));
		if (f.kind != kind || (kind == IPC_TIMER && f.id != number))
			continue;
		frames++;
		*sum += kind == IPC_TICK ? f.id : f.channel;
	}
	return frames;
}

/* The loop runs for so long, and at least once. */
static void
run(int64_t us)
{
	int64_t until = clock_us() + us;

	do
		ev_run(n.loop, EVRUN_ONCE);
	while (clock_us() < until);
}

/* Until at least so many frames of that kind are there. */
static void
run_until(unsigned kind, uint64_t number, unsigned frames)
{
	int64_t end = clock_us() + DEADLINE_US;
	uint64_t sum;

	while (told(kind, number, &sum) < frames) {
		assert_true(clock_us() < end);
		ev_run(n.loop, EVRUN_ONCE);
	}
}

/* The loop does something else for so long. */
static void
busy(int64_t us)
{
	int64_t until = clock_us() + us;

	while (clock_us() < until)
		;
}

static void
ticks_come_one_by_one_while_the_game_keeps_up(void **state)
{
	int64_t began;
	uint64_t sum;

	(void)state;
	begin();
	began = clock_us();
	tick_start(game, 5 * MS);
	for (unsigned i = 1; i <= 10; i++) {
		run_until(IPC_TICK, 0, i);
		commit();
	}
	assert_true(told(IPC_TICK, 0, &sum) <= sum);
	assert_true(sum >= 10);
	assert_true(clock_us() - began >= 45 * MS);
	finish();
}

static void
ticks_that_pass_meanwhile_are_told_as_one(void **state)
{
	uint64_t sum, first;
	int64_t began, ended;

	(void)state;
	begin();
	began = clock_us();
	tick_start(game, 2 * MS);
	run_until(IPC_TICK, 0, 1);
	told(IPC_TICK, 0, &first);
	run(40 * MS);
	assert_int_equal(told(IPC_TICK, 0, &sum), 1);
	commit();
	ended = clock_us();
	assert_int_equal(told(IPC_TICK, 0, &sum), 2);
	assert_true(sum - first >= 15);
	assert_true((int64_t)sum <= (ended - began) / (2 * MS) + 1);
	/* and no more without a new one */
	commit();
	assert_int_equal(told(IPC_TICK, 0, &sum), 2);
	finish();
}

static void
ticks_that_pass_while_netd_is_busy_count_as_well(void **state)
{
	uint64_t sum;
	int64_t began;

	(void)state;
	begin();
	began = clock_us();
	tick_start(game, 2 * MS);
	for (int i = 0; i < 5; i++) {
		busy(21 * MS);
		ev_run(n.loop, EVRUN_ONCE);
		commit();
	}
	told(IPC_TICK, 0, &sum);
	assert_true(sum >= 50);
	assert_true((int64_t)sum <= (clock_us() - began) / (2 * MS) + 1);
	finish();
}

static void
a_game_that_is_not_there_is_told_later(void **state)
{
	uint64_t sum;

	(void)state;
	begin();
	tick_start(game, 2 * MS);
	assert_true(timer_add(game, 7, 2 * MS, 0));
	game->phase = NO_GAME;
	run(20 * MS);
	assert_int_equal(told(IPC_TICK, 0, &sum), 0);
	assert_int_equal(told(IPC_TIMER, 7, &sum), 0);
	game->phase = LINKED;
	commit();
	assert_int_equal(told(IPC_TICK, 0, &sum), 1);
	assert_true(sum >= 5);
	assert_int_equal(told(IPC_TIMER, 7, &sum), 1);
	finish();
}

static void
a_stopped_tick_is_silent_and_a_new_one_starts_afresh(void **state)
{
	uint64_t sum;

	(void)state;
	begin();
	tick_start(game, 2 * MS);
	run_until(IPC_TICK, 0, 1);
	run(10 * MS); /* some are held */
	tick_stop(game);
	tick_stop(game);
	commit();
	run_until(IPC_TICK, 0, 1);
	assert_int_equal(told(IPC_TICK, 0, &sum), 1);
	tick_start(game, 3 * MS);
	run_until(IPC_TICK, 0, 2);
	finish();
}

static void
one_shots_pass_once_and_are_gone(void **state)
{
	uint64_t sum;

	(void)state;
	begin();
	assert_true(timer_add(game, 1, 0, 0));
	assert_true(timer_add(game, 2, 5 * MS, 0));
	assert_true(timer_add(game, 3, 1, 0));
	run_until(IPC_TIMER, 2, 1);
	assert_int_equal(game->n_timers, 0);
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(told(IPC_TIMER, i, &sum), 1);
		assert_int_equal(sum, 1);
	}
	finish();
}

static void
a_repeating_timer_is_coalesced_for_itself(void **state)
{
	uint64_t one, other;

	(void)state;
	begin();
	assert_true(timer_add(game, 1, 2 * MS, 2 * MS));
	assert_true(timer_add(game, 2, 30 * MS, 2 * MS));
	run_until(IPC_TIMER, 1, 1);
	run_until(IPC_TIMER, 2, 1); /* not held back by the first */
	assert_int_equal(told(IPC_TIMER, 1, &one), 1);
	assert_int_equal(game->held_timers, 1);
	commit();
	assert_int_equal(told(IPC_TIMER, 1, &one), 2);
	assert_true(one >= 10);
	assert_int_equal(told(IPC_TIMER, 2, &other), 1);
	assert_true(other <= one);
	assert_int_equal(game->held_timers, 0);
	finish();
}

static void
more_passings_than_a_frame_can_say_follow_in_the_next(void **state)
{
	uint64_t sum;

	(void)state;
	begin();
	assert_true(timer_add(game, 1, 0, 1)); /* a microsecond */
	run_until(IPC_TIMER, 1, 1);
	busy(150 * MS);
	ev_run(n.loop, EVRUN_ONCE);
	commit();
	commit();
	commit();
	told(IPC_TIMER, 1, &sum);
	assert_true(sum >= 149000);
	finish();
}

static void
a_timer_is_replaced_and_stopped_by_its_number(void **state)
{
	uint64_t sum;

	(void)state;
	begin();
	assert_true(timer_add(game, 1, 2 * MS, 2 * MS));
	run_until(IPC_TIMER, 1, 1);
	run(10 * MS);
	assert_int_equal(game->held_timers, 1);
	/* what was held of the old one goes with it */
	assert_true(timer_add(game, 1, 60000 * MS, 0));
	assert_int_equal(game->held_timers, 0);
	assert_int_equal(game->n_timers, 1);
	commit();
	assert_int_equal(told(IPC_TIMER, 1, &sum), 1);
	assert_true(timer_add(game, 2, 0, 0));
	timer_cancel(game, 2);
	timer_cancel(game, 2);
	timer_cancel(game, 99);
	assert_true(timer_add(game, 3, 5 * MS, 0));
	run_until(IPC_TIMER, 3, 1);
	assert_int_equal(told(IPC_TIMER, 2, &sum), 0);
	finish();
}

static void
timers_have_their_limit(void **state)
{
	(void)state;
	begin();
	n.config.timers_max = 3;
	for (uint64_t i = 1; i <= 3; i++)
		assert_true(timer_add(game, i, 60000 * MS, 0));
	assert_false(timer_add(game, 4, 60000 * MS, 0));
	assert_true(timer_add(game, 2, 60000 * MS, 0));
	timer_cancel(game, 1);
	assert_true(timer_add(game, 4, INT64_MAX, INT64_MAX));
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticks_come_one_by_one_while_the_game_keeps_up),
		cmocka_unit_test(ticks_that_pass_meanwhile_are_told_as_one),
		cmocka_unit_test(
		    ticks_that_pass_while_netd_is_busy_count_as_well),
		cmocka_unit_test(a_game_that_is_not_there_is_told_later),
		cmocka_unit_test(
		    a_stopped_tick_is_silent_and_a_new_one_starts_afresh),
		cmocka_unit_test(one_shots_pass_once_and_are_gone),
		cmocka_unit_test(a_repeating_timer_is_coalesced_for_itself),
		cmocka_unit_test(
		    more_passings_than_a_frame_can_say_follow_in_the_next),
		cmocka_unit_test(a_timer_is_replaced_and_stopped_by_its_number),
		cmocka_unit_test(timers_have_their_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
