/*
 * escape.c - netd --try-escape: a netd that somebody has taken over, played.
 *
 * It locks itself as one in production does, with a listener, pages and a
 * folder for crashes, and then tries what an intruder would. Each try is of a
 * kind that would succeed for this user without the lock, as far as that can
 * be had without harm: the victim is our parent, the port one of our own.
 */
#include "ipc/cage.h"
#include "netd/netd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* Where to, made before the lock. */
static struct {
	char dir[64], www[80], crashes[80], outside[80];
	union address door; /* somebody listens there */
	int memory;
	pid_t victim;
} to = { .memory = -1 };

/* ---- the tries: a descriptor or 0 means it worked --------------------------
 */

static long
read_file(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static long
read_memory_file(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/mem", (long)to.victim);
	return open(path, O_RDWR);
}

static long
list_files(void)
{
	return open("/", O_RDONLY | O_DIRECTORY);
}

static long
leave_pages(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/../outside/file", to.www);
	return open(path, O_RDONLY);
}

static long
write_file(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/new", to.outside);
	return open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
}

static long
change_file(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/file", to.outside);
	return open(path, O_WRONLY);
}

static long
change_page(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/page", to.www);
	return open(path, O_WRONLY | O_TRUNC);
}

static long
change_crash(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/old", to.crashes);
	return open(path, O_WRONLY);
}

static long
change_by_openat2(void)
{
	struct open_how how = { .flags = O_WRONLY };
	char path[128];

	snprintf(path, sizeof(path), "%s/old", to.crashes);
	return syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

static long
make_crash(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/new", to.crashes);
	return open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
}

static long
name_file(void)
{
	char from[128], path[128];

	snprintf(from, sizeof(from), "%s/page", to.www);
	snprintf(path, sizeof(path), "%s/page", to.crashes);
	return linkat(AT_FDCWD, from, AT_FDCWD, path, 0);
}

static long
remove_file(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/file", to.outside);
	return unlink(path);
}

static long
make_folder(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/folder", to.outside);
	return mkdir(path, 0700);
}

static long
make_link(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/link", to.crashes);
	return symlink("/etc/passwd", path);
}

static long
run_shell(void)
{
	char *argv[] = { (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
		(char *)(uintptr_t) "echo 'OUT      a shell runs'; exit 1",
		NULL };

	return execve("/bin/sh", argv, NULL);
}

static long
run_descriptor(void)
{
	char *argv[] = { (char *)(uintptr_t) "x", NULL };

	return syscall(SYS_execveat, to.memory, "", argv, NULL, AT_EMPTY_PATH);
}

static long
new_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return pid;
}

static long
new_namespace(void)
{
	return syscall(SYS_unshare, CLONE_NEWUSER);
}

static long
connect_port(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? fd : connect(fd, &to.door.sa, sizeof(to.door.in4));
}

static long
connect_fast(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? fd
		      : sendto(fd, "", 1, MSG_FASTOPEN, &to.door.sa,
			    sizeof(to.door.in4));
}

static long
connect_file(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long
send_datagram(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}

static long
raw_socket(void)
{
	return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static long
packet_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static long
netlink_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static long
signal_parent(void)
{
	return kill(to.victim, 0);
}

static long
signal_thread(void)
{
	return syscall(SYS_tgkill, to.victim, to.victim, 0);
}

static long
signal_by_owner(void)
{
	return fcntl(STDOUT_FILENO, F_SETOWN, to.victim);
}

static long
open_process(void)
{
	return syscall(SYS_pidfd_open, to.victim, 0);
}

static long
trace_parent(void)
{
	long r = ptrace(PTRACE_SEIZE, to.victim, NULL, NULL);

	if (r == 0)
		ptrace(PTRACE_DETACH, to.victim, NULL, NULL);
	return r;
}

static long
read_parent(void)
{
	char byte;
	struct iovec mine = { &byte, 1 }, its = { &byte, 1 };

	return process_vm_readv(to.victim, &mine, 1, &its, 1, 0);
}

static long
new_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : 0;
}

static long
changed_code(void)
{
	uintptr_t page = (uintptr_t)&lock_try_escape & ~(uintptr_t)4095;

	return mprotect((void *)page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static long
memory_file(void)
{
	return memfd_create("x", 0);
}

static long
type_keys(void)
{
	return ioctl(STDIN_FILENO, TIOCSTI, "");
}

static long
mount_something(void)
{
	return mount("none", to.outside, "tmpfs", 0, NULL);
}

static long
change_root(void)
{
	return chroot(to.outside);
}

static long
become_user(void)
{
	return setuid(getuid());
}

static long
load_bpf(void)
{
	return syscall(SYS_bpf, 0, NULL, 0);
}

static long
new_ring(void)
{
	char params[256] = { 0 };

	return syscall(SYS_io_uring_setup, 1, params);
}

static long
ask_keys(void)
{
	return syscall(SYS_keyctl, 0, -3, 1);
}

static long
count_events(void)
{
	char attr[128] = { 0 };

	return syscall(SYS_perf_event_open, attr, 0, -1, -1, 0);
}

static long
catch_faults(void)
{
	return syscall(SYS_userfaultfd, 1);
}

static long
loosen_lock(void)
{
	return syscall(SYS_seccomp, 0, 0, NULL);
}

static const struct
try {
	const char *what;
	long (*go)(void);
}
tries[] = {
	{ "read /etc/passwd", read_file },
	{ "read another process through /proc", read_memory_file },
	{ "list /", list_files },
	{ "read beside the pages by ..", leave_pages },
	{ "make a file", write_file },
	{ "change a file", change_file },
	{ "change a page", change_page },
	{ "change what lies where crashes go", change_crash },
	{ "change it by openat2", change_by_openat2 },
	{ "make a file there", make_crash },
	{ "have a page there by another name", name_file },
	{ "remove a file", remove_file },
	{ "make a folder", make_folder },
	{ "make a link", make_link },
	{ "run a shell", run_shell },
	{ "run a descriptor", run_descriptor },
	{ "start a process", new_process },
	{ "enter a new namespace", new_namespace },
	{ "connect to a port", connect_port },
	{ "connect by MSG_FASTOPEN", connect_fast },
	{ "have a socket of files", connect_file },
	{ "have a socket of datagrams", send_datagram },
	{ "have a raw socket", raw_socket },
	{ "have a packet socket", packet_socket },
	{ "have a netlink socket", netlink_socket },
	{ "signal the parent", signal_parent },
	{ "signal its thread", signal_thread },
	{ "have it signalled", signal_by_owner },
	{ "hold it by a descriptor", open_process },
	{ "trace it", trace_parent },
	{ "read its memory", read_parent },
	{ "make new memory executable", new_code },
	{ "make code writable", changed_code },
	{ "have memory as a file", memory_file },
	{ "type into the terminal", type_keys },
	{ "mount", mount_something },
	{ "change the root", change_root },
	{ "set a user", become_user },
	{ "use bpf", load_bpf },
	{ "use io_uring", new_ring },
	{ "use keys of the kernel", ask_keys },
	{ "use performance counters", count_events },
	{ "use userfaultfd", catch_faults },
	{ "touch the lock itself", loosen_lock },
};

/* ---- the ground ------------------------------------------------------------
 */

static bool
put_file(const char *dir, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool
prepare(struct netd *n)
{
	const struct listener *l;
	socklen_t len = sizeof(to.door);
	char url[160], why[256];

	snprintf(to.dir, sizeof(to.dir), "/tmp/netd-escape-XXXXXX");
	if (mkdtemp(to.dir) == NULL)
		return false;
	snprintf(to.www, sizeof(to.www), "%s/www", to.dir);
	snprintf(to.crashes, sizeof(to.crashes), "%s/crashes", to.dir);
	snprintf(to.outside, sizeof(to.outside), "%s/outside", to.dir);
	if (mkdir(to.www, 0700) < 0 || mkdir(to.crashes, 0700) < 0 ||
	    mkdir(to.outside, 0700) < 0 || !put_file(to.www, "page") ||
	    !put_file(to.crashes, "old") || !put_file(to.outside, "file"))
		return false;
	snprintf(url, sizeof(url), "ws://127.0.0.1:0/?www=%s", to.www);
	l = listen_open(n, url, -1, why, sizeof(why));
	if (l == NULL || getsockname(l->fd, &to.door.sa, &len) < 0)
		return false;
	n->crashes.dir = to.crashes;
	to.memory = memfd_create("program", 0);
	to.victim = getpid();
	return to.memory >= 0;
}

/* Which the locked one may not. */
static void
clean_up(void)
{
	static const char *const files[] = { "www/page", "crashes/old",
		"crashes/link", "crashes/new", "crashes/page", "outside/file",
		"outside/new", "outside/folder", "www", "crashes", "outside",
		"" };
	char path[128];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", to.dir, files[i]);
		remove(path);
	}
}

/* ---- how it went ------------------------------------------------------------
 */

/* Refused is what the lock says, not what was wrong with the try anyway. */
static bool
refused(const struct try *t)
{
	long r = t->go();
	int e = errno;
	bool well = r < 0 && (e == EPERM || e == EACCES || e == EXDEV);

	printf("%-8s %s: %s\n", well ? "refused" : "OUT", t->what,
	    r < 0 ? strerror(e) : "done");
	fflush(stdout);
	return well;
}

static int
try_all(struct netd *n)
{
	const size_t all = sizeof(tries) / sizeof(tries[0]);
	size_t out = 0;

	n->lock.asked = true;
	lock_connects(n, "");
	lock_calls(n);
	lock_places(n);
	if (!n->lock.calls || !n->lock.places) {
		printf("this system cannot be locked: %s%s%s\n",
		    n->lock.calls_why,
		    n->lock.calls_why[0] && n->lock.places_why[0] ? ", " : "",
		    n->lock.places_why);
		return 2;
	}
	for (size_t i = 0; i < all; i++)
		out += !refused(&tries[i]);
	printf("%zu of %zu refused\n", all - out, all);
	return out ? 1 : 0;
}

int
lock_try_escape(struct netd *n)
{
	int status = 0;
	pid_t pid;

	if (!prepare(n)) {
		printf("cannot prepare in %s: %s\n", to.dir, strerror(errno));
		return 2;
	}
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int r = try_all(n);

		fflush(NULL);
		_exit(r);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	clean_up();
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
