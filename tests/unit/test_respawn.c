/*
 * test_respawn.c - netd dies under a game, frame by frame: what the game sees
 * of it, what the new netd is told, and what goes on as if nothing had been.
 */
/* links: gamecore/?*.c */
#include "gamecore/core.h"

#include "ipc/control.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "tests/unit/fake_netd.h"

/* The launcher: who asks gets the pipe ends that were made for it, or an end.
 */
static struct {
	int keeper;
	int up, down;    /* the game's; -1: there is no netd any more */
	bool dead_first; /* the first answer is a netd that has died, too */
	pthread_t thread;
} launcher;

/* Answer one that asks. */
static void
answer(int up, int down)
{
	struct ipc_control m;

	if (ipc_control_recv(launcher.keeper, &m) <= 0)
		return;
	assert_int_equal(m.type, IPC_CONTROL_AGAIN);
	assert_int_equal(m.number, getpid());
	if (up >= 0) {
		struct ipc_control answer = { .type = IPC_CONTROL_LINK,
			.fds = { up, down } };

		ipc_control_send(m.fds[0], &answer);
		close(up);
		close(down);
	}
	close(m.fds[0]);
}

static void *
launching(void *none)
{
	int up[2], down[2];

	(void)none;
	if (launcher.dead_first) {
		launcher.dead_first = false;
		if (pipe(up) < 0 || pipe(down) < 0)
			abort();
		close(up[1]);
		close(down[0]);
		answer(up[0], down[1]);
	}
	answer(launcher.up, launcher.down);
	return NULL;
}

/* A game with a launcher, behind its handshake. */
static void
begin(struct fake *n)
{
	int ends[2];

	fake_ready(n);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	launcher.keeper = ends[0];
	n->net->keeper = ends[1];
}

/* netd dies. What is said from here on is the next one's, behind WELCOME. */
static void
die(struct fake *n, bool another)
{
	int up[2], down[2];

	hang_up(n);
	close(n->down);
	launcher.up = launcher.down = n->down = -1;
	if (another) {
		assert_int_equal(pipe(up), 0);
		assert_int_equal(pipe(down), 0);
		fcntl(down[0], F_SETFL, O_NONBLOCK);
		n->up = up[1];
		n->down = down[0];
		launcher.up = up[0];
		launcher.down = down[1];
		ipc_reader_clear(&n->heard);
	}
	assert_int_equal(
	    pthread_create(&launcher.thread, NULL, launching, NULL), 0);
}

static void
say_new_welcome(struct fake *n, uint64_t now_us, uint64_t seed)
{
	char name[] = "netd test";
	struct ipc_welcome m = { .version = IPC_VERSION,
		.frame_max = IPC_FRAME_MAX,
		.seed = seed,
		.now_us = now_us,
		.netd = name };

	say_msg(n, IPC_WELCOME, 0, &m);
}

static void
end(struct fake *n)
{
	close(launcher.keeper);
	close(n->net->keeper);
	fake_release(n);
}

static void
next_is(struct fake *n, enum gc_kind kind, uint64_t conn, const char *text)
{
	struct gc_event ev;

	assert_int_equal(gc_next(n->net, &ev), 0);
	assert_int_equal(ev.kind, kind);
	assert_int_equal(ev.conn, conn);
	assert_string_equal(ev.text, text);
	if (kind == GC_CLOSE)
		assert_int_equal(ev.reason, GC_NETD_GONE);
}

/* HELLO of this game, after it was told of connections up to conn_max. */
static void
hear_hello(struct fake *n, unsigned conn_max)
{
	char line[200];

	snprintf(line, sizeof(line),
	    "HELLO id=0 version=1 frame_max=16777216 conn_max=%u pid=%ld "
	    "game=\"test\"",
	    conn_max, (long)getpid());
	assert_string_equal(hear(n), line);
	assert_string_equal(hear(n), "COMMIT id=0 flags=1");
}

