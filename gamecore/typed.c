/*
 * typed.c - structs of the game as messages, and back.
 *
 * A declaration (struct gc_type) becomes text once, which netd gets as SCHEMA
 * and from which the same struct ipc_type is read here, so both ends mean the
 * same; beside it lies where each field is in the C struct. A value is then
 * one walk over the fields: out into a tpl image, or an image into memory
 * that is used again for the next event.
 */
#include "ipc/typed.h"
#include "gamecore/core.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Memory of a value comes in pieces of at least this. */
#define PIECE (4u << 10)

/* Where a field of the declaration is in its struct. */
struct place {
	size_t offset, n_offset;
	size_t size; /* of a list's element, of a struct */
};

struct typed {
	const struct gc_type *type;
	struct ipc_type *decl;
	uint32_t number;
	struct place *places; /* one a field of decl */
};

struct piece {
	struct piece *next;
	size_t size, used;
	max_align_t bytes[];
};

struct typeds {
	struct typed *all[IPC_TYPES_MAX];
	uint32_t n;
	struct conns by_type; /* by the address of the struct gc_type */
	struct ipc_buf image; /* what is being sent */
	struct piece *pieces; /* of the value of the last event */
};

/* A value of such a kind in C. */
static const size_t c_sizes[IPC_FIELD_KINDS] = {
	[IPC_BOOL] = sizeof(bool),
	[IPC_I8] = 1,
	[IPC_I16] = 2,
	[IPC_I32] = 4,
	[IPC_I64] = 8,
	[IPC_U8] = 1,
	[IPC_U16] = 2,
	[IPC_U32] = 4,
	[IPC_U64] = 8,
	[IPC_F32] = sizeof(float),
	[IPC_F64] = sizeof(double),
	[IPC_STR] = sizeof(const char *),
	[IPC_BYTES] = sizeof(struct gc_bytes),
	[IPC_ENUM] = sizeof(unsigned),
};

/* ---- declaring ----------------------------------------------------------- */

static bool
say_bounds(struct ipc_buf *b, const struct gc_field *f, unsigned kind)
{
	if (ipc_kind_float(kind)) {
		double low = f->lowest, high = f->highest;

		return ipc_buf_printf(b, " %.17g %.17g", low, high);
	}
	if (ipc_kind_signed(kind))
		return ipc_buf_printf(b, " %lld %lld", f->smallest, f->largest);
	if (ipc_kind_unsigned(kind))
		return ipc_buf_printf(b, " %llu %llu",
		    (unsigned long long)f->smallest,
		    (unsigned long long)f->largest);
	if (kind == IPC_ENUM)
		return ipc_buf_printf(b, "%s", f->names);
	return kind == IPC_BOOL || kind == IPC_STRUCT ||
	       ipc_buf_printf(b, " %u", f->longest);
}

/* A declaration as it is being written: lines, and a place a field. */
struct teller {
	struct ipc_buf text;
	struct place *places;
	unsigned n;
};

static bool
place(struct teller *t, size_t offset, size_t n_offset, size_t size)
{
	if (t->n == IPC_TYPE_FIELDS_MAX)
		return false;
	t->places[t->n++] =
	    (struct place){ .offset = offset, .n_offset = n_offset, size };
	return true;
}

static bool
say_fields(struct teller *t, const struct gc_type *type, unsigned depth);

/* Of a list of bare values: these are its elements, each at its own place. */
static bool
say_many(struct teller *t, const struct gc_field *f, unsigned kind)
{
	return place(t, f->offset, f->n_offset, c_sizes[kind]) &&
	       ipc_buf_printf(&t->text, "list %s %u\n%s " IPC_TYPE_BARE,
		   f->name, f->most, f->kind) &&
	       place(t, 0, 0, 0) && say_bounds(&t->text, f, kind) &&
	       ipc_buf_add(&t->text, "\nend\n", 5);
}

