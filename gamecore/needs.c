/*
 * needs.c - what netd is told before it locks itself: where the game listens,
 * or may later, and where it may connect to. Said by whoever starts netd or
 * attaches to it, never by the stream: a game may be taken over, too.
 */
#include "gamecore/core.h"
#include "ipc/cage.h"
#include "ipc/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
say(int control, enum ipc_control_type type, const char *text)
{
	struct ipc_control m = { .type = type, .fds = { -1, -1 } };

	snprintf(m.text, sizeof(m.text), "%s", text);
	ipc_control_send(control, &m);
}

static void
expect(int control, const struct gc_start *start, const char *const *urls)
{
	for (; urls && *urls; urls++) {
		char *whole = where_url(start, *urls);

		/* Without memory it is refused later, with words. */
		if (whole)
			say(control, IPC_CONTROL_EXPECT, whole);
		free(whole);
	}
}

/* Who lets nobody in but the person at the terminal is a client. */
static bool
serves(const struct options *o)
{
	for (const char *const *url = o->listen; url && *url; url++)
		if (strncmp(*url, "tty:", 4) != 0)
			return true;
	return false;
}

static const char *
connects(const struct options *o, const struct gc_start *start)
{
	if (o->may_connect)
		return o->may_connect;
	if (start->may_connect)
		return start->may_connect;
	return serves(o) ? "" : "*";
}

void
needs_tell(const struct options *o, const struct gc_start *start, int control)
{
	char line[128];

	expect(control, start, o->listen);
	expect(control, start, o->may_listen);
	expect(control, start, start->may_listen);
	say(control, IPC_CONTROL_CONNECTS, connects(o, start));
	say(control, IPC_CONTROL_LOCK, "");
	if (!o->jail)
		return;
	snprintf(line, sizeof(line), "jail calls=%s files=%s",
	    ipc_cage_can_calls() && !ipc_cage_never() ? "yes" : "no",
	    ipc_cage_abi() && !ipc_cage_never() ? "yes" : "no");
	say(control, IPC_CONTROL_LOG, line);
}
