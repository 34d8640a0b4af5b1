/*
 * netd.h - the structs of netd and the prototypes, grouped under the file
 * that defines them. There is no global state: everything hangs off struct
 * netd. README.md follows one byte through these files.
 */
#ifndef NETD_NETD_H
#define NETD_NETD_H

#include "ipc/buf.h"
#include "ipc/control.h"
#include "ipc/frame.h"
#include "ipc/msg.h"
#include "netd/config.h"
#include "netd/metrics.h"
#include "netd/record.h"
#include "netd/speak.h"
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
struct resolver;
struct operator;
struct datagrams;
struct states;
struct talk;

/* ---- outq.c: bytes on their way to one client -------------------------- */

/* Encoded bytes, shared by every queue they are on; never change. */
struct slice {
	uint32_t refs;
	uint32_t len;
	bool arena; /* the turn's arena: not to be held beyond the turn */
	uint8_t bytes[];
};

/* A new slice of len bytes with one reference, or NULL. */
struct slice *slice_new(size_t len);
void slice_drop(struct slice *s);

/* One message's place in a queue. */
struct seg {
	struct seg *next;
	struct slice *slice; /* holds a reference */
	uint32_t off, len;   /* what is still to be sent of the slice */
	uint32_t whole;      /* a message that may be sent again: its length */
	uint16_t key;        /* of class LATEST */
	uint8_t class;       /* IPC_RELIABLE ... */
	bool begun;          /* partly sent: may not be dropped any more */
};

struct outq {
	struct seg *head, *tail;
	size_t bytes; /* still to be sent */
};

/* Append len bytes of s from off; takes a reference. False: no memory. */
bool outq_add(struct outq *q, struct slice *s, size_t off, size_t len,
    uint8_t class, uint16_t key);
/* The same for one whole message that is kept when it is sent. */
bool outq_add_whole(struct outq *q, struct slice *s, size_t off, size_t len,
    uint8_t class, uint16_t key);
/* Bytes of a protocol that overtake all that is not begun. */
bool outq_add_first(struct outq *q, struct slice *s, size_t off, size_t len);
/* The next bytes to send, contiguous: a view of a slice or of scratch. */
const uint8_t *
outq_peek(const struct outq *q, uint8_t *scratch, size_t size, size_t *n);
/* n bytes of them are sent; whole messages go on to kept: how many. */
size_t outq_sent(struct outq *q, size_t n, struct outq *kept);
/* Nothing of what waits was received: only whole messages stay. Returns how
 * many bytes fewer (or more, negative) wait now. */
ssize_t outq_unsend(struct outq *q);
/* Give up the first n messages; all of one queue goes before another. */
void outq_forget(struct outq *q, size_t n);
void outq_prepend(struct outq *q, struct outq *first);
/* Give up the waiting LATEST message with this key: its bytes, or 0. */
size_t outq_replace(struct outq *q, uint16_t key);
/* Give up the oldest message of a class: its bytes, or 0. */
size_t outq_drop_oldest(struct outq *q, uint8_t class);
/* Replace views into the turn's arena by bytes of the queue's own. */
bool outq_settle(struct outq *q);
/* Give up everything but a message that is partly sent. */
void outq_cut(struct outq *q);
void outq_clear(struct outq *q);

/* ---- journal.c: frames on their way to the game ------------------------- */

/* Frames lie whole in chunks; one write() sends what is left of one. */
struct chunk {
	struct chunk *next;
	uint64_t first; /* position of its first frame */
	size_t size, len;
	uint32_t refs; /* the journal's, and one for each record of its bytes */
	uint8_t bytes[];
};

/*
 * What went up: kept from the oldest frame that may be needed again to the
 * newest, with a cursor for what the pipe has taken. Positions count frames
 * from 1.
 */
struct journal {
	struct chunk *head, *tail;
	struct chunk *at; /* the chunk that is being sent */
	size_t at_off;    /* sent of it */
	struct chunk *spare;
	uint64_t position; /* of the newest frame */
	uint64_t sent;     /* frames that the pipe has taken whole */
	size_t frame_left; /* bytes of a frame that it has taken in part */
	size_t unsent;     /* bytes */
	size_t kept;       /* bytes in memory before the cursor */
	bool keep;         /* keep what was sent, until journal_forget() */
	/* The oldest frame that record_up() has not seen; NULL: there is none.
	 * It looks before anything of it is sent. */
	struct chunk *fresh;
	size_t fresh_off;
	uint64_t recorded; /* the newest frame that it has seen */
};

