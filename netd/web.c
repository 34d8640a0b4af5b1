/*
 * web.c - what a browser needs before its WebSocket: static files and
 * /metrics over HTTP/1.1, and the upgrade itself.
 *
 * One answer after the other: the next request is looked at when the answer
 * before has left, so one who asks without reading costs no more than one
 * answer. Never a body on the way in. Next: http.c, files.c, ws_hand.c.
 */
#include "netd/web.h"

#include "netd/http.h"
#include "netd/page.h"
#include "netd/ws.h"
#include "netd/ws_hand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A piece of a file on its way; the next follows when it has left. */
#define PIECE (32u << 10)
/* Requests on one connection, and answers that may wait, in bytes. */
#define REQUESTS_MAX 1000
#define ANSWERS_MAX (64u << 10)
/* /metrics, and any head that we write. */
#define ANSWER_MAX (64u << 10)
/* What a game speaks, as JSON. */
#define SCHEMA_MAX (4u << 20)

/*
 * Beside handshake_ms, for the next piece of a file to leave: a slow line
 * with the kernel's buffer full shows no progress for that long.
 */
#define GRACE_US (60 * INT64_C(1000000))

static int64_t
now_s(const struct client *c)
{
	return netd_now(c->netd) / 1000000;
}

/* A short answer of ours in plain text. False: close after it. */
static bool
answer_text(struct client *c, const struct http_head *h, unsigned status,
    const char *why, bool close)
{
	struct ipc_buf out;
	char text[160];
	int n = snprintf(text, sizeof(text), "%u %s: %s\n", status,
	    http_status_text(status), why);
	const char *extra = "";

	if (status == 405 || status == 501)
		extra = "Allow: GET, HEAD\r\n";
	else if (status == 426)
		extra = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
			"Sec-WebSocket-Version: 13\r\n";
	ipc_buf_init(&out, ANSWER_MAX);
	if (http_answer(&out, h, status, now_s(c), close) &&
	    ipc_buf_printf(&out,
		"%sContent-Type: text/plain; charset=utf-8\r\n"
		"X-Content-Type-Options: nosniff\r\n"
		"Cache-Control: no-cache\r\nContent-Length: %d\r\n\r\n%s",
		extra, n, h && h->head ? "" : text))
		client_raw(c, out.data, out.len);
	ipc_buf_release(&out);
	return !close;
}

/* Only for those on this machine, and not by way of a proxy on it. */
static bool
may_see_metrics(const struct client *c, const struct http_head *h)
{
	const struct place *at = &c->place;
	struct in6_addr six;

	if (http_count(h, "x-forwarded-for") || http_count(h, "forwarded"))
		return false;
	switch (at->family) {
	case AF_INET:
		return at->ip[0] == 127;
	case AF_INET6:
		memcpy(&six, at->ip, sizeof(six));
		return IN6_IS_ADDR_LOOPBACK(&six) ||
		       (IN6_IS_ADDR_V4MAPPED(&six) && at->ip[12] == 127);
	case AF_UNIX:
		return true;
	default:
		return false;
	}
}

static bool
answer_metrics(struct client *c, const struct http_head *h, bool close)
{
	struct ipc_buf out, text;
	bool good;

	if (!may_see_metrics(c, h))
		return answer_text(c, h, 404, "nothing is here", close);
	ipc_buf_init(&out, 2 * ANSWER_MAX);
	ipc_buf_init(&text, ANSWER_MAX);
	good = metrics_print(c->netd, &text) &&
	       http_answer(&out, h, 200, now_s(c), close) &&
	       ipc_buf_printf(&out,
		   "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
		   "Cache-Control: no-cache\r\nContent-Length: %zu\r\n\r\n",
		   text.len) &&
	       (h->head || ipc_buf_add(&out, text.data, text.len));
	if (good)
		client_raw(c, out.data, out.len);
	else
		good = answer_text(c, h, 500, "no room for the answer", true);
	ipc_buf_release(&out);
	ipc_buf_release(&text);
	return good && !close;
}

