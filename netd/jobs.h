/*
 * jobs.h - slow work of a game: jobs that wait, and workers that do them.
 *
 * jobs.c knows what is to be done and in which order, workers.c who does it
 * over which pipes. Both know of one struct worker that has one job or none.
 */
#ifndef NETD_JOBS_H
#define NETD_JOBS_H

#include "netd/netd.h"

#include <uthash.h>

/* The game begins a job; what becomes of it goes up, however it ends. */
void jobs_add(struct link *l, uint64_t number, const char *name,
    const uint8_t *bytes, size_t len);
/* Nobody is to hear of this one, of all of that game, any more. */
void jobs_cancel(struct link *l, uint64_t number);
void jobs_disown(struct link *l);
/* Workers of this name there will be; all that is known of them goes. */
void jobs_declare(
    struct netd *n, const char *name, unsigned retries, int64_t limit_ms);
void jobs_forget(struct netd *n);
/* A new program took over: who is idle ends, the others after their job. */
void jobs_retire(struct netd *n);
/* At a turn's end: give out what waits. */
void jobs_turn(struct netd *n);
/* The game has ended: is there still something to wait for? */
void jobs_finish(struct netd *n);
bool jobs_pending(const struct netd *n);
void jobs_init(struct netd *n);
void jobs_release(struct netd *n);

/* A worker's pipe ends, which are taken; -1: it could not be started. */
void worker_attach(struct netd *n, const char *name, uint32_t number,
    int64_t pid, int in_fd, int out_fd);

/* ---- the inside: jobs.c and workers.c ----------------------------------- */

struct job {
	struct job *next;   /* of those that wait for the same workers */
	struct link *link;  /* NULL: nobody is to hear of it any more */
	uint64_t number;    /* the game's */
	struct workers *of; /* NULL: there are none of that name */
	unsigned tried;     /* how often a worker died of it */
	UT_hash_handle hh;  /* in link->jobs, while link is there */
	size_t len;
	uint8_t bytes[];
};

/* All of one name. */
struct workers {
	struct workers *next;
	struct jobs *jobs;
	char name[IPC_WORKERS_NAME_MAX + 1];
	unsigned retries;
	int64_t limit_ms;
	struct job *first, **end; /* that wait, the oldest first */
	struct worker *idle;      /* the one that was idle longest last */
	unsigned stillborn;       /* died in a row without having said hello */
};

struct worker {
	struct worker *next; /* of all */
	struct worker *next_idle;
	struct workers *of;
	struct netd *netd;
	uint32_t number; /* the launcher's */
	int64_t pid;
	int in_fd, out_fd; /* its standard of speech: we write, we read */
	ev_io in_io, out_io;
	ev_timer late;
	struct ipc_reader reader;
	struct ipc_buf in; /* what the pipe did not take yet */
	struct job *job;   /* or NULL */
	bool greeted;
	bool retired; /* it gets no other job */
};

struct jobs {
	struct netd *netd;
	struct workers *workers;
	struct worker *all;
	size_t n_workers;
	size_t bytes; /* of jobs that are not done */
	bool held;    /* nobody is read */
	bool waiting; /* a job waits, or a worker is idle since last turn */
	ev_timer end;
	bool given_up; /* after the game's end */
};

/* ---- jobs.c: for workers.c ----------------------------------------------- */

struct workers *workers_find(const struct netd *n, const char *name);
/* It has said hello, or is done with its job: it is the next one's. */
void jobs_idle(struct worker *w);
/* What became of the job that w has: 0 or IPC_ERR_..., and the answer. */
void jobs_done(struct worker *w, int error, const void *bytes, size_t len);
void jobs_note(struct worker *w, const void *bytes, size_t len);
/* w ended, with a job in hand or without; error and why say of what. */
void jobs_lost(struct worker *w, int error, const char *why);

/* ---- workers.c: for jobs.c ------------------------------------------------
 */

/* Give it this job, which it keeps until jobs_done() or jobs_lost(). */
void worker_give(struct worker *w, struct job *job);
/* Its pipes are closed, so it ends. Frees w, its job is lost before. */
void worker_end(struct worker *w, int error, const char *why);
/* Read what they say, or do not. */
void workers_hold(struct jobs *j, bool hold);

#endif
