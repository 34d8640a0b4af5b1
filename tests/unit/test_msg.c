/* ipc/msg.c: each row of messages.def goes round, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/msg.h"

#define MESSAGE_MAX 1024 /* more than the largest struct */

enum edge { SMALLEST, LARGEST, MIDDLE };

static char letters[8192];

static void *
at(void *m, const struct ipc_field *f)
{
	return (char *)m + f->offset;
}

static void
set_number(void *p, char type, uint64_t value)
{
	uint8_t c = (uint8_t)value;
	uint16_t v = (uint16_t)value;
	uint32_t u = (uint32_t)value;

	switch (type) {
	case 'c':
		memcpy(p, &c, sizeof(c));
		break;
	case 'v':
		memcpy(p, &v, sizeof(v));
		break;
	case 'u':
		memcpy(p, &u, sizeof(u));
		break;
	default:
		memcpy(p, &value, sizeof(value));
	}
}

static uint64_t
number(const void *p, char type)
{
	uint64_t value = 0;
	size_t n = type == 'c' ? 1 : type == 'v' ? 2 : type == 'u' ? 4 : 8;

	memcpy(&value, p, n);
	return value;
}

/* Strings and bytes are views of letters[]. */
static void
fill(const struct ipc_info *info, void *m, enum edge edge)
{
	memset(letters, 'x', sizeof(letters));
	memset(m, 0, info->size);
	for (const struct ipc_field *f = info->fields; f->name; f++) {
		size_t len = edge == LARGEST  ? f->max
			     : edge == MIDDLE ? f->max / 2
					      : 0;

		if (f->type == 's') {
			assert_true(f->max < sizeof(letters));
			*(char **)at(m, f) =
			    letters + sizeof(letters) - 1 - len;
			letters[sizeof(letters) - 1] = '\0';
		} else if (f->type == 'B') {
			*(struct ipc_bin *)at(m, f) =
			    (struct ipc_bin){ letters, (uint32_t)len };
		} else {
			set_number(at(m, f), f->type, len ? f->max : 0);
			if (edge == MIDDLE)
				set_number(at(m, f), f->type, f->max / 2);
		}
	}
}

static void
same(const struct ipc_info *info, void *a, void *b)
{
	for (const struct ipc_field *f = info->fields; f->name; f++)
		if (f->type == 's') {
			assert_string_equal(
			    *(char **)at(a, f), *(char **)at(b, f));
		} else if (f->type == 'B') {
			struct ipc_bin *x = at(a, f), *y = at(b, f);

			assert_int_equal(x->sz, y->sz);
			if (x->sz)
				assert_memory_equal(x->addr, y->addr, x->sz);
		} else {
			assert_true(number(at(a, f), f->type) ==
				    number(at(b, f), f->type));
		}
}

/* Calls f for each typed message. */
static void
each(void (*f)(unsigned kind, const struct ipc_info *info))
{
	unsigned n = 0;

	for (unsigned kind = 0; kind < IPC_KIND_END; kind++) {
		const struct ipc_info *info = ipc_info(kind);

		if (info == NULL || info->format == NULL)
			continue;
		assert_true(info->size <= MESSAGE_MAX);
		f(kind, info);
		n++;
	}
	assert_true(n >= 10);
}

static struct ipc_frame
packed(unsigned kind, const void *m, struct ipc_buf *b)
{
	struct ipc_frame f = { .kind = (uint8_t)kind };

	ipc_buf_init(b, 1 << 20);
	assert_int_equal(ipc_msg_pack(kind, m, b), 0);
	f.bytes = b->data;
	f.len = (uint32_t)b->len;
	return f;
}

/* ---- round -------------------------------------------------------------- */

static void
goes_round(unsigned kind, const struct ipc_info *info)
{
	_Alignas(8) char m[MESSAGE_MAX], got[MESSAGE_MAX];

	for (enum edge e = SMALLEST; e <= MIDDLE; e++) {
		struct ipc_buf b;
		struct ipc_frame f;
		const char *why = "", *field = "";

		fill(info, m, e);
		f = packed(kind, m, &b);
		if (ipc_msg_unpack(&f, got, &why, &field) != 0)
			fail_msg("%s: %s (%s)", info->name, why,
			    field ? field : "-");
		same(info, m, got);
		ipc_msg_release(kind, got);
		ipc_msg_release(kind, got); /* twice is harmless */
		ipc_buf_release(&b);
	}
}

static void
every_row_goes_round_with_its_edge_values(void **state)
{
	(void)state;
	each(goes_round);
}

