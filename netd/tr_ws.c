/*
 * tr_ws.c - ws://, WebSocket (RFC 6455).
 *
 * A connection begins as HTTP, which is web.c's; an upgrade turns it into a
 * WebSocket, for good. Its frames are unmasked into a buffer on the stack when
 * they lie whole in what was read, so an idle connection holds one struct ws
 * and nothing else; a message in pieces is gathered in a struct gather, which
 * goes with its last byte.
 *
 * Next: web.c for what comes before, ws_hand.c and ws_frame.c for the parts;
 * client.c for who calls this.
 */
#include "netd/http.h"
#include "netd/line_edit.h"
#include "netd/netd.h"
#include "netd/resume.h"
#include "netd/row.h"
#include "netd/side.h"
#include "netd/utf8.h"
#include "netd/web.h"
#include "netd/ws.h"
#include "netd/ws_frame.h"
#include "netd/ws_hand.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A frame up to this is unmasked on the stack. */
#define STACK_MAX (16u << 10)
/* The request of a handshake. */
#define ASK_MAX (8u << 10)

static const struct transport tr_ws_resumable, tr_ws_mud;

/* ---- frames out ---------------------------------------------------------- */

/* RFC 6455 10.3: no page or player may guess the mask. */
static void
new_mask(uint8_t mask[4])
{
	if (RAND_bytes(mask, 4) != 1)
		abort();
}

static size_t
frame_write(bool outgoing, unsigned opcode, const uint8_t *bytes, size_t len,
    uint8_t *out)
{
	uint8_t mask[4];
	size_t n;

	if (outgoing)
		new_mask(mask);
	n = ws_head_write(out, opcode, outgoing ? mask : NULL, len);
	if (outgoing)
		ws_mask(out + n, bytes, len, mask);
	else if (len)
		memcpy(out + n, bytes, len);
	return n + len;
}

/* What the game says on a line that may be lost: see resume_word.h. */
static size_t
resumable_encode(bool outgoing, unsigned flags, const uint8_t *bytes,
    size_t len, uint8_t *out)
{
	bool binary = (flags & IPC_BINARY) || !utf8_valid(bytes, len);
	uint8_t mask[4];
	size_t n;

	if (outgoing)
		new_mask(mask);
	n = ws_head_write(
	    out, binary ? WS_BINARY : WS_TEXT, outgoing ? mask : NULL, len + 1);
	out[n] = '=';
	if (len)
		memcpy(out + n + 1, bytes, len);
	if (outgoing)
		ws_mask(out + n, out + n, len + 1, mask);
	return n + 1 + len;
}

static size_t
resumable_encode_max(size_t len)
{
	return len + 1 + WS_HEAD_MAX;
}

static size_t
ws_encode_max(size_t len)
{
	return len + WS_HEAD_MAX;
}

/*
 * A game's text that is not UTF-8 goes out as binary: as text it would make
 * every browser that gets it hang up.
 */
static size_t
ws_encode(bool outgoing, unsigned flags, const uint8_t *bytes, size_t len,
    uint8_t *out)
{
	bool binary = flags & IPC_BINARY;
	size_t n = len < 126 ? 2 : len < 65536 ? 4 : 10;

	if (outgoing)
		return frame_write(true,
		    binary || !utf8_valid(bytes, len) ? WS_BINARY : WS_TEXT,
		    bytes, len, out);
	/* Its bytes are looked at while they are copied. */
	binary = !utf8_copy(out + n, bytes, len) || binary;
	if (len < 126) {
		out[0] = 0x80 | (binary ? WS_BINARY : WS_TEXT);
		out[1] = (uint8_t)len;
	} else {
		ws_head_write(out, binary ? WS_BINARY : WS_TEXT, NULL, len);
	}
	return n + len;
}

static void
say_control(struct client *c, unsigned opcode, const uint8_t *bytes, size_t len)
{
	uint8_t frame[WS_HEAD_MAX + WS_CONTROL_MAX];

	client_raw(
	    c, frame, frame_write(c->outgoing, opcode, bytes, len, frame));
}

static void
say_close(struct client *c, unsigned code, const char *text, size_t len)
{
	uint8_t bytes[WS_CONTROL_MAX];

	len = utf8_cut((const uint8_t *)text, len, sizeof(bytes) - 2);
	bytes[0] = (uint8_t)(code >> 8);
	bytes[1] = (uint8_t)code;
	if (len)
		memcpy(bytes + 2, text, len);
	say_control(c, WS_CLOSE, bytes, 2 + len);
}

