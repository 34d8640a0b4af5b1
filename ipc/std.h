/*
 * std.h - descriptors 0 to 2, and printing to them.
 */
#ifndef IPC_STD_H
#define IPC_STD_H

#include <stdbool.h>
#include <stddef.h>

/* They are what they seem, whoever started us: where one is closed, /dev/null
 * is opened, so no pipe, file or socket of ours may become somebody's output.
 * The first thing that a program does. */
void ipc_std_open(void);
/* All n bytes, however often a signal cuts it. False: errno says why not. */
bool ipc_write_all(int fd, const void *bytes, size_t n);

#endif
