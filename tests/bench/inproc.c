/*
 * inproc.c - the yardstick: the same codecs in one process, without a game
 * behind a pipe, queues, limits or groups.
 *
 *	inproc echo|fan|tick SCHEME PORT [--tick MS] [--size BYTES]
 *
 * It stands in for netd/client.c towards the transports (client_open,
 * client_got, client_raw ...) with the least a server can do: read, decode,
 * answer, one send() for all that a read brought. What Penstock costs more
 * than this is the price of the second process and of everything it promises.
 */
#include "ipc/msg.h"
#include "netd/netd.h"
#include "netd/side.h"
#include "netd/transport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define READ_MAX (64u << 10)
#define OUT_MAX (8u << 20)

struct player {
	struct client client; /* first: a transport sees only this */
	ev_io io;
	struct player *next, *prev;
	struct ipc_buf in;  /* not a whole message yet */
	struct ipc_buf out; /* what the socket did not take */
	bool gone;
};

struct server {
	struct ev_loop *loop;
	struct url url;
	enum { ECHO, FAN, TICK } role;
	size_t size; /* of a tick's message */
	unsigned number;
	struct player *players;
	struct player *reading; /* its answers gather in turn */
	struct ipc_buf turn;
	ev_io listener;
	ev_timer tick;
};

static struct server server;

/* ---- sending ------------------------------------------------------------ */

static struct player *
player_of(struct client *c)
{
	return (struct player *)c;
}

static void
want(struct player *p, int events)
{
	ev_io_stop(server.loop, &p->io);
	ev_io_set(&p->io, p->client.fd, events);
	ev_io_start(server.loop, &p->io);
}

static void
player_send(struct player *p, const uint8_t *bytes, size_t len)
{
	ssize_t n = 0;

	if (p->gone || len == 0)
		return;
	if (p->out.len == 0)
		n = send(p->client.fd, bytes, len, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN)
		p->gone = true;
	n = n < 0 ? 0 : n;
	if ((size_t)n == len || p->gone)
		return;
	if (p->out.len == 0)
		want(p, EV_READ | EV_WRITE);
	if (!ipc_buf_add(&p->out, bytes + n, len - (size_t)n))
		p->gone = true;
}

static void
player_writable(struct player *p)
{
	ssize_t n = send(p->client.fd, p->out.data, p->out.len, MSG_NOSIGNAL);

	if (n > 0)
		ipc_buf_eat(&p->out, (size_t)n);
	else if (n < 0 && errno != EAGAIN)
		p->gone = true;
	if (p->out.len > 0)
		return;
	ipc_buf_release(&p->out);
	ipc_buf_init(&p->out, OUT_MAX);
	want(p, EV_READ);
}

static void
send_all(unsigned flags, const uint8_t *bytes, size_t len)
{
	const struct transport *t = server.url.transport;
	struct slice *s = slice_new(t->encode_max(len));

	if (s == NULL)
		return;
	s->len = (uint32_t)t->encode(false, flags, bytes, len, s->bytes);
	for (struct player *p = server.players; p != NULL; p = p->next)
		if (p->client.phase == PLAYING)
			player_send(p, s->bytes, s->len);
	slice_drop(s);
}

static void
on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
	uint8_t text[65536];
	unsigned number = server.number++;

	(void)loop;
	(void)w;
	(void)events;
	for (size_t i = 0; i < server.size; i++)
		text[i] = (uint8_t)('a' + i % 26);
	for (unsigned i = 0; i < 8; i++)
		text[i] =
		    (uint8_t)(i < 4 ? 'a'
				    : 'a' + ((number >> (4 * (i - 4))) & 15));
	send_all(IPC_TEXT, text, server.size);
}

/* ---- what a transport calls --------------------------------------------- */

void
client_open(struct client *c)
{
	c->phase = PLAYING;
}

