/*
 * gamecore.h - Penstock for a game: blocking reads and writes, no sockets.
 *
 * A second process, netd, owns every socket and tells the game what happens
 * as one stream of events. A game is a plain loop:
 *
 *	while (gc_next(net, &ev) == 0)
 *		if (ev.kind == GC_MESSAGE)
 *			gc_send(net, ev.conn, ev.text, ev.len);
 *
 * or a plain subroutine over a file-like connection:
 *
 *	con = gc_connect(net, "tcp://gameserver.org:5010");
 *	gc_write(con, "hello", 5);
 *	len = gc_read(con, &text, -1);
 *
 * Rules that hold everywhere. Functions answer 0 or a count, or one of the
 * small negative numbers GC_E...; gc_error_text() says it in words. Nothing
 * here prints, exits, or reads a clock or dice. Text arguments are borrowed
 * for the call. Views end with the next call that can wait, unless it says
 * otherwise. A game uses one struct gc_net from one thread.
 */
#ifndef GAMECORE_H
#define GAMECORE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
/* The library hides everything but what stands here. */
#pragma GCC visibility push(default)

#define GC_VERSION "0.1.0"

struct gc_net;
struct gc_conn;
struct gc_condition;
struct gc_channel;
struct gc_room;
struct gc_type;
struct gc_session;
struct gc_value;
struct gc_state;
struct gc_machine;

/* ---- errors ------------------------------------------------------------- */

enum gc_error {
	GC_ETIMEOUT = -1,   /* the time given has passed */
	GC_ECLOSED = -2,    /* that connection is closed */
	GC_ENETD_GONE = -3, /* netd is gone; nothing will come any more */
	GC_ESTOPPED = -4,   /* the game was asked to stop */
	GC_ETOO_LONG = -5,  /* longer than a frame can be */
	GC_EINVALID = -6,   /* an argument is not usable */
	GC_ENO_MEMORY = -7,
	GC_ESYSTEM = -8,     /* a system call failed */
	GC_EPROTOCOL = -9,   /* netd or the game said what is not legal: the
			      * link is over, gc_problem() names the frame */
	GC_EVERSION = -10,   /* game and netd are of different versions */
	GC_ENO_LISTEN = -11, /* cannot listen: see gc_problem() */
	GC_EFULL = -12,      /* too much waits for the game to read it */
	GC_ENO_NETD = -14,   /* netd cannot be started: see gc_problem() */
	GC_ELIMIT = -15,     /* a limit is reached */
	GC_ENOTHING = -16, /* gc_read_now: nothing yet; there is no such one */
	GC_ECANCELLED = -19, /* somebody cancelled this session */
	GC_EFAILED = -30,    /* a worker said that it cannot do the job */
	GC_ECRASHED = -31,   /* the workers died of the job, all its tries */
};

/* A sentence for an error, for ever. "no error" for 0 and above. */
const char *gc_error_text(int error);
/* The last error of this game in detail, one line, a view until the next
 * failing call; never NULL. */
const char *gc_problem(const struct gc_net *net);

/* ---- starting ----------------------------------------------------------- */

/* An option of the game's own, after the common ones. */
struct gc_option {
	const char *name; /* "speed" is --speed; NULL ends the list */
	const char
	    *value;       /* "N": what --help calls its value; NULL: a switch */
	const char *help; /* one sentence, no full stop */
	/*
	 * Where it goes, one of these: *text becomes a view of the argument,
	 * good for ever; *number a whole number from smallest to largest;
	 * *on true.
	 */
	const char **text;
	long *number;
	long smallest, largest;
	bool *on;
	/* Of a text: what it must be ("must be a colour"), or NULL: it is good.
	 * Then gc_open() ends before anything is begun. May be NULL. */
	const char *(*wrong)(const char *text);
};

/* Processes for slow work: see gc_job(). */
struct gc_workers {
	const char *name;    /* "paths", up to 31 bytes; NULL ends the list */
	const char *program; /* a program in the folder of this one; NULL: this
			      * program itself, started again as a worker */
	/* Its arguments, ended by NULL; NULL: those of the game. */
	const char *const *arguments;
	unsigned count;    /* so many processes; 0: one */
	unsigned retries;  /* a job that its worker died of is tried again so
			    * often before it has failed */
	unsigned limit_ms; /* a job may take so long, then its worker is ended
			    * and it counts as died of it; 0: any time */
};

/* What a game says of itself, and what gc_open() says when it says no. */
struct gc_start {
	const char *name;    /* "snake" */
	const char *about;   /* one sentence for --help */
	const char *version; /* for --version; NULL: GC_VERSION */
	/* URLs used when no --listen is given, ended by NULL; may be NULL
	 * for a game that only connects outwards. */
	const char *const *listen;
	const struct gc_option *options; /* may be NULL */
	const char *arguments; /* "[FILE]": after the options; NULL: none */
	int first_argument;    /* out: index in argv of the first of them */
	const char *pages;     /* whose pages {www} means; NULL: of name */
	const struct gc_workers *workers; /* may be NULL */
	/* Its typed messages, ended by NULL; or NULL: it has none. */
	const struct gc_type *const *types;
	/* netd locks itself before the game hears of anybody: it keeps what the
	 * listeners of above need, and these, ended by NULL, which gc_listen()
	 * may open later; NULL: none but on TCP ports. */
	const char *const *may_listen;
	/* Where gc_connect() may go: "*" everywhere, "" nowhere, else TCP ports
	 * and the word unix, "5010,unix". NULL: nowhere if others may connect
	 * to the game, else everywhere. */
	const char *may_connect;
	/* Out, when gc_open() returns NULL: the exit status for main() and
	 * what to print before (owned by the library, may be "", for stderr
	 * if status is not 0, else for stdout). */
	int status;
	const char *text;
};

/*
 * Begin: read the command line, start netd, listen.
 *
 * Blocks until netd listens. Every game understands --listen URL (any number
 * of times), --attach DIR, --foreground, --netd FILE, --limit NAME=VALUE,
 * --log LEVEL, --record FILE, --crash-dir DIR, --no-journal, --replay FILE,
 * --jail, --no-lock, --may-listen URL, --may-connect PORTS,
 * --help and --version besides start->options. {www} in a URL stands for the
 * game's folder of pages: gamecore/examples/NAME/www in the source tree,
 * share/penstock/NAME/www when installed.
 *
 * Unless --foreground or --attach is given or a debugger traces the process,
 * the process becomes the launcher, which only waits and restarts; the game
 * goes on in a child of it. gc_open() then returns twice: in the child with
 * the game, and in the launcher, at the very end, with NULL. So open files and
 * start threads after it; what atexit() was told before it happens in both.
 *
 * The game's process ignores SIGINT, SIGTERM, SIGHUP and SIGPIPE: who is asked
 * to stop is the launcher, and GC_STOP says so. With --foreground or --attach
 * there is no launcher, and SIGINT and SIGTERM lead to GC_STOP the same way.
 *
 * With --no-journal netd remembers nothing for the game's recovery and leaves
 * no file when it dies: its death is then the end. For games that can do
 * without, and to measure what it costs.
 *
 * With --jail the game's process has, from the return of gc_open() on, what it
 * has open, its memory and its pipes: open(), socket(), execve() and signals to
 * others fail with EPERM, threads and fork() do not. Workers are not jailed.
 *
 * With --replay FILE there is no netd: a recording is fed to the game, as it
 * was started then unless there are other options, and what the game says is
 * held against what it said then. gc_open() returns NULL in the end with the
 * result, the first difference in it: status 0 the same, 3 different, 4 the
 * recording cannot be used. --until N goes no further than frame N, --paced
 * takes the time it took. Under a debugger gc_open() returns the game, which
 * stops with SIGTRAP before it takes frame N of --break-at N.
 *
 * --listen tty: makes the person who starts the game a player, at that very
 * terminal: each key is a GC_MESSAGE ("a", "\x1b[A"), but sessions get lines
 * unless they want gc_session_keys(). What begins with ESC is drawn as it is,
 * anything else is a line. Ctrl-C is GC_STOP. The terminal is given back as it
 *was, whichever process is killed; with --foreground not before gc_close() if
 *that is netd. When that player has left and there is no other listener, the
 *game is asked to stop.
 *
 * The launcher's exit status is the game's own; 128 + N if signal N ended the
 * game for good, or if a second signal N cut it short, or one came before the
 * game began; 1 if netd kept dying or the game could not begin, 2 if its
 * command line was not understood.
 *
 * If netd dies (killed, or crashed), the launcher starts another at once, with
 * the same listeners: nobody who connects meanwhile is refused. The game keeps
 * its memory, its time and its dice and plays on. It gets one GC_CLOSE with
 * GC_NETD_GONE for each connection, those of gc_connect() say GC_ECLOSED, and
 * then one GC_NOTICE with count 3. Connection numbers are still never used for
 * anybody else: a player with resume= whose program shows its token in time has
 * its own number again, in a GC_OPEN with peer->state GC_RESUMED and its tag.
 * The tick and timers go on (what was due meanwhile passes at once), and so
 * does the snapshot of gc_snapshot(). Three things are lost with netd: the
 * groups (who comes back is in none: join it again at its GC_OPEN, as you would
 * a newcomer); what the game wrote since its last wait; and what netd still had
 * in hand for a player, who misses it even with a token, so say again what must
 * not be missed. A connection of gc_connect() is to be made again by the game,
 * and so is one of a C program to a game whose netd died. A recording goes on
 *in another file, FILE.2 and so on. When netd dies more often than the limits
 *restarts_max and restarts_ms allow (5 times in 30 s), it is given up and every
 *call says GC_ENETD_GONE. So it does with --foreground and --attach, where no
 *launcher is there.
 *
 * Returns the game, owned (gc_close() it), or NULL: then main() prints
 * start->text and returns start->status, which gc_explain() does:
 *
 *	if (net == NULL)
 *		return gc_explain(&start);
 */
struct gc_net *gc_open(struct gc_start *start, int argc, char **argv);

/*
 * Print what gc_open() left in start->text, where it belongs. Returns what
 * main() is to return: start->status, or 1 if standard output does not take
 * the text, which is said on standard error.
 */
int gc_explain(const struct gc_start *start);

/*
 * End: whatever was written leaves, everybody's connection is closed politely
 * once their queues are flushed, netd ends. Does not wait for that, except with
 * --foreground, where the process stays until netd is gone (12 s at most).
 * Frees net; its struct gc_conn go before, by gc_disconnect(). NULL is
 * ignored.
 */
void gc_close(struct gc_net *net);

/* ---- the stream of events ----------------------------------------------- */

