/*
 * codec.c - the player's side of ws, line and tcp. No I/O in here; load.c
 * owns the sockets. Next: load.c.
 */
#include "tests/bench/codec.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* RFC 6455 section 1.3 gives this key and its answer. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };

int
codec_find(const char *scheme, size_t len)
{
	static const char *const names[] = { "ws", "line", "tcp" };

	for (int i = 0; i < 3; i++)
		if (strlen(names[i]) == len &&
		    strncmp(names[i], scheme, len) == 0)
			return i;
	return -1;
}

uint32_t
codec_mask(enum codec codec)
{
	uint32_t word;

	memcpy(&word, mask, sizeof(word));
	return codec == CODEC_WS ? word : 0;
}

size_t
codec_head(enum codec codec, size_t len)
{
	if (codec == CODEC_WS)
		return len < 126 ? 6 : len < 65536 ? 8 : 14;
	return codec == CODEC_TCP ? 4 : 0;
}

size_t
codec_size(enum codec codec, size_t len)
{
	return codec_head(codec, len) + len + (codec == CODEC_LINE);
}

/* A frame's head without its mask; returns its length. */
static size_t
ws_head(uint8_t opcode, size_t len, uint8_t *out)
{
	size_t bytes = len < 126 ? 0 : len < 65536 ? 2 : 8;

	out[0] = 0x80 | opcode;
	out[1] = (uint8_t)(0x80 | (bytes == 0 ? len : bytes == 2 ? 126 : 127));
	for (size_t i = 0; i < bytes; i++)
		out[2 + i] = (uint8_t)((uint64_t)len >> (8 * (bytes - 1 - i)));
	return 2 + bytes;
}

static size_t
ws_frame(uint8_t opcode, const uint8_t *bytes, size_t len, uint8_t *out)
{
	size_t at = ws_head(opcode, len, out);

	memcpy(out + at, mask, 4);
	at += 4;
	for (size_t i = 0; i < len; i++)
		out[at + i] = bytes[i] ^ mask[i % 4];
	return at + len;
}

size_t
codec_pong(const uint8_t *bytes, size_t len, uint8_t *out)
{
	return ws_frame(10, bytes, len, out);
}

size_t
codec_frame(enum codec codec, const uint8_t *bytes, size_t len, uint8_t *out)
{
	size_t head = codec_head(codec, len);

	if (codec == CODEC_WS)
		return ws_frame(1, bytes, len, out);
	if (codec == CODEC_TCP) {
		uint32_t big = htonl((uint32_t)len);

		memcpy(out, &big, sizeof(big));
	}
	memcpy(out + head, bytes, len);
	if (codec == CODEC_LINE)
		out[len] = '\n';
	return codec_size(codec, len);
}

static ssize_t
ws_parse(const uint8_t *p, size_t n, struct got *got)
{
	static const uint8_t opcodes[][2] = { { 1, GOT_MESSAGE },
		{ 2, GOT_MESSAGE }, { 8, GOT_CLOSE }, { 9, GOT_PING },
		{ 10, GOT_PONG } };
	size_t head, kind = 0;
	uint64_t len;

	if (n < 2)
		return 0;
	/* Not whole, compressed or masked: no server here may send that. */
	while (kind < 5 && p[0] != (0x80 | opcodes[kind][0]))
		kind++;
	if (kind == 5 || (p[1] & 0x80) != 0)
		return -1;
	head = p[1] < 126 ? 2 : p[1] == 126 ? 4 : 10;
	if (n < head)
		return 0;
	len = p[1];
	if (head > 2)
		len = 0;
	for (size_t i = 2; i < head; i++)
		len = len << 8 | p[i];
	if (len > 1u << 24)
		return -1;
	if (n - head < len)
		return 0;
	got->kind = (enum got_kind)opcodes[kind][1];
	got->bytes = p + head;
	got->len = (size_t)len;
	return (ssize_t)(head + len);
}

static ssize_t
line_parse(const uint8_t *p, size_t n, struct got *got)
{
	const uint8_t *end = memchr(p, '\n', n);

	if (end == NULL)
		return 0;
	got->bytes = p;
	got->len = (size_t)(end - p);
	return end - p + 1;
}

static ssize_t
tcp_parse(const uint8_t *p, size_t n, struct got *got)
{
	uint32_t len;

	if (n < 4)
		return 0;
	memcpy(&len, p, sizeof(len));
	len = ntohl(len);
	if (len > 1u << 24)
		return -1;
	if (n - 4 < len)
		return 0;
	got->bytes = p + 4;
	got->len = len;
	return (ssize_t)len + 4;
}

ssize_t
codec_parse(enum codec codec, const uint8_t *p, size_t n, struct got *got)
{
	got->kind = GOT_MESSAGE;
	if (codec == CODEC_WS)
		return ws_parse(p, n, got);
	return codec == CODEC_LINE ? line_parse(p, n, got)
				   : tcp_parse(p, n, got);
}

size_t
codec_request(const char *host, const char *path, char *out, size_t size)
{
	int n = snprintf(out, size,
	    "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Key: " KEY "\r\n"
	    "Sec-WebSocket-Version: 13\r\n\r\n",
	    path, host);

	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

ssize_t
codec_answer(const uint8_t *p, size_t n)
{
	const uint8_t *end = memmem(p, n, "\r\n\r\n", 4);

	if (end == NULL)
		return n > 8192 ? -1 : 0;
	n = (size_t)(end - p) + 4;
	if (n < 12 || memcmp(p, "HTTP/1.1 101", 12) != 0 ||
	    memmem(p, n, ACCEPT "\r\n", sizeof(ACCEPT) + 1) == NULL)
		return -1;
	return (ssize_t)n;
}
