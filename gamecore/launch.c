/*
 * launch.c - one process becomes two or three: netd, the game, and between
 * them and the shell the launcher, which only waits.
 *
 * The only file of this room that knows sockets, signals and processes. Pipes
 * are made fresh for each game and each netd and never used again after a
 * death, so half a frame can never meet the next process. The launcher returns
 * from gc_open() like everybody else: it never exits by itself.
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
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Where netd finds its end of the control socket. */
#define NETD_CONTROL_FD 3
/* A pipe holds this much, if the system lets it: one slice more than what
 * leaves at once, so that a write seldom waits for its reader. */
#define PIPE_BYTES (2 * (int)IPC_SLICE)
/* For netd to flush everybody's queue after the game's end: its own limit is
 * 10 s by default, then it is ended. */
#define NETD_END_MS 12000
/* For a game that was asked to stop and has no netd any more. */
#define GAME_END_MS 2000
/* For a netd whose pipe ended to be seen dead; else it hung up on purpose. */
#define NETD_DEAD_MS 2000
/* Each netd numbers its connections from so much above the one before, and its
 * checkpoints: more than either comes to. */
#define CONNS_APART 1000000000000u
#define CHECKPOINTS_APART ((uint64_t)1 << 32)
/* Unless the limits of these names say otherwise, netd is given up when it
 * dies once more than so often in this time. */
#define RESTARTS_MAX 5
#define RESTARTS_MS 30000
/* Of one --record FILE: FILE.2 ... */
#define RECORDINGS_MAX 1000

extern char **environ;

/* ---- small tools -------------------------------------------------------- */

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

static int
control_send(int control, unsigned type, uint64_t value, const char *text)
{
	struct ipc_control m = { .type = type, .value = value };

	for (int i = 0; i < IPC_CONTROL_FDS_MAX; i++)
		m.fds[i] = -1;
	snprintf(m.text, sizeof(m.text), "%s", text);
	return ipc_control_send(control, &m);
}

bool
pipes_open(struct pipes *p)
{
	int up[2], down[2];

	if (pipe2(up, O_CLOEXEC) < 0)
		return false;
	if (pipe2(down, O_CLOEXEC) < 0) {
		close(up[0]);
		close(up[1]);
		return false;
	}
	/* A refusal (the user's pipes take too much already) costs speed. */
	fcntl(up[1], F_SETPIPE_SZ, PIPE_BYTES);
	fcntl(down[1], F_SETPIPE_SZ, PIPE_BYTES);
	*p = (struct pipes){ up[0], up[1], down[0], down[1] };
	return true;
}

void
pipes_close_game(const struct pipes *p)
{
	close(p->up_r);
	close(p->down_w);
}

void
pipes_close_netd(const struct pipes *p)
{
	close(p->up_w);
	close(p->down_r);
}

/* How the game was started, for recordings: a line for each word. What does
 * not fit any more is left out. */
static void
write_arguments(char **argv, char *out, size_t size)
{
	for (size_t n = 0; *argv; argv++) {
		size_t at = n;

		for (const char *p = *argv; *p && at + 4 < size; p++) {
			if (*p == '\\' || *p == '\n')
				out[at++] = '\\';
			out[at++] = (char)(*p == '\n' ? 'n' : *p);
		}
		if (at + 4 >= size)
			return;
		out[at++] = '\n';
		out[at] = '\0';
		n = at;
	}
}

/* Hand netd its two ends of fresh pipes, and forget them here. */
static bool
link_send(int control, enum ipc_link_how how, uint64_t value, char **argv,
    struct pipes *p)
{
	struct ipc_control m = {
		.type = IPC_CONTROL_LINK, .number = how, .value = value
	};
	bool ok;

	if (!pipes_open(p))
		return false;
	write_arguments(argv, m.text, sizeof(m.text));
	m.fds[0] = p->up_w;
	m.fds[1] = p->down_r;
	ok = ipc_control_send(control, &m) == 0;
	if (!ok)
		pipes_close_game(p);
	pipes_close_netd(p);
	return ok;
}

