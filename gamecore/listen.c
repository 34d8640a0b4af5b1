/*
 * listen.c - listeners, and asking netd who somebody is: calls that wait for
 * one answer while everything else stays for gc_next().
 */
#include "gamecore/core.h"

#include <stdlib.h>
#include <string.h>

static struct listener *
find(const struct gc_net *net, int number)
{
	for (size_t i = 0; i < net->n_listeners; i++)
		if (number > 0 && net->listeners[i].number == (uint32_t)number)
			return &net->listeners[i];
	return NULL;
}

/* netd has answered: it has read whatever was said before. */
static void
forget_closed(struct gc_net *net)
{
	for (size_t i = 0; i < net->n_listeners;) {
		if (net->listeners[i].url == NULL)
			net->listeners[i] = net->listeners[--net->n_listeners];
		else
			i++;
	}
}

int
listener_told(struct gc_net *net, const struct ipc_listening *m)
{
	struct listener *more;
	char *url;

	forget_closed(net);
	if (m->error)
		return net_problem(net, GC_ENO_LISTEN, "%s", m->text);
	if (m->listener == 0 || m->listener > INT32_MAX)
		return net_fail(net, GC_EPROTOCOL,
		    "netd's answer LISTENING has listener %u, which is none",
		    m->listener);
	more = realloc(net->listeners, (net->n_listeners + 1) * sizeof(*more));
	if (more)
		net->listeners = more;
	url = strdup(m->url);
	if (more == NULL || url == NULL) {
		free(url);
		return net_problem(net, GC_ENO_MEMORY, "out of memory");
	}
	more[net->n_listeners++] =
	    (struct listener){ .number = m->listener, .url = url };
	return (int)m->listener;
}

void
listeners_release(struct gc_net *net)
{
	for (size_t i = 0; i < net->n_listeners; i++)
		free(net->listeners[i].url);
	free(net->listeners);
	net->listeners = NULL;
	net->n_listeners = 0;
}

int
gc_listen(struct gc_net *net, const char *url)
{
	struct request r = { .kind = IPC_LISTENING };
	struct ipc_listen m;
	int e;

	if (strlen(url) > 2048)
		return net_problem(
		    net, GC_ENO_LISTEN, "cannot listen: the URL is too long");
	/* It may lie in a message, whose place the answer takes. */
	r.url = m.url = strdup(url);
	if (r.url == NULL)
		return net_problem(net, GC_ENO_MEMORY, "out of memory");
	stream_ask(net, &r);
	e = stream_put_msg(net, IPC_LISTEN, r.number, &m);
	if (e < 0)
		stream_forget(net, &r);
	else
		e = stream_await(net, &r);
	free(r.url);
	return e;
}

int
gc_unlisten(struct gc_net *net, int listener)
{
	struct listener *l = find(net, listener);
	struct ipc_frame f = { .kind = IPC_UNLISTEN };

	if (l == NULL || l->url == NULL)
		return net_problem(
		    net, GC_EINVALID, "there is no listener %d", listener);
	f.id = l->number;
	free(l->url);
	l->url = NULL;
	return stream_put(net, &f, NULL);
}

const char *
gc_listening(const struct gc_net *net, int listener)
{
	const struct listener *l = find(net, listener);

	return l && l->url ? l->url : "";
}

int
gc_peer(struct gc_net *net, uint64_t conn, const struct gc_peer **peer)
{
	struct ipc_frame f = { .kind = IPC_INFO, .id = conn };
	struct request r = { .kind = IPC_ANSWER, .number = conn };
	int e;

	if (conns_find(&net->conns, conn) == NULL)
		return net_problem(net, GC_ECLOSED, "that is not open");
	stream_ask(net, &r);
	e = stream_put(net, &f, NULL);
	if (e < 0) {
		stream_forget(net, &r);
		return e;
	}
	e = stream_await(net, &r);
	if (e == 0)
		return net_problem(net, GC_ECLOSED, "it has just closed");
	if (e < 0)
		return e;
	*peer = &net->asked_who.peer;
	return 0;
}
