/*
 * dispatch.c - a game's message -> its handler.
 *
 * The game is hostile input, as the network is: each row says in which phase
 * of the link a message is legal, and how many bytes it must have; what a
 * handler finds wrong breaks the link and names message and field. A
 * connection that is not there (any more) is no fault: its CLOSED may be on
 * its way up.
 */
#include "netd/event.h"
#include "netd/jobs.h"
#include "netd/netd.h"
#include "netd/side.h"
#include "netd/state.h"

#include "ipc/log.h"

#include <stdio.h>
#include <string.h>

#define BEFORE (1u << GREETING)
#define DURING (1u << LINKED)

/* A tick faster than this would only be coalesced. */
#define TICK_MIN_US 1000
#define TICK_MAX_US (86400ll * 1000000)

static bool
fault(struct link *l, const struct ipc_frame *f, const char *what)
{
	link_break(l, "frame %llu (%s): %s", (unsigned long long)l->down,
	    ipc_info(f->kind)->name, what);
	return false;
}

/* Unpack, or break the link naming the field. */
static bool
unpack(struct link *l, const struct ipc_frame *f, void *m)
{
	const char *why, *field;
	char text[128];

	if (ipc_msg_unpack(f, m, &why, &field) == 0)
		return true;
	snprintf(text, sizeof(text), "%s%s%s", field ? field : "",
	    field ? ": " : "", why);
	return fault(l, f, text);
}

