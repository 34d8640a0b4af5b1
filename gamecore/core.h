/*
 * core.h - the inside of struct gc_net, for the files of this room only.
 *
 * Reading order: game.c (begin and end), stream.c (the pipe), kinds.c (what
 * each kind of frame does), then send.c, terminal.c, conns.c, conn.c, listen.c;
 * of sessions sched.h, engine.c, session.c, between.c, room.c, below them
 * timed.c, stack.c and ctx_*.c. options.c, where.c, launch.c and what it leads
 * to run before there is a stream; after that, what is not in these structs
 * cannot change what the game does: they are the game's whole library state, so
 * that a copy of the process is a copy of the game.
 */
#ifndef GAMECORE_CORE_H
#define GAMECORE_CORE_H

#include "gamecore/gamecore.h"
#include "ipc/buf.h"
#include "ipc/frame.h"
#include "ipc/msg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Output gathers to this many bytes before it leaves by itself. */
#define OUT_GATHER IPC_SLICE
/* What is lent to the pipe, not copied, and never more than so many pieces of
 * it at once: then it is copied all the same. Much fills the pipe with four. */
#define LEND_MIN (16u << 10)
#define LEND_CHUNKS 8
/* Events kept for gc_next() while a call waits for its own answer, and
 * messages kept for one gc_read() while the game reads something else. */
#define BACKLOG_MAX (16u << 20)
/* The game's own snapshot. */
#define SNAPSHOT_MAX (256u << 20)
/* Players who may come back, with their tags, for a new netd. */
#define RETURNING_MAX (256u << 20)
/* Numbers of ours, never the game's: asks and timers of the library. */
#define OURS ((uint64_t)1 << 63)

/* ---- conns.c: connection number -> what the game tied to it ------------- */

/* There is one for each connection and room for more: keep it at 24 bytes. */
struct conn {
	uint64_t id; /* 0: the slot is empty */
	union {
		void *bound;
		struct gc_conn *file; /* is_file: of gc_connect() */
	};
	uint16_t columns, rows;
	int16_t wrap;     /* of gc_terminal_set(), or -1 */
	uint8_t able;     /* IPC_ABLE_* */
	bool is_file : 1; /* it is no player */
	bool keys : 1;    /* keys.c: each message is a key */
	bool hidden : 1;
	bool raw : 1;
};

/* Open addressing; a slot's view ends with the next add or remove. */
struct conns {
	struct conn *slots;
	size_t size; /* a power of two, or 0 */
	size_t used;
	size_t files; /* of them not players */
	/* Who was found by conns_again(), or NULL. */
	struct conn *last;
};

/* netd counts connections up: multiplied, neighbours never share a slot. */
static inline size_t
conns_home(const struct conns *c, uint64_t id)
{
	return (size_t)((id * 0x9e3779b97f4a7c15u) >> 32) & (c->size - 1);
}

static inline struct conn *
conns_find(const struct conns *c, uint64_t id)
{
	if (c->used == 0 || id == 0)
		return NULL;
	for (size_t i = conns_home(c, id); c->slots[i].id;
	     i = (i + 1) & (c->size - 1))
		if (c->slots[i].id == id)
			return &c->slots[i];
	return NULL;
}
/* The same: who has just spoken is mostly who is answered, and speaks on. */
static inline struct conn *
conns_again(struct conns *c, uint64_t id)
{
	struct conn *found = c->last;

	if (found && found->id == id)
		return found;
	found = conns_find(c, id);
	if (found)
		c->last = found;
	return found;
}
/* What the game bound to a connection of net->conns. */
void *conn_bound(const struct conn *c);
/* The new slot (id must not be there), or NULL: out of memory. */
struct conn *conns_add(struct conns *c, uint64_t id, struct gc_conn *file);
void conns_remove(struct conns *c, uint64_t id);
void conns_release(struct conns *c);

/* ---- the game ----------------------------------------------------------- */

/* A call that waits for an answer stands in net->requests until it has it. */
struct request {
	struct request *next;
	uint8_t kind;    /* of the answer */
	uint64_t number; /* the answer's number */
	bool done;
	int result;              /* 0, a count, or GC_E... */
	struct gc_conn *file;    /* CONNECTING: who gets the connection */
	char *url;               /* LISTENING: to ask a new netd again */
	struct ipc_value *value; /* EVENT_DONE: the answer, owned, or NULL */
};

