/*
 * speak.c - what a player speaks, and typed messages on their way there and
 * back.
 *
 * A game that declared nothing is not touched by any of this. What it speaks
 * is decided anew for each message, from the listener's speak=, what the
 * client asked for, and what is natural for its transport, so players who are
 * there already follow a new program that declares more. Next: tree.c, what a
 * player may say; json.c and pack.c; groups.c, one message to many.
 */
#include "netd/speak.h"

#include "netd/netd.h"
#include "netd/side.h"

#include "ipc/msg.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum speak
speak_of(const struct client *c)
{
	enum speak s = c->url->speak;

	if (c->link->schema == NULL || s == SPEAK_RAW)
		return SPEAK_RAW;
	if (c->speak != SPEAK_UNSAID && c->transport->natural != SPEAK_GMCP)
		return c->speak;
	/* What we connect to knows nothing of our game. */
	if (s == SPEAK_UNSAID && !c->outgoing)
		s = c->transport->natural;
	if (s == SPEAK_GMCP && !c->transport->side_forms(c))
		return SPEAK_RAW;
	return s == SPEAK_UNSAID ? SPEAK_RAW : s;
}

/* ---- to players -----------------------------------------------------------
 */

static const struct ipc_type *
type_of(const struct link *l, const uint8_t *bytes)
{
	const struct ipc_type *t;
	uint32_t head[2];

	memcpy(head, bytes, sizeof(head));
	t = schema_at(l, head[0]);
	return t && t->signature == head[1] ? t : NULL;
}

const char *
speak_check(const struct link *l, const uint8_t *bytes, size_t len)
{
	static char text[384];
	struct ipc_wrong w;
	const struct ipc_type *t;
	const uint8_t *at;

	t = len < IPC_TYPED_HEAD ? NULL : type_of(l, bytes);
	if (t == NULL)
		return "bytes: no such message was declared";
	if (ipc_image_check(t, false, bytes + IPC_TYPED_HEAD,
		len - IPC_TYPED_HEAD, &at, &w))
		return NULL;
	snprintf(text, sizeof(text), "%s %s: %s", t->name, w.field, w.rule);
	return text;
}

/* Where the values of a checked image begin. */
static const uint8_t *
values(const struct ipc_type *t, const uint8_t *image)
{
	size_t n = 8 + strlen(t->format) + 1;

	for (unsigned i = 0; i < t->n_fields; i++)
		n += t->fields[i].count ? 4 : 0;
	return image + n;
}

/* The image again, with the message's name before its values. */
bool
tpl_say(const struct ipc_type *t, const uint8_t *at, const uint8_t *end,
    struct ipc_buf *out)
{
	size_t start;

	if (!ipc_image_begin(out, t, true, &start) ||
	    !ipc_buf_add(out, at, (size_t)(end - at)))
		return false;
	ipc_image_end(out, start);
	return true;
}

size_t
gmcp_name(const struct link *l, const char *name, char *out)
{
	size_t n = 0;

	for (const char *p = l->game; *p; p++)
		if (isalnum((unsigned char)*p) || *p == '_' || *p == '-')
			out[n++] = *p;
	if (n == 0 || !isalpha((unsigned char)out[0])) {
		memcpy(out, "game", 4);
		n = 4;
	}
	out[0] = (char)toupper((unsigned char)out[0]);
	out[n++] = '.';
	out[n] = (char)toupper((unsigned char)name[0]);
	return n + 1 + (size_t)sprintf(out + n + 1, "%s", name + 1);
}

/* "Game.Message {fields}" */
static bool
gmcp_say(const struct link *l, const struct ipc_type *t, const uint8_t *at,
    struct ipc_buf *out)
{
	char name[GMCP_NAME_SIZE];

	return ipc_buf_add(out, name, gmcp_name(l, t->name, name)) &&
	       ipc_buf_add(out, " ", 1) && json_say_fields(t, at, out);
}

const uint8_t *
speak_encode(struct link *l, enum speak speak, const uint8_t *bytes, size_t len,
    unsigned *flags, size_t *n)
{
	const struct ipc_type *t = type_of(l, bytes);
	const uint8_t *at = values(t, bytes + IPC_TYPED_HEAD);
	struct ipc_buf *out = &l->said;
	bool ok;

	out->max = SAID_MAX;
	ipc_buf_clear(out);
	*flags = speak == SPEAK_JSON ? IPC_TEXT : IPC_BINARY;
	if (speak == SPEAK_JSON)
		ok = json_say(t, at, out);
	else if (speak == SPEAK_MSGPACK)
		ok = pack_say(t, at, out);
	else if (speak == SPEAK_GMCP)
		ok = gmcp_say(l, t, at, out);
	else
		ok = tpl_say(t, at, bytes + len, out);
	*n = out->len;
	return ok ? out->data : NULL;
}

bool
speak_wanted(const struct client *c, const uint8_t *bytes)
{
	const struct ipc_type *t = type_of(c->link, bytes);
	char name[GMCP_NAME_SIZE];
	size_t n = gmcp_name(c->link, t->name, name);

	return side_wants(c, (const uint8_t *)name, n);
}

void
speak_release(struct link *l)
{
	schema_release(l);
	ipc_buf_release(&l->said);
}
