/*
 * tr_pygase.c - pygase://, for the clients of PyGaSe. One UDP socket, a client
 * for each address that has proven itself (pygase_door.c), and a wheel that
 * says when each is spoken to again. pygase.c knows the datagrams.
 *
 * A message is an event: the msgpack map of it, with "type", "handler_args"
 * and "handler_kwargs", both ways. RELIABLE and LATEST ones are repeated until
 * they are acknowledged, DROPPABLE ones never.
 */
#include "netd/tr_pygase.h"

#include "ipc/value.h"
#include "netd/event.h"
#include "netd/speak.h"
#include "netd/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_MIN 64
/* Events that wait for a game to come back, of one client. */
#define HELD_MAX (64u << 10)
/* Somebody who says "shutdown" and then something else did not say it. */
#define BYE_GRACE_US 150000
#define BYE_US 500000
/* netd itself was stopped for so long: nobody was silent. */
#define STOPPED_US 1000000
/* A turn that is so late is not busy yet; what busy turns put between two
 * states of a client at the most, above what is always there. */
#define LATE_US 5000
#define BUSY_MAX_US 150000
/* And so is not one that leaves so much of the socket's room unread. */
#define BACKLOG 0.125
/* Between answers to what may be another program at a client's address. */
#define OTHER_US 50000
#define OTHER_MAX 400

/* ---- the table ------------------------------------------------------------
 */

static struct pg_conn **
chain(const struct pg_socket *s, const union address *a)
{
	return &s->table[address_hash(s->key, a, true) & (s->table_size - 1)];
}

static struct pg_conn *
conn_find(const struct pg_socket *s, const union address *a)
{
	struct pg_conn *k;

	if (a >= s->batch && a < s->batch + s->n_batch)
		k = s->table[s->batch_hash[a - s->batch] & (s->table_size - 1)];
	else
		k = *chain(s, a);
	while (k && !address_same(&k->addr, a))
		k = k->same_hash;
	return k;
}

/* The lines of memory that a datagram of its will look at. */
static void
fetch(const struct pg_conn *k)
{
	const char *p = (const char *)k;

	for (size_t at = 0; at < offsetof(struct pg_conn, p.ring); at += 64)
		__builtin_prefetch(p + at);
}

static void
socket_batch(void *arg, const union address *from, size_t n)
{
	struct pg_socket *s = arg;
	const struct pg_conn *k;

	s->batch = from;
	s->n_batch = n;
	for (size_t i = 0; i < n; i++) {
		s->batch_hash[i] = address_hash(s->key, &from[i], true);
		__builtin_prefetch(
		    &s->table[s->batch_hash[i] & (s->table_size - 1)]);
	}
	for (size_t i = 0; i < n; i++) {
		k = s->table[s->batch_hash[i] & (s->table_size - 1)];
		if (k)
			fetch(k);
	}
	for (size_t i = 0; i < n; i++) {
		k = s->table[s->batch_hash[i] & (s->table_size - 1)];
		if (k) {
			__builtin_prefetch(k->c);
			__builtin_prefetch(&k->c->bytes_us);
			__builtin_prefetch(&k->p.ring[k->p.sent % PYGASE_RING]);
		}
	}
}

/* Twice the chains; without memory they are only longer. */
static void
table_grow(struct pg_socket *s)
{
	struct pg_conn **old = s->table, *k, *next;
	struct pg_conn **table = calloc(s->table_size * 2, sizeof(*table));
	size_t size = s->table_size;

	if (table == NULL)
		return;
	s->table = table;
	s->table_size *= 2;
	for (size_t i = 0; i < size; i++) {
		for (k = old[i]; k; k = next) {
			struct pg_conn **at = chain(s, &k->addr);

			next = k->same_hash;
			k->same_hash = *at;
			*at = k;
		}
	}
	free(old);
}

static void
conn_add(struct pg_socket *s, struct pg_conn *k)
{
	struct pg_conn **at;

	if (s->n_conns >= s->table_size)
		table_grow(s);
	at = chain(s, &k->addr);
	k->same_hash = *at;
	*at = k;
	k->older = s->youngest;
	if (s->youngest)
		s->youngest->younger = k;
	else
		s->eldest = k;
	s->youngest = k;
	s->n_conns++;
}

