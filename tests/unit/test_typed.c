/* links: netd/tree.c netd/json.c netd/pack.c */
/* links: netd/schema.c netd/speak.c */
/*
 * Typed messages: declarations, images (libtpl is the oracle), and what JSON
 * and msgpack make of them, both ways; and every way to be refused.
 */
#include "ipc/typed.h"

#include "netd/netd.h"
#include "netd/side.h"
#include "netd/speak.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tpl.h>

static const char every[] = "type every\n"
			    "bool yes\n"
			    "i8 a -5 5\n"
			    "i16 b -300 300\n"
			    "i32 c -70000 70000\n"
			    "i64 d -9223372036854775808 9223372036854775807\n"
			    "u8 e 1 9\n"
			    "u16 f 0 65535\n"
			    "u32 g 0 4294967295\n"
			    "u64 h 0 18446744073709551615\n"
			    "f32 i -1 1\n"
			    "f64 j -1e300 1e300\n"
			    "str k 6\n"
			    "bytes l 4\n"
			    "u16 m 0 500 * 3\n"
			    "struct n\n"
			    "i16 x -9 9\n"
			    "i16 y -9 9\n"
			    "end\n"
			    "list o 2\n"
			    "str name 4\n"
			    "list p 3\n"
			    "u8 q 0 7\n"
			    "end\n"
			    "end\n";
static const char every_json[] =
    "[\"every\",{\"yes\":true,\"a\":-5,\"b\":300,\"c\":-70000,"
    "\"d\":\"-9223372036854775808\",\"e\":9,\"f\":65535,\"g\":4294967295,"
    "\"h\":\"18446744073709551615\",\"i\":0.5,\"j\":2.5,"
    "\"k\":\"h\xc3\xa4 \\\"\",\"l\":\"AP8B\",\"m\":[1,2,500],"
    "\"n\":{\"x\":-9,\"y\":9},\"o\":[{\"name\":\"ann\",\"p\":[]},"
    "{\"name\":\"\",\"p\":[{\"q\":0},{\"q\":7}]}]}]";

static struct ipc_type *
declare(const char *text)
{
	const char *why = "";
	unsigned line = 0;
	struct ipc_type *t = ipc_type_new(text, strlen(text), &why, &line);

	if (t == NULL)
		print_error("line %u: %s\n", line, why);
	assert_non_null(t);
	return t;
}

bool
side_wants(const struct client *c, const uint8_t *name, size_t len)
{
	(void)c;
	(void)name;
	(void)len;
	return true;
}

/* ---- declarations ---------------------------------------------------------
 */

static void
a_declaration_becomes_fields_and_a_format(void **state)
{
	struct ipc_type *t = declare(every);

	(void)state;
	assert_string_equal(t->name, "every");
	assert_string_equal(t->format, "ccjiIcvuUffsBv#jjA(sA(c))");
	assert_int_equal(t->n_fields, 21);
	assert_int_equal(t->fields[14].end, 17);
	assert_int_equal(t->fields[17].end, 21);
	assert_string_equal(t->fields[20].name, "q");
	assert_string_equal(t->text, every);
	ipc_type_free(t);
}

/* A table reads better whole. */
static void
a_wrong_declaration_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} bad[] = {
		{ "", 0 },
		{ "typ say\n", 1 },
		{ "type 9say\n", 1 },
		{ "type error\n", 1 },
		{ "type say\nu8 x 0\n", 2 },
		{ "type say\nu8 x 0 256\n", 2 },
		{ "type say\nu8 x -1 2\n", 2 },
		{ "type say\nu8 x 3 2\n", 2 },
		{ "type say\ni8 x -129 2\n", 2 },
		{ "type say\ni64 x 0 9223372036854775808\n", 2 },
		{ "type say\nf64 x nan 2\n", 2 },
		{ "type say\nf64 x 0 inf\n", 2 },
		{ "type say\nu8 x 0 2 * 0\n", 2 },
		{ "type say\nu8 x 0 2 + 3\n", 2 },
		{ "type say\nu8 x 0 2 * 99999999\n", 2 },
		{ "type say\nu8 x y 0 2 3 4 5\n", 2 },
		{ "type say\nbool x 1\n", 2 },
		{ "type say\nstr x\n", 2 },
		{ "type say\nstr x -1\n", 2 },
		{ "type say\nstr x 1\nbool x\n", 3 },
		{ "type say\nlist x 1\nend\n", 3 },
		{ "type say\nlist x 1\nbool y\n", 3 },
		{ "type say\nend\n", 2 },
		{ "type say\n\nbool x\n", 2 },
		{ "type say\nlong x 1 2\n", 2 },
		{ "type say\n? x\n", 2 },
		{ "type say\nbool?? x\n", 2 },
		{ "type say\nlist? x 2\nbool y\nend\n", 2 },
		{ "type say\nu8? x 0 2 * 3\n", 2 },
		{ "type say\nbool -\n", 2 },
		{ "type say\nstruct x\nbool -\nend\n", 3 },
		{ "type say\nlist x 2\nbool? -\nend\n", 3 },
		{ "type say\nlist x 2\nu8 - 0 1 * 2\nend\n", 3 },
		{ "type say\nlist x 2\nlist - 2\nbool y\nend\nend\n", 3 },
		{ "type say\nlist x 2\nbool -\nbool -\nend\n", 4 },
		{ "type say\nlist x 2\nbool -\nbool y\nend\n", 4 },
		{ "type say\nlist x 2\nbool y\nbool -\nend\n", 4 },
		{ "type say\nenum x\n", 2 },
		{ "type say\nenum x a b a\n", 2 },
		{ "type say\nenum x a 9b\n", 2 },
		{ "type say\nenum x a  b\n", 2 },
		{ "type say\nbool x-y\n", 2 },
		{ "type say\nstruct a\nstruct a\nstruct a\nstruct a\nstruct a\n"
		  "struct a\nstruct a\nstruct a\nstruct a\n",
		    10 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *why = NULL;
		unsigned line = 99;

		assert_null(ipc_type_new(
		    bad[i].text, strlen(bad[i].text), &why, &line));
		assert_non_null(why);
		if (line != bad[i].line)
			print_error("%zu: %s\n", i, why);
		assert_int_equal(line, bad[i].line);
	}
}

