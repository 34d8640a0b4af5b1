/* links: netd/resume_word.c netd/resume.c netd/returns.c netd/outq.c */
/* links: netd/tr_tcp.c */
/* links: netd/config.c */
/*
 * netd/resume.c under any messages of a peer, between any doings of the game
 * and the line. Each step is a byte that says what, and bytes for it; what is
 * counted must always add up, and words must write as they read.
 */
#include "netd/resume.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

static struct netd netd;
static struct link game;
static struct url url;
static struct client first, second; /* the second is a line for the first */
static unsigned taken;

/* ---- what stands around it ------------------------------------------------
 */

static ssize_t
no_write(struct client *c, const void *p, size_t n)
{
	(void)c;
	(void)p;
	return (ssize_t)n;
}

static void
no_close(struct client *c)
{
	c->fd = -1;
}

static const struct wire no_wire = { .write = no_write, .close = no_close };

int64_t
netd_now(const struct netd *n)
{
	return n->now_us;
}

uint64_t
netd_seed(void)
{
	return 7;
}

struct client *
client_find(const struct netd *n, uint64_t id)
{
	(void)n;
	return id == first.id ? &first : id == second.id ? &second : NULL;
}

/* Nobody returns from a netd before this one. */
struct rare *
client_rare(struct client *c)
{
	(void)c;
	abort();
}

void
client_keep_none(struct client *c)
{
	CHECK(c->in == NULL);
}

void
clients_rename(struct client *c, uint64_t id)
{
	(void)c;
	(void)id;
	abort();
}

struct client *
connect_line(struct client *c)
{
	(void)c;
	return NULL;
}

void
client_open(struct client *c)
{
	CHECK(c->phase == HANDSHAKE);
	c->phase = PLAYING;
	c->told = true;
}

static bool
lay(struct client *c, const void *bytes, size_t len, bool in_front)
{
	struct slice *s = slice_new(len);

	CHECK(s);
	memcpy(s->bytes, bytes, len);
	CHECK(in_front ? outq_add_first(&c->out, s, 0, len)
		       : outq_add(&c->out, &netd.spare_segs, s, 0, len,
			     IPC_RELIABLE, 0));
	slice_drop(s);
	netd.queued_bytes += len;
	return true;
}

bool
client_raw(struct client *c, const void *bytes, size_t len)
{
	return lay(c, bytes, len, false);
}

bool
client_raw_first(struct client *c, const void *bytes, size_t len)
{
	return lay(c, bytes, len, true);
}

void
client_abort(struct client *c, unsigned reason, const char *detail)
{
	(void)reason;
	(void)detail;
	c->phase = GONE;
	netd.queued_bytes -= c->out.bytes;
	outq_clear(&c->out);
}

void
client_close(struct client *c, unsigned reason, const char *detail)
{
	if (resume_lineless(c))
		client_abort(c, reason, detail);
	else if (c->phase < LEAVING)
		c->phase = LEAVING;
}

bool
client_take(struct client *c, unsigned flags, const uint8_t *bytes, size_t len)
{
	(void)flags;
	CHECK(c->phase == PLAYING && (len == 0 || bytes));
	taken++;
	return true;
}

bool
client_got(struct client *c, unsigned flags, const uint8_t *bytes, size_t len)
{
	return resume_got(c, flags, bytes, len);
}

void
client_watch(struct client *c)
{
	(void)c;
}

void
client_unwatch(struct client *c)
{
	(void)c;
}

void
client_mark(struct client *c)
{
	(void)c;
}

void
client_feed_kept(struct client *c)
{
	(void)c;
}

void
link_up(struct link *l, unsigned kind, uint64_t id, unsigned flags,
    unsigned channel, const void *bytes, size_t len)
{
	(void)flags;
	(void)channel;
	(void)bytes;
	(void)len;
	CHECK(l == &game && (id == first.id || id == second.id));
	CHECK(kind == IPC_AWAY || kind == IPC_BACK);
}

/* ---- the steps -------------------------------------------------------------
 */

static void
begin(struct client *c, uint64_t id)
{
	memset(c, 0, sizeof(*c));
	c->netd = &netd;
	c->link = &game;
	c->url = &url;
	c->wire = &no_wire;
	c->transport = url.transport;
	c->id = id;
	c->fd = 3;
	c->phase = HANDSHAKE;
	CHECK(c->transport->start(c) == 0);
}

static void
finish(struct client *c)
{
	netd.queued_bytes -= c->out.bytes;
	outq_clear(&c->out);
	resume_free(c);
}

