/*
 * world.h - the rules of Snake: a field, snakes, digits, stones, corpses.
 *
 * Pure C: no input, no output, no clock, and its dice are the caller's, so
 * the same dice and the same turns make the same game.
 *
 * One frame, world_step(), moves everybody at once. The order of joining
 * never matters:
 *
 *  1. Corpses and stones whose time is over vanish.
 *  2. Each snake takes its next turn from its queue of two and looks at the
 *     cell ahead. Beyond the edge is death; with wrap, the other side.
 *  3. All tails move off, but those of snakes that are growing. So following
 *     a tail is safe unless its owner has just eaten.
 *  4. Heads that enter the same cell die, all of them, and what lies there
 *     stays. So no digit is ever eaten twice.
 *  5. A head that enters a stone, a corpse, or any part of any snake, its own
 *     and those that die in this frame included, dies. So two heads that
 *     would swap places both die.
 *  6. The others move. A digit is eaten: its value is added to the score,
 *     and as many frames later the snake has grown by as many cells.
 *  7. The dead become corpses where they lay.
 *  8. Newborns are placed, each bringing a digit, somewhere with free cells
 *     ahead of them; those that find no room wait for the next frame.
 *  9. Each snake that moved may bring a digit, and may bring a stone, never
 *     on anything and no stone close to a head.
 */
#ifndef SNAKE_WORLD_H
#define SNAKE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WORLD_SNAKES = 10, /* at once; also how many colours there are */
	WORLD_LENGTH = 3,  /* of a newborn */
	WORLD_QUEUE = 2,   /* turns that wait */
	WORLD_RUN = 10,    /* free cells wished ahead of a newborn */
	WORLD_NEAR = 5,    /* a stone keeps this many steps from a head */
	WORLD_SIDE_MIN = 10,
	WORLD_SIDE_MAX = 200,
	WORLD_NOBODY = 255, /* the slot of what belongs to no snake */
};

/* The order is that of key codes 37 to 40. */
enum world_way { WORLD_LEFT, WORLD_UP, WORLD_RIGHT, WORLD_DOWN };

/*
 * What a cell looks like. A part of a snake is the letter of the way towards
 * its head, large for the head itself, so neighbours can be joined by who
 * sees the cells alone.
 */
#define WORLD_HEADS "LURD"
#define WORLD_BODIES "lurd"
#define WORLD_FREE ' '
#define WORLD_STONE '#'
#define WORLD_CORPSE 'o'
#define WORLD_CORPSE_HEAD 'x'

enum world_death {
	WORLD_ALIVE,
	WORLD_HIT_WALL,
	WORLD_HIT_STONE,
	WORLD_HIT_CORPSE,
	WORLD_HIT_SELF,
	WORLD_HIT_SNAKE, /* .killer is its slot */
	WORLD_HIT_HEAD,  /* .killer is the slot of one of the others */
	WORLD_GAVE_UP,   /* left while alive */
};

struct world_rules {
	int width, height; /* WORLD_SIDE_MIN to WORLD_SIDE_MAX */
	bool wrap;         /* the edges are joined */
	unsigned digit_percent, stone_percent; /* per snake and frame */
	unsigned corpse_frames, stone_frames;  /* how long they stay */
};

struct world_cell {
	char look;
	uint8_t slot;   /* of a snake's part, else WORLD_NOBODY */
	bool changed;   /* is on the list of changes */
	uint32_t until; /* the frame in which it vanishes; 0: never */
};

struct world_snake {
	bool used;   /* somebody has this slot */
	bool placed; /* and is on the field */
	bool moved;  /* in the last frame */
	bool bent;   /* placed, turned or fed since world_seen() */
	enum world_way way;
	enum world_way queue[WORLD_QUEUE];
	unsigned queued;
	unsigned growth; /* cells still to grow */
	unsigned long score;
	int *cells; /* a ring of all cells' size: tail first */
	int tail, length;
};

/* What happened to a snake, until world_seen(). */
struct world_news {
	uint8_t slot;
	enum world_death death; /* WORLD_ALIVE: it scored */
	uint8_t killer;         /* or WORLD_NOBODY */
	unsigned long score;    /* as it is now */
	unsigned long digit;    /* what it ate, or 0 */
	int cell;               /* where its head is */
};

/* A number from 0 to below - 1, each as likely. */
typedef uint64_t world_dice(void *arg, uint64_t below);

struct world {
	struct world_rules rules;
	int size; /* cells */
	struct world_cell *cells;
	struct world_snake snakes[WORLD_SNAKES];
	uint32_t frame;
	int digits, stones; /* on the field */
	int *changes;       /* cells that look different since world_seen() */
	int changes_len;
	struct world_news news[2 * WORLD_SNAKES];
	int news_len;
	world_dice *dice;
	void *arg;
};

/* Fill in what the game is played with when nobody says otherwise. */
void world_usual(struct world_rules *rules);

/*
 * A new, empty world. rules are copied; dice is called with arg, which is
 * kept. Returns it, owned (world_free() it), or NULL: the sides are beyond
 * the limits or memory is short.
 */
struct world *
world_new(const struct world_rules *rules, world_dice *dice, void *arg);
void world_free(struct world *w);

/* Take everything but the living snakes off the field. */
void world_clear(struct world *w);

/*
 * A new snake, placed by the next step that finds room. Returns its slot, or
 * -1: as many as can play do already.
 */
int world_join(struct world *w);
/* A snake's player is gone: it dies, as news if it was on the field. The slot
 * is free at once. */
void world_leave(struct world *w, int slot);

/*
 * Queue a turn. A turn into where the snake will go anyway, a reversal of
 * what is queued before it, or a third one is ignored: false.
 */
bool world_turn(struct world *w, int slot, enum world_way way);

/*
 * The body of a placed snake as runs, from its neck to its tail: "r3d" is a
 * head that came from the left three times and from above before. out has
 * room for size bytes. Together with frame, head and growth it says where the
 * snake is in every later frame, until it turns or eats.
 */
void world_runs(const struct world *w, int slot, char *out);
/* Something lies in a cell again, from now on for as long as if it were new.
 * False: it cannot. */
bool world_lie(struct world *w, int64_t at, char look);
/*
 * Place a snake that was like this in that frame and went straight on since.
 * False: there is no such snake.
 */
bool world_lay(struct world *w, int slot, int64_t frame, int64_t head,
    int64_t growth, const char *runs);
/* One frame. What it did is in changes and news; slots of the dead are free
 * again. */
void world_step(struct world *w);
/* Changes and news were passed on: forget them. */
void world_seen(struct world *w);

/* The cell one step from here, or -1 beyond an edge without wrap. */
int world_ahead(const struct world *w, int cell, enum world_way way);
/* The cell of a placed snake's head. */
int world_head(const struct world *w, int slot);
/* True if a head may enter: it is free or has a digit. */
bool world_open(const struct world *w, int cell);
int world_living(const struct world *w);
/* "wall", "self", ...: one word for programs. */
const char *world_death_name(enum world_death death);

#endif
