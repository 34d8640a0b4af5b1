/*
 * main.c - options, struct netd, the loop. Read it first.
 *
 * One turn of the loop: watchers read, decode and queue; then on_turn()
 * writes to the game, flushes the players, and frees who is gone. Where a
 * byte goes from here: README.md beside this file.
 */
#include "ipc/control.h"
#include "ipc/log.h"
#include "ipc/std.h"
#include "netd/datagram.h"
#include "netd/jobs.h"
#include "netd/netd.h"
#include "netd/operator.h"
#include "netd/record.h"
#include "netd/resolve.h"
#include "netd/state.h"

#include <argp.h>
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define TRIM_BYTES (16 << 20)

struct arguments {
	struct config config;
	int control_fd;
	const char *wait_dir;
	const char *operator_dir;
	const char *record, *crash_dir, *play;
	char **may_listen; /* with room for all of argv */
	int n_may_listen;
	const char *may_connect;
	bool no_lock, try_escape;
	enum ipc_level level;
	const char *notice;
	char **urls;
	int n_urls;
	FILE *nowhere;
};

/* Wrong words; and what this machine does not have. */
enum { EXIT_USAGE = 2, EXIT_TROUBLE = 1 };

enum {
	KEY_CONTROL = 256,
	KEY_WAIT,
	KEY_LIMIT,
	KEY_LIMITS,
	KEY_LOG,
	KEY_NOTICE,
	KEY_OPERATOR,
	KEY_RECORD,
	KEY_CRASH_DIR,
	KEY_PLAY,
	KEY_MAY_LISTEN,
	KEY_MAY_CONNECT,
	KEY_NO_LOCK,
	KEY_TRY_ESCAPE
};

static const struct argp_option options[] = {
	{ "wait", KEY_WAIT, "DIR", 0,
	    "Wait in DIR for a game started with --attach DIR", 0 },
	{ "limit", KEY_LIMIT, "NAME=VALUE", 0, "Set a limit; see --limits", 0 },
	{ "limits", KEY_LIMITS, NULL, 0, "Print every limit and end", 0 },
	{ "log", KEY_LOG, "LEVEL", 0, "error, warn, info (default) or debug",
	    0 },
	{ "operator", KEY_OPERATOR, "DIR", 0,
	    "Have the socket for netctl in DIR, not in the usual place", 0 },
	{ "notice", KEY_NOTICE, "TEXT", 0,
	    "What players see while a game is started anew (on lines by itself)",
	    0 },
	{ "record", KEY_RECORD, "FILE", 0,
	    "Record all that the game hears and says in FILE", 0 },
	{ "crash-dir", KEY_CRASH_DIR, "DIR", 0,
	    "Leave what a game's death leaves behind in DIR, not here", 0 },
	{ "play", KEY_PLAY, "FILE", 0,
	    "Play the game's part as it was recorded in FILE", 0 },
	{ "may-listen", KEY_MAY_LISTEN, "URL", 0,
	    "Keep what a listener like this needs, if the game opens one later",
	    0 },
	{ "may-connect", KEY_MAY_CONNECT, "PORTS", 0,
	    "Connect outwards only to these (5010,unix; * is everywhere)", 0 },
	{ "no-lock", KEY_NO_LOCK, NULL, 0,
	    "Keep every right: files, programs, connections", 0 },
	{ "try-escape", KEY_TRY_ESCAPE, NULL, 0,
	    "Lock, try to get out, say how that went, and end", 0 },
	{ "control", KEY_CONTROL, "FD", OPTION_HIDDEN, "For the launcher", 0 },
	{ 0 }
};

