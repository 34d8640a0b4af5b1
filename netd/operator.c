/*
 * operator.c - whoever runs the game looks in, and takes hold.
 *
 * One table of requests; each answers at once with lines from what netd
 * counts anyway. An operator can never slow the players: answers wait in a
 * bounded buffer, and a trace that is not read fast enough leaves lines out
 * and says how many. Next: netctl_ask.c, the other end.
 */
#include "netd/operator.h"

#include "ipc/log.h"
#include "ipc/text.h"
#include "netd/netd.h"
#include "netd/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SESSIONS_MAX 8
#define REQUEST_MAX 4096
/* An answer: 100,000 connections, a line each. A trace keeps to less. */
#define ANSWER_MAX (32u << 20)
#define TRACE_MAX (1u << 20)

struct session {
	struct session *next;
	struct netd *netd;
	ev_io in_io, out_io;
	struct ipc_buf in, out;
	int file;     /* came beside the request, or -1 */
	bool leaving; /* free it when out is written */
	bool tracing;
	bool by_conn;
	uint64_t conn;
	int kind;         /* -1: any */
	uint64_t skipped; /* lines of the trace that found no room */
};

enum wanted { NOTHING, ONE_FRAME, ONE_TICK };

struct operator
{
	int fd;
	ev_io io;
	char dir[96], path[108];
	bool made; /* the directory is ours to remove */
	struct session *sessions;
	unsigned n_sessions;
	bool held;
	bool paused;
	uint64_t until; /* while paused: frames that may go up */
	enum wanted wanted;
};

/* ---- answers ---------------------------------------------------------------
 */

static void
watch(struct netd *n)
{
	n->watched = n->operator->wanted != NOTHING;
	for (struct session *s = n->operator->sessions; s; s = s->next)
		n->watched = n->watched || s->tracing;
}

static void
session_free(struct session *s)
{
	struct operator* o = s->netd->operator;
	struct session **at = &o->sessions;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	o->n_sessions--;
	ev_io_stop(s->netd->loop, &s->in_io);
	ev_io_stop(s->netd->loop, &s->out_io);
	close(s->in_io.fd);
	if (s->file >= 0)
		close(s->file);
	ipc_buf_release(&s->in);
	ipc_buf_release(&s->out);
	watch(s->netd);
	free(s);
}

static void
say_done(struct session *s)
{
	ipc_buf_printf(&s->out, ".\n");
}

static void
say_error(struct session *s, const char *why)
{
	ipc_buf_printf(&s->out, "error: %s\n", why);
}

/* ---- requests --------------------------------------------------------------
 */

/* args: what stood behind the name, "" if nothing did. */
typedef void handler(struct session *s, char *args);

static const char *
phase_name(const struct link *l)
{
	static const char *const names[] = { [NO_GAME] = "none",
		[GREETING] = "greeting",
		[LINKED] = "linked",
		[FINISHED] = "finished" };

	return names[l->phase];
}

