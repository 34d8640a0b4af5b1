/*
 * http.c - heads of HTTP/1.x, strictly.
 *
 * What two parsers could read in two ways is refused, whatever we could make
 * of it ourselves: a proxy in front may have made something else of it. So:
 * CR LF and nothing less ends a line, no folded lines, no space before a
 * colon, one valid Host, no body. Nothing is copied; next: tr_ws.c.
 */
#include "netd/http.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* What the parser carries around. */
struct parse {
	struct http_head *h;
	const char **why;
};

static int
no(struct parse *ps, int status, const char *why)
{
	*ps->why = why;
	return -status;
}

/* ---- characters ---------------------------------------------------------- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 9110 5.6.2. */
static bool
is_token_char(char c)
{
	return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static bool
is_token(struct http_text t)
{
	for (size_t i = 0; i < t.n; i++)
		if (!is_token_char(t.p[i]))
			return false;
	return t.n > 0;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t';
}

static struct http_text
trim(struct http_text t)
{
	while (t.n && is_space(t.p[0])) {
		t.p++;
		t.n--;
	}
	while (t.n && is_space(t.p[t.n - 1]))
		t.n--;
	return t;
}

bool
http_is(struct http_text t, const char *text)
{
	return t.p && t.n == strlen(text) && strncasecmp(t.p, text, t.n) == 0;
}

bool
http_same(struct http_text t, const char *text)
{
	return t.p && t.n == strlen(text) && memcmp(t.p, text, t.n) == 0;
}

/* ---- fields -------------------------------------------------------------- */

size_t
http_count(const struct http_head *h, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_fields; i++)
		n += http_is(h->fields[i].name, name);
	return n;
}

struct http_text
http_field(const struct http_head *h, const char *name)
{
	for (size_t i = 0; i < h->n_fields; i++)
		if (http_is(h->fields[i].name, name))
			return h->fields[i].value;
	return (struct http_text){ NULL, 0 };
}

bool
http_next_word(struct http_text *list, struct http_text *word)
{
	while (list->n) {
		const char *comma = memchr(list->p, ',', list->n);
		size_t n = comma ? (size_t)(comma - list->p) : list->n;

		*word = trim((struct http_text){ list->p, n });
		n += comma != NULL;
		list->p += n;
		list->n -= n;
		if (word->n)
			return true;
	}
	return false;
}

static bool
has(const struct http_head *h, const char *name, const char *text,
    bool (*equal)(struct http_text, const char *))
{
	for (size_t i = 0; i < h->n_fields; i++) {
		struct http_text list = h->fields[i].value, word;

		if (!http_is(h->fields[i].name, name))
			continue;
		while (http_next_word(&list, &word))
			if (equal(word, text))
				return true;
	}
	return false;
}

bool
http_has_word(const struct http_head *h, const char *name, const char *word)
{
	return has(h, name, word, http_is);
}

bool
http_has_exact(const struct http_head *h, const char *name, const char *word)
{
	return has(h, name, word, http_same);
}

/* ---- lines --------------------------------------------------------------- */

/*
 * The line at *p, which moves behind its CR LF. 1, or 0: not whole yet, or
 * -400 at the first byte that is wrong: a peer that sends a LF alone would
 * wait for an answer for ever, and an answer must not depend on where the
 * bytes were cut.
 */
static int
next_line(
    struct parse *ps, const char **p, const char *end, struct http_text *line)
{
	const char *c = *p;

	while (c < end && *c != '\r' && *c != '\n' && *c != '\0')
		c++;
	if (c == end || (*c == '\r' && c + 1 == end))
		return 0;
	if (*c == '\0')
		return no(ps, 400, "a NUL byte");
	if (*c == '\n')
		return no(ps, 400, "a LF without its CR");
	if (c[1] != '\n')
		return no(ps, 400, "a CR without its LF");
	*line = (struct http_text){ *p, (size_t)(c - *p) };
	*p = c + 2;
	return 1;
}

