/* links: tests/lib/kit*.c */
/*
 * From the command line to the last exit status: what a person who starts a
 * game sees, hears and gets back.
 */
#include "tests/lib/kit_game.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A player who stays is not waited for at length. */
#define LINE "line://127.0.0.1:0?close_ms=150ms"

/* Nothing that p started runs any more. */
static void
left_nothing(struct kit_proc *p)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;

	for (;;) {
		/* what died without a parent is ours to bury */
		while (waitpid(-p->pid, NULL, WNOHANG) > 0)
			continue;
		if (kill(-p->pid, 0) < 0 && errno == ESRCH)
			return;
		if (kit_now_ms() > end)
			kit_fail("something of %s still runs", p->name);
		kit_tick();
	}
}

/* ---- playing
 * ----------------------------------------------------------------- */

static void
echoes_lines(void)
{
	struct kit_proc *p = kit_game("echo", "--listen", LINE, NULL);
	int fd = kit_connect(kit_url(p, 1));

	kit_send(fd, "hello\nCR LF too\r\n\nan empty one before");
	kit_expect(fd, "hello\nCR LF too\n\n");
	kit_expect_silence(fd, 20);
	kit_send(fd, "\n");
	kit_expect(fd, "an empty one before\n");
}

static void
echoes_bytes_with_their_length(void)
{
	struct kit_proc *p =
	    kit_game("echo", "--listen", "tcp://127.0.0.1:0", NULL);
	int fd = kit_connect(kit_url(p, 1));

	kit_send_bytes(fd, "\0\0\0\4\0\n\r\xff\0\0\0\0", 12);
	kit_expect_bytes(fd, "\0\0\0\4\0\n\r\xff\0\0\0\0", 12);
}

static void
echoes_on_a_unix_socket(void)
{
	char url[300];
	struct kit_proc *p;
	struct stat st;
	int fd;

	snprintf(url, sizeof(url), "unix://%s?close_ms=150ms",
	    kit_path("game.sock"));
	p = kit_game("echo", "--listen", url, NULL);
	fd = kit_connect(kit_url(p, 1));
	kit_send(fd, "hello\n");
	kit_expect(fd, "hello\n");
	kit_signal(p, SIGTERM);
	assert_int_equal(kit_wait(p), 0);
	/* its file goes with it */
	assert_int_equal(stat(kit_path("game.sock"), &st), -1);
}

static void
one_game_listens_in_several_ways(void)
{
	struct kit_proc *p = kit_game("echo", "--listen", LINE, "--listen",
	    "tcp://127.0.0.1:0", "--listen", "line://[::1]:0", NULL);
	int a = kit_connect(kit_url(p, 1)), b = kit_connect(kit_url(p, 2)),
	    c = kit_connect(kit_url(p, 3));

	kit_send(a, "a\n");
	kit_send_bytes(b, "\0\0\0\1b", 5);
	kit_send(c, "c\n");
	kit_expect(a, "a\n");
	kit_expect_bytes(b, "\0\0\0\1b", 5);
	kit_expect(c, "c\n");
}

static void
port_0_is_reported_as_the_real_one(void)
{
	struct kit_proc *p = kit_game("echo", "--listen", LINE, NULL);
	const char *port = strrchr(kit_url(p, 1), ':') + 1;

	assert_true(atoi(port) > 0);
}

static void
a_hundred_players_each_hear_themselves(void)
{
	struct kit_proc *p = kit_game("echo", "--listen", LINE, NULL);
	int fds[100];
	char text[32];

	for (int i = 0; i < 100; i++)
		fds[i] = kit_connect(kit_url(p, 1));
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 100; i++) {
			snprintf(text, sizeof(text), "%d of %d\n", round, i);
			kit_send(fds[i], text);
		}
		for (int i = 0; i < 100; i++) {
			snprintf(text, sizeof(text), "%d of %d\n", round, i);
			kit_expect(fds[i], text);
		}
	}
}

static void
stays_in_one_process_in_the_foreground(void)
{
	struct kit_proc *p =
	    kit_game("echo", "--foreground", "--listen", LINE, NULL);
	int fd = kit_connect(kit_url(p, 1));

	kit_send(fd, "hello\n");
	kit_expect(fd, "hello\n");
	kit_child(p, "netd");
	kit_signal(p, SIGINT);
	kit_wait(p);
	left_nothing(p);
}

