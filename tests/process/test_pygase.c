/* links: tests/lib/kit*.c tests/lib/pg_player.c netd/pygase.c */
/*
 * pygase:// under real datagrams: who is let in, what they get, and what
 * strangers cost.
 */
#include "tests/lib/kit_game.h"
#include "tests/lib/kit_own.h"
#include "tests/lib/pg_player.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#define GROWTH_MAX_KIB (32 << 10)
#else
#define GROWTH_MAX_KIB (6 << 10)
#endif

static struct kit_proc *game;

/* An echo that listens there with this query; its URL. */
static const char *
echo(const char *where, const char *query)
{
	char url[256];

	snprintf(url, sizeof(url), "pygase://%s?%s", where, query);
	game = kit_game("echo", "--listen", url, NULL);
	return kit_url(game, 1);
}

static void
run_for(struct pg_player *p, int64_t ms)
{
	int64_t end = kit_now_ms() + ms;

	while (kit_now_ms() < end) {
		pg_player_run(p);
		kit_tick();
	}
}

/* Say so many things, and wait until all are acked and came back. */
static void
talk(struct pg_player *p, unsigned n, int64_t within_ms)
{
	int64_t end = kit_now_ms() + within_ms;
	unsigned first = p->said;

	for (unsigned i = 0; i < n; i++)
		pg_player_say(p, "ECHO", first + i);
	for (;;) {
		unsigned back = 0;

		for (unsigned i = first; i < p->said; i++)
			back += p->echoed[i] > 0;
		if (back == n && p->acked == p->said)
			return;
		if (kit_now_ms() > end)
			kit_fail("%u of %u back, %u acked of %u", back, n,
			    p->acked, p->said);
		pg_player_run(p);
		kit_tick();
	}
}

static void
all_came_once(const struct pg_player *p)
{
	for (unsigned i = 0; i < p->said; i++)
		if (p->echoed[i] != 1)
			kit_fail("%u came %u times", i, p->echoed[i]);
	assert_int_equal(p->fatal, 0);
}

/* ---- playing ----------------------------------------------------------------
 */

static void
what_is_said_in_the_first_datagram_is_heard(void)
{
	struct pg_player *p = pg_player_new(echo("127.0.0.1:0", ""), NULL);

	talk(p, 3, KIT_WAIT_MS);
	all_came_once(p);
	talk(p, 200, KIT_WAIT_MS);
	all_came_once(p);
}

static void
both_families_play_at_one_address(void)
{
	const char *url = echo("*:0", "");
	char v6[64];
	struct pg_player *four = pg_player_new(url, NULL), *six;

	snprintf(
	    v6, sizeof(v6), "pygase://[::1]:%d", atoi(strrchr(url, ':') + 1));
	six = pg_player_new(v6, NULL);
	talk(four, 10, KIT_WAIT_MS);
	talk(six, 10, KIT_WAIT_MS);
	all_came_once(four);
	all_came_once(six);
}

static void
on_bad_network(const char *query, unsigned n)
{
	struct pg_player *p = pg_player_new(echo("127.0.0.1:0", query), NULL);

	talk(p, n, 4 * KIT_WAIT_MS);
	run_for(p, 1500); /* what would come twice has come by then */
	all_came_once(p);
}

static void
all_is_acked_and_heard_once_with_5_percent_lost(void)
{
	on_bad_network("loss=5%&delay=20ms&jitter=10ms&reorder=5%&seed=5", 400);
}

static void
all_is_acked_and_heard_once_with_20_percent_lost(void)
{
	on_bad_network(
	    "loss=20%&delay=20ms&jitter=10ms&reorder=5%&seed=20", 400);
}

static void
what_a_network_doubles_is_heard_once(void)
{
	struct pg_player *p = pg_player_new(
	    echo("127.0.0.1:0", "dup=30%&loss=5%&delay=5ms&seed=3"), NULL);

	talk(p, 100, 2 * KIT_WAIT_MS);
	run_for(p, 1500);
	for (unsigned i = 0; i < p->said; i++)
		assert_int_equal(p->echoed[i], 1);
}

