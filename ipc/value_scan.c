/*
 * value_scan.c - msgpack looked at where it lies: whole, legal, how long; by
 * the same parser as in value_pack.c, with callbacks that build nothing. For
 * what is only passed on: an event costs no allocation on its way through.
 */
#include "ipc/value.h"
#include "ipc/value_own.h"

/* One less than what may be unpacked: it is put into an array. */
#define MSGPACK_EMBED_STACK_SIZE (IPC_VALUE_DEPTH_MAX - 1)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <msgpack.h>
#include <msgpack/unpack_define.h>
#pragma GCC diagnostic pop

#include <string.h>

/* Keys of all the maps around the place where we are. */
#define KEYS_MAX 64

struct seen {
	uint8_t type;
	bool big;
	uint32_t n; /* of str and bytes: length; of the others: elements */
	union {
		const char *text;
		int64_t i;
		unsigned keys; /* those before it */
	} is;
};

struct scanning {
	uint32_t left; /* values that may still come */
	unsigned n_keys;
	struct ipc_key keys[KEYS_MAX];
};

static int
number(struct seen *o, int64_t i)
{
	*o = (struct seen){ .type = IPC_V_INT, .is.i = i };
	return 0;
}

static struct seen
template_root(struct scanning *s)
{
	(void)s;
	return (struct seen){ 0 };
}

#define NUMBER(name, type)                                                     \
	static int template_##name(struct scanning *s, type d, struct seen *o) \
	{                                                                      \
		(void)s;                                                       \
		return number(o, d);                                           \
	}
NUMBER(uint8, uint8_t)
NUMBER(uint16, uint16_t)
NUMBER(uint32, uint32_t)
NUMBER(int8, int8_t)
NUMBER(int16, int16_t)
NUMBER(int32, int32_t)
NUMBER(int64, int64_t)

static int
template_uint64(struct scanning *s, uint64_t d, struct seen *o)
{
	(void)s;
	number(o, (int64_t)d);
	o->big = d > INT64_MAX;
	return 0;
}

static int
plain(struct seen *o, enum ipc_value_type type)
{
	*o = (struct seen){ .type = (uint8_t)type };
	return 0;
}

static int
template_float(struct scanning *s, float d, struct seen *o)
{
	(void)s;
	(void)d;
	return plain(o, IPC_V_FLOAT);
}

static int
template_double(struct scanning *s, double d, struct seen *o)
{
	(void)s;
	(void)d;
	return plain(o, IPC_V_FLOAT);
}

static int
template_nil(struct scanning *s, struct seen *o)
{
	(void)s;
	return plain(o, IPC_V_NIL);
}

static int
template_true(struct scanning *s, struct seen *o)
{
	(void)s;
	return plain(o, IPC_V_BOOL);
}

static int
template_false(struct scanning *s, struct seen *o)
{
	(void)s;
	return plain(o, IPC_V_BOOL);
}

static int
declared(struct scanning *s, uint32_t n, uint64_t values, struct seen *o,
    enum ipc_value_type type)
{
	if (values > s->left)
		return -1;
	s->left -= (uint32_t)values;
	*o = (struct seen){
		.type = (uint8_t)type, .n = n, .is.keys = s->n_keys
	};
	return 0;
}

static int
template_array(struct scanning *s, uint32_t n, struct seen *o)
{
	return declared(s, n, n, o, IPC_V_ARRAY);
}

static int
template_map(struct scanning *s, uint32_t n, struct seen *o)
{
	return declared(s, n, (uint64_t)n * 2, o, IPC_V_MAP);
}

/* Inside of o nothing can be there twice any more. */
static void
closed(struct scanning *s, const struct seen *o)
{
	if (o->type == IPC_V_ARRAY || o->type == IPC_V_MAP)
		s->n_keys = o->is.keys;
}

static int
template_array_item(struct scanning *s, struct seen *c, struct seen o)
{
	(void)c;
	closed(s, &o);
	return 0;
}

static int
template_map_item(
    struct scanning *s, struct seen *c, struct seen k, struct seen v)
{
	struct ipc_key key;

	closed(s, &v);
	if (k.type == IPC_V_STR)
		key = ipc_key_str(k.is.text, k.n);
	else if (k.type == IPC_V_INT && !k.big)
		key = ipc_key_int(k.is.i);
	else
		return -1;
	for (unsigned i = c->is.keys; i < s->n_keys; i++)
		if (ipc_key_equal(s->keys[i], key))
			return -1;
	if (s->n_keys == KEYS_MAX)
		return -1;
	s->keys[s->n_keys++] = key;
	return 0;
}

static int
template_str(struct scanning *s, const char *base, const char *p, uint32_t n,
    struct seen *o)
{
	(void)s;
	(void)base;
	/* msgpack-c says NULL for an empty text, and so would a key. */
	*o = (struct seen){ .type = IPC_V_STR, .n = n, .is.text = n ? p : "" };
	return ipc_value_utf8(p, n) ? 0 : -1;
}

static int
template_bin(struct scanning *s, const char *base, const char *p, uint32_t n,
    struct seen *o)
{
	(void)s;
	(void)base;
	*o = (struct seen){ .type = IPC_V_BYTES, .n = n, .is.text = p };
	return 0;
}

static int
template_ext(struct scanning *s, const char *base, const char *p, uint32_t n,
    struct seen *o)
{
	(void)s;
	(void)base;
	(void)p;
	(void)n;
	(void)o;
	return -1;
}

#define msgpack_unpack_struct(name) struct template##name
#define msgpack_unpack_func(ret, name) static ret template##name
#define msgpack_unpack_callback(name) template##name
#define msgpack_unpack_object struct seen
#define msgpack_unpack_user struct scanning

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wunused-function"
#include <msgpack/unpack_template.h>
#pragma GCC diagnostic pop

bool
ipc_value_scan(const void *bytes, size_t len,
    const struct ipc_value_limits *limits, struct ipc_scanned *out)
{
	struct template_context ctx;
	const struct seen *top;
	size_t off = 0;

	if (len == 0 || len > limits->bytes)
		return false;
	ctx.user.left = limits->count < len ? limits->count : (uint32_t)len;
	ctx.user.n_keys = 0;
	template_init(&ctx);
	if (template_execute(&ctx, bytes, len, &off) != 1)
		return false;
	top = &ctx.stack[0].obj;
	*out = (struct ipc_scanned){ .bytes = bytes,
		.len = off,
		.type = (enum ipc_value_type)top->type,
		.n = top->n };
	if (top->type == IPC_V_INT && !top->big)
		out->number = top->is.i;
	if (top->type == IPC_V_STR)
		out->text = top->is.text;
	return true;
}
