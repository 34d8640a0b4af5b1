/*
 * world.c - driving, shooting, and looking back in time.
 */
#include "gamecore/examples/arena/world.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SEED_OF_ROCKS 2026

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift
 * generators, scrambled", 2016. */
static uint64_t
next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1du;
}

unsigned
world_dice(struct world *w, unsigned n)
{
	return (unsigned)((next(&w->dice) >> 33) % n);
}

void
world_init(struct world *w, uint64_t seed)
{
	uint64_t state = SEED_OF_ROCKS;

	memset(w, 0, sizeof(*w));
	w->dice = seed ? seed : 1;
	for (size_t i = 0; i < ROCKS; i++) {
		struct rock *r = &w->rocks[i];

		/* None at the very edge, where one could be shut in. */
		r->radius = 250 + (double)((next(&state) >> 33) % 550);
		r->x =
		    1500 + (double)((next(&state) >> 33) % (WORLD_SIZE - 3000));
		r->y =
		    1500 + (double)((next(&state) >> 33) % (WORLD_SIZE - 3000));
	}
}

/* ---- driving: the same in arena.js -------------------------------------- */

static double
between(double low, double v, double high)
{
	return v < low ? low : v > high ? high : v;
}

/* Out of a rock, the shortest way. */
static void
push_out(const struct rock *r, double *x, double *y)
{
	double dx = *x - r->x, dy = *y - r->y;
	double want = r->radius + TANK_RADIUS, is = sqrt(dx * dx + dy * dy);

	if (is >= want)
		return;
	if (is < 1e-6) {
		dx = is = 1;
		dy = 0;
	}
	*x = r->x + dx / is * want;
	*y = r->y + dy / is * want;
}

static void
drive(const struct world *w, struct tank *t, int dx, int dy)
{
	double speed = dx && dy ? TANK_SPEED * M_SQRT1_2 : TANK_SPEED;

	t->x += dx * speed;
	t->y += dy * speed;
	for (size_t i = 0; i < ROCKS; i++)
		push_out(&w->rocks[i], &t->x, &t->y);
	t->x = between(TANK_RADIUS, t->x, WORLD_SIZE - TANK_RADIUS);
	t->y = between(TANK_RADIUS, t->y, WORLD_SIZE - TANK_RADIUS);
}

/* ---- who is there ------------------------------------------------------- */

static void
place(struct world *w, struct tank *t)
{
	t->x = TANK_RADIUS + world_dice(w, WORLD_SIZE - 2 * TANK_RADIUS);
	t->y = TANK_RADIUS + world_dice(w, WORLD_SIZE - 2 * TANK_RADIUS);
	drive(w, t, 0, 0);
	t->health = HEALTH;
	t->dead = t->unhurt = t->cool = 0;
	t->safe = SAFE_TICKS;
	/* Nobody shoots at what was not there. */
	for (size_t i = 0; i <= REWIND_TICKS; i++)
		t->past[i].alive = false;
}

struct tank *
world_find(struct world *w, int64_t id)
{
	for (size_t i = 0; i < w->used; i++)
		if (w->tanks[i].id == id)
			return &w->tanks[i];
	return NULL;
}

struct tank *
world_add(struct world *w, int64_t id, const char *name, bool bot)
{
	struct tank *t = world_find(w, 0);

	if (t == NULL) {
		if (w->used == TANKS_MAX)
			return NULL;
		t = &w->tanks[w->used++];
	}
	memset(t, 0, sizeof(*t));
	t->id = id;
	t->bot = bot;
	snprintf(t->name, sizeof(t->name), "%s", name);
	place(w, t);
	return t;
}

void
world_remove(struct world *w, int64_t id)
{
	struct tank *t = world_find(w, id);

	if (t)
		t->id = 0;
	while (w->used && w->tanks[w->used - 1].id == 0)
		w->used--;
}

/* ---- a tick ------------------------------------------------------------- */

bool
tank_input(struct tank *t, const struct input *in)
{
	if (t->n_inputs == INPUTS_MAX)
		return false;
	t->inputs[t->n_inputs++] = *in;
	return true;
}

/* One a tick; two while a burst that came late is worked off, but never more
 * than there were ticks. */
