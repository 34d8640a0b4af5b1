/*
 * lock.h - what netd gives up, so that whoever takes it over has little.
 *
 * Two steps. lock_calls(), before the loop's first turn: system calls that
 * netd never makes (exec, ptrace, signals to others, new processes but the one
 * that writes a crash's recording, other kinds of sockets), privileges, and
 * memory that others could look into. lock_places(), before the first game:
 * files but for the pages, sockets and crash recordings it was told of, and
 * connections outwards but to the ports it was told of.
 *
 * What was not told of in time is refused later, with words that name the
 * option. Nothing here is in the way of a debugger that started netd.
 */
#ifndef NETD_LOCK_H
#define NETD_LOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netd;
struct url;

/* Ports that connections outwards may go to; more is "*". */
#define LOCK_PORTS_MAX 32

struct lock {
	bool off;           /* --no-lock */
	bool asked;         /* whoever has the game has told of everything */
	bool calls, places; /* are given up */
	bool told;          /* the log of what is and what is not */
	/* Where the game listens, or may later: whose files are to be read. */
	struct url **urls;
	size_t n_urls;
	/* Connections outwards: to all, if nothing was said. */
	bool said, any, unix_too;
	uint16_t ports[LOCK_PORTS_MAX];
	size_t n_ports;
	char calls_why[96], places_why[96]; /* why not, or "" */
};

/*
 * The game listens there, or may later. False: one line in why; such a URL
 * will be refused again when somebody listens on it.
 */
bool lock_expect(struct netd *n, const char *url, char *why, size_t size);
/* Connections outwards may go to these: "*" everywhere, "" nowhere, or TCP
 * ports and the word unix, in a list with commas. False: it is none of that. */
bool lock_connects(struct netd *n, const char *list);
/* The first step. */
void lock_calls(struct netd *n);
/* The second, once, if whoever has the game asked for it; and a line in the
 * log. After the first step only. */
void lock_places(struct netd *n);
/* May a connection outwards go there? False: one line in why. */
bool lock_lets_connect(
    const struct netd *n, const struct url *u, char *why, size_t size);
/* May netd listen there, and read its pages? False: one line in why. */
bool lock_lets_listen(
    const struct netd *n, const struct url *u, char *why, size_t size);
void lock_release(struct netd *n);

/* escape.c: lock as in production, and try to get out. Prints a line for each
 * try; returns 0 if all were refused, 1 if not, 2 if this system cannot. */
int lock_try_escape(struct netd *n);

#endif
