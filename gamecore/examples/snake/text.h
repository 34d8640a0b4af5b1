/*
 * text.h - text that grows while it is written, and text from strangers made
 * fit to show.
 */
#ifndef SNAKE_TEXT_H
#define SNAKE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum {
	NAME_LETTERS = 15,
	NAME_BYTES = 4 * NAME_LETTERS + 1,
	CHAT_LETTERS = 120,
	CHAT_BYTES = 4 * CHAT_LETTERS + 1,
};

/* All zero is empty. When memory runs out it stays as it is and failed is
 * set; nothing is added any more. */
struct text {
	char *bytes; /* not ended by a NUL */
	size_t len, size;
	bool failed;
};

void text_add(struct text *t, const void *bytes, size_t len);
void text_printf(struct text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Empty, and the storage is kept. */
void text_clear(struct text *t);
void text_release(struct text *t);

/*
 * What a stranger wrote, fit for a page, a terminal or a log: at most letters
 * code points of UTF-8, with no control, direction or invisible characters,
 * no bytes that are not UTF-8, and no spaces before, after or beside another.
 * out has room for 4 * letters + 1 bytes. Returns its length, 0 if nothing is
 * left; a NUL that is not counted ends it.
 */
size_t text_clean(char *out, int letters, const char *bytes, size_t len);

/*
 * The value of key in a URL's query ("a=1&room=the%20pit"), decoded and
 * cleaned as above. Returns its length, 0 if it is not there.
 */
size_t text_query(char *out, int letters, const char *query, const char *key);

#endif
