/*
 * chat.c - one room for everybody, whatever they came with.
 *
 * A player on a terminal (line://), in a browser (ws://) and behind a program
 * (tcp://) are the same here: a number, and messages. Try
 *
 *	bin/chat --listen line://127.0.0.1:4000 --listen tcp://127.0.0.1:4001
 *
 * and see that not a line below changes. A message that ends in a newline is a
 * line; one that does not is a question, and what is typed stands behind it.
 * What a send answers is not looked at: a player who left is no error, and if
 * netd is gone gc_next() says so.
 */
#include "gamecore/gamecore.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>
#include <wctype.h>

#define ROOM 1 /* the group of those who have a name */
#define NAME_MAX_LEN 15
#define TEXT_MAX_LEN 400
#define HELP                                                             \
	"/who  /me does this  /tell name something  /nick name  /quit; " \
	"all else is said to everybody"

struct player {
	uint64_t conn;
	char name[NAME_MAX_LEN + 1]; /* empty until one was taken */
};

static struct player *
find(struct gc_net *net, const char *name)
{
	for (uint64_t c = gc_next_conn(net, 0); c; c = gc_next_conn(net, c)) {
		struct player *p = gc_bound(net, c);

		if (p != NULL && p->name[0] && !strcasecmp(p->name, name))
			return p;
	}
	return NULL;
}

/* Give p a name, or tell p why not. The tag brings it back if we restart. */
static bool
take_name(struct gc_net *net, struct player *p, const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t len = strlen(name);
	struct player *other = find(net, name);

	if (len == 0 || len > NAME_MAX_LEN || strspn(name, good) != len)
		gc_printf(net, p->conn,
		    "A name has 1 to %d of the characters a-z A-Z 0-9 - _. "
		    "Which one is yours? ",
		    NAME_MAX_LEN);
	else if (other != NULL && other != p)
		gc_printf(net, p->conn, "%s is taken. Which name is yours? ",
		    other->name);
	else {
		strcpy(p->name, name);
		gc_tag(net, p->conn, name, len);
		return true;
	}
	return false;
}

static void
enter(struct gc_net *net, struct player *p, const char *name)
{
	if (!take_name(net, p, name))
		return;
	gc_printf_group(net, ROOM, NULL, "* %s joined\n", p->name);
	gc_join(net, p->conn, ROOM);
	gc_printf(net, p->conn, "Hello %s. %s\n", p->name, HELP);
}

static void
who(struct gc_net *net, struct player *p, char *rest)
{
	(void)rest;
	for (uint64_t c = gc_next_conn(net, 0); c; c = gc_next_conn(net, c)) {
		struct player *other = gc_bound(net, c);

		if (other != NULL && other->name[0])
			gc_printf(net, p->conn, "* %s is here%s\n", other->name,
			    other == p ? " (you)" : "");
	}
}

static void
me(struct gc_net *net, struct player *p, char *rest)
{
	gc_printf_group(net, ROOM, NULL, "* %s %s\n", p->name, rest);
}

static void
nick(struct gc_net *net, struct player *p, char *rest)
{
	char old[sizeof(p->name)];

	strcpy(old, p->name);
	if (take_name(net, p, rest))
		gc_printf_group(
		    net, ROOM, NULL, "* %s is now %s\n", old, p->name);
}

static void
tell(struct gc_net *net, struct player *p, char *rest)
{
	const char *name = strsep(&rest, " ");
	struct player *other = find(net, name);

	if (other == NULL)
		gc_printf(net, p->conn, "Nobody here is called '%s'\n", name);
	else if (rest == NULL)
		gc_printf(net, p->conn, "Tell %s what?\n", other->name);
	else {
		gc_printf(
		    net, other->conn, "[%s tells you] %s\n", p->name, rest);
		gc_printf(net, p->conn, "[to %s] %s\n", other->name, rest);
	}
}

static void
quit(struct gc_net *net, struct player *p, char *rest)
{
	(void)rest;
	gc_printf(net, p->conn, "Goodbye\n");
	gc_hang_up(net, p->conn, GC_LEFT, NULL);
}

static void
help(struct gc_net *net, struct player *p, char *rest)
{
	(void)rest;
	gc_printf(net, p->conn, "%s\n", HELP);
}

static const struct command {
	const char *word;
	void (*run)(struct gc_net *net, struct player *p, char *rest);
} commands[] = { { "/who", who }, { "/me", me }, { "/nick", nick },
	{ "/tell", tell }, { "/quit", quit }, { "/help", help },
	{ NULL, NULL } };

