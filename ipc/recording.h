/*
 * recording.h - a game's whole life in a file: every frame that crossed the
 * two pipes, as it was, with the time, in the order in which netd saw it.
 *
 * A file is a head and then records (little-endian):
 *
 *	"penstock recording 1\n"            21 bytes
 *	u32 length of text, u32 crc         crc of both, the crc field as 0
 *	text                                lines KEY=VALUE, see _head_add
 *
 *	u8 type, 3 bytes 0, u32 length of bytes, i64 microseconds since 1970,
 *	u64 position, u32 crc of bytes, u32 crc of the 28 bytes before it
 *	bytes
 *
 * The crc is zlib's CRC-32. Whatever is written is found intact or is found
 * out: a file that was cut off in the middle of a record ends at the record
 * before ("torn"), any changed bit is damage, and a gap in the positions is
 * missing frames.
 *
 * Positions count the frames of each direction from 1; COMMIT, which ends a
 * turn, counts in none. A replay hands the game the UP records and compares
 * what it writes with the DOWN records, COMMITs left out on both sides; netd
 * plays the DOWN records and compares nothing.
 *
 * A writer never blocks on anything but a disk, never closes the descriptor
 * it was given, and after its first error keeps quiet.
 */
#ifndef IPC_RECORDING_H
#define IPC_RECORDING_H

#include "ipc/buf.h"
#include "ipc/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPC_RECORDING_VERSION 1
#define IPC_RECORD_HEAD 32
/* The head's text, and the bytes of one record (one frame can be as long). */
#define IPC_RECORDING_TEXT_MAX (1u << 20)
#define IPC_RECORD_MAX IPC_FRAME_MAX_MAX

enum ipc_record_type {
	IPC_RECORD_UP = 1,     /* whole frames, netd to game */
	IPC_RECORD_DOWN,       /* whole frames, game to netd */
	IPC_RECORD_CHECKPOINT, /* a copy of the game is frozen here */
	IPC_RECORD_RESTART,    /* a fresh game: both directions count anew */
	IPC_RECORD_NOTE,       /* something happened; text says what */
	IPC_RECORD_END         /* the last one; text says how it ended */
};

/*
 * Marks carry one line of text, KEY=VALUE words, and as position that of the
 * last frame up before them. For END: "how=stopped", "how=signal signal=11",
 * "how=exit status=1", "how=handed_over", "how=cut". For CHECKPOINT:
 * "number=7".
 */

/* "up", "down", "checkpoint", "restart", "note", "end"; NULL for others. */
const char *ipc_record_name(unsigned type);

/* ---- the head's text ---------------------------------------------------- */

/*
 * Add a line: key is a word of [a-z0-9_.], value any bytes without NUL. A key
 * may come again ("arg" does, once for each argument). True, or false if the
 * text is full.
 */
bool ipc_recording_head_add(
    struct ipc_buf *text, const char *key, const char *value);
/*
 * The nth value (0: the first) of a key. Appends it to value, without a NUL;
 * false if there is none.
 */
bool ipc_recording_head_get(const char *text, size_t len, const char *key,
    unsigned nth, struct ipc_buf *value);

/* ---- writing ------------------------------------------------------------ */

struct ipc_recording {
	int fd;             /* kept */
	bool off;           /* nothing is written any more */
	struct ipc_buf out; /* gathered, not written yet */
	uint64_t up, down;  /* position of the newest frame */
	uint64_t written;   /* bytes in the file, whole records only */
	uint64_t records;   /* made so far, for statistics */
};

/*
 * Begin a recording in fd, an empty file or a pipe. text is the head's, from
 * _head_add. The first frame up will be number 1. Returns 0 and *r, which is
 * to be ended with _release; IPC_ERR_NO_MEMORY, IPC_ERR_TOO_LONG (text); or
 * IPC_ERR_SYSTEM (errno says), and there is nothing to release.
 */
int ipc_recording_create(
    struct ipc_recording *r, int fd, const char *text, size_t len);
