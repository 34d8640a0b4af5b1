/*
 * datagram.h - a UDP socket with many peers: what arrives in one call comes
 * in one call, what is sent in a turn leaves in one, and a bad network made
 * up from a seed may be between (loss, dup, reorder, delay, jitter, rate; all
 * real here: nothing is repaired).
 *
 * Who uses a socket never sees a system call. Nothing that a peer sends can
 * end it: errors of the socket are counted and forgotten. Peers are found by
 * address in a table whose hash is keyed, so nobody can aim at one chain.
 */
#ifndef NETD_DATAGRAM_H
#define NETD_DATAGRAM_H

#include "netd/netd.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest that is taken and the longest that is sent, in bytes. */
#define DATAGRAM_MAX 2048

/* So many come and go in one call of the system. */
#define DATAGRAM_BATCH 64

struct datagrams;

/* What a user does; each is called with arg. */
struct datagram_use {
	/* NULL, or: n are there, and got() is called for each of them next,
	 * mostly with a from out of these; a view until then. A time to fetch
	 * what is known of them from memory. */
	void (*batch)(void *arg, const union address *from, size_t n);
	/* One arrived. bytes are a view for this call and may be changed. */
	void (*got)(
	    void *arg, const union address *from, uint8_t *bytes, size_t len);
	/* The turn ends: what is to be sent now is sent now. */
	void (*turn)(void *arg);
	/* NULL, or for a socket that is connected to one peer: nobody is there
	 * (ICMP, an errno). Called at a turn's end. */
	void (*nobody)(void *arg, int error);
};

/*
 * A socket, fd taken, and its bad network, which may be NULL. Owned
 * (datagrams_free() it). NULL: out of memory, and fd is closed.
 */
struct datagrams *datagrams_new(struct netd *n, int fd, const struct bad *bad,
    const struct datagram_use *use, void *arg);
void datagrams_free(struct datagrams *d);
int datagrams_fd(const struct datagrams *d);
/* Send at the turn's end; copied. What the socket does not take is lost. */
void datagrams_send(
    struct datagrams *d, const union address *to, const void *bytes, size_t n);
/* What part of the room for what comes is taken, 0 to 1: how far behind we are
 * with reading. */
double datagrams_backlog(const struct datagrams *d);
/* End of a turn: all sockets of netd. */
void datagrams_turn(struct netd *n);

/*
 * How a message waits in a client's queue for a wire that sends datagrams:
 * u32 length in our own order, u8 class, bytes. The slots encode and encode_max
 * of such a transport.
 */
#define DATAGRAM_MARK 5
size_t datagram_encode_max(size_t len);
size_t datagram_encode(bool outgoing, unsigned flags, const uint8_t *bytes,
    size_t len, uint8_t *out);

/* ---- addresses ----------------------------------------------------------- */

/* SipHash-2-4 of len bytes under a key. */
uint64_t siphash(const uint64_t key[2], const void *bytes, size_t len);
/* Of an address, with its port or without. */
uint64_t
address_hash(const uint64_t key[2], const union address *a, bool with_port);
bool address_same(const union address *a, const union address *b);

/* ---- what one address may do before it is known ---------------------------
 */

/* Token buckets by keyed hash: a fixed number, however many addresses. */
#define GUARD_SLOTS 4096
struct guard {
	uint64_t key[2];
	struct guard_slot {
		uint32_t tag;
		float tokens;
		int64_t at_us;
	} slots[GUARD_SLOTS];
};

void guard_init(struct guard *g);
/* May this address (whatever its port) have one more datagram looked at? */
bool guard_pass(
    struct guard *g, const union address *a, int64_t per_s, int64_t now_us);

#endif
