/* ipc/recording.c: what was written whole stays in the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "tests/unit/recordings.h"

static void
gives_back_every_frame_with_its_position_and_time(void **state)
{
	static const struct {
		uint8_t type, kind;
		uint64_t position;
		int64_t time_us;
		const char *text;
	} want[] = {
		{ IPC_RECORD_UP, IPC_NOW, 1, 5, "" },
		{ IPC_RECORD_UP, IPC_MESSAGE, 2, 5, "look" },
		{ IPC_RECORD_DOWN, IPC_SEND, 1, 6, "a room" },
		{ IPC_RECORD_DOWN, IPC_COMMIT, 1, 6, "" },
		{ IPC_RECORD_CHECKPOINT, 0, 2, 7, "number=1" },
		{ IPC_RECORD_UP, IPC_TICK, 3, 1001, "" },
		{ IPC_RECORD_DOWN, IPC_COMMIT, 1, 1003, "" },
		{ IPC_RECORD_DOWN, IPC_SEND, 2, 1007, "tick" },
		{ IPC_RECORD_END, 0, 3, 9, "how=stopped" },
	};
	struct ipc_recording_reader r;
	struct ipc_recorded f;
	struct ipc_recording rec;
	int fd = memory_file();

	(void)state;
	write_game(&rec, fd);
	ipc_recording_release(&rec);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(ipc_recording_open(&r, fd), 0);
	assert_string_equal(r.text, "program=snake\n");
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		bool mark = want[i].kind == 0;

		assert_int_equal(ipc_recording_next_frame(&r, &f), 1);
		assert_int_equal(f.type, want[i].type);
		assert_int_equal(f.frame.kind, want[i].kind);
		assert_int_equal(f.position, want[i].position);
		assert_int_equal(f.time_us, want[i].time_us);
		assert_int_equal(
		    mark ? f.len : f.frame.len, strlen(want[i].text));
		assert_memory_equal(mark ? f.bytes : f.frame.bytes,
		    want[i].text, strlen(want[i].text));
	}
	assert_int_equal(ipc_recording_next_frame(&r, &f), 0);
	assert_int_equal(ipc_recording_next_frame(&r, &f), 0);
	assert_true(r.ended);
	assert_false(r.torn);
	ipc_recording_close(&r);
	close(fd);
}

static void
what_is_not_whole_frames_turns_it_off(void **state)
{
	struct ipc_recording w;
	int fd = memory_file();

	(void)state;
	assert_int_equal(ipc_recording_create(&w, fd, "", 0), 0);
	assert_int_equal(ipc_recording_add(&w, IPC_RECORD_UP, "tpl", 3, 1),
	    IPC_ERR_PROTOCOL);
	assert_true(w.off);
	assert_int_equal(add(&w, IPC_RECORD_UP, IPC_TICK, 1, ""), 0);
	ipc_recording_release(&w);
	close(fd);
}

static void
a_full_disk_is_said_once_and_then_nothing_is_written(void **state)
{
	struct ipc_recording w;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ipc_recording_create(&w, fd, "", 0), IPC_ERR_SYSTEM);
	assert_int_equal(errno, ENOSPC);
	close(fd);
	/* Full after the head. */
	fd = memory_file();
	assert_int_equal(ipc_recording_create(&w, fd, "", 0), 0);
	w.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_int_equal(add(&w, IPC_RECORD_UP, IPC_TICK, 1, ""), 0);
	errno = 0;
	assert_int_equal(ipc_recording_flush(&w), IPC_ERR_SYSTEM);
	assert_int_equal(errno, ENOSPC);
	assert_true(w.off);
	assert_int_equal(add(&w, IPC_RECORD_UP, IPC_TICK, 2, ""), 0);
	assert_int_equal(ipc_recording_flush(&w), 0);
	close(w.fd);
	ipc_recording_release(&w);
	close(fd);
}

/* A disk that fills in the middle of a write: a limit on the file's size. */
static void
a_half_written_record_is_taken_back(void **state)
{
	struct rlimit old, small;
	struct ipc_recording w;
	unsigned records;
	bool is_torn;
	size_t n;
	uint8_t *p;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	for (rlim_t limit = 30; limit < 330; limit += 7) {
		FILE *file = tmpfile();
		int error = 0;

		assert_non_null(file);
		small = old;
		small.rlim_cur = limit;
		assert_int_equal(
		    ipc_recording_create(&w, fileno(file), "", 0), 0);
		for (uint64_t i = 1; i < 6; i++)
			assert_int_equal(
			    add(&w, IPC_RECORD_UP, IPC_TICK, i, "abcdefgh"), 0);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		error = ipc_recording_flush(&w);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		assert_int_equal(error, IPC_ERR_SYSTEM);
		assert_true(w.off);
		p = contents(fileno(file), &n);
		assert_int_equal(read_all(p, n, &records, &is_torn), 0);
		assert_false(is_torn);
		assert_int_equal(records, (limit - 29) / 70);
		free(p);
		ipc_recording_release(&w);
		fclose(file);
	}
	signal(SIGXFSZ, SIG_DFL);
}

static void
writes_by_itself_when_much_has_gathered(void **state)
{
	struct ipc_recording w;
	static char text[100001];
	int fd = memory_file();
	size_t n;
	uint8_t *p;
	unsigned records;
	bool is_torn;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(ipc_recording_create(&w, fd, "", 0), 0);
	for (uint64_t i = 0; i < 50; i++)
		assert_int_equal(
		    add(&w, IPC_RECORD_DOWN, IPC_SEND, i, text), 0);
	assert_true(w.written > 4000000);
	assert_true(w.out.size < 1 << 20);
	assert_int_equal(ipc_recording_flush(&w), 0);
	ipc_recording_release(&w);
	p = contents(fd, &n);
	assert_int_equal(read_all(p, n, &records, &is_torn), 0);
	assert_int_equal(records, 50);
	free(p);
	close(fd);
}

/* A long turn is several records, cut between frames. */
static void
a_long_turn_becomes_several_records(void **state)
{
	struct ipc_recording w;
	struct ipc_buf b;
	static char text[60001];
	int fd = memory_file();
	unsigned records;
	bool is_torn;
	size_t n;
	uint8_t *p;

	(void)state;
	ipc_buf_init(&b, 8 << 20);
	memset(text, 'y', sizeof(text) - 1);
	for (uint64_t i = 0; i < 60; i++)
		add_frame(&b, IPC_SEND, i, text);
	assert_int_equal(ipc_recording_create(&w, fd, "", 0), 0);
	assert_int_equal(
	    ipc_recording_add(&w, IPC_RECORD_DOWN, b.data, b.len, 1), 0);
	assert_int_equal(w.down, 60);
	assert_int_equal(ipc_recording_flush(&w), 0);
	ipc_recording_release(&w);
	p = contents(fd, &n);
	assert_int_equal(read_all(p, n, &records, &is_torn), 0);
	assert_in_range(records, 4, 5);
	free(p);
	ipc_buf_release(&b);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    gives_back_every_frame_with_its_position_and_time),
		cmocka_unit_test(what_is_not_whole_frames_turns_it_off),
		cmocka_unit_test(
		    a_full_disk_is_said_once_and_then_nothing_is_written),
		cmocka_unit_test(a_half_written_record_is_taken_back),
		cmocka_unit_test(writes_by_itself_when_much_has_gathered),
		cmocka_unit_test(a_long_turn_becomes_several_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
