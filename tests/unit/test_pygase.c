/* links: netd/pygase.c */
/*
 * PyGaSe's datagrams held against what its own programs were seen to send, and
 * the rules that keep its clients alive.
 */
#include "netd/pygase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MS INT64_C(1000)
#define START INT64_C(1000000000)

static struct pygase p;
static uint8_t out[PYGASE_MAX];
static uint64_t acks[64];
static unsigned n_acks;

/* "ff d0 fab9" -> bytes. */
static size_t
hex(const char *text, uint8_t *to)
{
	size_t n = 0;

	while (*text) {
		char two[3];

		if (isspace((unsigned char)*text)) {
			text++;
			continue;
		}
		memcpy(two, text, 2);
		two[2] = '\0';
		to[n++] = (uint8_t)strtoul(two, NULL, 16);
		text += 2;
	}
	return n;
}

static void
assert_hex(const uint8_t *bytes, size_t n, const char *text)
{
	uint8_t want[PYGASE_MAX];

	assert_int_equal(n, hex(text, want));
	assert_memory_equal(bytes, want, n);
}

static void
note(void *arg, uint64_t id)
{
	(void)arg;
	acks[n_acks++] = id;
}

static uint64_t losses[64];
static unsigned n_losses;

static void
note_lost(void *arg, uint64_t id)
{
	(void)arg;
	losses[n_losses++] = id;
}

static const struct pygase_fate fate = { note, note_lost };

static enum pygase_sort
hear(unsigned sequence, unsigned ack, uint32_t bits, unsigned order, bool event,
    int64_t at)
{
	struct pygase_head h = { .sequence = (uint16_t)sequence,
		.ack = (uint16_t)ack,
		.bits = bits,
		.time_order = (uint16_t)order };
	enum pygase_sort sort = pygase_sort(&p, &h);

	if (sort == PYGASE_GOOD)
		pygase_take(&p, &h, event, at, &fate, NULL);
	return sort;
}

static int
begin(void **state)
{
	(void)state;
	pygase_init(&p, 65535, 0, 0, START);
	n_acks = n_losses = 0;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	pygase_release(&p, NULL, NULL);
	return 0;
}

/* ---- numbers ---------------------------------------------------------------
 */

static void
numbers_go_on_at_one_after_65535(void **state)
{
	(void)state;
	assert_int_equal(pygase_after(0, 1), 1);
	assert_int_equal(pygase_after(65535, 1), 1);
	assert_int_equal(pygase_after(65534, 1), 65535);
	assert_int_equal(pygase_after(65530, 10), 5);
	assert_int_equal(pygase_distance(1, 65535), 1);
	assert_int_equal(pygase_distance(65535, 1), -1);
	assert_int_equal(pygase_distance(32768, 1), 32767);
	assert_int_equal(pygase_distance(32769, 1), -32767);
	assert_int_equal(pygase_distance(7, 7), 0);
	for (unsigned a = 1; a <= 65535; a += 7)
		for (unsigned n = 0; n < 32767; n += 4099)
			assert_int_equal(
			    pygase_distance(pygase_after(a, n), a), n);
}

static void
acks_name_the_32_before_the_newest_also_before_a_gap(void **state)
{
	struct pygase_seen s = { 0 };

	(void)state;
	assert_int_equal(pygase_see(&s, 1), PYGASE_NEW);
	assert_int_equal(s.bits, 0);
	assert_int_equal(pygase_see(&s, 2), PYGASE_NEW);
	assert_int_equal(s.bits, 0x80000000);
	assert_int_equal(pygase_see(&s, 5), PYGASE_NEW);
	/* 2 is three back, 1 is four back; 3 and 4 are missing. */
	assert_int_equal(s.bits, 0x30000000);
	assert_int_equal(pygase_see(&s, 3), PYGASE_NEW);
	assert_int_equal(s.bits, 0x70000000);
	assert_int_equal(pygase_see(&s, 3), PYGASE_REPEAT);
	assert_int_equal(pygase_see(&s, 5), PYGASE_REPEAT);
	assert_int_equal(pygase_see(&s, 37), PYGASE_NEW);
	assert_int_equal(s.bits, 1); /* 5 is 32 back */
	assert_int_equal(pygase_see(&s, 5), PYGASE_REPEAT);
	assert_int_equal(pygase_see(&s, 4), PYGASE_OLD);
	assert_int_equal(pygase_see(&s, 2000), PYGASE_NEW);
	assert_int_equal(s.bits, 0);
}

