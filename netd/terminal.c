/*
 * terminal.c - what a player's terminal can do: what it said itself, and what
 * the game decided over its head. The game is told of each change; c->looks
 * says in one number how text is written for it (groups.c writes a broadcast
 * once for each such number).
 */
#include "ipc/markup.h"
#include "netd/netd.h"

#include <stdlib.h>
#include <string.h>

#define SETTINGS (IPC_SET_WRAP + 1)

struct terminal {
	int16_t said[SETTINGS], set[SETTINGS]; /* -1: not */
	bool side, edits;
	uint16_t able; /* as the game was told */
};

static struct terminal *
terminal_of(struct client *c)
{
	struct terminal *t = RARE(c, terminal);

	if (t || client_rare(c) == NULL)
		return t;
	c->rare->terminal = t = malloc(sizeof(*t));
	if (t == NULL)
		return NULL;
	memset(t, 0, sizeof(*t));
	for (unsigned i = 0; i < SETTINGS; i++)
		t->said[i] = t->set[i] = -1;
	t->able = IPC_ABLE_UTF8;
	return t;
}

static int
value_of(const struct terminal *t, unsigned what, int unsaid)
{
	if (t->set[what] >= 0)
		return t->set[what];
	return t->said[what] >= 0 ? t->said[what] : unsaid;
}

static uint16_t
able(const struct terminal *t)
{
	unsigned bits = (unsigned)value_of(t, IPC_SET_COLOURS, 0);

	if (value_of(t, IPC_SET_UTF8, IPC_UTF8) == IPC_UTF8)
		bits |= IPC_ABLE_UTF8;
	if (value_of(t, IPC_SET_READER, 0))
		bits |= IPC_ABLE_READER;
	if (t->side)
		bits |= IPC_ABLE_SIDE;
	if (t->edits)
		bits |= IPC_ABLE_EDITS;
	return (uint16_t)bits;
}

/* Something changed: what follows from it. */
static void
settle(struct client *c)
{
	struct terminal *t = RARE(c, terminal);
	uint16_t now = able(t);

	c->looks =
	    LOOKS_TERMINAL |
	    (uint32_t)value_of(t, IPC_SET_WRAP, 0) << LOOKS_WRAP_AT |
	    (uint32_t)value_of(t, IPC_SET_COLOURS, 0) << LOOKS_COLOURS_AT |
	    (uint32_t)value_of(t, IPC_SET_UTF8, IPC_UTF8) << LOOKS_CHARSET_AT;
	if (value_of(t, IPC_SET_READER, 0))
		c->looks |= LOOKS_READER;
	if (now == t->able)
		return;
	t->able = now;
	if (c->told)
		link_up(c->link, IPC_ABLE, c->id, 0, now, NULL, 0);
}

void
terminal_said(struct client *c, enum ipc_able what, int value)
{
	struct terminal *t = terminal_of(c);

	if (t == NULL)
		return;
	t->said[what] = (int16_t)value;
	settle(c);
}

void
terminal_takes_side(struct client *c, bool on)
{
	struct terminal *t = terminal_of(c);

	if (t == NULL)
		return;
	t->side = on;
	settle(c);
}

void
terminal_edits(struct client *c, bool on)
{
	struct terminal *t = terminal_of(c);

	if (t == NULL)
		return;
	t->edits = on;
	settle(c);
}

bool
terminal_set(struct client *c, unsigned what, int value)
{
	static const int most[SETTINGS] = { [IPC_SET_COLOURS] = 3,
		[IPC_SET_UTF8] = 1,
		[IPC_SET_READER] = 1,
		[IPC_SET_WRAP] = IPC_COLUMNS_MAX };
	struct terminal *t;

	if (what >= SETTINGS || value < -1 || value > most[what])
		return false;
	/* Only where text goes to a terminal at all. */
	if (c == NULL || RARE(c, terminal) == NULL)
		return true;
	t = c->rare->terminal;
	t->set[what] = (int16_t)value;
	settle(c);
	return true;
}

void
terminal_tell(const struct client *c)
{
	const struct terminal *t = RARE(c, terminal);

	if (t && t->able != IPC_ABLE_UTF8)
		link_up(c->link, IPC_ABLE, c->id, 0, t->able, NULL, 0);
}