static bool
say_field(struct teller *t, const struct gc_field *f, unsigned depth)
{
	int kind = ipc_field_kind_find(f->kind, strlen(f->kind));

	if (kind < 0)
		return false;
	if (f->most)
		return say_many(t, f, (unsigned)kind);
	return place(t, f->offset, f->n_offset, f->of ? f->of->size : 0) &&
	       ipc_buf_printf(&t->text, "%s%s %s", f->kind, f->maybe ? "?" : "",
		   f->name) &&
	       say_bounds(&t->text, f, (unsigned)kind) &&
	       (!f->count || ipc_buf_printf(&t->text, " * %u", f->count)) &&
	       ipc_buf_add(&t->text, "\n", 1) &&
	       (!f->of || (say_fields(t, f->of, depth + 1) &&
			      ipc_buf_add(&t->text, "end\n", 4)));
}

/* The fields of a type as lines, and their places in the same order. */
static bool
say_fields(struct teller *t, const struct gc_type *type, unsigned depth)
{
	const struct gc_field *f = type->fields ? type->fields() : NULL;

	if (depth > IPC_TYPE_DEPTH_MAX)
		return false;
	for (; f && f->name; f++)
		if (!say_field(t, f, depth))
			return false;
	return true;
}

static void
typed_free(struct typed *t)
{
	if (t == NULL)
		return;
	ipc_type_free(t->decl);
	free(t->places);
	free(t);
}

static struct typed *
typed_new(struct gc_net *net, const struct gc_type *type)
{
	struct typed *t = calloc(1, sizeof(*t));
	struct teller to = { .n = 0 };
	const char *why = "out of memory";
	unsigned line = 0;

	ipc_buf_init(&to.text, IPC_TYPE_TEXT_MAX);
	if (t)
		t->places = calloc(IPC_TYPE_FIELDS_MAX, sizeof(*t->places));
	if (t && t->places) {
		to.places = t->places;
		why = "too many fields, or too deep";
		if (ipc_buf_printf(&to.text, "type %s\n", type->name) &&
		    say_fields(&to, type, 0))
			t->decl = ipc_type_new(
			    (char *)to.text.data, to.text.len, &why, &line);
	}
	ipc_buf_release(&to.text);
	if (t && t->decl && t->decl->n_fields == to.n) {
		t->type = type;
		return t;
	}
	typed_free(t);
	net_problem(net, GC_EINVALID,
	    "message '%s' cannot be declared: %s (%u)", type->name, why, line);
	return NULL;
}

static struct typed *
typed_find(const struct gc_net *net, const struct gc_type *type)
{
	struct conn *c = NULL;

	if (net->typeds)
		c = conns_find(
		    &net->typeds->by_type, (uint64_t)(uintptr_t)type);
	return c ? c->bound : NULL;
}

static int
put_schema(struct gc_net *net, const struct typed *t)
{
	struct ipc_frame f = { .kind = IPC_SCHEMA,
		.id = t->number,
		.bytes = (const uint8_t *)t->decl->text,
		.len = (uint32_t)strlen(t->decl->text) };

	return stream_put(net, &f, NULL);
}

int
typed_add(struct gc_net *net, const struct gc_type *type)
{
	struct typeds *all = net->typeds;
	struct typed *t;
	struct conn *c;

	if (typed_find(net, type))
		return 0;
	if (all == NULL) {
		all = net->typeds = calloc(1, sizeof(*all));
		if (all == NULL)
			return net_problem(net, GC_ENO_MEMORY, "out of memory");
		ipc_buf_init(&all->image, IPC_FRAME_MAX_MAX);
	}
	for (uint32_t i = 0; i < all->n; i++)
		if (strcmp(all->all[i]->type->name, type->name) == 0)
			return net_problem(net, GC_EINVALID,
			    "two messages are called '%s'", type->name);
	if (all->n == IPC_TYPES_MAX)
		return net_problem(net, GC_ELIMIT,
		    "more than %u messages are declared", IPC_TYPES_MAX);
	t = typed_new(net, type);
	if (t == NULL)
		return GC_EINVALID;
	c = conns_add(&all->by_type, (uint64_t)(uintptr_t)type, NULL);
	if (c == NULL) {
		typed_free(t);
		return net_problem(net, GC_ENO_MEMORY, "out of memory");
	}
	c->bound = t;
	t->number = all->n;
	all->all[all->n++] = t;
	return 1;
}

