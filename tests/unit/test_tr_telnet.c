/* links: netd/tr_telnet.c netd/telnet*.c netd/line_edit.c netd/utf8.c */
/* links: netd/mask.c */
/* links: netd/config.c netd/side.c netd/msdp.c netd/terminal.c netd/outq.c */
/* links: netd/look.c */
/* links: netd/ws_frame.c */
/*
 * netd/tr_telnet.c: what it makes of options and lines, by transcripts.
 *
 * tests/golden/telnet_NAME.in is a conversation, a line an act:
 *	C bytes    the client sends        G bytes    the game sends
 *	H 1        the game hides the input (H 0: shows it again)
 *	P          nothing came for a while     T 500    so many ms pass
 *	m bytes    the game sends markup
 *	D bytes    the game says something beside the text
 *	Z 0        no memory for compression
 *	A 0 2      the game sets an ability (IPC_SET_*) to this
 * and NAME.out what follows from it: S what is sent to the client, M a
 * message, D one beside the text, W the window, T the terminal, A what it can
 * do, X the end. Bytes are written as they
 * are, others, and the words of telnet, in <>: <IAC WILL ECHO>, <CR LF>, <27>.
 * A line that begins with # is a comment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_telnet.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>

#define S(text) text, sizeof(text) - 1

static const struct {
	const char *word;
	unsigned byte;
} words[] = { { "NUL", 0 }, { "BEL", 7 }, { "BS", 8 }, { "TAB", 9 },
	{ "LF", 10 }, { "CR", 13 }, { "ESC", 27 }, { "DEL", 127 },
	{ "EOF", 236 }, { "EOR", 239 }, { "SE", 240 }, { "NOP", 241 },
	{ "DM", 242 }, { "BRK", 243 }, { "IP", 244 }, { "AO", 245 },
	{ "AYT", 246 }, { "EC", 247 }, { "EL", 248 }, { "GA", 249 },
	{ "SB", 250 }, { "WILL", 251 }, { "WONT", 252 }, { "DO", 253 },
	{ "DONT", 254 }, { "IAC", 255 } },
  options[] = { { "ECHO", 1 }, { "SGA", 3 }, { "TM", 6 }, { "TTYPE", 24 },
	  { "EOR", 25 }, { "NAWS", 31 }, { "LINEMODE", 34 }, { "ENVIRON", 39 },
	  { "CHARSET", 42 }, { "MSDP", 69 }, { "MSSP", 70 },
	  { "COMPRESS2", 86 }, { "GMCP", 201 } };
#define N_WORDS (sizeof(words) / sizeof(words[0]))
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

/* Behind a verb or SB a word is an option. */
static bool
takes_option(int before)
{
	return before >= 250 && before <= 254;
}

static unsigned
byte_of(const char *word, size_t len, int before)
{
	char *stop;
	unsigned long n;

	for (size_t i = 0; takes_option(before) && i < N_OPTIONS; i++)
		if (strlen(options[i].word) == len &&
		    memcmp(options[i].word, word, len) == 0)
			return options[i].byte;
	for (size_t i = 0; i < N_WORDS; i++)
		if (strlen(words[i].word) == len &&
		    memcmp(words[i].word, word, len) == 0)
			return words[i].byte;
	n = strtoul(word, &stop, 10);
	if (stop != word + len || n > 255)
		fail_msg("no such byte: <%.*s>", (int)len, word);
	return (unsigned)n;
}

/* One line of a transcript to bytes. */
static void
read_bytes(const char *p, struct ipc_buf *b)
{
	int before = -1;

	while (*p) {
		uint8_t byte = (uint8_t)*p++;

		if (byte != '<') {
			ipc_buf_add(b, &byte, 1);
			continue;
		}
		while (*p != '>') {
			size_t n = strcspn(p, " >");

			before = (int)byte_of(p, n, before);
			byte = (uint8_t)before;
			ipc_buf_add(b, &byte, 1);
			p += n;
			p += *p == ' ';
		}
		p++;
		before = -1;
	}
}

static const char *
word_of(unsigned byte, unsigned before, bool sub_end)
{
	if (takes_option((int)before) && !sub_end)
		for (size_t i = 0; i < N_OPTIONS; i++)
			if (options[i].byte == byte)
				return options[i].word;
	for (size_t i = 0; i < N_WORDS; i++)
		if (words[i].byte == byte)
			return words[i].word;
	return NULL;
}

/* What was sent, a line of the transcript for each that the player sees, and
 * one for each command. */