/* ---- captured datagrams -----------------------------------------------------
 */

static void
reads_what_a_client_was_seen_to_send(void **state)
{
	static const char echo[] =
	    "ffd0fab9 000b 000a ff800000 0036 0034"
	    "83 a4 74797065 a4 4543484f ac 68616e646c65725f61726773"
	    "93 01 a3 74776f 91 ca 40600000"
	    "ae 68616e646c65725f6b7761726773 80";
	uint8_t bytes[256];
	size_t len = hex(echo, bytes), off = 0, n;
	const uint8_t *event;
	struct pygase_head h;

	(void)state;
	assert_true(pygase_read(bytes, len, &h));
	assert_int_equal(h.sequence, 11);
	assert_int_equal(h.ack, 10);
	assert_int_equal(h.bits, 0xff800000);
	assert_int_equal(h.time_order, 54);
	assert_int_equal(
	    pygase_event(bytes + 14, len - 14, &off, &event, &n), 1);
	assert_int_equal(n, 52);
	assert_int_equal(event[0], 0x83);
	assert_int_equal(
	    pygase_event(bytes + 14, len - 14, &off, &event, &n), 0);
	/* Cut anywhere it is no datagram, or its event is none. */
	for (size_t cut = 0; cut < len; cut++) {
		bool good = pygase_read(bytes, cut, &h);

		assert_int_equal(good, cut >= 14);
		off = 0;
		if (cut > 14)
			assert_int_equal(pygase_event(bytes + 14, cut - 14,
					     &off, &event, &n),
			    -1);
	}
	bytes[0] ^= 1;
	assert_false(pygase_read(bytes, len, &h));
	hex("ffd0fab9 0000 0000 00000000 0000", bytes);
	assert_false(pygase_read(bytes, 14, &h));
}

static void
writes_byte_for_byte_what_a_server_was_seen_to_send(void **state)
{
	static const uint8_t tick43[] = "\xa4tick\x2b",
			     tick55[] = "\xa4tick\x37";
	struct pygase_piece piece = { tick43, 6, 1 };
	uint8_t event[64];
	size_t n;

	(void)state;
	/* Its second datagram: {"time_order": 44, "tick": 43}. */
	pygase_release(&p, NULL, NULL);
	pygase_init(&p, 1, 43, 42, START);
	hear(1, 0, 0, 42, false, START);
	hear(2, 0, 0, 42, false, START);
	pygase_state_send(&p, &piece);
	n = pygase_write(&p, START, out);
	assert_hex(out, n,
	    "ffd0fab9 0002 0002 80000000 0013"
	    "82 aa 74696d655f6f72646572 2c a4 7469636b 2b");
	/* Its twelfth, with an event. */
	pygase_init(&p, 11, 55, 54, START);
	for (unsigned i = 1; i <= 12; i++)
		pygase_see(&p.seen, i);
	piece = (struct pygase_piece){ tick55, 6, 1 };
	pygase_state_send(&p, &piece);
	n = hex("83 a4 74797065 a6 4543484f4544 ac 68616e646c65725f61726773"
		"93 01 a3 74776f 91 ca 40600000"
		"ae 68616e646c65725f6b7761726773 80",
	    event);
	assert_int_equal(pygase_add(&p, event, n, PYGASE_SURE, 1, START), 1);
	n = pygase_write(&p, START, out);
	assert_hex(out, n,
	    "ffd0fab9 000c 000c ffe00000 0013"
	    "82 aa 74696d655f6f72646572 38 a4 7469636b 37"
	    "0036 83 a4 74797065 a6 4543484f4544 ac 68616e646c65725f61726773"
	    "93 01 a3 74776f 91 ca 40600000"
	    "ae 68616e646c65725f6b7761726773 80");
}

static void
says_the_least_there_is_without_news(void **state)
{
	size_t n;

	(void)state;
	hear(1, 0, 0, 0, false, START);
	n = pygase_write(&p, START, out);
	assert_hex(out, n,
	    "ffd0fab9 0001 0001 00000000 000d 81 aa 74696d655f6f72646572 00");
	assert_int_equal(n, PYGASE_SMALLEST);
}

/* ---- events -----------------------------------------------------------------
 */

