/* links: tests/lib/kit*.c tests/lib/players.c tests/lib/deaths.c */
/*
 * Lines are cut, anywhere and anyhow; players come back to their connection,
 * and nothing is lost or doubled. Or they do not, and that has an end.
 */
#include "tests/lib/deaths.h"
#include "tests/lib/kit.h"
#include "tests/lib/kit_game.h"
#include "tests/lib/players.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SUBPROTOCOL "penstock.resume.1"
#define MESSAGES 10000
#define IN_MAX (1u << 20)

/* ---- a player who may lose the line ---------------------------------------
 */

struct player {
	const char *url;
	bool ws;
	int fd;
	char token[64];
	unsigned ack_bytes;
	uint64_t said;     /* messages said on some line, from 0 */
	uint64_t cursor;   /* the next to be said on this line */
	uint64_t acked;    /* netd has them */
	uint64_t received; /* messages heard */
	uint64_t told;     /* of them, that we acked */
	uint64_t lines, dice;
	bool torn; /* half a message was said */
	uint8_t *in;
	size_t n_in;
};

static uint64_t
dice(struct player *p, uint64_t sides)
{
	p->dice = p->dice * 6364136223846793005u + 1442695040888963407u;
	return (p->dice >> 33) % sides;
}

/* One message of the line, encoded: its length. */
static size_t
encode(const struct player *p, const char *text, size_t len, uint8_t *out)
{
	size_t n = 0;

	if (!p->ws) {
		for (int shift = 24; shift >= 0; shift -= 8)
			out[n++] = (uint8_t)(len >> shift);
		memcpy(out + n, text, len);
		return n + len;
	}
	out[n++] = 0x81;
	out[n++] = (uint8_t)(0x80 | (len < 126 ? len : 126));
	if (len >= 126) {
		out[n++] = (uint8_t)(len >> 8);
		out[n++] = (uint8_t)len;
	}
	memset(out + n, 0, 4); /* a mask that changes nothing */
	n += 4;
	memcpy(out + n, text, len);
	return n + len;
}

/* All of it, or the line is dead. */
static bool
put(struct player *p, const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t r = send(p->fd, bytes, len, MSG_NOSIGNAL);

		if (r < 0)
			return false;
		bytes += r;
		len -= (size_t)r;
	}
	return true;
}

static bool
say(struct player *p, const char *text)
{
	uint8_t out[4096];

	return put(p, out, encode(p, text, strlen(text), out));
}

/* A whole message at the start of what was read: its text, or NULL. */
static char *
next_message(struct player *p, bool *closed)
{
	size_t head = p->ws ? 2 : 4, len;
	char *text;

	*closed = false;
	if (p->n_in < head)
		return NULL;
	if (p->ws) {
		len = p->in[1] & 127;
		if (len == 126) {
			head = 4;
			if (p->n_in < head)
				return NULL;
			len = (size_t)p->in[2] << 8 | p->in[3];
		}
	} else {
		len = (size_t)p->in[0] << 24 | (size_t)p->in[1] << 16 |
		      (size_t)p->in[2] << 8 | p->in[3];
	}
	if (p->n_in < head + len)
		return NULL;
	*closed = p->ws && (p->in[0] & 15) == 8;
	text = calloc(1, len + 1);
	memcpy(text, p->in + head + (*closed ? 2 : 0), len - (*closed ? 2 : 0));
	if (!*closed && !p->ws && strncmp(text, "!bye", 4) == 0)
		*closed = true;
	p->n_in -= head + len;
	memmove(p->in, p->in + head + len, p->n_in);
	return text;
}

/* What is there to be read: false at the line's end. */
static bool
fill(struct player *p, int timeout_ms)
{
	struct pollfd w = { .fd = p->fd, .events = POLLIN };
	ssize_t r;

	if (poll(&w, 1, timeout_ms) <= 0)
		return true;
	assert_true(p->n_in < IN_MAX);
	r = recv(p->fd, p->in + p->n_in, IN_MAX - p->n_in, MSG_DONTWAIT);
	if (r < 0)
		return errno == EAGAIN;
	p->n_in += (size_t)r;
	return r > 0;
}

