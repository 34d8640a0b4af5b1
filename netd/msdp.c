/*
 * msdp.c - MSDP (tintin.mudhalla.net/protocols/msdp), the form of out-of-band
 * messages in which a client asks for variables by name.
 *
 * A game knows nothing of it: what it says as Char.Vitals {"hp":1} is the
 * variable CHAR_VITALS here, a table; the members of a package named MSDP are
 * variables of their own. The last value of each is kept for this client, so
 * that netd answers LIST, SEND and REPORT by itself. What a client sets comes
 * to the game as MSDP {"NAME":value}.
 */
#include "netd/msdp.h"

#include "netd/telnet.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VAR = 1, VAL, TABLE_OPEN, TABLE_CLOSE, ARRAY_OPEN, ARRAY_CLOSE };
#define IS_MARK(b) ((b) >= VAR && (b) <= ARRAY_CLOSE)

struct variable {
	char name[IPC_SIDE_NAME_MAX + 1];
	bool reported;
	struct ipc_buf value; /* as it is sent; no data: it has none yet */
};

struct msdp {
	struct variable *all; /* owned */
	size_t n, size;
	size_t bytes; /* of all values */
};

/* ---- JSON -> bytes --------------------------------------------------------
 */

static bool put_value(struct ipc_buf *b, json_t *v);

/* What would be read as a mark is none of a text's. */
static bool
put_text(struct ipc_buf *b, const char *text, size_t n)
{
	uint8_t *to = n ? ipc_buf_space(b, n) : b->data;

	if (to == NULL)
		return n == 0;
	for (size_t i = 0; i < n; i++)
		to[i] = IS_MARK((uint8_t)text[i]) || text[i] == 0
			    ? '?'
			    : (uint8_t)text[i];
	if (n)
		ipc_buf_added(b, n);
	return true;
}

static bool
put_mark(struct ipc_buf *b, unsigned mark)
{
	uint8_t byte = (uint8_t)mark;

	return ipc_buf_add(b, &byte, 1);
}

static bool
put_table(struct ipc_buf *b, json_t *v)
{
	bool good = put_mark(b, TABLE_OPEN);
	const char *name;
	json_t *member;

	json_object_foreach(v, name, member)
	{
		good = good && put_mark(b, VAR) &&
		       put_text(b, name, strlen(name)) && put_mark(b, VAL) &&
		       put_value(b, member);
	}
	return good && put_mark(b, TABLE_CLOSE);
}

static bool
put_array(struct ipc_buf *b, json_t *v)
{
	bool good = put_mark(b, ARRAY_OPEN);
	json_t *member;
	size_t i;

	json_array_foreach(v, i, member)
	{
		good = good && put_mark(b, VAL) && put_value(b, member);
	}
	return good && put_mark(b, ARRAY_CLOSE);
}

static bool
put_value(struct ipc_buf *b, json_t *v)
{
	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_OBJECT:
		return put_table(b, v);
	case JSON_ARRAY:
		return put_array(b, v);
	case JSON_STRING:
		return put_text(b, json_string_value(v), json_string_length(v));
	case JSON_INTEGER:
		return ipc_buf_printf(
		    b, "%lld", (long long)json_integer_value(v));
	case JSON_REAL:
		return ipc_buf_printf(b, "%.15g", json_real_value(v));
	case JSON_TRUE:
		return put_mark(b, '1');
	case JSON_FALSE:
		return put_mark(b, '0');
	default:
		return true;
	}
}

/* ---- bytes -> JSON --------------------------------------------------------
 */

struct parse {
	const uint8_t *p, *end;
	size_t depth_max;
};

/* All of these are owned, or NULL: it is none. */
static json_t *read_value(struct parse *r, size_t depth);

static json_t *
read_text(struct parse *r)
{
	const uint8_t *from = r->p;

	while (r->p < r->end && !IS_MARK(*r->p))
		r->p++;
	return json_stringn((const char *)from, (size_t)(r->p - from));
}

/* The text is a view; its end is *n. */
static const char *
read_name(struct parse *r, size_t *n)
{
	const uint8_t *from = r->p;

	while (r->p < r->end && !IS_MARK(*r->p) && *r->p)
		r->p++;
	*n = (size_t)(r->p - from);
	return (const char *)from;
}

static bool
at(struct parse *r, unsigned mark)
{
	if (r->p == r->end || *r->p != mark)
		return false;
	r->p++;
	return true;
}

/* VAR name VAL value, into an object. A second VAL makes it an array. */
static bool
read_member(struct parse *r, size_t depth, json_t *into)
{
	size_t n;
	const char *name = read_name(r, &n);
	json_t *v = at(r, VAL) ? read_value(r, depth) : json_string("");

	while (v && at(r, VAL)) {
		json_t *more = read_value(r, depth);

		if (!json_is_array(v))
			v = json_pack("[o]", v);
		if (more == NULL || v == NULL || json_array_append_new(v, more))
			return json_decref(v), false;
	}
	return v && json_object_setn_new(into, name, n, v) == 0;
}

