/*
 * netctl_talk.c - stand in for one side of the pipes: be the game of a netd,
 * or the network of a game, by hand or from a script.
 *
 * Lines go out as frames and frames come in as lines. < is up, to the game,
 * and > is down, from it, as in a dump. In a script, lines of the other side
 * are expectations:
 *
 *	< OPENED id=1 peer="a test"
 *	< MESSAGE id=1 "hello"
 *	> SEND id=1 "hello"       the next frame must have these words
 *	>> CLOSE id=1             a frame like that must come, others may before
 *	end 0                     the other side ends (a game: with status 0)
 *
 * Unless --raw says otherwise the dull part happens by itself: HELLO and
 * WELCOME, LIVE and READY, COMMIT after what a game sends or takes, NOW before
 * what a network sends, answers to LISTEN and ASK. Expectations pass over those
 * frames unless they name them.
 */
#include "netd/netctl_talk.h"
#include "netd/netctl.h"

#include "ipc/control.h"
#include "ipc/msg.h"
#include "ipc/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OUT_MAX (64u << 20)

int64_t
talk_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint64_t
real_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000;
}

void
talk_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- out ------------------------------------------------------------------
 */

static void
show(struct talk *t, char way, const struct ipc_frame *f, uint64_t position)
{
	ipc_buf_clear(&t->line);
	if (ipc_buf_printf(&t->line, "%c %" PRIu64 " ", way, position) &&
	    ipc_text_print(f, t->script != NULL, &t->line) &&
	    ipc_buf_add(&t->line, "\n", 1))
		fwrite(t->line.data, 1, t->line.len, stdout);
}

static bool
add_frame(struct talk *t, const struct ipc_frame *f)
{
	uint8_t head[IPC_FRAME_HEAD];
	bool ok;

	ipc_frame_head(head, f);
	ok = ipc_buf_add(&t->bytes, head, sizeof(head)) &&
	     (f->len == 0 || ipc_buf_add(&t->bytes, f->bytes, f->len));
	t->sent += ok && f->kind != IPC_COMMIT;
	t->bye = t->bye || (f->kind == IPC_BYE && t->mine == '>');
	t->fresh = false;
	return ok;
}

/* The first frame of a batch from the network is the time. */
static void
add_now(struct talk *t)
{
	struct ipc_frame f = { .kind = IPC_NOW, .id = real_us() };

	if (t->fresh && t->mine == '<' && !t->raw && t->sent)
		add_frame(t, &f);
}

bool
talk_add(struct talk *t, unsigned kind, uint64_t id, const void *m)
{
	size_t before = t->bytes.len;

	if (kind != IPC_WELCOME)
		add_now(t);
	if (ipc_msg_frame(kind, id, m, &t->bytes) < 0)
		return false;
	t->fresh = false;
	t->sent += t->bytes.len > before;
	return true;
}

static void
add_commit(struct talk *t)
{
	struct ipc_frame f = { .kind = IPC_COMMIT, .id = t->taken };

	if (t->mine == '>' && !t->raw)
		add_frame(t, &f);
}

/* Write what the pipe takes now. */
void
talk_write(struct talk *t)
{
	if (t->out < 0)
		ipc_buf_clear(&t->bytes);
	while (t->bytes.len) {
		ssize_t n = write(t->out, t->bytes.data, t->bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			/* Its reader is gone: that is said by its own end. */
			ipc_buf_clear(&t->bytes);
			return;
		}
		ipc_buf_eat(&t->bytes, (size_t)n);
	}
	t->fresh = true;
	if (t->bye)
		talk_close_fd(&t->out);
}

/* ---- what happens by itself ------------------------------------------------
 */

static void
on_hello(struct talk *t, const struct ipc_frame *f)
{
	struct ipc_hello hello;
	struct ipc_welcome m = { .version = IPC_VERSION,
		.frame_max = IPC_FRAME_MAX,
		.seed = t->seed,
		.now_us = real_us() };
	struct ipc_frame now = { .kind = IPC_NOW }, live = { .kind = IPC_LIVE };
	char name[] = "netctl";
	const char *why, *field;

	if (ipc_msg_unpack(f, &hello, &why, &field) < 0)
		return;
	if (hello.frame_max < m.frame_max)
		m.frame_max = hello.frame_max;
	m.netd = name;
	talk_add(t, IPC_WELCOME, 0, &m);
	/* Nobody was there before this game. */
	now.id = m.now_us;
	add_frame(t, &now);
	add_frame(t, &live);
	ipc_msg_release(IPC_HELLO, &hello);
}