static void
an_event_is_acked_once_and_sent_no_more(void **state)
{
	(void)state;
	hear(1, 0, 0, 0, false, START);
	assert_int_equal(pygase_add(&p, "\x80", 1, PYGASE_SURE, 7, START), 1);
	assert_true(pygase_due(&p, START + 3 * MS) <= START + 3 * MS);
	assert_int_equal(
	    pygase_write(&p, START + 3 * MS, out), PYGASE_SMALLEST + 3);
	hear(2, 1, 0, 0, false, START + 30 * MS);
	assert_int_equal(n_acks, 1);
	assert_int_equal(acks[0], 7);
	assert_int_equal(p.n_events, 0);
	assert_true(p.rtt_us >= 27 * MS);
	/* The same ack again is nothing new. */
	hear(3, 1, 0, 0, false, START + 55 * MS);
	assert_int_equal(n_acks, 1);
	assert_int_equal(
	    pygase_write(&p, START + 300 * MS, out), PYGASE_SMALLEST);
}

static void
an_event_that_is_missing_goes_again_in_a_new_datagram(void **state)
{
	int64_t at = START;

	(void)state;
	hear(1, 0, 0, 0, false, at);
	pygase_add(&p, "\x80", 1, PYGASE_SURE, 7, at);
	pygase_add(&p, "\x80", 1, PYGASE_ONCE, 8, at);
	assert_int_equal(pygase_write(&p, at, out), PYGASE_SMALLEST + 6);
	/* While nothing is known, what follows carries nothing. */
	for (unsigned i = 0; i < 20; i++) {
		int64_t due = pygase_due(&p, at);

		assert_in_range(due - at, 1 * MS, 200 * MS);
		at = due;
		assert_int_equal(pygase_write(&p, at, out), PYGASE_SMALLEST);
	}
	/* Number 10 came and 1 did not; it may have been overtaken. */
	hear(2, 10, 0xff000000, 0, false, at);
	assert_int_equal(pygase_write(&p, at, out), PYGASE_SMALLEST);
	at += 310 * MS;
	hear(3, 10, 0xff000000, 0, false, at);
	assert_int_equal(pygase_write(&p, at, out), PYGASE_SMALLEST + 3);
	hear(4, p.sequence, 0, 0, false, at + 20 * MS);
	assert_int_equal(n_acks, 1);
	assert_int_equal(acks[0], 7);
	assert_int_equal(n_losses, 1);
	assert_int_equal(losses[0], 8);
	assert_int_equal(p.n_events, 0);
}

static void
an_event_that_was_overtaken_is_not_said_twice(void **state)
{
	int64_t at = START;

	(void)state;
	hear(1, 0, 0, 0, false, at);
	pygase_add(&p, "\x80", 1, PYGASE_SURE, 7, at);
	for (unsigned i = 0; i < 4; i++)
		pygase_write(&p, at, out);
	hear(2, 4, 0xc0000000, 0, false, at + 25 * MS);
	hear(3, 4, 0xe0000000, 0, false, at + 50 * MS);
	assert_int_equal(n_acks, 1);
	assert_int_equal(pygase_write(&p, at + 200 * MS, out), PYGASE_SMALLEST);
}

static void
no_more_events_than_fit_one_datagram_and_their_room(void **state)
{
	static const uint8_t big[PYGASE_EVENT_MAX + 1] = { 0x80 };
	unsigned n = 0;
	size_t len;

	(void)state;
	assert_int_equal(
	    pygase_add(&p, big, sizeof(big), PYGASE_SURE, 0, START), -1);
	assert_int_equal(pygase_add(&p, big, 0, PYGASE_SURE, 0, START), -1);
	/* One that is too long for what routers leave whole goes alone. */
	assert_int_equal(
	    pygase_add(&p, big, PYGASE_EVENT_MAX, PYGASE_SURE, 0, START), 1);
	while (pygase_add(&p, big, 100, PYGASE_SURE, 0, START) == 1)
		n++;
	assert_int_equal(n, PYGASE_WAITING - 1);
	assert_int_equal(
	    pygase_write(&p, START, out), PYGASE_SMALLEST + 2 + 2000);
	len = pygase_write(&p, START, out);
	assert_in_range(len, PYGASE_FILL - 102, PYGASE_FILL);
}

/* A busy core reads acks 300 ms late. What it says goes on at its pace, none of
 * it twice, and little of it waits. */