static void
what_was_said_comes_first_then_one_close_each(void **state)
{
	struct gc_event ev;
	int thing;
	struct fake n;

	(void)state;
	begin(&n);
	say_opened(&n, 1, 0, "one");
	say_opened(&n, 2, 0, "two");
	tell(&n);
	next_is(&n, GC_OPEN, 1, "");
	assert_int_equal(gc_bind(n.net, 1, &thing), 0);
	next_is(&n, GC_OPEN, 2, "");
	say_opened(&n, 3, 0, "three");
	say_text(&n, IPC_MESSAGE, 1, "last words");
	say_raw(&n, IPC_CLOSED, 0, IPC_REASON_NETD_GONE, 2, NULL, 0);
	/* Half a frame dies with it. */
	say_text(&n, IPC_MESSAGE, 2, "never");
	n.say.len -= 3;
	tell(&n);
	die(&n, true);
	say_new_welcome(&n, 2000000, 99);
	say_opened(&n, 10, 0, "a new one");
	tell(&n);
	next_is(&n, GC_OPEN, 3, "");
	next_is(&n, GC_MESSAGE, 1, "last words");
	next_is(&n, GC_CLOSE, 2, "");
	/* Of the others in any order. */
	for (unsigned left = 1u << 1 | 1u << 3; left;) {
		assert_int_equal(gc_next(n.net, &ev), 0);
		assert_int_equal(ev.kind, GC_CLOSE);
		assert_int_equal(ev.reason, GC_NETD_GONE);
		assert_true(left & 1u << ev.conn);
		left &= ~(1u << ev.conn);
		assert_ptr_equal(ev.bound, ev.conn == 1 ? &thing : NULL);
	}
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.kind, GC_NOTICE);
	assert_int_equal(ev.count, 3);
	assert_int_equal(gc_conns(n.net), 0);
	next_is(&n, GC_OPEN, 10, "");
	/* Both directions count anew. */
	assert_int_equal(n.net->up_taken, 2);
	hear_hello(&n, 3);
	pthread_join(launcher.thread, NULL);
	end(&n);
}

static void
time_and_dice_go_on(void **state)
{
	uint64_t dice[6], again[6];
	struct gc_event ev;
	struct fake n;

	(void)state;
	for (int with = 0; with < 2; with++) {
		begin(&n);
		say_raw(&n, IPC_NOW, 0, 0, 9000000, NULL, 0);
		say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
		tell(&n);
		assert_int_equal(gc_next(n.net, &ev), 0);
		assert_int_equal(gc_now(n.net), 9000000);
		for (int i = 0; i < 3; i++)
			(with ? again : dice)[i] = gc_random(n.net, 1000);
		if (with) {
			die(&n, true);
			/* Its clock is behind, its seed another. */
			say_new_welcome(&n, 5000000, 1234);
			say_raw(&n, IPC_NOW, 0, 0, 5000250, NULL, 0);
			say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
			tell(&n);
			next_is(&n, GC_NOTICE, 0,
			    "netd died and was started again");
			assert_int_equal(gc_now(n.net), 9000000);
			next_is(&n, GC_TICK, 0, "");
			assert_int_equal(gc_now(n.net), 9000250);
			pthread_join(launcher.thread, NULL);
		}
		for (int i = 3; i < 6; i++)
			(with ? again : dice)[i] = gc_random(n.net, 1000);
		end(&n);
	}
	assert_memory_equal(dice, again, sizeof(dice));
}

