/* links: gamecore/?*.c */
/*
 * gamecore/lend.c: what the pipe was lent stays as it was until it is read,
 * whatever the game says meanwhile and whatever becomes of it.
 */
#include "gamecore/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "tests/unit/fake_netd.h"

#define BIG (40u << 10)

/* Of the frame of this number: its length, and each of its bytes. */
static uint8_t
byte_of(uint64_t number, size_t at)
{
	return (uint8_t)(number * 31 + at * 7 + at / 256);
}

/* The game says frame number, of so many bytes. */
static void
say_big(struct fake *n, uint64_t number, size_t len)
{
	static uint8_t bytes[2u << 20];
	struct ipc_frame f = { .kind = IPC_SEND,
		.id = number,
		.bytes = bytes,
		.len = (uint32_t)len };

	assert_true(len <= sizeof(bytes));
	for (size_t i = 0; i < len; i++)
		bytes[i] = byte_of(number, i);
	assert_int_equal(stream_put(n->net, &f, NULL), 0);
}

static void
check(const struct ipc_frame *f, uint64_t number)
{
	assert_int_equal(f->kind, IPC_SEND);
	assert_int_equal(f->id, number);
	for (size_t i = 0; i < f->len; i++)
		if (f->bytes[i] != byte_of(number, i))
			fail_msg("frame %llu of %u bytes: byte %zu is %u",
			    (unsigned long long)number, f->len, i, f->bytes[i]);
}

/* Read at most step bytes at a time: the frames from *number to before end,
 * or to what there is. */
static void
hear_big(struct fake *n, uint64_t *number, uint64_t end, size_t step)
{
	struct ipc_frame f;

	while (*number < end) {
		size_t room;
		uint8_t *to;
		ssize_t got;

		while (ipc_reader_next(&n->heard, &f) == IPC_FRAME)
			if (f.kind == IPC_SEND)
				check(&f, (*number)++);
		assert_null(n->heard.why);
		if (*number == end)
			return;
		to = ipc_reader_space(&n->heard, &room);
		got = read(n->down, to, room < step ? room : step);
		if (got <= 0)
			return;
		ipc_reader_filled(&n->heard, (size_t)got);
	}
}

/* With a pipe that never fills here. */
static void
begin(struct fake *n)
{
	fake_ready(n);
	assert_true(fcntl(n->down, F_SETPIPE_SZ, 1 << 20) >= 1 << 20);
}

static unsigned
lent(const struct fake *n)
{
	unsigned held = 0;

	for (unsigned i = 0; i < n->net->lend.n; i++)
		held += n->net->lend.chunks[i].end > n->net->lend.read;
	return held;
}

static void
what_is_not_read_does_not_change(void **state)
{
	uint64_t number = 1;
	struct fake n;

	(void)state;
	begin(&n);
	/* More of them than there are chunks: what is left is copied. */
	for (uint64_t i = 1; i <= 20; i++) {
		say_big(&n, i, BIG);
		assert_int_equal(gc_flush(n.net), 0);
		assert_int_equal(
		    lent(&n), i < LEND_CHUNKS ? i : LEND_CHUNKS - 1);
		assert_false(n.net->lend.off);
	}
	assert_int_equal(n.net->lend.n, LEND_CHUNKS);
	hear_big(&n, &number, 21, SIZE_MAX);
	assert_int_equal(number, 21);
	fake_release(&n);
}

static void
what_is_read_is_lent_again(void **state)
{
	uint64_t number = 1;
	struct fake n;

	(void)state;
	begin(&n);
	for (uint64_t i = 1; i <= 200; i++) {
		say_big(&n, i, BIG);
		assert_int_equal(gc_flush(n.net), 0);
		hear_big(&n, &number, i + 1, SIZE_MAX);
		assert_int_equal(number, i + 1);
		hear(&n); /* its COMMIT */
	}
	/* One to lay into while the other is read. */
	assert_int_equal(n.net->lend.n, 2);
	fake_release(&n);
}

static void
half_of_it_read_is_not_read(void **state)
{
	uint64_t number = 1;
	struct fake n;

	(void)state;
	begin(&n);
	say_big(&n, 1, BIG);
	assert_int_equal(gc_flush(n.net), 0);
	/* All but one byte of it and its COMMIT. */
	for (size_t left = BIG + 2 * IPC_FRAME_HEAD - 1; left;) {
		size_t room;
		uint8_t *to = ipc_reader_space(&n.heard, &room);
		ssize_t got = read(n.down, to, left < room ? left : room);

		assert_true(got > 0);
		ipc_reader_filled(&n.heard, (size_t)got);
		left -= (size_t)got;
	}
	for (uint64_t i = 2; i <= 3; i++) {
		say_big(&n, i, BIG);
		assert_int_equal(gc_flush(n.net), 0);
		assert_int_equal(lent(&n), i);
	}
	hear_big(&n, &number, 4, SIZE_MAX);
	assert_int_equal(number, 4);
	fake_release(&n);
}

