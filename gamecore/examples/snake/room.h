/*
 * room.h - who is here: rooms, the players in them, and the top scores.
 *
 * Nothing here sends; page.h and term.h write what is to be sent, room.c
 * decides when.
 */
#ifndef SNAKE_ROOM_H
#define SNAKE_ROOM_H

#include "text.h"
#include "world.h"

#include "gamecore/gamecore.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOP_SCORES = 15, ROOMS_MAX = 200, BOTS_MAX = 9 };

struct top_score {
	char name[NAME_BYTES];
	unsigned long score;
	int slot;      /* the colour it was played in */
	int64_t at_us; /* since 1970 */
};

/* Everybody connected, and the bots. */
struct player {
	struct player *next;
	struct room *room;
	uint64_t conn;         /* 0: a bot */
	unsigned id;           /* never used again for another */
	char name[NAME_BYTES]; /* "" until it is given */
	int slot;              /* in the world, or -1: it watches */
	bool terminal;         /* sees term.h, not page.h */
	bool awaited;          /* was saved, and has not come back yet */
	unsigned rest;         /* frames until a bot plays again */
	int64_t talk_us;       /* when it may talk again */
};

struct room {
	struct room *next;
	struct game *game;
	char name[NAME_BYTES]; /* "": where one arrives */
	uint64_t number;       /* its groups are 2 * number and the next */
	struct world *world;
	struct player *players;
	struct player *playing[WORLD_SNAKES]; /* by slot */
	size_t people;                        /* connections */
	bool counting; /* a timer will tell how many are here */
};

struct game {
	struct gc_net *net;
	struct world_rules rules;
	int speed; /* frames a second */
	int bots;  /* in each room */
	struct room *rooms;
	size_t rooms_len;
	uint64_t next_number;
	unsigned next_id;
	/* Best per name, highest first. They outlive the process: save.h. */
	struct top_score top[TOP_SCORES];
	int top_len;
	bool ticking;
	int64_t saved_us;
	bool settled;     /* nobody is awaited any more */
	struct text term; /* what is being written */
};

/* A connection arrives in the room of that name, which is made if it is not
 * there; it sees everything from now on. NULL: memory is short. */
struct player *
room_enter(struct game *g, uint64_t conn, bool terminal, const char *name);
/* A connection that the program before this one knew: the player goes on, and
 * sees everything anew. NULL: it was not saved. */
struct player *room_back(struct game *g, uint64_t conn);
/* It is gone; its snake dies. Frees it. */
void room_leave(struct player *p);

/* Give a player its name, cleaned and made unlike the others'. */
void room_name(struct player *p, const char *bytes, size_t len);
/* Start a snake for a player that has a name and none yet. */
void room_play(struct player *p);
void room_turn(struct player *p, enum world_way way);
void room_talk(struct player *p, const char *bytes, size_t len);
/* A sentence for one player. */
void room_error(struct player *p, const char *text);

/* One frame in each room where somebody plays. */
void rooms_tick(struct game *g);
/* How many are here, told at most twice a second. */
void rooms_timer(struct game *g, uint64_t number);
/* The game ends: say so to everybody. */
void rooms_bye(struct game *g);
/* All who were to come back have: the others are gone. */
void rooms_settle(struct game *g);

/* For restore(): a room as it was made, empty; NULL: memory is short, or there
 * are too many. */
struct room *room_made(struct game *g, const char *name, uint64_t number);
/* Its world makes no sense: a new one. */
void room_renew(struct room *r);
/* A player as it was, which is copied; a bot, too. */
void room_restore(struct room *r, const struct player *as);
/* World and players are there: nobody is left out. */
void room_restored(struct room *r);

void rooms_free(struct game *g);

#endif