/* Lay down a frame with len bytes from two places. False: no memory. */
bool journal_add(struct journal *j, const struct ipc_frame *f,
    const uint8_t *more, size_t more_len);
/* The same for what nearly every frame finds: the place of a whole frame of
 * size bytes, which the caller fills; NULL: journal_add() must make room. */
static inline uint8_t *
journal_place(struct journal *j, size_t size)
{
	struct chunk *c = j->tail;

	if (c == NULL || j->fresh == NULL || c->size - c->len < size)
		return NULL;
	c->len += size;
	j->unsent += size;
	j->position++;
	return c->bytes + c->len - size;
}
/* What to write next, up to the end of frame number until: *n bytes, NULL if
 * nothing. */
const uint8_t *journal_next(const struct journal *j, uint64_t until, size_t *n);
void journal_sent(struct journal *j, size_t n);
/* Frames up to and with this position are not needed again. */
void journal_forget(struct journal *j, uint64_t position);
/* Send again from behind this position on. False: it is forgotten. */
bool journal_rewind(struct journal *j, uint64_t position);
/* Frame number position, a view; NULL if it is not kept. */
struct ipc_frame *
journal_find(const struct journal *j, uint64_t position, struct ipc_frame *f);
/* A place between two frames; begins behind the frame at position. */
struct walk {
	uint64_t position;
	struct chunk *chunk;
	size_t off;
};
/* The next frame that is kept, a view; false at the end. */
bool journal_walk(const struct journal *j, struct walk *w, struct ipc_frame *f);
/* Put another frame in its place; its bytes, padded with blanks or cut to fit,
 * become a view of what is there. */
void
journal_replace(struct journal *j, uint64_t position, struct ipc_frame *with);
void journal_clear(struct journal *j);
/* A record of a chunk's bytes is no more. */
void journal_give_back(void *chunk);

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
	uint64_t dropped_bytes;
	double tokens; /* of messages_per_s */
	int64_t tokens_us;
	struct client *next_throttled;
};

/* What every message looks at comes first, so that it lies together. */
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
	uint8_t reason; /* why it is LEAVING or GONE */
	bool outgoing;
	bool told;      /* OPENED was sent up */
	bool known;     /* to a game before this one, dead or replaced */
	bool forgotten; /* outgoing: the game that asked for it is no more */
	bool want_read, want_write; /* asked of epoll */
	bool throttled;             /* out of tokens for now */
	bool pressed;               /* PRESSURE high was reported */
	bool dirty;                 /* on netd->dirty */
	bool saw_eof;               /* the peer sends no more */
	bool said_goodbye;
	bool heard;       /* its first message came */
	bool pinged;      /* and no answer yet */
	bool linger;      /* left, but answers to what it said still go out */
	bool cut;         /* our side is shut down, waiting for the peer's */
	bool was_playing; /* before it was LEAVING */
	bool wait_peer;   /* the peer is to answer our goodbye */
	bool buried;      /* on netd->gone */
	bool listed_playing;   /* on netd->playing */
	uint8_t speak;         /* enum speak: what it asked for */
	int32_t wrong;         /* malformed typed messages it sent */
	struct resume *resume; /* resume.c: may come back; or NULL */
	struct outq out;
	struct client *next_dirty;
	int64_t bytes_us;  /* last bytes in */
	int64_t heard_us;  /* last message in */
	int64_t moved_us;  /* last bytes out, or when the queue began to wait */
	struct ipc_buf in; /* bytes that are not a whole message yet */
	struct talk *talk; /* talk.c: states and events; or NULL */
	/* From here on, what a life has now and then. */
	int64_t since_us;           /* when this phase began */
	struct client *next, *prev; /* on netd->pending or netd->playing */
	struct listener *listener;  /* NULL: outgoing, or its listener closed */
	void *wire_state;           /* the wire's own */
	struct rare *rare;          /* or NULL */
	struct peer *peer;          /* shared (peer.c), or NULL */
	struct member *members;     /* its groups (groups.c) */
	struct address_count *from; /* the count of its address (listen.c) */
	uint64_t opened_at;         /* position of its OPENED frame */
	uint64_t closed_at;         /* position of its CLOSED frame */
	struct connecting *connecting; /* connect.c, while CONNECTING */
	struct side *side;             /* side.c: its program; or NULL */
	struct terminal *terminal;     /* terminal.c; or NULL */
	struct mccp *mccp;             /* mccp.c: it is compressed; or NULL */
	uint32_t looks;                /* how text is written for it */
	uint32_t everybody_at;         /* its place among everybody, from 1 */
	union address addr;
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
/* The handshake's details, made on first use; NULL when out of memory. */
struct peer *client_peer(struct client *c);
/* The same of what few have. */
struct rare *client_rare(struct client *c);
/* Messages to it were given up: the sweep reports them. */
void client_dropped(struct client *c, unsigned messages, size_t bytes);

