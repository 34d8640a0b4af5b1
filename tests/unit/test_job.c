/*
 * test_job.c - jobs in gamecore, with the test as their netd: numbers, events,
 * sessions, a netd that dies, and what a worker says.
 */
/* links: gamecore/?*.c */
#include "gamecore/core.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_netd.h"

static struct fake n;
static char story[2048];

static int
setup(void **state)
{
	(void)state;
	story[0] = '\0';
	fake_ready(&n);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fake_release(&n);
	return 0;
}

static void
done(uint64_t job, int error, const char *text)
{
	say_raw(&n, IPC_JOB_DONE, 0, (unsigned)-error, job, text, strlen(text));
}

static void
a_job_is_a_frame_and_its_end_an_event(void **state)
{
	struct gc_event ev;

	(void)state;
	assert_int_equal(gc_job(n.net, "paths", "a to b", 6), 1);
	assert_int_equal(gc_job(n.net, "p", "", 0), 2);
	say_text(&n, IPC_JOB_NOTE, 1, "half");
	done(2, GC_ECRASHED, "it died");
	done(1, 0, "a, c, b");
	done(1, 0, "again");
	done(77, 0, "whose?");
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_string_equal(hear(&n), "JOB id=1 \"\\x05pathsa to b\"");
	assert_string_equal(hear(&n), "JOB id=2 \"\\x01p\"");
	assert_int_equal(ev.kind, GC_JOB);
	assert_int_equal(ev.job, 1);
	assert_int_equal(ev.status, GC_JOB_NOTE);
	assert_string_equal(ev.text, "half");
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.job, 2);
	assert_int_equal(ev.status, GC_ECRASHED);
	assert_string_equal(ev.text, "it died");
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.job, 1);
	assert_int_equal(ev.status, 0);
	assert_int_equal(ev.len, 7);
	assert_int_equal(gc_job_cancel(n.net, 1), GC_ENOTHING);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.kind, GC_TICK);
}

static void
what_is_no_job_is_refused(void **state)
{
	static char much[IPC_FRAME_MAX];
	char name[64];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[32] = '\0';
	assert_int_equal(gc_job(n.net, name, "", 0), GC_EINVALID);
	assert_int_equal(gc_job(n.net, "", "", 0), GC_EINVALID);
	assert_int_equal(gc_job(n.net, "p", much, IPC_FRAME_MAX), GC_ETOO_LONG);
	assert_int_equal(
	    gc_job(n.net, "p", much, IPC_FRAME_MAX_MAX + 1), GC_ETOO_LONG);
	name[31] = '\0';
	assert_true(gc_job(n.net, name, "", 0) > 0);
	assert_null(gc_worker(n.net));
	assert_int_equal(gc_job_next(n.net, NULL), GC_EINVALID);
}

static void
what_was_cancelled_is_not_heard_of(void **state)
{
	struct gc_event ev;

	(void)state;
	gc_job(n.net, "p", "x", 1);
	gc_job(n.net, "p", "y", 1);
	gc_job(n.net, "p", "z", 1);
	assert_int_equal(gc_job_cancel(n.net, 2), 0);
	/* 3 has arrived when it is cancelled. */
	done(1, 0, "X");
	done(2, 0, "Y");
	done(3, 0, "Z");
	say_raw(&n, IPC_ANSWER, 0, 0, OURS | 1, NULL, 0);
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	tell(&n);
	for (int i = 0; i < 4; i++)
		assert_int_equal(stream_step(n.net), 0);
	assert_int_equal(gc_job_cancel(n.net, 3), 0);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.job, 1);
	assert_int_equal(gc_next(n.net, &ev), 0);
	assert_int_equal(ev.kind, GC_TICK);
	for (int i = 0; i < 3; i++)
		hear(&n);
	assert_string_equal(hear(&n), "JOB_CANCEL id=2");
}

static void
a_new_netd_is_told_of_what_is_not_answered(void **state)
{
	struct gc_event ev;

	(void)state;
	for (int i = 0; i < 100; i++)
		gc_job(n.net, "p", "x", 1);
	done(1, 0, "X");
	done(50, 0, "Y");
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), 0);
	/* 50 has arrived, and nobody saw it yet. */
	assert_int_equal(stream_step(n.net), 0);
	while (strncmp(hear(&n), "COMMIT", 6) != 0)
		continue;
	assert_int_equal(jobs_again(n.net), 0);
	assert_int_equal(gc_flush(n.net), 0);
	for (int i = 2; i <= 100; i++) {
		char want[64];

		snprintf(want, sizeof(want), "JOB id=%d \"\\x01px\"", i);
		if (i != 50)
			assert_string_equal(hear(&n), want);
	}
	assert_int_equal(strncmp(hear(&n), "COMMIT", 6), 0);
}

/* ---- sessions -------------------------------------------------------------
 */