int
typed_greet(struct gc_net *net)
{
	int r = 0;

	for (uint32_t i = 0; net->typeds && i < net->typeds->n && r == 0; i++)
		r = put_schema(net, net->typeds->all[i]);
	return r;
}

int
gc_declare(struct gc_net *net, const struct gc_type *type)
{
	int r = typed_add(net, type);

	return r == 1 ? put_schema(net, typed_find(net, type)) : r;
}

void
typed_release(struct gc_net *net)
{
	struct typeds *all = net->typeds;

	if (all == NULL)
		return;
	for (uint32_t i = 0; i < all->n; i++)
		typed_free(all->all[i]);
	while (all->pieces) {
		struct piece *next = all->pieces->next;

		free(all->pieces);
		all->pieces = next;
	}
	conns_release(&all->by_type);
	ipc_buf_release(&all->image);
	free(all);
	net->typeds = NULL;
}

/* ---- a struct becomes an image ------------------------------------------- */

struct packer {
	const struct typed *t;
	struct ipc_buf *out;
	struct ipc_wrong wrong;
	bool full;
};

static bool
room(struct packer *p, bool ok)
{
	if (!ok) {
		p->full = true;
		ipc_wrong_rule(&p->wrong, "too much for one message");
	}
	return ok;
}

static int64_t
int_at(const char *at, unsigned kind)
{
	switch (kind) {
	case IPC_I8:
		return *(const int8_t *)at;
	case IPC_I16:
		return *(const int16_t *)(const void *)at;
	case IPC_I32:
		return *(const int32_t *)(const void *)at;
	default:
		return *(const int64_t *)(const void *)at;
	}
}

static uint64_t
uint_at(const char *at, unsigned kind)
{
	switch (kind) {
	case IPC_BOOL:
		return *(const bool *)at;
	case IPC_ENUM:
		return *(const unsigned *)(const void *)at;
	case IPC_U8:
		return *(const uint8_t *)at;
	case IPC_U16:
		return *(const uint16_t *)(const void *)at;
	case IPC_U32:
		return *(const uint32_t *)(const void *)at;
	default:
		return *(const uint64_t *)(const void *)at;
	}
}

static bool
pack_number(struct packer *p, const struct ipc_typed_field *f, const char *at)
{
	if (ipc_kind_float(f->kind)) {
		double v = f->kind == IPC_F32
			       ? (double)*(const float *)(const void *)at
			       : *(const double *)(const void *)at;

		return ipc_fits_float(f, v, &p->wrong) &&
		       room(p, ipc_image_float(p->out, v));
	}
	if (ipc_kind_signed(f->kind)) {
		int64_t v = int_at(at, f->kind);

		return ipc_fits_int(f, v, &p->wrong) &&
		       room(p, ipc_image_int(p->out, f->kind, v));
	}
	if (f->kind == IPC_ENUM)
		return ipc_fits_enum(f, uint_at(at, IPC_ENUM), &p->wrong) &&
		       room(p, ipc_image_uint(
				   p->out, IPC_ENUM, uint_at(at, IPC_ENUM)));
	return (f->kind == IPC_BOOL ||
		   ipc_fits_uint(f, uint_at(at, f->kind), &p->wrong)) &&
	       room(p, ipc_image_uint(p->out, f->kind, uint_at(at, f->kind)));
}

static bool
pack_str(struct packer *p, const struct ipc_typed_field *f, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	return ipc_fits_text(f, text, len, &p->wrong) &&
	       room(p, ipc_image_str(p->out, text, len));
}

static bool
pack_bytes(
    struct packer *p, const struct ipc_typed_field *f, const struct gc_bytes *b)
{
	return ipc_fits_length(f, b->len, &p->wrong) &&
	       room(p, ipc_image_bytes(p->out, b->at, b->len));
}

