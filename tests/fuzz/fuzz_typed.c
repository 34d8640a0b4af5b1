/* links: netd/tree.c netd/json.c netd/pack.c */
/* links: netd/schema.c netd/speak.c */
/*
 * What a player says as JSON, msgpack or a tpl image, by the first byte (a
 * capital: of the loose declaration), and declarations. Whatever is let through
 * must be an image that passes, go out in each encoding, and come back the
 * same.
 */
#include "ipc/msg.h"
#include "netd/side.h"
#include "netd/speak.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char declaration[] =
    "type t\nbool a\ni8 b -5 5\ni64 c -9223372036854775808 9\n"
    "u64 d 0 18446744073709551615\nf32 e -1 1\nf64 f -1e300 1e300\n"
    "str g 9\nbytes h 9\nu16 i 0 500 * 2\nstruct j\ni16 x -9 9\nend\n"
    "list k 3\nstr l 4\nlist m 3\nu8 n 0 7\nend\nend\n";

static const char loose[] =
    "type t\nlist a 3\ni32 - -9 9\nend\nlist b 3\nstr - 4\nend\n"
    "list c 3\nbytes - 4\nend\nlist d 3\nenum - on off\nend\n"
    "u8? e 1 9\nf32? f -1 1\nstr? g 4\nbytes? h 4\nbool? i\n"
    "enum? j red green\nstruct? k\ni16 x 0 9\nu64? y 0 "
    "18446744073709551615\nlist z 2\nbool -\nend\nend\nenum l up down\n";

typedef int parse(struct tree *, const uint8_t *, size_t, char *, size_t);

bool
side_wants(const struct client *c, const uint8_t *name, size_t len)
{
	(void)c;
	(void)name;
	(void)len;
	return true;
}

static void
must(bool yes)
{
	if (!yes)
		abort();
}

static bool
image_of(parse *how, const struct ipc_type *t, const uint8_t *bytes, size_t len,
    struct ipc_buf *out)
{
	struct ipc_wrong w = { "", "" };
	struct tree tree;
	struct node top;
	size_t start;
	bool ok;

	ipc_buf_init(out, 1 << 20);
	if (how(&tree, bytes, len, w.rule, sizeof(w.rule)) < 0) {
		must(w.rule[0] != '\0');
		return false;
	}
	top = tree.top;
	if (top.what == NODE_ARRAY && top.n == 2)
		tree.ops->item(&tree.top, 1, &top);
	must(ipc_image_begin(out, t, false, &start));
	ok = tree_take(tree.ops, t, &top, out, &w);
	if (ok)
		ipc_image_end(out, start);
	must(ok || w.rule[0]);
	tree.ops->release(&tree);
	return ok;
}

static void
goes_round(const struct ipc_type *t, const struct ipc_buf *image,
    const uint8_t *at, parse *how,
    bool (*say)(const struct ipc_type *, const uint8_t *, struct ipc_buf *))
{
	struct ipc_buf said, again;

	ipc_buf_init(&said, 1 << 20);
	must(say(t, at, &said));
	must(image_of(how, t, said.data, said.len, &again));
	must(again.len == image->len);
	must(memcmp(again.data, image->data, image->len) == 0);
	ipc_buf_release(&said);
	ipc_buf_release(&again);
}

static void
declares(const uint8_t *data, size_t size)
{
	const char *why;
	unsigned line;
	struct ipc_type *t =
	    ipc_type_new((const char *)data, size, &why, &line);

	if (t)
		must(t->n_fields <= IPC_TYPE_FIELDS_MAX && t->format);
	ipc_type_free(t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *why;
	unsigned line;
	struct ipc_type *t;
	struct ipc_buf image;
	struct ipc_wrong w = { "", "" };
	const uint8_t *at;
	size_t n;

	if (size == 0)
		return 0;
	if (data[0] == 'd') {
		declares(data + 1, size - 1);
		return 0;
	}
	if (data[0] == 'J' || data[0] == 'P' || data[0] == 'T')
		t = ipc_type_new(loose, sizeof(loose) - 1, &why, &line);
	else
		t = ipc_type_new(
		    declaration, sizeof(declaration) - 1, &why, &line);
	must(t != NULL);
	if (data[0] == 't' || data[0] == 'T') {
		ipc_image_name(data + 1, size - 1, &n);
		ipc_buf_init(&image, 1 << 20);
		if (ipc_image_check(t, true, data + 1, size - 1, &at, &w)) {
			must(ipc_image_begin(&image, t, false, &n) &&
			     ipc_buf_add(
				 &image, at, (size_t)(data + size - at)));
			ipc_image_end(&image, n);
			must(ipc_image_check(
			    t, false, image.data, image.len, &at, &w));
		} else {
			must(w.rule[0] != '\0');
		}
	} else if (image_of(data[0] == 'j' || data[0] == 'J' ? json_parse
							     : pack_parse,
		       t, data + 1, size - 1, &image)) {
		must(ipc_image_check(t, false, image.data, image.len, &at, &w));
		goes_round(t, &image, at, json_parse, json_say);
		goes_round(t, &image, at, pack_parse, pack_say);
	}
	ipc_buf_release(&image);
	ipc_type_free(t);
	return 0;
}
