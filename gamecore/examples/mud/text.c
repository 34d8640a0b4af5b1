/*
 * text.c - text that grows, and words in it. Pure; knows nothing of the game.
 */
#include "text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool
grow(struct text *t, size_t more)
{
	size_t size = t->size ? t->size : 256;
	char *bytes;

	if (more > TEXT_MAX || t->len + more + 1 > TEXT_MAX)
		return false;
	while (size < t->len + more + 1)
		size *= 2;
	if (size == t->size)
		return true;
	bytes = realloc(t->bytes, size);
	if (bytes == NULL)
		return false;
	t->bytes = bytes;
	t->size = size;
	return true;
}

void
text_add(struct text *t, const char *bytes, size_t len)
{
	if (!grow(t, len))
		return;
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
	t->bytes[t->len] = '\0';
}

void
text_printf(struct text *t, const char *format, ...)
{
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (len < 0 || !grow(t, (size_t)len))
		return;
	va_start(ap, format);
	vsnprintf(t->bytes + t->len, (size_t)len + 1, format, ap);
	va_end(ap);
	t->len += (size_t)len;
}

/* Behind {markup}; {{ is a brace, and what has no end stands as it is. */
static const char *
behind_markup(const char *p)
{
	const char *end;

	while (*p == '{' && p[1] != '{') {
		end = strchr(p, '}');
		if (end == NULL)
			break;
		p = end + 1;
	}
	return p;
}

void
text_json(struct text *t, const char *words)
{
	text_add(t, "\"", 1);
	for (const char *p = behind_markup(words); *p;
	     p = behind_markup(p + 1)) {
		if (*p == '{' && p[1] == '{')
			p++;
		if (*p == '"' || *p == '\\')
			text_add(t, "\\", 1);
		if (*p == '\n')
			text_add(t, "\\n", 2);
		else if ((unsigned char)*p < 32)
			text_printf(t, "\\u%04x", (unsigned char)*p);
		else
			text_add(t, p, 1);
	}
	text_add(t, "\"", 1);
}

const char *
text_of(const struct text *t)
{
	return t->bytes ? t->bytes : "";
}

void
text_release(struct text *t)
{
	free(t->bytes);
	*t = (struct text){ 0 };
}

size_t
text_wrap(char *words, size_t columns)
{
	char *blank = NULL;
	size_t column = 0, breaks = 0;

	for (char *p = words; *p; p++) {
		p = (char *)(uintptr_t)behind_markup(p);
		if (*p == '\0')
			break;
		if (*p == ' ')
			blank = p;
		/* The other bytes of a character take no place. */
		column += ((unsigned char)*p & 0xc0) != 0x80;
		if (*p == '\n') {
			blank = NULL;
			column = 0;
		} else if (column > columns && blank) {
			*blank = '\n';
			p = blank;
			blank = NULL;
			column = 0;
			breaks++;
		}
	}
	return breaks;
}

/* ---- words --------------------------------------------------------------- */

char *
text_word(char **rest)
{
	char *word = *rest + strspn(*rest, " \t"), *end;

	end = word + strcspn(word, " \t");
	*rest = end + strspn(end, " \t");
	*end = '\0';
	return word;
}

bool
text_begins(const char *text, const char *start)
{
	return strncasecmp(text, start, strlen(start)) == 0;
}

bool
text_matches(const char *words, const char *start)
{
	if (*start == '\0')
		return false;
	for (const char *p = words; *p; p += strspn(p, " ")) {
		if (text_begins(p, start))
			return true;
		p += strcspn(p, " ");
	}
	return false;
}

bool
text_has(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = words; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		if (n == len && strncasecmp(p, word, n) == 0)
			return true;
		p += n;
	}
	return false;
}

/* How many bytes the character at p has, 0: it is none. */
static size_t
character(const unsigned char *p, size_t len)
{
	size_t n = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
	unsigned long code = *p & (n == 1 ? 0x7fu : 0xffu >> (n + 1));
	static const unsigned long least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	if (*p < 32 || *p == 127 || (*p >= 0x80 && *p < 0xc2) || *p > 0xf4 ||
	    n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[n] || code > 0x10ffff || (code & ~0x7fful) == 0xd800 ||
	    (code >= 0x80 && code < 0xa0))
		return 0;
	return n;
}

bool
text_is_clean(const char *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t n =
		    character((const unsigned char *)text + at, len - at);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}
