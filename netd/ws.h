/*
 * ws.h - what a connection of ws:// keeps, from its first request on. Shared
 * by tr_ws.c (frames) and web.c (requests), nobody else's.
 */
#ifndef NETD_WS_H
#define NETD_WS_H

#include "ipc/buf.h"
#include "netd/files.h"
#include "netd/netd.h"
#include "netd/utf8.h"
#include "netd/ws_frame.h"

#include <stdbool.h>
#include <stdint.h>

enum ws_state {
	HTTP,   /* requests and answers */
	ASKING, /* outgoing: the server's answer is to come */
	FRAMES, /* a WebSocket */
	DONE    /* whatever else comes is not looked at */
};

/* A message, a control frame or a frame's head of which a part is here. */
struct gather {
	struct ipc_buf message;
	struct utf8 utf8;
	uint8_t n_control;
	uint8_t control[WS_CONTROL_MAX];
	uint8_t n_head;
	uint8_t head[WS_HEAD_MAX];
};

/* c->codec. Every idle connection has one, so it is packed. */
struct ws {
	union {
		struct file *file;     /* HTTP: being sent, or NULL */
		char *accept;          /* ASKING: what must be answered */
		struct gather *gather; /* FRAMES: or NULL */
	};
	uint64_t left; /* in_frame: of its payload, to come */
	union {
		uint8_t mask[4];   /* in_frame */
		uint32_t requests; /* HTTP: so far */
	};
	uint8_t opcode;    /* of the message at hand, 0: none */
	uint8_t frame;     /* in_frame: the frame's */
	uint8_t state : 2; /* enum ws_state */
	bool in_frame : 1; /* a head was read, its payload is not complete */
	bool fin : 1;      /* in_frame: the last of its message */
	bool close : 1;    /* HTTP: after the file at hand */
	bool said : 1;     /* our close frame is sent */
	bool midline : 1;  /* a terminal's cursor stands behind a prompt */
};

_Static_assert(sizeof(struct ws) <= 24, "idle connections must stay small");

/*
 * The peer broke the rules, or we have no room: nothing more is read from it,
 * and it is closed with that reason. Returns false, for the caller's return.
 */
bool ws_give_up(struct client *c, unsigned reason, const char *why);
/* The handshake is done, with this subprotocol or NULL. */
void ws_open(struct client *c, const char *subprotocol);

#endif
