/* links: netd/keys.c netd/utf8.c netd/mask.c */
/* netd/keys.c: what a terminal sends, key by key; every byte is of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "netd/keys.h"

/* Keys with a | behind each, # before what is no text, ... for what waits. */
static const char *
keys(const char *bytes, size_t n)
{
	static char out[512];
	size_t at = 0, used = 0;

	out[0] = '\0';
	while (used < n) {
		bool text;
		size_t len =
		    key_length((const uint8_t *)bytes + used, n - used, &text);

		if (len == 0) {
			snprintf(out + at, sizeof(out) - at, "...");
			break;
		}
		assert_true(len <= n - used);
		at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%.*s|",
		    text ? "" : "#", (int)len, bytes + used);
		used += len;
	}
	return out;
}

#define IS(in, out) assert_string_equal(keys(in, sizeof(in) - 1), out)

static void
characters_and_sequences_are_keys(void **state)
{
	(void)state;
	IS("abc", "a|b|c|");
	IS("\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x8d",
	    "\xc3\xa4|\xe2\x82\xac|\xf0\x9f\x90\x8d|");
	IS("\r\x7f\x03", "\r|\x7f|\x03|");
	IS("\x1b[A\x1b[1;5C\x1b[15~\x1bOPx", "\x1b[A|\x1b[1;5C|\x1b[15~|\x1bOP|"
					     "x|");
	IS("\x1bx\x1b\xc3\xa4", "\x1bx|\x1b\xc3\xa4|");
}

static void
esc_alone_is_a_key(void **state)
{
	(void)state;
	IS("\x1b", "\x1b|");
	IS("\x1b\x1b", "\x1b|\x1b|");
	IS("\x1b\x1b[A", "\x1b|\x1b[A|");
	IS("a\x1b", "a|\x1b|");
}

static void
what_is_not_whole_waits(void **state)
{
	(void)state;
	IS("\xc3", "...");
	IS("a\xe2\x82", "a|...");
	IS("\xf0\x9f\x90", "...");
	IS("\x1b[", "...");
	IS("\x1b[1;5", "...");
	IS("\x1bO", "...");
	IS("\x1b\xe2\x82", "...");
}

static void
what_is_neither_is_bytes(void **state)
{
	(void)state;
	IS("\xff", "#\xff|");
	IS("\xa4", "#\xa4|");
	IS("\xc3x", "#\xc3|x|");
	IS("\xe2\x82\x1b[A", "#\xe2|#\x82|\x1b[A|");
	IS("\xed\xa0\x80", "#\xed|#\xa0|#\x80|");
	IS("\xc0\x80", "#\xc0|#\x80|");
	IS("\x1b\xff", "\x1b|#\xff|");
	/* Sequences that are none: Alt and the bracket, then the rest. */
	IS("\x1b[\r", "\x1b[|\r|");
	IS("\x1b[1\xc3\xa4", "\x1b[|1|\xc3\xa4|");
	IS("\x1bO\r", "\x1bO|\r|");
}

static void
an_endless_sequence_is_given_up(void **state)
{
	char much[100] = "\x1b[";
	bool text;

	(void)state;
	memset(much + 2, '1', sizeof(much) - 2);
	assert_int_equal(
	    key_length((const uint8_t *)much, KEY_MAX - 1, &text), 0);
	assert_int_equal(key_length((const uint8_t *)much, KEY_MAX, &text), 2);
	assert_int_equal(
	    key_length((const uint8_t *)much, sizeof(much), &text), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_and_sequences_are_keys),
		cmocka_unit_test(esc_alone_is_a_key),
		cmocka_unit_test(what_is_not_whole_waits),
		cmocka_unit_test(what_is_neither_is_bytes),
		cmocka_unit_test(an_endless_sequence_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
