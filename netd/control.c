/*
 * control.c - the launcher, or whoever attaches: pipe ends and orders.
 *
 * A launched netd has one control socket for its life and ends with it. A
 * netd on its own (--wait DIR) listens in a directory of mode 0700; the
 * newest process that connects there is the game's side.
 */
#include "netd/netd.h"

#include "ipc/control.h"
#include "ipc/log.h"
#include "netd/jobs.h"
#include "netd/operator.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void
close_fds(const struct ipc_control *m)
{
	for (int i = 0; i < IPC_CONTROL_FDS_MAX; i++)
		if (m->fds[i] >= 0)
			close(m->fds[i]);
}

static void
control_end(struct netd *n)
{
	if (n->control_fd < 0)
		return;
	ev_io_stop(n->loop, &n->control_io);
	close(n->control_fd);
	n->control_fd = -1;
	/* Who starts workers is gone, and they with it. */
	jobs_forget(n);
}

static void
got_link(struct netd *n, struct ipc_control *m)
{
	struct link *l = n->link;

	if (m->fds[0] < 0 || m->fds[1] < 0) {
		ipc_log(
		    IPC_LOG_ERROR, "control", "fault=\"LINK without pipes\"");
		close_fds(m);
		return;
	}
	if (m->text[0] && m->number != IPC_LINK_WOKEN)
		record_arguments(n, m->text);
	lock_places(n);
	if (m->number == IPC_LINK_UPGRADE)
		l = upgrade_standby(n);
	if (l == NULL) {
		close_fds(m);
		return;
	}
	link_attach(
	    l, m->fds[0], m->fds[1], (enum ipc_link_how)m->number, m->value);
	if (m->number == IPC_LINK_WOKEN) /* a copy says no HELLO */
		l->pid = (pid_t)strtol(m->text, NULL, 10);
}

static void
got_stop(struct netd *n, struct ipc_control *m)
{
	(void)m;
	stop_asked(n, "launcher");
}

static void
got_stop_now(struct netd *n, struct ipc_control *m)
{
	(void)m;
	stop_now(n);
}

static void
got_ended(struct netd *n, struct ipc_control *m)
{
	(void)m;
	/* The launcher may be faster than the game's pipe. */
	link_read_out(n->link);
	stop_drain(n, IPC_REASON_SHUTDOWN);
}

static void
got_hand(struct netd *n, struct ipc_control *m)
{
	n->link->rec.hand = m->value;
}

static void
got_key(struct netd *n, struct ipc_control *m)
{
	returns_key(n, m->text);
}

static void
got_died(struct netd *n, struct ipc_control *m)
{
	/* Not of the game that an upgrade has replaced meanwhile. */
	if (m->number == (uint32_t)n->metrics.upgrades)
		recover_died(n->link, (int)m->value, m->text);
}

static void
got_lost(struct netd *n, struct ipc_control *m)
{
	recover_lost(n->link, m->value, m->number);
}

static void
got_give_up(struct netd *n, struct ipc_control *m)
{
	(void)m;
	n->status = 1;
	stop_drain(n, IPC_REASON_GAME_GONE);
}

static void
got_upgrade(struct netd *n, struct ipc_control *m)
{
	(void)m;
	upgrade_begin(n);
}

