/* links: tests/lib/kit*.c tests/lib/players.c */
/*
 * Typed messages with a real netd and a real game: a page, a msgpack client,
 * a C program with libtpl and a terminal in one room, each seeing the same
 * struct in its own way; what is malformed, and who dies meanwhile.
 */
#include "ipc/typed.h"
#include "tests/lib/players.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tpl.h>
#include <unistd.h>

#define TEXT 1
#define BINARY 2

static struct kit_proc *game;

static void
begin(const char *query)
{
	char ws[96], tcp[96];

	snprintf(ws, sizeof(ws), "ws://127.0.0.1:0/%s", query);
	snprintf(tcp, sizeof(tcp), "tcp://127.0.0.1:0%s", query);
	game = kit_game(players_game("kinds"), "--crash-dir", kit_path("."),
	    "--listen", ws, "--listen", tcp, "--listen", "line://127.0.0.1:0",
	    "--listen", "ws://127.0.0.1:0/?speak=msgpack", "--listen",
	    "telnet://127.0.0.1:0", NULL);
}

static void
say(int fd, const char *json)
{
	kit_ws_send(fd, TEXT, json, strlen(json));
}

static void
hears(int fd, const char *json)
{
	char *bytes;
	size_t len;

	assert_int_equal(kit_ws_recv(fd, &bytes, &len), TEXT);
	if (len != strlen(json) || memcmp(bytes, json, len) != 0)
		kit_fail("heard %.*s\n   not %s", (int)len, bytes, json);
}

static void
hears_packed(int fd, const void *packed, size_t size)
{
	char *bytes;
	size_t len;

	assert_int_equal(kit_ws_recv(fd, &bytes, &len), BINARY);
	assert_int_equal(len, size);
	assert_memory_equal(bytes, packed, len);
}

/* ---- a C program with libtpl ------------------------------------------------
 */

static void
tpl_says(int fd, uint64_t from, const char *text)
{
	char format[] = "sUs", name_of[] = "say", *name = name_of;
	char *words = strdup(text);
	tpl_node *tn = tpl_map(format, &name, &from, &words);
	uint32_t head;
	void *image;
	size_t len;

	tpl_pack(tn, 0);
	assert_int_equal(tpl_dump(tn, TPL_MEM, &image, &len), 0);
	tpl_free(tn);
	head = htonl((uint32_t)len);
	kit_send_bytes(fd, &head, sizeof(head));
	kit_send_bytes(fd, image, len);
	free(image);
	free(words);
}

static void *
tpl_hears(int fd, uint32_t *len)
{
	void *image;

	kit_recv_bytes(fd, len, sizeof(*len));
	*len = ntohl(*len);
	image = malloc(*len);
	kit_recv_bytes(fd, image, *len);
	return image;
}

static void
tpl_hears_say(int fd, uint64_t from, const char *text)
{
	char format[] = "sUs", *name, *words;
	uint32_t len;
	void *image = tpl_hears(fd, &len);
	uint64_t number;
	tpl_node *tn = tpl_map(format, &name, &number, &words);

	assert_int_equal(tpl_load(tn, TPL_MEM, image, (size_t)len), 0);
	assert_true(tpl_unpack(tn, 0) > 0);
	assert_string_equal(name, "say");
	assert_string_equal(words, text);
	assert_int_equal(number, from);
	tpl_free(tn);
	free(name);
	free(words);
	free(image);
}

/* ---- what must hold ---------------------------------------------------------
 */

static void
everybody_in_a_room_sees_the_same_struct(void)
{
	static const char packed[] = "\x92\xa3say\x82\xa4"
				     "from\x01\xa4text\xa5hello";
	int json, msgpack, tpl, line;
	char *bytes;
	size_t len;

	begin("");
	json = kit_ws(kit_url(game, 1));
	say(json, "[\"every\"]"); /* who is first has number 1 */
	hears(json, "[\"error\",{\"message\":\"every\",\"field\":\"yes\","
		    "\"rule\":\"missing\"}]");
	msgpack = kit_ws(kit_url(game, 4));
	tpl = kit_connect(kit_url(game, 2));
	tpl_says(tpl, 0, "from C");
	hears(json, "[\"say\",{\"from\":\"3\",\"text\":\"from C\"}]");
	kit_ws_recv(msgpack, &bytes, &len);
	line = kit_connect(kit_url(game, 3));
	kit_send(line, "one\n");
	kit_expect(line, "raw one\n");
	hears(json, "[\"say\",{\"from\":\"4\",\"text\":\"one\"}]");
	hears_packed(msgpack,
	    "\x92\xa3say\x82\xa4"
	    "from\x04\xa4text\xa3one",
	    21);
	tpl_hears_say(tpl, 4, "one");
	say(json, "[\"say\",{\"text\":\"hello\",\"from\":0}]");
	hears_packed(msgpack, packed, sizeof(packed) - 1);
	tpl_hears_say(tpl, 1, "hello");
	kit_ws_send(msgpack, BINARY, packed, sizeof(packed) - 1);
	hears(json, "[\"say\",{\"from\":\"2\",\"text\":\"hello\"}]");
	tpl_hears_say(tpl, 2, "hello");
	kit_expect_silence(line, 100);
}

