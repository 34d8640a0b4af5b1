/* links: tests/lib/kit*.c */
/*
 * What netd and a game hold in memory: little for each who is idle, no more
 * than the budgets whoever attacks, and after a long coming and going as much
 * as before it.
 */
#include "tests/lib/kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static struct kit_proc *game;
static pid_t netd;

/* ---- sockets, more of them than the kit keeps -----------------------------
 */

static int
dial(const char *url)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1)) };
	struct linger hard = { 1, 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		kit_fail("connect %s: %s", url, strerror(errno));
	/* Without it a port would wait for a minute, and there are not so
	 * many. */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* As much as goes; -1: the other side has closed. */
static ssize_t
push(int fd, const void *bytes, size_t len)
{
	ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

	return n < 0 && errno == EAGAIN ? 0 : n;
}

/* Read until text was there; the rest of what was read is dropped. */
static void
await(int fd, const char *text)
{
	static char got[1u << 17];
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	size_t at = 0, len = strlen(text);

	while (at < len || memmem(got, at, text, len) == NULL) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (at == sizeof(got)) {
			memmove(got, got + at - len, len);
			at = len;
		}
		if (poll(&p, 1, (int)(end - kit_now_ms())) <= 0)
			kit_fail("'%s' does not come", text);
		n = recv(fd, got + at, sizeof(got) - at, 0);
		if (n <= 0)
			kit_fail("the line ended before '%s'", text);
		at += (size_t)n;
	}
}

static const char upgrade[] = "GET / HTTP/1.1\r\nHost: here\r\n"
			      "Upgrade: websocket\r\nConnection: Upgrade\r\n"
			      "Sec-WebSocket-Version: 13\r\n"
			      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			      "\r\n";

static int
dial_ws(const char *url)
{
	int fd = dial(url);

	kit_send(fd, upgrade);
	await(fd, "\r\n\r\n");
	return fd;
}

/* A frame whose mask is 0: the payload as it is. */
static void
ws_say(int fd, unsigned first, const void *bytes, uint16_t len)
{
	uint8_t head[8] = { (uint8_t)first, 0x80 | 126, (uint8_t)(len >> 8),
		(uint8_t)len };
	size_t n = 8;

	if (len < 126) {
		head[1] = (uint8_t)(0x80 | len);
		head[2] = head[3] = 0;
		n = 6;
	}
	kit_send_bytes(fd, head, n);
	kit_send_bytes(fd, bytes, len);
}

/* ---- one idle connection --------------------------------------------------
 */

static long
of_both(void)
{
	pid_t child = kit_child(game, "echo");

	return kit_rss_kib(netd) + kit_rss_kib(child);
}

static void
an_idle_websocket_costs_little(void)
{
	enum { FEW = 1000, MANY = 7000 };
	const char *url;
	double each;
	long before;
	int last;

	if (SANITIZED)
		skip();
	/* No copy of the game, which would share pages with it. */
	game = kit_game(
	    "echo", "--no-journal", "--listen", "ws://127.0.0.1:0", NULL);
	netd = kit_child(game, "netd");
	url = kit_url(game, 1);
	for (int i = 0; i < FEW; i++)
		last = dial_ws(url);
	ws_say(last, 0x81, "here", 4);
	await(last, "here");
	before = of_both();
	for (int i = FEW; i < MANY; i++)
		last = dial_ws(url);
	ws_say(last, 0x81, "here", 4);
	await(last, "here");
	each = (double)(of_both() - before) * 1024 / (MANY - FEW);
	print_message("%.0f bytes for an idle WebSocket\n", each);
	/* 256 and 32 for netd's structs, the tables of both, malloc()'s own. */
	assert_true(each > 200 && each < 460);
	for (int fd = last; fd > last - MANY; fd--)
		close(fd);
}

/* ---- a long coming and going ----------------------------------------------
 */

#define VISITORS 48

