/*
 * load.c - many players on one thread, to see what a server can do.
 *
 *	load echo url=ws://127.0.0.1:5000/ conns=100 window=16 size=20 \
 *	    session=PID
 *
 * Opens all connections, warms up, measures for a fixed time and prints one
 * line of key=value. session names a process of the server: CPU and memory of
 * everything in its session, its group and below it are in the line. Loopback
 * only; ends by itself. Next: modes.c.
 */
#include "tests/bench/load.h"
#include "tests/bench/procs.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define SECOND 1000000000ll

int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

void
load_fail(struct load *l, const char *format, ...)
{
	va_list ap;

	if (*l->problem != '\0')
		return;
	va_start(ap, format);
	vsnprintf(l->problem, sizeof(l->problem), format, ap);
	va_end(ap);
	for (char *p = l->problem; *p != '\0'; p++)
		if (*p < ' ' || *p == '"' || *p == '\x7f')
			*p = '.';
}

/* ---- durations ---------------------------------------------------------- */

void
hist_add(struct hist *h, int64_t ns)
{
	uint64_t v = ns < 0 ? 0 : (uint64_t)ns;
	unsigned shift = v < 128 ? 0 : 57u - (unsigned)__builtin_clzll(v);

	h->count[shift * 128 + (v >> shift)]++;
	h->total++;
	if (ns > h->worst)
		h->worst = ns;
}

int64_t
hist_at(const struct hist *h, double share)
{
	uint64_t before = (uint64_t)((double)h->total * share), seen = 0;

	for (size_t i = 0; i < 128 * 58; i++) {
		seen += h->count[i];
		if (seen > before)
			return (int64_t)(i % 128) << (i / 128);
	}
	return h->worst;
}

/* ---- the command line --------------------------------------------------- */

struct number {
	const char *name;
	size_t offset;
	long preset, smallest, largest;
	const char *what;
};

static const struct number numbers[] = {
	{ "conns", offsetof(struct options, conns), 1, 1, 65536, "players" },
	{ "idle", offsetof(struct options, idle), 0, 0, 65536,
	    "connections besides them that do nothing" },
	{ "window", offsetof(struct options, window), 1, 1, 1024,
	    "messages of each in flight" },
	{ "size", offsetof(struct options, size), 20, STAMP, 60000,
	    "bytes of a message" },
	{ "burst", offsetof(struct options, burst), 1, 1, 1024,
	    "fan: messages sent at once" },
	{ "parallel", offsetof(struct options, parallel), 64, 1, 4096,
	    "handshakes at once" },
	{ "inputs", offsetof(struct options, inputs), 0, 0, 10000000,
	    "tick: messages a second from all players together" },
	{ "session", offsetof(struct options, session), 0, 0, 1 << 30,
	    "a process of the server" },
};

static const struct number times[] = {
	{ "warm_ms", offsetof(struct options, warm_ns), 300, 0, 60000,
	    "before the measurement" },
	{ "time_ms", offsetof(struct options, time_ns), 1000, 10, 60000,
	    "the measurement itself" },
	{ "hold_ms", offsetof(struct options, hold_ns), 0, 0, 600000,
	    "idle: before memory is read" },
	{ "setup_ms", offsetof(struct options, setup_ns), 30000, 100, 120000,
	    "until all connections must stand" },
};

static void
print_numbers(const struct number *row, size_t n)
{
	for (; n > 0; n--, row++)
		fprintf(stderr, "  %s=%ld (%ld to %ld)  %s\n", row->name,
		    row->preset, row->smallest, row->largest, row->what);
}

static int
usage(const char *problem, const char *word)
{
	const struct mode *m;

	fprintf(stderr, "load: %s '%s'\n", problem, word);
	fprintf(stderr,
	    "usage: load MODE url=ws|line|tcp://127.0.0.1:PORT/PATH ...\n");
	for (size_t i = 0; (m = mode_at(i)) != NULL; i++)
		fprintf(stderr, "  %s  %s\n", m->name, m->what);
	print_numbers(numbers, sizeof(numbers) / sizeof(numbers[0]));
	print_numbers(times, sizeof(times) / sizeof(times[0]));
	fprintf(stderr, "  latency=1  time each message (window 1)\n");
	return 2;
}

