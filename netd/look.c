/*
 * look.c - a game's text as a client's terminal gets it. What is the same for
 * many (client.looks) is written once: groups.c keeps it by that number.
 */
#include "ipc/markup.h"
#include "netd/netd.h"

/* The buffer is kept between messages up to this size. */
#define KEPT (256u << 10)

static unsigned
charset(uint32_t looks)
{
	return looks >> LOOKS_CHARSET_AT & 3;
}

uint32_t
look_of(const struct client *c, unsigned flags)
{
	if (flags & IPC_BINARY)
		return 0;
	if (flags & IPC_MARKUP)
		return c->looks | LOOKS_MARKUP;
	return (c->looks & LOOKS_TERMINAL) && charset(c->looks) != IPC_UTF8
		   ? c->looks
		   : 0;
}

const uint8_t *
look_text(struct netd *n, uint32_t looks, const uint8_t *bytes, size_t *len)
{
	const struct ipc_look k = { .terminal = looks & LOOKS_TERMINAL,
		.reader = looks & LOOKS_READER,
		.colours = looks >> LOOKS_COLOURS_AT & 3,
		.charset = (uint8_t)charset(looks),
		.columns = looks & ((1u << LOOKS_COLOURS_AT) - 1) };
	struct ipc_buf *b = &n->written;

	if (looks == 0)
		return bytes;
	if (b->size > KEPT)
		ipc_buf_release(b);
	ipc_buf_clear(b);
	b->max = 4 * (size_t)n->config.frame_bytes;
	/* What is over that is cut: a text of nothing but colours. */
	ipc_markup_write(&k, looks & LOOKS_MARKUP, bytes, *len, b);
	*len = b->len;
	return b->data ? b->data : bytes;
}