static void
on_status(struct session *s, char *args)
{
	struct netd *n = s->netd;
	const struct link *l = n->link;
	const struct metrics *m = &n->metrics;
	struct ipc_buf *b = &s->out;

	(void)args;
	ipc_buf_printf(
	    b, "netd pid=%d version=%s\n", (int)getpid(), PENSTOCK_VERSION);
	ipc_buf_printf(b, "game link=%s name=\"%s\"", phase_name(l), l->game);
	if (l->pid > 0)
		ipc_buf_printf(b, " pid=%d", (int)l->pid);
	ipc_buf_printf(b, "\n");
	ipc_buf_printf(b,
	    "positions up=%" PRIu64 " sent=%" PRIu64 " taken=%" PRIu64
	    " down=%" PRIu64 " unsent_bytes=%zu kept_bytes=%zu\n",
	    l->journal.position, l->journal.sent, l->taken, l->down,
	    l->journal.unsent, l->journal.kept);
	ipc_buf_printf(b,
	    "connections all=%zu playing=%zu accepted=%" PRIu64 "\n",
	    n->n_clients, n->n_playing, m->accepted);
	ipc_buf_printf(b,
	    "traffic messages_in=%" PRIu64 " messages_out=%" PRIu64
	    " bytes_in=%" PRIu64 " bytes_out=%" PRIu64 " dropped=%" PRIu64
	    " queued_bytes=%zu\n",
	    m->messages_in, m->messages_out, m->bytes_in, m->bytes_out,
	    m->dropped, n->queued_bytes);
	ipc_buf_printf(b,
	    "recovery deaths=%" PRIu64 " recoveries=%" PRIu64
	    " checkpoints=%" PRIu64 " poisoned=%" PRIu64 " upgrades=%" PRIu64
	    " hangs=%" PRIu64 " links_broken=%" PRIu64 "\n",
	    m->game_deaths, m->recoveries, m->checkpoints, m->poisoned,
	    m->upgrades, m->hangs, m->links_broken);
	ipc_buf_printf(b,
	    "state paused=%d held=%d players_read=%d recording=%d\n",
	    n->operator->paused, n->operator->held, !n->input_held,
	    n->record.fd >= 0);
	for (const struct listener *at = n->listeners; at; at = at->next)
		ipc_buf_printf(
		    b, "listener number=%u url=%s\n", at->number, at->text);
	say_done(s);
}

static void
print_client(struct session *s, const struct client *c)
{
	static const char *const phases[] = { [CONNECTING] = "connecting",
		[HANDSHAKE] = "handshake",
		[PLAYING] = "playing",
		[LEAVING] = "leaving",
		[GONE] = "gone" };
	int64_t now = netd_now(s->netd);
	union address at = client_address(c);
	char peer[128], line[128] = "";

	address_print(&at, peer, sizeof(peer));
	if (c->transport->line && c->codec && c->phase < GONE)
		c->transport->line(c, line, sizeof(line));
	ipc_buf_printf(&s->out,
	    "conn=%" PRIu64 " transport=%s peer=%s phase=%s queued_bytes=%zu "
	    "idle_ms=%" PRId64 " waiting_ms=%" PRId64 "%s%s%s%s\n",
	    c->id, c->transport->name, peer, phases[c->phase], c->out.bytes,
	    now > c->since_us ? (now - c->since_us) / 1000 : 0,
	    c->out.bytes ? (now - c->moved_us) / 1000 : 0,
	    c->pressed ? " pressure" : "", c->throttled ? " throttled" : "",
	    line[0] ? " " : "", line);
}

static void
print_clients(struct session *s, bool slow_only)
{
	struct client *lists[] = { s->netd->playing, s->netd->pending };

	for (size_t i = 0; i < 2; i++)
		for (struct client *c = lists[i]; c; c = c->next)
			if (!slow_only || c->pressed ||
			    (int64_t)c->out.bytes >
				c->url->config.soft_bytes / 2)
				print_client(s, c);
	say_done(s);
}

static void
on_conns(struct session *s, char *args)
{
	(void)args;
	print_clients(s, false);
}

static void
on_slow(struct session *s, char *args)
{
	(void)args;
	print_clients(s, true);
}

