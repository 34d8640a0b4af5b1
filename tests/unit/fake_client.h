/*
 * fake_client.h - stands where client.c stands, for the tests of transports:
 * keeps what a codec says, and offers bytes as client.c does (what the codec
 * left comes again with what follows).
 */
#ifndef TESTS_FAKE_CLIENT_H
#define TESTS_FAKE_CLIENT_H

#include "ipc/buf.h"
#include "ipc/msg.h"
#include "netd/netd.h"

#include <stdlib.h>
#include <string.h>

static struct {
	struct client c;
	struct ipc_buf in;
	struct url url;
	struct ipc_buf got; /* "text|", binary ones as "#bytes|" */
	struct ipc_buf out; /* what client_raw() was given */
	int messages, opened;
	int stop_at; /* client_got() says stop at this message; 0: never */
} fake;

void
client_open(struct client *c)
{
	assert_ptr_equal(c, &fake.c);
	fake.opened++;
}

bool
client_got(struct client *c, unsigned flags, const uint8_t *bytes, size_t len)
{
	assert_ptr_equal(c, &fake.c);
	if (flags == IPC_BINARY)
		assert_true(ipc_buf_add(&fake.got, "#", 1));
	else
		assert_int_equal(flags, IPC_TEXT);
	assert_true(ipc_buf_add(&fake.got, bytes, len));
	assert_true(ipc_buf_add(&fake.got, "|", 1));
	return ++fake.messages != fake.stop_at;
}

bool
client_raw(struct client *c, const void *bytes, size_t len)
{
	assert_ptr_equal(c, &fake.c);
	return ipc_buf_add(&fake.out, bytes, len);
}

static void
fake_init(const struct transport *t, int64_t message_bytes)
{
	memset(&fake, 0, sizeof(fake));
	config_init(&fake.url.config);
	fake.url.config.message_bytes = message_bytes;
	fake.c.url = &fake.url;
	fake.c.transport = t;
	ipc_buf_init(&fake.in, 1u << 20);
	ipc_buf_init(&fake.got, 1u << 20);
	ipc_buf_init(&fake.out, 1u << 20);
	assert_int_equal(t->start(&fake.c), 0);
	assert_int_equal(fake.opened, 1);
}

static void
fake_release(void)
{
	if (fake.c.transport->close)
		fake.c.transport->close(&fake.c);
	ipc_buf_release(&fake.in);
	ipc_buf_release(&fake.got);
	ipc_buf_release(&fake.out);
}

/*
 * Bytes arrive: 0, or what feed() said if that was negative. The codec sees
 * memory of exactly the size it was promised.
 */
static int
fake_arrive(const void *bytes, size_t len)
{
	struct ipc_buf *in = &fake.in;

	assert_true(ipc_buf_add(in, bytes, len));
	while (in->len) {
		uint8_t *exact = malloc(in->len);
		ssize_t used;

		assert_non_null(exact);
		memcpy(exact, in->data, in->len);
		used = fake.c.transport->feed(&fake.c, exact, in->len);
		free(exact);
		if (used < 0)
			return (int)used;
		assert_true((size_t)used <= in->len);
		ipc_buf_eat(in, (size_t)used);
		if (used == 0 || fake.messages == fake.stop_at)
			return 0;
	}
	return 0;
}

static inline void
assert_got(const void *bytes, size_t len)
{
	assert_int_equal(fake.got.len, len);
	if (len)
		assert_memory_equal(fake.got.data, bytes, len);
}

/* What comes in, and what the game must hear of it. */
struct sample {
	const char *in;
	size_t in_len;
	const char *out;
	size_t out_len;
};

/* In pieces of so many bytes, the first one perhaps shorter or longer. */
static inline void
assert_sample(const struct transport *t, const struct sample *s,
    int64_t message_bytes, size_t first, size_t piece)
{
	size_t n = first < s->in_len ? first : s->in_len;

	fake_init(t, message_bytes);
	for (size_t at = 0; at < s->in_len; at += n, n = piece) {
		if (n > s->in_len - at)
			n = s->in_len - at;
		if (n)
			assert_int_equal(fake_arrive(s->in + at, n), 0);
	}
	assert_got(s->out, s->out_len);
	fake_release();
}

static inline void
assert_whole(const struct transport *t, const struct sample *s, size_t count,
    int64_t message_bytes)
{
	for (size_t i = 0; i < count; i++)
		assert_sample(t, &s[i], message_bytes, s[i].in_len, 1);
}

static inline void
assert_at_every_cut(const struct transport *t, const struct sample *s,
    size_t count, int64_t message_bytes)
{
	for (size_t i = 0; i < count; i++)
		for (size_t cut = 0; cut <= s[i].in_len; cut++)
			assert_sample(
			    t, &s[i], message_bytes, cut, s[i].in_len);
}

static inline void
assert_byte_by_byte(const struct transport *t, const struct sample *s,
    size_t count, int64_t message_bytes)
{
	for (size_t i = 0; i < count; i++)
		assert_sample(t, &s[i], message_bytes, 1, 1);
}

#endif