/* The next message, waiting for it; the case owns nothing, free it. */
static char *
hear(struct player *p)
{
	int64_t until = kit_now_ms() + KIT_WAIT_MS;
	bool closed;
	char *text;

	while ((text = next_message(p, &closed)) == NULL) {
		if (kit_now_ms() > until)
			kit_fail("nothing to be heard");
		if (!fill(p, 100))
			kit_fail("the line ended");
	}
	return text;
}

static void
expect(struct player *p, const char *what)
{
	char *text = hear(p);

	if (strcmp(text, what) != 0)
		kit_fail("heard '%.80s', not '%s'", text, what);
	free(text);
}

static void
upgrade(struct player *p)
{
	char *line;

	kit_send(p->fd, "GET / HTTP/1.1\r\nHost: localhost\r\n"
			"Upgrade: websocket\r\nConnection: Upgrade\r\n"
			"Sec-WebSocket-Version: 13\r\n"
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			"Sec-WebSocket-Protocol: " SUBPROTOCOL "\r\n\r\n");
	line = kit_line(p->fd);
	if (strncmp(line, "HTTP/1.1 101", 12) != 0)
		kit_fail("no upgrade: '%s'", line);
	while (strcmp(line, "\r") != 0)
		line = kit_line(p->fd);
}

static void
dial(struct player *p)
{
	p->fd = kit_connect(p->url);
	p->n_in = 0;
	p->torn = false;
	p->lines++;
	if (p->ws)
		upgrade(p);
}

/* A connection of its own. */
static void
join(struct player *p)
{
	char *text;

	dial(p);
	say(p, "!new");
	text = hear(p);
	if (sscanf(text, "!hello %63s %*u %u", p->token, &p->ack_bytes) != 2)
		kit_fail("no welcome: '%s'", text);
	assert_int_equal(strlen(p->token), 48);
	free(text);
}

static struct player *
player_new(const char *url, uint64_t seed)
{
	static struct player p[8];
	static unsigned n;
	struct player *q = &p[n++ % 8];

	free(q->in);
	*q = (struct player){ .url = url,
		.ws = strncmp(url, "ws:", 3) == 0,
		.dice = seed,
		.in = malloc(IN_MAX) };
	join(q);
	return q;
}

static void
ask_back(struct player *p, const char *token, uint64_t n)
{
	char text[128];

	snprintf(
	    text, sizeof(text), "!back %s %llu", token, (unsigned long long)n);
	say(p, text);
}

/* The same connection on a new line. False: cut again meanwhile. */
static void
come_back(struct player *p)
{
	unsigned long long n;
	char *text;

	dial(p);
	ask_back(p, p->token, p->received);
	text = hear(p);
	if (sscanf(text, "!back %llu", &n) != 1)
		kit_fail("no welcome back: '%s'", text);
	if (n < p->acked || n > p->said)
		kit_fail("netd has %llu of our messages; it had %llu of %llu",
		    n, (unsigned long long)p->acked,
		    (unsigned long long)p->said);
	free(text);
	p->acked = p->cursor = n;
	p->told = p->received;
}

/* With a reset: what is on its way is gone. */
static void
cut(struct player *p)
{
	struct linger now = { 1, 0 };

	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	kit_close(p->fd);
	p->fd = -1;
}

/* ---- the ledger ------------------------------------------------------------
 */

/* Message i, of a size that follows from i. */
static size_t
page(uint64_t i, char *out)
{
	size_t n = (size_t)sprintf(out, "=%llu:", (unsigned long long)i);
	size_t fill_up = i % 7 == 0 ? i * 37 % 3000 : i * 11 % 90;

	memset(out + n, 'a' + (int)(i % 26), fill_up);
	out[n + fill_up] = '\0';
	return n + fill_up;
}

static void
check_page(struct player *p, const char *text)
{
	char right[4096];

	page(p->received, right);
	if (strcmp(text, right) != 0)
		kit_fail("message %llu is '%.20s', not '%.20s'",
		    (unsigned long long)p->received, text, right);
	p->received++;
}

