/*
 * prisoner.c - a game that somebody has taken over: it does what its players
 * say, and tells how that went. Each line is one try; the answer is "done" or
 * what errno says. "listen URL" and "connect URL" ask netd, "fork", "thread"
 * and "count" are what a game may; "abort" ends it.
 */
#include "gamecore/gamecore.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct gc_net *net;
static FILE *diary; /* open since before the jail, if it was named */
static unsigned count;

static long
try_open(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC);
}

static long
try_write(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static long
try_socket(const char *unused)
{
	(void)unused;
	return syscall(SYS_socket, 2, 1, 0);
}

static long
try_run(const char *file)
{
	char *argv[] = { (char *)(uintptr_t)file, NULL };

	return execve(file, argv, NULL);
}

static long
try_signal(const char *pid)
{
	return kill((pid_t)(*pid ? atol(pid) : getppid()), 0);
}

static long
try_trace(const char *unused)
{
	(void)unused;
	return ptrace(PTRACE_SEIZE, getppid(), NULL, NULL);
}

static long
try_fork(const char *unused)
{
	pid_t pid = fork();
	int status = 1;

	(void)unused;
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return pid > 0 && status == 0 ? 0 : -1;
}

static void *
nothing(void *arg)
{
	return arg;
}

static long
try_thread(const char *unused)
{
	pthread_t t;

	(void)unused;
	errno = pthread_create(&t, NULL, nothing, NULL);
	return errno ? -1 : pthread_join(t, NULL);
}

static long
try_diary(const char *text)
{
	return diary && fprintf(diary, "%s\n", text) > 0 && fflush(diary) == 0
		   ? 0
		   : -1;
}

static const struct {
	const char *word;
	long (*go)(const char *rest);
} tries[] = {
	{ "open", try_open },
	{ "write", try_write },
	{ "socket", try_socket },
	{ "run", try_run },
	{ "signal", try_signal },
	{ "trace", try_trace },
	{ "fork", try_fork },
	{ "thread", try_thread },
	{ "diary", try_diary },
};

static const char *
act(const char *word, const char *rest)
{
	static char text[700];
	unsigned reason = 0;

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		if (strcmp(word, tries[i].word) == 0)
			return tries[i].go(rest) < 0 ? strerror(errno) : "done";
	if (strcmp(word, "listen") == 0) {
		int n = gc_listen(net, rest);

		return n < 0 ? gc_problem(net) : gc_listening(net, n);
	}
	if (strcmp(word, "connect") == 0)
		return gc_connect(net, rest, &reason) ? "done"
						      : gc_problem(net);
	if (strcmp(word, "abort") == 0)
		abort();
	if (strcmp(word, "count") != 0)
		return "what";
	snprintf(text, sizeof(text), "%u", ++count);
	return text;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "line://127.0.0.1:0", NULL };
	const char *file = NULL;
	const struct gc_option options[] = {
		{ .name = "diary",
		    .value = "FILE",
		    .help = "is open before the jail",
		    .text = &file },
		{ .name = NULL },
	};
	struct gc_start start = { .name = "prisoner",
		.about = "Does what it should not.",
		.options = options,
		.listen = listen };
	struct gc_event ev;
	int r;

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "--diary=", 8) == 0)
			diary = fopen(argv[i] + 8, "ae");
	net = gc_open(&start, argc, argv);
	if (net == NULL)
		return gc_explain(&start);
	while ((r = gc_next(net, &ev)) == 0 && ev.kind != GC_STOP) {
		char word[16] = "";
		int at = 0;

		if (ev.kind != GC_MESSAGE)
			continue;
		sscanf(ev.text, "%15s %n", word, &at);
		gc_printf(net, ev.conn, "%s", act(word, ev.text + at));
	}
	gc_close(net);
	return r < 0;
}
