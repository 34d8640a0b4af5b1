/*
 * test_stream.c - the game's side of the pipe, with the test as its netd.
 *
 * A game on two pipes in one process: what netd says is written beforehand,
 * what the game says is read afterwards.
 */
/* links: gamecore/?*.c */
#include "gamecore/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>

#include "tests/unit/fake_netd.h"

/* ---- what is promised --------------------------------------------------- */

static void
says_hello_and_learns_time_and_seed(void **state)
{
	struct fake a, b;

	(void)state;
	fake_ready(&a);
	fake_ready(&b);
	assert_int_equal(gc_now(a.net), 1000000);
	assert_int_equal(gc_random(a.net, 0), gc_random(b.net, 0));
	for (int i = 0; i < 1000; i++)
		assert_true(gc_random(a.net, 6) < 6);
	assert_int_equal(gc_random(a.net, 1), 0);
	fake_release(&a);
	fake_release(&b);
}

static void
throws_the_dice_of_xoshiro256(void **state)
{
	struct fake n;

	(void)state;
	fake_init(&n);
	for (uint64_t i = 0; i < 4; i++)
		n.net->dice[i] = i + 1;
	/* From the authors' C code with the state 1, 2, 3, 4. */
	assert_int_equal(gc_random(n.net, 0), 11520);
	assert_int_equal(gc_random(n.net, 0), 0);
	assert_int_equal(gc_random(n.net, 0), 1509978240);
	assert_int_equal(gc_random(n.net, 0), 1215971899390074240);
	fake_release(&n);
}

static void
refuses_another_version(void **state)
{
	struct fake n;

	(void)state;
	fake_init(&n);
	say_welcome(&n, IPC_VERSION + 1, 7);
	tell(&n);
	assert_int_equal(net_hello(n.net, "test", 42), GC_EVERSION);
	assert_non_null(strstr(gc_problem(n.net), "version 1"));
	assert_non_null(strstr(gc_problem(n.net), "version 2"));
	fake_release(&n);
}

static void
one_turn_is_one_commit_behind_its_output(void **state)
{
	struct gc_event ev;
	struct fake n;

	(void)state;
	fake_ready(&n);
	say_raw(&n, IPC_NOW, 0, 0, 2000000, NULL, 0);
	say_opened(&n, 5, 0, "127.0.0.1:9");
	say_text(&n, IPC_MESSAGE, 5, "hi");
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.kind, GC_OPEN);
	assert_int_equal(ev.conn, 5);
	assert_string_equal(ev.peer->address, "127.0.0.1:9");
	assert_string_equal(ev.peer->cookies, "");
	assert_int_equal(ev.peer->uid, -1);
	assert_int_equal(gc_now(n.net), 2000000);
	/* WELCOME was taken, and that the game waited said so. */
	assert_string_equal(hear(&n), "COMMIT id=1");
	assert_int_equal(gc_bind(n.net, 5, &n), 0);
	gc_printf(n.net, 5, "hello %d", 5);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.kind, GC_MESSAGE);
	assert_string_equal(ev.text, "hi");
	assert_ptr_equal(ev.bound, &n);
	gc_send(n.net, 5, "you", 3);
	assert_string_equal(hear(&n), ""); /* nothing leaves before a wait */
	hang_up(&n);
	assert_int_equal(gc_next(n.net, &ev), GC_ENETD_GONE);
	assert_string_equal(hear(&n), "SEND id=5 \"hello 5\"");
	assert_string_equal(hear(&n), "SEND id=5 \"you\"");
	assert_string_equal(hear(&n), "COMMIT id=4");
	assert_string_equal(hear(&n), "");
	assert_int_equal(n.net->up_taken, 4);
	assert_int_equal(n.net->down_sent, 3);
	fake_release(&n);
}

