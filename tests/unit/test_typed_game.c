/*
 * gamecore/typed.c: structs of a game become images and back, with the test
 * as its netd: what was sent down is sent up again, and must be the same.
 */
/* links: gamecore/?*.c */
#include "gamecore/core.h"
#include "ipc/typed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_netd.h"

#define POINT(FIELD)             \
	FIELD(I16, x, -100, 100) \
	FIELD(I16, y, -100, 100)
GC_TYPE(point, POINT);

#define SNAKE(FIELD)                \
	FIELD(STR, name, 8)         \
	FIELD(LIST, point, path, 5) \
	FIELD(BOOL, alive)
GC_TYPE(snake, SNAKE);

#define EVERY(FIELD)                          \
	FIELD(BOOL, yes)                      \
	FIELD(I8, i8, -128, 127)              \
	FIELD(U8, u8, 1, 9)                   \
	FIELD(I64, i64, INT64_MIN, INT64_MAX) \
	FIELD(U64, u64, 0, UINT64_MAX)        \
	FIELD(F32, f32, -1, 1)                \
	FIELD(F64, f64, -1e300, 1e300)        \
	FIELD(STR, text, 12)                  \
	FIELD(BYTES, bytes, 4)                \
	FIELD(ARRAY, U16, cells, 3, 0, 500)   \
	FIELD(ARRAY, F32, curve, 2, -2, 2)    \
	FIELD(STRUCT, point, at)              \
	FIELD(LIST, snake, snakes, 3)
GC_TYPE(every, EVERY);
GC_TYPE_EMPTY(join);

#define SUIT(NAME)           \
	NAME(HEARTS, hearts) \
	NAME(SPADES, spades)
GC_ENUM(suit, SUIT);

#define LOOSE(FIELD)                         \
	FIELD(ENUM, suit, trump)             \
	FIELD(LIST_OF, I16, scores, 3, 0, 9) \
	FIELD(LIST_OF, F32, curve, 3, -2, 2) \
	FIELD(LIST_OF, BOOL, flags, 3)       \
	FIELD(LIST_OF, STR, names, 3, 4)     \
	FIELD(LIST_OF, BYTES, blobs, 3, 4)   \
	FIELD(LIST_OF, ENUM, suit, hand, 3)  \
	FIELD(MAYBE, BOOL, ready)            \
	FIELD(MAYBE, U8, bid, 1, 9)          \
	FIELD(MAYBE, I64, far, -5, 5)        \
	FIELD(MAYBE, F64, wind, -1, 1)       \
	FIELD(MAYBE, ENUM, suit, led)        \
	FIELD(MAYBE, STR, motto, 4)          \
	FIELD(MAYBE, BYTES, seal, 4)         \
	FIELD(MAYBE, STRUCT, point, at)
GC_TYPE(loose, LOOSE);

#define NOUGHT(FIELD) FIELD(STRUCT, join, nothing)
GC_TYPE(nought, NOUGHT);
#define ERROR(FIELD) FIELD(STR, text, 9)
GC_TYPE(error, ERROR);

static struct fake n;

static int
setup(void **state)
{
	(void)state;
	fake_ready(&n);
	assert_int_equal(gc_declare(n.net, &every_type), 0);
	assert_int_equal(gc_declare(n.net, &join_type), 0);
	assert_int_equal(gc_declare(n.net, &loose_type), 0);
	say_opened(&n, 5, 0, "a");
	tell(&n);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fake_release(&n);
	return 0;
}

/* The next frame of the game of this kind; the bytes are a view. */
static void
hears(unsigned kind, struct ipc_frame *f)
{
	for (;;) {
		enum ipc_decoded d = ipc_reader_next(&n.heard, f);
		size_t room;
		uint8_t *to;
		ssize_t got;

		if (d == IPC_FRAME && f->kind == kind)
			return;
		if (d == IPC_FRAME)
			continue;
		assert_int_equal(d, IPC_NEED_MORE);
		to = ipc_reader_space(&n.heard, &room);
		got = read(n.down, to, room);
		assert_true(got > 0);
		ipc_reader_filled(&n.heard, (size_t)got);
	}
}