static void
ack(struct player *p)
{
	char text[64];

	snprintf(
	    text, sizeof(text), "!ack %llu", (unsigned long long)p->received);
	p->told = p->received;
	say(p, text);
}

static void
take_in(struct player *p)
{
	bool closed;
	char *text;

	while ((text = next_message(p, &closed)) != NULL) {
		unsigned long long n;

		if (closed)
			kit_fail("closed: '%s'", text);
		if (sscanf(text, "!ack %llu", &n) == 1) {
			if (n < p->acked || n > p->cursor)
				kit_fail("an ack of %llu", n);
			p->acked = n;
		} else if (!(p->ws && *text == '\0')) {
			check_page(p, text);
		}
		free(text);
	}
	if (!p->torn && p->received - p->told > 20)
		ack(p);
}

/* Say some messages, the last perhaps in part. */
static bool
say_some(struct player *p)
{
	uint8_t out[32 * 4096];
	size_t n = 0, len;
	uint64_t most = dice(p, 32);
	bool part = dice(p, 40) == 0;
	char text[4096];

	while (most-- && p->cursor < MESSAGES) {
		len = page(p->cursor++, text);
		n += encode(p, text, len, out + n);
	}
	if (p->cursor > p->said)
		p->said = p->cursor;
	if (part && n)
		n = dice(p, n);
	p->torn = part;
	return put(p, out, n) && !part;
}

static void
lose_the_line(struct player *p)
{
	int old = p->fd;

	switch (dice(p, 4)) {
	case 0: /* its end, without a word */
		kit_close(p->fd);
		break;
	case 1: /* the old line stands until after */
		come_back(p);
		kit_close(old);
		return;
	case 2: /* what is there was read before */
		fill(p, 0);
		take_in(p);
		cut(p);
		break;
	default:
		cut(p);
	}
	come_back(p);
}

/* All is here: netd's last word on ours may still come, a message never. */
static void
nothing_follows(struct player *p)
{
	int64_t until = kit_now_ms() + 50, left;

	while ((left = until - kit_now_ms()) > 0) {
		if (!fill(p, (int)left))
			kit_fail("the line ended");
		take_in(p);
	}
	assert_int_equal(p->received, MESSAGES);
}

static void
keep_the_ledger(const char *url, uint64_t seed, struct kit_proc *kill)
{
	struct player *p = player_new(url, seed);
	int64_t until = kit_now_ms() + 6 * KIT_WAIT_MS;
	uint64_t next_kill = MESSAGES / 6;

	while (p->received < MESSAGES) {
		bool well = true;

		if (kit_now_ms() > until)
			kit_fail("%llu of %d are back",
			    (unsigned long long)p->received, MESSAGES);
		if (kill && p->received > next_kill) {
			death_signal(kill, SIGKILL);
			next_kill += MESSAGES / 6;
		}
		if (p->cursor < MESSAGES && p->cursor < p->received + 200)
			well = say_some(p);
		if (well && dice(p, 3))
			well = fill(p, (int)dice(p, 20));
		if (well)
			take_in(p);
		if (!well || dice(p, 8) == 0)
			lose_the_line(p);
	}
	nothing_follows(p);
	print_message("%llu lines for %d messages\n",
	    (unsigned long long)p->lines, MESSAGES);
	assert_true(p->lines > 50);
	kit_close(p->fd);
}

static void
nothing_is_lost_or_doubled_on_a_websocket(void)
{
	struct kit_proc *game =
	    kit_game("echo", "--listen", "ws://127.0.0.1:0/?resume=20s", NULL);

	for (uint64_t seed = 1; seed <= 3; seed++)
		keep_the_ledger(kit_url(game, 1), seed, NULL);
}

static void
nothing_is_lost_or_doubled_on_tcp(void)
{
	struct kit_proc *game =
	    kit_game("echo", "--listen", "tcp://127.0.0.1:0?resume=20s", NULL);

	for (uint64_t seed = 1; seed <= 3; seed++)
		keep_the_ledger(kit_url(game, 1), seed, NULL);
}

