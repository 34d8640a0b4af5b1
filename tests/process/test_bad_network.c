/* links: tests/lib/kit*.c */
/*
 * The bad network under a real game: late, slow, stalling and cut, but never
 * a byte lost, doubled or out of order, and no time of netd's wasted.
 */
#include "tests/lib/kit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The flight recorder may hold 16 MiB of it; a sanitizer doubles all. */
#ifdef __SANITIZE_ADDRESS__
#define RSS_MAX_KIB (64 << 10)
#else
#define RSS_MAX_KIB (32 << 10)
#endif

static struct kit_proc *game;

/* An echo with this query; returns a player of it. */
static int
play(const char *query)
{
	char url[256];

	snprintf(url, sizeof(url), "line://127.0.0.1:0?%s", query);
	game = kit_game(
	    "echo", "--listen", url, "--listen", "line://127.0.0.1:0", NULL);
	return kit_connect(kit_url(game, 1));
}

static void
an_answer_takes_both_delays_and_not_much_more(void)
{
	int fd = play("delay=80ms&jitter=20ms&seed=7");

	for (int i = 0; i < 3; i++) {
		int64_t start = kit_now_ms(), took;

		kit_send(fd, "hello\n");
		kit_expect(fd, "hello\n");
		took = kit_now_ms() - start;
		assert_in_range(took, 159, 2000);
	}
}

/* Lines in, the same lines out, as fast as both take them; then the end. */
static void
echo_many(int fd, unsigned lines)
{
	size_t size = (size_t)lines * 16, len = 0, sent = 0, got = 0;
	char *all = malloc(size), *back = malloc(size);
	int64_t end = kit_now_ms() + 3 * KIT_WAIT_MS;

	assert_non_null(all);
	assert_non_null(back);
	for (unsigned i = 0; i < lines; i++)
		len += (size_t)snprintf(all + len, size - len, "line %u\n", i);
	while (got < len) {
		ssize_t n;

		/* No more on the way than a slow player may have waiting. */
		if (sent < len && sent - got < 100000)
			sent += kit_send_some(fd, all + sent,
			    len - sent < 5000 ? len - sent : 5000);
		n = recv(fd, back + got, len - got, MSG_DONTWAIT);
		if (n > 0)
			got += (size_t)n;
		else if (n == 0)
			kit_fail("ended after %zu of %zu bytes", got, len);
		else
			kit_tick();
		if (kit_now_ms() > end)
			kit_fail("only %zu of %zu bytes back", got, len);
	}
	assert_memory_equal(all, back, len);
	free(all);
	free(back);
}

static void
every_line_comes_back_in_order_however_bad_it_is(void)
{
	int fd = play("delay=5ms&jitter=10ms&loss=2%&reorder=10%&dup=10%&"
		      "seed=3");

	echo_many(fd, 20000);
}

static void
a_rate_holds_both_ways(void)
{
	int fd = play("rate=64k&message=1m&seed=1");
	int64_t start = kit_now_ms();
	int64_t took;

	echo_many(fd, 5000); /* 48,890 bytes: 746 ms */
	took = kit_now_ms() - start;
	assert_in_range(took, 740, 10000);
}

static void
what_was_said_before_a_half_close_is_answered(void)
{
	int fd = play("delay=50ms&seed=1");
	char *all;

	kit_send(fd, "one\ntwo\n");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	all = kit_recv_all(fd, NULL);
	assert_string_equal(all, "one\ntwo\n");
	kit_expect_log(game, "why=left");
}

static void
a_cut_is_told_to_the_game_and_hurts_nobody_else(void)
{
	int fd = play("cut=100%&seed=1");
	int other = kit_connect(kit_url(game, 2));

	kit_recv_all(fd, NULL);
	kit_expect_log(game, "why=reset");
	kit_send(other, "still here\n");
	kit_expect(other, "still here\n");
}

static void
a_player_who_never_reads_is_closed_as_slow(void)
{
	int fd = play("delay=10ms&seed=1");
	int other = kit_connect(kit_url(game, 2));
	static char some[8192];
	int64_t end = kit_now_ms() + 3 * KIT_WAIT_MS;

	memset(some, 'x', sizeof(some));
	for (size_t i = 63; i < sizeof(some); i += 64)
		some[i] = '\n';
	while (kit_count_log(game, "why=slow") == 0) {
		if (send(fd, some, sizeof(some), MSG_DONTWAIT | MSG_NOSIGNAL) <
		    0)
			kit_tick();
		if (kit_now_ms() > end)
			kit_fail("not closed as slow");
	}
	assert_true(kit_rss_kib(kit_child(game, "netd")) < RSS_MAX_KIB);
	kit_send(other, "still here\n");
	kit_expect(other, "still here\n");
}

static void
players_without_tokens_wait_and_lose_nothing(void)
{
	int fd = play("delay=10ms&messages=100&burst=5&seed=1");
	int64_t start = kit_now_ms();

	echo_many(fd, 60);
	assert_in_range(kit_now_ms() - start, 400, 10000);
}

static void
a_quiet_line_costs_no_time(void)
{
	int fd = play("delay=10ms&loss=5%&cut=0.001%&seed=1");
	pid_t netd;
	long before;

	kit_send(fd, "hello\n");
	kit_expect(fd, "hello\n");
	netd = kit_child(game, "netd");
	before = kit_cpu_ms(netd);
	kit_expect_silence(fd, 1000);
	assert_true(kit_cpu_ms(netd) - before < 100);
}

static void
a_stop_flushes_what_is_on_its_way(void)
{
	int fd = play("delay=300ms&seed=1");
	char *all;

	kit_send(fd, "hello\n");
	kit_expect(fd, "hello\n");
	kit_signal(game, SIGTERM);
	all = kit_recv_all(fd, NULL);
	if (strstr(all, "shutting down") == NULL)
		kit_fail("the last words were '%s'", all);
	assert_int_equal(kit_wait(game), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(an_answer_takes_both_delays_and_not_much_more),
		KIT_TEST(every_line_comes_back_in_order_however_bad_it_is),
		KIT_TEST(a_rate_holds_both_ways),
		KIT_TEST(what_was_said_before_a_half_close_is_answered),
		KIT_TEST(a_cut_is_told_to_the_game_and_hurts_nobody_else),
		KIT_TEST(a_player_who_never_reads_is_closed_as_slow),
		KIT_TEST(players_without_tokens_wait_and_lose_nothing),
		KIT_TEST(a_quiet_line_costs_no_time),
		KIT_TEST(a_stop_flushes_what_is_on_its_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
