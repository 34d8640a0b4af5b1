/*
 * pygase.c - PyGaSe's datagrams, a server's side. Knows the wire and its
 * timing; nothing of clients, games or sockets. tr_pygase.c joins them.
 *
 * What a client does with what we send decides much here: it ends for good
 * over a number twice or one 33 behind, over an update without time_order, and
 * over stray bytes; and it forgets to ack the last datagram before a gap. So
 * numbers only ever rise, each datagram is made anew, and an event counts as
 * lost when order and time both say so.
 */
#include "netd/pygase.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Between datagrams to one client: with events or acks, and with state. */
#define GAP_US 2000
#define STATE_GAP_US 20000
/* What an ack waits for something to go with: mostly the game's answer. */
#define ACK_WAIT_US 4000
/* Silence of ours while nothing happens. At 40 of theirs a second, each of
 * ours acks 8; their latency reads 100 ms, under the 250 that slow them. */
#define QUIET_US 200000
/* While an ack is owed or awaited; but not to somebody who is deaf. */
#define OWED_US 30000
#define DEAF_US 700000
/* Theirs that wait for an ack before we speak, of the 32 that one can ack. */
#define UNACKED_MAX 20
/* Bounds of a repeat's waiting time, and what holds before any measure. */
#define REPEAT_MIN_US 60000
#define REPEAT_MAX_US 1000000
#define REPEAT_FIRST_US 250000
/* The part that is lost is that of so many. */
#define LOSS_OVER 64
/* How long one that newer ones overtook may still be on its way. */
#define OVERTAKEN_MIN_US 60000
#define OVERTAKEN_MAX_US 300000
/* How far behind our newest number an ack may be: 5 s of the most we send. */
#define ACK_BEHIND_MAX 512
/* State numbers that a client may still hold, behind our newest. */
#define ORDER_BEHIND_MAX 256
/* A fresh program's number: it has sent for 12 s at the most. */
#define FRESH_MAX 500
/* Ours in a row without one of theirs, and how far apart the next are: one of
 * theirs acks 33 of ours, and some of them are lost. */
#define ROW_MAX 8
#define ROW_GAP_US 25000

struct pygase_sending {
	struct pygase_sending *next;
	uint64_t in; /* the datagram that carries it; of those on their way */
	int64_t since_us;
	int64_t missing_us; /* since when newer ones are acked, or 0 */
	uint64_t id;
	uint16_t len;
	uint8_t class;
	uint8_t bytes[];
};

/* ---- numbers ------------------------------------------------------------- */

int
pygase_distance(unsigned a, unsigned b)
{
	int d = (int)a - (int)b;

	if (d > 32767)
		d -= 65535;
	else if (d < -32767)
		d += 65535;
	return d;
}

uint16_t
pygase_after(unsigned a, unsigned n)
{
	/* 0 is before 1, as 65535 is. */
	return (uint16_t)((a + n + 65535u - 1u) % 65535u + 1u);
}

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void
put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* ---- what came ----------------------------------------------------------- */

bool
pygase_read(const uint8_t *bytes, size_t len, struct pygase_head *head)
{
	if (len < PYGASE_CLIENT_HEAD || len > PYGASE_MAX ||
	    get32(bytes) != PYGASE_ID)
		return false;
	head->sequence = (uint16_t)get16(bytes + 4);
	head->ack = (uint16_t)get16(bytes + 6);
	head->bits = get32(bytes + 8);
	head->time_order = (uint16_t)get16(bytes + 12);
	return head->sequence != 0;
}

int
pygase_event(const uint8_t *bytes, size_t len, size_t *off,
    const uint8_t **event, size_t *n)
{
	if (*off == len)
		return 0;
	if (len - *off < 2)
		return -1;
	*n = get16(bytes + *off);
	if (*n == 0 || *n > len - *off - 2)
		return -1;
	*event = bytes + *off + 2;
	*off += 2 + *n;
	return 1;
}

enum pygase_news
pygase_look(const struct pygase_seen *s, unsigned sequence)
{
	int d = pygase_distance(sequence, s->newest);

	if (s->newest == 0 || d > 0)
		return PYGASE_NEW;
	if (d == 0)
		return PYGASE_REPEAT;
	if (d < -32)
		return PYGASE_OLD;
	return s->bits & UINT32_C(1) << (32 + d) ? PYGASE_REPEAT : PYGASE_NEW;
}

