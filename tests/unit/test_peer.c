/* links: netd/peer.c */
/*
 * netd/peer.c: what handshakes found out is kept once for all who said the
 * same, and whoever changes a word has a copy of their own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "netd/netd.h"

#define PLAYERS 40

static struct netd netd;
static struct client players[PLAYERS];

static void
begin(void)
{
	memset(&netd, 0, sizeof(netd));
	memset(players, 0, sizeof(players));
	for (int i = 0; i < PLAYERS; i++)
		players[i].netd = &netd;
}

/* Whoever still holds one gives it up: a sanitizer sees what is left. */
static void
end(void)
{
	for (int i = 0; i < PLAYERS; i++)
		peer_drop(players[i].peer);
	peers_release(&netd);
}

static void
says(int i, const char *path, const char *cookies)
{
	struct peer *p = client_peer(&players[i]);

	p->path = strdup(path);
	p->cookies = cookies ? strdup(cookies) : NULL;
	peer_share(&players[i]);
}

static void
who_says_the_same_shares_it(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < PLAYERS; i++)
		says(i, "/play", NULL);
	for (int i = 1; i < PLAYERS; i++)
		assert_ptr_equal(players[i].peer, players[0].peer);
	assert_int_equal(players[0].peer->refs, PLAYERS + 1);
	end();
}

static void
who_says_something_else_does_not(void **state)
{
	(void)state;
	begin();
	says(0, "/play", NULL);
	says(1, "/watch", NULL);
	says(2, "/play", "id=1");
	says(3, "/play", "id=2");
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < i; k++)
			assert_ptr_not_equal(players[i].peer, players[k].peer);
	assert_string_equal(players[2].peer->cookies, "id=1");
	assert_null(players[1].peer->cookies);
	end();
}

static void
a_change_is_ones_own(void **state)
{
	(void)state;
	begin();
	says(0, "/play", NULL);
	says(1, "/play", NULL);
	client_peer(&players[1])->columns = 132;
	assert_int_equal(players[0].peer->columns, 0);
	assert_int_equal(players[1].peer->columns, 132);
	assert_string_equal(players[1].peer->path, "/play");
	/* Alone with it, no copy is made. */
	assert_ptr_equal(client_peer(&players[1]), players[1].peer);
	end();
}

static void
who_leaves_takes_nothing_from_the_others(void **state)
{
	char path[16];

	(void)state;
	begin();
	/* More that differ than are remembered. */
	for (int i = 0; i < PLAYERS; i++) {
		snprintf(path, sizeof(path), "/%d", i / 2);
		says(i, path, NULL);
	}
	for (int i = 0; i < PLAYERS; i += 2) {
		peer_drop(players[i].peer);
		players[i].peer = NULL;
	}
	for (int i = 1; i < PLAYERS; i += 2) {
		snprintf(path, sizeof(path), "/%d", i / 2);
		assert_string_equal(players[i].peer->path, path);
	}
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_says_the_same_shares_it),
		cmocka_unit_test(who_says_something_else_does_not),
		cmocka_unit_test(a_change_is_ones_own),
		cmocka_unit_test(who_leaves_takes_nothing_from_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
