/* links: tests/lib/kit*.c */
/*
 * Deadlines and limits with a real netd: each ends exactly whom it should,
 * and the reason is told.
 */
#include "tests/lib/kit_game.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct kit_proc *netd;
static struct kit_link game;

static const char *
begin(const char *url)
{
	netd = kit_netd(NULL);
	kit_attach(&game, netd);
	return kit_link_listen(&game, url);
}

static void
an_idle_player_is_closed_and_a_busy_one_is_not(void)
{
	const char *url = begin("line://127.0.0.1:0?idle_ms=600ms");
	int idle = kit_connect(url), busy = kit_connect(url);
	struct pollfd p = { .fd = idle, .events = POLLIN };
	struct ipc_frame f;
	uint64_t idle_conn;
	int64_t began = kit_now_ms();

	kit_link_until(&game, IPC_OPENED, &f);
	idle_conn = f.id;
	while (poll(&p, 1, 100) == 0) {
		kit_send(busy, "tick\n");
		if (kit_now_ms() - began > KIT_WAIT_MS)
			kit_fail("the idle one is not closed");
	}
	assert_true(kit_now_ms() - began >= 500);
	kit_link_closed(&game, IPC_REASON_IDLE);
	kit_recv_all(idle, NULL);
	kit_send(busy, "still playing\n");
	do
		kit_link_until(&game, IPC_MESSAGE, &f);
	while (f.len != 13);
	assert_true(f.id != idle_conn);
}

static void
a_first_message_has_its_deadline(void)
{
	const char *url = begin("line://127.0.0.1:0?first_ms=300ms");
	int silent = kit_connect(url), talks = kit_connect(url);

	kit_send(talks, "hello\n");
	kit_recv_all(silent, NULL);
	kit_link_closed(&game, IPC_REASON_FIRST_MESSAGE);
	kit_expect_silence(talks, 400);
}

static void
a_line_over_the_limit_closes_its_player(void)
{
	const char *url = begin("line://127.0.0.1:0?message_bytes=100");
	int fits = kit_connect(url), over = kit_connect(url);
	char text[300];
	struct ipc_frame f;

	memset(text, 'x', sizeof(text));
	kit_send_bytes(fits, text, 100);
	kit_send(fits, "\n");
	kit_link_until(&game, IPC_MESSAGE, &f);
	assert_int_equal(f.len, 100);
	kit_send_bytes(over, text, 250); /* no newline ever */
	kit_link_closed(&game, IPC_REASON_TOO_LONG);
	kit_recv_all(over, NULL);
	kit_expect_silence(fits, 20);
}

static void
a_length_over_the_limit_closes_before_it_is_read(void)
{
	const char *url = begin("tcp://127.0.0.1:0");
	int fd = kit_connect(url);
	long before = kit_rss_kib(netd->pid);

	kit_send_bytes(fd, "\xff\xff\xff\xff", 4);
	kit_link_closed(&game, IPC_REASON_TOO_LONG);
	kit_recv_all(fd, NULL);
	assert_true(kit_rss_kib(netd->pid) < before + 4096);
}

/* Was this connection let in? The other ones end at once. */
static bool
stands(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	static int64_t end;

	if (end == 0)
		end = kit_now_ms() + KIT_WAIT_MS;
	if (poll(&p, 1, 50) == 0)
		return true;
	if (kit_now_ms() > end)
		kit_fail("nobody is let in");
	kit_close(fd);
	return false;
}

static void
an_address_has_at_most_its_number_of_connections(void)
{
	const char *url = begin("line://127.0.0.1:0?address_max=3");
	int fds[3], more;
	struct ipc_frame f;

	for (int i = 0; i < 3; i++) {
		fds[i] = kit_connect(url);
		kit_link_until(&game, IPC_OPENED, &f);
	}
	more = kit_connect(url);
	kit_recv_all(more, NULL);
	kit_expect_silence(fds[0], 20);
	/* one goes, one may come */
	kit_close(fds[1]);
	kit_link_closed(&game, IPC_REASON_LEFT);
	/* it counts until the game has had its chance to answer */
	kit_link_commit(&game);
	while (!stands(kit_connect(url)))
		kit_tick();
	kit_link_until(&game, IPC_OPENED, &f);
}

