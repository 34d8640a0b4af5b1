/* links: netd/[a-lo-z]*.c netd/m[b-z]*.c */
/* links: netd/mask.c */
/*
 * Messages in a row, up (netd/row.h) and down (client_send_row()), with all of
 * netd's core around them: that many are done at once changes nothing of what
 * comes out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ipc/log.h"
#include "netd/netd.h"
#include "netd/record.h"
#include "tests/unit/fake_main.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct netd n;
static struct url *url;

/* ---- a wire -------------------------------------------------------------- */

/* A player's end: what it says, so much in each read(); what it hears. */
struct end {
	const uint8_t *says;
	size_t left, step;
	bool is_narrow; /* it takes no more than room, until that is more */
	size_t room;
	int fails;     /* errno of the next write */
	size_t writes; /* that it took something of */
	size_t len;
	char got[1 << 18];
};

static ssize_t
end_read(struct client *c, void *p, size_t size)
{
	struct end *e = c->wire_state;

	size = size < e->step ? size : e->step;
	size = size < e->left ? size : e->left;
	if (size == 0) {
		errno = EAGAIN;
		return -1;
	}
	memcpy(p, e->says, size);
	e->says += size;
	e->left -= size;
	return (ssize_t)size;
}

static ssize_t
end_write(struct client *c, const void *p, size_t size)
{
	struct end *e = c->wire_state;

	if (e->fails) {
		errno = e->fails;
		return -1;
	}
	if (e->is_narrow) {
		size = size < e->room ? size : e->room;
		e->room -= size;
	}
	if (size == 0) {
		errno = EAGAIN;
		return -1;
	}
	assert_true(e->len + size < sizeof(e->got));
	memcpy(e->got + e->len, p, size);
	e->got[e->len += size] = '\0';
	e->writes++;
	return (ssize_t)size;
}

static void
end_nothing(struct client *c)
{
	(void)c;
}

static const struct wire wire = { .name = "end",
	.read = end_read,
	.write = end_write,
	.shutdown = end_nothing,
	.close = end_nothing };

static void
begin(const char *text)
{
	char why[128];

	memset(&n, 0, sizeof(n));
	ipc_log_init("test", IPC_LOG_ERROR + 1);
	config_init(&n.config);
	n.now_us = 1000000000;
	n.control_fd = n.wait_fd = n.spare_fd = -1;
	n.loop = ev_loop_new(EVFLAG_AUTO);
	n.link = link_new(&n);
	assert_true(clients_init(&n));
	n.link->phase = LINKED;
	n.link->journal.keep = true;
	url = url_new();
	assert_true(url_parse(url, text, &n.config, why, sizeof(why)));
}

static struct client *
player(struct end *e)
{
	struct client *c = client_new(&n, url->transport, &wire, -1, url);

	assert_non_null(c);
	memset(e, 0, sizeof(*e));
	c->wire_state = e;
	client_start(c);
	return c;
}

static void
finish(void)
{
	record_release(&n);
	clients_release(&n);
	peers_release(&n);
	assert_int_equal(n.queued_bytes, 0);
	link_free(n.link);
	url_drop(url);
	ev_loop_destroy(n.loop);
}

/* ---- up -------------------------------------------------------------------
 */

/* All of it in pieces of so many bytes; what the game is told then. */
static void
tell(const char *where, const struct ipc_buf *said, size_t step,
    struct ipc_buf *told)
{
	static struct end e;
	struct walk w = { 0 };
	struct ipc_frame f;
	struct client *c;

	begin(where);
	c = player(&e);
	e.says = said->data;
	e.left = said->len;
	e.step = step;
	for (int i = 0; e.left && c->phase < LEAVING; i++) {
		client_readable(c);
		/* A turn is one read, or three. */
		if (i % 4 < 2)
			n.link->batch_open = false;
	}
	ipc_buf_printf(told, "messages=%llu frames=%llu phase=%d\n",
	    (unsigned long long)n.metrics.messages_in,
	    (unsigned long long)n.metrics.frames_up, c->phase);
	while (journal_walk(&n.link->journal, &w, &f)) {
		ipc_buf_printf(told, "%llu: %u %u %u %llu ",
		    (unsigned long long)w.position, f.kind, f.flags, f.channel,
		    (unsigned long long)f.id);
		ipc_buf_add(told, f.bytes, f.kind == IPC_OPENED ? 0 : f.len);
		ipc_buf_add(told, "\n", 1);
	}
	assert_int_equal(w.position, n.link->journal.position);
	finish();
}