/* One story over three netds: it reads better whole. */
static void
the_new_one_is_told_of_ticks_timers_and_listeners(void **state)
{
	char url[] = "line://*:1", text[] = "", late[] = "line://*:2";
	struct ipc_listening m = { .listener = 1, .url = url, .text = text };
	struct fake n;

	(void)state;
	begin(&n);
	say_msg(&n, IPC_LISTENING, OURS | 1, &m);
	say_raw(&n, IPC_NOW, 0, 0, 2000000, NULL, 0);
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	tell(&n);
	assert_int_equal(gc_listen(n.net, url), 1);
	next_is(&n, GC_TICK, 0, "");
	assert_int_equal(gc_tick(n.net, 50), 0);
	assert_int_equal(gc_timer(n.net, 0, 3000, 0), 0);
	assert_int_equal(gc_timer(n.net, 5, 1000, 2000), 0);
	assert_int_equal(gc_timer(n.net, 6, 1000, 0), 0);
	assert_int_equal(gc_timer(n.net, 7, 1000, 0), 0);
	assert_int_equal(gc_timer_stop(n.net, 7), 0);
	say_raw(&n, IPC_NOW, 0, 0, 3000000, NULL, 0);
	say_raw(&n, IPC_TIMER, 0, 1, 5, NULL, 0);
	say_raw(&n, IPC_TIMER, 0, 1, 6, NULL, 0);
	tell(&n);
	next_is(&n, GC_TIMER, 0, "");
	next_is(&n, GC_TIMER, 0, "");
	assert_int_equal(gc_unlisten(n.net, 1), 0);
	die(&n, true);
	/* Half a second went by, and it has given the number again. */
	say_new_welcome(&n, 3500000, 1);
	m.url = late;
	say_msg(&n, IPC_LISTENING, OURS | 2, &m);
	tell(&n);
	/* Asked while netd was dead: asked again. */
	assert_int_equal(gc_listen(n.net, late), 1);
	assert_string_equal(gc_listening(n.net, 1), late);
	pthread_join(launcher.thread, NULL);
	hear_hello(&n, 0);
	assert_int_equal(gc_flush(n.net), 0);
	assert_string_equal(hear(&n), "UNLISTEN id=1");
	assert_string_equal(
	    hear(&n), "LISTEN id=9223372036854775810 url=\"line://*:2\"");
	assert_string_equal(hear(&n), "TICK_START id=50000");
	for (int i = 0; i < 2; i++) {
		const char *line = hear(&n);

		if (strstr(line, "id=5 "))
			assert_string_equal(line,
			    "TIMER_START id=5 delay_us=1500000 "
			    "repeat_us=2000000");
		else
			assert_string_equal(line,
			    "TIMER_START id=0 delay_us=1500000 repeat_us=0");
	}
	/* Both frames that it said are taken. */
	assert_string_equal(hear(&n), "COMMIT id=2 flags=1");
	/* Where a number was closed and is used again, nothing is unlistened.
	 */
	die(&n, true);
	say_new_welcome(&n, 4000000, 1);
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	tell(&n);
	next_is(&n, GC_NOTICE, 0, "netd died and was started again");
	next_is(&n, GC_NOTICE, 0, "netd died and was started again");
	next_is(&n, GC_TICK, 0, "");
	pthread_join(launcher.thread, NULL);
	gc_flush(n.net);
	hear_hello(&n, 0);
	assert_string_equal(hear(&n), "TICK_START id=50000");
	end(&n);
}

