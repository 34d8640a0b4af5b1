/*
 * crew.c - the processes of workers: started, watched, started again, ended.
 *
 * Done by the launcher in its one loop; without a launcher (--foreground,
 * --attach) by a small process beside the game that does nothing else. A
 * worker has fresh pipes, as every process here has, and netd their other
 * ends; it ends by itself when netd closes them, and is killed if it does not.
 */
#include "gamecore/core.h"
#include "ipc/control.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How a program learns that it is a worker: "parent name". */
#define WORKER "PENSTOCK_WORKER"
#define FD_IN 3
#define FD_OUT 4
/* For a worker to end by itself once its pipes are closed. */
#define END_US 2000000
/* One that lived longer did not die of its start. */
#define LIVED_US 5000000
/* From the second quick death on, doubled with each. */
#define AGAIN_US 50000
#define AGAIN_MAX 9
/* Of one name; netd has a limit for all of them together. */
#define COUNT_MAX 4096

extern char **environ;

struct hand {
	const struct gc_workers *of;
	uint32_t number; /* netd names it by that */
	pid_t pid;       /* 0: it is to be started */
	uint64_t began_us, start_us;
	uint64_t kill_us; /* when it is ended; 0: never */
	unsigned quick;   /* deaths in a row */
};

static uint64_t
clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static unsigned
count_of(const struct gc_workers *w)
{
	return w->count == 0 ? 1 : w->count > COUNT_MAX ? COUNT_MAX : w->count;
}

bool
crew_init(struct crew *c, const struct gc_workers *table, char **argv)
{
	size_t n = 0;

	memset(c, 0, sizeof(*c));
	c->argv = argv;
	c->table = table;
	for (const struct gc_workers *w = table; w && w->name; w++)
		n += count_of(w);
	if (n == 0)
		return true;
	c->hands = calloc(n, sizeof(*c->hands));
	if (c->hands == NULL)
		return false;
	for (const struct gc_workers *w = table; w->name; w++)
		for (unsigned i = 0; i < count_of(w); i++)
			c->hands[c->n++].of = w;
	return true;
}

void
crew_release(struct crew *c)
{
	free(c->hands);
	c->hands = NULL;
	c->n = 0;
}

void
crew_declare(const struct gc_workers *table, int control)
{
	for (const struct gc_workers *w = table; w && w->name; w++) {
		struct ipc_control m = { .type = IPC_CONTROL_WORKERS,
			.number = w->retries,
			.value = w->limit_ms,
			.fds = { -1, -1 } };

		snprintf(m.text, sizeof(m.text), "%s", w->name);
		ipc_control_send(control, &m);
	}
}

/* ---- starting ----------------------------------------------------------- */

static void
program_of(const struct gc_workers *w, char *out, size_t size)
{
	char dir[PATH_MAX];
	ssize_t n;

	if (w->program) {
		if (!where_program(dir, sizeof(dir)))
			dir[0] = '\0';
		snprintf(out, size, "%s/%s", dir, w->program);
		return;
	}
	n = readlink("/proc/self/exe", out, size - 1);
	out[n < 0 ? 0 : n] = '\0';
	/* Over a rebuilt program the kernel's link says "(deleted)". */
	if (n > 10 && strcmp(out + n - 10, " (deleted)") == 0)
		out[n - 10] = '\0';
}

/* argv and the environment in one block, owned; the members are views. */
static char **
words(const struct crew *c, const struct gc_workers *w, char *program,
    char *started, char ***env)
{
	char **from = w->arguments ? (char **)(uintptr_t)w->arguments
				   : c->argv + (c->argv[0] != NULL);
	size_t n = 0, m = 0, at = 0;
	char **all;

	while (from[n])
		n++;
	while (environ[m])
		m++;
	all = calloc(n + m + 4, sizeof(*all));
	if (all == NULL)
		return NULL;
	all[at++] = program;
	memcpy(all + at, from, n * sizeof(*all));
	*env = all + n + 2;
	memcpy(*env, environ, m * sizeof(*all));
	(*env)[m] = started;
	return all;
}

