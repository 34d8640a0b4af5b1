/*
 * codec.h - a transport under any bytes in any pieces: cut into pieces, with
 * the game stopping it now and then, it must say exactly what it says of the
 * whole. The input's first byte is the size of the pieces; its second says
 * after every how many messages the game stops the feeding.
 */
#ifndef TESTS_FUZZ_CODEC_H
#define TESTS_FUZZ_CODEC_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/buf.h"
#include "ipc/msg.h"
#include "netd/netd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

#define MESSAGE_MAX 32

static struct {
	struct client c;
	struct url url;
	struct ipc_buf *said;
	unsigned messages, stop_every;
} fuzz;

void
client_open(struct client *c)
{
	(void)c;
}

bool
client_got(struct client *c, unsigned flags, const uint8_t *bytes, size_t len)
{
	uint8_t head[2] = { (uint8_t)flags, (uint8_t)len };

	CHECK(c == &fuzz.c && len <= MESSAGE_MAX);
	CHECK(flags == IPC_TEXT || flags == IPC_BINARY);
	CHECK(ipc_buf_add(fuzz.said, head, sizeof(head)));
	CHECK(ipc_buf_add(fuzz.said, bytes, len));
	fuzz.messages++;
	return !fuzz.stop_every || fuzz.messages % fuzz.stop_every;
}

bool
client_raw(struct client *c, const void *bytes, size_t len)
{
	(void)c;
	(void)bytes;
	(void)len;
	return true;
}

/*
 * Offer data in pieces; what the codec says goes to said. Returns the answer
 * that ended it, or 0.
 */
static ssize_t
codec_run(const struct transport *t, const uint8_t *data, size_t size,
    size_t piece, unsigned stop_every, struct ipc_buf *said)
{
	size_t used = 0, there = 0;
	ssize_t r = 0;

	memset(&fuzz, 0, sizeof(fuzz));
	config_init(&fuzz.url.config);
	fuzz.url.config.message_bytes = MESSAGE_MAX;
	fuzz.c.url = &fuzz.url;
	fuzz.said = said;
	fuzz.stop_every = stop_every;
	CHECK(t->start(&fuzz.c) == 0);
	while (r >= 0 && there < size) {
		there = size - there < piece ? size : there + piece;
		do {
			size_t n = there - used;
			uint8_t *exact = malloc(n ? n : 1);

			if (n == 0) {
				free(exact);
				break;
			}
			CHECK(exact);
			memcpy(exact, data + used, n);
			r = t->feed(&fuzz.c, exact, n);
			free(exact);
			if (r > 0)
				used += (size_t)r;
			/* What it keeps is bounded: a message and its ends. */
			CHECK(r < 0 || r > 0 || n <= MESSAGE_MAX + 4);
		} while (r > 0);
	}
	if (t->close)
		t->close(&fuzz.c);
	return r < 0 ? r : 0;
}

static int
codec_fuzz(const struct transport *t, const uint8_t *data, size_t size)
{
	struct ipc_buf whole, pieces;
	ssize_t a, b;

	if (size < 2)
		return 0;
	ipc_buf_init(&whole, 64u << 20);
	ipc_buf_init(&pieces, 64u << 20);
	a = codec_run(t, data + 2, size - 2, size, 0, &whole);
	b = codec_run(t, data + 2, size - 2, data[0] + 1u, data[1], &pieces);
	CHECK(a == b);
	CHECK(whole.len == pieces.len);
	CHECK(
	    whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0);
	ipc_buf_release(&whole);
	ipc_buf_release(&pieces);
	return 0;
}

#endif
