/*
 * telnet.c - IAC and what follows it, however the bytes are cut, and the
 * option table of RFC 1143. Pure: no client, no clock, no socket. tr_telnet.c
 * gives all of it a meaning.
 */
#include "netd/telnet.h"

#include <string.h>

enum { DATA, AFTER_IAC, AFTER_VERB, SUB_BEGIN, SUB_DATA, SUB_IAC };

/*
 * One byte holds both sides of an option: in each half the state of RFC 1143
 * (the "Q method"), whether the opposite waits in the queue, and whether we
 * refused it already. Ours is the low half.
 */
enum { NO, YES, WANTNO, WANTYES, STATE = 3, OPPOSITE = 4, REFUSED = 8 };
#define THEIRS 4

/* What we agree to when the peer begins. */
#define WE_MAY 1
#define THEY_MAY 2
static const uint8_t agreed[256] = {
	[TELNET_ECHO] = WE_MAY,
	[TELNET_SGA] = WE_MAY | THEY_MAY,
	[TELNET_TTYPE] = THEY_MAY,
	[TELNET_EOR] = WE_MAY | THEY_MAY,
	[TELNET_NAWS] = THEY_MAY,
	[TELNET_LINEMODE] = THEY_MAY,
	[TELNET_ENVIRON] = THEY_MAY,
	[TELNET_CHARSET] = WE_MAY | THEY_MAY,
	[TELNET_MSDP] = WE_MAY,
	[TELNET_MSSP] = WE_MAY,
	[TELNET_COMPRESS2] = WE_MAY,
	[TELNET_GMCP] = WE_MAY,
};

void
telnet_init(struct telnet *t, size_t sub_max)
{
	memset(t, 0, sizeof(*t));
	ipc_buf_init(
	    &t->sub, sub_max > TELNET_SUB_MIN ? sub_max : TELNET_SUB_MIN);
	ipc_buf_init(&t->out, TELNET_OUT_MAX);
	t->answers = TELNET_ANSWERS;
}

void
telnet_release(struct telnet *t)
{
	ipc_buf_release(&t->sub);
	ipc_buf_release(&t->out);
}

void
telnet_clock(struct telnet *t, int64_t now_us)
{
	if (t->answers_us && now_us > t->answers_us)
		t->answers += (double)(now_us - t->answers_us) * 1e-6 *
			      TELNET_ANSWERS_PER_S;
	if (t->answers > TELNET_ANSWERS)
		t->answers = TELNET_ANSWERS;
	t->answers_us = t->now_us = now_us;
}

bool
telnet_may_answer(struct telnet *t)
{
	if (t->answers < 1)
		return false;
	t->answers -= 1;
	return true;
}

static void
say(struct telnet *t, unsigned verb, uint8_t option)
{
	uint8_t bytes[3] = { TELNET_IAC, (uint8_t)verb, option };

	ipc_buf_add(&t->out, bytes, sizeof(bytes));
}

void
telnet_sub(struct telnet *t, uint8_t option, const void *bytes, size_t len)
{
	static const uint8_t end[2] = { TELNET_IAC, TELNET_SE };
	const uint8_t *p = bytes;

	say(t, TELNET_SB, option);
	for (size_t i = 0; i < len; i++) {
		if (p[i] == TELNET_IAC)
			ipc_buf_add(&t->out, p + i, 1);
		ipc_buf_add(&t->out, p + i, 1);
	}
	ipc_buf_add(&t->out, end, sizeof(end));
}

/* ---- options: RFC 1143, section 7 ---------------------------------------- */

static unsigned
half(const struct telnet *t, uint8_t option, bool ours)
{
	return (unsigned)(t->options[option] >> (ours ? 0 : THEIRS)) & 15u;
}

static void
set_half(struct telnet *t, uint8_t option, bool ours, unsigned to)
{
	unsigned shift = ours ? 0 : THEIRS;
	unsigned keep = half(t, option, ours) & REFUSED;

	t->options[option] = (uint8_t)((t->options[option] & ~(15u << shift)) |
				       ((to | keep) << shift));
}

bool
telnet_is_ours(const struct telnet *t, uint8_t option)
{
	return (half(t, option, true) & STATE) == YES;
}

bool
telnet_is_theirs(const struct telnet *t, uint8_t option)
{
	return (half(t, option, false) & STATE) == YES;
}