/* What they do differs, so that sizes and lifetimes mix. */
static int
visit(unsigned i, const char *const urls[3])
{
	static char text[8192];
	int fd;

	memset(text, 'x', sizeof(text));
	switch (i % 8) {
	case 0: /* a line */
		fd = dial(urls[0]);
		kit_send(fd, "hello\n");
		await(fd, "hello\n");
		return fd;
	case 1: /* a long one, in two pieces */
		fd = dial(urls[0]);
		kit_send_bytes(fd, text, 1000 + 100 * i);
		kit_send(fd, "...");
		kit_send(fd, "end\n");
		await(fd, "...end\n");
		return fd;
	case 2: /* half a request */
		fd = dial(urls[1]);
		kit_send_bytes(fd, upgrade, 20 + i);
		return fd;
	case 3:
		fd = dial_ws(urls[1]);
		ws_say(fd, 0x81, "hello", 5);
		await(fd, "hello");
		return fd;
	case 4: /* a message in pieces, a ping between them */
		fd = dial_ws(urls[1]);
		ws_say(fd, 0x01, text, (uint16_t)(100 * i));
		ws_say(fd, 0x89, "?", 1);
		ws_say(fd, 0x80, "end", 3);
		await(fd, "end");
		return fd;
	case 5: /* half a message, half a head */
		fd = dial_ws(urls[1]);
		ws_say(fd, 0x02, text, (uint16_t)(10 * i));
		kit_send_bytes(fd, "\x80", 1);
		return fd;
	case 6: /* a page */
		fd = dial(urls[1]);
		kit_send(fd, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
		await(fd, "HTTP/1.1 4");
		return fd;
	default:
		fd = dial(urls[2]);
		kit_send_bytes(fd, "\0\0\0\5hello", 9);
		await(fd, "hello");
		return fd;
	}
}

/* They come, all at once are there, and go; when this returns netd and the
 * game have nobody left. */
static void
round_of_visits(const char *const urls[3], size_t fds)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	int there[VISITORS], last;

	for (unsigned i = 0; i < VISITORS; i++)
		there[i] = visit(i, urls);
	for (unsigned i = 0; i < VISITORS; i++)
		close(there[(i * 7) % VISITORS]);
	while (kit_fds(netd) > fds) {
		if (kit_now_ms() > end)
			kit_fail(
			    "%zu descriptors, not %zu", kit_fds(netd), fds);
		kit_tick();
	}
	/* Whoever comes last is heard when the others are gone. */
	last = dial(urls[0]);
	kit_send(last, "last\n");
	await(last, "last\n");
	close(last);
}

struct peaks {
	long netd, game;
};

static struct peaks
peaks_of(unsigned rounds, const char *const urls[3], size_t fds)
{
	struct peaks p = { 0, 0 };

	while (rounds--) {
		long n, g;

		round_of_visits(urls, fds);
		n = kit_rss_kib(netd);
		g = kit_rss_kib(kit_child(game, "echo"));
		p.netd = n > p.netd ? n : p.netd;
		p.game = g > p.game ? g : p.game;
	}
	return p;
}

static bool
flat(struct peaks before, struct peaks after)
{
	return after.netd * 100 <= before.netd * 101 &&
	       after.game * 100 <= before.game * 101;
}

static void
memory_is_flat_over_a_long_coming_and_going(void)
{
	enum { WINDOW = 10, WARM_MAX = 30, LONG = 40 };
	struct peaks warm, next;
	const char *urls[3];
	size_t fds;
	unsigned i;

	if (SANITIZED)
		skip();
	/* What recorders and journals may keep is full soon. */
	game = kit_game("echo", "--limit", "flight_bytes=65536", "--limit",
	    "checkpoint_bytes=65536", "--listen", "line://127.0.0.1:0",
	    "--listen", "ws://127.0.0.1:0", "--listen", "tcp://127.0.0.1:0",
	    NULL);
	netd = kit_child(game, "netd");
	for (i = 0; i < 3; i++)
		urls[i] = kit_url(game, i + 1);
	fds = kit_fds(netd);
	warm = peaks_of(WINDOW, urls, fds);
	/* Warm when a window adds nothing to speak of. */
	for (i = 0;; i++) {
		next = peaks_of(WINDOW, urls, fds);
		if (next.netd <= warm.netd && next.game <= warm.game)
			break;
		if (i == WARM_MAX)
			kit_fail("%ld and %ld KiB, and it still grows",
			    next.netd, next.game);
		warm = next;
	}
	peaks_of(LONG, urls, fds);
	next = peaks_of(WINDOW, urls, fds);
	print_message("netd %ld then %ld KiB, game %ld then %ld KiB, %u "
		      "windows to warm up\n",
	    warm.netd, next.netd, warm.game, next.game, i + 2);
	if (!flat(warm, next))
		kit_fail("netd %ld then %ld KiB, game %ld then %ld", warm.netd,
		    next.netd, warm.game, next.game);
}

