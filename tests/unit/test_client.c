/* links: netd/[a-lo-z]*.c netd/m[b-z]*.c */
/* links: netd/mask.c */
/*
 * netd/client.c with all of netd's core around it, and only the wire and the
 * clock made up: what a slow player gets, loses and is told of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ipc/log.h"
#include "netd/netd.h"
#include "netd/record.h"
#include "netd/resolve.h"
#include "tests/unit/fake_main.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HARD 4096

static struct netd n;
static struct url *url;

/* ---- a wire -------------------------------------------------------------- */

/* A player's end: what its socket takes, what it read. */
struct end {
	size_t room, len;
	char got[1 << 16];
};

static ssize_t
end_write(struct client *c, const void *p, size_t size)
{
	struct end *e = c->wire_state;

	if (e->room == 0) {
		errno = EAGAIN;
		return -1;
	}
	size = size < e->room ? size : e->room;
	assert_true(e->len + size < sizeof(e->got));
	memcpy(e->got + e->len, p, size);
	e->got[e->len += size] = '\0';
	e->room -= size;
	return (ssize_t)size;
}

static ssize_t
end_read(struct client *c, void *p, size_t size)
{
	(void)c;
	(void)p;
	(void)size;
	errno = EAGAIN;
	return -1;
}

static void
end_shutdown(struct client *c)
{
	(void)c;
}

static const struct wire wire = { .name = "end",
	.read = end_read,
	.write = end_write,
	.shutdown = end_shutdown,
	.close = end_shutdown };

/* ---- helpers --------------------------------------------------------------
 */

static void
begin(void)
{
	char why[128];

	memset(&n, 0, sizeof(n));
	ipc_log_init("test", IPC_LOG_ERROR);
	config_init(&n.config);
	n.now_us = 1000000000;
	n.control_fd = n.wait_fd = n.spare_fd = -1;
	n.loop = ev_loop_new(EVFLAG_AUTO);
	n.link = link_new(&n);
	assert_true(clients_init(&n));
	n.link->phase = LINKED;
	n.link->journal.keep = true;
	url = url_new();
	assert_true(url_parse(
	    url, "line://127.0.0.1:0?hard_bytes=4096", &n.config, why, 128));
}

static struct client *
player(struct end *e, size_t room)
{
	struct client *c = client_new(&n, &tr_line, &wire, -1, url);

	assert_non_null(c);
	memset(e, 0, sizeof(*e));
	e->room = room;
	c->wire_state = e;
	client_start(c);
	assert_int_equal(c->phase, PLAYING);
	return c;
}

static void
finish(void)
{
	record_release(&n);
	clients_release(&n);
	assert_int_equal(n.queued_bytes, 0);
	assert_int_equal(n.n_clients, 0);
	link_free(n.link);
	url_drop(url);
	ev_loop_destroy(n.loop);
}

static const char *
letters(char letter, size_t len)
{
	static char texts[128][1 << 14];
	char *text = texts[letter & 127];

	assert_true(len < sizeof(texts[0]));
	memset(text, letter, len);
	text[len] = '\0';
	return text;
}

static void
cast(unsigned flags, const char *text)
{
	struct ipc_frame f = { .kind = IPC_SEND_GROUP,
		.flags = (uint8_t)flags,
		.bytes = (const uint8_t *)text,
		.len = (uint32_t)strlen(text) };

	cast_add(n.link, 0, 0, &f);
}

static void
say(struct client *c, unsigned flags, unsigned key, const char *text)
{
	client_send(
	    c, flags, (uint16_t)key, (const uint8_t *)text, strlen(text));
}

/* The newest frame to the game of this kind, or 0: its position. */
static uint64_t
told(unsigned kind, struct ipc_frame *f)
{
	for (uint64_t at = n.link->journal.position; at; at--) {
		assert_non_null(journal_find(&n.link->journal, at, f));
		if (f->kind == kind)
			return at;
	}
	return 0;
}

static size_t
sum_of_queues(void)
{
	size_t sum = 0;

	for (struct client *c = n.playing; c; c = c->next)
		sum += c->out.bytes;
	for (struct client *c = n.pending; c; c = c->next)
		sum += c->out.bytes;
	return sum;
}

/* The socket takes everything from now on. */
static void
open_up(struct client *c)
{
	((struct end *)c->wire_state)->room = SIZE_MAX;
	client_mark(c);
	clients_turn(&n);
}

/* ---- half a message -------------------------------------------------------
 */