static void
say_option(struct telnet *t, uint8_t option, bool ours, bool on)
{
	if (ours)
		say(t, on ? TELNET_WILL : TELNET_WONT, option);
	else
		say(t, on ? TELNET_DO : TELNET_DONT, option);
}

static void
want(struct telnet *t, uint8_t option, bool ours, bool on)
{
	unsigned is = half(t, option, ours) & (STATE | OPPOSITE);

	if (is == (on ? NO : YES)) {
		set_half(t, option, ours, on ? WANTYES : WANTNO);
		say_option(t, option, ours, on);
	} else if (is == WANTNO && on && ours && option == TELNET_ECHO) {
		/* Some MUD clients (tt++) never answer the end of our echo:
		 * who waits for that cannot hide a second password. */
		set_half(t, option, ours, WANTYES);
		t->echo_ended = true;
		say_option(t, option, ours, on);
	} else if ((is & STATE) == (on ? WANTNO : WANTYES)) {
		set_half(t, option, ours, is | OPPOSITE);
	} else if ((is & STATE) == (on ? WANTYES : WANTNO)) {
		set_half(t, option, ours, is & STATE);
	}
}

void
telnet_will(struct telnet *t, uint8_t option, bool on)
{
	want(t, option, true, on);
}

void
telnet_do(struct telnet *t, uint8_t option, bool on)
{
	want(t, option, false, on);
}

/* Refused once: a peer that insists gets no second answer. */
static void
refuse(struct telnet *t, uint8_t option, bool ours)
{
	unsigned shift = ours ? 0 : THEIRS;

	if (half(t, option, ours) & REFUSED)
		return;
	t->options[option] |= (uint8_t)(REFUSED << shift);
	say_option(t, option, ours, false);
}

/* The peer wants it, or agrees. True: it is in force from now on. */
static bool
heard_yes(struct telnet *t, uint8_t option, bool ours)
{
	unsigned is = half(t, option, ours) & (STATE | OPPOSITE);
	bool fine = agreed[option] & (ours ? WE_MAY : THEY_MAY);

	if (ours && option == TELNET_ECHO)
		t->echo_ended = false;
	switch (is) {
	case NO:
		if (!fine)
			refuse(t, option, ours);
		else if (telnet_may_answer(t)) {
			set_half(t, option, ours, YES);
			say_option(t, option, ours, true);
			return true;
		}
		return false;
	case WANTNO: /* a refusal answered with yes: RFC 1143 says NO */
		set_half(t, option, ours, NO);
		return false;
	case WANTNO | OPPOSITE:
	case WANTYES:
		set_half(t, option, ours, YES);
		return true;
	case WANTYES | OPPOSITE:
		set_half(t, option, ours, WANTNO);
		say_option(t, option, ours, false);
		return false;
	default:
		return false;
	}
}

/* The peer does not want it (any more). True: that is news. */
static bool
heard_no(struct telnet *t, uint8_t option, bool ours)
{
	unsigned is = half(t, option, ours) & (STATE | OPPOSITE);

	if (ours && option == TELNET_ECHO && t->echo_ended) {
		t->echo_ended = false;
		return false;
	}
	if (is == NO)
		return false;
	if (is == (WANTNO | OPPOSITE)) {
		set_half(t, option, ours, WANTYES);
		say_option(t, option, ours, true);
		return true;
	}
	set_half(t, option, ours, NO);
	if (is == YES && telnet_may_answer(t))
		say_option(t, option, ours, false);
	return true;
}

/*
 * DO TIMING-MARK has no state, only an answer (RFC 860); a client that flushes
 * its output waits for it.
 */
static bool
timing_mark(struct telnet *t)
{
	if (t->option == TELNET_TM && t->command == TELNET_DO) {
		if (telnet_may_answer(t))
			say(t, TELNET_WILL, TELNET_TM);
		return true;
	}
	return false;
}

/* A whole WILL, WONT, DO or DONT: *e says what it changed, if anything. */
static void
negotiate(struct telnet *t, struct telnet_event *e)
{
	bool ours = t->command == TELNET_DO || t->command == TELNET_DONT;
	bool yes = t->command == TELNET_DO || t->command == TELNET_WILL;

	if (timing_mark(t))
		return;
	if (yes ? !heard_yes(t, t->option, ours)
		: !heard_no(t, t->option, ours))
		return;
	*e = (struct telnet_event){ .what = TELNET_OPTION,
		.code = t->option,
		.ours = ours,
		.on = yes };
}

