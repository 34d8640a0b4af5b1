/*
 * workers.c - the pipes of worker processes.
 *
 * The launcher starts them and hands over their pipe ends; netd gives one job
 * at a time and takes the answer. Their bytes are as hostile as a game's: what
 * is not legal ends the worker, and its job counts as one it died of. One that
 * takes too long is named to the launcher, which can kill. Which job is next:
 * jobs.c.
 */
#include "netd/jobs.h"

#include "ipc/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A worker that answers much does not keep netd from its players. */
#define READS_PER_TURN 4

static void
close_both(int in_fd, int out_fd)
{
	if (in_fd >= 0)
		close(in_fd);
	if (out_fd >= 0)
		close(out_fd);
}

void
worker_end(struct worker *w, int error, const char *why)
{
	struct jobs *j = w->of->jobs;
	struct worker **p = &j->all;

	ev_io_stop(w->netd->loop, &w->in_io);
	ev_io_stop(w->netd->loop, &w->out_io);
	ev_timer_stop(w->netd->loop, &w->late);
	close_both(w->in_fd, w->out_fd);
	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	j->n_workers--;
	jobs_lost(w, error, why);
	ipc_reader_release(&w->reader);
	ipc_buf_release(&w->in);
	free(w);
}

/* It died, or must: this is of its own doing. */
static void
died(struct worker *w, int error, const char *why)
{
	ipc_log(IPC_LOG_WARN, "worker_lost",
	    "workers=%s pid=%lld why=\"%s\" job=%llu tried=%u", w->of->name,
	    (long long)w->pid, why,
	    (unsigned long long)(w->job ? w->job->number : 0),
	    w->job ? w->job->tried + 1 : 0);
	w->netd->metrics.worker_deaths++;
	worker_end(w, error, why);
}

/* The same, and it lives still. */
static void
kill_it(struct worker *w, int error, const char *why)
{
	control_say(w->netd, IPC_CONTROL_WORKER_KILL, w->number, 0, why, -1);
	died(w, error, why);
}

/* ---- to it ----------------------------------------------------------------
 */

static void
in_write(struct worker *w)
{
	while (w->in.len) {
		ssize_t n = write(w->in_fd, w->in.data, w->in.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			ipc_buf_clear(&w->in); /* its other pipe says so */
		if (n < 0)
			break;
		ipc_buf_eat(&w->in, (size_t)n);
	}
	if (w->in.len)
		ev_io_start(w->netd->loop, &w->in_io);
	else
		ev_io_stop(w->netd->loop, &w->in_io);
}

static void
on_in(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	in_write(io->data);
}

static bool
say(struct worker *w, const struct ipc_frame *f)
{
	uint8_t *to = ipc_buf_space(&w->in, ipc_frame_size(f->len));

	if (to == NULL)
		return false;
	ipc_frame_lay(to, f);
	ipc_buf_added(&w->in, ipc_frame_size(f->len));
	return true;
}

static void
set_late(struct worker *w, int64_t ms)
{
	ev_timer_stop(w->netd->loop, &w->late);
	if (ms == 0)
		return;
	ev_now_update(w->netd->loop);
	ev_timer_set(&w->late, (double)ms / 1e3, 0.);
	ev_timer_start(w->netd->loop, &w->late);
}

void
worker_give(struct worker *w, struct job *job)
{
	struct ipc_frame now = { .kind = IPC_NOW,
		.id = (uint64_t)netd_now(w->netd) };
	struct ipc_frame work = { .kind = IPC_WORK,
		.id = job->number,
		.channel = (uint16_t)(job->tried > UINT16_MAX ? UINT16_MAX
							      : job->tried),
		.bytes = job->bytes,
		.len = (uint32_t)job->len };

	w->job = job;
	if (!say(w, &now) || !say(w, &work)) {
		kill_it(w, IPC_ERR_NO_MEMORY, "out of memory");
		return;
	}
	set_late(w, w->of->limit_ms);
	in_write(w);
}

/* ---- from it --------------------------------------------------------------
 */

static bool
broke(struct worker *w, const char *why)
{
	kill_it(w, IPC_ERR_CRASHED, why);
	return false;
}

static bool
on_hello(struct worker *w, const struct ipc_frame *f)
{
	char name[] = "netd " PENSTOCK_VERSION;
	struct ipc_welcome answer = { .version = IPC_VERSION,
		.frame_max = (uint32_t)w->reader.max,
		.seed = netd_seed(),
		.now_us = (uint64_t)netd_now(w->netd),
		.netd = name };
	const char *why, *field;
	struct ipc_hello m;
	bool same;

	if (w->greeted || ipc_msg_unpack(f, &m, &why, &field) < 0)
		return broke(w, "its HELLO is not legal");
	same = m.version == IPC_VERSION;
	ipc_msg_release(f->kind, &m);
	if (!same)
		return broke(w, "it is of another version");
	if (ipc_msg_frame(IPC_WELCOME, 0, &answer, &w->in) < 0)
		return broke(w, "out of memory");
	w->greeted = true;
	w->of->stillborn = 0;
	set_late(w, 0);
	in_write(w);
	if (w->retired) {
		worker_end(w, 0, "");
		return false;
	}
	jobs_idle(w);
	return true;
}

static bool
on_worked(struct worker *w, const struct ipc_frame *f)
{
	if (w->job == NULL || f->id != w->job->number ||
	    f->channel > IPC_WORKED_NOTE)
		return broke(w, "it answers what nobody asked");
	if (f->channel == IPC_WORKED_NOTE) {
		jobs_note(w, f->bytes, f->len);
		return true;
	}
	set_late(w, 0);
	jobs_done(w, f->channel == IPC_WORKED_FAILED ? IPC_ERR_FAILED : 0,
	    f->bytes, f->len);
	if (w->retired) {
		worker_end(w, 0, "");
		return false;
	}
	jobs_idle(w);
	return true;
}

/* False: w is no more. */
static bool
frames(struct worker *w)
{
	struct ipc_frame f;
	enum ipc_decoded d;
	bool there = true;

	while (
	    there && (d = ipc_reader_next(&w->reader, &f)) != IPC_NEED_MORE) {
		if (d == IPC_BROKEN)
			return broke(w, "what it says is no frame");
		/* A COMMIT is how the library ends what it writes. */
		if (f.kind == IPC_HELLO)
			there = on_hello(w, &f);
		else if (f.kind == IPC_WORKED && w->greeted)
			there = on_worked(w, &f);
		else if (f.kind != IPC_COMMIT)
			there = broke(w, "it says what no worker says");
	}
	return there;
}

static void
on_out(struct ev_loop *loop, ev_io *io, int events)
{
	struct worker *w = io->data;

	(void)loop;
	(void)events;
	for (int i = 0; i < READS_PER_TURN; i++) {
		size_t room;
		uint8_t *to = ipc_reader_space(&w->reader, &room);
		ssize_t n = to ? read(w->out_fd, to, room) : 0;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			died(w, IPC_ERR_CRASHED, "it died");
			return;
		}
		ipc_reader_filled(&w->reader, (size_t)n);
		if (!frames(w) || (size_t)n < room)
			return;
	}
}