static void
not_when_the_game_is_killed_as_well(void)
{
	struct kit_proc *game =
	    kit_game("echo", "--listen", "ws://127.0.0.1:0/?resume=20s",
		"--limit", "restarts_max=1000000", NULL);

	keep_the_ledger(kit_url(game, 1), 7, game);
	assert_true(kit_count_log(game, "recovered") >= 4);
}

static void
not_with_little_on_its_way(void)
{
	struct kit_proc *game = kit_game("echo", "--listen",
	    "ws://127.0.0.1:0/?resume=20s&hard=160k&soft=4k", NULL);

	for (uint64_t seed = 11; seed <= 13; seed++)
		keep_the_ledger(kit_url(game, 1), seed, NULL);
}

/* ---- what the game hears ---------------------------------------------------
 */

static struct kit_link game;

static void
until(unsigned kind, uint64_t id)
{
	struct ipc_frame f;

	kit_link_until(&game, kind, &f);
	if (id)
		assert_int_equal(f.id, id);
	kit_link_commit(&game);
}

/* One player with a game that is the test: its number. */
static uint64_t
one(struct player **p, const char *query)
{
	char url[256];
	const char *real;
	struct ipc_frame f;

	kit_attach(&game, kit_netd(NULL));
	snprintf(url, sizeof(url), "ws://127.0.0.1:0/?%s", query);
	real = kit_link_listen(&game, url);
	*p = player_new(real, 1);
	kit_link_until(&game, IPC_OPENED, &f);
	kit_link_commit(&game);
	return f.id;
}

static void
the_game_hears_away_and_back(void)
{
	struct player *p;
	uint64_t id = one(&p, "resume=20s");

	cut(p);
	until(IPC_AWAY, id);
	kit_link_say(&game, id, "are you there?");
	come_back(p);
	expect(p, "=are you there?");
	until(IPC_BACK, id);
	say(p, "=I am");
	until(IPC_MESSAGE, id);
}

static void
a_goodbye_is_no_lost_line(void)
{
	static const uint8_t bye[] = { 0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8 };
	struct player *p;
	struct ipc_frame f;
	uint64_t id = one(&p, "resume=20s");

	kit_send_bytes(p->fd, bye, sizeof(bye));
	kit_link_until(&game, IPC_CLOSED, &f);
	assert_int_equal(f.id, id);
	assert_int_equal(f.channel, IPC_REASON_LEFT);
}

static void
closed_when_the_time_has_passed(void)
{
	struct player *p;
	struct ipc_frame f;
	uint64_t id = one(&p, "resume=300ms");

	cut(p);
	until(IPC_AWAY, id);
	kit_link_until(&game, IPC_CLOSED, &f);
	assert_int_equal(f.id, id);
	assert_int_equal(f.channel, IPC_REASON_RESET);
	kit_link_commit(&game);
	dial(p);
	ask_back(p, p->token, 0);
	expect(p, "!gone");
	say(p, "!new");
	free(hear(p));
	until(IPC_OPENED, 0);
}

static void
wrong_tokens_are_not_known(void)
{
	struct player *p, other;
	uint64_t id = one(&p, "resume=20s");
	char wrong[64];

	cut(p);
	until(IPC_AWAY, id);
	other = *p;
	other.in = malloc(IN_MAX);
	dial(&other);
	for (unsigned i = 0; i < 48; i++) {
		strcpy(wrong, p->token);
		wrong[i] = wrong[i] == '7' ? '8' : '7';
		ask_back(&other, wrong, 0);
		expect(&other, "!gone");
	}
	/* More messages than were ever sent. */
	ask_back(&other, p->token, 1);
	expect(&other, "!gone");
	ask_back(&other, p->token, 0);
	expect(&other, "!back 0");
	until(IPC_BACK, id);
	free(other.in);
}

static void
what_is_no_word_closes(void)
{
	static const char *const wrong[] = { "hello", "=first", "!", "!new ",
		"!back", "!back 12 0", "!ack 0", "!hello", "! new", "" };
	struct player *p;

	one(&p, "resume=20s&message=100");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct player other = *p;
		char *text;
		size_t n;

		dial(&other);
		say(&other, wrong[i]);
		assert_int_equal(kit_ws_recv(other.fd, &text, &n), 8);
		assert_int_equal((uint8_t)text[0], 1002 >> 8);
		assert_int_equal((uint8_t)text[1], 1002 & 255);
		kit_close(other.fd);
	}
	say(p, "!ack 1"); /* of none */
	until(IPC_CLOSED, 0);
}

