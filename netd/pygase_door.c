/*
 * pygase_door.c - who speaks first on pygase:// and from where.
 *
 * The protocol has no handshake, but each side says which numbers of the
 * other it has. So our first answers carry numbers that only somebody at that
 * address can know: a sequence and a time_order made from the address and a
 * key. Whoever says them back has proven the address; until then nothing is
 * kept that another stranger could not push out, and the answers together are
 * never longer than what came. The events that came with the first datagrams
 * wait in a slot for the proof, for nobody repeats them.
 *
 * The same for somebody who was in the middle of a game when netd ended: it
 * has seen numbers, so ours are chosen newer than those, and it never notices.
 */
#include "netd/tr_pygase.h"

#include "ipc/log.h"

#include <string.h>

/* What an address said so long ago is forgotten. */
#define SLOT_US 3000000
/* Slots that an address may have. */
#define SLOT_WAYS 4
/* An answer's number may be as old as this many of the stranger's datagrams:
 * 3 s of them. */
#define PROOF_AGE 120
#define ANSWERS 1024
/* Of theirs, between two answers. */
#define ANSWER_EVERY 4
/* Who was sent away is not let in again as one who was here before. */
#define REFUSED_US 6000000
/* Three numbers that far apart: one of them is newer than any. */
#define APART 21845
#define NEWER_MAX 30000

void
pg_door_init(struct pg_door *d)
{
	guard_init(&d->guard);
	d->key[0] = netd_seed();
	d->key[1] = netd_seed();
	for (unsigned i = 0; i < PG_DOOR_SLOTS; i++)
		ipc_buf_init(&d->slots[i].events, PG_DOOR_EVENTS);
}

void
pg_door_release(struct pg_door *d)
{
	for (unsigned i = 0; i < PG_DOOR_SLOTS; i++)
		ipc_buf_release(&d->slots[i].events);
}

static uint64_t
tag_of(const struct pg_door *d, const union address *a)
{
	return address_hash(d->key, a, true) | 1;
}

void
pg_door_refuse(struct pg_door *d, const union address *addr, int64_t now)
{
	uint64_t tag = tag_of(d, addr);
	unsigned i = (unsigned)(tag >> 1) % PG_REFUSED_SLOTS;

	d->refused[i].tag = tag;
	d->refused[i].until_us = now + REFUSED_US;
}

static bool
refused(const struct pg_door *d, uint64_t tag, int64_t now)
{
	unsigned i = (unsigned)(tag >> 1) % PG_REFUSED_SLOTS;

	return d->refused[i].tag == tag && now < d->refused[i].until_us;
}

/* Its slot, one of a few; of these the one that was silent longest is pushed
 * out if need be. Two whose slots are the same never keep each other out. */
static struct pg_door_slot *
slot_of(struct pg_door *d, uint64_t tag, int64_t now)
{
	unsigned set = (unsigned)(tag >> 1) % (PG_DOOR_SLOTS / SLOT_WAYS);
	struct pg_door_slot *all = &d->slots[set * SLOT_WAYS], *s = all;

	for (unsigned i = 0; i < SLOT_WAYS && s->tag != tag; i++)
		if (all[i].tag == tag || all[i].at_us < s->at_us)
			s = &all[i];
	if (s->tag != tag || now - s->at_us > SLOT_US) {
		d->bytes -= s->events.len;
		ipc_buf_release(&s->events);
		memset(s, 0, sizeof(*s));
		ipc_buf_init(&s->events, PG_DOOR_EVENTS);
		s->tag = tag;
	}
	s->at_us = now;
	return s;
}

/* The numbers that an address must say back. */
struct proof {
	uint16_t sequence; /* and on from there, one for each of theirs */
	uint16_t order;
};

static struct proof
proof_for(const struct pg_door *d, const union address *a, bool fresh)
{
	uint64_t key[2] = { d->key[0] ^ (fresh ? 1 : 2), d->key[1] };
	uint64_t h = address_hash(key, a, true);

	/* The first state of a new client must be in the lower half. */
	return (
	    struct proof){ pygase_after(0, 1 + (unsigned)(h & 0xffff) % 65535),
		(uint16_t)(1 + (h >> 16) % (fresh ? 30000 : 65535)) };
}

/* The one of three numbers that is newer than what they have. */
static uint16_t
newer(uint16_t number, uint16_t than)
{
	for (unsigned i = 0; i < 3; i++) {
		uint16_t n = pygase_after(number, i * APART);
		int d = pygase_distance(n, than);

		if (d > 0 && d <= NEWER_MAX)
			return n;
	}
	return number;
}

/* Is this ack our answer to one of its recent datagrams? Then which. */
static bool
answer_of(uint16_t first, const struct pygase_head *h, unsigned *which)
{
	int off = pygase_distance(h->ack, first);

	if (off < 0 || off >= ANSWERS)
		return false;
	*which = (unsigned)off;
	return ((h->sequence - (unsigned)off) & (ANSWERS - 1)) <= PROOF_AGE;
}

static bool
proves(
    struct proof p, bool fresh, const struct pygase_head *h, uint16_t *sequence)
{
	for (unsigned i = 0; i < (fresh ? 1 : 3); i++) {
		uint16_t first = pygase_after(p.sequence, i * APART);
		unsigned which, now = h->sequence & (ANSWERS - 1);

		if (!answer_of(first, h, &which))
			continue;
		/* What follows must be newer than every answer there was. */
		*sequence = pygase_after(first, which > now ? which : now);
		return true;
	}
	return false;
}

