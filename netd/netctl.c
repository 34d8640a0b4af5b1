/*
 * netctl.c - the operator's tool: look into recordings and pipes, be the game
 * or the network by hand, and ask a running netd.
 *
 * A program of its own that links ipc/ alone: whatever it can do, a stranger
 * can do with PROTOCOL.md. Words that are not in the table below go to the
 * running netd, whose own table answers (operator.c). Next: netctl_file.c.
 */
#include "netd/netctl.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipc/std.h"

static const struct command commands[] = {
	{ "dump", "[--all] [--kind NAME] [--conn ID] FILE|-",
	    "One line a frame of a recording, or of a raw pipe on stdin",
	    run_dump },
	{ "make", "", "Frames on stdout from such lines on stdin", run_make },
	{ "cut", "FILE [--from N] [--until N] -o OUT",
	    "The part from frame up N until frame up N; mends a torn file",
	    run_cut },
	{ "join", "A B -o OUT", "One recording of two that follow each other",
	    run_join },
	{ "stats", "FILE", "Frames by kind, bytes, rates, connections",
	    run_stats },
	{ "game", "DIR [--script FILE] [--stay] [--raw] [--timeout S]",
	    "Be the game of a 'netd --wait DIR': what comes is printed, lines "
	    "typed are sent",
	    run_game },
	{ "network",
	    "[--script FILE] [--raw] [--timeout S] [--seed N] "
	    "--wait DIR | -- GAME [ARGUMENT...]",
	    "Be the network of a game that is started, or attaches in DIR",
	    run_network },
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* Whoever read our output has gone ("| head"): so do we, without a word, as
 * SIGPIPE ends any other tool. It is ignored for the pipes of games. */
static void
leave_if_nobody_reads(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	if (poll(&out, 1, 0) != 1 || !(out.revents & POLLERR))
		return;
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
}

int
fail(const char *format, ...)
{
	va_list ap;

	if (fflush(stdout) != 0 || ferror(stdout))
		leave_if_nobody_reads();
	fputs("netctl: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return FAILED;
}

static const struct command *
find(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int
usage(const char *command)
{
	const struct command *c = find(command);

	fprintf(stderr, "usage: netctl %s %s\n", c->name, c->arguments);
	return USAGE;
}

const char *
option(
    int argc, char **argv, int *at, const char *with_value, const char **value)
{
	const char *word, *found;
	size_t n;

	if (*at >= argc || argv[*at][0] != '-' || argv[*at][1] == '\0')
		return NULL;
	word = argv[(*at)++] + 1;
	if (*word == '-')
		word++;
	if (*word == '\0')
		return NULL;
	n = strlen(word);
	for (found = with_value; (found = strstr(found, word)); found++)
		if (found[-1] == '|' && found[n] == '|')
			break;
	*value = NULL;
	if (found && *at < argc)
		*value = argv[(*at)++];
	else if (found)
		return "?";
	return word;
}

bool
whole(const char *text, uint64_t *n)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno)
		return false;
	*n = v;
	return true;
}

/* The last thing: has all that was printed left? */
static int
end(int status)
{
	errno = EIO; /* of an error before, whose number is gone */
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	leave_if_nobody_reads();
	return status == DONE ? fail("cannot write: %s", strerror(errno))
			      : status;
}

static void
help(FILE *to)
{
	fputs("usage: netctl COMMAND ...\n"
	      "       netctl [-s SOCKET] REQUEST ...\n\nCommands:\n",
	    to);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %s %s\n      %s\n", commands[i].name,
		    commands[i].arguments, commands[i].help);
	fputs(
	    "\nAny other word is a request to a running netd, whose socket "
	    "is found by itself\nif there is one netd of yours. 'netctl help' "
	    "lists what it understands:\nstatus, conns, slow, kick, trace, "
	    "pause, step and more. See netctl(8).\n",
	    to);
}

static int
usage_of(const struct command *c)
{
	printf("usage: netctl %s %s\n%s.\n", c->name, c->arguments, c->help);
	return DONE;
}

int
main(int argc, char **argv)
{
	const struct command *c;
	const char *socket = NULL;
	int at = 1;

	ipc_std_open();
	signal(SIGPIPE, SIG_IGN);
	if (argc > 2 && strcmp(argv[1], "-s") == 0) {
		socket = argv[2];
		at = 3;
	}
	if (at >= argc) {
		help(stderr);
		return USAGE;
	}
	if (strcmp(argv[at], "--help") == 0) {
		help(stdout);
		return end(DONE);
	}
	if (strcmp(argv[at], "--version") == 0) {
		puts("netctl (Penstock) " PENSTOCK_VERSION);
		return end(DONE);
	}
	if (argv[at][0] == '-') {
		fail("unknown option '%s' (see --help)", argv[at]);
		return USAGE;
	}
	c = socket ? NULL : find(argv[at]);
	/* "help dump" is ours to answer; "help" lists what netd understands. */
	if (c == NULL && argc == at + 2 && strcmp(argv[at], "help") == 0 &&
	    (c = find(argv[at + 1])) != NULL)
		return end(usage_of(c));
	if (c == NULL)
		return end(run_ask(socket, argc - at, argv + at));
	if (argc > at + 1 && strcmp(argv[at + 1], "--help") == 0)
		return end(usage_of(c));
	return end(c->run(argc - at, argv + at));
}
