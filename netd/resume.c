/*
 * resume.c - players who lose their line and come back to their connection.
 *
 * A connection here may be without a line (AWAY): its struct client lives
 * on, the game sends to it as before, and its queue waits. A new line comes
 * as a client of its own; once it has shown the token it gives its socket,
 * wire and codec to the old client and is gone. That changes what half of
 * netd is looking at, so it happens at the turn's end and nowhere else; until
 * then the state only says that it will (TAKING, LOST).
 *
 * What was sent is kept until the peer acks it. So that this has a bound, no
 * more than half of hard_bytes may be on its way: the rest waits in the queue,
 * under the limits that hold for every queue.
 *
 * Outgoing connections do the same from the other end, and try by themselves
 * to come back. Next: resume_word.h for the words, client.c for who calls.
 */
#include "netd/resume.h"

#include "ipc/log.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An ack at the latest after so many messages, or once a second. */
#define ACK_MESSAGES 32
#define ACK_BYTES_MAX (16u << 10)
/* Between tries to come back. */
#define WAIT_MIN_US 500000
#define WAIT_MAX_US 8000000

static size_t
window(const struct client *c)
{
	return (size_t)c->url->config.hard_bytes / 2;
}

/* ---- words out ----------------------------------------------------------- */

/* first: before messages that wait. Acks must not wait behind what waits for
 * acks, at both ends. */
static void
say(struct client *c, const struct resume_word *w, bool first)
{
	const struct transport *bare = c->transport->bare;
	char text[RESUME_WORD_MAX];
	uint8_t out[2 * RESUME_WORD_MAX];
	size_t n = resume_word_write(w, text);

	assert(bare->encode_max(n) <= sizeof(out));
	n = bare->encode(c->outgoing, IPC_TEXT, (const uint8_t *)text, n, out);
	if (first)
		client_raw_first(c, out, n);
	else
		client_raw(c, out, n);
}

static void
say_kind(struct client *c, enum resume_kind kind, uint64_t n)
{
	struct resume_word w = { .kind = kind, .n = n };

	say(c, &w, true);
}

static void
say_ack(struct client *c)
{
	struct resume *r = c->resume;

	if (c->phase != PLAYING || r->said == r->received)
		return;
	r->said = r->received;
	r->unsaid_bytes = 0;
	say_kind(c, RESUME_ACK, r->received);
}

/* ---- greeting ------------------------------------------------------------ */

int
resume_start(struct client *c)
{
	struct resume *r = c->resume;
	struct resume_word w = { .kind = RESUME_NEW };
	struct client *waits;

	if (r == NULL)
		r = c->resume = calloc(1, sizeof(*r));
	if (r == NULL)
		return -IPC_REASON_NO_MEMORY;
	r->ack_bytes = ACK_BYTES_MAX;
	r->state = RESUME_GREETING;
	if (!c->outgoing)
		return 0;
	r->state = RESUME_ASKED;
	waits = r->of ? client_find(c->netd, r->of) : NULL;
	if (waits && waits->resume) {
		w.kind = RESUME_RETURN;
		w.token = waits->resume->token;
		w.n = waits->resume->received;
	}
	say(c, &w, false);
	return 0;
}

static bool
broken(struct client *c, const char *why)
{
	client_close(c, IPC_REASON_PROTOCOL, why);
	return false;
}

static bool
on_new(struct client *c)
{
	struct resume *r = c->resume;
	struct resume_word w = { .kind = RESUME_HELLO };

	if (r->was)
		returns_take(c, r->was);
	r->token.id = c->id;
	returns_secret(c->netd, c->id, r->token.secret);
	w.token = r->token;
	w.n = (uint64_t)c->url->config.resume_ms;
	/* Well before our window is full. */
	w.bytes = window(c) / 4;
	if (w.bytes > ACK_BYTES_MAX)
		w.bytes = ACK_BYTES_MAX;
	r->state = RESUME_RUNNING;
	say(c, &w, false);
	client_open(c);
	return c->phase == PLAYING;
}

