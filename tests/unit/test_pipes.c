/* links: gamecore/pipes.c */
/* gamecore/pipes.c: netd gets its two ends, and the game keeps the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gamecore/core.h"
#include "ipc/control.h"

static int ends[2];

static int
begin(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends);
}

static int
end(void **state)
{
	(void)state;
	close(ends[0]);
	return close(ends[1]);
}

static void
what_one_side_writes_the_other_reads(void **state)
{
	static char name[] = "snake", word[] = "a\\b\nc";
	char *argv[] = { name, word, NULL }, byte;
	struct ipc_control m;
	struct pipes p;

	(void)state;
	assert_true(pipes_hand_over(ends[0], IPC_LINK_WOKEN, 7, argv, &p));
	assert_int_equal(ipc_control_recv(ends[1], &m), 1);
	assert_int_equal(m.type, IPC_CONTROL_LINK);
	assert_int_equal(m.number, IPC_LINK_WOKEN);
	assert_int_equal(m.value, 7);
	assert_string_equal(m.text, "snake\na\\\\b\\nc\n");
	assert_int_equal(write(m.fds[0], "u", 1), 1);
	assert_int_equal(read(p.up_r, &byte, 1), 1);
	assert_int_equal(byte, 'u');
	assert_int_equal(write(p.down_w, "d", 1), 1);
	assert_int_equal(read(m.fds[1], &byte, 1), 1);
	assert_int_equal(byte, 'd');
	/* No copy of netd's ends is left here to keep the pipe open. */
	close(m.fds[0]);
	assert_int_equal(read(p.up_r, &byte, 1), 0);
	close(m.fds[1]);
	pipes_close_game(&p);
}

static void
words_that_do_not_fit_are_left_out_whole(void **state)
{
	static char name[] = "snake", many[2000], more[2000];
	char *argv[] = { name, many, more, NULL };
	struct ipc_control m;
	struct pipes p;

	(void)state;
	memset(many, 'x', sizeof(many) - 1);
	memset(more, 'y', sizeof(more) - 1);
	assert_true(pipes_hand_over(ends[0], IPC_LINK_FIRST, 0, argv, &p));
	assert_int_equal(ipc_control_recv(ends[1], &m), 1);
	assert_int_equal(strlen(m.text), 6 + 2000);
	pipes_close_game(&p);
	close(m.fds[0]);
	close(m.fds[1]);
}

static void
nothing_stays_open_if_netd_is_gone(void **state)
{
	struct pipes p;
	int before = dup(0), after;

	(void)state;
	close(before);
	close(ends[1]);
	assert_false(pipes_hand_over(ends[0], IPC_LINK_FIRST, 0, NULL, &p));
	ends[1] = dup(0);
	after = dup(0);
	close(after);
	assert_true(after <= before + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_one_side_writes_the_other_reads, begin, end),
		cmocka_unit_test_setup_teardown(
		    words_that_do_not_fit_are_left_out_whole, begin, end),
		cmocka_unit_test_setup_teardown(
		    nothing_stays_open_if_netd_is_gone, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
