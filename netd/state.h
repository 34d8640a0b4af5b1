/*
 * state.h - the game's stores in netd, and who watches them.
 *
 * The game's STATE_ frames change a store (store.h); each player who watches
 * one is told what it lacks: everything first, then one delta of all that
 * changed since. Nothing of a state ever queues up for a slow player: while it
 * takes nothing there is no delta, and the next one covers more.
 *
 * Messages on ws, tcp, line: talk.h. A transport with a protocol of its own
 * has the slot state(c) in struct transport and calls these:
 *
 *	static void
 *	my_state(struct client *c)	there is news (at the watch's rate)
 *	{
 *		if (can take something now &&
 *		    state_take(c, deleted, &delta) == 1) {
 *			... send delta.set until it is there for sure;
 *			store_delta_release(&delta);
 *		}
 *	}
 *
 * What was taken counts as held: a transport that loses things keeps the delta
 * until the peer has confirmed all of it, and takes the next one then. It may
 * also leave the slot NULL and ask by itself, with state_news().
 */
#ifndef NETD_STATE_H
#define NETD_STATE_H

#include "netd/store.h"

struct client;
struct ipc_frame;
struct link;
struct netd;

/* ---- for transports
 * ---------------------------------------------------------- */

/* Might state_take() have something? Cheap. */
bool state_news(const struct client *c);
/*
 * What c lacks, by its view: 1 and *d is owned (store_delta_release() it), 0
 * nothing, or IPC_ERR_NO_MEMORY. d->whole: what it held before is void, also
 * when the set is smaller. marker: see store_delta(). Versions in *d are the
 * store's, 64 bits, and have gaps.
 */
int state_take(
    struct client *c, const struct ipc_value *marker, struct store_delta *d);
/*
 * What state_take() would give c: who has the same of these is given the same.
 * False: it is given something of its own, or nothing. state_took(): it has it
 * from another one's.
 */
struct state_key {
	const void *store, *view;
	uint64_t from, to;
};
bool state_key(const struct client *c, struct state_key *key);
void state_took(struct client *c);
/*
 * After netd's own death, for one who followed the state under the netd before
 * and whose line loses things: what it may hold, owned, as it sees it now. With
 * what was deleted lately, which it may or may not have heard. What
 * state_take() gives next is what has changed since, deletes too. Where a
 * radius decides what it sees, nobody knows what it holds: that is the names at
 * the top then, with empty maps under them, and what comes next is whole. NULL:
 * that is not known (any more).
 */
struct ipc_value *state_take_before(struct client *c);
/* It holds nothing any more: the next delta is everything. */
void state_again(struct client *c);
/* The store that c watches, or NULL: none. */
const struct store *state_watched(const struct client *c);

/* ---- for the rest of netd
 * ----------------------------------------------------- */

/* A client is PLAYING on its link; it goes away. */
void state_opened(struct client *c);
void state_forget(struct client *c);
/* It has acknowledged a version; its queue ran empty. */
void state_acked(struct client *c, uint64_t version);
/* A turn's end: tell who is due. */
void states_turn(struct netd *n);
/* A game that starts cold is told what there is. */
void states_tell(struct link *l, const struct link *of);
/* The new game's link takes over. */
void states_hand_over(struct link *from, struct link *to);
void states_release(struct link *l);
/* The game's frames: NULL, or what is wrong with it. */
const char *state_open(struct link *l, const struct ipc_frame *f);
const char *state_change(struct link *l, const struct ipc_frame *f);
const char *state_close(struct link *l, const struct ipc_frame *f);
const char *state_view(struct link *l, const struct ipc_frame *f);
const char *state_watch(struct link *l, const struct ipc_frame *f);
const char *state_focus(struct link *l, const struct ipc_frame *f);
const char *state_gone(struct link *l, const struct ipc_frame *f);

#endif
