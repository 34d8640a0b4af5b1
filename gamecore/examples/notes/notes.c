/*
 * notes.c - a board of notes: one declaration, a server and a C client.
 *
 *	bin/notes                                        the board
 *	bin/notes 'tcp://127.0.0.1:4010?speak=tpl'       watch it in a terminal
 *	bin/notes 'tcp://127.0.0.1:4010?speak=tpl' Ann   type notes, see others'
 *	bin/notes 'tcp://127.0.0.1:4010?speak=tpl' Ann "Back at six"
 *
 * The page in www/ does the same. Nothing in here knows that it hears and says
 * JSON, and the other terminal tpl images.
 */
#include "gamecore/gamecore.h"

#include <stdio.h>
#include <string.h>

enum {
	NOTES_MAX = 20,
	WHO_MAX = 24,
	TEXT_MAX = 200,
	TAGS_MAX = 4,
	TAG_MAX = 16
};

#define COLOUR(NAME)         \
	NAME(YELLOW, yellow) \
	NAME(GREEN, green)   \
	NAME(PINK, pink)
GC_ENUM(colour, COLOUR);

/* A colour and whom it is for may be missing. */
#define NOTE(FIELD)                        \
	FIELD(STR, who, WHO_MAX)           \
	FIELD(STR, text, TEXT_MAX)         \
	FIELD(MAYBE, STR, to, WHO_MAX)     \
	FIELD(MAYBE, ENUM, colour, colour) \
	FIELD(LIST_OF, STR, tags, TAGS_MAX, TAG_MAX)
GC_TYPE(note, NOTE);

#define BOARD(FIELD) FIELD(LIST, note, notes, NOTES_MAX)
GC_TYPE(board, BOARD);

static const struct gc_type *const types[] = { &note_type, &board_type, NULL };

/* ---- the board ------------------------------------------------------------
 */

/* A note, and what its struct points to. */
static struct kept {
	struct note note;
	const char *tags[TAGS_MAX];
	char who[WHO_MAX + 1], text[TEXT_MAX + 1], to[WHO_MAX + 1];
	char words[TAGS_MAX][TAG_MAX + 1];
} kept[NOTES_MAX];
static uint32_t n_kept; /* the oldest goes when there are too many */

/* They fit: netd let in nothing longer. */
static void
keep(struct kept *k, const struct note *note)
{
	k->note = *note;
	k->note.who = strcpy(k->who, note->who);
	k->note.text = strcpy(k->text, note->text);
	k->note.to = note->to ? strcpy(k->to, note->to) : NULL;
	for (uint32_t i = 0; i < note->n_tags; i++)
		k->tags[i] = strcpy(k->words[i], note->tags[i]);
	k->note.tags = k->tags;
}

static void
show_board(struct gc_net *net, uint64_t conn)
{
	struct note notes[NOTES_MAX];
	struct board board = { .notes = notes };
	uint32_t first = n_kept > NOTES_MAX ? n_kept - NOTES_MAX : 0;

	for (uint32_t i = first; i < n_kept; i++)
		notes[board.n_notes++] = kept[i % NOTES_MAX].note;
	gc_send_typed(net, conn, NULL, &board_type, &board);
}

static void
pin(struct gc_net *net, const struct note *note)
{
	keep(&kept[n_kept++ % NOTES_MAX], note);
	gc_cast(net, GC_ALL, NULL, &note_type, note);
}

static int
serve(struct gc_net *net)
{
	struct gc_event ev;
	char address[256];
	int r;

	for (int i = 1; gc_address(net, i, address, sizeof(address)) == 0; i++)
		printf("notes: at %s\n", address);
	fflush(stdout);
	while ((r = gc_next(net, &ev)) == 0 && ev.kind != GC_STOP)
		if (ev.kind == GC_OPEN)
			show_board(net, ev.conn);
		else if (ev.kind == GC_TYPED && GC_AS(note, &ev))
			pin(net, GC_AS(note, &ev));
	return r;
}

/* ---- the client ------------------------------------------------------------
 */

/* "Ann to Bob: text (pink)" */
static const char *
line_of(const struct note *note)
{
	static char line[2 * WHO_MAX + TEXT_MAX + 64];

	snprintf(line, sizeof(line), "%s%s%s: %s%s%s%s", note->who,
	    note->to ? " to " : "", note->to ? note->to : "", note->text,
	    note->has_colour ? " (" : "",
	    note->has_colour ? colour_name(note->colour) : "",
	    note->has_colour ? ")" : "");
	return line;
}

