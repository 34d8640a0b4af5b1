/*
 * markup_tag.h - words in braces, and what they are on a terminal.
 */
#ifndef IPC_MARKUP_TAG_H
#define IPC_MARKUP_TAG_H

#include "ipc/buf.h"
#include "ipc/markup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How letters look. Colours: 0 the terminal's own, or one of these. */
#define IPC_INK_NAMED (1u << 24) /* and 0 to 15 */
#define IPC_INK_RGB (2u << 24)   /* and 0xrrggbb */
struct ipc_ink {
	uint32_t front, back;
	uint8_t on; /* bits, see markup_tag.c */
};

enum ipc_tag {
	IPC_TAG_NONE,  /* no tag begins here */
	IPC_TAG_INK,   /* *ink is changed */
	IPC_TAG_BACK,  /* {/} */
	IPC_TAG_RESET, /* {reset} */
	IPC_TAG_PRE,   /* {pre} */
	IPC_TAG_END_PRE
};

/* Read the tag that begins at p, a brace, of n bytes; *len is its length. */
enum ipc_tag
ipc_tag_read(const uint8_t *p, size_t n, size_t *len, struct ipc_ink *ink);
/* Bytes that ipc_ink_write() may need. */
#define IPC_INK_MAX 64
/* From how letters looked to how they are to look, for so many colours (as in
 * struct ipc_look). Returns how many bytes. */
size_t ipc_ink_write(const struct ipc_ink *from, const struct ipc_ink *to,
    unsigned colours, uint8_t out[IPC_INK_MAX]);

#endif
