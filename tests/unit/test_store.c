/* netd/store.c: whoever follows a store by its deltas, from any version and
 * at any pace, holds what it holds. */
/* links: netd/store*.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/msg.h"
#include "netd/store.h"

#define MAKE ipc_value_make

static const struct store_limits limits = { 10000, 1 << 20, 1000, 1000000 };

static const char *
json(const struct ipc_value *v)
{
	static char text[8192];
	struct ipc_buf b;

	if (v == NULL)
		return "-";
	ipc_buf_init(&b, sizeof(text) - 1);
	assert_int_equal(ipc_value_json(v, &b), 0);
	memcpy(text, b.data, b.len);
	text[b.len] = '\0';
	ipc_buf_release(&b);
	return text;
}

/* Whatever the order of keys. */
static void
is(const struct ipc_value *v, const char *want)
{
	struct ipc_value *w;
	const char *why;
	struct ipc_value *mine;
	const char *text = json(v);

	assert_int_equal(ipc_value_from_json(want, strlen(want),
			     &ipc_value_from_pipe, &w, &why),
	    0);
	assert_int_equal(ipc_value_from_json(text, strlen(text),
			     &ipc_value_from_pipe, &mine, &why),
	    0);
	if (!ipc_value_equal(mine, w))
		fail_msg("%s is not %s", text, want);
	ipc_value_free(mine);
	ipc_value_free(w);
}

static struct ipc_path
path(const char *text)
{
	struct ipc_path p;

	assert_true(ipc_path_parse(text, &p));
	return p;
}

static int
set(struct store *s, const char *at, struct ipc_value *v)
{
	struct ipc_path p = path(at);
	int e = store_set(s, &p, v, 0);

	ipc_value_free(v);
	return e;
}

static int
merge(struct store *s, const char *at, struct ipc_value *v)
{
	struct ipc_path p = path(at);
	int e = store_merge(s, &p, v, 0);

	ipc_value_free(v);
	return e;
}

static int
drop(struct store *s, const char *at)
{
	struct ipc_path p = path(at);

	return store_drop(s, &p, 0);
}

/* Somebody who follows. */
struct follower {
	struct ipc_value *has;
	uint64_t version;
	struct store_sight sight;
	bool marks; /* deletes by marker, as a PyGaSe client */
	struct ipc_value *marker;
};

static void
follower_init(struct follower *f, bool marks)
{
	memset(f, 0, sizeof(*f));
	f->has = ipc_value_map();
	f->marks = marks;
	f->marker = ipc_value_bytes(STORE_DELETED, STORE_DELETED_LEN);
}

static void
follower_release(struct follower *f)
{
	ipc_value_free(f->has);
	ipc_value_free(f->marker);
	store_sight_release(&f->sight);
}

/* As a PyGaSe client merges: a marker for what it has not is kept, and that
 * must not happen. */
static void
merge_strictly(struct ipc_value *into, const struct ipc_value *from)
{
	for (size_t i = 0; i < ipc_value_size(from); i++) {
		struct ipc_key key = ipc_value_key(from, i);
		const struct ipc_value *v = ipc_value_at(from, i);
		struct ipc_value *mine = ipc_value_get(into, key);

		if (store_is_deleted(v)) {
			assert_non_null(mine);
			ipc_value_free(ipc_value_take(into, key));
		} else if (ipc_value_type(v) == IPC_V_MAP) {
			if (ipc_value_type(mine) != IPC_V_MAP) {
				mine = ipc_value_map();
				ipc_value_set(into, key, mine);
			}
			merge_strictly(mine, v);
		} else {
			ipc_value_set(into, key, ipc_value_copy(v));
		}
	}
}