static void
set_signal(int number, void (*handler)(int))
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESTART };

	sigemptyset(&sa.sa_mask);
	sigaction(number, &sa, NULL);
}

/* ---- netd --------------------------------------------------------------- */

/* argv of netd, owned, its members views; number: NETD_CONTROL_FD in digits */
static const char **
netd_arguments(const struct options *o, const char *file, const char *number)
{
	size_t n = 0, limits = 0;
	const char **argv;

	while (o->limits[limits])
		limits++;
	argv = calloc(2 * limits + 16, sizeof(*argv));
	if (argv == NULL)
		return NULL;
	argv[n++] = file;
	argv[n++] = "--control";
	argv[n++] = number;
	if (o->no_journal) {
		argv[n++] = "--limit";
		argv[n++] = "flight_bytes=0";
	}
	for (size_t i = 0; i < limits; i++) {
		argv[n++] = "--limit";
		argv[n++] = o->limits[i];
	}
	if (o->notice) {
		argv[n++] = "--notice";
		argv[n++] = o->notice;
	}
	if (o->record) {
		argv[n++] = "--record";
		argv[n++] = o->record;
	}
	if (o->crash_dir) {
		argv[n++] = "--crash-dir";
		argv[n++] = o->crash_dir;
	}
	/* Where somebody plays nobody wants to read what netd does. */
	if (o->log || (tty_is_open() && isatty(STDERR_FILENO))) {
		argv[n++] = "--log";
		argv[n++] = o->log ? o->log : "error";
	}
	return argv;
}

/* Start it with one descriptor and its own process group: the terminal's
 * Ctrl-C is for the launcher, which asks netd to stop in order. */
static int
spawn(pid_t *pid, const char *file, const char **argv, int control)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, usual;
	int e;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGINT);
	sigaddset(&usual, SIGTERM);
	sigaddset(&usual, SIGHUP);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGCHLD);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, control, NETD_CONTROL_FD);
	posix_spawn_file_actions_addclosefrom_np(&files, NETD_CONTROL_FD + 1);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &usual);
	posix_spawnattr_setpgroup(&attr, 0);
	/* In a session of its own it may read the terminal. */
	posix_spawnattr_setflags(
	    &attr, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
			   (tty_is_open() ? POSIX_SPAWN_SETSID
					  : POSIX_SPAWN_SETPGROUP)));
	e = posix_spawnp(
	    pid, file, &files, &attr, (char **)(uintptr_t)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return e;
}

/* Start netd: its pid and our end of the control socket. */
static bool
netd_start(
    const struct options *o, struct gc_start *start, pid_t *pid, int *control)
{
	char file[PATH_MAX], number[16];
	const char **argv;
	int ends[2], e = ENOMEM;

	where_netd(o->netd, file, sizeof(file));
	snprintf(number, sizeof(number), "%d", NETD_CONTROL_FD);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		options_say(start, 1, "cannot start netd: %s", strerror(errno));
		return false;
	}
	argv = netd_arguments(o, file, number);
	if (argv)
		e = spawn(pid, file, argv, ends[1]);
	free(argv);
	close(ends[1]);
	if (e) {
		close(ends[0]);
		options_say(start, 1,
		    "cannot start netd '%s': %s (name it with --netd FILE or "
		    "$PENSTOCK_NETD)",
		    file, strerror(e));
		return false;
	}
	*control = ends[0];
	tty_hand_over(*control);
	return true;
}

/* ---- the launcher: wait, and what happens then -------------------------- */

/* A listening socket, kept for the next netd. */
struct kept {
	struct kept *next;
	uint32_t number;
	int fd;
	char url[IPC_CONTROL_TEXT_MAX];
};

