/*
 * test_room.c - rooms and nested engines, with the test as their netd: who is
 * inside, who may come in, whose tick runs; and that nothing of the one stream
 * is lost between engines, however deep they stand in each other.
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

static int
setup(void **state)
{
	(void)state;
	story[0] = '\0';
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
	say_raw(&n, IPC_NOW, 0, 0, (uint64_t)us, NULL, 0);
}

static void
say_stop(void)
{
	say_raw(&n, IPC_STOP, 0, 0, 1000, NULL, 0);
}

/* What the game told netd of who is in which group: "+1 -1 +2 ". */
static const char *
memberships(void)
{
	static char all[4096];
	const char *line;
	unsigned conn;

	all[0] = '\0';
	while (*(line = hear(&n))) {
		size_t at = strlen(all);

		if (sscanf(line, "JOIN id=%u", &conn) == 1)
			snprintf(all + at, sizeof(all) - at, "+%u ", conn);
		else if (sscanf(line, "LEAVE id=%u", &conn) == 1)
			snprintf(all + at, sizeof(all) - at, "-%u ", conn);
	}
	return all;
}

/* ---- rooms ----------------------------------------------------------------
 */

static struct gc_room *rooms[3];

static void
print_members(const struct gc_room *r)
{
	size_t seen = 0;

	for (struct gc_session *s = gc_room_next(r, NULL); s;
	     s = gc_room_next(r, s), seen++)
		tale("%s", gc_session_name(s));
	assert_int_equal(seen, gc_room_members(r));
}

/* Goes where its player says: "0" to "2", "out", "lock", "open", "who". */
static int
walks(struct gc_session *s, void *arg)
{
	char line[32];

	(void)arg;
	gc_readline(s, line, sizeof(line));
	gc_session_set_name(s, line);
	while (gc_readline(s, line, sizeof(line)) >= 0) {
		struct gc_room *r = gc_room_of(s);

		if (line[0] >= '0' && line[0] <= '2')
			tale("%s %s: %d", gc_session_name(s), line,
			    gc_room_enter(rooms[line[0] - '0'], s));
		else if (strcmp(line, "out") == 0)
			gc_room_leave(s);
		else if (strcmp(line, "lock") == 0)
			gc_room_lock(r, true);
		else if (strcmp(line, "open") == 0)
			gc_room_lock(r, false);
		else if (strcmp(line, "who") == 0)
			print_members(r);
	}
	return 0;
}

static void
build(size_t capacity)
{
	for (int i = 0; i < 3; i++) {
		rooms[i] = gc_room_new(n.net, "room", capacity, &rooms[i]);
		assert_non_null(rooms[i]);
		assert_ptr_equal(gc_room_thing(rooms[i]), &rooms[i]);
	}
}

static void
serve_walks(void)
{
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, walks, NULL), 0);
	gc_flush(n.net);
}

static void
tear_down(void)
{
	for (int i = 0; i < 3; i++)
		gc_room_free(rooms[i]);
}

static void
players(const char *const *names)
{
	for (unsigned i = 1; *names; names++, i++) {
		say_opened(&n, i, 0, "x");
		say_text(&n, IPC_MESSAGE, i, *names);
	}
}

static void
one_is_in_one_room_at_a_time_and_netd_knows_which(void **state)
{
	static const char *const names[] = { "a", "b", NULL };

	(void)state;
	build(0);
	players(names);
	say_text(&n, IPC_MESSAGE, 1, "0");
	say_text(&n, IPC_MESSAGE, 2, "0");
	say_text(&n, IPC_MESSAGE, 1, "0");
	say_text(&n, IPC_MESSAGE, 1, "1");
	say_text(&n, IPC_MESSAGE, 2, "who");
	say_text(&n, IPC_MESSAGE, 1, "who");
	say_text(&n, IPC_MESSAGE, 1, "out");
	say_text(&n, IPC_MESSAGE, 1, "out");
	serve_walks();
	assert_string_equal(story, "a 0: 0|b 0: 0|a 0: 0|a 1: 0|b|a|");
	/* The last of them by its session's end. */
	assert_string_equal(memberships(), "+1 +2 -1 +1 -1 -2 ");
	tear_down();
}

