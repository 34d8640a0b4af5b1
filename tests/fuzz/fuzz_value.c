/* Any bytes as a value: what was understood packs and parses to the same. */
#include "ipc/value.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
goes_round(struct ipc_value *v)
{
	struct ipc_value *back;
	struct ipc_path path;
	struct ipc_buf b;
	const char *why;

	ipc_buf_init(&b, 4 << 20);
	assert(ipc_value_pack(v, &b) == 0);
	assert(ipc_value_packed(v) == b.len);
	assert(ipc_value_unpack(
		   b.data, b.len, &ipc_value_from_pipe, &back, &why) == 0);
	assert(ipc_value_equal(v, back));
	ipc_value_free(back);
	ipc_buf_clear(&b);
	assert(ipc_value_json(v, &b) == 0);
	/* Keys with a NUL are the one thing that jansson writes and does not
	 * read. */
	if (ipc_value_from_json(
		b.data, b.len, &ipc_value_from_pipe, &back, &why) == 0)
		ipc_value_free(back);
	if (ipc_value_type(v) == IPC_V_MAP) {
		back = ipc_value_map();
		assert(ipc_value_merge(back, v, NULL) == 0);
		assert(ipc_value_equal(v, back));
		ipc_value_free(back);
	}
	if (ipc_path_of(v, &path)) {
		back = ipc_path_value(&path);
		assert(ipc_value_equal(v, back));
		ipc_value_free(back);
	}
	ipc_buf_release(&b);
	ipc_value_free(v);
}

/* What is passed on unseen is what would have been understood. */
static void
scans_as_it_unpacks(const uint8_t *data, size_t size)
{
	struct ipc_scanned s;
	struct ipc_value *v;
	const char *why;
	size_t used, len;

	if (!ipc_value_scan(data, size, &ipc_value_from_player, &s))
		return;
	assert(ipc_value_unpack_first(
		   data, size, &ipc_value_from_player, &v, &used, &why) == 0);
	assert(s.bytes == data && s.len == used && s.type == ipc_value_type(v));
	if (s.type == IPC_V_INT && !ipc_value_is_big(v))
		assert(s.number == ipc_value_as_int(v));
	if (s.type == IPC_V_STR)
		assert(memcmp(s.text, ipc_value_text(v, &len), s.n) == 0 &&
		       len == s.n);
	if (s.type == IPC_V_ARRAY || s.type == IPC_V_MAP)
		assert(s.n == ipc_value_size(v));
	ipc_value_free(v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipc_value *v;
	const char *why;

	if (size == 0)
		return 0;
	if (data[0] != 'j')
		scans_as_it_unpacks(data + 1, size - 1);
	if (data[0] == 'j') {
		if (ipc_value_from_json(data + 1, size - 1,
			&ipc_value_from_player, &v, &why) == 0)
			goes_round(v);
	} else if (ipc_value_unpack(data + 1, size - 1, &ipc_value_from_player,
		       &v, &why) == 0) {
		goes_round(v);
	}
	return 0;
}
