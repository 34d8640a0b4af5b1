/*
 * clients.c - all clients: the table of ids, the turn, the sweep, and the
 * two epoll sets.
 *
 * Sockets live in epoll sets of netd's own, each watched by one ev_io: a
 * batch is bounded whatever number is ready, the kernel hands them out in
 * turn, and stopping one watcher stops the reading of everybody.
 */
#include "netd/event.h"
#include "netd/mccp.h"
#include "netd/netd.h"
#include "netd/operator.h"
#include "netd/side.h"
#include "netd/talk.h"

#include "ipc/log.h"
#include "netd/resume.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define TABLE_MIN 1024
#define SWEEP_S 0.25
/* At the end of netd, for a peer to close as well once all was sent. */
#define LAST_CLOSE_MS 500
/* Of messages in one turn. */
#define TURN_BYTES (256u << 10)
/* Between looks at clients that wait for a token. */
#define THROTTLE_S 0.02

/* ---- ids: open addressing; they are mostly in sequence ------------------- */

static size_t
slot_of(const struct netd *n, uint64_t id)
{
	return (size_t)id & (n->table_size - 1);
}

static bool
table_grow(struct netd *n)
{
	size_t old = n->table_size;
	size_t size = old ? old * 2 : TABLE_MIN;
	struct client **from = n->table;
	struct client **to = calloc(size, sizeof(*to));

	if (to == NULL)
		return false;
	n->table = to;
	n->table_size = size;
	for (size_t i = 0; i < old; i++) {
		size_t at;

		if (from[i] == NULL)
			continue;
		at = slot_of(n, from[i]->id);
		while (to[at])
			at = (at + 1) & (size - 1);
		to[at] = from[i];
	}
	free(from);
	return true;
}

bool
clients_add(struct netd *n, struct client *c)
{
	size_t at;

	if (n->n_clients * 4 >= n->table_size * 3 && !table_grow(n))
		return false;
	at = slot_of(n, c->id);
	while (n->table[at])
		at = (at + 1) & (n->table_size - 1);
	n->table[at] = c;
	n->n_clients++;
	return true;
}

static size_t
table_at(const struct netd *n, uint64_t id)
{
	size_t at;

	if (n->table_size == 0)
		return SIZE_MAX;
	for (at = slot_of(n, id); n->table[at];
	     at = (at + 1) & (n->table_size - 1))
		if (n->table[at]->id == id)
			return at;
	return SIZE_MAX;
}

struct client *
client_find(const struct netd *n, uint64_t id)
{
	size_t at = table_at(n, id);

	return at == SIZE_MAX ? NULL : n->table[at];
}

void
clients_remove(struct netd *n, struct client *c)
{
	size_t hole = table_at(n, c->id);
	size_t mask = n->table_size - 1, at = hole;

	assert(hole != SIZE_MAX);
	n->table[hole] = NULL;
	n->n_clients--;
	/* Close the gap, so that a search never stops too early. */
	while (n->table[at = (at + 1) & mask]) {
		size_t home = slot_of(n, n->table[at]->id);

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		n->table[hole] = n->table[at];
		n->table[at] = NULL;
		hole = at;
	}
}

void
clients_rename(struct client *c, uint64_t id)
{
	clients_remove(c->netd, c);
	c->id = id;
	clients_add(c->netd, c); /* where one was removed there is room */
}

/* ---- lists ----------------------------------------------------------------
 */

static void
unlist(struct client *c)
{
	struct netd *n = c->netd;

	if (n->sweep_at == c)
		n->sweep_at = c->next;
	if (c->prev)
		c->prev->next = c->next;
	else if (n->pending == c)
		n->pending = c->next;
	else if (n->playing == c)
		n->playing = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->next = c->prev = NULL;
	n->n_playing -= c->listed_playing;
	c->listed_playing = false;
}

