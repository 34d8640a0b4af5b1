/* links: tests/lib/kit*.c */
/*
 * Too much of everything: what a slow player, a flooding game, a game that
 * does not read and flooding players may cost, and whom.
 */
#include "tests/lib/kit_game.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KIB 1024
/* netd's memory after a flood, over what it had before: its budgets and
 * queues are below this, what floods is a hundred times more. */
#define SLACK_KIB (24 * KIB)
#define CHUNK 8192

static struct kit_proc *netd;
static struct kit_link game;

static uint64_t
join(const char *url, int *fd, bool small)
{
	struct ipc_frame f;

	*fd = small ? kit_connect_small(url) : kit_connect(url);
	kit_link_until(&game, IPC_OPENED, &f);
	return f.id;
}

/* What the game was told of the slow one, whoever read it. */
static struct {
	uint64_t conn;
	bool pressed;
	unsigned closed; /* the reason */
} slow;

static void
next(struct ipc_frame *f)
{
	assert_true(kit_link_next(&game, f));
	if (f->id != slow.conn)
		return;
	slow.pressed |= f->kind == IPC_PRESSURE;
	if (f->kind == IPC_CLOSED)
		slow.closed = f->channel;
}

/* Another player's message goes there and back while the flood lasts. */
static void
unharmed(int fd, uint64_t conn)
{
	struct ipc_frame f;
	int64_t began = kit_now_ms();

	kit_send(fd, "are you there\n");
	do
		next(&f);
	while (f.kind != IPC_MESSAGE || f.id != conn);
	kit_link_say(&game, conn, "yes");
	kit_expect(fd, "yes\n");
	assert_true(kit_now_ms() - began < 1000);
}

static void
a_player_who_never_reads_is_closed_as_slow_and_costs_nobody(void)
{
	static char chunk[CHUNK];
	struct ipc_frame f;
	const char *url;
	uint64_t other;
	int slow_fd, other_fd;
	long before;
	size_t sent = 0;

	memset(chunk, 'x', sizeof(chunk));
	netd = kit_netd(NULL);
	kit_attach(&game, netd);
	url = kit_link_listen(&game, "line://127.0.0.1:0");
	slow.closed = 0;
	slow.conn = join(url, &slow_fd, true);
	other = join(url, &other_fd, false);
	before = kit_rss_kib(netd->pid);
	for (; slow.closed == 0; sent += CHUNK) {
		struct pollfd p = { .fd = game.up, .events = POLLIN };

		if (sent > (size_t)256 << 20)
			kit_fail("256 MiB and the player is not closed");
		kit_link_frame(
		    &game, IPC_SEND, 0, 0, slow.conn, chunk, sizeof(chunk));
		kit_link_commit(&game);
		while (slow.closed == 0 && poll(&p, 1, 0) == 1)
			next(&f);
		if (sent % (20 * CHUNK) == 0)
			unharmed(other_fd, other);
	}
	assert_int_equal(slow.closed, IPC_REASON_SLOW);
	assert_true(slow.pressed);
	assert_true(kit_rss_kib(netd->pid) < before + SLACK_KIB);
	unharmed(other_fd, other);
	kit_expect_log(netd, "why=slow");
}

static void
droppable_messages_go_first_and_are_counted(void)
{
	static char chunk[CHUNK];
	struct ipc_dropped m;
	struct ipc_frame f;
	const char *why, *field;
	int fd;
	uint64_t conn;
	long before;

	memset(chunk, 'x', sizeof(chunk));
	netd = kit_netd(NULL);
	kit_attach(&game, netd);
	conn =
	    join(kit_link_listen(&game, "line://127.0.0.1:0?progress_ms=60s"),
		&fd, true);
	before = kit_rss_kib(netd->pid);
	/* 32 MiB to somebody who does not read, and who stays */
	for (int i = 0; i < 4096; i++) {
		kit_link_frame(&game, IPC_SEND, IPC_DROPPABLE, 0, conn, chunk,
		    sizeof(chunk));
		kit_link_commit(&game);
	}
	kit_link_until(&game, IPC_DROPPED, &f);
	assert_true(f.id == conn);
	assert_int_equal(ipc_msg_unpack(&f, &m, &why, &field), 0);
	assert_true(m.messages > 0 && m.bytes >= m.messages);
	assert_true(kit_rss_kib(netd->pid) < before + SLACK_KIB);
	kit_send(fd, "I am still here\n");
	kit_link_until(&game, IPC_MESSAGE, &f);
	assert_true(f.id == conn);
}

