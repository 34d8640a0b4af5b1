/*
 * launcher.h - the inside of the launcher, for launch*.c only.
 *
 * One process waits for three: netd, the game, and whoever sits at the shell.
 * launcher.c is its loop and the death of a game, launcher_orders.c what netd
 * may ask of it, launcher_netd.c the death of netd.
 */
#ifndef GAMECORE_LAUNCHER_H
#define GAMECORE_LAUNCHER_H

#include "gamecore/core.h"
#include "ipc/control.h"

/* For netd to flush everybody's queue after the game's end: its own limit is
 * 10 s by default, then it is ended. */
#define NETD_END_MS 12000

/* A listening socket, kept for the next netd. */
struct kept {
	struct kept *next;
	uint32_t number;
	int fd;
	char url[IPC_CONTROL_TEXT_MAX];
};

struct launcher {
	const struct options *o;
	struct gc_start *start;
	int control;      /* to netd, or -1 when it has closed it */
	int signals;      /* a signalfd */
	pid_t netd, game; /* 0: has ended */
	int netd_status, game_status;
	int stops;        /* how often we were asked to stop */
	uint64_t stop_us; /* and when first, on the clock below */
	int stop_signal;
	bool netd_first; /* it ended while the game was still there */
	pid_t first;     /* the game that was forked */
	bool no_start;   /* the game could not start, and has said why */
	bool not_begun;  /* and it was the first: no death, but a refusal */
	bool cut_off; /* the game was asked to stop, did not, and was killed */
	struct wake wake;
	struct crew crew;
	pid_t next; /* the new game of an upgrade */
	bool next_ended;
	int next_status;
	pid_t old;         /* an upgrade ended this one */
	uint64_t old_from; /* its first checkpoint, if it was the new one */
	uint32_t upgrades; /* under this netd */
	char hung[64];     /* why netd had the game ended, or "" */
	struct kept *kept;
	struct pipes fresh; /* the game's ends, until it asks for them */
	bool have_fresh;
	char key[65];      /* for the tokens of all netds, in digits */
	unsigned respawns; /* how many netds came after the first */
	unsigned deaths;   /* of netd since then_us */
	uint64_t then_us;
	bool given_up; /* no further netd; start->text says why */
	bool terminal; /* we were started from one */
	bool nohup;    /* and are to outlive it */
};

/* ---- launcher.c --------------------------------------------------------- */

/*
 * Fork into launcher and game. True: this process is the game, *l is filled.
 * False: it is the launcher at its end, or there was an error: start->status
 * and start->text say so.
 */
bool launcher_run(struct launched *l, const struct options *o,
    struct gc_start *start, char **argv);
/* Does netd remember what a frozen copy of the game needs? */
bool launcher_can_wake(const struct launcher *l);
/* A word to netd, if there is one. */
void launcher_tell(
    struct launcher *l, unsigned type, uint64_t value, const char *text);
/* These see to what follows the end of a game; status as of waitpid(). */
void launcher_game_ended(struct launcher *l, int status);
void launcher_old_ended(struct launcher *l);

/* ---- launcher_orders.c -------------------------------------------------- */

/* Take one message of netd's off the control socket, and do as it says. */
void launcher_hear(struct launcher *l);
/* A copy is no more; asked: netd wants it woken. */
void launcher_say_lost(struct launcher *l, uint64_t checkpoint, bool asked);

/* ---- launcher_netd.c ---------------------------------------------------- */

/* See to what follows the end of netd; status as of waitpid(). */
void launcher_netd_ended(struct launcher *l, int status);
/* Whoever asked for fresh pipes gets them once netd has the other ends. Until
 * we know that netd is dead, and which of two games it left, they wait. */
void launcher_answer_again(struct launcher *l);
/* Microseconds on a clock that only goes forward. */
uint64_t launcher_clock_us(void);
/* The game's ends of pipes that it did not ask for. */
void launcher_drop_fresh(struct launcher *l);
/* netd listens there, so that the next one can; it does not any more. */
void launcher_keep(struct launcher *l, const struct ipc_control *m);
void launcher_unkeep(struct launcher *l, const struct ipc_control *m);
/* Of all netds that there will be. */
void launcher_make_key(char out[65]);

#endif
