/* links: netd/groups.c netd/outq.c netd/config.c netd/look.c */
/* links: netd/speak.c netd/schema.c netd/json.c netd/pack.c */
/*
 * netd/groups.c: one send to many, with stand-ins for client.c and the wire:
 * what a player would read is looked at, whatever the socket took at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "netd/netd.h"
#include "netd/side.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAYERS 40

/* A player: what its socket takes, and what it has read. */
struct player {
	struct client c;
	size_t room; /* bytes that its socket still takes */
	int error;   /* or why it takes none */
	char got[4096];
	size_t len;
	unsigned writes, closed;
};

static struct netd netd;
static struct link game;
static struct url url;
static struct player players[PLAYERS];
static unsigned encodings; /* calls of encode() */
static char order[4096];   /* who was written to, in order */

/* ---- stand-ins ----------------------------------------------------------- */

bool
side_wants(const struct client *c, const uint8_t *name, size_t len)
{
	(void)c;
	(void)name;
	(void)len;
	return true;
}

struct slice *
side_write(unsigned forms, const uint8_t *bytes, size_t len)
{
	struct slice *s = forms ? slice_new(len) : NULL;

	if (s)
		memcpy(s->bytes, bytes, len);
	return s;
}

static struct player *
player_of(struct client *c)
{
	return (struct player *)c;
}

static ssize_t
fake_write(struct client *c, const void *p, size_t n)
{
	struct player *w = player_of(c);

	w->writes++;
	snprintf(order + strlen(order), sizeof(order) - strlen(order), "%d ",
	    (int)(w - players));
	if (w->error || w->room == 0) {
		errno = w->error ? w->error : EAGAIN;
		return -1;
	}
	n = n < w->room ? n : w->room;
	assert_true(w->len + n < sizeof(w->got));
	memcpy(w->got + w->len, p, n);
	w->len += n;
	w->room -= n;
	return (ssize_t)n;
}

static const struct wire wire = { .name = "fake", .write = fake_write };

static size_t
star_max(size_t len)
{
	return len + 2;
}

static size_t
star_encode(bool outgoing, unsigned flags, const uint8_t *bytes, size_t len,
    uint8_t *out)
{
	encodings++;
	out[0] = outgoing ? '>' : flags & IPC_BINARY ? '#' : '*';
	memcpy(out + 1, bytes, len);
	return len + 1;
}

static size_t
dash_encode(bool outgoing, unsigned flags, const uint8_t *bytes, size_t len,
    uint8_t *out)
{
	star_encode(outgoing, flags, bytes, len, out);
	out[0] = '-';
	return len + 1;
}

static const struct transport star = {
	.name = "star", .encode = star_encode, .encode_max = star_max
};
static const struct transport dash = {
	.name = "dash", .encode = dash_encode, .encode_max = star_max
};

void
client_abort(struct client *c, unsigned reason, const char *detail)
{
	(void)detail;
	c->phase = GONE;
	c->reason = (uint8_t)reason;
	player_of(c)->closed++;
	outq_clear(&c->out);
}

ssize_t
client_write(struct client *c, const void *p, size_t n)
{
	return c->wire->write(c, p, n);
}

void
client_queue(struct client *c, struct slice *s, size_t off, size_t len,
    uint8_t class, uint16_t key)
{
	assert_true(c->phase != GONE);
	if (class == IPC_LATEST)
		outq_replace(&c->out, key);
	assert_true(
	    outq_add(&c->out, &netd.spare_segs, s, off, len, class, key));
}

void
client_queue_begun(struct client *c, struct slice *s, size_t off, size_t len)
{
	assert_null(c->out.head);
	assert_true(
	    outq_add(&c->out, &netd.spare_segs, s, off, len, IPC_RELIABLE, 0));
	c->out.tail->begun = true;
}

/* ---- helpers ------------------------------------------------------------- */

static void
begin(void)
{
	memset(&netd, 0, sizeof(netd));
	memset(&game, 0, sizeof(game));
	memset(players, 0, sizeof(players));
	config_init(&netd.config);
	config_init(&url.config);
	game.netd = &netd;
	game.phase = LINKED;
	encodings = 0;
	order[0] = '\0';
	for (int i = 0; i < PLAYERS; i++) {
		struct client *c = &players[i].c;

		c->netd = &netd;
		c->link = &game;
		c->url = &url;
		c->wire = &wire;
		c->transport = &star;
		c->id = (uint64_t)i + 1;
		c->phase = PLAYING;
		players[i].room = 100000;
	}
}

