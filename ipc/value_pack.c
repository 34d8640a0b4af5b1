/*
 * value_pack.c - values as msgpack, by msgpack-c.
 *
 * Its parser is taken as the template that it is, with callbacks of ours that
 * build the tree at once: what is declared (a map of four thousand million) is
 * held against the limits before anything is allocated for it.
 */
#include "ipc/msg.h"
#include "ipc/value.h"
#include "ipc/value_own.h"

struct building {
	uint32_t left; /* values that may still come */
	int error;
	const char *why;
	bool key_freed; /* of the map that failed */
};

#define MSGPACK_EMBED_STACK_SIZE IPC_VALUE_DEPTH_MAX
#define PARSE_USER struct building
#define PARSE_VALUE struct ipc_value *
#include "ipc/value_parse.h"

const struct ipc_value_limits ipc_value_from_player = { 64 << 10, 8192 };
const struct ipc_value_limits ipc_value_from_pipe = { 16 << 20, 4 << 20 };

/* ---- packing --------------------------------------------------------------
 */

struct sink {
	struct ipc_buf *out; /* NULL: only count */
	size_t n;
};

static int
sink_write(void *data, const char *bytes, size_t n)
{
	struct sink *s = data;

	s->n += n;
	return s->out == NULL || ipc_buf_add(s->out, bytes, n) ? 0 : -1;
}

static int
pack_key(msgpack_packer *pk, struct ipc_key key)
{
	if (key.text == NULL)
		return msgpack_pack_int64(pk, key.number);
	return msgpack_pack_str_with_body(pk, key.text, key.len);
}

static int
pack_plain(msgpack_packer *pk, const struct ipc_value *v)
{
	switch (v->type) {
	case IPC_V_BOOL:
		return v->is.i ? msgpack_pack_true(pk) : msgpack_pack_false(pk);
	case IPC_V_INT:
		return v->big ? msgpack_pack_uint64(pk, (uint64_t)v->is.i)
			      : msgpack_pack_int64(pk, v->is.i);
	case IPC_V_FLOAT:
		/* Not what is no number: its bits would not come back. */
		if (v->is.f >= -3.4e38 && v->is.f <= 3.4e38 &&
		    (double)(float)v->is.f == v->is.f)
			return msgpack_pack_float(pk, (float)v->is.f);
		return msgpack_pack_double(pk, v->is.f);
	case IPC_V_STR:
		return msgpack_pack_str_with_body(pk, v->bytes, v->n);
	case IPC_V_BYTES:
		return msgpack_pack_bin_with_body(pk, v->bytes, v->n);
	}
	return msgpack_pack_nil(pk);
}

static int
pack(msgpack_packer *pk, const struct ipc_value *v, unsigned depth)
{
	int e = 0;

	if (v == NULL)
		return msgpack_pack_nil(pk);
	if (v->type != IPC_V_ARRAY && v->type != IPC_V_MAP)
		return pack_plain(pk, v);
	if (depth == IPC_VALUE_DEPTH_MAX)
		return -2;
	e = v->type == IPC_V_ARRAY ? msgpack_pack_array(pk, v->n)
				   : msgpack_pack_map(pk, v->n);
	for (uint32_t i = 0; i < v->n && e == 0; i++) {
		if (v->type == IPC_V_MAP)
			e = pack_key(pk, ipc_value_key(v, i));
		if (e == 0)
			e = pack(pk, ipc_value_at(v, i), depth + 1);
	}
	return e;
}

int
ipc_value_pack(const struct ipc_value *v, struct ipc_buf *out)
{
	struct sink s = { .out = out };
	size_t before = out->len;
	msgpack_packer pk;
	int e;

	msgpack_packer_init(&pk, &s, sink_write);
	e = pack(&pk, v, 0);
	if (e == 0)
		return 0;
	out->len = before;
	return e == -2 ? IPC_ERR_TOO_LONG : IPC_ERR_NO_MEMORY;
}

size_t
ipc_value_packed(const struct ipc_value *v)
{
	struct sink s = { .out = NULL };
	msgpack_packer pk;

	msgpack_packer_init(&pk, &s, sink_write);
	return pack(&pk, v, 0) == 0 ? s.n : 0;
}

/* ---- unpacking ------------------------------------------------------------
 */

static int
refuse(struct building *b, int error, const char *why)
{
	b->error = error;
	b->why = why;
	return -1;
}

static int
built(struct building *b, struct ipc_value **o, struct ipc_value *v)
{
	*o = v;
	return v ? 0 : refuse(b, IPC_ERR_NO_MEMORY, "out of memory");
}

static int
parsed_int(struct building *b, struct ipc_value **o, int64_t i)
{
	return built(b, o, ipc_value_int(i));
}

static int
parsed_uint(struct building *b, struct ipc_value **o, uint64_t i)
{
	return built(b, o, ipc_value_uint(i));
}

static int
parsed_float(struct building *b, struct ipc_value **o, double f)
{
	return built(b, o, ipc_value_float(f));
}

