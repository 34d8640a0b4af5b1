/*
 * family.h - the processes of one launcher, found by their numbers.
 */
#ifndef TESTS_LIB_FAMILY_H
#define TESTS_LIB_FAMILY_H

#include "tests/lib/kit.h"

/* A child of the launcher with two pipes, which neither netd nor a frozen copy
 * has, and which is not `but`; waits for it. */
pid_t family_game(struct kit_proc *launcher, pid_t but);
/* Wait until the launcher has so many living descendants. */
void family_expect(struct kit_proc *launcher, unsigned n);
/* Wait until the process has ended, reaped or not. */
void family_expect_end(pid_t pid);

#endif
