/* ipc/recording_head.c: any text comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ipc/recording.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_head_gives_back_any_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
