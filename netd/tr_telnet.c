/*
 * tr_telnet.c - telnet://, players on terminals and in MUD clients.
 *
 * telnet.c reads the protocol and line_edit.c the lines; this file gives
 * options and commands their meaning. A line of the player is a message of
 * valid UTF-8. A message of the game that ends in a newline is text; one that
 * does not is a prompt: it is marked as one (EOR or GA) if the client speaks
 * telnet, the player types behind it, and what comes next, if the player did
 * not press Enter before, begins on a line of its own. So messages never run
 * together, as on any transport.
 *
 * Nothing waits for an answer: the connection opens at once, our offers go
 * out with the welcome, and the window's size and the terminal's name are
 * told to the game when they come.
 */
#include "netd/mccp.h"
#include "netd/msdp.h"
#include "netd/side.h"
#include "netd/telnet_session.h"

#include "ipc/msg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the editor may draw at once and a second (see struct line_edit). */
#define DRAW_MAX (32u << 10)
#define DRAW_PER_S (8u << 10)
#define DRAW_FULL_US (DRAW_MAX / DRAW_PER_S * INT64_C(1000000))
#define HTTP_HINT                                                \
	"This is a telnet port, not a web server: connect with " \
	"a telnet or MUD client.\r\n"

/* Answers and echo wait in two buffers: to the queue with them. */
static void
send_on(struct client *c)
{
	struct session *s = session(c);
	struct ipc_buf *all[] = { &s->edit.drawn, &s->telnet.out };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i]->len)
			client_raw(c, all[i]->data, all[i]->len);
		if (all[i]->size)
			ipc_buf_release(all[i]);
	}
}

/* ---- beginning and end --------------------------------------------------- */

static void
offer(struct telnet *t)
{
	telnet_do(t, TELNET_TTYPE, true);
	telnet_do(t, TELNET_NAWS, true);
	telnet_do(t, TELNET_ENVIRON, true);
	telnet_will(t, TELNET_CHARSET, true);
	telnet_will(t, TELNET_EOR, true);
	telnet_will(t, TELNET_MSSP, true);
	telnet_will(t, TELNET_GMCP, true);
	telnet_will(t, TELNET_MSDP, true);
	telnet_will(t, TELNET_COMPRESS2, true);
}

static int
telnet_start(struct client *c)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -IPC_REASON_NO_MEMORY;
	c->codec = s;
	telnet_init(&s->telnet, (size_t)c->url->config.side_bytes);
	line_edit_init(&s->edit, (size_t)c->url->config.message_bytes);
	s->edit.budget = DRAW_MAX;
	if (!c->outgoing)
		terminal_said(c, IPC_SET_COLOURS, 0);
	client_open(c);
	if (!c->outgoing)
		offer(&s->telnet);
	send_on(c);
	return 0;
}

static void
telnet_close(struct client *c)
{
	struct session *s = session(c);

	if (s == NULL)
		return;
	telnet_release(&s->telnet);
	line_edit_release(&s->edit);
	free(s);
	c->codec = NULL;
}

/* ---- prompts --------------------------------------------------------------
 */

/* Only for a client that has shown that it speaks telnet; netcat would print
 * the bytes. */
static void
mark_prompt(struct client *c)
{
	static const uint8_t eor[2] = { TELNET_IAC, TELNET_EOR_MARK },
			     ga[2] = { TELNET_IAC, TELNET_GA };
	struct session *s = session(c);

	if (!s->telnet.heard || !s->midline || s->marked)
		return;
	s->marked = true;
	if (telnet_is_ours(&s->telnet, TELNET_EOR))
		client_raw(c, eor, sizeof(eor));
	else if (!telnet_is_ours(&s->telnet, TELNET_SGA))
		client_raw(c, ga, sizeof(ga));
}

/* What is sent next begins a line. */
static void
fresh_line(struct client *c)
{
	struct session *s = session(c);

	if (c->outgoing)
		return;
	if (s->midline || (s->edit.echo && line_edit_typed(&s->edit)))
		client_raw(c, "\r\n", 2);
	s->midline = false;
}

