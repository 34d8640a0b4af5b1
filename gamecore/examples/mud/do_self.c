/*
 * do_self.c - one's own affairs: score, settings, password, leaving.
 */
#include "mud.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
do_score(struct player *p, char *rest)
{
	struct body *b = p->body;
	const struct thing *weapon = thing_worn(b, HELD);

	(void)rest;
	say(b,
	    "{bold}%s{/}, of level %ld\n"
	    "  life        %ld of %ld\n"
	    "  experience  %ld; the next level at %ld\n"
	    "  weapon      %s\n"
	    "  armour      %ld\n"
	    "  coins       %ld",
	    b->name, b->level, b->life, b->life_max, p->experience,
	    fight_experience(b->level), weapon ? weapon->kind->name : "fists",
	    thing_armour(b), b->coins);
	return 0;
}

int
do_quests(struct player *p, char *rest)
{
	struct text t = { 0 };

	(void)rest;
	quest_list(p, &t);
	say(p->body, "You have taken on:%s",
	    t.len ? text_of(&t) : " nothing yet. {bold}talk{/} to people.");
	text_release(&t);
	return 0;
}

/* ---- aliases ------------------------------------------------------------- */

static struct alias *
find_alias(struct player *p, const char *name)
{
	for (size_t i = 0; i < p->n_aliases; i++)
		if (strcmp(p->aliases[i].name, name) == 0)
			return &p->aliases[i];
	return NULL;
}

static void
list_aliases(struct player *p)
{
	struct text t = { 0 };

	for (size_t i = 0; i < p->n_aliases; i++)
		text_printf(&t, "\n  {bold}%s{/} %s",
		    say_words(p->aliases[i].name),
		    say_words(p->aliases[i].text));
	say(p->body, "Your aliases:%s", t.len ? text_of(&t) : " none");
	text_release(&t);
}

int
do_alias(struct player *p, char *rest)
{
	const char *name = text_word(&rest);
	struct alias *a = find_alias(p, name);

	if (*name == '\0' || *rest == '\0') {
		list_aliases(p);
		return 0;
	}
	if (a == NULL && p->n_aliases < ALIASES_MAX)
		a = &p->aliases[p->n_aliases++];
	if (a == NULL || strlen(name) >= sizeof(a->name) ||
	    strlen(rest) >= sizeof(a->text)) {
		say(p->body, a ? "That is too long."
			       : "You cannot remember more of them.");
		if (a && *a->name == '\0')
			p->n_aliases--;
		return 0;
	}
	snprintf(a->name, sizeof(a->name), "%s", name);
	snprintf(a->text, sizeof(a->text), "%s", rest);
	say(p->body, "{bold}%s{/} now means: %s", say_words(name),
	    say_words(rest));
	store_mark(p);
	return 0;
}

int
do_unalias(struct player *p, char *rest)
{
	struct alias *a = find_alias(p, rest);

	if (a == NULL) {
		say(p->body, "There is no such alias.");
		return 0;
	}
	*a = p->aliases[--p->n_aliases];
	p->aliases[p->n_aliases] = (struct alias){ .name = "" };
	say(p->body, "Forgotten.");
	store_mark(p);
	return 0;
}

/* ---- settings ------------------------------------------------------------ */

int
do_brief(struct player *p, char *rest)
{
	(void)rest;
	p->brief = !p->brief;
	say(p->body,
	    p->brief ? "Rooms are now brief." : "Rooms now have their texts.");
	store_mark(p);
	return 0;
}

int
do_prompt(struct player *p, char *rest)
{
	(void)rest;
	p->prompt = !p->prompt;
	say(p->body, p->prompt ? "You now have a prompt." : "No prompt.");
	store_mark(p);
	return 0;
}

struct choice {
	const char *word;
	int value;
};

static int
set_terminal(struct player *p, const char *word, enum gc_setting what,
    const struct choice *c, const char *use)
{
	int value = atoi(word);

	while (c->word && strcmp(c->word, word) != 0)
		c++;
	if (c->word == NULL && !(what == GC_SET_WRAP && value >= 20)) {
		say(p->body, "%s", use);
		return 0;
	}
	gc_terminal_set(p->mud->net, gc_session_conn(p->s), what,
	    c->word ? c->value : value);
	say(p->body, "{red}So{/} {yellow}it{/} {green}is{/} {cyan}now{/}.");
	return 0;
}

int
do_colour(struct player *p, char *rest)
{
	static const struct choice choices[] = { { "off", 0 }, { "16", 16 },
		{ "256", 256 }, { "true", 16777216 }, { "auto", -1 },
		{ NULL, 0 } };

	return set_terminal(p, rest, GC_SET_COLOURS, choices,
	    "colour off, 16, 256, true, or auto");
}

int
do_wrap(struct player *p, char *rest)
{
	static const struct choice choices[] = { { "off", 0 }, { "auto", -1 },
		{ NULL, 0 } };

	return set_terminal(
	    p, rest, GC_SET_WRAP, choices, "wrap N (20 and up), off, or auto");
}