static void
a_message_that_is_half_out_follows_whatever_its_class_and_size(void **state)
{
	static const uint8_t classes[] = { IPC_LATEST, IPC_DROPPABLE };
	static struct end e;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct client *c;
		size_t line;

		begin();
		c = player(&e, 100);
		cast(classes[i], letters('x', 10000));
		cast_flush(n.link);
		clients_turn(&n);
		assert_int_equal(n.queued_bytes, sum_of_queues());
		open_up(c);
		say(c, IPC_RELIABLE, 0, "next");
		clients_turn(&n);
		line = strcspn(e.got, "\n");
		assert_int_equal(line, 10000);
		assert_string_equal(e.got + line, "\nnext\n");
		finish();
	}
}

static void
too_many_messages_at_once_end_at_a_message_border(void **state)
{
	static struct end e;

	(void)state;
	begin();
	player(&e, 105);
	for (int i = 0; i < 64; i++)
		cast(IPC_RELIABLE, letters((char)('0' + i), 99));
	cast_flush(n.link);
	e.room = SIZE_MAX;
	clients_turn(&n);
	assert_memory_equal(e.got, letters('0', 99), 99);
	assert_memory_equal(e.got + 100, letters('1', 99), 99);
	assert_string_equal(e.got + 199, "\nreads too slowly\n");
	assert_int_equal(n.metrics.closed[IPC_REASON_SLOW], 1);
	finish();
}

/* ---- what is told ----------------------------------------------------------
 */

static void
drops_are_told_before_the_end_is(void **state)
{
	static struct end e;
	struct ipc_frame f;
	struct ipc_dropped m;
	const char *why, *field;
	struct client *c;
	uint64_t at;

	(void)state;
	begin();
	c = player(&e, 0);
	for (int i = 0; i < 10; i++)
		say(c, IPC_DROPPABLE, 0, letters('d', 999));
	client_close(c, IPC_REASON_KICKED, "");
	at = told(IPC_DROPPED, &f);
	assert_true(at > 0);
	assert_int_equal(ipc_msg_unpack(&f, &m, &why, &field), 0);
	assert_int_equal(m.messages, 6);
	assert_int_equal(m.bytes, 6000);
	assert_true(at < told(IPC_CLOSED, &f));
	/* and what stayed arrives */
	open_up(c);
	assert_int_equal(e.len, 4000 + strlen("closed by the game\n"));
	finish();
}

static void
pressure_is_told_once_up_and_once_down(void **state)
{
	static struct end e;
	struct ipc_frame f;
	struct ipc_pressure m;
	const char *why, *field;
	struct client *c;
	uint64_t at;

	(void)state;
	begin();
	url->config.soft_bytes = 2000;
	c = player(&e, 0);
	say(c, IPC_RELIABLE, 0, letters('a', 1999));
	clients_turn(&n);
	assert_int_equal(told(IPC_PRESSURE, &f), 0);
	say(c, IPC_RELIABLE, 0, "b");
	clients_turn(&n);
	at = told(IPC_PRESSURE, &f);
	assert_int_equal(ipc_msg_unpack(&f, &m, &why, &field), 0);
	assert_int_equal(m.high, 1);
	assert_int_equal(m.queued_bytes, 2002);
	say(c, IPC_RELIABLE, 0, "c");
	e.room = 900; /* above half of it */
	client_flush(c);
	assert_int_equal(told(IPC_PRESSURE, &f), at);
	e.room = 200;
	client_flush(c);
	assert_true(told(IPC_PRESSURE, &f) > at);
	assert_int_equal(ipc_msg_unpack(&f, &m, &why, &field), 0);
	assert_int_equal(m.high, 0);
	finish();
}

static void
everybody_hears_the_notice_even_behind_a_slow_one(void **state)
{
	static struct end before, slow, none;
	struct client *c, *stranger;

	(void)state;
	begin();
	player(&before, SIZE_MAX);
	stranger = client_new(&n, &tr_line, &wire, -1, url);
	stranger->wire_state = &none; /* in its handshake: hears nothing */
	c = player(&slow, 0);         /* the newest is the first of the list */
	say(c, IPC_RELIABLE, 0, letters('s', HARD - 5));
	clients_turn(&n);
	n.link->rec.able = true;
	n.notice = "hold on";
	n.link->phase = NO_GAME;
	recover_died(n.link, SIGKILL, "killed");
	clients_turn(&n);
	assert_int_equal(c->reason, IPC_REASON_SLOW);
	assert_string_equal(before.got, "hold on\n");
	assert_null(stranger->out.head);
	finish();
}

/* ---- accounts ---------------------------------------------------------------
 */

