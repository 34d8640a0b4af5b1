/*
 * page.h - the game as its page and any program sees it. cell is x + y *
 * width.
 *
 * What is: a room is a state (gamecore.h) that all in it follow. Who comes is
 * sent all of it, then what changes, and the program that comes after this one
 * goes on with it.
 *
 *	room, width, height, wrap, speed, most
 *	frame	counts, and stands still while nobody plays
 *	people	how many are here
 *	things	cell -> what lies there, a character of world.h
 *	snakes	id -> {name, slot, score, bot, path}; slot is also its colour
 *	top	[[name, score, slot, seconds since 1970], ...]
 *	log	number -> {who, slot, said}, or of one who died {who, slot, id,
 *		score, out, by}: why (wall, stone, corpse, self, snake, head or
 *		left) and by whom; the last of them
 *
 * path is [frame, head, growth, runs]: in that frame the head was in that
 * cell, the body behind it as world_runs() says, and since then it went
 * straight on and grew, a cell a frame, by up to growth. So a snake that does
 * not turn is not spoken of. There is none before it is placed.
 *
 * What is wished, and what is meant for one alone: typed messages. Declared
 * here, and nowhere else; what does not fit never gets here.
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

/* Your name is accepted, perhaps changed; your snake's id. */
#define YOU(FIELD)                   \
	FIELD(U64, id, 1, INT64_MAX) \
	FIELD(STR, name, NAME_BYTES)
GC_TYPE(you, YOU);
/* What cannot be done, and why; the game ends. */
GC_TYPE(sorry, TALK);
GC_TYPE(bye, TALK);
GC_TYPE(pong, PING);

/* All of them, ended by NULL. */
extern const struct gc_type *const page_types[];

/* ---- saying it -------------------------------------------------------------
 */

/* Open the game's own state: its rooms and top scores. False: no memory. */
bool page_begin(struct game *g);
/* Open a room's state, as it was left if it was. False: no memory. */
bool page_open(struct room *r);
/* The room is as if it had just been made. */
void page_renew(struct room *r);
void page_close(struct room *r);

/* To one: it sees the room from now on. */
void page_welcome(const struct player *p);
void page_you(const struct player *p);
void page_sorry(const struct player *p, const char *text);

/* To all: what changed since world_seen(), and the news. */
void page_frame(struct room *r);
void page_joined(const struct player *p);
/* One that had not been placed yet is gone. */
void page_gone(const struct player *p);
void page_top(const struct game *g);
void page_people(const struct room *r);
void page_chat(const struct player *p, const char *said);
void page_bye(const struct game *g);

/* A page said something. */
void page_got(struct player *p, const struct gc_event *ev);

#endif
