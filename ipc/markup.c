/*
 * markup.c - text as each terminal gets it: its colours, its character set,
 * its width.
 *
 * One walk over the text, with a look ahead at each word to see whether it
 * still fits. What the letters look like is said as late as possible: before
 * the next letter, and taken back before a line ends, so that a colour never
 * runs to the right edge.
 */
#include "ipc/markup.h"

#include "ipc/glyph.h"
#include "ipc/markup_tag.h"
#include "ipc/msg.h"
#include "ipc/width.h"

#include <stdio.h>
#include <string.h>

#define TAB 8
#define BELL 7
#define ESCAPE 27
/* The longest escape sequence of a game's own that is let through. */
#define SEQUENCE_MAX 64

enum kind { LETTER, BLANK, NEWLINE, TAG, SEQUENCE, NOTHING };

/* What stands next in the text. */
struct token {
	enum kind kind;
	size_t len;
	uint32_t c;
	enum ipc_tag tag;
	struct ipc_ink ink; /* of a tag that changes it */
};

struct writer {
	const struct ipc_look *look;
	bool markup, full;
	struct ipc_buf *out; /* NULL: only the rows are counted */
	struct ipc_ink ink, said;
	struct ipc_ink before[IPC_MARKUP_DEPTH];
	unsigned depth, deeper;
	bool pre;
	bool in_word, begun; /* begun: something stands on this line */
	size_t column, indent;
	size_t blanks; /* that may yet be the end of a row */
	struct ipc_ink blank_ink;
	unsigned rows; /* that are whole */
};

/* ---- reading --------------------------------------------------------------
 */

/* ESC [ ... letter; else the ESC alone, which means nothing. */
static size_t
sequence(const uint8_t *p, size_t n)
{
	size_t i = 2;

	if (n < 3 || p[1] != '[')
		return 0;
	while (i < n && i < SEQUENCE_MAX && p[i] >= 0x20 && p[i] < 0x40)
		i++;
	return i < n && p[i] >= 0x40 && p[i] < 0x7f ? i + 1 : 0;
}

static void
control(struct token *t, const uint8_t *p, size_t n)
{
	size_t len = p[0] == ESCAPE ? sequence(p, n) : 0;

	t->len = 1;
	t->kind = p[0] == '\n'                  ? NEWLINE
		  : p[0] == '\t' || p[0] == ' ' ? BLANK
		  : len || p[0] == BELL         ? SEQUENCE
						: NOTHING;
	if (len)
		t->len = len;
}

/* The token at p, of n bytes, at least one. */
static void
next(const struct writer *w, const uint8_t *p, size_t n, struct token *t)
{
	if (p[0] <= ' ' || p[0] == 0x7f) {
		control(t, p, n);
		return;
	}
	t->kind = LETTER;
	if (p[0] == '{' && w->markup) {
		t->c = '{';
		t->len = n > 1 && p[1] == '{' ? 2 : 1;
		t->ink = w->ink;
		if (t->len == 2)
			return;
		t->tag = ipc_tag_read(p, n, &t->len, &t->ink);
		if (t->tag != IPC_TAG_NONE)
			t->kind = TAG;
		else
			t->len = 1;
		return;
	}
	t->len = ipc_glyph_read(p, n, &t->c);
}

/* How many of n bytes are plain letters, one column each and the same in all
 * character sets? */
static size_t
plain(const struct writer *w, const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (
	    i < n && p[i] > ' ' && p[i] < 0x7f && (p[i] != '{' || !w->markup))
		i++;
	return i;
}

/* ---- writing --------------------------------------------------------------
 */

static void
put(struct writer *w, const void *bytes, size_t n)
{
	if (w->out && n && !ipc_buf_add(w->out, bytes, n))
		w->full = true;
}

static void
say_ink(struct writer *w, const struct ipc_ink *ink)
{
	uint8_t text[IPC_INK_MAX];

	if (w->said.front == ink->front && w->said.back == ink->back &&
	    w->said.on == ink->on)
		return;
	if (w->look->colours == 0 || w->look->reader || !w->look->terminal)
		return;
	put(w, text, ipc_ink_write(&w->said, ink, w->look->colours, text));
	w->said = *ink;
}

