/*
 * ipc/markup.c and what it stands on: what each kind of terminal gets of a
 * text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ipc/glyph.h"
#include "ipc/markup.h"
#include "ipc/msg.h"

#include <stdlib.h>
#include <string.h>

#define U IPC_UTF8
#define BARE                          \
	{                             \
		false, false, 0, U, 0 \
	}
#define NONE                         \
	{                            \
		true, false, 0, U, 0 \
	}
#define C16                          \
	{                            \
		true, false, 1, U, 0 \
	}
#define C256                         \
	{                            \
		true, false, 2, U, 0 \
	}
#define TRUE                         \
	{                            \
		true, false, 3, U, 0 \
	}
#define READER                      \
	{                           \
		true, true, 3, U, 0 \
	}
#define ASCII                                \
	{                                    \
		true, false, 0, IPC_ASCII, 0 \
	}
#define LATIN1                                \
	{                                     \
		true, false, 0, IPC_LATIN1, 0 \
	}
#define WIDE(n)                      \
	{                            \
		true, false, 0, U, n \
	}
#define WIDE16(n)                    \
	{                            \
		true, false, 1, U, n \
	}
#define E "\x1b["

static const struct {
	struct ipc_look look;
	const char *in, *out;
} rows[] = {
	/* colours */
	{ TRUE, "plain", "plain" },
	{ TRUE, "{red}a{/}b", E "31ma" E "0mb" },
	{ TRUE, "{red}{bold}a{/}b{/}c", E "1;31ma" E "0;31mb" E "0mc" },
	{ TRUE, "{red}a{green}b{/}c", E "31ma" E "32mb" E "31mc" E "0m" },
	{ TRUE, "{bright red}a{grey}b{bright black}c",
	    E "91ma" E "90mbc" E "0m" },
	{ TRUE, "{on blue}{bright white}a", E "97;44ma" E "0m" },
	{ TRUE, "{on bright red}a", E "101ma" E "0m" },
	{ TRUE, "{#ff8800}a", E "38;2;255;136;0ma" E "0m" },
	{ C256, "{#ff8800}a", E "38;5;208ma" E "0m" },
	{ C256, "{#808080}a", E "38;5;244ma" E "0m" },
	{ C256, "{on #000000}a", E "48;5;16ma" E "0m" },
	{ C16, "{#ff8800}a", E "33ma" E "0m" },
	{ C16, "{#0000ff}a{on #ffffff}b", E "34ma" E "107mb" E "0m" },
	{ C16, "{underline}{strike}a{reset}{/}b", E "4;9ma" E "0mb" },
	{ NONE, "{red}a{/}b{on #123456}c", "abc" },
	{ READER, "{red}a{/}b", "ab" },
	{ BARE, "{red}a{/}\t b\r\n", "a        b\n" },
	/* said late, taken back early */
	{ C16, "{red}a\n{/}b", E "31ma" E "0m\nb" },
	{ C16, "{red}a\nb\n{/}", E "31ma" E "0m\n" E "31mb" E "0m\n" },
	{ C16, "{red}{/}{bold}{/}a", "a" },
	/* what is no tag is text */
	{ NONE, "{{red} } {", "{red} } {" },
	{ NONE, "{hp:1} {\"a\":1} {} {RED}", "{hp:1} {\"a\":1} {} {RED}" },
	{ NONE, "{#ff880} {#ff880g} {on} {on x}",
	    "{#ff880} {#ff880g} {on} {on x}" },
	{ NONE, "{red", "{red" },
	{ NONE, "{{{red}x{{", "{x{" },
	{ NONE, "{bright grey}", "{bright grey}" },
	/* too deep: counted, not obeyed */
	{ C16,
	    "{red}{red}{red}{red}{red}{red}{red}{red}"
	    "{red}{red}{red}{red}{red}{red}{red}{red}"
	    "{blue}a{/}{/}b{reset}c",
	    E "31mab" E "0mc" },
	/* bytes */
	{ NONE,
	    "a\rb\x01"
	    "c\x7f"
	    "d\x1b"
	    "e\x07",
	    "abcde\x07" },
	{ NONE, "\xff\xc0\xaf\xed\xa0\x80.",
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
	    "\xef\xbf\xbd." },
	{ C16, E "31mx" E "2J", E "31mx" E "2J" },
	{ NONE, E "31mx" E "2J", "x" E "2J" },
	{ BARE, E "31mx" E "2J", "x" },
	/* character sets */
	{ ASCII,
	    "gr\xc3\xbc\xc3\x9f \xe2\x80\x9e"
	    "x\xe2\x80\x9c \xe2\x82\xac \xe4\xbd\xa0 \xc5\x81",
	    "gruss \"x\" EUR ? L" },
	{ LATIN1,
	    "gr\xc3\xbc\xc3\x9f \xc3\xbf \xe2\x80\x94 \xe2\x94\x8c"
	    "\xe2\x94\x80\xe2\x94\x82",
	    "gr\xfc\xdf \xff -- +-|" },
	{ READER,
	    "a\xe2\x94\x8c\xe2\x94\x80\xe2\x96\x88"
	    "b",
	    "a   b" },
	/* wrap */
	{ WIDE(10), "the quick brown fox", "the quick\nbrown fox" },
	{ WIDE(9), "the quick brown fox", "the quick\nbrown fox" },
	{ WIDE(8), "the quick brown fox", "the\nquick\nbrown\nfox" },
	{ WIDE(10), "  - one two three\nfour",
	    "  - one\n  two\n  three\nfour" },
	{ WIDE(5), "abcdefgh ij", "abcde\nfgh\nij" },
	{ WIDE(5), "x abcdefgh", "x\nabcde\nfgh" },
	{ WIDE(1), "ab", "a\nb" },
	{ WIDE(10), "a prompt> ", "a prompt> " },
	{ WIDE(10), "trailing   \nx", "trailing\nx" },
	{ WIDE(5), "{pre}a  b  c  d{/pre} e f g", "a  b  c  d\ne f g" },
	{ WIDE(6), "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd\xa0\xe5\xa5\xbd",
	    "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd\xa0\n\xe5\xa5\xbd" },
	{ WIDE(3),
	    "e\xcc\x81"
	    "e\xcc\x81 e\xcc\x81",
	    "e\xcc\x81"
	    "e\xcc\x81\ne\xcc\x81" },
	{ WIDE16(7), "{red}one two{/} three", E "31mone two" E "0m\nthree" },
	{ WIDE16(5), "{on red}one two{/}",
	    E "41mone" E "0m\n" E "41mtwo" E "0m" },
	{ WIDE16(7), "one {red}tw{green}o{/}{/}x y",
	    "one\n" E "31mtw" E "32mo" E "0mx y" },
	{ WIDE16(20), "a  {underline}b{/}  {red}  c",
	    "a  " E "4mb" E "0m    " E "31mc" E "0m" },
	{ WIDE(8), "a\tb", "a\nb" },
	{ WIDE(9), "a\tb", "a       b" },
	{ WIDE(20), "", "" },
	{ WIDE(20), "\n\n", "\n\n" },
};

