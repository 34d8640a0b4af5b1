/*
 * procs.h - what a server costs: CPU and memory of all its processes, read
 * from /proc while it runs.
 */
#ifndef BENCH_PROCS_H
#define BENCH_PROCS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCS_MAX 4096

struct procs {
	pid_t pids[PROCS_MAX];
	size_t count;
};

struct memory {
	uint64_t rss;   /* bytes, shared pages counted in every process */
	uint64_t pss;   /* bytes, shared pages divided */
	uint64_t owned; /* bytes of anonymous pages, shared ones once */
};

/*
 * Find every process that is in the session of root, in its process group, or
 * descends from it. Without root (0) the set is empty.
 */
void procs_find(struct procs *p, pid_t root);
/* CPU nanoseconds that all their threads have used so far. */
uint64_t procs_cpu_ns(const struct procs *p);
void procs_memory(const struct procs *p, struct memory *m);

#endif
