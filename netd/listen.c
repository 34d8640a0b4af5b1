/*
 * listen.c - listeners: opening, accepting, and not accepting.
 *
 * Accepting is bounded by clients_max, by address, by rate, and by the
 * descriptors the machine has: without one, the spare descriptor is given up
 * for a moment so that the newcomer gets an end instead of silence, and the
 * listener rests so that the loop does not spin.
 */
#include "netd/netd.h"
#include "netd/operator.h"

#include "ipc/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uthash.h>

#define BACKLOG 4096
/* Accepted in one turn, so that players' messages come in between. */
#define ACCEPTS_PER_TURN 64
#define REST_S 0.2

struct address_count {
	uint8_t address[16];
	uint32_t conns;
	UT_hash_handle hh;
};

/* ---- URLs, shared by a listener and its clients ---------------------------
 */

struct counted_url {
	uint32_t refs;
	struct url url;
};

static struct counted_url *
counted(struct url *u)
{
	return (struct counted_url *)((char *)u -
				      offsetof(struct counted_url, url));
}

struct url *
url_new(void)
{
	struct counted_url *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->refs = 1;
	return &k->url;
}

struct url *
url_hold(struct url *u)
{
	counted(u)->refs++;
	return u;
}

void
url_drop(struct url *u)
{
	if (u && --counted(u)->refs == 0)
		free(counted(u));
}

/* ---- how many from one address --------------------------------------------
 */

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
static const uint8_t local6[16] = { [15] = 1 };

/* Who counts as one: of IPv6 a network, which is what one subscriber has. */
static bool
address_key(const struct client *c, uint8_t key[16])
{
	if (c->outgoing)
		return false;
	memset(key, 0, 16);
	if (c->place.family == AF_INET6) {
		memcpy(key, c->place.ip, 16);
		if (memcmp(key, mapped, 12) && memcmp(key, local6, 16))
			memset(key + 8, 0, 8);
	} else if (c->place.family == AF_INET) {
		memcpy(key, mapped, 12);
		memcpy(key + 12, c->place.ip, 4);
	} else {
		return false;
	}
	return true;
}

/* Players of a proxy on this machine come from one address, and so do those
 * of a test. */
static bool
is_here(const uint8_t key[16])
{
	return memcmp(key, local6, 16) == 0 ||
	       (memcmp(key, mapped, 12) == 0 && key[12] == 127);
}

static int64_t
address_limit(const struct client *c, const uint8_t key[16])
{
	int64_t all = c->netd->config.clients_max;

	if (c->url->config.address_max)
		return c->url->config.address_max;
	return is_here(key) ? 0 : all < 10 ? 1 : all / 10;
}

bool
address_count(struct client *c)
{
	int64_t max;
	struct address_count *a;
	uint8_t key[16];

	if (!address_key(c, key))
		return true;
	max = address_limit(c, key);
	HASH_FIND(hh, c->netd->addresses, key, 16, a);
	if (a && max && a->conns >= max)
		return false;
	if (a == NULL) {
		a = calloc(1, sizeof(*a));
		if (a == NULL)
			return false;
		memcpy(a->address, key, 16);
		HASH_ADD(hh, c->netd->addresses, address, 16, a);
	}
	a->conns++;
	c->from = a;
	return true;
}

uint32_t
address_conns(const struct client *c)
{
	return c->from ? c->from->conns : 0;
}

void
address_forget(struct client *c)
{
	struct address_count *a = c->from;

	c->from = NULL;
	if (a && --a->conns == 0) {
		HASH_DEL(c->netd->addresses, a);
		free(a);
	}
}

/* ---- accepting
 * --------------------------------------------------------------- */

static void
watch_all(struct netd *n, bool on)
{
	for (struct listener *l = n->listeners; l; l = l->next) {
		if (l->socket)
			continue;
		if (on && !ev_is_active(&l->again))
			ev_io_start(n->loop, &l->io);
		else
			ev_io_stop(n->loop, &l->io);
	}
}

void
listen_pause(struct netd *n, bool pause)
{
	bool full = n->n_clients >= (size_t)n->config.clients_max;

	if (!pause && (full || n->stops || operator_holds(n) ||
			  ev_is_active(&n->accept_again)))
		return;
	if (pause == n->accept_paused)
		return;
	n->accept_paused = pause;
	watch_all(n, !pause);
}

static void
on_accept_again(struct ev_loop *loop, ev_timer *w, int events)
{
	struct netd *n = w->data;

	(void)events;
	ev_timer_stop(loop, w);
	if (n->spare_fd < 0)
		n->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	listen_pause(n, false);
}