static uint64_t
u64_at(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* ---- the handshake ----------------------------------------------------------
 */

static bool
on_hello(struct link *l, const struct ipc_frame *f)
{
	struct netd *n = l->netd;
	struct ipc_hello m;
	struct ipc_welcome w = { .version = IPC_VERSION,
		.now_us = (uint64_t)netd_now(n),
		.conns = (uint32_t)n->n_playing };
	char name[] = "netd " PENSTOCK_VERSION;
	bool same;

	if (!unpack(l, f, &m))
		return false;
	same = m.version == IPC_VERSION;
	if (m.frame_max < IPC_FRAME_MAX_MIN) {
		ipc_msg_release(f->kind, &m);
		return fault(l, f, "frame_max: too small");
	}
	if (m.frame_max < l->frame_max)
		l->frame_max = l->reader.max = m.frame_max;
	w.frame_max = (uint32_t)l->frame_max;
	if (m.conn_max > n->last_id)
		n->last_id = m.conn_max;
	snprintf(l->game, sizeof(l->game), "%s", m.game);
	ipc_log_tame(l->game, strlen(l->game), false);
	l->pid = (pid_t)m.pid;
	w.seed = netd_seed();
	w.netd = name;
	link_up_msg(l, IPC_WELCOME, 0, &w);
	if (!same) {
		char text[64];

		snprintf(text, sizeof(text), "version: game %u, netd %u",
		    m.version, IPC_VERSION);
		ipc_msg_release(f->kind, &m);
		return fault(l, f, text);
	}
	/* One that cannot begin says why in one line, and that is the only. */
	l->unsaid = true;
	if (!n->launched || l->rec.ran_before || n->listeners)
		link_say_game(l);
	ipc_msg_release(f->kind, &m);
	l->phase = LINKED;
	l->schema_old = true;
	recover_tell(l);
	if (n->stops)
		stop_tell(n);
	return true;
}

/* ---- messages
 * ----------------------------------------------------------------- */

size_t
dispatch_row(struct link *l, const uint8_t *p, size_t n, size_t *frames)
{
	struct client *c;
	struct ipc_frame f;
	size_t size;

	if (l->cast.n)
		cast_flush(l);
	ipc_frame_known(p, &f);
	c = client_find(l->netd, f.id);
	if (c == NULL)
		return 0;
	size = client_send_row(c, &f, p, n, frames);
	if (size)
		return size;
	if (!client_takes(c) || (f.flags & IPC_CLASS_MASK) > IPC_DROPPABLE)
		return 0;
	client_send(c, f.flags, f.channel, f.bytes, f.len);
	*frames = 1;
	return ipc_frame_size(f.len);
}

static bool
on_send(struct link *l, const struct ipc_frame *f)
{
	struct client *c;

	if ((f->flags & IPC_CLASS_MASK) > IPC_DROPPABLE)
		return fault(l, f, "flags: no such class");
	c = client_find(l->netd, f->id);
	if (c && client_takes(c))
		client_send(c, f->flags, f->channel, f->bytes, f->len);
	return true;
}

static bool
on_send_group(struct link *l, const struct ipc_frame *f)
{
	if ((f->flags & IPC_CLASS_MASK) > IPC_DROPPABLE)
		return fault(l, f, "flags: no such class");
	cast_add(l, f->id, 0, f);
	return true;
}

static bool
on_send_but(struct link *l, const struct ipc_frame *f)
{
	struct ipc_frame rest = *f;

	if ((f->flags & IPC_CLASS_MASK) > IPC_DROPPABLE)
		return fault(l, f, "flags: no such class");
	rest.bytes += 8;
	rest.len -= 8;
	cast_add(l, f->id, u64_at(f->bytes), &rest);
	return true;
}

static bool
on_schema(struct link *l, const struct ipc_frame *f)
{
	const char *why = schema_add(l, f->id, (const char *)f->bytes, f->len);

	l->schema_old = false;
	return why == NULL || fault(l, f, why);
}

/* What is wrong with bytes and class of a typed message; NULL: nothing. */
static const char *
typed_wrong(const struct link *l, const struct ipc_frame *f)
{
	if ((f->flags & IPC_CLASS_MASK) > IPC_DROPPABLE)
		return "flags: no such class";
	return speak_check(l, f->bytes, f->len);
}

static bool
on_send_typed(struct link *l, const struct ipc_frame *f)
{
	struct client *c = client_find(l->netd, f->id);
	const char *why = typed_wrong(l, f);

	if (why)
		return fault(l, f, why);
	if (c && client_takes(c))
		speak_send(c, f->flags, f->channel, f->bytes, f->len);
	return true;
}

static bool
on_send_typed_group(struct link *l, const struct ipc_frame *f)
{
	const char *why = typed_wrong(l, f);

	if (why)
		return fault(l, f, why);
	cast_add(l, f->id, 0, f);
	return true;
}

static bool
on_send_typed_but(struct link *l, const struct ipc_frame *f)
{
	struct ipc_frame rest = *f;
	const char *why;

	rest.bytes += 8;
	rest.len -= 8;
	why = typed_wrong(l, &rest);
	if (why)
		return fault(l, f, why);
	cast_add(l, f->id, u64_at(f->bytes), &rest);
	return true;
}

static bool
on_close(struct link *l, const struct ipc_frame *f)
{
	struct client *c = client_find(l->netd, f->id);
	char text[IPC_CLOSE_TEXT_MAX + 1];

	if (f->len > IPC_CLOSE_TEXT_MAX)
		return fault(l, f, "bytes: text over 123 bytes");
	if (f->channel == 0 || f->channel >= IPC_REASON_END)
		return fault(l, f, "channel: no such reason");
	if (c == NULL)
		return true;
	memcpy(text, f->bytes, f->len);
	text[f->len] = '\0';
	client_close(c, f->channel, text);
	return true;
}

static bool
on_join(struct link *l, const struct ipc_frame *f)
{
	struct client *c = client_find(l->netd, f->id);
	uint64_t group = u64_at(f->bytes);

	if (group == 0)
		return fault(l, f, "group: 0 is everybody");
	if (c && c->phase == PLAYING && !group_join(l, group, c))
		client_close(c, IPC_REASON_LIMIT, "too many groups");
	return true;
}

static bool
on_leave(struct link *l, const struct ipc_frame *f)
{
	struct client *c = client_find(l->netd, f->id);
	uint64_t group = u64_at(f->bytes);

	if (group == 0)
		return fault(l, f, "group: 0 is everybody");
	if (c)
		group_leave(l, group, c);
	return true;
}

static bool
on_tag(struct link *l, const struct ipc_frame *f)
{
	struct client *c = client_find(l->netd, f->id);

	if (f->len > IPC_TAG_MAX)
		return fault(l, f, "bytes: a tag over 1,024 bytes");
	if (c == NULL)
		return true;
	if (client_rare(c))
		ipc_buf_release(&c->rare->tag);
	if (c->rare == NULL || !ipc_buf_add(&c->rare->tag, f->bytes, f->len))
		client_close(c, IPC_REASON_NO_MEMORY, "");
	return true;
}

static bool
on_returns(struct link *l, const struct ipc_frame *f)
{
	if (f->len > IPC_TAG_MAX)
		return fault(l, f, "bytes: a tag over 1,024 bytes");
	if (f->id == 0 || f->id > l->netd->last_id)
		return fault(l, f, "id: no connection of before");
	if (!returns_add(l->netd, f->id, f->bytes, f->len))
		ipc_log(IPC_LOG_WARN, "returns", "conn=%llu fault=memory",
		    (unsigned long long)f->id);
	return true;
}

/* A transport without an echo of its own has nothing to hide. */
static bool
on_hide_input(struct link *l, const struct ipc_frame *f)
{
	struct client *c = client_find(l->netd, f->id);

	if (f->channel > 1)
		return fault(l, f, "channel: neither 0 nor 1");
	if (c && c->phase == PLAYING && c->transport->hide)
		c->transport->hide(c, f->channel == 1);
	return true;
}

static bool
on_send_side(struct link *l, const struct ipc_frame *f)
{
	struct client *c = client_find(l->netd, f->id);

	if (f->flags > IPC_DROPPABLE)
		return fault(l, f, "flags: no such class");
	if (!side_send(l, c, f))
		return fault(l, f, "bytes: no name of a message");
	return true;
}

static bool
on_send_side_group(struct link *l, const struct ipc_frame *f)
{
	if (f->flags > IPC_DROPPABLE)
		return fault(l, f, "flags: no such class");
	if (!side_send_group(l, f))
		return fault(l, f, "bytes: no name of a message");
	return true;
}

static bool
on_set_able(struct link *l, const struct ipc_frame *f)
{
	struct client *c = client_find(l->netd, f->id);
	int32_t value;

	memcpy(&value, f->bytes, sizeof(value));
	if (!terminal_set(c, f->channel, value))
		return fault(l, f, "bytes: no such value");
	return true;
}

static bool
on_info(struct link *l, const struct ipc_frame *f)
{
	struct client *c = client_find(l->netd, f->id);

	if (c && c->told)
		client_tell(c, IPC_REQUEST_INFO, IPC_FRESH);
	link_up(l, IPC_ANSWER, f->id, 0, 0, NULL, 0);
	return true;
}

static bool
on_ask(struct link *l, const struct ipc_frame *f)
{
	link_up(l, IPC_ANSWER, f->id, 0, 0, NULL, 0);
	return true;
}

/* ---- listeners and connections
 * -------------------------------------------------- */

static bool
on_listen(struct link *l, const struct ipc_frame *f)
{
	struct ipc_listening answer = { 0 };
	struct listener *li;
	struct ipc_listen m;
	char why[512] = "";

	if (!unpack(l, f, &m))
		return false;
	/* A game that starts again finds its listeners as it left them. */
	li = listen_same(l->netd, m.url);
	if (li == NULL)
		li = listen_open(l->netd, m.url, -1, why, sizeof(why));
	answer.url = li ? li->text : m.url;
	answer.text = why;
	if (li) {
		answer.listener = li->number;
		control_say(l->netd, IPC_CONTROL_LISTENER, li->number, 0,
		    li->url->text, li->fd);
	} else {
		answer.error = -IPC_ERR_NO_LISTEN;
	}
	link_up_msg(l, IPC_LISTENING, f->id, &answer);
	link_told(l);
	ipc_msg_release(f->kind, &m);
	return true;
}

static bool
on_unlisten(struct link *l, const struct ipc_frame *f)
{
	struct listener *li = listen_find(l->netd, (uint32_t)f->id);

	if (li) {
		listen_close(li);
		control_say(l->netd, IPC_CONTROL_UNLISTENED, (uint32_t)f->id, 0,
		    "", -1);
	}
	return true;
}

static bool
on_connect(struct link *l, const struct ipc_frame *f)
{
	struct ipc_connect m;

	if (!unpack(l, f, &m))
		return false;
	connect_begin(l, f->id, m.url);
	ipc_msg_release(f->kind, &m);
	return true;
}

/* ---- time
 * ------------------------------------------------------------------------ */

static bool
on_tick_start(struct link *l, const struct ipc_frame *f)
{
	if (f->id < TICK_MIN_US || f->id > TICK_MAX_US)
		return fault(l, f, "id: an interval of 1 ms to a day");
	tick_start(l, (int64_t)f->id);
	return true;
}

static bool
on_tick_stop(struct link *l, const struct ipc_frame *f)
{
	(void)f;
	tick_stop(l);
	return true;
}

static bool
on_timer_start(struct link *l, const struct ipc_frame *f)
{
	struct ipc_timer_start m;

	if (!unpack(l, f, &m))
		return false;
	if (m.repeat_us && m.repeat_us < TICK_MIN_US)
		return fault(l, f, "repeat_us: at least 1 ms");
	if (!timer_add(l, f->id, (int64_t)m.delay_us, (int64_t)m.repeat_us))
		return fault(l, f, "id: too many timers (limit timers_max)");
	return true;
}

static bool
on_timer_stop(struct link *l, const struct ipc_frame *f)
{
	timer_cancel(l, f->id);
	return true;
}

/* ---- jobs ------------------------------------------------------------------
 */

static bool
on_job(struct link *l, const struct ipc_frame *f)
{
	char name[IPC_WORKERS_NAME_MAX + 1];
	size_t n = f->bytes[0];

	if (n == 0 || n > IPC_WORKERS_NAME_MAX || n > f->len - 1)
		return fault(l, f, "bytes: no name of workers");
	if (f->id == 0)
		return fault(l, f, "id: not the number of a job");
	memcpy(name, f->bytes + 1, n);
	name[n] = '\0';
	if (strlen(name) != n)
		return fault(l, f, "bytes: a NUL in a name");
	jobs_add(l, f->id, name, f->bytes + 1 + n, f->len - 1 - n);
	return true;
}

static bool
on_job_cancel(struct link *l, const struct ipc_frame *f)
{
	jobs_cancel(l, f->id);
	return true;
}

/* ---- the rest
 * ---------------------------------------------------------------------- */

static bool
on_log(struct link *l, const struct ipc_frame *f)
{
	static const enum ipc_level levels[] = { IPC_LOG_INFO, IPC_LOG_WARN,
		IPC_LOG_ERROR };
	char text[1024];

	if (f->channel > 2)
		return fault(l, f, "channel: no such level");
	ipc_log(levels[f->channel], "game_says", "game=%s text=%s", l->game,
	    ipc_log_quote(f->bytes, f->len, text, sizeof(text)));
	return true;
}

static bool
on_checkpointed(struct link *l, const struct ipc_frame *f)
{
	struct ipc_checkpointed m;

	if (!unpack(l, f, &m))
		return false;
	if (!recover_checkpointed(l, f->id, &m))
		return fault(l, f, "id: no such checkpoint was asked for");
	return true;
}

static bool
on_snapshot(struct link *l, const struct ipc_frame *f)
{
	if (!recover_snapshot(l, f))
		return fault(l, f, "bytes: over the limit snapshot_bytes");
	return true;
}

static bool
on_ready(struct link *l, const struct ipc_frame *f)
{
	(void)f;
	link_say_game(l);
	/* The one before declared messages, this one none. */
	if (l->schema_old)
		schema_release(l);
	l->schema_old = false;
	recover_ready(l);
	return true;
}

static bool
on_state(struct link *l, const struct ipc_frame *f)
{
	static const char *(*const acts[])(
	    struct link * l, const struct ipc_frame *f) = {
		[IPC_STATE_OPEN - IPC_STATE_OPEN] = state_open,
		[IPC_STATE_SET - IPC_STATE_OPEN] = state_change,
		[IPC_STATE_MERGE - IPC_STATE_OPEN] = state_change,
		[IPC_STATE_DELETE - IPC_STATE_OPEN] = state_change,
		[IPC_STATE_CLOSE - IPC_STATE_OPEN] = state_close,
		[IPC_STATE_VIEW - IPC_STATE_OPEN] = state_view,
		[IPC_STATE_WATCH - IPC_STATE_OPEN] = state_watch,
		[IPC_STATE_FOCUS - IPC_STATE_OPEN] = state_focus,
		[IPC_EVENT - IPC_STATE_OPEN] = event_send,
		[IPC_EVENT_ANSWER - IPC_STATE_OPEN] = event_answer,
		[IPC_STATE_GONE - IPC_STATE_OPEN] = state_gone,
	};
	const char *why = acts[f->kind - IPC_STATE_OPEN](l, f);

	return why == NULL || fault(l, f, why);
}

static bool
on_events(struct link *l, const struct ipc_frame *f)
{
	l->talks = f->id != 0;
	return true;
}

static bool
on_bye(struct link *l, const struct ipc_frame *f)
{
	(void)f;
	cast_flush(l);
	/* What it began is done, and told to nobody. */
	jobs_disown(l);
	l->phase = FINISHED;
	stop_bye(l->netd);
	return true;
}

static const struct route {
	unsigned legal;
	uint32_t len_min; /* and len_max, unless that is 0: no bound here */
	uint32_t len_max;
	bool keeps_cast; /* may join the sends before it */
	bool (*act)(struct link *l, const struct ipc_frame *f);
} routes[IPC_KIND_END] = {
	[IPC_HELLO] = { BEFORE, 0, 0, false, on_hello },
	[IPC_SEND] = { DURING, 0, 0, false, on_send },
	[IPC_SEND_GROUP] = { DURING, 0, 0, true, on_send_group },
	[IPC_SEND_BUT] = { DURING, 8, 0, true, on_send_but },
	[IPC_SCHEMA] = { DURING, 1, 0, false, on_schema },
	[IPC_SEND_TYPED] = { DURING, IPC_TYPED_HEAD, 0, false, on_send_typed },
	[IPC_SEND_TYPED_GROUP] = { DURING, IPC_TYPED_HEAD, 0, true,
	    on_send_typed_group },
	[IPC_SEND_TYPED_BUT] = { DURING, 8 + IPC_TYPED_HEAD, 0, true,
	    on_send_typed_but },
	[IPC_CLOSE] = { DURING, 0, 0, false, on_close },
	[IPC_JOIN] = { DURING, 8, 8, false, on_join },
	[IPC_LEAVE] = { DURING, 8, 8, false, on_leave },
	[IPC_TAG] = { DURING, 0, 0, false, on_tag },
	[IPC_RETURNS] = { DURING, 0, 0, false, on_returns },
	[IPC_LISTEN] = { DURING, 0, 0, false, on_listen },
	[IPC_UNLISTEN] = { DURING, 0, 0, false, on_unlisten },
	[IPC_CONNECT] = { DURING, 0, 0, false, on_connect },
	[IPC_ASK] = { DURING, 0, 0, false, on_ask },
	[IPC_TICK_START] = { DURING, 0, 0, false, on_tick_start },
	[IPC_TICK_STOP] = { DURING, 0, 0, false, on_tick_stop },
	[IPC_TIMER_START] = { DURING, 0, 0, false, on_timer_start },
	[IPC_TIMER_STOP] = { DURING, 0, 0, false, on_timer_stop },
	[IPC_HIDE_INPUT] = { DURING, 0, 0, false, on_hide_input },
	[IPC_SEND_SIDE] = { DURING, 1, 0, false, on_send_side },
	[IPC_SEND_SIDE_GROUP] = { DURING, 9, 0, false, on_send_side_group },
	[IPC_SET_ABLE] = { DURING, 4, 4, false, on_set_able },
	[IPC_INFO] = { DURING, 0, 0, false, on_info },
	[IPC_LOG] = { DURING, 0, 0, true, on_log },
	[IPC_CHECKPOINTED] = { DURING, 0, 0, false, on_checkpointed },
	[IPC_SNAPSHOT] = { DURING, 0, 0, true, on_snapshot },
	[IPC_READY] = { DURING, 0, 0, true, on_ready },
	[IPC_JOB] = { DURING, 2, 0, true, on_job },
	[IPC_JOB_CANCEL] = { DURING, 0, 0, true, on_job_cancel },
	[IPC_STATE_OPEN] = { DURING, 0, 0, false, on_state },
	[IPC_STATE_SET] = { DURING, 0, 0, false, on_state },
	[IPC_STATE_MERGE] = { DURING, 0, 0, false, on_state },
	[IPC_STATE_DELETE] = { DURING, 0, 0, false, on_state },
	[IPC_STATE_CLOSE] = { DURING, 0, 0, false, on_state },
	[IPC_STATE_VIEW] = { DURING, 0, 0, false, on_state },
	[IPC_STATE_WATCH] = { DURING, 0, 0, false, on_state },
	[IPC_STATE_FOCUS] = { DURING, 0, 0, false, on_state },
	[IPC_STATE_GONE] = { DURING, 0, 0, false, on_state },
	[IPC_EVENT] = { DURING, 0, 0, false, on_state },
	[IPC_EVENT_ANSWER] = { DURING, 0, 0, false, on_state },
	[IPC_EVENTS] = { DURING, 0, 0, true, on_events },
	[IPC_BYE] = { DURING, 0, 0, false, on_bye },
};

bool
dispatch(struct link *l, const struct ipc_frame *f)
{
	const struct route *r = &routes[f->kind];

	if (r->act == NULL)
		return fault(l, f, "netd does not take it");
	if (!(r->legal & (1u << l->phase)))
		return fault(l, f, "not legal now");
	if (f->len < r->len_min || (r->len_max && f->len > r->len_max))
		return fault(l, f, "bytes: of the wrong length");
	if (l->cast.n && !r->keeps_cast)
		cast_flush(l);
	return r->act(l, f);
}
