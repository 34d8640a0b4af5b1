/*
 * start.c - netd as a child of ours: its arguments, its one descriptor, its
 * process group. Next: launch.c, who it is for.
 */
#include "gamecore/core.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Where netd finds its end of the control socket. */
#define NETD_CONTROL_FD 3

extern char **environ;

/* argv of netd, owned, its members views; number: NETD_CONTROL_FD in digits */
static const char **
netd_arguments(const struct options *o, const char *file, const char *number)
{
	size_t n = 0, limits = 0;
	const char **argv;

	while (o->limits[limits])
		limits++;
	argv = calloc(2 * limits + 17, sizeof(*argv));
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
	if (o->no_lock)
		argv[n++] = "--no-lock";
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

bool
start_netd(
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
	needs_tell(o, start, *control);
	return true;
}
