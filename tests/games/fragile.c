/*
 * fragile.c - an echo that one word kills, however often it hears it; and that
 * dies of every tick once it was told "clock". Words:
 *
 *	die		abort
 *	clock		a tick, and with it death
 *	wait URL	connect there, wait for one message, repeat it; "die"
 *			from there kills as well
 * --first URL does "wait URL" before the first event is looked at.
 * A path (of a WebSocket) that ends with "die" kills when its player comes.
 */
#include "gamecore/gamecore.h"

#include <stdlib.h>
#include <string.h>

static bool
is(const struct gc_event *ev, const char *word)
{
	return strcmp(ev->text, word) == 0;
}

static void
hear(const char *text)
{
	if (strcmp(text, "die") == 0)
		abort();
}

static void
await(struct gc_net *net, uint64_t player, const char *url)
{
	struct gc_conn *con = gc_connect(net, url, NULL);
	const char *text;

	if (con == NULL || gc_read(con, &text, -1) < 0) {
		gc_printf(net, player, "waited in vain: %s", gc_problem(net));
	} else {
		hear(text);
		gc_printf(net, player, "heard %s", text);
	}
	gc_disconnect(con);
}

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "line://127.0.0.1:0", NULL };
	const char *first = NULL;
	const struct gc_option options[] = { { .name = "first",
						 .value = "URL",
						 .help = "wait for it",
						 .text = &first },
		{ 0 } };
	struct gc_start start = { .name = "fragile",
		.about = "An echo that dies of the word 'die'.",
		.listen = listen,
		.may_connect = "*",
		.options = options };
	struct gc_net *net = gc_open(&start, argc, argv);
	struct gc_event ev;

	if (net == NULL)
		return gc_explain(&start);
	if (first)
		await(net, 0, first);
	while (gc_next(net, &ev) == 0 && ev.kind != GC_STOP) {
		if (ev.kind == GC_TICK)
			abort();
		if (ev.kind == GC_NOTICE)
			gc_printf_group(
			    net, GC_ALL, NULL, "notice %s", ev.text);
		if (ev.kind == GC_OPEN && ends_with(ev.peer->path, "die"))
			abort();
		if (ev.kind != GC_MESSAGE)
			continue;
		hear(ev.text);
		if (strncmp(ev.text, "wait ", 5) == 0) {
			await(net, ev.conn, ev.text + 5);
			continue;
		}
		if (is(&ev, "clock"))
			gc_tick(net, 10);
		gc_send(net, ev.conn, ev.text, ev.len);
	}
	gc_close(net);
	return 0;
}