static void
on_late(struct ev_loop *loop, ev_timer *t, int events)
{
	struct worker *w = t->data;
	char why[64];

	(void)loop;
	(void)events;
	/* It may wait for us: nobody reads what it says. */
	if (w->of->jobs->held) {
		set_late(w, w->greeted ? w->of->limit_ms
				       : w->netd->config.handshake_ms);
		return;
	}
	if (w->greeted)
		snprintf(why, sizeof(why), "it took over %lld ms",
		    (long long)w->of->limit_ms);
	else
		snprintf(why, sizeof(why), "it did not say hello");
	kill_it(w, w->greeted ? IPC_ERR_TIMEOUT : IPC_ERR_CRASHED, why);
}

void
workers_hold(struct jobs *j, bool hold)
{
	if (hold == j->held)
		return;
	j->held = hold;
	for (struct worker *w = j->all; w; w = w->next) {
		if (hold)
			ev_io_stop(j->netd->loop, &w->out_io);
		else
			ev_io_start(j->netd->loop, &w->out_io);
	}
}

/* ---- coming ----------------------------------------------------------------
 */

static void
non_blocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void
begin(struct worker *w)
{
	struct netd *n = w->netd;
	struct jobs *j = n->jobs;

	ipc_reader_init(&w->reader, (size_t)n->config.frame_bytes);
	ipc_buf_init(&w->in, 2 * IPC_FRAME_MAX_MAX);
	non_blocking(w->in_fd);
	non_blocking(w->out_fd);
	ev_io_init(&w->in_io, on_in, w->in_fd, EV_WRITE);
	ev_io_init(&w->out_io, on_out, w->out_fd, EV_READ);
	ev_init(&w->late, on_late);
	w->in_io.data = w->out_io.data = w->late.data = w;
	w->next = j->all;
	j->all = w;
	j->n_workers++;
	if (!j->held)
		ev_io_start(n->loop, &w->out_io);
	set_late(w, n->config.handshake_ms);
}

void
worker_attach(struct netd *n, const char *name, uint32_t number, int64_t pid,
    int in_fd, int out_fd)
{
	struct workers *o = workers_find(n, name);
	struct worker *w = NULL;

	if (o && out_fd < 0) {
		o->stillborn++;
		n->jobs->waiting = true;
	} else if (o && n->jobs->n_workers < (size_t)n->config.workers_max) {
		w = calloc(1, sizeof(*w));
	} else {
		ipc_log(IPC_LOG_WARN, "worker_refused",
		    "workers=%s hint=\"limit workers_max, or no such name\"",
		    name);
	}
	if (w == NULL) {
		close_both(in_fd, out_fd);
		return;
	}
	w->of = o;
	w->netd = n;
	w->number = number;
	w->pid = pid;
	w->in_fd = in_fd;
	w->out_fd = out_fd;
	begin(w);
}
