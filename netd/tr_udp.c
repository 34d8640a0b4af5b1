/*
 * tr_udp.c - udp://, ENet's protocol: libenet for each listener, one for each
 * outgoing connection. Reliable messages go on channel 0; the newest state
 * (LATEST) on channel 1, where an older one that comes late is dropped; what
 * is not worth waiting for (DROPPABLE) on channel 2, in no order.
 *
 * Libenet is asked once a turn and not for each datagram, for it walks all
 * places each time. udp_door.c stands before it.
 */
#include "netd/tr_udp.h"

#include "netd/speak.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Libenet looks at its clocks this often while anybody is there. */
#define LOOK_S 0.015
/* What libenet may hold of one player's, in either direction. */
#define WINDOW (128u << 10)
/* Without an ack: at least, and at the most. */
#define DEAD_MIN_MS 5000
#define DEAD_MAX_MS 10000
#define SILENT_US 4000000
/* Libenet waits twice as long before each repetition: where a fifth is lost it
 * would give up a player who is there after six of them. Not longer than this,
 * or the line's own round trip. */
#define AGAIN_MAX_MS 1000
/* From the proof to libenet's word that it is connected. */
#define ENTER_US 30000000
#define TABLE 1024

struct udp_late {
	struct udp_late *next;
	size_t len;
	uint8_t bytes[];
};

/* ---- who is there
 * ------------------------------------------------------------ */

static struct udp_peer **
chain(const struct udp_socket *s, const union address *a)
{
	return &s->table[address_hash(s->key, a, true) & (TABLE - 1)];
}

struct udp_peer *
udp_find(const struct udp_socket *s, const union address *a)
{
	struct udp_peer *p = *chain(s, a);

	while (p && !address_same(&p->addr, a))
		p = p->same_hash;
	return p;
}

struct udp_peer *
udp_peer_new(struct udp_socket *s, const union address *a)
{
	struct udp_peer *p, **at;
	uint32_t i = 0;

	while (i < s->host->peerCount && s->numbers[i])
		i++;
	if (i == s->host->peerCount)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	p->socket = s;
	p->addr = *a;
	p->number = i + 1;
	p->since_us = s->netd->now_us;
	s->numbers[i] = p;
	at = chain(s, a);
	p->same_hash = *at;
	*at = p;
	if (s->n_peers++ == 0)
		ev_timer_again(s->netd->loop, &s->timer);
	return p;
}

void
udp_peer_free(struct udp_peer *p)
{
	struct udp_socket *s = p->socket;
	struct udp_peer **at = chain(s, &p->addr);

	while (*at != p)
		at = &(*at)->same_hash;
	*at = p->same_hash;
	s->numbers[p->number - 1] = NULL;
	while (p->late) {
		struct udp_late *l = p->late;

		p->late = l->next;
		free(l);
	}
	free(p);
	if (--s->n_peers == 0)
		ev_timer_stop(s->netd->loop, &s->timer);
}

/* ---- what libenet says
 * --------------------------------------------------------
 */

static void
connected(struct udp_peer *p, ENetPeer *enet)
{
	struct udp_socket *s = p->socket;
	struct netd *n = s->netd;
	struct client *c = p->c;

	p->enet = enet;
	enet->data = p;
	enet_peer_timeout(
	    enet, ENET_PEER_TIMEOUT_LIMIT, DEAD_MIN_MS, DEAD_MAX_MS);
	if (c) { /* it was we who asked */
		connect_forget(c);
		client_start(c);
		return;
	}
	if (n->n_clients < (size_t)n->config.clients_max)
		c = client_new(n, &tr_udp, tr_udp_wire(), -1, s->url);
	if (c == NULL) {
		enet_peer_disconnect_now(enet, IPC_REASON_LIMIT);
		udp_peer_free(p);
		return;
	}
	p->c = c;
	c->codec = p;
	client_put(c, &p->addr);
	n->metrics.accepted++;
	if (address_count(c))
		client_start(c);
	else
		client_abort(c, IPC_REASON_LIMIT, "");
}

static void
disconnected(struct udp_peer *p)
{
	struct client *c = p->c;
	bool silent;

	p->enet = NULL;
	if (c == NULL) {
		udp_peer_free(p);
		return;
	}
	silent =
	    c->phase == CONNECTING || c->netd->now_us - c->bytes_us > SILENT_US;
	client_abort(c, silent ? IPC_REASON_TIMEOUT : IPC_REASON_LEFT, "");
}