enum pygase_news
pygase_see(struct pygase_seen *s, unsigned sequence)
{
	enum pygase_news news = pygase_look(s, sequence);
	int d = pygase_distance(sequence, s->newest);

	if (news != PYGASE_NEW)
		return news;
	if (s->newest == 0) {
		s->newest = (uint16_t)sequence;
	} else if (d < 0) {
		s->bits |= UINT32_C(1) << (32 + d);
	} else {
		/* The newest so far is one of those before it now. */
		s->bits = d < 32 ? s->bits >> d : 0;
		if (d <= 32)
			s->bits |= UINT32_C(1) << (32 - d);
		s->newest = (uint16_t)sequence;
	}
	return news;
}

/* ---- a connection's life --------------------------------------------------
 */

void
pygase_init(struct pygase *p, unsigned sequence, unsigned order, unsigned holds,
    int64_t now_us)
{
	memset(p, 0, sizeof(*p));
	p->sequence = (uint16_t)sequence;
	p->order = (uint16_t)order;
	p->holds = (uint16_t)holds;
	p->heard_us = now_us;
	p->sent_us = now_us - QUIET_US;
}

static void
put_last(struct pygase_events *all, struct pygase_sending *e)
{
	e->next = NULL;
	if (all->last)
		all->last->next = e;
	else
		all->first = e;
	all->last = e;
	all->bytes += e->len;
}

/* The one after prev, which is the first if that is NULL. */
static struct pygase_sending *
take_after(struct pygase_events *all, struct pygase_sending *prev)
{
	struct pygase_sending *e = prev ? prev->next : all->first;

	if (prev)
		prev->next = e->next;
	else
		all->first = e->next;
	if (all->last == e)
		all->last = prev;
	all->bytes -= e->len;
	return e;
}

/* All of what is in front goes before the others; nothing is left in front. */
static void
put_before(struct pygase_events *all, struct pygase_events *front)
{
	if (front->first == NULL)
		return;
	front->last->next = all->first;
	all->first = front->first;
	if (all->last == NULL)
		all->last = front->last;
	all->bytes += front->bytes;
	*front = (struct pygase_events){ 0 };
}

void
pygase_release(
    struct pygase *p, void (*lost)(void *arg, uint64_t id), void *arg)
{
	put_before(&p->waiting, &p->away);
	while (p->waiting.first) {
		struct pygase_sending *e = take_after(&p->waiting, NULL);

		if (lost)
			lost(arg, e->id);
		free(e);
	}
	p->n_events = 0;
}

enum pygase_sort
pygase_sort(const struct pygase *p, const struct pygase_head *head)
{
	int behind = pygase_distance(p->sequence, head->ack);
	int older = pygase_distance(p->order, head->time_order);
	int ahead = pygase_distance(head->sequence, p->seen.newest);

	/* One that knew something and knows nothing now is another. */
	if (head->ack == 0 && head->time_order == 0 && p->holds > 0 &&
	    head->sequence <= FRESH_MAX && (ahead > 0 || ahead < -32))
		return PYGASE_FRESH;
	if (head->ack && (behind < 0 || behind > ACK_BEHIND_MAX))
		return PYGASE_WRONG;
	if (head->time_order && (older < 0 || older > ORDER_BEHIND_MAX))
		return PYGASE_WRONG;
	if (pygase_look(&p->seen, head->sequence) != PYGASE_NEW)
		return PYGASE_AGAIN;
	/* It was silent for at most some seconds, at 40 a second. */
	if (p->seen.newest && ahead > 4096)
		return PYGASE_WRONG;
	return PYGASE_GOOD;
}

/* ---- acks ------------------------------------------------------------------
 */

static int64_t
repeat_after(const struct pygase *p, unsigned tries)
{
	int64_t us = p->rtt_us ? p->rtt_us + 4 * p->var_us : REPEAT_FIRST_US;

	if (us < REPEAT_MIN_US)
		us = REPEAT_MIN_US;
	while (tries-- > 2 && us < REPEAT_MAX_US)
		us += us / 2;
	return us < REPEAT_MAX_US ? us : REPEAT_MAX_US;
}

