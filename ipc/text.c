/*
 * text.c - lines to frames and back: what lets a person or a shell script be
 * the game or the network.
 *
 * The words and limits are those of messages.def; nothing here knows a kind.
 * A line comes from a person: every refusal says the column. Next: msg.c,
 * which prints.
 */
#include "ipc/text.h"
#include "ipc/msg.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct parser {
	const char *line;
	size_t len, pos;
	struct ipc_text_error *e;
};

static int __attribute__((format(printf, 3, 4)))
wrong(struct parser *p, size_t at, const char *format, ...)
{
	va_list ap;

	p->e->column = at + 1;
	va_start(ap, format);
	vsnprintf(p->e->text, sizeof(p->e->text), format, ap);
	va_end(ap);
	return IPC_ERR_INVALID;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void
skip_blanks(struct parser *p)
{
	while (p->pos < p->len && is_blank(p->line[p->pos]))
		p->pos++;
}

/* The word at pos ends before a blank, a quote or an equals sign. */
static size_t
word_len(const struct parser *p)
{
	size_t n = 0;

	while (p->pos + n < p->len && !is_blank(p->line[p->pos + n]) &&
	       p->line[p->pos + n] != '=' && p->line[p->pos + n] != '"')
		n++;
	return n;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "< 12 1.25 " before the name, as netctl dump prints it. */
static void
skip_margin(struct parser *p)
{
	skip_blanks(p);
	if (p->pos < p->len &&
	    (p->line[p->pos] == '<' || p->line[p->pos] == '>'))
		p->pos++;
	skip_blanks(p);
	while (p->pos < p->len && is_digit(p->line[p->pos])) {
		while (p->pos < p->len && !is_blank(p->line[p->pos]))
			p->pos++;
		skip_blanks(p);
	}
}

static int
number(struct parser *p, uint64_t max, uint64_t *value)
{
	size_t start = p->pos;
	uint64_t v = 0;

	for (; p->pos < p->len && is_digit(p->line[p->pos]); p->pos++) {
		unsigned digit = (unsigned)(p->line[p->pos] - '0');

		if (v > (UINT64_MAX - digit) / 10)
			return wrong(p, start, "too large a number");
		v = v * 10 + digit;
	}
	if (p->pos == start)
		return wrong(p, start, "a number is wanted here");
	if (v > max)
		return wrong(
		    p, start, "too large: at most %" PRIu64 " here", max);
	*value = v;
	return 0;
}

static int
hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte after a backslash at pos; moves behind it. */
static int
escaped(struct parser *p, uint8_t *byte)
{
	const char *s = p->line + p->pos;
	size_t left = p->len - p->pos;

	if (left >= 2 && (s[1] == '"' || s[1] == '\\')) {
		*byte = (uint8_t)s[1];
		p->pos += 2;
		return 0;
	}
	if (left >= 2 && s[1] == 'n') {
		*byte = '\n';
		p->pos += 2;
		return 0;
	}
	if (left < 4 || s[1] != 'x' || hex_value(s[2]) < 0 ||
	    hex_value(s[3]) < 0)
		return wrong(p, p->pos, "after \\ comes \", \\, n or xNN");
	*byte = (uint8_t)(hex_value(s[2]) << 4 | hex_value(s[3]));
	p->pos += 4;
	return 0;
}

/* Append what stands in quotes at pos. */
static int
quoted(struct parser *p, uint64_t max, bool text, struct ipc_buf *out)
{
	size_t start = p->pos, from = out->len;

	if (p->pos == p->len || p->line[p->pos] != '"')
		return wrong(p, p->pos, "text in quotes is wanted here");
	for (p->pos++; p->pos < p->len && p->line[p->pos] != '"';) {
		size_t at = p->pos;
		uint8_t byte = (uint8_t)p->line[at];

		if (byte != '\\')
			p->pos++;
		else if (escaped(p, &byte) < 0)
			return IPC_ERR_INVALID;
		if (text && byte == 0)
			return wrong(p, at, "no \\x00 can be in this text");
		if (out->len - from == max)
			return wrong(p, at,
			    "too long: at most %" PRIu64 " bytes here", max);
		if (!ipc_buf_add(out, &byte, 1))
			return IPC_ERR_TOO_LONG;
	}
	if (p->pos == p->len)
		return wrong(p, start, "its closing quote is missing");
	p->pos++;
	if (p->len - p->pos >= 3 && memcmp(p->line + p->pos, "...", 3) == 0)
		return wrong(p, p->pos, "cut short here: dump it with --all");
	if (p->pos < p->len && !is_blank(p->line[p->pos]))
		return wrong(p, p->pos, "a blank is wanted after the quote");
	return 0;
}

/* "slow" is a reason wherever a channel is wanted. */
static int
channel(struct parser *p, struct ipc_frame *f)
{
	size_t n = word_len(p);
	uint64_t v = 0;
	int error;

	for (unsigned r = 1; r < IPC_REASON_END; r++)
		if (strlen(ipc_reason_name(r)) == n &&
		    memcmp(ipc_reason_name(r), p->line + p->pos, n) == 0) {
			f->channel = (uint16_t)r;
			p->pos += n;
			return 0;
		}
	error = number(p, UINT16_MAX, &v);
	f->channel = (uint16_t)v;
	return error;
}

static void *
at(void *m, const struct ipc_field *f)
{
	return (void *)((uintptr_t)m + f->offset);
}

/* A field's text or bytes become the struct's own. */
static int
take_text(struct parser *p, const struct ipc_field *f, void *m)
{
	struct ipc_buf b;
	struct ipc_bin *bin = at(m, f);
	int error;

	ipc_buf_init(&b, f->max + 1);
	error = quoted(p, f->max, f->type == 's', &b);
	if (error == 0 && !ipc_buf_add(&b, "", 1))
		error = IPC_ERR_NO_MEMORY;
	if (error < 0) {
		ipc_buf_release(&b);
		return error;
	}
	if (f->type == 's') {
		free(*(char **)at(m, f));
		*(char **)at(m, f) = (char *)b.data;
	} else {
		free(bin->addr);
		bin->addr = b.data;
		bin->sz = (uint32_t)b.len - 1;
	}
	return 0;
}

static int
take_field(struct parser *p, const struct ipc_field *f, void *m)
{
	uint64_t v;

	if (f->type == 's' || f->type == 'B')
		return take_text(p, f, m);
	if (number(p, f->max, &v) < 0)
		return IPC_ERR_INVALID;
	switch (f->type) {
	case 'c':
		*(uint8_t *)at(m, f) = (uint8_t)v;
		break;
	case 'v':
		*(uint16_t *)at(m, f) = (uint16_t)v;
		break;
	case 'u':
		*(uint32_t *)at(m, f) = (uint32_t)v;
		break;
	default:
		*(uint64_t *)at(m, f) = v;
	}
	return 0;
}

/* KEY=VALUE: of the frame itself, or a field of its message. */
static int
pair(struct parser *p, const struct ipc_info *info, struct ipc_frame *f,
    void *m, bool *fields)
{
	const char *key = p->line + p->pos;
	size_t start = p->pos, n = word_len(p);
	uint64_t v = 0;
	int error;

	if (p->pos + n >= p->len || p->line[p->pos + n] != '=')
		return wrong(p, start,
		    "KEY=VALUE or text in quotes is wanted "
		    "here");
	p->pos += n + 1;
	if (n == 2 && memcmp(key, "id", 2) == 0)
		return number(p, UINT64_MAX, &f->id);
	if (n == 5 && memcmp(key, "flags", 5) == 0) {
		error = number(p, UINT8_MAX, &v);
		f->flags = (uint8_t)v;
		return error;
	}
	if (n == 7 && memcmp(key, "channel", 7) == 0)
		return channel(p, f);
	for (const struct ipc_field *fd = m ? info->fields : NULL;
	     fd && fd->name; fd++)
		if (strlen(fd->name) == n && memcmp(fd->name, key, n) == 0) {
			*fields = true;
			return take_field(p, fd, m);
		}
	return wrong(p, start, "%s has no field '%.*s'",
	    info ? info->name : "this kind", n < 40 ? (int)n : 40, key);
}

/* Everything behind the name. raw: bytes stood there in quotes. */
static int
body(struct parser *p, const struct ipc_info *info, struct ipc_frame *f,
    void *m, struct ipc_buf *bytes, bool *raw)
{
	bool fields = false;

	for (skip_blanks(p); p->pos < p->len; skip_blanks(p)) {
		size_t start = p->pos;
		int error;

		if (p->line[p->pos] == '"' && *raw)
			return wrong(p, start, "its bytes stand here twice");
		if (p->line[p->pos] == '"') {
			*raw = true;
			error = quoted(p, bytes->max, false, bytes);
		} else {
			error = pair(p, info, f, m, &fields);
		}
		if (error < 0)
			return error;
		if (*raw && fields)
			return wrong(
			    p, start, "fields or bytes in quotes, not both");
		if (p->pos < p->len && !is_blank(p->line[p->pos]))
			return wrong(p, p->pos, "a blank is wanted here");
	}
	return 0;
}

static int
kind(struct parser *p, uint8_t *found)
{
	size_t n = word_len(p), start = p->pos;
	uint64_t v;

	if (n > 5 && strncasecmp(p->line + p->pos, "KIND_", 5) == 0) {
		p->pos += 5;
		if (number(p, UINT8_MAX, &v) < 0)
			return IPC_ERR_INVALID;
		*found = (uint8_t)v;
		return 0;
	}
	for (unsigned k = 0; k < IPC_KIND_END; k++) {
		const struct ipc_info *info = ipc_info(k);

		if (info && strlen(info->name) == n &&
		    strncasecmp(info->name, p->line + p->pos, n) == 0) {
			p->pos += n;
			*found = (uint8_t)k;
			return 0;
		}
	}
	return wrong(p, start, "no such kind of message: '%.*s'",
	    n < 40 ? (int)n : 40, p->line + start);
}

static int
add_frame(struct ipc_frame *f, const void *m, struct ipc_buf *bytes,
    struct ipc_buf *out)
{
	uint8_t *to;
	int error;

	if (m) {
		error = ipc_msg_pack(f->kind, m, bytes);
		if (error < 0)
			return error;
	}
	f->len = (uint32_t)bytes->len;
	to = ipc_buf_space(out, ipc_frame_size(f->len));
	if (to == NULL)
		return IPC_ERR_TOO_LONG;
	ipc_frame_head(to, f);
	if (f->len)
		memcpy(to + IPC_FRAME_HEAD, bytes->data, f->len);
	ipc_buf_added(out, ipc_frame_size(f->len));
	return 1;
}

int
ipc_text_parse(
    const char *line, size_t len, struct ipc_buf *out, struct ipc_text_error *e)
{
	struct parser p = { .line = line, .len = len, .e = e };
	struct ipc_frame f = { 0 };
	const struct ipc_info *info;
	struct ipc_buf bytes;
	bool raw = false;
	void *m = NULL;
	int error;

	e->column = 0;
	e->text[0] = '\0';
	skip_margin(&p);
	if (p.pos == len || line[p.pos] == '#')
		return 0;
	if (kind(&p, &f.kind) < 0)
		return IPC_ERR_INVALID;
	if (p.pos < len && !is_blank(line[p.pos]))
		return wrong(&p, p.pos, "a blank is wanted after the name");
	info = ipc_info(f.kind);
	if (info && info->format && !(m = calloc(1, info->size)))
		return IPC_ERR_NO_MEMORY;
	ipc_buf_init(&bytes, IPC_FRAME_MAX_MAX - IPC_FRAME_HEAD);
	error = body(&p, info, &f, m, &bytes, &raw);
	if (error == 0)
		error = add_frame(&f, raw ? NULL : m, &bytes, out);
	if (m)
		ipc_msg_release(f.kind, m);
	free(m);
	ipc_buf_release(&bytes);
	return error;
}

/* Would the line make this frame again? */
static bool
makes(const char *line, size_t len, const struct ipc_frame *f)
{
	struct ipc_text_error e;
	struct ipc_buf b;
	uint8_t head[IPC_FRAME_HEAD];
	bool same;

	ipc_buf_init(&b, IPC_FRAME_MAX_MAX);
	ipc_frame_head(head, f);
	same = ipc_text_parse(line, len, &b, &e) == 1 &&
	       b.len == ipc_frame_size(f->len) &&
	       memcmp(b.data, head, IPC_FRAME_HEAD) == 0 &&
	       (f->len == 0 ||
		   memcmp(b.data + IPC_FRAME_HEAD, f->bytes, f->len) == 0);
	ipc_buf_release(&b);
	return same;
}

/* The frame's bytes as they are: for images that fields cannot say. */
static bool
print_plain(const struct ipc_frame *f, struct ipc_buf *out)
{
	const struct ipc_info *info = ipc_info(f->kind);
	bool ok = ipc_buf_printf(out, "%s id=%" PRIu64, info->name, f->id);

	if (f->flags)
		ok = ok && ipc_buf_printf(out, " flags=%u", f->flags);
	if (f->channel)
		ok = ok && ipc_buf_printf(out, " channel=%u", f->channel);
	ok = ok && ipc_buf_add(out, " \"", 2);
	for (uint32_t i = 0; ok && i < f->len; i++)
		ok = ipc_buf_printf(out, "\\x%02x", f->bytes[i]);
	return ok && ipc_buf_add(out, "\"", 1);
}

bool
ipc_text_print(const struct ipc_frame *f, bool all, struct ipc_buf *out)
{
	const struct ipc_info *info = ipc_info(f->kind);
	size_t start = out->len;

	if (!ipc_msg_print(f, all, out)) {
		out->len = start;
		return false;
	}
	/*
	 * A typed image can hold what its fields do not show (a string that
	 * goes on behind a NUL, an empty image): those bytes are shown as
	 * they are.
	 */
	if (!all || info == NULL || info->format == NULL ||
	    makes((const char *)out->data + start, out->len - start, f))
		return true;
	out->len = start;
	if (print_plain(f, out))
		return true;
	out->len = start;
	return false;
}

/* The next word of a line, quotes and what is in them included. */
static size_t
next_word(const char *s, size_t len, size_t *pos)
{
	bool in_quotes = false;
	size_t start;

	while (*pos < len && is_blank(s[*pos]))
		(*pos)++;
	for (start = *pos; *pos < len; (*pos)++) {
		if (in_quotes && s[*pos] == '\\' && *pos + 1 < len)
			(*pos)++;
		else if (s[*pos] == '"')
			in_quotes = !in_quotes;
		else if (!in_quotes && is_blank(s[*pos]))
			break;
	}
	return start;
}

static bool
fits(const char *word, size_t n, const char *have, size_t have_n)
{
	if (n > 2 && word[n - 1] == '*' && word[n - 2] == '"')
		return have_n >= n - 2 && memcmp(word, have, n - 2) == 0;
	return n == have_n && memcmp(word, have, n) == 0;
}

static bool
has_word(const char *have, size_t have_len, const char *word, size_t n)
{
	size_t pos = 0;

	while (pos < have_len) {
		size_t start = next_word(have, have_len, &pos);

		if (fits(word, n, have + start, pos - start))
			return true;
	}
	return false;
}

bool
ipc_text_match(const struct ipc_frame *f, const char *line, size_t len)
{
	struct parser p = { .line = line, .len = len };
	struct ipc_buf have;
	bool ok;

	ipc_buf_init(&have, (size_t)IPC_FRAME_MAX_MAX * 5);
	ok = ipc_text_print(f, true, &have);
	for (skip_margin(&p); ok && p.pos < len;) {
		size_t start = next_word(line, len, &p.pos);

		if (p.pos > start)
			ok = has_word((const char *)have.data, have.len,
			    line + start, p.pos - start);
	}
	ipc_buf_release(&have);
	return ok;
}

bool
ipc_text_about(const struct ipc_frame *f, uint64_t conn)
{
	static const uint8_t kinds[] = { IPC_OPENED, IPC_MESSAGE, IPC_CLOSED,
		IPC_PRESSURE, IPC_DROPPED, IPC_CONNECTING, IPC_AWAY, IPC_BACK,
		IPC_RESIZED, IPC_SEND, IPC_CLOSE, IPC_JOIN, IPC_LEAVE, IPC_TAG,
		IPC_INFO, IPC_HIDE_INPUT, IPC_TERMINAL, IPC_SIDE, IPC_ABLE,
		IPC_SEND_SIDE, IPC_SET_ABLE, IPC_TYPED, IPC_SEND_TYPED };

	return f->id == conn && memchr(kinds, f->kind, sizeof(kinds));
}
