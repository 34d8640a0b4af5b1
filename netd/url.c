/*
 * url.c - the URLs of listeners and outgoing connections, read into a struct
 * url or refused with one line that says why. Reads text only: no file is
 * looked at and no name resolved.
 *
 *	transport://host:port/path?word=value&word=value
 *	unix:///path/to/socket?word=value
 *	tty:?word=value
 *
 * A host is * (every address), an IPv4 address, an IPv6 address in square
 * brackets, or a name; port 0 takes any free port. Paths and the words of a
 * browser (www, origin, subprotocol) belong to ws://. Every word is ours:
 * one that is not known is an error for outgoing connections too, so the
 * other side of a ws:// never gets a query. In a value and in a socket's path
 * %XX is that byte; a % before anything else is itself, so loss=5% works. Of
 * a word given twice the last one holds.
 */
#include "netd/url.h"

#include "netd/hex.h"
#include "netd/speak.h"
#include "netd/transport.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

/* The longest wait that a bad network may have, in ms. */
#define BAD_WAIT_MS_MAX 60000
#define BAD_RATE_MAX (INT64_C(1) << 30)

enum word_kind { CHANCE, WAIT, RATE, SEED, TEXT, SPEAK };

/* The words that are no limits. */
static const struct word {
	const char *name;
	enum word_kind kind;
	size_t offset; /* in struct url */
	size_t size;   /* of a TEXT, with its NUL */
} words[] = {
	{ "loss", CHANCE, offsetof(struct url, bad.loss), 0 },
	{ "dup", CHANCE, offsetof(struct url, bad.dup), 0 },
	{ "reorder", CHANCE, offsetof(struct url, bad.reorder), 0 },
	{ "cut", CHANCE, offsetof(struct url, bad.cut), 0 },
	{ "delay", WAIT, offsetof(struct url, bad.delay_us), 0 },
	{ "jitter", WAIT, offsetof(struct url, bad.jitter_us), 0 },
	{ "rate", RATE, offsetof(struct url, bad.bytes_per_s), 0 },
	{ "seed", SEED, offsetof(struct url, bad.seed), 0 },
	{ "speak", SPEAK, offsetof(struct url, speak), 0 },
	{ "www", TEXT, offsetof(struct url, www),
	    sizeof(((struct url *)0)->www) },
	{ "origin", TEXT, offsetof(struct url, origin),
	    sizeof(((struct url *)0)->origin) },
	{ "subprotocol", TEXT, offsetof(struct url, subprotocol),
	    sizeof(((struct url *)0)->subprotocol) },
};

/* What the parser carries around. */
struct parse {
	struct url *u;
	char *why;
	size_t why_size;
};

static bool __attribute__((format(printf, 2, 3)))
no(struct parse *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(p->why, p->why_size, format, ap);
	va_end(ap);
	return false;
}

/* Do its URLs have paths and the words of a browser? */
static bool
is_web(const struct transport *t)
{
	return strcmp(t->name, "ws") == 0;
}

/* text..end with its %XX undone, into out. What it is: for messages. */
static bool
undo_percent(struct parse *p, const char *what, const char *text,
    const char *end, char *out, size_t size)
{
	size_t n = 0;

	while (text < end) {
		char c = *text++;

		if (c == '%' && end - text >= 2 && hex_digit(text[0]) >= 0 &&
		    hex_digit(text[1]) >= 0) {
			c = (char)(hex_digit(text[0]) << 4 |
				   hex_digit(text[1]));
			text += 2;
		}
		if (iscntrl((unsigned char)c))
			return no(p, "a control byte in the %s", what);
		if (n + 1 >= size)
			return no(p, "the %s is longer than %zu bytes", what,
			    size - 1);
		out[n++] = c;
	}
	out[n] = '\0';
	return true;
}

/* "5%", "0.05", "1": from 0 to 1. */
static bool
chance(const char *text, double *value)
{
	double v = 0, place = 1;
	bool any = false, point = false;

	for (; isdigit((unsigned char)*text) || (*text == '.' && !point);
	     text++) {
		if (*text == '.') {
			point = true;
			continue;
		}
		any = true;
		if (point)
			v += (*text - '0') * (place /= 10);
		else if (v < 1000)
			v = v * 10 + (*text - '0');
	}
	if (*text == '%') {
		v /= 100;
		text++;
	}
	if (!any || *text != '\0' || v > 1)
		return false;
	*value = v;
	return true;
}

