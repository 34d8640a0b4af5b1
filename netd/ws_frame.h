/*
 * ws_frame.h - frames of RFC 6455 section 5: heads, masks, close codes. Pure:
 * no state, no I/O.
 */
#ifndef NETD_WS_FRAME_H
#define NETD_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum ws_opcode {
	WS_CONTINUATION = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10
};

/* The longest head, and the longest payload of a control frame. */
#define WS_HEAD_MAX 14
#define WS_CONTROL_MAX 125

struct ws_head {
	uint64_t len;    /* of the payload */
	uint8_t mask[4]; /* all zero if it is not masked */
	uint8_t opcode;
	bool fin;
};

/*
 * Read the head of a frame that must be masked, or must not. Returns how many
 * bytes it takes; 0: more are needed; -1: no frame begins like this, *why is
 * a constant sentence. What is wrong is found with the first byte that shows
 * it, so the answer does not depend on where the bytes were cut.
 */
int ws_head_read(const uint8_t *p, size_t n, bool masked, struct ws_head *h,
    const char **why);
/*
 * Write the head of a whole message or control frame; mask NULL: none.
 * Returns its size.
 */
size_t ws_head_write(uint8_t out[WS_HEAD_MAX], unsigned opcode,
    const uint8_t mask[4], uint64_t len);
/*
 * XOR n bytes with the mask, which is left turned to where the next piece of
 * the payload goes on. to may be from.
 */
void ws_mask(uint8_t *to, const uint8_t *from, size_t n, uint8_t mask[4]);
/* May this code stand in a close frame? (7.4: never 1005, 1006, 1015.) */
bool ws_code_valid(unsigned code);

#endif