static void
rest(struct netd *n)
{
	ev_timer_set(&n->accept_again, REST_S, 0.);
	ev_timer_start(n->loop, &n->accept_again);
	listen_pause(n, true);
}

/* No descriptor left: end one newcomer with the spare one, then rest. */
static void
out_of_fds(struct listener *l)
{
	struct netd *n = l->netd;
	int fd;

	n->metrics.out_of_fds++;
	if (n->spare_fd >= 0) {
		close(n->spare_fd);
		n->spare_fd = -1;
		fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			close(fd);
		n->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	if (!n->told_no_fds)
		ipc_log(IPC_LOG_WARN, "no_descriptors",
		    "clients=%zu hint=\"raise ulimit -n\"", n->n_clients);
	n->told_no_fds = true;
	rest(n);
}

/* At its rate: it alone rests, the others go on. */
static void
rest_alone(struct listener *l)
{
	ev_io_stop(l->netd->loop, &l->io);
	ev_timer_set(&l->again, REST_S, 0.);
	ev_timer_start(l->netd->loop, &l->again);
}

static void
on_again(struct ev_loop *loop, ev_timer *w, int events)
{
	struct listener *l = w->data;

	(void)events;
	if (!l->netd->accept_paused)
		ev_io_start(loop, &l->io);
}

static bool
accept_token(struct listener *l)
{
	int64_t rate = l->url->config.accepts_per_s;
	int64_t now = netd_now(l->netd);

	if (rate == 0)
		return true;
	l->tokens += (double)(now - l->tokens_us) * 1e-6 * (double)rate;
	l->tokens_us = now;
	if (l->tokens > (double)rate)
		l->tokens = (double)rate;
	if (l->tokens < 1)
		return false;
	l->tokens -= 1;
	return true;
}

static void
welcome(struct listener *l, int fd, const union address *from)
{
	const struct wire *w = l->url->bad.on ? &wire_bad : &wire_sock;
	struct netd *n = l->netd;
	struct client *c;

	c = client_new(n, l->url->transport, w, fd, l->url);
	if (c == NULL) {
		close(fd);
		return;
	}
	client_put(c, from);
	n->metrics.accepted++;
	if (!address_count(c)) {
		client_abort(c, IPC_REASON_LIMIT, "");
		return;
	}
	client_start(c);
}

static void
on_accept(struct ev_loop *loop, ev_io *w, int events)
{
	struct listener *l = w->data;
	struct netd *n = l->netd;

	(void)loop;
	(void)events;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		union address from = { 0 };
		socklen_t len = sizeof(from);
		int fd;

		if (n->n_clients >= (size_t)n->config.clients_max) {
			listen_pause(n, true);
			return;
		}
		if (!accept_token(l)) {
			rest_alone(l);
			return;
		}
		fd = accept4(
		    l->fd, &from.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			welcome(l, fd, &from);
		else if (errno == EMFILE || errno == ENFILE)
			out_of_fds(l);
		else if (errno == ENOMEM || errno == ENOBUFS)
			rest(n);
		if (fd < 0)
			return;
	}
}

/* ---- opening
 * ------------------------------------------------------------------ */

/* The address to bind to. False: host is no address. */
static bool
bind_address(const struct url *u, union address *a, socklen_t *len)
{
	const char *host = strcmp(u->host, "localhost") ? u->host : "127.0.0.1";

	memset(a, 0, sizeof(*a));
	if (strcmp(host, "*") == 0) {
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons(u->port);
		*len = sizeof(a->in6);
	} else if (inet_pton(AF_INET, host, &a->in4.sin_addr) == 1) {
		a->in4.sin_family = AF_INET;
		a->in4.sin_port = htons(u->port);
		*len = sizeof(a->in4);
	} else if (inet_pton(AF_INET6, host, &a->in6.sin6_addr) == 1) {
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons(u->port);
		*len = sizeof(a->in6);
	} else {
		return false;
	}
	return true;
}

void
listen_probe(int fd, const struct config *config)
{
	/* Half of it in silence, then five questions in the other half. */
	int s = (int)((config->keepalive_ms + 999) / 1000), on = 1, tries = 5;
	int first = s / 2 ? s / 2 : 1, next = s / 10 ? s / 10 : 1;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &first, sizeof(first));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &next, sizeof(next));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof(tries));
}

