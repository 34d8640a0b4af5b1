/*
 * store.c - the characters that are not in the world: a worker keeps them.
 *
 * The game marks who has changed. One session gathers all marked characters
 * now and then, and what else of the world has changed (keep.c), into one save,
 * which the store writes in one transaction: two who gave each other something
 * are saved together or not at all, so nothing is lost or doubled even if
 * everything ends at once.
 */
#include "mud.h"

#include <string.h>

enum { PART_BYTES = 400 << 10 }; /* well below what a frame takes */

ssize_t
store_ask(
    struct gc_session *s, const char **answer, const struct text *question)
{
	return gc_job_wait(
	    s, "store", text_of(question), question->len, answer);
}

void
store_mark(struct player *p)
{
	struct mud *m = p->mud;

	if (p->save == SAVED)
		gc_notify_all(m->to_save);
	p->save = TO_SAVE;
}

void
store_wait(struct player *p)
{
	struct mud *m = p->mud;
	int r = 0;

	/* A character that leaves is saved whatever else ends. */
	while (p->save != SAVED && r != GC_ENETD_GONE && !m->ending) {
		r = gc_condition_wait(p->s, m->is_saved, -1);
		if (r == GC_ECLOSED)
			gc_session_detach(p->s);
	}
}

/* All that are marked, and what of the world has changed; how many. */
static size_t
gather(struct mud *m, struct text *t)
{
	struct player *p;
	size_t n = keep_write(m, t);

	TAILQ_FOREACH (p, &m->players, next) {
		if (p->save != TO_SAVE)
			continue;
		record_write(p, t);
		p->save = SAVING;
		n++;
	}
	return n;
}

static void
settle(struct mud *m, bool saved)
{
	struct player *p;

	keep_settle(m, saved);
	TAILQ_FOREACH (p, &m->players, next)
		if (p->save == SAVING)
			p->save = saved ? SAVED : TO_SAVE;
	if (saved)
		gc_notify_all(m->is_saved);
}

/* How much of these records fits into one job. */
static size_t
part_of(const char *records, size_t len)
{
	size_t n = len < PART_BYTES ? len : PART_BYTES;

	while (n && n < len &&
	       (records[n - 1] != '\n' ||
		   (strncmp(records + n, "character ", 10) != 0 &&
		       strncmp(records + n, "world ", 6) != 0)))
		n--;
	return n ? n : len;
}

/* All of them as one save, however many jobs that is; without a session
 * nobody waits for them. 0 and more, or what went wrong. */
static ssize_t
save_records(struct gc_session *s, struct mud *m, const struct text *all)
{
	struct text t = { 0 };
	const char *answer;
	ssize_t r = 0;
	size_t at = 0, n;

	for (unsigned i = 0; at < all->len && r >= 0; i++, at += n) {
		n = part_of(all->bytes + at, all->len - at);
		text_printf(
		    &t, "%s %u\n", at + n < all->len ? "part" : "save", i);
		text_add(&t, all->bytes + at, n);
		r = s ? store_ask(s, &answer, &t)
		      : gc_job(m->net, "store", text_of(&t), t.len);
		text_release(&t);
	}
	return r;
}

/* 1: something was saved; 0: nothing was to be; below 0: it did not work. */
static int
save_all(struct gc_session *s, struct mud *m)
{
	struct text t = { 0 };
	ssize_t r = 0;

	if (gather(m, &t)) {
		r = save_records(s, m, &t);
		settle(m, r >= 0);
		if (r < 0 && r != GC_ESTOPPED)
			gc_log(m->net, 2, "not saved: %s", gc_problem(m->net));
		r = r < 0 ? r : 1;
	}
	text_release(&t);
	return (int)r;
}

void
store_all(struct mud *m)
{
	struct text t = { 0 };
	struct player *p;

	TAILQ_FOREACH (p, &m->players, next)
		p->save = TO_SAVE;
	keep_forget(m);
	gather(m, &t);
	save_records(NULL, m, &t);
	text_release(&t);
	/* Should the game go on after all, they are saved as ever. */
	settle(m, false);
}

void
store_tell(struct mud *m, const char *words, const char *name)
{
	struct text t = { 0 };

	text_printf(&t, "%s %s", words, name);
	gc_job(m->net, "store", text_of(&t), t.len);
	text_release(&t);
}

static bool
somebody_leaves(const struct mud *m)
{
	const struct player *p;

	TAILQ_FOREACH (p, &m->players, next)
		if (p->leaving)
			return true;
	return false;
}

/* Who leaves does not wait for the pause. */
static int
pause_saving(struct gc_session *s, struct mud *m)
{
	int64_t end = gc_now(m->net) + SAVE_PAUSE_MS * INT64_C(1000);
	int r = 0;

	while (r == 0 && gc_now(m->net) < end && !somebody_leaves(m))
		r = gc_condition_wait(
		    s, m->to_save, (int)((end - gc_now(m->net)) / 1000) + 1);
	return r == GC_ETIMEOUT ? 0 : r;
}

/* Asked to stop, it goes on until everybody is saved and gone. */
int
store_task(struct gc_session *s, void *arg)
{
	struct mud *m = arg;
	bool stopped = false;
	unsigned failed = 0;
	int r;

	do {
		r = save_all(s, m);
		failed = r < 0 && r != GC_ESTOPPED ? failed + 1 : 0;
		stopped = stopped || r == GC_ESTOPPED;
		if (stopped && failed > 3)
			break;
		if (r == 0)
			r = gc_condition_wait(s, m->to_save, -1);
		else if (!stopped)
			r = pause_saving(s, m);
		stopped = stopped || r == GC_ESTOPPED;
	} while (r != GC_ENETD_GONE && r != GC_ECANCELLED &&
		 !(stopped && TAILQ_EMPTY(&m->players)));
	m->ending = true;
	gc_notify_all(m->is_saved);
	return 0;
}
