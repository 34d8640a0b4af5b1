/*
 * text.c - text that grows while it is written, and strangers' text cleaned.
 *
 * Everything a player types passes text_clean() before anybody else sees it.
 * The pages put it in as text, never as HTML, so nothing is escaped for them.
 */
#include "text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *
space(struct text *t, size_t len)
{
	size_t size = t->size ? t->size : 512;
	char *bytes;

	if (t->failed)
		return NULL;
	while (size - t->len < len)
		size *= 2;
	if (size != t->size) {
		bytes = realloc(t->bytes, size);
		if (bytes == NULL) {
			t->failed = true;
			return NULL;
		}
		t->bytes = bytes;
		t->size = size;
	}
	return t->bytes + t->len;
}

void
text_add(struct text *t, const void *bytes, size_t len)
{
	char *to = space(t, len);

	if (to == NULL)
		return;
	memcpy(to, bytes, len);
	t->len += len;
}

void
text_printf(struct text *t, const char *format, ...)
{
	va_list ap;
	char *to;
	int len;

	va_start(ap, format);
	len = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (len < 0)
		return;
	to = space(t, (size_t)len + 1);
	if (to == NULL)
		return;
	va_start(ap, format);
	vsnprintf(to, (size_t)len + 1, format, ap);
	va_end(ap);
	t->len += (size_t)len;
}

void
text_clear(struct text *t)
{
	t->len = 0;
	t->failed = false;
}

void
text_release(struct text *t)
{
	free(t->bytes);
	*t = (struct text){ 0 };
}

/* ---- strangers ----------------------------------------------------------- */

/*
 * The code point at the front of bytes; *used becomes its length. -1 and a
 * length of 1 if it is not well-formed UTF-8 (RFC 3629: nothing longer than
 * needed, no surrogates, nothing above U+10FFFF).
 */
static int32_t
decode(const char *bytes, size_t len, size_t *used)
{
	static const int32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *b = (const unsigned char *)bytes;
	size_t want = b[0] < 0x80                   ? 1
		      : b[0] >= 0xc2 && b[0] < 0xe0 ? 2
		      : b[0] >= 0xe0 && b[0] < 0xf0 ? 3
		      : b[0] >= 0xf0 && b[0] < 0xf5 ? 4
						    : 0;
	int32_t c = want < 2 ? b[0] : b[0] & (0x7f >> want);

	*used = 1;
	if (want == 0 || want > len)
		return -1;
	for (size_t i = 1; i < want; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (b[i] & 0x3f);
	}
	if (c < smallest[want] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return -1;
	*used = want;
	return c;
}

static bool
is_space(int32_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0xa0 ||
	       c == 0x3000 || (c >= 0x2000 && c <= 0x200a);
}

/* Controls, and what is invisible or turns the direction of a line. */
static bool
is_hidden(int32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c ||
	       c == 0x180e || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
	       (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff ||
	       (c >= 0xfff0 && c <= 0xfffb) || c >= 0xe0000;
}

/* Marks drawn over the letter before: one is a letter's, a heap is a joke. */
static bool
is_mark(int32_t c)
{
	return (c >= 0x300 && c <= 0x36f) || (c >= 0x1ab0 && c <= 0x1aff) ||
	       (c >= 0x1dc0 && c <= 0x1dff) || (c >= 0x20d0 && c <= 0x20ff) ||
	       (c >= 0xfe20 && c <= 0xfe2f);
}

size_t
text_clean(char *out, int letters, const char *bytes, size_t len)
{
	size_t n = 0, used;
	bool gap = false, mark = true;

	for (size_t i = 0; i < len && letters > 0; i += used) {
		int32_t c = decode(bytes + i, len - i, &used);

		if (is_space(c)) {
			gap = n > 0;
			continue;
		}
		if (c < 0 || is_hidden(c) || (is_mark(c) && mark))
			continue;
		if (gap && letters == 1)
			break;
		if (gap)
			out[n++] = ' ';
		letters -= gap ? 2 : 1;
		gap = false;
		mark = is_mark(c);
		memcpy(out + n, bytes + i, used);
		n += used;
	}
	out[n] = '\0';
	return n;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undo %20 and +. */
static size_t
percent(char *out, size_t size, const char *in, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n < size; i++) {
		if (in[i] == '%' && i + 2 < len && hex(in[i + 1]) >= 0 &&
		    hex(in[i + 2]) >= 0) {
			out[n++] = (char)(hex(in[i + 1]) << 4 | hex(in[i + 2]));
			i += 2;
		} else {
			out[n++] = in[i];
			if (in[i] == '+')
				out[n - 1] = ' ';
		}
	}
	return n;
}

size_t
text_query(char *out, int letters, const char *query, const char *key)
{
	size_t key_len = strlen(key);
	char value[256];

	*out = '\0';
	while (*query != '\0') {
		size_t len = strcspn(query, "&");

		if (len > key_len && query[key_len] == '=' &&
		    strncmp(query, key, key_len) == 0)
			return text_clean(out, letters, value,
			    percent(value, sizeof(value), query + key_len + 1,
				len - key_len - 1));
		query += len + (query[len] == '&');
	}
	return 0;
}
