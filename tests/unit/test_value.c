/* ipc/value.c: what is built comes back from msgpack and JSON as it was, and
 * what no value is is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/msg.h"
#include "ipc/value.h"

#define MAKE ipc_value_make

static struct ipc_value *
unpacked(const void *bytes, size_t len)
{
	struct ipc_value *v = NULL;
	const char *why;

	if (ipc_value_unpack(bytes, len, &ipc_value_from_pipe, &v, &why) < 0)
		return NULL;
	return v;
}

static struct ipc_value *
of_json(const char *text)
{
	struct ipc_value *v = NULL;
	const char *why;

	if (ipc_value_from_json(
		text, strlen(text), &ipc_value_from_player, &v, &why) < 0)
		return NULL;
	return v;
}

/* As JSON, in a buffer that the next call uses again. */
static const char *
json(const struct ipc_value *v)
{
	static char text[4096];
	struct ipc_buf b;

	ipc_buf_init(&b, sizeof(text) - 1);
	assert_int_equal(ipc_value_json(v, &b), 0);
	memcpy(text, b.data, b.len);
	text[b.len] = '\0';
	ipc_buf_release(&b);
	return text;
}

static bool
scans(const void *bytes, size_t len, struct ipc_scanned *out)
{
	struct ipc_scanned other;

	return ipc_value_scan(
	    bytes, len, &ipc_value_from_pipe, out ? out : &other);
}

static void
goes_round(struct ipc_value *v)
{
	struct ipc_scanned seen;
	struct ipc_buf b;
	struct ipc_value *back;

	assert_non_null(v);
	ipc_buf_init(&b, 1 << 20);
	assert_int_equal(ipc_value_pack(v, &b), 0);
	assert_int_equal(ipc_value_packed(v), b.len);
	back = unpacked(b.data, b.len);
	assert_true(ipc_value_equal(v, back));
	for (size_t cut = 0; cut < b.len && cut < 200; cut++) {
		assert_null(unpacked(b.data, cut));
		assert_false(scans(b.data, cut, NULL));
	}
	if (scans(b.data, b.len, &seen)) {
		assert_int_equal(seen.len, b.len);
		assert_int_equal(seen.type, ipc_value_type(v));
	} else {
		/* Only what is large is left to the tree. */
		assert_true(b.len > 64);
	}
	ipc_value_free(back);
	back = ipc_value_copy(v);
	assert_true(ipc_value_equal(v, back));
	ipc_value_free(back);
	ipc_value_free(v);
	ipc_buf_release(&b);
}

static void
every_type_goes_round(void **state)
{
	(void)state;
	goes_round(ipc_value_nil());
	goes_round(ipc_value_bool(true));
	goes_round(ipc_value_bool(false));
	goes_round(ipc_value_int(0));
	goes_round(ipc_value_int(-5));
	goes_round(ipc_value_int(INT64_MIN));
	goes_round(ipc_value_int(INT64_MAX));
	goes_round(ipc_value_uint(UINT64_MAX));
	goes_round(ipc_value_float(0.1));
	goes_round(ipc_value_float(-0.0));
	goes_round(ipc_value_float(1e300));
	goes_round(ipc_value_float(__builtin_inf()));
	goes_round(ipc_value_float(__builtin_nan("")));
	goes_round(ipc_value_str("", 0));
	goes_round(ipc_value_str("a\0b", 3));
	goes_round(ipc_value_str("h\xc3\xa9", 3));
	goes_round(ipc_value_bytes("\xff\x00\xfe", 3));
	goes_round(MAKE("[nbi[]{}]", 1, 7));
	goes_round(MAKE("{s{i{ss s[ff]}} i b}", "players", 7, "name", "ann",
	    "position", 0.0, 0.5, -1, 0));
}

static void
a_float_takes_the_room_it_needs(void **state)
{
	struct ipc_value *half = ipc_value_float(0.5);
	struct ipc_value *tenth = ipc_value_float(0.1);

	(void)state;
	assert_int_equal(ipc_value_packed(half), 5);
	assert_int_equal(ipc_value_packed(tenth), 9);
	ipc_value_free(half);
	ipc_value_free(tenth);
}

static void
json_says_the_same(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "null", "null" },
		{ " [1, -2.5, 0.1, \"x\", true] ", "[1,-2.5,0.1,\"x\",true]" },
		{ "{\"b\": {\"c\": []}, \"a\": 1}",
		    "{\"b\":{\"c\":[]},\"a\":1}" },
		{ "{\"$bytes\": \"/wD+AQ==\"}", "{\"$bytes\":\"/wD+AQ==\"}" },
		{ "{\"$bytes\": \"\"}", "{\"$bytes\":\"\"}" },
		{ "{\"$bytes\": 1}", "{\"$bytes\":1}" },
		{ "9223372036854775807", "9223372036854775807" },
		{ "\"a\\u0000\xc3\xa9\"", "\"a\\u0000\xc3\xa9\"" },
	};
	struct ipc_value *v;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		v = of_json(rows[i].in);
		assert_non_null(v);
		assert_string_equal(json(v), rows[i].out);
		ipc_value_free(v);
	}
	v = MAKE("{i[yf] sf}", 7, "\x01\x02", (size_t)2, __builtin_nan(""),
	    "pi", 3.141592653589793);
	assert_string_equal(json(v), "{\"7\":[{\"$bytes\":\"AQI=\"},null],"
				     "\"pi\":3.141592653589793}");
	ipc_value_free(v);
}

