/*
 * files.h - static files below one directory, for GET and HEAD.
 */
#ifndef NETD_FILES_H
#define NETD_FILES_H

#include "ipc/buf.h"
#include "netd/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The longest path below the directory, in bytes with its NUL. */
#define FILES_PATH_MAX 1024

/* What follows a head: a piece of an open file. */
struct file {
	int fd; /* -1: nothing */
	uint64_t at, left;
};

/*
 * Answer a request from the files below root: append the answer's head to
 * out and leave in *f what is to follow it. Returns 0, and f->fd is owned:
 * file_close() it; or the status to refuse with, and out is unchanged.
 */
unsigned files_answer(const char *root, const struct http_head *h,
    int64_t now_s, bool close, struct ipc_buf *out, struct file *f);
/*
 * The next bytes, at most n: how many, 0 if all were read, or -1 if the file
 * was cut meanwhile or cannot be read.
 */
ssize_t file_read(struct file *f, void *to, size_t n);
void file_close(struct file *f);

/*
 * The path of a request as a path below root: undo %XX, leave out empty
 * segments, put index.html behind a slash at the end. Returns 0; 400 if it is
 * no path at all; 404 for one that is never served: "." or ".." or hidden
 * segments, backslashes, or longer than size.
 */
unsigned files_path(struct http_text path, char *out, size_t size);

#endif
