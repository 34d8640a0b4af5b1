/*
 * store_own.h - the inside of a store, for store*.c only.
 */
#ifndef NETD_STORE_OWN_H
#define NETD_STORE_OWN_H

#include "netd/store.h"

#include <sys/queue.h>
#include <uthash.h>

/* Lives of a place that are remembered beside the last: most need few. */
#define LIVES_FEW 2
#define LIVES_MAX 128
/* A place's own cost, for bytes_max. */
#define PLACE_BYTES 64

struct life {
	uint64_t born, died;
};

struct place {
	struct place *parent;
	struct ipc_value *value; /* alive and no map: owned; else NULL */
	bool alive, is_map;
	uint8_t n_lives, lives_size;
	uint64_t at;                        /* of its own last change */
	uint64_t newest;                    /* of the last change in it */
	uint64_t born;                      /* of this life */
	struct life few[LIVES_FEW], *lives; /* to few, or owned */
	int64_t died_us;
	uint64_t number;        /* never used again */
	struct place *children; /* uthash by key */
	struct places {         /* the same, newest first */
		struct place *first, *last;
	} order;
	struct place *newer, *older; /* of its parent's */
	TAILQ_ENTRY(place) dead;
	/* In the grid. */
	bool placed;
	double x, y;
	struct cell *cell;
	struct place *next_in, *prev_in;
	UT_hash_handle hh;
	uint32_t key_len;
	bool key_is_int;
	int64_t key_number;
	char key[]; /* of a str */
};

struct cell {
	int64_t at[2];
	struct place *first;
	UT_hash_handle hh;
};

struct store {
	struct store_limits limits;
	struct place *top;
	uint64_t version, floor, numbers;
	uint64_t had; /* everybody has this version */
	size_t places, bytes, tombs;
	TAILQ_HEAD(, place) dead; /* in the order they died */
	struct ipc_value *grid_path;
	struct ipc_path grid;
	char *grid_x, *grid_y;
	double cell;
	struct cell *cells;
};

struct store_known {
	uint64_t number;
	uint32_t round;
	struct ipc_value *key;
	UT_hash_handle hh;
};

/* store.c */
struct ipc_key place_key(const struct place *p);
struct place *place_child(const struct place *p, struct ipc_key key);
/* Was it there at that version? */
bool place_alive_at(const struct place *p, uint64_t version);

/* store_grid.c: the map that holds the things, or NULL. */
struct place *grid_map(const struct store *s);
/* After a change: every thing of this version stands where its numbers say.
 * False: out of memory. */
bool grid_follow(struct store *s);
void grid_leave(struct store *s, struct place *p);
/* The cell of a coordinate, and what is in one; NULL: nothing. */
int64_t grid_cell(const struct store *s, double v);
struct cell *grid_cell_find(const struct store *s, int64_t x, int64_t y);

#endif