/* Something of our own, not of www=. False: close after it. */
static bool
answer_own(struct client *c, const struct http_head *h, bool close,
    const char *type, const struct ipc_buf *text)
{
	struct ipc_buf out;

	ipc_buf_init(&out, SCHEMA_MAX + ANSWER_MAX);
	if (http_answer(&out, h, 200, now_s(c), close) &&
	    ipc_buf_printf(&out,
		"Content-Type: %s; charset=utf-8\r\n"
		"X-Content-Type-Options: nosniff\r\n"
		"Cache-Control: no-cache\r\nContent-Length: %zu\r\n\r\n",
		type, text->len) &&
	    (h->head || ipc_buf_add(&out, text->data, text->len)))
		client_raw(c, out.data, out.len);
	ipc_buf_release(&out);
	return !close;
}

/* The script, and in it what the game speaks. */
static bool
answer_page(struct client *c, const struct http_head *h, bool close)
{
	size_t len = (size_t)(penstock_js_end - penstock_js);
	struct ipc_buf text;
	bool good;

	ipc_buf_init(&text, SCHEMA_MAX);
	good = ipc_buf_add(&text, penstock_js, len);
	if (good && schema_count(c->link))
		good = ipc_buf_printf(&text, "Penstock.schema = ") &&
		       schema_print(c->link, &text) &&
		       ipc_buf_printf(&text, ";\n");
	if (good)
		good = answer_own(c, h, close, "text/javascript", &text);
	else
		good = answer_text(c, h, 500, "no room for the answer", true);
	ipc_buf_release(&text);
	return good;
}

static bool
answer_schema(struct client *c, const struct http_head *h, bool close)
{
	struct ipc_buf text;
	bool good;

	ipc_buf_init(&text, SCHEMA_MAX);
	good = schema_print(c->link, &text);
	if (good)
		good = answer_own(c, h, close, "application/json", &text);
	else
		good = answer_text(c, h, 500, "no room for the answer", true);
	ipc_buf_release(&text);
	return good;
}

/*
 * The next piece of the file at hand. Its end is the answer's end. A file
 * that became shorter cannot be sent as announced: only cutting the line says
 * so.
 */
static void
send_piece(struct client *c, struct ws *w)
{
	uint8_t piece[PIECE];
	ssize_t n = file_read(w->file, piece, sizeof(piece));

	if (n < 0) {
		client_abort(c, IPC_REASON_RESET, "the file became shorter");
		return;
	}
	c->since_us = netd_now(c->netd) + GRACE_US;
	if (n > 0)
		client_raw(c, piece, (size_t)n);
	if (w->file->left)
		return;
	file_close(w->file);
	free(w->file);
	w->file = NULL;
	if (w->close)
		client_close(c, IPC_REASON_LEFT, "");
}

static bool
answer_file(
    struct client *c, struct ws *w, const struct http_head *h, bool close)
{
	struct ipc_buf out;
	struct file f = { .fd = -1 };
	unsigned status;

	ipc_buf_init(&out, ANSWER_MAX);
	status = files_answer(c->url->www, h, now_s(c), close, &out, &f);
	if (status == 0)
		client_raw(c, out.data, out.len);
	ipc_buf_release(&out);
	if (status)
		return answer_text(c, h, status,
		    status == 503   ? "try again"
		    : status == 400 ? "no path is written like this"
				    : "nothing is here",
		    close);
	if (f.fd < 0)
		return !close;
	w->file = malloc(sizeof(*w->file));
	if (w->file == NULL) {
		file_close(&f);
		client_abort(c, IPC_REASON_NO_MEMORY, "");
		return true;
	}
	*w->file = f;
	w->close = close;
	send_piece(c, w);
	return true;
}

static char *
copy(struct http_text t)
{
	return t.n ? strndup(t.p, t.n) : NULL;
}

/* Cookies may come in several fields. */
static char *
copy_cookies(const struct http_head *h)
{
	struct ipc_buf all;

	ipc_buf_init(&all, ANSWER_MAX);
	for (size_t i = 0; i < h->n_fields; i++) {
		struct http_text v = h->fields[i].value;

		if (http_is(h->fields[i].name, "cookie"))
			ipc_buf_printf(
			    &all, "%s%.*s", all.len ? "; " : "", (int)v.n, v.p);
	}
	if (all.len && !ipc_buf_add(&all, "", 1))
		ipc_buf_release(&all);
	return (char *)all.data;
}