struct launcher {
	const struct options *o;
	struct gc_start *start;
	int control;      /* to netd, or -1 when it has closed it */
	int signals;      /* a signalfd */
	pid_t netd, game; /* 0: has ended */
	int netd_status, game_status;
	int stops; /* how often we were asked to stop */
	int stop_signal;
	bool netd_first; /* it ended while the game was still there */
	bool no_start;   /* the game could not start, and has said why */
	bool cut_off; /* the game was asked to stop, did not, and was killed */
	struct wake wake;
	struct crew crew;
	pid_t next; /* the new game of an upgrade */
	bool next_ended;
	int next_status;
	pid_t old;         /* an upgrade ended this one */
	uint64_t old_from; /* its first checkpoint, if it was the new one */
	uint32_t upgrades; /* under this netd */
	char hung[64];     /* why netd had the game ended, or "" */
	struct kept *kept;
	struct pipes fresh; /* the game's ends, until it asks for them */
	bool have_fresh;
	char key[65];      /* for the tokens of all netds, in digits */
	unsigned respawns; /* how many netds came after the first */
	unsigned deaths;   /* of netd since then_us */
	uint64_t then_us;
	bool given_up; /* no further netd; start->text says why */
};

/* Does netd remember what a frozen copy of the game needs? */
static bool
can_wake(const struct launcher *l)
{
	return l->wake.keeper >= 0 && !l->o->no_journal;
}

/* netd can do nothing for us any more but end. */
static void
tell_netd(struct launcher *l, unsigned type, uint64_t value, const char *text)
{
	if (l->control >= 0 && l->netd)
		control_send(l->control, type, value, text);
}

static uint64_t
clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The game's ends of pipes that it did not ask for. */
static void
drop_fresh(struct launcher *l)
{
	if (l->have_fresh)
		pipes_close_game(&l->fresh);
	l->have_fresh = false;
}

/*
 * The game ended otherwise than by gc_close() and status 0. netd, which knows
 * what the game had in hand, says what comes next: WAKE, COLD, or its own end.
 */
static void
game_died(struct launcher *l)
{
	struct ipc_control m = { .type = IPC_CONTROL_DIED,
		.number = l->upgrades,
		.value = (unsigned)l->game_status,
		.fds = { -1, -1 } };
	char how[64];

	if (l->wake.last_words[0])
		tell_netd(l, IPC_CONTROL_LOG, 0, l->wake.last_words);
	l->wake.last_words[0] = '\0';
	launch_how(l->game_status, how, sizeof(how));
	snprintf(
	    m.text, sizeof(m.text), "how=\"%s\"", l->hung[0] ? l->hung : how);
	l->hung[0] = '\0';
	tell_netd(l, IPC_CONTROL_HAND, wake_hand(&l->wake), "");
	if (l->control >= 0 && l->netd)
		ipc_control_send(l->control, &m);
	if (!l->no_start && l->stops == 0 && can_wake(l))
		return;
	tell_netd(l, IPC_CONTROL_GIVE_UP, 0, "");
}

static void
game_ended(struct launcher *l, int status)
{
	pid_t pid = l->game;

	l->game = 0;
	l->game_status = status;
	drop_fresh(l);
	/* What it said last lies in the keeper socket. */
	wake_told(&l->wake);
	l->no_start = l->wake.no_start == pid;
	if (status) {
		game_died(l);
		return;
	}
	tell_netd(l, IPC_CONTROL_ENDED, 0, "");
}

/* ---- a new netd ---------------------------------------------------------- */

/* A limit as it was given to netd, in its smallest unit. */
static uint64_t
limit_of(const struct options *o, const char *name, uint64_t preset)
{
	size_t len = strlen(name);

	for (size_t i = 0; o->limits[i]; i++) {
		char *end;
		uint64_t v;

		if (strncmp(o->limits[i], name, len) != 0 ||
		    o->limits[i][len] != '=')
			continue;
		v = strtoull(o->limits[i] + len + 1, &end, 10);
		if (*end == 's')
			v *= 1000;
		else if (*end == 'h')
			v *= 3600000;
		else if (strcmp(end, "m") == 0)
			v *= 60000;
		preset = v;
	}
	return preset;
}

/* Dies it too often? */
static bool
loops(struct launcher *l, uint64_t now, const char *how)
{
	uint64_t ms = limit_of(l->o, "restarts_ms", RESTARTS_MS);
	uint64_t max = limit_of(l->o, "restarts_max", RESTARTS_MAX);

	if (l->deaths == 0 || now - l->then_us > ms * 1000) {
		l->deaths = 0;
		l->then_us = now;
	}
	if (++l->deaths <= max)
		return false;
	options_say(l->start, 1,
	    "netd died %u times in %.1f s, the last time of: %s; given up",
	    l->deaths, (double)(now - l->then_us) / 1e6, how);
	return true;
}

