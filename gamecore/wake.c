/*
 * wake.c - the launcher's side of a recovery: it keeps the sockets of frozen
 * copies, wakes the one that netd names on fresh pipes, or starts the game's
 * program again. It decides nothing; netd does.
 */
#include "gamecore/core.h"
#include "ipc/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* How a program learns that a launcher started it: "PID,HAND", the launcher's
 * and which of the two hands is its own. */
#define STARTED "PENSTOCK_STARTED"
#define FD_KEEPER 3
#define FD_UP 4
#define FD_DOWN 5
#define FD_HANDS 6
#define HANDS_BYTES (2 * sizeof(uint64_t))

extern char **environ;

/* Memory that dies with nobody. NULL: errno says why. */
static volatile uint64_t *
hands_map(int fd)
{
	void *p =
	    mmap(NULL, HANDS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static bool
hands_init(struct wake *w)
{
	w->hands_fd = memfd_create("penstock-hands", MFD_CLOEXEC);
	if (w->hands_fd < 0)
		return false;
	if (ftruncate(w->hands_fd, HANDS_BYTES) == 0)
		w->hands = hands_map(w->hands_fd);
	if (w->hands)
		return true;
	close(w->hands_fd);
	w->hands_fd = -1;
	return false;
}

uint64_t
wake_hand(struct wake *w)
{
	uint64_t at = w->hands ? w->hands[w->hand] : 0;

	/* The next one has nothing in hand yet. */
	if (w->hands)
		w->hands[w->hand] = 0;
	return at;
}

bool
wake_init(struct wake *w, char **argv)
{
	int ends[2];
	ssize_t n;

	w->keeper = w->game_keeper = w->hands_fd = -1;
	w->argv = argv;
	n = readlink("/proc/self/exe", w->program, sizeof(w->program) - 1);
	if (n < 0 || !hands_init(w))
		return false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return false;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	w->keeper = ends[0];
	w->game_keeper = ends[1];
	return true;
}

static void
forget(struct wake *w, size_t i)
{
	close(w->frozen[i].fd);
	w->frozen[i] = w->frozen[--w->n];
}

void
wake_release(struct wake *w)
{
	while (w->n)
		forget(w, 0);
	while (w->n_askers)
		wake_answer(w, 0, NULL);
	if (w->keeper >= 0)
		close(w->keeper);
	if (w->game_keeper >= 0)
		close(w->game_keeper);
	if (w->hands_fd >= 0)
		close(w->hands_fd);
	if (w->hands)
		munmap((void *)(uintptr_t)w->hands, HANDS_BYTES);
	w->hands = NULL;
	w->keeper = w->game_keeper = w->hands_fd = -1;
}

void
wake_dismiss(struct wake *w, uint64_t number)
{
	for (size_t i = 0; i < w->n;) {
		if (w->frozen[i].number < number)
			forget(w, i);
		else
			i++;
	}
}

void
wake_dismiss_next(struct wake *w, uint64_t first)
{
	for (size_t i = 0; i < w->n;) {
		if (w->frozen[i].number - first < IPC_CHECKPOINTS_APART)
			forget(w, i);
		else
			i++;
	}
}

uint64_t
wake_lost_copy(struct wake *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct pollfd p = { .fd = w->frozen[i].fd };
		uint64_t number = w->frozen[i].number;

		if (poll(&p, 1, 0) == 1) {
			forget(w, i);
			return number;
		}
	}
	return 0;
}

/* They are in no order. */
static size_t
oldest(const struct wake *w)
{
	size_t at = 0;

	for (size_t i = 1; i < w->n; i++)
		if (w->frozen[i].number < w->frozen[at].number)
			at = i;
	return at;
}

static void
add(struct wake *w, const struct ipc_control *m)
{
	size_t i = 0;

	while (i < w->n && w->frozen[i].number != m->value)
		i++;
	if (i < w->n)
		forget(w, i);
	if (w->n == FROZEN_MAX)
		forget(w, oldest(w));
	w->frozen[w->n++] = (struct frozen){
		.number = m->value, .pid = (pid_t)m->number, .fd = m->fds[0]
	};
}

static void
asked_again(struct wake *w, const struct ipc_control *m)
{
	if (w->n_askers == ASKERS_MAX)
		wake_answer(w, 0, NULL);
	w->askers[w->n_askers++] =
	    (struct asker){ .pid = (pid_t)m->number, .fd = m->fds[0] };
}

void
wake_answer(struct wake *w, size_t i, const struct pipes *p)
{
	struct ipc_control m = { .type = IPC_CONTROL_LINK, .fds = { -1, -1 } };

	if (p) {
		m.fds[0] = p->up_r;
		m.fds[1] = p->down_w;
		/* If it has died meanwhile, its pipes end, and netd sees it. */
		ipc_control_send(w->askers[i].fd, &m);
	}
	close(w->askers[i].fd);
	w->askers[i] = w->askers[--w->n_askers];
}

void
wake_told(struct wake *w)
{
	struct ipc_control m;

	while (w->keeper >= 0 && ipc_control_recv(w->keeper, &m) > 0) {
		if (m.type == IPC_CONTROL_FROZEN && m.fds[0] >= 0)
			add(w, &m);
		else if (m.type == IPC_CONTROL_NO_START)
			w->no_start = (pid_t)m.number;
		else if (m.type == IPC_CONTROL_AGAIN && m.fds[0] >= 0)
			asked_again(w, &m);
		else if (m.type == IPC_CONTROL_LOG)
			snprintf(w->last_words, sizeof(w->last_words), "%.*s",
			    (int)sizeof(w->last_words) - 1, m.text);
	}
}

pid_t
wake_frozen(struct wake *w, int control, uint64_t number)
{
	struct ipc_control m = { .type = IPC_CONTROL_LINK };
	char digits[24], *text[] = { digits, NULL };
	struct pipes p;
	pid_t pid;
	size_t i = 0;

	while (i < w->n && w->frozen[i].number != number)
		i++;
	if (i == w->n || kill(w->frozen[i].pid, 0) < 0)
		return 0;
	pid = w->frozen[i].pid;
	snprintf(digits, sizeof(digits), "%ld", (long)pid);
	if (!pipes_hand_over(control, IPC_LINK_WOKEN, number, text, &p))
		return 0;
	m.fds[0] = p.up_r;
	m.fds[1] = p.down_w;
	if (ipc_control_send(w->frozen[i].fd, &m) < 0)
		pid = 0;
	pipes_close_game(&p);
	forget(w, i);
	return pid;
}

/* The environment with STARTED in it, owned; its members are views. */
static char **
environment(char *started)
{
	size_t n = 0;
	char **env;

	while (environ[n])
		n++;
	env = calloc(n + 2, sizeof(*env));
	if (env == NULL)
		return NULL;
	memcpy(env, environ, n * sizeof(*env));
	env[n] = started;
	return env;
}

/*
 * The descriptors go to their places over numbers that none of them has, so
 * that no dup2 overwrites one that is still to be moved.
 */
static int
spawn(struct wake *w, pid_t *pid, const struct pipes *p, char **env)
{
	const int from[] = { w->game_keeper, p->up_r, p->down_w, w->hands_fd };
	const int n = sizeof(from) / sizeof(from[0]);
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int e;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	for (int i = 0; i < n; i++)
		posix_spawn_file_actions_adddup2(&files, from[i], 100 + i);
	for (int i = 0; i < n; i++)
		posix_spawn_file_actions_adddup2(
		    &files, 100 + i, FD_KEEPER + i);
	posix_spawn_file_actions_addclosefrom_np(&files, FD_HANDS + 1);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	e = posix_spawn(pid, w->program, &files, &attr, w->argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return e;
}

pid_t
wake_cold(struct wake *w, int control, unsigned how)
{
	char started[64];
	struct pipes p;
	char **env;
	pid_t pid = 0;
	int e = EPIPE;
	unsigned hand = how == IPC_LINK_UPGRADE ? !w->hand : w->hand;

	/* Over a rebuilt program the kernel's link says "(deleted)". */
	if (strlen(w->program) > 10 &&
	    strcmp(w->program + strlen(w->program) - 10, " (deleted)") == 0)
		w->program[strlen(w->program) - 10] = '\0';
	snprintf(
	    started, sizeof(started), STARTED "=%ld,%u", (long)getpid(), hand);
	if (w->hands)
		w->hands[hand] = 0;
	env = environment(started);
	if (env == NULL)
		return 0;
	if (pipes_hand_over(control, how, how == IPC_LINK_FIRST, NULL, &p)) {
		e = spawn(w, &pid, &p, env);
		pipes_close_game(&p);
	}
	free(env);
	errno = e;
	return e ? 0 : pid;
}

bool
wake_again(int keeper, int *up, int *down)
{
	struct ipc_control m = { .type = IPC_CONTROL_AGAIN,
		.number = (uint32_t)getpid() };
	int ends[2];
	bool ok;

	/* A socket of our own: a game beside this one may ask as well. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return false;
	m.fds[0] = ends[1];
	m.fds[1] = -1;
	ok = ipc_control_send(keeper, &m) == 0;
	close(ends[1]);
	ok = ok && ipc_control_recv(ends[0], &m) > 0 && m.fds[1] >= 0;
	close(ends[0]);
	if (!ok)
		return false;
	*up = m.fds[0];
	*down = m.fds[1];
	return true;
}

bool
wake_started(struct launched *l)
{
	const char *said = getenv(STARTED);
	volatile uint64_t *hands;
	long parent;
	unsigned hand;

	if (said == NULL || sscanf(said, "%ld,%u", &parent, &hand) != 2 ||
	    hand > 1)
		return false;
	/* Without its launcher it would become one itself. */
	if (parent != (long)getppid())
		raise(SIGKILL);
	unsetenv(STARTED);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (parent != (long)getppid())
		raise(SIGKILL);
	for (int fd = FD_KEEPER; fd <= FD_DOWN; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	hands = hands_map(FD_HANDS);
	close(FD_HANDS);
	launch_deafen();
	*l = (struct launched){ .up = FD_UP,
		.down = FD_DOWN,
		.control = -1,
		.pid = (uint32_t)getpid(),
		.keeper = FD_KEEPER,
		.hand = hands ? hands + hand : NULL };
	return true;
}
