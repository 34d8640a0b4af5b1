/*
 * ipc/frame.c under any bytes in any pieces: the reader must find the same
 * frames as one look at the whole, and never a frame that libtpl refuses.
 * The first byte is the size of the pieces.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

/* Small, so that both sides of it are reached. */
#define MAX 4096

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipc_reader r;
	size_t piece, at = 0, fed = 0;
	bool ended = false;

	if (size == 0)
		return 0;
	piece = data[0] + 1u;
	data++;
	size--;
	ipc_reader_init(&r, MAX);
	if (piece % 2)
		ipc_reader_hold(&r, 8 * MAX);
	while (!ended) {
		struct ipc_frame f, whole;
		size_t want, room;
		const char *why;
		enum ipc_decoded d = ipc_reader_next(&r, &f);
		uint8_t *to;

		switch (d) {
		case IPC_FRAME:
			CHECK(ipc_frame_decode(data + at, size - at, MAX,
				  &whole, &want, &why) == IPC_FRAME);
			CHECK(f.kind == whole.kind && f.id == whole.id &&
			      f.len == whole.len);
			CHECK(f.len == 0 ||
			      memcmp(f.bytes, whole.bytes, f.len) == 0);
			at += ipc_frame_size(f.len);
			CHECK(r.taken == at);
			if (r.pos - r.mark > 4 * MAX)
				r.mark = r.pos;
			continue;
		case IPC_BROKEN:
			CHECK(ipc_frame_decode(data + at, size - at, MAX,
				  &whole, &want, &why) == IPC_BROKEN);
			CHECK(r.why && r.wrong_at < IPC_FRAME_HEAD);
			ended = true;
			continue;
		case IPC_NEED_MORE:
			break;
		}
		if (fed == size)
			break;
		to = ipc_reader_space(&r, &room);
		if (to == NULL) {
			CHECK(r.keep_max && r.end - r.mark >= r.keep_max);
			break;
		}
		room = room < piece ? room : piece;
		room = room < size - fed ? room : size - fed;
		memcpy(to, data + fed, room);
		ipc_reader_filled(&r, room);
		fed += room;
		CHECK(r.size <= 128u << 10);
	}
	ipc_reader_release(&r);
	return 0;
}
