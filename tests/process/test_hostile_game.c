/* links: tests/lib/kit*.c */
/*
 * A game is hostile input to netd: whatever comes down the pipe, netd stays
 * up, names the fault, keeps its players and takes the next game.
 */
#include "tests/lib/kit_game.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE "line://127.0.0.1:0"

static struct kit_proc *netd;
static struct kit_link game;
static int player;
static uint64_t conn;

/* A netd, a lawful game so far, and one player. */
static void
begin(void)
{
	struct ipc_frame f;

	netd = kit_netd(NULL);
	kit_attach(&game, netd);
	player = kit_connect(kit_link_listen(&game, LINE));
	kit_link_until(&game, IPC_OPENED, &f);
	conn = f.id;
}

/* The link broke with these words, and only the link. */
static void
broke(const char *words)
{
	char *text = kit_link_fault(&game);
	struct kit_link next;
	struct ipc_frame f;

	if (strstr(text, words) == NULL)
		kit_fail("the fault is '%s', not '%s'", text, words);
	kit_expect_log(netd, words);
	assert_int_equal(kit_count_log(netd, " link_broken "), 1);
	kit_detach(&game);
	kit_expect_silence(player, 20);
	kit_send(player, "still here\n");
	kit_attach(&next, netd);
	kit_link_until(&next, IPC_OPENED, &f);
	assert_true(f.id == conn);
	kit_link_until(&next, IPC_MESSAGE, &f);
	assert_int_equal(f.len, 10);
	kit_link_say(&next, conn, "welcome back");
	kit_expect(player, "welcome back\n");
	kit_detach(&next);
	assert_false(kit_ended(netd));
}

/* ---- bytes that are no frames ---------------------------------------------
 */

static void
garbage_breaks_the_link_and_nothing_else(void)
{
	begin();
	kit_link_raw(&game, "GET / HTTP/1.1\r\n\r\n", 18);
	broke("it does not start with");
}

/* HELLO and LISTEN were before them. */
static void
the_frame_that_is_none_is_named_whatever_waits_before_it(void)
{
	begin();
	kit_link_frame(&game, IPC_SEND, 0, 0, conn, "a", 1);
	kit_link_frame(&game, IPC_SEND, 0, 0, conn, "b", 1);
	kit_link_raw(&game, "GET / HTTP/1.1\r\n\r\n", 18);
	broke("frame 5 at byte 0: not a frame");
}

static void
a_frame_over_the_maximum_is_refused_by_its_head(void)
{
	struct ipc_frame f = { IPC_SEND, 0, 0, 1, NULL, 0xffffff00u };
	uint8_t head[IPC_FRAME_HEAD];
	long before;

	begin();
	before = kit_rss_kib(netd->pid);
	ipc_frame_head(head, &f);
	kit_link_raw(&game, head, sizeof(head));
	broke("longer than the agreed maximum");
	assert_true(kit_rss_kib(netd->pid) < before + 8192);
}

static void
two_lengths_that_disagree_are_refused(void)
{
	struct ipc_frame f = { IPC_SEND, 0, 0, 1, NULL, 5 };
	uint8_t head[IPC_FRAME_HEAD + 5] = { 0 };

	begin();
	ipc_frame_head(head, &f);
	head[26] = 4;
	kit_link_raw(&game, head, sizeof(head));
	broke("its two lengths disagree");
}

static void
a_turn_without_commit_has_an_end(void)
{
	static char bytes[60000];
	bool open = true;

	begin();
	for (int i = 0; i < 200 && open; i++)
		open = kit_link_frame(
		    &game, IPC_SEND, 0, 0, conn, bytes, sizeof(bytes));
	broke("without COMMIT");
	assert_true(kit_rss_kib(netd->pid) < 64 << 10);
}

static void
half_a_frame_and_a_death_lose_nothing(void)
{
	struct ipc_frame f = { IPC_SEND, 0, 0, 1, NULL, 100 };
	uint8_t head[IPC_FRAME_HEAD];
	struct kit_link next;

	begin();
	kit_link_frame(&game, IPC_SEND, 0, 0, conn, "never", 5);
	ipc_frame_head(head, &f);
	kit_link_raw(&game, head, sizeof(head));
	kit_detach(&game);
	kit_expect_log(netd, " game_gone ");
	kit_attach(&next, netd);
	kit_link_until(&next, IPC_OPENED, &f);
	kit_link_say(&next, conn, "next");
	/* what no COMMIT ended was never sent */
	kit_expect(player, "next\n");
	kit_detach(&next);
}

