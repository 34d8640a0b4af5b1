/*
 * datagram.c - UDP sockets: batches in, batches out, and the bad network
 * between. Knows no protocol and keeps nothing about a peer but, in the bad
 * network, datagrams that are under way. Next: tr_pygase.c, tr_udp.c.
 */
#include "netd/datagram.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH DATAGRAM_BATCH
/* Taken in one turn, so that everybody else comes in between. */
#define BATCHES_PER_TURN 4
/* How often the system is asked what it had no room for. */
#define LOOK_US 250000
/* What the bad network carries in one direction; more is lost. */
#define BAD_QUEUE (1u << 20)
/* A datagram that is overtaken waits so much longer. */
#define OVERTAKEN_US 30000

/* ---- addresses ----------------------------------------------------------- */

static uint64_t
turned(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = turned(v[1], 13) ^ v[0];
	v[0] = turned(v[0], 32);
	v[2] += v[3];
	v[3] = turned(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = turned(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = turned(v[1], 17) ^ v[2];
	v[2] = turned(v[2], 32);
}

static void
sip_word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sip_round(v);
	sip_round(v);
	v[0] ^= m;
}

uint64_t
siphash(const uint64_t key[2], const void *bytes, size_t len)
{
	uint64_t v[4] = { key[0] ^ UINT64_C(0x736f6d6570736575),
		key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261),
		key[1] ^ UINT64_C(0x7465646279746573) };
	const uint8_t *p = bytes;
	uint64_t last = (uint64_t)len << 56;
	size_t left = len;

	for (; left >= 8; p += 8, left -= 8) {
		uint64_t m = 0;

		for (int i = 0; i < 8; i++)
			m |= (uint64_t)p[i] << 8 * i;
		sip_word(v, m);
	}
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)p[i] << 8 * i;
	sip_word(v, last);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
address_hash(const uint64_t key[2], const union address *a, bool with_port)
{
	uint8_t flat[18] = { 0 };

	if (a->sa.sa_family == AF_INET6) {
		memcpy(flat, &a->in6.sin6_addr, 16);
		if (with_port)
			memcpy(flat + 16, &a->in6.sin6_port, 2);
	} else {
		flat[10] = flat[11] = 0xff;
		memcpy(flat + 12, &a->in4.sin_addr, 4);
		if (with_port)
			memcpy(flat + 16, &a->in4.sin_port, 2);
	}
	return siphash(key, flat, sizeof(flat));
}

bool
address_same(const union address *a, const union address *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET6)
		return a->in6.sin6_port == b->in6.sin6_port &&
		       a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
		       memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 16) == 0;
	return a->in4.sin_port == b->in4.sin_port &&
	       a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
}

/* ---- the guard ----------------------------------------------------------- */

void
guard_init(struct guard *g)
{
	memset(g, 0, sizeof(*g));
	g->key[0] = netd_seed();
	g->key[1] = netd_seed();
}

bool
guard_pass(
    struct guard *g, const union address *a, int64_t per_s, int64_t now_us)
{
	uint64_t h = address_hash(g->key, a, false);
	struct guard_slot *s = &g->slots[h % GUARD_SLOTS];
	uint32_t tag = (uint32_t)(h >> 32);

	if (per_s == 0)
		return true;
	if (s->tag != tag && now_us - s->at_us > 1000000) {
		s->tag = tag;
		s->tokens = (float)per_s;
		s->at_us = now_us;
	}
	/* Two addresses of a busy second that share a slot share its rate. */
	s->tokens += (float)(now_us - s->at_us) * 1e-6f * (float)per_s;
	s->at_us = now_us;
	if (s->tokens > (float)per_s)
		s->tokens = (float)per_s;
	if (s->tokens < 1)
		return false;
	s->tokens -= 1;
	return true;
}

/* ---- a socket ------------------------------------------------------------ */

/* On its way through the bad network. */
struct late {
	struct late *next;
	int64_t due_us;
	union address addr;
	size_t len;
	uint8_t bytes[];
};

struct way {
	struct late *head; /* by due time */
	size_t held;
	uint64_t dice;
	int64_t free_us; /* the line is busy until then (rate) */
	ev_timer timer;
};

