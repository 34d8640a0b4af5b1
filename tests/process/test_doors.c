/* links: tests/lib/kit*.c */
/*
 * The ways in: listeners that must not harm what is not theirs, and what
 * happens between a game's arrival and its first word.
 */
#include "tests/lib/kit_game.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SLOW "line://127.0.0.1:0?hard_bytes=16m&progress_ms=1500ms"

static struct kit_proc *netd;
static struct kit_link game;

/* LISTEN, and what is the matter with it: "" if nothing. */
static const char *
listen_why(const char *url)
{
	struct ipc_listen m = { .url = (char *)(uintptr_t)url };
	struct ipc_listening got;
	struct ipc_frame f;
	const char *why, *field;
	static char text[600];

	kit_link_msg(&game, IPC_LISTEN, 1, &m);
	kit_link_commit(&game);
	kit_link_until(&game, IPC_LISTENING, &f);
	assert_int_equal(ipc_msg_unpack(&f, &got, &why, &field), 0);
	snprintf(text, sizeof(text), "%s", got.text);
	assert_int_equal(got.error != 0, text[0] != '\0');
	ipc_msg_release(IPC_LISTENING, &got);
	return text;
}

static const char *
unix_url(const char *path)
{
	static char url[300];

	snprintf(url, sizeof(url), "unix://%s", path);
	return url;
}

static void
a_file_in_the_way_of_a_socket_is_left_alone(void)
{
	const char *path = kit_path("diary");
	FILE *file = fopen(path, "w");
	struct stat st;
	const char *why;

	fputs("dear diary", file);
	fclose(file);
	netd = kit_netd(NULL);
	kit_attach(&game, netd);
	why = listen_why(unix_url(path));
	assert_non_null(strstr(why, "cannot listen on"));
	assert_non_null(strstr(why, "is no socket: remove it"));
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_size, 10);
}

static int
old_socket(const char *path, int backlog)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static void
a_socket_that_nobody_listens_on_is_replaced(void)
{
	const char *path = kit_path("old");
	const char *why;

	close(old_socket(path, 1));
	netd = kit_netd(NULL);
	kit_attach(&game, netd);
	why = listen_why(unix_url(path));
	assert_string_equal(why, "");
	kit_connect(unix_url(path));
}

static void
a_busy_socket_of_somebody_else_does_not_stop_the_loop(void)
{
	const char *path = kit_path("busy");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int theirs, waiting[8], fd = 0;
	const char *why;

	theirs = old_socket(path, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	/* as many as it lets wait */
	for (int i = 0; i < 8 && fd >= 0; i++) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		waiting[i] = fd;
		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
			fd = -1;
	}
	assert_int_equal(errno, EAGAIN);
	netd = kit_netd(NULL);
	kit_attach(&game, netd);
	why = listen_why(unix_url(path));
	assert_non_null(strstr(why, "in use"));
	assert_non_null(strstr(why, "or name another file"));
	close(waiting[0]);
	close(theirs);
}

static void
a_listener_at_its_rate_does_not_hold_up_another(void)
{
	enum { NEWCOMERS = 15 };
	const char *limited, *open;
	struct ipc_frame f;
	int64_t began;

	netd = kit_netd(NULL);
	kit_attach(&game, netd);
	limited = kit_link_listen(&game, "line://127.0.0.1:0?accepts_per_s=1");
	open = kit_link_listen(&game, "line://127.0.0.1:0?burst=1");
	for (int i = 0; i < 100; i++)
		kit_connect(limited);
	kit_link_until(&game, IPC_OPENED, &f);
	began = kit_now_ms();
	for (int i = 0; i < NEWCOMERS; i++) {
		kit_send(kit_connect(open), "hello\n");
		kit_link_until(&game, IPC_MESSAGE, &f);
	}
	/* each waited for up to 200 ms before */
	assert_true(kit_now_ms() - began < 1000);
}

/* ---- before the first word --------------------------------------------------
 */

static void
say_hello(struct kit_link *l, unsigned version)
{
	char name[] = "late";
	struct ipc_hello m = { .version = (uint16_t)version,
		.frame_max = IPC_FRAME_MAX,
		.game = name };

	kit_link_msg(l, IPC_HELLO, 0, &m);
}

/* A player who does not read, and is closed as slow after progress_ms. Then
 * the game goes. */
