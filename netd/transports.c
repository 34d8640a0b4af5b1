/*
 * transports.c - the transports that there are. A new one is one file and
 * one row here.
 */
#include "netd/transport.h"

#include <string.h>

static const struct transport *const transports[] = {
	&tr_line,
	&tr_tcp,
	&tr_ws,
	&tr_unix,
	&tr_telnet,
	&tr_tty,
	&tr_pygase,
	&tr_udp,
};

const struct transport *
transport_at(unsigned i)
{
	if (i >= sizeof(transports) / sizeof(transports[0]))
		return NULL;
	return transports[i];
}

const struct transport *
transport_find(const char *name, size_t len)
{
	const struct transport *t;

	for (unsigned i = 0; (t = transport_at(i)) != NULL; i++)
		if (strlen(t->name) == len && memcmp(t->name, name, len) == 0)
			return t;
	return NULL;
}