static void
opened(void)
{
	struct gc_event ev;

	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.kind, GC_OPEN);
}

static const struct point path[] = { { 1, -2 }, { 100, -100 } };
static const struct snake snakes[] = {
	{ .name = "ann", .path = path, .n_path = 2, .alive = true },
	{ .name = NULL },
};
static const struct every full = {
	.yes = true,
	.i8 = -128,
	.u8 = 9,
	.i64 = INT64_MIN,
	.u64 = UINT64_MAX,
	.f32 = 0.5f,
	.f64 = -2.25,
	.text = "h\xc3\xa4llo",
	.bytes = { "\0\1\2", 3 },
	.cells = { 1, 2, 500 },
	.curve = { -1.5f, 2 },
	.at = { -7, 8 },
	.snakes = snakes,
	.n_snakes = 2,
};

static void
is_full(const struct every *e)
{
	assert_true(e->yes);
	assert_int_equal(e->i8, -128);
	assert_int_equal(e->u8, 9);
	assert_true(e->i64 == INT64_MIN && e->u64 == UINT64_MAX);
	assert_true(e->f32 == 0.5f && e->f64 == -2.25);
	assert_string_equal(e->text, "h\xc3\xa4llo");
	assert_int_equal(e->bytes.len, 3);
	assert_memory_equal(e->bytes.at, "\0\1\2", 3);
	assert_int_equal(e->cells[2], 500);
	assert_true(e->curve[0] == -1.5f && e->curve[1] == 2);
	assert_int_equal(e->at.x, -7);
	assert_int_equal(e->at.y, 8);
	assert_int_equal(e->n_snakes, 2);
	assert_string_equal(e->snakes[0].name, "ann");
	assert_int_equal(e->snakes[0].n_path, 2);
	assert_int_equal(e->snakes[0].path[1].y, -100);
	assert_true(e->snakes[0].alive);
	assert_string_equal(e->snakes[1].name, "");
	assert_int_equal(e->snakes[1].n_path, 0);
	assert_false(e->snakes[1].alive);
}

static void
a_struct_goes_down_and_up_and_is_the_same(void **state)
{
	struct gc_event ev;
	struct ipc_frame f;

	(void)state;
	opened();
	assert_int_equal(gc_send_typed(n.net, 5, NULL, &every_type, &full), 0);
	gc_flush(n.net);
	hears(IPC_SEND_TYPED, &f);
	assert_int_equal(f.id, 5);
	for (int i = 0; i < 2; i++) {
		say_raw(&n, IPC_TYPED, 0, 0, 5, f.bytes, f.len);
		tell(&n);
		assert_int_equal(gc_next(n.net, &ev), 0);
		assert_int_equal(ev.kind, GC_TYPED);
		assert_ptr_equal(ev.type, &every_type);
		assert_int_equal(ev.conn, 5);
		assert_null(GC_AS(join, &ev));
		is_full(GC_AS(every, &ev));
	}
}

/* What goes down comes up; a view until the next. */
static const struct loose *
round_trip(const struct loose *loose)
{
	struct gc_event ev;
	struct ipc_frame f;

	assert_int_equal(gc_send_typed(n.net, 5, NULL, &loose_type, loose), 0);
	gc_flush(n.net);
	hears(IPC_SEND_TYPED, &f);
	say_raw(&n, IPC_TYPED, 0, 0, 5, f.bytes, f.len);
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_non_null(GC_AS(loose, &ev));
	return GC_AS(loose, &ev);
}

