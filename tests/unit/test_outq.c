/* links: netd/outq.c */
/* netd/outq.c: bytes wait in order, and leave the queue as their class says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "netd/netd.h"

#include <stdlib.h>
#include <string.h>

static struct outq q;
static struct segs spare;
static struct slice *keep[256]; /* the test's own references */
static size_t n_keep;

static struct slice *
slice_of(const char *text)
{
	struct slice *s = slice_new(strlen(text));

	assert_non_null(s);
	assert_int_equal(s->refs, 1);
	memcpy(s->bytes, text, s->len);
	assert_true(n_keep < 256);
	return keep[n_keep++] = s;
}

/* A message in a slice of its own. */
static struct slice *
add(const char *text, uint8_t class, uint16_t key)
{
	struct slice *s = slice_of(text);

	assert_true(outq_add(&q, &spare, s, 0, s->len, class, key));
	return s;
}

/* All that waits, as it would go out through a scratch of this size. */
static const char *
waiting(size_t size)
{
	static char out[4096];
	static uint8_t scratch[4096];
	size_t used = 0;
	struct outq rest = q;

	while (rest.head) {
		struct seg *g = rest.head;
		size_t n, left;
		const uint8_t *p = outq_peek(&rest, scratch, size, &n);

		assert_true(n > 0);
		memcpy(out + used, p, n);
		used += n;
		for (left = n; left; g = g->next) {
			assert_true(g->len <= left);
			left -= g->len;
		}
		rest.head = g;
	}
	assert_int_equal(used, q.bytes);
	out[used] = '\0';
	return out;
}

static size_t
segs(void)
{
	size_t n = 0;
	struct seg *last = NULL;

	for (struct seg *g = q.head; g; last = g, g = g->next)
		n++;
	assert_ptr_equal(q.tail, last);
	return n;
}

/* Nothing waits, and nobody but the test holds a slice. */
static void
nothing_held(void)
{
	assert_null(q.head);
	assert_null(q.tail);
	assert_int_equal(q.bytes, 0);
	while (n_keep) {
		assert_int_equal(keep[--n_keep]->refs, 1);
		slice_drop(keep[n_keep]);
	}
}

static void
bytes_leave_in_the_order_they_came(void **state)
{
	(void)state;
	for (size_t scratch = 4; scratch < 40; scratch++)
		for (size_t step = 1; step < 20; step++) {
			char got[64] = "";
			uint8_t room[64];
			size_t n, at = 0;

			add("one", IPC_RELIABLE, 0);
			add("two", IPC_LATEST, 3);
			add("three", IPC_DROPPABLE, 0);
			add("f", IPC_RELIABLE, 0);
			while (q.head) {
				const uint8_t *p =
				    outq_peek(&q, room, scratch, &n);

				n = n < step ? n : step;
				memcpy(got + at, p, n);
				at += n;
				outq_sent(&q, &spare, n, NULL);
				assert_int_equal(q.bytes, 12 - at);
			}
			assert_string_equal(got, "onetwothreef");
			nothing_held();
		}
}

static void
an_empty_queue_has_nothing_to_send(void **state)
{
	uint8_t scratch[8];
	size_t n = 7;

	(void)state;
	assert_null(outq_peek(&q, scratch, sizeof(scratch), &n));
	assert_int_equal(n, 0);
	outq_sent(&q, &spare, 0, NULL);
	assert_int_equal(outq_replace(&q, 0), 0);
	assert_int_equal(outq_drop_oldest(&q, IPC_DROPPABLE), 0);
	assert_true(outq_settle(&q));
	outq_cut(&q);
	outq_clear(&q);
	nothing_held();
}

static void
a_slice_on_many_queues_is_freed_by_the_last(void **state)
{
	struct slice *s = slice_of("everybody");
	struct outq many[5] = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_true(
		    outq_add(&many[i], &spare, s, 0, s->len, IPC_DROPPABLE, 0));
		assert_int_equal(s->refs, 2 + i);
	}
	outq_sent(&many[0], &spare, 9, NULL);
	assert_int_equal(s->refs, 5);
	outq_sent(&many[1], &spare, 8, NULL); /* one byte is still needed */
	assert_int_equal(s->refs, 5);
	assert_int_equal(outq_drop_oldest(&many[2], IPC_DROPPABLE), 9);
	assert_int_equal(s->refs, 4);
	outq_clear(&many[3]);
	outq_cut(&many[4]);
	assert_int_equal(s->refs, 2);
	outq_cut(&many[1]); /* begun: stays */
	assert_int_equal(s->refs, 2);
	outq_sent(&many[1], &spare, 1, NULL);
	nothing_held();
}