static void
acks_that_are_late_hold_nothing_up(void **state)
{
	enum { EVERY_MS = 25, LATE = 12, EACH = 30, STEPS = 80 };
	static const uint8_t event[48] = { 0x80 };
	unsigned said_at[STEPS] = { 0 };
	size_t went = 0;
	int64_t at = START;

	(void)state;
	for (unsigned i = 0; i < STEPS; i++, at += EVERY_MS * MS) {
		hear(i + 1, i < LATE ? 0 : said_at[i - LATE],
		    i < LATE ? 0 : UINT32_MAX, 0, true, at);
		for (unsigned k = 0; k < EACH; k++)
			assert_int_equal(pygase_add(&p, event, sizeof(event),
					     PYGASE_ONCE, 0, at),
			    1);
		for (int64_t t = at; t < at + EVERY_MS * MS; t += MS)
			if (pygase_due(&p, t) <= t)
				went += (pygase_write(&p, t, out) -
					    PYGASE_SMALLEST) /
					(sizeof(event) + 2);
		said_at[i] = p.sequence;
		assert_int_equal(went, (i + 1) * EACH);
		assert_in_range(p.n_events, EACH, (LATE + 1) * EACH);
		n_acks = 0;
	}
	assert_int_equal(n_losses, 0);
}

/* And however late they are, only so much is on its way. */
static void
without_acks_what_is_on_its_way_has_an_end(void **state)
{
	static const uint8_t event[1000] = { 0x80 };
	size_t went = 0;

	(void)state;
	hear(1, 0, 0, 0, false, START);
	while (pygase_add(&p, event, sizeof(event), PYGASE_SURE, 0, START) == 1)
		;
	for (int64_t t = START; t < START + 3000 * MS; t += MS)
		if (pygase_due(&p, t) <= t)
			went += pygase_write(&p, t, out) > sizeof(event);
	assert_int_equal(went, (PYGASE_AWAY + 999) / 1000);
	assert_false(pygase_is_open(&p));
}

static void
events_of_the_other_side_are_acked_at_once_until_it_knows(void **state)
{
	(void)state;
	hear(1, 0, 0, 0, true, START);
	assert_true(pygase_due(&p, START) <= START);
	pygase_write(&p, START, out);
	/* It does not know yet: again, sooner than without a reason. */
	assert_in_range(
	    pygase_due(&p, START), START + 20 * MS, START + 60 * MS);
	hear(2, 1, 0, 0, false, START + 20 * MS);
	assert_true(pygase_due(&p, START) >= START + 150 * MS);
}

static void
thirty_one_of_theirs_never_wait(void **state)
{
	int64_t at = START;
	unsigned sequence = 1;

	(void)state;
	hear(sequence, 0, 0, 0, false, at);
	pygase_write(&p, at, out);
	/* A hundred a second: more than any client sends. */
	for (; sequence < 500; sequence++) {
		at += 10 * MS;
		hear(sequence + 1, 0, 0, 0, false, at);
		if (pygase_due(&p, at) <= at)
			pygase_write(&p, at, out);
		assert_true(p.unacked < 31);
	}
}

/* ---- state ------------------------------------------------------------------
 */

static void
what_is_lost_is_known_when_no_ack_can_name_it(void **state)
{
	uint32_t bits = 0;

	(void)state;
	pygase_init(&p, 0, 0, 0, 0);
	/* Of four of ours they have three; each of theirs tells of 33. */
	for (unsigned i = 1; i <= 600; i++) {
		struct pygase_head h = { .sequence = (uint16_t)i,
			.ack = (uint16_t)i,
			.bits = bits };

		pygase_write(&p, i * 25000, out);
		if (i % 4)
			pygase_take(&p, &h, false, i * 25000 + 1, NULL, NULL);
		bits = bits >> 1 | (i % 4 ? UINT32_C(1) << 31 : 0);
		if (i == 32)
			assert_int_equal(p.lost, 0);
	}
	/* The last 33 may still be told of. */
	assert_in_range(p.lost, 141, 142);
	assert_true(p.loss > 0.2 && p.loss < 0.3);
}

static void
a_piece_of_state_goes_until_its_number_comes_back(void **state)
{
	struct pygase_piece piece = { (const uint8_t *)"\xa1t\x01", 3, 1 };
	int64_t at = START;

	(void)state;
	hear(1, 0, 0, 0, false, at);
	assert_true(pygase_state_idle(&p));
	pygase_state_send(&p, &piece);
	assert_int_equal(pygase_write(&p, at, out), PYGASE_SMALLEST + 3);
	assert_false(pygase_state_taken(&p));
	/* Not in each datagram, but soon again. */
	hear(2, 1, 0, 0, false, at + 5 * MS);
	assert_int_equal(pygase_write(&p, at + 5 * MS, out), PYGASE_SMALLEST);
	at = START + 1000 * MS;
	assert_int_equal(pygase_write(&p, at, out), PYGASE_SMALLEST + 3);
	assert_int_equal(out[PYGASE_SMALLEST - 1], 1); /* the same number */
	hear(3, 3, 0, 1, false, at + 20 * MS);
	assert_true(pygase_state_taken(&p));
	assert_false(pygase_state_taken(&p));
	assert_true(pygase_state_idle(&p));
}

