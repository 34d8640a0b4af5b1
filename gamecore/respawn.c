/*
 * respawn.c - netd died, and the game plays on under a new one.
 *
 * The game notices at the end of its pipe, so what the dead netd had still
 * said is events like any others. Then every connection is closed, each call
 * that waits for an answer has one or asks again, and the new netd is told
 * what the old one kept for the game: its tick, its timers. Time and dice go
 * on from where they were. The launcher's half: launch.c and wake.c.
 */
#include "gamecore/core.h"
#include "gamecore/stores.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The third of NOTICE's channels, which netd never uses. */
#define NOTICE_RESPAWNED 3

struct tag {
	size_t len;
	uint8_t bytes[];
};

bool
respawn_able(const struct gc_net *net)
{
	return net->keeper >= 0;
}

/* ---- connections -------------------------------------------------------- */

static const struct ipc_frame closed = { .kind = IPC_CLOSED,
	.channel = IPC_REASON_NETD_GONE,
	.bytes = (const uint8_t *)"" };

/* Those like a file hear of it at once. */
static void
close_files(struct gc_net *net)
{
	struct conns *c = &net->conns;

	for (size_t i = 0; i < c->size && c->files;) {
		if (c->slots[i].id && c->slots[i].is_file) {
			file_closed(c->slots[i].file, &closed);
			/* Another may have moved here. */
			conns_remove(c, c->slots[i].id);
		} else {
			i++;
		}
	}
}

/* The answer to an INFO looks like an OPENED, and opens nothing. */
static bool
opens(const struct ipc_frame *f)
{
	struct ipc_opened m;
	const char *why, *field;
	bool yes;

	if (f->kind != IPC_OPENED || ipc_msg_unpack(f, &m, &why, &field) < 0)
		return false;
	yes = m.request != IPC_REQUEST_INFO;
	ipc_msg_release(IPC_OPENED, &m);
	return yes;
}

/* Players that the game knows once it has seen all its events. */
static bool
gather_players(const struct gc_net *net, struct conns *players)
{
	struct ipc_frame f;
	size_t at = 0;

	for (size_t i = 0; i < net->conns.size; i++)
		if (net->conns.slots[i].id &&
		    !conns_add(players, net->conns.slots[i].id, NULL))
			return false;
	while (stream_kept(net, &at, &f)) {
		if (f.kind == IPC_CLOSED)
			conns_remove(players, f.id);
		else if (opens(&f) && !conns_find(players, f.id) &&
			 !conns_add(players, f.id, NULL))
			return false;
	}
	return true;
}

/* Who comes back to the new netd by a token has this number and this tag. */
static bool
may_return(struct gc_net *net, uint64_t id)
{
	struct conn *c = conns_find(&net->tags, id);
	const struct tag *tag = c ? c->bound : NULL;
	struct ipc_frame f = { .kind = IPC_RETURNS,
		.id = id,
		.bytes = tag ? tag->bytes : NULL,
		.len = tag ? (uint32_t)tag->len : 0 };
	uint8_t *to = ipc_buf_space(&net->returning, ipc_frame_size(f.len));

	if (to == NULL)
		return false;
	ipc_frame_lay(to, &f);
	ipc_buf_added(&net->returning, ipc_frame_size(f.len));
	return true;
}

/* One CLOSED each, behind what is still to be seen of them. */
static bool
close_players(struct gc_net *net)
{
	struct conns players = { 0 };
	struct ipc_frame f = closed;
	bool ok = gather_players(net, &players);

	for (size_t i = 0; ok && i < players.size; i++) {
		f.id = players.slots[i].id;
		ok = f.id == 0 ||
		     (may_return(net, f.id) && stream_keep(net, &f, 0));
	}
	conns_release(&players);
	return ok;
}

/* ---- calls that wait for an answer -------------------------------------- */

static void
answer_requests(struct gc_net *net)
{
	for (struct request *r = net->requests; r; r = r->next) {
		if (r->done)
			continue;
		if (r->kind == IPC_CONNECTING)
			file_closed(r->file, &closed);
		else if (r->kind == IPC_EVENT_DONE)
			r->done = true, r->result = GC_ECLOSED;
		else if (r->kind == IPC_ANSWER)
			r->done = true; /* nothing more is under way */
	}
}

int
respawn(struct gc_net *net)
{
	static const char text[] = "netd died and was started again";
	struct ipc_frame notice = { .kind = IPC_NOTICE,
		.channel = NOTICE_RESPAWNED,
		.bytes = (const uint8_t *)text,
		.len = sizeof(text) - 1 };
	int up, down;

	if (!wake_again(net->keeper, &up, &down))
		return net_fail(net, GC_ENETD_GONE, "netd is gone");
	stream_restart(net, up, down);
	net->live = false;
	close_files(net);
	answer_requests(net);
	if (!close_players(net) ||
	    (net->welcomed && !stream_keep(net, &notice, 0)))
		return net_fail(net, GC_ENO_MEMORY, "out of memory");
	net->welcomed = false;
	return net_greet(net, (uint32_t)getpid());
}

/* ---- what netd keeps for the game --------------------------------------- */

