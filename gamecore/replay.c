/*
 * replay.c - a recording in netd's place.
 *
 * The stream is the game's whole input, so its recording, fed back, is the
 * game again. This process feeds what went up, and holds what comes down
 * against what came down then, byte for byte; the game is a child and knows
 * of nothing, or under a debugger the other way round. What cannot be the
 * same is not compared: the process's number in HELLO, what a checkpoint cost,
 * and where on this machine the pages lie. COMMITs are how frames were
 * gathered, which is chance.
 *
 * When a run differs while several frames may have done it, a second run feeds
 * those one by one, to name the one. A frame that netd set aside kills the game
 * here too; the run after that feeds what netd put there.
 *
 * A launcher of another kind: like launch.c it forks and waits.
 */
#include "gamecore/core.h"
#include "ipc/recording.h"
#include "ipc/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Read so far ahead of the game. */
#define AHEAD (256u << 10)
/* For a game that netd has left, to see it and end. */
#define END_MS 10000
/* A result, and one frame in it. */
#define TEXT_MAX 1900
#define LINE_MAX_BYTES 300
/* What a game that waits for its past may be behind: what netd allows. */
#define QUEUE_MAX ((size_t)1 << 32)

enum { SAME = 0, DIFFERS = 3, UNUSABLE = 4 };

/* ---- what a recording holds -------------------------------------------------
 */

/* A NOTE of netd that a replay needs. */
struct note {
	struct note *next;
	size_t life;
	bool death;
	uint64_t frame, given; /* death: in its hand, the last it was given */
	uint64_t with;        /* else: replaced when that frame was set aside */
	struct ipc_buf whole; /* by this one */
};

/* One process of the game, from its HELLO on. */
struct life {
	bool whole; /* its beginning is there */
	bool open;  /* it ended where the recording does not show it all */
	uint64_t up, down;
	uint64_t given; /* not 0: it died for good with frames up to this one */
};

struct tape {
	int fd;
	struct life *lives;
	size_t n;
	bool restarted; /* its first life begins with a RESTART, too */
	struct note *notes;
	struct ipc_buf command; /* of the game, readable */
	char how[192];          /* the recording's end if it is no END; or "" */
	char problem[512];
};

static bool problem(struct tape *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool
problem(struct tape *t, const char *format, ...)
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

static const struct note *
note_find(const struct tape *t, size_t life, uint64_t frame, bool death)
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
			return problem(t, "out of memory");
		if (!frames && !scan_mark(t, &rec))
			return problem(t, "out of memory");
		if (t->n) {
			t->lives[t->n - 1].up = r->up;
			t->lives[t->n - 1].down = r->down;
		}
	}
	if (got < 0)
		return problem(t, "%s", r->why);
	if (t->n && !r->ended)
		t->lives[t->n - 1].open = true;
	snprintf(t->how, sizeof(t->how), "%s", r->torn ? r->why : "");
	return true;
}

