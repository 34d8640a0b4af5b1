/* links: netd/journal.c */
/*
 * netd/journal.c: the frames come out as they went in, wherever a write ended
 * and from whatever position they are wanted again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "netd/netd.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static struct journal j;
static struct journal_pool pool;
/* What went in: bytes, and where each frame ends. ends[0] is 0. */
static struct ipc_buf all;
static size_t ends[4096];

static void
begin(bool keep)
{
	j = (struct journal){ .pool = &pool, .keep = keep };
	ipc_buf_init(&all, 64u << 20);
}

static void
end(void)
{
	journal_clear(&j);
	assert_int_equal(j.position, 0);
	assert_null(j.head);
	ipc_buf_release(&all);
}

/* A frame with len bytes. */
static void
add(size_t len)
{
	static uint8_t bytes[4u << 20];
	struct ipc_frame f = { .kind = IPC_MESSAGE,
		.channel = (uint16_t)len,
		.id = j.position + 1,
		.bytes = bytes,
		.len = (uint32_t)len };
	uint8_t head[IPC_FRAME_HEAD];

	assert_true(len <= sizeof(bytes));
	memset(bytes, (int)('a' + j.position % 26), len);
	assert_true(journal_add(&j, &f));
	ipc_frame_head(head, &f);
	assert_true(ipc_buf_add(&all, head, sizeof(head)));
	assert_true(ipc_buf_add(&all, bytes, len));
	ends[j.position] = all.len;
}

/* Send up to most bytes, in steps; they must be those at *at. */
static void
send_in(size_t step, uint64_t until, size_t *at, size_t most)
{
	const uint8_t *p;
	size_t n;

	while (most && (p = journal_next(&j, until, &n)) != NULL) {
		uint64_t sent = 0;

		assert_true(n > 0);
		n = n < step ? n : step;
		n = n < most ? n : most;
		most -= n;
		assert_true(*at + n <= all.len);
		assert_memory_equal(p, all.data + *at, n);
		journal_sent(&j, n);
		*at += n;
		while (sent < j.position && ends[sent + 1] <= *at)
			sent++;
		assert_int_equal(j.sent, sent);
		assert_int_equal(j.unsent, all.len - *at);
		assert_int_equal(
		    j.frame_left, *at == ends[sent] ? 0 : ends[sent + 1] - *at);
	}
}

static void
positions_count_from_one(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(j.position, 0);
	for (uint64_t i = 1; i < 100; i++) {
		add(i);
		assert_int_equal(j.position, i);
		assert_int_equal(j.sent, 0);
		assert_int_equal(j.unsent, all.len);
	}
	end();
}

static void
a_pipe_may_stop_at_every_byte(void **state)
{
	(void)state;
	for (int keep = 0; keep < 2; keep++)
		for (size_t cut = 0; cut <= 4 * IPC_FRAME_HEAD + 12; cut++) {
			size_t at = 0;

			begin(keep);
			add(0);
			add(1);
			add(11);
			add(0);
			send_in(SIZE_MAX, UINT64_MAX, &at, cut);
			assert_int_equal(at, cut);
			add(5);
			send_in(SIZE_MAX, UINT64_MAX, &at, SIZE_MAX);
			assert_int_equal(at, all.len);
			assert_int_equal(j.sent, 5);
			end();
		}
}

static void
every_size_of_write_sends_the_same(void **state)
{
	(void)state;
	for (size_t step = 1; step < 200; step++) {
		size_t at = 0;

		begin(step & 1);
		for (size_t i = 0; i < 20; i++) {
			add(i * 7 % 50);
			/* more comes while some waits */
			send_in(step, UINT64_MAX, &at, step);
		}
		send_in(step, UINT64_MAX, &at, SIZE_MAX);
		assert_int_equal(at, all.len);
		end();
	}
}

