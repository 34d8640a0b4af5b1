/* links: netd/pygase_event.c netd/pygase.c */
/*
 * Any bytes as the events in a datagram: what the short way takes is an event
 * by the long way too, with the same name and the same data.
 */
#include "ipc/value.h"
#include "netd/tr_pygase.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The packed part and this one of the tree are one value. */
static void
is_same(const struct ipc_value *v, const uint8_t *bytes, size_t len)
{
	struct ipc_value *part;
	struct ipc_buf a, b;
	const char *why;

	assert(ipc_value_unpack(
		   bytes, len, &ipc_value_from_player, &part, &why) == 0);
	ipc_buf_init(&a, 1u << 20);
	ipc_buf_init(&b, 1u << 20);
	assert(ipc_value_pack(v, &a) == 0 && ipc_value_pack(part, &b) == 0);
	assert(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
	ipc_buf_release(&a);
	ipc_buf_release(&b);
	ipc_value_free(part);
}

static void
is_plain(const struct pg_event *e)
{
	struct ipc_value *v;
	const char *why, *text;
	size_t len;

	assert(ipc_value_unpack(
		   e->bytes, e->len, &ipc_value_from_player, &v, &why) == 0);
	text = ipc_value_text(ipc_value_gets(v, "type"), &len);
	assert(text && len == e->event.name_len &&
	       memcmp(text, e->event.name, len) == 0);
	is_same(ipc_value_gets(v, "handler_args"), e->event.args,
	    e->event.args_len);
	is_same(ipc_value_gets(v, "handler_kwargs"), e->event.kwargs,
	    e->event.kwargs_len);
	ipc_value_free(v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pg_event events[PG_EVENTS_MAX];
	int n;

	if (size == 0 || size > PYGASE_MAX)
		return 0;
	n = pg_events_read(data, size, events);
	assert(n <= PG_EVENTS_MAX);
	for (int i = 0; i < n; i++) {
		assert(events[i].bytes >= data &&
		       events[i].bytes + events[i].len <= data + size);
		if (events[i].plain)
			is_plain(&events[i]);
	}
	return 0;
}
