/*
 * pass.c - passes: made, hashed, compared.
 */
#include "pass.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

static void
to_hex(const uint8_t *bytes, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

bool
pass_make(char pass[PASS_SIZE])
{
	uint8_t bytes[PASS_SIZE / 2];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	to_hex(bytes, sizeof(bytes), pass);
	return true;
}

bool
pass_hash(const char *pass, char hashed[PASS_HASHED])
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(pass, strlen(pass), hash, &len, EVP_sha256(), NULL) !=
		1 ||
	    2 * len + 1 != PASS_HASHED)
		return false;
	to_hex(hash, len, hashed);
	return true;
}

bool
pass_same(const char *one, const char *two)
{
	return strlen(one) == strlen(two) &&
	       CRYPTO_memcmp(one, two, strlen(one)) == 0;
}
