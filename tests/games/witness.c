/*
 * witness.c - a game that writes down what it sees, a line an event, for tests
 * that hold its account against what they did.
 *
 *	who                 -> "who TICKS NOW DICE", each from the stream
 *	hold FILE WORDS     stand still until there is FILE, then do WORDS
 *	flood KIB           so much to whoever asks, in one go
 *	timer N DELAY REPEAT / listen URL / unlisten N
 *	snapshot TEXT / tag TEXT
 *	call URL MS         gc_connect, then gc_read with this time-out
 */
#include "gamecore/gamecore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct gc_net *net;
static uint64_t ticks;

static void act(uint64_t conn, const char *words);

static void
who(uint64_t conn)
{
	gc_printf(net, conn, "who %" PRIu64 " %" PRId64 " %" PRIu64, ticks,
	    gc_now(net), gc_random(net, 0));
}

/* No frame says when: the test does, by a file. */
static void
hold(uint64_t conn, const char *words)
{
	char path[256];
	int n = 0;

	if (sscanf(words, "%255s %n", path, &n) != 1)
		return;
	printf("holding\n");
	while (access(path, F_OK) != 0)
		usleep(1000);
	act(conn, words + n);
}

static void
flood(uint64_t conn, const char *words)
{
	static char kib[1024];
	int r = 0;

	printf("flooding\n");
	memset(kib, 'x', sizeof(kib));
	for (long i = atol(words); i > 0 && r == 0; i--)
		r = gc_send(net, conn, kib, sizeof(kib));
	printf("flooded %d %d\n", r, gc_flush(net));
}

static void
call(const char *words)
{
	char url[256];
	const char *text;
	unsigned reason = 0;
	int ms = -1;
	struct gc_conn *con;

	if (sscanf(words, "%255s %d", url, &ms) < 1)
		return;
	con = gc_connect(net, url, &reason);
	if (con == NULL) {
		printf("called %s\n", gc_reason_name(reason));
		return;
	}
	gc_write(con, "calling", 7);
	printf("calling %" PRIu64 "\n", gc_conn_id(con));
	printf("read %zd\n", gc_read(con, &text, ms));
	printf("now %zd write %d\n", gc_read_now(con, &text),
	    gc_write(con, "?", 1));
	gc_disconnect(con);
}

static void
timer(const char *words)
{
	unsigned long number;
	int delay, repeat;

	if (sscanf(words, "%lu %d %d", &number, &delay, &repeat) == 3)
		gc_timer(net, number, delay, repeat);
}

static void
listen_at(const char *url)
{
	int n = gc_listen(net, url);

	printf("listening %d %s\n", n, gc_listening(net, n));
}

static void
act(uint64_t conn, const char *words)
{
	if (strcmp(words, "who") == 0)
		who(conn);
	else if (strncmp(words, "hold ", 5) == 0)
		hold(conn, words + 5);
	else if (strncmp(words, "flood ", 6) == 0)
		flood(conn, words + 6);
	else if (strncmp(words, "call ", 5) == 0)
		call(words + 5);
	else if (strncmp(words, "timer ", 6) == 0)
		timer(words + 6);
	else if (strncmp(words, "listen ", 7) == 0)
		listen_at(words + 7);
	else if (strncmp(words, "unlisten ", 9) == 0)
		gc_unlisten(net, atoi(words + 9));
	else if (strncmp(words, "snapshot ", 9) == 0)
		gc_snapshot(net, words + 9, strlen(words + 9));
	else if (strncmp(words, "tag ", 4) == 0)
		gc_tag(net, conn, words + 4, strlen(words + 4));
	else
		printf("said %s\n", words);
}

static void
on_event(const struct gc_event *ev)
{
	if (ev->kind == GC_OPEN)
		printf("open %" PRIu64 "\n", ev->conn);
	if (ev->kind == GC_OPEN && ev->peer->state == GC_RESUMED)
		printf("resumed %" PRIu64 " %.*s\n", ev->conn,
		    (int)ev->peer->tag_len, (const char *)ev->peer->tag);
	else if (ev->kind == GC_CLOSE)
		printf("close %" PRIu64 " %s\n", ev->conn,
		    gc_reason_name(ev->reason));
	else if (ev->kind == GC_MESSAGE)
		act(ev->conn, ev->text);
	else if (ev->kind == GC_TICK)
		ticks += ev->count;
	else if (ev->kind == GC_TIMER)
		printf("timer %" PRIu64 "\n", ev->timer);
	else if (ev->kind == GC_NOTICE)
		printf("notice %" PRIu64 " %s\n", ev->count, ev->text);
	else if (ev->kind == GC_UPGRADE)
		printf("upgrade\n");
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "line://127.0.0.1:0", NULL };
	struct gc_start start = { .name = "witness",
		.about = "Writes down what it sees.",
		.listen = listen,
		.may_connect = "*" };
	struct gc_event ev;
	const char *restored;
	size_t len;
	int r;

	net = gc_open(&start, argc, argv);
	if (net == NULL)
		return gc_explain(&start);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("begin %ld\n", (long)getpid());
	restored = gc_restored(net, &len);
	if (restored)
		printf("restored %.*s\n", (int)len, restored);
	gc_tick(net, 10);
	while ((r = gc_next(net, &ev)) == 0 && ev.kind != GC_STOP)
		on_event(&ev);
	while (r == 0 && gc_conns(net)) {
		uint64_t conn = gc_next_conn(net, 0);

		gc_hang_up(net, conn, GC_SHUTDOWN, NULL);
		while ((r = gc_next(net, &ev)) == 0) {
			on_event(&ev);
			if (ev.kind == GC_CLOSE)
				break;
		}
	}
	if (r < 0)
		printf("end %d %s\n", r, gc_problem(net));
	gc_close(net);
	return r < 0;
}
