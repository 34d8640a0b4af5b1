/*
 * page.h - the game in typed messages, for the browser's page and for
 * programs. Declared here, and nowhere else: netd makes JSON, msgpack or tpl
 * of them, /penstock.js functions (line.turn({ way: 2 })), and what does not
 * fit never gets here.
 *
 * cell is x + y * width. look is one character of world.h; slot is of the
 * snake whose part it is, and its colour, -1 if it is none.
 */
#ifndef SNAKE_PAGE_H
#define SNAKE_PAGE_H

#include "room.h"

/* ---- what a page says ------------------------------------------------------
 */

/* Once: who I am. It is cut and made unlike the others'. */
#define NAME(FIELD) FIELD(STR, name, 400)
GC_TYPE(name, NAME);
/* Start a snake. */
GC_TYPE_EMPTY(join);
/* left, up, right, down */
#define TURN(FIELD) FIELD(U8, way, 0, 3)
GC_TYPE(turn, TURN);
#define TALK(FIELD) FIELD(STR, text, 1600)
GC_TYPE(talk, TALK);
/* Comes back as it is. */
#define PING(FIELD) FIELD(F64, sent, -1e15, 1e15)
GC_TYPE(ping, PING);

/* ---- what it hears ---------------------------------------------------------
 */

#define CELLS_MAX (WORLD_SIDE_MAX * WORLD_SIDE_MAX)

/* On arrival. */
#define HELLO(FIELD)                                       \
	FIELD(STR, room, NAME_BYTES)                       \
	FIELD(U16, width, WORLD_SIDE_MIN, WORLD_SIDE_MAX)  \
	FIELD(U16, height, WORLD_SIDE_MIN, WORLD_SIDE_MAX) \
	FIELD(BOOL, wrap)                                  \
	FIELD(U8, speed, 1, 30)                            \
	FIELD(U8, most, WORLD_SNAKES, WORLD_SNAKES)
GC_TYPE(hello, HELLO);

#define WHO(FIELD)                            \
	FIELD(U32, id, 0, UINT32_MAX)         \
	FIELD(STR, name, NAME_BYTES)          \
	FIELD(I8, slot, -1, WORLD_SNAKES - 1) \
	FIELD(U32, score, 0, UINT32_MAX)      \
	FIELD(BOOL, bot)
GC_TYPE(who, WHO);

/* at: seconds since 1970 */
#define BEST(FIELD)                           \
	FIELD(STR, name, NAME_BYTES)          \
	FIELD(U32, score, 0, UINT32_MAX)      \
	FIELD(I8, slot, -1, WORLD_SNAKES - 1) \
	FIELD(I64, at, 0, 1ll << 53)
GC_TYPE(best, BEST);
#define TOP(FIELD) FIELD(LIST, best, list, TOP_SCORES)
GC_TYPE(top, TOP);

#define PEOPLE(FIELD) FIELD(U32, number, 0, UINT32_MAX)
GC_TYPE(people, PEOPLE);

/* All there is: a character a cell in looks, and in slots, where a blank is
 * nobody's. */
#define FIELD_(FIELD)                \
	FIELD(STR, looks, CELLS_MAX) \
	FIELD(STR, slots, CELLS_MAX) \
	FIELD(LIST, who, players, WORLD_SNAKES)
GC_TYPE(field, FIELD_);

/* Your name is accepted, perhaps changed. */
#define YOU(FIELD)                    \
	FIELD(U32, id, 1, UINT32_MAX) \
	FIELD(STR, name, NAME_BYTES)
GC_TYPE(you, YOU);

/* Somebody plays; fresh: and the field is free again. */
#define JOINED(FIELD)           \
	FIELD(STRUCT, who, who) \
	FIELD(BOOL, fresh)
GC_TYPE(joined, JOINED);

/* One frame: what looks different, who ate what, and who is out why (wall,
 * stone, corpse, self, snake, head or left) and by whom: an id, or 0. */
#define CELL(FIELD)                      \
	FIELD(U16, at, 0, CELLS_MAX - 1) \
	FIELD(U8, look, ' ', '~')        \
	FIELD(I8, slot, -1, WORLD_SNAKES - 1)
GC_TYPE(cell, CELL);
#define EATEN(FIELD)                     \
	FIELD(U32, id, 0, UINT32_MAX)    \
	FIELD(U32, score, 0, UINT32_MAX) \
	FIELD(U32, digit, 0, 9)          \
	FIELD(U16, at, 0, CELLS_MAX - 1)
GC_TYPE(eaten, EATEN);
#define OUT(FIELD)                       \
	FIELD(U32, id, 0, UINT32_MAX)    \
	FIELD(U32, score, 0, UINT32_MAX) \
	FIELD(STR, why, 8)               \
	FIELD(U32, killer, 0, UINT32_MAX)
GC_TYPE(out, OUT);
#define FRAME(FIELD)                                \
	FIELD(LIST, cell, cells, CELLS_MAX)         \
	FIELD(LIST, eaten, eaten, 2 * WORLD_SNAKES) \
	FIELD(LIST, out, out, 2 * WORLD_SNAKES)
GC_TYPE(frame, FRAME);

/* slot: -1 for one who watches */
#define CHAT(FIELD)                           \
	FIELD(STR, name, NAME_BYTES)          \
	FIELD(I8, slot, -1, WORLD_SNAKES - 1) \
	FIELD(STR, text, CHAT_BYTES)
GC_TYPE(chat, CHAT);
/* What cannot be done, and why; the game ends. */
GC_TYPE(sorry, TALK);
GC_TYPE(bye, TALK);
GC_TYPE(pong, PING);

/* All of them, ended by NULL. */
extern const struct gc_type *const page_types[];

/* ---- saying it -------------------------------------------------------------
 */

/* To one: everything, with hello if it is new here. */
void page_welcome(const struct player *p, bool fresh);
void page_you(const struct player *p);
void page_sorry(const struct player *p, const char *text);

/* To all pages in a room. What changed since world_seen(), and the news: */
void page_frame(const struct room *r);
void page_joined(const struct player *p, bool fresh);
/* One that had not been placed yet is gone. */
void page_gone(const struct player *p);
void page_top(const struct room *r);
void page_people(const struct room *r);
void page_chat(const struct player *p, const char *said);
void page_bye(const struct room *r);

/* A page said something. */
void page_got(struct player *p, const struct gc_event *ev);

#endif
