/*
 * pass.h - what a program shows in place of a password for a while: random,
 * known to nobody else, and kept here only as its hash.
 */
#ifndef MUD_STORE_PASS_H
#define MUD_STORE_PASS_H

#include <stdbool.h>

#define PASS_SIZE 33
#define PASS_HASHED 65
/* From when it was made; as text, for SQL. */
#define PASS_LASTS_S "604800"

/* 128 random bits as hexadecimal digits. */
bool pass_make(char pass[PASS_SIZE]);
/* So random a word needs no salt and no slow hash: SHA-256. */
bool pass_hash(const char *pass, char hashed[PASS_HASHED]);
/* In a time that does not tell how much of it is right. */
bool pass_same(const char *one, const char *two);

#endif