static bool
number(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

static void
on_kick(struct session *s, char *args)
{
	char *text = strchr(args, ' ');
	struct client *c;
	uint64_t id;

	if (text)
		*text++ = '\0';
	if (!number(args, &id)) {
		say_error(s, "kick ID [TEXT]: which connection?");
		return;
	}
	c = client_find(s->netd, id);
	if (c == NULL || (c->phase != PLAYING && c->phase != HANDSHAKE)) {
		say_error(s, "there is no such connection");
		return;
	}
	if (text && strlen(text) > IPC_CLOSE_TEXT_MAX) {
		say_error(s, "that text is too long (at most 123 bytes)");
		return;
	}
	ipc_log(IPC_LOG_INFO, "kick", "conn=%llu by=operator",
	    (unsigned long long)id);
	client_close(c, IPC_REASON_KICKED, text ? text : "");
	say_done(s);
}

static void
on_trace(struct session *s, char *args)
{
	s->kind = -1;
	s->by_conn = number(args, &s->conn);
	for (unsigned k = 0; k < IPC_KIND_END; k++)
		if (ipc_info(k) && strcasecmp(ipc_info(k)->name, args) == 0)
			s->kind = (int)k;
	if (!s->by_conn && s->kind < 0 && strcmp(args, "all") != 0) {
		say_error(s, "trace ID|KIND|all: a connection's number or a "
			     "kind of messages.def");
		return;
	}
	s->tracing = true;
	watch(s->netd);
}

static void
on_untrace(struct session *s, char *args)
{
	(void)args;
	for (struct session *t = s->netd->operator->sessions; t; t = t->next) {
		if (!t->tracing)
			continue;
		t->tracing = false;
		say_done(t);
		ev_io_start(t->netd->loop, &t->out_io);
	}
	watch(s->netd);
	say_done(s);
}

static void
on_pause(struct session *s, char *args)
{
	struct operator* o = s->netd->operator;

	(void)args;
	if (!o->paused)
		o->until = s->netd->link->journal.sent;
	o->paused = true;
	o->wanted = NOTHING;
	watch(s->netd);
	ipc_log(IPC_LOG_WARN, "paused", "by=operator frame=%llu",
	    (unsigned long long)o->until);
	ipc_buf_printf(&s->out, "paused behind frame %" PRIu64 "\n", o->until);
	say_done(s);
}

static void
on_resume(struct session *s, char *args)
{
	struct netd *n = s->netd;
	struct operator* o = n->operator;

	(void)args;
	if (o->paused || o->held)
		ipc_log(IPC_LOG_WARN, "resumed", "by=operator");
	o->paused = o->held = false;
	o->wanted = NOTHING;
	watch(n);
	clients_hold_input(n);
	listen_pause(n, false);
	say_done(s);
}

/* Is this the frame that a step waits for? */
static bool
steps(enum wanted wanted, unsigned kind)
{
	return wanted == ONE_TICK ? kind == IPC_TICK : kind != IPC_NOW;
}

static void
on_step(struct session *s, char *args)
{
	struct operator* o = s->netd->operator;
	const struct journal *j = &s->netd->link->journal;
	struct ipc_frame f;

	if (!o->paused) {
		say_error(s, "not paused: pause first");
		return;
	}
	if (*args && strcmp(args, "frame") != 0 && strcmp(args, "tick") != 0) {
		say_error(s, "step [frame|tick]");
		return;
	}
	o->wanted = strcmp(args, "tick") == 0 ? ONE_TICK : ONE_FRAME;
	if (o->until < j->sent || o->until > j->position)
		o->until = j->sent;
	while (o->wanted && o->until < j->position) {
		const struct ipc_frame *at = journal_find(j, ++o->until, &f);

		if (at && steps(o->wanted, at->kind))
			o->wanted = NOTHING;
	}
	watch(s->netd);
	if (o->wanted)
		ipc_buf_printf(&s->out, "nothing waits: the next %s will go\n",
		    o->wanted == ONE_TICK ? "tick" : "frame");
	else
		ipc_buf_printf(&s->out, "frame %" PRIu64 " goes\n", o->until);
	say_done(s);
}

static void
on_hold(struct session *s, char *args)
{
	(void)args;
	s->netd->operator->held = true;
	clients_hold_input(s->netd);
	listen_pause(s->netd, true);
	ipc_log(IPC_LOG_WARN, "held", "by=operator");
	say_done(s);
}

static void
on_upgrade(struct session *s, char *args)
{
	const char *why = upgrade_begin(s->netd);

	(void)args;
	if (why)
		say_error(s, why);
	else
		say_done(s);
}

static void
on_stop(struct session *s, char *args)
{
	(void)args;
	say_done(s);
	stop_asked(s->netd, "operator");
}

static void
on_record(struct session *s, char *args)
{
	struct netd *n = s->netd;
	char why[256];
	int file = s->file;

	if (strcmp(args, "off") == 0) {
		if (n->record.fd >= 0) {
			record_stop(n, "how=off");
			say_done(s);
		} else {
			say_error(s, "nothing is being recorded");
		}
		return;
	}
	if (file < 0 || n->record.fd >= 0) {
		say_error(s, n->record.fd >= 0 ? "one recording is on already"
					       : "record FILE|off");
		return;
	}
	s->file = -1;
	if (record_start(n, file, args, why, sizeof(why)))
		say_done(s);
	else
		say_error(s, why);
}

static void
on_limits(struct session *s, char *args)
{
	size_t n;
	const struct config_row *rows = config_rows(&n);

	(void)args;
	for (size_t i = 0; i < n; i++)
		ipc_buf_printf(&s->out, "%s=%" PRId64 "\n", rows[i].name,
		    *(const int64_t *)(const void *)((const char *)&s->netd
							 ->config +
						     rows[i].offset));
	say_done(s);
}

static void
on_metrics(struct session *s, char *args)
{
	(void)args;
	if (metrics_print(s->netd, &s->out))
		say_done(s);
}

static handler on_help;

static const struct request {
	const char *name, *args, *help;
	handler *act;
} requests[] = {
	{ "status", "", "What netd and the game are doing", on_status },
	{ "conns", "", "A line for each connection", on_conns },
	{ "slow", "", "Those that read too slowly", on_slow },
	{ "kick", "ID [TEXT]", "Close a connection", on_kick },
	{ "trace", "ID|KIND|all", "Its frames as they pass, until you leave",
	    on_trace },
	{ "untrace", "", "End every trace", on_untrace },
	{ "pause", "", "The game gets nothing more; netd keeps it", on_pause },
	{ "step", "[frame|tick]", "While paused: let that much go", on_step },
	{ "hold", "", "Nobody is read or let in; the game goes on", on_hold },
	{ "resume", "", "The end of pause and of hold", on_resume },
	{ "record", "FILE|off", "Every frame from now on into a file",
	    on_record },
	{ "upgrade", "", "A new process of the game's program takes over",
	    on_upgrade },
	{ "metrics", "", "Every counter, as /metrics shows them", on_metrics },
	{ "limits", "", "The limits in force", on_limits },
	{ "stop", "", "As SIGTERM: goodbyes, then the end", on_stop },
	{ "help", "", "This list", on_help },
};
#define N_REQUESTS (sizeof(requests) / sizeof(requests[0]))

static void
on_help(struct session *s, char *args)
{
	(void)args;
	for (size_t i = 0; i < N_REQUESTS; i++)
		ipc_buf_printf(&s->out, "%-8s %-12s %s\n", requests[i].name,
		    requests[i].args, requests[i].help);
	say_done(s);
}

static void
request(struct session *s, char *line)
{
	char *args = strchr(line, ' ');
	size_t before;

	if (args)
		*args++ = '\0';
	else
		args = line + strlen(line);
	for (size_t i = 0; i < N_REQUESTS; i++) {
		if (strcmp(requests[i].name, line) != 0)
			continue;
		before = s->out.len;
		requests[i].act(s, args);
		if (s->out.max - s->out.len < 16) {
			/* A whole answer or none. */
			s->out.len = before;
			say_error(s, "the answer is too long");
		}
		return;
	}
	say_error(s, "no such request (try 'help')");
}

/* ---- sessions --------------------------------------------------------------
 */

static void
write_out(struct session *s)
{
	while (s->out.len) {
		ssize_t n =
		    send(s->out_io.fd, s->out.data, s->out.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			ev_io_start(s->netd->loop, &s->out_io);
			return;
		}
		if (n < 0) {
			session_free(s);
			return;
		}
		ipc_buf_eat(&s->out, (size_t)n);
	}
	ev_io_stop(s->netd->loop, &s->out_io);
	if (s->leaving)
		session_free(s);
}

static void
on_out(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop;
	(void)events;
	write_out(w->data);
}

static void
lines(struct session *s)
{
	char *nl;

	while (s->in.len && (nl = memchr(s->in.data, '\n', s->in.len))) {
		*nl = '\0';
		request(s, (char *)s->in.data);
		ipc_buf_eat(&s->in, (size_t)(nl + 1 - (char *)s->in.data));
	}
	if (s->in.len == REQUEST_MAX) {
		say_error(s, "that request is too long");
		s->leaving = true;
		ev_io_stop(s->netd->loop, &s->in_io);
	}
	write_out(s);
}

/* Bytes, and perhaps a descriptor beside them. */
static ssize_t
receive(struct session *s, void *to, size_t room)
{
	struct iovec iov = { to, room };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} a;
	struct msghdr h = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = a.space,
		.msg_controllen = sizeof(a.space) };
	ssize_t n = recvmsg(s->in_io.fd, &h, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&h) : NULL;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int))) {
		if (s->file >= 0)
			close(s->file);
		memcpy(&s->file, CMSG_DATA(c), sizeof(int));
	}
	return n;
}

