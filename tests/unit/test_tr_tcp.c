/* links: netd/tr_tcp.c netd/config.c tests/lib/no_resume.c */
/* netd/tr_tcp.c: length and bytes to messages and back. */
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
	{ S("\0\0\0\4look"), S("#look|") },
	{ S("\0\0\0\0"), S("#|") },
	{ S("\0\0\0\0\0\0\0\1x\0\0\0\0"), S("#|#x|#|") },
	{ S("\0\0\0\3\0\n\xff\0\0\0\2go"), S("#\0\n\xff|#go|") },
	{ S("\0\0\0\20"
	    "0123456789abcdef"
	    "\0\0\0\5half"),
	    S("#0123456789abcdef|") },
	{ S("\0\0\0"), S("") },
};

static void
frames_become_messages(void **state)
{
	(void)state;
	assert_whole(&tr_tcp, samples, COUNT(samples), MAX);
}

static void
feeds_the_same_at_every_cut(void **state)
{
	(void)state;
	assert_at_every_cut(&tr_tcp, samples, COUNT(samples), MAX);
}

static void
feeds_the_same_byte_by_byte(void **state)
{
	(void)state;
	assert_byte_by_byte(&tr_tcp, samples, COUNT(samples), MAX);
}

static void
a_length_over_the_limit_is_refused_at_its_last_byte(void **state)
{
	static const char bad[][5] = { "\0\0\0\21", "\1\0\0\0",
		"\xff\xff\xff\xff", "\x80\0\0\1" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		fake_init(&tr_tcp, MAX);
		assert_int_equal(fake_arrive(S("\0\0\0\2ok")), 0);
		assert_int_equal(fake_arrive(bad[i], 3), 0);
		assert_int_equal(
		    fake_arrive(bad[i] + 3, 1), -IPC_REASON_TOO_LONG);
		assert_got(S("#ok|"));
		fake_release();
	}
}

static void
stops_behind_the_message_after_which_the_game_is_behind(void **state)
{
	(void)state;
	fake_init(&tr_tcp, MAX);
	fake.stop_at = 1;
	assert_int_equal(fake_arrive(S("\0\0\0\1a\0\0\0\1b\0\0")), 0);
	assert_got(S("#a|"));
	assert_int_equal(fake.in.len, 7);
	fake.stop_at = 0;
	assert_int_equal(fake_arrive(S("\0\1c")), 0);
	assert_got(S("#a|#b|#c|"));
	fake_release();
}

static void
what_is_sent_is_what_is_understood(void **state)
{
	static uint8_t in[70000], out[70004];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 7);
	for (size_t len = 0; len <= sizeof(in); len = len * 3 + 1) {
		fake_init(&tr_tcp, sizeof(in));
		assert_int_equal(tr_tcp.encode_max(len), len + 4);
		assert_int_equal(
		    tr_tcp.encode(false, IPC_BINARY, in, len, out), len + 4);
		assert_int_equal(out[1], len >> 16);
		assert_int_equal(out[3], len & 0xff);
		assert_int_equal(fake_arrive(out, len + 4), 0);
		assert_int_equal(fake.got.len, len + 2);
		assert_memory_equal(fake.got.data + 1, in, len);
		fake_release();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_become_messages),
		cmocka_unit_test(feeds_the_same_at_every_cut),
		cmocka_unit_test(feeds_the_same_byte_by_byte),
		cmocka_unit_test(
		    a_length_over_the_limit_is_refused_at_its_last_byte),
		cmocka_unit_test(
		    stops_behind_the_message_after_which_the_game_is_behind),
		cmocka_unit_test(what_is_sent_is_what_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