static void
commits_once_and_says_what_is_still_in_hand(void **state)
{
	struct gc_event ev;
	struct fake n;

	(void)state;
	fake_ready(&n);
	assert_int_equal(gc_flush(n.net), 0);
	assert_string_equal(hear(&n), "COMMIT id=1 flags=1");
	assert_int_equal(gc_flush(n.net), 0);
	assert_string_equal(hear(&n), "");
	say_raw(&n, IPC_TICK, 0, 0, 3, NULL, 0);
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.kind, GC_TICK);
	assert_int_equal(ev.count, 3);
	/* What was in part before is whole now, though nothing was taken. */
	assert_string_equal(hear(&n), "COMMIT id=1");
	assert_int_equal(gc_flush(n.net), 0);
	assert_string_equal(hear(&n), "COMMIT id=2 flags=1");
	fake_release(&n);
}

static void
big_output_leaves_in_slices(void **state)
{
	static char block[1000];
	struct gc_event ev;
	struct fake n;
	unsigned sends = 0, partial = 0;
	const char *line;

	(void)state;
	fake_ready(&n);
	say_opened(&n, 5, 0, "x");
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_string_equal(hear(&n), "COMMIT id=1");
	fcntl(n.net->down, F_SETPIPE_SZ, 1 << 20);
	for (int i = 0; i < 200; i++)
		assert_int_equal(gc_send(n.net, 5, block, sizeof(block)), 0);
	while (*(line = hear(&n))) {
		if (strcmp(line, "COMMIT id=2 flags=1") == 0)
			partial++;
		else
			sends++;
	}
	assert_int_equal(sends, 63 * 3);
	assert_int_equal(partial, 3);
	fake_release(&n);
}

/* Everything netd can say, as one stream. */
static void
say_everything(struct fake *n)
{
	struct ipc_pressure pressure = { .high = 1, .queued_bytes = 70000 };
	struct ipc_dropped dropped = { .messages = 3, .bytes = 99 };
	uint16_t size[2] = { 80, 25 };

	say_welcome(n, IPC_VERSION, 7);
	say_raw(n, IPC_NOW, 0, 0, 2000000, NULL, 0);
	say_opened(n, 5, 0, "127.0.0.1:9");
	say_opened(n, 6, 0, "unix");
	say_text(n, IPC_MESSAGE, 5, "hi");
	say_raw(n, IPC_MESSAGE, IPC_BINARY, 0, 6, "\0\xff", 2);
	say_text(n, IPC_MESSAGE, 6, "");
	say_raw(n, IPC_TICK, 0, 0, 2, NULL, 0);
	say_raw(n, IPC_TIMER, 0, 1, 77, NULL, 0);
	say_msg(n, IPC_PRESSURE, 5, &pressure);
	say_msg(n, IPC_DROPPED, 6, &dropped);
	say_raw(n, IPC_STALLED, 0, 0, 1500, NULL, 0);
	say_raw(n, IPC_AWAY, 0, 0, 5, NULL, 0);
	say_raw(n, IPC_BACK, 0, 0, 5, NULL, 0);
	say_raw(n, IPC_RESIZED, 0, 0, 6, size, sizeof(size));
	say_raw(n, IPC_NOTICE, 0, 1, 0, "disk full", 9);
	say_raw(n, IPC_ANSWER, 0, 0, 1234, NULL, 0); /* to nobody */
	say_raw(n, IPC_CLOSED, 0, IPC_REASON_SLOW, 5, "too slow", 8);
	say_raw(n, IPC_STOP, 0, 0, 10000, NULL, 0);
	say_raw(n, IPC_CLOSED, 0, IPC_REASON_SHUTDOWN, 6, "", 0);
}

static const char everything[] = "1 conn=5 '' peer=127.0.0.1:9 size=0x0\n"
				 "1 conn=6 '' peer=unix size=0x0\n"
				 "2 conn=5 'hi'2\n"
				 "2 conn=6 ''2 binary\n"
				 "2 conn=6 ''0\n"
				 "4 count=2\n"
				 "5 timer=77 count=1\n"
				 "6 conn=5 count=1 bytes=70000\n"
				 "7 conn=6 count=3 bytes=99\n"
				 "9 bytes=1500\n"
				 "11 conn=5\n"
				 "12 conn=5\n"
				 "13 conn=6 size=80x25\n"
				 "10 'disk full'9 count=1\n"
				 "3 conn=5 'too slow'8 reason=slow\n"
				 "8 count=10000\n"
				 "3 conn=6 ''0 reason=shutdown\n"
				 "end: netd is gone\n";

