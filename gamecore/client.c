/*
 * client.c - the other side of states and events: a program that plays.
 *
 * What netd says of a state is applied as it arrives, whoever waits for what,
 * and acknowledged where netd asks for it; what the game says of events is kept
 * for gc_client_next(). netd/talk.h lists the words.
 */
#include "gamecore/stores.h"

#include <stdlib.h>
#include <string.h>

/* Events that nobody took; netd holds back no more than this. */
#define EVENTS_MAX 4096

struct follower {
	struct gc_conn *con;
	struct ipc_value *state;
	uint64_t version;
	uint64_t changes;
	uint64_t numbers;
	struct ipc_value *events; /* an array of messages, oldest last */
	struct ipc_value *coming; /* the same, newest last */
	struct ipc_value *shown;  /* gc_client_next() gave views of it */
	uint64_t unanswered;
	struct ipc_value *reply;
	struct waits {
		struct waits *next;
		uint64_t number;
		bool got, answered;
		struct ipc_value *answer;
	} * waits;
};

/* ---- saying
 * ------------------------------------------------------------------ */

/* v is taken. */
static int
say(struct follower *fo, struct ipc_value *v)
{
	struct gc_net *net = file_net(fo->con);
	struct gc_how how = { .binary = true };
	struct ipc_buf b;
	int r;

	ipc_buf_init(&b, net->frame_max - IPC_FRAME_HEAD);
	if (file_over(fo->con))
		r = file_why(fo->con);
	else if (v == NULL || ipc_value_pack(v, &b) < 0)
		r = net_problem(
		    net, GC_EINVALID, "that is no event, or a long one");
	else
		r = gc_send_how(net, gc_conn_id(fo->con), &how, b.data, b.len);
	ipc_buf_release(&b);
	ipc_value_free(v);
	return r;
}

static int
say_got(struct follower *fo)
{
	uint64_t number = fo->unanswered;

	fo->unanswered = 0;
	return number ? say(fo, ipc_value_make("[sl]", "$got", (int64_t)number))
		      : 0;
}

/* ---- what comes
 * --------------------------------------------------------------- */

static void
on_state(struct follower *fo, const struct ipc_value *v)
{
	const struct ipc_value *d = ipc_value_at(v, 1);
	const struct ipc_value *set = ipc_value_gets(d, "set");
	const struct ipc_value *del = ipc_value_gets(d, "del");
	struct ipc_path path;

	if (ipc_value_as_int(ipc_value_gets(d, "from")) == 0) {
		ipc_value_free(fo->state);
		fo->state = ipc_value_map();
	}
	for (size_t i = 0; i < ipc_value_size(del); i++)
		if (ipc_path_of(ipc_value_at(del, i), &path))
			ipc_value_drop(fo->state, &path);
	if (set && ipc_value_merge(fo->state, set, NULL) == IPC_ERR_NO_MEMORY)
		net_fail(file_net(fo->con), GC_ENO_MEMORY, "out of memory");
	fo->version = (uint64_t)ipc_value_as_int(ipc_value_gets(d, "to"));
	fo->changes++;
	if (ipc_value_as_bool(ipc_value_gets(d, "ack")))
		say(fo, ipc_value_make("[sl]", "$ack", (int64_t)fo->version));
}

static struct waits *
waits_of(const struct follower *fo, const struct ipc_value *v)
{
	uint64_t number = (uint64_t)ipc_value_as_int(ipc_value_at(v, 1));
	struct waits *w = fo->waits;

	while (w && w->number != number)
		w = w->next;
	return w;
}

static void
on_got(struct follower *fo, const struct ipc_value *v)
{
	struct waits *w = waits_of(fo, v);

	if (w)
		w->got = true;
}

static void
on_answer(struct follower *fo, const struct ipc_value *v)
{
	struct waits *w = waits_of(fo, v);

	if (w == NULL || w->answered)
		return;
	w->got = w->answered = true;
	w->answer = ipc_value_copy(ipc_value_at(v, 2));
}

static void
on_event(struct follower *fo, const struct ipc_value *v)
{
	struct gc_net *net = file_net(fo->con);

	if (ipc_value_size(fo->coming) + ipc_value_size(fo->events) >=
	    EVENTS_MAX)
		return;
	if (ipc_value_add(fo->coming, ipc_value_copy(v)) < 0)
		net_fail(net, GC_ENO_MEMORY, "out of memory");
}

