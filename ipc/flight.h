/*
 * flight.h - the flight recorder: the newest records of a game, in memory,
 * always on, to be written out as a recording (recording.h) when the game dies.
 */
#ifndef IPC_FLIGHT_H
#define IPC_FLIGHT_H

#include "ipc/recording.h"

/* What it keeps unless told otherwise. */
#define IPC_FLIGHT_BYTES (16u << 20)

/* The newest records, in memory. Allocates size bytes once, and touches them
 * as they fill. */
struct ipc_flight {
	uint8_t *data; /* owned */
	size_t size;
	size_t head;   /* the next record goes here */
	size_t tail;   /* the oldest record */
	size_t wrap;   /* records behind the tail end here, then go on at 0 */
	size_t newest; /* the newest record */
	size_t n;      /* records in it */
	uint64_t dropped; /* records before them */
	uint64_t laid;    /* bytes of all records ever */
	uint64_t up, down;
	/* For _lend, to be set behind _init: how much may be lent at once, and
	 * what is called for each lent record that is dropped. */
	size_t lent, lent_max;
	void (*give_back)(void *owner);
};

/* 0 or IPC_ERR_NO_MEMORY. */
int ipc_flight_init(struct ipc_flight *f, size_t size);
void ipc_flight_release(struct ipc_flight *f);
/* As _recording_add; the oldest records make room. What cannot fit at all
 * empties it. count: how many of them positions count, 0 if nobody knows. */
int ipc_flight_add(struct ipc_flight *f, enum ipc_record_type type,
    const void *frames, size_t n, uint64_t count, int64_t now_us);
/*
 * The same without a copy: frames are kept until give_back(owner). weight is
 * what keeping them costs in memory. Returns false if they are not kept.
 */
bool ipc_flight_lend(struct ipc_flight *f, enum ipc_record_type type,
    const void *frames, size_t n, uint64_t count, int64_t now_us, void *owner,
    size_t weight);
int ipc_flight_mark(struct ipc_flight *f, enum ipc_record_type type,
    const char *text, int64_t now_us);
/*
 * Write all it holds to fd as a recording, which begins where the oldest
 * record does. It stays as it is. Errors as _recording_create.
 */
int ipc_flight_write(
    const struct ipc_flight *f, int fd, const char *text, size_t len);

/* A place in it; good as long as its record is not dropped. */
struct ipc_flight_walk {
	uint64_t record; /* its number, from 1 */
	size_t at;
	size_t off;        /* of the next frame in its bytes */
	uint64_t position; /* of the frame given out last */
};
/* The oldest record; the newest. */
void ipc_flight_begin(const struct ipc_flight *f, struct ipc_flight_walk *w);
void ipc_flight_here(const struct ipc_flight *f, struct ipc_flight_walk *w);
/* The record there, a view, and on to the next. False: dropped, or the end. */
bool ipc_flight_next(const struct ipc_flight *f, struct ipc_flight_walk *w,
    struct ipc_record *rec);
/* The next frame down that is counted, in w->position. False: none in this
 * life, or it is dropped. */
bool ipc_flight_next_down(const struct ipc_flight *f, struct ipc_flight_walk *w,
    struct ipc_frame *frame);

#endif
