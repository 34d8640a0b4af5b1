/*
 * ledger.c - a game that keeps books, for tests that kill it.
 *
 * Every message is numbered and checksummed by its sender. The game keeps a
 * number and a running sum for each connection and one sequence for all, and
 * answers with the three: so a message that was lost, doubled, reordered,
 * spoilt or given to another, in either direction, is seen by the players.
 *
 *	m KEY NUMBER PADDING CRC   ->   a KEY NUMBER SUM SEQUENCE CRC
 *
 * Everybody hears "t NUMBER" at each tick of --tick. Other words:
 *
 *	roll                 dice and time of the stream
 *	clock                the real clock: comes out otherwise when replayed
 *	lent                 how often its pipe was lent what it said
 *	die HOW              segv, abort, exit, memory: whenever it is replayed
 *	timer NUMBER DELAY REPEAT / join GROUP / cast GROUP TEXT
 *	grow MIB             so much more memory
 *
 * Ways to die that do not come again with the replay: signals (SIGUSR1 ends
 * with status 3, SIGUSR2 runs out of memory at the next message), and the
 * file named by LEDGER_CUT: "up N" or "down N" in it is the number of bytes
 * that the pipe still takes before the process is killed. It is taken away by
 * the process that it is for.
 *
 * A copy that is made while the file LEDGER_COPY is there takes it away and
 * stops, as if the machine had no time for it.
 */
#include "gamecore/gamecore.h"
#include "tests/lib/books.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct account {
	uint64_t key, number, sum;
};

static struct gc_net *net;
static uint64_t sequence, ticks;
static volatile sig_atomic_t starve;

/* ---- ways to die ----------------------------------------------------------
 */

static void
on_exit_signal(int number)
{
	(void)number;
	_exit(3);
}

static void
on_starve_signal(int number)
{
	(void)number;
	starve = 1;
}

/* No memory from here on, then some is needed. */
static void
run_out_of_memory(void)
{
	struct rlimit none = { 1, 1 };

	setrlimit(RLIMIT_AS, &none);
	setrlimit(RLIMIT_DATA, &none);
	for (size_t size = (size_t)64 << 20;; size += 4096) {
		void *p = malloc(size);

		if (p == NULL)
			break;
		memset(p, 1, size);
	}
	fputs("ledger: out of memory\n", stderr);
	abort();
}

static void
die(const char *how)
{
	if (strcmp(how, "segv") == 0)
		raise(SIGSEGV);
	else if (strcmp(how, "abort") == 0)
		abort();
	else if (strcmp(how, "exit") == 0)
		exit(3);
	else if (strcmp(how, "memory") == 0)
		run_out_of_memory();
}

/* ---- a pipe that ends in the middle ---------------------------------------
 */

