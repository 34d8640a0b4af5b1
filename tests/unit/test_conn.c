/*
 * test_conn.c - a connection like a file, and every call that waits for an
 * answer: nothing is stolen from the event stream, and nothing from it.
 */
/* links: gamecore/?*.c */
#include "gamecore/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_netd.h"

/* The numbers that the library gives its requests are part of the stream. */
#define REQUEST(n) (OURS | (n))

static void
say_connecting(struct fake *n, uint64_t request, uint64_t conn)
{
	struct ipc_connecting m = { .request = request };

	say_msg(n, IPC_CONNECTING, conn, &m);
}

static void
say_listening(
    struct fake *n, uint64_t request, unsigned listener, const char *text)
{
	char url[] = "line://127.0.0.1:4000", why[100];
	struct ipc_listening m = { .listener = listener,
		.error = *text ? -IPC_ERR_NO_LISTEN : 0,
		.url = url,
		.text = why };

	snprintf(why, sizeof(why), "%s", text);
	say_msg(n, IPC_LISTENING, request, &m);
}

static void
next_is(struct fake *n, enum gc_kind kind, const char *text)
{
	struct gc_event ev;

	assert_int_equal(gc_next(n->net, &ev), 0);
	assert_int_equal(ev.kind, kind);
	assert_string_equal(ev.text, text);
}

/* A game with connection 9 open to somewhere; what it wrote is read. */
static struct gc_conn *
connected(struct fake *n)
{
	struct gc_conn *con;

	fake_ready(n);
	say_connecting(n, REQUEST(1), 9);
	say_opened(n, 9, REQUEST(1), "127.0.0.1:5010");
	tell(n);
	con = gc_connect(n->net, "tcp://127.0.0.1:5010", NULL);
	assert_non_null(con);
	assert_int_equal(gc_conn_id(con), 9);
	assert_string_equal(hear(n),
	    "CONNECT id=9223372036854775809 url=\"tcp://127.0.0.1:5010\"");
	assert_string_equal(hear(n), "COMMIT id=1");
	return con;
}

static void
reads_what_came_and_writes_what_leaves_at_the_next_wait(void **state)
{
	struct gc_conn *con;
	const char *text;
	struct fake n;

	(void)state;
	con = connected(&n);
	say_text(&n, IPC_MESSAGE, 9, "one");
	say_text(&n, IPC_MESSAGE, 9, "");
	say_text(&n, IPC_MESSAGE, 9, "three");
	tell(&n);
	assert_int_equal(gc_write(con, "news?", 5), 0);
	assert_string_equal(hear(&n), "");
	assert_int_equal(gc_read(con, &text, -1), 3);
	assert_string_equal(text, "one");
	assert_string_equal(hear(&n), "SEND id=9 \"news?\"");
	assert_string_equal(hear(&n), "COMMIT id=3");
	assert_int_equal(gc_read(con, &text, -1), 0);
	assert_string_equal(text, "");
	assert_int_equal(gc_read(con, &text, -1), 5);
	assert_string_equal(text, "three");
	gc_disconnect(con);
	assert_int_equal(gc_flush(n.net), 0);
	assert_string_equal(hear(&n), "CLOSE id=9 channel=1");
	fake_release(&n);
}

