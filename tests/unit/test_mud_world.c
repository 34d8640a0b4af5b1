/* links: gamecore/examples/mud/[wtpm][oea]*[dthp].c */
/*
 * test_mud_world.c - the builders' file: what it gives, and what is said of
 * mistakes; the paths and the map that follow from it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gamecore/examples/mud/mud.h"

#define TWO                                            \
	"world Here\nstart a\n"                        \
	"place a\nname A place\ntext\n  One\n  two.\n" \
	"east b\nsafe\n"                               \
	"place b\nname Beyond\ntext There.\nwest a\n"

static struct world *
parse(const char *text, char problem[WORLD_PROBLEM])
{
	return world_parse("w", text, strlen(text), problem);
}

static struct world *
good(const char *text)
{
	char problem[WORLD_PROBLEM];
	struct world *w = parse(text, problem);

	assert_string_equal(problem, "");
	assert_non_null(w);
	return w;
}

static void
reads_what_is_written(void **state)
{
	struct world *w = good(TWO
	    "thing t\nname a t\nwords tee t\ndamage 3-7\nworn held\nin b\n"
	    "being m\nname m\nwords m\nin a\ncarries t t\nlines\n  One.\n"
	    "  Two.\nquest q\nname Q\ngiver m\nbrings t\noffer O\nthanks T\n");
	struct place *a = world_find(w, PLACES, "a");
	struct kind *t = world_find(w, KINDS, "t");
	struct breed *m = world_find(w, BREEDS, "m");
	struct quest *q = world_find(w, QUESTS, "q");

	(void)state;
	assert_ptr_equal(w->start, a);
	assert_string_equal(a->text, "One two.");
	assert_true(a->safe);
	assert_string_equal(a->exits[EAST]->name, "Beyond");
	assert_ptr_equal(a->exits[EAST]->exits[WEST], a);
	assert_int_equal(t->damage.low, 3);
	assert_int_equal(t->damage.high, 7);
	assert_int_equal(t->slot, HELD);
	assert_ptr_equal(t->in, a->exits[EAST]);
	assert_int_equal(m->carries.n, 2);
	assert_ptr_equal(m->carries.to[1], t);
	assert_string_equal(m->talk, "One.\nTwo.");
	assert_int_equal(m->count, 1);
	assert_ptr_equal(q->giver, m);
	assert_ptr_equal(q->brings, t);
	world_free(w);
}

static void
each_mistake_is_told_with_file_and_line(void **state)
{
	static const struct {
		const char *more, *problem;
	} table[] = {
		{ "place c\nname C\ntext x\nnorth d\n", "w:17: no place 'd'" },
		{ "place a\nname C\n", "w:14: place 'a' is there already, in "
				       "line 3" },
		{ "place c\nname C\n", "w:14: 'c' has no text" },
		{ "place c\nname C\ntext x\nnowth a\n",
		    "w:17: a place has no 'nowth'" },
		{ "place C\n", "w:14: not an id: 'C' (a-z 0-9 _ -)" },
		{ "thing t\nname t\nwords t\ndamage 7-3\n",
		    "w:17: not a range like 3-7: '7'" },
		{ "thing t\nname t\nwords t\nprice much\n",
		    "w:17: not a number from 0 to 1000000: 'much'" },
		{ "thing t\nname t\nwords t\nworn tail\n",
		    "w:17: worn is one of held offhand head body feet, not "
		    "'tail'" },
		{ "being m\nname m\nwords m\n", "w:14: 'm' is in no place" },
		{ "quest q\nname q\noffer o\nthanks t\n",
		    "w:14: 'q' needs a giver, and brings or kills" },
		{ "place c\nname a\x1b[2J\n",
		    "w:15: not UTF-8, or a control character\n"
		    "w:14: 'c' has no name\nw:14: 'c' has no text" },
		{ "place c\nname C\ntext x\nsafe now\n",
		    "w:17: 'safe' stands alone" },
		{ "start nowhere\n", "w:14: no place to start" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char all[1000], problem[WORLD_PROBLEM];

		snprintf(all, sizeof(all), "%s%s", TWO, table[i].more);
		assert_null(parse(all, problem));
		assert_string_equal(problem, table[i].problem);
	}
}

static void
many_mistakes_fill_no_more_than_the_room_for_them(void **state)
{
	struct text t = { 0 };
	char problem[WORLD_PROBLEM];

	(void)state;
	text_printf(&t, "%s", TWO);
	for (int i = 0; i < 1000; i++)
		text_printf(&t, "place p%d\n", i);
	assert_null(parse(text_of(&t), problem));
	assert_true(strlen(problem) < WORLD_PROBLEM);
	assert_non_null(strstr(problem, "w:14: 'p0' has no name"));
	text_release(&t);
}

static void
too_much_is_refused(void **state)
{
	struct text t = { 0 };
	char problem[WORLD_PROBLEM];

	(void)state;
	text_printf(&t, "%splace c\nname ", TWO);
	for (int i = 0; i < 600; i++)
		text_add(&t, "x", 1);
	assert_null(parse(text_of(&t), problem));
	assert_non_null(strstr(problem, "w:15: a line of more than"));
	text_release(&t);
	text_printf(&t, "%splace c\nname C\ntext\n", TWO);
	for (int i = 0; i < 200; i++)
		text_printf(&t, "  %0100d\n", i);
	assert_null(parse(text_of(&t), problem));
	assert_non_null(strstr(problem, "a text of more than"));
	text_release(&t);
}

/* ---- the valley itself --------------------------------------------------- */