static void
what_is_no_value_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{ "", 0 },
		{ "\xc1", 1 },
		{ "\xa1", 1 },
		{ "\xa1\xff", 2 },                      /* not UTF-8 */
		{ "\xa3\xed\xa0\x80", 4 },              /* a surrogate */
		{ "\xc0\xc0", 2 },                      /* one more behind */
		{ "\x82\x01\xc0\x01\xc0", 5 },          /* a key twice */
		{ "\x82\xa1x\xc0\xa1x\xc0", 7 },        /* the same */
		{ "\x81\xc3\xc0", 3 },                  /* key true */
		{ "\x81\x90\xc0", 3 },                  /* key [] */
		{ "\x81\xcb\0\0\0\0\0\0\0\0\xc0", 11 }, /* key 0.0 */
		{ "\xd4\x01\x02", 3 },                  /* ext */
		{ "\xc7\x00\x01", 3 },
		{ "\xdf\xff\xff\xff\xff", 5 }, /* a map without end */
		{ "\xdd\x7f\xff\xff\xff\xc0", 6 },
		{ "\xdb\xff\xff\xff\xff", 5 },
	};
	static const char *const texts[] = { "", "{", "[1,]",
		"{\"a\":1,\"a\":2}", "\"\xff\"", "1 2", "nope",
		"123456789012345678901234567890", "{\"$bytes\":\"*\"}",
		"{\"$bytes\":\"AAA\"}", "{1:2}" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipc_scanned seen;

		if (unpacked(rows[i].bytes, rows[i].len))
			fail_msg("row %zu was taken", i);
		if (scans(rows[i].bytes, rows[i].len, &seen) &&
		    seen.len == rows[i].len)
			fail_msg("row %zu was passed on", i);
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (of_json(texts[i]))
			fail_msg("taken: %s", texts[i]);
}

static void
depth_and_number_have_limits(void **state)
{
	struct ipc_value_limits few = { 100, 3 };
	struct ipc_value *v = NULL;
	uint8_t deep[IPC_VALUE_DEPTH_MAX + 2];
	char text[2 * sizeof(deep) + 1];
	const char *why;
	size_t n;

	(void)state;
	for (n = 1; n <= IPC_VALUE_DEPTH_MAX + 1; n++) {
		memset(deep, 0x91, n);
		deep[n - 1] = 0x90;
		memset(text, '[', n);
		memset(text + n, ']', n);
		text[2 * n] = '\0';
		v = unpacked(deep, n);
		assert_int_equal(v != NULL, n <= IPC_VALUE_DEPTH_MAX);
		assert_int_equal(scans(deep, n, NULL), n < IPC_VALUE_DEPTH_MAX);
		ipc_value_free(v);
		v = of_json(text);
		assert_int_equal(v != NULL, n <= IPC_VALUE_DEPTH_MAX);
		ipc_value_free(v);
	}
	assert_int_equal(ipc_value_unpack("\x93\1\2\3", 4, &few, &v, &why), 0);
	ipc_value_free(v);
	assert_int_equal(ipc_value_unpack("\x94\1\2\3\4", 5, &few, &v, &why),
	    IPC_ERR_TOO_LONG);
	assert_int_equal(ipc_value_from_json("[1,2,3,4]", 9, &few, &v, &why),
	    IPC_ERR_TOO_LONG);
	few.bytes = 3;
	assert_int_equal(ipc_value_unpack("\x93\1\2\3", 4, &few, &v, &why),
	    IPC_ERR_TOO_LONG);
}

static void
what_lies_there_is_seen_without_a_copy(void **state)
{
	static const char map[] = "\x83\xa1x\x01\xa1y\x82\xa1x\x02\xa1z\x91"
				  "\x81\xa1x\x03\xa1z\xa2hi",
			  again[] = "\x82\xa1x\x81\xa1y\x01\xa1x\x02";
	struct ipc_scanned seen;

	(void)state;
	/* The same name in another map is another name. */
	assert_true(scans(map, sizeof(map) - 1, &seen));
	assert_int_equal(seen.len, sizeof(map) - 1);
	assert_int_equal(seen.n, 3);
	assert_false(scans(again, sizeof(again) - 1, &seen));
	assert_true(scans("\xd1\xff\x00??", 5, &seen));
	assert_int_equal(seen.len, 3);
	assert_int_equal(seen.number, -256);
	assert_true(scans("\xa2hi??", 5, &seen));
	assert_int_equal(seen.n, 2);
	assert_memory_equal(seen.text, "hi", 2);
}

