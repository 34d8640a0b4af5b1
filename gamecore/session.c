/*
 * session.c - what a session calls: the one wait, and all that is made of it.
 *
 * A mailbox holds in one row what came for a session; a call takes the first
 * that it asked for and leaves the rest where it is. What is not a letter (a
 * tick, a notification, the end of a time) is for those who wait just then.
 */
#include "gamecore/sched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lists of those who wait -------------------------------------------- */

void
waiter_on(struct waiters *list, struct waiter *w, struct gc_session *s)
{
	waiter_off(w);
	*w = (struct waiter){ .s = s, .on = list, .prev = list->last };
	if (list->last)
		list->last->next = w;
	else
		list->first = w;
	list->last = w;
}

void
waiter_off(struct waiter *w)
{
	if (w->on == NULL)
		return;
	if (w->prev)
		w->prev->next = w->next;
	else
		w->on->first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		w->on->last = w->prev;
	w->on = NULL;
}

static void
wake(struct waiter *w, unsigned came, uint64_t count)
{
	struct gc_session *s = w->s;

	s->came |= came;
	if (came == GC_FOR_TICK)
		s->ticks += count;
	if (came == GC_FOR_ROOM_TICK)
		s->room_ticks += count;
	session_ready(s);
}

/* They stay on the list until they run, in case it is freed before. */
void
wake_all(struct waiters *list, unsigned came, uint64_t count)
{
	for (struct waiter *w = list->first; w; w = w->next)
		wake(w, came, count);
}

void
wake_one(struct waiters *list, unsigned came)
{
	struct waiter *w = list->first;

	while (w && w->s->state != WAITING)
		w = w->next;
	if (w)
		wake(w, came, 1);
}

void
wake_lost(struct waiters *list)
{
	while (list->first) {
		struct gc_session *s = list->first->s;

		waiter_off(list->first);
		s->lost = true;
		session_ready(s);
	}
}

/* ---- the mailbox -------------------------------------------------------- */

int
session_post(
    struct gc_session *s, const struct letter *l, const char *text, size_t len)
{
	size_t size = sizeof(*l) + len + 1;
	size_t max = s->net->sessions->limits.mailbox_bytes;
	struct letter *copy;

	/* One is taken in any case, or a long message could never be read; and
	 * each answer of a job that it began itself. */
	if (s->first && s->mailbox_bytes + size > max &&
	    (!(l->what & (GC_FOR_JOB | FOR_JOB_WAIT)) ||
		l->value == GC_JOB_NOTE))
		return GC_EFULL;
	copy = malloc(size);
	if (copy == NULL)
		return GC_ENO_MEMORY;
	*copy = *l;
	copy->next = NULL;
	copy->len = len;
	copy->in_hand = s->net->in_hand;
	if (len)
		memcpy(copy->text, text, len);
	copy->text[len] = '\0';
	if (s->last)
		s->last->next = copy;
	else
		s->first = copy;
	s->last = copy;
	s->mailbox_bytes += size;
	if (s->mask & l->what)
		session_ready(s);
	return 0;
}

/* The first of these kinds, taken out; NULL: there is none. */
static struct letter *
take(struct gc_session *s, unsigned what)
{
	struct letter **p = &s->first, *before = NULL, *l;

	while (*p && !((*p)->what & what)) {
		before = *p;
		p = &before->next;
	}
	l = *p;
	if (l == NULL)
		return NULL;
	*p = l->next;
	if (s->last == l)
		s->last = before;
	s->mailbox_bytes -= sizeof(*l) + l->len + 1;
	return l;
}

void
letters_move(struct gc_session *from, struct gc_session *to)
{
	struct letter *l;

	while ((l = take(from, GC_FOR_MESSAGE | GC_FOR_TYPED)) != NULL) {
		l->next = NULL;
		if (to->last)
			to->last->next = l;
		else
			to->first = l;
		to->last = l;
		to->mailbox_bytes += sizeof(*l) + l->len + 1;
	}
	if (to->first && (to->mask & (GC_FOR_MESSAGE | GC_FOR_TYPED)))
		session_ready(to);
}

void
letters_drop(struct gc_session *s, unsigned what)
{
	struct letter *l;

	while ((l = take(s, what)) != NULL)
		free(l);
}

void
letters_free(struct gc_session *s)
{
	letters_drop(s, ~0u);
	free(s->held);
	s->held = NULL;
}

/* ---- the one wait ------------------------------------------------------- */

static int
in_vain(struct gc_session *s, int error)
{
	if (s->vain++ >= VAIN_MAX)
		session_put_away(s, "it goes on after its end");
	return error;
}

int
session_told(struct gc_session *s)
{
	if (s->cancelled) {
		s->cancelled = false;
		return GC_ECANCELLED;
	}
	if (s->player && s->gone)
		return in_vain(s, GC_ECLOSED);
	if (s->stopped) {
		s->stopped = false;
		return GC_ESTOPPED;
	}
	return s->net->failed ? in_vain(s, s->net->failed) : 0;
}

