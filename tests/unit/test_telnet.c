/* links: netd/telnet.c */
/* netd/telnet.c: commands, the option table of RFC 1143, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "netd/telnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SUB_MAX 8192
#define S(text) text, sizeof(text) - 1

static struct telnet t;
static struct ipc_buf said; /* the events: "text" "<c246>" "<+ours 1>" ... */

static void
note(const struct telnet_event *e)
{
	if (e->what == TELNET_TEXT)
		ipc_buf_add(&said, e->bytes, e->len);
	else if (e->what == TELNET_COMMAND)
		ipc_buf_printf(&said, "<c%u>", e->code);
	else if (e->what == TELNET_OPTION)
		ipc_buf_printf(&said, "<%c%s %u>", e->on ? '+' : '-',
		    e->ours ? "ours" : "theirs", e->code);
	else if (e->what == TELNET_SUB) {
		ipc_buf_printf(&said, "<s%u ", e->code);
		ipc_buf_add(&said, e->bytes, e->len);
		ipc_buf_add(&said, ">", 1);
	} else if (e->what == TELNET_TOO_LONG)
		ipc_buf_printf(&said, "<long %u>", e->code);
}

static void
arrive(const void *bytes, size_t len)
{
	uint8_t *p = malloc(len ? len : 1);

	assert_non_null(p);
	memcpy(p, bytes, len);
	for (size_t used = 0; used < len;) {
		struct telnet_event e;
		size_t n = telnet_next(&t, p + used, len - used, &e);

		assert_true(n > 0 && n <= len - used);
		note(&e);
		used += n;
	}
	free(p);
}

static void
begin(void)
{
	telnet_init(&t, SUB_MAX);
	ipc_buf_init(&said, 1u << 20);
}

static void
end(void)
{
	telnet_release(&t);
	ipc_buf_release(&said);
}

static const struct {
	const char *in;
	size_t in_len;
	const char *events;
	size_t events_len;
	const char *answer;
	size_t answer_len;
} samples[] = {
	{ S("hello"), S("hello"), S("") },
	{ S("a\xff\xff"
	    "b\xff\xff\xff\xff"),
	    S("a\xff"
	      "b\xff\xff"),
	    S("") },
	{ S("a\xff\xf6"
	    "b\xff\xf4\xff\xf1"),
	    S("a<c246>b<c244><c241>"), S("") },
	/* An SE alone, and what is no command, mean nothing. */
	{ S("a\xff\xf0"
	    "b\xff\x41"
	    "c"),
	    S("abc"), S("") },
	/* Unknown options are refused. */
	{ S("\xff\xfd\x63\xff\xfb\x63"), S(""), S("\xff\xfc\x63\xff\xfe\x63") },
	/* ...once, and negatives about what is off need no answer. */
	{ S("\xff\xfd\x63\xff\xfd\x63\xff\xfe\x63\xff\xfd\x63"), S(""),
	    S("\xff\xfc\x63") },
	{ S("\xff\xfe\x01\xff\xfc\x1f"), S(""), S("") },
	/* What we have is agreed to once. */
	{ S("\xff\xfd\x03\xff\xfd\x03"), S("<+ours 3>"), S("\xff\xfb\x03") },
	{ S("\xff\xfb\x1f\xff\xfb\x1f\xff\xfc\x1f"),
	    S("<+theirs 31><-theirs 31>"), S("\xff\xfd\x1f\xff\xfe\x1f") },
	/* A timing mark has no state. */
	{ S("\xff\xfd\x06\xff\xfd\x06"), S(""), S("\xff\xfb\x06\xff\xfb\x06") },
	{ S("\xff\xfa\x1f\x00\x50\xff\xff\x18\xff\xf0x"),
	    S("<s31 \0P\xff\x18>x"), S("") },
	{ S("\xff\xfa\x18\xff\xf0"), S("<s24 >"), S("") },
	/* The end of a subnegotiation was forgotten. */
	{ S("\xff\xfa\x18zz\xff\xf6ok"), S("<c246>ok"), S("") },
	{ S("\xff\xfa\x18zz\xff\xfd\x03ok"), S("<+ours 3>ok"),
	    S("\xff\xfb\x03") },
};

