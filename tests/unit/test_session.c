/*
 * test_session.c - sessions, with the test as their netd: what the stream
 * says is written beforehand, and each case holds what the sessions made of it
 * against it. The stream ends or stops when there is no more to say, so a
 * session that waits for ever is seen.
 */
/* links: gamecore/?*.c */
#include "gamecore/core.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_netd.h"
#include "tests/unit/story.h"

static struct fake n;
static int64_t now_us;

static int
setup(void **state)
{
	(void)state;
	story[0] = '\0';
	now_us = 1000000;
	fake_ready(&n);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fake_release(&n);
	return 0;
}

static void
say_now(int64_t us)
{
	now_us = us;
	say_raw(&n, IPC_NOW, 0, 0, (uint64_t)us, NULL, 0);
}

static void
say_closed(uint64_t conn)
{
	say_raw(&n, IPC_CLOSED, 0, IPC_REASON_LEFT, conn, NULL, 0);
}

static void
say_stop(void)
{
	say_raw(&n, IPC_STOP, 0, 0, 1000, NULL, 0);
}

/* The library's timer comes: its number is the first that it took. */
static void
say_timer(uint64_t number)
{
	say_raw(&n, IPC_TIMER, 0, 1, number, NULL, 0);
}

/* All frames of the game up to here that begin with word, joined. */
static const char *
heard(const char *word)
{
	static char all[8192];
	const char *line;

	all[0] = '\0';
	while (*(line = hear(&n)))
		if (strncmp(line, word, strlen(word)) == 0) {
			strcat(all, line);
			strcat(all, "\n");
		}
	return all;
}

/* ---- one after the other ------------------------------------------------ */

static int
asks_two_things(struct gc_session *s, void *arg)
{
	char name[16], place[16];
	ssize_t r = gc_ask(s, "name?", name, sizeof(name));

	(void)arg;
	if (r >= 0)
		r = gc_ask(s, "place?", place, sizeof(place));
	if (r < 0) {
		tale("%d", (int)r);
		return (int)r;
	}
	gc_say(s, "%s of %s", name, place);
	tale("%s of %s", name, place);
	return 0;
}

static void
each_player_has_a_function_of_their_own(void **state)
{
	(void)state;
	say_opened(&n, 1, 0, "a");
	say_opened(&n, 2, 0, "b");
	say_text(&n, IPC_MESSAGE, 2, "Bo");
	say_text(&n, IPC_MESSAGE, 1, "Al\r");
	say_text(&n, IPC_MESSAGE, 2, "Bern");
	say_text(&n, IPC_MESSAGE, 1, "Aarau");
	say_closed(1);
	say_closed(2);
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, asks_two_things, NULL), 0);
	assert_string_equal(story, "Bo of Bern|Al of Aarau|");
	gc_flush(n.net);
	assert_string_equal(heard("SEND id=1"),
	    "SEND id=1 \"name?\"\nSEND id=1 \"place?\"\n"
	    "SEND id=1 \"Al of Aarau\"\n");
}

static void
a_player_who_leaves_is_told_after_what_came_before(void **state)
{
	(void)state;
	say_opened(&n, 1, 0, "a");
	say_text(&n, IPC_MESSAGE, 1, "Al");
	say_closed(1);
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, asks_two_things, NULL), 0);
	assert_string_equal(story, "-2|");
	assert_int_equal(gc_sessions(n.net), 0);
	assert_string_equal(heard("LOG"), "");
}

static void
a_stop_is_told_once_and_the_goodbye_goes_out(void **state)
{
	const char *all;

	(void)state;
	say_opened(&n, 1, 0, "a");
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, asks_two_things, NULL), 0);
	assert_string_equal(story, "-4|");
	gc_flush(n.net);
	all = heard("CLOSE");
	assert_string_equal(all, "CLOSE id=1 channel=1\n");
}

static void
the_end_of_netd_ends_every_session(void **state)
{
	(void)state;
	say_opened(&n, 1, 0, "a");
	say_opened(&n, 2, 0, "a");
	tell(&n);
	hang_up(&n);
	assert_int_equal(gc_serve(n.net, asks_two_things, NULL), GC_ENETD_GONE);
	assert_string_equal(story, "-3|-3|");
}

