/*
 * udp_door.c - who gets to libenet, which would give a slot and six answers to
 * anybody who says CONNECT.
 *
 * The door answers CONNECT itself and remembers nothing: the two numbers of
 * its VERIFY_CONNECT that a client must say back (the sequence number and the
 * time it was sent) are made from the address and a key. Whoever says them
 * back is introduced to libenet by a CONNECT of ours, whose answer the door
 * keeps for itself. From then on only two things differ between what the
 * client and libenet say: what the peer is called, and the session's number.
 *
 * When the client's one acknowledgement is lost, its next word draws a ping
 * with the same numbers in it, no longer than the word.
 */
#include "netd/tr_udp.h"

#include <enet/enet.h>
#include <string.h>

/* A session is known by this number to the client, whatever libenet says. */
#define SESSION 0
/* What any channel of a client has counted to that has just begun. */
#define BEGUN 16
#define THROTTLE_INTERVAL ENET_PEER_PACKET_THROTTLE_INTERVAL

/* Head and first command of a datagram; in the order of the wire. */
struct head {
	uint16_t id;
	uint8_t session;
	bool timed;
	uint16_t time;
	size_t len;
};

static unsigned
get16(const void *p)
{
	const uint8_t *b = p;

	return (unsigned)b[0] << 8 | b[1];
}

