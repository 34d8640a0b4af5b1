/* links: gamecore/wake.c gamecore/pipes.c */
/* gamecore/wake.c: which frozen copies the launcher keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gamecore/core.h"
#include "ipc/control.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* What wake.c asks of launch.c, which no case here comes to. */
void
launch_deafen(void)
{
	abort();
}

static struct wake w;

/* The copy's end of its socket. */
static int
copy_lives(uint64_t number)
{
	struct ipc_control m = { .type = IPC_CONTROL_FROZEN,
		.number = (uint32_t)getpid(),
		.value = number };
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	m.fds[0] = ends[0];
	m.fds[1] = -1;
	assert_int_equal(ipc_control_send(w.game_keeper, &m), 0);
	close(ends[0]);
	return ends[1];
}

/* One of which nobody asks here whether it lives. */
static void
frozen(uint64_t number)
{
	close(copy_lives(number));
}

static bool
kept(uint64_t number)
{
	for (size_t i = 0; i < w.n; i++)
		if (w.frozen[i].number == number)
			return true;
	return false;
}

static int
begin(void **state)
{
	static char name[] = "test", *argv[] = { name, NULL };

	(void)state;
	w = (struct wake){ .n = 0 };
	return wake_init(&w, argv) ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	wake_release(&w);
	return 0;
}

static void
older_ones_are_dismissed(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 5; n++)
		frozen(n);
	wake_told(&w);
	wake_dismiss(&w, 4);
	assert_int_equal(w.n, 2);
	assert_true(kept(4) && kept(5));
}

/* Nobody dismissed any for long, as on a busy machine: netd will name one of
 * the newest two. */
static void
a_launcher_that_comes_late_keeps_the_newest(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 40; n++) {
		frozen(n);
		if (n % 3 == 0)
			wake_told(&w);
		if (n > 3 && n % 3 == 0)
			assert_true(kept(n - 1) && kept(n));
	}
	wake_told(&w);
	assert_int_equal(w.n, FROZEN_MAX);
	for (uint64_t n = 40; n > 40 - FROZEN_MAX; n--)
		assert_true(kept(n));
}

static void
one_of_the_same_number_takes_its_place(void **state)
{
	(void)state;
	frozen(7);
	frozen(7);
	wake_told(&w);
	assert_int_equal(w.n, 1);
}

static void
one_that_ended_is_missed(void **state)
{
	int fds[3];

	(void)state;
	for (uint64_t n = 1; n <= 3; n++)
		fds[n - 1] = copy_lives(n);
	wake_told(&w);
	assert_int_equal(wake_lost_copy(&w), 0);
	close(fds[1]);
	assert_int_equal(wake_lost_copy(&w), 2);
	assert_int_equal(wake_lost_copy(&w), 0);
	assert_int_equal(w.n, 2);
	assert_true(kept(1) && kept(3));
	close(fds[0]);
	close(fds[2]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    older_ones_are_dismissed, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_launcher_that_comes_late_keeps_the_newest, begin, end),
		cmocka_unit_test_setup_teardown(
		    one_of_the_same_number_takes_its_place, begin, end),
		cmocka_unit_test_setup_teardown(
		    one_that_ended_is_missed, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
