/*
 * kit_game.c - a game made of single frames. Non-blocking inside, so that
 * each call has its deadline; nothing in it stops a test from breaking every
 * rule of PROTOCOL.md.
 */
#include "tests/lib/kit_game.h"
#include "ipc/control.h"
#include "tests/lib/kit_own.h"

#include <errno.h>
#include <fcntl.h>
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
		kit_fail("%s: nothing happens", what);
}

static void
release(void *reader)
{
	ipc_reader_release(reader);
}

void
kit_attach_mute(struct kit_link *l, struct kit_proc *netd)
{
	struct ipc_control m = { .type = IPC_CONTROL_LINK };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int up[2], down[2];

	memset(l, 0, sizeof(*l));
	snprintf(a.sun_path, sizeof(a.sun_path), "%.80s/%s", netd->dir,
	    IPC_RENDEZVOUS);
	l->control = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (connect(l->control, (struct sockaddr *)&a, sizeof(a)) < 0)
		kit_fail("connect %s: %s", a.sun_path, strerror(errno));
	if (pipe2(up, O_CLOEXEC) < 0 || pipe2(down, O_CLOEXEC) < 0)
		kit_fail("pipe: %s", strerror(errno));
	m.fds[0] = up[1];
	m.fds[1] = down[0];
	if (ipc_control_send(l->control, &m) < 0)
		kit_fail("control: %s", strerror(errno));
	close(up[1]);
	close(down[0]);
	l->up = kit_own_fd(up[0]);
	l->down = kit_own_fd(down[1]);
	kit_own_fd(l->control);
	fcntl(l->up, F_SETFL, O_NONBLOCK);
	fcntl(l->down, F_SETFL, O_NONBLOCK);
	l->in = kit_own(malloc(sizeof(*l->in)));
	kit_at_end(release, l->in);
	ipc_reader_init(l->in, IPC_FRAME_MAX_MAX);
}

void
kit_attach(struct kit_link *l, struct kit_proc *netd)
{
	char name[] = "kit";
	struct ipc_hello m = { .version = IPC_VERSION,
		.frame_max = IPC_FRAME_MAX,
		.pid = (uint64_t)getpid(),
		.game = name };
	struct ipc_frame f;

	kit_attach_mute(l, netd);
	kit_link_msg(l, IPC_HELLO, 0, &m);
	if (!kit_link_next(l, &f) || f.kind != IPC_WELCOME)
		kit_fail("no WELCOME");
}

void
kit_detach(struct kit_link *l)
{
	kit_close(l->up);
	kit_close(l->down);
	kit_close(l->control);
	ipc_reader_release(l->in);
}

/* ---- down -----------------------------------------------------------------
 */

size_t
kit_link_some(struct kit_link *l, const void *bytes, size_t len)
{
	ssize_t n = write(l->down, bytes, len);

	return n < 0 ? 0 : (size_t)n;
}

bool
kit_link_raw(struct kit_link *l, const void *bytes, size_t len)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	const uint8_t *p = bytes;

	while (len) {
		ssize_t n = write(l->down, p, len);

		if (n >= 0) {
			p += n;
			len -= (size_t)n;
		} else if (errno == EPIPE) {
			return false;
		} else if (errno == EAGAIN) {
			wait_for(l->down, POLLOUT, end, "netd reads");
		} else {
			kit_fail("write: %s", strerror(errno));
		}
	}
	return true;
}

bool
kit_link_frame(struct kit_link *l, unsigned kind, unsigned flags,
    unsigned channel, uint64_t id, const void *bytes, size_t len)
{
	struct ipc_frame f = { (uint8_t)kind, (uint8_t)flags, (uint16_t)channel,
		id, bytes, (uint32_t)len };
	uint8_t *p = malloc(ipc_frame_size(len));
	bool ok;

	if (p == NULL)
		kit_fail("out of memory");
	ipc_frame_head(p, &f);
	if (len)
		memcpy(p + IPC_FRAME_HEAD, bytes, len);
	ok = kit_link_raw(l, p, ipc_frame_size(len));
	free(p);
	return ok;
}

