/*
 * tr_tcp.c - tcp://, a big-endian u32 length and that many bytes, both ways.
 * Every message is binary. The length is checked before anything is kept.
 *
 * With resume=TIME in the URL both ends speak as resume_word.h says, inside
 * these messages; there is no plain tcp:// on such a listener.
 */
#include "ipc/msg.h"
#include "netd/netd.h"
#include "netd/resume.h"
#include "netd/row.h"
#include "netd/transport.h"

#include <arpa/inet.h>
#include <string.h>

#define HEAD 4

static const struct transport tr_tcp_resumable;

static int
tcp_start(struct client *c)
{
	if (c->url->config.resume_ms > 0) {
		c->transport = &tr_tcp_resumable;
		return resume_start(c);
	}
	client_open(c);
	return 0;
}

/* One message to the game, in the row if it has a place. */
static bool
deliver(struct client *c, struct row *row, const uint8_t *bytes, size_t len)
{
	uint8_t *to = row_place(row, len);
	bool more;

	if (to) {
		if (len)
			memcpy(to, bytes, len);
		row_add(row, IPC_BINARY, len);
		return true;
	}
	row_end(c, row);
	more = client_got(c, IPC_BINARY, bytes, len);
	*row = row_begin(c);
	return more;
}

static ssize_t
tcp_feed(struct client *c, const uint8_t *bytes, size_t len)
{
	const size_t max = resume_message_max(c);
	struct row row = row_begin(c);
	size_t used = 0;
	bool more = true, too_long = false;

	while (more && len - used >= HEAD) {
		uint32_t n;

		memcpy(&n, bytes + used, HEAD);
		n = ntohl(n);
		too_long = n > max;
		if (too_long || len - used - HEAD < n)
			break;
		more = deliver(c, &row, bytes + used + HEAD, n);
		used += HEAD + n;
	}
	row_end(c, &row);
	return too_long ? -IPC_REASON_TOO_LONG : (ssize_t)used;
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

static size_t
resumable_encode_max(size_t len)
{
	return tcp_encode_max(len + 1);
}

static size_t
resumable_encode(bool outgoing, unsigned flags, const uint8_t *bytes,
    size_t len, uint8_t *out)
{
	uint32_t n = htonl((uint32_t)len + 1);

	(void)outgoing;
	(void)flags;
	memcpy(out, &n, HEAD);
	out[HEAD] = '=';
	if (len)
		memcpy(out + HEAD + 1, bytes, len);
	return HEAD + 1 + len;
}

/* Without this the end of the line would be one that may be mended. */
static bool
resumable_goodbye(
    struct client *c, unsigned reason, const char *text, size_t len)
{
	uint8_t word[RESUME_WORD_MAX], out[HEAD + RESUME_WORD_MAX];
	size_t n = sizeof("!bye ") - 1;

	(void)reason;
	if (len > sizeof(word) - n)
		len = sizeof(word) - n;
	memcpy(word, "!bye ", n);
	if (len)
		memcpy(word + n, text, len);
	n = tcp_encode(c->outgoing, 0, word, n + len, out);
	client_raw(c, out, n);
	return false;
}

const struct transport tr_tcp = {
	.name = "tcp",
	.natural = SPEAK_TPL,
	.start = tcp_start,
	.feed = tcp_feed,
	.encode = tcp_encode,
	.fits_frame = true,
	.encode_max = tcp_encode_max,
	.resumable = &tr_tcp_resumable,
};

static const struct transport tr_tcp_resumable = {
	.name = "tcp",
	.natural = SPEAK_TPL,
	.start = tcp_start,
	.feed = tcp_feed,
	.encode = resumable_encode,
	.encode_max = resumable_encode_max,
	.goodbye = resumable_goodbye,
	.bare = &tr_tcp,
};
