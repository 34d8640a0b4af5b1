/*
 * game.c - begin and end: the handshake, the errors, the dice.
 */
#include "gamecore/core.h"
#include "gamecore/stores.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than one turn's output, whatever the largest frame. */
#define OUT_MAX (IPC_FRAME_MAX_MAX + OUT_GATHER + IPC_IMAGE_MAX)

/* The public header repeats the numbers of two catalogues. */
#define SAME(name) static_assert((int)GC_E##name == (int)IPC_ERR_##name, #name)
SAME(TIMEOUT);
SAME(CLOSED);
SAME(NETD_GONE);
SAME(STOPPED);
SAME(TOO_LONG);
SAME(INVALID);
SAME(NO_MEMORY);
SAME(SYSTEM);
SAME(PROTOCOL);
SAME(VERSION);
SAME(NO_LISTEN);
SAME(FULL);
SAME(NO_NETD);
SAME(LIMIT);
SAME(NOTHING);
SAME(CANCELLED);
SAME(FAILED);
SAME(CRASHED);
static_assert((int)GC_LEFT == (int)IPC_REASON_LEFT, "reasons");
static_assert((int)GC_NETD_GONE == (int)IPC_REASON_NETD_GONE, "reasons");
static_assert((int)GC_GAME_GONE == (int)IPC_REASON_GAME_GONE, "reasons");
static_assert((int)GC_GAME_GONE == (int)IPC_REASON_END - 1, "reasons");
static_assert((int)GC_LATEST == (int)IPC_LATEST, "classes");
static_assert((int)GC_DROPPABLE == (int)IPC_DROPPABLE, "classes");

/* ---- words -------------------------------------------------------------- */

const char *
gc_error_text(int error)
{
	return ipc_error_text(error);
}

const char *
gc_reason_name(unsigned reason)
{
	return ipc_reason_name(reason);
}

const char *
gc_reason_text(unsigned reason)
{
	return ipc_reason_text(reason);
}

const char *
gc_problem(const struct gc_net *net)
{
	return net->problem;
}