static void
a_declaration_has_at_most_so_many_fields(void **state)
{
	struct ipc_buf text;
	const char *why;
	unsigned line;

	(void)state;
	ipc_buf_init(&text, IPC_TYPE_TEXT_MAX);
	assert_true(ipc_buf_printf(&text, "type many\n"));
	for (unsigned i = 0; i < IPC_TYPE_FIELDS_MAX; i++)
		assert_true(ipc_buf_printf(&text, "bool f%u\n", i));
	ipc_type_free(ipc_type_new((char *)text.data, text.len, &why, &line));
	assert_true(ipc_buf_printf(&text, "bool more\n"));
	assert_null(ipc_type_new((char *)text.data, text.len, &why, &line));
	assert_string_equal(why, "too many fields");
	ipc_buf_release(&text);
}

static void
an_enum_has_at_most_so_many_names(void **state)
{
	struct ipc_buf text;
	const char *why;
	unsigned line;
	struct ipc_type *t;

	(void)state;
	ipc_buf_init(&text, IPC_TYPE_TEXT_MAX);
	assert_true(ipc_buf_printf(&text, "type many\nenum x"));
	for (unsigned i = 0; i < IPC_TYPE_ENUM_MAX; i++)
		assert_true(ipc_buf_printf(&text, " n%u", i));
	t = ipc_type_new((char *)text.data, text.len, &why, &line);
	assert_non_null(t);
	assert_int_equal(ipc_enum_find(&t->fields[0], "n63", 3), 63);
	assert_int_equal(ipc_enum_find(&t->fields[0], "n64", 3), -1);
	assert_int_equal(ipc_enum_find(&t->fields[0], "n6", 2), 6);
	assert_string_equal(ipc_enum_name(&t->fields[0], 63), "n63");
	ipc_type_free(t);
	assert_true(ipc_buf_printf(&text, " more"));
	assert_null(ipc_type_new((char *)text.data, text.len, &why, &line));
	assert_string_equal(why, "too many words");
	ipc_buf_release(&text);
}

/* ---- JSON and msgpack to images, and back ----------------------------------
 */

typedef int parse(struct tree *, const uint8_t *, size_t, char *, size_t);

/* The image of a parsed message, or false and what is wrong. */
static bool
image_of(parse *how, const struct ipc_type *t, const void *bytes, size_t len,
    struct ipc_buf *out, struct ipc_wrong *w)
{
	struct tree tree;
	struct node map;
	size_t start;
	bool ok;

	memset(w, 0, sizeof(*w));
	ipc_buf_init(out, 1 << 20);
	if (how(&tree, bytes, len, w->rule, sizeof(w->rule)) < 0)
		return false;
	if (tree.top.what == NODE_ARRAY && tree.top.n == 2)
		tree.ops->item(&tree.top, 1, &map);
	else
		map = tree.top;
	ok = ipc_image_begin(out, t, false, &start) &&
	     tree_take(tree.ops, t, &map, out, w);
	if (ok)
		ipc_image_end(out, start);
	tree.ops->release(&tree);
	return ok;
}

static void
json_goes_round(void **state)
{
	struct ipc_type *t = declare(every);
	struct ipc_buf image, text;
	struct ipc_wrong w;
	const uint8_t *at;

	(void)state;
	assert_true(image_of(
	    json_parse, t, every_json, sizeof(every_json) - 1, &image, &w));
	assert_true(ipc_image_check(t, false, image.data, image.len, &at, &w));
	ipc_buf_init(&text, 4096);
	assert_true(json_say(t, at, &text));
	assert_int_equal(text.len, sizeof(every_json) - 1);
	assert_memory_equal(text.data, every_json, text.len);
	ipc_buf_release(&text);
	ipc_buf_release(&image);
	ipc_type_free(t);
}

static void
a_number_of_32_bits_has_nine_digits_and_is_the_same(void **state)
{
	static const char text[] = "[\"t\",{\"x\":0.100000001,\"y\":-1.5}]";
	struct ipc_type *t = declare("type t\nf32 x -9 9\nf32 y -9 9\n");
	struct ipc_buf image, again, said;
	struct ipc_wrong w;
	const uint8_t *at;
	float x = 0.1f;
	double read;

	(void)state;
	assert_true(image_of(
	    json_parse, t, "[\"t\",{\"x\":0.1,\"y\":-1.5}]", 24, &image, &w));
	assert_true(ipc_image_check(t, false, image.data, image.len, &at, &w));
	memcpy(&read, at, sizeof(read));
	assert_true(read == (double)x);
	ipc_buf_init(&said, 256);
	assert_true(json_say(t, at, &said));
	assert_int_equal(said.len, sizeof(text) - 1);
	assert_memory_equal(said.data, text, said.len);
	assert_true(image_of(json_parse, t, said.data, said.len, &again, &w));
	assert_memory_equal(again.data, image.data, image.len);
	ipc_buf_release(&said);
	ipc_buf_release(&again);
	ipc_buf_release(&image);
	ipc_type_free(t);
}