struct listener {
	uint32_t number;
	char *url; /* owned; NULL: closed, which a new netd is told again */
};

/* A timer of the game's that netd keeps. */
struct timer {
	uint64_t number;
	int64_t due_us, repeat_us;
};

/* An OPENED in both its forms; the peer's pointers lead into the message. */
struct who {
	bool filled;
	struct ipc_opened opened; /* owned while filled */
	struct gc_peer peer;
};

/* lend.c: storage that net->out lies in, whole pages. */
struct lend_chunk {
	uint8_t *bytes; /* owned */
	uint64_t end;   /* what was lent of it is read once this much is */
};

struct lend {
	struct lend_chunk chunks[LEND_CHUNKS];
	unsigned n;
	struct lend_chunk *at, *next; /* net->out's; after lend_can() */
	uint64_t written, read;       /* bytes, of this pipe, as far as known */
	bool off;                     /* it takes none: no pipe, or refused */
	bool is_large;
	struct ipc_buf other; /* net->out while a frame is large, and back */
};

struct timeds;
struct sessions;
struct typeds;
struct stores;
struct ipc_value;

/* A line that is typed key by key; there is one terminal. */
struct typing {
	uint64_t conn;
	bool done; /* it was handed out: the next key begins another */
	size_t len;
	char line[512];
};

/* In a worker: the job at hand. */
struct work {
	bool has; /* it is not answered */
	uint64_t number;
	unsigned tried;
	const char *text;
	size_t len;
};

struct gc_net {
	/* stream.c */
	int up, down; /* read events here, write orders there; -1: closed */
	struct ipc_reader in;
	size_t run_end; /* up to there lie messages, and nothing else is due */
	struct ipc_buf out;
	struct lend lend;
	size_t out_end; /* so far stream_place() may fill out; or 0 */
	uint32_t frame_max;
	uint64_t up_taken;  /* frames taken, all of them */
	uint64_t down_sent; /* frames written, COMMITs not */
	uint64_t committed; /* up_taken in the last COMMIT */
	bool committed_partial;
	bool working;      /* the game has an event of gc_next() in hand */
	bool down_gone;    /* nobody reads what we write */
	uint64_t break_at; /* stop for a debugger before this frame; or 0 */
	int failed;        /* why nothing will come any more, or 0 */
	uint8_t *cut;      /* the byte that a NUL replaced to end a text */
	uint8_t cut_was;   /* what it was */
	/* What the game was given last and is not done with, counted over all
	 * netds; 0: nothing. Its position is written where the launcher reads
	 * it after a death; nothing in the game ever does. */
	uint64_t in_hand, taken_before;
	volatile uint64_t *hand, hand_unread;
	/* Whole frames, the count of each before it and a NUL behind. */
	struct ipc_buf backlog;
	size_t backlog_at; /* the next one starts here */

	/* kinds.c */
	struct request *requests;
	bool stop_untold; /* STOP came, and no call has said so yet */
	bool welcomed;
	bool opened;             /* gc_open() is done */
	bool live;               /* LIVE came */
	struct ipc_buf restored; /* the snapshot of a game before this one */
	struct who event_who, asked_who;
	struct ipc_buf scratch; /* texts that found no room for their NUL */
	uint64_t conn_max;      /* the highest number ever seen */

	/* conns.c, listen.c */
	struct conns conns;
	struct listener *listeners;
	size_t n_listeners;
	uint64_t numbers; /* of our requests: the last one given */

	/* time and dice */
	int64_t now_us;
	int64_t ahead_us; /* of netd's clock: a new netd's may lag behind */
	bool seeded;
	uint64_t dice[4];

	/* respawn.c: what netd keeps for the game, in case netd dies */
	char game[65];
	int64_t tick_us;     /* between ticks; 0: none */
	struct conns timers; /* by number + 1; bound is a struct timer, owned */
	struct conns tags;   /* of players; bound is a struct tag, owned */
	struct ipc_buf returning; /* RETURNS, for the new netd */
	struct ipc_buf snapshot;  /* the newest that the game left */

