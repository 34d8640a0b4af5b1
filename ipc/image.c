/*
 * image.c - typed messages as tpl images, by hand: what libtpl writes, byte
 * for byte (the unit test holds one against the other), and a walk over
 * whatever somebody claims to be one. Bytes of a player come here, so nothing
 * is read before its length is known to be there.
 *
 * Layout (all numbers little endian, nothing aligned): "tpl", flags (2 if the
 * format has an s, else 0), u32 length of all, the format with its NUL, u32
 * for each '#', then the values: str is u32 length + 1 and the bytes, bytes
 * are u32 length and bytes, a list is u32 count and its elements; what may be
 * missing is a list of none or one.
 */
#include "ipc/typed.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define HEAD 8 /* "tpl", flags, length */

static const uint8_t sizes[IPC_FIELD_KINDS] = {
	[IPC_BOOL] = 1,
	[IPC_I8] = 1,
	[IPC_I16] = 2,
	[IPC_I32] = 4,
	[IPC_I64] = 8,
	[IPC_U8] = 1,
	[IPC_U16] = 2,
	[IPC_U32] = 4,
	[IPC_U64] = 8,
	[IPC_F32] = 8,
	[IPC_F64] = 8,
	[IPC_ENUM] = 1,
};

/* ---- rules ----------------------------------------------------------------
 */

static bool
out_of_range(const struct ipc_typed_field *f, struct ipc_wrong *w)
{
	if (ipc_kind_signed(f->kind))
		ipc_wrong_rule(w, "not from %lld to %lld", (long long)f->min.i,
		    (long long)f->max.i);
	else
		ipc_wrong_rule(w, "not from %llu to %llu",
		    (unsigned long long)f->min.u, (unsigned long long)f->max.u);
	return false;
}

bool
ipc_fits_int(const struct ipc_typed_field *f, int64_t v, struct ipc_wrong *w)
{
	bool fits =
	    ipc_kind_signed(f->kind)
		? v >= f->min.i && v <= f->max.i
		: v >= 0 && (uint64_t)v >= f->min.u && (uint64_t)v <= f->max.u;

	return fits || out_of_range(f, w);
}

bool
ipc_fits_uint(const struct ipc_typed_field *f, uint64_t v, struct ipc_wrong *w)
{
	if (v <= INT64_MAX)
		return ipc_fits_int(f, (int64_t)v, w);
	return (ipc_kind_unsigned(f->kind) && v >= f->min.u && v <= f->max.u) ||
	       out_of_range(f, w);
}

bool
ipc_fits_float(const struct ipc_typed_field *f, double v, struct ipc_wrong *w)
{
	if (v >= f->min.f && v <= f->max.f)
		return true;
	ipc_wrong_rule(w, "not from %.9g to %.9g", f->min.f, f->max.f);
	return false;
}

bool
ipc_fits_enum(const struct ipc_typed_field *f, uint64_t v, struct ipc_wrong *w)
{
	if (v < f->longest)
		return true;
	ipc_wrong_rule(w, "none of its %u names", f->longest);
	return false;
}

bool
ipc_fits_length(const struct ipc_typed_field *f, size_t n, struct ipc_wrong *w)
{
	if (n <= f->longest)
		return true;
	if (f->kind == IPC_LIST)
		ipc_wrong_rule(w, "more than %u", f->longest);
	else
		ipc_wrong_rule(w, "longer than %u bytes", f->longest);
	return false;
}