/* The sockets first: from then on it accepts. */
static void
hand_over_listeners(struct launcher *l)
{
	for (const struct kept *k = l->kept; k; k = k->next) {
		struct ipc_control m = { .type = IPC_CONTROL_ADOPT,
			.number = k->number,
			.value = l->respawns * CONNS_APART,
			.fds = { k->fd, -1 } };

		snprintf(m.text, sizeof(m.text), "%s", k->url);
		ipc_control_send(l->control, &m);
	}
}

static void
say_netd_died(struct launcher *l, const char *how, uint64_t since_us)
{
	struct ipc_control m = { .type = IPC_CONTROL_LOG,
		.number = 2,
		.value = since_us,
		.fds = { -1, -1 } };

	snprintf(m.text, sizeof(m.text), "netd_died how=\"%s\"", how);
	ipc_control_send(l->control, &m);
}

/*
 * Who asked for fresh pipes gets them once netd has the other ends. Until we
 * know that netd is dead, and which of two games it left, they wait.
 */
static void
answer_again(struct launcher *l)
{
	struct wake *w = &l->wake;

	for (size_t i = 0; i < w->n_askers;) {
		pid_t pid = w->askers[i].pid;

		if (pid == l->game && l->have_fresh) {
			wake_answer(w, i, &l->fresh);
			drop_fresh(l);
		} else if (l->netd && (pid == l->game || pid == l->next)) {
			i++;
		} else {
			wake_answer(w, i, NULL);
		}
	}
}

/* The game that runs keeps what it has and is linked anew; one that died under
 * the old netd starts again, since nobody knows what it had been told. */
static bool
link_game(struct launcher *l)
{
	/* Frozen copies stand in a stream that is no more. */
	wake_dismiss(&l->wake, UINT64_MAX);
	if (l->game == 0) {
		l->game = wake_cold(&l->wake, l->control, IPC_LINK_FIRST);
		return l->game != 0;
	}
	l->have_fresh = link_send(l->control, IPC_LINK_AGAIN,
	    can_wake(l) ? l->respawns * CHECKPOINTS_APART : 0, l->o->argv,
	    &l->fresh);
	return l->have_fresh;
}

/*
 * A recording ends with the netd that wrote it; the next goes on in FILE.2 and
 * so on. False: it cannot, or FILE is a device.
 */