static void
only_the_latest_of_a_key_waits(void)
{
	struct ipc_frame f;
	char text[64], *last = NULL;
	unsigned lines = 0;
	uint64_t conn;
	int fd;

	netd = kit_netd(NULL);
	kit_attach(&game, netd);
	conn = join(kit_link_listen(&game, "line://127.0.0.1:0"), &fd, true);
	for (int i = 0; i < 200000; i++) {
		int n = snprintf(text, sizeof(text), "%040d", i);

		kit_link_frame(
		    &game, IPC_SEND, IPC_LATEST, 7, conn, text, (size_t)n);
		if (i % 100 == 99)
			kit_link_commit(&game);
	}
	kit_link_frame(&game, IPC_CLOSE, 0, IPC_REASON_KICKED, conn, "", 0);
	kit_link_frame(&game, IPC_ASK, 0, 0, 1, NULL, 0);
	kit_link_commit(&game);
	kit_link_until(&game, IPC_ANSWER, &f);
	for (char *line = strtok(kit_recv_all(fd, NULL), "\n"); line;
	     line = strtok(NULL, "\n")) {
		/* in order, nothing twice */
		if (line[0] != '0') /* the goodbye */
			break;
		if (last && atoi(line) <= atoi(last))
			kit_fail("'%s' after '%s'", line, last);
		last = line;
		lines++;
	}
	assert_non_null(last);
	assert_int_equal(atoi(last), 199999);
	assert_true(lines < 200000);
}

/* ---- the game does not read
 * --------------------------------------------------- */

static void
a_game_that_never_reads_bounds_what_players_can_send(void)
{
	enum { PLAYERS = 8 };
	static char chunk[CHUNK];
	struct ipc_frame f;
	const char *url;
	int fds[PLAYERS];
	long before;
	size_t sent = 0;
	int64_t quiet;

	memset(chunk, 'x', sizeof(chunk));
	for (size_t i = 99; i < sizeof(chunk); i += 100)
		chunk[i] = '\n';
	netd = kit_netd(NULL);
	kit_attach(&game, netd);
	url = kit_link_listen(&game, "line://127.0.0.1:0");
	for (int i = 0; i < PLAYERS; i++)
		join(url, &fds[i], false);
	before = kit_rss_kib(netd->pid);
	/* until nothing goes for a while */
	quiet = kit_now_ms();
	while (kit_now_ms() - quiet < 300) {
		for (int i = 0; i < PLAYERS; i++) {
			size_t n = kit_send_some(fds[i], chunk, sizeof(chunk));

			sent += n;
			if (n)
				quiet = kit_now_ms();
		}
		if (sent > (size_t)512 << 20)
			kit_fail("512 MiB sent and netd still reads");
		kit_tick();
	}
	assert_true(kit_rss_kib(netd->pid) < before + SLACK_KIB);
	/* and when it reads again, everything is there */
	for (size_t got = 0; got < 20000; got++)
		kit_link_until(&game, IPC_MESSAGE, &f);
	assert_false(kit_ended(netd));
}

