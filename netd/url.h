/*
 * url.h - listeners and outgoing connections are URLs:
 *
 *   ws://0.0.0.0:8080/play?www=DIR&idle=60s&loss=5%&delay=80ms&seed=7
 *   unix:///run/game.sock     line://[::1]:4000     tcp://example.org:5010
 *
 * The query holds settings: rows of config.c by their short name, and the
 * words of the bad network. Unknown words are errors, not ignored.
 */
#ifndef NETD_URL_H
#define NETD_URL_H

#include "netd/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listener;
struct transport;

/* What the bad network does, all zero: nothing. */
struct bad {
	bool on;
	uint64_t seed;
	double loss, dup, reorder, cut; /* 0 to 1 */
	int64_t delay_us, jitter_us;
	int64_t bytes_per_s; /* 0: no limit */
};

struct url {
	const struct transport *transport;
	struct listener *listener; /* of it; NULL: outgoing, or closed */
	char host[256];            /* "*" for every address; empty on unix:// */
	uint16_t port;
	char path[1024];       /* with its slash; a file for unix:// */
	char www[1024];        /* directory of static files, or empty */
	char origin[512];      /* the only Origin let in, or empty for all */
	char subprotocol[128]; /* the one chosen if offered, or empty */
	uint8_t speak;         /* enum speak: of typed messages */
	struct config config;  /* the limits for connections of this URL */
	struct bad bad;
	char text[2048]; /* as it was given */
};

/*
 * Parse text into *u. defaults: what limits hold where the query says
 * nothing. Returns true, or false with one line in why (without the URL
 * itself), ready for "cannot listen on 'URL': why".
 */
bool url_parse(struct url *u, const char *text, const struct config *defaults,
    char *why, size_t why_size);

#endif