static bool
next_recording(const char *file, char *out, size_t size)
{
	struct stat st;

	if (stat(file, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	for (unsigned i = 2; i < RECORDINGS_MAX; i++) {
		int n = snprintf(out, size, "%s.%u", file, i), fd;

		if (n < 0 || (size_t)n >= size)
			return false;
		fd = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0)
			close(fd);
		if (fd >= 0 || errno != EEXIST)
			return fd >= 0;
	}
	return false;
}

static void
make_key(char out[65])
{
	uint8_t key[32];

	while (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
		continue;
	for (size_t i = 0; i < sizeof(key); i++)
		snprintf(out + 2 * i, 3, "%02x", key[i]);
}

static void
respawn_netd(struct launcher *l)
{
	struct options o = *l->o;
	uint64_t now = clock_us();
	char how[64], file[PATH_MAX];

	if (o.record && !next_recording(o.record, file, sizeof(file)))
		o.record = NULL;
	else if (o.record)
		o.record = file;
	launch_how(l->netd_status, how, sizeof(how));
	if (loops(l, now, how) ||
	    !netd_start(&o, l->start, &l->netd, &l->control)) {
		/* The game is told, and ends by itself. */
		l->given_up = true;
		crew_end(&l->crew, false);
		answer_again(l);
		return;
	}
	l->respawns++;
	control_send(l->control, IPC_CONTROL_KEY, 0, l->key);
	crew_lost(&l->crew);
	crew_declare(l->start->workers, l->control);
	hand_over_listeners(l);
	say_netd_died(l, how, now);
	/* If it died at once or we have no descriptors: the next try. */
	if (!link_game(l))
		kill(l->netd, SIGKILL);
	answer_again(l);
}

/* Is there, or will there be, a game for a new netd? */
static bool
game_goes_on(const struct launcher *l)
{
	return l->game || (l->game_status && !l->no_start && can_wake(l));
}

static void on_control(struct launcher *l);

/* What it said last lies in the control socket. */
static void
hear_out(struct launcher *l)
{
	while (l->control >= 0)
		on_control(l);
}

/*
 * Killed, or crashed: a new one with the same listeners takes its place, and
 * no connect is refused. One that ended with a status has said why.
 */
static void
netd_ended(struct launcher *l, int status)
{
	l->netd = 0;
	l->netd_status = status;
	tty_restore();
	hear_out(l);
	drop_fresh(l);
	if (l->next && !l->next_ended) /* its link is gone; the old plays on */
		kill(l->next, SIGKILL);
	l->next = 0;
	l->upgrades = 0;
	if (WIFSIGNALED(status) && l->stops == 0 && l->wake.keeper >= 0 &&
	    game_goes_on(l)) {
		respawn_netd(l);
		return;
	}
	l->netd_first = l->game != 0;
	crew_end(&l->crew, false);
	answer_again(l);
}

/* netd sees its pipe end, and says whether it had taken over before. */
static void
next_ended(struct launcher *l, int status)
{
	l->next_ended = true;
	l->next_status = status;
}

/* The copies of a new game that was not to be go with it. */
static void
old_ended(struct launcher *l)
{
	l->old = 0;
	if (l->old_from == 0)
		return;
	wake_told(&l->wake);
	wake_dismiss_next(&l->wake, l->old_from);
}

static void
reap(struct launcher *l)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == l->game)
			game_ended(l, status);
		else if (pid == l->next)
			next_ended(l, status);
		else if (pid == l->old)
			old_ended(l);
		else if (pid == l->netd)
			netd_ended(l, status);
		else
			crew_ended(
			    &l->crew, pid, status, l->netd ? l->control : -1);
	}
}

/* Once: everything ends in order. Twice: at once. */
static void
asked_to_stop(struct launcher *l, int number)
{
	l->stop_signal = number;
	if (++l->stops == 1) {
		if (l->netd &&
		    control_send(l->control, IPC_CONTROL_STOP, 0, "") < 0)
			kill(l->netd, SIGTERM);
		return;
	}
	tell_netd(l, IPC_CONTROL_STOP_NOW, 0, "");
	crew_end(&l->crew, true);
	if (l->game)
		kill(l->game, SIGKILL);
	if (l->netd && l->stops > 2)
		kill(l->netd, SIGKILL);
}

static void
on_signals(struct launcher *l)
{
	struct signalfd_siginfo si;

	while (read(l->signals, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			reap(l);
		else if (si.ssi_signo == SIGHUP && !tty_is_open())
			tell_netd(l, IPC_CONTROL_UPGRADE, 0, "");
		else
			asked_to_stop(l, si.ssi_signo == SIGHUP
					     ? SIGTERM
					     : (int)si.ssi_signo);
	}
}

/* Somebody looks at it, or stopped it: that is no hang. */
static bool
held_by_debugger(pid_t pid)
{
	char path[64], line[256];
	bool held = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "State:\t", 7) == 0)
			held = held || line[7] == 'T' || line[7] == 't';
		else if (strncmp(line, "TracerPid:", 10) == 0)
			held = held || strtol(line + 10, NULL, 10) != 0;
	}
	if (f)
		fclose(f);
	return held;
}

static void
on_kill(struct launcher *l, const struct ipc_control *m)
{
	if (l->game == 0 || l->netd == 0 || held_by_debugger(l->game))
		return;
	snprintf(l->hung, sizeof(l->hung), "%.60s", m->text);
	kill(l->game, SIGKILL);
}

static void
on_checkpointed(struct launcher *l, const struct ipc_control *m)
{
	wake_told(&l->wake);
	wake_dismiss(&l->wake, m->value);
}