static void
little_is_copied_and_costs_no_second_chunk(void **state)
{
	uint64_t number = 1;
	struct fake n;

	(void)state;
	begin(&n);
	for (uint64_t i = 1; i <= 50; i++) {
		say_big(&n, i, LEND_MIN - 2 * IPC_FRAME_HEAD - 1);
		assert_int_equal(gc_flush(n.net), 0);
		assert_int_equal(lent(&n), 0);
	}
	assert_int_equal(n.net->lend.n, 1);
	hear_big(&n, &number, 51, SIZE_MAX);
	assert_int_equal(number, 51);
	fake_release(&n);
}

/* ---- a pipe that fills ----------------------------------------------------
 */

static struct {
	struct fake *n;
	uint64_t number, end;
	pthread_t thread;
} slow;

static void *
hearing(void *none)
{
	struct pollfd p = { .fd = slow.n->down, .events = POLLIN };
	unsigned dice = 1;

	(void)none;
	while (slow.number < slow.end && poll(&p, 1, 20000) == 1) {
		dice = dice * 1103515245 + 12345;
		hear_big(slow.n, &slow.number, slow.end,
		    dice >> 16 & 1 ? 100 + (dice >> 17) % 9000 : SIZE_MAX);
	}
	return NULL;
}

static volatile sig_atomic_t signals;

static void
on_alarm(int number)
{
	(void)number;
	signals = signals + 1;
}

/* Turns of all sizes and everything in them, while somebody reads as it
 * likes; signals cut the writes. */
static void
all_sizes_come_as_they_were_through_a_full_pipe(void **state)
{
	struct sigaction was, cuts = { .sa_handler = on_alarm };
	struct itimerval often = { { 0, 300 }, { 0, 300 } }, never = { 0 };
	unsigned dice = 7;
	sigset_t alarm;
	struct fake n;

	(void)state;
	fake_ready(&n);
	assert_true(fcntl(n.down, F_SETPIPE_SZ, 64 << 10) >= 64 << 10);
	slow.n = &n;
	slow.number = 1;
	slow.end = 6001;
	/* The signals are for the game. */
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, NULL);
	assert_int_equal(pthread_create(&slow.thread, NULL, hearing, NULL), 0);
	pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
	sigaction(SIGALRM, &cuts, &was);
	setitimer(ITIMER_REAL, &often, NULL);
	for (uint64_t i = 1; i < slow.end; i++) {
		dice = dice * 1103515245 + 12345;
		if (dice >> 16 & 15)
			say_big(&n, i, (dice >> 20) % 3000);
		else if (dice >> 20 & 15)
			say_big(&n, i, (dice >> 24) * 400);
		else
			say_big(&n, i, (dice >> 24) * 4000);
		if (i % 97 == 0)
			assert_int_equal(gc_flush(n.net), 0);
	}
	assert_int_equal(gc_flush(n.net), 0);
	pthread_join(slow.thread, NULL);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &was, NULL);
	assert_int_equal(slow.number, slow.end);
	assert_true(signals > 0);
	assert_true(n.net->lend.n > 1);
	assert_false(n.net->lend.off);
	fake_release(&n);
}

/* ---- other ends ------------------------------------------------------------
 */

static void
what_is_no_pipe_is_written(void **state)
{
	uint64_t number = 1;
	int ends[2];
	struct fake n;

	(void)state;
	fake_ready(&n);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	dup2(ends[0], n.down);
	dup2(ends[1], n.net->down);
	close(ends[0]);
	close(ends[1]);
	fcntl(n.down, F_SETFL, O_NONBLOCK);
	for (uint64_t i = 1; i <= 20; i++) {
		say_big(&n, i, BIG);
		assert_int_equal(gc_flush(n.net), 0);
		assert_true(n.net->lend.off);
		hear_big(&n, &number, i + 1, SIZE_MAX);
	}
	assert_int_equal(number, 21);
	fake_release(&n);
}

static void
a_reader_that_is_gone_is_told(void **state)
{
	struct fake n;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	begin(&n);
	close(n.down);
	n.down = -1;
	say_big(&n, 1, BIG);
	assert_int_equal(gc_flush(n.net), GC_ENETD_GONE);
	assert_true(n.net->down_gone);
	fake_release(&n);
}

