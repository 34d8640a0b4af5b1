/*
 * telnet_says.c - what a telnet client says of itself: its window, its name,
 * its terminal, its characters; and what netd says of the game to lists of
 * games. What follows from it for the text is terminal.c's.
 */
#include "netd/telnet_session.h"

#include "ipc/markup.h"
#include "ipc/msg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a window: what no terminal has is a mistake or an attack. */
#define WINDOW_MAX 1000

void
telnet_ask_type(struct client *c)
{
	static const uint8_t send = 1;
	struct telnet *t = &session(c)->telnet;

	if (telnet_may_answer(t))
		telnet_sub(t, TELNET_TTYPE, &send, 1);
}

void
telnet_ask_charset(struct client *c)
{
	static const char ask[] = "\1;UTF-8;ISO-8859-1;US-ASCII";

	telnet_sub(&session(c)->telnet, TELNET_CHARSET, ask, sizeof(ask) - 1);
}

static void
mssp_add(struct ipc_buf *b, const char *name, const char *value)
{
	ipc_buf_printf(b, "\1%s\2%s", name, value);
}

/* Where it listens; 0: nobody knows. */
static unsigned
port(const struct client *c)
{
	const struct listener *l = c->url->listener;
	const char *at = l ? strstr(l->text, "://") : NULL;
	const char *colon = NULL;

	if (at == NULL)
		return 0;
	for (at += 3; *at && *at != '/' && *at != '?'; at++)
		if (*at == ':')
			colon = at;
	return colon ? (unsigned)strtoul(colon + 1, NULL, 10) & 0xffff : 0;
}

/* For lists of games: netd answers by itself (tintin.mudhalla.net/protocols/
 * mssp). Once a connection. */
void
telnet_tell_mssp(struct client *c)
{
	static const char *const always[][2] = {
		{ "CODEBASE", "Penstock " PENSTOCK_VERSION },
		{ "CHARSET", "UTF-8" }, { "UTF-8", "1" }, { "ANSI", "1" },
		{ "XTERM 256 COLORS", "1" }, { "XTERM TRUE COLORS", "1" },
		{ "GMCP", "1" }, { "MSDP", "1" }, { "MCCP", "1" }
	};
	struct session *s = session(c);
	struct netd *n = c->netd;
	struct ipc_buf b;
	char number[32];

	if (s->told_mssp)
		return;
	s->told_mssp = true;
	ipc_buf_init(&b, 1024);
	mssp_add(&b, "NAME", n->link->game[0] ? n->link->game : "Penstock");
	snprintf(number, sizeof(number), "%zu", n->n_playing);
	mssp_add(&b, "PLAYERS", number);
	snprintf(
	    number, sizeof(number), "%lld", (long long)(n->began_us / 1000000));
	mssp_add(&b, "UPTIME", number);
	if (port(c)) {
		snprintf(number, sizeof(number), "%u", port(c));
		mssp_add(&b, "PORT", number);
	}
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		mssp_add(&b, always[i][0], always[i][1]);
	telnet_sub(&s->telnet, TELNET_MSSP, b.data, b.len);
	ipc_buf_release(&b);
}

/* A size that came too often waits here until it may be told. */
void
telnet_tell_size(struct client *c)
{
	struct session *s = session(c);

	if (!s->sized || !telnet_may_answer(&s->telnet))
		return;
	s->sized = false;
	client_resized(c, s->columns, s->rows);
}

/* RFC 1073; telnet.c has undoubled the 255s. */
void
telnet_on_size(struct client *c, const uint8_t *b, size_t len)
{
	struct session *s = session(c);
	unsigned columns, rows;

	if (len != 4)
		return;
	columns = (unsigned)(b[0] << 8 | b[1]);
	rows = (unsigned)(b[2] << 8 | b[3]);
	if (columns == 0 || rows == 0)
		return; /* it does not know */
	s->columns = (uint16_t)(columns < WINDOW_MAX ? columns : WINDOW_MAX);
	s->rows = (uint16_t)(rows < WINDOW_MAX ? rows : WINDOW_MAX);
	s->sized = true;
	telnet_tell_size(c);
}

/* A name fit for a log and a game: one word of ASCII, but for "MTTS 9". */
static void
tidy(char out[TTYPE_LONGEST + 1], const uint8_t *bytes, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n < TTYPE_LONGEST; i++)
		out[n++] =
		    bytes[i] > 32 && bytes[i] < 127 ? (char)bytes[i] : '-';
	out[n] = '\0';
	if (strncmp(out, "MTTS-", 5) == 0)
		out[4] = ' ';
}

/* Bits of MTTS (tintin.mudhalla.net/protocols/mtts). */
enum {
	MTTS_ANSI = 1,
	MTTS_UTF8 = 4,
	MTTS_256 = 8,
	MTTS_READER = 64,
	MTTS_TRUE = 256,
	MTTS_MNES = 512
};

void
telnet_learn_mtts(struct client *c, const char *digits)
{
	struct session *s = session(c);
	unsigned bits = 0;

	for (; *digits >= '0' && *digits <= '9' && bits < UINT16_MAX; digits++)
		bits = bits * 10 + (unsigned)(*digits - '0');
	s->told_mtts = true;
	terminal_said(c, IPC_SET_COLOURS,
	    bits & MTTS_TRUE   ? 3
	    : bits & MTTS_256  ? 2
	    : bits & MTTS_ANSI ? 1
			       : 0);
	terminal_said(c, IPC_SET_READER, (bits & MTTS_READER) != 0);
	/* What is agreed on by CHARSET is surer. */
	if (!s->told_charset &&
	    ((bits & MTTS_UTF8) || !telnet_is_ours(&s->telnet, TELNET_CHARSET)))
		terminal_said(
		    c, IPC_SET_UTF8, bits & MTTS_UTF8 ? IPC_UTF8 : IPC_LATIN1);
}