bool
client_got(struct client *c, unsigned flags, const uint8_t *bytes, size_t len)
{
	uint8_t *to;

	if (server.role == FAN)
		send_all(flags, bytes, len);
	if (server.role != ECHO)
		return true;
	to = ipc_buf_space(&server.turn, c->transport->encode_max(len));
	if (to == NULL) {
		player_of(c)->gone = true;
		return false;
	}
	ipc_buf_added(
	    &server.turn, c->transport->encode(false, flags, bytes, len, to));
	return true;
}

bool
client_raw(struct client *c, const void *bytes, size_t len)
{
	if (server.reading == player_of(c))
		return ipc_buf_add(&server.turn, bytes, len);
	player_send(player_of(c), bytes, len);
	return true;
}

void
client_close(struct client *c, unsigned reason, const char *detail)
{
	(void)reason;
	(void)detail;
	player_of(c)->gone = true;
}

void
client_abort(struct client *c, unsigned reason, const char *detail)
{
	client_close(c, reason, detail);
}

/* Only of terminals, and nobody has one here. */
void
client_resized(struct client *c, unsigned columns, unsigned rows)
{
	(void)c;
	(void)columns;
	(void)rows;
}

void
client_terminal(struct client *c, const char *text)
{
	(void)c;
	(void)text;
}

/* What was queued leaves after the read that is going on. */
void
client_mark(struct client *c)
{
	(void)c;
}

/* Only of terminals and what runs in them. */
void
link_up(struct link *l, unsigned kind, uint64_t id, unsigned flags,
    unsigned channel, const void *bytes, size_t len)
{
	(void)l;
	(void)kind;
	(void)id;
	(void)flags;
	(void)channel;
	(void)bytes;
	(void)len;
}

/* Only of side channels, and there is no game that wants one. */
bool
side_heard(struct client *c, const uint8_t *bytes, size_t len)
{
	(void)c;
	(void)bytes;
	(void)len;
	return true;
}

/* Only for files that wait for room, and nobody asks for one here. */
void
client_feed_kept(struct client *c)
{
	(void)c;
}

/* What terminals and connections outwards have; here is neither. */
struct rare *
client_rare(struct client *c)
{
	(void)c;
	return NULL;
}

int64_t
netd_now(const struct netd *n)
{
	(void)n;
	return (int64_t)(ev_now(server.loop) * 1e6);
}

struct peer *
client_peer(struct client *c)
{
	if (c->peer == NULL)
		c->peer = calloc(1, sizeof(*c->peer));
	return c->peer;
}

/* ---- a player's life ---------------------------------------------------- */

static void
player_free(struct player *p)
{
	struct peer *peer = p->client.peer;

	if (p->client.transport->close != NULL)
		p->client.transport->close(&p->client);
	ev_io_stop(server.loop, &p->io);
	close(p->client.fd);
	if (p->prev != NULL)
		p->prev->next = p->next;
	else
		server.players = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	if (peer != NULL) {
		free(peer->path);
		free(peer->query);
		free(peer->origin);
		free(peer->cookies);
		free(peer->subprotocol);
		free(peer->real);
	}
	free(peer);
	ipc_buf_release(&p->in);
	ipc_buf_release(&p->out);
	free(p);
}

/* Keep what is not a whole message yet. */
static void
keep(struct player *p, const uint8_t *bytes, size_t len)
{
	if (len == 0 && p->in.data == NULL)
		return;
	ipc_buf_clear(&p->in);
	if (len == 0) {
		ipc_buf_release(&p->in);
		ipc_buf_init(&p->in, OUT_MAX);
	} else if (!ipc_buf_add(&p->in, bytes, len))
		p->gone = true;
}

static void
feed(struct player *p, const uint8_t *bytes, size_t len)
{
	size_t used = 0;
	ssize_t n = 1;

	/* A handshake ends one call and the first message may follow it. */
	while (n > 0 && used < len && !p->gone) {
		n = p->client.transport->feed(
		    &p->client, bytes + used, len - used);
		if (n < 0)
			p->gone = true;
		else
			used += (size_t)n;
	}
	if (!p->gone)
		keep(p, bytes + used, len - used);
}

