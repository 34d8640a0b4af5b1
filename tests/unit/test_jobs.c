/* links: netd/[a-lo-z]*.c netd/m[b-z]*.c */
/* links: netd/mask.c */
/*
 * netd/jobs.c and workers.c on a real loop: the test is the game and each of
 * its workers. Every job has one end, in its order, whatever workers do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ipc/log.h"
#include "netd/jobs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_US 5000000

static struct netd n;
static struct link *game;

/* A worker's own end. */
struct hand {
	int in, out; /* it reads, it writes */
	struct ipc_reader reader;
};

uint64_t
netd_seed(void)
{
	return 1;
}

static int64_t
clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
netd_now(const struct netd *netd)
{
	return netd->now_us;
}

static int
begin(void **state)
{
	(void)state;
	memset(&n, 0, sizeof(n));
	ipc_log_init("test", IPC_LOG_ERROR);
	config_init(&n.config);
	n.control_fd = n.wait_fd = n.spare_fd = -1;
	n.loop = ev_loop_new(EVFLAG_AUTO);
	n.now_us = clock_us();
	n.link = game = link_new(&n);
	game->phase = LINKED;
	game->journal.keep = true;
	jobs_init(&n);
	jobs_declare(&n, "hands", 1, 0);
	return 0;
}

static int
finish(void **state)
{
	(void)state;
	link_free(game);
	jobs_release(&n);
	ev_loop_destroy(n.loop);
	return 0;
}

/* ---- the game --------------------------------------------------------------
 */

static void
ask(uint64_t number, const char *text)
{
	jobs_add(game, number, "hands", (const uint8_t *)text, strlen(text));
}

/* All that was told so far, of jobs: "1 done a|2 crashed why|". */
static const char *
told(void)
{
	static char text[4096];
	struct ipc_frame f;
	size_t at = 0;

	text[0] = '\0';
	for (uint64_t p = 1; p <= game->journal.position; p++) {
		assert_non_null(journal_find(&game->journal, p, &f));
		if (f.kind != IPC_JOB_DONE && f.kind != IPC_JOB_NOTE)
			continue;
		at += (size_t)snprintf(text + at, sizeof(text) - at,
		    "%d %s %.*s|", (int)f.id,
		    f.kind == IPC_JOB_NOTE ? "note"
		    : f.channel            ? ipc_error_name(-(int)f.channel)
					   : "done",
		    (int)f.len, (const char *)f.bytes);
	}
	return text;
}

/* ---- workers ---------------------------------------------------------------
 */

static void
turn(void)
{
	jobs_turn(&n);
	ev_run(n.loop, EVRUN_NOWAIT);
	jobs_turn(&n);
}

static void
hand_say(struct hand *h, unsigned kind, uint64_t id, unsigned channel,
    const char *text)
{
	struct ipc_frame f = { .kind = (uint8_t)kind,
		.id = id,
		.channel = (uint16_t)channel,
		.len = (uint32_t)strlen(text) };
	uint8_t head[IPC_FRAME_HEAD];

	ipc_frame_head(head, &f);
	assert_int_equal(write(h->out, head, sizeof(head)), sizeof(head));
	assert_int_equal(write(h->out, text, f.len), f.len);
}

static void
hand_hello(struct hand *h, unsigned version)
{
	char name[] = "hands";
	struct ipc_hello m = { .version = (uint16_t)version,
		.frame_max = IPC_FRAME_MAX_MAX,
		.pid = 7,
		.game = name };
	struct ipc_buf b;

	ipc_buf_init(&b, IPC_IMAGE_MAX);
	assert_int_equal(ipc_msg_frame(IPC_HELLO, 0, &m, &b), 0);
	assert_int_equal(write(h->out, b.data, b.len), (ssize_t)b.len);
	ipc_buf_release(&b);
}