/* It comes when the player may speak again. */
static void
keep(struct udp_peer *p, const ENetPacket *packet)
{
	struct client *c = p->c;
	struct udp_late *l;

	if (!(packet->flags & ENET_PACKET_FLAG_RELIABLE)) {
		c->netd->metrics.datagrams_over++;
		return;
	}
	if (p->late_bytes + packet->dataLength >
	    (size_t)c->url->config.hard_bytes) {
		client_close(c, IPC_REASON_LIMIT, "says too much");
		return;
	}
	l = malloc(sizeof(*l) + packet->dataLength);
	if (l == NULL) {
		client_close(c, IPC_REASON_NO_MEMORY, "");
		return;
	}
	l->next = NULL;
	l->len = packet->dataLength;
	memcpy(l->bytes, packet->data, l->len);
	if (p->late)
		p->last_late->next = l;
	else
		p->late = l;
	p->last_late = l;
	p->late_bytes += l->len;
}

static void
received(struct udp_peer *p, const ENetPacket *packet)
{
	struct client *c = p->c;

	if (c == NULL || c->phase != PLAYING)
		return;
	if (packet->dataLength > (size_t)c->url->config.message_bytes)
		client_close(c, IPC_REASON_TOO_LONG, "message too long");
	else if (c->throttled || p->late)
		keep(p, packet);
	else
		client_got(c, IPC_BINARY, packet->data, packet->dataLength);
}

static void
deliver_late(struct udp_peer *p)
{
	while (p->late && p->c->phase == PLAYING && !p->c->throttled) {
		struct udp_late *l = p->late;

		p->late = l->next;
		p->late_bytes -= l->len;
		client_got(p->c, IPC_BINARY, l->bytes, l->len);
		free(l);
	}
}

/* While nobody is read libenet keeps what came, up to the window, and acks no
 * more. */
static void
tell_events(struct udp_socket *s)
{
	ENetEvent ev;

	while (
	    !s->netd->input_held && enet_host_check_events(s->host, &ev) > 0) {
		uint32_t i = ev.peer->address.host - 1;
		struct udp_peer *p =
		    i < s->host->peerCount ? s->numbers[i] : NULL;

		if (p && ev.type == ENET_EVENT_TYPE_CONNECT)
			connected(p, ev.peer);
		else if (p && ev.type == ENET_EVENT_TYPE_DISCONNECT)
			disconnected(p);
		else if (p && ev.type == ENET_EVENT_TYPE_RECEIVE)
			received(p, ev.packet);
		if (ev.type == ENET_EVENT_TYPE_RECEIVE)
			enet_packet_destroy(ev.packet);
	}
}

void
udp_serve(struct udp_socket *s)
{
	s->serving = true;
	enet_socket_use(s);
	/* Again for what the door said to it meanwhile. */
	for (unsigned i = 0; i < 3 && (i == 0 || s->n_came); i++) {
		enet_host_service(s->host, NULL, 0);
		if (s->at_came == s->n_came)
			s->at_came = s->n_came = 0;
	}
	enet_socket_use(NULL);
	s->serving = false;
}

/* ---- the socket
 * ---------------------------------------------------------------- */

static void
socket_got(void *arg, const union address *from, uint8_t *bytes, size_t len)
{
	struct udp_socket *s = arg;
	struct udp_peer *p = udp_find(s, from);

	s->due = true;
	if (p == NULL) {
		udp_door_knock(s, from, bytes, len);
		return;
	}
	if (p->c)
		p->c->bytes_us = s->netd->now_us;
	udp_door_in(p, bytes, len);
}

static void
look_at(struct udp_peer *p)
{
	if (p->late)
		deliver_late(p);
	/* Libenet gave it up before it was there. */
	else if (p->c == NULL && p->enet == NULL &&
		 p->socket->netd->now_us - p->since_us > ENTER_US)
		udp_peer_free(p);
}

static void
socket_turn(void *arg)
{
	struct udp_socket *s = arg;

	if (!s->due)
		return;
	s->due = false;
	udp_serve(s);
	enet_socket_use(s);
	tell_events(s);
	for (size_t i = 0; i < s->host->peerCount; i++)
		if (s->numbers[i])
			look_at(s->numbers[i]);
	enet_host_flush(s->host);
	enet_socket_use(NULL);
}

/*
 * Nobody is at the address. One who is connected may be away for a moment, and
 * such a word can be forged; who has never answered is not there.
 */
static void
socket_nobody(void *arg, int error)
{
	struct udp_socket *s = arg;
	struct udp_peer *p = s->outgoing;
	struct client *c = p ? p->c : NULL;

	if (c == NULL || c->phase != CONNECTING)
		return;
	s->outgoing = NULL;
	c->codec = NULL;
	udp_peer_free(p);
	/* It is in use just now: it goes when the timer looks. */
	ev_timer_again(s->netd->loop, &s->timer);
	connect_failed(c, error);
}

