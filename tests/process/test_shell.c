/* links: tests/lib/kit*.c */
/*
 * What whoever sits at the shell gets when something is wrong: one line that
 * says what it is and what to do, an exit status, and nothing that runs on.
 */
#include "tests/lib/kit.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE "line://127.0.0.1:0?close_ms=150ms"

/* Nothing of the process group runs any more. */
static void
left_nothing(pid_t group, const char *name)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;

	for (;;) {
		/* what died without a parent is ours to bury */
		while (waitpid(-group, NULL, WNOHANG) > 0)
			continue;
		if (kill(-group, 0) < 0 && errno == ESRCH)
			return;
		if (kit_now_ms() > end)
			kit_fail("something of %s still runs", name);
		kit_tick();
	}
}

static unsigned
lines_of(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* ---- refusals ------------------------------------------------------------ */

static const struct {
	const char *program;
	const char *args[4];
	int status;
	const char *words[2];
} refused[] = {
	{ "echo", { "--bogus" }, 2, { "unknown option '--bogus'", "--help" } },
	{ "echo", { "--lisen", "x" }, 2,
	    { "unknown option '--lisen'", "did you mean 'listen'" } },
	{ "echo", { "--listen" }, 2, { "'--listen' needs a value" } },
	{ "echo", { "surplus" }, 2, { "unexpected argument 'surplus'" } },
	{ "echo", { "--until", "many", "--replay", "x" }, 2,
	    { "'--until' must be a number from 1, not 'many'" } },
	{ "snake", { "--speed", "many" }, 2, { "'--speed' must be a number" } },
	{ "snake", { "--size", "abc" }, 2,
	    { "'--size' must be WxH, each side from 10 to 200, not 'abc'" } },
	{ "snake", { "--size", "50x9" }, 2, { "not '50x9' (see --help)" } },
	{ "echo", { "--listen", "http://x" }, 1,
	    { "unknown transport 'http'", "there is line" } },
	{ "echo", { "--listen", "line://127.0.0.1:99999" }, 1,
	    { "the port must be 0 to 65535" } },
	{ "echo", { "--listen", "line://127.0.0.1" }, 1,
	    { "no port", "add :4000" } },
	{ "echo", { "--listen", "line://127.0.0.1:0?idel=1s" }, 1,
	    { "unknown word 'idel'", "did you mean 'idle'" } },
	{ "echo", { "--listen", "ws://127.0.0.1:0/?wwww=/" }, 1,
	    { "unknown word 'wwww'", "did you mean 'www'" } },
	{ "echo", { "--listen", "line://127.0.0.1:0?idle=4q" }, 1,
	    { "'idle' must be 0 to", "not '4q'" } },
	{ "echo", { "--listen", "line://192.0.2.1:0" }, 1,
	    { "this machine does not have that address" } },
	{ "echo", { "--listen", "ws://127.0.0.1:0/?www=/nowhere/at/all" }, 1,
	    { "'/nowhere/at/all': No such", "www= is to be a folder" } },
	{ "echo", { "--listen", "ws://127.0.0.1:0/?www=/etc/passwd" }, 1,
	    { "'/etc/passwd': Not a directory", "www= is to be a folder" } },
	{ "echo", { "--foreground", "--listen", "lin://x" }, 1,
	    { "unknown transport 'lin'" } },
	{ "echo", { "--netd", "/nowhere/netd" }, 1,
	    { "/nowhere/netd", "name it with --netd FILE" } },
	{ "echo", { "--netd", "/bin/false", "--listen", LINE }, 1,
	    { "netd ended before the game began: exit status 1" } },
	{ "echo", { "--foreground", "--netd", "/bin/false" }, 1,
	    { "netd ended before the game began: exit status 1" } },
	{ "echo", { "--attach", "/nowhere" }, 1,
	    { "/nowhere", "is 'netd --wait /nowhere' running?" } },
	{ "echo", { "--limit", "mesage=1k" }, 1,
	    { "unknown word 'mesage'", "did you mean 'message'" } },
	{ "echo", { "--limit", "message=much", "--foreground" }, 1,
	    { "'message' must be 16 to", "--limits" } },
	{ "echo", { "--log", "loud" }, 1,
	    { "'--log' must be error, warn, info or debug, not 'loud'" } },
	{ "echo", { "--crash-dir", "/nowhere", "--listen", LINE }, 1,
	    { "'/nowhere': No such", "--crash-dir" } },
	{ "echo", { "--record", "/nowhere/x.rec", "--listen", LINE }, 1,
	    { "cannot record to '/nowhere/x.rec'", "name a file in" } },
	{ "echo", { "--replay", "/nowhere/x.rec" }, 4,
	    { "cannot replay '/nowhere/x.rec'" } },
	{ "notes", { "board", "--log", "error" }, 1,
	    { "notes: cannot connect to 'board': no transport (try " } },
	{ "fetch", { NULL }, 2, { "wants a URL and a message" } },
	{ "sync_client", { NULL }, 2, { "sync_client: wants a URL" } },
	{ "netd", { "--bogus" }, 2, { "'--bogus'" } },
	{ "netd", { NULL }, 2, { "needs '--wait DIR'", "--help" } },
	{ "netd", { "--wait" }, 2, { "'--wait' requires an argument" } },
	{ "netd", { "--limit", "x" }, 2, { "NAME=VALUE" } },
	{ "netd", { "--limit", "nope=1" }, 2, { "'nope'" } },
	{ "netd", { "--limit", "batch=0" }, 2, { "'batch' must be" } },
	{ "netd", { "--wait", "/dev/null/x" }, 1, { "/dev/null/x" } },
	{ "netctl", { "--bogus" }, 2, { "unknown option '--bogus'" } },
	{ "netctl", { "dump" }, 2, { "usage: netctl dump" } },
	{ "netctl", { "dump", "/nowhere" }, 1, { "cannot open '/nowhere'" } },
	{ "netctl", { "dump", "/etc/passwd" }, 1, { "not a recording" } },
	{ "netctl", { "-s", "/nowhere", "status" }, 1, { "/nowhere" } },
	{ "mud_store", { "--bogus" }, 2, { "unknown option '--bogus'" } },
};

static void
whatever_is_wrong_is_one_line_and_a_status(void)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char *argv[6] = { NULL };
		struct kit_proc *p;
		const char *said;
		int status;

		for (int k = 0; k < 4; k++)
			argv[k + 1] = (char *)(uintptr_t)refused[i].args[k];
		p = kit_startv(refused[i].program, argv);
		status = kit_wait(p);
		said = kit_said(p);
		for (int k = 0; k < 2 && refused[i].words[k]; k++)
			if (strstr(said, refused[i].words[k]) == NULL)
				kit_fail("%s %s: not '%s' in '%s'",
				    refused[i].program, refused[i].args[0],
				    refused[i].words[k], said);
		if (status != refused[i].status || lines_of(said) != 1 ||
		    strcmp(said, kit_errors(p)) != 0)
			kit_fail("%s %s %s: status %d, '%s'",
			    refused[i].program, refused[i].args[0],
			    refused[i].args[1], status, said);
		left_nothing(p->pid, p->name);
	}
}

