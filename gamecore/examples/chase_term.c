/*
 * chase_term.c - chase from a terminal: a program that plays another's game.
 *
 *	bin/chase_term tcp://127.0.0.1:5010 ann
 *
 * Arrows move, q leaves. The terminal is a listener like any other (tty:), the
 * game at the other end a connection whose state is simply there.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS 64
#define ROWS 21
#define WIDTH 640
#define HEIGHT 420
#define STEP 10

struct screen {
	char cells[ROWS][COLUMNS + 1];
};

static struct gc_net *net;
static struct gc_conn *con;
static const char *name;
static int64_t me;

/* Is there a player of our name? The newest is it. */
static bool
is_in(const struct gc_value *state, void *thing)
{
	const struct gc_value *players = gc_value_get(state, "players");
	int64_t id, *found = thing;

	for (size_t i = 0; i < gc_value_size(players); i++) {
		const struct gc_value *one =
		    gc_value_get(gc_value_at(players, i), "name");

		gc_value_key(players, i, &id);
		if (strcmp(gc_value_text(one, NULL), name) == 0 && id > *found)
			*found = id;
	}
	return *found != 0;
}

static void
put(struct screen *s, const struct gc_value *player, char sign)
{
	const struct gc_value *at = gc_value_get(player, "position");
	int64_t x = gc_value_as_int(gc_value_at(at, 0)) * COLUMNS / WIDTH;
	int64_t y = gc_value_as_int(gc_value_at(at, 1)) * ROWS / HEIGHT;

	if (x >= 0 && x < COLUMNS && y >= 0 && y < ROWS)
		s->cells[y][x] = sign;
}

static void
draw(uint64_t terminal)
{
	const struct gc_value *state = gc_client_state(con);
	const struct gc_value *players = gc_value_get(state, "players");
	int64_t id, chaser = gc_value_as_int(gc_value_get(state, "chaser_id"));
	char out[(COLUMNS + 8) * (ROWS + 2)];
	size_t n = 0;
	struct screen s;

	for (int y = 0; y < ROWS; y++) {
		memset(s.cells[y], '.', COLUMNS);
		s.cells[y][COLUMNS] = '\0';
	}
	for (size_t i = 0; i < gc_value_size(players); i++) {
		gc_value_key(players, i, &id);
		put(&s, gc_value_at(players, i),
		    id == chaser ? (id == me ? 'X' : 'x')
				 : (id == me ? 'O' : 'o'));
	}
	/* What begins with ESC is written as it is. */
	n += (size_t)snprintf(out, sizeof(out), "\x1b[H");
	for (int y = 0; y < ROWS; y++)
		n += (size_t)snprintf(
		    out + n, sizeof(out) - n, "%s\x1b[K\r\n", s.cells[y]);
	n += (size_t)snprintf(out + n, sizeof(out) - n,
	    "O you, x the chaser, q leaves%s\x1b[J",
	    gc_value_as_bool(gc_value_get(state, "protection"))
		? ": all are safe"
		: "");
	gc_send(net, terminal, out, n);
}

static void
move(int dx, int dy)
{
	char path[48];
	const struct gc_value *at;

	snprintf(path, sizeof(path), "players/%lld/position", (long long)me);
	at = gc_value_find(gc_client_state(con), path);
	dx += (int)gc_value_as_int(gc_value_at(at, 0)) + WIDTH;
	dy += (int)gc_value_as_int(gc_value_at(at, 1)) + HEIGHT;
	gc_client_event(con, "MOVE", NULL,
	    gc_value_make("{sl s[ii]}", "player_id", me, "new_position",
		dx % WIDTH, dy % HEIGHT),
	    0);
}

/* False: it leaves. */
static bool
key(const char *text)
{
	if (strcmp(text, "\x1b[A") == 0 || strcmp(text, "\x1bOA") == 0)
		move(0, -STEP);
	else if (strcmp(text, "\x1b[B") == 0 || strcmp(text, "\x1bOB") == 0)
		move(0, STEP);
	else if (strcmp(text, "\x1b[C") == 0 || strcmp(text, "\x1bOC") == 0)
		move(STEP, 0);
	else if (strcmp(text, "\x1b[D") == 0 || strcmp(text, "\x1bOD") == 0)
		move(-STEP, 0);
	return strcmp(text, "q") != 0;
}

static int
play(void)
{
	uint64_t terminal = 0;
	struct gc_event ev;
	bool on = true;
	int r;

	r = gc_client_event(
	    con, "JOIN", gc_value_make("[s]", name), NULL, 5000);
	if (r == 0)
		r = gc_client_wait_until(con, is_in, &me, 5000);
	if (r == 0)
		r = gc_tick(net, 50);
	while (r == 0 && on && (r = gc_next(net, &ev)) == 0) {
		if (ev.kind == GC_OPEN)
			terminal = ev.conn;
		else if (ev.kind == GC_MESSAGE)
			on = key(ev.text);
		else if (ev.kind == GC_TICK && terminal)
			draw(terminal);
		else if (ev.kind == GC_STOP || ev.kind == GC_CLOSE)
			on = false;
	}
	return r;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "tty:", NULL };
	struct gc_start start = { .name = "chase_term",
		.about = "Plays chase in a terminal.",
		.listen = listen,
		.may_connect = "*",
		.arguments = "URL NAME" };
	int r = -1;

	net = gc_open(&start, argc, argv);
	if (net == NULL)
		return gc_explain(&start);
	if (start.first_argument + 2 == argc) {
		name = argv[start.first_argument + 1];
		con = gc_connect(net, argv[start.first_argument], NULL);
		r = con ? play() : -1;
	}
	if (r < 0)
		fprintf(stderr, "chase_term: %s\n", gc_problem(net));
	gc_disconnect(con);
	gc_close(net);
	return r < 0;
}
