/*
 * client.c - a client's life: connecting or handshake, playing, leaving, gone.
 *
 * The one way out is client_close() (flush, goodbye, then the line) or
 * client_abort() (the peer is gone). Both tell the game CLOSED at once and
 * free nothing: clients_turn() does, so no callback returns into a freed
 * client. Next: client_in.c and client_out.c for its bytes, clients.c for all
 * of them.
 */
#include "netd/event.h"
#include "netd/netd.h"
#include "netd/state.h"

#include "ipc/log.h"
#include "netd/mccp.h"
#include "netd/resume.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

struct client *
client_new(struct netd *n, const struct transport *t, const struct wire *w,
    int fd, struct url *url)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->netd = n;
	c->link = n->link;
	c->transport = t;
	c->wire = w;
	c->fd = fd;
	c->url = url_hold(url);
	c->id = ++n->last_id;
	c->phase = HANDSHAKE;
	c->since_us = c->moved_us = netd_now(n);
	if (!clients_add(n, c)) {
		url_drop(c->url);
		free(c);
		return NULL;
	}
	clients_list(c, false);
	return c;
}

struct rare *
client_rare(struct client *c)
{
	if (c->rare)
		return c->rare;
	c->rare = calloc(1, sizeof(*c->rare));
	if (c->rare) {
		ipc_buf_init(&c->rare->tag, IPC_TAG_MAX);
		c->rare->tokens = (double)c->url->config.burst;
		c->rare->tokens_us = netd_now(c->netd);
	}
	return c->rare;
}

static void
set_phase(struct client *c, enum phase phase)
{
	c->phase = (uint8_t)phase;
	c->since_us = netd_now(c->netd);
}

void
client_start(struct client *c)
{
	int r;

	set_phase(c, HANDSHAKE);
	r = c->transport->start ? c->transport->start(c) : 0;
	if (r < 0)
		client_abort(c, (unsigned)-r, "");
	else if (c->transport->start == NULL)
		client_open(c);
	client_watch(c);
}

/* ---- telling the game ---------------------------------------------------- */

static char *
or_empty(char *s)
{
	static char empty[1] = "";

	return s ? s : empty;
}

/* Strings of a handshake cannot be const in a tpl struct. */
static char *
word(const char *s)
{
	return (char *)(uintptr_t)s;
}

static uint32_t
peer_uid(const struct client *c)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (!c->transport->is_unix ||
	    getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return UINT32_MAX;
	return cred.uid;
}

void
client_tell(struct client *c, uint64_t request, unsigned state)
{
	static struct peer nobody;
	struct peer *p = c->peer ? c->peer : &nobody;
	char peer[128], local[128] = "unix";
	const struct listener *l = c->url->listener;
	int fd = c->fd < 0 && l ? l->fd : c->fd;
	union address here = { 0 }, there = client_address(c);
	socklen_t len = sizeof(here);
	struct ipc_opened m = {
		.listener = l ? l->number : 0,
		.request = request,
		.state = (uint8_t)state,
		.from_address = address_conns(c),
		.uid = peer_uid(c),
		.transport = word(c->transport->name),
		.peer = peer,
		.local = local,
		.real = or_empty(p->real),
		.path = or_empty(p->path),
		.query = or_empty(p->query),
		.origin = or_empty(p->origin),
		.cookies = or_empty(p->cookies),
		.subprotocol = or_empty(p->subprotocol),
		.columns = p->columns,
		.rows = p->rows,
		.terminal = or_empty(p->terminal),
		.tag = { c->rare ? c->rare->tag.data : NULL,
		    c->rare ? (uint32_t)c->rare->tag.len : 0 },
	};

	address_print(&there, peer, sizeof(peer));
	if (c->transport->is_tty) {
		snprintf(peer, sizeof(peer), "tty");
		snprintf(local, sizeof(local), "tty");
	}
	/* Without a descriptor of its own it came to the listener's. */
	if (fd >= 0 && getsockname(fd, &here.sa, &len) == 0)
		address_print(&here, local, sizeof(local));
	link_up_msg(c->link, IPC_OPENED, c->id, &m);
	if (request == IPC_REQUEST_INFO)
		return;
	c->opened_at = c->link->journal.position;
	terminal_tell(c);
}

