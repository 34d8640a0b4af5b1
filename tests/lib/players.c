/*
 * players.c - one loop over all of them; every answer is checked on arrival.
 */
#include "tests/lib/players.h"
#include "tests/lib/books.h"
#include "tests/lib/kit_own.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WINDOW_MAX 32
#define IN_MAX 4096
/* Bytes of bits, one a place; untouched ones cost nothing. */
#define SEEN_MAX ((size_t)64 << 20)
/* Of a masked WebSocket frame of less than 64 KiB. */
#define FRAME_HEAD 8

/* A message that waits for its answer. */
struct waiting {
	uint64_t sum; /* of the ledger, or of the line itself */
	int64_t since_us;
};

struct player {
	int fd;
	bool ws; /* each line is a text frame */
	uint64_t key, said, heard, sum, sequence, tick;
	struct waiting waiting[WINDOW_MAX]; /* ring by number */
	size_t in_len;
	char in[IN_MAX];
};

struct players {
	enum players_of game;
	unsigned n, window, padding;
	int set;
	uint64_t dice, answers, sequence_max, ticks;
	int64_t longest_us;
	uint8_t *seen; /* bits: places of the sequence */
	bool quiet;
	struct player *all;
};

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static uint64_t
dice(struct players *p)
{
	uint64_t z = p->dice += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* ---- saying ---------------------------------------------------------------
 */

static size_t
make_line(struct players *p, struct player *one, char *line)
{
	size_t pad = p->padding ? dice(p) % (p->padding + 1) : 0;
	int n = snprintf(line, BOOKS_LINE, "m %" PRIx64 " %" PRIu64 " ",
	    one->key, one->said + 1);
	size_t len = (size_t)n;

	for (size_t i = 0; i < pad; i++)
		line[len++] = (char)('a' + (one->said + i) % 26);
	return books_seal(line, len);
}

/* A text frame of the line, in its place; the mask of zeros is a mask too. */
static size_t
frame(char *line, size_t len)
{
	uint8_t head[FRAME_HEAD] = { 0x81 };
	size_t n = 2;

	if (len < 126) {
		head[1] = (uint8_t)(0x80 | len);
	} else {
		head[1] = 0x80 | 126;
		head[n++] = (uint8_t)(len >> 8);
		head[n++] = (uint8_t)len;
	}
	n += 4;
	memmove(line + n, line, len);
	memcpy(line, head, n);
	return n + len;
}

static void
say(struct players *p, struct player *one)
{
	struct waiting *w = &one->waiting[(one->said + 1) % WINDOW_MAX];
	char line[BOOKS_LINE + FRAME_HEAD];
	size_t len = make_line(p, one, line);
	ssize_t sent;

	if (p->game == OF_LEDGER) {
		one->sum = books_sum(one->sum, line, len);
		w->sum = one->sum;
	} else {
		w->sum = books_sum(0, line, len);
	}
	w->since_us = now_us();
	one->said++;
	if (one->ws)
		len = frame(line, len);
	else
		line[len++] = '\n';
	/* The window is far smaller than a socket's buffer. */
	sent = send(one->fd, line, len, MSG_NOSIGNAL);
	if (sent != (ssize_t)len)
		kit_fail("player %" PRIx64 ": send of %zu bytes: %s", one->key,
		    len, sent < 0 ? strerror(errno) : "cut short");
}

static void
talk_on(struct players *p, struct player *one)
{
	while (!p->quiet && one->said - one->heard < p->window)
		say(p, one);
}

/* ---- hearing --------------------------------------------------------------
 */

static void
place(struct players *p, uint64_t sequence)
{
	size_t at = (size_t)(sequence / 8);

	if (at >= SEEN_MAX)
		kit_fail("place %" PRIu64 " is beyond this run", sequence);
	if (p->seen[at] >> (sequence % 8) & 1)
		kit_fail("place %" PRIu64 " was given twice", sequence);
	p->seen[at] = (uint8_t)(p->seen[at] | 1u << (sequence % 8));
	if (sequence > p->sequence_max)
		p->sequence_max = sequence;
}

static void
check_answer(
    struct players *p, struct player *one, const char *line, size_t len)
{
	const struct waiting *w = &one->waiting[(one->heard + 1) % WINDOW_MAX];
	struct books_answer a;

	if (!books_read_answer(line, len, &a) || a.key != one->key ||
	    a.number != one->heard + 1 || a.number > one->said ||
	    a.sum != w->sum || a.sequence <= one->sequence)
		kit_fail("player %" PRIx64 " said %" PRIu64 ", heard %" PRIu64
			 ", awaits sum %" PRIx64 " behind place %" PRIu64
			 ", and hears '%.*s'",
		    one->key, one->said, one->heard, w->sum, one->sequence,
		    (int)len, line);
	one->sequence = a.sequence;
	place(p, a.sequence);
}

static void
check_echo(struct player *one, const char *line, size_t len)
{
	const struct waiting *w = &one->waiting[(one->heard + 1) % WINDOW_MAX];

	if (one->heard == one->said || books_sum(0, line, len) != w->sum)
		kit_fail("player %" PRIx64 " said %" PRIu64 ", heard %" PRIu64
			 ", and hears '%.*s'",
		    one->key, one->said, one->heard, (int)len, line);
}

static void
check_tick(struct players *p, struct player *one, const char *line)
{
	uint64_t tick = strtoull(line, NULL, 10);

	if (one->tick && tick != one->tick + 1)
		kit_fail("player %" PRIx64 " hears tick %" PRIu64
			 " behind %" PRIu64,
		    one->key, tick, one->tick);
	one->tick = tick;
	p->ticks++;
}

static void
hear(struct players *p, struct player *one, const char *line, size_t len)
{
	struct waiting *w = &one->waiting[(one->heard + 1) % WINDOW_MAX];
	int64_t waited;

	if (line[0] == 't') {
		check_tick(p, one, line + 1);
		return;
	}
	if (p->game == OF_LEDGER)
		check_answer(p, one, line, len);
	else
		check_echo(one, line, len);
	waited = now_us() - w->since_us;
	if (waited > p->longest_us)
		p->longest_us = waited;
	one->heard++;
	p->answers++;
}

/* The next whole line from at, of *len bytes, or NULL; *next is behind it. */
static const char *
next_line(
    const struct player *one, const char *at, size_t *len, const char **next)
{
	const uint8_t *u = (const uint8_t *)at;
	size_t left = one->in_len - (size_t)(at - one->in), head = 2;
	const char *end;

	if (!one->ws) {
		end = memchr(at, '\n', left);
		*len = (size_t)(end - at);
		*next = end + 1;
		return end ? at : NULL;
	}
	if (left < 4)
		return NULL;
	*len = u[1];
	if (u[0] == 0x89 || u[0] == 0x8a || u[0] != 0x81 || u[1] > 126)
		kit_fail("player %" PRIx64 ": a frame %02x %02x", one->key,
		    u[0], u[1]);
	if (u[1] == 126) {
		*len = (size_t)u[2] << 8 | u[3];
		head = 4;
	}
	*next = at + head + *len;
	return left >= head + *len ? at + head : NULL;
}

static void
read_one(struct players *p, struct player *one)
{
	ssize_t n = recv(
	    one->fd, one->in + one->in_len, IN_MAX - one->in_len, MSG_DONTWAIT);
	const char *at = one->in, *next, *line;
	size_t len;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		kit_fail("player %" PRIx64 " was disconnected: %s (heard "
			 "'%.*s')",
		    one->key, n < 0 ? strerror(errno) : "end", (int)one->in_len,
		    one->in);
	one->in_len += (size_t)n;
	while ((line = next_line(one, at, &len, &next))) {
		hear(p, one, line, len);
		at = next;
	}
	one->in_len -= (size_t)(at - one->in);
	if (one->in_len == IN_MAX)
		kit_fail("player %" PRIx64 ": a line too long", one->key);
	memmove(one->in, at, one->in_len);
	talk_on(p, one);
}

static void
turn(struct players *p)
{
	struct epoll_event events[256];
	int n = epoll_wait(p->set, events, 256, 5);

	for (int i = 0; i < n; i++)
		read_one(p, events[i].data.ptr);
}

/* ---- all of them ----------------------------------------------------------
 */

static void
begin(struct players *p, bool quiet)
{
	p->quiet = quiet;
	for (unsigned i = 0; !quiet && i < p->n; i++)
		talk_on(p, &p->all[i]);
}

void
players_talk(struct players *p, int for_ms)
{
	int64_t end = kit_now_ms() + for_ms;

	begin(p, false);
	while (kit_now_ms() < end)
		turn(p);
}

void
players_talk_until(struct players *p, uint64_t answers)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	uint64_t enough = p->answers + answers;

	begin(p, false);
	while (p->answers < enough) {
		if (kit_now_ms() > end)
			kit_fail("%" PRIu64 " answers are missing",
			    enough - p->answers);
		turn(p);
	}
}

