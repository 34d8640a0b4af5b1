/*
 * kit.c - a case's folder and its processes. Everything the case owns hangs
 * off one struct that teardown takes apart.
 */
#include "tests/lib/kit.h"
#include "tests/lib/kit_own.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCS_MAX 64
#define FDS_MAX 16384
#define OWNED_MAX 65536
#define ARGS_MAX 64

static char folder[64]; /* the case's own */
static pid_t find_child(pid_t parent, const char *name);

static struct {
	struct kit_proc procs[PROCS_MAX];
	unsigned n_procs;
	int fds[FDS_MAX];
	unsigned n_fds;
	void *owned[OWNED_MAX];
	unsigned n_owned;
	struct {
		void (*f)(void *);
		void *p;
	} at_end[FDS_MAX];
	unsigned n_at_end;
	bool running; /* still, in teardown: the case failed */
} kit;

/* ---- a case -------------------------------------------------------------- */

void
kit_run(void **state)
{
	struct kit_case *c = *state;

	kit.running = true;
	c->f();
	kit.running = false;
}

int
kit_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	/* What a launcher leaves behind becomes ours to end. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	memset(&kit, 0, sizeof(kit));
	snprintf(folder, sizeof(folder), "%.40s/penstock-XXXXXX",
	    tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL)
		return -1;
	setenv("PENSTOCK_CRASH_DIR", folder, 1);
	return 0;
}

static void
show(struct kit_proc *p)
{
	char *said = kit_said(p);
	size_t len = strlen(said);
	/* The beginning and the end tell what went wrong. */
	const char *tail = len > 12000 ? said + len - 6000 : NULL;

	fprintf(stderr, "---- %s (pid %ld, %s):\n%.*s%s%s----\n", p->name,
	    (long)p->pid, p->ended ? "ended" : "running",
	    tail ? 6000 : (int)len, said, tail ? "\n[...]\n" : "",
	    tail ? tail : "");
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

/* What our processes left behind has become our child: end it by number. */
static void
end_orphans(void)
{
	pid_t pid;

	while ((pid = find_child(getpid(), NULL)) != 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

int
kit_teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < kit.n_fds; i++)
		if (kit.fds[i] >= 0)
			close(kit.fds[i]);
	if (kit.running)
		for (unsigned i = 0; i < kit.n_procs; i++) {
			kit_ended(&kit.procs[i]);
			show(&kit.procs[i]);
		}
	for (unsigned i = 0; i < kit.n_procs; i++) {
		struct kit_proc *p = &kit.procs[i];

		/* The group may outlive its leader. */
		kill(-p->pid, SIGKILL);
		if (!p->ended)
			waitpid(p->pid, &p->status, 0);
	}
	end_orphans();
	for (unsigned i = 0; i < kit.n_at_end; i++)
		kit.at_end[i].f(kit.at_end[i].p);
	for (unsigned i = 0; i < kit.n_owned; i++)
		free(kit.owned[i]);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

void
kit_fail(const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fail_msg("%s", text);
	abort(); /* fail_msg does not come back */
}

void *
kit_own(void *p)
{
	if (p == NULL || kit.n_owned == OWNED_MAX)
		kit_fail("out of memory");
	kit.owned[kit.n_owned++] = p;
	return p;
}

void
kit_at_end(void (*f)(void *), void *p)
{
	if (kit.n_at_end == FDS_MAX)
		kit_fail("over %d calls at the end", FDS_MAX);
	kit.at_end[kit.n_at_end].f = f;
	kit.at_end[kit.n_at_end++].p = p;
}

int
kit_own_fd(int fd)
{
	if (kit.n_fds == FDS_MAX)
		kit_fail("over %d descriptors in one case", FDS_MAX);
	kit.fds[kit.n_fds++] = fd;
	return fd;
}

void
kit_close(int fd)
{
	for (unsigned i = 0; i < kit.n_fds; i++)
		if (kit.fds[i] == fd)
			kit.fds[i] = -1;
	close(fd);
}

const char *
kit_path(const char *name)
{
	char *path = kit_own(malloc(256));

	snprintf(path, 256, "%s/%s", folder, name);
	return path;
}

int64_t
kit_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
kit_tick(void)
{
	poll(NULL, 0, 2);
}

/* ---- processes ------------------------------------------------------------
 */

static void
redirect(const char *path, int to)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	if (fd < 0 || dup2(fd, to) < 0)
		_exit(126);
	close(fd);
}

