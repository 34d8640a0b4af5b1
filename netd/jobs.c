/*
 * jobs.c - slow work of a game: what is to be done, in which order, and what
 * is said of it.
 *
 * A job comes with the COMMIT of the game's turn, so once, however often the
 * game is killed; it waits for a worker of its name, and what becomes of it is
 * a frame in the journal like any other. A game that is no more has its jobs
 * done all the same: they were said, and only the answers go nowhere. Never
 * touches a pipe: workers.c.
 */
#include "netd/jobs.h"

#include "ipc/log.h"

#include <stdlib.h>
#include <string.h>

/* ---- names ----------------------------------------------------------------
 */

struct workers *
workers_find(const struct netd *n, const char *name)
{
	struct workers *o = n->jobs ? n->jobs->workers : NULL;

	while (o && strcmp(o->name, name) != 0)
		o = o->next;
	return o;
}

void
jobs_declare(
    struct netd *n, const char *name, unsigned retries, int64_t limit_ms)
{
	struct workers *o = workers_find(n, name);

	if (n->jobs == NULL)
		return;
	if (o == NULL) {
		o = calloc(1, sizeof(*o));
		if (o == NULL)
			return;
		snprintf(o->name, sizeof(o->name), "%s", name);
		o->jobs = n->jobs;
		o->end = &o->first;
		o->next = n->jobs->workers;
		n->jobs->workers = o;
	}
	o->retries = retries;
	o->limit_ms = limit_ms > 0 ? limit_ms : 0;
}

/* ---- a job's life ----------------------------------------------------------
 */

static void
unwanted(struct job *job)
{
	if (job->link)
		HASH_DEL(job->link->jobs, job);
	job->link = NULL;
}

/* It is over: the game is told, if it wants to know. */
static void
over(struct netd *n, struct job *job, int error, const void *bytes, size_t len)
{
	struct link *l = job->link;
	static const char too_long[] = "the answer is longer than a frame";

	if (l && ipc_frame_size(len) > l->frame_max) {
		error = IPC_ERR_TOO_LONG;
		bytes = too_long;
		len = sizeof(too_long) - 1;
	}
	unwanted(job);
	if (error)
		n->metrics.jobs_failed++;
	else
		n->metrics.jobs_done++;
	n->n_jobs--;
	n->jobs->bytes -= job->len;
	if (l)
		link_up(l, IPC_JOB_DONE, job->number, 0, (unsigned)-error,
		    bytes, len);
	free(job);
}

static void
fail(struct netd *n, struct job *job, int error, const char *why)
{
	over(n, job, error, why, strlen(why));
}

static void
wait_last(struct workers *o, struct job *job)
{
	job->next = NULL;
	*o->end = job;
	o->end = &job->next;
	o->jobs->waiting = true;
}

static void
wait_first(struct workers *o, struct job *job)
{
	job->next = o->first;
	if (o->first == NULL)
		o->end = &job->next;
	o->first = job;
	o->jobs->waiting = true;
}

static struct job *
take_first(struct workers *o)
{
	struct job *job = o->first;

	o->first = job->next;
	if (o->first == NULL)
		o->end = &o->first;
	return job;
}

/* Why this one cannot wait: an error and a sentence, or 0. */
static int
refusal(const struct netd *n, const struct job *job, const char **why)
{
	*why = "there are no workers of that name";
	if (job->of == NULL)
		return IPC_ERR_INVALID;
	*why = "too many jobs wait (limit jobs_max)";
	if (n->n_jobs > (size_t)n->config.jobs_max)
		return IPC_ERR_LIMIT;
	*why = "too many bytes wait in jobs (limit jobs_bytes)";
	if (n->jobs->bytes > (size_t)n->config.jobs_bytes)
		return IPC_ERR_LIMIT;
	return 0;
}

void
jobs_add(struct link *l, uint64_t number, const char *name,
    const uint8_t *bytes, size_t len)
{
	struct netd *n = l->netd;
	struct job *job = malloc(sizeof(*job) + len);
	const char *why;
	int error;

	if (job == NULL) {
		l->lost = true;
		return;
	}
	jobs_cancel(l, number);
	memset(job, 0, sizeof(*job));
	job->link = l;
	job->number = number;
	job->of = workers_find(n, name);
	job->len = len;
	if (len)
		memcpy(job->bytes, bytes, len);
	HASH_ADD(hh, l->jobs, number, sizeof(job->number), job);
	n->n_jobs++;
	n->jobs->bytes += len;
	error = refusal(n, job, &why);
	if (error)
		fail(n, job, error, why);
	else
		wait_last(job->of, job);
}

/* Off the queue it waits in; false: a worker has it. */
static bool
unqueue(struct job *job)
{
	struct workers *o = job->of;
	struct job **p = &o->first;

	while (*p && *p != job)
		p = &(*p)->next;
	if (*p == NULL)
		return false;
	*p = job->next;
	if (o->end == &job->next)
		o->end = p;
	return true;
}

void
jobs_cancel(struct link *l, uint64_t number)
{
	struct job *job;

	HASH_FIND(hh, l->jobs, &number, sizeof(number), job);
	if (job == NULL)
		return;
	unwanted(job);
	if (unqueue(job))
		fail(l->netd, job, IPC_ERR_CANCELLED, "");
}

void
jobs_disown(struct link *l)
{
	struct job *job, *next;

	HASH_ITER(hh, l->jobs, job, next)
	unwanted(job);
}

/* ---- who does it -----------------------------------------------------------
 */

