/*
 * kit_net.c - a case's connections: non-blocking inside, so that each call
 * has a deadline, and straight lines outside.
 */
#include "tests/lib/kit.h"
#include "tests/lib/kit_own.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void
wait_for(int fd, short events, int64_t end, const char *what)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left = end - kit_now_ms();

	if (left <= 0 || poll(&p, 1, (int)left) == 0)
		kit_fail("%s: nothing happens in %d ms", what, KIT_WAIT_MS);
}

/* ---- connecting -------------------------------------------------------------
 */

static int
connect_unix(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%.*s",
	    (int)strcspn(path, "?"), path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		kit_fail("connect %s: %s", a.sun_path, strerror(errno));
	return fd;
}

static int
connect_tcp(const char *where, bool small)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	char host[128] = "", port[8] = "";
	int fd, one = 1, little = 64 << 10;

	if (sscanf(where, "[%127[^]]]:%7[0-9]", host, port) != 2 &&
	    sscanf(where, "%127[^:]:%7[0-9]", host, port) != 2)
		kit_fail("no host and port in '%s'", where);
	if (getaddrinfo(host, port, &hints, &found) != 0)
		kit_fail("no such host: '%s'", host);
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && small)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0)
		kit_fail("connect %s: %s", where, strerror(errno));
	freeaddrinfo(found);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static int
connect_to(const char *url, bool small)
{
	const char *where = strstr(url, "://");
	int fd;

	if (where == NULL)
		kit_fail("no URL: '%s'", url);
	where += 3;
	fd = strncmp(url, "unix", 4) == 0 ? connect_unix(where)
					  : connect_tcp(where, small);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return kit_own_fd(fd);
}

int
kit_connect(const char *url)
{
	return connect_to(url, false);
}

int
kit_serve(const char *scheme, char *url, size_t size)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(fd, 8) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		kit_fail("no server: %s", strerror(errno));
	snprintf(url, size, "%s://127.0.0.1:%u", scheme, ntohs(a.sin_port));
	return kit_own_fd(fd);
}

int
kit_accept(int server)
{
	struct pollfd p = { .fd = server, .events = POLLIN };

	if (poll(&p, 1, KIT_WAIT_MS) != 1)
		kit_fail("nobody connects");
	return kit_own_fd(
	    accept4(server, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

int
kit_connect_small(const char *url)
{
	return connect_to(url, true);
}

int
kit_stranger(const char *ip, const char *url)
{
	struct sockaddr_in here = { .sin_family = AF_INET },
			   there = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	inet_pton(AF_INET, ip, &here.sin_addr);
	inet_pton(AF_INET, "127.0.0.1", &there.sin_addr);
	there.sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1));
	assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(
	    connect(fd, (struct sockaddr *)&there, sizeof(there)), 0);
	return fd;
}

/* ---- sending ----------------------------------------------------------------
 */

size_t
kit_send_some(int fd, const void *bytes, size_t len)
{
	ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		kit_fail("send: %s", strerror(errno));
	return n < 0 ? 0 : (size_t)n;
}

void
kit_send_bytes(int fd, const void *bytes, size_t len)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	const char *p = bytes;

	while (len) {
		size_t n = kit_send_some(fd, p, len);

		p += n;
		len -= n;
		if (len)
			wait_for(fd, POLLOUT, end, "send");
	}
}

void
kit_send(int fd, const char *text)
{
	kit_send_bytes(fd, text, strlen(text));
}

/* ---- receiving
 * --------------------------------------------------------------- */

/* Bytes, 0 at the end; a reset is an end as well. */
static size_t
receive(int fd, void *to, size_t len, int64_t end, const char *what)
{
	for (;;) {
		ssize_t n = recv(fd, to, len, 0);

		if (n >= 0)
			return (size_t)n;
		if (errno == ECONNRESET)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			kit_fail("%s: recv: %s", what, strerror(errno));
		wait_for(fd, POLLIN, end, what);
	}
}

void
kit_recv_bytes(int fd, void *bytes, size_t len)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	char *p = bytes;

	for (size_t got = 0; got < len;) {
		size_t n = receive(fd, p + got, len - got, end, "bytes");

		if (n == 0)
			kit_fail(
			    "the line ended after %zu of %zu bytes", got, len);
		got += n;
	}
}

