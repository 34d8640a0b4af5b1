/*
 * link.h - the link to a game (pipe.c), and what its frames do (dispatch.c).
 *
 * A link is the pair of pipes and all that netd knows for the game at their
 * other end: groups, timers, jobs, stores, what recovery needs. It outlives the
 * game's process; while there is none, players are held.
 */
#ifndef NETD_LINK_H
#define NETD_LINK_H

#include "ipc/buf.h"
#include "ipc/control.h"
#include "ipc/frame.h"
#include "netd/groups.h"
#include "netd/journal.h"
#include "netd/recover.h"
#include "netd/timers.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct group;
struct job;
struct netd;
struct schema;
struct states;
struct timer;

enum link_phase {
	NO_GAME,  /* no pipes; players are held */
	GREETING, /* pipes, HELLO not seen yet */
	LINKED,   /* frames flow */
	FINISHED  /* BYE was said: nothing more from it */
};

struct link {
	struct netd *netd;
	enum link_phase phase;
	int up_fd, down_fd;
	ev_io up_io, down_io;
	struct ipc_reader reader;
	struct journal journal;
	uint64_t taken;     /* up frames this process of the game has taken */
	uint64_t committed; /* the most that any has */
	uint64_t told_at;   /* the last LIVE or LISTENING: see link_told() */
	uint64_t down;      /* frames acted on, without COMMITs */
	uint64_t highest_conn;
	size_t frame_max;
	int64_t said_now_us; /* the last NOW */
	bool batch_open;     /* this turn's NOW is laid down */
	bool wrote;          /* since link_glance() looked for an answer */
	uint8_t glances_off; /* so often it will not look */
	uint8_t missed;      /* so often the next time that it finds none */
	bool lost;           /* no memory for a frame: to be broken */
	bool told_once;      /* some game was told of connections before */
	bool stalled;        /* over the budget: its pipe is not read */
	int64_t stalled_us;
	bool up_broken;     /* the pipe up takes no more; down is read on */
	bool up_copies;     /* nothing can be lent to it */
	size_t turn_frames; /* of the turn that is being read, COMMITs not */
	struct cast cast;
	struct group *groups; /* uthash */
	struct group *everybody;
	struct tick tick;
	struct timer *timers; /* uthash */
	uint64_t n_timers;
	uint64_t held_timers; /* passed, but the game is behind */
	struct job *jobs;     /* uthash; those it wants to hear of */
	bool superseded;      /* another link has taken its place */
	int64_t moved_us; /* the game took something, or had nothing to take */
	int64_t watched_us; /* when somebody last looked whether it moves */
	bool hang_warned;
	int64_t complained_us;   /* of its out-of-band messages */
	struct ipc_buf recorded; /* of one that is not netd->link yet */
	struct schema *schema;   /* what its game declared, or NULL */
	bool schema_old;         /* of a game before this one */
	struct ipc_buf said;     /* speak.c: the message at hand */
	struct recovery rec;
	struct states *states; /* state.c; NULL until there was one */
	bool talks;            /* it has stores or takes events */
	bool unsaid;           /* the log does not name its game yet */
	char game[65];
	pid_t pid;
};

struct link *link_new(struct netd *n);
void link_free(struct link *l);
/* New pipe ends, which are taken. */
void link_attach(struct link *l, int up_fd, int down_fd, enum ipc_link_how how,
    uint64_t checkpoint);
/* The pipe is of no use any more; players are held. */
void link_detach(struct link *l);
/* Name the game in the log, if that is not done. */
void link_say_game(struct link *l);
/* The game's process is gone: all that it still said is done now. */
void link_read_out(struct link *l);
/* Has the game's pipe ended, which is not seen yet? Then it is seen now. */
void link_hung_up(struct link *l);
/* The game broke the protocol: say so, detach. */
void link_break(struct link *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Lay a frame down for the game. */
void link_up(struct link *l, unsigned kind, uint64_t id, unsigned flags,
    unsigned channel, const void *bytes, size_t len);
void link_up_msg(struct link *l, unsigned kind, uint64_t id, const void *m);
/* Players are not read until the game has taken what it was told last: what it
 * declares in that turn holds for their first message, too, and who may come
 * back to a game that lived under another netd is known before they ask. */
void link_told(struct link *l);
/* End of a turn: write. */
void link_turn(struct link *l);
/* The game may have answered at once what was just written: read that. False:
 * there was nothing. */
bool link_glance(struct link *l);
/* Queues shrank or grew: read the pipe or do not. */
void link_budget(struct link *l);
/* Four times a second. */
void link_look(struct link *l);

/* Does the game say again what the players have already? */
static inline bool
recover_behind(const struct link *l)
{
	return l->rec.able && l->rec.redo < l->down;
}
/* A new frame of the game. */
static inline void
recover_note(struct link *l)
{
	l->rec.redo = l->down;
}

/* ---- dispatch.c: a game's message -> its handler ------------------------ */

/* Act on one frame. False: the link was broken. */
bool dispatch(struct link *l, const struct ipc_frame *f);
/* The same of SENDs at p, where one is legal now, that are to one client: how
 * many bytes, and how many they are. 0: dispatch() must see the first. */
size_t dispatch_row(struct link *l, const uint8_t *p, size_t n, size_t *frames);

#endif
