/*
 * side.c - what a game and a player's program say to each other beside the
 * text: "Package.Sub json", whatever carries it.
 *
 * Every JSON is parsed once, here, with limits on its size and depth, in both
 * directions: neither ever sees what is none. Core.Hello and Core.Supports are
 * remembered for a game that starts again; Core.Supports says what is sent. The
 * bytes are written once for all members of a group that take the same form.
 *
 * Next: msdp.c for the form that asks for variables, tr_telnet.c and tr_ws.c
 * for who takes which form.
 */
#include "netd/side.h"

#include "ipc/log.h"
#include "ipc/side.h"
#include "netd/msdp.h"
#include "netd/telnet.h"
#include "netd/ws_frame.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Of Core.Hello, and of the names in Core.Supports, in bytes. */
#define HELLO_MAX 1024
#define WANTS_MAX 2048
/* One line in the log about a game's bad messages, and how often. */
#define COMPLAIN_US INT64_C(1000000)

/* ---- reading ---------------------------------------------------------------
 */

/* How deep the brackets go; jansson itself would go down 2,048 times. */
static bool
is_flat(const char *json, size_t len, size_t depth_max)
{
	size_t depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		if (quoted) {
			if (json[i] == '\\')
				i++;
			else if (json[i] == '"')
				quoted = false;
			continue;
		}
		if (json[i] == '"')
			quoted = true;
		else if (json[i] == '[' || json[i] == '{')
			depth++;
		else if ((json[i] == ']' || json[i] == '}') && depth)
			depth--;
		if (depth > depth_max)
			return false;
	}
	return true;
}

bool
side_read(
    struct side_message *m, const uint8_t *bytes, size_t len, size_t depth_max)
{
	size_t at = ipc_side_name(bytes, len);

	*m = (struct side_message){ .bytes = bytes, .name_len = at };
	if (at == 0)
		return false;
	while (len > at && memchr(" \t\r\n", bytes[len - 1], 4))
		len--;
	while (at < len && bytes[at] == ' ')
		at++;
	m->len = len;
	m->json = (const char *)bytes + at;
	m->json_len = len - at;
	if (m->json_len == 0)
		return true;
	if (!is_flat(m->json, m->json_len, depth_max))
		return false;
	m->value = json_loadb(m->json, m->json_len,
	    JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	return m->value != NULL;
}

void
side_done(struct side_message *m)
{
	json_decref(m->value);
	m->value = NULL;
}

bool
side_is(const struct side_message *m, const char *name)
{
	return m->name_len == strlen(name) &&
	       strncasecmp((const char *)m->bytes, name, m->name_len) == 0;
}

/* ---- what the player's program is and wants --------------------------------
 */

struct side *
side_of(struct client *c)
{
	struct rare *r = client_rare(c);

	if (r == NULL || r->side)
		return r ? r->side : NULL;
	r->side = calloc(1, sizeof(*r->side));
	if (r->side)
		ipc_buf_init(&r->side->wants, WANTS_MAX);
	return r->side;
}

/* The place of a name in what it wants, or NULL. */
static uint8_t *
find_want(struct ipc_buf *wants, const char *name)
{
	for (size_t at = 0; at < wants->len;) {
		char *have = (char *)wants->data + at;

		if (strcasecmp(have, name) == 0)
			return wants->data + at;
		at += strlen(have) + 1;
	}
	return NULL;
}

static void
remove_want(struct ipc_buf *wants, const char *name)
{
	uint8_t *at = find_want(wants, name);
	size_t n = strlen(name) + 1;

	if (at == NULL)
		return;
	memmove(at, at + n, wants->len - (size_t)(at - wants->data) - n);
	wants->len -= n;
}

/* "Char.Skills 1": the name, and a version that nobody looks at. */
static void
each_want(struct ipc_buf *wants, json_t *list, bool remove)
{
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v)
	{
		const char *text = json_string_value(v);
		char name[IPC_SIDE_NAME_MAX + 1];
		size_t n =
		    text ? ipc_side_name((const uint8_t *)text, strlen(text))
			 : 0;

		if (n == 0)
			continue;
		memcpy(name, text, n);
		name[n] = '\0';
		if (remove)
			remove_want(wants, name);
		else if (find_want(wants, name) == NULL)
			ipc_buf_add(wants, name, n + 1);
	}
}

bool
side_wants(const struct client *c, const uint8_t *name, size_t len)
{
	const struct side *s = RARE(c, side);
	const struct ipc_buf *wants;

	if (s == NULL || !s->told ||
	    (len > 4 && strncasecmp((const char *)name, "Core.", 5) == 0))
		return true;
	wants = &s->wants;
	for (size_t at = 0; at < wants->len;) {
		const char *have = (const char *)wants->data + at;
		size_t n = strlen(have);

		if (n <= len && (n == len || name[n] == '.') &&
		    strncasecmp(have, (const char *)name, n) == 0)
			return true;
		at += n + 1;
	}
	return false;
}

