/*
 * pygase.c - what clients of PyGaSe's protocol cost: each says 40 datagrams a
 * second, with or without events, and acks what it gets, as the real ones do.
 * The server has one core (all its processes), the clients another.
 *
 *	bench/pygase              the table, beside what PyGaSe's server reaches
 *	bench/pygase held N       one row: N clients that follow the state
 *	bench/pygase events N E   N clients with E events a second each
 *	bench/pygase line WHAT N E   the same for a program: key=value
 *
 * All players are one socket, each with an address of its own in 127.0.0.0/8,
 * so that their datagrams come and go in batches: the load generator is not to
 * be the wall. A client is held if nothing it is owed comes late: it is never
 * without a datagram for SLIP_NS, and few events wait for EVENT_LATE_NS.
 */
#include "netd/pygase.h"
#include "tests/bench/procs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SEND_NS 25000000ll
#define WARM_NS 3000000000ll
#define TIME_NS 5000000000ll
#define LATE_MAX 4000000
#define BATCH 64
/* A control message that says whose address it is: ours. */
#define FROM CMSG_SPACE(sizeof(struct in_pktinfo))
#define PLAYERS_MAX 16384
/* Ours in a quiet game come five times a second; PyGaSe's clients slow down
 * when they read 250 ms. */
#define SLIP_NS 250000000ll
/* Of the events that players say while others follow, all together. */
#define PROBES 200.0
/* What a client of PyGaSe puts into one datagram, and what the wire allows. */
#define THEIRS_AT_ONCE 5
#define EVENTS_FILL PYGASE_MAX

/* What PyGaSe's own server holds and handles on one core of the machine where
 * it was measured, and what it takes from an event to its answer. The aim is
 * 20 times that. */
#define THEIRS_HELD 200
#define THEIRS_EVENTS 27219
#define THEIRS_P50_MS 40
#define TIMES 20

struct player {
	struct pygase_seen seen;
	uint16_t sequence, holds;
	int64_t due_ns;
	int64_t heard_ns, gap_ns; /* the last, the longest time without */
	double owed;              /* events */
};

struct batch {
	struct mmsghdr head[BATCH];
	struct iovec vec[BATCH];
	uint8_t bytes[BATCH][PYGASE_MAX];
	struct sockaddr_in peer[BATCH];
	_Alignas(struct cmsghdr) char from[BATCH][FROM];
	unsigned n;
};

static struct player players[PLAYERS_MAX];
static unsigned n_players;
static double events_each; /* a second */
static unsigned at_once;   /* events in one datagram, at the most */
static struct batch in, out;
static int fd, port;
static pid_t server;
static bool measuring;
static uint64_t said, answered, heard, spoken;
static int64_t behind_ns; /* the latest that a player spoke */
static uint32_t *late;    /* microseconds of each answer */

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
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

