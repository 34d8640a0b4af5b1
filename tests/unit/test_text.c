/* ipc/text.c: what is printed can be typed again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/msg.h"
#include "ipc/text.h"

/* Print, parse, compare: byte for byte. */
static void
goes_round(const struct ipc_frame *f)
{
	uint8_t head[IPC_FRAME_HEAD];
	struct ipc_text_error e;
	struct ipc_buf line, back;
	int got;

	ipc_buf_init(&line, 8 << 20);
	ipc_buf_init(&back, 8 << 20);
	assert_true(ipc_text_print(f, true, &line));
	got = ipc_text_parse((char *)line.data, line.len, &back, &e);
	if (got != 1)
		fail_msg("%.*s: column %zu: %s", (int)line.len,
		    (char *)line.data, e.column, e.text);
	ipc_frame_head(head, f);
	assert_int_equal(back.len, ipc_frame_size(f->len));
	assert_memory_equal(back.data, head, IPC_FRAME_HEAD);
	if (f->len)
		assert_memory_equal(
		    back.data + IPC_FRAME_HEAD, f->bytes, f->len);
	assert_true(ipc_text_match(f, (char *)line.data, line.len));
	ipc_buf_release(&line);
	ipc_buf_release(&back);
}

/* Fill the struct of a kind: every field at its largest, or at zero. */
static void
fill(const struct ipc_info *info, uint8_t *m, bool largest, char *text,
    struct ipc_buf *spare)
{
	for (const struct ipc_field *f = info->fields; f->name; f++) {
		uint64_t v = largest ? f->max : 0;
		struct ipc_bin *bin = (void *)(m + f->offset);

		switch (f->type) {
		case 'c':
			m[f->offset] = (uint8_t)v;
			break;
		case 'v':
			*(uint16_t *)(void *)(m + f->offset) = (uint16_t)v;
			break;
		case 'u':
			*(uint32_t *)(void *)(m + f->offset) = (uint32_t)v;
			break;
		case 'U':
			*(uint64_t *)(void *)(m + f->offset) = v;
			break;
		case 's':
			/* Every byte value but NUL, as long as is legal. */
			*(char **)(void *)(m + f->offset) =
			    largest ? text + (8192 - f->max) : NULL;
			break;
		default:
			bin->addr = spare->data;
			bin->sz = largest ? (uint32_t)f->max : 0;
		}
	}
}

static void
each_row_of_the_catalogue_goes_round(void **state)
{
	static char text[8193];
	struct ipc_buf spare, frame;
	unsigned rows = 0;

	(void)state;
	for (size_t i = 0; i < 8192; i++)
		text[i] = (char)(1 + i % 255);
	ipc_buf_init(&spare, 1 << 16);
	for (unsigned i = 0; i < 1 << 16; i++)
		assert_true(ipc_buf_add(&spare, &(uint8_t){ (uint8_t)i }, 1));
	ipc_buf_init(&frame, 1 << 20);
	for (unsigned kind = 0; kind < IPC_KIND_END; kind++) {
		const struct ipc_info *info = ipc_info(kind);
		struct ipc_frame f = { .kind = (uint8_t)kind };
		uint64_t m[256] = { 0 };
		size_t want;
		const char *why;

		if (info == NULL)
			continue;
		rows++;
		goes_round(&f);
		f.flags = UINT8_MAX;
		f.channel = UINT16_MAX;
		f.id = UINT64_MAX;
		f.bytes = spare.data;
		f.len = 1000; /* for a typed message these are garbage */
		goes_round(&f);
		if (info->format == NULL)
			continue;
		assert_true(info->size <= sizeof(m));
		for (int largest = 0; largest < 2; largest++) {
			fill(info, (uint8_t *)m, largest, text, &spare);
			ipc_buf_clear(&frame);
			assert_int_equal(ipc_msg_frame(kind, 9, m, &frame), 0);
			assert_int_equal(ipc_frame_decode(frame.data, frame.len,
					     1 << 20, &f, &want, &why),
			    IPC_FRAME);
			goes_round(&f);
		}
	}
	assert_true(rows > 40);
	ipc_buf_release(&spare);
	ipc_buf_release(&frame);
}

static void
kinds_of_other_versions_go_round(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 256; kind++)
		goes_round(&(struct ipc_frame){ .kind = (uint8_t)kind,
		    .id = kind,
		    .bytes = (const uint8_t *)"\0\xff",
		    .len = 2 });
}

