/* ipc/recording.c: nothing is read that was not written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "ipc/msg.h"
#include "ipc/recording.h"

#define ASSERT_HAS(text, part)                                   \
	do {                                                     \
		if (strstr(text, part) == NULL)                  \
			fail_msg("'%s' lacks '%s'", text, part); \
	} while (0)

static void
add_frame(struct ipc_buf *b, uint8_t kind, uint64_t id, const char *text)
{
	struct ipc_frame f = { .kind = kind, .id = id };
	uint8_t head[IPC_FRAME_HEAD];

	f.len = (uint32_t)strlen(text);
	ipc_frame_head(head, &f);
	assert_true(ipc_buf_add(b, head, sizeof(head)));
	assert_true(ipc_buf_add(b, text, f.len));
}

static int
add(struct ipc_recording *r, enum ipc_record_type type, uint8_t kind,
    uint64_t id, const char *text)
{
	struct ipc_buf b;
	int error;

	ipc_buf_init(&b, 1 << 24);
	add_frame(&b, kind, id, text);
	error = ipc_recording_add(r, type, b.data, b.len, 1000 + (int64_t)id);
	ipc_buf_release(&b);
	return error;
}

static int
memory_file(void)
{
	int fd = memfd_create("recording", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* A small game: two turns, a checkpoint, an end. */
static void
write_game(struct ipc_recording *r, int fd)
{
	struct ipc_buf b;

	ipc_buf_init(&b, 1 << 16);
	assert_int_equal(ipc_recording_create(r, fd, "program=snake\n", 14), 0);
	add_frame(&b, IPC_NOW, 1, "");
	add_frame(&b, IPC_MESSAGE, 7, "look");
	assert_int_equal(
	    ipc_recording_add(r, IPC_RECORD_UP, b.data, b.len, 5), 0);
	ipc_buf_clear(&b);
	add_frame(&b, IPC_SEND, 7, "a room");
	add_frame(&b, IPC_COMMIT, 2, "");
	assert_int_equal(
	    ipc_recording_add(r, IPC_RECORD_DOWN, b.data, b.len, 6), 0);
	assert_int_equal(
	    ipc_recording_mark(r, IPC_RECORD_CHECKPOINT, "number=1", 7), 0);
	assert_int_equal(add(r, IPC_RECORD_UP, IPC_TICK, 1, ""), 0);
	assert_int_equal(add(r, IPC_RECORD_DOWN, IPC_COMMIT, 3, ""), 0);
	assert_int_equal(add(r, IPC_RECORD_DOWN, IPC_SEND, 7, "tick"), 0);
	assert_int_equal(
	    ipc_recording_mark(r, IPC_RECORD_END, "how=stopped", 9), 0);
	assert_int_equal(ipc_recording_flush(r), 0);
	ipc_buf_release(&b);
}

static uint8_t *
contents(int fd, size_t *n)
{
	struct stat st;
	uint8_t *p;

	assert_int_equal(fstat(fd, &st), 0);
	*n = (size_t)st.st_size;
	p = malloc(*n + 1);
	assert_non_null(p);
	assert_int_equal(pread(fd, p, *n, 0), *n);
	return p;
}

/* Read to the end: how it ended, and how many records there were. */
static int
read_all(const uint8_t *p, size_t n, unsigned *records, bool *is_torn)
{
	struct ipc_recording_reader r;
	struct ipc_record rec;
	int got = ipc_recording_open_bytes(&r, p, n);

	*records = 0;
	*is_torn = false;
	if (got < 0) {
		assert_true(r.why[0] != '\0');
		return got;
	}
	while ((got = ipc_recording_next(&r, &rec)) == 1)
		(*records)++;
	*is_torn = r.torn;
	assert_true((got == 0 && !r.torn) || r.why[0] != '\0');
	ipc_recording_close(&r);
	return got;
}

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

static void
the_head_gives_back_any_text(void **state)
{
	struct ipc_buf text, value;

	(void)state;
	ipc_buf_init(&text, 1000);
	ipc_buf_init(&value, 1000);
	assert_true(ipc_recording_head_add(&text, "program", "sn\\ake"));
	assert_true(ipc_recording_head_add(&text, "arg", "two\nlines=\x01"));
	assert_true(ipc_recording_head_add(&text, "arg", ""));
	assert_true(ipc_recording_head_add(&text, "arg", "\xc3\xa4\\x41"));
	assert_true(ipc_recording_head_get(
	    (char *)text.data, text.len, "program", 0, &value));
	assert_int_equal(value.len, 6);
	assert_memory_equal(value.data, "sn\\ake", 6);
	ipc_buf_clear(&value);
	assert_true(ipc_recording_head_get(
	    (char *)text.data, text.len, "arg", 0, &value));
	assert_int_equal(value.len, 11);
	assert_memory_equal(value.data, "two\nlines=\x01", 11);
	ipc_buf_clear(&value);
	assert_true(ipc_recording_head_get(
	    (char *)text.data, text.len, "arg", 1, &value));
	assert_int_equal(value.len, 0);
	assert_true(ipc_recording_head_get(
	    (char *)text.data, text.len, "arg", 2, &value));
	assert_memory_equal(value.data, "\xc3\xa4\\x41", 6);
	assert_false(ipc_recording_head_get(
	    (char *)text.data, text.len, "arg", 3, &value));
	assert_false(ipc_recording_head_get(
	    (char *)text.data, text.len, "ar", 0, &value));
	ipc_buf_release(&text);
	ipc_buf_release(&value);
}

static void
the_checksum_is_zlibs(void **state)
{
	uint8_t bytes[300];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (size_t n = 0; n < sizeof(bytes); n++) {
		uint32_t part = ipc_crc32(0, bytes, n / 3);

		assert_int_equal(
		    ipc_crc32(0, bytes, n), crc32(0, bytes, (uInt)n));
		assert_int_equal(ipc_crc32(part, bytes + n / 3, n - n / 3),
		    crc32(0, bytes, (uInt)n));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    gives_back_every_frame_with_its_position_and_time),
		cmocka_unit_test(a_tail_torn_at_any_byte_is_cut_off_and_said),
		cmocka_unit_test(any_flipped_bit_is_found),
		cmocka_unit_test(missing_and_doubled_records_are_found),
		cmocka_unit_test(a_gap_in_the_positions_is_missing_frames),
		cmocka_unit_test(a_restart_counts_anew),
		cmocka_unit_test(says_what_is_wrong_with_a_file),
		cmocka_unit_test(what_is_not_whole_frames_turns_it_off),
		cmocka_unit_test(
		    a_full_disk_is_said_once_and_then_nothing_is_written),
		cmocka_unit_test(a_half_written_record_is_taken_back),
		cmocka_unit_test(writes_by_itself_when_much_has_gathered),
		cmocka_unit_test(a_long_turn_becomes_several_records),
		cmocka_unit_test(the_flight_recorder_keeps_the_newest),
		cmocka_unit_test(
		    what_is_larger_than_the_flight_recorder_empties_it),
		cmocka_unit_test(the_head_gives_back_any_text),
		cmocka_unit_test(the_checksum_is_zlibs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
