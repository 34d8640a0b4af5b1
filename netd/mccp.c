/*
 * mccp.c - MCCP2 (mudhalla.net, option 86): what goes to a client is deflated
 * on its way to the wire, from a marker on to the end of the line.
 *
 * It stands between the queue and the wire, so a queue holds the same bytes for
 * everybody and a broadcast is shared; and in netd, so the stream goes on when
 * the game dies and comes back. Windows are small: the defaults of zlib would
 * cost 260 KiB a client, these some 40.
 */
#include "netd/mccp.h"

#include "netd/telnet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define WINDOW_BITS 12
#define MEM_LEVEL 5
/* Taken from the queue at once, so that little of it waits here. */
#define PIECE (16u << 10)
/* What one client costs: deflate_state, its window, its tables (zconf.h), and
 * a piece that did not get smaller. */
#define COST                                                                \
	((8u << 10) + (1u << (WINDOW_BITS + 2)) + (1u << (MEM_LEVEL + 9)) + \
	    PIECE)

struct mccp {
	z_stream z;
	struct ipc_buf out; /* for the wire */
	bool ended;         /* the stream is finished */
};

bool
mccp_begin(struct client *c)
{
	static const uint8_t marker[] = { TELNET_IAC, TELNET_SB,
		TELNET_COMPRESS2, TELNET_IAC, TELNET_SE };
	struct netd *n = c->netd;
	struct mccp *m;

	if (RARE(c, mccp))
		return true;
	if (n->mccp_bytes + COST > (size_t)n->config.compress_bytes)
		return false;
	m = client_rare(c) ? calloc(1, sizeof(*m)) : NULL;
	if (m == NULL)
		return false;
	ipc_buf_init(&m->out, 2 * PIECE);
	if (deflateInit2(&m->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS,
		MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(m);
		return false;
	}
	if (!ipc_buf_add(&m->out, marker, sizeof(marker))) {
		deflateEnd(&m->z);
		free(m);
		return false;
	}
	c->rare->mccp = m;
	n->mccp_bytes += COST;
	client_mark(c);
	return true;
}

void
mccp_free(struct client *c)
{
	struct mccp *m = RARE(c, mccp);

	if (m == NULL)
		return;
	deflateEnd(&m->z);
	ipc_buf_release(&m->out);
	free(m);
	c->rare->mccp = NULL;
	c->netd->mccp_bytes -= COST;
}

bool
mccp_waits(const struct client *c)
{
	return RARE(c, mccp) && c->rare->mccp->out.len;
}

/* What is deflated goes to the wire. 0, or -1 with errno: EAGAIN if some of it
 * still waits. */
static int
push(struct client *c)
{
	struct ipc_buf *out = &c->rare->mccp->out;

	while (out->len) {
		ssize_t r = c->wire->write(c, out->data, out->len);

		if (r < 0)
			return -1;
		c->netd->metrics.bytes_out += (uint64_t)r;
		c->moved_us = netd_now(c->netd);
		ipc_buf_eat(out, (size_t)r);
	}
	return 0;
}

/* False: no room, which cannot be. */
static bool
squeeze(struct mccp *m, const uint8_t *p, size_t n, int flush)
{
	/* zlib does not write to it. */
	m->z.next_in = (Bytef *)(uintptr_t)p;
	m->z.avail_in = (uInt)n;
	do {
		uint8_t *to = ipc_buf_space(&m->out, PIECE / 4);

		if (to == NULL)
			return false;
		m->z.next_out = to;
		m->z.avail_out = PIECE / 4;
		if (deflate(&m->z, flush) == Z_STREAM_ERROR)
			return false;
		ipc_buf_added(&m->out, PIECE / 4 - m->z.avail_out);
	} while (m->z.avail_out == 0);
	return true;
}

ssize_t
mccp_write(struct client *c, const uint8_t *p, size_t n)
{
	struct mccp *m = RARE(c, mccp);

	if (push(c) < 0)
		return -1;
	if (m->ended) {
		mccp_free(c);
		return c->wire->write(c, p, n);
	}
	if (n > PIECE)
		n = PIECE;
	if (!squeeze(m, p, n, Z_SYNC_FLUSH)) {
		errno = ENOMEM;
		return -1;
	}
	/* Who called counts these as sent; push() counts what they became. */
	c->netd->metrics.bytes_out -= n;
	if (push(c) < 0 && errno != EAGAIN && errno != EINTR)
		return -1;
	return (ssize_t)n;
}

int
mccp_push(struct client *c)
{
	return RARE(c, mccp) ? push(c) : 0;
}

void
mccp_end(struct client *c)
{
	struct mccp *m = RARE(c, mccp);

	if (m == NULL || m->ended)
		return;
	m->ended = true;
	if (squeeze(m, NULL, 0, Z_FINISH))
		client_mark(c);
}