static void
on_in(struct ev_loop *loop, ev_io *w, int events)
{
	struct session *s = w->data;
	size_t room = REQUEST_MAX - s->in.len;
	uint8_t *to = ipc_buf_space(&s->in, room);
	ssize_t n = to ? receive(s, to, room) : 0;

	(void)loop;
	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		session_free(s);
		return;
	}
	ipc_buf_added(&s->in, (size_t)n);
	lines(s);
}

bool
operator_owns(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

static void
on_accept(struct ev_loop *loop, ev_io *w, int events)
{
	struct netd *n = w->data;
	struct operator* o = n->operator;
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct session *s;

	(void)events;
	if (fd < 0)
		return;
	if (!operator_owns(fd) || o->n_sessions == SESSIONS_MAX ||
	    (s = calloc(1, sizeof(*s))) == NULL) {
		close(fd);
		return;
	}
	s->netd = n;
	s->file = -1;
	ipc_buf_init(&s->in, REQUEST_MAX);
	ipc_buf_init(&s->out, ANSWER_MAX);
	ev_io_init(&s->in_io, on_in, fd, EV_READ);
	ev_io_init(&s->out_io, on_out, fd, EV_WRITE);
	s->in_io.data = s->out_io.data = s;
	ev_io_start(loop, &s->in_io);
	s->next = o->sessions;
	o->sessions = s;
	o->n_sessions++;
}

/* ---- what the link asks ----------------------------------------------------
 */

uint64_t
operator_until(const struct link *l)
{
	const struct operator* o = l->netd->operator;

	if (o == NULL || !o->paused || l != l->netd->link)
		return UINT64_MAX;
	/* A fresh game counts from 1 again: what was allowed is of the old. */
	return o->until <= l->journal.position ? o->until : l->journal.sent;
}

bool
operator_holds(const struct netd *n)
{
	return n->operator&& n->operator->held;
}

static bool
traces(const struct session *s, const struct ipc_frame *f)
{
	if (!s->tracing)
		return false;
	if (s->by_conn)
		return ipc_text_about(f, s->conn);
	return s->kind < 0 || s->kind == f->kind;
}

static void
trace(struct session *s, const struct ipc_frame *f, char way, uint64_t position)
{
	size_t before = s->out.len;
	bool ok = before < TRACE_MAX;

	if (ok && s->skipped)
		ok = ipc_buf_printf(&s->out,
		    "# %" PRIu64 " lines left out: not read fast enough\n",
		    s->skipped);
	ok = ok && ipc_buf_printf(&s->out, "%c %" PRIu64 " ", way, position) &&
	     ipc_text_print(f, false, &s->out) && ipc_buf_add(&s->out, "\n", 1);
	if (ok) {
		s->skipped = 0;
	} else {
		s->out.len = before;
		s->skipped++;
	}
	ev_io_start(s->netd->loop, &s->out_io);
}

void
operator_saw(struct link *l, const struct ipc_frame *f, uint64_t position)
{
	struct operator* o = l->netd->operator;
	const struct ipc_info *info = ipc_info(f->kind);
	bool up = info && info->to == IPC_TO_GAME;

	for (struct session *s = o->sessions; s; s = s->next)
		if (traces(s, f))
			trace(s, f, up ? '<' : '>', position);
	if (up && o->paused && o->wanted && l == l->netd->link) {
		o->until = position;
		if (steps(o->wanted, f->kind)) {
			o->wanted = NOTHING;
			watch(l->netd);
		}
	}
}

/* ---- coming and going ------------------------------------------------------
 */

static bool
own_dir(const char *dir, bool *made)
{
	struct stat st;

	if (mkdir(dir, 0700) == 0)
		*made = true;
	else if (errno != EEXIST)
		return false;
	if (lstat(dir, &st) < 0)
		return false;
	errno = EPERM;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       (st.st_mode & 077) == 0;
}

/* The directory of this process; its parent is made on the way. */
static bool
choose_dir(struct operator* o, const char *dir)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	bool parent;
	int n;

	if (dir)
		n = snprintf(o->dir, sizeof(o->dir), "%s", dir);
	else if (run && *run == '/' && access(run, W_OK) == 0)
		n = snprintf(o->dir, sizeof(o->dir), "%s/penstock-%d", run,
		    (int)getpid());
	else {
		snprintf(o->dir, sizeof(o->dir), "/tmp/penstock-%u",
		    (unsigned)geteuid());
		if (!own_dir(o->dir, &parent))
			return false;
		n = snprintf(o->dir, sizeof(o->dir), "/tmp/penstock-%u/%d",
		    (unsigned)geteuid(), (int)getpid());
	}
	errno = ENAMETOOLONG;
	return n > 0 && (size_t)n < sizeof(o->dir) && own_dir(o->dir, &o->made);
}

