/*
 * netctl.h - the parts of the operator's tool: one table of commands, and
 * what they share. netctl is a program of its own; netd knows none of this.
 */
#ifndef NETD_NETCTL_H
#define NETD_NETCTL_H

#include "ipc/buf.h"
#include "ipc/frame.h"
#include "ipc/recording.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit statuses, the same for all commands. */
enum { DONE = 0, FAILED = 1, USAGE = 2 };

struct command {
	const char *name;
	const char *arguments;
	const char *help; /* one sentence, no full stop */
	/* argv[0] is the command's name. Returns an exit status. */
	int (*run)(int argc, char **argv);
};

/* ---- netctl.c ------------------------------------------------------------ */

/* "netctl: TEXT" on stderr; FAILED. */
int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* How this command is called, on stderr; USAGE. */
int usage(const char *command);
/*
 * Walk options: *argv[at] is looked at, "--" and the first word without "--"
 * end them. Answers the option's name without dashes and, if it is one of
 * those in with_value ("|kind|conn|"), its value; NULL at their end.
 */
const char *option(
    int argc, char **argv, int *at, const char *with_value, const char **value);
/* A whole number: true, or false. */
bool whole(const char *text, uint64_t *n);

/* ---- netctl_file.c: recordings and lines --------------------------------- */

int run_dump(int argc, char **argv);
int run_make(int argc, char **argv);
int run_cut(int argc, char **argv);
int run_join(int argc, char **argv);
int run_stats(int argc, char **argv);

/* ---- netctl_ends.c: be the game, be the network -------------------------- */

int run_game(int argc, char **argv);
int run_network(int argc, char **argv);

/* ---- netctl_ask.c: a running netd ---------------------------------------- */

/* Send argv as one request; socket may be NULL: find it. */
int run_ask(const char *socket, int argc, char **argv);

#endif
