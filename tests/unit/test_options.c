/*
 * test_options.c - the command line of a game, and where its files lie.
 */
/* links: gamecore/?*.c */
#include "gamecore/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

static long speed;
static const char *colour;
static bool wrap;

static const char *
wrong_colour(const char *text)
{
	return strcmp(text, "beige") == 0 ? "must be a colour" : NULL;
}

static const struct gc_option own[] = {
	{ .name = "speed",
	    .value = "N",
	    .help = "steps a second",
	    .number = &speed,
	    .smallest = 1,
	    .largest = 50 },
	{ .name = "colour",
	    .value = "NAME",
	    .help = "the colour of the field",
	    .text = &colour,
	    .wrong = wrong_colour },
	{ .name = "wrap", .help = "the field has no walls", .on = &wrap },
	{ .name = NULL },
};
static const char *const usual[] = { "ws://*:8080/?www={www}", NULL };

/* Read the words of line, which stay where they are until the next call. */
static bool
reads(struct options *o, struct gc_start *start, const char *line)
{
	static char words[512];
	static char *argv[32];
	int argc = 0;

	snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	argv[argc] = NULL;
	speed = 3;
	colour = "black";
	wrap = false;
	*start = (struct gc_start){ .name = "snake",
		.about = "Eat, grow, and do not bite.",
		.listen = usual,
		.options = own,
		.arguments = start->arguments };
	return options_read(o, start, argc, argv);
}

static void
keeps_what_the_game_set_if_nothing_is_said(void **state)
{
	struct gc_start start = { 0 };
	struct options o;

	(void)state;
	assert_true(reads(&o, &start, "snake"));
	assert_ptr_equal(o.listen, usual);
	assert_null(o.attach);
	assert_false(o.foreground);
	assert_true(o.bare);
	assert_null(o.limits[0]);
	assert_int_equal(speed, 3);
	assert_string_equal(colour, "black");
	assert_false(wrap);
	options_release(&o);
}

static void
reads_common_and_own_options_in_any_order(void **state)
{
	struct gc_start start = { .arguments = "[FILE]" };
	struct options o;

	(void)state;
	assert_true(reads(&o, &start,
	    "snake --speed=7 --listen a:1 FILE --limit x=1 --listen=b:2 "
	    "--wrap --limit y=2 --colour red --foreground --log debug "
	    "--netd /x/netd"));
	assert_string_equal(o.listen[0], "a:1");
	assert_string_equal(o.listen[1], "b:2");
	assert_null(o.listen[2]);
	assert_string_equal(o.limits[0], "x=1");
	assert_string_equal(o.limits[1], "y=2");
	assert_null(o.limits[2]);
	assert_string_equal(o.log, "debug");
	assert_string_equal(o.netd, "/x/netd");
	assert_true(o.foreground);
	assert_int_equal(speed, 7);
	assert_string_equal(colour, "red");
	assert_true(wrap);
	assert_int_equal(start.first_argument, 17);
	options_release(&o);
}

