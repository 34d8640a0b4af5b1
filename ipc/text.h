/*
 * text.h - a frame as one readable line, and back.
 *
 *	MESSAGE id=3 "look\x0a"
 *	CLOSED id=3 channel=slow "262144 bytes waited"
 *	LISTEN id=1 url="line://127.0.0.1:0"
 *	KIND_63 id=0 "of a version to come"
 *
 * NAME is a kind of messages.def, then the id, flags and channel where they
 * are not 0, then the fields by name, or the bytes. In quotes \" \\ and \xNN
 * mean what they do in C. What a reader of a dump sees can be pasted back: a
 * leading < or > with words that begin with a digit (position, time) is passed
 * over, as are blank lines and those that begin with #.
 */
#ifndef IPC_TEXT_H
#define IPC_TEXT_H

#include "ipc/buf.h"
#include "ipc/frame.h"

#include <stdbool.h>
#include <stddef.h>

struct ipc_text_error {
	size_t column; /* of the byte that is wrong, from 1 */
	char text[120];
};

/*
 * Append the line for *f, without newline. all: whatever the frame holds,
 * ipc_text_parse() makes the same bytes of the line again; else long bytes
 * are cut. True, or false if out is full.
 */
bool ipc_text_print(const struct ipc_frame *f, bool all, struct ipc_buf *out);
/*
 * Append to out the whole frame that a line of len bytes says. Returns 1, 0
 * when the line says nothing (blank or #), or IPC_ERR_INVALID (*e says what
 * and where), IPC_ERR_TOO_LONG or IPC_ERR_NO_MEMORY (out is full); out is
 * then unchanged.
 */
int ipc_text_parse(const char *line, size_t len, struct ipc_buf *out,
    struct ipc_text_error *e);
/*
 * Does *f fit this line? Every word of the line must be in the frame's own
 * line; words that are left out fit anything, and "text"* fits bytes that
 * begin so. "> SEND id=7" fits any SEND to 7.
 */
bool ipc_text_match(const struct ipc_frame *f, const char *line, size_t len);

/* Is this frame about that connection, as its id says (sends to groups and
 * what is numbered otherwise are not)? */
bool ipc_text_about(const struct ipc_frame *f, uint64_t conn);

#endif