void
kit_expect_bytes(int fd, const void *bytes, size_t len)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	char what[160], *got = kit_own(calloc(1, len + 1));

	snprintf(what, sizeof(what), "'%.*s'", len > 150 ? 150 : (int)len,
	    (const char *)bytes);
	for (size_t at = 0; at < len;) {
		size_t n = receive(fd, got + at, len - at, end, what);

		if (n == 0)
			kit_fail(
			    "the line ended; expected %s, got '%s'", what, got);
		at += n;
		if (memcmp(got, bytes, at) != 0)
			kit_fail("expected %s, got '%s'", what, got);
	}
}

void
kit_expect(int fd, const char *text)
{
	kit_expect_bytes(fd, text, strlen(text));
}

char *
kit_recv_all(int fd, size_t *len)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	size_t n, at = 0, size = 65536;
	char *p = malloc(size);

	while (p && (n = receive(fd, p + at, size - at - 1, end, "the end"))) {
		at += n;
		if (size - at < 4096)
			p = realloc(p, size *= 2);
	}
	kit_own(p);
	p[at] = '\0';
	if (len)
		*len = at;
	return p;
}

char *
kit_line(int fd)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	char *line = kit_own(malloc(65536));
	size_t at = 0;

	for (;;) {
		if (receive(fd, line + at, 1, end, "a line") == 0)
			kit_fail("the line ended");
		if (line[at] == '\n')
			break;
		if (++at == 65535)
			kit_fail("a line over 64 KiB");
	}
	line[at] = '\0';
	return line;
}

char *
kit_hear(int fd, const char *text)
{
	char *line;

	do
		line = kit_line(fd);
	while (strstr(line, text) == NULL);
	return line;
}

void
kit_expect_silence(int fd, int for_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char got[101] = "";

	if (poll(&p, 1, for_ms) == 0)
		return;
	if (recv(fd, got, 100, 0) <= 0)
		kit_fail("expected silence, the line ended");
	kit_fail("expected silence, got '%s'", got);
}

/* ---- WebSocket
 * ---------------------------------------------------------------- */

int
kit_ws(const char *url)
{
	const char *where = strstr(url, "://") + 3;
	const char *path = strchr(where, '/');
	int fd = kit_connect(url);
	char request[1024], *line;

	snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
	    path ? path : "/");
	kit_send(fd, request);
	line = kit_line(fd);
	if (strncmp(line, "HTTP/1.1 101", 12) != 0)
		kit_fail("no upgrade: '%s'", line);
	while (strcmp(line, "\r") != 0)
		line = kit_line(fd);
	return fd;
}

void
kit_ws_send(int fd, unsigned opcode, const void *bytes, size_t len)
{
	static const uint8_t mask[4] = { 0x12, 0x34, 0x56, 0x78 };
	uint8_t *p = kit_own(malloc(len + 14)), *to = p;

	*to++ = (uint8_t)(0x80 | opcode);
	if (len < 126) {
		*to++ = (uint8_t)(0x80 | len);
	} else if (len < 65536) {
		*to++ = 0x80 | 126;
		*to++ = (uint8_t)(len >> 8);
		*to++ = (uint8_t)len;
	} else {
		*to++ = 0x80 | 127;
		for (int shift = 56; shift >= 0; shift -= 8)
			*to++ = (uint8_t)((uint64_t)len >> shift);
	}
	memcpy(to, mask, 4);
	to += 4;
	for (size_t i = 0; i < len; i++)
		*to++ = (uint8_t)(((const uint8_t *)bytes)[i] ^ mask[i % 4]);
	kit_send_bytes(fd, p, (size_t)(to - p));
}

unsigned
kit_ws_recv(int fd, char **bytes, size_t *len)
{
	uint8_t head[8];
	unsigned opcode;
	uint64_t n;

	kit_recv_bytes(fd, head, 2);
	opcode = head[0] & 0x0fu;
	n = head[1];
	if (n > 125) {
		size_t more = n == 126 ? 2 : 8;

		kit_recv_bytes(fd, head, more);
		n = 0;
		for (size_t i = 0; i < more; i++)
			n = n << 8 | head[i];
	}
	if (n > 16u << 20)
		kit_fail(
		    "a WebSocket frame of %llu bytes", (unsigned long long)n);
	*bytes = kit_own(malloc((size_t)n + 1));
	kit_recv_bytes(fd, *bytes, (size_t)n);
	(*bytes)[n] = '\0';
	*len = (size_t)n;
	return opcode;
}
