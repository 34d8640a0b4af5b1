/*
 * std.h - descriptors 0 to 2.
 */
#ifndef IPC_STD_H
#define IPC_STD_H

/* They are what they seem, whoever started us: where one is closed, /dev/null
 * is opened, so no pipe, file or socket of ours may become somebody's output.
 * The first thing that a program does. */
void ipc_std_open(void);

#endif