static void
events_and_messages_of_a_file_never_steal_from_each_other(void **state)
{
	struct gc_conn *con;
	const char *text;
	struct fake n;

	(void)state;
	con = connected(&n);
	say_raw(&n, IPC_NOW, 0, 0, 5000000, NULL, 0);
	say_opened(&n, 10, 0, "a player");
	say_text(&n, IPC_MESSAGE, 10, "of the player");
	say_text(&n, IPC_MESSAGE, 9, "of the file");
	say_text(&n, IPC_MESSAGE, 9, "more of it");
	say_text(&n, IPC_MESSAGE, 10, "and more");
	say_raw(&n, IPC_CLOSED, 0, IPC_REASON_LEFT, 10, "bye", 3);
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	tell(&n);
	assert_int_equal(gc_read(con, &text, -1), 11);
	assert_string_equal(text, "of the file");
	assert_int_equal(gc_now(n.net), 5000000);
	/* Not told of yet. */
	assert_int_equal(gc_conns(n.net), 0);
	next_is(&n, GC_OPEN, "");
	assert_int_equal(gc_conns(n.net), 1);
	assert_int_equal(gc_next_conn(n.net, 0), 10);
	next_is(&n, GC_MESSAGE, "of the player");
	next_is(&n, GC_MESSAGE, "and more");
	next_is(&n, GC_CLOSE, "bye");
	next_is(&n, GC_TICK, "");
	assert_string_equal(text, "of the file"); /* still a view */
	assert_int_equal(gc_read(con, &text, -1), 10);
	assert_string_equal(text, "more of it");
	gc_disconnect(con);
	fake_release(&n);
}

static void
what_is_queued_can_be_read_after_the_end(void **state)
{
	struct gc_conn *con;
	const char *text;
	struct fake n;

	(void)state;
	con = connected(&n);
	say_text(&n, IPC_MESSAGE, 9, "last words");
	say_raw(&n, IPC_CLOSED, 0, IPC_REASON_RESET, 9, "", 0);
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	tell(&n);
	next_is(&n, GC_TICK, "");
	assert_int_equal(gc_write(con, "x", 1), GC_ECLOSED);
	assert_int_equal(gc_read(con, &text, -1), 10);
	assert_string_equal(text, "last words");
	assert_int_equal(gc_read(con, &text, -1), GC_ECLOSED);
	assert_string_equal(gc_problem(n.net), "it is closed: connection lost");
	assert_int_equal(gc_read(con, &text, 100), GC_ECLOSED);
	assert_int_equal(gc_read_now(con, &text), GC_ECLOSED);
	assert_string_equal(hear(&n), "COMMIT id=3");
	gc_disconnect(con);
	assert_int_equal(gc_flush(n.net), 0);
	assert_string_equal(hear(&n), "COMMIT id=6 flags=1");
	fake_release(&n);
}

static void
a_connect_that_fails_says_why(void **state)
{
	unsigned reason = 0;
	struct fake n;

	(void)state;
	fake_ready(&n);
	say_connecting(&n, REQUEST(1), 9);
	say_raw(&n, IPC_CLOSED, IPC_FAILED, IPC_REASON_REFUSED, 9, "", 0);
	say_connecting(&n, REQUEST(2), 10);
	say_raw(&n, IPC_CLOSED, IPC_FAILED, IPC_REASON_BAD_URL, 10,
	    "no such transport: 'x'", 22);
	tell(&n);
	assert_null(gc_connect(n.net, "tcp://127.0.0.1:1", &reason));
	assert_int_equal(reason, GC_REFUSED);
	assert_string_equal(gc_problem(n.net),
	    "cannot connect to 'tcp://127.0.0.1:1': connection refused");
	assert_null(gc_connect(n.net, "x://y", &reason));
	assert_int_equal(reason, GC_BAD_URL);
	assert_string_equal(gc_problem(n.net),
	    "cannot connect to 'x://y': no such transport: 'x'");
	assert_int_equal(n.net->conns.used, 0);
	fake_release(&n);
}

static void
looking_asks_netd_and_its_answer_is_in_the_stream(void **state)
{
	struct gc_conn *con;
	const char *text = "untouched";
	struct fake n;

	(void)state;
	con = connected(&n);
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	say_raw(&n, IPC_ANSWER, 0, 0, REQUEST(2), NULL, 0);
	tell(&n);
	assert_int_equal(gc_read_now(con, &text), GC_ENOTHING);
	assert_string_equal(text, "untouched");
	assert_string_equal(hear(&n), "ASK id=9223372036854775810");
	assert_string_equal(hear(&n), "COMMIT id=3");
	say_text(&n, IPC_MESSAGE, 9, "there");
	say_raw(&n, IPC_ANSWER, 0, 0, REQUEST(3), NULL, 0);
	say_raw(&n, IPC_ANSWER, 0, 0, REQUEST(4), NULL, 0);
	tell(&n);
	assert_int_equal(gc_read_now(con, &text), 5);
	assert_string_equal(text, "there");
	assert_int_equal(gc_read(con, &text, 0), GC_ETIMEOUT);
	next_is(&n, GC_TICK, "");
	gc_disconnect(con);
	fake_release(&n);
}