void
client_open(struct client *c)
{
	assert(c->phase == HANDSHAKE);
	set_phase(c, PLAYING);
	peer_share(c);
	clients_list(c, true);
	if (!group_join(c->link, 0, c)) {
		client_abort(c, IPC_REASON_NO_MEMORY, "");
		return;
	}
	/* A fresh game is told of everybody who is there; a dead one that will
	 * be woken finds it in its journal. */
	if (c->link->phase != LINKED && !recover_parks(c->link)) {
		state_opened(c);
		return;
	}
	c->told = true;
	client_tell(c, c->rare ? c->rare->request : 0,
	    c->known ? IPC_RESUMED : IPC_FRESH);
	state_opened(c);
}

void
client_resized(struct client *c, unsigned columns, unsigned rows)
{
	struct peer *p = client_peer(c);
	uint16_t size[2] = { (uint16_t)columns, (uint16_t)rows };

	if (p == NULL || (p->columns == columns && p->rows == rows))
		return;
	p->columns = size[0];
	p->rows = size[1];
	terminal_said(c, IPC_SET_WRAP, size[0]);
	if (c->told)
		link_up(c->link, IPC_RESIZED, c->id, 0, 0, size, sizeof(size));
}

void
client_terminal(struct client *c, const char *text)
{
	struct peer *p = client_peer(c);

	if (p == NULL || (p->terminal && strcmp(p->terminal, text) == 0))
		return;
	free(p->terminal);
	p->terminal = strdup(text);
	if (p->terminal && c->told)
		link_up(c->link, IPC_TERMINAL, c->id, 0, 0, text, strlen(text));
}

void
client_report_drops(struct client *c)
{
	struct rare *r = c->rare;
	struct ipc_dropped m = { 0 };

	if (r == NULL || r->dropped == 0 || !c->told)
		return;
	m.messages = r->dropped;
	m.bytes = r->dropped_bytes;
	r->dropped = 0;
	r->dropped_bytes = 0;
	link_up_msg(c->link, IPC_DROPPED, c->id, &m);
}

/* CLOSED goes up once, and nothing of this client after it. */
static void
tell_closed(struct client *c, unsigned reason, const char *detail)
{
	struct link *l = c->link;
	char text[256];
	bool failed =
	    c->outgoing && !c->told && !c->forgotten && !resume_is_line(c);

	client_report_drops(c);
	event_forget(c);
	c->reason = (uint8_t)reason;
	c->netd->metrics.closed[reason]++;
	ipc_log(c->told ? IPC_LOG_INFO : IPC_LOG_DEBUG, "closed",
	    "conn=%llu why=%s detail=\"%s\" queued_bytes=%zu",
	    (unsigned long long)c->id, ipc_reason_name(reason),
	    ipc_log_inside(detail, text, sizeof(text)), c->out.bytes);
	if (c->told || failed) {
		link_up(l, IPC_CLOSED, c->id, failed ? IPC_FAILED : 0, reason,
		    detail, strlen(detail));
		c->closed_at = l->journal.position;
	}
	c->told = false;
}

/* ---- the two ways out ---------------------------------------------------- */

void
client_abort(struct client *c, unsigned reason, const char *detail)
{
	if (c->phase == GONE)
		return;
	if (c->phase != LEAVING)
		tell_closed(c, reason, detail);
	set_phase(c, GONE);
	c->netd->queued_bytes -= c->out.bytes;
	outq_clear(&c->out);
	clients_bury(c);
}

void
client_lost(struct client *c, unsigned reason, const char *detail)
{
	if (!resume_lost(c, reason, detail))
		client_abort(c, reason, detail);
}