/* One reader after another on the same file. */
static bool
tape_rewind(struct tape *t, struct ipc_recording_reader *r)
{
	if (lseek(t->fd, 0, SEEK_SET) < 0)
		return problem(t, "%s", strerror(errno));
	if (ipc_recording_open(r, t->fd) < 0)
		return problem(t, "%s", r->why[0] ? r->why : "cannot read it");
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

static bool
tape_open(struct tape *t, const char *file, struct ipc_buf *args, size_t *n)
{
	struct ipc_recording_reader r;
	bool ok;

	*t = (struct tape){ .fd = open(file, O_RDONLY | O_CLOEXEC) };
	ipc_buf_init(&t->command, 4096);
	if (t->fd < 0)
		return problem(t, "%s", strerror(errno));
	if (!tape_rewind(t, &r))
		return false;
	ok = recorded_arguments(&r, args, n) && scan_all(t, &r);
	ipc_recording_head_get(r.text, r.text_len, "program", 0, &t->command);
	for (size_t at = 0; ok && at < args->len;
	     at += strlen((char *)args->data + at) + 1)
		ipc_buf_printf(&t->command, " %s", (char *)args->data + at);
	ipc_recording_close(&r);
	if (ok && t->n == 0)
		return problem(t, "it holds no frames");
	return ok;
}

static void
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

/* ---- one run of one life ---------------------------------------------------
 */

struct run {
	const struct options *o;
	struct tape *tape;
	size_t life; /* from 1 */
	/* how to feed */
	uint64_t from, to; /* these frames one by one; 0: none */
	uint64_t aside;    /* frames up to this one as netd replaced them */
	bool paced;
	/* what is fed */
	struct ipc_recording_reader in;
	struct ipc_buf feed, expect;
	size_t feed_at, feed_to, expect_at; /* written; may be written */
	uint64_t laid, given; /* up: the newest in feed; that may be written */
	uint64_t told;        /* down: the newest in expect */
	uint64_t must; /* of them those that --until leaves no choice about */
	bool over;     /* nothing more in this life */
	bool ups_over; /* nothing more to feed */
	int64_t began_us, first_us, next_us; /* of pacing */
	/* the game */
	int up, down;
	pid_t game;
	struct ipc_reader out;
	uint64_t taken, heard;
	bool partial, bye;
	int status;              /* of waitpid() */
	volatile uint64_t *hand; /* what it has in hand; or NULL */
	/* what came out */
	enum { FINE, OTHER, MISSING, MORE, DIED, BROKEN } result;
	uint64_t at, in_from, in_to; /* frame down; frames up in its hand */
	char was[LINE_MAX_BYTES], is[LINE_MAX_BYTES];
	size_t byte; /* the first that differs */
};

static int64_t
clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

static void
print(const struct ipc_frame *f, char out[LINE_MAX_BYTES])
{
	struct ipc_buf line;

	ipc_buf_init(&line, 1u << 16);
	ipc_text_print(f, false, &line);
	snprintf(out, LINE_MAX_BYTES, "%.*s", (int)line.len,
	    line.data ? (const char *)line.data : "");
	ipc_buf_release(&line);
}

static void
wrong(struct run *r, int result, const struct ipc_frame *was,
    const struct ipc_frame *is)
{
	if (r->result != FINE)
		return;
	r->result = result;
	r->at = r->heard;
	r->in_from = r->taken + 1;
	r->in_to = r->given;
	if (result == DIED && r->hand && *r->hand)
		r->in_from = r->in_to = *r->hand;
	if (was)
		print(was, r->was);
	if (is)
		print(is, r->is);
}

/* ---- from the recording -----------------------------------------------------
 */

static void
lay_up(struct run *r, const struct ipc_recorded *f)
{
	const struct life *l = &r->tape->lives[r->life - 1];
	const struct note *n = NULL;

	if ((r->o->until && f->position > r->o->until) ||
	    (l->given && f->position > l->given))
		r->ups_over = true;
	if (r->ups_over)
		return;
	n = note_find(r->tape, r->life, f->position, false);
	if (n && n->with > r->aside)
		n = NULL;
	if (n ? !ipc_buf_add(&r->feed, n->whole.data, n->whole.len)
	      : !ipc_buf_add(&r->feed, f->bytes, f->len))
		wrong(r, BROKEN, NULL, NULL);
	r->laid = f->position;
}

static void
lay_down(struct run *r, const struct ipc_recorded *f)
{
	if (f->frame.kind != IPC_COMMIT) {
		if (!ipc_buf_add(&r->expect, f->bytes, f->len))
			wrong(r, BROKEN, NULL, NULL);
		r->told = f->position;
	} else if (r->o->until && f->frame.id <= r->o->until) {
		r->must = r->told;
	}
	if (f->frame.kind == IPC_COMMIT && r->o->until &&
	    f->frame.id >= r->o->until)
		r->over = true;
}

/* Take one frame or mark off the recording. */
static void
advance(struct run *r)
{
	struct ipc_recorded f;
	int got = ipc_recording_next_frame(&r->in, &f);

	if (got <= 0 || f.type == IPC_RECORD_RESTART ||
	    f.type == IPC_RECORD_END) {
		r->over = true;
		return;
	}
	if (r->first_us == 0)
		r->first_us = f.time_us;
	r->next_us = f.time_us;
	if (f.type == IPC_RECORD_UP)
		lay_up(r, &f);
	else if (f.type == IPC_RECORD_DOWN)
		lay_down(r, &f);
}

/* Milliseconds until the recording goes on; 0: now. */
static int
wait_ms(const struct run *r)
{
	int64_t left;

	if (!r->paced || r->over)
		return 0;
	left = (r->next_us - r->first_us) - (clock_us() - r->began_us);
	return left <= 0 ? 0 : (int)(left / 1000 + 1);
}

static uint32_t
frame_size_at(const uint8_t *p)
{
	uint32_t n;

	memcpy(&n, p + 4, sizeof(n));
	return n;
}

static void
look_ahead(struct run *r)
{
	if (r->feed_at > AHEAD) {
		ipc_buf_eat(&r->feed, r->feed_at);
		r->feed_to -= r->feed_at;
		r->feed_at = 0;
	}
	while (!r->over && r->result == FINE &&
	       r->feed.len - r->feed_at < AHEAD && wait_ms(r) == 0)
		advance(r);
	while (r->feed_to < r->feed.len) {
		uint64_t next = r->given + 1;

		if (r->from && next >= r->from && next <= r->to &&
		    r->taken < r->given)
			break; /* one by one: it has one in hand */
		r->feed_to += frame_size_at(r->feed.data + r->feed_to);
		r->given++;
	}
}

/* The next frame that the game said then; false: none in this life. */
static bool
expected(struct run *r, struct ipc_frame *f)
{
	size_t want;
	const char *why;

	while (r->expect_at == r->expect.len && !r->over && r->result == FINE)
		advance(r);
	if (r->expect_at == r->expect.len)
		return false;
	if (ipc_frame_decode(r->expect.data + r->expect_at,
		r->expect.len - r->expect_at, IPC_FRAME_MAX_MAX, f, &want,
		&why) != IPC_FRAME)
		return false;
	r->expect_at += ipc_frame_size(f->len);
	return true;
}

static void
forget_expected(struct run *r)
{
	if (r->expect_at > AHEAD) {
		ipc_buf_eat(&r->expect, r->expect_at);
		r->expect_at = 0;
	}
}

/* ---- what the game says -----------------------------------------------------
 */

/* The URL without where the pages lie on this machine. */
static void
plain_url(const char *url, char *out, size_t size)
{
	const char *www = strstr(url, "www=");
	size_t head = www ? (size_t)(www - url) : strlen(url);
	const char *rest = www ? strchr(www, '&') : NULL;

	snprintf(out, size, "%.*s%s", (int)head, url, rest ? rest : "");
}

static bool
same_listen(const struct ipc_frame *a, const struct ipc_frame *b)
{
	struct ipc_listen m;
	const char *why, *field;
	char urls[2][2100];

	for (int i = 0; i < 2; i++) {
		if (ipc_msg_unpack(i ? b : a, &m, &why, &field) < 0)
			return false;
		plain_url(m.url ? m.url : "", urls[i], sizeof(urls[i]));
		ipc_msg_release(IPC_LISTEN, &m);
	}
	return a->id == b->id && strcmp(urls[0], urls[1]) == 0;
}

static bool
same_hello(const struct ipc_frame *a, const struct ipc_frame *b)
{
	struct ipc_hello m;
	const char *why, *field;
	char games[2][65];

	for (int i = 0; i < 2; i++) {
		if (ipc_msg_unpack(i ? b : a, &m, &why, &field) < 0)
			return false;
		snprintf(games[i], sizeof(games[i]), "%s", m.game);
		ipc_msg_release(IPC_HELLO, &m);
	}
	return strcmp(games[0], games[1]) == 0;
}

static bool
same(const struct ipc_frame *a, const struct ipc_frame *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == IPC_HELLO)
		return same_hello(a, b);
	if (a->kind == IPC_CHECKPOINTED)
		return a->id == b->id;
	if (a->kind == IPC_LISTEN)
		return same_listen(a, b);
	return a->flags == b->flags && a->channel == b->channel &&
	       a->id == b->id && a->len == b->len &&
	       (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
}

static size_t
first_difference(const struct ipc_frame *a, const struct ipc_frame *b)
{
	size_t i = 0;

	while (i < a->len && i < b->len && a->bytes[i] == b->bytes[i])
		i++;
	return i;
}

static void
hear(struct run *r, const struct ipc_frame *f)
{
	const struct life *l = &r->tape->lives[r->life - 1];
	struct ipc_frame was;

	if (f->kind == IPC_COMMIT) {
		r->taken = f->id;
		r->partial = (f->flags & IPC_PARTIAL) != 0;
		return;
	}
	r->heard++;
	if (!expected(r, &was)) {
		/* Where it was cut off there was more to come. */
		if (!l->open && !r->o->until)
			wrong(r, MORE, NULL, f);
	} else if (!same(&was, f)) {
		r->byte = first_difference(&was, f);
		wrong(r, OTHER, &was, f);
	}
	r->bye = r->bye || f->kind == IPC_BYE;
	forget_expected(r);
}

/* False: it has closed its end. */
static bool
hear_all(struct run *r)
{
	struct ipc_frame f;
	enum ipc_decoded d;
	size_t room;
	uint8_t *to = ipc_reader_space(&r->out, &room);
	ssize_t n = to ? read(r->down, to, room) : -1;

	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;
	ipc_reader_filled(&r->out, (size_t)n);
	while (r->result == FINE &&
	       (d = ipc_reader_next(&r->out, &f)) != IPC_NEED_MORE) {
		if (d == IPC_BROKEN) {
			snprintf(r->is, sizeof(r->is), "%s", r->out.why);
			wrong(r, BROKEN, NULL, NULL);
			break;
		}
		hear(r, &f);
	}
	return true;
}

static void
feed_some(struct run *r)
{
	ssize_t n =
	    write(r->up, r->feed.data + r->feed_at, r->feed_to - r->feed_at);

	if (n > 0)
		r->feed_at += (size_t)n;
	else if (n < 0 && errno != EINTR && errno != EAGAIN)
		r->feed_at = r->feed_to = r->feed.len; /* it has ended */
}

static void
close_up(struct run *r)
{
	if (r->up >= 0)
		close(r->up);
	r->up = -1;
}

/* ---- a run ------------------------------------------------------------------
 */

static void
play(struct run *r)
{
	for (;;) {
		struct pollfd fds[2] = { { .fd = r->down, .events = POLLIN },
			{ .fd = -1, .events = POLLOUT } };
		int wait = -1, n;

		look_ahead(r);
		if (r->result != FINE)
			return;
		if (r->over && r->feed_at == r->feed.len)
			close_up(r); /* as if netd were gone: its last words */
		if (r->feed_at < r->feed_to)
			fds[1].fd = r->up;
		else if (wait_ms(r))
			wait = wait_ms(r);
		if (r->up < 0)
			wait = END_MS;
		n = poll(fds, 2, wait);
		if (n == 0 && r->up < 0)
			return;
		if (fds[1].revents)
			feed_some(r);
		if (n > 0 && fds[0].revents && !hear_all(r))
			return;
	}
}

/* A game that ends is given a moment; one that is wrong is ended. */
static void
end_game(struct run *r)
{
	int64_t until = clock_us() + (r->result == FINE ? END_MS * 1000ll : 0);

	close_up(r);
	if (r->game == 0)
		return;
	while (waitpid(r->game, &r->status, WNOHANG) == 0) {
		if (clock_us() > until) {
			kill(r->game, SIGKILL);
			while (waitpid(r->game, &r->status, 0) < 0 &&
			       errno == EINTR)
				;
			r->status = 0;
			return;
		}
		poll(NULL, 0, 1);
	}
}

/* How a run that came to its end did so. */
static void
judge(struct run *r)
{
	struct ipc_frame was;

	if (r->result != FINE)
		return;
	if (r->game && r->status && !r->bye &&
	    (r->taken < r->laid || !r->over ||
		(WIFSIGNALED(r->status) &&
		    (r->partial || (r->hand && *r->hand))))) {
		wrong(r, DIED, NULL, NULL);
		return;
	}
	if ((r->o->until ? r->heard < r->must : true) && expected(r, &was)) {
		r->heard++;
		wrong(r, MISSING, &was, NULL);
	}
}

/* Go to the beginning of the life. */
static bool
seek(struct run *r)
{
	struct ipc_record rec;
	size_t restarts = r->life - 1 + r->tape->restarted;

	if (!tape_rewind(r->tape, &r->in))
		return false;
	while (restarts && ipc_recording_next(&r->in, &rec) > 0)
		restarts -= rec.type == IPC_RECORD_RESTART;
	return true;
}

static void
run_release(struct run *r)
{
	ipc_recording_close(&r->in);
	ipc_buf_release(&r->feed);
	ipc_buf_release(&r->expect);
	ipc_reader_release(&r->out);
	close_up(r);
	if (r->down >= 0)
		close(r->down);
}

static void
run_init(struct run *r)
{
	ipc_buf_init(&r->feed, QUEUE_MAX);
	ipc_buf_init(&r->expect, QUEUE_MAX);
	ipc_reader_init(&r->out, IPC_FRAME_MAX_MAX);
	r->began_us = clock_us();
}

static void
non_blocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void
be_game(struct launched *l, const struct pipes *p, uint64_t break_at)
{
	pipes_close_netd(p);
	signal(SIGPIPE, SIG_IGN);
	*l = (struct launched){ .up = p->up_r,
		.down = p->down_w,
		.control = -1,
		.pid = (uint32_t)getpid(),
		.keeper = -1,
		.break_at = break_at };
}

/* Shared with the game, which dies; NULL: then its COMMITs must do. */
static volatile uint64_t *
new_hand(void)
{
	void *p = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void
drop_hand(struct run *r)
{
	if (r->hand)
		munmap((void *)(uintptr_t)r->hand, sizeof(uint64_t));
	r->hand = NULL;
}

/* 1: this process is the game now. 0: the run is done. -1: errno says. */
static int
run_once(struct run *r, struct launched *l)
{
	struct pipes p;
	pid_t parent = getpid();

	if (!seek(r) || !pipes_open(&p))
		return -1;
	run_init(r);
	r->hand = new_hand();
	fflush(NULL);
	r->game = fork();
	if (r->game == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			raise(SIGKILL);
		run_release(r);
		be_game(l, &p, 0);
		l->hand = r->hand;
		return 1;
	}
	pipes_close_game(&p);
	r->up = p.up_w;
	r->down = p.down_r;
	non_blocking(r->up);
	if (r->game > 0) {
		play(r);
		end_game(r);
		judge(r);
	}
	run_release(r);
	drop_hand(r);
	return r->game < 0 ? -1 : 0;
}

/* ---- what came out, in words ------------------------------------------------
 */

struct outcome {
	char text[TEXT_MAX];
	size_t len;
	int status;
};

static void say(struct outcome *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
say(struct outcome *o, const char *format, ...)
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
	if (!seek(&r))
		return;
	while (ipc_recording_next_frame(&r.in, &f) > 0 &&
	       f.type != IPC_RECORD_RESTART && out[0] == '\0')
		if (f.type == IPC_RECORD_UP && f.position == position)
			print(&f.frame, out);
	ipc_recording_close(&r.in);
}

static void
say_in_hand(struct outcome *o, const struct run *r)
{
	char line[LINE_MAX_BYTES];

	if (r->in_to > r->in_from) {
		say(o,
		    "\n  it had frames %" PRIu64 " to %" PRIu64
		    " up in its hand",
		    r->in_from, r->in_to);
		return;
	}
	frame_up(r, r->in_from, line);
	say(o, "\n  it had frame %" PRIu64 " up in its hand: %s", r->in_from,
	    line);
}

static void
say_gdb(struct outcome *o, const struct run *r)
{
	say(o, "\n  see it: gdb --args %s --replay %s --break-at %" PRIu64,
	    r->o->argv[0], r->o->replay, r->in_from);
	if (r->tape->n > 1)
		say(o, " --life %zu", r->life);
}

static void
say_different(struct outcome *o, const struct run *r)
{
	char how[64];

	o->status = DIFFERS;
	if (r->tape->n > 1)
		say(o, "in life %zu ", r->life);
	if (r->result == DIED)
		say(o, "the game died in the replay, not in the recording: %s",
		    launch_how(r->status, how, sizeof(how)));
	else if (r->result == BROKEN)
		say(o, "the game's frame %" PRIu64 " down is broken: %s",
		    r->heard + 1, r->is);
	else
		say(o, "the replay differs at frame %" PRIu64 " down", r->at);
	if (r->result == OTHER && strcmp(r->was, r->is) == 0)
		say(o, ", from its byte %zu on", r->byte);
	say_in_hand(o, r);
	if (r->was[0] || r->is[0]) {
		say(o, "\n  recorded: %s", r->was[0] ? r->was : "nothing more");
		say(o, "\n  replayed: %s", r->is[0] ? r->is : "nothing more");
	}
	say_gdb(o, r);
}

static void
say_tape(struct outcome *o, const struct tape *t)
{
	if (t->how[0])
		say(o, "\n  the recording is cut off: %s", t->how);
	say(o, "\n  it was started as: %.*s", (int)t->command.len,
	    (const char *)t->command.data);
}

/* ---- one life ---------------------------------------------------------------
 */

static bool
several(const struct run *r)
{
	return r->in_to > r->in_from && r->from == 0 &&
	       (r->result == OTHER || r->result == MORE || r->result == DIED);
}

/*
 * Run until nothing new comes of it. 1: this process is the game. Else *r is
 * the last run, and *deaths counts those that went as recorded.
 */
static int
run_life(struct run *r, struct launched *l, size_t *deaths)
{
	const struct tape *t = r->tape;
	struct run first = *r, next;
	int got;

	for (;;) {
		got = run_once(r, l);
		if (got)
			return got;
		next = first;
		next.paced = false;
		next.aside = r->aside;
		if (several(r)) {
			/* Again, those one by one: which of them is it? */
			next.from = r->in_from;
			next.to = r->in_to;
			got = run_once(&next, l);
			if (got)
				return got;
			if (next.result == r->result &&
			    next.in_from >= r->in_from)
				*r = next;
		}
		if (r->result != DIED)
			return 0;
		if (note_find(t, r->life, r->in_from, false) &&
		    r->in_from > r->aside) {
			uint64_t aside = r->in_from;

			++*deaths;
			*r = first;
			r->paced = false;
			r->aside = aside;
			continue;
		}
		if (t->lives[r->life - 1].given &&
		    note_find(t, r->life, r->in_from, true)) {
			++*deaths;
			r->result = FINE;
		}
		return 0;
	}
}

/* The lives to play: from..to. False: said why not. */
static bool
choose(
    const struct options *o, struct tape *t, bool one, size_t *from, size_t *to)
{
	one = one || o->until || o->break_at;
	*from = o->life ? o->life : one ? t->n : 1;
	*to = o->life ? o->life : t->n;
	if (*from == 0 || *from > t->n)
		return problem(
		    t, "it has %zu games, not %" PRIu64, t->n, o->life);
	while (*from < *to && !t->lives[*from - 1].whole)
		++*from;
	while (*to > *from && !t->lives[*to - 1].whole)
		--*to;
	if (!t->lives[*from - 1].whole)
		return problem(t,
		    "it does not begin where the game does: it can be read "
		    "('netctl dump'), not replayed");
	return true;
}

/* 1: this process is the game. */
static int
run_lives(const struct options *o, struct tape *t, struct launched *l,
    struct outcome *out)
{
	size_t from, to, deaths = 0;
	uint64_t up = 0, down = 0;

	if (!choose(o, t, false, &from, &to))
		return -1;
	for (size_t life = from; life <= to; life++) {
		struct run r = { .o = o,
			.tape = t,
			.life = life,
			.paced = o->paced,
			.up = -1,
			.down = -1 };
		int got;

		if (!t->lives[life - 1].whole)
			continue;
		got = run_life(&r, l, &deaths);
		if (got < 0 && !t->problem[0])
			problem(t, "%s", strerror(errno));
		if (got)
			return got;
		up += r.given;
		down += r.heard;
		if (r.result != FINE) {
			say_different(out, &r);
			return 0;
		}
	}
	say(out,
	    "the replay is the same: %" PRIu64 " frames up, %" PRIu64 " down",
	    up, down);
	if (deaths)
		say(out, ", and %zu death%s as recorded", deaths,
		    deaths == 1 ? "" : "s");
	return 0;
}

/* ---- under a debugger: the game stays in the process that was started ------
 */

static _Noreturn void
feed_and_end(struct run *r, const char *name)
{
	struct outcome out = { .status = SAME };
	struct pollfd err = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[TEXT_MAX + 128];
	int n;

	play(r);
	if (r->taken < r->laid && !r->bye)
		r->over = false; /* ended in the debugger */
	else
		judge(r);
	if (r->result == FINE && !r->over)
		say(&out,
		    "the replay was the same until the game ended, with frames "
		    "%" PRIu64 " to %" PRIu64 " up in its hand",
		    r->taken + 1, r->given);
	else if (r->result == FINE)
		say(&out,
		    "the replay is the same: %" PRIu64 " frames up, %" PRIu64
		    " down",
		    r->given, r->heard);
	else
		say_different(&out, r);
	n = snprintf(line, sizeof(line), "%s: %s\n", name, out.text);
	if (poll(&err, 1, 1000) == 1 &&
	    write(STDERR_FILENO, line, (size_t)n) < 0)
		_exit(UNUSABLE);
	_exit(out.status);
}

static bool
replay_traced(struct launched *l, const struct options *o, struct tape *t,
    struct gc_start *start)
{
	struct run r = { .o = o,
		.tape = t,
		.paced = o->paced,
		.aside = o->break_at ? o->break_at - 1 : 0,
		.up = -1,
		.down = -1 };
	struct pipes p;
	pid_t pid;
	size_t to;

	if (!choose(o, t, true, &r.life, &to))
		return false;
	if (!seek(&r) || !pipes_open(&p))
		return problem(t, "%s", strerror(errno));
	run_init(&r);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		signal(SIGINT, SIG_IGN); /* that is the debugger's */
		signal(SIGPIPE, SIG_IGN);
		pipes_close_game(&p);
		r.up = p.up_w;
		r.down = p.down_r;
		non_blocking(r.up);
		feed_and_end(&r, start->name);
	}
	run_release(&r);
	if (pid < 0) {
		pipes_close_game(&p);
		pipes_close_netd(&p);
		return problem(t, "%s", strerror(errno));
	}
	be_game(l, &p, o->break_at);
	return true;
}

/* ---- the way in -------------------------------------------------------------
 */

/* Begin again as the recorded game was begun. Returns if that cannot be. */
static void
start_as_recorded(const struct options *o, const struct ipc_buf *args, size_t n)
{
	size_t argc = 0, at = 0;
	char **argv;

	while (o->argv[argc])
		argc++;
	argv = calloc(argc + n + 1, sizeof(*argv));
	if (argv == NULL)
		return;
	memcpy(argv, o->argv, argc * sizeof(*argv));
	for (size_t i = 0; i < n; i++) {
		argv[argc + i] = (char *)args->data + at;
		at += strlen(argv[argc + i]) + 1;
	}
	execv("/proc/self/exe", argv);
	free(argv);
}

bool
replay(struct launched *l, const struct options *o, struct gc_start *start)
{
	struct outcome out = { .status = SAME };
	struct ipc_buf args;
	struct tape t;
	size_t n = 0;
	bool game = false, ok;
	int got = -1;

	if (o->break_at && !launch_traced()) {
		options_say(start, 2,
		    "'--break-at' needs a debugger: gdb --args %s --replay %s "
		    "--break-at %" PRIu64,
		    o->argv[0], o->replay, o->break_at);
		return false;
	}
	ipc_buf_init(&args, IPC_RECORDING_TEXT_MAX);
	ok = tape_open(&t, o->replay, &args, &n);
	if (ok && o->bare && n)
		start_as_recorded(o, &args, n);
	signal(SIGPIPE, SIG_IGN);
	if (ok && launch_traced())
		game = replay_traced(l, o, &t, start);
	else if (ok)
		got = run_lives(o, &t, l, &out);
	game = game || got > 0;
	if (!game && got == 0) {
		say_tape(&out, &t);
		options_say(start, out.status, "%s", out.text);
	} else if (!game) {
		options_say(start, UNUSABLE, "cannot replay '%s': %s",
		    o->replay, t.problem);
	}
	ipc_buf_release(&args);
	tape_close(&t);
	return game;
}
