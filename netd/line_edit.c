/*
 * line_edit.c - a line being typed, and the keys that change it.
 *
 * The cursor is moved by backspaces and by drawing again, which every
 * terminal understands; a line that wraps at the right edge is typed and sent
 * well, but not redrawn across the edge. Pure: no client, no socket.
 */
#include "netd/line_edit.h"

#include "ipc/width.h"
#include "netd/utf8.h"

#include <stdlib.h>
#include <string.h>

#define CTRL(c) ((c)&31)
#define ESCAPE 27
#define RUBOUT 127

/* Where an escape sequence stands (ECMA-48 section 5.4). */
enum { NONE, BEGUN, CSI, SS3 };

void
line_edit_init(struct line_edit *e, size_t max)
{
	memset(e, 0, sizeof(*e));
	ipc_buf_init(&e->line, max);
	ipc_buf_init(&e->drawn, UINT16_MAX);
	e->budget = UINT16_MAX;
}

void
line_edit_release(struct line_edit *e)
{
	ipc_buf_release(&e->line);
	ipc_buf_release(&e->drawn);
	for (size_t i = 0; i < LINE_EDIT_HISTORY; i++)
		free(e->history[i]);
	memset(e->history, 0, sizeof(e->history));
}

/* ---- characters ------------------------------------------------------------
 */

static size_t
next(const struct line_edit *e, size_t at)
{
	do
		at++;
	while (at < e->line.len && (e->line.data[at] & 0xc0) == 0x80);
	return at;
}

static size_t
before(const struct line_edit *e, size_t at)
{
	do
		at--;
	while (at && (e->line.data[at] & 0xc0) == 0x80);
	return at;
}

static unsigned
width_at(const struct line_edit *e, size_t at)
{
	static const uint8_t first[] = { 0x7f, 0x1f, 0x0f, 0x07 };
	size_t len = next(e, at) - at;
	uint32_t c = e->line.data[at] & first[len - 1];

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (e->line.data[at + i] & 0x3f);
	return ipc_width(c);
}

/* Columns between two places of the line. */
static size_t
columns(const struct line_edit *e, size_t from, size_t to)
{
	size_t n = 0;

	for (; from < to; from = next(e, from))
		n += width_at(e, from);
	return n;
}

/* ---- drawing --------------------------------------------------------------
 */

static bool
draws(const struct line_edit *e)
{
	return e->echo && !e->hidden && e->budget;
}

static uint8_t *
room(struct line_edit *e, size_t n)
{
	if (!draws(e) || n == 0)
		return NULL;
	if (n > e->budget) {
		e->budget = 0;
		return NULL;
	}
	return ipc_buf_space(&e->drawn, n);
}

static void
draw(struct line_edit *e, const void *bytes, size_t n)
{
	uint8_t *to = room(e, n);

	if (to == NULL)
		return;
	memcpy(to, bytes, n);
	ipc_buf_added(&e->drawn, n);
	e->budget -= (uint32_t)n;
}

static void
draw_times(struct line_edit *e, char c, size_t n)
{
	uint8_t *to = room(e, n);

	if (to == NULL)
		return;
	memset(to, c, n);
	ipc_buf_added(&e->drawn, n);
	e->budget -= (uint32_t)n;
}

/* The cursor is at from; draw the rest, blank out gone columns behind it,
 * come back to the cursor. */
static void
draw_rest(struct line_edit *e, size_t from, size_t gone)
{
	if (!draws(e))
		return;
	if (e->line.len > from)
		draw(e, e->line.data + from, e->line.len - from);
	draw_times(e, ' ', gone);
	draw_times(e, '\b', gone + columns(e, e->at, e->line.len));
}

static void
move(struct line_edit *e, size_t to)
{
	if (!draws(e))
		;
	else if (to < e->at)
		draw_times(e, '\b', columns(e, to, e->at));
	else if (to > e->at)
		draw(e, e->line.data + e->at, to - e->at);
	e->at = to;
}