static int
never_ends(struct gc_session *s, void *arg)
{
	const char *text;

	(void)arg;
	while (gc_session_read(s, &text, -1) != 0)
		;
	return 0;
}

static void
a_session_that_goes_on_after_its_end_is_put_away_aloud(void **state)
{
	(void)state;
	say_opened(&n, 1, 0, "a");
	say_closed(1);
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, never_ends, NULL), 0);
	gc_flush(n.net);
	assert_non_null(strstr(heard("LOG"), "session 'player' was put away"));
}

static int
reads_a_long_line(struct gc_session *s, void *arg)
{
	char line[6];
	ssize_t len = gc_readline(s, line, sizeof(line));

	(void)arg;
	tale("%zd %s", len, line);
	return 0;
}

static void
a_line_too_long_is_cut_at_a_whole_character(void **state)
{
	(void)state;
	say_opened(&n, 1, 0, "a");
	say_text(&n, IPC_MESSAGE, 1, "abcd\xc3\xa9x\r\n");
	say_stop();
	tell(&n);
	gc_serve(n.net, reads_a_long_line, NULL);
	assert_string_equal(story, "7 abcd|");
}

/* ---- waiting for several things ----------------------------------------- */

static int
waits_for_all(struct gc_session *s, void *arg)
{
	struct gc_wait w = { .what = GC_FOR_MESSAGE | GC_FOR_TICK |
				     GC_FOR_SIGNAL | GC_FOR_EVENT };
	int r;

	(void)arg;
	while ((r = gc_wait(s, &w, 5000)) > 0 || r == GC_ETIMEOUT)
		switch (r) {
		case GC_FOR_MESSAGE:
			tale("message %s", w.text);
			break;
		case GC_FOR_TICK:
			tale("tick %d", (int)w.count);
			break;
		case GC_FOR_EVENT:
			tale("event %d %u", w.event.kind, w.event.columns);
			break;
		default:
			tale("%d", r);
		}
	tale("%d", r);
	return r;
}

static void
whichever_comes_first_ends_the_wait(void **state)
{
	const uint16_t size[2] = { 80, 24 };

	(void)state;
	say_opened(&n, 1, 0, "a");
	say_raw(&n, IPC_TICK, 0, 0, 2, NULL, 0);
	say_text(&n, IPC_MESSAGE, 1, "hi");
	say_raw(&n, IPC_RESIZED, 0, 0, 1, size, sizeof(size));
	say_now(1000000 + 5000000);
	say_timer(OURS | 1); /* wrong number: the session has taken this one */
	say_timer(OURS | 2);
	say_closed(1);
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, waits_for_all, NULL), 0);
	assert_string_equal(story, "tick 2|message hi|event 13 80|-1|-2|");
}

static int
sleeps(struct gc_session *s, void *arg)
{
	int64_t ms = (int64_t)(intptr_t)arg;
	int r = gc_sleep(s, ms);

	tale("%d after %d", r, (int)ms);
	return r;
}

static int
nobody(struct gc_session *s, void *arg)
{
	(void)s;
	(void)arg;
	return 0;
}

static void
sleepers_wake_in_the_order_of_their_times(void **state)
{
	char *starts;

	(void)state;
	for (int i = 0; i < 5; i++)
		gc_task(n.net, "sleeper", sleeps,
		    (void *)(intptr_t)((i * 3) % 5 * 100 + 100));
	say_now(1000000 + 100000);
	say_now(1000000 + 250000);
	say_now(1000000 + 500000);
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, nobody, NULL), 0);
	assert_string_equal(story,
	    "0 after 100|0 after 200|0 after 300|0 after 400|0 after 500|");
	/* One timer at netd for all, and no more frames than needed. */
	starts = strdup(heard("TIMER_START"));
	assert_non_null(strstr(starts, "delay_us=100000 "));
	free(starts);
}

