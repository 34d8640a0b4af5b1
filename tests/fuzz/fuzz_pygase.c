/* links: netd/pygase.c */
/*
 * A connection of PyGaSe's protocol between chance and time: input is a list
 * of steps, and whatever comes, our numbers rise by one, nothing we send is
 * longer than it may be, and no event is acked twice.
 */
#include "netd/pygase.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t acked[256];

static void
note(void *arg, uint64_t id)
{
	(void)arg;
	assert(id < 256 && acked[id] == 0);
	acked[id] = 1;
}

static const struct pygase_fate fate = { note, note };

static void
hear(struct pygase *p, const uint8_t *bytes, size_t len, int64_t now)
{
	uint8_t d[PYGASE_MAX] = { 0xff, 0xd0, 0xfa, 0xb9 };
	struct pygase_head h;
	const uint8_t *event;
	size_t off = 0, n;
	int r;

	if (len > sizeof(d) - 4)
		len = sizeof(d) - 4;
	memcpy(d + 4, bytes, len);
	if (!pygase_read(d, len + 4, &h))
		return;
	/* Mostly near the truth, or nothing gets far. */
	if (len > 1 && bytes[0] & 1) {
		h.ack = pygase_after(p->sequence, 65535 - (h.ack & 15));
		h.time_order = p->order;
		h.sequence = pygase_after(p->seen.newest, 1 + (h.sequence & 7));
	}
	len = len + 4 - PYGASE_CLIENT_HEAD;
	while ((r = pygase_event(
		    d + PYGASE_CLIENT_HEAD, len, &off, &event, &n)) > 0)
		assert(n > 0 && event + n <= d + sizeof(d));
	if (pygase_sort(p, &h) == PYGASE_GOOD && r == 0)
		pygase_take(p, &h, off > 0, now, &fate, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pygase_piece piece = { (const uint8_t *)"\xa1t\x01",
		3, 1 };
	static uint8_t big[PYGASE_EVENT_MAX];
	uint8_t out[PYGASE_MAX + 1];
	int64_t now = 1000000;
	struct pygase p;
	unsigned id = 0;

	memset(acked, 0, sizeof(acked));
	pygase_init(&p, 65500, 65500, 0, now);
	while (size >= 2) {
		unsigned what = data[0] & 3, arg = data[1];
		size_t len;

		data += 2;
		size -= 2;
		now += arg * 100;
		if (what == 0) {
			len = arg < size ? arg : size;
			hear(&p, data, len, now);
			data += len;
			size -= len;
		} else if (what == 1 && id < 256) {
			/* The number goes only where it is taken. */
			id += pygase_add(&p, big, 1 + arg * 7,
				  arg & 1 ? PYGASE_SURE : PYGASE_ONCE, id,
				  now) == 1;
		} else if (what == 2) {
			unsigned before = p.sequence;

			len = pygase_write(&p, now, out);
			assert(len >= PYGASE_SMALLEST && len <= PYGASE_MAX);
			assert(p.sequence == pygase_after(before, 1));
			assert(p.away.bytes < PYGASE_AWAY + PYGASE_EVENT_MAX);
		} else if (pygase_state_taken(&p) || pygase_state_idle(&p)) {
			pygase_state_send(&p, &piece);
		}
	}
	pygase_release(&p, note, NULL);
	return 0;
}