static void
write_bytes(const uint8_t *p, size_t n, struct ipc_buf *b)
{
	unsigned before = 0;
	bool open = false, line = false;

	for (size_t i = 0; i < n; i++) {
		const char *word = word_of(p[i], before, false);
		bool plain = p[i] >= 32 && p[i] < 127 && p[i] != '<' &&
			     !takes_option((int)before);

		if (!line)
			ipc_buf_printf(b, "S ");
		line = true;
		if (plain) {
			ipc_buf_printf(b, "%s%c", open ? ">" : "", p[i]);
			open = false;
		} else {
			ipc_buf_printf(b, open ? " " : "<");
			open = true;
			if (word)
				ipc_buf_printf(b, "%s", word);
			else
				ipc_buf_printf(b, "%u", p[i]);
		}
		if (p[i] == 10 || (before >= 251 && before < 255) ||
		    (before == 255 && p[i] < 250 && p[i] != 255)) {
			ipc_buf_printf(b, "%s\n", open ? ">" : "");
			open = line = false;
		}
		before = before == 255 || p[i] == 255 ? p[i] : 0;
	}
	if (line)
		ipc_buf_printf(b, "%s\n", open ? ">" : "");
}

/* What happened since the last time: the game's side first. */
static void
settle(struct ipc_buf *b)
{
	ipc_buf_add(
	    b, ft.game.data ? ft.game.data : (const uint8_t *)"", ft.game.len);
	write_bytes(ft.out.data, ft.out.len, b);
	ipc_buf_clear(&ft.game);
	ipc_buf_clear(&ft.out);
}

static void
act(const char *line, size_t cut, struct ipc_buf *out)
{
	const char *rest = line[1] ? line + 2 : "";
	struct ipc_buf b;

	ipc_buf_init(&b, 65536);
	if (line[0] == 'C') {
		read_bytes(rest, &b);
		if (cut > b.len)
			cut = b.len;
		ft_arrive(b.data, cut);
		ft_arrive(b.data + cut, b.len - cut);
	} else if (line[0] == 'G') {
		read_bytes(rest, &b);
		ft_send(b.data ? b.data : (const uint8_t *)"", b.len);
	} else if (line[0] == 'H') {
		tr_telnet.hide(&ft.c, rest[0] == '1');
	} else if (line[0] == 'P') {
		ft.c.pinged = true;
		tr_telnet.ping(&ft.c);
		assert_false(ft.c.pinged);
	} else if (line[0] == 'm') {
		read_bytes(rest, &b);
		ft_send_as(IPC_MARKUP, b.data, b.len);
	} else if (line[0] == 'D') {
		read_bytes(rest, &b);
		ft_side(b.data, b.len);
	} else if (line[0] == 'A') {
		assert_true(terminal_set(
		    &ft.c, (unsigned)atoi(rest), atoi(strchr(rest, ' '))));
	} else if (line[0] == 'Z') {
		ft.netd.config.compress_bytes = atoi(rest);
	} else if (line[0] == 'T') {
		ft.netd.now_us += atoll(rest) * 1000;
	} else {
		fail_msg("no such act: %s", line);
	}
	ipc_buf_release(&b);
	if (ft.closed && !ft.c.said_goodbye) {
		ft.c.said_goodbye = true;
		tr_telnet.goodbye(&ft.c, ft.closed, S("Bye"));
	}
	settle(out);
}

static char *
read_file(const char *name)
{
	FILE *f = fopen(name, "rb");
	char *text = calloc(1, 1u << 16);

	if (f == NULL || text == NULL)
		fail_msg("cannot read %s", name);
	text[fread(text, 1, (1u << 16) - 1, f)] = '\0';
	fclose(f);
	return text;
}

/* Play a transcript, each of the client's sends cut in two at cut. */
static char *
play(const char *in, size_t cut)
{
	char *text = strdup(in), *rest = text, *line;
	struct ipc_buf out;

	assert_non_null(text);
	ipc_buf_init(&out, 1u << 20);
	ft_init(4096, false);
	settle(&out);
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (cut == 0)
			ipc_buf_printf(&out, "# %s\n", line);
		act(line, cut, &out);
	}
	ft_release();
	free(text);
	ipc_buf_add(&out, "", 1);
	return (char *)out.data;
}

