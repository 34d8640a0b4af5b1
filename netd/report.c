/*
 * report.c - what a person reads after a death: one block, in words, with the
 * command to type next. The log has the same as lines (recover.c).
 */
#include "netd/netd.h"

#include "ipc/log.h"
#include "ipc/text.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* PIPE_BUF: what a pipe takes in one piece. */
#define BLOCK_MAX 4096
#define RULE "----------------------------------------------------------------"

void
report_frame(const struct ipc_frame *f, char *out, size_t size)
{
	struct ipc_buf line;

	ipc_buf_init(&line, 4096);
	out[0] = '\0';
	if (ipc_text_print(f, false, &line)) {
		bool cut = line.len >= size;

		snprintf(
		    out, size, "%.*s", (int)line.len, (const char *)line.data);
		if (cut)
			memcpy(out + size - 4, "...", 4);
	}
	ipc_buf_release(&line);
}

static void
say_where(const struct recovery *r, struct ipc_buf *b)
{
	if (r->died_at == 0) {
		ipc_buf_printf(b, "  where      it had no frame in hand\n");
		return;
	}
	ipc_buf_printf(
	    b, "  where      frame %llu", (unsigned long long)r->died_at);
	ipc_buf_printf(b, "\n             %s\n", r->died_of);
	if (r->poisoned)
		ipc_buf_printf(b,
		    "             which killed it twice: set aside, connection "
		    "%llu is closed\n",
		    (unsigned long long)r->died_conn);
}

/* A command is for the shell: its words in quotes if they need it. */
static void
say_word(struct ipc_buf *b, const char *word)
{
	if (*word && word[strspn(word, "abcdefghijklmnopqrstuvwxyz"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789_./,:=@%+-")] == '\0') {
		ipc_buf_printf(b, "%s", word);
		return;
	}
	ipc_buf_printf(b, "'");
	for (; *word; word++) {
		if (*word == '\'')
			ipc_buf_printf(b, "'\\''");
		else if ((unsigned char)*word >= 0x20)
			ipc_buf_add(b, word, 1);
	}
	ipc_buf_printf(b, "'");
}

static void
say_replay(const struct link *l, const char *file, struct ipc_buf *b)
{
	const struct ipc_buf *args = &l->netd->record.args;

	ipc_buf_printf(b, "  see it     gdb --args ");
	say_word(b, args->len ? (const char *)args->data : l->game);
	ipc_buf_printf(b, " --replay ");
	say_word(b, file);
	if (l->rec.died_at)
		ipc_buf_printf(
		    b, " --break-at %llu", (unsigned long long)l->rec.died_at);
	ipc_buf_printf(b, "\n");
}

/* c: the recording that is there, or NULL. */
static void
say_recordings(const struct link *l, const struct crash *c, struct ipc_buf *b)
{
	const struct recorder *r = &l->netd->record;

	if (c)
		ipc_buf_printf(b, "  recording  %s (%s)\n", c->file.path,
		    c->whole ? "the whole game"
			     : "the newest frames; read it with 'netctl dump'");
	if (r->fd >= 0)
		ipc_buf_printf(b, "  recording  %s\n", r->path);
	if (c && c->whole)
		say_replay(l, c->file.path, b);
	else if (r->fd >= 0)
		say_replay(l, r->path, b);
}

/* "how=\"...\"" of the launcher's line, without its key and quotes. */
static void
say_how(const char *how, struct ipc_buf *b)
{
	size_t len = strlen(how);

	if (len > 6 && strncmp(how, "how=\"", 5) == 0 && how[len - 1] == '"')
		ipc_buf_printf(b, "%.*s", (int)(len - 6), how + 5);
	else
		ipc_buf_printf(b, "%s", how);
}

/* In one piece, or not at all: nobody waits for a terminal. */
static void
print(struct ipc_buf *b)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };

	ipc_buf_printf(b, "-----------------" RULE "\n\n");
	/* The game chose its name, and who started it the paths. */
	ipc_log_tame((char *)b->data, b->len, true);
	if (b->len && poll(&out, 1, 0) == 1 &&
	    write(STDERR_FILENO, b->data, b->len) < 0)
		ipc_log(IPC_LOG_DEBUG, "report", "lost=%zu", b->len);
	ipc_buf_release(b);
}

void
report_crash(struct crash *c)
{
	struct report *r = &c->report;
	const struct ipc_buf *rest = c->why[0] ? &r->if_not : &r->if_kept;

	if (c->why[0])
		ipc_buf_printf(&r->said, "  recording  %s\n", c->why);
	ipc_buf_add(&r->said, rest->data, rest->len);
	ipc_buf_release(&r->if_kept);
	ipc_buf_release(&r->if_not);
	print(&r->said);
}

void
report_death(struct link *l, const char *done)
{
	struct crash *c = crash_record(l);
	struct report none, *r = c ? &c->report : &none;

	ipc_buf_init(&r->said, BLOCK_MAX);
	ipc_buf_printf(&r->said, "\n-- the game died " RULE "\n");
	ipc_buf_printf(&r->said, "  what       %s: ", l->game);
	say_how(l->rec.how, &r->said);
	ipc_buf_printf(&r->said, "\n");
	say_where(&l->rec, &r->said);
	ipc_buf_printf(&r->said, "  done       %s\n", done);
	if (c == NULL) {
		if (l->netd->crashes.left >= CRASHES_MAX)
			ipc_buf_printf(&r->said,
			    "  recording  no more than %d in one run\n",
			    CRASHES_MAX);
		say_recordings(l, NULL, &r->said);
		print(&r->said);
		return;
	}
	ipc_buf_init(&r->if_kept, BLOCK_MAX);
	ipc_buf_init(&r->if_not, BLOCK_MAX);
	say_recordings(l, c, &r->if_kept);
	say_recordings(l, NULL, &r->if_not);
	if (!c->writing)
		report_crash(c);
}