static void
a_full_or_locked_room_leaves_one_where_one_was(void **state)
{
	static const char *const names[] = { "a", "b", "c", NULL };

	(void)state;
	build(2);
	players(names);
	say_text(&n, IPC_MESSAGE, 1, "0");
	say_text(&n, IPC_MESSAGE, 2, "0");
	say_text(&n, IPC_MESSAGE, 3, "1");
	say_text(&n, IPC_MESSAGE, 3, "0");
	say_text(&n, IPC_MESSAGE, 3, "who");
	say_text(&n, IPC_MESSAGE, 2, "out");
	say_text(&n, IPC_MESSAGE, 1, "lock");
	say_text(&n, IPC_MESSAGE, 3, "0");
	say_text(&n, IPC_MESSAGE, 3, "who");
	/* Whoever is inside stays, and can leave. */
	say_text(&n, IPC_MESSAGE, 1, "0");
	say_text(&n, IPC_MESSAGE, 1, "open");
	say_text(&n, IPC_MESSAGE, 3, "0");
	say_text(&n, IPC_MESSAGE, 3, "who");
	serve_walks();
	assert_string_equal(story, "a 0: 0|b 0: 0|c 1: 0|c 0: -12|c|c 0: -2|c|"
				   "a 0: 0|c 0: 0|a|c|");
	tear_down();
}

/* Everybody of one room into the next, and the odd ones home. */
static int
moves_all(struct gc_session *me, void *arg)
{
	struct gc_session *s = gc_room_next(rooms[0], NULL), *next;

	(void)arg;
	for (unsigned i = 0; s; s = next, i++) {
		next = gc_room_next(rooms[0], s);
		if (i % 2)
			gc_room_leave(s);
		else
			gc_room_enter(rooms[1], s);
	}
	assert_int_equal(gc_room_members(rooms[0]), 0);
	print_members(rooms[1]);
	return gc_session_name(me)[0] == '!';
}

static int
goes_in(struct gc_session *s, void *arg)
{
	char line[32];

	(void)arg;
	gc_readline(s, line, sizeof(line));
	gc_session_set_name(s, line);
	gc_room_enter(rooms[0], s);
	if (strcmp(line, "e") == 0)
		gc_task(gc_session_net(s), "mover", moves_all, NULL);
	while (gc_readline(s, line, sizeof(line)) >= 0)
		continue;
	return 0;
}

static void
a_walk_may_send_out_and_move_whom_it_meets(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", NULL };

	(void)state;
	build(0);
	players(names);
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, goes_in, NULL), 0);
	assert_string_equal(story, "a|c|e|");
	tear_down();
}

/* ---- a room of one's own ---------------------------------------------------
 */

#define MANY 300

static unsigned ticks[MANY + 1];

/* Each player has a room with a tick of its own; even ones walk out of it. */
static int
at_home(struct gc_session *s, void *arg)
{
	struct gc_room *own = gc_room_new(gc_session_net(s), "own", 1, s);
	uint64_t me = gc_session_conn(s);
	struct gc_wait w = { .what = GC_FOR_ROOM_TICK | GC_FOR_MESSAGE,
		.room = own };
	int r;

	(void)arg;
	assert_int_equal(gc_room_tick(own, 100), 0);
	assert_int_equal(gc_room_enter(own, s), 0);
	while ((r = gc_wait(s, &w, -1)) > 0) {
		if (r == GC_FOR_ROOM_TICK)
			ticks[me] += (unsigned)w.count;
		else
			gc_room_leave(s);
	}
	gc_room_free(own);
	return 0;
}

static void
everybody_may_have_a_room_whose_tick_runs_while_they_are_in(void **state)
{
	(void)state;
	memset(ticks, 0, sizeof(ticks));
	say_now(2000000);
	for (unsigned i = 1; i <= MANY; i++)
		say_opened(&n, i, 0, "x");
	say_now(2150000);
	for (unsigned i = 2; i <= MANY; i += 2)
		say_text(&n, IPC_MESSAGE, i, "out");
	say_now(3050000);
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, at_home, NULL), 0);
	for (unsigned i = 1; i <= MANY; i++)
		assert_int_equal(ticks[i], i % 2 ? 10 : 1);
}

static int
frees(struct gc_session *s, void *arg)
{
	(void)s;
	(void)arg;
	gc_room_free(rooms[0]);
	return 0;
}

static int
waits_inside(struct gc_session *s, void *arg)
{
	(void)arg;
	gc_room_enter(rooms[0], s);
	gc_task(gc_session_net(s), "frees", frees, NULL);
	tale("%d", gc_room_next_tick(s, rooms[0]));
	tale("%s", gc_room_of(s) ? "inside" : "nowhere");
	return 0;
}