static void
on_listen(struct talk *t, const struct ipc_frame *f)
{
	struct ipc_listen listen;
	struct ipc_listening m = { .listener = (uint32_t)f->id };
	const char *why, *field;

	if (ipc_msg_unpack(f, &listen, &why, &field) < 0)
		return;
	m.url = listen.url;
	talk_add(t, IPC_LISTENING, f->id, &m);
	ipc_msg_release(IPC_LISTEN, &listen);
}

static void
on_ask(struct talk *t, const struct ipc_frame *f)
{
	struct ipc_frame answer = { .kind = IPC_ANSWER, .id = f->id };

	add_now(t);
	add_frame(t, &answer);
}

static void
on_live(struct talk *t, const struct ipc_frame *f)
{
	struct ipc_frame ready = { .kind = IPC_READY };

	(void)f;
	add_frame(t, &ready);
	add_commit(t);
}

/* Frames of either side that nobody has to write or to expect. */
static const struct {
	uint8_t kind;
	void (*act)(struct talk *t, const struct ipc_frame *f);
} dull[] = {
	{ IPC_HELLO, on_hello },
	{ IPC_LISTEN, on_listen },
	{ IPC_ASK, on_ask },
	{ IPC_LIVE, on_live },
	{ IPC_READY, NULL },
	{ IPC_WELCOME, NULL },
	{ IPC_COMMIT, NULL },
	{ IPC_NOW, NULL },
	{ IPC_LOG, NULL },
};

static bool
is_dull(const struct talk *t, uint8_t kind)
{
	for (size_t i = 0; i < sizeof(dull) / sizeof(dull[0]); i++)
		if (dull[i].kind == kind)
			return !t->raw;
	return false;
}

static void
took(struct talk *t, const struct ipc_frame *f)
{
	t->taken += f->kind != IPC_COMMIT;
	show(t, t->mine == '<' ? '>' : '<', f, t->taken);
	for (size_t i = 0; i < sizeof(dull) / sizeof(dull[0]) && !t->raw; i++)
		if (dull[i].kind == f->kind && dull[i].act)
			dull[i].act(t, f);
	/* As after LIVE: players are read when this was taken. */
	if (f->kind == IPC_LISTENING)
		add_commit(t);
}

/* ---- in -------------------------------------------------------------------
 */

