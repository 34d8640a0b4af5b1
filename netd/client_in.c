/*
 * client_in.c - bytes from a player: read, given to the codec, passed on.
 *
 * What a codec leaves of them waits in c->in, which is there only then. A
 * message that is whole is checked against the limits, goes up to the game and
 * takes a token. Next: tr_ws.c or another codec; pipe.c for what goes up.
 */
#include "netd/netd.h"
#include "netd/resume.h"
#include "netd/talk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Beside one message: a head of any protocol, and one more read. */
#define IN_SLACK 1024

/* Refill and take a token; false: none left, stop reading for a while. */
static bool
take_token(struct client *c)
{
	const struct config *k = &c->url->config;
	struct rare *r;
	int64_t now;

	if (k->messages_per_s == 0)
		return true;
	r = client_rare(c);
	if (r == NULL)
		return true;
	now = netd_now(c->netd);
	r->tokens +=
	    (double)(now - r->tokens_us) * 1e-6 * (double)k->messages_per_s;
	r->tokens_us = now;
	if (r->tokens > (double)k->burst)
		r->tokens = (double)k->burst;
	r->tokens -= 1;
	return r->tokens >= 1;
}

bool
client_got(struct client *c, unsigned flags, const uint8_t *bytes, size_t len)
{
	if (c->resume)
		return resume_got(c, flags, bytes, len);
	return client_take(c, flags, bytes, len);
}

bool
client_take(struct client *c, unsigned flags, const uint8_t *bytes, size_t len)
{
	if (c->phase != PLAYING)
		return c->phase == LEAVING;
	if (ipc_frame_size(len) > c->link->frame_max ||
	    len > (size_t)c->url->config.message_bytes) {
		client_close(c, IPC_REASON_TOO_LONG, "message too long");
		return false;
	}
	if (c->link->talks && !c->outgoing) {
		int more = talk_take(c, flags, bytes, len);

		if (more >= 0)
			return more;
	}
	if (!c->link->schema || !speak_got(c, flags, bytes, len))
		link_up(c->link, IPC_MESSAGE, c->id, flags, 0, bytes, len);
	return client_heard(c);
}

bool
client_heard(struct client *c)
{
	c->heard = true;
	c->netd->metrics.messages_in++;
	if (c->phase != PLAYING)
		return false;
	c->since_us = c->bytes_us;
	if (c->url->config.messages_per_s && !take_token(c)) {
		clients_throttle(c);
		return false;
	}
	return true;
}

bool
client_side(struct client *c, const uint8_t *bytes, size_t len)
{
	if (c->phase != PLAYING || !c->told)
		return c->phase == PLAYING || c->phase == LEAVING;
	if (!speak_side(c, bytes, len))
		link_up(c->link, IPC_SIDE, c->id, 0, 0, bytes, len);
	if (c->phase != PLAYING)
		return false;
	if (!take_token(c)) {
		clients_throttle(c);
		return false;
	}
	return true;
}

/* They wait until more come. False: too many, or no memory. */
static bool
keep(struct client *c, const uint8_t *bytes, size_t len)
{
	const struct config *k = &c->url->config;

	if (c->in == NULL) {
		c->in = malloc(sizeof(*c->in));
		if (c->in == NULL)
			return false;
		ipc_buf_init(
		    c->in, (size_t)(k->message_bytes + k->head_bytes +
				    c->netd->config.read_bytes + IN_SLACK));
	}
	return ipc_buf_add(c->in, bytes, len);
}

void
client_keep_none(struct client *c)
{
	if (c->in == NULL)
		return;
	ipc_buf_release(c->in);
	free(c->in);
	c->in = NULL;
}

/* Give bytes to the codec; what it leaves waits in c->in. */
static void
feed(struct client *c, const uint8_t *p, size_t len)
{
	bool kept = c->in && p == c->in->data && len;
	size_t used = 0;

	while (used < len && c->phase < GONE && !c->throttled &&
	       !resume_holds(c)) {
		ssize_t r = c->transport->feed(c, p + used, len - used);

		if (r < 0 && c->phase == LEAVING) {
			client_abort(c, c->reason, "");
			return;
		}
		if (r < 0) {
			client_close(
			    c, (unsigned)-r, ipc_reason_text((unsigned)-r));
			return;
		}
		if (r == 0)
			break;
		used += (size_t)r;
	}
	if (c->phase == GONE)
		return;
	if (kept)
		ipc_buf_eat(c->in, used);
	else if (used < len && !keep(c, p + used, len - used))
		client_close(c, IPC_REASON_TOO_LONG, "too much unread");
	if (c->in && c->in->len == 0)
		client_keep_none(c);
}

static void
got_eof(struct client *c)
{
	if (resume_lost(c, IPC_REASON_RESET, "the line ended"))
		return;
	c->saw_eof = true;
	client_watch(c);
	if (c->phase == LEAVING)
		client_mark(c);
	else if (c->phase == PLAYING)
		client_close(c, IPC_REASON_LEFT, "");
	else if (c->out.head)
		client_close(c, IPC_REASON_LEFT, ""); /* the answer goes */
	else
		client_abort(c, IPC_REASON_LEFT, "");
}

void
client_feed_kept(struct client *c)
{
	if (c->in)
		feed(c, c->in->data, c->in->len);
}

void
client_readable(struct client *c)
{
	struct netd *n = c->netd;
	uint8_t *to = n->scratch;
	size_t room = (size_t)n->config.read_bytes;
	ssize_t r;

	if (c->phase == CONNECTING) {
		connect_writable(c);
		return;
	}
	if (c->phase == GONE || c->saw_eof || c->throttled || resume_holds(c))
		return;
	if (n->input_held && c->phase <= PLAYING)
		return;
	if (c->in && room > c->in->max - c->in->len)
		room = c->in->max - c->in->len;
	/* Who trickles costs what it sent. */
	if (c->in && room && c->in->size - c->in->len >= room)
		to = c->in->data + c->in->len;
	if (room == 0) {
		client_close(c, IPC_REASON_TOO_LONG, "too much unread");
		return;
	}
	r = c->wire->read(c, to, room);
	if (r < 0) {
		if (errno != EAGAIN && errno != EINTR)
			client_failed(c, errno);
		return;
	}
	if (r == 0) {
		got_eof(c);
		return;
	}
	c->bytes_us = netd_now(n);
	c->pinged = false;
	n->metrics.bytes_in += (uint64_t)r;
	if (c->in == NULL) {
		feed(c, to, (size_t)r);
		return;
	}
	if (to != n->scratch)
		ipc_buf_added(c->in, (size_t)r);
	else if (!ipc_buf_add(c->in, to, (size_t)r)) {
		client_close(c, IPC_REASON_TOO_LONG, "too much unread");
		return;
	}
	feed(c, c->in->data, c->in->len);
}