void
line_edit_redraw(struct line_edit *e)
{
	if (e->line.len && !e->done)
		draw_rest(e, 0, 0);
}

/* ---- changes --------------------------------------------------------------
 */

static bool
insert(struct line_edit *e, const uint8_t *bytes, size_t n)
{
	size_t at = e->at;

	if (e->echo && e->line.len + n > LINE_EDIT_DRAWN) {
		draw(e, "\a", 1);
		return true;
	}
	if (!ipc_buf_add(&e->line, bytes, n))
		return false;
	memmove(e->line.data + at + n, e->line.data + at, e->line.len - n - at);
	memcpy(e->line.data + at, bytes, n);
	e->at += n;
	draw_rest(e, at, 0);
	return true;
}

/* Take out what lies between two places, the cursor being in or beside it. */
static void
cut(struct line_edit *e, size_t from, size_t to)
{
	size_t gone = draws(e) ? columns(e, from, to) : 0;

	if (from == to)
		return;
	move(e, from);
	memmove(e->line.data + from, e->line.data + to, e->line.len - to);
	e->line.len -= to - from;
	draw_rest(e, from, gone);
}

/* The last letter with the marks that stand on it. */
void
line_edit_erase(struct line_edit *e)
{
	size_t from = e->at;
	bool part = e->n_part > 0;

	e->n_part = 0;
	if (part || e->done || from == 0)
		return;
	do
		from = before(e, from);
	while (from && width_at(e, from) == 0);
	cut(e, from, e->at);
}

void
line_edit_kill(struct line_edit *e)
{
	e->n_part = 0;
	if (!e->done)
		cut(e, 0, e->at);
}

static void
erase_word(struct line_edit *e)
{
	size_t from = e->at;

	while (from && e->line.data[from - 1] == ' ')
		from--;
	while (from && e->line.data[from - 1] != ' ')
		from--;
	cut(e, from, e->at);
}

void
line_edit_clear(struct line_edit *e)
{
	if (e->line.size > LINE_EDIT_DRAWN)
		ipc_buf_release(&e->line);
	ipc_buf_clear(&e->line);
	e->at = 0;
	e->n_part = e->escape = e->recalled = 0;
	e->done = false;
}

void
line_edit_echo(struct line_edit *e, bool on)
{
	if (on == e->echo)
		return;
	e->echo = on;
	/* Without it the cursor is always at the end; with it a line is short
	 * enough to be drawn anew for each key. */
	e->at = e->line.len;
	if (on && e->line.len > LINE_EDIT_DRAWN)
		line_edit_clear(e);
}

bool
line_edit_typed(const struct line_edit *e)
{
	return e->line.len > 0 && !e->done;
}

/* ---- history --------------------------------------------------------------
 */

static void
remember(struct line_edit *e)
{
	const char *last = e->history[e->newest];
	uint8_t to = (uint8_t)((e->newest + 1) % LINE_EDIT_HISTORY);

	if (!e->echo || e->hidden || e->line.len == 0 ||
	    e->line.len > LINE_EDIT_REMEMBERED)
		return;
	if (last && strlen(last) == e->line.len &&
	    memcmp(last, e->line.data, e->line.len) == 0)
		return;
	free(e->history[to]);
	e->history[to] = strndup((const char *)e->line.data, e->line.len);
	if (e->history[to])
		e->newest = to;
}

/* Older by one, or newer by minus one; what is not in it is an empty line. */
static void
recall(struct line_edit *e, int older)
{
	int back = e->recalled + older;
	const char *text = NULL;

	if (back < 0 || back > LINE_EDIT_HISTORY)
		return;
	if (back)
		text = e->history[(e->newest + 1 - back + LINE_EDIT_HISTORY) %
				  LINE_EDIT_HISTORY];
	if (back && text == NULL)
		return;
	move(e, e->line.len);
	cut(e, 0, e->line.len);
	e->recalled = (uint8_t)back;
	if (text)
		insert(e, (const uint8_t *)text, strlen(text));
}

