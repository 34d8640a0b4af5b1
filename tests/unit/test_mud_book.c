/* links: gamecore/examples/mud_store/[bp]*.c */
/*
 * test_mud_book.c - the store of characters: passwords, and no thing in two
 * hands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gamecore/examples/mud_store/book.h"
#include "gamecore/examples/mud_store/password.h"

#define ANN "character Ann\nlevel 1\ncoins 20\n"
#define BOB "character Bob\nlevel 1\ncoins 30\n"

static struct book *book;
static char problem[200];

static void
expect(const char *question, const char *answer)
{
	char *got = book_ask(book, question, problem);

	if (got == NULL)
		fail_msg("%s", problem);
	assert_string_equal(got, answer);
	free(got);
}

static void
refused(const char *question, const char *why)
{
	assert_null(book_ask(book, question, problem));
	if (strstr(problem, why) == NULL)
		fail_msg("'%s' is not in '%s'", why, problem);
}

static int
setup(void **state)
{
	(void)state;
	book = book_open(":memory:", problem);
	if (book == NULL)
		return -1;
	expect("create Ann 4 secret one\n" ANN, ANN);
	expect("create Bob 4 hidden\n" BOB, BOB);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	book_close(book);
	return 0;
}

static void
a_password_may_have_blanks_and_only_the_right_one_opens(void **state)
{
	(void)state;
	expect("known ann", "yes");
	expect("known Carl", "no");
	expect("check ann secret one", ANN);
	expect("check ann secret", "wrong");
	expect("check ann ", "wrong");
	expect("check Carl secret one", "wrong");
	expect("password Ann 4 secret two\nnew one", "wrong");
	expect("password Ann 4 secret one\nnew one", "changed");
	expect("check Ann secret one", "wrong");
	expect("check Ann new one", ANN);
}

static void
a_name_is_made_once_and_a_repeated_question_finds_it(void **state)
{
	(void)state;
	expect("create ANN 4 another\n" ANN, "taken");
	expect("create Ann 4 secret one\n" ANN, ANN);
	expect("sums", "2 50 0");
}

static void
things_go_from_hand_to_hand_and_are_never_in_two(void **state)
{
	(void)state;
	expect("save\n" ANN "item 7 1 dagger\nitem 9 0 pie\n" BOB, "saved");
	expect("fetch Ann", ANN "item 7 1 dagger\nitem 9 0 pie\n");
	expect("boot", "9");
	/* Bob has it now, and Ann was not asked. */
	expect("save\n" BOB "item 7 0 dagger\n", "saved");
	expect("fetch Ann", ANN "item 9 0 pie\n");
	expect("fetch Bob", BOB "item 7 0 dagger\n");
	expect("sums", "2 50 2");
}

static void
all_records_of_a_save_are_written_or_none(void **state)
{
	(void)state;
	refused("save\ncharacter Ann\ncoins 1\nitem x\n", "not an item");
	expect("fetch Ann", ANN);
	refused("save\ncharacter Ann\ncoins 1\ncharacter 17\n", "not a record");
	expect("fetch Ann", ANN);
	expect("sums", "2 50 0");
}

#define HALL "world place/hall\ncoins 3\n"
#define RAT "world being/rat/0\nlife 5\n"

static void
a_thing_is_in_a_hand_or_on_the_floor(void **state)
{
	(void)state;
	expect(
	    "save\n" ANN "item 7 0 pie\n" HALL RAT "item 8 1 tail\n", "saved");
	expect("boot", "8");
	expect("world ", RAT "item 8 1 tail\n" HALL);
	expect("world being/rat/0", HALL);
	expect("world place/hall", "");
	/* Dropped, and Ann was not asked. */
	expect("save\n" HALL "item 7 0 pie\n", "saved");
	expect("fetch Ann", ANN);
	expect("world being/rat/0", HALL "item 7 0 pie\n");
	/* A place that is no more, and where its things went. */
	expect("save\nworld place/hall\n" RAT "item 7 0 pie\n", "saved");
	expect("world ", RAT "item 7 0 pie\n");
	expect("boot", "7");
	expect("sums", "2 50 0");
}

