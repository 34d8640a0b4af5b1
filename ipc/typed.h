/*
 * typed.h - messages whose shape the game declared: the declaration as text,
 * and a message as a tpl image that is written, walked and checked by hand.
 *
 * A declaration is one text, a line a field, as it crosses the pipe in SCHEMA:
 *
 *	type world
 *	u32 turn 0 4294967295
 *	f64 wind -1 1
 *	str title 40             at most so many bytes
 *	bytes map 4096
 *	u8 walls 0 9 * 16        exactly 16 of them
 *	struct size              fields of its own
 *	u16 columns 0 200
 *	end
 *	list players 100         at most so many
 *	str name 32
 *	end
 *	list scores 9            of bare values: one, called "-"
 *	i32 - 0 999
 *	end
 *	enum mood calm angry     one of these, said by its name
 *	str? motto 40            may be missing; struct? too, but no list
 *
 * Kinds are bool, i8 to i64, u8 to u64 (each with its smallest and largest
 * value), f32, f64 (the same, finite), enum, str, bytes, struct, list. The
 * image is what libtpl makes of the same values: format "uffsBc#..A(s)" with
 * the fields of a struct in its place, a list as A(...), what may be missing as
 * a list of none or one, and an enum as the u8 number of its name. No libtpl in
 * here: an image may come from a player.
 */
#ifndef IPC_TYPED_H
#define IPC_TYPED_H

#include "ipc/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Declarations of one game; fields of one, inner ones too; bytes of its text;
 * of a name; structs and lists inside of one another. */
#define IPC_TYPES_MAX 256u
#define IPC_TYPE_FIELDS_MAX 256u
#define IPC_TYPE_TEXT_MAX (16u << 10)
#define IPC_TYPE_NAME_MAX 63u
#define IPC_TYPE_DEPTH_MAX 8u
/* Names of an enum. */
#define IPC_TYPE_ENUM_MAX 64u
/* Of a string, of bytes; elements of an array or a list. */
#define IPC_TYPE_LONGEST (16u << 20)
/* Before the image in a frame: u32 number of the type, u32 signature. */
#define IPC_TYPED_HEAD 8u
/* A name that no game may declare: how netd says what is wrong. */
#define IPC_TYPE_ERROR "error"

enum ipc_field_kind {
	IPC_BOOL,
	IPC_I8,
	IPC_I16,
	IPC_I32,
	IPC_I64,
	IPC_U8,
	IPC_U16,
	IPC_U32,
	IPC_U64,
	IPC_F32,
	IPC_F64,
	IPC_STR,
	IPC_BYTES,
	IPC_STRUCT,
	IPC_LIST,
	IPC_ENUM,
	IPC_FIELD_KINDS
};

/* A field; those of a struct or list follow it. */
struct ipc_typed_field {
	const char *name; /* a view of the type */
	uint8_t kind;
	uint16_t end;     /* the index behind it and all that is inside */
	uint32_t count;   /* of a fixed array; 0: it is none */
	uint32_t longest; /* of str, bytes, list; of an enum, its names */
	union ipc_bound {
		int64_t i;
		uint64_t u;
		double f;
	} min, max;        /* i of I, u of U, f of F */
	bool optional;     /* may be missing */
	const char *names; /* of an enum, one behind the NUL of the other */
};

/* What a bare element of a list is called. */
#define IPC_TYPE_BARE "-"

struct ipc_type {
	const char *name;
	char *text;         /* the declaration, as it was given */
	char *format;       /* of tpl */
	uint32_t signature; /* of the text */
	unsigned n_fields;
	struct ipc_typed_field *fields; /* in order, inner ones behind outer */
	char *words;                    /* what names point into */
};

/* "u16" for IPC_U16. */
const char *ipc_field_kind_name(unsigned kind);
/* -1: there is no such kind. */
int ipc_field_kind_find(const char *name, size_t len);
static inline bool
ipc_kind_signed(unsigned kind)
{
	return kind >= IPC_I8 && kind <= IPC_I64;
}
static inline bool
ipc_kind_unsigned(unsigned kind)
{
	return kind >= IPC_U8 && kind <= IPC_U64;
}
static inline bool
ipc_kind_float(unsigned kind)
{
	return kind == IPC_F32 || kind == IPC_F64;
}

