/* links: gamecore/examples/mud/text.c */
/*
 * test_mud_text.c - words as players type them, and as pages read them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gamecore/examples/mud/text.h"

static void
json_has_no_markup_and_no_bare_control(void **state)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{ "Mill", "\"Mill\"" },
		{ "{bold}Mill{/} Square", "\"Mill Square\"" },
		{ "{red}{bold}x", "\"x\"" },
		{ "a {{ b", "\"a { b\"" },
		{ "say \"hi\\\"", "\"say \\\"hi\\\\\\\"\"" },
		{ "one\ntwo\tthree", "\"one\\ntwo\\u0009three\"" },
		{ "no end {here", "\"no end {here\"" },
		{ "caf\xc3\xa9", "\"caf\xc3\xa9\"" },
		{ "", "\"\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct text t = { 0 };

		text_json(&t, table[i].in);
		assert_string_equal(text_of(&t), table[i].out);
		text_release(&t);
	}
}

static void
words_are_matched_by_their_beginnings(void **state)
{
	(void)state;
	assert_true(text_matches("storm lantern lamp", "lan"));
	assert_true(text_matches("storm lantern lamp", "LAMP"));
	assert_true(text_matches("storm lantern", "storm lantern"));
	assert_false(text_matches("storm lantern", "antern"));
	assert_false(text_matches("storm lantern", ""));
	assert_true(text_has("Ann Bob", "bob"));
	assert_false(text_has("Ann Bob", "bo"));
	assert_false(text_has("", "ann"));
}

static void
a_line_falls_into_words(void **state)
{
	char line[] = "  give  5 coins\tto ann ", *rest = line;
	static const char *const words[] = { "give", "5", "coins", "to", "ann",
		"", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_string_equal(text_word(&rest), words[i]);
}

static void
lines_break_between_words_and_markup_takes_no_place(void **state)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{ "one two three", "one two\nthree" },
		{ "one {bold}two{/} three", "one {bold}two{/}\nthree" },
		{ "one\ntwo three", "one\ntwo three" },
		{ "onetwothree four", "onetwothree\nfour" },
		{ "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9 \xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9",
		    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9 "
		    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9" },
		{ "", "" },
		{ "{red}", "{red}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char line[80];

		strcpy(line, table[i].in);
		text_wrap(line, 9);
		assert_string_equal(line, table[i].out);
	}
}

static void
only_whole_characters_without_controls_are_clean(void **state)
{
	static const struct {
		const char *text;
		bool clean;
	} table[] = {
		{ "plain", true },
		{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x80", true },
		{ "\x1b[2J", false },
		{ "a\x7f", false },
		{ "\xc3", false },
		{ "\xc0\xaf", false },
		{ "\xed\xa0\x80", false },
		{ "\xc2\x9b", false },
		{ "\xf4\x90\x80\x80", false },
		{ "\x80", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(
		    text_is_clean(table[i].text, strlen(table[i].text)),
		    table[i].clean);
}

static void
text_stops_growing_at_its_limit(void **state)
{
	struct text t = { 0 };
	char *much = calloc(1, TEXT_MAX);

	(void)state;
	text_add(&t, "x", 1);
	text_add(&t, much, TEXT_MAX);
	assert_int_equal(t.len, 1);
	text_add(&t, much, SIZE_MAX);
	assert_int_equal(t.len, 1);
	text_add(&t, much, TEXT_MAX - 2);
	assert_int_equal(t.len, TEXT_MAX - 1);
	text_printf(&t, "%d", 7);
	assert_int_equal(t.len, TEXT_MAX - 1);
	text_release(&t);
	free(much);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_has_no_markup_and_no_bare_control),
		cmocka_unit_test(words_are_matched_by_their_beginnings),
		cmocka_unit_test(a_line_falls_into_words),
		cmocka_unit_test(
		    lines_break_between_words_and_markup_takes_no_place),
		cmocka_unit_test(
		    only_whole_characters_without_controls_are_clean),
		cmocka_unit_test(text_stops_growing_at_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
