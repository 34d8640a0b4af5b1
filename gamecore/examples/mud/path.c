/*
 * path.c - the shortest way between two places, breadth first.
 */
#include "path.h"
#include "text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char *const way_names[WAYS] = { "north", "east", "south", "west", "up",
	"down" };

enum way
way_of(const char *letters)
{
	for (int w = 0; w < WAYS && *letters; w++)
		if (text_begins(way_names[w], letters))
			return (enum way)w;
	return WAYS;
}

char *
path_ask(const struct path_map *map)
{
	struct text t = { 0 };

	text_printf(&t, "%zu %zu %zu", map->n, map->from, map->to);
	for (size_t i = 0; i < map->n; i++)
		for (int w = 0; w < WAYS; w++)
			if (map->exits[i][w] != PATH_NOWHERE)
				text_printf(&t, " %zu%c%d", i, way_names[w][0],
				    map->exits[i][w]);
	return t.bytes;
}

/* A whole number below max at *p, which moves behind it. */
static bool
number(const char **p, size_t max, size_t *out)
{
	char *end;
	unsigned long n;

	*p += strspn(*p, " ");
	if (**p < '0' || **p > '9')
		return false;
	n = strtoul(*p, &end, 10);
	*p = end;
	*out = n;
	return n < max;
}

int
path_read(struct path_map *map, const char *text)
{
	size_t from, to;

	if (!number(&text, PATH_PLACES_MAX + 1, &map->n) ||
	    !number(&text, map->n, &map->from) ||
	    !number(&text, map->n, &map->to))
		return -1;
	memset(map->exits, 0xff, sizeof(map->exits));
	while (*text) {
		char letter[2] = { 0 };
		enum way way;

		if (!number(&text, map->n, &from))
			return -1;
		letter[0] = *text;
		way = way_of(letter);
		if (way == WAYS || text++ == NULL || *text == ' ' ||
		    !number(&text, map->n, &to))
			return -1;
		map->exits[from][way] = (uint16_t)to;
	}
	return 0;
}

/* Walk back from the end along how each place was come to. */
static int
letters(const struct path_map *map, const uint16_t *before, const char *by,
    char *out, size_t size)
{
	size_t steps = 0;

	for (size_t at = map->to; at != map->from; at = before[at])
		steps++;
	if (steps >= size)
		return -1;
	out[steps] = '\0';
	for (size_t at = map->to, i = steps; at != map->from; at = before[at])
		out[--i] = by[at];
	return (int)steps;
}

int
path_find(const struct path_map *map, char *out, size_t size)
{
	uint16_t before[PATH_PLACES_MAX], queue[PATH_PLACES_MAX];
	char by[PATH_PLACES_MAX] = { 0 };
	size_t head = 0, tail = 0;

	by[map->from] = '.';
	queue[tail++] = (uint16_t)map->from;
	while (head < tail && by[map->to] == 0) {
		uint16_t at = queue[head++];

		for (int w = 0; w < WAYS; w++) {
			uint16_t next = map->exits[at][w];

			if (next >= map->n || by[next])
				continue;
			by[next] = way_names[w][0];
			before[next] = at;
			queue[tail++] = next;
		}
	}
	return by[map->to] ? letters(map, before, by, out, size) : -1;
}
