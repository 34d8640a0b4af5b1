/*
 * do_thing.c - taking, giving, wearing, eating; buying and selling.
 */
#include "mud.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "5 coins", "5", "coins" (all of them); -1: these words mean no coins. */
static long
coins_of(const char *words, long all)
{
	char *end;
	long n = strtol(words, &end, 10);

	if (end == words)
		n = all;
	while (*end == ' ')
		end++;
	if ((end == words || *end) && !text_begins("coins", *end ? end : "?"))
		return -1;
	return n < 0 ? -1 : n > all ? all : n;
}

static const char *
coins(long n)
{
	return n == 1 ? "coin" : "coins";
}

static void
changed(struct player *p)
{
	prompt_stale(p, STALE_THINGS | STALE_VITALS);
	store_mark(p);
}

/* ---- from the floor and back --------------------------------------------- */

static bool
get_one(struct player *p, struct thing *t)
{
	struct body *b = p->body;

	if (t->kind->fixed) {
		say(b, "%s stays where it is.", say_cap(t->kind->name));
		return false;
	}
	if (thing_count(b->things) >= CARRY_MAX) {
		say(b, "You cannot carry more.");
		return false;
	}
	thing_take(&b->room->things, t);
	thing_put(&b->things, t);
	say(b, "You take %s.", t->kind->name);
	say_room(b->room, b, NULL, "%s takes %s.", b->name, t->kind->name);
	changed(p);
	prompt_stale_room(b->room, STALE_THINGS);
	return true;
}

static void
get_coins(struct player *p, long n)
{
	struct body *b = p->body;

	coins_move(&b->room->coins, &b->coins, n);
	say(b, "You take %ld %s.", n, coins(n));
	say_room(b->room, b, NULL, "%s picks up coins.", b->name);
	changed(p);
}

static void
get_all(struct player *p)
{
	struct thing *t, *next;

	if (p->body->room->coins)
		get_coins(p, p->body->room->coins);
	for (t = p->body->room->things; t; t = next) {
		next = t->next;
		if (!t->kind->fixed && !get_one(p, t))
			return;
	}
}

int
do_get(struct player *p, char *rest)
{
	struct body *b = p->body;
	long n = *rest ? coins_of(rest, b->room->coins) : -1;
	struct thing *t = thing_find(b->room->things, rest);

	if (strcmp(rest, "all") == 0)
		get_all(p);
	else if (t)
		get_one(p, t);
	else if (n > 0)
		get_coins(p, n);
	else
		say(b, *rest ? "There is no such thing here." : "Get what?");
	return 0;
}

static void
drop_one(struct player *p, struct thing *t)
{
	struct body *b = p->body;

	thing_take(&b->things, t);
	thing_drop(b->room, t);
	say(b, "You put down %s.", t->kind->name);
	say_room(b->room, b, NULL, "%s puts down %s.", b->name, t->kind->name);
	changed(p);
	prompt_stale_room(b->room, STALE_THINGS);
}

int
do_drop(struct player *p, char *rest)
{
	struct body *b = p->body;
	struct thing *t = thing_find(b->things, rest);
	long n = *rest ? coins_of(rest, b->coins) : -1;

	if (strcmp(rest, "all") == 0)
		while (b->things)
			drop_one(p, b->things);
	else if (t)
		drop_one(p, t);
	else if (n > 0) {
		coins_move(&b->coins, &b->room->coins, n);
		say(b, "You put down %ld %s.", n, coins(n));
		say_room(b->room, b, NULL, "%s puts down coins.", b->name);
		changed(p);
	} else
		say(b, *rest ? "You have no such thing." : "Drop what?");
	return 0;
}

/* ---- to somebody --------------------------------------------------------- */