static void
become(struct kit_proc *p, const char *path, char **argv, unsigned fds)
{
	struct rlimit core;
	int null = open("/dev/null", O_RDONLY);

	setpgid(0, 0);
	/* No case outlives its program, not even a killed one. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	dup2(null, 0);
	redirect(p->out, 1);
	redirect(p->err, 2);
	for (int fd = 3; fd < FDS_MAX + 64; fd++)
		close(fd);
	if (fds) {
		struct rlimit r = { fds, fds };

		setrlimit(RLIMIT_NOFILE, &r);
	}
	/* netd hides from who does not ask for cores; one byte is no core. */
	if (getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0) {
		core.rlim_cur = core.rlim_max ? 1 : 0;
		setrlimit(RLIMIT_CORE, &core);
	}
	execv(path, argv);
	dprintf(2, "cannot start %s: %s\n", path, strerror(errno));
	_exit(127);
}

static struct kit_proc *
start(const char *program, char **argv, unsigned fds)
{
	const char *bin = getenv("BIN");
	struct kit_proc *p = &kit.procs[kit.n_procs];
	char path[512];

	if (kit.n_procs == PROCS_MAX)
		kit_fail("over %d processes in one case", PROCS_MAX);
	if (strchr(program, '/'))
		snprintf(path, sizeof(path), "%s", program);
	else
		snprintf(
		    path, sizeof(path), "%s/%s", bin ? bin : "bin", program);
	argv[0] = path;
	snprintf(p->name, sizeof(p->name), "%s", program);
	snprintf(p->out, sizeof(p->out), "%s/%u.out", folder, kit.n_procs);
	snprintf(p->err, sizeof(p->err), "%s/%u.err", folder, kit.n_procs);
	p->pid = fork();
	if (p->pid < 0)
		kit_fail("fork: %s", strerror(errno));
	if (p->pid == 0)
		become(p, path, argv, fds);
	setpgid(p->pid, p->pid);
	kit.n_procs++;
	return p;
}

/* The arguments after argv[0], from `at` on, ended by NULL. */
static void
gather(char **argv, unsigned at, const char *first, va_list ap)
{
	for (const char *a = first; a; a = va_arg(ap, const char *)) {
		if (at + 1 >= ARGS_MAX)
			kit_fail("over %d arguments", ARGS_MAX);
		argv[at++] = (char *)(uintptr_t)a;
	}
	argv[at] = NULL;
}

void
kit_install(const char *program, const char *to)
{
	const char *fresh = kit_path("fresh");
	int in = open(program, O_RDONLY | O_CLOEXEC);
	int out = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	char bytes[65536];
	ssize_t n;

	if (in < 0 || out < 0)
		kit_fail("cannot install %s", program);
	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		assert_int_equal(write(out, bytes, (size_t)n), n);
	assert_int_equal(n, 0);
	close(in);
	close(out);
	if (rename(fresh, to) < 0)
		kit_fail("%s: %s", to, strerror(errno));
}

struct kit_proc *
kit_startv(const char *program, char **argv)
{
	return start(program, argv, 0);
}

struct kit_proc *
kit_start(const char *program, ...)
{
	char *argv[ARGS_MAX];
	va_list ap;

	va_start(ap, program);
	gather(argv, 1, va_arg(ap, const char *), ap);
	va_end(ap);
	return start(program, argv, 0);
}

