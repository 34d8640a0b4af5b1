/*
 * netd.h - the structs of netd and the prototypes, grouped under the file
 * that defines them. There is no global state: everything hangs off struct
 * netd. README.md follows one byte through these files.
 */
#ifndef NETD_NETD_H
#define NETD_NETD_H

#include "ipc/buf.h"
#include "ipc/frame.h"
#include "ipc/msg.h"
#include "netd/config.h"
#include "netd/transport.h"
#include "netd/url.h"

#include <ev.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct netd;
struct link;
struct group;

/* ---- outq.c: bytes on their way to one client -------------------------- */

/* Encoded bytes, shared by every queue they are on; never change. */
struct slice {
	uint32_t refs;
	uint32_t len;
	uint8_t bytes[];
};

/* A new slice of len bytes with one reference, or NULL. */
struct slice *slice_new(size_t len);
struct slice *slice_hold(struct slice *s);
void slice_drop(struct slice *s);

/* One message's place in a queue. */
struct seg {
	struct seg *next;
	struct slice *slice;
	uint32_t off, len; /* what is still to be sent of the slice */
	uint16_t key;      /* of class LATEST */
	uint8_t class;     /* IPC_RELIABLE ... */
	bool begun;        /* partly sent: may not be dropped any more */
};

struct outq {
	struct seg *head, *tail;
	size_t bytes; /* still to be sent */
};

/* ---- client.c: a client's life ------------------------------------------ */

enum phase {
	CONNECTING, /* outgoing, not connected yet */
	HANDSHAKE,  /* bytes flow, the game does not know it yet */
	PLAYING,    /* the game was told OPENED */
	LEAVING,    /* flushing, then a goodbye; the game was told CLOSED */
	GONE        /* to be freed at the end of the turn */
};

/* An address in the space it needs. */
union address {
	struct sockaddr sa;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

/* What a handshake found out; owned by the client, NULL members are "". */
struct peer {
	char *path, *query, *origin, *cookies, *subprotocol, *real;
};

struct client {
	struct netd *netd;
	struct link *link;
	const struct transport *transport;
	const struct wire *wire;
	void *codec;      /* the transport's own, NULL if it needs none */
	void *wire_state; /* the wire's own */
	struct listener *listener; /* NULL: outgoing, or its listener closed */
	struct url *url;  /* settings in force; a view of the listener's */
	uint64_t id;      /* never reused */
	uint64_t request; /* of the CONNECT it came from, or 0 */
	int fd;           /* -1 on wires without one */
	uint8_t phase;
	uint8_t reason; /* why it is LEAVING or GONE */
	bool outgoing;
	bool told;                  /* OPENED was sent up */
	bool want_read, want_write; /* asked of epoll */
	bool throttled;             /* out of tokens until tokens_us */
	bool pressed;               /* PRESSURE high was reported */
	bool dirty;                 /* on netd->dirty */
	bool saw_eof;               /* the peer sends no more */
	bool said_goodbye;
	bool heard;        /* its first message came */
	bool pinged;       /* and no answer yet */
	struct ipc_buf in; /* bytes that are not a whole message yet */
	struct outq out;
	int64_t since_us; /* when this phase began */
	int64_t heard_us; /* last bytes in */
	int64_t moved_us; /* last bytes out, or when the queue began to wait */
	double tokens;
	int64_t tokens_us;
	uint32_t dropped; /* messages since the last DROPPED report */
	uint64_t dropped_bytes;
	struct ipc_buf tag;
	struct peer *peer;
	union address addr;
	struct member *members;     /* its groups (groups.c) */
	struct address_count *from; /* the count of its address (listen.c) */
	struct client *next_dirty;
	struct client *next, *prev; /* netd->clients[phase class] */
	size_t index;               /* in netd->table */
};

/*
 * For transports. client_open: the handshake is done; the game is told.
 * client_got: a whole message from the player; flags IPC_TEXT or IPC_BINARY;
 * true: go on, false: stop feeding now (the bytes of this message count as
 * used). client_raw: put bytes of the protocol itself on the queue (a pong, a
 * handshake answer, a piece of a file), false if the queue is full and the
 * client is being closed. client_raw_slice: the same, sharing a slice.
 */
void client_open(struct client *c);
bool
client_got(struct client *c, unsigned flags, const uint8_t *bytes, size_t len);
bool client_raw(struct client *c, const void *bytes, size_t len);
/* Close with a reason: flush, say goodbye, then end. Safe from anywhere. */
void client_close(struct client *c, unsigned reason, const char *detail);
/* The peer is gone or broken: no flush, no goodbye. */
void client_abort(struct client *c, unsigned reason, const char *detail);
/* The handshake's details, made on first use; NULL when out of memory. */
struct peer *client_peer(struct client *c);

/* For wires and the loop. */
void client_readable(struct client *c);
void client_writable(struct client *c);

struct client *client_new(struct netd *n, const struct transport *t,
    const struct wire *w, int fd, struct url *url);
struct client *client_find(struct netd *n, uint64_t id);
/* Wire is up: tell the transport. */
void client_start(struct client *c);
/* Write what the queue holds; the only place that sends. */
void client_flush(struct client *c);
/* End of a turn: flush the dirty, free the GONE. */
void clients_turn(struct netd *n);
/* Deadlines, idle times, slow ones, DROPPED reports: four times a second. */
void clients_sweep(struct netd *n);
/* Add an encoded message to the queue as its class allows. */
void
client_queue(struct client *c, struct slice *s, uint8_t class, uint16_t key);
/* Encode and queue a message of the game. */
void client_send(struct client *c, unsigned flags, uint16_t key,
    const uint8_t *bytes, size_t len);
/* Say OPENED to the link again, with this request and state. */
void client_tell(struct client *c, uint64_t request, unsigned state);
/* Reading of all players stops while the game is behind. */
void clients_hold_input(struct netd *n, bool hold);
/* "127.0.0.1:4000", "[::1]:4000" or "unix". */
void address_print(const union address *a, char *out, size_t size);

#endif