/* Lines that begin with # are not compared. */
static char *
without_comments(char *text)
{
	char *to = text;

	for (char *p = text; *p;) {
		size_t n = strcspn(p, "\n");

		n += p[n] == '\n';
		if (*p != '#') {
			memmove(to, p, n);
			to += n;
		}
		p += n;
	}
	*to = '\0';
	return text;
}

static void
transcripts_are_as_they_were_at_every_cut(void **state)
{
	glob_t all;

	(void)state;
	assert_int_equal(glob("tests/golden/telnet_*.in", 0, NULL, &all), 0);
	for (size_t i = 0; i < all.gl_pathc; i++) {
		char *in = read_file(all.gl_pathv[i]), *want, *got;
		char name[256];

		snprintf(name, sizeof(name), "%.*s.out",
		    (int)strlen(all.gl_pathv[i]) - 3, all.gl_pathv[i]);
		got = play(in, 0);
		if (getenv("GOLDEN")) {
			FILE *f = fopen(name, "wb");

			assert_non_null(f);
			fputs(got, f);
			fclose(f);
		}
		want = read_file(name);
		if (strcmp(got, want) != 0)
			fail_msg("%s: it is now\n%s", name, got);
		without_comments(want);
		free(got);
		for (size_t cut = 1; cut < 120; cut++) {
			got = play(in, cut);
			if (strcmp(got, want) != 0)
				fail_msg(
				    "%s: cut at %zu it is\n%s", name, cut, got);
			free(got);
		}
		free(want);
		free(in);
	}
	assert_true(all.gl_pathc >= 8);
	globfree(&all);
}

static void
a_client_of_ours_speaks_lines_and_refuses_the_rest(void **state)
{
	(void)state;
	ft_init(4096, true);
	assert_int_equal(ft.out.len, 0);
	ft_arrive(S("\xff\xfb\x01\xff\xfb\x19\xff\xfd\x18Name? \xff\xef"
		    "Hello\r\n"));
	assert_int_equal(ft.game.len, 17);
	assert_memory_equal(ft.game.data, "M Name? \nM Hello\n", 17);
	assert_int_equal(ft.out.len, 9);
	assert_memory_equal(
	    ft.out.data, "\xff\xfe\x01\xff\xfd\x19\xff\xfc\x18", 9);
	ipc_buf_clear(&ft.out);
	ft_send(S("look"));
	ft_send(S("go\n"));
	assert_int_equal(ft.out.len, 10);
	assert_memory_equal(ft.out.data, "look\r\ngo\r\n", 10);
	ft_release();
}

static void
feeding_stops_behind_the_message_that_stops_it(void **state)
{
	static const uint8_t in[] = "one\r\ntwo\r\nthr\xff\xf6"
				    "ee\r\n";

	(void)state;
	ft_init(4096, false);
	ft.stop_every = 1;
	assert_int_equal(tr_telnet.feed(&ft.c, in, sizeof(in) - 1), 4);
	assert_int_equal(tr_telnet.feed(&ft.c, in + 4, sizeof(in) - 5), 5);
	assert_int_equal(tr_telnet.feed(&ft.c, in + 9, sizeof(in) - 10), 9);
	assert_int_equal(tr_telnet.feed(&ft.c, in + 18, sizeof(in) - 19), 1);
	assert_memory_equal(ft.game.data, "M one\nM two\nM three\n", 20);
	ft_release();
}

static void
questions_are_answered_so_often_a_second(void **state)
{
	(void)state;
	ft_init(4096, false);
	ipc_buf_clear(&ft.out);
	for (int i = 0; i < 100000; i++)
		ft_arrive(S("\xff\xf6"));
	assert_true(ft.out.len > 100 && ft.out.len <= 50 * 9);
	ft.netd.now_us += 1000000;
	ipc_buf_clear(&ft.out);
	for (int i = 0; i < 1000; i++)
		ft_arrive(S("\xff\xf6"));
	assert_in_range(ft.out.len, 9 * 9, 11 * 9);
	ft_release();
}

/* Whatever is asked again and again: the answers are few, and the game is told
 * no more often. */
