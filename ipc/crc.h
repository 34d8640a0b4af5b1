/*
 * crc.h - zlib's CRC-32, without zlib: games link this.
 */
#ifndef IPC_CRC_H
#define IPC_CRC_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of n more bytes; 0 to begin. */
uint32_t ipc_crc32(uint32_t crc, const void *bytes, size_t n);

#endif