static void
nothing_is_sent_beyond_the_frame_asked_for(void **state)
{
	enum { FRAMES = 12 };

	(void)state;
	for (uint64_t until = 0; until <= FRAMES + 1; until++)
		for (size_t step = 1; step < 60; step += 7) {
			uint64_t most = until < FRAMES ? until : FRAMES;
			size_t at = 0;

			begin(true);
			for (size_t i = 0; i < FRAMES; i++)
				add(i);
			send_in(step, until, &at, SIZE_MAX);
			assert_int_equal(at, ends[most]);
			assert_int_equal(j.sent, most);
			/* a frame that is begun is ended, whatever is said */
			if (most < FRAMES) {
				send_in(step, most + 1, &at, 3);
				send_in(step, most, &at, SIZE_MAX);
				assert_int_equal(at, ends[most + 1]);
				send_in(step, 0, &at, SIZE_MAX);
				assert_int_equal(at, ends[most + 1]);
			}
			send_in(step, UINT64_MAX, &at, SIZE_MAX);
			assert_int_equal(at, all.len);
			end();
		}
}

/* Frames that fill chunks exactly, leave a byte, and need one more. */
static void
fill_chunks(void)
{
	static const size_t slack[] = { 0, 1, IPC_FRAME_HEAD - 1,
		IPC_FRAME_HEAD, IPC_FRAME_HEAD + 1 };

	for (size_t i = 0; i < 5; i++) {
		add(100);
		add(IPC_SLICE - 2 * IPC_FRAME_HEAD - 100 - slack[i]);
	}
	add(IPC_SLICE - IPC_FRAME_HEAD); /* a chunk of its own */
	add(IPC_SLICE - IPC_FRAME_HEAD + 1);
	add(3 * IPC_SLICE);
	add(0);
	add(2u << 20);
	for (int i = 0; i < 10; i++)
		add(20000);
}

static void
frames_lie_whole_in_chunks_of_any_size(void **state)
{
	static const size_t steps[] = { 997, 4096, IPC_SLICE - 1, IPC_SLICE,
		IPC_SLICE + 1, SIZE_MAX };

	(void)state;
	for (size_t i = 0; i < 6; i++)
		for (int keep = 0; keep < 2; keep++) {
			size_t at = 0;

			begin(keep);
			fill_chunks();
			for (struct chunk *c = j.head; c; c = c->next)
				assert_true(c->len <= c->size);
			send_in(steps[i], UINT64_MAX, &at, SIZE_MAX);
			assert_int_equal(at, all.len);
			assert_int_equal(j.unsent, 0);
			end();
		}
}

static void
what_is_not_kept_is_freed_and_its_bytes_used_again(void **state)
{
	const struct chunk *first;
	size_t at = 0;

	(void)state;
	begin(false);
	add(100);
	first = j.head;
	for (int i = 0; i < 3000; i++) {
		send_in(SIZE_MAX, UINT64_MAX, &at, SIZE_MAX);
		assert_int_equal(j.kept, 0);
		add(1000);
		assert_ptr_equal(j.head, first);
		assert_null(first->next);
	}
	end();
	/* behind a backlog only what waits is held, and one chunk to spare */
	at = 0;
	begin(false);
	fill_chunks();
	while (at < all.len) {
		send_in(10000, UINT64_MAX, &at, 10000);
		assert_ptr_equal(j.head, j.at);
		assert_true(j.kept <= j.at->len);
	}
	end();
}

static void
rewound_to_any_position_the_rest_comes_again(void **state)
{
	(void)state;
	begin(true);
	fill_chunks();
	for (uint64_t to = 0; to <= j.position; to++)
		for (uint64_t from = 0; from <= j.position; from += 5) {
			size_t at = ends[from], kept;

			assert_true(journal_rewind(&j, from));
			/* stop in the middle of a frame now and then */
			send_in(
			    SIZE_MAX, UINT64_MAX, &at, from % 2 ? 7 : 70000);
			assert_true(journal_rewind(&j, to));
			at = ends[to];
			assert_int_equal(j.sent, to);
			assert_int_equal(j.frame_left, 0);
			assert_int_equal(j.unsent, all.len - at);
			kept = j.kept;
			assert_int_equal(kept, at);
			send_in(SIZE_MAX, UINT64_MAX, &at, SIZE_MAX);
			assert_int_equal(at, all.len);
			assert_int_equal(j.kept, all.len);
		}
	assert_false(journal_rewind(&j, j.position + 1));
	end();
}

