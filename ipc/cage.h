/*
 * cage.h - what netd and a game lock themselves with: a list of system calls
 * (libseccomp) and of places in the file system (Landlock).
 *
 * What is not on the list fails with EPERM; nobody is killed for a forgotten
 * call. Both hold for all that the process starts later, and for ever. Where
 * the system refuses one of them, the process goes on without.
 */
#ifndef IPC_CAGE_H
#define IPC_CAGE_H

#include <stdbool.h>
#include <stdint.h>

/* Why this process does not lock itself: built with a sanitizer, or under
 * valgrind, which both need more than any program. NULL: it does. */
const char *ipc_cage_never(void);

/* Is a debugger there? It may stay; who started one wants to see. */
bool ipc_traced(void);

/* ---- system calls -------------------------------------------------------- */

/* Does the system let a process give up system calls? */
bool ipc_cage_can_calls(void);
/*
 * Begin a list: calls.def, signals to this process itself, and the harmless
 * kinds of fcntl(), ioctl(), prctl() and prlimit(). executable: may make
 * memory executable. Returns a scmp_filter_ctx of libseccomp, owned: add to it
 * and hand it to ipc_cage_calls_hold(). NULL: errno says why.
 */
void *ipc_cage_calls(bool executable);
/* Take the list and hold to it; and PR_SET_NO_NEW_PRIVS. False: errno. */
bool ipc_cage_calls_hold(void *calls);

/* ---- places -------------------------------------------------------------- */

struct ipc_cage_places {
	int fd;      /* of the ruleset */
	int abi;     /* of the kernel: 1 and up */
	uint64_t fs; /* the rights that it knows */
};

/* What may be allowed below a place. */
enum ipc_cage_right {
	IPC_CAGE_READ = 1,   /* files and directories */
	IPC_CAGE_MOVE = 2,   /* new files, their names, and their end */
	IPC_CAGE_SOCKET = 4, /* new sockets, and the end of what is there */
	IPC_CAGE_WRITE = 8,  /* what is there */
	IPC_CAGE_RMDIR = 16, /* the end of empty directories */
	IPC_CAGE_NAME = 32,  /* a name for a file that is open without one */
};

/* The version of Landlock here; 0: there is none. */
int ipc_cage_abi(void);
/*
 * Begin a list of places: nothing is allowed any more. connects: TCP
 * connections are not touched; signals: nor are signals to others. False:
 * errno says why; there is nothing to release.
 */
bool
ipc_cage_places(struct ipc_cage_places *places, bool connects, bool signals);
/* Allow rights below path, or to the file that it is. False: errno. */
bool ipc_cage_place(
    struct ipc_cage_places *places, const char *path, unsigned rights);
/* Allow TCP connections to this port. */
bool ipc_cage_port(struct ipc_cage_places *places, uint16_t port);
/* Take the list and hold to it. False: errno. */
bool ipc_cage_places_hold(struct ipc_cage_places *places);

#endif
