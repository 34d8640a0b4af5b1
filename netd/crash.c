/*
 * crash.c - the files that a game's death leaves.
 *
 * Nobody waits for a disk: a child writes the recording while the players play
 * on, gives it its name when it is whole, and ends with the errno of what
 * failed. What is said of it (report.c) waits for that end, so that a path is
 * named only if there is something behind it.
 */
#include "netd/crash.h"

#include "ipc/log.h"
#include "netd/netd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of a child that has no errno to tell; none is that large. */
#define NO_ERRNO 255

/* ---- files ---------------------------------------------------------------
 */

void
crash_path(const struct link *l, const char *kind, uint64_t number,
    const char *ending, char *out, size_t size)
{
	const char *dir = l->netd->crashes.dir;
	char game[sizeof(l->game)];

	/* The game chose its name: it may not choose a folder with it. */
	snprintf(game, sizeof(game), "%s", l->game);
	for (char *p = game; *p; p++)
		if (strchr("/.\\", *p) || (unsigned char)*p <= 0x20 ||
		    (unsigned char)*p >= 0x7f)
			*p = '_';
	snprintf(out, size, "%s%s%s-%s-%ld-%llu.%s", dir ? dir : "",
	    dir ? "/" : "", kind, game, (long)getpid(),
	    (unsigned long long)number, ending);
}

bool
crash_lay_by(struct netd *n)
{
	struct crashes *k = &n->crashes;
	const char *dir = k->dir ? k->dir : ".";

	/* By which they get their names. */
	if (access("/proc/self/fd", X_OK) < 0)
		return false;
	while (k->n_spares < CRASH_SPARES_MAX) {
		int fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

		if (fd < 0)
			break;
		k->spares[k->n_spares++] = fd;
	}
	return k->n_spares;
}

