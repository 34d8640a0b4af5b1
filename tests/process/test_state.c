/* links: tests/lib/kit*.c tests/lib/players.c tests/lib/family.c */
/*
 * States and events between a real netd, a real game and players: who follows
 * has what the game has, however slow it is and whoever dies meanwhile.
 */
#include "ipc/value.h"
#include "tests/lib/family.h"
#include "tests/lib/kit.h"
#include "tests/lib/kit_game.h"
#include "tests/lib/kit_own.h"
#include "tests/lib/players.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#define THINGS "[40]"
#define LAST "39"
#else
#define THINGS "[150]"
#define LAST "149"
#endif
#define URL "ws://127.0.0.1:0/"

static struct kit_proc *game;

/* ---- a player ---------------------------------------------------------------
 */

struct page {
	int fd;
	struct ipc_value *state;
	unsigned wholes, deltas, asked;
	bool acks_all; /* not only where netd asks for it */
	size_t bytes;  /* of all deltas */
	uint64_t version, number;
	struct ipc_value *said; /* the last message that was no state */
};

static struct page pages[4];

static struct ipc_value *
parsed(const char *text, size_t len)
{
	struct ipc_value *v;
	const char *why;

	if (ipc_value_from_json(text, len, &ipc_value_from_pipe, &v, &why) < 0)
		kit_fail("'%.*s': %s", (int)len, text, why);
	return v;
}

static void
say(struct page *p, struct ipc_value *v)
{
	struct ipc_buf b;

	ipc_buf_init(&b, 1 << 20);
	if (v == NULL || ipc_value_json(v, &b) < 0)
		kit_fail("cannot be said");
	kit_ws_send(p->fd, 1, b.data, b.len);
	ipc_buf_release(&b);
	ipc_value_free(v);
}

static void
follow(struct page *p, const struct ipc_value *d, bool ack)
{
	bool asked = ipc_value_as_bool(ipc_value_gets(d, "ack"));
	const struct ipc_value *del = ipc_value_gets(d, "del");
	const struct ipc_value *set = ipc_value_gets(d, "set");
	int64_t from = ipc_value_as_int(ipc_value_gets(d, "from"));

	if (from == 0) {
		ipc_value_free(p->state);
		p->state = ipc_value_map();
		p->wholes++;
	} else if ((uint64_t)from != p->version) {
		kit_fail("a delta from %lld for one who has %llu",
		    (long long)from, (unsigned long long)p->version);
	}
	p->deltas++;
	for (size_t i = 0; i < ipc_value_size(del); i++) {
		struct ipc_path path;

		/* In JSON every key is text. */
		ipc_path_of(ipc_value_at(del, i), &path);
		for (size_t k = 0; k < path.n; k++)
			if (path.keys[k].text == NULL) {
				char *t = kit_own(malloc(24));

				snprintf(t, 24, "%lld",
				    (long long)path.keys[k].number);
				path.keys[k] = ipc_key_str(t, strlen(t));
			}
		ipc_value_drop(p->state, &path);
	}
	if (set)
		ipc_value_merge(p->state, set, NULL);
	p->version = (uint64_t)ipc_value_as_int(ipc_value_gets(d, "to"));
	p->asked += asked;
	if (ack && (asked || p->acks_all))
		say(p, ipc_value_make("[sl]", "$ack", (int64_t)p->version));
}

static bool
is(const struct ipc_value *v, const char *text)
{
	return strcmp(ipc_value_text(v, NULL), text) == 0;
}

/* One message; whether it was a state. */
static bool
hear(struct page *p, bool ack)
{
	struct ipc_value *v;
	size_t len;
	char *text;

	kit_ws_recv(p->fd, &text, &len);
	v = parsed(text, len);
	if (is(ipc_value_at(v, 0), "$state")) {
		p->bytes += len;
		follow(p, ipc_value_at(v, 1), ack);
		ipc_value_free(v);
		return true;
	}
	ipc_value_free(p->said);
	p->said = v;
	return false;
}

