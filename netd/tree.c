/*
 * tree.c - a parsed message held against its declaration, value by value, and
 * laid down as an image. The one place where it is decided what a player may
 * say; whichever library parsed it.
 */
#include "netd/speak.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A whole number that a double holds exactly is below this. */
#define EXACT 9007199254740992.0

struct take {
	const struct tree_ops *ops;
	const struct ipc_type *type;
	struct ipc_buf *out;
	struct ipc_wrong *wrong;
};

static bool
rule(struct take *k, const char *what)
{
	ipc_wrong_rule(k->wrong, "%s", what);
	return false;
}

static bool
put(struct take *k, bool ok)
{
	if (!ok)
		ipc_wrong_rule(k->wrong, "too much for one message");
	return ok;
}

/* "-12" as a NODE_INT or NODE_UINT; where numbers are written as text. */
static bool
number_of_text(const struct node *v, struct node *number)
{
	char text[24], *end;
	bool minus = v->n && v->at[0] == '-';

	if (v->n <= minus || v->n >= sizeof(text))
		return false;
	memcpy(text, v->at, v->n);
	text[v->n] = '\0';
	if (strspn(text + minus, "0123456789") != v->n - minus)
		return false;
	errno = 0;
	number->what = minus ? NODE_INT : NODE_UINT;
	number->i = minus ? strtoll(text, &end, 10) : 0;
	number->u = minus ? 0 : strtoull(text, &end, 10);
	return errno == 0;
}

static bool
take_whole(
    struct take *k, const struct ipc_typed_field *f, const struct node *v)
{
	struct node read = { .what = NODE_OTHER };

	if (v->what == NODE_STR && k->ops->is_text && json_as_text(f) &&
	    number_of_text(v, &read))
		v = &read;
	/* 3.0 is 3 to many a library. */
	if (v->what == NODE_FLOAT && fabs(v->f) < EXACT &&
	    v->f == (double)(int64_t)v->f) {
		read.what = NODE_INT;
		read.i = (int64_t)v->f;
		v = &read;
	}
	if (v->what == NODE_INT)
		return ipc_fits_int(f, v->i, k->wrong) &&
		       put(k, ipc_image_int(k->out, f->kind, v->i));
	if (v->what == NODE_UINT)
		return ipc_fits_uint(f, v->u, k->wrong) &&
		       put(k, ipc_image_uint(k->out, f->kind, v->u));
	return rule(k, "not a whole number");
}

static bool
take_enum(struct take *k, const struct ipc_typed_field *f, const struct node *v)
{
	char names[64] = "";
	size_t n = 0;
	int i;

	if (v->what != NODE_STR)
		return rule(k, "not one of its names");
	i = ipc_enum_find(f, v->at, v->n);
	if (i >= 0)
		return put(k, ipc_image_uint(k->out, IPC_ENUM, (uint64_t)i));
	/* As many as fit, for whoever mistyped one. */
	for (uint32_t at = 0; at < f->longest; at++) {
		const char *name = ipc_enum_name(f, at);

		if (n + strlen(name) + 2 > sizeof(names))
			break;
		n += (size_t)sprintf(names + n, " %s", name);
	}
	ipc_wrong_rule(k->wrong, "none of%s", names);
	return false;
}

static bool
take_number(
    struct take *k, const struct ipc_typed_field *f, const struct node *v)
{
	double number;

	if (f->kind == IPC_ENUM)
		return take_enum(k, f, v);
	if (f->kind == IPC_BOOL)
		return v->what == NODE_BOOL
			   ? put(k, ipc_image_uint(k->out, IPC_BOOL, v->b))
			   : rule(k, "neither true nor false");
	if (!ipc_kind_float(f->kind))
		return take_whole(k, f, v);
	if (v->what == NODE_FLOAT)
		number = v->f;
	else if (v->what == NODE_INT)
		number = (double)v->i;
	else if (v->what == NODE_UINT)
		number = (double)v->u;
	else
		return rule(k, "not a number");
	if (f->kind == IPC_F32 && fabs(number) <= FLT_MAX)
		number = (double)(float)number;
	return ipc_fits_float(f, number, k->wrong) &&
	       put(k, ipc_image_float(k->out, number));
}

static bool
take_array(
    struct take *k, const struct ipc_typed_field *f, const struct node *v)
{
	struct node item;

	if (v->what != NODE_ARRAY)
		return rule(k, "not an array");
	if (v->n != f->count) {
		ipc_wrong_rule(k->wrong, "not exactly %u", f->count);
		return false;
	}
	for (uint32_t i = 0; i < f->count; i++) {
		k->ops->item(v, i, &item);
		if (!take_number(k, f, &item)) {
			ipc_wrong_in(k->wrong, NULL, i);
			return false;
		}
	}
	return true;
}

/* Whole groups of letters and padding: libcrypto lets blanks and more '='
 * pass. */
static bool
is_base64(const char *text, size_t n)
{
	size_t letters =
	    strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			 "0123456789+/");

	return n % 4 == 0 && n <= 4 * (IPC_TYPE_LONGEST / 3) &&
	       letters + 2 >= n && strspn(text + letters, "=") == n - letters;
}

/* JSON has no bytes. A parsed text ends with a NUL. */
static bool
take_base64(
    struct take *k, const struct ipc_typed_field *f, const struct node *v)
{
	size_t n = v->n / 4 * 3;
	uint8_t *bytes;
	bool ok;