static const struct datagram_use use = {
	.got = socket_got,
	.turn = socket_turn,
	.nobody = socket_nobody,
};

static void
socket_free(struct udp_socket *s)
{
	ev_timer_stop(s->netd->loop, &s->timer);
	enet_socket_use(s);
	if (s->host)
		enet_host_destroy(s->host);
	enet_socket_use(NULL);
	if (s->datagrams)
		datagrams_free(s->datagrams);
	url_drop(s->url);
	free(s->table);
	free(s->numbers);
	free(s->came);
	free(s);
}

static void
repeat_sooner(ENetPeer *p)
{
	enet_uint32 most = p->roundTripTime + 4 * p->roundTripTimeVariance;
	ENetListIterator at = enet_list_begin(&p->sentReliableCommands);

	if (most < AGAIN_MAX_MS)
		most = AGAIN_MAX_MS;
	for (; at != enet_list_end(&p->sentReliableCommands);
	     at = enet_list_next(at)) {
		ENetOutgoingCommand *c = (ENetOutgoingCommand *)(void *)at;

		if (c->roundTripTimeout > most)
			c->roundTripTimeout = most;
	}
}

static void
on_timer(struct ev_loop *loop, ev_timer *t, int events)
{
	struct udp_socket *s = t->data;

	(void)loop;
	(void)events;
	if (s->listener == NULL && s->n_peers == 0) {
		socket_free(s);
		return;
	}
	for (size_t i = 0; i < s->host->peerCount; i++)
		if (s->host->peers[i].state == ENET_PEER_STATE_CONNECTED)
			repeat_sooner(&s->host->peers[i]);
	s->due = true;
}

/* fd is taken. */
static struct udp_socket *
socket_new(struct netd *n, struct url *url, int fd, size_t peers)
{
	struct udp_socket *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		close(fd);
		return NULL;
	}
	s->netd = n;
	s->url = url_hold(url);
	s->table = calloc(TABLE, sizeof(*s->table));
	s->numbers = calloc(peers, sizeof(*s->numbers));
	s->came = calloc(UDP_QUEUE, sizeof(*s->came));
	s->key[0] = netd_seed();
	s->key[1] = netd_seed();
	guard_init(&s->guard);
	ev_timer_init(&s->timer, on_timer, LOOK_S, LOOK_S);
	s->timer.data = s;
	enet_socket_use(s);
	s->host = enet_host_create(NULL, peers, UDP_CHANNELS, 0, 0);
	enet_socket_use(NULL);
	s->datagrams = datagrams_new(n, fd, &url->bad, &use, s);
	if (!s->table || !s->numbers || !s->came || !s->host || !s->datagrams) {
		socket_free(s);
		return NULL;
	}
	s->host->maximumPacketSize = (size_t)url->config.message_bytes;
	s->host->maximumWaitingData =
	    WINDOW + (size_t)url->config.message_bytes;
	return s;
}

static void *
udp_open_socket(struct listener *l, int fd)
{
	struct udp_socket *s =
	    socket_new(l->netd, l->url, fd, (size_t)l->url->config.udp_peers);

	if (s == NULL)
		return NULL;
	s->listener = l;
	/* Many addresses are cheap here: none may have all places. */
	if (l->url->config.address_max == 0)
		l->url->config.address_max = l->url->config.udp_peers / 10 + 1;
	return s;
}

static void
udp_close_socket(void *socket)
{
	struct udp_socket *s = socket;

	s->listener = NULL;
	if (s->n_peers == 0)
		socket_free(s);
}

/* ---- outwards
 * ------------------------------------------------------------------ */