/* It is there, and has not said anything. */
static struct hand
hand_new(uint32_t number)
{
	int in[2], out[2];
	struct hand h;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	worker_attach(&n, "hands", number, 7, in[1], out[0]);
	h.in = in[0];
	h.out = out[1];
	fcntl(h.in, F_SETFL, O_NONBLOCK);
	ipc_reader_init(&h.reader, IPC_FRAME_MAX_MAX);
	return h;
}

/* The next thing said to it: "WORK 1 0 text", "" for nothing, "end". */
static const char *
hand_hear(struct hand *h)
{
	static char text[256];
	struct ipc_frame f;
	enum ipc_decoded d;

	do {
		while ((d = ipc_reader_next(&h->reader, &f)) == IPC_NEED_MORE) {
			size_t room;
			uint8_t *to = ipc_reader_space(&h->reader, &room);
			ssize_t got = read(h->in, to, room);

			if (got <= 0)
				return got ? "" : "end";
			ipc_reader_filled(&h->reader, (size_t)got);
		}
		assert_int_equal(d, IPC_FRAME);
		assert_null(ipc_msg_check(&f, IPC_TO_GAME));
	} while (f.kind == IPC_NOW || f.kind == IPC_WELCOME);
	snprintf(text, sizeof(text), "%s %d %u %.*s", ipc_info(f.kind)->name,
	    (int)f.id, f.channel, (int)f.len, (const char *)f.bytes);
	return text;
}

static struct hand
hand_ready(uint32_t number)
{
	struct hand h = hand_new(number);

	hand_hello(&h, IPC_VERSION);
	turn();
	return h;
}

static void
hand_die(struct hand *h)
{
	close(h->in);
	close(h->out);
	ipc_reader_release(&h->reader);
	turn();
}

/* ---- cases ----------------------------------------------------------------
 */

static void
jobs_go_to_who_is_idle_in_their_order(void **state)
{
	struct hand a, b;

	(void)state;
	ask(1, "one");
	ask(2, "two");
	ask(3, "three");
	ask(4, "four");
	a = hand_ready(1);
	assert_string_equal(hand_hear(&a), "WORK 1 0 one");
	assert_string_equal(hand_hear(&a), "");
	b = hand_ready(2);
	assert_string_equal(hand_hear(&b), "WORK 2 0 two");
	hand_say(&b, IPC_WORKED, 2, IPC_WORKED_NOTE, "half");
	hand_say(&b, IPC_WORKED, 2, IPC_WORKED_DONE, "TWO");
	turn();
	assert_string_equal(hand_hear(&b), "WORK 3 0 three");
	hand_say(&a, IPC_WORKED, 1, IPC_WORKED_FAILED, "no");
	turn();
	assert_string_equal(hand_hear(&a), "WORK 4 0 four");
	assert_string_equal(told(), "2 note half|2 done TWO|1 FAILED no|");
	assert_int_equal(n.n_jobs, 2);
	hand_die(&a);
	hand_die(&b);
}

static void
a_lost_job_is_the_next_one_until_it_was_tried_enough(void **state)
{
	struct hand a;

	(void)state;
	ask(1, "bad");
	ask(2, "good");
	a = hand_ready(1);
	assert_string_equal(hand_hear(&a), "WORK 1 0 bad");
	hand_die(&a);
	assert_string_equal(told(), "");
	a = hand_ready(2);
	assert_string_equal(hand_hear(&a), "WORK 1 1 bad");
	hand_die(&a);
	assert_string_equal(told(), "1 CRASHED it died|");
	a = hand_ready(3);
	assert_string_equal(hand_hear(&a), "WORK 2 0 good");
	hand_say(&a, IPC_WORKED, 2, IPC_WORKED_DONE, "");
	turn();
	assert_string_equal(told(), "1 CRASHED it died|2 done |");
	assert_int_equal(n.metrics.jobs_retried, 1);
	assert_int_equal(n.n_jobs, 0);
	hand_die(&a);
}

