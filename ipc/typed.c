/*
 * typed.c - declarations of typed messages: from text to struct ipc_type.
 *
 * The text comes from the game, which is hostile input to netd: every number
 * has a limit, nothing recurses. Next: image.c for messages of such a type.
 */
#include "ipc/typed.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Kind, name, what stands behind: the names of an enum at most. */
#define WORDS_MAX (2 + IPC_TYPE_ENUM_MAX)

static const struct kind {
	const char *name;
	char tpl;
	union ipc_bound min, max;
} kinds[IPC_FIELD_KINDS] = {
	[IPC_BOOL] = { "bool", 'c', { .u = 0 }, { .u = 1 } },
	[IPC_I8] = { "i8", 'c', { .i = INT8_MIN }, { .i = INT8_MAX } },
	[IPC_I16] = { "i16", 'j', { .i = INT16_MIN }, { .i = INT16_MAX } },
	[IPC_I32] = { "i32", 'i', { .i = INT32_MIN }, { .i = INT32_MAX } },
	[IPC_I64] = { "i64", 'I', { .i = INT64_MIN }, { .i = INT64_MAX } },
	[IPC_U8] = { "u8", 'c', { .u = 0 }, { .u = UINT8_MAX } },
	[IPC_U16] = { "u16", 'v', { .u = 0 }, { .u = UINT16_MAX } },
	[IPC_U32] = { "u32", 'u', { .u = 0 }, { .u = UINT32_MAX } },
	[IPC_U64] = { "u64", 'U', { .u = 0 }, { .u = UINT64_MAX } },
	[IPC_F32] = { "f32", 'f', { .f = -3.4028234663852886e38 },
	    { .f = 3.4028234663852886e38 } },
	[IPC_F64] = { "f64", 'f', { .f = -1.7976931348623157e308 },
	    { .f = 1.7976931348623157e308 } },
	[IPC_STR] = { "str", 's', { .u = 0 }, { .u = 0 } },
	[IPC_BYTES] = { "bytes", 'B', { .u = 0 }, { .u = 0 } },
	[IPC_STRUCT] = { "struct", 0, { .u = 0 }, { .u = 0 } },
	[IPC_LIST] = { "list", 0, { .u = 0 }, { .u = 0 } },
	[IPC_ENUM] = { "enum", 'c', { .u = 0 }, { .u = 0 } },
};

const char *
ipc_field_kind_name(unsigned kind)
{
	return kinds[kind].name;
}

int
ipc_field_kind_find(const char *name, size_t len)
{
	for (int i = 0; i < IPC_FIELD_KINDS; i++)
		if (strlen(kinds[i].name) == len &&
		    memcmp(kinds[i].name, name, len) == 0)
			return i;
	return -1;
}

const char *
ipc_enum_name(const struct ipc_typed_field *f, uint64_t i)
{
	const char *name = f->names;

	while (i--)
		name += strlen(name) + 1;
	return name;
}

int
ipc_enum_find(const struct ipc_typed_field *f, const char *name, size_t len)
{
	const char *at = f->names;

	for (uint32_t i = 0; i < f->longest; i++) {
		size_t n = strlen(at);

		if (n == len && memcmp(at, name, n) == 0)
			return (int)i;
		at += n + 1;
	}
	return -1;
}

/* ---- reading ------------------------------------------------------------- */

struct reader {
	struct ipc_type *type;
	const char *why;
	unsigned line;
	char *next;                        /* of the words */
	unsigned open[IPC_TYPE_DEPTH_MAX]; /* indexes of structs and lists */
	unsigned depth;
	struct ipc_buf format;
};

static bool
no(struct reader *r, const char *why)
{
	r->why = why;
	return false;
}

/* The next line, cut into words; false at the end. *n is 0 for an empty one. */
static bool
next_line(struct reader *r, char *words[WORDS_MAX + 1], size_t *n)
{
	char *line = r->next, *end;

	*n = 0;
	if (*line == '\0')
		return false;
	end = strchr(line, '\n');
	if (end)
		*end++ = '\0';
	r->next = end ? end : line + strlen(line);
	r->line++;
	while (*n <= WORDS_MAX && *line) {
		words[(*n)++] = line;
		line += strcspn(line, " ");
		if (*line)
			*line++ = '\0';
	}
	return true;
}

static bool
is_name(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > IPC_TYPE_NAME_MAX || (*s >= '0' && *s <= '9'))
		return false;
	return strspn(s, "abcdefghijklmnopqrstuvwxyz"
			 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == n;
}

static bool
number(const char *s, uint32_t smallest, uint32_t *v)
{
	char *end;
	unsigned long n;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	n = strtoul(s, &end, 10);
	if (errno || *end || n < smallest || n > IPC_TYPE_LONGEST)
		return false;
	*v = (uint32_t)n;
	return true;
}

static bool
bound_signed(const char *s, union ipc_bound *b)
{
	char *end;

	b->i = strtoll(s, &end, 10);
	return errno == 0 && *end == '\0' && end != s;
}

static bool
bound_unsigned(const char *s, union ipc_bound *b)
{
	char *end;

	b->u = strtoull(s, &end, 10);
	return errno == 0 && *end == '\0' && *s >= '0' && *s <= '9';
}

