/*
 * job.c - jobs: what the game begins and what it hears of it.
 *
 * What a job gets is kept until its answer is there, for a netd that takes the
 * place of one that died. The answer is done with in two steps, as all that
 * comes: it arrives, and from then on nobody begins the job again; it is
 * shown, and from then on nobody can cancel it.
 */
#include "gamecore/sched.h"

#include <stdlib.h>
#include <string.h>

struct pending {
	uint64_t number;
	uint64_t owner; /* the session that began it; 0: none */
	bool answered;  /* its event waits to be shown */
	uint32_t len;
	uint8_t bytes[]; /* of its frame */
};

static struct pending *
find(const struct gc_net *net, uint64_t number)
{
	struct conn *c = conns_find(&net->jobs, number);

	return c ? c->bound : NULL;
}

static struct gc_session *
owner_of(const struct gc_net *net, const struct pending *p)
{
	return p->owner ? session_find(net, p->owner) : NULL;
}

static void
forget(struct gc_net *net, struct pending *p)
{
	struct gc_session *s = owner_of(net, p);

	if (s)
		s->jobs--;
	conns_remove(&net->jobs, p->number);
	free(p);
}

/* A new one, in the table; NULL: out of memory. */
static struct pending *
enter(struct gc_net *net, const char *workers, size_t n, const void *bytes,
    size_t len)
{
	struct pending *p = calloc(1, sizeof(*p) + 1 + n + len);
	struct conn *c;

	if (p == NULL)
		return NULL;
	p->number = ++net->n_jobs;
	c = conns_add(&net->jobs, p->number, NULL);
	if (c == NULL) {
		free(p);
		return NULL;
	}
	c->bound = p;
	p->len = (uint32_t)(1 + n + len);
	p->bytes[0] = (uint8_t)n;
	memcpy(p->bytes + 1, workers, n);
	if (len)
		memcpy(p->bytes + 1 + n, bytes, len);
	if (sessions_running(net)) {
		p->owner = net->sessions->running->number;
		net->sessions->running->jobs++;
	}
	return p;
}

static int
put(struct gc_net *net, const struct pending *p)
{
	struct ipc_frame f = { .kind = IPC_JOB,
		.id = p->number,
		.bytes = p->bytes,
		.len = p->len };

	return stream_put(net, &f, NULL);
}

int64_t
gc_job(struct gc_net *net, const char *workers, const void *bytes, size_t len)
{
	size_t n = strlen(workers);
	struct pending *p;
	int r;

	if (n == 0 || n > IPC_WORKERS_NAME_MAX || net->worker[0])
		return net_problem(net, GC_EINVALID,
		    net->worker[0] ? "a worker begins no jobs"
				   : "'%.40s' is no name of workers",
		    workers);
	if (net->failed)
		return net->failed;
	if (len > net->frame_max)
		return net_problem(
		    net, GC_ETOO_LONG, "a job of %zu bytes is too long", len);
	p = enter(net, workers, n, bytes, len);
	if (p == NULL)
		return net_problem(net, GC_ENO_MEMORY, "out of memory");
	r = put(net, p);
	if (r == 0)
		return (int64_t)p->number;
	forget(net, p);
	return r;
}

int
gc_job_cancel(struct gc_net *net, int64_t job)
{
	struct pending *p = find(net, (uint64_t)job);
	struct ipc_frame f = { .kind = IPC_JOB_CANCEL, .id = (uint64_t)job };
	bool answered;

	if (p == NULL)
		return GC_ENOTHING;
	answered = p->answered;
	forget(net, p);
	if (!answered)
		stream_put(net, &f, NULL);
	return 0;
}

/* ---- what comes --------------------------------------------------------- */

bool
job_arrived(struct gc_net *net, const struct ipc_frame *f)
{
	struct pending *p = find(net, f->id);

	if (p && f->kind == IPC_JOB_DONE)
		p->answered = true;
	return p != NULL;
}

bool
job_shown(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev)
{
	struct pending *p = find(net, f->id);

	/* Cancelled since it arrived. */
	if (p == NULL)
		return false;
	ev->job = (int64_t)f->id;
	ev->owner = p->owner;
	ev->status = GC_JOB_NOTE;
	if (f->kind != IPC_JOB_DONE)
		return true;
	ev->status = -(int)f->channel;
	forget(net, p);
	return true;
}

/* ---- sessions ----------------------------------------------------------- */

void
jobs_of_session_end(struct gc_session *s)
{
	struct conns *c = &s->net->jobs;

	for (size_t i = 0; i < c->size && s->jobs;) {
		struct pending *p = c->slots[i].id ? c->slots[i].bound : NULL;

		/* Another may have moved here. */
		if (p && p->owner == s->number)
			gc_job_cancel(s->net, (int64_t)p->number);
		else
			i++;
	}
}

bool
job_deliver(struct gc_net *net, const struct gc_event *ev)
{
	struct gc_session *s = session_find(net, ev->owner);
	struct letter l = { .what = GC_FOR_JOB,
		.from = (uint64_t)ev->job,
		.value = ev->status };

	if (ev->owner == 0)
		return false;
	if (s && s->job_waited == ev->job)
		l.what = FOR_JOB_WAIT;
	if (s && (l.what == GC_FOR_JOB || ev->status != GC_JOB_NOTE) &&
	    session_post(s, &l, ev->text, ev->len) == GC_EFULL)
		gc_log(net, 1,
		    "session '%s' does not read: news of job %lld are lost",
		    s->name, (long long)ev->job);
	return true;
}

ssize_t
gc_job_wait(struct gc_session *s, const char *workers, const void *bytes,
    size_t len, const char **out)
{
	struct gc_wait w = { .what = FOR_JOB_WAIT, .text = "" };
	int64_t job;
	int r;

	if (!sessions_running(s->net) || s->net->sessions->running != s)
		return net_problem(s->net, GC_EINVALID,
		    "session '%s' does not run now", s->name);
	job = gc_job(s->net, workers, bytes, len);
	if (job < 0)
		return (ssize_t)job;
	s->job_waited = job;
	r = session_wait(s, &w, NULL, -1);
	s->job_waited = 0;
	if (r < 0) {
		gc_job_cancel(s->net, job);
		letters_drop(s, FOR_JOB_WAIT);
		return r;
	}
	if (w.value < 0)
		return net_problem(s->net, w.value, "%s", w.text);
	*out = w.text;
	return (ssize_t)w.len;
}

/* ---- a new netd, and the end -------------------------------------------- */

static int
by_age(const void *a, const void *b)
{
	const struct pending *x = *(struct pending *const *)a;
	const struct pending *y = *(struct pending *const *)b;

	return x->number < y->number ? -1 : x->number > y->number;
}

int
jobs_again(struct gc_net *net)
{
	struct conns *c = &net->jobs;
	struct pending **all;
	size_t n = 0;
	int r = 0;

	if (c->used == 0)
		return 0;
	all = calloc(c->used, sizeof(*all));
	if (all == NULL)
		return net_fail(net, GC_ENO_MEMORY, "out of memory");
	for (size_t i = 0; i < c->size; i++)
		if (c->slots[i].id)
			all[n++] = c->slots[i].bound;
	qsort(all, n, sizeof(*all), by_age);
	for (size_t i = 0; i < n && r == 0; i++)
		if (!all[i]->answered)
			r = put(net, all[i]);
	free(all);
	return r;
}

void
jobs_release(struct gc_net *net)
{
	for (size_t i = 0; i < net->jobs.size; i++)
		if (net->jobs.slots[i].id)
			free(net->jobs.slots[i].bound);
	conns_release(&net->jobs);
}