static void
one_that_takes_too_long_is_as_good_as_dead(void **state)
{
	int64_t end = clock_us() + DEADLINE_US;
	struct hand a;

	(void)state;
	jobs_declare(&n, "hands", 0, 30);
	ask(1, "long");
	a = hand_ready(1);
	assert_string_equal(hand_hear(&a), "WORK 1 0 long");
	while (n.n_jobs && clock_us() < end) {
		ev_run(n.loop, EVRUN_ONCE);
		jobs_turn(&n);
	}
	assert_string_equal(told(), "1 TIMEOUT it took over 30 ms|");
	assert_string_equal(hand_hear(&a), "end");
	hand_die(&a);
}

static void
what_cannot_wait_fails_at_once(void **state)
{
	(void)state;
	n.config.jobs_max = 2;
	jobs_add(game, 9, "feet", (const uint8_t *)"x", 1);
	ask(1, "a");
	ask(2, "b");
	ask(3, "c");
	assert_string_equal(told(),
	    "9 INVALID there are no workers of that name|"
	    "3 LIMIT too many jobs wait (limit jobs_max)|");
	n.config.jobs_max = 100;
	n.config.jobs_bytes = 5;
	ask(4, "four");
	assert_non_null(strstr(told(), "4 LIMIT too many bytes wait"));
	assert_int_equal(n.n_jobs, 2);
	assert_int_equal(n.jobs->bytes, 2);
}

static void
workers_that_never_begin_fail_what_waits(void **state)
{
	(void)state;
	ask(1, "a");
	for (int i = 0; i < n.config.worker_deaths_max; i++) {
		struct hand h;

		assert_string_equal(told(), "");
		if (i % 2) {
			worker_attach(&n, "hands", 1, 0, -1, -1);
			turn();
			continue;
		}
		h = hand_new(1);
		hand_die(&h);
	}
	assert_string_equal(told(), "1 CRASHED its workers do not start|");
	ask(2, "b");
	turn();
	assert_non_null(strstr(told(), "2 CRASHED its workers"));
}

static void
what_a_worker_may_not_say_ends_it(void **state)
{
	static const struct {
		unsigned kind, channel;
		uint64_t id;
	} bad[] = {
		{ IPC_WORKED, IPC_WORKED_DONE, 2 },
		{ IPC_WORKED, 3, 1 },
		{ IPC_SEND, 0, 1 },
		{ IPC_JOB, 0, 1 },
		{ 200, 0, 1 },
		{ IPC_HELLO, 0, 0 },
	};

	(void)state;
	jobs_declare(&n, "hands", 100, 0);
	ask(1, "a");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hand h = hand_ready(1);
		char want[32];

		snprintf(want, sizeof(want), "WORK 1 %zu a", i);
		assert_string_equal(hand_hear(&h), want);
		hand_say(&h, bad[i].kind, bad[i].id, bad[i].channel, "");
		turn();
		assert_string_equal(hand_hear(&h), "end");
		hand_die(&h);
	}
	for (int i = 0; i < 3; i++) {
		struct hand h = hand_new(1);

		if (i == 0)
			hand_hello(&h, IPC_VERSION + 1);
		else if (i == 1)
			hand_say(&h, IPC_WORKED, 1, 0, "too early");
		else
			assert_int_equal(write(h.out, "garbage", 7), 7);
		turn();
		assert_string_equal(hand_hear(&h), "end");
		hand_die(&h);
	}
	assert_string_equal(told(), "");
}

