/*
 * netd.h - struct netd, and the headers of its rooms.
 *
 * There is no global state: everything hangs off struct netd. Each header says
 * what its files do; README.md follows one byte through them. What only few
 * files name is not here: side.h, jobs.h, talk.h, state.h, event.h, resume.h.
 */
#ifndef NETD_NETD_H
#define NETD_NETD_H

#include "ipc/buf.h"
#include "netd/awake.h"
#include "netd/client.h"
#include "netd/clients.h"
#include "netd/config.h"
#include "netd/connect.h"
#include "netd/control.h"
#include "netd/crash.h"
#include "netd/groups.h"
#include "netd/journal.h"
#include "netd/link.h"
#include "netd/listen.h"
#include "netd/lock.h"
#include "netd/metrics.h"
#include "netd/outq.h"
#include "netd/play.h"
#include "netd/record.h"
#include "netd/recover.h"
#include "netd/returns.h"
#include "netd/speak.h"
#include "netd/stop.h"
#include "netd/terminal.h"
#include "netd/timers.h"
#include "netd/transport.h"
#include "netd/upgrade.h"
#include "netd/url.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address_count;
struct client;
struct datagrams;
struct jobs;
struct operator;
struct peer;
struct resolver;
struct returning;
struct slice;

struct netd {
	struct ev_loop *loop;
	struct config config;
	struct metrics metrics;
	struct link *link;
	struct listener *listeners;
	uint32_t n_listeners, last_listener;
	/* clients.c */
	struct client **table; /* open addressing by id */
	size_t table_size, n_clients, n_playing;
	uint64_t last_id;
	struct client *pending, *playing; /* lists */
	struct client *dirty, *gone, *throttled;
	struct client *sweep_at;
	unsigned sweeps;
	int in_fd, out_fd; /* epoll sets: readable, writable */
	ev_io in_io, out_io;
	bool input_held;
	struct epoll_event *events, *out_events;
	int n_events, event_at; /* of events: those from event_at are to come */
	bool full_turn;         /* there is more to read than one turn takes */
	uint8_t *scratch;       /* config.read_bytes */
	struct slice *arena;
	size_t arena_used;
	struct segs spare_segs;
#define PEERS_KEPT 16
	struct peer *peers[PEERS_KEPT]; /* the last that differed */
	unsigned peers_at;
	size_t queued_bytes;    /* of all clients */
	struct ipc_buf written; /* look.c */
	size_t mccp_bytes;      /* mccp.c: of all who are compressed */
	struct address_count *addresses;
	ev_timer sweep, throttle;
	ev_prepare turn;
	ev_check woken;
	struct awake awake;
	int64_t now_us; /* at the last look at the clock */
	/* listen.c */
	int spare_fd; /* given up to answer when there are no descriptors */
	ev_timer accept_again;
	bool accept_paused, told_no_fds;
	struct resolver *resolver;
	/* returns.c */
	uint8_t token_key[32];
	bool has_token_key;
	struct returning *returns;   /* uthash */
	struct datagrams *datagrams; /* datagram.c: its sockets */
	/* control.c */
	int control_fd, wait_fd;
	int wait_dir_fd; /* locked while it waits in that folder */
	int tty_fd;      /* the terminal that the launcher handed over; or -1 */
	ev_io control_io, wait_io;
	char wait_path[108];
	bool launched; /* ends with its launcher */
	/* stop.c */
	ev_signal on_int, on_term;
	ev_timer stop_hard;
	int stops;
	bool draining;
	int status;
	const char *notice; /* for players without a game, or NULL */
	int64_t began_us;
	int64_t clock_base_us; /* real minus monotonic time, at the start */
	struct upgrade upgrade;
	struct jobs *jobs;
	size_t n_jobs;                    /* that are not done */
	struct journal_pool journal_pool; /* of all links */
	struct recorder record;
	struct crashes crashes;
	struct play *play;         /* or NULL */
	struct operator* operator; /* NULL: none */
	bool watched;              /* operator_saw() wants to see every frame */
	struct lock lock;
};

/* Microseconds since 1970, never going back: when this turn began. */
int64_t netd_now(const struct netd *n);
uint64_t netd_seed(void);

#endif
