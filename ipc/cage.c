/*
 * cage.c - locks that a process puts on itself. Which calls and places a room
 * needs is that room's matter (netd/lock.c, gamecore/jail.c); this is how.
 *
 * Landlock has no library, so its three calls are made here. A kernel that
 * knows less of it than we do is asked for what it knows.
 */
#include "ipc/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

/* Newer than the headers of Debian 12. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#define FS_TRUNCATE (1ULL << 14)        /* version 3 */
#define FS_IOCTL_DEV (1ULL << 15)       /* 5 */
#define NET_CONNECT_TCP (1ULL << 1)     /* 4 */
#define SCOPE_ABSTRACT_UNIX (1ULL << 0) /* 6 */
#define SCOPE_SIGNAL (1ULL << 1)        /* 6 */
#define RULE_NET_PORT 2
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct port_attr {
	uint64_t access, port;
};

bool
ipc_traced(void)
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

const char *
ipc_cage_never(void)
{
	const char *preload = getenv("LD_PRELOAD");

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    defined(MEASURES_COVERAGE)
	return "built with a sanitizer";
#endif
	if (preload && strstr(preload, "vgpreload_"))
		return "runs under valgrind";
	return NULL;
}

/* ---- system calls -------------------------------------------------------- */

bool
ipc_cage_can_calls(void)
{
	uint32_t action = SECCOMP_RET_ERRNO;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static const char *const harmless[] = {
#define CALL(name) #name,
#include "ipc/calls.def"
#undef CALL
};

/* Allow call only if its argument number arg, masked, is value. */
static void
only(void *calls, int call, unsigned arg, uint64_t mask, uint64_t value)
{
	seccomp_rule_add(calls, SCMP_ACT_ALLOW, call, 1,
	    SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, mask, value));
}

static void
only_of(
    void *calls, int call, unsigned arg, const unsigned long *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		only(calls, call, arg, UINT32_MAX, values[i] & UINT32_MAX);
}

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* Those with many meanings, of which some reach out of the process: signals by
 * F_SETOWN, keys by TIOCSTI. */
static void
allow_kinds(void *calls)
{
	static const unsigned long fcntls[] = { F_DUPFD, F_DUPFD_CLOEXEC,
		F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW,
		F_GETPIPE_SZ, F_SETPIPE_SZ };
	static const unsigned long ioctls[] = { FIONREAD, FIONBIO, TCGETS,
		TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ, TIOCGPGRP, TIOCOUTQ };
	static const unsigned long prctls[] = { PR_SET_NAME, PR_GET_NAME,
		PR_SET_VMA, PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS,
		PR_GET_NO_NEW_PRIVS, PR_GET_DUMPABLE };

	only_of(calls, SCMP_SYS(fcntl), 1, fcntls, N(fcntls));
	only_of(calls, SCMP_SYS(fcntl64), 1, fcntls, N(fcntls));
	only_of(calls, SCMP_SYS(ioctl), 1, ioctls, N(ioctls));
	only_of(calls, SCMP_SYS(prctl), 0, prctls, N(prctls));
	/* Its own limits alone. */
	only(calls, SCMP_SYS(prlimit64), 0, UINT32_MAX, 0);
}

static void
allow_self(void *calls)
{
	uint64_t pid = (uint64_t)getpid();

	only(calls, SCMP_SYS(kill), 0, UINT32_MAX, pid);
	only(calls, SCMP_SYS(tgkill), 0, UINT32_MAX, pid);
}

static void
allow_memory(void *calls, bool executable)
{
	uint64_t mask = executable ? 0 : PROT_EXEC;

	only(calls, SCMP_SYS(mmap), 2, mask, 0);
	only(calls, SCMP_SYS(mmap2), 2, mask, 0);
	only(calls, SCMP_SYS(mprotect), 2, mask, 0);
}

