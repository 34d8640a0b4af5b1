/*
 * password.c - scrypt of OpenSSL, with a salt for each.
 */
#include "password.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

enum { SALT = 16, HASH = 32 };

static void
to_hex(const uint8_t *bytes, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++)
		sprintf(out + 2 * i, "%02x", bytes[i]);
}

static bool
from_hex(const char *text, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned byte;

		if (strspn(text + 2 * i, "0123456789abcdef") < 2 ||
		    sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		out[i] = (uint8_t)byte;
	}
	return true;
}

static bool
compute(const char *password, long cost, const uint8_t salt[SALT],
    uint8_t hash[HASH])
{
	return cost >= PASSWORD_COST_MIN && cost <= PASSWORD_COST_MAX &&
	       EVP_PBE_scrypt(password, strlen(password), salt, SALT,
		   UINT64_C(1) << cost, 8, 1, UINT64_C(256) << 20, hash,
		   HASH) == 1;
}

bool
password_hash(const char *password, long cost, char hashed[PASSWORD_HASHED])
{
	uint8_t salt[SALT], hash[HASH];
	char salt_hex[2 * SALT + 1], hash_hex[2 * HASH + 1];

	if (RAND_bytes(salt, SALT) != 1 || !compute(password, cost, salt, hash))
		return false;
	to_hex(salt, SALT, salt_hex);
	to_hex(hash, HASH, hash_hex);
	snprintf(hashed, PASSWORD_HASHED, "scrypt$%ld$%s$%s", cost, salt_hex,
	    hash_hex);
	return true;
}

bool
password_is(const char *password, const char *hashed)
{
	uint8_t salt[SALT], hash[HASH], is[HASH];
	char salt_hex[2 * SALT + 1], hash_hex[2 * HASH + 1];
	long cost;

	return sscanf(hashed, "scrypt$%2ld$%32[0-9a-f]$%64[0-9a-f]", &cost,
		   salt_hex, hash_hex) == 3 &&
	       strlen(salt_hex) == 2 * SALT && strlen(hash_hex) == 2 * HASH &&
	       from_hex(salt_hex, salt, SALT) &&
	       from_hex(hash_hex, hash, HASH) &&
	       compute(password, cost, salt, is) &&
	       CRYPTO_memcmp(hash, is, HASH) == 0;
}