#define IAC_GMCP "\xff\xfa\xc9"
#define IAC_SE "\xff\xf0"

/* All that hears_within() read. */
static char heard[8192];
static size_t n_heard;

/* Read until these bytes came. */
static void
hears_within(int fd, const char *text)
{
	size_t n = strlen(text), have = 0;
	char last[256];

	assert_true(n < sizeof(last));
	do {
		if (have == n)
			memmove(last, last + 1, --have);
		kit_recv_bytes(fd, last + have, 1);
		assert_true(n_heard + 1 < sizeof(heard));
		heard[n_heard++] = last[have++];
	} while (have < n || memcmp(last, text, n) != 0);
}

static void
a_mud_client_hears_and_says_the_same_as_gmcp(void)
{
	int telnet, json, other;

	begin("");
	json = kit_ws(kit_url(game, 1));
	telnet = kit_connect(kit_url(game, 5));
	kit_send(telnet, "\xff\xfd\xc9" /* DO GMCP */
	    IAC_GMCP "kinds.SAY {\"text\":\"hi\",\"from\":0}" IAC_SE);
	hears(json, "[\"say\",{\"from\":\"2\",\"text\":\"hi\"}]");
	say(json, "[\"say\",{\"text\":\"hello\",\"from\":0}]");
	hears_within(telnet,
	    IAC_GMCP "Kinds.Say {\"from\":\"1\",\"text\":\"hello\"}" IAC_SE);
	kit_send(telnet, IAC_GMCP "Kinds.Say {\"text\":5,\"from\":0}" IAC_SE);
	hears_within(telnet,
	    IAC_GMCP "Kinds.Error {\"message\":\"Kinds.Say\",\"field\":"
		     "\"text\",\"rule\":\"not text\"}" IAC_SE);
	/* What it does not want it does not get. */
	kit_send(telnet,
	    IAC_GMCP "Core.Supports.Set [\"Char 1\"]" IAC_SE "words\r\n");
	hears_within(telnet, "raw words");
	hears(json, "[\"say\",{\"from\":\"2\",\"text\":\"words\"}]");
	other = kit_ws(kit_url(game, 1));
	say(other, "[\"nobody\"]");
	hears(other, "[\"error\",{\"message\":\"nobody\",\"field\":\"\","
		     "\"rule\":\"no such message\"}]");
	say(json, "[\"say\",{\"text\":\"unheard\",\"from\":0}]");
	hears(other, "[\"say\",{\"from\":\"1\",\"text\":\"unheard\"}]");
	kit_send(telnet,
	    IAC_GMCP "Core.Supports.Set [\"Kinds 1\"]" IAC_SE "more\r\n");
	hears_within(telnet, "raw more");
	hears(json, "[\"say\",{\"from\":\"2\",\"text\":\"more\"}]");
	say(json, "[\"say\",{\"text\":\"heard\",\"from\":0}]");
	hears_within(telnet, IAC_GMCP "Kinds.Say {\"from\":\"1\",");
	hears_within(telnet, "\"heard\"}");
	assert_null(strstr(heard, "unheard"));
	assert_non_null(strstr(heard, "Kinds.Error"));
}

