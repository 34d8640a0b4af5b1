/* links: netd/pygase.c netd/pygase_update.c */
/*
 * A change of state cut into pieces is the same change, whatever its shape.
 */
#include "netd/pygase_update.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a client has that was sent each piece in a datagram of its own. */
static struct ipc_value *
rejoined(const struct pygase_update *u)
{
	struct ipc_value *all = ipc_value_map(), *one;
	uint8_t out[PYGASE_MAX];
	struct pygase p;
	const char *why;

	pygase_init(&p, 1, 65000, 65000, 0);
	for (size_t i = 0; i < u->n; i++) {
		struct pygase_piece piece = pygase_update_piece(u, i);
		struct pygase_head h = { .sequence = (uint16_t)(i + 1) };
		size_t n;

		pygase_state_send(&p, &piece);
		n = pygase_write(&p, (int64_t)i, out);
		assert_true(n <= PYGASE_MAX);
		assert_int_equal(((unsigned)out[12] << 8 | out[13]) + 14u, n);
		assert_int_equal(ipc_value_unpack(out + 14, n - 14,
				     &ipc_value_from_pipe, &one, &why),
		    0);
		assert_int_equal(
		    ipc_value_as_int(ipc_value_gets(one, "time_order")),
		    p.order);
		ipc_value_free(
		    ipc_value_take(one, ipc_key_str("time_order", 10)));
		assert_int_equal(ipc_value_merge(all, one, NULL), 0);
		ipc_value_free(one);
		h.time_order = p.order;
		pygase_take(&p, &h, false, (int64_t)i, NULL, NULL);
		assert_true(pygase_state_taken(&p));
	}
	return all;
}

static void
comes_out_the_same(struct ipc_value *v, size_t least, size_t most)
{
	struct pygase_update u;
	struct ipc_value *back;

	assert_non_null(v);
	assert_int_equal(pygase_update_cut(&u, v), 0);
	assert_in_range(u.n, least, most);
	assert_int_equal(u.left_out, 0);
	for (size_t i = 0; i < u.n; i++)
		assert_true(u.cuts[i].len <= PYGASE_FILL || least == 0);
	back = rejoined(&u);
	assert_true(ipc_value_equal(back, v));
	ipc_value_free(back);
	ipc_value_free(v);
	pygase_update_release(&u);
}

static void
what_fits_is_one_piece(void **state)
{
	(void)state;
	comes_out_the_same(ipc_value_map(), 1, 1);
	comes_out_the_same(
	    ipc_value_make("{si ss s{i{ss s[ff]}}}", "tick", 41, "hello",
		"world", "players", 0, "name", "a", "position", 1.0, 2.0),
	    1, 1);
}

static struct ipc_value *
crowd(unsigned n)
{
	struct ipc_value *players = ipc_value_map();

	for (unsigned i = 0; i < n; i++)
		ipc_value_set(players, ipc_key_int(i),
		    ipc_value_make("{ss s[ff] sn}", "name", "somebody",
			"position", i * 1.5, i * 0.25, "hat"));
	return players;
}

static void
a_long_map_is_cut_wherever_it_is(void **state)
{
	(void)state;
	comes_out_the_same(
	    ipc_value_make("{si sv si}", "a", 1, "players", crowd(500), "z", 2),
	    20, 60);
	comes_out_the_same(ipc_value_make("{s{s{s{sv}}}}", "one", "two",
			       "three", "players", crowd(100)),
	    4, 12);
}

static void
a_value_that_cannot_be_cut_goes_alone_or_not_at_all(void **state)
{
	static char text[4000];
	struct pygase_update u;
	struct ipc_value *v;

	(void)state;
	memset(text, 'x', sizeof(text));
	/* Longer than a piece should be, and still a datagram. */
	comes_out_the_same(ipc_value_make("{si sS si}", "a", 1, "long", text,
			       (size_t)1900, "z", 2),
	    0, 3);
	v = ipc_value_make(
	    "{si s{sS} si}", "a", 1, "in", "long", text, (size_t)3000, "z", 2);
	assert_int_equal(pygase_update_cut(&u, v), 0);
	assert_int_equal(u.left_out, 1);
	pygase_update_release(&u);
	ipc_value_free(v);
}

/* Any map: numbers, texts, lists and maps. */
static struct ipc_value *
any(unsigned depth)
{
	struct ipc_value *v;
	char text[300];
	size_t n = (size_t)rand() % 12;

	switch (rand() % (depth ? 6 : 4)) {
	case 0:
		return ipc_value_int(rand());
	case 1:
		n = (size_t)rand() % sizeof(text);
		memset(text, 'a', n);
		return ipc_value_str(text, n);
	case 2:
		v = ipc_value_array();
		while (n--)
			ipc_value_add(v, ipc_value_float(rand() * 0.5));
		return v;
	case 3:
		return ipc_value_bool(rand() % 2);
	default:
		v = ipc_value_map();
		while (n--) {
			struct ipc_key key = ipc_key_int(rand() % 1000 - 500);

			snprintf(text, sizeof(text), "key%d", rand() % 100);
			if (rand() % 2)
				key = ipc_key_str(text, strlen(text));
			ipc_value_set(v, key, any(depth - 1));
		}
		return v;
	}
}

static void
any_tree_comes_out_the_same(void **state)
{
	(void)state;
	srand(11);
	for (unsigned i = 0; i < 300; i++) {
		struct ipc_value *v = ipc_value_map();

		for (int n = rand() % 12; n > 0; n--) {
			char key[16];

			snprintf(key, sizeof(key), "top%d", n);
			ipc_value_set(v, ipc_key_str(key, strlen(key)), any(6));
		}
		comes_out_the_same(v, 1, 100000);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_is_one_piece),
		cmocka_unit_test(a_long_map_is_cut_wherever_it_is),
		cmocka_unit_test(
		    a_value_that_cannot_be_cut_goes_alone_or_not_at_all),
		cmocka_unit_test(any_tree_comes_out_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