/* The first letter that was asked for, shown in *w. */
static int
open_letter(struct gc_session *s, struct gc_wait *w)
{
	struct letter *l = take(s, w->what);
	const char *why;

	if (l == NULL)
		return 0;
	s->held = l;
	stream_hand(s->net, l->in_hand);
	w->text = l->text;
	w->len = l->len;
	w->binary = l->binary;
	w->count = l->count;
	w->from = l->from;
	w->value = l->value;
	w->thing = l->thing;
	w->event = l->event;
	if (l->what == GC_FOR_EVENT)
		w->event.text = l->text;
	/* Its value was of the moment when it came. */
	if (l->what == GC_FOR_TYPED)
		typed_show(s->net, l->text, l->len, &w->event, &why);
	return (int)l->what;
}

/* Something that came to a list. */
static int
notice(struct gc_session *s, struct gc_wait *w)
{
	static const unsigned order[] = { FOR_OTHER, GC_FOR_CONDITION,
		GC_FOR_ROOM_TICK, GC_FOR_TICK };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (!(s->came & order[i]))
			continue;
		s->came &= ~order[i];
		w->count = order[i] == GC_FOR_TICK ? s->ticks : s->room_ticks;
		if (order[i] == GC_FOR_TICK)
			s->ticks = 0;
		else
			s->room_ticks = 0;
		return (int)order[i];
	}
	return 0;
}

/* What is there now: one of enum gc_for, an error, or 0 for nothing. */
static int
look(struct gc_session *s, struct gc_wait *w)
{
	int r;

	if (s->cancelled)
		return session_told(s);
	r = open_letter(s, w);
	if (r == 0 && s->lost)
		return GC_ECLOSED;
	if (r == 0 && (w->what & GC_FOR_CHANNEL)) {
		r = channel_get(w->channel, &w->thing);
		r = r > 0 ? GC_FOR_CHANNEL : r;
	}
	if (r == 0)
		r = notice(s, w);
	if (r == 0)
		r = session_told(s);
	if (r == 0 && s->timed_out)
		r = GC_ETIMEOUT;
	return r;
}

static void
on_time(struct timed *t, uint64_t count)
{
	struct gc_session *s =
	    (struct gc_session *)(void *)((char *)t -
					  offsetof(struct gc_session, timer));

	(void)count;
	s->timed_out = true;
	session_ready(s);
}

static int
lists_on(struct gc_session *s, const struct gc_wait *w, struct waiters *other,
    int64_t timeout_ms)
{
	unsigned what = w->what;

	if (what & GC_FOR_TICK)
		waiter_on(&s->net->sessions->tick, &s->for_tick, s);
	if (what & GC_FOR_CONDITION)
		waiter_on(
		    condition_waiters(w->condition), &s->for_condition, s);
	if (what & GC_FOR_CHANNEL)
		waiter_on(channel_takers(w->channel), &s->for_channel, s);
	if (what & GC_FOR_ROOM_TICK)
		waiter_on(room_ticks(w->room), &s->for_room, s);
	if (other)
		waiter_on(other, &s->for_other, s);
	s->timer.fire = on_time;
	if (timeout_ms > 0 &&
	    !timed_start(s->net, &s->timer, timeout_ms * 1000, 0))
		return net_problem(s->net, GC_ENO_MEMORY, "out of memory");
	s->mask = what;
	return 0;
}

static void
lists_off(struct gc_session *s)
{
	waiter_off(&s->for_tick);
	waiter_off(&s->for_condition);
	waiter_off(&s->for_channel);
	waiter_off(&s->for_room);
	waiter_off(&s->for_other);
	timed_stop(s->net, &s->timer);
	s->mask = 0;
}

/* Is it on its own stack that it waits, and is all there that it names? */
static int
may_wait(struct gc_session *s, const struct gc_wait *w, int64_t timeout_ms)
{
	if (!sessions_running(s->net) || s->net->sessions->running != s)
		return net_problem(s->net, GC_EINVALID,
		    "session '%s' does not run now", s->name);
	if (((w->what & GC_FOR_CONDITION) && w->condition == NULL) ||
	    ((w->what & GC_FOR_CHANNEL) && w->channel == NULL) ||
	    ((w->what & GC_FOR_ROOM_TICK) && w->room == NULL))
		return net_problem(
		    s->net, GC_EINVALID, "what to wait for is NULL");
	if (timeout_ms > INT64_MAX / 4000)
		return net_problem(s->net, GC_EINVALID, "a time too long");
	return 0;
}

int
session_wait(struct gc_session *s, struct gc_wait *w, struct waiters *other,
    int64_t timeout_ms)
{
	int r = may_wait(s, w, timeout_ms);

	if (r < 0)
		return r;
	free(s->held);
	s->held = NULL;
	s->came = 0;
	s->ticks = s->room_ticks = 0;
	s->timed_out = timeout_ms == 0;
	s->lost = false;
	if (w->what & GC_FOR_EVENT)
		s->wants_events = true;
	r = look(s, w);
	if (r != 0)
		return r;
	r = lists_on(s, w, other, timeout_ms);
	while (r == 0) {
		session_park(s);
		r = look(s, w);
	}
	lists_off(s);
	return r;
}