/* The client that a token is of and that can go on from message n; or NULL. */
static struct client *
owner(const struct client *line, const struct resume_token *t, uint64_t n)
{
	struct client *c = client_find(line->netd, t->id);
	struct resume *r = c ? c->resume : NULL;

	if (r == NULL || c->phase != PLAYING || c->outgoing ||
	    r->state < RESUME_RUNNING || c->transport != line->transport ||
	    CRYPTO_memcmp(r->token.secret, t->secret, RESUME_SECRET) != 0)
		return NULL;
	return n >= r->acked && n <= r->sent ? c : NULL;
}

static bool
on_return(struct client *c, const struct resume_word *w)
{
	struct resume *r = c->resume;

	if (owner(c, &w->token, w->n) == NULL) {
		ipc_log(IPC_LOG_DEBUG, "unknown_token", "conn=%llu",
		    (unsigned long long)c->id);
		if (returns_knows(c, &w->token))
			r->was = w->token.id;
		say_kind(c, RESUME_GONE, 0);
		return true;
	}
	r->token = w->token;
	r->theirs = w->n;
	r->state = RESUME_TAKING;
	client_watch(c);
	client_mark(c);
	return false;
}

static bool
on_hello(struct client *c, const struct resume_word *w)
{
	struct resume *r = c->resume;

	if (r->of)
		return broken(c, "hello, but !back was said");
	r->token = w->token;
	r->grace_ms = c->url->config.resume_ms;
	if (w->n < (uint64_t)r->grace_ms)
		r->grace_ms = (int64_t)w->n;
	if (w->bytes < r->ack_bytes)
		r->ack_bytes = (size_t)w->bytes;
	r->state = RESUME_RUNNING;
	client_open(c);
	return c->phase == PLAYING;
}

static bool
on_back(struct client *c, const struct resume_word *w)
{
	struct resume *r = c->resume;

	if (r->of == 0)
		return broken(c, "back, but !new was said");
	r->theirs = w->n;
	r->state = RESUME_TAKING;
	client_watch(c);
	client_mark(c);
	return false;
}

static bool
on_gone(struct client *c)
{
	struct client *waits = client_find(c->netd, c->resume->of);

	if (c->resume->of == 0)
		return broken(c, "gone, but !new was said");
	if (waits)
		client_abort(waits, IPC_REASON_RESET,
		    "the other side does not know it any more");
	client_close(c, IPC_REASON_LEFT, "");
	return false;
}

static bool
on_ack(struct client *c, const struct resume_word *w)
{
	struct resume *r = c->resume;

	if (w->n < r->acked || w->n > r->sent)
		return broken(c, "acks what was never sent");
	outq_forget(&r->kept, (size_t)(w->n - r->acked));
	r->acked = w->n;
	if (c->out.head)
		client_mark(c);
	return true;
}

static bool
got_word(struct client *c, const uint8_t *bytes, size_t len)
{
	struct resume_word w = resume_word_read(bytes, len);
	char text[RESUME_WORD_MAX] = "";

	switch (c->resume->state) {
	case RESUME_GREETING:
		if (w.kind == RESUME_NEW)
			return on_new(c);
		if (w.kind == RESUME_RETURN)
			return on_return(c, &w);
		break;
	case RESUME_ASKED:
		if (w.kind == RESUME_HELLO)
			return on_hello(c, &w);
		if (w.kind == RESUME_BACK)
			return on_back(c, &w);
		if (w.kind == RESUME_GONE)
			return on_gone(c);
		break;
	default:
		if (w.kind == RESUME_ACK)
			return on_ack(c, &w);
	}
	if (w.kind != RESUME_BYE)
		return broken(c, "not a word of " RESUME_SUBPROTOCOL);
	if (w.len && w.len < sizeof(text))
		memcpy(text, w.text, w.len);
	client_close(c, IPC_REASON_LEFT, text);
	return false;
}

static bool
got_message(struct client *c, unsigned flags, const uint8_t *bytes, size_t len)
{
	struct resume *r = c->resume;
	bool more;

	if (r->state != RESUME_RUNNING)
		return broken(c, "a message before the greeting");
	more = client_take(c, flags, bytes, len);
	if (c->phase != PLAYING)
		return false;
	r->received++;
	r->unsaid_bytes += len;
	if (r->received - r->said >= ACK_MESSAGES ||
	    r->unsaid_bytes >= r->ack_bytes)
		say_ack(c);
	return more && c->phase == PLAYING;
}