static void
print_event(FILE *out, const struct gc_event *ev)
{
	fprintf(out, "%d", ev->kind);
	if (ev->conn)
		fprintf(out, " conn=%llu", (unsigned long long)ev->conn);
	if (ev->kind == GC_OPEN)
		fprintf(out, " '%s' peer=%s size=%ux%u", ev->text,
		    ev->peer->address, ev->columns, ev->rows);
	if (ev->kind == GC_RESIZE)
		fprintf(out, " size=%ux%u", ev->columns, ev->rows);
	if (ev->kind == GC_MESSAGE || ev->kind == GC_CLOSE ||
	    ev->kind == GC_NOTICE)
		fprintf(out, " '%s'%zu", ev->text, ev->len);
	if (ev->binary)
		fprintf(out, " binary");
	if (ev->reason)
		fprintf(out, " reason=%s", gc_reason_name(ev->reason));
	if (ev->timer)
		fprintf(out, " timer=%llu", (unsigned long long)ev->timer);
	if (ev->count)
		fprintf(out, " count=%llu", (unsigned long long)ev->count);
	if (ev->bytes)
		fprintf(out, " bytes=%llu", (unsigned long long)ev->bytes);
	fprintf(out, "\n");
}

/* A thread that writes the second part once the first is eaten. */
struct late {
	int fd;
	const uint8_t *bytes;
	size_t len;
	int go; /* readable when the game has to wait */
};

static void *
write_late(void *arg)
{
	struct late *l = arg;
	char byte;

	/* The game's COMMIT says that it has taken all and waits. */
	if (l->go >= 0 && read(l->go, &byte, 1) < 0)
		return NULL;
	for (size_t at = 0; at < l->len;) {
		ssize_t w = write(l->fd, l->bytes + at, l->len - at);

		if (w <= 0)
			break;
		at += (size_t)w;
	}
	close(l->fd);
	return NULL;
}

static void
the_same_events_at_every_cut(void **state)
{
	struct fake whole;

	(void)state;
	fake_init(&whole);
	say_everything(&whole);
	for (size_t cut = 0; cut <= whole.say.len; cut++) {
		struct fake n;
		struct gc_event ev;
		struct late late;
		pthread_t thread;
		char *text;
		size_t len;
		FILE *out = open_memstream(&text, &len);
		int r;

		fake_init(&n);
		fcntl(n.down, F_SETFL, 0);
		assert_int_equal(
		    write(n.up, whole.say.data, cut), (ssize_t)cut);
		late = (struct late){ n.up, whole.say.data + cut,
			whole.say.len - cut, n.down };
		n.up = -1;
		assert_int_equal(
		    pthread_create(&thread, NULL, write_late, &late), 0);
		assert_int_equal(net_hello(n.net, "test", 42), 0);
		while ((r = gc_next(n.net, &ev)) == 0)
			print_event(out, &ev);
		fprintf(out, "end: %s\n", gc_error_text(r));
		fclose(out);
		pthread_join(thread, NULL);
		assert_string_equal(text, everything);
		assert_int_equal(gc_conns(n.net), 0);
		assert_int_equal(n.net->up_taken, 20);
		free(text);
		fake_release(&n);
	}
	fake_release(&whole);
}

/* The next event: a message of conn, which this frame brought. */
static void
expect_message(struct fake *n, uint64_t conn, const char *text, uint64_t frame)
{
	struct gc_event ev;

	memset(&ev, 0xff, sizeof(ev));
	assert_int_equal(gc_next(n->net, &ev), 0);
	assert_int_equal(ev.kind, GC_MESSAGE);
	assert_int_equal(ev.conn, conn);
	assert_string_equal(ev.text, text);
	assert_int_equal(ev.len, strlen(text));
	assert_false(ev.binary);
	assert_ptr_equal(ev.bound, conn == 5 ? n : NULL);
	assert_null(ev.answer);
	/* Who dies of it is found by this. */
	assert_int_equal(n->net->hand_unread, frame);
}