static void
no_question_is_worth_asking_for_its_answer(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} asks[] = {
		{ S("\xff\xfd\xc9\xff\xfe\xc9") },
		{ S("\xff\xfa\xc9"
		    "Core.Ping\xff\xf0") },
		{ S("\xff\xfa\x45\x01LIST\x02LISTS\xff\xf0") },
		{ S("\xff\xfa\x45\x01SEND\x02X\xff\xf0") },
		{ S("\xff\xfa\x45\x01REPORT\x02X\x02X\x02X\xff\xf0") },
		{ S("\xff\xfa\x2a\x01;UTF-8\xff\xf0"
		    "\xff\xfa\x2a\x02ASCII\xff\xf0") },
		{ S("\xff\xfa\x22\x03\x03\x62\x03\xff\xf0") },
		{ S("\xff\xfa\x22\x01\x07\xff\xf0\xff\xfa\x22\x01\x04\xff\xf0") },
		{ S("\xff\xfa\x27\x02\x00MTTS\x01"
		    "1\xff\xf0") },
		{ S("\xff\xfa\x18\x00XTERM\xff\xf0\xff\xfa\x18\x00X\xff\xf0") },
		{ S("\xff\xfd\x56\xff\xfe\x56") },
		{ S("\xff\xfd\x06") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		ft_init(4096, false);
		ft_arrive(S("\xff\xfd\x45\xff\xfd\xc9\xff\xfd\x2a\xff\xfb\x22"
			    "\xff\xfb\x27\xff\xfb\x18"));
		ft_side("X \"0123456789012345678901234567890123456789\"", 44);
		ft.netd.now_us += 10000000;
		ipc_buf_clear(&ft.out);
		ipc_buf_clear(&ft.game);
		for (int times = 0; times < 5000; times++)
			ft_arrive(asks[i].bytes, asks[i].len);
		if (ft.out.len > 51 * 150 || ft.game.len > 51 * 100)
			fail_msg("row %zu: %zu bytes out, %zu told", i,
			    ft.out.len, ft.game.len);
		ft_release();
	}
}

static void
a_window_that_is_dragged_tells_its_last_size(void **state)
{
	uint8_t naws[] = "\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0";

	(void)state;
	ft_init(4096, false);
	ft_arrive(S("\xff\xfb\x1f"));
	for (uint8_t columns = 10; columns < 250; columns++) {
		naws[4] = columns;
		ft_arrive(naws, 9);
	}
	assert_true(ft.game.len < 50 * 10);
	ipc_buf_clear(&ft.game);
	ft.netd.now_us += 1000000;
	ft_arrive(S("x"));
	assert_int_equal(ft.game.len, 9);
	assert_memory_equal(ft.game.data, "W 249x24\n", 9);
	ft_release();
}

static void
a_key_makes_us_draw_so_much_a_second(void **state)
{
	char keys[500];

	(void)state;
	memset(keys, 'x', sizeof(keys));
	ft_init(4096, false);
	ft_arrive(S("\xff\xfd\x01\xff\xfd\x03"));
	ft_arrive(keys, sizeof(keys));
	for (int i = 0; i < 10000; i++)
		ft_arrive(S("\x01\x05"));
	assert_in_range(ft.out.len, 16 << 10, 34 << 10);
	ft_arrive(S("\r"));
	assert_int_equal(ft.game.len, 503);
	ft_release();
}

static void
an_endless_line_is_refused(void **state)
{
	char keys[4097];

	(void)state;
	memset(keys, 'x', sizeof(keys));
	ft_init(4096, false);
	ft_arrive(keys, sizeof(keys));
	assert_int_equal(ft.closed, IPC_REASON_TOO_LONG);
	ft_release();
}

/* Whatever it is of: one that we asked for, one that means nothing to us. */
static void
an_endless_subnegotiation_is_refused(void **state)
{
	char bytes[8192];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	for (int agreed = 0; agreed < 2; agreed++) {
		ft_init(4096, false);
		ft_arrive("\xff\xfd\xc9", agreed ? 3 : 0);
		ft_arrive(S("\xff\xfa\xc9"));
		ft_arrive(bytes, sizeof(bytes));
		assert_int_equal(ft.closed, 0);
		ft_arrive(S("x"));
		assert_int_equal(ft.closed, IPC_REASON_TOO_LONG);
		ft_release();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transcripts_are_as_they_were_at_every_cut),
		cmocka_unit_test(
		    a_client_of_ours_speaks_lines_and_refuses_the_rest),
		cmocka_unit_test(
		    feeding_stops_behind_the_message_that_stops_it),
		cmocka_unit_test(questions_are_answered_so_often_a_second),
		cmocka_unit_test(no_question_is_worth_asking_for_its_answer),
		cmocka_unit_test(a_window_that_is_dragged_tells_its_last_size),
		cmocka_unit_test(a_key_makes_us_draw_so_much_a_second),
		cmocka_unit_test(an_endless_line_is_refused),
		cmocka_unit_test(an_endless_subnegotiation_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