static void set_problem(struct gc_net *net, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void
set_problem(struct gc_net *net, const char *format, va_list ap)
{
	vsnprintf(net->problem, sizeof(net->problem), format, ap);
	/* One line, whoever wrote the text. */
	for (char *p = net->problem; *p; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
}

int
net_problem(struct gc_net *net, int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	set_problem(net, format, ap);
	va_end(ap);
	return error;
}

void
net_close(struct gc_net *net)
{
	if (net->up >= 0)
		close(net->up);
	if (net->down >= 0)
		close(net->down);
	net->up = net->down = -1;
}

int
net_fail(struct gc_net *net, int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	set_problem(net, format, ap);
	va_end(ap);
	net->failed = error;
	net->run_end = 0;
	net->out_end = 0;
	net_close(net);
	return error;
}

/* ---- life --------------------------------------------------------------- */

struct gc_net *
net_new(int up, int down)
{
	struct gc_net *net = calloc(1, sizeof(*net));

	if (net == NULL)
		return NULL;
	net->up = up;
	net->down = down;
	net->control = net->keeper = -1;
	net->hand = &net->hand_unread;
	net->frame_max = IPC_FRAME_MAX;
	ipc_reader_init(&net->in, IPC_FRAME_MAX);
	ipc_buf_init(&net->out, OUT_MAX);
	ipc_buf_init(&net->lend.other, OUT_MAX);
	ipc_buf_init(&net->backlog, 2 * BACKLOG_MAX + 2 * IPC_FRAME_MAX_MAX);
	ipc_buf_init(&net->scratch, IPC_FRAME_MAX_MAX + 1);
	ipc_buf_init(&net->printed, IPC_FRAME_MAX_MAX);
	ipc_buf_init(&net->restored, SNAPSHOT_MAX);
	ipc_buf_init(&net->snapshot, SNAPSHOT_MAX);
	ipc_buf_init(&net->returning, RETURNING_MAX);
	return net;
}

int
net_greet(struct gc_net *net, uint32_t pid)
{
	struct ipc_hello m = { .version = IPC_VERSION,
		.frame_max = IPC_FRAME_MAX_MAX,
		.conn_max = net->conn_max,
		.pid = pid,
		.game = net->game };

	int r = stream_put_msg(net, IPC_HELLO, 0, &m);

	return r < 0 ? r : typed_greet(net);
}

int
net_hello(struct gc_net *net, const char *game, uint32_t pid)
{
	struct ipc_frame f;
	int r;

	snprintf(net->game, sizeof(net->game), "%s", game);
	r = net_greet(net, pid);
	if (r == 0)
		r = stream_take(net, &f);
	if (r == 0)
		r = kind_arrive(net, &f);
	return r;
}

void
net_free(struct gc_net *net)
{
	net_close(net);
	ipc_reader_release(&net->in);
	lend_release(net);
	ipc_buf_release(&net->backlog);
	ipc_buf_release(&net->scratch);
	ipc_buf_release(&net->printed);
	ipc_buf_release(&net->restored);
	ipc_buf_release(&net->snapshot);
	who_clear(&net->event_who);
	who_clear(&net->asked_who);
	sessions_release(net);
	timed_release(net);
	typed_release(net);
	conns_release(&net->conns);
	listeners_release(net);
	respawn_release(net);
	jobs_release(net);
	stores_release(net);
	free(net);
}

void
gc_close(struct gc_net *net)
{
	struct ipc_frame bye = { .kind = IPC_BYE };
	bool well;
	int control;
	pid_t netd, crew;

	if (net == NULL)
		return;
	if (!net->failed && !net->worker[0] && stream_put(net, &bye, NULL) == 0)
		stream_commit(net, false);
	well = !net->failed && !net->down_gone;
	control = net->control;
	netd = net->netd;
	crew = net->crew;
	net_free(net);
	launch_end(control, netd, crew, well);
}

/* Listen everywhere. False: start says why not. */
static bool
listen_all(struct gc_net *net, const struct options *o, struct gc_start *start)
{
	for (const char *const *url = o->listen; url && *url; url++) {
		char *whole = where_url(start, *url);
		int r = whole
			    ? gc_listen(net, whole)
			    : net_problem(net, GC_ENO_MEMORY, "out of memory");

		free(whole);
		if (r < 0) {
			options_say(start, 1, "%s", gc_problem(net));
			return false;
		}
	}
	return true;
}

static int
declare_all(struct gc_net *net, const struct gc_start *start)
{
	const struct gc_type *const *t = start->types;
	int r = 0;

	for (; t && *t && r >= 0; t++)
		r = typed_add(net, *t);
	return r < 0 ? r : 0;
}

/* What was there before this game has been told, or fills the backlog. */
static bool
told_all(struct gc_net *net, struct gc_start *start)
{
	int r = 0;

	while (!net->live && r == 0)
		r = stream_step(net);
	if (r < 0 && r != GC_EFULL) {
		options_say(start, 1, "%s", gc_problem(net));
		return false;
	}
	net->opened = true;
	return true;
}

static struct gc_net *
begin(const struct launched *l, const struct options *o, struct gc_start *start)
{
	struct gc_net *net = net_new(l->up, l->down);
	char how[64];
	bool gone, launched = l->keeper >= 0;
	int status;

	if (net == NULL) {
		close(l->up);
		close(l->down);
		launch_end(l->control, l->netd, l->crew, false);
		options_say(start, 1, "out of memory");
		return NULL;
	}
	net->control = l->control;
	net->netd = l->netd;
	net->keeper = l->keeper;
	net->break_at = l->break_at;
	net->crew = l->crew;
	memcpy(net->worker, l->worker, sizeof(net->worker));
	if (l->hand)
		net->hand = l->hand;
	if (declare_all(net, start) < 0 ||
	    net_hello(net, start->name, l->pid) < 0)
		options_say(start, 1, "%s", gc_problem(net));
	else if (net->worker[0])
		return net;
	else if (listen_all(net, o, start) && told_all(net, start)) {
		/* A replay may be looked into; it hears nobody. */
		if (o->jail && !o->replay)
			jail(net);
		return net;
	}
	gone = net->failed == GC_ENETD_GONE;
	checkpoint_no_start(net);
	net_free(net);
	status = launch_end(l->control, l->netd, l->crew, false);
	if (!gone)
		return NULL;
	/* What became of netd its parent knows, and netd itself. A worker has
	 * a game that says so. */
	start->text = "";
	if (launched || l->worker[0] ||
	    (status >= 0 && launch_said_why(status)))
		return NULL;
	if (status < 0 && o->attach)
		launch_refused(o, start);
	else if (status < 0)
		options_say(start, 1, "netd ended before the game began");
	else
		options_say(start, 1, "netd ended before the game began: %s",
		    launch_how(status, how, sizeof(how)));
	return NULL;
}

struct gc_net *
gc_open(struct gc_start *start, int argc, char **argv)
{
	struct options o;
	struct launched l;
	struct gc_net *net = NULL;

	if (!options_read(&o, start, argc, argv))
		return NULL;
	if (launch(&l, &o, start, argv))
		net = begin(&l, &o, start);
	options_release(&o);
	return net;
}

/* ---- the game's own snapshot -------------------------------------------- */

int
snapshot_put(struct gc_net *net, const void *bytes, size_t len)
{
	size_t piece = net->frame_max / 2, at = 0;

	do {
		size_t n = len - at < piece ? len - at : piece;
		struct ipc_frame f = { .kind = IPC_SNAPSHOT,
			.flags = (uint8_t)((at == 0 ? IPC_FIRST : 0) |
					   (at + n < len ? IPC_MORE : 0)),
			.bytes = (const uint8_t *)bytes + at,
			.len = (uint32_t)n };
		int r = stream_put(net, &f, NULL);

		if (r < 0)
			return r;
		at += n;
	} while (at < len);
	return 0;
}

int
gc_snapshot(struct gc_net *net, const void *bytes, size_t len)
{
	if (len > SNAPSHOT_MAX)
		return net_problem(net, GC_ETOO_LONG,
		    "a snapshot of %zu bytes is over %u", len, SNAPSHOT_MAX);
	ipc_buf_clear(&net->snapshot);
	if (respawn_able(net) && !ipc_buf_add(&net->snapshot, bytes, len))
		return net_problem(net, GC_ENO_MEMORY, "out of memory");
	return snapshot_put(net, bytes, len);
}

const void *
gc_restored(const struct gc_net *net, size_t *len)
{
	*len = net->restored.len;
	return net->restored.len ? net->restored.data : NULL;
}

/* ---- time and dice ------------------------------------------------------ */

int64_t
gc_now(const struct gc_net *net)
{
	return net->now_us;
}

/* splitmix64 fills the state, as the authors of xoshiro advise. */
void
net_seed(struct gc_net *net, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15u;

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
		net->dice[i] = z ^ (z >> 31);
	}
}

static uint64_t
rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

/* xoshiro256** 1.0 by Blackman and Vigna, public domain. */
static uint64_t
throw_dice(uint64_t s[4])
{
	uint64_t result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

uint64_t
gc_random(struct gc_net *net, uint64_t below)
{
	uint64_t x, odd;

	if (below == 0)
		return throw_dice(net->dice);
	/* The lowest 2^64 mod below numbers would make some likelier. */
	odd = (0 - below) % below;
	do
		x = throw_dice(net->dice);
	while (x < odd);
	return x % below;
}
