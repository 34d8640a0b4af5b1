/*
 * address.c - what a person opens or types to get to a listener. Words only:
 * it knows what gc_listening() says and nothing else.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>
#include <string.h>

/* Every address of this machine: a person on it writes localhost. */
static bool
is_everywhere(const char *host, size_t len)
{
	static const char *const all[] = { "*", "0.0.0.0", "[::]" };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strlen(all[i]) == len && memcmp(all[i], host, len) == 0)
			return true;
	return false;
}

/* url's host and port, as one would write them here. */
static void
reachable(const char *authority, char *host, size_t size, const char **port)
{
	size_t len = strcspn(authority, "/?");
	const char *colon = memrchr(authority, ':', len);
	size_t host_len = colon ? (size_t)(colon - authority) : len;

	if (is_everywhere(authority, host_len))
		snprintf(host, size, "localhost");
	else
		snprintf(host, size, "%.*s", (int)host_len, authority);
	*port = colon ? colon + 1 : "";
}

/* [::1] is ::1 where no port is glued to it. */
static void
without_brackets(char *host)
{
	size_t len = strlen(host);

	if (host[0] == '[' && host[len - 1] == ']') {
		memmove(host, host + 1, len - 2);
		host[len - 2] = '\0';
	}
}

int
gc_address(const struct gc_net *net, int listener, char *out, size_t size)
{
	const char *url = gc_listening(net, listener);
	const char *authority = strstr(url, "://");
	const char *port;
	char host[256], text[2560];
	int digits;

	if (authority == NULL)
		return GC_EINVALID;
	authority += 3;
	reachable(authority, host, sizeof(host), &port);
	digits = (int)strspn(port, "0123456789");
	if (strncmp(url, "ws:", 3) == 0 && strstr(url, "www=") != NULL)
		snprintf(
		    text, sizeof(text), "http://%s:%.*s/", host, digits, port);
	else if (strncmp(url, "line:", 5) == 0) {
		without_brackets(host);
		snprintf(text, sizeof(text), "nc %s %.*s", host, digits, port);
	} else if (strncmp(url, "telnet:", 7) == 0) {
		without_brackets(host);
		snprintf(
		    text, sizeof(text), "telnet %s %.*s", host, digits, port);
	} else
		snprintf(
		    text, sizeof(text), "%.*s", (int)strcspn(url, "?"), url);
	if (strlen(text) >= size)
		return GC_ETOO_LONG;
	strcpy(out, text);
	return 0;
}