/* The same as client_got() for an out-of-band message, which is checked. */
bool client_side(struct client *c, const uint8_t *bytes, size_t len);

/* For wires and the loop. */
void client_readable(struct client *c);
void client_writable(struct client *c);

struct client *client_new(struct netd *n, const struct transport *t,
    const struct wire *w, int fd, struct listener *l, struct url *url);
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
/* "127.0.0.1:4000", "[::1]:4000" or "unix". */
void address_print(const union address *a, char *out, size_t size);

/* ---- clients.c: all of them --------------------------------------------- */

bool clients_init(struct netd *n);
void clients_release(struct netd *n);
/* End of a turn: flush the dirty, free the GONE. */
void clients_turn(struct netd *n);
/* Reading of all players stops while the game is behind or not there. */
void clients_hold_input(struct netd *n);
void clients_close_all(struct netd *n, unsigned reason, const char *text);
/* The table of ids. */
bool clients_add(struct netd *n, struct client *c);
void clients_remove(struct netd *n, struct client *c);
/* It has another number from now on, which is nobody's. */
void clients_rename(struct client *c, uint64_t id);
/* No tokens: not read until it has one. */
void clients_throttle(struct client *c);
/* To be freed at the turn's end. */
void clients_bury(struct client *c);
/* What epoll said of it counts no more. */
void clients_unready(struct client *c);
/* Move between the lists: pending is looked at four times a second, playing
 * once. */
void clients_list(struct client *c, bool playing);

/* ---- peer.c: what handshakes found out ----------------------------------- */

/* Give up what a client knows of its peer. */
void peer_drop(struct peer *p);
/* The handshake is over: share with who said the same. */
void peer_share(struct client *c);
void peers_release(struct netd *n);

/* ---- groups.c: one send to many ----------------------------------------- */

/* A client's place in a group. */
struct member {
	struct member *next; /* the client's other groups */
	struct group *group;
	size_t index; /* in group->clients */
};

/* Frames to the same receivers, joined into one send each. */
#define CAST_MAX 64
struct cast {
	uint64_t group, but;
	bool typed; /* as of SEND_TYPED, in what each receiver speaks */
	unsigned flags;
	uint16_t key;
	size_t n;
	struct ipc_frame frames[CAST_MAX];
};

bool group_join(struct link *l, uint64_t group, struct client *c);
void group_leave(struct link *l, uint64_t group, struct client *c);
void groups_forget(struct client *c);
/* Send to a group, or at the latest with the next cast_flush(). f->bytes must
 * stay until then. */
void cast_add(
    struct link *l, uint64_t group, uint64_t but, const struct ipc_frame *f);
void cast_flush(struct link *l);
/* Each member that takes messages, but one. */
void group_each(struct link *l, uint64_t group, uint64_t but,
    void (*fn)(struct client *c, void *arg), void *arg);
void groups_release(struct link *l);

/* ---- terminal.c: what a player's terminal can do -------------------------
 */

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

/* ---- look.c: text as a terminal gets it ----------------------------------
 */

/* Who have the same of these get the same bytes of a message with these
 * flags; 0: it goes as it is. */
uint32_t look_of(const struct client *c, unsigned flags);
/* The text for them: a view until the next call, or bytes itself. */
const uint8_t *
look_text(struct netd *n, uint32_t looks, const uint8_t *bytes, size_t *len);

/* ---- side.c: out-of-band messages ----------------------------------------
 */

struct side;

/* One came from the player: true: go on feeding. What is none is dropped. */
bool side_heard(struct client *c, const uint8_t *bytes, size_t len);
/* A game says one, c may be NULL. False: it is no name, the game's fault. */
bool side_send(struct link *l, struct client *c, const struct ipc_frame *f);
bool side_send_group(struct link *l, const struct ipc_frame *f);
/* After a cold start: what the player's program said at its beginning. */
void side_tell(struct client *c);
void side_free(struct client *c);

