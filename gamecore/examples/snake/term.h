/*
 * term.h - the same game for a terminal that sends lines: netcat, telnet.
 *
 * The first line is the name; then letters and Enter: j joins, w a s d (or
 * arrow keys) turn, /words talks, q leaves. What is sent are ANSI sequences.
 * A line transport ends each message with a newline, so each one leaves the
 * cursor in the first row: the newline moves it to the second, where one
 * types, and nothing ever scrolls.
 */
#ifndef SNAKE_TERM_H
#define SNAKE_TERM_H

#include "room.h"

/* These append drawing; term_end() makes it a message. */
void term_end(struct text *t);
void term_welcome(struct text *t, const struct room *r);
/* All cells, or those that changed since world_seen(). */
void term_draw(struct text *t, const struct room *r, bool all);
/* The players and top scores on the right. */
void term_panel(struct text *t, const struct room *r);
/* The line above all. */
void term_say(struct text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* "Ann ran into Bob: 12 points". */
void
term_over(struct text *t, const struct room *r, const struct world_news *news);

/* A line from a terminal. */
void term_got(struct player *p, const char *bytes, size_t len);
/* A key from the terminal of who started the game (tty:). */
void term_key(struct player *p, const char *bytes, size_t len);
/* The cursor goes below the field: that terminal has another use after us. */
void term_leave(struct player *p);

#endif