static const struct player *
unanswered(const struct players *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->all[i].heard != p->all[i].said)
			return &p->all[i];
	return NULL;
}

void
players_settle(struct players *p)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	const struct player *one;

	begin(p, true);
	while ((one = unanswered(p))) {
		if (kit_now_ms() > end)
			kit_fail("player %" PRIx64 " said %" PRIu64
				 " and heard %" PRIu64,
			    one->key, one->said, one->heard);
		turn(p);
	}
}

void
players_say(struct players *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->all[i].said - p->all[i].heard < WINDOW_MAX)
			say(p, &p->all[i]);
}

void
players_reconcile(struct players *p)
{
	uint64_t said = 0;

	for (unsigned i = 0; i < p->n; i++)
		said += p->all[i].said;
	/* Each place was given once (or place() had failed): none is free. */
	if (said != p->answers || p->sequence_max != p->answers)
		kit_fail("%" PRIu64 " entries, %" PRIu64
			 " answers, and a sequence of %" PRIu64,
		    said, p->answers, p->sequence_max);
}

uint64_t
players_answers(const struct players *p)
{
	return p->answers;
}

uint64_t
players_ticks(const struct players *p)
{
	return p->ticks;
}

int64_t
players_longest_us(struct players *p)
{
	int64_t longest = p->longest_us;

	p->longest_us = 0;
	return longest;
}

