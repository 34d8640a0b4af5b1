/* links: tests/lib/kit*.c tests/lib/players.c tests/lib/deaths.c */
/*
 * What netd and a jailed game have given up is refused, what they were told to
 * keep is there, and both play on.
 */
#include "ipc/cage.h"
#include "tests/lib/deaths.h"
#include "tests/lib/kit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NO "Operation not permitted"

static struct kit_proc *game;
static int line;

/* Sanitizers and old kernels have no lock to test. */
static void
needs_lock(void)
{
	if (ipc_cage_never() || !ipc_cage_can_calls() || ipc_cage_abi() < 4)
		skip();
}

static void
ask(const char *what, const char *answer)
{
	const char *got;

	kit_send(line, what);
	kit_send(line, "\n");
	got = kit_line(line);
	if (strcmp(got, answer) != 0)
		kit_fail("'%s': '%s', not '%s'", what, got, answer);
}

static const char *
asked(const char *what)
{
	kit_send(line, what);
	kit_send(line, "\n");
	return kit_line(line);
}

/* The answer has this in it. */
static void
ask_for(const char *what, const char *part)
{
	const char *got = asked(what);

	if (strstr(got, part) == NULL)
		kit_fail("'%s': '%s', without '%s'", what, got, part);
}

/* The last four are good at once; gcc, inlining it, would doubt that. */
static const char *text(const char *format, const char *a, const char *b)
    __attribute__((noinline));

static const char *
text(const char *format, const char *a, const char *b)
{
	static char out[4][600];
	static unsigned at;

	at = (at + 1) % 4;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(out[at], sizeof(out[at]), format, a, b);
#pragma GCC diagnostic pop
	return out[at];
}

/* A folder with one file in it. */
static const char *
folder(const char *name)
{
	const char *dir = kit_path(name);
	FILE *f;

	assert_int_equal(mkdir(dir, 0700), 0);
	f = fopen(text("%s/%s", dir, "page.txt"), "w");
	fputs("a page\n", f);
	fclose(f);
	return dir;
}

static void
start(const char *option, const char *value)
{
	game =
	    kit_game(players_game("prisoner"), "--listen", "line://127.0.0.1:0",
		"--crash-dir", kit_path("."), option, value, NULL);
	line = kit_connect(kit_url(game, 1));
}

/* ---- netd ------------------------------------------------------------------
 */

static void
every_way_out_of_netd_is_refused(void)
{
	struct kit_proc *p;
	int status;

	needs_lock();
	p = kit_start("netd", "--try-escape", NULL);
	status = kit_wait(p);
	if (status)
		kit_fail("status %d: %s", status, kit_said(p));
	assert_int_equal(kit_count_log(p, "OUT "), 0);
	assert_true(kit_count_log(p, "refused  ") > 30);
}

static void
get(const char *url, const char *path, const char *what)
{
	int fd = kit_connect(url);
	const char *got;

	kit_send(fd, text("GET %s HTTP/1.1\r\nHost: x\r\n"
			  "Connection: close\r\n\r\n%s",
			 path, ""));
	got = kit_recv_all(fd, NULL);
	if (strstr(got, what) == NULL)
		kit_fail("%s: %s", path, got);
	kit_close(fd);
}

static void
pages_and_socket_files_named_at_the_start_are_kept(void)
{
	const char *www = folder("www"), *sockets = folder("run");
	const char *url;
	int fd;

	game = kit_game("echo", "--listen",
	    text("ws://127.0.0.1:0/?www=%s%s", www, ""), "--listen",
	    text("unix://%s/%s", sockets, "echo.sock"), NULL);
	url = kit_url(game, 1);
	get(url, "/page.txt", "a page");
	get(url, "/none.txt", " 404 ");
	fd = kit_connect(kit_url(game, 2));
	kit_send(fd, "hello\n");
	kit_expect(fd, "hello\n");
	kit_signal(game, SIGTERM);
	assert_int_equal(kit_wait(game), 0);
	/* Even its end is as it was. */
	assert_int_equal(access(text("%s/%s", sockets, "echo.sock"), F_OK), -1);
}

