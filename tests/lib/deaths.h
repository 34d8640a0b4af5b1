/*
 * deaths.h - how a game dies while its players talk to it.
 */
#ifndef TESTS_LIB_DEATHS_H
#define TESTS_LIB_DEATHS_H

#include "tests/lib/kit.h"
#include "tests/lib/players.h"

/* The process of launcher's game that runs now, not one of its frozen copies;
 * waits for it. */
pid_t death_game(struct kit_proc *launcher);
/* Send it a signal; returns its pid. */
pid_t death_signal(struct kit_proc *launcher, int signal);
/* Stop netd, let both pipes fill while the players go on, kill the game in the
 * middle of a write, let netd go on. Returns the dead game's pid. */
pid_t death_in_a_write(struct kit_proc *launcher, struct players *p);
/* Before the ledger is started: death_at() can be used. */
void death_prepare(void);
/* The ledger game of this case dies after so many more bytes of its pipe
 * "up" or "down", once it reads or writes again. */
void death_at(const char *way, unsigned long bytes);
/* Before the ledger is started: death_slow_copy() can be used. */
void death_prepare_copy(void);
/* The next copy that the game makes of itself stops at once; its pid, once
 * that is so. Meanwhile the players talk. */
pid_t death_slow_copy(struct kit_proc *launcher, struct players *p);
/* Wait until launcher's game has a frozen copy; its pid. */
pid_t death_copy(struct kit_proc *launcher);
/* End all its copies; it is stopped meanwhile, and left so. Returns the game's
 * pid. */
pid_t death_of_copies(struct kit_proc *launcher);
/* Wait until a process is there no more. */
void death_await(pid_t pid);

#endif