static void
msgpack_goes_round(void **state)
{
	struct ipc_type *t = declare(every);
	struct ipc_buf image, again, packed;
	struct ipc_wrong w;
	const uint8_t *at;

	(void)state;
	assert_true(image_of(
	    json_parse, t, every_json, sizeof(every_json) - 1, &image, &w));
	assert_true(ipc_image_check(t, false, image.data, image.len, &at, &w));
	ipc_buf_init(&packed, 4096);
	assert_true(pack_say(t, at, &packed));
	assert_true(
	    image_of(pack_parse, t, packed.data, packed.len, &again, &w));
	assert_int_equal(again.len, image.len);
	assert_memory_equal(again.data, image.data, image.len);
	/* Every beginning of it is refused, and nothing is read behind. */
	for (size_t n = 0; n < packed.len; n++) {
		uint8_t *cut = malloc(n ? n : 1);

		ipc_buf_release(&again);
		memcpy(cut, packed.data, n);
		assert_false(image_of(pack_parse, t, cut, n, &again, &w));
		free(cut);
	}
	ipc_buf_release(&again);
	ipc_buf_release(&packed);
	ipc_buf_release(&image);
	ipc_type_free(t);
}

static void
a_claim_of_msgpack_that_its_bytes_cannot_hold_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *why;
	} bad[] = {
		{ "", 0, "not msgpack" },
		{ "\xc1", 1, "not msgpack" },
		{ "\xdd\xff\xff\xff\xff", 5, "not msgpack" },
		{ "\xdf\xff\xff\xff\xff\xc0", 6, "not msgpack" },
		{ "\xdb\xff\xff\xff\xffx", 6, "not msgpack" },
		{ "\xc7\x01\x01\x01", 4, "not msgpack" },
		{ "\xd4\x01\x01", 3, "not msgpack" },
		{ "\xc0\xc0", 2, "more than one value of msgpack" },
		{ "\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91"
		  "\x91\x91\x91\x91\x91\x91\x91\xc0",
		    22, "msgpack that is too deep" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct tree t;
		char why[96] = "";

		assert_int_equal(pack_parse(&t, (const uint8_t *)bad[i].bytes,
				     bad[i].len, why, sizeof(why)),
		    IPC_ERR_PROTOCOL);
		assert_string_equal(why, bad[i].why);
	}
}

/* ---- bare lists, what may be missing, names --------------------------------
 */

static const char loose[] = "type loose\n"
			    "list a 3\n"
			    "i32 - -9 9\n"
			    "end\n"
			    "list b 2\n"
			    "str - 4\n"
			    "end\n"
			    "list c 2\n"
			    "bytes - 2\n"
			    "end\n"
			    "list d 2\n"
			    "enum - on off\n"
			    "end\n"
			    "u8? e 1 9\n"
			    "str? f 4\n"
			    "bytes? g 4\n"
			    "bool? h\n"
			    "enum? i red green\n"
			    "struct? j\n"
			    "i16 x 0 9\n"
			    "i16? y 0 9\n"
			    "end\n"
			    "enum k up down\n";
static const char loose_format[] =
    "A(i)A(s)A(B)A(c)A(c)A(s)A(B)A(c)A(c)A(jA(j))c";

/* in, parsed as JSON, is said as out in JSON, and by msgpack again as out. */
static void
becomes(const char *in, const char *out)
{
	struct ipc_type *t = declare(loose);
	struct ipc_buf image, again, said;
	struct ipc_wrong w;
	const uint8_t *at;

	if (!image_of(json_parse, t, in, strlen(in), &image, &w))
		fail_msg("%s: %s: %s", in, w.field, w.rule);
	assert_true(ipc_image_check(t, false, image.data, image.len, &at, &w));
	ipc_buf_init(&said, 4096);
	assert_true(pack_say(t, at, &said));
	assert_true(image_of(pack_parse, t, said.data, said.len, &again, &w));
	assert_int_equal(again.len, image.len);
	assert_memory_equal(again.data, image.data, image.len);
	assert_true(ipc_image_check(t, false, again.data, again.len, &at, &w));
	ipc_buf_clear(&said);
	assert_true(json_say(t, at, &said) && ipc_buf_add(&said, "", 1));
	assert_string_equal((char *)said.data, out);
	ipc_buf_release(&said);
	ipc_buf_release(&again);
	ipc_buf_release(&image);
	ipc_type_free(t);
}

