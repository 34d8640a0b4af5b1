/*
 * control.h - what launcher and netd say to each other.
 *
 * The control socket (AF_UNIX, SOCK_SEQPACKET) carries pipe ends and orders,
 * never a player's byte and never a frame. A launched netd inherits one end
 * (netd --control FD); `netd --wait DIR` listens on DIR/penstock.sock, and
 * each process that connects there speaks for one game.
 */
#ifndef IPC_CONTROL_H
#define IPC_CONTROL_H

#include <stddef.h>
#include <stdint.h>

/* The rendezvous in a --wait directory, which is of mode 0700. */
#define IPC_RENDEZVOUS "penstock.sock"

enum ipc_control_type {
	/* to netd */
	IPC_CONTROL_LINK = 1, /* fds: netd's write end, netd's read end;
			       * number: enum ipc_link_how; value: for
			       * IPC_LINK_WOKEN, the checkpoint's number; for
			       * IPC_LINK_FIRST, 1 if checkpoints can be
			       * woken; for IPC_LINK_AGAIN, a number that no
			       * checkpoint of before reaches; text: how
			       * the game was started, a line for each word,
			       * its newlines as \n and \ as \\; or ""; for
			       * IPC_LINK_WOKEN the copy's pid */
	IPC_CONTROL_STOP,     /* as SIGTERM: ask the game to stop, drain, end */
	IPC_CONTROL_STOP_NOW, /* the second signal: end at once */
	IPC_CONTROL_ENDED,    /* the game ended well; drain and end */
	IPC_CONTROL_DIED,     /* value: its wait status; hold the players, a
			       * LINK will follow; text: a line for the log;
			       * number: how many UPGRADED with 1 came before */
	IPC_CONTROL_HAND,     /* value: the position of the frame that the game
			       * had in hand, or 0; DIED follows */
	IPC_CONTROL_GIVE_UP,  /* no LINK will follow: close everybody and end */
	IPC_CONTROL_ADOPT,    /* fds: a listening socket; text: its URL; number:
			       * the listener it was; value: new connections
			       * are numbered from above it */
	IPC_CONTROL_LOG,      /* text: a line for the log, in key=value form;
			       * a dying game says it to its launcher too;
			       * number: 0 info, 1 warning, 2 error; value: 0,
			       * or when it began (CLOCK_MONOTONIC, in us) */
	IPC_CONTROL_WORKERS,  /* text: the name of workers that there will be;
			       * number: how often a job is tried again;
			       * value: how long it may take, in ms, or 0 */
	IPC_CONTROL_WORKER,   /* fds: netd's write end, netd's read end; number:
			       * which worker; value: its pid; text: the name */
	IPC_CONTROL_TTY,      /* fds: the terminal of who started the game */
	IPC_CONTROL_KEY,      /* text: 64 digits from which the secrets of
			       * tokens are made, in this netd and the next */
	IPC_CONTROL_EXPECT = 50, /* text: a URL that the game listens on, or
				  * may later: netd keeps what it needs there */
	IPC_CONTROL_CONNECTS, /* text: where connections outwards may go: "*",
			       * or ports and the word unix, with commas; "":
			       * nowhere */
	IPC_CONTROL_LOCK,     /* that is all: give up the rest with the first
			       * LINK */
	IPC_CONTROL_LOST,     /* value: a checkpoint whose copy is no more;
			       * number: 1 if WAKE asked for it, and nothing
			       * was woken */
	/* to the launcher */
	IPC_CONTROL_LISTENER = 100, /* fds: a listening socket; text: its URL as
				     * the game gave it; number: the listener.
				     * Keep it for ADOPT */
	IPC_CONTROL_UNLISTENED,     /* number: the listener. Let go of it */
	IPC_CONTROL_WAKE,           /* value: the checkpoint that is to go on */
	IPC_CONTROL_COLD,           /* start the game's program again */
	IPC_CONTROL_KILL,           /* the game hangs: end it; text: why */
	IPC_CONTROL_CHECKPOINTED,   /* value: the newest checkpoint's number;
				     * older ones may be dismissed */
	IPC_CONTROL_UPGRADE,        /* start a new game beside the old one */
	IPC_CONTROL_UPGRADED, /* number: 1 the new one took over, 0 it did not;
			       * value: its first checkpoint's number */
	IPC_CONTROL_NO_WORKERS,  /* none is needed any more */
	IPC_CONTROL_WORKER_KILL, /* number: a worker that is over its time */
	/* from the game to its launcher, over the keeper socket */
	IPC_CONTROL_FROZEN = 200, /* fds: wakes the copy (LINK, with the
				   * game's pipe ends) or, closed, ends it;
				   * number: its pid, value: the checkpoint */
	IPC_CONTROL_NO_START,     /* it cannot start and has said why; number:
				   * its pid */
	IPC_CONTROL_AGAIN, /* its netd is gone; number: its pid; fds: a socket
			    * that gets the game's ends of fresh pipes (LINK)
			    * or, closed, says that there is no netd any more */
};

enum ipc_link_how {
	IPC_LINK_FIRST, /* a game that knows nothing yet */
	IPC_LINK_WOKEN, /* a checkpoint, on fresh pipes */
	IPC_LINK_COLD,  /* a fresh start after a death: gets RESTORE and OPENEDs
			 */
	IPC_LINK_UPGRADE, /* a fresh start beside the old game */
	IPC_LINK_AGAIN, /* a game that ran under a netd that died; says HELLO as
			 * if it were new, and is told of whoever came since */
};

/* Of the games in an upgrade each has so many numbers for its checkpoints,
 * which is more than are asked for meanwhile. */
#define IPC_CHECKPOINTS_APART 1000

/* The exit status of a launched netd that has said itself why it cannot start:
 * nothing is to be added. */
#define IPC_CONTROL_SAID_WHY 78

#define IPC_CONTROL_TEXT_MAX 2560
#define IPC_CONTROL_FDS_MAX 2

struct ipc_control {
	uint32_t type;
	uint32_t number;
	uint64_t value;
	char text[IPC_CONTROL_TEXT_MAX]; /* ends with a NUL */
	/* beside the message, not in it: */
	int fds[IPC_CONTROL_FDS_MAX]; /* -1 where there is none */
};

/*
 * Send one message with its descriptors, which stay the caller's. Returns 0
 * or IPC_ERR_SYSTEM (errno says; EAGAIN on a non-blocking socket that is
 * full).
 */
int ipc_control_send(int fd, const struct ipc_control *m);
/*
 * Receive one. Descriptors in m->fds are the caller's to close, close-on-exec.
 * Returns 1, 0 at the end, IPC_ERR_SYSTEM (errno says) or IPC_ERR_PROTOCOL.
 */
int ipc_control_recv(int fd, struct ipc_control *m);

#endif