static int
parsed_bool(struct building *b, struct ipc_value **o, bool yes)
{
	return built(b, o, ipc_value_bool(yes));
}

static int
parsed_nil(struct building *b, struct ipc_value **o)
{
	return built(b, o, ipc_value_nil());
}

/* n values are declared: there must be as many left. */
static int
declared(struct building *b, uint64_t n, struct ipc_value **o, bool map)
{
	*o = NULL;
	if (n > b->left)
		return refuse(b, IPC_ERR_TOO_LONG, "too many values");
	b->left -= (uint32_t)n;
	return built(b, o, map ? ipc_value_map() : ipc_value_array());
}

static int
template_array(struct building *b, uint32_t n, struct ipc_value **o)
{
	return declared(b, n, o, false);
}

static int
template_map(struct building *b, uint32_t n, struct ipc_value **o)
{
	return declared(b, (uint64_t)n * 2, o, true);
}

static int
template_array_item(
    struct building *b, struct ipc_value **c, struct ipc_value *o)
{
	if (ipc_value_add(*c, o) == 0)
		return 0;
	return refuse(b, IPC_ERR_NO_MEMORY, "out of memory");
}

static int
template_map_item(struct building *b, struct ipc_value **c, struct ipc_value *k,
    struct ipc_value *v)
{
	const char *why = NULL;

	if (k->type != IPC_V_STR && (k->type != IPC_V_INT || k->big))
		why = "a key is neither str nor int";
	else if (ipc_value_get(*c, ipc_value_as_key(k)))
		why = "a key is there twice";
	if (why == NULL && ipc_value_set_new(*c, k, v) == 0)
		return 0;
	b->key_freed = true;
	if (why == NULL)
		return refuse(b, IPC_ERR_NO_MEMORY, "out of memory");
	ipc_value_free(k);
	ipc_value_free(v);
	return refuse(b, IPC_ERR_PROTOCOL, why);
}

static int
template_str(struct building *b, const char *base, const char *p, uint32_t n,
    struct ipc_value **o)
{
	(void)base;
	*o = NULL;
	if (!ipc_value_utf8(p, n))
		return refuse(b, IPC_ERR_PROTOCOL, "a str is not UTF-8");
	return built(b, o, ipc_value_str(p, n));
}

static int
template_bin(struct building *b, const char *base, const char *p, uint32_t n,
    struct ipc_value **o)
{
	(void)base;
	return built(b, o, ipc_value_bytes(p, n));
}

static int
template_ext(struct building *b, const char *base, const char *p, uint32_t n,
    struct ipc_value **o)
{
	(void)base;
	(void)p;
	(void)n;
	(void)o;
	return refuse(b, IPC_ERR_PROTOCOL, "an ext type");
}

/* What stands half built. */
static void
give_up(struct template_context *ctx)
{
	for (unsigned i = 0; i < ctx->top; i++) {
		ipc_value_free(ctx->stack[i].obj);
		if (ctx->stack[i].ct != MSGPACK_CT_MAP_VALUE)
			continue;
		if (i + 1 < ctx->top || !ctx->user.key_freed)
			ipc_value_free(ctx->stack[i].map_key);
	}
}

int
ipc_value_unpack_first(const void *bytes, size_t len,
    const struct ipc_value_limits *limits, struct ipc_value **v, size_t *used,
    const char **why)
{
	/* Its stack is not cleared: each place of it is when it is used. */
	struct template_context ctx;
	size_t off = 0;
	int r;

	*why = "too long";
	if (len > limits->bytes)
		return IPC_ERR_TOO_LONG;
	/* A value takes a byte at the least. */
	ctx.user =
	    (struct building){ .left = limits->count < len ? limits->count
							   : (uint32_t)len };
	template_init(&ctx);
	r = template_execute(&ctx, bytes, len, &off);
	if (r == 1) {
		*v = template_data(&ctx);
		*used = off;
		return 0;
	}
	give_up(&ctx);
	if (r < 0 && ctx.user.error) {
		*why = ctx.user.why;
		return ctx.user.error;
	}
	*why = r == 0                            ? "it ends too early"
	       : r == MSGPACK_UNPACK_NOMEM_ERROR ? "too deep"
						 : "not msgpack";
	return r == MSGPACK_UNPACK_NOMEM_ERROR ? IPC_ERR_TOO_LONG
					       : IPC_ERR_PROTOCOL;
}

int
ipc_value_unpack(const void *bytes, size_t len,
    const struct ipc_value_limits *limits, struct ipc_value **v,
    const char **why)
{
	struct ipc_value *got;
	size_t used;
	int e = ipc_value_unpack_first(bytes, len, limits, &got, &used, why);

	if (e)
		return e;
	if (used == len) {
		*v = got;
		return 0;
	}
	ipc_value_free(got);
	*why = "something follows the value";
	return IPC_ERR_PROTOCOL;
}