static void
end(void)
{
	for (int i = 0; i < PLAYERS; i++) {
		groups_forget(&players[i].c);
		outq_clear(&players[i].c.out);
	}
	ipc_buf_release(&netd.written);
	segs_release(&netd.spare_segs);
	/* the last member is the end of a group */
	assert_null(game.groups);
	assert_null(game.everybody);
	groups_release(&game);
}

static void
join(uint64_t group, int from, int to)
{
	for (int i = from; i < to; i++)
		assert_true(group_join(&game, group, &players[i].c));
}

static void
say_as(uint64_t group, uint64_t but, unsigned flags, unsigned key,
    const char *text)
{
	struct ipc_frame f = { .kind = IPC_SEND_GROUP,
		.flags = (uint8_t)flags,
		.channel = (uint16_t)key,
		.bytes = (const uint8_t *)text,
		.len = (uint32_t)strlen(text) };

	cast_add(&game, group, but, &f);
}

static void
say(uint64_t group, const char *text)
{
	say_as(group, 0, IPC_RELIABLE, 0, text);
}

/* What SEND to one player does: dispatch.c ends the cast first. */
static void
say_one(int i, const char *text)
{
	struct slice *s = slice_new(strlen(text));

	cast_flush(&game);
	assert_non_null(s);
	memcpy(s->bytes, text, s->len);
	client_queue(&players[i].c, s, 0, s->len, IPC_RELIABLE, 0);
	slice_drop(s);
}

/* The socket takes everything again. */
static void
drain(int i)
{
	struct player *w = &players[i];

	w->room = 100000;
	while (w->c.out.head) {
		uint8_t scratch[4096];
		size_t n;
		const uint8_t *p =
		    outq_peek(&w->c.out, scratch, sizeof(scratch), &n);

		assert_int_equal(fake_write(&w->c, p, n), n);
		outq_sent(&w->c.out, &netd.spare_segs, n, NULL);
	}
	w->got[w->len] = '\0';
}

static void
read_by(int i, const char *text)
{
	drain(i);
	assert_string_equal(players[i].got, text);
}

/* ---- sending ------------------------------------------------------------- */

static void
a_broadcast_is_encoded_once_for_each_transport(void **state)
{
	(void)state;
	begin();
	players[1].c.transport = &dash;
	players[2].c.outgoing = true;
	players[4].c.transport = &dash;
	join(7, 0, 6);
	say_as(7, 0, IPC_BINARY, 0, "hi");
	assert_int_equal(encodings, 0);
	cast_flush(&game);
	assert_int_equal(encodings, 3);
	read_by(0, "#hi");
	read_by(1, "-hi");
	read_by(2, ">hi");
	read_by(3, "#hi");
	read_by(4, "-hi");
	read_by(6, "");
	assert_int_equal(netd.metrics.messages_out, 6);
	cast_flush(&game);
	assert_int_equal(encodings, 3);
	end();
}

/* Two terminals, one of them with colours, and one that is none. */
static void
markup_is_written_once_for_each_kind_of_terminal(void **state)
{
	uint32_t plain = LOOKS_TERMINAL | 1u << LOOKS_CHARSET_AT;

	(void)state;
	begin();
	for (int i = 0; i < 6; i += 2)
		players[i].c.looks = plain;
	for (int i = 1; i < 6; i += 2)
		players[i].c.looks = plain | 1u << LOOKS_COLOURS_AT;
	join(7, 0, 7);
	say_as(7, 0, IPC_MARKUP, 0, "{red}hi{/}");
	say_as(7, 0, IPC_MARKUP, 0, "{{you}");
	cast_flush(&game);
	assert_int_equal(encodings, 6);
	for (int i = 0; i < 6; i += 2) {
		read_by(i, "*hi*{you}");
		read_by(i + 1, "*\x1b[31mhi\x1b[0m*{you}");
	}
	read_by(6, "*hi*{you}");
	/* What is no markup is the same for all. */
	encodings = 0;
	say_as(7, 0, 0, 0, "{red}");
	cast_flush(&game);
	assert_int_equal(encodings, 1);
	end();
}

static void
more_kinds_than_are_kept_are_written_again(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < PLAYERS; i++)
		players[i].c.looks =
		    LOOKS_TERMINAL | 1u << LOOKS_CHARSET_AT | (unsigned)(i + 5);
	join(7, 0, PLAYERS);
	for (int times = 0; times < 2; times++) {
		say_as(7, 0, IPC_MARKUP, 0, "four five");
		cast_flush(&game);
	}
	for (int i = 0; i < PLAYERS; i++)
		read_by(i,
		    i < 4 ? "*four\nfive*four\nfive" : "*four five*four five");
	end();
}