static void
telnet_sent(struct client *c, const uint8_t *bytes, size_t len)
{
	struct session *s = session(c);

	if (c->outgoing)
		return;
	if (len && bytes[len - 1] != '\n') {
		s->midline = true;
		s->marked = false;
	}
	mark_prompt(c);
	line_edit_redraw(&s->edit);
	send_on(c);
}

/* ---- the echo -------------------------------------------------------------
 */

/* We echo while a password is typed (only its end is drawn), and for a client
 * that asked for it by itself: that one sends every key. */
static void
set_echo(struct client *c)
{
	struct session *s = session(c);

	telnet_will(&s->telnet, TELNET_ECHO, s->hidden || s->theirs);
	s->edit.hidden = s->hidden;
	line_edit_echo(&s->edit, telnet_is_ours(&s->telnet, TELNET_ECHO));
}

static void
telnet_hide(struct client *c, bool on)
{
	struct session *s = session(c);

	if (c->outgoing)
		return;
	s->hidden = on;
	set_echo(c);
	send_on(c);
}

/* ---- options --------------------------------------------------------------
 */

/* ---- compression -----------------------------------------------------------
 */

/* Behind the marker nothing may go as it is: once the queue is empty. */
static void
telnet_drained(struct client *c)
{
	struct telnet *t = &session(c)->telnet;

	if (RARE(c, mccp) || c->out.head || c->phase != PLAYING ||
	    c->outgoing || !telnet_is_ours(t, TELNET_COMPRESS2) ||
	    mccp_begin(c))
		return;
	telnet_will(t, TELNET_COMPRESS2, false);
	send_on(c);
}

static void
on_our_option(struct client *c, uint8_t option, bool on)
{
	struct session *s = session(c);

	if (option == TELNET_ECHO) {
		s->theirs = on && (s->theirs || !s->hidden);
		if (s->theirs)
			telnet_will(&s->telnet, TELNET_SGA, true);
		line_edit_echo(
		    &s->edit, telnet_is_ours(&s->telnet, TELNET_ECHO));
	} else if (option == TELNET_CHARSET && on) {
		telnet_ask_charset(c);
	} else if (option == TELNET_MSSP && on && !c->outgoing) {
		telnet_tell_mssp(c);
	} else if (option == TELNET_COMPRESS2) {
		if (!on)
			mccp_end(c);
		telnet_drained(c);
	} else if (!c->outgoing &&
		   (option == TELNET_GMCP || option == TELNET_MSDP)) {
		terminal_takes_side(c, c->transport->side_forms(c) != 0);
	}
}

static void
on_option(struct client *c, const struct telnet_event *e)
{
	if (e->ours)
		on_our_option(c, e->code, e->on);
	else if (e->code == TELNET_TTYPE && e->on)
		telnet_ask_type(c);
	else if (e->code == TELNET_ENVIRON && e->on)
		telnet_ask_environ(c);
	else if (e->code == TELNET_LINEMODE && e->on)
		telnet_ask_linemode(c);
	else if (e->code == TELNET_LINEMODE)
		terminal_edits(c, false);
}

/* ---- subnegotiations ------------------------------------------------------
 */

/* One that nobody asked for is ignored. False: stop feeding. */
static bool
on_sub(struct client *c, const struct telnet_event *e)
{
	struct telnet *t = &session(c)->telnet;

	if (e->code == TELNET_NAWS && telnet_is_theirs(t, TELNET_NAWS))
		telnet_on_size(c, e->bytes, e->len);
	else if (e->code == TELNET_TTYPE && telnet_is_theirs(t, TELNET_TTYPE))
		telnet_on_type(c, e->bytes, e->len);
	else if (e->code == TELNET_CHARSET &&
		 (telnet_is_ours(t, TELNET_CHARSET) ||
		     telnet_is_theirs(t, TELNET_CHARSET)))
		telnet_on_charset(c, e->bytes, e->len);
	else if (e->code == TELNET_LINEMODE &&
		 telnet_is_theirs(t, TELNET_LINEMODE))
		telnet_on_linemode(c, e->bytes, e->len);
	else if (e->code == TELNET_ENVIRON &&
		 telnet_is_theirs(t, TELNET_ENVIRON))
		return telnet_on_environ(c, e->bytes, e->len);
	else if (e->code == TELNET_GMCP && telnet_is_ours(t, TELNET_GMCP) &&
		 !c->outgoing)
		return side_heard(c, e->bytes, e->len);
	else if (e->code == TELNET_MSDP && telnet_is_ours(t, TELNET_MSDP) &&
		 !c->outgoing)
		return msdp_heard(c, e->bytes, e->len);
	return true;
}