struct kit_proc *
kit_start_limited(unsigned fds, const char *program, ...)
{
	char *argv[ARGS_MAX];
	va_list ap;

	va_start(ap, program);
	gather(argv, 1, va_arg(ap, const char *), ap);
	va_end(ap);
	return start(program, argv, fds);
}

struct kit_proc *
kit_netd(const char *argument, ...)
{
	char *argv[ARGS_MAX], wait[] = "--wait", name[32];
	struct kit_proc *p;
	va_list ap;

	snprintf(name, sizeof(name), "wait%u", kit.n_procs);
	argv[1] = wait;
	argv[2] = (char *)(uintptr_t)kit_path(name);
	va_start(ap, argument);
	gather(argv, 3, argument, ap);
	va_end(ap);
	p = start("netd", argv, 0);
	snprintf(p->dir, sizeof(p->dir), "%s", argv[2]);
	kit_expect_log(p, "waiting dir=");
	return p;
}

struct kit_proc *
kit_game(const char *name, ...)
{
	char *argv[ARGS_MAX];
	struct kit_proc *p;
	va_list ap;

	va_start(ap, name);
	gather(argv, 1, va_arg(ap, const char *), ap);
	va_end(ap);
	p = start(name, argv, 0);
	kit_url(p, 1);
	return p;
}

void
kit_signal(struct kit_proc *p, int signal)
{
	if (kill(p->pid, signal) < 0)
		kit_fail("%s: kill: %s", p->name, strerror(errno));
}

void
kit_signal_all(struct kit_proc *p, int signal)
{
	if (kill(-p->pid, signal) < 0)
		kit_fail("%s: kill: %s", p->name, strerror(errno));
}

bool
kit_ended(struct kit_proc *p)
{
	if (!p->ended && waitpid(p->pid, &p->status, WNOHANG) == p->pid)
		p->ended = true;
	return p->ended;
}

int
kit_wait(struct kit_proc *p)
{
	/* More than the hardest stop of netd takes. */
	int64_t end = kit_now_ms() + 2 * KIT_WAIT_MS;

	while (!kit_ended(p)) {
		if (kit_now_ms() > end)
			kit_fail("%s does not end", p->name);
		kit_tick();
	}
	return WIFSIGNALED(p->status) ? 128 + WTERMSIG(p->status)
				      : WEXITSTATUS(p->status);
}

void
kit_kill(struct kit_proc *p)
{
	kill(p->pid, SIGKILL);
	kit_wait(p);
}

/* ---- /proc ------------------------------------------------------------------
 */

/* A file of /proc/PID as text; "" if the process is gone. */
static const char *
proc_file(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, out, size - 1);
		close(fd);
	}
	out[n < 0 ? 0 : n] = '\0';
	return out;
}

static pid_t
find_child(pid_t parent, const char *name)
{
	/* name NULL: any, but not a grandchild */
	DIR *d = opendir("/proc");
	pid_t found = 0;

	for (struct dirent *e; d && found == 0 && (e = readdir(d));) {
		char stat[512], comm[32];
		pid_t pid = (pid_t)atoi(e->d_name);
		const char *after;
		long ppid;

		if (pid <= 0 || pid == parent)
			continue;
		proc_file(pid, "stat", stat, sizeof(stat));
		after = strrchr(stat, ')');
		if (after == NULL || sscanf(after, ") %*c %ld", &ppid) != 1 ||
		    ppid != parent)
			continue;
		proc_file(pid, "comm", comm, sizeof(comm));
		comm[strcspn(comm, "\n")] = '\0';
		if (name == NULL || strcmp(comm, name) == 0)
			found = pid;
		else
			found = find_child(pid, name);
	}
	if (d)
		closedir(d);
	return found;
}