/* ---- the server -----------------------------------------------------------
 */

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
read_port(int log)
{
	char text[8192], *at = NULL;
	size_t n = 0;

	while (n < sizeof(text) - 1 && at == NULL) {
		ssize_t r = read(log, text + n, sizeof(text) - 1 - n);

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
		    "pygase://127.0.0.1:0?datagrams_per_s=0", (char *)NULL);
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

/* What the system threw away because the server did not read it. */
static uint64_t
drops(void)
{
	char line[512], want[32];
	uint64_t n = 0;
	FILE *f = fopen("/proc/net/udp", "r");

	snprintf(want, sizeof(want), "0100007F:%04X 00000000", (unsigned)port);
	while (f && fgets(line, sizeof(line), f)) {
		const char *last = line + strcspn(line, " \n");

		if (strstr(line, want) == NULL)
			continue;
		for (char *w = strtok(line, " \n"); w; w = strtok(NULL, " \n"))
			last = w;
		n = strtoull(last, NULL, 10);
	}
	if (f)
		fclose(f);
	return n;
}

/* ---- one socket for all ---------------------------------------------------
 */

static struct in_addr
address_of(unsigned i)
{
	return (struct in_addr){ htonl(0x7f010001u + i) };
}

static struct cmsghdr *
from_of(struct batch *b, unsigned i)
{
	return (struct cmsghdr *)(void *)b->from[i];
}

static struct in_pktinfo *
info_of(struct batch *b, unsigned i)
{
	return (struct in_pktinfo *)(void *)CMSG_DATA(from_of(b, i));
}

static void
lay_out(struct batch *b, bool sends)
{
	memset(b, 0, sizeof(*b));
	for (unsigned i = 0; i < BATCH; i++) {
		struct msghdr *m = &b->head[i].msg_hdr;
		struct cmsghdr *from = from_of(b, i);

		b->vec[i].iov_base = b->bytes[i];
		b->vec[i].iov_len = PYGASE_MAX;
		m->msg_iov = &b->vec[i];
		m->msg_iovlen = 1;
		m->msg_control = b->from[i];
		m->msg_controllen = sizeof(b->from[i]);
		from->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
		from->cmsg_level = IPPROTO_IP;
		from->cmsg_type = IP_PKTINFO;
		b->peer[i] = (struct sockaddr_in){ .sin_family = AF_INET,
			.sin_port = htons((uint16_t)port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		if (sends) {
			m->msg_name = &b->peer[i];
			m->msg_namelen = sizeof(b->peer[i]);
		}
	}
}

static void
open_socket(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int room = 64 << 20, on = 1;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0)
		die("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	lay_out(&in, false);
	lay_out(&out, true);
}

static void
flush(void)
{
	unsigned at = 0;

	while (at < out.n) {
		int n = sendmmsg(fd, out.head + at, out.n - at, 0);

		if (n < 0)
			break; /* what does not leave is lost, and seen so */
		at += (unsigned)n;
	}
	out.n = 0;
}

/* ---- players --------------------------------------------------------------
 */

static void
put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* ECHO(microseconds) as msgpack. */
static const char event_head[] = "\x83\xa4type\xa4"
				 "ECHO\xachandler_args\x91\xce",
		  event_tail[] = "\xaehandler_kwargs\x80";
#define EVENT_LEN (sizeof(event_head) + sizeof(event_tail) - 2 + 4)

static size_t
event(uint8_t *to, uint32_t us)
{
	put16(to, EVENT_LEN);
	to += 2;
	memcpy(to, event_head, sizeof(event_head) - 1);
	to += sizeof(event_head) - 1;
	put16(to, us >> 16);
	put16(to + 2, us & 0xffff);
	memcpy(to + 4, event_tail, sizeof(event_tail) - 1);
	return EVENT_LEN + 2;
}

static void
player_speak(struct player *p, int64_t now)
{
	unsigned i = out.n++, events = 0;
	uint8_t *b = out.bytes[i];
	size_t n = PYGASE_CLIENT_HEAD;

	p->sequence = pygase_after(p->sequence, 1);
	memcpy(b, "\xff\xd0\xfa\xb9", 4);
	put16(b + 4, p->sequence);
	put16(b + 6, p->seen.newest);
	put16(b + 8, p->seen.bits >> 16);
	put16(b + 10, p->seen.bits & 0xffff);
	put16(b + 12, p->holds);
	p->owed += events_each * SEND_NS * 1e-9;
	while (p->owed >= 1 && p->holds && events < at_once &&
	       n + EVENT_LEN + 2 <= EVENTS_FILL) {
		n += event(b + n, (uint32_t)(now / 1000));
		p->owed -= 1;
		events++;
	}
	if (p->owed > 1)
		p->owed = 1;
	if (measuring) {
		said += events;
		spoken++;
		if (now - p->due_ns > behind_ns)
			behind_ns = now - p->due_ns;
	}
	out.vec[i].iov_len = n;
	info_of(&out, i)->ipi_spec_dst = address_of((unsigned)(p - players));
	if (out.n == BATCH)
		flush();
}

/* The number after time_order, which comes first in what ours sends. */
static void
take_order(struct player *p, const uint8_t *b)
{
	const uint8_t *v = b + 14 + (b[14] == 0xde ? 3 : 1) + 11;
	unsigned order = *v < 128     ? *v
			 : *v == 0xcc ? v[1]
				      : (unsigned)v[1] << 8 | v[2];

	if (p->holds == 0 || pygase_distance(order, p->holds) > 0)
		p->holds = (uint16_t)order;
}

static void
take_events(const uint8_t *b, size_t n, int64_t now)
{
	static const char args[] = "handler_args\x91\xce";
	const uint8_t *e, *at;
	size_t off = 0, len;

	while (pygase_event(b, n, &off, &e, &len) > 0) {
		at = memmem(e, len, args, sizeof(args) - 1);
		if (at == NULL || !measuring)
			continue;
		at += sizeof(args) - 1;
		if (answered < LATE_MAX)
			late[answered] =
			    (uint32_t)(now / 1000) -
			    ((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
				(uint32_t)at[2] << 8 | at[3]);
		answered++;
	}
}

static void
player_hear(struct player *p, const uint8_t *b, size_t n, int64_t now)
{
	size_t update = (size_t)b[12] << 8 | b[13];

	if (n < 14 + update ||
	    pygase_see(&p->seen, (unsigned)b[4] << 8 | b[5]) != PYGASE_NEW)
		return;
	if (measuring) {
		heard++;
		if (now - p->heard_ns > p->gap_ns)
			p->gap_ns = now - p->heard_ns;
	}
	p->heard_ns = now;
	take_order(p, b);
	take_events(b + 14 + update, n - 14 - update, now);
}

static void
hear(void)
{
	int n;

	do {
		int64_t now;

		for (unsigned i = 0; i < BATCH; i++)
			in.head[i].msg_hdr.msg_controllen = sizeof(in.from[i]);
		n = recvmmsg(fd, in.head, BATCH, 0, NULL);
		now = now_ns();
		for (int i = 0; i < n; i++) {
			unsigned who =
			    ntohl(info_of(&in, (unsigned)i)->ipi_addr.s_addr) -
			    0x7f010001;

			if (who < n_players &&
			    in.head[i].msg_len >= PYGASE_SMALLEST)
				player_hear(&players[who], in.bytes[i],
				    in.head[i].msg_len, now);
		}
	} while (n == BATCH);
}

/* Everybody plays until then. */
static void
play_until(int64_t end_ns)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	static unsigned at;
	int64_t now;

	at %= n_players;
	while ((now = now_ns()) < end_ns) {
		/* In turn, and so spread over the 25 ms. */
		for (unsigned i = 0; i < BATCH * 4 && players[at].due_ns <= now;
		     i++) {
			player_speak(&players[at], now);
			players[at].due_ns += SEND_NS;
			if (players[at].due_ns < now - SEND_NS)
				players[at].due_ns = now;
			at = (at + 1) % n_players;
		}
		flush();
		if (players[at].due_ns > now)
			poll(&wait, 1, 1);
		hear();
	}
}

/* ---- a row ----------------------------------------------------------------
 */

static int
smaller(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

struct row {
	unsigned players, slipped;
	double cpu, load, events, missing;
	double p50_ms, p99_ms, behind_ms, in_per_s, out_per_s;
	double us_each;  /* of CPU, a client and second */
	double ns_event; /* of CPU, an event and its answer, all included */
	uint64_t dropped;
	double kib;
};

static void
begin(unsigned n)
{
	int64_t from = now_ns();

	memset(players, 0, sizeof(players));
	n_players = n;
	said = answered = heard = spoken = 0;
	behind_ns = 0;
	open_socket();
	for (unsigned i = 0; i < n; i++)
		players[i].due_ns = from + (int64_t)i * SEND_NS / n;
	events_each = 0;
	/* They come over a second, as a crowd that waited would. */
	for (unsigned step = 1; step <= 50; step++) {
		n_players = n * step / 50 ? n * step / 50 : 1;
		play_until(from + step * 20000000ll);
	}
	play_until(now_ns() + WARM_NS);
}

static void
judge(struct row *r)
{
	size_t count = answered < LATE_MAX ? answered : LATE_MAX;

	for (unsigned i = 0; i < n_players; i++)
		r->slipped += players[i].gap_ns > SLIP_NS;
	r->missing = said > answered
			 ? 100 * (double)(said - answered) / (double)said
			 : 0;
	r->behind_ms = (double)behind_ns * 1e-6;
	if (count == 0)
		return;
	qsort(late, count, sizeof(*late), smaller);
	r->p50_ms = late[count / 2] * 1e-3;
	r->p99_ms = late[count * 99 / 100] * 1e-3;
}

static struct row
measure(unsigned n, double each, unsigned most)
{
	struct row r = { .players = n };
	struct procs procs;
	struct memory before, after;
	int64_t from, load, took;
	uint64_t cpu;

	start("sync");
	procs_find(&procs, server);
	procs_memory(&procs, &before);
	begin(n);
	procs_find(&procs, server);
	procs_memory(&procs, &after);
	r.kib = ((double)after.owned - (double)before.owned) / 1024 / n;
	events_each = each;
	at_once = most;
	/* Not all at once. */
	for (unsigned i = 0; i < n; i++)
		players[i].owed = (double)i / n;
	play_until(now_ns() + WARM_NS / 3);
	for (unsigned i = 0; i < n; i++)
		players[i].heard_ns = now_ns();
	r.dropped = drops();
	cpu = procs_cpu_ns(&procs);
	load = cpu_ns();
	from = now_ns();
	measuring = true;
	play_until(from + TIME_NS);
	measuring = false;
	took = now_ns() - from;
	cpu = procs_cpu_ns(&procs) - cpu;
	r.cpu = (double)cpu / (double)took;
	r.load = (double)(cpu_ns() - load) / (double)took;
	r.dropped = drops() - r.dropped;
	r.events = (double)answered / (double)took * 1e9;
	r.in_per_s = (double)spoken / (double)took * 1e9;
	r.out_per_s = (double)heard / (double)took * 1e9;
	r.us_each = r.cpu * 1e6 / n;
	r.ns_event = answered ? (double)cpu / (double)answered : 0;
	judge(&r);
	close(fd);
	stop();
	return r;
}

/* Did the players speak as often as they are to? A machine that does other
 * things too may not let them, and then the row says nothing. */
static bool
paced(const struct row *r)
{
	return r->in_per_s > 0.95e9 / SEND_NS * r->players;
}

/* Nobody waits, nothing is thrown away. */
static bool
held(const struct row *r)
{
	return paced(r) && r->slipped * 100 <= r->players && r->dropped == 0 &&
	       r->missing < 5;
}

static void
print_pace(const struct row *r)
{
	if (!paced(r))
		puts("        the players were not let speak on time: no "
		     "figure of the server's");
	fflush(stdout);
}

static void
print_held(const struct row *r)
{
	printf("%6u follow: %3.0f %% of a core, %3.0f us of CPU a client and "
	       "second, p50 %.1f ms, p99 %.1f ms, %u slipped, %.1f KiB each, "
	       "%.0fk datagrams/s in, %.0fk out, %.0f to each%s (load: %.0f "
	       "%%, %.0f ms late)\n",
	    r->players, r->cpu * 100, r->us_each, r->p50_ms, r->p99_ms,
	    r->slipped, r->kib, r->in_per_s / 1e3, r->out_per_s / 1e3,
	    r->out_per_s / r->players, r->dropped ? ", datagrams lost" : "",
	    r->load * 100, r->behind_ms);
	print_pace(r);
}

static void
print_events(const struct row *r)
{
	printf("%6u players: %7.0f events/s, %3.0f %% of a core, %.2f us of "
	       "CPU an event, %.0fk a second of CPU, p50 %.1f ms, p99 %.1f ms, "
	       "%.1f %% not answered%s (load: %.0f %%, %.0f ms late)\n",
	    r->players, r->events, r->cpu * 100, r->ns_event * 1e-3,
	    r->ns_event > 0 ? 1e6 / r->ns_event : 0., r->p50_ms, r->p99_ms,
	    r->missing, r->dropped ? ", datagrams lost" : "", r->load * 100,
	    r->behind_ms);
	print_pace(r);
}

static void
print_aim(const char *what, double most, double theirs, const char *unit)
{
	printf("%s: %.0f %s, PyGaSe's %.0f: %.1f times (aim: %d times, %s)\n",
	    what, most, unit, theirs, most / theirs, TIMES,
	    most >= theirs * TIMES ? "met" : "MISSED");
}

static void
table(void)
{
	static const unsigned crowds[] = { 200, 1000, 2000, 4000, 6000 };
	double most = 0, cheapest = 0, bought = 0;
	unsigned best = 0;
	struct row r;

	for (size_t i = 0; i < sizeof(crowds) / sizeof(crowds[0]); i++) {
		r = measure(crowds[i], PROBES / crowds[i], THEIRS_AT_ONCE);
		print_held(&r);
		if (held(&r))
			best = crowds[i];
		if (held(&r) && (r.us_each < cheapest || cheapest == 0))
			cheapest = r.us_each;
	}
	/* As their clients speak: five events in a datagram at the most. */
	r = measure(100, 20, THEIRS_AT_ONCE);
	print_events(&r);
	r = measure(500, 200, THEIRS_AT_ONCE);
	print_events(&r);
	/* As many as one datagram takes. */
	for (unsigned n = 100; n <= 800; n *= 2) {
		r = measure(n, 1200, 1000);
		print_events(&r);
		if (paced(&r) && r.missing < 5 && r.events > most)
			most = r.events;
		if (paced(&r) && r.missing < 5 && 1e9 / r.ns_event > bought)
			bought = 1e9 / r.ns_event;
	}
	print_aim("held on a core", best, THEIRS_HELD, "clients");
	print_aim("a second of CPU has", cheapest > 0 ? 1e6 / cheapest : 0.,
	    THEIRS_HELD, "clients");
	print_aim(
	    "reached", most, THEIRS_EVENTS, "events and answers a second");
	print_aim(
	    "a second of CPU has", bought, THEIRS_EVENTS, "events and answers");
	printf(
	    "PyGaSe's p50 from an event to its answer: %d ms\n", THEIRS_P50_MS);
}

static void
print_line(const struct row *r)
{
	printf("players=%u paced=%d slipped=%u server_cpu=%.3f "
	       "generator_cpu=%.3f rate=%.0f missing_percent=%.2f p50_ms=%.1f "
	       "p99_ms=%.1f cpu_ns_each=%.0f per_cpu_s=%.0f client_us=%.1f "
	       "heard_each=%.1f dropped=%llu\n",
	    r->players, paced(r), r->slipped, r->cpu, r->load, r->events,
	    r->missing, r->p50_ms, r->p99_ms, r->ns_event,
	    r->ns_event > 0 ? 1e9 / r->ns_event : 0., r->us_each,
	    r->out_per_s / r->players, (unsigned long long)r->dropped);
}

static void
one(int argc, char **argv)
{
	bool program = strcmp(argv[1], "line") == 0;
	bool events = strcmp(argv[1 + program], "events") == 0;
	unsigned n = (unsigned)atoi(argv[2 + program]);
	double each = argc > 3 + program ? atof(argv[3 + program]) : 1200;
	struct row r;

	if (n == 0 || n > PLAYERS_MAX) {
		fputs("pygase: 1 to 16384 players\n", stderr);
		exit(2);
	}
	r = events ? measure(n, each, each > 200 ? 1000 : THEIRS_AT_ONCE)
		   : measure(n, PROBES / n, THEIRS_AT_ONCE);
	if (program)
		print_line(&r);
	else if (events)
		print_events(&r);
	else
		print_held(&r);
}

int
main(int argc, char **argv)
{
	late = calloc(LATE_MAX, sizeof(*late));
	if (late == NULL)
		die("memory");
	if (argc >= 3)
		one(argc, argv);
	else
		table();
	free(late);
	return 0;
}