static void
reliable_neighbours_in_a_slice_become_one_piece(void **state)
{
	struct slice *s = slice_of("abcdef"), *t;

	(void)state;
	assert_true(outq_add(&q, &spare, s, 0, 2, IPC_RELIABLE, 0));
	assert_true(outq_add(&q, &spare, s, 2, 3, IPC_RELIABLE, 0));
	assert_int_equal(segs(), 1);
	assert_int_equal(s->refs, 2);
	assert_string_equal(waiting(64), "abcde");
	/* also when a part of it is sent */
	outq_sent(&q, &spare, 4, NULL);
	assert_true(outq_add(&q, &spare, s, 5, 1, IPC_RELIABLE, 0));
	assert_int_equal(segs(), 1);
	assert_string_equal(waiting(64), "ef");
	/* not with a gap, nor backwards, nor in another slice */
	assert_true(outq_add(&q, &spare, s, 1, 1, IPC_RELIABLE, 0));
	assert_true(outq_add(&q, &spare, s, 3, 1, IPC_RELIABLE, 0));
	t = slice_of("123456");
	assert_true(outq_add(&q, &spare, t, 4, 1, IPC_RELIABLE, 0));
	assert_int_equal(segs(), 4);
	assert_string_equal(waiting(64), "efbd5");
	outq_clear(&q);
	nothing_held();
}

static void
messages_that_may_go_stay_messages(void **state)
{
	static const uint8_t classes[] = { IPC_RELIABLE, IPC_LATEST,
		IPC_DROPPABLE };

	(void)state;
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 3; k++) {
			struct slice *s = slice_of("abcd");

			assert_true(
			    outq_add(&q, &spare, s, 0, 2, classes[i], 1));
			assert_true(
			    outq_add(&q, &spare, s, 2, 2, classes[k], 1));
			assert_int_equal(segs(), i + k ? 2 : 1);
			outq_clear(&q);
			nothing_held();
		}
}

static void
latest_is_replaced_key_by_key(void **state)
{
	(void)state;
	add("R", IPC_RELIABLE, 0);
	add("k1", IPC_LATEST, 1);
	add("D", IPC_DROPPABLE, 0);
	add("key2", IPC_LATEST, 2);
	add("last", IPC_LATEST, 65535);
	assert_int_equal(outq_replace(&q, 3), 0);
	assert_int_equal(outq_replace(&q, 0), 0); /* R and D have no key */
	assert_int_equal(outq_replace(&q, 1), 2);
	assert_int_equal(outq_replace(&q, 1), 0);
	assert_string_equal(waiting(64), "RDkey2last");
	assert_int_equal(outq_replace(&q, 65535), 4); /* the tail moves */
	add("!", IPC_LATEST, 65535);
	assert_int_equal(segs(), 4);
	assert_string_equal(waiting(64), "RDkey2!");
	outq_clear(&q);
	nothing_held();
}

static void
droppable_goes_oldest_first(void **state)
{
	(void)state;
	add("r", IPC_RELIABLE, 0);
	add("d1", IPC_DROPPABLE, 0);
	add("L", IPC_LATEST, 0);
	add("dd2", IPC_DROPPABLE, 0);
	add("s", IPC_RELIABLE, 0);
	add("ddd3", IPC_DROPPABLE, 0);
	assert_int_equal(outq_drop_oldest(&q, IPC_DROPPABLE), 2);
	assert_string_equal(waiting(64), "rLdd2sddd3");
	assert_int_equal(outq_drop_oldest(&q, IPC_DROPPABLE), 3);
	assert_int_equal(outq_drop_oldest(&q, IPC_DROPPABLE), 4);
	assert_int_equal(outq_drop_oldest(&q, IPC_DROPPABLE), 0);
	assert_int_equal(segs(), 3);
	assert_string_equal(waiting(64), "rLs");
	outq_clear(&q);
	nothing_held();
}

static void
a_message_that_is_begun_is_never_given_up(void **state)
{
	(void)state;
	add("latest", IPC_LATEST, 5);
	add("newer", IPC_LATEST, 5);
	add("drop", IPC_DROPPABLE, 0);
	outq_sent(&q, &spare, 1, NULL);
	assert_int_equal(outq_replace(&q, 5), 5);
	assert_int_equal(outq_replace(&q, 5), 0);
	assert_string_equal(waiting(64), "atestdrop");
	outq_sent(&q, &spare, 6, NULL); /* one byte of "drop" is gone */
	assert_int_equal(outq_drop_oldest(&q, IPC_DROPPABLE), 0);
	add("more", IPC_DROPPABLE, 0);
	assert_int_equal(outq_drop_oldest(&q, IPC_DROPPABLE), 4);
	add("more", IPC_RELIABLE, 0);
	outq_cut(&q);
	assert_string_equal(waiting(64), "rop");
	assert_int_equal(segs(), 1);
	/* and the queue goes on behind it */
	add("then", IPC_RELIABLE, 0);
	assert_string_equal(waiting(64), "ropthen");
	outq_clear(&q);
	nothing_held();
}

static void
cut_empties_a_queue_at_a_message_border(void **state)
{
	(void)state;
	add("one", IPC_RELIABLE, 0);
	add("two", IPC_RELIABLE, 0);
	outq_sent(&q, &spare, 3, NULL);
	outq_cut(&q);
	nothing_held();
}