static void
a_port_in_use_is_one_line(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t size = sizeof(a);
	char url[64];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	getsockname(fd, (struct sockaddr *)&a, &size);
	snprintf(url, sizeof(url), "line://127.0.0.1:%u", ntohs(a.sin_port));
	for (int foreground = 0; foreground < 2; foreground++) {
		struct kit_proc *p = kit_start("echo", "--listen", url,
		    foreground ? "--foreground" : NULL, NULL);

		assert_int_equal(kit_wait(p), 1);
		assert_non_null(strstr(kit_said(p), "already in use"));
		assert_non_null(strstr(kit_said(p), "try another port"));
		assert_non_null(strstr(kit_said(p), url));
		assert_int_equal(lines_of(kit_said(p)), 1);
		left_nothing(p->pid, p->name);
	}
	close(fd);
}

/* The first one plays on. */
static void
a_second_game_on_the_same_port_is_refused_and_the_first_plays_on(void)
{
	struct kit_proc *first = kit_game("echo", "--listen", LINE, NULL);
	const char *url = kit_url(first, 1);
	int fd = kit_connect(url);
	struct kit_proc *second = kit_start("echo", "--listen", url, NULL);

	assert_int_equal(kit_wait(second), 1);
	assert_non_null(strstr(kit_said(second), "already in use"));
	assert_int_equal(lines_of(kit_said(second)), 1);
	kit_send(fd, "still there?\n");
	kit_expect(fd, "still there?\n");
}

/* ---- what standard files there are --------------------------------------- */

/* A line for the shell, with $BIN in it; its exit status, or 124 if it took
 * longer than the deadline. What it prints goes to the case's folder. */
static int
shell(const char *line, const char **errors)
{
	char command[1024];
	static char said[4096];
	const char *file = kit_path("errors");
	int status, fd;
	ssize_t n;

	snprintf(command, sizeof(command), "timeout -k 1 %d bash -c '%s' 2>%s",
	    KIT_WAIT_MS / 1000, line, file);
	status = system(command);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, said, sizeof(said) - 1);
	said[n < 0 ? 0 : n] = '\0';
	if (fd >= 0)
		close(fd);
	*errors = said;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* As somebody who may not have it, if this machine keeps it from anybody. */