static void
give_coins(struct player *p, struct body *to, long n)
{
	struct body *b = p->body;

	coins_move(&b->coins, &to->coins, n);
	say(b, "You give %s %ld %s.", to->name, n, coins(n));
	say(to, "%s gives you %ld %s.", b->name, n, coins(n));
	say_room(b->room, b, to, "%s gives %s coins.", b->name, to->name);
	changed(p);
	if (to->player)
		changed(to->player);
}

static void
give_thing(struct player *p, struct body *to, struct thing *t)
{
	struct body *b = p->body;

	if (quest_given(p, to, t))
		return;
	if (to->breed && !to->breed->peaceful) {
		say(b, "%s does not want it.", say_cap(to->name));
		return;
	}
	if (thing_count(to->things) >= CARRY_MAX) {
		say(b, "%s cannot carry more.", say_cap(to->name));
		return;
	}
	thing_take(&b->things, t);
	thing_put(&to->things, t);
	say(b, "You give %s to %s.", t->kind->name, to->name);
	say(to, "%s gives you %s.", b->name, t->kind->name);
	say_room(b->room, b, to, "%s gives %s something.", b->name, to->name);
	changed(p);
	if (to->player)
		changed(to->player);
}

/* "give dagger ann", "give dagger to ann", "give 5 coins to ann" */
int
do_give(struct player *p, char *rest)
{
	struct body *b = p->body, *to;
	char *last = strrchr(rest, ' ');
	struct thing *t;
	long n;

	if (last == NULL) {
		say(b, "Give what to whom?");
		return 0;
	}
	*last++ = '\0';
	n = (long)strlen(rest);
	if (n > 3 && strcmp(rest + n - 3, " to") == 0)
		rest[n - 3] = '\0';
	to = room_find_body(b->room, last);
	t = thing_find(b->things, rest);
	n = t ? -1 : coins_of(rest, b->coins);
	if (to == NULL || to == b)
		say(b, "There is no such person here.");
	else if (t)
		give_thing(p, to, t);
	else if (n > 0)
		give_coins(p, to, n);
	else
		say(b, "You have no such thing.");
	return 0;
}

/* ---- on oneself ---------------------------------------------------------- */

int
do_inventory(struct player *p, char *rest)
{
	struct body *b = p->body;
	struct text t = { 0 };

	(void)rest;
	text_printf(
	    &t, "You carry %ld coin%s", b->coins, b->coins == 1 ? "" : "s");
	text_printf(&t, b->things ? " and" : " and nothing else.");
	for (const struct thing *th = b->things; th; th = th->next)
		text_printf(&t, "\n  {yellow}%s{/}%s%s", th->kind->name,
		    !th->worn                ? ""
		    : th->kind->slot == HELD ? " (in your hand)"
					     : " (worn)",
		    th->kind->heals ? " {grey}(heals){/}" : "");
	say(b, "%s", text_of(&t));
	text_release(&t);
	return 0;
}

int
do_wear(struct player *p, char *rest)
{
	struct body *b = p->body;
	struct thing *t = thing_find(b->things, rest), *before;

	if (t == NULL || t->kind->slot == SLOT_NONE) {
		say(b, t == NULL ? "You have no such thing."
				 : "That can be neither worn nor wielded.");
		return 0;
	}
	before = thing_worn(b, t->kind->slot);
	if (before)
		before->worn = false;
	t->worn = true;
	say(b, "You now %s %s.", t->kind->slot == HELD ? "wield" : "wear",
	    t->kind->name);
	say_room(b->room, b, NULL, "%s %s %s.", b->name,
	    t->kind->slot == HELD ? "wields" : "puts on", t->kind->name);
	changed(p);
	return 0;
}

int
do_remove(struct player *p, char *rest)
{
	struct body *b = p->body;
	struct thing *t = thing_find(b->things, rest);

	if (t == NULL || !t->worn) {
		say(b, "You wear no such thing.");
		return 0;
	}
	t->worn = false;
	say(b, "You take off %s.", t->kind->name);
	changed(p);
	return 0;
}