static void
messages_in_a_row_come_as_they_would_one_by_one(void **state)
{
	struct gc_event ev;
	struct fake n;

	(void)state;
	fake_ready(&n);
	say_opened(&n, 6, 0, "x");
	say_opened(&n, 5, 0, "x");
	say_raw(&n, IPC_NOW, 0, 0, 2000000, NULL, 0);
	say_text(&n, IPC_MESSAGE, 5, "one");
	say_text(&n, IPC_MESSAGE, 6, "two");
	say_text(&n, IPC_MESSAGE, 5, "three");
	say_raw(&n, IPC_NOW, 0, 0, 3000000, NULL, 0);
	say_text(&n, IPC_MESSAGE, 6, "");
	say_text(&n, IPC_MESSAGE, 5, "five");
	say_text(&n, IPC_MESSAGE, 5, "six");
	say_text(&n, IPC_MESSAGE, 77, "nobody");
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.kind, GC_OPEN);
	assert_int_equal(gc_bind(n.net, 5, &n), 0);
	expect_message(&n, 5, "one", 5);
	assert_int_equal(gc_now(n.net), 2000000);
	expect_message(&n, 6, "two", 6);
	assert_int_equal(gc_now(n.net), 2000000);
	/* In the middle of them the game waits for something else. */
	assert_int_equal(stream_step(n.net), 0);
	assert_int_equal(n.net->up_taken, 7);
	assert_int_equal(n.net->hand_unread, 6);
	expect_message(&n, 5, "three", 7);
	expect_message(&n, 6, "", 9);
	assert_int_equal(gc_now(n.net), 3000000);
	expect_message(&n, 5, "five", 10);
	expect_message(&n, 5, "six", 11);
	assert_int_equal(n.net->up_taken, 11);
	assert_int_equal(gc_next(n.net, &ev), GC_EPROTOCOL);
	assert_string_equal(gc_problem(n.net),
	    "netd's frame 12 is not legal: MESSAGE of connection 77: it is not "
	    "open");
	fake_release(&n);
}

static void
a_text_ends_with_a_nul_wherever_it_lies(void **state)
{
	static char big[IPC_SLICE];
	struct gc_event ev;
	struct fake n;

	(void)state;
	memset(big, 'x', sizeof(big));
	/* Lengths around the reader's storage, so that the end of a message
	 * is the end of it now and then. */
	for (size_t len = IPC_SLICE - 2 * IPC_FRAME_HEAD - 400; len < IPC_SLICE;
	     len += 3) {
		fake_ready(&n);
		say_opened(&n, 5, 0, "x");
		say_raw(&n, IPC_MESSAGE, 0, 0, 5, big, len);
		say_text(&n, IPC_MESSAGE, 5, "after");
		tell(&n);
		assert_int_equal(gc_next(n.net, &ev), 0);
		assert_int_equal(gc_next(n.net, &ev), 0);
		assert_int_equal(ev.len, len);
		assert_int_equal(strlen(ev.text), len);
		assert_int_equal(gc_next(n.net, &ev), 0);
		assert_string_equal(ev.text, "after");
		fake_release(&n);
	}
}

static void
a_frame_larger_than_a_slice_arrives(void **state)
{
	const size_t len = 700000;
	char *big = malloc(len);
	struct gc_event ev;
	struct fake n;

	(void)state;
	assert_non_null(big);
	memset(big, 'y', len);
	fake_ready(&n);
	say_opened(&n, 5, 0, "x");
	say_raw(&n, IPC_MESSAGE, 0, 0, 5, big, len);
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.len, len);
	assert_memory_equal(ev.text, big, len);
	assert_int_equal(ev.text[len], 0);
	assert_int_equal(gc_send(n.net, 5, big, IPC_FRAME_MAX), GC_ETOO_LONG);
	fake_release(&n);
	free(big);
}

