/* links: netd/line_edit.c netd/utf8.c netd/mask.c */
/* netd/line_edit.c: keys to lines, however the bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ipc/width.h"
#include "netd/line_edit.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define S(text) text, sizeof(text) - 1
#define MAX 1000

static struct line_edit e;
static struct ipc_buf got;

static void
begin(bool echo)
{
	line_edit_init(&e, MAX);
	line_edit_echo(&e, echo);
	ipc_buf_init(&got, 1u << 20);
}

static void
end(void)
{
	line_edit_release(&e);
	ipc_buf_release(&got);
}

/* Type; lines go to got as "line|", what else happens as "^C", "^D", "!". */
static void
type(const void *bytes, size_t len)
{
	static const char *const names[] = { [LINE_EDIT_LINE] = "|",
		[LINE_EDIT_TOO_LONG] = "!",
		[LINE_EDIT_BREAK] = "^C",
		[LINE_EDIT_END] = "^D" };
	const uint8_t *p = bytes;

	while (len) {
		size_t used;
		enum line_edit_did did = line_edit_feed(&e, p, len, &used);

		assert_true(used > 0 && used <= len);
		if (did == LINE_EDIT_LINE)
			ipc_buf_add(&got, e.line.data, e.line.len);
		if (did != LINE_EDIT_MORE)
			ipc_buf_printf(&got, "%s", names[did]);
		if (did == LINE_EDIT_TOO_LONG)
			return;
		p += used;
		len -= used;
	}
}

static const struct sample {
	const char *in;
	size_t in_len;
	const char *out; /* the lines */
} plain[] = {
	{ S("look\r\nsay hi\r\n"), "look|say hi|" },
	{ S("look\r\0say hi\r\0"), "look|say hi|" },
	{ S("look\nsay hi\n\n"), "look|say hi||" },
	{ S("look\rsay hi\r\r"), "look|say hi||" },
	{ S("\r\n\r\0\n\r"), "||||" },
	{ S("\r\0\n"), "||" },
	{ S("a\0b\tc\n"), "ab c|" },
	{ S("caf\xc3\xa9 caf\xe9 \xe9\n"),
	    "caf\xc3\xa9 caf\xc3\xa9 \xc3\xa9|" },
	{ S("\xe4\xbd\xa0\xe4\xbd\n"), "\xe4\xbd\xa0\xc3\xa4\xc2\xbd|" },
	{ S("\xed\xa0\x80\n"), "\xc3\xad\xc2\xa0?|" },
	{ S("\xff\xfe\x80\x9b\n"), "\xc3\xbf\xc3\xbe??|" },
	{ S("\xc2\x85 \xc2\x9b\n"), "? ?|" },
	{ S("lokk\b\b\x7fook\n"), "look|" },
	{ S("\x7f\x7fhi\n"), "hi|" },
	{ S("\xe4\xbd\xa0\xe4\xbd\x7f\n"), "\xe4\xbd\xa0|" },
	{ S("e\xcc\x81x\x7f\x7fy\n"), "y|" },
	{ S("go north\x15look\n"), "look|" },
	{ S("say hello  wurld  \x17world\n"), "say hello  world|" },
	{ S("up\x1b[A\x1bOB\x1b[1;5C\x1b[3~down\n"), "updown|" },
	{ S("half\x03whole\n"), "^Cwhole|" },
	{ S("x\x04\n\x04"), "x|^D" },
	{ S("\x01\x02\x05\x06\x0b\x0e\x10\x1a\x1c\n"), "|" },
};

static void
lines_come_out_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(plain); i++)
		for (size_t cut = 0; cut <= plain[i].in_len; cut++) {
			begin(false);
			type(plain[i].in, cut);
			type(plain[i].in + cut, plain[i].in_len - cut);
			ipc_buf_add(&got, "", 1);
			assert_string_equal(got.data, plain[i].out);
			assert_int_equal(e.drawn.len, 0);
			end();
		}
}

static const struct {
	const char *keys;
	size_t len;
	const char *lines, *drawn;
} drawn[] = {
	{ S("hi\r"), "hi|", "hi\r\n" },
	{ S("hx\x7fi\r"), "hi|", "hx\b \bi\r\n" },
	{ S("ac\x1b[Db\r"), "abc|", "ac\bbc\b\r\n" },
	{ S("ab\x1b[D\x1b[D\x1b[3~\r"), "b|", "ab\b\bb \b\b\r\n" },
	{ S("abc\x01\x05\r"), "abc|", "abc\b\b\babc\r\n" },
	{ S("a b\x17\r"), "a |", "a b\b \b\r\n" },
	{ S("ab\x15\r"), "|", "ab\b\b  \b\b\r\n" },
	{ S("abc\x1b[H\x0b\r"), "|", "abc\b\b\b   \b\b\b\r\n" },
	/* A wide character is two columns, a mark none. */
	{ S("\xe4\xbd\xa0\x7f\r"), "|", "\xe4\xbd\xa0\b\b  \b\b\r\n" },
	{ S("\xe4\xbd\xa0x\x02\x02\r"), "\xe4\xbd\xa0x|",
	    "\xe4\xbd\xa0x\b\b\b\r\n" },
	{ S("e\xcc\x81\x7f\r"), "|", "e\xcc\x81\b \b\r\n" },
	{ S("no\x03yes\r"), "^Cyes|", "no^C\r\nyes\r\n" },
	{ S("ab\x1b[D\x04\r\x04"), "a|^D", "ab\b \b\r\n" },
	/* History: up, up, down, down. */
	{ S("a\rb\r\x1b[A\x1b[A\r"), "a|b|a|", "a\r\nb\r\nb\b \ba\r\n" },
	{ S("a\rb\r\x1bOA\x1bOA\x1bOA\x1bOB\r"), "a|b|b|",
	    "a\r\nb\r\nb\b \ba\b \bb\r\n" },
	{ S("a\r\x10\x0e\r"), "a||", "a\r\na\b \b\r\n" },
	{ S("a\ra\r\x10\x10x\r"), "a|a|ax|", "a\r\na\r\nax\r\n" },
};

