/*
 * recording.c - recordings: written, kept in memory, read.
 *
 * One layout for the file and for the flight recorder, so that writing the
 * latter out is a walk with checksums. A writer must never lose more than the
 * record at hand, and a reader must never hand out a byte that was not
 * written: everything is under a checksum, lengths before they are used.
 * Next: text.c, which makes frames readable.
 */
#include "ipc/recording.h"
#include "ipc/msg.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define MAGIC "penstock recording "
#define MAGIC_LINE MAGIC "1\n"
#define MAGIC_LEN (sizeof(MAGIC_LINE) - 1)
#define FILE_HEAD (MAGIC_LEN + 8)
static_assert(IPC_RECORDING_VERSION == 1, "MAGIC_LINE says the version");

#define AT_LEN 4   /* and in a frame, too */
#define AT_KIND 14 /* in a frame */
#define AT_TIME 8
#define AT_POSITION 16
#define AT_CRC 24
#define AT_HEAD_CRC 28

/* Frames of one record: a turn, cut where it gets much longer than that. */
#define CHUNK (1u << 20)
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

static bool
is_frames(unsigned type)
{
	return type == IPC_RECORD_UP || type == IPC_RECORD_DOWN;
}

/* ---- crc ------------------------------------------------------------------
 */

/* Eight bytes at a time: games link this file, and need no zlib for it. */
static uint32_t table[8][256];

__attribute__((constructor)) static void
make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
		table[0][i] = c;
	}
	for (int k = 1; k < 8; k++)
		for (uint32_t i = 0; i < 256; i++)
			table[k][i] = (table[k - 1][i] >> 8) ^
				      table[0][table[k - 1][i] & 0xff];
}

uint32_t
ipc_crc32(uint32_t crc, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	uint32_t a, b;

	crc = ~crc;
	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&a, p, 4);
		memcpy(&b, p + 4, 4);
		a ^= crc;
		crc = table[7][a & 0xff] ^ table[6][(a >> 8) & 0xff] ^
		      table[5][(a >> 16) & 0xff] ^ table[4][a >> 24] ^
		      table[3][b & 0xff] ^ table[2][(b >> 8) & 0xff] ^
		      table[1][(b >> 16) & 0xff] ^ table[0][b >> 24];
	}
	while (n--)
		crc = table[0][(crc ^ *p++) & 0xff] ^ (crc >> 8);
	return ~crc;
}

/* ---- the head's text ------------------------------------------------------
 */

static bool
key_ok(const char *key)
{
	return *key && key[strspn(key, "abcdefghijklmnopqrstuvwxyz"
				       "0123456789_.")] == '\0';
}

bool
ipc_recording_head_add(struct ipc_buf *text, const char *key, const char *value)
{
	size_t start = text->len;
	bool ok = ipc_buf_printf(text, "%s=", key);

	assert(key_ok(key));
	for (; ok && *value; value++) {
		uint8_t c = (uint8_t)*value;

		if (c == '\\')
			ok = ipc_buf_add(text, "\\\\", 2);
		else if (c < 0x20 || c == 0x7f)
			ok = ipc_buf_printf(text, "\\x%02x", c);
		else
			ok = ipc_buf_add(text, &c, 1);
	}
	ok = ok && ipc_buf_add(text, "\n", 1);
	if (!ok)
		text->len = start;
	return ok;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool
unescape(const char *p, size_t n, struct ipc_buf *value)
{
	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (c == '\\' && i + 1 < n && p[i + 1] == '\\') {
			i++;
		} else if (c == '\\' && i + 3 < n && p[i + 1] == 'x' &&
			   hex_value(p[i + 2]) >= 0 &&
			   hex_value(p[i + 3]) >= 0) {
			c = (char)(hex_value(p[i + 2]) << 4 |
				   hex_value(p[i + 3]));
			i += 3;
		}
		if (!ipc_buf_add(value, &c, 1))
			return false;
	}
	return true;
}

bool
ipc_recording_head_get(const char *text, size_t len, const char *key,
    unsigned nth, struct ipc_buf *value)
{
	size_t key_len = strlen(key);
	const char *p = text, *end = text + len;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t line = (size_t)((nl ? nl : end) - p);

		if (line > key_len && memcmp(p, key, key_len) == 0 &&
		    p[key_len] == '=' && nth-- == 0)
			return unescape(
			    p + key_len + 1, line - key_len - 1, value);
		p += line + 1;
	}
	return false;
}

/* ---- what files and memory share ----------------------------------------- */

