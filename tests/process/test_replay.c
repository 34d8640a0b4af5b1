/* links: tests/lib/kit*.c tests/lib/players.c tests/lib/deaths.c */
/*
 * A recorded game comes out the same, whatever it did and however often it
 * died; and what does not come out the same is found where it begins.
 */
#include "tests/lib/deaths.h"
#include "tests/lib/kit.h"
#include "tests/lib/players.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define URL "line://127.0.0.1:0"
#define GDB "/usr/bin/gdb"
#define PLAYERS 3

/* ---- random games ----------------------------------------------------------
 */

static uint64_t
next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static void
expect_line(int fd, const char *line)
{
	while (strcmp(kit_line(fd), line) != 0)
		;
}

/* Play one, dying as the seed says, and record it. */
static void
play(const char *file, uint64_t seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;
	unsigned deaths = seed % 3 ? 1 : 0;
	/* One that waits in the middle of a message has several in its hand. */
	struct kit_proc *game = kit_game(players_game("chance"), "--listen",
	    URL, "--record", file, seed % 3 == 2 ? "--alone" : NULL, NULL);
	int fds[PLAYERS];

	for (int i = 0; i < PLAYERS; i++)
		fds[i] = kit_connect(kit_url(game, 1));
	/* Its first checkpoint lies before this. */
	kit_send(fds[0], "end\n");
	expect_line(fds[0], "end");
	for (int i = 0; i < 40; i++)
		kit_send(
		    fds[next(&x) % 2], next(&x) % 2 ? "one\n" : "two\nthree\n");
	if (seed % 3 == 1)
		death_signal(game, SIGKILL);
	else if (seed % 3 == 2)
		kit_send(fds[2], "die\n");
	for (int i = 0; i < 20; i++)
		kit_send(fds[next(&x) % 2], "four\n");
	if (deaths)
		kit_expect_log(game, "recovered");
	kit_send(fds[0], "end\n");
	expect_line(fds[0], "end");
	for (int i = 0; i < PLAYERS; i++)
		kit_close(fds[i]);
	kit_signal(game, SIGTERM);
	assert_int_equal(kit_wait(game), 0);
	assert_int_equal(kit_count_log(game, "replay_differs"), 0);
}

static void
replays(const char *game, const char *file, const char *says)
{
	struct kit_proc *p =
	    kit_start(players_game(game), "--replay", file, NULL);

	assert_int_equal(kit_wait(p), 0);
	kit_expect_log(p, "the replay is the same");
	kit_expect_log(p, says);
}

static void
random_games(uint64_t from)
{
	char name[32];

	for (uint64_t seed = from; seed < from + 25; seed++) {
		snprintf(
		    name, sizeof(name), "%llu.rec", (unsigned long long)seed);
		play(kit_path(name), seed);
		replays("chance", kit_path(name),
		    seed % 3 == 2 ? "1 death as recorded" : "down");
	}
}

static void
random_games_replay_the_same_0(void)
{
	random_games(0);
}

static void
random_games_replay_the_same_25(void)
{
	random_games(25);
}

static void
random_games_replay_the_same_50(void)
{
	random_games(50);
}

static void
random_games_replay_the_same_75(void)
{
	random_games(75);
}

/* Those of tests/replays were recorded once: a library that plays them
 * otherwise is another one. Their names begin with the game's. */
static void
kept_recordings_still_come_out_the_same(void)
{
	DIR *d = opendir("tests/replays");
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		char file[512], game[64];

		if (strstr(e->d_name, ".rec") == NULL)
			continue;
		snprintf(file, sizeof(file), "tests/replays/%s", e->d_name);
		snprintf(game, sizeof(game), "%.*s",
		    (int)strcspn(e->d_name, "-"), e->d_name);
		replays(game, file, "down");
		n++;
	}
	closedir(d);
	assert_true(n >= 3);
}

/* ---- what differs -----------------------------------------------------------
 */

/* The ledger, with something in the middle that it should not ask. */
static const char *
planted(const char *word)
{
	const char *file = kit_path("planted.rec");
	struct kit_proc *game = kit_game(
	    players_game("ledger"), "--listen", URL, "--record", file, NULL);
	int fd = kit_connect(kit_url(game, 1));

	for (int i = 0; i < 20; i++) {
		kit_send(fd, "roll\n");
		kit_line(fd);
	}
	/* All in one turn, so that it has several in its hand. */
	kit_send(fd, "roll\nroll\n");
	kit_send(fd, word);
	kit_send(fd, "roll\nroll\n");
	for (int i = 0; i < 5; i++)
		kit_line(fd);
	kit_close(fd);
	kit_signal(game, SIGTERM);
	assert_int_equal(kit_wait(game), 0);
	return file;
}