static bool
holds(struct proof p, bool fresh, uint16_t order)
{
	for (unsigned i = 0; i < (fresh ? 1 : 3); i++)
		if (pygase_after(p.order, i * APART) == order)
			return true;
	return false;
}

/* Has it said our numbers back? Then where to go on, and whether it was here
 * before. */
static bool
proven(const struct pg_door *d, const union address *from,
    const struct pygase_head *h, uint16_t *sequence, bool *before)
{
	for (int fresh = 0; fresh < 2; fresh++) {
		struct proof p = proof_for(d, from, fresh);

		*before = !fresh;
		if (holds(p, fresh, h->time_order) &&
		    proves(p, fresh, h, sequence))
			return true;
	}
	return false;
}

/* No longer than what it sent, and not to each of its datagrams. */
static void
answer(struct pg_socket *s, const union address *from,
    struct pg_door_slot *slot, const struct pygase_head *h)
{
	bool fresh = h->ack == 0 && h->time_order == 0;
	struct proof p = proof_for(&s->door, from, fresh);
	struct pygase_head out = { .ack = slot->seen.newest,
		.bits = slot->seen.bits };
	uint16_t first = fresh ? p.sequence : newer(p.sequence, h->ack);
	uint8_t bytes[PYGASE_SMALLEST + 2];
	size_t n;

	if (slot->answered &&
	    pygase_distance(h->sequence, slot->answered) < ANSWER_EVERY)
		return;
	out.sequence = pygase_after(first, h->sequence & (ANSWERS - 1));
	out.time_order = fresh ? p.order : newer(p.order, h->time_order);
	n = pygase_smallest(bytes, &out);
	if (slot->in < slot->out + n)
		return;
	slot->out += n;
	slot->answered = h->sequence;
	s->netd->metrics.unproven++;
	datagrams_send(s->datagrams, from, bytes, n);
}

/* What it says waits for its proof. */
static void
keep_events(struct pg_door *d, struct pg_door_slot *slot, const uint8_t *bytes,
    size_t len)
{
	if (slot->events.len + len <= PG_DOOR_EVENTS &&
	    d->bytes + len <= PG_DOOR_BYTES &&
	    ipc_buf_add(&slot->events, bytes, len))
		d->bytes += len;
}

static void
let_in(struct pg_socket *s, const union address *from,
    const struct pygase_head *h, uint16_t sequence, bool before,
    const struct pg_event *events, unsigned count)
{
	uint64_t tag = tag_of(&s->door, from);
	struct pg_door_slot *slot = slot_of(&s->door, tag, s->netd->now_us);
	struct pg_conn *k =
	    pg_conn_new(s, from, sequence, h->time_order, h->time_order);
	const uint8_t *event;
	size_t off = 0, n;

	if (k == NULL)
		return;
	k->p.seen = slot->seen;
	k->adopted = before;
	while (k->c->phase == PLAYING &&
	       pygase_event(
		   slot->events.data, slot->events.len, &off, &event, &n) > 0)
		pg_conn_event(k, event, n);
	slot->tag = 0;
	s->door.bytes -= slot->events.len;
	ipc_buf_release(&slot->events);
	if (k->c->phase == PLAYING)
		pg_conn_take(k, h, events, count);
}

void
pg_door_knock(struct pg_socket *s, const union address *from,
    const uint8_t *bytes, size_t len)
{
	struct netd *n = s->netd;
	int64_t now = n->now_us;
	struct pg_event events[PG_EVENTS_MAX];
	struct pg_door_slot *slot;
	struct pygase_head h;
	uint16_t sequence;
	uint64_t tag;
	bool before;
	int count;

	if (!guard_pass(
		&s->door.guard, from, s->url->config.strangers_per_s, now)) {
		n->metrics.datagrams_over++;
		return;
	}
	count = pygase_read(bytes, len, &h)
		    ? pg_events_read(bytes + PYGASE_CLIENT_HEAD,
			  len - PYGASE_CLIENT_HEAD, events)
		    : -1;
	if (count < 0) {
		n->metrics.datagrams_bad++;
		return;
	}
	if (s->listener == NULL || n->accept_paused || n->stops)
		return;
	tag = tag_of(&s->door, from);
	/* Our numbers would still be good for one who was sent away. */
	if (h.ack && refused(&s->door, tag, now))
		return;
	if (h.ack && proven(&s->door, from, &h, &sequence, &before)) {
		let_in(s, from, &h, sequence, before, events, (unsigned)count);
		return;
	}
	slot = slot_of(&s->door, tag, now);
	slot->in += len;
	if (len > PYGASE_CLIENT_HEAD) {
		if (pygase_look(&slot->seen, h.sequence) != PYGASE_NEW)
			return;
		keep_events(&s->door, slot, bytes + PYGASE_CLIENT_HEAD,
		    len - PYGASE_CLIENT_HEAD);
	}
	/* Seen, and acked by the answer, is only what is kept. */
	if (pygase_see(&slot->seen, h.sequence) == PYGASE_NEW)
		answer(s, from, slot, &h);
}
