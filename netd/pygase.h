/*
 * pygase.h - the protocol of PyGaSe 0.2 to 0.3, a server's side of it: pure,
 * without sockets and clocks. Bytes and times go in, datagrams come out.
 *
 * Both sides send a numbered datagram now and then. Each says what it has of
 * the other's (ack and 32 bits for the ones before) and which game state it
 * holds (time_order); a server's also carries a piece of state, which may be
 * empty of news, and both carry events. Numbers run from 1 to 65535 and then
 * on at 1, so their arithmetic is modulo 65535.
 *
 * What PyGaSe's own client dies of, this never sends: a number twice, one far
 * behind, a stray byte, an update without time_order, a delete for what it
 * may not have. What PyGaSe leaves undone, this does: events are repeated by
 * the measured round trip until they are acknowledged; a state of any size
 * goes in pieces that fit one datagram, each confirmed by the time_order that
 * comes back.
 */
#ifndef NETD_PYGASE_H
#define NETD_PYGASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PYGASE_ID UINT32_C(0xffd0fab9)
/* The heads of a client's and of a server's datagram. */
#define PYGASE_CLIENT_HEAD 14
#define PYGASE_SERVER_HEAD 12
/* The longest datagram that either side can take, and the longest that we
 * fill: no router has to cut it. One event alone may be longer than that. */
#define PYGASE_MAX 2048
#define PYGASE_FILL 1200
/* The smallest that a server can say: its head, a length, {"time_order": n}. */
#define PYGASE_SMALLEST 27
/* One event, without its length: what fits beside the least there is. */
#define PYGASE_EVENT_MAX 2000
/* Our datagrams that may be unacknowledged; what is older counts as lost. */
#define PYGASE_RING 128
/* Bytes of events on their way at once: the next go while there are fewer. A
 * busy core acks late, and what it answers is not to wait for that. */
#define PYGASE_AWAY (64u << 10)
/* Events on their way and those that wait with them, at the most. */
#define PYGASE_WAITING 1024
#define PYGASE_WAITING_BYTES (256u << 10)
/* The update in a datagram holds this many keys at the most. */
#define PYGASE_KEYS_MAX 65535

/* ---- numbers ------------------------------------------------------------- */

/* From b to a, -32767 to 32767: above 0, a is newer. */
int pygase_distance(unsigned a, unsigned b);
/* n after a. Never 0. */
uint16_t pygase_after(unsigned a, unsigned n);

/* ---- what came ----------------------------------------------------------- */

struct pygase_head {
	uint16_t sequence, ack;
	uint32_t bits;
	uint16_t time_order; /* of a client's datagram */
};

/* A client's datagram. False: it is none. Its events begin at byte 14. */
bool pygase_read(const uint8_t *bytes, size_t len, struct pygase_head *head);
/*
 * The next event in the len bytes behind a head, from *off on: a view, *n
 * bytes. 1, 0: there are no more, -1: the bytes are no events.
 */
int pygase_event(const uint8_t *bytes, size_t len, size_t *off,
    const uint8_t **event, size_t *n);

/* Which numbers of the other side we have. */
struct pygase_seen {
	uint16_t newest; /* 0: none */
	uint32_t bits;   /* bit 31: the one before it */
};

enum pygase_news {
	PYGASE_NEW,
	PYGASE_REPEAT,
	PYGASE_OLD /* too far behind to know */
};
/* What a number would be; pygase_see() also notes that we have it. */
enum pygase_news pygase_look(const struct pygase_seen *s, unsigned sequence);
enum pygase_news pygase_see(struct pygase_seen *s, unsigned sequence);

/* ---- state on its way ------------------------------------------------------
 */

/*
 * Part of an update: the bytes of its keys and values, as they stand in a
 * msgpack map, without the map's own head and without time_order.
 */
struct pygase_piece {
	const uint8_t *bytes;
	size_t len;
	uint32_t keys;
};

/* ---- a connection ---------------------------------------------------------
 */

struct pygase_sending; /* an event */