/* ---- bytes ----------------------------------------------------------------
 */

/* The byte behind an IAC. True: it is a whole command. */
static bool
command(struct telnet *t, uint8_t b, struct telnet_event *e)
{
	t->state = DATA;
	if (b >= TELNET_WILL) {
		t->command = b;
		t->state = AFTER_VERB;
		return false;
	}
	if (b == TELNET_SB) {
		t->state = SUB_BEGIN;
		return false;
	}
	/* SE without SB, and what is no command at all, mean nothing. */
	if (b != TELNET_SE && b >= TELNET_EOF)
		*e = (struct telnet_event){ .what = TELNET_COMMAND, .code = b };
	return true;
}

static void
sub_ends(struct telnet *t, struct telnet_event *e)
{
	static const uint8_t nothing[1];

	t->state = DATA;
	if (t->sub_over)
		return;
	*e = (struct telnet_event){ .what = TELNET_SUB,
		.code = t->option,
		.bytes = t->sub.len ? t->sub.data : nothing,
		.len = t->sub.len };
}

/* True: this was one too many. */
static bool
sub_add(struct telnet *t, uint8_t b, struct telnet_event *e)
{
	t->state = SUB_DATA;
	if (t->sub_over || ipc_buf_add(&t->sub, &b, 1))
		return false;
	t->sub_over = true;
	*e = (struct telnet_event){ .what = t->sub.len == t->sub.max
						? TELNET_TOO_LONG
						: TELNET_NO_MEMORY,
		.code = t->option };
	return true;
}

/* One byte that is not plain text. True: it ends a command, or all patience. */
static bool
step(struct telnet *t, uint8_t b, struct telnet_event *e)
{
	switch (t->state) {
	case DATA:
		t->state = AFTER_IAC;
		return false;
	case AFTER_IAC:
		return command(t, b, e);
	case AFTER_VERB:
		t->state = DATA;
		t->option = b;
		negotiate(t, e);
		return true;
	case SUB_BEGIN:
		t->option = b;
		t->sub_over = false;
		ipc_buf_clear(&t->sub);
		t->state = SUB_DATA;
		return false;
	case SUB_DATA:
		if (b != TELNET_IAC)
			return sub_add(t, b, e);
		t->state = SUB_IAC;
		return false;
	default:
		if (b == TELNET_IAC)
			return sub_add(t, b, e);
		if (b != TELNET_SE) /* its end was forgotten */
			return command(t, b, e);
		sub_ends(t, e);
		return true;
	}
}

static size_t
text(const uint8_t *p, size_t n, struct telnet_event *e)
{
	const uint8_t *iac = memchr(p, TELNET_IAC, n);

	*e = (struct telnet_event){ .what = TELNET_TEXT,
		.bytes = p,
		.len = iac ? (size_t)(iac - p) : n };
	return e->len;
}

size_t
telnet_next(
    struct telnet *t, const uint8_t *p, size_t n, struct telnet_event *e)
{
	static const uint8_t iac = TELNET_IAC;

	*e = (struct telnet_event){ .what = TELNET_NOTHING };
	/* Kept only as long as the view of it. */
	if (t->state < SUB_DATA && t->sub.data)
		ipc_buf_release(&t->sub);
	for (size_t i = 0; i < n; i++) {
		if (t->state == DATA && p[i] != TELNET_IAC)
			return i + text(p + i, n - i, e);
		if (t->state == AFTER_IAC && p[i] == TELNET_IAC) {
			t->state = DATA;
			t->heard = true;
			*e = (struct telnet_event){
				.what = TELNET_TEXT, .bytes = &iac, .len = 1
			};
			return i + 1;
		}
		if (step(t, p[i], e)) {
			t->heard = true;
			return i + 1;
		}
	}
	return n;
}

size_t
telnet_text(const uint8_t *bytes, size_t len, uint8_t *out)
{
	uint8_t *to = out;

	for (size_t i = 0; i < len; i++) {
		uint8_t b = bytes[i];

		if (b == '\n' && (i == 0 || bytes[i - 1] != '\r'))
			*to++ = '\r';
		*to++ = b;
		if (b == TELNET_IAC)
			*to++ = b;
		else if (b == '\r' && (i + 1 == len || bytes[i + 1] != '\n'))
			*to++ = '\0';
	}
	return (size_t)(to - out);
}
