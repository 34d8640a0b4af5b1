/* links: gamecore/?*.c */
/*
 * gamecore/terminal.c: what a game says and hears of terminals, against a netd
 * that is written beforehand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_netd.h"

static void
names_of_out_of_band_messages_are_checked(void **state)
{
	static const struct {
		const char *json, *name, *said;
		int answer;
	} rows[] = {
		{ "{\"a\":1}", "Char.Vitals",
		    "SEND_SIDE id=7 \"Char.Vitals {\\\"a\\\":1}\"", 0 },
		{ NULL, "a", "SEND_SIDE id=7 \"a\"", 0 },
		{ "", "A-1.b_2", "SEND_SIDE id=7 \"A-1.b_2\"", 0 },
		{ NULL, "", "", GC_EINVALID },
		{ NULL, "1a", "", GC_EINVALID },
		{ NULL, "a.", "", GC_EINVALID },
		{ NULL, ".a", "", GC_EINVALID },
		{ NULL, "a..b", "", GC_EINVALID },
		{ NULL, "a b", "", GC_EINVALID },
		{ NULL, "\xc3\xa4", "", GC_EINVALID },
		{ NULL,
		    "a2345678901234567890123456789012"
		    "345678901234567890123456789012345",
		    "", GC_EINVALID },
	};
	struct gc_event ev;
	struct fake n;

	(void)state;
	fake_init(&n);
	say_welcome(&n, IPC_VERSION, 1);
	say_opened(&n, 7, 0, "peer");
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), 0);
	gc_flush(n.net);
	while (hear(&n)[0])
		;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(gc_side(n.net, 7, rows[i].name, rows[i].json),
		    rows[i].answer);
		gc_flush(n.net);
		assert_string_equal(hear(&n), rows[i].said);
		while (hear(&n)[0])
			;
	}
	fake_release(&n);
}

static void
what_a_terminal_can_do_comes_with_events(void **state)
{
	static const uint16_t size[2] = { 80, 24 };
	struct gc_terminal t;
	struct gc_event ev;
	struct fake n;

	(void)state;
	fake_init(&n);
	say_welcome(&n, IPC_VERSION, 1);
	say_opened(&n, 7, 0, "peer");
	say_raw(&n, IPC_ABLE, 0, 3 | 4 | 8 | 16, 7, NULL, 0);
	say_raw(&n, IPC_RESIZED, 0, 0, 7, size, sizeof(size));
	say_text(&n, IPC_SIDE, 7, "Char.Login {\"name\":\"al\"}");
	say_text(&n, IPC_SIDE, 7, "Char.Logins");
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(gc_terminal(n.net, 8, &t), GC_ECLOSED);
	assert_int_equal(gc_terminal(n.net, 7, &t), 0);
	assert_true(t.utf8 && t.colours == 0 && t.columns == 0 && !t.side);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.kind, GC_ABLE);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.kind, GC_RESIZE);
	assert_int_equal(gc_terminal(n.net, 7, &t), 0);
	assert_int_equal(t.colours, 1 << 24);
	assert_true(t.utf8 && t.reader && t.side && !t.edits);
	assert_true(t.columns == 80 && t.rows == 24);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.kind, GC_SIDE);
	assert_true(gc_side_is(ev.text, "char.login"));
	assert_false(gc_side_is(ev.text, "Char.Log"));
	assert_string_equal(gc_side_json(ev.text), "{\"name\":\"al\"}");
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_false(gc_side_is(ev.text, "char.login"));
	assert_string_equal(gc_side_json(ev.text), "");
	fake_release(&n);
}

static void
a_players_words_are_escaped(void **state)
{
	char out[8];

	(void)state;
	assert_string_equal(gc_escape("a{b}", out, sizeof(out)), "a{{b}");
	assert_string_equal(gc_escape("\x1b[31m", out, sizeof(out)), "?[31m");
	assert_string_equal(gc_escape("123456{", out, sizeof(out)), "123456");
	assert_string_equal(gc_escape("12345{", out, sizeof(out)), "12345{{");
	assert_string_equal(
	    gc_escape("12345\xe4\xbd\xa0", out, sizeof(out)), "12345");
	assert_string_equal(gc_escape("1234\xe4\xbd\xa0", out, sizeof(out)),
	    "1234\xe4\xbd\xa0");
	assert_string_equal(gc_escape("1234567", out, 1), "");
}

#define MANUAL                                               \
	"{pre}{red}one\n  two\n{bold}three\nfour{/}\nfive\n" \
	"six\n{/}seven\n"

static int
reader(struct gc_session *s, void *arg)
{
	char line[8];

	(void)arg;
	gc_markup(gc_session_net(s), true);
	/* By then its window is known. */
	gc_readline(s, line, sizeof(line));
	gc_page(s, MANUAL);
	gc_say(s, "done");
	gc_readline(s, line, sizeof(line));
	gc_page(s, MANUAL);
	gc_say(s, "enough");
	return gc_ask_hidden(s, "Word:", line, sizeof(line)) < 0;
}