static void
those_who_wait_share_the_bytes(void **state)
{
	struct slice *s;

	(void)state;
	begin();
	join(7, 0, PLAYERS);
	for (int i = 0; i < PLAYERS; i++)
		players[i].room = (size_t)i % 4;
	say(7, "12345");
	cast_flush(&game);
	s = players[0].c.out.head->slice;
	assert_int_equal(s->refs, PLAYERS);
	for (int i = 0; i < PLAYERS; i++) {
		assert_ptr_equal(players[i].c.out.head->slice, s);
		assert_int_equal(players[i].c.out.bytes, 6 - i % 4);
		assert_int_equal(players[i].c.out.head->begun, i % 4 > 0);
	}
	for (int i = 0; i < PLAYERS; i++)
		read_by(i, "*12345");
	end();
}

static void
frames_to_the_same_receivers_leave_in_one_write(void **state)
{
	(void)state;
	begin();
	join(7, 0, 2);
	for (int i = 0; i < 64; i++)
		say(7, "m");
	assert_int_equal(players[0].writes, 0);
	say(7, "n"); /* no more fit into one */
	assert_int_equal(players[0].writes, 1);
	assert_int_equal(players[0].len, 128);
	cast_flush(&game);
	assert_int_equal(players[0].writes, 2);
	assert_int_equal(players[1].len, 130);
	assert_int_equal(netd.metrics.messages_out, 130);
	end();
}

static void
order_holds_when_groups_and_players_mix(void **state)
{
	(void)state;
	for (size_t room = 0; room < 40; room++) {
		begin();
		join(0, 0, 3);
		join(7, 0, 2);
		join(8, 1, 3);
		for (int i = 0; i < 3; i++)
			players[i].room = room;
		say(7, "a");
		say(7, "b");
		say(8, "c");
		say_one(1, "|1|");
		say(0, "d");
		say_as(0, 2, IPC_RELIABLE, 0, "e");
		say_as(0, 0, IPC_BINARY, 0, "f");
		say_one(0, "|0|");
		say(8, "g");
		say_as(7, 0, IPC_DROPPABLE, 0, "h");
		say_as(7, 0, IPC_DROPPABLE, 0, "i");
		cast_flush(&game);
		read_by(0, "*a*b*d*e#f|0|*h*i");
		read_by(1, "*a*b*c|1|*d#f*g*h*i");
		read_by(2, "*c*d*e#f*g");
		end();
	}
}

static void
classes_are_never_joined(void **state)
{
	(void)state;
	begin();
	join(7, 0, 1);
	players[0].room = 0;
	say_as(7, 0, IPC_LATEST, 1, "old1");
	say_as(7, 0, IPC_LATEST, 2, "old2");
	say_as(7, 0, IPC_DROPPABLE, 0, "drop");
	say_as(7, 0, IPC_LATEST, 1, "new1");
	say(7, "last");
	cast_flush(&game);
	read_by(0, "*old2*drop*new1*last");
	end();
}

static void
everybody_but_one(void **state)
{
	(void)state;
	begin();
	join(0, 0, 3);
	players[2].c.outgoing = true; /* everybody means players */
	say_as(0, 2, 0, 0, "x");
	say_as(0, 99, 0, 0, "y");
	cast_flush(&game);
	read_by(0, "*x*y");
	read_by(1, "*y");
	read_by(2, "");
	end();
}

static void
nobody_is_always_last(void **state)
{
	unsigned first[5] = { 0 };

	(void)state;
	begin();
	join(7, 0, 5);
	for (int i = 0; i < 50; i++) {
		order[0] = '\0';
		say(7, "x");
		cast_flush(&game);
		assert_int_equal(strlen(order), 10);
		first[order[0] - '0']++;
	}
	for (int i = 0; i < 5; i++)
		assert_int_equal(first[i], 10);
	end();
}

static void
a_group_without_members_takes_anything(void **state)
{
	(void)state;
	begin();
	say(7, "x");
	say(0, "y");
	cast_flush(&game);
	assert_int_equal(encodings, 0);
	assert_int_equal(game.cast.n, 0);
	end();
}

/* ---- joining and leaving ------------------------------------------------- */

static void
members_come_and_go_in_any_order(void **state)
{
	bool in[4][PLAYERS] = { 0 };
	unsigned seed = 1;

	(void)state;
	begin();
	for (int round = 0; round < 20000; round++) {
		unsigned dice = (unsigned)rand_r(&seed);
		int i = (int)(dice >> 3) % PLAYERS;
		uint64_t g = (dice >> 12) % 4;

		if (dice & 1)
			join(g, i, i + 1); /* twice is once */
		else if ((dice & 6) == 0)
			groups_forget(&players[i].c);
		else
			group_leave(&game, g, &players[i].c);
		for (uint64_t k = 0; k < 4; k++)
			in[k][i] = dice & 1          ? in[k][i] || k == g
				   : (dice & 6) == 0 ? false
						     : in[k][i] && k != g;
		if (round % 50)
			continue;
		for (uint64_t k = 0; k < 4; k++) {
			for (int p = 0; p < PLAYERS; p++)
				players[p].len = 0;
			say(k, "x");
			cast_flush(&game);
			for (int p = 0; p < PLAYERS; p++)
				assert_int_equal(
				    players[p].len, in[k][p] ? 2 : 0);
		}
		for (int p = 0; p < PLAYERS; p++)
			players[p].room = 100000;
	}
	end();
}