static void
put16(void *p, unsigned v)
{
	uint8_t *b = p;

	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static bool
read_head(const uint8_t *bytes, size_t len, struct head *h)
{
	unsigned word;

	if (len < 2)
		return false;
	word = get16(bytes);
	if (word & ENET_PROTOCOL_HEADER_FLAG_COMPRESSED)
		return false;
	h->id = word & ENET_PROTOCOL_MAXIMUM_PEER_ID;
	h->session = (uint8_t)(word >> ENET_PROTOCOL_HEADER_SESSION_SHIFT & 3);
	h->timed = (word & ENET_PROTOCOL_HEADER_FLAG_SENT_TIME) != 0;
	h->len = h->timed ? 4 : 2;
	if (len < h->len + sizeof(ENetProtocolCommandHeader))
		return false;
	h->time = h->timed ? (uint16_t)get16(bytes + 2) : 0;
	return true;
}

static void
write_head(uint8_t *bytes, unsigned id, unsigned session)
{
	unsigned word = get16(bytes) & ENET_PROTOCOL_HEADER_FLAG_MASK;

	put16(bytes, word | session << ENET_PROTOCOL_HEADER_SESSION_SHIFT | id);
}

/* ---- cookies ----------------------------------------------------------------
 */

/* 30 bits of proof, and two for how many channels it has (3: as many). */
static uint32_t
cookie_for(const struct udp_socket *s, const union address *a, unsigned id,
    unsigned channels)
{
	uint64_t h = address_hash(s->key, a, true) + id;
	uint64_t key[2] = { s->key[1], s->key[0] };

	return (uint32_t)siphash(key, &h, sizeof(h)) << 2 | (channels & 3);
}

/* Which acks come first in a datagram, one of them ours: it is taken out, for
 * libenet never sent what it answers. */
static bool
take_ack(uint8_t *bytes, size_t *len, const struct head *h, uint32_t cookie,
    uint32_t mask)
{
	const size_t size = sizeof(ENetProtocolAcknowledge);

	for (size_t at = h->len; at + size <= *len; at += size) {
		uint8_t *b = bytes + at;
		uint32_t said = (uint32_t)get16(b + 4) << 16 | get16(b + 6);

		if ((b[0] & ENET_PROTOCOL_COMMAND_MASK) !=
		    ENET_PROTOCOL_COMMAND_ACKNOWLEDGE)
			return false;
		if (b[1] != 0xff || (said & mask) != (cookie & mask))
			continue;
		memmove(b, b + size, *len - at - size);
		*len -= size;
		return true;
	}
	return false;
}

/* ---- answers to strangers
 * ----------------------------------------------------
 */

static void
answer(
    struct udp_socket *s, const union address *to, const void *bytes, size_t n)
{
	s->netd->metrics.unproven++;
	datagrams_send(s->datagrams, to, bytes, n);
}

/* The head of an answer: whom it is for, and half of the cookie. */
static void
begin(uint8_t *out, unsigned id, uint32_t cookie)
{
	put16(out, ENET_PROTOCOL_HEADER_FLAG_SENT_TIME |
		       SESSION << ENET_PROTOCOL_HEADER_SESSION_SHIFT | id);
	put16(out + 2, cookie & 0xffff);
}

static void
answer_connect(struct udp_socket *s, const union address *from,
    const uint8_t *bytes, size_t len, const struct head *h)
{
	uint8_t out[4 + sizeof(ENetProtocolVerifyConnect)];
	ENetProtocolVerifyConnect v;
	ENetProtocolConnect c;
	uint32_t channels, cookie;

	if (len < h->len + sizeof(c)) {
		s->netd->metrics.datagrams_bad++;
		return;
	}
	memcpy(&c, bytes + h->len, sizeof(c));
	channels = ENET_NET_TO_HOST_32(c.channelCount);
	if (channels == 0 || ENET_NET_TO_HOST_16(c.outgoingPeerID) >=
				 ENET_PROTOCOL_MAXIMUM_PEER_ID)
		return;
	if (channels > UDP_CHANNELS)
		channels = UDP_CHANNELS;
	cookie = cookie_for(
	    s, from, ENET_NET_TO_HOST_16(c.outgoingPeerID), channels);
	memset(&v, 0, sizeof(v));
	v.header.command = ENET_PROTOCOL_COMMAND_VERIFY_CONNECT |
			   ENET_PROTOCOL_COMMAND_FLAG_ACKNOWLEDGE;
	v.header.channelID = 0xff;
	v.header.reliableSequenceNumber =
	    ENET_HOST_TO_NET_16((uint16_t)(cookie >> 16));
	/* It will call us what it calls itself, and so tell us its name. */
	v.outgoingPeerID = c.outgoingPeerID;
	v.incomingSessionID = v.outgoingSessionID = SESSION;
	v.mtu = ENET_HOST_TO_NET_32(ENET_HOST_DEFAULT_MTU);
	v.windowSize = ENET_HOST_TO_NET_32(ENET_PROTOCOL_MAXIMUM_WINDOW_SIZE);
	v.channelCount = ENET_HOST_TO_NET_32(channels);
	v.packetThrottleInterval = c.packetThrottleInterval;
	v.packetThrottleAcceleration = c.packetThrottleAcceleration;
	v.packetThrottleDeceleration = c.packetThrottleDeceleration;
	v.connectID = c.connectID;
	begin(out, ENET_NET_TO_HOST_16(c.outgoingPeerID), cookie);
	memcpy(out + 4, &v, sizeof(v));
	answer(s, from, out, sizeof(out));
}

/* It believes to be connected. If it has just begun its ack was lost, and a
 * ping asks for another; else it knew a netd before this one, and must begin
 * again. Neither is longer than what it said. */
static void
answer_other(struct udp_socket *s, const union address *from,
    const uint8_t *bytes, size_t len, const struct head *h)
{
	const uint8_t *command = bytes + h->len;
	uint32_t cookie = cookie_for(s, from, h->id, UDP_CHANNELS);
	bool begun = get16(command + 2) <= BEGUN;
	uint8_t out[10] = { 0 };

	if (begun && len >= 8) {
		begin(out, h->id, cookie);
		out[4] = ENET_PROTOCOL_COMMAND_PING |
			 ENET_PROTOCOL_COMMAND_FLAG_ACKNOWLEDGE;
		out[5] = 0xff;
		put16(out + 6, cookie >> 16);
		answer(s, from, out, 8);
	} else if (!begun && len >= 10) {
		put16(
		    out, SESSION << ENET_PROTOCOL_HEADER_SESSION_SHIFT | h->id);
		out[2] = ENET_PROTOCOL_COMMAND_DISCONNECT |
			 ENET_PROTOCOL_COMMAND_FLAG_UNSEQUENCED;
		out[3] = 0xff;
		answer(s, from, out, 10);
	}
}

/* ---- introductions
 * ------------------------------------------------------------
 */

/* Say CONNECT to libenet for somebody who has shown the cookie. */
static void
introduce(struct udp_peer *p, unsigned channels)
{
	uint8_t out[4 + sizeof(ENetProtocolConnect)] = { 0 };
	ENetProtocolConnect c;

	memset(&c, 0, sizeof(c));
	c.header.command = ENET_PROTOCOL_COMMAND_CONNECT |
			   ENET_PROTOCOL_COMMAND_FLAG_ACKNOWLEDGE;
	c.header.channelID = 0xff;
	c.header.reliableSequenceNumber = ENET_HOST_TO_NET_16(1);
	c.outgoingPeerID = ENET_HOST_TO_NET_16(p->their_id);
	c.incomingSessionID = c.outgoingSessionID = 0xff;
	c.mtu = ENET_HOST_TO_NET_32(ENET_HOST_DEFAULT_MTU);
	c.windowSize = ENET_HOST_TO_NET_32(ENET_PROTOCOL_MAXIMUM_WINDOW_SIZE);
	c.channelCount = ENET_HOST_TO_NET_32(channels);
	c.packetThrottleInterval = ENET_HOST_TO_NET_32(THROTTLE_INTERVAL);
	c.packetThrottleAcceleration =
	    ENET_HOST_TO_NET_32(ENET_PEER_PACKET_THROTTLE_ACCELERATION);
	c.packetThrottleDeceleration =
	    ENET_HOST_TO_NET_32(ENET_PEER_PACKET_THROTTLE_DECELERATION);
	c.connectID = p->number;
	put16(out, ENET_PROTOCOL_HEADER_FLAG_SENT_TIME |
		       ENET_PROTOCOL_MAXIMUM_PEER_ID);
	put16(out + 2, enet_time_get() & 0xffff);
	memcpy(out + 4, &c, sizeof(c));
	p->entering = true;
	enet_socket_came(p->socket, p->number, out, sizeof(out));
	udp_serve(p->socket);
	/* Libenet has no place for it. */
	if (p->entering)
		udp_peer_free(p);
}

/* Libenet's answer to that: the door takes it and acks it. */
static void
introduced(
    struct udp_peer *p, const uint8_t *bytes, size_t len, const struct head *h)
{
	const uint8_t *command = bytes + h->len;
	ENetProtocolVerifyConnect v;
	uint8_t out[4 + sizeof(ENetProtocolAcknowledge)] = { 0 };

	if ((command[0] & ENET_PROTOCOL_COMMAND_MASK) !=
		ENET_PROTOCOL_COMMAND_VERIFY_CONNECT ||
	    len < h->len + sizeof(v) || !h->timed)
		return;
	memcpy(&v, command, sizeof(v));
	p->slot = ENET_NET_TO_HOST_16(v.outgoingPeerID);
	p->session_in = v.outgoingSessionID;
	p->session_out = v.incomingSessionID;
	p->entering = false;
	put16(out, ENET_PROTOCOL_HEADER_FLAG_SENT_TIME | p->slot);
	write_head(out, p->slot, p->session_in);
	put16(out + 2, enet_time_get() & 0xffff);
	out[4] = ENET_PROTOCOL_COMMAND_ACKNOWLEDGE;
	out[5] = 0xff;
	memcpy(out + 6, &v.header.reliableSequenceNumber, 2);
	memcpy(out + 8, &v.header.reliableSequenceNumber, 2);
	put16(out + 10, h->time);
	enet_socket_came(p->socket, p->number, out, sizeof(out));
}

void
udp_door_knock(
    struct udp_socket *s, const union address *from, uint8_t *bytes, size_t len)
{
	struct netd *n = s->netd;
	struct udp_peer *p;
	struct head h;
	uint32_t cookie;

	if (!guard_pass(
		&s->guard, from, s->url->config.strangers_per_s, n->now_us)) {
		n->metrics.datagrams_over++;
		return;
	}
	if (!read_head(bytes, len, &h)) {
		n->metrics.datagrams_bad++;
		return;
	}
	if (s->listener == NULL || n->accept_paused || n->stops)
		return;
	if (h.id == ENET_PROTOCOL_MAXIMUM_PEER_ID) {
		if ((bytes[h.len] & ENET_PROTOCOL_COMMAND_MASK) ==
		    ENET_PROTOCOL_COMMAND_CONNECT)
			answer_connect(s, from, bytes, len, &h);
		return;
	}
	for (unsigned channels = 1; channels <= UDP_CHANNELS; channels++) {
		cookie = cookie_for(s, from, h.id, channels);
		if (!take_ack(bytes, &len, &h, cookie, UINT32_MAX))
			continue;
		p = udp_peer_new(s, from);
		if (p == NULL)
			return;
		p->their_id = h.id;
		p->cookie = cookie;
		introduce(p, channels);
		p = udp_find(s, from);
		if (p && len > h.len)
			udp_door_in(p, bytes, len);
		return;
	}
	answer_other(s, from, bytes, len, &h);
}

void
udp_door_in(struct udp_peer *p, uint8_t *bytes, size_t len)
{
	struct head h;

	if (p->socket->outgoing) {
		enet_socket_came(p->socket, p->number, bytes, len);
		return;
	}
	if (!read_head(bytes, len, &h) || h.id != p->their_id ||
	    h.session != SESSION) {
		p->socket->netd->metrics.datagrams_bad++;
		return;
	}
	/* However often the door asked, libenet is not to hear of it. */
	while (take_ack(bytes, &len, &h, p->cookie, ~UINT32_C(3)))
		;
	if (len == h.len)
		return;
	write_head(bytes, p->slot, p->session_in);
	enet_socket_came(p->socket, p->number, bytes, len);
}

void
udp_door_out(struct udp_peer *p, uint8_t *bytes, size_t len)
{
	struct head h;

	if (p->socket->outgoing) {
		datagrams_send(p->socket->datagrams, &p->addr, bytes, len);
		return;
	}
	if (!read_head(bytes, len, &h))
		return;
	if (p->enet == NULL) {
		introduced(p, bytes, len, &h);
		return;
	}
	write_head(bytes, h.id, SESSION);
	datagrams_send(p->socket->datagrams, &p->addr, bytes, len);
}
