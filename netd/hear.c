/*
 * hear.c - typed messages of players: parsed, held against what the game
 * declared, and laid down as an image for it; or answered with what is wrong.
 * The game never hears of those. Also the way back to one player. Next:
 * tree.c, which holds a value against its declaration.
 */
#include "netd/netd.h"
#include "netd/side.h"
#include "netd/speak.h"
#include "netd/utf8.h"

#include "ipc/log.h"
#include "ipc/side.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static void
say_side(struct client *c, unsigned class, uint16_t key, const uint8_t *said,
    size_t n)
{
	struct ipc_frame f = { .kind = IPC_SEND_SIDE,
		.flags = (uint8_t) class,
		.channel = key,
		.id = c->id,
		.bytes = said,
		.len = (uint32_t)n };

	side_send(c->link, c, &f);
}

void
speak_send(struct client *c, unsigned flags, uint16_t key, const uint8_t *bytes,
    size_t len)
{
	enum speak speak = speak_of(c);
	const uint8_t *said;
	unsigned text;
	size_t n;

	if (speak == SPEAK_RAW)
		return;
	said = speak_encode(c->link, speak, bytes, len, &text, &n);
	if (said && speak == SPEAK_GMCP)
		say_side(c, flags & IPC_CLASS_MASK, key, said, n);
	else if (said)
		client_send(c, (flags & IPC_CLASS_MASK) | text, key, said, n);
	else
		client_close(c, IPC_REASON_NO_MEMORY, "");
}

/* ---- from players ----------------------------------------------------------
 */

/* A message of netd's own: what was wrong with one of the player's. */
static const struct ipc_type *
error_type(void)
{
	static struct ipc_typed_field fields[] = {
		{ .name = "message", .kind = IPC_STR, .end = 1, .longest = 64 },
		{ .name = "field", .kind = IPC_STR, .end = 2, .longest = 160 },
		{ .name = "rule", .kind = IPC_STR, .end = 3, .longest = 96 },
	};
	static char format[] = "sss";
	static const struct ipc_type type = { .name = IPC_TYPE_ERROR,
		.format = format,
		.n_fields = 3,
		.fields = fields };

	return &type;
}

static void
answer(struct client *c, enum speak speak, const char *message,
    const struct ipc_wrong *w)
{
	const struct ipc_type *t = error_type();
	struct ipc_buf image, *out = &c->link->said;
	const uint8_t *at;
	bool ok;

	ipc_buf_init(&image, 1024);
	out->max = SAID_MAX;
	ipc_buf_clear(out);
	ok = ipc_image_str(&image, message, strlen(message)) &&
	     ipc_image_str(&image, w->field, strlen(w->field)) &&
	     ipc_image_str(&image, w->rule, strlen(w->rule));
	at = image.data;
	if (speak == SPEAK_GMCP) {
		char name[GMCP_NAME_SIZE];

		ok =
		    ok &&
		    ipc_buf_add(out, name, gmcp_name(c->link, t->name, name)) &&
		    ipc_buf_add(out, " ", 1) && json_say_fields(t, at, out);
		if (ok)
			say_side(c, 0, 0, out->data, out->len);
		ipc_buf_release(&image);
		return;
	}
	if (ok && speak == SPEAK_JSON)
		ok = json_say(t, at, out);
	else if (ok && speak == SPEAK_MSGPACK)
		ok = pack_say(t, at, out);
	else if (ok)
		ok = tpl_say(t, at, at + image.len, out);
	if (ok)
		client_send(c, speak == SPEAK_JSON ? IPC_TEXT : IPC_BINARY, 0,
		    out->data, out->len);
	ipc_buf_release(&image);
}

/* Said to the sender; too many of them, and it is closed. */
static void
refuse(struct client *c, enum speak speak, const char *message,
    const struct ipc_wrong *w)
{
	char text[IPC_CLOSE_TEXT_MAX + 1];

	c->netd->metrics.malformed++;
	ipc_log(IPC_LOG_DEBUG, "malformed",
	    "conn=%llu message=\"%s\" field=\"%s\" rule=\"%s\"",
	    (unsigned long long)c->id, message, w->field, w->rule);
	/* To a server it is the end: answers to answers would never end. */
	if (!c->outgoing) {
		answer(c, speak, message, w);
		if (client_rare(c) &&
		    c->rare->wrong++ < c->url->config.wrong_max)
			return;
	}
	snprintf(text, sizeof(text), "malformed: %.31s %.31s: %.40s", message,
	    w->field, w->rule);
	client_close(c, IPC_REASON_PROTOCOL, text);
}