static void
a_timer_counts_though_a_person_set_the_clock_back(void **state)
{
	(void)state;
	gc_task(n.net, "sleeper", sleeps, (void *)(intptr_t)100);
	say_now(999);
	say_timer(OURS | 2);
	say_stop();
	tell(&n);
	gc_serve(n.net, nobody, NULL);
	assert_string_equal(story, "0 after 100|");
	assert_int_equal(gc_now(n.net), 1100000);
}

/* ---- tasks and each other ----------------------------------------------- */

static uint64_t first_task;

static int
returns(struct gc_session *s, void *arg)
{
	int r = gc_next_tick(s);

	return r < 0 ? r : (int)(intptr_t)arg;
}

static int
awaits(struct gc_session *s, void *arg)
{
	int result = 0, r = gc_await(s, first_task, &result, -1);

	(void)arg;
	tale("%d %d", r, result);
	r = gc_await(s, first_task, &result, -1);
	tale("late %d %d", r, result);
	return 0;
}

static void
a_bad_end_is_told_to_who_awaits_it_also_late(void **state)
{
	(void)state;
	first_task = gc_task(n.net, "bad", returns, (void *)(intptr_t)-6);
	gc_task(n.net, "joiner", awaits, NULL);
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	say_stop();
	tell(&n);
	gc_serve(n.net, nobody, NULL);
	assert_string_equal(story, "0 -6|late 0 -6|");
	gc_flush(n.net);
	assert_string_equal(heard("LOG"), "");
}

static void
a_bad_end_nobody_awaits_is_a_line_in_the_log(void **state)
{
	(void)state;
	gc_task(n.net, "weather", returns, (void *)(intptr_t)-6);
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	say_stop();
	tell(&n);
	gc_serve(n.net, nobody, NULL);
	gc_flush(n.net);
	assert_non_null(strstr(heard("LOG"), "session 'weather' ended badly"));
}

static int
monitors(struct gc_session *s, void *arg)
{
	struct gc_wait w = { .what = GC_FOR_END };
	int r = gc_monitor(s, first_task);

	(void)arg;
	tale("%d", r);
	gc_cancel(gc_session_net(s), first_task);
	r = gc_wait(s, &w, -1);
	tale("%d %d %d", r, w.from == first_task, w.value);
	tale("%d", gc_cancel(gc_session_net(s), first_task));
	return 0;
}

static void
a_cancelled_one_sees_it_where_it_waits_and_its_monitor_its_end(void **state)
{
	(void)state;
	first_task = gc_task(n.net, "a", returns, NULL);
	gc_task(n.net, "b", monitors, NULL);
	say_stop();
	tell(&n);
	gc_serve(n.net, nobody, NULL);
	assert_string_equal(story, "0|8 1 -19|-16|");
}

static int
signalled(struct gc_session *s, void *arg)
{
	struct gc_wait w = { .what = GC_FOR_SIGNAL };

	for (int i = 0; i < 2 && gc_wait(s, &w, -1) > 0; i++)
		tale("%d %s", w.value, (char *)w.thing);
	(void)arg;
	return 0;
}

static int
signals(struct gc_session *s, void *arg)
{
	static char thing[] = "thing";
	struct gc_net *net = gc_session_net(s);

	(void)arg;
	gc_signal(net, first_task, 7, thing);
	gc_signal(net, first_task, 8, thing);
	gc_sleep(s, 1);
	tale("%d", gc_signal(net, first_task, 9, thing));
	return 0;
}

static void
signals_come_in_order_and_not_to_the_dead(void **state)
{
	(void)state;
	first_task = gc_task(n.net, "a", signalled, NULL);
	gc_task(n.net, "b", signals, NULL);
	say_now(2000000);
	say_stop();
	tell(&n);
	gc_serve(n.net, nobody, NULL);
	assert_string_equal(story, "7 thing|8 thing|-16|");
}

static struct gc_condition *condition;
static struct gc_channel *channel;

static int
waits_for_condition(struct gc_session *s, void *arg)
{
	int r = gc_condition_wait(s, condition, -1);

	tale("%s %d", (char *)arg, r);
	return 0;
}

static int
notifies(struct gc_session *s, void *arg)
{
	(void)arg;
	gc_next_tick(s);
	gc_notify_all(condition);
	tale("notified");
	return 0;
}

