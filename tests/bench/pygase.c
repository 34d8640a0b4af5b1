/*
 * pygase.c - what clients of PyGaSe's protocol cost: each says 40 datagrams a
 * second, with or without events, and acks what it gets, as the real ones do.
 * The server has one core (all its processes), the clients another.
 *
 *	bench/pygase              the table, beside what PyGaSe's server reaches
 *	bench/pygase idle N       one row: N clients that only stay
 *	bench/pygase events N E   N clients with E events a second each
 *
 * A client is held if it hears at least four datagrams a second and no event
 * waits longer than a second.
 */
#include "netd/pygase.h"
#include "tests/bench/procs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SEND_NS 25000000ll
#define WARM_NS 3000000000ll
#define TIME_NS 5000000000ll
#define LATE_MAX 1000000

/* What PyGaSe's own server holds and handles on one core of the machine where
 * it was measured, and what it takes from an event to its answer. */
#define THEIRS_HELD 200
#define THEIRS_EVENTS 27219
#define THEIRS_P50_MS 40

struct player {
	int fd;
	struct pygase_seen seen;
	uint16_t sequence, holds;
	int64_t due_ns;
	unsigned heard; /* datagrams while it was measured */
};

static struct player *players;
static unsigned n_players;
static double events_each; /* a second */
static int port, set;
static pid_t server;
static bool measuring;
static uint64_t said, answered, datagrams;
static uint32_t *late; /* microseconds of each answer */
static double owed;

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void
die(const char *what)
{
	fprintf(stderr, "pygase: %s: %s\n", what, strerror(errno));
	if (server > 0)
		kill(server, SIGKILL);
	exit(1);
}

/* ---- the server
 * -------------------------------------------------------------- */

static void
on_core(int core)
{
	cpu_set_t cores;

	CPU_ZERO(&cores);
	CPU_SET((size_t)core, &cores);
	sched_setaffinity(0, sizeof(cores), &cores);
}

/* Where it listens stands in its log. */
static void
read_port(int fd)
{
	char text[8192], *at = NULL;
	size_t n = 0;

	while (n < sizeof(text) - 1 && at == NULL) {
		ssize_t r = read(fd, text + n, sizeof(text) - 1 - n);

		if (r <= 0)
			die("the server ended");
		n += (size_t)r;
		text[n] = '\0';
		at = strstr(text, "url=pygase://127.0.0.1:");
		if (at && strchr(at, '\n') == NULL)
			at = NULL;
	}
	port = at ? atoi(at + strlen("url=pygase://127.0.0.1:")) : 0;
}