int
do_eat(struct player *p, char *rest)
{
	struct body *b = p->body;
	struct thing *t = thing_find(b->things, rest);

	if (t == NULL || t->kind->heals == 0) {
		say(b, t == NULL ? "You have no such thing." : "Better not.");
		return 0;
	}
	fight_heal(b, t->kind->heals);
	say(b, "That was good. (%ld/%ld)", b->life, b->life_max);
	say_room(b->room, b, NULL, "%s enjoys %s.", b->name, t->kind->name);
	thing_take(&b->things, t);
	thing_free(p->mud, t);
	changed(p);
	return 0;
}

/* ---- the shop ------------------------------------------------------------ */

static struct body *
keeper(struct player *p)
{
	struct body *b;

	TAILQ_FOREACH (b, &p->body->room->bodies, here)
		if (b->breed && b->breed->sells.n && !b->asleep)
			return b;
	say(p->body, "Nobody sells anything here.");
	return NULL;
}

/* What it pays for a thing: half, and for what is worth nothing, nothing. */
static long
paid_for(const struct kind *k)
{
	return k->price / 2;
}

int
do_list(struct player *p, char *rest)
{
	const struct body *k = keeper(p);
	struct text t = { 0 };

	(void)rest;
	if (k == NULL)
		return 0;
	text_printf(&t, "{pre}%s sells:", say_cap(k->name));
	for (size_t i = 0; i < k->breed->sells.n; i++) {
		const struct kind *kind = k->breed->sells.to[i];

		text_printf(&t, "\n  {yellow}%-28s{/} %4ld coins", kind->name,
		    kind->price);
	}
	text_printf(&t, "{/pre}");
	say(p->body, "%s", text_of(&t));
	text_release(&t);
	return 0;
}

static struct kind *
for_sale(const struct body *k, const char *words)
{
	for (size_t i = 0; i < k->breed->sells.n; i++) {
		struct kind *kind = k->breed->sells.to[i];

		if (text_matches(kind->words, words))
			return kind;
	}
	return NULL;
}

int
do_buy(struct player *p, char *rest)
{
	struct body *b = p->body, *k = keeper(p);
	struct kind *kind = k ? for_sale(k, rest) : NULL;
	struct thing *t;

	if (k == NULL)
		return 0;
	if (kind == NULL) {
		say(b,
		    "That is not for sale; see what is on the {bold}list{/}.");
		return 0;
	}
	if (b->coins < kind->price || thing_count(b->things) >= CARRY_MAX) {
		say(b, b->coins < kind->price ? "You cannot afford that."
					      : "You cannot carry more.");
		return 0;
	}
	t = thing_new(p->mud, kind);
	if (t == NULL)
		return 0;
	coins_move(&b->coins, &k->coins, kind->price);
	thing_put(&b->things, t);
	say(b, "You buy %s for %ld %s.", kind->name, kind->price,
	    coins(kind->price));
	say_room(b->room, b, NULL, "%s buys %s.", b->name, kind->name);
	changed(p);
	return 0;
}

int
do_sell(struct player *p, char *rest)
{
	struct body *b = p->body, *k = keeper(p);
	struct thing *t = thing_find(b->things, rest);
	long pay = t ? paid_for(t->kind) : 0;

	if (k == NULL)
		return 0;
	if (t == NULL || t->worn || pay == 0 || k->coins < pay) {
		say(b, t == NULL  ? "You have no such thing."
		       : t->worn  ? "Take it off first."
		       : pay == 0 ? "\"I have no use for that.\""
				  : "\"I have not that much in the till.\"");
		return 0;
	}
	coins_move(&k->coins, &b->coins, pay);
	say(b, "You sell %s for %ld %s.", t->kind->name, pay, coins(pay));
	say_room(b->room, b, NULL, "%s sells %s.", b->name, t->kind->name);
	thing_take(&b->things, t);
	thing_free(p->mud, t);
	changed(p);
	return 0;
}
