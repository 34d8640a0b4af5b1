/*
 * recover.h - checkpoints, deaths, going on; and what a person reads of it.
 *
 * recover.c counts what a woken copy of the game must be sent again and what
 * the players have already; report.c says it in words.
 */
#ifndef NETD_RECOVER_H
#define NETD_RECOVER_H

#include "ipc/buf.h"
#include "ipc/control.h"
#include "ipc/flight.h"
#include "ipc/frame.h"
#include "netd/journal.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link;

/* What it takes to go on after a game's death. */
struct recovery {
	bool able;       /* a launcher is there that wakes checkpoints */
	bool ran_before; /* the game ran under a netd before this one */
	bool died;       /* its launcher said so; the pipe is read to its end */
	bool pending;    /* a CHECKPOINT was asked for and is not answered */
	bool failed;     /* the newest answer was that there is no copy */
	uint64_t lost;   /* the newest whose copy is no more */
	uint64_t asked, asked_at; /* number and position of the newest asked */
	uint64_t number;          /* of the newest that stands, or 0 */
	uint64_t position;        /* it has taken frames up to this one */
	uint64_t down; /* and sent this many, its CHECKPOINTED included */
	int64_t since_us, interval_us;
	uint64_t finished; /* frames the game is done with for sure */
	uint64_t redo;     /* of link.down: seen again since it was woken */
	uint64_t catch_up; /* a woken one has taken what the dead one had when
			    * it has taken this; or 0 */
	uint64_t
	    given; /* frames it was given, in part or whole, at its death */
	/* Where the flight recorder has the checkpoint's CHECKPOINTED, and how
	 * much it had seen then; where it has what comes down again. */
	struct ipc_flight_walk checkpoint, again;
	uint64_t laid;
	bool compares;    /* what comes down again is held against that */
	uint64_t differs; /* the first frame down that came out otherwise */
	int64_t deaths_us[16]; /* ring of times */
	unsigned deaths, cold_starts;
	int64_t died_us;
	int wait_status;
	char how[160];
	uint64_t hand;      /* the position its launcher says it had in hand */
	uint64_t died_at;   /* the same, if that frame is known; or 0 */
	uint64_t died_conn; /* who is to blame for that frame, or 0 */
	char died_of[160];  /* the readable line of that frame */
	/* The frame that the newest death was in, over cold starts: where it
	 * lies now (0: not told again yet) or lay in what is parked. */
	uint64_t suspect_at, suspect_parked, suspect_conn;
	unsigned suspect_kind, suspect_deaths;
	bool poisoned;
	ev_timer cold;         /* a cold start is due */
	bool told;             /* this process, of everybody */
	struct journal parked; /* what the game before had not finished */
	uint64_t parked_from;
	struct ipc_buf snapshot, snapshot_next;
};

void recover_init(struct link *l);
void recover_release(struct link *l);
/* A game that counts from 1; what the one before left is parked. */
void recover_fresh(struct link *l, bool able);
/* It ran under another netd, where no checkpoint had a number above this. */
void recover_again(struct link *l, uint64_t asked);
/* The checkpoint of that number runs on, on fresh pipes. */
void recover_woken(struct link *l, uint64_t number);
/* HELLO is answered: tell of everything that a fresh game must know. */
void recover_tell(struct link *l);
/* It waits for the first time. */
void recover_ready(struct link *l);
/* It has taken over: all that clients know by its predecessor's counting. */
void recover_taken_over(struct link *l);
/* No game is there, but one that knows all up to now will be. */
bool recover_parks(const struct link *l);
/* Frames may go up to this position for now. */
uint64_t recover_until(const struct link *l);
/* Is this a frame that the players have already? */
bool recover_seen(struct link *l, const struct ipc_frame *f);
void recover_committed(struct link *l, bool partial);
/* The game's pipe is read to its end; its launcher says it died. */
void recover_detached(struct link *l);
void recover_died(struct link *l, int wait_status, const char *text);
/* A checkpoint's copy is no more; asked: it was to be woken. */
void recover_lost(struct link *l, uint64_t number, bool asked);
/* At a turn's end, and four times a second: is a checkpoint due? */
void recover_turn(struct link *l);
void recover_sweep(struct link *l);
/* Ask for one now. */
void recover_checkpoint(struct link *l);
bool recover_checkpointed(
    struct link *l, uint64_t number, const struct ipc_checkpointed *m);
bool recover_snapshot(struct link *l, const struct ipc_frame *f);

/* ---- report.c: what a person reads after a death ------------------------ */

/* done: what was done about it, in words. Said when its recording is written,
 * or could not be. */
void report_death(struct link *l, const char *done);
/* The rest of it, once what became of the recording is known. */
void report_crash(struct crash *c);
/* One readable line of a frame, cut to size. */
void report_frame(const struct ipc_frame *f, char *out, size_t size);

#endif