static bool
pack_fields(struct packer *p, unsigned from, unsigned to, const char *base);

static bool
pack_list(struct packer *p, unsigned i, const char *base)
{
	const struct ipc_typed_field *f = &p->t->decl->fields[i];
	const struct place *place = &p->t->places[i];
	uint32_t n = *(const uint32_t *)(const void *)(base + place->n_offset);
	const char *items =
	    *(const char *const *)(const void *)(base + place->offset);

	if (!ipc_fits_length(f, n, &p->wrong) ||
	    !room(p, ipc_image_count(p->out, n)))
		return false;
	for (uint32_t k = 0; k < n; k++)
		if (!pack_fields(p, i + 1, f->end, items + k * place->size)) {
			ipc_wrong_in(&p->wrong, NULL, k);
			return false;
		}
	return true;
}

/* What may be missing: is it set, as the C struct says it? */
static bool
is_set(const struct ipc_typed_field *f, const struct place *place,
    const char *base)
{
	const void *at = base + place->offset;

	if (f->kind == IPC_STR || f->kind == IPC_STRUCT)
		return *(const void *const *)at != NULL;
	if (f->kind == IPC_BYTES)
		return ((const struct gc_bytes *)at)->at != NULL;
	return *(const bool *)(base + place->n_offset);
}

static bool
pack_field(struct packer *p, unsigned i, const char *base)
{
	const struct ipc_typed_field *f = &p->t->decl->fields[i];
	const struct place *place = &p->t->places[i];
	const char *at = base + place->offset;
	bool set = f->optional && is_set(f, place, base);

	if (f->optional && (!room(p, ipc_image_count(p->out, set)) || !set))
		return !p->full;
	if (set && f->kind == IPC_STRUCT)
		at = *(const char *const *)(const void *)at;
	switch (f->kind) {
	case IPC_STRUCT:
		return pack_fields(p, i + 1, f->end, at);
	case IPC_LIST:
		return pack_list(p, i, base);
	case IPC_STR:
		return pack_str(p, f, *(const char *const *)(const void *)at);
	case IPC_BYTES:
		return pack_bytes(p, f, (const void *)at);
	default:
		break;
	}
	for (uint32_t k = 0; k < (f->count ? f->count : 1); k++)
		if (!pack_number(p, f, at + k * c_sizes[f->kind])) {
			if (f->count)
				ipc_wrong_in(&p->wrong, NULL, k);
			return false;
		}
	return true;
}

/* As deep as declarations are. */
static bool
pack_fields(struct packer *p, unsigned from, unsigned to, const char *base)
{
	for (unsigned i = from; i < to; i = p->t->decl->fields[i].end)
		if (!pack_field(p, i, base)) {
			ipc_wrong_in(&p->wrong, p->t->decl->fields[i].name, 0);
			return false;
		}
	return true;
}

/* Head and image in net->typeds->image. 0 or GC_E... */
static int
pack(struct gc_net *net, const struct gc_type *type, const void *value)
{
	struct packer p = { .t = typed_find(net, type) };
	uint32_t head[2];
	size_t start;

	if (p.t == NULL)
		return net_problem(net, GC_EINVALID,
		    "message '%s' was not declared", type->name);
	p.out = &net->typeds->image;
	ipc_buf_clear(p.out);
	head[0] = p.t->number;
	head[1] = p.t->decl->signature;
	if (room(&p, ipc_buf_add(p.out, head, sizeof(head)) &&
			 ipc_image_begin(p.out, p.t->decl, false, &start)) &&
	    pack_fields(&p, 0, p.t->decl->n_fields, value)) {
		ipc_image_end(p.out, start);
		return 0;
	}
	return net_problem(net, p.full ? GC_ETOO_LONG : GC_EINVALID,
	    "message '%s', field '%s': %s", type->name, p.wrong.field,
	    p.wrong.rule);
}

/* ---- sending ------------------------------------------------------------- */

