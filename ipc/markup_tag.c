/*
 * markup_tag.c - words in braces, and what they are on a terminal (ECMA-48
 * section 8.3.117, SGR, with xterm's 256 colours and 24 bits).
 */
#include "ipc/markup_tag.h"

#include <stdio.h>
#include <string.h>

static const struct {
	char word[10];
	uint8_t number; /* of SGR */
} kinds[] = { { "bold", 1 }, { "dim", 2 }, { "italic", 3 }, { "underline", 4 },
	{ "reverse", 7 }, { "strike", 9 } };
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const char *const names[] = { "black", "red", "green", "yellow", "blue",
	"magenta", "cyan", "white", "grey" };
#define GREY 8
#define BRIGHT 8

/* What xterm shows for the first 16, to find the one that comes nearest. */
static const uint32_t palette[16] = { 0x000000, 0xcd0000, 0x00cd00, 0xcdcd00,
	0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000, 0x00ff00,
	0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff };

/* ---- reading --------------------------------------------------------------
 */

static bool
same(const char *word, const char *text, size_t n)
{
	return strlen(word) == n && memcmp(word, text, n) == 0;
}

static bool
hex(const char *text, uint32_t *value)
{
	*value = 0;
	for (size_t i = 0; i < 6; i++) {
		char c = text[i];
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (unsigned)((c | 0x20) - 'a' + 10);
		else
			return false;
		*value = *value << 4 | digit;
	}
	return true;
}

static bool
colour(const char *text, size_t n, uint32_t *ink)
{
	bool bright = n > 7 && memcmp(text, "bright ", 7) == 0;
	uint32_t value;

	if (n == 7 && text[0] == '#' && hex(text + 1, &value)) {
		*ink = IPC_INK_RGB | value;
		return true;
	}
	if (bright) {
		text += 7;
		n -= 7;
	}
	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]) - bright; i++)
		if (same(names[i], text, n)) {
			*ink = IPC_INK_NAMED | (bright ? i + BRIGHT : i);
			return true;
		}
	return false;
}

enum ipc_tag
ipc_tag_read(const uint8_t *p, size_t n, size_t *len, struct ipc_ink *ink)
{
	size_t most = n < IPC_MARKUP_TAG_MAX + 2 ? n : IPC_MARKUP_TAG_MAX + 2;
	const uint8_t *end = memchr(p, '}', most);
	const char *text = (const char *)p + 1;

	if (end == NULL)
		return IPC_TAG_NONE;
	*len = (size_t)(end - p) + 1;
	n = *len - 2;
	if (same("/", text, n))
		return IPC_TAG_BACK;
	if (same("reset", text, n))
		return IPC_TAG_RESET;
	if (same("pre", text, n))
		return IPC_TAG_PRE;
	if (same("/pre", text, n))
		return IPC_TAG_END_PRE;
	for (size_t i = 0; i < N_KINDS; i++)
		if (same(kinds[i].word, text, n)) {
			ink->on |= (uint8_t)(1u << i);
			return IPC_TAG_INK;
		}
	if (n > 3 && memcmp(text, "on ", 3) == 0)
		return colour(text + 3, n - 3, &ink->back) ? IPC_TAG_INK
							   : IPC_TAG_NONE;
	return colour(text, n, &ink->front) ? IPC_TAG_INK : IPC_TAG_NONE;
}

/* ---- writing --------------------------------------------------------------
 */

static unsigned
far(uint32_t a, uint32_t b)
{
	int sum = 0;

	for (unsigned shift = 0; shift < 24; shift += 8) {
		int d = (int)(a >> shift & 255) - (int)(b >> shift & 255);

		sum += d * d;
	}
	return (unsigned)sum;
}

static unsigned
of_16(uint32_t rgb)
{
	unsigned best = 0;

	for (unsigned i = 1; i < 16; i++)
		if (far(rgb, palette[i]) < far(rgb, palette[best]))
			best = i;
	return best;
}

/* 16 to 231 are a cube of six steps each way, 232 to 255 greys. */
static unsigned
of_256(uint32_t rgb)
{
	static const uint8_t steps[6] = { 0, 95, 135, 175, 215, 255 };
	uint32_t near = 0, grey = (rgb >> 16 & 255) + (rgb >> 8 & 255);
	unsigned number = 0, level;

	for (int shift = 16; shift >= 0; shift -= 8) {
		unsigned v = rgb >> shift & 255, i = 0;

		while (i < 5 && v * 2 > steps[i] + steps[i + 1])
			i++;
		number = number * 6 + i;
		near |= (uint32_t)steps[i] << shift;
	}
	grey = (grey + (rgb & 255)) / 3;
	level = grey < 8 ? 0 : (grey - 3) / 10;
	if (level > 23)
		level = 23;
	grey = (level * 10 + 8) * 0x010101u;
	return far(rgb, grey) < far(rgb, near) ? 232 + level : 16 + number;
}

/* ";31": one colour; base: 30 for letters, 40 for what is behind them. */
static size_t
say_colour(
    char *out, size_t size, uint32_t ink, unsigned base, unsigned colours)
{
	unsigned n = ink & 255;
	int len;

	if (ink & IPC_INK_RGB && colours == 3) {
		len = snprintf(out, size, "%u;2;%u;%u;%u;", base + 8,
		    ink >> 16 & 255, ink >> 8 & 255, n);
	} else if (ink & IPC_INK_RGB && colours == 2) {
		len = snprintf(
		    out, size, "%u;5;%u;", base + 8, of_256(ink & 0xffffff));
	} else {
		if (ink & IPC_INK_RGB)
			n = of_16(ink & 0xffffff);
		len = snprintf(out, size, "%u;",
		    n < BRIGHT ? base + n : base + 60 + n - BRIGHT);
	}
	return (size_t)len;
}

size_t
ipc_ink_write(const struct ipc_ink *from, const struct ipc_ink *to,
    unsigned colours, uint8_t out[IPC_INK_MAX])
{
	/* Nothing can be taken away alone: then all begins anew. */
	bool anew = (from->on & ~to->on) || (from->front && !to->front) ||
		    (from->back && !to->back);
	static const struct ipc_ink none;
	char text[IPC_INK_MAX] = "\033[";
	size_t n = 2;

	if (anew) {
		from = &none;
		memcpy(text + n, "0;", 2);
		n += 2;
	}
	for (size_t i = 0; i < N_KINDS; i++)
		if ((to->on & ~from->on) >> i & 1)
			n += (size_t)snprintf(
			    text + n, sizeof(text) - n, "%u;", kinds[i].number);
	if (to->front != from->front)
		n += say_colour(
		    text + n, sizeof(text) - n, to->front, 30, colours);
	if (to->back != from->back)
		n += say_colour(
		    text + n, sizeof(text) - n, to->back, 40, colours);
	if (n == 2)
		return 0;
	text[n - 1] = 'm';
	memcpy(out, text, n);
	return n;
}
