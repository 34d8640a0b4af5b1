/*
 * wire_sock.h - receive and send on a socket, never waiting: for the wires
 * that end in one. Like recv(2) and send(2), without signals and EINTR.
 */
#ifndef NETD_WIRE_SOCK_H
#define NETD_WIRE_SOCK_H

#include <stddef.h>
#include <sys/types.h>

ssize_t sock_recv(int fd, void *p, size_t n);
ssize_t sock_send(int fd, const void *p, size_t n);

#endif