static void
conn_remove(struct pg_conn *k)
{
	struct pg_socket *s = k->socket;
	struct pg_conn **at = chain(s, &k->addr);

	while (*at != k)
		at = &(*at)->same_hash;
	*at = k->same_hash;
	if (k->older)
		k->older->younger = k->younger;
	else
		s->eldest = k->younger;
	if (k->younger)
		k->younger->older = k->older;
	else
		s->youngest = k->older;
	s->n_conns--;
}

/* ---- when ------------------------------------------------------------------
 */

static void
unschedule(struct pg_conn *k)
{
	if (k->at_slot == NULL)
		return;
	*k->at_slot = k->next_slot;
	if (k->next_slot)
		k->next_slot->at_slot = k->at_slot;
	k->at_slot = NULL;
}

/* At this turn's end. */
void
pg_ready(struct pg_conn *k)
{
	if (k->ready)
		return;
	unschedule(k);
	k->ready = true;
	k->next_ready = k->socket->ready;
	k->socket->ready = k;
}

/* The timer rings when the next slot with somebody in it is due. */
static void
set_timer(struct pg_socket *s)
{
	int64_t now = s->netd->now_us;

	ev_timer_stop(s->netd->loop, &s->timer);
	for (int64_t i = 0; i < PG_SLOTS; i++) {
		int64_t at = s->wheel_us + i * PG_SLOT_US;
		int64_t wait = at + PG_SLOT_US - now;

		if (s->wheel[at / PG_SLOT_US % PG_SLOTS] == NULL)
			continue;
		ev_timer_set(
		    &s->timer, wait > 0 ? (double)wait * 1e-6 : 0., 0.);
		ev_timer_start(s->netd->loop, &s->timer);
		return;
	}
}

/* due_us is in the future; what is further off than the wheel is looked at
 * in between. */
static void
schedule(struct pg_conn *k, int64_t due_us)
{
	struct pg_socket *s = k->socket;
	int64_t last = s->wheel_us + (PG_SLOTS - 1) * PG_SLOT_US;
	struct pg_conn **slot;

	if (due_us < s->wheel_us)
		due_us = s->wheel_us;
	if (due_us > last)
		due_us = last;
	slot = &s->wheel[due_us / PG_SLOT_US % PG_SLOTS];
	k->next_slot = *slot;
	if (*slot)
		(*slot)->at_slot = &k->next_slot;
	*slot = k;
	k->at_slot = slot;
}

/* A core that cannot keep up gives states more rarely, events as ever. */
static void
note_busy(struct pg_socket *s, int64_t late_us)
{
	double backlog = datagrams_backlog(s->datagrams) - BACKLOG;
	int64_t busy = (late_us - LATE_US) * 8;

	if (busy < 0)
		busy = 0;
	if (backlog > 0)
		busy += (int64_t)(backlog * 2 * BUSY_MAX_US);
	if (busy > BUSY_MAX_US)
		busy = BUSY_MAX_US;
	s->busy_us += (busy - s->busy_us) / 8;
}

static void
turn_wheel(struct pg_socket *s)
{
	int64_t now = s->netd->now_us;

	if (s->wheel_us + PG_SLOT_US <= now)
		note_busy(s, now - s->wheel_us - PG_SLOT_US);
	/* After a long stop each slot is served once. */
	if (now - s->wheel_us > PG_SLOTS * PG_SLOT_US)
		s->wheel_us =
		    now / PG_SLOT_US * PG_SLOT_US - (PG_SLOTS - 1) * PG_SLOT_US;
	while (s->wheel_us + PG_SLOT_US <= now) {
		struct pg_conn **slot =
		    &s->wheel[s->wheel_us / PG_SLOT_US % PG_SLOTS];

		while (*slot)
			pg_ready(*slot);
		s->wheel_us += PG_SLOT_US;
	}
}

static void
on_timer(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	turn_wheel(w->data);
}

/* ---- events up -------------------------------------------------------------
 */