static void
null_is_empty(unsigned kind, const struct ipc_info *info)
{
	_Alignas(8) char m[MESSAGE_MAX] = { 0 }, got[MESSAGE_MAX];
	struct ipc_buf b;
	struct ipc_frame f = packed(kind, m, &b);
	const char *why, *field;

	assert_int_equal(ipc_msg_unpack(&f, got, &why, &field), 0);
	for (const struct ipc_field *fd = info->fields; fd->name; fd++)
		if (fd->type == 's')
			assert_string_equal(*(char **)at(got, fd), "");
	ipc_msg_release(kind, got);
	ipc_buf_release(&b);
}

static void
a_null_string_arrives_as_an_empty_one(void **state)
{
	(void)state;
	each(null_is_empty);
}

static void
cuts(unsigned kind, const struct ipc_info *info)
{
	_Alignas(8) char m[MESSAGE_MAX], got[MESSAGE_MAX];
	char *longer = malloc(9000);
	struct ipc_buf b;
	struct ipc_frame f;
	const char *why, *field;

	assert_non_null(longer);
	memset(longer, 'y', 8999);
	longer[8999] = '\0';
	fill(info, m, SMALLEST);
	for (const struct ipc_field *fd = info->fields; fd->name; fd++)
		if (fd->type == 's')
			*(char **)at(m, fd) = longer;
		else if (fd->type == 'B')
			*(struct ipc_bin *)at(m, fd) =
			    (struct ipc_bin){ longer, 9000 };
	f = packed(kind, m, &b);
	assert_int_equal(ipc_msg_unpack(&f, got, &why, &field), 0);
	for (const struct ipc_field *fd = info->fields; fd->name; fd++)
		if (fd->type == 's')
			assert_int_equal(
			    strlen(*(char **)at(got, fd)), fd->max);
		else if (fd->type == 'B')
			assert_int_equal(
			    ((struct ipc_bin *)at(got, fd))->sz, fd->max);
	ipc_msg_release(kind, got);
	ipc_buf_release(&b);
	free(longer);
}

static void
over_long_text_is_cut_when_it_is_packed(void **state)
{
	(void)state;
	each(cuts);
}

/* ---- out of range -------------------------------------------------------- */

/*
 * Pack with one number over its limit, by changing its bytes in the image:
 * the image's layout is 8 + format + NUL, then the fields in order.
 */
static size_t
field_at(const struct ipc_info *info, const struct ipc_frame *f, size_t index)
{
	size_t pos = 8 + strlen(info->format) + 1;

	for (size_t i = 0; i < index; i++) {
		char t = info->format[i];
		uint32_t len = 0;

		if (t == 's' || t == 'B')
			memcpy(&len, f->bytes + pos, 4);
		pos += t == 'c' ? 1 : t == 'v' ? 2 : t == 'U' ? 8 : 4;
		pos += t == 's' && len ? len - 1 : t == 'B' ? len : 0;
	}
	return pos;
}

static void
numbers_over(unsigned kind, const struct ipc_info *info)
{
	static const size_t widths[128] = {
		['c'] = 1, ['v'] = 2, ['u'] = 4, ['U'] = 8
	};
	_Alignas(8) char m[MESSAGE_MAX], got[MESSAGE_MAX];

	for (size_t i = 0; info->fields[i].name; i++) {
		const struct ipc_field *fd = &info->fields[i];
		size_t width = widths[(unsigned char)fd->type];
		uint64_t over = fd->max + 1, largest;
		struct ipc_buf b;
		struct ipc_frame f;
		const char *why, *field;

		if (width == 0)
			continue;
		largest = UINT64_MAX >> (64 - 8 * width);
		fill(info, m, LARGEST);
		f = packed(kind, m, &b);
		assert_memory_equal(
		    f.bytes + field_at(info, &f, i), at(m, fd), width);
		if (fd->max < largest) {
			memcpy(b.data + field_at(info, &f, i), &over, width);
			assert_int_equal(ipc_msg_unpack(&f, got, &why, &field),
			    IPC_ERR_PROTOCOL);
			assert_string_equal(why, "out of range");
			assert_string_equal(field, fd->name);
			/* and it does not leave our side either */
			set_number(at(m, fd), fd->type, over);
			ipc_buf_clear(&b);
			assert_int_equal(
			    ipc_msg_pack(kind, m, &b), IPC_ERR_INVALID);
			assert_int_equal(b.len, 0);
		}
		ipc_buf_release(&b);
	}
}

