/*
 * replay_say.c - what came out of a replay, in words: for the person who wants
 * to know which frame it was, and how to look at it.
 */
#include "gamecore/replay.h"
#include "ipc/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
replay_print(const struct ipc_frame *f, char out[LINE_MAX_BYTES])
{
	struct ipc_buf line;

	ipc_buf_init(&line, 1u << 16);
	ipc_text_print(f, false, &line);
	snprintf(out, LINE_MAX_BYTES, "%.*s", (int)line.len,
	    line.data ? (const char *)line.data : "");
	ipc_buf_release(&line);
}

void
outcome_say(struct outcome *o, const char *format, ...)
{
	size_t room = sizeof(o->text) - o->len;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(o->text + o->len, room, format, ap);
	va_end(ap);
	if (n > 0)
		o->len += (size_t)n < room ? (size_t)n : room - 1;
}

/* The line of a frame up, from the recording; "" if it is not there. */
static void
frame_up(const struct run *was, uint64_t position, char out[LINE_MAX_BYTES])
{
	struct run r = { .tape = was->tape, .life = was->life };
	struct ipc_recorded f;

	out[0] = '\0';
	if (!run_seek(&r))
		return;
	while (ipc_recording_next_frame(&r.in, &f) > 0 &&
	       f.type != IPC_RECORD_RESTART && out[0] == '\0')
		if (f.type == IPC_RECORD_UP && f.position == position)
			replay_print(&f.frame, out);
	ipc_recording_close(&r.in);
}

static void
say_in_hand(struct outcome *o, const struct run *r)
{
	char line[LINE_MAX_BYTES];

	if (r->in_to > r->in_from) {
		outcome_say(o,
		    "\n  it had frames %" PRIu64 " to %" PRIu64
		    " up in its hand",
		    r->in_from, r->in_to);
		return;
	}
	frame_up(r, r->in_from, line);
	outcome_say(o, "\n  it had frame %" PRIu64 " up in its hand: %s",
	    r->in_from, line);
}

static void
say_gdb(struct outcome *o, const struct run *r)
{
	outcome_say(o,
	    "\n  see it: gdb --args %s --replay %s --break-at %" PRIu64,
	    r->o->argv[0], r->o->replay, r->in_from);
	if (r->tape->n > 1)
		outcome_say(o, " --life %zu", r->life);
}

void
outcome_different(struct outcome *o, const struct run *r)
{
	char how[64];

	o->status = DIFFERS;
	if (r->tape->n > 1)
		outcome_say(o, "in life %zu ", r->life);
	if (r->result == DIED)
		outcome_say(o,
		    "the game died in the replay, not in the recording: %s",
		    launch_how(r->status, how, sizeof(how)));
	else if (r->result == BROKEN)
		outcome_say(o,
		    "the game's frame %" PRIu64 " down is broken: %s",
		    r->heard + 1, r->is);
	else
		outcome_say(
		    o, "the replay differs at frame %" PRIu64 " down", r->at);
	if (r->result == OTHER && strcmp(r->was, r->is) == 0)
		outcome_say(o, ", from its byte %zu on", r->byte);
	say_in_hand(o, r);
	if (r->was[0] || r->is[0]) {
		outcome_say(
		    o, "\n  recorded: %s", r->was[0] ? r->was : "nothing more");
		outcome_say(
		    o, "\n  replayed: %s", r->is[0] ? r->is : "nothing more");
	}
	say_gdb(o, r);
}

void
outcome_tape(struct outcome *o, const struct tape *t)
{
	if (t->how[0])
		outcome_say(o, "\n  the recording is cut off: %s", t->how);
	outcome_say(o, "\n  it was started as: %.*s", (int)t->command.len,
	    (const char *)t->command.data);
}