static void
what_is_not_set_is_not_there(void **state)
{
	static const char full[] =
	    "[\"loose\",{\"a\":[-9,9],\"b\":[\"x\",\"\"],\"c\":[\"AQI=\"],"
	    "\"d\":[\"off\",\"on\"],\"e\":5,\"f\":\"\",\"g\":\"AA==\","
	    "\"h\":false,\"i\":\"green\",\"j\":{\"x\":1,\"y\":2},"
	    "\"k\":\"down\"}]";
	static const char least[] = "[\"loose\",{\"a\":[],\"b\":[],\"c\":[],"
				    "\"d\":[],\"k\":\"up\"}]";
	static const char nulls[] =
	    "[\"loose\",{\"a\":[],\"b\":[],\"c\":[],\"d\":[],"
	    "\"e\":null,\"f\":null,\"g\":null,\"h\":null,\"i\":null,"
	    "\"j\":null,\"k\":\"up\"}]";
	static const char half[] =
	    "[\"loose\",{\"a\":[],\"b\":[],\"c\":[],\"d\":[],"
	    "\"j\":{\"x\":3},\"k\":\"up\"}]";
	struct ipc_type *t = declare(loose);

	(void)state;
	assert_string_equal(t->format, loose_format);
	ipc_type_free(t);
	becomes(full, full);
	becomes(least, least);
	becomes(nulls, least);
	becomes(half, half);
}

static void
a_message_of_what_may_be_missing_may_be_empty(void **state)
{
	struct ipc_type *t = declare("type t\nbool? a\nstr? b 3\n");
	struct ipc_wrong w = { "", "" };
	struct ipc_buf out;
	const uint8_t *at;
	size_t start;

	(void)state;
	/* As ["t"] and a bare name of GMCP come: no fields, no codec. */
	ipc_buf_init(&out, 256);
	assert_true(ipc_image_begin(&out, t, false, &start));
	assert_true(tree_take(NULL, t, NULL, &out, &w));
	ipc_image_end(&out, start);
	assert_true(ipc_image_check(t, false, out.data, out.len, &at, &w));
	ipc_buf_clear(&out);
	assert_true(pack_say(t, (const uint8_t *)"\0\0\0\0\0\0\0\0", &out));
	assert_int_equal(out.len, 4);
	assert_memory_equal(out.data, "\x92\xa1t\x80", 4);
	ipc_buf_release(&out);
	ipc_type_free(t);
}

/* More than 15 fields: the head of the map is of another form. */
static void
a_large_map_may_lack_some(void **state)
{
	struct ipc_buf text, image, packed;
	struct ipc_wrong w;
	struct ipc_type *t;
	const uint8_t *at;

	(void)state;
	ipc_buf_init(&text, 4096);
	assert_true(ipc_buf_printf(&text, "type t\n"));
	for (int i = 0; i < 20; i++)
		assert_true(ipc_buf_printf(&text, "bool? f%d\n", i));
	assert_true(ipc_buf_add(&text, "", 1));
	t = declare((char *)text.data);
	assert_true(image_of(
	    json_parse, t, "{\"f3\":true,\"f19\":false}", 23, &image, &w));
	assert_true(ipc_image_check(t, false, image.data, image.len, &at, &w));
	ipc_buf_init(&packed, 4096);
	assert_true(pack_say(t, at, &packed));
	assert_int_equal(packed.len, 3 + 3 + 4 + 5);
	assert_memory_equal(packed.data,
	    "\x92\xa1t\xde\0\x02\xa2"
	    "f3\xc3\xa3"
	    "f19\xc2",
	    15);
	/* And a buffer that is too short is no more than that. */
	for (size_t max = 1; max < 15; max++) {
		ipc_buf_release(&packed);
		ipc_buf_init(&packed, max);
		assert_false(pack_say(t, at, &packed));
	}
	ipc_buf_release(&packed);
	ipc_buf_release(&image);
	ipc_buf_release(&text);
	ipc_type_free(t);
}

static void
loose_rules_name_their_field(void **state)
{
	static const struct {
		const char *fields, *field, *rule;
	} bad[] = {
		{ "\"a\":[1,10]", "a[1]", "not from -9 to 9" },
		{ "\"a\":[1,null]", "a[1]", "not a whole number" },
		{ "\"a\":[1,2,3,4]", "a", "more than 3" },
		{ "\"a\":null", "a", "not an array" },
		{ "\"b\":[\"abcde\"]", "b[0]", "longer than 4 bytes" },
		{ "\"b\":[{}]", "b[0]", "not text" },
		{ "\"d\":[\"on\",\"o\"]", "d[1]", "none of on off" },
		{ "\"d\":[1]", "d[0]", "not one of its names" },
		{ "\"e\":0", "e", "not from 1 to 9" },
		{ "\"h\":0", "h", "neither true nor false" },
		{ "\"i\":\"blue\"", "i", "none of red green" },
		{ "\"i\":\"\"", "i", "none of red green" },
		{ "\"j\":{}", "j.x", "missing" },
		{ "\"j\":{\"x\":1,\"z\":1}", "j.z", "no such field" },
		{ "\"k\":null", "k", "not one of its names" },
		{ "\"zz\":1", "zz", "no such field" },
		/* Where there is room for it, as others are not set. */
		{ "\"e\":null,\"zz\":1", "zz", "no such field" },
	};
	struct ipc_type *t = declare(loose);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[256];
		struct ipc_buf image;
		struct ipc_wrong w;
		size_t n =
		    (size_t)snprintf(text, sizeof(text), "{%s", bad[i].fields);

		for (const char *need = "abcd"; *need; need++)
			if (bad[i].fields[1] != *need)
				n += (size_t)sprintf(
				    text + n, ",\"%c\":[]", *need);
		n += (size_t)sprintf(text + n, "%s}",
		    bad[i].fields[1] == 'k' ? "" : ",\"k\":\"up\"");
		assert_false(image_of(json_parse, t, text, n, &image, &w));
		assert_string_equal(w.rule, bad[i].rule);
		assert_string_equal(w.field, bad[i].field);
		ipc_buf_release(&image);
	}
	ipc_type_free(t);
}

