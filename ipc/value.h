/*
 * value.h - values whose type is known only at run time: what a player's event
 * carries, what a state is made of.
 *
 * A tree of nil, bool, int, float, str, bytes, array and map; keys of a map
 * are str or int, and none is there twice. It crosses the pipe as msgpack
 * (packed and parsed by msgpack-c) and reaches browsers as JSON (jansson).
 * Whatever is decoded is checked first: depth, number and size have limits,
 * text is UTF-8, nothing follows the value.
 */
#ifndef IPC_VALUE_H
#define IPC_VALUE_H

#include "ipc/buf.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ipc_value_type {
	IPC_V_NIL,
	IPC_V_BOOL,
	IPC_V_INT,
	IPC_V_FLOAT,
	IPC_V_STR,
	IPC_V_BYTES,
	IPC_V_ARRAY,
	IPC_V_MAP,
	IPC_V_TYPES
};

struct ipc_value;

/* text NULL: the key is the number. */
struct ipc_key {
	const char *text;
	size_t len;
	int64_t number;
};

static inline struct ipc_key
ipc_key_int(int64_t number)
{
	return (struct ipc_key){ NULL, 0, number };
}

static inline struct ipc_key
ipc_key_str(const char *text, size_t len)
{
	return (struct ipc_key){ text, len, 0 };
}

bool ipc_key_equal(struct ipc_key a, struct ipc_key b);

/* ---- building ------------------------------------------------------------ */

/* What these return is owned: ipc_value_free() it, or give it to one that
 * takes it. NULL: out of memory, or not UTF-8. */
struct ipc_value *ipc_value_nil(void);
struct ipc_value *ipc_value_bool(bool b);
struct ipc_value *ipc_value_int(int64_t i);
/* Above INT64_MAX it stays what it is: ipc_value_is_big() tells. */
struct ipc_value *ipc_value_uint(uint64_t u);
struct ipc_value *ipc_value_float(double f);
struct ipc_value *ipc_value_str(const char *text, size_t len);
struct ipc_value *ipc_value_bytes(const void *bytes, size_t len);
struct ipc_value *ipc_value_array(void);
struct ipc_value *ipc_value_map(void);
struct ipc_value *ipc_value_copy(const struct ipc_value *v);
void ipc_value_free(struct ipc_value *v);

/*
 * A whole tree from a format and its arguments:
 *   n nil, b bool (int), i int, l int64_t, f double, s text, S text and size_t
 *   length, y bytes and size_t length, v a value that is taken; [ ] array;
 *   { } map, whose keys are s, S, i or l. Blanks, commas and colons mean
 *   nothing.
 *	ipc_value_make("{s{i{ss s[ff]}}}", "players", 7, "name", "ann",
 *	    "position", 0.0, 0.0)
 * NULL: out of memory, text that is not UTF-8, a v that is NULL, a wrong
 * format; every v of the arguments is freed then.
 */
struct ipc_value *ipc_value_make(const char *format, ...);
struct ipc_value *ipc_value_vmake(const char *format, va_list ap);

/* Append; v is taken, whatever comes out. 0, IPC_ERR_NO_MEMORY (v NULL too),
 * IPC_ERR_INVALID: not an array. */
int ipc_value_add(struct ipc_value *array, struct ipc_value *v);
/* Put in place of what has this key, if anything. v is taken. As _add. */
int
ipc_value_set(struct ipc_value *map, struct ipc_key key, struct ipc_value *v);
/* What had that key goes; owned, or NULL: there was none. */
struct ipc_value *ipc_value_take(struct ipc_value *map, struct ipc_key key);
/* The last element of an array goes; owned, or NULL. */
struct ipc_value *ipc_value_pop(struct ipc_value *array);
/*
 * Merge: of each key of from, two maps are merged in turn, everything else is
 * replaced. marker, if not NULL: a value equal to it deletes what is there.
 * 0, IPC_ERR_NO_MEMORY (part of it is done), IPC_ERR_INVALID: not two maps.
 */
int ipc_value_merge(struct ipc_value *into, const struct ipc_value *from,
    const struct ipc_value *marker);

/* ---- looking --------------------------------------------------------------
 */

/* NULL is nil to all of these. */
enum ipc_value_type ipc_value_type(const struct ipc_value *v);
const char *ipc_value_type_name(enum ipc_value_type type);
bool ipc_value_as_bool(const struct ipc_value *v);
/* An int; a float without its fraction; else 0. */
int64_t ipc_value_as_int(const struct ipc_value *v);
bool ipc_value_is_big(const struct ipc_value *v);
/* A number; else 0. */
double ipc_value_as_float(const struct ipc_value *v);
/* Of str and bytes: a view, a NUL that is not counted ends it; else "". len
 * may be NULL. */
