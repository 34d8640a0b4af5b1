/*
 * password.h - passwords as they may lie in a file.
 */
#ifndef MUD_STORE_PASSWORD_H
#define MUD_STORE_PASSWORD_H

#include <stdbool.h>

#define PASSWORD_HASHED 128
#define PASSWORD_COST_MIN 4
#define PASSWORD_COST_MAX 17

/* "scrypt$14$salt$hash" for a password, with dice of its own. cost: memory and
 * time double with each (14: 16 MiB and some 40 ms). False: it did not work. */
bool
password_hash(const char *password, long cost, char hashed[PASSWORD_HASHED]);
/* Is it this password? Takes as long for a wrong one. */
bool password_is(const char *password, const char *hashed);

#endif