/* Hear until the place at path is that JSON; NULL: is not there. */
static void
until(struct page *p, const char *path, const char *want)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	struct ipc_value *w = want ? parsed(want, strlen(want)) : NULL;
	struct ipc_path at;
	char text[128] = "";
	size_t n = 0;

	/* In JSON every key is text. */
	for (const char *c = path; *c && n < sizeof(text) - 2; c++) {
		if ((c == path || c[-1] == '/') && *c >= '0' && *c <= '9')
			text[n++] = '\'';
		text[n++] = *c;
	}
	text[n] = '\0';
	assert_true(ipc_path_parse(text, &at));
	for (;;) {
		const struct ipc_value *v = ipc_value_find(p->state, &at);

		if (want ? v && ipc_value_equal(v, w) : v == NULL && p->version)
			break;
		if (kit_now_ms() > end)
			kit_fail("%s did not become %s", path, want);
		hear(p, true);
	}
	ipc_value_free(w);
}

/* Hear until this word comes; a view until the next. */
static const struct ipc_value *
until_word(struct page *p, const char *word)
{
	do {
		while (hear(p, true))
			;
	} while (!is(ipc_value_at(p->said, 0), word));
	return p->said;
}

/* An event; its number. args is JSON. */
static uint64_t
event(struct page *p, const char *name, const char *args)
{
	say(p, ipc_value_make("[slsv]", "$event", (int64_t)++p->number, name,
		   parsed(args, strlen(args))));
	return p->number;
}

/* One that the game answers with this JSON. */
static void
request(struct page *p, const char *name, const char *args, const char *answer)
{
	uint64_t number = event(p, name, args);
	struct ipc_value *want = parsed(answer, strlen(answer));
	const struct ipc_value *v = until_word(p, "$answer");

	assert_int_equal(ipc_value_as_int(ipc_value_at(v, 1)), number);
	assert_true(ipc_value_equal(ipc_value_at(v, 2), want));
	ipc_value_free(want);
}

static struct page *
page(unsigned i)
{
	struct page *p = &pages[i];

	ipc_value_free(p->state);
	ipc_value_free(p->said);
	*p = (struct page){ .fd = kit_ws(kit_url(game, 1)),
		.state = ipc_value_map() };
	return p;
}

static void
start(const char *limit)
{
	game = kit_game(players_game("stage"), "--listen", URL, "--limit",
	    limit ? limit : "upgrade_ms=8000", NULL);
}

/* ---- what must hold
 * ------------------------------------------------------------ */

static void
two_players_have_what_the_game_has(void)
{
	struct page *a, *b;

	start(NULL);
	a = page(0);
	b = page(1);
	event(a, "PUT", "[\"x/y\", {\"z\": [1, 2.5, null]}]");
	until(b, "x", "{\"y\":{\"z\":[1,2.5,null]}}");
	event(b, "MERGE", "[{\"x\": {\"y\": {\"w\": 1}}}]");
	until(a, "x", "{\"y\":{\"z\":[1,2.5,null],\"w\":1}}");
	event(b, "CUT", "[\"x/y/z\"]");
	until(a, "x", "{\"y\":{\"w\":1}}");
	until(b, "x", "{\"y\":{\"w\":1}}");
	assert_int_equal(a->wholes, 1);
	assert_int_equal(b->wholes, 1);
}

static void
who_does_not_acknowledge_gets_no_more_and_then_one_delta(void)
{
	struct page *a, *b;
	unsigned before;

	start("state_unacked=4");
	a = page(0);
	b = page(1);
	until(a, "life", "1");
	/* b is silent while the game goes on. */
	for (int i = 0; i < 4; i++)
		hear(b, false);
	for (int i = 0; i < 50; i++) {
		char args[64];

		snprintf(args, sizeof(args), "[\"things/%d\", {\"n\": %d}]",
		    i % 5, i);
		event(a, "PUT", args);
	}
	event(a, "PUT", "[\"last\", 1]");
	until(a, "last", "1");
	kit_expect_silence(b->fd, 100);
	before = b->deltas;
	say(b, ipc_value_make("[sl]", "$ack", (int64_t)b->version));
	until(b, "last", "1");
	assert_int_equal(b->deltas, before + 1);
	until(b, "things/4/n", "49");
}

