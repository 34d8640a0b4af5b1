/* links: tests/lib/kit*.c tests/lib/players.c tests/lib/deaths.c */
/*
 * Sessions over a real netd: the game is killed while everybody is in the
 * middle of an answer, and everybody is still being asked the same question.
 */
#include "tests/lib/deaths.h"
#include "tests/lib/kit.h"
#include "tests/lib/players.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define URL "line://127.0.0.1:0"
#define PLAYERS 100

static struct kit_proc *launcher;

struct visitor {
	int fd;
	unsigned n, sum; /* of the question that stands */
	char name[16];
};

static struct visitor visitors[PLAYERS];

static void
expect_question(struct visitor *v)
{
	char line[96];

	snprintf(line, sizeof(line), "q %u %s %u\n", v->n, v->name, v->sum);
	kit_expect(v->fd, line);
}

static void
answer(struct visitor *v, const char *text)
{
	for (const char *p = text; *p; p++)
		v->sum = v->sum * 31 + (unsigned char)*p;
	v->n++;
	kit_send(v->fd, text);
	kit_send(v->fd, "\n");
}

static void
come(struct visitor *v, unsigned number)
{
	*v =
	    (struct visitor){ .fd = kit_connect(kit_url(launcher, 1)), .n = 1 };
	snprintf(v->name, sizeof(v->name), "p%u", number);
	kit_expect(v->fd, "who?\n");
	kit_send(v->fd, v->name);
	kit_send(v->fd, "\n");
	expect_question(v);
}

static void
start_visits(void)
{
	launcher = kit_game(players_game("visits"), "--listen", URL, "--limit",
	    "restarts_max=1000000", "--limit", "checkpoint_ms=100", NULL);
}

/* Everybody is asked; half have typed part of an answer, a quarter a whole
 * one whose question may or may not be out when the game dies. */
static void
kill_amid_questions(int number)
{
	unsigned before = kit_count_log(launcher, "recovered");
	char text[24];

	snprintf(text, sizeof(text), "half%d", number);
	for (unsigned i = 0; i < PLAYERS; i += 2)
		kit_send(visitors[i].fd, "half");
	for (unsigned i = 1; i < PLAYERS; i += 4)
		answer(&visitors[i], "whole");
	death_signal(launcher, SIGKILL);
	for (unsigned i = 1; i < PLAYERS; i += 4)
		expect_question(&visitors[i]);
	while (kit_count_log(launcher, "recovered") == before)
		kit_tick();
	/* What was typed before the death is the beginning of the answer. */
	for (unsigned i = 0; i < PLAYERS; i += 2) {
		struct visitor *v = &visitors[i];

		for (const char *p = text; *p; p++)
			v->sum = v->sum * 31 + (unsigned char)*p;
		v->n++;
		kit_send(v->fd, text + 4);
		kit_send(v->fd, "\n");
		expect_question(v);
	}
	/* Those who said nothing are still being asked the same. */
	for (unsigned i = 3; i < PLAYERS; i += 4) {
		answer(&visitors[i], text);
		expect_question(&visitors[i]);
	}
}

static void
killed_amid_a_hundred_half_answered_questions_all_are_still_asked(void)
{
	start_visits();
	for (unsigned i = 0; i < PLAYERS; i++)
		come(&visitors[i], i);
	for (int i = 0; i < 6; i++)
		kill_amid_questions(i);
	for (unsigned i = 0; i < PLAYERS; i++)
		kit_expect_silence(visitors[i].fd, 0);
	assert_int_equal(kit_count_log(launcher, "replay_differs"), 0);
	assert_int_equal(kit_count_log(launcher, "closed "), 0);
}

static void
sleeps_and_room_ticks_go_on_after_a_death(void)
{
	struct visitor *v = &visitors[0];

	start_visits();
	come(v, 0);
	v->n++;
	kit_send(v->fd, "sleep 300\n");
	death_signal(launcher, SIGKILL);
	expect_question(v);
	for (int i = 0; i < 3; i++) {
		v->n++;
		kit_send(v->fd, "wait\n");
		death_signal(launcher, SIGSEGV);
		kit_expect(v->fd, "ticked\n");
		expect_question(v);
	}
	assert_int_equal(kit_count_log(launcher, "replay_differs"), 0);
}

static void
an_overflow_is_logged_with_the_sessions_name_and_costs_that_player_only(void)
{
	struct visitor *digger = &visitors[0], *other = &visitors[1];

	start_visits();
	come(digger, 0);
	come(other, 1);
	kit_send(digger->fd, "dig\n");
	kit_expect_log(launcher, "stack_overflow session=\"p0\"");
#ifndef __SANITIZE_ADDRESS__ /* it reports the overflow too, and exits */
	kit_expect_log(launcher, "segmentation fault (signal 11)");
#endif
	/* The same input kills it twice: it is set aside, others play on. */
	answer(other, "still here");
	expect_question(other);
}

/* Names, sleeps, dice, ticks of the room, a death and the goodbyes. */
static void
a_recording_of_sessions_replays_the_same(void)
{
	const char *file = kit_path("visits.rec");
	struct kit_proc *p;

	launcher = kit_game(
	    players_game("visits"), "--listen", URL, "--record", file, NULL);
	for (unsigned i = 0; i < 5; i++)
		come(&visitors[i], i);
	for (unsigned i = 0; i < 5; i++)
		kit_send(visitors[i].fd, "sleep 20\nwait\ndice\n");
	death_signal(launcher, SIGKILL);
	for (unsigned i = 0; i < 5; i++) {
		visitors[i].n++;
		expect_question(&visitors[i]);
		kit_expect(visitors[i].fd, "ticked\n");
		visitors[i].n++;
		expect_question(&visitors[i]);
		kit_expect(visitors[i].fd, "dice ");
		kit_line(visitors[i].fd);
	}
	kit_signal(launcher, SIGTERM);
	assert_int_equal(kit_wait(launcher), 0);
	p = kit_start(players_game("visits"), "--replay", file, NULL);
	assert_int_equal(kit_wait(p), 0);
	kit_expect_log(p, "the replay is the same");
}

static void
a_bad_end_is_a_line_in_the_log_and_hangs_up(void)
{
	struct visitor *v = &visitors[0];
	size_t len;

	start_visits();
	come(v, 7);
	kit_send(v->fd, "bad\n");
	assert_string_equal(kit_recv_all(v->fd, &len), "");
	kit_expect_log(launcher, "session 'p7' ended badly");
}

static void
everybody_says_goodbye_when_the_game_is_stopped(void)
{
	start_visits();
	for (unsigned i = 0; i < 10; i++)
		come(&visitors[i], i);
	kit_signal(launcher, SIGTERM);
	for (unsigned i = 0; i < 10; i++) {
		char *last = kit_recv_all(visitors[i].fd, NULL);

		assert_string_equal(last, "Shutting down...\n");
	}
	assert_int_equal(kit_wait(launcher), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(
		    killed_amid_a_hundred_half_answered_questions_all_are_still_asked),
		KIT_TEST(sleeps_and_room_ticks_go_on_after_a_death),
		KIT_TEST(
		    an_overflow_is_logged_with_the_sessions_name_and_costs_that_player_only),
		KIT_TEST(a_recording_of_sessions_replays_the_same),
		KIT_TEST(a_bad_end_is_a_line_in_the_log_and_hangs_up),
		KIT_TEST(everybody_says_goodbye_when_the_game_is_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