static void
a_condition_wakes_all_who_wait(void **state)
{
	static char a[] = "a", b[] = "b";

	(void)state;
	condition = gc_condition_new(n.net);
	gc_task(n.net, "n", notifies, NULL);
	gc_task(n.net, "a", waits_for_condition, a);
	gc_task(n.net, "b", waits_for_condition, b);
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	say_stop();
	tell(&n);
	gc_serve(n.net, nobody, NULL);
	assert_string_equal(story, "notified|a 0|b 0|");
	gc_condition_free(condition);
}

static int
frees_condition(struct gc_session *s, void *arg)
{
	(void)arg;
	gc_next_tick(s);
	gc_notify_all(condition);
	gc_condition_free(condition);
	gc_channel_free(channel);
	return 0;
}

static int
takes_one(struct gc_session *s, void *arg)
{
	void *thing;

	(void)arg;
	tale("take %d", gc_channel_take(s, channel, &thing, -1));
	return 0;
}

static void
who_waits_for_what_is_freed_is_told(void **state)
{
	static char a[] = "a";

	(void)state;
	condition = gc_condition_new(n.net);
	channel = gc_channel_new(n.net, 3);
	gc_task(n.net, "f", frees_condition, NULL);
	gc_task(n.net, "a", waits_for_condition, a);
	gc_task(n.net, "b", takes_one, NULL);
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	say_stop();
	tell(&n);
	gc_serve(n.net, nobody, NULL);
	assert_string_equal(story, "a -2|take -2|");
}

static int
puts_ten(struct gc_session *s, void *arg)
{
	(void)arg;
	for (intptr_t i = 1; i <= 10; i++)
		if (gc_channel_put(s, channel, (void *)i, -1) < 0)
			tale("put failed");
	gc_channel_close(channel);
	return 0;
}

static int
takes_all(struct gc_session *s, void *arg)
{
	void *thing;
	int r;

	while ((r = gc_channel_take(s, channel, &thing, -1)) == 0)
		tale("%s%d", (char *)arg, (int)(intptr_t)thing);
	tale("%s %d", (char *)arg, r);
	return 0;
}

static void
a_channel_brings_everything_once_and_holds_back_who_is_too_fast(void **state)
{
	static char a[] = "a", b[] = "b";

	(void)state;
	channel = gc_channel_new(n.net, 3);
	gc_task(n.net, "p", puts_ten, NULL);
	gc_task(n.net, "a", takes_all, a);
	gc_task(n.net, "b", takes_all, b);
	say_stop();
	tell(&n);
	gc_serve(n.net, nobody, NULL);
	for (int i = 1; i <= 10; i++) {
		char by_a[16], by_b[16];

		snprintf(by_a, sizeof(by_a), "a%d|", i);
		snprintf(by_b, sizeof(by_b), "b%d|", i);
		assert_true(!strstr(story, by_a) != !strstr(story, by_b));
	}
	assert_non_null(strstr(story, "a -2|"));
	assert_non_null(strstr(story, "b -2|"));
	gc_channel_free(channel);
}

/* ---- engines ------------------------------------------------------------ */

static int
lobby(struct gc_session *s, void *arg)
{
	const char *text;

	(void)arg;
	while (gc_session_read(s, &text, -1) >= 0) {
		tale("lobby %s", text);
		if (strcmp(text, "go") == 0)
			gc_serve_end(gc_session_net(s), 5);
	}
	return 0;
}

static int
moves_on(struct gc_session *s, void *arg)
{
	const char *text;

	(void)arg;
	gc_session_read(s, &text, -1);
	tale("first %s", text);
	gc_serve_end(gc_session_net(s), 2);
	return 1;
}

static int
second(struct gc_session *s, void *arg)
{
	const char *text;

	(void)arg;
	while (gc_session_read(s, &text, -1) >= 0)
		tale("second %s", text);
	return 0;
}

