/*
 * encode.c - what one typed message costs in each encoding, in nanoseconds.
 *
 * Out: from the image that a game sends to what a player hears, which happens
 * once however many hear it. In: from what a player says to a checked image.
 * Beside them libtpl for the same image, and a game that prints its own JSON,
 * which is what one had to write by hand. Medians of several rounds.
 */
#include "ipc/typed.h"
#include "netd/side.h"
#include "netd/speak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tpl.h>

enum { PLAYERS = 50, ROUNDS = 9, ROUND_NS = 40000000 };

bool
side_wants(const struct client *c, const uint8_t *name, size_t len)
{
	(void)c;
	(void)name;
	(void)len;
	return true;
}

/* ---- two messages ---------------------------------------------------------
 */

static const char say_text[] = "type say\nstr who 24\nstr text 200\n";
static const char world_text[] =
    "type world\nu32 turn 0 4294967295\nlist players 100\nu32 id 0 4294967295\n"
    "str name 24\ni16 x -1000 1000\ni16 y -1000 1000\nend\n";

static struct player {
	uint32_t id;
	char name[12];
	int16_t x, y;
} players[PLAYERS];

struct message {
	const char *name;
	struct ipc_type *type;
	struct ipc_buf image, json, packed, tpl, out;
	const uint8_t *at; /* the image's first value */
};

static bool
say_image(struct ipc_buf *out, const struct ipc_type *t)
{
	size_t start;
	bool ok = ipc_image_begin(out, t, false, &start) &&
		  ipc_image_str(out, "ann", 3) &&
		  ipc_image_str(out, "hello to everybody", 18);

	ipc_image_end(out, start);
	return ok;
}

static bool
world_image(struct ipc_buf *out, const struct ipc_type *t)
{
	size_t start;
	bool ok = ipc_image_begin(out, t, false, &start) &&
		  ipc_image_uint(out, IPC_U32, 123456) &&
		  ipc_image_count(out, PLAYERS);

	for (int i = 0; i < PLAYERS && ok; i++)
		ok = ipc_image_uint(out, IPC_U32, players[i].id) &&
		     ipc_image_str(
			 out, players[i].name, strlen(players[i].name)) &&
		     ipc_image_int(out, IPC_I16, players[i].x) &&
		     ipc_image_int(out, IPC_I16, players[i].y);
	ipc_image_end(out, start);
	return ok;
}

static bool
is_say(const struct message *m)
{
	return m->type->n_fields == 2;
}

/* ---- what is measured ------------------------------------------------------
 */

static bool
by_hand(struct message *m)
{
	return is_say(m) ? say_image(&m->out, m->type)
			 : world_image(&m->out, m->type);
}

static bool
by_libtpl(struct message *m)
{
	char who[] = "ann", text[] = "hello to everybody", *a = who, *b = text;
	char two[] = "ss", list[] = "uA(usjj)", *name;
	uint32_t turn = 123456;
	struct player p;
	size_t len;
	void *made;
	tpl_node *tn = is_say(m)
			   ? tpl_map(two, &a, &b)
			   : tpl_map(list, &turn, &p.id, &name, &p.x, &p.y);

	tpl_pack(tn, 0);
	for (int i = 0; i < PLAYERS && !is_say(m); i++) {
		p = players[i];
		name = p.name;
		tpl_pack(tn, 1);
	}
	if (tpl_dump(tn, TPL_MEM, &made, &len) < 0 || len != m->image.len)
		return false;
	tpl_free(tn);
	free(made);
	return true;
}

static bool
by_printf(struct message *m)
{
	bool ok;

	if (is_say(m))
		return ipc_buf_printf(&m->out,
		    "[\"say\",{\"who\":\"%s\",\"text\":\"%s\"}]", "ann",
		    "hello to everybody");
	ok = ipc_buf_printf(
	    &m->out, "[\"world\",{\"turn\":%u,\"players\":[", 123456u);
	for (int i = 0; i < PLAYERS && ok; i++)
		ok = ipc_buf_printf(&m->out,
		    "%s{\"id\":%u,\"name\":\"%s\",\"x\":%d,\"y\":%d}",
		    i ? "," : "", players[i].id, players[i].name, players[i].x,
		    players[i].y);
	return ok && ipc_buf_printf(&m->out, "]}]");
}

static bool
check(struct message *m)
{
	struct ipc_wrong w;
	const uint8_t *at;

	return ipc_image_check(
	    m->type, false, m->image.data, m->image.len, &at, &w);
}

static bool
json_out(struct message *m)
{
	return json_say(m->type, m->at, &m->out);
}

