/*
 * client.c - a client's life: connecting or handshake, playing, leaving, gone.
 *
 * The one way out is client_close() (flush, goodbye, then the line) or
 * client_abort() (the peer is gone). Both tell the game CLOSED at once and
 * free nothing: clients_turn() does, so no callback returns into a freed
 * client. Next: clients.c for all of them, outq.c for the queue.
 */
#include "netd/event.h"
#include "netd/netd.h"
#include "netd/state.h"
#include "netd/talk.h"

#include "ipc/log.h"
#include "netd/mccp.h"
#include "netd/resume.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Beside one message: a head of any protocol, and one more read. */
#define IN_SLACK 1024
/* One client's share of a turn, in bytes out. */
#define FLUSH_MAX (256u << 10)

/* n in decimal, and a character behind it: where that one ends. */
static char *
print_number(char *to, unsigned n, char behind)
{
	char digits[8];
	size_t i = sizeof(digits);

	do
		digits[--i] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	memcpy(to, digits + i, sizeof(digits) - i);
	to += sizeof(digits) - i;
	*to = behind;
	return to + 1;
}

void
address_print(const union address *a, char *out, size_t size)
{
	char ip[INET6_ADDRSTRLEN] = "";

	if (a->sa.sa_family == AF_INET && size >= INET_ADDRSTRLEN + 6) {
		/* Nearly all are such, and each is printed twice. */
		const uint8_t *b = (const uint8_t *)&a->in4.sin_addr;

		for (int i = 0; i < 4; i++)
			out = print_number(out, b[i], i < 3 ? '.' : ':');
		print_number(out, ntohs(a->in4.sin_port), '\0');
	} else if (a->sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a->in4.sin_addr, ip, sizeof(ip));
		snprintf(out, size, "%s:%u", ip, ntohs(a->in4.sin_port));
	} else if (a->sa.sa_family == AF_INET6) {
		const uint8_t *b = a->in6.sin6_addr.s6_addr;

		if (IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
			snprintf(out, size, "%u.%u.%u.%u:%u", b[12], b[13],
			    b[14], b[15], ntohs(a->in6.sin6_port));
		else
			snprintf(out, size, "[%s]:%u",
			    inet_ntop(AF_INET6, b, ip, sizeof(ip)),
			    ntohs(a->in6.sin6_port));
	} else {
		snprintf(out, size, "unix");
	}
}

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
client_put(struct client *c, const union address *a)
{
	struct place *p = &c->place;

	p->family = (uint8_t)a->sa.sa_family;
	if (a->sa.sa_family == AF_INET) {
		memcpy(p->ip, &a->in4.sin_addr, 4);
		p->port = a->in4.sin_port;
	} else if (a->sa.sa_family == AF_INET6) {
		memcpy(p->ip, &a->in6.sin6_addr, 16);
		p->port = a->in6.sin6_port;
	}
}