static void
state_numbers_pass_65535(void **state)
{
	struct pygase_piece piece = { (const uint8_t *)"\xa1t\x01", 3, 1 };

	(void)state;
	pygase_init(&p, 100, 65534, 65534, START);
	for (unsigned i = 0; i < 3; i++) {
		static const uint16_t next[] = { 65535, 1, 2 };

		pygase_state_send(&p, &piece);
		pygase_write(&p, START + i * 50 * MS, out);
		assert_int_equal(p.order, next[i]);
		assert_int_equal(hear(1 + i, p.sequence, 0, next[i], false,
				     START + (i + 1) * 50 * MS),
		    PYGASE_GOOD);
		assert_true(pygase_state_taken(&p));
	}
}

/* ---- what is not believed
 * ---------------------------------------------------- */

static void
what_cannot_be_is_not_believed(void **state)
{
	(void)state;
	pygase_init(&p, 1000, 500, 500, START);
	assert_int_equal(hear(40, 1000, 0, 500, false, START), PYGASE_GOOD);
	assert_int_equal(hear(40, 1000, 0, 500, false, START), PYGASE_AGAIN);
	assert_int_equal(hear(41, 1001, 0, 500, false, START), PYGASE_WRONG);
	assert_int_equal(hear(41, 1000, 0, 501, false, START), PYGASE_WRONG);
	assert_int_equal(hear(41, 20000, 0, 500, false, START), PYGASE_WRONG);
	assert_int_equal(
	    hear(40 + 9000, 1000, 0, 500, false, START), PYGASE_WRONG);
	assert_int_equal(hear(7, 1000, 0, 500, false, START), PYGASE_AGAIN);
	assert_int_equal(hear(8, 1000, 0, 500, false, START), PYGASE_GOOD);
	/* A late one from its beginning, and one of another program. */
	assert_int_equal(hear(9, 0, 0, 0, false, START), PYGASE_GOOD);
	assert_int_equal(hear(1, 0, 0, 0, false, START), PYGASE_FRESH);
	assert_int_equal(hear(41, 0, 0, 0, false, START), PYGASE_FRESH);
}

static void
our_numbers_only_rise_whatever_happens(void **state)
{
	unsigned last = 65535;

	(void)state;
	srand(7);
	for (unsigned i = 1; i < 70000; i++) {
		int64_t at = START + i * 3 * MS;
		unsigned now;

		if (i % 3 == 0)
			pygase_add(&p, "\x80", 1, PYGASE_SURE, i, at);
		n_acks = 0;
		if (i % 8 == 0)
			hear(pygase_after(0, i / 8), p.sequence,
			    (uint32_t)rand(), 0, i % 5 == 0, at);
		pygase_write(&p, at, out);
		now = (unsigned)out[4] << 8 | out[5];
		assert_int_equal(pygase_distance(now, last), 1);
		assert_true(now != 0);
		last = now;
	}
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(numbers_go_on_at_one_after_65535),
		T(acks_name_the_32_before_the_newest_also_before_a_gap),
		T(reads_what_a_client_was_seen_to_send),
		T(writes_byte_for_byte_what_a_server_was_seen_to_send),
		T(says_the_least_there_is_without_news),
		T(an_event_is_acked_once_and_sent_no_more),
		T(an_event_that_is_missing_goes_again_in_a_new_datagram),
		T(an_event_that_was_overtaken_is_not_said_twice),
		T(no_more_events_than_fit_one_datagram_and_their_room),
		T(acks_that_are_late_hold_nothing_up),
		T(without_acks_what_is_on_its_way_has_an_end),
		T(events_of_the_other_side_are_acked_at_once_until_it_knows),
		T(thirty_one_of_theirs_never_wait),
		T(what_is_lost_is_known_when_no_ack_can_name_it),
		T(a_piece_of_state_goes_until_its_number_comes_back),
		T(state_numbers_pass_65535),
		T(what_cannot_be_is_not_believed),
		T(our_numbers_only_rise_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