pid_t
kit_child(struct kit_proc *p, const char *name)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	pid_t pid;

	while ((pid = find_child(p->pid, name ? name : "netd")) == 0) {
		if (kit_now_ms() > end)
			kit_fail("%s has no child %s", p->name,
			    name ? name : "netd");
		kit_tick();
	}
	return pid;
}

long
kit_rss_kib(pid_t pid)
{
	char status[4096];
	const char *line;

	proc_file(pid, "status", status, sizeof(status));
	line = strstr(status, "VmRSS:");
	if (line == NULL)
		kit_fail("no process %ld", (long)pid);
	return atol(line + 6);
}

long
kit_cpu_ms(pid_t pid)
{
	char stat[1024];
	const char *after;
	long user, sys;

	proc_file(pid, "stat", stat, sizeof(stat));
	after = strrchr(stat, ')');
	if (after == NULL ||
	    sscanf(after,
		") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user,
		&sys) != 2)
		kit_fail("no process %ld", (long)pid);
	return (user + sys) * 1000 / sysconf(_SC_CLK_TCK);
}

size_t
kit_fds(pid_t pid)
{
	char path[64];
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
	d = opendir(path);
	if (d == NULL)
		kit_fail("no process %ld", (long)pid);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

/* ---- what they printed
 * -------------------------------------------------------- */

static char *
append(char *text, size_t *len, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	do {
		char *more = realloc(text, *len + 65537);

		if (more == NULL)
			abort();
		text = more;
		n = fd < 0 ? 0 : read(fd, text + *len, 65536);
		*len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	text[*len] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

/* The caller's to free; a NUL that it printed reads as '?'. */
static char *
printed(struct kit_proc *p)
{
	size_t len = 0;
	char *text = append(append(NULL, &len, p->err), &len, p->out);

	for (size_t i = 0; i < len; i++)
		if (text[i] == '\0')
			text[i] = '?';
	return text;
}

char *
kit_said(struct kit_proc *p)
{
	return kit_own(printed(p));
}

char *
kit_errors(struct kit_proc *p)
{
	size_t len = 0;

	return kit_own(append(NULL, &len, p->err));
}

unsigned
kit_count_log(struct kit_proc *p, const char *text)
{
	char *said = printed(p);
	unsigned n = 0;

	for (const char *at = said; (at = strstr(at, text)); at++)
		n++;
	free(said);
	return n;
}

void
kit_expect_log(struct kit_proc *p, const char *text)
{
	kit_expect_logs(p, text, 1);
}

void
kit_expect_logs(struct kit_proc *p, const char *text, unsigned times)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;

	while (kit_count_log(p, text) < times) {
		if (kit_ended(p) && kit_count_log(p, text) < times)
			kit_fail("%s ended without saying '%s' %u times",
			    p->name, text, times);
		if (kit_now_ms() > end)
			kit_fail("%s says '%s' %u times, not %u", p->name, text,
			    kit_count_log(p, text), times);
		kit_tick();
	}
}

/* The n-th " netd listening ... url=URL" line of text. */
static bool
find_url(const char *text, unsigned n, char *out, size_t size)
{
	const char *at = text;

	for (unsigned i = 0; i < n; i++) {
		at = strstr(at, " netd listening ");
		if (at == NULL || strchr(at, '\n') == NULL)
			return false;
		at++;
	}
	at = strstr(at, "url=");
	if (at == NULL)
		return false;
	at += 4;
	snprintf(out, size, "%.*s", (int)strcspn(at, " \n"), at);
	return true;
}

const char *
kit_url(struct kit_proc *p, unsigned n)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	char *url = kit_own(malloc(512));

	for (;;) {
		bool over = kit_ended(p);
		char *said = printed(p);
		bool found = find_url(said, n, url, 512);

		free(said);
		if (found)
			return url;
		if (over)
			kit_fail("%s ended without listening", p->name);
		if (kit_now_ms() > end)
			kit_fail("%s does not listen", p->name);
		kit_tick();
	}
}
