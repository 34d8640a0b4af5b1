/*
 * mccp.h - a stream to a client that is compressed (MCCP2).
 */
#ifndef NETD_MCCP_H
#define NETD_MCCP_H

#include "netd/netd.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * From here on: the marker goes to the wire, and all behind it deflated.
 * Nothing may wait in the client's queue, or it would be behind the marker.
 * False: the limit compress_bytes is reached.
 */
bool mccp_begin(struct client *c);
/* The stream is finished; what follows, if anything, goes as it is. */
void mccp_end(struct client *c);
/* Like the wire's write, for a client with c->mccp. */
ssize_t mccp_write(struct client *c, const uint8_t *p, size_t n);
/* Does something wait that left the queue already? Send it: 0, or -1 with
 * errno. */
bool mccp_waits(const struct client *c);
int mccp_push(struct client *c);
void mccp_free(struct client *c);

#endif
