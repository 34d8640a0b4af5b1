/*
 * state.c - what following a state costs: deltas a second on one core, and
 * bytes a player and second against sending the whole state.
 *
 *	state [THINGS [PLAYERS [TICKS]]]     200 things, 200 players, 200 ticks
 *
 * netd's store alone, with its encodings, no sockets. At 20 ticks a second a
 * tenth of the things move each tick, and one changes its name a second. Three
 * ways: everybody sees all (a delta is made once for all), everybody sees what
 * is near (a delta each), and the whole state each tick, as a game without
 * deltas would send it.
 */
#include "ipc/value.h"
#include "netd/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TICKS_PER_S 20
#define WORLD 1000
#define RADIUS 100.0

static int things = 200, players = 200, ticks = 200;

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned
dice(unsigned sides)
{
	static uint64_t seed = 7;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % sides;
}

static struct store *
world(void)
{
	struct store_limits limits = { 1000000, 64 << 20, 100000, 10000000 };
	struct store *s = store_new(&limits);
	struct ipc_path map;

	if (s == NULL || !ipc_path_parse("things", &map) ||
	    store_grid(s, &map, "x", "y", RADIUS) < 0)
		abort();
	for (int i = 0; i < things; i++) {
		struct ipc_value *v = ipc_value_make("{i{sfsfsisssi}}", i, "x",
		    (double)dice(WORLD), "y", (double)dice(WORLD), "life", 100,
		    "name", "somebody", "team", i % 4);

		if (store_merge(s, &map, v, 0) < 0)
			abort();
		ipc_value_free(v);
	}
	return s;
}

static void
tick(struct store *s, int n)
{
	struct ipc_value *moved = ipc_value_map(), *v;
	struct ipc_path map;

	ipc_path_parse("things", &map);
	for (int i = n % 10; i < things; i += 10)
		ipc_value_set(moved, ipc_key_int(i),
		    ipc_value_make("{sfsf}", "x", (double)dice(WORLD * 8) / 8,
			"y", (double)dice(WORLD * 8) / 8));
	v = n % TICKS_PER_S ? NULL : ipc_value_make("{ss}", "name", "another");
	if (v)
		ipc_value_set(
		    moved, ipc_key_int((int64_t)dice((unsigned)things)), v);
	if (store_merge(s, &map, moved, 0) < 0)
		abort();
	ipc_value_free(moved);
}

struct sum {
	double encode_s[2];
	size_t bytes[2];
	uint64_t deltas, encoded;
};

/* As netd says it: both forms. */
static void
encode(struct sum *sum, const struct store_delta *d)
{
	struct ipc_value *v = ipc_value_make("[s{slslsvsv}]", "$state", "from",
	    (int64_t)d->from, "to", (int64_t)d->to, "set",
	    ipc_value_copy(d->set), "del", ipc_value_copy(d->del));
	struct ipc_buf b;
	double start;

	for (int form = 0; form < 2; form++) {
		ipc_buf_init(&b, 16 << 20);
		start = now_s();
		if ((form ? ipc_value_pack(v, &b) : ipc_value_json(v, &b)) < 0)
			abort();
		sum->encode_s[form] += now_s() - start;
		sum->bytes[form] += b.len;
		ipc_buf_release(&b);
	}
	sum->encoded++;
	ipc_value_free(v);
}

static void
show(const char *what, const struct sum *sum, double walk_s, uint64_t told)
{
	double seconds = (double)ticks / TICKS_PER_S;
	static const char *const forms[] = { "json", "msgpack" };

	printf("%s: %.0f deltas a second of CPU (walk and json)\n", what,
	    (double)told / (walk_s + sum->encode_s[0]));
	for (int form = 0; form < 2; form++)
		printf("%s: %s %.0f bytes a player and second, %.0f ns to "
		       "encode one of %zu bytes\n",
		    what, forms[form],
		    (double)sum->bytes[form] * (double)told /
			(double)sum->encoded / players / seconds,
		    sum->encode_s[form] / (double)sum->encoded * 1e9,
		    sum->bytes[form] / (size_t)sum->encoded);
}

/* Everybody has the same version: one delta a tick, handed to all. */
static void
all_alike(bool whole)
{
	struct store *s = world();
	struct sum sum = { 0 };
	uint64_t base = store_version(s);
	double walk_s = 0;

	for (int n = 0; n < ticks; n++) {
		struct store_delta d;
		double start;

		tick(s, n);
		start = now_s();
		if (store_delta(s, whole ? 0 : base, NULL, NULL, &d) < 0)
			abort();
		walk_s += now_s() - start;
		encode(&sum, &d);
		base = d.to;
		store_delta_release(&d);
		store_prune(s, base, 0);
	}
	show(whole ? "whole state" : "all see all", &sum, walk_s,
	    (uint64_t)ticks * (uint64_t)players);
	store_free(s);
}

static void
each_near(void)
{
	struct store *s = world();
	struct ipc_value *rules = ipc_value_make("{sf}", "radius", RADIUS);
	struct store_view *view = store_view_new(rules);
	struct store_sight *sights = calloc((size_t)players, sizeof(*sights));
	uint64_t *bases = calloc((size_t)players, sizeof(*bases));
	struct sum sum = { 0 };
	double walk_s = 0;

	for (int i = 0; i < players; i++) {
		sights[i].view = view;
		sights[i].me = ipc_value_int(i % things);
	}
	for (int n = -1; n < ticks; n++) {
		if (n >= 0)
			tick(s, n);
		for (int i = 0; i < players; i++) {
			struct store_delta d;
			double start = now_s();

			if (store_delta(s, bases[i], &sights[i], NULL, &d) < 0)
				abort();
			/* The first one is everything, and not counted. */
			if (n >= 0) {
				walk_s += now_s() - start;
				encode(&sum, &d);
			}
			bases[i] = d.to;
			store_delta_release(&d);
		}
		store_prune(s, store_version(s), 0);
	}
	show("all see what is near", &sum, walk_s, sum.encoded);
	for (int i = 0; i < players; i++)
		store_sight_release(&sights[i]);
	free(sights);
	free(bases);
	store_view_free(view);
	ipc_value_free(rules);
	store_free(s);
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		things = atoi(argv[1]);
	if (argc > 2)
		players = atoi(argv[2]);
	if (argc > 3)
		ticks = atoi(argv[3]);
	if (things < 1 || players < 1 || ticks < 1) {
		fputs("usage: state [THINGS [PLAYERS [TICKS]]]\n", stderr);
		return 2;
	}
	all_alike(false);
	each_near();
	all_alike(true);
	return 0;
}
