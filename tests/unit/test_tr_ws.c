/* links: netd/tr_ws.c netd/web.c netd/ws_*.c netd/http.c netd/files.c */
/* links: netd/mask.c */
/* links: netd/side.c netd/msdp.c netd/terminal.c netd/outq.c */
/* links: netd/line_edit.c */
/* links: netd/utf8.c netd/config.c netd/metrics.c netd/page.c */
/* links: tests/lib/no_resume.c */
/* links: netd/schema.c netd/json.c */
/* netd/tr_ws.c: what goes in on the wire, what the game and the wire get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fake_ws.h"
#include "netd/http.h"
#include "netd/side.h"
#include "netd/ws_frame.h"
#include "netd/ws_hand.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MESSAGE_MAX 1000
#define ASK                                                    \
	"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"  \
	"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* ---- frames to feed ------------------------------------------------------ */

static struct ipc_buf in;

/* A frame of the peer's; masked, with a mask that is not zero. */
static void
frame(unsigned first, const void *bytes, size_t len)
{
	uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d }, head[WS_HEAD_MAX];
	size_t n = ws_head_write(head, 0, mask, len);
	uint8_t *to;

	head[0] = (uint8_t)first;
	assert_true(ipc_buf_add(&in, head, n));
	to = ipc_buf_space(&in, len ? len : 1);
	ws_mask(to, bytes, len, mask);
	ipc_buf_added(&in, len);
}

/*
 * Frames as a test writes them: a letter each, then the payload in brackets,
 * "t[hello]" "+[go on" and so on. Upper case is the last frame of a message
 * (FIN): T B text, binary; C continuation; P Q ping, pong; X close with the
 * payload's digits as its code. *N after the bracket: N times.
 */
static void
frames(const char *text)
{
	static const char letters[] = "ctb.....xpq";

	ipc_buf_release(&in);
	ipc_buf_init(&in, 64u << 20);
	while (*text) {
		const char *at = strchr(letters, *text | 0x20);
		const char *end = strchr(text, ']');
		unsigned fin = *text & 0x20 ? 0 : 0x80, times = 1, code;
		uint8_t payload[WS_CONTROL_MAX + 1];
		size_t len = (size_t)(end - text) - 2;
		const char *bytes = text + 2;

		assert_non_null(at);
		if (*text == 'X' && sscanf(bytes, "%4u", &code) == 1) {
			payload[0] = (uint8_t)(code >> 8);
			payload[1] = (uint8_t)code;
			len -= 2;
			memcpy(payload + 2, bytes + 4, len - 2);
			bytes = (const char *)payload;
		}
		if (end[1] == '*')
			times = (unsigned)strtoul(end + 2, (char **)&text, 10);
		else
			text = end + 1;
		while (times--)
			frame(fin | (unsigned)(at - letters), bytes, len);
	}
}

/* What we sent after the handshake, in the same notation. */
static const char *
sent(void)
{
	static char text[1u << 16];
	const uint8_t *p = fw.out.data, *end = p + fw.out.len;
	char *to = text;

	while (p < end) {
		struct ws_head h;
		const char *why;
		int n =
		    ws_head_read(p, (size_t)(end - p), fw.c.outgoing, &h, &why);
		uint8_t body[70000];

		assert_true(n > 0 && h.fin);
		p += n;
		assert_true(h.len <= (size_t)(end - p) && h.len < sizeof(body));
		ws_mask(body, p, (size_t)h.len, h.mask);
		p += h.len;
		*to++ = "CTB.....XPQ"[h.opcode];
		*to++ = '[';
		if (h.opcode == WS_CLOSE && h.len >= 2)
			to += sprintf(to, "%u%.*s", body[0] << 8 | body[1],
			    (int)h.len - 2, (char *)body + 2);
		else
			to += sprintf(to, "%.*s", (int)h.len, (char *)body);
		*to++ = ']';
	}
	*to = '\0';
	return text;
}

static const char *
got(void)
{
	assert_true(ipc_buf_add(&fw.got, "", 1));
	fw.got.len--;
	return (const char *)fw.got.data;
}

