/*
 * tr_line.c - line://, newline text over TCP.
 *
 * A message ends with LF or CR LF, which are not part of it; a CR anywhere
 * else is. Any bytes are allowed: a line that is not UTF-8 reaches the game
 * as a binary message. What follows the last newline of a connection is no
 * message. The game's own newlines are sent as they are, so one message of
 * the game may be several lines to a player; one at its end is the line's.
 */
#include "netd/tr_line.h"

#include "ipc/msg.h"
#include "netd/netd.h"
#include "netd/row.h"
#include "netd/utf8.h"

#include <string.h>

/*
 * How many of the bytes that wait were searched already. A long line in tiny
 * pieces must not be searched from its start for each piece. The number
 * lives in the codec pointer itself, so an idle line costs no memory.
 */
static size_t
searched(const struct client *c)
{
	return (size_t)(uintptr_t)c->codec;
}

static void
set_searched(struct client *c, size_t n)
{
	c->codec = (void *)(uintptr_t)n;
}

int
line_start(struct client *c)
{
	set_searched(c, 0);
	client_open(c);
	return 0;
}

/* Give one line without its LF to the game, in the row if it has a place. */
static bool
deliver(struct client *c, struct row *row, const uint8_t *line, size_t len)
{
	uint8_t *to = row_place(row, len);
	bool more;

	if (to) {
		row_add(
		    row, utf8_copy(to, line, len) ? IPC_TEXT : IPC_BINARY, len);
		return true;
	}
	row_end(c, row);
	more = client_got(
	    c, utf8_valid(line, len) ? IPC_TEXT : IPC_BINARY, line, len);
	*row = row_begin(c);
	return more;
}

/* len without the CR at the end, if there is one. */
static size_t
without_cr(const uint8_t *line, size_t len)
{
	return len && line[len - 1] == '\r' ? len - 1 : len;
}

ssize_t
line_feed(struct client *c, const uint8_t *bytes, size_t len)
{
	const size_t max = (size_t)c->url->config.message_bytes;
	struct row row = row_begin(c);
	size_t used = 0, skip = searched(c);
	bool more = true, too_long = false;

	if (skip > len)
		skip = 0;
	/* Now: client_got() may end the client. */
	set_searched(c, 0);
	while (more && used < len) {
		const uint8_t *line = bytes + used, *lf;
		size_t there = len - used, n;

		lf = memchr(line + skip, '\n', there - skip);
		n = without_cr(line, lf ? (size_t)(lf - line) : there);
		too_long = n > max;
		if (lf == NULL)
			set_searched(c, there);
		if (lf == NULL || too_long)
			break;
		used += (size_t)(lf - line) + 1;
		skip = 0;
		more = deliver(c, &row, line, n);
	}
	row_end(c, &row);
	return too_long ? -IPC_REASON_TOO_LONG : (ssize_t)used;
}

size_t
line_encode_max(size_t len)
{
	return len + 1;
}

size_t
line_encode(bool outgoing, unsigned flags, const uint8_t *bytes, size_t len,
    uint8_t *out)
{
	(void)outgoing;
	(void)flags;
	if (len)
		memcpy(out, bytes, len);
	if (len == 0 || bytes[len - 1] != '\n')
		out[len++] = '\n';
	return len;
}

bool
line_goodbye(struct client *c, unsigned reason, const char *text, size_t len)
{
	(void)reason;
	if (len && client_raw(c, text, len))
		client_raw(c, "\n", 1);
	return false;
}

void
line_close(struct client *c)
{
	set_searched(c, 0);
}

const struct transport tr_line = {
	.name = "line",
	.is_prose = true,
	.start = line_start,
	.feed = line_feed,
	.encode = line_encode,
	.fits_frame = true,
	.encode_max = line_encode_max,
	.goodbye = line_goodbye,
	.close = line_close,
};
