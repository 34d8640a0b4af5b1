/*
 * save.h - the whole game as bytes, for a program that goes on with it.
 *
 * A crash needs none of this. It is for an upgrade, when another build of
 * Snake takes over from this one, and for a cold start after too many deaths;
 * so what is saved is JSON, which other builds can read, and each world is
 * looked over before it is played on.
 */
#ifndef SNAKE_SAVE_H
#define SNAKE_SAVE_H

#include "room.h"

/* Leave everything with netd: rooms, worlds, players and top scores. */
void save(struct game *g);
/* The same, unless it was done a moment ago. */
void save_now_and_then(struct game *g);
/*
 * Take up what the program before this one left, if it left anything. Players
 * wait for room_back(); rooms_settle() takes off those who do not come.
 */
void restore(struct game *g);

#endif