/* A WebSocket behind its handshake. */
static void
open_socket(void)
{
	fw_prepare();
	fw.url.config.message_bytes = MESSAGE_MAX;
	fw_start();
	fw_arrive(ASK, sizeof(ASK) - 1, SIZE_MAX);
	assert_int_equal(fw.opened, 1);
	ipc_buf_clear(&fw.out);
}

static void
begin(void)
{
	open_socket();
	ipc_buf_clear(&fw.got);
}

/* ---- frames -------------------------------------------------------------- */

#define BYTES100                                                              \
	"0123456789012345678901234567890123456789012345678901234567890123456" \
	"789012345678901234567890123456789"

static const struct {
	const char *in, *got, *sent;
} talks[] = {
	{ "T[hello]B[bytes]T[]", "hello|#bytes||", "" },
	{ "t[hel]C[lo]", "hello|", "" },
	{ "b[a]c[b]c[]c[c]C[]", "#abc|", "" },
	{ "t[]c[]C[]T[next]", "|next|", "" },
	{ "P[are you there]T[x]", "x|", "Q[are you there]" },
	{ "P[]", "", "Q[]" },
	{ "t[a]P[1]c[b]P[2]Q[3]C[c]", "abc|", "Q[1]Q[2]" },
	{ "Q[not asked for]T[x]", "x|", "" },
	{ "t[\xc3]c[\xa4\xe2\x82]C[\xac]", "\xc3\xa4\xe2\x82\xac|", "" },
	{ "B[\xff\xfe]", "#\xff\xfe|", "" },
	{ "T[a]X[1000bye]T[b]", "a|<left:bye>", "X[1000]" },
	{ "X[]", "<left:>", "X[]" },
	{ "X[1001]", "<left:>", "X[1001]" },
	{ "X[4999own code]", "<left:own code>", "X[4999]" },
	{ "t[half]X[1000]", "<left:>", "X[1000]" },
	{ "X[1000]X[1000]P[a]", "<left:>", "X[1000]" },
	/* broken ones */
	{ "X[a]", "<protocol:not a code of a close frame>",
	    "X[1002not a code of a close frame]" },
	{ "X[1005]", "<protocol:not a code of a close frame>",
	    "X[1002not a code of a close frame]" },
	{ "X[1006]", "<protocol:not a code of a close frame>",
	    "X[1002not a code of a close frame]" },
	{ "X[1015]", "<protocol:not a code of a close frame>",
	    "X[1002not a code of a close frame]" },
	{ "X[1000\xff]", "<not_utf8:the close's text is not UTF-8>",
	    "X[1007the close's text is not UTF-8]" },
	{ "C[a]T[b]", "<protocol:a continuation of nothing>",
	    "X[1002a continuation of nothing]" },
	{ "T[a]c[b]", "a|<protocol:a continuation of nothing>",
	    "X[1002a continuation of nothing]" },
	{ "t[a]T[b]", "<protocol:a new message inside another>",
	    "X[1002a new message inside another]" },
	{ "T[\xff]T[b]", "<not_utf8:text is not UTF-8>",
	    "X[1007text is not UTF-8]" },
	{ "T[ok]t[a\xe2]C[\x28]", "ok|<not_utf8:text is not UTF-8>",
	    "X[1007text is not UTF-8]" },
	{ "t[\xe2\x82]C[]", "<not_utf8:text is not UTF-8>",
	    "X[1007text is not UTF-8]" },
	{ "t[\xed\xa0]c[and so on]", "<not_utf8:text is not UTF-8>",
	    "X[1007text is not UTF-8]" },
	{ "x[1000]", "<protocol:a control frame in pieces>",
	    "X[1002a control frame in pieces]" },
	{ "p[a]", "<protocol:a control frame in pieces>",
	    "X[1002a control frame in pieces]" },
	{ "P[" BYTES100 "01234567890123456789012345]",
	    "<protocol:a control frame over 125 bytes>",
	    "X[1002a control frame over 125 bytes]" },
	/* lengths: MESSAGE_MAX is 1000 */
	{ "b[" BYTES100 "]c[" BYTES100 "]*8C[" BYTES100 "]P[ok]", NULL,
	    "Q[ok]" },
	{ "b[" BYTES100 "]c[" BYTES100 "]*9C[]P[ok]", NULL, "Q[ok]" },
	{ "b[" BYTES100 "]c[" BYTES100 "]*9C[x]", "<too_long:message too long>",
	    "X[1009message too long]" },
	{ "t[]c[]*3000C[end]", "end|", "" },
	{ "t[]c[x]*1001", "<too_long:message too long>",
	    "X[1009message too long]" },
};

