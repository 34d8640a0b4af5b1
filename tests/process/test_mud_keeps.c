/* links: tests/lib/kit*.c tests/lib/players.c tests/lib/deaths.c */
/* links: tests/lib/town.c */
/*
 * The MUD's world outlives its program: another build, a cold start, a stop
 * and a start find what lay where it lay, who was dead dead, and nothing twice.
 * And netd's own death costs nobody anything but a line.
 */
#include "tests/lib/deaths.h"
#include "tests/lib/town.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A rat that dies of one blow and is gone for long; a cat that is awake for a
 * while; a wanderer that goes at once; something hurt that is not healed. */
#define MORE                                                           \
	"being rat\nname a rat\nwords rat\nin yard\nlife 1\ncount 2\n" \
	"carries tail\ncoins 5-5\nback 9999\nexperience 7\n"           \
	"thing tail\nname a tail\nwords tail\n"                        \
	"thing cup\nname a cup\nwords cup\nin yard\nevery 9999\n"      \
	"quest rats\nname Rats\ngiver keeper\nkills rat\ncount 2\n"    \
	"offer Two rats, please.\nthanks Well done.\n"

static const char *
ask(int fd, const char *command, const char *line)
{
	town_type(fd, command);
	return kit_hear(fd, line);
}

/* Ann has killed one rat of two, has the cup, and dropped the stick and coins
 * in the yard. Bob fights the dummy. */
static void
do_things(int ann, int bob)
{
	town_type(ann, "talk keeper");
	kit_hear(ann, "Two rats, please.");
	town_type(ann, "get stick");
	kit_hear(ann, "You take a stick");
	town_go_north(ann);
	town_type(ann, "kill rat");
	kit_hear(ann, "Rats: 1 of 2");
	town_type(ann, "drop stick");
	kit_hear(ann, "You put down a stick");
	town_type(ann, "drop 3 coins");
	kit_hear(ann, "You put down 3 coins");
	town_type(ann, "get cup");
	kit_hear(ann, "You take a cup");
	town_go_north(bob);
	town_type(bob, "kill dummy");
	kit_hear(bob, "You attack a straw dummy!");
	/* Until it is hurt. */
	kit_hear(bob, "a straw dummy. (");
}

/* A town where they did. */
static void
begin(const char *option, const char *value, int *ann, int *bob)
{
	town_write(MORE);
	town_start(option, value);
	*ann = town_make("ann");
	*bob = town_make("bob");
	do_things(*ann, *bob);
}

/* Ann, who may have had to come in again, finds all of that. */
static void
all_is_there(int ann)
{
	char *line;
	int rats = 0, sticks = 0;

	town_audit(ann);
	/* 20 of her own less 3; the rat's 5 lie with them. */
	ask(ann, "inventory", "You carry 17 coins and");
	kit_hear(ann, "a cup");
	ask(ann, "quests", "Rats for the keeper: 1 of 2");
	town_type(ann, "look");
	kit_hear(ann, "The Yard");
	do {
		line = kit_hear(ann, "");
		rats += strstr(line, "A rat is here") != NULL;
		sticks += strstr(line, "A stick lies here.") != NULL;
		if (strstr(line, "A tail lies here") &&
		    strstr(line, "here.") == NULL)
			kit_fail("two tails: '%s'", line);
		if (strstr(line, "cup"))
			kit_fail("the cup is there twice: '%s'", line);
	} while (strstr(line, "coins glint here") == NULL);
	assert_non_null(strstr(line, "8 coins"));
	assert_int_equal(sticks, 1);
	town_type(ann, "say now");
	do {
		line = kit_hear(ann, "");
		rats += strstr(line, "A rat is here") != NULL;
	} while (strstr(line, "You say: now") == NULL);
	assert_int_equal(rats, 1);
	town_type(ann, "look dummy");
	kit_hear(ann, "A straw dummy is ");
}

static void
another_build_finds_the_world_as_it_was(void)
{
	int ann, bob;

	begin(NULL, NULL, &ann, &bob);
	for (int i = 1; i <= 2; i++) {
		kit_signal(town, SIGHUP);
		kit_hear(ann, "The world shivers");
		kit_hear(ann, "The Yard");
		all_is_there(ann);
		kit_hear(bob, "You are still fighting a straw dummy.");
		kit_hear(bob, "a straw dummy. (");
	}
	/* The quest ends, once. */
	town_type(ann, "kill rat");
	kit_hear(ann, "Rats: 2 of 2");
	town_audit(ann);
	assert_int_equal(kit_count_log(town, " upgrade_failed "), 0);
	assert_int_equal(kit_count_log(town, " closed "), 0);
}

