/*
 * fake_ws.h - stands where client.c stands, for tr_ws.c in unit tests and in
 * fuzz targets: bytes go in in any pieces, what it says is written down.
 * Without cmocka, so that a fuzzer can use it.
 */
#ifndef TESTS_FAKE_WS_H
#define TESTS_FAKE_WS_H

#include "ipc/buf.h"
#include "ipc/msg.h"
#include "netd/netd.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* 2026-11-21 12:00:00 GMT */
#define FAKE_NOW_S INT64_C(1795262400)

struct fake_ws {
	struct client c;
	struct rare rare;
	struct ipc_buf in;
	struct url url;
	struct netd netd;
	struct link link;
	struct ipc_buf got; /* "text|", binary "#bytes|", "<left:why>" */
	struct ipc_buf out; /* what was sent, in order */
	struct peer peer;
	unsigned opened, messages, closed; /* closed: the reason, or 0 */
	unsigned stop_every; /* client_got() says stop at each of these */
	bool aborted, stopped;
	bool hold; /* what is sent stays in the queue */
};

static struct fake_ws fw;

/* There is one transport here, and it is asked for by nobody. */
const struct transport *
transport_at(unsigned i)
{
	(void)i;
	return NULL;
}

static void
fw_must(bool good)
{
	if (!good)
		abort();
}

struct rare *
client_rare(struct client *c)
{
	return c->rare;
}

void
client_open(struct client *c)
{
	fw_must(c == &fw.c && c->phase == HANDSHAKE);
	c->phase = PLAYING;
	fw.opened++;
}

bool
client_got(struct client *c, unsigned flags, const uint8_t *bytes, size_t len)
{
	fw_must(c == &fw.c && bytes);
	fw_must(len <= (size_t)c->url->config.message_bytes);
	if (c->phase != PLAYING)
		return c->phase == LEAVING;
	fw_must(flags == IPC_TEXT || flags == IPC_BINARY);
	if (flags == IPC_BINARY)
		fw_must(ipc_buf_add(&fw.got, "#", 1));
	fw_must(ipc_buf_add(&fw.got, bytes, len));
	fw_must(ipc_buf_add(&fw.got, "|", 1));
	fw.messages++;
	fw.stopped = fw.stop_every && fw.messages % fw.stop_every == 0;
	return !fw.stopped;
}

bool
client_raw(struct client *c, const void *bytes, size_t len)
{
	fw_must(c == &fw.c);
	if (c->phase == GONE)
		return false;
	fw_must(ipc_buf_add(&fw.out, bytes, len));
	if (fw.hold)
		c->out.bytes += len;
	return true;
}

static void
fw_ended(unsigned reason, const char *detail)
{
	fw_must(reason > 0 && reason < IPC_REASON_END);
	fw.closed = reason;
	fw_must(ipc_buf_printf(
	    &fw.got, "<%s:%s>", ipc_reason_name(reason), detail));
}

void
client_close(struct client *c, unsigned reason, const char *detail)
{
	bool playing = c->phase == PLAYING;

	if (c->phase >= LEAVING)
		return;
	fw_ended(reason, detail);
	c->phase = LEAVING;
	c->reason = (uint8_t)reason;
	/* client.c says it at the turn's end; here it comes at once. */
	if (playing) {
		c->said_goodbye = true;
		c->wait_peer = c->transport->goodbye(c, reason,
		    reason == IPC_REASON_LEFT ? "" : detail,
		    reason == IPC_REASON_LEFT ? 0 : strlen(detail));
	}
}

void
client_abort(struct client *c, unsigned reason, const char *detail)
{
	if (c->phase == GONE)
		return;
	if (c->phase != LEAVING)
		fw_ended(reason, detail);
	fw.aborted = true;
	c->phase = GONE;
}

struct peer *
client_peer(struct client *c)
{
	c->peer = &fw.peer;
	return c->peer;
}

void
client_mark(struct client *c)
{
	fw_must(c == &fw.c);
}