enum gc_kind {
	GC_OPEN = 1, /* a connection is there: conn, peer */
	GC_MESSAGE,  /* conn, text, len, binary */
	GC_CLOSE,    /* gone, nothing of it follows: conn, reason, text */
	GC_TICK,     /* count: passed since the last, mostly 1 */
	GC_TIMER,    /* timer, count */
	GC_PRESSURE, /* conn reads slowly (count 1) or well again (count 0);
		      * bytes: what waits for it */
	GC_DROPPED,  /* conn missed count messages of bytes, as their class
		      * allows */
	GC_STOP,     /* say goodbye and leave the loop; count: ms left */
	GC_STALLED,  /* all queues together were over the budget; bytes: for
		      * how many microseconds netd did not read */
	GC_NOTICE,   /* text: something for whoever runs the game; count: 1 a
		      * recording stopped, 2 a message was set aside, 3 netd
		      * died and was started again */
	GC_AWAY,     /* a resumable player lost its line */
	GC_BACK,     /* and is back; nothing was lost */
	GC_RESIZE,   /* columns, rows of conn's window */
	GC_UPGRADE,  /* a new program takes over: gc_snapshot() now; count: ms
		      * until the try is given up, and the game plays on */
	GC_DUE,      /* what gc_later() began: timer, owner, bound its thing,
		      * count */
	GC_TERMINAL, /* text: what conn's terminal is, as in struct gc_peer */
	GC_JOB,      /* what a worker answered: job, status, text, len */
	GC_SIDE,     /* text: "Package.Sub json" of conn's program: gc_side() */
	GC_ABLE,     /* what conn's terminal can do: gc_terminal() */
	GC_TYPED,    /* conn, type, value: see "typed messages" */
	GC_EVENT,    /* of a player: gc_call_read() says which */
	GC_ACK,      /* what became of gc_event() number count: status 0, it
		      * arrived, answer is what it said; GC_ECLOSED: it did not */
};

enum gc_reason {
	GC_LEFT = 1,
	GC_KICKED,
	GC_SLOW,
	GC_IDLE,
	GC_HANDSHAKE,
	GC_TOO_LONG,
	GC_NOT_UTF8,
	GC_PROTOCOL,
	GC_REFUSED,
	GC_UNREACHABLE,
	GC_UNKNOWN_HOST,
	GC_TIMED_OUT,
	GC_SHUTDOWN,
	GC_LIMIT,
	GC_RESET,
	GC_NETD_GONE,
	GC_POISON,
	GC_FIRST_MESSAGE,
	GC_NO_MEMORY,
	GC_BAD_URL,
	GC_TAKEN_OVER,
	GC_GAME_GONE,
};
/* "slow" and "reads too slowly" for GC_SLOW. */
const char *gc_reason_name(unsigned reason);
const char *gc_reason_text(unsigned reason);

/* Who a connection is. No member is NULL. */
struct gc_peer {
	unsigned listener;     /* as gc_listen() numbered it; 0: outgoing */
	const char *transport; /* "ws" */
	const char *address;   /* "127.0.0.1:51512", or "unix" */
	const char *local;     /* the address it reached */
	const char *real;      /* behind a trusted proxy, else "" */
	const char *path, *query, *origin, *cookies, *subprotocol; /* ws */
	const char *terminal;                                      /* telnet */
	unsigned columns, rows; /* telnet, tty; 0: unknown */
	unsigned from_address;  /* live connections from that address */
	long uid;               /* unix://: the peer's user; else -1 */
	bool tls;
	/* Told after a cold start or an upgrade: the game before knew it, or
	 * it came meanwhile, or it left meanwhile: then nothing else is known
	 * here, and what it still said and its GC_CLOSE follow. */
	enum { GC_FRESH, GC_RESUMED, GC_NEW, GC_GONE } state;
	const void *tag; /* what gc_tag() put there */
	size_t tag_len;
};

struct gc_event {
	enum gc_kind kind;
	uint64_t conn;    /* never 0 and never used again for another */
	const char *text; /* a NUL that is not counted ends it */
	size_t len;
	bool binary;
	unsigned reason; /* enum gc_reason */
	uint64_t count;
	uint64_t bytes;
	uint64_t timer;
	unsigned columns, rows;
	const struct gc_peer *peer; /* GC_OPEN only */
	void *bound;                /* what gc_bind() tied to conn, or NULL */
	uint64_t owner;             /* GC_DUE only */
	int64_t job;                /* GC_JOB only, as status */
	int status; /* 0: done; GC_JOB_NOTE: news, it goes on; else GC_E... */
	const struct gc_type *type;    /* GC_TYPED only: which message, and */
	const void *value;             /* its struct, which GC_AS() gives */
	const struct gc_value *answer; /* GC_ACK only, or NULL */
};

/*
 * Wait for the next event.
 *
 * Blocks. Before it waits, all that was written since leaves in one go.
 * Fills *ev, whose pointers are views until the next call on net that can
 * wait. Returns 0, or GC_ENETD_GONE, GC_EPROTOCOL, GC_ESYSTEM, GC_ENO_MEMORY,
 * which every later call then answers too. After GC_STOP events still come
 * (the goodbyes' closes) until gc_close().
 */
int gc_next(struct gc_net *net, struct gc_event *ev);

/* ---- sending ------------------------------------------------------------ */

/* How a message may be treated when its player reads too slowly. */
enum gc_class {
	GC_RELIABLE,  /* never dropped; past the limit the player is closed */
	GC_LATEST,    /* a newer one with the same key replaces it */
	GC_DROPPABLE, /* the oldest goes first */
};

struct gc_how {
	enum gc_class class_; /* 0: GC_RELIABLE */
	uint16_t key;         /* of GC_LATEST */
	bool binary;          /* 0: text */
	uint64_t but;         /* to a group: leave this connection out */
	bool markup;          /* the text is markup, see below */
	bool plain;           /* it is not, whatever gc_markup() says */
};

/*
 * Send one message to a connection. It leaves with the next call that waits,
 * at gc_flush(), or when 64 KiB have gathered. how NULL: reliable text. To a
 * connection that is closed already it goes nowhere, which is no error.
 * Returns 0, or GC_ETOO_LONG, GC_EINVALID (no such class), GC_ENETD_GONE,
 * GC_ENO_MEMORY.
 */
int gc_send(struct gc_net *net, uint64_t conn, const void *bytes, size_t len);
int gc_send_how(struct gc_net *net, uint64_t conn, const struct gc_how *how,
    const void *bytes, size_t len);