static void
events_and_answers_are_the_same_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++)
		for (size_t cut = 0; cut <= samples[i].in_len; cut++) {
			begin();
			arrive(samples[i].in, cut);
			arrive(samples[i].in + cut, samples[i].in_len - cut);
			assert_int_equal(said.len, samples[i].events_len);
			if (said.len)
				assert_memory_equal(
				    said.data, samples[i].events, said.len);
			assert_int_equal(t.out.len, samples[i].answer_len);
			if (t.out.len)
				assert_memory_equal(
				    t.out.data, samples[i].answer, t.out.len);
			end();
		}
}

static void
our_offer_and_the_answer_to_it_make_no_loop(void **state)
{
	(void)state;
	begin();
	telnet_will(&t, TELNET_EOR, true);
	telnet_do(&t, TELNET_NAWS, true);
	telnet_will(&t, TELNET_EOR, true); /* said already */
	assert_int_equal(t.out.len, 6);
	assert_false(telnet_is_ours(&t, TELNET_EOR));
	arrive(S("\xff\xfd\x19\xff\xfc\x1f"));
	assert_true(telnet_is_ours(&t, TELNET_EOR));
	assert_false(telnet_is_theirs(&t, TELNET_NAWS));
	assert_int_equal(t.out.len, 6);
	end();
}

static void
a_change_of_mind_waits_for_the_answer(void **state)
{
	(void)state;
	begin();
	telnet_will(&t, TELNET_EOR, true);
	telnet_will(&t, TELNET_EOR, false);
	assert_int_equal(t.out.len, 3);
	arrive(S("\xff\xfd\x19")); /* now the other one goes out */
	assert_int_equal(t.out.len, 6);
	assert_memory_equal(t.out.data, "\xff\xfb\x19\xff\xfc\x19", 6);
	assert_false(telnet_is_ours(&t, TELNET_EOR));
	telnet_will(&t, TELNET_EOR, true);
	assert_int_equal(t.out.len, 6);
	arrive(S("\xff\xfe\x19"));
	assert_memory_equal(t.out.data + 6, "\xff\xfb\x19", 3);
	arrive(S("\xff\xfd\x19"));
	assert_true(telnet_is_ours(&t, TELNET_EOR));
	assert_int_equal(t.out.len, 9);
	end();
}

/* Some clients answer WILL alone: a second password is hidden all the same. */
static void
the_end_of_our_echo_needs_no_answer(void **state)
{
	static const char *const answers[] = { "\xff\xfd\x01",
		"\xff\xfe\x01\xff\xfd\x01", "\xff\xfe\x01\xff\xfe\x01" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		begin();
		telnet_will(&t, TELNET_ECHO, true);
		arrive(S("\xff\xfd\x01"));
		telnet_will(&t, TELNET_ECHO, false);
		telnet_will(&t, TELNET_ECHO, true);
		assert_int_equal(t.out.len, 9);
		assert_memory_equal(t.out.data + 6, "\xff\xfb\x01", 3);
		/* The last one does not want it any more. */
		arrive(answers[i], strlen(answers[i]));
		assert_int_equal(telnet_is_ours(&t, TELNET_ECHO), i < 2);
		assert_int_equal(t.out.len, 9);
		/* Taken back before it is answered: nothing is left of it. */
		telnet_will(&t, TELNET_ECHO, true);
		telnet_will(&t, TELNET_ECHO, false);
		telnet_will(&t, TELNET_ECHO, true);
		telnet_will(&t, TELNET_ECHO, false);
		arrive(S("\xff\xfe\x01\xff\xfd\x01\xff\xfe\x01"));
		assert_false(telnet_is_ours(&t, TELNET_ECHO));
		end();
	}
}

/* Both sides of every option, on and off, from every state we can be in. */
static void
every_storm_ends(void **state)
{
	(void)state;
	for (unsigned option = 0; option < 256; option++) {
		begin();
		telnet_will(&t, (uint8_t)option, true);
		telnet_do(&t, (uint8_t)option, true);
		for (int i = 0; i < 4000; i++)
			for (unsigned verb = TELNET_WILL; verb <= TELNET_DONT;
			     verb++) {
				uint8_t b[3] = { TELNET_IAC, (uint8_t)verb,
					(uint8_t)option };

				arrive(b, 3);
			}
		assert_true(t.out.len <= 3 * (TELNET_ANSWERS + 8));
		end();
	}
}

