/*
 * utf8.c - the table of RFC 3629 section 4, as ranges of the second byte.
 */
#include "netd/utf8.h"

static size_t
sequence(const uint8_t *p, size_t n)
{
	uint8_t a = p[0], low = 0x80, high = 0xbf;
	size_t len = a < 0xe0 ? 2 : a < 0xf0 ? 3 : 4;

	if (a < 0xc2 || a > 0xf4 || n < len)
		return 0;
	if (a == 0xe0)
		low = 0xa0;
	else if (a == 0xed)
		high = 0x9f;
	else if (a == 0xf0)
		low = 0x90;
	else if (a == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool
utf8_valid(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = bytes[i] < 0x80 ? 1 : sequence(bytes + i, n - i);

		if (len == 0)
			return false;
		i += len;
	}
	return true;
}