static void
an_idle_player_hears_little_and_stays(void)
{
	struct pg_player *p = pg_player_new(echo("127.0.0.1:0", ""), NULL);
	unsigned before;

	talk(p, 1, KIT_WAIT_MS);
	before = p->received;
	run_for(p, 6000);
	/* Four a second at the least, or its client slows down; and far from
	 * the forty of PyGaSe. */
	assert_in_range(p->received - before, 24, 60);
	assert_int_equal(kit_count_log(game, "closed conn"), 0);
	talk(p, 1, KIT_WAIT_MS);
	all_came_once(p);
}

/* ---- strangers --------------------------------------------------------------
 */

static struct kit_proc *netd;
static struct kit_link link_;
static const char *url_;

static void
be_a_game(const char *query)
{
	char url[256];

	netd = kit_netd(NULL);
	kit_attach(&link_, netd);
	snprintf(url, sizeof(url), "pygase://0.0.0.0:0?%s", query);
	url_ = kit_link_listen(&link_, url);
}

static void
who_never_proves_an_address_gets_no_more_than_it_sent(void)
{
	static const uint8_t event[] = "\x83\xa4type\xa1x\xachandler_args\x90"
				       "\xaehandler_kwargs\x80";
	uint8_t d[80] = { 0xff, 0xd0, 0xfa, 0xb9 };
	size_t sent = 0, received = 0;
	char some[4096];
	int fd;

	be_a_game("");
	fd = kit_stranger("127.9.9.9", url_);
	memcpy(d + 16, event, sizeof(event) - 1);
	d[15] = sizeof(event) - 1;
	for (unsigned i = 1; i <= 400; i++) {
		size_t len = i % 3 ? 14 : 16 + sizeof(event) - 1;
		ssize_t n;

		d[4] = (uint8_t)(i >> 8);
		d[5] = (uint8_t)i;
		sent += (size_t)send(fd, d, len, 0);
		while ((n = recv(fd, some, sizeof(some), 0)) > 0)
			received += (size_t)n;
		assert_true(received <= sent);
		if (i % 20 == 0)
			kit_tick();
	}
	assert_true(received > 0);
	close(fd);
	/* The game never hears of it, but of one who proves it. */
	{
		struct pg_player *p = pg_player_new(url_, "127.0.0.1");
		struct ipc_frame f;

		pg_player_enter(p);
		kit_link_until(&link_, IPC_OPENED, &f);
		assert_int_equal(f.id, 1);
	}
}

static void
floods_from_one_and_many_addresses_cost_no_memory(void)
{
	static uint8_t noise[2200];
	struct pg_player *p;
	struct ipc_frame f;
	long before;

	be_a_game("");
	p = pg_player_new(url_, "127.0.0.1");
	pg_player_enter(p);
	kit_link_until(&link_, IPC_OPENED, &f);
	before = kit_rss_kib(netd->pid);
	srand(1);
	for (unsigned host = 0; host < 400; host++) {
		char ip[32];
		int fd;

		/* Half of it is one address with many ports. */
		snprintf(ip, sizeof(ip), "127.%u.%u.%u",
		    host % 2 ? 7 : host % 200, host % 2 ? 7 : host / 200,
		    host % 2 ? 7 : 1 + host % 250);
		fd = kit_stranger(ip, url_);
		for (unsigned i = 0; i < 50; i++) {
			size_t len = (size_t)rand() % sizeof(noise);

			for (size_t j = 0; j < len; j += 7)
				noise[j] = (uint8_t)rand();
			/* Half of it looks like a client's. */
			if (i % 2) {
				memcpy(noise, "\xff\xd0\xfa\xb9\0\1", 6);
				noise[5] = (uint8_t)i;
				memset(noise + 6, 0, 8);
				len = i % 4 == 1 ? 14 : len;
			}
			send(fd, noise, len, 0);
		}
		close(fd);
		pg_player_run(p);
	}
	run_for(p, 200);
	assert_true(kit_rss_kib(netd->pid) - before < GROWTH_MAX_KIB);
	/* Who was there plays on. */
	pg_player_say(p, "HELLO", 1);
	while (p->acked < 1) {
		pg_player_run(p);
		kit_tick();
	}
	kit_link_until(&link_, IPC_MESSAGE, &f);
	assert_int_equal(f.id, 1);
	assert_int_equal(p->fatal, 0);
}

