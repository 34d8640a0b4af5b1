/*
 * drive.c - the players' sockets: connect, upgrade, read, write, reset.
 *
 * The generator has to be cheaper than any server it measures: one recv() and
 * one send() a wake-up and connection, frames that are prepared once and get
 * only a new stamp, and no memory of its own for a connection at rest.
 */
#include "tests/bench/load.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define SCRATCH (512u << 10)
#define PART_MAX (17u << 20)
#define LATE_MAX (4u << 20)

static uint8_t scratch[SCRATCH];

static void
fill_text(uint8_t *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		text[i] = (uint8_t)('a' + i % 26);
}

bool
drive_init(struct load *l)
{
	size_t count = (size_t)l->o.window;

	if (l->o.burst > l->o.window)
		count = (size_t)l->o.burst;
	l->total = (size_t)(l->o.conns + l->o.idle);
	l->head = codec_head(l->o.codec, (size_t)l->o.size);
	l->frame = codec_size(l->o.codec, (size_t)l->o.size);
	l->mask = codec_mask(l->o.codec);
	l->conns = calloc(l->total, sizeof(*l->conns));
	l->text = malloc((size_t)l->o.size);
	l->frames = malloc(l->frame * count);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->conns == NULL || l->text == NULL || l->frames == NULL ||
	    l->epoll < 0) {
		load_fail(l, "out of memory");
		return false;
	}
	fill_text(l->text, (size_t)l->o.size);
	for (size_t i = 0; i < count; i++)
		codec_frame(l->o.codec, l->text, (size_t)l->o.size,
		    l->frames + i * l->frame);
	for (size_t i = 0; i < l->total; i++) {
		l->conns[i].fd = -1;
		l->conns[i].index = (uint32_t)i;
		l->conns[i].idle = i >= (size_t)l->o.conns;
	}
	return true;
}

void
drive_release(struct load *l)
{
	for (size_t i = 0; l->conns != NULL && i < l->total; i++)
		drive_cut(l, &l->conns[i]);
	free(l->conns);
	free(l->text);
	free(l->frames);
	if (l->epoll >= 0)
		close(l->epoll);
}

static void
watch(struct load *l, struct conn *c, int op, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (epoll_ctl(l->epoll, op, c->fd, &ev) != 0)
		load_fail(l, "epoll_ctl: %s", strerror(errno));
}

void
drive_start(struct load *l, struct conn *c)
{
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		load_fail(l, "socket: %s (see ulimit -n)", strerror(errno));
		return;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(c->fd, (struct sockaddr *)&l->o.to, sizeof(l->o.to)) != 0 &&
	    errno != EINPROGRESS) {
		load_fail(l, "connect: %s", strerror(errno));
		return;
	}
	c->state = CONN_CONNECTING;
	l->started++;
	watch(l, c, EPOLL_CTL_ADD, EPOLLOUT);
}

void
drive_cut(struct load *l, struct conn *c)
{
	struct linger now = { .l_onoff = 1 };

	if (c->state == CONN_OPEN)
		l->open--;
	if (c->fd >= 0) {
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(c->fd);
		l->started--;
	}
	free(c->part);
	free(c->late);
	*c = (struct conn){ .fd = -1, .index = c->index, .idle = c->idle };
}

/* Keep what the socket did not take. */
static void
keep_late(struct load *l, struct conn *c, const uint8_t *bytes, size_t len)
{
	uint8_t *late = realloc(c->late, c->late_len + len);

	if (late == NULL || c->late_len + len > LATE_MAX) {
		load_fail(l, "connection %u does not take its input", c->index);
		free(late);
		c->late = NULL;
		return;
	}
	if (c->late_len == 0)
		watch(l, c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
	memcpy(late + c->late_len, bytes, len);
	c->late = late;
	c->late_len += (uint32_t)len;
}

static void
send_bytes(struct load *l, struct conn *c, const uint8_t *bytes, size_t len)
{
	ssize_t n = 0;

	if (c->late_len == 0)
		n = send(c->fd, bytes, len, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN) {
		load_fail(l, "send: %s", strerror(errno));
		return;
	}
	n = n < 0 ? 0 : n;
	if ((size_t)n < len)
		keep_late(l, c, bytes + n, len - (size_t)n);
}

static void
send_late(struct load *l, struct conn *c)
{
	ssize_t n = send(c->fd, c->late, c->late_len, MSG_NOSIGNAL);

	if (n < 0)
		return;
	c->late_len -= (uint32_t)n;
	memmove(c->late, c->late + n, c->late_len);
	if (c->late_len == 0)
		watch(l, c, EPOLL_CTL_MOD, EPOLLIN);
}

void
drive_send(struct load *l, struct conn *c, unsigned count)
{
	uint8_t *at = l->frames + l->head;

	for (unsigned i = 0; i < count; i++) {
		uint64_t stamp = stamp_of((uint16_t)c->index, c->sent++);

		stamp ^= (uint64_t)l->mask << 32 | l->mask;
		memcpy(at, &stamp, STAMP);
		at += l->frame;
	}
	if (l->o.latency)
		c->sent_ns = now_ns();
	send_bytes(l, c, l->frames, count * l->frame);
}

void
drive_say(struct load *l, struct conn *c, const char *text, size_t len)
{
	uint8_t frame[128];

	send_bytes(l, c, frame,
	    codec_frame(l->o.codec, (const uint8_t *)text, len, frame));
}

static void
opened(struct load *l, struct conn *c)
{
	c->state = CONN_OPEN;
	l->open++;
	if (l->o.mode->opened != NULL)
		l->o.mode->opened(l, c);
}

static void
connected(struct load *l, struct conn *c)
{
	socklen_t size = sizeof(int);
	char text[512];
	int error = 0;

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error != 0) {
		load_fail(l, "connect: %s", strerror(error));
		return;
	}
	watch(l, c, EPOLL_CTL_MOD, EPOLLIN);
	if (l->o.codec != CODEC_WS) {
		opened(l, c);
		return;
	}
	c->state = CONN_UPGRADING;
	size =
	    (socklen_t)codec_request(l->o.host, l->o.path, text, sizeof(text));
	send_bytes(l, c, (uint8_t *)text, size);
}