struct datagrams {
	struct datagrams *next;
	struct netd *netd;
	int fd;
	ev_io io;
	const struct datagram_use *use;
	void *arg;
	int error;  /* the last of the socket; use->nobody() is to hear of it */
	bool waits; /* it is not read: the game is behind */
	int64_t behind_us; /* since when the game is; 0: it is not */
	int64_t looked_us; /* when the system was asked for its drops */
	uint32_t drops;    /* and what it said */
	bool more;         /* a turn's reading did not reach the end */
	bool bad_on;
	struct bad bad;
	struct way in, out;
	struct mmsghdr in_head[BATCH], out_head[BATCH];
	struct iovec in_vec[BATCH], out_vec[BATCH];
	union address in_from[BATCH], out_to[BATCH];
	unsigned n_out;
	uint8_t *in_bytes;  /* BATCH times DATAGRAM_MAX */
	uint8_t *out_bytes; /* likewise */
};

static socklen_t
address_len(const union address *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in4);
}

static void
note_error(struct datagrams *d, int error)
{
	if (error == ECONNREFUSED || error == EHOSTUNREACH ||
	    error == ENETUNREACH)
		d->error = error;
}

/* What was gathered leaves; who has no room loses it, as on any network. */
static void
flush(struct datagrams *d)
{
	unsigned at = 0;

	while (at < d->n_out) {
		int n = sendmmsg(d->fd, d->out_head + at, d->n_out - at,
		    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			/* The first one is the culprit, or the socket full. */
			note_error(d, errno);
			d->netd->metrics.datagrams_lost++;
			n = 1;
		}
		at += (unsigned)n;
	}
	d->n_out = 0;
}

static void
put_out(struct datagrams *d, const union address *to, const void *p, size_t n)
{
	unsigned i;

	if (d->n_out == BATCH)
		flush(d);
	i = d->n_out++;
	memcpy(d->out_vec[i].iov_base, p, n);
	d->out_vec[i].iov_len = n;
	d->out_to[i] = *to;
	d->out_head[i].msg_hdr.msg_namelen = address_len(to);
	d->netd->metrics.datagrams_out++;
	d->netd->metrics.bytes_out += n;
}

/* ---- the bad network ------------------------------------------------------
 */

static int64_t
clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* splitmix64, as in wire_bad.c: from 0 to just under 1. */
static double
fraction(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return (double)(z >> 11) * 0x1p-53;
}

static void
wake(struct datagrams *d, struct way *w, int64_t now)
{
	int64_t wait;

	ev_timer_stop(d->netd->loop, &w->timer);
	if (w->head == NULL)
		return;
	wait = w->head->due_us > now ? w->head->due_us - now : 0;
	ev_timer_set(&w->timer, (double)wait * 1e-6, 0.);
	ev_timer_start(d->netd->loop, &w->timer);
}

static void
put_late(
    struct way *w, const union address *a, const void *p, size_t n, int64_t due)
{
	struct late **at = &w->head, *s;

	if (w->held + n + sizeof(*s) > BAD_QUEUE)
		return;
	s = malloc(sizeof(*s) + n);
	if (s == NULL)
		return;
	while (*at && (*at)->due_us <= due)
		at = &(*at)->next;
	s->next = *at;
	s->due_us = due;
	s->addr = *a;
	s->len = n;
	memcpy(s->bytes, p, n);
	*at = s;
	w->held += n + sizeof(*s);
}

/* Throw the dice for a datagram: it is lost, late, or there twice. */
static void
through(struct datagrams *d, struct way *w, const union address *a,
    const void *p, size_t n)
{
	const struct bad *b = &d->bad;
	/* Always all five, so that one setting does not shift another. */
	bool lost = fraction(&w->dice) < b->loss;
	bool twice = fraction(&w->dice) < b->dup;
	bool behind = fraction(&w->dice) < b->reorder;
	double jitter = fraction(&w->dice) * (double)b->jitter_us;
	double again = fraction(&w->dice) * (double)b->jitter_us;
	int64_t now = clock_us(), at = now;

	if (b->bytes_per_s > 0) {
		if (at < w->free_us)
			at = w->free_us;
		at += (int64_t)n * 1000000 / b->bytes_per_s;
		w->free_us = at;
	}
	at += b->delay_us + (behind ? OVERTAKEN_US : 0);
	if (!lost)
		put_late(w, a, p, n, at + (int64_t)jitter);
	if (twice)
		put_late(w, a, p, n, at + (int64_t)again);
	wake(d, w, now);
}

/* The first that is due, to be freed; NULL: none. */
static struct late *
take_due(struct way *w, int64_t now)
{
	struct late *s = w->head;

	if (s == NULL || s->due_us > now)
		return NULL;
	w->head = s->next;
	w->held -= s->len + sizeof(*s);
	return s;
}