static int
send_typed(struct gc_net *net, unsigned kind, uint64_t id,
    const struct gc_how *how, const struct gc_type *type, const void *value)
{
	static const struct gc_how plain;
	struct ipc_frame f = { .kind = (uint8_t)kind, .id = id };
	int r;

	if (how == NULL)
		how = &plain;
	if (how->class_ > GC_DROPPABLE)
		return net_problem(
		    net, GC_EINVALID, "no such class: %u", how->class_);
	r = pack(net, type, value);
	if (r < 0)
		return r;
	f.channel = how->key;
	f.flags = (uint8_t)how->class_;
	f.bytes = net->typeds->image.data;
	f.len = (uint32_t)net->typeds->image.len;
	return stream_put(
	    net, &f, kind == IPC_SEND_TYPED_BUT ? &how->but : NULL);
}

int
gc_send_typed(struct gc_net *net, uint64_t conn, const struct gc_how *how,
    const struct gc_type *type, const void *value)
{
	if (conns_find(&net->conns, conn) == NULL)
		return net->failed;
	return send_typed(net, IPC_SEND_TYPED, conn, how, type, value);
}

int
gc_cast(struct gc_net *net, uint64_t group, const struct gc_how *how,
    const struct gc_type *type, const void *value)
{
	bool but = how && how->but;

	return send_typed(net, but ? IPC_SEND_TYPED_BUT : IPC_SEND_TYPED_GROUP,
	    group, how, type, value);
}

int
gc_say_typed(
    struct gc_session *s, const struct gc_type *type, const void *value)
{
	uint64_t conn = gc_session_conn(s);

	return conn ? gc_send_typed(gc_session_net(s), conn, NULL, type, value)
		    : 0;
}

/* ---- an image becomes a struct ------------------------------------------- */

/* Zeroed memory until the next typed_show(). NULL: out of memory. */
static void *
take_memory(struct typeds *all, size_t n)
{
	struct piece *p = all->pieces;
	size_t size;
	char *at;

	n = (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) *
	    sizeof(max_align_t);
	if (p == NULL || p->size - p->used < n) {
		size = n > PIECE ? n : PIECE;
		p = malloc(sizeof(*p) + size);
		if (p == NULL)
			return NULL;
		p->size = size;
		p->used = 0;
		p->next = all->pieces;
		all->pieces = p;
	}
	at = (char *)p->bytes + p->used;
	p->used += n;
	memset(at, 0, n);
	return at;
}

/* The largest piece stays for the next value. */
static void
reset_memory(struct typeds *all)
{
	struct piece *keep = NULL;

	while (all->pieces) {
		struct piece *p = all->pieces, *drop = p;

		all->pieces = p->next;
		if (keep == NULL || p->size > keep->size) {
			drop = keep;
			keep = p;
		}
		free(drop);
	}
	if (keep) {
		keep->next = NULL;
		keep->used = 0;
	}
	all->pieces = keep;
}

struct unpacker {
	struct typeds *all;
	const struct typed *t;
	const uint8_t *at;
};

static void
unpack_number(struct unpacker *u, unsigned kind, char *to)
{
	if (kind == IPC_F32) {
		float v = (float)ipc_take_float(&u->at);

		memcpy(to, &v, sizeof(v));
	} else if (kind == IPC_F64) {
		double v = ipc_take_float(&u->at);

		memcpy(to, &v, sizeof(v));
	} else if (kind == IPC_BOOL) {
		*(bool *)to = ipc_take_uint(&u->at, kind) != 0;
	} else if (kind == IPC_ENUM) {
		*(unsigned *)(void *)to = (unsigned)ipc_take_uint(&u->at, kind);
	} else {
		uint64_t v = ipc_take_uint(&u->at, kind);

		memcpy(to, &v, c_sizes[kind]);
	}
}

static bool
unpack_blob(struct unpacker *u, unsigned kind, char *to)
{
	struct gc_bytes b;
	const uint8_t *from = kind == IPC_STR ? ipc_take_str(&u->at, &b.len)
					      : ipc_take_bytes(&u->at, &b.len);
	char *copy = take_memory(u->all, (size_t)b.len + 1);

	if (copy == NULL)
		return false;
	memcpy(copy, from, b.len);
	b.at = copy;
	if (kind == IPC_STR)
		memcpy(to, &b.at, sizeof(b.at));
	else
		memcpy(to, &b, sizeof(b));
	return true;
}