struct players *
players_new(enum players_of game, const char *url, unsigned n, unsigned window,
    unsigned padding, uint64_t seed)
{
	return players_mixed(game, url, url, n, window, padding, seed);
}

struct players *
players_mixed(enum players_of game, const char *even, const char *odd,
    unsigned n, unsigned window, unsigned padding, uint64_t seed)
{
	struct players *p = kit_own(calloc(1, sizeof(*p)));

	assert_true(window <= WINDOW_MAX && padding < BOOKS_LINE - 128);
	*p = (struct players){ .game = game,
		.n = n,
		.window = window,
		.padding = padding,
		.dice = seed,
		.quiet = true };
	p->all = kit_own(calloc(n, sizeof(*p->all)));
	p->seen = kit_own(calloc(SEEN_MAX, 1));
	p->set = kit_own_fd(epoll_create1(EPOLL_CLOEXEC));
	for (unsigned i = 0; i < n; i++) {
		struct player *one = &p->all[i];
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = one };

		const char *url = i % 2 ? odd : even;

		one->key = dice(p);
		one->ws = strncmp(url, "ws:", 3) == 0;
		one->fd = one->ws ? kit_ws(url) : kit_connect(url);
		if (epoll_ctl(p->set, EPOLL_CTL_ADD, one->fd, &e) < 0)
			kit_fail("epoll: %s", strerror(errno));
	}
	return p;
}

const char *
players_game(const char *name)
{
	const char *bin = getenv("BIN"), *obj = getenv("OBJ");
	char *path = kit_own(malloc(256));

	snprintf(path, 256, "%s/netd", bin ? bin : "bin");
	setenv("PENSTOCK_NETD", kit_own(realpath(path, NULL)), 1);
	snprintf(path, 256, "%s/games/%s", obj ? obj : "obj/release", name);
	return path;
}
