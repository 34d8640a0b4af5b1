/*
 * path.h - the ways between places, and the shortest one from here to there.
 *
 * A search is a job: the question and the answer are text, so a worker needs
 * to know nothing of the world.
 */
#ifndef MUD_PATH_H
#define MUD_PATH_H

#include <stddef.h>
#include <stdint.h>

enum way { NORTH, EAST, SOUTH, WEST, UP, DOWN, WAYS };
/* "north", and the other end of it. */
extern const char *const way_names[WAYS];
#define WAY_BACK(way) ((way) < UP ? ((way) + 2) % 4 : UP + DOWN - (way))
/* The way that begins with these letters, or WAYS. */
enum way way_of(const char *letters);

#define PATH_PLACES_MAX 1000
#define PATH_NOWHERE UINT16_MAX

struct path_map {
	size_t n, from, to;
	uint16_t exits[PATH_PLACES_MAX][WAYS];
};

/* The question as text, owned by who calls; NULL: out of memory. */
char *path_ask(const struct path_map *map);
/* Reads it back. 0, or -1: that is none. */
int path_read(struct path_map *map, const char *text);
/*
 * A shortest way as letters, "nneu", with a NUL in out; "" if one is there.
 * Returns how many steps, -1 if no way leads there or it has size or more.
 */
int path_find(const struct path_map *map, char *out, size_t size);

#endif
