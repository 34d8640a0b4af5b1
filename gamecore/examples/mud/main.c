/*
 * main.c - a small world that many share: begin, serve, end.
 *
 * Every player's visit is a subroutine (login.c), every being's life is one
 * (being.c), and a round of blows, a prompt, a save are sessions of their own
 * that wait for their moment. Workers do what the game must not: one keeps the
 * characters (examples/mud_store/), one reads the builders' file and finds
 * paths (walk.c). Go on with mud.h, commands.c, vale.world.
 */
#include "mud.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the beginning of the world ------------------------------------------ */

/* What the store has of the world, a page at a time; how many bytes. */
static ssize_t
restore(struct gc_session *s, struct mud *m)
{
	struct text t = { 0 };
	char last[64] = "", *copy;
	const char *answer;
	ssize_t r, all = 0;

	do {
		text_printf(&t, "world %s", last);
		r = store_ask(s, &answer, &t);
		text_release(&t);
		copy = r > 0 ? strdup(answer) : NULL;
		if (r > 0 && copy == NULL)
			r = GC_ENO_MEMORY;
		if (copy)
			keep_read(m, copy, last, sizeof(last));
		free(copy);
		all += r;
	} while (r > 0);
	return r < 0 ? r : all;
}

/* Numbers of things go on where the store's end. Above 0: the world goes on,
 * too. */
static int
boot(struct gc_session *s, struct mud *m, struct text *problem)
{
	const struct text question = { .bytes = (char[]){ "boot" }, .len = 4 };
	const char *answer;
	ssize_t r = store_ask(s, &answer, &question);

	if (r >= 0) {
		m->serial = strtoull(answer, NULL, 10);
		r = wizard_reload(s, m, problem);
		if (r < 0)
			return (int)r;
		r = restore(s, m);
	}
	if (r < 0)
		text_printf(problem, "%s", gc_problem(m->net));
	return r > 0 ? 1 : (int)r;
}

/* Things that lie in a place come back to it. */
static void
restock(struct mud *m, int64_t now)
{
	for (struct entry *e = m->world->first[KINDS]; e; e = e->next) {
		struct kind *k = (struct kind *)(void *)e;
		struct room *r = room_of(m, k->in);
		int64_t every = (k->every_s ? k->every_s : 300);
		struct thing *t;

		if (r == NULL || thing_of_kind(r->things, k) ||
		    (now && now / 1000000 * m->pace % every >= 10))
			continue;
		t = thing_new(m, k);
		if (t == NULL)
			continue;
		thing_drop(r, t);
		prompt_stale_room(r, STALE_THINGS);
	}
}

static void
weather(struct mud *m)
{
	const struct weather *w = world_at(
	    m->world, WEATHERS, gc_random(m->net, m->world->n[WEATHERS] + 1));

	for (size_t i = 0; w && i < m->world->n[PLACES]; i++)
		if (m->rooms[i].place->outdoors &&
		    gc_room_members(m->rooms[i].voice))
			say_room(
			    &m->rooms[i], NULL, NULL, "{grey}%s{/}", w->text);
}

/* A session: makes the world, then keeps it in order. */
static int
keeper(struct gc_session *s, void *arg)
{
	struct mud *m = arg;
	struct text problem = { 0 };
	int r = boot(s, m, &problem);

	if (r < 0) {
		fprintf(stderr, "mud: %s\n", text_of(&problem));
		text_release(&problem);
		return gc_serve_end(m->net, 1);
	}
	/* Else what was taken would be there twice before its time. */
	if (r == 0)
		restock(m, 0);
	m->ready = true;
	gc_notify_all(m->is_ready);
	while ((r = gc_sleep(s, being_time(m, 10000))) == 0) {
		restock(m, gc_now(m->net));
		/* What moved by itself is not worth a save, but goes along. */
		if (m->n_players)
			gc_notify_all(m->to_save);
		if (gc_random(m->net, 9) == 0)
			weather(m);
	}
	return r;
}

/* Another build is about to go on: all is saved now, the world as well. Or
 * netd was another from now on: all lines are cut. */
static int
watch(struct gc_session *s, void *arg)
{
	struct mud *m = arg;
	struct gc_wait w = { .what = GC_FOR_EVENT | GC_FOR_JOB };
	int r;

	while ((r = gc_wait(s, &w, -1)) > 0) {
		if (r == GC_FOR_EVENT && w.event.kind == GC_UPGRADE)
			store_all(m);
		if (r == GC_FOR_EVENT && w.event.kind == GC_NOTICE &&
		    w.event.count == 3)
			m->cut_us = gc_now(m->net);
	}
	return r;
}