static void
frames_become_messages_and_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(talks); i++) {
		begin();
		frames(talks[i].in);
		fw_arrive(in.data, in.len, SIZE_MAX);
		if (talks[i].got)
			assert_string_equal(got(), talks[i].got);
		assert_string_equal(sent(), talks[i].sent);
		fw_release();
	}
}

static void
it_is_the_same_byte_by_byte_and_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(talks); i++) {
		size_t cuts;

		frames(talks[i].in);
		cuts = in.len < 400 ? in.len : 8;
		for (size_t cut = 0; cut <= cuts; cut++) {
			begin();
			if (cut == 0)
				fw_arrive(in.data, in.len, 1);
			else
				fw_arrive(in.data, cut, SIZE_MAX);
			if (cut)
				fw_arrive(
				    in.data + cut, in.len - cut, SIZE_MAX);
			if (talks[i].got)
				assert_string_equal(got(), talks[i].got);
			assert_string_equal(sent(), talks[i].sent);
			assert_int_equal(fw.in.len, 0);
			fw_release();
		}
	}
}

static void
refuses_heads_that_no_peer_may_send(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *sent;
	} rows[] = {
		{ "\x81\x01"
		  "a",
		    3, "X[1002a frame is not masked]" },
		{ "\xc1\x81"
		  "abcdx",
		    7, "X[1002reserved bits are set]" },
		{ "\x83\x80"
		  "abcd",
		    6, "X[1002unknown opcode]" },
		{ "\x81\xfe\x00\x01"
		  "abcdx",
		    9, "X[1002a length in more bytes than it needs]" },
		{ "\x82\xff\x80\0\0\0\0\0\0\0"
		  "abcd",
		    14, "X[1002a length over 2^63]" },
		{ "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"
		  "abcd",
		    14, "X[1009message too long]" },
		{ "\x82\xfe\x03\xe9"
		  "abcd",
		    8, "X[1009message too long]" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t piece = 1; piece < 20; piece += 18) {
			begin();
			fw_arrive(rows[i].bytes, rows[i].n, piece);
			assert_string_equal(sent(), rows[i].sent);
			/* Nothing more is looked at, nothing waited for. */
			assert_false(fw.c.wait_peer);
			fw_arrive(rows[i].bytes, rows[i].n, piece);
			assert_string_equal(sent(), rows[i].sent);
			fw_release();
		}
}

static void
one_byte_fragments_are_bounded_in_memory(void **state)
{
	size_t n = 300000;

	(void)state;
	begin();
	fw.url.config.message_bytes = 400000;
	frames("b[x]c[y]*300000C[z]");
	fw_arrive(in.data, in.len, 65536);
	assert_int_equal(fw.messages, 1);
	assert_int_equal(fw.got.len, n + 2 + strlen("#|"));
	fw_release();
	/* Without end: closed at the limit, whatever the fragments' size. */
	begin();
	frames("b[]c[]*1000");
	for (int i = 0; i < 100; i++)
		fw_arrive(in.data + (i ? 6 : 0), in.len - (i ? 6 : 0), 4096);
	assert_int_equal(fw.closed, 0);
	fw_release();
}