/* A round trip, RFC 6298. */
static void
measured(struct pygase *p, int64_t us)
{
	int64_t off;

	if (us < 1)
		us = 1;
	if (p->rtt_us == 0) {
		p->rtt_us = us;
		p->var_us = us / 2;
		return;
	}
	off = us > p->rtt_us ? us - p->rtt_us : p->rtt_us - us;
	p->var_us += (off - p->var_us) / 4;
	p->rtt_us += (us - p->rtt_us) / 8;
	if (p->rtt_us < 1)
		p->rtt_us = 1;
}

/* What lies further behind the newest than an ack can name is lost, or it was
 * taken; PyGaSe does not ack the last one before a gap. */
static void
judge(struct pygase *p)
{
	uint64_t n = p->judged + 1;

	if (p->sent - n >= PYGASE_RING)
		n = p->sent - PYGASE_RING + 1;
	for (; n + 32 < p->acked; n++) {
		bool lost = !p->ring[n % PYGASE_RING].acked;

		p->lost += lost;
		p->loss += ((double)lost - p->loss) / LOSS_OVER;
		p->judged = n;
	}
}

/* Datagram number n (from 1) is acked. */
static void
acked_one(struct pygase *p, uint64_t n, int64_t now_us)
{
	struct pygase_gone *g = &p->ring[n % PYGASE_RING];

	if (n == 0 || n > p->sent || p->sent - n >= PYGASE_RING || g->acked)
		return;
	g->acked = true;
	if (n > p->acked) {
		p->acked = n;
		judge(p);
		measured(p, now_us - g->at_us);
	}
	if (p->owes && pygase_distance(g->theirs, p->owed) >= 0)
		p->owes = p->owes_now = false;
}

/* Those before datagram number n that its bits name, bit 31 the one before. */
static void
acked_before(struct pygase *p, uint64_t n, uint32_t bits, int64_t now_us)
{
	uint64_t newer = n - p->said_ack;
	uint64_t known = (uint64_t)1 << 32 | p->said_bits;
	uint32_t fresh = bits;

	if (n >= p->said_ack && newer <= 32)
		fresh &= (uint32_t) ~(known >> newer);
	if (n >= p->said_ack) {
		p->said_ack = n;
		p->said_bits = bits;
	}
	while (fresh) {
		unsigned i = (unsigned)__builtin_clz(fresh);

		fresh &= ~(UINT32_C(1) << (31 - i));
		if (n > i + 1)
			acked_one(p, n - i - 1, now_us);
	}
}

static bool
is_acked(const struct pygase *p, uint64_t n)
{
	return p->sent - n < PYGASE_RING && p->ring[n % PYGASE_RING].acked;
}

/* Newer ones are acked, and it is not. */
static bool
is_lost(const struct pygase *p, struct pygase_sending *e, int64_t now_us)
{
	int64_t grace = p->rtt_us / 2;

	if (e->missing_us == 0)
		e->missing_us = now_us;
	/* So far behind, no ack names it any more. */
	if (p->acked - e->in > 32)
		return true;
	if (grace < OVERTAKEN_MIN_US)
		grace = OVERTAKEN_MIN_US;
	else if (grace > OVERTAKEN_MAX_US)
		grace = OVERTAKEN_MAX_US;
	return now_us - e->missing_us >= grace;
}

/*
 * Each event whose datagram came is done; one whose did not waits again. That
 * is believed of a datagram when newer ones are acked and it is not, and still
 * not when those that it might only have been overtaken by are long there: a
 * client cannot tell an event that comes twice. Silence alone means nothing,
 * for then nothing is known; what is newer than all that is acked is not even
 * looked at, and what waits neither.
 */
static void
settle_events(
    struct pygase *p, int64_t now_us, const struct pygase_fate *fate, void *arg)
{
	struct pygase_sending *prev = NULL, *e;
	struct pygase_events again = { 0 };

	while ((e = prev ? prev->next : p->away.first) && e->in <= p->acked) {
		bool came = is_acked(p, e->in);

		if (!came && !is_lost(p, e, now_us)) {
			prev = e;
			continue;
		}
		take_after(&p->away, prev);
		if (!came && e->class == PYGASE_SURE) {
			e->missing_us = 0;
			put_last(&again, e);
			continue;
		}
		p->n_events--;
		if (fate)
			(came ? fate->done : fate->lost)(arg, e->id);
		free(e);
	}
	put_before(&p->waiting, &again);
}

