/* links: tests/lib/kit*.c */
/*
 * udp:// as libenet's own clients see it, over good and bad networks, and as
 * strangers do.
 */
#include "tests/lib/kit_game.h"
#include "tests/lib/kit_own.h"

#include <arpa/inet.h>
#include <enet/enet.h>
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
#define GROWTH_MAX_KIB (4 << 10)
#endif
#define SAID_MAX 2000

static struct kit_proc *game;

struct player {
	ENetHost *host;
	ENetPeer *peer;
	bool connected, disconnected;
	unsigned data; /* of its disconnect */
	unsigned said, heard, out_of_order;
	int last;
	uint8_t times[SAID_MAX]; /* that each number came back */
	size_t last_len;
};

static void
player_end(void *arg)
{
	struct player *p = arg;

	enet_host_destroy(p->host);
}

static void
player_run(struct player *p)
{
	ENetEvent ev;
	int n;

	while (enet_host_service(p->host, &ev, 0) > 0) {
		if (ev.type == ENET_EVENT_TYPE_CONNECT)
			p->connected = true;
		if (ev.type == ENET_EVENT_TYPE_DISCONNECT) {
			p->disconnected = true;
			p->data = ev.data;
		}
		if (ev.type != ENET_EVENT_TYPE_RECEIVE)
			continue;
		p->heard++;
		p->last_len = ev.packet->dataLength;
		if (ev.packet->dataLength >= 4) {
			memcpy(&n, ev.packet->data, 4);
			assert_in_range(n, 0, SAID_MAX - 1);
			p->times[n]++;
			p->out_of_order += n <= p->last;
			p->last = n;
		}
		enet_packet_destroy(ev.packet);
	}
	kit_tick();
}

static struct player *
player_new(const char *url, size_t channels)
{
	struct player *p = kit_own(calloc(1, sizeof(*p)));
	ENetAddress a;

	assert_int_equal(enet_initialize(), 0);
	p->last = -1;
	p->host = enet_host_create(NULL, 1, channels, 0, 0);
	assert_non_null(p->host);
	kit_at_end(player_end, p);
	enet_address_set_host_ip(&a, "127.0.0.1");
	a.port = (uint16_t)atoi(strrchr(url, ':') + 1);
	p->peer = enet_host_connect(p->host, &a, channels, 0);
	assert_non_null(p->peer);
	return p;
}

static void
enter(struct player *p)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;

	while (!p->connected) {
		player_run(p);
		if (kit_now_ms() > end || p->disconnected)
			kit_fail("not connected");
	}
}

static void
say(struct player *p, unsigned channel, uint32_t flags)
{
	int n = (int)p->said++;
	ENetPacket *packet = enet_packet_create(&n, 4, flags);

	assert_int_equal(enet_peer_send(p->peer, (uint8_t)channel, packet), 0);
}

/* Until all that was said on a reliable channel came back. */
static void
hear_all(struct player *p, int64_t within_ms)
{
	int64_t end = kit_now_ms() + within_ms;

	while (p->heard < p->said) {
		player_run(p);
		if (kit_now_ms() > end || p->disconnected)
			kit_fail("heard %u of %u", p->heard, p->said);
	}
}

static const char *
echo(const char *query)
{
	char url[256];

	snprintf(url, sizeof(url), "udp://127.0.0.1:0?%s", query);
	game = kit_game("echo", "--listen", url, NULL);
	return kit_url(game, 1);
}

static void
talk(struct player *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		say(p, 0, ENET_PACKET_FLAG_RELIABLE);
		if (i % 20 == 0)
			player_run(p);
	}
	hear_all(p, 4 * KIT_WAIT_MS);
	for (unsigned i = 0; i < p->said; i++)
		assert_int_equal(p->times[i], 1);
	assert_int_equal(p->out_of_order, 0);
}

/* ---- playing
 * ------------------------------------------------------------------ */

static void
libenets_client_plays(void)
{
	struct player *p = player_new(echo(""), 3);

	enter(p);
	talk(p, 500);
	enet_peer_disconnect(p->peer, 0);
	while (!p->disconnected)
		player_run(p);
	kit_expect_log(game, "closed conn=1 why=left");
}

static void
a_client_with_one_channel_plays(void)
{
	struct player *p = player_new(echo(""), 1);

	enter(p);
	talk(p, 50);
}

static void
long_messages_come_whole(void)
{
	static uint8_t big[60000];
	struct player *p = player_new(echo(""), 3);

	enter(p);
	for (unsigned i = 0; i < 5; i++) {
		memset(big, 0, sizeof(big));
		memcpy(big, &i, 4);
		p->said++;
		assert_int_equal(enet_peer_send(p->peer, 0,
				     enet_packet_create(big, sizeof(big),
					 ENET_PACKET_FLAG_RELIABLE)),
		    0);
		hear_all(p, KIT_WAIT_MS);
		assert_int_equal(p->last_len, sizeof(big));
	}
}

