/* links: netd/udp_door.c */
/*
 * Datagrams before the door of udp://, from a stranger and from somebody: no
 * answer is ever longer than its question, and what libenet gets is no longer
 * than what came. Input is a list of datagrams: who, length, bytes.
 */
#include "netd/tr_udp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct netd netd;
static struct listener listener;
static struct url url;
static struct udp_socket s;
static struct udp_peer peer;
static ENetPeer enet;
static size_t question;
static bool there;

void
datagrams_send(
    struct datagrams *d, const union address *to, const void *bytes, size_t n)
{
	(void)d;
	(void)to;
	(void)bytes;
	assert(n <= question);
}

void
enet_socket_came(
    struct udp_socket *to, uint32_t number, const uint8_t *bytes, size_t len)
{
	assert(to == &s && number == 1 && len > 2);
	/* An introduction is ours; anything else came from outside. */
	assert(len <= question || len == 52 || len == 12);
	free(memcpy(malloc(len), bytes, len));
}

void
udp_serve(struct udp_socket *to)
{
	assert(to == &s);
	peer.entering = false;
	peer.enet = &enet;
}

struct udp_peer *
udp_find(const struct udp_socket *in, const union address *a)
{
	(void)in;
	(void)a;
	return there ? &peer : NULL;
}

struct udp_peer *
udp_peer_new(struct udp_socket *in, const union address *a)
{
	memset(&peer, 0, sizeof(peer));
	peer.socket = in;
	peer.addr = *a;
	peer.number = 1;
	there = true;
	return &peer;
}

void
udp_peer_free(struct udp_peer *p)
{
	assert(p == &peer);
	there = false;
}

bool
guard_pass(
    struct guard *g, const union address *a, int64_t per_s, int64_t now_us)
{
	(void)g;
	(void)a;
	(void)per_s;
	(void)now_us;
	return true;
}

/* Known to who makes the corpus: proofs are to be found. */
uint64_t
siphash(const uint64_t key[2], const void *bytes, size_t len)
{
	(void)key;
	(void)bytes;
	return len;
}

uint64_t
address_hash(const uint64_t key[2], const union address *a, bool with_port)
{
	(void)a;
	(void)with_port;
	return key[0];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	union address from = { .in4 = { .sin_family = AF_INET } };

	s.netd = &netd;
	s.listener = &listener;
	s.url = &url;
	there = false;
	while (size >= 2) {
		bool out = data[0] & 1;
		size_t len = data[1];
		uint8_t *exact;

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		question = len;
		exact = malloc(len ? len : 1);
		if (len)
			memcpy(exact, data, len);
		if (!there)
			udp_door_knock(&s, &from, exact, len);
		else if (out)
			udp_door_out(&peer, exact, len);
		else
			udp_door_in(&peer, exact, len);
		free(exact);
		data += len;
		size -= len;
	}
	return 0;
}
