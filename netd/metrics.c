/*
 * metrics.c - the counters as Prometheus text. One row a figure: what has no
 * row here is not shown.
 */
#include "netd/metrics.h"

#include "netd/netd.h"

#include <inttypes.h>
#include <stddef.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct counter {
	const char *name, *help;
	size_t offset; /* in struct metrics */
} counters[] = {
#define ROW(name, field, help)                              \
	{                                                   \
		name, help, offsetof(struct metrics, field) \
	}
	ROW("accepted_total", accepted, "Connections taken from listeners"),
	ROW("messages_in_total", messages_in, "Messages from players"),
	ROW("messages_out_total", messages_out, "Messages to players"),
	ROW("bytes_in_total", bytes_in, "Bytes read from sockets"),
	ROW("bytes_out_total", bytes_out, "Bytes written to sockets"),
	ROW("datagrams_in_total", datagrams_in, "Datagrams received"),
	ROW("datagrams_out_total", datagrams_out, "Datagrams sent"),
	ROW("datagrams_lost_total", datagrams_lost,
	    "Datagrams that the system did not take"),
	ROW("datagrams_dropped_total", datagrams_dropped,
	    "Datagrams that came faster than they were read"),
	ROW("datagrams_bad_total", datagrams_bad,
	    "Datagrams that made no sense where they came"),
	ROW("datagrams_over_total", datagrams_over,
	    "Datagrams over the rate of their address"),
	ROW("unproven_total", unproven,
	    "Answers to addresses that had proven nothing yet"),
	ROW("frames_up_total", frames_up, "Frames laid down for the game"),
	ROW("frames_down_total", frames_down, "Frames taken from the game"),
	ROW("writes_up_total", writes_up, "System calls that wrote to it"),
	ROW("reads_down_total", reads_down, "System calls that read from it"),
	ROW("malformed_total", malformed, "Typed messages that were refused"),
	ROW("state_deltas_total", deltas, "Deltas of states that were told"),
	ROW("state_bytes_total", delta_bytes, "Bytes of these"),
	ROW("events_in_total", events_in, "Events of players"),
	ROW("events_out_total", events_out, "Events to players"),
	ROW("events_failed_total", events_failed,
	    "Events to players that did not arrive"),
	ROW("dropped_total", dropped, "Messages not sent to slow players"),
	ROW("turns_total", turns, "Turns of the loop"),
	ROW("busy_poll_us_total", busy_poll_us,
	    "Time waited awake, in us; see busy_poll_us"),
	ROW("input_holds_total", input_holds, "Times that nobody was read"),
	ROW("out_of_fds_total", out_of_fds, "Connections without descriptor"),
	ROW("links_broken_total", links_broken, "Games that broke the pipe"),
	ROW("checkpoints_total", checkpoints, "Copies of the game that froze"),
	ROW("checkpoint_us_total", checkpoint_us, "What these took, in us"),
	ROW("game_deaths_total", game_deaths, "Games that died"),
	ROW("recoveries_total", recoveries, "Games that came back"),
	ROW("away_total", away, "Players who lost their line and may be back"),
	ROW("back_total", back, "Lines that took the place of another"),
	ROW("jobs_done_total", jobs_done, "Jobs that workers answered"),
	ROW("jobs_failed_total", jobs_failed, "Jobs that came to nothing"),
	ROW("jobs_retried_total", jobs_retried, "Jobs that were tried again"),
	ROW("worker_deaths_total", worker_deaths, "Workers that died"),
	ROW("side_in_total", side_in, "Out-of-band messages from players"),
	ROW("side_out_total", side_out, "Out-of-band messages to players"),
	ROW("side_bad_total", side_bad, "Out-of-band messages that were none"),
	ROW("poisoned_total", poisoned, "Messages that were set aside"),
#undef ROW
};

static bool
put(struct ipc_buf *out, const char *name, const char *type, const char *help,
    uint64_t value)
{
	return ipc_buf_printf(out,
	    "# HELP penstock_%s %s.\n# TYPE penstock_%s %s\n"
	    "penstock_%s %" PRIu64 "\n",
	    name, help, name, type, name, value);
}

static bool
put_closed(struct ipc_buf *out, const struct metrics *m)
{
	bool good = ipc_buf_printf(out,
	    "# HELP penstock_closed_total Connections that ended.\n"
	    "# TYPE penstock_closed_total counter\n");

	for (unsigned i = 1; good && i < IPC_REASON_END; i++)
		good = ipc_buf_printf(out,
		    "penstock_closed_total{reason=\"%s\"} %" PRIu64 "\n",
		    ipc_reason_name(i), m->closed[i]);
	return good;
}