/* What a player said: which message, once that is known. */
struct heard {
	const struct ipc_type *type;
	uint32_t number;
	char name[IPC_TYPE_NAME_MAX + 1]; /* as it was said, printable */
	struct ipc_wrong wrong;
};

static bool
no(struct heard *h, const char *rule)
{
	ipc_wrong_rule(&h->wrong, "%s", rule);
	return false;
}

/* By its name. A server that we connected to may say "error" as well. */
static bool
find(const struct client *c, struct heard *h, const char *name, size_t len)
{
	snprintf(h->name, sizeof(h->name), "%.*s",
	    (int)(len < sizeof(h->name) ? len : sizeof(h->name) - 1), name);
	/* Half a character would spoil the answer. */
	for (char *p = h->name; *p; p++)
		if ((unsigned char)*p >= 0x7f || (unsigned char)*p < ' ')
			*p = '?';
	h->type = schema_find(c->link, name, len, &h->number);
	if (h->type == NULL && c->outgoing && !strcmp(h->name, IPC_TYPE_ERROR))
		h->type = error_type();
	return h->type || no(h, "no such message");
}

/* Head and image in l->said, as far as its first value. */
static bool
begin(struct link *l, const struct heard *h, size_t *start)
{
	uint32_t head[2] = { h->number, h->type->signature };

	l->said.max = SAID_MAX;
	ipc_buf_clear(&l->said);
	return ipc_buf_add(&l->said, head, sizeof(head)) &&
	       ipc_image_begin(&l->said, h->type, false, start);
}

static bool
take_top(struct client *c, const struct tree *t, struct heard *h)
{
	struct node first, map;
	size_t start;

	if (t->top.what != NODE_ARRAY || t->top.n < 1 || t->top.n > 2)
		return no(h, "not [\"name\", {fields}]");
	t->ops->item(&t->top, 0, &first);
	if (first.what != NODE_STR)
		return no(h, "the name is not text");
	if (!find(c, h, first.at, first.n))
		return false;
	if (t->top.n == 2)
		t->ops->item(&t->top, 1, &map);
	if (!begin(c->link, h, &start))
		return no(h, "too much for one message");
	if (!tree_take(t->ops, h->type, t->top.n == 2 ? &map : NULL,
		&c->link->said, &h->wrong))
		return false;
	ipc_image_end(&c->link->said, start);
	return true;
}

static bool
take_tree(struct client *c, enum speak speak, const uint8_t *bytes, size_t len,
    struct heard *h)
{
	struct tree t = { .ops = NULL };
	char *rule = h->wrong.rule;
	size_t size = sizeof(h->wrong.rule);
	int r = speak == SPEAK_JSON ? json_parse(&t, bytes, len, rule, size)
				    : pack_parse(&t, bytes, len, rule, size);
	bool ok;

	if (r < 0)
		return false;
	ok = take_top(c, &t, h);
	t.ops->release(&t);
	return ok;
}

static bool
take_tpl(struct client *c, const uint8_t *bytes, size_t len, struct heard *h)
{
	struct ipc_buf *out = &c->link->said;
	const uint8_t *at;
	size_t n, start;
	const char *name = ipc_image_name(bytes, len, &n);

	if (name == NULL)
		return no(h, "not a tpl image that begins with a name");
	if (!find(c, h, name, n) ||
	    !ipc_image_check(h->type, true, bytes, len, &at, &h->wrong))
		return false;
	if (!begin(c->link, h, &start) ||
	    !ipc_buf_add(out, at, (size_t)(bytes + len - at)))
		return no(h, "too much for one message");
	ipc_image_end(out, start);
	return true;
}

