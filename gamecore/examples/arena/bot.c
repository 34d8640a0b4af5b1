/*
 * bot.c - what a bot wants: near whom it can see, behind a rock when it is
 * hurt, and its aim is not the best.
 */
#include "gamecore/examples/arena/world.h"

#include <math.h>

#define SIGHT 3200
#define NEAR 1500
#define AIM_OFF 260 /* milliradians, at worst */

static struct tank *
nearest(struct world *w, const struct tank *t, double *distance)
{
	struct tank *best = NULL;

	*distance = SIGHT;
	for (size_t i = 0; i < w->used; i++) {
		struct tank *o = &w->tanks[i];
		double d;

		if (o == t || o->id == 0 || o->dead || o->safe)
			continue;
		d = hypot(o->x - t->x, o->y - t->y);
		if (d < *distance) {
			*distance = d;
			best = o;
		}
	}
	return best;
}

static int8_t
sign(double v)
{
	return (int8_t)(v > 100 ? 1 : v < -100 ? -1 : 0);
}

/* A new mind: towards the other, away from it, or anywhere. */
static void
decide(struct world *w, struct tank *t, const struct tank *o, double distance)
{
	int way = t->health <= DAMAGE ? -1 : distance > NEAR ? 1 : 0;

	t->think = 10 + world_dice(w, 30);
	if (o && way) {
		t->dx = (int8_t)(way * sign(o->x - t->x));
		t->dy = (int8_t)(way * sign(o->y - t->y));
		return;
	}
	t->dx = (int8_t)((int)world_dice(w, 3) - 1);
	t->dy = (int8_t)((int)world_dice(w, 3) - 1);
}

bool
bot_think(struct world *w, struct tank *t, struct shot *shot)
{
	struct tank *o;
	double distance;
	int aim;

	/* Not all of them at every tick: they look every third. */
	if (t->dead || (w->tick + (uint32_t)t->id) % 3)
		return false;
	o = nearest(w, t, &distance);
	if (t->think <= 3)
		decide(w, t, o, distance);
	else
		t->think -= 3;
	if (o == NULL)
		return false;
	aim = (int)(atan2(o->y - t->y, o->x - t->x) * 1e3) +
	      (int)world_dice(w, 2 * AIM_OFF) - AIM_OFF;
	aim = (aim % 6283 + 6283) % 6283;
	t->aim = aim;
	/* It takes its time. */
	return t->cool == 0 && world_dice(w, 5) == 0 &&
	       world_shoot(w, t, aim, w->tick, shot);
}
