/* links: tests/lib/kit*.c */
/*
 * What waits for a player, seen from outside: a small game sends numbered
 * messages of all three classes to one who does not read, and every number is
 * accounted for; and what thousands of idle players cost an active one.
 */
#include "tests/lib/kit_game.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BODY 1000
#define LINE "line://127.0.0.1:0?progress_ms=60s"

static struct kit_proc *netd;
static struct kit_link game;

/* What the game was told of one player. */
static struct {
	uint64_t conn;
	unsigned high, low, closed; /* PRESSURE, the reason */
	uint64_t dropped, dropped_bytes, stalled;
} heard;

static void
hear(const struct ipc_frame *f)
{
	const char *why, *field;
	struct ipc_pressure p;
	struct ipc_dropped d;

	if (f->kind == IPC_STALLED)
		heard.stalled += f->id;
	if (f->id != heard.conn)
		return;
	if (f->kind == IPC_PRESSURE) {
		assert_int_equal(ipc_msg_unpack(f, &p, &why, &field), 0);
		heard.high += p.high;
		heard.low += !p.high;
	} else if (f->kind == IPC_DROPPED) {
		assert_int_equal(ipc_msg_unpack(f, &d, &why, &field), 0);
		heard.dropped += d.messages;
		heard.dropped_bytes += d.bytes;
	} else if (f->kind == IPC_CLOSED) {
		heard.closed = f->channel;
	}
}

/* Everything up to a frame of this kind. */
static void
hear_until(unsigned kind, struct ipc_frame *f)
{
	do {
		if (!kit_link_next(&game, f))
			kit_fail("the link ended");
		hear(f);
	} while (f->kind != kind);
}

static uint64_t
join(const char *url, int *fd, bool small)
{
	struct ipc_frame f;

	*fd = small ? kit_connect_small(url) : kit_connect(url);
	hear_until(IPC_OPENED, &f);
	return f.id;
}

static void
begin(const char *url, int *fd)
{
	memset(&heard, 0, sizeof(heard));
	netd = kit_netd(NULL);
	kit_attach(&game, netd);
	heard.conn = join(kit_link_listen(&game, url), fd, true);
}

/* A numbered message of a letter, BODY bytes with its newline. */
static void
say(uint64_t conn, unsigned class, unsigned key, char letter, unsigned number)
{
	char text[BODY];

	memset(text, '.', sizeof(text));
	text[snprintf(text, sizeof(text), "%c %u %u ", letter, key, number)] =
	    '.';
	kit_link_frame(&game, IPC_SEND, class, key, conn, text, BODY - 1);
}

/* The game's turn is acted on and all that netd had to say is heard. */
static void
settle(void)
{
	static uint64_t number;
	struct ipc_frame f;

	kit_link_frame(&game, IPC_ASK, 0, 0, ++number, NULL, 0);
	kit_link_commit(&game);
	do
		hear_until(IPC_ANSWER, &f);
	while (f.id != number);
}

/* Read a line of the game: false at the line "end". */
static bool
line(int fd, char *letter, unsigned *key, unsigned *number)
{
	char text[BODY + 1];

	kit_recv_bytes(fd, text, 4);
	if (memcmp(text, "end\n", 4) == 0)
		return false;
	kit_recv_bytes(fd, text + 4, BODY - 4);
	text[BODY] = '\0';
	assert_int_equal(text[BODY - 1], '\n');
	assert_int_equal(sscanf(text, "%c %u %u ", letter, key, number), 3);
	return true;
}

static void
end_of_messages(void)
{
	kit_link_say(&game, heard.conn, "end");
}

/* ---- the three classes -----------------------------------------------------
 */

static void
droppable_loses_the_oldest_and_counts_exactly_what_is_missing(void)
{
	enum { MESSAGES = 20000 };
	unsigned key, number, got = 0, last = 0;
	unsigned gaps = 0, run = 0;
	struct ipc_frame f;
	char letter;
	int fd;

	begin(LINE, &fd);
	for (unsigned i = 1; i <= MESSAGES; i++) {
		say(heard.conn, IPC_DROPPABLE, 0, 'd', i);
		if (i % 20 == 0)
			settle();
	}
	assert_true(heard.high >= 1);
	/* the queue is full of droppable ones: this takes the oldest's place */
	end_of_messages();
	while (line(fd, &letter, &key, &number)) {
		assert_true(number > last);
		run = number == last + 1 ? run + 1 : 0;
		gaps += run == 0;
		last = number;
		got++;
	}
	/* the oldest go: of the newest, nothing is missing */
	assert_true(gaps > 0 && run > 200);
	assert_int_equal(last, MESSAGES);
	while (got + heard.dropped < MESSAGES)
		hear_until(IPC_DROPPED, &f);
	settle();
	assert_int_equal(got + heard.dropped, MESSAGES);
	assert_int_equal(heard.dropped_bytes, heard.dropped * BODY);
	while (heard.low < heard.high)
		hear_until(IPC_PRESSURE, &f);
	assert_int_equal(heard.closed, 0);
}