/* One line, and the end. A launcher knows by the status that there was one. */
static _Noreturn void __attribute__((format(printf, 3, 4)))
refuse(const struct arguments *a, int status, const char *format, ...)
{
	va_list ap;

	fputs("netd: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(a->control_fd >= 0 ? IPC_CONTROL_SAID_WHY : status);
}

static void
set_limit(struct arguments *a, char *arg)
{
	char why[256], *value = strchr(arg, '=');

	if (value == NULL)
		refuse(a, EXIT_USAGE,
		    "'--limit' needs NAME=VALUE, not '%s' (see --limits)", arg);
	*value++ = '\0';
	if (!config_set(&a->config, arg, value, CONFIG_NETD, why, sizeof(why)))
		refuse(a, EXIT_USAGE, "%s (see netd --limits)", why);
}

static void
set_level(struct arguments *a, const char *arg)
{
	static const char *const levels[] = { "error", "warn", "info",
		"debug" };

	for (unsigned i = 0; i < 4; i++) {
		if (strcmp(arg, levels[i]) == 0) {
			a->level = i;
			return;
		}
	}
	refuse(a, EXIT_USAGE,
	    "'--log' must be error, warn, info or debug, not '%s'", arg);
}

/* At the end: what was printed has to be where it went to. */
static void
check_printed(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return;
	fprintf(stderr, "netd: cannot write: %s\n", strerror(errno));
	_exit(EXIT_TROUBLE);
}

static void
check_all(const struct arguments *a)
{
	if (a->play && (a->wait_dir || a->control_fd >= 0))
		refuse(a, EXIT_USAGE, "'--play' needs no game (see --help)");
	if (a->control_fd < 0 && !a->wait_dir && !a->play && !a->try_escape)
		refuse(a, EXIT_USAGE,
		    "needs '--wait DIR': a game attaches there; a game starts "
		    "its own netd by itself (see --help)");
}

static error_t
parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		/* "Try --help" would be a second line. */
		if (a->nowhere)
			state->err_stream = a->nowhere;
		return 0;
	case KEY_WAIT:
		a->wait_dir = arg;
		return 0;
	case KEY_OPERATOR:
		a->operator_dir = arg;
		return 0;
	case KEY_RECORD:
		a->record = arg;
		return 0;
	case KEY_CRASH_DIR:
		a->crash_dir = arg;
		return 0;
	case KEY_PLAY:
		a->play = arg;
		return 0;
	case KEY_MAY_LISTEN:
		a->may_listen[a->n_may_listen++] = arg;
		return 0;
	case KEY_MAY_CONNECT:
		a->may_connect = arg;
		return 0;
	case KEY_NO_LOCK:
		a->no_lock = true;
		return 0;
	case KEY_TRY_ESCAPE:
		a->try_escape = true;
		return 0;
	case KEY_CONTROL:
		a->control_fd = atoi(arg);
		return 0;
	case KEY_NOTICE:
		a->notice = arg;
		return 0;
	case KEY_LIMIT:
		set_limit(a, arg);
		return 0;
	case KEY_LIMITS:
		config_print(stdout);
		exit(0);
	case KEY_LOG:
		set_level(a, arg);
		return 0;
	case ARGP_KEY_ARGS:
		a->urls = state->argv + state->next;
		a->n_urls = state->argc - state->next;
		return 0;
	case ARGP_KEY_END:
		check_all(a);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* argp, in another library, must find it. */
__attribute__((visibility("default"))) const char *argp_program_version =
    "netd (Penstock) " PENSTOCK_VERSION;
static const struct argp argp = { options, parse, "[URL...]",
	"Owns the sockets of a game and relays messages over two pipes.\v"
	"A URL is a listener that is there before any game, such as "
	"ws://*:8080/ or line://127.0.0.1:4000. See netd(8).",
	NULL, NULL, NULL };

/* One look at the clock a turn: a batch of clients shares it. */
static void
look_at_clock(struct netd *n)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	n->now_us = n->clock_base_us + t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

int64_t
netd_now(const struct netd *n)
{
	return n->now_us;
}

/* The loop has waited: what happens now happens at another time. */
static void
on_woken(struct ev_loop *loop, ev_check *w, int events)
{
	(void)loop;
	(void)events;
	look_at_clock(w->data);
	awake_woken(w->data);
}

uint64_t
netd_seed(void)
{
	uint64_t seed = 0;

	while (getrandom(&seed, sizeof(seed), 0) < 0 && errno == EINTR)
		;
	return seed;
}

/*
 * On one core the game ran when it was written to, and has answered: then the
 * loop need not be asked for that, and it leaves in this turn.
 */
static void
hear_answer(struct netd *n)
{
	if (!n->link->wrote || n->stops || n->upgrade.on)
		return;
	look_at_clock(n);
	link_glance(n->link);
}

static void
on_turn(struct ev_loop *loop, ev_prepare *w, int events)
{
	struct netd *n = w->data;

	(void)loop;
	(void)events;
	if (awake_idled(n))
		return;
	n->metrics.turns++;
	look_at_clock(n);
	link_turn(n->link);
	hear_answer(n);
	recover_turn(n->link);
	jobs_turn(n);
	states_turn(n);
	clients_turn(n);
	datagrams_turn(n);
	link_budget(n->link);
	upgrade_turn(n);
	/* Some of these may have told the game something. */
	link_turn(n->link);
	record_turn(n);
	stop_turn(n);
	look_at_clock(n);
	awake_wait(n);
}

static void
netd_init(struct netd *n, const struct config *config)
{
	struct timespec real, mono;

	memset(n, 0, sizeof(*n));
	n->config = *config;
	n->control_fd = n->wait_fd = n->wait_dir_fd = n->tty_fd = -1;
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	n->clock_base_us = (real.tv_sec - mono.tv_sec) * 1000000ll +
			   (real.tv_nsec - mono.tv_nsec) / 1000;
	look_at_clock(n);
	n->began_us = n->now_us;
	n->loop = ev_default_loop(EVFLAG_NOSIGMASK);
	n->link = n->loop ? link_new(n) : NULL;
	n->resolver = n->loop ? resolver_new(n->loop) : NULL;
	if (n->link == NULL || n->resolver == NULL || !clients_init(n)) {
		fprintf(stderr, "netd: cannot start: %s\n", strerror(errno));
		exit(1);
	}
	listen_init(n);
	jobs_init(n);
	stop_init(n);
	awake_init(n);
	ev_check_init(&n->woken, on_woken);
	ev_set_priority(&n->woken, EV_MAXPRI);
	n->woken.data = n;
	ev_check_start(n->loop, &n->woken);
	ev_prepare_init(&n->turn, on_turn);
	n->turn.data = n;
	ev_prepare_start(n->loop, &n->turn);
	clients_hold_input(n);
}

static void
netd_release(struct netd *n)
{
	ev_prepare_stop(n->loop, &n->turn);
	ev_check_stop(n->loop, &n->woken);
	clients_release(n);
	peers_release(n);
	returns_release(n);
	listen_release(n);
	jobs_release(n);
	control_release(n);
	play_release(n);
	operator_release(n);
	crash_release(n);
	record_release(n);
	link_free(n->link);
	journal_pool_release(&n->journal_pool);
	resolver_free(n->resolver);
	lock_release(n);
	ev_loop_destroy(n->loop);
}

/* What a locked netd is to keep, if somebody said. */
static bool
keep(struct netd *n, const struct arguments *a, char *why, size_t size)
{
	char fault[256];

	n->lock.off = a->no_lock;
	n->lock.asked = a->n_may_listen || a->may_connect;
	for (int i = 0; i < a->n_may_listen; i++) {
		if (lock_expect(n, a->may_listen[i], fault, sizeof(fault)))
			continue;
		snprintf(why, size, "--may-listen '%s': %s", a->may_listen[i],
		    fault);
		return false;
	}
	if (a->may_connect == NULL || lock_connects(n, a->may_connect))
		return true;
	snprintf(why, size,
	    "--may-connect '%s': not a list of ports, unix or *",
	    a->may_connect);
	return false;
}

/* As many descriptors as the system lets us have. */
static void
raise_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static void
read_arguments(struct arguments *a, int argc, char **argv)
{
	static char name[] = "netd";

	argp_err_exit_status = EXIT_USAGE;
	if (argc)
		argv[0] = name; /* in front of each line that argp prints */
	a->nowhere = fopen("/dev/null", "we");
	argp_parse(&argp, argc, argv, 0, NULL, a);
	if (a->nowhere)
		fclose(a->nowhere);
}

int
main(int argc, char **argv)
{
	struct arguments a = { .control_fd = -1, .level = IPC_LOG_INFO };
	static struct netd n;
	char why[512];

	ipc_std_open();
	atexit(check_printed);
	config_init(&a.config);
	a.may_listen = calloc((size_t)argc, sizeof(char *));
	if (a.may_listen == NULL)
		return EXIT_TROUBLE;
	read_arguments(&a, argc, argv);
	ipc_log_init("netd", a.level);
	raise_descriptors();
	/* What a journal gave back is soon needed again. */
	mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
	netd_init(&n, &a.config);
	n.notice = a.notice;
	if (!keep(&n, &a, why, sizeof(why)))
		refuse(&a, EXIT_TROUBLE, "%s", why);
	free(a.may_listen);
	for (int i = 0; i < a.n_urls; i++)
		if (listen_open(&n, a.urls[i], -1, why, sizeof(why)) == NULL)
			refuse(&a, EXIT_TROUBLE, "%s", why);
	if (!crash_init(&n, a.crash_dir, why, sizeof(why)) ||
	    !record_begin(&n, a.record, why, sizeof(why)) ||
	    (a.play &&
		!play_begin(&n, a.play, a.n_urls == 0, why, sizeof(why))) ||
	    (a.wait_dir && !control_wait(&n, a.wait_dir, why, sizeof(why))))
		refuse(&a, EXIT_TROUBLE, "%s", why);
	if (a.control_fd >= 0 && !control_inherit(&n, a.control_fd)) {
		fprintf(
		    stderr, "netd: --control %d is no socket\n", a.control_fd);
		return EXIT_TROUBLE;
	}
	if (!operator_listen(&n, a.operator_dir, why, sizeof(why))) {
		/* Only one that was asked for is worth not starting. */
		if (a.operator_dir)
			refuse(&a, EXIT_TROUBLE, "%s", why);
		ipc_log(IPC_LOG_WARN, "no_operator", "why=\"%s\"", why);
	}
	if (a.try_escape)
		return lock_try_escape(&n);
	lock_calls(&n);
	ev_run(n.loop, 0);
	if (!n.link->unsaid)
		ipc_log(IPC_LOG_INFO, "stopped", "status=%d", n.status);
	netd_release(&n);
	return n.status;
}