static bool
set_chance(struct parse *p, const struct word *w, const char *value, void *to)
{
	double v;

	if (strcmp(w->name, "cut") == 0 && p->u->transport->open_socket)
		return no(p, "there is no line of %s:// to cut",
		    p->u->transport->name);

	if (!chance(value, &v))
		return no(p,
		    "'%s' must be 0%% to 100%% (or 0 to 1), not '%.64s'",
		    w->name, value);
	*(double *)to = v;
	return true;
}

static bool
set_wait(struct parse *p, const struct word *w, const char *value, void *to)
{
	int64_t ms;

	if (!config_number(value, CONFIG_MS, &ms) || ms < 0 ||
	    ms > BAD_WAIT_MS_MAX)
		return no(p, "'%s' must be 0 to %d ms, not '%.64s'", w->name,
		    BAD_WAIT_MS_MAX, value);
	*(int64_t *)to = ms * 1000;
	return true;
}

static bool
set_rate(struct parse *p, const struct word *w, const char *value, void *to)
{
	int64_t n;

	if (!config_number(value, CONFIG_BYTES, &n) || n < 0 ||
	    n > BAD_RATE_MAX)
		return no(p,
		    "'%s' must be 0 to %" PRId64
		    " bytes per second, not '%.64s'",
		    w->name, BAD_RATE_MAX, value);
	*(int64_t *)to = n;
	return true;
}

static bool
set_seed(struct parse *p, const struct word *w, const char *value, void *to)
{
	int64_t n;

	if (!config_number(value, CONFIG_COUNT, &n) || n < 0)
		return no(p, "'%s' must be a whole number, not '%.64s'",
		    w->name, value);
	*(uint64_t *)to = (uint64_t)n;
	return true;
}

static bool
set_text(struct parse *p, const struct word *w, const char *value, void *to)
{
	if (!is_web(p->u->transport))
		return no(p, "'%s' is a word of ws://, not of %s://", w->name,
		    p->u->transport->name);
	if (*value == '\0')
		return no(p, "'%s' is empty", w->name);
	if (strlen(value) >= w->size)
		return no(
		    p, "'%s' is longer than %zu bytes", w->name, w->size - 1);
	strcpy(to, value);
	return true;
}

static bool
set_speak(struct parse *p, const struct word *w, const char *value, void *to)
{
	enum speak s = speak_find(value, strlen(value));

	if (s == SPEAK_UNSAID)
		return no(p,
		    "'%s' must be raw, json, msgpack or tpl, not '%.64s'",
		    w->name, value);
	if (s != SPEAK_RAW && p->u->transport->natural == SPEAK_GMCP)
		return no(
		    p, "%s:// speaks GMCP, or raw", p->u->transport->name);
	/* An image may have a newline in it. */
	if (s > SPEAK_JSON && p->u->transport->is_prose)
		return no(p, "lines of %s:// can be raw or json, not %.64s",
		    p->u->transport->name, value);
	*(uint8_t *)to = (uint8_t)s;
	return true;
}

static bool (*const setters[])(
    struct parse *, const struct word *, const char *, void *) = {
	[CHANCE] = set_chance,
	[WAIT] = set_wait,
	[RATE] = set_rate,
	[SEED] = set_seed,
	[TEXT] = set_text,
	[SPEAK] = set_speak,
};

static bool
unknown(struct parse *p, const char *name)
{
	struct ipc_nearest near;
	char hint[100];

	ipc_nearest_init(&near, name);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		ipc_nearest_look(&near, words[i].name);
	config_nearest(&near, CONFIG_URL);
	return no(p, "unknown word '%.64s'%s", name,
	    ipc_nearest_say(&near, hint, sizeof(hint)));
}