static const int16_t scores[] = { 9, 0 };
static const float curve[] = { -1.5f, 2 };
static const bool flags[] = { true, false, true };
static const char *const names[] = { "ann", NULL };
static const struct gc_bytes blobs[] = { { "\0\1", 2 }, { NULL, 0 } };
static const enum suit hand[] = { SPADES, HEARTS };
static const struct loose all_of_it = {
	.trump = SPADES,
	.scores = scores,
	.n_scores = 2,
	.curve = curve,
	.n_curve = 2,
	.flags = flags,
	.n_flags = 3,
	.names = names,
	.n_names = 2,
	.blobs = blobs,
	.n_blobs = 2,
	.hand = hand,
	.n_hand = 2,
	.has_ready = true,
	.has_bid = true,
	.bid = 9,
	.has_far = true,
	.far = -5,
	.has_wind = true,
	.wind = 0.5,
	.has_led = true,
	.led = SPADES,
	.motto = "",
	.seal = { "", 0 },
	.at = &path[0],
};

static void
bare_lists_and_what_may_be_missing_come_back_the_same(void **state)
{
	static const struct loose none = { .trump = HEARTS };
	const struct loose *l;

	(void)state;
	opened();
	l = round_trip(&all_of_it);
	assert_int_equal(l->trump, SPADES);
	assert_int_equal(l->n_scores, 2);
	assert_int_equal(l->scores[0], 9);
	assert_true(l->n_curve == 2 && l->curve[0] == -1.5f);
	assert_int_equal(l->n_flags, 3);
	assert_true(l->flags[0] && !l->flags[1] && l->flags[2]);
	assert_int_equal(l->n_names, 2);
	assert_string_equal(l->names[0], "ann");
	assert_string_equal(l->names[1], "");
	assert_int_equal(l->n_blobs, 2);
	assert_int_equal(l->blobs[0].len, 2);
	assert_memory_equal(l->blobs[0].at, "\0\1", 2);
	assert_true(l->n_hand == 2 && l->hand[0] == SPADES && !l->hand[1]);
	assert_true(l->has_ready && !l->ready);
	assert_true(l->has_bid && l->bid == 9);
	assert_true(l->has_far && l->far == -5);
	assert_true(l->has_wind && l->wind == 0.5);
	assert_true(l->has_led && l->led == SPADES);
	/* Set and empty is not the same as not set. */
	assert_string_equal(l->motto, "");
	assert_true(l->seal.at != NULL && l->seal.len == 0);
	assert_true(l->at->x == 1 && l->at->y == -2);
	l = round_trip(&none);
	assert_int_equal(l->trump, HEARTS);
	assert_true(l->n_scores + l->n_names + l->n_hand == 0);
	assert_false(l->has_ready || l->has_bid || l->has_far || l->has_wind ||
		     l->has_led);
	assert_null(l->motto);
	assert_null(l->seal.at);
	assert_null(l->at);
	assert_string_equal(suit_name(SPADES), "spades");
	assert_string_equal(suit_name(2), "");
}

static void
a_loose_value_is_held_to_its_declaration(void **state)
{
	static const int16_t ten[] = { 1, 10 };
	static const char *const five[] = { "12345" };
	static const enum suit clubs[] = { (enum suit)2 };
	static const struct point far = { 0, 101 };
	struct loose e;

	(void)state;
	opened();
#define REFUSED(change, field, rule)                               \
	do {                                                       \
		e = all_of_it;                                     \
		change;                                            \
		assert_int_equal(                                  \
		    gc_cast(n.net, GC_ALL, NULL, &loose_type, &e), \
		    GC_EINVALID);                                  \
		assert_string_equal(gc_problem(n.net),             \
		    "message 'loose', field '" field "': " rule);  \
	} while (0)
	REFUSED(e.trump = (enum suit)2, "trump", "none of its 2 names");
	REFUSED(e.scores = ten, "scores[1]", "not from 0 to 9");
	REFUSED(e.n_scores = 4, "scores", "more than 3");
	REFUSED(
	    (e.names = five, e.n_names = 1), "names[0]", "longer than 4 bytes");
	REFUSED(
	    (e.hand = clubs, e.n_hand = 1), "hand[0]", "none of its 2 names");
	REFUSED(e.bid = 0, "bid", "not from 1 to 9");
	REFUSED(e.motto = "12345", "motto", "longer than 4 bytes");
	REFUSED(e.at = &far, "at.y", "not from -100 to 100");
#undef REFUSED
	/* What is not set may be anything. */
	e = all_of_it;
	e.has_bid = false;
	e.bid = 0;
	assert_int_equal(gc_cast(n.net, GC_ALL, NULL, &loose_type, &e), 0);
}