/* The server that we connected to did not like what our game said. */
static void
was_refused(struct client *c)
{
	const uint8_t *at = c->link->said.data + IPC_TYPED_HEAD +
			    sizeof("tpl.size"
				   "sss");
	char text[IPC_CLOSE_TEXT_MAX + 1];
	const uint8_t *words[3];
	uint32_t n[3];

	for (int i = 0; i < 3; i++) {
		words[i] = ipc_take_str(&at, &n[i]);
		n[i] = (uint32_t)utf8_cut(words[i], n[i], 36);
	}
	snprintf(text, sizeof(text), "refused: %.*s %.*s: %.*s", (int)n[0],
	    (const char *)words[0], (int)n[1], (const char *)words[1],
	    (int)n[2], (const char *)words[2]);
	client_close(c, IPC_REASON_PROTOCOL, text);
}

/* The image in l->said goes up. */
static void
up(struct client *c)
{
	const struct ipc_buf *b = &c->link->said;

	if (ipc_frame_size(b->len) > c->link->frame_max)
		client_close(c, IPC_REASON_TOO_LONG, "message too long");
	else
		link_up(c->link, IPC_TYPED, c->id, 0, 0, b->data, b->len);
}

bool
speak_got(struct client *c, unsigned flags, const uint8_t *bytes, size_t len)
{
	enum speak speak = speak_of(c);
	struct heard h = { .number = UINT32_MAX };
	bool ok;

	/* On telnet lines are a person's; GMCP comes by speak_side(). */
	if (speak == SPEAK_RAW || speak == SPEAK_GMCP)
		return false;
	/* A WebSocket says itself which of the two it is. */
	if (c->transport->natural == SPEAK_JSON && speak != SPEAK_TPL)
		speak = flags & IPC_BINARY ? SPEAK_MSGPACK : SPEAK_JSON;
	if (speak == SPEAK_TPL)
		ok = take_tpl(c, bytes, len, &h);
	else
		ok = take_tree(c, speak, bytes, len, &h);
	if (!ok)
		refuse(c, speak, h.name, &h.wrong);
	else if (h.type == error_type())
		was_refused(c);
	else
		up(c);
	return true;
}

/* ---- beside the text: GMCP -------------------------------------------------
 */

/* The message whose name of GMCP this is, in any case of letters. */
static const struct ipc_type *
find_side(const struct link *l, const uint8_t *name, size_t len, uint32_t *i)
{
	char own[GMCP_NAME_SIZE];

	for (*i = 0; *i < schema_count(l); ++*i) {
		const struct ipc_type *t = schema_at(l, *i);

		if (gmcp_name(l, t->name, own) == len &&
		    strncasecmp(own, (const char *)name, len) == 0)
			return t;
	}
	return NULL;
}

/* Is it of the package that this game's messages are in? */
static bool
is_of_game(const struct link *l, const uint8_t *name, size_t len)
{
	char own[GMCP_NAME_SIZE];
	size_t n = gmcp_name(l, "x", own) - 1;

	return len > n && strncasecmp(own, (const char *)name, n) == 0;
}

static bool
take_side(struct client *c, const uint8_t *bytes, size_t len, size_t name_len,
    struct heard *h)
{
	struct ipc_buf *out = &c->link->said;
	struct tree t = { .ops = NULL };
	size_t start;
	bool ok;

	snprintf(h->name, sizeof(h->name), "%.*s",
	    (int)(name_len < sizeof(h->name) ? name_len : 0),
	    (const char *)bytes);
	h->type = find_side(c->link, bytes, name_len, &h->number);
	if (h->type == NULL)
		return no(h, "no such message");
	if (!begin(c->link, h, &start))
		return no(h, "too much for one message");
	if (len > name_len && json_parse(&t, bytes + name_len, len - name_len,
				  h->wrong.rule, sizeof(h->wrong.rule)) < 0)
		return false;
	ok = tree_take(t.ops, h->type, t.ops ? &t.top : NULL, out, &h->wrong);
	if (t.ops)
		t.ops->release(&t);
	if (ok)
		ipc_image_end(out, start);
	return ok;
}

bool
speak_side(struct client *c, const uint8_t *bytes, size_t len)
{
	struct heard h = { .number = UINT32_MAX };
	size_t name_len = ipc_side_name(bytes, len);

	if (speak_of(c) != SPEAK_GMCP || !is_of_game(c->link, bytes, name_len))
		return false;
	if (take_side(c, bytes, len, name_len, &h))
		up(c);
	else
		refuse(c, SPEAK_GMCP, h.name, &h.wrong);
	return true;
}