/* Who may say only so much is looked at message by message. */
static void
is_told_as_one_by_one(
    const char *plain, const char *limited, const struct ipc_buf *said)
{
	static const size_t steps[] = { 1, 7, 33, 1000, 65536 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct ipc_buf rows, single;

		ipc_buf_init(&rows, 64 << 20);
		ipc_buf_init(&single, 64 << 20);
		tell(plain, said, steps[i], &rows);
		tell(limited, said, steps[i], &single);
		assert_int_equal(rows.len, single.len);
		assert_memory_equal(rows.data, single.data, rows.len);
		ipc_buf_release(&rows);
		ipc_buf_release(&single);
	}
}

#define LIMITED "messages_per_s=1000000&burst=1000000"

/* Lengths and contents of all sorts; the i-th message of a test. */
static size_t
message(size_t i, uint8_t *to, bool *binary)
{
	static const size_t lens[] = { 20, 1, 0, 7, 8, 15, 16, 17, 31, 32, 33,
		63, 64, 65, 125, 126, 127, 1000, 5000 };
	size_t len = lens[i % (sizeof(lens) / sizeof(*lens))];

	for (size_t k = 0; k < len; k++)
		to[k] = (uint8_t)('a' + (i + k) % 26);
	/* A whole letter of two bytes, now and then. */
	if (i % 3 == 1 && len > 4)
		memcpy(to + len / 2, "\xc3\xa4", 2);
	*binary = i % 5 == 4 && len > 2;
	if (*binary)
		to[len - 2] = 0xff;
	return len;
}

static void
lines_in_a_row_are_told_as_one_by_one(void **state)
{
	struct ipc_buf said;
	uint8_t bytes[8192];
	bool binary;

	(void)state;
	ipc_buf_init(&said, 16 << 20);
	for (size_t i = 0; i < 400; i++) {
		ipc_buf_add(&said, bytes, message(i, bytes, &binary));
		ipc_buf_printf(&said, i % 2 ? "\n" : "\r\n");
	}
	is_told_as_one_by_one(
	    "line://127.0.0.1:0", "line://127.0.0.1:0?" LIMITED, &said);
	/* The last is longer than any may be. */
	ipc_buf_printf(&said, "%05000d\n", 0);
	is_told_as_one_by_one("line://127.0.0.1:0?message_bytes=4000",
	    "line://127.0.0.1:0?message_bytes=4000&" LIMITED, &said);
	ipc_buf_release(&said);
}

static void
tcp_messages_in_a_row_are_told_as_one_by_one(void **state)
{
	struct ipc_buf said;
	uint8_t bytes[8192];
	bool binary;

	(void)state;
	ipc_buf_init(&said, 16 << 20);
	for (size_t i = 0; i < 400; i++) {
		size_t len = message(i, bytes, &binary);
		uint8_t head[] = { 0, 0, (uint8_t)(len >> 8), (uint8_t)len };

		ipc_buf_add(&said, head, sizeof(head));
		ipc_buf_add(&said, bytes, len);
	}
	is_told_as_one_by_one(
	    "tcp://127.0.0.1:0", "tcp://127.0.0.1:0?" LIMITED, &said);
	/* And one that is longer than any may be. */
	ipc_buf_add(&said, "\0\1\0\1", 4);
	is_told_as_one_by_one(
	    "tcp://127.0.0.1:0", "tcp://127.0.0.1:0?" LIMITED, &said);
	ipc_buf_release(&said);
}

