/*
 * checkpoint.c - freezing a copy of the game where it stands.
 *
 * A frame asks for it while the game waits for the stream, so all that the
 * game is lies in its memory, and the copy is a fork(). The copy holds no
 * pipe; it waits on a socket of its own whose other end the launcher keeps.
 * Closed, it ends; woken, it leaves a copy again in its place, since the same
 * input may kill it once more, and goes on with fresh pipes as if it had
 * never stopped. Beside launch.c the only file that sees a clock or a socket:
 * the cost of a checkpoint is netd's business, not the game's.
 */
#include "gamecore/core.h"
#include "ipc/control.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What a copy says once it holds no pipe, and how long that may take it: on a
 * busy machine it has to wait for its turn. */
#define LET_GO "f"
#define LET_GO_MS 2000
#define RING (sizeof(((struct gc_net *)0)->frozen) / sizeof(pid_t))

static uint64_t
clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Memory that was written to since the copy before, and so copied. */
static uint64_t
private_bytes(struct gc_net *net)
{
	struct rusage u;
	uint64_t before = net->faults;

	if (getrusage(RUSAGE_SELF, &u) < 0)
		return 0;
	net->faults = (uint64_t)u.ru_minflt;
	/* A woken copy counts from its own beginning. */
	return before && net->faults > before
		   ? (net->faults - before) * (uint64_t)sysconf(_SC_PAGESIZE)
		   : 0;
}

/* Copies that the launcher dismissed are children of ours, and dead. */
static void
bury(struct gc_net *net)
{
	for (size_t i = 0; i < RING; i++)
		if (net->frozen[i] > 0 &&
		    waitpid(net->frozen[i], NULL, WNOHANG) != 0)
			net->frozen[i] = 0;
}

/* Frozen: wait until the launcher's word is there, and leave it there: who has
 * no pipes yet is not the game that somebody kills. */
static void
freeze(struct gc_net *net, int wake)
{
	char word;

	net_close(net);
	ipc_reader_clear(&net->in);
	ipc_buf_clear(&net->out);
	lend_restart(net);
	net->cut = NULL;
	net->run_end = 0;
	net->down_gone = false;
	/* Those are its children, not ours. */
	memset(net->frozen, 0, sizeof(net->frozen));
	send(wake, LET_GO, 1, MSG_NOSIGNAL);
	if (TEMP_FAILURE_RETRY(recv(wake, &word, 1, MSG_PEEK)) <= 0)
		_exit(0);
}

/* Take the word: fresh pipes, and how to go on with them. */
static void
thaw(struct gc_net *net, int wake)
{
	struct ipc_control m;

	/* The launcher has adopted us; we do not outlive it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ipc_control_recv(wake, &m) <= 0 || m.type != IPC_CONTROL_LINK ||
	    m.fds[1] < 0)
		_exit(0);
	close(wake);
	net->up = m.fds[0];
	net->down = m.fds[1];
}

/* Hand the copy's socket to the launcher. */
static bool
keep(const struct gc_net *net, pid_t pid, uint64_t number, int fd)
{
	struct ipc_control m = { .type = IPC_CONTROL_FROZEN,
		.number = (uint32_t)pid,
		.value = number,
		.fds = { fd, -1 } };

	return ipc_control_send(net->keeper, &m) == 0;
}

/*
 * Until then it looks like the game to whoever means to end that, and keeps
 * netd from seeing the end of the game's pipe: a checkpoint that counted
 * already could be killed in its place, and those before it are dismissed.
 */
static bool
has_let_go(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char word;

	return TEMP_FAILURE_RETRY(poll(&p, 1, LET_GO_MS)) == 1 &&
	       recv(fd, &word, 1, MSG_DONTWAIT) == 1;
}

/* Make a copy and hand it over. 0 in the copy, whose end of the socket becomes
 * *wake; 1 in the game; -1 if there is no copy. */
static int
split(struct gc_net *net, uint64_t number, int *wake)
{
	int ends[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		if (*wake >= 0)
			close(*wake);
		*wake = ends[1];
		return 0;
	}
	close(ends[1]);
	r = pid > 0 && has_let_go(ends[0]) && keep(net, pid, number, ends[0])
		? 1
		: -1;
	close(ends[0]);
	if (pid > 0)
		net->frozen[net->n_frozen++ % RING] = pid;
	return r;
}

/*
 * Make a copy; true in the game, and in the copy once it is woken. That one
 * leaves a copy in its place before it takes its pipes: at no instant is there
 * a game that can die and nothing to wake.
 */
static bool
copy(struct gc_net *net, uint64_t number)
{
	int wake = -1, r;

	while ((r = split(net, number, &wake)) == 0)
		freeze(net, wake);
	if (wake >= 0)
		thaw(net, wake);
	return r > 0;
}

int
checkpoint_asked(struct gc_net *net, uint64_t number)
{
	struct ipc_checkpointed m = { .done = 0 };
	uint64_t before = clock_us();
	int r;

	m.private_bytes = private_bytes(net);
	if (net->keeper < 0)
		return stream_put_msg(net, IPC_CHECKPOINTED, number, &m);
	/* Nothing that was written before may be written again. */
	r = stream_commit(
	    net, net->working || net->backlog_at < net->backlog.len);
	if (r < 0)
		return r;
	fflush(NULL);
	bury(net);
	m.done = copy(net, number);
	m.cost_us = clock_us() - before;
	return stream_put_msg(net, IPC_CHECKPOINTED, number, &m);
}

void
checkpoint_no_start(const struct gc_net *net)
{
	struct ipc_control m = { .type = IPC_CONTROL_NO_START,
		.number = (uint32_t)getpid(),
		.fds = { -1, -1 } };

	if (net->keeper >= 0)
		ipc_control_send(net->keeper, &m);
}