/* ---- timers.c: ticks and timers ------------------------------------------ */

void tick_start(struct link *l, int64_t interval_us);
void tick_stop(struct link *l);
bool
timer_add(struct link *l, uint64_t number, int64_t delay_us, int64_t repeat_us);
void timer_cancel(struct link *l, uint64_t number);
/* The game took frames: what was held back for it may follow. */
void timers_committed(struct link *l);
void timers_release(struct link *l);

/* ---- jobs.c: slow work, queued for workers --------------------------------
 */

struct job;
struct jobs;

/* The game begins a job; what becomes of it goes up, however it ends. */
void jobs_add(struct link *l, uint64_t number, const char *name,
    const uint8_t *bytes, size_t len);
/* Nobody is to hear of this one, of all of that game, any more. */
void jobs_cancel(struct link *l, uint64_t number);
void jobs_disown(struct link *l);
/* Workers of this name there will be; all that is known of them goes. */
void jobs_declare(
    struct netd *n, const char *name, unsigned retries, int64_t limit_ms);
void jobs_forget(struct netd *n);
/* A new program took over: who is idle ends, the others after their job. */
void jobs_retire(struct netd *n);
/* At a turn's end: give out what waits. */
void jobs_turn(struct netd *n);
/* The game has ended: is there still something to wait for? */
void jobs_finish(struct netd *n);
bool jobs_pending(const struct netd *n);
void jobs_init(struct netd *n);
void jobs_release(struct netd *n);

/* ---- workers.c: their pipes -----------------------------------------------
 */

/* A worker's pipe ends, which are taken; -1: it could not be started. */
void worker_attach(struct netd *n, const char *name, uint32_t number,
    int64_t pid, int in_fd, int out_fd);

/* ---- listen.c: listeners and accepting ----------------------------------- */

/* How many connections an address has (uthash by address). */
struct address_count;

struct listener {
	struct listener *next;
	struct netd *netd;
	ev_io io;
	int fd;
	uint32_t number;
	struct url *url; /* shared with its clients, counted */
	ev_timer again;  /* it is at its rate and rests */
	double tokens;   /* accepts_per_s */
	int64_t tokens_us;
	void *socket;    /* of a transport over datagrams, else NULL */
	char text[2048]; /* its URL with the real port */
};

struct url *url_new(void);
struct url *url_hold(struct url *u);
void url_drop(struct url *u);
/*
 * Listen at a URL; fd is -1, or a listening socket that was kept. Returns the
 * listener, or NULL with one line in why: "cannot listen on ...".
 */
struct listener *
listen_open(struct netd *n, const char *url, int fd, char *why, size_t size);
struct listener *listen_find(const struct netd *n, uint32_t number);
/* The listener that was opened with this very URL, or NULL. */
struct listener *listen_same(const struct netd *n, const char *url);
void listen_close(struct listener *l);
void listen_close_all(struct netd *n);
/* Accepting starts and stops with room for clients. */
void listen_pause(struct netd *n, bool pause);
bool address_count(struct client *c);
void address_forget(struct client *c);
uint32_t address_conns(const struct client *c);
void listen_init(struct netd *n);
void listen_release(struct netd *n);

/* ---- connect.c: connections outwards --------------------------------------
 */

/* Begin; the game hears CONNECTING now and OPENED or CLOSED later. */
void connect_begin(struct link *l, uint64_t request, const char *url);
/* The game that asked for those under way is no more: end them untold. */
void connects_forget(struct netd *n);
/* The socket became writable, or its deadline passed. */
void connect_writable(struct client *c);
void connect_forget(struct client *c);
/* Another line for an outgoing client that lost its own; NULL: cannot. */
struct client *connect_line(struct client *c);

/* ---- pipe.c: the link to a game ------------------------------------------ */

enum link_phase {
	NO_GAME,  /* no pipes; players are held */
	GREETING, /* pipes, HELLO not seen yet */
	LINKED,   /* frames flow */
	FINISHED  /* BYE was said: nothing more from it */
};

