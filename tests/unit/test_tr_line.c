/* links: netd/tr_line.c netd/tr_unix.c netd/utf8.c netd/config.c */
/* links: netd/mask.c */
/* netd/tr_line.c: lines to messages and back, however the bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_client.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define S(text) text, sizeof(text) - 1
#define MAX 16

static const struct sample samples[] = {
	{ S("look\nsay hi\n\ngo no"), S("look|say hi||") },
	{ S("look\r\nsay hi\r\n\r\ngo"), S("look|say hi||") },
	{ S("\n\r\n\n"), S("|||") },
	{ S("a\rb\n"), S("a\rb|") },
	{ S("a\r\r\n\r\r\n"), S("a\r|\r|") },
	{ S("\r"), S("") },
	{ S("nul\0nul\n"), S("nul\0nul|") },
	{ S("\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x8d\n"),
	    S("\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x8d|") },
	{ S("\xff\n\xc3\n\xa4\n"), S("#\xff|#\xc3|#\xa4|") },
	{ S("\xed\xa0\x80\n\xc0\x80\nok\n"), S("#\xed\xa0\x80|#\xc0\x80|ok|") },
	{ S("0123456789abcdef\n0123456789abcdef\r\nx\n"),
	    S("0123456789abcdef|0123456789abcdef|x|") },
};

static void
lines_become_messages(void **state)
{
	(void)state;
	assert_whole(&tr_line, samples, COUNT(samples), MAX);
}

static void
feeds_the_same_at_every_cut(void **state)
{
	(void)state;
	assert_at_every_cut(&tr_line, samples, COUNT(samples), MAX);
}

static void
feeds_the_same_byte_by_byte(void **state)
{
	(void)state;
	assert_byte_by_byte(&tr_unix, samples, COUNT(samples), MAX);
}

static void
a_line_over_the_limit_is_refused_at_every_cut(void **state)
{
	static const char *const bad[] = { "ok\n0123456789abcdefg\n",
		"ok\n0123456789abcdefg\r\n", "ok\n0123456789abcdefgh",
		"ok\n0123456789abcdef\rg" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		for (size_t cut = 0; cut <= strlen(bad[i]); cut++) {
			int r;

			fake_init(&tr_line, MAX);
			r = fake_arrive(bad[i], cut);
			if (r == 0)
				r = fake_arrive(
				    bad[i] + cut, strlen(bad[i]) - cut);
			assert_int_equal(r, -IPC_REASON_TOO_LONG);
			assert_got(S("ok|"));
			fake_release();
		}
}

static void
no_more_than_the_limit_is_kept_of_an_endless_line(void **state)
{
	int r = 0;
	size_t n = 0;

	(void)state;
	fake_init(&tr_line, MAX);
	for (; n < 1000 && r == 0; n++)
		r = fake_arrive("x", 1);
	assert_int_equal(r, -IPC_REASON_TOO_LONG);
	assert_int_equal(n, MAX + 1);
	fake_release();
}

static void
stops_behind_the_message_after_which_the_game_is_behind(void **state)
{
	(void)state;
	fake_init(&tr_line, MAX);
	fake.stop_at = 2;
	assert_int_equal(fake_arrive(S("one\ntwo\r\nthree\nfo")), 0);
	assert_got(S("one|two|"));
	assert_int_equal(fake.in.len, strlen("three\nfo"));
	fake.stop_at = 0;
	assert_int_equal(fake_arrive(S("ur\n")), 0);
	assert_got(S("one|two|three|four|"));
	fake_release();
}

static void
a_message_is_sent_with_one_newline(void **state)
{
	static const uint8_t in[] = "two\nlines";
	uint8_t out[sizeof(in)];

	(void)state;
	assert_int_equal(tr_line.encode_max(9), 10);
	assert_int_equal(tr_line.encode(false, IPC_TEXT, in, 9, out), 10);
	assert_memory_equal(out, "two\nlines\n", 10);
	assert_int_equal(tr_line.encode(true, IPC_BINARY, NULL, 0, out), 1);
	assert_int_equal(out[0], '\n');
}

static void
a_goodbye_is_the_last_line_and_waits_for_no_answer(void **state)
{
	(void)state;
	fake_init(&tr_line, MAX);
	assert_false(
	    tr_line.goodbye(&fake.c, IPC_REASON_SHUTDOWN, "bye now", 7));
	assert_int_equal(fake.out.len, 8);
	assert_memory_equal(fake.out.data, "bye now\n", 8);
	assert_false(tr_line.goodbye(&fake.c, IPC_REASON_LEFT, "", 0));
	assert_int_equal(fake.out.len, 8);
	fake_release();
}

static void
unix_differs_in_where_it_listens_alone(void **state)
{
	(void)state;
	assert_true(tr_unix.is_unix);
	assert_false(tr_line.is_unix);
	assert_ptr_equal(tr_unix.feed, tr_line.feed);
	assert_ptr_equal(tr_unix.encode, tr_line.encode);
	assert_string_equal(tr_unix.name, "unix");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_become_messages),
		cmocka_unit_test(feeds_the_same_at_every_cut),
		cmocka_unit_test(feeds_the_same_byte_by_byte),
		cmocka_unit_test(a_line_over_the_limit_is_refused_at_every_cut),
		cmocka_unit_test(
		    no_more_than_the_limit_is_kept_of_an_endless_line),
		cmocka_unit_test(
		    stops_behind_the_message_after_which_the_game_is_behind),
		cmocka_unit_test(a_message_is_sent_with_one_newline),
		cmocka_unit_test(
		    a_goodbye_is_the_last_line_and_waits_for_no_answer),
		cmocka_unit_test(unix_differs_in_where_it_listens_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
