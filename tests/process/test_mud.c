/* links: tests/lib/kit*.c tests/lib/players.c tests/lib/deaths.c */
/* links: tests/lib/town.c */
/*
 * The MUD over a real netd: who one is, bodies that outlive their lines, a
 * world that builders change, and deaths of the game in the middle of it all.
 */
#include "tests/lib/deaths.h"
#include "tests/lib/town.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- who one is ---------------------------------------------------------- */

static void
a_character_is_made_leaves_and_is_known_again(void)
{
	int ann;

	town_begin();
	ann = town_make_with_stick("ann");
	town_type(ann, "quit");
	kit_hear(ann, "Goodbye, Ann");
	kit_recv_all(ann, &(size_t){ 0 });
	ann = town_again("ANN");
	kit_hear(ann, "Welcome, Ann");
	town_type(ann, "inventory");
	kit_hear(ann, "a stick");
	town_audit(ann);
}

static void
five_wrong_passwords_close_the_door_for_that_address(void)
{
	int ann, fd;

	town_begin();
	ann = town_make("ann");
	fd = town_come("ann");
	for (int i = 0; i < 5; i++) {
		kit_hear(fd, "Password:");
		town_type(fd, "open please");
		kit_hear(fd, "That is not it");
	}
	kit_hear(fd, "Too many wrong passwords");
	kit_recv_all(fd, &(size_t){ 0 });
	fd = kit_connect(kit_url(town, 1));
	kit_hear(fd, "Too many wrong passwords");
	kit_recv_all(fd, &(size_t){ 0 });
	/* Who is inside is not concerned. */
	town_audit(ann);
}

static void
names_are_checked(void)
{
	static const char *const bad[] = { "x", "a name", "Robert2", "someone",
		"waytoolongforanyname", "<script>" };
	int fd;

	town_begin();
	fd = kit_connect(kit_url(town, 1));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		kit_hear(fd, "By what name");
		town_type(fd, bad[i]);
		kit_hear(fd, "A name has 3 to 15 letters");
	}
	kit_hear(fd, "By what name");
	town_type(fd, "bOB");
	kit_hear(fd, "Nobody has heard of Bob yet");
}

/* ---- lines and bodies ---------------------------------------------------- */

static void
a_body_outlives_its_line_and_is_taken_again(void)
{
	int ann, bob;

	town_begin();
	ann = town_make("ann");
	bob = town_make("bob");
	town_type(ann, "get stick");
	kit_hear(ann, "You take a stick");
	kit_hear(bob, "Ann takes a stick");
	kit_close(ann);
	kit_hear(bob, "Ann stares into nothing");
	town_type(bob, "look");
	kit_hear(bob, "Ann is here, staring into nothing");
	ann = town_again("ann");
	kit_hear(ann, "You are back in your body, Ann");
	town_type(ann, "inventory");
	kit_hear(ann, "a stick");
	town_audit(ann);
}

static void
a_second_login_takes_over_from_the_first(void)
{
	int first, second;

	town_begin();
	first = town_make("ann");
	town_go_north(first);
	second = town_again("ann");
	kit_hear(first, "Somebody else takes your body over");
	kit_recv_all(first, &(size_t){ 0 });
	kit_hear(second, "You are back in your body, Ann");
	kit_hear(second, "The Yard");
	town_type(second, "say still me");
	kit_hear(second, "You say: still me");
}

static void
what_is_given_is_saved_for_both_or_none(void)
{
	int ann, bob;

	town_begin();
	ann = town_make("ann");
	bob = town_make("bob");
	town_type(ann, "get stick");
	kit_hear(ann, "You take a stick");
	town_type(ann, "give stick to bob");
	kit_hear(bob, "Ann gives you a stick");
	town_type(bob, "give 5 coins ann");
	kit_hear(ann, "Bob gives you 5 coins");
	town_type(ann, "give 500 coins bob");
	kit_hear(bob, "Ann gives you 25 coins");
	town_audit(ann);
	kit_signal(town, SIGTERM);
	kit_hear(ann, "Shutting down...");
	kit_hear(bob, "Shutting down...");
	assert_int_equal(kit_wait(town), 0);
	town_start(NULL, NULL);
	ann = town_again("ann");
	town_type(ann, "inventory");
	kit_hear(ann, "You carry 0 coins and nothing else");
	bob = town_again("bob");
	town_type(bob, "inventory");
	kit_hear(bob, "You carry 40 coins and");
	kit_hear(bob, "a stick");
	town_audit(ann);
}