/* ---- keys -----------------------------------------------------------------
 */

static void
to_left(struct line_edit *e)
{
	if (e->at)
		move(e, before(e, e->at));
}

static void
to_right(struct line_edit *e)
{
	if (e->at < e->line.len)
		move(e, next(e, e->at));
}

static void
to_start(struct line_edit *e)
{
	move(e, 0);
}

static void
to_end(struct line_edit *e)
{
	move(e, e->line.len);
}

static void
erase_right(struct line_edit *e)
{
	if (e->at < e->line.len)
		cut(e, e->at, next(e, e->at));
}

static void
kill_right(struct line_edit *e)
{
	cut(e, e->at, e->line.len);
}

static void
older(struct line_edit *e)
{
	recall(e, 1);
}

static void
newer(struct line_edit *e)
{
	recall(e, -1);
}

typedef void key_fn(struct line_edit *e);

/*
 * A terminal that edits by itself and sends its lines whole has no use for
 * those that move; without echo the cursor is always at the end.
 */
static key_fn *const erasers[32] = {
	[CTRL('H')] = line_edit_erase,
	[CTRL('U')] = line_edit_kill,
	[CTRL('W')] = erase_word,
};

static key_fn *const keys[32] = {
	[CTRL('A')] = to_start,
	[CTRL('B')] = to_left,
	[CTRL('E')] = to_end,
	[CTRL('F')] = to_right,
	[CTRL('K')] = kill_right,
	[CTRL('N')] = newer,
	[CTRL('P')] = older,
};

/* ESC [ A, and ESC O A of terminals in application mode. */
static key_fn *const letters[26] = {
	['A' - 'A'] = older,
	['B' - 'A'] = newer,
	['C' - 'A'] = to_right,
	['D' - 'A'] = to_left,
	['F' - 'A'] = to_end,
	['H' - 'A'] = to_start,
};

/* ESC [ 3 ~ */
static key_fn *const numbers[9] = {
	[1] = to_start,
	[3] = erase_right,
	[4] = to_end,
	[7] = to_start,
	[8] = to_end,
};

static void
escaped(struct line_edit *e, uint8_t b)
{
	key_fn *act = NULL;

	if (e->escape == BEGUN) {
		e->escape = b == '[' ? CSI : b == 'O' ? SS3 : NONE;
		e->escape_number = 0;
		return;
	}
	if (e->escape == CSI && b >= 0x20 && b < 0x40) {
		if (b >= '0' && b <= '9' && e->escape_number < 10)
			e->escape_number =
			    (uint8_t)(e->escape_number * 10 + b - '0');
		return;
	}
	if (b >= 'A' && b <= 'Z')
		act = letters[b - 'A'];
	else if (b == '~' && e->escape_number < 9)
		act = numbers[e->escape_number];
	e->escape = NONE;
	if (act && e->echo)
		act(e);
}

/* ---- bytes ----------------------------------------------------------------
 */

static bool
insert_latin1(struct line_edit *e, uint8_t b)
{
	uint8_t two[2] = { (uint8_t)(0xc0 | b >> 6),
		(uint8_t)(0x80 | (b & 0x3f)) };

	if (b < 0x80)
		return insert(e, &b, 1);
	/* The control characters of Latin-1 (C1) are none of a line's. */
	if (b < 0xa0)
		return insert(e, (const uint8_t *)"?", 1);
	return insert(e, two, 2);
}

/* What looked like the beginning of a character was Latin-1. */
static bool
part_ends(struct line_edit *e)
{
	uint8_t n = e->n_part;

	e->n_part = 0;
	for (uint8_t i = 0; i < n; i++)
		if (!insert_latin1(e, e->part[i]))
			return false;
	return true;
}

static bool
is_c1(const uint8_t *p)
{
	return p[0] == 0xc2 && p[1] < 0xa0;
}

