/*
 * talk.c - netd's own words to a client library, by table.
 *
 * What comes in is a player's: it is decoded under limits, and what is no such
 * word closes its sender. Next: state.c and event.c, whose words these are.
 */
#include "netd/talk.h"

#include "netd/event.h"
#include "netd/netd.h"
#include "netd/side.h"
#include "netd/speak.h"
#include "netd/state.h"

#include <stdlib.h>
#include <string.h>

static bool
by_gmcp(const struct client *c)
{
	return c->transport->natural == SPEAK_GMCP;
}

struct talk *
talk_of(struct client *c)
{
	if (c->talk)
		return c->talk;
	c->talk = calloc(1, sizeof(*c->talk));
	if (c->talk)
		c->talk->binary = c->transport->natural == SPEAK_TPL &&
				  !c->transport->is_prose;
	return c->talk;
}

void
talk_forget(struct client *c)
{
	if (c->talk == NULL)
		return;
	state_forget(c);
	event_forget(c);
	free(c->talk);
	c->talk = NULL;
}

/* ---- out --------------------------------------------------------------------
 */

bool
talk_encode(bool binary, const struct ipc_value *v, struct ipc_buf *out)
{
	return (binary ? ipc_value_pack(v, out) : ipc_value_json(v, out)) == 0;
}

bool
talk_hears(const struct client *c)
{
	if (by_gmcp(c))
		return c->transport->side_forms && c->transport->side_forms(c);
	return !c->transport->is_prose || (c->talk && c->talk->spoke);
}

/* ["$state",{...}] as Penstock.State {...}; what has more than one argument
 * stays an array. */
static void
send_gmcp(struct client *c, const struct ipc_buf *b)
{
	static const char name[] = "Penstock.";
	const char *text = (const char *)b->data, *word = text + 3;
	const char *end = memchr(word, '"', b->len - 3);
	bool state = end - word == 5 && memcmp(word, "state", 5) == 0;
	struct ipc_frame f = { .kind = IPC_SEND_SIDE, .id = c->id };
	struct ipc_buf out;

	ipc_buf_init(&out, b->len + sizeof(name) + 4);
	if (ipc_buf_printf(&out, "%s%c%.*s %s", name, *word - 'a' + 'A',
		(int)(end - word - 1), word + 1, state ? "" : "[") &&
	    ipc_buf_add(&out, end + 2,
		b->len - (size_t)(end + 2 - text) - (state ? 1 : 0))) {
		f.bytes = out.data;
		f.len = (uint32_t)out.len;
		side_send(c->link, c, &f);
	}
	ipc_buf_release(&out);
}

void
talk_send_bytes(struct client *c, const struct ipc_buf *b)
{
	if (!client_takes(c))
		return;
	if (by_gmcp(c))
		send_gmcp(c, b);
	else
		client_send(c,
		    IPC_RELIABLE | (c->talk->binary ? IPC_BINARY : IPC_TEXT), 0,
		    b->data, b->len);
}

void
talk_send(struct client *c, struct ipc_value *v)
{
	struct ipc_buf b;

	ipc_buf_init(&b, c->link->frame_max);
	if (talk_of(c) && v && talk_encode(c->talk->binary, v, &b))
		talk_send_bytes(c, &b);
	else
		client_close(c, IPC_REASON_NO_MEMORY, "");
	ipc_buf_release(&b);
	ipc_value_free(v);
}

/* ---- in ---------------------------------------------------------------------
 */

static bool
number_at(const struct ipc_value *v, size_t i, uint64_t *out)
{
	const struct ipc_value *n = ipc_value_at(v, i);

	if (ipc_value_type(n) != IPC_V_INT || ipc_value_as_int(n) < 0)
		return false;
	*out = (uint64_t)ipc_value_as_int(n);
	return true;
}

