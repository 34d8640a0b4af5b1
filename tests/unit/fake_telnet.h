/*
 * fake_telnet.h - stands where client.c stands, for tr_telnet.c in unit tests
 * and in the fuzz target: bytes go in in any pieces, all that happens is
 * written down in order. Without cmocka, so that a fuzzer can use it.
 */
#ifndef TESTS_FAKE_TELNET_H
#define TESTS_FAKE_TELNET_H

#include "ipc/buf.h"
#include "ipc/log.h"
#include "ipc/msg.h"
#include "netd/mccp.h"
#include "netd/netd.h"
#include "netd/side.h"

#include <stdlib.h>
#include <string.h>

#define FAKE_NOW_US (INT64_C(1795262400) * 1000000)

static struct {
	struct client c;
	struct rare rare;
	struct ipc_buf in;
	struct url url;
	struct netd netd;
	struct link link;
	struct ipc_buf game; /* what the game was told: "M text\n" and so on */
	struct ipc_buf out;  /* bytes for the player */
	unsigned messages, stop_every;
	bool opened, stopped;
	unsigned closed;
} ft;

/* Of ft_init() from now on; 0: as preset. */
static int64_t ft_side_bytes;

static void
ft_must(bool good)
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
	ft_must(c == &ft.c && !ft.opened);
	ft.opened = true;
	c->phase = PLAYING;
}

bool
client_got(struct client *c, unsigned flags, const uint8_t *bytes, size_t len)
{
	ft_must(c == &ft.c && bytes && flags == IPC_TEXT);
	ft_must(len <= (size_t)c->url->config.message_bytes);
	if (c->phase != PLAYING)
		return c->phase == LEAVING;
	ft_must(ipc_buf_add(&ft.game, "M ", 2));
	ft_must(ipc_buf_add(&ft.game, bytes, len));
	ft_must(ipc_buf_add(&ft.game, "\n", 1));
	ft.messages++;
	ft.stopped = ft.stop_every && ft.messages % ft.stop_every == 0;
	return !ft.stopped;
}

bool
client_raw(struct client *c, const void *bytes, size_t len)
{
	ft_must(c == &ft.c && len > 0);
	return ipc_buf_add(&ft.out, bytes, len);
}

void
client_close(struct client *c, unsigned reason, const char *detail)
{
	(void)detail;
	if (c->phase >= LEAVING)
		return;
	c->phase = LEAVING;
	ft.closed = reason;
	ft_must(ipc_buf_printf(&ft.game, "X %s\n", ipc_reason_name(reason)));
}

void
client_leaves(struct client *c)
{
	client_close(c, IPC_REASON_LEFT, "");
}

void
client_resized(struct client *c, unsigned columns, unsigned rows)
{
	ft_must(c == &ft.c && columns && rows);
	terminal_said(c, IPC_SET_WRAP, (int)columns);
	ft_must(ipc_buf_printf(&ft.game, "W %ux%u\n", columns, rows));
}

void
client_terminal(struct client *c, const char *text)
{
	ft_must(c == &ft.c && strlen(text) <= 64);
	ft_must(ipc_buf_printf(&ft.game, "T %s\n", text));
}

/* What is told beside messages: A the abilities, D what was said beside the
 * text. */
void
link_up(struct link *l, unsigned kind, uint64_t id, unsigned flags,
    unsigned channel, const void *bytes, size_t len)
{
	(void)flags;
	ft_must(l == &ft.link && id == ft.c.id);
	if (kind == IPC_ABLE) {
		ft_must(ipc_buf_printf(&ft.game, "A %u\n", channel));
		return;
	}
	ft_must(kind == IPC_SIDE && ipc_buf_add(&ft.game, "D ", 2) &&
		ipc_buf_add(&ft.game, bytes, len) &&
		ipc_buf_add(&ft.game, "\n", 1));
}