static void
declarations_are_what_the_structs_say(void **state)
{
	struct ipc_frame f;

	(void)state;
	gc_flush(n.net);
	hears(IPC_SCHEMA, &f);
	assert_int_equal(f.id, 0);
	assert_memory_equal(f.bytes,
	    "type every\nbool yes\ni8 i8 -128 127\nu8 u8 1 9\n"
	    "i64 i64 -9223372036854775808 9223372036854775807\n"
	    "u64 u64 0 18446744073709551615\nf32 f32 -1 1\n",
	    131);
	hears(IPC_SCHEMA, &f);
	assert_int_equal(f.id, 1);
	assert_int_equal(f.len, 10);
	assert_memory_equal(f.bytes, "type join\n", 10);
	hears(IPC_SCHEMA, &f);
	assert_int_equal(f.id, 2);
	assert_memory_equal(f.bytes,
	    "type loose\nenum trump hearts spades\n"
	    "list scores 3\ni16 - 0 9\nend\nlist curve 3\nf32 - -2 2\nend\n"
	    "list flags 3\nbool -\nend\nlist names 3\nstr - 4\nend\n"
	    "list blobs 3\nbytes - 4\nend\n"
	    "list hand 3\nenum - hearts spades\nend\n"
	    "bool? ready\nu8? bid 1 9\ni64? far -5 5\nf64? wind -1 1\n"
	    "enum? led hearts spades\nstr? motto 4\nbytes? seal 4\n"
	    "struct? at\ni16 x -100 100\ni16 y -100 100\nend\n",
	    f.len);
	/* Again is no error, and nothing is sent. */
	assert_int_equal(gc_declare(n.net, &join_type), 0);
	assert_int_equal(gc_declare(n.net, &nought_type), GC_EINVALID);
	assert_non_null(strstr(gc_problem(n.net), "nothing is inside"));
	assert_int_equal(gc_declare(n.net, &error_type), GC_EINVALID);
	assert_non_null(strstr(gc_problem(n.net), "netd's own"));
}

static void
what_the_declaration_does_not_allow_is_not_sent(void **state)
{
	static const struct snake four[4] = { { .name = "" } };
	static const struct point far[] = { { 0, 0 }, { 0, 101 } };
	static const struct snake away = {
		.name = "", .path = far, .n_path = 2
	};
	struct every e = full;

	(void)state;
	opened();
#define REFUSED(change, field, rule)                               \
	do {                                                       \
		e = full;                                          \
		change;                                            \
		assert_int_equal(                                  \
		    gc_cast(n.net, GC_ALL, NULL, &every_type, &e), \
		    GC_EINVALID);                                  \
		assert_string_equal(gc_problem(n.net),             \
		    "message 'every', field '" field "': " rule);  \
	} while (0)
	REFUSED(e.u8 = 0, "u8", "not from 1 to 9");
	REFUSED(e.f32 = 1.5f, "f32", "not from -1 to 1");
	REFUSED(e.f64 = 0.0 / 0.0, "f64", "not from -1e+300 to 1e+300");
	REFUSED(e.text = "thirteen byte", "text", "longer than 12 bytes");
	REFUSED(e.text = "\xff", "text", "not UTF-8, or a NUL in it");
	REFUSED(e.bytes.len = 5, "bytes", "longer than 4 bytes");
	REFUSED(e.cells[1] = 501, "cells[1]", "not from 0 to 500");
	REFUSED(e.at.x = 101, "at.x", "not from -100 to 100");
	REFUSED((e.snakes = four, e.n_snakes = 4), "snakes", "more than 3");
	REFUSED((e.snakes = &away, e.n_snakes = 1), "snakes[0].path[1].y",
	    "not from -100 to 100");
#undef REFUSED
	assert_int_equal(
	    gc_cast(n.net, GC_ALL, NULL, &point_type, path), GC_EINVALID);
	assert_string_equal(
	    gc_problem(n.net), "message 'point' was not declared");
	/* Who is gone hears nothing, and that is no error. */
	assert_int_equal(gc_send_typed(n.net, 6, NULL, &every_type, &full), 0);
}