static void
what_nobody_named_is_refused_and_the_option_is_told(void)
{
	const char *www = folder("www");
	const char *door;

	needs_lock();
	start("--log", "debug");
	kit_expect_log(game, "locked calls=yes files=yes connects=nowhere");
	door = kit_url(game, 1);
	ask_for(
	    text("listen ws://127.0.0.1:0/?www=%s%s", www, ""), "--may-listen");
	ask_for(text("listen unix://%s%s", kit_path("s"), ""), "--may-listen");
	ask_for("listen udp://127.0.0.1:0", "--may-listen");
	ask_for(text("connect %s%s", door, ""), "--may-connect");
	ask_for("connect unix:///tmp/none", "--may-connect unix");
	/* A port needs nobody's leave. */
	ask_for("listen tcp://127.0.0.1:0", "tcp://127.0.0.1:");
	kit_close(kit_connect(kit_url(game, 2)));
	ask("count", "1");
}

static void
what_somebody_named_is_there_later(void)
{
	const char *www = folder("www");
	char url[300], file[300];

	snprintf(url, sizeof(url), "ws://127.0.0.1:0/?www=%s", www);
	snprintf(file, sizeof(file), "unix://%s", kit_path("s"));
	game = kit_game(players_game("prisoner"), "--listen",
	    "line://127.0.0.1:0", "--may-listen", url, "--may-listen", file,
	    "--may-listen", "udp://127.0.0.1:0", "--may-connect", "unix", NULL);
	line = kit_connect(kit_url(game, 1));
	ask_for(text("listen %s%s", url, ""), "ws://");
	get(kit_url(game, 2), "/page.txt", "a page");
	ask_for(text("listen %s%s", file, ""), "unix://");
	ask_for("listen udp://127.0.0.1:0", "udp://");
	ask(text("connect %s%s", file, ""), "done");
}

static void
connections_go_to_the_ports_that_were_named(void)
{
	struct kit_proc *other = kit_game("echo", NULL);
	const char *url = kit_url(other, 1);
	const char *port = strrchr(url, ':') + 1;

	game = kit_game(players_game("prisoner"), "--listen",
	    "line://127.0.0.1:0", "--may-connect", port, NULL);
	line = kit_connect(kit_url(game, 1));
	ask(text("connect line://localhost:%s%s", port, ""), "done");
	if (!ipc_cage_never())
		ask_for(text("connect %s%s", kit_url(game, 1), ""),
		    "--may-connect");
}

static void
without_the_lock_all_is_as_it_was(void)
{
	game = kit_game(players_game("prisoner"), "--listen",
	    "line://127.0.0.1:0", "--no-lock", NULL);
	line = kit_connect(kit_url(game, 1));
	ask_for(text("listen unix://%s%s", kit_path("s"), ""), "unix://");
	ask(text("connect unix://%s%s", kit_path("s"), ""), "done");
}

/* A locked netd writes what a death leaves, where it was told to. */
static void
a_death_is_written_down_by_a_locked_netd(void)
{
	start("--log", "debug");
	ask("count", "1");
	death_signal(game, SIGKILL);
	kit_expect_log(game, "crash-prisoner-");
	ask("count", "2");
	kit_signal(game, SIGTERM);
	assert_int_equal(kit_wait(game), 0);
	assert_int_equal(kit_count_log(game, "crash_file"), 0);
}

static void
the_netd_that_follows_a_dead_one_is_locked_too(void)
{
	pid_t first;

	needs_lock();
	start("--log", "debug");
	/* Who is not yet in is let in by the next. */
	ask("count", "1");
	first = kit_child(game, "netd");
	kill(first, SIGKILL);
	kit_recv_all(line, NULL);
	line = kit_connect(kit_url(game, 1));
	ask("count", "2");
	ask_for("listen udp://127.0.0.1:0", "--may-listen");
	assert_int_equal(kit_count_log(game, "locked calls=yes files=yes"), 2);
}

static void
plays_where(const char *bar)
{
	struct kit_proc *p;
	int fd;

	p = kit_start(players_game("barred"), bar,
	    text("%s/%s", getenv("BIN"), "echo"), "--jail", "--listen",
	    "line://127.0.0.1:0", NULL);
	fd = kit_connect(kit_url(p, 1));
	kit_send(fd, "hello\n");
	kit_expect(fd, "hello\n");
	death_signal(p, SIGKILL);
	kit_send(fd, "again\n");
	kit_expect(fd, "again\n");
	kit_signal(p, SIGTERM);
	assert_int_equal(kit_wait(p), 0);
	if (!ipc_cage_never())
		assert_int_equal(kit_count_log(p, " locked "), 1);
}

