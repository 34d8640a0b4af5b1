/*
 * fight.c - blows, wounds, death and what one learns from it.
 *
 * Who has a foe strikes at it once a round; one session counts the rounds for
 * the whole world. A fight is over when one of the two is elsewhere.
 */
#include "mud.h"

#include <stdio.h>

long
fight_life_max(long level)
{
	return 20 + 8 * level;
}

long
fight_experience(long level)
{
	return 40 * level * level;
}

static long
dice(struct mud *m, struct range r)
{
	return r.low + (long)gc_random(m->net, (uint64_t)(r.high - r.low) + 1);
}

void
fight_begin(struct body *b, struct body *foe)
{
	if (b->foe == foe)
		return;
	b->foe = foe;
	b->resting = false;
	if (foe->asleep) {
		foe->asleep = false;
		say_room(foe->room, foe, NULL, "%s wakes with a start!",
		    say_cap(foe->name));
	}
	if (foe->foe == NULL) {
		foe->foe = b;
		foe->resting = false;
		if (foe->player)
			prompt_stale(foe->player, STALE_VITALS);
	}
	if (b->player)
		prompt_stale(b->player, STALE_VITALS);
}

/* Neither it nor anybody else fights on. */
void
fight_stop(struct body *b)
{
	struct body *o;

	b->foe = NULL;
	if (b->room == NULL)
		return;
	TAILQ_FOREACH (o, &b->room->bodies, here) {
		if (o->foe != b)
			continue;
		o->foe = NULL;
		if (o->player)
			prompt_stale(o->player, STALE_VITALS);
	}
}

void
fight_heal(struct body *b, long life)
{
	b->life += life;
	if (b->life > b->life_max)
		b->life = b->life_max;
	if (b->player)
		prompt_stale(b->player, STALE_VITALS);
}

void
fight_reward(struct player *p, long experience)
{
	struct body *b = p->body;

	p->experience += experience;
	while (b->level < LEVEL_MAX &&
	       p->experience >= fight_experience(b->level)) {
		b->level++;
		b->life_max = fight_life_max(b->level);
		b->life = b->life_max;
		say(b, "{bold}{yellow}You are now of level %ld!{/}{/}",
		    b->level);
		say_room(b->room, b, NULL, "%s seems to have grown.", b->name);
	}
	prompt_stale(p, STALE_VITALS);
	store_mark(p);
}

/* ---- death --------------------------------------------------------------- */

/* All players who fought it share what is to be learned. */
static void
share(struct body *dead)
{
	struct body *b;
	long n = 0;

	if (dead->breed == NULL)
		return;
	TAILQ_FOREACH (b, &dead->room->bodies, here)
		n += b->player && b->foe == dead;
	TAILQ_FOREACH (b, &dead->room->bodies, here) {
		if (b->player == NULL || b->foe != dead)
			continue;
		fight_reward(b->player, (dead->breed->experience + n - 1) / n);
		quest_killed(b->player, dead->breed);
	}
}

static void
being_dies(struct body *b)
{
	struct room *r = b->room;

	say_room(r, NULL, NULL, "{bold}%s is dead!{/}", say_cap(b->name));
	share(b);
	while (b->things)
		thing_drop(r, thing_take(&b->things, b->things));
	coins_move(&b->coins, &r->coins, b->coins);
	b->dead = true;
	b->back_us =
	    gc_now(b->mud->net) +
	    1000 * being_time(b->mud, b->breed->back_s * INT64_C(1000));
	room_put(b, NULL);
	prompt_stale_room(r, STALE_THINGS);
	gc_signal(b->mud->net, b->session, DIED, NULL);
}

/* A third of the coins stays where it fell; the rest comes along. */
static void
player_dies(struct body *b, const struct body *killer)
{
	struct room *r = b->room;
	struct mud *m = b->mud;

	say(b, "{bold}{bright red}You are dead.{/}{/}\nDarkness, and far away "
	       "the sound of water. Then a hand takes yours.");
	say_room(r, b, NULL, "{bold}%s is dead!{/}", b->name);
	coins_move(&b->coins, &r->coins, b->coins / 3);
	b->life = b->life_max / 2;
	room_put(b, room_of(m, m->world->start));
	say_room(b->room, b, NULL,
	    "%s is carried in, pale and dripping, and breathes again.",
	    b->name);
	room_look(b->player, true);
	say_all(m, b, "{grey}%s was killed by %s.{/}", b->name, killer->name);
	store_mark(b->player);
}

/* ---- a round ------------------------------------------------------------- */

static bool
hits(struct mud *m, const struct body *b, const struct body *foe)
{
	long chance = 75 + 3 * (b->level - foe->level);

	chance = chance < 25 ? 25 : chance > 95 ? 95 : chance;
	return (long)gc_random(m->net, 100) < chance;
}

static long
harm(struct mud *m, const struct body *b, const struct body *foe)
{
	static const struct range fists = { 1, 3 };
	const struct thing *weapon = thing_worn(b, HELD);
	long n = dice(m, weapon     ? weapon->kind->damage
			 : b->breed ? b->breed->damage
				    : fists) +
		 b->level / 2;
	long armour = thing_armour(foe);

	n -= (long)gc_random(m->net, (uint64_t)armour + 1);
	return n < 1 ? 1 : n;
}

static const char *
how(long n)
{
	return n < 3 ? "scratch" : n < 7 ? "hit" : n < 12 ? "strike" : "maul";
}

static void
strike(struct body *b)
{
	struct body *foe = b->foe;
	struct mud *m = b->mud;
	long n;

	if (foe->foe == NULL)
		foe->foe = b;
	if (!hits(m, b, foe)) {
		say(b, "You miss %s.", foe->name);
		say(foe, "%s misses you.", say_cap(b->name));
		return;
	}
	n = harm(m, b, foe);
	foe->life -= n;
	say(b, "You {green}%s{/} %s. (%ld)", how(n), foe->name, n);
	say(foe, "%s {red}%s%s{/} you! (%ld)", say_cap(b->name), how(n),
	    n < 3 ? "es" : "s", n);
	if (foe->player)
		prompt_stale(foe->player, STALE_VITALS);
	if (b->player)
		prompt_stale(b->player, STALE_VITALS);
	if (foe->life > 0)
		return;
	if (foe->player)
		player_dies(foe, b);
	else
		being_dies(foe);
}

static void
round_of(struct mud *m)
{
	struct body *b;

	/* Nobody is freed in a round, so the walk is safe. */
	TAILQ_FOREACH (b, &m->bodies, all) {
		if (b->foe == NULL || b->room == NULL)
			continue;
		if (b->foe->room == b->room && !b->foe->dead)
			strike(b);
		else
			b->foe = NULL;
	}
}

/* Wounds close by themselves, faster at rest and in restful places. */
static void
mend(struct mud *m)
{
	struct body *b;

	TAILQ_FOREACH (b, &m->bodies, all) {
		long n = 1 + b->level / 3;

		if (b->room == NULL || b->foe || b->life >= b->life_max)
			continue;
		n *= b->resting ? 3 : 1;
		n *= b->room->place->restful ? 2 : 1;
		fight_heal(b, n);
		if (b->resting && b->life == b->life_max)
			say(b, "You feel whole again.");
	}
}

int
fight_task(struct gc_session *s, void *arg)
{
	struct mud *m = arg;
	int r;

	for (unsigned n = 1;; n++) {
		r = gc_next_tick(s);
		if (r < 0)
			return r;
		round_of(m);
		if (n % 3 == 0)
			mend(m);
	}
}