static bool
unpack_fields(struct unpacker *u, unsigned from, unsigned to, char *base);

static bool
unpack_list(struct unpacker *u, unsigned i, char *base)
{
	const struct ipc_typed_field *f = &u->t->decl->fields[i];
	const struct place *place = &u->t->places[i];
	uint32_t n = ipc_take_count(&u->at);
	char *items = take_memory(u->all, n * place->size + 1);

	if (items == NULL)
		return false;
	memcpy(base + place->offset, &items, sizeof(items));
	memcpy(base + place->n_offset, &n, sizeof(n));
	for (uint32_t k = 0; k < n; k++)
		if (!unpack_fields(u, i + 1, f->end, items + k * place->size))
			return false;
	return true;
}

/* *at becomes where the value goes to; NULL: it is not set. */
static bool
unpack_set(struct unpacker *u, unsigned i, char *base, char **at)
{
	const struct ipc_typed_field *f = &u->t->decl->fields[i];
	const struct place *place = &u->t->places[i];
	void *inner;

	*at = NULL;
	if (ipc_take_count(&u->at) == 0)
		return true;
	*at = base + place->offset;
	if (f->kind == IPC_STRUCT) {
		inner = take_memory(u->all, place->size + 1);
		if (inner == NULL)
			return false;
		memcpy(*at, &inner, sizeof(inner));
		*at = inner;
	} else if (f->kind != IPC_STR && f->kind != IPC_BYTES) {
		*(bool *)(base + place->n_offset) = true;
	}
	return true;
}

static bool
unpack_field(struct unpacker *u, unsigned i, char *base)
{
	const struct ipc_typed_field *f = &u->t->decl->fields[i];
	char *at = base + u->t->places[i].offset;

	if (f->optional && !unpack_set(u, i, base, &at))
		return false;
	if (at == NULL)
		return true;
	if (f->kind == IPC_STRUCT)
		return unpack_fields(u, i + 1, f->end, at);
	if (f->kind == IPC_LIST)
		return unpack_list(u, i, base);
	if (f->kind == IPC_STR || f->kind == IPC_BYTES)
		return unpack_blob(u, f->kind, at);
	for (uint32_t k = 0; k < (f->count ? f->count : 1); k++)
		unpack_number(u, f->kind, at + k * c_sizes[f->kind]);
	return true;
}

static bool
unpack_fields(struct unpacker *u, unsigned from, unsigned to, char *base)
{
	for (unsigned i = from; i < to; i = u->t->decl->fields[i].end)
		if (!unpack_field(u, i, base))
			return false;
	return true;
}

int
typed_show(struct gc_net *net, const void *bytes, size_t len,
    struct gc_event *ev, const char **why)
{
	struct typeds *all = net->typeds;
	struct unpacker u = { .all = all };
	struct ipc_wrong wrong;
	uint32_t head[2];
	char *value;

	*why = "shorter than its head";
	if (len < sizeof(head))
		return GC_EPROTOCOL;
	memcpy(head, bytes, sizeof(head));
	/* Declared by the program before this one, and parked since. */
	if (all == NULL || head[0] >= all->n ||
	    all->all[head[0]]->decl->signature != head[1])
		return GC_ENOTHING;
	u.t = all->all[head[0]];
	*why = "not as it was declared";
	if (!ipc_image_check(u.t->decl, false,
		(const uint8_t *)bytes + sizeof(head), len - sizeof(head),
		&u.at, &wrong))
		return GC_EPROTOCOL;
	reset_memory(all);
	value = take_memory(all, u.t->type->size);
	if (value == NULL || !unpack_fields(&u, 0, u.t->decl->n_fields, value))
		return GC_ENO_MEMORY;
	ev->type = u.t->type;
	ev->value = value;
	return 0;
}