/* Nobody reads now: it waits, or is not acknowledged and comes again. */
static bool
has_room(const struct pg_conn *k, size_t len)
{
	if (k->c->throttled)
		return false;
	return !k->c->netd->input_held || k->held.len + len <= HELD_MAX;
}

/* Is somebody there to hear it at once? Else it waits. */
static bool
is_heard(const struct pg_conn *k)
{
	return !k->c->netd->input_held && k->held.len == 0;
}

static void
hold(struct pg_conn *k, const uint8_t *event, size_t n)
{
	uint8_t head[2] = { (uint8_t)(n >> 8), (uint8_t)n };

	k->socket->any_held = true;
	if (!ipc_buf_add(&k->held, head, 2) || !ipc_buf_add(&k->held, event, n))
		client_close(k->c, IPC_REASON_NO_MEMORY, "");
}

void
pg_conn_event(struct pg_conn *k, const uint8_t *event, size_t n)
{
	if (is_heard(k))
		pg_event_up_again(k->c, event, n);
	else
		hold(k, event, n);
}

/* The game reads again. */
static void
deliver_held(struct pg_socket *s)
{
	s->any_held = false;
	for (struct pg_conn *k = s->eldest; k; k = k->younger) {
		const uint8_t *event;
		size_t off = 0, n;

		while (k->c->phase == PLAYING && !k->c->throttled &&
		       pygase_event(
			   k->held.data, k->held.len, &off, &event, &n) > 0)
			pg_event_up_again(k->c, event, n);
		ipc_buf_eat(&k->held, off);
		if (k->held.len == 0)
			ipc_buf_release(&k->held);
		else
			s->any_held = true;
	}
}

/* ---- datagrams in ----------------------------------------------------------
 */

static size_t
bytes_of(const struct pg_event *events, unsigned n)
{
	size_t len = 0;

	for (unsigned i = 0; i < n; i++)
		len += 2 + events[i].len;
	return len;
}

void
pg_conn_take(struct pg_conn *k, const struct pygase_head *head,
    const struct pg_event *events, unsigned n)
{
	int64_t now = k->c->netd->now_us;

	k->c->bytes_us = now;
	if (k->c->phase != PLAYING)
		n = 0;
	if (n && !has_room(k, bytes_of(events, n))) {
		pygase_acks(&k->p, head, now, &pg_fate, k);
		pg_ready(k);
		return;
	}
	pygase_take(&k->p, head, n > 0, now, &pg_fate, k);
	for (unsigned i = 0; i < n && k->c->phase == PLAYING; i++) {
		if (is_heard(k))
			pg_event_up(k->c, &events[i]);
		else
			hold(k, events[i].bytes, events[i].len);
	}
	if (k->c->out.head)
		client_mark(k->c);
	pg_ready(k);
}

static void
conn_shutdown(struct pg_conn *k)
{
	if (k->bye_us == 0) {
		k->bye_us = k->c->netd->now_us;
		pg_ready(k);
	}
}

/*
 * What a program at this address says that knows nothing. Our next datagram
 * to the address is good for both, the one that we know and a new one; if the
 * new one then says its number back, it is there.
 */
static void
conn_other(struct pg_conn *k, const struct pygase_head *head)
{
	int64_t now = k->c->netd->now_us;

	k->other_seq = head->sequence;
	if (now - k->other_us < OTHER_US)
		return;
	k->other_us = now;
	k->p.owes_now = true;
	pg_ready(k);
}

/* Is it the new one, with our number? Then it takes the old one's place. */
static bool
conn_replaced(struct pg_conn *k, const union address *from,
    const struct pygase_head *head, const struct pg_event *events, unsigned n)
{
	int age = pygase_distance(head->sequence, k->other_seq);
	int behind = pygase_distance(k->p.sequence, head->ack);
	struct pg_socket *s = k->socket;
	unsigned sequence = k->p.sequence, order = k->p.order;

	if (k->other_seq == 0 || age < 0 || age > OTHER_MAX || head->ack == 0 ||
	    behind < 0 || behind > OTHER_MAX)
		return false;
	if (head->time_order && head->time_order != k->p.holds)
		return false;
	if (head->time_order == 0)
		order =
		    1 + (unsigned)(address_hash(s->key, from, true) % 30000);
	client_abort(k->c, IPC_REASON_LEFT, "another program at its address");
	conn_remove(k);
	k->addr.sa.sa_family = AF_UNSPEC;
	k = pg_conn_new(s, from, sequence, order, head->time_order);
	if (k)
		pg_conn_take(k, head, events, n);
	return true;
}

