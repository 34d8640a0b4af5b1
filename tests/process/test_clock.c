/* links: tests/lib/kit*.c */
/*
 * Somebody sets the clock by days, forwards and back: nothing happens. Ticks
 * keep their rate, the stream's time its pace, and deadlines their distance.
 */
#include "tests/lib/kit_game.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define DAY ((int64_t)86400)
#define TICK_MS 20

static volatile int64_t *off; /* seconds; the netd of this case sees it */
static struct kit_proc *netd;
static struct kit_link game;

/* A sanitizer wants to be the first library of a process, so it has none. */
static void
needs_clock(void)
{
	const char *build = getenv("BUILD"), *obj = getenv("OBJ");
	char so[300];
	int fd;

	snprintf(
	    so, sizeof(so), "%s/preload_clock.so", obj ? obj : "obj/release");
	if ((build && strcmp(build, "asan") == 0) || realpath(so, NULL) == NULL)
		skip();
	fd = open(kit_path("clock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, sizeof(*off)), 0);
	off =
	    mmap(NULL, sizeof(*off), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(off, MAP_FAILED);
	close(fd);
	setenv("LD_PRELOAD", realpath(so, NULL), 1);
	setenv("WRONG_CLOCK", kit_path("clock"), 1);
	netd = kit_netd("--log", "debug", NULL);
	unsetenv("LD_PRELOAD");
	kit_attach(&game, netd);
}

static int
forget(void **state)
{
	(void)state;
	unsetenv("LD_PRELOAD");
	return 0;
}

/* Its log says which day it takes it for. */
static void
set_clock(int64_t seconds)
{
	char day[16];
	time_t now;
	struct tm tm;

	*off = seconds;
	now = time(NULL) + seconds;
	strftime(day, sizeof(day), "%Y-%m-%dT", localtime_r(&now, &tm));
	kit_link_frame(&game, IPC_LOG, 0, 0, 0, "a new day", 9);
	kit_link_commit(&game);
	kit_expect_log(netd, day);
}

/* So many ticks come, no more and no less than their time. */
static void
ticks(unsigned n)
{
	struct ipc_frame f;
	int64_t began, took;
	uint64_t count = 0;

	/* What came while nobody read is not counted. */
	kit_link_frame(&game, IPC_ASK, 0, 0, n, NULL, 0);
	kit_link_commit(&game);
	kit_link_until(&game, IPC_ANSWER, &f);
	began = kit_now_ms();
	while (count < n) {
		kit_link_until(&game, IPC_TICK, &f);
		kit_link_commit(&game);
		count += f.id;
	}
	took = kit_now_ms() - began;
	/* One may have been under way. */
	if ((int64_t)(count - 1) * TICK_MS > took + 2 * TICK_MS)
		kit_fail("%llu ticks in %lld ms", (unsigned long long)count,
		    (long long)took);
}

static void
ticks_keep_their_rate_when_the_clock_is_set(void)
{
	static const int64_t jumps[] = { DAY, -DAY, 0, -400 * DAY, 400 * DAY };

	needs_clock();
	kit_link_frame(&game, IPC_TICK_START, 0, 0, TICK_MS * 1000, NULL, 0);
	kit_link_commit(&game);
	ticks(10);
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		set_clock(jumps[i]);
		ticks(25);
	}
}

static void
nobody_is_late_when_the_clock_is_set(void)
{
	const char *url;
	struct ipc_frame f;
	int idle, busy;

	needs_clock();
	url = kit_link_listen(
	    &game, "line://127.0.0.1:0?idle_ms=1h&first_ms=1h&progress_ms=10m");
	idle = kit_connect(url);
	busy = kit_connect(url);
	kit_link_until(&game, IPC_OPENED, &f);
	kit_link_until(&game, IPC_OPENED, &f);
	for (int i = 0; i < 4; i++) {
		set_clock(i % 2 ? -DAY : DAY);
		/* Past two sweeps of deadlines. */
		kit_expect_silence(idle, 600);
		kit_send(busy, "still here\n");
		kit_link_until(&game, IPC_MESSAGE, &f);
		assert_int_equal(f.len, 10);
	}
	assert_int_equal(kit_count_log(netd, " closed "), 0);
}

/* A clock set back puts no deadline off. */
static void
who_is_late_is_late_when_the_clock_is_set(void)
{
	struct ipc_frame f;
	int fd;

	needs_clock();
	fd = kit_connect(
	    kit_link_listen(&game, "line://127.0.0.1:0?idle_ms=1s"));
	kit_link_until(&game, IPC_OPENED, &f);
	set_clock(-DAY);
	kit_link_until(&game, IPC_CLOSED, &f);
	assert_int_equal(f.channel, IPC_REASON_IDLE);
	kit_recv_all(fd, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(ticks_keep_their_rate_when_the_clock_is_set),
		KIT_TEST(nobody_is_late_when_the_clock_is_set),
		KIT_TEST(who_is_late_is_late_when_the_clock_is_set),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