static void
print(const struct note *note)
{
	puts(line_of(note));
	fflush(stdout);
}

/* Pin a note if there is one, and print them; ours is the last then. */
static int
visit(struct gc_net *net, const char *url, const struct note *ours)
{
	struct gc_conn *con = gc_connect(net, url, NULL);
	struct gc_event ev;
	bool done = false;
	int r = 0;

	if (con == NULL) {
		fprintf(stderr, "notes: %s\n", gc_problem(net));
		return GC_ECLOSED;
	}
	if (ours)
		r = gc_write_typed(con, &note_type, ours);
	while (!done && r == 0 && (r = gc_read_typed(con, &ev, -1)) == 0) {
		const struct board *board = GC_AS(board, &ev);
		const struct note *note = GC_AS(note, &ev);

		for (uint32_t i = 0; board && i < board->n_notes; i++)
			print(&board->notes[i]);
		if (note)
			print(note);
		done = note && ours && strcmp(note->who, ours->who) == 0 &&
		       strcmp(note->text, ours->text) == 0;
	}
	if (r < 0 && r != GC_ESTOPPED)
		fprintf(stderr, "notes: %s\n", gc_problem(net));
	gc_disconnect(con);
	return r == GC_ESTOPPED ? 0 : r;
}

/* ---- the client with a keyboard --------------------------------------------
 */

struct desk {
	struct gc_conn *con;
	const char *who;
};

/* One line of the keyboard is one note. */
static int
type_notes(struct gc_session *s, void *arg)
{
	const struct desk *d = arg;
	struct gc_net *net = gc_session_net(s);
	char line[TEXT_MAX + 1];
	ssize_t n;

	while ((n = gc_readline(s, line, sizeof(line))) >= 0) {
		struct note note = { .who = d->who, .text = line };

		if (n > 0 && gc_write_typed(d->con, &note_type, &note) < 0)
			gc_say(s, "%s", gc_problem(net));
	}
	return (int)n;
}

/* What comes from the board is shown to whoever types. */
static int
show_notes(struct gc_session *s, void *arg)
{
	const struct desk *d = arg;
	struct gc_net *net = gc_session_net(s);
	struct gc_event ev;
	int r;

	while ((r = gc_read_typed(d->con, &ev, -1)) == 0) {
		const struct board *board = GC_AS(board, &ev);
		const struct note *note = GC_AS(note, &ev);

		for (uint32_t i = 0; board && i < board->n_notes; i++)
			gc_printf_group(
			    net, GC_ALL, NULL, "%s", line_of(&board->notes[i]));
		if (note)
			gc_printf_group(net, GC_ALL, NULL, "%s", line_of(note));
	}
	if (r == GC_ECLOSED)
		gc_serve_end(net, 1);
	return r;
}

static int
sit_down(struct gc_net *net, const char *url, const char *who)
{
	struct desk d = { gc_connect(net, url, NULL), who };
	int r;

	if (d.con == NULL || gc_task(net, "board", show_notes, &d) == 0) {
		fprintf(stderr, "notes: %s\n", gc_problem(net));
		return GC_ECLOSED;
	}
	r = gc_serve(net, type_notes, &d);
	if (r > 0)
		fputs("notes: the board is closed\n", stderr);
	gc_disconnect(d.con);
	return r;
}

int
main(int argc, char **argv)
{
	static const char *const keyboard[] = { "tty:", NULL };
	static const char *const listen[] = {
		"ws://*:8082/?www={www}&resume=30s", "tcp://127.0.0.1:4010",
		NULL
	};
	bool visits = argc > 1 && argv[1][0] != '-';
	struct gc_start start = { .name = "notes",
		.about = "A board of notes, and a client of it:\n"
			 "notes 'tcp://127.0.0.1:4010?speak=tpl' Ann",
		.arguments = "[URL [WHO [TEXT]]]",
		.listen = !visits     ? listen
			  : argc == 3 ? keyboard
				      : NULL,
		.may_connect = "*",
		.types = types };
	struct gc_net *net = gc_open(&start, argc, argv);
	char **args = argv + start.first_argument;
	int n = argc - start.first_argument, r;

	if (net == NULL)
		return gc_explain(&start);
	if (n == 0)
		r = serve(net);
	else if (n == 2)
		r = sit_down(net, args[0], args[1]);
	else
		r = visit(net, args[0],
		    n == 3 ? &(struct note){ .who = args[1], .text = args[2] }
			   : NULL);
	gc_close(net);
	return r < 0 ? 1 : 0;
}
