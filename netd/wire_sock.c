/*
 * wire_sock.c - the plain wire: a connected socket, non-blocking.
 */
#include "netd/wire_sock.h"

#include "netd/netd.h"
#include "netd/transport.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t
sock_recv(int fd, void *p, size_t n)
{
	ssize_t got;

	do
		got = recv(fd, p, n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	return got;
}

ssize_t
sock_send(int fd, const void *p, size_t n)
{
	ssize_t put;

	do
		put = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (put < 0 && errno == EINTR);
	return put;
}

static ssize_t
sock_read(struct client *c, void *p, size_t n)
{
	return sock_recv(c->fd, p, n);
}

static ssize_t
sock_write(struct client *c, const void *p, size_t n)
{
	return sock_send(c->fd, p, n);
}

static void
sock_shutdown(struct client *c)
{
	shutdown(c->fd, SHUT_WR);
}

static void
sock_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

const struct wire wire_sock = {
	.name = "sock",
	.read = sock_read,
	.write = sock_write,
	.shutdown = sock_shutdown,
	.close = sock_close,
};
