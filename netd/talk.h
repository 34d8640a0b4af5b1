/*
 * talk.h - netd's own words to a client library: states and events.
 *
 * Arrays that begin with a word after a dollar, JSON in a text message,
 * msgpack in a binary one; a client is spoken to as it speaks, by JSON until
 * it has said something (by msgpack on tcp:// and unix://):
 *
 *	both    ["$event", number, name, [args], {kwargs}]   0: no answer
 *	both    ["$got", number]          it was taken; a client adds a value
 *	netd    ["$answer", number, value]          what the game answers
 *	netd    ["$state", {from, to, set, del, ack}]    from 0: all of it
 *	client  ["$ack", to]              where ack is true; more do no harm
 *	client  ["$hello"]                what comes first, to say the form
 *
 * Only a game that has opened a store or takes events has its players'
 * messages looked at; every other message stays the game's own.
 */
#ifndef NETD_TALK_H
#define NETD_TALK_H

#include "ipc/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct watch;
struct waiting;

struct talk {
	bool binary;
	bool spoke;          /* it said a word of ours */
	struct watch *watch; /* state.c */
	struct waiting *events;
	uint32_t n_events;
	uint64_t last_request; /* the highest of its events that was taken */
};

/* Made on first use; NULL: out of memory. */
struct talk *talk_of(struct client *c);
void talk_forget(struct client *c);
/* Is this one of ours? Then it is done: 1 go on, 0 stop feeding. -1: it is
 * not. */
int
talk_take(struct client *c, unsigned flags, const uint8_t *bytes, size_t len);
/* Does it understand our words? A person who reads lines does not; a MUD
 * client gets them as GMCP: Penstock.State, Penstock.Event. */
bool talk_hears(const struct client *c);
/* Encode and queue; v is taken, NULL: out of memory. */
void talk_send(struct client *c, struct ipc_value *v);
/* The same in two steps: encoded once for many. */
bool talk_encode(bool binary, const struct ipc_value *v, struct ipc_buf *out);
void talk_send_bytes(struct client *c, const struct ipc_buf *b);

#endif
