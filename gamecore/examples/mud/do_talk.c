/*
 * do_talk.c - words between players, and with beings.
 */
#include "mud.h"

#include <stdio.h>
#include <string.h>

enum { SHOUT_PAUSE_US = 3 * 1000 * 1000 };

int
do_say(struct player *p, char *rest)
{
	struct body *b = p->body, *o;

	if (*rest == '\0') {
		say(b, "Say what?");
		return 0;
	}
	say(b, "You say: {cyan}%s{/}", say_words(rest));
	say_room(
	    b->room, b, NULL, "%s says: {cyan}%s{/}", b->name, say_words(rest));
	TAILQ_FOREACH (o, &b->room->bodies, here)
		if (o->player)
			side_talk(o->player, "say", b->name, rest);
	return 0;
}

static struct player *
listener(struct player *p, const char *name)
{
	struct player *o = login_find(p->mud, name), *one;
	size_t found = 0;

	/* The beginning of a name is enough if it is only one's. */
	if (o == NULL && *name)
		TAILQ_FOREACH (one, &p->mud->players, next)
			if (text_begins(one->body->name, name)) {
				o = one;
				found++;
			}
	if (o == NULL || found > 1)
		say(p->body, found ? "Several names begin so."
				   : "There is nobody of that name.");
	return found > 1 ? NULL : o;
}

static void
tell(struct player *p, struct player *to, const char *words)
{
	if (to->line_dead)
		say(p->body, "%s stares into nothing and may not hear you.",
		    to->body->name);
	say(p->body, "You tell %s: {bright magenta}%s{/}", to->body->name,
	    say_words(words));
	say(to->body, "%s tells you: {bright magenta}%s{/}", p->body->name,
	    say_words(words));
	side_talk(to, "tell", p->body->name, words);
	snprintf(to->reply, sizeof(to->reply), "%.15s", p->body->name);
}

int
do_tell(struct player *p, char *rest)
{
	char *name = text_word(&rest);
	struct player *to;

	if (*rest == '\0') {
		say(p->body, "Tell whom what?");
		return 0;
	}
	to = listener(p, name);
	if (to == p)
		say(p->body, "You talk to yourself.");
	else if (to)
		tell(p, to, rest);
	return 0;
}

int
do_reply(struct player *p, char *rest)
{
	struct player *to = *p->reply ? login_find(p->mud, p->reply) : NULL;

	if (to == NULL || *rest == '\0')
		say(p->body, to ? "Reply what?" : "Nobody to reply to.");
	else
		tell(p, to, rest);
	return 0;
}

int
do_shout(struct player *p, char *rest)
{
	struct body *b = p->body;
	struct player *o;

	if (*rest == '\0' || gc_now(p->mud->net) < p->talk_us) {
		say(b, *rest ? "You are still out of breath." : "Shout what?");
		return 0;
	}
	p->talk_us = gc_now(p->mud->net) + SHOUT_PAUSE_US;
	say(b, "You shout: {yellow}%s{/}", say_words(rest));
	say_all(
	    p->mud, b, "%s shouts: {yellow}%s{/}", b->name, say_words(rest));
	TAILQ_FOREACH (o, &p->mud->players, next)
		side_talk(o, "shout", b->name, rest);
	return 0;
}

int
do_emote(struct player *p, char *rest)
{
	struct body *b = p->body;

	if (*rest == '\0') {
		say(b, "Do what?");
		return 0;
	}
	say_room(b->room, NULL, NULL, "%s %s", b->name, say_words(rest));
	return 0;
}

int
do_talk(struct player *p, char *rest)
{
	struct body *b = p->body, *to = NULL;

	if (text_begins(rest, "to "))
		rest += 3;
	if (*rest)
		to = room_find_body(b->room, rest);
	else
		TAILQ_FOREACH (to, &b->room->bodies, here)
			if (to->breed && to->breed->peaceful)
				break;
	if (to == NULL)
		say(b, "There is nobody here to talk with.");
	else if (to->player)
		say(b, "Just {bold}say{/} something.");
	else if (to->asleep)
		say(b, "%s is asleep.", say_cap(to->name));
	else if (!quest_talk(p, to))
		say(b,
		    to->breed->sells.n
			? "%s says to you: {cyan}Have a look at my list.{/}"
			: "%s has nothing to ask of you.",
		    say_cap(to->name));
	return 0;
}

int
do_who(struct player *p, char *rest)
{
	struct mud *m = p->mud;
	struct text t = { 0 };
	const struct player *o;
	size_t shown = 0;

	(void)rest;
	text_printf(
	    &t, "{pre}{bold}%zu in %s{/}\n", m->n_players, m->world->name);
	TAILQ_FOREACH (o, &m->players, next) {
		/* A long list helps nobody and costs everybody. */
		if (shown++ == 200)
			text_printf(&t, "  ... and more\n");
		if (shown > 200)
			break;
		text_printf(&t, "  {bright cyan}%-15s{/} level %-2ld %s%s\n",
		    o->body->name, o->body->level, o->wizard ? "wizard " : "",
		    o->line_dead ? "(line dead)" : "");
	}
	text_printf(&t, "{/pre}");
	p->busy = true;
	shown = (size_t)-gc_page(p->s, text_of(&t));
	p->busy = false;
	text_release(&t);
	return -(int)shown;
}