/* The two ends go to their places over numbers that neither has. */
static int
spawn(const struct crew *c, struct hand *h, const struct pipes *p)
{
	char program[PATH_MAX + 256], started[128], **argv, **env = NULL;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int e;

	program_of(h->of, program, sizeof(program));
	snprintf(started, sizeof(started), WORKER "=%ld %.64s", (long)getpid(),
	    h->of->name);
	argv = words(c, h->of, program, started, &env);
	if (argv == NULL)
		return ENOMEM;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, p->up_r, 100);
	posix_spawn_file_actions_adddup2(&files, p->down_w, 101);
	posix_spawn_file_actions_adddup2(&files, 100, FD_IN);
	posix_spawn_file_actions_adddup2(&files, 101, FD_OUT);
	posix_spawn_file_actions_addclosefrom_np(&files, FD_OUT + 1);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	e = posix_spawn(&h->pid, program, &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	free(argv);
	return e;
}

static void
say(int control, const struct hand *h, const char *what, const char *how)
{
	struct ipc_control m = {
		.type = IPC_CONTROL_LOG, .number = 1, .fds = { -1, -1 }
	};

	snprintf(m.text, sizeof(m.text), "%s workers=%s pid=%ld how=\"%s\"",
	    what, h->of->name, (long)h->pid, how);
	ipc_control_send(control, &m);
}

static uint64_t
again_us(struct hand *h, uint64_t now)
{
	unsigned times = h->quick < AGAIN_MAX ? h->quick : AGAIN_MAX;

	h->quick++;
	return times ? now + ((uint64_t)AGAIN_US << (times - 1)) : now;
}

static void
hand_start(struct crew *c, struct hand *h, int control)
{
	struct ipc_control m = { .type = IPC_CONTROL_WORKER,
		.number = ++c->numbers,
		.fds = { -1, -1 } };
	struct pipes p;
	int e = 0;

	h->number = c->numbers;
	h->began_us = clock_us();
	h->kill_us = 0;
	if (pipes_open(&p)) {
		e = spawn(c, h, &p);
		pipes_close_game(&p);
		if (e)
			pipes_close_netd(&p);
	} else {
		e = errno;
	}
	if (e) {
		h->pid = 0;
		h->start_us = again_us(h, h->began_us);
		say(control, h, "worker_not_started", strerror(e));
	} else {
		m.fds[0] = p.up_w;
		m.fds[1] = p.down_r;
		m.value = (uint64_t)h->pid;
	}
	snprintf(m.text, sizeof(m.text), "%s", h->of->name);
	/* Who is not heard of ends with its pipes. */
	ipc_control_send(control, &m);
	if (e == 0)
		pipes_close_netd(&p);
}

/* ---- watching ----------------------------------------------------------- */

void
crew_run(struct crew *c, int control)
{
	uint64_t now = c->n ? clock_us() : 0;

	for (size_t i = 0; i < c->n; i++) {
		struct hand *h = &c->hands[i];

		if (h->pid && h->kill_us && h->kill_us <= now) {
			kill(h->pid, SIGKILL);
			h->kill_us = 0;
		} else if (h->pid == 0 && !c->ending && control >= 0 &&
			   h->start_us <= now) {
			hand_start(c, h, control);
		}
	}
}

int
crew_wait_ms(const struct crew *c)
{
	uint64_t now = c->n ? clock_us() : 0, first = UINT64_MAX;

	for (size_t i = 0; i < c->n; i++) {
		const struct hand *h = &c->hands[i];
		uint64_t at = h->pid ? h->kill_us : c->ending ? 0 : h->start_us;

		if (at && at < first)
			first = at;
	}
	if (first == UINT64_MAX)
		return -1;
	return first > now ? (int)((first - now) / 1000) + 1 : 0;
}

size_t
crew_alive(const struct crew *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += c->hands[i].pid != 0;
	return n;
}

bool
crew_ended(struct crew *c, pid_t pid, int status, int control)
{
	struct hand *h = c->hands, *end = h + c->n;
	uint64_t now;
	char how[64];

	while (h < end && h->pid != pid)
		h++;
	if (h == end)
		return false;
	if (status && !c->ending && control >= 0)
		say(control, h, "worker_died",
		    launch_how(status, how, sizeof(how)));
	now = clock_us();
	if (now - h->began_us > LIVED_US)
		h->quick = 0;
	h->start_us = again_us(h, now);
	/* Who ended well was let go by netd, which tells us so in a moment. */
	if (status == 0 && h->start_us < now + AGAIN_US)
		h->start_us = now + AGAIN_US;
	h->pid = 0;
	return true;
}

