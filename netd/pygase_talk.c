/*
 * pygase_talk.c - what a game and a client of PyGaSe say to each other: events
 * both ways, and the state that the client follows. tr_pygase.c has the
 * connections, pygase.c the datagrams.
 *
 * State goes one piece at a time: the next is taken from the store when the
 * client has said back the number of the last. So a delete is only ever sent
 * to one who has what is to be deleted, and whatever changed meanwhile is one
 * delta.
 */
#include "netd/tr_pygase.h"

#include "ipc/log.h"
#include "ipc/value.h"
#include "netd/event.h"
#include "netd/state.h"
#include "netd/store.h"

#include <stdlib.h>
#include <string.h>

/* ---- events up -------------------------------------------------------------
 */

bool
pg_event_up(struct client *c, const struct pg_event *e)
{
	struct ipc_value *v;
	const char *why, *text;
	size_t len;
	bool more;

	if (!c->link->talks)
		return client_got(c, IPC_BINARY, e->bytes, e->len);
	if (e->plain)
		return event_came_packed(c, &e->event);
	if (ipc_value_unpack(
		e->bytes, e->len, &ipc_value_from_player, &v, &why) < 0)
		return true;
	text = ipc_value_text(ipc_value_gets(v, "type"), &len);
	more = event_came(c, 0, text, len, ipc_value_gets(v, "handler_args"),
	    ipc_value_gets(v, "handler_kwargs"));
	ipc_value_free(v);
	return more;
}

bool
pg_event_up_again(struct client *c, const uint8_t *bytes, size_t len)
{
	struct pg_event e;

	return !pg_event_read(bytes, len, &e) || pg_event_up(c, &e);
}

/* ---- events down -----------------------------------------------------------
 */

static void
done(struct pg_conn *k, uint64_t number, bool arrived)
{
	const struct link *l = k->c->link;

	if (number && (l->phase == LINKED || recover_parks(l)))
		event_done(k->c, number, arrived);
}

static void
arrived(void *arg, uint64_t number)
{
	done(arg, number, true);
}

static void
lost(void *arg, uint64_t number)
{
	done(arg, number, false);
}

const struct pygase_fate pg_fate = { arrived, lost };

/* Keys that are text alone: any other would end the client's event loop. */
static bool
pack_keywords(const struct event *e, struct ipc_buf *out)
{
	struct ipc_value *all, *v = ipc_value_map();
	const char *why;
	bool good;

	if (ipc_value_unpack(
		e->kwargs, e->kwargs_len, &ipc_value_from_pipe, &all, &why) < 0)
		all = NULL;
	for (size_t i = 0; i < ipc_value_size(all); i++) {
		struct ipc_key key = ipc_value_key(all, i);

		if (key.text)
			ipc_value_set(
			    v, key, ipc_value_copy(ipc_value_at(all, i)));
	}
	good = all && v && ipc_value_pack(v, out) == 0;
	ipc_value_free(all);
	ipc_value_free(v);
	return good;
}

/* A head of a str of up to 255 bytes. */
static size_t
str_head(uint8_t *out, size_t len)
{
	out[0] = (uint8_t)(len < 32 ? 0xa0 | len : 0xd9);
	out[1] = (uint8_t)len;
	return len < 32 ? 1 : 2;
}

bool
pg_event_down(struct client *c, const struct event *e)
{
	struct pg_conn *k = c->codec;
	uint8_t head[2];
	struct ipc_buf b;
	struct pygase_part parts[] = {
		{ PG_EVENT_HEAD, sizeof(PG_EVENT_HEAD) - 1 },
		{ head, str_head(head, e->name_len) },
		{ e->name, e->name_len },
		{ PG_EVENT_ARGS, sizeof(PG_EVENT_ARGS) - 1 },
		{ e->args, e->args_len },
		{ PG_EVENT_KWARGS, sizeof(PG_EVENT_KWARGS) - 1 },
		{ e->kwargs, e->kwargs_len },
	};
	const unsigned n = sizeof(parts) / sizeof(parts[0]);
	int r = -1;

	ipc_buf_init(&b, PYGASE_EVENT_MAX);
	if (pg_text_keys(e->kwargs, e->kwargs_len)) {
		r = 1;
	} else if (pack_keywords(e, &b)) {
		parts[n - 1] = (struct pygase_part){ b.data, b.len };
		r = 1;
	}
	if (r == 1)
		r = pygase_add_parts(
		    &k->p, parts, n, PYGASE_SURE, e->number, c->netd->now_us);
	ipc_buf_release(&b);
	client_dropped(c, r != 1, 0);
	pg_ready(k);
	return r == 1;
}

/* ---- state ------------------------------------------------------------------
 */

void
pg_state(struct client *c)
{
	struct pg_conn *k = c->codec;

	/* What is on its way comes first; what confirms it looks here. */
	k->news = true;
	if (pygase_state_idle(&k->p))
		pg_ready(k);
}

static void
forget(struct ipc_value *map, struct ipc_key key)
{
	ipc_value_free(ipc_value_take(map, key));
}

/* What a client would die of is not said: names that are no text, its own
 * number, a status that there is not. */
static void
clean(struct ipc_value *set)
{
	static const char status[] = "game_status", order[] = "time_order";
	struct ipc_value *v;

	for (size_t i = 0; i < ipc_value_size(set);) {
		struct ipc_key key = ipc_value_key(set, i);

		if (key.text)
			i++;
		else
			forget(set, key);
	}
	forget(set, ipc_key_str(order, sizeof(order) - 1));
	v = ipc_value_gets(set, status);
	if (v && (ipc_value_type(v) != IPC_V_INT || ipc_value_as_int(v) < 0 ||
		     ipc_value_as_int(v) > 1))
		forget(set, ipc_key_str(status, sizeof(status) - 1));
}