static void
take_inputs(struct world *w, struct tank *t)
{
	unsigned n = t->n_inputs > 3 ? 2 : t->n_inputs ? 1 : 0;

	t->credit += t->credit < INPUTS_MAX;
	if (n > t->credit)
		n = t->credit;
	t->credit -= n;
	for (unsigned i = 0; i < n; i++) {
		t->done = t->inputs[i].number;
		if (t->dead == 0)
			drive(w, t, t->inputs[i].dx, t->inputs[i].dy);
	}
	memmove(
	    t->inputs, t->inputs + n, (t->n_inputs - n) * sizeof(t->inputs[0]));
	t->n_inputs -= n;
}

static void
live(struct world *w, struct tank *t)
{
	if (t->dead) {
		if (--t->dead == 0)
			place(w, t);
		return;
	}
	t->safe -= t->safe > 0;
	t->cool -= t->cool > 0;
	if (t->health < HEALTH && ++t->unhurt > HEAL_TICKS)
		t->health++;
}

void
world_step(struct world *w)
{
	w->tick++;
	for (size_t i = 0; i < w->used; i++) {
		struct tank *t = &w->tanks[i];
		struct place *now = &t->past[w->tick % (REWIND_TICKS + 1)];

		if (t->id == 0)
			continue;
		if (t->bot)
			drive(w, t, t->dead ? 0 : t->dx, t->dead ? 0 : t->dy);
		else
			take_inputs(w, t);
		live(w, t);
		*now =
		    (struct place){ t->x, t->y, t->dead == 0 && t->safe == 0 };
	}
}

/* ---- shooting ----------------------------------------------------------- */

/* Where t stood at a tick with a fraction; false: it could not be hit. */
static bool
stood(const struct world *w, const struct tank *t, double seen, double *x,
    double *y)
{
	uint32_t tick = (uint32_t)seen;
	double part = seen - tick;
	const struct place *a = &t->past[tick % (REWIND_TICKS + 1)];
	const struct place *b =
	    tick == w->tick ? a : &t->past[(tick + 1) % (REWIND_TICKS + 1)];

	if (!a->alive || !b->alive)
		return false;
	*x = a->x + (b->x - a->x) * part;
	*y = a->y + (b->y - a->y) * part;
	return true;
}

/* How far along a ray a circle begins, or -1: it misses. */
static double
meets(double x, double y, double dir_x, double dir_y, double cx, double cy,
    double radius)
{
	double along = (cx - x) * dir_x + (cy - y) * dir_y;
	double away2 =
	    (cx - x) * (cx - x) + (cy - y) * (cy - y) - along * along;

	if (along < 0 || away2 > radius * radius)
		return -1;
	return along - sqrt(radius * radius - away2);
}

static void
hurt(struct tank *by, struct tank *t, struct shot *shot)
{
	shot->hit = t->id;
	t->unhurt = 0;
	t->health -= DAMAGE;
	if (t->health > 0)
		return;
	t->health = 0;
	t->dead = DEAD_TICKS;
	t->deaths++;
	by->score++;
	shot->killed = true;
}

bool
world_shoot(
    struct world *w, struct tank *t, int aim, double seen, struct shot *shot)
{
	double dx = cos(aim / 1e3), dy = sin(aim / 1e3), far = RANGE, x, y, at;
	struct tank *hit = NULL;

	t->aim = aim;
	if (t->dead || t->cool)
		return false;
	t->cool = COOL_TICKS;
	t->safe = 0;
	if (!(seen >= (double)w->tick - REWIND_TICKS)) /* a NaN, too */
		seen = w->tick > REWIND_TICKS ? w->tick - REWIND_TICKS : 0;
	if (seen > w->tick)
		seen = w->tick;
	for (size_t i = 0; i < ROCKS; i++) {
		at = meets(t->x, t->y, dx, dy, w->rocks[i].x, w->rocks[i].y,
		    w->rocks[i].radius);
		if (at >= 0 && at < far)
			far = at;
	}
	for (size_t i = 0; i < w->used; i++) {
		struct tank *o = &w->tanks[i];

		if (o == t || o->id == 0 || o->dead ||
		    !stood(w, o, seen, &x, &y))
			continue;
		at = meets(t->x, t->y, dx, dy, x, y, TANK_RADIUS);
		if (at >= 0 && at < far) {
			far = at;
			hit = o;
		}
	}
	*shot = (struct shot){ .x = t->x,
		.y = t->y,
		.to_x = t->x + dx * far,
		.to_y = t->y + dy * far,
		.by = t->id };
	if (hit)
		hurt(t, hit, shot);
	return true;
}