/* What netd says wrongly, and what the game hears of it. */
static void
wrong_frame(int which, struct fake *n)
{
	struct ipc_pressure pressure = { .high = 1 };
	size_t at;

	switch (which) {
	case 0:
		say_raw(n, IPC_COMMIT, 0, 0, 1, NULL, 0);
		return;
	case 1:
		say_raw(n, 9, 0, 0, 1, NULL, 0);
		return;
	case 2:
		say_text(n, IPC_MESSAGE, 77, "who?");
		return;
	case 3:
		say_raw(n, IPC_OPENED, 0, 0, 8, "tpl", 3);
		return;
	case 4:
		/* Behind the frame's head, tpl's, and the format "cU". */
		at = n->say.len + IPC_FRAME_HEAD + 8 + 3;
		say_msg(n, IPC_PRESSURE, 5, &pressure);
		n->say.data[at] = 2;
		return;
	case 5:
		say_opened(n, 5, 0, "again");
		return;
	case 6:
		ipc_buf_add(&n->say, "GET / HTTP/1.0\r\n", 16);
		return;
	default:
		say_raw(n, IPC_CLOSED, 0, 1, 78, NULL, 0);
	}
}

static void
names_the_message_and_field_that_are_wrong(void **state)
{
	static const char *const why[] = {
		"netd's frame 3 (COMMIT, kind 40) is not legal: a message for "
		"the other direction",
		"netd's frame 3 (unknown, kind 9) is not legal: no such kind "
		"of message",
		"netd's frame 3 is not legal: MESSAGE of connection 77: it is "
		"not open",
		"netd's frame 3 is not legal: OPENED: its image has a bad size",
		"netd's frame 3 is not legal: PRESSURE.high: out of range",
		"netd's frame 3 is not legal: OPENED of connection 5: it is "
		"open already",
		"netd's frame 3 is broken at byte 0: not a frame: it does not "
		"start with tpl and a 0 byte",
		"netd's frame 3 is not legal: CLOSED of connection 78: it is "
		"not open",
	};

	(void)state;
	for (int i = 0; i < 8; i++) {
		struct gc_event ev;
		struct fake n;

		fake_ready(&n);
		say_opened(&n, 5, 0, "x");
		wrong_frame(i, &n);
		tell(&n);
		assert_int_equal(gc_next(n.net, &ev), 0);
		assert_int_equal(gc_next(n.net, &ev), GC_EPROTOCOL);
		assert_string_equal(gc_problem(n.net), why[i]);
		/* For ever, and for every call. */
		assert_int_equal(gc_next(n.net, &ev), GC_EPROTOCOL);
		assert_int_equal(gc_send(n.net, 5, "x", 1), GC_EPROTOCOL);
		assert_int_equal(gc_flush(n.net), GC_EPROTOCOL);
		fake_release(&n);
	}
}

static void
hears_why_netd_broke_the_link(void **state)
{
	char text[] = "SEND: its class is 3";
	struct ipc_fault fault = { .position = 12, .text = text };
	struct gc_event ev;
	struct fake n;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	fake_ready(&n);
	say_opened(&n, 5, 0, "x");
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), 0);
	say_msg(&n, IPC_FAULT, 0, &fault);
	tell(&n);
	close(n.down); /* netd reads no more: EPIPE, then its last words */
	n.down = -1;
	assert_int_equal(gc_send(n.net, 5, "x", 1), 0);
	assert_int_equal(gc_next(n.net, &ev), GC_EPROTOCOL);
	assert_string_equal(gc_problem(n.net),
	    "netd refused frame 12 of this game: SEND: its class is 3");
	fake_release(&n);
}

