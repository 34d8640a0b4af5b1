/*
 * metrics.h - what netd counts. /metrics and netctl show it.
 */
#ifndef NETD_METRICS_H
#define NETD_METRICS_H

#include "ipc/buf.h"
#include "ipc/msg.h"

#include <stdint.h>

struct netd;

/*
 * How the lines of a transport over datagrams are: each that plays is looked
 * at once a second and counted in one bucket of each kind, so that these grow
 * with time and not with players.
 */
#define METRICS_BOUNDS 10
struct metrics_spread {
	uint64_t buckets[METRICS_BOUNDS + 1]; /* the last is beyond all */
	double sum;
};
struct metrics_lines {
	struct metrics_spread rtt, loss; /* seconds; 0 to 1 */
};
/* By the transport's row in transports.c. */
#define METRICS_TRANSPORTS 16

/* Counters since the start; each only rises. */
struct metrics {
	uint64_t accepted;
	uint64_t closed[IPC_REASON_END]; /* by reason */
	uint64_t messages_in, messages_out;
	uint64_t bytes_in, bytes_out;
	uint64_t frames_up, frames_down;
	uint64_t writes_up, reads_down; /* system calls on the pipes */
	uint64_t datagrams_in, datagrams_out;
	uint64_t datagrams_lost;    /* the socket did not take them */
	uint64_t datagrams_dropped; /* came while their socket was full */
	uint64_t datagrams_bad;     /* of no use to anybody */
	uint64_t datagrams_over;    /* over the rate of their address */
	uint64_t unproven;          /* answers to addresses not yet proven */
	uint64_t malformed;         /* typed messages that were refused */
	uint64_t dropped;      /* messages given up, as their class allows */
	uint64_t turns;        /* of the loop */
	uint64_t busy_poll_us; /* awake without anything to do */
	uint64_t input_holds;  /* times that players were not read */
	uint64_t out_of_fds;
	uint64_t links_broken;
	uint64_t checkpoints, checkpoint_us; /* taken, and what they cost */
	uint64_t away, back;
	uint64_t jobs_done, jobs_failed, jobs_retried, worker_deaths;
	uint64_t side_in, side_out, side_bad; /* out-of-band messages */
	uint64_t deltas, delta_bytes;         /* of states */
	uint64_t events_in, events_out, events_failed;
	uint64_t game_deaths, recoveries, poisoned, upgrades, hangs;
	struct metrics_lines lines[METRICS_TRANSPORTS];
};

struct client;
/* Look at a client's line, if its transport knows how it is. */
void metrics_look(struct client *c);

/* Prometheus text format 0.0.4. False: out is full. */
bool metrics_print(const struct netd *n, struct ipc_buf *out);

#endif