/* Each says true, or false: that is not how it is said. */
static bool
on_hello(struct client *c, const struct ipc_value *v, bool *more)
{
	(void)c;
	(void)v;
	(void)more;
	return true;
}

static bool
on_ack(struct client *c, const struct ipc_value *v, bool *more)
{
	uint64_t version;

	(void)more;
	if (!number_at(v, 1, &version))
		return false;
	state_acked(c, version);
	return true;
}

static bool
on_got(struct client *c, const struct ipc_value *v, bool *more)
{
	uint64_t number;

	(void)more;
	if (!number_at(v, 1, &number))
		return false;
	event_got(c, number, ipc_value_at(v, 2));
	return true;
}

static bool
on_event(struct client *c, const struct ipc_value *v, bool *more)
{
	const struct ipc_value *name = ipc_value_at(v, 2);
	const struct ipc_value *args = ipc_value_at(v, 3);
	const struct ipc_value *kwargs = ipc_value_at(v, 4);
	uint64_t request;
	const char *text;
	size_t len;

	text = ipc_value_text(name, &len);
	if (!number_at(v, 1, &request) || ipc_value_type(name) != IPC_V_STR ||
	    len == 0 || len > EVENT_NAME_MAX)
		return false;
	if (args && ipc_value_type(args) != IPC_V_ARRAY)
		return false;
	if (kwargs && ipc_value_type(kwargs) != IPC_V_MAP)
		return false;
	/* Said again after a line was lost: it was taken. */
	if (request == 0 || request > c->talk->last_request)
		*more = event_came(c, request, text, len, args, kwargs);
	if (request > c->talk->last_request)
		c->talk->last_request = request;
	if (request)
		talk_send(c, ipc_value_make("[sl]", "$got", (int64_t)request));
	return true;
}

static const struct word {
	const char *name;
	bool (*act)(struct client *c, const struct ipc_value *v, bool *more);
} words[] = {
	{ "$hello", on_hello },
	{ "$ack", on_ack },
	{ "$got", on_got },
	{ "$event", on_event },
};

static bool
say(struct client *c, const struct ipc_value *v, bool *more)
{
	size_t len;
	const char *text = ipc_value_text(ipc_value_at(v, 0), &len);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].name) == len &&
		    memcmp(words[i].name, text, len) == 0)
			return words[i].act(c, v, more);
	return false;
}

/* An array that begins with a str that begins with a dollar. */
static bool
is_ours(unsigned flags, const uint8_t *p, size_t len)
{
	if (flags & IPC_BINARY)
		return len >= 3 && (p[0] & 0xf0) == 0x90 &&
		       (p[1] & 0xe0) == 0xa0 && p[2] == '$';
	return len >= 3 && memcmp(p, "[\"$", 3) == 0;
}

int
talk_take(struct client *c, unsigned flags, const uint8_t *bytes, size_t len)
{
	struct ipc_value_limits limits = ipc_value_from_player;
	bool more = true, good;
	struct ipc_value *v;
	const char *why;
	int e;

	if (!is_ours(flags, bytes, len))
		return -1;
	if (talk_of(c) == NULL) {
		client_abort(c, IPC_REASON_NO_MEMORY, "");
		return 0;
	}
	c->talk->spoke = true;
	/* What was said in the other form was not understood. */
	if (c->talk->binary != ((flags & IPC_BINARY) != 0)) {
		c->talk->binary = !c->talk->binary;
		state_again(c);
	}
	limits.bytes = len;
	e = flags & IPC_BINARY
		? ipc_value_unpack(bytes, len, &limits, &v, &why)
		: ipc_value_from_json(bytes, len, &limits, &v, &why);
	if (e < 0) {
		client_close(c, IPC_REASON_PROTOCOL, why);
		return 0;
	}
	good = say(c, v, &more);
	ipc_value_free(v);
	if (good)
		return more && c->phase == PLAYING;
	client_close(c, IPC_REASON_PROTOCOL, "no such word of a client");
	return 0;
}
