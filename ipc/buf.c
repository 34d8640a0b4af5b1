/*
 * buf.c - a growable byte buffer with a hard maximum. Growth doubles, so
 * adding byte by byte stays linear; nothing here ever passes max.
 */
#include "ipc/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
ipc_buf_init(struct ipc_buf *b, size_t max)
{
	memset(b, 0, sizeof(*b));
	b->max = max;
}

void
ipc_buf_release(struct ipc_buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->size = 0;
}

void
ipc_buf_clear(struct ipc_buf *b)
{
	b->len = 0;
}

/* Room for n more bytes while len stays within max: storage doubles, but
 * never beyond what max can use. */
static uint8_t *
reserve(struct ipc_buf *b, size_t n, size_t max)
{
	size_t size = b->size ? b->size : 64;
	uint8_t *data;

	if (n > max || b->len > max - n)
		return NULL;
	if (b->data && b->size - b->len >= n)
		return b->data + b->len;
	while (size < b->len + n)
		size = size > max / 2 ? max : size * 2;
	if (size > max)
		size = max ? max : 1;
	data = realloc(b->data, size);
	if (data == NULL)
		return NULL;
	b->data = data;
	b->size = size;
	return data + b->len;
}

uint8_t *
ipc_buf_space(struct ipc_buf *b, size_t n)
{
	return reserve(b, n, b->max);
}

void
ipc_buf_added(struct ipc_buf *b, size_t n)
{
	assert(n <= b->size - b->len);
	b->len += n;
}

bool
ipc_buf_add(struct ipc_buf *b, const void *bytes, size_t n)
{
	uint8_t *to = ipc_buf_space(b, n);

	if (to == NULL)
		return false;
	if (n)
		memcpy(to, bytes, n);
	b->len += n;
	return true;
}

bool
ipc_buf_printf(struct ipc_buf *b, const char *fmt, ...)
{
	va_list ap, again;
	size_t max = b->max < SIZE_MAX ? b->max + 1 : SIZE_MAX;
	size_t room = b->data ? b->size - b->len : 0;
	int n;
	uint8_t *to;

	/* Mostly it fits into what there is. */
	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(room ? (char *)b->data + b->len : NULL, room, fmt, ap);
	va_end(ap);
	/* vsnprintf wants room for a NUL, which does not count. */
	to = n < 0 ? NULL : reserve(b, (size_t)n + 1, max);
	if (to && (size_t)n >= room)
		vsnprintf((char *)to, (size_t)n + 1, fmt, again);
	va_end(again);
	if (to)
		b->len += (size_t)n;
	return to;
}

void
ipc_buf_eat(struct ipc_buf *b, size_t n)
{
	assert(n <= b->len);
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}