static int
put(struct gc_net *net, unsigned kind, uint64_t id)
{
	struct ipc_frame f = { .kind = (uint8_t)kind, .id = id };

	return stream_put(net, &f, NULL);
}

static int
put_timers(struct gc_net *net)
{
	int r = 0;

	for (size_t i = 0; i < net->timers.size && r == 0; i++) {
		const struct timer *t = net->timers.slots[i].bound;
		struct ipc_timer_start m;

		if (net->timers.slots[i].id == 0)
			continue;
		m.delay_us = t->due_us > net->now_us
				 ? (uint64_t)(t->due_us - net->now_us)
				 : 0;
		m.repeat_us = (uint64_t)t->repeat_us;
		r = stream_put_msg(net, IPC_TIMER_START, t->number, &m);
	}
	return r;
}

static int
put_returning(struct gc_net *net)
{
	struct ipc_buf *b = &net->returning;
	struct ipc_frame f;
	int r = 0;

	for (size_t at = 0; r == 0 && at < b->len;
	     at += ipc_frame_size(f.len)) {
		ipc_frame_known(b->data + at, &f);
		r = stream_put(net, &f, NULL);
	}
	ipc_buf_release(b);
	return r;
}

int
respawn_welcomed(struct gc_net *net)
{
	int r = put_returning(net);

	if (r == 0 && net->snapshot.len)
		r = snapshot_put(net, net->snapshot.data, net->snapshot.len);

	for (size_t i = 0; i < net->n_listeners && r == 0; i++)
		if (net->listeners[i].url == NULL)
			r = put(net, IPC_UNLISTEN, net->listeners[i].number);
	for (struct request *q = net->requests; q && r == 0; q = q->next) {
		struct ipc_listen m = { .url = q->url };

		if (q->kind == IPC_LISTENING && !q->done)
			r = stream_put_msg(net, IPC_LISTEN, q->number, &m);
	}
	timed_forgotten(net);
	if (r == 0 && net->tick_us)
		r = put(net, IPC_TICK_START, (uint64_t)net->tick_us);
	if (r == 0)
		r = put_timers(net);
	if (r == 0)
		r = stores_again(net);
	return r < 0 ? r : jobs_again(net);
}

/* ---- tags ---------------------------------------------------------------- */

void
respawn_untag(struct gc_net *net, uint64_t conn)
{
	struct conn *c = net->tags.used ? conns_find(&net->tags, conn) : NULL;

	if (c == NULL)
		return;
	free(c->bound);
	conns_remove(&net->tags, conn);
}

int
respawn_tag(struct gc_net *net, uint64_t conn, const void *bytes, size_t len)
{
	struct tag *tag;
	struct conn *c;

	respawn_untag(net, conn);
	if (len == 0 || !respawn_able(net))
		return 0;
	tag = malloc(sizeof(*tag) + len);
	c = tag ? conns_add(&net->tags, conn, NULL) : NULL;
	if (c == NULL) {
		free(tag);
		return net_problem(net, GC_ENO_MEMORY, "out of memory");
	}
	tag->len = len;
	memcpy(tag->bytes, bytes, len);
	c->bound = tag;
	return 0;
}

/* ---- timers -------------------------------------------------------------- */

/* No connection has the number 0, but a timer may. */
static struct timer *
timer_of(const struct gc_net *net, uint64_t number)
{
	struct conn *c = conns_find(&net->timers, number + 1);

	return c ? c->bound : NULL;
}

int
respawn_timer(
    struct gc_net *net, uint64_t number, int64_t delay_us, int64_t repeat_us)
{
	struct timer *t = timer_of(net, number);
	struct conn *c;

	if (t == NULL) {
		t = malloc(sizeof(*t));
		c = t ? conns_add(&net->timers, number + 1, NULL) : NULL;
		if (c == NULL) {
			free(t);
			return net_problem(net, GC_ENO_MEMORY, "out of memory");
		}
		c->bound = t;
	}
	t->number = number;
	t->due_us = delay_us < INT64_MAX - net->now_us ? net->now_us + delay_us
						       : INT64_MAX;
	t->repeat_us = repeat_us;
	return 0;
}

void
respawn_timer_stop(struct gc_net *net, uint64_t number)
{
	free(timer_of(net, number));
	conns_remove(&net->timers, number + 1);
}

void
respawn_timer_passed(struct gc_net *net, uint64_t number)
{
	struct timer *t = timer_of(net, number);

	if (t && t->repeat_us)
		t->due_us = t->repeat_us < INT64_MAX - net->now_us
				? net->now_us + t->repeat_us
				: INT64_MAX;
	else if (t)
		respawn_timer_stop(net, number);
}

void
respawn_release(struct gc_net *net)
{
	for (size_t i = 0; i < net->timers.size; i++)
		if (net->timers.slots[i].id)
			free(net->timers.slots[i].bound);
	conns_release(&net->timers);
	for (size_t i = 0; i < net->tags.size; i++)
		if (net->tags.slots[i].id)
			free(net->tags.slots[i].bound);
	conns_release(&net->tags);
	ipc_buf_release(&net->returning);
}