/* True: *value is what stands behind the row's name. */
static bool
matches(const struct number *row, const char *word, long *value)
{
	size_t len = strlen(row->name);
	char *end;

	if (strncmp(word, row->name, len) != 0 || word[len] != '=')
		return false;
	*value = strtol(word + len + 1, &end, 10);
	return end != word + len + 1 && *end == '\0' &&
	       *value >= row->smallest && *value <= row->largest;
}

static bool
set_number(struct options *o, const char *word)
{
	long value;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (matches(&numbers[i], word, &value)) {
			memcpy((char *)o + numbers[i].offset, &value,
			    sizeof(value));
			return true;
		}
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (matches(&times[i], word, &value)) {
			int64_t ns = value * 1000000ll;

			memcpy((char *)o + times[i].offset, &ns, sizeof(ns));
			return true;
		}
	return false;
}

static void
set_presets(struct options *o)
{
	char word[64];

	memset(o, 0, sizeof(*o));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		snprintf(word, sizeof(word), "%s=%ld", numbers[i].name,
		    numbers[i].preset);
		set_number(o, word);
	}
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		snprintf(word, sizeof(word), "%s=%ld", times[i].name,
		    times[i].preset);
		set_number(o, word);
	}
}

/* Only addresses of the loopback: this is no weapon. */
static bool
set_url(struct options *o, const char *url)
{
	const char *after = strstr(url, "://");
	char address[32];
	unsigned port;
	int codec, used = 0;

	if (after == NULL ||
	    (codec = codec_find(url, (size_t)(after - url))) < 0 ||
	    sscanf(after + 3, "%31[0-9.]:%u%n", address, &port, &used) != 2 ||
	    port == 0 || port > 65535)
		return false;
	o->codec = (enum codec)codec;
	o->to.sin_family = AF_INET;
	o->to.sin_port = htons((uint16_t)port);
	snprintf(o->host, sizeof(o->host), "%s:%u", address, port);
	snprintf(o->path, sizeof(o->path), "%s",
	    after[3 + used] == '/' ? after + 3 + used : "/");
	return inet_pton(AF_INET, address, &o->to.sin_addr) == 1 &&
	       ntohl(o->to.sin_addr.s_addr) >> 24 == 127;
}

static int
parse(struct options *o, int argc, char **argv)
{
	bool has_url = false;

	set_presets(o);
	if (argc < 2 || (o->mode = mode_find(argv[1], strlen(argv[1]))) == NULL)
		return usage("no such mode", argc < 2 ? "" : argv[1]);
	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], "url=", 4) == 0) {
			has_url = set_url(o, argv[i] + 4);
			if (!has_url)
				return usage("not on the loopback", argv[i]);
		} else if (strcmp(argv[i], "latency=1") == 0)
			o->latency = true;
		else if (!set_number(o, argv[i]))
			return usage("cannot use", argv[i]);
	}
	if (!has_url)
		return usage("missing", "url=");
	if (o->latency && o->window != 1)
		return usage("latency=1 needs", "window=1");
	return 0;
}

/* ---- measuring ---------------------------------------------------------- */

struct sample {
	int64_t at_ns;
	uint64_t messages, sent;
	uint64_t server_ns; /* CPU */
	int64_t own_ns;
};

static int64_t
own_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static void
sample(const struct load *l, const struct procs *p, struct sample *s)
{
	s->own_ns = own_cpu_ns();
	s->server_ns = procs_cpu_ns(p);
	s->messages = l->all;
	s->sent = l->sent;
	s->at_ns = now_ns();
}

/* All handshakes, o.parallel at a time. Returns how long it took. */
static int64_t
open_all(struct load *l)
{
	int64_t from = now_ns();
	size_t next = 0;

	for (; l->o.mode->recycles && next < l->total; next++)
		drive_start(l, &l->conns[next]);
	if (l->o.mode->recycles)
		return 0;
	while (l->open < l->total && *l->problem == '\0') {
		while (next < l->total && *l->problem == '\0' &&
		       l->started - l->open < (size_t)l->o.parallel)
			drive_start(l, &l->conns[next++]);
		drive_turn(l, 100);
		if (now_ns() - from > l->o.setup_ns)
			load_fail(l, "only %zu of %zu connections stand",
			    l->open, l->total);
	}
	return now_ns() - from;
}