static void
nonsense_from_a_player_harms_nobody(void)
{
	struct pg_player *p = pg_player_new(echo("127.0.0.1:0", ""), NULL);
	uint8_t d[3000] = { 0xff, 0xd0, 0xfa, 0xb9 };

	talk(p, 1, KIT_WAIT_MS);
	srand(3);
	for (unsigned i = 0; i < 300; i++) {
		size_t len = (size_t)rand() % (i % 10 ? 60 : sizeof(d));

		for (size_t j = i % 2 ? 4 : 0; j < len; j++)
			d[j] = (uint8_t)rand();
		send(p->fd, d, len, 0);
		memcpy(d, "\xff\xd0\xfa\xb9", 4);
		if (i % 10 == 0) {
			pg_player_run(p);
			kit_tick();
		}
	}
	run_for(p, 1200); /* its rate allows speech again */
	talk(p, 20, KIT_WAIT_MS);
	all_came_once(p);
}

/* ---- a game with state
 * ------------------------------------------------------- */

static struct ipc_value *world; /* what the game has told netd */

static void
frame(unsigned kind, uint64_t id, struct ipc_value *path, struct ipc_value *v)
{
	struct ipc_buf b;

	ipc_buf_init(&b, 1 << 20);
	if (path)
		assert_int_equal(ipc_value_pack(path, &b), 0);
	if (v)
		assert_int_equal(ipc_value_pack(v, &b), 0);
	assert_true(kit_link_frame(&link_, kind, 0, 0, id, b.data, b.len));
	ipc_buf_release(&b);
	ipc_value_free(path);
	ipc_value_free(v);
}

static void
set_world(const char *path, struct ipc_value *v)
{
	struct ipc_path p;

	assert_true(ipc_path_parse(path, &p));
	assert_int_equal(ipc_value_put(world, &p, ipc_value_copy(v)), 0);
	frame(IPC_STATE_SET, 1, ipc_path_value(&p), v);
}

static void
drop_world(const char *path)
{
	struct ipc_path p;

	assert_true(ipc_path_parse(path, &p));
	ipc_value_drop(world, &p);
	frame(IPC_STATE_DELETE, 1, ipc_path_value(&p), NULL);
}

static void
forget_world(void *arg)
{
	(void)arg;
	ipc_value_free(world);
	world = NULL;
}

static void
be_a_world(const char *query)
{
	be_a_game(query);
	world = ipc_value_map();
	kit_at_end(forget_world, NULL);
	frame(IPC_EVENTS, 1, NULL, NULL);
	frame(IPC_STATE_OPEN, 1, NULL, ipc_value_make("{sb}", "auto", 1));
	kit_link_commit(&link_);
}

/* Does the player hold what the game has? Its own number aside. */
static bool
holds_the_world(const struct pg_player *p)
{
	struct ipc_value *mine;
	bool same;

	if (p->state == NULL)
		return false;
	mine = ipc_value_copy(p->state);
	ipc_value_free(ipc_value_take(mine, ipc_key_str("time_order", 10)));
	same = ipc_value_equal(mine, world);
	ipc_value_free(mine);
	return same;
}

/* The pipe is read all the while, or netd would wait for us. */
static void
until_same(struct pg_player *p)
{
	int64_t end = kit_now_ms() + 2 * KIT_WAIT_MS;

	kit_link_commit(&link_);
	while (!holds_the_world(p)) {
		pg_player_run(p);
		kit_tick();
		if (kit_now_ms() > end)
			kit_fail("the states differ at %u", p->holds);
	}
	assert_int_equal(p->fatal, 0);
}