static void
a_second_line_takes_over(void)
{
	struct player *p, old;
	uint64_t id = one(&p, "resume=20s");
	bool closed;
	char *text;

	old = *p;
	old.in = malloc(IN_MAX);
	come_back(p);
	while ((text = next_message(&old, &closed)) == NULL)
		assert_true(fill(&old, KIT_WAIT_MS));
	assert_true(closed);
	assert_string_equal(text, "another login took over");
	free(text);
	free(old.in);
	/* The game need not know. */
	say(p, "=here");
	{
		struct ipc_frame f;

		do
			assert_true(kit_link_next(&game, &f));
		while (f.kind == IPC_NOW);
		assert_int_equal(f.kind, IPC_MESSAGE);
		assert_int_equal(f.id, id);
	}
}

static void
whoever_is_away_gets_only_so_much(void)
{
	struct player *p;
	struct ipc_frame f;
	uint64_t id = one(&p, "resume=20s&hard=64k&soft=4k");
	char text[1000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cut(p);
	until(IPC_AWAY, id);
	for (int i = 0; i < 60; i++)
		kit_link_say(&game, id, text);
	come_back(p);
	for (int i = 0; i < 60; i++) {
		char *got = hear(p);

		assert_string_equal(got + 1, text);
		free(got);
		p->received++;
		ack(p);
	}
	until(IPC_BACK, id);
	cut(p);
	until(IPC_AWAY, id);
	for (int i = 0; i < 70; i++)
		kit_link_say(&game, id, text);
	kit_link_until(&game, IPC_CLOSED, &f);
	assert_int_equal(f.channel, IPC_REASON_SLOW);
}

static void
whoever_acks_nothing_stops_what_is_sent(void)
{
	struct player *p;
	uint64_t id = one(&p, "resume=20s&hard=64k&soft=4k");
	char text[1000];
	size_t got = 0;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 60; i++)
		kit_link_say(&game, id, text);
	/* Half of hard, and a message more. */
	while (p->n_in < 33 * 1003)
		assert_true(fill(p, KIT_WAIT_MS));
	fill(p, 100);
	assert_int_equal(p->n_in / 1003, 33);
	while (got < 33) {
		free(hear(p));
		got++;
	}
	p->received = got;
	ack(p);
	for (; got < 60; got++)
		free(hear(p));
}

static void
a_plain_websocket_knows_nothing_of_it(void)
{
	struct kit_proc *echo =
	    kit_game("echo", "--listen", "ws://127.0.0.1:0/?resume=20s", NULL);
	int fd = kit_ws(kit_url(echo, 1));
	char *bytes;
	size_t len;

	kit_ws_send(fd, 1, "!new", 4);
	assert_int_equal(kit_ws_recv(fd, &bytes, &len), 1);
	assert_string_equal(bytes, "!new");
}

/* ---- outwards --------------------------------------------------------------
 */

/* Our game as a client of echo, whose lines are all cut within a second. */
static void
outwards(const char *scheme)
{
	char url[256];
	struct ipc_connect m = { .url = url };
	struct kit_proc *echo;
	struct ipc_frame f;
	unsigned said = 0, heard = 0, away = 0, back = 0;
	uint64_t id;

	snprintf(url, sizeof(url),
	    "%s://127.0.0.1:0?resume=20s&cut=100%%&seed=3", scheme);
	echo = kit_game("echo", "--listen", url, NULL);
	snprintf(url, sizeof(url), "%s", kit_url(echo, 1));
	strcpy(strchr(url, '?'), "?resume=20s");
	kit_attach(&game, kit_netd(NULL));
	assert_true(kit_link_msg(&game, IPC_CONNECT, 1, &m));
	kit_link_commit(&game);
	kit_link_until(&game, IPC_OPENED, &f);
	id = f.id;
	while (back < 3 || heard < said) {
		char text[32];

		while (back < 3 && said < heard + 50) {
			snprintf(text, sizeof(text), "%u", said++);
			kit_link_say(&game, id, text);
		}
		assert_true(kit_link_next(&game, &f));
		kit_link_commit(&game);
		assert_int_not_equal(f.kind, IPC_CLOSED);
		away += f.kind == IPC_AWAY;
		back += f.kind == IPC_BACK;
		if (f.kind != IPC_MESSAGE)
			continue;
		assert_int_equal(f.id, id);
		snprintf(text, sizeof(text), "%u", heard++);
		assert_int_equal(f.len, strlen(text));
		assert_memory_equal(f.bytes, text, f.len);
	}
	assert_true(away >= back);
	print_message("%u messages over %u lines\n", said, back + 1);
}