/* ---- frames in ----------------------------------------------------------- */

static void
gather_free(struct ws *w)
{
	if (w->gather == NULL)
		return;
	ipc_buf_release(&w->gather->message);
	free(w->gather);
	w->gather = NULL;
}

static struct gather *
gather_get(struct client *c, struct ws *w)
{
	if (w->gather)
		return w->gather;
	w->gather = calloc(1, sizeof(*w->gather));
	if (w->gather)
		ipc_buf_init(&w->gather->message, resume_message_max(c));
	return w->gather;
}

bool
ws_give_up(struct client *c, unsigned reason, const char *why)
{
	struct ws *w = c->codec;

	gather_free(w);
	w->state = DONE;
	/* If we were waiting for its close frame: not any more. */
	c->wait_peer = false;
	client_mark(c);
	client_close(c, reason, why);
	return false;
}

/* Is the head that was just read legal at this place, and not too long? */
static bool
head_fits(struct client *c, struct ws *w, const struct ws_head *h)
{
	uint64_t max = resume_message_max(c), have = 0;

	if (h->opcode & 8)
		return true;
	if (h->opcode == WS_CONTINUATION && w->opcode == 0)
		return ws_give_up(
		    c, IPC_REASON_PROTOCOL, "a continuation of nothing");
	if (h->opcode != WS_CONTINUATION && w->opcode)
		return ws_give_up(
		    c, IPC_REASON_PROTOCOL, "a new message inside another");
	if (w->gather && w->opcode)
		have = w->gather->message.len;
	if (h->len > max - have && c->phase < LEAVING)
		return ws_give_up(c, IPC_REASON_TOO_LONG, "message too long");
	if (h->opcode != WS_CONTINUATION)
		w->opcode = h->opcode;
	return true;
}

/* A page's keys: mostly one whole line. Its end may be left away. */
static bool
mud_lines(struct client *c, const uint8_t *bytes, size_t len)
{
	static const uint8_t nothing[1];
	struct ws *w = c->codec;
	struct line_edit e = { 0 };
	size_t used = 0;
	bool more = true, ended = len > 0;

	w->midline = false;
	line_edit_init(&e, (size_t)c->url->config.message_bytes);
	/* All of it is used, also when it must be the last for a while. */
	while (used < len && c->phase == PLAYING) {
		size_t n;
		enum line_edit_did did =
		    line_edit_feed(&e, bytes + used, len - used, &n);

		used += n;
		ended = did == LINE_EDIT_LINE;
		if (did == LINE_EDIT_TOO_LONG) {
			more = ws_give_up(
			    c, IPC_REASON_TOO_LONG, "message too long");
			ended = true;
		} else if (ended) {
			more = client_got(c, IPC_TEXT,
				   e.line.len ? e.line.data : nothing,
				   e.line.len) &&
			       more;
		}
	}
	if (!ended && line_edit_typed(&e))
		more = client_got(c, IPC_TEXT, e.line.data, e.line.len) && more;
	else if (len == 0)
		more = client_got(c, IPC_TEXT, nothing, 0);
	line_edit_release(&e);
	return more;
}

static bool
deliver(struct client *c, unsigned opcode, const uint8_t *bytes, size_t len)
{
	if (c->transport == &tr_ws_mud)
		return opcode == WS_TEXT ? side_heard(c, bytes, len)
					 : mud_lines(c, bytes, len);
	return client_got(
	    c, opcode == WS_TEXT ? IPC_TEXT : IPC_BINARY, bytes, len);
}

/* The payload of a whole message that needs no gathering. */
static bool
whole_message(
    struct client *c, struct ws *w, const uint8_t *payload, size_t len)
{
	uint8_t bytes[STACK_MAX];
	unsigned opcode = w->opcode;

	ws_mask(bytes, payload, len, w->mask);
	w->opcode = 0;
	if (opcode == WS_TEXT && !utf8_valid(bytes, len))
		return ws_give_up(c, IPC_REASON_NOT_UTF8, "text is not UTF-8");
	return deliver(c, opcode, bytes, len);
}

/* len bytes of a message go to what is gathered of it. */
static bool
gather_message(
    struct client *c, struct ws *w, const uint8_t *payload, size_t len)
{
	struct gather *g = gather_get(c, w);
	uint8_t *to = g ? ipc_buf_space(&g->message, len) : NULL;

