/* links: tests/lib/kit*.c tests/lib/players.c tests/lib/deaths.c */
/*
 * The MUD over a real netd: who one is, bodies that outlive their lines, a
 * world that builders change, and deaths of the game in the middle of it all.
 */
#include "tests/lib/deaths.h"
#include "tests/lib/kit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define URL "line://127.0.0.1:0"
#define WORLD                                                      \
	"world Here\nstart hall\nplace hall\nname The Hall\n"      \
	"text Large.\nnorth yard\nplace yard\nname The Yard\n"     \
	"text Open.\nsouth hall\nthing stick\nname a stick\n"      \
	"words stick\nworn held\ndamage 1-2\nprice 4\nin hall\n"   \
	"every 300\nbeing dummy\nname a straw dummy\n"             \
	"words straw dummy\nin yard\nlife 5000\ndamage 1-1\n"      \
	"coins 7-7\nbeing keeper\nname the keeper\nwords keeper\n" \
	"in hall\npeaceful\ncoins 50-50\nsells stick\n"

static struct kit_proc *mud;

static void
write_world(const char *more)
{
	FILE *f = fopen(kit_path("test.world"), "w");

	assert_non_null(f);
	fprintf(f, "%s%s", WORLD, more);
	fclose(f);
}

static void
start(const char *option, const char *value)
{
	static char world[256], store[256];

	snprintf(world, sizeof(world), "%s", kit_path("test.world"));
	snprintf(store, sizeof(store), "%s", kit_path("mud.db"));
	mud = kit_game("mud", "--listen", URL, "--world", world, "--store",
	    store, "--hash-cost", "4", "--wizards", "Ann", "--limit",
	    "restarts_max=1000", option, value, NULL);
}

static void
begin(void)
{
	write_world("");
	start(NULL, NULL);
}

/* Read lines until one contains this; that line. */
static char *
hear(int fd, const char *text)
{
	char *line;

	do
		line = kit_line(fd);
	while (strstr(line, text) == NULL);
	return line;
}

static void
type(int fd, const char *line)
{
	kit_send(fd, line);
	kit_send(fd, "\n");
}

static int
come(const char *name)
{
	int fd = kit_connect(kit_url(mud, 1));

	hear(fd, "By what name");
	type(fd, name);
	return fd;
}

/* A new character, in the hall. */
static int
make(const char *name)
{
	int fd = come(name);

	hear(fd, "Shall that be your name?");
	type(fd, "y");
	hear(fd, "A password");
	type(fd, "sesame street");
	hear(fd, "Once more");
	type(fd, "sesame street");
	hear(fd, "Exits");
	return fd;
}

static int
again(const char *name)
{
	int fd = come(name);

	hear(fd, "Password:");
	type(fd, "sesame street");
	return fd;
}

static void
audit_passes(int wizard)
{
	type(wizard, "audit");
	assert_string_equal(hear(wizard, "audit "), "audit passed");
}

/* ---- who one is ---------------------------------------------------------- */

static void
a_character_is_made_leaves_and_is_known_again(void)
{
	int ann;

	begin();
	ann = make("ann");
	type(ann, "get stick");
	hear(ann, "You take a stick");
	type(ann, "quit");
	hear(ann, "Goodbye, Ann");
	kit_recv_all(ann, &(size_t){ 0 });
	ann = again("ANN");
	hear(ann, "Welcome, Ann");
	type(ann, "inventory");
	hear(ann, "a stick");
	audit_passes(ann);
}

static void
five_wrong_passwords_close_the_door_for_that_address(void)
{
	int ann, fd;

	begin();
	ann = make("ann");
	fd = come("ann");
	for (int i = 0; i < 5; i++) {
		hear(fd, "Password:");
		type(fd, "open please");
		hear(fd, "That is not it");
	}
	hear(fd, "Too many wrong passwords");
	kit_recv_all(fd, &(size_t){ 0 });
	fd = kit_connect(kit_url(mud, 1));
	hear(fd, "Too many wrong passwords");
	kit_recv_all(fd, &(size_t){ 0 });
	/* Who is inside is not concerned. */
	audit_passes(ann);
}

static void
names_are_checked(void)
{
	static const char *const bad[] = { "x", "a name", "Robert2", "someone",
		"waytoolongforanyname", "<script>" };
	int fd;

	begin();
	fd = kit_connect(kit_url(mud, 1));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		hear(fd, "By what name");
		type(fd, bad[i]);
		hear(fd, "A name has 3 to 15 letters");
	}
	hear(fd, "By what name");
	type(fd, "bOB");
	hear(fd, "Nobody has heard of Bob yet");
}

