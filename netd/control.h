/*
 * control.h - the launcher, or whoever attaches: who hands over the game's
 * pipes.
 */
#ifndef NETD_CONTROL_H
#define NETD_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netd;

bool control_inherit(struct netd *n, int fd);
/* One line in why when it cannot. */
bool control_wait(struct netd *n, const char *dir, char *why, size_t size);
void control_say(struct netd *n, uint32_t type, uint32_t number, uint64_t value,
    const char *text, int fd);
void control_release(struct netd *n);

#endif