static void
a_state_of_any_size_arrives_whole(void)
{
	struct pg_player *p;
	struct ipc_value *list = ipc_value_array();

	be_a_world("");
	set_world("tick", ipc_value_int(1));
	set_world("hello", ipc_value_str("world", 5));
	for (unsigned i = 0; i < 300; i++) {
		char path[32];

		snprintf(path, sizeof(path), "players/%u", i);
		set_world(
		    path, ipc_value_make("{ss s[ff] sn}", "name", "somebody",
			      "position", i * 0.5, 2.25, "hat"));
	}
	for (unsigned i = 0; i < 100; i++)
		ipc_value_add(list, ipc_value_int(i));
	set_world("list", list);
	kit_link_commit(&link_);
	p = pg_player_new(url_, NULL);
	until_same(p);
	/* One change is one small datagram. */
	set_world("tick", ipc_value_int(2));
	drop_world("players/7");
	until_same(p);
	set_world("players/7", ipc_value_make("{ss}", "name", "again"));
	drop_world("list");
	until_same(p);
}

/* Changes of all kinds, for a while, to one that follows on a bad network. */
static void
follow(const char *query)
{
	struct pg_player *p;
	int64_t end;

	be_a_world(query);
	set_world("players", ipc_value_map());
	kit_link_commit(&link_);
	p = pg_player_new(url_, NULL);
	srand(5);
	for (end = kit_now_ms() + 4000; kit_now_ms() < end;) {
		for (int i = rand() % 5; i > 0; i--) {
			char path[40];

			snprintf(path, sizeof(path), "players/%d%s",
			    rand() % 60, rand() % 2 ? "" : "/bag");
			if (rand() % 3 == 0)
				drop_world(path);
			else
				set_world(
				    path, ipc_value_make("{si si}", "x",
					      rand() % 9, "y", rand() % 1000));
		}
		kit_link_commit(&link_);
		pg_player_run(p);
		kit_tick();
	}
	until_same(p);
}

static void
who_follows_ends_with_the_same_state(void)
{
	follow("");
}

static void
who_follows_with_5_percent_lost_ends_with_the_same_state(void)
{
	follow("loss=5%&delay=20ms&jitter=10ms&reorder=5%&seed=5");
}

static void
who_follows_with_20_percent_lost_ends_with_the_same_state(void)
{
	follow("loss=20%&delay=20ms&jitter=10ms&reorder=5%&seed=20");
}

static void
who_hears_nothing_for_4_seconds_misses_nothing(void)
{
	struct pg_player *p;
	int64_t end;

	be_a_world("");
	set_world("tick", ipc_value_int(0));
	p = pg_player_new(url_, NULL);
	until_same(p);
	for (unsigned i = 0; i < 400; i++) {
		char path[32];

		snprintf(path, sizeof(path), "things/%u", i % 150);
		if (i % 3 == 2)
			drop_world(path);
		else
			set_world(path, ipc_value_int(i));
		set_world("tick", ipc_value_int(i));
		kit_link_commit(&link_);
		for (end = kit_now_ms() + 10; kit_now_ms() < end;)
			kit_tick();
	}
	until_same(p);
}

/* The next word of what became of an event. The player speaks on meanwhile, for
 * nobody else can say that it has it. */
static void
until_done(struct pg_player *p, struct ipc_frame *f)
{
	const struct ipc_reader *r = link_.in;
	int64_t end = kit_now_ms() + KIT_WAIT_MS;

	do {
		struct pollfd up = { .fd = link_.up, .events = POLLIN };

		while (!ipc_frame_ready(
			   r->data + r->pos, r->end - r->pos, r->max, f) &&
		       poll(&up, 1, 0) == 0) {
			assert_true(kit_now_ms() < end);
			run_for(p, 5);
		}
		assert_true(kit_link_next(&link_, f));
	} while (f->kind != IPC_EVENT_DONE);
}