static void
a_message_that_nobody_declared_here_is_a_line_in_the_log(void **state)
{
	static const uint32_t strange[2] = { 0, 12345 };
	struct gc_event ev;
	struct ipc_frame f;

	(void)state;
	opened();
	say_raw(&n, IPC_TYPED, 0, 0, 5, strange, sizeof(strange));
	say_text(&n, IPC_MESSAGE, 5, "next");
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.kind, GC_MESSAGE);
	gc_flush(n.net);
	hears(IPC_LOG, &f);
	/* Half a head is netd's fault. */
	say_raw(&n, IPC_TYPED, 0, 0, 5, strange, 7);
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), GC_EPROTOCOL);
}

static void
an_image_that_is_cut_is_netds_fault(void **state)
{
	struct gc_event ev;
	struct ipc_frame f;

	(void)state;
	opened();
	assert_int_equal(gc_send_typed(n.net, 5, NULL, &every_type, &full), 0);
	gc_flush(n.net);
	hears(IPC_SEND_TYPED, &f);
	say_raw(&n, IPC_TYPED, 0, 0, 5, f.bytes, f.len - 1);
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), GC_EPROTOCOL);
	assert_non_null(strstr(gc_problem(n.net), "not as it was declared"));
}

/* ---- sessions --------------------------------------------------------------
 */

static char story[256];

static int
player(struct gc_session *s, void *arg)
{
	(void)arg;
	for (;;) {
		struct gc_wait w = { .what = GC_FOR_TYPED };
		int r = gc_wait(s, &w, -1);

		if (r < 0)
			return r;
		assert_int_equal(r, GC_FOR_TYPED);
		if (w.event.type == &join_type) {
			strcat(story, "join ");
			continue;
		}
		assert_ptr_equal(w.event.type, &every_type);
		is_full(w.event.value);
		strcat(story, "every ");
		assert_int_equal(
		    gc_say_typed(s, &every_type, w.event.value), 0);
	}
}

static void
a_session_waits_for_them(void **state)
{
	struct ipc_frame f;

	(void)state;
	assert_int_equal(gc_cast(n.net, GC_ALL, NULL, &every_type, &full), 0);
	assert_int_equal(
	    gc_cast(n.net, GC_ALL, NULL, &join_type, &(struct join){ 0 }), 0);
	gc_flush(n.net);
	/* Two players, who say the same; all of it before anybody reads. */
	say_opened(&n, 6, 0, "b");
	hears(IPC_SEND_TYPED_GROUP, &f);
	say_raw(&n, IPC_TYPED, 0, 0, 5, f.bytes, f.len);
	say_raw(&n, IPC_TYPED, 0, 0, 6, f.bytes, f.len);
	hears(IPC_SEND_TYPED_GROUP, &f);
	say_raw(&n, IPC_TYPED, 0, 0, 5, f.bytes, f.len);
	say_raw(&n, IPC_TYPED, 0, 0, 6, f.bytes, f.len);
	say_raw(&n, IPC_STOP, 0, 0, 1000, NULL, 0);
	tell(&n);
	assert_int_equal(gc_serve(n.net, player, NULL), 0);
	assert_string_equal(story, "every every join join ");
	gc_flush(n.net);
	hears(IPC_SEND_TYPED, &f);
	hears(IPC_SEND_TYPED, &f);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_struct_goes_down_and_up_and_is_the_same),
		TEST(bare_lists_and_what_may_be_missing_come_back_the_same),
		TEST(a_loose_value_is_held_to_its_declaration),
		TEST(declarations_are_what_the_structs_say),
		TEST(what_the_declaration_does_not_allow_is_not_sent),
		TEST(a_message_that_nobody_declared_here_is_a_line_in_the_log),
		TEST(an_image_that_is_cut_is_netds_fault),
		TEST(a_session_waits_for_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
