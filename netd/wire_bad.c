/*
 * wire_bad.c - a bad network made up from a seed, under any stream transport,
 * both ways. What loss=, delay= and so on mean to a stream, which may neither
 * lose nor reorder a byte:
 *
 *	delay    every segment (up to 1,460 bytes) arrives so much later
 *	jitter   and up to so much more, each on its own; order is kept
 *	loss     the chance of a segment to be sent again: it and all behind it
 *	         wait 200 ms and two delays longer
 *	reorder  the chance that it waits 10 ms for its neighbour
 *	dup      the chance that it takes its time on the line twice (only felt
 *	         with a rate)
 *	rate     bytes per second, each way
 *	cut      the chance in each second that the connection is reset
 *
 * Dice are drawn in a fixed order from the seed and the connection's number,
 * so the n-th segment of a connection has the same luck in each run. At most
 * 64 KiB wait in each direction: then the socket is not read, or the client's
 * queue waits. Knows no protocol and never looks at a byte.
 */
#include "netd/netd.h"
#include "netd/transport.h"
#include "netd/wire_sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BAD_QUEUE (64u << 10)
#define SEGMENT 1460
#define RESEND_US 200000
#define NEIGHBOUR_US 10000
/* When the socket is full, or the client may not be read now: look again. */
#define STUCK_US 5000
#define RETRY_US 20000
/* A line that netd has left goes on so long with what it still carries. */
#define LINGER_US 60000000
#define CUT_S_MAX 1000000

struct segment {
	struct segment *next;
	int64_t due_us;
	size_t off, len;
	uint8_t bytes[];
};

/* One direction. */
struct way {
	struct segment *head, *tail;
	size_t held;         /* bytes, the segments' own size included */
	uint64_t dice;       /* the generator's state */
	int64_t free_us;     /* the line is busy until then (rate) */
	int64_t last_due_us; /* nothing may arrive before this any more */
	ev_timer timer;
};

struct line {
	struct client *c; /* NULL: netd left it, out is still on its way */
	struct ev_loop *loop;
	struct bad bad;
	int fd;
	struct way in, out;
	ev_timer cut;
	int broken;         /* errno of a line that is dead */
	bool ended;         /* the socket has no more */
	int end_error;      /* and why, 0: the peer ended well */
	bool fin;           /* shut down once out is empty */
	bool fin_sent;      /* done */
	bool blocked;       /* a write had to stop */
	bool was_read;      /* since the timer asked for it */
	bool stuck;         /* the socket takes no more now */
	int64_t until_us;   /* netd left it: when to give up */
	ev_cleanup cleanup; /* netd left it: the loop ends as well */
};

static int64_t
clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- dice ---------------------------------------------------------------- */

