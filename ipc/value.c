/*
 * value.c - values of any type: building them, looking at them, paths.
 *
 * A node is one allocation, a text or bytes lie behind it. A map is an array
 * of pairs in the order of building, and beyond a few of them an index beside
 * it, so that neither a hostile number of keys nor a large state costs more
 * than it should. value_pack.c and value_json.c are its two forms as bytes.
 */
#include "ipc/value.h"

#include "ipc/msg.h"
#include "ipc/value_own.h"

#include <stdlib.h>
#include <string.h>

/* Up to here a map is searched from end to end. */
#define PLAIN_MAX 8

static struct ipc_value *
node(enum ipc_value_type type, size_t more)
{
	/* Not calloc(), which walks past the small blocks that were just freed
	 * (glibc 2.36); the text behind the node is its maker's. */
	struct ipc_value *v = malloc(sizeof(*v) + more);

	if (v)
		*v = (struct ipc_value){ .type = (uint8_t)type };
	return v;
}

struct ipc_value *
ipc_value_nil(void)
{
	return node(IPC_V_NIL, 0);
}

struct ipc_value *
ipc_value_bool(bool b)
{
	struct ipc_value *v = node(IPC_V_BOOL, 0);

	if (v)
		v->is.i = b;
	return v;
}

struct ipc_value *
ipc_value_int(int64_t i)
{
	struct ipc_value *v = node(IPC_V_INT, 0);

	if (v)
		v->is.i = i;
	return v;
}

struct ipc_value *
ipc_value_uint(uint64_t u)
{
	struct ipc_value *v = node(IPC_V_INT, 0);

	if (v) {
		v->is.i = (int64_t)u;
		v->big = u > INT64_MAX;
	}
	return v;
}

struct ipc_value *
ipc_value_float(double f)
{
	struct ipc_value *v = node(IPC_V_FLOAT, 0);

	if (v)
		v->is.f = f;
	return v;
}

/* RFC 3629, in one go. */
bool
ipc_value_utf8(const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text, *end;

	/* msgpack-c says NULL for an empty text. */
	if (len == 0)
		return true;
	for (end = p + len; p < end;) {
		uint8_t c = *p++, low = 0x80, high = 0xbf;
		unsigned more;

		if (c < 0x80)
			continue;
		if (c < 0xc2 || c > 0xf4)
			return false;
		more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
		if (c == 0xe0)
			low = 0xa0;
		if (c == 0xed)
			high = 0x9f;
		if (c == 0xf0)
			low = 0x90;
		if (c == 0xf4)
			high = 0x8f;
		for (; more; more--, low = 0x80, high = 0xbf)
			if (p == end || *p < low || *p++ > high)
				return false;
	}
	return true;
}

static struct ipc_value *
of_bytes(enum ipc_value_type type, const void *bytes, size_t len)
{
	struct ipc_value *v;

	if (len >= UINT32_MAX)
		return NULL;
	v = node(type, len + 1);
	if (v == NULL)
		return NULL;
	v->n = (uint32_t)len;
	if (len)
		memcpy(v->bytes, bytes, len);
	v->bytes[len] = '\0';
	return v;
}

struct ipc_value *
ipc_value_str(const char *text, size_t len)
{
	return ipc_value_utf8(text, len) ? of_bytes(IPC_V_STR, text, len)
					 : NULL;
}

struct ipc_value *
ipc_value_bytes(const void *bytes, size_t len)
{
	return of_bytes(IPC_V_BYTES, bytes, len);
}

struct ipc_value *
ipc_value_array(void)
{
	return node(IPC_V_ARRAY, 0);
}

struct ipc_value *
ipc_value_map(void)
{
	return node(IPC_V_MAP, 0);
}

void
ipc_value_free(struct ipc_value *v)
{
	if (v == NULL)
		return;
	if (v->type == IPC_V_ARRAY) {
		for (uint32_t i = 0; i < v->n; i++)
			ipc_value_free(v->is.items[i]);
		free(v->is.items);
	} else if (v->type == IPC_V_MAP) {
		for (uint32_t i = 0; i < v->n; i++) {
			ipc_value_free(v->is.pairs[i].key);
			ipc_value_free(v->is.pairs[i].value);
		}
		free(v->is.pairs);
		free(v->index);
	}
	free(v);
}