static void
large_messages_arrive_whole(void **state)
{
	size_t sizes[] = { 125, 126, 16384, 16385, 65535, 65536, 200000 };
	uint8_t *big = malloc(200000);

	(void)state;
	for (size_t i = 0; i < 200000; i++)
		big[i] = (uint8_t)(' ' + i % 90);
	for (size_t i = 0; i < COUNT(sizes); i++)
		for (size_t piece = 1000; piece < 400000; piece *= 19) {
			begin();
			fw.url.config.message_bytes = 200000;
			ipc_buf_release(&in);
			ipc_buf_init(&in, 1u << 20);
			frame(0x81, big, sizes[i]);
			fw_arrive(in.data, in.len, piece);
			assert_int_equal(fw.got.len, sizes[i] + 1);
			assert_memory_equal(fw.got.data, big, sizes[i]);
			fw_release();
		}
	free(big);
}

static void
a_game_that_says_stop_gets_the_rest_later(void **state)
{
	size_t used;

	(void)state;
	begin();
	frames("T[one]T[two]P[x]T[three]");
	fw.stop_every = 1;
	used = (size_t)tr_ws.feed(&fw.c, in.data, in.len);
	assert_string_equal(got(), "one|");
	assert_true(used < in.len);
	used += (size_t)tr_ws.feed(&fw.c, in.data + used, in.len - used);
	assert_string_equal(got(), "one|two|");
	assert_string_equal(sent(), "");
	used += (size_t)tr_ws.feed(&fw.c, in.data + used, in.len - used);
	assert_string_equal(got(), "one|two|three|");
	assert_string_equal(sent(), "Q[x]");
	assert_int_equal(used, in.len);
	fw_release();
}

static void
after_our_goodbye_only_the_peers_counts(void **state)
{
	(void)state;
	begin();
	client_close(&fw.c, IPC_REASON_KICKED, "no cheating");
	assert_string_equal(sent(), "X[1000no cheating]");
	assert_true(fw.c.wait_peer);
	frames("t[a]P[x]C[b]T[\xff]");
	fw_arrive(in.data, in.len, 3);
	assert_true(fw.c.wait_peer);
	frames("X[1000]");
	fw_arrive(in.data, in.len, 3);
	assert_false(fw.c.wait_peer);
	assert_string_equal(sent(), "X[1000no cheating]");
	assert_string_equal(got(), "<kicked:no cheating>");
	fw_release();
}

static void
goodbyes_have_the_reasons_code_and_fit_a_frame(void **state)
{
	char text[300] = "";

	(void)state;
	begin();
	client_close(&fw.c, IPC_REASON_SHUTDOWN, "closing time");
	assert_string_equal(sent(), "X[1001closing time]");
	fw_release();
	/* 122 bytes, then a character of two: cut before it. */
	begin();
	memset(text, 'x', 122);
	strcat(text, "\xc3\xa4 and more");
	client_close(&fw.c, IPC_REASON_LIMIT, text);
	assert_int_equal(strlen(sent()), strlen("X[1013]") + 122);
	fw_release();
}

static void
a_ping_of_ours_is_a_ping(void **state)
{
	(void)state;
	begin();
	tr_ws.ping(&fw.c);
	assert_string_equal(sent(), "P[]");
	fw_release();
}

/* ---- messages out -------------------------------------------------------- */

static void
messages_are_encoded_once_for_all(void **state)
{
	uint8_t out[70000], big[66000];
	size_t n;

	(void)state;
	memset(big, 'x', sizeof(big));
	n = tr_ws.encode(false, IPC_TEXT, (const uint8_t *)"hi", 2, out);
	assert_int_equal(n, 4);
	assert_memory_equal(out, "\x81\x02hi", 4);
	n = tr_ws.encode(false, IPC_BINARY, (const uint8_t *)"hi", 2, out);
	assert_memory_equal(out, "\x82\x02hi", 4);
	n = tr_ws.encode(
	    false, IPC_BINARY | IPC_LATEST, (const uint8_t *)"hi", 2, out);
	assert_memory_equal(out, "\x82\x02hi", 4);
	n = tr_ws.encode(false, IPC_TEXT, NULL, 0, out);
	assert_int_equal(n, 2);
	assert_memory_equal(out, "\x81\x00", 2);
	n = tr_ws.encode(false, IPC_TEXT, big, 126, out);
	assert_int_equal(n, 4 + 126);
	assert_memory_equal(out, "\x81\x7e\x00\x7ex", 5);
	n = tr_ws.encode(false, IPC_TEXT, big, sizeof(big), out);
	assert_int_equal(n, 10 + sizeof(big));
	assert_true(n <= tr_ws.encode_max(sizeof(big)));
	assert_memory_equal(out, "\x81\x7f\0\0\0\0\0\1\x01\xd0x", 11);
}

