/* links: tests/lib/kit*.c tests/lib/family.c */
/*
 * Snake goes on: in its next program and under its next netd, the same snakes
 * on the same field, and the top scores for ever.
 */
#include "tests/lib/family.h"
#include "tests/lib/kit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kit_proc *snake;

static void
start(const char *size, const char *speed, const char *limit)
{
	snake = kit_game("snake", "--listen", "ws://127.0.0.1:0/play", "--size",
	    size, "--speed", speed, "--limit", limit, NULL);
}

/* A player: those who can come back begin each message with a sign. */
struct player {
	int fd;
	bool resumes;
	unsigned long received;
	char token[128];
	long frame;
};

static void
say(struct player *p, const char *format, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	text[0] = '=';
	vsnprintf(text + p->resumes, sizeof(text) - 1, format, ap);
	va_end(ap);
	kit_ws_send(p->fd, 1, text, strlen(text));
}

/* The next message; what it tells of the state is acknowledged. */
static const char *
next(struct player *p)
{
	static char *bytes; /* the case's */
	const char *text, *at;
	size_t len;

	do
		if (kit_ws_recv(p->fd, &bytes, &len) != 1)
			kit_fail("the line ends");
	while (p->resumes && *bytes != '=');
	p->received++;
	text = bytes + p->resumes;
	if (strncmp(text, "[\"$state\"", 9) != 0)
		return text;
	at = strstr(text, "\"to\":");
	say(p, "[\"$ack\",%ld]", atol(at + 5));
	at = strstr(text, "\"frame\":");
	if (at)
		p->frame = atol(at + 8);
	return text;
}

/* Read messages until one contains text; it is returned. */
static const char *
until(struct player *p, const char *text)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	const char *message;

	while (strstr(message = next(p), text) == NULL)
		if (kit_now_ms() > end)
			kit_fail("no '%s' came", text);
	return message;
}

/* The field moves. */
static void
until_moved(struct player *p)
{
	for (long frame = p->frame; p->frame <= frame;)
		next(p);
}

/* Somebody who comes now sees all there is. */
static const char *
seen_by_a_stranger(void)
{
	struct player p = { .fd = kit_ws(kit_url(snake, 1)) };
	const char *all = until(&p, "[\"$state\",{\"from\":0,");

	kit_close(p.fd);
	return all;
}

static void
expect_in(const char *all, const char *text)
{
	if (strstr(all, text) == NULL)
		kit_fail("no %s in %.600s", text, all);
}

static struct player
join(const char *name)
{
	struct player p = { .fd = kit_ws(kit_url(snake, 1)) };

	say(&p, "[\"name\",{\"name\":\"%s\"}]", name);
	until(&p, "[\"you\",");
	say(&p, "[\"join\"]");
	/* It is placed. */
	until(&p, "\"path\":[");
	return p;
}

/* A wide field and slow snakes: nobody reaches an edge meanwhile. */
static void
an_upgrade_keeps_the_snakes_on_the_field(void)
{
	struct player ann, bob, cyd;

	start("200x200", "5", "upgrade_ms=8000");
	ann = join("Ann");
	bob = join("Bob");
	until_moved(&bob);
	for (unsigned i = 1; i <= 3; i++) {
		const char *all;
		char text[64];
		long before = ann.frame;

		kit_signal(snake, SIGHUP);
		kit_expect_logs(snake, " upgraded ", i);
		/* They move, are steered, and have their names. */
		until_moved(&ann);
		until_moved(&bob);
		say(&ann, "[\"turn\",{\"way\":%u}]", i % 2 ? 0 : 1);
		say(&ann, "[\"turn\",{\"way\":%u}]", i % 2 ? 1 : 0);
		until(&ann, "\"path\":[");
		snprintf(text, sizeof(text), "still %u", i);
		say(&bob, "[\"talk\",{\"text\":\"%s\"}]", text);
		expect_in(until(&ann, text), "\"who\":\"Bob\"");
		assert_true(ann.frame > before);
		all = seen_by_a_stranger();
		expect_in(all, "\"name\":\"Ann\"");
		expect_in(all, "\"name\":\"Bob\"");
		expect_in(all, text);
	}
	/* A third one is seen by both. */
	cyd = join("Cyd");
	until(&ann, "\"name\":\"Cyd\"");
	until(&bob, "\"name\":\"Cyd\"");
	/* Who leaves dies, and the others hear of it. */
	kit_close(bob.fd);
	expect_in(until(&cyd, "\"out\":\"left\""), "\"who\":\"Bob\"");
	assert_int_equal(kit_count_log(snake, " game_died "), 0);
}