void
pygase_take(struct pygase *p, const struct pygase_head *head, bool carries,
    int64_t now_us, const struct pygase_fate *fate, void *arg)
{
	pygase_see(&p->seen, head->sequence);
	p->unacked++;
	if (carries) {
		if (!p->owes || pygase_distance(head->sequence, p->owed) > 0)
			p->owed = head->sequence;
		if (!p->owes_now)
			p->owes_us = now_us;
		p->owes = p->owes_now = true;
	}
	pygase_acks(p, head, now_us, fate, arg);
}

void
pygase_acks(struct pygase *p, const struct pygase_head *head, int64_t now_us,
    const struct pygase_fate *fate, void *arg)
{
	uint64_t n;

	p->heard_us = now_us;
	p->row = 0;
	if (head->ack) {
		n = p->sent - (uint64_t)pygase_distance(p->sequence, head->ack);
		/* Above sent: a number that one before us gave out. */
		if (n <= p->sent) {
			acked_one(p, n, now_us);
			acked_before(p, n, head->bits, now_us);
		}
	}
	if (head->time_order &&
	    (p->holds == 0 || pygase_distance(head->time_order, p->holds) > 0))
		p->holds = head->time_order;
	settle_events(p, now_us, fate, arg);
}

/* ---- what is to be sent ---------------------------------------------------
 */

int
pygase_add_parts(struct pygase *p, const struct pygase_part *parts,
    unsigned n_parts, enum pygase_class class, uint64_t id, int64_t now_us)
{
	struct pygase_sending *e;
	size_t n = 0, at = 0;

	for (unsigned i = 0; i < n_parts; i++)
		n += parts[i].len;
	if (n == 0 || n > PYGASE_EVENT_MAX)
		return -1;
	if (p->n_events >= PYGASE_WAITING ||
	    p->away.bytes + p->waiting.bytes + n > PYGASE_WAITING_BYTES)
		return 0;
	e = malloc(sizeof(*e) + n);
	if (e == NULL)
		return -1;
	*e = (struct pygase_sending){ .id = id,
		.since_us = now_us,
		.len = (uint16_t)n,
		.class = (uint8_t) class };
	for (unsigned i = 0; i < n_parts; i++) {
		if (parts[i].len)
			memcpy(e->bytes + at, parts[i].bytes, parts[i].len);
		at += parts[i].len;
	}
	put_last(&p->waiting, e);
	p->n_events++;
	return 1;
}

int
pygase_add(struct pygase *p, const void *event, size_t n,
    enum pygase_class class, uint64_t id, int64_t now_us)
{
	return pygase_add_parts(
	    p, &(struct pygase_part){ event, n }, 1, class, id, now_us);
}

bool
pygase_is_open(const struct pygase *p)
{
	return p->away.bytes + p->waiting.bytes < PYGASE_AWAY;
}

int64_t
pygase_waits(const struct pygase *p, int64_t now_us)
{
	const struct pygase_sending *a = p->away.first, *w = p->waiting.first;

	if (a == NULL || (w && w->since_us < a->since_us))
		a = w;
	return a ? now_us - a->since_us : 0;
}

bool
pygase_state_idle(const struct pygase *p)
{
	return !p->piece_on;
}

void
pygase_state_send(struct pygase *p, const struct pygase_piece *piece)
{
	assert(!p->piece_on);
	p->piece = *piece;
	p->piece_on = true;
	p->piece_us = 0;
	p->piece_tries = 0;
	p->order = pygase_after(p->order, 1);
}

bool
pygase_state_taken(struct pygase *p)
{
	if (!p->piece_on || p->holds != p->order)
		return false;
	p->piece_on = false;
	return true;
}

/* When the piece of state is to be sent, if there is one. */
static int64_t
state_due(const struct pygase *p)
{
	if (!p->piece_on)
		return INT64_MAX;
	if (p->piece_tries == 0)
		return p->piece_us;
	return p->piece_us + repeat_after(p, p->piece_tries);
}

/* Waits an event that may go now? */
static bool
may_send(const struct pygase *p)
{
	return p->waiting.first && p->away.bytes < PYGASE_AWAY;
}

