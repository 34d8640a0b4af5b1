/* ipc/frame.c: frames to bytes and back, held to what libtpl makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tpl.h>

#include "ipc/frame.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MAX IPC_FRAME_MAX

static const struct ipc_frame samples[] = {
	{ 1, 0, 0, 0, NULL, 0 },
	{ 12, 0, 0, 41, (const uint8_t *)"look", 4 },
	{ 255, 255, UINT16_MAX, UINT64_MAX, (const uint8_t *)"\0\xff", 2 },
	{ 41, 2, 7, (uint64_t)1 << 63, (const uint8_t *)"tpl", 4 },
};

/* The whole frame, owned. */
static uint8_t *
frame_new(const struct ipc_frame *f, size_t *size)
{
	uint8_t *p = malloc(ipc_frame_size(f->len));

	assert_non_null(p);
	ipc_frame_head(p, f);
	if (f->len)
		memcpy(p + IPC_FRAME_HEAD, f->bytes, f->len);
	*size = ipc_frame_size(f->len);
	return p;
}

static tpl_node *
map(uint8_t *kind, uint8_t *flags, uint16_t *channel, uint64_t *id, tpl_bin *b)
{
	char format[] = "ccvUB";

	return tpl_map(format, kind, flags, channel, id, b);
}

static void
same(const struct ipc_frame *a, const struct ipc_frame *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->channel, b->channel);
	assert_true(a->id == b->id);
	assert_int_equal(a->len, b->len);
	if (a->len)
		assert_memory_equal(a->bytes, b->bytes, a->len);
}

/* ---- libtpl as the oracle ----------------------------------------------- */

static void
bytes_are_what_libtpl_dumps(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct ipc_frame f = samples[i];
		tpl_bin bin = { (void *)(uintptr_t)f.bytes, f.len };
		tpl_node *tn = map(&f.kind, &f.flags, &f.channel, &f.id, &bin);
		void *theirs;
		size_t their_size, size;
		uint8_t *ours = frame_new(&f, &size);

		assert_int_equal(tpl_pack(tn, 0), 0);
		assert_int_equal(
		    tpl_dump(tn, TPL_MEM, &theirs, &their_size), 0);
		assert_int_equal(size, their_size);
		assert_memory_equal(ours, theirs, size);
		tpl_free(tn);
		free(theirs);
		free(ours);
	}
}

static void
libtpl_reads_what_we_write(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct ipc_frame f;
		tpl_bin bin;
		tpl_node *tn = map(&f.kind, &f.flags, &f.channel, &f.id, &bin);
		size_t size;
		uint8_t *ours = frame_new(&samples[i], &size);

		assert_int_equal(tpl_load(tn, TPL_MEM, ours, size), 0);
		assert_true(tpl_unpack(tn, 0) > 0);
		f.bytes = bin.addr;
		f.len = bin.sz;
		same(&f, &samples[i]);
		tpl_free(tn);
		free(bin.addr);
		free(ours);
	}
}

/* ---- one frame ---------------------------------------------------------- */

static void
decodes_what_it_encodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct ipc_frame f;
		size_t size, want;
		const char *why;
		uint8_t *p = frame_new(&samples[i], &size);

		assert_int_equal(
		    ipc_frame_decode(p, size, MAX, &f, &want, &why), IPC_FRAME);
		same(&f, &samples[i]);
		assert_int_equal(ipc_frame_size(f.len), size);
		free(p);
	}
}

static void
asks_for_more_at_every_cut_and_says_how_much(void **state)
{
	struct ipc_frame f;
	size_t size, want;
	const char *why;
	uint8_t *p = frame_new(&samples[1], &size);

	(void)state;
	for (size_t cut = 0; cut < size; cut++) {
		/* its own block, so that a sanitizer sees a read beyond */
		uint8_t *part = malloc(cut + 1);

		memcpy(part, p, cut);
		part = realloc(part, cut ? cut : 1);
		assert_int_equal(
		    ipc_frame_decode(part, cut, MAX, &f, &want, &why),
		    IPC_NEED_MORE);
		assert_int_equal(
		    want, cut < IPC_FRAME_HEAD ? IPC_FRAME_HEAD : size);
		free(part);
	}
	free(p);
}

static const struct {
	const char *name;
	size_t at;
	uint8_t byte;
	const char *why;
	size_t offset;
} bad[] = {
	{ "first byte", 0, 'T', "start with", 0 },
	{ "third byte", 2, 'L', "start with", 2 },
	{ "tpl's flags: big-endian", 3, 1, "start with", 3 },
	{ "tpl's flags: NULL strings", 3, 2, "start with", 3 },
	{ "a length below the head", 4, 29, "shorter", 4 },
	{ "a length over the maximum", 7, 1, "longer", 4 },
	{ "another format", 8, 'v', "format", 8 },
	{ "a format that goes on", 13, 'A', "format", 13 },
	{ "two lengths that disagree", 26, 5, "disagree", 26 },
	{ "two lengths that disagree, high byte", 29, 0xff, "disagree", 26 },
	{ "the first length alone too large", 4, 35, "disagree", 26 },
};