static void
bots_play_on(void)
{
	struct player p;

	snake = kit_game("snake", "--listen", "ws://127.0.0.1:0/play", "--bots",
	    "3", "--speed", "30", NULL);
	p.fd = kit_ws(kit_url(snake, 1));
	p.resumes = false;
	until(&p, "\"name\":\"Cobra\"");
	kit_signal(snake, SIGHUP);
	kit_expect_logs(snake, " upgraded ", 1);
	for (int i = 0; i < 30; i++)
		until_moved(&p);
}

/* Straight on into the wall, again and again, until a digit was in the way. */
static void
score_a_point(struct player *p)
{
	int64_t end = kit_now_ms() + 6 * KIT_WAIT_MS;

	while (kit_now_ms() < end) {
		const char *text = next(p), *died = strstr(text, "\"out\":");

		if (died && strstr(text, "\"top\":[[\"Ann\","))
			return;
		if (died)
			say(p, "[\"join\"]");
	}
	kit_fail("no digit was eaten");
}

static void
top_scores_outlive_a_cold_start(void)
{
	struct player p;
	char top[64];
	const char *all;

	start("10x10", "30", "restarts_max=1");
	p = join("Ann");
	score_a_point(&p);
	all = strstr(seen_by_a_stranger(), "\"top\":[[\"Ann\",");
	snprintf(top, sizeof(top), "%.*s", (int)strcspn(all, "]"), all);
	/* The first death is recovered, the second is one too many. */
	kill(family_game(snake, 0), SIGKILL);
	kit_expect_logs(snake, " recovered ", 1);
	kill(family_game(snake, 0), SIGKILL);
	kit_expect_logs(snake, " cold_start ", 1);
	say(&p, "[\"join\"]");
	until(&p, "\"path\":[");
	expect_in(seen_by_a_stranger(), top);
}

/* ---- netd ------------------------------------------------------------------
 */

static void
greet(struct player *p)
{
	char *word;
	size_t len;

	kit_ws_send(p->fd, 1, "!new", 4);
	kit_ws_recv(p->fd, &word, &len);
	if (sscanf(word, "!hello %127s", p->token) != 1)
		kit_fail("no token: '%s'", word);
	p->resumes = true;
	p->received = 0;
}

static struct player
resumable(void)
{
	struct player p = { .fd = kit_connect(kit_url(snake, 1)) };

	kit_send(p.fd,
	    "GET /play HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Protocol: penstock.resume.1\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
	while (strcmp(kit_line(p.fd), "\r") != 0)
		continue;
	return p;
}

/* netd died: on a new line the same player is there. */
static void
come_back(struct player *p)
{
	char word[200], *answer;
	size_t len;

	kit_close(p->fd);
	p->fd = resumable().fd;
	snprintf(word, sizeof(word), "!back %s %lu", p->token, p->received);
	kit_ws_send(p->fd, 1, word, strlen(word));
	kit_ws_recv(p->fd, &answer, &len);
	assert_string_equal(answer, "!gone");
	greet(p);
}

/* The room waits for whom it lost with netd, so nothing happened meanwhile. */
static void
a_death_of_netd_costs_no_snake(void)
{
	struct player ann, bob;
	long frame;

	snake = kit_game("snake", "--listen",
	    "ws://127.0.0.1:0/play?resume=20s", "--size", "200x200", NULL);
	ann = resumable();
	greet(&ann);
	say(&ann, "[\"name\",{\"name\":\"Ann\"}]");
	until(&ann, "[\"you\",");
	say(&ann, "[\"join\"]");
	until(&ann, "\"path\":[");
	bob = join("Bob");
	for (int i = 0; i < 3; i++) {
		until_moved(&ann);
		frame = ann.frame;
		kill(kit_child(snake, "netd"), SIGKILL);
		kit_expect_logs(snake, " netd_died ", (unsigned)i + 1);
		come_back(&ann);
		/* Under its old id, with its name and its snake. */
		expect_in(until(&ann, "[\"you\","), "\"name\":\"Ann\"");
		expect_in(until(&ann, "[\"$state\",{\"from\":0,"),
		    "\"name\":\"Ann\"");
		assert_true(ann.frame >= frame && ann.frame <= frame + 2);
		until_moved(&ann);
	}
	/* It is steered as before. */
	say(&ann, "[\"turn\",{\"way\":0}]");
	say(&ann, "[\"turn\",{\"way\":1}]");
	until(&ann, "\"path\":[");
	(void)bob;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(an_upgrade_keeps_the_snakes_on_the_field),
		KIT_TEST(bots_play_on),
		KIT_TEST(top_scores_outlive_a_cold_start),
		KIT_TEST(a_death_of_netd_costs_no_snake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