static void
record_head(uint8_t h[IPC_RECORD_HEAD], unsigned type, size_t len,
    int64_t time_us, uint64_t position)
{
	uint32_t n = (uint32_t)len;

	memset(h, 0, IPC_RECORD_HEAD);
	h[0] = (uint8_t)type;
	memcpy(h + AT_LEN, &n, 4);
	memcpy(h + AT_TIME, &time_us, 8);
	memcpy(h + AT_POSITION, &position, 8);
}

static void
seal_head(uint8_t h[IPC_RECORD_HEAD], const void *bytes, size_t len)
{
	uint32_t crc = ipc_crc32(0, bytes, len);

	memcpy(h + AT_CRC, &crc, 4);
	crc = ipc_crc32(0, h, AT_HEAD_CRC);
	memcpy(h + AT_HEAD_CRC, &crc, 4);
}

static uint32_t
head_len(const uint8_t *h)
{
	uint32_t n;

	memcpy(&n, h + AT_LEN, 4);
	return n;
}

/*
 * The frames at p that make one record: at least one, as many more as stay
 * inside max. Adds to *count those that positions count. 0: no whole frame.
 */
static size_t
take_chunk(const uint8_t *p, size_t n, size_t max, uint64_t *count)
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

/* ---- writing --------------------------------------------------------------
 */

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
	       n - at - IPC_RECORD_HEAD >= head_len(r->out.data + at))
		at += IPC_RECORD_HEAD + head_len(r->out.data + at);
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

static int
put(struct ipc_recording *r, const uint8_t h[IPC_RECORD_HEAD],
    const void *bytes, size_t len)
{
	uint8_t *to = ipc_buf_space(&r->out, IPC_RECORD_HEAD + len);

	if (to == NULL)
		return turn_off(r, IPC_ERR_NO_MEMORY, ENOMEM);
	memcpy(to, h, IPC_RECORD_HEAD);
	if (len)
		memcpy(to + IPC_RECORD_HEAD, bytes, len);
	seal_head(to, to + IPC_RECORD_HEAD, len);
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

	assert(is_frames(type));
	while (!r->off && n) {
		uint64_t count = 0;
		size_t len = take_chunk(p, n, CHUNK, &count);
		int error;

		if (len == 0)
			return turn_off(r, IPC_ERR_PROTOCOL, EPROTO);
		record_head(h, type, len, now_us, *newest + 1);
		error = put(r, h, p, len);
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

	assert(!is_frames(type) && ipc_record_name(type));
	if (r->off)
		return 0;
	record_head(h, type, len, now_us, r->up);
	error = put(r, h, text, len);
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

/* ---- the flight recorder --------------------------------------------------
 */

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
	       (p[AT_LENT] ? sizeof(struct loan) : head_len(p));
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

/*
 * As memcpy(), around the cache: nobody reads the ring for a long time, and
 * what it would push out is needed in a moment. CPU of netd and game together
 * for an echo of 1,024 bytes, against no recorder: 1.11 with memcpy(), 1.08.
 */
static void
lay(uint8_t *to, const uint8_t *from, size_t n)
{
#ifdef __SSE2__
	size_t head = -(uintptr_t)to & 15;

	if (n >= 256) {
		memcpy(to, from, head);
		to += head;
		from += head;
		n -= head;
		for (; n >= 16; n -= 16, to += 16, from += 16)
			_mm_stream_si128((__m128i *)(void *)to,
			    _mm_loadu_si128(
				(const __m128i *)(const void *)from));
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

	assert(is_frames(type));
	while (n) {
		bool whole = known && p == frames && n <= max;
		uint64_t count = whole ? known : 0;
		size_t len = whole ? n : take_known(p, n, max, &count);

		if (len == 0)
			return IPC_ERR_PROTOCOL;
		record_head(h, type, len, now_us, *newest + 1);
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

	record_head(h, type, n, now_us, *newest + 1);
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

	assert(!is_frames(type) && ipc_record_name(type));
	record_head(h, type, len, now_us, f->up);
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
	rec->len = head_len(h);
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

		record_head(h, rec.type, rec.len, rec.time_us, rec.position);
		error = put(&r, h, rec.bytes, rec.len);
	}
	if (error == 0)
		error = ipc_recording_flush(&r);
	ipc_recording_release(&r);
	return error;
}

/* ---- reading --------------------------------------------------------------
 */

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
	if (take_chunk(rec->bytes, rec->len, SIZE_MAX, &count) != rec->len ||
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
	if (is_frames(rec->type))
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
	       !h[1] && !h[2] && !h[3] && head_len(h) <= IPC_RECORD_MAX;
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
	len = head_len(r->data + r->pos);
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

	if (r->now_off == rec->len || !is_frames(rec->type)) {
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
	if (is_frames(rec->type)) {
		next_of_record(r, f);
		return 1;
	}
	f->position = rec->position;
	f->bytes = rec->bytes;
	f->len = rec->len;
	return 1;
}