static void
input_is_fair_when_one_player_floods(void)
{
	static char chunk[65536];
	struct ipc_frame f;
	const char *url;
	uint64_t quiet;
	int loud_fd, quiet_fd;
	unsigned before = 0;

	memset(chunk, '\n', sizeof(chunk));
	netd = kit_netd(NULL);
	kit_attach(&game, netd);
	url = kit_link_listen(&game, "line://127.0.0.1:0");
	join(url, &loud_fd, false);
	quiet = join(url, &quiet_fd, false);
	for (int i = 0; i < 64; i++)
		kit_send_some(loud_fd, chunk, sizeof(chunk));
	kit_send(quiet_fd, "me too\n");
	do {
		kit_link_until(&game, IPC_MESSAGE, &f);
		kit_send_some(loud_fd, chunk, 1024);
		before++;
	} while (f.id != quiet);
	/* a few turns' worth of the other's, not all of it */
	assert_true(before < 1000000);
}

/* ---- the budget
 * ------------------------------------------------------------------ */

static void
past_the_budget_netd_stops_reading_the_game_and_says_so(void)
{
	enum { PLAYERS = 40 };
	static char chunk[60000];
	struct ipc_frame f;
	const char *url;
	int fds[PLAYERS];
	uint64_t conns[PLAYERS];
	bool stalled = false;
	long before;

	memset(chunk, 'x', sizeof(chunk));
	netd = kit_netd("--limit", "budget_bytes=4m", NULL);
	kit_attach(&game, netd);
	url = kit_link_listen(
	    &game, "line://127.0.0.1:0?hard_bytes=2m&progress_ms=500ms");
	for (int i = 0; i < PLAYERS; i++)
		conns[i] = join(url, &fds[i], true);
	before = kit_rss_kib(netd->pid);
	for (int round = 0; round < 100; round++)
		for (int i = 0; i < PLAYERS; i++) {
			kit_link_frame(&game, IPC_SEND, 0, 0, conns[i], chunk,
			    sizeof(chunk));
			kit_link_commit(&game);
		}
	assert_true(kit_rss_kib(netd->pid) < before + SLACK_KIB);
	kit_link_frame(&game, IPC_ASK, 0, 0, 77, NULL, 0);
	kit_link_commit(&game);
	do {
		assert_true(kit_link_next(&game, &f));
		stalled |= f.kind == IPC_STALLED && f.id > 0;
	} while (f.kind != IPC_ANSWER);
	assert_true(stalled);
}

/* Nobody reads its pipe, so nobody reads that it has ended. */
static void
a_game_that_goes_while_its_pipe_is_not_read_is_seen_to_go(void)
{
	static char chunk[60000];
	uint8_t frame[IPC_FRAME_HEAD];
	struct ipc_frame f = { .kind = IPC_SEND, .len = sizeof(chunk) };
	const char *url;
	int fd;

	netd = kit_netd("--limit", "budget_bytes=1m", NULL);
	kit_attach(&game, netd);
	url = kit_link_listen(
	    &game, "line://127.0.0.1:0?hard_bytes=64m&progress_ms=60s");
	f.id = join(url, &fd, true);
	memset(chunk, 'x', sizeof(chunk));
	ipc_frame_head(frame, &f);
	for (int i = 0; i < 100; i++) {
		kit_link_raw(&game, frame, sizeof(frame));
		kit_link_raw(&game, chunk, sizeof(chunk));
		kit_link_commit(&game);
		/* What is behind a COMMIT may wait unread for ever. */
		if (i > 20 && strstr(kit_said(netd), " stalled "))
			break;
		kit_tick();
	}
	kit_expect_log(netd, " stalled ");
	kit_detach(&game);
	kit_expect_log(netd, " game_gone ");
	/* And the next may come. */
	kit_attach(&game, netd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(
		    a_player_who_never_reads_is_closed_as_slow_and_costs_nobody),
		KIT_TEST(droppable_messages_go_first_and_are_counted),
		KIT_TEST(only_the_latest_of_a_key_waits),
		KIT_TEST(a_game_that_never_reads_bounds_what_players_can_send),
		KIT_TEST(input_is_fair_when_one_player_floods),
		KIT_TEST(
		    past_the_budget_netd_stops_reading_the_game_and_says_so),
		KIT_TEST(
		    a_game_that_goes_while_its_pipe_is_not_read_is_seen_to_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