/* Is it a list of bare values? They are the field behind it. */
static inline bool
ipc_list_bare(const struct ipc_typed_field *f)
{
	return f->kind == IPC_LIST && f[1].name[0] == IPC_TYPE_BARE[0];
}
/* The name of number i (below f->longest); the number of a name, or -1. */
const char *ipc_enum_name(const struct ipc_typed_field *f, uint64_t i);
int
ipc_enum_find(const struct ipc_typed_field *f, const char *name, size_t len);

/*
 * Read a declaration. Owned: ipc_type_free() it; or NULL, and *why is a
 * constant sentence, *line the line it is about, from 1.
 */
struct ipc_type *
ipc_type_new(const char *text, size_t len, const char **why, unsigned *line);
void ipc_type_free(struct ipc_type *t);

/* ---- what is wrong with a message ---------------------------------------- */

struct ipc_wrong {
	char field[160]; /* "players[3].name", or "" */
	char rule[96];   /* "longer than 32 bytes" */
};

void ipc_wrong_rule(struct ipc_wrong *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* It is inside of this field, or of this element (at >= 0, name NULL). A bare
 * one is not named. */
void ipc_wrong_in(struct ipc_wrong *w, const char *name, int64_t at);

/* Does a value fit the field? False, and w says the rule. */
bool
ipc_fits_int(const struct ipc_typed_field *f, int64_t v, struct ipc_wrong *w);
bool
ipc_fits_uint(const struct ipc_typed_field *f, uint64_t v, struct ipc_wrong *w);
bool
ipc_fits_float(const struct ipc_typed_field *f, double v, struct ipc_wrong *w);
/* An enum by its number. */
bool
ipc_fits_enum(const struct ipc_typed_field *f, uint64_t v, struct ipc_wrong *w);
/* Of str, bytes and lists; a text must be UTF-8 without NUL. */
bool
ipc_fits_length(const struct ipc_typed_field *f, size_t n, struct ipc_wrong *w);
bool ipc_fits_text(const struct ipc_typed_field *f, const void *text,
    size_t len, struct ipc_wrong *w);

/* ---- images -------------------------------------------------------------- */

/*
 * Begin an image at the end of out; values follow, then ipc_image_end() with
 * what this returned. named: the message's name is its first field, format
 * "s" and then the type's: how C clients get it. False: out is full.
 */
bool ipc_image_begin(
    struct ipc_buf *out, const struct ipc_type *t, bool named, size_t *start);
void ipc_image_end(struct ipc_buf *out, size_t start);
/* One value of that kind; false: out is full. */
bool ipc_image_int(struct ipc_buf *out, unsigned kind, int64_t v);
bool ipc_image_uint(struct ipc_buf *out, unsigned kind, uint64_t v);
bool ipc_image_float(struct ipc_buf *out, double v);
bool ipc_image_str(struct ipc_buf *out, const void *text, size_t len);
bool ipc_image_bytes(struct ipc_buf *out, const void *bytes, size_t len);
/* Before the elements of a list; 0 or 1 before what may be missing. */
bool ipc_image_count(struct ipc_buf *out, uint32_t n);

/*
 * Is this an image of that type, each value within its bounds? On success
 * *at is its first value, and reading by ipc_take_*() in the order of the
 * fields needs no more checks. False: w says what is wrong.
 */
bool ipc_image_check(const struct ipc_type *t, bool named, const void *image,
    size_t len, const uint8_t **at, struct ipc_wrong *w);
/* The name in a named image, without a look at the rest: a view; NULL: it is
 * none. */
const char *ipc_image_name(const void *image, size_t len, size_t *n);

/* The next value; *at moves on. */
int64_t ipc_take_int(const uint8_t **at, unsigned kind);
uint64_t ipc_take_uint(const uint8_t **at, unsigned kind);
double ipc_take_float(const uint8_t **at);
/* A view, without NUL. */
const uint8_t *ipc_take_str(const uint8_t **at, uint32_t *len);
const uint8_t *ipc_take_bytes(const uint8_t **at, uint32_t *len);
uint32_t ipc_take_count(const uint8_t **at);

#endif
