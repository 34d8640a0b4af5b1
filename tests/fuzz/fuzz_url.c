/* links: netd/url.c netd/config.c */
/*
 * netd/url.c under any text: taken or refused with a reason, and what is
 * taken keeps to every promise of url.h and to every row of config.def.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "netd/transport.h"
#include "netd/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

static const struct transport transports[] = {
	{ .name = "line" },
	{ .name = "ws" },
	{ .name = "unix", .is_unix = true },
};

const struct transport *
transport_at(unsigned i)
{
	return i < 3 ? &transports[i] : NULL;
}

const struct transport *
transport_find(const char *name, size_t len)
{
	for (size_t i = 0; i < 3; i++)
		if (strlen(transports[i].name) == len &&
		    memcmp(transports[i].name, name, len) == 0)
			return &transports[i];
	return NULL;
}

static void
check_limits(const struct config *c)
{
	size_t n;
	const struct config_row *rows = config_rows(&n);

	for (size_t i = 0; i < n; i++) {
		int64_t v;

		memcpy(&v, (const char *)c + rows[i].offset, sizeof(v));
		CHECK(v >= rows[i].smallest && v <= rows[i].largest);
		CHECK(rows[i].scope == CONFIG_URL || v == rows[i].preset);
	}
}

static void
check_bad(const struct bad *b)
{
	CHECK(b->loss >= 0 && b->loss <= 1 && b->dup >= 0 && b->dup <= 1);
	CHECK(b->reorder >= 0 && b->reorder <= 1);
	CHECK(b->cut >= 0 && b->cut <= 1);
	CHECK(b->delay_us >= 0 && b->delay_us <= 60000000);
	CHECK(b->jitter_us >= 0 && b->jitter_us <= 60000000);
	CHECK(b->bytes_per_s >= 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config defaults;
	struct url u;
	char *text = malloc(size + 1), why[128] = "";

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	config_init(&defaults);
	if (url_parse(&u, text, &defaults, why, sizeof(why))) {
		CHECK(u.transport && strcmp(u.text, text) == 0);
		CHECK(!why[0]);
		CHECK(u.transport->is_unix ? !u.host[0] : u.host[0]);
		CHECK(!u.path[0] || u.path[0] == '/');
		CHECK(!u.transport->is_unix || strlen(u.path) < 108);
		check_limits(&u.config);
		check_bad(&u.bad);
	} else {
		CHECK(why[0] && memchr(why, '\0', sizeof(why)));
		CHECK(strchr(why, '\n') == NULL || strchr(text, '\n'));
	}
	free(text);
	return 0;
}