static void
add_frame(struct ipc_buf *b, unsigned first, const uint8_t *bytes, size_t len)
{
	static const uint8_t mask[4] = { 0x12, 0x34, 0xd6, 0x78 };
	uint8_t head[8] = { (uint8_t)first, (uint8_t)(0x80 | len) };
	size_t n_head = 2;

	if (len > 125) {
		head[1] = 0x80 | 126;
		head[2] = (uint8_t)(len >> 8);
		head[3] = (uint8_t)len;
		n_head = 4;
	}
	memcpy(head + n_head, mask, 4);
	ipc_buf_add(b, head, n_head + 4);
	for (size_t i = 0; i < len; i++)
		ipc_buf_add(b, &(uint8_t){ bytes[i] ^ mask[i & 3] }, 1);
}

/* Messages, with what else may stand between them. */
static void
add_frames(struct ipc_buf *b, size_t count)
{
	uint8_t bytes[8192];
	bool binary;

	for (size_t i = 0; i < count; i++) {
		size_t len = message(i, bytes, &binary);

		add_frame(b, binary ? 0x82 : 0x81, bytes, len);
		if (i % 11 == 10)
			add_frame(b, 0x89, bytes, 5); /* a ping */
		if (i % 13 == 12) {
			add_frame(b, 0x01, bytes, 3);
			add_frame(b, 0x80, bytes, 3); /* in two pieces */
		}
	}
}

static void
websocket_messages_in_a_row_are_told_as_one_by_one(void **state)
{
	static const char ask[] =
	    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
	static const char *const ends[] = { "\xff!", "" };
	struct ipc_buf said;

	(void)state;
	for (int i = 0; i < 2; i++) {
		ipc_buf_init(&said, 16 << 20);
		ipc_buf_add(&said, ask, sizeof(ask) - 1);
		add_frames(&said, 400);
		/* It ends with no text, or with a close. */
		add_frame(&said, i ? 0x88 : 0x81, (const uint8_t *)ends[i],
		    strlen(ends[i]));
		add_frames(&said, 3);
		is_told_as_one_by_one(
		    "ws://127.0.0.1:0", "ws://127.0.0.1:0?" LIMITED, &said);
		ipc_buf_release(&said);
	}
}

/* ---- down -----------------------------------------------------------------
 */

static void
add_send(struct ipc_buf *b, uint64_t id, unsigned flags, const char *text)
{
	uint8_t head[IPC_FRAME_HEAD];
	struct ipc_frame f = { .kind = IPC_SEND,
		.flags = (uint8_t)flags,
		.id = id,
		.len = (uint32_t)strlen(text) };

	ipc_frame_head(head, &f);
	ipc_buf_add(b, head, sizeof(head));
	ipc_buf_add(b, text, f.len);
}

/* The game says all of it in one turn. */
static void
say(const struct ipc_buf *turn)
{
	struct ipc_frame f = { .kind = IPC_COMMIT };
	uint8_t head[IPC_FRAME_HEAD];
	int ends[2];

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	ipc_frame_head(head, &f);
	assert_int_equal(write(ends[1], turn->data, turn->len), turn->len);
	assert_int_equal(write(ends[1], head, sizeof(head)), sizeof(head));
	n.link->down_fd = ends[0];
	link_read_out(n.link);
	n.link->down_fd = -1;
	close(ends[0]);
	close(ends[1]);
}

static void
each_hears_its_own_in_order_whatever_stands_between(void **state)
{
	static struct end a, b;
	struct ipc_buf turn;
	uint64_t one, two;

	(void)state;
	begin("line://127.0.0.1:0");
	one = player(&a)->id;
	two = player(&b)->id;
	ipc_buf_init(&turn, 1 << 20);
	add_send(&turn, one, IPC_TEXT, "1");
	add_send(&turn, one, IPC_TEXT, "");
	add_send(&turn, one, IPC_TEXT, "a line that is longer than one vector");
	add_send(&turn, two, IPC_TEXT, "2");
	add_send(&turn, one, IPC_BINARY, "3");
	add_send(&turn, one, IPC_LATEST, "dropped");
	add_send(&turn, one, IPC_LATEST, "newer");
	add_send(&turn, one, IPC_TEXT, "4\n");
	add_send(&turn, 99, IPC_TEXT, "for nobody");
	add_send(&turn, two, IPC_MARKUP, "{{5}");
	add_send(&turn, two, IPC_TEXT, "6");
	say(&turn);
	assert_int_equal(n.link->down, 11);
	assert_int_equal(n.metrics.frames_down, 11);
	assert_int_equal(n.metrics.messages_out, 10);
	assert_int_equal(n.metrics.dropped, 0);
	clients_turn(&n);
	assert_string_equal(
	    a.got, "1\n\na line that is longer than one vector\n3\nnewer\n4\n");
	assert_string_equal(b.got, "2\n{5}\n6\n");
	ipc_buf_release(&turn);
	finish();
}