static void
a_deadline_is_a_timer_of_netd(void **state)
{
	struct gc_conn *con;
	const char *text;
	struct fake n;

	(void)state;
	con = connected(&n);
	say_raw(&n, IPC_TIMER, 0, 1, 2, NULL, 0); /* the game's own */
	say_raw(&n, IPC_TIMER, 0, 1, REQUEST(2), NULL, 0);
	say_text(&n, IPC_MESSAGE, 9, "in time");
	/* The second one was under way when it was stopped. */
	say_raw(&n, IPC_TIMER, 0, 1, REQUEST(3), NULL, 0);
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	tell(&n);
	assert_int_equal(gc_read(con, &text, 250), GC_ETIMEOUT);
	assert_int_equal(gc_read(con, &text, 250), 7);
	assert_string_equal(text, "in time");
	assert_int_equal(gc_flush(n.net), 0);
	assert_string_equal(hear(&n),
	    "TIMER_START id=9223372036854775810 delay_us=250000 repeat_us=0");
	assert_string_equal(hear(&n), "COMMIT id=3");
	assert_string_equal(hear(&n),
	    "TIMER_START id=9223372036854775811 delay_us=250000 repeat_us=0");
	assert_string_equal(hear(&n), "TIMER_STOP id=9223372036854775811");
	next_is(&n, GC_TIMER, "");
	next_is(&n, GC_TICK, "");
	gc_disconnect(con);
	fake_release(&n);
}

static void
a_stop_ends_the_wait_once_and_is_an_event_as_well(void **state)
{
	struct gc_conn *con;
	const char *text;
	struct fake n;

	(void)state;
	con = connected(&n);
	say_raw(&n, IPC_STOP, 0, 0, 10000, NULL, 0);
	say_text(&n, IPC_MESSAGE, 9, "farewell");
	tell(&n);
	assert_int_equal(gc_read(con, &text, -1), GC_ESTOPPED);
	assert_int_equal(gc_read(con, &text, -1), 8);
	next_is(&n, GC_STOP, "");
	/* Told by gc_next() first: no wait need say it again. */
	say_raw(&n, IPC_STOP, 0, 0, 10000, NULL, 0);
	say_text(&n, IPC_MESSAGE, 9, "again");
	tell(&n);
	next_is(&n, GC_STOP, "");
	assert_int_equal(gc_read(con, &text, -1), 5);
	gc_disconnect(con);
	fake_release(&n);
}

static void
a_connect_given_up_is_closed_when_it_stands(void **state)
{
	unsigned reason;
	struct fake n;

	(void)state;
	fake_ready(&n);
	say_raw(&n, IPC_STOP, 0, 0, 10000, NULL, 0);
	tell(&n);
	assert_null(gc_connect(n.net, "tcp://slow", &reason));
	assert_string_equal(gc_problem(n.net), "the game was asked to stop");
	say_connecting(&n, REQUEST(1), 9);
	say_opened(&n, 9, REQUEST(1), "x");
	say_text(&n, IPC_MESSAGE, 9, "to nobody");
	say_raw(&n, IPC_CLOSED, 0, IPC_REASON_LEFT, 9, "", 0);
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	tell(&n);
	next_is(&n, GC_STOP, "");
	next_is(&n, GC_TICK, "");
	assert_int_equal(n.net->conns.used, 0);
	assert_int_equal(gc_flush(n.net), 0);
	assert_string_equal(
	    hear(&n), "CONNECT id=9223372036854775809 url=\"tcp://slow\"");
	assert_string_equal(hear(&n), "COMMIT id=1");
	assert_string_equal(hear(&n), "COMMIT id=2");
	assert_string_equal(hear(&n), "CLOSE id=9 channel=1");
	fake_release(&n);
}

