/*
 * connect.h - connections outwards: names resolved, tried, and given up in
 * time.
 */
#ifndef NETD_CONNECT_H
#define NETD_CONNECT_H

#include <stdint.h>

struct client;
struct link;
struct netd;

/* Begin; the game hears CONNECTING now and OPENED or CLOSED later. */
void connect_begin(struct link *l, uint64_t request, const char *url);
/* The game that asked for those under way is no more: end them untold. */
void connects_forget(struct netd *n);
/* The socket became writable, or its deadline passed. */
void connect_writable(struct client *c);
/* The address that it was at is none (an errno): the next, or the end. */
void connect_failed(struct client *c, int error);
void connect_forget(struct client *c);
/* Another line for an outgoing client that lost its own; NULL: cannot. */
struct client *connect_line(struct client *c);

#endif