	/* launch.c */
	int control; /* to netd, if this process has it, or -1 */
	pid_t netd;  /* our child, or 0 */
	pid_t crew;  /* the same: who sees to workers (crew.c) */

	/* checkpoint.c */
	int keeper;      /* to the launcher, which keeps frozen copies; or -1 */
	uint64_t faults; /* of pages, at the newest of its copies */
	pid_t frozen[8]; /* ring: copies that this process made */
	unsigned n_frozen;

	/* job.c, work.c */
	struct conns jobs; /* not done, by number; bound is owned */
	uint64_t n_jobs;   /* the last number given */
	char worker[IPC_WORKERS_NAME_MAX + 1]; /* what this process is, or "" */
	struct work work;

	struct typing typing; /* keys.c */

	struct timeds *timed;      /* timed.c; NULL until there was one */
	struct sessions *sessions; /* engine.c; the same */
	struct typeds *typeds;     /* typed.c; the same */
	struct stores *stores;     /* state.c, event.c; the same */

	bool markup;            /* of every text: gc_markup() */
	struct ipc_buf printed; /* gc_printf() writes here first */
	char problem[640];
};

/* ---- game.c ------------------------------------------------------------- */

/* A game on two pipe ends, which become its own. NULL: out of memory, and
 * the ends are still the caller's. */
