/*
 * replay.c - a recording in netd's place.
 *
 * The stream is the game's whole input, so its recording, fed back, is the
 * game again. This process feeds what went up, and holds what comes down
 * against what came down then, byte for byte; the game is a child and knows
 * of nothing, or under a debugger the other way round.
 *
 * When a run differs while several frames may have done it, a second run feeds
 * those one by one, to name the one. A frame that netd set aside kills the game
 * here too; the run after that feeds what netd put there.
 *
 * A launcher of another kind: like launch.c it forks and waits.
 */
#include "gamecore/replay.h"

#include "ipc/cage.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- one life ---------------------------------------------------------------
 */

static bool
several(const struct run *r)
{
	return r->in_to > r->in_from && r->from == 0 &&
	       (r->result == OTHER || r->result == MORE || r->result == DIED);
}

/*
 * Run until nothing new comes of it. 1: this process is the game. Else *r is
 * the last run, and *deaths counts those that went as recorded.
 */
static int
run_life(struct run *r, struct launched *l, size_t *deaths)
{
	const struct tape *t = r->tape;
	struct run first = *r, next;
	int got;

	for (;;) {
		got = run_once(r, l);
		if (got)
			return got;
		next = first;
		next.paced = false;
		next.aside = r->aside;
		if (several(r)) {
			/* Again, those one by one: which of them is it? */
			next.from = r->in_from;
			next.to = r->in_to;
			got = run_once(&next, l);
			if (got)
				return got;
			if (next.result == r->result &&
			    next.in_from >= r->in_from)
				*r = next;
		}
		if (r->result != DIED)
			return 0;
		if (tape_note(t, r->life, r->in_from, false) &&
		    r->in_from > r->aside) {
			uint64_t aside = r->in_from;

			++*deaths;
			*r = first;
			r->paced = false;
			r->aside = aside;
			continue;
		}
		if (t->lives[r->life - 1].given &&
		    tape_note(t, r->life, r->in_from, true)) {
			++*deaths;
			r->result = FINE;
		}
		return 0;
	}
}

/* The lives to play: from..to. False: said why not. */
static bool
choose(
    const struct options *o, struct tape *t, bool one, size_t *from, size_t *to)
{
	one = one || o->until || o->break_at;
	*from = o->life ? o->life : one ? t->n : 1;
	*to = o->life ? o->life : t->n;
	if (*from == 0 || *from > t->n)
		return tape_problem(
		    t, "it has %zu games, not %" PRIu64, t->n, o->life);
	while (*from < *to && !t->lives[*from - 1].whole)
		++*from;
	while (*to > *from && !t->lives[*to - 1].whole)
		--*to;
	if (!t->lives[*from - 1].whole)
		return tape_problem(t,
		    "it does not begin where the game does: it can be read "
		    "('netctl dump'), not replayed");
	return true;
}

/* 1: this process is the game. */
static int
run_lives(const struct options *o, struct tape *t, struct launched *l,
    struct outcome *out)
{
	size_t from, to, deaths = 0;
	uint64_t up = 0, down = 0;

	if (!choose(o, t, false, &from, &to))
		return -1;
	for (size_t life = from; life <= to; life++) {
		struct run r = { .o = o,
			.tape = t,
			.life = life,
			.paced = o->paced,
			.up = -1,
			.down = -1 };
		int got;

		if (!t->lives[life - 1].whole)
			continue;
		got = run_life(&r, l, &deaths);
		if (got < 0 && !t->problem[0])
			tape_problem(t, "%s", strerror(errno));
		if (got)
			return got;
		up += r.given;
		down += r.heard;
		if (r.result != FINE) {
			outcome_different(out, &r);
			return 0;
		}
	}
	outcome_say(out,
	    "the replay is the same: %" PRIu64 " frames up, %" PRIu64 " down",
	    up, down);
	if (deaths)
		outcome_say(out, ", and %zu death%s as recorded", deaths,
		    deaths == 1 ? "" : "s");
	return 0;
}

/* ---- under a debugger: the game stays in the process that was started ------
 */