static void
frames_are_added_behind_a_rewind(void **state)
{
	(void)state;
	for (uint64_t to = 0; to <= 4; to++) {
		size_t at = 0;

		begin(true);
		add(10);
		add(IPC_SLICE);
		add(20);
		add(30);
		send_in(SIZE_MAX, UINT64_MAX, &at, SIZE_MAX);
		assert_true(journal_rewind(&j, to));
		add(40);
		add(IPC_SLICE);
		at = ends[to];
		send_in(1000, UINT64_MAX, &at, SIZE_MAX);
		assert_int_equal(at, all.len);
		assert_int_equal(j.sent, 6);
		end();
	}
}

static void
what_is_forgotten_is_gone_and_the_rest_stands(void **state)
{
	uint64_t last;

	(void)state;
	begin(true);
	fill_chunks();
	last = j.position;
	end();
	for (uint64_t upto = 0; upto <= last; upto++) {
		struct ipc_frame f;
		size_t at = 0, before;

		begin(true);
		fill_chunks();
		/* what is not sent is never forgotten */
		journal_forget(&j, upto);
		assert_int_equal(j.unsent, all.len);
		send_in(SIZE_MAX, UINT64_MAX, &at, SIZE_MAX);
		before = j.kept;
		journal_forget(&j, upto);
		assert_true(j.kept <= before);
		/* chunks go whole: a little more than asked for may stay */
		for (uint64_t to = upto; to <= last; to++) {
			assert_true(journal_rewind(&j, to));
			at = ends[to];
			send_in(SIZE_MAX, UINT64_MAX, &at, SIZE_MAX);
			assert_int_equal(at, all.len);
		}
		for (uint64_t p = upto + 1; p <= last; p++) {
			assert_non_null(journal_find(&j, p, &f));
			assert_int_equal(f.id, p);
		}
		if (j.head->first > 1) {
			assert_false(journal_rewind(&j, j.head->first - 2));
			assert_null(journal_find(&j, j.head->first - 1, &f));
		}
		assert_true(j.head->first <= upto + 1);
		before = 0;
		for (struct chunk *c = j.head; c; c = c->next)
			before += c->len;
		assert_int_equal(j.kept + j.unsent, before);
		end();
	}
}

static void
a_frame_is_found_by_its_position(void **state)
{
	struct ipc_frame f;

	(void)state;
	begin(true);
	assert_null(journal_find(&j, 0, &f));
	assert_null(journal_find(&j, 1, &f));
	fill_chunks();
	for (uint64_t p = 1; p <= j.position; p++) {
		assert_non_null(journal_find(&j, p, &f));
		assert_int_equal(f.id, p);
		assert_int_equal(f.kind, IPC_MESSAGE);
		assert_int_equal(f.len, ends[p] - ends[p - 1] - IPC_FRAME_HEAD);
		if (f.len)
			assert_int_equal(f.bytes[0], 'a' + (p - 1) % 26);
	}
	assert_null(journal_find(&j, 0, &f));
	assert_null(journal_find(&j, j.position + 1, &f));
	end();
}

static void
a_frame_is_replaced_and_its_neighbours_stand(void **state)
{
	static const char text[] = "set aside";
	uint64_t last;

	(void)state;
	begin(true);
	fill_chunks();
	last = j.position;
	end();
	for (uint64_t p = 1; p <= last; p++) {
		struct ipc_frame f, with = { .kind = IPC_NOTICE,
			.id = 77,
			.bytes = (const uint8_t *)text,
			.len = sizeof(text) - 1 };
		size_t len;

		begin(true);
		fill_chunks();
		len = ends[p] - ends[p - 1] - IPC_FRAME_HEAD;
		journal_replace(&j, p, &with);
		assert_non_null(journal_find(&j, p, &f));
		assert_int_equal(f.kind, IPC_NOTICE);
		assert_int_equal(f.id, 77);
		assert_int_equal(f.len, len);
		if (len > sizeof(text)) {
			assert_memory_equal(f.bytes, text, sizeof(text) - 1);
			assert_int_equal(f.bytes[len - 1], ' ');
		}
		for (uint64_t other = 1; other <= last; other++) {
			if (other == p)
				continue;
			assert_non_null(journal_find(&j, other, &f));
			assert_int_equal(f.id, other);
		}
		end();
	}
}

