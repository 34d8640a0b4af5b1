/*
 * speak.h - who speaks what: typed messages between the game's images and the
 * encodings of players.
 *
 * schema.c keeps what the game declared; speak.c decides what a player speaks,
 * and turns a message of the game into that once for all who speak it;
 * what a player says is checked there and goes up as an image, or is answered
 * with what is wrong. json.c and pack.c are the encodings, through one seam:
 * struct tree for what was parsed, a function for what is to be said.
 */
#ifndef NETD_SPEAK_H
#define NETD_SPEAK_H

#include "ipc/buf.h"
#include "ipc/frame.h"
#include "ipc/typed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* One message in any encoding: an image may be eight times as long in JSON. */
#define SAID_MAX (8 * IPC_FRAME_MAX_MAX)

struct client;
struct link;
struct schema;

enum speak {
	SPEAK_UNSAID, /* the transport's own, once the game has declared any */
	SPEAK_RAW,
	SPEAK_JSON,
	SPEAK_MSGPACK,
	SPEAK_TPL,
	SPEAK_GMCP,
	SPEAK_KINDS
};

/* "json"; SPEAK_UNSAID for a word that is none of a URL's. */
static inline enum speak
speak_find(const char *word, size_t len)
{
	static const char words[SPEAK_KINDS][8] = { "", "raw", "json",
		"msgpack", "tpl", "" };

	for (int i = SPEAK_RAW; i <= SPEAK_TPL; i++)
		if (strlen(words[i]) == len && !memcmp(words[i], word, len))
			return (enum speak)i;
	return SPEAK_UNSAID;
}

/* ---- schema.c: what a game declared ---------------------------------------
 */

/* Number id, with this text; NULL, or what is wrong with it. */
const char *
schema_add(struct link *l, uint64_t id, const char *text, size_t len);
void schema_release(struct link *l);
size_t schema_count(const struct link *l);
const struct ipc_type *schema_at(const struct link *l, size_t i);
/* By its name; NULL: there is none. *number becomes its number. */
const struct ipc_type *schema_find(
    const struct link *l, const char *name, size_t len, uint32_t *number);
/* All of it as JSON. False: out is full. */
bool schema_print(const struct link *l, struct ipc_buf *out);

/* ---- speak.c ---------------------------------------------------------------
 */

/* What a client speaks now; SPEAK_RAW: typed messages are not for it. */
enum speak speak_of(const struct client *c);
/*
 * Does this message of the game hold what its head says? NULL, or what is
 * wrong. bytes: as of TYPED.
 */
const char *speak_check(const struct link *l, const uint8_t *bytes, size_t len);
/*
 * A checked message in an encoding: a view until the next such call, *flags
 * are IPC_TEXT or IPC_BINARY. NULL: out of memory.
 */
const uint8_t *speak_encode(struct link *l, enum speak speak,
    const uint8_t *bytes, size_t len, unsigned *flags, size_t *n);
/* "Game.Message" of GMCP, with a NUL, and its length. */
#define GMCP_NAME_SIZE 160
size_t gmcp_name(const struct link *l, const char *name, char *out);
/* Does a GMCP client want this message, as speak_encode() takes it? */
bool speak_wanted(const struct client *c, const uint8_t *bytes);
void speak_release(struct link *l);

/* ---- hear.c ----------------------------------------------------------------
 */

/* Encode and queue for one. flags: class. */
void speak_send(struct client *c, unsigned flags, uint16_t key,
    const uint8_t *bytes, size_t len);
/*
 * A whole message of a player: up as TYPED, or answered. False: it is raw,
 * and nothing was done. The client may be closed by this.
 */
bool
speak_got(struct client *c, unsigned flags, const uint8_t *bytes, size_t len);
/* The same for "Package.Sub json": false if it is none of the game's own. */
bool speak_side(struct client *c, const uint8_t *bytes, size_t len);
void speak_release(struct link *l);

/* ---- codecs ----------------------------------------------------------------
 */

/* A value of a message that was parsed; which member depends on what. */
struct node {
	enum node_what {
		NODE_OTHER, /* null and the like */
		NODE_BOOL,
		NODE_INT,  /* i, from INT64_MIN to INT64_MAX */
		NODE_UINT, /* u, above that */
		NODE_FLOAT,
		NODE_STR,
		NODE_BYTES,
		NODE_ARRAY, /* n */
		NODE_MAP    /* n */
	} what;
	bool b;
	int64_t i;
	uint64_t u;
	double f;
	const char *at;  /* of STR and BYTES: a view */
	size_t n;        /* of STR, BYTES, ARRAY, MAP */
	const void *own; /* the codec's */
};

/* A parsed message, [NAME] or [NAME, {FIELDS}], and how to look at it. */
struct tree {
	const struct tree_ops *ops;
	struct node top;
	void *own; /* the codec's */
};

struct tree_ops {
	/* Element i of an ARRAY; the value of a name in a MAP: false, it has
	 * none. */
	void (*item)(const struct node *array, size_t i, struct node *item);
	bool (*member)(
	    const struct node *map, const char *name, struct node *value);
	/* The i-th name of a MAP: a view. */
	const char *(*name)(const struct node *map, size_t i, size_t *len);
	/* Numbers over 2^53 and bytes come as text (JSON). */
	bool is_text;
	void (*release)(struct tree *t);
};

/* Read a message. 0, or IPC_ERR_PROTOCOL: why (size bytes) says what it is
 * not. */
int json_parse(
    struct tree *t, const uint8_t *bytes, size_t len, char *why, size_t size);
int pack_parse(
    struct tree *t, const uint8_t *bytes, size_t len, char *why, size_t size);
/* Say a checked message; name is the type's. at: its first value. False: out
 * is full, or out of memory. */
bool json_say(const struct ipc_type *t, const uint8_t *at, struct ipc_buf *out);
bool pack_say(const struct ipc_type *t, const uint8_t *at, struct ipc_buf *out);
/* end: of its values, which are copied. */
bool tpl_say(const struct ipc_type *t, const uint8_t *at, const uint8_t *end,
    struct ipc_buf *out);
/* The fields alone, as a JSON object: for GMCP. */
bool json_say_fields(
    const struct ipc_type *t, const uint8_t *at, struct ipc_buf *out);

/* Does a value of this field cross JSON as text, because a page's numbers
 * cannot hold it? */
bool json_as_text(const struct ipc_typed_field *f);

/*
 * The fields of a parsed message, checked against its declaration, as values
 * of an image. map NULL: there were none. False: w says what is wrong;
 * w->rule "" : out is full.
 */
bool tree_take(const struct tree_ops *ops, const struct ipc_type *t,
    const struct node *map, struct ipc_buf *out, struct ipc_wrong *w);

#endif