/* ---- lines ----------------------------------------------------------------
 */

/* "GET /path HTTP/1.1" and the like. */
static bool
is_http(const uint8_t *line, size_t len)
{
	static const char *const methods[] = { "GET ", "HEAD ", "POST ", "PUT ",
		"OPTIONS ", "CONNECT ", "DELETE ", "PRI " };

	if (memmem(line, len, " HTTP/", 6) == NULL)
		return false;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (len > strlen(methods[i]) &&
		    memcmp(line, methods[i], strlen(methods[i])) == 0)
			return true;
	return false;
}

/* The line is whole. False: stop feeding. */
static bool
deliver(struct client *c)
{
	static const uint8_t nothing[1];
	struct session *s = session(c);
	const struct ipc_buf *line = &s->edit.line;
	bool first = !s->past_first;

	s->past_first = true;
	s->midline = false;
	send_on(c);
	if (first && !c->outgoing && line->len &&
	    is_http(line->data, line->len)) {
		client_raw(c, HTTP_HINT, strlen(HTTP_HINT));
		client_close(c, IPC_REASON_PROTOCOL, "");
		return false;
	}
	return client_got(
	    c, IPC_TEXT, line->len ? line->data : nothing, line->len);
}

/* A prompt of a server that we play on. */
static bool
deliver_prompt(struct client *c)
{
	struct line_edit *e = &session(c)->edit;
	bool more;

	if (!c->outgoing || !line_edit_typed(e))
		return true;
	more = client_got(c, IPC_TEXT, e->line.data, e->line.len);
	line_edit_clear(e);
	return more;
}

/* Text between commands: *used says how much of it was taken. */
static int
on_text(struct client *c, const uint8_t *p, size_t len, size_t *used)
{
	struct session *s = session(c);

	*used = 0;
	while (*used < len) {
		size_t n;
		enum line_edit_did did =
		    line_edit_feed(&s->edit, p + *used, len - *used, &n);

		*used += n;
		if (did == LINE_EDIT_TOO_LONG)
			return -IPC_REASON_TOO_LONG;
		if (did == LINE_EDIT_LINE && !deliver(c))
			return 0;
		if (did == LINE_EDIT_END && !c->outgoing) {
			client_leaves(c);
			return 0;
		}
	}
	return 1;
}

static void
are_you_there(struct client *c)
{
	static const char yes[] = "\r\n[Yes]\r\n";

	if (!telnet_may_answer(&session(c)->telnet))
		return;
	client_raw(c, yes, sizeof(yes) - 1);
	session(c)->midline = false;
	line_edit_redraw(&session(c)->edit);
}

/* False: stop feeding. */
static bool
on_command(struct client *c, uint8_t command)
{
	struct line_edit *e = &session(c)->edit;

	switch (command) {
	case TELNET_AYT:
		are_you_there(c);
		return true;
	case TELNET_EC:
		line_edit_erase(e);
		return true;
	case TELNET_EL:
		line_edit_kill(e);
		return true;
	case TELNET_IP:
	case TELNET_BRK:
	case TELNET_ABORT:
		line_edit_clear(e);
		return true;
	case TELNET_EOF:
		if (!line_edit_typed(e) && !c->outgoing)
			client_leaves(c);
		return c->phase == PLAYING;
	case TELNET_GA:
	case TELNET_EOR_MARK:
		return deliver_prompt(c);
	default:
		return true; /* NOP, DM, AO */
	}
}

/* ---- beside the text -------------------------------------------------------
 */

static unsigned
telnet_side_forms(const struct client *c)
{
	const struct telnet *t = &session(c)->telnet;

	return (telnet_is_ours(t, TELNET_GMCP) ? SIDE_GMCP : 0u) |
	       (telnet_is_ours(t, TELNET_MSDP) ? SIDE_MSDP : 0u);
}