/* A byte above ASCII. */
static bool
take_high(struct line_edit *e, uint8_t b)
{
	struct utf8 u = { 0 };
	uint8_t n;

	e->part[e->n_part++] = b;
	if (!utf8_feed(&u, e->part, e->n_part)) {
		/* What came before was none; b may still begin one. */
		e->n_part--;
		if (e->n_part == 0)
			return insert_latin1(e, b);
		return part_ends(e) && take_high(e, b);
	}
	if (!utf8_whole(&u))
		return true;
	n = e->n_part;
	e->n_part = 0;
	if (n == 2 && is_c1(e->part))
		return insert(e, (const uint8_t *)"?", 1);
	return insert(e, e->part, n);
}

static enum line_edit_did
end_line(struct line_edit *e)
{
	if (e->echo)
		ipc_buf_add(&e->drawn, "\r\n", 2);
	remember(e);
	e->done = true;
	e->recalled = e->escape = 0;
	return LINE_EDIT_LINE;
}

static enum line_edit_did
control(struct line_edit *e, uint8_t b)
{
	switch (b) {
	case '\r':
	case '\n':
		return end_line(e);
	case '\t':
		return insert(e, (const uint8_t *)" ", 1) ? LINE_EDIT_MORE
							  : LINE_EDIT_TOO_LONG;
	case CTRL('C'):
		draw(e, "^C\r\n", 4);
		line_edit_clear(e);
		return LINE_EDIT_BREAK;
	case CTRL('D'):
		if (e->line.len == 0)
			return LINE_EDIT_END;
		if (e->echo)
			erase_right(e);
		return LINE_EDIT_MORE;
	case ESCAPE:
		e->escape = BEGUN;
		return LINE_EDIT_MORE;
	default:
		if (e->echo && keys[b])
			keys[b](e);
		else if (erasers[b])
			erasers[b](e);
		return LINE_EDIT_MORE;
	}
}

static enum line_edit_did
take(struct line_edit *e, uint8_t b)
{
	bool second = e->was_cr && (b == '\n' || b == '\0');

	e->was_cr = b == '\r';
	if (second || b == '\0')
		return LINE_EDIT_MORE;
	if (b >= 0x80 && e->escape == NONE)
		return take_high(e, b) ? LINE_EDIT_MORE : LINE_EDIT_TOO_LONG;
	if (b == '\b' || b == RUBOUT) {
		e->escape = NONE;
		line_edit_erase(e);
		return LINE_EDIT_MORE;
	}
	if (!part_ends(e))
		return LINE_EDIT_TOO_LONG;
	if (b < 32) {
		e->escape = NONE;
		return control(e, b);
	}
	if (e->escape != NONE)
		escaped(e, b);
	else if (!insert(e, &b, 1))
		return LINE_EDIT_TOO_LONG;
	return LINE_EDIT_MORE;
}

/* Plain text at the end of the line goes in at once. */
static size_t
plain(const struct line_edit *e, const uint8_t *p, size_t n)
{
	size_t max = e->echo ? LINE_EDIT_DRAWN : e->line.max, i = 0;
	size_t left = e->line.len < max ? max - e->line.len : 0;

	if (e->escape != NONE || e->n_part || e->at != e->line.len)
		return 0;
	while (i < n && i < left && p[i] >= 32 && p[i] < RUBOUT)
		i++;
	return i;
}

enum line_edit_did
line_edit_feed(struct line_edit *e, const uint8_t *p, size_t n, size_t *used)
{
	enum line_edit_did did = LINE_EDIT_MORE;

	*used = 0;
	while (*used < n && did == LINE_EDIT_MORE) {
		size_t many;

		/* A half of a line end alone begins no new line. */
		if (e->done &&
		    !(e->was_cr && (p[*used] == '\n' || p[*used] == '\0')))
			line_edit_clear(e);
		many = e->done ? 0 : plain(e, p + *used, n - *used);
		if (many) {
			e->was_cr = false;
			insert(e, p + *used, many);
			*used += many;
		} else {
			did = take(e, p[(*used)++]);
		}
	}
	return did;
}
