/*
 * ws_hand.c - from HTTP to WebSocket. Extensions are never agreed on: an
 * offer is declined by not answering it.
 */
#include "netd/ws_hand.h"

#include "netd/resume_word.h"
#include "netd/speak.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
/* Base64 of 16 bytes, without its NUL. */
#define KEY_LEN 24

static void
accept_for(struct http_text key, char accept[WS_ACCEPT_SIZE])
{
	uint8_t text[KEY_LEN + sizeof(GUID) - 1], sum[SHA_DIGEST_LENGTH];

	memcpy(text, key.p, KEY_LEN);
	memcpy(text + KEY_LEN, GUID, sizeof(GUID) - 1);
	SHA1(text, sizeof(text), sum);
	EVP_EncodeBlock((uint8_t *)accept, sum, sizeof(sum));
}

/* Base64 of exactly 16 bytes: 22 letters, two '=', no spare bits. */
static bool
is_key(struct http_text key)
{
	uint8_t raw[KEY_LEN], back[KEY_LEN + 1];

	if (key.n != KEY_LEN || memcmp(key.p + 22, "==", 2) ||
	    memchr(key.p, '=', 22) || memchr(key.p, ' ', 22))
		return false;
	if (EVP_DecodeBlock(raw, (const uint8_t *)key.p, KEY_LEN) != 18)
		return false;
	EVP_EncodeBlock(back, raw, 16);
	return memcmp(back, key.p, KEY_LEN) == 0;
}

/* ---- the server's side --------------------------------------------------- */

bool
ws_hand_asked(const struct http_head *h)
{
	return h->get && h->minor > 0 &&
	       http_has_word(h, "upgrade", "websocket") &&
	       http_has_word(h, "connection", "upgrade");
}

unsigned
ws_hand_check(const struct http_head *h, const struct url *u, const char **why)
{
	size_t origins = http_count(h, "origin");

	*why = "WebSocket version 13 is spoken here";
	if (http_count(h, "sec-websocket-version") != 1 ||
	    !http_same(http_field(h, "sec-websocket-version"), "13"))
		return 426;
	*why = "Sec-WebSocket-Key is not 16 bytes of base64";
	if (http_count(h, "sec-websocket-key") != 1 ||
	    !is_key(http_field(h, "sec-websocket-key")))
		return 400;
	*why = "more than one Origin";
	if (origins > 1)
		return 400;
	/* Programs send none; a browser always does, and it is never forged
	 * there. */
	*why = "pages of this origin are not let in";
	if (u->origin[0] && origins &&
	    !http_is(http_field(h, "origin"), u->origin))
		return 403;
	return 0;
}

bool
ws_hand_resumes(const struct http_head *h)
{
	/* Without resume= as well, if only to say that there is no coming
	 * back: a browser whose offer is declined hangs up. */
	return http_has_exact(h, "sec-websocket-protocol", RESUME_SUBPROTOCOL);
}

/* The subprotocols that say what is spoken. */
static const char *const tongues[] = { "penstock.json", "penstock.msgpack" };
#define TONGUE_PREFIX (sizeof("penstock.") - 1)

static const char *
tongue_of(const struct http_head *h)
{
	for (size_t i = 0; i < sizeof(tongues) / sizeof(tongues[0]); i++)
		if (http_has_exact(h, "sec-websocket-protocol", tongues[i]))
			return tongues[i];
	return NULL;
}

unsigned
ws_hand_speaks(const struct http_head *h)
{
	static const char word[] = "speak=";
	const char *tongue = tongue_of(h), *p = h->query.p;
	const char *end = p ? p + h->query.n : NULL;

	if (tongue)
		return speak_find(
		    tongue + TONGUE_PREFIX, strlen(tongue + TONGUE_PREFIX));
	while (p && p < end) {
		const char *amp = memchr(p, '&', (size_t)(end - p));
		size_t n = (size_t)((amp ? amp : end) - p);

		if (n > sizeof(word) - 1 && !memcmp(p, word, sizeof(word) - 1))
			return speak_find(
			    p + sizeof(word) - 1, n - (sizeof(word) - 1));
		p = amp ? amp + 1 : end;
	}
	return SPEAK_UNSAID;
}

