/*
 * pygase_event.c - what a client of PyGaSe says to a game: the events in a
 * datagram, held against what an event is. Most are laid down as PyGaSe does
 * it and are only looked at where they lie; of any other a tree is built.
 * tests/fuzz/fuzz_pygase_event.c holds the two against each other.
 */
#include "netd/tr_pygase.h"

#include "ipc/value.h"

#include <string.h>

/* A map with a name, positional data, and keyword data whose keys are text. */
static bool
is_event(const struct ipc_value *v)
{
	const struct ipc_value *name = ipc_value_gets(v, "type");
	const struct ipc_value *kwargs = ipc_value_gets(v, "handler_kwargs");
	size_t len;

	if (ipc_value_type(name) != IPC_V_STR ||
	    ipc_value_type(ipc_value_gets(v, "handler_args")) != IPC_V_ARRAY ||
	    ipc_value_type(kwargs) != IPC_V_MAP)
		return false;
	ipc_value_text(name, &len);
	if (len == 0 || len > EVENT_NAME_MAX)
		return false;
	for (size_t i = 0; i < ipc_value_size(kwargs); i++)
		if (ipc_value_key(kwargs, i).text == NULL)
			return false;
	return true;
}

bool
pg_text_keys(const uint8_t *map, size_t len)
{
	const struct ipc_value_limits *limits = &ipc_value_from_player;
	size_t off = 1;

	if ((*map & 0xf0) != 0x80)
		return false; /* over 15 of them: the tree tells */
	for (unsigned left = *map & 0x0f; left; left--) {
		struct ipc_scanned key, v;

		if (!ipc_value_scan(map + off, len - off, limits, &key) ||
		    key.type != IPC_V_STR)
			return false;
		off += key.len;
		if (!ipc_value_scan(map + off, len - off, limits, &v))
			return false;
		off += v.len;
	}
	return true;
}

/* The value behind this text at *off, if it is there and of this type. */
static inline bool
part(const uint8_t *bytes, size_t len, size_t *off, const char *before,
    size_t n, enum ipc_value_type type, struct ipc_scanned *out)
{
	if (len - *off < n || memcmp(bytes + *off, before, n) != 0 ||
	    !ipc_value_scan(bytes + *off + n, len - *off - n,
		&ipc_value_from_player, out) ||
	    out->type != type)
		return false;
	*off += n + out->len;
	return true;
}

#define PART(before, type, out) \
	part(bytes, len, &off, before, sizeof(before) - 1, type, out)

/* As PyGaSe lays it down, and so nearly always: nothing is built of it. */
static bool
read_fast(const uint8_t *bytes, size_t len, struct event *e)
{
	struct ipc_scanned name, args, kwargs;
	size_t off = 0;

	if (!PART(PG_EVENT_HEAD, IPC_V_STR, &name) ||
	    !PART(PG_EVENT_ARGS, IPC_V_ARRAY, &args) ||
	    !PART(PG_EVENT_KWARGS, IPC_V_MAP, &kwargs) || off != len ||
	    name.n == 0 || name.n > EVENT_NAME_MAX ||
	    !pg_text_keys(kwargs.bytes, kwargs.len))
		return false;
	*e = (struct event){ .name = name.text,
		.name_len = name.n,
		.args = args.bytes,
		.args_len = args.len,
		.kwargs = kwargs.bytes,
		.kwargs_len = kwargs.len };
	return true;
}

bool
pg_event_read(const uint8_t *bytes, size_t len, struct pg_event *out)
{
	struct ipc_value *v;
	const char *why;
	bool good;

	out->bytes = bytes;
	out->len = len;
	out->plain = read_fast(bytes, len, &out->event);
	if (out->plain)
		return true;
	if (ipc_value_unpack(bytes, len, &ipc_value_from_player, &v, &why) < 0)
		return false;
	good = is_event(v);
	ipc_value_free(v);
	return good;
}

int
pg_events_read(const uint8_t *bytes, size_t len, struct pg_event *out)
{
	const uint8_t *event;
	size_t off = 0, n;
	int r, count = 0;

	while ((r = pygase_event(bytes, len, &off, &event, &n)) > 0)
		if (count == PG_EVENTS_MAX ||
		    !pg_event_read(event, n, &out[count++]))
			return -1;
	return r == 0 ? count : -1;
}