static bool
set_word(struct parse *p, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].name, name) == 0)
			return setters[words[i].kind](p, &words[i], value,
			    (char *)p->u + words[i].offset);
	if (!config_known(name))
		return unknown(p, name);
	if (strncmp(name, "resume", 6) == 0 && !p->u->transport->resumable)
		return no(p, "no line of %s:// resumes", p->u->transport->name);
	return config_set(
	    &p->u->config, name, value, CONFIG_URL, p->why, p->why_size);
}

/* One word=value of the query. */
static bool
parse_word(struct parse *p, const char *text, const char *end)
{
	const char *equals = memchr(text, '=', (size_t)(end - text));
	char name[65], value[sizeof(p->u->text)];
	int len = (int)((equals ? equals : end) - text);

	if (len == 0)
		return no(p, "an empty word in the query");
	if (len >= (int)sizeof(name))
		return no(p, "unknown word '%.64s...'", text);
	if (equals == NULL)
		return no(p, "the word '%.*s' needs a value (%.*s=...)", len,
		    text, len, text);
	memcpy(name, text, (size_t)len);
	name[len] = '\0';
	return undo_percent(
		   p, "query", equals + 1, end, value, sizeof(value)) &&
	       set_word(p, name, value);
}

static bool
parse_query(struct parse *p, const char *text)
{
	struct bad *b = &p->u->bad;

	while (*text) {
		const char *end = text + strcspn(text, "&");

		if (!parse_word(p, text, end))
			return false;
		text = *end ? end + 1 : end;
	}
	b->on = b->loss > 0 || b->dup > 0 || b->reorder > 0 || b->cut > 0 ||
		b->delay_us > 0 || b->jitter_us > 0 || b->bytes_per_s > 0;
	return true;
}

static bool
is_name(const char *host)
{
	size_t label = 0;
	bool letter = false;

	for (; *host; host++) {
		bool word = isalnum((unsigned char)*host) || *host == '_';

		if (*host == '.') {
			if (label == 0)
				return false;
			label = 0;
			continue;
		}
		/* "1.2.3.400" is a wrong address, not a name. */
		letter |= !isdigit((unsigned char)*host);
		if ((!word && *host != '-') || ++label > 63)
			return false;
	}
	return letter;
}

static bool
is_host(const char *host, bool brackets)
{
	uint8_t raw[16];

	if (brackets)
		return inet_pton(AF_INET6, host, raw) == 1;
	return strcmp(host, "*") == 0 || inet_pton(AF_INET, host, raw) == 1 ||
	       is_name(host);
}

static bool
parse_port(struct parse *p, const char *text, const char *end)
{
	unsigned n = 0;

	if (text == end || end - text > 5)
		return no(p, "the port must be 0 to 65535");
	for (; text < end; text++) {
		if (!isdigit((unsigned char)*text))
			return no(p, "the port must be 0 to 65535");
		n = n * 10 + (unsigned)(*text - '0');
	}
	if (n > UINT16_MAX)
		return no(p, "the port must be 0 to 65535");
	p->u->port = (uint16_t)n;
	return true;
}

/* host:port from text to end. */
static bool
parse_authority(struct parse *p, const char *text, const char *end)
{
	bool brackets = *text == '[';
	const char *host = text + brackets;
	const char *host_end =
	    memchr(host, brackets ? ']' : ':', (size_t)(end - host));
	size_t len;

	if (text == end)
		return no(
		    p, "no host (try %s://*:4000)", p->u->transport->name);
	if (host_end == NULL && brackets)
		return no(p, "no ']' after the IPv6 address");
	len = (size_t)((host_end ? host_end : end) - host);
	if (len >= sizeof(p->u->host))
		return no(p, "the host is longer than %zu bytes",
		    sizeof(p->u->host) - 1);
	memcpy(p->u->host, host, len);
	p->u->host[len] = '\0';
	if (!brackets && host_end &&
	    memchr(host_end + 1, ':', (size_t)(end - host_end - 1)))
		return no(p, "an IPv6 address needs brackets ([::1]:4000)");
	if (!is_host(p->u->host, brackets))
		return no(p, "'%.64s' is no address and no name", p->u->host);
	if (host_end)
		host_end += brackets;
	if (host_end == NULL || host_end == end || *host_end != ':')
		return no(p, "no port (add :4000, or :0 for any free one)");
	return parse_port(p, host_end + 1, end);
}