static void
settled_bytes_no_longer_need_the_arena(void **state)
{
	struct slice *arena = slice_of("0123456789"), *own;

	(void)state;
	arena->arena = true;
	assert_true(outq_add(&q, &spare, arena, 2, 3, IPC_RELIABLE, 0));
	assert_true(outq_add(&q, &spare, arena, 7, 2, IPC_LATEST, 9));
	own = add("own", IPC_DROPPABLE, 0);
	outq_sent(&q, &spare, 1, NULL);
	assert_int_equal(arena->refs, 3);
	assert_true(outq_settle(&q));
	assert_int_equal(arena->refs, 1);
	assert_ptr_equal(q.tail->slice, own); /* not copied */
	memset(arena->bytes, '#', arena->len);
	assert_string_equal(waiting(64), "3478own");
	/* what they are stays as it was */
	assert_true(q.head->begun);
	assert_int_equal(outq_replace(&q, 9), 2);
	/* twice is no harm */
	assert_true(outq_settle(&q));
	assert_string_equal(waiting(64), "34own");
	outq_clear(&q);
	nothing_held();
}

static void
a_long_piece_is_sent_from_where_it_lies(void **state)
{
	uint8_t scratch[16];
	struct slice *s;
	size_t n;

	(void)state;
	s = add("eightchr", IPC_RELIABLE, 0);
	add("next", IPC_RELIABLE, 0);
	assert_ptr_equal(outq_peek(&q, scratch, 16, &n), s->bytes);
	assert_int_equal(n, 8);
	/* small ones are copied together, as many as fit whole */
	assert_ptr_equal(outq_peek(&q, scratch, 64, &n), scratch);
	assert_int_equal(n, 12);
	outq_sent(&q, &spare, 3, NULL);
	assert_ptr_equal(outq_peek(&q, scratch, 12, &n), scratch);
	assert_int_equal(n, 9);
	assert_memory_equal(scratch, "htchrnext", 9);
	outq_clear(&q);
	nothing_held();
}

/* The same as a plain model of it, over a long and arbitrary life. It reads
 * better whole: what is done to the one is done to the other beside it. */
static void
a_long_life_matches_the_model(void **state)
{
	struct {
		char text[8];
		size_t len, sent;
		uint8_t class;
		uint16_t key;
	} model[4096];
	size_t n = 0, bytes = 0;
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		unsigned dice = (unsigned)rand_r(&seed);
		uint16_t key = (uint16_t)(dice >> 8 & 3);
		size_t at, got = 0, want = 0;

		if (dice % 4 < 2 && n < 200 && n_keep < 256) {
			model[n].class = (uint8_t)(dice >> 4) % 3;
			model[n].key = model[n].class == IPC_LATEST ? key : 0;
			model[n].len = 1 + (dice >> 12) % 7;
			model[n].sent = 0;
			memset(model[n].text, (int)('a' + i % 26), 8);
			model[n].text[model[n].len] = '\0';
			add(model[n].text, model[n].class, model[n].key);
			bytes += model[n++].len;
		} else if (dice % 4 == 2) {
			got = key ? outq_replace(&q, key)
				  : outq_drop_oldest(&q, IPC_DROPPABLE);
			for (at = 0; at < n; at++)
				if (!model[at].sent && model[at].key == key &&
				    model[at].class ==
					(key ? IPC_LATEST : IPC_DROPPABLE))
					break;
			if (at < n) {
				want = model[at].len;
				memmove(&model[at], &model[at + 1],
				    (--n - at) * sizeof(model[0]));
			}
			assert_int_equal(got, want);
			bytes -= want;
		} else if (n) {
			want = 1 + (dice >> 12) % (bytes < 9 ? bytes : 9);
			outq_sent(&q, &spare, want, NULL);
			bytes -= want;
			while (want) {
				size_t left = model[0].len - model[0].sent;

				if (want < left) {
					model[0].sent += want;
					break;
				}
				want -= left;
				memmove(&model[0], &model[1],
				    --n * sizeof(model[0]));
			}
		}
		assert_int_equal(q.bytes, bytes);
		assert_int_equal(segs(), n);
		for (struct seg *g = q.head; g; g = g->next, got++)
			assert_true(g->slice->refs == 2);
		if (n_keep == 256) {
			outq_clear(&q);
			nothing_held();
			n = bytes = 0;
		}
	}
	outq_clear(&q);
	nothing_held();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_leave_in_the_order_they_came),
		cmocka_unit_test(an_empty_queue_has_nothing_to_send),
		cmocka_unit_test(a_slice_on_many_queues_is_freed_by_the_last),
		cmocka_unit_test(
		    reliable_neighbours_in_a_slice_become_one_piece),
		cmocka_unit_test(messages_that_may_go_stay_messages),
		cmocka_unit_test(latest_is_replaced_key_by_key),
		cmocka_unit_test(droppable_goes_oldest_first),
		cmocka_unit_test(a_message_that_is_begun_is_never_given_up),
		cmocka_unit_test(cut_empties_a_queue_at_a_message_border),
		cmocka_unit_test(settled_bytes_no_longer_need_the_arena),
		cmocka_unit_test(a_long_piece_is_sent_from_where_it_lies),
		cmocka_unit_test(a_long_life_matches_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