	if (to == NULL && len)
		return ws_give_up(c, IPC_REASON_NO_MEMORY, "out of memory");
	if (len == 0)
		return true;
	ws_mask(to, payload, len, w->mask);
	ipc_buf_added(&g->message, len);
	if (w->opcode == WS_TEXT && !utf8_feed(&g->utf8, to, len))
		return ws_give_up(c, IPC_REASON_NOT_UTF8, "text is not UTF-8");
	return true;
}

/* The last piece of a gathered message is there. */
static bool
message_ends(struct client *c, struct ws *w)
{
	struct gather *g = w->gather;
	unsigned opcode = w->opcode;
	bool more;

	w->opcode = 0;
	if (g == NULL)
		return deliver(c, opcode, (const uint8_t *)"", 0);
	if (opcode == WS_TEXT && !utf8_whole(&g->utf8))
		return ws_give_up(c, IPC_REASON_NOT_UTF8, "text is not UTF-8");
	/* client_got() may end the client, but frees nothing of it. */
	more = deliver(c, opcode,
	    g->message.data ? g->message.data : (const uint8_t *)"",
	    g->message.len);
	gather_free(w);
	return more;
}

/*
 * The peer's close frame: answer it with its code, unless it is the answer to
 * ours. Then our side of the line is shut, and the peer shuts its own.
 */
static bool
got_close(struct client *c, struct ws *w, const uint8_t *bytes, size_t len)
{
	unsigned code = len < 2 ? 0 : (unsigned)bytes[0] << 8 | bytes[1];
	char text[WS_CONTROL_MAX] = "";

	if (len == 1 || (len && !ws_code_valid(code)))
		return ws_give_up(
		    c, IPC_REASON_PROTOCOL, "not a code of a close frame");
	if (len > 2 && !utf8_valid(bytes + 2, len - 2))
		return ws_give_up(
		    c, IPC_REASON_NOT_UTF8, "the close's text is not UTF-8");
	gather_free(w);
	w->state = DONE;
	if (!w->said) {
		w->said = true;
		if (code)
			say_close(c, code, "", 0);
		else
			say_control(c, WS_CLOSE, bytes, 0);
	}
	c->wait_peer = false;
	client_mark(c);
	if (code == RESUME_CLOSE_CODE &&
	    resume_lost(c, IPC_REASON_RESET, "the line was given up"))
		return false;
	if (len > 2)
		memcpy(text, bytes + 2, len - 2);
	client_close(c, IPC_REASON_LEFT, text);
	return false;
}

static bool
got_control(struct client *c, struct ws *w, const uint8_t *bytes, size_t len)
{
	if (w->frame == WS_CLOSE)
		return got_close(c, w, bytes, len);
	/* Nothing may follow our own close frame, pongs neither. */
	if (w->frame == WS_PING && !w->said)
		say_control(c, WS_PONG, bytes, len);
	return w->state == FRAMES && c->phase != GONE;
}

/* Up to len bytes of a control frame's payload: how many in *used. */
static bool
feed_control(struct client *c, struct ws *w, const uint8_t *bytes, size_t len,
    size_t *used)
{
	struct gather *g = w->gather;
	uint8_t payload[WS_CONTROL_MAX];
	size_t have = g ? g->n_control : 0, n = (size_t)w->left;

	if (n > len && !(g = gather_get(c, w)))
		return ws_give_up(c, IPC_REASON_NO_MEMORY, "out of memory");
	*used = n < len ? n : len;
	if (have)
		memcpy(payload, g->control, have);
	ws_mask(payload + have, bytes, *used, w->mask);
	w->left -= *used;
	have += *used;
	if (w->left) {
		memcpy(g->control, payload, have);
		g->n_control = (uint8_t)have;
		return true;
	}
	w->in_frame = false;
	if (g)
		g->n_control = 0;
	if (g && w->opcode == 0)
		gather_free(w);
	return got_control(c, w, payload, have);
}

/* The same for a message's payload. */
static bool
feed_message(struct client *c, struct ws *w, const uint8_t *bytes, size_t len,
    size_t *used)
{
	size_t n = w->left < len ? (size_t)w->left : len;
	bool last = n == w->left && w->fin;

	*used = n;
	w->left -= n;
	w->in_frame = w->left > 0;
	/* After the close, data is not looked at (RFC 6455 1.4, 5.5.1). */
	if (c->phase >= LEAVING) {
		if (last)
			w->opcode = 0;
		return c->phase == LEAVING;
	}
	if (last && w->gather == NULL && n <= STACK_MAX)
		return whole_message(c, w, bytes, n);
	if (!gather_message(c, w, bytes, n))
		return false;
	return last ? message_ends(c, w) : true;
}

