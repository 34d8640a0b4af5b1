/*
 * players.h - many players who notice everything.
 *
 * Each sends numbered, checksummed messages to the ledger or the echo game
 * over lines, and holds every answer against what it must be: any message
 * that was lost, doubled, reordered, spoilt or given to another, in either
 * direction, fails the case with both sides of the difference.
 */
#ifndef TESTS_LIB_PLAYERS_H
#define TESTS_LIB_PLAYERS_H

#include "tests/lib/kit.h"

enum players_of { OF_ECHO, OF_LEDGER };

struct players;

/*
 * Connect n of them to url. window: messages that one has under way at once;
 * padding: at most so many letters in a message. Ends with the case.
 */
struct players *players_new(enum players_of game, const char *url, unsigned n,
    unsigned window, unsigned padding, uint64_t seed);
/* The same with every other player at another listener. */
struct players *
players_mixed(enum players_of game, const char *even, const char *odd,
    unsigned n, unsigned window, unsigned padding, uint64_t seed);
/* Talk for so long. */
void players_talk(struct players *p, int for_ms);
/* Talk until so many more answers came; fails after KIT_WAIT_MS. */
void players_talk_until(struct players *p, uint64_t answers);
/* Say nothing new and wait for every answer; fails after KIT_WAIT_MS. */
void players_settle(struct players *p);
/* Send new messages, each player one, and read nothing. */
void players_say(struct players *p);
/* After settling, for the ledger: every entry has its own place in the one
 * sequence, and the sequence has no other. */
void players_reconcile(struct players *p);

uint64_t players_answers(const struct players *p);
uint64_t players_ticks(const struct players *p);
/* The longest that any message waited for its answer since the last call. */
int64_t players_longest_us(struct players *p);

/* The test program of tests/games as a name for kit_start(). */
const char *players_game(const char *name);

#endif