static void
player_readable(struct player *p)
{
	static uint8_t bytes[READ_MAX + OUT_MAX];
	size_t had = p->in.len;
	ssize_t n;

	if (had > 0)
		memcpy(bytes, p->in.data, had);
	n = recv(p->client.fd, bytes + had, READ_MAX, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		p->gone = true;
		return;
	}
	server.reading = p;
	feed(p, bytes, had + (size_t)n);
	server.reading = NULL;
	player_send(p, server.turn.data, server.turn.len);
	ipc_buf_clear(&server.turn);
}

static void
on_player(struct ev_loop *loop, ev_io *w, int events)
{
	struct player *p = w->data;

	(void)loop;
	if ((events & EV_WRITE) != 0)
		player_writable(p);
	if ((events & EV_READ) != 0 && !p->gone)
		player_readable(p);
	/* One that a fan found gone is freed when its own event comes. */
	if (p->gone)
		player_free(p);
}

static void
player_new(int fd)
{
	struct player *p = calloc(1, sizeof(*p));
	int one = 1;

	if (p == NULL) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	p->client.fd = fd;
	p->client.transport = server.url.transport;
	p->client.url = &server.url;
	p->client.phase = HANDSHAKE;
	ipc_buf_init(&p->in, OUT_MAX);
	ipc_buf_init(&p->out, OUT_MAX);
	p->next = server.players;
	if (p->next != NULL)
		p->next->prev = p;
	server.players = p;
	ev_io_init(&p->io, on_player, fd, EV_READ);
	p->io.data = p;
	ev_io_start(server.loop, &p->io);
	if (p->client.transport->start(&p->client) < 0)
		player_free(p);
}

static void
on_listener(struct ev_loop *loop, ev_io *w, int events)
{
	int fd;

	(void)loop;
	(void)events;
	for (int i = 0; i < 64; i++) {
		fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		player_new(fd);
	}
}

/* Those alone that need nothing of netd behind them. */
const struct transport *
transport_find(const char *name, size_t len)
{
	static const struct transport *const rows[] = { &tr_ws, &tr_line,
		&tr_tcp };

	for (size_t i = 0; i < 3; i++)
		if (strlen(rows[i]->name) == len &&
		    memcmp(rows[i]->name, name, len) == 0)
			return rows[i];
	return NULL;
}

const struct transport *
transport_at(unsigned i)
{
	return i == 0 ? &tr_ws : NULL;
}

/* ---- starting ----------------------------------------------------------- */

static int
listen_at(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(fd, 4096) != 0) {
		perror("inproc: cannot listen");
		exit(1);
	}
	return fd;
}

static void
start_tick(long ms)
{
	server.role = TICK;
	ev_timer_init(
	    &server.tick, on_tick, (double)ms / 1e3, (double)ms / 1e3);
	ev_timer_start(server.loop, &server.tick);
}

static long
option(int argc, char **argv, const char *name, long preset)
{
	for (int i = 4; i + 1 < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return strtol(argv[i + 1], NULL, 10);
	return preset;
}

int
main(int argc, char **argv)
{
	struct rlimit files;

	if (argc < 4) {
		fprintf(stderr, "usage: inproc echo|fan|tick SCHEME PORT "
				"[--tick MS] [--size BYTES]\n");
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN);
	server.loop = ev_default_loop(EVFLAG_AUTO);
	ipc_buf_init(&server.turn, OUT_MAX);
	config_init(&server.url.config);
	server.url.transport = transport_find(argv[2], strlen(argv[2]));
	server.size = (size_t)option(argc, argv, "--size", 128) & 0xffff;
	server.role = strcmp(argv[1], "fan") == 0 ? FAN : ECHO;
	if (server.url.transport == NULL || server.size < 8) {
		fprintf(stderr, "inproc: no such scheme, or too small\n");
		return 2;
	}
	if (strcmp(argv[1], "tick") == 0)
		start_tick(option(argc, argv, "--tick", 50));
	ev_io_init(&server.listener, on_listener,
	    listen_at((uint16_t)atoi(argv[3])), EV_READ);
	ev_io_start(server.loop, &server.listener);
	ev_run(server.loop, 0);
	return 0;
}