static void
nobody_hears_of_what_was_cancelled(void **state)
{
	struct hand a;

	(void)state;
	ask(1, "a");
	ask(2, "b");
	ask(3, "c");
	a = hand_ready(1);
	assert_string_equal(hand_hear(&a), "WORK 1 0 a");
	jobs_cancel(game, 1);
	jobs_cancel(game, 2);
	jobs_cancel(game, 77);
	hand_say(&a, IPC_WORKED, 1, IPC_WORKED_NOTE, "news");
	hand_say(&a, IPC_WORKED, 1, IPC_WORKED_DONE, "A");
	turn();
	assert_string_equal(hand_hear(&a), "WORK 3 0 c");
	assert_string_equal(told(), "");
	/* Of a game that is no more all are done, and told to nobody. */
	ask(4, "d");
	jobs_disown(game);
	hand_say(&a, IPC_WORKED, 3, IPC_WORKED_DONE, "C");
	turn();
	assert_string_equal(hand_hear(&a), "WORK 4 0 d");
	/* A new game's number is another job. */
	ask(4, "new");
	hand_say(&a, IPC_WORKED, 4, IPC_WORKED_DONE, "D");
	turn();
	assert_string_equal(hand_hear(&a), "WORK 4 0 new");
	assert_string_equal(told(), "");
	hand_say(&a, IPC_WORKED, 4, IPC_WORKED_DONE, "NEW");
	turn();
	assert_string_equal(told(), "4 done NEW|");
	hand_die(&a);
}

static void
who_has_work_is_not_read_while_the_game_is_behind(void **state)
{
	struct hand a;

	(void)state;
	ask(1, "a");
	a = hand_ready(1);
	hand_say(&a, IPC_WORKED, 1, IPC_WORKED_DONE, "A");
	game->phase = NO_GAME;
	jobs_turn(&n);
	turn();
	assert_string_equal(told(), "");
	game->phase = LINKED;
	turn();
	turn();
	assert_string_equal(told(), "1 done A|");
	hand_die(&a);
}

static void
retired_workers_end_after_their_job(void **state)
{
	struct hand a, b;

	(void)state;
	ask(1, "a");
	a = hand_ready(1);
	b = hand_ready(2);
	assert_string_equal(hand_hear(&a), "WORK 1 0 a");
	assert_string_equal(hand_hear(&b), "");
	jobs_retire(&n);
	assert_string_equal(hand_hear(&b), "end");
	assert_string_equal(hand_hear(&a), "");
	ask(2, "b");
	hand_say(&a, IPC_WORKED, 1, IPC_WORKED_DONE, "A");
	turn();
	assert_string_equal(hand_hear(&a), "end");
	assert_string_equal(told(), "1 done A|");
	assert_int_equal(n.jobs->n_workers, 0);
	hand_die(&a);
	hand_die(&b);
}

static void
no_more_workers_than_the_limit(void **state)
{
	struct hand a, b;

	(void)state;
	n.config.workers_max = 1;
	a = hand_ready(1);
	b = hand_new(2);
	assert_int_equal(n.jobs->n_workers, 1);
	assert_string_equal(hand_hear(&b), "end");
	hand_die(&a);
	hand_die(&b);
}

static void
an_answer_longer_than_a_frame_is_an_error(void **state)
{
	static char much[20000];
	struct hand a;

	(void)state;
	game->frame_max = IPC_FRAME_MAX_MIN;
	memset(much, 'm', sizeof(much) - 1);
	ask(1, "a");
	a = hand_ready(1);
	hand_say(&a, IPC_WORKED, 1, IPC_WORKED_DONE, much);
	turn();
	assert_string_equal(
	    told(), "1 TOO_LONG the answer is longer than a frame|");
	hand_die(&a);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, finish)
	const struct CMUnitTest tests[] = {
		CASE(jobs_go_to_who_is_idle_in_their_order),
		CASE(a_lost_job_is_the_next_one_until_it_was_tried_enough),
		CASE(one_that_takes_too_long_is_as_good_as_dead),
		CASE(what_cannot_wait_fails_at_once),
		CASE(workers_that_never_begin_fail_what_waits),
		CASE(what_a_worker_may_not_say_ends_it),
		CASE(nobody_hears_of_what_was_cancelled),
		CASE(who_has_work_is_not_read_while_the_game_is_behind),
		CASE(retired_workers_end_after_their_job),
		CASE(no_more_workers_than_the_limit),
		CASE(an_answer_longer_than_a_frame_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