bool
kit_link_msg(struct kit_link *l, unsigned kind, uint64_t id, const void *m)
{
	struct ipc_buf b;
	bool ok;

	ipc_buf_init(&b, IPC_IMAGE_MAX + IPC_FRAME_HEAD);
	if (ipc_msg_frame(kind, id, m, &b) < 0)
		kit_fail("cannot pack kind %u", kind);
	ok = kit_link_raw(l, b.data, b.len);
	ipc_buf_release(&b);
	return ok;
}

bool
kit_link_commit(struct kit_link *l)
{
	return kit_link_frame(l, IPC_COMMIT, 0, 0, l->taken, NULL, 0);
}

bool
kit_link_say(struct kit_link *l, uint64_t conn, const char *text)
{
	return kit_link_frame(l, IPC_SEND, 0, 0, conn, text, strlen(text)) &&
	       kit_link_commit(l);
}

const char *
kit_link_listen(struct kit_link *l, const char *url)
{
	struct ipc_listen m = { .url = (char *)(uintptr_t)url };
	struct ipc_listening got;
	struct ipc_frame f;
	const char *why, *field;
	char *out;

	kit_link_msg(l, IPC_LISTEN, 1, &m);
	kit_link_commit(l);
	kit_link_until(l, IPC_LISTENING, &f);
	if (ipc_msg_unpack(&f, &got, &why, &field) != 0)
		kit_fail("LISTENING: %s", why);
	out = got.error ? NULL : strdup(got.url);
	if (out == NULL)
		kit_fail("cannot listen on '%s': %s", url, got.text);
	ipc_msg_release(IPC_LISTENING, &got);
	/* Taken: now players are read. */
	kit_link_commit(l);
	return kit_own(out);
}

/* ---- up --------------------------------------------------------------------
 */

bool
kit_link_next(struct kit_link *l, struct ipc_frame *f)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;

	for (;;) {
		size_t room;
		uint8_t *to;
		ssize_t n;

		switch (ipc_reader_next(l->in, f)) {
		case IPC_FRAME:
			if (ipc_msg_check(f, IPC_TO_GAME))
				kit_fail("netd sent kind %u", f->kind);
			l->taken++;
			/* Taken: now players are read. */
			if (f->kind == IPC_LIVE)
				kit_link_commit(l);
			return true;
		case IPC_BROKEN:
			kit_fail("netd's frame is broken: %s", l->in->why);
		case IPC_NEED_MORE:
			break;
		}
		to = ipc_reader_space(l->in, &room);
		if (to == NULL)
			kit_fail("out of memory");
		n = read(l->up, to, room);
		if (n == 0)
			return false;
		if (n > 0)
			ipc_reader_filled(l->in, (size_t)n);
		else if (errno == EAGAIN)
			wait_for(l->up, POLLIN, end, "a frame");
		else
			kit_fail("read: %s", strerror(errno));
	}
}

void
kit_link_until(struct kit_link *l, unsigned kind, struct ipc_frame *f)
{
	do {
		if (!kit_link_next(l, f))
			kit_fail("the link ended without a %s",
			    ipc_info(kind)->name);
	} while (f->kind != kind);
}

void
kit_link_closed(struct kit_link *l, unsigned reason)
{
	struct ipc_frame f;

	kit_link_until(l, IPC_CLOSED, &f);
	if (f.channel != reason)
		kit_fail("closed for %s, not %s", ipc_reason_name(f.channel),
		    ipc_reason_name(reason));
}

char *
kit_link_fault(struct kit_link *l)
{
	struct ipc_fault m;
	struct ipc_frame f;
	const char *why, *field;
	unsigned long long named;
	char *text;

	kit_link_until(l, IPC_FAULT, &f);
	if (ipc_msg_unpack(&f, &m, &why, &field) != 0)
		kit_fail("FAULT: %s", why);
	text = kit_own(strdup(m.text));
	if (sscanf(text, "frame %llu", &named) == 1 && named != m.position)
		kit_fail("FAULT: of position %llu, not of that in '%s'",
		    (unsigned long long)m.position, text);
	ipc_msg_release(IPC_FAULT, &m);
	if (kit_link_next(l, &f))
		kit_fail("a frame behind FAULT");
	return text;
}
