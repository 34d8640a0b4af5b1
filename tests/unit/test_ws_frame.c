/* links: netd/ws_frame.c netd/ws_hand.c netd/http.c netd/config.c */
/* links: netd/mask.c */
/* netd/ws_frame.c, netd/ws_hand.c: heads, masks, codes, the handshake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "netd/mask.h"
#include "netd/ws_frame.h"
#include "netd/ws_hand.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define S(text) (const uint8_t *)(text), sizeof(text) - 1

/* size: of the head; 0: more is needed; -1: no frame begins like this. */
static const struct {
	const uint8_t *in;
	size_t n;
	bool masked;
	int size;
	uint64_t len;
} heads[] = {
	{ S("\x81\x80"
	    "abcd"),
	    true, 6, 0 },
	{ S("\x81\xfd"
	    "abcd"),
	    true, 6, 125 },
	{ S("\x82\xfe\x00\x7e"
	    "abcd"),
	    true, 8, 126 },
	{ S("\x02\xfe\xff\xff"
	    "abcd"),
	    true, 8, 65535 },
	{ S("\x00\xff\0\0\0\0\0\1\0\0"
	    "abcd"),
	    true, 14, 65536 },
	{ S("\x80\xff\x7f\xff\xff\xff\xff\xff\xff\xff"
	    "abcd"),
	    true, 14, INT64_MAX },
	{ S("\x88\x80"
	    "abcd"),
	    true, 6, 0 },
	{ S("\x89\xfd"
	    "abcd"),
	    true, 6, 125 },
	{ S("\x8a\x80"
	    "abcd"),
	    true, 6, 0 },
	{ S("\x81\x05"), false, 2, 5 },
	{ S("\x81\x7e\x01\x00"), false, 4, 256 },
	{ S(""), true, 0, 0 },
	{ S("\x81"), true, 0, 0 },
	{ S("\x81\x80"
	    "abc"),
	    true, 0, 0 },
	{ S("\x81\xfe\x01"), true, 0, 0 },
	/* never a frame, known with the last of these bytes */
	{ S("\xc1"), true, -1, 0 },
	{ S("\xa1"), true, -1, 0 },
	{ S("\x91"), true, -1, 0 },
	{ S("\x83"), true, -1, 0 },
	{ S("\x87"), true, -1, 0 },
	{ S("\x8b"), true, -1, 0 },
	{ S("\x8f"), true, -1, 0 },
	{ S("\x08"), true, -1, 0 },
	{ S("\x09"), true, -1, 0 },
	{ S("\x81\x05"), true, -1, 0 },
	{ S("\x81\x85"), false, -1, 0 },
	{ S("\x88\xfe"), true, -1, 0 },
	{ S("\x89\xff"), true, -1, 0 },
	{ S("\x81\xfe\x00\x7d"), true, -1, 0 },
	{ S("\x81\xfe\x00\x00"), true, -1, 0 },
	{ S("\x81\xff\0\0\0\0\0\0\xff\xff"), true, -1, 0 },
	{ S("\x81\xff\x80"), true, -1, 0 },
	{ S("\x81\x7f\xff"), false, -1, 0 },
};

static void
reads_heads_and_refuses_at_the_first_wrong_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(heads); i++) {
		struct ws_head h;
		const char *why;

		for (size_t n = 0; n < heads[i].n; n++)
			assert_int_equal(ws_head_read(heads[i].in, n,
					     heads[i].masked, &h, &why),
			    0);
		assert_int_equal(ws_head_read(heads[i].in, heads[i].n,
				     heads[i].masked, &h, &why),
		    heads[i].size);
		if (heads[i].size < 0)
			assert_non_null(why);
		if (heads[i].size > 0)
			assert_int_equal(h.len, heads[i].len);
	}
}

static void
reads_what_it_writes_in_the_fewest_bytes(void **state)
{
	static const uint64_t lens[] = { 0, 1, 125, 126, 65535, 65536, 1u << 31,
		UINT64_C(1) << 40, INT64_MAX };
	static const uint8_t mask[4] = { 1, 2, 3, 4 };

	(void)state;
	for (size_t i = 0; i < COUNT(lens); i++)
		for (int masked = 0; masked < 2; masked++) {
			uint8_t out[WS_HEAD_MAX];
			struct ws_head h;
			const char *why;
			size_t n = ws_head_write(
			    out, WS_TEXT, masked ? mask : NULL, lens[i]);

			assert_int_equal(
			    ws_head_read(out, n, masked, &h, &why), n);
			assert_true(h.fin);
			assert_int_equal(h.opcode, WS_TEXT);
			assert_int_equal(h.len, lens[i]);
			if (masked)
				assert_memory_equal(h.mask, mask, 4);
		}
}