/* As the terminal shows it: *width columns. */
static size_t
glyph(const struct ipc_look *k, uint32_t c, uint8_t out[IPC_GLYPH_MAX],
    size_t *width)
{
	size_t n;

	/* Lines that are drawn would be read aloud, each piece by itself. */
	if (k->reader && c >= 0x2500 && c < 0x25a0)
		c = ' ';
	if (k->charset == IPC_UTF8 || !k->terminal) {
		*width = ipc_width(c);
		return ipc_glyph_utf8(c, out);
	}
	n = ipc_glyph_plain(c, k->charset == IPC_LATIN1, out);
	*width = n;
	return n;
}

static bool
wraps(const struct writer *w)
{
	return w->look->columns && w->look->terminal && w->markup && !w->pre;
}

static void
end_row(struct writer *w)
{
	static const struct ipc_ink none;

	say_ink(w, &none);
	put(w, "\n", 1);
	w->rows++;
	w->column = w->blanks = 0;
	w->begun = false;
}

static void
put_blanks(struct writer *w)
{
	if (w->blanks)
		say_ink(w, &w->blank_ink);
	for (; w->blanks; w->blanks--) {
		put(w, " ", 1);
		w->column++;
	}
}

/* A paragraph goes on in the next row. */
static void
break_row(struct writer *w)
{
	static const struct ipc_ink none;

	end_row(w);
	w->blanks = w->indent;
	w->blank_ink = none;
	put_blanks(w);
}

/* How wide is the word that begins at p? Beyond most it does not matter. */
static size_t
word_width(const struct writer *w, const uint8_t *p, size_t n, size_t most)
{
	size_t width = 0;

	while (n && width <= most) {
		uint8_t text[IPC_GLYPH_MAX];
		struct token t;
		size_t wide, many = plain(w, p, n);

		if (many) {
			width += many;
			p += many;
			n -= many;
			continue;
		}
		next(w, p, n, &t);
		if (t.kind == BLANK || t.kind == NEWLINE)
			break;
		if (t.kind == LETTER) {
			glyph(w->look, t.c, text, &wide);
			/* Between letters of double width there are no
			 * blanks: each is a word. */
			if (wide > 1 && ipc_width(t.c) > 1)
				return width ? width : wide;
			width += wide;
		}
		p += t.len;
		n -= t.len;
	}
	return width;
}

/* Before a word: does it go on a row of its own? */
static void
fit(struct writer *w, const uint8_t *p, size_t n)
{
	size_t most = w->look->columns;
	size_t width = word_width(w, p, n, most);

	if (!w->begun) {
		w->indent = w->blanks < most / 2 ? w->blanks : 0;
		if (w->indent == 0 && w->blanks + width > most)
			w->blanks = 0;
	} else if (w->column + w->blanks + width > most) {
		break_row(w);
	}
}

/* A letter, or several that are plain. Returns how many bytes. */
static size_t
letter(struct writer *w, const struct token *t, const uint8_t *p, size_t n)
{
	bool double_width = t->c >= 0x1100 && ipc_width(t->c) > 1;
	uint8_t text[IPC_GLYPH_MAX];
	size_t width, len = glyph(w->look, t->c, text, &width), many;

	if (wraps(w) && (width || w->blanks) && (!w->in_word || double_width))
		fit(w, p, n);
	put_blanks(w);
	/* A word that is longer than a row. */
	if (wraps(w) && w->column + width > w->look->columns && w->begun)
		break_row(w);
	w->in_word = !double_width;
	w->begun = true;
	say_ink(w, &w->ink);
	many = plain(w, p, n);
	if (wraps(w) && many > w->look->columns - w->column)
		many = w->look->columns - w->column;
	if (many > 1) {
		put(w, p, many);
		w->column += many;
		return many;
	}
	put(w, text, len);
	w->column += width;
	return t->len;
}