/* Hundreds of deltas, one a change; how many of them a had. */
static unsigned
many_deltas(struct page *a)
{
	until(a, "life", "1");
	a->deltas = a->asked = 0;
	for (int i = 0; i < 200; i++) {
		char args[32], n[16];

		snprintf(args, sizeof(args), "[\"n\", %d]", i);
		snprintf(n, sizeof(n), "%d", i);
		event(a, "PUT", args);
		until(a, "n", n);
	}
	return a->deltas;
}

static void
who_acknowledges_what_it_is_asked_to_is_never_left_waiting(void)
{
	unsigned deltas;
	struct page *a;

	start("state_unacked=16");
	a = page(0);
	deltas = many_deltas(a);
	assert_true(deltas >= 200);
	assert_in_range(a->asked, deltas / 16, deltas / 4 + 1);
}

/* As clients do that know of no question. */
static void
who_acknowledges_everything_is_never_left_waiting(void)
{
	struct page *a, *b;

	start("state_unacked=4");
	a = page(0);
	a->acks_all = true;
	assert_true(many_deltas(a) >= 200);
	/* And one may wait after each. */
	kit_close(a->fd);
	start("state_unacked=1");
	a = page(0);
	b = page(1);
	b->acks_all = true;
	assert_true(many_deltas(a) >= 200);
	until(b, "n", "199");
}

static void
a_player_who_does_not_read_costs_no_memory(void)
{
	char done_of[32];
	struct page *a, *b;
	long before = 0;

	game = kit_game(players_game("stage"), "--listen", URL, "--limit",
	    "state_unacked=65536", "--limit", "flight_bytes=0", NULL);
	a = page(0);
	b = page(1);
	until(a, "life", "1");
	hear(b, false);
	for (int i = 0; i < 16; i++) {
		/* What the pipe and the journal need it has by now. */
		if (i == 6)
			before = kit_rss_kib(kit_child(game, "netd"));
		event(a, "TURN", THINGS);
		until_word(a, "$got");
		/* That it was taken is not yet that it was done. */
		snprintf(done_of, sizeof(done_of), "[\"done\", %d]", i);
		event(a, "PUT", done_of);
		snprintf(done_of, sizeof(done_of), "%d", i);
		until(a, "done", done_of);
	}
	event(a, "PUT", "[\"last\", 1]");
	until(a, "last", "1");
	/* Up to 225,000 changes, of which it has taken none. */
	before = kit_rss_kib(kit_child(game, "netd")) - before;
	print_message("# netd grew by %ld KiB\n", before);
	if (before > 2048)
		kit_fail("netd grew by %ld KiB", before);
	until(b, "last", "1");
	assert_int_equal(b->wholes, 1);
	until(b, "things/" LAST, "{\"x\":" LAST ",\"y\":" LAST "}");
}

static void
a_rate_merges_what_happened_meanwhile(void)
{
	struct page *a, *b;
	int64_t began;

	start(NULL);
	a = page(0);
	b = page(1);
	until(a, "life", "1");
	until(b, "life", "1");
	event(b, "WATCH", "[0, 5]");
	until_word(b, "$got");
	hear(b, true);
	began = kit_now_ms();
	b->deltas = 0;
	while (b->deltas < 5)
		hear(b, true);
	/* Fifty a second without it. */
	assert_in_range(kit_now_ms() - began, 600, 3000);
}

static void
each_sees_its_own_cards_alone(void)
{
	struct page *a, *b;

	start(NULL);
	a = page(0);
	b = page(1);
	event(a, "WATCH", "[2, 0]");
	event(b, "WATCH", "[2, 0]");
	event(a, "PUT", "[\"cards/1\", {\"hand\": 11}]");
	event(a, "PUT", "[\"cards/2\", {\"hand\": 22}]");
	event(a, "PUT", "[\"dealt\", 1]");
	until(a, "dealt", "1");
	until(b, "dealt", "1");
	until(a, "cards", "{\"1\":{\"hand\":11}}");
	until(b, "cards", "{\"2\":{\"hand\":22}}");
	event(a, "CUT", "[\"cards/2\"]");
	event(a, "PUT", "[\"dealt\", 2]");
	until(a, "dealt", "2");
	until(b, "cards/2", NULL);
	until(a, "cards", "{\"1\":{\"hand\":11}}");
}

