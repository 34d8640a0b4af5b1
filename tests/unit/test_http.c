/* links: netd/http.c */
/* netd/http.c: heads of HTTP/1.x, strictly, however they are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "netd/http.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define S(text) text, sizeof(text) - 1
#define MAX 512
#define HOST "Host: a\r\n"
#define FIFTY "01234567890123456789012345678901234567890123456789"

/* What a head is answered; 0: it is fine. */
static const struct {
	const char *in;
	size_t n;
	int status;
} heads[] = {
	{ S("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 0 },
	{ S("HEAD /x?y=z HTTP/1.1\r\nhOST: a:80\r\n\r\n"), 0 },
	{ S("GET / HTTP/1.0\r\n\r\n"), 0 },
	{ S("GET / HTTP/1.9\r\nHost: a\r\n\r\n"), 0 },
	{ S("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 0 },
	{ S("GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n"), 0 },
	{ S("GET / HTTP/1.1\r\nHost:a\r\nA:\t b \t\r\nB:\r\n\r\n"), 0 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nA: \xc3\xa4\xff\r\n\r\n"), 0 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), 0 },
	/* Host */
	{ S("GET / HTTP/1.1\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), 0 },
	{ S("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: []\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"), 400 },
	{ S("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ S("GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	/* lines */
	{ S("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\tc\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\nHost: a\n\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\n\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\rA: b\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nA: b\x01\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nA: b\x7f\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nA\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nA(: b\r\n\r\n"), 400 },
	/* request lines */
	{ S("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), 400 },
	{ S("GET /\r\nHost: a\r\n\r\n"), 400 },
	{ S("GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ S("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ S("GET /# HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ S("GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ S("GET a HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ S("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ S("GET / http/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.11\r\nHost: a\r\n\r\n"), 400 },
	{ S("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505 },
	{ S("GET / HTTP/0.9\r\n\r\n"), 505 },
	{ S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505 },
	{ S("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	{ S("\x16\x03\x01\x02\x00\x01\x00"), 400 },
	/* methods */
	{ S("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), 405 },
	{ S("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), 405 },
	{ S("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"), 405 },
	{ S("get / HTTP/1.1\r\nHost: a\r\n\r\n"), 501 },
	{ S("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"), 501 },
	{ S("G@T / HTTP/1.1\r\nHost: a\r\n\r\n"), 400 },
	/* bodies */
	{ S("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"), 413 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x0\r\n\r\n"), 400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 18446744073709551616\r\n\r\n"),
	    413 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
	    "Content-Length: 0\r\n\r\n"),
	    400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n"),
	    400 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
	    "\r\n"),
	    413 },
	{ S("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400 },
	/* lengths */
	{ S("GET /" FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY
	    " HTTP/1.1\r\nHost: a\r\n\r\n"),
	    414 },
	{ S("GET / HTTP/1.1\r\nHost: a\r\nA: " FIFTY FIFTY FIFTY FIFTY FIFTY
		  FIFTY FIFTY FIFTY FIFTY FIFTY "\r\n\r\n"),
	    431 },
};

/* The answer to bytes that come in two or more pieces, from memory that ends
 * where they end. */
static int
ask(const char *in, size_t n, size_t first, size_t step)
{
	for (size_t there = first;; there += step) {
		size_t len = there < n ? there : n;
		uint8_t *exact = malloc(len ? len : 1);
		struct http_head h;
		const char *why;
		int r;

		assert_non_null(exact);
		memcpy(exact, in, len);
		r = http_request(exact, len, MAX, &h, &why);
		free(exact);
		if (r < 0)
			return -r;
		if (r > 0) {
			assert_true((size_t)r <= n);
			return 0;
		}
		if (len == n)
			return -1;
	}
}

static void
answers_each_head_as_the_rfc_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(heads); i++) {
		int r = ask(heads[i].in, heads[i].n, heads[i].n, 1);

		if (r != heads[i].status)
			fail_msg("%.*s: %d, not %d", (int)heads[i].n,
			    heads[i].in, r, heads[i].status);
	}
}

static void
answers_the_same_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(heads); i++) {
		assert_int_equal(
		    ask(heads[i].in, heads[i].n, 0, 1), heads[i].status);
		for (size_t cut = 0; cut <= heads[i].n; cut++)
			assert_int_equal(
			    ask(heads[i].in, heads[i].n, cut, heads[i].n),
			    heads[i].status);
	}
}

static void
endless_heads_end(void **state)
{
	char line[MAX];

	(void)state;
	memset(line, 'a', sizeof(line));
	assert_int_equal(ask(line, sizeof(line), 0, 1), 414);
	memcpy(line, S("GET / HTTP/1.1\r\n"));
	assert_int_equal(ask(line, sizeof(line), 0, 1), 431);
	assert_int_equal(ask(line, sizeof(line) - 1, 0, 1), -1);
}

static void
too_many_headers_are_431(void **state)
{
	char head[4096] = "GET / HTTP/1.1\r\n" HOST;
	struct http_head h;
	const char *why;

	(void)state;
	for (int i = 1; i < HTTP_FIELDS_MAX; i++)
		strcat(head, "a: b\r\n");
	strcat(head, "\r\n");
	assert_int_equal(
	    http_request((uint8_t *)head, strlen(head), sizeof(head), &h, &why),
	    -431);
}

static struct http_head
parsed(const char *in)
{
	struct http_head h;
	const char *why;

	assert_int_equal(
	    http_request((const uint8_t *)in, strlen(in), 4096, &h, &why),
	    (int)strlen(in));
	return h;
}

static void
assert_text(struct http_text t, const char *text)
{
	assert_int_equal(t.n, strlen(text));
	assert_memory_equal(t.p, text, t.n);
}

static void
takes_a_request_apart(void **state)
{
	struct http_head h =
	    parsed("GET /a%20b/?q=1?2 HTTP/1.1\r\n" HOST "X:  y z \r\n"
		   "Connection: keep-alive , Upgrade\r\nx: 2\r\n\r\n");

	(void)state;
	assert_true(h.get && !h.head && !h.close);
	assert_int_equal(h.minor, 1);
	assert_text(h.path, "/a%20b/");
	assert_text(h.query, "q=1?2");
	assert_text(http_field(&h, "x"), "y z");
	assert_int_equal(http_count(&h, "X"), 2);
	assert_true(http_has_word(&h, "connection", "upgrade"));
	assert_false(http_has_exact(&h, "connection", "upgrade"));
	assert_false(http_has_word(&h, "connection", "close"));
	assert_null(http_field(&h, "y").p);
	h = parsed("HEAD http://b:8/c?d HTTP/1.1\r\n" HOST "\r\n");
	assert_true(h.head && !h.get);
	assert_text(h.path, "/c");
	assert_text(h.query, "d");
}

static void
knows_when_the_connection_ends(void **state)
{
	(void)state;
	assert_false(parsed("GET / HTTP/1.1\r\n" HOST "\r\n").close);
	assert_true(
	    parsed("GET / HTTP/1.1\r\n" HOST "Connection: a, CLOSE\r\n\r\n")
		.close);
	assert_true(parsed("GET / HTTP/1.0\r\n\r\n").close);
	assert_false(
	    parsed("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").close);
}

static void
takes_only_the_first_of_pipelined_requests(void **state)
{
	static const char two[] = "GET /a HTTP/1.1\r\n" HOST "\r\n"
				  "GET /b HTTP/1.1\r\n" HOST "\r\n";
	struct http_head h;
	const char *why;

	(void)state;
	assert_int_equal(
	    http_request((const uint8_t *)two, sizeof(two) - 1, 4096, &h, &why),
	    (sizeof(two) - 1) / 2);
	assert_text(h.path, "/a");
}

static void
reads_the_three_dates(void **state)
{
	static const char *const dates[] = { "Sun, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994" };
	static const char *const others[] = { "", "0", "yesterday",
		"Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMTx" };
	char out[HTTP_DATE_SIZE];
	int64_t s;

	(void)state;
	for (size_t i = 0; i < COUNT(dates); i++) {
		s = 0;
		assert_true(http_date_read(
		    (struct http_text){ dates[i], strlen(dates[i]) }, &s));
		assert_int_equal(s, 784111777);
	}
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(http_date_read(
		    (struct http_text){ others[i], strlen(others[i]) }, &s));
	assert_false(http_date_read((struct http_text){ NULL, 0 }, &s));
	http_date(784111777, out);
	assert_string_equal(out, dates[0]);
	http_date(INT64_MAX, out);
	assert_string_equal(out, "Thu, 01 Jan 1970 00:00:00 GMT");
}

static void
reads_responses(void **state)
{
	static const struct {
		const char *in;
		int r; /* 1: whole */
		unsigned status;
	} rows[] = {
		{ "HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n", 1, 101 },
		{ "HTTP/1.0 404\r\n\r\n", 1, 404 },
		{ "HTTP/1.1 101 \r\n\r\n", 1, 101 },
		{ "HTTP/1.1 101\r\n", 0, 0 },
		{ "HTTP/1.1  101 x\r\n\r\n", -400, 0 },
		{ "HTTP/1.1 10 x\r\n\r\n", -400, 0 },
		{ "HTTP/1.1 1010\r\n\r\n", -400, 0 },
		{ "HTTP/2.0 101 x\r\n\r\n", -400, 0 },
		{ "HTTP/1.1 101 x\nA: b\n\n", -400, 0 },
		{ "SSH-2.0-OpenSSH_9.2p1\r\n", -400, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct http_head h;
		const char *why;
		int r = http_response((const uint8_t *)rows[i].in,
		    strlen(rows[i].in), MAX, &h, &why);

		assert_int_equal(r > 0 ? 1 : r, rows[i].r);
		if (r > 0)
			assert_int_equal(h.status, rows[i].status);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_each_head_as_the_rfc_says),
		cmocka_unit_test(answers_the_same_at_every_cut),
		cmocka_unit_test(endless_heads_end),
		cmocka_unit_test(too_many_headers_are_431),
		cmocka_unit_test(takes_a_request_apart),
		cmocka_unit_test(knows_when_the_connection_ends),
		cmocka_unit_test(takes_only_the_first_of_pipelined_requests),
		cmocka_unit_test(reads_the_three_dates),
		cmocka_unit_test(reads_responses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