static bool
bound_float(const char *s, union ipc_bound *b)
{
	char *end;

	b->f = strtod(s, &end);
	return *end == '\0' && end != s && isfinite(b->f);
}

static bool
bounds(struct ipc_typed_field *f, char *const words[])
{
	const struct kind *k = &kinds[f->kind];

	errno = 0;
	if (ipc_kind_signed(f->kind))
		return bound_signed(words[0], &f->min) &&
		       bound_signed(words[1], &f->max) &&
		       f->min.i >= k->min.i && f->max.i <= k->max.i &&
		       f->min.i <= f->max.i;
	if (ipc_kind_unsigned(f->kind))
		return bound_unsigned(words[0], &f->min) &&
		       bound_unsigned(words[1], &f->max) &&
		       f->max.u <= k->max.u && f->min.u <= f->max.u;
	if (!bound_float(words[0], &f->min) ||
	    !bound_float(words[1], &f->max) || f->min.f < k->min.f ||
	    f->max.f > k->max.f || f->min.f > f->max.f)
		return false;
	/* As the values will be: 0.1 in 32 bits is more than 0.1. */
	if (f->kind == IPC_F32) {
		f->min.f = (double)(float)f->min.f;
		f->max.f = (double)(float)f->max.f;
	}
	return true;
}

static bool
put_format(struct reader *r, const char *text)
{
	return ipc_buf_add(&r->format, text, strlen(text)) ||
	       no(r, "out of memory");
}

/* Names of the language of whoever reads it: none twice. */
static bool
read_names(
    struct reader *r, struct ipc_typed_field *f, char *const words[], size_t n)
{
	if (n == 0)
		return no(r, "an enum without names");
	f->names = words[0];
	for (size_t i = 0; i < n; i++) {
		if (!is_name(words[i]))
			return no(r, "not a name");
		if (ipc_enum_find(f, words[i], strlen(words[i])) >= 0)
			return no(r, "that name is there already");
		f->longest++;
	}
	f->max.u = n - 1;
	return put_format(r, "c");
}

/* What stands behind kind and name. */
static bool
read_rest(
    struct reader *r, struct ipc_typed_field *f, char *const words[], size_t n)
{
	char tpl[3] = { kinds[f->kind].tpl, '\0', '\0' };

	switch (f->kind) {
	case IPC_ENUM:
		return read_names(r, f, words, n);
	case IPC_BOOL:
		f->max.u = 1;
		return n == 0 ? put_format(r, tpl)
			      : no(r, "more words than a bool has");
	case IPC_STR:
	case IPC_BYTES:
		if (n != 1 || !number(words[0], 0, &f->longest))
			return no(r, "the longest length is not a number");
		return put_format(r, tpl);
	case IPC_LIST:
		if (n != 1 || !number(words[0], 0, &f->longest))
			return no(r, "the largest number is not a number");
		return put_format(r, "A(");
	case IPC_STRUCT:
		return n == 0 || no(r, "more words than a struct has");
	default:
		break;
	}
	if (n != 2 && n != 4)
		return no(r, "not a smallest and a largest value");
	if (!bounds(f, words))
		return no(r, "smallest and largest value are not of its kind");
	if (n == 4 && (f->optional || *f->name == *IPC_TYPE_BARE))
		return no(r, "an array is neither optional nor bare");
	if (n == 4 &&
	    (strcmp(words[2], "*") || !number(words[3], 1, &f->count)))
		return no(r, "not '* NUMBER' of a fixed array");
	tpl[1] = f->count ? '#' : '\0';
	return put_format(r, tpl);
}

/* No name twice among the fields of the same struct, list or type. */
static bool
is_twice(const struct reader *r, const char *name)
{
	const struct ipc_type *t = r->type;
	unsigned i = r->depth ? r->open[r->depth - 1] + 1 : 0;

	for (; i < t->n_fields; i = t->fields[i].end)
		if (strcmp(t->fields[i].name, name) == 0)
			return true;
	return false;
}

static bool
close_inner(struct reader *r)
{
	struct ipc_typed_field *f;

	if (r->depth == 0)
		return no(r, "an 'end' of nothing");
	f = &r->type->fields[r->open[--r->depth]];
	f->end = (uint16_t)r->type->n_fields;
	if (f->end == r->open[r->depth] + 1)
		return no(r, "nothing is inside");
	return (f->kind == IPC_STRUCT && !f->optional) || put_format(r, ")");
}

/* The struct or list that is open, or NULL. */
static const struct ipc_typed_field *
opened(const struct reader *r)
{
	return r->depth ? &r->type->fields[r->open[r->depth - 1]] : NULL;
}

/* A bare value is alone in its list. */
static bool
may_be_called(struct reader *r, unsigned kind, bool optional, const char *name)
{
	const struct ipc_type *t = r->type;
	const struct ipc_typed_field *in = opened(r);
	bool first = in && in + 1 == &t->fields[t->n_fields];

	if (in && !first && ipc_list_bare(in))
		return no(r, "more than the bare value in a list");
	if (strcmp(name, IPC_TYPE_BARE) == 0) {
		if (!first || in->kind != IPC_LIST || optional ||
		    kind == IPC_LIST || kind == IPC_STRUCT)
			return no(r, "no bare value can be here");
		return true;
	}
	if (!is_name(name))
		return no(r, "not a name");
	return !is_twice(r, name) || no(r, "that name is there already");
}