static void
on_cold(struct launcher *l, const struct ipc_control *m)
{
	(void)m;
	if (l->game || l->stops || l->netd == 0)
		return;
	wake_dismiss(&l->wake, UINT64_MAX);
	l->game = wake_cold(&l->wake, l->control, IPC_LINK_COLD);
	if (l->game == 0)
		tell_netd(l, IPC_CONTROL_GIVE_UP, 0, "");
}

static void
on_wake(struct launcher *l, const struct ipc_control *m)
{
	if (l->game || l->stops || l->netd == 0)
		return;
	l->game = wake_frozen(&l->wake, l->control, m->value);
	if (l->game == 0)
		on_cold(l, m);
}

/* Its link is netd's already, and ends. */
static void
say_not_started(struct launcher *l)
{
	struct ipc_control m = {
		.type = IPC_CONTROL_LOG, .number = 2, .fds = { -1, -1 }
	};

	snprintf(m.text, sizeof(m.text),
	    "cannot_start program=\"%.1000s\" why=\"%s\"", l->wake.program,
	    strerror(errno));
	ipc_control_send(l->control, &m);
}

static void
on_upgrade(struct launcher *l, const struct ipc_control *m)
{
	(void)m;
	if (l->next || l->netd == 0 || l->stops)
		return;
	l->next_ended = false;
	l->next = wake_cold(&l->wake, l->control, IPC_LINK_UPGRADE);
	if (l->next == 0)
		say_not_started(l);
}

static void
took_over(struct launcher *l)
{
	l->upgrades++;
	l->old = l->game;
	l->old_from = 0;
	if (l->game)
		kill(l->game, SIGKILL);
	l->game = l->next;
	l->wake.hand = !l->wake.hand;
	l->next = 0;
	if (l->next_ended)
		game_ended(l, l->next_status);
}

static void
did_not(struct launcher *l, uint64_t checkpoints)
{
	l->old_from = checkpoints;
	if (l->next && !l->next_ended) {
		l->old = l->next;
		kill(l->next, SIGKILL);
	} else {
		old_ended(l);
	}
	l->next = 0;
}

static void
on_upgraded(struct launcher *l, const struct ipc_control *m)
{
	wake_told(&l->wake);
	if (m->number)
		took_over(l);
	else
		did_not(l, m->value);
}

static void
on_no_workers(struct launcher *l, const struct ipc_control *m)
{
	(void)m;
	crew_end(&l->crew, false);
}

static void
on_worker_kill(struct launcher *l, const struct ipc_control *m)
{
	crew_kill(&l->crew, m->number);
}

static void
on_unlistened(struct launcher *l, const struct ipc_control *m)
{
	struct kept **p = &l->kept, *k;

	while (*p && (*p)->number != m->number)
		p = &(*p)->next;
	k = *p;
	if (k == NULL)
		return;
	*p = k->next;
	close(k->fd);
	free(k);
}

static void
on_listener(struct launcher *l, const struct ipc_control *m)
{
	struct kept *k;

	/* A game that starts again is told of its listeners again. */
	on_unlistened(l, m);
	k = malloc(sizeof(*k));
	if (k == NULL)
		return;
	k->number = m->number;
	k->fd = fcntl(m->fds[0], F_DUPFD_CLOEXEC, 0);
	snprintf(k->url, sizeof(k->url), "%s", m->text);
	if (k->fd < 0) {
		free(k);
		return;
	}
	k->next = l->kept;
	l->kept = k;
}

/* What netd may say; kinds without a row need no answer from us. */
static void (*const orders[])(struct launcher *, const struct ipc_control *) = {
	[IPC_CONTROL_LISTENER] = on_listener,
	[IPC_CONTROL_UNLISTENED] = on_unlistened,
	[IPC_CONTROL_KILL] = on_kill,
	[IPC_CONTROL_CHECKPOINTED] = on_checkpointed,
	[IPC_CONTROL_WAKE] = on_wake,
	[IPC_CONTROL_COLD] = on_cold,
	[IPC_CONTROL_UPGRADE] = on_upgrade,
	[IPC_CONTROL_UPGRADED] = on_upgraded,
	[IPC_CONTROL_NO_WORKERS] = on_no_workers,
	[IPC_CONTROL_WORKER_KILL] = on_worker_kill,
};
#define N_ORDERS (sizeof(orders) / sizeof(orders[0]))