/* Not all of a head is here: it waits. */
static int
keep_head(struct client *c, struct ws *w, const uint8_t *bytes, size_t len)
{
	struct gather *g = gather_get(c, w);

	if (g == NULL) {
		ws_give_up(c, IPC_REASON_NO_MEMORY, "out of memory");
		return -1;
	}
	memcpy(g->head, bytes, len);
	g->n_head = (uint8_t)len;
	return 0;
}

/*
 * Read a frame's head from what waits and up to len bytes: 1 if it is there,
 * 0 if more is needed, -1 if the peer was given up.
 */
static int
feed_head(struct client *c, struct ws *w, const uint8_t *bytes, size_t len,
    size_t *used)
{
	uint8_t joined[WS_HEAD_MAX];
	const uint8_t *p = bytes;
	struct gather *g = w->gather;
	struct ws_head h;
	const char *why;
	size_t had = g ? g->n_head : 0, n = len;
	int size;

	if (had) {
		n = len < WS_HEAD_MAX - had ? len : WS_HEAD_MAX - had;
		memcpy(joined, g->head, had);
		memcpy(joined + had, bytes, n);
		n += had;
		p = joined;
	}
	size = ws_head_read(p, n, !c->outgoing, &h, &why);
	if (size < 0) {
		ws_give_up(c, IPC_REASON_PROTOCOL, why);
		return -1;
	}
	if (size == 0) {
		*used = len;
		return keep_head(c, w, p, n);
	}
	*used = (size_t)size - had;
	if (had)
		g->n_head = 0;
	if (had && w->opcode == 0)
		gather_free(w);
	w->in_frame = true;
	w->left = h.len;
	memcpy(w->mask, h.mask, sizeof(w->mask));
	w->frame = h.opcode;
	w->fin = h.fin;
	return head_fits(c, w, &h) ? 1 : -1;
}

/*
 * Nearly every message of a player is one small frame that lies whole in what
 * was read. Is the next such a frame? Then 6 or 8: its head, of which the last
 * four bytes are the mask, and *len is what follows. 0: it is not quite that.
 */
static inline size_t
head_of_whole(const uint8_t *p, size_t n, size_t *len)
{
	size_t head = 6;

	if (n < 6 || (p[0] != (0x80 | WS_TEXT) && p[0] != (0x80 | WS_BINARY)))
		return 0;
	*len = p[1] - 0x80u;
	if (*len > 125) {
		head = 8;
		*len = (size_t)p[2] << 8 | p[3];
		if (p[1] != (0x80 | 126) || *len < 126)
			return 0;
	}
	return n < head + *len ? 0 : head;
}

/* As many of them as are just passed on: how many bytes. Out of line, its loop
 * has the registers for itself. */
static __attribute__((noinline)) size_t
feed_row(struct client *c, const uint8_t *bytes, size_t n)
{
	struct row row = row_begin(c);
	const uint8_t *p = bytes, *end = bytes + n;
	size_t head, len;
	uint8_t *to;

	while ((head = head_of_whole(p, (size_t)(end - p), &len)) &&
	       (to = row_place(&row, len))) {
		unsigned flags = p[0] & WS_BINARY ? IPC_BINARY : IPC_TEXT;

		if (mask_copy(to, p + head, len, p + head - 4) &&
		    flags == IPC_TEXT && !utf8_whole_text(to, len))
			break;
		row_add(&row, flags, len);
		p += head + len;
	}
	row_end(c, &row);
	return (size_t)(p - bytes);
}

/* One of them, with which there is more to do: how many bytes, or 0. */
static size_t
feed_whole(struct client *c, const uint8_t *p, size_t n, bool *more)
{
	uint8_t bytes[STACK_MAX];
	size_t len, head = head_of_whole(p, n, &len);

	if (head == 0 || len > STACK_MAX || len > resume_message_max(c) ||
	    c->phase != PLAYING)
		return 0;
	if (mask_copy(bytes, p + head, len, p + head - 4) &&
	    p[0] == (0x80 | WS_TEXT) && !utf8_whole_text(bytes, len))
		return 0;
	*more = deliver(c, p[0] & 0x0f, bytes, len);
	return head + len;
}

/* Does the next frame begin a message, and nothing of another wait? */
static inline bool
is_between(const struct client *c, const struct ws *w)
{
	return w->state == FRAMES && !w->in_frame && !c->outgoing &&
	       w->opcode == 0 && w->gather == NULL;
}

