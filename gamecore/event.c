/*
 * event.c - events with acknowledgement, as the game says and hears them.
 *
 * An event has a number if somebody wants to know what became of it: a call
 * that waits (a struct request), a function (a struct ack), or whoever takes
 * GC_ACK from the stream.
 */
#include "gamecore/stores.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Functions that wait to be called; the oldest is forgotten first. */
#define ACKS_MAX 65536
/* netd waits no longer for one. */
#define WAIT_MAX_MS 3600000
/* How much longer netd waits than we do: our time-out is the one that is told.
 */
#define GRACE_MS 1000

int
gc_events(struct gc_net *net)
{
	struct ipc_frame f = { .kind = IPC_EVENTS, .id = 1 };
	struct stores *s = stores_of(net);

	if (s == NULL)
		return GC_ENO_MEMORY;
	if (s->events)
		return 0;
	s->events = true;
	return stream_put(net, &f, NULL);
}

/* ---- sending
 * ------------------------------------------------------------------ */

static struct ack *
ack_of(const struct stores *s, uint64_t number)
{
	struct conn *c = conns_find(&s->acks, number);

	return c ? c->bound : NULL;
}

static void
ack_forget(struct stores *s, struct ack *a)
{
	struct ack **at = &s->oldest;

	while (*at && *at != a)
		at = &(*at)->newer;
	if (*at == NULL)
		return;
	*at = a->newer;
	s->newest = NULL;
	for (struct ack *n = s->oldest; n; n = n->newer)
		s->newest = n;
	conns_remove(&s->acks, a->number);
	s->n_acks--;
	free(a);
}

static bool
ack_add(struct stores *s, uint64_t number, const struct gc_event_how *how,
    bool many)
{
	struct ack *a = calloc(1, sizeof(*a));
	struct conn *c = a ? conns_add(&s->acks, number, NULL) : NULL;

	if (c == NULL) {
		free(a);
		return false;
	}
	c->bound = a;
	a->done = how->done;
	a->thing = how->thing;
	a->many = many;
	a->number = number;
	*(s->newest ? &s->newest->newer : &s->oldest) = a;
	s->newest = a;
	if (++s->n_acks > ACKS_MAX)
		ack_forget(s, s->oldest);
	return true;
}

static int
wait_ms(const struct gc_event_how *how)
{
	int ms = how ? how->timeout_ms : 0;

	return ms < 0 || ms > WAIT_MAX_MS ? WAIT_MAX_MS : ms;
}

static bool
add_byte(struct ipc_buf *b, unsigned byte)
{
	uint8_t one = (uint8_t)byte;

	return ipc_buf_add(b, &one, 1);
}

/* As msgpack in its smallest form. */
static bool
add_int(struct ipc_buf *b, uint64_t number)
{
	unsigned power = number > UINT32_MAX   ? 3
			 : number > UINT16_MAX ? 2
					       : number > UINT8_MAX;
	bool good = number < 128 || add_byte(b, 0xcc + power);

	for (unsigned left = number < 128 ? 1 : 1u << power; good && left;)
		good = add_byte(b, (unsigned)(number >> (8 * --left)) & 0xff);
	return good;
}

/* Is it, in the array around it, deeper than netd takes? */
static bool
is_deep(const struct ipc_value *v, unsigned left)
{
	enum ipc_value_type type = ipc_value_type(v);

	if (type != IPC_V_ARRAY && type != IPC_V_MAP)
		return false;
	if (left == 0)
		return true;
	for (size_t i = 0; i < ipc_value_size(v); i++)
		if (is_deep(ipc_value_at(v, i), left - 1))
			return true;
	return false;
}

/* [number, name, args, kwargs, wait, but]: no tree is made of it. */
static bool
pack_event(struct ipc_buf *b, uint64_t number, const struct gc_event_how *how,
    const struct ipc_value *name, const struct ipc_value *args,
    const struct ipc_value *kwargs)
{
	ipc_buf_clear(b);
	return add_byte(b, 0x96) && add_int(b, number) &&
	       ipc_value_pack(name, b) == 0 &&
	       (args ? ipc_value_pack(args, b) == 0 : add_byte(b, 0x90)) &&
	       (kwargs ? ipc_value_pack(kwargs, b) == 0 : add_byte(b, 0x80)) &&
	       add_int(b, (uint64_t)wait_ms(how)) &&
	       add_int(b, how ? how->but : 0);
}

static int
put_packed(struct gc_net *net, unsigned flags, uint64_t id)
{
	const struct ipc_buf *b = &net->stores->bytes;
	struct ipc_frame f = { .kind = IPC_EVENT,
		.flags = (uint8_t)flags,
		.id = id,
		.bytes = b->data,
		.len = (uint32_t)b->len };

	return stream_put(net, &f, NULL);
}