static void
an_engine_that_was_left_goes_on_where_it_stood(void **state)
{
	struct gc_event ev;

	(void)state;
	say_opened(&n, 1, 0, "a");
	say_text(&n, IPC_MESSAGE, 1, "one");
	say_text(&n, IPC_MESSAGE, 1, "go");
	say_text(&n, IPC_MESSAGE, 1, "two");
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	say_text(&n, IPC_MESSAGE, 1, "three");
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, lobby, NULL), 5);
	/* A loop between: it sees the tick and nothing of the player's. */
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.kind, GC_TICK);
	assert_string_equal(story, "lobby one|lobby go|");
	assert_int_equal(gc_serve(n.net, lobby, NULL), 0);
	assert_string_equal(story, "lobby one|lobby go|lobby two|lobby three|");
}

static void
a_player_goes_from_one_engine_to_the_next_and_loses_nothing(void **state)
{
	(void)state;
	say_opened(&n, 1, 0, "a");
	say_text(&n, IPC_MESSAGE, 1, "one");
	say_text(&n, IPC_MESSAGE, 1, "two");
	say_text(&n, IPC_MESSAGE, 1, "three");
	say_closed(1);
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, moves_on, NULL), 2);
	assert_int_equal(gc_serve(n.net, second, NULL), 0);
	assert_string_equal(story, "first one|second two|second three|");
}

static int
nests(struct gc_session *s, void *arg)
{
	struct gc_net *net = gc_session_net(s);
	const char *text;
	int r;

	(void)arg;
	gc_task(net, "inner", returns, NULL);
	r = gc_serve(net, moves_on, NULL);
	tale("inner %d", r);
	if (gc_session_read(s, &text, 0) >= 0)
		tale("outer %s", text);
	return 0;
}

static void
engines_nest(void **state)
{
	(void)state;
	say_opened(&n, 1, 0, "a");
	say_text(&n, IPC_MESSAGE, 1, "mine");
	say_opened(&n, 2, 0, "b");
	say_text(&n, IPC_MESSAGE, 2, "yours");
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, nests, NULL), 0);
	assert_string_equal(story, "first yours|inner 2|outer mine|");
}

static void
connections_of_a_loop_before_become_sessions(void **state)
{
	struct gc_event ev;

	(void)state;
	say_opened(&n, 1, 0, "a");
	say_opened(&n, 2, 0, "b");
	say_text(&n, IPC_MESSAGE, 2, "x");
	say_stop();
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(gc_serve(n.net, second, NULL), 0);
	assert_string_equal(story, "second x|");
}

/* A call on the stream makes its session wait, and no other. */
static int
looks_up_peer(struct gc_session *s, void *arg)
{
	const struct gc_peer *peer;
	const char *text;

	(void)arg;
	if (gc_session_read(s, &text, -1) < 0)
		return 0;
	tale("%s", text);
	if (strcmp(text, "who") == 0 &&
	    gc_peer(gc_session_net(s), gc_session_conn(s), &peer) == 0)
		tale("is %s", peer->address);
	return 0;
}

static void
a_call_that_asks_netd_lets_the_others_go_on(void **state)
{
	(void)state;
	say_opened(&n, 1, 0, "a");
	say_opened(&n, 2, 0, "b");
	say_text(&n, IPC_MESSAGE, 1, "who");
	say_text(&n, IPC_MESSAGE, 2, "meanwhile");
	say_opened(&n, 1, IPC_REQUEST_INFO, "10.0.0.1:5");
	say_raw(&n, IPC_ANSWER, 0, 0, 1, NULL, 0);
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, looks_up_peer, NULL), 0);
	assert_string_equal(story, "who|meanwhile|is 10.0.0.1:5|");
}

static int
calls_next(struct gc_session *s, void *arg)
{
	struct gc_event ev;

	(void)arg;
	tale("%d", gc_next(gc_session_net(s), &ev));
	return 0;
}

static void
gc_next_is_not_for_sessions(void **state)
{
	(void)state;
	gc_task(n.net, "t", calls_next, NULL);
	say_stop();
	tell(&n);
	gc_serve(n.net, nobody, NULL);
	assert_string_equal(story, "-6|");
}

/* ---- later -------------------------------------------------------------- */