/* ---- attackers ------------------------------------------------------------
 */

enum kind {
	LINE_WITHOUT_END,
	LENGTH_OVER_THE_LIMIT,
	FRAME_OVER_THE_LIMIT,
	PIECES_WITHOUT_END,
	PINGS_AND_NEVER_READS,
	HEAD_WITHOUT_END,
	SUBNEGOTIATION_WITHOUT_END,
	ASKS_AND_NEVER_READS,
	HALF_HEADS,
	ATTACKERS
};

struct attacker {
	int fd;
	unsigned closed; /* times that it was */
	size_t at;       /* of its message, sent */
	size_t sent;     /* in all */
};

static const char *const scheme_of[ATTACKERS] = { "line", "tcp", "ws", "ws",
	"ws", "ws", "telnet", "line", "ws" };

#define HALVES 500
static int halves[HALVES];
static uint8_t chunks[ATTACKERS][65536];

static void
fill_chunks(void)
{
	/* 17 MB, a frame of 2^62 bytes, pieces of 1,000 that never end */
	static const uint8_t length[] = { 0x01, 0x10, 0, 0 },
			     huge[] = { 0x82, 0xff, 0x40 },
			     piece[] = { 0x00, 0xfe, 0x03, 0xe8, 0, 0, 0, 0 },
			     ping[] = { 0x89, 0xfd, 0, 0, 0, 0 };

	memset(chunks, 'x', sizeof(chunks));
	memcpy(chunks[LENGTH_OVER_THE_LIMIT], length, sizeof(length));
	memset(chunks[FRAME_OVER_THE_LIMIT], 0, 14);
	memcpy(chunks[FRAME_OVER_THE_LIMIT], huge, sizeof(huge));
	for (size_t i = 0; i + 1008 <= 65536; i += 1008)
		memcpy(chunks[PIECES_WITHOUT_END] + i, piece, sizeof(piece));
	for (size_t i = 0; i + 131 <= 65536; i += 131)
		memcpy(chunks[PINGS_AND_NEVER_READS] + i, ping, sizeof(ping));
	memcpy(chunks[HEAD_WITHOUT_END], "GET / HTTP/1.1\r\nA: ", 19);
	memcpy(chunks[SUBNEGOTIATION_WITHOUT_END], "\xff\xfa\xc9", 3);
	for (size_t i = 99; i < 65536; i += 100)
		chunks[ASKS_AND_NEVER_READS][i] = '\n';
}

/* Up to where the chunk begins again, and where. */
static size_t
chunk_end(enum kind k)
{
	return k == PIECES_WITHOUT_END      ? 65536 / 1008 * 1008
	       : k == PINGS_AND_NEVER_READS ? 65536 / 131 * 131
					    : 65536;
}

/* Closed often enough. */
static bool
enough(const struct attacker *a, enum kind k)
{
	return a->closed >= (k == HALF_HEADS ? HALVES : 3);
}

static void
attack(struct attacker *a, enum kind k, const char *url)
{
	ssize_t n;

	if (enough(a, k))
		return;
	if (a->fd < 0) {
		bool shakes = k == FRAME_OVER_THE_LIMIT ||
			      k == PIECES_WITHOUT_END ||
			      k == PINGS_AND_NEVER_READS;

		a->fd = shakes ? dial_ws(url) : dial(url);
		a->at = 0;
		if (k == PIECES_WITHOUT_END)
			ws_say(a->fd, 0x01, "", 0);
	}
	if (k == HALF_HEADS) {
		/* One after the other, each left there. */
		push(a->fd, upgrade, 60);
		halves[a->closed++] = a->fd;
		a->fd = -1;
		return;
	}
	n = push(a->fd, chunks[k] + a->at, chunk_end(k) - a->at);
	if (n < 0) {
		close(a->fd);
		a->fd = -1;
		a->closed++;
		return;
	}
	a->sent += (size_t)n;
	a->at += (size_t)n;
	if (a->at == chunk_end(k))
		a->at = 0;
	/* What began stays so: only a first chunk has a head. */
	if (a->at == 0 && (k == HEAD_WITHOUT_END || k == LINE_WITHOUT_END ||
			      k == SUBNEGOTIATION_WITHOUT_END))
		a->at = 19;
}