bool
client_side(struct client *c, const uint8_t *bytes, size_t len)
{
	link_up(c->link, IPC_SIDE, c->id, 0, 0, bytes, len);
	return true;
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
client_abort(struct client *c, unsigned reason, const char *detail)
{
	client_close(c, reason, detail);
}

/* Compression is looked at in test_mccp.c; here only where it begins. */
bool
mccp_begin(struct client *c)
{
	if (ft.netd.config.compress_bytes == 0)
		return false;
	c->rare->mccp = (void *)&ft;
	return client_raw(c, "\xff\xfa\x56\xff\xf0", 5);
}

void
mccp_end(struct client *c)
{
	c->rare->mccp = NULL;
}

void
group_each(struct link *l, uint64_t group, uint64_t but,
    void (*fn)(struct client *c, void *arg), void *arg)
{
	(void)l;
	(void)group;
	if (ft.c.id != but)
		fn(&ft.c, arg);
}

int64_t
netd_now(const struct netd *n)
{
	return n->now_us;
}

static void
ft_init(int64_t message_bytes, bool outgoing)
{
	memset(&ft, 0, sizeof(ft));
	ipc_log_init("test", IPC_LOG_ERROR);
	config_init(&ft.url.config);
	ft.url.config.message_bytes = message_bytes;
	if (ft_side_bytes)
		ft.url.config.side_bytes = ft_side_bytes;
	ft.netd.now_us = ft.netd.began_us = FAKE_NOW_US;
	ft.netd.n_playing = 3;
	ft.netd.link = &ft.link;
	ft.link.netd = &ft.netd;
	config_init(&ft.netd.config);
	memcpy(ft.link.game, "mud", 4);
	ft.c.netd = &ft.netd;
	ft.c.rare = &ft.rare;
	ft.c.link = &ft.link;
	ft.c.url = &ft.url;
	ft.c.transport = &tr_telnet;
	ft.c.phase = HANDSHAKE;
	ft.c.outgoing = outgoing;
	ft.c.told = true;
	ft.c.id = 7;
	ipc_buf_init(&ft.in, 64u << 20);
	ipc_buf_init(&ft.game, 64u << 20);
	ipc_buf_init(&ft.out, 64u << 20);
	ft_must(tr_telnet.start(&ft.c) == 0 && ft.opened);
}

static void
ft_release(void)
{
	tr_telnet.close(&ft.c);
	side_free(&ft.c);
	free(ft.rare.terminal);
	ipc_buf_release(&ft.netd.written);
	ipc_buf_release(&ft.in);
	ipc_buf_release(&ft.game);
	ipc_buf_release(&ft.out);
}

/* Bytes arrive, and what was left of those before goes first, as in client.c.
 * The codec sees memory of exactly the size it was promised. */
static void
ft_arrive(const void *bytes, size_t len)
{
	struct ipc_buf *in = &ft.in;

	ft_must(ipc_buf_add(in, bytes, len));
	ft.stopped = false;
	while (in->len) {
		uint8_t *exact = malloc(in->len);
		ssize_t used;

		ft_must(exact != NULL);
		memcpy(exact, in->data, in->len);
		used = tr_telnet.feed(&ft.c, exact, in->len);
		free(exact);
		if (used < 0) {
			client_close(&ft.c, (unsigned)-used, "");
			ipc_buf_clear(in);
			return;
		}
		ft_must((size_t)used <= in->len && (used || ft.stopped));
		ipc_buf_eat(in, (size_t)used);
		/* The game reads on at once. */
		ft.stopped = false;
	}
}

/* The game sends a message. */
static inline void
ft_send_as(unsigned flags, const void *bytes, size_t len)
{
	const uint8_t *text;
	uint8_t *to;
	size_t n;

	text = look_text(&ft.netd, look_of(&ft.c, flags), bytes, &len);
	tr_telnet.before(&ft.c);
	to = ipc_buf_space(&ft.out, tr_telnet.encode_max(len));
	ft_must(to != NULL);
	n = tr_telnet.encode(ft.c.outgoing, flags, text, len, to);
	ipc_buf_added(&ft.out, n);
	tr_telnet.sent(&ft.c, to, n);
}

static inline void
ft_send(const void *bytes, size_t len)
{
	ft_send_as(IPC_TEXT, bytes, len);
}

/* The game says something beside the text. */
static inline void
ft_side(const void *bytes, size_t len)
{
	struct ipc_frame f = { .kind = IPC_SEND_SIDE,
		.id = ft.c.id,
		.bytes = bytes,
		.len = (uint32_t)len };

	ft_must(side_send(&ft.link, &ft.c, &f));
}

#endif
