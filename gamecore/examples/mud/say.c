/*
 * say.c - words to people.
 *
 * All texts are markup ({red}...), which netd turns into what each terminal
 * can show; a player's own words go through say_words(). Every text ends its
 * line, so whoever hears something wants a new prompt.
 */
#include "mud.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SAY_BYTES 8192
#define LINE_COLUMNS 79

static int
lay(char out[SAY_BYTES], const char *format, va_list ap)
{
	int len = vsnprintf(out, SAY_BYTES - 1, format, ap);

	if (len < 0)
		return 0;
	if (len > SAY_BYTES - 3)
		len = SAY_BYTES - 3;
	out[len++] = '\n';
	return len;
}

/* Not on the small stacks of sessions; used up before anybody waits. */
static char words[SAY_BYTES];

void
say(const struct body *to, const char *format, ...)
{
	va_list ap;
	int len;

	if (to->player == NULL || to->player->line_dead)
		return;
	va_start(ap, format);
	len = lay(words, format, ap);
	va_end(ap);
	/* Nobody breaks lines for netcat. */
	if (to->player->is_line) {
		words[len] = '\0';
		text_wrap(words, LINE_COLUMNS);
	}
	gc_session_write(to->player->s, words, (size_t)len);
	prompt_stale(to->player, STALE_PROMPT);
}

/* With one listener left out it is one frame for all of them. */
void
say_room(struct room *r, const struct body *but, const struct body *nor,
    const char *format, ...)
{
	const struct body *b;
	va_list ap;
	int len;

	va_start(ap, format);
	len = lay(words, format, ap);
	va_end(ap);
	if (but == NULL || but->player == NULL) {
		but = nor;
		nor = NULL;
	}
	if (nor == NULL || nor->player == NULL) {
		nor = NULL;
		gc_room_say(r->voice,
		    but && but->player ? but->player->s : NULL, "%.*s", len,
		    words);
	}
	TAILQ_FOREACH (b, &r->bodies, here) {
		if (b->player == NULL || b == but || b == nor)
			continue;
		if (nor)
			gc_session_write(b->player->s, words, (size_t)len);
		prompt_stale(b->player, STALE_PROMPT);
	}
}

void
say_all(struct mud *m, const struct body *but, const char *format, ...)
{
	struct player *p;
	va_list ap;
	int len;

	va_start(ap, format);
	len = lay(words, format, ap);
	va_end(ap);
	TAILQ_FOREACH (p, &m->players, next) {
		if (p->body == but || p->line_dead)
			continue;
		gc_session_write(p->s, words, (size_t)len);
		prompt_stale(p, STALE_PROMPT);
	}
}

const char *
say_cap(const char *name)
{
	static char out[4][64];
	static unsigned turn;
	char *to = out[turn++ % 4];

	snprintf(to, sizeof(out[0]), "%s", name);
	to[0] = (char)toupper((unsigned char)to[0]);
	return to;
}

const char *
say_words(const char *from)
{
	static char out[4][2 * LINE_BYTES];
	static unsigned turn;

	return gc_escape(from, out[turn++ % 4], sizeof(out[0]));
}
