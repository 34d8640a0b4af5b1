/*
 * pg_player.c - a client of PyGaSe's protocol; see pg_player.h.
 */
#include "tests/lib/pg_player.h"

#include "tests/lib/kit.h"
#include "tests/lib/kit_own.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SEND_MS 25
#define LOST_MS 1000
#define PER_DATAGRAM 5

static int
udp_to(const char *url, const char *from)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	} a = { 0 };
	char host[64] = "", port[8] = "";
	const char *where = strstr(url, "://") + 3;
	socklen_t len;
	int fd;

	if (sscanf(where, "[%63[^]]]:%7[0-9]", host, port) == 2) {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_port = htons((uint16_t)atoi(port));
		inet_pton(AF_INET6, host, &a.in6.sin6_addr);
		len = sizeof(a.in6);
	} else if (sscanf(where, "%63[^:]:%7[0-9]", host, port) == 2) {
		a.in4.sin_family = AF_INET;
		a.in4.sin_port = htons((uint16_t)atoi(port));
		inet_pton(AF_INET, strcmp(host, "*") ? host : "127.0.0.1",
		    &a.in4.sin_addr);
		len = sizeof(a.in4);
	} else {
		kit_fail("no host and port in '%s'", url);
	}
	fd = socket(
	    a.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && from) {
		struct sockaddr_in here = { .sin_family = AF_INET };

		inet_pton(AF_INET, from, &here.sin_addr);
		assert_int_equal(
		    bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	}
	if (fd < 0 || connect(fd, &a.sa, len) < 0)
		kit_fail("udp %s: %s", url, strerror(errno));
	return kit_own_fd(fd);
}

static void
forget(void *arg)
{
	struct pg_player *p = arg;

	ipc_value_free(p->state);
}

struct pg_player *
pg_player_new(const char *url, const char *from)
{
	struct pg_player *p = kit_own(calloc(1, sizeof(*p)));

	assert_non_null(p);
	p->events = kit_own(calloc(PG_EVENTS, sizeof(*p->events)));
	assert_non_null(p->events);
	kit_at_end(forget, p);
	p->fd = udp_to(url, from);
	return p;
}

void
pg_player_say(struct pg_player *p, const char *type, unsigned number)
{
	struct pg_said *e = &p->events[p->said++];
	struct ipc_value *v = ipc_value_make("{ss s[i] s{}}", "type", type,
	    "handler_args", (int)number, "handler_kwargs");
	struct ipc_buf out;

	assert_true(p->said <= PG_EVENTS);
	assert_non_null(v);
	ipc_buf_init(&out, sizeof(e->bytes));
	assert_int_equal(ipc_value_pack(v, &out), 0);
	memcpy(e->bytes, out.data, out.len);
	e->len = out.len;
	ipc_buf_release(&out);
	ipc_value_free(v);
}

/* ---- out --------------------------------------------------------------------
 */

static void
put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void
pg_player_speak(struct pg_player *p)
{
	uint8_t out[PYGASE_MAX] = { 0xff, 0xd0, 0xfa, 0xb9 };
	int64_t now = kit_now_ms();
	size_t n = PYGASE_CLIENT_HEAD;
	unsigned on_board = 0;

	p->sequence = pygase_after(p->sequence, 1);
	put16(out + 4, p->sequence);
	put16(out + 6, p->seen.newest);
	put16(out + 8, p->seen.bits >> 16);
	put16(out + 10, p->seen.bits & 0xffff);
	put16(out + 12, p->holds);
	for (unsigned i = 0; i < p->said && on_board < PER_DATAGRAM; i++) {
		struct pg_said *e = &p->events[i];

		if (e->acked || (e->in && now - e->at_ms < LOST_MS))
			continue;
		put16(out + n, (unsigned)e->len);
		memcpy(out + n + 2, e->bytes, e->len);
		n += 2 + e->len;
		e->in = p->sequence;
		e->at_ms = now;
		on_board++;
	}
	if (send(p->fd, out, n, MSG_NOSIGNAL) < 0 && errno != EAGAIN &&
	    errno != ECONNREFUSED)
		kit_fail("send: %s", strerror(errno));
}

/* ---- in ---------------------------------------------------------------------
 */