static bool
conn_token(struct pg_conn *k)
{
	int64_t rate = k->c->url->config.datagrams_per_s;
	int64_t now = k->c->netd->now_us;

	if (rate == 0)
		return true;
	k->tokens += (double)(now - k->tokens_us) * 1e-6 * (double)rate;
	k->tokens_us = now;
	if (k->tokens > (double)rate)
		k->tokens = (double)rate;
	if (k->tokens < 1)
		return false;
	k->tokens -= 1;
	return true;
}

static void
conn_got(struct pg_conn *k, const union address *from, const uint8_t *bytes,
    size_t len)
{
	struct netd *n = k->c->netd;
	struct pg_event events[PG_EVENTS_MAX];
	struct pygase_head head;
	enum pygase_sort sort;
	int count;

	if (!conn_token(k)) {
		n->metrics.datagrams_over++;
		return;
	}
	if (len == 8 && memcmp(bytes, "shutdown", 8) == 0) {
		conn_shutdown(k);
		return;
	}
	count = pygase_read(bytes, len, &head)
		    ? pg_events_read(bytes + PYGASE_CLIENT_HEAD,
			  len - PYGASE_CLIENT_HEAD, events)
		    : -1;
	if (count < 0) {
		n->metrics.datagrams_bad++;
		return;
	}
	if (conn_replaced(k, from, &head, events, (unsigned)count))
		return;
	sort = pygase_sort(&k->p, &head);
	if (sort == PYGASE_GOOD) {
		if (k->bye_us && n->now_us - k->bye_us > BYE_GRACE_US)
			k->bye_us = 0;
		pg_conn_take(k, &head, events, (unsigned)count);
	} else if (sort == PYGASE_FRESH) {
		conn_other(k, &head);
	} else if (sort == PYGASE_WRONG) {
		n->metrics.datagrams_bad++;
	}
}

static void
socket_got(void *arg, const union address *from, uint8_t *bytes, size_t len)
{
	struct pg_socket *s = arg;
	struct pg_conn *k = conn_find(s, from);

	if (k && k->c->phase != GONE)
		conn_got(k, from, bytes, len);
	else if (k == NULL)
		pg_door_knock(s, from, bytes, len);
}

/* ---- datagrams out ----------------------------------------------------------
 */

static void
host_stops(struct pg_conn *k)
{
	struct client *c = k->c;

	/* Without the limit it is for the game to say who may. */
	if (c->url->config.host_stops) {
		if (k == k->socket->eldest)
			stop_asked(c->netd, "host");
	} else if (c->link->talks) {
		event_came(c, 0, "$shutdown", 9, NULL, NULL);
	}
	client_abort(c, IPC_REASON_LEFT, "");
}

/* Look at it: is it silent, is something due? Then when again. */
static void
conn_turn(struct pg_conn *k)
{
	struct client *c = k->c;
	int64_t now = c->netd->now_us, due;
	uint8_t out[PYGASE_MAX];

	if (c->phase == GONE)
		return;
	if (now - k->p.heard_us > c->url->config.silent_ms * 1000) {
		client_abort(c, IPC_REASON_TIMEOUT, "silent for too long");
		return;
	}
	if (k->bye_us && now - k->bye_us > BYE_US) {
		k->bye_us = now;
		host_stops(k);
		if (c->phase == GONE)
			return;
	}
	if (pygase_waits(&k->p, now) > c->url->config.progress_ms * 1000) {
		client_abort(c, IPC_REASON_SLOW, "acked nothing for too long");
		return;
	}
	pg_state_turn(k);
	k->p.busy_us = k->socket->busy_us;
	due = pygase_due(&k->p, now);
	if (due <= now) {
		size_t n = pygase_write(&k->p, now, out);

		datagrams_send(k->socket->datagrams, &k->addr, out, n);
		due = pygase_due(&k->p, now);
	}
	if (k->closing && k->p.n_events == 0) {
		c->saw_eof = true;
		client_mark(c);
	}
	if (k->bye_us && due > k->bye_us + BYE_US)
		due = k->bye_us + BYE_US;
	schedule(k, due);
}

