/*
 * value.c - the values of ipc/value.h under the names of gamecore.h.
 */
#include "gamecore/gamecore.h"

#include "ipc/msg.h"
#include "ipc/value.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert((int)GC_V_MAP == (int)IPC_V_MAP, "the same numbers");
static_assert((int)GC_V_STR == (int)IPC_V_STR, "the same numbers");

/* One struct, two names: games see only this one, and never inside. */
static struct gc_value *
out(struct ipc_value *v)
{
	return (struct gc_value *)v;
}

static struct ipc_value *
in(const struct gc_value *v)
{
	return (struct ipc_value *)(uintptr_t)v;
}

static int
result(int e)
{
	return e == 0                   ? 0
	       : e == IPC_ERR_NO_MEMORY ? GC_ENO_MEMORY
	       : e == IPC_ERR_TOO_LONG  ? GC_ETOO_LONG
					: GC_EINVALID;
}

static struct ipc_key
named(const char *key)
{
	return ipc_key_str(key, strlen(key));
}

struct gc_value *
gc_value_nil(void)
{
	return out(ipc_value_nil());
}

struct gc_value *
gc_value_bool(bool b)
{
	return out(ipc_value_bool(b));
}

struct gc_value *
gc_value_int(int64_t i)
{
	return out(ipc_value_int(i));
}

struct gc_value *
gc_value_float(double f)
{
	return out(ipc_value_float(f));
}

struct gc_value *
gc_value_str(const char *text)
{
	return out(ipc_value_str(text, strlen(text)));
}

struct gc_value *
gc_value_str_len(const char *text, size_t len)
{
	return out(ipc_value_str(text, len));
}

struct gc_value *
gc_value_bytes(const void *bytes, size_t len)
{
	return out(ipc_value_bytes(bytes, len));
}

struct gc_value *
gc_value_array(void)
{
	return out(ipc_value_array());
}

struct gc_value *
gc_value_map(void)
{
	return out(ipc_value_map());
}

struct gc_value *
gc_value_copy(const struct gc_value *v)
{
	return out(ipc_value_copy(in(v)));
}

void
gc_value_free(struct gc_value *v)
{
	ipc_value_free(in(v));
}

struct gc_value *
gc_value_make(const char *format, ...)
{
	struct ipc_value *v;
	va_list ap;

	va_start(ap, format);
	v = ipc_value_vmake(format, ap);
	va_end(ap);
	return out(v);
}

struct gc_value *
gc_value_vmake(const char *format, va_list ap)
{
	return out(ipc_value_vmake(format, ap));
}

int
gc_value_add(struct gc_value *array, struct gc_value *v)
{
	return result(ipc_value_add(in(array), in(v)));
}

int
gc_value_set(struct gc_value *map, const char *key, struct gc_value *v)
{
	return result(ipc_value_set(in(map), named(key), in(v)));
}

int
gc_value_set_at(struct gc_value *map, int64_t key, struct gc_value *v)
{
	return result(ipc_value_set(in(map), ipc_key_int(key), in(v)));
}

int
gc_value_set_key(
    struct gc_value *map, const struct gc_value *key, struct gc_value *v)
{
	enum ipc_value_type type = ipc_value_type(in(key));
	struct ipc_key k = ipc_key_int(ipc_value_as_int(in(key)));

	if (type == IPC_V_STR)
		k.text = ipc_value_text(in(key), &k.len);
	else if (type != IPC_V_INT || ipc_value_is_big(in(key))) {
		gc_value_free(v);
		return GC_EINVALID;
	}
	return result(ipc_value_set(in(map), k, in(v)));
}

bool
gc_value_remove(struct gc_value *map, const char *key)
{
	struct ipc_value *v = ipc_value_take(in(map), named(key));

	ipc_value_free(v);
	return v != NULL;
}

bool
gc_value_remove_at(struct gc_value *map, int64_t key)
{
	struct ipc_value *v = ipc_value_take(in(map), ipc_key_int(key));

	ipc_value_free(v);
	return v != NULL;
}

int
gc_value_merge(struct gc_value *into, const struct gc_value *from)
{
	return result(ipc_value_merge(in(into), in(from), NULL));
}

enum gc_value_type
gc_value_type(const struct gc_value *v)
{
	return (enum gc_value_type)ipc_value_type(in(v));
}

bool
gc_value_as_bool(const struct gc_value *v)
{
	return ipc_value_as_bool(in(v));
}

int64_t
gc_value_as_int(const struct gc_value *v)
{
	return ipc_value_as_int(in(v));
}

double
gc_value_as_float(const struct gc_value *v)
{
	return ipc_value_as_float(in(v));
}

const char *
gc_value_text(const struct gc_value *v, size_t *len)
{
	return ipc_value_text(in(v), len);
}

size_t
gc_value_size(const struct gc_value *v)
{
	return ipc_value_size(in(v));
}

struct gc_value *
gc_value_at(const struct gc_value *v, size_t i)
{
	return out(ipc_value_at(in(v), i));
}

const char *
gc_value_key(const struct gc_value *v, size_t i, int64_t *number)
{
	struct ipc_key key = ipc_value_key(in(v), i);

	if (number)
		*number = key.number;
	return key.text;
}

struct gc_value *
gc_value_get(const struct gc_value *v, const char *key)
{
	return out(ipc_value_gets(in(v), key));
}

struct gc_value *
gc_value_get_at(const struct gc_value *v, int64_t key)
{
	return out(ipc_value_get(in(v), ipc_key_int(key)));
}

struct gc_value *
gc_value_find(const struct gc_value *v, const char *path)
{
	struct ipc_path p;

	return ipc_path_parse(path, &p) ? out(ipc_value_find(in(v), &p)) : NULL;
}

bool
gc_value_equal(const struct gc_value *a, const struct gc_value *b)
{
	return ipc_value_equal(in(a), in(b));
}

/* The buffer's bytes become the caller's, with a NUL behind them. */
static char *
taken(struct ipc_buf *b, int e, size_t *len)
{
	if (e < 0 || !ipc_buf_add(b, "", 1)) {
		ipc_buf_release(b);
		return NULL;
	}
	if (len)
		*len = b->len - 1;
	return (char *)b->data;
}

char *
gc_value_json(const struct gc_value *v)
{
	struct ipc_buf b;

	ipc_buf_init(&b, ipc_value_from_pipe.bytes);
	return taken(&b, ipc_value_json(in(v), &b), NULL);
}

char *
gc_value_pack(const struct gc_value *v, size_t *len)
{
	struct ipc_buf b;

	ipc_buf_init(&b, ipc_value_from_pipe.bytes);
	return taken(&b, ipc_value_pack(in(v), &b), len);
}

struct gc_value *
gc_value_from_json(const char *text, size_t len)
{
	struct ipc_value *v;
	const char *why;

	if (ipc_value_from_json(text, len, &ipc_value_from_pipe, &v, &why) < 0)
		return NULL;
	return out(v);
}

struct gc_value *
gc_value_unpack(const void *bytes, size_t len)
{
	struct ipc_value *v;
	const char *why;

	if (ipc_value_unpack(bytes, len, &ipc_value_from_pipe, &v, &why) < 0)
		return NULL;
	return out(v);
}