/* What the game said to its player, one after the other. */
static void
said(struct fake *n, const char *text)
{
	char want[256];
	const char *line;

	snprintf(want, sizeof(want), "%s", text);
	while (strncmp(line = hear(n), "SEND ", 5) != 0 &&
	       strncmp(line, "HIDE_INPUT ", 11) != 0)
		assert_string_not_equal(line, "");
	assert_string_equal(line, want);
}

static void
a_long_text_comes_by_the_screen_and_keeps_its_colours(void **state)
{
	static const uint16_t size[2] = { 20, 4 };
	struct fake n;

	(void)state;
	fake_ready(&n);
	say_opened(&n, 7, 0, "peer");
	say_raw(&n, IPC_RESIZED, 0, 0, 7, size, sizeof(size));
	say_text(&n, IPC_MESSAGE, 7, "read");
	say_text(&n, IPC_MESSAGE, 7, "");
	say_text(&n, IPC_MESSAGE, 7, "");
	say_text(&n, IPC_MESSAGE, 7, "again");
	say_text(&n, IPC_MESSAGE, 7, "q");
	say_text(&n, IPC_MESSAGE, 7, "sesame");
	tell(&n);
	hang_up(&n);
	assert_int_equal(gc_serve(n.net, reader, NULL), GC_ENETD_GONE);
	said(&n, "SEND id=7 flags=8 "
		 "\"{pre}{red}one\\x0a  two\\x0a{bold}three\\x0a\"");
	said(&n, "SEND id=7 flags=8 \"--More--\"");
	said(&n, "SEND id=7 flags=8 "
		 "\"{red}{bold}{pre}four{/}\\x0afive\\x0asix\\x0a\"");
	said(&n, "SEND id=7 flags=8 \"--More--\"");
	said(&n, "SEND id=7 flags=8 \"{red}{pre}{/}seven\\x0a\"");
	said(&n, "SEND id=7 flags=8 \"done\"");
	said(&n, "SEND id=7 flags=8 "
		 "\"{pre}{red}one\\x0a  two\\x0a{bold}three\\x0a\"");
	said(&n, "SEND id=7 flags=8 \"--More--\"");
	said(&n, "SEND id=7 flags=8 \"enough\"");
	said(&n, "SEND id=7 flags=8 \"Word:\"");
	said(&n, "HIDE_INPUT id=7 channel=1");
	said(&n, "HIDE_INPUT id=7");
	fake_release(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_out_of_band_messages_are_checked),
		cmocka_unit_test(what_a_terminal_can_do_comes_with_events),
		cmocka_unit_test(a_players_words_are_escaped),
		cmocka_unit_test(
		    a_long_text_comes_by_the_screen_and_keeps_its_colours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