void
crew_kill(struct crew *c, uint32_t number)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->hands[i].number == number && c->hands[i].pid)
			kill(c->hands[i].pid, SIGKILL);
}

void
crew_lost(struct crew *c)
{
	uint64_t now = clock_us();

	for (size_t i = 0; i < c->n; i++)
		if (c->hands[i].pid)
			c->hands[i].kill_us = now + END_US;
}

void
crew_end(struct crew *c, bool at_once)
{
	if (!c->ending)
		crew_lost(c);
	c->ending = true;
	for (size_t i = 0; at_once && i < c->n; i++)
		if (c->hands[i].pid)
			kill(c->hands[i].pid, SIGKILL);
}

/* ---- without a launcher ------------------------------------------------- */

static void
reap(struct crew *c, int control)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		crew_ended(c, pid, status, control);
}

/* netd's words that are for whoever runs workers. False: it has ended. */
static bool
hear(struct crew *c, int control)
{
	struct ipc_control m;

	if (ipc_control_recv(control, &m) <= 0)
		return false;
	if (m.type == IPC_CONTROL_WORKER_KILL)
		crew_kill(c, m.number);
	else if (m.type == IPC_CONTROL_NO_WORKERS)
		crew_end(c, false);
	for (int i = 0; i < IPC_CONTROL_FDS_MAX; i++)
		if (m.fds[i] >= 0)
			close(m.fds[i]);
	return true;
}

/* The whole life of the process beside the game. */
static void
watch(struct crew *c, int control, int signals)
{
	struct signalfd_siginfo si;

	while (!c->ending || crew_alive(c)) {
		struct pollfd fds[2] = { { .fd = signals, .events = POLLIN },
			{ .fd = control, .events = POLLIN } };
		bool end = false;

		crew_run(c, control);
		if (poll(fds, 2, crew_wait_ms(c)) < 0)
			continue;
		while (read(signals, &si, sizeof(si)) == sizeof(si))
			end = end || si.ssi_signo == SIGTERM;
		reap(c, control);
		if (fds[1].revents && !hear(c, control))
			end = true;
		if (end && control >= 0) {
			/* netd closes their pipes when it sees this closed. */
			close(control);
			control = -1;
			crew_end(c, false);
		}
	}
}

pid_t
crew_beside(const struct gc_workers *table, char **argv, int control)
{
	pid_t pid, parent = getpid();
	struct crew c;
	sigset_t mine;

	if (table == NULL || table->name == NULL)
		return 0;
	crew_declare(table, control);
	fflush(NULL);
	pid = fork();
	if (pid != 0)
		return pid > 0 ? pid : 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	prctl(PR_SET_NAME, "penstock-crew");
	if (!crew_init(&c, table, argv))
		_exit(1);
	tty_forget();
	launch_deafen();
	sigemptyset(&mine);
	sigaddset(&mine, SIGCHLD);
	sigaddset(&mine, SIGTERM);
	sigprocmask(SIG_BLOCK, &mine, NULL);
	watch(&c, control, signalfd(-1, &mine, SFD_CLOEXEC | SFD_NONBLOCK));
	_exit(0);
}

/* ---- in a worker -------------------------------------------------------- */

bool
crew_started(struct launched *l)
{
	const char *said = getenv(WORKER);
	char *name;
	long parent = said ? strtol(said, &name, 10) : 0;

	if (said == NULL || *name != ' ')
		return false;
	/* Nobody is there to whom it could be of use. */
	if (parent != (long)getppid())
		raise(SIGKILL);
	*l = (struct launched){ .up = FD_IN,
		.down = FD_OUT,
		.control = -1,
		.pid = (uint32_t)getpid(),
		.keeper = -1 };
	snprintf(l->worker, sizeof(l->worker), "%s", name + 1);
	unsetenv(WORKER);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (parent != (long)getppid())
		raise(SIGKILL);
	prctl(PR_SET_NAME, l->worker);
	fcntl(FD_IN, F_SETFD, FD_CLOEXEC);
	fcntl(FD_OUT, F_SETFD, FD_CLOEXEC);
	launch_deafen();
	return true;
}