const char *
ws_hand_subprotocol(const struct http_head *h, const struct url *u)
{
	const char *const all[] = { RESUME_SUBPROTOCOL, u->subprotocol,
		WS_MUD_SUBPROTOCOL };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i][0] &&
		    http_has_exact(h, "sec-websocket-protocol", all[i]))
			return all[i];
	return tongue_of(h);
}

bool
ws_hand_answer(struct ipc_buf *out, const struct http_head *h,
    const struct url *u, int64_t now_s)
{
	const char *chosen = ws_hand_subprotocol(h, u);
	char accept[WS_ACCEPT_SIZE];

	accept_for(http_field(h, "sec-websocket-key"), accept);
	if (!http_answer(out, h, 101, now_s, false) ||
	    !ipc_buf_printf(out,
		"Upgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: %s\r\n",
		accept))
		return false;
	if (chosen &&
	    !ipc_buf_printf(out, "Sec-WebSocket-Protocol: %s\r\n", chosen))
		return false;
	return ipc_buf_add(out, "\r\n", 2);
}

/* ---- the client's side --------------------------------------------------- */

bool
ws_hand_request(
    struct ipc_buf *out, const struct url *u, char accept[WS_ACCEPT_SIZE])
{
	uint8_t raw[16];
	char key[KEY_LEN + 1];
	bool six = strchr(u->host, ':') != NULL;
	bool resumes = u->config.resume_ms > 0;

	if (RAND_bytes(raw, sizeof(raw)) != 1)
		return false;
	EVP_EncodeBlock((uint8_t *)key, raw, sizeof(raw));
	accept_for((struct http_text){ key, KEY_LEN }, accept);
	return ipc_buf_printf(out,
		   "GET %s HTTP/1.1\r\nHost: %s%s%s:%u\r\n"
		   "Upgrade: websocket\r\nConnection: Upgrade\r\n"
		   "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n",
		   u->path[0] ? u->path : "/", six ? "[" : "", u->host,
		   six ? "]" : "", u->port, key) &&
	       (!u->origin[0] ||
		   ipc_buf_printf(out, "Origin: %s\r\n", u->origin)) &&
	       (!(resumes || u->subprotocol[0]) ||
		   ipc_buf_printf(out, "Sec-WebSocket-Protocol: %s%s%s\r\n",
		       resumes ? RESUME_SUBPROTOCOL : "",
		       resumes && u->subprotocol[0] ? ", " : "",
		       u->subprotocol)) &&
	       ipc_buf_add(out, "\r\n", 2);
}

static bool
was_offered(struct http_text chosen, const struct url *u)
{
	return (u->subprotocol[0] && http_same(chosen, u->subprotocol)) ||
	       (u->config.resume_ms > 0 &&
		   http_same(chosen, RESUME_SUBPROTOCOL));
}

const char *
ws_hand_refused(
    const struct http_head *h, const struct url *u, const char *accept)
{
	size_t chosen = http_count(h, "sec-websocket-protocol");

	if (h->status != 101)
		return "the server does not open a WebSocket here";
	if (!http_has_word(h, "upgrade", "websocket") ||
	    !http_has_word(h, "connection", "upgrade"))
		return "the server's upgrade is to something else";
	if (http_count(h, "sec-websocket-accept") != 1 ||
	    !http_same(http_field(h, "sec-websocket-accept"), accept))
		return "Sec-WebSocket-Accept is wrong";
	if (http_count(h, "sec-websocket-extensions"))
		return "the server wants an extension that was not offered";
	if (chosen > 1 ||
	    (chosen &&
		!was_offered(http_field(h, "sec-websocket-protocol"), u)))
		return "the server wants a subprotocol that was not offered";
	return NULL;
}
