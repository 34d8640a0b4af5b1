/*
 * test_typing.c - gamecore/keys.c: for a player at a terminal, single keys make
 * the line that anybody else types.
 */
/* links: gamecore/?*.c */
#include "gamecore/core.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_netd.h"

static struct fake n;
static char story[2048];

static int
setup(void **state)
{
	char transport[] = "tty", peer[] = "tty";
	struct ipc_opened m = { .listener = 1,
		.uid = UINT32_MAX,
		.transport = transport,
		.peer = peer };

	(void)state;
	story[0] = '\0';
	fake_ready(&n);
	say_msg(&n, IPC_OPENED, 5, &m);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fake_release(&n);
	return 0;
}

static void
type(const char *const *keys)
{
	for (; *keys; keys++)
		say_text(&n, IPC_MESSAGE, 5, *keys);
}

static int
three_lines(struct gc_session *s, void *arg)
{
	char line[8];
	ssize_t r;

	(void)arg;
	for (int i = 0; i < 3; i++) {
		size_t at = strlen(story);

		r = i == 1 ? gc_ask_hidden(s, "?", line, sizeof(line))
			   : gc_readline(s, line, sizeof(line));
		snprintf(story + at, sizeof(story) - at, "%zd %s|", r,
		    r < 0 ? "" : line);
	}
	return 0;
}

static void
serve(void)
{
	say_raw(&n, IPC_STOP, 0, 0, 100, NULL, 0);
	tell(&n);
	assert_int_equal(gc_serve(n.net, three_lines, NULL), 0);
	assert_int_equal(gc_flush(n.net), 0);
}

/* Is there a frame of the game with this text? */
static bool
drew(const char *text)
{
	const char *line;

	while (*(line = hear(&n)))
		if (strstr(line, text))
			return true;
	return false;
}

static void
keys_make_lines(void **state)
{
	static const char *const keys[] = { "a", "x", "\x7f", "\x1b[A", "b",
		"\x01", "\t", "\r", "s", "e", "\r", "o", "n", "e", " ", "t",
		"w", "\x17", "x", "\r", NULL };

	(void)state;
	type(keys);
	serve();
	assert_string_equal(story, "2 ab|2 se|5 one x|");
	assert_true(drew("SEND id=5 \"\\x1b[G\\x1b[Kab\""));
	assert_true(drew("SEND id=5 \"\\x1b[G\\x1b[Kab\\x0a\""));
	/* A password is not drawn. */
	assert_true(drew("SEND id=5 \"\\x1b[G\\x1b[K\""));
	assert_false(drew("\\x1b[Ks"));
}

static void
a_line_is_cut_where_it_ends_and_between_characters(void **state)
{
	static const char *const keys[] = { "1", "2", "3", "4", "5", "\xc3\xa4",
		"6", "7", "\r", "\xc3\xa4", "\xe2\x82\xac", "\b", "\b", "\b",
		"\r", "x", "y", "\x15", "z", "\n", NULL };

	(void)state;
	type(keys);
	serve();
	assert_string_equal(story, "9 12345\xc3\xa4|0 |1 z|");
}

static int
wants_keys(struct gc_session *s, void *arg)
{
	struct gc_wait w = { .what = GC_FOR_MESSAGE };

	(void)arg;
	/* A line first, by the call that waits for several things. */
	for (int i = 0; i < 4; i++) {
		size_t at = strlen(story);

		if (i == 1)
			assert_int_equal(gc_session_keys(s, true), 0);
		if (i == 3)
			assert_int_equal(gc_session_keys(s, false), 0);
		assert_int_equal(gc_wait(s, &w, -1), GC_FOR_MESSAGE);
		snprintf(
		    story + at, sizeof(story) - at, "%zu %s|", w.len, w.text);
	}
	return 0;
}

static void
whoever_wants_keys_gets_keys(void **state)
{
	static const char *const keys[] = { "a", "b", "\r", "\x1b[A", "x", "y",
		"z", "\r", NULL };

	(void)state;
	type(keys);
	say_raw(&n, IPC_STOP, 0, 0, 100, NULL, 0);
	tell(&n);
	assert_int_equal(gc_serve(n.net, wants_keys, NULL), 0);
	assert_string_equal(story, "2 ab|3 \x1b[A|1 x|2 yz|");
}

static void
an_endless_line_is_bounded(void **state)
{
	int nobody = open("/dev/null", O_WRONLY);

	(void)state;
	/* What is drawn is more than a pipe holds. */
	assert_true(dup2(nobody, n.net->down) >= 0);
	close(nobody);
	for (int i = 0; i < 300; i++)
		say_text(&n, IPC_MESSAGE, 5, "\xc3\xa4");
	say_text(&n, IPC_MESSAGE, 5, "\r");
	say_raw(&n, IPC_CLOSED, 0, GC_LEFT, 5, NULL, 0);
	serve();
	assert_string_equal(story, "510 \xc3\xa4\xc3\xa4\xc3\xa4|-2 |-2 |");
}

static void
who_leaves_in_the_middle_has_left(void **state)
{
	static const char *const keys[] = { "a", "b", NULL };

	(void)state;
	type(keys);
	say_raw(&n, IPC_CLOSED, 0, GC_LEFT, 5, NULL, 0);
	serve();
	assert_string_equal(story, "-2 |-2 |-2 |");
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(keys_make_lines),
		CASE(a_line_is_cut_where_it_ends_and_between_characters),
		CASE(whoever_wants_keys_gets_keys),
		CASE(an_endless_line_is_bounded),
		CASE(who_leaves_in_the_middle_has_left),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
