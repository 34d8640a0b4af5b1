/*
 * value_parse.h - msgpack-c's parser, a template, for what value_pack.c builds
 * and value_scan.c looks at. Included once by each of them, with
 *
 *	PARSE_USER	the struct of one run
 *	PARSE_VALUE	what one value is to it, all zero before it is known
 *	MSGPACK_EMBED_STACK_SIZE
 *
 * It declares what that file has to say of a value, and brings template_init()
 * and template_execute(). All are called where the value stands; what is not 0
 * ends the run.
 */
#include "ipc/value.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <msgpack.h>
#include <msgpack/unpack_define.h>
#pragma GCC diagnostic pop

#include <stdbool.h>
#include <stdint.h>

/* An int of any width; one over INT64_MAX; a float; true, false or nil. */
static int parsed_int(PARSE_USER *u, PARSE_VALUE *v, int64_t i);
static int parsed_uint(PARSE_USER *u, PARSE_VALUE *v, uint64_t i);
static int parsed_float(PARSE_USER *u, PARSE_VALUE *v, double f);
static int parsed_bool(PARSE_USER *u, PARSE_VALUE *v, bool yes);
static int parsed_nil(PARSE_USER *u, PARSE_VALUE *v);

/* By the names that the template has for them: n elements are declared, and
 * each comes; n bytes at p. */
static int template_array(PARSE_USER *u, uint32_t n, PARSE_VALUE *v);
static int template_map(PARSE_USER *u, uint32_t n, PARSE_VALUE *v);
static int template_array_item(PARSE_USER *u, PARSE_VALUE *in, PARSE_VALUE v);
static int template_map_item(
    PARSE_USER *u, PARSE_VALUE *in, PARSE_VALUE key, PARSE_VALUE v);
static int template_str(
    PARSE_USER *u, const char *base, const char *p, uint32_t n, PARSE_VALUE *v);
static int template_bin(
    PARSE_USER *u, const char *base, const char *p, uint32_t n, PARSE_VALUE *v);
static int template_ext(
    PARSE_USER *u, const char *base, const char *p, uint32_t n, PARSE_VALUE *v);

#define PARSED(name, type, as)                     \
	static inline int template_##name(         \
	    PARSE_USER *u, type d, PARSE_VALUE *v) \
	{                                          \
		return parsed_##as(u, v, d);       \
	}
PARSED(uint8, uint8_t, int)
PARSED(uint16, uint16_t, int)
PARSED(uint32, uint32_t, int)
PARSED(uint64, uint64_t, uint)
PARSED(int8, int8_t, int)
PARSED(int16, int16_t, int)
PARSED(int32, int32_t, int)
PARSED(int64, int64_t, int)
PARSED(float, float, float)
PARSED(double, double, float)
#undef PARSED

static inline int
template_true(PARSE_USER *u, PARSE_VALUE *v)
{
	return parsed_bool(u, v, true);
}

static inline int
template_false(PARSE_USER *u, PARSE_VALUE *v)
{
	return parsed_bool(u, v, false);
}

static inline int
template_nil(PARSE_USER *u, PARSE_VALUE *v)
{
	return parsed_nil(u, v);
}

static inline PARSE_VALUE
template_root(PARSE_USER *u)
{
	PARSE_VALUE none = { 0 };

	(void)u;
	return none;
}

#define msgpack_unpack_struct(name) struct template##name
#define msgpack_unpack_func(ret, name) static ret template##name
#define msgpack_unpack_callback(name) template##name
#define msgpack_unpack_object PARSE_VALUE
#define msgpack_unpack_user PARSE_USER

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wunused-function"
#include <msgpack/unpack_template.h>
#pragma GCC diagnostic pop
