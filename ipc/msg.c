/*
 * msg.c - typed messages over tpl.
 *
 * The only file that calls libtpl, and only on memory inside one of our own
 * frames: never on what a player sent, never with a format from a peer. The
 * five rules of image_ok() keep the library away from every input on which
 * it was seen to fail. Next: image.c, the same by hand.
 */
#include "ipc/msg.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <tpl.h>

/* Exported by libtpl, absent from its header. */
extern tpl_hook_t tpl_hook;

static_assert(sizeof(struct ipc_bin) == sizeof(tpl_bin), "laid out alike");

/* ---- the catalogue, as tables ------------------------------------------ */

/* A field row does not know its struct: each table below defines SELF. */
#define FIELD(f, type, max) { #f, type, offsetof(SELF, f), max },
#define U8(f, max) FIELD(f, 'c', max)
#define U16(f, max) FIELD(f, 'v', max)
#define U32(f, max) FIELD(f, 'u', max)
#define U64(f, max) FIELD(f, 'U', max)
#define STR(f, longest) FIELD(f, 's', longest)
#define BIN(f, longest) FIELD(f, 'B', longest)
#define RAW(number, NAME, to, doc)
#define GONE(number)
#define MSG(number, NAME, name, to, doc, ...)                           \
	static const struct ipc_field *fields_of_##name(void)           \
	{                                                               \
		typedef struct ipc_##name SELF;                         \
		static const struct ipc_field fields[] = { __VA_ARGS__{ \
		    NULL, 0, 0, 0 } };                                  \
		return fields;                                          \
	}
#include "ipc/messages.def"
#undef U8
#undef U16
#undef U32
#undef U64
#undef STR
#undef BIN
#undef RAW
#undef GONE
#undef MSG