static void
who_looks_elsewhere_sees_other_things(void)
{
	struct page *a;

	start(NULL);
	a = page(0);
	event(a, "WATCH", "[1, 0]");
	event(a, "PUT",
	    "[\"things\", {\"here\": {\"x\": 1, \"y\": 0}, "
	    "\"there\": {\"x\": 100, \"y\": 100}}]");
	event(a, "LOOK", "[0, 0]");
	until(a, "things", "{\"here\":{\"x\":1,\"y\":0}}");
	event(a, "LOOK", "[99, 98]");
	until(a, "things", "{\"there\":{\"x\":100,\"y\":100}}");
	event(a, "MERGE", "[{\"things\": {\"here\": {\"x\": 95, \"y\": 95}}}]");
	until(a, "things/here/x", "95");
	event(a, "MERGE", "[{\"things\": {\"there\": {\"x\": 0}}}]");
	until(a, "things", "{\"here\":{\"x\":95,\"y\":95}}");
}

static void
a_killed_game_goes_on_and_nobody_begins_anew(void)
{
	struct page *a;
	pid_t pid;

	start(NULL);
	a = page(0);
	event(a, "PUT", "[\"kept\", [1]]");
	until(a, "kept", "[1]");
	for (int i = 0; i < 5; i++) {
		char args[32];

		pid = family_game(game, 0);
		kill(pid, SIGKILL);
		snprintf(args, sizeof(args), "[\"n\", %d]", i);
		event(a, "PUT", args);
		snprintf(args, sizeof(args), "%d", i);
		until(a, "n", args);
		family_expect_end(pid);
	}
	until(a, "kept", "[1]");
	until(a, "life", "1");
	/* One state from the beginning, and every delta fits the one before. */
	assert_int_equal(a->wholes, 1);
}

static void
an_upgraded_game_finds_its_state_and_players_hear_the_difference(void)
{
	struct page *a;

	start(NULL);
	a = page(0);
	event(a, "PUT", "[\"kept\", [1]]");
	until(a, "kept", "[1]");
	kit_signal(game, SIGHUP);
	until(a, "life", "2");
	until(a, "kept", "[1]");
	assert_int_equal(a->wholes, 1);
	event(a, "PUT", "[\"new\", 1]");
	until(a, "new", "1");
}

static void
an_upgraded_game_knows_its_host(void)
{
	struct page *a, *b;

	game = kit_game("sync", "--listen", URL, NULL);
	a = page(0);
	until(a, "game_status", "1");
	kit_signal(game, SIGHUP);
	kit_expect_log(game, " upgraded ");
	b = page(1);
	event(b, "$shutdown", "[]");
	event(b, "SET", "[\"still\", {\"x\": 1}]");
	until(a, "still/x", "1");
	event(a, "$shutdown", "[]");
	assert_int_equal(kit_wait(game), 0);
}

static void
a_game_that_begins_anew_clears_what_players_have(void)
{
	struct page *a;

	game =
	    kit_game(players_game("stage"), "--listen", URL, "--fresh", NULL);
	a = page(0);
	event(a, "PUT", "[\"old\", 1]");
	until(a, "old", "1");
	kit_signal(game, SIGHUP);
	until(a, "old", NULL);
	until(a, "life", "1");
	assert_int_equal(a->wholes, 1);
}

