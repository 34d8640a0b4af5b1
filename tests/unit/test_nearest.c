/* ipc/nearest.c: a slip is understood, a guess is not made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ipc/nearest.h"

static const char *
nearest(const char *asked)
{
	static const char *const words[] = { "idle", "message", "resume",
		"loss", "delay", "www", "seed", "speak", "hard_bytes" };
	static char out[100];
	struct ipc_nearest n;

	ipc_nearest_init(&n, asked);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		ipc_nearest_look(&n, words[i]);
	return ipc_nearest_say(&n, out, sizeof(out));
}

static void
a_slip_finds_the_word(void **state)
{
	static const char *const slips[][2] = { { "idel", "idle" },
		{ "idl", "idle" }, { "iddle", "idle" }, { "mesage", "message" },
		{ "massages", "message" }, { "wwww", "www" }, { "ww", "" },
		{ "speek", "speak" }, { "hardbytes", "hard_bytes" } };

	(void)state;
	for (size_t i = 0; i < sizeof(slips) / sizeof(slips[0]); i++) {
		if (slips[i][1][0] == '\0')
			assert_string_equal(nearest(slips[i][0]), "");
		else
			assert_non_null(
			    strstr(nearest(slips[i][0]), slips[i][1]));
	}
	assert_string_equal(nearest("idel"), " (did you mean 'idle'?)");
}

static void
what_is_far_away_is_not_guessed(void **state)
{
	static char longest[300];

	(void)state;
	assert_string_equal(nearest("colour"), "");
	assert_string_equal(nearest("x"), "");
	assert_string_equal(nearest(""), "");
	memset(longest, 'i', sizeof(longest) - 1);
	assert_string_equal(nearest(longest), "");
}

static void
of_two_the_nearer_one_is_named(void **state)
{
	struct ipc_nearest n;

	(void)state;
	ipc_nearest_init(&n, "delai");
	ipc_nearest_look(&n, "dela");
	ipc_nearest_look(&n, "delais");
	assert_string_equal(n.word, "dela");
	ipc_nearest_init(&n, "listne");
	ipc_nearest_look(&n, "limit");
	ipc_nearest_look(&n, "listen");
	assert_string_equal(n.word, "listen");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slip_finds_the_word),
		cmocka_unit_test(what_is_far_away_is_not_guessed),
		cmocka_unit_test(of_two_the_nearer_one_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
