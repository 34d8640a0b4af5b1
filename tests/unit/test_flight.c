/* ipc/flight.c: what it forgot is gone, and what is left has no gaps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ipc/flight.h"
#include "tests/unit/recordings.h"

/* Up and down, copied and lent, counted before or not. */
static void
flight_one(struct ipc_flight *f, const struct ipc_buf *b, unsigned i)
{
	enum ipc_record_type type = i % 3 ? IPC_RECORD_UP : IPC_RECORD_DOWN;
	uint8_t *own;

	if (i % 5) {
		assert_int_equal(
		    ipc_flight_add(f, type, b->data, b->len, i % 2, i), 0);
		return;
	}
	own = malloc(b->len);
	assert_non_null(own);
	memcpy(own, b->data, b->len);
	if (!ipc_flight_lend(f, type, own, b->len, 1, i, own, b->len))
		free(own);
}

/* The frames down one by one are those of the recording. */
static void
walks_down(const struct ipc_flight *f, uint64_t last)
{
	struct ipc_flight_walk w;
	struct ipc_frame frame;
	uint64_t at = 0;

	ipc_flight_begin(f, &w);
	while (ipc_flight_next_down(f, &w, &frame)) {
		assert_true(at == 0 || w.position == at + 1);
		at = w.position;
	}
	assert_int_equal(at, last);
}

/* Whatever it forgot, what is left is a recording without gaps. */
static void
the_flight_recorder_keeps_the_newest(void **state)
{
	struct ipc_flight f;
	uint64_t seed = 42;

	(void)state;
	for (size_t size = 200; size < 3000; size += 97) {
		struct ipc_recording_reader r;
		struct ipc_recorded got;
		uint64_t up = 0, down = 0;
		int fd = memory_file();

		assert_int_equal(ipc_flight_init(&f, size), 0);
		f.lent_max = size;
		f.give_back = free;
		for (unsigned i = 0; i < 500; i++) {
			struct ipc_buf b;
			char text[64] = { 0 };

			seed =
			    seed * 6364136223846793005u + 1442695040888963407u;
			ipc_buf_init(&b, 4096);
			memset(text, 'z', (seed >> 33) % 60);
			add_frame(
			    &b, seed >> 63 ? IPC_MESSAGE : IPC_TICK, i, text);
			flight_one(&f, &b, i);
			ipc_buf_release(&b);
		}
		assert_int_equal(
		    ipc_flight_mark(&f, IPC_RECORD_END, "how=signal", 500), 0);
		assert_int_equal(ipc_flight_write(&f, fd, "a=b\n", 4), 0);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_int_equal(ipc_recording_open(&r, fd), 0);
		while (ipc_recording_next_frame(&r, &got) == 1) {
			if (got.type == IPC_RECORD_UP)
				up = got.position;
			if (got.type == IPC_RECORD_DOWN)
				down = got.position;
		}
		assert_string_equal(r.why, "");
		assert_true(r.ended);
		if (size > 600) {
			assert_int_equal(up, f.up);
			assert_int_equal(down, f.down);
		}
		assert_true((size_t)lseek(fd, 0, SEEK_END) > size / 3);
		walks_down(&f, down);
		ipc_recording_close(&r);
		ipc_flight_release(&f);
		close(fd);
	}
}

static void
what_is_larger_than_the_flight_recorder_empties_it(void **state)
{
	struct ipc_recording_reader r;
	struct ipc_flight f;
	struct ipc_buf b;
	struct ipc_record rec;
	char text[600];
	int fd = memory_file();

	(void)state;
	memset(text, 'w', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	ipc_buf_init(&b, 4096);
	add_frame(&b, IPC_TICK, 1, "");
	assert_int_equal(ipc_flight_init(&f, 500), 0);
	assert_int_equal(
	    ipc_flight_add(&f, IPC_RECORD_UP, b.data, b.len, 0, 1), 0);
	assert_int_equal(f.n, 1);
	ipc_buf_clear(&b);
	add_frame(&b, IPC_MESSAGE, 1, text);
	assert_int_equal(
	    ipc_flight_add(&f, IPC_RECORD_UP, b.data, b.len, 0, 1), 0);
	assert_int_equal(f.n, 0);
	ipc_buf_clear(&b);
	add_frame(&b, IPC_TICK, 1, "");
	assert_int_equal(
	    ipc_flight_add(&f, IPC_RECORD_UP, b.data, b.len, 0, 1), 0);
	assert_int_equal(ipc_flight_write(&f, fd, "", 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(ipc_recording_open(&r, fd), 0);
	assert_int_equal(ipc_recording_next(&r, &rec), 1);
	assert_int_equal(rec.position, 3);
	ipc_recording_close(&r);
	ipc_flight_release(&f);
	ipc_buf_release(&b);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_flight_recorder_keeps_the_newest),
		cmocka_unit_test(
		    what_is_larger_than_the_flight_recorder_empties_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