/* No control bytes but the tab; bytes over 127 are let through. */
static bool
is_value(struct http_text t)
{
	for (size_t i = 0; i < t.n; i++) {
		unsigned char c = (unsigned char)t.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static int
parse_field(struct parse *ps, struct http_text line)
{
	struct http_field *f = &ps->h->fields[ps->h->n_fields];
	const char *colon = memchr(line.p, ':', line.n);

	if (is_space(line.p[0]))
		return no(ps, 400, "a folded header line");
	if (colon == NULL)
		return no(ps, 400, "a header line without a colon");
	f->name = (struct http_text){ line.p, (size_t)(colon - line.p) };
	if (!is_token(f->name))
		return no(ps, 400, "not a header's name");
	f->value =
	    trim((struct http_text){ colon + 1, line.n - f->name.n - 1 });
	if (!is_value(f->value))
		return no(ps, 400, "a control byte in a header");
	if (++ps->h->n_fields == HTTP_FIELDS_MAX)
		return no(ps, 431, "too many headers");
	return 1;
}

/* Header lines to the empty one: 1, 0 or a refusal. */
static int
parse_fields(struct parse *ps, const char **p, const char *end)
{
	struct http_text line;
	int r;

	while ((r = next_line(ps, p, end, &line)) > 0) {
		if (line.n == 0)
			return 1;
		r = parse_field(ps, line);
		if (r < 0)
			return r;
	}
	return r;
}

/* "HTTP/1.1": 1, or a refusal. */
static int
parse_version(struct parse *ps, struct http_text t)
{
	if (t.n != 8 || memcmp(t.p, "HTTP/", 5) || !is_digit(t.p[5]) ||
	    t.p[6] != '.' || !is_digit(t.p[7]))
		return no(ps, 400, "not an HTTP version");
	if (t.p[5] != '1')
		return no(ps, 505, "only HTTP/1.0 and HTTP/1.1 are spoken");
	ps->h->minor = (unsigned)(t.p[7] - '0');
	return 1;
}

/* ---- requests ------------------------------------------------------------ */

static int
parse_method(struct parse *ps, struct http_text t)
{
	static const char *const known[] = { "POST", "PUT", "DELETE", "CONNECT",
		"OPTIONS", "TRACE", "PATCH" };

	if (!is_token(t))
		return no(ps, 400, "not a method");
	ps->h->get = http_same(t, "GET");
	ps->h->head = http_same(t, "HEAD");
	if (ps->h->get || ps->h->head)
		return 1;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (http_same(t, known[i]))
			return no(ps, 405, "only GET and HEAD are answered");
	return no(ps, 501, "an unknown method");
}

/* RFC 3986's host and port, nobody's user name. */
static bool
is_authority(struct http_text t)
{
	size_t i = 0;
	unsigned port = 0;

	if (t.n && t.p[0] == '[') {
		for (i = 1; i < t.n && t.p[i] != ']'; i++)
			if (!is_alnum(t.p[i]) && !strchr(":.", t.p[i]))
				return false;
		if (i++ == t.n || i == 2)
			return false;
	} else {
		for (; i < t.n && t.p[i] != ':'; i++)
			if (!is_alnum(t.p[i]) &&
			    !strchr("-._~%!$&'()*+;=", t.p[i]))
				return false;
		if (i == 0)
			return false;
	}
	if (i == t.n)
		return true;
	if (t.p[i++] != ':')
		return false;
	for (; i < t.n; i++) {
		if (!is_digit(t.p[i]))
			return false;
		port = port * 10 + (unsigned)(t.p[i] - '0');
		if (port > 65535)
			return false;
	}
	return true;
}

/* "http://host/path" is the same as "/path" (RFC 9112 3.2.2). */
static bool
strip_authority(struct http_text *t)
{
	size_t scheme = 0;
	const char *slash;
	struct http_text host;

	if (t->n > 7 && strncasecmp(t->p, "http://", 7) == 0)
		scheme = 7;
	else if (t->n > 8 && strncasecmp(t->p, "https://", 8) == 0)
		scheme = 8;
	else
		return false;
	slash = memchr(t->p + scheme, '/', t->n - scheme);
	host.p = t->p + scheme;
	host.n = slash ? (size_t)(slash - host.p) : t->n - scheme;
	if (!is_authority(host) || slash == NULL)
		return false;
	t->n -= (size_t)(slash - t->p);
	t->p = slash;
	return true;
}

static int
parse_target(struct parse *ps, struct http_text t)
{
	struct http_head *h = ps->h;
	const char *mark;

	h->target = t;
	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] <= ' ' || t.p[i] == 0x7f || t.p[i] == '#' ||
		    (t.p[i] & 0x80))
			return no(ps, 400, "a byte that no path may have");
	if ((t.n == 0 || t.p[0] != '/') && !strip_authority(&t))
		return no(ps, 400, "not a path");
	mark = memchr(t.p, '?', t.n);
	h->path = t;
	h->query = (struct http_text){ t.p + t.n, 0 };
	if (mark) {
		h->path.n = (size_t)(mark - t.p);
		h->query = (struct http_text){ mark + 1, t.n - h->path.n - 1 };
	}
	return 1;
}