static int
replay_with(const char *file, const char *option, unsigned long long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", value);
	return kit_wait(kit_start(players_game("ledger"), "--replay", file,
	    option, text, "--listen", URL, NULL));
}

static void
a_clock_that_is_no_frame_is_found_at_its_frame(void)
{
	const char *file = planted("clock\n");
	struct kit_proc *p;
	unsigned long long frame;
	const char *said;

	p = kit_start(players_game("ledger"), "--replay", file, NULL);
	assert_int_equal(kit_wait(p), 3);
	said = strstr(kit_said(p), "it had frame ");
	assert_non_null(said);
	assert_int_equal(sscanf(said, "it had frame %llu up", &frame), 1);
	said = strchr(said, ':');
	assert_int_equal(strncmp(said, ": MESSAGE id=1 \"clock\"\n", 23), 0);
	kit_expect_log(p, "  recorded: SEND id=1 \"clock ");
	kit_expect_log(p, "  replayed: SEND id=1 \"clock ");
	/* Until there it is the same. */
	assert_int_equal(replay_with(file, "--until", frame - 1), 0);
	assert_int_equal(replay_with(file, "--until", frame), 3);
}

static void
dice_and_the_clock_of_the_stream_are_the_same(void)
{
	replays("ledger", planted("roll\n"), "it was started as:");
}

static void
another_game_is_not_that_one(void)
{
	const char *file = planted("roll\n");
	struct kit_proc *p = kit_start(
	    players_game("chance"), "--replay", file, "--listen", URL, NULL);

	assert_int_equal(kit_wait(p), 3);
	kit_expect_log(p, "differs at frame 1 down");
}

/* ---- recordings that are not whole ------------------------------------------
 */

static size_t
size_of(const char *file)
{
	struct stat st;

	if (stat(file, &st) < 0)
		kit_fail("no file %s", file);
	return (size_t)st.st_size;
}

static void
a_torn_recording_replays_as_far_as_it_goes(void)
{
	const char *file = planted("roll\n");
	size_t size = size_of(file);

	for (unsigned i = 1; i <= 20; i++) {
		struct kit_proc *p;

		if (truncate(file, (off_t)(size - i * size / 25)) < 0)
			kit_fail("truncate");
		p = kit_start(players_game("ledger"), "--replay", file, NULL);
		/* Without any frame it is of no use. */
		if (kit_wait(p) == 0)
			kit_expect_log(p, "the replay is the same");
		else
			kit_expect_log(p, "cannot replay");
		assert_true(p->status == 0 || WEXITSTATUS(p->status) == 4);
	}
}

static void
a_damaged_recording_is_refused(void)
{
	const char *file = planted("roll\n");
	struct kit_proc *p;
	char c;
	int fd = open(file, O_RDWR);

	assert_int_equal(pread(fd, &c, 1, 3000), 1);
	c ^= 1;
	assert_int_equal(pwrite(fd, &c, 1, 3000), 1);
	close(fd);
	p = kit_start(players_game("ledger"), "--replay", file, NULL);
	assert_int_equal(kit_wait(p), 4);
	kit_expect_log(p, "damaged");
	p = kit_start(players_game("ledger"), "--replay", "/dev/null", NULL);
	assert_int_equal(kit_wait(p), 4);
	p = kit_start(players_game("ledger"), "--replay", "/nowhere", NULL);
	assert_int_equal(kit_wait(p), 4);
	kit_expect_log(p, "cannot replay '/nowhere': No such file");
}

/* ---- several games in one recording
 * ------------------------------------------
 */