static void
what_is_written_meanwhile_goes_nowhere_and_is_no_error(void **state)
{
	char kib[1024] = "";
	struct gc_conn *con;
	struct ipc_connecting m = { .request = OURS | 1 };
	const char *text;
	struct fake n;

	(void)state;
	begin(&n);

	say_msg(&n, IPC_CONNECTING, 9, &m);
	say_opened(&n, 9, OURS | 1, "far");
	say_opened(&n, 10, 0, "near");
	say_text(&n, IPC_MESSAGE, 9, "hello");
	tell(&n);
	con = gc_connect(n.net, "tcp://far:1", NULL);
	assert_non_null(con);
	next_is(&n, GC_OPEN, 10, "");
	die(&n, true);
	say_new_welcome(&n, 2000000, 1);
	tell(&n);
	for (int i = 0; i < 1024; i++) {
		assert_int_equal(gc_send(n.net, 10, kib, sizeof(kib)), 0);
		assert_int_equal(gc_write(con, kib, sizeof(kib)), 0);
	}
	assert_int_equal(gc_flush(n.net), 0);
	assert_int_equal(gc_snapshot(n.net, kib, sizeof(kib)), 0);
	/* What came is read, then its end. */
	assert_int_equal(gc_read(con, &text, -1), 5);
	assert_int_equal(gc_read(con, &text, 1000), GC_ECLOSED);
	assert_int_equal(gc_read_now(con, &text), GC_ECLOSED);
	assert_int_equal(gc_write(con, "?", 1), GC_ECLOSED);
	gc_disconnect(con);
	assert_int_equal(gc_send(n.net, 10, kib, 1), 0);
	next_is(&n, GC_CLOSE, 10, "");
	pthread_join(launcher.thread, NULL);
	end(&n);
}

static void
calls_that_wait_have_an_end(void **state)
{
	const struct gc_peer *peer;
	unsigned reason = 0;
	struct fake n;

	(void)state;
	begin(&n);
	say_opened(&n, 4, 0, "four");
	tell(&n);
	next_is(&n, GC_OPEN, 4, "");
	die(&n, true);
	say_new_welcome(&n, 2000000, 1);
	tell(&n);
	assert_int_equal(gc_peer(n.net, 4, &peer), GC_ECLOSED);
	next_is(&n, GC_CLOSE, 4, "");
	pthread_join(launcher.thread, NULL);
	die(&n, true);
	say_new_welcome(&n, 2000000, 1);
	tell(&n);
	assert_null(gc_connect(n.net, "tcp://far:1", &reason));
	assert_int_equal(reason, GC_NETD_GONE);
	assert_string_equal(gc_problem(n.net),
	    "cannot connect to 'tcp://far:1': the network process died");
	pthread_join(launcher.thread, NULL);
	end(&n);
}

static void
one_that_does_not_come_is_said_for_ever(void **state)
{
	struct gc_event ev;
	struct fake n;

	(void)state;
	begin(&n);
	die(&n, false);
	assert_int_equal(gc_next(n.net, &ev), GC_ENETD_GONE);
	assert_string_equal(gc_problem(n.net), "netd is gone");
	assert_int_equal(gc_next(n.net, &ev), GC_ENETD_GONE);
	assert_int_equal(gc_send_group(n.net, 0, NULL, "x", 1), GC_ENETD_GONE);
	pthread_join(launcher.thread, NULL);
	end(&n);
}

static void
netd_may_die_again_before_it_says_a_word(void **state)
{
	struct fake n;

	(void)state;
	begin(&n);
	say_opened(&n, 4, 0, "four");
	tell(&n);
	next_is(&n, GC_OPEN, 4, "");
	launcher.dead_first = true;
	die(&n, true);
	say_new_welcome(&n, 2000000, 1);
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	tell(&n);
	/* It was told once: no close, and no notice, comes twice. */
	next_is(&n, GC_CLOSE, 4, "");
	next_is(&n, GC_NOTICE, 0, "netd died and was started again");
	next_is(&n, GC_TICK, 0, "");
	pthread_join(launcher.thread, NULL);
	hear_hello(&n, 4);
	end(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_said_comes_first_then_one_close_each),
		cmocka_unit_test(time_and_dice_go_on),
		cmocka_unit_test(
		    the_new_one_is_told_of_ticks_timers_and_listeners),
		cmocka_unit_test(
		    what_is_written_meanwhile_goes_nowhere_and_is_no_error),
		cmocka_unit_test(calls_that_wait_have_an_end),
		cmocka_unit_test(netd_may_die_again_before_it_says_a_word),
		cmocka_unit_test(one_that_does_not_come_is_said_for_ever),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