static struct world *
valley(void)
{
	static char text[200000], problem[WORLD_PROBLEM];
	FILE *f = fopen("gamecore/examples/mud/vale.world", "r");
	struct world *w;
	size_t len;

	assert_non_null(f);
	len = fread(text, 1, sizeof(text), f);
	fclose(f);
	w = world_parse("vale.world", text, len, problem);
	assert_string_equal(problem, "");
	assert_non_null(w);
	return w;
}

static void
fill(struct path_map *map, const struct world *w)
{
	size_t i = 0;

	memset(map, 0xff, sizeof(*map));
	map->n = w->n[PLACES];
	for (struct entry *e = w->first[PLACES]; e; e = e->next, i++)
		for (int way = 0; way < WAYS; way++) {
			struct place *to =
			    ((struct place *)(void *)e)->exits[way];

			if (to)
				map->exits[i][way] = (uint16_t)to->entry.number;
		}
}

static void
every_place_of_the_valley_is_reached_and_left(void **state)
{
	static struct path_map map;
	struct world *w = valley();
	char steps[100];

	(void)state;
	fill(&map, w);
	assert_true(map.n >= 20);
	for (size_t i = 0; i < map.n; i++) {
		map.from = w->start->entry.number;
		map.to = i;
		assert_true(path_find(&map, steps, sizeof(steps)) >= 0);
		map.from = i;
		map.to = w->start->entry.number;
		assert_true(path_find(&map, steps, sizeof(steps)) >= 0);
	}
	world_free(w);
}

/* An exit leads back the same way: the valley lies as it looks. */
static void
every_way_of_the_valley_leads_back(void **state)
{
	struct world *w = valley();

	(void)state;
	for (struct entry *e = w->first[PLACES]; e; e = e->next) {
		struct place *p = (struct place *)(void *)e;

		for (int way = 0; way < WAYS; way++)
			if (p->exits[way])
				assert_ptr_equal(
				    p->exits[way]->exits[WAY_BACK(way)], p);
	}
	world_free(w);
}

static void
every_quest_of_the_valley_can_be_done(void **state)
{
	struct world *w = valley();

	(void)state;
	for (struct entry *e = w->first[QUESTS]; e; e = e->next) {
		const struct quest *q = (struct quest *)(void *)e;
		bool found = q->kills && !q->kills->peaceful;

		for (struct entry *b = w->first[BREEDS]; b; b = b->next) {
			const struct breed *br = (struct breed *)(void *)b;

			for (size_t i = 0; i < br->carries.n; i++)
				found = found || br->carries.to[i] == q->brings;
		}
		assert_true(found);
		assert_true(q->giver->peaceful);
	}
	world_free(w);
}

