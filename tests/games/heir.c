/*
 * heir.c - a game whose next program goes on where it stopped, for tests of
 * upgrades, cold starts and hangs.
 *
 * It keeps books as ledger.c does, leaves them as a snapshot when a new
 * program takes over (and when told to), and takes them up again. Beside
 * that it remembers what this one process has seen. Words of a player:
 *
 *	m KEY NUMBER PADDING CRC   an entry; the answer is that of the ledger
 *	who        "who BUILD STATE TAG": the program, how it came to know of
 *	           the asker, and the asker's tag
 *	seen       "seen ..." with all it saw but entries: f5 r5 n5 g5 a player
 *	           was told of as fresh, resumed, new, gone; s5:TEXT said so;
 *	           c5 closed; u an upgrade began; t a tick came (told once)
 *	say TEXT   nothing is answered
 *	tag TEXT / save / tick MS    "done"
 *	spin / block / exit N        never comes back, in three ways
 *	spin-once / block-once       the same, but not when it is repeated
 *
 * The file named by HEIR_MODE, if it is there when the program starts, has a
 * word that makes it a bad heir: see modes.
 */
#include "gamecore/gamecore.h"
#include "tests/lib/books.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A test's second build of the same game is heir2.c. */
#ifndef HEIR_BUILD
#define HEIR_BUILD 1
#endif

#define PLAYERS_MAX 4096
#define TAG_MAX 64
#define SEEN_MAX 400

struct account {
	uint64_t conn, key, number, sum;
	char state; /* f, r, n or g */
	char tag[TAG_MAX];
};

static struct gc_net *net;
static struct {
	uint64_t sequence;
	uint64_t n;
	struct account all[PLAYERS_MAX];
} books;
static char mode[32], seen[SEEN_MAX];

static void
see(char what, uint64_t conn, const char *text)
{
	size_t at = strlen(seen);

	snprintf(seen + at, sizeof(seen) - at, " %c", what);
	at = strlen(seen);
	if (conn)
		snprintf(seen + at, sizeof(seen) - at, "%" PRIu64 "%s%s", conn,
		    *text ? ":" : "", text);
}

/* ---- the estate -----------------------------------------------------------
 */

static void
leave(void)
{
	gc_snapshot(net, &books,
	    offsetof(__typeof__(books), all) + books.n * sizeof(books.all[0]));
}

static void
inherit(void)
{
	size_t len;
	const void *bytes = gc_restored(net, &len);

	if (bytes && len <= sizeof(books))
		memcpy(&books, bytes, len);
}

static struct account *
account(uint64_t conn)
{
	for (uint64_t i = 0; i < books.n; i++)
		if (books.all[i].conn == conn)
			return &books.all[i];
	return NULL;
}

/* ---- what players say -----------------------------------------------------
 */

static void
enter(struct account *a, const struct gc_event *ev)
{
	struct books_entry e;
	char out[BOOKS_LINE];

	if (!books_read_entry(ev->text, ev->len, &e)) {
		gc_printf(net, ev->conn, "bad entry");
	} else if (e.number != a->number + 1) {
		gc_printf(net, ev->conn,
		    "bad number %" PRIu64 " behind %" PRIu64, e.number,
		    a->number);
	} else {
		a->key = e.key;
		a->number = e.number;
		a->sum = books_sum(a->sum, ev->text, ev->len);
		books_write_answer(
		    out, a->key, a->number, a->sum, ++books.sequence);
		gc_printf(net, ev->conn, "%s", out);
	}
}

static void
who_word(struct account *a, const char *rest)
{
	(void)rest;
	gc_printf(net, a->conn, "who %d %c %s", HEIR_BUILD, a->state, a->tag);
}

static void
seen_word(struct account *a, const char *rest)
{
	(void)rest;
	gc_printf(net, a->conn, "seen%s", seen);
}

static void
say_word(struct account *a, const char *rest)
{
	see('s', a->conn, rest);
}

static void
tag_word(struct account *a, const char *rest)
{
	gc_tag(net, a->conn, rest, strlen(rest));
	gc_printf(net, a->conn, "done");
}

static void
save_word(struct account *a, const char *rest)
{
	(void)rest;
	leave();
	gc_printf(net, a->conn, "done");
}

static void
tick_word(struct account *a, const char *rest)
{
	gc_tick(net, atoi(rest));
	gc_printf(net, a->conn, "done");
}

static void
spin_word(struct account *a, const char *rest)
{
	static volatile unsigned turns;

	(void)a;
	(void)rest;
	for (;;)
		turns++;
}

static void
block_word(struct account *a, const char *rest)
{
	(void)a;
	(void)rest;
	for (;;)
		pause();
}

/* Whoever takes the file away hangs, and nobody else. */
static bool
first_time(const char *file)
{
	return unlink(file) == 0;
}

static void
spin_once_word(struct account *a, const char *rest)
{
	if (first_time(rest))
		spin_word(a, rest);
	gc_printf(net, a->conn, "done");
}