/* ---- what happens there ----------------------------------------------------
 */

static void
a_quest_is_taken_done_and_paid(void)
{
	int ann;

	town_write("being rat\nname a rat\nwords rat\nin yard\nlife 1\n"
		   "count 2\nexperience 30\ncarries tail\n"
		   "thing tail\nname a tail\nwords tail\n"
		   "quest rats\nname Rats\ngiver keeper\nkills rat\n"
		   "count 2\ncoins 9\nexperience 20\ngives stick\n"
		   "offer Two rats, please.\nthanks Well done.\n"
		   "quest tail\nname A tail\ngiver keeper\nbrings tail\n"
		   "after rats\ncoins 1\noffer A tail now.\nthanks Fine.\n");
	town_start(NULL, NULL);
	ann = town_make("ann");
	town_type(ann, "talk keeper");
	kit_hear(ann, "Two rats, please.");
	town_go_north(ann);
	for (int i = 1; i <= 2; i++) {
		town_type(ann, "kill rat");
		kit_hear(ann, "A rat is dead!");
		kit_hear(ann, i == 1 ? "Rats: 1 of 2" : "Rats: 2 of 2");
	}
	town_type(ann, "get tail");
	kit_hear(ann, "You take a tail");
	town_type(ann, "south");
	town_type(ann, "give tail keeper");
	kit_hear(ann, "You give a tail to the keeper");
	town_type(ann, "talk");
	kit_hear(ann, "Well done.");
	kit_hear(ann, "The keeper gives you a stick");
	town_type(ann, "talk");
	kit_hear(ann, "A tail now.");
	town_type(ann, "quests");
	kit_hear(ann, "Rats (done)");
	kit_hear(ann, "A tail for the keeper: 0 of 1");
	town_audit(ann);
	town_type(ann, "quit");
	kit_hear(ann, "Goodbye");
	ann = town_again("ann");
	town_type(ann, "quests");
	kit_hear(ann, "Rats (done)");
	town_type(ann, "north");
	town_type(ann, "get tail");
	kit_hear(ann, "You take a tail");
	town_type(ann, "south");
	town_type(ann, "give tail keeper");
	kit_hear(ann, "Fine.");
	town_audit(ann);
}

static void
who_dies_wakes_at_the_beginning_a_third_poorer(void)
{
	int ann;

	town_write("being ogre\nname an ogre\nwords ogre\nin yard\n"
		   "life 999\nlevel 20\ndamage 900-900\nfierce\n");
	town_start(NULL, NULL);
	ann = town_make("ann");
	town_type(ann, "north");
	kit_hear(ann, "An ogre attacks you!");
	kit_hear(ann, "You are dead.");
	kit_hear(ann, "The Hall");
	town_type(ann, "inventory");
	kit_hear(ann, "You carry 14 coins");
	town_type(ann, "kill keeper");
	kit_hear(ann, "has done nothing to deserve that");
	town_audit(ann);
}

static void
the_shop_sells_and_buys(void)
{
	int ann;

	town_begin();
	ann = town_make("ann");
	town_type(ann, "list");
	kit_hear(ann, "The keeper sells:");
	town_type(ann, "buy stick");
	kit_hear(ann, "You buy a stick for 4 coins");
	town_type(ann, "wield stick");
	kit_hear(ann, "You now wield a stick");
	town_type(ann, "sell stick");
	kit_hear(ann, "Take it off first");
	town_type(ann, "remove stick");
	town_type(ann, "sell stick");
	kit_hear(ann, "You sell a stick for 2 coins");
	town_type(ann, "inventory");
	kit_hear(ann, "You carry 18 coins");
	town_audit(ann);
}

static void
aliases_are_words_of_ones_own_and_are_kept(void)
{
	int ann;

	town_begin();
	ann = town_make("ann");
	town_type(ann, "alias hi say hello $*;emote bows");
	kit_hear(ann, "hi now means: say hello $*;emote bows");
	town_type(ann, "hi you {red}there");
	kit_hear(ann, "You say: hello you {red}there");
	kit_hear(ann, "Ann bows");
	town_type(ann, "alias loop loop;loop;loop");
	town_type(ann, "loop");
	kit_hear(ann, "You do not know how to \"loop\"");
	town_type(ann, "quit");
	kit_hear(ann, "Goodbye");
	ann = town_again("ann");
	town_type(ann, "hi");
	kit_hear(ann, "You say: hello");
	kit_hear(ann, "Ann bows");
}

