/*
 * pg_player.h - a client of PyGaSe's protocol as the wire has it, without its
 * faults: acks what it has, also before a gap; repeats an event a second after
 * it was sent if that datagram was not acknowledged; takes newer state alone.
 */
#ifndef TESTS_LIB_PG_PLAYER_H
#define TESTS_LIB_PG_PLAYER_H

#include "ipc/value.h"
#include "netd/pygase.h"

#define PG_EVENTS 4096

struct pg_player {
	int fd;
	struct pygase_seen seen;
	uint16_t sequence; /* of its last datagram */
	uint16_t holds;
	struct ipc_value *state;  /* a map */
	int64_t next_ms;          /* its next datagram */
	unsigned received, heard; /* datagrams, events */
	size_t bytes;             /* received */
	unsigned fatal;           /* what PyGaSe's client would have died of */
	/* Events: those said, and what came of them. */
	unsigned said, acked;
	struct pg_said {
		char name[24];
		uint8_t bytes[200];
		size_t len;
		uint16_t in;   /* the datagram; 0: it waits */
		int64_t at_ms; /* when that was */
		bool acked;
	} * events;
	/* Of each event ECHO(number) that came back, how often. */
	uint8_t echoed[PG_EVENTS];
};

/* To a pygase:// URL, from a local address or NULL; ends with the case. */
struct pg_player *pg_player_new(const char *url, const char *from);
/* An event with one number; it is sent with the next datagram. */
void pg_player_say(struct pg_player *p, const char *type, unsigned number);
/* Take what came, send what is due: call it again and again. */
void pg_player_run(struct pg_player *p);
/* Until it is in the game; fails after KIT_WAIT_MS. */
void pg_player_enter(struct pg_player *p);
/* Send a datagram now. */
void pg_player_speak(struct pg_player *p);

#endif