/* ---- maps -----------------------------------------------------------------
 */

bool
ipc_key_equal(struct ipc_key a, struct ipc_key b)
{
	if (a.text == NULL || b.text == NULL)
		return a.text == b.text && a.number == b.number;
	return a.len == b.len && memcmp(a.text, b.text, a.len) == 0;
}

/* Where the program lies in memory is no one's to guess: keys that fall
 * together here cannot be chosen by a player. */
static uint32_t
hash(struct ipc_key key)
{
	static const char here;
	uint64_t h = (uint64_t)(uintptr_t)&here * 0x9e3779b97f4a7c15u;

	if (key.text == NULL) {
		h ^= (uint64_t)key.number;
		h *= 0xff51afd7ed558ccdu;
	}
	for (size_t i = 0; key.text && i < key.len; i++) {
		h ^= (uint8_t)key.text[i];
		h *= 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	return (uint32_t)(h ^ h >> 32);
}

struct ipc_key
ipc_value_as_key(const struct ipc_value *v)
{
	if (v->type == IPC_V_STR)
		return ipc_key_str(v->bytes, v->n);
	return ipc_key_int(v->is.i);
}

static struct ipc_key
key_at(const struct ipc_value *map, uint32_t i)
{
	return ipc_value_as_key(map->is.pairs[i].key);
}

/* The index: a table twice as large as pairs, 0 is empty, else place + 1. */
static void
index_add(struct ipc_value *map, uint32_t place)
{
	uint32_t mask = map->size * 2 - 1, at = hash(key_at(map, place)) & mask;

	while (map->index[at])
		at = (at + 1) & mask;
	map->index[at] = place + 1;
}

/* The slot of the index that says place. */
static uint32_t
index_slot(const struct ipc_value *map, uint32_t place)
{
	uint32_t mask = map->size * 2 - 1, at = hash(key_at(map, place)) & mask;

	while (map->index[at] != place + 1)
		at = (at + 1) & mask;
	return at;
}

/* Take a slot out, and close the gap behind it. */
static void
index_remove(struct ipc_value *map, uint32_t at)
{
	uint32_t mask = map->size * 2 - 1, next = at;

	for (;;) {
		uint32_t home;

		next = (next + 1) & mask;
		if (map->index[next] == 0)
			break;
		home = hash(key_at(map, map->index[next] - 1)) & mask;
		if (((next - home) & mask) < ((next - at) & mask))
			continue;
		map->index[at] = map->index[next];
		at = next;
	}
	map->index[at] = 0;
}

/* Its place, or UINT32_MAX. */
static uint32_t
place_of(const struct ipc_value *map, struct ipc_key key)
{
	uint32_t mask, at;

	if (map->index == NULL) {
		for (uint32_t i = 0; i < map->n; i++)
			if (ipc_key_equal(key_at(map, i), key))
				return i;
		return UINT32_MAX;
	}
	mask = map->size * 2 - 1;
	for (at = hash(key) & mask; map->index[at]; at = (at + 1) & mask)
		if (ipc_key_equal(key_at(map, map->index[at] - 1), key))
			return map->index[at] - 1;
	return UINT32_MAX;
}

/* Room for one more pair or item. */
static bool
grow(struct ipc_value *v, size_t each)
{
	uint32_t size = v->size ? v->size * 2 : 4;
	void *more;

	if (v->n < v->size)
		return true;
	if (size > UINT32_MAX / 4)
		return false;
	more = realloc(
	    v->type == IPC_V_MAP ? (void *)v->is.pairs : (void *)v->is.items,
	    size * each);
	if (more == NULL)
		return false;
	if (v->type == IPC_V_ARRAY) {
		v->is.items = more;
		v->size = size;
		return true;
	}
	v->is.pairs = more;
	if (size > PLAIN_MAX) {
		uint32_t *table = calloc((size_t)size * 2, sizeof(*table));

		if (table == NULL)
			return false;
		free(v->index);
		v->index = table;
	}
	v->size = size;
	for (uint32_t i = 0; v->index && i < v->n; i++)
		index_add(v, i);
	return true;
}

int
ipc_value_add(struct ipc_value *array, struct ipc_value *v)
{
	int e = IPC_ERR_NO_MEMORY;

	if (array && array->type != IPC_V_ARRAY)
		e = IPC_ERR_INVALID;
	else if (array && v && grow(array, sizeof(v))) {
		array->is.items[array->n++] = v;
		return 0;
	}
	ipc_value_free(v);
	return e;
}

struct ipc_value *
ipc_value_pop(struct ipc_value *array)
{
	if (array == NULL || array->type != IPC_V_ARRAY || array->n == 0)
		return NULL;
	return array->is.items[--array->n];
}

/* key is a value, taken like v. */
int
ipc_value_set_new(
    struct ipc_value *map, struct ipc_value *key, struct ipc_value *v)
{
	if (map == NULL || key == NULL || v == NULL ||
	    !grow(map, sizeof(*map->is.pairs))) {
		ipc_value_free(key);
		ipc_value_free(v);
		return IPC_ERR_NO_MEMORY;
	}
	map->is.pairs[map->n] = (struct ipc_pair){ key, v };
	map->n++;
	if (map->index)
		index_add(map, map->n - 1);
	return 0;
}

int
ipc_value_set(struct ipc_value *map, struct ipc_key key, struct ipc_value *v)
{
	uint32_t at;

	if (map == NULL || v == NULL || map->type != IPC_V_MAP) {
		ipc_value_free(v);
		return map && v ? IPC_ERR_INVALID : IPC_ERR_NO_MEMORY;
	}
	at = place_of(map, key);
	if (at == UINT32_MAX)
		return ipc_value_set_new(map,
		    key.text ? ipc_value_str(key.text, key.len)
			     : ipc_value_int(key.number),
		    v);
	ipc_value_free(map->is.pairs[at].value);
	map->is.pairs[at].value = v;
	return 0;
}

struct ipc_value *
ipc_value_take(struct ipc_value *map, struct ipc_key key)
{
	struct ipc_value *v, *key_value;
	uint32_t at, last;

	if (map == NULL || map->type != IPC_V_MAP)
		return NULL;
	at = place_of(map, key);
	if (at == UINT32_MAX)
		return NULL;
	last = map->n - 1;
	v = map->is.pairs[at].value;
	key_value = map->is.pairs[at].key;
	if (map->index) {
		index_remove(map, index_slot(map, at));
		if (at != last)
			map->index[index_slot(map, last)] = at + 1;
	}
	map->is.pairs[at] = map->is.pairs[last];
	map->n--;
	ipc_value_free(key_value);
	return v;
}

struct ipc_value *
ipc_value_get(const struct ipc_value *v, struct ipc_key key)
{
	uint32_t at;

	if (v == NULL || v->type != IPC_V_MAP)
		return NULL;
	at = place_of(v, key);
	return at == UINT32_MAX ? NULL : v->is.pairs[at].value;
}

struct ipc_value *
ipc_value_gets(const struct ipc_value *v, const char *key)
{
	return ipc_value_get(v, ipc_key_str(key, strlen(key)));
}

/* ---- whole trees ----------------------------------------------------------
 */

struct ipc_value *
ipc_value_copy(const struct ipc_value *v)
{
	struct ipc_value *c;
	int e = 0;

	if (v == NULL)
		return ipc_value_nil();
	if (v->type == IPC_V_STR || v->type == IPC_V_BYTES)
		return of_bytes(v->type, v->bytes, v->n);
	c = node(v->type, 0);
	if (c == NULL)
		return NULL;
	if (v->type != IPC_V_ARRAY && v->type != IPC_V_MAP) {
		c->is = v->is;
		c->big = v->big;
		return c;
	}
	for (uint32_t i = 0; i < v->n && e == 0; i++)
		e = v->type == IPC_V_ARRAY
			? ipc_value_add(c, ipc_value_copy(v->is.items[i]))
			: ipc_value_set_new(c,
			      ipc_value_copy(v->is.pairs[i].key),
			      ipc_value_copy(v->is.pairs[i].value));
	if (e == 0)
		return c;
	ipc_value_free(c);
	return NULL;
}

int
ipc_value_merge(struct ipc_value *into, const struct ipc_value *from,
    const struct ipc_value *marker)
{
	int e = 0;

	if (into == NULL || from == NULL || into->type != IPC_V_MAP ||
	    from->type != IPC_V_MAP)
		return IPC_ERR_INVALID;
	for (uint32_t i = 0; i < from->n && e == 0; i++) {
		const struct ipc_value *v = from->is.pairs[i].value;
		struct ipc_key key = key_at(from, i);
		struct ipc_value *mine = ipc_value_get(into, key);

		if (marker && ipc_value_equal(v, marker)) {
			ipc_value_free(ipc_value_take(into, key));
		} else if (v->type == IPC_V_MAP) {
			/* A new map too, so that no marker gets in. */
			if (mine == NULL || mine->type != IPC_V_MAP) {
				mine = ipc_value_map();
				e = ipc_value_set(into, key, mine);
			}
			if (e == 0)
				e = ipc_value_merge(mine, v, marker);
		} else {
			e = ipc_value_set(into, key, ipc_value_copy(v));
		}
	}
	return e;
}

static bool
equal_map(const struct ipc_value *a, const struct ipc_value *b)
{
	for (uint32_t i = 0; i < a->n; i++) {
		const struct ipc_value *v = ipc_value_get(b, key_at(a, i));

		if (v == NULL || !ipc_value_equal(a->is.pairs[i].value, v))
			return false;
	}
	return true;
}

bool
ipc_value_equal(const struct ipc_value *a, const struct ipc_value *b)
{
	if (ipc_value_type(a) != ipc_value_type(b))
		return false;
	if (a == NULL || b == NULL)
		return true;
	if (a->n != b->n)
		return false;
	switch (a->type) {
	case IPC_V_NIL:
		return true;
	case IPC_V_BOOL:
	case IPC_V_INT:
		return a->is.i == b->is.i && a->big == b->big;
	case IPC_V_FLOAT:
		/* Bits: what is not a number is itself, too. */
		return memcmp(&a->is.f, &b->is.f, sizeof(a->is.f)) == 0;
	case IPC_V_STR:
	case IPC_V_BYTES:
		return memcmp(a->bytes, b->bytes, a->n) == 0;
	case IPC_V_MAP:
		return equal_map(a, b);
	default:
		break;
	}
	for (uint32_t i = 0; i < a->n; i++)
		if (!ipc_value_equal(a->is.items[i], b->is.items[i]))
			return false;
	return true;
}

/* ---- looking --------------------------------------------------------------
 */

enum ipc_value_type
ipc_value_type(const struct ipc_value *v)
{
	return v ? (enum ipc_value_type)v->type : IPC_V_NIL;
}

const char *
ipc_value_type_name(enum ipc_value_type type)
{
	static const char *const names[IPC_V_TYPES] = { "nil", "bool", "int",
		"float", "str", "bytes", "array", "map" };

	return (unsigned)type < IPC_V_TYPES ? names[type] : "unknown";
}

bool
ipc_value_as_bool(const struct ipc_value *v)
{
	return v && (v->type == IPC_V_BOOL || v->type == IPC_V_INT) && v->is.i;
}

bool
ipc_value_is_big(const struct ipc_value *v)
{
	return v && v->big;
}

int64_t
ipc_value_as_int(const struct ipc_value *v)
{
	if (v && v->type == IPC_V_INT)
		return v->is.i;
	/* Both bounds are floats exactly. */
	if (v && v->type == IPC_V_FLOAT && v->is.f >= -9223372036854775808.0 &&
	    v->is.f < 9223372036854775808.0)
		return (int64_t)v->is.f;
	return 0;
}

double
ipc_value_as_float(const struct ipc_value *v)
{
	if (v && v->type == IPC_V_FLOAT)
		return v->is.f;
	if (v && v->type == IPC_V_INT)
		return v->big ? (double)(uint64_t)v->is.i : (double)v->is.i;
	return 0;
}

const char *
ipc_value_text(const struct ipc_value *v, size_t *len)
{
	bool has = v && (v->type == IPC_V_STR || v->type == IPC_V_BYTES);

	if (len)
		*len = has ? v->n : 0;
	return has ? v->bytes : "";
}

size_t
ipc_value_size(const struct ipc_value *v)
{
	return v && (v->type == IPC_V_ARRAY || v->type == IPC_V_MAP) ? v->n : 0;
}

struct ipc_value *
ipc_value_at(const struct ipc_value *v, size_t i)
{
	if (i >= ipc_value_size(v))
		return NULL;
	return v->type == IPC_V_MAP ? v->is.pairs[i].value : v->is.items[i];
}

struct ipc_key
ipc_value_key(const struct ipc_value *v, size_t i)
{
	if (v == NULL || v->type != IPC_V_MAP || i >= v->n)
		return ipc_key_int(0);
	return key_at(v, (uint32_t)i);
}

/* ---- from a format --------------------------------------------------------
 */

struct making {
	const char *at;
	va_list ap;
	bool wrong;
};

static char
token(struct making *m)
{
	while (*m->at && strchr(" \t\n,:", *m->at))
		m->at++;
	return *m->at ? *m->at++ : '\0';
}

static struct ipc_value *
make_text(struct making *m, char c)
{
	const char *text = va_arg(m->ap, const char *);
	size_t len = c == 's' ? strlen(text) : va_arg(m->ap, size_t);

	return c == 'y' ? ipc_value_bytes(text, len) : ipc_value_str(text, len);
}

static struct ipc_value *make_one(struct making *m, char c, unsigned depth);

static struct ipc_value *
make_container(struct making *m, char open, unsigned depth)
{
	struct ipc_value *v = open == '[' ? ipc_value_array() : ipc_value_map();
	char c;

	/* Whatever goes wrong, the arguments are walked to the end. */
	while ((c = token(m)) != (open == '[' ? ']' : '}')) {
		struct ipc_value *key = NULL, *one;
		int e;

		if (c == '\0' || (open == '{' && strchr("sSil", c) == NULL)) {
			m->wrong = true;
			break;
		}
		if (open == '{') {
			key = make_one(m, c, depth);
			c = token(m);
		}
		one = make_one(m, c, depth);
		if (open == '[')
			e = ipc_value_add(v, one);
		else if (key)
			e = ipc_value_set(v, ipc_value_as_key(key), one);
		else
			ipc_value_free(one), e = IPC_ERR_NO_MEMORY;
		ipc_value_free(key);
		if (e)
			m->wrong = true;
	}
	return v;
}

static struct ipc_value *
make_one(struct making *m, char c, unsigned depth)
{
	switch (c) {
	case 'n':
		return ipc_value_nil();
	case 'b':
		return ipc_value_bool(va_arg(m->ap, int) != 0);
	case 'i':
		return ipc_value_int(va_arg(m->ap, int));
	case 'l':
		return ipc_value_int(va_arg(m->ap, int64_t));
	case 'f':
		return ipc_value_float(va_arg(m->ap, double));
	case 's':
	case 'S':
	case 'y':
		return make_text(m, c);
	case 'v':
		return va_arg(m->ap, struct ipc_value *);
	case '[':
	case '{':
		if (depth < IPC_VALUE_DEPTH_MAX)
			return make_container(m, c, depth + 1);
	}
	m->wrong = true;
	return NULL;
}

struct ipc_value *
ipc_value_vmake(const char *format, va_list ap)
{
	struct making m = { .at = format };
	struct ipc_value *v;

	va_copy(m.ap, ap);
	v = make_one(&m, token(&m), 0);
	va_end(m.ap);
	if (v && !m.wrong && token(&m) == '\0')
		return v;
	ipc_value_free(v);
	return NULL;
}

struct ipc_value *
ipc_value_make(const char *format, ...)
{
	struct ipc_value *v;
	va_list ap;

	va_start(ap, format);
	v = ipc_value_vmake(format, ap);
	va_end(ap);
	return v;
}

/* ---- paths ----------------------------------------------------------------
 */

/* Digits alone, as a number would be printed, are a number. */
static bool
as_number(const char *text, size_t len, int64_t *out)
{
	size_t i = text[0] == '-' && len > 1;
	uint64_t n = 0;

	if (len - i > 18 || (text[i] == '0' && len > 1))
		return false;
	for (size_t at = i; at < len; at++) {
		if (text[at] < '0' || text[at] > '9')
			return false;
		n = n * 10 + (uint64_t)(text[at] - '0');
	}
	*out = i ? -(int64_t)n : (int64_t)n;
	return true;
}

bool
ipc_path_parse(const char *text, struct ipc_path *p)
{
	p->n = 0;
	while (*text) {
		size_t len = strcspn(text, "/");
		struct ipc_key *key = &p->keys[p->n];

		if (len == 0 || p->n == IPC_PATH_MAX)
			return false;
		*key = ipc_key_str(text, len);
		if (*text == '\'')
			*key = ipc_key_str(text + 1, len - 1);
		else if (as_number(text, len, &key->number))
			*key = ipc_key_int(key->number);
		p->n++;
		text += len;
		if (*text == '/' && *++text == '\0')
			return false;
	}
	return true;
}

bool
ipc_path_of(const struct ipc_value *v, struct ipc_path *p)
{
	size_t n = ipc_value_size(v);

	if (ipc_value_type(v) != IPC_V_ARRAY || n > IPC_PATH_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct ipc_value *key = v->is.items[i];

		if (key->type != IPC_V_STR &&
		    (key->type != IPC_V_INT || key->big))
			return false;
		p->keys[i] = ipc_value_as_key(key);
	}
	p->n = n;
	return true;
}

struct ipc_value *
ipc_path_value(const struct ipc_path *p)
{
	struct ipc_value *v = ipc_value_array();

	for (size_t i = 0; i < p->n; i++) {
		struct ipc_key key = p->keys[i];

		if (ipc_value_add(v, key.text ? ipc_value_str(key.text, key.len)
					      : ipc_value_int(key.number)) == 0)
			continue;
		ipc_value_free(v);
		return NULL;
	}
	return v;
}

struct ipc_value *
ipc_value_find(const struct ipc_value *v, const struct ipc_path *p)
{
	const struct ipc_value *at = v;

	for (size_t i = 0; at && i < p->n; i++)
		at = ipc_value_get(at, p->keys[i]);
	return (struct ipc_value *)(uintptr_t)at;
}

int
ipc_value_put(
    struct ipc_value *top, const struct ipc_path *p, struct ipc_value *v)
{
	if (top == NULL || top->type != IPC_V_MAP || p->n == 0) {
		ipc_value_free(v);
		return IPC_ERR_INVALID;
	}
	for (size_t i = 0; i + 1 < p->n; i++) {
		struct ipc_value *next = ipc_value_get(top, p->keys[i]);

		if (next == NULL || next->type != IPC_V_MAP) {
			next = ipc_value_map();
			if (ipc_value_set(top, p->keys[i], next) < 0) {
				ipc_value_free(v);
				return IPC_ERR_NO_MEMORY;
			}
		}
		top = next;
	}
	return ipc_value_set(top, p->keys[p->n - 1], v);
}

bool
ipc_value_drop(struct ipc_value *top, const struct ipc_path *p)
{
	struct ipc_path up = *p;
	struct ipc_value *v;

	if (p->n == 0)
		return false;
	up.n--;
	v = ipc_value_take(ipc_value_find(top, &up), p->keys[up.n]);
	ipc_value_free(v);
	return v != NULL;
}
