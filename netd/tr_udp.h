/*
 * tr_udp.h - the inside of udp://: libenet's host with our datagrams under it
 * (enet_socket.c), a door before it (udp_door.c), and the clients (tr_udp.c).
 */
#ifndef NETD_TR_UDP_H
#define NETD_TR_UDP_H

#include "netd/datagram.h"

#include <enet/enet.h>

/* What the two ends call their channels. */
enum { UDP_RELIABLE, UDP_SEQUENCED, UDP_UNSEQUENCED, UDP_CHANNELS };

/* Datagrams that wait for libenet's next look; more are lost. */
#define UDP_QUEUE 192

struct udp_socket;

/* Somebody at an address that libenet knows, or is about to. */
struct udp_peer {
	struct udp_socket *socket;
	struct client *c; /* NULL until libenet says that it is connected */
	ENetPeer *enet;   /* likewise */
	union address addr;
	uint32_t number; /* libenet takes it for an IPv4 address */
	/* Entering through the door: the words we said to libenet for it. */
	bool entering;
	int64_t since_us;
	uint16_t their_id;               /* what it calls itself */
	uint16_t slot;                   /* what libenet calls it */
	uint8_t session_in, session_out; /* libenet's */
	uint32_t cookie;
	size_t out_bytes; /* libenet has not sent, or it has not acked */
	/* Messages that came while it may not speak. */
	struct udp_late *late, *last_late;
	size_t late_bytes;
	struct udp_peer *same_hash;
};

struct udp_socket {
	struct netd *netd;
	struct listener *listener; /* NULL: closed, or outgoing */
	struct url *url;
	struct datagrams *datagrams;
	ENetHost *host;
	uint64_t key[2];
	struct guard guard;
	struct udp_peer **table; /* by address */
	size_t table_size, n_peers;
	struct udp_peer **numbers; /* by number - 1 */
	struct udp_peer *outgoing; /* the one of an outgoing connection */
	/* What came and libenet has not read yet. */
	struct udp_came {
		uint32_t number;
		uint16_t len;
		uint8_t bytes[ENET_HOST_DEFAULT_MTU];
	} * came;
	unsigned n_came, at_came;
	bool serving; /* libenet is at work */
	bool due;     /* it is to look at the time */
	ev_timer timer;
};

/* ---- enet_socket.c: what libenet thinks are sockets -------------------------
 */

/* Whatever libenet does until the next call is about this socket; NULL: about
 * none. */
void enet_socket_use(struct udp_socket *s);
/* A datagram for libenet. */
void enet_socket_came(
    struct udp_socket *s, uint32_t number, const uint8_t *bytes, size_t len);

/* ---- udp_door.c
 * -------------------------------------------------------------- */

/* From an address that is nobody's. */
void udp_door_knock(struct udp_socket *s, const union address *from,
    uint8_t *bytes, size_t len);
/* From somebody: as libenet is to see it. */
void udp_door_in(struct udp_peer *p, uint8_t *bytes, size_t len);
/* From libenet to somebody: as it is to see that. */
void udp_door_out(struct udp_peer *p, uint8_t *bytes, size_t len);

/* ---- tr_udp.c
 * ---------------------------------------------------------------- */

const struct wire *tr_udp_wire(void);
struct udp_peer *udp_find(const struct udp_socket *s, const union address *a);
/* NULL: there is no room for it. */
struct udp_peer *udp_peer_new(struct udp_socket *s, const union address *a);
void udp_peer_free(struct udp_peer *p);
/* Let libenet look at what came. */
void udp_serve(struct udp_socket *s);

#endif
