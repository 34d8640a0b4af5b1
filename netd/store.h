/*
 * store.h - a merged state that knows when each of its places changed.
 *
 * No log of updates: every place of the tree has the version of its last
 * change, so what somebody lacks since any version is found by walking only
 * what changed since, however long ago that was. What was deleted leaves a
 * tombstone until everybody has heard of it; past their time or number they
 * go, and who is further behind than that gets the whole state again.
 *
 * A sight is what one player may see of a store: rules that show and hide
 * subtrees, and a radius around its focus in one map of things with a place.
 */
#ifndef NETD_STORE_H
#define NETD_STORE_H

#include "ipc/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

struct store_limits {
	size_t places_max; /* alive or dead */
	size_t bytes_max;  /* of all values and keys */
	size_t tombs_max;
	int64_t tomb_us; /* a tombstone's life */
};

/* A value of these four bytes deletes what it is merged upon; PyGaSe's. */
#define STORE_DELETED "\xd2\x81\xe5\xba"
#define STORE_DELETED_LEN 4
bool store_is_deleted(const struct ipc_value *v);

/* NULL: out of memory. */
struct store *store_new(const struct store_limits *limits);
void store_free(struct store *s);

/*
 * Change it: what is at a path becomes v; v (a map) is merged there deeply,
 * where the bytes STORE_DELETED delete; what is there goes. What comes out
 * equal changes nothing. An empty path is the top, which is always a map.
 * now_us is when. 0, IPC_ERR_INVALID (no map; the top cannot go),
 * IPC_ERR_LIMIT, IPC_ERR_NO_MEMORY: part of it is done then.
 */
int store_set(struct store *s, const struct ipc_path *p,
    const struct ipc_value *v, int64_t now_us);
int store_merge(struct store *s, const struct ipc_path *p,
    const struct ipc_value *v, int64_t now_us);
int store_drop(struct store *s, const struct ipc_path *p, int64_t now_us);

/* Counts changes; 0: never changed. */
uint64_t store_version(const struct store *s);
/* How many places it has, dead ones too, and the bytes of all values. */
size_t store_places(const struct store *s);
size_t store_bytes(const struct store *s);
size_t store_tombs(const struct store *s);
/* All of it: owned, or NULL. */
struct ipc_value *store_value(const struct store *s);

/*
 * Things with a place: the maps under the map at p, each with two numbers
 * under the keys x and y, or, y NULL, an array of two under x. cell is the
 * grid's width. 0, IPC_ERR_NO_MEMORY, IPC_ERR_INVALID.
 */
int store_grid(struct store *s, const struct ipc_path *p, const char *x,
    const char *y, double cell);

/* ---- who sees what ---------------------------------------------------------
 */

#define STORE_RULES_MAX 32
/* The rule that completes last decides; "*" as a key is any, "$me" the
 * player's own. Without rules everything is seen; if the first one shows,
 * nothing else is. */
struct store_view {
	size_t n;
	struct store_rule {
		bool show;
		struct ipc_value *path; /* owned: an array of keys */
		struct ipc_path keys;   /* views of path */
	} rules[STORE_RULES_MAX];
	double radius; /* in the grid; 0: all of it */
};
/* From {"rules": [[bool, path], ...], "radius": number}. NULL: not that. */
struct store_view *store_view_new(const struct ipc_value *v);
void store_view_free(struct store_view *v);

struct store_known; /* a thing that a player was told of */
struct store_sight {
	const struct store_view *view; /* NULL: everything */
	struct ipc_value *me;          /* owned: its own key, or NULL */
	bool fixed;                    /* it looks at x, y; else at me */
	double x, y;
	struct store_known *known; /* uthash */
	uint32_t round;
};
/* It was told of nothing, or is to be told anew. */
void store_sight_forget(struct store_sight *sight);
void store_sight_release(struct store_sight *sight);
/* Do all who have this see the same? */
static inline bool
store_sight_shared(const struct store_sight *sight)
{
	return sight->view == NULL ||
	       (sight->view->radius <= 0 && sight->me == NULL);
}

/* What somebody lacks. */
struct store_delta {
	uint64_t from, to; /* whole: from is 0 */
	bool whole;        /* what it held before is void */
	/* A map to be merged, or NULL: nothing; owned. */
	struct ipc_value *set;
	/* Paths to be deleted first, an array of arrays of keys, or NULL;
	 * owned. Always NULL with a marker. */
	struct ipc_value *del;
};

/*
 * What one who has version since lacks: all of it if since is 0 or too long
 * ago. The sight counts what is told as known, so what comes out must reach
 * the player. marker, if not NULL, stands in set where something is to be
 * deleted. 0, IPC_ERR_NO_MEMORY.
 */
int store_delta(struct store *s, uint64_t since, struct store_sight *sight,
    const struct ipc_value *marker, struct store_delta *d);
void store_delta_release(struct store_delta *d);

/* Everybody has this version; tombstones that are not needed or too old or
 * too many go. */
void store_prune(struct store *s, uint64_t everybody_has, int64_t now_us);

#endif
