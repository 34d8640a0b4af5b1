/*
 * web.h - HTTP on the port of a ws://: upgrades, files, /metrics.
 */
#ifndef NETD_WEB_H
#define NETD_WEB_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct client;
struct ws;

/*
 * Answer the requests in these bytes: how many bytes are used, as of a
 * transport's feed(). After an upgrade the state is FRAMES, and the rest of
 * the bytes are frames.
 */
ssize_t web_feed(struct client *c, const uint8_t *bytes, size_t len);
/* What was answered has left: more of a file, or the next request. */
void web_drained(struct client *c);
void web_release(struct ws *w);

#endif