/* Out-of-band messages: "!bytes|"; abilities are not looked at. */
bool
client_side(struct client *c, const uint8_t *bytes, size_t len)
{
	fw_must(c == &fw.c && ipc_buf_add(&fw.got, "!", 1) &&
		ipc_buf_add(&fw.got, bytes, len) &&
		ipc_buf_add(&fw.got, "|", 1));
	return true;
}

void
link_up(struct link *l, unsigned kind, uint64_t id, unsigned flags,
    unsigned channel, const void *bytes, size_t len)
{
	(void)id;
	(void)flags;
	(void)channel;
	(void)bytes;
	(void)len;
	fw_must(l == &fw.link && kind == IPC_ABLE);
}

void
client_queue(struct client *c, struct slice *s, size_t off, size_t len,
    uint8_t class, uint16_t key)
{
	(void)class;
	(void)key;
	client_raw(c, s->bytes + off, len);
}

void
group_each(struct link *l, uint64_t group, uint64_t but,
    void (*fn)(struct client *c, void *arg), void *arg)
{
	(void)l;
	(void)group;
	(void)but;
	fn(&fw.c, arg);
}

int64_t
netd_now(const struct netd *n)
{
	(void)n;
	return FAKE_NOW_S * 1000000;
}

/* Offer what is kept, as client.c does. */
void
client_feed_kept(struct client *c)
{
	struct ipc_buf *in = &fw.in;

	while (in->len && c->phase != GONE && !fw.stopped) {
		uint8_t *exact = malloc(in->len);
		ssize_t used;

		fw_must(exact != NULL);
		memcpy(exact, in->data, in->len);
		used = c->transport->feed(c, exact, in->len);
		free(exact);
		fw_must(used >= 0 && (size_t)used <= in->len);
		ipc_buf_eat(in, (size_t)used);
		if (used == 0)
			break;
	}
}

/* Bytes arrive, in pieces of that size. */
static void
fw_arrive(const void *bytes, size_t len, size_t piece)
{
	const uint8_t *p = bytes;

	while (len && fw.c.phase != GONE) {
		size_t n = len < piece ? len : piece;

		fw_must(ipc_buf_add(&fw.in, p, n));
		p += n;
		len -= n;
		do {
			fw.stopped = false;
			client_feed_kept(&fw.c);
		} while (fw.stopped);
	}
}

/* The queue ran empty, again and again, until no more comes. */
static inline void
fw_drain(void)
{
	size_t before;

	do {
		before = fw.out.len;
		fw.c.out.bytes = 0;
		fw.c.transport->drained(&fw.c);
	} while (fw.out.len > before && fw.c.phase != GONE);
}

/* Set fw.url between these two. */
static void
fw_prepare(void)
{
	memset(&fw, 0, sizeof(fw));
	config_init(&fw.url.config);
	strcpy(fw.url.path, "/");
	strcpy(fw.url.host, "127.0.0.1");
	fw.url.port = 8080;
	fw.c.url = &fw.url;
	fw.c.netd = &fw.netd;
	fw.c.rare = &fw.rare;
	fw.netd.link = &fw.link;
	fw.link.netd = &fw.netd;
	config_init(&fw.netd.config);
	fw.c.link = &fw.link;
	fw.c.transport = &tr_ws;
	fw.c.phase = HANDSHAKE;
	fw.c.place =
	    (struct place){ .family = AF_INET, .ip = { 127, 0, 0, 1 } };
	ipc_buf_init(&fw.in, 1u << 20);
	ipc_buf_init(&fw.got, 64u << 20);
	ipc_buf_init(&fw.out, 64u << 20);
}

static void
fw_start(void)
{
	fw_must(tr_ws.start(&fw.c) == 0);
}

static void
fw_release(void)
{
	tr_ws.close(&fw.c);
	fw_must(fw.c.codec == NULL);
	free(fw.peer.path);
	free(fw.peer.query);
	free(fw.peer.origin);
	free(fw.peer.cookies);
	free(fw.peer.subprotocol);
	ipc_buf_release(&fw.in);
	ipc_buf_release(&fw.got);
	ipc_buf_release(&fw.out);
}

#endif
