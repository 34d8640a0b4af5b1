/* links: netd/mccp.c netd/config.c */
/*
 * netd/mccp.c, with a made-up wire: what a client inflates is what was written,
 * however little the wire takes at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "netd/mccp.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#define MARKER "\xff\xfa\x56\xff\xf0"

static struct netd n;
static struct client c;
static struct rare rare;
static uint8_t got[1u << 20]; /* what the wire took */
static size_t n_got, room;
static unsigned marks;

static ssize_t
take(struct client *client, const void *p, size_t len)
{
	assert_ptr_equal(client, &c);
	assert_true(len > 0);
	if (room == 0) {
		errno = EAGAIN;
		return -1;
	}
	if (len > room)
		len = room;
	assert_true(n_got + len <= sizeof(got));
	memcpy(got + n_got, p, len);
	n_got += len;
	room -= len;
	return (ssize_t)len;
}

static const struct wire wire = { .name = "test", .write = take };

void
client_mark(struct client *client)
{
	assert_ptr_equal(client, &c);
	marks++;
}

struct rare *
client_rare(struct client *client)
{
	return client->rare;
}

int64_t
netd_now(const struct netd *netd)
{
	return netd->now_us;
}

static void
begin(void)
{
	memset(&n, 0, sizeof(n));
	memset(&c, 0, sizeof(c));
	memset(&rare, 0, sizeof(rare));
	c.rare = &rare;
	config_init(&n.config);
	c.netd = &n;
	c.wire = &wire;
	n_got = marks = 0;
	room = SIZE_MAX;
	assert_true(mccp_begin(&c));
	assert_int_equal(marks, 1);
}

/* Inflate what came behind the marker: how much, and what is left behind the
 * end of the stream. */
static size_t
inflated(uint8_t *out, size_t size, size_t *rest, bool *ended)
{
	z_stream z = { .next_in = got + 5, .avail_in = (uInt)n_got - 5 };
	int r;

	assert_true(n_got >= 5);
	assert_memory_equal(got, MARKER, 5);
	assert_int_equal(inflateInit2(&z, 12), Z_OK);
	z.next_out = out;
	z.avail_out = (uInt)size;
	r = inflate(&z, Z_SYNC_FLUSH);
	assert_true(r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR);
	*ended = r == Z_STREAM_END;
	*rest = z.avail_in;
	size -= z.avail_out;
	inflateEnd(&z);
	return size;
}

static void
what_was_written_can_be_read_at_once(void **state)
{
	static uint8_t out[4096];
	size_t rest;
	bool ended;

	(void)state;
	begin();
	assert_int_equal(
	    mccp_write(&c, (const uint8_t *)"You see.\r\n", 10), 10);
	assert_false(mccp_waits(&c));
	assert_int_equal(inflated(out, sizeof(out), &rest, &ended), 10);
	assert_memory_equal(out, "You see.\r\n", 10);
	assert_false(ended);
	/* The same again costs little. */
	rest = n_got;
	assert_int_equal(
	    mccp_write(&c, (const uint8_t *)"You see.\r\n", 10), 10);
	assert_true(n_got - rest < 12);
	mccp_free(&c);
	assert_int_equal(n.mccp_bytes, 0);
}

static void
a_wire_that_takes_little_loses_nothing(void **state)
{
	static uint8_t text[100000], out[200000];
	size_t sent = 0, rest, most = 0;
	uint32_t dice = 7;
	bool ended;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++) {
		dice = dice * 1664525 + 1013904223;
		text[i] = (uint8_t)(dice >> 24);
	}
	begin();
	while (sent < sizeof(text) || mccp_waits(&c)) {
		room = 1000;
		assert_true(mccp_push(&c) == 0 || errno == EAGAIN);
		if (sent < sizeof(text)) {
			ssize_t r =
			    mccp_write(&c, text + sent, sizeof(text) - sent);

			assert_true(r > 0 || (r == -1 && errno == EAGAIN));
			sent += r > 0 ? (size_t)r : 0;
			most = r > 0 && (size_t)r > most ? (size_t)r : most;
		}
	}
	/* What cannot be compressed grows by little, and waits in pieces. */
	assert_true(most <= 16 << 10);
	assert_true(n_got < sizeof(text) + 1000);
	mccp_end(&c);
	room = SIZE_MAX;
	assert_int_equal(mccp_push(&c), 0);
	assert_int_equal(
	    inflated(out, sizeof(out), &rest, &ended), sizeof(text));
	assert_memory_equal(out, text, sizeof(text));
	assert_true(ended);
	assert_int_equal(rest, 0);
	mccp_free(&c);
}

static void
behind_its_end_all_goes_as_it_is(void **state)
{
	uint8_t out[64];
	size_t rest;
	bool ended;

	(void)state;
	begin();
	mccp_write(&c, (const uint8_t *)"one", 3);
	room = 0;
	mccp_end(&c);
	assert_true(mccp_waits(&c));
	assert_int_equal(mccp_write(&c, (const uint8_t *)"two", 3), -1);
	assert_int_equal(errno, EAGAIN);
	room = SIZE_MAX;
	assert_int_equal(mccp_write(&c, (const uint8_t *)"two", 3), 3);
	assert_null(rare.mccp);
	assert_int_equal(n.mccp_bytes, 0);
	assert_int_equal(inflated(out, sizeof(out), &rest, &ended), 3);
	assert_true(ended);
	assert_int_equal(rest, 3);
	assert_memory_equal(got + n_got - 3, "two", 3);
}

static void
memory_has_a_limit(void **state)
{
	struct rare none = { 0 };
	struct client more = { .netd = &n, .wire = &wire, .rare = &none };

	(void)state;
	begin();
	n.config.compress_bytes = (int64_t)n.mccp_bytes;
	assert_false(mccp_begin(&more));
	assert_null(none.mccp);
	mccp_free(&c);
	begin();
	/* Asked again, it goes on. */
	assert_true(mccp_begin(&c));
	assert_int_equal(mccp_push(&c), 0);
	assert_int_equal(n_got, 5);
	mccp_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_can_be_read_at_once),
		cmocka_unit_test(a_wire_that_takes_little_loses_nothing),
		cmocka_unit_test(behind_its_end_all_goes_as_it_is),
		cmocka_unit_test(memory_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
