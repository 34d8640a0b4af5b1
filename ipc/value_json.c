/*
 * value_json.c - values as JSON, by jansson.
 *
 * JSON knows less: int keys become text, bytes an object {"$bytes": "base64"},
 * what is not a finite number null. Floats are printed with as many digits as
 * they need.
 */
#include "ipc/msg.h"
#include "ipc/value.h"
#include "ipc/value_own.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static json_t *
bytes_json(const struct ipc_value *v)
{
	const uint8_t *p = (const uint8_t *)v->bytes;
	char *text = malloc(((size_t)v->n + 2) / 3 * 4 + 1), *out = text;
	json_t *j;

	if (text == NULL)
		return NULL;
	for (uint32_t i = 0; i < v->n; i += 3) {
		uint32_t left = v->n - i, w = (uint32_t)p[i] << 16;

		w |= left > 1 ? (uint32_t)p[i + 1] << 8 : 0;
		w |= left > 2 ? p[i + 2] : 0;
		*out++ = base64[w >> 18];
		*out++ = base64[w >> 12 & 63];
		*out++ = left > 1 ? base64[w >> 6 & 63] : '=';
		*out++ = left > 2 ? base64[w & 63] : '=';
	}
	j = json_stringn_nocheck(text, (size_t)(out - text));
	free(text);
	return json_pack("{so}", "$bytes", j);
}

/* Digits that say exactly this float: 15 mostly. */
static int
digits_of(double f, int at_least)
{
	double millionths = f * 1e6;
	char text[40];

	/* Six decimals and 15 digits in all: no need to try. */
	if (millionths > -1e15 && millionths < 1e15) {
		int64_t whole = (int64_t)(millionths + (f < 0 ? -0.5 : 0.5));

		if ((double)whole / 1e6 == f)
			return at_least;
	}
	for (int n = at_least; n < 17; n++) {
		snprintf(text, sizeof(text), "%.*g", n, f);
		if (strtod(text, NULL) == f)
			return n;
	}
	return 17;
}

static json_t *to_json(const struct ipc_value *v, unsigned depth, int *digits);

static json_t *
map_json(const struct ipc_value *v, unsigned depth, int *digits)
{
	json_t *j = json_object();

	for (uint32_t i = 0; j && i < v->n; i++) {
		struct ipc_key key = ipc_value_key(v, i);
		json_t *one = to_json(ipc_value_at(v, i), depth, digits);
		char number[24];

		if (key.text == NULL) {
			key.len = (size_t)snprintf(number, sizeof(number),
			    "%lld", (long long)key.number);
			key.text = number;
		}
		if (one && json_object_setn_new_nocheck(
			       j, key.text, key.len, one) == 0)
			continue;
		json_decref(j);
		return NULL;
	}
	return j;
}

static json_t *
array_json(const struct ipc_value *v, unsigned depth, int *digits)
{
	json_t *j = json_array();

	for (uint32_t i = 0; j && i < v->n; i++) {
		json_t *one = to_json(v->is.items[i], depth, digits);

		if (one && json_array_append_new(j, one) == 0)
			continue;
		json_decref(j);
		return NULL;
	}
	return j;
}

static json_t *
to_json(const struct ipc_value *v, unsigned depth, int *digits)
{
	if (v == NULL)
		return json_null();
	switch (v->type) {
	case IPC_V_BOOL:
		return json_boolean(v->is.i);
	case IPC_V_INT:
		/* Beyond 64 signed bits jansson has floats. */
		return v->big ? json_real((double)(uint64_t)v->is.i)
			      : json_integer(v->is.i);
	case IPC_V_FLOAT:
		if (!isfinite(v->is.f))
			return json_null();
		*digits = digits_of(v->is.f, *digits);
		return json_real(v->is.f);
	case IPC_V_STR:
		return json_stringn_nocheck(v->bytes, v->n);
	case IPC_V_BYTES:
		return bytes_json(v);
	case IPC_V_ARRAY:
	case IPC_V_MAP:
		if (depth == IPC_VALUE_DEPTH_MAX)
			return NULL;
		return v->type == IPC_V_MAP ? map_json(v, depth + 1, digits)
					    : array_json(v, depth + 1, digits);
	}
	return json_null();
}

static int
sink(const char *text, size_t len, void *out)
{
	return ipc_buf_add(out, text, len) ? 0 : -1;
}

int
ipc_value_json(const struct ipc_value *v, struct ipc_buf *out)
{
	size_t before = out->len;
	int digits = 15, e;
	json_t *j = to_json(v, 0, &digits);

	if (j == NULL)
		return IPC_ERR_NO_MEMORY;
	e = json_dump_callback(j, sink, out,
	    JSON_COMPACT | JSON_ENCODE_ANY |
		JSON_REAL_PRECISION((unsigned)digits));
	json_decref(j);
	if (e == 0)
		return 0;
	out->len = before;
	return IPC_ERR_NO_MEMORY;
}

/* ---- back -----------------------------------------------------------------
 */

struct reading {
	uint32_t left;
	int error;
	const char *why;
};

static struct ipc_value *
refuse(struct reading *r, int error, const char *why)
{
	if (r->error == 0) {
		r->error = error;
		r->why = why;
	}
	return NULL;
}

