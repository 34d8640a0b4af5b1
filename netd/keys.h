/*
 * keys.h - what a terminal sends, cut into keys. No I/O.
 */
#ifndef NETD_KEYS_H
#define NETD_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest of a terminal's sequences that is one key, in bytes. */
#define KEY_MAX 32

/*
 * How many of the n bytes (1 and more) at p are the first key; 0: it is not
 * whole yet, come again with more, which happens only below KEY_MAX bytes. A
 * key is a character of UTF-8, or a sequence that begins with ESC (an arrow, a
 * function key, a letter with Alt). A byte that can be neither is a key of its
 * own, and *text is false. An ESC that nothing follows is the key Esc: of a
 * sequence, a terminal sends all bytes at once.
 */
size_t key_length(const uint8_t *p, size_t n, bool *text);

#endif
