/*
 * record.c - the game's pipes into a file.
 *
 * What is recorded is what was laid down for the game and what was acted on,
 * once: a game that died and is replayed takes frames again and says things
 * again, and neither is in the file twice. A disk that is full ends the
 * recording, with a line in the log and a NOTICE for the game, and nothing
 * else. Next: ipc/recording.c, the format.
 */
#include "netd/record.h"

#include "ipc/log.h"
#include "ipc/recording.h"
#include "netd/netd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STANDBY_MAX (64u << 20)

struct recorder {
	struct ipc_recording recording;
	struct ipc_buf frames; /* of one direction, not in it yet */
	uint8_t type;
	/* What a game that may take over was told so far, frame after frame;
	 * too much is left out, then positions do not begin at 1. */
	struct ipc_buf standby;
	bool failed;
	char why[128];
	char name[256];
};

static bool
head(const struct netd *n, struct ipc_buf *text)
{
	char number[32];
	const struct config_row *rows;
	size_t count;
	bool ok = ipc_recording_head_add(
	    text, "program", n->link->game[0] ? n->link->game : "unknown");

	snprintf(number, sizeof(number), "%lld", (long long)netd_now(n));
	ok = ok && ipc_recording_head_add(text, "began_us", number) &&
	     ipc_recording_head_add(text, "netd", PENSTOCK_VERSION);
	rows = config_rows(&count);
	for (size_t i = 0; ok && i < count; i++) {
		char key[64];

		snprintf(key, sizeof(key), "limit.%s", rows[i].name);
		snprintf(number, sizeof(number), "%lld",
		    (long long)*(const int64_t *)(const void
			    *)((const char *)&n->config + rows[i].offset));
		ok = ipc_recording_head_add(text, key, number);
	}
	return ok;
}

bool
record_start(
    struct netd *n, int fd, const char *name, char *why, size_t why_size)
{
	struct recorder *r = calloc(1, sizeof(*r));
	struct ipc_buf text;
	int error = IPC_ERR_NO_MEMORY;

	ipc_buf_init(&text, IPC_RECORDING_TEXT_MAX);
	if (r && head(n, &text))
		error = ipc_recording_create(
		    &r->recording, fd, (char *)text.data, text.len);
	ipc_buf_release(&text);
	if (error < 0) {
		snprintf(why, why_size, "cannot record: %s",
		    error == IPC_ERR_SYSTEM ? strerror(errno)
					    : ipc_error_text(error));
		free(r);
		close(fd);
		return false;
	}
	r->recording.up = n->link->journal.position;
	r->recording.down = n->link->down;
	ipc_buf_init(&r->frames, IPC_TURN_MAX + IPC_RECORD_MAX);
	ipc_buf_init(&r->standby, STANDBY_MAX);
	snprintf(r->name, sizeof(r->name), "%s", name);
	/* A file at its limit is a full disk, not the end of netd. */
	signal(SIGXFSZ, SIG_IGN);
	n->recorder = r;
	ipc_log(IPC_LOG_INFO, "recording", "file=%s", r->name);
	return true;
}

/* Said at the turn's end: now is in the middle of laying down a frame. */
static void
failed(struct recorder *r, int error)
{
	if (error >= 0 || r->failed)
		return;
	r->failed = true;
	snprintf(r->why, sizeof(r->why), "%s",
	    error == IPC_ERR_SYSTEM ? strerror(errno) : ipc_error_text(error));
}

static void
gathered(struct netd *n)
{
	struct recorder *r = n->recorder;

	if (r->frames.len && !r->failed)
		failed(r, ipc_recording_add(&r->recording, r->type,
			      r->frames.data, r->frames.len, netd_now(n)));
	ipc_buf_clear(&r->frames);
}

static bool
add_frame(struct ipc_buf *b, const struct ipc_frame *f)
{
	uint8_t *to = ipc_buf_space(b, ipc_frame_size(f->len));

	if (to == NULL)
		return false;
	ipc_frame_head(to, f);
	if (f->len)
		memcpy(to + IPC_FRAME_HEAD, f->bytes, f->len);
	ipc_buf_added(b, ipc_frame_size(f->len));
	return true;
}