static void
a_games_broken_text_goes_as_binary(void **state)
{
	uint8_t out[32];

	(void)state;
	tr_ws.encode(false, IPC_TEXT, (const uint8_t *)"a\xff", 2, out);
	assert_memory_equal(out,
	    "\x82\x02"
	    "a\xff",
	    4);
}

static void
a_client_masks_each_frame_anew(void **state)
{
	uint8_t a[64], b[64], back[64], mask[4];
	size_t n;

	(void)state;
	n = tr_ws.encode(true, IPC_TEXT, (const uint8_t *)"hello", 5, a);
	assert_int_equal(n, 2 + 4 + 5);
	assert_memory_equal(a, "\x81\x85", 2);
	memcpy(mask, a + 2, 4);
	ws_mask(back, a + 6, 5, mask);
	assert_memory_equal(back, "hello", 5);
	for (int i = 0; i < 3; i++) {
		tr_ws.encode(true, IPC_TEXT, (const uint8_t *)"hello", 5, b);
		if (memcmp(a + 2, b + 2, 4))
			return;
	}
	fail_msg("the same mask four times");
}

/* ---- requests ------------------------------------------------------------ */

/* What is answered to text, fed in pieces. */
static const char *
answer(const char *text, size_t piece)
{
	fw_start();
	fw_arrive(text, strlen(text), piece);
	assert_true(ipc_buf_add(&fw.out, "", 1));
	fw.out.len--;
	return (const char *)fw.out.data;
}

static void
an_upgrade_reads_like_this(void **state)
{
	(void)state;
	fw_prepare();
	strcpy(fw.url.subprotocol, "snake.1");
	assert_string_equal(
	    answer("GET /play?room=7&x=%20 HTTP/1.1\r\n"
		   "Host: 127.0.0.1:8080\r\n"
		   "Connection: keep-alive, Upgrade\r\n"
		   "Upgrade: WebSocket\r\n"
		   "Origin: http://127.0.0.1:8080\r\n"
		   "Cookie: a=b; c=d\r\nCookie: e=f\r\n"
		   "Sec-WebSocket-Version: 13\r\n"
		   "Sec-WebSocket-Protocol: x, snake.1\r\n"
		   "Sec-WebSocket-Extensions: permessage-deflate\r\n"
		   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		1),
	    "HTTP/1.1 101 Switching Protocols\r\n"
	    "Date: Sat, 21 Nov 2026 12:00:00 GMT\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
	    "Sec-WebSocket-Protocol: snake.1\r\n\r\n");
	assert_int_equal(fw.opened, 1);
	assert_string_equal(fw.peer.path, "/play");
	assert_string_equal(fw.peer.query, "room=7&x=%20");
	assert_string_equal(fw.peer.origin, "http://127.0.0.1:8080");
	assert_string_equal(fw.peer.cookies, "a=b; c=d; e=f");
	assert_string_equal(fw.peer.subprotocol, "snake.1");
	fw_release();
}

static void
the_first_frame_may_be_glued_to_the_handshake(void **state)
{
	struct ipc_buf all;

	(void)state;
	ipc_buf_init(&all, 4096);
	assert_true(ipc_buf_add(&all, ASK, sizeof(ASK) - 1));
	frames("T[first]P[p]T[second]");
	assert_true(ipc_buf_add(&all, in.data, in.len));
	for (size_t cut = 1; cut <= all.len; cut++) {
		fw_prepare();
		fw_start();
		fw_arrive(all.data, cut, SIZE_MAX);
		fw_arrive(all.data + cut, all.len - cut, SIZE_MAX);
		assert_string_equal(got(), "first|second|");
		fw_release();
	}
	ipc_buf_release(&all);
}