/* ---- lines and bodies ---------------------------------------------------- */

static void
a_body_outlives_its_line_and_is_taken_again(void)
{
	int ann, bob;

	begin();
	ann = make("ann");
	bob = make("bob");
	type(ann, "get stick");
	hear(ann, "You take a stick");
	hear(bob, "Ann takes a stick");
	kit_close(ann);
	hear(bob, "Ann stares into nothing");
	type(bob, "look");
	hear(bob, "Ann is here, staring into nothing");
	ann = again("ann");
	hear(ann, "You are back in your body, Ann");
	type(ann, "inventory");
	hear(ann, "a stick");
	audit_passes(ann);
}

static void
a_second_login_takes_over_from_the_first(void)
{
	int first, second;

	begin();
	first = make("ann");
	type(first, "north");
	hear(first, "The Yard");
	second = again("ann");
	hear(first, "Somebody else takes your body over");
	kit_recv_all(first, &(size_t){ 0 });
	hear(second, "You are back in your body, Ann");
	hear(second, "The Yard");
	type(second, "say still me");
	hear(second, "You say: still me");
}

static void
what_is_given_is_saved_for_both_or_none(void)
{
	int ann, bob;

	begin();
	ann = make("ann");
	bob = make("bob");
	type(ann, "get stick");
	hear(ann, "You take a stick");
	type(ann, "give stick to bob");
	hear(bob, "Ann gives you a stick");
	type(bob, "give 5 coins ann");
	hear(ann, "Bob gives you 5 coins");
	type(ann, "give 500 coins bob");
	hear(bob, "Ann gives you 25 coins");
	audit_passes(ann);
	kit_signal(mud, SIGTERM);
	hear(ann, "Shutting down...");
	hear(bob, "Shutting down...");
	assert_int_equal(kit_wait(mud), 0);
	start(NULL, NULL);
	ann = again("ann");
	type(ann, "inventory");
	hear(ann, "You carry 0 coins and nothing else");
	bob = again("bob");
	type(bob, "inventory");
	hear(bob, "You carry 40 coins and");
	hear(bob, "a stick");
	audit_passes(ann);
}

/* ---- what happens there ----------------------------------------------------
 */

static void
a_quest_is_taken_done_and_paid(void)
{
	int ann;

	write_world("being rat\nname a rat\nwords rat\nin yard\nlife 1\n"
		    "count 2\nexperience 30\ncarries tail\n"
		    "thing tail\nname a tail\nwords tail\n"
		    "quest rats\nname Rats\ngiver keeper\nkills rat\n"
		    "count 2\ncoins 9\nexperience 20\ngives stick\n"
		    "offer Two rats, please.\nthanks Well done.\n"
		    "quest tail\nname A tail\ngiver keeper\nbrings tail\n"
		    "after rats\ncoins 1\noffer A tail now.\nthanks Fine.\n");
	start(NULL, NULL);
	ann = make("ann");
	type(ann, "talk keeper");
	hear(ann, "Two rats, please.");
	type(ann, "north");
	hear(ann, "The Yard");
	for (int i = 1; i <= 2; i++) {
		type(ann, "kill rat");
		hear(ann, "A rat is dead!");
		hear(ann, i == 1 ? "Rats: 1 of 2" : "Rats: 2 of 2");
	}
	type(ann, "get tail");
	hear(ann, "You take a tail");
	type(ann, "south");
	type(ann, "give tail keeper");
	hear(ann, "You give a tail to the keeper");
	type(ann, "talk");
	hear(ann, "Well done.");
	hear(ann, "The keeper gives you a stick");
	type(ann, "talk");
	hear(ann, "A tail now.");
	type(ann, "quests");
	hear(ann, "Rats (done)");
	hear(ann, "A tail for the keeper: 0 of 1");
	audit_passes(ann);
	type(ann, "quit");
	hear(ann, "Goodbye");
	ann = again("ann");
	type(ann, "quests");
	hear(ann, "Rats (done)");
	type(ann, "north");
	type(ann, "get tail");
	hear(ann, "You take a tail");
	type(ann, "south");
	type(ann, "give tail keeper");
	hear(ann, "Fine.");
	audit_passes(ann);
}