static void
attaches_to_a_netd_that_waits(void)
{
	struct kit_proc *netd = kit_netd(NULL), *p;
	int fd;

	p = kit_start("echo", "--attach", netd->dir, "--listen", LINE, NULL);
	fd = kit_connect(kit_url(netd, 1));
	kit_send(fd, "hello\n");
	kit_expect(fd, "hello\n");
	kit_signal(netd, SIGTERM);
	assert_int_equal(kit_wait(p), 0);
	assert_int_equal(kit_wait(netd), 0);
}

/* ---- ending
 * ------------------------------------------------------------------ */

static void
ends_well(void (*how)(struct kit_proc *, int), int number)
{
	struct kit_proc *p = kit_game("echo", "--listen", LINE, NULL);
	int fd = kit_connect(kit_url(p, 1));
	size_t len;

	kit_send(fd, "hello\n");
	kit_expect(fd, "hello\n");
	how(p, number);
	kit_recv_all(fd, &len);
	kit_close(fd);
	assert_int_equal(kit_wait(p), 0);
	left_nothing(p);
	assert_null(strstr(kit_errors(p), " error "));
	assert_null(strstr(kit_errors(p), "died"));
}

/* What it declares in its first turn holds for what they say. */
static void
nobody_is_read_before_the_game_took_its_listener(void)
{
	struct ipc_listen m = { .url = (char *)(uintptr_t)LINE };
	struct kit_proc *netd = kit_netd(NULL);
	struct ipc_listening got;
	const char *why, *field;
	struct kit_link game;
	struct ipc_frame f;
	uint64_t before;
	int player;

	kit_attach(&game, netd);
	kit_link_msg(&game, IPC_LISTEN, 1, &m);
	kit_link_commit(&game);
	kit_link_until(&game, IPC_LISTENING, &f);
	assert_int_equal(ipc_msg_unpack(&f, &got, &why, &field), 0);
	before = game.taken - 1;
	player = kit_connect(got.url);
	ipc_msg_release(IPC_LISTENING, &got);
	kit_send(player, "first\n");
	/* It is not through with LISTENING, and asks for this and that. */
	for (uint64_t n = 1; n <= 50; n++) {
		kit_link_frame(&game, IPC_ASK, 0, 0, n, NULL, 0);
		kit_link_frame(
		    &game, IPC_COMMIT, IPC_PARTIAL, 0, before, NULL, 0);
		do {
			kit_link_next(&game, &f);
			if (f.kind == IPC_MESSAGE)
				kit_fail("read too early");
		} while (f.kind != IPC_ANSWER);
	}
	kit_link_commit(&game);
	kit_link_until(&game, IPC_MESSAGE, &f);
	assert_int_equal(f.len, 5);
	kit_detach(&game);
	close(player);
}

static void
ctrl_c_says_goodbye_and_exits_0(void)
{
	ends_well(kit_signal_all, SIGINT);
}

static void
sigterm_says_goodbye_and_exits_0(void)
{
	ends_well(kit_signal, SIGTERM);
}

static void
what_was_sent_before_the_stop_arrives(void)
{
	enum { LINES = 2000 };
	struct kit_proc *p = kit_game("echo", "--listen", LINE, NULL);
	int fd = kit_connect(kit_url(p, 1));
	char text[LINES * 12], *to = text, line[32];

	for (int i = 0; i < LINES; i++)
		to += sprintf(to, "line %d\n", i);
	/* At once, so that netd reads all of it at once. */
	kit_send(fd, text);
	/* the first answer is there: the game has begun on the rest */
	kit_expect(fd, "line 0\n");
	kit_signal(p, SIGTERM);
	for (int i = 1; i < LINES; i++) {
		snprintf(line, sizeof(line), "line %d\n", i);
		kit_expect(fd, line);
	}
	/* whole lines to the very end */
	{
		size_t len;
		char *rest = kit_recv_all(fd, &len);

		assert_true(len == 0 || rest[len - 1] == '\n');
	}
	kit_close(fd);
	assert_int_equal(kit_wait(p), 0);
}

/* A game that never says BYE, and a player who stays. */
static struct kit_proc *
stubborn(struct kit_link *l, const char *stop_ms)
{
	struct kit_proc *netd = kit_netd("--limit", stop_ms, NULL);
	struct ipc_frame f;

	kit_attach(l, netd);
	kit_connect(kit_link_listen(l, LINE));
	kit_link_until(l, IPC_OPENED, &f);
	kit_signal(netd, SIGTERM);
	kit_link_until(l, IPC_STOP, &f);
	return netd;
}

static void
a_second_signal_ends_at_once(void)
{
	struct kit_link l;
	struct kit_proc *netd = stubborn(&l, "stop_ms=60s");
	int64_t began = kit_now_ms();

	kit_signal(netd, SIGTERM);
	kit_wait(netd);
	assert_true(kit_now_ms() - began < 2000);
}