/* The same as libtpl has it: lists, each of none or one where it is loose. */
static void
a_loose_image_is_what_libtpl_makes(void **state)
{
	struct ipc_type *t = declare("type t\nlist a 3\ni32 - 0 9\nend\n"
				     "list b 3\nstr - 9\nend\n"
				     "u16? c 0 9\nstr? d 9\n"
				     "struct? e\nu8 f 0 9\nend\n"
				     "enum g up down\n");
	static const char json[] = "{\"a\":[7,8],\"b\":[\"x\"],\"c\":5,"
				   "\"e\":{\"f\":3},\"g\":\"down\"}";
	char format[] = "A(i)A(s)A(v)A(s)A(c)c", x[] = "x", *b = x, *d = x;
	int32_t a = 7;
	uint16_t c = 5;
	uint8_t f = 3, g = 1;
	struct ipc_buf image;
	struct ipc_wrong w;
	void *made;
	size_t size;
	tpl_node *tn = tpl_map(format, &a, &b, &c, &d, &f, &g);

	(void)state;
	assert_string_equal(t->format, format);
	tpl_pack(tn, 0);
	tpl_pack(tn, 1);
	a = 8;
	tpl_pack(tn, 1);
	tpl_pack(tn, 2);
	tpl_pack(tn, 3);
	tpl_pack(tn, 5);
	assert_int_equal(tpl_dump(tn, TPL_MEM, &made, &size), 0);
	tpl_free(tn);
	assert_true(
	    image_of(json_parse, t, json, sizeof(json) - 1, &image, &w));
	assert_int_equal(size, image.len);
	assert_memory_equal(made, image.data, size);
	free(made);
	ipc_buf_release(&image);
	ipc_type_free(t);
}

