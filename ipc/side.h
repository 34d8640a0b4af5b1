/*
 * side.h - out-of-band messages: "Package.Sub json". Their names are checked
 * at both ends of the pipe, what stands behind them in netd.
 */
#ifndef IPC_SIDE_H
#define IPC_SIDE_H

#include <stddef.h>
#include <stdint.h>

/*
 * How long is the name at the beginning of n bytes? Words of a-z A-Z 0-9 _ -
 * with a dot between them, the first letter a letter, IPC_SIDE_NAME_MAX bytes
 * at the most, and then the end or a blank. 0: there is none.
 */
size_t ipc_side_name(const uint8_t *bytes, size_t n);

#endif