/* Wait for the pipes, and for lines if fd is not -1. False: time is up. */
static bool
wait_for(struct talk *t, int fd, int64_t deadline_ms, bool *lines)
{
	struct pollfd p[3] = { { .fd = t->ended ? -1 : t->in,
				   .events = POLLIN },
		{ .fd = t->bytes.len ? t->out : -1, .events = POLLOUT },
		{ .fd = fd, .events = POLLIN } };
	int64_t left = deadline_ms < 0 ? -1 : deadline_ms - talk_now_ms();
	size_t room;
	uint8_t *to;
	ssize_t n;

	/* Nobody looks any more. */
	if (fflush(stdout) != 0)
		t->ended = true;
	if (t->ended && p[0].fd >= 0)
		return true;
	if (deadline_ms >= 0 && left < 0)
		left = 0;
	n = poll(p, 3, (int)left);
	if (n < 0)
		return errno == EINTR;
	if (n == 0)
		return false;
	*lines = p[2].revents != 0;
	if (p[1].revents)
		talk_write(t);
	if (p[0].revents == 0)
		return true;
	to = ipc_reader_space(&t->reader, &room);
	n = to ? read(t->in, to, room) : 0;
	if (n > 0)
		ipc_reader_filled(&t->reader, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		t->ended = true;
	return true;
}

/* The next frame that came: 1, 0 at the end, -1 when time is up or it is
 * broken (said already). */
int
talk_next(struct talk *t, struct ipc_frame *f, int64_t deadline_ms)
{
	bool lines;

	for (;;) {
		switch (ipc_reader_next(&t->reader, f)) {
		case IPC_FRAME:
			took(t, f);
			return 1;
		case IPC_BROKEN:
			fail("frame %" PRIu64 " is broken at its byte %zu: %s",
			    t->taken + 1, t->reader.wrong_at, t->reader.why);
			return -1;
		case IPC_NEED_MORE:
			break;
		}
		if (t->ended)
			return 0;
		if (!t->fresh)
			talk_write(t);
		if (!wait_for(t, -1, deadline_ms, &lines)) {
			fail("nothing came for %" PRId64 " ms", t->timeout_ms);
			return -1;
		}
	}
}

/* ---- scripts ---------------------------------------------------------------
 */

static int
wrong_line(const struct talk *t, const char *what)
{
	return fail("%s:%u: %s", t->file, t->number, what);
}

static int
send_line(struct talk *t, const char *line, size_t n)
{
	size_t before = t->bytes.len;
	struct ipc_text_error e;
	struct ipc_frame f;
	struct ipc_buf one;
	size_t want;
	const char *why;
	int got;

	ipc_buf_init(&one, IPC_FRAME_MAX_MAX);
	got = ipc_text_parse(line, n, &one, &e);
	if (got == IPC_ERR_INVALID)
		fail("%s:%u:%zu: %s", t->file, t->number, e.column, e.text);
	if (got == 1 && ipc_frame_decode(one.data, one.len, one.len, &f, &want,
			    &why) == IPC_FRAME) {
		if (f.kind != IPC_NOW)
			add_now(t);
		if (!add_frame(t, &f))
			got = fail("too much is waiting to be sent");
		else if (t->script)
			show(t, t->mine, &f, t->sent);
	}
	ipc_buf_release(&one);
	(void)before;
	return got < 0 || got > 1 ? FAILED : DONE;
}

static void
flush_batch(struct talk *t)
{
	if (!t->fresh)
		add_commit(t);
	talk_write(t);
}

/* Does the expectation name this kind itself? */
static bool
names(const struct ipc_frame *f, const char *line, size_t n)
{
	const struct ipc_info *info = ipc_info(f->kind);

	return info && n >= strlen(info->name) &&
	       memcmp(line, info->name, strlen(info->name)) == 0;
}

static int
expect_line(struct talk *t, const char *line, size_t n)
{
	bool later = n > 1 && line[1] == line[0];
	size_t skip = later ? 2 : 1;
	int64_t deadline = talk_now_ms() + t->timeout_ms;
	struct ipc_frame f;
	int got;

	flush_batch(t);
	line += skip;
	n -= skip;
	while (n && *line == ' ') {
		line++;
		n--;
	}
	while ((got = talk_next(t, &f, deadline)) == 1) {
		if (is_dull(t, f.kind) && !names(&f, line, n))
			continue;
		if (ipc_text_match(&f, line, n))
			return DONE;
		if (!later)
			return fail("%s:%u: expected: %.*s", t->file, t->number,
			    (int)n, line);
	}
	return fail("%s:%u: %s before: %.*s", t->file, t->number,
	    got == 0 ? "the pipe ended" : "gave up", (int)n, line);
}

static int
expect_end(struct talk *t, const char *line)
{
	int64_t deadline = talk_now_ms() + t->timeout_ms;
	struct ipc_frame f;
	uint64_t want;
	int got, status;

	flush_batch(t);
	while ((got = talk_next(t, &f, deadline)) == 1)
		if (!is_dull(t, f.kind))
			return wrong_line(t, "expected its end");
	if (got < 0)
		return wrong_line(t, "expected its end");
	for (line += 3; *line == ' '; line++)
		;
	if (*line == '\0' || t->game == 0)
		return DONE;
	status = talk_game_status(t);
	if (!whole(line, &want) || status != (int)want)
		return wrong_line(t, "it ended otherwise");
	return DONE;
}

static int
script_line(struct talk *t, char *line, size_t n)
{
	while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		line[--n] = '\0';
	while (*line == ' ' || *line == '\t') {
		line++;
		n--;
	}
	if ((*line == '<' || *line == '>') && *line != t->mine)
		return expect_line(t, line, n);
	if (strncmp(line, "end", 3) == 0 && (line[3] == ' ' || !line[3]))
		return expect_end(t, line);
	return send_line(t, line, n);
}

static int
run_script(struct talk *t)
{
	bool is_stdin = strcmp(t->script, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(t->script, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int status = DONE;

	t->file = is_stdin ? "stdin" : t->script;
	if (in == NULL)
		return fail("cannot open '%s': %s", t->script, strerror(errno));
	while (status == DONE && (n = getline(&line, &size, in)) >= 0) {
		t->number++;
		status = script_line(t, line, (size_t)n);
	}
	if (status == DONE)
		flush_batch(t);
	free(line);
	if (!is_stdin)
		fclose(in);
	return status;
}

/* ---- by hand ---------------------------------------------------------------
 */

/* Whole lines of what was typed. */
static void
typed(struct talk *t, struct ipc_buf *b)
{
	char *nl;

	while (b->len && (nl = memchr(b->data, '\n', b->len))) {
		t->number++;
		/* What is wrong was said: a person types it again. */
		send_line(t, (char *)b->data, (size_t)(nl - (char *)b->data));
		ipc_buf_eat(b, (size_t)(nl - (char *)b->data) + 1);
	}
	flush_batch(t);
}

/* False: stdin has ended. */
static bool
read_lines(struct talk *t, struct ipc_buf *b)
{
	uint8_t *to = ipc_buf_space(b, 4096);
	ssize_t n = to ? read(0, to, 4096) : 0;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	ipc_buf_added(b, (size_t)n);
	if (n == 0 && b->len)
		ipc_buf_add(b, "\n", 1);
	typed(t, b);
	return n > 0;
}

static bool
take_all(struct talk *t)
{
	struct ipc_frame f;
	enum ipc_decoded d;
	bool any = false;

	while ((d = ipc_reader_next(&t->reader, &f)) == IPC_FRAME) {
		took(t, &f);
		any = true;
	}
	if (d == IPC_BROKEN) {
		fail("frame %" PRIu64 " is broken at its byte %zu: %s",
		    t->taken + 1, t->reader.wrong_at, t->reader.why);
		return false;
	}
	if (any)
		add_commit(t);
	if (any || !t->fresh)
		talk_write(t);
	return true;
}

/* stdin ended: a game says goodbye, a network just goes. */
static bool
say_goodbye(struct talk *t)
{
	struct ipc_frame f = { .kind = IPC_BYE };

	if (t->stay)
		return true;
	if (t->mine == '<' || t->raw)
		return false;
	add_frame(t, &f);
	flush_batch(t);
	return true;
}

static int
run_by_hand(struct talk *t)
{
	struct ipc_buf b;
	bool lines, reading = true, ok = true;

	t->file = "stdin";
	ipc_buf_init(&b, IPC_FRAME_MAX_MAX);
	while (ok && !t->ended) {
		lines = false;
		wait_for(t, reading ? 0 : -1, -1, &lines);
		ok = take_all(t);
		if (ok && lines && !read_lines(t, &b)) {
			reading = false;
			ok = say_goodbye(t);
			if (!ok)
				break;
		}
	}
	if (ok)
		take_all(t);
	ipc_buf_release(&b);
	fflush(stdout);
	return t->reader.why ? FAILED : DONE;
}

/* ---- both ------------------------------------------------------------------
 */

void
talk_init(struct talk *t, char mine)
{
	memset(t, 0, sizeof(*t));
	t->mine = mine;
	t->in = t->out = t->control = -1;
	t->timeout_ms = 5000;
	t->seed = 1;
	t->fresh = true;
	ipc_reader_init(&t->reader, IPC_FRAME_MAX_MAX);
	ipc_buf_init(&t->bytes, OUT_MAX);
	ipc_buf_init(&t->line, 5u * IPC_FRAME_MAX_MAX);
}

void
talk_release(struct talk *t)
{
	talk_close_fd(&t->in);
	talk_close_fd(&t->out);
	talk_close_fd(&t->control);
	ipc_reader_release(&t->reader);
	ipc_buf_release(&t->bytes);
	ipc_buf_release(&t->line);
}

int
talk_run(struct talk *t)
{
	fcntl(t->in, F_SETFL, fcntl(t->in, F_GETFL) | O_NONBLOCK);
	fcntl(t->out, F_SETFL, fcntl(t->out, F_GETFL) | O_NONBLOCK);
	return t->script ? run_script(t) : run_by_hand(t);
}

/* Options that both have. False: not one of them, or a bad value. */
bool
talk_option(struct talk *t, const char *name, const char *value)
{
	uint64_t n;

	if (strcmp(name, "script") == 0)
		t->script = value;
	else if (strcmp(name, "raw") == 0)
		t->raw = true;
	else if (strcmp(name, "stay") == 0)
		t->stay = true;
	else if (strcmp(name, "seed") == 0)
		return whole(value, &t->seed);
	else if (strcmp(name, "timeout") == 0 && whole(value, &n) && n <= 86400)
		t->timeout_ms = (int64_t)n * 1000;
	else
		return false;
	return true;
}
