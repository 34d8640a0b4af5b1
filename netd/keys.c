/*
 * keys.c - what a terminal sends, cut into keys: ECMA-48 control sequences,
 * SS3 sequences (xterm's "application" arrows and F1 to F4), Alt as an ESC in
 * front, and characters of UTF-8. Every byte is part of one key, whatever
 * comes.
 */
#include "netd/keys.h"

#include "netd/utf8.h"

#define ESC 0x1b

/* Of the character that begins so; 0: none does. */
static size_t
character_size(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first < 0xe0)
		return 2;
	if (first >= 0xe0 && first < 0xf0)
		return 3;
	return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

static size_t
character(const uint8_t *p, size_t n, bool *text)
{
	size_t size = character_size(p[0]);

	*text = true;
	for (size_t i = 1; i < size && i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			size = 0;
	if (size > n)
		return 0;
	if (size && utf8_valid(p, size))
		return size;
	*text = false;
	return 1;
}

/* ESC [ parameters and intermediates, then one final byte. */
static size_t
control_sequence(const uint8_t *p, size_t n)
{
	for (size_t i = 2; i < n && i < KEY_MAX; i++) {
		if (p[i] >= 0x40 && p[i] < 0x7f)
			return i + 1;
		/* No sequence after all: Alt and a bracket, then the rest. */
		if (p[i] < 0x20 || p[i] >= 0x7f)
			return 2;
	}
	return n >= KEY_MAX ? 2 : 0;
}

size_t
key_length(const uint8_t *p, size_t n, bool *text)
{
	size_t size;

	if (p[0] != ESC)
		return character(p, n, text);
	*text = true;
	if (n == 1 || p[1] == ESC)
		return 1;
	if (p[1] == '[')
		return control_sequence(p, n);
	if (p[1] == 'O')
		return n < 3 ? 0 : p[2] < 0x40 || p[2] > 0x7e ? 2 : 3;
	/* Alt and a character. */
	size = character(p + 1, n - 1, text);
	if (size && !*text) {
		*text = true;
		return 1;
	}
	return size ? size + 1 : 0;
}
