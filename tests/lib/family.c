/*
 * family.c - who descends from a launcher, by /proc.
 */
#include "tests/lib/family.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The parent, or 0 if it is not there; *state is a letter of ps. */
static pid_t
parent_of(pid_t pid, char *state)
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
	if (after == NULL || sscanf(after, ") %c %ld", state, &parent) != 2)
		return 0;
	return (pid_t)parent;
}

static bool
has_name(pid_t pid, const char *name)
{
	char path[64], comm[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	if (fgets(comm, sizeof(comm), f))
		comm[strcspn(comm, "\n")] = '\0';
	fclose(f);
	return strcmp(comm, name) == 0;
}

/* A frozen copy holds none, and netd has another name. */
static bool
has_two_pipes(pid_t pid)
{
	char path[64], to[64];
	unsigned pipes = 0;

	for (int fd = 0; fd < 16; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)pid, fd);
		n = readlink(path, to, sizeof(to) - 1);
		pipes += n > 5 && strncmp(to, "pipe:", 5) == 0;
	}
	return pipes == 2;
}

/* Walk over all processes: f answers whether to go on. */
static void
each(bool (*f)(pid_t pid, pid_t parent, char state, void *arg), void *arg)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	bool on = true;

	while (d && on && (e = readdir(d))) {
		pid_t pid = (pid_t)atoi(e->d_name), parent;
		char state = '?';

		parent = pid > 0 ? parent_of(pid, &state) : 0;
		if (parent > 0)
			on = f(pid, parent, state, arg);
	}
	if (d)
		closedir(d);
}

struct search {
	pid_t launcher, but, found;
};

static bool
look(pid_t pid, pid_t parent, char state, void *arg)
{
	struct search *s = arg;

	if (parent == s->launcher && pid != s->but && state != 'Z' &&
	    !has_name(pid, "netd") && has_two_pipes(pid))
		s->found = pid;
	return s->found == 0;
}

pid_t
family_game(struct kit_proc *launcher, pid_t but)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	struct search s = { .launcher = launcher->pid, .but = but };

	for (;;) {
		each(look, &s);
		if (s.found)
			return s.found;
		if (kit_now_ms() > end)
			kit_fail("%s has no such game", launcher->name);
		kit_tick();
	}
}

struct count {
	pid_t launcher;
	unsigned n;
};

static bool
count(pid_t pid, pid_t parent, char state, void *arg)
{
	struct count *c = arg;

	(void)pid;
	/* Copies are children of the game or, later, of the launcher. */
	for (char any = '?'; state != 'Z' && parent > 1;
	     parent = parent_of(parent, &any)) {
		if (parent == c->launcher) {
			c->n++;
			break;
		}
	}
	return true;
}

void
family_expect(struct kit_proc *launcher, unsigned n)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;

	for (;;) {
		struct count c = { .launcher = launcher->pid };

		each(count, &c);
		if (c.n == n)
			return;
		if (kit_now_ms() > end)
			kit_fail("%s has %u descendants, not %u",
			    launcher->name, c.n, n);
		kit_tick();
	}
}

void
family_expect_end(pid_t pid)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	char state = '?';

	while (parent_of(pid, &state) && state != 'Z') {
		if (kit_now_ms() > end)
			kit_fail("process %ld does not end", (long)pid);
		kit_tick();
	}
}