static uint64_t
slow_player(void)
{
	static char chunk[60000];
	struct ipc_frame f;
	uint64_t conn;

	kit_connect_small(kit_link_listen(&game, SLOW));
	kit_link_until(&game, IPC_OPENED, &f);
	conn = f.id;
	memset(chunk, 'x', sizeof(chunk));
	for (int i = 0; i < 200; i++) {
		kit_link_frame(
		    &game, IPC_SEND, 0, 0, conn, chunk, sizeof(chunk));
		kit_link_commit(&game);
	}
	kit_detach(&game);
	return conn;
}

/* Who it was, and that it left. */
static void
hears_of(struct kit_link *l, uint64_t conn)
{
	struct ipc_frame f;

	kit_link_until(l, IPC_OPENED, &f);
	assert_int_equal(f.id, conn);
	kit_link_until(l, IPC_CLOSED, &f);
	assert_int_equal(f.id, conn);
	assert_int_equal(f.channel, IPC_REASON_SLOW);
}

static void
nothing_comes_before_welcome_whoever_leaves_meanwhile(void)
{
	struct kit_link next;
	struct ipc_frame f;
	uint64_t conn;

	netd = kit_netd(NULL);
	kit_attach(&game, netd);
	conn = slow_player();
	kit_expect_log(netd, " game_gone ");
	/* it is closed while the new game says nothing */
	kit_attach_mute(&next, netd);
	kit_expect_log(netd, " why=slow ");
	say_hello(&next, IPC_VERSION);
	assert_true(kit_link_next(&next, &f));
	assert_int_equal(f.kind, IPC_WELCOME);
	hears_of(&next, conn);
}

static void
a_game_that_is_refused_costs_the_next_one_nothing(void)
{
	struct kit_link bad, next;
	uint64_t conn;

	netd = kit_netd(NULL);
	kit_attach(&game, netd);
	conn = slow_player();
	kit_expect_log(netd, " game_gone ");
	kit_expect_log(netd, " why=slow ");
	kit_attach_mute(&bad, netd);
	say_hello(&bad, IPC_VERSION + 1);
	kit_link_fault(&bad);
	kit_detach(&bad);
	kit_attach(&next, netd);
	hears_of(&next, conn);
}

/* What waited for a game with long frames is too long for the next one. */
static void
what_is_too_long_for_the_next_game_costs_its_player_alone(void)
{
	static char line[100001];
	char name[] = "small";
	struct ipc_hello m = { .version = IPC_VERSION,
		.frame_max = IPC_FRAME_MAX_MIN,
		.pid = (uint64_t)getpid(),
		.game = name };
	struct ipc_frame f;
	const char *url;
	int good, bad;
	uint64_t id;
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	long before;

	netd = kit_netd(NULL);
	kit_attach(&game, netd);
	url = kit_link_listen(&game, "line://127.0.0.1:0?message=200k");
	good = kit_connect(url);
	kit_link_until(&game, IPC_OPENED, &f);
	bad = kit_connect(url);
	kit_link_until(&game, IPC_OPENED, &f);
	id = f.id;
	kit_link_commit(&game);
	memset(line, 'y', sizeof(line) - 1);
	before = kit_rss_kib(netd->pid);
	/* More than the pipe holds: the rest waits for the next game. */
	for (int i = 0; i < 10; i++) {
		kit_send(bad, line);
		kit_send(bad, "\n");
	}
	while (kit_rss_kib(netd->pid) < before + 500) {
		if (kit_now_ms() > end)
			kit_fail("netd does not read");
		kit_tick();
	}
	kit_detach(&game);
	kit_expect_log(netd, " game_gone ");
	kit_attach_mute(&game, netd);
	kit_link_msg(&game, IPC_HELLO, 0, &m);
	do {
		assert_true(kit_link_next(&game, &f));
		assert_int_not_equal(f.kind, IPC_MESSAGE);
	} while (f.kind != IPC_CLOSED);
	assert_int_equal(f.id, id);
	assert_int_equal(f.channel, IPC_REASON_TOO_LONG);
	kit_send(good, "short\n");
	kit_link_until(&game, IPC_MESSAGE, &f);
	assert_int_equal(f.len, 5);
	assert_true(kit_count_log(netd, " parked_too_long ") > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(
		    what_is_too_long_for_the_next_game_costs_its_player_alone),
		KIT_TEST(a_file_in_the_way_of_a_socket_is_left_alone),
		KIT_TEST(a_socket_that_nobody_listens_on_is_replaced),
		KIT_TEST(a_busy_socket_of_somebody_else_does_not_stop_the_loop),
		KIT_TEST(a_listener_at_its_rate_does_not_hold_up_another),
		KIT_TEST(nothing_comes_before_welcome_whoever_leaves_meanwhile),
		KIT_TEST(a_game_that_is_refused_costs_the_next_one_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