int64_t
pygase_due(const struct pygase *p, int64_t now_us)
{
	int64_t due = p->sent_us + QUIET_US, at;
	int64_t gap = p->row < ROW_MAX ? GAP_US : ROW_GAP_US;

	if (may_send(p) || p->unacked > UNACKED_MAX)
		return p->sent_us + gap;
	if (p->owes_now && due > p->owes_us + ACK_WAIT_US) {
		due = p->owes_us + ACK_WAIT_US;
		if (due < p->sent_us + gap)
			due = p->sent_us + gap;
	}
	/* What comes after an event tells whether it came. */
	if ((p->owes || p->n_events) && due > p->sent_us + OWED_US &&
	    now_us - p->heard_us < DEAF_US)
		due = p->sent_us + OWED_US;
	at = state_due(p);
	if (at != INT64_MAX && at < p->sent_us + STATE_GAP_US + p->busy_us)
		at = p->sent_us + STATE_GAP_US + p->busy_us;
	if (at < due)
		due = at;
	return due > now_us ? due : now_us;
}

/* ---- writing ---------------------------------------------------------------
 */

static const char order_key[] = "\xaatime_order";

static size_t
map_head(uint8_t *out, uint32_t keys)
{
	if (keys < 16) {
		out[0] = (uint8_t)(0x80 | keys);
		return 1;
	}
	out[0] = 0xde;
	put16(out + 1, keys);
	return 3;
}

/* A number in the smallest form of msgpack. */
static size_t
number(uint8_t *out, unsigned v)
{
	if (v < 128) {
		out[0] = (uint8_t)v;
		return 1;
	}
	if (v < 256) {
		out[0] = 0xcc;
		out[1] = (uint8_t)v;
		return 2;
	}
	out[0] = 0xcd;
	put16(out + 1, v);
	return 3;
}

/* The state update with its length, or the one without news. */
static size_t
update(uint8_t *out, const struct pygase_piece *piece, unsigned order)
{
	size_t n = 2;

	n += map_head(out + n, piece ? piece->keys + 1 : 1);
	memcpy(out + n, order_key, sizeof(order_key) - 1);
	n += sizeof(order_key) - 1;
	n += number(out + n, order);
	if (piece && piece->len) {
		memcpy(out + n, piece->bytes, piece->len);
		n += piece->len;
	}
	put16(out, (unsigned)n - 2);
	return n;
}

static size_t
head_out(uint8_t *out, const struct pygase_head *h)
{
	put32(out, PYGASE_ID);
	put16(out + 4, h->sequence);
	put16(out + 6, h->ack);
	put32(out + 8, h->bits);
	return PYGASE_SERVER_HEAD;
}

size_t
pygase_smallest(uint8_t *out, const struct pygase_head *head)
{
	size_t n = head_out(out, head);

	n += update(out + n, NULL, head->time_order);
	return n;
}

/* Which events are on board: those that wait, as far as they fit. */
static size_t
events(struct pygase *p, uint8_t *out, size_t n)
{
	struct pygase_gone *g = &p->ring[p->sent % PYGASE_RING];
	size_t room = n < PYGASE_FILL ? PYGASE_FILL : n;

	while (may_send(p) && g->events < UINT8_MAX) {
		struct pygase_sending *e = p->waiting.first;

		/* One that is too long for any is alone in its own. */
		if (n + 2 + e->len > room &&
		    (g->events || n + 2 + e->len > PYGASE_MAX))
			break;
		take_after(&p->waiting, NULL);
		put16(out + n, e->len);
		memcpy(out + n + 2, e->bytes, e->len);
		n += 2 + (size_t)e->len;
		e->in = p->sent;
		put_last(&p->away, e);
		g->events++;
	}
	return n;
}

size_t
pygase_write(struct pygase *p, int64_t now_us, uint8_t *out)
{
	struct pygase_head h;
	struct pygase_gone *g;
	bool news;
	size_t n;

	p->sequence = pygase_after(p->sequence, 1);
	p->sent++;
	g = &p->ring[p->sent % PYGASE_RING];
	*g = (struct pygase_gone){ .at_us = now_us, .theirs = p->seen.newest };
	h = (struct pygase_head){ .sequence = p->sequence,
		.ack = p->seen.newest,
		.bits = p->seen.bits };
	n = head_out(out, &h);
	news = state_due(p) <= now_us;
	n += update(
	    out + n, news ? &p->piece : NULL, news ? p->order : p->holds);
	if (news) {
		p->piece_us = now_us;
		p->piece_tries++;
	}
	n = events(p, out, n);
	p->owes_now = false;
	p->unacked = 0;
	p->sent_us = now_us;
	p->row++;
	return n;
}