static bool
udp_dial(struct client *c, const union address *to)
{
	int fd = socket(
	    to->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ENetAddress where = { 1, 1 };
	struct udp_socket *s;
	struct udp_peer *p;

	if (fd < 0)
		return false;
	/* So the system tells us if nobody is there. */
	if (connect(fd, &to->sa,
		to->sa.sa_family == AF_INET6 ? sizeof(to->in6)
					     : sizeof(to->in4)) < 0) {
		int e = errno;

		close(fd);
		errno = e;
		return false;
	}
	s = socket_new(c->netd, c->url, fd, 1);
	p = s ? udp_peer_new(s, to) : NULL;
	if (p == NULL) {
		if (s)
			socket_free(s);
		errno = ENOMEM;
		return false;
	}
	p->c = c;
	c->codec = p;
	client_put(c, to);
	c->wire = tr_udp_wire();
	s->outgoing = p;
	s->due = true;
	enet_socket_use(s);
	enet_host_connect(s->host, &where, UDP_CHANNELS, 0);
	enet_socket_use(NULL);
	return true;
}

/* ---- the wire: whole messages become packets
 * -------------------------------------
 */

static ssize_t
udp_read(struct client *c, void *p, size_t n)
{
	(void)c;
	(void)p;
	(void)n;
	errno = EAGAIN;
	return -1;
}

/* Libenet is done with a packet: there is room for another. */
static void
on_packet_freed(ENetPacket *packet)
{
	struct udp_peer *p = packet->userData;

	p->out_bytes -= packet->dataLength;
	if (p->c && p->c->out.head)
		client_mark(p->c);
}

static bool
send_one(struct udp_peer *p, unsigned class, const uint8_t *bytes, size_t len)
{
	static const struct {
		uint8_t channel;
		uint32_t flags;
	} how[] = {
		[IPC_RELIABLE] = { UDP_RELIABLE, ENET_PACKET_FLAG_RELIABLE },
		[IPC_LATEST] = { UDP_SEQUENCED,
		    ENET_PACKET_FLAG_UNRELIABLE_FRAGMENT },
		[IPC_DROPPABLE] = { UDP_UNSEQUENCED,
		    ENET_PACKET_FLAG_UNSEQUENCED |
			ENET_PACKET_FLAG_UNRELIABLE_FRAGMENT },
	};
	ENetHost *host = p->socket->host;
	size_t most = host->maximumPacketSize;
	uint8_t channel = how[class].channel;
	ENetPacket *packet = enet_packet_create(bytes, len, how[class].flags);
	int r;

	if (packet == NULL)
		return false;
	packet->userData = p;
	packet->freeCallback = on_packet_freed;
	p->out_bytes += len;
	if (channel >= p->enet->channelCount)
		channel = 0;
	/* The limit is for what players send. */
	host->maximumPacketSize = IPC_FRAME_MAX_MAX;
	r = enet_peer_send(p->enet, channel, packet);
	host->maximumPacketSize = most;
	if (r < 0)
		enet_packet_destroy(packet);
	return r == 0;
}

static ssize_t
udp_write(struct client *c, const void *bytes, size_t n)
{
	struct udp_peer *p = c->codec;
	const uint8_t *b = bytes;
	size_t used = 0;

	while (p->enet && n - used >= DATAGRAM_MARK && p->out_bytes < WINDOW) {
		uint32_t len;

		memcpy(&len, b + used, 4);
		if (!send_one(p, b[used + 4], b + used + DATAGRAM_MARK, len))
			client_dropped(c, 1, len);
		used += DATAGRAM_MARK + len;
	}
	p->socket->due = true;
	if (used == 0) {
		errno = p->enet ? EAGAIN : ECONNRESET;
		return -1;
	}
	return (ssize_t)used;
}

static void
udp_shutdown(struct client *c)
{
	struct udp_peer *p = c->codec;

	if (p->enet)
		enet_peer_disconnect_later(p->enet, c->reason);
	p->socket->due = true;
}

static void
udp_close_wire(struct client *c)
{
	struct udp_peer *p = c->codec;
	struct udp_socket *s;

	if (p == NULL)
		return;
	c->codec = NULL;
	s = p->socket;
	enet_socket_use(s);
	if (p->enet)
		enet_peer_disconnect_now(p->enet, c->reason);
	enet_socket_use(NULL);
	p->c = NULL;
	udp_peer_free(p);
	if (s->listener == NULL && s->n_peers == 0)
		socket_free(s);
}

static const struct wire wire_udp = {
	.name = "udp",
	.read = udp_read,
	.write = udp_write,
	.shutdown = udp_shutdown,
	.close = udp_close_wire,
};

const struct wire *
tr_udp_wire(void)
{
	return &wire_udp;
}

static void
udp_line(const struct client *c, char *out, size_t size)
{
	const struct udp_peer *p = c->codec;

	if (p == NULL || p->enet == NULL)
		return;
	snprintf(out, size, "rtt_ms=%u loss=%.1f%%", p->enet->roundTripTime,
	    100.0 * p->enet->packetLoss / ENET_PEER_PACKET_LOSS_SCALE);
}

static bool
udp_quality(const struct client *c, struct line_quality *q)
{
	const struct udp_peer *p = c->codec;

	if (p == NULL || p->enet == NULL)
		return false;
	q->rtt_s = p->enet->roundTripTime * 1e-3;
	q->loss = (double)p->enet->packetLoss / ENET_PEER_PACKET_LOSS_SCALE;
	return true;
}

const struct transport tr_udp = {
	.name = "udp",
	.natural = SPEAK_TPL,
	.encode = datagram_encode,
	.fits_frame = true,
	.encode_max = datagram_encode_max,
	.open_socket = udp_open_socket,
	.close_socket = udp_close_socket,
	.dial = udp_dial,
	.line = udp_line,
	.quality = udp_quality,
};
