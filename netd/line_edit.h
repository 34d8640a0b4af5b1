/*
 * line_edit.h - a line being typed: bytes in, whole lines out.
 *
 * A line ends with CR LF, CR NUL, LF or CR. What comes out is valid UTF-8
 * without control characters: bytes that are not UTF-8 are taken for Latin-1,
 * a tab becomes a blank, NUL is dropped, keys and other escape sequences do
 * what they do or nothing. With echo it is the editor of a terminal that sends
 * every key by itself: it draws what happens, and it knows the keys of readline
 * that everybody's fingers know, the arrows, and a history.
 */
#ifndef NETD_LINE_EDIT_H
#define NETD_LINE_EDIT_H

#include "ipc/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_EDIT_HISTORY 16
/* A longer line is not remembered, in bytes. */
#define LINE_EDIT_REMEMBERED 256
/* With echo a line is at most this long, in bytes; more keys ring the bell. */
#define LINE_EDIT_DRAWN 512

struct line_edit {
	struct ipc_buf line; /* valid UTF-8, up to the limit of _init */
	size_t at;           /* the cursor, between two characters */
	bool echo;           /* draw: the terminal sends single keys (_echo) */
	bool hidden;         /* draw nothing but the end, remember nothing */
	bool was_cr;         /* an LF or NUL that follows belongs to it */
	bool done;           /* the line was handed out: begin anew */
	uint8_t part[4];     /* a character that is not whole yet */
	uint8_t n_part;
	uint8_t escape; /* where in an escape sequence we are */
	uint8_t escape_number;
	/*
	 * Bytes that may still be drawn: one key can draw a line anew, so the
	 * caller says how much of that one second sees. At 0 nothing is drawn.
	 */
	uint32_t budget;
	struct ipc_buf drawn; /* for the terminal; the caller empties it */
	char *history[LINE_EDIT_HISTORY]; /* a ring, owned */
	uint8_t newest, recalled;         /* recalled: how far back, 0: not */
};

enum line_edit_did {
	LINE_EDIT_MORE,     /* all bytes are used */
	LINE_EDIT_LINE,     /* line is whole; a view until the next call */
	LINE_EDIT_TOO_LONG, /* over the limit */
	LINE_EDIT_BREAK,    /* ^C: the line was given up */
	LINE_EDIT_END       /* ^D on an empty line */
};

/* max: bytes of a line. Allocates nothing yet. */
void line_edit_init(struct line_edit *e, size_t max);
void line_edit_release(struct line_edit *e);
/* Read until something happens; *used says how many of the n bytes. */
enum line_edit_did
line_edit_feed(struct line_edit *e, const uint8_t *p, size_t n, size_t *used);
/* As the keys do: telnet has commands for them. */
void line_edit_erase(struct line_edit *e);
void line_edit_kill(struct line_edit *e);
/* Give up what was typed. */
void line_edit_clear(struct line_edit *e);
/* The terminal begins, or ends, to leave the echo to us. */
void line_edit_echo(struct line_edit *e, bool on);
/* Is something typed? */
bool line_edit_typed(const struct line_edit *e);
/* Draw the line anew at the cursor: something was printed over it. */
void line_edit_redraw(struct line_edit *e);

#endif
