/*
 * telnet.h - the telnet protocol without a line of I/O: bytes in, events out,
 * answers in a buffer (RFC 854, 855, 1143).
 *
 * Nothing of it trusts the peer. An answer never answers a state already in
 * force, an option that we do not have is refused once, what may be asked for
 * again and again is answered up to TELNET_ANSWERS_PER_S times a second, and
 * a subnegotiation is kept up to its limit, and said to be over it.
 */
#ifndef NETD_TELNET_H
#define NETD_TELNET_H

#include "ipc/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum telnet_command {
	TELNET_EOF = 236, /* of LINEMODE, and 239 is of EOR */
	TELNET_ABORT = 238,
	TELNET_EOR_MARK = 239,
	TELNET_SE = 240,
	TELNET_NOP,
	TELNET_DM,
	TELNET_BRK,
	TELNET_IP,
	TELNET_AO,
	TELNET_AYT,
	TELNET_EC,
	TELNET_EL,
	TELNET_GA,
	TELNET_SB,
	TELNET_WILL,
	TELNET_WONT,
	TELNET_DO,
	TELNET_DONT,
	TELNET_IAC
};

enum telnet_option {
	TELNET_ECHO = 1,
	TELNET_SGA = 3,
	TELNET_TM = 6,
	TELNET_TTYPE = 24,
	TELNET_EOR = 25,
	TELNET_NAWS = 31,
	TELNET_LINEMODE = 34,
	TELNET_ENVIRON = 39,
	TELNET_CHARSET = 42,
	TELNET_MSDP = 69,
	TELNET_MSSP = 70,
	TELNET_COMPRESS2 = 86,
	TELNET_GMCP = 201
};

/* Bytes of one subnegotiation that must be allowed: a terminal's names and
 * variables come in one. */
#define TELNET_SUB_MIN 1024
/* Answers at once, and a second, to what can be asked again and again. */
#define TELNET_ANSWERS 50
#define TELNET_ANSWERS_PER_S 10
/* All that can wait in out: what one event can answer, refusals apart. */
#define TELNET_OUT_MAX 4096

struct telnet {
	uint8_t state, command, option;
	bool heard;           /* the peer sent a command: it speaks telnet */
	bool sub_over;        /* the rest of the one at hand is not kept */
	bool echo_ended;      /* said before it began again, and unanswered */
	uint8_t options[256]; /* both sides of each, see telnet.c */
	struct ipc_buf sub;
	struct ipc_buf out; /* bytes for the peer; the caller empties it */
	double answers;
	int64_t now_us, answers_us;
};

enum telnet_what {
	TELNET_NOTHING,  /* nothing to act on; there may be answers in out */
	TELNET_TEXT,     /* bytes, len: what stands between commands */
	TELNET_COMMAND,  /* code: a command without an option */
	TELNET_OPTION,   /* code, ours, on: an option changed or was refused */
	TELNET_SUB,      /* code, bytes, len: a subnegotiation, IAC undoubled */
	TELNET_TOO_LONG, /* code: one is over its limit; its rest is passed over
			  */
	TELNET_NO_MEMORY /* code: the same, for want of memory */
};

struct telnet_event {
	enum telnet_what what;
	const uint8_t *bytes; /* a view until the next call */
	size_t len;
	uint8_t code;
	bool ours; /* TELNET_OPTION: we do it, else the peer */
	bool on;
};

/* sub_max: bytes of one subnegotiation. */
void telnet_init(struct telnet *t, size_t sub_max);
void telnet_release(struct telnet *t);
/* The time, for the limit on answers. Call it before telnet_next(). */
void telnet_clock(struct telnet *t, int64_t now_us);
/*
 * Read up to one event from the n bytes at p: a command or the text before
 * it. Returns how many bytes that took, at least one.
 */
size_t telnet_next(
    struct telnet *t, const uint8_t *p, size_t n, struct telnet_event *e);
/* May something be answered now? Takes one from the limit. */
bool telnet_may_answer(struct telnet *t);

/* We want to do an option (or not), the peer is to do it (or not). */
void telnet_will(struct telnet *t, uint8_t option, bool on);
void telnet_do(struct telnet *t, uint8_t option, bool on);
/* Is it in force: agreed on by both? */
bool telnet_is_ours(const struct telnet *t, uint8_t option);
bool telnet_is_theirs(const struct telnet *t, uint8_t option);

/* IAC SB option bytes IAC SE, with IAC doubled. */
void
telnet_sub(struct telnet *t, uint8_t option, const void *bytes, size_t len);

/*
 * Text for a network virtual terminal: LF and CR LF become CR LF, any other
 * CR is followed by NUL, IAC is doubled. Writes at most 2 * len bytes;
 * returns how many.
 */
size_t telnet_text(const uint8_t *bytes, size_t len, uint8_t *out);

#endif