/* What needs no memory of what came before. */
static size_t
feed_simple(struct client *c, const struct ws *w, const uint8_t *p, size_t n,
    bool *more)
{
	size_t used = 0;

	if (!is_between(c, w))
		return 0;
	if (c->transport == &tr_ws)
		used = feed_row(c, p, n);
	return used ? used : feed_whole(c, p, n, more);
}

static ssize_t
feed_frames(struct client *c, struct ws *w, const uint8_t *bytes, size_t len)
{
	size_t at = 0, used = 0;
	bool more = true;

	while (more && w->state == FRAMES) {
		if (!w->in_frame) {
			int r;

			if (at == len)
				break;
			used = feed_simple(c, w, bytes + at, len - at, &more);
			at += used;
			if (used)
				continue;
			r = feed_head(c, w, bytes + at, len - at, &used);
			if (r < 0)
				break;
			at += used;
			if (r == 0)
				break;
		}
		if (at == len && w->left)
			break;
		more = w->frame & 8
			   ? feed_control(c, w, bytes + at, len - at, &used)
			   : feed_message(c, w, bytes + at, len - at, &used);
		at += used;
	}
	return (ssize_t)(w->state == DONE ? len : at);
}

/* ---- open ---------------------------------------------------------------- */

void
ws_open(struct client *c, const char *subprotocol)
{
	int r;

	if (subprotocol && strcmp(subprotocol, WS_MUD_SUBPROTOCOL) == 0) {
		c->transport = &tr_ws_mud;
		terminal_said(c, IPC_SET_COLOURS, 3);
		terminal_takes_side(c, true);
	}
	if (subprotocol == NULL || strcmp(subprotocol, RESUME_SUBPROTOCOL)) {
		client_open(c);
		return;
	}
	c->transport = &tr_ws_resumable;
	r = resume_start(c);
	if (r < 0)
		client_abort(c, (unsigned)-r, "");
}

/* ---- outgoing ------------------------------------------------------------ */

static int
ask(struct client *c, struct ws *w)
{
	struct ipc_buf out;
	bool good;

	w->state = ASKING;
	w->accept = malloc(WS_ACCEPT_SIZE);
	ipc_buf_init(&out, ASK_MAX);
	good = w->accept && ws_hand_request(&out, c->url, w->accept) &&
	       client_raw(c, out.data, out.len);
	ipc_buf_release(&out);
	return good ? 0 : -IPC_REASON_NO_MEMORY;
}

static ssize_t
feed_asking(struct client *c, struct ws *w, const uint8_t *bytes, size_t len)
{
	struct http_head h;
	const char *why;
	char text[80];
	struct peer *p;
	int r = http_response(
	    bytes, len, (size_t)c->url->config.head_bytes, &h, &why);

	if (r == 0)
		return 0;
	if (r > 0)
		why = ws_hand_refused(&h, c->url, w->accept);
	free(w->accept);
	w->accept = NULL;
	if (r < 0 || why) {
		if (r > 0 && h.status != 101) {
			snprintf(
			    text, sizeof(text), "HTTP %u: %s", h.status, why);
			ws_give_up(c, IPC_REASON_REFUSED, text);
		} else {
			ws_give_up(c, IPC_REASON_PROTOCOL, why);
		}
		return (ssize_t)len;
	}
	p = client_peer(c);
	if (p && http_count(&h, "sec-websocket-protocol"))
		p->subprotocol = strdup(c->url->subprotocol);
	w->state = FRAMES;
	/* As a client we speak plain messages, whatever the server calls it. */
	ws_open(
	    c, http_has_exact(&h, "sec-websocket-protocol", RESUME_SUBPROTOCOL)
		   ? RESUME_SUBPROTOCOL
		   : NULL);
	return r;
}

/* ---- the subprotocol of MUDs -----------------------------------------------
 */

static size_t
mud_encode_max(size_t len)
{
	return 2 * len + WS_HEAD_MAX;
}

/* A terminal wants CR LF. */
static size_t
mud_encode(bool outgoing, unsigned flags, const uint8_t *bytes, size_t len,
    uint8_t *out)
{
	size_t n = len, head;
	uint8_t *to;

	(void)outgoing;
	(void)flags;
	for (size_t i = 0; i < len; i++)
		n += bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r');
	head = ws_head_write(out, WS_BINARY, NULL, n);
	to = out + head;
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r'))
			*to++ = '\r';
		*to++ = bytes[i];
	}
	return head + n;
}