/* True: there was something. */
static bool
follow(struct follower *f, struct store *s)
{
	struct store_delta d;
	bool some;

	assert_int_equal(store_delta(s, f->version, &f->sight,
			     f->marks ? f->marker : NULL, &d),
	    0);
	if (d.whole) {
		ipc_value_free(f->has);
		f->has = ipc_value_map();
	}
	for (size_t i = 0; i < ipc_value_size(d.del); i++) {
		struct ipc_path p;

		assert_true(ipc_path_of(ipc_value_at(d.del, i), &p));
		/* Never of something that it does not have. */
		assert_true(ipc_value_drop(f->has, &p));
	}
	if (d.set)
		merge_strictly(f->has, d.set);
	some = d.set || d.del;
	f->version = d.to;
	store_delta_release(&d);
	return some;
}

static void
same(const struct follower *f, const struct store *s)
{
	struct ipc_value *v = store_value(s);

	if (!ipc_value_equal(v, f->has)) {
		print_message("has %s\n", json(f->has));
		print_message("not %s\n", json(v));
		fail();
	}
	ipc_value_free(v);
}

static void
a_delta_has_what_changed_and_no_more(void **state)
{
	struct store *s = store_new(&limits);
	struct store_delta d;
	uint64_t v;

	(void)state;
	assert_int_equal(merge(s, "",
			     MAKE("{sis{i{sisi}}}", "tick", 1, "players", 7,
				 "x", 1, "y", 2)),
	    0);
	v = store_version(s);
	assert_int_equal(merge(s, "players/7", MAKE("{si}", "x", 5)), 0);
	assert_int_equal(set(s, "tick", ipc_value_int(2)), 0);
	assert_int_equal(store_delta(s, v, NULL, NULL, &d), 0);
	is((d.set), "{\"tick\":2,\"players\":{\"7\":{\"x\":5}}}");
	assert_null(d.del);
	assert_false(d.whole);
	store_delta_release(&d);
	/* What is equal is no change. */
	v = store_version(s);
	assert_int_equal(set(s, "tick", ipc_value_int(2)), 0);
	assert_int_equal(merge(s, "", MAKE("{s{}}", "players")), 0);
	assert_int_equal(drop(s, "players/9"), 0);
	assert_int_equal(store_version(s), v);
	assert_int_equal(drop(s, "players/7/x"), 0);
	assert_int_equal(store_delta(s, v, NULL, NULL, &d), 0);
	assert_null(d.set);
	is((d.del), "[[\"players\",7,\"x\"]]");
	store_delta_release(&d);
	/* To one who has all of it, nothing. */
	assert_int_equal(store_delta(s, d.to, NULL, NULL, &d), 0);
	assert_null(d.set);
	assert_null(d.del);
	store_free(s);
}

static void
setting_a_map_lets_go_of_the_rest(void **state)
{
	struct store *s = store_new(&limits);
	struct follower f;
	struct ipc_value *v;

	(void)state;
	follower_init(&f, false);
	set(s, "", MAKE("{s{sisi}si}", "a", "x", 1, "y", 2, "b", 3));
	follow(&f, s);
	set(s, "", MAKE("{s{sisi}}", "a", "y", 2, "z", 4));
	follow(&f, s);
	same(&f, s);
	v = store_value(s);
	is((v), "{\"a\":{\"z\":4,\"y\":2}}");
	ipc_value_free(v);
	assert_int_equal(set(s, "", ipc_value_int(1)), IPC_ERR_INVALID);
	assert_int_equal(merge(s, "a", ipc_value_int(1)), IPC_ERR_INVALID);
	assert_int_equal(drop(s, ""), IPC_ERR_INVALID);
	follower_release(&f);
	store_free(s);
}

static unsigned
dice(unsigned sides)
{
	static uint64_t seed = 7;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % sides;
}

