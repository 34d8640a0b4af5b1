/*
 * keys.c - a line from single keys, for a session whose player is at the
 * terminal (tty:): gc_readline() is the same call there as anywhere else.
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

static struct conn *
keyboard(const struct gc_session *s)
{
	struct conn *c = s->conn ? conns_find(&s->net->conns, s->conn) : NULL;

	return c && c->keys ? c : NULL;
}

bool
keys_are_sent(const struct gc_session *s)
{
	return keyboard(s) != NULL;
}

void
keys_hide(struct gc_net *net, uint64_t conn, bool hide)
{
	struct conn *c = conns_find(&net->conns, conn);

	if (c)
		c->hidden = hide;
}

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
draw(struct gc_session *s, const char *line, size_t len, const char *end)
{
	const struct conn *c = keyboard(s);
	char text[SEEN_MAX + 32];
	size_t from = len > SEEN_MAX ? len - SEEN_MAX : 0;

	while (from < len && is_rest(line[from]))
		from++;
	if (c == NULL)
		return;
	if (c->hidden)
		from = len;
	snprintf(text, sizeof(text), CLEAR "%.*s%s", (int)(len - from),
	    line + from, end);
	gc_session_write(s, text, strlen(text));
}

/* A key that is not part of the text; n is what is left of the line. */
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

ssize_t
keys_line(struct gc_session *s, char *line, size_t size)
{
	size_t n = 0;

	for (;;) {
		const char *key;
		ssize_t len = gc_session_read(s, &key, -1);

		if (len < 0)
			return len;
		if (len == 1 && (key[0] == '\r' || key[0] == '\n'))
			break;
		if ((unsigned char)key[0] < ' ' || key[0] == 0x7f)
			n = len == 1 ? edit(line, n, key[0]) : n;
		else if (n + (size_t)len < size) {
			memcpy(line + n, key, (size_t)len);
			n += (size_t)len;
		} else {
			gc_session_write(s, "\x1b[m\a", 4);
		}
		draw(s, line, n, "");
	}
	draw(s, line, n, "\n");
	line[n] = '\0';
	return (ssize_t)n;
}
