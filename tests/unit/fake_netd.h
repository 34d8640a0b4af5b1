/*
 * fake_netd.h - a game on two pipes, and the test as its netd, all in one
 * process: what netd says is written beforehand, what the game says is read
 * afterwards. Include it last.
 */
#ifndef TESTS_FAKE_NETD_H
#define TESTS_FAKE_NETD_H

#include "gamecore/core.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct fake {
	struct gc_net *net;
	int up, down; /* netd's ends: write, read */
	struct ipc_buf say;
	struct ipc_reader heard;
};

static inline void
say_raw(struct fake *n, unsigned kind, unsigned flags, unsigned channel,
    uint64_t id, const void *bytes, size_t len)
{
	struct ipc_frame f = { .kind = (uint8_t)kind,
		.flags = (uint8_t)flags,
		.channel = (uint16_t)channel,
		.id = id,
		.len = (uint32_t)len };
	uint8_t *to = ipc_buf_space(&n->say, ipc_frame_size(len));

	assert_non_null(to);
	ipc_frame_head(to, &f);
	if (len)
		memcpy(to + IPC_FRAME_HEAD, bytes, len);
	ipc_buf_added(&n->say, ipc_frame_size(len));
}

static inline void
say_text(struct fake *n, unsigned kind, uint64_t id, const char *text)
{
	say_raw(n, kind, 0, 0, id, text, strlen(text));
}

static inline void
say_msg(struct fake *n, unsigned kind, uint64_t id, const void *m)
{
	assert_int_equal(ipc_msg_frame(kind, id, m, &n->say), 0);
}

static inline void
say_opened(struct fake *n, uint64_t id, uint64_t request, const char *peer)
{
	char transport[] = "line", address[64];
	struct ipc_opened m = { .listener = 1,
		.request = request,
		.uid = UINT32_MAX,
		.transport = transport,
		.peer = address };

	snprintf(address, sizeof(address), "%s", peer);
	say_msg(n, IPC_OPENED, id, &m);
}

static inline void
say_welcome(struct fake *n, unsigned version, uint64_t seed)
{
	char name[] = "netd test";
	struct ipc_welcome m = { .version = (uint16_t)version,
		.frame_max = IPC_FRAME_MAX,
		.seed = seed,
		.now_us = 1000000,
		.netd = name };

	say_msg(n, IPC_WELCOME, 0, &m);
}

/* What was said goes into the pipe. */
static inline void
tell(struct fake *n)
{
	assert_int_equal(
	    write(n->up, n->say.data, n->say.len), (ssize_t)n->say.len);
	ipc_buf_clear(&n->say);
}

static inline void
hang_up(struct fake *n)
{
	close(n->up);
	n->up = -1;
}

/* The next frame of the game, printed; "" if there is none. */
static inline const char *
hear(struct fake *n)
{
	static char line[4096];
	struct ipc_buf out;
	struct ipc_frame f;
	enum ipc_decoded d;

	while ((d = ipc_reader_next(&n->heard, &f)) == IPC_NEED_MORE) {
		size_t room;
		uint8_t *to = ipc_reader_space(&n->heard, &room);
		ssize_t got = read(n->down, to, room);

		if (got <= 0)
			return "";
		ipc_reader_filled(&n->heard, (size_t)got);
	}
	assert_int_equal(d, IPC_FRAME);
	assert_null(ipc_msg_check(&f, IPC_TO_NETD));
	ipc_buf_init(&out, sizeof(line) - 1);
	assert_true(ipc_msg_print(&f, false, &out));
	memcpy(line, out.data, out.len);
	line[out.len] = '\0';
	ipc_buf_release(&out);
	return line;
}

static inline void
fake_init(struct fake *n)
{
	int up[2], down[2];

	memset(n, 0, sizeof(*n));
	assert_int_equal(pipe(up), 0);
	assert_int_equal(pipe(down), 0);
	fcntl(up[1], F_SETPIPE_SZ, 1 << 20);
	fcntl(down[0], F_SETFL, O_NONBLOCK);
	n->up = up[1];
	n->down = down[0];
	n->net = net_new(up[0], down[1]);
	assert_non_null(n->net);
	ipc_buf_init(&n->say, 64 << 20);
	ipc_reader_init(&n->heard, IPC_FRAME_MAX);
}

/* A game behind its handshake, with nothing said since. */
static inline void
fake_ready(struct fake *n)
{
	fake_init(n);
	say_welcome(n, IPC_VERSION, 7);
	tell(n);
	assert_int_equal(net_hello(n->net, "test", 42), 0);
	assert_string_equal(hear(n),
	    "HELLO id=0 version=1 frame_max=16777216 conn_max=0 pid=42 "
	    "game=\"test\"");
	assert_string_equal(hear(n), "COMMIT id=0");
}

static inline void
fake_release(struct fake *n)
{
	if (n->net)
		net_free(n->net);
	if (n->up >= 0)
		close(n->up);
	if (n->down >= 0)
		close(n->down);
	ipc_buf_release(&n->say);
	ipc_reader_release(&n->heard);
}

#endif