static bool
is_up(const struct ipc_frame *f)
{
	const struct ipc_info *info = ipc_info(f->kind);

	return info && info->to == IPC_TO_GAME;
}

void
record_saw(struct link *l, const struct ipc_frame *f)
{
	struct recorder *r = l->netd->recorder;
	uint8_t type = is_up(f) ? IPC_RECORD_UP : IPC_RECORD_DOWN;

	if (r->failed)
		return;
	if (l != l->netd->link) {
		if (!add_frame(&r->standby, f))
			ipc_buf_clear(&r->standby);
		return;
	}
	if (type != r->type || r->frames.len > IPC_TURN_MAX)
		gathered(l->netd);
	r->type = type;
	if (!add_frame(&r->frames, f))
		failed(r, IPC_ERR_NO_MEMORY);
}

static void
mark(struct netd *n, enum ipc_record_type type, const char *text)
{
	struct recorder *r = n->recorder;

	if (r == NULL)
		return;
	gathered(n);
	if (!r->failed)
		failed(r,
		    ipc_recording_mark(&r->recording, type, text, netd_now(n)));
}

void
record_restart(struct link *l, const char *why)
{
	struct recorder *r = l->netd->recorder;

	if (l == l->netd->link)
		mark(l->netd, IPC_RECORD_RESTART, why);
	else if (r)
		ipc_buf_clear(&r->standby);
}

/* The next frame of those that were put aside. */
static bool
next_aside(const struct recorder *r, size_t *at, struct ipc_frame *f)
{
	size_t want;
	const char *why;

	if (ipc_frame_decode(r->standby.data + *at, r->standby.len - *at,
		IPC_FRAME_MAX_MAX, f, &want, &why) != IPC_FRAME)
		return false;
	*at += ipc_frame_size(f->len);
	return true;
}

void
record_upgraded(struct link *l)
{
	struct recorder *r = l->netd->recorder;
	uint64_t up = 0, down = 0;
	struct ipc_frame f;
	size_t at = 0;

	if (r == NULL)
		return;
	mark(l->netd, IPC_RECORD_RESTART, "why=upgrade");
	while (r->standby.len && next_aside(r, &at, &f)) {
		up += is_up(&f);
		down += !is_up(&f) && f.kind != IPC_COMMIT;
	}
	r->recording.up = l->journal.position - up;
	r->recording.down = l->down - down;
	for (at = 0; r->standby.len && next_aside(r, &at, &f);)
		record_saw(l, &f);
	ipc_buf_clear(&r->standby);
}

void
record_note(struct netd *n, const char *text)
{
	mark(n, IPC_RECORD_NOTE, text);
}

static void
record_free(struct netd *n)
{
	struct recorder *r = n->recorder;

	ipc_recording_release(&r->recording);
	ipc_buf_release(&r->frames);
	ipc_buf_release(&r->standby);
	close(r->recording.fd);
	n->recorder = NULL;
	free(r);
}

void
record_stop(struct netd *n, const char *how)
{
	struct recorder *r = n->recorder;

	if (r == NULL)
		return;
	mark(n, IPC_RECORD_END, how);
	if (!r->failed)
		failed(r, ipc_recording_flush(&r->recording));
	if (r->failed)
		ipc_log(IPC_LOG_ERROR, "recording_failed", "file=%s why=\"%s\"",
		    r->name, r->why);
	else
		ipc_log(IPC_LOG_INFO, "recorded", "file=%s bytes=%llu", r->name,
		    (unsigned long long)r->recording.written);
	record_free(n);
}

void
record_turn(struct netd *n)
{
	struct recorder *r = n->recorder;
	char text[512];

	if (r == NULL)
		return;
	gathered(n);
	if (!r->failed)
		failed(r, ipc_recording_flush(&r->recording));
	if (!r->failed)
		return;
	snprintf(text, sizeof(text), "the recording %s stopped: %s", r->name,
	    r->why);
	ipc_log(IPC_LOG_ERROR, "recording_failed", "file=%s why=\"%s\"",
	    r->name, r->why);
	record_free(n);
	if (n->link->phase == LINKED)
		link_up(n->link, IPC_NOTICE, 0, 0, 1, text, strlen(text));
}
