/* links: netd/resume_word.c */
/* netd/resume_word.c: what two ends say about a line that may be lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "netd/resume_word.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TOKEN "00000000000000ff000102030405060708090a0b0c0d0e0f"

static const struct {
	const char *text;
	enum resume_kind kind;
	uint64_t n, bytes;
} words[] = {
	{ "new", RESUME_NEW, 0, 0 },
	{ "gone", RESUME_GONE, 0, 0 },
	{ "ack 0", RESUME_ACK, 0, 0 },
	{ "ack 9007199254740992", RESUME_ACK, UINT64_C(1) << 53, 0 },
	{ "back 12", RESUME_BACK, 12, 0 },
	{ "back " TOKEN " 7", RESUME_RETURN, 7, 0 },
	{ "hello " TOKEN " 30000 16384", RESUME_HELLO, 30000, 16384 },
};

static const char *const wrong[] = { "", " ", "New", "new ", " new", "news",
	"gone 1", "ack", "ack ", "ack  1", "ack 01", "ack -1", "ack 1 ",
	"ack 1x", "ack 9007199254740993", "ack 99999999999999999999999", "back",
	"back " TOKEN, "back " TOKEN " ", "back " TOKEN "7",
	"back 0" TOKEN " 7", "back FF" TOKEN " 7",
	"back 00000000000000FF000102030405060708090a0b0c0d0e0f 7",
	"hello " TOKEN " 1", "hello " TOKEN " 1 2 3", "byebye", "bye\t" };

static struct resume_word
read_text(const char *text)
{
	size_t len = strlen(text);
	uint8_t *exact = malloc(len ? len : 1);
	struct resume_word w;

	memcpy(exact, text, len);
	w = resume_word_read(exact, len);
	free(exact);
	return w;
}

static void
words_read_as_what_they_say_and_write_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		struct resume_word w = read_text(words[i].text);
		char out[RESUME_WORD_MAX];

		assert_int_equal(w.kind, words[i].kind);
		assert_int_equal(w.n, words[i].n);
		assert_int_equal(w.bytes, words[i].bytes);
		assert_int_equal(
		    resume_word_write(&w, out), strlen(words[i].text) + 1);
		assert_int_equal(out[0], '!');
		assert_string_equal(out + 1, words[i].text);
	}
}

static void
tokens_keep_every_bit(void **state)
{
	struct resume_word w = read_text("back " TOKEN " 7");

	(void)state;
	assert_int_equal(w.token.id, 255);
	for (int i = 0; i < RESUME_SECRET; i++)
		assert_int_equal(w.token.secret[i], i);
}

static void
anything_else_is_no_word(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_int_equal(read_text(wrong[i]).kind, RESUME_NONE);
	/* A NUL is a byte like any other. */
	assert_int_equal(
	    resume_word_read((const uint8_t *)"new", 4).kind, RESUME_NONE);
}

static void
half_a_word_is_none_or_another_of_its_kind(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(words); i++)
		for (size_t cut = 0; cut < strlen(words[i].text); cut++) {
			char text[RESUME_WORD_MAX];
			struct resume_word w;

			strcpy(text, words[i].text);
			text[cut] = '\0';
			w = read_text(text);
			/* "ack 12" cut is "ack 1", and "back 0..." the
			 * other back: lengths are for the line to know. */
			if (w.kind == RESUME_BACK)
				assert_string_equal(text,
				    words[i].kind == RESUME_BACK ? "back 1"
								 : "back 0");
			else if (w.kind != RESUME_NONE)
				assert_int_equal(w.kind, words[i].kind);
		}
}

static void
a_goodbye_carries_any_text(void **state)
{
	static const uint8_t bye[] = "bye see \0 you";
	struct resume_word w = resume_word_read(bye, sizeof(bye) - 1);

	(void)state;
	assert_int_equal(w.kind, RESUME_BYE);
	assert_int_equal(w.len, sizeof(bye) - 1 - 4);
	assert_memory_equal(w.text, bye + 4, w.len);
	assert_int_equal(resume_word_read(bye, 3).kind, RESUME_BYE);
	assert_int_equal(resume_word_read(bye, 3).len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    words_read_as_what_they_say_and_write_the_same),
		cmocka_unit_test(tokens_keep_every_bit),
		cmocka_unit_test(anything_else_is_no_word),
		cmocka_unit_test(half_a_word_is_none_or_another_of_its_kind),
		cmocka_unit_test(a_goodbye_carries_any_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
