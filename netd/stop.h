/*
 * stop.h - the end: STOP goes up, goodbyes, queues flushed, then out.
 */
#ifndef NETD_STOP_H
#define NETD_STOP_H

#include <stdbool.h>

struct netd;

/* The first time: ask the game to stop. The second: end at once. */
void stop_asked(struct netd *n, const char *by);
/* The game is finished: flush, goodbyes, then out of the loop. */
void stop_now(struct netd *n);
/* STOP goes up. */
void stop_tell(struct netd *n);
/* The game said BYE; its pipe ended. */
void stop_bye(struct netd *n);
void stop_game_gone(struct netd *n);
void stop_drain(struct netd *n, unsigned reason);
/* At a turn's end: is everybody gone? */
void stop_turn(struct netd *n);
void stop_init(struct netd *n);

#endif