/* What is sent next begins a line. */
static void
mud_before(struct client *c)
{
	static const uint8_t next_line[] = { 0x82, 2, '\r', '\n' };
	struct ws *w = c->codec;

	if (w->midline)
		client_raw(c, next_line, sizeof(next_line));
	w->midline = false;
}

static void
mud_sent(struct client *c, const uint8_t *bytes, size_t len)
{
	struct ws *w = c->codec;

	/* An empty message is a head alone. */
	w->midline = len > 2 && bytes[len - 1] != '\n';
}

static void
mud_hide(struct client *c, bool on)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "Client.Input {\"hidden\":%s}",
	    on ? "true" : "false");
	uint8_t frame[sizeof(text) + WS_HEAD_MAX];

	client_raw(c, frame,
	    frame_write(
		false, WS_TEXT, (const uint8_t *)text, (size_t)n, frame));
}

static unsigned
mud_side_forms(const struct client *c)
{
	(void)c;
	return SIDE_TEXT;
}

/* ---- the transport ------------------------------------------------------- */

static int
ws_start(struct client *c)
{
	struct ws *w = calloc(1, sizeof(*w));

	c->codec = w;
	if (w == NULL)
		return -IPC_REASON_NO_MEMORY;
	return c->outgoing ? ask(c, w) : 0;
}

static ssize_t
ws_feed(struct client *c, const uint8_t *bytes, size_t len)
{
	struct ws *w = c->codec;
	ssize_t used = 0;

	/* Nearly always that is all. */
	if (c->transport == &tr_ws && is_between(c, w))
		used = (ssize_t)feed_row(c, bytes, len);
	if ((size_t)used == len)
		return used;
	if (w->state == HTTP && c->phase == LEAVING)
		return (ssize_t)len;
	if (w->state == ASKING && c->phase == LEAVING)
		return (ssize_t)len;
	if (w->state == HTTP)
		used = web_feed(c, bytes, len);
	else if (w->state == ASKING)
		used = feed_asking(c, w, bytes, len);
	/* The first frame may be glued to the handshake. */
	if (w->state == FRAMES && (size_t)used < len && c->phase != GONE)
		used += feed_frames(c, w, bytes + used, len - (size_t)used);
	return w->state == DONE ? (ssize_t)len : used;
}

static bool
ws_goodbye(struct client *c, unsigned reason, const char *text, size_t len)
{
	struct ws *w = c->codec;
	unsigned code = ipc_reason_code(reason);

	if (w->said)
		return false;
	w->said = true;
	say_close(c, code, text, len);
	return w->state == FRAMES;
}

static void
ws_ping(struct client *c)
{
	say_control(c, WS_PING, NULL, 0);
}

static void
ws_drained(struct client *c)
{
	struct ws *w = c->codec;

	if (w && w->state == HTTP)
		web_drained(c);
}

static void
ws_close(struct client *c)
{
	struct ws *w = c->codec;

	if (w == NULL)
		return;
	if (w->state == HTTP)
		web_release(w);
	else if (w->state == ASKING)
		free(w->accept);
	else if (w->state == FRAMES)
		gather_free(w);
	free(w);
	c->codec = NULL;
}

const struct transport tr_ws = {
	.name = "ws",
	.natural = SPEAK_JSON,
	.start = ws_start,
	.feed = ws_feed,
	.encode = ws_encode,
	.fits_frame = true,
	.encode_max = ws_encode_max,
	.goodbye = ws_goodbye,
	.ping = ws_ping,
	.drained = ws_drained,
	.close = ws_close,
	.resumable = &tr_ws_resumable,
};

static const struct transport tr_ws_mud = {
	.name = "ws",
	.is_prose = true,
	.natural = SPEAK_GMCP,
	.start = ws_start,
	.feed = ws_feed,
	.encode = mud_encode,
	.encode_max = mud_encode_max,
	.before = mud_before,
	.sent = mud_sent,
	.apart = "\r\n",
	.hide = mud_hide,
	.side_forms = mud_side_forms,
	.goodbye = ws_goodbye,
	.ping = ws_ping,
	.drained = ws_drained,
	.close = ws_close,
};

static const struct transport tr_ws_resumable = {
	.name = "ws",
	.natural = SPEAK_JSON,
	.start = ws_start,
	.feed = ws_feed,
	.encode = resumable_encode,
	.encode_max = resumable_encode_max,
	.goodbye = ws_goodbye,
	.ping = ws_ping,
	.drained = ws_drained,
	.close = ws_close,
	.bare = &tr_ws,
};