static void
on_bad_network(const char *query)
{
	struct player *p = player_new(echo(query), 3);

	enter(p);
	talk(p, 300);
}

static void
all_comes_once_and_in_order_with_5_percent_lost(void)
{
	on_bad_network("loss=5%&delay=20ms&jitter=10ms&reorder=5%&seed=5");
}

static void
all_comes_once_and_in_order_with_20_percent_lost(void)
{
	on_bad_network("loss=20%&delay=20ms&jitter=10ms&reorder=5%&seed=20");
}

static void
what_a_network_doubles_comes_once(void)
{
	on_bad_network("dup=30%&loss=5%&delay=5ms&seed=3");
}

/* ---- classes, as a game sends them
 * ----------------------------------------------
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
	snprintf(url, sizeof(url), "udp://0.0.0.0:0?%s", query);
	url_ = kit_link_listen(&link_, url);
}

static void
each_class_has_its_channel(void)
{
	struct player *p;
	struct ipc_frame f;

	be_a_game("");
	p = player_new(url_, 3);
	enter(p);
	kit_link_until(&link_, IPC_OPENED, &f);
	for (int i = 0; i < 3; i++) {
		static const unsigned flags[] = { IPC_RELIABLE, IPC_LATEST,
			IPC_DROPPABLE };
		ENetEvent ev;

		kit_link_frame(&link_, IPC_SEND, flags[i], 7, f.id, &i, 4);
		kit_link_commit(&link_);
		do
			kit_tick();
		while (enet_host_service(p->host, &ev, 0) == 0);
		assert_int_equal(ev.type, ENET_EVENT_TYPE_RECEIVE);
		assert_int_equal(ev.channelID, i);
		assert_int_equal(
		    (ev.packet->flags & ENET_PACKET_FLAG_RELIABLE) != 0,
		    i == 0);
		enet_packet_destroy(ev.packet);
	}
	/* A kick says why. */
	kit_link_frame(&link_, IPC_CLOSE, 0, IPC_REASON_KICKED, f.id, "", 0);
	kit_link_commit(&link_);
	while (!p->disconnected)
		player_run(p);
	assert_int_equal(p->data, IPC_REASON_KICKED);
}

/* netd calls itself by this URL. */
static void
reaches(const char *url)
{
	char text[300];
	struct ipc_connect m = { .url = text };
	uint64_t conns[2] = { 0, 0 }, out;
	struct ipc_frame f;

	snprintf(text, sizeof(text), "%s", url);
	assert_true(kit_link_msg(&link_, IPC_CONNECT, 9, &m));
	kit_link_commit(&link_);
	kit_link_until(&link_, IPC_CONNECTING, &f);
	out = f.id;
	for (int i = 0; i < 2; i++) {
		kit_link_until(&link_, IPC_OPENED, &f);
		conns[f.id == out] = f.id;
	}
	kit_link_say(&link_, conns[1], "hello there");
	kit_link_until(&link_, IPC_MESSAGE, &f);
	assert_int_equal(f.id, conns[0]);
	assert_int_equal(f.len, 11);
	kit_link_say(&link_, conns[0], "hello yourself");
	kit_link_until(&link_, IPC_MESSAGE, &f);
	assert_int_equal(f.id, conns[1]);
	assert_int_equal(f.len, 14);
	kit_link_frame(
	    &link_, IPC_CLOSE, 0, IPC_REASON_KICKED, conns[1], "", 0);
	kit_link_commit(&link_);
	for (int i = 0; i < 2; i++)
		kit_link_until(&link_, IPC_CLOSED, &f);
}

static void
a_game_connects_outwards_over_both_families(void)
{
	char url[64];
	int port;

	netd = kit_netd(NULL);
	kit_attach(&link_, netd);
	port = atoi(strrchr(kit_link_listen(&link_, "udp://*:0"), ':') + 1);
	snprintf(url, sizeof(url), "udp://127.0.0.1:%d", port);
	reaches(url);
	snprintf(url, sizeof(url), "udp://[::1]:%d", port);
	reaches(url);
	snprintf(url, sizeof(url), "udp://127.0.0.1:%d?loss=20%%&seed=4", port);
	reaches(url);
}

/* ---- a game that is behind
 * --------------------------------------------------
 */

#define PIECE 1000

/* Say number said, which stands at the head of so many bytes. */
static void
say_long(struct player *p, size_t len)
{
	static uint8_t bytes[PIECE];
	int n = (int)p->said++;

	memcpy(bytes, &n, 4);
	assert_int_equal(
	    enet_peer_send(p->peer, 0,
		enet_packet_create(bytes, len, ENET_PACKET_FLAG_RELIABLE)),
	    0);
}

