/* links: netd/tr_telnet.c netd/telnet*.c netd/line_edit.c netd/utf8.c */
/* links: netd/mask.c */
/* links: netd/config.c netd/side.c netd/msdp.c netd/terminal.c netd/outq.c */
/* links: netd/look.c */
/* links: netd/ws_frame.c */
/*
 * netd/tr_telnet.c under any bytes in any pieces: cut into pieces, with the
 * game stopping it now and then, it must say exactly what it says of the
 * whole; what the game gets is UTF-8 without control characters; and what is
 * answered is bounded. The first byte is the size of the pieces; the second
 * says how often the game stops, and its highest bits that we are the client,
 * that the game hides the input, that MSDP and that GMCP is on.
 */
#include "../unit/fake_telnet.h"
#include "netd/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGE_MAX 700
/* The limits of telnet.c and tr_telnet.c together, with room for an echo of
 * every line's end, refusals, and marks. */
#define ANSWERED_MAX (64u << 10)

static void
run(const uint8_t *data, size_t size, size_t piece, unsigned how,
    struct ipc_buf *said)
{
	/* The least for a subnegotiation: longer ones are in reach. */
	ft_side_bytes = 512;
	ft_init(MESSAGE_MAX, how & 0x80);
	ft.stop_every = how & 0x0f;
	ft_send("Name? ", 6);
	if (how & 0x40)
		tr_telnet.hide(&ft.c, true);
	/* What a client would say first. */
	ft_arrive("\xff\xfd\x45", how & 0x20 ? 3 : 0);
	ft_arrive("\xff\xfd\xc9", how & 0x10 ? 3 : 0);
	if (!(how & 0x80))
		ft_side("A.B {\"c\":[1,\"d\"]}", 18);
	for (size_t at = 0; at < size; at += piece)
		ft_arrive(data + at, size - at < piece ? size - at : piece);
	ft_must(ft.out.len < ANSWERED_MAX + 4 * size);
	for (size_t i = 0; i < ft.game.len; i++)
		ft_must(ft.game.data[i] >= 32 || ft.game.data[i] == '\n');
	ft_must(utf8_valid(ft.game.data, ft.game.len));
	ft_send("bye\n", 4);
	ft_must(ipc_buf_add(said, ft.game.data, ft.game.len));
	ft_must(ipc_buf_add(said, ft.out.data, ft.out.len));
	ft_release();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipc_buf whole, pieces;

	if (size < 2)
		return 0;
	ipc_buf_init(&whole, 128u << 20);
	ipc_buf_init(&pieces, 128u << 20);
	run(data + 2, size - 2, size, data[1] & 0xf0, &whole);
	run(data + 2, size - 2, data[0] + 1u, data[1], &pieces);
	ft_must(whole.len == pieces.len);
	ft_must(memcmp(whole.data, pieces.data, whole.len) == 0);
	ipc_buf_release(&whole);
	ipc_buf_release(&pieces);
	return 0;
}