static void
all_refusals_fit(void **state)
{
	(void)state;
	begin();
	for (int again = 0; again < 3; again++)
		for (unsigned option = 0; option < 256; option++) {
			uint8_t b[6] = { TELNET_IAC, TELNET_DO, (uint8_t)option,
				TELNET_IAC, TELNET_WILL, (uint8_t)option };

			arrive(b, 6);
		}
	/* 256 each way: 4 and 4 agreed to, and three timing marks. */
	assert_int_equal(t.out.len, 3 * (512 - 1 + 3));
	end();
}

static void
answers_come_back_with_time(void **state)
{
	int answers = 0;

	(void)state;
	begin();
	telnet_clock(&t, 1000000);
	while (telnet_may_answer(&t))
		answers++;
	assert_int_equal(answers, TELNET_ANSWERS);
	telnet_clock(&t, 1000000 + 110000);
	assert_true(telnet_may_answer(&t));
	assert_false(telnet_may_answer(&t));
	telnet_clock(&t, 1000000 + 3600ll * 1000000);
	for (answers = 0; telnet_may_answer(&t);)
		answers++;
	assert_int_equal(answers, TELNET_ANSWERS);
	end();
}

static void
an_endless_subnegotiation_is_kept_up_to_a_limit_and_said(void **state)
{
	static uint8_t flood[100000];

	(void)state;
	memset(flood, 'x', sizeof(flood));
	begin();
	arrive(S("\xff\xfa\x18"));
	arrive(flood, SUB_MAX);
	assert_int_equal(said.len, 0);
	for (int i = 0; i < 10; i++)
		arrive(flood, sizeof(flood));
	assert_true(t.sub.size <= SUB_MAX);
	/* Once; and the next begins anew. */
	arrive(S("\xff\xf0"
		 "after\xff\xfa\x18"));
	arrive(flood, SUB_MAX - 1);
	/* One that is doubled counts as one. */
	arrive(S("\xff\xff\xff\xf0"));
	assert_int_equal(said.len, 9 + 5 + 5 + SUB_MAX + 1);
	assert_memory_equal(said.data, "<long 24>after<s24 xxx", 22);
	end();
}

static void
a_subnegotiation_may_always_be_a_kilobyte(void **state)
{
	(void)state;
	begin();
	telnet_release(&t);
	telnet_init(&t, 64);
	assert_int_equal(t.sub.max, 1024);
	end();
}

static void
a_subnegotiation_of_ours_doubles_iac(void **state)
{
	(void)state;
	begin();
	telnet_sub(&t, 70, "a\xff", 2);
	assert_int_equal(t.out.len, 8);
	assert_memory_equal(t.out.data,
	    "\xff\xfa\x46"
	    "a\xff\xff\xff\xf0",
	    8);
	end();
}

static const struct {
	const char *in;
	size_t in_len;
	const char *out;
	size_t out_len;
} texts[] = {
	{ S(""), S("") },
	{ S("hi\n"), S("hi\r\n") },
	{ S("hi\r\n"), S("hi\r\n") },
	{ S("\n\na"), S("\r\n\r\na") },
	{ S("50%\rdone"), S("50%\r\0done") },
	{ S("end\r"), S("end\r\0") },
	{ S("\r\r\n"), S("\r\0\r\n") },
	{ S("\xff\xffx"), S("\xff\xff\xff\xffx") },
	{ S("a\0b"), S("a\0b") },
};

static void
text_is_laid_out_for_the_wire(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		uint8_t out[64];
		size_t n = telnet_text(
		    (const uint8_t *)texts[i].in, texts[i].in_len, out);

		assert_true(n <= 2 * texts[i].in_len);
		assert_int_equal(n, texts[i].out_len);
		assert_memory_equal(out, texts[i].out, n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_and_answers_are_the_same_at_every_cut),
		cmocka_unit_test(our_offer_and_the_answer_to_it_make_no_loop),
		cmocka_unit_test(a_change_of_mind_waits_for_the_answer),
		cmocka_unit_test(the_end_of_our_echo_needs_no_answer),
		cmocka_unit_test(every_storm_ends),
		cmocka_unit_test(all_refusals_fit),
		cmocka_unit_test(answers_come_back_with_time),
		cmocka_unit_test(
		    an_endless_subnegotiation_is_kept_up_to_a_limit_and_said),
		cmocka_unit_test(a_subnegotiation_may_always_be_a_kilobyte),
		cmocka_unit_test(a_subnegotiation_of_ours_doubles_iac),
		cmocka_unit_test(text_is_laid_out_for_the_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
