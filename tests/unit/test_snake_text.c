/*
 * test_snake_text.c - what strangers write is fit to show.
 */
/* links: gamecore/examples/snake/text.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gamecore/examples/snake/text.h"

static void
cleans_names_as_the_table_says(void **state)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{ "Ann", "Ann" },
		{ "  Ann   Lee \t", "Ann Lee" },
		{ "", "" },
		{ " \n ", "" },
		{ "123456789012345", "123456789012345" },
		{ "1234567890123456", "123456789012345" },
		/* A space at the cut is not kept. */
		{ "12345678901234 6", "12345678901234" },
		{ "<b>x</b>", "<b>x</b>" },
		{ "\033[2Jred", "[2Jred" },
		{ "a\x7f\x01z", "az" },
		/* C1 control, soft hyphen, zero width space */
		{ "a\xc2\x9b"
		  "b\xc2\xad"
		  "c\xe2\x80\x8b"
		  "d",
		    "abcd" },
		/* right to left override, line separator, byte order mark */
		{ "a\xe2\x80\xae"
		  "b\xe2\x80\xa8"
		  "c\xef\xbb\xbf",
		    "abc" },
		{ "Gr\xc3\xbc\xc3\x9f"
		  "e",
		    "Gr\xc3\xbc\xc3\x9f"
		    "e" },
		{ "\xe8\x9b\x87", "\xe8\x9b\x87" },
		/* Not UTF-8: a lone byte, too long, a surrogate, cut off. */
		{ "a\xff"
		  "b\xc0\xaf"
		  "c\xed\xa0\x80"
		  "d\xe8\x9b",
		    "abcd" },
		/* One accent on a letter, not three; none alone. */
		{ "\xcc\x81"
		  "e\xcc\x81\xcc\x81\xcc\x81",
		    "e\xcc\x81" },
	};
	char out[NAME_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t n = text_clean(
		    out, NAME_LETTERS, table[i].in, strlen(table[i].in));

		assert_string_equal(out, table[i].out);
		assert_int_equal(n, strlen(table[i].out));
	}
}

static void
fifteen_of_the_longest_letters_fit(void **state)
{
	char in[4 * 40], out[NAME_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i += 4)
		memcpy(in + i, "\xf0\x9f\x90\x8d", 4);
	assert_int_equal(text_clean(out, NAME_LETTERS, in, sizeof(in)), 60);
	assert_int_equal(strlen(out), 60);
}

static void
survives_any_bytes_cut_anywhere(void **state)
{
	char in[64], out[NAME_BYTES];
	uint32_t x = 2463534242u;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t len = x % sizeof(in);

		for (size_t i = 0; i < len; i++) {
			x = x * 1664525u + 1013904223u;
			in[i] = (char)(x >> 24 | (round % 2 ? 0x80u : 0));
		}
		len = text_clean(out, NAME_LETTERS, in, len);
		assert_true(len < sizeof(out) && strlen(out) == len);
		/* Clean text is clean. */
		assert_int_equal(
		    text_clean(in, NAME_LETTERS, out, len), (int)len);
		assert_string_equal(in, out);
	}
}

static void
finds_a_key_in_a_query(void **state)
{
	char out[NAME_BYTES];

	(void)state;
	assert_int_equal(text_query(out, NAME_LETTERS, "", "room"), 0);
	assert_int_equal(text_query(out, NAME_LETTERS, "room", "room"), 0);
	assert_int_equal(text_query(out, NAME_LETTERS, "room=", "room"), 0);
	assert_int_equal(
	    text_query(out, NAME_LETTERS, "mushroom=a", "room"), 0);
	assert_int_equal(
	    text_query(out, NAME_LETTERS, "a=1&&room=pit&b=2", "room"), 3);
	assert_string_equal(out, "pit");
	text_query(out, NAME_LETTERS, "room=the%20b%C3%A4r+pit", "room");
	assert_string_equal(out, "the b\xc3\xa4r pit");
	text_query(out, NAME_LETTERS, "room=%zz%4", "room");
	assert_string_equal(out, "%zz%4");
	text_query(out, NAME_LETTERS, "room=%00%1b%0a", "room");
	assert_string_equal(out, "");
}

static void
text_grows_while_it_is_written(void **state)
{
	struct text t = { 0 };

	(void)state;
	for (int i = 0; i < 5000; i++)
		text_printf(&t, "%d,", i % 10);
	assert_int_equal(t.len, 10000);
	text_release(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cleans_names_as_the_table_says),
		cmocka_unit_test(fifteen_of_the_longest_letters_fit),
		cmocka_unit_test(survives_any_bytes_cut_anywhere),
		cmocka_unit_test(finds_a_key_in_a_query),
		cmocka_unit_test(text_grows_while_it_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