static void
a_cold_start_finds_the_state(void)
{
	struct page *a;

	game = kit_game(players_game("stage"), "--listen", URL, "--limit",
	    "restarts_max=1", "--limit", "cold_max=20", NULL);
	a = page(0);
	event(a, "PUT", "[\"kept\", 1]");
	until(a, "kept", "1");
	for (int i = 0; i < 2; i++) {
		pid_t pid = family_game(game, 0);

		kill(pid, SIGKILL);
		family_expect_end(pid);
	}
	kit_expect_log(game, " cold_start ");
	until(a, "life", "2");
	until(a, "kept", "1");
	event(a, "PUT", "[\"new\", 1]");
	until(a, "new", "1");
	/* And once more, though the state was never its own. */
	kill(family_game(game, 0), SIGKILL);
	until(a, "life", "3");
	until(a, "new", "1");
	event(a, "PUT", "[\"newer\", 1]");
	until(a, "newer", "1");
}

static void
a_new_netd_is_told_of_the_state(void)
{
	struct page *a, *b;
	pid_t netd;

	start(NULL);
	a = page(0);
	event(a, "PUT", "[\"kept\", 1]");
	until(a, "kept", "1");
	netd = kit_child(game, "netd");
	kill(netd, SIGKILL);
	kit_recv_all(a->fd, NULL);
	b = page(1);
	until(b, "kept", "1");
	until(b, "life", "1");
	event(b, "WATCH", "[2, 0]");
	event(b, "PUT", "[\"cards/9\", 1]");
	event(b, "PUT", "[\"new\", 1]");
	until(b, "new", "1");
	until(b, "cards/9", NULL);
}

/* ---- events
 * ---------------------------------------------------------------------- */

static void
an_event_that_is_said_twice_is_taken_once(void)
{
	struct page *a;

	start(NULL);
	a = page(0);
	event(a, "PUT", "[\"n\", 1]");
	a->number--;
	event(a, "PUT", "[\"n\", 2]");
	until_word(a, "$got");
	until_word(a, "$got");
	event(a, "PUT", "[\"last\", 1]");
	until(a, "last", "1");
	until(a, "n", "1");
}

static void
the_game_asks_and_hears_the_answer(void)
{
	const struct ipc_value *v;
	struct page *a;
	uint64_t number;
	int64_t asked;

	start(NULL);
	a = page(0);
	number = event(a, "ASK_ME", "[{\"deep\": [1]}]");
	v = until_word(a, "$event");
	assert_true(is(ipc_value_at(v, 2), "WHAT"));
	asked = ipc_value_as_int(ipc_value_at(v, 1));
	assert_true(asked > 0);
	say(a, ipc_value_make(
		   "[slv]", "$got", asked, ipc_value_make("[s]", "that")));
	v = until_word(a, "$answer");
	assert_int_equal(ipc_value_as_int(ipc_value_at(v, 1)), number);
	assert_true(is(ipc_value_at(ipc_value_at(v, 2), 0), "that"));
}

/* The game asks this; answer it with JSON. */
static void
answers(struct page *p, const char *name, const char *json)
{
	const struct ipc_value *v = until_word(p, "$event");

	if (!is(ipc_value_at(v, 2), name))
		kit_fail("asked is %s, not %s",
		    ipc_value_text(ipc_value_at(v, 2), NULL), name);
	say(p, ipc_value_make("[slv]", "$got",
		   ipc_value_as_int(ipc_value_at(v, 1)),
		   parsed(json, strlen(json))));
}

/* It says TOTAL(name, sum). */
static void
total(struct page *p, const char *name, int64_t sum)
{
	const struct ipc_value *v = until_word(p, "$event");
	const struct ipc_value *args = ipc_value_at(v, 3);

	assert_true(is(ipc_value_at(v, 2), "TOTAL"));
	assert_true(is(ipc_value_at(args, 0), name));
	assert_int_equal(ipc_value_as_int(ipc_value_at(args, 1)), sum);
}

static void
sessions_wait_for_their_own_players_also_across_a_death(void)
{
	struct page *a, *b;
	pid_t pid;

	game = kit_game(players_game("asker"), "--listen", URL, NULL);
	a = page(0);
	b = page(1);
	/* b is asked first and answers last. */
	answers(a, "NAME", "\"ann\"");
	answers(a, "SUM", "5");
	total(a, "ann", 5);
	pid = family_game(game, 0);
	kill(pid, SIGKILL);
	family_expect_end(pid);
	answers(a, "SUM", "6");
	total(a, "ann", 11);
	answers(b, "NAME", "\"bob\"");
	answers(b, "SUM", "1");
	total(b, "bob", 1);
	answers(a, "SUM", "-1");
	total(a, "ann", 10);
	kit_close(a->fd);
	answers(b, "SUM", "2");
	total(b, "bob", 3);
}

