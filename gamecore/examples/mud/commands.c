/*
 * commands.c - what players can do, as a table.
 *
 * A line is an alias, a sign ('hello, :waves), or a word that is the beginning
 * of a command: the first row that it begins wins, so the order of the rows
 * says what the short words mean. Help comes from the rows, too. A new command
 * is a row here and a function in one of the do_ files.
 */
#include "mud.h"

#include <stdio.h>
#include <string.h>

#define WAY(way_, WAY_)                                    \
	static int do_##way_(struct player *p, char *rest) \
	{                                                  \
		return do_way(p, rest, WAY_);              \
	}
WAY(north, NORTH)
WAY(east, EAST)
WAY(south, SOUTH)
WAY(west, WEST)
WAY(up, UP)
WAY(down, DOWN)

const struct command commands[] = {
	{ "north", do_north, "", "go north; so for east south west up down",
	    GOING },
	{ "east", do_east, "", NULL, GOING },
	{ "south", do_south, "", NULL, GOING },
	{ "west", do_west, "", NULL, GOING },
	{ "up", do_up, "", NULL, GOING },
	{ "down", do_down, "", NULL, GOING },
	{ "look", do_look, "[AT]", "look around, or at something", GOING },
	{ "go", do_go, "WAY", "go somewhere", GOING },
	{ "say", do_say, "WORDS", "to all in the room; also 'WORDS", PEOPLE },
	{ "get", do_get, "THING", "take it: a thing, coins, or all", THINGS },
	{ "take", do_get, "THING", NULL, THINGS },
	{ "inventory", do_inventory, "", "what you carry", THINGS },
	{ "kill", do_kill, "BEING", "begin a fight", FIGHTS },
	{ "attack", do_kill, "BEING", NULL, FIGHTS },
	{ "flee", do_flee, "", "out of a fight, any way", FIGHTS },
	{ "examine", do_examine, "THING", "look closely", GOING },
	{ "talk", do_talk, "BEING", "ask what it wants: quests", PEOPLE },
	{ "tell", do_tell, "WHO WORDS", "to one, wherever", PEOPLE },
	{ "reply", do_reply, "WORDS", "to who told you last", PEOPLE },
	{ "rest", do_rest, "", "sit down and heal faster", FIGHTS },
	{ "drop", do_drop, "THING", "put it down: a thing, 5 coins, all",
	    THINGS },
	{ "give", do_give, "THING WHO", "give a thing, or 5 coins", THINGS },
	{ "wear", do_wear, "THING", "put on armour", THINGS },
	{ "wield", do_wear, "THING", "take a weapon in hand", THINGS },
	{ "remove", do_remove, "THING", "take off what you wear or wield",
	    THINGS },
	{ "eat", do_eat, "THING", "eat or drink it", THINGS },
	{ "drink", do_eat, "THING", NULL, THINGS },
	{ "list", do_list, "", "what is for sale here", THINGS },
	{ "buy", do_buy, "THING", "buy it", THINGS },
	{ "sell", do_sell, "THING", "sell it", THINGS },
	{ "map", do_map, "", "your surroundings", GOING },
	{ "walk", do_walk, "PLACE", "find the way there and walk it", GOING },
	{ "score", do_score, "", "how you are", FIGHTS },
	{ "quests", do_quests, "", "what you have taken on", FIGHTS },
	{ "consider", do_consider, "BEING", "would you win?", FIGHTS },
	{ "shout", do_shout, "WORDS", "to everybody", PEOPLE },
	{ "emote", do_emote, "WORDS", "do something; also :WORDS", PEOPLE },
	{ "who", do_who, "", "who is here", PEOPLE },
	{ "alias", do_alias, "[NAME [TEXT]]",
	    "your own words; $* is the rest, ; parts commands", YOURSELF },
	{ "unalias", do_unalias, "NAME", "forget one", YOURSELF },
	{ "brief", do_brief, "", "rooms without their texts, or with",
	    YOURSELF },
	{ "prompt", do_prompt, "", "a prompt, or none", YOURSELF },
	{ "colour", do_colour, "HOW", "off, 16, 256, true or auto", YOURSELF },
	{ "color", do_colour, "", NULL, YOURSELF },
	{ "wrap", do_wrap, "N", "columns of a line; or off, or auto",
	    YOURSELF },
	{ "reader", do_reader, "HOW",
	    "on, off or auto: for terminals that read aloud", YOURSELF },
	{ "password", do_password, "", "choose another", YOURSELF },
	{ "save", do_save, "", "now (it is done by itself, too)", YOURSELF },
	{ "help", do_help, "[COMMAND]", "this", YOURSELF },
	{ "quit", do_quit, "", "leave the world", YOURSELF },
	{ "reload", do_reload, "", "read the builders' file again", WIZARD },
	{ "audit", do_audit, "", "do coins and things add up?", WIZARD },
	{ "goto", do_goto, "PLACE", "be there", WIZARD },
	{ NULL, NULL, NULL, NULL, GOING },
};

/* ---- aliases ------------------------------------------------------------- */

enum { ALIASED_MAX = 10 }; /* commands out of one line */

/* The alias's text, with what follows in place of $*, or behind it. */
static void
expand(const struct alias *a, const char *rest, char *out, size_t size)
{
	const char *star = strstr(a->text, "$*");

	if (star)
		snprintf(out, size, "%.*s%s%s", (int)(star - a->text), a->text,
		    rest, star + 2);
	else
		snprintf(out, size, "%s%s%s", a->text, *rest ? " " : "", rest);
}

/* Each command between the semicolons; no alias within. */
static int
run_alias(struct player *p, const struct alias *a, const char *rest)
{
	char line[LINE_BYTES], *next, *command = line;
	int r = 0;

	expand(a, rest, line, sizeof(line));
	for (unsigned n = 0; r == 0 && command && n < ALIASED_MAX; n++) {
		next = strchr(command, ';');
		if (next)
			*next++ = '\0';
		p->aliased++;
		r = command_run(p, command);
		p->aliased--;
		command = next;
	}
	return r;
}

static const struct alias *
alias_of(const struct player *p, const char *word)
{
	for (size_t i = 0; i < p->n_aliases; i++)
		if (strcmp(p->aliases[i].name, word) == 0)
			return &p->aliases[i];
	return NULL;
}

/* ---- one line ------------------------------------------------------------ */

static const struct command *
find(const struct player *p, const char *word)
{
	for (const struct command *c = commands; c->name; c++)
		if ((c->topic != WIZARD || p->wizard) &&
		    text_begins(c->name, word))
			return c;
	return NULL;
}

int
command_run(struct player *p, char *line)
{
	char sign[2], *word, *rest = line + strspn(line, " \t");
	const struct command *c;
	const struct alias *a;

	p->mud->commands++;
	rest[strcspn(rest, "\r\n")] = '\0';
	if (*rest == '\'' || *rest == ':') {
		sign[0] = *rest++;
		rest += strspn(rest, " \t");
		return sign[0] == ':' ? do_emote(p, rest) : do_say(p, rest);
	}
	word = text_word(&rest);
	if (*word == '\0')
		return 0;
	a = p->aliased ? NULL : alias_of(p, word);
	if (a)
		return run_alias(p, a, rest);
	c = find(p, word);
	if (c)
		return c->run(p, rest);
	say(p->body, "You do not know how to \"%s\". Try {bold}help{/}.",
	    say_words(word));
	return 0;
}
