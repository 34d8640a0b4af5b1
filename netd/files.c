/*
 * files.c - static files, as RFC 9110 wants them: validators, conditions,
 * ranges, precompressed twins.
 *
 * The kernel keeps us below the directory (openat2 with RESOLVE_BENEATH), so
 * a link that leads out is simply not found; files_path() only refuses early
 * what nobody asks for in good faith. Never blocks on a FIFO or a device:
 * whatever is no regular file is not found either.
 */
#include "netd/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netd/hex.h"

#define INDEX "index.html"

/* ---- paths --------------------------------------------------------------- */

/* One byte of the path, %XX undone; -1: it is none. */
static int
next_byte(struct http_text *t)
{
	int c = (unsigned char)t->p[0], high, low;

	t->p++;
	t->n--;
	if (c != '%')
		return c;
	if (t->n < 2)
		return -1;
	high = hex_digit(t->p[0]);
	low = hex_digit(t->p[1]);
	t->p += 2;
	t->n -= 2;
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

unsigned
files_path(struct http_text path, char *out, size_t size)
{
	size_t n = 0;
	bool at_start = true; /* of a segment */

	while (path.n) {
		int c = next_byte(&path);

		if (c < 0x20 || c == 0x7f)
			return 400;
		if (c == '/' && at_start)
			continue;
		if ((c == '.' && at_start) || c == '\\' || n + 1 >= size)
			return 404;
		at_start = c == '/';
		out[n++] = (char)c;
	}
	if (at_start) {
		if (n + sizeof(INDEX) > size)
			return 404;
		memcpy(out + n, INDEX, sizeof(INDEX) - 1);
		n += sizeof(INDEX) - 1;
	}
	out[n] = '\0';
	return 0;
}

/* ---- types --------------------------------------------------------------- */

static const char *
content_type(const char *path)
{
	static const char *const types[][2] = {
		{ "html", "text/html; charset=utf-8" },
		{ "htm", "text/html; charset=utf-8" },
		{ "css", "text/css; charset=utf-8" },
		{ "js", "text/javascript; charset=utf-8" },
		{ "mjs", "text/javascript; charset=utf-8" },
		{ "json", "application/json" },
		{ "map", "application/json" },
		{ "webmanifest", "application/manifest+json" },
		{ "txt", "text/plain; charset=utf-8" },
		{ "md", "text/markdown; charset=utf-8" },
		{ "csv", "text/csv; charset=utf-8" },
		{ "xml", "text/xml; charset=utf-8" },
		{ "svg", "image/svg+xml; charset=utf-8" },
		{ "png", "image/png" },
		{ "jpg", "image/jpeg" },
		{ "jpeg", "image/jpeg" },
		{ "gif", "image/gif" },
		{ "webp", "image/webp" },
		{ "avif", "image/avif" },
		{ "ico", "image/x-icon" },
		{ "woff", "font/woff" },
		{ "woff2", "font/woff2" },
		{ "ttf", "font/ttf" },
		{ "otf", "font/otf" },
		{ "wav", "audio/wav" },
		{ "mp3", "audio/mpeg" },
		{ "ogg", "audio/ogg" },
		{ "mp4", "video/mp4" },
		{ "webm", "video/webm" },
		{ "wasm", "application/wasm" },
		{ "pdf", "application/pdf" },
		{ "gz", "application/gzip" },
		{ "zip", "application/zip" },
	};
	const char *dot = strrchr(path, '.');

	if (dot && !strchr(dot, '/'))
		for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
			if (strcasecmp(dot + 1, types[i][0]) == 0)
				return types[i][1];
	return "application/octet-stream";
}

/* ---- opening ------------------------------------------------------------- */

/* A descriptor of a file or directory below root, or minus a status. */
static int
open_below(const char *root, const char *path, struct stat *st)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int dir, fd, e;

	dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == EMFILE || errno == ENFILE ? -503 : -404;
	fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	e = errno;
	close(dir);
	if (fd < 0)
		return e == EMFILE || e == ENFILE || e == ENOMEM || e == EAGAIN
			   ? -503
			   : -404;
	if (fstat(fd, st) == 0 &&
	    (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)))
		return fd;
	close(fd);
	return -404;
}

