/*
 * crash.h - the files that a game's death leaves: the newest frames as a
 * recording, and a message that was set aside.
 *
 * A file has its name only once it is whole: until then it has none, or where
 * the file system cannot do that, the name with ".part" behind it. So whatever
 * has the name can be read, and what could not be written is not there.
 */
#ifndef NETD_CRASH_H
#define NETD_CRASH_H

#include "ipc/buf.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netd;
struct link;

/* Recordings of one run that deaths may leave. */
#define CRASHES_MAX 5
/* Files without a name that a locked netd has for what a death leaves: those,
 * and some for messages that are set aside. */
#define CRASH_SPARES_MAX (CRASHES_MAX + 3)

struct crash_file {
	int fd; /* -1: none */
	char path[320];
	char part[sizeof("/proc/self/fd/") + 320]; /* what it is until then */
	bool spare; /* it has no name yet: part is its descriptor */
};

/* What a person is told: the rest depends on what becomes of the recording. */
struct report {
	struct ipc_buf said, if_kept, if_not;
};

/* A recording that a child is writing. */
struct crash {
	struct netd *netd;
	struct crash_file file;
	bool whole;    /* it begins where the game does */
	char why[512]; /* a sentence: it is not there; or "" */
	bool writing;
	ev_child writer;
	struct report report;
};

struct crashes {
	const char *dir;                 /* kept; NULL: where we are */
	unsigned tried;                  /* gives them their numbers */
	unsigned left;                   /* are there, or being written */
	struct crash files[CRASHES_MAX]; /* those that are being written */
	int spares[CRASH_SPARES_MAX];
	unsigned n_spares;
};

/* dir may be NULL, and is kept. False: why says one line. */
bool crash_init(struct netd *n, const char *dir, char *why, size_t size);
/* What is still being written is left to its child, and said so. */
void crash_release(struct netd *n);
/*
 * Before netd gives up writing: keep files at hand where a death's are to be.
 * False: the file system there cannot; new files must be allowed, and their
 * other names.
 */
bool crash_lay_by(struct netd *n);

/* A path for what a death leaves: "DIR/KIND-GAME-PID-NUMBER.ENDING". */
void crash_path(const struct link *l, const char *kind, uint64_t number,
    const char *ending, char *out, size_t size);
/* A file that is to have f->path. False: errno; there is nothing to end. */
bool crash_file_new(struct netd *n, struct crash_file *f);
/* It is whole: its path from now on. False: errno; drop it. */
bool crash_file_keep(struct crash_file *f);
/* Close it. What has no path yet is gone with that. */
void crash_file_drop(struct netd *n, struct crash_file *f);

/*
 * Have a child write the newest frames. While it is writing, a view, and
 * report_crash() is called when it has or could not; else it has failed
 * already, and that is the caller's to do, at once. NULL: there is nothing to
 * write, or enough was.
 */
struct crash *crash_record(struct link *l);
/* Do children write? */
bool crash_pending(const struct netd *n);

#endif