bool
resume_got(struct client *c, unsigned flags, const uint8_t *bytes, size_t len)
{
	if (c->phase == LEAVING)
		return true;
	if (resume_holds(c))
		return false;
	if (len && bytes[0] == '=')
		return got_message(c, flags, bytes + 1, len - 1);
	if (len && bytes[0] == '!')
		return got_word(c, bytes + 1, len - 1);
	return broken(c, "neither a message nor a word of the line");
}

/* ---- a line is lost ------------------------------------------------------ */

bool
resume_lost(struct client *c, unsigned reason, const char *why)
{
	struct resume *r = c->resume;

	if (r && (r->state == RESUME_LOST || r->state == RESUME_AWAY))
		return true;
	if (r == NULL || r->state != RESUME_RUNNING || c->phase != PLAYING ||
	    c->netd->draining || c->url->config.resume_ms == 0)
		return false;
	r->state = RESUME_LOST;
	r->reason = (uint8_t)reason;
	snprintf(r->why, sizeof(r->why), "%s", why);
	client_watch(c);
	client_mark(c);
	return true;
}

/* Without a line from now on. */
static void
go_away(struct client *c)
{
	struct resume *r = c->resume;
	struct netd *n = c->netd;
	char text[256];

	client_unwatch(c);
	if (c->transport->close)
		c->transport->close(c);
	c->wire->close(c);
	c->fd = -1;
	client_keep_none(c);
	n->queued_bytes -= (size_t)outq_unsend(&c->out);
	r->state = RESUME_AWAY;
	r->since_us = r->again_us = netd_now(n);
	r->wait_us = WAIT_MIN_US;
	n->metrics.away++;
	ipc_log(IPC_LOG_INFO, "away", "conn=%llu why=%s detail=\"%s\"",
	    (unsigned long long)c->id, ipc_reason_name(r->reason),
	    ipc_log_inside(r->why, text, sizeof(text)));
	if (c->told)
		link_up(c->link, IPC_AWAY, c->id, 0, 0, NULL, 0);
}

/* Outgoing: a new line for it, unless one is being tried. */
static void
try_again(struct client *c, int64_t now)
{
	struct resume *r = c->resume;
	struct client *line = r->line ? client_find(c->netd, r->line) : NULL;
	double share = 0.75 + (double)(netd_seed() % 1024) / 2048;

	if (line && line->phase < LEAVING)
		return;
	if (now < r->again_us)
		return;
	r->again_us = now + (int64_t)((double)r->wait_us * share);
	if (r->wait_us < WAIT_MAX_US)
		r->wait_us *= 2;
	line = connect_line(c);
	r->line = line ? line->id : 0;
}

static int64_t
grace_us(const struct client *c)
{
	return 1000 *
	       (c->outgoing ? c->resume->grace_ms : c->url->config.resume_ms);
}

bool
resume_sweep(struct client *c, int64_t now)
{
	struct resume *r = c->resume;

	if (r->state == RESUME_RUNNING)
		say_ack(c);
	if (r->state != RESUME_AWAY)
		return r->state == RESUME_LOST;
	if (now - r->since_us > grace_us(c))
		client_abort(c, IPC_REASON_RESET, r->why);
	else if (c->outgoing)
		try_again(c, now);
	return true;
}

/* ---- a new line takes its place ------------------------------------------ */

#define SWAP(a, b)                    \
	do {                          \
		__typeof__(a) t_ = a; \
		a = b;                \
		b = t_;               \
	} while (0)

static void
swap_lines(struct client *c, struct client *d)
{
	bool eof = c->saw_eof;

	client_unwatch(c);
	client_unwatch(d);
	SWAP(c->fd, d->fd);
	SWAP(c->wire, d->wire);
	SWAP(c->wire_state, d->wire_state);
	SWAP(c->codec, d->codec);
	SWAP(c->in, d->in);
	SWAP(c->place, d->place);
	SWAP(c->from, d->from);
	c->saw_eof = d->saw_eof;
	d->saw_eof = eof;
	if (c->wire->moved)
		c->wire->moved(c);
	if (d->fd >= 0 && d->wire->moved)
		d->wire->moved(d);
}