struct gc_net *net_new(int up, int down);
/* HELLO and WELCOME. 0, or GC_E...: gc_problem() says more. */
int net_hello(struct gc_net *net, const char *game, uint32_t pid);
/* HELLO alone, for a netd that is to be greeted. */
int net_greet(struct gc_net *net, uint32_t pid);
/* Give netd the snapshot. */
int snapshot_put(struct gc_net *net, const void *bytes, size_t len);
/* Close the pipes. */
void net_close(struct gc_net *net);
/* Close the pipes and free everything, without a goodbye. */
void net_free(struct gc_net *net);
/* Set gc_problem(); returns error. */
int net_problem(struct gc_net *net, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, and the link is over: every later call that waits says error. */
int net_fail(struct gc_net *net, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void net_seed(struct gc_net *net, uint64_t seed);

/* ---- stream.c ----------------------------------------------------------- */

/*
 * Take the next frame off the pipe. Blocks; before it does, everything
 * written leaves in one go with a COMMIT. *f is a view until the next take.
 * 0, or GC_E... for ever.
 */
int stream_take(struct gc_net *net, struct ipc_frame *f);
/*
 * Take one frame and let it do its work; an event goes to the backlog. For
 * calls that wait for something of their own: they loop over this. 0, or
 * GC_EFULL (nothing was taken, nothing is lost), or GC_E... for ever.
 */
int stream_step(struct gc_net *net);
/*
 * What comes next, from the timed queue, the backlog or the pipe. Returns 1
 * for an event in *ev, 0 if something happened that is none, or GC_E... for
 * ever. For gc_next() and gc_serve().
 */
int stream_turn(struct gc_net *net, struct gc_event *ev);
/* Step until r is done, then take it off the list: its result, or GC_E...
 * of stream_step(). */
int stream_await(struct gc_net *net, struct request *r);
/* The game waits for the first time after it was told of everything: say
 * so, once. One that waits for an answer of its own has seen enough. */
void stream_ready(struct gc_net *net);
/* Put r on the list, with a new number of ours if it has none. */
void stream_ask(struct gc_net *net, struct request *r);
void stream_forget(struct gc_net *net, struct request *r);
/* The place of a whole frame with len bytes of its own, which the caller
 * fills; NULL: it is not that simple, stream_put() knows. */
static inline uint8_t *
stream_place(struct gc_net *net, size_t len)
{
	struct ipc_buf *b = &net->out;
	size_t end = b->len + ipc_frame_size(len);
	uint8_t *to = b->data + b->len;

	if (len > net->frame_max - IPC_FRAME_HEAD || end > net->out_end)
		return NULL;
	b->len = end;
	net->down_sent++;
	return to;
}
/* Queue a frame. front, if not NULL, goes before bytes. */
int stream_put(
    struct gc_net *net, const struct ipc_frame *f, const uint64_t *front);
/* Queue a typed message. */
int
stream_put_msg(struct gc_net *net, unsigned kind, uint64_t id, const void *m);
/* Write what was queued with a COMMIT behind it, if there is anything to
 * say. 0 or GC_ENETD_GONE. */
int stream_commit(struct gc_net *net, bool partial);
/* Another pipe: positions count from 0, half of anything is forgotten. */
void stream_restart(struct gc_net *net, int up, int down);
/* Frames taken of this netd and all before it: what struct gc_net in_hand
 * and those who keep a frame for later count in. */
uint64_t stream_count(const struct gc_net *net);
/* The game is given what this frame brought. */
void stream_hand(struct gc_net *net, uint64_t count);
/* Keep an event for gc_next(); count 0: no frame brought it. False: no
 * memory. */
bool stream_keep(struct gc_net *net, const struct ipc_frame *f, uint64_t count);
/* Walk over kept events: *at from 0; false at their end. */
bool stream_kept(const struct gc_net *net, size_t *at, struct ipc_frame *f);
/* The bytes of the frame taken last as a text that ends with a NUL. */
const char *stream_text(struct gc_net *net, const struct ipc_frame *f);

/* ---- lend.c ------------------------------------------------------------- */

/* Before something is laid into net->out: it has storage. */
void lend_ready(struct gc_net *net);
/* May the pipe have the pages of net->out? They are not written into before
 * it is read. False: it is to be copied. */
bool lend_can(struct gc_net *net);
/* It has some of them (net->lend.written counts those); net->out is empty, and
 * elsewhere. */
void lend_done(struct gc_net *net);
/* net->out, which is empty, takes a frame of any length, or lies where it can
 * be lent again. */
void lend_large(struct gc_net *net, bool large);
/* Another pipe, or this is a copy of the process that will have one; net->out
 * is lost. */
void lend_restart(struct gc_net *net);
/* Free net->out, too; what the pipe was lent it keeps. */
void lend_release(struct gc_net *net);

/* ---- timed.c ------------------------------------------------------------ */

#define TIMED_NONE 2

/* The oldest that is due: 1 it is the event *ev, 0 it was a session's or a
 * room's, TIMED_NONE; GC_E... Asks netd for a timer if none stands. */
int timed_next(struct gc_net *net, struct gc_event *ev);
/* A timer of ours came. */
void timed_arrived(struct gc_net *net, uint64_t number);
/* Netd is another one: our timer does not stand any more. */
void timed_forgotten(struct gc_net *net);
void timed_release(struct gc_net *net);

/* ---- engine.c: sessions ------------------------------------------------- */

/* Is this called on a session's stack? */
bool sessions_running(const struct gc_net *net);
/* The session that runs waits until something else was taken from the stream:
 * what stream_step() is in a session. 0, or GC_E... */
int sessions_step(struct gc_net *net);
/* Put an event aside if it is for a session that stands. */
bool sessions_keep(struct gc_net *net, const struct gc_event *ev);
void sessions_release(struct gc_net *net);

/* ---- job.c, work.c: both ends of a job ---------------------------------- */

/* A frame about a job came; false: nobody wants to know. */
bool job_arrived(struct gc_net *net, const struct ipc_frame *f);
/* Make an event of it; false: it was cancelled meanwhile. */
bool
job_shown(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev);
/* True: it is a session's, which has it now. */
bool job_deliver(struct gc_net *net, const struct gc_event *ev);
/* Netd is another one: what is not answered is begun again. */
int jobs_again(struct gc_net *net);
void jobs_release(struct gc_net *net);
/* In a worker: there is a job. 0 or GC_E... */
int work_arrived(struct gc_net *net, const struct ipc_frame *f);

/* ---- keys.c: lines of a terminal that sends keys --------------------------
 */

/* A message for a session: true if it is one, whole; false: a key of a line
 * that goes on. */
bool keys_typed(struct gc_net *net, struct gc_event *ev);
/* What is typed from now on is not to be seen, or is again. */
void keys_hide(struct gc_net *net, uint64_t conn, bool hide);

/* ---- kinds.c ------------------------------------------------------------ */

/* What a frame does as soon as it is taken: 1 it is an event for gc_next(),
 * 0 it has done its work, or GC_E... */
int kind_arrive(struct gc_net *net, const struct ipc_frame *f);
/* Make an event of it: 1, 0 if it is none after all, or GC_E... */
int
kind_show(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev);
void who_clear(struct who *w);

/* ---- typed.c: typed messages --------------------------------------------- */

/* Know a declaration: 1, 0 if it is known already, or GC_E... */
int typed_add(struct gc_net *net, const struct gc_type *type);
/* Behind HELLO: a netd is told of all of them. */
int typed_greet(struct gc_net *net);
/*
 * Fill ev->type and ev->value from the bytes of a TYPED; good until the next
 * such call. 0; GC_ENOTHING: this game knows of no such message;
 * GC_EPROTOCOL: *why says what is wrong; GC_ENO_MEMORY.
 */
int typed_show(struct gc_net *net, const void *bytes, size_t len,
    struct gc_event *ev, const char **why);
void typed_release(struct gc_net *net);

/* ---- respawn.c: netd died ----------------------------------------------- */

/* Is there a launcher that starts a new netd? Then what is written while netd
 * is dead goes nowhere, which is no error. */
bool respawn_able(const struct gc_net *net);
/*
 * The pipe has ended: go on with a new netd. Blocks until there is one. Every
 * connection is closed, HELLO is written. 0 or GC_E... for ever.
 */
int respawn(struct gc_net *net);
/* WELCOME came again: the new netd is told what the old one knew. */
int respawn_welcomed(struct gc_net *net);
/* The game starts a timer, stops one; one has passed. */
int respawn_timer(
    struct gc_net *net, uint64_t number, int64_t delay_us, int64_t repeat_us);
/* A player's tag; its connection is closed. */
int
respawn_tag(struct gc_net *net, uint64_t conn, const void *bytes, size_t len);
void respawn_untag(struct gc_net *net, uint64_t conn);
void respawn_timer_stop(struct gc_net *net, uint64_t number);
void respawn_timer_passed(struct gc_net *net, uint64_t number);
void respawn_release(struct gc_net *net);

/* ---- conn.c ------------------------------------------------------------- */

/* These say what came for a connection of gc_connect(). */
void file_opened(struct gc_conn *con);
int file_message(
    struct gc_net *net, struct gc_conn *con, const struct ipc_frame *f);
void file_closed(struct gc_conn *con, const struct ipc_frame *f);
/* The connection has its number. NULL con: whoever asked has gone. */
int file_numbered(struct gc_net *net, struct gc_conn *con, uint64_t id);
/* What the game bound to it. False: it is file_forgotten. */
bool file_bind(struct gc_conn *con, void *thing);
void *file_bound(const struct gc_conn *con);
/* In place of a struct gc_conn that gc_disconnect() freed. */
extern struct gc_conn file_forgotten;

/* ---- listen.c ----------------------------------------------------------- */

/* The answer to a LISTEN: the listener's number, or GC_E... */
int listener_told(struct gc_net *net, const struct ipc_listening *m);
void listeners_release(struct gc_net *net);

/* ---- checkpoint.c ------------------------------------------------------- */

/* netd asks for a frozen copy here. Returns in the game, and again in the copy
 * when the launcher wakes it, on fresh pipes. 0 or GC_E... */
int checkpoint_asked(struct gc_net *net, uint64_t number);
/* The game cannot start: no use in waking anything. */
void checkpoint_no_start(const struct gc_net *net);

/* ---- options.c ---------------------------------------------------------- */

/* What the command line said, common options only. */
struct options {
	const char *const *listen; /* ended by NULL; views */
	const char **given;        /* owned: the --listen of the command line */
	const char *attach, *netd, *log, *notice;
	const char **limits; /* owned, ended by NULL; views */
	const char *record, *crash_dir;
	const char **may_listen; /* owned, ended by NULL; views */
	const char *may_connect;
	bool foreground, no_journal, no_lock, jail;
	char **argv; /* a view */
	/* replay.c */
	const char *replay;
	uint64_t until, break_at, life; /* 0: not given */
	bool paced, fast;
	bool bare; /* nothing was said but how to replay */
};

/*
 * Read argv. Returns true: go on, and *o is filled (options_release() it).
 * False: start->status and start->text say what to do instead.
 */
bool
options_read(struct options *o, struct gc_start *start, int argc, char **argv);
void options_release(struct options *o);
/* Set start->status and start->text ("NAME: ..." and a newline). */
void options_say(struct gc_start *start, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- where.c ------------------------------------------------------------ */

/* The folder of the running program, without a slash at its end. */
bool where_program(char *out, size_t size);
/* The page folder of a game: the first of three places that exists. */
void
where_www(const char *program_dir, const char *game, char *out, size_t size);
/* url with {www} replaced, escaped for a query. Owned: free(). NULL: memory */
char *where_expand(const char *url, const char *www);
/* A URL as the game gives it, {www} replaced. Owned: free(). NULL: memory */
char *where_url(const struct gc_start *start, const char *url);
/*
 * netd's file: the one given, $PENSTOCK_NETD, beside the program, where it is
 * installed, else a bare name for PATH.
 */
void where_netd(const char *given, char *out, size_t size);

/* ---- launch.c ----------------------------------------------------------- */

struct launched {
	int up, down; /* the game's ends of the pipes */
	int control;  /* as in struct gc_net */
	pid_t netd;
	uint32_t pid; /* of the game */
	int keeper;   /* as in struct gc_net */
	uint64_t break_at;
	pid_t crew;
	char worker[IPC_WORKERS_NAME_MAX + 1]; /* as in struct gc_net */
	volatile uint64_t *hand; /* as in struct gc_net, or NULL */
};

/*
 * Start netd or find it, and become launcher and game. True: this process is
 * the game, *l is filled. False: it is the launcher at its end, or there was
 * an error: start->status and start->text say so.
 */
bool launch(struct launched *l, const struct options *o, struct gc_start *start,
    char **argv);
/* A game is deaf to the terminal: STOP comes with the stream. */
void launch_deafen(void);
/* The game's link is closed: see netd of --foreground to its end. well: the
 * game said its goodbye. Returns what waitpid() said, or -1 without a netd. */
int launch_end(int control, pid_t netd, pid_t crew, bool well);
/* "segmentation fault (signal 11)" or "exit status 2", of a wait status. */
const char *launch_how(int wait_status, char *out, size_t size);
/* Say that netd at o->attach does not want this game. */
void launch_refused(const struct options *o, struct gc_start *start);
/* Of netd's wait status: it has said itself why it could not start. */
bool launch_said_why(int wait_status);
/* A message without descriptors. 0 or IPC_ERR_SYSTEM. */
int control_say(int control, unsigned type, uint64_t value, const char *text);

/* ---- start.c ------------------------------------------------------------- */

/* Start netd: its pid and our end of the control socket. False: start->text
 * says why not. */
bool start_netd(
    const struct options *o, struct gc_start *start, pid_t *pid, int *control);

/* ---- pipes.c ------------------------------------------------------------- */

/* The ends of both pipes, all close-on-exec. */
struct pipes {
	int up_r, up_w;     /* netd writes, the game reads */
	int down_r, down_w; /* the game writes, netd reads */
};
bool pipes_open(struct pipes *p);
void pipes_close_game(const struct pipes *p);
void pipes_close_netd(const struct pipes *p);
/* Open them, hand netd its two ends in a LINK (how: enum ipc_link_how) and
 * forget those here. argv: how the game was started, or NULL. */
bool pipes_hand_over(
    int control, unsigned how, uint64_t value, char **argv, struct pipes *p);

/* ---- needs.c and jail.c: what netd and the game give up ------------------ */

/* Tell netd what it needs, before it has the game's link; it gives up the
 * rest then. */
void
needs_tell(const struct options *o, const struct gc_start *start, int control);
/* This process keeps what it has open, its memory, and may copy itself. */
void jail(const struct gc_net *net);

/* ---- tty.c: the terminal of who started the game --------------------------
 */

/* Is tty: among the listeners, and the terminal there? Then it is open. */
bool tty_open(const struct options *o);
bool tty_is_open(void);
/* Whether this process has a terminal at all: Ctrl-C and hangups come from it.
 */
bool tty_is_there(void);
/* To netd, before the game's link. */
void tty_hand_over(int control);
/* In the game, which never sees it. */
void tty_forget(void);
/* As it was at first, if netd did not see to that. */
void tty_restore(void);

/* ---- crew.c: the processes of workers ------------------------------------ */

struct crew {
	const struct gc_workers *table; /* a view */
	char **argv;                    /* of the game, a view */
	struct hand *hands;
	size_t n;
	uint32_t numbers;
	bool ending;
};

/* table may be NULL. False: out of memory. */
bool crew_init(struct crew *c, const struct gc_workers *table, char **argv);
void crew_release(struct crew *c);
/* Tell netd which workers there will be, before it has the game's link. */
void crew_declare(const struct gc_workers *table, int control);
/* Start who is due, kill who is: in each turn of the launcher's loop. */
void crew_run(struct crew *c, int control);
/* How long that may wait, for poll(). */
int crew_wait_ms(const struct crew *c);
size_t crew_alive(const struct crew *c);
/* A child has ended: was it one of these? control: netd's, or -1. */
bool crew_ended(struct crew *c, pid_t pid, int status, int control);
/* netd asks for it: this one is over its time. */
void crew_kill(struct crew *c, uint32_t number);
/* netd died: their pipes are closed, so they end, and a new netd has others. */
void crew_lost(struct crew *c);
/* No further ones. Those that are there end by themselves, or at once. */
void crew_end(struct crew *c, bool at_once);
/* Without a launcher: a process that does all that; its pid, or 0. */
pid_t crew_beside(const struct gc_workers *table, char **argv, int control);
/* In a program that was started as a worker: true, and *l is filled. */
bool crew_started(struct launched *l);

/* ---- wake.c: the launcher's side of a recovery -------------------------- */

#define FROZEN_MAX 8
/* The game, the one that is to follow it, and some that are ending. */
#define ASKERS_MAX 4

/* Frozen copies of the game, and how to start its program again. */
struct wake {
	int keeper, game_keeper; /* our end and the game's, which it inherits */
	struct frozen {
		uint64_t number;
		pid_t pid;
		int fd;
	} frozen[FROZEN_MAX];
	size_t n;
	char program[4096];
	char **argv;    /* a view */
	pid_t no_start; /* this process has said that it cannot start */
	struct asker {
		pid_t pid;
		int fd;
	} askers[ASKERS_MAX]; /* they wait for fresh pipes */
	size_t n_askers;
	char last_words[256]; /* what the game says of its own death, or "" */
	/* Shared with the game and the one that is to follow it: the position
	 * of the frame that each has in hand. */
	int hands_fd;
	volatile uint64_t *hands;
	unsigned hand; /* the game's of the two */
};

/* False: errno says why; the game then runs without recovery. */
bool wake_init(struct wake *w, char **argv);
void wake_release(struct wake *w);
/* The game said something. */
void wake_told(struct wake *w);
/* Copies older than number are not needed any more. */
void wake_dismiss(struct wake *w, uint64_t number);
/* Nor those of a new game that did not take over: from first on, a thousand. */
void wake_dismiss_next(struct wake *w, uint64_t first);
/* A copy has ended, which only happens to it from outside: forget it and say
 * which; 0: they all wait. */
uint64_t wake_lost_copy(struct wake *w);
/* Let a copy go on; its pid, or 0 if there is none of that number. */
pid_t wake_frozen(struct wake *w, int control, uint64_t number);
/* Start the program again (how: enum ipc_link_how; with IPC_LINK_FIRST under
 * a netd that never saw it); its pid or 0. */
pid_t wake_cold(struct wake *w, int control, unsigned how);
/* The position of the frame that the game had in hand when it died, or 0. */
uint64_t wake_hand(struct wake *w);
/* Answer number i of the askers with the game's ends of p; NULL: there will be
 * none for it. The last one takes its place. */
void wake_answer(struct wake *w, size_t i, const struct pipes *p);
/* In a game whose netd is gone: ask the launcher, and wait for new pipe ends.
 * False: there will be none. */
bool wake_again(int keeper, int *up, int *down);
/* In a program that wake_cold() started: true, and *l is filled. */
bool wake_started(struct launched *l);

/* ---- replay.c: a recording in netd's place ------------------------------- */

/*
 * Hand a recorded game's input to this program and hold its output against
 * the recording. True: this process is the game, *l is filled. False: it saw
 * to it: start->status and start->text say what came out, or what is wrong.
 * Under a debugger the process stays the game, and the result is printed.
 */
bool
replay(struct launched *l, const struct options *o, struct gc_start *start);

#endif