static void
check(const struct client *c)
{
	const struct resume *r = c->resume;
	size_t n = 0;

	if (r == NULL)
		return;
	for (const struct seg *g = r->kept.head; g; g = g->next)
		n++;
	CHECK(r->sent - r->acked == n);
	CHECK(r->said <= r->received);
}

/* A message of the player: whatever it is, or right for this moment. */
static void
hears(struct client *c, const uint8_t *bytes, size_t len)
{
	if (c->phase >= LEAVING || resume_holds(c))
		return;
	resume_got(c, IPC_BINARY, bytes, len);
}

static void
hears_right(struct client *c, enum resume_kind kind, uint8_t n)
{
	struct resume_word w = { .kind = kind, .n = n };
	char text[RESUME_WORD_MAX];
	size_t len;

	if (first.resume == NULL)
		return;
	w.token = first.resume->token;
	if (kind == RESUME_RETURN || kind == RESUME_ACK)
		w.n += first.resume->acked;
	len = resume_word_write(&w, text);
	hears(c, (const uint8_t *)text, len);
}

static void
game_says(struct client *c, size_t len)
{
	struct slice *s = slice_new(len + 5);

	CHECK(s);
	memset(s->bytes, 0, s->len);
	if (c->phase == PLAYING) {
		CHECK(outq_add_whole(&c->out, s, 0, s->len, IPC_RELIABLE, 0));
		netd.queued_bytes += s->len;
	}
	slice_drop(s);
}

static void
line_takes(struct client *c, size_t n)
{
	while (n && c->out.head && c->phase < GONE) {
		uint8_t scratch[256];
		size_t len, room = resume_room(c);

		if (room == 0 || c->resume == NULL)
			return;
		if (room > sizeof(scratch))
			room = sizeof(scratch);
		outq_peek(&c->out, scratch, room, &len);
		if (len > n)
			len = n;
		netd.queued_bytes -= len;
		c->resume->sent +=
		    outq_sent(&c->out, &netd.spare_segs, len, &c->resume->kept);
		n -= len;
	}
}

static size_t
step(const uint8_t *p, size_t n)
{
	struct client *c = p[0] & 0x80 ? &second : &first;
	uint8_t arg = n > 1 ? p[1] : 0;
	size_t len = arg < n - 1 ? arg : n - 1;

	netd.now_us += 1000;
	switch (p[0] & 0x0f) {
	case 0:
		hears(c, p + 1, len);
		return 1 + len;
	case 1:
		hears_right(c, RESUME_NEW, 0);
		break;
	case 2:
		hears_right(c, RESUME_RETURN, arg);
		break;
	case 3:
		hears_right(c, RESUME_ACK, arg);
		break;
	case 4:
		hears(c, (const uint8_t *)"=hi", 3);
		break;
	case 5:
		game_says(&first, arg);
		break;
	case 6:
		if (c->resume)
			line_takes(c, arg);
		break;
	case 7:
		resume_lost(c, IPC_REASON_RESET, "fuzz");
		break;
	case 8:
		if (c->resume && c->phase < GONE)
			resume_turn(c);
		break;
	case 9:
		if (c->resume && c->phase == PLAYING)
			resume_sweep(c, netd.now_us + arg * 100000);
		break;
	default: /* another line */
		finish(&second);
		begin(&second, second.id + 1);
	}
	return 2;
}

static void
word(const uint8_t *data, size_t size)
{
	struct resume_word w = resume_word_read(data, size);
	char out[RESUME_WORD_MAX];

	if (w.kind == RESUME_NONE || w.kind == RESUME_BYE)
		return;
	CHECK(resume_word_write(&w, out) == size + 1);
	CHECK(memcmp(out + 1, data, size) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	word(data, size);
	memset(&netd, 0, sizeof(netd));
	config_init(&netd.config);
	url = (struct url){ .transport = &tr_tcp, .config = netd.config };
	url.config.resume_ms = 5000;
	url.config.hard_bytes = 4096;
	taken = 0;
	begin(&first, 1);
	begin(&second, 2);
	for (size_t at = 0; at < size; at += step(data + at, size - at)) {
		check(&first);
		check(&second);
		CHECK(netd.queued_bytes == first.out.bytes + second.out.bytes);
		CHECK(first.resume == NULL || first.resume->received <= taken);
	}
	finish(&first);
	finish(&second);
	segs_release(&netd.spare_segs);
	CHECK(netd.queued_bytes == 0);
	return 0;
}
