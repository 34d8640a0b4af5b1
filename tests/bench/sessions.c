/*
 * sessions.c - what a session costs: a switch, a turn, its memory.
 *
 *	sessions [N [ROUNDS]]     10,000 sessions, 20 questions each
 *
 * The game side alone, with two children in place of netd: one writes what
 * the players say, one reads what they hear. Times are CPU times of the game.
 */
#include "gamecore/core.h"
#include "gamecore/ctx.h"
#include "gamecore/stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- the bare switch ---------------------------------------------------- */

#define SWITCHES 20000000

static struct ctx here, there;

static void
back_and_forth(void *arg)
{
	(void)arg;
	for (;;)
		ctx_switch(&there, &here);
}

static void
bare_switch(void)
{
	struct stacks pool = { .size = 64 << 10 };
	struct stack s;
	double start;

	if (!stack_take(&pool, &s))
		abort();
	ctx_make(&there, s.low, s.size, back_and_forth, NULL);
	start = now_s();
	for (int i = 0; i < SWITCHES / 2; i++)
		ctx_switch(&here, &there);
	printf("switch_ns %.2f\n", (now_s() - start) / SWITCHES * 1e9);
	stack_put(&pool, &s);
	stacks_release(&pool);
}

/* ---- players ------------------------------------------------------------ */

static unsigned n_players = 10000, n_rounds = 20, asked, answered;
static long kib_before, kib_all, kib_talked;
static double started, all_asked;

static long
resident_kib(void)
{
	char line[128];
	long kib = 0;
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kib = atol(line + 6);
	if (f)
		fclose(f);
	return kib;
}

static int
player(struct gc_session *s, void *arg)
{
	char line[32];

	(void)arg;
	if (++asked == n_players) {
		kib_all = resident_kib();
		all_asked = now_s();
	}
	for (unsigned i = 0; i < n_rounds; i++) {
		if (gc_ask(s, "What is your name? ", line, sizeof(line)) < 0)
			return 0;
		gc_say(s, "Hello, %s: %u", line, i);
		if (++answered == n_players * n_rounds)
			kib_talked = resident_kib();
	}
	gc_readline(s, line, sizeof(line)); /* stays until the end */
	return 0;
}

static void
say(struct ipc_buf *b, unsigned kind, uint64_t id, const char *text)
{
	struct ipc_frame f = { .kind = (uint8_t)kind,
		.id = id,
		.bytes = (const uint8_t *)text,
		.len = (uint32_t)strlen(text) };
	uint8_t *to = ipc_buf_space(b, ipc_frame_size(f.len));

	if (to == NULL)
		abort();
	ipc_frame_head(to, &f);
	memcpy(to + IPC_FRAME_HEAD, text, f.len);
	ipc_buf_added(b, ipc_frame_size(f.len));
}

static void
say_all(struct ipc_buf *b)
{
	char none[] = "", name[] = "bench";
	struct ipc_welcome w = { .version = IPC_VERSION,
		.frame_max = IPC_FRAME_MAX,
		.seed = 1,
		.now_us = 1,
		.netd = name };
	struct ipc_opened o = { .transport = none, .peer = none };

	ipc_buf_init(b, (size_t)1 << 30);
	ipc_msg_frame(IPC_WELCOME, 0, &w, b);
	for (unsigned i = 1; i <= n_players; i++)
		ipc_msg_frame(IPC_OPENED, i, &o, b);
	for (unsigned r = 0; r < n_rounds; r++)
		for (unsigned i = 1; i <= n_players; i++)
			say(b, IPC_MESSAGE, i, "somebody");
	say(b, IPC_STOP, 1000, "");
}

/* A child that does one thing with one end of a pipe. */
static int
child(bool writes, const struct ipc_buf *b)
{
	static uint8_t sink[1 << 16];
	int ends[2];

	if (pipe(ends) < 0)
		abort();
	if (fork() == 0) {
		close(ends[writes ? 0 : 1]);
		for (size_t at = 0; writes && at < b->len;) {
			size_t left = b->len - at;
			ssize_t n = write(ends[1], b->data + at,
			    left < sizeof(sink) ? left : sizeof(sink));

			if (n <= 0)
				break;
			at += (size_t)n;
		}
		while (!writes && read(ends[0], sink, sizeof(sink)) > 0)
			;
		_exit(0);
	}
	close(ends[writes ? 1 : 0]);
	return ends[writes ? 0 : 1];
}

int
main(int argc, char **argv)
{
	struct gc_session_limits limits = { 0 };
	struct ipc_buf b;
	struct gc_net *net;
	double end;
	int down, up;

	if (argc > 1)
		n_players = (unsigned)atoi(argv[1]);
	if (argc > 2)
		n_rounds = (unsigned)atoi(argv[2]);
	bare_switch();
	say_all(&b);
	down = child(false, &b);
	up = child(true, &b);
	ipc_buf_release(&b);
	net = net_new(up, down);
	limits.sessions_max = n_players;
	if (net == NULL || net_hello(net, "bench", 1) < 0 ||
	    gc_session_limits(net, &limits) < 0)
		return 1;
	kib_before = resident_kib();
	started = now_s();
	if (gc_serve(net, player, NULL) != 0)
		return 1;
	end = now_s();
	printf("sessions %u\n", asked);
	printf("start_us %.2f\n", (all_asked - started) / n_players * 1e6);
	printf("resident_bytes %.0f\n",
	    (double)(kib_all - kib_before) * 1024 / n_players);
	printf("resident_talked_bytes %.0f\n",
	    (double)(kib_talked - kib_before) * 1024 / n_players);
	printf("ask_ns %.0f\n", (end - all_asked) / answered * 1e9);
	net_free(net);
	while (wait(NULL) > 0)
		;
	return answered != n_players * n_rounds;
}
