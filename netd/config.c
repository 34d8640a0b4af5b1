/*
 * config.c - the table of limits. Reads and prints rows, never acts on them:
 * whoever obeys a limit reads its member of struct config. The rows stand in
 * config.def.
 */
#include "netd/config.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

static const struct config_row rows[] = {
#define LIMIT(name, unit, preset, smallest, largest, scope, doc)           \
	{ #name, CONFIG_##unit, preset, smallest, largest, CONFIG_##scope, \
		doc, offsetof(struct config, name) },
#include "netd/config.def"
#undef LIMIT
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

struct unit {
	const char *suffix; /* of a row's name; may be left out by people */
	const char *words;  /* for messages and the table */
	struct {
		const char *text;
		int64_t factor;
	} scales[4]; /* what may stand behind a number besides nothing */
};

static const struct unit units[] = {
	[CONFIG_COUNT] = { "_max", "", { { NULL, 0 } } },
	[CONFIG_BYTES] = { "_bytes", " bytes",
	    { { "k", 1 << 10 }, { "m", 1 << 20 }, { "g", 1 << 30 } } },
	[CONFIG_MS] = { "_ms", " ms",
	    { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } } },
	[CONFIG_US] = { "_us", " us",
	    { { "us", 1 }, { "ms", 1000 }, { "s", 1000000 } } },
	[CONFIG_PER_S] = { "_per_s", " per second", { { NULL, 0 } } },
};

const struct config_row *
config_rows(size_t *n)
{
	*n = N_ROWS;
	return rows;
}

static int64_t *
cell(struct config *c, const struct config_row *row)
{
	return (int64_t *)(void *)((char *)c + row->offset);
}

void
config_init(struct config *c)
{
	for (size_t i = 0; i < N_ROWS; i++)
		*cell(c, &rows[i]) = rows[i].preset;
}

/* Digits into *n, stopping at INT64_MAX; *end is behind them. */
static bool
digits(const char *text, const char **end, int64_t *n)
{
	if (!isdigit((unsigned char)*text))
		return false;
	for (*n = 0; isdigit((unsigned char)*text); text++)
		if (__builtin_mul_overflow(*n, 10, n) ||
		    __builtin_add_overflow(*n, *text - '0', n))
			*n = INT64_MAX;
	*end = text;
	return true;
}

bool
config_number(const char *text, enum config_unit unit, int64_t *value)
{
	const struct unit *u = &units[unit];
	bool minus = *text == '-';
	int64_t n, factor = 0;

	if (!digits(text + minus, &text, &n))
		return false;
	if (*text == '\0')
		factor = 1;
	for (size_t i = 0; i < 4 && factor == 0 && u->scales[i].text; i++)
		if (strcasecmp(text, u->scales[i].text) == 0)
			factor = u->scales[i].factor;
	if (factor == 0)
		return false;
	if (__builtin_mul_overflow(n, factor, &n))
		n = INT64_MAX;
	*value = minus ? -n : n;
	return true;
}

/* Is text the row's name, or its name without the unit? */
static bool
is_called(const struct config_row *row, const char *text, bool in_short)
{
	const char *suffix = units[row->unit].suffix;
	size_t all = strlen(row->name), tail = strlen(suffix);

	if (!in_short)
		return strcmp(row->name, text) == 0;
	if (all <= tail || strcmp(row->name + all - tail, suffix) != 0)
		return false;
	return strlen(text) == all - tail &&
	       memcmp(row->name, text, all - tail) == 0;
}

/* NULL: *why_not says what is wrong with the name. */
static const struct config_row *
find(const char *name, enum config_scope scope, const char **why_not)
{
	const struct config_row *found = NULL;

	*why_not = "unknown word";
	for (int in_short = 0; in_short < 2 && found == NULL; in_short++)
		for (size_t i = 0; i < N_ROWS; i++) {
			if (!is_called(&rows[i], name, in_short))
				continue;
			if (found) {
				*why_not = "ambiguous word";
				return NULL;
			}
			found = &rows[i];
		}
	if (found && scope == CONFIG_URL && found->scope != CONFIG_URL) {
		*why_not = "only for all of netd (--limit), not in a URL:";
		return NULL;
	}
	return found;
}

bool
config_known(const char *name)
{
	const char *why_not;

	return find(name, CONFIG_NETD, &why_not) != NULL;
}

/* Both ways to say it, the short one first. */
void
config_nearest(struct ipc_nearest *near, enum config_scope scope)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		const char *suffix = units[rows[i].unit].suffix;
		size_t all = strlen(rows[i].name), tail = strlen(suffix);
		char word[65];

		if (scope == CONFIG_URL && rows[i].scope != CONFIG_URL)
			continue;
		snprintf(word, sizeof(word), "%.*s", (int)(all - tail),
		    rows[i].name);
		if (tail && all > tail &&
		    strcmp(rows[i].name + all - tail, suffix) == 0 &&
		    config_known(word))
			ipc_nearest_look(near, word);
		ipc_nearest_look(near, rows[i].name);
	}
}

bool
config_set(struct config *c, const char *name, const char *value,
    enum config_scope scope, char *why, size_t why_size)
{
	const char *why_not;
	const struct config_row *row = find(name, scope, &why_not);
	struct ipc_nearest near;
	char hint[100];
	int64_t n;

	if (row == NULL) {
		ipc_nearest_init(&near, name);
		if (!config_known(name))
			config_nearest(&near, scope);
		snprintf(why, why_size, "%s '%.64s'%s", why_not, name,
		    ipc_nearest_say(&near, hint, sizeof(hint)));
		return false;
	}
	if (!config_number(value, row->unit, &n) || n < row->smallest ||
	    n > row->largest) {
		snprintf(why, why_size,
		    "'%s' must be %" PRId64 " to %" PRId64 "%s, not '%.64s'",
		    name, row->smallest, row->largest, units[row->unit].words,
		    value);
		return false;
	}
	*cell(c, row) = n;
	return true;
}

void
config_print(FILE *to)
{
	fprintf(to, "%-16s %10s %9s %12s  %s\n", "NAME", "DEFAULT", "SMALLEST",
	    "LARGEST", "WHAT IT BOUNDS");
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct config_row *r = &rows[i];

		fprintf(to,
		    "%-16s %10" PRId64 " %9" PRId64 " %12" PRId64 "  %s%s\n",
		    r->name, r->preset, r->smallest, r->largest, r->doc,
		    r->scope == CONFIG_URL ? "" : " (all of netd)");
	}
}
