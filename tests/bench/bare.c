/*
 * bare.c - the least that two processes with two pipes can cost: an echo that
 * knows no codec, no journal, no limits and no errors.
 *
 *	bare PORT
 *
 * The parent owns the sockets and gathers what one look at them brought in one
 * write; the child gives it back in one write; the parent sends it. Whatever
 * Penstock's line:// costs more than this is Penstock's; what this costs more
 * than inproc is the machine's: two copies more each way, and two switches.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 128
#define READ_MAX (64u << 10)
#define BUF_MAX (BATCH * (READ_MAX + 8))

/* Before each piece on the pipes. */
struct head {
	uint32_t fd, len;
};

static uint8_t up[BUF_MAX], down[BUF_MAX];
static size_t n_up, n_down;
static int from; /* the child */

/* Both wait for the other with full pipes? Then instead() makes room. */
static void
write_all(int fd, const uint8_t *p, size_t n, void (*instead)(void))
{
	while (n) {
		ssize_t r = write(fd, p, n);

		if (r < 0 && errno == EAGAIN && instead) {
			instead();
			continue;
		}
		if (r <= 0)
			exit(1);
		p += r;
		n -= (size_t)r;
	}
}

static void
child(int in, int out)
{
	static uint8_t bytes[READ_MAX];
	ssize_t n;

	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		write_all(out, bytes, (size_t)n, NULL);
	_exit(0);
}

static void
readable(int set, int fd)
{
	struct head h = { .fd = (uint32_t)fd };
	ssize_t n =
	    recv(fd, up + n_up + sizeof(h), READ_MAX - sizeof(h), MSG_DONTWAIT);

	if (n <= 0) {
		epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL);
		close(fd);
		return;
	}
	h.len = (uint32_t)n;
	memcpy(up + n_up, &h, sizeof(h));
	n_up += sizeof(h) + h.len;
}

static void
answered(void)
{
	ssize_t n = read(from, down + n_down, READ_MAX);
	size_t at = 0;
	struct head h;

	if (n <= 0)
		exit(1);
	n_down += (size_t)n;
	while (n_down - at >= sizeof(h)) {
		memcpy(&h, down + at, sizeof(h));
		if (n_down - at - sizeof(h) < h.len)
			break;
		send((int)h.fd, down + at + sizeof(h), h.len, MSG_NOSIGNAL);
		at += sizeof(h) + h.len;
	}
	memmove(down, down + at, n_down - at);
	n_down -= at;
}

static void
watch(int set, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
}

static int
listen_at(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(fd, 4096) != 0) {
		perror("bare: cannot listen");
		exit(1);
	}
	return fd;
}

static void
welcome(int set, int listener)
{
	int fd = accept(listener, NULL, NULL), one = 1;

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	watch(set, fd);
}

int
main(int argc, char **argv)
{
	struct epoll_event ready[BATCH];
	int to[2], back[2], set, listener;
	struct rlimit files;

	if (argc != 2) {
		fprintf(stderr, "usage: bare PORT\n");
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN);
	listener = listen_at((uint16_t)atoi(argv[1]));
	if (pipe(to) != 0 || pipe(back) != 0)
		return 1;
	if (fork() == 0) {
		close(to[1]);
		close(back[0]);
		child(to[0], back[1]);
	}
	close(to[0]);
	close(back[1]);
	from = back[0];
	fcntl(to[1], F_SETFL, O_NONBLOCK);
	set = epoll_create1(0);
	watch(set, listener);
	watch(set, from);
	for (;;) {
		int n = epoll_wait(set, ready, BATCH, -1);

		n_up = 0;
		for (int i = 0; i < n; i++) {
			if (ready[i].data.fd == listener)
				welcome(set, listener);
			else if (ready[i].data.fd == from)
				answered();
			else
				readable(set, ready[i].data.fd);
		}
		write_all(to[1], up, n_up, answered);
	}
}