/* The kernel asked, or sent, and nobody answered; or somebody hung up. */
static unsigned
lost_why(int e)
{
	return e == ETIMEDOUT || e == EHOSTUNREACH || e == ENETUNREACH
		   ? IPC_REASON_TIMEOUT
		   : IPC_REASON_RESET;
}

void
client_failed(struct client *c, int e)
{
	client_lost(c, lost_why(e), strerror(e));
}

void
client_close(struct client *c, unsigned reason, const char *detail)
{
	bool open = c->phase == PLAYING || c->phase == HANDSHAKE;

	if (c->phase >= LEAVING)
		return;
	if (!open || resume_lineless(c)) {
		client_abort(c, reason, detail);
		return;
	}
	tell_closed(c, reason, detail);
	c->linger = c->saw_eof && c->closed_at > 0;
	c->was_playing = c->phase == PLAYING || c->resume;
	set_phase(c, LEAVING);
	clients_list(c, false);
	if (reason == IPC_REASON_SLOW) {
		c->netd->queued_bytes -= c->out.bytes;
		outq_cut(&c->out);
		c->netd->queued_bytes += c->out.bytes;
	}
	if (detail[0] && reason != IPC_REASON_LEFT && client_rare(c))
		c->rare->bye = strdup(detail);
	client_mark(c);
}

void
client_leaves(struct client *c)
{
	client_close(c, IPC_REASON_LEFT, "");
	/* Until the game has taken its CLOSED, answers are on their way. */
	if (c->phase == LEAVING)
		c->linger = c->closed_at > 0;
}

/* The queue is flushed: say goodbye, shut our side, wait for the peer's. */
void
client_leave_on(struct client *c)
{
	const char *text =
	    c->rare && c->rare->bye ? c->rare->bye : ipc_reason_text(c->reason);

	if (c->linger && c->link->phase == LINKED &&
	    c->link->committed < c->closed_at)
		return; /* answers to what it said last are still to come */
	if (!c->said_goodbye) {
		c->said_goodbye = true;
		if (c->reason == IPC_REASON_LEFT)
			text = "";
		c->wait_peer =
		    c->was_playing && c->transport->goodbye &&
		    c->transport->goodbye(c, c->reason, text, strlen(text));
		if (c->out.head) {
			client_flush(c);
			return;
		}
	}
	mccp_end(c);
	if (mccp_waits(c) && (mccp_push(c) == 0 || errno == EAGAIN) &&
	    mccp_waits(c)) {
		client_watch(c);
		return;
	}
	if (c->saw_eof) {
		client_abort(c, c->reason, "");
	} else if (!c->cut && !c->wait_peer) {
		c->cut = true;
		c->wire->shutdown(c);
	}
}

/* ---- epoll --------------------------------------------------------------- */

static void
watch_one(int set, struct client *c, bool *now, bool want, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = c };

	if (*now == want || c->fd < 0)
		return;
	*now = want;
	if (epoll_ctl(set, want ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, c->fd, &e) < 0)
		client_abort(c, IPC_REASON_NO_MEMORY, strerror(errno));
}

void
client_watch(struct client *c)
{
	bool in, out;

	if (c->phase == GONE || (c->resume && c->fd < 0))
		return;
	in = c->phase != CONNECTING && !c->saw_eof && !c->throttled &&
	     !resume_holds(c) &&
	     (!c->wire->wants_read || c->wire->wants_read(c));
	out = c->phase == CONNECTING ||
	      ((c->out.head != NULL || mccp_waits(c)) && !c->wire->wants_read &&
		  (c->resume == NULL || resume_room(c)));
	watch_one(c->netd->in_fd, c, &c->want_read, in, EPOLLIN);
	watch_one(c->netd->out_fd, c, &c->want_write, out, EPOLLOUT);
}

void
client_unwatch(struct client *c)
{
	watch_one(c->netd->in_fd, c, &c->want_read, false, EPOLLIN);
	watch_one(c->netd->out_fd, c, &c->want_write, false, EPOLLOUT);
}
