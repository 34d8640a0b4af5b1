/*
 * config.h - every limit has a row: name, unit, default, smallest, largest,
 * and a sentence. The rows are config.def; a flag of netd (--limit NAME=VALUE),
 * a word in a URL's query and the table in netd(8) all come from it.
 */
#ifndef NETD_CONFIG_H
#define NETD_CONFIG_H

#include "ipc/nearest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum config_unit {
	CONFIG_COUNT,
	CONFIG_BYTES,
	CONFIG_MS,
	CONFIG_US,
	CONFIG_PER_S
};

struct config {
#define LIMIT(name, unit, preset, smallest, largest, scope, doc) int64_t name;
#include "netd/config.def"
#undef LIMIT
};

/* Where a row may be set: for all of netd, or per listener as well. */
enum config_scope { CONFIG_NETD, CONFIG_URL };

struct config_row {
	const char *name;
	enum config_unit unit;
	int64_t preset, smallest, largest;
	enum config_scope scope;
	const char *doc;
	size_t offset; /* in struct config */
};

/* The rows in order; *n is how many. */
const struct config_row *config_rows(size_t *n);
void config_init(struct config *c);
/*
 * Set one row from text: "64k", "10s", "250ms", "5%" never. scope CONFIG_URL
 * refuses rows that hold for all of netd. Returns true, or false with one
 * line in why.
 */
bool config_set(struct config *c, const char *name, const char *value,
    enum config_scope scope, char *why, size_t why_size);
/* Is there a row of this name? */
bool config_known(const char *name);
/* Look at the names of all rows that scope allows. */
void config_nearest(struct ipc_nearest *near, enum config_scope scope);
/*
 * A number with its unit: bytes 64k 2m, time 250ms 10s 5m 1h (plain: ms).
 * True, or false if it is none.
 */
bool config_number(const char *text, enum config_unit unit, int64_t *value);
/* The table as text, for --limits and for netd(8). */
void config_print(FILE *to);

#endif