/* DONE(conn, arrived) */
static void
done(struct page *p, int64_t conn, bool arrived)
{
	const struct ipc_value *v, *args;

	do {
		v = until_word(p, "$event");
		args = ipc_value_at(v, 3);
	} while (!is(ipc_value_at(v, 2), "DONE"));
	assert_int_equal(ipc_value_as_int(ipc_value_at(args, 0)), conn);
	assert_int_equal(ipc_value_as_bool(ipc_value_at(args, 1)), arrived);
}

/* What a request waits is its own affair, an event's is event_ms. */
static void
an_event_without_an_answer_fails_in_time(void)
{
	struct page *a, *b;
	uint64_t number;
	const struct ipc_value *v;

	start("event_ms=300");
	a = page(0);
	b = page(1);
	until(b, "life", "1");
	event(a, "WIN", "[\"cup\"]");
	until_word(b, "$event");
	done(a, 2, false);
	number = event(a, "ASK_ME", "[1]");
	until_word(a, "$event");
	/* GC_ETIMEOUT */
	v = until_word(a, "$answer");
	assert_int_equal(ipc_value_as_int(ipc_value_at(v, 1)), number);
	assert_int_equal(ipc_value_as_int(ipc_value_at(v, 2)), -1);
}

static void
all_but_one_hear_it_and_the_game_of_each(void)
{
	const struct ipc_value *v;
	struct page *a, *b, *c;

	start(NULL);
	a = page(0);
	b = page(1);
	c = page(2);
	until(c, "life", "1");
	event(a, "WIN", "[\"gold\"]");
	v = until_word(b, "$event");
	assert_true(is(ipc_value_at(v, 2), "WON"));
	say(b, ipc_value_make(
		   "[sl]", "$got", ipc_value_as_int(ipc_value_at(v, 1))));
	done(a, 2, true);
	/* c goes without a word. */
	kit_close(c->fd);
	done(a, 3, false);
	done(b, 2, true);
}

static void
a_machine_pauses_and_stops(void)
{
	struct page *a, *b;
	struct ipc_value *tick;
	struct ipc_path at;
	int64_t before;

	start(NULL);
	a = page(0);
	until(a, "game_status", "1");
	request(a, "PAUSE", "[]", "0");
	until(a, "game_status", "0");
	assert_true(ipc_path_parse("tick", &at));
	before = ipc_value_as_int(ipc_value_find(a->state, &at));
	/* Events are handled all the same, and no step happens meanwhile. */
	for (int i = 0; i < 20; i++) {
		char args[32];

		snprintf(args, sizeof(args), "[\"n\", %d]", i);
		event(a, "PUT", args);
		snprintf(args, sizeof(args), "%d", i);
		until(a, "n", args);
		kit_tick();
	}
	tick = ipc_value_find(a->state, &at);
	assert_int_equal(ipc_value_as_int(tick), before);
	request(a, "RESUME", "[]", "0");
	until(a, "game_status", "1");
	while (ipc_value_as_int(ipc_value_find(a->state, &at)) == before)
		hear(a, true);
	request(a, "STOP", "[]", "1");
	until(a, "game_status", "0");
	/* A stranger cannot end it; when the host leaves, the next can. */
	b = page(1);
	event(b, "$shutdown", "[]");
	event(b, "PUT", "[\"still\", 1]");
	until(b, "still", "1");
	kit_close(a->fd);
	kit_expect_log(game, "conn=1 why=");
	event(b, "$shutdown", "[]");
	assert_int_equal(kit_wait(game), 0);
}

/* ---- strangers
 * ----------------------------------------------------------------------- */

