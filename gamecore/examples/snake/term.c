/*
 * term.c - the game as ANSI sequences, one column a cell.
 *
 * Rows count from 1: what was said, where one types, the frame's top, the
 * field, the frame's bottom. Colours are of the 256, the same ten as in the
 * page; heads are letters, so no colour has to be told apart.
 */
#include "term.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FIELD_ROW = 4, FIELD_COLUMN = 2, PANEL_TOPS = 8 };

static const int colours[WORLD_SNAKES] = { 214, 75, 42, 227, 203, 176, 33, 255,
	141, 137 };

void
term_end(struct text *t)
{
	text_printf(t, "\033[0m\033[1;1H");
}

static void
go(struct text *t, int row, int column)
{
	text_printf(t, "\033[%d;%dH", row, column);
}

static void
cell(struct text *t, const struct world *w, int at)
{
	const struct world_cell *c = &w->cells[at];

	if (c->slot != WORLD_NOBODY)
		text_printf(t, "\033[0;%s38;5;%dm%c",
		    strchr(WORLD_HEADS, c->look) ? "1;7;" : "",
		    colours[c->slot],
		    strchr(WORLD_HEADS, c->look) ? 'A' + c->slot : '@');
	else if (c->look >= '1' && c->look <= '9')
		text_printf(t, "\033[0;1;37m%c", c->look);
	else
		text_printf(t, "\033[0;90m%c", c->look);
}

void
term_draw(struct text *t, const struct room *r, bool all)
{
	const struct world *w = r->world;
	int len = all ? w->size : w->changes_len, last = -2;

	for (int i = 0; i < len; i++) {
		int at = all ? i : w->changes[i];

		if (at != last + 1 || at % w->rules.width == 0)
			go(t, FIELD_ROW + at / w->rules.width,
			    FIELD_COLUMN + at % w->rules.width);
		cell(t, w, at);
		last = at;
	}
}

static void
edge(struct text *t, const struct world *w, int row)
{
	go(t, row, 1);
	text_add(t, "+", 1);
	for (int x = 0; x < w->rules.width; x++)
		text_add(t, w->rules.wrap ? " " : "-", 1);
	text_add(t, "+", 1);
}

void
term_welcome(struct text *t, const struct room *r)
{
	const struct world *w = r->world;

	text_printf(t, "\033[2J\033[0;90m");
	edge(t, w, FIELD_ROW - 1);
	for (int y = 0; y < w->rules.height; y++) {
		go(t, FIELD_ROW + y, 1);
		text_add(t, w->rules.wrap ? " " : "|", 1);
		go(t, FIELD_ROW + y, FIELD_COLUMN + w->rules.width);
		text_add(t, w->rules.wrap ? " " : "|", 1);
	}
	edge(t, w, FIELD_ROW + w->rules.height);
	term_draw(t, r, true);
	term_panel(t, r);
	term_say(t, "Snake. Your name, then Enter:");
}

/* A line of the panel, whatever stood there before. */
static void
panel_line(const struct room *r, struct text *t, int line)
{
	go(t, FIELD_ROW + line, FIELD_COLUMN + r->world->rules.width + 2);
	text_printf(t, "\033[0m\033[K");
}

void
term_panel(struct text *t, const struct room *r)
{
	const struct game *g = r->game;
	int line = 0;

	for (int i = 0; i < WORLD_SNAKES; i++) {
		if (r->playing[i] == NULL)
			continue;
		panel_line(r, t, line++);
		text_printf(t, "\033[38;5;%dm%c %5lu %s", colours[i], 'A' + i,
		    r->world->snakes[i].score, r->playing[i]->name);
	}
	while (line < WORLD_SNAKES + 1)
		panel_line(r, t, line++);
	panel_line(r, t, line++);
	text_printf(t, "\033[1mTop scores");
	for (int i = 0; i < PANEL_TOPS; i++) {
		panel_line(r, t, line++);
		if (i < g->top_len)
			text_printf(
			    t, "%7lu %s", g->top[i].score, g->top[i].name);
	}
	panel_line(r, t, line);
	text_printf(t, "\033[90mj join  w a s d turn");
	panel_line(r, t, line + 1);
	text_printf(t, "\033[90m/text talk  q leave");
}