static void
on_hello(struct client *c, const struct side_message *m)
{
	struct side *s = side_of(c);

	if (s == NULL || m->json_len > HELLO_MAX)
		return;
	free(s->hello);
	s->hello = m->json_len ? strndup(m->json, m->json_len) : NULL;
}

static void
on_supports(struct client *c, const struct side_message *m)
{
	struct side *s = side_of(c);

	if (s == NULL || !json_is_array(m->value))
		return;
	s->told = true;
	if (side_is(m, "Core.Supports.Set"))
		ipc_buf_clear(&s->wants);
	each_want(&s->wants, m->value, side_is(m, "Core.Supports.Remove"));
}

/* Client.Environ {...} */
static bool
write_environ(json_t *variables, struct ipc_buf *out)
{
	char *text = json_dumps(variables, JSON_COMPACT);
	bool good = text && ipc_buf_printf(out, "Client.Environ %s", text);

	free(text);
	return good;
}

bool
side_environ(struct client *c, json_t *variables, size_t max)
{
	struct side *s = side_of(c);
	struct ipc_buf b;
	const char *name;
	json_t *value;
	bool more = true;

	if (s && s->environ == NULL)
		s->environ = json_object();
	json_object_foreach(variables, name, value)
	{
		if (s && (json_object_size(s->environ) < max ||
			     json_object_get(s->environ, name)))
			json_object_set(s->environ, name, value);
	}
	c->netd->metrics.side_in++;
	ipc_buf_init(&b, UINT16_MAX);
	if (write_environ(variables, &b))
		more = client_side(c, b.data, b.len);
	ipc_buf_release(&b);
	return more;
}

void
side_tell(struct client *c)
{
	const struct side *s = RARE(c, side);
	struct ipc_buf b;
	const char *between = "Core.Supports.Set [";

	if (s == NULL || !c->told)
		return;
	ipc_buf_init(&b, UINT16_MAX);
	if (s->environ && write_environ(s->environ, &b))
		link_up(c->link, IPC_SIDE, c->id, 0, 0, b.data, b.len);
	ipc_buf_clear(&b);
	if (s->hello && ipc_buf_printf(&b, "Core.Hello %s", s->hello))
		link_up(c->link, IPC_SIDE, c->id, 0, 0, b.data, b.len);
	ipc_buf_clear(&b);
	for (size_t at = 0; at < s->wants.len; between = ",") {
		const char *name = (const char *)s->wants.data + at;

		ipc_buf_printf(&b, "%s\"%s 1\"", between, name);
		at += strlen(name) + 1;
	}
	if (s->told)
		ipc_buf_printf(&b, "%s]", b.len ? "" : between);
	if (b.len)
		link_up(c->link, IPC_SIDE, c->id, 0, 0, b.data, b.len);
	ipc_buf_release(&b);
}

void
side_free(struct client *c)
{
	struct side *s = RARE(c, side);

	if (s == NULL)
		return;
	free(s->hello);
	ipc_buf_release(&s->wants);
	json_decref(s->environ);
	msdp_free(s->msdp);
	free(s);
	c->rare->side = NULL;
}

/* ---- from the player -------------------------------------------------------
 */

static void
say(struct client *c, const struct ipc_frame *f, struct side_message *m);

static void
pong(struct client *c)
{
	static const uint8_t text[] = "Core.Ping";
	const struct ipc_frame f = { 0 };
	struct side_message m = { .bytes = text,
		.len = sizeof(text) - 1,
		.name_len = sizeof(text) - 1 };

	if (c->transport->may_pong == NULL || c->transport->may_pong(c))
		say(c, &f, &m);
}

/* What a game gets is one line: JSON's white space as blanks. Only between its
 * values is there any, for a raw control character in a string is no JSON. */
static bool
on_one_line(struct side_message *m, struct ipc_buf *line)
{
	ipc_buf_init(line, m->len);
	if (!ipc_buf_add(line, m->bytes, m->len))
		return false;
	for (size_t i = 0; i < line->len; i++) {
		if (line->data[i] < ' ')
			line->data[i] = ' ';
	}
	m->json = (const char *)line->data + (m->json - (const char *)m->bytes);
	m->bytes = line->data;
	return true;
}

bool
side_heard(struct client *c, const uint8_t *bytes, size_t len)
{
	const struct config *k = &c->url->config;
	struct side_message m;
	struct ipc_buf line;
	bool more = true;

	if (c->phase != PLAYING)
		return c->phase == LEAVING;
	if (len > (size_t)k->side_bytes ||
	    !side_read(&m, bytes, len, (size_t)k->side_depth_max)) {
		c->netd->metrics.side_bad++;
		return true;
	}
	c->netd->metrics.side_in++;
	if (side_is(&m, "Core.Ping")) {
		pong(c);
	} else if (on_one_line(&m, &line)) {
		if (side_is(&m, "Core.Hello"))
			on_hello(c, &m);
		else if (m.name_len > 14 && strncasecmp((const char *)bytes,
						"Core.Supports.", 14) == 0)
			on_supports(c, &m);
		more = client_side(c, m.bytes, m.len);
		ipc_buf_release(&line);
	}
	side_done(&m);
	return more;
}

