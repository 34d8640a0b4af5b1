/*
 * value_own.h - the inside of a value, for value*.c only.
 */
#ifndef IPC_VALUE_OWN_H
#define IPC_VALUE_OWN_H

#include "ipc/value.h"

struct ipc_pair {
	struct ipc_value *key, *value;
};

struct ipc_value {
	uint8_t type;
	bool big;      /* an int above INT64_MAX: is.i as uint64_t */
	uint32_t n;    /* elements, or bytes */
	uint32_t size; /* room for elements */
	union {
		int64_t i;
		double f;
		struct ipc_value **items;
		struct ipc_pair *pairs;
	} is;
	uint32_t *index; /* of a map that is not small */
	char bytes[];    /* of str and bytes, a NUL behind them */
};

bool ipc_value_utf8(const char *text, size_t len);
/* Of an int or a str. */
struct ipc_key ipc_value_as_key(const struct ipc_value *v);
/* Into a map that does not have this key; both are taken. */
int ipc_value_set_new(
    struct ipc_value *map, struct ipc_value *key, struct ipc_value *v);

#endif