static void
who_is_in_a_room_that_is_freed_is_nowhere(void **state)
{
	(void)state;
	build(0);
	gc_room_tick(rooms[0], 1000);
	say_opened(&n, 1, 0, "x");
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, waits_inside, NULL), 0);
	assert_string_equal(story, "-2|nowhere|");
	gc_room_free(rooms[1]);
	gc_room_free(rooms[2]);
}

/* ---- engines in engines ----------------------------------------------------
 */

static int game(struct gc_session *s, void *arg);
static int levels[4] = { 0, 1, 2, 3 };

/* The messages of one player in a row; "in" plays a game inside of this one,
 * "end" ends this one with its level as its value. */
static int
game(struct gc_session *s, void *arg)
{
	int level = *(int *)arg;
	struct gc_net *net = gc_session_net(s);
	const char *text;
	char kept[32];

	while (gc_session_read(s, &text, -1) >= 0) {
		snprintf(kept, sizeof(kept), "%s", text);
		tale("%d.%d %s", level, (int)gc_session_conn(s), kept);
		if (strcmp(kept, "in") == 0 && level < 3)
			tale("%d.%d has %d", level, (int)gc_session_conn(s),
			    gc_serve(net, game, &levels[level + 1]));
		else if (strcmp(kept, "end") == 0)
			gc_serve_end(net, level);
	}
	return 0;
}

static void
engines_nest_three_deep_and_lose_nothing_of_any_player(void **state)
{
	(void)state;
	say_opened(&n, 1, 0, "x");
	say_text(&n, IPC_MESSAGE, 1, "a");
	say_text(&n, IPC_MESSAGE, 1, "in");
	/* For the outermost, which stands. */
	say_text(&n, IPC_MESSAGE, 1, "b");
	say_opened(&n, 2, 0, "y");
	say_text(&n, IPC_MESSAGE, 2, "c");
	say_text(&n, IPC_MESSAGE, 2, "in");
	say_text(&n, IPC_MESSAGE, 2, "d");
	say_text(&n, IPC_MESSAGE, 1, "e");
	say_opened(&n, 3, 0, "z");
	say_text(&n, IPC_MESSAGE, 3, "in");
	say_text(&n, IPC_MESSAGE, 1, "f");
	say_opened(&n, 4, 0, "w");
	say_text(&n, IPC_MESSAGE, 4, "g");
	say_text(&n, IPC_MESSAGE, 3, "h");
	say_text(&n, IPC_MESSAGE, 4, "end");
	say_text(&n, IPC_MESSAGE, 4, "i");
	say_text(&n, IPC_MESSAGE, 3, "end");
	say_text(&n, IPC_MESSAGE, 2, "end");
	say_text(&n, IPC_MESSAGE, 1, "j");
	say_stop();
	tell(&n);
	assert_int_equal(gc_serve(n.net, game, &levels[0]), 0);
	/* Level 3 ends: 3 goes on with what it was sent, then 2, then 1. */
	assert_string_equal(story,
	    "0.1 a|0.1 in|1.2 c|1.2 in|2.3 in|3.4 g|3.4 end|"
	    "2.3 has 3|2.3 h|2.3 end|1.2 has 2|1.2 d|1.2 end|"
	    "0.1 has 1|0.1 b|0.1 e|0.1 f|0.1 j|");
}

static void
engines_take_turns_on_the_one_stream(void **state)
{
	struct gc_event ev;
	unsigned turns = 0;
	int r;

	(void)state;
	say_opened(&n, 1, 0, "x");
	for (int i = 0; i < 20; i++) {
		say_text(&n, IPC_MESSAGE, 1, i % 2 ? "end" : "go");
		say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	}
	say_stop();
	tell(&n);
	while ((r = gc_serve(n.net, game, &levels[2])) == 2) {
		turns++;
		/* A loop between two visits has what comes between them. */
		assert_int_equal(gc_next(n.net, &ev), 0);
		assert_int_equal(ev.kind, GC_TICK);
	}
	assert_int_equal(r, 0);
	assert_int_equal(turns, 10);
	assert_int_equal(strncmp(story, "2.1 go|2.1 end|2.1 go|", 22), 0);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(one_is_in_one_room_at_a_time_and_netd_knows_which),
		CASE(a_full_or_locked_room_leaves_one_where_one_was),
		CASE(a_walk_may_send_out_and_move_whom_it_meets),
		CASE(
		    everybody_may_have_a_room_whose_tick_runs_while_they_are_in),
		CASE(who_is_in_a_room_that_is_freed_is_nowhere),
		CASE(engines_nest_three_deep_and_lose_nothing_of_any_player),
		CASE(engines_take_turns_on_the_one_stream),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