static const struct word {
	const char *name;
	void (*act)(struct follower *fo, const struct ipc_value *v);
} words[] = {
	{ "$state", on_state },
	{ "$got", on_got },
	{ "$answer", on_answer },
	{ "$event", on_event },
};

bool
follower_message(struct follower *fo, const struct ipc_frame *f)
{
	struct ipc_value *v;
	const char *why, *text;
	bool ours = false;
	size_t len;

	if (f->len < 3 || (f->bytes[0] & 0xf0) != 0x90 || f->bytes[2] != '$' ||
	    ipc_value_unpack(f->bytes, f->len, &ipc_value_from_pipe, &v, &why) <
		0)
		return false;
	text = ipc_value_text(ipc_value_at(v, 0), &len);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].name) == len &&
		    memcmp(words[i].name, text, len) == 0) {
			words[i].act(fo, v);
			ours = true;
		}
	ipc_value_free(v);
	return ours;
}

/* ---- beginning and end
 * ----------------------------------------------------------- */

void
follower_free(struct follower *fo)
{
	if (fo == NULL)
		return;
	ipc_value_free(fo->state);
	ipc_value_free(fo->events);
	ipc_value_free(fo->coming);
	ipc_value_free(fo->shown);
	ipc_value_free(fo->reply);
	free(fo);
}

int
gc_client_begin(struct gc_conn *con)
{
	struct follower *fo = *file_follower(con);

	if (fo)
		return 0;
	fo = calloc(1, sizeof(*fo));
	if (fo) {
		fo->con = con;
		fo->state = ipc_value_map();
		fo->events = ipc_value_array();
		fo->coming = ipc_value_array();
	}
	if (fo == NULL || !fo->state || !fo->events || !fo->coming) {
		follower_free(fo);
		return net_problem(
		    file_net(con), GC_ENO_MEMORY, "out of memory");
	}
	*file_follower(con) = fo;
	return say(fo, ipc_value_make("[s]", "$hello"));
}

const struct gc_value *
gc_client_state(const struct gc_conn *con)
{
	struct follower *fo = *file_follower((struct gc_conn *)(uintptr_t)con);

	return fo ? value_out(fo->state) : NULL;
}

uint64_t
gc_client_version(const struct gc_conn *con)
{
	struct follower *fo = *file_follower((struct gc_conn *)(uintptr_t)con);

	return fo ? fo->version : 0;
}

/* ---- waiting
 * ---------------------------------------------------------------------- */

/* Step until over(fo, arg) or the time is up: 1, 0 it is up, GC_E... */
static int
wait_for(struct follower *fo, bool (*over)(struct follower *fo, void *arg),
    void *arg, int timeout_ms)
{
	struct gc_net *net = file_net(fo->con);
	struct request late = { .kind = IPC_TIMER };
	struct ipc_timer_start m = { .delay_us = (uint64_t)timeout_ms * 1000 };
	struct ipc_frame f = { .kind = IPC_TIMER_STOP };
	bool timed = timeout_ms > 0;
	int e = say_got(fo);
	bool done = over(fo, arg);

	if (done || e < 0 || timeout_ms == 0)
		return done ? 1 : e;
	if (timed) {
		stream_ask(net, &late);
		e = stream_put_msg(net, IPC_TIMER_START, late.number, &m);
	}
	while (e == 0 && !done && !late.done) {
		if (file_over(fo->con))
			e = file_why(fo->con);
		else
			e = file_step(fo->con);
		done = over(fo, arg);
	}
	if (timed) {
		stream_forget(net, &late);
		f.id = late.number;
		if (!late.done && !net->failed)
			stream_put(net, &f, NULL);
	}
	return done ? 1 : e;
}

static struct follower *
begun(struct gc_conn *con, int *e)
{
	*e = gc_client_begin(con);
	return *e < 0 ? NULL : *file_follower(con);
}

struct asking {
	bool (*cond)(const struct gc_value *state, void *thing);
	void *thing;
	uint64_t changes;
};

static bool
cond_true(struct follower *fo, void *arg)
{
	struct asking *a = arg;

	if (a->changes == fo->changes + 1)
		return false;
	a->changes = fo->changes + 1;
	return a->cond(value_out(fo->state), a->thing);
}

int
gc_client_wait_until(struct gc_conn *con,
    bool (*cond)(const struct gc_value *state, void *thing), void *thing,
    int timeout_ms)
{
	struct asking a = { cond, thing, 0 };
	int e;
	struct follower *fo = begun(con, &e);

	e = fo ? wait_for(fo, cond_true, &a, timeout_ms) : e;
	return e == 0
		   ? net_problem(file_net(con), GC_ETIMEOUT,
			 "the state did not become so within %d ms", timeout_ms)
	       : e < 0 ? e
		       : 0;
}