static void
a_cold_start_finds_the_world_as_it_was_saved(void)
{
	int ann, bob;

	begin("--limit", "restarts_max=1", &ann, &bob);
	/* Saved all the time; but one who leaves knows when. */
	kit_close(bob);
	kit_hear(ann, "Bob stares into nothing");
	bob = town_make("carl");
	town_type(bob, "quit");
	kit_hear(bob, "Goodbye, Carl");
	kit_recv_all(bob, &(size_t){ 0 });
	death_signal(town, SIGKILL);
	kit_expect_log(town, " recovered ");
	death_signal(town, SIGKILL);
	kit_expect_log(town, " cold_start ");
	kit_hear(ann, "The world shivers");
	kit_hear(ann, "The Yard");
	all_is_there(ann);
	bob = town_again("bob");
	kit_hear(bob, "The Yard");
	town_audit(ann);
}

static void
a_stop_and_a_start_find_the_world_as_it_was(void)
{
	int ann, bob;

	begin(NULL, NULL, &ann, &bob);
	kit_signal(town, SIGTERM);
	kit_hear(ann, "Shutting down...");
	assert_int_equal(kit_wait(town), 0);
	town_start(NULL, NULL);
	ann = town_again("ann");
	kit_hear(ann, "The Yard");
	all_is_there(ann);
}

/* What builders took away meanwhile is gone from the store as well, and its
 * things are where all begin. */
static void
a_world_that_was_changed_meanwhile_is_joined_with_what_was(void)
{
	int ann;
	FILE *f;

	town_write(MORE);
	town_start(NULL, NULL);
	ann = town_make("ann");
	town_type(ann, "get stick");
	town_go_north(ann);
	town_type(ann, "drop stick");
	kit_hear(ann, "You put down a stick");
	kit_signal(town, SIGTERM);
	assert_int_equal(kit_wait(town), 0);
	f = fopen(kit_path("test.world"), "w");
	assert_non_null(f);
	fputs("world Here\nstart hall\nplace hall\nname The Hall\n"
	      "text Large.\nthing stick\nname a stick\nwords stick\n",
	    f);
	fclose(f);
	for (int i = 0; i < 2; i++) {
		town_start(NULL, NULL);
		ann = town_again("ann");
		kit_hear(ann, "The Hall");
		kit_hear(ann, "A stick lies here.");
		town_audit(ann);
		kit_signal(town, SIGTERM);
		assert_int_equal(kit_wait(town), 0);
	}
}

/* ---- netd dies ----------------------------------------------------------- */

static void
when_netd_dies_who_comes_again_is_told_and_stands_where_they_stood(void)
{
	int ann, bob;

	begin(NULL, NULL, &ann, &bob);
	kill(kit_child(town, "netd"), SIGKILL);
	kit_recv_all(ann, &(size_t){ 0 });
	ann = kit_connect(kit_url(town, 1));
	kit_hear(ann, "All lines to this world were cut");
	kit_hear(ann, "By what name");
	town_type(ann, "ann");
	kit_hear(ann, "Password:");
	town_type(ann, "sesame street");
	kit_hear(ann, "You are back in your body, Ann");
	kit_hear(ann, "Your line was cut ");
	kit_hear(ann, "The Yard");
	all_is_there(ann);
	/* Bob's body fought on without him. */
	town_type(ann, "look");
	kit_hear(ann, "Bob is here, fighting a straw dummy");
	bob = town_again("bob");
	kit_hear(bob, "You are back in your body, Bob");
	kit_hear(bob, "a straw dummy. (");
	assert_int_equal(kit_count_log(town, "game_died"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(another_build_finds_the_world_as_it_was),
		KIT_TEST(a_cold_start_finds_the_world_as_it_was_saved),
		KIT_TEST(a_stop_and_a_start_find_the_world_as_it_was),
		KIT_TEST(
		    a_world_that_was_changed_meanwhile_is_joined_with_what_was),
		KIT_TEST(
		    when_netd_dies_who_comes_again_is_told_and_stands_where_they_stood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