static void
start(const char *game)
{
	const char *bin = getenv("BIN") ? getenv("BIN") : "bin";
	char path[256];
	int ends[2];

	snprintf(path, sizeof(path), "%s/%s", bin, game);
	if (pipe(ends) < 0)
		die("pipe");
	server = fork();
	if (server == 0) {
		on_core(0);
		setpgid(0, 0);
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		close(ends[0]);
		execl(path, game, "--listen",
		    "pygase://127.0.0.1:0?address_max=100000"
		    "&strangers_per_s=1000000",
		    (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	read_port(ends[0]);
	/* It must never wait for somebody to read what it logs. */
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	on_core(1);
}

static void
stop(void)
{
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	server = 0;
}

/* ---- players
 * ------------------------------------------------------------------- */

static void
player_open(struct player *p)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = p };

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (p->fd < 0 ||
	    connect(p->fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    epoll_ctl(set, EPOLL_CTL_ADD, p->fd, &e) < 0)
		die("socket");
}

static void
put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* ECHO(milliseconds, microseconds) as msgpack. */
static size_t
event(uint8_t *out)
{
	static const char head[] = "\x83\xa4type\xa4"
				   "ECHO\xachandler_args\x91\xce",
			  tail[] = "\xaehandler_kwargs\x80";
	uint32_t us = (uint32_t)(now_ns() / 1000);
	size_t n = 2;

	memcpy(out + n, head, sizeof(head) - 1);
	n += sizeof(head) - 1;
	put16(out + n, us >> 16);
	put16(out + n + 2, us & 0xffff);
	n += 4;
	memcpy(out + n, tail, sizeof(tail) - 1);
	n += sizeof(tail) - 1;
	put16(out, (unsigned)n - 2);
	return n;
}

static void
player_speak(struct player *p)
{
	uint8_t out[PYGASE_MAX] = { 0xff, 0xd0, 0xfa, 0xb9 };
	size_t n = PYGASE_CLIENT_HEAD;

	p->sequence = pygase_after(p->sequence, 1);
	put16(out + 4, p->sequence);
	put16(out + 6, p->seen.newest);
	put16(out + 8, p->seen.bits >> 16);
	put16(out + 10, p->seen.bits & 0xffff);
	put16(out + 12, p->holds);
	for (; owed >= 1 && p->holds && n < PYGASE_FILL - 80; owed -= 1) {
		n += event(out + n);
		said += measuring;
	}
	if (send(p->fd, out, n, 0) > 0)
		datagrams += measuring;
}

/* The number after time_order, which comes first in what ours sends. */
static void
take_order(struct player *p, const uint8_t *b)
{
	const uint8_t *v = b + 14 + (b[14] == 0xde ? 3 : 1) + 11;
	unsigned order = *v < 128     ? *v
			 : *v == 0xcc ? v[1]
				      : (unsigned)v[1] << 8 | v[2];

	if (pygase_distance(order, p->holds) > 0)
		p->holds = (uint16_t)order;
}

static void
take_events(const uint8_t *b, size_t n)
{
	const uint8_t *e, *at;
	size_t off = 0, len;

	while (pygase_event(b, n, &off, &e, &len) > 0) {
		at = memmem(e, len, "handler_args", 12);
		if (at == NULL || at[13] != 0xce || !measuring)
			continue;
		uint32_t us = (uint32_t)at[14] << 24 | (uint32_t)at[15] << 16 |
			      (uint32_t)at[16] << 8 | at[17];

		if (answered < LATE_MAX)
			late[answered] = (uint32_t)(now_ns() / 1000) - us;
		answered++;
	}
}

static void
player_hear(struct player *p)
{
	uint8_t b[4096];
	ssize_t n;

	while ((n = recv(p->fd, b, sizeof(b), 0)) >= PYGASE_SMALLEST) {
		size_t update = (size_t)b[12] << 8 | b[13];

		if (pygase_see(&p->seen, (unsigned)b[4] << 8 | b[5]) !=
		    PYGASE_NEW)
			continue;
		p->heard += measuring;
		datagrams += measuring;
		take_order(p, b);
		take_events(b + 14 + update, (size_t)n - 14 - update);
	}
}

/* Everybody plays until then. */
static void
play_until(int64_t end_ns)
{
	static struct epoll_event events[256];
	int64_t now = now_ns(), last = now;
	unsigned at = 0;

	while (now < end_ns) {
		int n = epoll_wait(set, events, 256, 1);

		for (int i = 0; i < n; i++)
			player_hear(events[i].data.ptr);
		now = now_ns();
		owed += (double)(now - last) * 1e-9 * events_each *
			(double)n_players;
		last = now;
		/* In turn, and so spread over the 25 ms. */
		while (players[at].due_ns <= now) {
			player_speak(&players[at]);
			players[at].due_ns += SEND_NS;
			if (players[at].due_ns < now)
				players[at].due_ns = now + SEND_NS;
			at = (at + 1) % n_players;
		}
	}
}

/* ---- a row
 * -------------------------------------------------------------------- */

static int
smaller(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

struct row {
	double cpu, events, p50_ms, p99_ms, packets;
	unsigned not_held;
	uint64_t lost;
	double kib;
};

static struct row
measure(const char *game, unsigned n, double each)
{
	struct row r = { 0 };
	struct procs procs;
	struct memory before, after;
	int64_t from;
	uint64_t cpu;

	start(game);
	procs_find(&procs, server);
	procs_memory(&procs, &before);
	n_players = n;
	events_each = 0;
	said = answered = datagrams = 0;
	owed = 0;
	players = calloc(n, sizeof(*players));
	set = epoll_create1(0);
	from = now_ns();
	for (unsigned i = 0; i < n; i++) {
		player_open(&players[i]);
		players[i].due_ns = from + (int64_t)i * SEND_NS / n;
	}
	play_until(now_ns() + WARM_NS);
	events_each = each;
	play_until(now_ns() + WARM_NS / 3);
	measuring = true;
	procs_find(&procs, server);
	cpu = procs_cpu_ns(&procs);
	from = now_ns();
	play_until(from + TIME_NS);
	measuring = false;
	r.cpu = (double)(procs_cpu_ns(&procs) - cpu) / (double)TIME_NS;
	procs_memory(&procs, &after);
	r.kib = ((double)after.owned - (double)before.owned) / 1024 / n;
	r.packets = (double)datagrams / (double)TIME_NS * 1e9;
	r.events = (double)answered / (double)TIME_NS * 1e9;
	r.lost = said > answered ? said - answered : 0;
	for (unsigned i = 0; i < n; i++) {
		r.not_held +=
		    players[i].heard < 4 * (unsigned)(TIME_NS / 1000000000);
		close(players[i].fd);
	}
	if (answered) {
		size_t count = answered < LATE_MAX ? answered : LATE_MAX;

		qsort(late, count, sizeof(*late), smaller);
		r.p50_ms = late[count / 2] * 1e-3;
		r.p99_ms = late[count * 99 / 100] * 1e-3;
	}
	close(set);
	free(players);
	stop();
	return r;
}

static void
print(const char *what, const struct row *r, unsigned n)
{
	printf("%-28s %5.1f %% of a core, %6.0f datagrams/s, %7.0f events/s, "
	       "p50 %.1f ms, p99 %.1f ms, %.1f KiB each, %u of %u not held\n",
	    what, r->cpu * 100, r->packets, r->events, r->p50_ms, r->p99_ms,
	    r->kib, r->not_held, n);
	fflush(stdout);
}

static void
table(void)
{
	static const unsigned idle[] = { 200, 1000, 2000, 4000, 6000, 8000 };
	unsigned held = 0;
	double most = 0;
	char what[64];
	struct row r;

	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
		r = measure("sync", idle[i], 0);
		snprintf(what, sizeof(what), "sync, %u follow", idle[i]);
		print(what, &r, idle[i]);
		if (r.not_held == 0 && r.cpu < 0.98)
			held = idle[i];
	}
	r = measure("sync", 100, 20);
	print("sync, 100 x 20 events/s", &r, 100);
	for (double each = 500; each <= 8000; each *= 2) {
		r = measure("sync", 100, each);
		snprintf(what, sizeof(what), "sync, 100 x %.0f events/s", each);
		print(what, &r, 100);
		if (r.events > most)
			most = r.events;
	}
	printf("held on a core: %u (theirs %d: x%.0f); events a second: %.0f "
	       "(theirs %d: x%.1f); their p50: %d ms\n",
	    held, THEIRS_HELD, (double)held / THEIRS_HELD, most, THEIRS_EVENTS,
	    most / THEIRS_EVENTS, THEIRS_P50_MS);
}

int
main(int argc, char **argv)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	late = calloc(LATE_MAX, sizeof(*late));
	if (late == NULL)
		die("memory");
	if (argc >= 3) {
		unsigned n = (unsigned)atoi(argv[2]);
		struct row r = measure("sync", n, argc > 3 ? atof(argv[3]) : 0);

		print(argv[1], &r, n);
	} else {
		table();
	}
	free(late);
	return 0;
}