/* As timeout(1) does, and whoever presses Ctrl-C there. */
static void
a_signal_to_the_game_and_to_its_group_is_one(void)
{
	struct kit_proc *p = kit_game("echo", "--listen", LINE, NULL);
	int fd = kit_connect(kit_url(p, 1));

	kit_send(fd, "here\n");
	kit_expect(fd, "here\n");
	for (int i = 0; i < 20; i++)
		kit_signal(p, SIGTERM);
	kit_signal_all(p, SIGTERM);
	assert_string_equal(
	    kit_recv_all(fd, NULL), "server is shutting down\n");
	kit_close(fd);
	assert_int_equal(kit_wait(p), 0);
	assert_int_equal(kit_count_log(p, "stop_now"), 0);
}

static void
a_second_signal_to_a_game_ends_it_at_once(void)
{
	struct kit_proc *p = kit_game("echo", "--listen", LINE, NULL);
	int fd = kit_connect(kit_url(p, 1));
	int64_t began;

	kit_send(fd, "here\n");
	kit_expect(fd, "here\n");
	kit_signal(p, SIGTERM);
	/* netd waits for this player to hang up, too */
	kit_expect(fd, "server is shutting down\n");
	began = kit_now_ms();
	while (kit_now_ms() - began < 150)
		kit_tick();
	kit_signal(p, SIGTERM);
	assert_int_equal(kit_wait(p), 128 + SIGTERM);
	assert_true(kit_now_ms() - began < 2000);
}

static void
a_game_that_does_not_leave_is_left(void)
{
	struct kit_link l;
	struct kit_proc *netd = stubborn(&l, "stop_ms=300ms");
	int64_t began = kit_now_ms();

	assert_int_equal(kit_wait(netd), 1);
	assert_true(kit_now_ms() - began < 5000);
	kit_expect_log(netd, " stop_hard ");
}

/* The process that plays now, not a frozen copy of it. */
static pid_t
game_pid(struct kit_proc *p)
{
	const char *at = strstr(kit_said(p), " netd game game=");

	at = at ? strstr(at, " pid=") : NULL;
	if (at == NULL)
		kit_fail("no game in the log");
	return (pid_t)atol(at + 5);
}

static void
a_killed_game_goes_on_and_its_player_stays(void)
{
	struct kit_proc *p = kit_game("echo", "--listen", LINE, NULL);
	int fd = kit_connect(kit_url(p, 1));

	kit_send(fd, "before\n");
	kit_expect(fd, "before\n");
	kill(game_pid(p), SIGKILL);
	kit_send(fd, "after\n");
	kit_expect(fd, "after\n");
	kit_expect_log(p, "signal 9");
	kit_close(fd);
	kit_signal(p, SIGTERM);
	assert_int_equal(kit_wait(p), 0);
	left_nothing(p);
}

static void
nobody_outlives_a_killed_launcher(void)
{
	struct kit_proc *p = kit_game("echo", "--listen", LINE, NULL);
	pid_t netd = kit_child(p, "netd");
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	int fd = kit_connect(kit_url(p, 1));
	size_t len;

	kit_kill(p);
	kit_recv_all(fd, &len);
	/* Without a parent it is ours to bury. */
	while (waitpid(netd, NULL, WNOHANG) != netd) {
		if (kit_now_ms() > end)
			kit_fail("netd outlives its launcher");
		kit_tick();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(echoes_lines),
		KIT_TEST(echoes_bytes_with_their_length),
		KIT_TEST(echoes_on_a_unix_socket),
		KIT_TEST(one_game_listens_in_several_ways),
		KIT_TEST(port_0_is_reported_as_the_real_one),
		KIT_TEST(a_hundred_players_each_hear_themselves),
		KIT_TEST(stays_in_one_process_in_the_foreground),
		KIT_TEST(attaches_to_a_netd_that_waits),
		KIT_TEST(nobody_is_read_before_the_game_took_its_listener),
		KIT_TEST(ctrl_c_says_goodbye_and_exits_0),
		KIT_TEST(sigterm_says_goodbye_and_exits_0),
		KIT_TEST(what_was_sent_before_the_stop_arrives),
		KIT_TEST(a_second_signal_ends_at_once),
		KIT_TEST(a_signal_to_the_game_and_to_its_group_is_one),
		KIT_TEST(a_second_signal_to_a_game_ends_it_at_once),
		KIT_TEST(a_game_that_does_not_leave_is_left),
		KIT_TEST(a_killed_game_goes_on_and_its_player_stays),
		KIT_TEST(nobody_outlives_a_killed_launcher),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
