/* links: tests/lib/kit*.c */
/*
 * Between messages that follow each other closely netd does not sleep; it
 * does when they end, and awake or not everything else happens in time.
 */
#include "tests/lib/kit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE "line://127.0.0.1:0"
/* The most there is: then every wait of a conversation is a short one. */
#define LONG "busy_poll_us=100000"

static int player;

static void
talk(unsigned messages)
{
	char line[32];

	for (unsigned i = 0; i < messages; i++) {
		snprintf(line, sizeof(line), "%u\n", i);
		kit_send(player, line);
		kit_expect(player, line);
	}
}

/* Waited awake so far, as its page says; each look is a connection. */
static unsigned long
awake_us(struct kit_proc *game)
{
	static const char name[] = "\npenstock_busy_poll_us_total ";
	int fd = kit_connect(kit_url(game, 2));
	const char *page, *at;

	kit_send(fd, "GET /metrics HTTP/1.1\r\nHost: a\r\n"
		     "Connection: close\r\n\r\n");
	page = kit_recv_all(fd, NULL);
	at = strstr(page, name);
	if (at == NULL)
		kit_fail("no such counter in %s", page);
	return strtoul(at + strlen(name), NULL, 10);
}

static struct kit_proc *
start(const char *limit)
{
	struct kit_proc *game = kit_game("echo", "--listen", LINE, "--listen",
	    "ws://127.0.0.1:0", "--limit", limit, NULL);

	player = kit_connect(kit_url(game, 1));
	return game;
}

static void
a_conversation_is_waited_for_awake(void)
{
	struct kit_proc *game = start(LONG);

	talk(200);
	assert_true(awake_us(game) > 0);
}

static void
with_a_limit_of_0_nothing_is(void)
{
	struct kit_proc *game = start("busy_poll_us=0");

	talk(200);
	assert_int_equal(awake_us(game), 0);
}

static void
when_it_ends_netd_sleeps(void)
{
	struct kit_proc *game = start(LONG);
	pid_t netd = kit_child(game, "netd");
	int64_t deadline = kit_now_ms() + KIT_WAIT_MS;
	long before;

	talk(200);
	/* Over a fifth of a second none of its CPU time. */
	do {
		int64_t until = kit_now_ms() + 200;

		if (kit_now_ms() > deadline)
			kit_fail("netd does not come to rest");
		before = kit_cpu_ms(netd);
		while (kit_now_ms() < until)
			kit_tick();
	} while (kit_cpu_ms(netd) - before > 0);
	talk(1);
}

static void
a_signal_is_heard_while_it_waits_awake(void)
{
	struct kit_proc *game = start(LONG);

	talk(20);
	kit_signal(game, SIGTERM);
	assert_int_equal(kit_wait(game), 0);
}

static void
who_comes_meanwhile_is_let_in(void)
{
	struct kit_proc *game = start(LONG);
	int other = kit_connect(kit_url(game, 1));

	for (unsigned i = 0; i < 50; i++) {
		talk(1);
		kit_send(other, "other\n");
		kit_expect(other, "other\n");
	}
	kit_close(player);
	player = kit_connect(kit_url(game, 1));
	talk(5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(a_conversation_is_waited_for_awake),
		KIT_TEST(with_a_limit_of_0_nothing_is),
		KIT_TEST(when_it_ends_netd_sleeps),
		KIT_TEST(a_signal_is_heard_while_it_waits_awake),
		KIT_TEST(who_comes_meanwhile_is_let_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