static void
a_number_over_its_limit_is_refused_by_name(void **state)
{
	(void)state;
	each(numbers_over);
}

/* A string one byte over its limit, put into the image by hand. */
static void
strings_over(unsigned kind, const struct ipc_info *info)
{
	_Alignas(8) char m[MESSAGE_MAX], got[MESSAGE_MAX];

	for (size_t i = 0; info->fields[i].name; i++) {
		const struct ipc_field *fd = &info->fields[i];
		struct ipc_buf b;
		struct ipc_frame f;
		const char *why, *field;
		size_t pos, room;
		uint32_t len, whole;
		uint8_t *image;

		if (fd->type != 's' && fd->type != 'B')
			continue;
		fill(info, m, SMALLEST);
		f = packed(kind, m, &b);
		pos = field_at(info, &f, i);
		room = f.len + fd->max + 1;
		image = malloc(room);
		memcpy(image, f.bytes, pos);
		len = (uint32_t)fd->max + 1 + (fd->type == 's');
		memcpy(image + pos, &len, 4);
		memset(image + pos + 4, 'z', fd->max + 1);
		memcpy(image + pos + 4 + fd->max + 1, f.bytes + pos + 4,
		    f.len - pos - 4);
		whole = (uint32_t)room;
		memcpy(image + 4, &whole, 4);
		f.bytes = image;
		f.len = whole;
		assert_int_equal(
		    ipc_msg_unpack(&f, got, &why, &field), IPC_ERR_PROTOCOL);
		assert_string_equal(why, "out of range");
		assert_string_equal(field, fd->name);
		free(image);
		ipc_buf_release(&b);
	}
}

static void
text_over_its_limit_is_refused_by_name(void **state)
{
	(void)state;
	each(strings_over);
}

/* ---- images that are none ----------------------------------------------- */

/* Unpack a copy in a block of exactly n bytes, so that a read outside shows. */
static int
try_image(unsigned kind, const uint8_t *bytes, size_t n, const char **why)
{
	_Alignas(8) char got[MESSAGE_MAX];
	uint8_t *p = malloc(n ? n : 1);
	struct ipc_frame f = {
		.kind = (uint8_t)kind, .bytes = p, .len = (uint32_t)n
	};
	const char *field;
	int r;

	if (n)
		memcpy(p, bytes, n);
	r = ipc_msg_unpack(&f, got, why, &field);
	if (r == 0)
		ipc_msg_release(kind, got);
	free(p);
	return r;
}

static void
refused_parts(unsigned kind, const struct ipc_info *info)
{
	_Alignas(8) char m[MESSAGE_MAX];
	struct ipc_buf b;
	const char *why;

	fill(info, m, MIDDLE);
	packed(kind, m, &b);
	for (size_t n = 0; n < b.len; n++) {
		uint32_t len = (uint32_t)n;
		uint8_t kept[4];

		assert_int_equal(
		    try_image(kind, b.data, n, &why), IPC_ERR_PROTOCOL);
		/* the same with a length that says so */
		memcpy(kept, b.data + 4, 4);
		memcpy(b.data + 4, &len, 4);
		assert_int_equal(
		    try_image(kind, b.data, n, &why), IPC_ERR_PROTOCOL);
		memcpy(b.data + 4, kept, 4);
	}
	for (size_t at_byte = 0; at_byte < 8 + strlen(info->format) + 1;
	     at_byte++)
		for (unsigned bit = 0; bit < 8; bit++) {
			b.data[at_byte] ^= (uint8_t)(1u << bit);
			assert_int_equal(try_image(kind, b.data, b.len, &why),
			    IPC_ERR_PROTOCOL);
			b.data[at_byte] ^= (uint8_t)(1u << bit);
		}
	ipc_buf_release(&b);
}

static void
bad_flags_format_length_and_every_cut_are_refused(void **state)
{
	(void)state;
	each(refused_parts);
}

static void
bit_flips(unsigned kind, const struct ipc_info *info)
{
	_Alignas(8) char m[MESSAGE_MAX];
	struct ipc_buf b;
	const char *why;

	fill(info, m, MIDDLE);
	packed(kind, m, &b);
	for (size_t bit = 0; bit < b.len * 8; bit++) {
		/* inside long text nothing depends on the byte */
		if (bit / 8 > 200 && b.data[bit / 8] == 'x' && bit % 8)
			continue;
		b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		try_image(kind, b.data, b.len, &why);
		b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t at_byte = 0; at_byte + 4 <= b.len; at_byte++) {
		uint8_t kept[4];

		if (at_byte > 200 && b.data[at_byte] == 'x')
			continue;
		memcpy(kept, b.data + at_byte, 4);
		memset(b.data + at_byte, 0xff, 4);
		try_image(kind, b.data, b.len, &why);
		memcpy(b.data + at_byte, kept, 4);
	}
	ipc_buf_release(&b);
}

