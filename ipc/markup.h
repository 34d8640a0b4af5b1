/*
 * markup.h - text with colours as words in braces, and what each terminal
 * gets of it. gamecore.h says how it is written.
 *
 * Here because both ends need it: netd writes it for each kind of terminal,
 * and a game that shows a long text by the screen must know how many rows that
 * makes.
 */
#ifndef IPC_MARKUP_H
#define IPC_MARKUP_H

#include "ipc/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ipc_charset { IPC_ASCII, IPC_UTF8, IPC_LATIN1 };

/* Who it is written for. */
struct ipc_look {
	bool terminal;    /* else the bare text, whatever the rest says */
	bool reader;      /* it reads aloud: no colours, no drawn lines */
	uint8_t colours;  /* 0 none, 1 of 16, 2 of 256, 3 of 24 bits */
	uint8_t charset;  /* enum ipc_charset */
	uint16_t columns; /* to wrap at, 0: not */
};

/* How deep {red}{bold}... may go; what is deeper changes nothing. */
#define IPC_MARKUP_DEPTH 16
/* The longest word in braces. */
#define IPC_MARKUP_TAG_MAX 24

/*
 * Append n bytes of text as such a terminal gets it. markup: it is, else only
 * the character set is looked at. Bytes that are not UTF-8 become a sign that
 * says so. Returns 0, or IPC_ERR_NO_MEMORY (out is full).
 */
int ipc_markup_write(const struct ipc_look *look, bool markup,
    const uint8_t *bytes, size_t n, struct ipc_buf *out);
/*
 * How many of the n bytes fill so many rows of that terminal? What is still in
 * force there is appended to open as tags, to stand before the rest.
 */
size_t ipc_markup_rows(const struct ipc_look *look, bool markup,
    const uint8_t *bytes, size_t n, unsigned rows, struct ipc_buf *open);

#endif
