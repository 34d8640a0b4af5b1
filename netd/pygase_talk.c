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

#include <string.h>

/* ---- events up -------------------------------------------------------------
 */

/* A map with a name, positional data, and keyword data whose keys are text. */
static bool
is_event(const struct ipc_value *v)
{
	const struct ipc_value *name = ipc_value_gets(v, "type");
	const struct ipc_value *kwargs = ipc_value_gets(v, "handler_kwargs");
	size_t len;

	if (ipc_value_type(name) != IPC_V_STR ||
	    ipc_value_type(ipc_value_gets(v, "handler_args")) != IPC_V_ARRAY ||
	    ipc_value_type(kwargs) != IPC_V_MAP)
		return false;
	ipc_value_text(name, &len);
	if (len == 0 || len > EVENT_NAME_MAX)
		return false;
	for (size_t i = 0; i < ipc_value_size(kwargs); i++)
		if (ipc_value_key(kwargs, i).text == NULL)
			return false;
	return true;
}

bool
pg_events_good(const uint8_t *bytes, size_t len)
{
	const uint8_t *event;
	size_t off = 0, n;
	int r;

	while ((r = pygase_event(bytes, len, &off, &event, &n)) > 0) {
		struct ipc_value *v;
		const char *why;
		bool good;

		if (ipc_value_unpack(
			event, n, &ipc_value_from_player, &v, &why) < 0)
			return false;
		good = is_event(v);
		ipc_value_free(v);
		if (!good)
			return false;
	}
	return r == 0;
}

bool
pg_event_up(struct client *c, const uint8_t *event, size_t n)
{
	const struct ipc_value *name;
	struct ipc_value *v;
	const char *why, *text;
	size_t len;
	bool more;

	if (!c->link->talks)
		return client_got(c, IPC_BINARY, event, n);
	if (ipc_value_unpack(event, n, &ipc_value_from_player, &v, &why) < 0)
		return true;
	name = ipc_value_gets(v, "type");
	text = ipc_value_text(name, &len);
	more = event_came(c, 0, text, len, ipc_value_gets(v, "handler_args"),
	    ipc_value_gets(v, "handler_kwargs"));
	ipc_value_free(v);
	return more;
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
static struct ipc_value *
keywords(const struct ipc_value *kwargs)
{
	struct ipc_value *v = ipc_value_map();

	for (size_t i = 0; v && i < ipc_value_size(kwargs); i++) {
		struct ipc_key key = ipc_value_key(kwargs, i);

		if (key.text)
			ipc_value_set(
			    v, key, ipc_value_copy(ipc_value_at(kwargs, i)));
	}
	return v;
}

bool
pg_event_down(struct client *c, const struct event *e)
{
	struct pg_conn *k = c->codec;
	struct ipc_value *v = ipc_value_make("{sSsvsv}", "type", e->name,
	    e->name_len, "handler_args", ipc_value_copy(e->args),
	    "handler_kwargs", keywords(e->kwargs));
	struct ipc_buf b;
	int r = -1;

	ipc_buf_init(&b, PYGASE_EVENT_MAX);
	if (v && ipc_value_pack(v, &b) == 0)
		r = pygase_add(&k->p, b.data, b.len, PYGASE_SURE, e->number,
		    c->netd->now_us);
	ipc_buf_release(&b);
	ipc_value_free(v);
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

	k->news = true;
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
		else
			ipc_value_set(k->tops, key, ipc_value_nil());
	}
}

/*
 * What it has is void, and what it has of it nobody knows any more: all goes,
 * name by name, and the new state follows when it is gone. A merge alone would
 * leave what is no more.
 */
static struct ipc_value *
all_gone(struct pg_conn *k)
{
	struct ipc_value *v = ipc_value_map();

	for (size_t i = 0; v && i < ipc_value_size(k->tops); i++)
		ipc_value_set(v, ipc_value_key(k->tops, i),
		    ipc_value_copy(k->socket->deleted));
	return v;
}

/* The next change, owned; NULL: there is none now. */
static struct ipc_value *
next_change(struct pg_conn *k)
{
	struct ipc_value *set = k->whole;
	struct store_delta d;

	k->whole = NULL;
	if (set)
		return set;
	k->news = false;
	if (state_take(k->c, k->socket->deleted, &d) != 1)
		return NULL;
	set = d.set;
	d.set = NULL;
	store_delta_release(&d);
	clean(set);
	if (d.whole && ipc_value_size(k->tops)) {
		k->whole = set;
		return all_gone(k);
	}
	return set;
}

/* Cut it. False: there is none now. */
static bool
take(struct pg_conn *k)
{
	struct ipc_value *set = next_change(k);
	int r;

	if (set == NULL)
		return false;
	note_tops(k, set);
	pygase_update_release(&k->update);
	r = pygase_update_cut(&k->update, set);
	ipc_value_free(set);
	if (r < 0) {
		client_abort(k->c, IPC_REASON_NO_MEMORY, "");
		return false;
	}
	if (k->update.left_out)
		ipc_log(IPC_LOG_WARN, "state_too_long",
		    "conn=%llu values=%zu hint=\"no datagram holds a list or "
		    "text of 2 KB\"",
		    (unsigned long long)k->c->id, k->update.left_out);
	k->at = 0;
	return true;
}

void
pg_state_turn(struct pg_conn *k)
{
	struct pygase_piece piece;

	if (pygase_state_taken(&k->p))
		k->at++;
	if (!pygase_state_idle(&k->p) || k->c->phase != PLAYING)
		return;
	if (k->at >= k->update.n && ((!k->news && !k->whole) || !take(k)))
		return;
	piece = pygase_update_piece(&k->update, k->at);
	pygase_state_send(&k->p, &piece);
}
