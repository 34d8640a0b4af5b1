/*
 * terminal.c - what a game says and asks about a player's terminal and the
 * program behind it: hidden input, prompts, out-of-band messages, abilities,
 * long texts by the screen. Next: send.c for plain messages.
 */
#include "gamecore/core.h"
#include "gamecore/sched.h"
#include "ipc/markup.h"
#include "ipc/side.h"

#include <string.h>
#include <strings.h>

static int
put(struct gc_net *net, unsigned kind, uint64_t conn, unsigned channel,
    const void *bytes, size_t len)
{
	struct ipc_frame f = { .kind = (uint8_t)kind,
		.channel = (uint16_t)channel,
		.id = conn,
		.bytes = bytes,
		.len = (uint32_t)len };

	/* Its end may be on the way while the game still writes: no error. */
	if (conns_find(&net->conns, conn) == NULL)
		return net->failed;
	return stream_put(net, &f, NULL);
}

/* ---- text --------------------------------------------------------------- */

void
gc_markup(struct gc_net *net, bool on)
{
	net->markup = on;
}

const char *
gc_escape(const char *text, char *out, size_t size)
{
	size_t n = 0, whole = 0;

	if (size == 0)
		return out;
	for (const char *p = text; *p; p++) {
		size_t more = *p == '{' ? 2 : 1;

		/* A character that does not fit is left away as a whole. */
		if (((unsigned char)*p & 0xc0) != 0x80)
			whole = n;
		if (n + more >= size) {
			n = whole;
			break;
		}
		out[n++] = (unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p;
		if (more == 2)
			out[n++] = '{';
	}
	out[n] = '\0';
	return out;
}

int
gc_prompt(struct gc_net *net, uint64_t conn, const char *text)
{
	size_t len = strlen(text);

	while (len && text[len - 1] == '\n')
		len--;
	return gc_send(net, conn, text, len);
}

int
gc_hide_input(struct gc_net *net, uint64_t conn, bool hide)
{
	keys_hide(net, conn, hide);
	return put(net, IPC_HIDE_INPUT, conn, hide, NULL, 0);
}

ssize_t
gc_ask_hidden(
    struct gc_session *s, const char *question, char *line, size_t size)
{
	ssize_t r;

	/* First the question, or a page would show the field's old text. */
	gc_session_write(s, question, strlen(question));
	gc_hide_input(s->net, s->conn, true);
	r = gc_readline(s, line, size);
	gc_hide_input(s->net, s->conn, false);
	return r;
}

/* ---- beside the text ---------------------------------------------------- */

/* "Package.Sub json" into net->printed. */
static int
print_side(struct gc_net *net, const char *name, const char *json)
{
	struct ipc_buf *b = &net->printed;
	size_t n = strlen(name);

	if (n == 0 || ipc_side_name((const uint8_t *)name, n) != n)
		return net_problem(net, GC_EINVALID,
		    "'%.64s' is not the name of an out-of-band message", name);
	ipc_buf_clear(b);
	if (!ipc_buf_add(b, name, n) ||
	    (json && json[0] &&
		!(ipc_buf_add(b, " ", 1) &&
		    ipc_buf_add(b, json, strlen(json)))))
		return net_problem(net, GC_ETOO_LONG, "too long to say");
	return 0;
}

int
gc_side(struct gc_net *net, uint64_t conn, const char *name, const char *json)
{
	int r = print_side(net, name, json);

	return r < 0 ? r
		     : put(net, IPC_SEND_SIDE, conn, 0, net->printed.data,
			   net->printed.len);
}

int
gc_side_group(struct gc_net *net, uint64_t group, const struct gc_how *how,
    const char *name, const char *json)
{
	static const struct gc_how plain;
	struct ipc_frame f = { .kind = IPC_SEND_SIDE_GROUP, .id = group };
	int r = print_side(net, name, json);

	if (r < 0)
		return r;
	if (how == NULL)
		how = &plain;
	if (how->class_ > GC_DROPPABLE)
		return net_problem(
		    net, GC_EINVALID, "no such class: %u", how->class_);
	f.flags = (uint8_t)how->class_;
	f.channel = how->key;
	f.bytes = net->printed.data;
	f.len = (uint32_t)net->printed.len;
	return stream_put(net, &f, &how->but);
}

bool
gc_side_is(const char *text, const char *name)
{
	size_t n = strlen(name);

	return strncasecmp(text, name, n) == 0 &&
	       (text[n] == '\0' || text[n] == ' ');
}

const char *
gc_side_json(const char *text)
{
	const char *blank = strchr(text, ' ');

	return blank ? blank + 1 : text + strlen(text);
}

/* ---- what it can do ----------------------------------------------------- */

static const unsigned colours[] = { 0, 16, 256, 1u << 24 };

int
gc_terminal(const struct gc_net *net, uint64_t conn, struct gc_terminal *t)
{
	const struct conn *c = conns_find(&net->conns, conn);

	if (c == NULL)
		return GC_ECLOSED;
	*t = (struct gc_terminal){ .columns = c->columns,
		.rows = c->rows,
		.colours = colours[c->able & IPC_ABLE_COLOURS],
		.utf8 = c->able & IPC_ABLE_UTF8,
		.reader = c->able & IPC_ABLE_READER,
		.side = c->able & IPC_ABLE_SIDE,
		.edits = c->able & IPC_ABLE_EDITS };
	return 0;
}

/* What goes over the pipe for a value, or -2: it is not one. */
static int
setting(enum gc_setting what, int value)
{
	if (value == -1)
		return -1;
	switch (what) {
	case GC_SET_COLOURS:
		for (unsigned i = 0; i < 4; i++)
			if (colours[i] == (unsigned)value)
				return (int)i;
		return -2;
	case GC_SET_WRAP:
		return value >= 0 && value <= IPC_COLUMNS_MAX ? value : -2;
	case GC_SET_UTF8:
	case GC_SET_READER:
		return value == 0 || value == 1 ? value : -2;
	}
	return -2;
}

int
gc_terminal_set(
    struct gc_net *net, uint64_t conn, enum gc_setting what, int value)
{
	int32_t said = setting(what, value);
	struct conn *c = conns_find(&net->conns, conn);

	if (said == -2)
		return net_problem(net, GC_EINVALID,
		    "a terminal's setting %u cannot be %d", what, value);
	if (c && what == GC_SET_WRAP)
		c->wrap = (int16_t)said;
	return put(
	    net, IPC_SET_ABLE, conn, (unsigned)what, &said, sizeof(said));
}

/* ---- by the screen ------------------------------------------------------ */

#define MORE "--More--"
/* The tags that are in force at the end of a screen. */
#define OPEN_MAX ((IPC_MARKUP_DEPTH + 1) * (IPC_MARKUP_TAG_MAX + 2))

/* How much of a text is one screen, and what stays in force behind it. */
static size_t
screenful(
    struct gc_session *s, const struct ipc_buf *text, struct ipc_buf *open)
{
	const struct conn *c = conns_find(&s->net->conns, s->conn);
	struct ipc_look look = { .terminal = true, .charset = IPC_UTF8 };

	if (c == NULL || c->rows < 3 || (c->able & IPC_ABLE_READER))
		return text->len;
	look.colours = c->able & IPC_ABLE_COLOURS;
	look.columns = c->wrap >= 0 ? (uint16_t)c->wrap : c->columns;
	if (look.columns > IPC_COLUMNS_MAX)
		look.columns = IPC_COLUMNS_MAX;
	return ipc_markup_rows(
	    &look, s->net->markup, text->data, text->len, c->rows - 1u, open);
}

/* Say the first screen of what is left and take it away, but for the colours
 * that stay in force. Returns as gc_send(). */
static int
show_screen(struct gc_session *s, struct ipc_buf *left)
{
	struct ipc_buf open, then;
	size_t n;
	int r;

	ipc_buf_init(&open, OPEN_MAX);
	ipc_buf_init(&then, IPC_FRAME_MAX_MAX);
	n = screenful(s, left, &open);
	r = gc_session_write(s, left->data, n);
	/* Nothing but colours would never end. */
	if (n < left->len && n > open.len &&
	    !((open.len == 0 || ipc_buf_add(&then, open.data, open.len)) &&
		ipc_buf_add(&then, left->data + n, left->len - n)))
		r = GC_ENO_MEMORY;
	ipc_buf_release(&open);
	ipc_buf_release(left);
	*left = then;
	return r;
}

int
gc_page(struct gc_session *s, const char *text)
{
	struct ipc_buf left;
	char answer[8] = "";
	ssize_t r = 0;

	ipc_buf_init(&left, IPC_FRAME_MAX_MAX);
	if (text[0] && !ipc_buf_add(&left, text, strlen(text)))
		r = net_problem(s->net, GC_ETOO_LONG, "a text is too long");
	while (r >= 0 && left.len && answer[0] != 'q' && answer[0] != 'Q') {
		r = show_screen(s, &left);
		if (r >= 0 && left.len)
			r = gc_ask(s, MORE, answer, sizeof(answer));
	}
	ipc_buf_release(&left);
	return r < 0 ? (int)r : 0;
}