/* The game is told what the handshake said; a NULL is an empty string. */
static bool
remember(struct client *c, const struct http_head *h)
{
	struct peer *p = client_peer(c);
	const char *chosen;

	if (p == NULL)
		return false;
	p->path = copy(h->path);
	p->query = copy(h->query);
	c->speak = (uint8_t)ws_hand_speaks(h);
	p->origin = copy(http_field(h, "origin"));
	p->cookies = copy_cookies(h);
	chosen = ws_hand_subprotocol(h, c->url);
	if (chosen && !ws_hand_resumes(h))
		p->subprotocol = strdup(chosen);
	return true;
}

static bool
upgrade(struct client *c, struct ws *w, const struct http_head *h, bool close)
{
	const char *why;
	unsigned status = ws_hand_check(h, c->url, &why);
	struct ipc_buf out;
	bool good;

	if (status)
		return answer_text(c, h, status, why, close);
	ipc_buf_init(&out, ANSWER_MAX);
	good = remember(c, h) && ws_hand_answer(&out, h, c->url, now_s(c)) &&
	       client_raw(c, out.data, out.len);
	ipc_buf_release(&out);
	if (!good) {
		client_abort(c, IPC_REASON_NO_MEMORY, "");
		return true;
	}
	w->gather = NULL;
	w->state = FRAMES;
	ws_open(c, ws_hand_subprotocol(h, c->url));
	return true;
}

/* Answer one request. False: the connection ends with this answer. */
static bool
answer(struct client *c, struct ws *w, const struct http_head *h)
{
	const char *own = c->url->path;
	bool anywhere = own[0] == '\0' || strcmp(own, "/") == 0;
	bool here = anywhere || http_same(h->path, own);
	bool close = h->close || ++w->requests >= REQUESTS_MAX;

	if (here && ws_hand_asked(h))
		return upgrade(c, w, h, h->close);
	if (http_same(h->path, "/metrics"))
		return answer_metrics(c, h, close);
	if (http_same(h->path, "/penstock.js"))
		return answer_page(c, h, close);
	if (http_same(h->path, "/schema") && schema_count(c->link))
		return answer_schema(c, h, close);
	if (c->url->www[0] && (anywhere || !here))
		return answer_file(c, w, h, close);
	if (here)
		return answer_text(c, h, 426, "a WebSocket is here", close);
	return answer_text(c, h, 404, "nothing is here", close);
}

ssize_t
web_feed(struct client *c, const uint8_t *bytes, size_t len)
{
	struct ws *w = c->codec;
	size_t max = (size_t)c->url->config.head_bytes, used = 0;

	while (used < len && w->state == HTTP && c->phase == HANDSHAKE) {
		struct http_head h;
		const char *why;
		int r;

		/* One answer after the other; web_drained() goes on. */
		if (w->file || c->out.bytes > ANSWERS_MAX)
			return (ssize_t)used;
		r = http_request(bytes + used, len - used, max, &h, &why);
		if (r == 0)
			return (ssize_t)used;
		if (r < 0) {
			answer_text(c, NULL, (unsigned)-r, why, true);
			ws_give_up(c, IPC_REASON_PROTOCOL, why);
			return (ssize_t)len;
		}
		used += (size_t)r;
		/* The deadline is for one request, not for all. */
		c->since_us = netd_now(c->netd);
		if (!answer(c, w, &h)) {
			w->state = DONE;
			client_close(c, IPC_REASON_LEFT, "");
		}
	}
	if (w->state == HTTP)
		return (ssize_t)len;
	return (ssize_t)used;
}

void
web_drained(struct client *c)
{
	struct ws *w = c->codec;

	/* One who closed its side after asking still gets the file. */
	if (w->file && (c->phase == HANDSHAKE || c->reason == IPC_REASON_LEFT))
		send_piece(c, w);
	else if (c->phase == HANDSHAKE)
		client_feed_kept(c);
}

void
web_release(struct ws *w)
{
	if (w->file == NULL)
		return;
	file_close(w->file);
	free(w->file);
	w->file = NULL;
}
