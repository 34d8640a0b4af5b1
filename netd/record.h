/*
 * record.h - what goes between netd and its game, kept: in a file for
 * --record, and the newest of it in memory, for the file that a death leaves.
 *
 * Frames up are recorded before any of them is sent, frames down before they
 * are acted on, each of them once: what a recovery sends and hears again is
 * not recorded again. A game that takes over in an upgrade is recorded from
 * its own first frame on, behind a RESTART. Marks (ipc/recording.h) say the
 * rest:
 *
 *	NOTE	died frame=N given=G conn=C how="..."
 *	NOTE	replaced frame=N with=M LINE	since M was set aside; LINE as
 *					in ipc/text.h
 *	NOTE	recovered took_ms=N players=N
 *	RESTART	why=cold, why=upgrade, why=attached
 *	RESTART	why=again		the same process, told anew: what it
 *					knew before is not in this recording
 */
#ifndef NETD_RECORD_H
#define NETD_RECORD_H

#include "ipc/buf.h"
#include "ipc/control.h"
#include "ipc/flight.h"
#include "ipc/frame.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netd;
struct link;

/* Kept of a game that may take over, until it does. */
#define RECORD_HELD_MAX (64u << 20)

struct recorder {
	int fd; /* -1: none, or it has stopped */
	char path[256];
	bool begun;       /* the head is written, which needs the game's name */
	char why[64];     /* it failed */
	char failed[256]; /* to be told to the game at the turn's end */
	struct ipc_recording file;
	struct ipc_flight flight; /* no data: off */
	int64_t flushed_us;
	ev_timer soon;
	struct ipc_buf args; /* texts that end with a NUL; first the program */
	unsigned lives;
};

/* file may be NULL. False: why says one line. */
bool record_begin(struct netd *n, const char *file, char *why, size_t size);
void record_release(struct netd *n);
/*
 * Record into fd, an empty file, which is taken, from the next frame on; name
 * is for the log. What does not begin with its game is for reading, not for a
 * replay. False: why says one line, and fd is closed.
 */
bool
record_start(struct netd *n, int fd, const char *name, char *why, size_t size);
/* End it with this END mark ("how=stopped"); nothing if there is none. */
void record_stop(struct netd *n, const char *how);
/* The game's command line, as LINK says it. */
void record_arguments(struct netd *n, const char *lines);

/* What was laid in the journal since the last time. */
void record_up(struct link *l);
/* Whole frames that are about to be acted on; count of them without COMMITs, 0
 * if nobody counted. */
void
record_down(struct link *l, const uint8_t *frames, size_t len, uint64_t count);
/* HELLO, whose answer lies in the journal already. */
void record_hello(struct link *l, const uint8_t *frame, size_t len);
void record_mark(struct link *l, unsigned type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void record_died(struct link *l);
void record_replaced(struct link *l, uint64_t position,
    const struct ipc_frame *by, uint64_t with);
/* A game that counts from 1 is about to be attached; has taken over. */
void record_fresh(struct link *l, enum ipc_link_how how);
void record_upgraded(struct link *l);
void record_turn(struct netd *n);
/* What stands before the frames of a recording: whose they are, and the limits.
 * Owned by the caller: ipc_buf_release(). */
void record_head(const struct link *l, struct ipc_buf *text);

#endif