static bool
all_enough(const struct attacker *all)
{
	for (unsigned k = 0; k < ATTACKERS; k++)
		if (!enough(&all[k], (enum kind)k))
			return false;
	return true;
}

static void
nine_attackers_at_once_cost_little_and_nobody_else(void)
{
	struct attacker all[ATTACKERS];
	const char *urls[4];
	int64_t end = kit_now_ms() + 2 * KIT_WAIT_MS;
	long most = 0, now;
	int good;

	game = kit_game("echo", "--listen", "line://127.0.0.1:0?progress_ms=1s",
	    "--listen", "tcp://127.0.0.1:0", "--listen",
	    "ws://127.0.0.1:0?progress_ms=1s", "--listen",
	    "telnet://127.0.0.1:0", NULL);
	netd = kit_child(game, "netd");
	for (unsigned i = 0; i < 4; i++)
		urls[i] = kit_url(game, i + 1);
	fill_chunks();
	for (unsigned k = 0; k < ATTACKERS; k++)
		all[k] = (struct attacker){ .fd = -1 };
	good = dial(urls[0]);
	while (!all_enough(all)) {
		for (unsigned k = 0; k < ATTACKERS; k++)
			for (unsigned i = 0; i < 4; i++)
				if (strncmp(urls[i], scheme_of[k],
					strlen(scheme_of[k])) == 0)
					attack(&all[k], (enum kind)k, urls[i]);
		kit_send(good, "unharmed\n");
		await(good, "unharmed\n");
		now = kit_rss_kib(netd);
		most = now > most ? now : most;
		if (kit_now_ms() > end)
			for (unsigned k = 0; k < ATTACKERS; k++)
				if (!enough(&all[k], (enum kind)k))
					kit_fail("attacker %u was closed %u "
						 "times after %zu bytes",
					    k, all[k].closed, all[k].sent);
	}
	print_message("netd at most %ld KiB\n", most);
	/* 64 MiB, of which the recorder has 16. */
	assert_true(most < (64 << 10) * (SANITIZED ? 4 : 1));
	assert_false(kit_ended(game));
	for (unsigned i = 0; i < HALVES; i++)
		close(halves[i]);
	close(good);
}

/* ---- a game that stands still ---------------------------------------------
 */

static void
a_game_that_stands_still_for_two_seconds_costs_only_time(void)
{
	enum { PLAYERS = 10000 };
	static int fds[PLAYERS];
	static unsigned said[PLAYERS];
	const char *url;
	int64_t end;
	long most = 0, now;
	pid_t child;

	game = kit_game("echo", "--listen", "line://127.0.0.1:0", NULL);
	netd = kit_child(game, "netd");
	child = kit_child(game, "echo");
	url = kit_url(game, 1);
	for (unsigned i = 0; i < PLAYERS; i++) {
		fds[i] = dial(url);
		kit_send(fds[i], "0\n");
		await(fds[i], "0\n");
		said[i] = 0;
	}
	kill(child, SIGSTOP);
	for (end = kit_now_ms() + 2000; kit_now_ms() < end;) {
		for (unsigned i = 0; i < PLAYERS; i++) {
			char line[16];
			int n =
			    snprintf(line, sizeof(line), "%u\n", said[i] + 1);

			if (push(fds[i], line, (size_t)n) == n)
				said[i]++;
		}
		now = kit_rss_kib(netd);
		most = now > most ? now : most;
	}
	kill(child, SIGCONT);
	for (unsigned i = 0; i < PLAYERS; i++) {
		char line[16];

		/* All of them came back, in order: the last is the last. */
		snprintf(line, sizeof(line), "\n%u\n", said[i]);
		if (said[i] > 1)
			await(fds[i], line);
		close(fds[i]);
	}
	print_message("netd at most %ld KiB\n", most);
	assert_true(most < (64 << 10) * (SANITIZED ? 4 : 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(an_idle_websocket_costs_little),
		KIT_TEST(memory_is_flat_over_a_long_coming_and_going),
		KIT_TEST(nine_attackers_at_once_cost_little_and_nobody_else),
		KIT_TEST(
		    a_game_that_stands_still_for_two_seconds_costs_only_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
