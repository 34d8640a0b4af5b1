/*
 * tr_pygase.h - the inside of pygase://: a socket with its connections
 * (tr_pygase.c) and the door that strangers stand before (pygase_door.c).
 */
#ifndef NETD_TR_PYGASE_H
#define NETD_TR_PYGASE_H

#include "netd/datagram.h"
#include "netd/event.h"
#include "netd/pygase.h"
#include "netd/pygase_update.h"
#include "netd/state.h"

/* Slots of 5 ms: when a connection is to be looked at. */
#define PG_SLOT_US 5000
#define PG_SLOTS 64

/* A change of state in pieces, shared by all who lack the same. */
struct pg_change {
	unsigned refs;
	bool whole; /* all of it: what was there before is void */
	struct ipc_value *set;
	struct pygase_update update;
};
/* Those of one turn that are kept for the next client. */
#define PG_CHANGES 8
struct pg_changes {
	struct pg_kept {
		struct state_key key;
		struct pg_change *change; /* or NULL: it is no change */
	} kept[PG_CHANGES];
	unsigned n;
};

/* A client's codec. What each datagram looks at comes first, and lies together:
 * with thousands of them nothing of one is in a cache when it speaks again. */
struct pg_conn {
	struct pg_conn *same_hash;
	union address addr;
	uint16_t other_seq; /* see other_us */
	bool adopted; /* it was here before netd began; its state is old */
	bool ready;   /* on the socket's list for this turn */
	bool closing; /* goes when its events are acked */
	bool news;    /* of the state */
	struct client *c;
	struct pg_socket *socket;
	double tokens; /* datagrams_per_s */
	int64_t tokens_us;
	int64_t bye_us;                       /* it said "shutdown"; or 0 */
	struct pg_conn *next_slot, **at_slot; /* in a slot of the wheel */
	struct pg_conn *next_ready;
	/* The state that is on its way, or NULL, and how far. */
	struct pg_change *change;
	size_t at;
	struct pg_change *whole; /* comes when the tops are gone; or NULL */
	/* {name: nil} at the top that it has, or NULL */
	struct ipc_value *tops;
	struct pygase p;
	struct pg_conn *older, *younger; /* the order in which they came */
	struct ipc_buf
	    held; /* events for a game that is not there: u16, bytes */
	/* Another program may have its address: when we last said something
	 * to that one. */
	int64_t other_us;
};

/* An address that has not proven itself: kept while its slot is not needed. */
#define PG_DOOR_SLOTS 4096
#define PG_DOOR_EVENTS 4096
#define PG_DOOR_BYTES (1u << 20) /* of all slots' events */
struct pg_door_slot {
	uint64_t tag; /* of the address and port; 0: empty */
	int64_t at_us;
	size_t in, out;    /* bytes */
	uint16_t answered; /* the newest of theirs that was answered; 0: none */
	struct pygase_seen seen;
	struct ipc_buf events; /* u16, bytes */
};

/* Addresses that were sent away and still talk. */
#define PG_REFUSED_SLOTS 1024
struct pg_door {
	uint64_t key[2];
	struct guard guard;
	size_t bytes; /* of events in all slots */
	struct pg_door_slot slots[PG_DOOR_SLOTS];
	struct {
		uint64_t tag;
		int64_t until_us;
	} refused[PG_REFUSED_SLOTS];
};

struct pg_socket {
	struct netd *netd;
	struct listener *listener; /* NULL: closed; there until it is empty */
	struct url *url;
	struct datagrams *datagrams;
	uint64_t key[2];
	struct pg_conn **table;
	size_t table_size, n_conns;
	struct pg_conn *eldest, *youngest;
	struct pg_conn *wheel[PG_SLOTS];
	int64_t wheel_us; /* slots before this time are served */
	ev_timer timer;
	struct pg_conn *ready;
	/* Of the batch of datagrams that is being looked at: the hashes of
	 * where they are from. */
	const union address *batch;
	size_t n_batch;
	uint64_t batch_hash[DATAGRAM_BATCH];
	bool any_held;
	int64_t busy_us; /* how far behind we are: states come more rarely */
	struct pg_changes changes;
	int64_t turn_us;           /* the last one */
	struct ipc_value *deleted; /* the mark for what is to be deleted */
	struct pg_door door;
};

/* ---- pygase_door.c --------------------------------------------------------
 */

void pg_door_init(struct pg_door *d);
void pg_door_release(struct pg_door *d);
/* Whoever is at addr is not to be taken for one who was here before. */
void pg_door_refuse(struct pg_door *d, const union address *addr, int64_t now);
/* A datagram from an address that is no client's. */
void pg_door_knock(struct pg_socket *s, const union address *from,
    const uint8_t *bytes, size_t len);

/* ---- pygase_event.c -------------------------------------------------------
 */

/* A client's event that a game may see; views of its datagram. */
struct pg_event {
	const uint8_t *bytes; /* all of it */
	size_t len;
	bool plain; /* then event has its parts */
	struct event event;
};
/* What stands before the parts of an event, as PyGaSe lays it down. */
#define PG_EVENT_HEAD "\x83\xa4type"
#define PG_EVENT_ARGS "\xachandler_args"
#define PG_EVENT_KWARGS "\xaehandler_kwargs"
/* No datagram holds more: the least of them has 40 bytes. */
#define PG_EVENTS_MAX 64
/* Do all keys of a packed map lie there as text? Of a map that is legal. */
bool pg_text_keys(const uint8_t *map, size_t len);
/* One of them. False: it is none that a game may see. */
bool pg_event_read(const uint8_t *bytes, size_t len, struct pg_event *out);
/* The events in what is behind a head: how many; -1: one is none of those. */
int pg_events_read(const uint8_t *bytes, size_t len, struct pg_event *out);

/* ---- pygase_talk.c --------------------------------------------------------
 */

/* For the game. False: it is to be quiet. */
bool pg_event_up(struct client *c, const struct pg_event *e);
/* The same of bytes that were read before. */
bool pg_event_up_again(struct client *c, const uint8_t *bytes, size_t len);
/* The slots of the transport. */
bool pg_event_down(struct client *c, const struct event *e);
void pg_state(struct client *c);
/* Send the next piece of state, if it is time and there is one. */
void pg_state_turn(struct pg_conn *k);
/* The store may change now: what was kept is no more. */
void pg_changes_clear(struct pg_changes *all);
void pg_change_drop(struct pg_change *change);
/* What becomes of events. */
extern const struct pygase_fate pg_fate;
/* It is looked at at this turn's end. */
void pg_ready(struct pg_conn *k);

/* ---- tr_pygase.c ----------------------------------------------------------
 */

/*
 * A new client: numbered on from sequence and order, it holds the state
 * numbered holds. NULL: there is no room for it.
 */
struct pg_conn *pg_conn_new(struct pg_socket *s, const union address *from,
    unsigned sequence, unsigned order, unsigned holds);
/* A datagram whose head is good: believe it, hand its events on. */
void pg_conn_take(struct pg_conn *k, const struct pygase_head *head,
    const struct pg_event *events, unsigned n);
/* An event that it said before it was known, for the game. */
void pg_conn_event(struct pg_conn *k, const uint8_t *event, size_t n);

#endif
