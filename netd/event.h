/*
 * event.h - events with acknowledgement, both ways.
 *
 * An event is a name, an array and a map. The game gives each that it sends a
 * number; netd sees to it that it arrives, or tells the game that it did not,
 * exactly once: EVENT_DONE. Up, an event of a player is a frame EVENT; the
 * player is told that it was taken.
 *
 * How often it is said again is its line's affair: a stream keeps what is not
 * acknowledged across a new connection (resume.h), ENet and PyGaSe's protocol
 * repeat by the round trips that they measure. Here it has a time, and fails
 * when that is over or its player gone.
 *
 * A transport with a protocol of its own has the slot event() in struct
 * transport and calls event_came() and event_done().
 */
#ifndef NETD_EVENT_H
#define NETD_EVENT_H

#include "ipc/value.h"

#include <stdbool.h>
#include <stdint.h>

#define EVENT_NAME_MAX 255

struct client;
struct ipc_frame;
struct link;
struct netd;

/* One on its way to a player; a view for the slot event(). */
struct event {
	uint64_t number; /* the game's; 0: it does not want to hear of it */
	const char *name;
	size_t name_len;
	/* An array, a map: msgpack, whole and legal. */
	const uint8_t *args, *kwargs;
	size_t args_len, kwargs_len;
};

/* ---- for transports
 * ---------------------------------------------------------- */

/*
 * A player's event: name (valid UTF-8, up to 255 bytes), args an array or NULL,
 * kwargs a map or NULL, borrowed; request: the player's own number for it, or
 * 0. False: stop feeding, as client_got().
 */
bool event_came(struct client *c, uint64_t request, const char *name,
    size_t name_len, const struct ipc_value *args,
    const struct ipc_value *kwargs);
/* The same without a tree: e is whole and legal, its number is not looked at.
 * Together it is no longer than EVENT_BYTES_MAX. */
#define EVENT_BYTES_MAX 4096
bool event_came_packed(struct client *c, const struct event *e);
/* What became of one that event() took: it arrived, or it never will. The game
 * is told once, by whichever comes first: this, its time, the client's end. */
void event_done(struct client *c, uint64_t number, bool arrived);

/* ---- for the rest of netd
 * ----------------------------------------------------- */

/* The game's frame: NULL, or what is wrong with it. */
const char *event_send(struct link *l, const struct ipc_frame *f);
const char *event_answer(struct link *l, const struct ipc_frame *f);
/* The client said that it has it, perhaps with an answer (or NULL). */
void
event_got(struct client *c, uint64_t number, const struct ipc_value *answer);
/* The client goes away: what waits for it has failed. */
void event_forget(struct client *c);
/* Those of a client's that are late have failed. */
void events_sweep(struct client *c);

#endif