/* tpl images that a field list cannot say: a string going on after a NUL. */
static void
images_that_fields_cannot_say_go_round(void **state)
{
	struct ipc_connect m = { 0 };
	struct ipc_buf frame;
	struct ipc_frame f;
	char url[] = "abcdef";
	size_t want;
	const char *why;

	(void)state;
	m.url = url;
	ipc_buf_init(&frame, 1000);
	assert_int_equal(ipc_msg_frame(IPC_CONNECT, 1, &m, &frame), 0);
	frame.data[frame.len - 4] = '\0';
	assert_int_equal(
	    ipc_frame_decode(frame.data, frame.len, 1 << 20, &f, &want, &why),
	    IPC_FRAME);
	goes_round(&f);
	ipc_buf_release(&frame);
}

static void
refuses_with_the_column(void **state)
{
	static const struct {
		const char *line;
		size_t column;
		const char *text;
	} rows[] = {
		{ "MESAGE id=1", 1, "no such kind of message: 'MESAGE'" },
		{ "> 12 0.5 NOPE", 10, "no such kind" },
		{ "MESSAGE id=", 12, "a number is wanted" },
		{ "MESSAGE id=x", 12, "a number is wanted" },
		{ "MESSAGE id=18446744073709551616", 12, "too large" },
		{ "MESSAGE id=1x", 13, "a blank" },
		{ "MESSAGE flags=256", 15, "at most 255" },
		{ "MESSAGE channel=65536", 17, "at most 65535" },
		{ "CLOSE channel=slowly", 15, "a number is wanted" },
		{ "MESSAGE \"abc", 9, "closing quote is missing" },
		{ "MESSAGE \"abc\\\"", 9, "closing quote is missing" },
		{ "MESSAGE \"a\\q\"", 11, "after \\ comes" },
		{ "MESSAGE \"a\\x1\"", 11, "after \\ comes" },
		{ "MESSAGE \"a\\x1", 11, "after \\ comes" },
		{ "MESSAGE \"a\"b", 12, "a blank" },
		{ "MESSAGE \"a\" \"b\"", 13, "twice" },
		{ "MESSAGE \"a\"... (100 bytes)", 12, "--all" },
		{ "MESSAGE hello", 9, "KEY=VALUE or text in quotes" },
		{ "MESSAGE url=\"x\"", 9, "MESSAGE has no field 'url'" },
		{ "KIND_99 url=\"x\"", 9, "this kind has no field" },
		{ "KIND_256", 6, "at most 255" },
		{ "LISTEN url=x", 12, "text in quotes is wanted" },
		{ "LISTEN url=\"a\\x00b\"", 14, "\\x00" },
		{ "LISTEN \"x\" url=\"a\"", 12, "not both" },
		{ "PRESSURE high=2", 15, "at most 1" },
		{ "HELLO game=\"0123456789012345678901234567890123456789"
		  "0123456789012345678901234567\"",
		    77, "too long: at most 64 bytes" },
		{ "MESSAGE=3", 8, "a blank is wanted after the name" },
		{ "\"x\"", 1, "no such kind" },
		{ "= =", 1, "no such kind" },
	};
	struct ipc_text_error e;
	struct ipc_buf out;

	(void)state;
	ipc_buf_init(&out, 1 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int got = ipc_text_parse(
		    rows[i].line, strlen(rows[i].line), &out, &e);

		if (got != IPC_ERR_INVALID || e.column != rows[i].column ||
		    strstr(e.text, rows[i].text) == NULL)
			fail_msg("%s: %d, column %zu: %s", rows[i].line, got,
			    e.column, e.text);
		assert_int_equal(out.len, 0);
	}
	ipc_buf_release(&out);
}

static void
passes_over_what_says_nothing(void **state)
{
	static const char *const rows[] = { "", "  ", "\t\r", "# hello",
		"  # MESSAGE", ">", "< 12 0.5" };
	struct ipc_text_error e;
	struct ipc_buf out;

	(void)state;
	ipc_buf_init(&out, 1000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    ipc_text_parse(rows[i], strlen(rows[i]), &out, &e), 0);
	assert_int_equal(out.len, 0);
	ipc_buf_release(&out);
}