static bool
begin(struct mud *m)
{
	TAILQ_INIT(&m->bodies);
	TAILQ_INIT(&m->players);
	TAILQ_INIT(&m->stale);
	m->is_ready = gc_condition_new(m->net);
	m->is_stale = gc_condition_new(m->net);
	m->is_saved = gc_condition_new(m->net);
	m->to_save = gc_condition_new(m->net);
	m->began_us = gc_now(m->net);
	gc_markup(m->net, true);
	m->doorman = gc_task(m->net, "doorman", login_doorman, m);
	return m->is_ready && m->is_stale && m->is_saved && m->to_save &&
	       m->doorman &&
	       gc_tick(m->net, (int)being_time(m, ROUND_MS)) == 0 &&
	       gc_task(m->net, "store", store_task, m) &&
	       gc_task(m->net, "prompts", prompt_task, m) &&
	       gc_task(m->net, "fights", fight_task, m) &&
	       gc_task(m->net, "watch", watch, m) &&
	       gc_task(m->net, "keeper", keeper, m);
}

static void
end(struct mud *m)
{
	struct body *b, *next;

	for (b = TAILQ_FIRST(&m->bodies); b; b = next) {
		next = TAILQ_NEXT(b, all);
		if (b->player == NULL)
			body_free(b);
	}
	text_release(&m->gone);
	for (size_t i = 0; m->world && i < m->world->n[PLACES]; i++) {
		struct room *r = &m->rooms[i];

		while (r->things)
			thing_free(m, thing_take(&r->things, r->things));
		gc_room_free(r->voice);
	}
	free(m->rooms);
	world_free(m->world);
	while (m->relics) {
		struct kind *k = m->relics;

		m->relics = (struct kind *)(void *)k->entry.next;
		free((char *)(uintptr_t)k->entry.id);
		free(k);
	}
	gc_condition_free(m->is_ready);
	gc_condition_free(m->is_stale);
	gc_condition_free(m->is_saved);
	gc_condition_free(m->to_save);
}

static void
print_addresses(struct gc_net *net)
{
	char address[512];

	for (int i = 1; *gc_listening(net, i) != '\0'; i++)
		if (gc_address(net, i, address, sizeof(address)) == 0)
			printf("mud: %s%s\n",
			    strncmp(address, "http", 4) == 0 ? "open "
							     : "or type: ",
			    address);
	fflush(stdout);
}

static int
live(struct mud *m)
{
	int r;

	print_addresses(m->net);
	r = begin(m) ? gc_serve(m->net, login_player, m) : -1;
	if (r < 0)
		fprintf(stderr, "mud: %s\n", gc_problem(m->net));
	end(m);
	return r != 0;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "ws://*:8082/play?www={www}",
		"telnet://*:4000", "line://127.0.0.1:4001", NULL };
	static const char *store[] = { "--store", "mud.db", NULL };
	static const struct gc_workers workers[] = {
		{ .name = "store",
		    .program = "mud_store",
		    .arguments = store,
		    .retries = 2,
		    .limit_ms = 30000 },
		{ .name = "helpers", .retries = 1, .limit_ms = 10000 },
		{ .name = NULL },
	};
	static struct mud m = {
		.file = "vale.world", .hash_cost = 14, .pace = 1, .wizards = ""
	};
	const struct gc_option options[] = {
		{ .name = "world",
		    .value = "FILE",
		    .help = "the builders' file",
		    .text = &m.file },
		{ .name = "store",
		    .value = "FILE",
		    .help = "where the characters are kept",
		    .text = &store[1] },
		{ .name = "wizards",
		    .value = "NAMES",
		    .help = "who may reload and audit, parted by blanks",
		    .text = &m.wizards },
		{ .name = "hash-cost",
		    .value = "N",
		    .help =
			"of new passwords: memory and time double with each",
		    .number = &m.hash_cost,
		    .smallest = 4,
		    .largest = 17 },
		{ .name = "pace",
		    .value = "N",
		    .help = "how many times faster the world lives (a test)",
		    .number = &m.pace,
		    .smallest = 1,
		    .largest = 500 },
		{ .name = NULL },
	};
	struct gc_start start = { .name = "mud",
		.about = "A valley, a dry mill, and whoever comes by.",
		.listen = listen,
		.options = options,
		.workers = workers };
	int r;

	m.net = gc_open(&start, argc, argv);
	if (m.net == NULL)
		return gc_explain(&start);
	r = gc_worker(m.net) ? walk_work(m.net) : live(&m);
	gc_close(m.net);
	return r;
}
