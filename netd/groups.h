/*
 * groups.h - one send to many: groups of clients, each message encoded once.
 */
#ifndef NETD_GROUPS_H
#define NETD_GROUPS_H

#include "ipc/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct group;
struct link;

/* A client's place in a group. */
struct member {
	struct member *next; /* the client's other groups */
	struct group *group;
	size_t index; /* in group->clients */
};

/* Frames to the same receivers, joined into one send each. */
#define CAST_MAX 64
struct cast {
	uint64_t group, but;
	bool typed; /* as of SEND_TYPED, in what each receiver speaks */
	unsigned flags;
	uint16_t key;
	size_t n;
	struct ipc_frame frames[CAST_MAX];
};

bool group_join(struct link *l, uint64_t group, struct client *c);
void group_leave(struct link *l, uint64_t group, struct client *c);
void groups_forget(struct client *c);
/* Send to a group, or at the latest with the next cast_flush(). f->bytes must
 * stay until then. */
void cast_add(
    struct link *l, uint64_t group, uint64_t but, const struct ipc_frame *f);
void cast_flush(struct link *l);
/* Each member that takes messages, but one. */
void group_each(struct link *l, uint64_t group, uint64_t but,
    void (*fn)(struct client *c, void *arg), void *arg);
void groups_release(struct link *l);

#endif