static void
a_connection_outwards_mends_itself(void)
{
	outwards("tcp");
}

static void
a_websocket_outwards_mends_itself(void)
{
	outwards("ws");
}

/* Another netd stands there: it knows no tokens of the one that died. */
static void
a_connection_outwards_ends_when_nobody_knows_it(void)
{
	struct kit_proc *echo =
	    kit_game("echo", "--listen", "tcp://127.0.0.1:0?resume=20s", NULL);
	char url[256];
	struct ipc_connect m = { .url = url };
	struct ipc_frame f;
	uint64_t id;

	snprintf(url, sizeof(url), "%s", kit_url(echo, 1));
	kit_attach(&game, kit_netd(NULL));
	assert_true(kit_link_msg(&game, IPC_CONNECT, 1, &m));
	kit_link_commit(&game);
	kit_link_until(&game, IPC_OPENED, &f);
	id = f.id;
	kill(kit_child(echo, "netd"), SIGKILL);
	until(IPC_AWAY, id);
	kit_link_until(&game, IPC_CLOSED, &f);
	assert_int_equal(f.id, id);
	assert_int_equal(f.channel, IPC_REASON_RESET);
	assert_non_null(memmem(f.bytes, f.len, "does not know", 13));
}

static void
the_game_closes_a_connection_outwards_for_good(void)
{
	struct kit_proc *echo =
	    kit_game("echo", "--listen", "tcp://127.0.0.1:0?resume=20s", NULL);
	struct ipc_connect m = { .url = (char *)(uintptr_t)kit_url(echo, 1) };
	struct ipc_frame f;

	kit_attach(&game, kit_netd(NULL));
	assert_true(kit_link_msg(&game, IPC_CONNECT, 1, &m));
	kit_link_commit(&game);
	kit_link_until(&game, IPC_OPENED, &f);
	assert_true(kit_link_frame(
	    &game, IPC_CLOSE, 0, IPC_REASON_KICKED, f.id, "enough", 6));
	kit_link_commit(&game);
	kit_expect_log(echo, "why=left detail=\"enough\"");
	assert_int_equal(kit_count_log(echo, "away conn="), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(nothing_is_lost_or_doubled_on_a_websocket),
		KIT_TEST(nothing_is_lost_or_doubled_on_tcp),
		KIT_TEST(not_when_the_game_is_killed_as_well),
		KIT_TEST(not_with_little_on_its_way),
		KIT_TEST(the_game_hears_away_and_back),
		KIT_TEST(a_goodbye_is_no_lost_line),
		KIT_TEST(closed_when_the_time_has_passed),
		KIT_TEST(wrong_tokens_are_not_known),
		KIT_TEST(what_is_no_word_closes),
		KIT_TEST(a_second_line_takes_over),
		KIT_TEST(whoever_is_away_gets_only_so_much),
		KIT_TEST(whoever_acks_nothing_stops_what_is_sent),
		KIT_TEST(a_plain_websocket_knows_nothing_of_it),
		KIT_TEST(a_connection_outwards_mends_itself),
		KIT_TEST(a_websocket_outwards_mends_itself),
		KIT_TEST(a_connection_outwards_ends_when_nobody_knows_it),
		KIT_TEST(the_game_closes_a_connection_outwards_for_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