static void
run_for(struct load *l, int64_t ns)
{
	int64_t until = now_ns() + ns;

	/* A rate of inputs needs a clock finer than what comes in gives. */
	while (*l->problem == '\0' && now_ns() < until)
		drive_turn(l, l->o.inputs > 0 ? 1 : 10);
}

static void
forget(struct load *l)
{
	l->messages = 0;
	l->bytes = 0;
	memset(&l->hist, 0, sizeof(l->hist));
	for (size_t i = 0; i < l->total; i++)
		l->conns[i].got_ns = 0;
}

static void
measure(
    struct load *l, const struct procs *p, struct sample *a, struct sample *b)
{
	l->begun = true;
	if (l->o.mode->begin != NULL)
		l->o.mode->begin(l);
	run_for(l, l->o.warm_ns);
	forget(l);
	sample(l, p, a);
	run_for(l, l->o.time_ns);
	sample(l, p, b);
	if (l->o.mode->message != NULL && l->messages == 0 &&
	    strcmp(l->o.mode->name, "idle") != 0)
		load_fail(l, "no message came back");
}

static void
print(const struct load *l, const struct procs *p, const struct sample *a,
    const struct sample *b, int64_t open_ns)
{
	const struct options *o = &l->o;
	double s = (double)(b->at_ns - a->at_ns) / 1e9;
	double n = (double)(b->messages - a->messages);
	double server = (double)(b->server_ns - a->server_ns) / 1e9;

	printf("mode=%s conns=%ld idle=%ld window=%ld size=%ld burst=%ld "
	       "seconds=%.4f messages=%.0f rate=%.1f inputs=%.1f ",
	    o->mode->name, o->conns, o->idle, o->window, o->size, o->burst, s,
	    n, n / s, (double)(b->sent - a->sent) / s);
	printf("generator_cpu=%.4f server_cpu=%.4f server_procs=%zu "
	       "cpu_ns_each=%.1f open_s=%.4f ",
	    (double)(b->own_ns - a->own_ns) / 1e9 / s, server / s, p->count,
	    n > 0 ? server * 1e9 / n : 0.0, (double)open_ns / 1e9);
	printf("bytes_each=%.1f ", (double)l->bytes / s / (double)o->conns);
	printf("p50_us=%.2f p99_us=%.2f worst_us=%.2f ",
	    (double)hist_at(&l->hist, 0.5) / 1e3,
	    (double)hist_at(&l->hist, 0.99) / 1e3, (double)l->hist.worst / 1e3);
}

static void
print_memory(
    const struct load *l, const struct memory *a, const struct memory *b)
{
	double n = (double)l->total;

	printf("base_pss=%llu base_rss=%llu pss=%llu rss=%llu "
	       "owned_each=%.1f rss_each=%.1f ",
	    (unsigned long long)a->pss, (unsigned long long)a->rss,
	    (unsigned long long)b->pss, (unsigned long long)b->rss,
	    ((double)b->owned - (double)a->owned) / n,
	    ((double)b->rss - (double)a->rss) / n);
}

int
main(int argc, char **argv)
{
	static struct load l;
	static struct procs procs;
	struct sample a = { 0 }, b = { 0 };
	struct memory before, after;
	struct rlimit files;
	int64_t open_ns = 0;
	int status = parse(&l.o, argc, argv);

	if (status != 0)
		return status;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	l.epoll = -1;
	procs_find(&procs, (pid_t)l.o.session);
	procs_memory(&procs, &before);
	if (drive_init(&l))
		open_ns = open_all(&l);
	/* A server may have started a process for each connection. */
	procs_find(&procs, (pid_t)l.o.session);
	if (*l.problem == '\0')
		measure(&l, &procs, &a, &b);
	if (l.o.hold_ns > 0)
		run_for(&l, l.o.hold_ns);
	procs_memory(&procs, &after);
	if (*l.problem == '\0') {
		print(&l, &procs, &a, &b, open_ns);
		print_memory(&l, &before, &after);
		printf("errors=0\n");
	} else
		printf("errors=1 problem=\"%s\"\n", l.problem);
	status = *l.problem != '\0';
	drive_release(&l);
	return status;
}