/* ---- lines ----------------------------------------------------------------
 */

/* Up to and with so many; what they are in milliseconds and percent too. */
static const double rtt_bounds[METRICS_BOUNDS] = { 0.01, 0.02, 0.035, 0.05,
	0.075, 0.1, 0.15, 0.25, 0.5, 1 };
static const double loss_bounds[METRICS_BOUNDS] = { 0, 0.002, 0.005, 0.01, 0.02,
	0.05, 0.1, 0.2, 0.35, 0.5 };

static void
count(struct metrics_spread *s, const double *bounds, double value)
{
	unsigned i = 0;

	while (i < METRICS_BOUNDS && value > bounds[i])
		i++;
	s->buckets[i]++;
	s->sum += value;
}

void
metrics_look(struct client *c)
{
	struct line_quality q;
	unsigned i = 0;

	if (c->transport->quality == NULL || !c->transport->quality(c, &q))
		return;
	while (transport_at(i) && transport_at(i) != c->transport)
		i++;
	if (i >= METRICS_TRANSPORTS)
		return;
	count(&c->netd->metrics.lines[i].rtt, rtt_bounds, q.rtt_s);
	count(&c->netd->metrics.lines[i].loss, loss_bounds, q.loss);
}

static bool
put_spread(struct ipc_buf *out, const char *name, const char *transport,
    const struct metrics_spread *s, const double *bounds)
{
	uint64_t all = 0;
	bool good = true;

	for (unsigned i = 0; good && i < METRICS_BOUNDS; i++) {
		all += s->buckets[i];
		good = ipc_buf_printf(out,
		    "penstock_%s_bucket{transport=\"%s\",le=\"%g\"} %" PRIu64
		    "\n",
		    name, transport, bounds[i], all);
	}
	all += s->buckets[METRICS_BOUNDS];
	return good &&
	       ipc_buf_printf(out,
		   "penstock_%s_bucket{transport=\"%s\",le=\"+Inf\"} %" PRIu64
		   "\npenstock_%s_sum{transport=\"%s\"} %.9g\n"
		   "penstock_%s_count{transport=\"%s\"} %" PRIu64 "\n",
		   name, transport, all, name, transport, s->sum, name,
		   transport, all);
}

/* Those of every transport that can tell, also while it has nobody. */
static bool
put_lines(struct ipc_buf *out, const struct metrics *m, bool loss)
{
	const char *name = loss ? "line_loss_ratio" : "line_rtt_seconds";
	const struct transport *t;
	bool good = ipc_buf_printf(out,
	    "# HELP penstock_%s %s of each line, looked at once a second.\n"
	    "# TYPE penstock_%s histogram\n",
	    name, loss ? "Datagrams lost, 0 to 1," : "Round trip", name);

	for (unsigned i = 0; good && i < METRICS_TRANSPORTS; i++) {
		t = transport_at(i);
		if (t == NULL)
			break;
		if (t->quality)
			good = put_spread(out, name, t->name,
			    loss ? &m->lines[i].loss : &m->lines[i].rtt,
			    loss ? loss_bounds : rtt_bounds);
	}
	return good;
}

static bool
put_gauges(struct ipc_buf *out, const struct netd *n)
{
	const struct {
		const char *name, *help;
		uint64_t value;
	} rows[] = {
		{ "clients", "Connections, handshakes included", n->n_clients },
		{ "playing", "Connections that the game knows", n->n_playing },
		{ "listeners", "Open listeners", n->n_listeners },
		{ "queued_bytes", "Waiting for all players", n->queued_bytes },
		{ "unsent_bytes", "Waiting for the game",
		    n->link->journal.unsent },
		{ "jobs", "Jobs that are not done", n->n_jobs },
		{ "input_held", "1 while nobody is read", n->input_held },
		{ "game", "1 while a game is attached",
		    n->link->phase == LINKED },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (!put(out, rows[i].name, "gauge", rows[i].help,
			rows[i].value))
			return false;
	return true;
}

bool
metrics_print(const struct netd *n, struct ipc_buf *out)
{
	for (size_t i = 0; i < COUNT(counters); i++) {
		const char *base = (const char *)&n->metrics;
		const uint64_t *value =
		    (const void *)(base + counters[i].offset);

		if (!put(out, counters[i].name, "counter", counters[i].help,
			*value))
			return false;
	}
	return put_closed(out, &n->metrics) &&
	       put_lines(out, &n->metrics, false) &&
	       put_lines(out, &n->metrics, true) && put_gauges(out, n);
}