/* The path of host:port/path, from text to end. */
static bool
parse_path(struct parse *p, const char *text, const char *end)
{
	size_t len = (size_t)(end - text);

	if (!is_web(p->u->transport)) {
		if (len > 1)
			return no(
			    p, "%s:// has no path", p->u->transport->name);
		return true;
	}
	if (len >= sizeof(p->u->path))
		return no(p, "the path is longer than %zu bytes",
		    sizeof(p->u->path) - 1);
	for (const char *c = text; c < end; c++)
		if (*c & 0x80)
			return no(
			    p, "a byte over 127 in the path (write %%XX)");
	if (len)
		memcpy(p->u->path, text, len);
	else
		p->u->path[len++] = '/';
	p->u->path[len] = '\0';
	return true;
}

/* The file of unix:///file, from text to end. */
static bool
parse_file(struct parse *p, const char *text, const char *end)
{
	if (text == end || *text != '/')
		return no(p, "no absolute path (try unix:///tmp/game.sock)");
	if (end - text == 1)
		return no(p, "'/' is not a socket's path");
	return undo_percent(p, "path", text, end, p->u->path,
	    sizeof(((struct sockaddr_un *)0)->sun_path));
}

static bool
parse_transport(struct parse *p, const char *text, size_t len)
{
	p->u->transport = transport_find(text, len);
	if (p->u->transport)
		return true;
	snprintf(p->why, p->why_size, "unknown transport '%.*s' (there is",
	    (int)(len < 64 ? len : 64), text);
	for (unsigned i = 0; transport_at(i); i++) {
		size_t n = strlen(p->why);

		snprintf(
		    p->why + n, p->why_size - n, " %s", transport_at(i)->name);
	}
	len = strlen(p->why);
	snprintf(p->why + len, p->why_size - len, ")");
	return false;
}

/* Everything behind the colon and the two slashes. */
static bool
parse_rest(struct parse *p, const char *text)
{
	const char *query = text + strcspn(text, "?");
	const char *slash = memchr(text, '/', (size_t)(query - text));

	if (slash == NULL)
		slash = query;
	if (p->u->transport->is_tty)
		return no(p, "no host belongs to it (try tty:)");
	if (p->u->transport->is_unix) {
		if (!parse_file(p, text, query))
			return false;
	} else if (!parse_authority(p, text, slash) ||
		   !parse_path(p, slash, query))
		return false;
	return parse_query(p, *query ? query + 1 : query);
}

/* tty: or tty:?word=value. */
static bool
parse_tty(struct parse *p, const char *text)
{
	if (*text && *text != '?')
		return no(p, "nothing but ?word=value can follow tty:");
	if (*text && !parse_query(p, text + 1))
		return false;
	return !p->u->bad.on || no(p, "a terminal is no bad network");
}

bool
url_parse(struct url *u, const char *text, const struct config *defaults,
    char *why, size_t why_size)
{
	struct parse p = { .u = u, .why = why, .why_size = why_size };
	const char *colon = strstr(text, "://");

	memset(u, 0, sizeof(*u));
	u->config = *defaults;
	u->bad.seed = 1;
	if (strlen(text) >= sizeof(u->text))
		return no(&p, "longer than %zu bytes", sizeof(u->text) - 1);
	strcpy(u->text, text);
	for (const char *c = text; *c; c++)
		if (*c == ' ' || iscntrl((unsigned char)*c))
			return no(&p, "a blank or control byte (write %%XX)");
	if (strchr(text, '#'))
		return no(&p, "no '#' may be in it (write %%23)");
	if (colon == NULL && strncmp(text, "tty:", 4) == 0)
		return parse_transport(&p, text, 3) && parse_tty(&p, text + 4);
	if (colon == NULL)
		return no(&p, "no transport (try line://%.64s)", text);
	return parse_transport(&p, text, (size_t)(colon - text)) &&
	       parse_rest(&p, colon + 3);
}
