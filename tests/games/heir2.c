/*
 * heir2.c - the next build of heir.c: it says so when asked who it is.
 */
#define HEIR_BUILD 2
#include "tests/games/heir.c"