/* One of a few hundred places, so that they meet often. */
static void
change(struct store *s)
{
	static const char *const names[] = { "a", "b", "c", "7", "'7" };
	char at[64];
	size_t n = 0;
	unsigned depth = 1 + dice(4), what = dice(10);

	for (unsigned i = 0; i < depth; i++)
		n += (size_t)snprintf(at + n, sizeof(at) - n, "%s%s",
		    i ? "/" : "", names[dice(5)]);
	if (what < 3)
		assert_int_equal(drop(s, at), 0);
	else if (what < 6)
		assert_int_equal(set(s, at, ipc_value_int(dice(4))), 0);
	else if (what < 8)
		assert_int_equal(set(s, at,
				     MAKE("{si s{si}}", "a", (int)dice(3), "b",
					 "c", (int)dice(3))),
		    0);
	else if (what == 8)
		assert_int_equal(set(s, at, ipc_value_map()), 0);
	else
		assert_int_equal(
		    merge(s, at,
			MAKE("{sy s{si}}", names[dice(3)], STORE_DELETED,
			    (size_t)4, names[dice(3)], "a", (int)dice(5))),
		    0);
}

#define FOLLOWERS 6

static void
whoever_follows_holds_the_same(void **state)
{
	struct store *s = store_new(&limits);
	struct follower f[FOLLOWERS];

	(void)state;
	for (unsigned i = 0; i < FOLLOWERS; i++)
		follower_init(&f[i], i % 2);
	for (unsigned turn = 0; turn < 30000; turn++) {
		uint64_t least = UINT64_MAX;

		change(s);
		for (unsigned i = 0; i < FOLLOWERS; i++) {
			/* Each at its pace: every turn, or rarely. */
			if (dice(1 + i * i * i) == 0) {
				follow(&f[i], s);
				same(&f[i], s);
			}
			if (f[i].version < least)
				least = f[i].version;
		}
		if (turn % 5 == 0)
			store_prune(s, least, 0);
	}
	for (unsigned i = 0; i < FOLLOWERS; i++) {
		follow(&f[i], s);
		same(&f[i], s);
		follower_release(&f[i]);
	}
	store_prune(s, store_version(s), 0);
	assert_int_equal(store_tombs(s), 0);
	store_free(s);
}

static void
tombstones_have_an_end(void **state)
{
	struct store_limits few = limits;
	struct follower f;
	struct store *s;

	(void)state;
	few.tombs_max = 10;
	s = store_new(&few);
	follower_init(&f, false);
	for (int i = 0; i < 100; i++) {
		char at[16];

		snprintf(at, sizeof(at), "%d", i);
		set(s, at, ipc_value_int(i));
		if (i == 50)
			follow(&f, s);
		drop(s, at);
		store_prune(s, 0, 0);
		assert_true(store_tombs(s) <= 10);
	}
	set(s, "x", ipc_value_int(1));
	/* It is too far behind, and begins anew. */
	follow(&f, s);
	same(&f, s);
	store_prune(s, 0, 999999);
	assert_int_equal(store_tombs(s), 10);
	store_prune(s, 0, 1000000);
	assert_int_equal(store_tombs(s), 0);
	assert_int_equal(store_places(s), 2);
	follower_release(&f);
	store_free(s);
}

static void
a_store_has_limits(void **state)
{
	struct store_limits tiny = { 5, 1000, 10, 10 };
	struct store *s = store_new(&tiny);
	struct ipc_value *deep = ipc_value_map();
	char text[2000];

	(void)state;
	assert_int_equal(
	    set(s, "a", MAKE("{sisisi}", "x", 1, "y", 2, "z", 3)), 0);
	assert_int_equal(set(s, "b", ipc_value_int(1)), IPC_ERR_LIMIT);
	memset(text, 'x', sizeof(text));
	assert_int_equal(
	    set(s, "a/x", ipc_value_str(text, sizeof(text))), IPC_ERR_LIMIT);
	store_free(s);
	s = store_new(&limits);
	for (int i = 0; i < 14; i++)
		deep = MAKE("{sv}", "d", deep);
	assert_int_equal(set(s, "d", ipc_value_copy(deep)), 0);
	deep = MAKE("{sv}", "d", deep);
	assert_int_equal(set(s, "d", deep), IPC_ERR_LIMIT);
	deep = ipc_value_array();
	for (int i = 0; i < 13; i++)
		deep = MAKE("[v]", deep);
	assert_int_equal(set(s, "e", deep), IPC_ERR_LIMIT);
	store_free(s);
}