static void
keys_are_drawn_as_a_terminal_shows_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(drawn); i++)
		for (size_t cut = 0; cut <= drawn[i].len; cut++) {
			begin(true);
			type(drawn[i].keys, cut);
			type(drawn[i].keys + cut, drawn[i].len - cut);
			ipc_buf_add(&got, "", 1);
			ipc_buf_add(&e.drawn, "", 1);
			assert_string_equal(got.data, drawn[i].lines);
			if (cut == 0 || cut == drawn[i].len)
				assert_string_equal(
				    e.drawn.data, drawn[i].drawn);
			end();
		}
}

static void
a_password_is_neither_drawn_nor_remembered(void **state)
{
	(void)state;
	begin(true);
	type(S("a\r"));
	e.hidden = true;
	type(S("secreT\x7ft\r"));
	e.hidden = false;
	type(S("\x10\r"));
	ipc_buf_add(&e.drawn, "", 1);
	ipc_buf_add(&got, "", 1);
	assert_string_equal(e.drawn.data, "a\r\n\r\na\r\n");
	assert_string_equal(got.data, "a|secret|a|");
	end();
}

static void
a_line_over_the_limit_is_refused(void **state)
{
	char line[MAX + 1];

	(void)state;
	memset(line, 'x', sizeof(line));
	begin(false);
	type(line, MAX);
	type("\n", 1);
	assert_int_equal(got.len, MAX + 1);
	type(line, MAX + 1);
	assert_int_equal(got.data[got.len - 1], '!');
	end();
	/* Latin-1 grows. */
	memset(line, '\xe9', sizeof(line));
	begin(false);
	type(line, MAX / 2);
	assert_int_equal(got.len, 0);
	type(line, 2);
	assert_string_equal((ipc_buf_add(&got, "", 1), (char *)got.data), "!");
	end();
}

static void
a_drawn_line_ends_at_its_own_limit_with_a_bell(void **state)
{
	char keys[LINE_EDIT_DRAWN + 5];

	(void)state;
	memset(keys, 'x', sizeof(keys));
	begin(true);
	type(keys, sizeof(keys));
	assert_int_equal(e.line.len, LINE_EDIT_DRAWN);
	assert_int_equal(e.drawn.len, LINE_EDIT_DRAWN + 5);
	assert_memory_equal(e.drawn.data + LINE_EDIT_DRAWN, "\a\a\a\a\a", 5);
	end();
}

static void
no_more_is_drawn_than_the_budget(void **state)
{
	char keys[LINE_EDIT_DRAWN];

	(void)state;
	memset(keys, 'x', sizeof(keys));
	begin(true);
	e.budget = 5000;
	type(keys, sizeof(keys));
	for (int i = 0; i < 1000; i++)
		type("\x01\x05", 2);
	assert_true(e.drawn.len > 4000 && e.drawn.len <= 5000);
	type(S("\r"));
	assert_int_equal(got.len, LINE_EDIT_DRAWN + 1);
	end();
}

static void
what_was_typed_is_drawn_again_under_a_message(void **state)
{
	(void)state;
	begin(true);
	line_edit_redraw(&e);
	type(S("abc\x1b[D"));
	assert_true(line_edit_typed(&e));
	ipc_buf_clear(&e.drawn);
	line_edit_redraw(&e);
	ipc_buf_add(&e.drawn, "", 1);
	assert_string_equal(e.drawn.data, "abc\b");
	type(S("\r"));
	assert_false(line_edit_typed(&e));
	end();
}

static void
characters_have_the_width_of_a_terminal(void **state)
{
	(void)state;
	assert_int_equal(ipc_width('a'), 1);
	assert_int_equal(ipc_width(0xe9), 1);
	assert_int_equal(ipc_width(0x301), 0);
	assert_int_equal(ipc_width(0x200d), 0);
	assert_int_equal(ipc_width(0x4f60), 2);
	assert_int_equal(ipc_width(0xff21), 2);
	assert_int_equal(ipc_width(0x1f600), 2);
	assert_int_equal(ipc_width(0x20000), 2);
	assert_int_equal(ipc_width(0x2500), 1);
	assert_int_equal(ipc_width(0xe0100), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_out_at_every_cut),
		cmocka_unit_test(keys_are_drawn_as_a_terminal_shows_them),
		cmocka_unit_test(a_password_is_neither_drawn_nor_remembered),
		cmocka_unit_test(a_line_over_the_limit_is_refused),
		cmocka_unit_test(
		    a_drawn_line_ends_at_its_own_limit_with_a_bell),
		cmocka_unit_test(no_more_is_drawn_than_the_budget),
		cmocka_unit_test(what_was_typed_is_drawn_again_under_a_message),
		cmocka_unit_test(characters_have_the_width_of_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