static void
each_event_is_told_done_once_with_20_percent_lost(void)
{
	struct pg_player *p;
	unsigned done[200] = { 0 }, n = 0;
	struct ipc_frame f;
	uint64_t conn, number;

	be_a_world("loss=20%&delay=20ms&jitter=10ms&reorder=5%&seed=9");
	p = pg_player_new(url_, NULL);
	pg_player_enter(p);
	kit_link_until(&link_, IPC_OPENED, &f);
	conn = f.id;
	for (unsigned i = 1; i < 200; i++)
		frame(IPC_EVENT, conn, NULL,
		    ipc_value_make("[is[i]{ss}ii]", (int)i, "NEWS", (int)i,
			"color", "red", 0, 0));
	kit_link_commit(&link_);
	while (n < 199) {
		run_for(p, 100);
		if (p->heard > n)
			do {
				until_done(p, &f);
				memcpy(&number, f.bytes, 8);
				assert_in_range(number, 1, 199);
				assert_int_equal(f.channel, 1);
				done[number]++;
				n++;
			} while (n < p->heard / 2);
	}
	run_for(p, 1000);
	for (unsigned i = 1; i < 200; i++) {
		assert_int_equal(done[i], 1);
		assert_int_equal(p->echoed[i], 1);
	}
	/* One that is under way when the player goes has failed. */
	frame(IPC_EVENT, conn, NULL,
	    ipc_value_make("[is[]{}ii]", 500, "NEWS", 0, 0));
	kit_link_commit(&link_);
	kit_link_until(&link_, IPC_EVENT_DONE, &f);
	memcpy(&number, f.bytes, 8);
	assert_int_equal(number, 500);
	assert_int_equal(f.channel, 0);
}

static void
an_event_up_is_a_value_for_the_game(void)
{
	struct pg_player *p;
	struct ipc_frame f;
	struct ipc_value *v;
	const char *why;

	be_a_world("");
	p = pg_player_new(url_, NULL);
	pg_player_say(p, "JOIN", 7);
	pg_player_enter(p);
	kit_link_until(&link_, IPC_EVENT_UP, &f);
	assert_int_equal(
	    ipc_value_unpack(f.bytes, f.len, &ipc_value_from_pipe, &v, &why),
	    0);
	assert_string_equal(ipc_value_text(ipc_value_at(v, 1), NULL), "JOIN");
	assert_int_equal(
	    ipc_value_as_int(ipc_value_at(ipc_value_at(v, 2), 0)), 7);
	ipc_value_free(v);
}

/* ---- leaving and coming
 * ------------------------------------------------------ */

static void
who_falls_silent_has_left(void)
{
	struct pg_player *p =
	    pg_player_new(echo("127.0.0.1:0", "silent=1s"), NULL);

	talk(p, 1, KIT_WAIT_MS);
	kit_expect_log(game, "closed conn=1 why=timeout");
	/* And may go on where it was, having noticed nothing. */
	talk(p, 5, KIT_WAIT_MS);
	all_came_once(p);
}

static void
who_was_sent_away_is_not_taken_for_one_who_was_here(void)
{
	struct pg_player *p;
	struct ipc_frame f;

	be_a_game("");
	p = pg_player_new(url_, NULL);
	pg_player_enter(p);
	kit_link_until(&link_, IPC_OPENED, &f);
	kit_link_frame(&link_, IPC_CLOSE, 0, IPC_REASON_KICKED, f.id, "", 0);
	kit_link_commit(&link_);
	kit_link_until(&link_, IPC_CLOSED, &f);
	run_for(p, 500);
	{
		unsigned before = p->received;
		struct pg_player *other;

		run_for(p, 1500);
		assert_int_equal(p->received, before);
		other = pg_player_new(url_, NULL);
		pg_player_enter(other);
		kit_link_until(&link_, IPC_OPENED, &f);
		assert_int_equal(f.id, 2);
	}
}