static _Noreturn void
feed_and_end(struct run *r, const char *name)
{
	struct outcome out = { .status = SAME };
	struct pollfd err = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[TEXT_MAX + 128];
	int n;

	run_play(r);
	if (r->taken < r->laid && !r->bye)
		r->over = false; /* ended in the debugger */
	else
		run_judge(r);
	if (r->result == FINE && !r->over)
		outcome_say(&out,
		    "the replay was the same until the game ended, with frames "
		    "%" PRIu64 " to %" PRIu64 " up in its hand",
		    r->taken + 1, r->given);
	else if (r->result == FINE)
		outcome_say(&out,
		    "the replay is the same: %" PRIu64 " frames up, %" PRIu64
		    " down",
		    r->given, r->heard);
	else
		outcome_different(&out, r);
	n = snprintf(line, sizeof(line), "%s: %s\n", name, out.text);
	if (poll(&err, 1, 1000) == 1 &&
	    write(STDERR_FILENO, line, (size_t)n) < 0)
		_exit(UNUSABLE);
	_exit(out.status);
}

static bool
replay_traced(struct launched *l, const struct options *o, struct tape *t,
    struct gc_start *start)
{
	struct run r = { .o = o,
		.tape = t,
		.paced = o->paced,
		.aside = o->break_at ? o->break_at - 1 : 0,
		.up = -1,
		.down = -1 };
	struct pipes p;
	pid_t pid;
	size_t to;

	if (!choose(o, t, true, &r.life, &to))
		return false;
	if (!run_seek(&r) || !pipes_open(&p))
		return tape_problem(t, "%s", strerror(errno));
	run_init(&r);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		signal(SIGINT, SIG_IGN); /* that is the debugger's */
		signal(SIGPIPE, SIG_IGN);
		pipes_close_game(&p);
		r.up = p.up_w;
		r.down = p.down_r;
		run_non_blocking(r.up);
		feed_and_end(&r, start->name);
	}
	run_release(&r);
	if (pid < 0) {
		pipes_close_game(&p);
		pipes_close_netd(&p);
		return tape_problem(t, "%s", strerror(errno));
	}
	run_be_game(l, &p, o->break_at);
	return true;
}

/* ---- the way in -------------------------------------------------------------
 */

/* Begin again as the recorded game was begun. Returns if that cannot be. */
static void
start_as_recorded(const struct options *o, const struct ipc_buf *args, size_t n)
{
	size_t argc = 0, at = 0;
	char **argv;

	while (o->argv[argc])
		argc++;
	argv = calloc(argc + n + 1, sizeof(*argv));
	if (argv == NULL)
		return;
	memcpy(argv, o->argv, argc * sizeof(*argv));
	for (size_t i = 0; i < n; i++) {
		argv[argc + i] = (char *)args->data + at;
		at += strlen(argv[argc + i]) + 1;
	}
	execv("/proc/self/exe", argv);
	free(argv);
}

bool
replay(struct launched *l, const struct options *o, struct gc_start *start)
{
	struct outcome out = { .status = SAME };
	struct ipc_buf args;
	struct tape t;
	size_t n = 0;
	bool game = false, ok;
	int got = -1;

	if (o->break_at && !ipc_traced()) {
		options_say(start, 2,
		    "'--break-at' needs a debugger: gdb --args %s --replay %s "
		    "--break-at %" PRIu64,
		    o->argv[0], o->replay, o->break_at);
		return false;
	}
	ipc_buf_init(&args, IPC_RECORDING_TEXT_MAX);
	ok = tape_open(&t, o->replay, &args, &n);
	if (ok && o->bare && n)
		start_as_recorded(o, &args, n);
	signal(SIGPIPE, SIG_IGN);
	if (ok && ipc_traced())
		game = replay_traced(l, o, &t, start);
	else if (ok)
		got = run_lives(o, &t, l, &out);
	game = game || got > 0;
	if (!game && got == 0) {
		outcome_tape(&out, &t);
		options_say(start, out.status, "%s", out.text);
	} else if (!game) {
		options_say(start, UNUSABLE, "cannot replay '%s': %s",
		    o->replay, t.problem);
	}
	ipc_buf_release(&args);
	tape_close(&t);
	return game;
}