static void
a_replaced_frame_says_what_fits(void **state)
{
	static const char text[] = "a longer text than the frame has room for";
	struct ipc_frame f, with = { .kind = IPC_NOTICE,
		.bytes = (const uint8_t *)text,
		.len = sizeof(text) - 1 };

	(void)state;
	begin(true);
	add(12);
	add(3);
	journal_replace(&j, 1, &with);
	assert_non_null(journal_find(&j, 1, &f));
	assert_int_equal(f.len, 12);
	assert_memory_equal(f.bytes, text, 12);
	assert_non_null(journal_find(&j, 2, &f));
	assert_int_equal(f.len, 3);
	/* exactly as long, and one that is not there */
	with.len = 3;
	journal_replace(&j, 2, &with);
	assert_non_null(journal_find(&j, 2, &f));
	assert_memory_equal(f.bytes, text, 3);
	journal_replace(&j, 0, &with);
	journal_replace(&j, 3, &with);
	assert_int_equal(j.position, 2);
	end();
}

/* Somebody who keeps the bytes of a chunk sees neither its change nor its end.
 */
static void
what_is_lent_stays_as_it_was(void **state)
{
	struct ipc_frame f, with = { .kind = IPC_NOTICE };
	struct chunk *lent;
	uint8_t before[256];

	(void)state;
	begin(true);
	add(12);
	add(3);
	lent = j.head;
	lent->refs++;
	memcpy(before, lent->bytes, lent->len);
	journal_replace(&j, 1, &with);
	assert_non_null(journal_find(&j, 1, &f));
	assert_int_equal(f.kind, IPC_NOTICE);
	assert_memory_equal(lent->bytes, before, lent->len);
	assert_true(j.head != lent && j.tail == j.head && j.at == j.head);
	/* Again, in the journal's own now; and the next goes there too. */
	journal_replace(&j, 2, &with);
	assert_memory_equal(lent->bytes, before, lent->len);
	add(5);
	assert_int_equal(j.position, 3);
	journal_give_back(lent);
	end();
}

/* Lend a pipe all there is to send: how many bytes. */
static size_t
lend_to(int fd)
{
	const uint8_t *p;
	size_t n, all_n = 0;

	while ((p = journal_next(&j, UINT64_MAX, &n)) != NULL) {
		struct iovec v = { .iov_base = (void *)(uintptr_t)p,
			.iov_len = n };
		ssize_t r;

		assert_true(journal_lends(&j));
		r = vmsplice(fd, &v, 1, SPLICE_F_NONBLOCK);
		assert_int_equal(r, n);
		journal_sent(&j, n);
		all_n += n;
	}
	return all_n;
}

/* The pipe's end that is read, with all that was lent to it. */
static void
reads_what_went_in(int fd, size_t n)
{
	uint8_t *got = malloc(n);
	size_t at = 0;

	assert_non_null(got);
	while (at < n) {
		ssize_t r = read(fd, got + at, n - at);

		assert_true(r > 0);
		at += (size_t)r;
	}
	assert_memory_equal(got, all.data, n);
	free(got);
}

