/*
 * transport.h - the seam: a transport is a codec, a wire carries its bytes.
 *
 * A transport makes no system call. Bytes go in by feed(), whole messages
 * come out through client_got(); a message goes in by encode(), bytes come
 * out in a slice. So one file serves real sockets, memory, the bad network
 * and a fuzzer. Optional slots are NULL. A new transport is one file and one
 * row in transports.c.
 */
#ifndef NETD_TRANSPORT_H
#define NETD_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct client;
struct event;
struct listener;
struct netd;
struct slice;
struct url;
union address;

/* Round trip, smoothed; and what part of our datagrams is lost, 0 to 1. */
struct line_quality {
	double rtt_s, loss;
};

/*
 * feed() may answer, besides the number of bytes it used, one of these small
 * negative numbers: -IPC_REASON_*. client.c then closes the client with that
 * reason. Using fewer bytes than offered means "come again with these and
 * more"; the rest is kept, up to the limit message.bytes_max plus a head.
 */
struct transport {
	const char *name; /* the word before the colon: line://[::]:4000 */
	bool is_unix;     /* listens on a path instead of host:port */
	bool is_tty;      /* the one terminal: no host, and no socket */
	bool is_prose;    /* a person reads its messages as they are */
	uint8_t natural;  /* enum speak: of typed messages, if nobody says */
	/*
	 * A connection is there (accepted, or c->outgoing and connected). A
	 * codec without a handshake calls client_open(c) from here. May
	 * allocate c->codec, which close() frees. 0 or -IPC_REASON_*.
	 */
	int (*start)(struct client *c);
	/* Bytes -> messages. See above. May be called with len 0 never. */
	ssize_t (*feed)(struct client *c, const uint8_t *bytes, size_t len);
	/*
	 * Message -> bytes, the same for every client of this transport and
	 * direction, so that a broadcast is encoded once. flags: IPC_BINARY.
	 * outgoing: for the client side of the protocol (WebSocket masks).
	 * Writes at most encode_max(len) bytes to out; returns how many.
	 */
	size_t (*encode)(bool outgoing, unsigned flags, const uint8_t *bytes,
	    size_t len, uint8_t *out);
	size_t (*encode_max)(size_t len);
	/* What encode() makes takes no more than a frame of the pipe, and there
	 * is no before() and no sent(), nor apart. */
	bool fits_frame;
	/*
	 * What differs from client to client around a message of the game:
	 * before() is called before it is queued, sent() after, with the
	 * message as encode() wrote it; both may client_raw(). Of several
	 * messages that are queued as one, sent() sees the last; apart is put
	 * between two of them where the first does not end in a newline.
	 */
	void (*before)(struct client *c);
	void (*sent)(struct client *c, const uint8_t *bytes, size_t len);
	const char *apart;
	/* What the player types is not to be seen (or is again). */
	void (*hide)(struct client *c, bool on);
	/* In which forms it takes out-of-band messages now. */
	unsigned (*side_forms)(const struct client *c);
	/* A Core.Ping came that way: answer it, if not too often. */
	bool (*may_pong)(struct client *c);
	/*
	 * Add a goodbye to the queue (client_raw) before the close: a
	 * WebSocket close frame, or nothing. text may be empty. Returns true
	 * if the peer is to answer it (wait up to limit close_ms).
	 */
	bool (*goodbye)(
	    struct client *c, unsigned reason, const char *text, size_t len);
	/* Nothing came for keepalive_ms: send a ping. NULL: cannot. */
	void (*ping)(struct client *c);
	/* The queue ran empty: more of a file may follow (client_raw). */
	void (*drained)(struct client *c);
	/* The client goes away: free c->codec. */
	void (*close)(struct client *c);
	/*
	 * For transports over datagrams, whose listener is one UDP socket for
	 * all its clients: take over the socket fd of l (taken) and make its
	 * clients; returns what close_socket() is given, NULL: out of memory.
	 * When the listener closes its clients stay, and no new ones come.
	 * What encode() makes reaches the wire in whole messages.
	 */
	void *(*open_socket)(struct listener *l, int fd);
	void (*close_socket)(void *socket);
	/* What it listens on is no socket: open it; -1: *what says why not. */
	int (*open_device)(const struct netd *n, const char **what);
	/*
	 * Instead of a connected socket: begin to connect c outwards. When it
	 * stands, connect_forget(c) and client_start(c). False: cannot, and
	 * errno says why.
	 */
	bool (*dial)(struct client *c, const union address *to);
	/* How the line is, "rtt_ms=12 lost=3 sent=900", for an operator. */
	void (*line)(const struct client *c, char *out, size_t size);
	/* The same for /metrics. False: nothing is known of it yet. */
	bool (*quality)(const struct client *c, struct line_quality *q);
	/*
	 * A protocol of its own for states and events (state.h, event.h):
	 * there is news of c's store; an event to carry: true, and
	 * event_done() is called for it later. NULL: talk.c speaks.
	 */
	void (*state)(struct client *c);
	bool (*event)(struct client *c, const struct event *e);
	/*
	 * For lines that may be lost and replaced (resume.h): a variant of
	 * this transport whose encode() puts the byte '=' before a message,
	 * and in that variant the way back. NULL: there is none.
	 */
	const struct transport *resumable, *bare;
};

/* Of out-of-band messages: side.c writes them. */
enum side_form {
	SIDE_GMCP = 1, /* IAC SB GMCP Package.Sub json IAC SE */
	SIDE_TEXT = 2, /* a TEXT frame of a WebSocket */
	SIDE_MSDP = 4  /* the variables that were asked for */
};

/*
 * What carries a client's bytes. Each call is like the system call of that
 * name on a non-blocking socket: bytes moved, or -1 with errno (EAGAIN: the
 * wire will call client_readable or client_writable when it is worth it).
 */
struct wire {
	const char *name;
	ssize_t (*read)(struct client *c, void *p, size_t n);
	ssize_t (*write)(struct client *c, const void *p, size_t n);
	/* No more from us; what was written still arrives. */
	void (*shutdown)(struct client *c);
	/*
	 * Optional, for a wire with queues of its own: may the descriptor be
	 * watched for reading? client_watch() asks. Such a wire also calls
	 * client_writable() by itself after an EAGAIN.
	 */
	bool (*wants_read)(struct client *c);
	/* Optional: what was another client's, wire_state and fd, is c's. */
	void (*moved)(struct client *c);
	/* Free everything of the wire; the descriptor is closed. */
	void (*close)(struct client *c);
};

extern const struct wire wire_sock;
extern const struct wire wire_bad;

/* The rows of transports.c; NULL if there is none of that name. */
const struct transport *transport_find(const char *name, size_t len);
/* The i-th row, or NULL past the end: for help texts and tests. */
const struct transport *transport_at(unsigned i);

extern const struct transport tr_line;
extern const struct transport tr_tcp;
extern const struct transport tr_ws;
extern const struct transport tr_unix;
extern const struct transport tr_telnet;
extern const struct transport tr_tty;
extern const struct transport tr_pygase;
extern const struct transport tr_udp;

#endif
