/*
 * replay_same.c - when two frames down are the same.
 *
 * What cannot be the same is not compared: the process's number in HELLO, what
 * a checkpoint cost, and where on this machine the pages lie.
 */
#include "gamecore/replay.h"

#include <stdio.h>
#include <string.h>

/* The URL without where the pages lie on this machine. */
static void
plain_url(const char *url, char *out, size_t size)
{
	const char *www = strstr(url, "www=");
	size_t head = www ? (size_t)(www - url) : strlen(url);
	const char *rest = www ? strchr(www, '&') : NULL;

	snprintf(out, size, "%.*s%s", (int)head, url, rest ? rest : "");
}

static bool
same_listen(const struct ipc_frame *a, const struct ipc_frame *b)
{
	struct ipc_listen m;
	const char *why, *field;
	char urls[2][2100];

	for (int i = 0; i < 2; i++) {
		if (ipc_msg_unpack(i ? b : a, &m, &why, &field) < 0)
			return false;
		plain_url(m.url ? m.url : "", urls[i], sizeof(urls[i]));
		ipc_msg_release(IPC_LISTEN, &m);
	}
	return a->id == b->id && strcmp(urls[0], urls[1]) == 0;
}

static bool
same_hello(const struct ipc_frame *a, const struct ipc_frame *b)
{
	struct ipc_hello m;
	const char *why, *field;
	char games[2][65];

	for (int i = 0; i < 2; i++) {
		if (ipc_msg_unpack(i ? b : a, &m, &why, &field) < 0)
			return false;
		snprintf(games[i], sizeof(games[i]), "%s", m.game);
		ipc_msg_release(IPC_HELLO, &m);
	}
	return strcmp(games[0], games[1]) == 0;
}

bool
replay_same(const struct ipc_frame *a, const struct ipc_frame *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == IPC_HELLO)
		return same_hello(a, b);
	if (a->kind == IPC_CHECKPOINTED)
		return a->id == b->id;
	if (a->kind == IPC_LISTEN)
		return same_listen(a, b);
	return a->flags == b->flags && a->channel == b->channel &&
	       a->id == b->id && a->len == b->len &&
	       (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
}

size_t
replay_difference(const struct ipc_frame *a, const struct ipc_frame *b)
{
	size_t i = 0;

	while (i < a->len && i < b->len && a->bytes[i] == b->bytes[i])
		i++;
	return i;
}
