/*
 * pygase_update.h - a change of state cut into pieces that each fit one
 * datagram of PyGaSe's.
 *
 * Its clients merge maps deeply, so a map may be cut at any level: each piece
 * names the way down to where it goes on. A list, a text and bytes cannot be
 * cut; one that is too long for a datagram by itself is left out and counted.
 */
#ifndef NETD_PYGASE_UPDATE_H
#define NETD_PYGASE_UPDATE_H

#include "ipc/buf.h"
#include "ipc/value.h"
#include "netd/pygase.h"

struct pygase_update {
	struct ipc_buf bytes;
	struct pygase_cut {
		size_t off, len;
		uint32_t keys;
	} * cuts;
	size_t n, size;
	size_t left_out; /* values that no datagram can hold */
};

/* Cut a map. 0, IPC_ERR_NO_MEMORY; then there is nothing to release. An empty
 * map is one empty piece. */
int pygase_update_cut(struct pygase_update *u, const struct ipc_value *map);
void pygase_update_release(struct pygase_update *u);
/* Piece i, a view. */
struct pygase_piece
pygase_update_piece(const struct pygase_update *u, size_t i);

#endif
