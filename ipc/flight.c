/*
 * flight.c - the flight recorder: the newest records, in memory.
 *
 * A ring of records as they stand in a file, their checksums left out until
 * it is written. It must never cost more memory than it was given, what is
 * lent to it counted in, and nothing in the way of a turn but a copy. Next:
 * recording.c.
 */
#include "ipc/flight.h"
#include "ipc/msg.h"
#include "ipc/recording_own.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* In a frame; AT_LEN is there, too. */
#define AT_KIND 14

/*
 * The same for frames that were looked at before, by whoever laid or took
 * them: their lengths alone. What is written out is looked at when it is read.
 */
static size_t
take_known(const uint8_t *p, size_t n, size_t max, uint64_t *count)
{
	size_t used = 0;

	while (n - used >= IPC_FRAME_HEAD) {
		uint32_t size;

		memcpy(&size, p + used + AT_LEN, 4);
		if (size < IPC_FRAME_HEAD || size > n - used)
			return 0;
		if (used && used + size > max)
			break;
		*count += p[used + AT_KIND] != IPC_COMMIT;
		used += size;
	}
	return used;
}

int
ipc_flight_init(struct ipc_flight *f, size_t size)
{
	memset(f, 0, sizeof(*f));
	f->data = malloc(size);
	if (f->data == NULL)
		return IPC_ERR_NO_MEMORY;
	f->size = size;
	return 0;
}

/* What stands in the ring for bytes that are somebody else's. */
struct loan {
	const uint8_t *bytes;
	void *owner;
	size_t weight;
};

/* In the ring alone: a zero in files. */
#define AT_LENT 1

/* Where the record at p ends, in the ring. */
static size_t
stored(const uint8_t *p)
{
	return IPC_RECORD_HEAD +
	       (p[AT_LENT] ? sizeof(struct loan) : ipc_record_len(p));
}

static void
drop_oldest(struct ipc_flight *f)
{
	const uint8_t *p = f->data + f->tail;
	struct loan loan;

	if (p[AT_LENT]) {
		memcpy(&loan, p + IPC_RECORD_HEAD, sizeof(loan));
		f->lent -= loan.weight;
		f->give_back(loan.owner);
	}
	f->tail += stored(p);
	f->n--;
	f->dropped++;
	if (f->n == 0) {
		f->head = f->tail = f->wrap = 0;
	} else if (f->wrap && f->tail == f->wrap) {
		f->tail = f->wrap = 0;
	}
}

void
ipc_flight_release(struct ipc_flight *f)
{
	while (f->n)
		drop_oldest(f);
	free(f->data);
	memset(f, 0, sizeof(*f));
}

/*
 * Room for need bytes in one piece at f->head. Records lie in tail..head, or
 * once they have wrapped in tail..wrap and 0..head.
 */
static bool
make_room(struct ipc_flight *f, size_t need)
{
	while (need > f->size && f->n)
		drop_oldest(f);
	if (need > f->size)
		return false;
	for (;;) {
		if (f->wrap == 0 && f->size - f->head >= need)
			return true;
		if (f->wrap && f->tail - f->head >= need)
			return true;
		if (f->wrap == 0) {
			f->wrap = f->head;
			f->head = 0;
		} else {
			drop_oldest(f);
		}
	}
}

#ifdef __SSE2__
#define LINE 64

/* A whole one leaves at once. */
static inline void
lay_line(__m128i *to, const __m128i *from)
{
	__m128i a = _mm_loadu_si128(from), b = _mm_loadu_si128(from + 1);
	__m128i c = _mm_loadu_si128(from + 2), d = _mm_loadu_si128(from + 3);

	_mm_stream_si128(to, a);
	_mm_stream_si128(to + 1, b);
	_mm_stream_si128(to + 2, c);
	_mm_stream_si128(to + 3, d);
}
#endif

/*
 * As memcpy(), around the cache: nobody reads the ring for a long time, and
 * what it would push out is needed in a moment. CPU of netd and game together
 * for an echo of 1,024 bytes, against no recorder: 1.11 with memcpy(), 1.08.
 */
static void
lay(uint8_t *to, const uint8_t *from, size_t n)
{
#ifdef __SSE2__
	size_t head = -(uintptr_t)to & (LINE - 1);

	if (n >= 256) {
		memcpy(to, from, head);
		to += head;
		from += head;
		n -= head;
		for (; n >= LINE; n -= LINE, to += LINE, from += LINE)
			lay_line((__m128i *)(void *)to,
			    (const __m128i *)(const void *)from);
	}
#endif
	memcpy(to, from, n);
}

static bool
keep(struct ipc_flight *f, const uint8_t h[IPC_RECORD_HEAD], const void *bytes,
    size_t len)
{
	if (!make_room(f, IPC_RECORD_HEAD + len))
		return false;
	memcpy(f->data + f->head, h, IPC_RECORD_HEAD);
	if (len)
		lay(f->data + f->head + IPC_RECORD_HEAD, bytes, len);
	f->newest = f->head;
	f->head += IPC_RECORD_HEAD + len;
	f->laid += IPC_RECORD_HEAD + len;
	f->n++;
	return true;
}

