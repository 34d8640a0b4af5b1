/*
 * returns.h - players of a netd that died: who has a token of it gets the
 * number and the tag back.
 */
#ifndef NETD_RETURNS_H
#define NETD_RETURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct netd;

struct returning;
struct resume_token;

/* 64 digits; secrets are made from it. */
void returns_key(struct netd *n, const char *digits);
/* Of the token for this connection: 16 bytes. */
void returns_secret(struct netd *n, uint64_t id, uint8_t *secret);
/* The game says that it was there. False: no memory. */
bool returns_add(struct netd *n, uint64_t id, const uint8_t *tag, size_t len);
/* Is this the token of one of them, in time? */
bool returns_knows(const struct client *line, const struct resume_token *t);
/* c is that one again, if nobody else was faster. */
void returns_take(struct client *c, uint64_t id);
void returns_release(struct netd *n);

#endif