static void
no_flipped_bit_makes_it_crash(void **state)
{
	(void)state;
	each(bit_flips);
}

static void
an_image_over_64_kib_is_refused_before_it_is_looked_at(void **state)
{
	uint8_t *p = calloc(1, IPC_IMAGE_MAX + 1);
	const char *why;

	(void)state;
	assert_int_equal(
	    try_image(IPC_HELLO, p, IPC_IMAGE_MAX + 1, &why), IPC_ERR_PROTOCOL);
	assert_string_equal(why, "its image has a bad size");
	free(p);
}

/* What follows the byte would be seen by nobody. */
static void
a_string_with_a_0_byte_in_it_is_refused(void **state)
{
	struct ipc_listen m = { .url = (char *)(uintptr_t) "line://*:4000" };
	struct ipc_buf b;
	const char *why;

	(void)state;
	ipc_buf_init(&b, 1000);
	assert_int_equal(ipc_msg_pack(IPC_LISTEN, &m, &b), 0);
	b.data[b.len - 5] = '\0';
	assert_int_equal(
	    try_image(IPC_LISTEN, b.data, b.len, &why), IPC_ERR_PROTOCOL);
	assert_string_equal(why, "its image has a 0 byte in a string");
	ipc_buf_release(&b);
}

/* ---- frames, tables, printing -------------------------------------------- */

static void
a_framed_message_is_one_whole_frame(void **state)
{
	struct ipc_listen m = { .url = (char *)(uintptr_t) "line://*:4000" };
	struct ipc_listen got;
	struct ipc_frame f;
	struct ipc_buf b;
	size_t want;
	const char *why, *field;

	(void)state;
	ipc_buf_init(&b, 1000);
	assert_int_equal(ipc_msg_frame(IPC_LISTEN, 7, &m, &b), 0);
	assert_int_equal(
	    ipc_frame_decode(b.data, b.len, IPC_FRAME_MAX, &f, &want, &why),
	    IPC_FRAME);
	assert_int_equal(ipc_frame_size(f.len), b.len);
	assert_int_equal(f.kind, IPC_LISTEN);
	assert_int_equal(f.id, 7);
	assert_int_equal(ipc_msg_unpack(&f, &got, &why, &field), 0);
	assert_string_equal(got.url, "line://*:4000");
	ipc_msg_release(IPC_LISTEN, &got);
	ipc_buf_release(&b);
}

static void
a_full_buffer_stays_as_it_was(void **state)
{
	struct ipc_listen m = { .url = (char *)(uintptr_t) "line://*:4000" };

	(void)state;
	for (size_t max = 0; max < 60; max++) {
		struct ipc_buf b;

		ipc_buf_init(&b, max);
		if (max > 3)
			assert_true(ipc_buf_add(&b, "abc", 3));
		if (ipc_msg_frame(IPC_LISTEN, 7, &m, &b) < 0)
			assert_int_equal(b.len, max > 3 ? 3 : 0);
		ipc_buf_release(&b);
	}
}

static void
every_kind_has_one_direction(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 256; kind++) {
		struct ipc_frame f = { .kind = (uint8_t)kind };
		bool up = ipc_msg_check(&f, IPC_TO_GAME) == NULL;
		bool down = ipc_msg_check(&f, IPC_TO_NETD) == NULL;

		if (ipc_info(kind))
			assert_true(up != down);
		else
			assert_false(up || down);
	}
	assert_null(ipc_info(IPC_KIND_END));
	assert_null(ipc_info(100000));
}

