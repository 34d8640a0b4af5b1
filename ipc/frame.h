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

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
 * Both ends look at every frame, so the head is written and read here, in the
 * place that wants it, as words: "tpl", flags 0 (little-endian, no strings) and
 * the length; the format, kind and flags; channel, id, length of the bytes.
 */
#define IPC_FRAME_MAGIC 0x006c7074u        /* "tpl", 0 */
#define IPC_FRAME_FORMAT 0x004255766363ull /* "ccvUB", 0 */

/* The first eight bytes of a frame with len bytes of its own. */
static inline uint64_t
ipc_frame_first(uint32_t len)
{
	return ((uint64_t)len + IPC_FRAME_HEAD) << 32 | IPC_FRAME_MAGIC;
}

/*
 * Write the head of *f (all but its bytes) to out. f->bytes is not looked at,
 * so a caller can lay the bytes behind the head itself.
 */
static inline void
ipc_frame_head(uint8_t *out, const struct ipc_frame *f)
{
	uint64_t first = ipc_frame_first(f->len);
	uint64_t second = (uint64_t)f->flags << 56 | (uint64_t)f->kind << 48 |
			  IPC_FRAME_FORMAT;

	assert(f->len <= UINT32_MAX - IPC_FRAME_HEAD);
	memcpy(out, &first, 8);
	memcpy(out + 8, &second, 8);
	memcpy(out + 16, &f->channel, 2);
	memcpy(out + 18, &f->id, 8);
	memcpy(out + 26, &f->len, 4);
}

/* Write all of *f to out. */
static inline void
ipc_frame_lay(uint8_t *out, const struct ipc_frame *f)
{
	uint8_t *to = out + IPC_FRAME_HEAD;

	ipc_frame_head(out, f);
	/* What is mostly said is short; the second part overlaps the first. */
	if (f->len >= 16 && f->len <= 32) {
		uint8_t first[16], last[16];

		memcpy(first, f->bytes, 16);
		memcpy(last, f->bytes + f->len - 16, 16);
		memcpy(to, first, 16);
		memcpy(to + f->len - 16, last, 16);
	} else if (f->len) {
		memcpy(to, f->bytes, f->len);
	}
}

/* Fill *f from a whole frame at p that was looked at before. */
static inline void
ipc_frame_known(const uint8_t *p, struct ipc_frame *f)
{
	f->kind = p[14];
	f->flags = p[15];
	memcpy(&f->channel, p + 16, 2);
	memcpy(&f->id, p + 18, 8);
	memcpy(&f->len, p + 26, 4);
	f->bytes = p + IPC_FRAME_HEAD;
}

/* Two whole frames that were looked at: are they alike but for their bytes? */
static inline bool
ipc_frame_alike(const uint8_t *p, const uint8_t *q)
{
	return memcmp(p + 14, q + 14, 12) == 0;
}

/* Do the n bytes at p begin with a whole frame of at most max bytes? Then *f
 * is filled; if not, ipc_frame_decode() knows why. */
static inline bool
ipc_frame_ready(const uint8_t *p, size_t n, size_t max, struct ipc_frame *f)
{
	uint64_t first, second;
	uint32_t len;

	if (n > max)
		n = max;
	if (n < IPC_FRAME_HEAD)
		return false;
	memcpy(&first, p, 8);
	memcpy(&second, p + 8, 8);
	memcpy(&len, p + 26, 4);
	if (first != ipc_frame_first(len) ||
	    second << 16 != IPC_FRAME_FORMAT << 16 || len > n - IPC_FRAME_HEAD)
		return false;
	ipc_frame_known(p, f);
	return true;
}

/*
 * How many of the n bytes at p are whole frames of this kind, of at most max
 * bytes each, one behind the other. Adds to *frames how many they are.
 */
static inline size_t
ipc_frame_row(
    const uint8_t *p, size_t n, size_t max, unsigned kind, size_t *frames)
{
	const uint64_t format = (uint64_t)kind << 48 | IPC_FRAME_FORMAT;
	size_t at = 0;

	while (n - at >= IPC_FRAME_HEAD) {
		uint64_t first, second;
		uint32_t len;

		memcpy(&first, p + at, 8);
		memcpy(&second, p + at + 8, 8);
		memcpy(&len, p + at + 26, 4);
		if (first != ipc_frame_first(len) ||
		    second << 8 != format << 8 ||
		    ipc_frame_size(len) > n - at || ipc_frame_size(len) > max)
			break;
		at += ipc_frame_size(len);
		(*frames)++;
	}
	return at;
}

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
	uint8_t *data;   /* owned */
	size_t size;     /* allocated */
	size_t mark;     /* bytes before this one may be forgotten */
	size_t pos;      /* the next frame starts here */
	size_t end;      /* bytes filled */
	size_t max;      /* the largest whole frame */
	size_t want;     /* bytes from pos that it needs, if it is not whole */
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
/* Is a whole frame next? Then *f is filled, and still next until it is taken.
 */
static inline bool
ipc_reader_ready(const struct ipc_reader *r, struct ipc_frame *f)
{
	return ipc_frame_ready(r->data + r->pos, r->end - r->pos, r->max, f);
}
static inline void
ipc_reader_took(struct ipc_reader *r, const struct ipc_frame *f)
{
	r->pos += ipc_frame_size(f->len);
	r->taken += ipc_frame_size(f->len);
}
/*
 * The next whole frame. *f is a view until the next ipc_reader_space(). The
 * mark follows by itself unless the caller holds it (see ipc_reader_hold).
 */
enum ipc_decoded ipc_reader_look(struct ipc_reader *r, struct ipc_frame *f);
static inline enum ipc_decoded
ipc_reader_next(struct ipc_reader *r, struct ipc_frame *f)
{
	if (r->why || r->pos == r->end || !ipc_reader_ready(r, f))
		return ipc_reader_look(r, f);
	ipc_reader_took(r, f);
	return IPC_FRAME;
}
/*
 * Keep everything from mark on in memory until it is moved: for a receiver
 * that acts on a turn only when its end has come. max bounds what is kept.
 */
void ipc_reader_hold(struct ipc_reader *r, size_t max);

#endif