static int
open_inet(const struct url *u, const char **what)
{
	bool datagrams = u->transport->open_socket;
	int type = (datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK |
		   SOCK_CLOEXEC;
	union address a;
	socklen_t len;
	int fd, on = 1, off = 0;

	*what = "not an address of this machine (use *, an IP or localhost)";
	if (!bind_address(u, &a, &len))
		return -1;
	*what = NULL;
	fd = socket(a.sa.sa_family, type, 0);
	if (fd < 0 && strcmp(u->host, "*") == 0) {
		/* A machine without IPv6. */
		memset(&a, 0, sizeof(a));
		a.in4.sin_family = AF_INET;
		a.in4.sin_port = htons(u->port);
		len = sizeof(a.in4);
		fd = socket(AF_INET, type, 0);
	}
	if (fd < 0)
		return -1;
	/* Of two UDP sockets with it, one would take all that is the other's */
	if (!datagrams)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a.sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY,
		    strcmp(u->host, "*") ? &on : &off, sizeof(on));
	/* What comes of it inherits these. */
	if (!datagrams)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!datagrams && u->transport->ping == NULL)
		listen_probe(fd, &u->config);
	if (bind(fd, &a.sa, len) < 0 ||
	    (!datagrams && listen(fd, BACKLOG) < 0)) {
		int e = errno;

		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}

/* A socket file that nobody listens on any more may be replaced. To connect
 * to a plain file is refused as well: that one is somebody's, and stays. */
static bool
stale(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct stat st;
	bool dead = fd >= 0 && lstat(a->sun_path, &st) == 0 &&
		    S_ISSOCK(st.st_mode) &&
		    connect(fd, (const struct sockaddr *)a, sizeof(*a)) < 0 &&
		    errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return dead;
}

static int
open_unix(const struct url *u, const char **what)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd;

	*what = "path too long for a socket";
	if (strlen(u->path) >= sizeof(a.sun_path))
		return -1;
	strcpy(a.sun_path, u->path);
	*what = NULL;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (stale(&a))
		unlink(a.sun_path);
	mask = umask(0177);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		int e = errno;

		umask(mask);
		close(fd);
		errno = e;
		return -1;
	}
	umask(mask);
	return fd;
}

