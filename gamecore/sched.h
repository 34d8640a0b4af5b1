/*
 * sched.h - the inside of sessions: who they are and what they wait for.
 *
 * One struct sessions a game; one struct engine for each gc_serve() that runs
 * or stands; a session belongs to one engine. engine.c starts, runs and ends
 * them and brings them what the stream says; session.c is what they call;
 * between.c what they are to each other; room.c stands on both.
 */
#ifndef GAMECORE_SCHED_H
#define GAMECORE_SCHED_H

#include "gamecore/core.h"
#include "gamecore/ctx.h"
#include "gamecore/stack.h"
#include "gamecore/timed.h"

#define SESSION_NAME_MAX 31
/* Results of sessions that ended, for who asks late. */
#define ENDED_KEPT 1024
/* Calls in vain before a session is put away. */
#define VAIN_MAX 1000

/* ---- lists of those who wait for something ------------------------------ */

struct waiter {
	struct gc_session *s; /* whose it is */
	struct waiters *on;   /* NULL: it is on no list */
	struct waiter *prev, *next;
};

struct waiters {
	struct waiter *first, *last;
};

void waiter_on(struct waiters *list, struct waiter *w, struct gc_session *s);
void waiter_off(struct waiter *w);

/* ---- what came for a session -------------------------------------------- */

struct letter {
	struct letter *next;
	unsigned what; /* one of enum gc_for */
	bool binary;
	int value;
	uint64_t from, count;
	uint64_t in_hand; /* what the game had when it came: stream_hand() */
	void *thing;
	struct gc_event event;
	size_t len;
	char text[]; /* and a NUL */
};

/* ---- a session ---------------------------------------------------------- */

enum session_state {
	READY,   /* in its engine's queue */
	RUNNING, /* or it waits for a gc_serve() that it called */
	WAITING,
	ENDED,   /* about to be freed */
	STRANDED /* a connection without a function: for the next gc_serve() */
};

struct gc_session {
	struct ctx ctx;
	struct stack stack;
	void *fake; /* the address sanitizer's */
	enum session_state state;
	struct gc_net *net;
	struct engine *engine;          /* NULL: for the next gc_serve() */
	struct gc_session *prev, *next; /* of all, in the order of start */
	struct gc_session *next_ready;
	uint64_t number, conn;
	char name[SESSION_NAME_MAX + 1];
	int (*fn)(struct gc_session *, void *);
	void *arg, *bound;
	bool player; /* it has or had a connection */

	/* what it is to be told */
	bool gone; /* its player */
	bool cancelled, stopped;
	bool wants_events;
	unsigned vain;
	int result; /* once ENDED */
	bool put_away;
	struct letter *first, *last, *held;
	size_t mailbox_bytes;

	/* what it waits for, and what of that came */
	unsigned mask; /* enum gc_for: which letters wake it */
	struct waiter for_tick, for_condition, for_channel, for_room, for_other;
	struct timed timer;
	unsigned came; /* enum gc_for, of those who are not letters */
	uint64_t ticks, room_ticks;
	bool timed_out;
	bool lost;        /* the condition, channel or room was freed */
	int other_result; /* of gc_await() */

	/* who waits for it */
	struct waiters joiners;
	struct monitor *monitors;

	/* job.c */
	size_t jobs;        /* that it began and has not heard the end of */
	int64_t job_waited; /* by gc_job_wait() */

	/* room.c */
	struct gc_room *room;
	struct gc_session *room_prev, *room_next;
};

struct monitor {
	struct monitor *next;
	uint64_t watcher;
};

struct engine {
	struct engine *next; /* of all that run or stand */
	struct engine *outer;
	int (*fn)(struct gc_session *, void *);
	void *arg;
	struct gc_session *ready, **ready_end;
	size_t live;
	bool runs;
	int value; /* of gc_serve_end(); 0: go on */
	/* where gc_serve() left its stack, and where that stack is */
	struct ctx back;
	void *fake;
	const void *low;
	size_t size;
};

struct sessions {
	struct sessions *next; /* of all in the process, for debuggers */
	struct gc_net *net;
	struct gc_session *running; /* on whose stack we are */
	struct gc_session *first, *last;
	struct engine *engines, *engine; /* engine: the innermost that runs */
	struct conns by_conn, by_number;
	size_t live, stranded;
	bool stopped;        /* GC_STOP came */
	uint64_t fresh_conn; /* whose peer net->event_who is */
	struct waiters tick, steps;
	struct stacks stacks;
	struct gc_session_limits limits;
	bool started; /* limits stand */
	struct {
		uint64_t number;
		int result;
	} ended[ENDED_KEPT];
	size_t n_ended;
};

/* ---- engine.c ----------------------------------------------------------- */

/* Made when it is first asked for; NULL: out of memory. */
struct sessions *sessions_of(struct gc_net *net);
/* It waits no more: run it when its turn comes. */
void session_ready(struct gc_session *s);
/* Leave the stack of the session that runs until it is ready again. */
void session_park(struct gc_session *s);
/* It is over, without returning. */
_Noreturn void session_put_away(struct gc_session *s, const char *why);
struct gc_session *session_find(const struct gc_net *net, uint64_t number);
/* What a session that ended returned: false if that is not known any more. */
bool session_result(const struct gc_net *net, uint64_t number, int *result);
/* Its connection and what was not read of it is a new player's. */
void session_strand(struct gc_session *s);

/* ---- session.c ---------------------------------------------------------- */

/* Beside enum gc_for: a list that only this room knows of. */
#define FOR_OTHER (1u << 30)
/* A letter with the answer that gc_job_wait() waits for. */
#define FOR_JOB_WAIT (1u << 29)

/* Put a letter into its mailbox: 0, GC_EFULL, GC_ENO_MEMORY. text may be NULL.
 */
int session_post(
    struct gc_session *s, const struct letter *l, const char *text, size_t len);
/* What a call that waits must say instead of waiting, or 0. */
int session_told(struct gc_session *s);
/* gc_wait(), and for what comes to another list if it is not NULL: then
 * FOR_OTHER. */
int session_wait(struct gc_session *s, struct gc_wait *w, struct waiters *other,
    int64_t timeout_ms);
/* Everybody on the list gets this, or only the first who waits. */
void wake_all(struct waiters *list, unsigned came, uint64_t count);
void wake_one(struct waiters *list, unsigned came);
/* What they wait for is freed. */
void wake_lost(struct waiters *list);
/* From one mailbox to the end of another: what the player typed. */
void letters_move(struct gc_session *from, struct gc_session *to);
void letters_free(struct gc_session *s);
/* Those of these kinds. */
void letters_drop(struct gc_session *s, unsigned what);

/* ---- job.c ----------------------------------------------------------------
 */

/* It ends: its jobs are cancelled. */
void jobs_of_session_end(struct gc_session *s);

/* ---- between.c ---------------------------------------------------------- */

/* Those who await or monitor it are told; false: there was nobody. */
bool session_tell_end(struct gc_session *s, int result);
void monitors_free(struct gc_session *s);
/* A value of the channel, if there is one: 1, 0, GC_ECLOSED. */
int channel_get(struct gc_channel *ch, void **thing);
struct waiters *channel_takers(struct gc_channel *ch);
struct waiters *condition_waiters(struct gc_condition *c);

/* ---- room.c ------------------------------------------------------------- */

struct waiters *room_ticks(struct gc_room *r);
/* Its session has another connection than this one now. */
void room_moved(struct gc_session *s, uint64_t before);

#endif
