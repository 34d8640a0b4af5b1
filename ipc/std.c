/*
 * std.c - standard files: who starts a program may have closed them, and what
 * is printed there is printed whole.
 */
#include "ipc/std.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void
ipc_std_open(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

bool
ipc_write_all(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n) {
		ssize_t r = write(fd, p, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return false;
		p += r;
		n -= (size_t)r;
	}
	return true;
}
