/*
 * replay_run.c - one life of a recorded game, once more.
 *
 * This process feeds what went up and holds what comes down against what came
 * down then; the game is its child and knows of nothing. COMMITs are how
 * frames were gathered, which is chance: they say what the game has in hand.
 */
#include "gamecore/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
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
/* What a game that waits for its past may be behind: what netd allows. */
#define QUEUE_MAX ((size_t)1 << 32)

static int64_t
clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
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
		replay_print(was, r->was);
	if (is)
		replay_print(is, r->is);
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
	n = tape_note(r->tape, r->life, f->position, false);
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
	} else if (!replay_same(&was, f)) {
		r->byte = replay_difference(&was, f);
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

void
run_play(struct run *r)
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
void
run_judge(struct run *r)
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
bool
run_seek(struct run *r)
{
	struct ipc_record rec;
	size_t restarts = r->life - 1 + r->tape->restarted;

	if (!tape_rewind(r->tape, &r->in))
		return false;
	while (restarts && ipc_recording_next(&r->in, &rec) > 0)
		restarts -= rec.type == IPC_RECORD_RESTART;
	return true;
}

void
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

void
run_init(struct run *r)
{
	ipc_buf_init(&r->feed, QUEUE_MAX);
	ipc_buf_init(&r->expect, QUEUE_MAX);
	ipc_reader_init(&r->out, IPC_FRAME_MAX_MAX);
	r->began_us = clock_us();
}

void
run_non_blocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void
run_be_game(struct launched *l, const struct pipes *p, uint64_t break_at)
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

int
run_once(struct run *r, struct launched *l)
{
	struct pipes p;
	pid_t parent = getpid();

	if (!run_seek(r) || !pipes_open(&p))
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
		run_be_game(l, &p, 0);
		l->hand = r->hand;
		return 1;
	}
	pipes_close_game(&p);
	r->up = p.up_w;
	r->down = p.down_r;
	run_non_blocking(r->up);
	if (r->game > 0) {
		run_play(r);
		end_game(r);
		run_judge(r);
	}
	run_release(r);
	drop_hand(r);
	return r->game < 0 ? -1 : 0;
}
