/*
 * resolve.h - names to addresses without ever blocking the loop.
 *
 * /etc/hosts and the name servers of /etc/resolv.conf (read once, at
 * resolver_new) are asked through c-ares. There is no deadline in here: the
 * caller has one and cancels.
 */
#ifndef NETD_RESOLVE_H
#define NETD_RESOLVE_H

#include <ev.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct resolver;
struct resolver_ask;

/*
 * The answer: n addresses, best first, with the port that was asked for, all
 * views until the function returns; reason is then 0. Or n is 0 and reason an
 * IPC_REASON_*: UNKNOWN_HOST, TIMEOUT (no name server answers), NO_MEMORY.
 */
typedef void resolver_done(void *arg, const struct sockaddr **addrs,
    const socklen_t *lens, size_t n, unsigned reason);

/* loop is kept. Owned (resolver_free() it), or NULL: no memory. */
struct resolver *resolver_new(struct ev_loop *loop);
/* What is still asked is never answered. NULL is ignored. */
void resolver_free(struct resolver *r);

/*
 * Ask for host: a name, an IPv4 or an IPv6 address (no brackets). done is
 * called exactly once unless resolver_cancel() comes first.
 *
 * An address, a name of /etc/hosts and a name that can be none are answered
 * before this returns, and the result is NULL. Else it is a handle, valid
 * until done is called or it is cancelled.
 */
struct resolver_ask *resolver_ask(struct resolver *r, const char *host,
    uint16_t port, resolver_done *done, void *arg);
/* No answer is wanted any more. NULL is ignored. */
void resolver_cancel(struct resolver_ask *ask);

#endif
