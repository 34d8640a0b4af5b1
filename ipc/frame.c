/*
 * frame.c - frames to bytes and back.
 *
 * The hottest code of both processes: it must not allocate per frame, must
 * not trust a length before it is checked against the maximum, and must not
 * know what any kind means (messages.def does). Next: msg.c.
 */
#include "ipc/frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* "tpl", flags 0 (little-endian, no strings), then length, then the format. */
static const uint8_t magic[4] = { 't', 'p', 'l', 0 };
static const uint8_t format[6] = "ccvUB";

#define AT_LENGTH 4
#define AT_FORMAT 8
#define AT_BYTES_LEN 26
/* The smallest there are. */
#define PAGE ((size_t)4096)

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "frames are little-endian and copied as they lie in memory");

/* Where the first n bytes at p differ from want, or n. */
static size_t
differ_at(const uint8_t *p, const uint8_t *want, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] == want[i])
		i++;
	return i;
}

static enum ipc_decoded
broken(const char *sentence, size_t at, size_t *want, const char **why)
{
	*why = sentence;
	*want = at;
	return IPC_BROKEN;
}

/* A head that is not all there can still be wrong already: say so early. */
static enum ipc_decoded
decode_short(const uint8_t *p, size_t n, size_t *want, const char **why)
{
	size_t head = n < 4 ? n : 4;
	size_t fmt = n < AT_FORMAT ? 0 : n - AT_FORMAT;

	if (differ_at(p, magic, head) < head)
		return broken(
		    "not a frame: it does not start with tpl and a 0 byte",
		    differ_at(p, magic, head), want, why);
	if (fmt > 6)
		fmt = 6;
	if (fmt && differ_at(p + AT_FORMAT, format, fmt) < fmt)
		return broken("its format is not \"ccvUB\"",
		    AT_FORMAT + differ_at(p + AT_FORMAT, format, fmt), want,
		    why);
	*want = IPC_FRAME_HEAD;
	return IPC_NEED_MORE;
}

enum ipc_decoded
ipc_frame_decode(const uint8_t *p, size_t n, size_t max, struct ipc_frame *f,
    size_t *want, const char **why)
{
	uint32_t whole, len;

	if (ipc_frame_ready(p, n, max, f))
		return IPC_FRAME;
	if (n >= AT_FORMAT) {
		memcpy(&whole, p + AT_LENGTH, 4);
		if (memcmp(p, magic, 4) == 0 && whole > max)
			return broken("longer than the agreed maximum",
			    AT_LENGTH, want, why);
		if (memcmp(p, magic, 4) == 0 && whole < IPC_FRAME_HEAD)
			return broken(
			    "shorter than its own head", AT_LENGTH, want, why);
	}
	if (n < IPC_FRAME_HEAD)
		return decode_short(p, n, want, why);
	if (memcmp(p, magic, 4) != 0 || memcmp(p + AT_FORMAT, format, 6) != 0)
		return decode_short(p, n, want, why);
	memcpy(&len, p + AT_BYTES_LEN, 4);
	if (len != whole - IPC_FRAME_HEAD)
		return broken(
		    "its two lengths disagree", AT_BYTES_LEN, want, why);
	if (n < whole) {
		*want = whole;
		return IPC_NEED_MORE;
	}
	ipc_frame_known(p, f);
	return IPC_FRAME;
}

void
ipc_reader_init(struct ipc_reader *r, size_t max)
{
	memset(r, 0, sizeof(*r));
	r->max = max;
}

void
ipc_reader_release(struct ipc_reader *r)
{
	free(r->data);
	memset(r, 0, sizeof(*r));
}

void
ipc_reader_clear(struct ipc_reader *r)
{
	r->mark = r->pos = r->end = r->want = 0;
	r->why = NULL;
}

void
ipc_reader_hold(struct ipc_reader *r, size_t max)
{
	r->keep_max = max;
}

/* Move what is still needed to the front. */
static void
compact(struct ipc_reader *r)
{
	if (r->mark == 0)
		return;
	memmove(r->data, r->data + r->mark, r->end - r->mark);
	r->pos -= r->mark;
	r->end -= r->mark;
	r->mark = 0;
}

/*
 * What a pipe holds begins where a page does. Copied to 1 to 31 bytes behind
 * where one does, a KiB takes 600 ns and not 150 (the kernel's rep movsb on Zen
 * 3), and from 128 KiB on malloc()'s storage lies just so, 16 bytes behind.
 */
static bool
grow(struct ipc_reader *r, size_t size)
{
	uint8_t *data = aligned_alloc(PAGE, (size + PAGE - 1) / PAGE * PAGE);

	if (data == NULL)
		return false;
	if (r->end)
		memcpy(data, r->data, r->end);
	free(r->data);
	r->data = data;
	r->size = size;
	return true;
}

/* Bytes from mark that the frame at hand and what is held before it take. */
static size_t
needed(const struct ipc_reader *r)
{
	size_t have = r->end - r->pos;

	return r->pos - r->mark + (have < r->want ? r->want : have + 1);
}

uint8_t *
ipc_reader_space(struct ipc_reader *r, size_t *n)
{
	size_t need, size = r->size ? r->size : IPC_SLICE;

	if (r->keep_max == 0)
		r->mark = r->pos;
	if (r->keep_max && r->end - r->mark >= r->keep_max)
		return NULL;
	need = needed(r);
	if (r->mark == r->end)
		r->mark = r->pos = r->end = 0;
	else if (r->size - r->end < IPC_SLICE / 2 || r->size < r->mark + need)
		compact(r);
	while (size < need)
		size *= 2;
	/* Doubling is for many small frames that are held, not for one. */
	if (r->keep_max == 0 && need <= r->max && r->max < size)
		size = r->max > IPC_SLICE ? r->max : IPC_SLICE;
	if (r->size < size && !grow(r, size))
		return NULL;
	*n = r->size - r->end;
	return r->data + r->end;
}

void
ipc_reader_filled(struct ipc_reader *r, size_t n)
{
	assert(n <= r->size - r->end);
	r->end += n;
}

enum ipc_decoded
ipc_reader_look(struct ipc_reader *r, struct ipc_frame *f)
{
	enum ipc_decoded d;
	size_t want = 0;

	if (r->why)
		return IPC_BROKEN;
	r->want = 0;
	if (r->pos == r->end)
		return IPC_NEED_MORE;
	d = ipc_frame_decode(
	    r->data + r->pos, r->end - r->pos, r->max, f, &want, &r->why);
	if (d == IPC_FRAME) {
		size_t size = ipc_frame_size(f->len);

		r->pos += size;
		r->taken += size;
	} else if (d == IPC_NEED_MORE) {
		r->want = want;
	} else {
		r->wrong_at = want;
	}
	return d;
}