int gc_printf(struct gc_net *net, uint64_t conn, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int gc_vprintf(struct gc_net *net, uint64_t conn, const char *format,
    va_list ap) __attribute__((format(printf, 3, 0)));

/* Everybody, outgoing connections not. */
#define GC_ALL ((uint64_t)0)
/*
 * Send one message to all members of a group, or to GC_ALL: one frame
 * whatever their number. Returns as gc_send().
 */
int gc_send_group(struct gc_net *net, uint64_t group, const struct gc_how *how,
    const void *bytes, size_t len);
int
gc_printf_group(struct gc_net *net, uint64_t group, const struct gc_how *how,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
int
gc_vprintf_group(struct gc_net *net, uint64_t group, const struct gc_how *how,
    const char *format, va_list ap) __attribute__((format(printf, 4, 0)));

/* ---- typed messages ------------------------------------------------------ */

/*
 * A message with fields is a C struct that is declared once, in a header or
 * at the top of a file:
 *
 *	#define POINT(FIELD) \
 *		FIELD(I16, x, 0, 199)            int16_t x, from 0 to 199
 *		FIELD(I16, y, 0, 199)
 *	GC_TYPE(point, POINT)                    struct point, point_type
 *
 *	#define SAY(FIELD) \
 *		FIELD(STR, who, 32)              const char *who, up to 32 bytes
 *		FIELD(STR, text, 400)
 *		FIELD(STRUCT, point, at)         struct point at
 *		FIELD(LIST, point, path, 100)    const struct point *path;
 *	GC_TYPE(say, SAY)                        uint32_t n_path, up to 100
 *
 * Further kinds: BOOL(name); I8 I16 I32 I64 U8 U16 U32 U64 F32 F64(name,
 * smallest, largest); BYTES(name, longest), a struct gc_bytes; ARRAY(KIND,
 * name, how_many, smallest, largest) of a kind of number. Text is UTF-8. And
 *
 *	#define SUIT(NAME) NAME(HEARTS, hearts) NAME(SPADES, spades)
 *	GC_ENUM(suit, SUIT);                     enum suit { HEARTS, SPADES },
 *						 suit_name(HEARTS) is "hearts"
 *	#define HAND(FIELD) \
 *		FIELD(ENUM, suit, trump)         enum suit trump; said by name
 *		FIELD(LIST_OF, I32, scores, 9, 0, 999)   up to 9 numbers:
 *				const int32_t *scores; uint32_t n_scores;
 *		FIELD(LIST_OF, STR, names, 9, 32)        const char *const *
 *		FIELD(LIST_OF, ENUM, suit, suits, 4)
 *		FIELD(MAYBE, U8, bid, 1, 13)     bool has_bid; uint8_t bid
 *		FIELD(MAYBE, STR, motto, 80)     NULL: there is none
 *		FIELD(MAYBE, STRUCT, point, at)  const struct point *at, the
 *same
 *
 * LIST_OF takes each kind but ARRAY, STRUCT (that is LIST) and another list;
 * MAYBE each but ARRAY and lists, which may be empty: numbers, BOOL and ENUM
 * have a has_ beside them, STR and STRUCT are NULL and BYTES at NULL if they
 * are not set. What is not set is not there in what players get, and missing
 * or null in what they say.
 *
 * What the game says of its messages in struct gc_start.types is told to
 * netd, which turns a struct into what each player speaks: JSON for a page
 * (["say", {"who": "ann", ...}]), msgpack, GMCP for a MUD client, a tpl image
 * for a C program, encoded once however many hear it. What players say is
 * checked there, names, kinds, ranges and lengths: what does not fit is
 * answered with an error and never reaches the game.
 *
 * From then on every message of a ws://, tcp:// or udp:// player must be one
 * of these; lines and keys of a person stay GC_MESSAGE. speak=raw in a
 * listener's URL leaves its players out of all this (netd(8)).
 * GC_TYPE_EMPTY(name) is a message without fields.
 */
struct gc_bytes {
	const void *at;
	uint32_t len;
};

/* A row of the declaration; the macros below write it. */
struct gc_field {
	const char *name;        /* NULL ends the list */
	const char *kind;        /* "u16" */
	size_t offset, n_offset; /* n_: of n_NAME, or of has_NAME */
	uint32_t count, longest;
	long long smallest, largest; /* U64: as bits */
	double lowest, highest;
	const struct gc_type *of; /* what a STRUCT or LIST is made of */
	uint32_t most;            /* a list of up to so many of kind */
	bool maybe;
	const char *names; /* " hearts spades" */
};

struct gc_type {
	const char *name;
	size_t size; /* of the struct */
	const struct gc_field *(*fields)(void);
};

/* What the declarations become: not for the manual. */
#define GC_TYPE(name, FIELDS)                                              \
	struct name {                                                      \
		FIELDS(GC_MEMBER_)                                         \
	};                                                                 \
	static inline const struct gc_field *name##_fields(void)           \
	{                                                                  \
		typedef struct name gc_self;                               \
		static const struct gc_field fields[] = { FIELDS(GC_ROW_){ \
		    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } };          \
		return fields;                                             \
	}                                                                  \
	extern const struct gc_type name##_type __attribute__((weak));     \
	const struct gc_type name##_type = { #name, sizeof(struct name),   \
		name##_fields }

/* GC_TYPE_EMPTY(join): a message without fields, struct join, join_type */
#define GC_TYPE_EMPTY(name)                                            \
	struct name {                                                  \
		char nothing;                                          \
	};                                                             \
	extern const struct gc_type name##_type __attribute__((weak)); \
	const struct gc_type name##_type = { #name, sizeof(struct name), 0 }

/* GC_ENUM(suit, SUIT): enum suit, suit_name() */
#define GC_ENUM(type, NAMES)                                       \
	static const char type##_names[] __attribute__((unused)) = \
	    NAMES(GC_ENUM_TEXT_);                                  \
	static inline __attribute__((unused))                      \
	const char *type##_name(unsigned gc_v)                     \
	{                                                          \
		static const char *const gc_names[] = { NAMES(     \
		    GC_ENUM_NAME_) };                              \
		return gc_v < sizeof(gc_names) / sizeof(*gc_names) \
			   ? gc_names[gc_v]                        \
			   : "";                                   \
	}                                                          \
	enum type { NAMES(GC_ENUM_MEMBER_) }
#define GC_ENUM_MEMBER_(here, name) here,
#define GC_ENUM_TEXT_(here, name) " " #name
#define GC_ENUM_NAME_(here, name) #name,

#define GC_MEMBER_(KIND, ...) GC_MEMBER_##KIND(__VA_ARGS__)
#define GC_ROW_(KIND, ...) GC_ROW_##KIND(__VA_ARGS__)

#define GC_C_I8 int8_t
#define GC_C_I16 int16_t
#define GC_C_I32 int32_t
#define GC_C_I64 int64_t
#define GC_C_U8 uint8_t
#define GC_C_U16 uint16_t
#define GC_C_U32 uint32_t
#define GC_C_U64 uint64_t
#define GC_C_F32 float
#define GC_C_F64 double

#define GC_MEMBER_BOOL(name) bool name;
#define GC_MEMBER_I8(name, min, max) int8_t name;
#define GC_MEMBER_I16(name, min, max) int16_t name;
#define GC_MEMBER_I32(name, min, max) int32_t name;
#define GC_MEMBER_I64(name, min, max) int64_t name;
#define GC_MEMBER_U8(name, min, max) uint8_t name;
#define GC_MEMBER_U16(name, min, max) uint16_t name;
#define GC_MEMBER_U32(name, min, max) uint32_t name;
#define GC_MEMBER_U64(name, min, max) uint64_t name;
#define GC_MEMBER_F32(name, min, max) float name;
#define GC_MEMBER_F64(name, min, max) double name;
#define GC_MEMBER_ENUM(type, name) enum type name;
#define GC_MEMBER_STR(name, longest) const char *name;
#define GC_MEMBER_BYTES(name, longest) struct gc_bytes name;
#define GC_MEMBER_ARRAY(KIND, name, n, min, max) GC_C_##KIND name[n];
#define GC_MEMBER_STRUCT(type, name) struct type name;
#define GC_MEMBER_LIST(type, name, longest) GC_MANY_(struct type, name)

/* LIST_OF: a pointer and n_NAME */
#define GC_MANY_(type, name) \
	type const *name;    \
	uint32_t n_##name;
#define GC_MEMBER_LIST_OF(KIND, ...) GC_MANY_##KIND(__VA_ARGS__)
#define GC_MANY_BOOL(name, most) GC_MANY_(bool, name)
#define GC_MANY_I8(name, most, min, max) GC_MANY_(int8_t, name)
#define GC_MANY_I16(name, most, min, max) GC_MANY_(int16_t, name)
#define GC_MANY_I32(name, most, min, max) GC_MANY_(int32_t, name)
#define GC_MANY_I64(name, most, min, max) GC_MANY_(int64_t, name)
#define GC_MANY_U8(name, most, min, max) GC_MANY_(uint8_t, name)
#define GC_MANY_U16(name, most, min, max) GC_MANY_(uint16_t, name)
#define GC_MANY_U32(name, most, min, max) GC_MANY_(uint32_t, name)
#define GC_MANY_U64(name, most, min, max) GC_MANY_(uint64_t, name)
#define GC_MANY_F32(name, most, min, max) GC_MANY_(float, name)
#define GC_MANY_F64(name, most, min, max) GC_MANY_(double, name)
#define GC_MANY_ENUM(type, name, most) GC_MANY_(enum type, name)
#define GC_MANY_STR(name, most, longest) GC_MANY_(char const *, name)
#define GC_MANY_BYTES(name, most, longest) GC_MANY_(struct gc_bytes, name)

/* MAYBE: has_NAME beside it, or a pointer that may be NULL */
#define GC_OR_NONE_(type, name) \
	bool has_##name;        \
	type name;
#define GC_MEMBER_MAYBE(KIND, ...) GC_MAYBE_##KIND(__VA_ARGS__)
#define GC_MAYBE_BOOL(name) GC_OR_NONE_(bool, name)
#define GC_MAYBE_I8(name, min, max) GC_OR_NONE_(int8_t, name)
#define GC_MAYBE_I16(name, min, max) GC_OR_NONE_(int16_t, name)
#define GC_MAYBE_I32(name, min, max) GC_OR_NONE_(int32_t, name)
#define GC_MAYBE_I64(name, min, max) GC_OR_NONE_(int64_t, name)
#define GC_MAYBE_U8(name, min, max) GC_OR_NONE_(uint8_t, name)
#define GC_MAYBE_U16(name, min, max) GC_OR_NONE_(uint16_t, name)
#define GC_MAYBE_U32(name, min, max) GC_OR_NONE_(uint32_t, name)
#define GC_MAYBE_U64(name, min, max) GC_OR_NONE_(uint64_t, name)
#define GC_MAYBE_F32(name, min, max) GC_OR_NONE_(float, name)
#define GC_MAYBE_F64(name, min, max) GC_OR_NONE_(double, name)
#define GC_MAYBE_ENUM(type, name) GC_OR_NONE_(enum type, name)
#define GC_MAYBE_STR(name, longest) const char *name;
#define GC_MAYBE_BYTES(name, longest) struct gc_bytes name;
#define GC_MAYBE_STRUCT(type, name) const struct type *name;

/* A row of a number, of a float, of the rest. n_at: where n_ or has_ is. */
#define GC_NUMBER_(name, kind, n, n_at, most, maybe, min, max)                \
	{ #name, kind, offsetof(gc_self, name), n_at, n, 0, (long long)(min), \
		(long long)(max), 0, 0, 0, most, maybe, 0 },
#define GC_REAL_(name, kind, n, n_at, most, maybe, min, max)      \
	{ #name, kind, offsetof(gc_self, name), n_at, n, 0, 0, 0, \
		(double)(min), (double)(max), 0, most, maybe, 0 },
#define GC_PLAIN_(name, kind, n_at, most, maybe, longest, of, names)          \
	{ #name, kind, offsetof(gc_self, name), n_at, 0, longest, 0, 0, 0, 0, \
		of, most, maybe, names },
#define GC_N_(name) offsetof(gc_self, n_##name)
#define GC_HAS_(name) offsetof(gc_self, has_##name)

#define GC_ANY_I8(name, ...) GC_NUMBER_(name, "i8", __VA_ARGS__)
#define GC_ANY_I16(name, ...) GC_NUMBER_(name, "i16", __VA_ARGS__)
#define GC_ANY_I32(name, ...) GC_NUMBER_(name, "i32", __VA_ARGS__)
#define GC_ANY_I64(name, ...) GC_NUMBER_(name, "i64", __VA_ARGS__)
#define GC_ANY_U8(name, ...) GC_NUMBER_(name, "u8", __VA_ARGS__)
#define GC_ANY_U16(name, ...) GC_NUMBER_(name, "u16", __VA_ARGS__)
#define GC_ANY_U32(name, ...) GC_NUMBER_(name, "u32", __VA_ARGS__)
#define GC_ANY_U64(name, ...) GC_NUMBER_(name, "u64", __VA_ARGS__)
#define GC_ANY_F32(name, ...) GC_REAL_(name, "f32", __VA_ARGS__)
#define GC_ANY_F64(name, ...) GC_REAL_(name, "f64", __VA_ARGS__)
#define GC_ROW_BOOL(name) GC_PLAIN_(name, "bool", 0, 0, 0, 0, 0, 0)
#define GC_ROW_I8(name, min, max) GC_ANY_I8(name, 0, 0, 0, 0, min, max)
#define GC_ROW_I16(name, min, max) GC_ANY_I16(name, 0, 0, 0, 0, min, max)
#define GC_ROW_I32(name, min, max) GC_ANY_I32(name, 0, 0, 0, 0, min, max)
#define GC_ROW_I64(name, min, max) GC_ANY_I64(name, 0, 0, 0, 0, min, max)
#define GC_ROW_U8(name, min, max) GC_ANY_U8(name, 0, 0, 0, 0, min, max)
#define GC_ROW_U16(name, min, max) GC_ANY_U16(name, 0, 0, 0, 0, min, max)
#define GC_ROW_U32(name, min, max) GC_ANY_U32(name, 0, 0, 0, 0, min, max)
#define GC_ROW_U64(name, min, max) GC_ANY_U64(name, 0, 0, 0, 0, min, max)
#define GC_ROW_F32(name, min, max) GC_ANY_F32(name, 0, 0, 0, 0, min, max)
#define GC_ROW_F64(name, min, max) GC_ANY_F64(name, 0, 0, 0, 0, min, max)
#define GC_ROW_ENUM(type, name) \
	GC_PLAIN_(name, "enum", 0, 0, 0, 0, 0, type##_names)
#define GC_ROW_STR(name, longest) GC_PLAIN_(name, "str", 0, 0, 0, longest, 0, 0)
#define GC_ROW_BYTES(name, longest) \
	GC_PLAIN_(name, "bytes", 0, 0, 0, longest, 0, 0)
#define GC_ROW_ARRAY(KIND, name, n, min, max) \
	GC_ANY_##KIND(name, n, 0, 0, 0, min, max)
#define GC_ROW_STRUCT(type, name) \
	GC_PLAIN_(name, "struct", 0, 0, 0, 0, &type##_type, 0)
#define GC_ROW_LIST(type, name, longest) \
	GC_PLAIN_(name, "list", GC_N_(name), 0, 0, longest, &type##_type, 0)
#define GC_ROW_LIST_OF(KIND, ...) GC_ROW_MANY_##KIND(__VA_ARGS__)
#define GC_ROW_MANY_BOOL(name, most) \
	GC_PLAIN_(name, "bool", GC_N_(name), most, 0, 0, 0, 0)
#define GC_ROW_MANY_I8(name, most, min, max) \
	GC_ANY_I8(name, 0, GC_N_(name), most, 0, min, max)
#define GC_ROW_MANY_I16(name, most, min, max) \
	GC_ANY_I16(name, 0, GC_N_(name), most, 0, min, max)
#define GC_ROW_MANY_I32(name, most, min, max) \
	GC_ANY_I32(name, 0, GC_N_(name), most, 0, min, max)
#define GC_ROW_MANY_I64(name, most, min, max) \
	GC_ANY_I64(name, 0, GC_N_(name), most, 0, min, max)
#define GC_ROW_MANY_U8(name, most, min, max) \
	GC_ANY_U8(name, 0, GC_N_(name), most, 0, min, max)
#define GC_ROW_MANY_U16(name, most, min, max) \
	GC_ANY_U16(name, 0, GC_N_(name), most, 0, min, max)
#define GC_ROW_MANY_U32(name, most, min, max) \
	GC_ANY_U32(name, 0, GC_N_(name), most, 0, min, max)
#define GC_ROW_MANY_U64(name, most, min, max) \
	GC_ANY_U64(name, 0, GC_N_(name), most, 0, min, max)
#define GC_ROW_MANY_F32(name, most, min, max) \
	GC_ANY_F32(name, 0, GC_N_(name), most, 0, min, max)
#define GC_ROW_MANY_F64(name, most, min, max) \
	GC_ANY_F64(name, 0, GC_N_(name), most, 0, min, max)
#define GC_ROW_MANY_ENUM(type, name, most) \
	GC_PLAIN_(name, "enum", GC_N_(name), most, 0, 0, 0, type##_names)
#define GC_ROW_MANY_STR(name, most, longest) \
	GC_PLAIN_(name, "str", GC_N_(name), most, 0, longest, 0, 0)
#define GC_ROW_MANY_BYTES(name, most, longest) \
	GC_PLAIN_(name, "bytes", GC_N_(name), most, 0, longest, 0, 0)
#define GC_ROW_MAYBE(KIND, ...) GC_ROW_MAYBE_##KIND(__VA_ARGS__)
#define GC_ROW_MAYBE_BOOL(name) \
	GC_PLAIN_(name, "bool", GC_HAS_(name), 0, 1, 0, 0, 0)
#define GC_ROW_MAYBE_I8(name, min, max) \
	GC_ANY_I8(name, 0, GC_HAS_(name), 0, 1, min, max)
#define GC_ROW_MAYBE_I16(name, min, max) \
	GC_ANY_I16(name, 0, GC_HAS_(name), 0, 1, min, max)
#define GC_ROW_MAYBE_I32(name, min, max) \
	GC_ANY_I32(name, 0, GC_HAS_(name), 0, 1, min, max)
#define GC_ROW_MAYBE_I64(name, min, max) \
	GC_ANY_I64(name, 0, GC_HAS_(name), 0, 1, min, max)
#define GC_ROW_MAYBE_U8(name, min, max) \
	GC_ANY_U8(name, 0, GC_HAS_(name), 0, 1, min, max)
#define GC_ROW_MAYBE_U16(name, min, max) \
	GC_ANY_U16(name, 0, GC_HAS_(name), 0, 1, min, max)
#define GC_ROW_MAYBE_U32(name, min, max) \
	GC_ANY_U32(name, 0, GC_HAS_(name), 0, 1, min, max)
#define GC_ROW_MAYBE_U64(name, min, max) \
	GC_ANY_U64(name, 0, GC_HAS_(name), 0, 1, min, max)
#define GC_ROW_MAYBE_F32(name, min, max) \
	GC_ANY_F32(name, 0, GC_HAS_(name), 0, 1, min, max)
#define GC_ROW_MAYBE_F64(name, min, max) \
	GC_ANY_F64(name, 0, GC_HAS_(name), 0, 1, min, max)
#define GC_ROW_MAYBE_ENUM(type, name) \
	GC_PLAIN_(name, "enum", GC_HAS_(name), 0, 1, 0, 0, type##_names)
#define GC_ROW_MAYBE_STR(name, longest) \
	GC_PLAIN_(name, "str", 0, 0, 1, longest, 0, 0)
#define GC_ROW_MAYBE_BYTES(name, longest) \
	GC_PLAIN_(name, "bytes", 0, 0, 1, longest, 0, 0)
#define GC_ROW_MAYBE_STRUCT(type, name) \
	GC_PLAIN_(name, "struct", 0, 0, 1, 0, &type##_type, 0)

/* To here. */

/*
 * Declare one more message while the game runs; before that no player can say
 * it. Returns 0 (also if it is declared already), GC_EINVALID (gc_problem()
 * says what of it), GC_ELIMIT (256 of them), GC_ENO_MEMORY, GC_ENETD_GONE.
 */
int gc_declare(struct gc_net *net, const struct gc_type *type);

/*
 * Send a struct of that type. What it points to is borrowed; a NULL text is
 * "". how as in gc_send_how(), without binary. Returns as gc_send(), and
 * GC_EINVALID for a value that its own declaration does not allow, which
 * gc_problem() names. Who speaks raw, and a terminal without GMCP, gets
 * nothing.
 */
int gc_send_typed(struct gc_net *net, uint64_t conn, const struct gc_how *how,
    const struct gc_type *type, const void *value);
/* The same to all of a group, or to GC_ALL: encoded once per encoding. */
int gc_cast(struct gc_net *net, uint64_t group, const struct gc_how *how,
    const struct gc_type *type, const void *value);
/* To a session's player. */
int gc_say_typed(
    struct gc_session *s, const struct gc_type *type, const void *value);

/*
 * The value of a GC_TYPED event as const struct name *, or NULL if it is
 * another message. It and all that it points to is good until the next
 * event; texts end with a NUL.
 *
 *	const struct say *say = GC_AS(say, &ev);
 */
#define GC_AS(name, ev) \
	((ev)->type == &name##_type ? (const struct name *)(ev)->value : NULL)

/* Groups live in netd and are there while somebody is in them. The number
 * is the game's choice, not 0. Returns as gc_send(), or GC_EINVALID. */
int gc_join(struct gc_net *net, uint64_t conn, uint64_t group);
int gc_leave(struct gc_net *net, uint64_t conn, uint64_t group);

/*
 * Close a connection once what was sent to it has gone out. reason is for the
 * GC_CLOSE that follows, text (up to 123 bytes, may be NULL) for the player.
 * Returns as gc_send().
 */
int gc_hang_up(
    struct gc_net *net, uint64_t conn, unsigned reason, const char *text);

/* What was written leaves now. 0, GC_ENETD_GONE. */
int gc_flush(struct gc_net *net);

/* ---- connections -------------------------------------------------------- */

/* Tie something of the game's to a connection; comes with each event of it,
 * GC_CLOSE last. 0, GC_ECLOSED, GC_ENO_MEMORY. */
int gc_bind(struct gc_net *net, uint64_t conn, void *thing);
/* What is tied to it, or NULL. */
void *gc_bound(const struct gc_net *net, uint64_t conn);
/* Put up to 1,024 bytes with the connection in netd; they come back in
 * struct gc_peer after a restart. 0, GC_ETOO_LONG, GC_ENETD_GONE. */
int gc_tag(struct gc_net *net, uint64_t conn, const void *bytes, size_t len);
/*
 * Ask netd who a connection is. Blocks for one round trip to netd. *peer is a
 * view until the next call that can wait. 0, GC_ECLOSED, GC_ENETD_GONE.
 */
int gc_peer(struct gc_net *net, uint64_t conn, const struct gc_peer **peer);
/* How many connections the game was told of and not yet told the end of. */
size_t gc_conns(const struct gc_net *net);
/* Walk over them in no order: 0 begins, 0 ends. */
uint64_t gc_next_conn(const struct gc_net *net, uint64_t after);

/* ---- listening ---------------------------------------------------------- */

/*
 * Listen at a URL (see netd(8)). Blocks until netd answers. Returns the
 * listener's number (1 and up), GC_ENO_LISTEN (gc_problem() says why),
 * GC_EFULL, GC_ENETD_GONE.
 */
int gc_listen(struct gc_net *net, const char *url);
/* Close it; its players stay. 0, GC_EINVALID, GC_ENETD_GONE. */
int gc_unlisten(struct gc_net *net, int listener);
/* Where a listener is, with its real port; "" if there is none. A view until
 * it is closed. */
const char *gc_listening(const struct gc_net *net, int listener);
/*
 * What a person opens or types to get to a listener, for a game to print:
 * "http://localhost:8080/" if it has pages, "nc localhost 4000" for lines,
 * "telnet localhost 4000" for telnet,
 * else its URL. Writes at most size bytes with the NUL to out, which is
 * untouched on failure. Returns 0, GC_EINVALID (no such listener),
 * GC_ETOO_LONG.
 */
int gc_address(const struct gc_net *net, int listener, char *out, size_t size);

/* ---- a connection like a file ------------------------------------------- */

/*
 * Connect outwards. Blocks until it stands or failed (limit connect_ms).
 * Events that arrive meanwhile wait for gc_next(), up to 16 MiB of them.
 * Returns the connection, owned (gc_disconnect() it), or NULL: gc_problem()
 * says why and *reason, if not NULL, becomes an enum gc_reason such as
 * GC_REFUSED (GC_LEFT: this side gave up, because the game was asked to stop
 * or too much waits for gc_next()).
 */
struct gc_conn *
gc_connect(struct gc_net *net, const char *url, unsigned *reason);
/* One message. Leaves at the next call that waits, at gc_flush(), or when
 * 64 KiB have gathered. 0, GC_ECLOSED, GC_ETOO_LONG, GC_ENETD_GONE. */
int gc_write(struct gc_conn *con, const void *bytes, size_t len);
/*
 * Wait for the next message on a connection.
 *
 * Blocks until one arrives, the other side leaves, or timeout_ms passes
 * (-1: for ever, 0: only look). *text becomes a view of the message, good
 * until the next call on con; a NUL that is not counted ends it. Returns its
 * length in bytes (0 is an empty message), or GC_ETIMEOUT, GC_ECLOSED (after
 * all that came before), GC_ENETD_GONE.
 *
 * GC_ESTOPPED: the game was asked to stop. Said once; the connection still
 * works, for a goodbye. gc_next() tells the same as GC_STOP.
 *
 * GC_EFULL: 16 MiB of events wait for gc_next(), or as much came on this
 * connection while nobody read it and it was closed as slow.
 */
ssize_t gc_read(struct gc_conn *con, const char **text, int timeout_ms);
/* The same without waiting for the other side: GC_ENOTHING if nothing is
 * there. The answer is part of the stream, so a replay gives it again. */
ssize_t gc_read_now(struct gc_conn *con, const char **text);
/*
 * The same for typed messages, on a connection to a URL with speak=tpl (to
 * another Penstock game's tcp:// or udp://), json or msgpack: what the other
 * side sends must be as this program declared it. gc_write_typed() returns as
 * gc_send_typed() and gc_write(). gc_read_typed() fills *ev, with kind
 * GC_TYPED, conn, type and value, good until the next call on this game that
 * can wait; 0, or as gc_read(). "error" of the other side (what we said was
 * not as it declared) ends the connection.
 */
int gc_write_typed(
    struct gc_conn *con, const struct gc_type *type, const void *value);
int gc_read_typed(struct gc_conn *con, struct gc_event *ev, int timeout_ms);
/* Its number in the stream. */
uint64_t gc_conn_id(const struct gc_conn *con);
/* Close and free it; NULL is ignored. */
void gc_disconnect(struct gc_conn *con);

/* ---- a state of the game's own that outlives it ----------------------------
 */

/*
 * Leave a snapshot with netd: what the game's next program needs to go on
 * where this one stands. A crash needs none, it is recovered without; a cold
 * start and an upgrade get the last one. bytes are copied. Returns as
 * gc_send(); GC_ETOO_LONG over 256 MiB (netd's limit snapshot_bytes is 16).
 */
int gc_snapshot(struct gc_net *net, const void *bytes, size_t len);
/* The snapshot that the game before this one left, a view for ever, *len its
 * bytes; NULL if it left none. */
const void *gc_restored(const struct gc_net *net, size_t *len);

/* ---- time and dice: both come from the stream --------------------------- */

/* Microseconds since 1970, never going back: the time of the last event. */
int64_t gc_now(const struct gc_net *net);
/* A number from 0 to below - 1, each as likely; below 0: any 64 bits. */
uint64_t gc_random(struct gc_net *net, uint64_t below);

/* GC_TICK every so many milliseconds until gc_tick_stop(). A slow game gets
 * one with a count, never a backlog. 0, GC_EINVALID, GC_ENETD_GONE. */
int gc_tick(struct gc_net *net, int interval_ms);
int gc_tick_stop(struct gc_net *net);
/* GC_TIMER with this number (below 2^63) after delay_ms, then every repeat_ms
 * (0: once). A timer of that number is replaced. Returns as gc_tick(). */
int gc_timer(
    struct gc_net *net, uint64_t number, int64_t delay_ms, int64_t repeat_ms);
int gc_timer_stop(struct gc_net *net, uint64_t number);

/* ---- things that happen later ------------------------------------------- */

/*
 * GC_DUE after delay_ms, then every repeat_ms (0: once): "the sleepy guard
 * wakes in 40 s". Many of these cost one timer of netd's together, and they
 * come in the order of their times; what is due at the same moment, in the
 * order in which it was begun. A slow game gets one with a count, never a
 * backlog. owner is any number of the game's or of gc_session_number(), so
 * that all of an owner's can be stopped at once; those of a session are, when
 * it ends, and come to it as GC_FOR_DUE. thing is kept, for the game.
 *
 * Returns its number (2^63 and up), or 0: a negative time, more than a million
 * of them, or out of memory; gc_problem() says which.
 */
uint64_t gc_later(struct gc_net *net, uint64_t owner, int64_t delay_ms,
    int64_t repeat_ms, void *thing);
/* Take one back. 0, GC_ENOTHING (it is over). */
int gc_later_stop(struct gc_net *net, uint64_t number);
/* Take back all of an owner's; returns how many there were. */
size_t gc_later_stop_all(struct gc_net *net, uint64_t owner);

/* ---- jobs: slow work in processes of its own ---------------------------- */

/*
 * A worker is a process that computes and waits for nothing but its next job:
 *
 *	static int
 *	work(struct gc_net *net)
 *	{
 *		struct gc_job job;
 *
 *		while (gc_job_next(net, &job) > 0)
 *			gc_job_done(net, &job, answer, len);
 *		return 0;
 *	}
 *	... in main, behind gc_open():
 *	if (gc_worker(net)) {
 *		status = work(net);
 *		gc_close(net);
 *		return status;
 *	}
 *
 * gc_start.workers says which there are. The launcher starts them, starts one
 * again that dies, and ends them behind the game, which waits for none: a job
 * is a message to netd, held like all others until the game waits, and its
 * answer an event in the one stream. So a game that is killed has each answer
 * once, and a replay needs no workers. They run with --foreground and --attach,
 * too.
 *
 * Jobs are given out in the order in which they were begun, and with a count
 * of 1 also done in that order. A job that its worker dies of is tried again,
 * and one that is under way when netd dies is begun again: a worker that
 * changes something in the world sees such a job twice.
 */

/* The status of news: the job goes on. */
#define GC_JOB_NOTE 1

/*
 * Begin a job of the workers of that name; bytes are copied. Does not wait.
 *
 * What becomes of it is GC_JOB with its number: any gc_job_note() with status
 * GC_JOB_NOTE, then once, last and in any case, status 0 and what the worker
 * answered, or an error, and in text why, for a person: GC_EFAILED (the worker
 * said so), GC_ECRASHED, GC_ETIMEOUT (the limit_ms), GC_EINVALID (no such
 * workers), GC_ELIMIT (over the limits jobs_max or jobs_bytes of netd). Begun
 * in a session it comes to that session, as GC_FOR_JOB, and is cancelled with
 * the session's end.
 *
 * Returns its number, 1 and up, never used again; or GC_EINVALID (the name),
 * GC_ETOO_LONG, GC_ENETD_GONE, GC_ENO_MEMORY.
 */
int64_t
gc_job(struct gc_net *net, const char *workers, const void *bytes, size_t len);
/* Nothing more of it comes. A worker that has it finishes it in vain. 0, or
 * GC_ENOTHING: it is over. */
int gc_job_cancel(struct gc_net *net, int64_t job);

/* Is this process a worker? Its name in gc_start.workers, or NULL: it is the
 * game. In a worker only the calls below, gc_now(), gc_random(), gc_problem()
 * and gc_close() are of use. */
const char *gc_worker(const struct gc_net *net);

struct gc_job {
	uint64_t number;   /* for these calls, not the game's */
	const char *bytes; /* what it gets; a NUL that is not counted ends it */
	size_t len;
	unsigned tried; /* how often a worker died of it before */
};

/*
 * Wait for the next job. Blocks. job->bytes is a view until the next call of
 * this. Returns 1, or 0: there is no more to do, end; or GC_EPROTOCOL,
 * GC_ESYSTEM, GC_ENO_MEMORY, for ever.
 */
int gc_job_next(struct gc_net *net, struct gc_job *job);
/* The answer. Leaves at once. 0, GC_ETOO_LONG, GC_EINVALID (it is answered
 * already), GC_ENETD_GONE. */
int gc_job_done(struct gc_net *net, const struct gc_job *job, const void *bytes,
    size_t len);
/* It cannot be done; why is one sentence for a person. Returns as
 * gc_job_done(). */
int
gc_job_failed(struct gc_net *net, const struct gc_job *job, const char *why);
/* News for the game before the answer. Leaves at once, or waits while the game
 * has more than enough to read. Returns as gc_job_done(). */
int gc_job_note(struct gc_net *net, const struct gc_job *job, const void *bytes,
    size_t len);

/* ---- sessions: a straight-line function for each player ----------------- */

/*
 * A session is a function with a stack of its own. What waits in it lets all
 * others go on, so a player's whole visit is one subroutine:
 *
 *	static int
 *	player(struct gc_session *s, void *arg)
 *	{
 *		char name[32];
 *		int r = (int)gc_ask(s, "What is your name?", name,
 *sizeof(name));
 *
 *		if (r < 0)
 *			return r;
 *		return gc_say(s, "Hello, %s.", name);
 *	}
 *	... r = gc_serve(net, player, NULL);
 *
 * Only one runs at a time, and it is never interrupted: between two calls
 * that wait, nothing else in the game changes. The calls that wait are those
 * whose comment says "Waits"; also gc_connect(), gc_read(), gc_read_now(),
 * gc_peer(), gc_listen(), which make a session wait instead of the game.
 *
 * A call that waits ends early with one of these, and a function that returns
 * each negative answer it gets has no more to do about them:
 *   GC_ECLOSED     the player left (after all that came before); every later
 *                  call says so too
 *   GC_ECANCELLED  gc_cancel(); said once
 *   GC_ESTOPPED    the game was asked to stop; said once, and the goodbyes
 *                  still go out
 *   GC_ENETD_GONE and the like: the stream is over, for ever
 * A session that makes 1,000 such calls in vain is put away with a line in the
 * log, so that one bad loop does not stop everybody.
 */
struct gc_session;

/*
 * Serve: start one session for each connection, those that are there already
 * included, and run them all.
 *
 * Waits, for the whole game. fn is called as fn(s, arg) and arg is kept. What
 * fn returns: 0, the visit is over, and the connection is hung up once what
 * was said has gone out. Below 0, the same; if it is none of the four above,
 * it is told to who awaits it or is a line in the log. Above 0: the connection
 * stays, and is a new player for the gc_serve() that comes next.
 *
 * Returns 0 once the game was asked to stop and every session has ended; what
 * gc_serve_end() was given (above 0); or GC_ENETD_GONE, GC_EPROTOCOL,
 * GC_ESYSTEM, GC_ENO_MEMORY, once every session has ended.
 *
 * After gc_serve_end() the sessions stand where they are. gc_serve() with the
 * same fn and arg goes on with them; meanwhile the caller may do anything else
 * with the stream, gc_next() or gc_serve() with another fn, and what comes for
 * the standing ones is kept for them. It may be called in a session as well:
 * those that ran before it then stand until it returns.
 */
int gc_serve(
    struct gc_net *net, int (*fn)(struct gc_session *s, void *arg), void *arg);
/* The gc_serve() that runs returns value (above 0) as soon as the session
 * that calls this waits. 0, GC_EINVALID (nobody serves, or the value). */
int gc_serve_end(struct gc_net *net, int value);

/*
 * Limits of all sessions, to be set before the first one; 0 keeps what is
 * there. Returns 0, or GC_EINVALID: out of range, or it is too late.
 */
struct gc_session_limits {
	size_t sessions_max; /* 30,000; more players are told it is full */
	size_t stack_bytes;  /* 64 KiB, at least 16; only what is used counts */
	size_t mailbox_bytes; /* 64 KiB: of what waits for one; a player who
			       * passes it is closed with GC_LIMIT */
};
int
gc_session_limits(struct gc_net *net, const struct gc_session_limits *limits);

/* ---- what a session says and hears -------------------------------------- */

struct gc_net *gc_session_net(const struct gc_session *s);
/* Its own number, 2^63 and up, never used again for another. */
uint64_t gc_session_number(const struct gc_session *s);
/* Its connection; 0: none, or gone. */
uint64_t gc_session_conn(const struct gc_session *s);
/* What logs and debuggers call it; "player" before. Cut to 31 bytes. */
void gc_session_set_name(struct gc_session *s, const char *name);
const char *gc_session_name(const struct gc_session *s);
/* Tie something of the game's to it, and find it there. */
void gc_session_bind(struct gc_session *s, void *thing);
void *gc_session_bound(const struct gc_session *s);
/* The session of that number, or NULL: it ended. A view until it does. */
struct gc_session *gc_session_find(struct gc_net *net, uint64_t number);
/* How many there are, and a walk over them in the order of their start:
 * NULL begins and ends. */
size_t gc_sessions(const struct gc_net *net);
struct gc_session *
gc_next_session(struct gc_net *net, const struct gc_session *after);
/* Who its player is. Waits, but not before the session first waited. *peer is
 * a view until the next call that waits. 0, GC_ECLOSED, or as above. */
int gc_session_peer(struct gc_session *s, const struct gc_peer **peer);

/* One message to its player. To none, or one who left, it goes nowhere, which
 * is no error. Returns as gc_send(). */
int gc_say(struct gc_session *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int gc_vsay(struct gc_session *s, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0)));
int gc_session_write(struct gc_session *s, const void *bytes, size_t len);

/*
 * The player's next message. Waits up to timeout_ms (-1: for ever, 0: only
 * look). *text becomes a view until this session next waits, ended by a NUL
 * that is not counted. Returns its length, GC_ETIMEOUT, or as above.
 */
ssize_t
gc_session_read(struct gc_session *s, const char **text, int timeout_ms);
/*
 * The player's next message as a line: at most size - 1 bytes of it, cut at a
 * whole character, with a NUL, and without CR or LF at its end. Waits. Returns
 * the length of the whole line, so size or more means that it was cut.
 */
ssize_t gc_readline(struct gc_session *s, char *line, size_t size);
/* Say the question, then gc_readline(). */
ssize_t
gc_ask(struct gc_session *s, const char *question, char *line, size_t size);
/*
 * At a terminal (tty:) a session gets lines, drawn as they are typed: with keys
 * true it gets each key as a message ("a", "\x1b[A"), and nothing is drawn. 0,
 * GC_ENOTHING (its player sends no keys), GC_ECLOSED.
 */
int gc_session_keys(struct gc_session *s, bool keys);
/* Waits so long. 0, or as above. */
int gc_sleep(struct gc_session *s, int64_t ms);
/* Waits for the tick that gc_tick() started. Returns how many passed, mostly
 * 1, or as above. */
int gc_next_tick(struct gc_session *s);

/* The player is gone or is let go: the session goes on as a task, and no call
 * says GC_ECLOSED any more. Its connection, if it is still there, is a new
 * player for the next gc_serve(). 0. */
int gc_session_detach(struct gc_session *s);
/*
 * Give this session's player to another session, which had none or loses it
 * with GC_TAKEN_OVER: what was typed and not read goes along. This session
 * goes on as a task. 0, GC_ENOTHING (no such session), GC_ECLOSED.
 */
int gc_session_give(struct gc_session *s, uint64_t to);

/* ---- waiting for several things at once --------------------------------- */

enum gc_for {
	GC_FOR_MESSAGE = 1, /* of the player: text, len, binary */
	GC_FOR_TICK = 2,    /* of gc_tick(): count */
	GC_FOR_SIGNAL = 4,  /* of gc_signal(): from, value, thing */
	GC_FOR_END = 8,     /* of a monitored one: from, value its result */
	GC_FOR_DUE = 16,    /* of gc_later(): from its number, thing, count */
	GC_FOR_EVENT = 32,  /* any other event: of its player, and those that
			     * are nobody's: event */
	GC_FOR_CONDITION = 64,  /* gc_notify_all(condition) */
	GC_FOR_CHANNEL = 128,   /* a value of channel: thing */
	GC_FOR_ROOM_TICK = 256, /* of room: count */
	GC_FOR_JOB = 512,    /* of gc_job(): from its number, value its status,
			      * text, len */
	GC_FOR_TYPED = 1024, /* of the player: event.type, event.value */
};

struct gc_wait {
	unsigned what; /* enum gc_for, any of them together */
	struct gc_condition *condition;
	struct gc_channel *channel;
	struct gc_room *room;
	/* Out; views until this session next waits. */
	const char *text;
	size_t len;
	bool binary;
	uint64_t count;
	uint64_t from;
	int value;
	void *thing;
	struct gc_event event; /* its peer and bound are NULL */
};

/*
 * Wait for whichever comes first.
 *
 * Waits up to timeout_ms (-1: for ever, 0: only look at what is there). What
 * came while the session did something else is kept in order: messages,
 * signals, ends, things due, events once it has waited for one. A tick or a
 * notification is for those who wait. Returns the one of enum gc_for that it
 * was, GC_ETIMEOUT, GC_ECLOSED also for a channel that is closed, or as above.
 */
int gc_wait(struct gc_session *s, struct gc_wait *w, int timeout_ms);

/*
 * Begin a job, as gc_job() does, and wait for its answer. Waits. *out becomes a
 * view of it until this session next waits, ended by a NUL that is not counted.
 * Returns its length, an error of the job (gc_problem() says why), of gc_job(),
 * or as above: then the job is cancelled.
 */
ssize_t gc_job_wait(struct gc_session *s, const char *workers,
    const void *bytes, size_t len, const char **out);

/* ---- tasks, and what sessions are to each other ------------------------- */

/*
 * A session without a player: a monster, the weather. It starts with the
 * gc_serve() that runs, or with the next one, which does not return for a stop
 * before it has ended. arg is kept. Returns its number, or 0: gc_problem().
 */
uint64_t gc_task(struct gc_net *net, const char *name,
    int (*fn)(struct gc_session *s, void *arg), void *arg);
/* Its next call that waits says GC_ECANCELLED, or the one it is in. 0,
 * GC_ENOTHING: it ended. */
int gc_cancel(struct gc_net *net, uint64_t number);
/*
 * Wait for the end of another; *result is what its function returned. Waits up
 * to timeout_ms. 0, GC_ETIMEOUT, GC_ENOTHING (it ended over 1,000 ends ago, or
 * never was), GC_EINVALID (oneself), or as above.
 */
int
gc_await(struct gc_session *s, uint64_t number, int *result, int timeout_ms);
/* The end of another will come as GC_FOR_END. 0, GC_ENOTHING as for
 * gc_await(), GC_EINVALID, GC_ENO_MEMORY. */
int gc_monitor(struct gc_session *s, uint64_t number);
/* Send GC_FOR_SIGNAL to a session; from is who runs. thing is kept. 0,
 * GC_ENOTHING (it ended), GC_EFULL (its mailbox), GC_ENO_MEMORY. */
int gc_signal(struct gc_net *net, uint64_t to, int value, void *thing);

/* A condition: all who wait for it are woken at once. */
struct gc_condition *gc_condition_new(struct gc_net *net); /* NULL: memory */
/* Who waits for it is told GC_ECLOSED. NULL is ignored. */
void gc_condition_free(struct gc_condition *c);
void gc_notify_all(struct gc_condition *c);
/* Waits up to timeout_ms. 0, GC_ETIMEOUT, or as above. */
int
gc_condition_wait(struct gc_session *s, struct gc_condition *c, int timeout_ms);

/*
 * A channel: things in a row from any to any session, at most max of them
 * inside. Owned; what is inside at the end is the game's to know. NULL: max is
 * 0, or out of memory.
 */
struct gc_channel *gc_channel_new(struct gc_net *net, size_t max);
/* Put one in; waits up to timeout_ms while it is full. 0, GC_ETIMEOUT,
 * GC_ECLOSED (it is closed), or as above. */
int gc_channel_put(
    struct gc_session *s, struct gc_channel *ch, void *thing, int timeout_ms);
/* Take the oldest out; waits up to timeout_ms while it is empty. Returns as
 * gc_channel_put(). */
int gc_channel_take(
    struct gc_session *s, struct gc_channel *ch, void **thing, int timeout_ms);
/* Nothing goes in any more; what is inside can be taken, then GC_ECLOSED. */
void gc_channel_close(struct gc_channel *ch);
/* Who waits for it is told GC_ECLOSED. NULL is ignored. */
void gc_channel_free(struct gc_channel *ch);

/* ---- rooms: sessions that are together ---------------------------------- */

/*
 * A room has members, at most capacity of them (0: any number), who hear what
 * is said to all in one frame, and a tick that runs only while somebody is
 * inside. A session is in one room at a time; its end takes it out. Owned;
 * thing is kept. NULL: out of memory.
 */
struct gc_room *
gc_room_new(struct gc_net *net, const char *name, size_t capacity, void *thing);
/* Everybody leaves first. NULL is ignored. */
void gc_room_free(struct gc_room *r);
const char *gc_room_name(const struct gc_room *r);
void *gc_room_thing(const struct gc_room *r);
/* Walk in, out of any other. 0 (also who is inside), GC_EFULL, GC_ECLOSED (it
 * is locked); then the session is where it was. */
int gc_room_enter(struct gc_room *r, struct gc_session *s);
/* Walk out of the room it is in, if any. */
void gc_room_leave(struct gc_session *s);
/* The room a session is in, or NULL. */
struct gc_room *gc_room_of(const struct gc_session *s);
/* Let nobody else in, or again everybody. */
void gc_room_lock(struct gc_room *r, bool locked);
/* How many are inside, and a walk over them in the order they came: NULL
 * begins and ends. Before you send somebody out, take the one behind. */
size_t gc_room_members(const struct gc_room *r);
struct gc_session *
gc_room_next(const struct gc_room *r, const struct gc_session *after);
/* Notified whenever somebody came or left; a view while the room is there. */
struct gc_condition *gc_room_changed(struct gc_room *r);
/* One message to all inside but one (NULL: nobody). Returns as gc_send(). */
int gc_room_say(struct gc_room *r, const struct gc_session *but,
    const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The room's own tick; 0 stops it. 0, GC_EINVALID. */
int gc_room_tick(struct gc_room *r, int interval_ms);
/* Waits for the tick of any room, inside or not. Returns how many passed,
 * mostly 1, GC_ECLOSED (the room is gone), or as above. */
int gc_room_next_tick(struct gc_session *s, struct gc_room *r);

/* ---- values ------------------------------------------------------------- */

/*
 * What is known only at run time: a tree of nil, bool, int, float, str, bytes,
 * array and map, whose keys are str or int. Values have nothing to do with a
 * struct gc_net: they need no stream and never wait.
 */

enum gc_value_type {
	GC_V_NIL,
	GC_V_BOOL,
	GC_V_INT,
	GC_V_FLOAT,
	GC_V_STR,
	GC_V_BYTES,
	GC_V_ARRAY,
	GC_V_MAP
};

/* Owned: gc_value_free() it, or give it to a call that takes it. NULL: out of
 * memory, or the text is not UTF-8. */
struct gc_value *gc_value_nil(void);
struct gc_value *gc_value_bool(bool b);
struct gc_value *gc_value_int(int64_t i);
struct gc_value *gc_value_float(double f);
struct gc_value *gc_value_str(const char *text);
struct gc_value *gc_value_str_len(const char *text, size_t len);
struct gc_value *gc_value_bytes(const void *bytes, size_t len);
struct gc_value *gc_value_array(void);
struct gc_value *gc_value_map(void);
/* NULL is copied as nil. */
struct gc_value *gc_value_copy(const struct gc_value *v);
/* With all that is in it; NULL is ignored. */
void gc_value_free(struct gc_value *v);
/*
 * A tree from a format and its arguments: n nil, b bool (int), i int,
 * l int64_t, f double, s text, S text and its size_t length, y bytes and their
 * size_t length, v a value that is taken, [ ] an array, { } a map whose keys
 * are s, S, i or l. Blanks, commas and colons mean nothing.
 *
 *	gc_value_make("{s: {i: {s: s, s: [f, f]}}}", "players", 7,
 *	    "name", "ann", "position", 0.0, 0.0)
 *
 * NULL also for a wrong format; what was to be taken is freed then.
 */
struct gc_value *gc_value_make(const char *format, ...);
struct gc_value *gc_value_vmake(const char *format, va_list ap);

/* Append to an array. v is taken, whatever comes out: 0, GC_EINVALID (not an
 * array), GC_ENO_MEMORY (also if v is NULL). */
int gc_value_add(struct gc_value *array, struct gc_value *v);
/* Put into a map, in place of what has this key. As gc_value_add(). */
int gc_value_set(struct gc_value *map, const char *key, struct gc_value *v);
int gc_value_set_at(struct gc_value *map, int64_t key, struct gc_value *v);
/* The same with a key that is an int or a str itself; borrowed. */
int gc_value_set_key(
    struct gc_value *map, const struct gc_value *key, struct gc_value *v);
/* False: there was none. */
bool gc_value_remove(struct gc_value *map, const char *key);
bool gc_value_remove_at(struct gc_value *map, int64_t key);
/* Of each key of from: two maps are merged in turn, everything else is
 * replaced by a copy. 0, GC_EINVALID (not two maps), GC_ENO_MEMORY. */
int gc_value_merge(struct gc_value *into, const struct gc_value *from);

/* NULL is nil to all of these, and what is of another type is 0, "" or
 * false. */
enum gc_value_type gc_value_type(const struct gc_value *v);
bool gc_value_as_bool(const struct gc_value *v);
/* A float loses its fraction. */
int64_t gc_value_as_int(const struct gc_value *v);
double gc_value_as_float(const struct gc_value *v);
/* Of str and bytes; a view while v is there, a NUL that is not counted ends
 * it. len may be NULL. */
const char *gc_value_text(const struct gc_value *v, size_t *len);
/* How many are in an array or a map. */
size_t gc_value_size(const struct gc_value *v);
/* Number i of them, a view, or NULL; and its key in a map: the text, a view,
 * or NULL and *number. */
struct gc_value *gc_value_at(const struct gc_value *v, size_t i);
const char *gc_value_key(const struct gc_value *v, size_t i, int64_t *number);
/* What has this key: a view, or NULL. */
struct gc_value *gc_value_get(const struct gc_value *v, const char *key);
struct gc_value *gc_value_get_at(const struct gc_value *v, int64_t key);
/*
 * The same along a path, "players/7/name". A name of digits alone is an int
 * key, unless an apostrophe stands before it ("players/'7"). "" is v itself.
 */
struct gc_value *gc_value_find(const struct gc_value *v, const char *path);
/* Same types, same content, whatever the order of keys. */
bool gc_value_equal(const struct gc_value *a, const struct gc_value *b);

/* As JSON or msgpack; owned: free(). NULL: out of memory, or too deep (32).
 * In JSON int keys are text and bytes are {"$bytes": "base64"}. */
char *gc_value_json(const struct gc_value *v);
char *gc_value_pack(const struct gc_value *v, size_t *len);
/* Owned, or NULL: not that, too deep, a key twice, text that is not UTF-8. */
struct gc_value *gc_value_from_json(const char *text, size_t len);
struct gc_value *gc_value_unpack(const void *bytes, size_t len);

/* ---- terminals and MUD clients ------------------------------------------ */

/*
 * Markup: colours as words in braces, which netd turns into what each player's
 * terminal can show: 24 bits, 256 colours, 16, or none.
 *
 *	{red} {green} {yellow} {blue} {magenta} {cyan} {white} {black} {grey}
 *	{bright red} and so on: the light ones
 *	{#ff8800}           any colour
 *	{on blue} {on #202020} {on bright red}: behind the letters
 *	{bold} {dim} {italic} {underline} {reverse} {strike}
 *	{/}                 back to what was before the last of these
 *	{reset}             back to nothing
 *	{pre} {/pre}        no word wrap in between (a map, a table)
 *	{{                  a brace; a } alone is itself
 *
 * What is in braces and none of these is shown as it stands. At the end of a
 * message all is reset. Where the player's width is known, lines are broken
 * between words, each with the indentation that its paragraph began with; a
 * word that is too long is broken. Terminals that read aloud get neither
 * colours nor characters that lines are drawn with (blanks stand there). What
 * does
 * not go to a terminal (tcp://, unix://, line://, and ws:// without the
 * subprotocol gmcp.mudstandards.org) gets the bare text.
 *
 * A text is markup if gc_how.markup says so, or every text since gc_markup(net,
 * true). It is the message and not the listener that is marked, because the
 * game alone knows which of its texts it wrote and which a player did: one's
 * own words go through gc_escape(), or need no markup at all.
 */
void gc_markup(struct gc_net *net, bool on);
/*
 * A player's words for a text of markup: { is doubled, and control characters
 * become ?. Writes at most size bytes with the NUL, cut at a whole character;
 * returns out, for use in a printf.
 */
const char *gc_escape(const char *text, char *out, size_t size);

/*
 * A question: what the player types stands behind it. Newlines at its end are
 * left away. On telnet:// it is marked as a prompt (EOR or GA), as is any
 * message without a newline at its end. Returns as gc_send().
 */
int gc_prompt(struct gc_net *net, uint64_t conn, const char *text);
/*
 * What this player types is not to be seen (a password), or is again. telnet://
 * turns off the terminal's echo. A page on ws:// gets the out-of-band message
 * Client.Input {"hidden":true} or false, if it offered the subprotocol
 * gmcp.mudstandards.org. Elsewhere nothing can be hidden. Returns as gc_send().
 */
int gc_hide_input(struct gc_net *net, uint64_t conn, bool hide);
/* gc_ask() with the answer hidden. Waits; the same answers. */
ssize_t gc_ask_hidden(
    struct gc_session *s, const char *question, char *line, size_t size);
/*
 * A long text to the player, a screen at a time: it ends with --More-- and goes
 * on when the player presses Enter; q ends it. All at once where the height is
 * not known. Waits. 0 (read to its end, or not), or what a call that waits
 * says.
 */
int gc_page(struct gc_session *s, const char *text);

/*
 * Say something to the player's program, beside the text: GMCP and MSDP on
 * telnet://, TEXT frames with the subprotocol gmcp.mudstandards.org on ws://;
 * elsewhere it goes nowhere, which is no error. name is Package.Sub, up to 64
 * of the characters a-z A-Z 0-9 . _ -; json a JSON text, or NULL. What a client
 * said it does not want (Core.Supports) is not sent to it. netd checks the
 * JSON; one that is none is dropped with a line in the log.
 *
 * MSDP knows a package as a variable, Char.Vitals as CHAR_VITALS with a table
 * of what is in it; the members of a package named MSDP are variables of their
 * own. Clients ask netd for them (REPORT, SEND, LIST), which knows the last
 * value of each. Returns as gc_send(), or GC_EINVALID: not a name.
 */
int
gc_side(struct gc_net *net, uint64_t conn, const char *name, const char *json);
/* The same to a group, or GC_ALL. how: class, key and but; may be NULL. */
int gc_side_group(struct gc_net *net, uint64_t group, const struct gc_how *how,
    const char *name, const char *json);
/*
 * What came as GC_SIDE: is it of this name (in any case of letters); its JSON,
 * "" if there is none. It is whole and valid, and no deeper than the limit
 * side_depth_max. Core.Hello and Core.Supports.* come at the beginning and
 * again after a cold start; Core.Ping is answered by netd. What a client sets
 * by MSDP comes as MSDP {"NAME":value}.
 */
bool gc_side_is(const char *text, const char *name);
const char *gc_side_json(const char *text);

/* What a player's terminal can do, as far as it said so. */
struct gc_terminal {
	unsigned columns, rows; /* 0: not known */
	unsigned colours;       /* 0, 16, 256, 16777216 */
	bool utf8;              /* else Latin-1 or ASCII; netd transliterates */
	bool reader;            /* it reads aloud: no maps, no tables */
	bool side;              /* gc_side() reaches it */
	bool edits;             /* it sends whole lines by itself (LINEMODE) */
};

/* Waits for nothing: what events said up to now (GC_OPEN, GC_RESIZE, GC_ABLE).
 * 0, GC_ECLOSED. */
int gc_terminal(const struct gc_net *net, uint64_t conn, struct gc_terminal *t);

enum gc_setting {
	GC_SET_COLOURS, /* 0, 16, 256, 16777216 */
	GC_SET_UTF8,    /* 0: no, 1: yes */
	GC_SET_READER,  /* 0: no, 1: yes */
	GC_SET_WRAP,    /* columns, up to 1000; 0: never */
};
/* The player says what the terminal does not; -1: as it said. Lasts as long as
 * the connection. Returns as gc_send(), or GC_EINVALID. */
int gc_terminal_set(
    struct gc_net *net, uint64_t conn, enum gc_setting what, int value);

/* ---- a state that players follow ---------------------------------------- */

/*
 * A state is a map that the game changes and players have: each is sent all of
 * it first and then what changed, at its own pace; what changed twice meanwhile
 * is sent once. A browser finds it in conn.state (penstock.js), a program in
 * gc_client_state(), a PyGaSe client in its own.
 *
 *	st = gc_state_open(net, 1, &(struct gc_state_options){ .everybody =
 *	    true }, gc_value_make("{si s{}}", "tick", 0, "players"));
 *	gc_state_set(st, "players/7/x", gc_value_float(0.5));
 *	gc_state_delete(st, "players/3");
 *
 * netd keeps it too: a crash is recovered, a game that starts cold or is
 * upgraded finds it as it was left, and a netd that died is told again.
 */
struct gc_state_options {
	bool everybody; /* every program that connects follows it; people on
			 * line:// and telnet:// only by gc_state_watch() */
	bool by_conn;   /* their key in the grid is their connection number */
	bool fresh;     /* begin with initial whatever a game before left */
	double rate;    /* deltas a second for each; 0: with each change */
	uint64_t view;  /* what they see; 0: all of it */
	/* The map of things with a place: under x and y two numbers, or, y
	 * NULL, under x an array of two. See struct gc_view. */
	const char *grid; /* its path; NULL: none */
	const char *x, *y;
	double cell; /* the width of the grid; about the radius of views */
};

/*
 * Open state number number (1 and up, the game's choice). initial, a map or
 * NULL, is taken. If a game before this one left a state of this number, that
 * is it, and initial is not needed: gc_state_restored() tells. Returns it,
 * owned by net (gc_state_close() ends it before), or NULL: gc_problem().
 */
struct gc_state *gc_state_open(struct gc_net *net, uint64_t number,
    const struct gc_state_options *options, struct gc_value *initial);
bool gc_state_restored(const struct gc_state *st);
/* Nobody follows it any more; what they have they keep. NULL is ignored. */
void gc_state_close(struct gc_state *st);

/* The whole map, and what is at a path (see gc_value_find()), or NULL: views
 * until the next change. */
const struct gc_value *gc_state_value(const struct gc_state *st);
const struct gc_value *
gc_state_get(const struct gc_state *st, const char *path);
/* How often this game has changed it. */
uint64_t gc_state_version(const struct gc_state *st);

/*
 * Put a value at a path; what is missing on the way becomes a map. v is taken.
 * Merge a map there: maps in it are merged in turn, everything else replaces,
 * and gc_value_deleted() deletes. Delete what is there. Changes leave together,
 * as all output does. 0, GC_EINVALID, GC_ETOO_LONG (a str, bytes or array over
 * a frame), GC_ENO_MEMORY, GC_ENETD_GONE.
 */
int gc_state_set(struct gc_state *st, const char *path, struct gc_value *v);
int gc_state_merge(struct gc_state *st, const char *path, struct gc_value *v);
int gc_state_delete(struct gc_state *st, const char *path);
#define GC_DELETED "\xd2\x81\xe5\xba"
#define GC_DELETED_LEN 4
struct gc_value *gc_value_deleted(void);

/* What some may see. */
struct gc_view {
	/*
	 * "+path" shows, "-path" hides what is there and below; the rule that
	 * completes last decides. "*" is any key, "$me" the player's own:
	 * { "-cards", "+cards/$me", NULL }. If the first shows, nothing else
	 * is seen. Ended by NULL; NULL: everything.
	 */
	const char *const *rules;
	/* Of the grid's things, only those so near are seen (and until they
	 * are a tenth farther); 0: all. Those without a place are, too. */
	double radius;
};
/* View number number (not 0) is this; NULL: it is no more. Who has it is sent
 * everything anew. 0, GC_EINVALID, GC_ENO_MEMORY, GC_ENETD_GONE. */
int gc_view(struct gc_net *net, uint64_t number, const struct gc_view *view);

struct gc_watch {
	uint64_t view;             /* 0: as it was */
	double rate;               /* 0: as it was */
	const struct gc_value *me; /* its own key, borrowed; NULL: as it was */
};
/* This connection, or the members that a group has now, follow this state and
 * no other. how may be NULL. As gc_send(). */
int
gc_state_watch(struct gc_state *st, uint64_t conn, const struct gc_watch *how);
int gc_state_watch_group(
    struct gc_state *st, uint64_t group, const struct gc_watch *how);
int gc_state_unwatch(struct gc_net *net, uint64_t conn);
/* Where it looks: at a thing in the grid, or a place. As gc_send(). */
int
gc_state_focus(struct gc_net *net, uint64_t conn, const struct gc_value *key);
int gc_state_look(struct gc_net *net, uint64_t conn, double x, double y);

/* ---- events with acknowledgement ---------------------------------------- */

/*
 * An event is a name, an array and a map. What a player's program sends comes
 * as GC_EVENT, in order and once; it is told that the event was taken. From
 * now on messages that begin with the words of events are none any more. The
 * calls below and gc_state_open() say so by themselves. 0, GC_ENETD_GONE.
 */
int gc_events(struct gc_net *net);

struct gc_call {
	uint64_t conn;
	const char *name;
	const struct gc_value *args, *kwargs; /* an array, a map */
	uint64_t request; /* 0: an answer is not waited for */
	void *bound;
};
/* What a GC_EVENT says: views until the next gc_call_read(). 0, GC_EINVALID:
 * it is none. */
int gc_call_read(
    struct gc_net *net, const struct gc_event *ev, struct gc_call *call);
/* Do these fit? i int, f float or int, s str, y bytes, b bool, k int or str,
 * a array, m map, v any; | what follows may be missing, * anything may
 * follow. */
bool gc_args_fit(const struct gc_value *args, const char *format);
/* Answer it. answer is taken. As gc_send(). */
int gc_answer(struct gc_net *net, uint64_t conn, uint64_t request,
    struct gc_value *answer);

/* Called in a call that waits, on its stack; answer is a view or NULL. */
typedef void gc_done(struct gc_net *net, uint64_t conn, bool arrived,
    const struct gc_value *answer, void *thing);

struct gc_event_how {
	/* It counts as not arrived if that is not confirmed by then; 0: the
	 * limit event_ms, -1: as long as the player is there (an hour at
	 * most). Until then it is said again as often as its line needs: over
	 * datagrams by their round trip, over a line that was lost when the
	 * player is back (resume=); and each hears it once. */
	int timeout_ms;
	uint64_t but;  /* to a group: leave this connection out */
	bool ack;      /* tell by GC_ACK what became of it */
	gc_done *done; /* call this instead; to a group: for each */
	void *thing;
};
/*
 * Send an event to a connection, or to a group or GC_ALL. args (an array) and
 * kwargs (a map) are taken, NULL is empty; how may be NULL. Returns its number
 * (0 if nobody asked for one), or as gc_send(), GC_EINVALID.
 */
int64_t
gc_event(struct gc_net *net, uint64_t conn, const struct gc_event_how *how,
    const char *name, struct gc_value *args, struct gc_value *kwargs);
int64_t gc_event_group(struct gc_net *net, uint64_t group,
    const struct gc_event_how *how, const char *name, struct gc_value *args,
    struct gc_value *kwargs);
/*
 * Send an event and wait until the player's program has it; in a session, only
 * that waits. *answer, if not NULL, becomes what it answered, a view until the
 * next call that waits, or NULL. 0, GC_ETIMEOUT (-1: never), GC_ECLOSED (it did
 * not arrive, and never will), or as gc_send().
 */
int gc_request(struct gc_net *net, uint64_t conn, const char *name,
    struct gc_value *args, struct gc_value *kwargs, int timeout_ms,
    const struct gc_value **answer);

/* ---- the other side of states and events -------------------------------- */

/*
 * A connection of gc_connect() (tcp://, ws:// or udp://) to a game that has a
 * state or takes events: after this its words are taken here, and gc_read()
 * gets the rest. As gc_write().
 */
int gc_client_begin(struct gc_conn *con);
/* What came of the state: a map, a view until the next call that waits, and
 * the version that netd gave it; 0: nothing came yet. */
const struct gc_value *gc_client_state(const struct gc_conn *con);
uint64_t gc_client_version(const struct gc_conn *con);
/*
 * Wait until cond(state, thing) is true; it is asked at once and after each
 * change. 0, GC_ETIMEOUT (-1: never), or as gc_read().
 */
int gc_client_wait_until(struct gc_conn *con,
    bool (*cond)(const struct gc_value *state, void *thing), void *thing,
    int timeout_ms);
/*
 * Send an event. args (an array) and kwargs (a map) are taken, NULL is empty.
 * timeout_ms 0: do not wait; else until it was taken (-1: for ever). 0,
 * GC_ETIMEOUT, or as gc_read(), GC_EINVALID.
 */
int gc_client_event(struct gc_conn *con, const char *name,
    struct gc_value *args, struct gc_value *kwargs, int timeout_ms);
/* The same, and wait for what the game answers: *answer is a view until the
 * next call on con. */
int
gc_client_request(struct gc_conn *con, const char *name, struct gc_value *args,
    struct gc_value *kwargs, int timeout_ms, const struct gc_value **answer);
/*
 * The game's next event, up to timeout_ms (-1: for ever, 0: only what is
 * there). *call is views until the next call on con; it counts as arrived with
 * gc_client_answer(), or with the next call on con that waits. 0, GC_ETIMEOUT,
 * or as gc_read().
 */
int gc_client_next(struct gc_conn *con, struct gc_call *call, int timeout_ms);
/* answer is taken. As gc_write(). */
int gc_client_answer(
    struct gc_conn *con, const struct gc_call *call, struct gc_value *answer);

/* ---- state machine and backend ------------------------------------------- */

/*
 * A machine is a state with time: at a fixed interval time_step() says what
 * changes, and events of players do by a table of handlers.
 *
 *	static struct gc_value *
 *	step(struct gc_machine *m, double dt)
 *	{
 *		return gc_value_make("{sl}", "tick", 1 + gc_value_as_int(
 *		    gc_machine_get(m, "tick")));
 *	}
 */
/* A handler: what it returns (taken; NULL: nothing) is merged into the state,
 * in the order of events, deeply. */
struct gc_handler {
	const char *event; /* NULL ends the table */
	const char *args;  /* see gc_args_fit(); NULL: any. Else it is a line
			    * in the log and the game goes on */
	struct gc_value *(*handle)(
	    struct gc_machine *m, const struct gc_call *call);
};

struct gc_machine_options {
	int interval_ms; /* 20 */
	/* The change that dt seconds make: taken, NULL: none. Not called while
	 * the machine is paused. */
	struct gc_value *(*time_step)(struct gc_machine *m, double dt);
	const struct gc_handler *handlers; /* kept; may be NULL */
	unsigned late_max; /* 5: steps made at once by a game that was late */
	void *thing;       /* gc_machine_thing() */
};

/* Start: the tick is the machine's from now on. o is copied. NULL:
 * gc_problem(). */
struct gc_machine *
gc_machine_new(struct gc_state *st, const struct gc_machine_options *o);
void gc_machine_free(struct gc_machine *m);
struct gc_net *gc_machine_net(const struct gc_machine *m);
struct gc_state *gc_machine_state(const struct gc_machine *m);
void *gc_machine_thing(const struct gc_machine *m);
/* What is at a path of its state, or NULL. */
const struct gc_value *
gc_machine_get(const struct gc_machine *m, const char *path);
/* Give it each event of gc_next(): true, it was the machine's. */
bool gc_machine_take(struct gc_machine *m, const struct gc_event *ev);
/* Seconds of its own time: it stands while the machine is paused. */
double gc_machine_time(const struct gc_machine *m);
/* Players see it in game_status of the state: 1, or 0 while it is paused.
 * Events are handled all the same. 0, or as gc_send(). */
int gc_machine_pause(struct gc_machine *m);
int gc_machine_resume(struct gc_machine *m);
/*
 * No more steps, and wait until netd has taken all that was said, up to
 * timeout_ms. Returns 1: it has stopped; 0: not in time; or GC_E...
 * gc_machine_resume() goes on.
 */
int gc_machine_stop(struct gc_machine *m, int timeout_ms);
/* Events that no handler wanted, whose arguments did not fit. */
uint64_t gc_machine_refused(const struct gc_machine *m);

/* All in one: a game in a dozen lines. */
struct gc_backend {
	struct gc_start start;         /* name, about, listen, options */
	struct gc_state_options state; /* everybody follows it */
	struct gc_machine_options machine;
	struct gc_value *(*initial)(void); /* the state; NULL: empty */
	/* Once netd listens, before the first step; may be NULL. Below 0 ends
	 * the game. */
	int (*begin)(struct gc_machine *m);
	/* Each event that is not the machine's; may be NULL. */
	void (*event)(struct gc_machine *m, const struct gc_event *ev);
	/* The first player ever may end the game, by "$shutdown"; if it left,
	 * the oldest may. gc_tag() of that player is the backend's: it knows
	 * its host again after an upgrade. */
	bool host_ends, host_follows;
};
/*
 * Open, run until asked to stop, close. Returns main()'s exit status, and
 * b->start.text is what main() is to print before: gc_explain(&b->start) does
 * both.
 */
int gc_backend_run(struct gc_backend *b, int argc, char **argv);
/* The player who may end the game, or 0. */
uint64_t gc_backend_host(const struct gc_machine *m);
/* End it from inside, with this exit status. */
void gc_backend_end(struct gc_machine *m, int status);

/* ---- the log ------------------------------------------------------------ */

/* One line in netd's log, control bytes escaped. level 0 info, 1 warning,
 * 2 error. 0, GC_ENETD_GONE. */
int gc_log(struct gc_net *net, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
