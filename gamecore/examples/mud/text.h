/*
 * text.h - text that grows, and JSON in it.
 */
#ifndef MUD_TEXT_H
#define MUD_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Begin with { 0 }; bytes is NULL or ends in a NUL. Out of memory, and past
 * TEXT_MAX, it stops growing. */
struct text {
	char *bytes;
	size_t len, size;
};
#define TEXT_MAX ((size_t)32 << 20)

void text_add(struct text *t, const char *bytes, size_t len);
void text_printf(struct text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The words as a JSON string, quotes and all; {markup} is left out. */
void text_json(struct text *t, const char *words);
/* Break lines between words so that none has more columns, if it can be;
 * {markup} takes no place. How many breaks. */
size_t text_wrap(char *words, size_t columns);
/* What is in it, "" if nothing; a view until it changes. */
const char *text_of(const struct text *t);
void text_release(struct text *t);

/* The next word of *rest (blanks part them), which moves behind it; "" at the
 * end. Changes the text. */
char *text_word(char **rest);
/* Does one of words (blanks part them) begin with start, in any case? */
bool text_matches(const char *words, const char *start);
/* Is word one of words? */
bool text_has(const char *words, const char *word);
/* Does text begin with start, in any case of letters? */
bool text_begins(const char *text, const char *start);
/* Valid UTF-8 without control characters. */
bool text_is_clean(const char *text, size_t len);

#endif