static void
a_large_map_finds_and_forgets(void **state)
{
	struct ipc_value *map = ipc_value_map();

	(void)state;
	for (int64_t i = 0; i < 5000; i++) {
		char name[16];
		int n = snprintf(name, sizeof(name), "%d", (int)i);

		assert_int_equal(
		    ipc_value_set(map, ipc_key_int(i), ipc_value_int(i)), 0);
		assert_int_equal(
		    ipc_value_set(
			map, ipc_key_str(name, (size_t)n), ipc_value_int(-i)),
		    0);
	}
	assert_int_equal(ipc_value_size(map), 10000);
	for (int64_t i = 0; i < 5000; i += 2) {
		struct ipc_value *v = ipc_value_take(map, ipc_key_int(i));

		assert_int_equal(ipc_value_as_int(v), i);
		ipc_value_free(v);
		assert_null(ipc_value_take(map, ipc_key_int(i)));
	}
	assert_int_equal(ipc_value_size(map), 7500);
	for (int64_t i = 0; i < 5000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", (int)i);
		assert_int_equal(
		    ipc_value_as_int(ipc_value_gets(map, name)), -i);
		assert_int_equal(
		    ipc_value_get(map, ipc_key_int(i)) != NULL, i % 2);
	}
	goes_round(map);
}

static void
a_merge_goes_deep_and_a_marker_deletes(void **state)
{
	struct ipc_value *marker = ipc_value_bytes("\xd2\x81\xe5\xba", 4);
	struct ipc_value *into = MAKE("{s{i{si si}i{}}sisi}", "players", 1, "x",
	    1, "y", 2, 2, "tick", 1, "gone", 3);
	struct ipc_value *from = MAKE("{s{i{si}i{si}}sisv}", "players", 1, "x",
	    5, 3, "x", 0, "tick", 2, "gone", ipc_value_copy(marker));

	(void)state;
	assert_int_equal(ipc_value_merge(into, from, marker), 0);
	assert_string_equal(json(into),
	    "{\"players\":{\"1\":{\"x\":5,\"y\":2},\"2\":{},\"3\":{\"x\":0}},"
	    "\"tick\":2}");
	assert_int_equal(ipc_value_merge(marker, from, NULL), IPC_ERR_INVALID);
	ipc_value_free(into);
	ipc_value_free(from);
	ipc_value_free(marker);
}

static void
paths_lead_to_what_they_name(void **state)
{
	struct ipc_value *top = ipc_value_map();
	struct ipc_path p, q;
	struct ipc_value *v;

	(void)state;
	assert_true(ipc_path_parse("players/7/name", &p));
	assert_int_equal(p.n, 3);
	assert_null(p.keys[1].text);
	assert_int_equal(p.keys[1].number, 7);
	assert_int_equal(ipc_value_put(top, &p, ipc_value_str("ann", 3)), 0);
	assert_string_equal(
	    json(top), "{\"players\":{\"7\":{\"name\":\"ann\"}}}");
	assert_string_equal(
	    ipc_value_text(ipc_value_find(top, &p), NULL), "ann");
	v = ipc_path_value(&p);
	assert_true(ipc_path_of(v, &q));
	assert_true(ipc_value_drop(top, &q));
	assert_false(ipc_value_drop(top, &q));
	assert_string_equal(json(top), "{\"players\":{\"7\":{}}}");
	ipc_value_free(v);
	assert_true(ipc_path_parse("players/'7", &p));
	assert_null(ipc_value_find(top, &p));
	assert_true(ipc_path_parse("", &p));
	assert_ptr_equal(ipc_value_find(top, &p), top);
	assert_false(ipc_path_parse("a//b", &p));
	assert_false(ipc_path_parse("a/", &p));
	assert_false(ipc_path_parse("/a", &p));
	assert_false(ipc_path_parse("1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1", &p));
	assert_true(ipc_path_parse("-12/007/-", &p));
	assert_int_equal(p.keys[0].number, -12);
	assert_non_null(p.keys[1].text);
	assert_non_null(p.keys[2].text);
	ipc_value_free(top);
}

static void
a_wrong_format_makes_nothing(void **state)
{
	(void)state;
	assert_null(MAKE(""));
	assert_null(MAKE("[i", 1));
	assert_null(MAKE("i]", 1));
	assert_null(MAKE("{f i}", 1.0, 1));
	assert_null(MAKE("s", "\xff"));
	assert_null(MAKE("[v v]", NULL, ipc_value_int(1)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_goes_round),
		cmocka_unit_test(a_float_takes_the_room_it_needs),
		cmocka_unit_test(json_says_the_same),
		cmocka_unit_test(what_is_no_value_is_refused),
		cmocka_unit_test(depth_and_number_have_limits),
		cmocka_unit_test(what_lies_there_is_seen_without_a_copy),
		cmocka_unit_test(a_large_map_finds_and_forgets),
		cmocka_unit_test(a_merge_goes_deep_and_a_marker_deletes),
		cmocka_unit_test(paths_lead_to_what_they_name),
		cmocka_unit_test(a_wrong_format_makes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
