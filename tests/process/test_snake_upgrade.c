/* links: tests/lib/kit*.c tests/lib/family.c */
/*
 * Snake goes on in its next program: the same snakes on the same field, and
 * the top scores for ever.
 */
#include "tests/lib/family.h"
#include "tests/lib/kit.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct kit_proc *snake;

static void
start(const char *size, const char *speed, const char *limit)
{
	snake = kit_game("snake", "--listen", "ws://127.0.0.1:0/play", "--size",
	    size, "--speed", speed, "--limit", limit, NULL);
}

static void
say(int fd, const char *text)
{
	kit_ws_send(fd, 1, text, strlen(text));
}

/* Read messages until one contains text; it is returned. */
static const char *
until(int fd, const char *text)
{
	static char *bytes; /* the case's */
	size_t len;

	do
		if (kit_ws_recv(fd, &bytes, &len) != 1)
			kit_fail("no '%s' came", text);
	while (strstr(bytes, text) == NULL);
	return strstr(bytes, text);
}

static int
join(const char *name)
{
	char text[64];
	int fd = kit_ws(kit_url(snake, 1));

	snprintf(text, sizeof(text), "[\"name\",{\"name\":\"%s\"}]", name);
	say(fd, text);
	until(fd, "[\"you\",");
	say(fd, "[\"join\"]");
	until(fd, "[\"joined\",");
	return fd;
}

static void
wait_log(const char *text, unsigned times)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;

	while (kit_count_log(snake, text) < times) {
		if (kit_now_ms() > end)
			kit_fail("no %u times '%s'", times, text);
		kit_tick();
	}
}

/* A wide field and slow snakes: nobody reaches an edge meanwhile. */
static void
an_upgrade_keeps_the_snakes_on_the_field(void)
{
	int ann, bob;

	start("200x200", "5", "upgrade_ms=8000");
	ann = join("Ann");
	bob = join("Bob");
	until(bob, "[\"frame\",");
	for (unsigned i = 1; i <= 3; i++) {
		const char *all;

		kit_signal(snake, SIGHUP);
		wait_log(" upgraded ", i);
		/* The field again, and both of them play in it. */
		all = until(ann, "\"players\":");
		if (!strstr(all, "\"name\":\"Ann\",\"slot\":0,") ||
		    !strstr(all, "\"name\":\"Bob\",\"slot\":1,"))
			kit_fail("players: %.200s", all);
		until(bob, "\"players\":");
		/* They move, are steered, and have their names. */
		until(ann, "[\"frame\",");
		say(ann, "[\"turn\",{\"way\":0}]");
		say(bob, "[\"talk\",{\"text\":\"still Bob\"}]");
		until(ann, "[\"chat\",{\"name\":\"Bob\",\"slot\":1,"
			   "\"text\":\"still Bob\"}]");
	}
	/* The group of the room is there: a third one is seen by both. */
	join("Cyd");
	until(ann, "\"name\":\"Cyd\",\"slot\":2,");
	until(bob, "\"name\":\"Cyd\",\"slot\":2,");
	/* Who leaves dies, and the others hear of it. */
	kit_close(bob);
	until(ann, "\"why\":\"left\"");
	assert_int_equal(kit_count_log(snake, " game_died "), 0);
}

static void
bots_play_on(void)
{
	int fd;

	snake = kit_game("snake", "--listen", "ws://127.0.0.1:0/play", "--bots",
	    "3", "--speed", "30", NULL);
	fd = kit_ws(kit_url(snake, 1));
	until(fd, "\"name\":\"Cobra\",");
	kit_signal(snake, SIGHUP);
	wait_log(" upgraded ", 1);
	until(fd, "[\"field\",");
	for (int i = 0; i < 30; i++)
		until(fd, "[\"frame\",");
}

/* Straight on into the wall, again and again, until a digit was in the way. */
static void
score_a_point(int fd)
{
	int64_t end = kit_now_ms() + 6 * KIT_WAIT_MS;
	bool scored = false;

	while (kit_now_ms() < end) {
		char *bytes;
		size_t len;

		if (kit_ws_recv(fd, &bytes, &len) != 1)
			kit_fail("the line ends");
		scored = scored || strstr(bytes, "\"digit\":");
		if (strstr(bytes, "\"why\":") && scored)
			return;
		if (strstr(bytes, "\"why\":"))
			say(fd, "[\"join\"]");
	}
	kit_fail("no digit was eaten");
}

static void
top_scores_outlive_a_cold_start(void)
{
	int fd;
	const char *top;

	start("10x10", "30", "restarts_max=1");
	fd = join("Ann");
	score_a_point(fd);
	top = until(fd, "[\"top\",{\"list\":[{\"name\":\"Ann\",");
	/* The first death is recovered, the second is one too many. */
	kill(family_game(snake, 0), SIGKILL);
	wait_log(" recovered ", 1);
	kill(family_game(snake, 0), SIGKILL);
	wait_log(" cold_start ", 1);
	until(fd, "[\"field\",");
	fd = kit_ws(kit_url(snake, 1));
	if (strncmp(until(fd, "[\"top\","), top, 48) != 0)
		kit_fail("not the same as %.60s", top);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(an_upgrade_keeps_the_snakes_on_the_field),
		KIT_TEST(bots_play_on),
		KIT_TEST(top_scores_outlive_a_cold_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