static void
refusals_say_what_would_do(void **state)
{
	static const struct {
		const char *in, *status, *has;
		bool ends;
	} rows[] = {
		{ "POST / HTTP/1.1\r\nHost: a\r\n\r\n", "405",
		    "Allow: GET, HEAD\r\n", true },
		{ "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "501",
		    "Allow: GET, HEAD\r\n", true },
		{ "GET / HTTP/1.1\r\n\r\n", "400", "no Host\n", true },
		{ "GET / HTTP/3.0\r\n\r\n", "505", "HTTP/1.1", true },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "426",
		    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
		    "Sec-WebSocket-Version: 13\r\n",
		    false },
		{ "GET / HTTP/1.0\r\n\r\n", "426", "Connection: close\r\n",
		    true },
		{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "426",
		    "Connection: keep-alive\r\n", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *said;

		fw_prepare();
		said = answer(rows[i].in, SIZE_MAX);
		assert_memory_equal(
		    said + strlen("HTTP/1.1 "), rows[i].status, 3);
		assert_non_null(strstr(said, rows[i].has));
		assert_int_equal(fw.closed != 0, rows[i].ends);
		assert_int_equal(strstr(said, "Connection: close\r\n") != NULL,
		    rows[i].ends);
		assert_int_equal(fw.opened, 0);
		fw_release();
	}
}

static void
a_socket_is_at_its_path_only(void **state)
{
	(void)state;
	fw_prepare();
	strcpy(fw.url.path, "/play");
	assert_non_null(strstr(answer(ASK, SIZE_MAX), " 404 "));
	assert_int_equal(fw.opened, 0);
	fw_arrive("GET /play HTTP/1.1\r\nHost: a\r\n\r\n", 31, SIZE_MAX);
	assert_non_null(strstr((char *)fw.out.data, " 426 "));
	fw_arrive("GET /play", 9, SIZE_MAX);
	fw_arrive(ASK + 5, sizeof(ASK) - 6, SIZE_MAX);
	assert_int_equal(fw.opened, 1);
	assert_string_equal(fw.peer.path, "/play");
	assert_null(fw.peer.query);
	fw_release();
}

static size_t
answers(const char *status)
{
	size_t n = 0;

	for (const char *p = (char *)fw.out.data; p && (p = strstr(p, status));
	     p++)
		n++;
	return n;
}

static void
pipelined_requests_are_answered_in_turn(void **state)
{
	(void)state;
	fw_prepare();
	answer("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
	       "HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
	       "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	       "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	       "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
	    SIZE_MAX);
	assert_int_equal(answers("HTTP/1.1 200 "), 3);
	assert_int_equal(answers("HTTP/1.1 426 "), 1);
	assert_int_equal(answers("\npenstock_clients "), 2);
	assert_int_equal(fw.closed, IPC_REASON_LEFT);
	fw_release();
}

static void
who_asks_without_reading_is_not_answered_without_end(void **state)
{
	static const char one[] = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
	size_t before;

	(void)state;
	fw_prepare();
	fw.hold = true;
	fw_start();
	for (int i = 0; i < 200; i++)
		fw_arrive(one, sizeof(one) - 1, SIZE_MAX);
	assert_true(fw.out.len < 128u << 10);
	assert_true(fw.in.len > 0);
	before = fw.out.len;
	fw_drain();
	assert_true(fw.out.len > before);
	assert_int_equal(fw.in.len, 0);
	assert_true(ipc_buf_add(&fw.out, "", 1));
	assert_int_equal(answers("HTTP/1.1 200 "), 200);
	fw_release();
}

static void
a_connection_ends_after_a_thousand_requests(void **state)
{
	static const char one[] = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

	(void)state;
	fw_prepare();
	fw_start();
	for (int i = 0; i < 999; i++)
		fw_arrive(one, sizeof(one) - 1, SIZE_MAX);
	assert_int_equal(fw.closed, 0);
	fw_arrive(one, sizeof(one) - 1, SIZE_MAX);
	assert_int_equal(fw.closed, IPC_REASON_LEFT);
	fw_release();
}