static void
who_dies_wakes_at_the_beginning_a_third_poorer(void)
{
	int ann;

	write_world("being ogre\nname an ogre\nwords ogre\nin yard\n"
		    "life 999\nlevel 20\ndamage 900-900\nfierce\n");
	start(NULL, NULL);
	ann = make("ann");
	type(ann, "north");
	hear(ann, "An ogre attacks you!");
	hear(ann, "You are dead.");
	hear(ann, "The Hall");
	type(ann, "inventory");
	hear(ann, "You carry 14 coins");
	type(ann, "kill keeper");
	hear(ann, "has done nothing to deserve that");
	audit_passes(ann);
}

static void
the_shop_sells_and_buys(void)
{
	int ann;

	begin();
	ann = make("ann");
	type(ann, "list");
	hear(ann, "The keeper sells:");
	type(ann, "buy stick");
	hear(ann, "You buy a stick for 4 coins");
	type(ann, "wield stick");
	hear(ann, "You now wield a stick");
	type(ann, "sell stick");
	hear(ann, "Take it off first");
	type(ann, "remove stick");
	type(ann, "sell stick");
	hear(ann, "You sell a stick for 2 coins");
	type(ann, "inventory");
	hear(ann, "You carry 18 coins");
	audit_passes(ann);
}

static void
aliases_are_words_of_ones_own_and_are_kept(void)
{
	int ann;

	begin();
	ann = make("ann");
	type(ann, "alias hi say hello $*;emote bows");
	hear(ann, "hi now means: say hello $*;emote bows");
	type(ann, "hi you {red}there");
	hear(ann, "You say: hello you {red}there");
	hear(ann, "Ann bows");
	type(ann, "alias loop loop;loop;loop");
	type(ann, "loop");
	hear(ann, "You do not know how to \"loop\"");
	type(ann, "quit");
	hear(ann, "Goodbye");
	ann = again("ann");
	type(ann, "hi");
	hear(ann, "You say: hello");
	hear(ann, "Ann bows");
}

/* ---- the builders -------------------------------------------------------- */

static void
a_reload_changes_the_world_under_everybodys_feet(void)
{
	int ann, bob;

	begin();
	ann = make("ann");
	bob = make("bob");
	type(bob, "get stick");
	hear(bob, "You take a stick");
	type(bob, "north");
	hear(bob, "The Yard");
	write_world("place attic\nname The Attic\ntext Dust.\ndown hal\n");
	type(ann, "reload");
	hear(ann, "The old world stays:");
	hear(ann, "test.world:36: no place 'hal'");
	type(bob, "reload");
	hear(bob, "You do not know how to \"reload\"");
	audit_passes(ann);
	write_world("place attic\nname The Attic\ntext Dust.\ndown hall\n"
		    "thing lamp\nname a lamp\nwords lamp\nin attic\n");
	type(ann, "reload");
	hear(ann, "3 places");
	hear(bob, "The world shivers");
	type(ann, "goto attic");
	hear(ann, "The Attic");
	type(bob, "south");
	hear(bob, "The Hall");
	type(bob, "inventory");
	hear(bob, "a stick");
	audit_passes(ann);
}

static void
what_is_no_more_becomes_a_relic_and_its_place_the_beginning(void)
{
	int ann;
	FILE *f;

	begin();
	ann = make("ann");
	type(ann, "get stick");
	type(ann, "north");
	hear(ann, "The Yard");
	type(ann, "drop stick");
	hear(ann, "You put down a stick");
	f = fopen(kit_path("test.world"), "w");
	assert_non_null(f);
	fprintf(f, "start hall\nplace hall\nname The Hall\ntext Bare.\n");
	fclose(f);
	type(ann, "reload");
	hear(ann, "1 places");
	type(ann, "look");
	hear(ann, "The Hall");
	hear(ann, "A strange relic lies here");
	audit_passes(ann);
	write_world("");
	type(ann, "reload");
	hear(ann, "2 places");
	type(ann, "get stick");
	hear(ann, "You take a stick");
	audit_passes(ann);
}

/* ---- deaths of the game -------------------------------------------------- */