static void
names_what_is_wrong_and_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct ipc_frame f;
		size_t size, want = 0;
		const char *why = NULL;
		uint8_t *p = frame_new(&samples[1], &size);

		p[bad[i].at] = bad[i].byte;
		if (ipc_frame_decode(p, size, MAX, &f, &want, &why) !=
		    IPC_BROKEN)
			fail_msg("%s: not noticed", bad[i].name);
		if (strstr(why, bad[i].why) == NULL || want != bad[i].offset)
			fail_msg("%s: '%s' at %zu", bad[i].name, why, want);
		free(p);
	}
}

/* What is wrong is said as soon as the bytes that show it are there. */
static void
does_not_wait_for_the_end_of_a_broken_head(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct ipc_frame f;
		size_t size, want;
		const char *why;
		uint8_t *p = frame_new(&samples[1], &size);
		/* a length is known when its four bytes are there */
		size_t seen = bad[i].offset == 4    ? 8
			      : bad[i].offset == 26 ? IPC_FRAME_HEAD
						    : bad[i].offset + 1;

		p[bad[i].at] = bad[i].byte;
		for (size_t n = 0; n <= size; n++)
			if (ipc_frame_decode(p, n, MAX, &f, &want, &why) !=
			    (n < seen ? IPC_NEED_MORE : IPC_BROKEN))
				fail_msg("%s: at %zu bytes", bad[i].name, n);
		free(p);
	}
}

static void
the_maximum_is_the_largest_that_passes(void **state)
{
	struct ipc_frame f = { 12, 0, 0, 1, NULL, 0 }, got;
	uint8_t head[IPC_FRAME_HEAD];
	size_t want;
	const char *why;

	(void)state;
	f.len = MAX - IPC_FRAME_HEAD;
	ipc_frame_head(head, &f);
	assert_int_equal(
	    ipc_frame_decode(head, sizeof(head), MAX, &got, &want, &why),
	    IPC_NEED_MORE);
	assert_int_equal(want, MAX);
	f.len++;
	ipc_frame_head(head, &f);
	assert_int_equal(
	    ipc_frame_decode(head, sizeof(head), MAX, &got, &want, &why),
	    IPC_BROKEN);
}

static void
no_single_wrong_byte_reads_outside(void **state)
{
	size_t size;
	uint8_t *p = frame_new(&samples[1], &size);

	(void)state;
	for (size_t at = 0; at < size; at++)
		for (unsigned flip = 1; flip < 256; flip++) {
			struct ipc_frame f;
			size_t want;
			const char *why;

			p[at] ^= (uint8_t)flip;
			if (ipc_frame_decode(p, size, MAX, &f, &want, &why) ==
			    IPC_FRAME)
				assert_int_equal(ipc_frame_size(f.len), size);
			p[at] ^= (uint8_t)flip;
		}
	free(p);
}

/* ---- the reader --------------------------------------------------------- */

static void
pour(struct ipc_reader *r, const uint8_t *p, size_t n)
{
	while (n) {
		size_t room;
		uint8_t *to = ipc_reader_space(r, &room);

		assert_non_null(to);
		assert_true(room > 0);
		room = room < n ? room : n;
		memcpy(to, p, room);
		ipc_reader_filled(r, room);
		p += room;
		n -= room;
	}
}

/* How many bytes of one kind ipc_frame_decode() finds, frame by frame. */
static size_t
row_by_frames(
    const uint8_t *p, size_t n, size_t max, unsigned kind, size_t *frames)
{
	struct ipc_frame f;
	const char *why;
	size_t at = 0, want;

	for (*frames = 0; ipc_frame_decode(p + at, n - at, max, &f, &want,
			      &why) == IPC_FRAME &&
			  f.kind == kind;
	     (*frames)++)
		at += ipc_frame_size(f.len);
	return at;
}

/* The n bytes in storage of just their size, so that no more is looked at. */
static void
a_row_ends_where_its_frames_do(const uint8_t *bytes, size_t n, size_t max)
{
	uint8_t *p = malloc(n ? n : 1);
	size_t frames = 5, one_by_one, used;

	assert_non_null(p);
	memcpy(p, bytes, n);
	used = ipc_frame_row(p, n, max, 41, &frames);
	assert_int_equal(used, row_by_frames(p, n, max, 41, &one_by_one));
	assert_int_equal(frames, 5 + one_by_one);
	free(p);
}