/* ---- to the player ---------------------------------------------------------
 */

/* A message in the forms that somebody took so far. */
struct written {
	struct side_message *m;
	const struct ipc_frame *f;
	struct slice *gmcp, *text;
};

/* JSON is UTF-8, in which there is no IAC. */
static struct slice *
write_gmcp(const struct side_message *m)
{
	static const uint8_t begin[3] = { TELNET_IAC, TELNET_SB, TELNET_GMCP },
			     end[2] = { TELNET_IAC, TELNET_SE };
	struct slice *s = slice_new(m->len + sizeof(begin) + sizeof(end));

	if (s == NULL)
		return NULL;
	memcpy(s->bytes, begin, sizeof(begin));
	memcpy(s->bytes + sizeof(begin), m->bytes, m->len);
	memcpy(s->bytes + sizeof(begin) + m->len, end, sizeof(end));
	return s;
}

static struct slice *
write_text(const struct side_message *m)
{
	struct slice *s = slice_new(m->len + WS_HEAD_MAX);
	size_t n;

	if (s == NULL)
		return NULL;
	n = ws_head_write(s->bytes, WS_TEXT, NULL, m->len);
	memcpy(s->bytes + n, m->bytes, m->len);
	s->len = (uint32_t)(n + m->len);
	return s;
}

struct slice *
side_write(unsigned forms, const uint8_t *bytes, size_t len)
{
	struct side_message m = { .bytes = bytes, .len = len };

	return forms & SIDE_GMCP ? write_gmcp(&m) : write_text(&m);
}

static void
queue(struct client *c, const struct written *w, struct slice *s)
{
	if (s == NULL) {
		client_abort(c, IPC_REASON_NO_MEMORY, "");
		return;
	}
	c->netd->metrics.side_out++;
	client_queue(
	    c, s, 0, s->len, w->f->flags & IPC_CLASS_MASK, w->f->channel);
}

static void
say_to(struct client *c, void *arg)
{
	struct written *w = arg;
	unsigned forms =
	    c->transport->side_forms ? c->transport->side_forms(c) : 0;

	if (!client_takes(c) || c->outgoing || forms == 0)
		return;
	if (forms & SIDE_MSDP)
		msdp_say(c, w->m);
	if (c->phase == GONE || !side_wants(c, w->m->bytes, w->m->name_len))
		return;
	if (forms & SIDE_GMCP) {
		if (w->gmcp == NULL)
			w->gmcp = write_gmcp(w->m);
		queue(c, w, w->gmcp);
	}
	if ((forms & SIDE_TEXT) && c->phase < GONE) {
		if (w->text == NULL)
			w->text = write_text(w->m);
		queue(c, w, w->text);
	}
}

static void
written_free(struct written *w)
{
	if (w->gmcp)
		slice_drop(w->gmcp);
	if (w->text)
		slice_drop(w->text);
}

/* One, to one. */
static void
say(struct client *c, const struct ipc_frame *f, struct side_message *m)
{
	struct written w = { .m = m, .f = f };

	say_to(c, &w);
	written_free(&w);
}

/* A game's JSON that is none is dropped aloud: often a player's words got into
 * it as they were, and that must not end the game. */
static bool
read_games(struct link *l, struct side_message *m, const uint8_t *bytes,
    size_t len, uint64_t id)
{
	struct netd *n = l->netd;
	size_t name = ipc_side_name(bytes, len);

	if (side_read(m, bytes, len, (size_t)n->config.side_depth_max))
		return true;
	n->metrics.side_bad++;
	if (netd_now(n) - l->complained_us >= COMPLAIN_US) {
		l->complained_us = netd_now(n);
		ipc_log(IPC_LOG_WARN, "side_bad",
		    "game=%s id=%llu name=%.*s hint=\"its JSON is none, or "
		    "too deep\"",
		    l->game, (unsigned long long)id, (int)name, bytes);
	}
	return false;
}

bool
side_send(struct link *l, struct client *c, const struct ipc_frame *f)
{
	struct side_message m;

	if (ipc_side_name(f->bytes, f->len) == 0)
		return false;
	if (c == NULL || !c->transport->side_forms ||
	    !c->transport->side_forms(c))
		return true;
	if (!read_games(l, &m, f->bytes, f->len, f->id))
		return true;
	say(c, f, &m);
	side_done(&m);
	return true;
}

bool
side_send_group(struct link *l, const struct ipc_frame *f)
{
	struct side_message m;
	struct written w = { .m = &m, .f = f };
	const uint8_t *bytes = f->bytes + 8;
	size_t len = f->len - 8;
	uint64_t but;

	memcpy(&but, f->bytes, sizeof(but));
	if (ipc_side_name(bytes, len) == 0)
		return false;
	if (!read_games(l, &m, bytes, len, f->id))
		return true;
	group_each(l, f->id, but, say_to, &w);
	written_free(&w);
	side_done(&m);
	return true;
}
