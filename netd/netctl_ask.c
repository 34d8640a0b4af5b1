/*
 * netctl_ask.c - one request to a running netd, and its answer.
 *
 * The operator's socket is a Unix stream: a line goes there, lines come back,
 * and a line "." ends them, or one that begins with "error: ". A descriptor
 * goes beside the line where netd is to write into a file, which netd, locked
 * in, cannot open itself. The words are netd's (operator.c): none is known
 * here but "record".
 */
#include "netd/netctl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_NAME "operator.sock"
#define REQUEST_MAX 4096

static int
try_connect(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(a.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		int e = errno;

		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}

struct found {
	int fd;
	unsigned n;
	char names[1024];
};

/* Every netd that answers in BASE/PREFIX*: keep the first, name them all. */
static void
look_in(const char *base, const char *prefix, struct found *f)
{
	DIR *d = opendir(base);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[400];
		size_t used = strlen(f->names);
		int fd;

		if (e->d_name[0] == '.' ||
		    strncmp(e->d_name, prefix, strlen(prefix)) != 0)
			continue;
		snprintf(path, sizeof(path), "%.100s/%s/%s", base, e->d_name,
		    SOCKET_NAME);
		fd = try_connect(path);
		if (fd < 0)
			continue;
		if (f->n++ == 0)
			f->fd = fd;
		else
			close(fd);
		snprintf(
		    f->names + used, sizeof(f->names) - used, "\n  %s", path);
	}
	if (d)
		closedir(d);
}

/* The one netd that is there: its socket, or -1 with a word about it. */
static int
find_netd(void)
{
	struct found f = { .fd = -1 };
	const char *run = getenv("XDG_RUNTIME_DIR");
	char base[64];

	if (run && *run)
		look_in(run, "penstock-", &f);
	snprintf(base, sizeof(base), "/tmp/penstock-%u", (unsigned)getuid());
	look_in(base, "", &f);
	if (f.n == 1)
		return f.fd;
	if (f.n == 0)
		fail("no netd of yours is running (name its socket with -s)");
	else
		fail("several netds are running, choose one with -s:%s",
		    f.names);
	if (f.fd >= 0)
		close(f.fd);
	return -1;
}

static int
open_netd(const char *name)
{
	const char *given = name ? name : getenv("PENSTOCK_OPERATOR");
	char path[200];
	int fd;

	if (given == NULL || *given == '\0')
		return find_netd();
	fd = try_connect(given);
	if (fd < 0 && strlen(given) < sizeof(path) - sizeof(SOCKET_NAME)) {
		/* A directory of --operator does as well. */
		snprintf(path, sizeof(path), "%s/%s", given, SOCKET_NAME);
		fd = try_connect(path);
	}
	if (fd < 0)
		fail("cannot reach netd at '%s': %s", given, strerror(errno));
	return fd;
}

/* The line, with a descriptor beside it if file is not -1. */
static bool
send_request(int fd, const char *line, size_t n, int file)
{
	struct iovec iov = { (void *)(uintptr_t)line, n };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} a;
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };

	memset(&a, 0, sizeof(a));
	if (file >= 0) {
		h.msg_control = a.space;
		h.msg_controllen = sizeof(a.space);
		a.align.cmsg_level = SOL_SOCKET;
		a.align.cmsg_type = SCM_RIGHTS;
		a.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&a.align), &file, sizeof(int));
	}
	return sendmsg(fd, &h, MSG_NOSIGNAL) == (ssize_t)n;
}

/* Print lines until the one that ends them. */
static int
print_answer(int fd)
{
	FILE *in = fdopen(fd, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int status = -1;

	while (in && status < 0 && (n = getline(&line, &size, in)) > 0) {
		if (strcmp(line, ".\n") == 0) {
			status = DONE;
		} else if (strncmp(line, "error: ", 7) == 0) {
			line[n - 1] = '\0';
			status = fail("%s", line + 7);
		} else {
			fwrite(line, 1, (size_t)n, stdout);
			if (fflush(stdout) != 0)
				status =
				    fail("cannot write: %s", strerror(errno));
		}
	}
	free(line);
	if (in)
		fclose(in);
	return status < 0 ? fail("netd ended the conversation") : status;
}

int
run_ask(const char *socket, int argc, char **argv)
{
	char line[REQUEST_MAX];
	size_t n = 0;
	int fd, file = -1, status;

	for (int i = 0; i < argc; i++) {
		size_t len = strlen(argv[i]);

		if (n + len + 2 > sizeof(line) || strchr(argv[i], '\n'))
			return fail("that request is too long");
		memcpy(line + n, argv[i], len);
		n += len;
		line[n++] = i + 1 < argc ? ' ' : '\n';
	}
	fd = open_netd(socket);
	if (fd < 0)
		return FAILED;
	if (argc == 2 && strcmp(argv[0], "record") == 0 &&
	    strcmp(argv[1], "off") != 0) {
		file = open(
		    argv[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (file < 0) {
			close(fd);
			return fail(
			    "cannot create '%s': %s", argv[1], strerror(errno));
		}
	}
	/* Who does not hear us may have said why. */
	if (!send_request(fd, line, n, file) && errno != EPIPE &&
	    errno != ECONNRESET)
		status = fail("cannot ask netd: %s", strerror(errno));
	else
		status = print_answer(dup(fd));
	if (file >= 0)
		close(file);
	close(fd);
	return status;
}
