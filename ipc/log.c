/*
 * log.c - whole lines to descriptor 2, escaped. A line over the size of the
 * buffer is cut, never split: two processes share one terminal.
 */
#include "ipc/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static const char *who = "?";
static enum ipc_level shown = IPC_LOG_INFO;

void
ipc_log_init(const char *process, enum ipc_level level)
{
	who = process;
	shown = level;
}

static size_t
stamp(char *out, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	n = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
	return n + (size_t)snprintf(
		       out + n, size - n, ".%03ld", now.tv_nsec / 1000000);
}

/*
 * A log that nobody reads must not stop the players: a line that would block
 * is dropped, and the next one that fits says how many were.
 */
static void
put(const char *line, size_t n)
{
	static unsigned dropped;
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	char note[64];
	int len;

	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT)) {
		dropped++;
		return;
	}
	if (dropped) {
		len = snprintf(note, sizeof(note), "%s log_dropped lines=%u\n",
		    who, dropped);
		if (write(STDERR_FILENO, note, (size_t)len) > 0)
			dropped = 0;
	}
	if (write(STDERR_FILENO, line, n) < 0)
		dropped++;
}

/* How long the character at p is; 0: it is none, or one that controls. */
static size_t
shown_bytes(const unsigned char *p, size_t n)
{
	size_t len = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;

	if (*p < 0x20 || *p == 0x7f || (*p >= 0x80 && *p < 0xc2) || *p > 0xf4 ||
	    len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* C1: what an old terminal takes for ESC [. */
	return *p == 0xc2 && p[1] < 0xa0 ? 0 : len;
}

void
ipc_log_tame(char *text, size_t n, bool lines)
{
	for (size_t i = 0, len; i < n; i += len) {
		len = shown_bytes((unsigned char *)text + i, n - i);
		if (len == 0) {
			text[i] = lines && text[i] == '\n' ? '\n' : '?';
			len = 1;
		}
	}
}

void
ipc_log(enum ipc_level level, const char *event, const char *format, ...)
{
	static const char *const words[] = { " error", " warning", "", "" };
	char line[LINE_MAX_BYTES];
	size_t n, room = sizeof(line) - 1;
	va_list ap;
	int r;

	if (level > shown)
		return;
	n = stamp(line, sizeof(line));
	n += (size_t)snprintf(
	    line + n, room - n, " %s%s %s ", who, words[level], event);
	va_start(ap, format);
	r = vsnprintf(line + n, room - n, format, ap);
	va_end(ap);
	n = r < 0 ? n : n + (size_t)r;
	if (n > room - 1)
		n = room - 1;
	/* Whoever forgot to quote: nothing raw gets through all the same. */
	ipc_log_tame(line, n, false);
	line[n++] = '\n';
	put(line, n);
}

const char *
ipc_log_quote(const void *bytes, size_t n, char *out, size_t size)
{
	const unsigned char *p = bytes;
	size_t used = 0;
	bool quote = n == 0 || memchr(bytes, ' ', n) != NULL;

	if (size < 16) {
		if (size)
			out[0] = '\0';
		return out;
	}
	if (quote)
		out[used++] = '"';
	for (size_t i = 0; i < n; i++) {
		/* room for \xNN, and for what may follow: ..." and a NUL */
		if (used + 4 + 5 > size) {
			memcpy(out + used, "...", 3);
			used += 3;
			break;
		}
		if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"' && p[i] != '\\')
			out[used++] = (char)p[i];
		else
			used += (size_t)snprintf(
			    out + used, size - used, "\\x%02x", p[i]);
	}
	if (quote)
		out[used++] = '"';
	out[used] = '\0';
	return out;
}

const char *
ipc_log_inside(const char *text, char *out, size_t size)
{
	size_t used = 0;

	for (; *text; text++) {
		if (used + sizeof("\\xNN...") > size) {
			/* not half a character */
			while (used && ((unsigned char)*text & 0xc0) == 0x80 &&
			       ((unsigned char)out[used - 1] & 0x80)) {
				text--;
				used--;
			}
			used +=
			    (size_t)snprintf(out + used, size - used, "...");
			break;
		}
		if (*text == '"' || *text == '\\')
			used += (size_t)snprintf(out + used, size - used,
			    "\\x%02x", (unsigned)*text);
		else
			out[used++] = *text;
	}
	out[used] = '\0';
	return out;
}
