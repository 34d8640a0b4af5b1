/*
 * conn.c - a connection like a file: connect, write, read, close.
 *
 * Its messages go to a queue of its own and never to gc_next(); what comes
 * for others while one of these calls waits stays for them. A time-out is a
 * timer of netd's, so that it comes out of the stream like everything else.
 */
#include "gamecore/core.h"
#include "gamecore/stores.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct text {
	struct text *next;
	uint64_t count; /* as stream_count() */
	size_t len;
	bool typed;   /* as of TYPED */
	char bytes[]; /* and a NUL */
};

struct gc_conn {
	struct gc_net *net;
	uint64_t id;
	bool settled; /* open, or gone without ever having been */
	bool open;
	bool gone;
	bool full; /* closed because nobody read it */
	unsigned reason;
	char detail[160];
	struct text *first, *last;
	struct text *held; /* what gc_read() gave out last */
	size_t queued_bytes;
	struct follower *follower; /* client.c; or NULL */
	void *bound;               /* of gc_bind() */
};

struct gc_conn file_forgotten;

/* ---- what comes for it -------------------------------------------------- */

static int
put_close(struct gc_net *net, uint64_t id, unsigned reason)
{
	struct ipc_frame f = {
		.kind = IPC_CLOSE, .channel = (uint16_t)reason, .id = id
	};

	return stream_put(net, &f, NULL);
}

int
file_numbered(struct gc_net *net, struct gc_conn *con, uint64_t id)
{
	struct gc_conn *file = con ? con : &file_forgotten;

	if (conns_add(&net->conns, id, file) == NULL)
		return net_fail(net, GC_ENO_MEMORY, "out of memory");
	if (con)
		con->id = id;
	else
		put_close(net, id, IPC_REASON_LEFT);
	return 0;
}

bool
file_bind(struct gc_conn *con, void *thing)
{
	if (con == &file_forgotten)
		return false;
	con->bound = thing;
	return true;
}

void *
file_bound(const struct gc_conn *con)
{
	return con->bound;
}

void
file_opened(struct gc_conn *con)
{
	con->settled = con->open = true;
}

int
file_message(struct gc_net *net, struct gc_conn *con, const struct ipc_frame *f)
{
	struct text *t;

	if (con == &file_forgotten || con->full)
		return 0;
	if (con->follower && follower_message(con->follower, f))
		return net->failed;
	/* Nothing is lost in silence: what is there can be read, and the end
	 * of it says GC_EFULL. */
	if (con->queued_bytes + f->len > BACKLOG_MAX) {
		con->full = true;
		return put_close(net, con->id, IPC_REASON_SLOW) < 0
			   ? net->failed
			   : 0;
	}
	t = malloc(sizeof(*t) + f->len + 1);
	if (t == NULL)
		return net_fail(net, GC_ENO_MEMORY, "out of memory");
	t->next = NULL;
	t->count = stream_count(net);
	t->len = f->len;
	t->typed = f->kind == IPC_TYPED;
	if (f->len)
		memcpy(t->bytes, f->bytes, f->len);
	t->bytes[f->len] = '\0';
	if (con->last)
		con->last->next = t;
	else
		con->first = t;
	con->last = t;
	con->queued_bytes += sizeof(*t) + f->len;
	return 0;
}

void
file_closed(struct gc_conn *con, const struct ipc_frame *f)
{
	size_t n = f->len;

	if (con == &file_forgotten)
		return;
	if (n > sizeof(con->detail) - 1)
		n = sizeof(con->detail) - 1;
	if (n)
		memcpy(con->detail, f->bytes, n);
	con->reason = f->channel;
	con->settled = con->gone = true;
}

/* ---- connecting --------------------------------------------------------- */

/* One step of waiting; a STOP that nobody told of yet ends the wait. */
static int
step(struct gc_net *net)
{
	if (net->stop_untold) {
		net->stop_untold = false;
		return net_problem(
		    net, GC_ESTOPPED, "the game was asked to stop");
	}
	stream_ready(net);
	return stream_step(net);
}

static void
say_why(struct gc_net *net, const struct gc_conn *con, const char *url)
{
	const char *detail =
	    con->detail[0] ? con->detail : gc_reason_text(con->reason);

	net_problem(net, GC_ECLOSED, "cannot connect to '%s': %s", url, detail);
}

struct gc_conn *
gc_connect(struct gc_net *net, const char *url, unsigned *reason)
{
	struct gc_conn *con = calloc(1, sizeof(*con));
	struct request r = { .kind = IPC_CONNECTING, .file = con };
	/* Packing only reads the text. */
	struct ipc_connect m = { .url = (char *)(uintptr_t)url };
	int e;

	if (con == NULL) {
		net_problem(net, GC_ENO_MEMORY, "out of memory");
		return NULL;
	}
	con->net = net;
	stream_ask(net, &r);
	e = stream_put_msg(net, IPC_CONNECT, r.number, &m);
	while (e == 0 && !con->settled)
		e = step(net);
	stream_forget(net, &r);
	if (e == 0 && con->open)
		return con;
	if (con->gone)
		say_why(net, con, url);
	if (reason)
		*reason = con->gone            ? con->reason
			  : e == GC_ENETD_GONE ? GC_NETD_GONE
					       : GC_LEFT;
	gc_disconnect(con);
	return NULL;
}

void
gc_disconnect(struct gc_conn *con)
{
	struct conn *c;

	if (con == NULL)
		return;
	c = conns_find(&con->net->conns, con->id);
	if (c) {
		c->file = &file_forgotten;
		if (!con->full)
			put_close(con->net, con->id, IPC_REASON_LEFT);
	}
	for (struct text *t = con->first; t;) {
		struct text *next = t->next;

		free(t);
		t = next;
	}
	follower_free(con->follower);
	free(con->held);
	free(con);
}

