/*
 * listen.h - listeners: accepting, and how many connections an address has.
 */
#ifndef NETD_LISTEN_H
#define NETD_LISTEN_H

#include "netd/transport.h"
#include "netd/url.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct netd;

/* How many connections an address has (uthash by address). */
struct address_count;

struct listener {
	struct listener *next;
	struct netd *netd;
	ev_io io;
	int fd;
	uint32_t number;
	struct url *url; /* shared with its clients, counted */
	ev_timer again;  /* it is at its rate and rests */
	double tokens;   /* accepts_per_s */
	int64_t tokens_us;
	void *socket;    /* of a transport over datagrams, else NULL */
	char text[2048]; /* its URL with the real port */
};

struct url *url_new(void);
struct url *url_hold(struct url *u);
void url_drop(struct url *u);
/*
 * Listen at a URL; fd is -1, or a listening socket that was kept. Returns the
 * listener, or NULL with one line in why: "cannot listen on ...".
 */
struct listener *
listen_open(struct netd *n, const char *url, int fd, char *why, size_t size);
struct listener *listen_find(const struct netd *n, uint32_t number);
/* The listener that was opened with this very URL, or NULL. */
struct listener *listen_same(const struct netd *n, const char *url);
void listen_close(struct listener *l);
void listen_close_all(struct netd *n);
/* Accepting starts and stops with room for clients. */
void listen_pause(struct netd *n, bool pause);
bool address_count(struct client *c);
/* Have the kernel ask a silent peer whether it is there: for transports that
 * cannot ask it themselves. Accepted sockets inherit it. */
void listen_probe(int fd, const struct config *config);
void address_forget(struct client *c);
uint32_t address_conns(const struct client *c);
void listen_init(struct netd *n);
void listen_release(struct netd *n);

#endif