void
clients_list(struct client *c, bool playing)
{
	struct netd *n = c->netd;
	struct client **list = playing ? &n->playing : &n->pending;

	unlist(c);
	c->next = *list;
	if (c->next)
		c->next->prev = c;
	*list = c;
	c->listed_playing = playing;
	n->n_playing += playing;
}

void
clients_bury(struct client *c)
{
	struct netd *n = c->netd;

	if (c->buried)
		return;
	c->buried = true;
	unlist(c);
	c->next = n->gone;
	n->gone = c;
}

static void
client_free(struct client *c)
{
	struct netd *n = c->netd;

	talk_forget(c);
	clients_unready(c);
	groups_forget(c);
	connect_forget(c);
	address_forget(c);
	if (c->transport->close)
		c->transport->close(c);
	c->wire->close(c);
	clients_remove(n, c);
	n->queued_bytes -= c->out.bytes;
	outq_clear(&c->out);
	client_keep_none(c);
	peer_drop(c->peer);
	url_drop(c->url);
	resume_free(c);
	side_free(c);
	mccp_free(c);
	if (c->rare) {
		free(c->rare->terminal);
		ipc_buf_release(&c->rare->tag);
		free(c->rare->bye);
		free(c->rare);
	}
	free(c);
}

static void
throttled_forget(struct client *c)
{
	struct client **at = &c->netd->throttled;

	while (*at && *at != c)
		at = &(*at)->rare->next_throttled;
	if (*at)
		*at = c->rare->next_throttled;
}

static void
reap(struct netd *n)
{
	while (n->gone) {
		struct client *c = n->gone;

		n->gone = c->next;
		if (c->throttled)
			throttled_forget(c);
		client_free(c);
	}
}

/* ---- the turn --------------------------------------------------------------
 */

void
clients_turn(struct netd *n)
{
	/* A flush can mark others (a close that ends a group, say): go on. */
	while (n->dirty) {
		struct client *c = n->dirty;

		n->dirty = c->next_dirty;
		client_warm(n->dirty);
		c->dirty = false;
		if (c->resume)
			resume_turn(c);
		if (c->phase == GONE)
			continue;
		if (c->out.head || mccp_waits(c))
			client_flush(c);
		else if (c->phase == LEAVING)
			client_flush(c);
	}
	/* The game may run first, if it shares our core. */
	if (n->full_turn)
		sched_yield();
	n->full_turn = false;
	if (n->gone) {
		reap(n);
		listen_pause(n, false);
	}
}

/*
 * What a turn lays down for the game stays in the cache on its way there: a
 * batch ends when that much is laid, and those who are left of it come first
 * in the next turn, so that nobody starves.
 */
static void
read_batch(struct netd *n, size_t enough)
{
	int most = (int)n->config.batch;

	if (n->event_at >= n->n_events) {
		n->n_events = epoll_wait(n->in_fd, n->events, most, 0);
		n->event_at = 0;
		n->full_turn = n->n_events == most;
	}
	while (n->event_at < n->n_events) {
		struct client *c = n->events[n->event_at++].data.ptr;

		if (n->event_at < n->n_events)
			client_warm(n->events[n->event_at].data.ptr);
		if (c)
			client_readable(c);
		if (n->link->journal.unsent > enough) {
			n->full_turn = true;
			break;
		}
	}
}

static void
on_in(struct ev_loop *loop, ev_io *w, int events)
{
	struct netd *n = w->data;
	size_t enough = n->link->journal.unsent + TURN_BYTES;

	(void)loop;
	(void)events;
	read_batch(n, enough);
	/* While some were read, others have spoken: the game is woken once for
	 * all of them. Who was alone waits for nobody. */
	if (n->n_events > 1 && !n->full_turn && !n->input_held)
		read_batch(n, enough);
}

static void
on_out(struct ev_loop *loop, ev_io *w, int events)
{
	struct netd *n = w->data;
	int got = epoll_wait(w->fd, n->out_events, (int)n->config.batch, 0);

	(void)loop;
	(void)events;
	for (int i = 0; i < got; i++)
		client_writable(n->out_events[i].data.ptr);
}