/* ---- Accept-Encoding ----------------------------------------------------- */

/* Is "gzip;q=0.5" more than q=0? */
static bool
is_wanted(struct http_text word)
{
	const char *semi = memchr(word.p, ';', word.n);
	const char *end = word.p + word.n;

	if (semi == NULL)
		return true;
	for (const char *p = semi + 1; p < end; p++)
		if ((*p == 'q' || *p == 'Q') && p + 1 < end && p[1] == '=') {
			for (p += 2; p < end && strchr("0. \t", *p); p++)
				continue;
			return p < end && *p >= '1' && *p <= '9';
		}
	return true;
}

static bool
takes_gzip(const struct http_head *h)
{
	struct http_text list = http_field(h, "accept-encoding"), word;
	bool any = false;

	while (list.p && http_next_word(&list, &word)) {
		const char *semi = memchr(word.p, ';', word.n);
		struct http_text name = { word.p,
			semi ? (size_t)(semi - word.p) : word.n };

		while (name.n && name.p[name.n - 1] == ' ')
			name.n--;
		if (http_is(name, "gzip") || http_is(name, "x-gzip"))
			return is_wanted(word);
		if (http_is(name, "*"))
			any = is_wanted(word);
	}
	return any;
}

/* ---- what was found, and its validators ---------------------------------- */

struct found {
	int fd;
	struct stat st;
	bool has_twin; /* there is a .gz of it */
	bool gzip;     /* and this is it */
	const char *type;
	char etag[64];
	char modified[HTTP_DATE_SIZE];
};

static void
use_twin(const char *root, const char *path, const struct http_head *h,
    struct found *f)
{
	char twin[FILES_PATH_MAX + 4];
	struct stat st;
	int fd;

	snprintf(twin, sizeof(twin), "%s.gz", path);
	fd = open_below(root, twin, &st);
	if (fd < 0)
		return;
	/* One that is older than its file was forgotten. */
	f->has_twin = S_ISREG(st.st_mode) && st.st_mtime >= f->st.st_mtime;
	if (!f->has_twin || !takes_gzip(h)) {
		close(fd);
		return;
	}
	close(f->fd);
	f->fd = fd;
	f->st = st;
	f->gzip = true;
}

static unsigned
find(const char *root, const char *path, const struct http_head *h,
    struct found *f)
{
	f->fd = open_below(root, path, &f->st);
	if (f->fd < 0)
		return (unsigned)-f->fd;
	if (S_ISDIR(f->st.st_mode)) {
		close(f->fd);
		return 301;
	}
	f->type = content_type(path);
	use_twin(root, path, h, f);
	snprintf(f->etag, sizeof(f->etag), "\"%jx-%jx-%jx%s\"",
	    (uintmax_t)f->st.st_ino, (uintmax_t)f->st.st_size,
	    (uintmax_t)f->st.st_mtim.tv_sec * 1000000000u +
		(uintmax_t)f->st.st_mtim.tv_nsec,
	    f->gzip ? "-gz" : "");
	http_date(f->st.st_mtime, f->modified);
	return 0;
}

/* ---- conditions (RFC 9110 13) -------------------------------------------- */

/* The next of a list of entity tags, quotes included. False at its end. */
static bool
next_tag(struct http_text *list, struct http_text *tag, bool *weak)
{
	const char *end = list->p + list->n, *p = list->p, *close;

	while (p < end && (*p == ',' || *p == ' ' || *p == '\t'))
		p++;
	*weak = end - p > 2 && p[0] == 'W' && p[1] == '/';
	p += *weak ? 2 : 0;
	if (p == end || *p != '"')
		return false;
	close = memchr(p + 1, '"', (size_t)(end - p - 1));
	if (close == NULL)
		return false;
	*tag = (struct http_text){ p, (size_t)(close + 1 - p) };
	list->n -= (size_t)(close + 1 - list->p);
	list->p = close + 1;
	return true;
}

