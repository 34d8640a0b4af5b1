/*
 * tr_tcp.c - tcp://, a big-endian u32 length and that many bytes, both ways.
 * Every message is binary. The length is checked before anything is kept.
 */
#include "ipc/msg.h"
#include "netd/netd.h"
#include "netd/transport.h"

#include <arpa/inet.h>
#include <string.h>

#define HEAD 4

static int
tcp_start(struct client *c)
{
	client_open(c);
	return 0;
}

static ssize_t
tcp_feed(struct client *c, const uint8_t *bytes, size_t len)
{
	const size_t max = (size_t)c->url->config.message_bytes;
	size_t used = 0;
	bool more = true;

	while (more && len - used >= HEAD) {
		uint32_t n;

		memcpy(&n, bytes + used, HEAD);
		n = ntohl(n);
		if (n > max)
			return -IPC_REASON_TOO_LONG;
		if (len - used - HEAD < n)
			break;
		more = client_got(c, IPC_BINARY, bytes + used + HEAD, n);
		used += HEAD + n;
	}
	return (ssize_t)used;
}

static size_t
tcp_encode_max(size_t len)
{
	return HEAD + len;
}

static size_t
tcp_encode(bool outgoing, unsigned flags, const uint8_t *bytes, size_t len,
    uint8_t *out)
{
	uint32_t n = htonl((uint32_t)len);

	(void)outgoing;
	(void)flags;
	memcpy(out, &n, HEAD);
	if (len)
		memcpy(out + HEAD, bytes, len);
	return HEAD + len;
}

const struct transport tr_tcp = {
	.name = "tcp",
	.start = tcp_start,
	.feed = tcp_feed,
	.encode = tcp_encode,
	.encode_max = tcp_encode_max,
};