/* What may be missing, bare lists and names, in each of the four. */
static void
each_encoding_has_what_is_set_and_no_more(void)
{
	static const char full[] =
	    "[\"loose\",{\"scores\":[1,999],\"names\":[\"ann\",\"\"],"
	    "\"moods\":[\"angry\"],\"mood\":\"calm\",\"bid\":9,"
	    "\"motto\":\"\",\"seal\":\"AA==\",\"at\":{\"x\":1,\"y\":-2}}]";
	static const char least[] = "[\"loose\",{\"scores\":[],\"names\":[],"
				    "\"moods\":[],\"mood\":\"angry\"}]";
	static const char packed[] = "\x92\xa5loose\x84\xa6scores\x90\xa5"
				     "names\x90\xa5moods\x90\xa4mood\xa5"
				     "angry";
	char format[] = "sA(i)A(s)A(c)cA(c)A(s)A(B)A(jj)", *name, *each, *motto;
	int ws, other, tcp, telnet;
	int16_t x, y;
	int32_t score;
	uint8_t mood, one, bid;
	tpl_node *tn;
	tpl_bin seal;
	uint32_t len;
	void *image;

	begin("");
	ws = kit_ws(kit_url(game, 1));
	other = kit_ws(kit_url(game, 4));
	tcp = kit_connect(kit_url(game, 2));
	telnet = kit_connect(kit_url(game, 5));
	kit_send(telnet,
	    "\xff\xfd\xc9" IAC_GMCP "Kinds.Loose {\"scores\":[],\"names\":[],"
	    "\"moods\":[],\"mood\":\"angry\",\"bid\":null}" IAC_SE);
	hears(ws, least);
	hears_packed(other, packed, sizeof(packed) - 1);
	free(tpl_hears(tcp, &len));
	hears_within(telnet,
	    IAC_GMCP "Kinds.Loose {\"scores\":[],\"names\":[],"
		     "\"moods\":[],\"mood\":\"angry\"}" IAC_SE);
	say(ws, full);
	hears(ws, full);
	image = tpl_hears(tcp, &len);
	tn = tpl_map(format, &name, &score, &each, &one, &mood, &bid, &motto,
	    &seal, &x, &y);
	assert_int_equal(tpl_load(tn, TPL_MEM, image, (size_t)len), 0);
	assert_true(tpl_unpack(tn, 0) > 0);
	assert_int_equal(mood, 0);
	assert_true(tpl_unpack(tn, 1) > 0 && score == 1);
	assert_true(tpl_unpack(tn, 1) > 0 && score == 999);
	assert_true(tpl_unpack(tn, 4) > 0 && bid == 9);
	assert_true(tpl_unpack(tn, 7) > 0 && x == 1 && y == -2);
	tpl_free(tn);
	free(name);
	free(image);
	say(ws, "[\"loose\",{\"scores\":[],\"names\":[],\"moods\":[],"
		"\"mood\":\"sad\"}]");
	hears(ws, "[\"error\",{\"message\":\"loose\",\"field\":\"mood\","
		  "\"rule\":\"none of calm angry\"}]");
}

static void
what_is_malformed_is_answered_and_too_much_of_it_closes(void)
{
	char *bytes, *why;
	size_t len;
	int ws, tcp;
	uint32_t n;
	void *image;

	begin("?wrong_max=2");
	ws = kit_ws(kit_url(game, 1));
	say(ws, "[\"nobody\"]");
	hears(ws, "[\"error\",{\"message\":\"nobody\",\"field\":\"\","
		  "\"rule\":\"no such message\"}]");
	say(ws, "[\"say\",{\"from\":0,\"text\":\"x\",\"y\":[]}]");
	hears(ws, "[\"error\",{\"message\":\"say\",\"field\":\"y\","
		  "\"rule\":\"no such field\"}]");
	kit_ws_send(ws, BINARY, "\xdd\xff\xff\xff\xff", 5);
	kit_ws_recv(ws, &bytes, &len);
	assert_int_equal(kit_ws_recv(ws, &bytes, &len), 8);
	assert_memory_equal(bytes, "\x03\xea", 2); /* 1002 */
	why = strndup(bytes + 2, len - 2);
	assert_string_equal(why, "malformed:  : not msgpack");
	free(why);
	/* A program is told in its own way. */
	tcp = kit_connect(kit_url(game, 2));
	kit_send_bytes(tcp, "\0\0\0\3abc", 7);
	image = tpl_hears(tcp, &n);
	assert_memory_equal(ipc_image_name(image, n, &len), "error", 5);
	free(image);
	kit_expect_log(game, "why=protocol");
}

static void
a_listener_may_be_raw(void)
{
	char *bytes;
	size_t len;
	int ws;

	begin("?speak=raw");
	ws = kit_ws(kit_url(game, 1));
	say(ws, "[\"say\",{");
	assert_int_equal(kit_ws_recv(ws, &bytes, &len), TEXT);
	assert_int_equal(len, 12);
	assert_memory_equal(bytes, "raw [\"say\",{", len);
}

static void
a_game_cannot_send_what_it_declared_not_to(void)
{
	int line;

	begin("");
	line = kit_connect(kit_url(game, 3));
	kit_send(line, "wrong\n");
	kit_expect(line, "-6 message 'say', field 'text': not UTF-8, or a NUL "
			 "in it\n");
}