static const char *
unix_hint(const struct netd *n, const struct url *u, int e)
{
	struct stat st;

	if (n->lock.places && (e == EACCES || e == EPERM))
		return " (netd is locked: --may-listen with this URL)";
	if (e == EACCES)
		return " (netd must be able to write in that folder)";
	if (e != EADDRINUSE)
		return "";
	if (lstat(u->path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return " (what is there is no socket: remove it or name "
		       "another file)";
	return " (another program listens there: end it or name another file)";
}

static const char *
hint(const struct netd *n, const struct url *u, int e)
{
	if (u->transport->is_unix)
		return unix_hint(n, u, e);
	if (e == EADDRINUSE)
		return " (another program listens there: end it or try another "
		       "port)";
	if (e == EACCES)
		return " (try a port over 1023, or start as root)";
	if (e == EADDRNOTAVAIL)
		return " (this machine does not have that address)";
	return "";
}

/* The URL as it was given, but with the port that the system chose. */
static void
real_text(struct listener *l)
{
	const char *text = l->url->text, *at;
	union address here = { 0 };
	socklen_t len = sizeof(here);
	char port[8];

	snprintf(l->text, sizeof(l->text), "%s", text);
	if (l->url->transport->is_unix || l->url->port != 0)
		return;
	if (l->url->transport->is_tty || getsockname(l->fd, &here.sa, &len) < 0)
		return;
	snprintf(port, sizeof(port), "%u",
	    ntohs(here.sa.sa_family == AF_INET ? here.in4.sin_port
					       : here.in6.sin6_port));
	at = strstr(text, "://");
	at = at ? at + 3 : text;
	at = *at == '[' ? strchr(at, ']') : at;
	at = at ? strchr(at, ':') : NULL;
	if (at)
		snprintf(l->text, sizeof(l->text), "%.*s:%s%s",
		    (int)(at - text), text, port,
		    at + 1 + strspn(at + 1, "0123456789"));
	l->url->port = (uint16_t)atoi(port);
}

/* Its datagrams are the transport's from now on; the descriptor stays ours for
 * the launcher, who keeps it when netd dies. */
static bool
open_socket(struct listener *l)
{
	int fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0);

	if (fd >= 0)
		l->socket = l->url->transport->open_socket(l, fd);
	return l->socket;
}

/* Better said here than to every player, with a 404. */
static bool
pages_there(const struct url *u, char *why, size_t size)
{
	int fd, in, e;

	if (u->www[0] == '\0')
		return true;
	fd = open(u->www, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	in = fd < 0 ? -1 : openat(fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	e = errno;
	if (fd >= 0)
		close(fd);
	if (in >= 0) {
		close(in);
		return true;
	}
	snprintf(why, size, "its pages: '%.160s': %s (%s)", u->www, strerror(e),
	    e == EMFILE || e == ENFILE
		? "raise ulimit -n"
		: "www= is to be a folder that netd may read");
	return false;
}

static int
open_fd(struct netd *n, const struct url *u, const char **what, char *detail,
    size_t size)
{
	int fd, e;

	if (u->transport->open_device)
		fd = u->transport->open_device(n, what);
	else
		fd = u->transport->is_unix ? open_unix(u, what)
					   : open_inet(u, what);
	e = errno;
	if (fd < 0 && *what == NULL) {
		snprintf(detail, size, "%s%s", strerror(e), hint(n, u, e));
		detail[0] |= 0x20;
		*what = detail;
	}
	return fd;
}

/* From here on others may come. */
static void
begin(struct netd *n, struct listener *l)
{
	l->next = n->listeners;
	n->listeners = l;
	n->n_listeners++;
	ev_io_init(&l->io, on_accept, l->fd, EV_READ);
	l->io.data = l;
	ev_timer_init(&l->again, on_again, REST_S, 0.);
	l->again.data = l;
	if (!n->accept_paused && l->socket == NULL)
		ev_io_start(n->loop, &l->io);
	link_say_game(n->link);
	ipc_log(IPC_LOG_INFO, "listening", "listener=%u url=%s", l->number,
	    l->text);
}

struct listener *
listen_open(struct netd *n, const char *text, int fd, char *why, size_t size)
{
	struct listener *l = NULL;
	struct url *u = url_new();
	const char *what = "out of memory";
	char detail[256];

	if (u == NULL)
		goto fail;
	what = detail;
	if (!url_parse(u, text, &n->config, detail, sizeof(detail)))
		goto fail;
	if (!lock_lets_listen(n, u, detail, sizeof(detail)))
		goto fail;
	what = "too many listeners (limit listeners_max)";
	if (n->n_listeners >= n->config.listeners_max)
		goto fail;
	what = detail;
	if (fd < 0 && !pages_there(u, detail, sizeof(detail)))
		goto fail;
	if (fd < 0)
		fd = open_fd(n, u, &what, detail, sizeof(detail));
	if (fd < 0)
		goto fail;
	what = "out of memory";
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		goto fail;
	l->netd = n;
	l->fd = fd;
	l->number = ++n->last_listener;
	l->url = u;
	u->listener = l;
	l->tokens = (double)u->config.accepts_per_s;
	l->tokens_us = netd_now(n);
	real_text(l);
	if (u->transport->open_socket && !open_socket(l))
		goto fail;
	begin(n, l);
	return l;
fail:
	snprintf(why, size, "cannot listen on '%s': %s", text, what);
	free(l);
	url_drop(u);
	if (fd >= 0)
		close(fd);
	return NULL;
}

struct listener *
listen_find(const struct netd *n, uint32_t number)
{
	struct listener *l = n->listeners;

	while (l && l->number != number)
		l = l->next;
	return l;
}

struct listener *
listen_same(const struct netd *n, const char *url)
{
	struct listener *l = n->listeners;

	while (l && strcmp(l->url->text, url) != 0)
		l = l->next;
	return l;
}

void
listen_close(struct listener *l)
{
	struct netd *n = l->netd;
	struct listener **at = &n->listeners;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	n->n_listeners--;
	l->url->listener = NULL; /* what its clients know of it */
	ev_io_stop(n->loop, &l->io);
	ev_timer_stop(n->loop, &l->again);
	if (l->socket)
		l->url->transport->close_socket(l->socket);
	close(l->fd);
	if (l->url->transport->is_unix)
		unlink(l->url->path);
	url_drop(l->url);
	free(l);
}

void
listen_close_all(struct netd *n)
{
	while (n->listeners) {
		uint32_t number = n->listeners->number;

		listen_close(n->listeners);
		/* The launcher's copy would take connects for nobody. */
		control_say(n, IPC_CONTROL_UNLISTENED, number, 0, "", -1);
	}
}

void
listen_init(struct netd *n)
{
	n->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ev_timer_init(&n->accept_again, on_accept_again, REST_S, 0.);
	n->accept_again.data = n;
}

void
listen_release(struct netd *n)
{
	listen_close_all(n);
	ev_timer_stop(n->loop, &n->accept_again);
	if (n->spare_fd >= 0)
		close(n->spare_fd);
}