static void
on_control(struct launcher *l)
{
	struct ipc_control m;

	int r = ipc_control_recv(l->control, &m);

	/* It died with orders unread; what it said itself is still there. */
	if (r < 0 && errno == ECONNRESET)
		return;
	if (r <= 0) {
		close(l->control);
		l->control = -1;
		return;
	}
	if (m.type < N_ORDERS && orders[m.type])
		orders[m.type](l, &m);
	for (int i = 0; i < IPC_CONTROL_FDS_MAX; i++)
		if (m.fds[i] >= 0)
			close(m.fds[i]);
}

/* How long poll() may wait, and what to do when nothing came. */
static int
patience_ms(const struct launcher *l)
{
	if (l->netd == 0 && l->stops)
		return GAME_END_MS;
	if (l->netd == 0 && l->given_up)
		return NETD_END_MS;
	return l->wake.n_askers ? NETD_DEAD_MS : -1;
}

static void
out_of_patience(struct launcher *l)
{
	/* netd lives, and ended the game's link: the game ends, too. */
	while (l->wake.n_askers)
		wake_answer(&l->wake, 0, NULL);
	if (l->netd || l->cut_off || l->game == 0)
		return;
	l->cut_off = true;
	kill(l->game, SIGKILL);
}

static void
wait_for_all(struct launcher *l)
{
	reap(l);
	while (l->game || l->netd || crew_alive(&l->crew)) {
		struct pollfd fds[3] = { { .fd = l->signals, .events = POLLIN },
			{ .fd = l->control, .events = POLLIN },
			{ .fd = l->wake.keeper, .events = POLLIN } };
		int patience = patience_ms(l), crew, n;

		crew_run(&l->crew, l->netd ? l->control : -1);
		crew = crew_wait_ms(&l->crew);
		n = poll(fds, 3,
		    crew >= 0 && (patience < 0 || crew < patience) ? crew
								   : patience);
		if (n < 0)
			continue;
		if (n == 0 && (crew < 0 || (patience >= 0 && crew >= patience)))
			out_of_patience(l);
		if (fds[2].revents) {
			wake_told(&l->wake);
			answer_again(l);
		}
		if (fds[1].revents)
			on_control(l);
		if (fds[0].revents)
			on_signals(l);
	}
	while (l->kept)
		on_unlistened(
		    l, &(struct ipc_control){ .number = l->kept->number });
}

static int
shell_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

/* What main() returns and says at the launcher's end. Whoever ended with a
 * status of its own has said why itself. */
static void
verdict(struct launcher *l)
{
	char how[64];

	if (l->given_up)
		return;
	l->start->text = "";
	l->start->status = shell_status(l->game_status);
	launch_how(l->game_status, how, sizeof(how));
	if (l->stops > 1)
		l->start->status = 128 + l->stop_signal;
	else if (l->cut_off || (l->netd_first && l->stops && l->netd_status))
		options_say(
		    l->start, 1, "the game did not end when asked: %s", how);
	else if (WIFSIGNALED(l->netd_status))
		options_say(l->start, 1, "netd died: %s",
		    launch_how(l->netd_status, how, sizeof(how)));
	else if (l->netd_first && l->netd_status)
		l->start->status = 1;
	else if (WIFSIGNALED(l->game_status))
		options_say(
		    l->start, l->start->status, "the game died: %s", how);
}

/* The signals that the launcher reads one by one. */
static void
launcher_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

/* The child: nothing but two pipes, and deaf to the terminal, since STOP
 * comes with the stream. It never outlives its launcher. */
