/*
 * recording_head.c - the text at a recording's beginning: how the game was
 * started, a line KEY=VALUE for each thing to know.
 */
#include "ipc/recording.h"

#include <assert.h>
#include <string.h>

static bool
key_ok(const char *key)
{
	return *key && key[strspn(key, "abcdefghijklmnopqrstuvwxyz"
				       "0123456789_.")] == '\0';
}

bool
ipc_recording_head_add(struct ipc_buf *text, const char *key, const char *value)
{
	size_t start = text->len;
	bool ok = ipc_buf_printf(text, "%s=", key);

	assert(key_ok(key));
	for (; ok && *value; value++) {
		uint8_t c = (uint8_t)*value;

		if (c == '\\')
			ok = ipc_buf_add(text, "\\\\", 2);
		else if (c < 0x20 || c == 0x7f)
			ok = ipc_buf_printf(text, "\\x%02x", c);
		else
			ok = ipc_buf_add(text, &c, 1);
	}
	ok = ok && ipc_buf_add(text, "\n", 1);
	if (!ok)
		text->len = start;
	return ok;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool
unescape(const char *p, size_t n, struct ipc_buf *value)
{
	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (c == '\\' && i + 1 < n && p[i + 1] == '\\') {
			i++;
		} else if (c == '\\' && i + 3 < n && p[i + 1] == 'x' &&
			   hex_value(p[i + 2]) >= 0 &&
			   hex_value(p[i + 3]) >= 0) {
			c = (char)(hex_value(p[i + 2]) << 4 |
				   hex_value(p[i + 3]));
			i += 3;
		}
		if (!ipc_buf_add(value, &c, 1))
			return false;
	}
	return true;
}

bool
ipc_recording_head_get(const char *text, size_t len, const char *key,
    unsigned nth, struct ipc_buf *value)
{
	size_t key_len = strlen(key);
	const char *p = text, *end = text + len;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t line = (size_t)((nl ? nl : end) - p);

		if (line > key_len && memcmp(p, key, key_len) == 0 &&
		    p[key_len] == '=' && nth-- == 0)
			return unescape(
			    p + key_len + 1, line - key_len - 1, value);
		p += line + 1;
	}
	return false;
}