static void
rules_say_what_is_seen(void **state)
{
	struct store *s = store_new(&limits);
	struct ipc_value *rules =
	    MAKE("{s[[b[sss]][b[sss]][b[s]]]}", "rules", 0, "players", "*",
		"cards", 1, "players", "$me", "cards", 0, "secret");
	struct follower f;

	(void)state;
	follower_init(&f, false);
	f.sight.view = store_view_new(rules);
	assert_non_null(f.sight.view);
	ipc_value_free(rules);
	f.sight.me = ipc_value_int(1);
	assert_false(store_sight_shared(&f.sight));
	set(s, "",
	    MAKE("{s{i{sisi}i{sisi}}sisi}", "players", 1, "cards", 11, "name",
		1, 2, "cards", 22, "name", 2, "secret", 3, "open", 4));
	follow(&f, s);
	is((f.has), "{\"players\":{\"1\":{\"cards\":11,\"name\":1},"
		    "\"2\":{\"name\":2}},\"open\":4}");
	set(s, "players/2/cards", ipc_value_int(5));
	set(s, "secret", ipc_value_int(6));
	assert_false(follow(&f, s));
	set(s, "players/1/cards", ipc_value_int(7));
	drop(s, "secret");
	assert_true(follow(&f, s));
	drop(s, "players/1/cards");
	follow(&f, s);
	is((f.has),
	    "{\"players\":{\"1\":{\"name\":1},\"2\":{\"name\":2}},\"open\":4}");
	store_view_free((struct store_view *)(uintptr_t)f.sight.view);
	/* If the first rule shows, nothing else is seen. */
	rules = MAKE("{s[[b[sis]]]}", "rules", 1, "players", 2, "name");
	f.sight.view = store_view_new(rules);
	ipc_value_free(rules);
	f.version = 0;
	follow(&f, s);
	is((f.has), "{\"players\":{\"2\":{\"name\":2}}}");
	store_view_free((struct store_view *)(uintptr_t)f.sight.view);
	f.sight.view = NULL;
	follower_release(&f);
	store_free(s);
}

static void
only_what_is_near_is_seen(void **state)
{
	struct ipc_value *near = MAKE("{sf}", "radius", 10.0);
	struct store *s = store_new(&limits);
	struct ipc_path map = path("things");
	struct follower f;

	(void)state;
	follower_init(&f, false);
	f.sight.view = store_view_new(near);
	ipc_value_free(near);
	f.sight.me = ipc_value_int(0);
	assert_int_equal(store_grid(s, &map, "at", NULL, 10), 0);
	for (int i = 0; i < 100; i++)
		merge(s, "things",
		    MAKE("{i{s[ii]si}}", i, "at", i * 5, 0, "n", i));
	merge(s, "things", MAKE("{s{si}}", "nowhere", "n", 1));
	follow(&f, s);
	/* 0, 5, 10 and what has no place. */
	assert_int_equal(ipc_value_size(ipc_value_gets(f.has, "things")), 4);
	/* What happens far away is no news. */
	merge(s, "things/50", MAKE("{si}", "n", -1));
	assert_false(follow(&f, s));
	merge(s, "things/2", MAKE("{si}", "n", -1));
	assert_true(follow(&f, s));
	/* It goes there: what was near leaves, what is there comes. */
	merge(s, "things/0", MAKE("{s[ii]}", "at", 250, 3));
	follow(&f, s);
	assert_int_equal(ipc_value_size(ipc_value_gets(f.has, "things")), 5);
	is((ipc_value_get(ipc_value_gets(f.has, "things"), ipc_key_int(50))),
	    "{\"at\":[250,0],\"n\":-1}");
	/* One that dies there, one that comes there, one that goes. */
	drop(s, "things/50");
	merge(s, "things", MAKE("{s{s[ii]}}", "new", "at", 251, 0));
	merge(s, "things/49", MAKE("{s[ii]}", "at", 0, 0));
	follow(&f, s);
	assert_null(
	    ipc_value_get(ipc_value_gets(f.has, "things"), ipc_key_int(50)));
	assert_null(
	    ipc_value_get(ipc_value_gets(f.has, "things"), ipc_key_int(49)));
	assert_non_null(ipc_value_gets(ipc_value_gets(f.has, "things"), "new"));
	/* A look at another place, with nothing changed. */
	f.sight.fixed = true;
	f.sight.x = 100;
	assert_true(follow(&f, s));
	assert_non_null(
	    ipc_value_get(ipc_value_gets(f.has, "things"), ipc_key_int(20)));
	assert_int_equal(ipc_value_size(ipc_value_gets(f.has, "things")), 6);
	store_view_free((struct store_view *)(uintptr_t)f.sight.view);
	follower_release(&f);
	store_free(s);
}