/* Does any field of that name list this tag? Strong: weak ones do not count. */
static bool
lists_tag(
    const struct http_head *h, const char *name, const char *etag, bool strong)
{
	for (size_t i = 0; i < h->n_fields; i++) {
		struct http_text list = h->fields[i].value, tag;
		bool weak;

		if (!http_is(h->fields[i].name, name))
			continue;
		if (http_is(list, "*"))
			return true;
		while (next_tag(&list, &tag, &weak))
			if (http_same(tag, etag) && !(weak && strong))
				return true;
	}
	return false;
}

/* 0: send it; or 304, 412. */
static unsigned
conditions(const struct http_head *h, const struct found *f)
{
	int64_t mtime = f->st.st_mtime, date;

	if (http_count(h, "if-match")) {
		if (!lists_tag(h, "if-match", f->etag, true))
			return 412;
	} else if (http_date_read(
		       http_field(h, "if-unmodified-since"), &date) &&
		   mtime > date) {
		return 412;
	}
	if (http_count(h, "if-none-match"))
		return lists_tag(h, "if-none-match", f->etag, false) ? 304 : 0;
	if (http_date_read(http_field(h, "if-modified-since"), &date) &&
	    mtime <= date)
		return 304;
	return 0;
}

/* ---- ranges (RFC 9110 14) ------------------------------------------------ */

/* Digits at *p as a number, at most a file's largest size. */
static bool
number(const char **p, const char *end, uint64_t *v)
{
	const char *start = *p;

	*v = 0;
	for (; *p < end && **p >= '0' && **p <= '9'; ++*p)
		if (*v <= INT64_MAX / 10 - 1)
			*v = *v * 10 + (uint64_t)(**p - '0');
		else
			*v = INT64_MAX;
	return *p > start;
}

/* If-Range: may a part be sent? Only a strong match says so. */
static bool
range_holds(const struct http_head *h, const struct found *f)
{
	struct http_text t = http_field(h, "if-range");

	if (t.p == NULL)
		return true;
	return http_same(t, f->etag) || http_same(t, f->modified);
}

/*
 * The one range asked for, of a file of size bytes: 206 with *at and *n, 416,
 * or 200 for all of it (none, several, or not in bytes).
 */
static unsigned
range(const struct http_head *h, const struct found *f, uint64_t size,
    uint64_t *at, uint64_t *n)
{
	struct http_text t = http_field(h, "range");
	const char *p, *end;
	uint64_t first = 0, last = 0;
	bool has_first, has_last;

	*at = 0;
	*n = size;
	if (!h->get || http_count(h, "range") != 1 || !range_holds(h, f) ||
	    t.n < 6 || strncasecmp(t.p, "bytes=", 6))
		return 200;
	p = t.p + 6;
	end = t.p + t.n;
	has_first = number(&p, end, &first);
	if (p == end || *p++ != '-')
		return 200;
	has_last = number(&p, end, &last);
	if (p != end || (!has_first && !has_last) ||
	    (has_first && has_last && last < first))
		return 200;
	if (!has_first) {
		if (last == 0 || size == 0)
			return 416;
		first = last < size ? size - last : 0;
		has_last = false;
	}
	if (first >= size)
		return 416;
	if (!has_last || last >= size)
		last = size - 1;
	*at = first;
	*n = last - first + 1;
	return 206;
}

/* ---- answers ------------------------------------------------------------- */

/* Fields that a 304 has as well. */
static bool
put_validators(struct ipc_buf *out, const struct found *f)
{
	return ipc_buf_printf(out,
	    "ETag: %s\r\nLast-Modified: %s\r\nCache-Control: no-cache\r\n"
	    "X-Content-Type-Options: nosniff\r\n%s",
	    f->etag, f->modified,
	    f->has_twin ? "Vary: Accept-Encoding\r\n" : "");
}