static void
the_pipe_keeps_it_when_the_game_is_freed(void **state)
{
	uint64_t number = 1;
	struct fake n;
	void *other[64];

	(void)state;
	begin(&n);
	for (uint64_t i = 1; i <= 12; i++)
		say_big(&n, i, BIG);
	assert_int_equal(gc_flush(n.net), 0);
	net_free(n.net);
	n.net = NULL;
	/* Whatever is there now. */
	for (unsigned i = 0; i < 64; i++) {
		other[i] = malloc(BIG);
		assert_non_null(other[i]);
		memset(other[i], 0xee, BIG);
	}
	hear_big(&n, &number, 13, SIZE_MAX);
	assert_int_equal(number, 13);
	for (unsigned i = 0; i < 64; i++)
		free(other[i]);
	fake_release(&n);
}

static void
another_pipe_takes_nothing_from_the_first(void **state)
{
	uint64_t number = 1;
	int first, up[2], down[2];
	struct fake n;

	(void)state;
	begin(&n);
	for (uint64_t i = 1; i <= 3; i++)
		say_big(&n, i, BIG);
	assert_int_equal(gc_flush(n.net), 0);
	assert_true(lent(&n) > 1);
	assert_int_equal(pipe(up), 0);
	assert_int_equal(pipe(down), 0);
	fcntl(down[0], F_SETFL, O_NONBLOCK);
	fcntl(down[0], F_SETPIPE_SZ, 1 << 20);
	first = n.down;
	stream_restart(n.net, up[0], down[1]);
	assert_int_equal(lent(&n), 0);
	close(n.up);
	n.up = up[1];
	for (uint64_t i = 100; i < 110; i++)
		say_big(&n, i, BIG);
	assert_int_equal(gc_flush(n.net), 0);
	hear_big(&n, &number, 4, SIZE_MAX);
	assert_int_equal(number, 4);
	hear(&n); /* the COMMIT */
	n.down = down[0];
	number = 100;
	hear_big(&n, &number, 110, SIZE_MAX);
	assert_int_equal(number, 110);
	close(first);
	fake_release(&n);
}

/* ---- copies of the process -------------------------------------------------
 */

/* Both write into all their storage; the pipe has what it had. */
static void
a_fork_changes_nothing_that_was_lent(void **state)
{
	struct lend *l;
	uint64_t number = 1;
	struct fake n;
	int status;

	(void)state;
	for (int first = 0; first < 2; first++) {
		pid_t copy;

		begin(&n);
		l = &n.net->lend;
		for (uint64_t i = 1; i <= 5; i++)
			say_big(&n, i, BIG);
		assert_int_equal(gc_flush(n.net), 0);
		assert_true(lent(&n) > 3);
		copy = fork();
		assert_true(copy >= 0);
		if (copy == 0) {
			if (first)
				lend_restart(n.net);
			for (unsigned i = 0; i < l->n; i++)
				memset(l->chunks[i].bytes, 0xcc, OUT_GATHER);
			_exit(0);
		}
		assert_int_equal(waitpid(copy, &status, 0), copy);
		assert_int_equal(status, 0);
		/* Those that are lent are no longer this process's alone. */
		for (uint64_t i = 6; i <= 9; i++)
			say_big(&n, i, BIG);
		assert_int_equal(gc_flush(n.net), 0);
		number = 1;
		hear_big(&n, &number, 10, 5000);
		assert_int_equal(number, 10);
		fake_release(&n);
	}
}

static void
the_dead_leave_what_they_lent(void **state)
{
	uint64_t number = 1;
	struct fake n;
	int status;
	pid_t game;

	(void)state;
	begin(&n);
	game = fork();
	assert_true(game >= 0);
	if (game == 0) {
		for (uint64_t i = 1; i <= 12; i++)
			say_big(&n, i, BIG);
		gc_flush(n.net);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(game, &status, 0), game);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	hear_big(&n, &number, 13, SIZE_MAX);
	assert_int_equal(number, 13);
	fake_release(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_read_does_not_change),
		cmocka_unit_test(what_is_read_is_lent_again),
		cmocka_unit_test(half_of_it_read_is_not_read),
		cmocka_unit_test(little_is_copied_and_costs_no_second_chunk),
		cmocka_unit_test(
		    all_sizes_come_as_they_were_through_a_full_pipe),
		cmocka_unit_test(what_is_no_pipe_is_written),
		cmocka_unit_test(a_reader_that_is_gone_is_told),
		cmocka_unit_test(the_pipe_keeps_it_when_the_game_is_freed),
		cmocka_unit_test(another_pipe_takes_nothing_from_the_first),
		cmocka_unit_test(a_fork_changes_nothing_that_was_lent),
		cmocka_unit_test(the_dead_leave_what_they_lent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