static void tale(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void
tale(const char *format, ...)
{
	size_t at = strlen(story);
	va_list ap;

	va_start(ap, format);
	vsnprintf(story + at, sizeof(story) - at, format, ap);
	va_end(ap);
	at = strlen(story);
	snprintf(story + at, sizeof(story) - at, "|");
}

static int
waits(struct gc_session *s, void *arg)
{
	const char *out = "";
	ssize_t r = gc_job_wait(s, "p", "in", 2, &out);

	(void)arg;
	tale("%zd %s", r, r < 0 ? gc_problem(n.net) : out);
	r = gc_job_wait(s, "p", "in", 2, &out);
	tale("%zd %s", r, r < 0 ? gc_problem(n.net) : out);
	return 0;
}

static int
several(struct gc_session *s, void *arg)
{
	struct gc_wait w = { .what = GC_FOR_JOB };

	(void)arg;
	gc_job(n.net, "p", "a", 1);
	gc_job(n.net, "p", "b", 1);
	for (int i = 0; i < 3; i++) {
		int r = gc_wait(s, &w, -1);

		tale(
		    "%d: %d %d %s %zu", r, (int)w.from, w.value, w.text, w.len);
	}
	return 0;
}

static void
a_session_waits_for_its_own(void **state)
{
	(void)state;
	gc_task(n.net, "one", waits, NULL);
	say_text(&n, IPC_JOB_NOTE, 1, "news");
	done(1, 0, "out");
	done(2, GC_EFAILED, "no");
	say_raw(&n, IPC_STOP, 0, 0, 100, NULL, 0);
	tell(&n);
	assert_int_equal(gc_serve(n.net, waits, NULL), 0);
	assert_string_equal(story, "3 out|-30 no|");
}

static void
a_session_waits_for_several(void **state)
{
	(void)state;
	gc_task(n.net, "one", several, NULL);
	done(2, 0, "B");
	say_text(&n, IPC_JOB_NOTE, 1, "half");
	done(1, GC_ETIMEOUT, "late");
	say_raw(&n, IPC_STOP, 0, 0, 100, NULL, 0);
	tell(&n);
	assert_int_equal(gc_serve(n.net, several, NULL), 0);
	assert_string_equal(
	    story, "512: 2 0 B 1|512: 1 1 half 4|512: 1 -1 late 4|");
}

static void
its_end_cancels_them(void **state)
{
	(void)state;
	gc_task(n.net, "one", waits, NULL);
	/* It is asked to stop while it waits, twice over. */
	say_raw(&n, IPC_STOP, 0, 0, 100, NULL, 0);
	done(1, 0, "late");
	done(2, 0, "in time");
	tell(&n);
	assert_int_equal(gc_serve(n.net, waits, NULL), 0);
	assert_string_equal(story, "-4 |7 in time|");
	assert_string_equal(hear(&n), "JOB id=1 \"\\x01pin\"");
	assert_int_equal(strncmp(hear(&n), "COMMIT", 6), 0);
	assert_int_equal(n.net->jobs.used, 0);
}

/* ---- a worker -------------------------------------------------------------
 */

static void
worker_ready(void)
{
	strcpy(n.net->worker, "p");
}

static void
a_worker_takes_one_after_the_other(void **state)
{
	struct gc_job job, before;
	struct gc_event ev;

	(void)state;
	worker_ready();
	assert_string_equal(gc_worker(n.net), "p");
	say_raw(&n, IPC_WORK, 0, 2, 5, "in", 2);
	say_text(&n, IPC_WORK, 6, "next");
	say_text(&n, IPC_WORK, 7, "last");
	tell(&n);
	hang_up(&n);
	assert_int_equal(gc_job_next(n.net, &job), 1);
	assert_int_equal(job.number, 5);
	assert_int_equal(job.tried, 2);
	assert_string_equal(job.bytes, "in");
	assert_int_equal(gc_job_note(n.net, &job, "half", 4), 0);
	assert_int_equal(gc_job_done(n.net, &job, "out", 3), 0);
	assert_int_equal(gc_job_done(n.net, &job, "out", 3), GC_EINVALID);
	assert_int_equal(gc_next(n.net, &ev), GC_EINVALID);
	assert_int_equal(gc_job(n.net, "p", "", 0), GC_EINVALID);
	before = job;
	assert_int_equal(gc_job_next(n.net, &job), 1);
	assert_int_equal(gc_job_done(n.net, &before, "out", 3), GC_EINVALID);
	/* Not answered: that is said for it. */
	assert_int_equal(gc_job_next(n.net, &job), 1);
	assert_int_equal(gc_job_failed(n.net, &job, "no"), 0);
	assert_int_equal(gc_job_next(n.net, &job), 0);
	assert_int_equal(gc_job_next(n.net, &job), 0);
	assert_int_equal(strncmp(hear(&n), "COMMIT", 6), 0);
	assert_string_equal(hear(&n), "WORKED id=5 channel=2 \"half\"");
	assert_int_equal(strncmp(hear(&n), "COMMIT", 6), 0);
	assert_string_equal(hear(&n), "WORKED id=5 \"out\"");
	hear(&n);
	assert_string_equal(
	    hear(&n), "WORKED id=6 channel=1 \"the worker gave no answer\"");
	hear(&n);
	assert_string_equal(hear(&n), "WORKED id=7 channel=1 \"no\"");
}

static void
nothing_else_is_for_a_worker_and_work_for_no_game(void **state)
{
	struct gc_job job;
	struct gc_event ev;

	(void)state;
	say_text(&n, IPC_WORK, 6, "next");
	tell(&n);
	assert_int_equal(gc_next(n.net, &ev), GC_EPROTOCOL);
	fake_release(&n);
	fake_ready(&n);
	worker_ready();
	say_raw(&n, IPC_TICK, 0, 0, 1, NULL, 0);
	tell(&n);
	assert_int_equal(gc_job_next(n.net, &job), GC_EPROTOCOL);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_job_is_a_frame_and_its_end_an_event),
		CASE(what_is_no_job_is_refused),
		CASE(what_was_cancelled_is_not_heard_of),
		CASE(a_new_netd_is_told_of_what_is_not_answered),
		CASE(a_session_waits_for_its_own),
		CASE(a_session_waits_for_several),
		CASE(its_end_cancels_them),
		CASE(a_worker_takes_one_after_the_other),
		CASE(nothing_else_is_for_a_worker_and_work_for_no_game),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