static bool
read_field(struct reader *r, char *const words[], size_t n)
{
	struct ipc_type *t = r->type;
	struct ipc_typed_field *f = &t->fields[t->n_fields];
	size_t len = strlen(words[0]);
	bool optional = len && words[0][len - 1] == '?';
	int kind = ipc_field_kind_find(words[0], len - optional);

	if (n == 1 && strcmp(words[0], "end") == 0)
		return close_inner(r);
	if (kind < 0 || n < 2)
		return no(r, "not 'KIND NAME ...'");
	if (!may_be_called(r, (unsigned)kind, optional, words[1]))
		return false;
	if (optional && kind == IPC_LIST)
		return no(r, "a list is not optional: it may be empty");
	if (t->n_fields == IPC_TYPE_FIELDS_MAX)
		return no(r, "too many fields");
	f->name = words[1];
	f->kind = (uint8_t)kind;
	f->optional = optional;
	if ((optional && !put_format(r, "A(")) ||
	    !read_rest(r, f, words + 2, n - 2) ||
	    (optional && kind != IPC_STRUCT && !put_format(r, ")")))
		return false;
	if (f->kind == IPC_STRUCT || f->kind == IPC_LIST) {
		if (r->depth == IPC_TYPE_DEPTH_MAX)
			return no(r, "too deep");
		r->open[r->depth++] = t->n_fields;
	}
	t->n_fields++;
	/* Until its end is read it reaches to the end of all. */
	f->end = (uint16_t)t->n_fields;
	return true;
}

static bool
read_all(struct reader *r)
{
	char *words[WORDS_MAX + 1];
	size_t n;

	if (!next_line(r, words, &n) || n != 2 || strcmp(words[0], "type") ||
	    !is_name(words[1]))
		return no(r, "the first line is not 'type NAME'");
	if (strcmp(words[1], IPC_TYPE_ERROR) == 0)
		return no(r, "'error' is netd's own message");
	r->type->name = words[1];
	while (next_line(r, words, &n))
		if (n == 0 || n > WORDS_MAX)
			return no(r, n ? "too many words" : "an empty line");
		else if (!read_field(r, words, n))
			return false;
	return r->depth == 0 || no(r, "an 'end' is missing");
}

/* FNV-1a: whoever has the same text means the same. */
static uint32_t
sign(const char *text, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)text[i]) * 16777619u;
	return h;
}

struct ipc_type *
ipc_type_new(const char *text, size_t len, const char **why, unsigned *line)
{
	struct reader r = { .why = "out of memory" };
	struct ipc_type *t = calloc(1, sizeof(*t));
	bool ok = false;

	ipc_buf_init(&r.format, IPC_TYPE_TEXT_MAX);
	if (len > IPC_TYPE_TEXT_MAX || memchr(text, '\0', len)) {
		r.why = "too long, or a NUL in it";
	} else if (t) {
		t->text = strndup(text, len);
		t->words = strndup(text, len);
		t->fields = calloc(IPC_TYPE_FIELDS_MAX + 1, sizeof(*t->fields));
		r.type = t;
		r.next = t->words;
		t->signature = sign(text, len);
		ok = t->text && t->words && t->fields && read_all(&r) &&
		     ipc_buf_add(&r.format, "", 1);
	}
	if (ok) {
		t->format = (char *)r.format.data;
		return t;
	}
	ipc_buf_release(&r.format);
	ipc_type_free(t);
	*why = r.why;
	*line = r.line;
	return NULL;
}

void
ipc_type_free(struct ipc_type *t)
{
	if (t == NULL)
		return;
	free(t->text);
	free(t->words);
	free(t->format);
	free(t->fields);
	free(t);
}

/* ---- what is wrong --------------------------------------------------------
 */

void
ipc_wrong_rule(struct ipc_wrong *w, const char *format, ...)
{
	va_list ap;

	w->field[0] = '\0';
	va_start(ap, format);
	vsnprintf(w->rule, sizeof(w->rule), format, ap);
	va_end(ap);
}

void
ipc_wrong_in(struct ipc_wrong *w, const char *name, int64_t at)
{
	char inner[sizeof(w->field)], outer[IPC_TYPE_NAME_MAX + 1];
	const char *dot = w->field[0] && w->field[0] != '[' ? "." : "";

	if (name && strcmp(name, IPC_TYPE_BARE) == 0)
		return;
	if (name)
		snprintf(outer, sizeof(outer), "%s", name);
	else
		snprintf(outer, sizeof(outer), "[%lld]", (long long)at);
	memcpy(inner, w->field, sizeof(inner));
	snprintf(w->field, sizeof(w->field), "%s%s%.*s", outer, dot,
	    (int)(sizeof(w->field) - sizeof(outer) - 1), inner);
}