/* splitmix64: small, and any start is as good as another. */
static uint64_t
draw(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* From 0 to just under 1. */
static double
fraction(uint64_t *state)
{
	return (double)(draw(state) >> 11) * 0x1p-53;
}

static uint64_t
dice_for(const struct client *c, uint64_t which)
{
	uint64_t state = c->url->bad.seed;

	state = draw(&state) ^ c->id;
	state = draw(&state) ^ which;
	return draw(&state);
}

/* ---- a way --------------------------------------------------------------- */

/* When a segment of len bytes that starts now will be there. */
static int64_t
due(struct way *w, const struct bad *b, size_t len, int64_t now)
{
	/* Always all four, so that one setting does not shift another. */
	bool lost = fraction(&w->dice) < b->loss;
	bool twice = fraction(&w->dice) < b->dup;
	bool behind = fraction(&w->dice) < b->reorder;
	double jitter = fraction(&w->dice) * (double)b->jitter_us;
	int64_t at = now;

	if (b->bytes_per_s > 0) {
		int64_t busy =
		    (int64_t)len * (twice ? 2 : 1) * 1000000 / b->bytes_per_s;

		if (at < w->free_us)
			at = w->free_us;
		at += busy;
		w->free_us = at;
	}
	at += b->delay_us + (int64_t)jitter;
	if (lost)
		at += RESEND_US + 2 * b->delay_us;
	if (behind)
		at += NEIGHBOUR_US;
	if (at < w->last_due_us)
		at = w->last_due_us;
	w->last_due_us = at;
	return at;
}

static size_t
room(const struct way *w)
{
	return w->held < BAD_QUEUE ? BAD_QUEUE - w->held : 0;
}

/* Put n bytes on the way: true, or false without memory. */
static bool
put(struct way *w, const struct bad *b, const uint8_t *p, size_t n, int64_t now)
{
	while (n) {
		size_t len = n < SEGMENT ? n : SEGMENT;
		struct segment *s = malloc(sizeof(*s) + len);

		if (s == NULL)
			return false;
		memcpy(s->bytes, p, len);
		s->next = NULL;
		s->off = 0;
		s->len = len;
		s->due_us = due(w, b, len, now);
		if (w->tail)
			w->tail->next = s;
		else
			w->head = s;
		w->tail = s;
		w->held += sizeof(*s) + len;
		p += len;
		n -= len;
	}
	return true;
}

/* n bytes of the head have left. */
static void
eat(struct way *w, size_t n)
{
	struct segment *s = w->head;

	s->off += n;
	if (s->off < s->len)
		return;
	w->head = s->next;
	if (w->head == NULL)
		w->tail = NULL;
	w->held -= sizeof(*s) + s->len;
	free(s);
}

static void
clear(struct way *w)
{
	while (w->head)
		eat(w, w->head->len - w->head->off);
}

/* Wake up at when_us. */
static void
wake(struct line *l, struct way *w, int64_t when_us, int64_t now)
{
	int64_t wait = when_us > now ? when_us - now : 0;

	ev_timer_stop(l->loop, &w->timer);
	ev_timer_set(&w->timer, (double)wait * 1e-6, 0.);
	ev_timer_start(l->loop, &w->timer);
}

/* ---- in ------------------------------------------------------------------ */

static void
wake_in(struct line *l, int64_t now)
{
	if (l->in.head)
		wake(l, &l->in, l->in.head->due_us, now);
	else if (l->ended)
		wake(l, &l->in, l->in.last_due_us, now);
	else
		ev_timer_stop(l->loop, &l->in.timer);
}

/* Take what the socket has, as far as there is room. */
static void
pull(struct line *l, int64_t now)
{
	uint8_t some[16384];

	while (!l->ended && room(&l->in)) {
		size_t want = room(&l->in);
		ssize_t n;

		if (want > sizeof(some))
			want = sizeof(some);
		n = sock_recv(l->fd, some, want);
		if (n > 0 && !put(&l->in, &l->bad, some, (size_t)n, now)) {
			l->broken = ENOMEM;
			return;
		}
		if (n > 0)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		l->end_error = n < 0 ? errno : 0;
		l->ended = true;
		/* The end travels like everything else. */
		due(&l->in, &l->bad, 0, now);
	}
}

static void
on_in(struct ev_loop *loop, ev_timer *w, int events)
{
	struct line *l = w->data;

	(void)loop;
	(void)events;
	l->was_read = false;
	client_readable(l->c);
	/* Not read: input is held, or the client has no tokens. */
	if (!l->was_read && l->c->phase != GONE)
		wake(l, &l->in, RETRY_US, 0);
}

/* ---- out ----------------------------------------------------------------- */

static void
wake_out(struct line *l, int64_t now)
{
	if (l->out.head == NULL)
		ev_timer_stop(l->loop, &l->out.timer);
	else if (l->stuck)
		wake(l, &l->out, STUCK_US, 0);
	else
		wake(l, &l->out, l->out.head->due_us, now);
}

/* What is due goes to the socket. */
static void
pump(struct line *l, int64_t now)
{
	l->stuck = false;
	while (l->out.head && l->out.head->due_us <= now) {
		struct segment *s = l->out.head;
		ssize_t n =
		    sock_send(l->fd, s->bytes + s->off, s->len - s->off);

		if (n < 0 && errno == EAGAIN) {
			l->stuck = true;
			break;
		}
		if (n < 0) {
			l->broken = errno;
			clear(&l->out);
			break;
		}
		eat(&l->out, (size_t)n);
	}
	if (l->out.head == NULL && l->fin && !l->fin_sent) {
		l->fin_sent = true;
		shutdown(l->fd, SHUT_WR);
	}
	wake_out(l, now);
}

static void
line_free(struct line *l)
{
	ev_timer_stop(l->loop, &l->in.timer);
	ev_timer_stop(l->loop, &l->out.timer);
	ev_timer_stop(l->loop, &l->cut);
	ev_cleanup_stop(l->loop, &l->cleanup);
	clear(&l->in);
	clear(&l->out);
	close(l->fd);
	free(l);
}

static void
on_cleanup(struct ev_loop *loop, ev_cleanup *w, int events)
{
	(void)loop;
	(void)events;
	line_free(w->data);
}

static void
on_out(struct ev_loop *loop, ev_timer *w, int events)
{
	struct line *l = w->data;
	int64_t now = clock_us();

	(void)loop;
	(void)events;
	pump(l, now);
	if (l->c == NULL) {
		if (l->out.head == NULL || now > l->until_us)
			line_free(l);
		return;
	}
	if (l->blocked && (l->broken || room(&l->out) > BAD_QUEUE / 2)) {
		l->blocked = false;
		client_writable(l->c);
	}
}

/* ---- the end in the middle ------------------------------------------------
 */

static void
on_cut(struct ev_loop *loop, ev_timer *w, int events)
{
	struct line *l = w->data;
	/* The close is a reset: the peer sees it at once. */
	struct linger hard = { .l_onoff = 1 };

	(void)loop;
	(void)events;
	setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	l->broken = ECONNRESET;
	clear(&l->in);
	clear(&l->out);
	client_lost(l->c, IPC_REASON_RESET, "cut by the bad network");
}

/* Throw the dice for each second of its life until one says cut. */
static void
plan_cut(struct line *l, uint64_t dice)
{
	int64_t s = 0;

	ev_timer_init(&l->cut, on_cut, 0., 0.);
	l->cut.data = l;
	if (l->bad.cut <= 0)
		return;
	while (s < CUT_S_MAX && fraction(&dice) >= l->bad.cut)
		s++;
	ev_timer_set(&l->cut, (double)s + fraction(&dice), 0.);
	ev_timer_start(l->loop, &l->cut);
}

static struct line *
line_of(struct client *c)
{
	struct line *l = c->wire_state;

	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (l == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	l->c = c;
	l->loop = c->netd->loop;
	l->bad = c->url->bad;
	l->fd = c->fd;
	l->in.dice = dice_for(c, 1);
	l->out.dice = dice_for(c, 2);
	ev_timer_init(&l->in.timer, on_in, 0., 0.);
	ev_timer_init(&l->out.timer, on_out, 0., 0.);
	l->in.timer.data = l->out.timer.data = l;
	ev_cleanup_init(&l->cleanup, on_cleanup);
	l->cleanup.data = l;
	plan_cut(l, dice_for(c, 3));
	c->wire_state = l;
	return l;
}

/* ---- the wire -------------------------------------------------------------
 */

static size_t
take(struct way *w, uint8_t *to, size_t n, int64_t now)
{
	size_t got = 0;

	while (got < n && w->head && w->head->due_us <= now) {
		struct segment *s = w->head;
		size_t len = s->len - s->off;

		if (len > n - got)
			len = n - got;
		memcpy(to + got, s->bytes + s->off, len);
		got += len;
		eat(w, len);
	}
	return got;
}

static ssize_t
bad_read(struct client *c, void *p, size_t n)
{
	struct line *l = line_of(c);
	int64_t now = clock_us();
	size_t got;

	if (l == NULL)
		return -1;
	l->was_read = true;
	pull(l, now);
	if (l->broken) {
		errno = l->broken;
		return -1;
	}
	got = take(&l->in, p, n, now);
	if (!got && l->ended && !l->in.head && l->in.last_due_us <= now) {
		ev_timer_stop(l->loop, &l->in.timer);
		errno = l->end_error;
		return l->end_error ? -1 : 0;
	}
	wake_in(l, now);
	client_watch(c);
	errno = EAGAIN;
	return got ? (ssize_t)got : -1;
}

static ssize_t
bad_write(struct client *c, const void *p, size_t n)
{
	struct line *l = line_of(c);
	int64_t now = clock_us();
	size_t len = n;

	if (l == NULL)
		return -1;
	if (l->broken || l->fin) {
		errno = l->broken ? l->broken : EPIPE;
		return -1;
	}
	if (len > room(&l->out))
		len = room(&l->out);
	if (!put(&l->out, &l->bad, p, len, now)) {
		errno = l->broken = ENOMEM;
		return -1;
	}
	if (len < n)
		l->blocked = true;
	pump(l, now);
	if (len)
		return (ssize_t)len;
	errno = EAGAIN;
	return -1;
}

static void
bad_shutdown(struct client *c)
{
	struct line *l = line_of(c);

	if (l == NULL) {
		shutdown(c->fd, SHUT_WR);
		return;
	}
	l->fin = true;
	pump(l, clock_us());
}

/* Also called before anything else, so a silent line can be cut as well. */
static bool
bad_wants_read(struct client *c)
{
	struct line *l = line_of(c);

	return l == NULL || (!l->ended && room(&l->in));
}

static void
bad_moved(struct client *c)
{
	struct line *l = c->wire_state;

	if (l)
		l->c = c;
}

static void
bad_close(struct client *c)
{
	struct line *l = c->wire_state;

	if (l == NULL) {
		wire_sock.close(c);
		return;
	}
	c->wire_state = NULL;
	c->fd = -1;
	l->c = NULL;
	if (l->broken || l->out.head == NULL) {
		line_free(l);
		return;
	}
	/* A plain socket's close() would still send what was written. */
	epoll_ctl(c->netd->in_fd, EPOLL_CTL_DEL, l->fd, NULL);
	epoll_ctl(c->netd->out_fd, EPOLL_CTL_DEL, l->fd, NULL);
	ev_timer_stop(l->loop, &l->in.timer);
	ev_timer_stop(l->loop, &l->cut);
	clear(&l->in);
	l->fin = true;
	l->until_us = clock_us() + LINGER_US;
	ev_cleanup_start(l->loop, &l->cleanup);
}

const struct wire wire_bad = {
	.name = "bad",
	.read = bad_read,
	.write = bad_write,
	.shutdown = bad_shutdown,
	.wants_read = bad_wants_read,
	.moved = bad_moved,
	.close = bad_close,
};
