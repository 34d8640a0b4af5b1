/*
 * resume_word.h - what two ends of a resumable line say about the line itself.
 * Pure: no state, no I/O.
 *
 * Every message of such a line begins with one byte. '=': the rest is a
 * message between player and game. '!': a word about the line, as text:
 *
 *	player > netd   !new                  I come for the first time
 *	                !back TOKEN N         I come back, and have N messages
 *	netd > player   !hello TOKEN MS BYTES welcome: come back with TOKEN
 *	                                      within MS; ack every BYTES
 *	                !back N               welcome back: I have N messages
 *	                !gone                 I do not know TOKEN: say !new
 *	both            !ack N                I have N messages
 *	                !bye TEXT             this is no lost line (tcp:// only)
 *
 * Messages are not numbered on the line: it keeps their order, so counting
 * them is enough. Both ends keep what they sent until it is acked. After
 * !back both send what the other has not got, in order, and go on.
 */
#ifndef NETD_RESUME_WORD_H
#define NETD_RESUME_WORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESUME_SUBPROTOCOL "penstock.resume.1"
#define RESUME_SECRET 16
/* "!hello " and the rest; a !bye may be longer. */
#define RESUME_WORD_MAX 128

/* The connection's number, and a secret that cannot be guessed. */
struct resume_token {
	uint64_t id;
	uint8_t secret[RESUME_SECRET];
};

enum resume_kind {
	RESUME_NONE, /* it is no word */
	RESUME_NEW,
	RESUME_RETURN, /* !back TOKEN N */
	RESUME_HELLO,
	RESUME_BACK,
	RESUME_GONE,
	RESUME_ACK,
	RESUME_BYE
};

struct resume_word {
	enum resume_kind kind;
	struct resume_token token;
	uint64_t n;       /* of BACK, RETURN, ACK; the MS of HELLO */
	uint64_t bytes;   /* of HELLO */
	const char *text; /* of BYE, a view into what was read, no NUL */
	size_t len;
};

/* Read one word without its '!'. Anything else than the above is NONE. */
struct resume_word resume_word_read(const uint8_t *p, size_t len);
/* Write one with its '!' and a NUL; returns its length. Not for BYE. */
size_t
resume_word_write(const struct resume_word *w, char out[RESUME_WORD_MAX]);

#endif