/* Forty of a hundred bytes fit into 4,096, and no more. */
static void
a_row_fits_as_its_messages_would(void **state)
{
	static struct end e;
	struct ipc_buf turn;
	struct client *c;
	char text[100];

	(void)state;
	for (int more = 0; more < 2; more++) {
		begin("line://127.0.0.1:0?hard_bytes=4096");
		c = player(&e);
		ipc_buf_init(&turn, 1 << 20);
		for (int i = 0; i < 40 + more; i++) {
			snprintf(text, sizeof(text), "%099d", i);
			add_send(&turn, c->id, IPC_TEXT, text);
		}
		say(&turn);
		assert_int_equal(n.link->down, 40 + more);
		assert_int_equal(c->phase, more ? LEAVING : PLAYING);
		assert_int_equal(n.metrics.closed[IPC_REASON_SLOW], more);
		clients_turn(&n);
		if (more)
			assert_string_equal(e.got, "reads too slowly\n");
		else
			assert_memory_equal(e.got + 39 * 100, text, 99);
		ipc_buf_release(&turn);
		finish();
	}
}

static void
a_row_goes_on_where_the_arena_is_full(void **state)
{
	static struct end e;
	struct ipc_buf turn;
	struct client *c;
	char text[100];

	(void)state;
	begin("line://127.0.0.1:0?hard_bytes=1000000");
	c = player(&e);
	memset(text, 'x', sizeof(text));
	text[98] = '\0';
	ipc_buf_init(&turn, 1 << 20);
	for (int i = 0; i < 500; i++)
		add_send(&turn, c->id, IPC_TEXT, text);
	say(&turn);
	say(&turn);
	assert_int_equal(c->out.bytes, 1000 * 99);
	clients_turn(&n);
	assert_int_equal(e.len, 1000 * 99);
	for (size_t i = 0; i < e.len; i++)
		assert_int_equal(e.got[i], i % 99 == 98 ? '\n' : 'x');
	ipc_buf_release(&turn);
	finish();
}

static void
what_fits_a_frame_takes_no_more_than_one(void **state)
{
	const struct transport *t;
	uint8_t bytes[5000], out[6000];
	bool binary;
	int fit = 0;

	(void)state;
	for (unsigned i = 0; (t = transport_at(i)) != NULL; i++) {
		if (!t->fits_frame)
			continue;
		fit++;
		assert_true(!t->before && !t->sent && !t->apart);
		for (size_t k = 0; k < 36; k++) {
			size_t len = message(k % 18, bytes, &binary);

			assert_true(
			    t->encode(k >= 18, binary ? IPC_BINARY : 0, bytes,
				len, out) <= ipc_frame_size(len));
		}
	}
	assert_true(fit >= 4);
}

/* Sixteen messages of 1,000 bytes and what differs; what comes of them. */
static void
add_much(struct ipc_buf *turn, uint64_t id, struct ipc_buf *wanted)
{
	char text[1001];

	for (int i = 0; i < 16; i++) {
		for (size_t k = 0; k < 1000; k++)
			text[k] = (char)('a' + (k + (size_t)i) % 26);
		text[1000 - i % 3] = '\0';
		add_send(turn, id, IPC_TEXT, text);
		ipc_buf_printf(wanted, "%s\n", text);
	}
}

/* It has heard what was wanted and nothing else; then all of it ends. */
static void
heard_and_over(
    const struct end *e, struct ipc_buf *turn, struct ipc_buf *wanted)
{
	assert_int_equal(e->len, wanted->len);
	assert_memory_equal(e->got, wanted->data, e->len);
	ipc_buf_release(turn);
	ipc_buf_release(wanted);
	finish();
}