struct pygase {
	/* The other side's numbers, and when it last spoke. */
	struct pygase_seen seen;
	int64_t heard_us;
	uint16_t holds; /* the state that it says it holds */
	/* Ours: how many were sent, and the number of the newest. */
	uint64_t sent;
	uint16_t sequence;
	uint64_t acked; /* the newest that it has, counted from 1; 0: none */
	/* What its last word on this was: nearly all of the next says the same.
	 */
	uint64_t said_ack;
	uint32_t said_bits;
	/* Round trip, smoothed, and its variance; 0: not measured yet. */
	int64_t rtt_us, var_us;
	/* Our datagrams that no ack can name any more and none has: how many,
	 * what part of the last ones, and how far that is known. */
	uint64_t lost, judged;
	double loss;
	/* Acks that we owe: the newest of theirs that carried an event, until
	 * it is known that it knows. */
	uint16_t owed;
	bool owes, owes_now;
	int64_t owes_us;  /* since when, if now */
	unsigned unacked; /* of theirs since we last sent */
	unsigned row;     /* ours since they last spoke */
	int64_t sent_us;
	/* Events: those on their way, by their datagrams' numbers, and those
	 * that wait, what was lost first. */
	struct pygase_events {
		struct pygase_sending *first, *last;
		size_t bytes;
	} away, waiting;
	unsigned n_events;
	/* State: the piece on its way, a view; its number; when last sent. */
	struct pygase_piece piece;
	bool piece_on;
	uint16_t order;  /* the newest time_order that we gave out */
	int64_t busy_us; /* between two pieces, beside what is always there */
	int64_t piece_us;
	unsigned piece_tries;
	/* What became of ours; last, for one line of it is looked at a time. */
	struct pygase_gone {
		int64_t at_us;
		uint16_t theirs; /* the newest of theirs that it told of */
		uint8_t events;  /* on board */
		bool acked;
	} ring[PYGASE_RING];
};

/*
 * A new connection. The first datagram will have the number after sequence;
 * state is numbered from the one after order; it holds the state numbered
 * holds, or 0.
 */
void pygase_init(struct pygase *p, unsigned sequence, unsigned order,
    unsigned holds, int64_t now_us);
/* lost, if not NULL, is called for each event that never was acked. */
void pygase_release(
    struct pygase *p, void (*lost)(void *arg, uint64_t id), void *arg);

/* Who is told what became of an event; NULL: nobody. */
struct pygase_fate {
	void (*done)(void *arg, uint64_t id);
	void (*lost)(void *arg, uint64_t id);
};

/* What is true of a datagram before anything of it is believed. */
enum pygase_sort {
	PYGASE_GOOD,  /* pygase_take() it */
	PYGASE_AGAIN, /* we have it, or it is too old to know */
	PYGASE_FRESH, /* as of a program that begins: nothing seen, nothing held
		       */
	PYGASE_WRONG  /* acks what was never sent, holds what was never given */
};
enum pygase_sort
pygase_sort(const struct pygase *p, const struct pygase_head *head);
/*
 * Believe its head: acks, and what it holds. carries: there are events in it,
 * to be acked soon. done(arg, id) is called for each event that it has now,
 * and lost(arg, id) for each that it will never have.
 */
void pygase_take(struct pygase *p, const struct pygase_head *head, bool carries,
    int64_t now_us, const struct pygase_fate *fate, void *arg);

/* Believe what it acks and holds alone: its events are not taken now, and so
 * it is not acked itself, as if it had not come. */
void pygase_acks(struct pygase *p, const struct pygase_head *head,
    int64_t now_us, const struct pygase_fate *fate, void *arg);

/* How an event is sent. */
enum pygase_class {
	PYGASE_SURE, /* until it is acked */
	PYGASE_ONCE  /* and never again */
};
/*
 * Send an event of n bytes (a msgpack map); copied. id comes back with its
 * ack. 1; 0: as much as may be on its way is on its way; -1: it is too long
 * for any datagram, or there is no memory.
 */
int pygase_add(struct pygase *p, const void *event, size_t n,
    enum pygase_class class, uint64_t id, int64_t now_us);

/* The same from where its parts lie, in this order. */
struct pygase_part {
	const void *bytes;
	size_t len;
};
int pygase_add_parts(struct pygase *p, const struct pygase_part *parts,
    unsigned n_parts, enum pygase_class class, uint64_t id, int64_t now_us);

/* Is so little on its way that what is added now goes with the next ones? */
bool pygase_is_open(const struct pygase *p);
/* The first to go of the events that are not acked was given so long ago; 0:
 * there is none. */
int64_t pygase_waits(const struct pygase *p, int64_t now_us);

/* Is nothing on its way, so that a piece of state may follow? */
bool pygase_state_idle(const struct pygase *p);
/* Send this piece until it is confirmed. It must stay until then. */
void pygase_state_send(struct pygase *p, const struct pygase_piece *piece);
/* It took the piece: true once. */
bool pygase_state_taken(struct pygase *p);

/* When the next datagram is due, in microseconds; it may be past. */
int64_t pygase_due(const struct pygase *p, int64_t now_us);
/* Write it, up to PYGASE_MAX bytes: its length. */
size_t pygase_write(struct pygase *p, int64_t now_us, uint8_t *out);

/* A server's datagram that says the least there is: PYGASE_SMALLEST bytes. */
size_t pygase_smallest(uint8_t *out, const struct pygase_head *head);

#endif
