/*
 * peer.c - what handshakes found out, kept once for all who said the same.
 *
 * Most players of a game ask for one path from one page, so who has finished
 * a handshake shares what one of the last few others said. Whoever changes a
 * word later (a terminal's size) gets a copy of its own first.
 */
#include "netd/netd.h"

#include <stdlib.h>
#include <string.h>

#define WORDS 7

/* The words of a peer, to walk over. */
static char **
word(struct peer *p, unsigned i)
{
	char **const words[WORDS] = { &p->path, &p->query, &p->origin,
		&p->cookies, &p->subprotocol, &p->real, &p->terminal };

	return words[i];
}

void
peer_drop(struct peer *p)
{
	if (p == NULL || --p->refs)
		return;
	for (unsigned i = 0; i < WORDS; i++)
		free(*word(p, i));
	free(p);
}

static struct peer *
copy(struct peer *from)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->refs = 1;
	p->columns = from->columns;
	p->rows = from->rows;
	for (unsigned i = 0; i < WORDS; i++) {
		const char *text = *word(from, i);

		*word(p, i) = text ? strdup(text) : NULL;
		if (text && *word(p, i) == NULL) {
			peer_drop(p);
			return NULL;
		}
	}
	return p;
}

struct peer *
client_peer(struct client *c)
{
	struct peer *own = c->peer;

	if (own == NULL) {
		c->peer = calloc(1, sizeof(*c->peer));
		if (c->peer)
			c->peer->refs = 1;
	} else if (own->refs > 1) {
		own = copy(c->peer);
		if (own == NULL)
			return NULL;
		peer_drop(c->peer);
		c->peer = own;
	}
	return c->peer;
}

static bool
same(struct peer *a, struct peer *b)
{
	for (unsigned i = 0; i < WORDS; i++) {
		const char *p = *word(a, i), *q = *word(b, i);

		if (p != q && (p == NULL || q == NULL || strcmp(p, q) != 0))
			return false;
	}
	return a->columns == b->columns && a->rows == b->rows;
}

void
peer_share(struct client *c)
{
	struct netd *n = c->netd;
	struct peer **oldest = &n->peers[n->peers_at];

	if (c->peer == NULL)
		return;
	for (unsigned i = 0; i < PEERS_KEPT; i++) {
		struct peer *p = n->peers[i];

		if (p == NULL || !same(p, c->peer))
			continue;
		p->refs++;
		peer_drop(c->peer);
		c->peer = p;
		return;
	}
	n->peers_at = (n->peers_at + 1) % PEERS_KEPT;
	peer_drop(*oldest);
	*oldest = c->peer;
	c->peer->refs++;
}

void
peers_release(struct netd *n)
{
	for (unsigned i = 0; i < PEERS_KEPT; i++)
		peer_drop(n->peers[i]);
}
