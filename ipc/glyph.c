/*
 * glyph.c - characters for terminals that do not know them all: a letter
 * without its marks, quotes and dashes as typewriters had them, drawn lines as
 * + - |.
 */
#include "ipc/glyph.h"

#include <string.h>

#define NONE 0xfffd

/* U+00A0 and up: what an ASCII terminal gets of Latin-1. */
static const char latin1[96][4] = { " ", "!", "c", "L", "$", "Y", "|", "S",
	"\"", "(C)", "a", "<<", "-", "", "(R)", "-", "o", "+-", "2", "3", "'",
	"u", "P", ".", ",", "1", "o", ">>", "1/4", "1/2", "3/4", "?", "A", "A",
	"A", "A", "A", "A", "AE", "C", "E", "E", "E", "E", "I", "I", "I", "I",
	"D", "N", "O", "O", "O", "O", "O", "x", "O", "U", "U", "U", "U", "Y",
	"Th", "ss", "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e",
	"i", "i", "i", "i", "d", "n", "o", "o", "o", "o", "o", "/", "o", "u",
	"u", "u", "u", "y", "th", "y" };

/* U+0100 to U+017F, a letter each. */
static const char extended[] =
    "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlL"
    "lLlNnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

static const struct {
	uint32_t c;
	char text[4];
} others[] = { { 0x192, "f" }, { 0x2c6, "^" }, { 0x2dc, "~" }, { 0x2010, "-" },
	{ 0x2011, "-" }, { 0x2012, "-" }, { 0x2013, "-" }, { 0x2014, "--" },
	{ 0x2015, "--" }, { 0x2018, "'" }, { 0x2019, "'" }, { 0x201a, "," },
	{ 0x201c, "\"" }, { 0x201d, "\"" }, { 0x201e, "\"" }, { 0x2020, "+" },
	{ 0x2022, "*" }, { 0x2026, "..." }, { 0x2030, "%" }, { 0x2032, "'" },
	{ 0x2033, "\"" }, { 0x2039, "<" }, { 0x203a, ">" }, { 0x20ac, "EUR" },
	{ 0x2122, "TM" }, { 0x2190, "<-" }, { 0x2191, "^" }, { 0x2192, "->" },
	{ 0x2193, "v" }, { 0x2194, "<->" }, { 0x2212, "-" }, { 0x2260, "!=" },
	{ 0x2264, "<=" }, { 0x2265, ">=" }, { 0x25a0, "#" }, { 0x25b2, "^" },
	{ 0x25ba, ">" }, { 0x25bc, "v" }, { 0x25c4, "<" }, { 0x25cb, "o" },
	{ 0x25cf, "*" }, { 0x2605, "*" }, { 0x2665, "<3" } };

static size_t
put(const char *text, uint8_t out[IPC_GLYPH_MAX])
{
	size_t n = strlen(text);

	memcpy(out, text, n);
	return n;
}

/* U+2500 to U+257F: drawn lines. */
static const char *
line(uint32_t c)
{
	if (c <= 0x2501 || (c >= 0x2504 && c <= 0x2505) ||
	    (c >= 0x2508 && c <= 0x2509) || c == 0x254c || c == 0x254d ||
	    c == 0x2574 || c == 0x2576 || c == 0x2578 || c == 0x257a ||
	    c == 0x257c || c == 0x257e)
		return "-";
	if (c <= 0x250b || c == 0x254e || c == 0x254f || c == 0x2551 ||
	    c == 0x2575 || c == 0x2577 || c == 0x2579 || c == 0x257b ||
	    c == 0x257d || c == 0x257f)
		return "|";
	if (c == 0x2550)
		return "=";
	if (c == 0x2571)
		return "/";
	if (c == 0x2572)
		return "\\";
	return c == 0x2573 ? "X" : "+";
}

size_t
ipc_glyph_plain(uint32_t c, int is_latin1, uint8_t out[IPC_GLYPH_MAX])
{
	char one[2] = { '?', '\0' };

	if (c < 0x80 || (is_latin1 && c >= 0xa0 && c < 0x100)) {
		out[0] = (uint8_t)c;
		return 1;
	}
	if (c >= 0xa0 && c < 0x100)
		return put(latin1[c - 0xa0], out);
	if (c >= 0x100 && c < 0x100 + sizeof(extended) - 1)
		one[0] = extended[c - 0x100];
	else if (c >= 0x2500 && c < 0x2580)
		return put(line(c), out);
	else if (c >= 0x2580 && c < 0x25a0)
		one[0] = '#';
	else if (c >= 0x300 && c < 0x370)
		return 0; /* a mark without its letter */
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i].c == c)
			return put(others[i].text, out);
	return put(one, out);
}

size_t
ipc_glyph_utf8(uint32_t c, uint8_t out[IPC_GLYPH_MAX])
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (uint8_t)(0x80 | (c & 0x3f));
	out[0] = (uint8_t)(first[n] | c);
	return n;
}

size_t
ipc_glyph_read(const uint8_t *p, size_t n, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80   ? 1
		     : p[0] < 0xc2 ? 0
		     : p[0] < 0xe0 ? 2
		     : p[0] < 0xf0 ? 3
		     : p[0] < 0xf5 ? 4
				   : 0;
	uint32_t v = len > 1 ? p[0] & (0x7fu >> len) : p[0];

	*c = NONE;
	if (len == 0 || len > n)
		return 1;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 1;
		v = v << 6 | (p[i] & 0x3f);
	}
	if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return 1;
	*c = v;
	return len;
}