static void
latest_keeps_the_newest_of_each_key(void)
{
	enum { KEYS = 5, ROUNDS = 4000 };
	unsigned newest[KEYS] = { 0 }, key, number, got = 0;
	char letter;
	int fd;

	begin(LINE, &fd);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		for (unsigned k = 0; k < KEYS; k++)
			say(heard.conn, IPC_LATEST, k, 'l', i);
		if (i % 10 == 0)
			settle();
	}
	end_of_messages();
	while (line(fd, &letter, &key, &number)) {
		assert_true(key < KEYS);
		assert_true(number > newest[key]); /* never back in time */
		newest[key] = number;
		got++;
	}
	for (unsigned k = 0; k < KEYS; k++)
		assert_int_equal(newest[k], ROUNDS);
	assert_true(got < KEYS * ROUNDS);
	settle();
	/* what was replaced was not lost */
	assert_int_equal(heard.dropped, 0);
	assert_int_equal(heard.closed, 0);
}

static void
reliable_comes_whole_or_the_player_is_closed_as_slow(void)
{
	unsigned key, number, last = 0, sent = 0;
	struct ipc_frame f;
	char letter;
	int fd;

	begin(LINE, &fd);
	/* within the limit, among droppable ones: all of them come */
	for (unsigned i = 1; i <= 10000; i++) {
		say(heard.conn, IPC_DROPPABLE, 0, 'd', i);
		if (i % 100 == 0)
			say(heard.conn, IPC_RELIABLE, 0, 'r', ++sent);
		if (i % 20 == 0)
			settle();
	}
	end_of_messages();
	while (line(fd, &letter, &key, &number))
		if (letter == 'r')
			assert_int_equal(number, ++last);
	assert_int_equal(last, sent);
	while (heard.dropped == 0)
		hear_until(IPC_DROPPED, &f);
	/* over it: closed, and what came is a beginning without a gap */
	for (sent = 0, last = 0; heard.closed == 0; sent += 20) {
		if (sent > 100000)
			kit_fail("100 MB and it is not closed");
		for (unsigned i = 1; i <= 20; i++)
			say(heard.conn, IPC_RELIABLE, 0, 'r', sent + i);
		settle();
	}
	assert_int_equal(heard.closed, IPC_REASON_SLOW);
	{
		size_t len;
		char *text = kit_recv_all(fd, &len);

		for (size_t at = 0; at + BODY <= len && text[at] == 'r';
		     at += BODY) {
			sscanf(text + at, "%c %u %u ", &letter, &key, &number);
			assert_int_equal(number, ++last);
			assert_int_equal(text[at + BODY - 1], '\n');
		}
		assert_true(last > 0 && last < sent);
	}
}

static void
a_broadcast_longer_than_the_limit_arrives_whole_or_not_at_all(void)
{
	enum { LONG = 900000 };
	static char text[LONG];
	char *all, *at;
	size_t len;
	int fd;

	/* more than the buffers of a socket hold, and than may wait */
	begin(LINE "&hard_bytes=8192&soft_bytes=4096", &fd);
	memset(text, 'b', sizeof(text));
	for (int i = 0; i < 16; i++) {
		kit_link_frame(&game, IPC_SEND_GROUP, IPC_DROPPABLE, 0, 0, text,
		    sizeof(text));
		settle();
	}
	kit_link_frame(
	    &game, IPC_CLOSE, 0, IPC_REASON_KICKED, heard.conn, "", 0);
	kit_link_commit(&game);
	all = kit_recv_all(fd, &len);
	for (at = all; *at == 'b'; at += LONG + 1)
		assert_int_equal(strcspn(at, "\n"), LONG);
	assert_string_equal(at, "closed by the game\n");
	settle();
	assert_int_equal((len - strlen(at)) / (LONG + 1) + heard.dropped, 16);
}