static bool
become_game(struct launched *l, const struct pipes *p,
    const struct launcher *launcher, pid_t parent, const sigset_t *before)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		raise(SIGKILL);
	tty_forget();
	close(launcher->control);
	close(launcher->signals);
	if (launcher->wake.keeper >= 0)
		close(launcher->wake.keeper);
	if (launcher->wake.hands_fd >= 0)
		close(launcher->wake.hands_fd);
	launch_deafen();
	sigprocmask(SIG_SETMASK, before, NULL);
	*l = (struct launched){ .up = p->up_r,
		.down = p->down_w,
		.control = -1,
		.pid = (uint32_t)getpid(),
		.keeper = launcher->wake.game_keeper,
		.hand = launcher->wake.hands };
	return true;
}

void
launch_deafen(void)
{
	set_signal(SIGINT, SIG_IGN);
	set_signal(SIGTERM, SIG_IGN);
	set_signal(SIGHUP, SIG_IGN);
	set_signal(SIGPIPE, SIG_IGN);
}

static bool
launch_two(struct launched *l, const struct options *o, struct gc_start *start,
    char **argv)
{
	struct launcher me = { .o = o, .start = start, .control = -1 };
	char how[64];
	int e = 0;
	pid_t parent = getpid();
	struct pipes p;
	sigset_t mine, before;

	if (!netd_start(o, start, &me.netd, &me.control))
		return false;
	make_key(me.key);
	control_send(me.control, IPC_CONTROL_KEY, 0, me.key);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	wake_init(&me.wake, argv);
	crew_declare(start->workers, me.control);
	launcher_signals(&mine);
	sigprocmask(SIG_BLOCK, &mine, &before);
	me.signals = signalfd(-1, &mine, SFD_CLOEXEC | SFD_NONBLOCK);
	if (me.signals >= 0 && crew_init(&me.crew, start->workers, argv) &&
	    link_send(me.control, IPC_LINK_FIRST, can_wake(&me), argv, &p)) {
		/* What stdio holds must not leave twice. */
		fflush(NULL);
		me.game = fork();
		if (me.game == 0)
			crew_release(&me.crew);
		if (me.game == 0)
			return become_game(l, &p, &me, parent, &before);
		pipes_close_game(&p);
	}
	if (me.game <= 0) {
		e = errno;
		me.game = 0;
		tell_netd(&me, IPC_CONTROL_GIVE_UP, 0, "");
	}
	wait_for_all(&me);
	verdict(&me);
	if (e == EPIPE) /* netd read nothing of it */
		options_say(start, 1, "netd ended before the game began: %s",
		    launch_how(me.netd_status, how, sizeof(how)));
	else if (e)
		options_say(start, 1, "cannot start the game: %s", strerror(e));
	tty_restore();
	close(me.signals);
	wake_release(&me.wake);
	crew_release(&me.crew);
	if (me.control >= 0)
		close(me.control);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return false;
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

/* The link of a game that stays in this process. */
static bool
link_here(struct launched *l, const struct options *o, int control, pid_t netd,
    struct gc_start *start)
{
	struct pipes p;
	char how[64];
	int status;
	pid_t crew = crew_beside(start->workers, o->argv, control);

	if (!link_send(control, IPC_LINK_FIRST, 0, o->argv, &p)) {
		snprintf(how, sizeof(how), "%s", strerror(errno));
		status = launch_end(control, netd, crew, false);
		if (status >= 0)
			options_say(start, 1,
			    "netd ended before the game began: %s",
			    launch_how(status, how, sizeof(how)));
		else
			options_say(start, 1, "cannot reach netd: %s", how);
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

	return netd_start(o, start, &netd, &control) &&
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
		control_send(control,
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
launch_traced(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long tracer = 0;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "TracerPid:", 10) == 0)
			tracer = strtol(line + 10, NULL, 10);
	if (f)
		fclose(f);
	return tracer != 0;
}

bool
launch(struct launched *l, const struct options *o, struct gc_start *start,
    char **argv)
{
	if (crew_started(l))
		return true;
	if (o->replay)
		return replay(l, o, start);
	if (wake_started(l))
		return true;
	tty_open(o);
	if (o->attach)
		return launch_attach(l, o, start);
	if (o->foreground || launch_traced())
		return launch_foreground(l, o, start);
	return launch_two(l, o, start, argv);
}