/* RFC 3629: the length of the sequence at p, or 0: there is none. */
static size_t
sequence(const uint8_t *p, size_t n)
{
	uint8_t low = 0x80, high = 0xbf;
	size_t len = p[0] < 0xc2   ? 0
		     : p[0] < 0xe0 ? 2
		     : p[0] < 0xf0 ? 3
		     : p[0] < 0xf5 ? 4
				   : 0;

	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (len == 0 || len > n || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool
ipc_fits_text(const struct ipc_typed_field *f, const void *text, size_t len,
    struct ipc_wrong *w)
{
	const uint8_t *p = text;

	if (!ipc_fits_length(f, len, w))
		return false;
	for (size_t i = 0, n; i < len; i += n) {
		n = p[i] == 0 ? 0 : p[i] < 0x80 ? 1 : sequence(p + i, len - i);
		if (n == 0) {
			ipc_wrong_rule(w, "not UTF-8, or a NUL in it");
			return false;
		}
	}
	return true;
}

/* ---- writing ------------------------------------------------------------- */

static bool
add_u32(struct ipc_buf *out, uint32_t v)
{
	return ipc_buf_add(out, &v, sizeof(v));
}

/* The numbers behind '#', in order. */
static bool
add_counts(struct ipc_buf *out, const struct ipc_type *t)
{
	for (unsigned i = 0; i < t->n_fields; i++)
		if (t->fields[i].count && !add_u32(out, t->fields[i].count))
			return false;
	return true;
}

bool
ipc_image_begin(
    struct ipc_buf *out, const struct ipc_type *t, bool named, size_t *start)
{
	uint8_t head[HEAD] = { 't', 'p', 'l',
		named || strchr(t->format, 's') ? 2 : 0 };

	*start = out->len;
	return ipc_buf_add(out, head, HEAD) &&
	       (!named || ipc_buf_add(out, "s", 1)) &&
	       ipc_buf_add(out, t->format, strlen(t->format) + 1) &&
	       add_counts(out, t) &&
	       (!named || ipc_image_str(out, t->name, strlen(t->name)));
}

void
ipc_image_end(struct ipc_buf *out, size_t start)
{
	uint32_t len = (uint32_t)(out->len - start);

	memcpy(out->data + start + 4, &len, sizeof(len));
}

bool
ipc_image_uint(struct ipc_buf *out, unsigned kind, uint64_t v)
{
	return ipc_buf_add(out, &v, sizes[kind]); /* little endian */
}

bool
ipc_image_int(struct ipc_buf *out, unsigned kind, int64_t v)
{
	return ipc_image_uint(out, kind, (uint64_t)v);
}

bool
ipc_image_float(struct ipc_buf *out, double v)
{
	return ipc_buf_add(out, &v, sizeof(v));
}

bool
ipc_image_str(struct ipc_buf *out, const void *text, size_t len)
{
	return add_u32(out, (uint32_t)len + 1) &&
	       (len == 0 || ipc_buf_add(out, text, len));
}

bool
ipc_image_bytes(struct ipc_buf *out, const void *bytes, size_t len)
{
	return add_u32(out, (uint32_t)len) &&
	       (len == 0 || ipc_buf_add(out, bytes, len));
}

bool
ipc_image_count(struct ipc_buf *out, uint32_t n)
{
	return add_u32(out, n);
}

/* ---- reading what was checked -------------------------------------------- */

uint64_t
ipc_take_uint(const uint8_t **at, unsigned kind)
{
	uint64_t v = 0;

	memcpy(&v, *at, sizes[kind]);
	*at += sizes[kind];
	return v;
}

int64_t
ipc_take_int(const uint8_t **at, unsigned kind)
{
	unsigned spare = 64u - 8u * sizes[kind];

	return (int64_t)(ipc_take_uint(at, kind) << spare) >> spare;
}

double
ipc_take_float(const uint8_t **at)
{
	double v;

	memcpy(&v, *at, sizeof(v));
	*at += sizeof(v);
	return v;
}

uint32_t
ipc_take_count(const uint8_t **at)
{
	return (uint32_t)ipc_take_uint(at, IPC_U32);
}

const uint8_t *
ipc_take_bytes(const uint8_t **at, uint32_t *len)
{
	const uint8_t *p;

	*len = ipc_take_count(at);
	p = *at;
	*at += *len;
	return p;
}

const uint8_t *
ipc_take_str(const uint8_t **at, uint32_t *len)
{
	const uint8_t *p;

	/* libtpl's NULL is 0, and the same to us as "". */
	*len = ipc_take_count(at);
	*len -= *len > 0;
	p = *at;
	*at += *len;
	return p;
}

/* ---- checking ------------------------------------------------------------ */

struct check {
	const struct ipc_type *type;
	const uint8_t *at, *end;
	struct ipc_wrong *wrong;
};

static bool
is_short(struct check *k)
{
	ipc_wrong_rule(k->wrong, "the image ends too early");
	return false;
}

static bool
has(const struct check *k, uint64_t n)
{
	return (uint64_t)(k->end - k->at) >= n;
}

static bool
check_number(struct check *k, const struct ipc_typed_field *f)
{
	if (!has(k, sizes[f->kind]))
		return is_short(k);
	if (ipc_kind_signed(f->kind))
		return ipc_fits_int(f, ipc_take_int(&k->at, f->kind), k->wrong);
	if (ipc_kind_unsigned(f->kind))
		return ipc_fits_uint(
		    f, ipc_take_uint(&k->at, f->kind), k->wrong);
	if (ipc_kind_float(f->kind))
		return ipc_fits_float(f, ipc_take_float(&k->at), k->wrong);
	if (f->kind == IPC_ENUM)
		return ipc_fits_enum(
		    f, ipc_take_uint(&k->at, IPC_ENUM), k->wrong);
	if (ipc_take_uint(&k->at, IPC_BOOL) <= 1)
		return true;
	ipc_wrong_rule(k->wrong, "neither 0 nor 1");
	return false;
}

static bool
check_blob(struct check *k, const struct ipc_typed_field *f)
{
	const uint8_t *p = k->at;
	uint32_t len;

	if (!has(k, 4))
		return is_short(k);
	len = ipc_take_count(&p);
	if (f->kind == IPC_STR)
		len -= len > 0;
	if (!ipc_fits_length(f, len, k->wrong))
		return false;
	if (!has(k, 4 + (uint64_t)len))
		return is_short(k);
	k->at = p + len;
	return f->kind == IPC_BYTES || ipc_fits_text(f, p, len, k->wrong);
}

static bool check_fields(struct check *k, unsigned from, unsigned to);

static bool
check_list(struct check *k, unsigned i)
{
	const struct ipc_typed_field *f = &k->type->fields[i];
	uint32_t n;

	if (!has(k, 4))
		return is_short(k);
	n = ipc_take_count(&k->at);
	if (!ipc_fits_length(f, n, k->wrong))
		return false;
	for (uint32_t at = 0; at < n; at++)
		if (!check_fields(k, i + 1, f->end)) {
			ipc_wrong_in(k->wrong, NULL, at);
			return false;
		}
	return true;
}

static bool
check_field(struct check *k, unsigned i)
{
	const struct ipc_typed_field *f = &k->type->fields[i];
	uint32_t n;

	if (f->optional) {
		if (!has(k, 4))
			return is_short(k);
		n = ipc_take_count(&k->at);
		if (n > 1)
			ipc_wrong_rule(k->wrong, "more than 1");
		if (n != 1)
			return n == 0;
	}
	if (f->kind == IPC_STRUCT)
		return check_fields(k, i + 1, f->end);
	if (f->kind == IPC_LIST)
		return check_list(k, i);
	if (f->kind == IPC_STR || f->kind == IPC_BYTES)
		return check_blob(k, f);
	if (f->count == 0)
		return check_number(k, f);
	for (uint32_t at = 0; at < f->count; at++)
		if (!check_number(k, f)) {
			ipc_wrong_in(k->wrong, NULL, at);
			return false;
		}
	return true;
}

/* As deep as a declaration may be: IPC_TYPE_DEPTH_MAX. */
static bool
check_fields(struct check *k, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i = k->type->fields[i].end)
		if (!check_field(k, i)) {
			ipc_wrong_in(k->wrong, k->type->fields[i].name, 0);
			return false;
		}
	return true;
}

/* The image's own head: everything before the values. */
static bool
check_head(struct check *k, bool named)
{
	const struct ipc_type *t = k->type;
	size_t n = strlen(t->format) + 1;
	uint32_t len;

	if (!has(k, HEAD + named + n) || memcmp(k->at, "tpl", 3))
		return false;
	if (k->at[3] != (named || strchr(t->format, 's') ? 2 : 0))
		return false;
	memcpy(&len, k->at + 4, sizeof(len));
	if (len != (size_t)(k->end - k->at))
		return false;
	k->at += HEAD;
	if (named && *k->at++ != 's')
		return false;
	if (memcmp(k->at, t->format, n))
		return false;
	k->at += n;
	for (unsigned i = 0; i < t->n_fields; i++) {
		if (t->fields[i].count == 0)
			continue;
		if (!has(k, 4) || ipc_take_count(&k->at) != t->fields[i].count)
			return false;
	}
	return true;
}

bool
ipc_image_check(const struct ipc_type *t, bool named, const void *image,
    size_t len, const uint8_t **at, struct ipc_wrong *w)
{
	static const struct ipc_typed_field name = { .kind = IPC_STR,
		.longest = IPC_TYPE_NAME_MAX };
	struct check k = { t, image, (const uint8_t *)image + len, w };
	const uint8_t *first;

	if (!check_head(&k, named)) {
		ipc_wrong_rule(w, "not an image of format \"%s%.64s\"",
		    named ? "s" : "", t->format);
		return false;
	}
	if (named && !check_blob(&k, &name))
		return false;
	first = k.at;
	if (!check_fields(&k, 0, t->n_fields))
		return false;
	if (k.at != k.end) {
		ipc_wrong_rule(w, "more than the message is in the image");
		return false;
	}
	*at = first;
	return true;
}

const char *
ipc_image_name(const void *image, size_t len, size_t *n)
{
	const uint8_t *p = image, *end = p + len, *format = p + HEAD, *nul;
	uint32_t size;
	uint64_t counts = 0;

	if (len < HEAD + 2 || memcmp(p, "tpl", 3) || p[3] != 2 ||
	    *format != 's')
		return NULL;
	nul = memchr(format, '\0', len - HEAD);
	if (nul == NULL)
		return NULL;
	for (p = format; p < nul; p++)
		counts += *p == '#';
	p = nul + 1;
	if ((uint64_t)(end - p) < 4 * counts + 4)
		return NULL;
	p += 4 * counts;
	memcpy(&size, p, sizeof(size));
	p += 4;
	if (size < 2 || size - 1 > IPC_TYPE_NAME_MAX ||
	    (uint64_t)(end - p) < size - 1)
		return NULL;
	*n = size - 1;
	return (const char *)p;
}