static void
a_row_is_what_its_frames_are_one_by_one(void **state)
{
	static const struct ipc_frame row[] = {
		{ 41, 0, 0, 5, (const uint8_t *)"a", 1 },
		{ 41, 255, UINT16_MAX, UINT64_MAX, (const uint8_t *)"bcdef",
		    5 },
		{ 41, 4, 7, 0, (const uint8_t *)"ghijklm", 7 },
		{ 40, 0, 0, 3, NULL, 0 },
		{ 41, 0, 0, 5, (const uint8_t *)"n", 1 },
	};
	uint8_t all[256];
	size_t n = 0, frames = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(row); i++) {
		ipc_frame_lay(all + n, &row[i]);
		n += ipc_frame_size(row[i].len);
	}
	assert_int_equal(ipc_frame_row(all, n, MAX, 41, &frames), 103);
	assert_int_equal(frames, 3);
	assert_int_equal(ipc_frame_row(all, n, MAX, 40, &frames), 0);
	for (size_t cut = 0; cut <= n; cut++)
		a_row_ends_where_its_frames_do(all, cut, MAX);
	for (size_t max = IPC_FRAME_HEAD; max < 40; max++)
		a_row_ends_where_its_frames_do(all, n, max);
	for (size_t i = 0; i < n; i++)
		for (int bit = 0; bit < 8; bit++) {
			all[i] ^= (uint8_t)(1 << bit);
			a_row_ends_where_its_frames_do(all, n, MAX);
			all[i] ^= (uint8_t)(1 << bit);
		}
}

static void
reads_the_same_at_every_cut(void **state)
{
	uint8_t all[512];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		size_t size;
		uint8_t *p = frame_new(&samples[i], &size);

		memcpy(all + n, p, size);
		n += size;
		free(p);
	}
	for (size_t cut = 0; cut <= n; cut++) {
		struct ipc_reader r;
		struct ipc_frame f;
		size_t got = 0;

		ipc_reader_init(&r, MAX);
		pour(&r, all, cut);
		while (ipc_reader_next(&r, &f) == IPC_FRAME)
			same(&f, &samples[got++]);
		pour(&r, all + cut, n - cut);
		while (ipc_reader_next(&r, &f) == IPC_FRAME)
			same(&f, &samples[got++]);
		assert_int_equal(got, COUNT(samples));
		assert_int_equal(ipc_reader_next(&r, &f), IPC_NEED_MORE);
		assert_true(r.taken == n);
		ipc_reader_release(&r);
	}
}

static void
a_head_that_claims_4_gib_allocates_nothing(void **state)
{
	struct ipc_frame f = { 12, 0, 0, 1, NULL, UINT32_MAX - IPC_FRAME_HEAD };
	uint8_t head[IPC_FRAME_HEAD];
	struct ipc_reader r;
	size_t before;

	(void)state;
	ipc_frame_head(head, &f);
	ipc_reader_init(&r, MAX);
	assert_int_equal(r.size, 0);
	pour(&r, head, 8);
	before = r.size;
	assert_true(before <= IPC_SLICE);
	assert_int_equal(ipc_reader_next(&r, &f), IPC_BROKEN);
	assert_string_equal(r.why, "longer than the agreed maximum");
	assert_int_equal(r.wrong_at, 4);
	assert_int_equal(ipc_reader_next(&r, &f), IPC_BROKEN);
	pour(&r, head, 8);
	assert_int_equal(r.size, before);
	assert_int_equal(ipc_reader_next(&r, &f), IPC_BROKEN);
	ipc_reader_release(&r);
}

/* Many small frames in front of one of the largest, in odd reads. */
static void
storage_never_passes_the_largest_frame(void **state)
{
	struct ipc_frame big = { 12, 0, 0, 9, NULL, MAX - IPC_FRAME_HEAD }, f;
	struct ipc_reader r;
	size_t size, step = 1;
	uint8_t *all, *p;

	(void)state;
	p = calloc(1, big.len);
	big.bytes = p;
	all = frame_new(&big, &size);
	free(p);
	ipc_reader_init(&r, MAX);
	for (unsigned round = 0; round < 3; round++) {
		size_t small_size;
		uint8_t *s = frame_new(&samples[1], &small_size);

		for (unsigned i = 0; i < 100; i++)
			pour(&r, s, small_size);
		free(s);
		for (size_t at = 0; at < size; at += step) {
			step = size - at < 20011 ? size - at : 20011;
			pour(&r, all + at, step);
			assert_true(r.size <= MAX);
			while (ipc_reader_next(&r, &f) == IPC_FRAME)
				continue;
		}
		assert_int_equal(r.pos, r.end);
		assert_int_equal(f.len, big.len);
	}
	ipc_reader_release(&r);
	free(all);
}

