/*
 * ask.c - a whole visit as one subroutine: a guessing game in questions.
 *
 * Each player has a function of their own that waits for its answers while
 * everybody else plays on. Three negative answers matter, and all three mean
 * the same here: there is nobody left to ask. So they are returned.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>
#include <stdlib.h>

#define HIGHEST 100

/* Ask until a number comes; 0 and below: it never will. */
static int
ask_number(struct gc_session *s, const char *question)
{
	char line[80];
	ssize_t r;

	while ((r = gc_ask(s, question, line, sizeof(line))) >= 0) {
		int number = atoi(line);

		if (number >= 1 && number <= HIGHEST)
			return number;
		question = "A number from 1 to 100, please.";
	}
	return (int)r;
}

static int
guess(struct gc_session *s, const char *name)
{
	int secret = 1 + (int)gc_random(gc_session_net(s), HIGHEST);
	int tries = 0, number;

	gc_say(s, "I think of a number from 1 to %d, %s.", HIGHEST, name);
	number = ask_number(s, "Which one is it?");
	while (number > 0 && ++tries && number != secret)
		number = ask_number(
		    s, number < secret ? "It is higher." : "It is lower.");
	if (number < 0)
		return number;
	gc_say(s, "Yes! It took you %d %s.", tries,
	    tries == 1 ? "guess" : "guesses");
	return 0;
}

static int
player(struct gc_session *s, void *arg)
{
	char name[32], again[8];
	int r = (int)gc_ask(s, "What is your name?", name, sizeof(name));

	(void)arg;
	if (r < 0)
		return r;
	gc_session_set_name(s, name);
	do
		r = guess(s, name);
	while (r == 0 &&
	       gc_ask(s, "Once more? (y/n)", again, sizeof(again)) >= 0 &&
	       (again[0] == 'y' || again[0] == 'Y'));
	gc_say(s, r == GC_ESTOPPED ? "Shutting down..." : "Goodbye, %s.", name);
	return r;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "line://127.0.0.1:4000", NULL };
	struct gc_start start = { .name = "ask",
		.about = "Guess a number: one function a player.",
		.listen = listen };
	struct gc_net *net = gc_open(&start, argc, argv);
	char address[256];
	int r;

	if (net == NULL)
		return gc_explain(&start);
	if (gc_address(net, 1, address, sizeof(address)) == 0)
		fprintf(stderr, "ask: try  %s\n", address);
	r = gc_serve(net, player, NULL);
	if (r < 0)
		fprintf(stderr, "ask: %s\n", gc_problem(net));
	gc_close(net);
	return r < 0;
}