/* What the peer has not got goes first, and the words of the line before. */
static void
send_again(struct client *c, struct client *d, uint64_t theirs)
{
	struct resume *r = c->resume;

	c->netd->queued_bytes -= (size_t)outq_unsend(&c->out);
	outq_forget(&r->kept, (size_t)(theirs - r->acked));
	r->acked = r->sent = theirs;
	c->netd->queued_bytes += r->kept.bytes;
	outq_prepend(&c->out, &r->kept);
	outq_prepend(&c->out, &d->out);
	if (!c->outgoing)
		say_kind(c, RESUME_BACK, r->received);
	r->said = r->received;
	r->unsaid_bytes = 0;
}

/* The line that was replaced: told so, unless it is dead anyway. */
static void
end_old_line(struct client *d, bool alive)
{
	if (!alive) {
		client_abort(d, IPC_REASON_TAKEN_OVER, "");
		return;
	}
	resume_free(d);
	d->phase = PLAYING; /* its end gets a goodbye, as a player's does */
	client_close(d, IPC_REASON_TAKEN_OVER, "");
}

static void
take_over(struct client *c, struct client *d)
{
	struct resume *r = c->resume;
	int64_t now = netd_now(c->netd);
	uint64_t theirs = d->resume->theirs;
	bool was_away = r->state == RESUME_AWAY;
	bool alive =
	    r->state == RESUME_RUNNING && !(c->out.head && c->out.head->begun);

	ipc_log(IPC_LOG_INFO, "back",
	    "conn=%llu away_ms=%lld again=%llu queued_bytes=%zu",
	    (unsigned long long)c->id,
	    was_away ? (long long)(now - r->since_us) / 1000 : 0ll,
	    (unsigned long long)(r->sent - theirs), c->out.bytes);
	swap_lines(c, d);
	send_again(c, d, theirs);
	r->state = RESUME_RUNNING;
	r->line = 0;
	c->pinged = false;
	c->moved_us = c->bytes_us = c->since_us = now;
	c->netd->metrics.back++;
	if (was_away && c->told)
		link_up(c->link, IPC_BACK, c->id, 0, 0, NULL, 0);
	end_old_line(d, alive);
	client_watch(c);
	client_mark(c);
	if (!c->throttled)
		client_feed_kept(c);
}

/* d has shown that it is c's; does that still hold? */
static void
taking(struct client *d)
{
	struct resume *r = d->resume;
	struct client *c;

	if (!d->outgoing) {
		c = owner(d, &r->token, r->theirs);
		if (c) {
			take_over(c, d);
			return;
		}
		r->state = RESUME_GREETING;
		say_kind(d, RESUME_GONE, 0);
		client_watch(d);
		client_feed_kept(d);
		return;
	}
	c = client_find(d->netd, r->of);
	if (c && c->phase == PLAYING && c->resume &&
	    c->resume->state == RESUME_AWAY && r->theirs >= c->resume->acked &&
	    r->theirs <= c->resume->sent)
		take_over(c, d);
	else
		client_close(d, IPC_REASON_PROTOCOL, "back to what?");
}

void
resume_turn(struct client *c)
{
	if (c->resume->state == RESUME_TAKING && c->phase == HANDSHAKE)
		taking(c);
	else if (c->resume->state == RESUME_LOST && c->phase == PLAYING) {
		go_away(c);
		if (c->outgoing)
			try_again(c, netd_now(c->netd));
	}
}

/* ---- queues -------------------------------------------------------------- */

size_t
resume_room(const struct client *c)
{
	const struct seg *head = c->out.head;
	size_t most = (size_t)c->netd->config.read_bytes;
	size_t kept = c->resume->kept.bytes;

	if (resume_lineless(c))
		return 0;
	if (c->phase == LEAVING)
		return most;
	if (kept < window(c))
		return window(c) - kept < most ? window(c) - kept : most;
	/* Only what is no message, or must be ended: one piece at a time. */
	return head && (head->begun || !head->whole) ? 1 : 0;
}

size_t
resume_held(const struct client *c)
{
	return resume_lineless(c) ? c->resume->kept.bytes : 0;
}

void
resume_free(struct client *c)
{
	if (c->resume == NULL)
		return;
	outq_clear(&c->resume->kept);
	free(c->resume);
	c->resume = NULL;
}
