/*
 * telnet_environ.c - NEW-ENVIRON (RFC 1572), and MNES on it: what a client
 * tells of its surroundings when it is asked by name. None of it is proven: a
 * USER is what somebody typed.
 *
 * A game gets it as the out-of-band message Client.Environ {"NAME":"value"}.
 */
#include "netd/side.h"
#include "netd/telnet_session.h"

#include "ipc/markup.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { IS, SEND, INFO };
enum { VAR, VALUE, ESC, USERVAR };

#define NAME_MAX_LEN 32
#define VALUE_MAX_LEN 256
/* All that is remembered of one client. */
#define VARIABLES_MAX 16

/* What is asked for. MNES (tintin.mudhalla.net/protocols/mnes) has the last
 * ones. */
static const struct {
	uint8_t kind;
	const char *name;
} asked[] = { { VAR, "USER" }, { USERVAR, "COLORTERM" }, { USERVAR, "LANG" },
	{ VAR, "CHARSET" }, { VAR, "CLIENT_NAME" }, { VAR, "CLIENT_VERSION" },
	{ VAR, "MTTS" }, { VAR, "TERMINAL_TYPE" } };

void
telnet_ask_environ(struct client *c)
{
	struct ipc_buf b;
	uint8_t send = SEND;

	if (!telnet_may_answer(&session(c)->telnet))
		return;
	ipc_buf_init(&b, 256);
	ipc_buf_add(&b, &send, 1);
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		ipc_buf_add(&b, &asked[i].kind, 1);
		ipc_buf_add(&b, asked[i].name, strlen(asked[i].name));
	}
	telnet_sub(&session(c)->telnet, TELNET_ENVIRON, b.data, b.len);
	ipc_buf_release(&b);
}

/* A word at *p, undone of its escapes. False: too long, it is cut. */
static bool
word(const uint8_t **p, const uint8_t *end, char *out, size_t max)
{
	size_t n = 0;
	bool fits = true;

	while (*p<end &&* * p> USERVAR) {
		if (n == max)
			fits = false;
		else
			out[n++] = (char)**p;
		(*p)++;
	}
	out[n] = '\0';
	/* What is escaped is a byte below 4: in no word that we take. */
	while (*p + 1 < end && **p == ESC) {
		*p += 2;
		while (*p<end &&* * p> USERVAR)
			(*p)++;
		fits = false;
	}
	return fits;
}

static bool
is_name(const char *name)
{
	const char *p = name;

	while (isalnum((unsigned char)*p) || *p == '_')
		p++;
	return *p == '\0' && p != name;
}

static bool
is_value(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			return false;
	return true;
}

/* What follows for the text. */
static void
learn(struct client *c, const char *name, const char *value)
{
	struct session *s = session(c);

	if (strcmp(name, "COLORTERM") == 0 && !s->told_mtts &&
	    (strcasecmp(value, "truecolor") == 0 ||
		strcasecmp(value, "24bit") == 0))
		terminal_said(c, IPC_SET_COLOURS, 3);
	else if (strcmp(name, "MTTS") == 0)
		telnet_learn_mtts(c, value);
	else if ((strcmp(name, "LANG") == 0 || strcmp(name, "CHARSET") == 0) &&
		 !s->told_charset && strcasestr(value, "UTF-8"))
		terminal_said(c, IPC_SET_UTF8, IPC_UTF8);
}

/* One variable into what came with it. */
static void
take(struct client *c, json_t *into, const char *name, const char *value)
{
	if (!is_name(name) || !is_value(value) ||
	    json_object_size(into) == VARIABLES_MAX ||
	    json_object_set_new(into, name, json_string(value)) < 0)
		return;
	learn(c, name, value);
}

static void
read_all(struct client *c, const uint8_t *p, const uint8_t *end, json_t *into)
{
	while (p < end) {
		char name[NAME_MAX_LEN + 1], value[VALUE_MAX_LEN + 1] = "";
		bool good = *p == VAR || *p == USERVAR;

		p++;
		good = word(&p, end, name, NAME_MAX_LEN) && good;
		if (p < end && *p == VALUE) {
			p++;
			good = word(&p, end, value, VALUE_MAX_LEN) && good;
			if (good)
				take(c, into, name, value);
		}
	}
}

bool
telnet_on_environ(struct client *c, const uint8_t *bytes, size_t len)
{
	json_t *all;
	bool more = true;

	if (len == 0 || (bytes[0] != IS && bytes[0] != INFO) ||
	    !telnet_may_answer(&session(c)->telnet))
		return true;
	all = json_object();
	if (all)
		read_all(c, bytes + 1, bytes + len, all);
	if (json_object_size(all))
		more = side_environ(c, all, VARIABLES_MAX);
	json_decref(all);
	return more;
}
