/*
 * procs.c - CPU and memory of a set of processes from /proc.
 *
 * schedstat counts nanoseconds, stat only hundredths of a second, which would
 * be one part in a hundred of what is measured here. A process that ends takes
 * its figures with it, so a set is found right before it is used.
 */
#include "tests/bench/procs.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct one {
	pid_t pid, parent, group, session;
	bool in;
};

/* A whole small file as text: its length, or 0. */
static size_t
slurp(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return 0;
	n = fread(out, 1, size - 1, f);
	out[n] = '\0';
	fclose(f);
	return n;
}

static bool
read_one(struct one *o, pid_t pid)
{
	char path[64], text[1024];
	const char *after;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (slurp(path, text, sizeof(text)) == 0)
		return false;
	/* A name may hold spaces and brackets; the last bracket ends it. */
	after = strrchr(text, ')');
	o->pid = pid;
	o->in = false;
	return after != NULL && sscanf(after + 1, " %*c %d %d %d", &o->parent,
				    &o->group, &o->session) == 3;
}

static size_t
read_all(struct one *all, size_t max)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	size_t n = 0;

	if (dir == NULL)
		return 0;
	while (n < max && (entry = readdir(dir)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    read_one(&all[n], (pid_t)atoi(entry->d_name)))
			n++;
	closedir(dir);
	return n;
}

static bool
is_parent_in(const struct one *all, size_t n, pid_t parent)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].pid == parent)
			return all[i].in;
	return false;
}

void
procs_find(struct procs *p, pid_t root)
{
	static struct one all[32768];
	size_t n = root > 0 ? read_all(all, 32768) : 0;
	bool more = true;

	for (size_t i = 0; i < n; i++)
		all[i].in = all[i].pid == root || all[i].group == root ||
			    all[i].session == root;
	while (more) {
		more = false;
		for (size_t i = 0; i < n; i++)
			if (!all[i].in && is_parent_in(all, n, all[i].parent))
				more = all[i].in = true;
	}
	p->count = 0;
	for (size_t i = 0; i < n && p->count < PROCS_MAX; i++)
		if (all[i].in)
			p->pids[p->count++] = all[i].pid;
}

static uint64_t
threads_cpu_ns(pid_t pid)
{
	char path[128], text[128];
	struct dirent *entry;
	uint64_t sum = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	if ((dir = opendir(path)) == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/schedstat",
		    (int)pid, entry->d_name);
		if (slurp(path, text, sizeof(text)) > 0)
			sum += strtoull(text, NULL, 10);
	}
	closedir(dir);
	return sum;
}

uint64_t
procs_cpu_ns(const struct procs *p)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < p->count; i++)
		sum += threads_cpu_ns(p->pids[i]);
	return sum;
}

/* The kilobytes behind a word of smaps_rollup, as bytes. */
static uint64_t
field(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	return at == NULL ? 0 : strtoull(at + strlen(word), NULL, 10) * 1024;
}

void
procs_memory(const struct procs *p, struct memory *m)
{
	char path[64], text[4096];

	memset(m, 0, sizeof(*m));
	for (size_t i = 0; i < p->count; i++) {
		snprintf(path, sizeof(path), "/proc/%d/smaps_rollup",
		    (int)p->pids[i]);
		if (slurp(path, text, sizeof(text)) == 0)
			continue;
		m->rss += field(text, "\nRss:");
		m->pss += field(text, "\nPss:");
		/* Pages that a game shares with its frozen copy count once. */
		m->owned += field(text, "\nPss_Anon:");
	}
}
