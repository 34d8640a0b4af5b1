/* ipc/log.c: whole lines, nothing raw in them whoever it came from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipc/log.h"

/* What a call writes to descriptor 2, as a string in out. */
#define WRITTEN(out, call)                                 \
	do {                                               \
		int pipe_[2], saved_ = dup(2);             \
		ssize_t n_;                                \
                                                           \
		assert_int_equal(pipe(pipe_), 0);          \
		dup2(pipe_[1], 2);                         \
		close(pipe_[1]);                           \
		fcntl(pipe_[0], F_SETFL, O_NONBLOCK);      \
		call;                                      \
		dup2(saved_, 2);                           \
		close(saved_);                             \
		n_ = read(pipe_[0], out, sizeof(out) - 1); \
		close(pipe_[0]);                           \
		(out)[n_ < 0 ? 0 : n_] = '\0';             \
	} while (0)

static void
a_line_says_when_who_and_what(void **state)
{
	char out[4096];
	unsigned year;

	(void)state;
	ipc_log_init("netd", IPC_LOG_INFO);
	WRITTEN(
	    out, ipc_log(IPC_LOG_INFO, "closed", "conn=%d why=%s", 4, "slow"));
	assert_int_equal(sscanf(out, "%4u-", &year), 1);
	assert_string_equal(out + strlen("2026-11-21T04:30:00.123"),
	    " netd closed conn=4 why=slow\n");
	WRITTEN(out, ipc_log(IPC_LOG_ERROR, "x", "a=%d", 1));
	assert_non_null(strstr(out, " netd error x a=1\n"));
	WRITTEN(out, ipc_log(IPC_LOG_DEBUG, "x", "a=%d", 1));
	assert_string_equal(out, "");
}

/* Of eight bits too; letters of any language stay. */
static void
nothing_that_controls_a_terminal_gets_through(void **state)
{
	static const char *const bad[] = { "\x9b"
					   "2J",
		"\xc2\x9b"
		"2J",
		"\x80", "\xff\xfe", "\xc0\x9b", "\xe2\x82", "\xc3" };
	char out[4096];

	(void)state;
	ipc_log_init("netd", IPC_LOG_INFO);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		WRITTEN(out, ipc_log(IPC_LOG_WARN, "x", "a=%s", bad[i]));
		for (char *p = out; *p; p++)
			assert_true((unsigned char)*p < 0x7f);
	}
	WRITTEN(out, ipc_log(IPC_LOG_WARN, "x", "a=%s",
			 "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"));
	assert_non_null(strstr(
	    out, "a=gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\n"));
}

/* A player chooses the text of a close: it is no key and no value. */
static void
what_stands_between_quotes_stays_there(void **state)
{
	char out[64], full[16];

	(void)state;
	assert_string_equal(ipc_log_inside("bye\" why=fake x=\"", out, 64),
	    "bye\\x22 why=fake x=\\x22");
	assert_string_equal(ipc_log_inside("a\\", out, 64), "a\\x5c");
	assert_string_equal(ipc_log_inside("tsch\xc3\xbc\xc3\x9f", out, 64),
	    "tsch\xc3\xbc\xc3\x9f");
	assert_string_equal(ipc_log_inside("", out, 64), "");
	assert_string_equal(
	    ipc_log_inside("0123456789abcdefgh", full, 16), "012345678...");
	assert_string_equal(
	    ipc_log_inside("01234567\xe2\x82\xac.", full, 16), "01234567...");
	assert_string_equal(
	    ipc_log_inside("\"\"\"\"\"", full, 16), "\\x22\\x22\\x22...");
}

static void
a_forgotten_quote_lets_no_control_byte_through(void **state)
{
	char out[4096];

	(void)state;
	ipc_log_init("netd", IPC_LOG_INFO);
	WRITTEN(out, ipc_log(IPC_LOG_WARN, "x", "a=%s", "1\n2\x1b[2J\r\x7f"));
	for (size_t i = 0; i + 1 < strlen(out); i++)
		assert_true(out[i] >= 0x20 && out[i] != 0x7f);
	assert_int_equal(out[strlen(out) - 1], '\n');
}

static void
an_over_long_line_is_cut_and_still_a_line(void **state)
{
	char out[8192], big[5000];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	ipc_log_init("netd", IPC_LOG_INFO);
	WRITTEN(out, ipc_log(IPC_LOG_INFO, "big", "a=%s", big));
	assert_true(strlen(out) > 1000 && strlen(out) <= 2048);
	assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
}

static const struct {
	const char *in;
	size_t n;
	const char *out;
} quotes[] = {
	{ "look", 4, "look" },
	{ "", 0, "\"\"" },
	{ "say hi", 6, "\"say hi\"" },
	{ "a\nb", 3, "a\\x0ab" },
	{ "\x1b[2J", 4, "\\x1b[2J" },
	{ "\"\\", 2, "\\x22\\x5c" },
	{ "\0", 1, "\\x00" },
	{ "\xc3\xa4", 2, "\\xc3\\xa4" },
	{ "a fake=1", 8, "\"a fake=1\"" },
};

static void
quotes_whatever_came_from_outside(void **state)
{
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++)
		assert_string_equal(
		    ipc_log_quote(quotes[i].in, quotes[i].n, out, sizeof(out)),
		    quotes[i].out);
}

/* Each size gets a block of exactly that size: a sanitizer sees one more. */
static void
quoting_stays_inside_every_size(void **state)
{
	static const char *const ins[] = { "plain text with spaces in it",
		"nospacesatallinthisonehere!",
		"\x01\x02\x03\x04\x05\x06\x07\x08 \x01\x02\x03\x04" };

	(void)state;
	for (size_t k = 0; k < 3; k++)
		for (size_t n = 0; n <= strlen(ins[k]); n++)
			for (size_t size = 0; size < 80; size++) {
				char *out = malloc(size + 1);

				out[size] = '~';
				ipc_log_quote(ins[k], n, out, size);
				assert_int_equal(out[size], '~');
				if (size)
					assert_true(strlen(out) < size);
				free(out);
			}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_says_when_who_and_what),
		cmocka_unit_test(nothing_that_controls_a_terminal_gets_through),
		cmocka_unit_test(
		    a_forgotten_quote_lets_no_control_byte_through),
		cmocka_unit_test(what_stands_between_quotes_stays_there),
		cmocka_unit_test(an_over_long_line_is_cut_and_still_a_line),
		cmocka_unit_test(quotes_whatever_came_from_outside),
		cmocka_unit_test(quoting_stays_inside_every_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
