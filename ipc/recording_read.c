/*
 * recording_read.c - recordings are read.
 *
 * A reader must never hand out a byte that was not written: checksums are
 * looked at before lengths are used, and positions must follow each other.
 * Next: text.c, which makes frames readable.
 */
#include "ipc/crc.h"
#include "ipc/msg.h"
#include "ipc/recording.h"
#include "ipc/recording_own.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int __attribute__((format(printf, 2, 3)))
bad(struct ipc_recording_reader *r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(r->why, sizeof(r->why), format, ap);
	va_end(ap);
	return IPC_ERR_RECORDING;
}

static bool
make_space(struct ipc_recording_reader *r, size_t need)
{
	size_t size = r->size ? r->size : IPC_SLICE;
	uint8_t *data;

	memmove(r->data, r->data + r->pos, r->end - r->pos);
	r->base += r->pos;
	r->end -= r->pos;
	r->pos = 0;
	while (size < need)
		size *= 2;
	if (size == r->size)
		return true;
	data = realloc(r->data, size);
	if (data == NULL)
		return false;
	r->data = data;
	r->size = size;
	return true;
}

/* Have need bytes from pos, or all there are: 0, or an error. */
static int
fill(struct ipc_recording_reader *r, size_t need)
{
	if (r->end - r->pos >= need || r->fd < 0 || r->eof)
		return 0;
	if (r->data == NULL && (r->data = malloc(IPC_SLICE)) == NULL)
		return IPC_ERR_NO_MEMORY;
	r->size = r->size ? r->size : IPC_SLICE;
	if (!make_space(r, need))
		return IPC_ERR_NO_MEMORY;
	while (!r->eof && r->end < need) {
		ssize_t n = read(r->fd, r->data + r->end, r->size - r->end);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			snprintf(r->why, sizeof(r->why), "cannot read: %s",
			    strerror(errno));
			return IPC_ERR_SYSTEM;
		}
		r->eof = n == 0;
		r->end += (size_t)n;
	}
	return 0;
}

static int
check_magic(struct ipc_recording_reader *r)
{
	size_t have = r->end - r->pos;
	const uint8_t *p = r->data + r->pos;
	size_t n = have < MAGIC_LEN ? have : MAGIC_LEN;

	if (n && memcmp(p, MAGIC_LINE, n) == 0)
		return have < FILE_HEAD ? bad(r, "torn inside its head") : 0;
	if (n == MAGIC_LEN && memcmp(p, MAGIC, sizeof(MAGIC) - 1) == 0 &&
	    p[MAGIC_LEN - 2] >= '0' && p[MAGIC_LEN - 2] <= '9')
		return bad(r,
		    "a recording of another version: this program "
		    "reads version %d",
		    IPC_RECORDING_VERSION);
	return bad(r, n ? "not a recording" : "empty");
}

static int
read_head(struct ipc_recording_reader *r)
{
	uint32_t n, crc, real;
	int error = fill(r, FILE_HEAD);

	if (error == 0)
		error = check_magic(r);
	if (error < 0)
		return error;
	memcpy(&n, r->data + r->pos + MAGIC_LEN, 4);
	memcpy(&crc, r->data + r->pos + MAGIC_LEN + 4, 4);
	if (n > IPC_RECORDING_TEXT_MAX)
		return bad(r, "damaged head: its text is too long");
	error = fill(r, FILE_HEAD + n);
	if (error < 0)
		return error;
	if (r->end - r->pos < FILE_HEAD + n)
		return bad(r, "torn inside its head");
	real = ipc_crc32(0, r->data + r->pos, MAGIC_LEN + 4);
	if (ipc_crc32(real, r->data + r->pos + FILE_HEAD, n) != crc)
		return bad(r, "damaged head: its checksum does not fit");
	r->text = malloc(n + 1u);
	if (r->text == NULL)
		return IPC_ERR_NO_MEMORY;
	memcpy(r->text, r->data + r->pos + FILE_HEAD, n);
	r->text[n] = '\0';
	r->text_len = n;
	r->pos += FILE_HEAD + n;
	r->good = r->base + r->pos;
	return 0;
}

static int
opened(struct ipc_recording_reader *r)
{
	int error = read_head(r);

	if (error < 0)
		ipc_recording_close(r);
	return error;
}

int
ipc_recording_open(struct ipc_recording_reader *r, int fd)
{
	return ipc_recording_open_after(r, fd, NULL, 0);
}

int
ipc_recording_open_after(
    struct ipc_recording_reader *r, int fd, const void *bytes, size_t n)
{
	assert(fd >= 0);
	memset(r, 0, sizeof(*r));
	r->fd = fd;
	if (n) {
		if ((r->data = malloc(n)) == NULL)
			return IPC_ERR_NO_MEMORY;
		memcpy(r->data, bytes, n);
		r->size = r->end = n;
	}
	return opened(r);
}

int
ipc_recording_open_bytes(
    struct ipc_recording_reader *r, const void *bytes, size_t n)
{
	memset(r, 0, sizeof(*r));
	r->fd = -1;
	/* Never written through while fd is -1. */
	r->data = (uint8_t *)(uintptr_t)bytes;
	r->size = r->end = n;
	r->eof = true;
	return opened(r);
}

void
ipc_recording_close(struct ipc_recording_reader *r)
{
	if (r->fd >= 0)
		free(r->data);
	free(r->text);
	r->data = NULL;
	r->text = NULL;
	r->size = r->pos = r->end = r->text_len = 0;
	r->eof = true;
}

