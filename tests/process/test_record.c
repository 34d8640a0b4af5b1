/* links: tests/lib/kit*.c tests/lib/players.c tests/lib/deaths.c */
/*
 * Recording takes nothing from the play: not a full disk, not a death; and
 * what a death leaves behind says what it was, and can be used.
 */
#include "tests/lib/deaths.h"
#include "tests/lib/kit.h"
#include "tests/lib/kit_game.h"
#include "tests/lib/kit_own.h"
#include "tests/lib/players.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define URL "line://127.0.0.1:0"

static void
talk(int fd, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		kit_send(fd, "roll\n");
		kit_line(fd);
	}
}

static int
stop(struct kit_proc *p, int fd)
{
	if (fd >= 0)
		kit_close(fd);
	kit_signal(p, SIGTERM);
	return kit_wait(p);
}

/* ---- where to ---------------------------------------------------------------
 */

static void
refuses_a_file_that_is_there(void)
{
	const char *file = kit_path("old.rec");
	int fd = open(file, O_WRONLY | O_CREAT, 0600);
	struct kit_proc *p;
	struct stat st;

	assert_int_equal(write(fd, "precious", 8), 8);
	close(fd);
	p = kit_start("netd", "--record", file, "--wait", kit_path("w"), NULL);
	assert_int_equal(kit_wait(p), 1);
	kit_expect_log(p, "it is there already and not empty (remove it, or "
			  "name another file)\n");
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_size, 8);
	p = kit_start("netd", "--record", "/nowhere/x.rec", "--wait",
	    kit_path("w"), NULL);
	assert_int_equal(kit_wait(p), 1);
	kit_expect_log(p, "cannot record to '/nowhere/x.rec': No such file");
}

static void
does_not_follow_a_link(void)
{
	const char *file = kit_path("link.rec");
	struct kit_proc *p;

	assert_int_equal(symlink(kit_path("target"), file), 0);
	p = kit_start("netd", "--record", file, "--wait", kit_path("w"), NULL);
	assert_int_equal(kit_wait(p), 1);
	assert_int_equal(access(kit_path("target"), F_OK), -1);
}

/* ---- a disk that is full
 * ----------------------------------------------------- */

static void
a_full_disk_is_a_line_and_a_notice_and_play_goes_on(void)
{
	struct kit_proc *netd = kit_netd("--record", "/dev/full", NULL);
	struct ipc_frame f;
	struct kit_link l;
	int fd;

	kit_attach(&l, netd);
	kit_link_until(&l, IPC_NOTICE, &f);
	assert_int_equal(f.channel, 1);
	assert_int_equal(f.len, strlen("the recording /dev/full stopped: No "
				       "space left on device"));
	fd = kit_connect(kit_link_listen(&l, URL));
	kit_link_until(&l, IPC_OPENED, &f);
	assert_true(kit_link_say(&l, f.id, "hello"));
	kit_expect(fd, "hello\n");
	assert_int_equal(kit_count_log(netd, "recording_failed"), 1);
	kit_detach(&l);
}

static void
a_disk_that_fills_up_leaves_what_was_whole(void)
{
	const char *file = kit_path("limited.rec");
	struct rlimit before, small;
	struct kit_proc *game, *p;
	int fd;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 20000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	game = kit_game(
	    players_game("ledger"), "--listen", URL, "--record", file, NULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	fd = kit_connect(kit_url(game, 1));
	talk(fd, 200);
	kit_expect_log(game, "recording_failed");
	talk(fd, 200);
	assert_int_equal(stop(game, fd), 0);
	assert_int_equal(kit_count_log(game, "recording_failed"), 1);
	p = kit_start(players_game("ledger"), "--replay", file, NULL);
	assert_int_equal(kit_wait(p), 0);
	kit_expect_log(p, "the replay is the same");
}

/* ---- what a death leaves
 * ------------------------------------------------------ */

/* Files of a folder that begin so. */
static unsigned
count_files_in(const char *dir, const char *begin)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned n = 0;

	if (d == NULL)
		kit_fail("cannot look into %s", dir);
	while ((e = readdir(d)))
		n += strncmp(e->d_name, begin, strlen(begin)) == 0;
	closedir(d);
	return n;
}

/* Of the case's folder. */
static unsigned
count_files(const char *begin)
{
	return count_files_in(kit_path("."), begin);
}

/* The word behind before in what it said; owned by the case. */
static const char *
word_after(struct kit_proc *p, const char *before)
{
	char *at = strstr(kit_said(p), before);

	if (at == NULL)
		kit_fail("it does not say '%s'", before);
	at += strlen(before);
	at[strcspn(at, " \n")] = '\0';
	return at;
}