bool
crash_file_new(struct netd *n, struct crash_file *f)
{
	struct crashes *k = &n->crashes;

	f->spare = k->n_spares;
	if (f->spare) {
		f->fd = k->spares[--k->n_spares];
		snprintf(f->part, sizeof(f->part), "/proc/self/fd/%d", f->fd);
		return true;
	}
	snprintf(f->part, sizeof(f->part), "%s.part", f->path);
	f->fd = open(f->part,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return f->fd >= 0;
}

bool
crash_file_keep(struct crash_file *f)
{
	if (f->spare)
		return linkat(AT_FDCWD, f->part, AT_FDCWD, f->path,
			   AT_SYMLINK_FOLLOW) == 0;
	/* rename() would put it in the place of another. */
	if (faccessat(AT_FDCWD, f->path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return false;
	}
	return rename(f->part, f->path) == 0;
}

void
crash_file_drop(struct netd *n, struct crash_file *f)
{
	struct crashes *k = &n->crashes;
	struct stat st;

	if (f->fd < 0)
		return;
	if (!f->spare)
		unlink(f->part);
	/* The next death may find room. */
	if (f->spare && fstat(f->fd, &st) == 0 && st.st_nlink == 0 &&
	    ftruncate(f->fd, 0) == 0 && lseek(f->fd, 0, SEEK_SET) == 0)
		k->spares[k->n_spares++] = f->fd;
	else
		close(f->fd);
	f->fd = -1;
}

/* ---- the child -----------------------------------------------------------
 */

/*
 * With its own memory, a picture of this moment, but with our table of
 * descriptors: with one of its own it would hold every socket for a while, and
 * what is closed here would go on ringing in our epoll sets.
 */
static pid_t
child(void)
{
	return (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
}

static _Noreturn void
write_and_end(struct link *l, struct crash_file *f)
{
	struct ipc_buf text;
	int error;

	record_head(l, &text);
	error = ipc_flight_write(
	    &l->netd->record.flight, f->fd, (const char *)text.data, text.len);
	if (error < 0)
		_exit(error == IPC_ERR_SYSTEM ? errno : NO_ERRNO);
	_exit(crash_file_keep(f) ? 0 : errno);
}

/* Does what it holds begin where the life of the newest game does? */
static bool
whole(const struct ipc_flight *f)
{
	struct ipc_flight_walk w;
	struct ipc_record rec;
	bool is = false, first = true;

	ipc_flight_begin(f, &w);
	for (; ipc_flight_next(f, &w, &rec); first = false)
		if (rec.type == IPC_RECORD_RESTART)
			is = rec.len < 9 ||
			     memcmp(rec.bytes, "why=again", 9) != 0;
		else if (first)
			is = rec.type == IPC_RECORD_DOWN && rec.position == 1;
	return is;
}

/* What to do about it. */
static const char *
remedy(int e)
{
	static const struct {
		int e;
		const char *todo;
	} remedies[] = {
		{ ENOSPC,
		    "make room, or name another folder with --crash-dir" },
		{ EDQUOT,
		    "make room, or name another folder with --crash-dir" },
		{ EFBIG, "raise ulimit -f, or limit flight_bytes" },
		{ ENOENT, "make the folder, or name another with --crash-dir" },
		{ EACCES, "allow it, or name another folder with --crash-dir" },
		{ EPERM, "allow it, or name another folder with --crash-dir" },
		{ EROFS, "allow it, or name another folder with --crash-dir" },
	};

	for (size_t i = 0; i < sizeof(remedies) / sizeof(*remedies); i++)
		if (remedies[i].e == e)
			return remedies[i].todo;
	return "another folder can be named with --crash-dir";
}

/* It is not there: once in the log, and in why. */
static void
failed(struct crash *c, const char *why, const char *todo)
{
	c->netd->crashes.left--;
	snprintf(c->why, sizeof(c->why),
	    "could not be written to '%s': %s%s%s%s", c->file.path, why,
	    todo ? " (" : "", todo ? todo : "", todo ? ")" : "");
	ipc_log(IPC_LOG_ERROR, "crash_file", "file=%s why=\"%s\"", c->file.path,
	    why);
	crash_file_drop(c->netd, &c->file);
}

static void
on_ended(struct ev_loop *loop, ev_child *w, int events)
{
	struct crash *c = w->data;
	int e = WIFEXITED(w->rstatus) ? WEXITSTATUS(w->rstatus) : 0;
	char text[80];

	(void)events;
	ev_child_stop(loop, w);
	if (!WIFEXITED(w->rstatus)) {
		snprintf(text, sizeof(text), "who wrote it was ended by %s",
		    strsignal(WTERMSIG(w->rstatus)));
		failed(c, text, NULL);
	} else if (e == NO_ERRNO) {
		failed(c, "out of memory", NULL);
	} else if (e) {
		failed(c, strerror(e), remedy(e));
	} else {
		crash_file_drop(c->netd, &c->file);
	}
	c->writing = false;
	report_crash(c);
}

bool
crash_pending(const struct netd *n)
{
	for (size_t i = 0; i < CRASHES_MAX; i++)
		if (n->crashes.files[i].writing)
			return true;
	return false;
}

/* A place for it; there is one as long as fewer are left than there may be. */
static struct crash *
fresh(struct netd *n)
{
	for (size_t i = 0; i < CRASHES_MAX; i++) {
		struct crash *c = &n->crashes.files[i];

		if (c->writing)
			continue;
		memset(c, 0, sizeof(*c));
		c->netd = n;
		c->file.fd = -1;
		return c;
	}
	return NULL;
}

struct crash *
crash_record(struct link *l)
{
	struct netd *n = l->netd;
	struct crashes *k = &n->crashes;
	struct crash *c;
	pid_t pid;

	record_up(l);
	if (n->record.flight.n == 0 || k->left >= CRASHES_MAX)
		return NULL;
	c = fresh(n);
	assert(c);
	k->left++;
	c->whole = whole(&n->record.flight);
	crash_path(
	    l, "crash", ++k->tried, "rec", c->file.path, sizeof(c->file.path));
	pid = crash_file_new(n, &c->file) ? child() : -1;
	if (pid == 0)
		write_and_end(l, &c->file);
	if (pid < 0) {
		int e = errno;

		failed(c, strerror(e), remedy(e));
		return c;
	}
	ev_child_init(&c->writer, on_ended, pid, 0);
	c->writer.data = c;
	ev_child_start(n->loop, &c->writer);
	c->writing = true;
	return c;
}

/* ---- beginning and end ---------------------------------------------------
 */

bool
crash_init(struct netd *n, const char *dir, char *why, size_t size)
{
	struct crashes *k = &n->crashes;

	k->dir = dir ? dir : getenv("PENSTOCK_CRASH_DIR");
	/* A file at its limit is a full disk, not the end of netd. */
	signal(SIGXFSZ, SIG_IGN);
	/* The folder we are started in may be anything; a named one is meant.
	 */
	if (k->dir == NULL || access(k->dir, W_OK | X_OK) == 0)
		return true;
	snprintf(why, size,
	    "cannot leave recordings of deaths in '%.200s': %s (make it, or "
	    "name another with --crash-dir)",
	    k->dir, strerror(errno));
	return false;
}

void
crash_release(struct netd *n)
{
	struct crashes *k = &n->crashes;

	for (size_t i = 0; i < CRASHES_MAX; i++) {
		struct crash *c = &k->files[i];

		if (!c->writing)
			continue;
		ev_child_stop(n->loop, &c->writer);
		snprintf(c->why, sizeof(c->why),
		    "is still being written to '%s', by process %d",
		    c->file.path, c->writer.pid);
		c->writing = false;
		report_crash(c);
	}
	while (k->n_spares)
		close(k->spares[--k->n_spares]);
}
