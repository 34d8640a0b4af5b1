/*
 * enet_socket.c - libenet's layer for sockets, ours instead of its own: it
 * reads what datagram.c took and the door let through, and what it sends goes
 * through the door and out with everything else. So it lives on the same
 * simulated networks, over IPv6 too (its addresses are numbers of ours), and
 * no stray datagram ever reaches it.
 *
 * The dynamic linker finds these names here before it looks into the library.
 * They get no argument of ours, so there is one word of state: whose turn it
 * is. It is set around every call into libenet and means nothing outside.
 */
#include "netd/tr_udp.h"

#include <string.h>

#define OURS __attribute__((visibility("default")))
/* What libenet holds for a descriptor. */
#define SOCKET 1

static struct udp_socket *at_work;

void
enet_socket_use(struct udp_socket *s)
{
	at_work = s;
}

void
enet_socket_came(
    struct udp_socket *s, uint32_t number, const uint8_t *bytes, size_t len)
{
	struct udp_came *c;

	if (s->n_came == UDP_QUEUE && !s->serving)
		udp_serve(s);
	if (s->n_came == UDP_QUEUE || len > sizeof(c->bytes)) {
		s->netd->metrics.datagrams_over++;
		return;
	}
	c = &s->came[s->n_came++];
	c->number = number;
	c->len = (uint16_t)len;
	memcpy(c->bytes, bytes, len);
}

OURS ENetSocket
enet_socket_create(ENetSocketType type)
{
	(void)type;
	return SOCKET;
}

OURS int
enet_socket_bind(ENetSocket socket, const ENetAddress *address)
{
	(void)socket;
	(void)address;
	return 0;
}

OURS int
enet_socket_get_address(ENetSocket socket, ENetAddress *address)
{
	(void)socket;
	(void)address;
	return -1;
}

OURS int
enet_socket_set_option(ENetSocket socket, ENetSocketOption option, int value)
{
	(void)socket;
	(void)option;
	(void)value;
	return 0;
}

OURS int
enet_socket_wait(ENetSocket socket, enet_uint32 *condition, enet_uint32 timeout)
{
	(void)socket;
	(void)timeout;
	*condition = ENET_SOCKET_WAIT_NONE;
	return 0;
}

OURS void
enet_socket_destroy(ENetSocket socket)
{
	(void)socket;
}

OURS int
enet_socket_receive(ENetSocket socket, ENetAddress *address,
    ENetBuffer *buffers, size_t n_buffers)
{
	struct udp_came *c;

	(void)socket;
	if (at_work == NULL || at_work->at_came == at_work->n_came ||
	    n_buffers != 1)
		return 0;
	c = &at_work->came[at_work->at_came++];
	if (c->len > buffers->dataLength)
		return 0;
	memcpy(buffers->data, c->bytes, c->len);
	address->host = c->number;
	address->port = 1;
	return c->len;
}

OURS int
enet_socket_send(ENetSocket socket, const ENetAddress *address,
    const ENetBuffer *buffers, size_t n_buffers)
{
	uint8_t bytes[DATAGRAM_MAX];
	struct udp_peer *p = NULL;
	size_t n = 0;

	(void)socket;
	for (size_t i = 0; i < n_buffers; i++) {
		if (n + buffers[i].dataLength > sizeof(bytes))
			return 0;
		memcpy(bytes + n, buffers[i].data, buffers[i].dataLength);
		n += buffers[i].dataLength;
	}
	if (at_work && address->host - 1 < at_work->host->peerCount)
		p = at_work->numbers[address->host - 1];
	if (p)
		udp_door_out(p, bytes, n);
	return (int)n;
}