static int open_socket(struct operator* o)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd;

	if (snprintf(o->path, sizeof(o->path), "%s/%s", o->dir,
		OPERATOR_SOCKET) >= (int)sizeof(o->path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(a.sun_path, o->path, sizeof(a.sun_path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	unlink(o->path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    chmod(o->path, 0600) < 0 || listen(fd, SESSIONS_MAX) < 0) {
		int e = errno;

		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}

bool
operator_listen(struct netd *n, const char *dir, char *why, size_t why_size)
{
	struct operator* o = calloc(1, sizeof(*o));

	if (o)
		o->fd = choose_dir(o, dir) ? open_socket(o) : -1;
	if (o == NULL || o->fd < 0) {
		snprintf(why, why_size,
		    "cannot have an operator's socket in '%s': %s",
		    o ? o->dir : "", strerror(errno));
		if (o && o->made)
			rmdir(o->dir);
		free(o);
		return false;
	}
	n->operator= o;
	ev_io_init(&o->io, on_accept, o->fd, EV_READ);
	o->io.data = n;
	ev_io_start(n->loop, &o->io);
	ipc_log(IPC_LOG_DEBUG, "operator", "socket=%s", o->path);
	return true;
}

const char *
operator_dir(const struct netd *n)
{
	return n->operator? n->operator->dir : NULL;
}

void
operator_release(struct netd *n)
{
	struct operator* o = n->operator;

	if (o == NULL)
		return;
	while (o->sessions)
		session_free(o->sessions);
	ev_io_stop(n->loop, &o->io);
	close(o->fd);
	unlink(o->path);
	if (o->made)
		rmdir(o->dir);
	n->operator= NULL;
	free(o);
}