static void
a_port_that_is_not_ours_to_take_is_one_line(void)
{
	const char *errors;
	int status;

	if (geteuid() != 0 ||
	    shell("test $(cat /proc/sys/net/ipv4/ip_unprivileged_port_start) "
		  "-gt 80",
		&errors) != 0 ||
	    shell("env -u PENSTOCK_CRASH_DIR setpriv --reuid 65534 "
		  "--clear-groups \"${BIN:-bin}\"/echo --version >/dev/null",
		&errors) != 0)
		skip();
	status = shell("env -u PENSTOCK_CRASH_DIR setpriv --reuid 65534 "
		       "--clear-groups \"${BIN:-bin}\"/echo "
		       /* The way to an absolute one may be closed to them. */
		       "--netd \"${BIN:-bin}\"/netd "
		       "--listen line://127.0.0.1:80",
	    &errors);
	assert_int_equal(status, 1);
	assert_non_null(strstr(errors, "permission denied (try a port over"));
	assert_int_equal(lines_of(errors), 1);
}

/* The folder's fault, not the lock's: it was told of. */
static void
pages_that_may_not_be_read_are_one_line_that_says_so(void)
{
	bool root = geteuid() == 0;
	char line[900], as[100] = "";
	const char *errors;
	int status;

	if (root)
		snprintf(as, sizeof(as),
		    "env -u PENSTOCK_CRASH_DIR setpriv --reuid 65534 "
		    "--clear-groups ");
	snprintf(line, sizeof(line),
	    "%s\"${BIN:-bin}\"/echo --version >/dev/null", as);
	if (root && shell(line, &errors) != 0)
		skip();
	/* On the way to it everybody may pass. */
	assert_int_equal(chmod(kit_path("."), 0711), 0);
	assert_int_equal(mkdir(kit_path("www"), root ? 0700 : 0), 0);
	snprintf(line, sizeof(line),
	    "%s\"${BIN:-bin}\"/echo --listen ws://127.0.0.1:0/?www=%s", as,
	    kit_path("www"));
	status = shell(line, &errors);
	assert_int_equal(status, 1);
	assert_non_null(strstr(errors, "/www': Permission denied (www= is to "
				       "be a folder that netd may read)"));
	assert_null(strstr(errors, "locked"));
	assert_int_equal(lines_of(errors), 1);
}

/* Every program of bin/, whoever added it. */
static void
each_program_says_its_help_and_version(void)
{
	const char *bin = getenv("BIN"), *errors;
	DIR *dir = opendir(bin ? bin : "bin");
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		struct kit_proc *help, *version;
		char line[300];

		if (e->d_name[0] == '.' || strstr(e->d_name, "netd."))
			continue;
		help = kit_start(e->d_name, "--help", NULL);
		version = kit_start(e->d_name, "--version", NULL);
		if (kit_wait(help) || kit_wait(version))
			kit_fail("%s: --help or --version fails", e->d_name);
		if (!strcasestr(kit_said(help), "usage:") ||
		    *kit_errors(help) || lines_of(kit_said(version)) != 1 ||
		    strstr(kit_said(version), "Penstock") == NULL)
			kit_fail("%s: '%s' '%s'", e->d_name, kit_said(help),
			    kit_said(version));
		/* Nowhere to print to is no reason to crash. */
		snprintf(line, sizeof(line),
		    "\"${BIN:-bin}\"/%s --help >&- <&-; test $? -le 1",
		    e->d_name);
		assert_int_equal(shell(line, &errors), 0);
		n++;
	}
	closedir(dir);
	assert_true(n > 10);
}

static void
help_says_nothing_of_defaults_that_are_not_there(void)
{
	struct kit_proc *some = kit_start("echo", "--help", NULL);
	struct kit_proc *none = kit_start("fetch", "--help", NULL);

	assert_int_equal(kit_wait(some), 0);
	assert_int_equal(kit_wait(none), 0);
	assert_non_null(strstr(kit_said(some), "(default: see below)"));
	assert_non_null(strstr(kit_said(some), "Without --listen it listens"));
	assert_null(strstr(kit_said(none), "see below"));
}