uint64_t
gc_conn_id(const struct gc_conn *con)
{
	return con->id;
}

struct follower **
file_follower(struct gc_conn *con)
{
	return &con->follower;
}

struct gc_net *
file_net(const struct gc_conn *con)
{
	return con->net;
}

bool
file_over(const struct gc_conn *con)
{
	return con->gone || con->full;
}

int
file_step(struct gc_conn *con)
{
	return step(con->net);
}

int
file_why(struct gc_conn *con)
{
	if (con->full)
		return net_problem(con->net, GC_EFULL,
		    "over %u bytes came that nobody read", BACKLOG_MAX);
	return net_problem(con->net, GC_ECLOSED, "it is closed: %s",
	    con->detail[0] ? con->detail : gc_reason_text(con->reason));
}

/* ---- reading and writing ------------------------------------------------ */

static int
may_write(const struct gc_conn *con)
{
	if (con->gone || con->full)
		return net_problem(con->net, GC_ECLOSED, "it is closed: %s",
		    gc_reason_text(con->full ? GC_SLOW : con->reason));
	return 0;
}

int
gc_write(struct gc_conn *con, const void *bytes, size_t len)
{
	int r = may_write(con);

	return r < 0 ? r : gc_send(con->net, con->id, bytes, len);
}

/* The oldest message is the reader's until its next call. */
static ssize_t
give(struct gc_conn *con, const char **text)
{
	struct text *t = con->first;

	free(con->held);
	con->held = t;
	stream_hand(con->net, t->count);
	con->first = t->next;
	if (con->first == NULL)
		con->last = NULL;
	con->queued_bytes -= sizeof(*t) + t->len;
	*text = t->bytes;
	return (ssize_t)t->len;
}

/* Is the wait over, whatever its end? */
static bool
ready(const struct gc_conn *con)
{
	return con->first || con->gone || con->full;
}

static ssize_t
outcome(struct gc_conn *con, const char **text, int otherwise)
{
	if (con->first)
		return give(con, text);
	if (con->full)
		return net_problem(con->net, GC_EFULL,
		    "over %u bytes came that nobody read", BACKLOG_MAX);
	if (con->gone)
		return net_problem(con->net, GC_ECLOSED, "it is closed: %s",
		    con->detail[0] ? con->detail : gc_reason_text(con->reason));
	return otherwise;
}

/* All that was under way when netd answers is here; the answer's place in the
 * stream is what makes a replay see the same. */
static int
look(struct gc_conn *con)
{
	struct gc_net *net = con->net;
	struct request r = { .kind = IPC_ANSWER };
	struct ipc_frame f = { .kind = IPC_ASK };
	int e;

	stream_ask(net, &r);
	f.id = r.number;
	e = stream_put(net, &f, NULL);
	if (e < 0) {
		stream_forget(net, &r);
		return e;
	}
	return stream_await(net, &r);
}

ssize_t
gc_read_now(struct gc_conn *con, const char **text)
{
	int e = ready(con) ? 0 : look(con);

	if (e < 0 && !ready(con))
		return e;
	return outcome(con, text, GC_ENOTHING);
}

static ssize_t
read_until(struct gc_conn *con, const char **text, int timeout_ms)
{
	struct gc_net *net = con->net;
	struct request r = { .kind = IPC_TIMER };
	struct ipc_timer_start m = { .delay_us = (uint64_t)timeout_ms * 1000 };
	struct ipc_frame f = { .kind = IPC_TIMER_STOP };
	int e;

	stream_ask(net, &r);
	e = stream_put_msg(net, IPC_TIMER_START, r.number, &m);
	while (e == 0 && !r.done && !ready(con))
		e = step(net);
	stream_forget(net, &r);
	if (!r.done && !net->failed) {
		f.id = r.number;
		stream_put(net, &f, NULL);
	}
	if (e < 0 && !ready(con))
		return e;
	return outcome(con, text, GC_ETIMEOUT);
}

ssize_t
gc_read(struct gc_conn *con, const char **text, int timeout_ms)
{
	int e = 0;

	if (ready(con))
		return outcome(con, text, 0);
	if (timeout_ms > 0)
		return read_until(con, text, timeout_ms);
	if (timeout_ms == 0)
		e = look(con);
	while (timeout_ms < 0 && e == 0 && !ready(con))
		e = step(con->net);
	if (e < 0 && !ready(con))
		return e;
	return outcome(con, text, GC_ETIMEOUT);
}

/* ---- typed messages ------------------------------------------------------ */

int
gc_write_typed(
    struct gc_conn *con, const struct gc_type *type, const void *value)
{
	int r = may_write(con);

	return r < 0 ? r : gc_send_typed(con->net, con->id, NULL, type, value);
}

int
gc_read_typed(struct gc_conn *con, struct gc_event *ev, int timeout_ms)
{
	const char *text, *why;
	ssize_t len = gc_read(con, &text, timeout_ms);
	int r;

	if (len < 0)
		return (int)len;
	memset(ev, 0, sizeof(*ev));
	ev->kind = con->held->typed ? GC_TYPED : GC_MESSAGE;
	ev->conn = con->id;
	ev->text = text;
	ev->len = (size_t)len;
	if (!con->held->typed)
		return 0;
	r = typed_show(con->net, text, ev->len, ev, &why);
	if (r == GC_EPROTOCOL || r == GC_ENOTHING)
		return net_problem(con->net, GC_EPROTOCOL,
		    "a message of connection %" PRIu64 " is not as declared",
		    con->id);
	return r;
}
