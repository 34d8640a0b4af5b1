/* links: netd/awake.c */
/* netd/awake.c: who waited for a moment waits awake, who waited long sleeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "netd/netd.h"

#include <string.h>

#define LIMIT_US 50

static struct netd n;

static int
setup(void **state)
{
	(void)state;
	memset(&n, 0, sizeof(n));
	n.loop = ev_loop_new(EVFLAG_AUTO);
	assert_non_null(n.loop);
	n.config.busy_poll_us = LIMIT_US;
	n.now_us = 1000000;
	awake_init(&n);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	ev_idle_stop(n.loop, &n.awake.idle);
	ev_loop_destroy(n.loop);
	return 0;
}

static bool
awake(void)
{
	return ev_is_active(&n.awake.idle);
}

/* The loop has waited so long; a turn with so many messages follows. */
static void
turn_after(int64_t us, uint64_t messages)
{
	n.now_us += us;
	awake_woken(&n);
	assert_false(awake_idled(&n));
	n.metrics.messages_in += messages;
	awake_wait(&n);
}

/* It looks again after so long, and nothing has come. */
static void
nothing_after(int64_t us)
{
	n.now_us += us;
	awake_woken(&n);
	ev_run(n.loop, EVRUN_NOWAIT);
	assert_true(awake_idled(&n));
	assert_false(awake_idled(&n));
}

static void
who_waited_a_moment_waits_awake(void **state)
{
	(void)state;
	turn_after(LIMIT_US - 1, 1);
	assert_true(awake());
	nothing_after(LIMIT_US - 1);
	assert_true(awake());
	turn_after(0, 1);
	assert_true(awake());
}

static void
who_waited_long_sleeps(void **state)
{
	(void)state;
	turn_after(LIMIT_US, 1);
	assert_false(awake());
	turn_after(60000000, 1);
	assert_false(awake());
}

static void
what_does_not_come_in_time_ends_it(void **state)
{
	(void)state;
	turn_after(1, 1);
	nothing_after(LIMIT_US - 1);
	assert_true(awake());
	nothing_after(1);
	assert_false(awake());
	/* It came right after that: the wait was long all the same. */
	turn_after(1, 1);
	assert_false(awake());
	turn_after(1, 1);
	assert_true(awake());
}

static void
all_of_it_is_counted(void **state)
{
	(void)state;
	turn_after(1, 1);
	assert_true(n.metrics.busy_poll_us == 0);
	nothing_after(20);
	nothing_after(10);
	turn_after(7, 1); /* what came ended that wait */
	assert_true(n.metrics.busy_poll_us == 30);
	nothing_after(5);
	assert_true(n.metrics.busy_poll_us == 35);
}

static void
many_share_what_a_waking_core_costs(void **state)
{
	(void)state;
	turn_after(1, 1);
	assert_true(awake());
	turn_after(1, 100);
	assert_false(awake());
	turn_after(1, 1);
	assert_false(awake());
	turn_after(1, 1);
	assert_true(awake());
}

static void
with_a_limit_of_0_it_always_sleeps(void **state)
{
	(void)state;
	n.config.busy_poll_us = 0;
	turn_after(0, 1);
	assert_false(awake());
	turn_after(1, 1);
	assert_false(awake());
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(who_waited_a_moment_waits_awake),
		CASE(who_waited_long_sleeps),
		CASE(what_does_not_come_in_time_ends_it),
		CASE(all_of_it_is_counted),
		CASE(many_share_what_a_waking_core_costs),
		CASE(with_a_limit_of_0_it_always_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