/* ---- paths --------------------------------------------------------------- */

static void
a_question_for_a_path_goes_round(void **state)
{
	static struct path_map map, back;
	struct world *w = valley();
	char *question, one[100], two[100];

	(void)state;
	fill(&map, w);
	map.from = 0;
	map.to = map.n - 1;
	question = path_ask(&map);
	assert_int_equal(path_read(&back, question), 0);
	assert_int_equal(back.n, map.n);
	assert_memory_equal(
	    back.exits, map.exits, map.n * sizeof(map.exits[0]));
	assert_true(path_find(&map, one, sizeof(one)) > 0);
	assert_true(path_find(&back, two, sizeof(two)) > 0);
	assert_string_equal(one, two);
	/* One step less than its room. */
	assert_int_equal(path_find(&back, two, strlen(one)), -1);
	free(question);
	world_free(w);
}

static void
bad_questions_are_refused(void **state)
{
	static struct path_map map;
	static const char *const bad[] = { "", "x", "3", "3 0", "3 0 3",
		"2000 0 1", "3 0 1 0", "3 0 1 0x1", "3 0 1 0n", "3 0 1 0n3",
		"3 0 1 3n0", "3 0 1 0n 1", "-3 0 1", "0 0 0",
		"99999999999999999999 0 1" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(path_read(&map, bad[i]), -1);
	assert_int_equal(path_read(&map, "3 0 2 0n1 1e2"), 0);
}

static void
no_way_is_no_path(void **state)
{
	static struct path_map map;
	char steps[10];

	(void)state;
	assert_int_equal(path_read(&map, "3 0 2 0n1"), 0);
	assert_int_equal(path_find(&map, steps, sizeof(steps)), -1);
	map.to = 0;
	assert_int_equal(path_find(&map, steps, sizeof(steps)), 0);
	assert_string_equal(steps, "");
}

/* ---- the map ------------------------------------------------------------- */

static void
the_map_shows_what_is_around(void **state)
{
	struct world *w = good("start a\n"
			       "place a\nname A\ntext x\nsymbol a\neast b\n"
			       "south c\n"
			       "place b\nname B\ntext x\nsymbol b\nwest a\n"
			       "up d\n"
			       "place c\nname C\ntext x\nsymbol c\nnorth a\n"
			       "place d\nname D\ntext x\ndown b\n");
	struct text t = { 0 };

	(void)state;
	map_draw(w, w->start, 4, &t);
	assert_string_equal(text_of(&t),
	    "{pre}  [{bold}{yellow}@{/}{/}]-[{cyan}^{/}] \n"
	    "   |      \n"
	    "  [{cyan}c{/}]     \n{/pre}");
	text_release(&t);
	map_json(w, w->start, 4, &t);
	assert_string_equal(text_of(&t),
	    "[{\"x\":0,\"y\":0,\"name\":\"A\",\"symbol\":\"a\",\"exits\":\"es\"},"
	    "{\"x\":1,\"y\":0,\"name\":\"B\",\"symbol\":\"b\",\"exits\":\"wu\"},"
	    "{\"x\":0,\"y\":1,\"name\":\"C\",\"symbol\":\"c\",\"exits\":\"n\"}]");
	text_release(&t);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_is_written),
		cmocka_unit_test(each_mistake_is_told_with_file_and_line),
		cmocka_unit_test(
		    many_mistakes_fill_no_more_than_the_room_for_them),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(every_place_of_the_valley_is_reached_and_left),
		cmocka_unit_test(every_way_of_the_valley_leads_back),
		cmocka_unit_test(every_quest_of_the_valley_can_be_done),
		cmocka_unit_test(a_question_for_a_path_goes_round),
		cmocka_unit_test(bad_questions_are_refused),
		cmocka_unit_test(no_way_is_no_path),
		cmocka_unit_test(the_map_shows_what_is_around),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