static bool
is_got(struct follower *fo, void *arg)
{
	const struct waits *w = arg;

	(void)fo;
	return w->got;
}

static bool
is_answered(struct follower *fo, void *arg)
{
	const struct waits *w = arg;

	(void)fo;
	return w->answered;
}

static int
send_event(struct follower *fo, const char *name, struct gc_value *args,
    struct gc_value *kwargs, bool (*until)(struct follower *fo, void *arg),
    struct waits *w, int timeout_ms)
{
	struct waits **at;
	int e;

	w->number = ++fo->numbers;
	e = say(fo, ipc_value_make("[slsvv]", "$event", (int64_t)w->number,
			name, args ? value_in(args) : ipc_value_array(),
			kwargs ? value_in(kwargs) : ipc_value_map()));
	if (e < 0 || timeout_ms == 0)
		return e < 0 ? e : 1;
	w->next = fo->waits;
	fo->waits = w;
	e = wait_for(fo, until, w, timeout_ms);
	for (at = &fo->waits; *at != w; at = &(*at)->next)
		;
	*at = w->next;
	if (e == 0)
		return net_problem(file_net(fo->con), GC_ETIMEOUT,
		    "no answer to '%s' within %d ms", name, timeout_ms);
	return e;
}

int
gc_client_event(struct gc_conn *con, const char *name, struct gc_value *args,
    struct gc_value *kwargs, int timeout_ms)
{
	struct waits w = { 0 };
	int e;
	struct follower *fo = begun(con, &e);

	if (fo == NULL) {
		gc_value_free(args);
		gc_value_free(kwargs);
		return e;
	}
	e = send_event(fo, name, args, kwargs, is_got, &w, timeout_ms);
	ipc_value_free(w.answer);
	return e < 0 ? e : 0;
}

int
gc_client_request(struct gc_conn *con, const char *name, struct gc_value *args,
    struct gc_value *kwargs, int timeout_ms, const struct gc_value **answer)
{
	struct waits w = { 0 };
	int e;
	struct follower *fo = begun(con, &e);

	if (fo == NULL) {
		gc_value_free(args);
		gc_value_free(kwargs);
		return e;
	}
	e = send_event(fo, name, args, kwargs, is_answered, &w,
	    timeout_ms ? timeout_ms : 1);
	ipc_value_free(fo->reply);
	fo->reply = w.answer;
	if (e > 0 && answer)
		*answer = value_out(fo->reply);
	return e < 0 ? e : 0;
}

/* ---- the game's events
 * ---------------------------------------------------------------- */

static bool
has_event(struct follower *fo, void *arg)
{
	struct ipc_value *v;

	(void)arg;
	if (ipc_value_size(fo->events))
		return true;
	/* Turned over, so that each is taken from the end. */
	while ((v = ipc_value_pop(fo->coming)))
		ipc_value_add(fo->events, v);
	return ipc_value_size(fo->events) > 0;
}

int
gc_client_next(struct gc_conn *con, struct gc_call *call, int timeout_ms)
{
	struct follower *fo;
	struct ipc_value *v;
	int e;

	fo = begun(con, &e);
	e = fo ? wait_for(fo, has_event, NULL, timeout_ms) : e;
	if (e == 0)
		return net_problem(file_net(con), GC_ETIMEOUT,
		    "no event within %d ms", timeout_ms);
	if (e < 0)
		return e;
	v = ipc_value_pop(fo->events);
	ipc_value_free(fo->shown);
	fo->shown = v;
	fo->unanswered = (uint64_t)ipc_value_as_int(ipc_value_at(v, 1));
	*call = (struct gc_call){ .conn = gc_conn_id(con),
		.request = fo->unanswered,
		.name = ipc_value_text(ipc_value_at(v, 2), NULL),
		.args = value_out(ipc_value_at(v, 3)),
		.kwargs = value_out(ipc_value_at(v, 4)) };
	return 0;
}

int
gc_client_answer(
    struct gc_conn *con, const struct gc_call *call, struct gc_value *answer)
{
	struct follower *fo = *file_follower(con);

	if (fo == NULL || fo->unanswered == 0 ||
	    fo->unanswered != call->request) {
		gc_value_free(answer);
		return 0;
	}
	fo->unanswered = 0;
	return say(fo, ipc_value_make("[slv]", "$got", (int64_t)call->request,
			   value_in(answer)));
}
