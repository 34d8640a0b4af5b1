/*
 * value_scan.c - msgpack looked at where it lies: whole, legal, how long; by
 * the same parser as in value_pack.c, with callbacks that build nothing. For
 * what is only passed on: an event costs no allocation on its way through.
 */
#include "ipc/value.h"
#include "ipc/value_own.h"

#include <stdbool.h>
#include <stdint.h>

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

/* One less than what may be unpacked: it is put into an array. */
#define MSGPACK_EMBED_STACK_SIZE (IPC_VALUE_DEPTH_MAX - 1)
#define PARSE_USER struct scanning
#define PARSE_VALUE struct seen
#include "ipc/value_parse.h"

static int
plain(struct seen *o, enum ipc_value_type type)
{
	*o = (struct seen){ .type = (uint8_t)type };
	return 0;
}

static int
parsed_int(struct scanning *s, struct seen *o, int64_t i)
{
	(void)s;
	*o = (struct seen){ .type = IPC_V_INT, .is.i = i };
	return 0;
}

static int
parsed_uint(struct scanning *s, struct seen *o, uint64_t i)
{
	parsed_int(s, o, (int64_t)i);
	o->big = i > INT64_MAX;
	return 0;
}

static int
parsed_float(struct scanning *s, struct seen *o, double f)
{
	(void)s;
	(void)f;
	return plain(o, IPC_V_FLOAT);
}

static int
parsed_bool(struct scanning *s, struct seen *o, bool yes)
{
	(void)s;
	(void)yes;
	return plain(o, IPC_V_BOOL);
}

static int
parsed_nil(struct scanning *s, struct seen *o)
{
	(void)s;
	return plain(o, IPC_V_NIL);
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

/* What one byte says all of, or the length: most of what is ever looked at. */
static bool
scan_short(const uint8_t *p, size_t len, struct ipc_scanned *out)
{
	uint8_t head = *p;
	uint32_t n = head & 0x1f;

	if (head < 0x80) {
		*out = (struct ipc_scanned){
			.bytes = p, .len = 1, .type = IPC_V_INT, .number = head
		};
	} else if (head == 0x80 || head == 0x90) {
		*out = (struct ipc_scanned){ .bytes = p,
			.len = 1,
			.type = head == 0x80 ? IPC_V_MAP : IPC_V_ARRAY };
	} else if (head >> 5 == 5 && n < len &&
		   ipc_value_utf8((const char *)p + 1, n)) {
		*out = (struct ipc_scanned){ .bytes = p,
			.len = 1 + n,
			.type = IPC_V_STR,
			.n = n,
			.text = n ? (const char *)p + 1 : "" };
	} else {
		return false;
	}
	return true;
}

bool
ipc_value_scan(const void *bytes, size_t len,
    const struct ipc_value_limits *limits, struct ipc_scanned *out)
{
	struct template_context ctx;
	const struct seen *top;
	size_t off = 0;

	if (len == 0 || len > limits->bytes)
		return false;
	if (scan_short(bytes, len, out))
		return true;
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