static void
an_upgrade_is_a_second_life(void)
{
	const char *file = kit_path("two.rec");
	struct kit_proc *game = kit_game(
	    players_game("ledger"), "--listen", URL, "--record", file, NULL);
	int fd = kit_connect(kit_url(game, 1));
	struct kit_proc *p;

	kit_send(fd, "roll\n");
	kit_line(fd);
	kit_signal(game, SIGHUP);
	kit_expect_log(game, "netd upgraded");
	kit_send(fd, "roll\nclock\n");
	kit_line(fd);
	kit_line(fd);
	kit_close(fd);
	kit_signal(game, SIGTERM);
	assert_int_equal(kit_wait(game), 0);
	p = kit_start(players_game("ledger"), "--replay", file, NULL);
	assert_int_equal(kit_wait(p), 3);
	kit_expect_log(p, "in life 2 the replay differs");
	kit_expect_log(p, "\"clock\"");
	assert_int_equal(replay_with(file, "--life", 1), 0);
	assert_int_equal(replay_with(file, "--life", 2), 3);
	assert_int_equal(replay_with(file, "--life", 3), 4);
}

static void
it_takes_the_time_it_took(void)
{
	const char *file = kit_path("slow.rec");
	struct kit_proc *game = kit_game(players_game("ledger"), "--listen",
	    URL, "--record", file, "--tick", "20", NULL);
	int fd = kit_connect(kit_url(game, 1));
	int64_t began, played = kit_now_ms();

	expect_line(fd, "t 15");
	played = kit_now_ms() - played;
	kit_close(fd);
	kit_signal(game, SIGTERM);
	assert_int_equal(kit_wait(game), 0);
	began = kit_now_ms();
	assert_int_equal(kit_wait(kit_start(players_game("ledger"), "--replay",
			     file, "--paced", NULL)),
	    0);
	assert_true(kit_now_ms() - began >= played * 3 / 4);
}

/* ---- the debugger
 * ------------------------------------------------------------ */

/* All that gdb says in a minute at the most; owned by the caller. */
static char *
gdb(const char *file, unsigned long long at)
{
	const char *obj = getenv("OBJ");
	char command[1024], *out = calloc(1, 1 << 16);
	size_t n = 0, got;
	FILE *f;

	snprintf(command, sizeof(command),
	    "timeout 60 " GDB " -q -batch -ex run -ex bt -ex continue --args "
	    "%s/games/ledger --replay %s --break-at %llu 2>&1 </dev/null",
	    obj ? obj : "obj/release", file, at);
	f = popen(command, "r");
	if (f == NULL || out == NULL)
		kit_fail("cannot start gdb");
	while ((got = fread(out + n, 1, (1 << 16) - 1 - n, f)) > 0)
		n += got;
	pclose(f);
	return out;
}

static void
stops_in_the_debugger_before_the_frame_that_killed_it(void)
{
	const char *file = kit_path("die.rec"), *where;
	struct kit_proc *game = kit_game(
	    players_game("ledger"), "--listen", URL, "--record", file, NULL);
	int fd = kit_connect(kit_url(game, 1));
	unsigned long long frame;
	char *said;

	if (access(GDB, X_OK) < 0)
		skip();
	kit_send(fd, "roll\n");
	kit_line(fd);
	kit_send(fd, "die segv\n");
	kit_expect_log(game, "recovered");
	kit_expect_log(game, "  see it     gdb --args ");
	where = strstr(kit_said(game), "--break-at ");
	assert_non_null(where);
	assert_int_equal(sscanf(where, "--break-at %llu", &frame), 1);
	kit_signal(game, SIGTERM);
	kit_wait(game);
	said = gdb(file, frame);
	if (strstr(said, "ptrace: Operation not permitted")) {
		free(said);
		skip();
	}
	where = strstr(said, "SIGTRAP");
	if (where == NULL || strstr(where, "gc_next") == NULL ||
	    strstr(where, "SIGSEGV") == NULL)
		kit_fail("gdb says:\n%s", said);
	free(said);
	/* Without one there is nothing to stop for. */
	assert_int_equal(replay_with(file, "--break-at", frame), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(random_games_replay_the_same_0),
		KIT_TEST(random_games_replay_the_same_25),
		KIT_TEST(random_games_replay_the_same_50),
		KIT_TEST(random_games_replay_the_same_75),
		KIT_TEST(kept_recordings_still_come_out_the_same),
		KIT_TEST(a_clock_that_is_no_frame_is_found_at_its_frame),
		KIT_TEST(dice_and_the_clock_of_the_stream_are_the_same),
		KIT_TEST(another_game_is_not_that_one),
		KIT_TEST(a_torn_recording_replays_as_far_as_it_goes),
		KIT_TEST(a_damaged_recording_is_refused),
		KIT_TEST(an_upgrade_is_a_second_life),
		KIT_TEST(it_takes_the_time_it_took),
		KIT_TEST(stops_in_the_debugger_before_the_frame_that_killed_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
