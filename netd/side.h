/*
 * side.h - out-of-band messages: what game and program say beside the text.
 * The second half is the inside, for side.c and msdp.c.
 */
#ifndef NETD_SIDE_H
#define NETD_SIDE_H

#include "netd/netd.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct msdp;

/* One came from the player: true: go on feeding. What is none is dropped. */
bool side_heard(struct client *c, const uint8_t *bytes, size_t len);
/* A game says one, c may be NULL. False: it is no name, the game's fault. */
bool side_send(struct link *l, struct client *c, const struct ipc_frame *f);
bool side_send_group(struct link *l, const struct ipc_frame *f);
/* After a cold start: what the player's program said at its beginning. */
void side_tell(struct client *c);
void side_free(struct client *c);

/* ---- the inside: side.c and msdp.c -------------------------------------- */

/* What a player's program said of itself; made when it first says something. */
struct side {
	char *hello;          /* the JSON of Core.Hello, or NULL */
	struct ipc_buf wants; /* of Core.Supports: names, each with its NUL */
	bool told;            /* it told, so nothing else is sent */
	json_t *environ;      /* of Client.Environ, or NULL */
	struct msdp *msdp;    /* msdp.c; or NULL */
};

/* One message, checked. */
struct side_message {
	const uint8_t *bytes; /* all of it, a view */
	size_t len;
	size_t name_len;  /* it begins with the name */
	const char *json; /* a view; json_len 0: there is none */
	size_t json_len;
	json_t *value; /* what that means, or NULL */
};

/*
 * Read a message: a name, and valid JSON no deeper than depth_max. True:
 * side_done() it. False: it is none.
 */
bool side_read(
    struct side_message *m, const uint8_t *bytes, size_t len, size_t depth_max);
void side_done(struct side_message *m);
/* Is that its name, in any case of letters? */
bool side_is(const struct side_message *m, const char *name);
/* The game is told Client.Environ with these, and at most max of all that came
 * so far are remembered. True: go on feeding. */
bool side_environ(struct client *c, json_t *variables, size_t max);
/* Made on first use; NULL: out of memory. */
struct side *side_of(struct client *c);
/* Does the player's program want messages of this name? */
bool side_wants(const struct client *c, const uint8_t *name, size_t len);
/* A message of ours, whose JSON is good, in one of the forms; owned, or NULL.
 */
struct slice *side_write(unsigned forms, const uint8_t *bytes, size_t len);

#endif