static void
one_who_leaves_cannot_make_its_queue_grow(void **state)
{
	static struct end e;
	struct client *c;

	(void)state;
	begin();
	c = player(&e, 0);
	say(c, IPC_RELIABLE, 0, "bye");
	client_close(c, IPC_REASON_KICKED, "");
	/* what a flood of pings is answered with */
	for (int i = 0; i < 10000 && client_raw(c, "pong", 4); i++)
		;
	assert_true(c->out.bytes <= HARD);
	assert_int_equal(n.queued_bytes, c->out.bytes);
	finish();
}

static void
the_sum_of_all_queues_is_always_right(void **state)
{
	enum { PLAYERS = 20 };
	static struct end ends[PLAYERS];
	struct client *c[PLAYERS];
	unsigned seed = 1;

	(void)state;
	begin();
	for (int i = 0; i < PLAYERS; i++)
		c[i] = player(&ends[i], 0);
	for (int round = 0; round < 50000; round++) {
		unsigned dice = (unsigned)rand_r(&seed);
		int i = (int)(dice >> 4) % PLAYERS;
		const char *text = letters('x', (dice >> 10) % 1500);

		switch (dice % 16) {
		case 0:
			ends[i].room = 1 + (dice >> 10) % 3000;
			ends[i].len = 0;
			client_flush(c[i]);
			break;
		case 1:
			if ((dice >> 12) % 8)
				break;
			if ((dice >> 16) & 1)
				client_abort(c[i], IPC_REASON_RESET, "");
			else
				client_close(c[i], IPC_REASON_KICKED, "");
			break;
		case 2:
			clients_turn(&n);
			break;
		case 3:
		case 4:
			cast(
			    dice >> 8 & 1 ? IPC_RELIABLE : IPC_DROPPABLE, text);
			cast_flush(n.link);
			break;
		default:
			if (client_takes(c[i]))
				say(c[i], (dice >> 8) % 3, (dice >> 12) % 3,
				    text);
		}
		for (int k = 0; k < PLAYERS; k++) {
			if (c[k]->phase < LEAVING)
				continue;
			client_abort(c[k], IPC_REASON_RESET, "");
			clients_turn(&n);
			c[k] = player(&ends[k], 0);
		}
		assert_int_equal(n.queued_bytes, sum_of_queues());
		if (round % 1000 == 0)
			journal_forget(
			    &n.link->journal, n.link->journal.position);
	}
	finish();
}

/* Where HELLO is not read, no game can ever begin. */
static void
a_full_budget_does_not_keep_a_game_from_its_first_word(void **state)
{
	static struct end e;
	struct ipc_frame f;
	int up[2], down[2];

	(void)state;
	begin();
	n.config.budget_bytes = 1000;
	say(player(&e, 0), IPC_RELIABLE, 0, letters('x', 2000));
	n.link->told_once = true;
	assert_int_equal(pipe(up), 0);
	assert_int_equal(pipe(down), 0);
	link_attach(n.link, up[1], down[0], IPC_LINK_FIRST, 0);
	assert_int_equal(n.link->phase, GREETING);
	link_budget(n.link);
	assert_false(n.link->stalled);
	assert_true(ev_is_active(&n.link->down_io));
	/* nor does its relief speak before WELCOME */
	client_abort(n.playing, IPC_REASON_RESET, "");
	link_budget(n.link);
	assert_int_equal(n.link->journal.position, 0);
	/* a game that is there waits */
	n.link->phase = LINKED;
	say(player(&e, 0), IPC_RELIABLE, 0, letters('x', 2000));
	link_budget(n.link);
	assert_true(n.link->stalled);
	assert_false(ev_is_active(&n.link->down_io));
	client_abort(n.playing, IPC_REASON_RESET, "");
	link_budget(n.link);
	assert_false(n.link->stalled);
	assert_true(told(IPC_STALLED, &f) > 0);
	n.stops = 0;
	finish();
	close(up[0]);
	close(down[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_message_that_is_half_out_follows_whatever_its_class_and_size),
		cmocka_unit_test(
		    too_many_messages_at_once_end_at_a_message_border),
		cmocka_unit_test(drops_are_told_before_the_end_is),
		cmocka_unit_test(pressure_is_told_once_up_and_once_down),
		cmocka_unit_test(
		    everybody_hears_the_notice_even_behind_a_slow_one),
		cmocka_unit_test(one_who_leaves_cannot_make_its_queue_grow),
		cmocka_unit_test(
		    a_full_budget_does_not_keep_a_game_from_its_first_word),
		cmocka_unit_test(the_sum_of_all_queues_is_always_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
