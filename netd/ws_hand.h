/*
 * ws_hand.h - the opening handshake of RFC 6455 section 4, both sides.
 */
#ifndef NETD_WS_HAND_H
#define NETD_WS_HAND_H

#include "ipc/buf.h"
#include "netd/http.h"
#include "netd/url.h"

#include <stdbool.h>
#include <stdint.h>

/* Base64 of a SHA-1, with its NUL. */
#define WS_ACCEPT_SIZE 29

/* Does this request ask for a WebSocket, rightly or not? */
bool ws_hand_asked(const struct http_head *h);
/*
 * May it have one at u? 0, or the status to refuse it with: 400, 403, 426.
 * *why is then a constant sentence.
 */
unsigned
ws_hand_check(const struct http_head *h, const struct url *u, const char **why);
/* Terminal text in BINARY frames, out-of-band messages in TEXT frames
 * (mudstandards.org/websocket). */
#define WS_MUD_SUBPROTOCOL "gmcp.mudstandards.org"
/* The subprotocol that is chosen of what is offered, or NULL: a line that may
 * be lost, else u's own, else that of MUDs, else what is to be spoken. */
const char *ws_hand_subprotocol(const struct http_head *h, const struct url *u);
/* What it asks to speak (enum speak): the word speak= of its query, or one of
 * the subprotocols penstock.json and penstock.msgpack. */
unsigned ws_hand_speaks(const struct http_head *h);
/* Is a line that may be lost and replaced asked for? */
bool ws_hand_resumes(const struct http_head *h);
/* Append the whole 101. False: out is full. */
bool ws_hand_answer(struct ipc_buf *out, const struct http_head *h,
    const struct url *u, int64_t now_s);

/*
 * Append the request of a client, with a key from the system's dice, and say
 * what the server must answer to it. False: out is full, or there are no dice.
 */
bool ws_hand_request(
    struct ipc_buf *out, const struct url *u, char accept[WS_ACCEPT_SIZE]);
/* What is wrong with the server's answer: a constant sentence, or NULL. */
const char *ws_hand_refused(
    const struct http_head *h, const struct url *u, const char *accept);

#endif
