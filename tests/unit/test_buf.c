/* ipc/buf.c: a byte buffer that never passes its maximum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ipc/buf.h"

static void
grows_byte_by_byte_up_to_its_maximum(void **state)
{
	struct ipc_buf b;

	(void)state;
	ipc_buf_init(&b, 1000);
	for (unsigned i = 0; i < 1000; i++) {
		uint8_t byte = (uint8_t)i;

		assert_true(ipc_buf_add(&b, &byte, 1));
	}
	assert_int_equal(b.len, 1000);
	assert_false(ipc_buf_add(&b, "x", 1));
	assert_int_equal(b.len, 1000);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(b.data[i], (uint8_t)i);
	assert_true(b.size <= 1000);
	ipc_buf_release(&b);
}

static void
refuses_what_would_pass_the_maximum_and_stays_unchanged(void **state)
{
	struct ipc_buf b;

	(void)state;
	ipc_buf_init(&b, 10);
	assert_true(ipc_buf_add(&b, "hello", 5));
	assert_null(ipc_buf_space(&b, 6));
	assert_null(ipc_buf_space(&b, SIZE_MAX));
	assert_false(ipc_buf_add(&b, "sixsix", 6));
	assert_false(ipc_buf_printf(&b, "%s", "sixsix"));
	assert_int_equal(b.len, 5);
	assert_memory_equal(b.data, "hello", 5);
	ipc_buf_release(&b);
}

static void
survives_sizes_near_the_end_of_the_address_space(void **state)
{
	struct ipc_buf b;

	(void)state;
	ipc_buf_init(&b, SIZE_MAX);
	assert_true(ipc_buf_add(&b, "hello", 5));
	assert_null(ipc_buf_space(&b, SIZE_MAX - 5));
	assert_null(ipc_buf_space(&b, SIZE_MAX / 2 + 1));
	assert_int_equal(b.len, 5);
	ipc_buf_release(&b);
}

static void
text_may_fill_it_to_the_last_byte(void **state)
{
	struct ipc_buf b;

	(void)state;
	ipc_buf_init(&b, 5);
	assert_true(ipc_buf_printf(&b, "%d-%s", 12, "ab"));
	assert_int_equal(b.len, 5);
	assert_memory_equal(b.data, "12-ab", 5);
	assert_true(ipc_buf_printf(&b, "%s", ""));
	assert_int_equal(b.len, 5);
	ipc_buf_release(&b);
}

static void
space_counts_only_what_was_added(void **state)
{
	struct ipc_buf b;
	uint8_t *p;

	(void)state;
	ipc_buf_init(&b, 1 << 20);
	p = ipc_buf_space(&b, 100);
	assert_non_null(p);
	assert_int_equal(b.len, 0);
	memcpy(p, "abc", 3);
	ipc_buf_added(&b, 3);
	assert_int_equal(b.len, 3);
	assert_ptr_equal(ipc_buf_space(&b, 10), b.data + 3);
	ipc_buf_release(&b);
	assert_null(b.data);
}

static void
eats_from_the_front(void **state)
{
	struct ipc_buf b;

	(void)state;
	ipc_buf_init(&b, 100);
	ipc_buf_eat(&b, 0);
	assert_true(ipc_buf_add(&b, "hello world", 11));
	ipc_buf_eat(&b, 0);
	ipc_buf_eat(&b, 6);
	assert_int_equal(b.len, 5);
	assert_memory_equal(b.data, "world", 5);
	ipc_buf_eat(&b, 5);
	assert_int_equal(b.len, 0);
	ipc_buf_clear(&b);
	assert_true(ipc_buf_add(&b, "", 0));
	assert_int_equal(b.len, 0);
	ipc_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_byte_by_byte_up_to_its_maximum),
		cmocka_unit_test(
		    refuses_what_would_pass_the_maximum_and_stays_unchanged),
		cmocka_unit_test(
		    survives_sizes_near_the_end_of_the_address_space),
		cmocka_unit_test(text_may_fill_it_to_the_last_byte),
		cmocka_unit_test(space_counts_only_what_was_added),
		cmocka_unit_test(eats_from_the_front),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