int
do_reader(struct player *p, char *rest)
{
	static const struct choice choices[] = { { "off", 0 }, { "on", 1 },
		{ "auto", -1 }, { NULL, 0 } };

	return set_terminal(
	    p, rest, GC_SET_READER, choices, "reader on, off, or auto");
}

/* ---- password ------------------------------------------------------------ */

/* A subroutine that asks three questions, while the world goes on. */
static int
ask_passwords(struct player *p, char *old, char *new, size_t size)
{
	char again[80];
	ssize_t r = gc_ask_hidden(p->s, "Your password: ", old, size);

	if (r >= 0)
		r = gc_ask_hidden(
		    p->s, "The new one, at least 6 letters: ", new, size);
	if (r < 0)
		return (int)r;
	if (r < 6 || r >= (ssize_t)size) {
		say(p->body, "That is too %s.", r < 6 ? "short" : "long");
		return 1;
	}
	r = gc_ask_hidden(p->s, "Once more: ", again, sizeof(again));
	if (r < 0)
		return (int)r;
	if (strcmp(new, again) == 0)
		return 0;
	say(p->body, "These were not the same.");
	return 1;
}

int
do_password(struct player *p, char *rest)
{
	char old[80], new[80];
	struct text t = { 0 };
	const char *answer;
	ssize_t r;

	(void)rest;
	p->busy = true;
	r = ask_passwords(p, old, new, sizeof(old));
	if (r == 0) {
		text_printf(&t, "password %s %ld %s\n%s", p->body->name,
		    p->mud->hash_cost, old, new);
		r = store_ask(p->s, &answer, &t);
		if (r >= 0)
			say(p->body, "%s",
			    strcmp(answer, "changed") == 0
				? "Your password is another now."
				: "That was not your password.");
		text_release(&t);
	}
	p->busy = false;
	return r == GC_ECLOSED || r == GC_ESTOPPED ? (int)r : 0;
}

int
do_save(struct player *p, char *rest)
{
	(void)rest;
	store_mark(p);
	say(p->body, "You will be remembered.");
	return 0;
}

int
do_quit(struct player *p, char *rest)
{
	(void)rest;
	if (p->body->foe) {
		say(p->body, "Not while you fight.");
		return 0;
	}
	say(p->body, "Goodbye, %s. The water runs on without you.",
	    p->body->name);
	return COMMAND_QUIT;
}

/* ---- help ---------------------------------------------------------------- */

static void
help_row(const struct command *c, struct text *t)
{
	char use[48];

	snprintf(use, sizeof(use), "%s %s", c->name, c->use);
	text_printf(t, "  {bold}%-24s{/} %s\n", use, c->help);
}

/* The names of a topic, in one line. */
static void
help_topic(const struct player *p, int topic, struct text *t)
{
	static const char *const names[TOPICS] = { "going", "people", "things",
		"fights", "yourself", "wizards" };
	size_t begin = t->len;

	if (topic == WIZARD && !p->wizard)
		return;
	text_printf(t, "  {cyan}%-10s{/}", names[topic]);
	for (const struct command *c = commands; c->name; c++) {
		if (!c->help || (int)c->topic != topic)
			continue;
		/* Markup takes no place: 9 for the colours above. */
		if (t->len - begin > 68 + 9) {
			text_printf(t, "\n            ");
			begin = t->len - 21;
		}
		text_printf(t, " %s", c->name);
	}
	text_printf(t, "\n");
}

static void
help_first(const struct player *p, struct text *t)
{
	text_printf(t, "{bold}What you can do{/}\n");
	for (int topic = 0; topic < TOPICS; topic++)
		help_topic(p, topic, t);
	text_printf(t,
	    "\n{bold}help kill{/} tells of one, {bold}help all{/} of all. Any "
	    "beginning of a word will do:\n{bold}l{/}, {bold}inv{/}, "
	    "{bold}k rat{/}; {bold}2.rat{/} is the second one.\n"
	    "New here? {bold}talk{/} to people, they have work: Hilde in the "
	    "inn, south of the square,\nand the guard at the gate in the "
	    "north. {bold}walk inn{/} finds the way.\n");
}

static size_t
help_rows(const struct player *p, const char *word, struct text *t)
{
	size_t rows = 0;

	for (const struct command *c = commands; c->name; c++)
		if (c->help && (c->topic != WIZARD || p->wizard) &&
		    text_begins(c->name, word)) {
			help_row(c, t);
			rows++;
		}
	return rows;
}

int
do_help(struct player *p, char *rest)
{
	struct text t = { 0 };
	bool all = strcmp(rest, "all") == 0;
	int r;

	text_printf(&t, "{pre}");
	if (*rest == '\0')
		help_first(p, &t);
	else if (help_rows(p, all ? "" : rest, &t) == 0)
		text_printf(&t, "There is no help on that.\n");
	text_printf(&t, "{/pre}");
	p->busy = true;
	r = gc_page(p->s, text_of(&t));
	p->busy = false;
	text_release(&t);
	return r;
}