static int
torn(struct ipc_recording_reader *r, size_t have, size_t want)
{
	r->torn = true;
	bad(r,
	    "torn at offset %" PRIu64 ": the last record has %zu of %zu "
	    "bytes",
	    r->base + r->pos, have, want);
	return 0;
}

/* Are positions what they must be, and its frames whole? Counts them. */
static int
check_frames(struct ipc_recording_reader *r, const struct ipc_record *rec)
{
	uint64_t *newest = rec->type == IPC_RECORD_UP ? &r->up : &r->down;
	bool *saw = rec->type == IPC_RECORD_UP ? &r->saw_up : &r->saw_down;
	uint64_t count = 0;

	if (rec->position == 0 || (*saw && rec->position != *newest + 1))
		return bad(r,
		    "at offset %" PRIu64 ": %s frame %" PRIu64
		    " follows %" PRIu64,
		    rec->offset, ipc_record_name(rec->type), rec->position,
		    *newest);
	if (ipc_record_frames(rec->bytes, rec->len, SIZE_MAX, &count) !=
		rec->len ||
	    rec->len == 0)
		return bad(
		    r, "at offset %" PRIu64 ": not whole frames", rec->offset);
	*newest = rec->position - 1 + count;
	*saw = true;
	return 1;
}

static int
check_record(struct ipc_recording_reader *r, const struct ipc_record *rec)
{
	if (ipc_record_is_frames(rec->type))
		return check_frames(r, rec);
	if (rec->type == IPC_RECORD_RESTART) {
		/* What the fresh game heard before may not be in here. */
		r->up = r->down = 0;
		r->saw_up = r->saw_down = false;
	}
	r->ended = rec->type == IPC_RECORD_END;
	return 1;
}

static bool
head_ok(const uint8_t *h)
{
	uint32_t crc;

	memcpy(&crc, h + AT_HEAD_CRC, 4);
	return crc == ipc_crc32(0, h, AT_HEAD_CRC) && ipc_record_name(h[0]) &&
	       !h[1] && !h[2] && !h[3] && ipc_record_len(h) <= IPC_RECORD_MAX;
}

int
ipc_recording_next(struct ipc_recording_reader *r, struct ipc_record *rec)
{
	uint32_t len, crc;
	const uint8_t *h;
	int error;

	if (r->torn)
		return 0;
	if (r->why[0])
		return IPC_ERR_RECORDING;
	error = fill(r, IPC_RECORD_HEAD);
	if (error < 0)
		return error;
	if (r->pos == r->end)
		return 0;
	if (r->ended)
		return bad(r,
		    "damaged at offset %" PRIu64 ": bytes after its "
		    "end",
		    r->base + r->pos);
	if (r->end - r->pos < IPC_RECORD_HEAD)
		return torn(r, r->end - r->pos, IPC_RECORD_HEAD);
	if (!head_ok(r->data + r->pos))
		return bad(r, "damaged at offset %" PRIu64, r->base + r->pos);
	len = ipc_record_len(r->data + r->pos);
	error = fill(r, IPC_RECORD_HEAD + len);
	if (error < 0)
		return error;
	if (r->end - r->pos < IPC_RECORD_HEAD + len)
		return torn(r, r->end - r->pos, IPC_RECORD_HEAD + len);
	h = r->data + r->pos;
	memcpy(&crc, h + AT_CRC, 4);
	if (crc != ipc_crc32(0, h + IPC_RECORD_HEAD, len))
		return bad(r, "damaged at offset %" PRIu64, r->base + r->pos);
	rec->type = h[0];
	rec->len = len;
	memcpy(&rec->time_us, h + AT_TIME, 8);
	memcpy(&rec->position, h + AT_POSITION, 8);
	rec->bytes = h + IPC_RECORD_HEAD;
	rec->offset = r->base + r->pos;
	error = check_record(r, rec);
	if (error < 0)
		return error;
	r->pos += IPC_RECORD_HEAD + len;
	r->good = r->base + r->pos;
	return 1;
}

/* The next frame of the record at hand, which is known to be whole frames. */
static void
next_of_record(struct ipc_recording_reader *r, struct ipc_recorded *f)
{
	const struct ipc_record *rec = &r->now;
	size_t want;
	const char *why;
	enum ipc_decoded d;

	d = ipc_frame_decode(rec->bytes + r->now_off, rec->len - r->now_off,
	    IPC_FRAME_MAX_MAX, &f->frame, &want, &why);
	assert(d == IPC_FRAME);
	f->bytes = rec->bytes + r->now_off;
	f->len = (uint32_t)ipc_frame_size(f->frame.len);
	r->now_off += f->len;
	r->now_position += f->frame.kind != IPC_COMMIT;
	f->position = r->now_position;
}

int
ipc_recording_next_frame(struct ipc_recording_reader *r, struct ipc_recorded *f)
{
	struct ipc_record *rec = &r->now;

	if (r->now_off == rec->len || !ipc_record_is_frames(rec->type)) {
		int got = ipc_recording_next(r, rec);

		if (got <= 0) {
			memset(rec, 0, sizeof(*rec));
			r->now_off = 0;
			return got;
		}
		r->now_off = 0;
		r->now_position = rec->position - 1;
	}
	memset(f, 0, sizeof(*f));
	f->type = rec->type;
	f->time_us = rec->time_us;
	if (ipc_record_is_frames(rec->type)) {
		next_of_record(r, f);
		return 1;
	}
	f->position = rec->position;
	f->bytes = rec->bytes;
	f->len = rec->len;
	return 1;
}
