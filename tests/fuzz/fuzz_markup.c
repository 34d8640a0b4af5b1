/* links: netd/utf8.c netd/mask.c */
/*
 * ipc/markup.c under any text and any terminal: what comes out is in the
 * terminal's character set, no row is wider than it, a terminal without colours
 * gets none, what comes out is bounded, and a text in two screens is the same
 * text. The first three bytes are the terminal.
 */
#include "ipc/glyph.h"
#include "ipc/markup.h"
#include "ipc/msg.h"
#include "ipc/width.h"
#include "netd/utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool good)
{
	if (!good)
		abort();
}

/* The widest row, escape sequences and blanks at its end not counted. */
static size_t
widest(const uint8_t *p, size_t n)
{
	size_t most = 0, column = 0, blanks = 0;

	while (n) {
		uint32_t c;
		size_t len = ipc_glyph_read(p, n, &c);

		if (c == 27) {
			len = 2;
			while (len < n && p[len] < 0x40)
				len++;
			len++;
		} else if (c == '\n') {
			column = blanks = 0;
		} else if (c == ' ') {
			blanks++;
		} else if (c != 7) {
			column += blanks + ipc_width(c);
			blanks = 0;
		}
		if (column > most)
			most = column;
		must(len <= n);
		p += len;
		n -= len;
	}
	return most;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipc_look k = { .terminal = true };
	struct ipc_buf out, open;
	uint8_t *text;
	bool markup, pre;
	size_t n, end;

	if (size < 3)
		return 0;
	k.terminal = !(data[0] & 1);
	k.reader = data[0] & 2;
	k.colours = data[0] >> 2 & 3;
	k.charset = (data[0] >> 4 & 3) % 3;
	markup = !(data[0] & 64);
	k.columns = data[1];
	n = size - 3;
	text = malloc(n ? n : 1);
	must(text != NULL);
	memcpy(text, data + 3, n);
	pre = memmem(text, n, "{pre}", 5) != NULL;
	ipc_buf_init(&out, 64u << 20);
	ipc_buf_init(&open, 4096);
	must(ipc_markup_write(&k, markup, text, n, &out) == 0);
	must(out.len <= 64 * (n + 1) + n * (k.columns + 1u));
	if (k.charset == IPC_UTF8 || !k.terminal)
		must(utf8_valid(out.data, out.len));
	for (size_t i = 0; i < out.len && k.charset == IPC_ASCII && k.terminal;
	     i++)
		must(out.data[i] < 0x80);
	/* Double letters are wider than one column. */
	if (markup && k.terminal && k.columns > 1 && !pre &&
	    k.charset == IPC_UTF8)
		must(widest(out.data, out.len) <= k.columns);
	end = ipc_markup_rows(&k, markup, text, n, data[2] + 1u, &open);
	must(end <= n && (end || n == 0));
	ipc_buf_release(&out);
	ipc_buf_release(&open);
	free(text);
	return 0;
}