/* What a player sees is what lies within its radius, whoever moves. */
static void
near_and_far_agree_with_the_distance(void **state)
{
	struct ipc_value *near = MAKE("{sf}", "radius", 10.0);
	struct store *s = store_new(&limits);
	struct ipc_path map = path("t");
	struct follower f;

	(void)state;
	follower_init(&f, false);
	f.sight.view = store_view_new(near);
	ipc_value_free(near);
	f.sight.me = ipc_value_int(0);
	assert_int_equal(store_grid(s, &map, "x", "y", 7), 0);
	for (int turn = 0; turn < 4000; turn++) {
		const struct ipc_value *all, *has, *me;
		struct ipc_value *v;
		unsigned who = dice(60);
		char at[8];

		snprintf(at, sizeof(at), "t/%u", who);
		if (who && dice(8) == 0)
			drop(s, at);
		else
			set(s, at,
			    MAKE("{sisi}", "x", (int)dice(60), "y",
				(int)dice(60)));
		if (turn % 7 == 0)
			store_prune(s, f.version, 0);
		if (dice(3))
			continue;
		follow(&f, s);
		v = store_value(s);
		all = ipc_value_gets(v, "t");
		has = ipc_value_gets(f.has, "t");
		me = ipc_value_get(all, ipc_key_int(0));
		for (size_t i = 0; me && i < ipc_value_size(all); i++) {
			const struct ipc_value *one = ipc_value_at(all, i);
			const struct ipc_value *mine =
			    ipc_value_get(has, ipc_value_key(all, i));
			double x =
			    ipc_value_as_float(ipc_value_gets(one, "x")) -
			    ipc_value_as_float(ipc_value_gets(me, "x"));
			double y =
			    ipc_value_as_float(ipc_value_gets(one, "y")) -
			    ipc_value_as_float(ipc_value_gets(me, "y"));

			if (x * x + y * y <= 100)
				assert_non_null(mine);
			if (x * x + y * y > 121)
				assert_null(mine);
			if (mine)
				assert_true(ipc_value_equal(mine, one));
		}
		/* And nothing that is no more. */
		for (size_t i = 0; i < ipc_value_size(has); i++)
			assert_non_null(
			    ipc_value_get(all, ipc_value_key(has, i)));
		ipc_value_free(v);
	}
	store_view_free((struct store_view *)(uintptr_t)f.sight.view);
	follower_release(&f);
	store_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delta_has_what_changed_and_no_more),
		cmocka_unit_test(setting_a_map_lets_go_of_the_rest),
		cmocka_unit_test(whoever_follows_holds_the_same),
		cmocka_unit_test(tombstones_have_an_end),
		cmocka_unit_test(a_store_has_limits),
		cmocka_unit_test(rules_say_what_is_seen),
		cmocka_unit_test(only_what_is_near_is_seen),
		cmocka_unit_test(near_and_far_agree_with_the_distance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
