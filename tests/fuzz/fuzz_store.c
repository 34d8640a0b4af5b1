/* links: netd/store*.c */
/* Any changes of a store: whoever follows it by deltas, at whatever pace and
 * whichever way of deleting, has what it has. */
#include "netd/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct follower {
	struct ipc_value *has;
	uint64_t version;
	const struct ipc_value *marker;
};

static void
follow(struct follower *f, struct store *s)
{
	struct store_delta d;

	assert(store_delta(s, f->version, NULL, f->marker, &d) == 0);
	if (d.whole) {
		ipc_value_free(f->has);
		f->has = ipc_value_map();
	}
	for (size_t i = 0; i < ipc_value_size(d.del); i++) {
		struct ipc_path p;

		assert(ipc_path_of(ipc_value_at(d.del, i), &p));
		assert(ipc_value_drop(f->has, &p));
	}
	if (d.set)
		assert(ipc_value_merge(f->has, d.set, f->marker) == 0);
	f->version = d.to;
	store_delta_release(&d);
}

static void
same(const struct follower *f, const struct store *s)
{
	struct ipc_value *v = store_value(s);

	assert(ipc_value_equal(v, f->has));
	ipc_value_free(v);
}

/* Two bytes say what happens where. */
static void
change(struct store *s, unsigned what, unsigned where, int64_t now)
{
	static const char *const names[] = { "a", "b", "1", "'1" };
	struct ipc_value *v;
	struct ipc_path p;
	char at[16] = "";

	for (unsigned depth = 1 + where / 64; depth; depth--, where /= 4) {
		strcat(at, names[where % 4]);
		if (depth > 1)
			strcat(at, "/");
	}
	assert(ipc_path_parse(at, &p));
	switch (what % 5) {
	case 0:
		store_drop(s, &p, now);
		return;
	case 1:
		v = ipc_value_int(what / 5);
		break;
	case 2:
		v = ipc_value_make("{si}", names[what / 5 % 2], what / 10);
		break;
	case 3:
		v = ipc_value_map();
		break;
	default:
		v = ipc_value_make(
		    "{sysi}", "a", STORE_DELETED, (size_t)4, "b", what / 5);
		store_merge(s, &p, v, now);
		ipc_value_free(v);
		return;
	}
	store_set(s, &p, v, now);
	ipc_value_free(v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_limits limits = { 200, 10000, 20, 50 };
	struct ipc_value *marker =
	    ipc_value_bytes(STORE_DELETED, STORE_DELETED_LEN);
	struct follower f[3] = { { 0 } };
	struct store *s = store_new(&limits);

	f[1].marker = marker;
	for (unsigned i = 0; i < 3; i++)
		f[i].has = ipc_value_map();
	for (size_t i = 0; i + 2 < size; i += 3) {
		uint64_t least = UINT64_MAX;

		change(s, data[i], data[i + 1], (int64_t)i);
		for (unsigned k = 0; k < 3; k++) {
			if (data[i + 2] >> k & 1) {
				follow(&f[k], s);
				same(&f[k], s);
			}
			if (f[k].version < least)
				least = f[k].version;
		}
		if (data[i + 2] & 8)
			store_prune(s, least, (int64_t)i);
	}
	for (unsigned i = 0; i < 3; i++) {
		follow(&f[i], s);
		same(&f[i], s);
		ipc_value_free(f[i].has);
	}
	ipc_value_free(marker);
	store_free(s);
	return 0;
}
