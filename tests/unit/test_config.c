/* links: netd/config.c */
/* netd/config.c: every limit has a row, and a row says what it takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "netd/config.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int64_t
value(const struct config *c, const struct config_row *row)
{
	int64_t v;

	memcpy(&v, (const char *)c + row->offset, sizeof(v));
	return v;
}

static void
every_row_is_sound(void **state)
{
	size_t n;
	const struct config_row *rows = config_rows(&n);

	(void)state;
	assert_int_equal(n * sizeof(int64_t), sizeof(struct config));
	for (size_t i = 0; i < n; i++) {
		assert_true(rows[i].smallest >= 0);
		assert_true(rows[i].smallest <= rows[i].preset);
		assert_true(rows[i].preset <= rows[i].largest);
		assert_int_equal(rows[i].offset, i * sizeof(int64_t));
		assert_true(strlen(rows[i].doc) > 8);
	}
}

static void
every_row_takes_its_ends_and_nothing_beyond(void **state)
{
	size_t n;
	const struct config_row *rows = config_rows(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const int64_t tries[] = { rows[i].smallest, rows[i].largest,
			rows[i].smallest - 1, rows[i].largest + 1 };

		for (size_t j = 0; j < COUNT(tries); j++) {
			struct config c, before;
			char text[32], why[256] = "";
			bool ok;

			config_init(&c);
			before = c;
			snprintf(text, sizeof(text), "%" PRId64, tries[j]);
			ok = config_set(&c, rows[i].name, text, CONFIG_NETD,
			    why, sizeof(why));
			assert_int_equal(ok, j < 2);
			if (ok) {
				assert_true(value(&c, &rows[i]) == tries[j]);
			} else {
				assert_memory_equal(&c, &before, sizeof(c));
				assert_non_null(strstr(why, rows[i].name));
			}
		}
	}
}

static void
numbers_have_units(void **state)
{
	static const struct {
		const char *text;
		enum config_unit unit;
		int64_t n;
	} good[] = {
		{ "0", CONFIG_COUNT, 0 },
		{ "20000", CONFIG_COUNT, 20000 },
		{ "007", CONFIG_COUNT, 7 },
		{ "-1", CONFIG_MS, -1 },
		{ "64k", CONFIG_BYTES, 65536 },
		{ "64K", CONFIG_BYTES, 65536 },
		{ "2m", CONFIG_BYTES, 2 << 20 },
		{ "3g", CONFIG_BYTES, INT64_C(3) << 30 },
		{ "250", CONFIG_MS, 250 },
		{ "250ms", CONFIG_MS, 250 },
		{ "10s", CONFIG_MS, 10000 },
		{ "5m", CONFIG_MS, 300000 },
		{ "1h", CONFIG_MS, 3600000 },
		{ "99999999999999999999", CONFIG_COUNT, INT64_MAX },
		{ "9223372036854775807h", CONFIG_MS, INT64_MAX },
	};
	static const struct {
		const char *text;
		enum config_unit unit;
	} bad[] = {
		{ "", CONFIG_MS },
		{ "-", CONFIG_MS },
		{ "s", CONFIG_MS },
		{ "+1", CONFIG_COUNT },
		{ " 1", CONFIG_COUNT },
		{ "1 ", CONFIG_COUNT },
		{ "0x10", CONFIG_COUNT },
		{ "1.5s", CONFIG_MS },
		{ "5%", CONFIG_MS },
		{ "10k", CONFIG_MS },
		{ "10s", CONFIG_BYTES },
		{ "10k", CONFIG_COUNT },
		{ "10s", CONFIG_PER_S },
		{ "10m", CONFIG_US },
		{ "10ss", CONFIG_MS },
		{ "--1", CONFIG_MS },
	};
	int64_t n = 42;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_true(config_number(good[i].text, good[i].unit, &n));
		assert_true(n == good[i].n);
	}
	n = 42;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(config_number(bad[i].text, bad[i].unit, &n));
		assert_true(n == 42);
	}
}

static void
a_row_may_be_called_without_its_unit(void **state)
{
	struct config c;
	char why[256];

	(void)state;
	config_init(&c);
	assert_true(
	    config_set(&c, "idle", "60s", CONFIG_URL, why, sizeof(why)));
	assert_int_equal(c.idle_ms, 60000);
	assert_true(
	    config_set(&c, "message", "64k", CONFIG_URL, why, sizeof(why)));
	assert_int_equal(c.message_bytes, 65536);
	assert_true(
	    config_set(&c, "messages", "30", CONFIG_URL, why, sizeof(why)));
	assert_int_equal(c.messages_per_s, 30);
	assert_true(
	    config_set(&c, "address", "4", CONFIG_URL, why, sizeof(why)));
	assert_int_equal(c.address_max, 4);
	assert_true(config_set(&c, "burst", "5", CONFIG_URL, why, sizeof(why)));
	assert_int_equal(c.burst, 5);
	assert_true(
	    config_set(&c, "clients", "5", CONFIG_NETD, why, sizeof(why)));
	assert_int_equal(c.clients_max, 5);
}

static void
a_refusal_says_why(void **state)
{
	static const struct {
		const char *name, *value, *why;
	} bad[] = {
		{ "idle", "-1", "'idle' must be 0 to 86400000 ms, not '-1'" },
		{ "message_bytes", "99999999k",
		    "'message_bytes' must be 16 to 16000000 bytes, "
		    "not '99999999k'" },
		{ "messages", "many",
		    "'messages' must be 0 to 1000000 per second, not 'many'" },
		{ "burst", "0", "'burst' must be 1 to 1000000, not '0'" },
		{ "idl", "1", "unknown word 'idl' (did you mean 'idle'?)" },
		{ "idle_", "1", "unknown word 'idle_' (did you mean 'idle'?)" },
		{ "", "1", "unknown word ''" },
		{ "_ms", "1", "unknown word '_ms'" },
		{ "IDLE", "1", "unknown word 'IDLE'" },
		{ "clients_max", "1",
		    "only for all of netd (--limit), not in a URL: "
		    "'clients_max'" },
		{ "stop", "1s",
		    "only for all of netd (--limit), not in a URL: 'stop'" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct config c, before;
		char why[256] = "";

		config_init(&c);
		before = c;
		assert_false(config_set(&c, bad[i].name, bad[i].value,
		    CONFIG_URL, why, sizeof(why)));
		assert_string_equal(why, bad[i].why);
		assert_memory_equal(&c, &before, sizeof(c));
	}
}

static void
the_table_has_a_line_for_every_row(void **state)
{
	size_t n, len, lines = 0;
	const struct config_row *rows = config_rows(&n);
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	config_print(f);
	fclose(f);
	for (const char *at = text; *at; at++)
		lines += *at == '\n';
	assert_int_equal(lines, n + 1);
	for (size_t i = 0; i < n; i++) {
		assert_non_null(strstr(text, rows[i].name));
		assert_non_null(strstr(text, rows[i].doc));
	}
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_sound),
		cmocka_unit_test(every_row_takes_its_ends_and_nothing_beyond),
		cmocka_unit_test(numbers_have_units),
		cmocka_unit_test(a_row_may_be_called_without_its_unit),
		cmocka_unit_test(a_refusal_says_why),
		cmocka_unit_test(the_table_has_a_line_for_every_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