static void
listens_and_says_where_or_why_not(void **state)
{
	struct fake n;

	(void)state;
	fake_ready(&n);
	say_opened(&n, 3, 0, "early");
	say_listening(&n, REQUEST(1), 1, "");
	say_listening(&n, REQUEST(2), 0, "cannot listen on 'x': in use");
	tell(&n);
	assert_int_equal(gc_listen(n.net, "line://127.0.0.1:0"), 1);
	assert_string_equal(gc_listening(n.net, 1), "line://127.0.0.1:4000");
	assert_int_equal(
	    gc_listen(n.net, "line://127.0.0.1:4000"), GC_ENO_LISTEN);
	assert_string_equal(gc_problem(n.net), "cannot listen on 'x': in use");
	next_is(&n, GC_OPEN, "");
	assert_int_equal(gc_unlisten(n.net, 1), 0);
	assert_string_equal(gc_listening(n.net, 1), "");
	assert_int_equal(gc_flush(n.net), 0);
	assert_string_equal(hear(&n),
	    "LISTEN id=9223372036854775809 url=\"line://127.0.0.1:0\"");
	assert_string_equal(hear(&n), "COMMIT id=1");
	assert_string_equal(hear(&n),
	    "LISTEN id=9223372036854775810 url=\"line://127.0.0.1:4000\"");
	assert_string_equal(hear(&n), "UNLISTEN id=1");
	fake_release(&n);
}

static void
asks_who_somebody_is(void **state)
{
	const struct gc_peer *peer;
	struct gc_event ev;
	struct fake n;

	(void)state;
	fake_ready(&n);
	say_opened(&n, 5, 0, "first");
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), 0);
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	say_opened(&n, 5, IPC_REQUEST_INFO, "now");
	say_raw(&n, IPC_ANSWER, 0, 0, 5, NULL, 0);
	/* The second time it has just gone. */
	say_raw(&n, IPC_CLOSED, 0, IPC_REASON_LEFT, 5, "", 0);
	say_raw(&n, IPC_ANSWER, 0, 0, 5, NULL, 0);
	tell(&n);
	assert_int_equal(gc_peer(n.net, 5, &peer), 0);
	assert_string_equal(peer->address, "now");
	assert_string_equal(peer->origin, "");
	assert_int_equal(gc_peer(n.net, 5, &peer), GC_ECLOSED);
	next_is(&n, GC_TICK, "");
	next_is(&n, GC_CLOSE, "");
	assert_int_equal(gc_peer(n.net, 5, &peer), GC_ECLOSED);
	fake_release(&n);
}

static void
the_end_of_netd_ends_every_wait(void **state)
{
	struct gc_conn *con;
	const struct gc_peer *peer;
	const char *text;
	struct gc_event ev;
	struct fake n;

	(void)state;
	con = connected(&n);
	say_text(&n, IPC_MESSAGE, 9, "left over");
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	tell(&n);
	hang_up(&n);
	assert_int_equal(gc_listen(n.net, "x"), GC_ENETD_GONE);
	/* What came before the end is still there. */
	next_is(&n, GC_TICK, "");
	assert_int_equal(gc_next(n.net, &ev), GC_ENETD_GONE);
	assert_int_equal(gc_read(con, &text, -1), 9);
	assert_int_equal(gc_read(con, &text, -1), GC_ENETD_GONE);
	assert_int_equal(gc_read(con, &text, 9), GC_ENETD_GONE);
	assert_int_equal(gc_read_now(con, &text), GC_ENETD_GONE);
	assert_int_equal(gc_write(con, "x", 1), GC_ENETD_GONE);
	assert_int_equal(gc_peer(n.net, 9, &peer), GC_ENETD_GONE);
	assert_null(gc_connect(n.net, "x", NULL));
	assert_string_equal(gc_problem(n.net), "netd is gone");
	gc_disconnect(con);
	fake_release(&n);
}

