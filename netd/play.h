/*
 * play.h - a recorded game drives real players.
 */
#ifndef NETD_PLAY_H
#define NETD_PLAY_H

#include <stdbool.h>
#include <stddef.h>

struct netd;

struct play;

/* The game's side of the pipes is a recording. One line in why when it cannot.
 * No URL of our own: its listeners are opened. */
bool
play_begin(struct netd *n, const char *file, bool own, char *why, size_t size);
void play_release(struct netd *n);

#endif
