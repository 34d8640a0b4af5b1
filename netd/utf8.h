/*
 * utf8.h - is it UTF-8? (RFC 3629: no surrogates, no overlong forms, nothing
 * above U+10FFFF.)
 */
#ifndef NETD_UTF8_H
#define NETD_UTF8_H

#include "netd/mask.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Whole, valid UTF-8, whatever is in it. */
bool utf8_whole_text(const uint8_t *bytes, size_t n);

/* Nearly all text is ASCII: no byte has its highest bit. */
static inline bool
utf8_ascii(const uint8_t *bytes, size_t n)
{
	uint64_t a, b, c, d, any = 0;
	size_t i = 0;

	for (; i + 32 <= n; i += 32) {
		memcpy(&a, bytes + i, 8);
		memcpy(&b, bytes + i + 8, 8);
		memcpy(&c, bytes + i + 16, 8);
		memcpy(&d, bytes + i + 24, 8);
		any |= a | b | c | d;
	}
	for (; i + 8 <= n; i += 8) {
		memcpy(&a, bytes + i, 8);
		any |= a;
	}
	/* The last eight overlap those before. */
	if (i < n && n >= 8) {
		memcpy(&a, bytes + n - 8, 8);
		any |= a;
		i = n;
	}
	for (; i < n; i++)
		any |= bytes[i];
	return (any & MASK_NO_ASCII) == 0;
}

/* Are these n bytes whole, valid UTF-8? */
static inline bool
utf8_valid(const uint8_t *bytes, size_t n)
{
	return utf8_ascii(bytes, n) || utf8_whole_text(bytes, n);
}

/* The same of bytes that are copied. */
static inline bool
utf8_copy(uint8_t *to, const uint8_t *bytes, size_t n)
{
	static const uint8_t as_it_is[4];

	return !mask_copy(to, bytes, n, as_it_is) || utf8_whole_text(to, n);
}

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
