/*
 * launch.c - one process becomes two or three: which way, and the ways without
 * a launcher, --foreground and --attach. Next: start.c, launcher.c.
 *
 * What is called launch*, pipes, start, wake, crew, tty or replay is all of
 * this room that knows sockets, signals and processes.
 */
#include "gamecore/launcher.h"

#include "ipc/cage.h"
#include "ipc/std.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

const char *
launch_how(int status, char *out, size_t size)
{
	if (WIFSIGNALED(status)) {
		const char *words = strsignal(WTERMSIG(status));

		snprintf(out, size, "%s (signal %d)", words ? words : "killed",
		    WTERMSIG(status));
		if (out[0] >= 'A' && out[0] <= 'Z')
			out[0] = (char)(out[0] - 'A' + 'a');
	} else {
		snprintf(out, size, "exit status %d", WEXITSTATUS(status));
	}
	return out;
}

bool
launch_said_why(int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == IPC_CONTROL_SAID_WHY;
}

int
control_say(int control, unsigned type, uint64_t value, const char *text)
{
	struct ipc_control m = { .type = type, .value = value };

	for (int i = 0; i < IPC_CONTROL_FDS_MAX; i++)
		m.fds[i] = -1;
	snprintf(m.text, sizeof(m.text), "%s", text);
	return ipc_control_send(control, &m);
}

static void
set_signal(int number, void (*handler)(int))
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESTART };

	sigemptyset(&sa.sa_mask);
	sigaction(number, &sa, NULL);
}

void
launch_deafen(void)
{
	set_signal(SIGINT, SIG_IGN);
	set_signal(SIGTERM, SIG_IGN);
	set_signal(SIGHUP, SIG_IGN);
	set_signal(SIGPIPE, SIG_IGN);
}

/* ---- without a launcher: --foreground and --attach ---------------------- */

/* For the signal handler, which can reach nothing else. */
static volatile sig_atomic_t handler_control = -1;
static volatile sig_atomic_t handler_stops;

static void
on_stop_signal(int number)
{
	int before = errno;

	(void)number;
	if (handler_control >= 0) {
		static struct ipc_control m = { .fds = { -1, -1 } };

		m.type =
		    handler_stops++ ? IPC_CONTROL_STOP_NOW : IPC_CONTROL_STOP;
		ipc_control_send((int)handler_control, &m);
	}
	errno = before;
}

void
launch_refused(const struct options *o, struct gc_start *start)
{
	options_say(start, 1,
	    "cannot attach to '%s': netd ended the connection (is another "
	    "game attached there? its log says why)",
	    o->attach);
}

/* The link of a game that stays in this process. */
static bool
link_here(struct launched *l, const struct options *o, int control, pid_t netd,
    struct gc_start *start)
{
	struct pipes p;
	char how[64];
	int status;
	pid_t crew = crew_beside(start->workers, o->argv, control);

	if (!pipes_hand_over(control, IPC_LINK_FIRST, 0, o->argv, &p)) {
		snprintf(how, sizeof(how), "%s", strerror(errno));
		status = launch_end(control, netd, crew, false);
		if (status >= 0 && launch_said_why(status))
			start->status = 1;
		else if (status >= 0)
			options_say(start, 1,
			    "netd ended before the game began: %s",
			    launch_how(status, how, sizeof(how)));
		else
			launch_refused(o, start);
		return false;
	}
	*l = (struct launched){ .up = p.up_r,
		.down = p.down_w,
		.control = control,
		.netd = netd,
		.crew = crew,
		.pid = (uint32_t)getpid(),
		.keeper = -1 };
	handler_control = control;
	handler_stops = 0;
	set_signal(SIGPIPE, SIG_IGN);
	set_signal(SIGINT, on_stop_signal);
	set_signal(SIGTERM, on_stop_signal);
	return true;
}

static bool
launch_foreground(
    struct launched *l, const struct options *o, struct gc_start *start)
{
	pid_t netd;
	int control;

	return start_netd(o, start, &netd, &control) &&
	       link_here(l, o, control, netd, start);
}

static bool
launch_attach(
    struct launched *l, const struct options *o, struct gc_start *start)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int n = snprintf(
	    a.sun_path, sizeof(a.sun_path), "%s/%s", o->attach, IPC_RENDEZVOUS);
	int control;

	if (n < 0 || (size_t)n >= sizeof(a.sun_path)) {
		options_say(start, 1,
		    "cannot attach to '%s': the path is too long (at most %zu "
		    "bytes)",
		    o->attach, sizeof(a.sun_path) - sizeof("/" IPC_RENDEZVOUS));
		return false;
	}
	control = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (control < 0 ||
	    connect(control, (struct sockaddr *)&a, sizeof(a)) < 0) {
		options_say(start, 1,
		    "cannot attach to '%s': %s (is 'netd --wait %s' running?)",
		    o->attach, strerror(errno), o->attach);
		if (control >= 0)
			close(control);
		return false;
	}
	tty_hand_over(control);
	needs_tell(o, start, control);
	return link_here(l, o, control, 0, start);
}

/* netd has end_ms to end by itself. Messages of it are read and dropped. A
 * system without pidfd (valgrind is one) goes by the end of the socket. */
static bool
ends_in_time(int control, int pidfd, int end_ms)
{
	for (;;) {
		struct pollfd fds[2] = { { .fd = pidfd, .events = POLLIN },
			{ .fd = control, .events = POLLIN } };
		struct ipc_control m;
		int n = poll(fds, 2, end_ms);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		if (fds[0].revents)
			return true;
		if (ipc_control_recv(control, &m) <= 0) {
			if (pidfd < 0)
				return true;
			control = -1;
			continue;
		}
		for (int i = 0; i < IPC_CONTROL_FDS_MAX; i++)
			if (m.fds[i] >= 0)
				close(m.fds[i]);
	}
}

int
launch_end(int control, pid_t netd, pid_t crew, bool well)
{
	int status = -1, pidfd;

	if (control < 0)
		return -1;
	if (netd) {
		control_say(control,
		    well ? IPC_CONTROL_ENDED : IPC_CONTROL_GIVE_UP, 0, "");
		pidfd = pidfd_open(netd, 0);
		if (!ends_in_time(control, pidfd, NETD_END_MS))
			kill(netd, SIGKILL);
		if (pidfd >= 0)
			close(pidfd);
		while (waitpid(netd, &status, 0) < 0 && errno == EINTR)
			;
	}
	tty_restore();
	handler_control = -1;
	close(control);
	tty_forget();
	if (crew) {
		kill(crew, SIGTERM);
		while (waitpid(crew, NULL, 0) < 0 && errno == EINTR)
			;
	}
	return status;
}

/* ---- which way ---------------------------------------------------------- */

bool
launch(struct launched *l, const struct options *o, struct gc_start *start,
    char **argv)
{
	if (crew_started(l))
		return true;
	ipc_std_open();
	if (o->replay)
		return replay(l, o, start);
	if (wake_started(l))
		return true;
	tty_open(o);
	if (o->attach)
		return launch_attach(l, o, start);
	if (o->foreground || ipc_traced())
		return launch_foreground(l, o, start);
	return launcher_run(l, o, start, argv);
}