/* ---- who may attach, and what is told of it --------------------------------
 */

static void
what_a_close_says_stays_inside_its_quotes(void)
{
	begin();
	assert_true(kit_link_frame(&game, IPC_CLOSE, 0, IPC_REASON_KICKED, conn,
	    "bye\" why=slow x=\"", 18));
	kit_link_commit(&game);
	kit_expect_log(
	    netd, "why=kicked detail=\"bye\\x22 why=slow x=\\x22\" queued");
	kit_detach(&game);
}

/* Its end and the next one's beginning may be seen in the same turn. */
static void
the_next_game_may_come_at_once(void)
{
	char name[] = "kit";
	struct ipc_hello m = { .version = IPC_VERSION,
		.frame_max = IPC_FRAME_MAX,
		.pid = 1,
		.game = name };
	struct ipc_frame f;

	begin();
	for (int i = 0; i < 20; i++) {
		/* netd hears of all of it together */
		kit_signal(netd, SIGSTOP);
		kit_detach(&game);
		kit_attach_mute(&game, netd);
		kit_link_msg(&game, IPC_HELLO, 0, &m);
		kit_signal(netd, SIGCONT);
		kit_link_until(&game, IPC_WELCOME, &f);
	}
	assert_int_equal(kit_count_log(netd, "attach_refused"), 0);
	kit_detach(&game);
}

static void
a_second_netd_does_not_take_the_folder_away(void)
{
	struct kit_proc *second;

	begin();
	second = kit_start("netd", "--wait", netd->dir, NULL);
	assert_int_equal(kit_wait(second), 1);
	kit_expect_log(second, "another netd does");
	kit_detach(&game);
	kit_expect_log(netd, " game_gone ");
	kit_attach(&game, netd);
	kit_detach(&game);
}

static void
a_second_game_is_told_what_is_the_matter(void)
{
	struct kit_proc *second;

	begin();
	second =
	    kit_start("echo", "--attach", netd->dir, "--listen", LINE, NULL);
	assert_int_equal(kit_wait(second), 1);
	kit_expect_log(second, "is another game attached there?");
	kit_expect_log(netd, "attach_refused");
	kit_detach(&game);
}

/* ---- frames that are not legal ---------------------------------------------
 */

static const struct illegal {
	const char *name;
	unsigned kind, flags, channel;
	uint64_t id;
	const char *bytes;
	size_t len;
	const char *words;
} illegals[] = {
	{ "a kind that is none", 200, 0, 0, 0, "", 0, "no such kind" },
	{ "kind 0", 0, 0, 0, 0, "", 0, "no such kind" },
	{ "the other direction", IPC_OPENED, 0, 0, 1, "", 0,
	    "other direction" },
	{ "a second HELLO", IPC_HELLO, 0, 0, 0, "", 0, "HELLO" },
	{ "an image that is none", IPC_LISTEN, 0, 0, 1, "tpl", 3, "image" },
	{ "no image", IPC_LISTEN, 0, 0, 1, "", 0, "image" },
	{ "class 3", IPC_SEND, 3, 0, 1, "x", 1, "class" },
	{ "a reason that is none", IPC_CLOSE, 0, 9999, 1, "", 0, "reason" },
	{ "group 0 joined", IPC_JOIN, 0, 0, 1, "\0\0\0\0\0\0\0\0", 8, "group" },
	{ "a short JOIN", IPC_JOIN, 0, 0, 1, "\1\0\0", 3, "length" },
	{ "a short SEND_BUT", IPC_SEND_BUT, 0, 0, 0, "\1\0\0", 3, "length" },
	{ "a declaration that is none", IPC_SCHEMA, 0, 0, 0, "type 5\n", 7,
	    "type NAME" },
	{ "a declaration out of its turn", IPC_SCHEMA, 0, 0, 1, "type a\n", 7,
	    "next number" },
	{ "a message that nobody declared", IPC_SEND_TYPED, 0, 0, 1,
	    "\0\0\0\0\1\2\3\4tpl", 11, "declared" },
	{ "a short SEND_TYPED", IPC_SEND_TYPED_GROUP, 0, 0, 0, "\0\0\0", 3,
	    "length" },
	{ "an out-of-band message without a name", IPC_SEND_SIDE, 0, 0, 1,
	    "{\"a\":1}", 7, "name" },
	{ "an empty one", IPC_SEND_SIDE, 0, 0, 1, "", 0, "length" },
	{ "one of class 3", IPC_SEND_SIDE, 3, 0, 1, "a", 1, "class" },
	{ "a short SEND_SIDE_GROUP", IPC_SEND_SIDE_GROUP, 0, 0, 0,
	    "\0\0\0\0\0\0\0\0", 8, "length" },
	{ "one to a group without a name", IPC_SEND_SIDE_GROUP, 0, 0, 0,
	    "\0\0\0\0\0\0\0\0.a", 10, "name" },
	{ "colours that are none", IPC_SET_ABLE, 0, IPC_SET_COLOURS, 1,
	    "\4\0\0\0", 4, "value" },
	{ "a setting that is none", IPC_SET_ABLE, 0, 4, 1, "\0\0\0\0", 4,
	    "value" },
	{ "hidden by 2", IPC_HIDE_INPUT, 0, 2, 1, "", 0, "neither" },
	{ "ticks without a pause", IPC_TICK_START, 0, 0, 0, "", 0, "interval" },
	{ "a log level that is none", IPC_LOG, 0, 7, 0, "x", 1, "level" },
};