ssize_t __real_read(int fd, void *bytes, size_t len);
ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_read(int fd, void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
ssize_t
__real_vmsplice(int fd, const struct iovec *v, size_t n, unsigned int flags);
ssize_t
__wrap_vmsplice(int fd, const struct iovec *v, size_t n, unsigned int flags);

static struct {
	const char *file;
	char way[8]; /* "up", "down" or "" */
	pid_t whom;  /* a copy does not die with it */
	unsigned long left;
} cut;

/* Whoever takes the file away dies of it, and nobody else. */
static void
look_for_cut(void)
{
	FILE *f;

	if (cut.file == NULL || (cut.way[0] && cut.whom == getpid()))
		return;
	cut.way[0] = '\0';
	f = fopen(cut.file, "re");
	if (f == NULL)
		return;
	if (fscanf(f, "%7s %lu", cut.way, &cut.left) != 2 ||
	    unlink(cut.file) < 0)
		cut.way[0] = '\0';
	cut.whom = getpid();
	fclose(f);
}

ssize_t
__wrap_read(int fd, void *bytes, size_t len)
{
	ssize_t n;

	look_for_cut();
	if (strcmp(cut.way, "up") != 0)
		return __real_read(fd, bytes, len);
	if (cut.left == 0)
		raise(SIGKILL);
	n = __real_read(fd, bytes, len < cut.left ? len : cut.left);
	cut.left -= n > 0 ? (unsigned long)n : 0;
	return n;
}

ssize_t
__wrap_write(int fd, const void *bytes, size_t len)
{
	ssize_t n;

	look_for_cut();
	if (strcmp(cut.way, "down") != 0)
		return __real_write(fd, bytes, len);
	if (cut.left == 0)
		raise(SIGKILL);
	n = __real_write(fd, bytes, len < cut.left ? len : cut.left);
	cut.left -= n > 0 ? (unsigned long)n : 0;
	return n;
}

/* Of this process and those whose copy it is. */
static uint64_t times_lent;

/* What is lent is as good as written. */
ssize_t
__wrap_vmsplice(int fd, const struct iovec *v, size_t n, unsigned int flags)
{
	struct iovec less = *v;
	ssize_t r;

	look_for_cut();
	if (strcmp(cut.way, "down") != 0) {
		r = __real_vmsplice(fd, v, n, flags);
		times_lent += r > 0;
		return r;
	}
	if (cut.left == 0)
		raise(SIGKILL);
	if (less.iov_len > cut.left)
		less.iov_len = cut.left;
	r = __real_vmsplice(fd, &less, 1, flags);
	cut.left -= r > 0 ? (unsigned long)r : 0;
	return r;
}

/* ---- the books ------------------------------------------------------------
 */

static void
enter(const struct gc_event *ev)
{
	struct account *a = ev->bound;
	struct books_entry e;
	char out[BOOKS_LINE];

	if (!books_read_entry(ev->text, ev->len, &e)) {
		gc_printf(net, ev->conn, "bad entry");
	} else if (a->number && e.key != a->key) {
		gc_printf(net, ev->conn, "bad key");
	} else if (e.number != a->number + 1) {
		gc_printf(net, ev->conn,
		    "bad number %" PRIu64 " behind %" PRIu64, e.number,
		    a->number);
	} else {
		a->key = e.key;
		a->number = e.number;
		a->sum = books_sum(a->sum, ev->text, ev->len);
		books_write_answer(out, a->key, a->number, a->sum, ++sequence);
		gc_printf(net, ev->conn, "%s", out);
	}
}

static void
clock_word(const struct gc_event *ev, const char *rest)
{
	struct timespec t;

	(void)rest;
	clock_gettime(CLOCK_REALTIME, &t);
	gc_printf(net, ev->conn, "clock %ld.%09ld", (long)t.tv_sec, t.tv_nsec);
}

/* Take up an order of death_at() here and now. */
static void
look_word(const struct gc_event *ev, const char *rest)
{
	look_for_cut();
	gc_printf(net, ev->conn, "looked %s", rest);
}

/* Comes out otherwise when replayed. */
static void
lent_word(const struct gc_event *ev, const char *rest)
{
	(void)rest;
	gc_printf(net, ev->conn, "lent %" PRIu64, times_lent);
}

static void
roll_word(const struct gc_event *ev, const char *rest)
{
	(void)rest;
	gc_printf(net, ev->conn, "roll %" PRIu64 " %" PRId64, gc_random(net, 0),
	    gc_now(net));
}

static void
die_word(const struct gc_event *ev, const char *rest)
{
	(void)ev;
	die(rest);
}

static void
timer_word(const struct gc_event *ev, const char *rest)
{
	uint64_t number;
	int64_t delay, repeat;

	(void)ev;
	if (sscanf(rest, "%" SCNu64 " %" SCNd64 " %" SCNd64, &number, &delay,
		&repeat) == 3)
		gc_timer(net, number, delay, repeat);
}

static void
join_word(const struct gc_event *ev, const char *rest)
{
	gc_join(net, ev->conn, strtoull(rest, NULL, 10));
	gc_printf(net, ev->conn, "joined %s", rest);
}

static void
cast_word(const struct gc_event *ev, const char *rest)
{
	char *text;
	uint64_t group = strtoull(rest, &text, 10);

	(void)ev;
	gc_printf_group(net, group, NULL, "cast%s", text);
}

/* Touched and kept, so that a copy of the process has to copy its pages. */
static void
grow_word(const struct gc_event *ev, const char *rest)
{
	size_t size = (size_t)strtoul(rest, NULL, 10) << 20;
	char *p = malloc(size);

	if (p)
		memset(p, 1, size);
	gc_printf(net, ev->conn, "grown %s", p ? rest : "not");
}

static const struct {
	const char *word;
	void (*act)(const struct gc_event *ev, const char *rest);
} words[] = {
	{ "clock", clock_word },
	{ "look ", look_word },
	{ "lent", lent_word },
	{ "roll", roll_word },
	{ "die ", die_word },
	{ "timer ", timer_word },
	{ "join ", join_word },
	{ "cast ", cast_word },
	{ "grow ", grow_word },
};

static void
on_message(const struct gc_event *ev)
{
	if (starve)
		run_out_of_memory();
	if (strncmp(ev->text, "m ", 2) == 0) {
		enter(ev);
		return;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncmp(ev->text, words[i].word, strlen(words[i].word)) ==
		    0) {
			words[i].act(ev, ev->text + strlen(words[i].word));
			return;
		}
	gc_printf(net, ev->conn, "what is '%s'", ev->text);
}

static void
on_event(const struct gc_event *ev)
{
	if (ev->kind == GC_OPEN) {
		gc_bind(net, ev->conn, calloc(1, sizeof(struct account)));
	} else if (ev->kind == GC_CLOSE) {
		free(ev->bound);
	} else if (ev->kind == GC_MESSAGE) {
		on_message(ev);
	} else if (ev->kind == GC_TICK) {
		ticks++;
		gc_printf_group(net, GC_ALL, NULL, "t %" PRIu64, ticks);
	} else if (ev->kind == GC_TIMER) {
		gc_printf_group(net, GC_ALL, NULL, "timer %" PRIu64, ev->timer);
	}
}

static const char *slow_copy;

static void
in_the_copy(void)
{
	if (slow_copy && unlink(slow_copy) == 0)
		raise(SIGSTOP);
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "line://127.0.0.1:0", NULL };
	static long tick;
	static const char *at_start;
	static const struct gc_option options[] = {
		{ .name = "tick",
		    .value = "MS",
		    .help = "tell everybody the time so often",
		    .number = &tick,
		    .largest = 100000 },
		{ .name = "at-start",
		    .value = "HOW",
		    .help = "die as soon as the stream begins",
		    .text = &at_start },
		{ 0 }
	};
	struct gc_start start = { .name = "ledger",
		.about = "Keeps books of what everybody said.",
		.listen = listen,
		.options = options };
	struct gc_event ev;
	int r;

	net = gc_open(&start, argc, argv);
	if (net == NULL)
		return gc_explain(&start);
	/* From here on: the launcher reads and writes too, in gc_open(). */
	cut.file = getenv("LEDGER_CUT");
	slow_copy = getenv("LEDGER_COPY");
	pthread_atfork(NULL, NULL, in_the_copy);
	signal(SIGUSR1, on_exit_signal);
	signal(SIGUSR2, on_starve_signal);
	if (at_start)
		die(at_start);
	if (tick)
		gc_tick(net, (int)tick);
	while ((r = gc_next(net, &ev)) == 0 && ev.kind != GC_STOP)
		on_event(&ev);
	if (r < 0)
		fprintf(stderr, "ledger: %s\n", gc_problem(net));
	for (uint64_t c = 0; (c = gc_next_conn(net, c)) != 0;)
		free(gc_bound(net, c));
	gc_close(net);
	return r < 0;
}
