/*
 * pygase_update.c - a change of state cut into pieces; see the header. Knows
 * values and sizes, no connection.
 */
#include "netd/pygase_update.h"

#include "ipc/msg.h"

#include <stdlib.h>
#include <string.h>

/* What a piece may have beside the heads of datagram, update and map, and the
 * time_order; and the most, when one value alone is longer. */
#define FILL (PYGASE_FILL - PYGASE_SMALLEST - 8)
#define MOST (PYGASE_MAX - PYGASE_SMALLEST - 8)
#define ALL_MAX (64u << 20)

/* Where we are: the keys on the way down, packed, each with the head of the
 * map of one key that is in it, but for the last. */
struct way {
	const struct way *up;
	const uint8_t *key;
	size_t key_len;
	size_t len; /* of all of it, with room for the last map's head */
};

struct cutting {
	struct pygase_update *u;
	struct ipc_buf entries; /* of the map at hand, for the next piece */
	uint32_t n_entries;
	bool full;
};

static void
add(struct cutting *c, const void *p, size_t n)
{
	c->full |= !ipc_buf_add(&c->u->bytes, p, n);
}

static void
add_way(struct cutting *c, const struct way *w, bool last)
{
	static const uint8_t one = 0x81;

	if (w == NULL)
		return;
	add_way(c, w->up, false);
	add(c, w->key, w->key_len);
	if (!last)
		add(c, &one, 1);
}

static void
add_map_head(struct cutting *c, uint32_t n)
{
	uint8_t head[5] = { 0xdf, (uint8_t)(n >> 24), (uint8_t)(n >> 16),
		(uint8_t)(n >> 8), (uint8_t)n };

	if (n < 16)
		head[0] = (uint8_t)(0x80 | n);
	else if (n < 65536)
		memmove(head + 1, head + 3, 2), head[0] = 0xde;
	add(c, head, n < 16 ? 1 : n < 65536 ? 3 : 5);
}

/* What was gathered becomes a piece. */
static void
piece(struct cutting *c, const struct way *w)
{
	struct pygase_update *u = c->u;
	size_t off = u->bytes.len;

	if (u->n == u->size) {
		size_t size = u->size ? u->size * 2 : 4;
		struct pygase_cut *cuts =
		    realloc(u->cuts, size * sizeof(*cuts));

		if (cuts == NULL) {
			c->full = true;
			return;
		}
		u->cuts = cuts;
		u->size = size;
	}
	add_way(c, w, true);
	if (w)
		add_map_head(c, c->n_entries);
	if (c->entries.len)
		add(c, c->entries.data, c->entries.len);
	u->cuts[u->n++] = (struct pygase_cut){ off, u->bytes.len - off,
		w ? 1 : c->n_entries };
	ipc_buf_eat(&c->entries, c->entries.len);
	c->n_entries = 0;
}

static bool
pack_key(struct ipc_key key, struct ipc_buf *out)
{
	struct ipc_value *v = key.text ? ipc_value_str(key.text, key.len)
				       : ipc_value_int(key.number);
	bool good = v && ipc_value_pack(v, out) == 0;

	ipc_value_free(v);
	return good;
}

static void
cut_map(struct cutting *c, const struct ipc_value *map, const struct way *w);

/* A value that is too long for the piece at hand, under its packed key. */
static void
cut_long(struct cutting *c, const struct ipc_value *v, const struct way *w,
    struct ipc_buf *key, size_t len)
{
	struct way down = { w, key->data, key->len,
		(w ? w->len : 0) + key->len + 6 };
	bool map = ipc_value_type(v) == IPC_V_MAP && ipc_value_size(v) > 0;

	if (c->n_entries)
		piece(c, w);
	if (map && (w ? w->len : 0) + len > FILL && down.len < FILL / 2) {
		cut_map(c, v, &down);
		if (c->n_entries)
			piece(c, &down);
		return;
	}
	if ((w ? w->len : 0) + len > MOST) {
		c->u->left_out++;
		return;
	}
	c->full |= !ipc_buf_add(&c->entries, key->data, key->len) ||
		   ipc_value_pack(v, &c->entries) < 0;
	c->n_entries++;
}

static void
cut_map(struct cutting *c, const struct ipc_value *map, const struct way *w)
{
	size_t above = w ? w->len : 0;
	struct ipc_buf key;

	ipc_buf_init(&key, MOST + 16);
	for (size_t i = 0; i < ipc_value_size(map) && !c->full; i++) {
		const struct ipc_value *v = ipc_value_at(map, i);
		size_t len = ipc_value_packed(v);

		ipc_buf_eat(&key, key.len);
		if (!pack_key(ipc_value_key(map, i), &key)) {
			c->u->left_out++;
			continue;
		}
		len += key.len;
		if (above + c->entries.len + len > FILL) {
			cut_long(c, v, w, &key, len);
			continue;
		}
		c->full |= !ipc_buf_add(&c->entries, key.data, key.len) ||
			   ipc_value_pack(v, &c->entries) < 0;
		c->n_entries++;
	}
	ipc_buf_release(&key);
}

int
pygase_update_cut(struct pygase_update *u, const struct ipc_value *map)
{
	struct cutting c = { .u = u };

	memset(u, 0, sizeof(*u));
	ipc_buf_init(&u->bytes, ALL_MAX);
	ipc_buf_init(&c.entries, PYGASE_MAX * 2);
	cut_map(&c, map, NULL);
	if (c.n_entries || u->n == 0)
		piece(&c, NULL);
	ipc_buf_release(&c.entries);
	if (!c.full)
		return 0;
	pygase_update_release(u);
	return IPC_ERR_NO_MEMORY;
}

void
pygase_update_release(struct pygase_update *u)
{
	ipc_buf_release(&u->bytes);
	free(u->cuts);
	memset(u, 0, sizeof(*u));
}

struct pygase_piece
pygase_update_piece(const struct pygase_update *u, size_t i)
{
	const struct pygase_cut *cut = &u->cuts[i];

	return (struct pygase_piece){ u->bytes.data + cut->off, cut->len,
		cut->keys };
}
