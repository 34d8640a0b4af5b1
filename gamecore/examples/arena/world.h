/*
 * world.h - the arena: a square with rocks, in which round tanks drive and
 * shoot. Pure: no network, no clock, dice from a seed.
 *
 * Lengths are in units; time is in ticks of 1/WORLD_HZ s. www/arena.js has the
 * same rules for driving, so that a page can run ahead of us: what is here
 * under "the same in arena.js" changes there too.
 */
#ifndef ARENA_WORLD_H
#define ARENA_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- the same in arena.js */
#define WORLD_HZ 30
#define WORLD_SIZE 20000
#define TANK_RADIUS 200
#define TANK_SPEED 130 /* units a tick */
/* ---- */

#define ROCKS 40
#define TANKS_MAX 1200
#define NAME_MAX_BYTES 16
#define HEALTH 100
#define DAMAGE 25
#define RANGE 5000      /* of a shot */
#define COOL_TICKS 9    /* between two shots */
#define DEAD_TICKS 60   /* then one stands somewhere else */
#define SAFE_TICKS 45   /* after that one cannot be hurt */
#define HEAL_TICKS 120  /* unhurt for so long, one mends */
#define REWIND_TICKS 18 /* how far back a shot may look: 600 ms */
#define INPUTS_MAX 8    /* that wait; more are lost */

struct rock {
	double x, y, radius;
};

/* What a player wants for one tick. */
struct input {
	uint32_t number; /* the page's own, told back when it is done */
	int8_t dx, dy;   /* -1, 0, 1 */
};

struct place {
	double x, y;
	bool alive; /* and not safe: a shot can hit */
};

struct tank {
	int64_t id; /* 0: the slot is free */
	char name[NAME_MAX_BYTES + 1];
	bool bot;
	double x, y;
	int aim; /* milliradians, 0 to 6283 */
	int health;
	int score, deaths;
	unsigned dead, safe, cool, unhurt; /* ticks */
	uint32_t done;                     /* the last input that counted */
	struct input inputs[INPUTS_MAX];
	unsigned n_inputs, credit;
	/* Where it was at tick t: past[t % (REWIND_TICKS + 1)]. */
	struct place past[REWIND_TICKS + 1];
	/* A bot's mind. */
	int8_t dx, dy;
	unsigned think;
};

struct world {
	struct rock rocks[ROCKS];
	struct tank tanks[TANKS_MAX];
	size_t used; /* slots up to here may be in use */
	uint32_t tick;
	uint64_t dice;
};

struct shot {
	double x, y, to_x, to_y;
	int64_t by, hit; /* hit 0: nobody */
	bool killed;
};

void world_init(struct world *w, uint64_t seed);
/* 0 up to n - 1. */
unsigned world_dice(struct world *w, unsigned n);

/* A tank of this id on a free place, or NULL: there are TANKS_MAX. */
struct tank *world_add(struct world *w, int64_t id, const char *name, bool bot);
struct tank *world_find(struct world *w, int64_t id);
void world_remove(struct world *w, int64_t id);

/* For one of the next ticks, in order; false: too many wait. */
bool tank_input(struct tank *t, const struct input *in);
/* One tick: everybody drives, mends, comes back. */
void world_step(struct world *w);

/*
 * t shoots along aim at what its player saw: everybody stands where they were
 * at tick seen (with a fraction), but not longer ago than REWIND_TICKS. False:
 * it cannot shoot now.
 */
bool world_shoot(
    struct world *w, struct tank *t, int aim, double seen, struct shot *shot);

/* What a bot does this tick; true: it shot. */
bool bot_think(struct world *w, struct tank *t, struct shot *shot);

#endif
