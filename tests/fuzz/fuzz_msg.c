/*
 * ipc/msg.c under any bytes as an image of any kind: refused by name, or
 * taken, and then packing it again gives the very same meaning. The first
 * byte is the kind.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_Alignas(8) char m[1024], again[1024];
	const struct ipc_info *info;
	struct ipc_frame f = { 0 }, g;
	const char *why = NULL, *field = NULL;
	struct ipc_buf b, line, line2;

	if (size == 0)
		return 0;
	f.kind = data[0] % IPC_KIND_END;
	f.id = 1;
	f.bytes = data + 1;
	f.len = (uint32_t)size - 1;
	info = ipc_info(f.kind);
	ipc_buf_init(&line, 1 << 20);
	CHECK(ipc_msg_print(&f, true, &line));
	if (info == NULL || info->format == NULL) {
		ipc_buf_release(&line);
		return 0;
	}
	CHECK(info->size <= sizeof(m));
	if (ipc_msg_unpack(&f, m, &why, &field) != 0) {
		CHECK(why != NULL);
		ipc_buf_release(&line);
		return 0;
	}
	ipc_buf_init(&b, 1 << 20);
	CHECK(ipc_msg_pack(f.kind, m, &b) == 0);
	ipc_msg_release(f.kind, m);
	g = f;
	g.bytes = b.data;
	g.len = (uint32_t)b.len;
	CHECK(ipc_msg_unpack(&g, again, &why, &field) == 0);
	ipc_msg_release(f.kind, again);
	ipc_buf_init(&line2, 1 << 20);
	CHECK(ipc_msg_print(&g, true, &line2));
	CHECK(line.len == line2.len &&
	      memcmp(line.data, line2.data, line.len) == 0);
	ipc_buf_release(&b);
	ipc_buf_release(&line);
	ipc_buf_release(&line2);
	return 0;
}
