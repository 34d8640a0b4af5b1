/*
 * record.h - what crosses the game's pipes, written to a file while it does.
 */
#ifndef NETD_RECORD_H
#define NETD_RECORD_H

#include "ipc/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netd;
struct link;

/*
 * Record into fd, an empty file, which is taken, from the next frame on. name
 * is for the log. Returns true, or false with one line in why; fd is closed.
 */
bool record_start(
    struct netd *n, int fd, const char *name, char *why, size_t why_size);
/* End it with this END mark ("how=stopped"); nothing if there is none. */
void record_stop(struct netd *n, const char *how);
/* A frame was laid down for the game, or is acted on. */
void record_saw(struct link *l, const struct ipc_frame *f);
/* Pipes of a fresh game: positions begin again. */
void record_restart(struct link *l, const char *why);
/* The new game of an upgrade took over; what it was told before follows. */
void record_upgraded(struct link *l);
/* Something worth a line in the recording. */
void record_note(struct netd *n, const char *text);
/* The end of a turn: write what has gathered. */
void record_turn(struct netd *n);

#endif