static void
metrics_are_for_this_machine(void **state)
{
	static const char ask[] = "GET /metrics HTTP/1.1\r\nHost: a\r\n";
	char text[256];

	(void)state;
	fw_prepare();
	fw.netd.metrics.messages_in = 42;
	fw.netd.metrics.closed[IPC_REASON_SLOW] = 7;
	snprintf(text, sizeof(text), "%s\r\n", ask);
	answer(text, SIZE_MAX);
	assert_non_null(strstr((char *)fw.out.data,
	    "\n# TYPE penstock_messages_in_total counter\n"
	    "penstock_messages_in_total 42\n"));
	assert_non_null(strstr((char *)fw.out.data,
	    "\npenstock_closed_total{reason=\"slow\"} 7\n"));
	fw_release();
	fw_prepare();
	fw.c.place.ip[0] = 10;
	assert_non_null(strstr(answer(text, SIZE_MAX), " 404 "));
	fw_release();
	fw_prepare();
	snprintf(text, sizeof(text), "%sX-Forwarded-For: 1.2.3.4\r\n\r\n", ask);
	assert_non_null(strstr(answer(text, SIZE_MAX), " 404 "));
	fw_release();
}

/* ---- outgoing ------------------------------------------------------------ */

/* The answer that a right server gives to what we asked. */
static void
server_says(struct ipc_buf *out)
{
	struct http_head h;
	const char *why;

	assert_true(http_request(fw.out.data, fw.out.len, 4096, &h, &why) > 0);
	assert_true(ws_hand_asked(&h));
	assert_true(ws_hand_answer(out, &h, &fw.url, 0));
}

static void
a_client_shakes_hands_and_talks(void **state)
{
	static const uint8_t hello[] = "\x81\x05hello\x89\x01p";

	(void)state;
	for (size_t piece = 1; piece < 1000; piece *= 7) {
		struct ipc_buf answer_;

		ipc_buf_init(&answer_, 4096);
		fw_prepare();
		fw.c.outgoing = true;
		strcpy(fw.url.path, "/play");
		fw_start();
		assert_int_equal(fw.opened, 0);
		assert_memory_equal(fw.out.data,
		    "GET /play HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n", 42);
		server_says(&answer_);
		assert_true(ipc_buf_add(&answer_, hello, sizeof(hello) - 1));
		ipc_buf_clear(&fw.out);
		fw_arrive(answer_.data, answer_.len, piece);
		assert_int_equal(fw.opened, 1);
		assert_string_equal(got(), "hello|");
		assert_string_equal(sent(), "Q[p]");
		fw_arrive("\x81\x80"
			  "abcd",
		    6, piece);
		assert_int_equal(fw.closed, IPC_REASON_PROTOCOL);
		assert_string_equal(sent(), "Q[p]X[1002a frame is masked]");
		ipc_buf_release(&answer_);
		fw_release();
	}
}

