/*
 * json.c - typed messages as JSON, by jansson: ["say",{"who":"ann"}].
 *
 * Bytes are base64. A whole number that may be over 2^53 is written as text,
 * always, as its declaration says: a page's numbers would round it.
 */
#include "netd/speak.h"

#include "ipc/msg.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXACT (INT64_C(1) << 53)

bool
json_as_text(const struct ipc_typed_field *f)
{
	if (ipc_kind_signed(f->kind))
		return f->min.i < -EXACT || f->max.i > EXACT;
	return ipc_kind_unsigned(f->kind) && f->max.u > (uint64_t)EXACT;
}

/* ---- parsed -------------------------------------------------------------- */

static void
show(const json_t *j, struct node *n)
{
	static const enum node_what whats[] = {
		[JSON_OBJECT] = NODE_MAP,
		[JSON_ARRAY] = NODE_ARRAY,
		[JSON_STRING] = NODE_STR,
		[JSON_INTEGER] = NODE_INT,
		[JSON_REAL] = NODE_FLOAT,
		[JSON_TRUE] = NODE_BOOL,
		[JSON_FALSE] = NODE_BOOL,
		[JSON_NULL] = NODE_OTHER,
	};

	memset(n, 0, sizeof(*n));
	n->own = j;
	n->what = whats[json_typeof(j)];
	n->b = json_is_true(j);
	n->i = json_integer_value(j);
	n->f = json_real_value(j);
	if (n->what == NODE_STR) {
		n->at = json_string_value(j);
		n->n = json_string_length(j);
	} else {
		n->n = json_is_object(j) ? json_object_size(j)
					 : json_array_size(j);
	}
}

static void
json_item(const struct node *array, size_t i, struct node *item)
{
	show(json_array_get(array->own, i), item);
}

static bool
json_member(const struct node *map, const char *name, struct node *value)
{
	const json_t *j = json_object_get(map->own, name);

	if (j)
		show(j, value);
	return j != NULL;
}

static const char *
json_name(const struct node *map, size_t i, size_t *len)
{
	json_t *j = (json_t *)(uintptr_t)map->own;
	void *at = json_object_iter(j);
	const char *name;

	while (i--)
		at = json_object_iter_next(j, at);
	name = json_object_iter_key(at);
	*len = strlen(name);
	return name;
}

static void
json_release(struct tree *t)
{
	json_decref(t->own);
}

static const struct tree_ops json_ops = { json_item, json_member, json_name,
	true, json_release };

int
json_parse(
    struct tree *t, const uint8_t *bytes, size_t len, char *why, size_t size)
{
	json_error_t e;
	json_t *j =
	    json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, &e);

	if (j == NULL) {
		snprintf(why, size, "not JSON: %.60s", e.text);
		/* It quotes what it read. */
		for (char *c = why; *c; c++)
			if ((unsigned char)*c >= 0x7f || *c < ' ')
				*c = '?';
		return IPC_ERR_PROTOCOL;
	}
	t->own = j;
	t->ops = &json_ops;
	show(j, &t->top);
	return 0;
}

/* ---- said ---------------------------------------------------------------- */

static json_t *
number(const struct ipc_typed_field *f, const uint8_t **at)
{
	char text[24];

	if (ipc_kind_float(f->kind))
		return json_real(ipc_take_float(at));
	if (f->kind == IPC_BOOL)
		return json_boolean(ipc_take_uint(at, IPC_BOOL));
	if (f->kind == IPC_ENUM)
		return json_string_nocheck(
		    ipc_enum_name(f, ipc_take_uint(at, IPC_ENUM)));
	if (ipc_kind_signed(f->kind)) {
		int64_t v = ipc_take_int(at, f->kind);

		if (!json_as_text(f))
			return json_integer(v);
		snprintf(text, sizeof(text), "%lld", (long long)v);
	} else {
		uint64_t v = ipc_take_uint(at, f->kind);

		if (!json_as_text(f))
			return json_integer((json_int_t)v);
		snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	}
	return json_string(text);
}

