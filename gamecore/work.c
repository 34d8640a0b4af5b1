/*
 * work.c - in a worker: the next job, and its answer.
 *
 * A worker is a struct gc_net on two pipes like a game, but netd says only
 * what time it is and what is to be done. Who starts it: crew.c.
 */
#include "gamecore/core.h"

#include <string.h>

const char *
gc_worker(const struct gc_net *net)
{
	return net->worker[0] ? net->worker : NULL;
}

int
work_arrived(struct gc_net *net, const struct ipc_frame *f)
{
	net->work = (struct work){ .has = true,
		.number = f->id,
		.tried = f->channel,
		.text = stream_text(net, f),
		.len = f->len };
	return net->work.text ? 0
			      : net_fail(net, GC_ENO_MEMORY, "out of memory");
}

static int
answer(struct gc_net *net, uint64_t number, enum ipc_worked how,
    const void *bytes, size_t len)
{
	struct ipc_frame f = { .kind = IPC_WORKED,
		.id = number,
		.channel = (uint16_t)how,
		.bytes = bytes,
		.len = (uint32_t)len };
	int r;

	if (!net->work.has || net->work.number != number)
		return net_problem(
		    net, GC_EINVALID, "this job is answered already");
	if (len > net->frame_max)
		return net_problem(net, GC_ETOO_LONG,
		    "an answer of %zu bytes is too long", len);
	r = stream_put(net, &f, NULL);
	if (r < 0)
		return r;
	if (how != IPC_WORKED_NOTE)
		net->work.has = false;
	return stream_commit(net, true);
}

int
gc_job_done(
    struct gc_net *net, const struct gc_job *job, const void *bytes, size_t len)
{
	return answer(net, job->number, IPC_WORKED_DONE, bytes, len);
}

int
gc_job_failed(struct gc_net *net, const struct gc_job *job, const char *why)
{
	return answer(net, job->number, IPC_WORKED_FAILED, why, strlen(why));
}

int
gc_job_note(
    struct gc_net *net, const struct gc_job *job, const void *bytes, size_t len)
{
	return answer(net, job->number, IPC_WORKED_NOTE, bytes, len);
}

int
gc_job_next(struct gc_net *net, struct gc_job *job)
{
	static const char none[] = "the worker gave no answer";
	struct ipc_frame f;
	int r = 0;

	if (!net->worker[0])
		return net_problem(net, GC_EINVALID, "this is no worker");
	if (net->work.has)
		answer(net, net->work.number, IPC_WORKED_FAILED, none,
		    sizeof(none) - 1);
	while (!net->work.has && r == 0) {
		r = stream_take(net, &f);
		if (r == 0)
			r = kind_arrive(net, &f);
	}
	/* netd closed our pipe, which says that there is no more to do. */
	if (r < 0)
		return r == GC_ENETD_GONE ? 0 : r;
	*job = (struct gc_job){ .number = net->work.number,
		.bytes = net->work.text,
		.len = net->work.len,
		.tried = net->work.tried };
	return 1;
}