static void
a_save_in_parts_is_one_save(void **state)
{
	(void)state;
	expect("part 0\n" ANN "item 7 0 pie\n", "kept");
	expect("fetch Ann", ANN);
	expect("part 1\n" HALL, "kept");
	expect("save 2\n" RAT, "saved");
	expect("fetch Ann", ANN "item 7 0 pie\n");
	expect("world ", RAT HALL);
	/* What is missing is missed, and nothing of it is written. */
	expect("part 0\n" ANN, "kept");
	refused("part 2\n" BOB, "a part of the save is missing");
	refused("save 2\n" BOB, "a part of the save is missing");
	expect("fetch Ann", ANN "item 7 0 pie\n");
	expect("part 0\n" ANN, "kept");
	refused("save 1\ncharacter 17\n", "not a record");
	refused("save 1\n" BOB, "a part of the save is missing");
	expect("fetch Ann", ANN "item 7 0 pie\n");
}

static void
a_pass_opens_until_it_is_forgotten(void **state)
{
	char *pass = book_ask(book, "pass ann", problem), *another;
	char show[100];

	(void)state;
	assert_non_null(pass);
	assert_int_equal(strlen(pass), 32);
	snprintf(show, sizeof(show), "show Ann %s", pass);
	expect(show, ANN);
	expect(show, ANN);
	expect("show Ann ", "wrong");
	expect("show Bob ", "wrong");
	snprintf(show, sizeof(show), "show Bob %s", pass);
	expect(show, "wrong");
	/* Another one takes its place. */
	snprintf(show, sizeof(show), "show Ann %s", pass);
	another = book_ask(book, "pass Ann", problem);
	assert_non_null(another);
	assert_string_not_equal(pass, another);
	expect(show, "wrong");
	snprintf(show, sizeof(show), "show Ann %s", another);
	expect(show, ANN);
	expect("password Ann 4 secret one\nnew one", "changed");
	expect(show, "wrong");
	free(pass);
	pass = book_ask(book, "pass Ann", problem);
	assert_non_null(pass);
	snprintf(show, sizeof(show), "show Ann %s", pass);
	expect(show, ANN);
	expect("forget Ann", "forgotten");
	expect(show, "wrong");
	free(pass);
	free(another);
}

static void
what_is_no_question_is_refused(void **state)
{
	static const char *const bad[] = { "", "\n", "drop table", "save\nx",
		"fetch", "fetch Nobody", "create", "create X 99 p\n",
		"create X 4 p\ncharacter\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i], "");
	expect("fetch Ann", ANN);
}

static void
quotes_are_only_letters(void **state)
{
	(void)state;
	expect("known x'; DROP TABLE characters; --", "no");
	expect("check Ann x' OR '1'='1", "wrong");
	expect("known Ann", "yes");
}

static void
hashes_differ_and_say_how_they_were_made(void **state)
{
	char one[PASSWORD_HASHED], two[PASSWORD_HASHED];

	(void)state;
	assert_true(password_hash("tulip", 4, one));
	assert_true(password_hash("tulip", 5, two));
	assert_string_not_equal(one, two);
	assert_memory_equal(one, "scrypt$4$", 9);
	assert_true(password_is("tulip", one));
	assert_true(password_is("tulip", two));
	assert_false(password_is("tulips", one));
	assert_false(password_is("tulip", "scrypt$4$00$00"));
	assert_false(password_is("tulip", ""));
	one[20] = 'x';
	assert_false(password_is("tulip", one));
	assert_false(password_hash("tulip", 1, one));
	assert_false(password_hash("tulip", 40, one));
}

static void
the_hash_is_scrypt(void **state)
{
	(void)state;
	/* Made by another scrypt: Python's hashlib, N = 16, r = 8, p = 1. */
	assert_true(password_is("correct horse",
	    "scrypt$4$000102030405060708090a0b0c0d0e0f$"
	    "43b11c1f5ef93ff91c53b244d87454faa4d1aeafc14ba51b09160f741682e72f"));
}

int
main(void)
{
#define T(f_) cmocka_unit_test_setup_teardown(f_, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_password_may_have_blanks_and_only_the_right_one_opens),
		T(a_name_is_made_once_and_a_repeated_question_finds_it),
		T(things_go_from_hand_to_hand_and_are_never_in_two),
		T(all_records_of_a_save_are_written_or_none),
		T(a_thing_is_in_a_hand_or_on_the_floor),
		T(a_save_in_parts_is_one_save),
		T(a_pass_opens_until_it_is_forgotten),
		T(what_is_no_question_is_refused),
		T(quotes_are_only_letters),
		cmocka_unit_test(hashes_differ_and_say_how_they_were_made),
		cmocka_unit_test(the_hash_is_scrypt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
