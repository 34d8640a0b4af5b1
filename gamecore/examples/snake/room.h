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
	unsigned number;       /* of a bot */
	char name[NAME_BYTES]; /* "" until it is given; its connection's tag */
	int slot;              /* in the world, or -1: it watches */
	bool terminal;         /* sees term.h, not page.h */
	bool keys;             /* one whose messages are keys, not lines */
	bool away;             /* without a line, and may come back */
	unsigned rest;         /* frames until a bot plays again */
	int64_t talk_us;       /* when it may talk again */
};

struct room {
	struct room *next;
	struct game *game;
	char name[NAME_BYTES]; /* "": where one arrives */
	uint64_t number;     /* of its state, its terminals' group, its timer */
	struct gc_state *st; /* what pages see: page.h */
	uint64_t logged;     /* entries in its log, ever */
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
	struct gc_state *st; /* rooms and top scores, for restore() */
	uint64_t last_number;
	/* Best per name, highest first. */
	struct top_score top[TOP_SCORES];
	int top_len;
	bool ticking;
	int64_t hold_us;  /* until then players who are away are waited for */
	struct text term; /* what is being written */
	/* What is typed at the one terminal that sends keys. */
	char typed[CHAT_BYTES];
	size_t typed_len;
};

/*
 * A connection arrives in the room it names, which is made if it is not there,
 * and sees everything from now on. One that was here before is who it was,
 * mostly with its snake. GC_NO_MEMORY if it cannot be, or 0.
 */
int room_enter(struct game *g, const struct gc_event *ev);
/* It is gone; its snake dies. Frees it. */
void room_leave(struct player *p);
/* netd died and its line with it: it keeps its snake for a while. */
void room_lost(struct player *p);

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
/* How many are here, told at most twice a second; who does not come back. */
void rooms_timer(struct game *g, uint64_t number);
/* The game ends: say so to everybody. */
void rooms_bye(struct game *g);
/* For restore(): a room of that name, its state opened; NULL: memory is short,
 * or there are too many. */
struct room *room_made(struct game *g, const char *name, uint64_t number);
/* Its world made no sense: a new one. False: no memory. */
bool room_renew(struct room *r);
/* Somebody who has a snake: a player who is away, or bot number (from 1). */
void room_restore(
    struct room *r, uint64_t conn, unsigned number, const char *name, int slot);
/* Those bots that it does not have. */
void room_bots(struct room *r);
/* Who is still away after a while is gone. */
void rooms_settle_later(struct game *g);

void rooms_free(struct game *g);

#endif