static void
command(struct gc_net *net, struct player *p, char *line)
{
	char *word = strsep(&line, " ");

	for (const struct command *c = commands; c->word != NULL; c++)
		if (strcmp(c->word, word) == 0) {
			c->run(
			    net, p, line != NULL ? line : word + strlen(word));
			return;
		}
	gc_printf(net, p->conn, "No such command: %s. %s\n", word, HELP);
}

/* UTF-8 that shows: a player's escape sequence must not reach another's
 * terminal, and tcp:// brings any bytes. */
static bool
is_plain(const char *text, size_t len)
{
	mbstate_t state = { 0 };

	for (size_t n; len > 0; text += n, len -= n) {
		wchar_t c;

		n = mbrtowc(&c, text, len, &state);
		if (n == 0 || n > len || !iswprint((wint_t)c))
			return false;
	}
	return true;
}

static void
on_message(struct gc_net *net, struct player *p, const struct gc_event *ev)
{
	char line[TEXT_MAX_LEN + 1];

	if (ev->len > TEXT_MAX_LEN)
		gc_printf(net, p->conn, "Too long: %zu bytes, %d will do\n",
		    ev->len, TEXT_MAX_LEN);
	else if (!is_plain(ev->text, ev->len))
		gc_printf(net, p->conn, "Plain text in UTF-8, please\n");
	else if (ev->len == 0 && p->name[0])
		return;
	else {
		memcpy(line, ev->text, ev->len + 1);
		if (p->name[0] == '\0')
			enter(net, p, line);
		else if (line[0] == '/')
			command(net, p, line);
		else
			gc_printf_group(
			    net, ROOM, NULL, "<%s> %s\n", p->name, line);
	}
}

static void
on_open(struct gc_net *net, const struct gc_event *ev)
{
	struct player *p = calloc(1, sizeof(*p));

	if (p == NULL || gc_bind(net, ev->conn, p) != 0) {
		free(p);
		gc_hang_up(net, ev->conn, GC_NO_MEMORY, "no room left");
		return;
	}
	p->conn = ev->conn;
	if (ev->peer->state == GC_RESUMED && ev->peer->tag_len > 0 &&
	    ev->peer->tag_len <= NAME_MAX_LEN) {
		memcpy(p->name, ev->peer->tag, ev->peer->tag_len);
		gc_join(net, p->conn, ROOM);
	} else
		gc_printf(net, p->conn, "Welcome. What is your name? ");
}

static void
on_close(struct gc_net *net, struct player *p, unsigned reason)
{
	if (p->name[0])
		gc_printf_group(net, ROOM, NULL, "* %s left%s%s\n", p->name,
		    reason == GC_LEFT ? "" : ": ",
		    reason == GC_LEFT ? "" : gc_reason_text(reason));
	free(p);
}

/* 0 when asked to stop, else why there is no more to read. */
static int
chat(struct gc_net *net)
{
	struct gc_event ev;
	int error;

	while ((error = gc_next(net, &ev)) == 0) {
		struct player *p = ev.bound;

		if (ev.kind == GC_OPEN)
			on_open(net, &ev);
		else if (ev.kind == GC_MESSAGE && p != NULL)
			on_message(net, p, &ev);
		else if (ev.kind == GC_CLOSE && p != NULL)
			on_close(net, p, ev.reason);
		else if (ev.kind == GC_STOP) {
			gc_printf_group(
			    net, GC_ALL, NULL, "Shutting down...\n");
			break;
		}
	}
	return error;
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = { "line://*:4000",
		"ws://*:8081/chat?www={www}", NULL };
	struct gc_start start = { .name = "chat",
		.about = "One room for everybody: terminals, browsers and "
			 "programs talk to each other.",
		.listen = listen };
	struct gc_net *net = gc_open(&start, argc, argv);
	char address[256];
	int error;

	if (net == NULL)
		return gc_explain(&start);
	for (int i = 1; gc_address(net, i, address, sizeof(address)) == 0; i++)
		printf("chat: %s\n", address);
	fflush(stdout);
	setlocale(LC_CTYPE, "C.UTF-8");
	error = chat(net);
	if (error)
		fprintf(stderr, "chat: %s\n", gc_error_text(error));
	gc_close(net);
	return error ? 1 : 0;
}