	if (!is_base64(v->at, v->n))
		return rule(k, "not base64");
	if (v->n && v->at[v->n - 1] == '=')
		n -= v->at[v->n - 2] == '=' ? 2 : 1;
	if (!ipc_fits_length(f, n, k->wrong))
		return false;
	bytes = malloc(v->n / 4 * 3 + 1);
	ok = bytes && EVP_DecodeBlock(bytes, (const uint8_t *)v->at,
			  (int)v->n) == (int)(v->n / 4 * 3);
	ok = ok ? put(k, ipc_image_bytes(k->out, bytes, n))
		: rule(k, "not base64");
	free(bytes);
	return ok;
}

static bool
take_blob(struct take *k, const struct ipc_typed_field *f, const struct node *v)
{
	if (f->kind == IPC_STR) {
		if (v->what != NODE_STR)
			return rule(k, "not text");
		return ipc_fits_text(f, v->at, v->n, k->wrong) &&
		       put(k, ipc_image_str(k->out, v->at, v->n));
	}
	if (k->ops->is_text)
		return v->what == NODE_STR ? take_base64(k, f, v)
					   : rule(k, "not base64");
	if (v->what != NODE_BYTES)
		return rule(k, "not bytes");
	return ipc_fits_length(f, v->n, k->wrong) &&
	       put(k, ipc_image_bytes(k->out, v->at, v->n));
}

static bool
take_map(struct take *k, unsigned from, unsigned to, const struct node *map);
static bool take_field(struct take *k, unsigned i, const struct node *v);

static bool
take_element(struct take *k, unsigned list, const struct node *v)
{
	const struct ipc_typed_field *f = &k->type->fields[list];

	return ipc_list_bare(f) ? take_field(k, list + 1, v)
				: take_map(k, list + 1, f->end, v);
}

static bool
take_list(struct take *k, unsigned i, const struct node *v)
{
	const struct ipc_typed_field *f = &k->type->fields[i];
	struct node item;

	if (v->what != NODE_ARRAY)
		return rule(k, "not an array");
	if (!ipc_fits_length(f, v->n, k->wrong) ||
	    !put(k, ipc_image_count(k->out, (uint32_t)v->n)))
		return false;
	for (size_t at = 0; at < v->n; at++) {
		k->ops->item(v, at, &item);
		if (!take_element(k, i, &item)) {
			ipc_wrong_in(k->wrong, NULL, (int64_t)at);
			return false;
		}
	}
	return true;
}

static bool
take_field(struct take *k, unsigned i, const struct node *v)
{
	const struct ipc_typed_field *f = &k->type->fields[i];

	if (f->kind == IPC_STRUCT)
		return take_map(k, i + 1, f->end, v);
	if (f->kind == IPC_LIST)
		return take_list(k, i, v);
	if (f->kind == IPC_STR || f->kind == IPC_BYTES)
		return take_blob(k, f, v);
	return f->count ? take_array(k, f, v) : take_number(k, f, v);
}

/* More names than there are fields: one of them is none (or is there twice,
 * which msgpack lets pass). */
static bool
unknown(struct take *k, unsigned from, unsigned to, const struct node *map)
{
	char shown[IPC_TYPE_NAME_MAX + 1];
	size_t len = 0;
	const char *name = "";

	for (size_t i = 0; i < map->n; i++) {
		unsigned at = from;

		name = k->ops->name(map, i, &len);
		while (
		    at < to && (strlen(k->type->fields[at].name) != len ||
				   memcmp(k->type->fields[at].name, name, len)))
			at = k->type->fields[at].end;
		if (at == to)
			break;
	}
	snprintf(
	    shown, sizeof(shown), "%.*s", (int)(len < 40 ? len : 40), name);
	/* Half a character would spoil the answer. */
	for (char *c = shown; *c; c++)
		if ((unsigned char)*c >= 0x80 || (unsigned char)*c < ' ')
			*c = '?';
	rule(k, "no such field");
	ipc_wrong_in(k->wrong, shown, 0);
	return false;
}

/* A field of a map, which may lack it if it is optional; null is the same.
 * *found counts the map's own names. */
static bool
take_member(struct take *k, unsigned i, const struct node *map, size_t *found)
{
	const struct ipc_typed_field *f = &k->type->fields[i];
	struct node v;
	bool there = map->n && k->ops->member(map, f->name, &v), set;

	*found += there;
	if (!f->optional)
		return there ? take_field(k, i, &v) : rule(k, "missing");
	set = there && v.what != NODE_OTHER;
	return put(k, ipc_image_count(k->out, set)) &&
	       (!set || take_field(k, i, &v));
}

/* As deep as declarations are. */
static bool
take_map(struct take *k, unsigned from, unsigned to, const struct node *map)
{
	size_t n = 0, found = 0;

	if (map->what != NODE_MAP)
		return rule(k, "not an object of fields");
	for (unsigned i = from; i < to; i = k->type->fields[i].end)
		n++;
	/* First, so that nobody makes us look through thousands of them. */
	if (map->n > n)
		return unknown(k, from, to, map);
	for (unsigned i = from; i < to; i = k->type->fields[i].end)
		if (!take_member(k, i, map, &found)) {
			ipc_wrong_in(k->wrong, k->type->fields[i].name, 0);
			return false;
		}
	return found == map->n || unknown(k, from, to, map);
}

bool
tree_take(const struct tree_ops *ops, const struct ipc_type *t,
    const struct node *map, struct ipc_buf *out, struct ipc_wrong *w)
{
	static const struct node none = { .what = NODE_MAP };
	struct take k = { ops, t, out, w };

	return take_map(&k, 0, t->n_fields, map ? map : &none);
}
