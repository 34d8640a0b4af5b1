/*
 * connect.c - connections outwards: look the name up, try each address,
 * hand the socket to the codec as a client.
 *
 * The game hears CONNECTING with the connection's number at once, then
 * OPENED, or CLOSED with IPC_FAILED and the reason of the last try.
 */
#include "netd/netd.h"

#include "netd/resolve.h"
#include "netd/resume.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define TRIES_MAX 8

struct connecting {
	struct resolver_ask *asked;
	union address tries[TRIES_MAX];
	socklen_t lens[TRIES_MAX];
	size_t n, next;
};

/* What it takes, made. False: no memory. */
static bool
connecting(struct client *c)
{
	if (client_rare(c))
		c->rare->connecting = calloc(1, sizeof(struct connecting));
	return RARE(c, connecting) != NULL;
}

static unsigned
reason_of(int e)
{
	if (e == ECONNREFUSED || e == ENOENT)
		return IPC_REASON_REFUSED;
	if (e == ETIMEDOUT)
		return IPC_REASON_TIMEOUT;
	if (e == ENETUNREACH || e == EHOSTUNREACH || e == EACCES ||
	    e == EPERM || e == EADDRNOTAVAIL)
		return IPC_REASON_UNREACHABLE;
	return IPC_REASON_RESET;
}

static void
drop_fd(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->want_read = c->want_write = false;
}

/* Try the next address. When none is left, e says why. */
static void
try_next(struct client *c, int e)
{
	struct connecting *k = RARE(c, connecting);
	int on = 1;

	drop_fd(c);
	if (c->transport->dial) {
		while (k->next < k->n) {
			if (c->transport->dial(c, &k->tries[k->next++]))
				return;
			e = errno;
		}
		client_abort(c, reason_of(e), strerror(e));
		return;
	}
	while (k->next < k->n) {
		union address *a = &k->tries[k->next];
		socklen_t len = k->lens[k->next++];

		c->fd = socket(a->sa.sa_family,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (c->fd < 0) {
			e = errno;
			continue;
		}
		client_put(c, a);
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (c->transport->ping == NULL)
			listen_probe(c->fd, &c->url->config);
		if (connect(c->fd, &a->sa, len) == 0 || errno == EINPROGRESS) {
			client_watch(c);
			return;
		}
		e = errno;
		drop_fd(c);
	}
	client_abort(c, reason_of(e), strerror(e));
}

void
connect_failed(struct client *c, int error)
{
	try_next(c, error);
}

void
connect_writable(struct client *c)
{
	socklen_t len = sizeof(int);
	int e = 0;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
		e = errno;
	if (e) {
		try_next(c, e);
		return;
	}
	connect_forget(c);
	client_start(c);
}

static void
on_resolved(void *arg, const struct sockaddr **addrs, const socklen_t *lens,
    size_t n, unsigned reason)
{
	struct client *c = arg;
	struct connecting *k = RARE(c, connecting);

	/* Answered: there is nothing to cancel any more. */
	if (k)
		k->asked = NULL;
	/* Closed meanwhile: it is freed at the turn's end. */
	if (k == NULL || c->phase != CONNECTING)
		return;
	if (n == 0) {
		client_abort(c, reason, ipc_reason_text(reason));
		return;
	}
	for (size_t i = 0; i < n && k->n < TRIES_MAX; i++) {
		if (lens[i] > sizeof(k->tries[0]))
			continue;
		memcpy(&k->tries[k->n], addrs[i], lens[i]);
		k->lens[k->n++] = lens[i];
	}
	try_next(c, EHOSTUNREACH);
}

/* A socket file needs no look-up and connects at once or not at all. */
static void
connect_unix(struct client *c)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (strlen(c->url->path) >= sizeof(a.sun_path)) {
		client_abort(c, IPC_REASON_BAD_URL, "path too long");
		return;
	}
	strcpy(a.sun_path, c->url->path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		client_abort(c, reason_of(errno), strerror(errno));
		return;
	}
	connect_forget(c);
	client_start(c);
}

static void
dial(struct client *c)
{
	if (c->transport->is_unix)
		connect_unix(c);
	else
		c->rare->connecting->asked = resolver_ask(c->netd->resolver,
		    c->url->host, c->url->port, on_resolved, c);
}

/* A number for a connection that never comes to be. */
static void
refuse(struct link *l, uint64_t request, unsigned reason, const char *why)
{
	struct ipc_connecting m = { .request = request };
	uint64_t id = ++l->netd->last_id;

	link_up_msg(l, IPC_CONNECTING, id, &m);
	link_up(l, IPC_CLOSED, id, IPC_FAILED, reason, why, strlen(why));
}

void
connect_begin(struct link *l, uint64_t request, const char *text)
{
	struct ipc_connecting m = { .request = request };
	struct netd *n = l->netd;
	struct url *u = url_new();
	struct client *c;
	char why[256];

	/* The last words of a game that is gone. */
	if (n->draining) {
		refuse(l, request, IPC_REASON_SHUTDOWN, "netd is stopping");
		url_drop(u);
		return;
	}
	if (u == NULL || n->n_clients >= (size_t)n->config.clients_max) {
		refuse(l, request, IPC_REASON_LIMIT, "too many connections");
		url_drop(u);
		return;
	}
	if (!url_parse(u, text, &n->config, why, sizeof(why))) {
		refuse(l, request, IPC_REASON_BAD_URL, why);
		url_drop(u);
		return;
	}
	if (u->transport->open_socket && u->transport->dial == NULL) {
		refuse(l, request, IPC_REASON_BAD_URL,
		    "nobody connects outwards by it");
		url_drop(u);
		return;
	}
	if (!lock_lets_connect(n, u, why, sizeof(why))) {
		refuse(l, request, IPC_REASON_UNREACHABLE, why);
		url_drop(u);
		return;
	}
	c = client_new(
	    n, u->transport, u->bad.on ? &wire_bad : &wire_sock, -1, u);
	url_drop(u);
	if (c == NULL || !connecting(c)) {
		refuse(l, request, IPC_REASON_NO_MEMORY, "out of memory");
		if (c)
			client_abort(c, IPC_REASON_NO_MEMORY, "");
		return;
	}
	c->outgoing = true;
	c->phase = CONNECTING;
	c->rare->request = request;
	link_up_msg(l, IPC_CONNECTING, c->id, &m);
	dial(c);
}

struct client *
connect_line(struct client *c)
{
	struct netd *n = c->netd;
	struct client *line = client_new(n, c->url->transport,
	    c->url->bad.on ? &wire_bad : &wire_sock, -1, c->url);

	if (line == NULL)
		return NULL;
	line->outgoing = true;
	line->phase = CONNECTING;
	line->link = c->link;
	line->resume = calloc(1, sizeof(*line->resume));
	if (line->resume)
		line->resume->of = c->id;
	if (line->resume && connecting(line))
		dial(line);
	else
		client_abort(line, IPC_REASON_NO_MEMORY, "");
	return line;
}

void
connect_forget(struct client *c)
{
	struct connecting *k = RARE(c, connecting);

	if (k && k->asked)
		resolver_cancel(k->asked);
	if (k)
		c->rare->connecting = NULL;
	free(k);
}

void
connects_forget(struct netd *n)
{
	for (struct client *c = n->pending; c; c = n->sweep_at) {
		n->sweep_at = c->next;
		if (!c->outgoing || c->phase > HANDSHAKE || resume_is_line(c))
			continue;
		c->forgotten = true;
		client_abort(c, IPC_REASON_GAME_GONE, "");
	}
	n->sweep_at = NULL;
}