/* Nothing, a byte, a message and its end, all but one, all and more. */
static const size_t takes[] = { 0, 1, 500, 1000, 1001, 1002, 5000, 15999, 16000,
	16001, 40000 };

static void
what_a_socket_leaves_of_much_follows(void **state)
{
	static const char *const urls[] = { "line://127.0.0.1:0",
		"tcp://127.0.0.1:0" };
	static struct end e, whole;
	struct ipc_buf turn, wanted;
	struct client *c;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(takes) / sizeof(*takes); i++) {
		begin(urls[i % 2]);
		c = player(&e);
		e.is_narrow = true;
		e.room = takes[i / 2];
		ipc_buf_init(&turn, 1 << 20);
		ipc_buf_init(&wanted, 1 << 20);
		add_much(&turn, c->id, &wanted);
		say(&turn);
		assert_int_equal(n.link->down, 16);
		assert_int_equal(n.metrics.messages_out, 16);
		assert_int_equal(e.writes, 0);
		clients_turn(&n);
		assert_int_equal(n.metrics.bytes_out, e.len);
		if (e.room)
			assert_null(c->out.head);
		else
			assert_int_equal(e.len, takes[i / 2]);
		assert_int_equal(n.queued_bytes, c->out.bytes);
		e.room = 100000;
		client_writable(c);
		assert_int_equal(n.metrics.bytes_out, e.len);
		assert_int_equal(n.queued_bytes, 0);
		if (i % 2 == 0) {
			assert_int_equal(e.len, wanted.len);
			assert_memory_equal(e.got, wanted.data, e.len);
		} else if (i == 1) {
			whole = e;
		} else {
			assert_int_equal(e.len, 16 * 4 + wanted.len - 16);
			assert_memory_equal(e.got, whole.got, e.len);
		}
		ipc_buf_release(&turn);
		ipc_buf_release(&wanted);
		finish();
	}
}

static void
much_stays_in_order_with_what_waits_and_what_follows(void **state)
{
	static struct end e;
	struct ipc_buf turn, wanted;
	struct client *c;

	(void)state;
	for (size_t i = 0; i < sizeof(takes) / sizeof(*takes); i++) {
		begin("line://127.0.0.1:0");
		c = player(&e);
		e.is_narrow = true;
		e.room = takes[i];
		ipc_buf_init(&turn, 1 << 20);
		ipc_buf_init(&wanted, 1 << 20);
		if (i % 2) {
			add_send(&turn, c->id, IPC_TEXT, "first");
			ipc_buf_printf(&wanted, "first\n");
		}
		add_much(&turn, c->id, &wanted);
		add_send(&turn, c->id, IPC_LATEST, "old");
		add_send(&turn, c->id, IPC_LATEST, "new");
		ipc_buf_printf(&wanted, "new\n");
		add_much(&turn, c->id, &wanted);
		add_send(&turn, c->id, IPC_TEXT, "last");
		ipc_buf_printf(&wanted, "last\n");
		say(&turn);
		clients_turn(&n);
		e.room = 100000;
		client_writable(c);
		heard_and_over(&e, &turn, &wanted);
	}
}

static void
little_leaves_once_a_turn(void **state)
{
	static struct end a, b;
	struct ipc_buf turn;
	uint64_t one, two;

	(void)state;
	begin("line://127.0.0.1:0");
	one = player(&a)->id;
	two = player(&b)->id;
	ipc_buf_init(&turn, 1 << 20);
	for (int i = 0; i < 300; i++) {
		add_send(&turn, one, IPC_TEXT, "one of many small ones");
		if (i % 100 == 0)
			add_send(&turn, two, IPC_TEXT, "and another's");
	}
	say(&turn);
	say(&turn);
	assert_int_equal(a.writes + b.writes, 0);
	clients_turn(&n);
	assert_int_equal(b.writes, 1);
	assert_int_equal(b.len, 6 * 14);
	assert_int_equal(a.len, 600 * 23);
	assert_true(a.writes <= 2); /* the arena ended once */
	ipc_buf_release(&turn);
	finish();
}