int
gc_wait(struct gc_session *s, struct gc_wait *w, int timeout_ms)
{
	static const unsigned all = (GC_FOR_TYPED << 1) - 1;

	if (w->what & ~all)
		return net_problem(s->net, GC_EINVALID,
		    "what is 0x%x to wait "
		    "for?",
		    w->what);
	w->text = "";
	return session_wait(s, w, NULL, timeout_ms);
}

/* ---- made of it --------------------------------------------------------- */

ssize_t
gc_session_read(struct gc_session *s, const char **text, int timeout_ms)
{
	struct gc_wait w = { .what = GC_FOR_MESSAGE };
	int r = gc_wait(s, &w, timeout_ms);

	if (r < 0)
		return r;
	*text = w.text;
	return (ssize_t)w.len;
}

/* As much of a text as fits, in whole UTF-8 characters. */
static size_t
cut(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	len = max;
	while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

ssize_t
gc_readline(struct gc_session *s, char *line, size_t size)
{
	const char *text;
	ssize_t len;
	size_t n;

	if (size == 0)
		return net_problem(s->net, GC_EINVALID, "no room for a line");
	len = gc_session_read(s, &text, -1);
	if (len < 0)
		return len;
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	n = cut(text, (size_t)len, size - 1);
	memcpy(line, text, n);
	line[n] = '\0';
	return len;
}

ssize_t
gc_ask(struct gc_session *s, const char *question, char *line, size_t size)
{
	gc_session_write(s, question, strlen(question));
	return gc_readline(s, line, size);
}

int
gc_sleep(struct gc_session *s, int64_t ms)
{
	struct gc_wait w = { .what = 0 };
	int r;

	if (ms < 0)
		return net_problem(s->net, GC_EINVALID, "a time below 0");
	/* 0 is the shortest sleep, not a look. */
	r = session_wait(s, &w, NULL, ms ? ms : 1);
	return r == GC_ETIMEOUT ? 0 : r;
}

int
gc_next_tick(struct gc_session *s)
{
	struct gc_wait w = { .what = GC_FOR_TICK };
	int r = gc_wait(s, &w, -1);

	return r < 0 ? r : (int)(w.count > INT32_MAX ? INT32_MAX : w.count);
}

int
gc_session_write(struct gc_session *s, const void *bytes, size_t len)
{
	return s->conn ? gc_send(s->net, s->conn, bytes, len) : s->net->failed;
}

int
gc_vsay(struct gc_session *s, const char *format, va_list ap)
{
	return s->conn ? gc_vprintf(s->net, s->conn, format, ap)
		       : s->net->failed;
}

int
gc_say(struct gc_session *s, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = gc_vsay(s, format, ap);
	va_end(ap);
	return r;
}

/* ---- who it is ---------------------------------------------------------- */

struct gc_net *
gc_session_net(const struct gc_session *s)
{
	return s->net;
}

uint64_t
gc_session_number(const struct gc_session *s)
{
	return s->number;
}

uint64_t
gc_session_conn(const struct gc_session *s)
{
	return s->conn;
}

/* One line for logs, whoever chose it. */
void
gc_session_set_name(struct gc_session *s, const char *name)
{
	size_t n = cut(name, strlen(name), SESSION_NAME_MAX);

	memcpy(s->name, name, n);
	s->name[n] = '\0';
	for (char *p = s->name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == '"' || *p == 0x7f)
			*p = '?';
}

const char *
gc_session_name(const struct gc_session *s)
{
	return s->name;
}

void
gc_session_bind(struct gc_session *s, void *thing)
{
	s->bound = thing;
}

void *
gc_session_bound(const struct gc_session *s)
{
	return s->bound;
}

static struct gc_session *
with_function(struct gc_session *s)
{
	while (s && s->state == STRANDED)
		s = s->next;
	return s;
}

struct gc_session *
gc_session_find(struct gc_net *net, uint64_t number)
{
	struct gc_session *s = session_find(net, number);

	return s && s->state != STRANDED ? s : NULL;
}

size_t
gc_sessions(const struct gc_net *net)
{
	return net->sessions ? net->sessions->live : 0;
}

struct gc_session *
gc_next_session(struct gc_net *net, const struct gc_session *after)
{
	if (net->sessions == NULL)
		return NULL;
	return with_function(after ? after->next : net->sessions->first);
}

int
gc_session_peer(struct gc_session *s, const struct gc_peer **peer)
{
	if (s->conn == 0)
		return GC_ECLOSED;
	if (s->conn == s->net->sessions->fresh_conn &&
	    s->net->event_who.filled) {
		*peer = &s->net->event_who.peer;
		return 0;
	}
	return gc_peer(s->net, s->conn, peer);
}
