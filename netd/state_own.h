/*
 * state_own.h - the inside of states, for state.c and state_watch.c only.
 */
#ifndef NETD_STATE_OWN_H
#define NETD_STATE_OWN_H

#include "ipc/buf.h"
#include "netd/state.h"
#include "netd/store.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

struct client;
struct ipc_value;
struct link;

/* Who was there before netd died is back by then, or never. */
#define BEFORE_US 15000000

struct view {
	uint64_t number;
	struct store_view *is;
	UT_hash_handle hh;
};

struct held {
	uint64_t number;
	struct store *store;
	struct watch *watches;
	size_t n_watches;
	bool automatic; /* whoever comes watches it */
	bool own_key;   /* and looks at its connection number */
	uint64_t view;
	int64_t every_us;
	uint64_t swept;  /* version that all watches were looked at with */
	bool poked;      /* some watch has news for another reason */
	int64_t next_us; /* when to look again, or 0 */
	/* As a game told it that ran under the netd before, for a while, with
	 * what it had deleted lately. Or NULL. */
	struct store *before;
	uint64_t before_version;
	int64_t before_us;
	UT_hash_handle hh;
};

struct watch {
	struct client *client;
	struct held *held;
	struct watch *next, *prev;
	uint64_t view;
	struct store_sight sight;
	int64_t every_us;
	uint64_t base;  /* what it was given, taken as held */
	uint64_t said;  /* the version that it was told last */
	uint64_t acked; /* and has acknowledged */
	uint64_t asked; /* the one that it is to acknowledge, or 0 */
	uint32_t unacked, since_asked; /* deltas */
	bool fresh;                    /* view or focus changed */
	bool blocked;                  /* has news and cannot take them */
	int64_t sent_us;
};

struct states {
	struct held *held;
	struct view *views;
	ev_timer timer;
	bool timed;
};

/* ---- state.c ------------------------------------------------------------- */

struct view *view_find(const struct link *l, uint64_t number);
/* Between deltas, of a rate in Hz; 0: no limit. */
int64_t watch_every_us(double rate);

/* ---- state_watch.c ------------------------------------------------------- */

/* What a player watches, or NULL. */
struct watch *watch_of(const struct client *c);
void watch_end(struct watch *w);
/* It holds nothing any more. */
void watch_again(struct watch *w);
/* Instead of what it watched; NULL: no memory. */
struct watch *watch_begin(struct client *c, struct held *h);
/* Its view changed; its focus is this. False: no memory. */
void watch_view(struct watch *w);
bool watch_focus(struct watch *w, const struct ipc_value *v);

#endif