static void
on_late_in(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct datagrams *d = timer->data;
	int64_t now = clock_us();
	struct late *s;

	(void)loop;
	(void)events;
	while ((s = take_due(&d->in, now))) {
		d->use->got(d->arg, &s->addr, s->bytes, s->len);
		free(s);
	}
	wake(d, &d->in, now);
}

static void
on_late_out(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct datagrams *d = timer->data;
	int64_t now = clock_us();
	struct late *s;

	(void)loop;
	(void)events;
	while ((s = take_due(&d->out, now))) {
		put_out(d, &s->addr, s->bytes, s->len);
		free(s);
	}
	flush(d);
	wake(d, &d->out, now);
}

/* ---- in and out -----------------------------------------------------------
 */

static void
got(struct datagrams *d, unsigned i)
{
	struct metrics *m = &d->netd->metrics;
	size_t len = d->in_head[i].msg_len;
	uint8_t *bytes = d->in_vec[i].iov_base;

	m->datagrams_in++;
	m->bytes_in += len;
	if (d->in_head[i].msg_hdr.msg_flags & MSG_TRUNC) {
		m->datagrams_bad++;
		return;
	}
	if (d->bad_on)
		through(d, &d->in, &d->in_from[i], bytes, len);
	else
		d->use->got(d->arg, &d->in_from[i], bytes, len);
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct datagrams *d = io->data;

	(void)loop;
	(void)events;
	d->more = false;
	for (int turn = 0; turn < BATCHES_PER_TURN; turn++) {
		int n;

		for (unsigned i = 0; i < BATCH; i++)
			d->in_head[i].msg_hdr.msg_namelen =
			    sizeof(d->in_from[i]);
		n = recvmmsg(d->fd, d->in_head, BATCH, MSG_DONTWAIT, NULL);
		if (n < 0)
			note_error(d, errno);
		if (n > 0 && d->use->batch && !d->bad_on)
			d->use->batch(d->arg, d->in_from, (size_t)n);
		/* An error is some peer's ICMP, and nobody else's trouble. */
		for (int i = 0; i < n; i++)
			got(d, (unsigned)i);
		if (n < BATCH)
			return;
	}
	d->more = true;
}

