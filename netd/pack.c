/*
 * pack.c - typed messages as msgpack, by msgpack-c: ["say",{"who":"ann"}].
 *
 * The library makes room for as many elements as a head claims before it has
 * seen one, so claims are held against the bytes that are there first.
 */
#include "netd/speak.h"

#include "ipc/msg.h"

#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Arrays and maps inside of one another; a message has no more. */
#define DEPTH_MAX (2 * IPC_TYPE_DEPTH_MAX + 4)

/* ---- before the library ---------------------------------------------------
 */

struct skim {
	const uint8_t *at, *end;
	uint64_t left[DEPTH_MAX]; /* values still to come, by depth */
	unsigned depth;
};

/* The big-endian number of n bytes at p. */
static uint64_t
big(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

/* What follows a head: so many bytes of a number, of length, of more. */
static const struct form {
	uint8_t head;      /* the first byte */
	uint8_t len_bytes; /* of a length or count */
	uint8_t more;      /* bytes besides */
	uint8_t inner;     /* values inside for each of count; 0: bytes */
} forms[] = {
	{ 0xc0, 0, 0, 0 },
	{ 0xc2, 0, 0, 0 },
	{ 0xc3, 0, 0, 0 },
	{ 0xc4, 1, 0, 0 },
	{ 0xc5, 2, 0, 0 },
	{ 0xc6, 4, 0, 0 },
	{ 0xca, 0, 4, 0 },
	{ 0xcb, 0, 8, 0 },
	{ 0xcc, 0, 1, 0 },
	{ 0xcd, 0, 2, 0 },
	{ 0xce, 0, 4, 0 },
	{ 0xcf, 0, 8, 0 },
	{ 0xd0, 0, 1, 0 },
	{ 0xd1, 0, 2, 0 },
	{ 0xd2, 0, 4, 0 },
	{ 0xd3, 0, 8, 0 },
	{ 0xd9, 1, 0, 0 },
	{ 0xda, 2, 0, 0 },
	{ 0xdb, 4, 0, 0 },
	{ 0xdc, 2, 0, 1 },
	{ 0xdd, 4, 0, 1 },
	{ 0xde, 2, 0, 2 },
	{ 0xdf, 4, 0, 2 },
};

/* One head and its bytes. *inner: values inside; false: not msgpack that we
 * take (extensions are none). */
static bool
skim_one(struct skim *s, uint64_t *inner)
{
	uint8_t h = *s->at++;
	uint64_t n = 0, left;
	size_t i = 0, forms_n = sizeof(forms) / sizeof(forms[0]);

	*inner = 0;
	if (h < 0x80 || h >= 0xe0)
		return true;
	if (h < 0xa0) {
		*inner = (uint64_t)(h & 15) * (h < 0x90 ? 2 : 1);
		return true;
	}
	if (h < 0xc0) {
		n = h & 31;
	} else {
		while (i < forms_n && forms[i].head != h)
			i++;
		if (i == forms_n ||
		    (size_t)(s->end - s->at) < forms[i].len_bytes)
			return false;
		n = big(s->at, forms[i].len_bytes);
		s->at += forms[i].len_bytes;
		*inner = n * forms[i].inner;
		n = forms[i].inner ? 0 : n + forms[i].more;
	}
	left = (uint64_t)(s->end - s->at);
	/* Every value inside has a byte at least. */
	if (n > left || *inner > left)
		return false;
	s->at += n;
	return true;
}

/* Exactly one value, not too deep, no claim that its bytes cannot hold. */
static const char *
skim(const uint8_t *bytes, size_t len)
{
	struct skim s = { .at = bytes, .end = bytes + len };
	uint64_t inner;

	s.left[0] = 1;
	for (;;) {
		while (s.depth && s.left[s.depth] == 0)
			s.depth--;
		if (s.left[s.depth] == 0)
			break;
		if (s.at == s.end || !skim_one(&s, &inner))
			return "not msgpack";
		s.left[s.depth]--;
		if (inner == 0)
			continue;
		if (s.depth + 1 == DEPTH_MAX)
			return "msgpack that is too deep";
		s.left[++s.depth] = inner;
	}
	return s.at == s.end ? NULL : "more than one value of msgpack";
}

/* ---- parsed -------------------------------------------------------------- */

static void
show(const msgpack_object *o, struct node *n)
{
	memset(n, 0, sizeof(*n));
	n->own = o;
	switch (o->type) {
	case MSGPACK_OBJECT_BOOLEAN:
		n->what = NODE_BOOL;
		n->b = o->via.boolean;
		return;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		n->what = o->via.u64 > INT64_MAX ? NODE_UINT : NODE_INT;
		n->u = o->via.u64;
		n->i = (int64_t)o->via.u64;
		return;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		n->what = NODE_INT;
		n->i = o->via.i64;
		return;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		n->what = NODE_FLOAT;
		n->f = o->via.f64;
		return;
	case MSGPACK_OBJECT_STR:
		n->what = NODE_STR;
		n->at = o->via.str.ptr;
		n->n = o->via.str.size;
		return;
	case MSGPACK_OBJECT_BIN:
		n->what = NODE_BYTES;
		n->at = o->via.bin.ptr;
		n->n = o->via.bin.size;
		return;
	case MSGPACK_OBJECT_ARRAY:
		n->what = NODE_ARRAY;
		n->n = o->via.array.size;
		return;
	case MSGPACK_OBJECT_MAP:
		n->what = NODE_MAP;
		n->n = o->via.map.size;
		return;
	default:
		return;
	}
}

static void
pack_item(const struct node *array, size_t i, struct node *item)
{
	const msgpack_object *o = array->own;

	show(&o->via.array.ptr[i], item);
}

static bool
pack_member(const struct node *map, const char *name, struct node *value)
{
	const msgpack_object *o = map->own;
	size_t len = strlen(name);

	for (uint32_t i = 0; i < o->via.map.size; i++) {
		const msgpack_object_kv *kv = &o->via.map.ptr[i];

		if (kv->key.type == MSGPACK_OBJECT_STR &&
		    kv->key.via.str.size == len &&
		    memcmp(kv->key.via.str.ptr, name, len) == 0) {
			show(&kv->val, value);
			return true;
		}
	}
	return false;
}

static const char *
pack_name(const struct node *map, size_t i, size_t *len)
{
	const msgpack_object *o = map->own;
	const msgpack_object *key = &o->via.map.ptr[i].key;

	*len = 0;
	if (key->type != MSGPACK_OBJECT_STR)
		return "";
	*len = key->via.str.size;
	return key->via.str.ptr;
}

static void
pack_release(struct tree *t)
{
	msgpack_unpacked_destroy(t->own);
	free(t->own);
}

static const struct tree_ops pack_ops = { pack_item, pack_member, pack_name,
	false, pack_release };

int
pack_parse(
    struct tree *t, const uint8_t *bytes, size_t len, char *why, size_t size)
{
	const char *wrong = skim(bytes, len);
	msgpack_unpacked *u = wrong ? NULL : calloc(1, sizeof(*u));
	size_t off = 0;

	if (u == NULL) {
		snprintf(why, size, "%s", wrong ? wrong : "out of memory");
		return IPC_ERR_PROTOCOL;
	}
	msgpack_unpacked_init(u);
	if (msgpack_unpack_next(u, (const char *)bytes, len, &off) !=
		MSGPACK_UNPACK_SUCCESS ||
	    off != len) {
		snprintf(why, size, "not msgpack");
		msgpack_unpacked_destroy(u);
		free(u);
		return IPC_ERR_PROTOCOL;
	}
	t->own = u;
	t->ops = &pack_ops;
	show(&u->data, &t->top);
	return 0;
}

/* ---- said ---------------------------------------------------------------- */

static int
add(void *out, const char *bytes, size_t len)
{
	return ipc_buf_add(out, bytes, len) ? 0 : -1;
}

static void
say_name(msgpack_packer *pk, const char *name)
{
	size_t len = strlen(name);

	msgpack_pack_str(pk, len);
	msgpack_pack_str_body(pk, name, len);
}

static void
say_number(
    msgpack_packer *pk, const struct ipc_typed_field *f, const uint8_t **at)
{
	if (f->kind == IPC_F32)
		msgpack_pack_float(pk, (float)ipc_take_float(at));
	else if (f->kind == IPC_F64)
		msgpack_pack_double(pk, ipc_take_float(at));
	else if (f->kind == IPC_BOOL && ipc_take_uint(at, IPC_BOOL))
		msgpack_pack_true(pk);
	else if (f->kind == IPC_BOOL)
		msgpack_pack_false(pk);
	else if (f->kind == IPC_ENUM)
		say_name(pk, ipc_enum_name(f, ipc_take_uint(at, IPC_ENUM)));
	else if (ipc_kind_signed(f->kind))
		msgpack_pack_int64(pk, ipc_take_int(at, f->kind));
	else
		msgpack_pack_uint64(pk, ipc_take_uint(at, f->kind));
}

static void say_map(msgpack_packer *pk, const struct ipc_type *t, unsigned from,
    unsigned to, const uint8_t **at);
static void say_value(msgpack_packer *pk, const struct ipc_type *t, unsigned i,
    const uint8_t **at);

static void
say_list(msgpack_packer *pk, const struct ipc_type *t, unsigned i,
    const uint8_t **at)
{
	uint32_t n = ipc_take_count(at);

	msgpack_pack_array(pk, n);
	while (n--)
		if (ipc_list_bare(&t->fields[i]))
			say_value(pk, t, i + 1, at);
		else
			say_map(pk, t, i + 1, t->fields[i].end, at);
}

static void
say_value(msgpack_packer *pk, const struct ipc_type *t, unsigned i,
    const uint8_t **at)
{
	const struct ipc_typed_field *f = &t->fields[i];
	const uint8_t *p;
	uint32_t len;

	if (f->kind == IPC_STRUCT) {
		say_map(pk, t, i + 1, f->end, at);
	} else if (f->kind == IPC_LIST) {
		say_list(pk, t, i, at);
	} else if (f->kind == IPC_STR) {
		p = ipc_take_str(at, &len);
		msgpack_pack_str(pk, len);
		msgpack_pack_str_body(pk, p, len);
	} else if (f->kind == IPC_BYTES) {
		p = ipc_take_bytes(at, &len);
		msgpack_pack_bin(pk, len);
		msgpack_pack_bin_body(pk, p, len);
	} else {
		if (f->count)
			msgpack_pack_array(pk, f->count);
		for (uint32_t k = 0; k < (f->count ? f->count : 1); k++)
			say_number(pk, f, at);
	}
}

/* What does not fit is seen at the end: the buffer takes nothing more. */
struct sink {
	struct ipc_buf *out;
	bool full;
};

/* The head of a map at offset head, which was of up to 65,535: now it is of
 * n, which are fewer. Both forms are as long as they were. */
static void
fewer(const struct sink *s, size_t head, size_t n)
{
	uint8_t *at = s->out->data + head;

	if (s->full)
		return;
	if (*at == 0xde) {
		at[1] = (uint8_t)(n >> 8);
		at[2] = (uint8_t)n;
	} else {
		*at = (uint8_t)(0x80 | n);
	}
}

/* What is not set is not there, and how many are is known behind them. */
static void
say_map(msgpack_packer *pk, const struct ipc_type *t, unsigned from,
    unsigned to, const uint8_t **at)
{
	const struct sink *s = pk->data;
	size_t n = 0, said = 0, head = s->out->len;

	for (unsigned i = from; i < to; i = t->fields[i].end)
		n++;
	msgpack_pack_map(pk, n);
	for (unsigned i = from; i < to; i = t->fields[i].end) {
		if (t->fields[i].optional && ipc_take_count(at) == 0)
			continue;
		said++;
		say_name(pk, t->fields[i].name);
		say_value(pk, t, i, at);
	}
	if (said < n)
		fewer(s, head, said);
}

static int
sink_add(void *to, const char *bytes, size_t len)
{
	struct sink *s = to;

	s->full = s->full || add(s->out, bytes, len) < 0;
	return 0;
}

bool
pack_say(const struct ipc_type *t, const uint8_t *at, struct ipc_buf *out)
{
	struct sink s = { .out = out };
	msgpack_packer pk;

	msgpack_packer_init(&pk, &s, sink_add);
	msgpack_pack_array(&pk, 2);
	say_name(&pk, t->name);
	say_map(&pk, t, 0, t->n_fields, &at);
	return !s.full;
}