static void
a_death_says_what_where_and_how_to_see_it(void)
{
	struct kit_proc *game =
	    kit_game(players_game("ledger"), "--listen", URL, NULL);
	int fd = kit_connect(kit_url(game, 1)), other;
	const char *file, *frame, *pid;
	struct kit_proc *p;

	other = kit_connect(kit_url(game, 1));
	talk(fd, 5);
	talk(other, 1);
	kit_send(fd, "die segv\n");
	kit_expect_log(game, "  see it     gdb --args ");
	kit_expect_log(
	    game, "  what       ledger: segmentation fault (signal 11)\n");
	kit_expect_log(game, "             MESSAGE id=1 \"die segv\"\n");
	kit_expect_log(game, "which killed it twice: set aside, connection 1");
	kit_expect_log(game, "with 1 player;");
	file = word_after(game, "  recording  ");
	frame = word_after(game, "--break-at ");
	/* The one to kill next is named: it is there, and it is the game. */
	pid = word_after(game, " as pid ");
	assert_int_equal(kill(atoi(pid), SIGKILL), 0);
	kit_expect_log(game, "killed (signal 9)");
	talk(other, 3);
	assert_int_equal(stop(game, other), 0);
	/* It dies in the replay as it did, and until then it does not. */
	p = kit_start(players_game("ledger"), "--replay", file, NULL);
	assert_int_equal(kit_wait(p), 0);
	kit_expect_log(p, "and 1 death as recorded");
	p = kit_start(
	    players_game("ledger"), "--replay", file, "--until", frame, NULL);
	assert_int_equal(kit_wait(p), 0);
}

static void
deaths_leave_five_files_and_no_more(void)
{
	struct kit_proc *game = kit_game(players_game("ledger"), "--listen",
	    URL, "--limit", "restarts_max=1000", NULL);
	int fd = kit_connect(kit_url(game, 1));

	for (unsigned i = 1; i <= 7; i++) {
		int64_t end = kit_now_ms() + KIT_WAIT_MS;

		talk(fd, 3);
		death_signal(game, SIGKILL);
		while (kit_count_log(game, "the game died") < i) {
			if (kit_now_ms() > end)
				kit_fail("no report %u", i);
			kit_tick();
		}
	}
	kit_expect_log(game, "  recording  no more than 5 in one run");
	talk(fd, 3);
	assert_int_equal(stop(game, fd), 0);
	assert_int_equal(count_files("crash-"), 5);
}

static void
without_a_flight_recorder_there_is_no_file(void)
{
	struct kit_proc *game = kit_game(players_game("ledger"), "--listen",
	    URL, "--limit", "flight_bytes=0", NULL);
	int fd = kit_connect(kit_url(game, 1));

	talk(fd, 3);
	death_signal(game, SIGKILL);
	kit_expect_log(game, "  done       ");
	talk(fd, 3);
	assert_int_equal(stop(game, fd), 0);
	assert_int_equal(count_files("crash-"), 0);
}

static void
the_newest_frames_of_a_long_game_can_be_read_not_replayed(void)
{
	struct kit_proc *game = kit_game(players_game("ledger"), "--listen",
	    URL, "--limit", "flight_bytes=16384", NULL);
	int fd = kit_connect(kit_url(game, 1));
	const char *file;
	struct kit_proc *p;

	talk(fd, 500);
	death_signal(game, SIGKILL);
	kit_expect_log(game, "(the newest frames; read it with 'netctl dump')");
	assert_int_equal(kit_count_log(game, "see it"), 0);
	file = word_after(game, "  recording  ");
	talk(fd, 3);
	assert_int_equal(stop(game, fd), 0);
	p = kit_start(players_game("ledger"), "--replay", file, NULL);
	assert_int_equal(kit_wait(p), 4);
	kit_expect_log(p, "does not begin where the game does");
	assert_int_equal(kit_wait(kit_start("netctl", "dump", file, NULL)), 0);
}

/* A game that leaves its deaths in a fresh folder, and a player who talked. */
static struct kit_proc *
start_with_folder(const char *dir, int *fd)
{
	struct kit_proc *game;

	assert_int_equal(mkdir(dir, 0700), 0);
	game = kit_game(
	    players_game("ledger"), "--listen", URL, "--crash-dir", dir, NULL);
	*fd = kit_connect(kit_url(game, 1));
	talk(*fd, 3);
	return game;
}

