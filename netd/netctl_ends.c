/*
 * netctl_ends.c - stand at one end of the pipes: attach to a netd as its game,
 * or start a game and be its network. netctl_talk.c does the talking.
 */
#include "netd/netctl.h"
#include "netd/netctl_talk.h"

#include "ipc/control.h"
#include "ipc/msg.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* A game gets this long to attach, and to end when its pipes are closed. */
#define START_MS 10000
#define END_MS 5000

static bool
address(struct sockaddr_un *a, const char *dir)
{
	int n;

	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	n = snprintf(
	    a->sun_path, sizeof(a->sun_path), "%s/%s", dir, IPC_RENDEZVOUS);
	if (n > 0 && (size_t)n < sizeof(a->sun_path))
		return true;
	fail("'%s': path too long", dir);
	return false;
}

/* ---- the game --------------------------------------------------------------
 */

static bool
attach(struct talk *t, const char *dir)
{
	struct ipc_control m = { .type = IPC_CONTROL_LINK,
		.number = IPC_LINK_FIRST };
	struct sockaddr_un a;
	int up[2], down[2];
	bool ok;

	if (!address(&a, dir))
		return false;
	t->control = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (t->control < 0 ||
	    connect(t->control, (struct sockaddr *)&a, sizeof(a)) < 0) {
		fail("cannot attach in '%s': %s (is 'netd --wait %s' running?)",
		    dir, strerror(errno), dir);
		return false;
	}
	if (pipe2(up, O_CLOEXEC) < 0 || pipe2(down, O_CLOEXEC) < 0) {
		fail("cannot make a pipe: %s", strerror(errno));
		return false;
	}
	m.fds[0] = up[1];
	m.fds[1] = down[0];
	ok = ipc_control_send(t->control, &m) == 0;
	close(up[1]);
	close(down[0]);
	t->in = up[0];
	t->out = down[1];
	if (!ok)
		fail("cannot attach in '%s': %s", dir, strerror(errno));
	return ok;
}

/* HELLO, and wait for WELCOME: nothing may be sent before it. */
static bool
greet(struct talk *t)
{
	char name[] = "netctl";
	struct ipc_hello m = { .version = IPC_VERSION,
		.frame_max = IPC_FRAME_MAX,
		.pid = (uint64_t)getpid(),
		.game = name };
	struct ipc_frame f;

	if (t->raw)
		return true;
	if (!talk_add(t, IPC_HELLO, 0, &m))
		return false;
	talk_write(t);
	if (talk_next(t, &f, talk_now_ms() + START_MS) == 1 &&
	    f.kind == IPC_WELCOME)
		return true;
	fail("netd did not answer HELLO with WELCOME");
	return false;
}

int
run_game(int argc, char **argv)
{
	const char *dir = NULL, *name, *value;
	struct talk t;
	int at = 1, status = FAILED;

	talk_init(&t, '>');
	while (at < argc) {
		name = option(argc, argv, &at, "|script|timeout|", &value);
		if (name == NULL && dir == NULL && at < argc)
			dir = argv[at++];
		else if (name == NULL || !talk_option(&t, name, value))
			return usage("game");
	}
	if (dir == NULL)
		return usage("game");
	if (attach(&t, dir)) {
		fcntl(t.in, F_SETFL, O_NONBLOCK);
		if (greet(&t))
			status = talk_run(&t);
	}
	talk_release(&t);
	return status;
}

/* ---- the network -----------------------------------------------------------
 */

