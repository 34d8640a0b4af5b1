/*
 * buf.h - a growable byte buffer with a hard maximum.
 */
#ifndef IPC_BUF_H
#define IPC_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ipc_buf {
	uint8_t *data; /* owned; NULL while nothing was ever added */
	size_t len;
	size_t size;
	size_t max; /* len never passes it */
};

/* max: in bytes. Allocates nothing yet. */
void ipc_buf_init(struct ipc_buf *b, size_t max);
void ipc_buf_release(struct ipc_buf *b);
/* Empty, storage kept. */
void ipc_buf_clear(struct ipc_buf *b);
/*
 * Room for n more bytes at the end, which count only after ipc_buf_added().
 * NULL if that would pass max or memory is out; the buffer is then unchanged.
 */
uint8_t *ipc_buf_space(struct ipc_buf *b, size_t n);
void ipc_buf_added(struct ipc_buf *b, size_t n);
/* Append n bytes: true, or false and unchanged as above. */
bool ipc_buf_add(struct ipc_buf *b, const void *bytes, size_t n);
/* Append formatted text without its NUL: true, or false and unchanged. */
bool ipc_buf_printf(struct ipc_buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Forget the first n bytes. */
void ipc_buf_eat(struct ipc_buf *b, size_t n);

#endif