/*
 * Add n bytes of whole frames, as they are on the pipe, in direction
 * IPC_RECORD_UP or IPC_RECORD_DOWN. Gathers them; writes when a slice or more
 * has gathered. Returns 0, also when the recording is off. An error comes
 * once and turns the recording off: IPC_ERR_SYSTEM (errno says: ENOSPC),
 * IPC_ERR_NO_MEMORY, IPC_ERR_PROTOCOL (those were not whole frames). The file
 * then ends with the last record that was written whole.
 */
int ipc_recording_add(struct ipc_recording *r, enum ipc_record_type type,
    const void *frames, size_t n, int64_t now_us);
/* Add a mark. Errors as _add. A RESTART makes both directions count anew. */
int ipc_recording_mark(struct ipc_recording *r, enum ipc_record_type type,
    const char *text, int64_t now_us);
/* Write what has gathered. Errors as _add. */
int ipc_recording_flush(struct ipc_recording *r);
/* Forget what was not written, free the storage. The descriptor stays. */
void ipc_recording_release(struct ipc_recording *r);

struct ipc_record {
	uint8_t type;
	int64_t time_us;
	uint64_t position; /* of its first counted frame; of marks, see above */
	const uint8_t *bytes; /* a view until the next call on the reader */
	uint32_t len;
	uint64_t offset; /* in the file */
};

/* ---- reading ------------------------------------------------------------ */

/* One frame out of a record. */
struct ipc_recorded {
	struct ipc_frame frame; /* a view, as a record's bytes */
	uint8_t type;           /* IPC_RECORD_UP or _DOWN, or a mark */
	uint64_t position; /* its own; a COMMIT has that of the frame before */
	int64_t time_us;
	const uint8_t *bytes; /* the whole frame, or a mark's text */
	uint32_t len;
};

struct ipc_recording_reader {
	int fd;        /* kept; -1: memory */
	uint8_t *data; /* owned, or borrowed when fd is -1 */
	size_t size, pos, end;
	uint64_t base; /* offset in the file of data[0] */
	bool eof;
	char *text; /* the head's, ends with a NUL */
	size_t text_len;
	/* Positions of the newest frame up and down; of which direction any
	 * was seen yet (a flight recording does not begin at 1). */
	uint64_t up, down;
	bool saw_up, saw_down;
	bool ended;    /* an END record was there */
	bool torn;     /* the file was cut off in the middle of a record */
	uint64_t good; /* offset behind the last good record */
	char why[160]; /* torn, or an error: one line that says where */
	struct ipc_record now; /* for _next_frame */
	size_t now_off;
	uint64_t now_position;
};

/*
 * Read the head of a recording from fd (a file or a pipe, kept). Returns 0
 * and *r, to be ended with _close; or IPC_ERR_RECORDING (r->why says: not a
 * recording, another version, damaged), IPC_ERR_SYSTEM, IPC_ERR_NO_MEMORY,
 * and there is nothing to close.
 */
int ipc_recording_open(struct ipc_recording_reader *r, int fd);
/* The same where n bytes of it were read from fd already. */
int ipc_recording_open_after(
    struct ipc_recording_reader *r, int fd, const void *bytes, size_t n);
/* The same from memory, which is kept. */
int ipc_recording_open_bytes(
    struct ipc_recording_reader *r, const void *bytes, size_t n);
void ipc_recording_close(struct ipc_recording_reader *r);
/*
 * The next record. Returns 1, 0 at the end (r->ended and r->torn say what
 * kind of end), or IPC_ERR_RECORDING (damage or missing frames; r->why says
 * where), IPC_ERR_SYSTEM, IPC_ERR_NO_MEMORY. No record is given out twice,
 * and none behind damage.
 */
int ipc_recording_next(struct ipc_recording_reader *r, struct ipc_record *rec);
/* The next frame or mark. Returns as _next. Use one of the two only. */
int ipc_recording_next_frame(
    struct ipc_recording_reader *r, struct ipc_recorded *f);

#endif
