/*
 * width.h - columns that characters take on a terminal.
 */
#ifndef IPC_WIDTH_H
#define IPC_WIDTH_H

#include <stdint.h>

/* 0 (it stands on the one before), 1, or 2. */
unsigned ipc_width(uint32_t character);

#endif
