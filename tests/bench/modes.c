/*
 * modes.c - what the players do: one row a mode at the end of this file.
 *
 * Every message is checked: its stamp says who sent it and which one it is,
 * and the rest must be the text that was sent. A wrong byte ends the run.
 */
#include "tests/bench/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Four letters a to p for sixteen bits, in memory order. */
static uint32_t
letters(uint16_t v)
{
	uint32_t w = v;

	w = (w | w << 8) & 0x00ff00ff;
	w = (w | w << 4) & 0x0f0f0f0f;
	return w + 0x61616161;
}

uint64_t
stamp_of(uint16_t sender, uint16_t number)
{
	return (uint64_t)letters(number) << 32 | letters(sender);
}

static uint16_t
number_of(uint64_t stamp)
{
	unsigned number = 0;

	for (int i = 0; i < 4; i++)
		number |= (unsigned)(((stamp >> (32 + 8 * i)) - 'a') & 15)
			  << (4 * i);
	return (uint16_t)number;
}

static bool
is_text(struct load *l, uint64_t stamp, const uint8_t *bytes, size_t len)
{
	uint64_t is;

	if (len != (size_t)l->o.size)
		return false;
	memcpy(&is, bytes, STAMP);
	return is == stamp &&
	       memcmp(bytes + STAMP, l->text + STAMP, len - STAMP) == 0;
}

static void
wrong(struct load *l, const struct conn *c, const uint8_t *bytes, size_t len)
{
	load_fail(l, "connection %u: message %u is wrong (%zu bytes: %.24s)",
	    c->index, c->got, len, (const char *)bytes);
}

/* ---- echo --------------------------------------------------------------- */

static void
echo_begin(struct load *l)
{
	for (long i = 0; i < l->o.conns; i++)
		drive_send(l, &l->conns[i], (unsigned)l->o.window);
}

static void
echo_message(struct load *l, struct conn *c, const uint8_t *bytes, size_t len)
{
	uint64_t stamp = stamp_of((uint16_t)c->index, c->got);

	if (c->idle || !is_text(l, stamp, bytes, len))
		wrong(l, c, bytes, len);
	c->got++;
	if (l->o.latency)
		hist_add(&l->hist, now_ns() - c->sent_ns);
}

/* ---- fan: what the last sends, everybody gets ---------------------------
 * A server that accepts the last to come has accepted all before it: nobody
 * can miss the first message, though line and tcp have no handshake.
 */

static struct conn *
fan_sender(struct load *l)
{
	return &l->conns[l->o.conns - 1];
}

/* Another burst when no more than window - 1 are still on their way. */
static void
fan_more(struct load *l)
{
	uint64_t burst = (uint64_t)l->o.burst, n = (uint64_t)l->o.conns;

	while (
	    l->begun &&
	    l->sent * n - l->all <= (uint64_t)(l->o.window - 1) * burst * n &&
	    *l->problem == '\0') {
		drive_send(l, fan_sender(l), (unsigned)burst);
		l->sent += burst;
	}
}

static void
note_gap(struct load *l, struct conn *c)
{
	int64_t now = now_ns();

	if (c->got_ns != 0)
		hist_add(&l->hist, now - c->got_ns);
	c->got_ns = now;
}

static void
numbered(struct load *l, struct conn *c, uint32_t sender, const uint8_t *bytes,
    size_t len)
{
	if (!is_text(l, stamp_of((uint16_t)sender, c->got), bytes, len))
		wrong(l, c, bytes, len);
	c->got++;
}

static void
fan_message(struct load *l, struct conn *c, const uint8_t *bytes, size_t len)
{
	numbered(l, c, fan_sender(l)->index, bytes, len);
}

static void
fan_after(struct load *l, struct conn *c, unsigned count)
{
	(void)count;
	note_gap(l, c);
}

/* ---- tick: the server sends by itself, players send inputs -------------- */

static void
tick_message(struct load *l, struct conn *c, const uint8_t *bytes, size_t len)
{
	uint64_t is;

	if (len != (size_t)l->o.size) {
		wrong(l, c, bytes, len);
		return;
	}
	memcpy(&is, bytes, STAMP);
	if (!c->begun)
		c->got = number_of(is);
	c->begun = true;
	numbered(l, c, 0, bytes, len);
}

/* As many inputs as are due by now, round robin over the players. */
static void
tick_turn(struct load *l)
{
	uint64_t due;

	if (!l->begun || l->o.inputs == 0)
		return;
	if (l->inputs_ns == 0)
		l->inputs_ns = l->now_ns;
	due = (uint64_t)(l->now_ns - l->inputs_ns) * (uint64_t)l->o.inputs /
	      1000000000u;
	for (int i = 0; i < 512 && l->sent < due; i++, l->sent++) {
		drive_send(l, &l->conns[l->next], 1);
		l->next = (l->next + 1) % (size_t)l->o.conns;
	}
}

/* ---- follow: a state that the server keeps for each player --------------- */