static void
socket_turn(void *arg)
{
	struct pg_socket *s = arg;
	int64_t now = s->netd->now_us;

	if (now - s->turn_us > STOPPED_US)
		for (struct pg_conn *k = s->eldest; k; k = k->younger)
			k->p.heard_us += now - s->turn_us;
	s->turn_us = now;
	if (s->any_held && !s->netd->input_held)
		deliver_held(s);
	turn_wheel(s);
	while (s->ready) {
		struct pg_conn *k = s->ready;

		s->ready = k->next_ready;
		if (s->ready)
			fetch(s->ready);
		k->ready = false;
		conn_turn(k);
	}
	pg_changes_clear(&s->changes);
	set_timer(s);
}

static const struct datagram_use use = {
	.batch = socket_batch,
	.got = socket_got,
	.turn = socket_turn,
};

/* ---- the wire: whole messages become events --------------------------------
 */

static ssize_t
pg_read(struct client *c, void *p, size_t n)
{
	(void)c;
	(void)p;
	(void)n;
	errno = EAGAIN;
	return -1;
}

static ssize_t
pg_write(struct client *c, const void *bytes, size_t n)
{
	struct pg_conn *k = c->codec;
	const uint8_t *p = bytes;
	size_t used = 0;

	while (n - used > DATAGRAM_MARK && pygase_is_open(&k->p)) {
		uint32_t len;
		unsigned class;
		int r;

		memcpy(&len, p + used, 4);
		class = p[used + 4];
		r = pygase_add(&k->p, p + used + DATAGRAM_MARK, len,
		    class == IPC_DROPPABLE ? PYGASE_ONCE : PYGASE_SURE, 0,
		    c->netd->now_us);
		if (r == 0)
			break;
		if (r < 0)
			client_dropped(c, 1, 0);
		used += DATAGRAM_MARK + len;
	}
	pg_ready(k);
	if (used == 0) {
		errno = EAGAIN;
		return -1;
	}
	return (ssize_t)used;
}

/* It leaves when it has acked what it was sent; nothing says goodbye here. */
static void
pg_shutdown(struct client *c)
{
	struct pg_conn *k = c->codec;

	k->closing = true;
	pg_ready(k);
}

static void
socket_free(struct pg_socket *s)
{
	ev_timer_stop(s->netd->loop, &s->timer);
	datagrams_free(s->datagrams);
	pg_door_release(&s->door);
	ipc_value_free(s->deleted);
	url_drop(s->url);
	free(s->table);
	free(s);
}

static void
pg_close_wire(struct client *c)
{
	union address peer = client_address(c);
	struct pg_conn *k = c->codec;
	struct pg_socket *s;

	if (k == NULL)
		return;
	s = k->socket;
	if (c->reason != IPC_REASON_TIMEOUT && c->reason != IPC_REASON_LEFT)
		pg_door_refuse(&s->door, &peer, c->netd->now_us);
	if (k->addr.sa.sa_family != AF_UNSPEC)
		conn_remove(k);
	unschedule(k);
	for (struct pg_conn **at = &s->ready; *at; at = &(*at)->next_ready) {
		if (*at == k) {
			*at = k->next_ready;
			break;
		}
	}
	pygase_release(&k->p, pg_fate.lost, k);
	pg_change_drop(k->change);
	pg_change_drop(k->whole);
	ipc_value_free(k->tops);
	ipc_buf_release(&k->held);
	free(k);
	c->codec = NULL;
	if (s->listener == NULL && s->n_conns == 0)
		socket_free(s);
}