/* Messages of 1 MiB less their heads, in a thread's place: each is taken
 * before the next is written. */
static void
flood(struct fake *n, uint64_t conn, int times, struct gc_conn *reader)
{
	static char block[IPC_FRAME_MAX - IPC_FRAME_HEAD];
	const char *text;

	for (int i = 0; i < times; i++) {
		say_raw(n, IPC_MESSAGE, 0, 0, conn, block, sizeof(block) / 2);
		say_raw(
		    n, IPC_ANSWER, 0, 0, REQUEST(n->net->numbers + 1), NULL, 0);
		tell(n);
		gc_read_now(reader, &text);
	}
}

static void
a_file_that_nobody_reads_is_closed_and_says_so(void **state)
{
	struct gc_conn *con, *other;
	const char *text, *line;
	int messages = 0, closes = 0;
	ssize_t r;
	struct fake n;

	(void)state;
	con = connected(&n);
	say_connecting(&n, REQUEST(2), 10);
	say_opened(&n, 10, REQUEST(2), "x");
	tell(&n);
	other = gc_connect(n.net, "tcp://other", NULL);
	assert_non_null(other);
	flood(&n, 9, 40, other);
	while ((r = gc_read(con, &text, -1)) > 0)
		messages++;
	assert_int_equal(r, GC_EFULL);
	assert_int_equal(messages, 31);
	assert_int_equal(gc_write(con, "x", 1), GC_ECLOSED);
	assert_int_equal(gc_flush(n.net), 0);
	while (*(line = hear(&n)))
		closes += strcmp(line, "CLOSE id=9 channel=3") == 0;
	assert_int_equal(closes, 1);
	gc_disconnect(con);
	gc_disconnect(other);
	fake_release(&n);
}

static void
events_that_nobody_takes_end_the_wait_and_none_is_lost(void **state)
{
	struct gc_conn *con;
	const char *text;
	struct gc_event ev;
	int events = 0;
	struct fake n;

	(void)state;
	con = connected(&n);
	say_opened(&n, 10, 0, "x");
	tell(&n);
	flood(&n, 10, 33, con);
	assert_int_equal(gc_read(con, &text, -1), GC_EFULL);
	assert_int_equal(gc_read(con, &text, -1), GC_EFULL);
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	tell(&n);
	while (gc_next(n.net, &ev) == 0 && ev.kind != GC_TICK)
		events++;
	assert_int_equal(events, 34);
	say_text(&n, IPC_MESSAGE, 9, "well again");
	tell(&n);
	assert_int_equal(gc_read(con, &text, -1), 10);
	gc_disconnect(con);
	fake_release(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    reads_what_came_and_writes_what_leaves_at_the_next_wait),
		cmocka_unit_test(
		    events_and_messages_of_a_file_never_steal_from_each_other),
		cmocka_unit_test(what_is_queued_can_be_read_after_the_end),
		cmocka_unit_test(a_connect_that_fails_says_why),
		cmocka_unit_test(
		    looking_asks_netd_and_its_answer_is_in_the_stream),
		cmocka_unit_test(a_deadline_is_a_timer_of_netd),
		cmocka_unit_test(
		    a_stop_ends_the_wait_once_and_is_an_event_as_well),
		cmocka_unit_test(a_connect_given_up_is_closed_when_it_stands),
		cmocka_unit_test(listens_and_says_where_or_why_not),
		cmocka_unit_test(asks_who_somebody_is),
		cmocka_unit_test(the_end_of_netd_ends_every_wait),
		cmocka_unit_test(
		    a_file_that_nobody_reads_is_closed_and_says_so),
		cmocka_unit_test(
		    events_that_nobody_takes_end_the_wait_and_none_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
