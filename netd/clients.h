/*
 * clients.h - all clients: their table, their lists, the end of a turn.
 */
#ifndef NETD_CLIENTS_H
#define NETD_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

struct client;
struct netd;

bool clients_init(struct netd *n);
void clients_release(struct netd *n);
/* End of a turn: flush the dirty, free the GONE. */
void clients_turn(struct netd *n);
/* Reading of all players stops while the game is behind or not there. */
void clients_hold_input(struct netd *n);
void clients_close_all(struct netd *n, unsigned reason, const char *text);
/* The table of ids. */
bool clients_add(struct netd *n, struct client *c);
void clients_remove(struct netd *n, struct client *c);
/* It has another number from now on, which is nobody's. */
void clients_rename(struct client *c, uint64_t id);
/* No tokens: not read until it has one. */
void clients_throttle(struct client *c);
/* To be freed at the turn's end. */
void clients_bury(struct client *c);
/* What epoll said of it counts no more. */
void clients_unready(struct client *c);
/* Move between the lists: pending is looked at four times a second, playing
 * once. */
void clients_list(struct client *c, bool playing);

#endif
