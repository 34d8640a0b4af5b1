/*
 * terminal.h - what a player's terminal can do, and text as it gets it.
 *
 * What follows for text from all that is known of a terminal is one number,
 * client.looks; who have the same number get the same bytes.
 */
#ifndef NETD_TERMINAL_H
#define NETD_TERMINAL_H

#include "ipc/msg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct netd;

struct terminal;

/* client.looks; 0: no terminal, it gets the bare text. */
#define LOOKS_WRAP_AT 0 /* 10 bits: columns, 0: do not wrap */
#define LOOKS_COLOURS_AT 10
#define LOOKS_CHARSET_AT 12
#define LOOKS_READER (1u << 14)
#define LOOKS_TERMINAL (1u << 15)
#define LOOKS_MARKUP (1u << 16) /* of a text, not of a client */

/* The terminal, or the transport for it, says: IPC_SET_*, as in SET_ABLE. */
void terminal_said(struct client *c, enum ipc_able what, int value);
/* It takes out-of-band messages, it edits its lines by itself (or not). */
void terminal_takes_side(struct client *c, bool on);
void terminal_edits(struct client *c, bool on);
/* The game decides; -1: as it said. False: no such value. */
bool terminal_set(struct client *c, unsigned what, int value);
/* A game that does not know yet is told of it. */
void terminal_tell(const struct client *c);

/* ---- look.c: text as a terminal gets it --------------------------------- */

/* Who have the same of these get the same bytes of a message with these
 * flags; 0: it goes as it is. */
uint32_t look_of(const struct client *c, unsigned flags);
/* The text for them: a view until the next call, or bytes itself. */
const uint8_t *
look_text(struct netd *n, uint32_t looks, const uint8_t *bytes, size_t *len);

#endif
