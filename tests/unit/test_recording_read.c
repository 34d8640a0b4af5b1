/* ipc/recording_read.c: nothing is read that was not written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/recordings.h"

static void
a_tail_torn_at_any_byte_is_cut_off_and_said(void **state)
{
	struct ipc_recording rec;
	int fd = memory_file();
	unsigned records, all, before = 0;
	bool is_torn;
	size_t n, head = 0;
	uint8_t *p;

	(void)state;
	write_game(&rec, fd);
	ipc_recording_release(&rec);
	p = contents(fd, &n);
	assert_int_equal(read_all(p, n, &all, &is_torn), 0);
	assert_int_equal(all, 7);
	for (size_t cut = 0; cut < n; cut++) {
		/* An own block of exactly this size: the sanitizer sees more */
		uint8_t *part = malloc(cut ? cut : 1);
		int got;

		assert_non_null(part);
		memcpy(part, p, cut);
		got = read_all(part, cut, &records, &is_torn);
		free(part);
		if (got < 0) {
			assert_int_equal(got, IPC_ERR_RECORDING);
			assert_int_equal(records, 0);
			assert_int_equal(head, cut);
			head = cut + 1;
			continue;
		}
		/* Either exactly between two records, or torn. */
		assert_in_range(records, before, before + 1);
		assert_int_equal(is_torn, cut != head && records == before);
		before = records;
	}
	assert_int_equal(before, all - 1);
	free(p);
	close(fd);
}

static void
any_flipped_bit_is_found(void **state)
{
	struct ipc_recording rec;
	int fd = memory_file();
	unsigned records;
	bool is_torn;
	size_t n;
	uint8_t *p;

	(void)state;
	write_game(&rec, fd);
	ipc_recording_release(&rec);
	p = contents(fd, &n);
	for (size_t bit = 0; bit < 8 * n; bit++) {
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (read_all(p, n, &records, &is_torn) != IPC_ERR_RECORDING)
			fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(read_all(p, n, &records, &is_torn), 0);
	free(p);
	close(fd);
}

static void
missing_and_doubled_records_are_found(void **state)
{
	struct ipc_recording_reader r;
	struct ipc_record rec;
	struct ipc_recording w;
	uint64_t at[8];
	unsigned records, k = 0;
	bool is_torn;
	int fd = memory_file();
	size_t n;
	uint8_t *p, *q;

	(void)state;
	write_game(&w, fd);
	ipc_recording_release(&w);
	p = contents(fd, &n);
	assert_int_equal(ipc_recording_open_bytes(&r, p, n), 0);
	while (ipc_recording_next(&r, &rec) == 1)
		at[k++] = rec.offset;
	ipc_recording_close(&r);
	q = malloc(2 * n);
	assert_non_null(q);
	/* Leave out the first record down (1), then have it twice. */
	memcpy(q, p, at[1]);
	memcpy(q + at[1], p + at[2], n - at[2]);
	assert_int_equal(
	    read_all(q, n - (at[2] - at[1]), &records, &is_torn), 0);
	memcpy(q, p, at[4]); /* its third, up, is known to follow two */
	memcpy(q + at[4], p + at[3], n - at[3]);
	assert_int_equal(read_all(q, n + at[4] - at[3], &records, &is_torn),
	    IPC_ERR_RECORDING);
	assert_int_equal(records, 4);
	/* Leave out the second record up, after which nothing comes up: the
	 * one down that follows still fits. Leave out the down COMMIT: fits
	 * too, it counts in no position. Leave out a whole turn: found. */
	memcpy(q, p, at[6]);
	memcpy(q + at[6], p + at[5], n - at[5]);
	assert_int_equal(read_all(q, n + at[6] - at[5], &records, &is_torn),
	    IPC_ERR_RECORDING);
	free(p);
	free(q);
	close(fd);
}

static void
a_gap_in_the_positions_is_missing_frames(void **state)
{
	struct ipc_recording w;
	unsigned records;
	bool is_torn;
	int fd = memory_file();
	size_t n;
	uint8_t *p;

	(void)state;
	assert_int_equal(ipc_recording_create(&w, fd, "", 0), 0);
	w.up = 41; /* as one that was begun later */
	assert_int_equal(add(&w, IPC_RECORD_UP, IPC_TICK, 1, ""), 0);
	w.up += 1;
	assert_int_equal(add(&w, IPC_RECORD_UP, IPC_TICK, 1, ""), 0);
	assert_int_equal(ipc_recording_flush(&w), 0);
	ipc_recording_release(&w);
	p = contents(fd, &n);
	assert_int_equal(read_all(p, n, &records, &is_torn), IPC_ERR_RECORDING);
	assert_int_equal(records, 1);
	free(p);
	close(fd);
}

static void
a_restart_counts_anew(void **state)
{
	struct ipc_recording w;
	unsigned records;
	bool is_torn;
	int fd = memory_file();
	size_t n;
	uint8_t *p;

	(void)state;
	assert_int_equal(ipc_recording_create(&w, fd, "", 0), 0);
	assert_int_equal(add(&w, IPC_RECORD_UP, IPC_TICK, 1, ""), 0);
	assert_int_equal(
	    ipc_recording_mark(&w, IPC_RECORD_RESTART, "why=cold", 1), 0);
	assert_int_equal(w.up, 0);
	assert_int_equal(add(&w, IPC_RECORD_UP, IPC_TICK, 1, ""), 0);
	assert_int_equal(ipc_recording_flush(&w), 0);
	ipc_recording_release(&w);
	p = contents(fd, &n);
	assert_int_equal(read_all(p, n, &records, &is_torn), 0);
	assert_int_equal(records, 3);
	free(p);
	close(fd);
}

static void
says_what_is_wrong_with_a_file(void **state)
{
	static const struct {
		const char *bytes;
		const char *why;
	} rows[] = {
		{ "", "empty" },
		{ "hello", "not a recording" },
		{ "penstock", "torn inside its head" },
		{ "penstock recording 1\n....", "torn inside its head" },
		{ "penstock recording 2\n........", "another version" },
		{ "penstock recording 1\n\xff\xff\xff\xff....", "too long" },
		{ "penstock recording 1\n\1\1\1\1....", "too long" },
	};
	struct ipc_recording_reader r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(ipc_recording_open_bytes(
				     &r, rows[i].bytes, strlen(rows[i].bytes)),
		    IPC_ERR_RECORDING);
		ASSERT_HAS(r.why, rows[i].why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tail_torn_at_any_byte_is_cut_off_and_said),
		cmocka_unit_test(any_flipped_bit_is_found),
		cmocka_unit_test(missing_and_doubled_records_are_found),
		cmocka_unit_test(a_gap_in_the_positions_is_missing_frames),
		cmocka_unit_test(a_restart_counts_anew),
		cmocka_unit_test(says_what_is_wrong_with_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
