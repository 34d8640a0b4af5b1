/*
 * upgrade.h - a new program takes over from the game that runs.
 */
#ifndef NETD_UPGRADE_H
#define NETD_UPGRADE_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct link;
struct netd;

struct upgrade {
	bool on;
	bool asked;          /* the launcher was asked for the new game */
	uint64_t held;       /* the old game gets frames up to this one */
	uint64_t told;       /* what had happened when the new one was told */
	uint64_t asked_from; /* its checkpoints are numbered from here */
	int64_t began_us;
	struct link *standby; /* the new game's, until it is ready */
	struct link *doomed;  /* to be freed at the turn's end */
	ev_timer late;
};

/* Begin; NULL, or why it cannot. */
const char *upgrade_begin(struct netd *n);
/* The link for the new game's pipes, or NULL: nobody asked for one. */
struct link *upgrade_standby(struct netd *n);
/* The old game took frames: is it time? */
void upgrade_committed(struct link *l);
/* The new game said READY; it ended or was late. */
void upgrade_ready(struct link *l);
void upgrade_fail(struct netd *n, const char *why);
void upgrade_turn(struct netd *n);

#endif
