/*
 * stores.h - the inside of states and events, for state.c, event.c, machine.c
 * and client.c.
 */
#ifndef GAMECORE_STORES_H
#define GAMECORE_STORES_H

#include "gamecore/core.h"
#include "ipc/value.h"

/* A piece of a store that a game before this one left with netd. */
struct held {
	struct held *next;
	uint64_t number;
	struct ipc_buf bytes;
	bool whole;
};

struct gc_state {
	struct gc_state *next;
	struct gc_net *net;
	uint64_t number;
	struct ipc_value *value; /* our own copy, always a map */
	struct ipc_buf options;  /* the value of STATE_OPEN */
	uint64_t version;
	bool restored;
	struct gone *gone_oldest, *gone_newest; /* gone.c */
	size_t n_gone, gone_bytes;
};

/* What somebody wants to hear of an event's end. */
struct ack {
	gc_done *done;
	void *thing;
	bool many; /* to a group: the first answer is not the last */
	struct ack *newer;
	uint64_t number;
};

struct stores {
	struct gc_state *states;
	struct held *held;
	struct conns views;   /* by number; bound is a struct ipc_buf, owned */
	struct ipc_buf bytes; /* of the frame that is made */
	bool events;          /* EVENTS was said */
	uint64_t last_event;
	struct conns acks; /* by number; bound is a struct ack, owned */
	struct ack *oldest, *newest;
	size_t n_acks;
	struct ipc_value *call;  /* gc_call_read() gave views of it */
	struct ipc_value *reply; /* the same of an answer */
};

/* One struct, two names. */
static inline struct ipc_value *
value_in(const struct gc_value *v)
{
	return (struct ipc_value *)(uintptr_t)v;
}

static inline struct gc_value *
value_out(const struct ipc_value *v)
{
	return (struct gc_value *)(uintptr_t)v;
}

/* Made on first use; NULL: out of memory, and gc_problem() says so. */
struct stores *stores_of(struct gc_net *net);
void stores_release(struct gc_net *net);
/* A new netd is told of everything. */
int stores_again(struct gc_net *net);
/* A piece of a store came. 0 or GC_E... */
int store_held(struct gc_net *net, const struct ipc_frame *f);
/* An event's end came: whose call waits for it has it; 1: an event is left to
 * show, 0, or GC_E... */
int event_arrived(struct gc_net *net, const struct ipc_frame *f);
int
event_show(struct gc_net *net, const struct ipc_frame *f, struct gc_event *ev);
/* A frame with one value in it; both are borrowed. */
int put_value(struct gc_net *net, unsigned kind, unsigned flags, uint64_t id,
    const struct ipc_value *v);
/* Wait for a request up to timeout_ms (-1: for ever): 1 it is done, 0 it is
 * not, GC_E... It leaves the list. */
int await_within(struct gc_net *net, struct request *r, int timeout_ms);

/* ---- gone.c: what was deleted lately, for a netd that is new ---------------
 */

/* What is at path is about to be deleted, or replaced by v: what is lost with
 * that is remembered for a while. NULL: all of it. */
void gone_note(struct gc_state *st, const struct ipc_path *path,
    const struct ipc_value *v);
/* The same of a merge, where the bytes GC_DELETED delete. */
void gone_note_merge(struct gc_state *st, const struct ipc_path *path,
    const struct ipc_value *v);
/* Tell netd. 0 or GC_E... */
int gone_put(struct gc_state *st);
void gone_release(struct gc_state *st);

/* ---- client.c, and what conn.c has for it -----------------------------------
 */

struct follower;
/* Was this message one of ours? */
bool follower_message(struct follower *fo, const struct ipc_frame *f);
void follower_free(struct follower *fo);
struct follower **file_follower(struct gc_conn *con);
struct gc_net *file_net(const struct gc_conn *con);
/* Nothing comes any more, and why: GC_E... */
bool file_over(const struct gc_conn *con);
int file_why(struct gc_conn *con);
/* One step of waiting. */
int file_step(struct gc_conn *con);

#endif