static void
each_illegal_frame_is_named(void)
{
	for (size_t i = 0; i < sizeof(illegals) / sizeof(illegals[0]); i++) {
		const struct illegal *x = &illegals[i];
		char *text;

		begin();
		kit_link_frame(&game, x->kind, x->flags, x->channel, x->id,
		    x->bytes, x->len);
		kit_link_commit(&game);
		text = kit_link_fault(&game);
		if (strstr(text, x->words) == NULL)
			kit_fail("%s: '%s'", x->name, text);
		assert_false(kit_ended(netd));
		kit_detach(&game);
		kit_expect_silence(player, 5);
		kit_kill(netd);
		kit_close(player);
	}
}

static void
a_text_over_its_limit_is_named_with_its_field(void)
{
	static char url[70000];
	struct ipc_listen m = { .url = url };
	struct ipc_buf b;
	uint32_t len;
	uint8_t *image;

	begin();
	/* one byte over 2,048, as no honest packer would write it */
	memset(url, 'x', 2048);
	ipc_buf_init(&b, 1 << 20);
	assert_int_equal(ipc_msg_pack(IPC_LISTEN, &m, &b), 0);
	image = calloc(1, b.len + 1);
	memcpy(image, b.data, b.len);
	image[b.len] = 'x';
	len = (uint32_t)b.len + 1;
	memcpy(image + 4, &len, 4);
	len = 2048 + 2;
	memcpy(image + 10, &len, 4);
	kit_link_frame(&game, IPC_LISTEN, 0, 0, 1, image, b.len + 1);
	kit_link_commit(&game);
	free(image);
	ipc_buf_release(&b);
	broke("url: out of range");
}

static void
a_commit_ahead_of_what_was_sent_is_refused(void)
{
	begin();
	kit_link_frame(&game, IPC_COMMIT, 0, 0, 1000000, NULL, 0);
	broke("COMMIT");
}

static void
a_commit_that_goes_back_is_refused(void)
{
	begin();
	kit_link_commit(&game);
	kit_link_frame(&game, IPC_COMMIT, 0, 0, 0, NULL, 0);
	broke("COMMIT");
}

static void
a_version_that_netd_does_not_speak_is_told_netds_own(void)
{
	char name[] = "future";
	struct ipc_hello m = { 99, IPC_FRAME_MAX, 0, 0, name };
	struct ipc_welcome w;
	struct ipc_frame f;
	const char *why, *field;

	netd = kit_netd(NULL);
	kit_attach_mute(&game, netd);
	kit_link_msg(&game, IPC_HELLO, 0, &m);
	kit_link_until(&game, IPC_WELCOME, &f);
	assert_int_equal(ipc_msg_unpack(&f, &w, &why, &field), 0);
	assert_int_equal(w.version, IPC_VERSION);
	ipc_msg_release(IPC_WELCOME, &w);
	assert_non_null(strstr(kit_link_fault(&game), "version"));
	kit_attach(&game, netd);
}

