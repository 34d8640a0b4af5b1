/*
 * control.c - control messages over a SOCK_SEQPACKET socket, descriptors
 * beside them. Used outside the stream only: a game's frames never come here.
 */
#include "ipc/control.h"
#include "ipc/msg.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEAD (offsetof(struct ipc_control, text))

union ancillary {
	struct cmsghdr align;
	char space[CMSG_SPACE(sizeof(int) * IPC_CONTROL_FDS_MAX)];
};

int
ipc_control_send(int fd, const struct ipc_control *m)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)m };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	union ancillary a;
	size_t n = 0;

	iov.iov_len = HEAD + strnlen(m->text, sizeof(m->text) - 1);
	while (n < IPC_CONTROL_FDS_MAX && m->fds[n] >= 0)
		n++;
	if (n) {
		struct cmsghdr *c;

		memset(&a, 0, sizeof(a));
		h.msg_control = a.space;
		h.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), m->fds, n * sizeof(int));
	}
	while (sendmsg(fd, &h, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return IPC_ERR_SYSTEM;
	return 0;
}

static void
take_fds(struct ipc_control *m, struct msghdr *h)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		memcpy(m->fds, CMSG_DATA(c), n * sizeof(int));
	}
}

int
ipc_control_recv(int fd, struct ipc_control *m)
{
	struct iovec iov = { m, HEAD + sizeof(m->text) - 1 };
	union ancillary a;
	struct msghdr h = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = a.space,
		.msg_controllen = sizeof(a.space) };
	ssize_t n;

	memset(m, 0, sizeof(*m));
	for (int i = 0; i < IPC_CONTROL_FDS_MAX; i++)
		m->fds[i] = -1;
	do
		n = recvmsg(fd, &h, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return IPC_ERR_SYSTEM;
	take_fds(m, &h);
	if ((size_t)n >= HEAD && !(h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return 1;
	for (int i = 0; i < IPC_CONTROL_FDS_MAX; i++)
		if (m->fds[i] >= 0)
			close(m->fds[i]);
	return n == 0 ? 0 : IPC_ERR_PROTOCOL;
}
