/*
 * tape.c - what a recording holds for a replay: its lives, and netd's notes of
 * deaths and of messages that were set aside. Next: replay_run.c.
 */
#include "gamecore/replay.h"
#include "ipc/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool
tape_problem(struct tape *t, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(t->problem, sizeof(t->problem), format, ap);
	va_end(ap);
	return false;
}

static struct life *
life_add(struct tape *t, bool whole)
{
	struct life *more = realloc(t->lives, (t->n + 1) * sizeof(*more));

	if (more == NULL)
		return NULL;
	t->lives = more;
	more[t->n] = (struct life){ .whole = whole };
	return &more[t->n++];
}

/* "replaced frame=N with=M LINE"; without M it was set aside itself. */
static bool
note_replaced(struct note *n, const char *text)
{
	struct ipc_text_error e;
	int at = 0;

	if (sscanf(text, "replaced frame=%" SCNu64 " %n", &n->frame, &at) !=
		1 ||
	    at == 0)
		return false;
	text += at;
	n->with = n->frame;
	at = 0;
	if (sscanf(text, "with=%" SCNu64 " %n", &n->with, &at) == 1)
		text += at;
	return ipc_text_parse(text, strlen(text), &n->whole, &e) == 1;
}

static void
note_add(struct tape *t, const char *text)
{
	struct note *n = calloc(1, sizeof(*n)), **p = &t->notes;

	if (n == NULL)
		return;
	n->life = t->n;
	ipc_buf_init(&n->whole, IPC_FRAME_MAX_MAX);
	if (sscanf(text, "died frame=%" SCNu64 " given=%" SCNu64, &n->frame,
		&n->given) == 2) {
		n->death = true;
		t->lives[t->n - 1].given = n->given ? n->given : 1;
	} else if (!note_replaced(n, text)) {
		ipc_buf_release(&n->whole);
		free(n);
		return;
	}
	while (*p)
		p = &(*p)->next;
	*p = n;
}

const struct note *
tape_note(const struct tape *t, size_t life, uint64_t frame, bool death)
{
	for (const struct note *n = t->notes; n; n = n->next) {
		if (n->life != life || n->death != death)
			continue;
		if (death ? frame >= n->frame && frame <= n->given
			  : frame == n->frame)
			return n;
	}
	return NULL;
}

/* A mark, while the whole recording is looked through. */
static bool
scan_mark(struct tape *t, const struct ipc_record *rec)
{
	struct life *l = t->n ? &t->lives[t->n - 1] : NULL;
	char text[2048];

	snprintf(text, sizeof(text), "%.*s", (int)rec->len,
	    (const char *)rec->bytes);
	if (rec->type == IPC_RECORD_RESTART) {
		if (l)
			l->open = true;
		else
			t->restarted = true;
		return life_add(t, strcmp(text, "why=again") != 0) != NULL;
	}
	if (rec->type == IPC_RECORD_END && l &&
	    strcmp(text, "how=stopped") != 0)
		l->open = true;
	if (rec->type == IPC_RECORD_NOTE && l &&
	    strncmp(text, "recovered", 9) == 0)
		l->given = 0;
	else if (rec->type == IPC_RECORD_NOTE && l)
		note_add(t, text);
	return true;
}

static bool
scan_all(struct tape *t, struct ipc_recording_reader *r)
{
	struct ipc_record rec;
	int got;

	while ((got = ipc_recording_next(r, &rec)) > 0) {
		bool frames =
		    rec.type == IPC_RECORD_UP || rec.type == IPC_RECORD_DOWN;

		if (frames && t->n == 0 &&
		    !life_add(
			t, rec.type == IPC_RECORD_DOWN && rec.position == 1))
			return tape_problem(t, "out of memory");
		if (!frames && !scan_mark(t, &rec))
			return tape_problem(t, "out of memory");
		if (t->n) {
			t->lives[t->n - 1].up = r->up;
			t->lives[t->n - 1].down = r->down;
		}
	}
	if (got < 0)
		return tape_problem(t, "%s", r->why);
	if (t->n && !r->ended)
		t->lives[t->n - 1].open = true;
	snprintf(t->how, sizeof(t->how), "%s", r->torn ? r->why : "");
	return true;
}

bool
tape_rewind(struct tape *t, struct ipc_recording_reader *r)
{
	if (lseek(t->fd, 0, SEEK_SET) < 0)
		return tape_problem(t, "%s", strerror(errno));
	if (ipc_recording_open(r, t->fd) < 0)
		return tape_problem(
		    t, "%s", r->why[0] ? r->why : "cannot read it");
	return true;
}

/* The words after the program, each with a NUL. */
static bool
recorded_arguments(
    const struct ipc_recording_reader *r, struct ipc_buf *out, size_t *n)
{
	for (*n = 0; ipc_recording_head_get(
		 r->text, r->text_len, "arg", (unsigned)*n, out);
	     (*n)++)
		if (!ipc_buf_add(out, "", 1))
			return false;
	return true;
}

bool
tape_open(struct tape *t, const char *file, struct ipc_buf *args, size_t *n)
{
	struct ipc_recording_reader r;
	bool ok;

	*t = (struct tape){ .fd = open(file, O_RDONLY | O_CLOEXEC) };
	ipc_buf_init(&t->command, 4096);
	if (t->fd < 0)
		return tape_problem(t, "%s", strerror(errno));
	if (!tape_rewind(t, &r))
		return false;
	ok = recorded_arguments(&r, args, n) && scan_all(t, &r);
	ipc_recording_head_get(r.text, r.text_len, "program", 0, &t->command);
	for (size_t at = 0; ok && at < args->len;
	     at += strlen((char *)args->data + at) + 1)
		ipc_buf_printf(&t->command, " %s", (char *)args->data + at);
	ipc_recording_close(&r);
	if (ok && t->n == 0)
		return tape_problem(t, "it holds no frames");
	return ok;
}

void
tape_close(struct tape *t)
{
	while (t->notes) {
		struct note *n = t->notes;

		t->notes = n->next;
		ipc_buf_release(&n->whole);
		free(n);
	}
	free(t->lives);
	ipc_buf_release(&t->command);
	if (t->fd >= 0)
		close(t->fd);
}
