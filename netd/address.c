/*
 * address.c - where a client is: as system calls have it, as it is kept, and
 * in words.
 */
#include "netd/netd.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* n in decimal, and a character behind it: where that one ends. */
static char *
print_number(char *to, unsigned n, char behind)
{
	char digits[8];
	size_t i = sizeof(digits);

	do
		digits[--i] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	memcpy(to, digits + i, sizeof(digits) - i);
	to += sizeof(digits) - i;
	*to = behind;
	return to + 1;
}

void
address_print(const union address *a, char *out, size_t size)
{
	char ip[INET6_ADDRSTRLEN] = "";

	if (a->sa.sa_family == AF_INET && size >= INET_ADDRSTRLEN + 6) {
		/* Nearly all are such, and each is printed twice. */
		const uint8_t *b = (const uint8_t *)&a->in4.sin_addr;

		for (int i = 0; i < 4; i++)
			out = print_number(out, b[i], i < 3 ? '.' : ':');
		print_number(out, ntohs(a->in4.sin_port), '\0');
	} else if (a->sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a->in4.sin_addr, ip, sizeof(ip));
		snprintf(out, size, "%s:%u", ip, ntohs(a->in4.sin_port));
	} else if (a->sa.sa_family == AF_INET6) {
		const uint8_t *b = a->in6.sin6_addr.s6_addr;

		if (IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
			snprintf(out, size, "%u.%u.%u.%u:%u", b[12], b[13],
			    b[14], b[15], ntohs(a->in6.sin6_port));
		else
			snprintf(out, size, "[%s]:%u",
			    inet_ntop(AF_INET6, b, ip, sizeof(ip)),
			    ntohs(a->in6.sin6_port));
	} else {
		snprintf(out, size, "unix");
	}
}

void
client_put(struct client *c, const union address *a)
{
	struct place *p = &c->place;

	p->family = (uint8_t)a->sa.sa_family;
	if (a->sa.sa_family == AF_INET) {
		memcpy(p->ip, &a->in4.sin_addr, 4);
		p->port = a->in4.sin_port;
	} else if (a->sa.sa_family == AF_INET6) {
		memcpy(p->ip, &a->in6.sin6_addr, 16);
		p->port = a->in6.sin6_port;
	}
}

union address
client_address(const struct client *c)
{
	const struct place *p = &c->place;
	union address a = { .in6 = { .sin6_family = p->family } };

	if (p->family == AF_INET) {
		memcpy(&a.in4.sin_addr, p->ip, 4);
		a.in4.sin_port = p->port;
	} else if (p->family == AF_INET6) {
		memcpy(&a.in6.sin6_addr, p->ip, 16);
		a.in6.sin6_port = p->port;
	}
	return a;
}
