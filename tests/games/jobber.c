/*
 * jobber.c - jobs, for tests that kill whoever does them.
 *
 * A player's line is a job of the workers "hands"; what becomes of it is a
 * line for that player: "N note TEXT", "N done TEXT", "N ERROR why". For the
 * game itself: "many N TEXT" begins so many, "cancel N", "score" how many are
 * over, "nobody" asks workers that there are none of. With --sessions "wait
 *TEXT" is gc_job_wait() and "either TEXT" waits for the job or a line. The
 *worker takes these:
 *
 *	echo TEXT     answer it, and so does what is none of these
 *	count FILE    add a line to a file, answer how often it was tried
 *	die           be killed by it
 *	once FILE     be killed by it, if the file is not there yet
 *	hang          for ever
 *	hangonce FILE the same, if the file is not there yet
 *	note TEXT     two notes, then an answer
 *	bad           say that it cannot be done
 *	big N         an answer of N bytes
 *	slow MS TEXT  answer it so much later
 *	mute          no answer
 */
#include "gamecore/gamecore.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the worker -----------------------------------------------------------
 */

static bool
is_new(const char *file)
{
	int fd = open(file, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static const char *
after(const struct gc_job *job, const char *word)
{
	size_t n = strlen(word);

	return strncmp(job->bytes, word, n) == 0 ? job->bytes + n : NULL;
}

static void
say(struct gc_net *net, const struct gc_job *job, const char *text)
{
	gc_job_done(net, job, text, strlen(text));
}

/* Words that end otherwise than with an answer. */
static bool
is_trouble(struct gc_net *net, const struct gc_job *job)
{
	const char *file;

	if (strcmp(job->bytes, "die") == 0)
		raise(SIGKILL);
	if ((file = after(job, "once ")) && is_new(file))
		raise(SIGSEGV);
	if (strcmp(job->bytes, "hang") == 0 ||
	    ((file = after(job, "hangonce ")) && is_new(file)))
		for (;;)
			pause();
	if (strcmp(job->bytes, "bad") == 0)
		return gc_job_failed(net, job, "I will not") == 0;
	return strcmp(job->bytes, "mute") == 0;
}

static void
answer(struct gc_net *net, const struct gc_job *job)
{
	char text[64];
	const char *p;

	if ((p = after(job, "count "))) {
		int fd = open(p, O_CREAT | O_APPEND | O_WRONLY, 0600);

		if (fd < 0 || write(fd, "x\n", 2) != 2)
			abort();
		close(fd);
		snprintf(text, sizeof(text), "tried %u", job->tried);
		say(net, job, text);
	} else if ((p = after(job, "note "))) {
		gc_job_note(net, job, "one", 3);
		gc_job_note(net, job, p, strlen(p));
		say(net, job, "noted");
	} else if ((p = after(job, "big "))) {
		size_t n = strtoul(p, NULL, 10);
		char *big = malloc(n + 1);

		if (big == NULL)
			abort();
		memset(big, 'b', n);
		gc_job_done(net, job, big, n);
		free(big);
	} else if ((p = after(job, "slow "))) {
		char *end;

		usleep((useconds_t)strtoul(p, &end, 10) * 1000);
		say(net, job, end + (*end == ' '));
	} else {
		p = after(job, "echo ");
		say(net, job, p ? p : job->bytes);
	}
}

static int
work(struct gc_net *net)
{
	struct gc_job job;
	int r;

	while ((r = gc_job_next(net, &job)) > 0)
		if (!is_trouble(net, &job))
			answer(net, &job);
	fprintf(stderr, "worker %ld ends %d\n", (long)getpid(), r);
	return r < 0;
}

/* ---- the game -------------------------------------------------------------
 */

/* What becomes of whose job. */
static struct {
	int64_t job;
	uint64_t conn;
} asked[20000];
static size_t n_asked;
static unsigned n_over; /* that came to an end, each once or not */

static void
begin(struct gc_net *net, uint64_t conn, const char *text, size_t len)
{
	int64_t job = gc_job(net, "hands", text, len);

	if (job < 0)
		gc_printf(net, conn, "no job: %s", gc_problem(net));
	else if (n_asked < sizeof(asked) / sizeof(asked[0])) {
		asked[n_asked].job = job;
		asked[n_asked++].conn = conn;
	}
}

static void
on_message(struct gc_net *net, const struct gc_event *ev)
{
	unsigned n;
	int at = 0;

	if (sscanf(ev->text, "many %u %n", &n, &at) == 1 && at)
		for (unsigned i = 0; i < n; i++)
			begin(
			    net, ev->conn, ev->text + at, ev->len - (size_t)at);
	else if (sscanf(ev->text, "cancel %u", &n) == 1)
		gc_printf(
		    net, ev->conn, "cancel %d", gc_job_cancel(net, (int64_t)n));
	else if (strcmp(ev->text, "score") == 0)
		gc_printf(net, ev->conn, "score %u of %zu", n_over, n_asked);
	else if (strncmp(ev->text, "nobody", 6) == 0) {
		int64_t job = gc_job(net, "nobody", "x", 1);

		asked[n_asked].job = job;
		asked[n_asked++].conn = ev->conn;
	} else
		begin(net, ev->conn, ev->text, ev->len);
}

static void
on_job(struct gc_net *net, const struct gc_event *ev)
{
	size_t i = 0;
	const char *what = ev->status == 0             ? "done"
			   : ev->status == GC_JOB_NOTE ? "note"
						       : NULL;

	while (i < n_asked && asked[i].job != ev->job)
		i++;
	n_over += ev->status != GC_JOB_NOTE;
	if (i == n_asked)
		return;
	if (ev->len > 100)
		gc_printf(net, asked[i].conn, "%" PRId64 " %s %zu bytes",
		    ev->job, what, ev->len);
	else
		gc_printf(net, asked[i].conn, "%" PRId64 " %s %s", ev->job,
		    what ? what : gc_error_text(ev->status), ev->text);
}

static int
play(struct gc_net *net)
{
	struct gc_event ev;
	int r;

	while ((r = gc_next(net, &ev)) == 0 && ev.kind != GC_STOP) {
		if (ev.kind == GC_MESSAGE)
			on_message(net, &ev);
		else if (ev.kind == GC_JOB)
			on_job(net, &ev);
	}
	if (r < 0)
		fprintf(stderr, "jobber: %s\n", gc_problem(net));
	return r < 0;
}

/* ---- the same in sessions --------------------------------------------------
 */

static int
wait_for(struct gc_session *s, const char *text)
{
	const char *out;
	ssize_t n = gc_job_wait(s, "hands", text, strlen(text), &out);

	if (n >= 0)
		return gc_say(s, "answer %s", out);
	if (n == GC_ECLOSED || n == GC_ESTOPPED || n == GC_ECANCELLED)
		return (int)n;
	return gc_say(s, "error %s: %s", gc_error_text((int)n),
	    gc_problem(gc_session_net(s)));
}

/* Whichever comes first: a line, the job's end, or a second. */
static int
either(struct gc_session *s, const char *text)
{
	int64_t job = gc_job(gc_session_net(s), "hands", text, strlen(text));
	struct gc_wait w = { .what = GC_FOR_JOB | GC_FOR_MESSAGE };
	int r;

	if (job < 0)
		return gc_say(s, "no job");
	while (
	    (r = gc_wait(s, &w, 5000)) == GC_FOR_JOB && w.value == GC_JOB_NOTE)
		gc_say(s, "news %.*s", (int)w.len, w.text);
	if (r == GC_FOR_JOB && w.from == (uint64_t)job)
		return gc_say(s, "first the job: %d %s", w.value, w.text);
	if (r == GC_FOR_MESSAGE)
		return gc_say(s, "first a line: %s", w.text);
	return r < 0 ? r : gc_say(s, "odd %d", r);
}

static int
player(struct gc_session *s, void *arg)
{
	char line[256];
	ssize_t r;

	(void)arg;
	while ((r = gc_readline(s, line, sizeof(line))) >= 0) {
		if (strncmp(line, "wait ", 5) == 0)
			r = wait_for(s, line + 5);
		else if (strncmp(line, "either ", 7) == 0)
			r = either(s, line + 7);
		else
			gc_say(s, "what?");
		if (r < 0)
			break;
	}
	return (int)r;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "line://127.0.0.1:0", NULL };
	static const char *const nothing[] = { NULL };
	static struct gc_workers workers[] = {
		{ .name = "hands", .count = 3, .retries = 2, .limit_ms = 1000 },
		{ .name = "broken",
		    .program = "not-there",
		    .arguments = nothing },
		{ .name = NULL },
	};
	long limit = 1000, count = 3;
	bool sessions = false;
	const struct gc_option options[] = {
		{ .name = "sessions",
		    .help = "One session a player",
		    .on = &sessions },
		{ .name = "job-ms",
		    .value = "N",
		    .help = "A job's limit",
		    .number = &limit,
		    .largest = 100000 },
		{ .name = "hands",
		    .value = "N",
		    .help = "Workers",
		    .number = &count,
		    .largest = 100 },
		{ .name = NULL },
	};
	struct gc_start start = { .name = "jobber",
		.about = "Jobs.",
		.listen = listen,
		.options = options,
		.workers = workers };
	struct gc_net *net;
	int status;

	/* The launcher reads this table, too. */
	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], "--job-ms") == 0)
			workers[0].limit_ms = (unsigned)atoi(argv[i + 1]);
		if (strcmp(argv[i], "--hands") == 0)
			workers[0].count = (unsigned)atoi(argv[i + 1]);
	}
	net = gc_open(&start, argc, argv);
	if (net == NULL)
		return gc_explain(&start);
	if (gc_worker(net))
		status = work(net);
	else if (sessions)
		status = gc_serve(net, player, NULL) < 0;
	else
		status = play(net);
	gc_close(net);
	return status;
}