/* Whatever descriptors are missing, no pipe of ours takes their place. */
static void
plays_with_its_standard_files_closed(void)
{
	static const char *const closed[] = { "<&-", ">&-", "<&- >&-",
		"<&- >&- 2>&-" };

	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		const char *path = kit_path("socket"), *errors;
		char line[700];

		unlink(path);
		snprintf(line, sizeof(line),
		    "\"${BIN:-bin}\"/echo --listen unix://%s --log error %s & "
		    "for i in {1..1000}; do test -S %s && break; "
		    "sleep 0.01; done; "
		    "printf \"hello\\\\n\" | timeout 5 "
		    "python3 -c \"import socket, sys; "
		    "s = socket.socket(socket.AF_UNIX); "
		    "s.connect(sys.argv[1]); s.send(b\\\"hello\\\\n\\\"); "
		    "sys.exit(s.recv(99) != b\\\"hello\\\\n\\\")\" %s; r=$?; "
		    "kill -INT $!; wait $! && exit $r",
		    path, closed[i], path, path);
		if (shell(line, &errors) != 0)
			kit_fail("'%s': %s", closed[i], errors);
	}
}

static void
a_full_disk_is_said(void)
{
	static const char *const lines[] = { "netd --limits", "netd --help",
		"netctl --help", "netctl --version", "netctl dump --help",
		"echo --help", "snake --version", "backend --help" };
	const char *errors;
	char line[300];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(line, sizeof(line), "\"${BIN:-bin}\"/%s >/dev/full",
		    lines[i]);
		if (shell(line, &errors) != 1 ||
		    strstr(errors, "cannot write: No space left") == NULL ||
		    lines_of(errors) != 1)
			kit_fail("%s: '%s'", lines[i], errors);
	}
}

/* A recording with a thousand lines in it; its path, the case's. */
static const char *
recording(void)
{
	const char *file = kit_path("game.rec");
	struct kit_proc *p =
	    kit_game("echo", "--listen", LINE, "--record", file, NULL);
	int fd = kit_connect(kit_url(p, 1));
	char said[40];

	for (int i = 0; i < 4000; i++) {
		snprintf(said, sizeof(said), "one of many lines, no. %d\n", i);
		kit_send(fd, said);
		kit_expect(fd, said);
	}
	kit_close(fd);
	kit_signal(p, SIGINT);
	assert_int_equal(kit_wait(p), 0);
	return file;
}

static void
netctl_ends_without_a_word_when_nobody_reads_it(void)
{
	const char *file = recording(), *errors;
	char line[400];

	/* As any tool does: of SIGPIPE. */
	snprintf(line, sizeof(line),
	    "\"${BIN:-bin}\"/netctl dump %s | head -1 >/dev/null; "
	    "exit ${PIPESTATUS[0]}",
	    file);
	assert_int_equal(shell(line, &errors), 128 + SIGPIPE);
	assert_string_equal(errors, "");
	/* What is lost on a disk is said. */
	for (int i = 0; i < 2; i++) {
		snprintf(line, sizeof(line),
		    "\"${BIN:-bin}\"/netctl %s %s >/dev/full",
		    i ? "stats" : "dump", file);
		assert_int_equal(shell(line, &errors), 1);
		assert_string_equal(
		    errors, "netctl: cannot write: No space left on device\n");
	}
}

/* ---- Ctrl-C at once ------------------------------------------------------ */

/* Wherever it was between its first instruction and its first listener. */
static void
ctrl_c_at_once_leaves_nothing_running(void)
{
	for (int i = 0; i < 40; i++) {
		struct kit_proc *p = kit_start("echo", "--listen", LINE, NULL);
		int64_t until = kit_now_ms() + i / 4;
		int status;

		while (kit_now_ms() < until)
			kit_tick();
		kit_signal_all(p, SIGINT);
		status = kit_wait(p);
		if (status != 0 && status != 128 + SIGINT)
			kit_fail("after %d ms: status %d: %s", i / 4, status,
			    kit_said(p));
		if (strstr(kit_said(p), "game_died"))
			kit_fail("after %d ms: '%s'", i / 4, kit_said(p));
		left_nothing(p->pid, p->name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(whatever_is_wrong_is_one_line_and_a_status),
		KIT_TEST(a_port_in_use_is_one_line),
		KIT_TEST(
		    a_second_game_on_the_same_port_is_refused_and_the_first_plays_on),
		KIT_TEST(a_port_that_is_not_ours_to_take_is_one_line),
		KIT_TEST(pages_that_may_not_be_read_are_one_line_that_says_so),
		KIT_TEST(each_program_says_its_help_and_version),
		KIT_TEST(help_says_nothing_of_defaults_that_are_not_there),
		KIT_TEST(plays_with_its_standard_files_closed),
		KIT_TEST(a_full_disk_is_said),
		KIT_TEST(netctl_ends_without_a_word_when_nobody_reads_it),
		KIT_TEST(ctrl_c_at_once_leaves_nothing_running),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
