/* Any bytes as a line: what was understood prints and parses to the same. */
#include "ipc/msg.h"
#include "ipc/text.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipc_text_error e;
	struct ipc_buf first, again, line;
	struct ipc_frame f;
	const char *why;
	size_t want;
	int got;

	ipc_buf_init(&first, 1 << 20);
	ipc_buf_init(&again, 1 << 20);
	ipc_buf_init(&line, 8 << 20);
	got = ipc_text_parse((const char *)data, size, &first, &e);
	if (got == 1) {
		assert(ipc_frame_decode(first.data, first.len, first.len, &f,
			   &want, &why) == IPC_FRAME);
		assert(ipc_text_print(&f, true, &line));
		assert(ipc_text_parse(
			   (char *)line.data, line.len, &again, &e) == 1);
		assert(first.len == again.len &&
		       memcmp(first.data, again.data, first.len) == 0);
		ipc_text_match(&f, (const char *)data, size);
	} else {
		assert(first.len == 0);
		if (got == IPC_ERR_INVALID)
			assert(e.column >= 1 && e.column <= size + 1);
	}
	ipc_buf_release(&first);
	ipc_buf_release(&again);
	ipc_buf_release(&line);
	return 0;
}