static void
got_log(struct netd *n, struct ipc_control *m)
{
	static const enum ipc_level levels[] = { IPC_LOG_INFO, IPC_LOG_WARN,
		IPC_LOG_ERROR };
	enum ipc_level level = levels[m->number < 3 ? m->number : 2];
	struct timespec t;

	(void)n;
	if (m->value == 0) {
		ipc_log(level, "launcher", "%s", m->text);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &t);
	ipc_log(level, "launcher", "%s restarted_ms=%.1f", m->text,
	    (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6 -
		(double)m->value / 1e3);
}

/* A listener of the netd before this one, which players never saw closed. */
static void
got_adopt(struct netd *n, struct ipc_control *m)
{
	uint32_t last = n->last_listener;
	char why[512];
	struct listener *l;

	/* The game says its highest number only once it has time for us. */
	if (m->value > n->last_id)
		n->last_id = m->value;
	n->last_listener = m->number - 1;
	l = listen_open(n, m->text, m->fds[0], why, sizeof(why));
	if (n->last_listener < last)
		n->last_listener = last;
	if (l == NULL)
		ipc_log(IPC_LOG_ERROR, "adopt", "fault=\"%s\"", why);
}

static void
got_workers(struct netd *n, struct ipc_control *m)
{
	jobs_declare(n, m->text, m->number, (int64_t)m->value);
}

static void
got_worker(struct netd *n, struct ipc_control *m)
{
	worker_attach(
	    n, m->text, m->number, (int64_t)m->value, m->fds[0], m->fds[1]);
}

/* What it is wrong about comes up again when the game listens there. */
static void
got_expect(struct netd *n, struct ipc_control *m)
{
	char why[256];

	if (!lock_expect(n, m->text, why, sizeof(why)))
		ipc_log(IPC_LOG_DEBUG, "expect", "fault=\"%s\"", why);
}

static void
got_connects(struct netd *n, struct ipc_control *m)
{
	if (!lock_connects(n, m->text))
		ipc_log(IPC_LOG_WARN, "control",
		    "fault=\"not a list of ports\" option=--may-connect");
}

static void
got_lock(struct netd *n, struct ipc_control *m)
{
	(void)m;
	n->lock.asked = true;
}

static void
got_tty(struct netd *n, struct ipc_control *m)
{
	if (n->tty_fd >= 0)
		close(n->tty_fd);
	n->tty_fd = m->fds[0];
	if (m->fds[1] >= 0)
		close(m->fds[1]);
}

static const struct {
	uint32_t type;
	bool takes_fds;
	void (*act)(struct netd *n, struct ipc_control *m);
} orders[] = {
	{ IPC_CONTROL_LINK, true, got_link },
	{ IPC_CONTROL_STOP, false, got_stop },
	{ IPC_CONTROL_STOP_NOW, false, got_stop_now },
	{ IPC_CONTROL_ENDED, false, got_ended },
	{ IPC_CONTROL_HAND, false, got_hand },
	{ IPC_CONTROL_DIED, false, got_died },
	{ IPC_CONTROL_KEY, false, got_key },
	{ IPC_CONTROL_LOST, false, got_lost },
	{ IPC_CONTROL_GIVE_UP, false, got_give_up },
	{ IPC_CONTROL_ADOPT, true, got_adopt },
	{ IPC_CONTROL_UPGRADE, false, got_upgrade },
	{ IPC_CONTROL_LOG, false, got_log },
	{ IPC_CONTROL_WORKERS, false, got_workers },
	{ IPC_CONTROL_WORKER, true, got_worker },
	{ IPC_CONTROL_TTY, true, got_tty },
	{ IPC_CONTROL_EXPECT, false, got_expect },
	{ IPC_CONTROL_CONNECTS, false, got_connects },
	{ IPC_CONTROL_LOCK, false, got_lock },
};

static void
on_control(struct ev_loop *loop, ev_io *w, int events)
{
	struct netd *n = w->data;
	struct ipc_control m;
	int r = ipc_control_recv(w->fd, &m);

	(void)loop;
	(void)events;
	if (r < 0 && errno == EAGAIN)
		return;
	if (r <= 0) {
		control_end(n);
		/* The launcher is gone: the game ends with its pipe. */
		if (n->launched)
			stop_asked(n, "launcher_gone");
		return;
	}
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (orders[i].type != m.type)
			continue;
		if (!orders[i].takes_fds)
			close_fds(&m);
		orders[i].act(n, &m);
		return;
	}
	ipc_log(IPC_LOG_WARN, "control", "unknown=%u", m.type);
	close_fds(&m);
}

