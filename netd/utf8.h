/*
 * utf8.h - is it UTF-8? (RFC 3629: no surrogates, no overlong forms, nothing
 * above U+10FFFF.)
 */
#ifndef NETD_UTF8_H
#define NETD_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Are these n bytes whole, valid UTF-8? */
bool utf8_valid(const uint8_t *bytes, size_t n);

/* Where a check in pieces stands; all zero at the start of a text. */
struct utf8 {
	uint8_t need;      /* bytes of a sequence that are still to come */
	uint8_t low, high; /* the range of the next of them */
};

/*
 * Check the next n bytes. False as soon as no continuation can make the text
 * valid; the check is over then.
 */
bool utf8_feed(struct utf8 *u, const uint8_t *bytes, size_t n);
/* May the text end here? */
static inline bool
utf8_whole(const struct utf8 *u)
{
	return u->need == 0;
}

/* The longest beginning of at most max bytes that cuts no sequence. */
size_t utf8_cut(const uint8_t *bytes, size_t n, size_t max);

#endif
