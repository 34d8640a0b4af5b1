/*
 * nearest.h - which word did they mean? For the lines that refuse one.
 */
#ifndef IPC_NEAREST_H
#define IPC_NEAREST_H

#include <stddef.h>

struct ipc_nearest {
	const char *asked; /* a view */
	char word[65];     /* the nearest so far, or "" */
	size_t away;       /* by so many slips of the finger */
};

void ipc_nearest_init(struct ipc_nearest *n, const char *asked);
/* A word there is: remembered if it is the nearest, and near enough. */
void ipc_nearest_look(struct ipc_nearest *n, const char *word);
/* " (did you mean 'WORD'?)", or "" if nothing is near. Returns out. */
const char *
ipc_nearest_say(const struct ipc_nearest *n, char *out, size_t size);

#endif