/* Read until this text comes, whatever else does. */
static void
until_text(int fd, const char *text)
{
	char last[64] = "";
	size_t len = strlen(text);

	while (memcmp(last, text, len) != 0) {
		memmove(last, last + 1, len - 1);
		kit_recv_bytes(fd, last + len - 1, 1);
	}
}

static void
a_mud_client_is_told_by_gmcp_and_a_person_on_a_line_is_not(void)
{
	struct page *a;
	int mud, line;

	game = kit_game(players_game("stage"), "--listen", URL, "--listen",
	    "telnet://127.0.0.1:0", "--listen", "line://127.0.0.1:0", NULL);
	a = page(0);
	until(a, "life", "1");
	mud = kit_connect(kit_url(game, 2));
	/* IAC DO GMCP. */
	kit_send(mud, "\xff\xfd\xc9");
	line = kit_connect(kit_url(game, 3));
	event(a, "SHOW", "[2]");
	event(a, "SHOW", "[3]");
	until_text(mud, "Penstock.State {\"from\":0,");
	event(a, "PUT", "[\"mark\", \"here\"]");
	until_text(mud, "\"mark\":\"here\"");
	event(a, "WIN", "[\"gold\"]");
	until_text(mud, "Penstock.Event [1,\"WON\",[\"gold\"],{}]");
	kit_expect_silence(line, 50);
	/* A program that says so in a line is told there. */
	kit_send(line, "[\"$hello\"]\n");
	until_text(line, "[\"$state\",{\"from\":0,");
}

static void
what_is_no_word_closes_its_sender_alone(void)
{
	static const char *const bad[] = { "[\"$", "[\"$nothing\"]",
		"[\"$ack\"]", "[\"$ack\",-1]", "[\"$ack\",\"1\"]",
		"[\"$event\",1]", "[\"$event\",1,\"\"]",
		"[\"$event\",1,\"A\",1]", "[\"$event\",1,\"A\",[],[]]",
		"[\"$event\",1,\"A\",[{\"a\":1,\"a\":2}]]",
		"[\"$event\",1,\"A\",[1e999]]", "[\"$state\",{}]",
		"[\"$got\",1.5]" };
	struct page *a, *b;

	start("close_ms=100");
	a = page(0);
	until(a, "life", "1");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		b = page(1);
		hear(b, false);
		kit_ws_send(b->fd, 1, bad[i], strlen(bad[i]));
		kit_recv_all(b->fd, NULL);
		kit_close(b->fd);
	}
	assert_int_equal(
	    kit_count_log(game, "why=protocol"), sizeof(bad) / sizeof(bad[0]));
	event(a, "PUT", "[\"last\", 1]");
	until(a, "last", "1");
}

static void
an_acknowledgement_of_the_future_is_nothing(void)
{
	struct page *a;

	start("state_unacked=2");
	a = page(0);
	hear(a, false);
	say(a, ipc_value_make("[sl]", "$ack", INT64_MAX));
	say(a, ipc_value_make("[sl]", "$ack", (int64_t)0));
	hear(a, false);
	kit_expect_silence(a->fd, 150);
	say(a, ipc_value_make("[sl]", "$ack", (int64_t)a->version));
	event(a, "PUT", "[\"last\", 1]");
	until(a, "last", "1");
}

