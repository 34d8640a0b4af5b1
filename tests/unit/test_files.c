/* links: netd/files.c netd/http.c */
/* netd/files.c: what is served, what is not, and with which fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netd/files.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
/* Sun, 06 Nov 1994 08:49:37 GMT */
#define WHEN 784111777

static char top[64], root[80];

static const char *
at(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static void
put(const char *name, const char *text)
{
	struct timespec when[2] = { { WHEN, 0 }, { WHEN, 0 } };
	FILE *f = fopen(at(name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(utimensat(AT_FDCWD, at(name), when, 0), 0);
}

static int
make_root(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/penstock-files-XXXXXX");
	assert_non_null(mkdtemp(top));
	snprintf(root, sizeof(root), "%s/secret", top);
	assert_int_equal(mkdir(root, 0700), 0);
	put("file", "not for you");
	snprintf(root, sizeof(root), "%s/www", top);
	assert_int_equal(mkdir(root, 0700), 0);
	put("index.html", "<h1>hello</h1>");
	put("empty.txt", "");
	put("ten.bin", "0123456789");
	put("page.js", "js();");
	put("page.js.gz", "GZIPPED");
	put("stale.css", "css");
	put(".hidden", "no");
	put("a b&c.txt", "space");
	put("LOUD.TXT", "loud");
	assert_int_equal(mkdir(at("sub"), 0700), 0);
	put("sub/index.html", "sub");
	assert_int_equal(mkdir(at("bare"), 0700), 0);
	assert_int_equal(mkdir(at("s p"), 0700), 0);
	assert_int_equal(mkfifo(at("fifo"), 0600), 0);
	assert_int_equal(symlink("../secret", at("out")), 0);
	assert_int_equal(symlink("../secret/file", at("out.txt")), 0);
	assert_int_equal(symlink("/etc/passwd", at("passwd")), 0);
	assert_int_equal(symlink("/proc/self/root", at("magic")), 0);
	assert_int_equal(symlink("ten.bin", at("in.bin")), 0);
	assert_int_equal(symlink("loop", at("loop")), 0);
	return 0;
}

static int
remove_root(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	return system(command);
}

/* The status, head and body of the last answer. */
static struct {
	unsigned status;
	char head[2048], body[4096];
} last;

static unsigned
ask(const char *method, const char *path, const char *fields)
{
	char text[2048];
	struct http_head h;
	struct ipc_buf out;
	struct file f;
	const char *why;
	size_t n = 0;
	ssize_t got;

	memset(&last, 0, sizeof(last));
	snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: a\r\n%s\r\n",
	    method, path, fields);
	assert_true(http_request((uint8_t *)text, strlen(text), sizeof(text),
			&h, &why) > 0);
	ipc_buf_init(&out, sizeof(last.head) - 1);
	last.status = files_answer(root, &h, WHEN, false, &out, &f);
	if (last.status) {
		assert_int_equal(out.len, 0);
		assert_int_equal(f.fd, -1);
		return last.status;
	}
	memcpy(last.head, out.data, out.len);
	ipc_buf_release(&out);
	assert_int_equal(sscanf(last.head, "HTTP/1.1 %3u", &last.status), 1);
	assert_memory_equal(last.head + strlen(last.head) - 4, "\r\n\r\n", 4);
	/* In small pieces. */
	while (f.fd >= 0 && (got = file_read(&f, last.body + n, 3)) > 0)
		n += (size_t)got;
	assert_true(f.fd < 0 || f.left == 0);
	file_close(&f);
	return last.status;
}

static void
has(const char *field)
{
	if (strstr(last.head, field) == NULL)
		fail_msg("no %s in\n%s", field, last.head);
}

static void
has_not(const char *field)
{
	if (strstr(last.head, field))
		fail_msg("%s in\n%s", field, last.head);
}

static const char *
etag(void)
{
	static char tag[128];
	const char *p = strstr(last.head, "ETag: ");

	assert_non_null(p);
	assert_int_equal(sscanf(p, "ETag: %127[^\r]", tag), 1);
	return tag;
}

static void
serves_what_is_below_and_nothing_else(void **state)
{
	static const struct {
		const char *path;
		unsigned status;
		const char *body;
	} rows[] = {
		{ "/", 200, "<h1>hello</h1>" },
		{ "/index.html", 200, "<h1>hello</h1>" },
		{ "//index.html", 200, "<h1>hello</h1>" },
		{ "/ten.bin", 200, "0123456789" },
		{ "/ten.bin?v=2", 200, "0123456789" },
		{ "/ten%2Ebin", 200, "0123456789" },
		{ "/a%20b&c.txt", 200, "space" },
		{ "/sub/", 200, "sub" },
		{ "//sub///", 200, "sub" },
		{ "/sub%2Findex.html", 200, "sub" },
		{ "/in.bin", 200, "0123456789" },
		{ "/empty.txt", 200, "" },
		{ "/none", 404, "" },
		{ "/bare/", 404, "" },
		{ "/ten.bin/", 404, "" },
		{ "/TEN.BIN", 404, "" },
		{ "/../secret/file", 404, "" },
		{ "/sub/../ten.bin", 404, "" },
		{ "/%2e%2e/secret/file", 404, "" },
		{ "/.%2e/secret/file", 404, "" },
		{ "/..%2fsecret/file", 404, "" },
		{ "/%252e%252e/secret/file", 404, "" },
		{ "/..%5csecret%5cfile", 404, "" },
		{ "/..\\secret\\file", 404, "" },
		{ "/sub\\index.html", 404, "" },
		{ "/%c0%ae%c0%ae/secret/file", 404, "" },
		{ "/./ten.bin", 404, "" },
		{ "/.hidden", 404, "" },
		{ "/%2ehidden", 404, "" },
		{ "/out/file", 404, "" },
		{ "/out.txt", 404, "" },
		{ "/passwd", 404, "" },
		{ "/magic/etc/passwd", 404, "" },
		{ "/loop", 404, "" },
		{ "/fifo", 404, "" },
		{ "/ten.bin%00.html", 400, "" },
		{ "/%0a", 400, "" },
		{ "/%7f", 400, "" },
		{ "/%", 400, "" },
		{ "/%2", 400, "" },
		{ "/%zz", 400, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned status = ask("GET", rows[i].path, "");

		if (status != rows[i].status || strcmp(last.body, rows[i].body))
			fail_msg(
			    "%s: %u '%s'", rows[i].path, status, last.body);
	}
}

static void
paths_of_any_length_are_bounded(void **state)
{
	char path[FILES_PATH_MAX * 2];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[FILES_PATH_MAX + 100] = '\0';
	assert_int_equal(ask("GET", path, ""), 404);
	memset(path, '/', FILES_PATH_MAX);
	path[FILES_PATH_MAX] = '\0';
	assert_int_equal(ask("GET", path, ""), 200);
}

static void
a_full_answer_reads_like_this(void **state)
{
	char want[1024];

	(void)state;
	assert_int_equal(ask("GET", "/", ""), 200);
	snprintf(want, sizeof(want),
	    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	    "ETag: %s\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	    "Cache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\n"
	    "Content-Type: text/html; charset=utf-8\r\n"
	    "Accept-Ranges: bytes\r\nContent-Length: 14\r\n\r\n",
	    etag());
	assert_string_equal(last.head, want);
	assert_int_equal(ask("HEAD", "/", ""), 200);
	assert_string_equal(last.head, want);
	assert_string_equal(last.body, "");
}

static void
types_come_from_names(void **state)
{
	(void)state;
	ask("GET", "/page.js", "");
	has("\r\nContent-Type: text/javascript; charset=utf-8\r\n");
	ask("GET", "/LOUD.TXT", "");
	has("\r\nContent-Type: text/plain; charset=utf-8\r\n");
	ask("GET", "/ten.bin", "");
	has("\r\nContent-Type: application/octet-stream\r\n");
}

static void
directories_say_where_they_are(void **state)
{
	(void)state;
	assert_int_equal(ask("GET", "/sub?a=b", ""), 301);
	has("\r\nLocation: /sub/?a=b\r\n");
	has("\r\nContent-Length: 0\r\n");
	assert_int_equal(ask("GET", "/s%20p", ""), 301);
	has("\r\nLocation: /s%20p/\r\n");
	/* Never to another host: "//evil" would be one. */
	assert_int_equal(ask("GET", "//sub", ""), 301);
	has("\r\nLocation: /sub/\r\n");
}

static void
validators_save_the_body(void **state)
{
	char fields[512], tag[128];

	(void)state;
	assert_int_equal(ask("GET", "/ten.bin", ""), 200);
	strcpy(tag, etag());
#define IF(status_, format, ...)                                              \
	do {                                                                  \
		snprintf(fields, sizeof(fields), format "\r\n", __VA_ARGS__); \
		assert_int_equal(ask("GET", "/ten.bin", fields), status_);    \
		if (status_ == 304) {                                         \
			has(tag);                                             \
			has("Last-Modified: ");                               \
			has_not("Content-Length");                            \
			assert_string_equal(last.body, "");                   \
		}                                                             \
	} while (0)
	IF(304, "If-None-Match: %s", tag);
	IF(304, "If-None-Match: W/%s", tag);
	IF(304, "If-None-Match: \"a,b\", W/\"c\" ,%s", tag);
	IF(304, "If-None-Match: \"a\"\r\nIf-None-Match: %s", tag);
	IF(304, "If-None-Match: %s", "*");
	IF(200, "If-None-Match: %s", "\"other\"");
	IF(200, "If-None-Match: %s", "unquoted");
	IF(200, "If-None-Match: \"x%s", tag);
	IF(304, "If-Modified-Since: %s", "Sun, 06 Nov 1994 08:49:37 GMT");
	IF(304, "If-Modified-Since: %s", "Sunday, 06-Nov-94 08:49:37 GMT");
	IF(304, "If-Modified-Since: %s", "Mon Nov  7 08:49:37 1994");
	IF(200, "If-Modified-Since: %s", "Sun, 06 Nov 1994 08:49:36 GMT");
	IF(200, "If-Modified-Since: %s", "whenever");
	/* The tag counts, not the date (RFC 9110 13.1.3). */
	IF(200, "If-None-Match: \"x\"\r\nIf-Modified-Since: %s",
	    "Sun, 06 Nov 1994 08:49:37 GMT");
	IF(200, "If-Match: %s", tag);
	IF(412, "If-Match: W/%s", tag);
	IF(412, "If-Match: %s", "\"x\"");
	IF(412, "If-Unmodified-Since: %s", "Sun, 06 Nov 1994 08:49:36 GMT");
	IF(200, "If-Unmodified-Since: %s", "Sun, 06 Nov 1994 08:49:37 GMT");
#undef IF
}

static void
ranges_are_cut_out(void **state)
{
	static const struct {
		const char *range;
		unsigned status;
		const char *body, *content_range;
	} rows[] = {
		{ "bytes=0-0", 206, "0", "bytes 0-0/10" },
		{ "bytes=2-4", 206, "234", "bytes 2-4/10" },
		{ "Bytes=8-", 206, "89", "bytes 8-9/10" },
		{ "bytes=8-99999999999999999999999", 206, "89",
		    "bytes 8-9/10" },
		{ "bytes=-3", 206, "789", "bytes 7-9/10" },
		{ "bytes=-11", 206, "0123456789", "bytes 0-9/10" },
		{ "bytes=10-", 416, "", "bytes */10" },
		{ "bytes=99-100", 416, "", "bytes */10" },
		{ "bytes=-0", 416, "", "bytes */10" },
		{ "bytes=4-2", 200, "0123456789", NULL },
		{ "bytes=-", 200, "0123456789", NULL },
		{ "bytes=", 200, "0123456789", NULL },
		{ "bytes=a-b", 200, "0123456789", NULL },
		{ "bytes=1-2x", 200, "0123456789", NULL },
		{ "bytes=0-1,3-4", 200, "0123456789", NULL },
		{ "lines=0-1", 200, "0123456789", NULL },
		{ "bytes=+1-2", 200, "0123456789", NULL },
	};
	char fields[256];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(
		    fields, sizeof(fields), "Range: %s\r\n", rows[i].range);
		if (ask("GET", "/ten.bin", fields) != rows[i].status)
			fail_msg("%s: %u", rows[i].range, last.status);
		assert_string_equal(last.body, rows[i].body);
		if (rows[i].content_range)
			has(rows[i].content_range);
		else
			has_not("Content-Range");
	}
	assert_int_equal(ask("HEAD", "/ten.bin", "Range: bytes=0-1\r\n"), 200);
	assert_int_equal(ask("GET", "/empty.txt", "Range: bytes=0-\r\n"), 416);
	assert_int_equal(ask("GET", "/empty.txt", "Range: bytes=-1\r\n"), 416);
}

static void
a_range_of_what_has_changed_is_all_of_it(void **state)
{
	char fields[512], tag[128];

	(void)state;
	ask("GET", "/ten.bin", "");
	strcpy(tag, etag());
#define IF_RANGE(status_, format, ...)                                     \
	do {                                                               \
		snprintf(fields, sizeof(fields),                           \
		    "Range: bytes=1-1\r\nIf-Range: " format "\r\n",        \
		    __VA_ARGS__);                                          \
		assert_int_equal(ask("GET", "/ten.bin", fields), status_); \
	} while (0)
	IF_RANGE(206, "%s", tag);
	IF_RANGE(200, "W/%s", tag);
	IF_RANGE(200, "%s", "\"x\"");
	IF_RANGE(206, "%s", "Sun, 06 Nov 1994 08:49:37 GMT");
	IF_RANGE(200, "%s", "Sun, 06 Nov 1994 08:49:38 GMT");
#undef IF_RANGE
}

static void
a_precompressed_twin_goes_to_those_who_take_it(void **state)
{
	static const struct {
		const char *accept;
		bool gzip;
	} rows[] = {
		{ "", false },
		{ "Accept-Encoding: gzip\r\n", true },
		{ "Accept-Encoding: br, GZIP ;q=0.001\r\n", true },
		{ "Accept-Encoding: gzip;q=0\r\n", false },
		{ "Accept-Encoding: gzip; q=0.000\r\n", false },
		{ "Accept-Encoding: *\r\n", true },
		{ "Accept-Encoding: gzip;q=0, *\r\n", false },
		{ "Accept-Encoding: identity, *;q=0\r\n", false },
		{ "Accept-Encoding: gzipped\r\n", false },
	};
	char plain[128];

	(void)state;
	ask("GET", "/page.js", "");
	strcpy(plain, etag());
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(ask("GET", "/page.js", rows[i].accept), 200);
		assert_string_equal(
		    last.body, rows[i].gzip ? "GZIPPED" : "js();");
		has("\r\nVary: Accept-Encoding\r\n");
		has("\r\nContent-Type: text/javascript; charset=utf-8\r\n");
		if (rows[i].gzip)
			has("\r\nContent-Encoding: gzip\r\n");
		else
			has_not("Content-Encoding");
		assert_int_equal(strcmp(etag(), plain) != 0, rows[i].gzip);
	}
	ask("GET", "/ten.bin", "Accept-Encoding: gzip\r\n");
	has_not("Vary");
}

static void
a_twin_older_than_its_file_is_forgotten(void **state)
{
	struct timespec old[2] = { { WHEN - 60, 0 }, { WHEN - 60, 0 } };

	(void)state;
	put("stale.css.gz", "OLD");
	assert_int_equal(utimensat(AT_FDCWD, at("stale.css.gz"), old, 0), 0);
	ask("GET", "/stale.css", "Accept-Encoding: gzip\r\n");
	assert_string_equal(last.body, "css");
	has_not("Content-Encoding");
	/* A directory of that name is none either. */
	assert_int_equal(mkdir(at("ten.bin.gz"), 0700), 0);
	ask("GET", "/ten.bin", "Accept-Encoding: gzip\r\n");
	assert_string_equal(last.body, "0123456789");
}

static void
a_file_cut_while_sent_is_noticed(void **state)
{
	static const char text[] = "GET /cut HTTP/1.1\r\nHost: a\r\n\r\n";
	struct http_head h;
	struct ipc_buf out;
	struct file f;
	const char *why;
	char bytes[4];

	(void)state;
	put("cut", "0123456789");
	assert_true(http_request((const uint8_t *)text, sizeof(text) - 1, 4096,
			&h, &why) > 0);
	ipc_buf_init(&out, 4096);
	assert_int_equal(files_answer(root, &h, 0, false, &out, &f), 0);
	assert_int_equal(file_read(&f, bytes, 4), 4);
	assert_int_equal(truncate(at("cut"), 2), 0);
	assert_int_equal(file_read(&f, bytes, 4), -1);
	file_close(&f);
	ipc_buf_release(&out);
}

static void
no_descriptor_is_left_open(void **state)
{
	static const char *const paths[] = { "/", "/none", "/sub", "/fifo",
		"/page.js", "/%", "/out.txt", "/empty.txt" };
	int before = open("/dev/null", O_RDONLY), after;

	(void)state;
	close(before);
	for (int i = 0; i < 3; i++)
		for (size_t k = 0; k < COUNT(paths); k++) {
			ask("GET", paths[k], "Accept-Encoding: gzip\r\n");
			ask("HEAD", paths[k], "");
			ask("GET", paths[k], "Range: bytes=99-\r\n");
			ask("GET", paths[k], "If-None-Match: *\r\n");
		}
	after = open("/dev/null", O_RDONLY);
	close(after);
	assert_int_equal(before, after);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serves_what_is_below_and_nothing_else),
		cmocka_unit_test(paths_of_any_length_are_bounded),
		cmocka_unit_test(a_full_answer_reads_like_this),
		cmocka_unit_test(types_come_from_names),
		cmocka_unit_test(directories_say_where_they_are),
		cmocka_unit_test(validators_save_the_body),
		cmocka_unit_test(ranges_are_cut_out),
		cmocka_unit_test(a_range_of_what_has_changed_is_all_of_it),
		cmocka_unit_test(
		    a_precompressed_twin_goes_to_those_who_take_it),
		cmocka_unit_test(a_twin_older_than_its_file_is_forgotten),
		cmocka_unit_test(a_file_cut_while_sent_is_noticed),
		cmocka_unit_test(no_descriptor_is_left_open),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
