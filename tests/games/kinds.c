/*
 * kinds.c - typed messages of every kind, for tests: what a player says as
 * "every" or "loose" comes back to everybody, "say" to everybody but its sender
 * with the sender's number, a "crash" is one. A line becomes a "say" too, so
 * terminals are in the same room.
 */
#include "gamecore/gamecore.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define POINT(FIELD)             \
	FIELD(I16, x, -100, 100) \
	FIELD(I16, y, -100, 100)
GC_TYPE(point, POINT);

#define PLAYER(FIELD)            \
	FIELD(STR, name, 16)     \
	FIELD(STRUCT, point, at) \
	FIELD(LIST, point, path, 5)
GC_TYPE(player, PLAYER);

#define EVERY(FIELD)                                 \
	FIELD(BOOL, yes)                             \
	FIELD(I8, i8, -128, 127)                     \
	FIELD(I16, i16, -32768, 32767)               \
	FIELD(I32, i32, -2147483647 - 1, 2147483647) \
	FIELD(I64, i64, INT64_MIN, INT64_MAX)        \
	FIELD(U8, u8, 0, 255)                        \
	FIELD(U16, u16, 0, 65535)                    \
	FIELD(U32, u32, 0, 4294967295u)              \
	FIELD(U64, u64, 0, UINT64_MAX)               \
	FIELD(F32, f32, -1e6, 1e6)                   \
	FIELD(F64, f64, -1e300, 1e300)               \
	FIELD(STR, text, 40)                         \
	FIELD(BYTES, bytes, 40)                      \
	FIELD(ARRAY, U8, cells, 4, 0, 9)             \
	FIELD(ARRAY, F64, curve, 2, -1, 1)           \
	FIELD(STRUCT, point, where)                  \
	FIELD(LIST, player, players, 3)
GC_TYPE(every, EVERY);

#define MOOD(NAME)       \
	NAME(CALM, calm) \
	NAME(ANGRY, angry)
GC_ENUM(mood, MOOD);

#define LOOSE(FIELD)                           \
	FIELD(LIST_OF, I32, scores, 4, 0, 999) \
	FIELD(LIST_OF, STR, names, 4, 8)       \
	FIELD(LIST_OF, ENUM, mood, moods, 4)   \
	FIELD(ENUM, mood, mood)                \
	FIELD(MAYBE, U8, bid, 1, 9)            \
	FIELD(MAYBE, STR, motto, 8)            \
	FIELD(MAYBE, BYTES, seal, 4)           \
	FIELD(MAYBE, STRUCT, point, at)
GC_TYPE(loose, LOOSE);

#ifdef LATER /* the next build of this game: kinds2.c */
#define LONGEST 300
#else
#define LONGEST 200
#endif
#define SAY(FIELD)                     \
	FIELD(U64, from, 0, INT64_MAX) \
	FIELD(STR, text, LONGEST)
GC_TYPE(say, SAY);

#define MOVE(FIELD) FIELD(STRUCT, point, to)
GC_TYPE(move, MOVE);

GC_TYPE_EMPTY(crash);

static const struct gc_type *const types[] = { &every_type, &crash_type,
	&say_type, &loose_type,
#ifdef LATER
	&move_type,
#endif
	NULL };

static void
say_to_others(struct gc_net *net, uint64_t from, const char *text)
{
	struct gc_how how = { .but = from };
	struct say say = { .from = from, .text = text };

	gc_cast(net, GC_ALL, &how, &say_type, &say);
}

static void
on_typed(struct gc_net *net, const struct gc_event *ev)
{
	const struct every *every = GC_AS(every, ev);
	const struct say *say = GC_AS(say, ev);

	if (every)
		gc_cast(net, GC_ALL, NULL, &every_type, every);
	else if (GC_AS(loose, ev))
		gc_cast(net, GC_ALL, NULL, &loose_type, ev->value);
	else if (say)
		say_to_others(net, ev->conn, say->text);
	else if (GC_AS(crash, ev))
		abort();
	else if (GC_AS(move, ev))
		gc_send_typed(net, ev->conn, NULL, &move_type, ev->value);
}

static void
on_line(struct gc_net *net, const struct gc_event *ev)
{
	if (strcmp(ev->text, "wrong") == 0) {
		struct say say = { .text = "\xff" };
		int r = gc_cast(net, GC_ALL, NULL, &say_type, &say);

		gc_printf(net, ev->conn, "%d %s", r, gc_problem(net));
	} else {
		gc_printf(net, ev->conn, "raw %s", ev->text);
		say_to_others(net, ev->conn, ev->text);
	}
}

int
main(int argc, char **argv)
{
	struct gc_start start = { .name = "kinds",
		.about = "Typed messages of every kind.",
		.types = types };
	struct gc_net *net = gc_open(&start, argc, argv);
	struct gc_event ev;

	if (net == NULL)
		return gc_explain(&start);
	while (gc_next(net, &ev) == 0 && ev.kind != GC_STOP)
		if (ev.kind == GC_TYPED)
			on_typed(net, &ev);
		else if (ev.kind == GC_MESSAGE)
			on_line(net, &ev);
	gc_close(net);
	return 0;
}