static void
a_person_may_write_less(void **state)
{
	static const struct {
		const char *typed, *printed;
	} rows[] = {
		{ "tick", "TICK id=0" },
		{ "< 3 0.25 message id=3 \"hi\"", "MESSAGE id=3 \"hi\"" },
		{ "CLOSE channel=slow id=5 \"bye\\n\"\r",
		    "CLOSE id=5 channel=3 \"bye\\x0a\"" },
		{ "LISTEN url=\"line://127.0.0.1:0\" id=1",
		    "LISTEN id=1 url=\"line://127.0.0.1:0\"" },
		{ "PRESSURE", "PRESSURE id=0 high=0 queued_bytes=0" },
		{ "LISTEN url=\"a\" url=\"b\"", "LISTEN id=0 url=\"b\"" },
		{ "KIND_12", "MESSAGE id=0" },
	};
	struct ipc_text_error e;
	struct ipc_buf out, line;
	struct ipc_frame f;
	size_t want;
	const char *why;

	(void)state;
	ipc_buf_init(&out, 1 << 20);
	ipc_buf_init(&line, 1 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ipc_buf_clear(&out);
		ipc_buf_clear(&line);
		assert_int_equal(ipc_text_parse(rows[i].typed,
				     strlen(rows[i].typed), &out, &e),
		    1);
		assert_int_equal(ipc_frame_decode(out.data, out.len, 1 << 20,
				     &f, &want, &why),
		    IPC_FRAME);
		assert_true(ipc_text_print(&f, false, &line));
		assert_true(ipc_buf_add(&line, "", 1));
		assert_string_equal((char *)line.data, rows[i].printed);
	}
	ipc_buf_release(&out);
	ipc_buf_release(&line);
}

static void
matches_what_the_line_says_and_no_more(void **state)
{
	static const struct {
		const char *line;
		bool fits;
	} rows[] = {
		{ "SEND", true },
		{ "> SEND id=7", true },
		{ "> SEND \"hello world\" id=7", true },
		{ "> 3 0.5 SEND \"hello\"*", true },
		{ "> SEND flags=4", true },
		{ "", true },
		{ "SEND id=8", false },
		{ "SEND id=77", false },
		{ "SEND \"hello\"", false },
		{ "SEND \"world\"*", false },
		{ "MESSAGE id=7", false },
		{ "SEND channel=1", false },
	};
	const struct ipc_frame f = { .kind = IPC_SEND,
		.flags = IPC_BINARY,
		.id = 7,
		.bytes = (const uint8_t *)"hello world",
		.len = 11 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (ipc_text_match(&f, rows[i].line, strlen(rows[i].line)) !=
		    rows[i].fits)
			fail_msg("%s", rows[i].line);
}

static void
knows_what_is_about_a_connection(void **state)
{
	struct ipc_frame f = { .kind = IPC_MESSAGE, .id = 3 };

	(void)state;
	assert_true(ipc_text_about(&f, 3));
	assert_false(ipc_text_about(&f, 4));
	f.kind = IPC_TICK; /* three ticks, not of connection three */
	assert_false(ipc_text_about(&f, 3));
	f.kind = IPC_SEND_GROUP;
	assert_false(ipc_text_about(&f, 3));
}

static void
a_full_buffer_stays_as_it_was(void **state)
{
	static const char line[] = "MESSAGE id=1 \"hello\"";
	struct ipc_text_error e;

	(void)state;
	for (size_t max = 0; max < 40; max++) {
		struct ipc_buf out;
		int got;

		ipc_buf_init(&out, max);
		got = ipc_text_parse(line, sizeof(line) - 1, &out, &e);
		assert_int_equal(got, max < 35 ? IPC_ERR_TOO_LONG : 1);
		assert_int_equal(out.len, max < 35 ? 0 : 35);
		ipc_buf_release(&out);
	}
}

static void
any_cut_of_a_line_is_safe(void **state)
{
	static const char line[] =
	    "< 3 0.25 OPENED id=3 peer=\"127.0.0.1:4000\" tag=\"\\x00\\xff\"";
	struct ipc_text_error e;
	struct ipc_buf out;

	(void)state;
	ipc_buf_init(&out, 1 << 20);
	for (size_t n = 0; n < sizeof(line); n++) {
		char *part = malloc(n ? n : 1);

		assert_non_null(part);
		memcpy(part, line, n);
		ipc_text_parse(part, n, &out, &e);
		free(part);
	}
	ipc_buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_of_the_catalogue_goes_round),
		cmocka_unit_test(kinds_of_other_versions_go_round),
		cmocka_unit_test(images_that_fields_cannot_say_go_round),
		cmocka_unit_test(refuses_with_the_column),
		cmocka_unit_test(passes_over_what_says_nothing),
		cmocka_unit_test(a_person_may_write_less),
		cmocka_unit_test(matches_what_the_line_says_and_no_more),
		cmocka_unit_test(knows_what_is_about_a_connection),
		cmocka_unit_test(a_full_buffer_stays_as_it_was),
		cmocka_unit_test(any_cut_of_a_line_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