/* recover.c: what it takes to go on after a game's death. */
struct recovery {
	bool able;       /* a launcher is there that wakes checkpoints */
	bool ran_before; /* the game ran under a netd before this one */
	bool died;       /* its launcher said so; the pipe is read to its end */
	bool pending;    /* a CHECKPOINT was asked for and is not answered */
	bool failed;     /* the newest answer was that there is no copy */
	uint64_t asked, asked_at; /* number and position of the newest asked */
	uint64_t number;          /* of the newest that stands, or 0 */
	uint64_t position;        /* it has taken frames up to this one */
	uint64_t down; /* and sent this many, its CHECKPOINTED included */
	int64_t since_us, interval_us;
	uint64_t finished; /* frames the game is done with for sure */
	uint64_t redo;     /* of link.down: seen again since it was woken */
	uint64_t catch_up; /* a woken one has taken what the dead one had when
			    * it has taken this; or 0 */
	uint64_t
	    given; /* frames it was given, in part or whole, at its death */
	/* Where the flight recorder has the checkpoint's CHECKPOINTED, and how
	 * much it had seen then; where it has what comes down again. */
	struct ipc_flight_walk checkpoint, again;
	uint64_t laid;
	bool compares;    /* what comes down again is held against that */
	uint64_t differs; /* the first frame down that came out otherwise */
	int64_t deaths_us[16]; /* ring of times */
	unsigned deaths, cold_starts;
	int64_t died_us;
	int wait_status;
	char how[160];
	uint64_t hand;      /* the position its launcher says it had in hand */
	uint64_t died_at;   /* the same, if that frame is known; or 0 */
	uint64_t died_conn; /* who is to blame for that frame, or 0 */
	char died_of[160];  /* the readable line of that frame */
	/* The frame that the newest death was in, over cold starts: where it
	 * lies now (0: not told again yet) or lay in what is parked. */
	uint64_t suspect_at, suspect_parked, suspect_conn;
	unsigned suspect_kind, suspect_deaths;
	bool poisoned;
	ev_timer cold;         /* a cold start is due */
	bool told;             /* this process, of everybody */
	struct journal parked; /* what the game before had not finished */
	uint64_t parked_from;
	struct ipc_buf snapshot, snapshot_next;
};

struct link {
	struct netd *netd;
	enum link_phase phase;
	int up_fd, down_fd;
	ev_io up_io, down_io;
	struct ipc_reader reader;
	struct journal journal;
	uint64_t taken;     /* up frames this process of the game has taken */
	uint64_t committed; /* the most that any has */
	uint64_t down;      /* frames acted on, without COMMITs */
	uint64_t highest_conn;
	size_t frame_max;
	int64_t said_now_us; /* the last NOW */
	bool batch_open;     /* this turn's NOW is laid down */
	bool lost;           /* no memory for a frame: to be broken */
	bool told_once;      /* some game was told of connections before */
	bool stalled;        /* over the budget: its pipe is not read */
	int64_t stalled_us;
	bool up_broken;     /* the pipe up takes no more; down is read on */
	size_t turn_frames; /* of the turn that is being read, COMMITs not */
	struct cast cast;
	struct group *groups; /* uthash */
	struct group *everybody;
	struct tick {
		ev_timer io;
		bool on;
		uint64_t passed;  /* and not told yet */
		uint64_t told_at; /* position of the last TICK */
		int64_t due_us, every_us;
	} tick;
	struct timer *timers; /* uthash */
	uint64_t n_timers;
	uint64_t held_timers; /* passed, but the game is behind */
	struct job *jobs;     /* uthash; those it wants to hear of */
	bool superseded;      /* another link has taken its place */
	int64_t moved_us; /* the game took something, or had nothing to take */
	int64_t watched_us; /* when somebody last looked whether it moves */
	bool hang_warned;
	int64_t complained_us;   /* of its out-of-band messages */
	struct ipc_buf recorded; /* of one that is not netd->link yet */
	struct schema *schema;   /* what its game declared, or NULL */
	bool schema_old;         /* of a game before this one */
	struct ipc_buf said;     /* speak.c: the message at hand */
	struct recovery rec;
	struct states *states; /* state.c; NULL until there was one */
	bool talks;            /* it has stores or takes events */
	char game[65];
	pid_t pid;
};

struct link *link_new(struct netd *n);
void link_free(struct link *l);
/* New pipe ends, which are taken. */
void link_attach(struct link *l, int up_fd, int down_fd, enum ipc_link_how how,
    uint64_t checkpoint);
