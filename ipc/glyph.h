/*
 * glyph.h - characters for terminals that do not know them all.
 */
#ifndef IPC_GLYPH_H
#define IPC_GLYPH_H

#include <stddef.h>
#include <stdint.h>

#define IPC_GLYPH_MAX 8

/* The character that begins n bytes (at least one), and how many bytes it has;
 * 0xfffd for a byte that begins none. */
size_t ipc_glyph_read(const uint8_t *bytes, size_t n, uint32_t *c);
/* As UTF-8. Returns how many bytes. */
size_t ipc_glyph_utf8(uint32_t c, uint8_t out[IPC_GLYPH_MAX]);
/* As ASCII, or as Latin-1 if that is set: what comes nearest. */
size_t ipc_glyph_plain(uint32_t c, int latin1, uint8_t out[IPC_GLYPH_MAX]);

#endif