static void
what_is_declared_outlives_the_game_and_netd(void)
{
	static const char hello[] = "[\"say\",{\"from\":0,\"text\":\"hello\"}]";
	int ws, other;

	begin("");
	ws = kit_ws(kit_url(game, 1));
	other = kit_ws(kit_url(game, 1));
	say(ws, hello);
	hears(other, "[\"say\",{\"from\":\"1\",\"text\":\"hello\"}]");
	/* The game proper is a child of the launcher, of the same name. */
	kill(kit_child(game, "kinds"), SIGKILL);
	say(ws, hello);
	hears(other, "[\"say\",{\"from\":\"1\",\"text\":\"hello\"}]");
	kit_expect_log(game, "recovered");
	say(ws, "[\"say\"]");
	hears(ws, "[\"error\",{\"message\":\"say\",\"field\":\"from\","
		  "\"rule\":\"missing\"}]");
	kill(kit_child(game, "netd"), SIGKILL);
	kit_recv_all(ws, NULL);
	ws = kit_ws(kit_url(game, 1));
	say(ws, "[\"say\"]");
	hears(ws, "[\"error\",{\"message\":\"say\",\"field\":\"from\","
		  "\"rule\":\"missing\"}]");
}

static void
upgraded(unsigned times)
{
	kit_signal(game, SIGHUP);
	kit_expect_logs(game, " upgraded ", times);
}

static void
a_new_program_declares_anew_and_old_words_are_errors(void)
{
	char long_text[300];
	const char *file = kit_path("game");
	int ws;

	kit_install(players_game("kinds"), file);
	game = kit_game(file, "--listen", "ws://127.0.0.1:0/", NULL);
	ws = kit_ws(kit_url(game, 1));
	say(ws, "[\"move\",{\"to\":{\"x\":1,\"y\":2}}]");
	hears(ws, "[\"error\",{\"message\":\"move\",\"field\":\"\","
		  "\"rule\":\"no such message\"}]");
	snprintf(long_text, sizeof(long_text),
	    "[\"say\",{\"from\":0,\"text\":\"%0250d\"}]", 0);
	say(ws, long_text);
	hears(ws, "[\"error\",{\"message\":\"say\",\"field\":\"text\","
		  "\"rule\":\"longer than 200 bytes\"}]");
	kit_install(players_game("kinds2"), file);
	upgraded(1);
	say(ws, long_text);
	say(ws, "[\"move\",{\"to\":{\"x\":1,\"y\":2}}]");
	hears(ws, "[\"move\",{\"to\":{\"x\":1,\"y\":2}}]");
	/* And back: what the page learned meanwhile is no word any more. */
	kit_install(players_game("kinds"), file);
	upgraded(2);
	say(ws, "[\"move\",{\"to\":{\"x\":1,\"y\":2}}]");
	hears(ws, "[\"error\",{\"message\":\"move\",\"field\":\"\","
		  "\"rule\":\"no such message\"}]");
}

static void
a_c_program_hears_and_says_structs(void)
{
	struct kit_proc *client, *watcher;
	char url[128];
	int ws;

	game = kit_game("notes", "--listen", "tcp://127.0.0.1:0", "--listen",
	    "ws://127.0.0.1:0/", NULL);
	snprintf(url, sizeof(url), "%s?speak=tpl", kit_url(game, 1));
	ws = kit_ws(kit_url(game, 2));
	hears(ws, "[\"board\",{\"notes\":[]}]");
	watcher = kit_start("notes", url, NULL);
	client = kit_start("notes", url, "Ann", "Back at six", NULL);
	assert_int_equal(kit_wait(client), 0);
	kit_expect_log(client, "Ann: Back at six\n");
	kit_expect_log(watcher, "Ann: Back at six\n");
	hears(ws, "[\"note\",{\"who\":\"Ann\",\"text\":\"Back at six\","
		  "\"tags\":[]}]");
	say(ws, "[\"note\",{\"who\":\"Bob\",\"text\":\"\",\"tags\":[]}]");
	kit_expect_log(watcher, "Bob: \n");
	say(ws, "[\"note\",{\"who\":\"Bob\",\"text\":\"tea\",\"to\":\"Ann\","
		"\"colour\":\"pink\",\"tags\":[\"home\",\"soon\"]}]");
	kit_expect_log(watcher, "Bob to Ann: tea (pink)\n");
	/* The same by JSON and msgpack, where it matters to nobody. */
	snprintf(url, sizeof(url), "%s?speak=msgpack", kit_url(game, 2));
	client = kit_start("notes", url, "Cyd", "x", NULL);
	assert_int_equal(kit_wait(client), 0);
	kit_expect_log(client, "Ann: Back at six\nBob: \n"
			       "Bob to Ann: tea (pink)\nCyd: x\n");
	/* A board keeps all of it. */
	ws = kit_ws(kit_url(game, 2));
	hears(ws, "[\"board\",{\"notes\":[{\"who\":\"Ann\",\"text\":\"Back at "
		  "six\",\"tags\":[]},{\"who\":\"Bob\",\"text\":\"\",\"tags\":"
		  "[]},{\"who\":\"Bob\",\"text\":\"tea\",\"to\":\"Ann\","
		  "\"colour\":\"pink\",\"tags\":[\"home\",\"soon\"]},"
		  "{\"who\":\"Cyd\",\"text\":\"x\",\"tags\":[]}]}]");
	kit_signal(watcher, SIGTERM);
	assert_int_equal(kit_wait(watcher), 0);
}