static bool
ask_memory(const struct datagrams *d, uint32_t info[SK_MEMINFO_VARS])
{
	socklen_t len = SK_MEMINFO_VARS * sizeof(*info);

	return getsockopt(d->fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 &&
	       len >= SK_MEMINFO_VARS * sizeof(*info);
}

double
datagrams_backlog(const struct datagrams *d)
{
	uint32_t info[SK_MEMINFO_VARS];

	if (!d->more || !ask_memory(d, info) || info[SK_MEMINFO_RCVBUF] == 0)
		return 0;
	return (double)info[SK_MEMINFO_RMEM_ALLOC] / info[SK_MEMINFO_RCVBUF];
}

void
datagrams_send(
    struct datagrams *d, const union address *to, const void *bytes, size_t n)
{
	if (n > DATAGRAM_MAX)
		return;
	if (d->bad_on)
		through(d, &d->out, to, bytes, n);
	else
		put_out(d, to, bytes, n);
}

/*
 * Who says more than the game can take is not read for a while: what is too
 * much is lost before anything was done for it, and what is taken is answered.
 */
static void
wait_for_game(struct datagrams *d)
{
	const struct netd *n = d->netd;
	const struct link *l = n->link;
	bool behind = n->input_held && l->phase == LINKED &&
		      l->journal.unsent > (size_t)n->config.ahead_bytes / 2;

	if (!behind)
		d->behind_us = 0;
	else if (d->behind_us == 0)
		d->behind_us = n->now_us;
	/* Then it is read all the same, for its acks. */
	if (behind && n->now_us - d->behind_us >= n->config.behind_ms * 1000)
		behind = false;
	if (d->waits == behind)
		return;
	d->waits = behind;
	if (behind)
		ev_io_stop(n->loop, &d->io);
	else
		ev_io_start(n->loop, &d->io);
}

/* What came while the socket was full, and nobody will ever see. */
static void
count_drops(struct datagrams *d)
{
	uint32_t info[SK_MEMINFO_VARS];

	if (d->netd->now_us - d->looked_us < LOOK_US)
		return;
	d->looked_us = d->netd->now_us;
	if (!ask_memory(d, info))
		return;
	d->netd->metrics.datagrams_dropped += info[SK_MEMINFO_DROPS] - d->drops;
	d->drops = info[SK_MEMINFO_DROPS];
}

void
datagrams_turn(struct netd *n)
{
	for (struct datagrams *d = n->datagrams; d; d = d->next) {
		d->use->turn(d->arg);
		if (d->n_out)
			flush(d);
		wait_for_game(d);
		count_drops(d);
		if (d->error && d->use->nobody)
			d->use->nobody(d->arg, d->error);
		d->error = 0;
	}
}

int
datagrams_fd(const struct datagrams *d)
{
	return d->fd;
}

/* ---- a socket's life ------------------------------------------------------
 */

static void
lay_out(struct datagrams *d)
{
	for (unsigned i = 0; i < BATCH; i++) {
		struct msghdr *in = &d->in_head[i].msg_hdr;
		struct msghdr *out = &d->out_head[i].msg_hdr;

		d->in_vec[i].iov_base = d->in_bytes + i * DATAGRAM_MAX;
		d->in_vec[i].iov_len = DATAGRAM_MAX;
		in->msg_iov = &d->in_vec[i];
		in->msg_iovlen = 1;
		in->msg_name = &d->in_from[i];
		d->out_vec[i].iov_base = d->out_bytes + i * DATAGRAM_MAX;
		out->msg_iov = &d->out_vec[i];
		out->msg_iovlen = 1;
		out->msg_name = &d->out_to[i];
	}
}

static void
way_init(struct datagrams *d, struct way *w, uint64_t which,
    void (*on_late)(struct ev_loop *, ev_timer *, int))
{
	uint64_t dice = d->bad.seed;

	fraction(&dice);
	w->dice = dice ^ which * UINT64_C(0x9e3779b97f4a7c15);
	fraction(&w->dice);
	ev_timer_init(&w->timer, on_late, 0., 0.);
	w->timer.data = d;
}

struct datagrams *
datagrams_new(struct netd *n, int fd, const struct bad *bad,
    const struct datagram_use *use, void *arg)
{
	struct datagrams *d = calloc(1, sizeof(*d));
	int room = 4 << 20;

	if (d) {
		d->in_bytes = malloc((size_t)BATCH * DATAGRAM_MAX);
		d->out_bytes = malloc((size_t)BATCH * DATAGRAM_MAX);
	}
	if (d == NULL || d->in_bytes == NULL || d->out_bytes == NULL) {
		if (d) {
			free(d->in_bytes);
			free(d->out_bytes);
		}
		free(d);
		close(fd);
		return NULL;
	}
	/* As much as the system lets us have: a burst is all players'. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	d->netd = n;
	d->fd = fd;
	d->use = use;
	d->arg = arg;
	if (bad && bad->on) {
		d->bad = *bad;
		d->bad_on = true;
	}
	lay_out(d);
	way_init(d, &d->in, 1, on_late_in);
	way_init(d, &d->out, 2, on_late_out);
	ev_io_init(&d->io, on_readable, fd, EV_READ);
	d->io.data = d;
	ev_io_start(n->loop, &d->io);
	d->next = n->datagrams;
	n->datagrams = d;
	return d;
}

static void
way_clear(struct datagrams *d, struct way *w)
{
	struct late *s;

	ev_timer_stop(d->netd->loop, &w->timer);
	while ((s = take_due(w, INT64_MAX)))
		free(s);
}

void
datagrams_free(struct datagrams *d)
{
	struct datagrams **at = &d->netd->datagrams;

	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	flush(d);
	ev_io_stop(d->netd->loop, &d->io);
	way_clear(d, &d->in);
	way_clear(d, &d->out);
	close(d->fd);
	free(d->in_bytes);
	free(d->out_bytes);
	free(d);
}

/* ---- messages in a queue --------------------------------------------------
 */

size_t
datagram_encode_max(size_t len)
{
	return DATAGRAM_MARK + len;
}

size_t
datagram_encode(bool outgoing, unsigned flags, const uint8_t *bytes, size_t len,
    uint8_t *out)
{
	uint32_t n = (uint32_t)len;

	(void)outgoing;
	memcpy(out, &n, 4);
	out[4] = flags & IPC_CLASS_MASK;
	if (len)
		memcpy(out + DATAGRAM_MARK, bytes, len);
	return DATAGRAM_MARK + len;
}