static void
killed_in_the_middle_of_a_fight_it_fights_on(void)
{
	int ann;

	begin();
	ann = make("ann");
	type(ann, "north");
	hear(ann, "The Yard");
	type(ann, "kill dummy");
	hear(ann, "You attack a straw dummy!");
	for (int i = 0; i < 3; i++) {
		hear(ann, "a straw dummy");
		death_signal(mud, SIGKILL);
		type(ann, "score");
		hear(ann, "Ann, of level 1");
		audit_passes(ann);
	}
	assert_int_equal(kit_count_log(mud, "recovered "), 3);
	assert_int_equal(kit_count_log(mud, "differs"), 0);
	assert_int_equal(kit_count_log(mud, "closed "), 0);
}

static void
killed_between_two_passwords_it_still_asks(void)
{
	int ann;

	begin();
	ann = come("ann");
	hear(ann, "Shall that be your name?");
	type(ann, "y");
	hear(ann, "A password");
	death_signal(mud, SIGKILL);
	type(ann, "sesame street");
	hear(ann, "Once more");
	death_signal(mud, SIGSEGV);
	type(ann, "sesame street");
	hear(ann, "Welcome, Ann");
	audit_passes(ann);
	assert_int_equal(kit_count_log(mud, "recovered "), 2);
	assert_int_equal(kit_count_log(mud, "differs"), 0);
}

static void
who_keeps_the_characters_may_die_as_well(void)
{
	int ann;

	begin();
	ann = make("ann");
	type(ann, "get stick");
	hear(ann, "You take a stick");
	kill(kit_child(mud, "store"), SIGKILL);
	type(ann, "quit");
	hear(ann, "Goodbye, Ann");
	kit_recv_all(ann, &(size_t){ 0 });
	ann = again("ann");
	hear(ann, "Welcome, Ann");
	type(ann, "inventory");
	hear(ann, "a stick");
	audit_passes(ann);
}

static void
another_build_goes_on_with_everybody_in_it(void)
{
	int ann;

	begin();
	ann = make("ann");
	type(ann, "get stick");
	hear(ann, "You take a stick");
	type(ann, "north");
	hear(ann, "The Yard");
	kit_signal(mud, SIGHUP);
	hear(ann, "The world shivers");
	hear(ann, "Welcome, Ann");
	hear(ann, "The Yard");
	type(ann, "inventory");
	hear(ann, "a stick");
	audit_passes(ann);
}

static void
a_recording_replays_the_same_without_any_worker(void)
{
	char file[256];
	struct kit_proc *p;
	int ann, bob;

	snprintf(file, sizeof(file), "%s", kit_path("mud.rec"));
	write_world("");
	start("--record", file);
	ann = make("ann");
	bob = make("bob");
	type(bob, "walk yard");
	hear(bob, "The Yard");
	type(bob, "kill dummy");
	death_signal(mud, SIGKILL);
	hear(bob, "a straw dummy");
	type(ann, "reload");
	hear(ann, "2 places");
	type(bob, "flee");
	type(ann, "audit");
	hear(ann, "audit passed");
	kit_close(bob);
	kit_signal(mud, SIGTERM);
	hear(ann, "Shutting down...");
	assert_int_equal(kit_wait(mud), 0);
	p = kit_start("mud", "--replay", file, NULL);
	assert_int_equal(kit_wait(p), 0);
	kit_expect_log(p, "the replay is the same");
	assert_int_equal(kit_count_log(mud, "recovered "), 1);
}

/* ---- the end ------------------------------------------------------------- */

static void
ctrl_c_says_goodbye_to_everybody_wherever_they_are(void)
{
	int ann, bob, half, dead;

	begin();
	ann = make("ann");
	bob = make("bob");
	dead = make("carl");
	type(bob, "north");
	hear(bob, "The Yard");
	type(bob, "kill dummy");
	hear(bob, "You attack");
	kit_close(dead);
	hear(ann, "Carl stares into nothing");
	half = come("dora");
	hear(half, "Shall that be your name?");
	kit_signal_all(mud, SIGINT);
	hear(ann, "Shutting down...");
	hear(bob, "Shutting down...");
	hear(half, "Shutting down...");
	kit_recv_all(ann, &(size_t){ 0 });
	kit_recv_all(bob, &(size_t){ 0 });
	assert_int_equal(kit_wait(mud), 0);
}

static void
a_world_that_cannot_be_read_ends_it_with_the_reason(void)
{
	write_world("place attic\n");
	mud = kit_start("mud", "--listen", URL, "--world",
	    kit_path("test.world"), "--store", kit_path("mud.db"), NULL);
	assert_int_equal(kit_wait(mud), 1);
	kit_expect_log(mud, "test.world:33: 'attic' has no name");
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
