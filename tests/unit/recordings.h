/* recordings.h - small recordings for tests to look at. */
#ifndef TESTS_UNIT_RECORDINGS_H
#define TESTS_UNIT_RECORDINGS_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/frame.h"
#include "ipc/msg.h"
#include "ipc/recording.h"

#define ASSERT_HAS(text, part)                                   \
	do {                                                     \
		if (strstr(text, part) == NULL)                  \
			fail_msg("'%s' lacks '%s'", text, part); \
	} while (0)

static inline void
add_frame(struct ipc_buf *b, uint8_t kind, uint64_t id, const char *text)
{
	struct ipc_frame f = { .kind = kind, .id = id };
	uint8_t head[IPC_FRAME_HEAD];

	f.len = (uint32_t)strlen(text);
	ipc_frame_head(head, &f);
	assert_true(ipc_buf_add(b, head, sizeof(head)));
	assert_true(ipc_buf_add(b, text, f.len));
}

static inline int
add(struct ipc_recording *r, enum ipc_record_type type, uint8_t kind,
    uint64_t id, const char *text)
{
	struct ipc_buf b;
	int error;

	ipc_buf_init(&b, 1 << 24);
	add_frame(&b, kind, id, text);
	error = ipc_recording_add(r, type, b.data, b.len, 1000 + (int64_t)id);
	ipc_buf_release(&b);
	return error;
}

static inline int
memory_file(void)
{
	int fd = memfd_create("recording", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* A small game: two turns, a checkpoint, an end. */
static inline void
write_game(struct ipc_recording *r, int fd)
{
	struct ipc_buf b;

	ipc_buf_init(&b, 1 << 16);
	assert_int_equal(ipc_recording_create(r, fd, "program=snake\n", 14), 0);
	add_frame(&b, IPC_NOW, 1, "");
	add_frame(&b, IPC_MESSAGE, 7, "look");
	assert_int_equal(
	    ipc_recording_add(r, IPC_RECORD_UP, b.data, b.len, 5), 0);
	ipc_buf_clear(&b);
	add_frame(&b, IPC_SEND, 7, "a room");
	add_frame(&b, IPC_COMMIT, 2, "");
	assert_int_equal(
	    ipc_recording_add(r, IPC_RECORD_DOWN, b.data, b.len, 6), 0);
	assert_int_equal(
	    ipc_recording_mark(r, IPC_RECORD_CHECKPOINT, "number=1", 7), 0);
	assert_int_equal(add(r, IPC_RECORD_UP, IPC_TICK, 1, ""), 0);
	assert_int_equal(add(r, IPC_RECORD_DOWN, IPC_COMMIT, 3, ""), 0);
	assert_int_equal(add(r, IPC_RECORD_DOWN, IPC_SEND, 7, "tick"), 0);
	assert_int_equal(
	    ipc_recording_mark(r, IPC_RECORD_END, "how=stopped", 9), 0);
	assert_int_equal(ipc_recording_flush(r), 0);
	ipc_buf_release(&b);
}

static inline uint8_t *
contents(int fd, size_t *n)
{
	struct stat st;
	uint8_t *p;

	assert_int_equal(fstat(fd, &st), 0);
	*n = (size_t)st.st_size;
	p = malloc(*n + 1);
	assert_non_null(p);
	assert_int_equal(pread(fd, p, *n, 0), *n);
	return p;
}

/* Read to the end: how it ended, and how many records there were. */
static inline int
read_all(const uint8_t *p, size_t n, unsigned *records, bool *is_torn)
{
	struct ipc_recording_reader r;
	struct ipc_record rec;
	int got = ipc_recording_open_bytes(&r, p, n);

	*records = 0;
	*is_torn = false;
	if (got < 0) {
		assert_true(r.why[0] != '\0');
		return got;
	}
	while ((got = ipc_recording_next(&r, &rec)) == 1)
		(*records)++;
	*is_torn = r.torn;
	assert_true((got == 0 && !r.torn) || r.why[0] != '\0');
	ipc_recording_close(&r);
	return got;
}

#endif