static bool
telnet_may_pong(struct client *c)
{
	return telnet_may_answer(&session(c)->telnet);
}

/* ---- bytes ----------------------------------------------------------------
 */

static void
clock_on(struct client *c)
{
	struct session *s = session(c);
	int64_t now = netd_now(c->netd), passed = now - s->drawn_us;
	int64_t more = DRAW_MAX;

	telnet_clock(&s->telnet, now);
	if (passed < DRAW_FULL_US)
		more = passed * DRAW_PER_S / 1000000;
	if (more <= 0)
		return;
	s->drawn_us = now;
	more += s->edit.budget;
	s->edit.budget = (uint32_t)(more < DRAW_MAX ? more : DRAW_MAX);
}

/* One event. 1: go on; 0: stop; or -IPC_REASON_*. Of a text *taken may be
 * less than all. */
static int
act(struct client *c, const struct telnet_event *e, size_t *taken)
{
	*taken = e->len;
	switch (e->what) {
	case TELNET_TEXT:
		return on_text(c, e->bytes, e->len, taken);
	case TELNET_COMMAND:
		return on_command(c, e->code);
	case TELNET_OPTION:
		on_option(c, e);
		return 1;
	case TELNET_SUB:
		return on_sub(c, e);
	case TELNET_TOO_LONG:
		return -IPC_REASON_TOO_LONG;
	case TELNET_NO_MEMORY:
		return -IPC_REASON_NO_MEMORY;
	default:
		return 1;
	}
}

static ssize_t
telnet_feed(struct client *c, const uint8_t *bytes, size_t len)
{
	struct session *s = session(c);
	size_t used = 0;
	int r = 1;

	if (c->phase != PLAYING)
		return (ssize_t)len;
	clock_on(c);
	telnet_tell_size(c);
	while (r > 0 && used < len) {
		struct telnet_event e;
		size_t taken;

		used += telnet_next(&s->telnet, bytes + used, len - used, &e);
		r = act(c, &e, &taken);
		if (e.what == TELNET_TEXT)
			used -= e.len - taken;
		send_on(c);
		if (r > 0)
			mark_prompt(c);
	}
	return r < 0 ? r : (ssize_t)used;
}

/* As a client we send lines; as a server what the game wrote. */
static size_t
telnet_encode(bool outgoing, unsigned flags, const uint8_t *bytes, size_t len,
    uint8_t *out)
{
	size_t n = telnet_text(bytes, len, out);

	(void)flags;
	if (outgoing && (len == 0 || bytes[len - 1] != '\n')) {
		out[n++] = '\r';
		out[n++] = '\n';
	}
	return n;
}

static size_t
telnet_encode_max(size_t len)
{
	return 2 * len + 2;
}

static bool
telnet_goodbye(struct client *c, unsigned reason, const char *text, size_t len)
{
	(void)reason;
	if (len == 0 || c->outgoing)
		return false;
	fresh_line(c);
	if (client_raw(c, text, len))
		client_raw(c, "\r\n", 2);
	return false;
}

/*
 * Nobody answers a NOP; that it can be delivered is all it says, and TCP
 * finds out. So no answer is waited for.
 */
static void
telnet_ping(struct client *c)
{
	static const uint8_t nop[2] = { TELNET_IAC, TELNET_NOP };

	c->pinged = false;
	c->bytes_us = netd_now(c->netd);
	if (session(c)->telnet.heard)
		client_raw(c, nop, sizeof(nop));
	clock_on(c);
	telnet_tell_size(c);
}

const struct transport tr_telnet = {
	.name = "telnet",
	.is_prose = true,
	.natural = SPEAK_GMCP,
	.start = telnet_start,
	.feed = telnet_feed,
	.encode = telnet_encode,
	.encode_max = telnet_encode_max,
	.apart = "\r\n",
	.before = fresh_line,
	.sent = telnet_sent,
	.hide = telnet_hide,
	.side_forms = telnet_side_forms,
	.may_pong = telnet_may_pong,
	.goodbye = telnet_goodbye,
	.ping = telnet_ping,
	.drained = telnet_drained,
	.close = telnet_close,
};
