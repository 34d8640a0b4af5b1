/*
 * where.c - where things lie beside the program: its pages, and netd. Only
 * used while starting.
 */
#include "gamecore/core.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool
where_program(char *out, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", out, size - 1);
	char *slash;

	if (n <= 0)
		return false;
	out[n] = '\0';
	slash = strrchr(out, '/');
	if (slash == NULL)
		return false;
	slash[slash == out] = '\0';
	return true;
}

static bool
is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The same folder without its "..", if it can be said so. */
static void
tidy(char *path, size_t size)
{
	char real[PATH_MAX];

	if (realpath(path, real) && strlen(real) < size)
		strcpy(path, real);
}

void
where_www(const char *program_dir, const char *game, char *out, size_t size)
{
	/* The folder beside bin/, where other builds keep obj/BUILD/bin/ */
	static const char *const beside[] = {
		"%s/../gamecore/examples/%s/www",
		"%s/../../../gamecore/examples/%s/www",
		"%s/../share/penstock/%s/www",
	};

	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(out, size, beside[i], program_dir, game);
#pragma GCC diagnostic pop
		if (is_folder(out)) {
			tidy(out, size);
			return;
		}
	}
	snprintf(out, size, "%s/share/penstock/%s/www", PENSTOCK_PREFIX, game);
}

/* As it may stand in the value of a query (RFC 3986, section 3.4). */
static size_t
escape(const char *text, char *out)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~/:@!,;";
	size_t n = 0;

	for (; *text; text++)
		if (strchr(plain, *text))
			out[n++] = *text;
		else
			n += (size_t)sprintf(
			    out + n, "%%%02X", (unsigned char)*text);
	return n;
}

char *
where_expand(const char *url, const char *www)
{
	static const char word[] = "{www}";
	size_t times = 0, n = 0;
	char *out;

	for (const char *p = url; (p = strstr(p, word)); p += sizeof(word) - 1)
		times++;
	out = malloc(strlen(url) + times * 3 * strlen(www) + 1);
	if (out == NULL)
		return NULL;
	while (*url) {
		if (strncmp(url, word, sizeof(word) - 1) == 0) {
			n += escape(www, out + n);
			url += sizeof(word) - 1;
		} else {
			out[n++] = *url++;
		}
	}
	out[n] = '\0';
	return out;
}

char *
where_url(const struct gc_start *start, const char *url)
{
	char dir[1024] = ".", www[2048];

	where_program(dir, sizeof(dir));
	where_www(
	    dir, start->pages ? start->pages : start->name, www, sizeof(www));
	return where_expand(url, www);
}

void
where_netd(const char *given, char *out, size_t size)
{
	const char *named = given ? given : getenv("PENSTOCK_NETD");
	char dir[PATH_MAX];

	if (named && *named) {
		snprintf(out, size, "%s", named);
		return;
	}
	if (where_program(dir, sizeof(dir))) {
		snprintf(out, size, "%s/netd", dir);
		if (access(out, X_OK) == 0)
			return;
		/* installed: PREFIX/bin and PREFIX/sbin */
		snprintf(out, size, "%s/../sbin/netd", dir);
		if (access(out, X_OK) == 0)
			return;
	}
	snprintf(out, size, "%s/sbin/netd", PENSTOCK_PREFIX);
	if (access(out, X_OK) != 0)
		snprintf(out, size, "netd");
}