static json_t *
read_table(struct parse *r, size_t depth)
{
	json_t *v = json_object();

	while (v && !at(r, TABLE_CLOSE)) {
		if (at(r, VAR) && read_member(r, depth, v))
			continue;
		json_decref(v);
		v = NULL;
	}
	return v;
}

static json_t *
read_array(struct parse *r, size_t depth)
{
	json_t *v = json_array();

	while (v && !at(r, ARRAY_CLOSE)) {
		json_t *member = at(r, VAL) ? read_value(r, depth) : NULL;

		if (member && json_array_append_new(v, member) == 0)
			continue;
		json_decref(v);
		v = NULL;
	}
	return v;
}

static json_t *
read_value(struct parse *r, size_t depth)
{
	if (depth > r->depth_max)
		return NULL;
	if (at(r, TABLE_OPEN))
		return read_table(r, depth + 1);
	if (at(r, ARRAY_OPEN))
		return read_array(r, depth + 1);
	return read_text(r);
}

/* ---- variables ------------------------------------------------------------
 */

static struct msdp *
msdp_of(struct client *c)
{
	struct side *s = side_of(c);

	if (s && s->msdp == NULL)
		s->msdp = calloc(1, sizeof(*s->msdp));
	return s ? s->msdp : NULL;
}

void
msdp_free(struct msdp *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n; i++)
		ipc_buf_release(&m->all[i].value);
	free(m->all);
	free(m);
}

static struct variable *
find(struct msdp *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->all[i].name, name) == 0)
			return &m->all[i];
	return NULL;
}

static bool
is_name(const char *name)
{
	const char *p = name;

	while (*p > ' ' && *p < 0x7f)
		p++;
	return *p == '\0' && p != name && p - name <= (int)IPC_SIDE_NAME_MAX;
}

/* It, or a new one; NULL: there are enough, or that is no name. */
static struct variable *
variable(struct client *c, const char *name)
{
	struct msdp *m = msdp_of(c);
	struct variable *v = m ? find(m, name) : NULL;

	if (m == NULL || v)
		return v;
	if (m->n >= (size_t)c->url->config.variables_max || !is_name(name))
		return NULL;
	if (m->n == m->size) {
		size_t size = m->size ? 2 * m->size : 8;
		struct variable *p = realloc(m->all, size * sizeof(*p));

		if (p == NULL)
			return NULL;
		m->all = p;
		m->size = size;
	}
	v = &m->all[m->n++];
	memset(v, 0, sizeof(*v));
	strcpy(v->name, name);
	ipc_buf_init(&v->value, (size_t)c->url->config.variables_bytes);
	return v;
}

/* IAC SB MSDP VAR name VAL value IAC SE; there is no IAC in either. */
static void
send_value(struct client *c, const char *name, const uint8_t *value, size_t len)
{
	struct ipc_buf b;
	size_t n = strlen(name);
	const uint8_t head[] = { TELNET_IAC, TELNET_SB, TELNET_MSDP, VAR },
		      end[] = { TELNET_IAC, TELNET_SE };

	ipc_buf_init(&b, len + n + 16);
	if (ipc_buf_add(&b, head, sizeof(head)) && ipc_buf_add(&b, name, n) &&
	    put_mark(&b, VAL) && (len == 0 || ipc_buf_add(&b, value, len)) &&
	    ipc_buf_add(&b, end, sizeof(end)))
		client_raw(c, b.data, b.len);
	ipc_buf_release(&b);
}

static void
set(struct client *c, const char *name, json_t *value)
{
	struct variable *v = variable(c, name);
	struct msdp *m;
	size_t max = (size_t)c->url->config.variables_bytes;
	struct ipc_buf b;

	if (v == NULL)
		return;
	m = c->rare->side->msdp;
	m->bytes -= v->value.len;
	ipc_buf_init(&b, max > m->bytes ? max - m->bytes : 0);
	if (!put_value(&b, value)) {
		ipc_buf_release(&b);
		c->netd->metrics.side_bad++;
	} else {
		ipc_buf_release(&v->value);
		v->value = b;
	}
	m->bytes += v->value.len;
	if (v->reported) {
		c->netd->metrics.side_out++;
		send_value(c, name, v->value.data, v->value.len);
	}
}

void
msdp_say(struct client *c, const struct side_message *s)
{
	char name[IPC_SIDE_NAME_MAX + 1];
	const char *member;
	json_t *value;

	if (side_is(s, "MSDP") && json_is_object(s->value)) {
		json_object_foreach(s->value, member, value)
		{
			set(c, member, value);
		}
		return;
	}
	for (size_t i = 0; i < s->name_len; i++)
		name[i] = s->bytes[i] == '.' ? '_' : (char)toupper(s->bytes[i]);
	name[s->name_len] = '\0';
	set(c, name, s->value);
}