/* "GET /path HTTP/1.1", one space each. */
static int
parse_request_line(struct parse *ps, struct http_text line)
{
	const char *a = memchr(line.p, ' ', line.n), *b, *end = line.p + line.n;
	int r;

	b = a ? memchr(a + 1, ' ', (size_t)(end - a - 1)) : NULL;
	if (b == NULL || memchr(b + 1, ' ', (size_t)(end - b - 1)))
		return no(ps, 400, "not a request line");
	r = parse_version(
	    ps, (struct http_text){ b + 1, (size_t)(end - b - 1) });
	if (r > 0)
		r = parse_method(
		    ps, (struct http_text){ line.p, (size_t)(a - line.p) });
	if (r > 0)
		r = parse_target(
		    ps, (struct http_text){ a + 1, (size_t)(b - a - 1) });
	return r;
}

/* Is a body announced? Two readings of where it ends are an attack. */
static int
check_body(struct parse *ps)
{
	const struct http_head *h = ps->h;
	struct http_text len = http_field(h, "content-length");
	size_t lens = http_count(h, "content-length");
	bool zero = true;

	if (http_count(h, "transfer-encoding")) {
		if (lens || h->minor == 0)
			return no(ps, 400, "two ways to find the body's end");
		return no(ps, 413, "no request may have a body");
	}
	if (lens == 0)
		return 1;
	if (lens > 1 || len.n == 0)
		return no(ps, 400, "not one Content-Length");
	for (size_t i = 0; i < len.n; i++) {
		if (!is_digit(len.p[i]))
			return no(ps, 400, "Content-Length is no number");
		zero &= len.p[i] == '0';
	}
	return zero ? 1 : no(ps, 413, "no request may have a body");
}

static int
check_request(struct parse *ps)
{
	struct http_head *h = ps->h;
	size_t hosts = http_count(h, "host");

	if (hosts > 1)
		return no(ps, 400, "more than one Host");
	if (hosts == 0 && h->minor > 0)
		return no(ps, 400, "no Host");
	if (hosts && !is_authority(http_field(h, "host")))
		return no(ps, 400, "Host is no host");
	h->close =
	    http_has_word(h, "connection", "close") ||
	    (h->minor == 0 && !http_has_word(h, "connection", "keep-alive"));
	return check_body(ps);
}

int
http_request(const uint8_t *bytes, size_t n, size_t max, struct http_head *h,
    const char **why)
{
	const char *start = (const char *)bytes, *p = start;
	const char *end = start + (n < max ? n : max);
	struct parse ps = { h, why };
	struct http_text line;
	int r;

	memset(h, 0, offsetof(struct http_head, fields));
	/* One empty line before a request is an old habit (RFC 9112 2.2). */
	if (end - p >= 2 && p[0] == '\r' && p[1] == '\n')
		p += 2;
	r = next_line(&ps, &p, end, &line);
	if (r == 0 && n >= max)
		return no(&ps, 414, "the request line is too long");
	if (r > 0)
		r = parse_request_line(&ps, line);
	if (r > 0)
		r = parse_fields(&ps, &p, end);
	if (r == 0 && n >= max)
		return no(&ps, 431, "the head is too long");
	if (r > 0)
		r = check_request(&ps);
	return r > 0 ? (int)(p - start) : r;
}