/* ---- the builders -------------------------------------------------------- */

static void
a_reload_changes_the_world_under_everybodys_feet(void)
{
	int ann, bob;

	town_begin();
	ann = town_make("ann");
	bob = town_make("bob");
	town_type(bob, "get stick");
	kit_hear(bob, "You take a stick");
	town_go_north(bob);
	town_write("place attic\nname The Attic\ntext Dust.\ndown hal\n");
	town_type(ann, "reload");
	kit_hear(ann, "The old world stays:");
	kit_hear(ann, "test.world:36: no place 'hal'");
	town_type(bob, "reload");
	kit_hear(bob, "You do not know how to \"reload\"");
	town_audit(ann);
	town_write("place attic\nname The Attic\ntext Dust.\ndown hall\n"
		   "thing lamp\nname a lamp\nwords lamp\nin attic\n");
	town_type(ann, "reload");
	kit_hear(ann, "3 places");
	kit_hear(bob, "The world shivers");
	town_type(ann, "goto attic");
	kit_hear(ann, "The Attic");
	town_type(bob, "south");
	kit_hear(bob, "The Hall");
	town_type(bob, "inventory");
	kit_hear(bob, "a stick");
	town_audit(ann);
}

static void
what_is_no_more_becomes_a_relic_and_its_place_the_beginning(void)
{
	int ann;
	FILE *f;

	town_begin();
	ann = town_make("ann");
	town_type(ann, "get stick");
	town_go_north(ann);
	town_type(ann, "drop stick");
	kit_hear(ann, "You put down a stick");
	f = fopen(kit_path("test.world"), "w");
	assert_non_null(f);
	fprintf(f, "start hall\nplace hall\nname The Hall\ntext Bare.\n");
	fclose(f);
	town_type(ann, "reload");
	kit_hear(ann, "1 places");
	town_type(ann, "look");
	kit_hear(ann, "The Hall");
	kit_hear(ann, "A strange relic lies here");
	town_audit(ann);
	town_write("");
	town_type(ann, "reload");
	kit_hear(ann, "2 places");
	town_type(ann, "get stick");
	kit_hear(ann, "You take a stick");
	town_audit(ann);
}

/* ---- deaths of the game -------------------------------------------------- */

static void
killed_in_the_middle_of_a_fight_it_fights_on(void)
{
	int ann;

	town_begin();
	ann = town_make("ann");
	town_go_north(ann);
	town_type(ann, "kill dummy");
	kit_hear(ann, "You attack a straw dummy!");
	for (int i = 0; i < 3; i++) {
		kit_hear(ann, "a straw dummy");
		death_signal(town, SIGKILL);
		town_type(ann, "score");
		kit_hear(ann, "Ann, of level 1");
		town_audit(ann);
	}
	assert_int_equal(kit_count_log(town, "recovered "), 3);
	assert_int_equal(kit_count_log(town, "differs"), 0);
	assert_int_equal(kit_count_log(town, "closed "), 0);
}

static void
killed_between_two_passwords_it_still_asks(void)
{
	int ann;

	town_begin();
	ann = town_come("ann");
	kit_hear(ann, "Shall that be your name?");
	town_type(ann, "y");
	kit_hear(ann, "A password");
	death_signal(town, SIGKILL);
	town_type(ann, "sesame street");
	kit_hear(ann, "Once more");
	death_signal(town, SIGSEGV);
	town_type(ann, "sesame street");
	kit_hear(ann, "Welcome, Ann");
	town_audit(ann);
	assert_int_equal(kit_count_log(town, "recovered "), 2);
	assert_int_equal(kit_count_log(town, "differs"), 0);
}

static void
who_keeps_the_characters_may_die_as_well(void)
{
	int ann;

	town_begin();
	ann = town_make_with_stick("ann");
	kill(kit_child(town, "store"), SIGKILL);
	town_type(ann, "quit");
	kit_hear(ann, "Goodbye, Ann");
	kit_recv_all(ann, &(size_t){ 0 });
	ann = town_again("ann");
	kit_hear(ann, "Welcome, Ann");
	town_type(ann, "inventory");
	kit_hear(ann, "a stick");
	town_audit(ann);
}