static void
next_due(const char *expect)
{
	struct gc_event ev;

	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.kind, GC_DUE);
	assert_string_equal(ev.bound, expect);
	tale("%s %d", expect, (int)ev.count);
}

static void
things_are_due_in_order_and_repeat_and_stop_by_owner(void **state)
{
	static char a[] = "a", b[] = "b", c[] = "c";
	struct gc_event ev;
	uint64_t number;

	(void)state;
	gc_later(n.net, 7, 300, 0, c);
	gc_later(n.net, 8, 100, 100, a);
	number = gc_later(n.net, 7, 100, 0, b);
	for (int i = 0; i < 5; i++)
		gc_later(n.net, 9, 50 + i, 10, c);
	assert_int_equal(gc_later_stop_all(n.net, 9), 5);
	assert_int_equal(gc_later_stop_all(n.net, 9), 0);
	say_now(1100000);
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	say_now(1450000);
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	tell(&n);
	next_due("a");
	next_due("b");
	assert_int_equal(gc_later_stop(n.net, number), GC_ENOTHING);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.kind, GC_TICK);
	next_due("a"); /* due at 1.2, 1.3 and 1.4 s */
	next_due("c");
	assert_string_equal(story, "a 1|b 1|a 3|c 1|");
	assert_int_equal(gc_later_stop_all(n.net, 8), 1);
	assert_int_equal(gc_later(n.net, 1, -1, 0, NULL), 0);
}

static int
compare(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

	return a < b ? -1 : a > b;
}

static void
many_thousand_are_due_in_the_order_of_a_sort(void **state)
{
	enum { N = 20000 };
	int64_t *due = calloc(N, sizeof(*due));
	uint64_t *numbers = calloc(N, sizeof(*numbers));
	size_t left = 0;
	struct gc_event ev;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		due[i] = 1 + (int64_t)gc_random(n.net, 100000);
		numbers[i] = gc_later(
		    n.net, 1 + i % 100, due[i], 0, (void *)(intptr_t)due[i]);
		assert_int_not_equal(numbers[i], 0);
	}
	/* Every third is taken back. */
	for (size_t i = 0; i < N; i++)
		if (i % 3 == 0)
			assert_int_equal(gc_later_stop(n.net, numbers[i]), 0);
		else
			due[left++] = due[i];
	qsort(due, left, sizeof(*due), compare);
	say_now(1000000 + 200000000);
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), 0); /* the tick moves the clock */
	for (size_t i = 0; i < left; i++) {
		assert_int_equal(
		    ev.kind == GC_TICK ? gc_next(n.net, &ev) : 0, 0);
		assert_int_equal(ev.kind, GC_DUE);
		assert_int_equal((intptr_t)ev.bound, due[i]);
		if (i + 1 < left)
			assert_int_equal(gc_next(n.net, &ev), 0);
	}
	free(due);
	free(numbers);
}

static int
guard(struct gc_session *s, void *arg)
{
	static char wake[] = "wakes";
	struct gc_wait w = { .what = GC_FOR_DUE };
	struct gc_net *net = gc_session_net(s);

	(void)arg;
	gc_later(net, gc_session_number(s), 40000, 0, wake);
	gc_later(net, gc_session_number(s), 90000, 0, wake);
	if (gc_wait(s, &w, -1) == GC_FOR_DUE)
		tale("the sleepy guard %s", (char *)w.thing);
	return 0;
}

static void
a_sessions_own_things_come_to_it_and_end_with_it(void **state)
{
	struct gc_event ev;

	(void)state;
	gc_task(n.net, "guard", guard, NULL);
	say_now(1000000 + 40000000);
	say_now(1000000 + 90000000);
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, nobody, NULL), 0);
	assert_string_equal(story, "the sleepy guard wakes|");
	hang_up(&n);
	assert_int_equal(gc_next(n.net, &ev), GC_ENETD_GONE);
}

/* ---- rooms -------------------------------------------------------------- */

static struct gc_room *room;

