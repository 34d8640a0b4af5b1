/*
 * kinds.c - what each kind of frame from netd does: one row a kind.
 *
 * A frame does its work in two steps. It arrives as soon as it is taken off
 * the pipe, whoever waits: the clock moves on, answers find their question,
 * messages of a gc_connect() connection find its queue. What is left is an
 * event, shown when the game asks for it; only then the game knows of a
 * connection or of its end, so the table of connections always agrees with
 * the events that the game has seen.
 */
#include "gamecore/core.h"
#include "gamecore/stores.h"

#include <inttypes.h>
#include <string.h>

#define EVENT 1
#define DONE 0

/* ---- helpers ------------------------------------------------------------ */

static struct request *
asked(struct gc_net *net, unsigned kind, uint64_t number)
{
	struct request *r = net->requests;

	while (r && (r->kind != kind || r->number != number))
		r = r->next;
	return r;
}

/* An answer for one that no longer waits is no error. */
static void
answer(struct request *r, int result)
{
	if (r == NULL)
		return;
	r->done = true;
	r->result = result;
}

static int
not_legal(struct gc_net *net, const struct ipc_frame *f, const char *why)
{
	return net_fail(net, GC_EPROTOCOL,
	    "netd's frame %" PRIu64 " is not legal: %s of connection %" PRIu64
	    ": %s",
	    net->up_taken, ipc_info(f->kind)->name, f->id, why);
}

static int
unpack(struct gc_net *net, const struct ipc_frame *f, void *m)
{
	const char *why, *field;

	if (ipc_msg_unpack(f, m, &why, &field) == 0)
		return 0;
	return net_fail(net, GC_EPROTOCOL,
	    "netd's frame %" PRIu64 " is not legal: %s%s%s: %s", net->up_taken,
	    ipc_info(f->kind)->name, field ? "." : "", field ? field : "", why);
}

static void
seen(struct gc_net *net, uint64_t conn)
{
	if (conn > net->conn_max)
		net->conn_max = conn;
}

/* The file-like connection that a frame is about, or NULL. */
static struct gc_conn *
file_of(struct gc_net *net, const struct ipc_frame *f)
{
	struct conn *c;

	if (net->conns.files == 0)
		return NULL;
	c = conns_find(&net->conns, f->id);
	return c && c->is_file ? c->file : NULL;
}

void
who_clear(struct who *w)
{
	if (w->filled)
		ipc_msg_release(IPC_OPENED, &w->opened);
	w->filled = false;
}

static int
who_fill(struct gc_net *net, struct who *w, const struct ipc_frame *f)
{
	const struct ipc_opened *o = &w->opened;
	int r;

	who_clear(w);
	r = unpack(net, f, &w->opened);
	if (r < 0)
		return r;
	w->filled = true;
	w->peer = (struct gc_peer){ .listener = o->listener,
		.transport = o->transport,
		.address = o->peer,
		.local = o->local,
		.real = o->real,
		.path = o->path,
		.query = o->query,
		.origin = o->origin,
		.cookies = o->cookies,
		.subprotocol = o->subprotocol,
		.terminal = o->terminal,
		.columns = o->columns,
		.rows = o->rows,
		.from_address = o->from_address,
		.uid = o->uid == UINT32_MAX ? -1 : (long)o->uid,
		.tls = o->tls != 0,
		.state = o->state == IPC_RESUMED ? GC_RESUMED
			 : o->state == IPC_NEW   ? GC_NEW
			 : o->state == IPC_GONE  ? GC_GONE
						 : GC_FRESH,
		.tag = o->tag.addr ? o->tag.addr : (const void *)"",
		.tag_len = o->tag.sz };
	return 0;
}

/* ---- arriving ----------------------------------------------------------- */

static int
arrive_event(struct gc_net *net, const struct ipc_frame *f)
{
	(void)net;
	(void)f;
	return EVENT;
}

/* Channel 0 stands where a poisonous message was. */
static int
arrive_notice(struct gc_net *net, const struct ipc_frame *f)
{
	(void)net;
	return f->channel ? EVENT : DONE;
}

/* About a connection: an event, unless it is one of gc_connect(). */
static int
arrive_of_player(struct gc_net *net, const struct ipc_frame *f)
{
	return file_of(net, f) ? DONE : EVENT;
}