static void
every_reason_and_error_has_words(void **state)
{
	(void)state;
	for (unsigned r = 1; r < IPC_REASON_END; r++) {
		assert_string_not_equal(ipc_reason_name(r), "unknown");
		assert_true(strlen(ipc_reason_text(r)) > 0);
		assert_true(ipc_reason_code(r) >= 1000);
		assert_true(ipc_reason_code(r) < 1016);
	}
	assert_string_equal(ipc_reason_name(0), "unknown");
	assert_string_equal(ipc_reason_name(99999), "unknown");
	assert_string_equal(ipc_reason_text(99999), "unknown reason");
	assert_int_equal(ipc_reason_code(99999), 1000);
	assert_string_equal(ipc_error_name(IPC_ERR_TOO_LONG), "TOO_LONG");
	assert_string_equal(ipc_error_text(IPC_ERR_TIMEOUT), "timed out");
	assert_string_equal(ipc_error_text(3), "no error");
	assert_string_equal(ipc_error_text(-9999), "unknown error");
	assert_string_equal(ipc_error_text(INT32_MIN), "unknown error");
	assert_string_equal(ipc_error_name(INT32_MIN), "UNKNOWN");
}

static void
printed(const struct ipc_frame *f, bool all, const char *want)
{
	struct ipc_buf b;

	ipc_buf_init(&b, 1 << 20);
	assert_true(ipc_msg_print(f, all, &b));
	assert_true(ipc_buf_add(&b, "", 1));
	assert_string_equal((char *)b.data, want);
	ipc_buf_release(&b);
}

static void
prints_one_readable_line(void **state)
{
	struct ipc_frame message = { IPC_MESSAGE, IPC_BINARY, 0, 41,
		(const uint8_t *)"a\n\"\x1b", 4 };
	struct ipc_frame unknown = { 200, 0, 9, UINT64_MAX, NULL, 0 };
	struct ipc_frame broken = { IPC_LISTEN, 0, 0, 1, (const uint8_t *)"tpl",
		3 };
	struct ipc_pressure m = { 1, 70000 };
	struct ipc_buf b;
	struct ipc_frame f = packed(IPC_PRESSURE, &m, &b);

	(void)state;
	printed(&message, false, "MESSAGE id=41 flags=4 \"a\\x0a\\\"\\x1b\"");
	printed(&unknown, false, "KIND_200 id=18446744073709551615 channel=9");
	printed(&broken, false, "LISTEN id=1 \"tpl\"");
	f.id = 5;
	printed(&f, false, "PRESSURE id=5 high=1 queued_bytes=70000");
	ipc_buf_release(&b);
}

static void
prints_at_most_64_bytes_unless_all_are_wanted(void **state)
{
	uint8_t bytes[100];
	struct ipc_frame f = { IPC_MESSAGE, 0, 0, 1, bytes, 100 };
	char want[256];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	memcpy(want, "MESSAGE id=1 \"", 14);
	memset(want + 14, 'x', 64);
	strcpy(want + 14 + 64, "\"... (100 bytes)");
	printed(&f, false, want);
	memset(want + 14, 'x', 100);
	strcpy(want + 14 + 100, "\"");
	printed(&f, true, want);
}

static void
printing_into_a_full_buffer_says_so(void **state)
{
	struct ipc_welcome m = { .netd = (char *)(uintptr_t) "netd" };
	struct ipc_buf b;
	struct ipc_frame f = packed(IPC_WELCOME, &m, &b);
	bool ok = false;

	(void)state;
	for (size_t max = 0; max < 200; max++) {
		struct ipc_buf out;
		bool now;

		ipc_buf_init(&out, max);
		now = ipc_msg_print(&f, false, &out);
		assert_true(now || !ok);
		ok = now;
		ipc_buf_release(&out);
	}
	assert_true(ok);
	ipc_buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_goes_round_with_its_edge_values),
		cmocka_unit_test(a_null_string_arrives_as_an_empty_one),
		cmocka_unit_test(over_long_text_is_cut_when_it_is_packed),
		cmocka_unit_test(a_number_over_its_limit_is_refused_by_name),
		cmocka_unit_test(text_over_its_limit_is_refused_by_name),
		cmocka_unit_test(
		    bad_flags_format_length_and_every_cut_are_refused),
		cmocka_unit_test(no_flipped_bit_makes_it_crash),
		cmocka_unit_test(a_string_with_a_0_byte_in_it_is_refused),
		cmocka_unit_test(
		    an_image_over_64_kib_is_refused_before_it_is_looked_at),
		cmocka_unit_test(a_framed_message_is_one_whole_frame),
		cmocka_unit_test(a_full_buffer_stays_as_it_was),
		cmocka_unit_test(every_kind_has_one_direction),
		cmocka_unit_test(every_reason_and_error_has_words),
		cmocka_unit_test(prints_one_readable_line),
		cmocka_unit_test(prints_at_most_64_bytes_unless_all_are_wanted),
		cmocka_unit_test(printing_into_a_full_buffer_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