static void
a_loose_image_that_is_cut_or_bent_is_refused(void **state)
{
	static const char json[] =
	    "{\"a\":[1],\"b\":[\"x\"],\"c\":[\"AA==\"],\"d\":[\"on\"],"
	    "\"e\":1,\"f\":\"y\",\"g\":\"AA==\",\"h\":true,"
	    "\"i\":\"red\",\"j\":{\"x\":1,\"y\":1},\"k\":\"up\"}";
	struct ipc_type *t = declare(loose);
	struct ipc_buf image, said;
	struct ipc_wrong w;
	const uint8_t *at;
	uint8_t *last;
	size_t e;

	(void)state;
	assert_true(
	    image_of(json_parse, t, json, sizeof(json) - 1, &image, &w));
	for (size_t n = 0; n < image.len; n++) {
		uint8_t *cut = malloc(n + 1);
		uint32_t len = (uint32_t)n;

		memcpy(cut, image.data, n);
		if (n >= 8)
			memcpy(cut + 4, &len, sizeof(len));
		assert_false(ipc_image_check(t, false, cut, n, &at, &w));
		free(cut);
	}
	for (size_t i = 0; i < image.len * 8; i++) {
		image.data[i / 8] ^= (uint8_t)(1u << i % 8);
		if (ipc_image_check(t, false, image.data, image.len, &at, &w)) {
			ipc_buf_init(&said, 65536);
			assert_true(json_say(t, at, &said));
			assert_true(pack_say(t, at, &said));
			ipc_buf_release(&said);
		}
		image.data[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	/* Its own rules: the last enum, the first field that may be missing. */
	last = image.data + image.len - 1;
	*last = 2;
	assert_false(ipc_image_check(t, false, image.data, image.len, &at, &w));
	assert_string_equal(w.field, "k");
	assert_string_equal(w.rule, "none of its 2 names");
	*last = 0;
	e = 8 + sizeof(loose_format) + 4 + 4 + 4 + 4 + 1 + 4 + 4 + 1 + 4 + 1;
	assert_int_equal(image.data[e], 1);
	image.data[e] = 2;
	assert_false(ipc_image_check(t, false, image.data, image.len, &at, &w));
	assert_string_equal(w.field, "e");
	assert_string_equal(w.rule, "more than 1");
	ipc_buf_release(&image);
	ipc_type_free(t);
}

static void
a_name_twice_in_msgpack_is_refused(void **state)
{
	struct ipc_type *t = declare("type t\nbool? a\nbool? b\n");
	struct ipc_buf image;
	struct ipc_wrong w;

	(void)state;
	assert_false(image_of(
	    pack_parse, t, "\x82\xa1\x61\xc2\xa1\x61\xc3", 7, &image, &w));
	assert_string_equal(w.field, "a");
	ipc_buf_release(&image);
	assert_false(
	    image_of(pack_parse, t, "\x82\xa1\x61\xc2\x05\xc3", 6, &image, &w));
	assert_string_equal(w.rule, "no such field");
	ipc_buf_release(&image);
	ipc_type_free(t);
}

static const char say[] = "type say\n"
			  "u8 to 1 9\n"
			  "u64 big 0 18446744073709551615\n"
			  "i64 far -9223372036854775808 5\n"
			  "f64 f -1 1\n"
			  "bool b\n"
			  "str s 4\n"
			  "bytes y 3\n"
			  "i8 a -2 2 * 2\n"
			  "list l 2\n"
			  "str n 2\n"
			  "end\n"
			  "struct t\n"
			  "u8 u 0 1\n"
			  "end\n";

/* Good fields, one of them replaced. */
static void
refuses(
    const char *name, const char *value, const char *field, const char *rule)
{
	static const char *const good[][2] = { { "to", "5" },
		{ "big", "\"5\"" }, { "far", "\"-5\"" }, { "f", "0" },
		{ "b", "false" }, { "s", "\"abcd\"" }, { "y", "\"AAAA\"" },
		{ "a", "[1,2]" }, { "l", "[{\"n\":\"x\"}]" },
		{ "t", "{\"u\":1}" } };
	struct ipc_type *t = declare(say);
	struct ipc_buf text, image;
	struct ipc_wrong w;
	bool ok;

	ipc_buf_init(&text, 4096);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (strcmp(good[i][0], name) != 0)
			ipc_buf_printf(&text, "%s\"%s\":%s",
			    text.len ? "," : "[\"say\",{", good[i][0],
			    good[i][1]);
	if (value)
		ipc_buf_printf(&text, ",\"%s\":%s", name, value);
	ipc_buf_printf(&text, "}]");
	ok = image_of(json_parse, t, text.data, text.len, &image, &w);
	if (ok != (rule == NULL) || (rule && strcmp(w.rule, rule) != 0))
		print_error("%s=%s: %s: %s\n", name, value, w.field, w.rule);
	assert_int_equal(ok, rule == NULL);
	if (rule) {
		assert_string_equal(w.rule, rule);
		assert_string_equal(w.field, field);
	}
	ipc_buf_release(&text);
	ipc_buf_release(&image);
	ipc_type_free(t);
}

static void
each_rule_names_its_field(void **state)
{
	(void)state;
	refuses("to", "9", NULL, NULL);
	refuses("to", "9.0", NULL, NULL);
	refuses("to", "0", "to", "not from 1 to 9");
	refuses("to", "10", "to", "not from 1 to 9");
	refuses("to", "-1", "to", "not from 1 to 9");
	refuses("to", "1.5", "to", "not a whole number");
	refuses("to", "1e300", "to", "not a whole number");
	refuses("to", "\"5\"", "to", "not a whole number");
	refuses("to", "null", "to", "not a whole number");
	refuses("to", "true", "to", "not a whole number");
	refuses("to", NULL, "to", "missing");
	refuses("big", "7", NULL, NULL);
	refuses("big", "\"18446744073709551615\"", NULL, NULL);
	refuses("big", "\"18446744073709551616\"", "big", "not a whole number");
	refuses("big", "\"\"", "big", "not a whole number");
	refuses("big", "\"-\"", "big", "not a whole number");
	refuses("big", "\" 1\"", "big", "not a whole number");
	refuses("big", "\"-1\"", "big", "not from 0 to 18446744073709551615");
	refuses("far", "\"6\"", "far", "not from -9223372036854775808 to 5");
	refuses("far", "\"9223372036854775808\"", "far",
	    "not from -9223372036854775808 to 5");
	refuses("f", "-1.0001", "f", "not from -1 to 1");
	refuses("f", "\"0\"", "f", "not a number");
	refuses("b", "0", "b", "neither true nor false");
	refuses("s", "\"abcde\"", "s", "longer than 4 bytes");
	refuses("s", "\"\xc3\xa4\xc3\xa4\"", NULL, NULL);
	refuses("s", "5", "s", "not text");
	refuses("y", "\"AAA=\"", NULL, NULL);
	refuses("y", "\"\"", NULL, NULL);
	refuses("y", "\"AAAAAA==\"", "y", "longer than 3 bytes");
	refuses("y", "\"AAA\"", "y", "not base64");
	refuses("y", "\"A?AA\"", "y", "not base64");
	refuses("y", "\" AAA\"", "y", "not base64");
	refuses("y", "\"====\"", "y", "not base64");
	refuses("y", "\"A===\"", "y", "not base64");
	refuses("y", "\"=AAA\"", "y", "not base64");
	refuses("a", "[1]", "a", "not exactly 2");
	refuses("a", "[1,2,1]", "a", "not exactly 2");
	refuses("a", "[1,3]", "a[1]", "not from -2 to 2");
	refuses("a", "1", "a", "not an array");
	refuses("l", "[]", NULL, NULL);
	refuses("l", "{}", "l", "not an array");
	refuses("l", "[{\"n\":\"\"},{\"n\":\"\"},{\"n\":\"\"}]", "l",
	    "more than 2");
	refuses("l", "[{\"n\":\"\"},{\"n\":\"abc\"}]", "l[1].n",
	    "longer than 2 bytes");
	refuses("l", "[5]", "l[0]", "not an object of fields");
	refuses("t", "{\"u\":2}", "t.u", "not from 0 to 1");
	refuses("t", "{}", "t.u", "missing");
	refuses("t", "{\"u\":1,\"v\":1}", "t.v", "no such field");
	refuses("more", "1", "more", "no such field");
}

static void
what_is_no_json_is_refused(void **state)
{
	static const char *const bad[] = { "", "[", "[\"say\",{}", "5", "{}x",
		"[\"say\",{\"a\":1,\"a\":2}]", "[\"say\\u0000\"]", "nul",
		"[\"\xff\"]", "[\"\xed\xa0\x80\"]", "[1e999]",
		"[99999999999999999999]", "\xef\xbb\xbf[]", "'a'" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct tree t;
		char why[96] = "";

		assert_int_equal(json_parse(&t, (const uint8_t *)bad[i],
				     strlen(bad[i]), why, sizeof(why)),
		    IPC_ERR_PROTOCOL);
		assert_memory_equal(why, "not JSON: ", 10);
	}
}

/* ---- images and libtpl -----------------------------------------------------
 */

/* The same world as world_json, by libtpl; owned. */
static void *
made_by_libtpl(bool named, size_t *size)
{
	int16_t a = -3;
	double b = 1.5;
	char name[] = "world", c[] = "abc", x[] = "x", none[] = "";
	char *name_at = name, *c_at = c, *g = x;
	uint8_t bytes[] = { 1, 2 }, h = 1;
	uint32_t e[] = { 7, 8, 9 };
	tpl_bin d = { bytes, 2 };
	char format[] = "sjfsBu#A(sc)";
	void *made;
	tpl_node *tn =
	    named ? tpl_map(format, &name_at, &a, &b, &c_at, &d, e, 3, &g, &h)
		  : tpl_map(format + 1, &a, &b, &c_at, &d, e, 3, &g, &h);

	assert_non_null(tn);
	tpl_pack(tn, 0);
	tpl_pack(tn, 1);
	g = none;
	h = 2;
	tpl_pack(tn, 1);
	assert_int_equal(tpl_dump(tn, TPL_MEM, &made, size), 0);
	tpl_free(tn);
	return made;
}

static void
an_image_is_what_libtpl_makes(void **state)
{
	struct ipc_type *t = declare("type world\n"
				     "i16 a -5 5\n"
				     "f64 b 0 9\n"
				     "str c 9\n"
				     "bytes d 9\n"
				     "u32 e 0 99 * 3\n"
				     "list f 9\n"
				     "str g 9\n"
				     "u8 h 0 9\n"
				     "end\n");
	static const char json[] =
	    "[\"world\",{\"a\":-3,\"b\":1.5,\"c\":\"abc\",\"d\":\"AQI=\","
	    "\"e\":[7,8,9],\"f\":[{\"g\":\"x\",\"h\":1},{\"g\":\"\",\"h\":2}]}]";
	struct ipc_buf image, named;
	struct ipc_wrong w;
	const uint8_t *at;
	size_t size, n;
	void *made = made_by_libtpl(false, &size);

	(void)state;
	assert_true(
	    image_of(json_parse, t, json, sizeof(json) - 1, &image, &w));
	assert_int_equal(size, image.len);
	assert_memory_equal(made, image.data, size);
	free(made);
	/* The same with the name before, as C programs get it. */
	made = made_by_libtpl(true, &size);
	assert_true(ipc_image_check(t, false, image.data, image.len, &at, &w));
	ipc_buf_init(&named, 4096);
	assert_true(tpl_say(t, at, image.data + image.len, &named));
	assert_int_equal(size, named.len);
	assert_memory_equal(made, named.data, size);
	assert_memory_equal(
	    ipc_image_name(named.data, named.len, &n), "world", 5);
	assert_int_equal(n, 5);
	free(made);
	ipc_buf_release(&named);
	ipc_buf_release(&image);
	ipc_type_free(t);
}

static void
a_cut_or_changed_image_is_refused_and_nothing_is_read_behind(void **state)
{
	struct ipc_type *t = declare(every);
	struct ipc_buf image;
	struct ipc_wrong w;
	const uint8_t *at;

	(void)state;
	assert_true(image_of(
	    json_parse, t, every_json, sizeof(every_json) - 1, &image, &w));
	for (size_t n = 0; n < image.len; n++) {
		uint8_t *cut = malloc(n + 1);
		uint32_t len = (uint32_t)n;

		memcpy(cut, image.data, n);
		assert_false(ipc_image_check(t, false, cut, n, &at, &w));
		if (n >= 8) {
			memcpy(cut + 4, &len, sizeof(len));
			assert_false(
			    ipc_image_check(t, false, cut, n, &at, &w));
		}
		assert_null(ipc_image_name(cut, n, &(size_t){ 0 }));
		free(cut);
	}
	/* Whatever bit is turned: refused, or within its bounds still. */
	for (size_t i = 0; i < image.len * 8; i++) {
		struct ipc_buf text;

		image.data[i / 8] ^= (uint8_t)(1u << i % 8);
		if (ipc_image_check(t, false, image.data, image.len, &at, &w)) {
			ipc_buf_init(&text, 65536);
			assert_true(json_say(t, at, &text));
			ipc_buf_release(&text);
		}
		image.data[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	ipc_buf_release(&image);
	ipc_type_free(t);
}

static void
every_rule_holds_for_images_as_well(void **state)
{
	struct ipc_type *t = declare("type t\nu8 a 1 9\nstr s 3\n");
	struct ipc_buf image;
	struct ipc_wrong w;
	const uint8_t *at;
	size_t start;
	static const struct {
		uint8_t a;
		const char *s, *field, *rule;
	} rows[] = {
		{ 9, "abc", NULL, NULL },
		{ 0, "abc", "a", "not from 1 to 9" },
		{ 1, "abcd", "s", "longer than 3 bytes" },
		{ 1, "\xc0\x80", "s", "not UTF-8, or a NUL in it" },
		{ 1, "\xed\xa0\x80", "s", "not UTF-8, or a NUL in it" },
		{ 1, "\xe2\x82\xac", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ipc_buf_init(&image, 256);
		assert_true(
		    ipc_image_begin(&image, t, false, &start) &&
		    ipc_image_uint(&image, IPC_U8, rows[i].a) &&
		    ipc_image_str(&image, rows[i].s, strlen(rows[i].s)));
		ipc_image_end(&image, start);
		assert_int_equal(
		    ipc_image_check(t, false, image.data, image.len, &at, &w),
		    rows[i].rule == NULL);
		if (rows[i].rule) {
			assert_string_equal(w.field, rows[i].field);
			assert_string_equal(w.rule, rows[i].rule);
		}
		ipc_buf_release(&image);
	}
	ipc_type_free(t);
}

/* ---- a schema --------------------------------------------------------------
 */

static void
a_schema_is_found_by_name_and_printed(void **state)
{
	struct link l = { .game = "g" };
	struct ipc_buf out;
	uint32_t number = 9;

	(void)state;
	ipc_buf_init(&out, 65536);
	assert_int_equal(schema_count(&l), 0);
	assert_null(schema_find(&l, "say", 3, &number));
	assert_null(schema_add(&l, 0, say, sizeof(say) - 1));
	assert_null(schema_add(&l, 1, "type x\n", 7));
	assert_non_null(schema_add(&l, 3, "type y\n", 7));
	assert_non_null(schema_add(&l, 2, "type x\n", 7));
	assert_non_null(schema_add(&l, 2, "type ?\n", 7));
	assert_int_equal(schema_count(&l), 2);
	assert_ptr_equal(schema_find(&l, "x", 1, &number), schema_at(&l, 1));
	assert_int_equal(number, 1);
	assert_null(schema_find(&l, "xx", 2, &number));
	assert_true(schema_print(&l, &out));
	assert_true(ipc_buf_add(&out, "", 1));
	assert_non_null(strstr(
	    (char *)out.data, "\"to\":{\"type\":\"u8\",\"min\":1,\"max\":9}"));
	assert_non_null(strstr((char *)out.data,
	    "\"big\":{\"type\":\"u64\",\"min\":\"0\",\"max\":"
	    "\"18446744073709551615\"}"));
	assert_non_null(
	    strstr((char *)out.data, "\"x\":{\"tpl\":\"\",\"fields\":{}}"));
	assert_null(schema_add(&l, 2, loose, sizeof(loose) - 1));
	ipc_buf_clear(&out);
	assert_true(schema_print(&l, &out));
	assert_true(ipc_buf_add(&out, "", 1));
	assert_non_null(strstr((char *)out.data,
	    "\"a\":{\"type\":\"list\",\"longest\":3,\"of\":"
	    "{\"type\":\"i32\",\"min\":-9,\"max\":9}}"));
	assert_non_null(strstr((char *)out.data,
	    "\"f\":{\"type\":\"str\",\"longest\":4,\"optional\":true}"));
	assert_non_null(strstr((char *)out.data,
	    "\"k\":{\"type\":\"enum\",\"names\":[\"up\",\"down\"]}"));
	/* From 0 it begins anew. */
	assert_null(schema_add(&l, 0, "type z\n", 7));
	assert_int_equal(schema_count(&l), 1);
	assert_null(schema_find(&l, "say", 3, &number));
	speak_release(&l);
	ipc_buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_declaration_becomes_fields_and_a_format),
		cmocka_unit_test(a_wrong_declaration_is_refused_with_its_line),
		cmocka_unit_test(a_declaration_has_at_most_so_many_fields),
		cmocka_unit_test(an_enum_has_at_most_so_many_names),
		cmocka_unit_test(json_goes_round),
		cmocka_unit_test(
		    a_number_of_32_bits_has_nine_digits_and_is_the_same),
		cmocka_unit_test(msgpack_goes_round),
		cmocka_unit_test(
		    a_claim_of_msgpack_that_its_bytes_cannot_hold_is_refused),
		cmocka_unit_test(what_is_not_set_is_not_there),
		cmocka_unit_test(a_message_of_what_may_be_missing_may_be_empty),
		cmocka_unit_test(a_large_map_may_lack_some),
		cmocka_unit_test(loose_rules_name_their_field),
		cmocka_unit_test(a_loose_image_is_what_libtpl_makes),
		cmocka_unit_test(a_loose_image_that_is_cut_or_bent_is_refused),
		cmocka_unit_test(a_name_twice_in_msgpack_is_refused),
		cmocka_unit_test(each_rule_names_its_field),
		cmocka_unit_test(what_is_no_json_is_refused),
		cmocka_unit_test(an_image_is_what_libtpl_makes),
		cmocka_unit_test(
		    a_cut_or_changed_image_is_refused_and_nothing_is_read_behind),
		cmocka_unit_test(every_rule_holds_for_images_as_well),
		cmocka_unit_test(a_schema_is_found_by_name_and_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
