/* links: gamecore/examples/mud/[wtp][oea]*[dth].c */
/*
 * The builders' file under any text: a world that keeps to its promises, or a
 * problem that names the file; and a question for a path under the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gamecore/examples/mud/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

static void
check_world(const struct world *w)
{
	CHECK(w->start && w->n[PLACES] && w->name && w->welcome);
	for (int s = 0; s < SECTIONS; s++) {
		size_t n = 0;

		for (struct entry *e = w->first[s]; e; e = e->next, n++) {
			CHECK(e->number == n && e->line > 0);
			CHECK(world_at(w, (enum section)s, n) == e);
		}
		CHECK(n == w->n[s]);
	}
	for (struct entry *e = w->first[PLACES]; e; e = e->next) {
		struct place *p = (struct place *)(void *)e;

		CHECK(*p->name && *p->text && p->symbol[0] >= ' ');
	}
	for (struct entry *e = w->first[BREEDS]; e; e = e->next) {
		struct breed *b = (struct breed *)(void *)e;

		CHECK(b->in && b->count >= 1 && b->life >= 1);
		for (size_t i = 0; i < b->carries.n; i++)
			CHECK(b->carries.to[i]);
	}
}

static void
check_path(const char *text)
{
	static struct path_map map;
	char steps[50];
	int n;

	if (path_read(&map, text) != 0)
		return;
	n = path_find(&map, steps, sizeof(steps));
	CHECK(n < 0 || strlen(steps) == (size_t)n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char problem[WORLD_PROBLEM], *text = malloc(size + 1);
	struct world *w;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	w = world_parse("f", text, size, problem);
	CHECK(memchr(problem, '\0', sizeof(problem)));
	CHECK((w == NULL) == (problem[0] != '\0'));
	if (w)
		check_world(w);
	world_free(w);
	check_path(text);
	free(text);
	return 0;
}