/* Of names that have colours in them, or none at all. */
static void
learn_name(struct client *c, const char *name)
{
	static const struct {
		const char *word;
		int colours;
	} names[] = { { "TRUECOLOR", 3 }, { "DIRECT", 3 }, { "MUDLET", 3 },
		{ "256", 2 }, { "DUMB", 0 }, { "UNKNOWN", 0 }, { "NETWORK", 0 },
		{ "", 1 } };
	size_t i = 0;

	if (session(c)->told_mtts)
		return;
	while (strcasestr(name, names[i].word) == NULL)
		i++;
	terminal_said(c, IPC_SET_COLOURS, names[i].colours);
}

/*
 * RFC 1091: asked again and again, the client names all it is, and the last
 * one twice. MUD clients say their own name first, then the terminal's, then
 * a number of bits (MTTS).
 */
void
telnet_on_type(struct client *c, const uint8_t *bytes, size_t len)
{
	struct session *s = session(c);
	char name[TTYPE_LONGEST + 1];
	size_t there = strlen(s->terminal);

	if (len < 2 || bytes[0] != 0 || s->ttypes == TTYPES_MAX)
		return;
	tidy(name, bytes + 1, len - 1);
	if (s->ttypes && strcmp(name, s->last_type) == 0) {
		s->ttypes = TTYPES_MAX;
		return;
	}
	s->ttypes++;
	strcpy(s->last_type, name);
	if (there + strlen(name) + 2 <= sizeof(s->terminal))
		snprintf(s->terminal + there, sizeof(s->terminal) - there,
		    "%s%s", there ? " " : "", name);
	client_terminal(c, s->terminal);
	if (strncmp(name, "MTTS ", 5) == 0) {
		s->ttypes = TTYPES_MAX;
		telnet_learn_mtts(c, name + 5);
	} else {
		learn_name(c, name);
	}
	if (s->ttypes < TTYPES_MAX)
		telnet_ask_type(c);
}

static bool
same_word(const char *word, const uint8_t *p, size_t len)
{
	return strlen(word) == len &&
	       strncasecmp(word, (const char *)p, len) == 0;
}

/* Of what is accepted or offered, or -1. */
static int
charset_of(const uint8_t *p, size_t n)
{
	static const struct {
		const char *name;
		int charset;
	} all[] = { { "UTF-8", IPC_UTF8 }, { "UTF8", IPC_UTF8 },
		{ "ISO-8859-1", IPC_LATIN1 }, { "ISO8859-1", IPC_LATIN1 },
		{ "LATIN1", IPC_LATIN1 }, { "US-ASCII", IPC_ASCII },
		{ "ASCII", IPC_ASCII } };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (same_word(all[i].name, p, n))
			return all[i].charset;
	return -1;
}

static void
agree(struct client *c, int charset)
{
	session(c)->told_charset = true;
	if (!c->outgoing)
		terminal_said(c, IPC_SET_UTF8, charset);
}

/* Of what a client offers the best is taken. */
static void
choose_charset(struct client *c, const uint8_t *p, size_t len)
{
	static const char table[] = "[TTABLE]";
	static const uint8_t none[1];
	struct telnet *t = &session(c)->telnet;
	const uint8_t *end = p + len, *best = none;
	size_t best_len = 0;
	uint8_t between;

	if (len > sizeof(table) && memcmp(p, table, sizeof(table) - 1) == 0)
		p += sizeof(table); /* and a version */
	between = p < end ? *p++ : 0;
	while (p < end) {
		const uint8_t *to = memchr(p, between, (size_t)(end - p));
		size_t n = (size_t)((to ? to : end) - p);
		int is = charset_of(p, n);

		if (is == IPC_UTF8 || (is >= 0 && best_len == 0)) {
			best = p;
			best_len = n;
		}
		if (is == IPC_UTF8)
			break;
		p += n + 1;
	}
	if (best_len) {
		char accepted[16] = "\2";

		memcpy(accepted + 1, best, best_len);
		telnet_sub(t, TELNET_CHARSET, accepted, best_len + 1);
		agree(c, charset_of(best, best_len));
	} else {
		telnet_sub(t, TELNET_CHARSET, "\3", 1);
	}
}

/* RFC 2066: REQUEST, a separator, names with that between them; or the answer
 * to ours: ACCEPTED and a name, or REJECTED. What comes in is understood in any
 * case: what is not UTF-8 is Latin-1. */
void
telnet_on_charset(struct client *c, const uint8_t *p, size_t len)
{
	enum { REQUEST = 1, ACCEPTED, REJECTED };

	/* Each may be news for the game, which is an answer as well. */
	if (len == 0 || !telnet_may_answer(&session(c)->telnet))
		return;
	if (p[0] == REQUEST && len > 1)
		choose_charset(c, p + 1, len - 1);
	else if (p[0] == ACCEPTED && charset_of(p + 1, len - 1) >= 0)
		agree(c, charset_of(p + 1, len - 1));
	else if (p[0] == REJECTED && !session(c)->told_charset)
		agree(c, IPC_ASCII);
}