static void
a_token_bucket_delays_and_loses_nothing(void)
{
	const char *url =
	    begin("line://127.0.0.1:0?messages_per_s=50&burst=10");
	int fd = kit_connect(url);
	int64_t began = kit_now_ms();
	struct ipc_frame f;
	char text[32];

	for (int i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "%d\n", i);
		kit_send(fd, text);
	}
	for (int i = 0; i < 40; i++) {
		kit_link_until(&game, IPC_MESSAGE, &f);
		snprintf(text, sizeof(text), "%d", i);
		assert_int_equal(f.len, strlen(text));
		assert_memory_equal(f.bytes, text, f.len);
	}
	/* ten at once, thirty at 50 a second */
	assert_true(kit_now_ms() - began >= 450);
}

static void
reason_left_when_a_player_goes_and_reset_when_cut(void)
{
	const char *url = begin("line://127.0.0.1:0");
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	int goes = kit_connect(url), cut;
	struct ipc_frame f;

	kit_link_until(&game, IPC_OPENED, &f);
	kit_close(goes);
	kit_link_closed(&game, IPC_REASON_LEFT);
	cut = kit_connect(url);
	kit_link_until(&game, IPC_OPENED, &f);
	setsockopt(cut, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	kit_close(cut);
	kit_link_closed(&game, IPC_REASON_RESET);
}

/* ---- no descriptor left
 * ------------------------------------------------------------ */

/*
 * More players than descriptors: those inside play on, the loop does not
 * spin, and when somebody leaves somebody else comes in.
 */
static void
without_descriptors_netd_rests_and_those_inside_play_on(void)
{
	enum { PLAYERS = 80 };
	struct kit_proc *p;
	const char *url;
	int fds[PLAYERS], inside = 0;
	pid_t pid;
	long cpu;

	p = kit_start_limited(
	    48, "netd", "--wait", kit_path("few"), "line://127.0.0.1:0", NULL);
	snprintf(p->dir, sizeof(p->dir), "%s", kit_path("few"));
	url = kit_url(p, 1);
	kit_expect_log(p, "waiting dir=");
	kit_attach(&game, p);
	for (int i = 0; i < PLAYERS; i++)
		fds[i] = kit_connect(url);
	kit_expect_log(p, " no_descriptors ");
	pid = p->pid;
	assert_true(kit_fds(pid) <= 48);
	/* a second of nothing costs next to nothing: a twentieth at the most */
	cpu = kit_cpu_ms(pid);
	poll(NULL, 0, 1000);
	cpu = kit_cpu_ms(pid) - cpu;
	if (cpu > 50)
		kit_fail("%ld ms of CPU in a second of rest", cpu);
	/* the first one is inside and plays */
	kit_send(fds[0], "hello\n");
	for (;;) {
		struct ipc_frame f;

		assert_true(kit_link_next(&game, &f));
		inside += f.kind == IPC_OPENED;
		if (f.kind == IPC_MESSAGE) {
			kit_link_say(&game, f.id, "hello yourself");
			break;
		}
	}
	kit_expect(fds[0], "hello yourself\n");
	assert_true(inside >= 10 && inside < 48);
	/* all but the first leave: there is room again */
	for (int i = 1; i < PLAYERS; i++)
		kit_close(fds[i]);
	{
		int late = kit_connect(url);
		struct ipc_frame f;

		kit_send(late, "room for me\n");
		do
			kit_link_until(&game, IPC_MESSAGE, &f);
		while (f.len != 11);
	}
	assert_int_equal(kit_count_log(p, " no_descriptors "), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(an_idle_player_is_closed_and_a_busy_one_is_not),
		KIT_TEST(a_first_message_has_its_deadline),
		KIT_TEST(a_line_over_the_limit_closes_its_player),
		KIT_TEST(a_length_over_the_limit_closes_before_it_is_read),
		KIT_TEST(an_address_has_at_most_its_number_of_connections),
		KIT_TEST(a_token_bucket_delays_and_loses_nothing),
		KIT_TEST(reason_left_when_a_player_goes_and_reset_when_cut),
		KIT_TEST(
		    without_descriptors_netd_rests_and_those_inside_play_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