/* args and kwargs are taken. */
static int64_t
put_event(struct gc_net *net, unsigned flags, uint64_t id, uint64_t number,
    const struct gc_event_how *how, const char *name, struct gc_value *args,
    struct gc_value *kwargs)
{
	size_t len = strlen(name);
	struct ipc_value *text = ipc_value_str(name, len);
	int r;

	if (text == NULL)
		r = net_problem(
		    net, GC_EINVALID, "an event '%s' that is not UTF-8", name);
	else if (len == 0 || len > 255 ||
		 (args && gc_value_type(args) != GC_V_ARRAY) ||
		 (kwargs && gc_value_type(kwargs) != GC_V_MAP))
		r = net_problem(
		    net, GC_EINVALID, "an event is a name, an array and a map");
	else if (is_deep(value_in(args), IPC_VALUE_DEPTH_MAX - 1) ||
		 is_deep(value_in(kwargs), IPC_VALUE_DEPTH_MAX - 1) ||
		 !pack_event(&net->stores->bytes, number, how, text,
		     value_in(args), value_in(kwargs)))
		r = net_problem(
		    net, GC_ETOO_LONG, "a value is too deep or too long");
	else
		r = put_packed(net, flags, id);
	ipc_value_free(text);
	gc_value_free(args);
	gc_value_free(kwargs);
	return r < 0 ? r : (int64_t)number;
}

static int64_t
send_event(struct gc_net *net, unsigned flags, uint64_t id,
    const struct gc_event_how *how, const char *name, struct gc_value *args,
    struct gc_value *kwargs)
{
	struct stores *s = stores_of(net);
	uint64_t number = 0;
	int64_t r;

	if (s && how && (how->ack || how->done))
		number = ++s->last_event;
	if (s == NULL ||
	    (number && how->done && !ack_add(s, number, how, flags != 0))) {
		gc_value_free(args);
		gc_value_free(kwargs);
		return net_problem(net, GC_ENO_MEMORY, "out of memory");
	}
	r = put_event(net, flags, id, number, how, name, args, kwargs);
	if (r < 0 && number && ack_of(s, number))
		ack_forget(s, ack_of(s, number));
	return r;
}

int64_t
gc_event(struct gc_net *net, uint64_t conn, const struct gc_event_how *how,
    const char *name, struct gc_value *args, struct gc_value *kwargs)
{
	return send_event(net, 0, conn, how, name, args, kwargs);
}

int64_t
gc_event_group(struct gc_net *net, uint64_t group,
    const struct gc_event_how *how, const char *name, struct gc_value *args,
    struct gc_value *kwargs)
{
	return send_event(net, IPC_TO_GROUP, group, how, name, args, kwargs);
}

int
gc_answer(struct gc_net *net, uint64_t conn, uint64_t request,
    struct gc_value *answer)
{
	struct ipc_value *v =
	    ipc_value_make("[lv]", (int64_t)request, value_in(answer));
	int r = v ? request ? put_value(net, IPC_EVENT_ANSWER, 0, conn, v) : 0
		  : net_problem(net, GC_ENO_MEMORY, "no answer");

	ipc_value_free(v);
	return r;
}

/* ---- waiting
 * ------------------------------------------------------------------ */

int
await_within(struct gc_net *net, struct request *r, int timeout_ms)
{
	struct request late = { .kind = IPC_TIMER };
	struct ipc_timer_start m = { .delay_us = (uint64_t)timeout_ms * 1000 };
	struct ipc_frame f = { .kind = IPC_TIMER_STOP };
	int e = 0;

	if (timeout_ms >= 0) {
		stream_ask(net, &late);
		e = stream_put_msg(net, IPC_TIMER_START, late.number, &m);
	}
	while (e == 0 && !r->done && !late.done)
		e = stream_step(net);
	if (timeout_ms >= 0) {
		stream_forget(net, &late);
		f.id = late.number;
		if (!late.done && !net->failed)
			stream_put(net, &f, NULL);
	}
	stream_forget(net, r);
	return r->done ? 1 : e;
}

int
gc_request(struct gc_net *net, uint64_t conn, const char *name,
    struct gc_value *args, struct gc_value *kwargs, int timeout_ms,
    const struct gc_value **answer)
{
	struct request r = { .kind = IPC_EVENT_DONE };
	struct gc_event_how how = { .timeout_ms = WAIT_MAX_MS };
	struct stores *s = stores_of(net);
	int64_t sent;
	int e;

	if (s == NULL) {
		gc_value_free(args);
		gc_value_free(kwargs);
		return GC_ENO_MEMORY;
	}
	if (timeout_ms >= 0 && timeout_ms < WAIT_MAX_MS - GRACE_MS)
		how.timeout_ms = timeout_ms + GRACE_MS;
	r.number = ++s->last_event;
	sent = put_event(net, 0, conn, r.number, &how, name, args, kwargs);
	if (sent < 0)
		return (int)sent;
	stream_ask(net, &r);
	e = await_within(net, &r, timeout_ms);
	if (e == 0)
		return net_problem(net, GC_ETIMEOUT,
		    "no answer to '%s' within %d ms", name, timeout_ms);
	if (e < 0)
		return e;
	if (r.result < 0)
		return net_problem(net, r.result, "'%s' did not arrive", name);
	ipc_value_free(s->reply);
	s->reply = r.value;
	if (answer)
		*answer = value_out(s->reply);
	return 0;
}

