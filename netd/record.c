/*
 * record.c - what goes between netd and its game, kept.
 *
 * Both recorders take the same bytes: what a turn laid in the journal in one
 * piece, and what a turn of the game brought in one piece. The newest frames up
 * are kept where they are, in the journal's chunks; frames down are copied. The
 * loop waits for no disk beyond what write() waits. Nothing that fails here may
 * stop the play. What a death leaves is crash.c's.
 */
#include "netd/netd.h"

#include "ipc/log.h"
#include "ipc/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What was said leaves for the disk at the latest after this. */
#define FLUSH_US 50000
#define ARGS_MAX (256u << 10)

/* ---- the head -------------------------------------------------------------
 */

static void
add_arguments(const struct link *l, struct ipc_buf *text)
{
	const struct ipc_buf *args = &l->netd->record.args;
	const char *p = (const char *)args->data, *end = p + args->len;

	/* One that attached by itself said no more than its name. */
	if (args->len == 0)
		ipc_recording_head_add(text, "program", l->game);
	for (const char *key = "program"; p && p < end; key = "arg") {
		ipc_recording_head_add(text, key, p);
		p += strlen(p) + 1;
	}
}

static void
add_limits(const struct config *c, struct ipc_buf *text)
{
	char value[32];

#define LIMIT(name, unit, preset, smallest, largest, scope, doc)    \
	snprintf(value, sizeof(value), "%lld", (long long)c->name); \
	ipc_recording_head_add(text, "limit." #name, value);
#include "netd/config.def"
#undef LIMIT
}

void
record_head(const struct link *l, struct ipc_buf *text)
{
	const struct netd *n = l->netd;
	char dir[512];

	ipc_buf_init(text, IPC_RECORDING_TEXT_MAX);
	ipc_recording_head_add(text, "netd", PENSTOCK_VERSION);
	ipc_recording_head_add(text, "game", l->game);
	if (getcwd(dir, sizeof(dir)))
		ipc_recording_head_add(text, "dir", dir);
	add_arguments(l, text);
	add_limits(&n->config, text);
}

void
record_arguments(struct netd *n, const char *lines)
{
	struct ipc_buf *args = &n->record.args;

	ipc_buf_clear(args);
	for (const char *p = lines; *p; p++) {
		char c = *p == '\n' ? '\0' : *p;

		if (*p == '\\' && p[1])
			c = *++p == 'n' ? '\n' : *p;
		if (!ipc_buf_add(args, &c, 1))
			break;
	}
	/* Whoever wrote it: a text has its end. */
	ipc_buf_add(args, "", args->len && args->data[args->len - 1]);
}

/* ---- the file --------------------------------------------------------------
 */

/* Once: the file ends here, play goes on. The game hears it at the turn's
 * end, because this may be in the middle of what it is being told. */
static void
failed(struct netd *n, int error, int e)
{
	struct recorder *r = &n->record;
	const char *why =
	    error == IPC_ERR_SYSTEM ? strerror(e) : ipc_error_text(error);

	ipc_log(IPC_LOG_ERROR, "recording_failed",
	    "file=%s why=\"%s\" written=%llu", r->path, why,
	    (unsigned long long)(r->begun ? r->file.written : 0));
	snprintf(r->why, sizeof(r->why), "%s", why);
	snprintf(r->failed, sizeof(r->failed),
	    "the recording %.100s stopped: %s", r->path, why);
	if (r->begun)
		ipc_recording_release(&r->file);
	close(r->fd);
	r->fd = -1;
	r->begun = false;
}

static void
check(struct netd *n, int error)
{
	if (error < 0)
		failed(n, error, errno);
}

/* The first thing to write makes the head. */
static bool
file_ready(const struct link *l)
{
	struct netd *n = l->netd;
	struct recorder *r = &n->record;
	struct ipc_buf text;
	int error;

	if (r->fd < 0 || r->begun)
		return r->fd >= 0;
	record_head(l, &text);
	error = ipc_recording_create(
	    &r->file, r->fd, (const char *)text.data, text.len);
	ipc_buf_release(&text);
	r->begun = error == 0;
	check(n, error);
	return r->begun;
}

static int
open_file(const char *file, char *why, size_t size)
{
	int fd = open(file,
	    O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		snprintf(why, size,
		    "cannot record to '%s': %s (name a file in a folder that "
		    "is there and may be written to)",
		    file, strerror(errno));
	} else if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)) {
		snprintf(why, size,
		    "cannot record to '%s': neither a file nor a device", file);
	} else if (st.st_size) {
		snprintf(why, size,
		    "cannot record to '%s': it is there already and not empty "
		    "(remove it, or name another file)",
		    file);
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* In the middle of a game: its name is known, and so are its positions. */
static bool
begin_now(struct netd *n, char *why, size_t size)
{
	struct recorder *r = &n->record;

	if (file_ready(n->link)) {
		r->file.up = n->link->journal.position;
		r->file.down = n->link->down;
		return true;
	}
	snprintf(why, size, "cannot record: %s", r->why);
	r->failed[0] = '\0';
	return false;
}

bool
record_start(struct netd *n, int fd, const char *name, char *why, size_t size)
{
	struct recorder *r = &n->record;
	bool now = n->link->phase == LINKED;

	if (r->fd >= 0) {
		snprintf(why, size, "already recording to '%s'", r->path);
		close(fd);
		return false;
	}
	if (now)
		record_up(n->link);
	r->fd = fd;
	r->begun = false;
	snprintf(r->path, sizeof(r->path), "%s", name);
	if (now && !begin_now(n, why, size))
		return false;
	ipc_log(IPC_LOG_INFO, "recording", "file=%s from=%llu", r->path,
	    (unsigned long long)n->link->journal.position + 1);
	return true;
}

void
record_stop(struct netd *n, const char *how)
{
	struct recorder *r = &n->record;

	if (r->fd < 0)
		return;
	record_up(n->link);
	record_mark(n->link, IPC_RECORD_END, "%s", how);
	if (r->fd >= 0)
		check(n, ipc_recording_flush(&r->file));
	if (r->fd < 0)
		return;
	ipc_log(IPC_LOG_INFO, "recorded", "file=%s bytes=%llu", r->path,
	    (unsigned long long)r->file.written);
	ipc_recording_release(&r->file);
	close(r->fd);
	r->fd = -1;
	r->begun = false;
}

/* ---- frames
 * ------------------------------------------------------------------
 */

/* Of a game that may take over: type and length before each piece. */
static void
hold(struct link *l, unsigned type, const uint8_t *p, size_t len)
{
	uint32_t head[2] = { type, (uint32_t)len };

	if (l->recorded.len + sizeof(head) + len > RECORD_HELD_MAX)
		return; /* the gap in the positions will say so */
	ipc_buf_add(&l->recorded, head, sizeof(head));
	ipc_buf_add(&l->recorded, p, len);
}

static void
add_to_file(struct link *l, unsigned type, const uint8_t *p, size_t len)
{
	struct netd *n = l->netd;

	if (file_ready(l))
		check(n, ipc_recording_add(
			     &n->record.file, type, p, len, netd_now(n)));
}

static void
add(struct link *l, unsigned type, const uint8_t *p, size_t len, uint64_t count)
{
	struct netd *n = l->netd;
	struct ipc_flight *f = &n->record.flight;

	if (l != n->link) {
		hold(l, type, p, len);
		return;
	}
	if (f->data)
		ipc_flight_add(f, type, p, len, count, netd_now(n));
	add_to_file(l, type, p, len);
}

/* What a chunk has from off on. */
static void
add_chunk(struct link *l, struct chunk *c, size_t off, uint64_t count)
{
	struct netd *n = l->netd;
	struct ipc_flight *f = &n->record.flight;
	size_t weight = c->refs == 1 ? journal_weight(c) : 0;
	const uint8_t *p = c->bytes + off;
	size_t len = c->len - off;

	/* A journal that keeps nothing writes over what it has sent. */
	if (l != n->link || f->data == NULL || !l->journal.keep) {
		add(l, IPC_RECORD_UP, p, len, count);
		return;
	}
	c->refs++;
	if (!ipc_flight_lend(
		f, IPC_RECORD_UP, p, len, count, netd_now(n), c, weight))
		c->refs--;
	add_to_file(l, IPC_RECORD_UP, p, len);
}

void
record_up(struct link *l)
{
	struct journal *j = &l->journal;
	struct chunk *c = j->fresh;
	size_t off = j->fresh_off;

	j->fresh = NULL;
	for (; c; c = c->next, off = 0) {
		uint64_t last = c->next ? c->next->first - 1 : j->position;

		if (off < c->len)
			add_chunk(l, c, off, last - j->recorded);
		j->recorded = last;
	}
}

void
record_down(struct link *l, const uint8_t *frames, size_t len, uint64_t count)
{
	record_up(l);
	add(l, IPC_RECORD_DOWN, frames, len, count);
}

void
record_hello(struct link *l, const uint8_t *frame, size_t len)
{
	add(l, IPC_RECORD_DOWN, frame, len, 1);
}

/* ---- marks ------------------------------------------------------------------
 */

void
record_mark(struct link *l, unsigned type, const char *format, ...)
{
	struct netd *n = l->netd;
	struct recorder *r = &n->record;
	char text[2048];
	va_list ap;

	if (l != n->link)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (r->flight.data)
		ipc_flight_mark(&r->flight, type, text, netd_now(n));
	if (file_ready(l))
		check(n, ipc_recording_mark(&r->file, type, text, netd_now(n)));
}

void
record_died(struct link *l)
{
	const struct recovery *r = &l->rec;

	record_up(l);
	record_mark(l, IPC_RECORD_NOTE,
	    "died frame=%llu given=%llu conn=%llu %s",
	    (unsigned long long)r->died_at, (unsigned long long)r->given,
	    (unsigned long long)r->died_conn, r->how);
}

void
record_replaced(struct link *l, uint64_t position, const struct ipc_frame *by,
    uint64_t with)
{
	struct ipc_buf line;

	ipc_buf_init(&line, 1800);
	if (ipc_text_print(by, true, &line))
		record_mark(l, IPC_RECORD_NOTE,
		    "replaced frame=%llu with=%llu %.*s",
		    (unsigned long long)position, (unsigned long long)with,
		    (int)line.len, (const char *)line.data);
	ipc_buf_release(&line);
}

void
record_fresh(struct link *l, enum ipc_link_how how)
{
	static const char *const words[] = {
		[IPC_LINK_COLD] = "cold",
		[IPC_LINK_AGAIN] = "again",
	};
	struct recorder *r = &l->netd->record;
	const char *word = how < sizeof(words) / sizeof(words[0]) && words[how]
			       ? words[how]
			       : "attached";

	ipc_buf_clear(&l->recorded);
	if (l != l->netd->link)
		return;
	if (r->lives)
		record_up(l);
	l->journal.fresh = NULL;
	if (r->lives++ || how == IPC_LINK_AGAIN)
		record_mark(l, IPC_RECORD_RESTART, "why=%s", word);
}

void
record_upgraded(struct link *l)
{
	const uint8_t *p = l->recorded.data, *end = p + l->recorded.len;
	uint32_t head[2];

	l->netd->record.lives++;
	record_mark(l, IPC_RECORD_RESTART, "why=upgrade");
	for (; p && p < end; p += head[1]) {
		memcpy(head, p, sizeof(head));
		p += sizeof(head);
		add(l, head[0], p, head[1], 0);
	}
	ipc_buf_release(&l->recorded);
}

/* ---- beginning, end, and a turn ---------------------------------------------
 */

static void
on_soon(struct ev_loop *loop, ev_timer *w, int events)
{
	struct netd *n = w->data;

	(void)loop;
	(void)events;
	n->record.flushed_us = netd_now(n);
	if (n->record.fd >= 0 && n->record.begun)
		check(n, ipc_recording_flush(&n->record.file));
}

void
record_turn(struct netd *n)
{
	struct recorder *r = &n->record;
	char text[sizeof(r->failed)];

	if (r->failed[0]) {
		memcpy(text, r->failed, sizeof(text));
		r->failed[0] = '\0';
		link_up(n->link, IPC_NOTICE, 0, 0, 1, text, strlen(text));
		link_turn(n->link);
	}
	if (r->fd < 0 || !r->begun || r->file.out.len == 0 ||
	    ev_is_active(&r->soon))
		return;
	if (netd_now(n) - r->flushed_us >= FLUSH_US) {
		on_soon(n->loop, &r->soon, 0);
		return;
	}
	ev_timer_set(&r->soon, FLUSH_US / 1e6, 0.);
	ev_timer_start(n->loop, &r->soon);
}

bool
record_begin(struct netd *n, const char *file, char *why, size_t size)
{
	struct recorder *r = &n->record;
	size_t flight = (size_t)n->config.flight_bytes;
	int fd;

	r->fd = -1;
	ipc_buf_init(&r->args, ARGS_MAX);
	ev_timer_init(&r->soon, on_soon, 0., 0.);
	r->soon.data = n;
	if (flight && ipc_flight_init(&r->flight, flight / 2) < 0) {
		snprintf(why, size, "out of memory (limit flight_bytes)");
		return false;
	}
	r->flight.lent_max = flight / 2;
	r->flight.give_back = journal_give_back;
	if (file == NULL)
		return true;
	fd = open_file(file, why, size);
	return fd >= 0 && record_start(n, fd, file, why, size);
}

void
record_release(struct netd *n)
{
	struct recorder *r = &n->record;

	record_stop(n, n->link->phase == FINISHED ? "how=stopped" : "how=cut");
	ev_timer_stop(n->loop, &r->soon);
	ipc_flight_release(&r->flight);
	ipc_buf_release(&r->args);
}