static void
another_program_at_the_same_address_is_another_player(void)
{
	struct pg_player *p = pg_player_new(echo("127.0.0.1:0", ""), NULL), *q;

	talk(p, 3, KIT_WAIT_MS);
	run_for(p, 1500); /* its numbers are well past the first */
	q = pg_player_new("pygase://127.0.0.1:9", NULL);
	dup2(p->fd, q->fd);
	talk(q, 3, KIT_WAIT_MS);
	all_came_once(q);
	assert_int_equal(kit_count_log(game, "closed conn=1 why=left"), 1);
}

static void
players_do_not_notice_the_death_of_netd(void)
{
	struct pg_player *p = pg_player_new(echo("127.0.0.1:0", ""), NULL);

	talk(p, 20, KIT_WAIT_MS);
	kill(kit_child(game, "netd"), SIGKILL);
	talk(p, 50, KIT_WAIT_MS);
	run_for(p, 1500);
	assert_int_equal(p->fatal, 0);
	for (unsigned i = 0; i < p->said; i++)
		assert_in_range(p->echoed[i], 1, 2);
}

static void
what_is_said_while_the_game_is_dead_is_heard(void)
{
	struct pg_player *p = pg_player_new(echo("127.0.0.1:0", ""), NULL);

	talk(p, 5, KIT_WAIT_MS);
	kill(kit_child(game, "echo"), SIGKILL);
	talk(p, 50, KIT_WAIT_MS);
	all_came_once(p);
}

static void
only_a_host_that_falls_silent_shuts_the_game_down(void)
{
	const char *url = echo("127.0.0.1:0", "host_stops=1");
	struct pg_player *host = pg_player_new(url, NULL), *other;
	int64_t end;

	talk(host, 1, KIT_WAIT_MS);
	other = pg_player_new(url, NULL);
	talk(other, 1, KIT_WAIT_MS);
	/* Another's word; then one in the host's name, who talks on. */
	send(other->fd, "shutdown", 8, 0);
	send(other->fd, "shut_me_down", 12, 0);
	send(host->fd, "shutdown", 8, 0);
	send(host->fd, "shut_me_down", 12, 0);
	for (end = kit_now_ms() + 1200; kit_now_ms() < end; kit_tick()) {
		pg_player_run(host);
		pg_player_run(other);
	}
	talk(host, 1, KIT_WAIT_MS);
	assert_int_equal(kit_count_log(game, "stopping"), 0);
	send(host->fd, "shutdown", 8, 0);
	kit_expect_log(game, "stopping by=host");
	assert_int_equal(kit_wait(game), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(what_is_said_in_the_first_datagram_is_heard),
		KIT_TEST(both_families_play_at_one_address),
		KIT_TEST(all_is_acked_and_heard_once_with_5_percent_lost),
		KIT_TEST(all_is_acked_and_heard_once_with_20_percent_lost),
		KIT_TEST(what_a_network_doubles_is_heard_once),
		KIT_TEST(an_idle_player_hears_little_and_stays),
		KIT_TEST(who_never_proves_an_address_gets_no_more_than_it_sent),
		KIT_TEST(floods_from_one_and_many_addresses_cost_no_memory),
		KIT_TEST(nonsense_from_a_player_harms_nobody),
		KIT_TEST(a_state_of_any_size_arrives_whole),
		KIT_TEST(who_follows_ends_with_the_same_state),
		KIT_TEST(
		    who_follows_with_5_percent_lost_ends_with_the_same_state),
		KIT_TEST(
		    who_follows_with_20_percent_lost_ends_with_the_same_state),
		KIT_TEST(who_hears_nothing_for_4_seconds_misses_nothing),
		KIT_TEST(each_event_is_told_done_once_with_20_percent_lost),
		KIT_TEST(an_event_up_is_a_value_for_the_game),
		KIT_TEST(who_falls_silent_has_left),
		KIT_TEST(who_was_sent_away_is_not_taken_for_one_who_was_here),
		KIT_TEST(another_program_at_the_same_address_is_another_player),
		KIT_TEST(players_do_not_notice_the_death_of_netd),
		KIT_TEST(what_is_said_while_the_game_is_dead_is_heard),
		KIT_TEST(only_a_host_that_falls_silent_shuts_the_game_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
