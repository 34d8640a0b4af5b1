/* links: netd/utf8.c netd/mask.c */
/* netd/utf8.c: what is UTF-8, whole and in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "netd/utf8.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define S(text) (const uint8_t *)(text), sizeof(text) - 1

static const struct {
	const uint8_t *bytes;
	size_t n;
	bool valid;
} samples[] = {
	{ S(""), true },
	{ S("plain ascii, longer than eight bytes\0with a nul"), true },
	{ S("\x7f"), true },
	{ S("\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xef\xbf\xbf"), true },
	{ S("\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"), true },
	{ S("\xed\x9f\xbf\xee\x80\x80"), true },
	{ S("\x80"), false },
	{ S("\xbf"), false },
	{ S("\xc0\x80"), false },
	{ S("\xc1\xbf"), false },
	{ S("\xe0\x80\x80"), false },
	{ S("\xe0\x9f\xbf"), false },
	{ S("\xed\xa0\x80"), false },
	{ S("\xed\xbf\xbf"), false },
	{ S("\xf0\x80\x80\x80"), false },
	{ S("\xf0\x8f\xbf\xbf"), false },
	{ S("\xf4\x90\x80\x80"), false },
	{ S("\xf5\x80\x80\x80"), false },
	{ S("\xfe"), false },
	{ S("\xff"), false },
	{ S("12345678\xff"), false },
	{ S("1234567\xff"), false },
	{ S("\xc3"), false },
	{ S("\xe2\x82"), false },
	{ S("\xf0\x9f\x90"), false },
	{ S("\xc3\x28"), false },
	{ S("\xe2\x28\xa1"), false },
	{ S("\xf0\x9f\x28\xbc"), false },
	{ S("12345678\xe2\x82\xac"
	    "12345678\xe2\x82\xac"),
	    true },
};

static void
tells_utf8_from_other_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++)
		assert_int_equal(utf8_valid(samples[i].bytes, samples[i].n),
		    samples[i].valid);
}

static bool
valid_in_two(const uint8_t *p, size_t n, size_t cut)
{
	struct utf8 u = { 0 };

	return utf8_feed(&u, p, cut) && utf8_feed(&u, p + cut, n - cut) &&
	       utf8_whole(&u);
}

static void
tells_the_same_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++)
		for (size_t cut = 0; cut <= samples[i].n; cut++)
			assert_int_equal(
			    valid_in_two(samples[i].bytes, samples[i].n, cut),
			    samples[i].valid);
}

/* RFC 3629 as arithmetic: decode, and see whether it is the shortest form. */
static bool
by_arithmetic(const uint8_t *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	while (n) {
		size_t len = p[0] < 0x80             ? 1
			     : (p[0] & 0xe0) == 0xc0 ? 2
			     : (p[0] & 0xf0) == 0xe0 ? 3
			     : (p[0] & 0xf8) == 0xf0 ? 4
						     : 0;
		uint32_t c;

		if (len == 0 || len > n)
			return false;
		c = len == 1 ? p[0] : p[0] & (0x7fu >> len);
		for (size_t i = 1; i < len; i++) {
			if ((p[i] & 0xc0) != 0x80)
				return false;
			c = c << 6 | (p[i] & 0x3fu);
		}
		if (c < least[len] || c > 0x10ffff ||
		    (c >= 0xd800 && c < 0xe000))
			return false;
		p += len;
		n -= len;
	}
	return true;
}

static void
agrees_with_arithmetic_on_all_pairs_and_threes(void **state)
{
	(void)state;
	for (unsigned v = 0; v < 1u << 24; v += v < 1u << 16 ? 1 : 7) {
		uint8_t p[3] = { (uint8_t)v, (uint8_t)(v >> 8),
			(uint8_t)(v >> 16) };
		size_t n = v < 1u << 16 ? 2 : 3;

		assert_int_equal(utf8_valid(p, n), by_arithmetic(p, n));
	}
}

static void
bad_text_is_known_with_its_first_bad_byte(void **state)
{
	struct utf8 u = { 0 };

	(void)state;
	assert_true(utf8_feed(&u, S("ok \xf4")));
	assert_false(utf8_feed(&u, S("\x90")));
}

static void
cuts_between_characters(void **state)
{
	const char *text = "a\xe2\x82\xac"
			   "b";

	(void)state;
	assert_int_equal(utf8_cut((const uint8_t *)text, 5, 5), 5);
	assert_int_equal(utf8_cut((const uint8_t *)text, 5, 4), 4);
	assert_int_equal(utf8_cut((const uint8_t *)text, 5, 3), 1);
	assert_int_equal(utf8_cut((const uint8_t *)text, 5, 2), 1);
	assert_int_equal(utf8_cut((const uint8_t *)text, 5, 0), 0);
}

/* Whole words, the last eight bytes, single bytes: one that is not ASCII is
 * found wherever it stands. */
static void
finds_a_high_byte_at_every_place(void **state)
{
	uint8_t text[100];

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t n = 0; n <= sizeof(text); n++) {
		assert_true(utf8_ascii(text, n));
		for (size_t at = 0; at < n; at++) {
			text[at] = 0x80;
			assert_false(utf8_ascii(text, n));
			assert_false(utf8_valid(text, n));
			text[at] = 'a';
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_utf8_from_other_bytes),
		cmocka_unit_test(tells_the_same_at_every_cut),
		cmocka_unit_test(
		    agrees_with_arithmetic_on_all_pairs_and_threes),
		cmocka_unit_test(bad_text_is_known_with_its_first_bad_byte),
		cmocka_unit_test(cuts_between_characters),
		cmocka_unit_test(finds_a_high_byte_at_every_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
