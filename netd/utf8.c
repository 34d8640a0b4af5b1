/*
 * utf8.c - the table of RFC 3629 section 4, as ranges of the second byte.
 * Nearly all text is ASCII, which goes eight bytes at a time.
 */
#include "netd/utf8.h"

#include <string.h>

static size_t
skip_ascii(const uint8_t *p, size_t n)
{
	size_t i = 0;
	uint64_t eight;

	for (; i + 8 <= n; i += 8) {
		memcpy(&eight, p + i, 8);
		if (eight & 0x8080808080808080u)
			break;
	}
	while (i < n && p[i] < 0x80)
		i++;
	return i;
}

/* The first byte of a sequence. */
static bool
begin(struct utf8 *u, uint8_t a)
{
	if (a < 0xc2 || a > 0xf4)
		return false;
	u->need = a < 0xe0 ? 1 : a < 0xf0 ? 2 : 3;
	u->low = a == 0xe0 ? 0xa0 : a == 0xf0 ? 0x90 : 0x80;
	u->high = a == 0xed ? 0x9f : a == 0xf4 ? 0x8f : 0xbf;
	return true;
}

bool
utf8_feed(struct utf8 *u, const uint8_t *bytes, size_t n)
{
	struct utf8 at = *u;

	for (size_t i = 0; i < n;) {
		if (at.need) {
			if (bytes[i] < at.low || bytes[i] > at.high)
				return false;
			at.need--;
			at.low = 0x80;
			at.high = 0xbf;
			i++;
			continue;
		}
		i += skip_ascii(bytes + i, n - i);
		if (i < n && !begin(&at, bytes[i++]))
			return false;
	}
	*u = at;
	return true;
}

bool
utf8_whole_text(const uint8_t *bytes, size_t n)
{
	struct utf8 u = { 0 };

	return utf8_feed(&u, bytes, n) && utf8_whole(&u);
}

size_t
utf8_cut(const uint8_t *bytes, size_t n, size_t max)
{
	if (n <= max)
		return n;
	while (max > 0 && (bytes[max] & 0xc0) == 0x80)
		max--;
	return max;
}
