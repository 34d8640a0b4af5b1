/*
 * Any bytes as a recording: read as they are, and once more with every
 * checksum made right, or no run would get past the first.
 */
#include "ipc/crc.h"
#include "ipc/msg.h"
#include "ipc/recording.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 29

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_it(const uint8_t *p, size_t n)
{
	struct ipc_recording_reader r;
	struct ipc_record rec;
	struct ipc_recorded f;
	size_t in_records = 0, in_frames = 0;
	uint64_t offset = 0;
	int got, got2;

	if (ipc_recording_open_bytes(&r, p, n) < 0) {
		assert(r.why[0]);
		return;
	}
	while ((got = ipc_recording_next(&r, &rec)) == 1) {
		assert(rec.offset > offset && rec.offset + rec.len <= n);
		offset = rec.offset;
		in_records += rec.len;
		assert(r.good == rec.offset + IPC_RECORD_HEAD + rec.len);
	}
	assert(got == 0 || r.why[0]);
	ipc_recording_close(&r);
	assert(ipc_recording_open_bytes(&r, p, n) == 0);
	while ((got2 = ipc_recording_next_frame(&r, &f)) == 1)
		in_frames += f.len;
	assert(got2 == got && in_frames == in_records);
	ipc_recording_close(&r);
}

static void
make_right(uint8_t *p, size_t n)
{
	uint32_t len, crc;
	size_t at = HEAD;

	if (n < HEAD)
		return;
	memcpy(p, "penstock recording 1\n", 21);
	memcpy(&len, p + 21, 4);
	if (len > n - HEAD)
		len = (uint32_t)(n - HEAD) / 2;
	memcpy(p + 21, &len, 4);
	crc = ipc_crc32(ipc_crc32(0, p, 25), p + HEAD, len);
	memcpy(p + 25, &crc, 4);
	for (at += len; n - at >= IPC_RECORD_HEAD;
	     at += IPC_RECORD_HEAD + len) {
		memset(p + at + 1, 0, 3);
		memcpy(&len, p + at + 4, 4);
		if (len > n - at - IPC_RECORD_HEAD)
			return;
		crc = ipc_crc32(0, p + at + IPC_RECORD_HEAD, len);
		memcpy(p + at + 24, &crc, 4);
		crc = ipc_crc32(0, p + at, 28);
		memcpy(p + at + 28, &crc, 4);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);

	assert(copy);
	if (size)
		memcpy(copy, data, size);
	read_it(data, size);
	make_right(copy, size);
	read_it(copy, size);
	free(copy);
	return 0;
}