static int
arrive_welcome(struct gc_net *net, const struct ipc_frame *f)
{
	struct ipc_welcome m;
	int r;

	if (net->welcomed)
		return not_legal(net, f, "it came twice");
	r = unpack(net, f, &m);
	if (r < 0)
		return r;
	if (m.version != IPC_VERSION)
		r = net_fail(net, GC_EVERSION,
		    "this game speaks version %u of the pipe, netd (%s) "
		    "version %u",
		    IPC_VERSION, m.netd, m.version);
	else if (m.frame_max < IPC_FRAME_MAX_MIN)
		r = not_legal(net, f, "frame_max is too small");
	else
		r = DONE;
	net->welcomed = true;
	net->in.max = net->frame_max = m.frame_max;
	ipc_msg_release(IPC_WELCOME, &m);
	if (net->seeded) {
		/* A new netd: time and dice go on from where they were. */
		net->ahead_us = net->now_us > (int64_t)m.now_us
				    ? net->now_us - (int64_t)m.now_us
				    : 0;
	} else {
		net_seed(net, m.seed);
		net->seeded = true;
	}
	net->now_us = (int64_t)m.now_us + net->ahead_us;
	return r < 0 ? r : respawn_welcomed(net);
}

static int
arrive_now(struct gc_net *net, const struct ipc_frame *f)
{
	int64_t now_us;

	if (f->id > (uint64_t)(INT64_MAX - net->ahead_us))
		return not_legal(net, f, "a time out of range");
	now_us = (int64_t)f->id + net->ahead_us;
	if (now_us > net->now_us)
		net->now_us = now_us;
	return DONE;
}

static int
arrive_opened(struct gc_net *net, const struct ipc_frame *f)
{
	struct gc_conn *con;

	if (f->id == 0)
		return not_legal(net, f, "no connection has this number");
	/* The answer to INFO: its request says so, but so does this, and the
	 * image need not be read twice. */
	if (conns_find(&net->conns, f->id)) {
		struct request *r = asked(net, IPC_ANSWER, f->id);

		con = file_of(net, f);
		if (r && who_fill(net, &net->asked_who, f) < 0)
			return net->failed;
		if (r && net->asked_who.opened.request == IPC_REQUEST_INFO)
			r->result = 1;
		else if (con)
			file_opened(con);
		else
			return EVENT; /* kind_show() refuses it */
		return DONE;
	}
	seen(net, f->id);
	return EVENT;
}

static int
arrive_message(struct gc_net *net, const struct ipc_frame *f)
{
	struct gc_conn *con = file_of(net, f);

	return con ? file_message(net, con, f) : EVENT;
}

static int
arrive_closed(struct gc_net *net, const struct ipc_frame *f)
{
	struct gc_conn *con = file_of(net, f);

	if (con == NULL)
		return EVENT;
	file_closed(con, f);
	conns_remove(&net->conns, f->id);
	return DONE;
}

static int
arrive_timer(struct gc_net *net, const struct ipc_frame *f)
{
	if (f->id < OURS) {
		respawn_timer_passed(net, f->id);
		return EVENT;
	}
	timed_arrived(net, f->id);
	answer(asked(net, IPC_TIMER, f->id), 0);
	return DONE;
}

static int
arrive_answer(struct gc_net *net, const struct ipc_frame *f)
{
	struct request *r = asked(net, IPC_ANSWER, f->id);

	if (r)
		answer(r, r->result);
	return DONE;
}

static int
arrive_listening(struct gc_net *net, const struct ipc_frame *f)
{
	struct ipc_listening m;
	int r = unpack(net, f, &m);

	if (r < 0)
		return r;
	r = listener_told(net, &m);
	ipc_msg_release(IPC_LISTENING, &m);
	answer(asked(net, IPC_LISTENING, f->id), r);
	return DONE;
}

static int
arrive_connecting(struct gc_net *net, const struct ipc_frame *f)
{
	struct ipc_connecting m;
	struct request *r;
	int e = unpack(net, f, &m);

	if (e < 0)
		return e;
	if (f->id == 0 || conns_find(&net->conns, f->id))
		return not_legal(net, f, "it is there already");
	seen(net, f->id);
	r = asked(net, IPC_CONNECTING, m.request);
	ipc_msg_release(IPC_CONNECTING, &m);
	e = file_numbered(net, r ? r->file : NULL, f->id);
	answer(r, 0);
	return e;
}

static int
arrive_stop(struct gc_net *net, const struct ipc_frame *f)
{
	/* An upgrade is news for the game, not its end. */
	net->stop_untold = net->stop_untold || f->channel == 0;
	return EVENT;
}

static int
arrive_fault(struct gc_net *net, const struct ipc_frame *f)
{
	struct ipc_fault m;
	int r = unpack(net, f, &m);

	if (r < 0)
		return r;
	r = net_fail(net, GC_EPROTOCOL,
	    "netd refused frame %" PRIu64 " of this game: %s", m.position,
	    m.text);
	ipc_msg_release(IPC_FAULT, &m);
	return r;
}

static int
arrive_checkpoint(struct gc_net *net, const struct ipc_frame *f)
{
	return checkpoint_asked(net, f->id);
}