/* What overtakes a message that is begun would spoil it. */
static void
what_is_begun_of_much_is_ended_before_all_else(void **state)
{
	static struct end e;
	struct ipc_buf turn, wanted;
	struct client *c;

	(void)state;
	begin("line://127.0.0.1:0");
	c = player(&e);
	e.is_narrow = true;
	e.room = 2500;
	ipc_buf_init(&turn, 1 << 20);
	ipc_buf_init(&wanted, 1 << 20);
	add_much(&turn, c->id, &wanted);
	say(&turn);
	clients_turn(&n);
	assert_true(c->out.head->begun);
	assert_true(client_raw_first(c, "pong\n", 5));
	ipc_buf_printf(&wanted, "pong\nbye\n");
	/* It is cut to what is begun, and that is all of them. */
	client_close(c, IPC_REASON_SLOW, "bye");
	e.room = 100000;
	clients_turn(&n);
	assert_memory_equal(e.got, wanted.data, 15991);
	ipc_buf_release(&turn);
	ipc_buf_release(&wanted);
	finish();
}

static void
who_fails_while_much_is_sent_is_gone_and_nobody_else(void **state)
{
	static struct end a, b;
	struct ipc_buf turn, wanted;
	struct client *bad;
	uint64_t good;

	(void)state;
	begin("line://127.0.0.1:0");
	bad = player(&a);
	good = player(&b)->id;
	a.fails = EPIPE;
	ipc_buf_init(&turn, 1 << 20);
	ipc_buf_init(&wanted, 1 << 20);
	add_much(&turn, bad->id, &wanted);
	add_much(&turn, bad->id, &wanted);
	ipc_buf_clear(&wanted);
	add_much(&turn, good, &wanted);
	say(&turn);
	clients_turn(&n);
	assert_int_equal(n.n_clients, 1);
	assert_int_equal(n.link->phase, LINKED);
	assert_int_equal(a.len, 0);
	heard_and_over(&b, &turn, &wanted);
}

/* No more waits for a player than may, however it comes to wait. */
static void
much_waits_within_the_limit_and_no_more(void **state)
{
	static struct end e;
	struct ipc_buf turn, wanted;
	struct client *c;

	(void)state;
	for (int more = 0; more < 2; more++) {
		begin("line://127.0.0.1:0?hard_bytes=20000");
		c = player(&e);
		e.is_narrow = true;
		e.room = more ? 11000 : 13000;
		ipc_buf_init(&turn, 1 << 20);
		ipc_buf_init(&wanted, 1 << 20);
		add_much(&turn, c->id, &wanted);
		say(&turn);
		clients_turn(&n);
		say(&turn);
		assert_int_equal(c->phase, more ? LEAVING : PLAYING);
		assert_int_equal(n.metrics.closed[IPC_REASON_SLOW], more);
		assert_true(c->out.bytes <= 20000 + 32);
		ipc_buf_release(&turn);
		ipc_buf_release(&wanted);
		finish();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_in_a_row_are_told_as_one_by_one),
		cmocka_unit_test(tcp_messages_in_a_row_are_told_as_one_by_one),
		cmocka_unit_test(
		    websocket_messages_in_a_row_are_told_as_one_by_one),
		cmocka_unit_test(
		    each_hears_its_own_in_order_whatever_stands_between),
		cmocka_unit_test(a_row_fits_as_its_messages_would),
		cmocka_unit_test(a_row_goes_on_where_the_arena_is_full),
		cmocka_unit_test(what_fits_a_frame_takes_no_more_than_one),
		cmocka_unit_test(what_a_socket_leaves_of_much_follows),
		cmocka_unit_test(
		    much_stays_in_order_with_what_waits_and_what_follows),
		cmocka_unit_test(little_leaves_once_a_turn),
		cmocka_unit_test(
		    what_is_begun_of_much_is_ended_before_all_else),
		cmocka_unit_test(
		    who_fails_while_much_is_sent_is_gone_and_nobody_else),
		cmocka_unit_test(much_waits_within_the_limit_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