static void
block_once_word(struct account *a, const char *rest)
{
	if (first_time(rest))
		block_word(a, rest);
	gc_printf(net, a->conn, "done");
}

static void
exit_word(struct account *a, const char *rest)
{
	(void)a;
	exit(atoi(rest));
}

static const struct {
	const char *word;
	void (*act)(struct account *a, const char *rest);
} words[] = {
	{ "who", who_word },
	{ "seen", seen_word },
	{ "say ", say_word },
	{ "tag ", tag_word },
	{ "save", save_word },
	{ "tick ", tick_word },
	{ "spin-once ", spin_once_word },
	{ "block-once ", block_once_word },
	{ "spin", spin_word },
	{ "block", block_word },
	{ "exit ", exit_word },
};

static void
on_message(const struct gc_event *ev)
{
	struct account *a = account(ev->conn);

	if (a == NULL) {
		gc_printf(net, ev->conn, "not in the books");
		return;
	}
	if (strncmp(ev->text, "m ", 2) == 0) {
		enter(a, ev);
		return;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i].word);

		if (strncmp(ev->text, words[i].word, len) == 0) {
			words[i].act(a, ev->text + len);
			return;
		}
	}
	gc_printf(net, ev->conn, "what is '%s'", ev->text);
}

/* ---- the stream -----------------------------------------------------------
 */

static void
on_open(const struct gc_event *ev)
{
	static const char letters[] = { [GC_FRESH] = 'f',
		[GC_RESUMED] = 'r',
		[GC_NEW] = 'n',
		[GC_GONE] = 'g' };
	struct account *a = account(ev->conn);

	if (strcmp(mode, "die-told") == 0)
		raise(SIGKILL);
	if (a == NULL && books.n < PLAYERS_MAX) {
		a = &books.all[books.n++];
		memset(a, 0, sizeof(*a));
		a->conn = ev->conn;
	}
	if (a == NULL)
		return;
	a->state = letters[ev->peer->state];
	snprintf(a->tag, sizeof(a->tag), "%.*s", (int)ev->peer->tag_len,
	    (const char *)ev->peer->tag);
	see(a->state, ev->conn, "");
}

static void
on_close(const struct gc_event *ev)
{
	struct account *a = account(ev->conn);

	see('c', ev->conn, "");
	if (a)
		*a = books.all[--books.n];
}

static void
on_event(const struct gc_event *ev)
{
	if (ev->kind == GC_OPEN) {
		on_open(ev);
	} else if (ev->kind == GC_MESSAGE) {
		on_message(ev);
	} else if (ev->kind == GC_CLOSE) {
		on_close(ev);
	} else if (ev->kind == GC_UPGRADE) {
		see('u', 0, "");
		leave();
	} else if (ev->kind == GC_TICK && !strstr(seen, " t")) {
		see('t', 0, "");
	}
}

/* ---- bad heirs ------------------------------------------------------------
 */

static void
read_mode(void)
{
	const char *file = getenv("HEIR_MODE");
	FILE *f = file ? fopen(file, "re") : NULL;

	if (f && fscanf(f, "%31s", mode) != 1)
		mode[0] = '\0';
	if (f)
		fclose(f);
}

static bool
is(const char *word)
{
	return strcmp(mode, word) == 0;
}

/* Until a test takes the file away. */
static void
wait_for_word(void)
{
	while (access(getenv("HEIR_MODE"), F_OK) == 0)
		poll(NULL, 0, 2);
}

/* Before netd knows of this process. Returns an exit status, or -1. */
static int
before_open(void)
{
	if (is("crash"))
		raise(SIGSEGV);
	while (is("mute"))
		pause();
	return is("exit") ? 1 : -1;
}

/* Before READY. */
static int
after_open(void)
{
	if (is("crash-open"))
		raise(SIGSEGV);
	while (is("late"))
		pause();
	if (is("wait-open"))
		wait_for_word();
	if (is("listen") && gc_listen(net, "line://203.0.113.1:1") < 0) {
		fprintf(stderr, "heir: %s\n", gc_problem(net));
		return 1;
	}
	return is("exit-open") ? 1 : -1;
}

int
main(int argc, char **argv)
{
	static const char *usual[] = { "line://127.0.0.1:0", NULL, NULL };
	struct gc_start start = { .name = "heir",
		.about = "Goes on where the program before it stopped.",
		.listen = usual };
	struct gc_event ev;
	int r;

	read_mode();
	/* A listener of its own that cannot be had. */
	if (is("listen-open"))
		usual[1] = "line://203.0.113.1:1";
	r = before_open();
	if (r >= 0)
		return r;
	net = gc_open(&start, argc, argv);
	if (net == NULL)
		return gc_explain(&start);
	r = after_open();
	if (r >= 0)
		return r;
	inherit();
	while ((r = gc_next(net, &ev)) == 0 && ev.kind != GC_STOP)
		on_event(&ev);
	if (r < 0)
		fprintf(stderr, "heir: %s\n", gc_problem(net));
	gc_close(net);
	return r < 0;
}
