/*
 * visits.c - sessions, for tests that kill them.
 *
 * Each player is asked "q 1 name", "q 2 name" and so on, and each answer is
 * kept on the player's stack: the next question repeats the sum over all of
 * them and counts the ticks of a task that everybody shares. So a session that
 * was woken at another place, or lost a local variable, is seen. Words instead
 * of an answer:
 *
 *	dig          recurse until the stack is full
 *	dice         dice of the stream
 *	sleep MS     be asked again so much later
 *	bad          end with an error
 *	wait         one more tick of the room that everybody is in
 *	die          abort
 */
#include "gamecore/gamecore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct gc_room *room;

static int
dig(int levels)
{
	volatile char earth[512];

	for (size_t i = 0; i < sizeof(earth); i++)
		earth[i] = (char)levels;
	return levels ? dig(levels - 1) + earth[levels % 512] : 0;
}

static int
word(struct gc_session *s, const char *line)
{
	struct gc_net *net = gc_session_net(s);

	if (strcmp(line, "dig") == 0)
		return gc_say(s, "dug %d", dig(10000000));
	if (strcmp(line, "dice") == 0)
		return gc_say(s, "dice %" PRIu64, gc_random(net, 0));
	if (strncmp(line, "sleep ", 6) == 0)
		return gc_sleep(s, atol(line + 6));
	if (strcmp(line, "die") == 0)
		abort();
	if (strcmp(line, "bad") == 0)
		return GC_EINVALID;
	if (strcmp(line, "wait") == 0) {
		int r = gc_room_next_tick(s, room);

		return r < 0 ? r : gc_say(s, "ticked");
	}
	return 1;
}

static int
player(struct gc_session *s, void *arg)
{
	char name[24], line[64], question[96];
	unsigned sum = 0, n = 0;
	ssize_t r = gc_ask(s, "who?", name, sizeof(name));

	(void)arg;
	if (r < 0)
		return (int)r;
	gc_session_set_name(s, name);
	gc_room_enter(room, s);
	for (;;) {
		snprintf(
		    question, sizeof(question), "q %u %s %u", ++n, name, sum);
		r = gc_ask(s, question, line, sizeof(line));
		if (r < 0)
			break;
		r = word(s, line);
		if (r < 0)
			break;
		for (const char *p = line; r == 1 && *p; p++)
			sum = sum * 31 + (unsigned char)*p;
	}
	if (r == GC_ESTOPPED)
		gc_say(s, "Shutting down...");
	return (int)r;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "line://127.0.0.1:0", NULL };
	struct gc_start start = { .name = "visits",
		.about = "Asks everybody without end.",
		.listen = listen };
	struct gc_net *net = gc_open(&start, argc, argv);
	int r;

	if (net == NULL)
		return gc_explain(&start);
	room = gc_room_new(net, "here", 0, NULL);
	if (room)
		gc_room_tick(room, 20);
	r = gc_serve(net, player, NULL);
	if (r < 0)
		fprintf(stderr, "visits: %s\n", gc_problem(net));
	gc_room_free(room);
	gc_close(net);
	return r < 0;
}