/* Whatever becomes of the journal, and of the record of it, meanwhile. */
static void
what_a_pipe_was_lent_comes_out_as_it_was(void **state)
{
	(void)state;
	for (int recorded = 0; recorded < 2; recorded++) {
		struct chunk *lent[2];
		int fd[2];
		size_t n;

		assert_int_equal(pipe(fd), 0);
		assert_true(fcntl(fd[1], F_SETPIPE_SZ, 256 << 10) > 0);
		begin(true);
		for (int i = 0; i < 60; i++)
			add(1024);
		n = lend_to(fd[1]);
		assert_int_equal(n, all.len);
		lent[0] = j.head;
		/* More in the same page, and of the next chunk. */
		for (int i = 0; i < 5; i++)
			add(1024);
		n += lend_to(fd[1]);
		lent[1] = j.tail;
		assert_ptr_equal(lent[0]->next, lent[1]);
		lent[0]->refs += (unsigned)recorded;
		lent[1]->refs += (unsigned)recorded;
		journal_clear(&j);
		for (int i = 0; recorded && i < 2; i++)
			journal_give_back(lent[i]);
		/* What is laid down now must be somewhere else. */
		for (int i = 0; i < 300; i++) {
			struct ipc_frame f = { .kind = IPC_NOW,
				.bytes = all.data,
				.len = IPC_SLICE / 8 };

			assert_true(journal_add(&j, &f));
		}
		reads_what_went_in(fd[0], n);
		close(fd[0]);
		close(fd[1]);
		end();
	}
}

/* Nobody is lent what is written over, or is malloc()'s. */
static void
what_may_change_is_never_lent(void **state)
{
	(void)state;
	begin(false);
	assert_false(journal_lends(&j));
	add(1000);
	assert_false(journal_lends(&j));
	end();
	begin(true);
	assert_false(journal_lends(&j));
	add(2 * IPC_SLICE);
	assert_false(journal_lends(&j));
	end();
}

/* Chunks that come back are used again, and few of them wait for that. */
static void
what_is_given_back_is_used_again(void **state)
{
	const struct chunk *first;
	size_t at = 0;

	(void)state;
	begin(true);
	for (int i = 0; i < 3; i++)
		add(IPC_SLICE - IPC_FRAME_HEAD);
	first = j.head;
	send_in(SIZE_MAX, UINT64_MAX, &at, SIZE_MAX);
	journal_forget(&j, 1);
	assert_true(j.head != first);
	add(1);
	assert_ptr_equal(j.tail, first);
	end();
}

static void
a_walk_passes_over_what_is_forgotten(void **state)
{
	(void)state;
	for (int keep = 0; keep < 2; keep++)
		for (uint64_t from = 0; from < 22; from++) {
			struct walk w = { .position = from };
			struct ipc_frame f;
			uint64_t next = 0;
			size_t at = 0;

			begin(keep);
			for (int i = 0; i < 20; i++)
				add(10000);
			send_in(SIZE_MAX, 15, &at, SIZE_MAX);
			while (journal_walk(&j, &w, &f)) {
				assert_true(next == 0 || f.id == next);
				next = f.id + 1;
				assert_int_equal(w.position, f.id);
			}
			/* to the end, and at the latest from what is unsent */
			assert_int_equal(next, from < 20 ? 21 : 0);
			end();
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(positions_count_from_one),
		cmocka_unit_test(a_pipe_may_stop_at_every_byte),
		cmocka_unit_test(every_size_of_write_sends_the_same),
		cmocka_unit_test(nothing_is_sent_beyond_the_frame_asked_for),
		cmocka_unit_test(frames_lie_whole_in_chunks_of_any_size),
		cmocka_unit_test(
		    what_is_not_kept_is_freed_and_its_bytes_used_again),
		cmocka_unit_test(rewound_to_any_position_the_rest_comes_again),
		cmocka_unit_test(frames_are_added_behind_a_rewind),
		cmocka_unit_test(what_is_forgotten_is_gone_and_the_rest_stands),
		cmocka_unit_test(a_frame_is_found_by_its_position),
		cmocka_unit_test(a_frame_is_replaced_and_its_neighbours_stand),
		cmocka_unit_test(what_is_lent_stays_as_it_was),
		cmocka_unit_test(a_walk_passes_over_what_is_forgotten),
		cmocka_unit_test(what_a_pipe_was_lent_comes_out_as_it_was),
		cmocka_unit_test(what_may_change_is_never_lent),
		cmocka_unit_test(what_is_given_back_is_used_again),
		cmocka_unit_test(a_replaced_frame_says_what_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
