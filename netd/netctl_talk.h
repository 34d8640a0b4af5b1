/*
 * netctl_talk.h - frames out and in, by hand or from a script, for
 * netctl_ends.c.
 */
#ifndef NETD_NETCTL_TALK_H
#define NETD_NETCTL_TALK_H

#include "ipc/buf.h"
#include "ipc/frame.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct talk {
	char mine;   /* what we send: '>' as a game, '<' as a network */
	int in, out; /* pipe ends */
	int control; /* the socket that says we are there */
	pid_t game;  /* 0: not ours */
	bool raw, stay;
	const char *script;
	int64_t timeout_ms;
	uint64_t seed;
	struct ipc_reader reader;
	struct ipc_buf bytes; /* frames to be written */
	bool bye;             /* BYE was said: close when it is written */
	bool fresh;           /* nothing was added since the last flush */
	uint64_t taken, sent; /* frames, COMMITs not counted */
	struct ipc_buf line;  /* for printing */
	bool ended;           /* the other side closed its pipe */
	const char *file;     /* of the script */
	unsigned number;      /* its line */
};

void talk_init(struct talk *t, char mine);
void talk_release(struct talk *t);
/* The script or the person, to its end: an exit status. */
int talk_run(struct talk *t);
/* Options that both ends have. False: not one of them, or a bad value. */
bool talk_option(struct talk *t, const char *name, const char *value);
/* Lay a message of the catalogue out; write what goes. */
bool talk_add(struct talk *t, unsigned kind, uint64_t id, const void *m);
void talk_write(struct talk *t);
/* The next frame of the other side: 1, 0 at the end, -1 when time is up or it
 * is broken (said already). */
int talk_next(struct talk *t, struct ipc_frame *f, int64_t deadline_ms);
/* netctl_ends.c: how the game that it started ended; it is made to. */
int talk_game_status(struct talk *t);
int64_t talk_now_ms(void);
void talk_close_fd(int *fd);

#endif
