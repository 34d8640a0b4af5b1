/*
 * tr_line.h - lines of text, shared by the transports that speak them
 * (tr_line.c over TCP, tr_unix.c over a socket file). The slots are those of
 * struct transport.
 */
#ifndef NETD_TR_LINE_H
#define NETD_TR_LINE_H

#include "netd/transport.h"

int line_start(struct client *c);
ssize_t line_feed(struct client *c, const uint8_t *bytes, size_t len);
size_t line_encode(bool outgoing, unsigned flags, const uint8_t *bytes,
    size_t len, uint8_t *out);
size_t line_encode_max(size_t len);
bool
line_goodbye(struct client *c, unsigned reason, const char *text, size_t len);
void line_close(struct client *c);

#endif