static void
take(struct load *l, struct conn *c, const struct got *got)
{
	uint8_t pong[140];

	if (got->kind == GOT_MESSAGE) {
		l->messages++;
		l->all++;
		l->bytes += got->len;
		l->o.mode->message(l, c, got->bytes, got->len);
	} else if (got->kind == GOT_PING && got->len <= 125)
		send_bytes(l, c, pong, codec_pong(got->bytes, got->len, pong));
	else if (got->kind == GOT_CLOSE)
		load_fail(l, "connection %u was closed: %.*s", c->index,
		    got->len > 2 ? (int)got->len - 2 : 0, got->bytes + 2);
}

/* All whole messages in n bytes; returns how many bytes they were. */
static size_t
feed(struct load *l, struct conn *c, const uint8_t *p, size_t n)
{
	size_t used = 0;
	unsigned count = 0;
	struct got got;
	ssize_t one;

	while (used < n && c->state == CONN_OPEN && *l->problem == '\0') {
		one = codec_parse(l->o.codec, p + used, n - used, &got);
		if (one < 0)
			load_fail(l, "connection %u: a broken frame", c->index);
		if (one <= 0)
			break;
		used += (size_t)one;
		take(l, c, &got);
		count += got.kind == GOT_MESSAGE;
	}
	if (count > 0 && l->o.mode->after != NULL && c->state == CONN_OPEN)
		l->o.mode->after(l, c, count);
	return used;
}

static size_t
upgrade(struct load *l, struct conn *c, const uint8_t *p, size_t n)
{
	ssize_t used = codec_answer(p, n);

	if (used < 0)
		load_fail(l, "upgrade refused: %.60s", (const char *)p);
	if (used <= 0)
		return 0;
	opened(l, c);
	return (size_t)used;
}

/* The start of a message waits in memory of the connection's own. */
static void
keep_part(struct load *l, struct conn *c, const uint8_t *p, size_t n)
{
	if (n == 0 && c->part == NULL)
		return;
	free(c->part);
	c->part = NULL;
	c->part_len = 0;
	if (n == 0)
		return;
	if (n > PART_MAX || (c->part = malloc(n)) == NULL) {
		load_fail(l, "connection %u: a message without end", c->index);
		return;
	}
	memcpy(c->part, p, n);
	c->part_len = (uint32_t)n;
}

static void
readable(struct load *l, struct conn *c)
{
	size_t had = c->part_len, n, used = 0;
	ssize_t got;

	if (had >= SCRATCH / 2) {
		load_fail(l, "connection %u: a message too long", c->index);
		return;
	}
	memcpy(scratch, c->part == NULL ? scratch : c->part, had);
	got = recv(c->fd, scratch + had, SCRATCH - had - 1, 0);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		load_fail(l, "connection %u of %zu is gone: %s", c->index,
		    l->total, got == 0 ? "closed" : strerror(errno));
		return;
	}
	n = had + (size_t)got;
	scratch[n] = '\0';
	if (c->state == CONN_UPGRADING)
		used = upgrade(l, c, scratch, n);
	if (c->state == CONN_OPEN)
		used += feed(l, c, scratch + used, n - used);
	/* A connection that was started anew has no part yet. */
	if (c->state == CONN_OPEN || c->state == CONN_UPGRADING)
		keep_part(l, c, scratch + used, n - used);
}

static void
serve(struct load *l, struct conn *c, uint32_t events)
{
	if (c->state == CONN_OFF)
		return;
	if (c->state == CONN_CONNECTING) {
		connected(l, c);
		return;
	}
	if ((events & EPOLLOUT) != 0 && c->late_len > 0)
		send_late(l, c);
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		readable(l, c);
}

void
drive_turn(struct load *l, int wait_ms)
{
	struct epoll_event events[256];
	int n = epoll_wait(l->epoll, events, 256, wait_ms);

	if (n < 0 && errno != EINTR)
		load_fail(l, "epoll_wait: %s", strerror(errno));
	l->now_ns = now_ns();
	for (int i = 0; i < n && *l->problem == '\0'; i++)
		serve(l, events[i].data.ptr, events[i].events);
	if (l->o.mode->turn != NULL)
		l->o.mode->turn(l);
}