static int
visits(struct gc_session *s, void *arg)
{
	const char *text;
	int r = gc_room_enter(room, s);

	(void)arg;
	tale("enter %d of %zu", r, gc_room_members(room));
	if (r == 0)
		gc_room_say(room, s, "%s comes", gc_session_name(s));
	while (gc_session_read(s, &text, -1) >= 0)
		;
	return 0;
}

static void
a_room_has_a_capacity_a_lock_and_forgets_who_left(void **state)
{
	struct gc_session *s;

	(void)state;
	room = gc_room_new(n.net, "cellar", 2, NULL);
	say_opened(&n, 1, 0, "a");
	say_opened(&n, 2, 0, "b");
	say_opened(&n, 3, 0, "c");
	say_closed(1);
	say_opened(&n, 4, 0, "d");
	say_closed(2);
	tell(&n);
	hang_up(&n);
	assert_int_equal(gc_serve(n.net, visits, NULL), GC_ENETD_GONE);
	assert_string_equal(
	    story, "enter 0 of 1|enter 0 of 2|enter -12 of 2|enter 0 of 2|");
	assert_int_equal(gc_room_members(room), 0);
	s = gc_room_next(room, NULL);
	assert_null(s);
	gc_room_free(room);
}

static int
room_clock(struct gc_session *s, void *arg)
{
	int r;

	(void)arg;
	while ((r = gc_room_next_tick(s, room)) > 0)
		tale("tick %d for %zu", r, gc_room_members(room));
	tale("%d", r);
	return 0;
}

static void
a_rooms_tick_runs_while_somebody_is_inside(void **state)
{
	(void)state;
	room = gc_room_new(n.net, "cellar", 0, NULL);
	assert_int_equal(gc_room_tick(room, 100), 0);
	gc_task(n.net, "clock", room_clock, NULL);
	say_now(2000000);
	say_now(3000000);
	say_opened(&n, 1, 0, "a");
	say_now(3100000);
	say_now(3300000);
	say_closed(1);
	say_now(9000000);
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, visits, NULL), 0);
	assert_string_equal(
	    story, "enter 0 of 1|tick 1 for 1|tick 2 for 1|-4|");
	gc_room_free(room);
}

/* ---- taking over --------------------------------------------------------- */

static uint64_t hero;

static int
character(struct gc_session *s, void *arg)
{
	const char *text;
	ssize_t r;

	(void)arg;
	if (hero && gc_session_read(s, &text, -1) >= 0) {
		tale("give %d", gc_session_give(s, hero));
		return 0;
	}
	hero = gc_session_number(s);
	do {
		while ((r = gc_session_read(s, &text, -1)) >= 0)
			tale("hero %s", text);
		tale("%d", (int)r);
		if (r == GC_ECLOSED) /* link-dead: wait for the next login */
			gc_session_detach(s);
	} while (r == GC_ECLOSED);
	return 0;
}

static void
a_second_login_takes_over_a_link_dead_character(void **state)
{
	(void)state;
	hero = 0;
	say_opened(&n, 1, 0, "a");
	say_text(&n, IPC_MESSAGE, 1, "one");
	say_closed(1);
	say_opened(&n, 2, 0, "b");
	say_text(&n, IPC_MESSAGE, 2, "password");
	say_text(&n, IPC_MESSAGE, 2, "two");
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, character, NULL), 0);
	assert_string_equal(story, "hero one|-2|give 0|hero two|-4|");
}

/* ---- limits and stacks --------------------------------------------------- */

static void
who_comes_to_a_full_game_is_told(void **state)
{
	struct gc_session_limits few = { .sessions_max = 1 };

	(void)state;
	assert_int_equal(gc_session_limits(n.net, &few), 0);
	say_opened(&n, 1, 0, "a");
	say_opened(&n, 2, 0, "b");
	say_text(&n, IPC_MESSAGE, 2, "hello?");
	say_closed(2);
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, asks_two_things, NULL), 0);
	assert_int_equal(gc_session_limits(n.net, &few), GC_EINVALID);
	gc_flush(n.net);
	assert_non_null(strstr(heard("CLOSE id=2"), "the game is full"));
}

static int
sleeps_long(struct gc_session *s, void *arg)
{
	(void)arg;
	return gc_sleep(s, 1000000);
}