static void
nonsense_breaks_the_link_and_names_the_field(void)
{
	static const struct {
		unsigned kind;
		uint64_t id;
		const char *bytes;
		size_t len;
		const char *says;
	} rows[] = {
		{ IPC_STATE_OPEN, 1, "", 0, "it ends too early" },
		{ IPC_STATE_OPEN, 1, "\x81\xa4grid\x80", 7, "grid: {path" },
		{ IPC_STATE_SET, 9, "\x90\x80", 2, "id: no such store" },
		{ IPC_STATE_SET, 1, "\x90", 1, "it ends too early" },
		{ IPC_STATE_SET, 1, "\x90\x01", 2, "value: a map where" },
		{ IPC_STATE_SET, 1, "\x91\xa1x\x01\x01", 5,
		    "something follows" },
		{ IPC_STATE_SET, 1, "\x91\xc0\x01", 3, "value: a map where" },
		{ IPC_STATE_SET, 1,
		    "\xdc\x00\x11\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1", 21,
		    "value: a map where" },
		{ IPC_STATE_MERGE, 1, "\x90\xa1x", 3, "value: a map where" },
		{ IPC_STATE_DELETE, 1, "\x90", 1, "value: a map where" },
		{ IPC_STATE_VIEW, 0, "\x80", 1, "view 0 is everything" },
		{ IPC_STATE_VIEW, 1, "\x90", 1, "value: {rules" },
		{ IPC_STATE_WATCH, 1, "\x81\xa5store\x07", 8,
		    "store: no such store" },
		{ IPC_STATE_GONE, 9, "\x80", 1, "id: no such store" },
		{ IPC_STATE_GONE, 1, "\x90", 1, "value: a map" },
		{ IPC_STATE_GONE, 1, "\x81", 1, "too many values" },
		{ IPC_EVENT, 1, "\x90", 1, "name: a str" },
		{ IPC_EVENT, 1, "\x92\x01\xa1x", 4, "args: an array" },
		{ IPC_EVENT, 1, "\x93\x01\xa1x\x90", 5, "kwargs: a map" },
		{ IPC_EVENT_ANSWER, 1, "\xc1", 1, "not msgpack" },
	};
	struct kit_proc *netd = kit_netd(NULL);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kit_link l;
		char *text;

		kit_attach(&l, netd);
		kit_link_frame(&l, IPC_STATE_OPEN, 0, 0, 1, "\x80", 1);
		kit_link_frame(&l, rows[i].kind, 0, 0, rows[i].id,
		    rows[i].bytes, rows[i].len);
		kit_link_commit(&l);
		text = kit_link_fault(&l);
		if (strstr(text, rows[i].says) == NULL)
			kit_fail("row %zu: '%s'", i, text);
		kit_detach(&l);
	}
	assert_false(kit_ended(netd));
}

static int
forget(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		ipc_value_free(pages[i].state);
		ipc_value_free(pages[i].said);
		pages[i] = (struct page){ .fd = -1 };
	}
	(void)state;
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(two_players_have_what_the_game_has),
		KIT_TEST(
		    who_does_not_acknowledge_gets_no_more_and_then_one_delta),
		KIT_TEST(
		    who_acknowledges_what_it_is_asked_to_is_never_left_waiting),
		KIT_TEST(who_acknowledges_everything_is_never_left_waiting),
		KIT_TEST(a_player_who_does_not_read_costs_no_memory),
		KIT_TEST(a_rate_merges_what_happened_meanwhile),
		KIT_TEST(each_sees_its_own_cards_alone),
		KIT_TEST(who_looks_elsewhere_sees_other_things),
		KIT_TEST(a_killed_game_goes_on_and_nobody_begins_anew),
		KIT_TEST(
		    an_upgraded_game_finds_its_state_and_players_hear_the_difference),
		KIT_TEST(an_upgraded_game_knows_its_host),
		KIT_TEST(a_game_that_begins_anew_clears_what_players_have),
		KIT_TEST(a_cold_start_finds_the_state),
		KIT_TEST(a_new_netd_is_told_of_the_state),
		KIT_TEST(an_event_that_is_said_twice_is_taken_once),
		KIT_TEST(the_game_asks_and_hears_the_answer),
		KIT_TEST(
		    sessions_wait_for_their_own_players_also_across_a_death),
		KIT_TEST(an_event_without_an_answer_fails_in_time),
		KIT_TEST(all_but_one_hear_it_and_the_game_of_each),
		KIT_TEST(a_machine_pauses_and_stops),
		KIT_TEST(
		    a_mud_client_is_told_by_gmcp_and_a_person_on_a_line_is_not),
		KIT_TEST(what_is_no_word_closes_its_sender_alone),
		KIT_TEST(an_acknowledgement_of_the_future_is_nothing),
		KIT_TEST(nonsense_breaks_the_link_and_names_the_field),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