union address
client_address(const struct client *c)
{
	const struct place *p = &c->place;
	union address a = { .in6 = { .sin6_family = p->family } };

	if (p->family == AF_INET) {
		memcpy(&a.in4.sin_addr, p->ip, 4);
		a.in4.sin_port = p->port;
	} else if (p->family == AF_INET6) {
		memcpy(&a.in6.sin6_addr, p->ip, 16);
		a.in6.sin6_port = p->port;
	}
	return a;
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
	bool failed =
	    c->outgoing && !c->told && !c->forgotten && !resume_is_line(c);

	client_report_drops(c);
	event_forget(c);
	c->reason = (uint8_t)reason;
	c->netd->metrics.closed[reason]++;
	ipc_log(c->told ? IPC_LOG_INFO : IPC_LOG_DEBUG, "closed",
	    "conn=%llu why=%s detail=\"%s\" queued_bytes=%zu",
	    (unsigned long long)c->id, ipc_reason_name(reason), detail,
	    c->out.bytes);
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
static void
leave_on(struct client *c)
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

/* ---- bytes in ------------------------------------------------------------ */

/* Refill and take a token; false: none left, stop reading for a while. */
static bool
take_token(struct client *c)
{
	const struct config *k = &c->url->config;
	struct rare *r;
	int64_t now;

	if (k->messages_per_s == 0)
		return true;
	r = client_rare(c);
	if (r == NULL)
		return true;
	now = netd_now(c->netd);
	r->tokens +=
	    (double)(now - r->tokens_us) * 1e-6 * (double)k->messages_per_s;
	r->tokens_us = now;
	if (r->tokens > (double)k->burst)
		r->tokens = (double)k->burst;
	r->tokens -= 1;
	return r->tokens >= 1;
}

bool
client_got(struct client *c, unsigned flags, const uint8_t *bytes, size_t len)
{
	if (c->resume)
		return resume_got(c, flags, bytes, len);
	return client_take(c, flags, bytes, len);
}

bool
client_take(struct client *c, unsigned flags, const uint8_t *bytes, size_t len)
{
	if (c->phase != PLAYING)
		return c->phase == LEAVING;
	if (ipc_frame_size(len) > c->link->frame_max ||
	    len > (size_t)c->url->config.message_bytes) {
		client_close(c, IPC_REASON_TOO_LONG, "message too long");
		return false;
	}
	if (c->link->talks && !c->outgoing) {
		int more = talk_take(c, flags, bytes, len);

		if (more >= 0)
			return more;
	}
	if (!c->link->schema || !speak_got(c, flags, bytes, len))
		link_up(c->link, IPC_MESSAGE, c->id, flags, 0, bytes, len);
	return client_heard(c);
}

bool
client_heard(struct client *c)
{
	c->heard = true;
	c->netd->metrics.messages_in++;
	if (c->phase != PLAYING)
		return false;
	c->since_us = c->bytes_us;
	if (c->url->config.messages_per_s && !take_token(c)) {
		clients_throttle(c);
		return false;
	}
	return true;
}

bool
client_side(struct client *c, const uint8_t *bytes, size_t len)
{
	if (c->phase != PLAYING || !c->told)
		return c->phase == PLAYING || c->phase == LEAVING;
	if (!speak_side(c, bytes, len))
		link_up(c->link, IPC_SIDE, c->id, 0, 0, bytes, len);
	if (c->phase != PLAYING)
		return false;
	if (!take_token(c)) {
		clients_throttle(c);
		return false;
	}
	return true;
}

/* They wait until more come. False: too many, or no memory. */
static bool
keep(struct client *c, const uint8_t *bytes, size_t len)
{
	const struct config *k = &c->url->config;

	if (c->in == NULL) {
		c->in = malloc(sizeof(*c->in));
		if (c->in == NULL)
			return false;
		ipc_buf_init(
		    c->in, (size_t)(k->message_bytes + k->head_bytes +
				    c->netd->config.read_bytes + IN_SLACK));
	}
	return ipc_buf_add(c->in, bytes, len);
}

void
client_keep_none(struct client *c)
{
	if (c->in == NULL)
		return;
	ipc_buf_release(c->in);
	free(c->in);
	c->in = NULL;
}

/* Give bytes to the codec; what it leaves waits in c->in. */
static void
feed(struct client *c, const uint8_t *p, size_t len)
{
	bool kept = c->in && p == c->in->data && len;
	size_t used = 0;

	while (used < len && c->phase < GONE && !c->throttled &&
	       !resume_holds(c)) {
		ssize_t r = c->transport->feed(c, p + used, len - used);

		if (r < 0 && c->phase == LEAVING) {
			client_abort(c, c->reason, "");
			return;
		}
		if (r < 0) {
			client_close(
			    c, (unsigned)-r, ipc_reason_text((unsigned)-r));
			return;
		}
		if (r == 0)
			break;
		used += (size_t)r;
	}
	if (c->phase == GONE)
		return;
	if (kept)
		ipc_buf_eat(c->in, used);
	else if (used < len && !keep(c, p + used, len - used))
		client_close(c, IPC_REASON_TOO_LONG, "too much unread");
	if (c->in && c->in->len == 0)
		client_keep_none(c);
}

static void
got_eof(struct client *c)
{
	if (resume_lost(c, IPC_REASON_RESET, "the line ended"))
		return;
	c->saw_eof = true;
	client_watch(c);
	if (c->phase == LEAVING)
		client_mark(c);
	else if (c->phase == PLAYING)
		client_close(c, IPC_REASON_LEFT, "");
	else if (c->out.head)
		client_close(c, IPC_REASON_LEFT, ""); /* the answer goes */
	else
		client_abort(c, IPC_REASON_LEFT, "");
}

void
client_feed_kept(struct client *c)
{
	if (c->in)
		feed(c, c->in->data, c->in->len);
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
client_readable(struct client *c)
{
	struct netd *n = c->netd;
	uint8_t *to = n->scratch;
	size_t room = (size_t)n->config.read_bytes;
	ssize_t r;

	if (c->phase == CONNECTING) {
		connect_writable(c);
		return;
	}
	if (c->phase == GONE || c->saw_eof || c->throttled || resume_holds(c))
		return;
	if (n->input_held && c->phase <= PLAYING)
		return;
	if (c->in) {
		if (room > c->in->max - c->in->len)
			room = c->in->max - c->in->len;
		to = room ? ipc_buf_space(c->in, room) : NULL;
		if (to == NULL) {
			client_close(c, IPC_REASON_TOO_LONG, "too much unread");
			return;
		}
	}
	r = c->wire->read(c, to, room);
	if (r < 0) {
		if (errno != EAGAIN && errno != EINTR)
			client_lost(c, lost_why(errno), strerror(errno));
		return;
	}
	if (r == 0) {
		got_eof(c);
		return;
	}
	c->bytes_us = netd_now(n);
	c->pinged = false;
	n->metrics.bytes_in += (uint64_t)r;
	if (to == n->scratch) {
		feed(c, to, (size_t)r);
	} else {
		ipc_buf_added(c->in, (size_t)r);
		feed(c, c->in->data, c->in->len);
	}
}

/* ---- bytes out ----------------------------------------------------------- */

ssize_t
client_write(struct client *c, const void *p, size_t n)
{
	return RARE(c, mccp) ? mccp_write(c, p, n) : c->wire->write(c, p, n);
}

void
client_mark(struct client *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	c->next_dirty = c->netd->dirty;
	c->netd->dirty = c;
}

/* What it has still goes, but when epoll says so and not in this turn. */
static void
client_unmark(struct client *c)
{
	if (c->netd->dirty != c)
		return;
	c->netd->dirty = c->next_dirty;
	c->dirty = false;
}

static void
report_pressure(struct client *c)
{
	const struct config *k = &c->url->config;
	bool high = c->pressed ? c->out.bytes > (size_t)k->soft_bytes / 2
			       : c->out.bytes > (size_t)k->soft_bytes;
	struct ipc_pressure m = { .high = high, .queued_bytes = c->out.bytes };

	if (high == c->pressed || !c->told)
		return;
	c->pressed = high;
	link_up_msg(c->link, IPC_PRESSURE, c->id, &m);
}

void
client_flush(struct client *c)
{
	struct netd *n = c->netd;
	size_t sent = 0;

	if (mccp_waits(c) && mccp_push(c) < 0 && errno != EAGAIN &&
	    errno != EINTR) {
		client_lost(c, lost_why(errno), strerror(errno));
		return;
	}
	while (c->out.head && c->phase < GONE && c->phase > CONNECTING) {
		size_t room =
		    c->resume ? resume_room(c) : (size_t)n->config.read_bytes;
		const uint8_t *p;
		size_t len;
		ssize_t r;

		if (room == 0)
			break;
		p = outq_peek(&c->out, n->scratch, room, &len);
		r = client_write(c, p, len);

		if (r < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (r < 0) {
			client_lost(c, lost_why(errno), strerror(errno));
			return;
		}
		if (c->resume)
			c->resume->sent +=
			    outq_sent(&c->out, (size_t)r, &c->resume->kept);
		else
			outq_sent(&c->out, (size_t)r, NULL);
		n->queued_bytes -= (size_t)r;
		n->metrics.bytes_out += (uint64_t)r;
		c->moved_us = netd_now(n);
		if ((size_t)r < len)
			break;
		if (c->out.head == NULL && c->transport->drained)
			c->transport->drained(c);
		/* A long file for a fast reader: the others come first. */
		sent += (size_t)r;
		if (sent >= FLUSH_MAX && c->wire == &wire_sock) {
			client_unmark(c);
			break;
		}
	}
	if (!outq_settle(&c->out)) {
		client_abort(c, IPC_REASON_NO_MEMORY, "");
		return;
	}
	report_pressure(c);
	client_watch(c);
	if (c->phase == LEAVING && c->out.head == NULL)
		leave_on(c);
}

void
client_writable(struct client *c)
{
	if (c->phase == CONNECTING)
		connect_writable(c);
	else if (c->phase != GONE)
		client_flush(c);
}

void
client_dropped(struct client *c, unsigned messages, size_t bytes)
{
	struct rare *r = messages ? client_rare(c) : NULL;

	if (r) {
		r->dropped += messages;
		r->dropped_bytes += bytes;
	}
}

static void
count_drop(struct client *c, size_t bytes)
{
	client_dropped(c, 1, bytes);
	c->netd->metrics.dropped++;
	c->netd->queued_bytes -= bytes;
}

/* Make room as the classes allow: true if len more bytes fit. */
static bool
make_room(struct client *c, size_t len)
{
	size_t hard = (size_t)c->url->config.hard_bytes, n;
	size_t held = c->resume ? resume_held(c) : 0;
	size_t budget = (size_t)c->netd->config.budget_bytes;

	/* Whoever is away must never stop the game by what waits for them. */
	while (
	    c->out.bytes + held + len > hard ||
	    (resume_lineless(c) && c->netd->queued_bytes + len > budget / 2)) {
		n = outq_drop_oldest(&c->out, IPC_DROPPABLE);
		if (n == 0)
			return false;
		count_drop(c, n);
	}
	return true;
}

/* message: it is one of the game, whole; else bytes of the protocol. */
static void
queue(struct client *c, struct slice *s, size_t off, size_t len, uint8_t class,
    uint16_t key, bool message)
{
	bool (*add)(struct outq *, struct slice *, size_t, size_t, uint8_t,
	    uint16_t) = message && c->resume ? outq_add_whole : outq_add;

	if (class != IPC_LATEST)
		key = 0;
	else
		c->netd->queued_bytes -= outq_replace(&c->out, key);
	/* Answers to one who half closed are the game's, and all go. */
	if (c->phase >= PLAYING && !c->linger && !make_room(c, len)) {
		if (c->phase == LEAVING) {
			/* It asks (pings) and takes nothing. */
			client_abort(c, c->reason, "");
			return;
		}
		if (class == IPC_RELIABLE) {
			client_close(c, IPC_REASON_SLOW, "reads too slowly");
			return;
		}
		c->netd->queued_bytes += len;
		count_drop(c, len);
		return;
	}
	if (c->out.head == NULL)
		c->moved_us = netd_now(c->netd);
	if (!add(&c->out, s, off, len, class, key)) {
		client_abort(c, IPC_REASON_NO_MEMORY, "");
		return;
	}
	c->netd->queued_bytes += len;
	client_mark(c);
}

/*
 * Messages of one turn to one player lie side by side in the arena, and are
 * one piece of its queue: only its length grows.
 */
static inline bool
grow_last(
    struct client *c, struct slice *s, size_t off, size_t len, unsigned class)
{
	struct seg *g = c->out.tail;

	if (g == NULL || g->slice != s || g->off + g->len != off ||
	    g->class != IPC_RELIABLE || class != IPC_RELIABLE || g->whole ||
	    c->resume || c->phase != PLAYING || !c->dirty ||
	    c->out.bytes + len > (size_t)c->url->config.hard_bytes)
		return false;
	g->len += (uint32_t)len;
	c->out.bytes += len;
	c->netd->queued_bytes += len;
	return true;
}

void
client_queue(struct client *c, struct slice *s, size_t off, size_t len,
    uint8_t class, uint16_t key)
{
	if (!grow_last(c, s, off, len, class))
		queue(c, s, off, len, class, key, true);
}

void
client_queue_begun(struct client *c, struct slice *s, size_t off, size_t len)
{
	assert(c->out.head == NULL);
	if (!outq_add(&c->out, s, off, len, IPC_RELIABLE, 0)) {
		client_abort(c, IPC_REASON_NO_MEMORY, "");
		return;
	}
	c->moved_us = netd_now(c->netd);
	c->out.tail->begun = true;
	c->netd->queued_bytes += len;
	client_mark(c);
}

/*
 * Room for bytes that live for this turn: consecutive messages lie side by
 * side in memory that stays hot, and what a socket does not take at the
 * turn's end is moved out (outq_settle).
 */
static struct slice *
arena_new(struct netd *n, size_t len, size_t *off)
{
	if (n->arena)
		slice_drop(n->arena);
	n->arena = slice_new(len > IPC_SLICE ? len : IPC_SLICE);
	n->arena_used = 0;
	*off = 0;
	if (n->arena)
		n->arena->arena = true;
	return n->arena;
}

static inline struct slice *
arena_room(struct netd *n, size_t len, size_t *off)
{
	struct slice *s = n->arena;

	if (s == NULL)
		return arena_new(n, len, off);
	if (s->refs == 1)
		n->arena_used = 0;
	*off = n->arena_used;
	return s->len - n->arena_used >= len ? s : arena_new(n, len, off);
}

void
client_send(struct client *c, unsigned flags, uint16_t key,
    const uint8_t *bytes, size_t len)
{
	struct netd *n = c->netd;
	const struct transport *t = c->transport;
	size_t off = 0, used, max;
	uint32_t looks = c->looks || flags & IPC_MARKUP ? look_of(c, flags) : 0;
	bool resumable = c->resume != NULL;
	unsigned class = flags & IPC_CLASS_MASK;
	struct slice *s;

	if (looks)
		bytes = look_text(n, looks, bytes, &len);
	max = t->encode_max(len);
	if (t->before)
		t->before(c);
	/* What is kept until it is acked must not lie in the arena. */
	s = resumable ? slice_new(max) : arena_room(n, max, &off);
	if (s == NULL) {
		client_abort(c, IPC_REASON_NO_MEMORY, "");
		return;
	}
	used = t->encode(c->outgoing, flags, bytes, len, s->bytes + off);
	n->metrics.messages_out++;
	if (!resumable)
		n->arena_used = off + used;
	if (!grow_last(c, s, off, used, class))
		queue(c, s, off, used, (uint8_t) class, key, true);
	if (t->sent)
		t->sent(c, s->bytes + off, used);
	if (resumable)
		slice_drop(s);
}

bool
client_raw(struct client *c, const void *bytes, size_t len)
{
	size_t off;
	struct slice *s;

	if (c->phase == GONE)
		return false;
	s = arena_room(c->netd, len, &off);
	if (s == NULL)
		return false;
	memcpy(s->bytes + off, bytes, len);
	c->netd->arena_used = off + len;
	queue(c, s, off, len, IPC_RELIABLE, 0, false);
	return c->phase <= LEAVING;
}

bool
client_raw_first(struct client *c, const void *bytes, size_t len)
{
	size_t off;
	struct slice *s;

	if (c->phase == GONE)
		return false;
	/* A peer that asks and asks and takes no answer. */
	if (c->out.bytes + len > 2 * (size_t)c->url->config.hard_bytes) {
		client_close(c, IPC_REASON_SLOW, "reads too slowly");
		return false;
	}
	s = arena_room(c->netd, len, &off);
	if (s == NULL)
		return false;
	memcpy(s->bytes + off, bytes, len);
	c->netd->arena_used = off + len;
	if (c->out.head == NULL)
		c->moved_us = netd_now(c->netd);
	if (!outq_add_first(&c->out, s, off, len)) {
		client_abort(c, IPC_REASON_NO_MEMORY, "");
		return false;
	}
	c->netd->queued_bytes += len;
	client_mark(c);
	return true;
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
