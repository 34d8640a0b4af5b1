/*
 * telnet_linemode.c - LINEMODE (RFC 1184): a client that edits its lines by
 * itself and sends them whole, and ^C and ^D as commands. Whoever offers it
 * gets it; others have line_edit.c.
 *
 * Nobody is asked for it. telnet(1), which alone has it, edits its lines by
 * itself as long as nobody echoes for it: its player sees no difference, and
 * asked it wants SGA in return, which would take the GA from its prompts. MUD
 * clients edit by themselves, and refuse.
 */
#include "netd/telnet_session.h"

#include <string.h>

enum { MODE = 1, FORWARDMASK = 2, SLC = 3 };
enum { EDIT = 1, TRAPSIG = 2, MODE_ACK = 4 };
/* In the second byte of an SLC triplet. */
enum { SLC_LEVELS = 3, SLC_ACK = 128 };
/* Its functions, SYNCH to EEOL, three bytes each. */
#define SLC_MAX (30 * 3)

void
telnet_ask_linemode(struct client *c)
{
	static const uint8_t mode[2] = { MODE, EDIT | TRAPSIG };

	if (telnet_may_answer(&session(c)->telnet))
		telnet_sub(&session(c)->telnet, TELNET_LINEMODE, mode, 2);
}

/* Its own keys are as good as any: each is agreed to. */
static void
on_slc(struct client *c, const uint8_t *p, size_t len)
{
	uint8_t out[1 + SLC_MAX] = { SLC };
	size_t n = 1;

	for (; len >= 3 && n < sizeof(out); p += 3, len -= 3) {
		if ((p[1] & SLC_ACK) || p[0] == 0 || !(p[1] & SLC_LEVELS))
			continue;
		out[n++] = p[0];
		out[n++] = p[1] | SLC_ACK;
		out[n++] = p[2];
	}
	if (n > 1)
		telnet_sub(&session(c)->telnet, TELNET_LINEMODE, out, n);
}

void
telnet_on_linemode(struct client *c, const uint8_t *p, size_t len)
{
	static const uint8_t no_mask[2] = { TELNET_DONT, FORWARDMASK };
	struct telnet *t = &session(c)->telnet;

	if (!telnet_may_answer(t))
		return;
	if (len == 2 && p[0] == MODE && (p[1] & MODE_ACK))
		terminal_edits(c, p[1] & EDIT);
	else if (len > 1 && p[0] == SLC)
		on_slc(c, p + 1, len - 1);
	/* We never need a key before its line. */
	else if (len == 2 && p[0] == TELNET_WILL && p[1] == FORWARDMASK)
		telnet_sub(t, TELNET_LINEMODE, no_mask, sizeof(no_mask));
}
