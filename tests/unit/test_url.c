/* links: netd/url.c netd/config.c */
/* netd/url.c: what a URL means, and why one is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "netd/speak.h"
#include "netd/transport.h"
#include "netd/url.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A table of our own: a new transport changes nothing here. */
static const struct transport transports[] = {
	{ .name = "line", .is_prose = true },
	{ .name = "tcp" },
	{ .name = "ws" },
	{ .name = "unix", .is_unix = true },
	{ .name = "tty", .is_tty = true },
};

const struct transport *
transport_at(unsigned i)
{
	return i < COUNT(transports) ? &transports[i] : NULL;
}

const struct transport *
transport_find(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT(transports); i++)
		if (strlen(transports[i].name) == len &&
		    memcmp(transports[i].name, name, len) == 0)
			return &transports[i];
	return NULL;
}

/* Parse memory of exactly its size. */
static bool
parse(struct url *u, const char *text, char *why, size_t why_size)
{
	struct config defaults;
	char *exact = strdup(text);
	bool ok;

	assert_non_null(exact);
	config_init(&defaults);
	memset(why, 0, why_size);
	ok = url_parse(u, exact, &defaults, why, why_size);
	free(exact);
	return ok;
}

static struct url
good(const char *text)
{
	struct url u;
	char why[256];

	if (!parse(&u, text, why, sizeof(why)))
		fail_msg("'%s': %s", text, why);
	assert_string_equal(u.text, text);
	return u;
}