void *
ipc_cage_calls(bool executable)
{
	scmp_filter_ctx calls = seccomp_init(SCMP_ACT_ERRNO(EPERM));

	if (calls == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	/* Calls of another machine (32 bits) are none of ours. */
	seccomp_attr_set(calls, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM));
	seccomp_attr_set(calls, SCMP_FLTATR_CTL_TSYNC, 1);
	/* A tree: what a call costs does not grow with the list. */
	seccomp_attr_set(calls, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; i < N(harmless); i++) {
		int call = seccomp_syscall_resolve_name(harmless[i]);

		if (call >= 0)
			seccomp_rule_add(calls, SCMP_ACT_ALLOW, call, 0);
	}
	/* Its flags cannot be looked at; libc then takes clone(). */
	seccomp_rule_add(calls, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	allow_kinds(calls);
	allow_self(calls);
	allow_memory(calls, executable);
	return calls;
}

bool
ipc_cage_calls_hold(void *calls)
{
	int e = -seccomp_load(calls);

	seccomp_release(calls);
	errno = e;
	return e == 0;
}

/* ---- places -------------------------------------------------------------- */

int
ipc_cage_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

/* Every right that version abi has a name for. */
static uint64_t
fs_rights(int abi)
{
	uint64_t fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	if (abi >= 2)
		fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		fs |= FS_TRUNCATE;
	if (abi >= 5)
		fs |= FS_IOCTL_DEV;
	return fs;
}

bool
ipc_cage_places(struct ipc_cage_places *places, bool connects, bool signals)
{
	struct ruleset_attr attr = { 0 };
	size_t size = sizeof(attr.fs);
	int abi = ipc_cage_abi();

	places->abi = abi;
	places->fs = attr.fs = fs_rights(abi);
	if (abi >= 4 && !connects) {
		attr.net = NET_CONNECT_TCP;
		size = offsetof(struct ruleset_attr, scoped);
	}
	if (abi >= 6) {
		attr.scoped = SCOPE_ABSTRACT_UNIX;
		attr.scoped |= signals ? 0 : SCOPE_SIGNAL;
		size = sizeof(attr);
	}
	places->fd =
	    abi ? (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0)
		: -1;
	return places->fd >= 0;
}

static uint64_t
fs_of(unsigned rights)
{
	uint64_t fs = 0;

	if (rights & IPC_CAGE_READ)
		fs |=
		    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	if (rights & IPC_CAGE_MOVE)
		fs |= LANDLOCK_ACCESS_FS_MAKE_REG |
		      LANDLOCK_ACCESS_FS_WRITE_FILE |
		      LANDLOCK_ACCESS_FS_REMOVE_FILE;
	if (rights & IPC_CAGE_NAME)
		fs |= LANDLOCK_ACCESS_FS_MAKE_REG;
	if (rights & IPC_CAGE_SOCKET)
		fs |= LANDLOCK_ACCESS_FS_MAKE_SOCK |
		      LANDLOCK_ACCESS_FS_REMOVE_FILE;
	if (rights & IPC_CAGE_RMDIR)
		fs |= LANDLOCK_ACCESS_FS_REMOVE_DIR;
	if (rights & IPC_CAGE_WRITE)
		fs |= LANDLOCK_ACCESS_FS_WRITE_FILE | FS_IOCTL_DEV;
	return fs;
}

bool
ipc_cage_place(
    struct ipc_cage_places *places, const char *path, unsigned rights)
{
	struct landlock_path_beneath_attr below = { 0 };
	struct stat st;
	bool ok;
	int e;

	below.allowed_access = fs_of(rights) & places->fs;
	below.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (below.parent_fd < 0)
		return false;
	/* A file takes no rights that only directories have. */
	if (fstat(below.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		below.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE |
					LANDLOCK_ACCESS_FS_WRITE_FILE |
					FS_TRUNCATE | FS_IOCTL_DEV;
	ok = syscall(SYS_landlock_add_rule, places->fd,
		 LANDLOCK_RULE_PATH_BENEATH, &below, 0) == 0;
	e = errno;
	close(below.parent_fd);
	errno = e;
	return ok;
}

bool
ipc_cage_port(struct ipc_cage_places *places, uint16_t port)
{
	struct port_attr attr = { NET_CONNECT_TCP, port };

	return syscall(SYS_landlock_add_rule, places->fd, RULE_NET_PORT, &attr,
		   0) == 0;
}

bool
ipc_cage_places_hold(struct ipc_cage_places *places)
{
	bool ok = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		  syscall(SYS_landlock_restrict_self, places->fd, 0) == 0;
	int e = errno;

	close(places->fd);
	places->fd = -1;
	errno = e;
	return ok;
}
