/* links: gamecore/tape.c */
/* gamecore/tape.c: the lives and deaths that a recording holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "gamecore/replay.h"
#include "tests/unit/recordings.h"

static struct ipc_buf args;
static size_t n_args;
static struct tape tape;

/* Open what was written to fd. */
static bool
opened(int fd)
{
	char file[32];

	snprintf(file, sizeof(file), "/proc/self/fd/%d", fd);
	ipc_buf_init(&args, 1 << 16);
	return tape_open(&tape, file, &args, &n_args);
}

static void
done(int fd)
{
	tape_close(&tape);
	ipc_buf_release(&args);
	close(fd);
}

static void
begin(struct ipc_recording *w, int fd, const char *text)
{
	assert_int_equal(ipc_recording_create(w, fd, text, strlen(text)), 0);
	assert_int_equal(add(w, IPC_RECORD_DOWN, IPC_SEND, 1, "hello"), 0);
	assert_int_equal(add(w, IPC_RECORD_UP, IPC_MESSAGE, 1, "hi"), 0);
	assert_int_equal(add(w, IPC_RECORD_UP, IPC_MESSAGE, 1, "die"), 0);
}

static void
mark(struct ipc_recording *w, enum ipc_record_type type, const char *text)
{
	assert_int_equal(ipc_recording_mark(w, type, text, 9), 0);
}

static void
end(struct ipc_recording *w)
{
	assert_int_equal(ipc_recording_flush(w), 0);
	ipc_recording_release(w);
}

static void
one_life_that_was_stopped_is_whole(void **state)
{
	struct ipc_recording w;
	int fd = memory_file();

	(void)state;
	begin(&w, fd, "program=snake\narg=--size\narg=20\n");
	mark(&w, IPC_RECORD_END, "how=stopped");
	end(&w);
	assert_true(opened(fd));
	assert_int_equal(tape.n, 1);
	assert_true(tape.lives[0].whole);
	assert_false(tape.lives[0].open);
	assert_int_equal(tape.lives[0].up, 2);
	assert_int_equal(tape.lives[0].down, 1);
	assert_int_equal(n_args, 2);
	assert_string_equal((char *)args.data, "--size");
	assert_int_equal(tape.command.len, strlen("snake --size 20"));
	assert_memory_equal(
	    tape.command.data, "snake --size 20", tape.command.len);
	assert_string_equal(tape.how, "");
	done(fd);
}

static void
each_fresh_game_is_a_life(void **state)
{
	struct ipc_recording w;
	int fd = memory_file();

	(void)state;
	begin(&w, fd, "");
	mark(&w, IPC_RECORD_RESTART, "why=cold");
	assert_int_equal(add(&w, IPC_RECORD_DOWN, IPC_SEND, 1, "hello"), 0);
	mark(&w, IPC_RECORD_RESTART, "why=again");
	assert_int_equal(add(&w, IPC_RECORD_DOWN, IPC_SEND, 1, "hello"), 0);
	end(&w);
	assert_true(opened(fd));
	assert_int_equal(tape.n, 3);
	assert_true(tape.lives[0].open); /* its end is not shown */
	assert_true(tape.lives[1].whole);
	assert_false(tape.lives[2].whole); /* a game that went on */
	assert_true(tape.lives[2].open);
	done(fd);
}

static void
a_death_is_found_at_every_frame_it_may_have_been(void **state)
{
	struct ipc_recording w;
	int fd = memory_file();

	(void)state;
	begin(&w, fd, "");
	mark(&w, IPC_RECORD_NOTE, "died frame=1 given=2");
	end(&w);
	assert_true(opened(fd));
	assert_int_equal(tape.lives[0].given, 2);
	assert_non_null(tape_note(&tape, 1, 1, true));
	assert_non_null(tape_note(&tape, 1, 2, true));
	assert_null(tape_note(&tape, 1, 3, true));
	assert_null(tape_note(&tape, 2, 1, true));
	assert_null(tape_note(&tape, 1, 1, false));
	done(fd);
}

static void
a_death_that_was_recovered_from_does_not_end_a_life(void **state)
{
	struct ipc_recording w;
	int fd = memory_file();

	(void)state;
	begin(&w, fd, "");
	mark(&w, IPC_RECORD_NOTE, "died frame=1 given=2");
	mark(&w, IPC_RECORD_NOTE, "recovered ms=2");
	end(&w);
	assert_true(opened(fd));
	assert_int_equal(tape.n, 1);
	assert_int_equal(tape.lives[0].given, 0);
	done(fd);
}

static void
says_why_a_file_cannot_be_replayed(void **state)
{
	struct ipc_recording w;
	int fd = memory_file();

	(void)state;
	assert_int_equal(ipc_recording_create(&w, fd, "", 0), 0);
	end(&w);
	assert_false(opened(fd));
	assert_string_equal(tape.problem, "it holds no frames");
	tape_close(&tape);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, "rubbish and more", 16, 0), 16);
	assert_false(opened(fd));
	assert_string_equal(tape.problem, "not a recording");
	done(fd);
	ipc_buf_init(&args, 100);
	assert_false(tape_open(&tape, "/nowhere/at/all", &args, &n_args));
	assert_string_equal(tape.problem, "No such file or directory");
	tape_close(&tape);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_life_that_was_stopped_is_whole),
		cmocka_unit_test(each_fresh_game_is_a_life),
		cmocka_unit_test(
		    a_death_is_found_at_every_frame_it_may_have_been),
		cmocka_unit_test(
		    a_death_that_was_recovered_from_does_not_end_a_life),
		cmocka_unit_test(says_why_a_file_cannot_be_replayed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