/* Which names it has at the top from now on. */
static void
note_tops(struct pg_conn *k, const struct ipc_value *set)
{
	if (k->tops == NULL)
		k->tops = ipc_value_map();
	for (size_t i = 0; k->tops && i < ipc_value_size(set); i++) {
		struct ipc_key key = ipc_value_key(set, i);

		if (store_is_deleted(ipc_value_at(set, i)))
			forget(k->tops, key);
		else if (ipc_value_get(k->tops, key) == NULL)
			ipc_value_set(k->tops, key, ipc_value_nil());
	}
}

void
pg_change_drop(struct pg_change *change)
{
	if (change == NULL || --change->refs)
		return;
	ipc_value_free(change->set);
	pygase_update_release(&change->update);
	free(change);
}

/* set is taken. NULL: no memory. */
static struct pg_change *
change_new(struct ipc_value *set, bool whole)
{
	struct pg_change *change = set ? calloc(1, sizeof(*change)) : NULL;

	if (change == NULL || pygase_update_cut(&change->update, set) < 0) {
		ipc_value_free(set);
		free(change);
		return NULL;
	}
	change->refs = 1;
	change->whole = whole;
	change->set = set;
	if (change->update.left_out)
		ipc_log(IPC_LOG_WARN, "state_too_long",
		    "values=%zu hint=\"no datagram holds a list or text of 2 "
		    "KB\"",
		    change->update.left_out);
	return change;
}

void
pg_changes_clear(struct pg_changes *all)
{
	while (all->n)
		pg_change_drop(all->kept[--all->n].change);
}

static struct pg_kept *
kept_for(struct pg_changes *all, const struct state_key *key)
{
	for (unsigned i = 0; i < all->n; i++) {
		const struct state_key *has = &all->kept[i].key;

		if (has->store == key->store && has->view == key->view &&
		    has->from == key->from && has->to == key->to)
			return &all->kept[i];
	}
	return NULL;
}

/* Of the store: 1 *out is owned, 0 there is none, -1 no memory. */
static int
change_made(struct pg_conn *k, struct pg_change **out)
{
	struct store_delta d;
	struct ipc_value *set;
	int r = state_take(k->c, k->socket->deleted, &d);

	if (r <= 0)
		return r;
	set = d.set;
	d.set = NULL;
	store_delta_release(&d);
	if (set == NULL)
		set = ipc_value_map();
	if (set)
		clean(set);
	*out = change_new(set, d.whole);
	return *out ? 1 : -1;
}

/*
 * One who was here before netd died holds what may be no more. All of it is
 * said once as it was, for it may lack some of that too, and a delete of what
 * it lacks would stay with it; what is gone since is deleted next.
 */
static int
change_before(struct pg_conn *k, struct pg_change **out)
{
	struct ipc_value *v = state_take_before(k->c);

	if (v == NULL)
		return 0;
	clean(v);
	k->news = true;
	*out = change_new(v, false);
	return *out ? 1 : -1;
}

/* The same, or what another one was given already. */
static int
change_taken(struct pg_conn *k, struct pg_change **out)
{
	struct pg_changes *all = &k->socket->changes;
	struct state_key key;
	struct pg_kept *kept;
	int r = k->adopted ? change_before(k, out) : 0;

	k->adopted = false;
	if (r)
		return r;
	if (!state_key(k->c, &key))
		return change_made(k, out);
	kept = kept_for(all, &key);
	if (kept) {
		state_took(k->c);
		*out = kept->change;
		if (*out)
			(*out)->refs++;
		return *out != NULL;
	}
	r = change_made(k, out);
	if (r < 0 || all->n == PG_CHANGES)
		return r;
	kept = &all->kept[all->n++];
	kept->key = key;
	kept->change = r ? *out : NULL;
	if (r)
		(*out)->refs++;
	return r;
}

/*
 * What it has is void, and what it has of it nobody knows any more: all goes,
 * name by name, and the new state follows when it is gone. A merge alone would
 * leave what is no more.
 */
static struct pg_change *
all_gone(struct pg_conn *k)
{
	struct ipc_value *v = ipc_value_map();

	for (size_t i = 0; v && i < ipc_value_size(k->tops); i++)
		ipc_value_set(v, ipc_value_key(k->tops, i),
		    ipc_value_copy(k->socket->deleted));
	return change_new(v, false);
}

/* The next change begins. False: there is none now. */
static bool
take(struct pg_conn *k)
{
	struct pg_change *next = k->whole;
	int r = 1;

	k->whole = NULL;
	if (next == NULL) {
		k->news = false;
		r = change_taken(k, &next);
		if (r == 1 && next->whole && ipc_value_size(k->tops)) {
			k->whole = next;
			next = all_gone(k);
		}
	}
	if (r < 0 || (r > 0 && next == NULL))
		client_abort(k->c, IPC_REASON_NO_MEMORY, "");
	if (r <= 0 || next == NULL)
		return false;
	pg_change_drop(k->change);
	k->change = next;
	k->at = 0;
	note_tops(k, next->set);
	return true;
}

void
pg_state_turn(struct pg_conn *k)
{
	size_t n = k->change ? k->change->update.n : 0;
	struct pygase_piece piece;

	if (pygase_state_taken(&k->p))
		k->at++;
	if (!pygase_state_idle(&k->p) || k->c->phase != PLAYING)
		return;
	if (k->at >= n && ((!k->news && !k->whole) || !take(k)))
		return;
	piece = pygase_update_piece(&k->change->update, k->at);
	pygase_state_send(&k->p, &piece);
}
