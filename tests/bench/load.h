/*
 * load.h - the load generator: one epoll loop that plays many players.
 *
 * load.c reads the command line, measures and prints; modes.c says what the
 * players do; drive.c opens, reads and writes their sockets.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "tests/bench/codec.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first bytes of each message: sender and number, four letters each. */
#define STAMP 8

struct load;
struct conn;

struct mode {
	const char *name;
	const char *what; /* for the usage text */
	bool recycles;    /* connections never all stand at once */
	/* All connections stand: the first messages leave. May be NULL. */
	void (*begin)(struct load *l);
	/* One connection's handshake is done. May be NULL. */
	void (*opened)(struct load *l, struct conn *c);
	/* One message came; load_fail() if it is a wrong one. */
	void (*message)(
	    struct load *l, struct conn *c, const uint8_t *bytes, size_t len);
	/* One read brought count messages. May be NULL. */
	void (*after)(struct load *l, struct conn *c, unsigned count);
	/* Once a turn of the loop. May be NULL. */
	void (*turn)(struct load *l);
};

enum state { CONN_OFF, CONN_CONNECTING, CONN_UPGRADING, CONN_OPEN };

struct conn {
	int fd;
	uint32_t index;
	uint16_t sent, got; /* numbers of messages */
	uint64_t version;   /* follow: of its state */
	uint8_t state;
	bool idle;     /* opened and left alone */
	bool begun;    /* tick: the first number was seen */
	uint8_t *part; /* owned: the start of a message */
	uint32_t part_len;
	uint8_t *late; /* owned: what the socket did not take yet */
	uint32_t late_len;
	int64_t sent_ns; /* of the one message in flight */
	int64_t got_ns;  /* when the last came, 0: none yet */
};

/* How often which duration was seen, within 1.6 %. */
struct hist {
	uint64_t count[128 * 58];
	uint64_t total;
	int64_t worst;
};

void hist_add(struct hist *h, int64_t ns);
/* The duration that this share (0 to 1) of them does not pass; 0: none. */
int64_t hist_at(const struct hist *h, double share);

struct options {
	const struct mode *mode;
	enum codec codec;
	struct sockaddr_in to;
	char host[64], path[256];
	long conns, idle, window, size, burst, parallel, inputs, session;
	int64_t warm_ns, time_ns, hold_ns, setup_ns;
	bool latency;
};

struct load {
	struct options o;
	struct conn *conns; /* o.conns that play, then o.idle that do not */
	size_t total;
	size_t started, open;
	int epoll;
	bool begun;
	int64_t now_ns;
	uint64_t messages; /* since the measurement began */
	uint64_t bytes;    /* of them */
	uint64_t all;      /* since the start */
	uint64_t sent;     /* fan: messages for everybody; tick: inputs */
	size_t next;       /* tick: whose input is next */
	int64_t inputs_ns; /* tick: when inputs began; snake: the last turn */
	char name[24];     /* snake: the player's */
	struct hist hist;
	uint8_t *text;   /* one message's bytes */
	uint8_t *frames; /* ready to send but for their stamps */
	size_t frame, head;
	uint32_t mask;
	char problem[256]; /* empty: none */
};

int64_t now_ns(void);
/* The measurement ends here, with this as its only result. */
void load_fail(struct load *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- drive.c ------------------------------------------------------------ */

/* Allocate the connections and the prepared frames. False: load_fail(). */
bool drive_init(struct load *l);
void drive_release(struct load *l);
/* Start the handshake of a connection that is off. */
void drive_start(struct load *l, struct conn *c);
/* Cut it with a reset, so that its port is free at once. */
void drive_cut(struct load *l, struct conn *c);
/* Send count messages of the prepared frames, each with its stamp. */
void drive_send(struct load *l, struct conn *c, unsigned count);
/* Send one message of any text, up to 100 bytes. */
void drive_say(struct load *l, struct conn *c, const char *text, size_t len);
/* One turn: wait at most wait_ms and serve what is there. */
void drive_turn(struct load *l, int wait_ms);

/* ---- modes.c ------------------------------------------------------------ */

/* The stamp of a message. */
uint64_t stamp_of(uint16_t sender, uint16_t number);
const struct mode *mode_find(const char *name, size_t len);
const struct mode *mode_at(size_t i);

#endif