void
clients_unready(struct client *c)
{
	struct netd *n = c->netd;

	for (int i = n->event_at; i < n->n_events; i++)
		if (n->events[i].data.ptr == c)
			n->events[i].data.ptr = NULL;
}

void
clients_hold_input(struct netd *n)
{
	struct link *l = n->link;
	size_t ahead = (size_t)n->config.ahead_bytes;
	bool hold = l->phase != LINKED || l->taken < l->told_at ||
		    operator_holds(n) || l->journal.unsent > ahead ||
		    (n->input_held && l->journal.unsent > ahead / 2);

	/* While draining, goodbyes are answered: an unread end of a line
	 * would cost close_ms. */
	if (n->draining)
		hold = false;
	if (hold == n->input_held)
		return;
	n->input_held = hold;
	n->metrics.input_holds += hold;
	if (hold)
		ev_io_stop(n->loop, &n->in_io);
	else
		ev_io_start(n->loop, &n->in_io);
}

/* ---- tokens -----------------------------------------------------------------
 */

void
clients_throttle(struct client *c)
{
	struct netd *n = c->netd;

	if (c->throttled)
		return;
	c->throttled = true;
	c->rare->next_throttled = n->throttled;
	n->throttled = c;
	client_watch(c);
	ev_timer_again(n->loop, &n->throttle);
}

static void
on_throttle(struct ev_loop *loop, ev_timer *w, int events)
{
	struct netd *n = w->data;
	struct client *c = n->throttled;
	int64_t now = netd_now(n);

	(void)events;
	n->throttled = NULL;
	while (c) {
		struct rare *r = c->rare;
		struct client *next = r->next_throttled;
		double gained = (double)(now - r->tokens_us) * 1e-6 *
				(double)c->url->config.messages_per_s;

		c->throttled = false;
		if (c->phase == GONE) {
			/* nothing: reap() frees it */
		} else if (r->tokens + gained < 1 || n->input_held) {
			clients_throttle(c);
		} else {
			client_feed_kept(c);
			client_watch(c);
		}
		c = next;
	}
	if (n->throttled == NULL)
		ev_timer_stop(loop, w);
}

/* ---- the sweep: deadlines, four times a second
 * ------------------------------- */

static bool
passed(int64_t since_us, int64_t limit_ms, int64_t now)
{
	return limit_ms > 0 && now - since_us > limit_ms * 1000;
}

static void
sweep_pending(struct client *c, int64_t now)
{
	const struct config *k = &c->url->config;

	if (c->phase == HANDSHAKE && c->netd->input_held)
		c->since_us = now; /* nobody is read: not the peer's fault */
	else if (c->phase == HANDSHAKE &&
		 passed(c->since_us, k->handshake_ms, now))
		client_close(
		    c, IPC_REASON_HANDSHAKE, "handshake took too long");
	else if (c->phase == CONNECTING &&
		 passed(c->since_us, k->connect_ms, now))
		client_abort(c, IPC_REASON_TIMEOUT, "connect timed out");
	else if (c->phase == LEAVING && passed(c->since_us, k->close_ms, now))
		client_abort(c, c->reason, "");
	else if (c->phase == LEAVING && c->cut && c->netd->draining &&
		 passed(c->since_us, LAST_CLOSE_MS, now))
		client_abort(c, c->reason, "");
	else if (c->phase == LEAVING && c->linger)
		client_mark(c);
}

