/* links: tests/lib/kit*.c */
/*
 * Players far away, on a network of the test's own that can be cut off: one
 * source does not take every place, who has died is noticed though nothing
 * says so, who trickles runs out of time, and another user is nobody.
 */
#include "tests/lib/kit_game.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAR "198.51.100.1"
#define FARTHER "198.51.100.2"
/* Enough to see what one costs. */
#define TRICKLERS 200

static struct kit_proc *netd;
static struct kit_link game;

/* ---- a network --------------------------------------------------------------
 */

static void
switch_line(const char *name, bool on)
{
	struct ifreq r = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &r), 0);
	r.ifr_flags =
	    (short)(on ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &r), 0);
	close(fd);
}

static void
add_address(const char *name, const char *ip)
{
	struct ifreq r = { 0 };
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, ip, &in.sin_addr);
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	memcpy(&r.ifr_addr, &in, sizeof(in));
	assert_int_equal(ioctl(fd, SIOCSIFADDR, &r), 0);
	close(fd);
}

/* Of this program alone, for the rest of its life. */
static void
needs_network(void)
{
	static bool tried, there;

	if (!tried && unshare(CLONE_NEWNET) == 0) {
		there = true;
		switch_line("lo", true);
		add_address("lo:1", FAR);
		add_address("lo:2", FARTHER);
	}
	tried = true;
	if (!there)
		skip(); /* this user, or this container, may not */
}

/* A connection from one address to the port of a URL there; -1: refused. */
static int
reach(const char *from, const char *url)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	inet_pton(AF_INET, from, &a.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	inet_pton(AF_INET, FAR, &a.sin_addr);
	a.sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		kit_fail("connect from %s: %s", from, strerror(errno));
	return fd;
}

/* Until it is let in: the game hears of who left before the place is free. */
static int
reach_soon(const char *from, const char *url)
{
	int64_t until = kit_now_ms() + KIT_WAIT_MS;

	for (;;) {
		struct pollfd p[2] = { { .events = POLLIN },
			{ .fd = game.up, .events = POLLIN } };

		p[0].fd = reach(from, url);
		if (poll(p, 2, KIT_WAIT_MS) > 0 && p[1].revents)
			return p[0].fd;
		close(p[0].fd);
		if (kit_now_ms() > until)
			kit_fail("nobody from %s is let in", from);
	}
}

static const char *
begin(const char *url, const char *limit)
{
	netd = limit ? kit_netd("--limit", limit, NULL) : kit_netd(NULL);
	kit_attach(&game, netd);
	return kit_link_listen(&game, url);
}

/* ---- the cases
 * ---------------------------------------------------------------
 */

static void
one_source_takes_a_tenth_of_the_places(void)
{
	const char *url;
	struct ipc_frame f;
	int fds[8];

	needs_network();
	url = begin("line://" FAR ":0", "clients_max=40");
	for (int i = 0; i < 4; i++) {
		fds[i] = reach(FARTHER, url);
		kit_link_until(&game, IPC_OPENED, &f);
	}
	/* The fifth is sent away, with all four inside. */
	kit_recv_all(reach(FARTHER, url), NULL);
	fds[5] = reach(FAR, url);
	kit_send(fds[5], "from elsewhere\n");
	kit_link_until(&game, IPC_MESSAGE, &f);
	assert_int_equal(f.len, 14);
	kit_send(fds[0], "still here\n");
	kit_link_until(&game, IPC_MESSAGE, &f);
	assert_int_equal(f.len, 10);
	/* One leaves, and another may come. */
	close(fds[3]);
	kit_link_closed(&game, IPC_REASON_LEFT);
	fds[3] = reach_soon(FARTHER, url);
	kit_send(fds[3], "a new one\n");
	kit_link_until(&game, IPC_MESSAGE, &f);
	assert_int_equal(f.len, 9);
}

static void
this_machine_is_no_single_source(void)
{
	const char *url = begin("line://127.0.0.1:0", "clients_max=40");
	struct ipc_frame f;

	for (int i = 0; i < 30; i++) {
		kit_connect(url);
		kit_link_until(&game, IPC_OPENED, &f);
	}
}

/* Dead without a word: the line is cut while nobody sends anything. */
static void
a_dead_peer_is_noticed_by(const char *url)
{
	const char *at;
	struct ipc_frame f;
	int64_t began;

	needs_network();
	at = begin(url, NULL);
	reach(FARTHER, at);
	kit_link_until(&game, IPC_OPENED, &f);
	began = kit_now_ms();
	switch_line("lo", false);
	kit_link_closed(&game, IPC_REASON_TIMEOUT);
	switch_line("lo", true);
	assert_true(kit_now_ms() - began >= 1000);
}

static void
a_dead_peer_is_noticed_on_a_line(void)
{
	a_dead_peer_is_noticed_by("line://" FAR ":0?keepalive_ms=2s");
}

