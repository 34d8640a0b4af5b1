/*
 * room.c - sessions that are together: members, their voice, their tick.
 *
 * What is said to a room is one frame to a group of netd's, whatever the
 * number of members; the group is there while somebody with a connection is
 * inside. The tick stands in the timed queue while the room has members, so
 * an empty room costs nothing but its memory.
 */
#include "gamecore/sched.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct gc_room {
	struct gc_net *net;
	uint64_t group; /* netd's; a number of ours */
	size_t capacity, members;
	void *thing;
	bool locked;
	struct gc_session *first, *last;
	struct gc_condition *changed;
	struct waiters ticks;
	struct timed timer;
	int64_t interval_us; /* 0: no tick */
	char name[];
};

struct gc_room *
gc_room_new(struct gc_net *net, const char *name, size_t capacity, void *thing)
{
	size_t len = strlen(name);
	struct gc_room *r = calloc(1, sizeof(*r) + len + 1);

	if (r == NULL || (r->changed = gc_condition_new(net)) == NULL) {
		free(r);
		net_problem(net, GC_ENO_MEMORY, "out of memory");
		return NULL;
	}
	r->net = net;
	r->group = OURS | ++net->numbers;
	r->capacity = capacity;
	r->thing = thing;
	memcpy(r->name, name, len);
	return r;
}

void
gc_room_free(struct gc_room *r)
{
	if (r == NULL)
		return;
	while (r->first)
		gc_room_leave(r->first);
	timed_stop(r->net, &r->timer);
	wake_lost(&r->ticks);
	gc_condition_free(r->changed);
	free(r);
}

/* ---- the tick ----------------------------------------------------------- */

static void
on_tick(struct timed *t, uint64_t count)
{
	struct gc_room *r =
	    (struct gc_room *)(void *)((char *)t -
				       offsetof(struct gc_room, timer));

	wake_all(&r->ticks, GC_FOR_ROOM_TICK, count);
}

/* It runs while somebody is inside. False: out of memory. */
static bool
set_tick(struct gc_room *r)
{
	if (r->interval_us == 0 || r->members == 0) {
		timed_stop(r->net, &r->timer);
		return true;
	}
	r->timer.fire = on_tick;
	return r->timer.at ||
	       timed_start(r->net, &r->timer, r->interval_us, r->interval_us);
}

int
gc_room_tick(struct gc_room *r, int interval_ms)
{
	if (interval_ms < 0)
		return net_problem(r->net, GC_EINVALID,
		    "a tick of %d ms is not possible", interval_ms);
	timed_stop(r->net, &r->timer);
	r->interval_us = (int64_t)interval_ms * 1000;
	return set_tick(r)
		   ? 0
		   : net_problem(r->net, GC_ENO_MEMORY, "out of memory");
}

int
gc_room_next_tick(struct gc_session *s, struct gc_room *r)
{
	struct gc_wait w = { .what = GC_FOR_ROOM_TICK, .room = r };
	int e = gc_wait(s, &w, -1);

	return e < 0 ? e : (int)(w.count > INT32_MAX ? INT32_MAX : w.count);
}

struct waiters *
room_ticks(struct gc_room *r)
{
	return &r->ticks;
}

/* ---- in and out --------------------------------------------------------- */

int
gc_room_enter(struct gc_room *r, struct gc_session *s)
{
	if (s->room == r)
		return 0;
	if (r->locked)
		return net_problem(
		    r->net, GC_ECLOSED, "room '%s' is locked", r->name);
	if (r->capacity && r->members >= r->capacity)
		return net_problem(r->net, GC_EFULL,
		    "room '%s' is full: %zu are inside", r->name, r->members);
	gc_room_leave(s);
	s->room = r;
	s->room_next = NULL;
	s->room_prev = r->last;
	if (r->last)
		r->last->room_next = s;
	else
		r->first = s;
	r->last = s;
	r->members++;
	if (s->conn)
		gc_join(r->net, s->conn, r->group);
	if (!set_tick(r)) {
		gc_room_leave(s);
		return net_problem(r->net, GC_ENO_MEMORY, "out of memory");
	}
	gc_notify_all(r->changed);
	return 0;
}

void
gc_room_leave(struct gc_session *s)
{
	struct gc_room *r = s->room;

	if (r == NULL)
		return;
	if (s->room_prev)
		s->room_prev->room_next = s->room_next;
	else
		r->first = s->room_next;
	if (s->room_next)
		s->room_next->room_prev = s->room_prev;
	else
		r->last = s->room_prev;
	s->room = NULL;
	r->members--;
	if (s->conn)
		gc_leave(r->net, s->conn, r->group);
	set_tick(r); /* the last one stops it */
	gc_notify_all(r->changed);
}

void
room_moved(struct gc_session *s, uint64_t before)
{
	if (s->room == NULL)
		return;
	if (before)
		gc_leave(s->net, before, s->room->group);
	if (s->conn)
		gc_join(s->net, s->conn, s->room->group);
}

void
gc_room_lock(struct gc_room *r, bool locked)
{
	r->locked = locked;
}

/* ---- who and what ------------------------------------------------------- */

const char *
gc_room_name(const struct gc_room *r)
{
	return r->name;
}

void *
gc_room_thing(const struct gc_room *r)
{
	return r->thing;
}

struct gc_room *
gc_room_of(const struct gc_session *s)
{
	return s->room;
}

size_t
gc_room_members(const struct gc_room *r)
{
	return r->members;
}

struct gc_session *
gc_room_next(const struct gc_room *r, const struct gc_session *after)
{
	return after ? after->room_next : r->first;
}

struct gc_condition *
gc_room_changed(struct gc_room *r)
{
	return r->changed;
}

int
gc_room_say(
    struct gc_room *r, const struct gc_session *but, const char *format, ...)
{
	struct gc_how how = { .but = but ? but->conn : 0 };
	va_list ap;
	int e;

	va_start(ap, format);
	e = gc_vprintf_group(r->net, r->group, &how, format, ap);
	va_end(ap);
	return e;
}
