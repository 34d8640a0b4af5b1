/*
 * deaths.c - finding the one process that is to die, and the moment for it.
 */
#include "tests/lib/deaths.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned
pipes_of(pid_t pid)
{
	char path[64], to[64];
	unsigned pipes = 0;

	for (int fd = 0; fd < 16; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)pid, fd);
		n = readlink(path, to, sizeof(to) - 1);
		pipes += n > 5 && strncmp(to, "pipe:", 5) == 0;
	}
	return pipes;
}

/* Two pipes: it is no frozen copy, and netd holds more than that beside. */
static bool
is_game(pid_t pid)
{
	return pipes_of(pid) == 2;
}

/* A worker has two pipes as well, and was told that it is one. */
static bool
is_worker(pid_t pid)
{
	static const char word[] = "PENSTOCK_WORKER=";
	char path[64], all[65536];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%ld/environ", (long)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	n = fread(all, 1, sizeof(all), f);
	fclose(f);
	return memmem(all, n, word, sizeof(word) - 1) != NULL;
}

static pid_t
parent_of(pid_t pid)
{
	char path[64], stat[512] = "";
	const char *after;
	long parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	after = fgets(stat, sizeof(stat), f) ? strrchr(stat, ')') : NULL;
	fclose(f);
	return after && sscanf(after, ") %*c %ld", &parent) == 1 ? (pid_t)parent
								 : 0;
}

static pid_t
find_game(pid_t launcher, pid_t netd)
{
	DIR *d = opendir("/proc");
	pid_t found = 0;

	for (struct dirent *e; d && found == 0 && (e = readdir(d));) {
		pid_t pid = (pid_t)atoi(e->d_name);

		if (pid > 0 && pid != netd && parent_of(pid) == launcher &&
		    is_game(pid) && !is_worker(pid))
			found = pid;
	}
	if (d)
		closedir(d);
	return found;
}

pid_t
death_game(struct kit_proc *launcher)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	pid_t netd = kit_child(launcher, "netd"), pid;

	while ((pid = find_game(launcher->pid, netd)) == 0) {
		if (kit_now_ms() > end)
			kit_fail("%s has no game", launcher->name);
		kit_tick();
	}
	return pid;
}

pid_t
death_signal(struct kit_proc *launcher, int signal)
{
	pid_t pid;

	do {
		pid = death_game(launcher);
	} while (kill(pid, signal) < 0 && errno == ESRCH);
	return pid;
}

/* ---- in the middle of a write ---------------------------------------------
 */

/* Field 3 of /proc/PID/stat. */
static char
state_of(pid_t pid)
{
	char path[64], stat[512] = "";
	const char *after = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fgets(stat, sizeof(stat), f))
		after = strrchr(stat, ')');
	fclose(f);
	return after ? after[2] : 0;
}

static void
stop(pid_t pid)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;

	if (kill(pid, SIGSTOP) < 0)
		kit_fail("kill %ld: %s", (long)pid, strerror(errno));
	while (state_of(pid) != 'T') {
		if (kit_now_ms() > end)
			kit_fail("%ld does not stop", (long)pid);
		kit_tick();
	}
}

/* Does it wait in this system call? */
static bool
waits_in(pid_t pid, long number)
{
	char path[64];
	long now = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/syscall", (long)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	if (fscanf(f, "%ld", &now) != 1)
		now = -1;
	fclose(f);
	return now == number;
}

pid_t
death_in_a_write(struct kit_proc *launcher, struct players *p)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	pid_t netd = kit_child(launcher, "netd"), game = death_game(launcher);

	/* The game stands, so what players say fills its pipe. */
	stop(game);
	players_talk(p, 30);
	stop(netd);
	/* Nobody reads its answers now, but it answers until it must wait. */
	kill(game, SIGCONT);
	while (state_of(game) != 'S' ||
	       !(waits_in(game, SYS_write) || waits_in(game, SYS_vmsplice) ||
		   waits_in(game, SYS_read))) {
		if (kit_now_ms() > end)
			kit_fail("the game does not wait");
		kit_tick();
	}
	kill(game, SIGKILL);
	kill(netd, SIGCONT);
	return game;
}

/* ---- at a byte ------------------------------------------------------------
 */

void
death_prepare(void)
{
	setenv("LEDGER_CUT", kit_path("cut"), 1);
}

void
death_at(const char *way, unsigned long bytes)
{
	const char *made = kit_path("cut.new");
	FILE *f = fopen(made, "we");

	if (f == NULL)
		kit_fail("%s: %s", made, strerror(errno));
	fprintf(f, "%s %lu\n", way, bytes);
	fclose(f);
	if (rename(made, getenv("LEDGER_CUT")) < 0)
		kit_fail("%s: %s", made, strerror(errno));
}

/* ---- copies ---------------------------------------------------------------
 */

/* A child of that process that stands, or that holds no pipe. */
static pid_t
find_copy(pid_t parent, bool stands)
{
	DIR *d = opendir("/proc");
	pid_t found = 0;

	for (struct dirent *e; d && found == 0 && (e = readdir(d));) {
		pid_t pid = (pid_t)atoi(e->d_name);

		if (pid <= 0 || parent_of(pid) != parent)
			continue;
		if (stands ? state_of(pid) == 'T'
			   : state_of(pid) == 'S' && pipes_of(pid) == 0)
			found = pid;
	}
	if (d)
		closedir(d);
	return found;
}

void
death_prepare_copy(void)
{
	setenv("LEDGER_COPY", kit_path("copy"), 1);
}

pid_t
death_slow_copy(struct kit_proc *launcher, struct players *p)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	pid_t game = death_game(launcher), copy;
	FILE *f = fopen(getenv("LEDGER_COPY"), "we");

	if (f == NULL)
		kit_fail("%s: %s", getenv("LEDGER_COPY"), strerror(errno));
	fclose(f);
	while ((copy = find_copy(game, true)) == 0) {
		if (kit_now_ms() > end)
			kit_fail("the game makes no copy");
		players_talk(p, 2);
	}
	return copy;
}

pid_t
death_copy(struct kit_proc *launcher)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	pid_t game = death_game(launcher), copy;

	while ((copy = find_copy(game, false)) == 0) {
		if (kit_now_ms() > end)
			kit_fail("the game has no copy");
		kit_tick();
	}
	return copy;
}

pid_t
death_of_copies(struct kit_proc *launcher)
{
	pid_t game = death_game(launcher), copy;

	death_copy(launcher);
	stop(game);
	/* Another may have taken its place before. */
	while ((copy = find_copy(game, false)) != 0) {
		kill(copy, SIGKILL);
		death_await(copy);
	}
	return game;
}

void
death_await(pid_t pid)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	char state;

	while ((state = state_of(pid)) != 0 && state != 'Z') {
		if (kit_now_ms() > end)
			kit_fail("process %ld is still there", (long)pid);
		kit_tick();
	}
}