/* ---- the budget
 * -------------------------------------------------------------- */

static void
over_the_budget_the_game_waits_and_others_lose_nothing(void)
{
	enum { SLOW = 12, ROUNDS = 250 };
	static char text[32000];
	unsigned next = 0, answers = 0;
	int fds[SLOW], other_fd;
	uint64_t conns[SLOW], other;
	struct ipc_frame f;
	const char *url;

	memset(&heard, 0, sizeof(heard));
	memset(text, 's', sizeof(text));
	netd = kit_netd("--limit", "budget_bytes=1m", NULL);
	kit_attach(&game, netd);
	url = kit_link_listen(
	    &game, "line://127.0.0.1:0?hard_bytes=8m&progress_ms=700ms");
	for (int i = 0; i < SLOW; i++)
		conns[i] = join(url, &fds[i], true);
	other = join(url, &other_fd, false);
	/* each round is written whole before its answer is asked for, so a
	 * game that is not read waits here and nowhere else */
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < SLOW; i++)
			kit_link_frame(&game, IPC_SEND, 0, 0, conns[i], text,
			    sizeof(text));
		snprintf(text, sizeof(text), "number %u", round);
		kit_link_say(&game, other, text);
		memset(text, 's', sizeof(text));
	}
	kit_link_frame(&game, IPC_ASK, 0, 0, 4711, NULL, 0);
	kit_link_commit(&game);
	for (; next < ROUNDS; next++) {
		char want[32];

		snprintf(want, sizeof(want), "number %u", next);
		assert_string_equal(kit_line(other_fd), want);
	}
	do {
		hear_until(IPC_ANSWER, &f);
		answers++;
	} while (f.id != 4711);
	assert_int_equal(answers, 1);
	assert_true(heard.stalled > 0);
	kit_expect_log(netd, " stalled ");
	kit_link_say(&game, other, "still here");
	assert_string_equal(kit_line(other_fd), "still here");
}

/* ---- many who are idle
 * --------------------------------------------------------- */

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int
by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* The median of how long a message goes there and back. */
static int64_t
round_trip_us(int fd, uint64_t conn)
{
	enum { TRIPS = 1001 };
	static int64_t took[TRIPS];
	struct ipc_frame f;

	for (int i = 0; i < TRIPS; i++) {
		int64_t began = now_us();
		char *bytes;
		size_t len;

		kit_ws_send(fd, 1, "there", 5);
		do
			hear_until(IPC_MESSAGE, &f);
		while (f.id != conn);
		kit_link_say(&game, conn, "back");
		assert_int_equal(kit_ws_recv(fd, &bytes, &len), 1);
		assert_int_equal(len, 4);
		took[i] = now_us() - began;
	}
	qsort(took, TRIPS, sizeof(took[0]), by_size);
	return took[TRIPS / 2];
}

static void
five_thousand_idle_players_cost_an_active_one_nothing(void)
{
	enum { IDLE = 5000 };
	int64_t alone, among, again;
	struct ipc_frame f;
	const char *url;
	uint64_t conn;
	int fd;

	memset(&heard, 0, sizeof(heard));
	netd = kit_netd(NULL);
	kit_attach(&game, netd);
	url = kit_link_listen(&game, "ws://127.0.0.1:0");
	fd = kit_ws(url);
	hear_until(IPC_OPENED, &f);
	conn = f.id;
	alone = round_trip_us(fd, conn);
	for (int i = 0; i < IDLE; i++) {
		kit_ws(url);
		hear_until(IPC_OPENED, &f);
		if (i % 100 == 0)
			kit_link_commit(&game);
	}
	among = round_trip_us(fd, conn);
	/* the machine may have other things to do: the better of two */
	again = round_trip_us(fd, conn);
	among = among < again ? among : again;
	print_message("round trip: %lld us alone, %lld us among %d idle\n",
	    (long long)alone, (long long)among, IDLE);
	assert_true(among < 4 * alone);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(
		    droppable_loses_the_oldest_and_counts_exactly_what_is_missing),
		KIT_TEST(latest_keeps_the_newest_of_each_key),
		KIT_TEST(reliable_comes_whole_or_the_player_is_closed_as_slow),
		KIT_TEST(
		    a_broadcast_longer_than_the_limit_arrives_whole_or_not_at_all),
		KIT_TEST(
		    over_the_budget_the_game_waits_and_others_lose_nothing),
		KIT_TEST(five_thousand_idle_players_cost_an_active_one_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