static void
a_closed_connection_is_forgotten_and_sending_to_it_is_no_error(void **state)
{
	struct gc_event ev;
	struct fake n;

	(void)state;
	fake_ready(&n);
	say_opened(&n, 5, 0, "x");
	say_raw(&n, IPC_CLOSED, 0, IPC_REASON_LEFT, 5, NULL, 0);
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(gc_conns(n.net), 1);
	assert_int_equal(gc_next_conn(n.net, 0), 5);
	assert_int_equal(gc_next_conn(n.net, 5), 0);
	gc_bind(n.net, 5, &ev);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.kind, GC_CLOSE);
	assert_ptr_equal(ev.bound, &ev);
	assert_int_equal(gc_conns(n.net), 0);
	assert_int_equal(gc_bind(n.net, 5, &ev), GC_ECLOSED);
	assert_null(gc_bound(n.net, 5));
	assert_int_equal(gc_send(n.net, 5, "x", 1), 0);
	assert_int_equal(gc_hang_up(n.net, 5, GC_KICKED, "out"), 0);
	hear(&n); /* the COMMIT of the first wait */
	assert_string_equal(hear(&n), "");
	assert_int_equal(n.net->down_sent, 1);
	fake_release(&n);
}

static void
every_call_is_the_frame_it_should_be(void **state)
{
	const struct gc_how latest = { .class_ = GC_LATEST, .key = 9 };
	const struct gc_how but = { .but = 5, .binary = true };
	char text[200];
	struct gc_event ev;
	struct fake n;

	(void)state;
	fake_ready(&n);
	say_opened(&n, 5, 0, "x");
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_string_equal(hear(&n), "COMMIT id=1");
	memset(text, 'a', sizeof(text));
	memcpy(text + 122, "\xc3\xa4", 3);
	gc_send_how(n.net, 5, &latest, "a", 1);
	gc_send_group(n.net, GC_ALL, NULL, "b", 1);
	gc_send_group(n.net, 3, &but, "c", 1);
	gc_printf_group(n.net, 3, NULL, "%s", "d");
	gc_join(n.net, 5, 3);
	gc_leave(n.net, 5, 3);
	gc_tag(n.net, 5, "t", 1);
	gc_tick(n.net, 100);
	gc_tick_stop(n.net);
	gc_timer(n.net, 8, 20, 30);
	gc_timer_stop(n.net, 8);
	gc_log(n.net, 1, "x=%d", 1);
	gc_hang_up(n.net, 5, GC_KICKED, "out");
	gc_hang_up(n.net, 5, GC_KICKED, text);
	assert_int_equal(gc_flush(n.net), 0);
	assert_string_equal(hear(&n), "SEND id=5 flags=1 channel=9 \"a\"");
	assert_string_equal(hear(&n), "SEND_GROUP id=0 \"b\"");
	assert_string_equal(hear(&n), "SEND_BUT id=3 flags=4 "
				      "\"\\x05\\x00\\x00\\x00\\x00\\x00\\x00"
				      "\\x00c\"");
	assert_string_equal(hear(&n), "SEND_GROUP id=3 \"d\"");
	assert_string_equal(
	    hear(&n), "JOIN id=5 \"\\x03\\x00\\x00\\x00\\x00\\x00\\x00\\x00\"");
	assert_string_equal(hear(&n),
	    "LEAVE id=5 \"\\x03\\x00\\x00\\x00\\x00\\x00\\x00\\x00\"");
	assert_string_equal(hear(&n), "TAG id=5 \"t\"");
	assert_string_equal(hear(&n), "TICK_START id=100000");
	assert_string_equal(hear(&n), "TICK_STOP id=0");
	assert_string_equal(
	    hear(&n), "TIMER_START id=8 delay_us=20000 repeat_us=30000");
	assert_string_equal(hear(&n), "TIMER_STOP id=8");
	assert_string_equal(hear(&n), "LOG id=0 channel=1 \"x=1\"");
	assert_string_equal(hear(&n), "CLOSE id=5 channel=2 \"out\"");
	/* Cut to 123 bytes, but not inside a character: 122. */
	assert_non_null(strstr(hear(&n), "(122 bytes)"));
	assert_string_equal(hear(&n), "COMMIT id=2 flags=1");
	fake_release(&n);
}

