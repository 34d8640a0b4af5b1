/*
 * client.h - a client: its life, what a handshake found out, its tags.
 *
 * There is one struct client for each connection, in or out, and for each
 * player whose line is lost. It is made by client_new(), told to the game by
 * client_open(), ended by client_close() or client_abort() from wherever, and
 * freed at a turn's end, never inside a callback.
 */
#ifndef NETD_CLIENT_H
#define NETD_CLIENT_H

#include "ipc/buf.h"
#include "netd/outq.h"
#include "netd/transport.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct address_count;
struct connecting;
struct link;
struct mccp;
struct member;
struct netd;
struct resume;
struct side;
struct talk;
struct terminal;
struct url;

enum phase {
	CONNECTING, /* outgoing, not connected yet */
	HANDSHAKE,  /* bytes flow, the game does not know it yet */
	PLAYING,    /* the game was told OPENED */
	LEAVING,    /* flushing, then a goodbye; the game was told CLOSED */
	GONE        /* to be freed at the end of the turn */
};

/* An address as system calls have it. */
union address {
	struct sockaddr sa;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

/* The same in the space it needs. */
struct place {
	uint8_t ip[16]; /* of AF_INET the first four */
	uint16_t port;  /* in the network's order */
	uint8_t family; /* AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6 */
};

/* What a handshake found out; owned by the client, NULL members are "". */
struct peer {
	char *path, *query, *origin, *cookies, *subprotocol, *real;
	char *terminal;
	uint16_t columns, rows;
	uint32_t refs; /* peer.c: of clients that share it */
};

/* What few clients ever have; one that only listens has none of it. */
struct rare {
	uint64_t request;   /* of the CONNECT it came from, or 0 */
	char *bye;          /* text of its goodbye, owned, or NULL */
	struct ipc_buf tag; /* the game's own bytes */
	uint32_t dropped;   /* messages since the last DROPPED report */
	int32_t wrong;      /* malformed typed messages it sent */
	uint64_t dropped_bytes;
	double tokens; /* of messages_per_s */
	int64_t tokens_us;
	struct client *next_throttled;
	struct connecting *connecting; /* connect.c, while CONNECTING */
	struct terminal *terminal;     /* terminal.c; or NULL */
	struct side *side;             /* side.c: its program; or NULL */
	struct mccp *mccp;             /* mccp.c: it is compressed; or NULL */
};
/* A pointer that is there, where there is a struct rare. */
#define RARE(c, what) ((c)->rare ? (c)->rare->what : NULL)

/*
 * There are many of these, and most are idle: whatever else a client needs for
 * a while is allocated for that while. What every message looks at comes
 * first, so that it lies together.
 */
struct client {
	struct netd *netd;
	struct link *link;
	const struct transport *transport;
	const struct wire *wire;
	void *codec;     /* the transport's own, NULL if it needs none */
	struct url *url; /* settings in force; a view of the listener's */
	uint64_t id;     /* never reused */
	int fd;          /* -1 on wires without one */
	uint8_t phase;
	uint8_t reason;             /* why it is LEAVING or GONE */
	uint8_t speak;              /* enum speak: what it asked for */
	bool want_read, want_write; /* asked of epoll */
	bool outgoing : 1;
	bool told : 1;      /* OPENED was sent up */
	bool known : 1;     /* to a game before this one, dead or replaced */
	bool forgotten : 1; /* outgoing: its game is no more */
	bool throttled : 1; /* out of tokens for now */
	bool pressed : 1;   /* PRESSURE high was reported */
	bool dirty : 1;     /* on netd->dirty */
	bool saw_eof : 1;   /* the peer sends no more */
	bool said_goodbye : 1;
	bool heard : 1;          /* its first message came */
	bool pinged : 1;         /* and no answer yet */
	bool linger : 1;         /* left, but answers still go out */
	bool cut : 1;            /* our side is shut down */
	bool was_playing : 1;    /* before it was LEAVING */
	bool wait_peer : 1;      /* the peer is to answer our goodbye */
	bool buried : 1;         /* on netd->gone */
	bool listed_playing : 1; /* on netd->playing */
	uint32_t looks;          /* how text is written for it */
	struct resume *resume;   /* resume.c: may come back; or NULL */
	struct rare *rare;       /* or NULL */
	struct ipc_buf *in;      /* not a whole message yet; or NULL */
	struct outq out;
	struct client *next_dirty;
	int64_t bytes_us;  /* last bytes in */
	int64_t since_us;  /* its phase began, or its last message came */
	int64_t moved_us;  /* last bytes out, or when the queue began to wait */
	struct talk *talk; /* talk.c: states and events; or NULL */
	/* From here on, what a life has now and then. */
	struct client *next, *prev; /* on netd->pending or netd->playing */
	void *wire_state;           /* the wire's own */
	struct peer *peer;          /* shared (peer.c), or NULL */
	struct member *members;     /* its groups (groups.c) */
	struct address_count *from; /* the count of its address (listen.c) */
	uint64_t opened_at;         /* position of its OPENED frame */
	uint64_t closed_at;         /* position of its CLOSED frame */
	uint32_t everybody_at;      /* its place among everybody, from 1 */
	struct place place;         /* where it is */
};

/* With malloc()'s own 8 bytes it fills 256. */
_Static_assert(sizeof(struct client) <= 248, "idle clients must stay small");

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
/* The same, before all messages that wait. */
bool client_raw_first(struct client *c, const void *bytes, size_t len);
/* The player's window; what its terminal is, in up to 64 bytes. */
void client_resized(struct client *c, unsigned columns, unsigned rows);
void client_terminal(struct client *c, const char *text);
/* Close with a reason: flush, say goodbye, then end. Safe from anywhere. */
void client_close(struct client *c, unsigned reason, const char *detail);
/* The player says goodbye (^D): what it asked before is still answered. */
void client_leaves(struct client *c);
/* The peer is gone or broken: no flush, no goodbye. */
void client_abort(struct client *c, unsigned reason, const char *detail);
/* The line is lost; who may come back is waited for. */
void client_lost(struct client *c, unsigned reason, const char *detail);
/* The same, by the errno of its wire. */
void client_failed(struct client *c, int e);
/* It is LEAVING and its queue is empty: the goodbye, then the line. */
void client_leave_on(struct client *c);
/* The handshake's details, made on first use; NULL when out of memory. */
struct peer *client_peer(struct client *c);
/* The same of what few have. */
struct rare *client_rare(struct client *c);
/* Messages to it were given up: the sweep reports them. */
void client_dropped(struct client *c, unsigned messages, size_t bytes);

/* The same as client_got() for an out-of-band message, which is checked. */
bool client_side(struct client *c, const uint8_t *bytes, size_t len);

/* Its turn comes after this one's: what every message looks at is asked for.
 * There may be none. */
static inline void
client_warm(const struct client *c)
{
	if (c == NULL)
		return;
	__builtin_prefetch(c, 1);
	__builtin_prefetch((const char *)c + 64, 1);
	__builtin_prefetch((const char *)c + 128, 1);
}

/* For wires and the loop. */
void client_readable(struct client *c);
void client_writable(struct client *c);

struct client *client_new(struct netd *n, const struct transport *t,
    const struct wire *w, int fd, struct url *url);
struct client *client_find(const struct netd *n, uint64_t id);
/* The wire is up: tell the transport. */
void client_start(struct client *c);
/* Bytes to its wire, like the wire's own write. */
ssize_t client_write(struct client *c, const void *p, size_t n);
/* Write what the queue holds; the only place that sends. */
void client_flush(struct client *c);
/* It has something to flush at the turn's end. */
void client_mark(struct client *c);
/* What epoll watches for it, anew; and nothing any more. */
void client_watch(struct client *c);
void client_unwatch(struct client *c);
/* Give up bytes that wait to be a message. */
void client_keep_none(struct client *c);
/* A message without the envelope of a line that may be lost. */
bool
client_take(struct client *c, unsigned flags, const uint8_t *bytes, size_t len);
/* It said something that was taken: false, it is to be quiet for now. */
bool client_heard(struct client *c);
/* Add len bytes of a slice to its queue, as the class allows. */
void client_queue(struct client *c, struct slice *s, size_t off, size_t len,
    uint8_t class, uint16_t key);
/* The rest of a message whose beginning is sent already: never given up. */
void
client_queue_begun(struct client *c, struct slice *s, size_t off, size_t len);
/* Encode and queue a message of the game. */
void client_send(struct client *c, unsigned flags, uint16_t key,
    const uint8_t *bytes, size_t len);
/*
 * The same for as many of the frames at p as are plain messages to c, like the
 * first, which is f: how many bytes, and how many they are. 0: not even that
 * one.
 */
size_t client_send_row(struct client *c, const struct ipc_frame *f,
    const uint8_t *p, size_t n, size_t *messages);
/* Say OPENED, with this request and state. */
void client_tell(struct client *c, uint64_t request, unsigned state);
/* Say DROPPED, if something was given up since the last time. */
void client_report_drops(struct client *c);
/* It has tokens again: what waits in its buffer is read first. */
void client_feed_kept(struct client *c);
/* May the game still send to it? */
static inline bool
client_takes(const struct client *c)
{
	return c->phase == PLAYING || (c->phase == LEAVING && c->linger);
}
/* Where it is, to and from what a system call has. */
void client_put(struct client *c, const union address *a);
union address client_address(const struct client *c);
/* "127.0.0.1:4000", "[::1]:4000" or "unix". */
void address_print(const union address *a, char *out, size_t size);

/* ---- peer.c: what handshakes found out ---------------------------------- */

/* Give up what a client knows of its peer. */
void peer_drop(struct peer *p);
/* The handshake is over: share with who said the same. */
void peer_share(struct client *c);
void peers_release(struct netd *n);

#endif