static void
masks_the_same_at_every_cut(void **state)
{
	uint8_t in[67], whole[67], pieces[67];
	uint8_t a[4] = { 9, 200, 0, 77 }, b[4];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 37);
	for (size_t i = 0; i < sizeof(in); i++)
		whole[i] = in[i] ^ a[i & 3];
	for (size_t cut = 0; cut <= sizeof(in); cut++) {
		memcpy(b, a, 4);
		ws_mask(pieces, in, cut, b);
		ws_mask(pieces + cut, in + cut, sizeof(in) - cut, b);
		assert_memory_equal(pieces, whole, sizeof(in));
	}
	memcpy(pieces, in, sizeof(in));
	memcpy(b, a, 4);
	ws_mask(pieces, pieces, sizeof(in), b);
	assert_memory_equal(pieces, whole, sizeof(in));
}

static void
knows_the_codes_that_may_be_said(void **state)
{
	(void)state;
	for (unsigned code = 0; code < 6000; code++) {
		bool good = (code >= 1000 && code <= 1014 && code != 1004 &&
				code != 1005 && code != 1006) ||
			    (code >= 3000 && code <= 4999);

		assert_int_equal(ws_code_valid(code), good);
	}
}

/* ---- the handshake ------------------------------------------------------- */

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UP "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define V13 "Sec-WebSocket-Version: 13\r\n"

static struct url here;

/* -1: no WebSocket is asked for; else the status it is refused with, or 0. */
static int
asked(const char *fields)
{
	char text[2048] = "GET /x HTTP/1.1\r\nHost: a\r\n";
	struct http_head h;
	const char *why;

	strcat(text, fields);
	strcat(text, "\r\n");
	assert_true(http_request((uint8_t *)text, strlen(text), sizeof(text),
			&h, &why) > 0);
	if (!ws_hand_asked(&h))
		return -1;
	return (int)ws_hand_check(&h, &here, &why);
}

