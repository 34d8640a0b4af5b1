/*
 * lobby.c - an intro, a lobby, rooms: each is a subroutine, and returns where
 * its player goes next.
 *
 * A player's visit is the loop in player(). The rooms are shared: each has
 * members, a capacity, a lock, and a tick that runs only while somebody is
 * inside. On that tick a task, a session without a player, burns the fuse of
 * the room's hot potato.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 1000
#define ROOMS 3

/* A room of ours: what the library's does not have. */
struct place {
	const char *name;
	size_t capacity;
	struct gc_room *room;
	uint64_t holder; /* of the potato: a session's number, or 0 */
	int fuse;        /* ticks until it bursts */
};

static struct place places[ROOMS] = { { .name = "kitchen", .capacity = 8 },
	{ .name = "cellar", .capacity = 3 }, { .name = "garden" } };

struct visitor {
	char name[24];
	struct place *place; /* that was chosen in the lobby */
	int error;           /* why the visit ends, or 0 */
};

/* Where a player goes next; NULL: home. */
struct next {
	struct next (*go)(struct gc_session *s, struct visitor *me);
};

static struct next lobby(struct gc_session *s, struct visitor *me);

static struct next
home(struct visitor *me, int error)
{
	me->error = error;
	return (struct next){ NULL };
}

/* ---- the potato --------------------------------------------------------- */

/* To whoever stands behind the holder, in a circle. */
static void
pass(struct gc_net *net, struct place *p)
{
	struct gc_session *s = gc_session_find(net, p->holder);

	if (s && gc_room_of(s) != p->room)
		s = NULL;
	s = gc_room_next(p->room, s);
	if (s == NULL)
		s = gc_room_next(p->room, NULL);
	p->holder = s ? gc_session_number(s) : 0;
	if (s)
		gc_room_say(
		    p->room, NULL, "* %s has the potato", gc_session_name(s));
}

static bool
holds(struct gc_session *s, const struct place *p)
{
	return p->holder == gc_session_number(s);
}

static void
burn(struct gc_net *net, struct place *p)
{
	struct gc_session *s = gc_session_find(net, p->holder);

	if (gc_room_members(p->room) < 2) {
		p->holder = 0;
		return;
	}
	if (s == NULL || gc_room_of(s) != p->room) {
		p->fuse = 3 + (int)gc_random(net, 10);
		pass(net, p);
	} else if (--p->fuse <= 0) {
		gc_room_say(p->room, NULL, "* BANG! %s is covered in potato",
		    gc_session_name(s));
		p->holder = 0;
	}
}

static int
potato(struct gc_session *s, void *arg)
{
	struct place *p = arg;
	int r;

	/* An empty room has no tick, so this one then costs nothing. */
	while ((r = gc_room_next_tick(s, p->room)) > 0)
		burn(gc_session_net(s), p);
	return r;
}

/* ---- where a player can be ---------------------------------------------- */

static struct next
in_room(struct gc_session *s, struct visitor *me)
{
	struct place *p = me->place;
	struct next back = { lobby };
	char line[200];

	gc_say(s, "You are in the %s: throw, lock, unlock, leave, or just talk",
	    p->name);
	gc_room_say(p->room, s, "* %s comes in", me->name);
	for (;;) {
		ssize_t r = gc_readline(s, line, sizeof(line));

		if (r < 0)
			back = home(me, (int)r);
		if (r < 0 || strcmp(line, "leave") == 0)
			break;
		if (strcmp(line, "throw") == 0 && holds(s, p))
			pass(gc_session_net(s), p);
		else if (strcmp(line, "throw") == 0)
			gc_say(s, "You do not have it.");
		else if (strcmp(line, "lock") == 0 ||
			 strcmp(line, "unlock") == 0) {
			gc_room_lock(p->room, line[0] == 'l');
			gc_room_say(
			    p->room, NULL, "* %s %ss the door", me->name, line);
		} else if (r > 0)
			gc_room_say(p->room, s, "<%s> %s", me->name, line);
	}
	gc_room_leave(s);
	if (gc_room_members(p->room) == 0)
		gc_room_lock(p->room, false);
	gc_room_say(p->room, NULL, "* %s leaves", me->name);
	return back;
}

static struct next
lobby(struct gc_session *s, struct visitor *me)
{
	char line[16];
	int r, n;

	for (int i = 0; i < ROOMS; i++)
		gc_say(s, "%d  %s (%zu inside)", i + 1, places[i].name,
		    gc_room_members(places[i].room));
	r = (int)gc_ask(s, "Which room? (or quit)", line, sizeof(line));
	if (r < 0)
		return home(me, r);
	if (strcmp(line, "quit") == 0)
		return home(me, 0);
	n = atoi(line);
	if (n < 1 || n > ROOMS)
		return (struct next){ lobby };
	me->place = &places[n - 1];
	r = gc_room_enter(me->place->room, s);
	if (r == 0)
		return (struct next){ in_room };
	gc_say(s, "The %s is %s.", me->place->name,
	    r == GC_EFULL ? "full" : "locked");
	return (struct next){ lobby };
}

static struct next
intro(struct gc_session *s, struct visitor *me)
{
	ssize_t r;

	gc_say(s, "A house of three rooms, and a potato in each.");
	do
		r = gc_ask(s, "Who are you?", me->name, sizeof(me->name));
	while (r == 0);
	if (r < 0)
		return home(me, (int)r);
	gc_session_set_name(s, me->name);
	return (struct next){ lobby };
}

static int
player(struct gc_session *s, void *arg)
{
	struct visitor me = { .error = 0 };
	struct next next = { intro };

	(void)arg;
	while (next.go)
		next = next.go(s, &me);
	if (me.error == GC_ESTOPPED)
		gc_say(s, "Shutting down...");
	else
		gc_say(s, "Goodbye");
	return me.error;
}

/* ---- the house ---------------------------------------------------------- */

static bool
build(struct gc_net *net)
{
	for (int i = 0; i < ROOMS; i++) {
		struct place *p = &places[i];

		p->room = gc_room_new(net, p->name, p->capacity, p);
		if (p->room == NULL || gc_room_tick(p->room, TICK_MS) != 0 ||
		    gc_task(net, "potato", potato, p) == 0)
			return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "line://127.0.0.1:4000", NULL };
	struct gc_start start = { .name = "lobby",
		.about = "An intro, a lobby, and rooms with a hot potato.",
		.listen = listen };
	struct gc_net *net = gc_open(&start, argc, argv);
	char address[256];
	int r;

	if (net == NULL)
		return gc_explain(&start);
	if (gc_address(net, 1, address, sizeof(address)) == 0)
		fprintf(stderr, "lobby: try  %s\n", address);
	r = build(net) ? gc_serve(net, player, NULL) : -1;
	if (r < 0)
		fprintf(stderr, "lobby: %s\n", gc_problem(net));
	for (int i = 0; i < ROOMS; i++)
		gc_room_free(places[i].room);
	gc_close(net);
	return r < 0;
}
