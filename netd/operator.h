/*
 * operator.h - the operator's socket: status, connections, tracing, pausing.
 * netctl is the client; whoever holds the socket of mode 0600 in a directory
 * of mode 0700 and has the same user (or is root) may ask.
 *
 * A request is one line, at most 4,096 bytes; a descriptor may come beside
 * it. The answer is lines, ended by "." alone or by "error: WHY". A trace
 * goes on until the operator leaves or says untrace elsewhere.
 */
#ifndef NETD_OPERATOR_H
#define NETD_OPERATOR_H

#include "ipc/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netd;
struct link;

#define OPERATOR_SOCKET "operator.sock"

/*
 * Listen in DIR, made if it is not there; NULL: $XDG_RUNTIME_DIR/penstock-PID
 * or /tmp/penstock-UID/PID. Returns true, or false with one line in why.
 */
bool
operator_listen(struct netd *n, const char *dir, char *why, size_t why_size);
void operator_release(struct netd *n);
/* Is the one at the other end of this socket of our user, or root? A directory
 * keeps others out; this keeps them out where it does not. */
bool operator_owns(int fd);
/* Its directory; NULL: there is no operator. */
const char *operator_dir(const struct netd *n);
/* The game may be sent frames up to this position: all, unless paused. */
uint64_t operator_until(const struct link *l);
/* Are players not to be read? */
bool operator_holds(const struct netd *n);
/* A frame up was laid down, or one down is acted on. */
void operator_saw(struct link *l, const struct ipc_frame *f, uint64_t position);

#endif