static void
lets_in_who_asks_as_the_rfc_says(void **state)
{
	static const struct {
		const char *fields;
		int status;
	} rows[] = {
		{ UP V13 KEY, 0 },
		{ "upgrade: foo, WebSocket\r\n"
		  "connection: keep-alive, upgrade\r\n" V13 KEY,
		    0 },
		{ V13 KEY "Upgrade: websocket\r\n", -1 },
		{ V13 KEY "Connection: Upgrade\r\n", -1 },
		{ V13 KEY "Upgrade: h2c\r\nConnection: Upgrade\r\n", -1 },
		{ UP KEY, 426 },
		{ UP KEY "Sec-WebSocket-Version: 8\r\n", 426 },
		{ UP KEY "Sec-WebSocket-Version: 13, 8\r\n", 426 },
		{ UP KEY V13 V13, 426 },
		{ UP V13, 400 },
		{ UP V13 KEY KEY, 400 },
		{ UP V13 "Sec-WebSocket-Key: \r\n", 400 },
		{ UP V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n",
		    400 },
		/* 15 and 17 bytes, spare bits, not base64 */
		{ UP V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n", 400 },
		{ UP V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWU=\r\n",
		    400 },
		{ UP V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n",
		    400 },
		{ UP V13 "Sec-WebSocket-Key: dGhlIHNhbX?sZSBub25jZQ==\r\n",
		    400 },
		{ UP V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ===\r\n",
		    400 },
		{ UP V13 KEY "Origin: http://b\r\n", 0 },
		{ UP V13 KEY "Origin: a\r\nOrigin: b\r\n", 400 },
		{ UP V13 KEY "Sec-WebSocket-Extensions: \"bad;;,=\r\n", 0 },
	};

	(void)state;
	memset(&here, 0, sizeof(here));
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(asked(rows[i].fields), rows[i].status);
}

static void
lets_in_only_pages_of_its_origin(void **state)
{
	(void)state;
	memset(&here, 0, sizeof(here));
	strcpy(here.origin, "https://game.example");
	assert_int_equal(asked(UP V13 KEY "Origin: https://evil\r\n"), 403);
	assert_int_equal(
	    asked(UP V13 KEY "Origin: https://game.example.evil\r\n"), 403);
	assert_int_equal(asked(UP V13 KEY "Origin: null\r\n"), 403);
	assert_int_equal(
	    asked(UP V13 KEY "Origin: https://game.example\r\n"), 0);
	assert_int_equal(asked(UP V13 KEY), 0);
}

static struct ipc_buf
answer_to(const char *fields)
{
	char text[2048] = "GET /x HTTP/1.1\r\nHost: a\r\n" UP V13 KEY;
	struct http_head h;
	struct ipc_buf out;
	const char *why;

	strcat(text, fields);
	strcat(text, "\r\n");
	assert_true(http_request((uint8_t *)text, strlen(text), sizeof(text),
			&h, &why) > 0);
	ipc_buf_init(&out, 4096);
	assert_true(ws_hand_answer(&out, &h, &here, 0));
	assert_true(ipc_buf_add(&out, "", 1));
	return out;
}

static void
answers_with_the_key_of_the_rfc_and_a_subprotocol_that_was_offered(void **state)
{
	struct ipc_buf out;
	const char *said;

	(void)state;
	memset(&here, 0, sizeof(here));
	strcpy(here.subprotocol, "game");
	out = answer_to("");
	said = (const char *)out.data;
	assert_non_null(strstr(said, "HTTP/1.1 101 Switching Protocols\r\n"));
	assert_non_null(strstr(
	    said, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	assert_null(strstr(said, "Protocol:"));
	assert_null(strstr(said, "Extensions"));
	ipc_buf_release(&out);
	out = answer_to("Sec-WebSocket-Protocol: a, game\r\n");
	assert_non_null(
	    strstr((const char *)out.data, "Sec-WebSocket-Protocol: game\r\n"));
	ipc_buf_release(&out);
	out = answer_to("Sec-WebSocket-Protocol: a\r\n"
			"Sec-WebSocket-Protocol: b, Game\r\n"
			"Sec-WebSocket-Extensions: permessage-deflate\r\n");
	assert_null(strstr((const char *)out.data, "Protocol:"));
	assert_null(strstr((const char *)out.data, "Extensions"));
	ipc_buf_release(&out);
}

/* Our client asks, our server answers, with one line replaced. */
static const char *
refused(const char *replace, const char *by)
{
	struct ipc_buf ask, answer;
	struct http_head h;
	char accept[WS_ACCEPT_SIZE], text[2048], *at;
	const char *why, *r;

	ipc_buf_init(&ask, 4096);
	ipc_buf_init(&answer, 4096);
	assert_true(ws_hand_request(&ask, &here, accept));
	assert_int_equal(
	    http_request(ask.data, ask.len, 4096, &h, &why), ask.len);
	assert_true(ws_hand_asked(&h));
	assert_int_equal(ws_hand_check(&h, &here, &why), 0);
	assert_true(ws_hand_answer(&answer, &h, &here, 0));
	assert_true(ipc_buf_add(&answer, "", 1));
	strcpy(text, (const char *)answer.data);
	at = strstr(text, replace);
	assert_non_null(at);
	memmove(at + strlen(by), at + strlen(replace),
	    strlen(at + strlen(replace)) + 1);
	memcpy(at, by, strlen(by));
	assert_true(
	    http_response((uint8_t *)text, strlen(text), 4096, &h, &why) > 0);
	r = ws_hand_refused(&h, &here, accept);
	ipc_buf_release(&ask);
	ipc_buf_release(&answer);
	return r;
}

static void
a_client_believes_only_a_right_answer(void **state)
{
	(void)state;
	memset(&here, 0, sizeof(here));
	strcpy(here.host, "::1");
	here.port = 4000;
	strcpy(here.path, "/x");
	strcpy(here.subprotocol, "game");
	strcpy(here.origin, "http://a");
	assert_null(refused("", ""));
	assert_non_null(refused("101", "200"));
	assert_non_null(refused("101", "404"));
	assert_non_null(refused("Upgrade: websocket\r\n", ""));
	assert_non_null(refused("Connection: Upgrade\r\n", ""));
	assert_non_null(refused("Accept: ", "Accept: x"));
	assert_non_null(refused("-Accept", "-Acceptance"));
	assert_non_null(refused("-Protocol: game", "-Protocol: other"));
	assert_null(refused("Sec-WebSocket-Protocol: game\r\n", ""));
	assert_non_null(refused("Upgrade: websocket\r\n",
	    "Upgrade: websocket\r\nSec-WebSocket-Extensions: x\r\n"));
}

/* However many bytes, wherever they lie, and in their own place too. */
static void
unmasks_as_byte_by_byte(void **state)
{
	static const uint8_t mask[4] = { 0x11, 0xa2, 0x43, 0x84 };
	uint8_t in[200], out[200];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 37);
	for (size_t n = 0; n < 150; n++) {
		size_t from = n % 17, to = n % 13;
		uint8_t any = 0;
		bool said = mask_copy(out + to, in + from, n, mask);

		for (size_t i = 0; i < n; i++) {
			assert_int_equal(
			    out[to + i], in[from + i] ^ mask[i & 3]);
			any |= out[to + i];
		}
		assert_int_equal(said, any >> 7);
		mask_copy(out + to, out + to, n, mask);
		assert_memory_equal(out + to, in + from, n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    reads_heads_and_refuses_at_the_first_wrong_byte),
		cmocka_unit_test(reads_what_it_writes_in_the_fewest_bytes),
		cmocka_unit_test(masks_the_same_at_every_cut),
		cmocka_unit_test(knows_the_codes_that_may_be_said),
		cmocka_unit_test(lets_in_who_asks_as_the_rfc_says),
		cmocka_unit_test(lets_in_only_pages_of_its_origin),
		cmocka_unit_test(
		    answers_with_the_key_of_the_rfc_and_a_subprotocol_that_was_offered),
		cmocka_unit_test(a_client_believes_only_a_right_answer),
		cmocka_unit_test(unmasks_as_byte_by_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