static int
listen_in(const char *dir)
{
	struct sockaddr_un a;
	int fd;

	if (!address(&a, dir))
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
			   listen(fd, 1) < 0)) {
		fail("cannot wait in '%s': %s", dir, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

static pid_t
start_game(char **argv, int argc, const char *dir)
{
	char **all = calloc((size_t)argc + 3, sizeof(*all));
	char attach_word[] = "--attach", place[PATH_MAX];
	pid_t pid = all ? fork() : -1;

	if (pid == 0) {
		snprintf(place, sizeof(place), "%s", dir);
		all[0] = argv[0];
		all[1] = attach_word;
		all[2] = place;
		for (int i = 1; i < argc; i++)
			all[i + 2] = argv[i];
		signal(SIGPIPE, SIG_DFL);
		/* Lines are for us. */
		talk_close_fd(&(int){ 0 });
		open("/dev/null", O_RDONLY);
		execvp(all[0], all);
		fail("cannot start '%s': %s", all[0], strerror(errno));
		_exit(127);
	}
	if (pid < 0)
		fail("cannot start '%s': %s", argv[0], strerror(errno));
	free(all);
	return pid;
}

/* Its exit status as a shell says it; ends it if it does not end itself. */
int
talk_game_status(struct talk *t)
{
	int fd, status = 0;

	if (t->game <= 0)
		return -1;
	fd = pidfd_open(t->game, 0);
	for (int i = 0; fd >= 0 && i < 2; i++) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, END_MS) == 1)
			break;
		kill(t->game, i ? SIGKILL : SIGTERM);
	}
	talk_close_fd(&fd);
	while (waitpid(t->game, &status, 0) < 0 && errno == EINTR)
		;
	t->game = 0;
	status =
	    WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	printf("# game ended, status %d\n", status);
	return status;
}

/* What is said before LINK is for a netd that locks itself, or has a terminal
 * or workers. */
static bool
take_pipes(int control, struct ipc_control *m)
{
	while (ipc_control_recv(control, m) == 1) {
		if (m->type == IPC_CONTROL_LINK)
			return m->fds[0] >= 0 && m->fds[1] >= 0;
		for (int i = 0; i < IPC_CONTROL_FDS_MAX; i++)
			if (m->fds[i] >= 0)
				close(m->fds[i]);
	}
	return false;
}

/* The game's side introduces itself, or ends before it does. */
static bool
take_link(struct talk *t, int listener)
{
	struct pollfd p[2] = { { .fd = listener, .events = POLLIN },
		{ .fd = t->game ? pidfd_open(t->game, 0) : -1,
		    .events = POLLIN } };
	struct ipc_control m;
	int n = poll(p, 2, t->game ? START_MS : -1);

	talk_close_fd(&p[1].fd);
	if (n < 1 || p[0].revents == 0) {
		fail(n < 1 ? "no game attached in time"
			   : "the game ended before it attached");
		return false;
	}
	t->control = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (t->control < 0 || !take_pipes(t->control, &m)) {
		fail("what attached did not bring its pipes");
		return false;
	}
	t->out = m.fds[0];
	t->in = m.fds[1];
	return true;
}

static int
be_network(struct talk *t, const char *dir, int argc, char **argv)
{
	int listener = listen_in(dir), status = FAILED;
	struct sockaddr_un a;

	if (listener < 0)
		return FAILED;
	if (argc)
		t->game = start_game(argv, argc, dir);
	else
		fprintf(stderr, "netctl: waiting for a game with --attach %s\n",
		    dir);
	if (t->game >= 0 && take_link(t, listener))
		status = talk_run(t);
	talk_close_fd(&t->in);
	talk_close_fd(&t->out);
	talk_close_fd(&t->control);
	if (t->game > 0)
		talk_game_status(t);
	close(listener);
	if (address(&a, dir))
		unlink(a.sun_path);
	return status;
}

static bool
own_dir(const char *dir)
{
	struct stat st;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return fail("cannot make '%s': %s", dir, strerror(errno)) == 0;
	if (lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) &&
	    st.st_uid == geteuid() && (st.st_mode & 077) == 0)
		return true;
	return fail("'%s' is not a directory of yours with mode 0700", dir) ==
	       0;
}

int
run_network(int argc, char **argv)
{
	const char *dir = NULL, *name, *value;
	char own[] = "/tmp/netctl-XXXXXX";
	struct talk t;
	int at = 1, status = FAILED;

	talk_init(&t, '<');
	while ((name = option(
		    argc, argv, &at, "|script|timeout|seed|wait|", &value))) {
		if (strcmp(name, "wait") == 0)
			dir = value;
		else if (!talk_option(&t, name, value))
			return usage("network");
	}
	if ((dir == NULL) == (at == argc))
		return usage("network");
	if (dir && own_dir(dir))
		status = be_network(&t, dir, 0, NULL);
	else if (dir == NULL && mkdtemp(own)) {
		status = be_network(&t, own, argc - at, argv + at);
		rmdir(own);
	} else if (dir == NULL) {
		fail("cannot make '%s': %s", own, strerror(errno));
	}
	talk_release(&t);
	return status;
}