/* A piece of the snapshot that a game before this one left. */
static int
arrive_restore(struct gc_net *net, const struct ipc_frame *f)
{
	if (!ipc_buf_add(&net->restored, f->bytes, f->len))
		return net_fail(net, GC_ENO_MEMORY, "out of memory");
	return DONE;
}

/* All that was there before this game has been told. */
static int
arrive_live(struct gc_net *net, const struct ipc_frame *f)
{
	(void)f;
	net->live = true;
	return DONE;
}

static int
arrive_job(struct gc_net *net, const struct ipc_frame *f)
{
	return job_arrived(net, f) ? EVENT : DONE;
}

static int
arrive_work(struct gc_net *net, const struct ipc_frame *f)
{
	if (!net->worker[0])
		return not_legal(net, f, "this is no worker");
	return work_arrived(net, f);
}

/* ---- showing ------------------------------------------------------------ */

/* The connection that an event is about, known to the game; else NULL, and
 * the link has failed. */
static struct conn *
known(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	struct conn *c = conns_find(&net->conns, f->id);

	if (c == NULL) {
		not_legal(net, f, "it is not open");
		return NULL;
	}
	ev->conn = f->id;
	ev->bound = conn_bound(c);
	return c;
}

static int
show_text(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	ev->text = stream_text(net, f);
	ev->len = f->len;
	if (ev->text == NULL)
		return net_fail(net, GC_ENO_MEMORY, "out of memory");
	return EVENT;
}

static int
show_opened(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	struct who *w = &net->event_who;
	struct conn *c;
	int r = who_fill(net, w, f);

	if (r < 0)
		return r;
	/* The answer to an INFO that was given up. */
	if (w->opened.request == IPC_REQUEST_INFO)
		return DONE;
	if (conns_find(&net->conns, f->id))
		return not_legal(net, f, "it is open already");
	c = conns_add(&net->conns, f->id, NULL);
	if (c == NULL)
		return net_fail(net, GC_ENO_MEMORY, "out of memory");
	if (w->peer.tag_len)
		respawn_tag(net, f->id, w->peer.tag, w->peer.tag_len);
	c->keys = strcmp(w->opened.transport, "tty") == 0;
	c->columns = w->opened.columns;
	c->rows = w->opened.rows;
	ev->conn = f->id;
	ev->peer = &w->peer;
	ev->columns = w->peer.columns;
	ev->rows = w->peer.rows;
	return EVENT;
}

static int
show_message(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	if (known(net, f, ev) == NULL)
		return net->failed;
	ev->binary = (f->flags & IPC_BINARY) != 0;
	return show_text(net, f, ev);
}

/* Of a message that only the program before this one knew nothing is left but
 * a line in the log. */
static int
show_typed(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	const char *why;
	int r;

	if (known(net, f, ev) == NULL)
		return net->failed;
	r = typed_show(net, f->bytes, f->len, ev, &why);
	if (r == GC_EPROTOCOL)
		return not_legal(net, f, why);
	if (r == GC_ENO_MEMORY)
		return net_fail(net, r, "out of memory");
	if (r < 0) {
		gc_log(net, 1,
		    "a message of connection %" PRIu64
		    " is of a kind that only the program before this one knew",
		    f->id);
		return DONE;
	}
	return show_text(net, f, ev);
}

static int
show_closed(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	if (known(net, f, ev) == NULL)
		return net->failed;
	conns_remove(&net->conns, f->id);
	respawn_untag(net, f->id);
	ev->reason = f->channel;
	return show_text(net, f, ev);
}

static int
show_of_player(
    struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	return known(net, f, ev) ? EVENT : net->failed;
}

static int
show_tick(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	(void)net;
	ev->count = f->id;
	return EVENT;
}

static int
show_timer(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	(void)net;
	ev->timer = f->id;
	ev->count = f->channel;
	return EVENT;
}

static int
show_pressure(
    struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	struct ipc_pressure m;

	if (known(net, f, ev) == NULL || unpack(net, f, &m) < 0)
		return net->failed;
	ev->count = m.high;
	ev->bytes = m.queued_bytes;
	ipc_msg_release(IPC_PRESSURE, &m);
	return EVENT;
}

static int
show_dropped(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	struct ipc_dropped m;

	if (known(net, f, ev) == NULL || unpack(net, f, &m) < 0)
		return net->failed;
	ev->count = m.messages;
	ev->bytes = m.bytes;
	ipc_msg_release(IPC_DROPPED, &m);
	return EVENT;
}

static int
show_stop(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	if (f->channel == 1)
		ev->kind = GC_UPGRADE;
	else
		net->stop_untold = false;
	ev->count = f->id;
	return EVENT;
}