static void
refuses_what_cannot_be_meant(void **state)
{
	const struct gc_how how = { .class_ = 3 };
	static char tag[1025];
	struct gc_event ev;
	struct fake n;

	(void)state;
	fake_ready(&n);
	say_opened(&n, 5, 0, "x");
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(gc_send_how(n.net, 5, &how, "x", 1), GC_EINVALID);
	assert_int_equal(gc_join(n.net, 5, 0), GC_EINVALID);
	assert_int_equal(gc_tag(n.net, 5, tag, sizeof(tag)), GC_ETOO_LONG);
	assert_int_equal(gc_tick(n.net, 0), GC_EINVALID);
	assert_int_equal(gc_timer(n.net, OURS, 1, 0), GC_EINVALID);
	assert_int_equal(gc_timer(n.net, 1, -1, 0), GC_EINVALID);
	assert_int_equal(gc_timer(n.net, 1, INT64_MAX, 0), GC_EINVALID);
	assert_int_equal(gc_timer_stop(n.net, OURS), GC_EINVALID);
	assert_int_equal(gc_hang_up(n.net, 5, 0, NULL), GC_EINVALID);
	assert_int_equal(gc_log(n.net, 3, "x"), GC_EINVALID);
	assert_int_equal(gc_unlisten(n.net, 1), GC_EINVALID);
	assert_string_equal(gc_listening(n.net, 1), "");
	assert_int_equal(n.net->down_sent, 1);
	fake_release(&n);
}

static void
says_goodbye_at_the_end(void **state)
{
	struct fake n;

	(void)state;
	fake_ready(&n);
	gc_close(n.net);
	n.net = NULL;
	assert_string_equal(hear(&n), "BYE id=0");
	assert_string_equal(hear(&n), "COMMIT id=1");
	assert_string_equal(hear(&n), "");
	gc_close(NULL);
	fake_release(&n);
}

static void
knows_a_million_connections_that_come_and_go(void **state)
{
	struct conns c = { 0 };
	uint64_t oldest = 1, next = 1;

	(void)state;
	/* A window of 1,000 with a few that stay for ever. */
	for (; next <= 200000; next++) {
		assert_non_null(conns_add(&c, next, NULL));
		if (next - oldest < 1000)
			continue;
		if (oldest % 997)
			conns_remove(&c, oldest);
		oldest++;
	}
	for (uint64_t id = 1; id < next; id++) {
		bool there = id >= oldest || id % 997 == 0;

		assert_int_equal(conns_find(&c, id) != NULL, there);
	}
	assert_true(c.size <= 4096);
	conns_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_hello_and_learns_time_and_seed),
		cmocka_unit_test(throws_the_dice_of_xoshiro256),
		cmocka_unit_test(refuses_another_version),
		cmocka_unit_test(one_turn_is_one_commit_behind_its_output),
		cmocka_unit_test(commits_once_and_says_what_is_still_in_hand),
		cmocka_unit_test(big_output_leaves_in_slices),
		cmocka_unit_test(the_same_events_at_every_cut),
		cmocka_unit_test(
		    messages_in_a_row_come_as_they_would_one_by_one),
		cmocka_unit_test(a_text_ends_with_a_nul_wherever_it_lies),
		cmocka_unit_test(a_frame_larger_than_a_slice_arrives),
		cmocka_unit_test(names_the_message_and_field_that_are_wrong),
		cmocka_unit_test(hears_why_netd_broke_the_link),
		cmocka_unit_test(
		    a_closed_connection_is_forgotten_and_sending_to_it_is_no_error),
		cmocka_unit_test(every_call_is_the_frame_it_should_be),
		cmocka_unit_test(refuses_what_cannot_be_meant),
		cmocka_unit_test(says_goodbye_at_the_end),
		cmocka_unit_test(knows_a_million_connections_that_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