/* The pipe is of no use any more; players are held. */
void link_detach(struct link *l);
/* The game's process is gone: all that it still said is done now. */
void link_read_out(struct link *l);
/* The game broke the protocol: say so, detach. */
void link_break(struct link *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Lay a frame down for the game. */
void link_up(struct link *l, unsigned kind, uint64_t id, unsigned flags,
    unsigned channel, const void *bytes, size_t len);
void link_up_msg(struct link *l, unsigned kind, uint64_t id, const void *m);
/* End of a turn: write. */
void link_turn(struct link *l);
/* Queues shrank or grew: read the pipe or do not. */
void link_budget(struct link *l);
/* Four times a second. */
void link_look(struct link *l);

/* ---- recover.c: checkpoints, deaths, and going on -------------------------
 */

void recover_init(struct link *l);
void recover_release(struct link *l);
/* A game that counts from 1; what the one before left is parked. */
void recover_fresh(struct link *l, bool able);
/* It ran under another netd, where no checkpoint had a number above this. */
void recover_again(struct link *l, uint64_t asked);
/* The checkpoint of that number runs on, on fresh pipes. */
void recover_woken(struct link *l, uint64_t number);
/* HELLO is answered: tell of everything that a fresh game must know. */
void recover_tell(struct link *l);
/* It waits for the first time. */
void recover_ready(struct link *l);
/* It has taken over: all that clients know by its predecessor's counting. */
void recover_taken_over(struct link *l);
/* No game is there, but one that knows all up to now will be. */
bool recover_parks(const struct link *l);
/* Frames may go up to this position for now. */
uint64_t recover_until(const struct link *l);
/* Does the game say again what the players have already? */
static inline bool
recover_behind(const struct link *l)
{
	return l->rec.able && l->rec.redo < l->down;
}
/* Is this a frame that the players have already? */
bool recover_seen(struct link *l, const struct ipc_frame *f);
/* A new frame of the game. */
void recover_note(struct link *l);
void recover_committed(struct link *l, bool partial);
/* The game's pipe is read to its end; its launcher says it died. */
void recover_detached(struct link *l);
void recover_died(struct link *l, int wait_status, const char *text);
/* At a turn's end, and four times a second: is a checkpoint due? */
void recover_turn(struct link *l);
void recover_sweep(struct link *l);
bool recover_checkpointed(
    struct link *l, uint64_t number, const struct ipc_checkpointed *m);
bool recover_snapshot(struct link *l, const struct ipc_frame *f);

/* ---- returns.c: players of a netd that died --------------------------------
 */

struct returning;
struct resume_token;

/* 64 digits; secrets are made from it. */
void returns_key(struct netd *n, const char *digits);
/* Of the token for this connection: 16 bytes. */
void returns_secret(struct netd *n, uint64_t id, uint8_t *secret);
/* The game says that it was there. False: no memory. */
bool returns_add(struct netd *n, uint64_t id, const uint8_t *tag, size_t len);
/* Is this the token of one of them, in time? */
bool returns_knows(const struct client *line, const struct resume_token *t);
/* c is that one again, if nobody else was faster. */
void returns_take(struct client *c, uint64_t id);
void returns_release(struct netd *n);

/* ---- report.c: what a person reads after a death ---------------------------
 */

/* done: what was done about it, in words. */
void report_death(struct link *l, const char *done);
/* One readable line of a frame, cut to size. */
void report_frame(const struct ipc_frame *f, char *out, size_t size);

/* ---- play.c: a recorded game drives real players ---------------------------
 */

struct play;

/* The game's side of the pipes is a recording. One line in why when it cannot.
 * No URL of our own: its listeners are opened. */
bool
play_begin(struct netd *n, const char *file, bool own, char *why, size_t size);
void play_release(struct netd *n);

/* ---- upgrade.c: a new program takes over -----------------------------------
 */

struct upgrade {
	bool on;
	bool asked;          /* the launcher was asked for the new game */
	uint64_t held;       /* the old game gets frames up to this one */
	uint64_t told;       /* what had happened when the new one was told */
	uint64_t asked_from; /* its checkpoints are numbered from here */
	int64_t began_us;
	struct link *standby; /* the new game's, until it is ready */
	struct link *doomed;  /* to be freed at the turn's end */
	ev_timer late;
};

/* Begin; NULL, or why it cannot. */
const char *upgrade_begin(struct netd *n);
/* The link for the new game's pipes, or NULL: nobody asked for one. */
struct link *upgrade_standby(struct netd *n);
/* The old game took frames: is it time? */
void upgrade_committed(struct link *l);
/* The new game said READY; it ended or was late. */
void upgrade_ready(struct link *l);
void upgrade_fail(struct netd *n, const char *why);
void upgrade_turn(struct netd *n);

/* ---- dispatch.c: a game's message -> its handler --------------------------
 */

/* Act on one frame. False: the link was broken. */
bool dispatch(struct link *l, const struct ipc_frame *f);

/* ---- control.c: the launcher, or whoever attaches --------------------------
 */

bool control_inherit(struct netd *n, int fd);
/* One line in why when it cannot. */
bool control_wait(struct netd *n, const char *dir, char *why, size_t size);
void control_say(struct netd *n, uint32_t type, uint32_t number, uint64_t value,
    const char *text, int fd);
void control_release(struct netd *n);

/* ---- stop.c: the end -------------------------------------------------------
 */

/* The first time: ask the game to stop. The second: end at once. */
void stop_asked(struct netd *n, const char *by);
/* The game is finished: flush, goodbyes, then out of the loop. */
void stop_now(struct netd *n);
/* STOP goes up. */
void stop_tell(struct netd *n);
/* The game said BYE; its pipe ended. */
void stop_bye(struct netd *n);
void stop_game_gone(struct netd *n);
void stop_drain(struct netd *n, unsigned reason);
/* At a turn's end: is everybody gone? */
void stop_turn(struct netd *n);
void stop_init(struct netd *n);

/* ---- main.c -----------------------------------------------------------------
 */

struct netd {
	struct ev_loop *loop;
	struct config config;
	struct metrics metrics;
	struct link *link;
	struct listener *listeners;
	uint32_t n_listeners, last_listener;
	/* clients.c */
	struct client **table; /* open addressing by id */
	size_t table_size, n_clients, n_playing;
	uint64_t last_id;
	struct client *pending, *playing; /* lists */
	struct client *dirty, *gone, *throttled;
	struct client *sweep_at;
	unsigned sweeps;
	int in_fd, out_fd; /* epoll sets: readable, writable */
	ev_io in_io, out_io;
	bool input_held;
	struct epoll_event *events, *out_events;
	int n_events, event_at; /* of events: those from event_at are to come */
	bool full_turn;         /* there is more to read than one turn takes */
	uint8_t *scratch;       /* config.read_bytes */
	struct slice *arena;
	size_t arena_used;
#define PEERS_KEPT 16
	struct peer *peers[PEERS_KEPT]; /* the last that differed */
	unsigned peers_at;
	size_t queued_bytes;    /* of all clients */
	struct ipc_buf written; /* look.c */
	size_t mccp_bytes;      /* mccp.c: of all who are compressed */
	struct address_count *addresses;
	ev_timer sweep, throttle;
	ev_prepare turn;
	ev_check woken;
	int64_t now_us; /* at the last look at the clock */
	/* listen.c */
	int spare_fd; /* given up to answer when there are no descriptors */
	ev_timer accept_again;
	bool accept_paused, told_no_fds;
	struct resolver *resolver;
	/* returns.c */
	uint8_t token_key[32];
	bool has_token_key;
	struct returning *returns;   /* uthash */
	struct datagrams *datagrams; /* datagram.c: its sockets */
	/* control.c */
	int control_fd, wait_fd;
	int tty_fd; /* the terminal that the launcher handed over; or -1 */
	ev_io control_io, wait_io;
	char wait_path[108];
	bool launched; /* ends with its launcher */
	/* stop.c */
	ev_signal on_int, on_term;
	ev_timer stop_hard;
	int stops;
	bool draining;
	int status;
	const char *notice; /* for players without a game, or NULL */
	int64_t began_us;
	int64_t clock_base_us; /* real minus monotonic time, at the start */
	struct upgrade upgrade;
	struct jobs *jobs;
	size_t n_jobs; /* that are not done */
	struct recorder record;
	struct play *play;         /* or NULL */
	struct operator* operator; /* NULL: none */
	bool watched;              /* operator_saw() wants to see every frame */
};

/* Microseconds since 1970, never going back: when this turn began. */
int64_t netd_now(const struct netd *n);
uint64_t netd_seed(void);

#endif
