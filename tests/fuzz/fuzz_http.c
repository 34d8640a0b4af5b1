/* links: netd/tr_ws.c netd/web.c netd/ws_*.c netd/http.c netd/files.c */
/* links: netd/mask.c */
/* links: netd/side.c netd/msdp.c netd/terminal.c netd/outq.c */
/* links: netd/line_edit.c */
/* links: netd/utf8.c netd/config.c netd/metrics.c netd/page.c */
/* links: tests/lib/no_resume.c */
/* links: netd/schema.c netd/json.c */
/*
 * What comes before a WebSocket, under any bytes in any pieces: the answers
 * must be the same however the requests are cut. The first byte is the size
 * of the pieces; the second says which of the listener's words are set.
 */
#include "../unit/fake_ws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
run(const uint8_t *data, size_t size, size_t piece, unsigned words,
    struct ipc_buf *said)
{
	fw_prepare();
	fw.url.config.head_bytes = 1024;
	/* The fuzzer's own folder of samples is something to serve. */
	if (words & 1)
		strcpy(fw.url.www, "tests/fuzz");
	if (words & 2)
		strcpy(fw.url.path, "/play");
	if (words & 4)
		strcpy(fw.url.origin, "http://a");
	if (words & 8)
		strcpy(fw.url.subprotocol, "game");
	fw_start();
	fw_arrive(data, size, piece);
	fw_drain();
	fw_must(fw.opened <= 1);
	fw_must(ipc_buf_add(said, fw.got.data, fw.got.len));
	fw_must(ipc_buf_add(said, fw.out.data, fw.out.len));
	fw_must(ipc_buf_printf(
	    said, "\n%u %u %d", fw.opened, fw.closed, fw.aborted));
	fw_release();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipc_buf whole, pieces;

	if (size < 2)
		return 0;
	ipc_buf_init(&whole, 128u << 20);
	ipc_buf_init(&pieces, 128u << 20);
	run(data + 2, size - 2, SIZE_MAX, data[1], &whole);
	run(data + 2, size - 2, data[0] + 1u, data[1], &pieces);
	fw_must(whole.len == pieces.len);
	fw_must(memcmp(whole.data, pieces.data, whole.len) == 0);
	ipc_buf_release(&whole);
	ipc_buf_release(&pieces);
	return 0;
}
