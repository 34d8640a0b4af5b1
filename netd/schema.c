/*
 * schema.c - what the game of a link declared, by number and by name, and all
 * of it as JSON for a page or a person (/schema). Next: speak.c, who asks.
 */
#include "netd/netd.h"
#include "netd/speak.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct entry {
	struct ipc_type *type;
	uint32_t number;
	UT_hash_handle hh; /* by name */
};

struct schema {
	struct entry *by_name;
	struct entry *all[IPC_TYPES_MAX];
	size_t n;
};

void
schema_release(struct link *l)
{
	struct schema *s = l->schema;
	struct entry *e, *next;

	l->schema = NULL;
	if (s == NULL)
		return;
	HASH_ITER(hh, s->by_name, e, next)
	{
		HASH_DEL(s->by_name, e);
		ipc_type_free(e->type);
		free(e);
	}
	free(s);
}

const char *
schema_add(struct link *l, uint64_t id, const char *text, size_t len)
{
	struct schema *s = l->schema;
	struct entry *e;
	const char *why = "";
	unsigned line;
	size_t name_len;

	if (id == 0)
		schema_release(l);
	if (id >= IPC_TYPES_MAX || id != (id && s ? s->n : 0))
		return "id: not the next number";
	if (id == 0)
		l->schema = s = calloc(1, sizeof(*s));
	e = s ? calloc(1, sizeof(*e)) : NULL;
	if (e == NULL)
		return "out of memory";
	e->type = ipc_type_new(text, len, &why, &line);
	if (e->type == NULL) {
		free(e);
		return why;
	}
	name_len = strlen(e->type->name);
	if (schema_find(l, e->type->name, name_len, NULL)) {
		ipc_type_free(e->type);
		free(e);
		return "two messages of one name";
	}
	e->number = (uint32_t)id;
	s->all[s->n++] = e;
	HASH_ADD_KEYPTR(hh, s->by_name, e->type->name, name_len, e);
	return NULL;
}

size_t
schema_count(const struct link *l)
{
	return l->schema ? l->schema->n : 0;
}

const struct ipc_type *
schema_at(const struct link *l, size_t i)
{
	return i < schema_count(l) ? l->schema->all[i]->type : NULL;
}

const struct ipc_type *
schema_find(
    const struct link *l, const char *name, size_t len, uint32_t *number)
{
	struct entry *e;

	if (l->schema == NULL)
		return NULL;
	HASH_FIND(hh, l->schema->by_name, name, len, e);
	if (e && number)
		*number = e->number;
	return e ? e->type : NULL;
}

/* ---- as JSON --------------------------------------------------------------
 */

static json_t *
whole(const struct ipc_typed_field *f, union ipc_bound b)
{
	char text[24];

	if (ipc_kind_float(f->kind))
		return json_real(b.f);
	if (!json_as_text(f))
		return json_integer((json_int_t)b.i);
	if (ipc_kind_signed(f->kind))
		snprintf(text, sizeof(text), "%lld", (long long)b.i);
	else
		snprintf(text, sizeof(text), "%llu", (unsigned long long)b.u);
	return json_string(text);
}

static json_t *
names_json(const struct ipc_typed_field *f)
{
	json_t *a = json_array();

	for (uint32_t i = 0; i < f->longest; i++)
		json_array_append_new(a, json_string(ipc_enum_name(f, i)));
	return a;
}

static json_t *
fields_json(const struct ipc_type *t, unsigned from, unsigned to);

static json_t *
field_json(const struct ipc_type *t, unsigned i)
{
	const struct ipc_typed_field *f = &t->fields[i];
	json_t *j = json_object();

	json_object_set_new(
	    j, "type", json_string(ipc_field_kind_name(f->kind)));
	if (f->kind == IPC_STR || f->kind == IPC_BYTES || f->kind == IPC_LIST)
		json_object_set_new(j, "longest", json_integer(f->longest));
	if (f->kind == IPC_ENUM) {
		json_object_set_new(j, "names", names_json(f));
	} else if (ipc_list_bare(f)) {
		json_object_set_new(j, "of", field_json(t, i + 1));
	} else if (f->kind == IPC_LIST || f->kind == IPC_STRUCT) {
		json_object_set_new(j, "fields", fields_json(t, i + 1, f->end));
	} else if (f->kind < IPC_STR && f->kind != IPC_BOOL) {
		json_object_set_new(j, "min", whole(f, f->min));
		json_object_set_new(j, "max", whole(f, f->max));
	}
	if (f->count)
		json_object_set_new(j, "count", json_integer(f->count));
	if (f->optional)
		json_object_set_new(j, "optional", json_true());
	return j;
}

static json_t *
fields_json(const struct ipc_type *t, unsigned from, unsigned to)
{
	json_t *o = json_object();

	for (unsigned i = from; i < to; i = t->fields[i].end)
		json_object_set_new(o, t->fields[i].name, field_json(t, i));
	return o;
}

static int
add(const char *bytes, size_t len, void *out)
{
	return ipc_buf_add(out, bytes, len) ? 0 : -1;
}

bool
schema_print(const struct link *l, struct ipc_buf *out)
{
	json_t *top = json_object(), *messages = json_object();
	bool ok;

	for (size_t i = 0; i < schema_count(l); i++) {
		const struct ipc_type *t = schema_at(l, i);
		json_t *m = json_object();

		json_object_set_new(m, "tpl", json_string(t->format));
		json_object_set_new(
		    m, "fields", fields_json(t, 0, t->n_fields));
		json_object_set_new(messages, t->name, m);
	}
	json_object_set_new(top, "game", json_string(l->game));
	json_object_set_new(top, "messages", messages);
	ok = json_dump_callback(top, add, out, JSON_COMPACT) == 0;
	json_decref(top);
	return ok;
}