static const struct wire wire_pygase = {
	.name = "pygase",
	.read = pg_read,
	.write = pg_write,
	.shutdown = pg_shutdown,
	.close = pg_close_wire,
};

/* ---- lives ------------------------------------------------------------------
 */

struct pg_conn *
pg_conn_new(struct pg_socket *s, const union address *from, unsigned sequence,
    unsigned order, unsigned holds)
{
	struct netd *n = s->netd;
	struct pg_conn *k = calloc(1, sizeof(*k));
	struct client *c;

	if (k == NULL || n->n_clients >= (size_t)n->config.clients_max) {
		free(k);
		return NULL;
	}
	c = client_new(n, &tr_pygase, &wire_pygase, -1, s->url);
	if (c == NULL) {
		free(k);
		return NULL;
	}
	c->codec = k;
	k->addr = *from;
	client_put(c, from);
	k->c = c;
	k->socket = s;
	k->tokens_us = n->now_us;
	ipc_buf_init(&k->held, HELD_MAX + PYGASE_MAX);
	pygase_init(&k->p, sequence, order, holds, n->now_us);
	conn_add(s, k);
	n->metrics.accepted++;
	if (!address_count(c)) {
		client_abort(c, IPC_REASON_LIMIT, "");
		return NULL;
	}
	client_start(c);
	pg_ready(k);
	return c->phase == PLAYING ? k : NULL;
}

static void *
pg_open_socket(struct listener *l, int fd)
{
	struct pg_socket *s = calloc(1, sizeof(*s));

	if (s) {
		s->table = calloc(TABLE_MIN, sizeof(*s->table));
		s->deleted = ipc_value_bytes(STORE_DELETED, STORE_DELETED_LEN);
	}
	if (s == NULL || s->table == NULL || s->deleted == NULL) {
		if (s)
			free(s->table);
		free(s);
		close(fd);
		return NULL;
	}
	s->table_size = TABLE_MIN;
	s->netd = l->netd;
	s->listener = l;
	s->url = url_hold(l->url);
	s->key[0] = netd_seed();
	s->key[1] = netd_seed();
	/* Many addresses are cheap here: none may have all places. */
	if (s->url->config.address_max == 0)
		s->url->config.address_max = l->netd->config.clients_max / 10;
	s->turn_us = l->netd->now_us;
	s->wheel_us = s->turn_us / PG_SLOT_US * PG_SLOT_US;
	ev_timer_init(&s->timer, on_timer, 0., 0.);
	s->timer.data = s;
	pg_door_init(&s->door);
	s->datagrams = datagrams_new(l->netd, fd, &l->url->bad, &use, s);
	if (s->datagrams == NULL) {
		pg_door_release(&s->door);
		ipc_value_free(s->deleted);
		url_drop(s->url);
		free(s->table);
		free(s);
		return NULL;
	}
	return s;
}

static void
pg_close_socket(void *socket)
{
	struct pg_socket *s = socket;

	s->listener = NULL;
	if (s->n_conns == 0)
		socket_free(s);
}

static void
pg_line(const struct client *c, char *out, size_t size)
{
	const struct pg_conn *k = c->codec;

	snprintf(out, size, "rtt_ms=%.1f loss=%.1f%% sent=%llu lost=%llu",
	    (double)k->p.rtt_us * 1e-3, k->p.loss * 100,
	    (unsigned long long)k->p.sent, (unsigned long long)k->p.lost);
}

static bool
pg_quality(const struct client *c, struct line_quality *q)
{
	const struct pg_conn *k = c->codec;

	if (k == NULL || k->p.rtt_us == 0)
		return false;
	q->rtt_s = (double)k->p.rtt_us * 1e-6;
	q->loss = k->p.loss;
	return true;
}

const struct transport tr_pygase = {
	.name = "pygase",
	.natural = SPEAK_RAW,
	.encode = datagram_encode,
	.fits_frame = true,
	.encode_max = datagram_encode_max,
	.open_socket = pg_open_socket,
	.close_socket = pg_close_socket,
	.state = pg_state,
	.event = pg_event_down,
	.line = pg_line,
	.quality = pg_quality,
};
