/*
 * returns.c - players of a netd that died.
 *
 * The game, which lives on, says who was there and with which tag. The secrets
 * of tokens are made from a key that the launcher gives to each netd in turn,
 * so a token of the one before can be told from a guess. Who shows one in time
 * is let in as itself: under its number, with its tag. What its old line still
 * owed died with the netd that knew it, and both ends are told so.
 */
#include "netd/netd.h"
#include "netd/resume.h"

#include "ipc/log.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct returning {
	uint64_t id;
	UT_hash_handle hh;
	size_t len;
	uint8_t tag[];
};

void
returns_key(struct netd *n, const char *digits)
{
	if (strlen(digits) != 2 * sizeof(n->token_key))
		return;
	for (size_t i = 0; i < sizeof(n->token_key); i++) {
		unsigned byte;

		if (sscanf(digits + 2 * i, "%2x", &byte) != 1)
			return;
		n->token_key[i] = (uint8_t)byte;
	}
	n->has_token_key = true;
}

void
returns_secret(struct netd *n, uint64_t id, uint8_t *secret)
{
	uint8_t all[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	/* Nobody starts another netd after this one. */
	if (!n->has_token_key &&
	    RAND_bytes(n->token_key, sizeof(n->token_key)) != 1)
		abort();
	n->has_token_key = true;
	if (HMAC(EVP_sha256(), n->token_key, sizeof(n->token_key),
		(const uint8_t *)&id, sizeof(id), all, &len) == NULL ||
	    len < RESUME_SECRET)
		abort();
	memcpy(secret, all, RESUME_SECRET);
}

bool
returns_add(struct netd *n, uint64_t id, const uint8_t *tag, size_t len)
{
	struct returning *r;

	HASH_FIND(hh, n->returns, &id, sizeof(id), r);
	if (r || HASH_COUNT(n->returns) >= (size_t)n->config.clients_max ||
	    client_find(n, id))
		return true;
	r = malloc(sizeof(*r) + len);
	if (r == NULL)
		return false;
	r->id = id;
	r->len = len;
	if (len)
		memcpy(r->tag, tag, len);
	HASH_ADD(hh, n->returns, id, sizeof(r->id), r);
	return true;
}

bool
returns_knows(const struct client *line, const struct resume_token *t)
{
	struct netd *n = line->netd;
	uint8_t secret[RESUME_SECRET];
	struct returning *r;

	HASH_FIND(hh, n->returns, &t->id, sizeof(t->id), r);
	if (r == NULL ||
	    netd_now(n) - n->began_us > line->url->config.resume_ms * 1000)
		return false;
	returns_secret(n, t->id, secret);
	return CRYPTO_memcmp(secret, t->secret, RESUME_SECRET) == 0;
}

void
returns_take(struct client *c, uint64_t id)
{
	struct netd *n = c->netd;
	struct returning *r;

	HASH_FIND(hh, n->returns, &id, sizeof(id), r);
	if (r == NULL || client_find(n, id) || (r->len && !client_rare(c)) ||
	    (r->len && !ipc_buf_add(&c->rare->tag, r->tag, r->len)))
		return;
	ipc_log(IPC_LOG_INFO, "returned", "conn=%llu line=%llu",
	    (unsigned long long)id, (unsigned long long)c->id);
	clients_rename(c, id);
	c->known = true;
	HASH_DEL(n->returns, r);
	free(r);
}

void
returns_release(struct netd *n)
{
	struct returning *r, *next;

	HASH_ITER(hh, n->returns, r, next)
	{
		HASH_DEL(n->returns, r);
		free(r);
	}
}
