/*
 * kinds2.c - the next build of kinds.c: it knows "move", and "say" is longer.
 */
#define LATER
#include "tests/games/kinds.c"