/* Has netd said that it has all? */
static bool
is_acked(const struct player *p)
{
	return enet_list_empty(&p->peer->sentReliableCommands) &&
	       enet_list_empty(&p->peer->outgoingCommands);
}

/* One says more than the game takes, which takes nothing. */
static void
go_on(struct player *loud, struct player *asks)
{
	while (loud->said < SAID_MAX && is_acked(loud))
		for (unsigned i = 0; i < 40; i++)
			say_long(loud, PIECE);
	player_run(loud);
	player_run(asks);
	if (loud->disconnected || asks->disconnected)
		kit_fail("disconnected");
}

static bool
nobody_is_read(void)
{
	struct kit_proc *p = kit_start(
	    "netctl", "-s", kit_path("operator/operator.sock"), "status", NULL);

	assert_int_equal(kit_wait(p), 0);
	return kit_count_log(p, "players_read=0");
}

/* Another asks whether netd is there, which says so, and does so again. */
static void
is_answered(struct player *loud, struct player *asks, unsigned times)
{
	int64_t end = kit_now_ms() + 2 * KIT_WAIT_MS;

	for (; times; times--) {
		say_long(asks, 4);
		do {
			go_on(loud, asks);
			if (kit_now_ms() > end)
				kit_fail("%u times not answered", times);
		} while (!is_acked(asks));
	}
}

/* The longest that one has to wait for an answer, once that is so long. */
static void
is_answered_after(struct player *loud, struct player *asks, int64_t ms)
{
	int64_t end = kit_now_ms() + 2 * KIT_WAIT_MS, asked;

	do {
		asked = kit_now_ms();
		is_answered(loud, asks, 1);
		if (asked > end)
			kit_fail("it never took so long");
	} while (kit_now_ms() - asked < ms);
}

static bool
game_hears(struct ipc_frame *f)
{
	struct pollfd p = { .fd = link_.up, .events = POLLIN };

	if (link_.in->end == link_.in->pos && poll(&p, 1, 0) == 0)
		return false;
	return kit_link_next(&link_, f) && f->kind == IPC_MESSAGE;
}

/* The game takes all of it again: each number once, and in order. */
static void
takes_all(struct player *a, struct player *b)
{
	int64_t end = kit_now_ms() + 2 * KIT_WAIT_MS;
	unsigned heard[2] = { 0, 0 };
	struct ipc_frame f;

	while (heard[0] < a->said || heard[1] < b->said) {
		while (game_hears(&f)) {
			unsigned n;

			memcpy(&n, f.bytes, 4);
			assert_in_range(f.id, 1, 2);
			assert_int_equal(n, heard[f.id - 1]++);
		}
		player_run(a);
		player_run(b);
		if (kit_now_ms() > end || a->disconnected || b->disconnected)
			kit_fail("heard %u of %u and %u of %u", heard[0],
			    a->said, heard[1], b->said);
	}
}

/* Two players of a game that takes nothing any more. */
static void
begin_two(const char *limit, struct player **loud, struct player **asks)
{
	struct ipc_frame f;

	netd = kit_netd("--limit", "ahead_bytes=65536", "--limit", limit,
	    "--operator", kit_path("operator"), NULL);
	kit_attach(&link_, netd);
	url_ = kit_link_listen(&link_, "udp://127.0.0.1:0");
	*loud = player_new(url_, 1);
	enter(*loud);
	kit_link_until(&link_, IPC_OPENED, &f);
	*asks = player_new(url_, 1);
	enter(*asks);
	kit_link_until(&link_, IPC_OPENED, &f);
}

/* Behind for however long: who is there is answered, and nothing reliable that
 * netd took is lost. */
static void
who_plays_with_a_game_that_is_behind_is_answered(void)
{
	struct player *loud, *asks;

	begin_two("behind_ms=200", &loud, &asks);
	do
		is_answered(loud, asks, 20);
	while (!nobody_is_read());
	is_answered(loud, asks, 20);
	assert_true(nobody_is_read());
	takes_all(loud, asks);
}

static void
but_first_datagrams_wait_for_the_game(void)
{
	struct player *loud, *asks;

	begin_two("behind_ms=2s", &loud, &asks);
	is_answered_after(loud, asks, 1000);
	takes_all(loud, asks);
}

/* ---- strangers
 * ------------------------------------------------------------------ */

/* A CONNECT as libenet sends it, 52 bytes. */
static size_t
connect_bytes(uint8_t *out)
{
	ENetProtocolConnect c = { .header = { 0x82, 0xff, htons(1) },
		.incomingSessionID = 0xff,
		.outgoingSessionID = 0xff,
		.mtu = htonl(1392),
		.windowSize = htonl(65536),
		.channelCount = htonl(3),
		.packetThrottleInterval = htonl(5000),
		.packetThrottleAcceleration = htonl(2),
		.packetThrottleDeceleration = htonl(2),
		.connectID = 77 };

	memcpy(out, "\x8f\xff\x12\x34", 4);
	memcpy(out + 4, &c, sizeof(c));
	return 4 + sizeof(c);
}

