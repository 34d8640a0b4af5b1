/*
 * telnet_session.h - what a telnet connection keeps. Shared by tr_telnet.c
 * (lines, prompts, the echo) and telnet_says.c (what the client is), nobody
 * else's.
 */
#ifndef NETD_TELNET_SESSION_H
#define NETD_TELNET_SESSION_H

#include "netd/line_edit.h"
#include "netd/netd.h"
#include "netd/telnet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* TTYPE: name of the client, of the terminal, MTTS, and the repetition. */
#define TTYPES_MAX 4
#define TTYPE_LONGEST 24

/* c->codec */
struct session {
	struct telnet telnet;
	struct line_edit edit;
	bool midline; /* the cursor stands behind a prompt */
	bool marked;  /* and it was marked as one */
	bool hidden;  /* the game asked for no echo */
	bool theirs;  /* the client itself asked for our echo */
	bool past_first, told_mssp, sized;
	uint8_t ttypes; /* answers so far */
	uint16_t columns, rows;
	int64_t drawn_us;
	char last_type[TTYPE_LONGEST + 1];
	char terminal[65]; /* all answers, as the game gets them */
	bool told_mtts;    /* its MTTS said what it can */
	bool told_charset; /* it agreed on a character set */
};

static inline struct session *
session(const struct client *c)
{
	return c->codec;
}

/* ---- telnet_says.c ------------------------------------------------------- */

void telnet_ask_type(struct client *c);
void telnet_ask_charset(struct client *c);
void telnet_tell_mssp(struct client *c);
/* A size that came too often waits until it may be told. */
void telnet_tell_size(struct client *c);
void telnet_on_size(struct client *c, const uint8_t *b, size_t len);
void telnet_on_type(struct client *c, const uint8_t *bytes, size_t len);
void telnet_on_charset(struct client *c, const uint8_t *p, size_t len);
/* The bits of MTTS, in digits. */
void telnet_learn_mtts(struct client *c, const char *digits);

/* ---- telnet_environ.c, telnet_linemode.c --------------------------------- */

void telnet_ask_environ(struct client *c);
/* True: go on feeding. */
bool telnet_on_environ(struct client *c, const uint8_t *bytes, size_t len);
void telnet_ask_linemode(struct client *c);
void telnet_on_linemode(struct client *c, const uint8_t *p, size_t len);

#endif
