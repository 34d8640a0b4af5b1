/*
 * resume.h - a player whose line is lost may come back: the connection lives
 * on without a line for up to the limit resume_ms, and a new line takes its
 * place with nothing lost and nothing doubled. resume_word.h has the words.
 *
 * Only on ws:// and tcp:// with resume=TIME in the URL. A WebSocket asks for
 * it by the subprotocol penstock.resume.1, which is agreed to in any case (MS
 * is then 0); on such a tcp:// everybody must speak it.
 * What a line still owed lives in this process of netd, so after netd's own
 * death the answer to a token is !gone; but !new behind it, on the same line,
 * then gives back the number and the tag (returns.c).
 */
#ifndef NETD_RESUME_H
#define NETD_RESUME_H

#include "netd/netd.h"
#include "netd/resume_word.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A WebSocket that closes with this code is a line given up, no goodbye. */
#define RESUME_CLOSE_CODE 4000

enum resume_state {
	RESUME_GREETING, /* !new or !back is to come */
	RESUME_ASKED,    /* outgoing: we said one of them */
	RESUME_RUNNING,
	RESUME_TAKING, /* it said !back: at the turn's end it is another */
	RESUME_LOST,   /* the line is lost: dropped at the turn's end */
	RESUME_AWAY    /* there is no line */
};

struct resume {
	enum resume_state state;
	struct resume_token token;
	struct outq kept;  /* sent whole, and not acked */
	uint64_t sent;     /* messages that were sent whole */
	uint64_t acked;    /* of them, that the peer has */
	uint64_t received; /* messages that we have */
	uint64_t said;     /* of them, that we acked */
	size_t unsaid_bytes, ack_bytes;
	uint64_t theirs; /* TAKING: messages that the peer has */
	/* AWAY */
	int64_t since_us;
	char why[64];
	uint8_t reason;
	/* Outgoing, AWAY: the next try; the number of the one at hand. */
	int64_t again_us, wait_us, grace_ms;
	uint64_t line;
	/* This client is only a line for that one, or 0. */
	uint64_t of;
	uint64_t was; /* under the netd before this one, or 0 */
};

/* Instead of client_open(): the two ends greet. 0 or -IPC_REASON_*. */
int resume_start(struct client *c);
/* A whole message of the codec, with its first byte; like client_got(). */
bool
resume_got(struct client *c, unsigned flags, const uint8_t *bytes, size_t len);
/* The line is gone. True: and that is all; false: close the client. */
bool resume_lost(struct client *c, unsigned reason, const char *why);
/* At a turn's end, for a client that was marked. */
void resume_turn(struct client *c);
/* Once a second. True: there is no line, so no deadline but ours holds. */
bool resume_sweep(struct client *c, int64_t now);
/* How much may be taken from its queue at once; 0: nothing goes now. */
size_t resume_room(const struct client *c);
/* What it keeps for the time when it is back. */
size_t resume_held(const struct client *c);
void resume_free(struct client *c);

/* The longest message that the codec may let in. */
static inline size_t
resume_message_max(const struct client *c)
{
	size_t max = (size_t)c->url->config.message_bytes;

	if (c->resume == NULL)
		return max;
	return (max < RESUME_WORD_MAX ? RESUME_WORD_MAX : max) + 1;
}

/* Is nothing read from it now? */
static inline bool
resume_holds(const struct client *c)
{
	return c->resume && c->resume->state >= RESUME_TAKING;
}

static inline bool
resume_lineless(const struct client *c)
{
	return c->resume && c->resume->state >= RESUME_LOST;
}

/* Is it no player, but a line for one who waits for it? */
static inline bool
resume_is_line(const struct client *c)
{
	return c->resume && c->resume->of;
}

#endif