int
ipc_flight_add(struct ipc_flight *f, enum ipc_record_type type,
    const void *frames, size_t n, uint64_t known, int64_t now_us)
{
	const uint8_t *p = frames;
	uint64_t *newest = type == IPC_RECORD_UP ? &f->up : &f->down;
	size_t max = f->size / 8 < CHUNK ? f->size / 8 : CHUNK;
	uint8_t h[IPC_RECORD_HEAD];

	assert(ipc_record_is_frames(type));
	while (n) {
		bool whole = known && p == frames && n <= max;
		uint64_t count = whole ? known : 0;
		size_t len = whole ? n : take_known(p, n, max, &count);

		if (len == 0)
			return IPC_ERR_PROTOCOL;
		ipc_record_head(h, type, len, now_us, *newest + 1);
		keep(f, h, p, len);
		*newest += count;
		p += len;
		n -= len;
	}
	return 0;
}

bool
ipc_flight_lend(struct ipc_flight *f, enum ipc_record_type type,
    const void *frames, size_t n, uint64_t count, int64_t now_us, void *owner,
    size_t weight)
{
	struct loan loan = { frames, owner, weight };
	uint64_t *newest = type == IPC_RECORD_UP ? &f->up : &f->down;
	uint8_t h[IPC_RECORD_HEAD];

	ipc_record_head(h, type, n, now_us, *newest + 1);
	h[AT_LENT] = 1;
	*newest += count;
	while (f->n && f->lent + weight > f->lent_max)
		drop_oldest(f);
	if (f->lent + weight > f->lent_max || !keep(f, h, &loan, sizeof(loan)))
		return false;
	f->lent += weight;
	return true;
}

int
ipc_flight_mark(struct ipc_flight *f, enum ipc_record_type type,
    const char *text, int64_t now_us)
{
	uint8_t h[IPC_RECORD_HEAD];
	size_t len = strnlen(text, IPC_RECORD_MAX);

	assert(!ipc_record_is_frames(type) && ipc_record_name(type));
	ipc_record_head(h, type, len, now_us, f->up);
	keep(f, h, text, len);
	if (type == IPC_RECORD_RESTART)
		f->up = f->down = 0;
	return 0;
}

void
ipc_flight_begin(const struct ipc_flight *f, struct ipc_flight_walk *w)
{
	*w =
	    (struct ipc_flight_walk){ .record = f->dropped + 1, .at = f->tail };
}

void
ipc_flight_here(const struct ipc_flight *f, struct ipc_flight_walk *w)
{
	*w = (struct ipc_flight_walk){ .record = f->dropped + f->n,
		.at = f->newest };
}

/* Is it still there, and is there more? */
static bool
walk_stands(const struct ipc_flight *f, const struct ipc_flight_walk *w)
{
	return w->record > f->dropped && w->record <= f->dropped + f->n;
}

static void
walk_look(const struct ipc_flight *f, const struct ipc_flight_walk *w,
    struct ipc_record *rec)
{
	const uint8_t *h = f->data + w->at;
	struct loan loan;

	rec->type = h[0];
	rec->len = ipc_record_len(h);
	memcpy(&rec->time_us, h + AT_TIME, 8);
	memcpy(&rec->position, h + AT_POSITION, 8);
	rec->bytes = h + IPC_RECORD_HEAD;
	rec->offset = w->at;
	if (h[AT_LENT]) {
		memcpy(&loan, h + IPC_RECORD_HEAD, sizeof(loan));
		rec->bytes = loan.bytes;
	}
}

static void
walk_on(const struct ipc_flight *f, struct ipc_flight_walk *w)
{
	w->at += stored(f->data + w->at);
	w->record++;
	w->off = 0;
	if (f->wrap && w->at == f->wrap)
		w->at = 0;
}

bool
ipc_flight_next(const struct ipc_flight *f, struct ipc_flight_walk *w,
    struct ipc_record *rec)
{
	if (!walk_stands(f, w))
		return false;
	walk_look(f, w, rec);
	walk_on(f, w);
	return true;
}

bool
ipc_flight_next_down(const struct ipc_flight *f, struct ipc_flight_walk *w,
    struct ipc_frame *frame)
{
	struct ipc_record rec;
	size_t want;
	const char *why;

	for (; walk_stands(f, w); walk_on(f, w)) {
		walk_look(f, w, &rec);
		if (rec.type == IPC_RECORD_RESTART)
			return false;
		if (rec.type != IPC_RECORD_DOWN)
			continue;
		if (w->off == 0)
			w->position = rec.position - 1;
		while (w->off < rec.len) {
			if (ipc_frame_decode(rec.bytes + w->off,
				rec.len - w->off, IPC_FRAME_MAX_MAX, frame,
				&want, &why) != IPC_FRAME)
				return false;
			w->off += ipc_frame_size(frame->len);
			if (frame->kind == IPC_COMMIT)
				continue;
			w->position++;
			return true;
		}
	}
	return false;
}

int
ipc_flight_write(
    const struct ipc_flight *f, int fd, const char *text, size_t len)
{
	struct ipc_recording r;
	struct ipc_flight_walk w;
	struct ipc_record rec;
	int error = ipc_recording_create(&r, fd, text, len);

	if (error < 0)
		return error;
	ipc_flight_begin(f, &w);
	while (error == 0 && ipc_flight_next(f, &w, &rec)) {
		uint8_t h[IPC_RECORD_HEAD];

		ipc_record_head(
		    h, rec.type, rec.len, rec.time_us, rec.position);
		error = ipc_recording_put(&r, h, rec.bytes, rec.len);
	}
	if (error == 0)
		error = ipc_recording_flush(&r);
	ipc_recording_release(&r);
	return error;
}
