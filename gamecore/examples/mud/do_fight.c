/*
 * do_fight.c - beginning fights and getting out of them.
 */
#include "mud.h"

#include <string.h>

static bool
may_fight(struct player *p, const struct body *foe)
{
	struct body *b = p->body;

	if (foe == NULL || foe == b)
		say(b, foe ? "Life is hard enough." : "Kill what?");
	else if (foe->player)
		say(b, "Players do not fight each other here.");
	else if (foe->breed->peaceful)
		say(b, "%s has done nothing to deserve that.",
		    say_cap(foe->name));
	else if (b->room->place->safe)
		say(b, "Not here. This is a place of peace.");
	else if (b->foe == foe)
		say(b, "You do your best!");
	else
		return true;
	return false;
}

int
do_kill(struct player *p, char *rest)
{
	struct body *b = p->body;
	struct body *foe = *rest ? room_find_body(b->room, rest) : NULL;

	if (*rest && foe == NULL)
		say(b, "There is no such being here.");
	else if (may_fight(p, foe)) {
		say(b, "{bold}You attack %s!{/}", foe->name);
		say_room(
		    b->room, b, NULL, "%s attacks %s!", b->name, foe->name);
		fight_begin(b, foe);
	}
	return 0;
}

static bool
may_enter(const struct body *b, const struct place *to)
{
	return to && (to->needs == NULL || thing_of_kind(b->things, to->needs));
}

int
do_flee(struct player *p, char *rest)
{
	struct body *b = p->body, *foe = b->foe;
	struct mud *m = p->mud;
	enum way way = WAYS;

	(void)rest;
	if (foe == NULL) {
		say(b, "From whom?");
		return 0;
	}
	for (int i = 0; i < 8 && way == WAYS; i++) {
		enum way w = (enum way)gc_random(m->net, WAYS);

		if (may_enter(b, b->room->place->exits[w]))
			way = w;
	}
	if (way == WAYS || gc_random(m->net, 4) == 0) {
		say(b, "You find no way out!");
		return 0;
	}
	say(b, "You run!");
	if (foe->breed && foe->breed->hunts) {
		foe->prey = b->number;
		gc_signal(m->net, foe->session, FLED, NULL);
	}
	fight_stop(b);
	room_step(b, way);
	return 0;
}

int
do_rest(struct player *p, char *rest)
{
	struct body *b = p->body;

	(void)rest;
	if (b->foe) {
		say(b, "Now?");
		return 0;
	}
	b->resting = true;
	say(b, "You sit down and rest.");
	say_room(b->room, b, NULL, "%s sits down.", b->name);
	return 0;
}

int
do_consider(struct player *p, char *rest)
{
	struct body *b = p->body, *foe = room_find_body(b->room, rest);
	long mine, its;

	if (foe == NULL || foe->breed == NULL) {
		say(b, "Consider what?");
		return 0;
	}
	/* How many rounds each would stand, roughly. */
	mine = b->life / (foe->breed->damage.high + foe->level / 2 + 1);
	its = foe->life / (4 + b->level);
	say(b,
	    mine >= 2 * its  ? "%s would be no trouble."
	    : mine > its     ? "You would probably beat %s."
	    : 2 * mine > its ? "%s might well be your end."
			     : "Running from %s would be wise.",
	    say_cap(foe->name));
	return 0;
}
