/* links: netd/tr_ws.c netd/web.c netd/ws_*.c netd/http.c netd/files.c */
/* links: netd/mask.c */
/* links: netd/side.c netd/msdp.c netd/terminal.c netd/outq.c */
/* links: netd/line_edit.c */
/* links: netd/utf8.c netd/config.c netd/metrics.c netd/page.c */
/* links: tests/lib/no_resume.c */
/* links: netd/schema.c netd/json.c */
/*
 * netd/tr_ws.c behind its handshake, under any bytes in any pieces: cut into
 * pieces, with the game stopping it now and then, it must say exactly what it
 * says of the whole. The first byte is the size of the pieces; the second
 * says how often the game stops, and its highest bits that we are the client,
 * and that the subprotocol of MUDs is chosen: then a message never has a
 * control character, and is UTF-8.
 */
#include "../unit/fake_ws.h"
#include "netd/side.h"
#include "netd/utf8.h"
#include "netd/ws_hand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGE_MAX 300

/* The server's answer to whatever key was sent: asked of our own other half. */
static void
shake_hands(bool outgoing, bool mud)
{
	static const char asks_mud[] =
	    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Protocol: gmcp.mudstandards.org\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
	static const char asks[] =
	    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
	struct http_head h;
	struct ipc_buf answer;
	const char *why;

	if (!outgoing && mud) {
		fw_arrive(asks_mud, sizeof(asks_mud) - 1, SIZE_MAX);
	} else if (!outgoing) {
		fw_arrive(asks, sizeof(asks) - 1, SIZE_MAX);
	} else {
		ipc_buf_init(&answer, 4096);
		fw_must(
		    http_request(fw.out.data, fw.out.len, 4096, &h, &why) > 0);
		fw_must(ws_hand_answer(&answer, &h, &fw.url, 0));
		fw_arrive(answer.data, answer.len, SIZE_MAX);
		ipc_buf_release(&answer);
	}
	fw_must(fw.opened == 1 && fw.c.phase == PLAYING);
	ipc_buf_clear(&fw.out);
}

static void
run(const uint8_t *data, size_t size, size_t piece, unsigned stop_every,
    bool outgoing, bool mud, struct ipc_buf *said)
{
	fw_prepare();
	fw.url.config.message_bytes = MESSAGE_MAX;
	fw.c.outgoing = outgoing;
	fw.stop_every = stop_every;
	fw_start();
	fw.c.told = true;
	shake_hands(outgoing, mud);
	fw_arrive(data, size, piece);
	/* Nothing of a WebSocket is ever left for the next time. */
	fw_must(fw.in.len == 0 || fw.c.phase == GONE);
	if (mud && !outgoing && !fw.closed) {
		fw_must(utf8_valid(fw.got.data, fw.got.len));
		for (size_t i = 0; i < fw.got.len; i++)
			fw_must(fw.got.data[i] >= ' ' ||
				memchr("\t\r\n", fw.got.data[i], 3));
	}
	fw_must(ipc_buf_add(said, fw.got.data, fw.got.len));
	fw_must(ipc_buf_printf(said, "\n%u %d\n", fw.closed, fw.aborted));
	/* Masks are random. */
	if (!outgoing)
		fw_must(ipc_buf_add(said, fw.out.data, fw.out.len));
	else
		fw_must(ipc_buf_printf(said, "%zu", fw.out.len));
	fw_release();
	side_free(&fw.c);
	free(fw.rare.terminal);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipc_buf whole, pieces;
	bool outgoing, mud;

	if (size < 2)
		return 0;
	outgoing = data[1] & 0x80;
	mud = data[1] & 0x40;
	ipc_buf_init(&whole, 128u << 20);
	ipc_buf_init(&pieces, 128u << 20);
	run(data + 2, size - 2, SIZE_MAX, 0, outgoing, mud, &whole);
	run(data + 2, size - 2, data[0] + 1u, data[1] & 0x3f, outgoing, mud,
	    &pieces);
	fw_must(whole.len == pieces.len);
	fw_must(memcmp(whole.data, pieces.data, whole.len) == 0);
	ipc_buf_release(&whole);
	ipc_buf_release(&pieces);
	return 0;
}