static void
a_player_who_fills_the_mailbox_is_closed(void **state)
{
	struct gc_session_limits small = { .mailbox_bytes = 1000 };
	char text[200];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(gc_session_limits(n.net, &small), 0);
	say_opened(&n, 1, 0, "a");
	for (int i = 0; i < 20; i++)
		say_raw(&n, IPC_MESSAGE, 0, 0, 1, text, sizeof(text));
	say_stop();
	tell(&n);
	gc_serve(n.net, sleeps_long, NULL);
	gc_flush(n.net);
	assert_non_null(strstr(heard("CLOSE id=1 channel=14"), "too much"));
}

static int
counts(struct gc_session *s, void *arg)
{
	double third = 1.0 / 3;
	unsigned *n_woken = arg;

	while (gc_next_tick(s) > 0)
		++*n_woken;
	return third * 3 == 1.0 ? 0 : -6;
}

static void
ten_thousand_are_fine(void **state)
{
	enum { N = 10000 };
	static unsigned woken;

	(void)state;
	woken = 0;
	for (int i = 0; i < N; i++)
		assert_int_not_equal(gc_task(n.net, "t", counts, &woken), 0);
	for (int i = 0; i < 3; i++)
		say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, nobody, NULL), 0);
	assert_int_equal(woken, 3 * N);
	assert_int_equal(gc_sessions(n.net), 0);
}

static void
a_game_that_closes_with_sessions_standing_leaks_nothing(void **state)
{
	(void)state;
	say_opened(&n, 1, 0, "a");
	say_text(&n, IPC_MESSAGE, 1, "go");
	say_text(&n, IPC_MESSAGE, 1, "unread");
	tell(&n);
	assert_int_equal(gc_serve(n.net, lobby, NULL), 5);
	gc_later(n.net, 3, 100, 0, NULL);
	assert_int_equal(gc_sessions(n.net), 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(each_player_has_a_function_of_their_own),
		CASE(a_player_who_leaves_is_told_after_what_came_before),
		CASE(a_stop_is_told_once_and_the_goodbye_goes_out),
		CASE(the_end_of_netd_ends_every_session),
		CASE(a_session_that_goes_on_after_its_end_is_put_away_aloud),
		CASE(a_line_too_long_is_cut_at_a_whole_character),
		CASE(whichever_comes_first_ends_the_wait),
		CASE(sleepers_wake_in_the_order_of_their_times),
		CASE(a_timer_counts_though_a_person_set_the_clock_back),
		CASE(a_bad_end_is_told_to_who_awaits_it_also_late),
		CASE(a_bad_end_nobody_awaits_is_a_line_in_the_log),
		CASE(
		    a_cancelled_one_sees_it_where_it_waits_and_its_monitor_its_end),
		CASE(signals_come_in_order_and_not_to_the_dead),
		CASE(a_condition_wakes_all_who_wait),
		CASE(who_waits_for_what_is_freed_is_told),
		CASE(
		    a_channel_brings_everything_once_and_holds_back_who_is_too_fast),
		CASE(an_engine_that_was_left_goes_on_where_it_stood),
		CASE(
		    a_player_goes_from_one_engine_to_the_next_and_loses_nothing),
		CASE(engines_nest),
		CASE(connections_of_a_loop_before_become_sessions),
		CASE(a_call_that_asks_netd_lets_the_others_go_on),
		CASE(gc_next_is_not_for_sessions),
		CASE(things_are_due_in_order_and_repeat_and_stop_by_owner),
		CASE(many_thousand_are_due_in_the_order_of_a_sort),
		CASE(a_sessions_own_things_come_to_it_and_end_with_it),
		CASE(a_room_has_a_capacity_a_lock_and_forgets_who_left),
		CASE(a_rooms_tick_runs_while_somebody_is_inside),
		CASE(a_second_login_takes_over_a_link_dead_character),
		CASE(who_comes_to_a_full_game_is_told),
		CASE(a_player_who_fills_the_mailbox_is_closed),
		CASE(ten_thousand_are_fine),
		CASE(a_game_that_closes_with_sessions_standing_leaks_nothing),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