static void
a_smaller_frame_maximum_holds_for_that_game_alone(void)
{
	char name[] = "small";
	struct ipc_hello m = { IPC_VERSION, 16384, 0, 0, name };
	static char bytes[17000];
	struct ipc_welcome w;
	struct ipc_frame f;
	const char *why, *field;

	netd = kit_netd(NULL);
	kit_attach_mute(&game, netd);
	kit_link_msg(&game, IPC_HELLO, 0, &m);
	kit_link_until(&game, IPC_WELCOME, &f);
	assert_int_equal(ipc_msg_unpack(&f, &w, &why, &field), 0);
	assert_int_equal(w.frame_max, 16384);
	ipc_msg_release(IPC_WELCOME, &w);
	kit_link_frame(&game, IPC_SEND, 0, 0, 1, bytes, sizeof(bytes));
	kit_link_commit(&game);
	assert_non_null(strstr(kit_link_fault(&game), "maximum"));
	kit_detach(&game);
	kit_attach(&game, netd);
	kit_link_frame(&game, IPC_SEND, 0, 0, 1, bytes, sizeof(bytes));
	kit_link_frame(&game, IPC_ASK, 0, 0, 7, NULL, 0);
	kit_link_commit(&game);
	kit_link_until(&game, IPC_ANSWER, &f);
	assert_true(f.id == 7);
}

/* ---- lawful, and too much
 * ---------------------------------------------------- */

static void
a_connection_that_is_gone_is_no_fault(void)
{
	struct ipc_frame f;

	begin();
	kit_link_say(&game, 123456789, "nobody");
	kit_link_frame(&game, IPC_CLOSE, 0, IPC_REASON_KICKED, 99, NULL, 0);
	kit_link_frame(&game, IPC_TAG, 0, 0, 99, "x", 1);
	kit_link_frame(&game, IPC_TIMER_STOP, 0, 0, 99, NULL, 0);
	kit_link_frame(&game, IPC_UNLISTEN, 0, 0, 99, NULL, 0);
	kit_link_frame(&game, IPC_SEND_GROUP, 0, 0, 99, "x", 1);
	kit_link_frame(&game, IPC_INFO, 0, 0, 99, NULL, 0);
	kit_link_commit(&game);
	kit_link_until(&game, IPC_ANSWER, &f);
	assert_true(f.id == 99);
}

static void
control_bytes_of_a_game_and_a_player_stay_out_of_the_log(void)
{
	struct ipc_frame f;
	char *said;

	begin();
	kit_link_frame(&game, IPC_LOG, 0, 0, 0, "\x1b[2Jboo\r\nfake", 13);
	kit_link_frame(
	    &game, IPC_CLOSE, 0, IPC_REASON_KICKED, conn, "\x1b[31m\nred", 9);
	kit_link_frame(&game, IPC_LOG, 0, 0, 0,
	    "\x9b"
	    "2J\xc2\x9b"
	    "2Jeight",
	    12);
	kit_link_frame(&game, IPC_ASK, 0, 0, 1, NULL, 0);
	kit_link_commit(&game);
	kit_link_until(&game, IPC_ANSWER, &f);
	kit_expect_log(netd, "boo");
	kit_expect_log(netd, "eight");
	kit_expect_log(netd, " closed ");
	said = kit_said(netd);
	for (const char *p = said; *p; p++)
		if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f ||
		    ((unsigned char)*p >= 0x80 && (unsigned char)*p < 0xa0))
			kit_fail("byte 0x%02x in the log", (unsigned)*p);
	assert_null(strstr(said, "\nfake"));
	assert_null(strstr(said, "\nred"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(garbage_breaks_the_link_and_nothing_else),
		KIT_TEST(
		    the_frame_that_is_none_is_named_whatever_waits_before_it),
		KIT_TEST(a_frame_over_the_maximum_is_refused_by_its_head),
		KIT_TEST(two_lengths_that_disagree_are_refused),
		KIT_TEST(a_turn_without_commit_has_an_end),
		KIT_TEST(half_a_frame_and_a_death_lose_nothing),
		KIT_TEST(what_a_close_says_stays_inside_its_quotes),
		KIT_TEST(the_next_game_may_come_at_once),
		KIT_TEST(a_second_netd_does_not_take_the_folder_away),
		KIT_TEST(a_second_game_is_told_what_is_the_matter),
		KIT_TEST(each_illegal_frame_is_named),
		KIT_TEST(a_text_over_its_limit_is_named_with_its_field),
		KIT_TEST(a_commit_ahead_of_what_was_sent_is_refused),
		KIT_TEST(a_commit_that_goes_back_is_refused),
		KIT_TEST(a_version_that_netd_does_not_speak_is_told_netds_own),
		KIT_TEST(a_smaller_frame_maximum_holds_for_that_game_alone),
		KIT_TEST(a_connection_that_is_gone_is_no_fault),
		KIT_TEST(
		    control_bytes_of_a_game_and_a_player_stay_out_of_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