static void
floods_hold_no_place_and_draw_less_than_they_send(void)
{
	static uint8_t noise[5000];
	struct player *p;
	struct ipc_frame f;
	size_t sent = 0, received = 0;
	long before;

	be_a_game("udp_peers=8&address_max=8");
	p = player_new(url_, 3);
	enter(p);
	kit_link_until(&link_, IPC_OPENED, &f);
	before = kit_rss_kib(netd->pid);
	srand(2);
	for (unsigned host = 0; host < 400; host++) {
		char ip[32];
		int fd;
		ssize_t n;

		snprintf(ip, sizeof(ip), "127.%u.%u.%u",
		    host % 2 ? 7 : host % 200, host % 2 ? 7 : host / 200,
		    host % 2 ? 7 : 1 + host % 250);
		fd = kit_stranger(ip, url_);
		for (unsigned i = 0; i < 40; i++) {
			size_t len =
			    (size_t)rand() % (i % 9 ? 200 : sizeof(noise));

			for (size_t j = 0; j < len; j++)
				noise[j] = (uint8_t)rand();
			if (i % 2)
				len = connect_bytes(noise);
			else if (i % 4 == 0 && len > 2)
				noise[0] &= 0xbf; /* not compressed */
			sent += len;
			send(fd, noise, len, 0);
		}
		player_run(p);
		while ((n = recv(fd, noise, sizeof(noise), 0)) > 0)
			received += (size_t)n;
		close(fd);
	}
	assert_true(received > 0 && received < sent);
	assert_true(kit_rss_kib(netd->pid) - before < GROWTH_MAX_KIB);
	/* There are eight places, and seven of them are still free. */
	for (unsigned i = 0; i < 7; i++) {
		struct player *q = player_new(url_, 3);

		enter(q);
		kit_link_until(&link_, IPC_OPENED, &f);
		assert_int_equal(f.id, i + 2);
	}
	assert_false(p->disconnected);
}

static void
no_answer_is_longer_than_its_question(void)
{
	uint8_t out[64], in[512];
	size_t len = connect_bytes(out);
	int64_t end;
	unsigned answers = 0;
	ssize_t n;
	int fd;

	be_a_game("");
	fd = kit_stranger("127.1.2.3", url_);
	/* CONNECT, a ping of a client that has begun, and one that has not. */
	send(fd, out, len, 0);
	send(fd, "\x80\x00\x12\x34\x85\xff\x00\x02", 8, 0);
	send(fd, "\x80\x00\x12\x34\x85\xff\x01\x02", 8, 0);
	send(fd, "\x00\x00\x85\xff", 4, 0);
	for (end = kit_now_ms() + 500; kit_now_ms() < end; kit_tick()) {
		while ((n = recv(fd, in, sizeof(in), 0)) > 0) {
			answers++;
			assert_true(n == 48 || n == 8);
		}
	}
	assert_int_equal(answers, 2);
	close(fd);
}

static void
who_knew_a_netd_that_died_may_begin_again(void)
{
	struct player *p = player_new(echo(""), 3);
	int64_t end = kit_now_ms() + KIT_WAIT_MS;

	enter(p);
	talk(p, 20);
	for (end = kit_now_ms() + 12000; kit_now_ms() < end - 2500;)
		player_run(p); /* pings: its control channel counts on */
	kill(kit_child(game, "netd"), SIGKILL);
	say(p, 0, ENET_PACKET_FLAG_RELIABLE);
	for (end = kit_now_ms() + KIT_WAIT_MS; !p->disconnected;) {
		player_run(p);
		if (kit_now_ms() > end)
			kit_fail("was not told");
	}
	p = player_new(kit_url(game, 1), 3);
	enter(p);
	talk(p, 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(libenets_client_plays),
		KIT_TEST(a_client_with_one_channel_plays),
		KIT_TEST(long_messages_come_whole),
		KIT_TEST(all_comes_once_and_in_order_with_5_percent_lost),
		KIT_TEST(all_comes_once_and_in_order_with_20_percent_lost),
		KIT_TEST(what_a_network_doubles_comes_once),
		KIT_TEST(each_class_has_its_channel),
		KIT_TEST(who_plays_with_a_game_that_is_behind_is_answered),
		KIT_TEST(but_first_datagrams_wait_for_the_game),
		KIT_TEST(a_game_connects_outwards_over_both_families),
		KIT_TEST(floods_hold_no_place_and_draw_less_than_they_send),
		KIT_TEST(no_answer_is_longer_than_its_question),
		KIT_TEST(who_knew_a_netd_that_died_may_begin_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
