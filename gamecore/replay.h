/*
 * replay.h - the inside of a replay, for replay*.c and tape.c only.
 *
 * tape.c knows what a recording holds, replay_run.c feeds one life of it to a
 * game and listens, replay_same.c says when two frames are the same,
 * replay_say.c puts into words what came out, replay.c decides what is run.
 */
#ifndef GAMECORE_REPLAY_H
#define GAMECORE_REPLAY_H

#include "gamecore/core.h"
#include "ipc/recording.h"

/* A result, and one frame in it. */
#define TEXT_MAX 1900
#define LINE_MAX_BYTES 300

/* ---- tape.c: what a recording holds -------------------------------------- */

/* A NOTE of netd that a replay needs. */
struct note {
	struct note *next;
	size_t life;
	bool death;
	uint64_t frame, given; /* death: in its hand, the last it was given */
	uint64_t with;        /* else: replaced when that frame was set aside */
	struct ipc_buf whole; /* by this one */
};

/* One process of the game, from its HELLO on. */
struct life {
	bool whole; /* its beginning is there */
	bool open;  /* it ended where the recording does not show it all */
	uint64_t up, down;
	uint64_t given; /* not 0: it died for good with frames up to this one */
};

struct tape {
	int fd;
	struct life *lives;
	size_t n;
	bool restarted; /* its first life begins with a RESTART, too */
	struct note *notes;
	struct ipc_buf command; /* of the game, readable */
	char how[192];          /* the recording's end if it is no END; or "" */
	char problem[512];
};

/* Look through all of it. args: the words after the program, n of them, each
 * with a NUL. False: t->problem says why not; tape_close() it all the same. */
bool
tape_open(struct tape *t, const char *file, struct ipc_buf *args, size_t *n);
void tape_close(struct tape *t);
/* One reader after another on the same file. */
bool tape_rewind(struct tape *t, struct ipc_recording_reader *r);
/* What netd noted of this frame up: the death there, or its replacement. */
const struct note *
tape_note(const struct tape *t, size_t life, uint64_t frame, bool death);
/* Set t->problem; returns false. */
bool tape_problem(struct tape *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- replay_same.c ------------------------------------------------------- */

/* Is what came down the same as then, but for what cannot be? */
bool replay_same(const struct ipc_frame *was, const struct ipc_frame *is);
/* The first byte that differs. */
size_t replay_difference(const struct ipc_frame *a, const struct ipc_frame *b);

/* ---- replay_run.c: one run of one life ----------------------------------- */

struct run {
	const struct options *o;
	struct tape *tape;
	size_t life; /* from 1 */
	/* how to feed */
	uint64_t from, to; /* these frames one by one; 0: none */
	uint64_t aside;    /* frames up to this one as netd replaced them */
	bool paced;
	/* what is fed */
	struct ipc_recording_reader in;
	struct ipc_buf feed, expect;
	size_t feed_at, feed_to, expect_at; /* written; may be written */
	uint64_t laid, given; /* up: the newest in feed; that may be written */
	uint64_t told;        /* down: the newest in expect */
	uint64_t must; /* of them those that --until leaves no choice about */
	bool over;     /* nothing more in this life */
	bool ups_over; /* nothing more to feed */
	int64_t began_us, first_us, next_us; /* of pacing */
	/* the game */
	int up, down;
	pid_t game;
	struct ipc_reader out;
	uint64_t taken, heard;
	bool partial, bye;
	int status;              /* of waitpid() */
	volatile uint64_t *hand; /* what it has in hand; or NULL */
	/* what came out */
	enum { FINE, OTHER, MISSING, MORE, DIED, BROKEN } result;
	uint64_t at, in_from, in_to; /* frame down; frames up in its hand */
	char was[LINE_MAX_BYTES], is[LINE_MAX_BYTES];
	size_t byte; /* the first that differs */
};

/* 1: this process is the game now. 0: the run is done, r->result is what came
 * of it. -1: errno or the tape's problem says why not. */
int run_once(struct run *r, struct launched *l);
/* The pieces of it, for a game that is not our child. */
bool run_seek(struct run *r);
void run_init(struct run *r);
void run_play(struct run *r);
void run_judge(struct run *r);
void run_release(struct run *r);
void run_non_blocking(int fd);
void run_be_game(struct launched *l, const struct pipes *p, uint64_t break_at);

/* ---- replay_say.c: what came out, in words ------------------------------- */

struct outcome {
	char text[TEXT_MAX];
	size_t len;
	int status;
};

enum { SAME = 0, DIFFERS = 3, UNUSABLE = 4 };

void outcome_say(struct outcome *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Where r differs, in whose hand, and how to see it. */
void outcome_different(struct outcome *o, const struct run *r);
void outcome_tape(struct outcome *o, const struct tape *t);
/* A frame as one line. */
void replay_print(const struct ipc_frame *f, char out[LINE_MAX_BYTES]);

#endif
