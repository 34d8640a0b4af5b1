/*
 * restore.h - go on with the rooms that the program before this one left.
 *
 * A crash needs none of this. It is for an upgrade, when another build of
 * Snake takes over from this one, and for a cold start after too many deaths.
 * The states of page.h outlive both and say all there is; what is there may be
 * another build's, so each world is looked over before it is played on.
 */
#ifndef SNAKE_RESTORE_H
#define SNAKE_RESTORE_H

#include "room.h"

/* Rooms, worlds, top scores and whoever has a snake, who is away until
 * room_enter() sees its connection again. False: no memory. */
bool restore(struct game *g);

#endif