static void
a_client_says_why_it_was_not_let_in(void **state)
{
	static const struct {
		const char *answer, *got;
	} rows[] = {
		{ "HTTP/1.1 404 Not Found\r\n\r\n",
		    "<refused:HTTP 404: the server does not open a WebSocket "
		    "here>" },
		{ "HTTP/1.1 101 x\r\nUpgrade: websocket\r\n"
		  "Connection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
		    "<protocol:Sec-WebSocket-Accept is wrong>" },
		{ "220 mail ESMTP\r\n", "<protocol:not a status line>" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		fw_prepare();
		fw.c.outgoing = true;
		fw_start();
		fw_arrive(rows[i].answer, strlen(rows[i].answer), 1);
		assert_string_equal(got(), rows[i].got);
		assert_int_equal(fw.opened, 0);
		fw_release();
	}
}

#define ASK_MUD                                                \
	"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n" \
	"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"  \
	"Sec-WebSocket-Protocol: a, gmcp.mudstandards.org\r\n" \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* Terminal text in binary frames, what is said beside it in text frames. */
static void
a_page_with_a_terminal_has_both(void **state)
{
	struct ipc_frame f = { .kind = IPC_SEND_SIDE };
	static const char vitals[] = "Char.Vitals {\"hp\":1}";
	uint8_t out[64];

	(void)state;
	fw_prepare();
	fw.url.config.message_bytes = MESSAGE_MAX;
	fw.c.told = true;
	fw_start();
	fw_arrive(ASK_MUD, sizeof(ASK_MUD) - 1, SIZE_MAX);
	assert_non_null(strstr((char *)fw.out.data,
	    "Sec-WebSocket-Protocol: gmcp.mudstandards.org\r\n"));
	assert_string_equal(fw.peer.subprotocol, "gmcp.mudstandards.org");
	ipc_buf_clear(&fw.out);
	frames("B[look\r\n]T[Core.Hello {}]B[]B[two\nlines\x1b[A]b[par]C[t]"
	       "T[Core.Ping]T[none {]b[n]T[]B[\xff\x07]");
	fw_arrive(in.data, in.len, 3);
	assert_string_equal(got(), "look|!Core.Hello {}||two|lines|part|"
				   "<protocol:a new message inside another>");
	assert_string_equal(
	    sent(), "T[Core.Ping]X[1002a new message inside another]");
	fw_release();
	side_free(&fw.c);
	free(fw.rare.terminal);

	fw_prepare();
	fw.c.told = true;
	fw_start();
	fw_arrive(ASK_MUD, sizeof(ASK_MUD) - 1, SIZE_MAX);
	ipc_buf_clear(&fw.out);
	f.bytes = (const uint8_t *)vitals;
	f.len = sizeof(vitals) - 1;
	assert_true(side_send(&fw.link, &fw.c, &f));
	fw.c.transport->before(&fw.c);
	ipc_buf_add(&fw.out, out,
	    fw.c.transport->encode(
		false, IPC_TEXT, (const uint8_t *)"a\nName? ", 8, out));
	fw.c.transport->sent(&fw.c, (const uint8_t *)"a\nName? ", 8);
	fw.c.transport->hide(&fw.c, true);
	fw.c.transport->before(&fw.c);
	fw.c.transport->hide(&fw.c, false);
	assert_string_equal(sent(), "T[Char.Vitals {\"hp\":1}]B[a\r\nName? ]"
				    "T[Client.Input {\"hidden\":true}]B[\r\n]"
				    "T[Client.Input {\"hidden\":false}]");
	fw_release();
	side_free(&fw.c);
	free(fw.rare.terminal);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_become_messages_and_answers),
		cmocka_unit_test(it_is_the_same_byte_by_byte_and_at_every_cut),
		cmocka_unit_test(refuses_heads_that_no_peer_may_send),
		cmocka_unit_test(one_byte_fragments_are_bounded_in_memory),
		cmocka_unit_test(large_messages_arrive_whole),
		cmocka_unit_test(a_game_that_says_stop_gets_the_rest_later),
		cmocka_unit_test(after_our_goodbye_only_the_peers_counts),
		cmocka_unit_test(
		    goodbyes_have_the_reasons_code_and_fit_a_frame),
		cmocka_unit_test(a_ping_of_ours_is_a_ping),
		cmocka_unit_test(messages_are_encoded_once_for_all),
		cmocka_unit_test(a_games_broken_text_goes_as_binary),
		cmocka_unit_test(a_client_masks_each_frame_anew),
		cmocka_unit_test(an_upgrade_reads_like_this),
		cmocka_unit_test(the_first_frame_may_be_glued_to_the_handshake),
		cmocka_unit_test(refusals_say_what_would_do),
		cmocka_unit_test(a_socket_is_at_its_path_only),
		cmocka_unit_test(pipelined_requests_are_answered_in_turn),
		cmocka_unit_test(
		    who_asks_without_reading_is_not_answered_without_end),
		cmocka_unit_test(a_connection_ends_after_a_thousand_requests),
		cmocka_unit_test(metrics_are_for_this_machine),
		cmocka_unit_test(a_page_with_a_terminal_has_both),
		cmocka_unit_test(a_client_shakes_hands_and_talks),
		cmocka_unit_test(a_client_says_why_it_was_not_let_in),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	ipc_buf_release(&in);
	return r;
}
