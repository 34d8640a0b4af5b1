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

/* A message or a control frame of which a part is here. */
struct gather {
	struct ipc_buf message;
	struct utf8 utf8;
	uint8_t n_control;
	uint8_t control[WS_CONTROL_MAX];
};

/* c->codec. Every idle connection has one: keep it at 40 bytes at most. */
struct ws {
	union {
		struct file *file;     /* HTTP: being sent, or NULL */
		char *accept;          /* ASKING: what must be answered */
		struct gather *gather; /* FRAMES: or NULL */
	};
	union {
		struct ws_head head;        /* in_frame; len: what is to come */
		uint8_t stash[WS_HEAD_MAX]; /* else: not all of a head */
	};
	uint8_t state;
	uint8_t opcode; /* of the message at hand, 0: none */
	bool in_frame;  /* a head was read, its payload is not complete */
	bool close;     /* HTTP: after the file at hand */
	bool said;      /* our close frame is sent */
	bool midline;   /* a terminal's cursor stands behind a prompt */
	uint8_t n_stash;
	uint16_t requests;
};

_Static_assert(sizeof(struct ws) <= 40, "idle connections must stay small");

/*
 * The peer broke the rules, or we have no room: nothing more is read from it,
 * and it is closed with that reason. Returns false, for the caller's return.
 */
bool ws_give_up(struct client *c, unsigned reason, const char *why);
/* The handshake is done, with this subprotocol or NULL. */
void ws_open(struct client *c, const char *subprotocol);

#endif