static void
hosts_ports_and_paths(void **state)
{
	static const struct {
		const char *text, *transport, *host;
		uint16_t port;
		const char *path;
	} table[] = {
		{ "line://*:4000", "line", "*", 4000, "" },
		{ "line://*:0/", "line", "*", 0, "" },
		{ "line://[::1]:4000", "line", "::1", 4000, "" },
		{ "line://[::]:0", "line", "::", 0, "" },
		{ "line://[::ffff:1.2.3.4]:5", "line", "::ffff:1.2.3.4", 5,
		    "" },
		{ "tcp://example.org:5010", "tcp", "example.org", 5010, "" },
		{ "tcp://example.org.:5010", "tcp", "example.org.", 5010, "" },
		{ "tcp://my_game-1.local:65535?", "tcp", "my_game-1.local",
		    65535, "" },
		{ "tcp://127.0.0.1:1?idle=1s", "tcp", "127.0.0.1", 1, "" },
		{ "tcp://127.0.0.1:1?idle=1s&loss=1%", "tcp", "127.0.0.1", 1,
		    "" },
		{ "ws://0.0.0.0:8080", "ws", "0.0.0.0", 8080, "/" },
		{ "ws://0.0.0.0:8080/", "ws", "0.0.0.0", 8080, "/" },
		{ "ws://localhost:80/play/a%20b", "ws", "localhost", 80,
		    "/play/a%20b" },
		{ "ws://localhost:80?www=/srv", "ws", "localhost", 80, "/" },
		{ "unix:///run/game.sock", "unix", "", 0, "/run/game.sock" },
		{ "unix:///tmp/a%20b?idle=1s", "unix", "", 0, "/tmp/a b" },
		{ "unix:///tmp/100%", "unix", "", 0, "/tmp/100%" },
		{ "tty:", "tty", "", 0, "" },
		{ "tty:?idle=1s", "tty", "", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct url u = good(table[i].text);

		assert_string_equal(u.transport->name, table[i].transport);
		assert_string_equal(u.host, table[i].host);
		assert_int_equal(u.port, table[i].port);
		assert_string_equal(u.path, table[i].path);
		assert_int_equal(u.bad.on, strstr(table[i].text, "loss") != 0);
	}
}

static void
limits_are_set_and_the_rest_keeps_its_default(void **state)
{
	struct config defaults;
	struct url u =
	    good("line://*:0?idle=60s&handshake_ms=5s&message=1k&idle=90s");

	(void)state;
	config_init(&defaults);
	assert_int_equal(u.config.idle_ms, 90000);
	assert_int_equal(u.config.handshake_ms, 5000);
	assert_int_equal(u.config.message_bytes, 1024);
	assert_int_equal(u.config.hard_bytes, defaults.hard_bytes);
	assert_int_equal(u.config.clients_max, defaults.clients_max);
}

static void
a_bad_network_in_words(void **state)
{
	struct url u = good("tcp://*:0?loss=5%&delay=80ms&jitter=1s&dup=0.25&"
			    "reorder=100%&rate=100k&cut=.5%&seed=7");

	(void)state;
	assert_true(u.bad.on);
	assert_true(u.bad.loss > 0.0499 && u.bad.loss < 0.0501);
	assert_true(u.bad.dup > 0.2499 && u.bad.dup < 0.2501);
	assert_true(u.bad.reorder > 0.999 && u.bad.reorder <= 1);
	assert_true(u.bad.cut > 0.00499 && u.bad.cut < 0.00501);
	assert_int_equal(u.bad.delay_us, 80000);
	assert_int_equal(u.bad.jitter_us, 1000000);
	assert_int_equal(u.bad.bytes_per_s, 102400);
	assert_int_equal(u.bad.seed, 7);

	u = good("tcp://*:0?seed=7&loss=0&delay=0");
	assert_false(u.bad.on);
	u = good("tcp://*:0?loss=0.5%25");
	assert_true(u.bad.loss > 0.00499 && u.bad.loss < 0.00501);
}

static void
words_of_a_browser(void **state)
{
	struct url u = good("ws://*:0/p?www=/srv/my%20games&subprotocol=snake&"
			    "origin=https://example.org");

	(void)state;
	assert_string_equal(u.www, "/srv/my games");
	assert_string_equal(u.origin, "https://example.org");
	assert_string_equal(u.subprotocol, "snake");
}

/* A table reads better whole. */
static void
a_refusal_says_why(void **state)
{
	static const struct {
		const char *text, *why;
	} table[] = {
		{ "", "no transport (try line://)" },
		{ "localhost:4000",
		    "no transport (try line://localhost:4000)" },
		{ "http://*:80",
		    "unknown transport 'http' (there is line tcp ws unix tty)" },
		{ "LINE://*:80",
		    "unknown transport 'LINE' (there is line tcp ws unix tty)" },
		{ "://*:80",
		    "unknown transport '' (there is line tcp ws unix tty)" },
		{ "line://", "no host (try line://*:4000)" },
		{ "line://?idle=1s", "no host (try line://*:4000)" },
		{ "line://:4000", "'' is no address and no name" },
		{ "line://*", "no port (add :4000, or :0 for any free one)" },
		{ "line://[::1]",
		    "no port (add :4000, or :0 for any free one)" },
		{ "line://[::1]4000",
		    "no port (add :4000, or :0 for any free one)" },
		{ "line://[::1:4000", "no ']' after the IPv6 address" },
		{ "line://::1:4000",
		    "an IPv6 address needs brackets ([::1]:4000)" },
		{ "line://[1.2.3.4]:1", "'1.2.3.4' is no address and no name" },
		{ "line://[*]:1", "'*' is no address and no name" },
		{ "line://[]:1", "'' is no address and no name" },
		{ "line://1.2.3.400:1",
		    "'1.2.3.400' is no address and no name" },
		{ "line://1.2.3:1", "'1.2.3' is no address and no name" },
		{ "line://a..b:1", "'a..b' is no address and no name" },
		{ "line://.a:1", "'.a' is no address and no name" },
		{ "line://me@host:1", "'me@host' is no address and no name" },
		{ "line://**:1", "'**' is no address and no name" },
		{ "line://*:", "the port must be 0 to 65535" },
		{ "line://*:65536", "the port must be 0 to 65535" },
		{ "line://*:99999999999", "the port must be 0 to 65535" },
		{ "line://*:-1", "the port must be 0 to 65535" },
		{ "line://*:4000x", "the port must be 0 to 65535" },
		{ "line://*:4000/play", "line:// has no path" },
		{ "line://*:40 00", "a blank or control byte (write %XX)" },
		{ "line://*:1\n", "a blank or control byte (write %XX)" },
		{ "ws://*:1/#top", "no '#' may be in it (write %23)" },
		{ "ws://*:1/\xc3\xa4",
		    "a byte over 127 in the path (write %XX)" },
		{ "tty:x", "nothing but ?word=value can follow tty:" },
		{ "tty:?loss=5%", "a terminal is no bad network" },
		{ "tty:?www=x", "'www' is a word of ws://, not of tty://" },
		{ "tty://x:1", "no host belongs to it (try tty:)" },
		{ "unix://game.sock",
		    "no absolute path (try unix:///tmp/game.sock)" },
		{ "unix://", "no absolute path (try unix:///tmp/game.sock)" },
		{ "unix:///", "'/' is not a socket's path" },
		{ "unix:///a%00b", "a control byte in the path" },
		{ "line://*:1?colour=red", "unknown word 'colour'" },
		{ "line://*:1?token=1&idle=1s", "unknown word 'token'" },
		{ "line://*:1?idle",
		    "the word 'idle' needs a value (idle=...)" },
		{ "line://*:1?=1s", "an empty word in the query" },
		{ "line://*:1?idle=1s&&first=1s",
		    "an empty word in the query" },
		{ "line://*:1?idle=",
		    "'idle' must be 0 to 86400000 ms, not ''" },
		{ "line://*:1?idle=-1",
		    "'idle' must be 0 to 86400000 ms, not '-1'" },
		{ "line://*:1?clients_max=1",
		    "only for all of netd (--limit), not in a URL: "
		    "'clients_max'" },
		{ "line://*:1?loss=101%",
		    "'loss' must be 0% to 100% (or 0 to 1), not '101%'" },
		{ "line://*:1?loss=2",
		    "'loss' must be 0% to 100% (or 0 to 1), not '2'" },
		{ "line://*:1?cut=-1%",
		    "'cut' must be 0% to 100% (or 0 to 1), not '-1%'" },
		{ "line://*:1?cut=.",
		    "'cut' must be 0% to 100% (or 0 to 1), not '.'" },
		{ "line://*:1?cut=1.0.0",
		    "'cut' must be 0% to 100% (or 0 to 1), not '1.0.0'" },
		{ "line://*:1?delay=61s",
		    "'delay' must be 0 to 60000 ms, not '61s'" },
		{ "line://*:1?rate=2g", "'rate' must be 0 to 1073741824 bytes "
					"per second, not '2g'" },
		{ "line://*:1?seed=x",
		    "'seed' must be a whole number, not 'x'" },
		{ "line://*:1?www=/srv", "'www' is a word of ws://, not of "
					 "line://" },
		{ "ws://*:1?www=", "'www' is empty" },
		{ "ws://*:1?www=%0a", "a control byte in the query" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct url u;
		char why[256];

		if (parse(&u, table[i].text, why, sizeof(why)))
			fail_msg("'%s' was taken", table[i].text);
		assert_string_equal(why, table[i].why);
	}
}

/* What is too long is refused, never cut; one byte less is taken. */
static void
every_part_has_its_longest(void **state)
{
	static const struct {
		const char *before, *after;
		size_t longest;
	} parts[] = {
		{ "ws://*:1/", "", 1022 }, { "ws://*:1/?www=", "", 1023 },
		{ "ws://*:1/?origin=", "", 511 },
		{ "ws://*:1/?subprotocol=", "", 127 }, { "unix:///", "", 106 },
		{ "line://", ":1", 63 }, /* a label of a name */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(parts); i++)
		for (size_t over = 0; over < 2; over++) {
			size_t n = strlen(parts[i].before);
			size_t fill = parts[i].longest + over;
			char text[4096], why[256];
			struct url u;

			strcpy(text, parts[i].before);
			memset(text + n, 'a', fill);
			strcpy(text + n + fill, parts[i].after);
			assert_int_equal(
			    parse(&u, text, why, sizeof(why)), !over);
		}
}

static void
a_url_cut_anywhere_is_taken_or_refused_with_a_reason(void **state)
{
	static const char all[] =
	    "ws://[fe80::1]:8080/play?www=/srv&idle=60s&loss=5%25&delay=80ms";

	(void)state;
	for (size_t cut = 0; cut < sizeof(all); cut++) {
		char text[sizeof(all)], why[256];
		struct url u;
		bool ok;

		memcpy(text, all, cut);
		text[cut] = '\0';
		ok = parse(&u, text, why, sizeof(why));
		assert_int_equal(ok, why[0] == '\0');
	}
}

static void
a_reason_fits_into_little_room(void **state)
{
	struct url u;
	char why[8];

	(void)state;
	assert_false(parse(&u, "http://*:80", why, sizeof(why)));
	assert_string_equal(why, "unknown");
}

static void
refused(const char *text, const char *because)
{
	struct url u;
	char why[256] = "";

	assert_false(parse(&u, text, why, sizeof(why)));
	assert_string_equal(why, because);
}

static void
what_is_spoken_is_one_that_the_transport_can_carry(void **state)
{
	struct url u;

	(void)state;
	u = good("ws://*:0/?speak=msgpack");
	assert_int_equal(u.speak, SPEAK_MSGPACK);
	u = good("line://*:0?speak=json");
	assert_int_equal(u.speak, SPEAK_JSON);
	u = good("tcp://*:0?speak=tpl");
	assert_int_equal(u.speak, SPEAK_TPL);
	u = good("ws://*:0/");
	assert_int_equal(u.speak, SPEAK_UNSAID);
	refused("ws://*:0/?speak=xml",
	    "'speak' must be raw, json, msgpack or tpl, not 'xml'");
	refused("line://*:0?speak=tpl",
	    "lines of line:// can be raw or json, not tpl");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_ports_and_paths),
		cmocka_unit_test(limits_are_set_and_the_rest_keeps_its_default),
		cmocka_unit_test(a_bad_network_in_words),
		cmocka_unit_test(words_of_a_browser),
		cmocka_unit_test(a_refusal_says_why),
		cmocka_unit_test(every_part_has_its_longest),
		cmocka_unit_test(
		    a_url_cut_anywhere_is_taken_or_refused_with_a_reason),
		cmocka_unit_test(a_reason_fits_into_little_room),
		cmocka_unit_test(
		    what_is_spoken_is_one_that_the_transport_can_carry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