static void
sweep_playing(struct client *c, int64_t now)
{
	const struct config *k = &c->url->config;
	struct netd *n = c->netd;

	client_report_drops(c);
	metrics_look(c);
	events_sweep(c);
	if (c->resume && resume_sweep(c, now))
		return;
	if ((c->out.head || mccp_waits(c)) &&
	    passed(c->moved_us, k->progress_ms, now)) {
		if (resume_lost(
			c, IPC_REASON_SLOW, "took nothing for too long"))
			return;
		client_close(c, IPC_REASON_SLOW, "took nothing for too long");
		return;
	}
	if (n->input_held) {
		/* A game that does not read is no fault of the player's. */
		c->since_us = c->bytes_us = now;
		return;
	}
	if (!c->heard && passed(c->since_us, k->first_ms, now))
		client_close(
		    c, IPC_REASON_FIRST_MESSAGE, "said nothing for too long");
	else if (passed(c->since_us, k->idle_ms, now))
		client_close(c, IPC_REASON_IDLE, "idle for too long");
	else if (c->transport->ping && c->pinged &&
		 passed(c->bytes_us, k->keepalive_ms * 3 / 2, now))
		client_lost(c, IPC_REASON_TIMEOUT, "did not answer a ping");
	else if (c->transport->ping && !c->pinged &&
		 passed(c->bytes_us, k->keepalive_ms, now)) {
		c->pinged = true;
		c->transport->ping(c);
	}
}

static void
on_sweep(struct ev_loop *loop, ev_timer *w, int events)
{
	struct netd *n = w->data;
	int64_t now = netd_now(n);

	(void)loop;
	(void)events;
	for (struct client *c = n->pending; c; c = n->sweep_at) {
		n->sweep_at = c->next;
		sweep_pending(c, now);
	}
	n->sweep_at = NULL;
	recover_sweep(n->link);
	if (++n->sweeps % 4)
		return;
	for (struct client *c = n->playing; c; c = n->sweep_at) {
		n->sweep_at = c->next;
		sweep_playing(c, now);
	}
	n->sweep_at = NULL;
}

void
clients_close_all(struct netd *n, unsigned reason, const char *text)
{
	while (n->playing)
		client_close(n->playing, reason, text);
	for (struct client *c = n->pending; c; c = n->sweep_at) {
		n->sweep_at = c->next;
		if (c->phase != LEAVING)
			client_close(c, reason, text);
	}
	n->sweep_at = NULL;
}

bool
clients_init(struct netd *n)
{
	n->events = calloc((size_t)n->config.batch, sizeof(*n->events));
	n->out_events = calloc((size_t)n->config.batch, sizeof(*n->events));
	n->scratch = malloc((size_t)n->config.read_bytes);
	n->in_fd = epoll_create1(EPOLL_CLOEXEC);
	n->out_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!n->events || !n->out_events || !n->scratch || n->in_fd < 0 ||
	    n->out_fd < 0)
		return false;
	ev_io_init(&n->in_io, on_in, n->in_fd, EV_READ);
	ev_io_init(&n->out_io, on_out, n->out_fd, EV_READ);
	n->in_io.data = n->out_io.data = n;
	ev_io_start(n->loop, &n->in_io);
	ev_io_start(n->loop, &n->out_io);
	ev_timer_init(&n->sweep, on_sweep, SWEEP_S, SWEEP_S);
	n->sweep.data = n;
	ev_timer_start(n->loop, &n->sweep);
	ev_timer_init(&n->throttle, on_throttle, THROTTLE_S, THROTTLE_S);
	n->throttle.data = n;
	return true;
}

void
clients_release(struct netd *n)
{
	while (n->playing)
		client_abort(n->playing, IPC_REASON_SHUTDOWN, "");
	while (n->pending)
		client_abort(n->pending, IPC_REASON_SHUTDOWN, "");
	reap(n);
	ev_io_stop(n->loop, &n->in_io);
	ev_io_stop(n->loop, &n->out_io);
	ev_timer_stop(n->loop, &n->sweep);
	ev_timer_stop(n->loop, &n->throttle);
	close(n->in_fd);
	close(n->out_fd);
	if (n->arena)
		slice_drop(n->arena);
	segs_release(&n->spare_segs);
	ipc_buf_release(&n->written);
	free(n->table);
	free(n->events);
	free(n->out_events);
	free(n->scratch);
}