static bool
put_range(struct ipc_buf *out, unsigned status, uint64_t at, uint64_t n,
    uint64_t size)
{
	if (status == 416)
		return ipc_buf_printf(
		    out, "Content-Range: bytes */%" PRIu64 "\r\n", size);
	return status != 206 || ipc_buf_printf(out,
				    "Content-Range: bytes %" PRIu64 "-%" PRIu64
				    "/%" PRIu64 "\r\n",
				    at, at + n - 1, size);
}

static bool
put_body_fields(struct ipc_buf *out, const struct found *f, uint64_t n)
{
	return ipc_buf_printf(out,
	    "Content-Type: %s\r\n%sAccept-Ranges: bytes\r\n"
	    "Content-Length: %" PRIu64 "\r\n",
	    f->type, f->gzip ? "Content-Encoding: gzip\r\n" : "", n);
}

/* A directory without its slash: say where it is, in our own spelling. */
static bool
put_redirect(struct ipc_buf *out, const char *path, struct http_text query)
{
	bool good = ipc_buf_add(out, "Location: /", 11);

	for (; good && *path; path++) {
		unsigned char c = (unsigned char)*path;

		if ((c >= '0' && c <= '9') ||
		    ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
		    strchr("/-._~", c))
			good = ipc_buf_add(out, path, 1);
		else
			good = ipc_buf_printf(out, "%%%02X", c);
	}
	return good && ipc_buf_printf(out, "/%s%.*s\r\nContent-Length: 0\r\n",
			   query.n ? "?" : "", (int)query.n, query.p);
}

/* The head for what was found, and what of it is to follow. */
static bool
put_found(struct ipc_buf *out, const struct http_head *h,
    const struct found *found, int64_t now_s, bool close, struct file *f)
{
	uint64_t size = (uint64_t)found->st.st_size, at = 0, n = 0;
	unsigned status = conditions(h, found);
	bool body = status == 0;

	if (body)
		status = range(h, found, size, &at, &n);
	if (status == 416 || status == 412)
		n = 0;
	if (!http_answer(out, h, status, now_s, close) ||
	    !put_validators(out, found) ||
	    (body && !put_range(out, status, at, n, size)) ||
	    (status != 304 && !put_body_fields(out, found, n)))
		return false;
	if (body && h->get && n && status != 416)
		*f = (struct file){ found->fd, at, n };
	return true;
}

unsigned
files_answer(const char *root, const struct http_head *h, int64_t now_s,
    bool close_after, struct ipc_buf *out, struct file *f)
{
	char path[FILES_PATH_MAX];
	struct found found = { .fd = -1 };
	size_t before = out->len;
	bool good;
	unsigned status = files_path(h->path, path, sizeof(path));

	f->fd = -1;
	if (status == 0)
		status = find(root, path, h, &found);
	if (status == 301)
		good = http_answer(out, h, 301, now_s, close_after) &&
		       put_redirect(out, path, h->query);
	else if (status)
		return status;
	else
		good = put_found(out, h, &found, now_s, close_after, f);
	if (good)
		good = ipc_buf_add(out, "\r\n", 2);
	if (status == 0 && (!good || f->fd < 0))
		close(found.fd);
	if (good)
		return 0;
	f->fd = -1;
	out->len = before;
	return 500;
}

ssize_t
file_read(struct file *f, void *to, size_t n)
{
	ssize_t got;

	if (f->left == 0)
		return 0;
	if (n > f->left)
		n = (size_t)f->left;
	got = pread(f->fd, to, n, (off_t)f->at);
	if (got <= 0)
		return -1;
	f->at += (uint64_t)got;
	f->left -= (uint64_t)got;
	return got;
}

void
file_close(struct file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}
