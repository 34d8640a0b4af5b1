/* links: tests/lib/kit*.c */
/*
 * chase, played by pages: whom the chaser touches is the next, nobody moves
 * another, and who leaves is gone. Seen as JSON on the wire.
 */
#include "tests/lib/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kit_proc *game;

static int
page(void)
{
	return kit_ws(kit_url(game, 1));
}

static void
say(int fd, const char *text)
{
	kit_ws_send(fd, 1, text, strlen(text));
}

/* Read messages until one has this in it; those of states are acknowledged. */
static void
until(int fd, const char *want)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	char *text = NULL, ack[64];
	size_t len;

	do {
		const char *to;

		if (kit_now_ms() > end)
			kit_fail("no '%s', but '%s'", want, text);
		kit_ws_recv(fd, &text, &len);
		to = strstr(text, "\"to\":");
		if (to == NULL)
			continue;
		snprintf(ack, sizeof(ack), "[\"$ack\",%ld]", atol(to + 5));
		say(fd, ack);
	} while (strstr(text, want) == NULL);
}

static void
whom_the_chaser_touches_is_the_next(void)
{
	int a, b;

	game = kit_game("chase", "--listen", "ws://127.0.0.1:0/", NULL);
	a = page();
	until(a, "\"players\":{}");
	say(a, "[\"$event\",1,\"JOIN\",[\"ann\"]]");
	until(a, "\"chaser_id\":1");
	say(a, "[\"$event\",2,\"MOVE\",[],{\"player_id\":1,"
	       "\"new_position\":[300,200]}]");
	until(a, "[300,200]");
	b = page();
	say(b, "[\"$event\",1,\"JOIN\",[\"bob\"]]");
	until(a, "\"name\":\"bob\"");
	/* Nobody moves another, nor out of the field. */
	say(b, "[\"$event\",2,\"MOVE\",[],{\"player_id\":1,"
	       "\"new_position\":[1,1]}]");
	say(b, "[\"$event\",3,\"MOVE\",[],{\"player_id\":2,"
	       "\"new_position\":[-1,1e9]}]");
	say(b, "[\"$event\",4,\"MOVE\",[],{\"player_id\":2,"
	       "\"new_position\":[298,201]}]");
	until(a, "\"chaser_id\":2");
	until(a, "\"countdown\":4.");
	/* The chaser leaves: somebody else is it. */
	kit_close(b);
	until(a, "[\"players\",2]");
	say(a, "[\"$event\",3,\"JOIN\",[\"ann again\"]]");
	say(a, "[\"$event\",4,\"MOVE\",[],{\"player_id\":1,"
	       "\"new_position\":[7,7]}]");
	until(a, "[7,7]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(whom_the_chaser_touches_is_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