static void
two_terminals_talk_through_a_board(void)
{
	struct kit_proc *ann, *bob;
	char url[128];
	int a, b;

	game = kit_game("notes", "--listen", "tcp://127.0.0.1:0", NULL);
	snprintf(url, sizeof(url), "%s?speak=tpl", kit_url(game, 1));
	ann = kit_game(
	    "notes", "--listen", "line://127.0.0.1:0", url, "Ann", NULL);
	bob = kit_game(
	    "notes", "--listen", "line://127.0.0.1:0", url, "Bob", NULL);
	a = kit_connect(kit_url(ann, 1));
	b = kit_connect(kit_url(bob, 1));
	kit_send(a, "hello\n");
	kit_expect(a, "Ann: hello\n");
	kit_expect(b, "Ann: hello\n");
	kit_send(b, "\xff\nhi\n");
	kit_expect(b, "message 'note', field 'text': not UTF-8, or a NUL in "
		      "it\nBob: hi\n");
	kit_expect(a, "Bob: hi\n");
	/* The board goes, and both of them end. */
	kit_signal(game, SIGTERM);
	kit_wait(game);
	assert_int_equal(kit_wait(ann), 0);
	kit_expect_log(ann, "notes: the board is closed\n");
	kit_wait(bob);
}

static void
a_c_program_of_another_mind_is_told_and_closed(void)
{
	struct kit_proc *client;
	char url[128];

	begin("");
	snprintf(url, sizeof(url), "%s?speak=tpl", kit_url(game, 2));
	client = kit_start("notes", url, "Ann", "Back at six", NULL);
	assert_int_equal(kit_wait(client), 1);
	kit_expect_log(
	    client, "notes: it is closed: refused: note : no such message\n");
}

static void
the_schema_is_there_to_be_read(void)
{
	char *all;
	int fd;

	begin("");
	fd = kit_connect(kit_url(game, 1));
	kit_send(fd, "GET /schema HTTP/1.1\r\nHost: x\r\n"
		     "Connection: close\r\n\r\n");
	all = kit_recv_all(fd, NULL);
	assert_non_null(strstr(all, "200 OK"));
	assert_non_null(strstr(all, "Content-Type: application/json"));
	assert_non_null(strstr(all, "{\"game\":\"kinds\",\"messages\":"));
	assert_non_null(
	    strstr(all, "\"text\":{\"type\":\"str\",\"longest\":200}"));
	fd = kit_connect(kit_url(game, 1));
	kit_send(fd, "GET /penstock.js HTTP/1.1\r\nHost: x\r\n"
		     "Connection: close\r\n\r\n");
	all = kit_recv_all(fd, NULL);
	assert_non_null(strstr(all, "\nPenstock.schema = {\"game\":"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(everybody_in_a_room_sees_the_same_struct),
		KIT_TEST(a_mud_client_hears_and_says_the_same_as_gmcp),
		KIT_TEST(each_encoding_has_what_is_set_and_no_more),
		KIT_TEST(
		    what_is_malformed_is_answered_and_too_much_of_it_closes),
		KIT_TEST(a_listener_may_be_raw),
		KIT_TEST(a_game_cannot_send_what_it_declared_not_to),
		KIT_TEST(what_is_declared_outlives_the_game_and_netd),
		KIT_TEST(a_new_program_declares_anew_and_old_words_are_errors),
		KIT_TEST(a_c_program_hears_and_says_structs),
		KIT_TEST(two_terminals_talk_through_a_board),
		KIT_TEST(a_c_program_of_another_mind_is_told_and_closed),
		KIT_TEST(the_schema_is_there_to_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