const char *ipc_value_text(const struct ipc_value *v, size_t *len);
/* Elements of an array or a map; else 0. */
size_t ipc_value_size(const struct ipc_value *v);
/* Element i of an array or a map; a view, or NULL. */
struct ipc_value *ipc_value_at(const struct ipc_value *v, size_t i);
/* Key i of a map: a view. Order is that of building until one is taken. */
struct ipc_key ipc_value_key(const struct ipc_value *v, size_t i);
/* A view, or NULL: no such key, not a map. */
struct ipc_value *ipc_value_get(const struct ipc_value *v, struct ipc_key key);
struct ipc_value *ipc_value_gets(const struct ipc_value *v, const char *key);
/* Same types, same content; order of a map's keys does not matter. */
bool ipc_value_equal(const struct ipc_value *a, const struct ipc_value *b);

/* ---- paths ----------------------------------------------------------------
 */

/* Keys from the top down. */
#define IPC_PATH_MAX 16
struct ipc_path {
	size_t n;
	struct ipc_key keys[IPC_PATH_MAX];
};

/*
 * "players/7/name": names between slashes; a name of digits alone (a minus
 * before it) is an int key, unless an apostrophe stands before it: "'7". ""
 * is the top. Keys are views of text. False: too deep, or an empty name.
 */
bool ipc_path_parse(const char *text, struct ipc_path *p);
/* The same as an array of keys, as it crosses the pipe; views of v. */
bool ipc_path_of(const struct ipc_value *v, struct ipc_path *p);
/* Owned, or NULL. */
struct ipc_value *ipc_path_value(const struct ipc_path *p);
/* A view of what is there, or NULL. */
struct ipc_value *
ipc_value_find(const struct ipc_value *v, const struct ipc_path *p);
/* Put v there; what is missing on the way becomes a map. v is taken. As
 * ipc_value_set(); IPC_ERR_INVALID also for an empty path. */
int ipc_value_put(
    struct ipc_value *top, const struct ipc_path *p, struct ipc_value *v);
/* What is there goes. False: there was nothing. */
bool ipc_value_drop(struct ipc_value *top, const struct ipc_path *p);

/* ---- bytes ----------------------------------------------------------------
 */

struct ipc_value_limits {
	size_t bytes;
	uint32_t count; /* values in all, keys too */
};
/* Arrays and maps inside of one another. */
#define IPC_VALUE_DEPTH_MAX 32
/* What comes from a player. */
extern const struct ipc_value_limits ipc_value_from_player;
/* What comes off the pipe: frames bound its size. */
extern const struct ipc_value_limits ipc_value_from_pipe;

/* Append as msgpack: the smallest form of each, a float in 32 bits where that
 * loses nothing. 0; IPC_ERR_NO_MEMORY: out is full or memory is out;
 * IPC_ERR_TOO_LONG: too deep; out is unchanged then. */
int ipc_value_pack(const struct ipc_value *v, struct ipc_buf *out);
/* The bytes that that would append; 0 if it is too deep. */
size_t ipc_value_packed(const struct ipc_value *v);
/*
 * Read exactly len bytes. 0: *v is owned. IPC_ERR_PROTOCOL (*why is a constant
 * sentence), IPC_ERR_TOO_LONG (over a limit), IPC_ERR_NO_MEMORY.
 */
int ipc_value_unpack(const void *bytes, size_t len,
    const struct ipc_value_limits *limits, struct ipc_value **v,
    const char **why);
/* The same for a value with more behind it: *used is its length. */
int ipc_value_unpack_first(const void *bytes, size_t len,
    const struct ipc_value_limits *limits, struct ipc_value **v, size_t *used,
    const char **why);

/* A value where it lies: a view of its bytes. */
struct ipc_scanned {
	const uint8_t *bytes;
	size_t len;
	enum ipc_value_type type;
	uint32_t n;       /* elements; of a str and bytes: its length */
	int64_t number;   /* of an int; 0 if it is big */
	const char *text; /* of a str, without a NUL; or NULL */
};
/*
 * The first value of len bytes, built of nothing and copied nowhere. What this
 * takes, ipc_value_unpack_first() takes too, even one array deeper. False: it
 * may be none, or is a large one: ask that, which says why.
 */
bool ipc_value_scan(const void *bytes, size_t len,
    const struct ipc_value_limits *limits, struct ipc_scanned *out);

/*
 * JSON (value_json.c): int keys become text, bytes {"$bytes": "base64"} and
 * back, a float that is not finite null. Errors as above.
 */
int ipc_value_json(const struct ipc_value *v, struct ipc_buf *out);
int ipc_value_from_json(const void *text, size_t len,
    const struct ipc_value_limits *limits, struct ipc_value **v,
    const char **why);

#endif