void
jobs_idle(struct worker *w)
{
	struct worker **p = &w->of->idle;

	while (*p)
		p = &(*p)->next_idle;
	w->next_idle = NULL;
	*p = w;
	w->of->jobs->waiting = true;
}

static struct worker *
take_idle(struct workers *o)
{
	struct worker *w = o->idle;

	o->idle = w->next_idle;
	return w;
}

static void
not_idle(struct worker *w)
{
	struct worker **p = &w->of->idle;

	while (*p && *p != w)
		p = &(*p)->next_idle;
	if (*p)
		*p = w->next_idle;
}

void
jobs_note(struct worker *w, const void *bytes, size_t len)
{
	struct link *l = w->job->link;

	if (l && ipc_frame_size(len) <= l->frame_max)
		link_up(l, IPC_JOB_NOTE, w->job->number, 0, 0, bytes, len);
}

void
jobs_done(struct worker *w, int error, const void *bytes, size_t len)
{
	struct job *job = w->job;

	w->job = NULL;
	over(w->netd, job, error, bytes, len);
}

void
jobs_lost(struct worker *w, int error, const char *why)
{
	struct workers *o = w->of;
	struct netd *n = w->netd;
	struct job *job = w->job;

	not_idle(w);
	if (!w->greeted)
		o->stillborn++;
	o->jobs->waiting = true;
	w->job = NULL;
	if (job == NULL)
		return;
	if (job->tried++ < o->retries && !o->jobs->given_up) {
		n->metrics.jobs_retried++;
		wait_first(o, job);
		return;
	}
	fail(n, job, error, why);
}

/* Will none of its workers ever begin? */
static bool
is_barren(const struct workers *o)
{
	if (o->stillborn < o->jobs->netd->config.worker_deaths_max)
		return false;
	for (const struct worker *w = o->jobs->all; w; w = w->next)
		if (w->of == o && w->greeted)
			return false;
	return true;
}

static void
fail_waiting(struct workers *o, int error, const char *why)
{
	while (o->first)
		fail(o->jobs->netd, take_first(o), error, why);
}

/* Nobody reads the answers now: a game that is behind, or none is there. */
static bool
must_hold(const struct netd *n)
{
	const struct link *l = n->link;
	size_t ahead = (size_t)n->config.ahead_bytes;

	return !n->draining &&
	       (l->phase != LINKED || l->journal.unsent > ahead ||
		   (n->jobs->held && l->journal.unsent > ahead / 2));
}

/* Nothing is left to be done, and nobody comes who would begin it. */
static void
end_workers(struct netd *n)
{
	control_say(n, IPC_CONTROL_NO_WORKERS, 0, 0, "", -1);
	jobs_forget(n);
}

void
jobs_turn(struct netd *n)
{
	struct jobs *j = n->jobs;

	workers_hold(j, must_hold(n));
	if (n->draining && n->n_jobs == 0 && j->workers)
		end_workers(n);
	if (!j->waiting)
		return;
	j->waiting = false;
	for (struct workers *o = j->workers; o; o = o->next) {
		while (o->first && o->idle)
			worker_give(take_idle(o), take_first(o));
		if (o->first && is_barren(o))
			fail_waiting(
			    o, IPC_ERR_CRASHED, "its workers do not start");
	}
}

/* ---- the end ---------------------------------------------------------------
 */

void
jobs_retire(struct netd *n)
{
	struct worker *next;

	for (struct worker *w = n->jobs->all; w; w = next) {
		next = w->next;
		w->retired = true;
		if (w->greeted && w->job == NULL)
			worker_end(w, 0, "");
	}
}

void
jobs_forget(struct netd *n)
{
	struct jobs *j = n->jobs;
	struct workers *o;

	if (j == NULL)
		return;
	for (o = j->workers; o; o = o->next)
		o->retries = 0;
	while (j->all)
		worker_end(j->all, IPC_ERR_CRASHED, "its workers were ended");
	while ((o = j->workers) != NULL) {
		fail_waiting(o, IPC_ERR_CRASHED, "its workers were ended");
		j->workers = o->next;
		free(o);
	}
}

bool
jobs_pending(const struct netd *n)
{
	return n->n_jobs > 0;
}

static void
on_end(struct ev_loop *loop, ev_timer *w, int events)
{
	struct netd *n = w->data;

	(void)loop;
	(void)events;
	if (n->n_jobs)
		ipc_log(IPC_LOG_WARN, "jobs_given_up",
		    "jobs=%zu waited_ms=%lld", n->n_jobs,
		    (long long)n->config.jobs_end_ms);
	n->jobs->given_up = true;
	end_workers(n);
}

void
jobs_finish(struct netd *n)
{
	struct jobs *j = n->jobs;

	if (j == NULL)
		return;
	ev_timer_stop(n->loop, &j->end);
	ev_timer_set(&j->end, (double)n->config.jobs_end_ms / 1e3, 0.);
	ev_timer_start(n->loop, &j->end);
}

void
jobs_init(struct netd *n)
{
	n->jobs = calloc(1, sizeof(*n->jobs));
	if (n->jobs == NULL)
		return;
	n->jobs->netd = n;
	ev_timer_init(&n->jobs->end, on_end, 0., 0.);
	n->jobs->end.data = n;
}

void
jobs_release(struct netd *n)
{
	if (n->jobs == NULL)
		return;
	jobs_forget(n);
	ev_timer_stop(n->loop, &n->jobs->end);
	free(n->jobs);
	n->jobs = NULL;
}
