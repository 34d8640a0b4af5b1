/*
 * frame.h - one frame: the only thing that ever crosses a pipe.
 *
 * Every frame is a tpl image of the format "ccvUB": kind, flags, channel, id
 * and bytes, little-endian, written and read here by hand because the library
 * costs fifty times as much. tests/unit/test_frame.c holds this file to what
 * libtpl makes of the same values. PROTOCOL.md draws the bytes.
 *
 * No I/O in here: bytes go in, whole frames come out.
 */
#ifndef IPC_FRAME_H
#define IPC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes before a frame's own bytes: 8 of tpl's head, 6 of format, 16. */
#define IPC_FRAME_HEAD 30
/* What any end may ask for as its largest frame, head included. The largest
 * OPENED still fits into the smallest. */
#define IPC_FRAME_MAX_MIN (16u << 10)
#define IPC_FRAME_MAX_MAX (16u << 20)
/* What both ends use unless a handshake agreed on something else. */
#define IPC_FRAME_MAX (1u << 20)

/* One frame. The meaning of flags, channel and id is the kind's own. */
struct ipc_frame {
	uint8_t kind;
	uint8_t flags;
	uint16_t channel;
	uint64_t id;
	const uint8_t *bytes; /* a view into whatever it was decoded from */
	uint32_t len;         /* of bytes */
};

enum ipc_decoded {
	IPC_NEED_MORE, /* not a whole frame yet; nothing is wrong so far */
	IPC_FRAME,     /* a whole frame */
	IPC_BROKEN     /* can never become a frame */
};

/* Bytes that a frame with len bytes of its own takes on the pipe. */
static inline size_t
ipc_frame_size(size_t len)
{
	return IPC_FRAME_HEAD + len;
}

/*
 * Write the head of *f (all but its bytes) to out. f->bytes is not looked at,
 * so a caller can lay the bytes behind the head itself.
 */
void ipc_frame_head(uint8_t out[IPC_FRAME_HEAD], const struct ipc_frame *f);

/*
 * Look for one frame at the start of the n bytes at p.
 *
 * max is the largest whole frame in bytes. On IPC_FRAME *f is filled (its
 * bytes are a view into p) and the frame takes ipc_frame_size(f->len) bytes.
 * On IPC_NEED_MORE *want is how many bytes from p must be there before asking
 * again is worth it: more than n, never more than max. On IPC_BROKEN *why is
 * a constant sentence and *want the offset of the byte that is wrong.
 */
enum ipc_decoded ipc_frame_decode(const uint8_t *p, size_t n, size_t max,
    struct ipc_frame *f, size_t *want, const char **why);

/*
 * A reader gathers what read() brings and hands out whole frames. It starts
 * with room for one slice and grows to the size of the frame at hand, never
 * beyond max, after that frame's length was checked.
 */
struct ipc_reader {
	uint8_t *data; /* owned */
	size_t size;   /* allocated */
	size_t mark;   /* bytes before this one may be forgotten */
	size_t pos;    /* the next frame starts here */
	size_t end;    /* bytes filled */
	size_t max;    /* the largest whole frame */
	size_t want;   /* bytes from pos that the next frame needs, if known */
	size_t keep_max; /* mark..end may grow to this many bytes */
	uint64_t taken;  /* bytes handed out as frames since the start */
	const char *why; /* after IPC_BROKEN: what is wrong */
	size_t wrong_at; /* after IPC_BROKEN: the offset in that frame */
};

/* A read() of one slice stays inside the L2 cache (see FIGURES: bulk rows). */
#define IPC_SLICE (64u << 10)

/* max: the largest whole frame. Allocates nothing before the first _space. */
void ipc_reader_init(struct ipc_reader *r, size_t max);
void ipc_reader_release(struct ipc_reader *r);
/* Forget everything read so far; keep the storage. */
void ipc_reader_clear(struct ipc_reader *r);

/*
 * Room for the next read(): *n bytes at the returned address, at least one.
 * Views from earlier frames end here unless they lie behind the mark. NULL
 * when out of memory, or when the bytes kept behind the mark reach keep_max.
 */
uint8_t *ipc_reader_space(struct ipc_reader *r, size_t *n);
/* n bytes were read into that room. */
void ipc_reader_filled(struct ipc_reader *r, size_t n);
/*
 * The next whole frame. *f is a view until the next ipc_reader_space(). The
 * mark follows by itself unless the caller holds it (see ipc_reader_hold).
 */
enum ipc_decoded ipc_reader_next(struct ipc_reader *r, struct ipc_frame *f);
/*
 * Keep everything from mark on in memory until it is moved: for a receiver
 * that acts on a turn only when its end has come. max bounds what is kept.
 */
void ipc_reader_hold(struct ipc_reader *r, size_t max);

#endif