static int
sextet(char c)
{
	const char *at = c ? strchr(base64, c) : NULL;

	return at ? (int)(at - base64) : -1;
}

/* Of {"$bytes": "base64"}; NULL if it is not that after all. */
static struct ipc_value *
bytes_of(const char *text, size_t len)
{
	size_t pad = 0, n = 0;
	struct ipc_value *v;
	char *out;

	if (len % 4)
		return NULL;
	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	out = malloc(len / 4 * 3 + 1);
	for (size_t i = 0; out && i < len; i += 4) {
		uint32_t w = 0;

		for (size_t k = 0; k < 4; k++) {
			int s = i + k < len - pad ? sextet(text[i + k]) : 0;

			if (s < 0) {
				free(out);
				return NULL;
			}
			w = w << 6 | (uint32_t)s;
		}
		out[n++] = (char)(w >> 16);
		out[n++] = (char)(w >> 8);
		out[n++] = (char)w;
	}
	v = out ? ipc_value_bytes(out, n - pad) : NULL;
	free(out);
	return v;
}

static struct ipc_value *
of_json(struct reading *r, const json_t *j, unsigned depth);

static struct ipc_value *
of_object(struct reading *r, json_t *j, unsigned depth)
{
	const json_t *only = json_object_get(j, "$bytes");
	struct ipc_value *v;
	const char *key;
	size_t len;
	json_t *one;

	if (only && json_is_string(only) && json_object_size(j) == 1) {
		v = bytes_of(json_string_value(only), json_string_length(only));
		return v ? v
			 : refuse(r, IPC_ERR_PROTOCOL, "$bytes: not base64");
	}
	v = ipc_value_map();
	json_object_keylen_foreach(j, key, len, one)
	{
		struct ipc_value *k = ipc_value_str(key, len);

		if (r->left == 0)
			refuse(r, IPC_ERR_TOO_LONG, "too many values");
		else
			r->left--;
		if (ipc_value_set_new(v, k, of_json(r, one, depth)) == 0 &&
		    r->error == 0)
			continue;
		ipc_value_free(v);
		return refuse(r, IPC_ERR_NO_MEMORY, "out of memory");
	}
	return v;
}

static struct ipc_value *
of_array(struct reading *r, const json_t *j, unsigned depth)
{
	struct ipc_value *v = ipc_value_array();

	for (size_t i = 0; i < json_array_size(j); i++) {
		if (ipc_value_add(v, of_json(r, json_array_get(j, i), depth)) ==
		    0)
			continue;
		ipc_value_free(v);
		return refuse(r, IPC_ERR_NO_MEMORY, "out of memory");
	}
	return v;
}

static struct ipc_value *
of_json(struct reading *r, const json_t *j, unsigned depth)
{
	if (r->error)
		return NULL;
	if (r->left == 0)
		return refuse(r, IPC_ERR_TOO_LONG, "too many values");
	r->left--;
	switch (json_typeof(j)) {
	case JSON_NULL:
		return ipc_value_nil();
	case JSON_TRUE:
	case JSON_FALSE:
		return ipc_value_bool(json_is_true(j));
	case JSON_INTEGER:
		return ipc_value_int(json_integer_value(j));
	case JSON_REAL:
		return ipc_value_float(json_real_value(j));
	case JSON_STRING:
		return ipc_value_str(
		    json_string_value(j), json_string_length(j));
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	if (depth == IPC_VALUE_DEPTH_MAX)
		return refuse(r, IPC_ERR_TOO_LONG, "too deep");
	return json_is_array(j)
		   ? of_array(r, j, depth + 1)
		   : of_object(r, (json_t *)(uintptr_t)j, depth + 1);
}

/* jansson's own words are not constant. */
static const char *
problem(enum json_error_code code)
{
	switch (code) {
	case json_error_out_of_memory:
		return "out of memory";
	case json_error_stack_overflow:
		return "too deep";
	case json_error_premature_end_of_input:
		return "it ends too early";
	case json_error_end_of_input_expected:
		return "something follows the value";
	case json_error_invalid_utf8:
		return "a str is not UTF-8";
	case json_error_duplicate_key:
		return "a key is there twice";
	case json_error_numeric_overflow:
		return "a number is out of range";
	default:
		return "not JSON";
	}
}

int
ipc_value_from_json(const void *text, size_t len,
    const struct ipc_value_limits *limits, struct ipc_value **v,
    const char **why)
{
	struct reading r = { .left = limits->count };
	struct ipc_value *got;
	json_error_t error;
	json_t *j;

	*why = "too long";
	if (len > limits->bytes)
		return IPC_ERR_TOO_LONG;
	j = json_loadb(text, len,
	    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	if (j == NULL) {
		*why = problem(json_error_code(&error));
		return IPC_ERR_PROTOCOL;
	}
	got = of_json(&r, j, 0);
	json_decref(j);
	if (got && r.error == 0) {
		*v = got;
		return 0;
	}
	ipc_value_free(got);
	*why = r.why ? r.why : "out of memory";
	return r.error ? r.error : IPC_ERR_NO_MEMORY;
}
