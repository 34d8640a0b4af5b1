/*
 * recording_own.h - how a recording is laid out, for recording*.c and
 * flight.c only: recording.h says it in words.
 */
#ifndef IPC_RECORDING_OWN_H
#define IPC_RECORDING_OWN_H

#include "ipc/recording.h"

#include <assert.h>
#include <string.h>

#define MAGIC "penstock recording "
#define MAGIC_LINE MAGIC "1\n"
#define MAGIC_LEN (sizeof(MAGIC_LINE) - 1)
#define FILE_HEAD (MAGIC_LEN + 8)
static_assert(IPC_RECORDING_VERSION == 1, "MAGIC_LINE says the version");

#define AT_LEN 4
#define AT_TIME 8
#define AT_POSITION 16
#define AT_CRC 24
#define AT_HEAD_CRC 28

/* Frames of one record: a turn, cut where it gets much longer than that. */
#define CHUNK (1u << 20)

static inline bool
ipc_record_is_frames(unsigned type)
{
	return type == IPC_RECORD_UP || type == IPC_RECORD_DOWN;
}

/* How many bytes follow the head at h. */
static inline uint32_t
ipc_record_len(const uint8_t *h)
{
	uint32_t n;

	memcpy(&n, h + AT_LEN, 4);
	return n;
}

/* All of a head but its checksums, which _seal fills in. */
void ipc_record_head(uint8_t h[IPC_RECORD_HEAD], unsigned type, size_t len,
    int64_t time_us, uint64_t position);
void ipc_record_seal(uint8_t h[IPC_RECORD_HEAD], const void *bytes, size_t len);
/*
 * The frames at p that make one record: at least one, as many more as stay
 * inside max. Adds to *count those that positions count. 0: no whole frame.
 */
size_t
ipc_record_frames(const uint8_t *p, size_t n, size_t max, uint64_t *count);
/* A record behind those there are. Errors as ipc_recording_add(). */
int ipc_recording_put(struct ipc_recording *r, const uint8_t h[IPC_RECORD_HEAD],
    const void *bytes, size_t len);

#endif