static void
says_in_one_line_what_is_wrong(void **state)
{
	static const struct {
		const char *line, *text;
	} bad[] = {
		{ "snake --speed x",
		    "snake: '--speed' must be a number from 1 to 50, not 'x' "
		    "(see --help)\n" },
		{ "snake --speed=51",
		    "snake: '--speed' must be a number from 1 to 50, not '51' "
		    "(see --help)\n" },
		{ "snake --speed=5x",
		    "snake: '--speed' must be a number from 1 to 50, not '5x' "
		    "(see --help)\n" },
		{ "snake --speed=99999999999999999999",
		    "snake: '--speed' must be a number from 1 to 50, not "
		    "'99999999999999999999' (see --help)\n" },
		{ "snake --colour beige",
		    "snake: '--colour' must be a colour, not 'beige' (see "
		    "--help)\n" },
		{ "snake --listen",
		    "snake: '--listen' needs a value (see --help)\n" },
		{ "snake --speed",
		    "snake: '--speed' needs a value (see --help)\n" },
		{ "snake --wrap=1",
		    "snake: '--wrap' takes no value (see --help)\n" },
		{ "snake --frog",
		    "snake: unknown option '--frog' (see --help)\n" },
		{ "snake --l", "snake: unknown option '--l' (see --help)\n" },
		{ "snake -x", "snake: unknown option '-x' (see --help)\n" },
		{ "snake file",
		    "snake: unexpected argument 'file' (see --help)\n" },
		{ "snake --attach d --netd n",
		    "snake: '--attach' and '--netd' exclude each other\n" },
		{ "snake --attach d --record r",
		    "snake: '--attach': recording is said to netd (netd "
		    "--record)\n" },
		{ "snake --until 5",
		    "snake: '--until', '--break-at', '--life', '--paced' and "
		    "'--fast' need '--replay' (see --help)\n" },
		{ "snake --replay f --until 0",
		    "snake: '--until' must be a number from 1, not '0' (see "
		    "--help)\n" },
		{ "snake --replay f --break-at x",
		    "snake: '--break-at' must be a number from 1, not 'x' (see "
		    "--help)\n" },
		{ "snake --replay f --fast --paced",
		    "snake: '--paced' and '--fast' exclude each other\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct gc_start start = { 0 };
		struct options o;

		assert_false(reads(&o, &start, bad[i].line));
		assert_string_equal(start.text, bad[i].text);
		assert_int_equal(start.status, 2);
	}
}

static void
an_empty_default_is_not_told(void **state)
{
	static const char *names = "";
	static const struct gc_option some[] = {
		{ .name = "names", .help = "who", .text = &names },
		{ .name = NULL },
	};
	static char snake[] = "snake", help[] = "--help";
	static char *argv[] = { snake, help, NULL };
	struct gc_start start = { .name = "snake", .options = some };
	struct options o;

	(void)state;
	assert_false(options_read(&o, &start, 2, argv));
	assert_non_null(strstr(start.text, "--names                who\n"));
}

/* It reads better whole: one page, as it is shown. */
static void
helps_in_the_usual_form(void **state)
{
	struct gc_start start = { .arguments = "[FILE]" };
	struct options o;

	(void)state;
	assert_false(reads(&o, &start, "snake --help --frog"));
	assert_int_equal(start.status, 0);
	assert_string_equal(start.text,
	    "Usage: snake [OPTION]... [FILE]\n"
	    "Eat, grow, and do not bite.\n"
	    "\n"
	    "Options of this game:\n"
	    "      --speed=N              steps a second, 1 to 50 (default: "
	    "3)\n"
	    "      --colour=NAME          the colour of the field (default: "
	    "black)\n"
	    "      --wrap                 the field has no walls\n"
	    "\n"
	    "Options of every game:\n"
	    "      --listen=URL           listen there; may be given several "
	    "times (default: see below)\n"
	    "      --limit=NAME=VALUE     set a limit of netd; see netd "
	    "--limits\n"
	    "      --log=LEVEL            what netd logs: error, warn, info "
	    "or debug\n"
	    "      --notice=TEXT          what players see while a game is "
	    "started anew\n"
	    "      --foreground           stay in this process, as under a "
	    "debugger\n"
	    "      --attach=DIR           play for the netd that runs with "
	    "--wait DIR\n"
	    "      --netd=FILE            the netd to start (default: beside "
	    "this program)\n"
	    "      --no-journal           remember nothing: a game that dies "
	    "has died\n"
	    "      --jail                 no files or programs for the game "
	    "once it runs\n"
	    "      --no-lock              let netd keep every right; see "
	    "netd(8)\n"
	    "      --may-listen=URL       what the game may listen on later, "
	    "too\n"
	    "      --may-connect=PORTS    where it may connect to (5010,unix; "
	    "* is everywhere)\n"
	    "      --record=FILE          record all that the game hears and "
	    "says\n"
	    "      --crash-dir=DIR        leave recordings of the game's "
	    "deaths there\n"
	    "      --replay=FILE          play a recording again, without "
	    "netd or players\n"
	    "      --until=N              replay no further than this frame\n"
	    "      --break-at=N           replay under a debugger: stop "
	    "before this frame\n"
	    "      --life=N               replay the N-th game of the "
	    "recording alone\n"
	    "      --paced                replay as fast as it was played\n"
	    "      --fast                 replay as fast as it goes "
	    "(default)\n"
	    "      --help                 show this and end\n"
	    "      --version              show the version and end\n"
	    "\n"
	    "Without --listen it listens on:\n"
	    "      ws://*:8080/?www={www}\n");
}

static void
tells_its_version(void **state)
{
	struct gc_start start = { 0 };
	struct options o;

	(void)state;
	assert_false(reads(&o, &start, "snake --version"));
	assert_int_equal(start.status, 0);
	assert_string_equal(
	    start.text, "snake " GC_VERSION " (Penstock " GC_VERSION ")\n");
}

static void
puts_the_page_folder_into_a_url(void **state)
{
	static const struct {
		const char *url, *www, *out;
	} t[] = {
		{ "ws://*:8080/?www={www}&idle=60s", "/a/b",
		    "ws://*:8080/?www=/a/b&idle=60s" },
		{ "ws://*:1/?www={www}", "/a b&c#d%e+f=\xc3\xa4?",
		    "ws://*:1/?www=/a%20b%26c%23d%25e%2Bf%3D%C3%A4%3F" },
		{ "line://*:1", "/a", "line://*:1" },
		{ "{www}{www}{ww", "x", "xx{ww" },
		{ "", "x", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char *out = where_expand(t[i].url, t[i].www);

		assert_string_equal(out, t[i].out);
		free(out);
	}
}

static void
finds_pages_in_the_tree_then_where_they_are_installed(void **state)
{
	char dir[] = "/tmp/penstock-where-XXXXXX", path[512], out[1024];
	static const char *const folders[] = { "/bin", "/share",
		"/share/penstock", "/share/penstock/frog",
		"/share/penstock/frog/www", "/gamecore", "/gamecore/examples",
		"/gamecore/examples/frog", "/gamecore/examples/frog/www" };

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/bin", dir);
	where_www(path, "frog", out, sizeof(out));
	assert_string_equal(out, PENSTOCK_PREFIX "/share/penstock/frog/www");
	for (int i = 0; i < 9; i++) {
		snprintf(path, sizeof(path), "%s%s", dir, folders[i]);
		assert_int_equal(mkdir(path, 0700), 0);
		if (i < 4 || i == 5 || i == 6 || i == 7)
			continue;
		snprintf(path, sizeof(path), "%s/bin", dir);
		where_www(path, "frog", out, sizeof(out));
		snprintf(path, sizeof(path), "%s%s", dir, folders[i]);
		assert_string_equal(out, path);
	}
	for (int i = 9; i-- > 0;) {
		snprintf(path, sizeof(path), "%s%s", dir, folders[i]);
		rmdir(path);
	}
	rmdir(dir);
}

static void
finds_netd_where_it_is_told(void **state)
{
	char out[1024];

	(void)state;
	setenv("PENSTOCK_NETD", "/env/netd", 1);
	where_netd("/given/netd", out, sizeof(out));
	assert_string_equal(out, "/given/netd");
	where_netd(NULL, out, sizeof(out));
	assert_string_equal(out, "/env/netd");
	unsetenv("PENSTOCK_NETD");
	where_netd(NULL, out, sizeof(out));
	assert_string_not_equal(out, "/env/netd");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_the_game_set_if_nothing_is_said),
		cmocka_unit_test(reads_common_and_own_options_in_any_order),
		cmocka_unit_test(says_in_one_line_what_is_wrong),
		cmocka_unit_test(an_empty_default_is_not_told),
		cmocka_unit_test(helps_in_the_usual_form),
		cmocka_unit_test(tells_its_version),
		cmocka_unit_test(puts_the_page_folder_into_a_url),
		cmocka_unit_test(
		    finds_pages_in_the_tree_then_where_they_are_installed),
		cmocka_unit_test(finds_netd_where_it_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
