/*
 * resolve.c - names to addresses: c-ares on the loop. c-ares names the
 * sockets it wants watched and the time it wants to be called again; nothing
 * else happens here. An ask that was cancelled stays with c-ares until that
 * gives up (seconds) and is then forgotten.
 */
#include "netd/resolve.h"

#include "ipc/msg.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

/* More addresses of one name are not tried. */
#define ADDRESSES_MAX 16
/* One try, and twice as long the next: 7 s in all, inside connect_ms. */
#ifndef TRY_MS
#define TRY_MS 1000
#endif
#define TRIES 3

/* A socket of c-ares. */
struct watch {
	struct watch *next;
	struct resolver *resolver;
	ev_io io;
};

struct resolver {
	struct ev_loop *loop;
	ares_channel channel;
	struct watch *watches;
	ev_timer timer;
};

struct resolver_ask {
	resolver_done *done; /* NULL: cancelled */
	void *arg;
	uint16_t port;
	bool asking; /* resolver_ask() has not returned yet */
	bool answered;
};

/* ---- c-ares on the loop ----------------------------------------------------
 */

static void
set_timer(struct resolver *r)
{
	struct timeval t, *in = ares_timeout(r->channel, NULL, &t);

	ev_timer_stop(r->loop, &r->timer);
	if (in == NULL)
		return;
	ev_timer_set(
	    &r->timer, (double)in->tv_sec + (double)in->tv_usec * 1e-6, 0.);
	ev_timer_start(r->loop, &r->timer);
}

static void
on_socket(struct ev_loop *loop, ev_io *w, int events)
{
	struct resolver *r = ((struct watch *)w->data)->resolver;
	ares_socket_t fd = w->fd;

	(void)loop;
	ares_process_fd(r->channel, events & EV_READ ? fd : ARES_SOCKET_BAD,
	    events & EV_WRITE ? fd : ARES_SOCKET_BAD);
	set_timer(r);
}

static void
on_timer(struct ev_loop *loop, ev_timer *w, int events)
{
	struct resolver *r = w->data;

	(void)loop;
	(void)events;
	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timer(r);
}

/* c-ares wants this of a socket now; neither: it is about to be closed. */
static void
on_wish(void *data, ares_socket_t fd, int readable, int writable)
{
	struct resolver *r = data;
	struct watch **at = &r->watches, *w;

	while (*at && (*at)->io.fd != fd)
		at = &(*at)->next;
	w = *at;
	if (w)
		ev_io_stop(r->loop, &w->io);
	if (!readable && !writable) {
		if (w) {
			*at = w->next;
			free(w);
		}
		return;
	}
	if (w == NULL) {
		w = calloc(1, sizeof(*w));
		if (w == NULL)
			return; /* c-ares times out */
		w->resolver = r;
		w->next = r->watches;
		r->watches = w;
		ev_init(&w->io, on_socket);
		w->io.data = w;
	}
	ev_io_set(
	    &w->io, fd, (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
	ev_io_start(r->loop, &w->io);
}

struct resolver *
resolver_new(struct ev_loop *loop)
{
	struct resolver *r = calloc(1, sizeof(*r));
	struct ares_options o = {
		.timeout = TRY_MS,
		.tries = TRIES,
		.sock_state_cb = on_wish,
		.sock_state_cb_data = r,
	};

	if (r == NULL || ares_library_init(ARES_LIB_INIT_ALL) != 0) {
		free(r);
		return NULL;
	}
	r->loop = loop;
	ev_timer_init(&r->timer, on_timer, 0., 0.);
	r->timer.data = r;
	if (ares_init_options(&r->channel, &o,
		ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES)) {
		ares_library_cleanup();
		free(r);
		return NULL;
	}
	return r;
}

void
resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	ares_destroy(r->channel);
	ev_timer_stop(r->loop, &r->timer);
	while (r->watches) {
		struct watch *w = r->watches;

		r->watches = w->next;
		ev_io_stop(r->loop, &w->io);
		free(w);
	}
	ares_library_cleanup();
	free(r);
}

/* ---- asking -----------------------------------------------------------------
 */

static void
refuse(struct resolver_ask *a, unsigned reason)
{
	a->done(a->arg, NULL, NULL, 0, reason);
}

static void
answer(struct resolver_ask *a, const struct ares_addrinfo *result)
{
	const struct sockaddr *addrs[ADDRESSES_MAX];
	socklen_t lens[ADDRESSES_MAX];
	size_t n = 0;

	for (const struct ares_addrinfo_node *at = result->nodes;
	     at && n < ADDRESSES_MAX; at = at->ai_next) {
		if (at->ai_family == AF_INET)
			((struct sockaddr_in *)(void *)at->ai_addr)->sin_port =
			    htons(a->port);
		else if (at->ai_family == AF_INET6)
			((struct sockaddr_in6 *)(void *)at->ai_addr)
			    ->sin6_port = htons(a->port);
		else
			continue;
		addrs[n] = at->ai_addr;
		lens[n++] = (socklen_t)at->ai_addrlen;
	}
	if (n == 0)
		refuse(a, IPC_REASON_UNKNOWN_HOST);
	else
		a->done(a->arg, addrs, lens, n, 0);
}

static unsigned
reason_of(int status)
{
	switch (status) {
	case ARES_ENOMEM:
		return IPC_REASON_NO_MEMORY;
	case ARES_ETIMEOUT:
		return IPC_REASON_TIMEOUT;
	default:
		return IPC_REASON_UNKNOWN_HOST;
	}
}

static void
on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *result)
{
	struct resolver_ask *a = arg;

	(void)timeouts;
	if (a->done == NULL || status == ARES_EDESTRUCTION)
		; /* nobody wants to know */
	else if (status == ARES_SUCCESS && result)
		answer(a, result);
	else
		refuse(a, reason_of(status));
	if (result)
		ares_freeaddrinfo(result);
	a->answered = true;
	if (!a->asking)
		free(a);
}

/* Answer at once if host is an address. */
static bool
is_address(const char *host, uint16_t port, resolver_done *done, void *arg)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(port) };
	const struct sockaddr *addr;
	socklen_t len;

	if (inet_pton(AF_INET, host, &in4.sin_addr) == 1) {
		addr = (const struct sockaddr *)&in4;
		len = sizeof(in4);
	} else if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1) {
		addr = (const struct sockaddr *)&in6;
		len = sizeof(in6);
	} else {
		return false;
	}
	done(arg, &addr, &len, 1, 0);
	return true;
}

struct resolver_ask *
resolver_ask(struct resolver *r, const char *host, uint16_t port,
    resolver_done *done, void *arg)
{
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = ARES_AI_NUMERICSERV };
	struct resolver_ask *a;

	if (is_address(host, port, done, arg))
		return NULL;
	a = calloc(1, sizeof(*a));
	if (a == NULL) {
		done(arg, NULL, NULL, 0, IPC_REASON_NO_MEMORY);
		return NULL;
	}
	a->done = done;
	a->arg = arg;
	a->port = port;
	a->asking = true;
	ares_getaddrinfo(r->channel, host, NULL, &hints, on_answer, a);
	a->asking = false;
	set_timer(r);
	if (!a->answered)
		return a;
	free(a);
	return NULL;
}

void
resolver_cancel(struct resolver_ask *ask)
{
	if (ask)
		ask->done = NULL;
}
