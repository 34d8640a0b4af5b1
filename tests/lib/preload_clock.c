/*
 * preload_clock.c - a wrong wall clock, for LD_PRELOAD: what asks for the time
 * of day gets it off by the seconds in the file $WRONG_CLOCK, read anew each
 * time. The clock that only goes forward is left alone, as it is when somebody
 * sets the time.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *off;

__attribute__((constructor)) static void
begin(void)
{
	const char *file = getenv("WRONG_CLOCK");
	int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
	void *p = fd < 0
		      ? MAP_FAILED
		      : mmap(NULL, sizeof(*off), PROT_READ, MAP_SHARED, fd, 0);

	if (p != MAP_FAILED)
		off = p;
	if (fd >= 0)
		close(fd);
}

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	int r = (int)syscall(SYS_clock_gettime, clock, t);

	if (r == 0 && off &&
	    (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		t->tv_sec += *off;
	return r;
}

int
gettimeofday(struct timeval *tv, void *zone)
{
	struct timespec t;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	tv->tv_sec = t.tv_sec;
	tv->tv_usec = t.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (out)
		*out = t.tv_sec;
	return t.tv_sec;
}