static void
they_lie_where_they_are_told(void)
{
	const char *dir = kit_path("deaths");
	struct kit_proc *game;
	int fd;

	game = start_with_folder(dir, &fd);
	kit_send(fd, "die abort\n");
	kit_expect_log(game, "  see it ");
	assert_int_equal(stop(game, -1), 0);
	assert_int_equal(count_files("crash-"), 0);
	assert_int_equal(count_files("deaths"), 1);
	kit_expect_log(game, "/deaths/crash-ledger-");
	kit_expect_log(game, "/deaths/poison-ledger-");
	assert_int_equal(rmdir(dir), -1); /* it is not empty */
}

/* ---- what a death cannot leave ----------------------------------------------
 */

/* It is said what became of it, and nothing else of it is there. */
static void
expect_none(struct kit_proc *game, const char *dir, const char *why)
{
	kit_expect_log(game, "  recording  could not be written to '");
	kit_expect_log(game, why);
	kit_expect_log(game, " crash_file ");
	assert_int_equal(kit_count_log(game, "the whole game"), 0);
	assert_int_equal(kit_count_log(game, "see it"), 0);
	assert_int_equal(count_files_in(dir, "crash-"), 0);
}

static void
whole_or_not_there(const char *option)
{
	struct rlimit before, small;
	struct kit_proc *game, *p;
	const char *file;
	int fd;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 20000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	game = kit_game(players_game("ledger"), "--listen", URL, option, NULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	fd = kit_connect(kit_url(game, 1));
	talk(fd, 400);
	death_signal(game, SIGKILL);
	expect_none(game, kit_path("."), "': File too large (raise ulimit -f");
	talk(fd, 3);
	/* There is room again: the next one is whole. */
	assert_int_equal(
	    prlimit(kit_child(game, NULL), RLIMIT_FSIZE, &before, NULL), 0);
	death_signal(game, SIGKILL);
	kit_expect_log(game, "  see it     gdb --args ");
	assert_int_equal(count_files("crash-"), 1);
	file = word_after(game, "  recording  /") - 1;
	talk(fd, 3);
	assert_int_equal(stop(game, fd), 0);
	p = kit_start(players_game("ledger"), "--replay", file, NULL);
	assert_int_equal(kit_wait(p), 0);
	kit_expect_log(p, "the replay is the same");
}

static void
a_recording_that_was_cut_short_is_not_left(void)
{
	whole_or_not_there("--log=info");
}

/* Without a lock there are no files without names: they have others first. */
static void
nor_is_one_that_had_another_name_meanwhile(void)
{
	whole_or_not_there("--no-lock");
}

static void
a_folder_that_has_gone_is_said_to_be_missing(void)
{
	const char *dir = kit_path("deaths");
	struct kit_proc *game;
	int fd;

	game = start_with_folder(dir, &fd);
	assert_int_equal(rmdir(dir), 0);
	kit_send(fd, "die abort\n");
	kit_expect_log(game, "': No such file or directory (make the folder, "
			     "or name another with --crash-dir)\n");
	/* The message that killed it could not be saved, either. */
	kit_expect_log(game, " why=\"not saved: No such file or directory\"");
	expect_none(game, kit_path("."), "deaths/crash-ledger-");
	assert_int_equal(stop(game, -1), 0);
}

/* A program by its whole name: what starts it is somewhere else. */
static const char *
whole_name(const char *program)
{
	char path[512];
	char *whole;
	const char *bin = getenv("BIN");

	snprintf(path, sizeof(path), "%s%s%s",
	    strchr(program, '/') ? ""
	    : bin                ? bin
				 : "bin",
	    strchr(program, '/') ? "" : "/", program);
	whole = realpath(path, NULL);
	if (whole == NULL)
		kit_fail("%s is not there", path);
	return kit_own(whole);
}

/* Started by this script, which finds the game in $0 and a folder in $1. */
static struct kit_proc *
start_by(const char *option, const char *script, const char *dir)
{
	const char *game = whole_name(players_game("ledger"));

	if (option)
		return kit_start("/usr/bin/unshare", option, "sh", "-c", script,
		    game, dir, NULL);
	return kit_start("/bin/sh", "-c", script, game, dir, NULL);
}

/*
 * Where no file could be made when netd was locked one can be made later, if
 * that is allowed then. root may write everywhere; here it may not.
 */
static void
a_folder_that_may_not_be_written_to_is_named(void)
{
	const char *dir = kit_path("closed");
	bool root = geteuid() == 0;
	struct kit_proc *game;
	int fd;

	assert_int_equal(mkdir(dir, 0500), 0);
	if (root && prctl(PR_SET_SECUREBITS, SECBIT_NOROOT) < 0) {
		print_message("SKIPPED: root keeps its rights here\n");
		skip();
	}
	game = start_by(NULL,
	    "unset PENSTOCK_CRASH_DIR; cd $1; exec $0 --listen " URL, dir);
	fd = kit_connect(kit_url(game, 1));
	if (root)
		assert_int_equal(prctl(PR_SET_SECUREBITS, 0), 0);
	talk(fd, 3);
	death_signal(game, SIGKILL);
	expect_none(game, dir, "': Permission denied (allow it, or name");
	assert_int_equal(chmod(dir, 0700), 0);
	talk(fd, 3);
	death_signal(game, SIGKILL);
	kit_expect_log(game, "  see it     gdb --args ");
	talk(fd, 3);
	assert_int_equal(stop(game, fd), 0);
	assert_int_equal(count_files_in(dir, "crash-"), 1);
	assert_int_equal(count_files_in(dir, ""), 3); /* . and .. */
}

static void
a_full_disk_leaves_no_recording(void)
{
	static const char script[] = "mount -t tmpfs -o size=16k none $1 && "
				     "exec $0 --crash-dir $1 --listen " URL;
	const char *dir = kit_path("full"), *seen;
	struct kit_proc *game;
	int fd;

	assert_int_equal(mkdir(dir, 0700), 0);
	game = start_by(geteuid() == 0 ? "-m" : "-rm", script, dir);
	while (!strstr(kit_said(game), "listening") && !kit_ended(game))
		kit_tick();
	if (kit_ended(game)) {
		print_message("SKIPPED: no small disk can be mounted here: "
			      "%s\n",
		    kit_said(game));
		skip();
	}
	fd = kit_connect(kit_url(game, 1));
	talk(fd, 400);
	/* The disk is theirs alone: seen through one of them. */
	seen = kit_path("seen");
	snprintf((char *)(uintptr_t)seen, 256, "/proc/%ld/root%s",
	    (long)kit_child(game, NULL), dir);
	assert_int_equal(count_files_in(seen, ""), 2); /* . and .. */
	death_signal(game, SIGKILL);
	expect_none(game, seen, "': No space left on device (make room, or ");
	assert_int_equal(count_files_in(seen, ""), 2);
	talk(fd, 3);
	assert_int_equal(stop(game, fd), 0);
}

/* ---- netd alone, driven by a recording
 * ------------------------------------------
 */

static void
a_recorded_game_drives_real_players(void)
{
	const char *file = kit_path("play.rec");
	struct kit_proc *game = kit_game(
	    players_game("ledger"), "--listen", URL, "--record", file, NULL);
	int a = kit_connect(kit_url(game, 1)), b;
	struct kit_proc *netd;
	char *first, *second;

	kit_send(a, "join 7\n");
	kit_expect(a, "joined 7\n");
	b = kit_connect(kit_url(game, 1));
	kit_send(b, "roll\n");
	second = kit_line(b);
	kit_send(b, "cast 7 to the seventh\n");
	kit_expect(a, "cast to the seventh\n");
	kit_send(a, "roll\n");
	first = kit_line(a);
	kit_close(b);
	assert_int_equal(stop(game, a), 0);

	netd = kit_start("netd", "--play", file, URL, NULL);
	a = kit_connect(kit_url(netd, 1));
	kit_expect(a, "joined 7\n");
	/* Time stands still until the second one comes. */
	kit_expect_silence(a, 50);
	b = kit_connect(kit_url(netd, 1));
	assert_string_equal(kit_line(b), second);
	kit_expect(a, "cast to the seventh\n");
	assert_string_equal(kit_line(a), first);
	assert_int_equal(kit_wait(netd), 0);
	kit_expect_log(netd, "played frames=");

	netd = kit_start("netd", "--play", "/dev/null", URL, NULL);
	assert_int_equal(kit_wait(netd), 1);
	kit_expect_log(netd, "cannot play '/dev/null': empty");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(refuses_a_file_that_is_there),
		KIT_TEST(does_not_follow_a_link),
		KIT_TEST(a_full_disk_is_a_line_and_a_notice_and_play_goes_on),
		KIT_TEST(a_disk_that_fills_up_leaves_what_was_whole),
		KIT_TEST(a_death_says_what_where_and_how_to_see_it),
		KIT_TEST(deaths_leave_five_files_and_no_more),
		KIT_TEST(without_a_flight_recorder_there_is_no_file),
		KIT_TEST(
		    the_newest_frames_of_a_long_game_can_be_read_not_replayed),
		KIT_TEST(they_lie_where_they_are_told),
		KIT_TEST(a_recording_that_was_cut_short_is_not_left),
		KIT_TEST(nor_is_one_that_had_another_name_meanwhile),
		KIT_TEST(a_folder_that_has_gone_is_said_to_be_missing),
		KIT_TEST(a_folder_that_may_not_be_written_to_is_named),
		KIT_TEST(a_full_disk_leaves_no_recording),
		KIT_TEST(a_recorded_game_drives_real_players),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