/* ---- what comes
 * ----------------------------------------------------------------- */

/* u64 number, then perhaps a value. */
static bool
done_read(const struct ipc_frame *f, uint64_t *number, struct ipc_value **v)
{
	const char *why;

	*v = NULL;
	if (f->len < sizeof(*number))
		return false;
	memcpy(number, f->bytes, sizeof(*number));
	return f->len == sizeof(*number) ||
	       ipc_value_unpack(f->bytes + sizeof(*number),
		   f->len - sizeof(*number), &ipc_value_from_pipe, v,
		   &why) == 0;
}

int
event_arrived(struct gc_net *net, const struct ipc_frame *f)
{
	struct ipc_value *v;
	uint64_t number;

	if (!done_read(f, &number, &v))
		return net_fail(net, GC_EPROTOCOL,
		    "netd's frame %" PRIu64 " is not legal: EVENT_DONE",
		    net->up_taken);
	for (struct request *r = net->requests; r; r = r->next)
		if (r->kind == IPC_EVENT_DONE && r->number == number) {
			r->done = true;
			r->result = f->channel ? 0 : GC_ECLOSED;
			r->value = v;
			return 0;
		}
	ipc_value_free(v);
	return 1;
}

int
event_show(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	struct conn *c = conns_find(&net->conns, f->id);
	struct stores *s = stores_of(net);
	struct ipc_value *v;
	struct ack *a;

	if (s == NULL || !done_read(f, &ev->count, &v))
		return net_fail(net, GC_ENO_MEMORY, "out of memory");
	ev->conn = f->id;
	ev->bound = c ? conn_bound(c) : NULL;
	ev->status = f->channel ? 0 : GC_ECLOSED;
	ipc_value_free(s->reply);
	s->reply = v;
	ev->answer = value_out(v);
	a = ack_of(s, ev->count);
	if (a == NULL)
		return 1;
	/* On the caller's own stack, in a call that waits. */
	a->done(net, ev->conn, ev->status == 0, ev->answer, a->thing);
	a = ack_of(s, ev->count);
	if (a && !a->many)
		ack_forget(s, a);
	return 0;
}

int
gc_call_read(
    struct gc_net *net, const struct gc_event *ev, struct gc_call *call)
{
	struct stores *s = stores_of(net);
	struct ipc_value *v;
	const char *why;

	if (s == NULL)
		return GC_ENO_MEMORY;
	if (ev->kind != GC_EVENT || ipc_value_unpack(ev->text, ev->len,
					&ipc_value_from_pipe, &v, &why) < 0)
		return net_problem(net, GC_EINVALID, "this is no GC_EVENT");
	ipc_value_free(s->call);
	s->call = v;
	call->conn = ev->conn;
	call->bound = ev->bound;
	call->request = (uint64_t)ipc_value_as_int(ipc_value_at(v, 0));
	call->name = ipc_value_text(ipc_value_at(v, 1), NULL);
	call->args = value_out(ipc_value_at(v, 2));
	call->kwargs = value_out(ipc_value_at(v, 3));
	return 0;
}

/* ---- arguments
 * -------------------------------------------------------------------- */

static bool
fits(char letter, const struct gc_value *v)
{
	enum gc_value_type t = gc_value_type(v);

	switch (letter) {
	case 'i':
		return t == GC_V_INT;
	case 'f':
		return t == GC_V_FLOAT || t == GC_V_INT;
	case 's':
		return t == GC_V_STR;
	case 'y':
		return t == GC_V_BYTES;
	case 'b':
		return t == GC_V_BOOL;
	case 'k': /* what a key of a map can be */
		return t == GC_V_INT || t == GC_V_STR;
	case 'a':
		return t == GC_V_ARRAY;
	case 'm':
		return t == GC_V_MAP;
	}
	return letter == 'v';
}

bool
gc_args_fit(const struct gc_value *args, const char *format)
{
	size_t n = gc_value_size(args), i = 0;
	bool optional = false;

	for (; *format; format++) {
		if (*format == '*')
			return true;
		if (*format == '|') {
			optional = true;
			continue;
		}
		if (i == n)
			return optional;
		if (!fits(*format, gc_value_at(args, i++)))
			return false;
	}
	return i == n;
}