static void
blank(struct writer *w, uint8_t b)
{
	size_t n = b == '\t' ? TAB - (w->column + w->blanks) % TAB : 1;

	w->in_word = false;
	if (w->blanks == 0)
		w->blank_ink = w->ink;
	w->blanks += n;
	if (!wraps(w))
		put_blanks(w);
	/* What nobody could see must not become much. */
	else if (w->blanks > IPC_COLUMNS_MAX)
		w->blanks = IPC_COLUMNS_MAX;
}

static void
tag(struct writer *w, const struct token *t)
{
	static const struct ipc_ink none;

	switch (t->tag) {
	case IPC_TAG_INK:
		if (w->depth == IPC_MARKUP_DEPTH) {
			w->deeper++;
			break;
		}
		w->before[w->depth++] = w->ink;
		w->ink = t->ink;
		break;
	case IPC_TAG_BACK:
		if (w->deeper)
			w->deeper--;
		else if (w->depth)
			w->ink = w->before[--w->depth];
		break;
	case IPC_TAG_RESET:
		w->ink = none;
		w->depth = w->deeper = 0;
		break;
	default:
		w->pre = t->tag == IPC_TAG_PRE;
	}
}

/* Escape sequences of the game's own, which change no column. */
static void
raw(struct writer *w, const uint8_t *p, size_t n)
{
	const struct ipc_look *k = w->look;

	if (!k->terminal || ((k->colours == 0 || k->reader) && p[n - 1] == 'm'))
		return;
	if (!wraps(w))
		put_blanks(w);
	put(w, p, n);
}

/* Up to so many whole rows (0: all). Returns how much of the text that is. */
static size_t
walk(struct writer *w, const uint8_t *p, size_t n, unsigned rows)
{
	size_t at = 0;
	struct token t;

	while (at < n) {
		struct writer was;

		if (rows)
			was = *w;
		next(w, p + at, n - at, &t);
		if (t.kind == LETTER)
			t.len = letter(w, &t, p + at, n - at);
		else if (t.kind == BLANK)
			blank(w, p[at]);
		else if (t.kind == TAG)
			tag(w, &t);
		else if (t.kind == SEQUENCE)
			raw(w, p + at, t.len);
		else if (t.kind == NEWLINE) {
			end_row(w);
			w->in_word = false;
		}
		if (rows && w->rows >= rows) {
			/* A row that was broken ends before this word. */
			if (t.kind != NEWLINE)
				*w = was;
			else
				at += t.len;
			return at;
		}
		at += t.len;
	}
	return n;
}

int
ipc_markup_write(const struct ipc_look *look, bool markup, const uint8_t *bytes,
    size_t n, struct ipc_buf *out)
{
	static const struct ipc_ink none;
	struct writer w = { .look = look, .markup = markup, .out = out };

	walk(&w, bytes, n, 0);
	put_blanks(&w);
	say_ink(&w, &none);
	return w.full ? IPC_ERR_NO_MEMORY : 0;
}

/* ---- by the screen --------------------------------------------------------
 */

size_t
ipc_markup_rows(const struct ipc_look *look, bool markup, const uint8_t *bytes,
    size_t n, unsigned rows, struct ipc_buf *open)
{
	struct writer w = { .look = look, .markup = markup };
	size_t end = walk(&w, bytes, n, rows), at = 0;
	unsigned depth = 0;
	size_t tags[IPC_MARKUP_DEPTH], lens[IPC_MARKUP_DEPTH];

	/* Which tags made what is in force there? */
	for (struct writer v = { .look = look, .markup = markup }; at < end;) {
		struct token t;

		next(&v, bytes + at, n - at, &t);
		if (t.kind == TAG) {
			if (t.tag == IPC_TAG_INK &&
			    v.depth < IPC_MARKUP_DEPTH) {
				tags[v.depth] = at;
				lens[v.depth] = t.len;
			}
			tag(&v, &t);
			depth = v.depth;
		}
		at += t.len;
	}
	for (unsigned i = 0; i < depth; i++)
		ipc_buf_add(open, bytes + tags[i], lens[i]);
	if (w.pre)
		ipc_buf_add(open, "{pre}", 5);
	return end;
}