/* The number behind this name in the head of a message, or 0. */
static uint64_t
number_behind(const char *head, const char *name)
{
	const char *at = strstr(head, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* ["$state",{"from":F,"to":T,...,"ack":true}]: a delta must be from what this
 * one has, and is acknowledged where that is asked for. */
static void
state_message(struct load *l, struct conn *c, const uint8_t *bytes, size_t len)
{
	static const char word[] = "[\"$state\",{", asks[] = "\"ack\":true}]";
	char head[96], ack[48];
	uint64_t from;
	size_t n = len < sizeof(head) ? len : sizeof(head) - 1;

	memcpy(head, bytes, n);
	head[n] = '\0';
	from = number_behind(head, "\"from\":");
	if (strncmp(head, word, sizeof(word) - 1) != 0 ||
	    bytes[len - 1] != ']' || (from && from != c->version))
		wrong(l, c, bytes, len);
	c->version = number_behind(head, "\"to\":");
	if (len < sizeof(asks) ||
	    memcmp(bytes + len - (sizeof(asks) - 1), asks, sizeof(asks) - 1))
		return;
	n = (size_t)snprintf(ack, sizeof(ack), "[\"$ack\",%llu]",
	    (unsigned long long)c->version);
	drive_say(l, c, ack, n);
}

/* Of a server without deltas each message is the whole. */
static void
follow_message(struct load *l, struct conn *c, const uint8_t *bytes, size_t len)
{
	note_gap(l, c);
	if (memcmp(bytes, "{\"things\":{", 11) != 0 || bytes[len - 1] != '}')
		state_message(l, c, bytes, len);
}

/* ---- snake: one plays, the others watch ---------------------------------- */

/* Between a turn that was seen and the next, or one that was none. */
#define TURN_NS 120000000
#define TURN_LOST_NS 2000000000

static void
snake_opened(struct load *l, struct conn *c)
{
	static const char name[] = "[\"name\",{\"name\":\"turner\"}]";
	static const char join[] = "[\"join\",{}]";

	if (c->index)
		return;
	drive_say(l, c, name, sizeof(name) - 1);
	drive_say(l, c, join, sizeof(join) - 1);
}

/* A turn to the right; it is in the state as the player's own path. */
static void
snake_turn(struct load *l)
{
	struct conn *c = &l->conns[0];
	char text[32];
	size_t n;

	if (!l->begun || c->state != CONN_OPEN ||
	    l->now_ns - l->inputs_ns < TURN_NS ||
	    (c->sent_ns && l->now_ns - c->sent_ns < TURN_LOST_NS))
		return;
	n = (size_t)snprintf(
	    text, sizeof(text), "[\"turn\",{\"way\":%u}]", c->sent++ % 4);
	c->sent_ns = now_ns();
	drive_say(l, c, text, n);
}

static void
snake_played(struct load *l, struct conn *c, const char *text)
{
	char word[48];

	if (sscanf(text, "[\"you\",{\"id\":\"%20[0-9]", l->name) == 1)
		return;
	snprintf(word, sizeof(word), "[\"snakes\",%s]", l->name);
	if (strstr(text, word)) {
		snake_opened(l, c);
		c->sent_ns = 0;
	}
	snprintf(word, sizeof(word), "\"%s\":{\"path\":[", l->name);
	if (strstr(text, word) == NULL)
		return;
	if (c->sent_ns) {
		hist_add(&l->hist, now_ns() - c->sent_ns);
		c->sent_ns = 0;
	}
	l->inputs_ns = now_ns();
}

static void
snake_message(struct load *l, struct conn *c, const uint8_t *bytes, size_t len)
{
	static const char word[] = "[\"$state\",{";
	static char text[1 << 16];

	if (c->index == 0 && len < sizeof(text)) {
		memcpy(text, bytes, len);
		text[len] = '\0';
		snake_played(l, c, text);
	}
	if (len > sizeof(word) && memcmp(bytes, word, sizeof(word) - 1) == 0)
		state_message(l, c, bytes, len);
}

/* ---- connect: handshakes, each connection cut as soon as it stands ------ */

static void
connect_again(struct load *l, struct conn *c)
{
	drive_cut(l, c);
	drive_start(l, c);
}

/* line and tcp have no handshake: the first echo shows that it stands. */
static void
connect_opened(struct load *l, struct conn *c)
{
	if (l->o.codec != CODEC_WS) {
		drive_send(l, c, 1);
		return;
	}
	l->messages++;
	l->all++;
	connect_again(l, c);
}

static void
connect_message(
    struct load *l, struct conn *c, const uint8_t *bytes, size_t len)
{
	echo_message(l, c, bytes, len);
	connect_again(l, c);
}

/* ---- idle --------------------------------------------------------------- */

static void
idle_message(struct load *l, struct conn *c, const uint8_t *bytes, size_t len)
{
	wrong(l, c, bytes, len);
}

static const struct mode modes[] = {
	{ .name = "echo",
	    .what = "each message back to its sender",
	    .begin = echo_begin,
	    .message = echo_message,
	    .after = drive_send },
	{ .name = "fan",
	    .what = "each message of the last to everybody",
	    .begin = fan_more,
	    .message = fan_message,
	    .after = fan_after,
	    .turn = fan_more },
	{ .name = "tick",
	    .what = "what the server sends by itself",
	    .message = tick_message,
	    .after = fan_after,
	    .turn = tick_turn },
	{ .name = "follow",
	    .what = "a state that changes by itself, acknowledged",
	    .message = follow_message },
	{ .name = "snake",
	    .what = "one plays Snake and times its turns, the rest watch",
	    .opened = snake_opened,
	    .message = snake_message,
	    .turn = snake_turn },
	{ .name = "connect",
	    .what = "handshakes a second, conns at a time",
	    .recycles = true,
	    .opened = connect_opened,
	    .message = connect_message },
	{ .name = "idle",
	    .what = "memory of connections at rest",
	    .message = idle_message },
};

const struct mode *
mode_at(size_t i)
{
	return i < sizeof(modes) / sizeof(modes[0]) ? &modes[i] : NULL;
}

const struct mode *
mode_find(const char *name, size_t len)
{
	const struct mode *m;

	for (size_t i = 0; (m = mode_at(i)) != NULL; i++)
		if (strlen(m->name) == len && memcmp(m->name, name, len) == 0)
			return m;
	return NULL;
}