#define U8(f, max) "c"
#define U16(f, max) "v"
#define U32(f, max) "u"
#define U64(f, max) "U"
#define STR(f, longest) "s"
#define BIN(f, longest) "B"
#define RAW(number, NAME, dir, text) \
	[number] = { .name = #NAME, .doc = text, .to = IPC_##dir },
#define GONE(number)
#define MSG(number, NAME, lower, dir, text, ...) \
	[number] = { .name = #NAME,              \
		.doc = text,                     \
		.to = IPC_##dir,                 \
		.format = "" __VA_ARGS__,        \
		.size = sizeof(struct ipc_##lower) },
static struct ipc_info infos[IPC_KIND_END] = {
#include "ipc/messages.def"
};
#undef U8
#undef U16
#undef U32
#undef U64
#undef STR
#undef BIN
#undef RAW
#undef GONE
#undef MSG

/* One tpl_map() call a message, because its arguments are variadic. */
#define U8(f, max) , &m->f
#define U16(f, max) , &m->f
#define U32(f, max) , &m->f
#define U64(f, max) , &m->f
#define STR(f, longest) , &m->f
#define BIN(f, longest) , &m->f
#define RAW(number, NAME, to, doc)
#define GONE(number)
#define MSG(number, NAME, name, to, doc, ...)                    \
	static tpl_node *map_##name(const char *format, void *p) \
	{                                                        \
		struct ipc_##name *m = p;                        \
		return tpl_map(format __VA_ARGS__);              \
	}
/* tpl_map takes its format as char *: the one cast of this file. */
#define tpl_map(format, ...) (tpl_map)((char *)(uintptr_t)(format), __VA_ARGS__)
#include "ipc/messages.def"
#undef tpl_map
#undef U8
#undef U16
#undef U32
#undef U64
#undef STR
#undef BIN
#undef MSG

#define MSG(number, NAME, name, to, doc, ...) [number] = IPC_##to,
#undef RAW
#define RAW(number, NAME, to, doc) [number] = IPC_##to,
const uint8_t ipc_msg_ways[UINT8_MAX + 1] = {
#include "ipc/messages.def"
};
#undef MSG
#undef RAW
#define RAW(number, NAME, to, doc)

typedef tpl_node *map_fn(const char *, void *);
#define MSG(number, NAME, name, to, doc, ...) [number] = map_##name,
static map_fn *const maps[IPC_KIND_END] = {
#include "ipc/messages.def"
};
#undef MSG
#define MSG(number, NAME, name, to, doc, ...) [number] = fields_of_##name,
static const struct ipc_field *(*const field_fns[IPC_KIND_END])(void) = {
#include "ipc/messages.def"
};
#undef MSG
#undef RAW
#undef GONE

static const struct {
	const char *name;
	const char *text;
	unsigned code;
} reasons[IPC_REASON_END] = {
#define REASON(number, NAME, word, ws, doc) [number] = { word, doc, ws },
#include "ipc/reasons.def"
#undef REASON
};

static const struct {
	const char *name;
	const char *text;
} errors[] = {
#define ERR(number, NAME, doc) [number] = { #NAME, doc },
#include "ipc/errors.def"
#undef ERR
};
#define N_ERRORS ((int)(sizeof(errors) / sizeof(errors[0])))

/* ---- names -------------------------------------------------------------- */

/* An oops is a refusal, which our callers see by the return value. */
static int
oops(const char *fmt, ...)
{
	(void)fmt;
	return 0;
}

/* A fatal is a defect of ours: after image_ok() nothing can reach it. */
static void
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	abort();
}

__attribute__((constructor)) static void
set_up(void)
{
	tpl_hook.oops = oops;
	tpl_hook.fatal = fatal;
	for (unsigned k = 0; k < IPC_KIND_END; k++)
		if (field_fns[k])
			infos[k].fields = field_fns[k]();
}

const struct ipc_info *
ipc_info(unsigned kind)
{
	if (kind >= IPC_KIND_END || infos[kind].name == NULL)
		return NULL;
	return &infos[kind];
}

const char *
ipc_reason_name(unsigned reason)
{
	if (reason >= IPC_REASON_END || reasons[reason].name == NULL)
		return "unknown";
	return reasons[reason].name;
}

const char *
ipc_reason_text(unsigned reason)
{
	if (reason >= IPC_REASON_END || reasons[reason].text == NULL)
		return "unknown reason";
	return reasons[reason].text;
}

unsigned
ipc_reason_code(unsigned reason)
{
	if (reason >= IPC_REASON_END || reasons[reason].code == 0)
		return 1000;
	return reasons[reason].code;
}

const char *
ipc_error_text(int error)
{
	if (error >= 0)
		return "no error";
	if (error <= -N_ERRORS || errors[-error].text == NULL)
		return "unknown error";
	return errors[-error].text;
}

const char *
ipc_error_name(int error)
{
	if (error >= 0)
		return "OK";
	if (error <= -N_ERRORS || errors[-error].name == NULL)
		return "UNKNOWN";
	return errors[-error].name;
}

const char *
ipc_msg_check(const struct ipc_frame *f, enum ipc_to to)
{
	const struct ipc_info *info = ipc_info(f->kind);

	if (info == NULL)
		return "no such kind of message";
	if (info->to != to)
		return "a message for the other direction";
	return NULL;
}

/* ---- packing ------------------------------------------------------------ */

static void *
at(const void *m, const struct ipc_field *f)
{
	return (void *)((uintptr_t)m + f->offset);
}

/* Is the number in this field inside its limit? Not a number: yes. */
static bool
number_ok(const struct ipc_field *f, const void *p)
{
	switch (f->type) {
	case 'c':
		return *(const uint8_t *)p <= f->max;
	case 'v':
		return *(const uint16_t *)p <= f->max;
	case 'u':
		return *(const uint32_t *)p <= f->max;
	case 'U':
		return *(const uint64_t *)p <= f->max;
	default:
		return true;
	}
}

static bool
numbers_ok(const struct ipc_info *info, const void *m)
{
	for (const struct ipc_field *f = info->fields; f->name; f++)
		if (!number_ok(f, at(m, f)))
			return false;
	return true;
}

/*
 * A copy of the struct whose strings are never NULL and never over their
 * limit. Cut strings are copied into spare, which the caller frees.
 */
static bool
tidy(const struct ipc_info *info, void *copy, char **spare)
{
	size_t used = 0, room = 1;

	for (const struct ipc_field *f = info->fields; f->name; f++)
		if (f->type == 's' && *(char **)at(copy, f) &&
		    strlen(*(char **)at(copy, f)) > f->max)
			room += f->max + 1;
	*spare = malloc(room);
	if (*spare == NULL)
		return false;
	(*spare)[used++] = '\0';
	for (const struct ipc_field *f = info->fields; f->name; f++) {
		if (f->type == 's') {
			char **s = at(copy, f);

			if (*s == NULL) {
				*s = *spare;
			} else if (strlen(*s) > f->max) {
				memcpy(*spare + used, *s, f->max);
				*s = *spare + used;
				used += f->max + 1;
				(*spare)[used - 1] = '\0';
			}
		} else if (f->type == 'B') {
			struct ipc_bin *b = at(copy, f);

			if (b->sz > f->max)
				b->sz = (uint32_t)f->max;
		}
	}
	return true;
}

union any_message {
#define RAW(number, NAME, to, doc)
#define GONE(number)
#define MSG(number, NAME, name, to, doc, ...) struct ipc_##name name;
#include "ipc/messages.def"
#undef MSG
#undef RAW
#undef GONE
};

int
ipc_msg_pack(unsigned kind, const void *m, struct ipc_buf *out)
{
	const struct ipc_info *info = ipc_info(kind);
	union any_message copy;
	char *spare = NULL;
	tpl_node *tn = NULL;
	size_t size = 0;
	uint8_t *to;
	int r = IPC_ERR_NO_MEMORY;

	assert(info && info->format);
	memcpy(&copy, m, info->size);
	if (!numbers_ok(info, &copy))
		return IPC_ERR_INVALID;
	if (!tidy(info, &copy, &spare))
		return r;
	tn = maps[kind](info->format, &copy);
	if (tn == NULL)
		goto out;
	if (tpl_pack(tn, 0) < 0 || tpl_dump(tn, TPL_GETSIZE, &size) < 0)
		goto out;
	r = IPC_ERR_TOO_LONG;
	to = size <= IPC_IMAGE_MAX ? ipc_buf_space(out, size) : NULL;
	if (to == NULL)
		goto out;
	if (tpl_dump(tn, TPL_MEM | TPL_PREALLOCD, to, size) < 0)
		goto out;
	ipc_buf_added(out, size);
	r = 0;
out:
	if (tn)
		tpl_free(tn);
	free(spare);
	return r;
}

int
ipc_msg_frame(unsigned kind, uint64_t id, const void *m, struct ipc_buf *out)
{
	size_t start = out->len;
	struct ipc_frame f = { .kind = (uint8_t)kind, .id = id };
	int r;

	if (ipc_buf_space(out, IPC_FRAME_HEAD) == NULL)
		return IPC_ERR_TOO_LONG;
	ipc_buf_added(out, IPC_FRAME_HEAD);
	r = ipc_msg_pack(kind, m, out);
	if (r < 0) {
		out->len = start;
		return r;
	}
	f.len = (uint32_t)(out->len - start - IPC_FRAME_HEAD);
	ipc_frame_head(out->data + start, &f);
	return 0;
}

/* ---- unpacking ---------------------------------------------------------- */

/*
 * The rules under which libtpl is safe (12 million fuzz runs found nothing
 * beyond them): the length is ours and equals the image's own; the flags byte
 * is exactly what this format makes; the format is exactly the one expected.
 * Strings and bytes are walked here as well, so that the library never sees a
 * length that points outside.
 */
static const char *
image_ok(const struct ipc_info *info, const uint8_t *p, size_t n)
{
	size_t fmt = strlen(info->format) + 1;
	bool strings = strchr(info->format, 's') != NULL;
	size_t pos = 8 + fmt;
	uint32_t len;

	if (n < pos || n > IPC_IMAGE_MAX)
		return "its image has a bad size";
	memcpy(&len, p + 4, 4);
	if (memcmp(p, "tpl", 3) != 0 || len != n)
		return "its image has a bad head";
	if (p[3] != (strings ? 2 : 0))
		return "its image has bad flags";
	if (memcmp(p + 8, info->format, fmt) != 0)
		return "its image has another format";
	for (const char *t = info->format; *t; t++) {
		size_t need = *t == 'c' ? 1 : *t == 'v' ? 2 : *t == 'U' ? 8 : 4;

		if (n - pos < need)
			return "its image is cut short";
		if (*t == 's' || *t == 'B') {
			memcpy(&len, p + pos, 4);
			/* tpl stores a string's length plus one; 0 is NULL */
			if (*t == 's')
				len -= len > 0;
			if (n - pos - 4 < len)
				return "its image is cut short";
			if (*t == 's' && memchr(p + pos + 4, 0, len))
				return "its image has a 0 byte in a string";
			need += len;
		}
		pos += need;
	}
	return pos == n ? NULL : "its image has bytes left over";
}

/* Is this field of a loaded message inside its limit? NULLs become "". */
static bool
field_ok(const struct ipc_field *f, void *p)
{
	if (f->type == 's') {
		if (*(char **)p == NULL)
			*(char **)p = strdup("");
		return *(char **)p && strlen(*(char **)p) <= f->max;
	}
	if (f->type == 'B')
		return ((struct ipc_bin *)p)->sz <= f->max;
	return number_ok(f, p);
}

int
ipc_msg_unpack(
    const struct ipc_frame *f, void *m, const char **why, const char **field)
{
	const struct ipc_info *info = ipc_info(f->kind);
	tpl_node *tn;
	/* tpl_load takes the image as non-const and only reads it. */
	void *image = (void *)(uintptr_t)f->bytes;

	assert(info && info->format);
	*field = NULL;
	*why = image_ok(info, f->bytes, f->len);
	if (*why)
		return IPC_ERR_PROTOCOL;
	memset(m, 0, info->size);
	*why = "its image was refused";
	tn = maps[f->kind](info->format, m);
	if (tn == NULL)
		return IPC_ERR_PROTOCOL;
	if (tpl_load(tn, TPL_MEM, image, (size_t)f->len) < 0 ||
	    tpl_unpack(tn, 0) < 0) {
		tpl_free(tn);
		ipc_msg_release(f->kind, m);
		return IPC_ERR_PROTOCOL;
	}
	tpl_free(tn);
	for (const struct ipc_field *fd = info->fields; fd->name; fd++) {
		if (field_ok(fd, at(m, fd)))
			continue;
		*why = "out of range";
		*field = fd->name;
		ipc_msg_release(f->kind, m);
		return IPC_ERR_PROTOCOL;
	}
	*why = NULL;
	return 0;
}

void
ipc_msg_release(unsigned kind, void *m)
{
	const struct ipc_info *info = ipc_info(kind);

	for (const struct ipc_field *f = info->fields; f && f->name; f++) {
		if (f->type == 's') {
			free(*(char **)at(m, f));
			*(char **)at(m, f) = NULL;
		} else if (f->type == 'B') {
			free(((struct ipc_bin *)at(m, f))->addr);
			*(struct ipc_bin *)at(m, f) = (struct ipc_bin){ 0 };
		}
	}
}

/* ---- printing ----------------------------------------------------------- */

static bool
print_bytes(const uint8_t *p, size_t n, bool all, struct ipc_buf *out)
{
	size_t shown = all || n <= 64 ? n : 64;
	bool ok = ipc_buf_add(out, "\"", 1);

	for (size_t i = 0; ok && i < shown; i++) {
		if (p[i] == '"' || p[i] == '\\')
			ok = ipc_buf_printf(out, "\\%c", p[i]);
		else if (p[i] >= 0x20 && p[i] < 0x7f)
			ok = ipc_buf_add(out, &p[i], 1);
		else
			ok = ipc_buf_printf(out, "\\x%02x", p[i]);
	}
	ok = ok && ipc_buf_add(out, "\"", 1);
	if (shown < n)
		ok = ok && ipc_buf_printf(out, "... (%zu bytes)", n);
	return ok;
}

static bool
print_field(const struct ipc_field *f, void *p, bool all, struct ipc_buf *out)
{
	const char *s;

	if (!ipc_buf_printf(out, " %s=", f->name))
		return false;
	switch (f->type) {
	case 'c':
		return ipc_buf_printf(out, "%u", *(uint8_t *)p);
	case 'v':
		return ipc_buf_printf(out, "%u", *(uint16_t *)p);
	case 'u':
		return ipc_buf_printf(out, "%" PRIu32, *(uint32_t *)p);
	case 'U':
		return ipc_buf_printf(out, "%" PRIu64, *(uint64_t *)p);
	case 's':
		s = *(char **)p;
		return print_bytes((const uint8_t *)s, strlen(s), all, out);
	default:
		return print_bytes(((struct ipc_bin *)p)->addr,
		    ((struct ipc_bin *)p)->sz, all, out);
	}
}

bool
ipc_msg_print(const struct ipc_frame *f, bool all, struct ipc_buf *out)
{
	const struct ipc_info *info = ipc_info(f->kind);
	const char *why, *field;
	union any_message m;
	bool ok;

	if (info)
		ok = ipc_buf_printf(out, "%s id=%" PRIu64, info->name, f->id);
	else
		ok = ipc_buf_printf(out, "KIND_%u id=%" PRIu64, f->kind, f->id);
	if (f->flags)
		ok = ok && ipc_buf_printf(out, " flags=%u", f->flags);
	if (f->channel)
		ok = ok && ipc_buf_printf(out, " channel=%u", f->channel);
	if (info == NULL || info->format == NULL ||
	    ipc_msg_unpack(f, &m, &why, &field) < 0) {
		if (f->len)
			ok = ok && ipc_buf_add(out, " ", 1) &&
			     print_bytes(f->bytes, f->len, all, out);
		return ok;
	}
	for (const struct ipc_field *fd = info->fields; ok && fd->name; fd++)
		ok = print_field(fd, at(&m, fd), all, out);
	ipc_msg_release(f->kind, &m);
	return ok;
}