static void
who_joins_or_leaves_meanwhile_gets_what_was_said_before(void **state)
{
	(void)state;
	begin();
	join(7, 0, 2);
	say(7, "a");
	cast_flush(&game); /* as dispatch.c does before a JOIN or a LEAVE */
	join(7, 2, 3);
	group_leave(&game, 7, &players[0].c);
	say(7, "b");
	cast_flush(&game);
	read_by(0, "*a");
	read_by(1, "*a*b");
	read_by(2, "*b");
	end();
}

static void
leaving_what_one_is_not_in_is_nothing(void **state)
{
	(void)state;
	begin();
	join(7, 0, 1);
	group_leave(&game, 8, &players[0].c);
	group_leave(&game, 7, &players[1].c);
	say(7, "x");
	cast_flush(&game);
	read_by(0, "*x");
	end();
}

static void
groups_have_their_limit(void **state)
{
	(void)state;
	begin();
	netd.config.groups_max = 3;
	join(0, 0, PLAYERS);
	for (uint64_t g = 1; g <= 3; g++)
		join(g, 0, 1);
	assert_false(group_join(&game, 4, &players[0].c));
	join(3, 1, 2);
	group_leave(&game, 1, &players[0].c);
	join(4, 0, 1);
	end();
}

static void
a_connection_is_in_so_many_groups_and_no_more(void **state)
{
	(void)state;
	begin();
	netd.config.memberships_max = 3;
	join(0, 0, 2); /* everybody is no group of the game's */
	for (uint64_t g = 1; g <= 3; g++)
		join(g, 0, 1);
	join(2, 0, 1);
	assert_false(group_join(&game, 4, &players[0].c));
	join(4, 1, 2);
	group_leave(&game, 1, &players[0].c);
	join(4, 0, 1);
	end();
}

/* ---- ends ---------------------------------------------------------------- */

static void
one_who_is_gone_disturbs_nobody(void **state)
{
	(void)state;
	begin();
	join(0, 0, 5);
	players[1].error = ECONNRESET;
	players[3].error = EPIPE;
	say(0, "a");
	cast_flush(&game);
	say(0, "b");
	cast_flush(&game);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(players[i].closed, i & 1);
		if (i & 1)
			assert_int_equal(players[i].writes, 1);
		else
			read_by(i, "*a*b");
	}
	assert_int_equal(players[1].c.reason, IPC_REASON_RESET);
	end();
}

static void
one_who_leaves_gets_no_more_unless_answers_are_due(void **state)
{
	(void)state;
	begin();
	join(7, 0, 3);
	players[1].c.phase = LEAVING;
	players[2].c.phase = LEAVING;
	players[2].c.linger = true;
	say(7, "x");
	cast_flush(&game);
	/* behind what waits for it, never past it */
	assert_int_equal(players[2].writes, 0);
	read_by(0, "*x");
	read_by(1, "");
	read_by(2, "*x");
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_broadcast_is_encoded_once_for_each_transport),
		cmocka_unit_test(
		    markup_is_written_once_for_each_kind_of_terminal),
		cmocka_unit_test(more_kinds_than_are_kept_are_written_again),
		cmocka_unit_test(those_who_wait_share_the_bytes),
		cmocka_unit_test(
		    frames_to_the_same_receivers_leave_in_one_write),
		cmocka_unit_test(order_holds_when_groups_and_players_mix),
		cmocka_unit_test(classes_are_never_joined),
		cmocka_unit_test(everybody_but_one),
		cmocka_unit_test(nobody_is_always_last),
		cmocka_unit_test(a_group_without_members_takes_anything),
		cmocka_unit_test(members_come_and_go_in_any_order),
		cmocka_unit_test(
		    who_joins_or_leaves_meanwhile_gets_what_was_said_before),
		cmocka_unit_test(leaving_what_one_is_not_in_is_nothing),
		cmocka_unit_test(groups_have_their_limit),
		cmocka_unit_test(a_connection_is_in_so_many_groups_and_no_more),
		cmocka_unit_test(one_who_is_gone_disturbs_nobody),
		cmocka_unit_test(
		    one_who_leaves_gets_no_more_unless_answers_are_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