static const char *
written(const struct ipc_look *look, bool markup, const char *in)
{
	static struct ipc_buf out;

	if (out.max == 0)
		ipc_buf_init(&out, 1u << 20);
	ipc_buf_clear(&out);
	/* Memory of exactly that size, for the sanitizer. */
	uint8_t *exact = malloc(strlen(in) + !in[0]);

	assert_non_null(exact);
	memcpy(exact, in, strlen(in));
	assert_int_equal(
	    ipc_markup_write(look, markup, exact, strlen(in), &out), 0);
	free(exact);
	assert_true(ipc_buf_add(&out, "", 1));
	return (const char *)out.data;
}

static void
each_terminal_gets_what_it_can_show(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(written(&rows[i].look, true, rows[i].in),
			rows[i].out) != 0)
			fail_msg("row %zu: %s gives %s", i, rows[i].in,
			    written(&rows[i].look, true, rows[i].in));
}

static void
without_markup_braces_are_braces(void **state)
{
	static const struct ipc_look latin1 = LATIN1, wide = WIDE(4);

	(void)state;
	assert_string_equal(
	    written(&latin1, false, "{red}\xc3\xa9 {{"), "{red}\xe9 {{");
	assert_string_equal(written(&wide, false, "a b c d"), "a b c d");
}

static void
a_screenful_ends_where_a_row_does(void **state)
{
	static const struct ipc_look k = WIDE(10);
	static const struct {
		const char *in;
		unsigned rows;
		size_t end;
		const char *open;
	} tests[] = {
		{ "a\nb\nc\n", 2, 4, "" },
		{ "a\nb\nc\n", 9, 6, "" },
		{ "the quick brown fox jumps", 1, 10, "" },
		{ "the quick brown fox jumps", 2, 20, "" },
		{ "{red}a\n{bold}b\n{/}c\n", 1, 7, "{red}" },
		{ "{red}a\n{bold}b\n{/}c\n", 2, 15, "{red}{bold}" },
		{ "{red}a{/}\n{pre}b\nc{/pre}\n", 2, 17, "{pre}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		struct ipc_buf open;

		ipc_buf_init(&open, 1024);
		assert_int_equal(
		    ipc_markup_rows(&k, true, (const uint8_t *)tests[i].in,
			strlen(tests[i].in), tests[i].rows, &open),
		    tests[i].end);
		ipc_buf_add(&open, "", 1);
		assert_string_equal(open.data, tests[i].open);
		ipc_buf_release(&open);
	}
}

static void
a_full_buffer_is_said(void **state)
{
	static const struct ipc_look k = TRUE;
	struct ipc_buf b;

	(void)state;
	ipc_buf_init(&b, 8);
	assert_int_equal(
	    ipc_markup_write(&k, true, (const uint8_t *)"{red}abcdef", 11, &b),
	    IPC_ERR_NO_MEMORY);
	assert_true(b.len <= 8);
	ipc_buf_release(&b);
}

static void
every_character_has_a_plain_one(void **state)
{
	uint8_t out[IPC_GLYPH_MAX];
	uint32_t c;

	(void)state;
	for (uint32_t i = 0; i < 0x30000; i++) {
		size_t n = ipc_glyph_plain(i, 0, out);

		assert_true(n <= 3);
		while (n--)
			assert_true(out[n] < 0x80);
		if (i >= 0xd800 && i < 0xe000)
			continue;
		n = ipc_glyph_utf8(i, out);
		assert_int_equal(ipc_glyph_read(out, n, &c), n);
		assert_int_equal(c, i);
	}
	assert_int_equal(ipc_glyph_plain(0xff, 0, out), 1);
	assert_int_equal(out[0], 'y');
	assert_int_equal(ipc_glyph_plain(0x17e, 0, out), 1);
	assert_int_equal(out[0], 'z');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_terminal_gets_what_it_can_show),
		cmocka_unit_test(without_markup_braces_are_braces),
		cmocka_unit_test(a_screenful_ends_where_a_row_does),
		cmocka_unit_test(a_full_buffer_is_said),
		cmocka_unit_test(every_character_has_a_plain_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