static json_t *
base64(const uint8_t *bytes, uint32_t len)
{
	size_t size = ((size_t)len + 2) / 3 * 4;
	char *text = malloc(size + 1);
	json_t *j;

	if (text == NULL)
		return NULL;
	EVP_EncodeBlock((uint8_t *)text, bytes, (int)len);
	j = json_stringn_nocheck(text, size);
	free(text);
	return j;
}

static json_t *object(
    const struct ipc_type *t, unsigned from, unsigned to, const uint8_t **at);
static json_t *value(const struct ipc_type *t, unsigned i, const uint8_t **at);

static json_t *
element(const struct ipc_type *t, unsigned i, const uint8_t **at)
{
	return ipc_list_bare(&t->fields[i])
		   ? value(t, i + 1, at)
		   : object(t, i + 1, t->fields[i].end, at);
}

static json_t *
array(const struct ipc_type *t, unsigned i, const uint8_t **at)
{
	const struct ipc_typed_field *f = &t->fields[i];
	bool list = f->kind == IPC_LIST;
	uint32_t n = list ? ipc_take_count(at) : f->count;
	json_t *a = json_array();

	for (; a && n; n--) {
		json_t *v = list ? element(t, i, at) : number(f, at);

		if (json_array_append_new(a, v) < 0) {
			json_decref(a);
			return NULL;
		}
	}
	return a;
}

static json_t *
value(const struct ipc_type *t, unsigned i, const uint8_t **at)
{
	const struct ipc_typed_field *f = &t->fields[i];
	const uint8_t *p;
	uint32_t len;

	if (f->kind == IPC_STRUCT)
		return object(t, i + 1, f->end, at);
	if (f->kind == IPC_LIST || f->count)
		return array(t, i, at);
	if (f->kind == IPC_STR) {
		p = ipc_take_str(at, &len);
		return json_stringn_nocheck((const char *)p, len);
	}
	if (f->kind == IPC_BYTES) {
		p = ipc_take_bytes(at, &len);
		return base64(p, len);
	}
	return number(f, at);
}

/* As deep as declarations are. A NULL value is refused by jansson. What is not
 * set is not there. */
static json_t *
object(const struct ipc_type *t, unsigned from, unsigned to, const uint8_t **at)
{
	json_t *o = json_object();

	for (unsigned i = from; o && i < to; i = t->fields[i].end) {
		if (t->fields[i].optional && ipc_take_count(at) == 0)
			continue;
		if (json_object_set_new_nocheck(
			o, t->fields[i].name, value(t, i, at)) < 0) {
			json_decref(o);
			return NULL;
		}
	}
	return o;
}

static int
add(const char *bytes, size_t len, void *out)
{
	return ipc_buf_add(out, bytes, len) ? 0 : -1;
}

/* So many digits tell each number of 32 bits from all others. */
static size_t
digits_of(const struct ipc_type *t)
{
	for (unsigned i = 0; i < t->n_fields; i++)
		if (t->fields[i].kind == IPC_F64)
			return 17;
	return 9;
}

bool
json_say_fields(
    const struct ipc_type *t, const uint8_t *at, struct ipc_buf *out)
{
	json_t *o = object(t, 0, t->n_fields, &at);
	bool ok =
	    o && json_dump_callback(o, add, out,
		     JSON_COMPACT | JSON_REAL_PRECISION(digits_of(t))) == 0;

	json_decref(o);
	return ok;
}

bool
json_say(const struct ipc_type *t, const uint8_t *at, struct ipc_buf *out)
{
	/* A name is letters, digits and '_': nothing to escape. */
	return ipc_buf_printf(out, "[\"%s\",", t->name) &&
	       json_say_fields(t, at, out) && ipc_buf_add(out, "]", 1);
}
