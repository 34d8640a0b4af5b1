/*
 * codec.h - the player's side of ws, line and tcp for the load generator.
 *
 * Written apart from netd's codecs, so that one mistake cannot hide in both.
 */
#ifndef BENCH_CODEC_H
#define BENCH_CODEC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum codec { CODEC_WS, CODEC_LINE, CODEC_TCP };

/* The number of a scheme's codec ("ws", len 2), or -1. */
int codec_find(const char *scheme, size_t len);

/* What codec_parse() found. */
enum got_kind { GOT_MESSAGE, GOT_PING, GOT_PONG, GOT_CLOSE };

struct got {
	enum got_kind kind;
	const uint8_t *bytes; /* a view into what was parsed */
	size_t len;
};

/* Bytes before a message's own. */
size_t codec_head(enum codec codec, size_t len);
/* Bytes of a whole message on the line. */
size_t codec_size(enum codec codec, size_t len);
/* Write one message of len bytes to out; returns codec_size(). */
size_t
codec_frame(enum codec codec, const uint8_t *bytes, size_t len, uint8_t *out);
/* Write a pong with these bytes (at most 125) to out; returns its size. */
size_t codec_pong(const uint8_t *bytes, size_t len, uint8_t *out);
/* The four mask bytes as they lie in memory; 0 for codecs without a mask. */
uint32_t codec_mask(enum codec codec);
/*
 * Look for one message from the server in the n bytes at p. Returns the bytes
 * used, 0 when more are needed, -1 when they can never become a message.
 */
ssize_t
codec_parse(enum codec codec, const uint8_t *p, size_t n, struct got *got);
/* The upgrade request into out; returns its length, below size. */
size_t
codec_request(const char *host, const char *path, char *out, size_t size);
/*
 * Check the answer to it. Returns the bytes used, 0 when more are needed, -1
 * when it is not the one acceptable answer.
 */
ssize_t codec_answer(const uint8_t *p, size_t n);

#endif