static bool
pack_out(struct message *m)
{
	return pack_say(m->type, m->at, &m->out);
}

static bool
tpl_out(struct message *m)
{
	return tpl_say(m->type, m->at, m->image.data + m->image.len, &m->out);
}

static bool
tree_in(struct message *m, const struct ipc_buf *from,
    int (*parse)(struct tree *, const uint8_t *, size_t, char *, size_t))
{
	struct ipc_wrong w;
	struct tree t;
	struct node map;
	size_t start;
	bool ok;

	if (parse(&t, from->data, from->len, w.rule, sizeof(w.rule)) < 0)
		return false;
	t.ops->item(&t.top, 1, &map);
	ok = ipc_image_begin(&m->out, m->type, false, &start) &&
	     tree_take(t.ops, m->type, &map, &m->out, &w);
	ipc_image_end(&m->out, start);
	t.ops->release(&t);
	return ok && m->out.len == m->image.len;
}

static bool
json_in(struct message *m)
{
	return tree_in(m, &m->json, json_parse);
}

static bool
pack_in(struct message *m)
{
	return tree_in(m, &m->packed, pack_parse);
}

static bool
tpl_in(struct message *m)
{
	struct ipc_wrong w;
	const uint8_t *at;

	return ipc_image_check(
		   m->type, true, m->tpl.data, m->tpl.len, &at, &w) &&
	       ipc_buf_add(&m->out, m->image.data, 8) &&
	       ipc_buf_add(
		   &m->out, at, (size_t)(m->tpl.data + m->tpl.len - at));
}

static const struct {
	const char *name;
	bool (*act)(struct message *m);
} rows[] = {
	{ "game: image", by_hand },
	{ "game: image, libtpl", by_libtpl },
	{ "game: JSON, printf", by_printf },
	{ "netd: check image", check },
	{ "netd: JSON out", json_out },
	{ "netd: msgpack out", pack_out },
	{ "netd: tpl out", tpl_out },
	{ "netd: JSON in", json_in },
	{ "netd: msgpack in", pack_in },
	{ "netd: tpl in", tpl_in },
};

/* ---- measuring --------------------------------------------------------------
 */

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
cost_ns(bool (*act)(struct message *m), struct message *m)
{
	double ns[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		double begun = now_ns(), now;
		unsigned n = 0;

		do {
			for (int k = 0; k < 64; k++, n++) {
				ipc_buf_clear(&m->out);
				if (!act(m)) {
					fputs("encode: it failed\n", stderr);
					exit(1);
				}
			}
			now = now_ns();
		} while (now - begun < (double)ROUND_NS / ROUNDS);
		ns[i] = (now - begun) / n;
	}
	qsort(ns, ROUNDS, sizeof(ns[0]), by_size);
	return ns[ROUNDS / 2];
}

static void
prepare(struct message *m, const char *text)
{
	const char *why;
	unsigned line;
	struct ipc_wrong w;

	m->type = ipc_type_new(text, strlen(text), &why, &line);
	m->name = m->type->name;
	for (struct ipc_buf *b = &m->image; b <= &m->out; b++)
		ipc_buf_init(b, 1 << 20);
	by_hand(m);
	ipc_buf_add(&m->image, m->out.data, m->out.len);
	ipc_image_check(
	    m->type, false, m->image.data, m->image.len, &m->at, &w);
	json_say(m->type, m->at, &m->json);
	pack_say(m->type, m->at, &m->packed);
	tpl_say(m->type, m->at, m->image.data + m->image.len, &m->tpl);
}

int
main(void)
{
	struct message m[2];

	for (int i = 0; i < PLAYERS; i++) {
		players[i] = (struct player){ .id = 1000u + (uint32_t)i,
			.x = (int16_t)(i * 13 - 300),
			.y = (int16_t)(300 - i * 7) };
		snprintf(
		    players[i].name, sizeof(players[i].name), "player %d", i);
	}
	memset(m, 0, sizeof(m));
	prepare(&m[0], say_text);
	prepare(&m[1], world_text);
	printf("%-22s %12s %14s\n", "ns of CPU a message", "say", "50 players");
	printf("%-22s %12zu %14zu\n", "bytes: tpl", m[0].tpl.len, m[1].tpl.len);
	printf("%-22s %12zu %14zu\n", "bytes: msgpack", m[0].packed.len,
	    m[1].packed.len);
	printf(
	    "%-22s %12zu %14zu\n", "bytes: JSON", m[0].json.len, m[1].json.len);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		printf("%-22s %12.0f %14.0f\n", rows[i].name,
		    cost_ns(rows[i].act, &m[0]), cost_ns(rows[i].act, &m[1]));
	return 0;
}
