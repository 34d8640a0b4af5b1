/*
 * kit_game.h - be a game, frame by frame: a lawful or a hostile one.
 *
 * It attaches to a netd of kit_netd() by the rendezvous, as a stranger would.
 */
#ifndef TESTS_LIB_KIT_GAME_H
#define TESTS_LIB_KIT_GAME_H

#include "ipc/frame.h"
#include "ipc/msg.h"
#include "tests/lib/kit.h"

struct kit_link {
	int up, down, control;
	struct ipc_reader *in; /* the case's */
	uint64_t taken;        /* frames so far */
};

/* Attach, say HELLO, read WELCOME. */
void kit_attach(struct kit_link *l, struct kit_proc *netd);
/* Attach and say nothing. */
void kit_attach_mute(struct kit_link *l, struct kit_proc *netd);
/* Close the pipes and the control socket. */
void kit_detach(struct kit_link *l);

/* Write these bytes; false if netd has closed the pipe. */
bool kit_link_raw(struct kit_link *l, const void *bytes, size_t len);
/* As much as goes without waiting. */
size_t kit_link_some(struct kit_link *l, const void *bytes, size_t len);
bool kit_link_frame(struct kit_link *l, unsigned kind, unsigned flags,
    unsigned channel, uint64_t id, const void *bytes, size_t len);
bool
kit_link_msg(struct kit_link *l, unsigned kind, uint64_t id, const void *m);
bool kit_link_commit(struct kit_link *l);
/* Text to a connection, and COMMIT. */
bool kit_link_say(struct kit_link *l, uint64_t conn, const char *text);
/* Listen and commit; returns the URL with its port, owned by the case. */
const char *kit_link_listen(struct kit_link *l, const char *url);

/* The next frame; false at the end of the pipe. A view until the next call. */
bool kit_link_next(struct kit_link *l, struct ipc_frame *f);
/* Frames until one of this kind, which is in *f. */
void kit_link_until(struct kit_link *l, unsigned kind, struct ipc_frame *f);
/* The next CLOSED, which must be for this reason. */
void kit_link_closed(struct kit_link *l, unsigned reason);
/* The text of the FAULT that comes, and the end behind it; owned. */
char *kit_link_fault(struct kit_link *l);

#endif
