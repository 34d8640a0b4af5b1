/*
 * world.h - what the builders' file says: places, things, beings, quests.
 *
 * The file is text. An entry begins at the left edge with what it is and its
 * id; a line for each property follows, and indented lines go on the text of
 * the property above them. README.md has all properties. A struct world never
 * changes once it is read; what moves in it is in mud.h.
 */
#ifndef MUD_WORLD_H
#define MUD_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#include "path.h"

enum slot { SLOT_NONE, HELD, OFFHAND, HEAD, BODY, FEET, SLOTS };
extern const char *const slot_names[SLOTS];

/* What every entry begins with. */
struct entry {
	struct entry *next;
	const char *id;
	long line;     /* in the file */
	size_t number; /* among its like, from 0 */
};

struct range {
	long low, high;
};

/* Ids of other entries, found. */
#define REFS_MAX 24
struct refs {
	size_t n;
	void *to[REFS_MAX];
};

/* Something to look at that is no thing: the sign on the wall. */
struct detail {
	struct detail *next;
	const char *words, *text;
};

struct place {
	struct entry entry;
	const char *name, *text, *area, *symbol;
	struct place *exits[WAYS];
	struct detail *details;
	bool safe;          /* nobody fights here */
	bool outdoors;      /* has weather */
	bool restful;       /* one heals fast */
	struct kind *needs; /* who enters has one of these */
	const char *without;
};

/* Of a thing: what all lanterns have in common. */
struct kind {
	struct entry entry;
	const char *name, *words, *text;
	long slot; /* enum slot: where it is worn */
	struct range damage;
	long armour, heals, price;
	bool fixed;       /* cannot be taken */
	struct place *in; /* lies there, and comes back */
	long every_s;
};

/* Of a being: what all rats have in common. */
struct breed {
	struct entry entry;
	const char *name, *words, *text;
	struct place *in;
	long count, level, life, armour;
	struct range damage, coins;
	long experience;
	bool fierce;     /* begins fights */
	bool hunts;      /* goes after who flees */
	bool peaceful;   /* cannot be fought */
	long sleep_s;    /* sleeps so long, then wakes for as long */
	long wander_s;   /* takes a step about as often */
	struct refs way; /* walks from one of these places to the next */
	long talk_s;     /* says one of its lines about as often */
	const char *talk, *hello, *wakes, *sleeps;
	struct refs carries, sells;
	long back_s; /* after its death */
};

struct quest {
	struct entry entry;
	const char *name, *offer, *remind, *thanks;
	struct breed *giver;
	struct quest *after;
	struct kind *brings;
	struct breed *kills;
	long count;
	long coins, experience;
	struct kind *gives;
};

struct weather {
	struct entry entry;
	const char *text;
};

enum section { PLACES, KINDS, BREEDS, QUESTS, WEATHERS, SECTIONS };

struct world {
	struct entry *first[SECTIONS]; /* in the order of the file */
	size_t n[SECTIONS];
	const char *name, *welcome;
	struct place *start; /* where a new character begins */
	void *memory;
};

#define WORLD_PROBLEM 320

/*
 * Read a world. file is its name for people. Returns it, owned (world_free()
 * it), or NULL: then problem is "vale.world:17: no place 'sqare'", one line
 * for each of the first mistakes.
 */
struct world *world_parse(const char *file, const char *text, size_t len,
    char problem[WORLD_PROBLEM]);
void world_free(struct world *w);
/* The entry of that id, or NULL. */
void *world_find(const struct world *w, enum section s, const char *id);
/* The nth from 0. */
void *world_at(const struct world *w, enum section s, size_t number);

#endif