/* ---- responses ----------------------------------------------------------- */

static int
parse_status_line(struct parse *ps, struct http_text line)
{
	int r;

	if (line.n < 12 || line.p[8] != ' ' || !is_digit(line.p[9]) ||
	    !is_digit(line.p[10]) || !is_digit(line.p[11]) ||
	    (line.n > 12 && line.p[12] != ' '))
		return no(ps, 400, "not a status line");
	r = parse_version(ps, (struct http_text){ line.p, 8 });
	ps->h->status = (unsigned)((line.p[9] - '0') * 100 +
				   (line.p[10] - '0') * 10 + line.p[11] - '0');
	return r;
}

int
http_response(const uint8_t *bytes, size_t n, size_t max, struct http_head *h,
    const char **why)
{
	const char *start = (const char *)bytes, *p = start;
	const char *end = start + (n < max ? n : max);
	struct parse ps = { h, why };
	struct http_text line;
	int r;

	memset(h, 0, offsetof(struct http_head, fields));
	r = next_line(&ps, &p, end, &line);
	if (r > 0)
		r = parse_status_line(&ps, line);
	if (r > 0)
		r = parse_fields(&ps, &p, end);
	if (r < 0)
		return -400;
	if (r == 0)
		return n < max ? 0 : no(&ps, 400, "the head is too long");
	return (int)(p - start);
}

/* ---- answers ------------------------------------------------------------- */

const char *
http_status_text(unsigned status)
{
	static const struct {
		unsigned status;
		const char *text;
	} rows[] = {
		{ 101, "Switching Protocols" },
		{ 200, "OK" },
		{ 206, "Partial Content" },
		{ 301, "Moved Permanently" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 416, "Range Not Satisfiable" },
		{ 426, "Upgrade Required" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].status == status)
			return rows[i].text;
	return "Unknown";
}

static void
two_digits(char *to, int n)
{
	to[0] = (char)('0' + n / 10);
	to[1] = (char)('0' + n % 10);
}

/* Not strftime(): its names of days follow a locale. */
void
http_date(int64_t seconds, char out[HTTP_DATE_SIZE])
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t t = (time_t)seconds;
	struct tm tm;

	/* A year of five digits would not fit; nor is it a date of HTTP. */
	if (seconds < 0 || seconds > 253402300799 || !gmtime_r(&t, &tm)) {
		t = 0;
		gmtime_r(&t, &tm);
	}
	memcpy(out, "---, -- --- ---- --:--:-- GMT", HTTP_DATE_SIZE);
	memcpy(out, days[tm.tm_wday], 3);
	two_digits(out + 5, tm.tm_mday);
	memcpy(out + 8, months[tm.tm_mon], 3);
	two_digits(out + 12, (tm.tm_year + 1900) / 100);
	two_digits(out + 14, tm.tm_year % 100);
	two_digits(out + 17, tm.tm_hour);
	two_digits(out + 20, tm.tm_min);
	two_digits(out + 23, tm.tm_sec);
}

bool
http_date_read(struct http_text t, int64_t *seconds)
{
	static const char *const forms[] = { "%a, %d %b %Y %H:%M:%S GMT",
		"%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y" };
	char text[64];

	if (t.p == NULL || t.n >= sizeof(text))
		return false;
	memcpy(text, t.p, t.n);
	text[t.n] = '\0';
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, forms[i], &tm);

		if (end && *end == '\0') {
			*seconds = timegm(&tm);
			return true;
		}
	}
	return false;
}

bool
http_answer(struct ipc_buf *out, const struct http_head *h, unsigned status,
    int64_t now_s, bool close)
{
	char date[HTTP_DATE_SIZE];
	const char *connection = "";

	if (close)
		connection = "Connection: close\r\n";
	else if (h && h->minor == 0)
		connection = "Connection: keep-alive\r\n";
	http_date(now_s, date);
	return ipc_buf_printf(out, "HTTP/1.1 %u %s\r\nDate: %s\r\n%s", status,
	    http_status_text(status), date, connection);
}
