/*
 * keys.c - lines from single keys, for sessions whose player is at the terminal
 * (tty:): what they get is a line there as anywhere else, unless they ask for
 * the keys.
 *
 * Each key draws the line anew, so what was printed over it meanwhile matters
 * no longer. What begins with ESC is written to that terminal as it is.
 */
#include "gamecore/sched.h"

#include <stdio.h>
#include <string.h>

/* Of a longer line its end is seen. */
#define SEEN_MAX 70
/* To the left, and that line is empty. */
#define CLEAR "\x1b[G\x1b[K"

static bool
is_rest(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Where the last character of the first n bytes begins. */
static size_t
before_last(const char *line, size_t n)
{
	while (n && is_rest(line[n - 1]))
		n--;
	return n ? n - 1 : 0;
}

static void
draw(struct gc_net *net, uint64_t conn, bool hidden, const char *end)
{
	const struct typing *t = &net->typing;
	size_t from = t->len > SEEN_MAX ? t->len - SEEN_MAX : 0;
	char text[SEEN_MAX + 32];
	int n;

	while (from < t->len && is_rest(t->line[from]))
		from++;
	if (hidden)
		from = t->len;
	n = snprintf(text, sizeof(text), CLEAR "%.*s%s", (int)(t->len - from),
	    t->line + from, end);
	gc_send(net, conn, text, (size_t)n);
}

/* A key that is no part of the text: what is left of the line. */
static size_t
edit(const char *line, size_t n, char key)
{
	switch (key) {
	case '\b':
	case 0x7f:
		return before_last(line, n);
	case 'U' & 0x1f:
		return 0;
	case 'W' & 0x1f:
		while (n && line[n - 1] == ' ')
			n--;
		while (n && line[n - 1] != ' ')
			n--;
		return n;
	default:
		return n;
	}
}

bool
keys_typed(struct gc_net *net, struct gc_event *ev)
{
	struct typing *t = &net->typing;
	const struct conn *c = conns_find(&net->conns, ev->conn);
	const char *key = ev->text;

	if (c == NULL || !c->keys || c->raw)
		return true;
	if (t->conn != ev->conn || t->done)
		t->len = 0;
	t->conn = ev->conn;
	t->done = ev->len == 1 && (key[0] == '\r' || key[0] == '\n');
	if (t->done) {
		draw(net, ev->conn, c->hidden, "\n");
		t->line[t->len] = '\0';
		ev->text = t->line;
		ev->len = t->len;
		return true;
	}
	if (ev->len == 0 || (unsigned char)key[0] < ' ' || key[0] == 0x7f)
		t->len = ev->len == 1 ? edit(t->line, t->len, key[0]) : t->len;
	else if (!ev->binary && t->len + ev->len < sizeof(t->line)) {
		memcpy(t->line + t->len, key, ev->len);
		t->len += ev->len;
	} else {
		gc_send(net, ev->conn, "\x1b[m\a", 4);
	}
	draw(net, ev->conn, c->hidden, "");
	return false;
}

void
keys_hide(struct gc_net *net, uint64_t conn, bool hide)
{
	struct conn *c = conns_find(&net->conns, conn);

	if (c)
		c->hidden = hide;
}

int
gc_session_keys(struct gc_session *s, bool keys)
{
	struct conn *c = s->conn ? conns_find(&s->net->conns, s->conn) : NULL;

	if (c == NULL)
		return GC_ECLOSED;
	if (c->raw != keys)
		s->net->typing.len = 0;
	c->raw = keys;
	return c->keys ? 0 : GC_ENOTHING;
}