/* ---- what a client asks ---------------------------------------------------
 */

static const char *const commands[] = { "LIST", "REPORT", "RESET", "SEND",
	"UNREPORT", NULL };
static const char *const lists[] = { "COMMANDS", "LISTS",
	"CONFIGURABLE_VARIABLES", "REPORTABLE_VARIABLES", "REPORTED_VARIABLES",
	"SENDABLE_VARIABLES", NULL };

static void
on_list(struct client *c, const char *what)
{
	const char *const *words = strcmp(what, "COMMANDS") == 0 ? commands
				   : strcmp(what, "LISTS") == 0  ? lists
								 : NULL;
	struct msdp *m = msdp_of(c);
	bool known = words || strcmp(what, "CONFIGURABLE_VARIABLES") == 0;
	bool reported = strcmp(what, "REPORTED_VARIABLES") == 0;
	bool able = strcmp(what, "REPORTABLE_VARIABLES") == 0 ||
		    strcmp(what, "SENDABLE_VARIABLES") == 0;
	json_t *all = json_array();
	struct ipc_buf b;

	for (; words && *words; words++)
		json_array_append_new(all, json_string(*words));
	for (size_t i = 0; m && i < m->n; i++)
		if (reported ? m->all[i].reported
			     : able && m->all[i].value.data)
			json_array_append_new(all, json_string(m->all[i].name));
	ipc_buf_init(&b, UINT16_MAX);
	if ((known || reported || able) && put_value(&b, all))
		send_value(c, what, b.data, b.len);
	ipc_buf_release(&b);
	json_decref(all);
}

static void
on_send(struct client *c, const char *name)
{
	struct msdp *m = msdp_of(c);
	struct variable *v = m ? find(m, name) : NULL;

	if (v && v->value.data)
		send_value(c, name, v->value.data, v->value.len);
}

static void
on_report(struct client *c, const char *name)
{
	struct variable *v = variable(c, name);

	if (v == NULL)
		return;
	v->reported = true;
	on_send(c, name);
}

static void
on_unreport(struct client *c, const char *name)
{
	struct msdp *m = msdp_of(c);
	struct variable *v = m ? find(m, name) : NULL;

	if (v)
		v->reported = false;
}

static void
on_reset(struct client *c, const char *what)
{
	struct msdp *m = msdp_of(c);

	for (size_t i = 0; m && i < m->n; i++)
		if (strcmp(what, "REPORTABLE_VARIABLES") == 0 ||
		    strcmp(what, "REPORTED_VARIABLES") == 0)
			m->all[i].reported = false;
}

static void (*command(const char *name))(struct client *, const char *)
{
	static void (*const act[])(struct client *, const char *) = { on_list,
		on_report, on_reset, on_send, on_unreport };

	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i], name) == 0)
			return act[i];
	return NULL;
}

/* Each name is one question. */
static void
ask(struct client *c, void (*act)(struct client *, const char *), json_t *v)
{
	json_t *member;
	size_t i;

	if (json_is_string(v) && c->transport->may_pong(c))
		act(c, json_string_value(v));
	json_array_foreach(v, i, member)
	{
		if (json_is_string(member) && c->transport->may_pong(c))
			act(c, json_string_value(member));
	}
}

/* What it sets is the game's: MSDP {"NAME":value}. */
static bool
tell(struct client *c, const char *name, json_t *value)
{
	json_t *o = json_pack("{sO}", name, value);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	struct ipc_buf b;
	bool more = true;

	ipc_buf_init(&b, UINT16_MAX + 16);
	if (text && ipc_buf_printf(&b, "MSDP %s", text))
		more = client_side(c, b.data, b.len);
	ipc_buf_release(&b);
	free(text);
	json_decref(o);
	return more;
}

static bool
heard_one(struct client *c, json_t *one)
{
	void *at = json_object_iter(one);
	const char *name = json_object_iter_key(at);
	json_t *value = json_object_iter_value(at);
	void (*act)(struct client *, const char *) = command(name);

	if (act == NULL)
		return tell(c, name, value);
	ask(c, act, value);
	return true;
}

bool
msdp_heard(struct client *c, const uint8_t *bytes, size_t len)
{
	const struct config *k = &c->url->config;
	struct parse r = { .p = bytes,
		.end = bytes + len,
		.depth_max = (size_t)k->side_depth_max };
	bool good = len <= (size_t)k->side_bytes, more = true;

	while (good && r.p < r.end) {
		json_t *one = json_object();

		good = one && at(&r, VAR) && read_member(&r, 1, one);
		if (good)
			more = heard_one(c, one) && more;
		json_decref(one);
	}
	if (good)
		c->netd->metrics.side_in++;
	else
		c->netd->metrics.side_bad++;
	return more;
}
