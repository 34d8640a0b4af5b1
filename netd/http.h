/*
 * http.h - heads of HTTP/1.x messages, strictly as RFC 9112 has them, and
 * answers. There is never a body on the way in: a request that announces one
 * is refused. No I/O in here.
 */
#ifndef NETD_HTTP_H
#define NETD_HTTP_H

#include "ipc/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Header fields in one head; more are answered 431. */
#define HTTP_FIELDS_MAX 64

/* Bytes in the buffer that was parsed: a view, no NUL at the end. */
struct http_text {
	const char *p;
	size_t n;
};

struct http_field {
	struct http_text name, value;
};

/* A head that was parsed. Everything is a view into the bytes given. */
struct http_head {
	bool get, head;          /* of a request: its method */
	bool close;              /* the connection ends with this message */
	unsigned minor;          /* HTTP/1.minor */
	unsigned status;         /* of a response */
	struct http_text target; /* as sent */
	struct http_text path;   /* of the target, still %-encoded */
	struct http_text query;  /* without its '?' */
	size_t n_fields;
	struct http_field fields[HTTP_FIELDS_MAX];
};

/*
 * Look for one request head in the n bytes at p. Returns how many bytes it
 * takes with its empty line; 0: more are needed, and nothing is wrong so far;
 * or minus the status it must be refused with: 400, 405, 413, 414, 417, 431,
 * 501 or 505, after which the connection is of no use, and *why is a constant
 * sentence. max: the longest head in bytes.
 */
int http_request(const uint8_t *p, size_t n, size_t max, struct http_head *h,
    const char **why);
/* The same for the head of a response; refusals are all -400. */
int http_response(const uint8_t *p, size_t n, size_t max, struct http_head *h,
    const char **why);

/* How many fields of that name (any case) there are. */
size_t http_count(const struct http_head *h, const char *name);
/* The value of the first of that name; p is NULL if there is none. */
struct http_text http_field(const struct http_head *h, const char *name);
/* Is word (any case) one of the comma-separated words of these fields? */
bool
http_has_word(const struct http_head *h, const char *name, const char *word);
/* The same, case counts: for lists of subprotocols. */
bool
http_has_exact(const struct http_head *h, const char *name, const char *word);
/* The next word of a list: *list moves on. False at its end. */
bool http_next_word(struct http_text *list, struct http_text *word);
/* Is it this text? In any case of letters; the second: exactly. */
bool http_is(struct http_text t, const char *text);
bool http_same(struct http_text t, const char *text);

/* "Not Found" for 404. */
const char *http_status_text(unsigned status);
/* "Sun, 06 Nov 1994 08:49:37 GMT", 30 bytes with its NUL. */
#define HTTP_DATE_SIZE 30
void http_date(int64_t seconds, char out[HTTP_DATE_SIZE]);
/* Read any of the three forms of RFC 9110 5.6.7. False: it is none. */
bool http_date_read(struct http_text t, int64_t *seconds);

/*
 * Append "HTTP/1.1 status text" with Date, and Connection if it is to close
 * (or to stay open on HTTP/1.0). More fields and an empty line follow. h is
 * the request, or NULL if it could not be read. False: out is full.
 */
bool http_answer(struct ipc_buf *out, const struct http_head *h,
    unsigned status, int64_t now_s, bool close);

#endif