static void
control_take(struct netd *n, int fd)
{
	control_end(n);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	n->control_fd = fd;
	ev_io_init(&n->control_io, on_control, fd, EV_READ);
	n->control_io.data = n;
	ev_io_start(n->loop, &n->control_io);
}

bool
control_inherit(struct netd *n, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	n->launched = true;
	control_take(n, fd);
	return true;
}

static void
on_wait(struct ev_loop *loop, ev_io *w, int events)
{
	struct netd *n = w->data;
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)loop;
	(void)events;
	if (fd < 0)
		return;
	/* Even if somebody opened the directory to others. */
	if (!operator_owns(fd)) {
		ipc_log(IPC_LOG_WARN, "attach_refused", "why=\"not its user\"");
		close(fd);
		return;
	}
	link_hung_up(n->link);
	if (n->link->phase == LINKED) {
		ipc_log(IPC_LOG_WARN, "attach_refused",
		    "why=\"a game is attached already\" game=%s",
		    n->link->game);
		close(fd);
		return;
	}
	control_take(n, fd);
}

static bool
wait_dir(const char *dir, char *why, size_t size)
{
	struct stat st;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		snprintf(
		    why, size, "cannot make '%s': %s", dir, strerror(errno));
		return false;
	}
	if (lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != geteuid() || (st.st_mode & 077)) {
		snprintf(why, size,
		    "cannot wait in '%s': not a directory of yours with mode "
		    "0700 (chmod 700 it, or name one that is not there)",
		    dir);
		return false;
	}
	return true;
}

/* Two in one folder would take each other's socket away. */
static bool
only_one(struct netd *n, const char *dir, char *why, size_t size)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
		snprintf(why, size, "cannot wait in '%s': %s", dir,
		    errno == EWOULDBLOCK ? "another netd does (end it, or "
					   "name another folder)"
					 : strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	n->wait_dir_fd = fd;
	return true;
}

bool
control_wait(struct netd *n, const char *dir, char *why, size_t size)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd, len;

	if (!wait_dir(dir, why, size) || !only_one(n, dir, why, size))
		return false;
	len = snprintf(
	    a.sun_path, sizeof(a.sun_path), "%s/%s", dir, IPC_RENDEZVOUS);
	if (len < 0 || (size_t)len >= sizeof(a.sun_path)) {
		snprintf(why, size, "cannot wait in '%s': path too long", dir);
		return false;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(a.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(fd, 8) < 0) {
		snprintf(
		    why, size, "cannot wait in '%s': %s", dir, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	snprintf(n->wait_path, sizeof(n->wait_path), "%s", a.sun_path);
	n->wait_fd = fd;
	ev_io_init(&n->wait_io, on_wait, fd, EV_READ);
	n->wait_io.data = n;
	ev_io_start(n->loop, &n->wait_io);
	ipc_log(IPC_LOG_INFO, "waiting", "dir=%s", dir);
	return true;
}

void
control_say(struct netd *n, uint32_t type, uint32_t number, uint64_t value,
    const char *text, int fd)
{
	struct ipc_control m = { .type = type,
		.number = number,
		.value = value,
		.fds = { fd, -1 } };

	if (n->control_fd < 0)
		return;
	snprintf(m.text, sizeof(m.text), "%s", text);
	if (ipc_control_send(n->control_fd, &m) < 0)
		ipc_log(
		    IPC_LOG_WARN, "control", "fault=\"%s\"", strerror(errno));
}

void
control_release(struct netd *n)
{
	control_end(n);
	if (n->tty_fd >= 0)
		close(n->tty_fd);
	n->tty_fd = -1;
	if (n->wait_fd >= 0) {
		ev_io_stop(n->loop, &n->wait_io);
		close(n->wait_fd);
		unlink(n->wait_path);
	}
	if (n->wait_dir_fd >= 0)
		close(n->wait_dir_fd);
}