static int
show_stalled(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	(void)net;
	ev->bytes = f->id;
	return EVENT;
}

static int
show_notice(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	ev->count = f->channel;
	return show_text(net, f, ev);
}

static int
show_resized(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	struct conn *c = known(net, f, ev);
	uint16_t size[2];

	if (c == NULL)
		return net->failed;
	if (f->len != sizeof(size))
		return not_legal(net, f, "not two numbers of 16 bits");
	memcpy(size, f->bytes, sizeof(size));
	ev->columns = c->columns = size[0];
	ev->rows = c->rows = size[1];
	return EVENT;
}

static int
show_able(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	struct conn *c = known(net, f, ev);

	if (c == NULL)
		return net->failed;
	c->able = (uint8_t)f->channel;
	return EVENT;
}

static int
show_terminal(
    struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	if (known(net, f, ev) == NULL)
		return net->failed;
	return show_text(net, f, ev);
}

static int
show_job(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	return job_shown(net, f, ev) ? show_text(net, f, ev) : DONE;
}

/* ---- the table ---------------------------------------------------------- */

static const struct row {
	int (*arrive)(struct gc_net *, const struct ipc_frame *);
	enum gc_kind event; /* of what is left to show */
	int (*show)(
	    struct gc_net *, const struct ipc_frame *, struct gc_event *);
} rows[IPC_KIND_END] = {
	[IPC_WELCOME] = { arrive_welcome, 0, NULL },
	[IPC_NOW] = { arrive_now, 0, NULL },
	[IPC_OPENED] = { arrive_opened, GC_OPEN, show_opened },
	[IPC_MESSAGE] = { arrive_message, GC_MESSAGE, show_message },
	[IPC_CLOSED] = { arrive_closed, GC_CLOSE, show_closed },
	[IPC_TICK] = { arrive_event, GC_TICK, show_tick },
	[IPC_TIMER] = { arrive_timer, GC_TIMER, show_timer },
	[IPC_PRESSURE] = { arrive_of_player, GC_PRESSURE, show_pressure },
	[IPC_DROPPED] = { arrive_of_player, GC_DROPPED, show_dropped },
	[IPC_ANSWER] = { arrive_answer, 0, NULL },
	[IPC_LISTENING] = { arrive_listening, 0, NULL },
	[IPC_STOP] = { arrive_stop, GC_STOP, show_stop },
	[IPC_CONNECTING] = { arrive_connecting, 0, NULL },
	[IPC_FAULT] = { arrive_fault, 0, NULL },
	[IPC_CHECKPOINT] = { arrive_checkpoint, 0, NULL },
	[IPC_STALLED] = { arrive_event, GC_STALLED, show_stalled },
	[IPC_AWAY] = { arrive_of_player, GC_AWAY, show_of_player },
	[IPC_BACK] = { arrive_of_player, GC_BACK, show_of_player },
	[IPC_NOTICE] = { arrive_notice, GC_NOTICE, show_notice },
	[IPC_LIVE] = { arrive_live, 0, NULL },
	[IPC_RESTORE] = { arrive_restore, 0, NULL },
	[IPC_RESIZED] = { arrive_of_player, GC_RESIZE, show_resized },
	[IPC_TYPED] = { arrive_message, GC_TYPED, show_typed },
	[IPC_STATE_HELD] = { store_held, 0, NULL },
	[IPC_EVENT_UP] = { arrive_event, GC_EVENT, show_message },
	[IPC_EVENT_DONE] = { event_arrived, GC_ACK, event_show },
	[IPC_TERMINAL] = { arrive_of_player, GC_TERMINAL, show_terminal },
	[IPC_JOB_DONE] = { arrive_job, GC_JOB, show_job },
	[IPC_JOB_NOTE] = { arrive_job, GC_JOB, show_job },
	[IPC_WORK] = { arrive_work, 0, NULL },
	[IPC_SIDE] = { arrive_of_player, GC_SIDE, show_terminal },
	[IPC_ABLE] = { arrive_of_player, GC_ABLE, show_able },
};

int
kind_arrive(struct gc_net *net, const struct ipc_frame *f)
{
	/* stream_take() let only legal kinds through; the handshake is first */
	if (!net->welcomed && f->kind != IPC_WELCOME && f->kind != IPC_FAULT)
		return not_legal(net, f, "it came before WELCOME");
	if (net->worker[0] && rows[f->kind].event)
		return not_legal(net, f, "this is a worker");
	return rows[f->kind].arrive(net, f);
}

int
kind_show(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	memset(ev, 0, sizeof(*ev));
	ev->kind = rows[f->kind].event;
	ev->text = "";
	return rows[f->kind].show(net, f, ev);
}