void
term_say(struct text *t, const char *format, ...)
{
	char line[NAME_BYTES + CHAT_BYTES + 64];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	text_printf(t, "\033[1;1H\033[0m\033[K%s\033[2;1H\033[K", line);
}

void
term_over(struct text *t, const struct room *r, const struct world_news *news)
{
	static const char *const did[] = {
		[WORLD_ALIVE] = "",
		[WORLD_HIT_WALL] = "ran into the wall",
		[WORLD_HIT_STONE] = "ran into a stone",
		[WORLD_HIT_CORPSE] = "ran into a dead snake",
		[WORLD_HIT_SELF] = "bit its own tail",
		[WORLD_HIT_SNAKE] = "ran into ",
		[WORLD_HIT_HEAD] = "met head on with ",
		[WORLD_GAVE_UP] = "left",
	};
	const struct player *killer = NULL;

	if (news->killer != WORLD_NOBODY)
		killer = r->playing[news->killer];
	term_say(t, "GAME OVER: %s %s%s, score %lu (j: again)",
	    r->playing[news->slot]->name, did[news->death],
	    killer ? killer->name : "", news->score);
}

/* ---- from the terminal ----------------------------------------------------
 */

/* Letters of the ways, and of the arrow keys' sequences ESC [ A to D. */
static void
turns(struct player *p, const char *bytes, size_t len)
{
	static const char keys[] = "awdsAWDSDACB";

	for (size_t i = 0; i < len; i++) {
		bool arrow = bytes[i] == '\033' && i + 2 < len;
		const char *key;

		if (arrow)
			i += 2;
		key = memchr(keys + (arrow ? 8 : 0), bytes[i], arrow ? 4 : 8);
		if (key != NULL)
			room_turn(p, (enum world_way)((key - keys) % 4));
	}
}

void
term_leave(struct player *p)
{
	char below[40];
	int row = FIELD_ROW + p->room->world->rules.height + 1;
	int n = snprintf(below, sizeof(below), "\033[0m\033[%d;1H", row);

	if (p->keys)
		gc_send(p->room->game->net, p->conn, below, (size_t)n);
}

void
term_got(struct player *p, const char *bytes, size_t len)
{
	while (len > 0 && bytes[len - 1] == '\r')
		len--;
	if (p->name[0] == '\0')
		room_name(p, bytes, len);
	else if (len > 0 && bytes[0] == '/')
		room_talk(p, bytes + 1, len - 1);
	else if (len == 1 && (*bytes == 'q' || *bytes == 'Q')) {
		term_leave(p);
		gc_hang_up(p->room->game->net, p->conn, GC_LEFT, "Bye!");
	} else if (p->slot < 0 && (len == 0 || *bytes == 'j' || *bytes == 'J'))
		room_play(p);
	else
		turns(p, bytes, len);
}

/* The last character goes, all bytes of it. */
static void
rub_out(struct game *g)
{
	while (g->typed_len > 0 &&
	       ((unsigned char)g->typed[--g->typed_len] & 0xc0) == 0x80)
		;
}

/* Letters are seen only where one writes: a name, and words after a slash. */
void
term_key(struct player *p, const char *bytes, size_t len)
{
	struct game *g = p->room->game;
	struct text *t = &g->term;

	if (len == 0)
		return;
	if (*bytes == '\r' || *bytes == '\n') {
		len = g->typed_len;
		g->typed_len = 0;
		term_got(p, g->typed, len);
		return;
	}
	if (p->name[0] != '\0' && g->typed_len == 0 && *bytes != '/') {
		term_got(p, bytes, len);
		return;
	}
	if (*bytes == '\b' || *bytes == 0x7f)
		rub_out(g);
	else if ((unsigned char)*bytes >= ' ' &&
		 g->typed_len + len <= sizeof(g->typed)) {
		memcpy(g->typed + g->typed_len, bytes, len);
		g->typed_len += len;
	}
	text_printf(
	    t, "\033[2;1H\033[0m\033[K%.*s", (int)g->typed_len, g->typed);
	term_end(t);
	if (!t->failed)
		gc_send(g->net, p->conn, t->bytes, t->len);
	text_clear(t);
}