static void
a_dead_peer_is_noticed_on_tcp(void)
{
	a_dead_peer_is_noticed_by("tcp://" FAR ":0?keepalive_ms=2s");
}

static void
a_live_peer_that_is_silent_stays(void)
{
	const char *url;
	struct ipc_frame f;
	int fd;

	needs_network();
	url = begin("line://" FAR ":0?keepalive_ms=1s", NULL);
	fd = reach(FARTHER, url);
	kit_link_until(&game, IPC_OPENED, &f);
	kit_expect_silence(fd, 2500);
	kit_send(fd, "awake\n");
	kit_link_until(&game, IPC_MESSAGE, &f);
	kit_link_say(&game, f.id, "good morning");
	kit_expect(fd, "good morning\n");
}

static void
a_dead_peer_is_noticed_with_data_waiting(void)
{
	const char *url;
	struct ipc_frame f;

	needs_network();
	url = begin("line://" FAR ":0?progress_ms=1s&hard_bytes=16m", NULL);
	reach(FARTHER, url);
	kit_link_until(&game, IPC_OPENED, &f);
	switch_line("lo", false);
	/* More than any socket takes. */
	for (int i = 0; i < 200; i++) {
		static char text[40000];

		memset(text, 'x', sizeof(text) - 1);
		kit_link_say(&game, f.id, text);
	}
	kit_link_closed(&game, IPC_REASON_SLOW);
	switch_line("lo", true);
}

/* Of another user: connect to the rendezvous, and see whether one is heard. */
static int
attach_as(uid_t uid, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char byte;
	int status, fd;
	pid_t pid = fork();

	if (pid == 0) {
		snprintf(a.sun_path, sizeof(a.sun_path), "%.107s", path);
		fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		if (setuid(uid) < 0 ||
		    connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
			_exit(2);
		/* Closed by netd: at its end, or reset. */
		_exit(recv(fd, &byte, 1, 0) <= 0 ? 0 : 1);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
another_user_is_no_game_even_where_the_way_is_open(void)
{
	char dir[90], path[108];

	if (geteuid() != 0)
		skip();
	netd = kit_netd("line://127.0.0.1:0", NULL);
	snprintf(dir, sizeof(dir), "%.80s", netd->dir);
	snprintf(path, sizeof(path), "%s/penstock.sock", dir);
	assert_int_equal(chmod(kit_path("."), 0755), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(attach_as(65534, path), 0);
	kit_expect_log(netd, "attach_refused why=\"not its user\"");
	kit_attach(&game, netd);
}

/* Each sends a byte whenever it may, and never ends its request. */
static void
who_trickles_runs_out_of_time_and_costs_little(void)
{
	const char *url = begin("ws://127.0.0.1:0/?handshake_ms=2s", NULL);
	static int fds[TRICKLERS];
	long before, cost;
	int64_t until;
	size_t open = 0;

	kit_close(kit_connect(url));
	before = kit_rss_kib(netd->pid);
	for (int i = 0; i < TRICKLERS; i++) {
		fds[i] = kit_connect(url);
		kit_send(fds[i], "GET / HTTP/1.1\r\nX: ");
	}
	until = kit_now_ms() + KIT_WAIT_MS;
	cost = 0;
	do {
		if (kit_now_ms() > until)
			kit_fail("%zu are still there", open);
		open = 0;
		for (int i = 0; i < TRICKLERS; i++) {
			char byte;
			ssize_t n = fds[i] < 0
					? 0
					: recv(fds[i], &byte, 1, MSG_DONTWAIT);

			if (fds[i] >= 0 &&
			    (n == 0 || (n < 0 && errno != EAGAIN))) {
				kit_close(fds[i]);
				fds[i] = -1;
			}
			if (fds[i] < 0)
				continue;
			open++;
			if (n < 0)
				send(fds[i], "x", 1, MSG_NOSIGNAL);
		}
		if (kit_rss_kib(netd->pid) - before > cost)
			cost = kit_rss_kib(netd->pid) - before;
		kit_tick();
	} while (open);
	if (getenv("BUILD") == NULL || strcmp(getenv("BUILD"), "asan") != 0)
		if (cost > 2 * TRICKLERS)
			kit_fail("%ld KiB for %d", cost, TRICKLERS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(this_machine_is_no_single_source),
		KIT_TEST(who_trickles_runs_out_of_time_and_costs_little),
		KIT_TEST(another_user_is_no_game_even_where_the_way_is_open),
		KIT_TEST(one_source_takes_a_tenth_of_the_places),
		KIT_TEST(a_dead_peer_is_noticed_on_a_line),
		KIT_TEST(a_dead_peer_is_noticed_on_tcp),
		KIT_TEST(a_live_peer_that_is_silent_stays),
		KIT_TEST(a_dead_peer_is_noticed_with_data_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
