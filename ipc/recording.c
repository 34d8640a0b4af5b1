/*
 * recording.c - recordings are written.
 *
 * One layout for the file and for the flight recorder, so that writing the
 * latter out is a walk with checksums. A writer must never lose more than the
 * record at hand: everything is under a checksum, lengths before they are
 * used. Next: recording_read.c, which gives out nothing that was not written,
 * and flight.c; recording_head.c is the text at a file's beginning.
 */
#include "ipc/recording.h"
#include "ipc/crc.h"
#include "ipc/msg.h"
#include "ipc/recording_own.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Written by itself when this much has gathered. */
#define GATHER (256u << 10)

static const char *const names[] = {
	[IPC_RECORD_UP] = "up",
	[IPC_RECORD_DOWN] = "down",
	[IPC_RECORD_CHECKPOINT] = "checkpoint",
	[IPC_RECORD_RESTART] = "restart",
	[IPC_RECORD_NOTE] = "note",
	[IPC_RECORD_END] = "end",
};

const char *
ipc_record_name(unsigned type)
{
	return type < sizeof(names) / sizeof(names[0]) ? names[type] : NULL;
}

void
ipc_record_head(uint8_t h[IPC_RECORD_HEAD], unsigned type, size_t len,
    int64_t time_us, uint64_t position)
{
	uint32_t n = (uint32_t)len;

	memset(h, 0, IPC_RECORD_HEAD);
	h[0] = (uint8_t)type;
	memcpy(h + AT_LEN, &n, 4);
	memcpy(h + AT_TIME, &time_us, 8);
	memcpy(h + AT_POSITION, &position, 8);
}

void
ipc_record_seal(uint8_t h[IPC_RECORD_HEAD], const void *bytes, size_t len)
{
	uint32_t crc = ipc_crc32(0, bytes, len);

	memcpy(h + AT_CRC, &crc, 4);
	crc = ipc_crc32(0, h, AT_HEAD_CRC);
	memcpy(h + AT_HEAD_CRC, &crc, 4);
}

size_t
ipc_record_frames(const uint8_t *p, size_t n, size_t max, uint64_t *count)
{
	size_t used = 0, want;
	const char *why;
	struct ipc_frame f;

	while (used < n) {
		if (ipc_frame_decode(p + used, n - used, IPC_FRAME_MAX_MAX, &f,
			&want, &why) != IPC_FRAME)
			return 0;
		if (used && used + ipc_frame_size(f.len) > max)
			break;
		used += ipc_frame_size(f.len);
		*count += f.kind != IPC_COMMIT;
	}
	return used;
}

/* Errors come once; what was half written is taken back if that can be. */
static int
turn_off(struct ipc_recording *r, int error, int e)
{
	r->off = true;
	ipc_buf_release(&r->out);
	if (ftruncate(r->fd, (off_t)r->written) < 0)
		(void)0; /* a pipe or device: its reader finds it torn */
	errno = e;
	return error;
}

/* Bytes of whole records among the first n that were gathered. */
static size_t
whole_records(const struct ipc_recording *r, size_t n)
{
	size_t at = 0;

	if (r->written == 0) /* the file's head comes first */
		return n < r->out.len ? 0 : n;
	while (n - at >= IPC_RECORD_HEAD &&
	       n - at - IPC_RECORD_HEAD >= ipc_record_len(r->out.data + at))
		at += IPC_RECORD_HEAD + ipc_record_len(r->out.data + at);
	return at;
}

int
ipc_recording_flush(struct ipc_recording *r)
{
	size_t done = 0;

	while (!r->off && done < r->out.len) {
		ssize_t n = write(r->fd, r->out.data + done, r->out.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int e = errno;

			r->written += whole_records(r, done);
			return turn_off(r, IPC_ERR_SYSTEM, e);
		}
		done += (size_t)n;
	}
	if (!r->off)
		r->written += done;
	ipc_buf_clear(&r->out);
	return 0;
}

int
ipc_recording_put(struct ipc_recording *r, const uint8_t h[IPC_RECORD_HEAD],
    const void *bytes, size_t len)
{
	uint8_t *to = ipc_buf_space(&r->out, IPC_RECORD_HEAD + len);

	if (to == NULL)
		return turn_off(r, IPC_ERR_NO_MEMORY, ENOMEM);
	memcpy(to, h, IPC_RECORD_HEAD);
	if (len)
		memcpy(to + IPC_RECORD_HEAD, bytes, len);
	ipc_record_seal(to, to + IPC_RECORD_HEAD, len);
	ipc_buf_added(&r->out, IPC_RECORD_HEAD + len);
	r->records++;
	return r->out.len < GATHER ? 0 : ipc_recording_flush(r);
}

int
ipc_recording_create(
    struct ipc_recording *r, int fd, const char *text, size_t len)
{
	uint32_t n = (uint32_t)len, crc;
	int error = IPC_ERR_NO_MEMORY;

	if (len > IPC_RECORDING_TEXT_MAX)
		return IPC_ERR_TOO_LONG;
	memset(r, 0, sizeof(*r));
	r->fd = fd;
	ipc_buf_init(&r->out, GATHER + 2 * (IPC_RECORD_HEAD + IPC_RECORD_MAX));
	crc = ipc_crc32(0, MAGIC_LINE, MAGIC_LEN);
	crc = ipc_crc32(crc, &n, 4);
	crc = ipc_crc32(crc, text, len);
	if (ipc_buf_add(&r->out, MAGIC_LINE, MAGIC_LEN) &&
	    ipc_buf_add(&r->out, &n, 4) && ipc_buf_add(&r->out, &crc, 4) &&
	    ipc_buf_add(&r->out, text, len))
		error = ipc_recording_flush(r);
	if (error < 0) {
		int e = errno;

		ipc_buf_release(&r->out);
		errno = e;
	}
	return error;
}

int
ipc_recording_add(struct ipc_recording *r, enum ipc_record_type type,
    const void *frames, size_t n, int64_t now_us)
{
	const uint8_t *p = frames;
	uint64_t *newest = type == IPC_RECORD_UP ? &r->up : &r->down;
	uint8_t h[IPC_RECORD_HEAD];

	assert(ipc_record_is_frames(type));
	while (!r->off && n) {
		uint64_t count = 0;
		size_t len = ipc_record_frames(p, n, CHUNK, &count);
		int error;

		if (len == 0)
			return turn_off(r, IPC_ERR_PROTOCOL, EPROTO);
		ipc_record_head(h, type, len, now_us, *newest + 1);
		error = ipc_recording_put(r, h, p, len);
		if (error < 0)
			return error;
		*newest += count;
		p += len;
		n -= len;
	}
	return 0;
}

int
ipc_recording_mark(struct ipc_recording *r, enum ipc_record_type type,
    const char *text, int64_t now_us)
{
	uint8_t h[IPC_RECORD_HEAD];
	size_t len = strnlen(text, IPC_RECORD_MAX);
	int error;

	assert(!ipc_record_is_frames(type) && ipc_record_name(type));
	if (r->off)
		return 0;
	ipc_record_head(h, type, len, now_us, r->up);
	error = ipc_recording_put(r, h, text, len);
	if (type == IPC_RECORD_RESTART)
		r->up = r->down = 0;
	return error;
}

void
ipc_recording_release(struct ipc_recording *r)
{
	ipc_buf_release(&r->out);
	r->off = true;
}