static void
acks(struct pg_player *p, unsigned ack, uint32_t bits)
{
	for (unsigned i = 0; i < p->said; i++) {
		struct pg_said *e = &p->events[i];
		int d = pygase_distance(ack, e->in);

		if (e->in == 0 || e->acked)
			continue;
		if (d == 0 ||
		    (d >= 1 && d <= 32 && bits & UINT32_C(1) << (32 - d))) {
			e->acked = true;
			p->acked++;
		}
	}
}

static void
update(struct pg_player *p, const uint8_t *bytes, size_t len)
{
	static const uint8_t deleted[] = { 0xd2, 0x81, 0xe5, 0xba };
	struct ipc_value *v, *mark = ipc_value_bytes(deleted, 4);
	const char *why;
	int64_t order;

	if (ipc_value_unpack(bytes, len, &ipc_value_from_pipe, &v, &why) < 0) {
		p->fatal++;
		ipc_value_free(mark);
		return;
	}
	order = ipc_value_as_int(ipc_value_gets(v, "time_order"));
	if (ipc_value_gets(v, "time_order") == NULL || order < 0 ||
	    order > 65535)
		p->fatal++;
	if (pygase_distance((unsigned)order, p->holds) > 0) {
		p->holds = (uint16_t)order;
		if (p->state == NULL)
			p->state = ipc_value_map();
		assert_int_equal(ipc_value_merge(p->state, v, mark), 0);
	}
	ipc_value_free(v);
	ipc_value_free(mark);
}

static void
event(struct pg_player *p, const uint8_t *bytes, size_t len)
{
	struct ipc_value *v, *args;
	const char *why;
	int64_t i;

	if (ipc_value_unpack(bytes, len, &ipc_value_from_pipe, &v, &why) < 0) {
		p->fatal++;
		return;
	}
	args = ipc_value_gets(v, "handler_args");
	if (ipc_value_type(ipc_value_gets(v, "type")) != IPC_V_STR ||
	    ipc_value_type(args) != IPC_V_ARRAY ||
	    ipc_value_type(ipc_value_gets(v, "handler_kwargs")) != IPC_V_MAP)
		p->fatal++;
	p->heard++;
	i = ipc_value_as_int(ipc_value_at(args, 0));
	if (i >= 0 && i < PG_EVENTS)
		p->echoed[i]++;
	ipc_value_free(v);
}

static void
got(struct pg_player *p, const uint8_t *b, size_t n)
{
	unsigned sequence = (unsigned)b[4] << 8 | b[5];
	size_t len = n > 14 ? (size_t)b[12] << 8 | b[13] : 0, off = 0, m;
	const uint8_t *one;

	p->received++;
	p->bytes += n;
	if (n < PYGASE_SMALLEST || memcmp(b, "\xff\xd0\xfa\xb9", 4) != 0 ||
	    len == 0 || len > n - 14) {
		p->fatal++;
		return;
	}
	switch (pygase_see(&p->seen, sequence)) {
	case PYGASE_NEW:
		break;
	case PYGASE_REPEAT:
	case PYGASE_OLD:
		p->fatal++;
		return;
	}
	acks(p, (unsigned)b[6] << 8 | b[7],
	    (uint32_t)b[8] << 24 | (uint32_t)b[9] << 16 | (uint32_t)b[10] << 8 |
		b[11]);
	update(p, b + 14, len);
	b += 14 + len;
	n -= 14 + len;
	while (pygase_event(b, n, &off, &one, &m) > 0)
		event(p, one, m);
	if (off != n)
		p->fatal++;
}

void
pg_player_run(struct pg_player *p)
{
	uint8_t bytes[4096];
	int64_t now;
	ssize_t n;

	while ((n = recv(p->fd, bytes, sizeof(bytes), 0)) > 0)
		got(p, bytes, (size_t)n);
	now = kit_now_ms();
	if (now < p->next_ms)
		return;
	p->next_ms = now + SEND_MS;
	pg_player_speak(p);
}

void
pg_player_enter(struct pg_player *p)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;

	/* The first answer asks for a proof, the second is the game's. */
	while (p->received < 2) {
		pg_player_run(p);
		kit_tick();
		if (kit_now_ms() > end)
			kit_fail("not let in after %u datagrams", p->received);
	}
}