static void
another_build_goes_on_with_everybody_in_it(void)
{
	int ann;

	town_begin();
	ann = town_make_with_stick("ann");
	town_go_north(ann);
	kit_signal(town, SIGHUP);
	kit_hear(ann, "The world shivers");
	kit_hear(ann, "Welcome, Ann");
	kit_hear(ann, "The Yard");
	town_type(ann, "inventory");
	kit_hear(ann, "a stick");
	town_audit(ann);
}

static void
a_recording_replays_the_same_without_any_worker(void)
{
	char file[256];
	struct kit_proc *p;
	int ann, bob;

	snprintf(file, sizeof(file), "%s", kit_path("mud.rec"));
	town_write("");
	town_start("--record", file);
	ann = town_make("ann");
	bob = town_make("bob");
	town_type(bob, "walk yard");
	kit_hear(bob, "The Yard");
	town_type(bob, "kill dummy");
	death_signal(town, SIGKILL);
	kit_hear(bob, "a straw dummy");
	town_type(ann, "reload");
	kit_hear(ann, "2 places");
	town_type(bob, "flee");
	town_type(ann, "audit");
	kit_hear(ann, "audit passed");
	kit_close(bob);
	kit_signal(town, SIGTERM);
	kit_hear(ann, "Shutting down...");
	assert_int_equal(kit_wait(town), 0);
	p = kit_start("mud", "--replay", file, NULL);
	assert_int_equal(kit_wait(p), 0);
	kit_expect_log(p, "the replay is the same");
	assert_int_equal(kit_count_log(town, "recovered "), 1);
}

/* ---- the end ------------------------------------------------------------- */

static void
ctrl_c_says_goodbye_to_everybody_wherever_they_are(void)
{
	int ann, bob, half, dead;

	town_begin();
	ann = town_make("ann");
	bob = town_make("bob");
	dead = town_make("carl");
	town_go_north(bob);
	town_type(bob, "kill dummy");
	kit_hear(bob, "You attack");
	kit_close(dead);
	kit_hear(ann, "Carl stares into nothing");
	half = town_come("dora");
	kit_hear(half, "Shall that be your name?");
	kit_signal_all(town, SIGINT);
	kit_hear(ann, "Shutting down...");
	kit_hear(bob, "Shutting down...");
	kit_hear(half, "Shutting down...");
	kit_recv_all(ann, &(size_t){ 0 });
	kit_recv_all(bob, &(size_t){ 0 });
	assert_int_equal(kit_wait(town), 0);
}

static void
a_world_that_cannot_be_read_ends_it_with_the_reason(void)
{
	town_write("place attic\n");
	town = kit_start("mud", "--listen", TOWN_URL, "--world",
	    kit_path("test.world"), "--store", kit_path("mud.db"), NULL);
	assert_int_equal(kit_wait(town), 1);
	kit_expect_log(town, "test.world:33: 'attic' has no name");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(a_character_is_made_leaves_and_is_known_again),
		KIT_TEST(five_wrong_passwords_close_the_door_for_that_address),
		KIT_TEST(names_are_checked),
		KIT_TEST(a_body_outlives_its_line_and_is_taken_again),
		KIT_TEST(a_second_login_takes_over_from_the_first),
		KIT_TEST(what_is_given_is_saved_for_both_or_none),
		KIT_TEST(a_quest_is_taken_done_and_paid),
		KIT_TEST(who_dies_wakes_at_the_beginning_a_third_poorer),
		KIT_TEST(the_shop_sells_and_buys),
		KIT_TEST(aliases_are_words_of_ones_own_and_are_kept),
		KIT_TEST(a_reload_changes_the_world_under_everybodys_feet),
		KIT_TEST(
		    what_is_no_more_becomes_a_relic_and_its_place_the_beginning),
		KIT_TEST(killed_in_the_middle_of_a_fight_it_fights_on),
		KIT_TEST(killed_between_two_passwords_it_still_asks),
		KIT_TEST(who_keeps_the_characters_may_die_as_well),
		KIT_TEST(another_build_goes_on_with_everybody_in_it),
		KIT_TEST(a_recording_replays_the_same_without_any_worker),
		KIT_TEST(ctrl_c_says_goodbye_to_everybody_wherever_they_are),
		KIT_TEST(a_world_that_cannot_be_read_ends_it_with_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