/* A pipe's bytes begin where a page does: copied to 1 to 31 bytes behind that
 * they take four times as long. */
static void
storage_of_every_size_begins_with_a_page(void **state)
{
	struct ipc_reader r;
	size_t size, room;
	uint8_t *p = frame_new(&samples[1], &size);

	(void)state;
	ipc_reader_init(&r, MAX);
	ipc_reader_hold(&r, 1u << 20);
	for (size_t was = 0, grown = 0; grown < 4;) {
		uint8_t *to = ipc_reader_space(&r, &room);

		assert_non_null(to);
		grown += r.size != was;
		was = r.size;
		assert_int_equal((uintptr_t)r.data % 4096, 0);
		/* What was there has moved along. */
		for (size_t at = 0; at < r.end; at++)
			assert_int_equal(r.data[at], p[at % size]);
		for (size_t i = 0; i < room; i++)
			to[i] = p[(r.end + i) % size];
		ipc_reader_filled(&r, room);
	}
	ipc_reader_release(&r);
	free(p);
}

static void
held_frames_stay_until_the_mark_moves(void **state)
{
	struct ipc_reader r;
	struct ipc_frame f;
	size_t size, turns = 0, room;
	uint8_t *p = frame_new(&samples[1], &size);

	(void)state;
	ipc_reader_init(&r, MAX);
	ipc_reader_hold(&r, 256u << 10);
	for (unsigned i = 0; i < 4000; i++) {
		pour(&r, p, size);
		assert_int_equal(ipc_reader_next(&r, &f), IPC_FRAME);
		if (i % 1000 == 999) {
			/* every frame since the mark is where it was */
			for (size_t at = r.mark; at < r.pos; at += size)
				assert_memory_equal(r.data + at, p, size);
			assert_int_equal(r.pos - r.mark, 1000 * size);
			r.mark = r.pos;
			turns++;
		}
	}
	assert_int_equal(turns, 4);
	assert_true(r.taken == 4000 * size);
	for (uint8_t *to; (to = ipc_reader_space(&r, &room)) != NULL;) {
		memcpy(to, p + (r.end - r.mark) % size, 1);
		ipc_reader_filled(&r, 1);
		ipc_reader_next(&r, &f);
		assert_null(r.why);
	}
	assert_int_equal(r.end - r.mark, 256u << 10);
	assert_true(r.size <= 512u << 10);
	r.mark = r.pos;
	assert_non_null(ipc_reader_space(&r, &room));
	ipc_reader_release(&r);
	free(p);
}

static void
clearing_forgets_half_a_frame_and_a_broken_one(void **state)
{
	struct ipc_reader r;
	struct ipc_frame f;
	size_t size;
	uint8_t *p = frame_new(&samples[1], &size);

	(void)state;
	ipc_reader_init(&r, MAX);
	pour(&r, p, size - 1);
	assert_int_equal(ipc_reader_next(&r, &f), IPC_NEED_MORE);
	ipc_reader_clear(&r);
	pour(&r, (const uint8_t *)"rubbish", 7);
	assert_int_equal(ipc_reader_next(&r, &f), IPC_BROKEN);
	ipc_reader_clear(&r);
	pour(&r, p, size);
	assert_int_equal(ipc_reader_next(&r, &f), IPC_FRAME);
	same(&f, &samples[1]);
	ipc_reader_release(&r);
	free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_what_libtpl_dumps),
		cmocka_unit_test(libtpl_reads_what_we_write),
		cmocka_unit_test(decodes_what_it_encodes),
		cmocka_unit_test(asks_for_more_at_every_cut_and_says_how_much),
		cmocka_unit_test(names_what_is_wrong_and_where),
		cmocka_unit_test(does_not_wait_for_the_end_of_a_broken_head),
		cmocka_unit_test(the_maximum_is_the_largest_that_passes),
		cmocka_unit_test(no_single_wrong_byte_reads_outside),
		cmocka_unit_test(a_row_is_what_its_frames_are_one_by_one),
		cmocka_unit_test(reads_the_same_at_every_cut),
		cmocka_unit_test(a_head_that_claims_4_gib_allocates_nothing),
		cmocka_unit_test(storage_never_passes_the_largest_frame),
		cmocka_unit_test(storage_of_every_size_begins_with_a_page),
		cmocka_unit_test(held_frames_stay_until_the_mark_moves),
		cmocka_unit_test(
		    clearing_forgets_half_a_frame_and_a_broken_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