static void
a_system_that_refuses_the_lock_is_played_on_all_the_same(void)
{
	if (!ipc_cage_can_calls())
		skip();
	plays_where("calls");
	plays_where("files");
	plays_where("both");
}

/* ---- the game --------------------------------------------------------------
 */

static void
a_jailed_game_has_nothing_and_lives_on(void)
{
	needs_lock();
	start("--jail", NULL);
	kit_expect_log(game, "jail calls=yes files=yes");
	ask("open /etc/passwd", NO);
	ask(text("write %s%s", kit_path("new"), ""), NO);
	ask("socket", NO);
	ask("run /bin/true", NO);
	ask("signal", NO);
	ask("signal 1", NO);
	ask("trace", NO);
	ask("count", "1");
}

static void
a_jailed_game_keeps_what_it_had(void)
{
	const char *diary = kit_path("diary");
	char got[32] = "";
	FILE *f;

	game =
	    kit_game(players_game("prisoner"), "--listen", "line://127.0.0.1:0",
		"--jail", text("--diary=%s%s", diary, ""), NULL);
	line = kit_connect(kit_url(game, 1));
	ask("diary dear", "done");
	ask("fork", "done");
	ask("thread", "done");
	f = fopen(diary, "r");
	assert_non_null(fgets(got, sizeof(got), f));
	fclose(f);
	assert_string_equal(got, "dear\n");
	/* netd is not in jail with it. */
	ask_for("listen line://127.0.0.1:0", "line://");
}

static void
a_jailed_game_goes_on_after_its_death_in_jail(void)
{
	start("--jail", NULL);
	ask("count", "1");
	death_signal(game, SIGKILL);
	ask("count", "2");
	death_signal(game, SIGSEGV);
	ask("count", "3");
	/* A copy has another number, and dies as it wants all the same. */
	kit_send(line, "abort\n");
	kit_recv_all(line, NULL);
	assert_int_equal(kit_count_log(game, "game_died how=\"aborted"), 2);
	line = kit_connect(kit_url(game, 1));
	ask("count", "4");
	if (!ipc_cage_never() && ipc_cage_can_calls())
		ask("open /etc/passwd", NO);
	kit_signal(game, SIGTERM);
	assert_int_equal(kit_wait(game), 0);
}

static void
a_jailed_game_in_the_foreground_ends_its_netd(void)
{
	start("--jail", "--foreground");
	ask("fork", "done");
	if (!ipc_cage_never() && ipc_cage_can_calls())
		ask("open /etc/passwd", NO);
	kit_signal(game, SIGTERM);
	assert_int_equal(kit_wait(game), 0);
}

static void
examples_play_in_jail(void)
{
	game = kit_game("snake", "--jail", "--listen",
	    "ws://127.0.0.1:0/play?www={www}", NULL);
	get(kit_url(game, 1), "/", "<!");
	kit_signal(game, SIGTERM);
	assert_int_equal(kit_wait(game), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(every_way_out_of_netd_is_refused),
		KIT_TEST(pages_and_socket_files_named_at_the_start_are_kept),
		KIT_TEST(what_nobody_named_is_refused_and_the_option_is_told),
		KIT_TEST(what_somebody_named_is_there_later),
		KIT_TEST(connections_go_to_the_ports_that_were_named),
		KIT_TEST(without_the_lock_all_is_as_it_was),
		KIT_TEST(a_death_is_written_down_by_a_locked_netd),
		KIT_TEST(the_netd_that_follows_a_dead_one_is_locked_too),
		KIT_TEST(
		    a_system_that_refuses_the_lock_is_played_on_all_the_same),
		KIT_TEST(a_jailed_game_has_nothing_and_lives_on),
		KIT_TEST(a_jailed_game_keeps_what_it_had),
		KIT_TEST(a_jailed_game_goes_on_after_its_death_in_jail),
		KIT_TEST(a_jailed_game_in_the_foreground_ends_its_netd),
		KIT_TEST(examples_play_in_jail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
