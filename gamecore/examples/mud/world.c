/*
 * world.c - read the builders' file.
 *
 * One table says what an entry of each section may have; the reader walks
 * over the lines and fills in what the row names. References to other entries
 * are put aside and looked up at the end, so the order in the file is free.
 * Every mistake is told with file and line. Pure: text in, a world out.
 */
#include "world.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const slot_names[SLOTS] = { "nowhere", "held", "offhand", "head",
	"body", "feet" };

enum {
	LINE_MAX_BYTES = 500,
	TEXT_MAX_BYTES = 4000,
	ENTRIES_MAX = PATH_PLACES_MAX,
	NUMBER_MAX = 1000000,
};

enum type {
	TEXT,   /* the rest of the line, and indented lines below it, joined */
	LINES,  /* the same, and each line stays one */
	NUMBER, /* from 0 */
	RANGE,  /* 3-7, or 5 */
	SWITCH, /* alone on its line */
	SLOT,
	REF,    /* an id of section to */
	REFS,   /* several */
	EXIT,   /* to a place; the way is the property's name */
	DETAIL, /* words, then indented lines */
	NEEDS,  /* an id, and what is said to those who lack it */
};

struct property {
	const char *name;
	enum type type;
	size_t offset;
	enum section to;
};

#define P(name_) offsetof(struct place, name_)
#define K(name_) offsetof(struct kind, name_)
#define B(name_) offsetof(struct breed, name_)
#define Q(name_) offsetof(struct quest, name_)

static const struct property place_properties[] = {
	{ "name", TEXT, P(name), 0 },
	{ "text", TEXT, P(text), 0 },
	{ "area", TEXT, P(area), 0 },
	{ "symbol", TEXT, P(symbol), 0 },
	{ "north", EXIT, NORTH, PLACES },
	{ "east", EXIT, EAST, PLACES },
	{ "south", EXIT, SOUTH, PLACES },
	{ "west", EXIT, WEST, PLACES },
	{ "up", EXIT, UP, PLACES },
	{ "down", EXIT, DOWN, PLACES },
	{ "detail", DETAIL, P(details), 0 },
	{ "safe", SWITCH, P(safe), 0 },
	{ "outdoors", SWITCH, P(outdoors), 0 },
	{ "restful", SWITCH, P(restful), 0 },
	{ "needs", NEEDS, P(needs), KINDS },
	{ NULL, 0, 0, 0 },
};

static const struct property kind_properties[] = {
	{ "name", TEXT, K(name), 0 },
	{ "words", TEXT, K(words), 0 },
	{ "text", TEXT, K(text), 0 },
	{ "worn", SLOT, K(slot), 0 },
	{ "damage", RANGE, K(damage), 0 },
	{ "armour", NUMBER, K(armour), 0 },
	{ "heals", NUMBER, K(heals), 0 },
	{ "price", NUMBER, K(price), 0 },
	{ "fixed", SWITCH, K(fixed), 0 },
	{ "in", REF, K(in), PLACES },
	{ "every", NUMBER, K(every_s), 0 },
	{ NULL, 0, 0, 0 },
};

static const struct property breed_properties[] = {
	{ "name", TEXT, B(name), 0 },
	{ "words", TEXT, B(words), 0 },
	{ "text", TEXT, B(text), 0 },
	{ "in", REF, B(in), PLACES },
	{ "count", NUMBER, B(count), 0 },
	{ "level", NUMBER, B(level), 0 },
	{ "life", NUMBER, B(life), 0 },
	{ "armour", NUMBER, B(armour), 0 },
	{ "damage", RANGE, B(damage), 0 },
	{ "coins", RANGE, B(coins), 0 },
	{ "experience", NUMBER, B(experience), 0 },
	{ "fierce", SWITCH, B(fierce), 0 },
	{ "hunts", SWITCH, B(hunts), 0 },
	{ "peaceful", SWITCH, B(peaceful), 0 },
	{ "sleep", NUMBER, B(sleep_s), 0 },
	{ "wander", NUMBER, B(wander_s), 0 },
	{ "way", REFS, B(way), PLACES },
	{ "talks", NUMBER, B(talk_s), 0 },
	{ "lines", LINES, B(talk), 0 },
	{ "hello", TEXT, B(hello), 0 },
	{ "wakes", TEXT, B(wakes), 0 },
	{ "sleeps", TEXT, B(sleeps), 0 },
	{ "carries", REFS, B(carries), KINDS },
	{ "sells", REFS, B(sells), KINDS },
	{ "back", NUMBER, B(back_s), 0 },
	{ NULL, 0, 0, 0 },
};

static const struct property quest_properties[] = {
	{ "name", TEXT, Q(name), 0 },
	{ "giver", REF, Q(giver), BREEDS },
	{ "after", REF, Q(after), QUESTS },
	{ "brings", REF, Q(brings), KINDS },
	{ "kills", REF, Q(kills), BREEDS },
	{ "count", NUMBER, Q(count), 0 },
	{ "coins", NUMBER, Q(coins), 0 },
	{ "experience", NUMBER, Q(experience), 0 },
	{ "gives", REF, Q(gives), KINDS },
	{ "offer", TEXT, Q(offer), 0 },
	{ "remind", TEXT, Q(remind), 0 },
	{ "thanks", TEXT, Q(thanks), 0 },
	{ NULL, 0, 0, 0 },
};

static const struct property weather_properties[] = {
	{ "text", TEXT, offsetof(struct weather, text), 0 },
	{ NULL, 0, 0, 0 },
};

static const struct {
	const char *name;
	size_t size;
	const struct property *properties;
} sections[SECTIONS] = {
	[PLACES] = { "place", sizeof(struct place), place_properties },
	[KINDS] = { "thing", sizeof(struct kind), kind_properties },
	[BREEDS] = { "being", sizeof(struct breed), breed_properties },
	[QUESTS] = { "quest", sizeof(struct quest), quest_properties },
	[WEATHERS] = { "weather", sizeof(struct weather), weather_properties },
};

/* ---- memory: all of a world in one chain --------------------------------- */

struct block {
	struct block *next;
	max_align_t bytes[];
};

static void *
have(struct world *w, size_t size)
{
	struct block *b = calloc(1, sizeof(*b) + size);

	if (b == NULL)
		return NULL;
	b->next = w->memory;
	w->memory = b;
	return b->bytes;
}

static char *
keep(struct world *w, const char *text, size_t len)
{
	char *copy = have(w, len + 1);

	if (copy)
		memcpy(copy, text, len);
	return copy;
}

void
world_free(struct world *w)
{
	struct block *b, *next;

	if (w == NULL)
		return;
	for (b = w->memory; b; b = next) {
		next = b->next;
		free(b);
	}
	free(w);
}

/* ---- reading ------------------------------------------------------------- */

/* A name that stands somewhere for an entry of a section. */
struct wish {
	struct wish *next;
	enum section to;
	const char *id;
	void **where;
	long line;
};

struct reader {
	struct world *w;
	const char *file;
	char *problem;
	long line;
	enum section section;
	struct entry *entry; /* that is being read, or NULL */
	struct entry *last[SECTIONS];
	const char **text; /* indented lines go here, or NULL */
	bool as_lines;     /* and stay lines */
	struct wish *wishes;
	const char *start;
	long start_line;
	unsigned wrong;
	bool no_memory;
};

static void wrong(struct reader *r, long line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
wrong(struct reader *r, long line, const char *format, ...)
{
	size_t len = strlen(r->problem), room = WORLD_PROBLEM - len;
	char what[120];
	va_list ap;
	int n;

	r->wrong++;
	va_start(ap, format);
	vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	n = snprintf(r->problem + len, room, "%s%s:%ld: %s", len ? "\n" : "",
	    r->file, line, what);
	/* One that does not fit is not begun. */
	if (n < 0 || (size_t)n >= room)
		r->problem[len] = '\0';
}

static const char *
kept(struct reader *r, const char *text)
{
	const char *copy = keep(r->w, text, strlen(text));

	if (copy == NULL)
		r->no_memory = true;
	return copy ? copy : "";
}

static void
wish(struct reader *r, enum section to, const char *id, void **where)
{
	struct wish *wi = have(r->w, sizeof(*wi));

	if (wi == NULL) {
		r->no_memory = true;
		return;
	}
	*wi = (struct wish){ r->wishes, to, kept(r, id), where, r->line };
	r->wishes = wi;
}

/* A whole number and nothing else, or -1. */
static long
number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	return *text < '0' || *text > '9' || *end || n > NUMBER_MAX ? -1 : n;
}

static void
read_number(struct reader *r, long *out, const char *text)
{
	*out = number(text);
	if (*out < 0)
		wrong(r, r->line, "not a number from 0 to %d: '%.40s'",
		    NUMBER_MAX, text);
}

static void
read_range(struct reader *r, struct range *out, char *text)
{
	char *dash = strchr(text, '-');

	if (dash)
		*dash = '\0';
	out->low = number(text);
	out->high = dash ? number(dash + 1) : out->low;
	if (out->low < 0 || out->high < out->low) {
		wrong(r, r->line, "not a range like 3-7: '%.40s'", text);
		*out = (struct range){ 0, 0 };
	}
}

static void
read_slot(struct reader *r, long *out, const char *text)
{
	for (int s = HELD; s < SLOTS; s++)
		if (strcmp(text, slot_names[s]) == 0)
			*out = s;
	if (*out == SLOT_NONE)
		wrong(r, r->line,
		    "worn is one of held offhand head body feet, not '%.40s'",
		    text);
}

static void
read_refs(struct reader *r, struct refs *out, enum section to, char *text)
{
	for (char *id = text_word(&text); *id; id = text_word(&text)) {
		if (out->n == REFS_MAX) {
			wrong(r, r->line, "more than %d of them", REFS_MAX);
			return;
		}
		wish(r, to, id, &out->to[out->n++]);
	}
}

static void
read_detail(struct reader *r, struct detail **list, const char *text)
{
	struct detail *d = have(r->w, sizeof(*d));

	if (d == NULL) {
		r->no_memory = true;
		return;
	}
	*d = (struct detail){ *list, kept(r, text), "" };
	*list = d;
	r->text = &d->text;
	r->as_lines = false;
}

static void
read_property(struct reader *r, const struct property *p, char *text)
{
	char *at = (char *)r->entry + p->offset;
	struct place *place = (struct place *)(void *)r->entry;

	switch (p->type) {
	case LINES:
	case TEXT:
		r->as_lines = p->type == LINES;
		r->text = (const char **)(void *)at;
		*r->text = kept(r, text);
		break;
	case NUMBER:
		read_number(r, (long *)(void *)at, text);
		break;
	case RANGE:
		read_range(r, (struct range *)(void *)at, text);
		break;
	case SWITCH:
		*(bool *)at = true;
		if (*text)
			wrong(r, r->line, "'%s' stands alone", p->name);
		break;
	case SLOT:
		read_slot(r, (long *)(void *)at, text);
		break;
	case REF:
		wish(r, p->to, text, (void **)(void *)at);
		break;
	case REFS:
		read_refs(r, (struct refs *)(void *)at, p->to, text);
		break;
	case EXIT:
		wish(r, p->to, text, (void **)&place->exits[p->offset]);
		break;
	case DETAIL:
		read_detail(r, (struct detail **)(void *)at, text);
		break;
	case NEEDS:
		wish(r, p->to, text_word(&text), (void **)(void *)at);
		place->without = kept(r, text);
		break;
	}
}

/* An id is what a person can type: letters, digits, _ and -. */
static bool
is_id(const char *id)
{
	size_t len = strlen(id);

	return len > 0 && len <= 31 &&
	       strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

static void
begin(struct reader *r, enum section s, const char *id)
{
	struct entry *e = world_find(r->w, s, id);

	r->entry = NULL;
	if (!is_id(id))
		wrong(r, r->line, "not an id: '%.40s' (a-z 0-9 _ -)", id);
	else if (e)
		wrong(r, r->line, "%s '%s' is there already, in line %ld",
		    sections[s].name, id, e->line);
	else if (r->w->n[s] == ENTRIES_MAX)
		wrong(r, r->line, "more than %d of them", ENTRIES_MAX);
	else if ((e = have(r->w, sections[s].size)) == NULL)
		r->no_memory = true;
	else {
		e->id = kept(r, id);
		e->line = r->line;
		e->number = r->w->n[s]++;
		*(r->last[s] ? &r->last[s]->next : &r->w->first[s]) = e;
		r->last[s] = r->entry = e;
		r->section = s;
	}
}

/* What stands outside of any entry. */
static bool
read_top(struct reader *r, const char *word, const char *rest)
{
	if (strcmp(word, "world") == 0) {
		r->w->name = kept(r, rest);
	} else if (strcmp(word, "welcome") == 0) {
		r->w->welcome = kept(r, rest);
		r->text = &r->w->welcome;
		r->as_lines = true;
	} else if (strcmp(word, "start") == 0) {
		r->start = kept(r, rest);
		r->start_line = r->line;
	} else {
		return false;
	}
	return true;
}

static void
read_words(struct reader *r, char *line)
{
	char *rest = line, *word = text_word(&rest);

	r->text = NULL;
	for (int s = 0; s < SECTIONS; s++)
		if (strcmp(word, sections[s].name) == 0) {
			begin(r, (enum section)s, rest);
			return;
		}
	if (read_top(r, word, rest))
		return;
	if (r->entry == NULL) {
		/* One line of an entry that could not begin is enough. */
		if (r->wrong == 0)
			wrong(r, r->line, "'%.40s' belongs to no entry", word);
		return;
	}
	for (const struct property *p = sections[r->section].properties;
	     p->name; p++)
		if (strcmp(word, p->name) == 0) {
			read_property(r, p, rest);
			return;
		}
	wrong(
	    r, r->line, "a %s has no '%.40s'", sections[r->section].name, word);
}

/* One more line of the text above. Lines make one paragraph, which is broken
 * where a player's terminal ends; deeper indentation begins a new one. */
static void
read_more(struct reader *r, const char *line)
{
	const char *more = line + (line[0] == '\t' ? 1 : 2);
	size_t len, add = strlen(more);
	char *all;

	if (r->text == NULL) {
		if (r->wrong == 0)
			wrong(r, r->line, "an indented line below no text");
		return;
	}
	len = strlen(*r->text);
	if (len + add + 1 > TEXT_MAX_BYTES) {
		wrong(r, r->line, "a text of more than %d letters",
		    TEXT_MAX_BYTES);
		r->text = NULL;
		return;
	}
	all = have(r->w, len + add + 2);
	if (all == NULL) {
		r->no_memory = true;
		return;
	}
	sprintf(all, "%s%s%s", *r->text,
	    len == 0                      ? ""
	    : r->as_lines || *more == ' ' ? "\n"
					  : " ",
	    more);
	*r->text = all;
}

static void
read_line(struct reader *r, const char *from, size_t len)
{
	char line[LINE_MAX_BYTES + 1];

	while (len && (from[len - 1] == ' ' || from[len - 1] == '\r'))
		len--;
	if (len > LINE_MAX_BYTES) {
		wrong(
		    r, r->line, "a line of more than %d bytes", LINE_MAX_BYTES);
		return;
	}
	memcpy(line, from, len);
	line[len] = '\0';
	if (len == 0 || line[0] == '#')
		return;
	if (!text_is_clean(line + (line[0] == '\t'), len - (line[0] == '\t')))
		wrong(r, r->line, "not UTF-8, or a control character");
	else if (line[0] == '\t' || strncmp(line, "  ", 2) == 0)
		read_more(r, line);
	else
		read_words(r, line);
}

/* ---- what must hold in the end ------------------------------------------- */

static void
grant(struct reader *r)
{
	struct wish *list = NULL, *next;

	/* They were put in front of each other: once more around. */
	for (struct wish *wi = r->wishes; wi; wi = next) {
		next = wi->next;
		wi->next = list;
		list = wi;
	}
	for (struct wish *wi = list; wi; wi = wi->next) {
		*wi->where = world_find(r->w, wi->to, wi->id);
		if (*wi->where == NULL)
			wrong(r, wi->line, "no %s '%.40s'",
			    sections[wi->to].name, wi->id);
	}
}

static void
must_have(
    struct reader *r, const struct entry *e, const char *what, const char *text)
{
	if (text == NULL || *text == '\0')
		wrong(r, e->line, "'%s' has no %s", e->id, what);
}

static void
check_all(struct reader *r)
{
	for (struct entry *e = r->w->first[PLACES]; e; e = e->next) {
		struct place *p = (struct place *)(void *)e;

		must_have(r, e, "name", p->name);
		must_have(r, e, "text", p->text);
	}
	for (struct entry *e = r->w->first[KINDS]; e; e = e->next) {
		must_have(r, e, "name", ((struct kind *)(void *)e)->name);
		must_have(r, e, "words", ((struct kind *)(void *)e)->words);
	}
	for (struct entry *e = r->w->first[BREEDS]; e; e = e->next) {
		struct breed *b = (struct breed *)(void *)e;

		must_have(r, e, "name", b->name);
		must_have(r, e, "words", b->words);
		if (b->in == NULL && r->wrong == 0)
			wrong(r, e->line, "'%s' is in no place", e->id);
	}
	for (struct entry *e = r->w->first[QUESTS]; e; e = e->next) {
		struct quest *q = (struct quest *)(void *)e;

		must_have(r, e, "name", q->name);
		must_have(r, e, "offer", q->offer);
		must_have(r, e, "thanks", q->thanks);
		if (r->wrong == 0 &&
		    (q->giver == NULL ||
			(q->brings == NULL) == (q->kills == NULL)))
			wrong(r, e->line,
			    "'%s' needs a giver, and brings or kills", e->id);
	}
	if (r->start)
		r->w->start = world_find(r->w, PLACES, r->start);
	if (r->w->start == NULL)
		wrong(r, r->start_line, "no place to start");
}

/* What was left out and has a usual value. */
static void
fill_in(struct world *w)
{
	for (struct entry *e = w->first[PLACES]; e; e = e->next) {
		struct place *p = (struct place *)(void *)e;

		p->area = p->area ? p->area : w->name;
		if (p->symbol == NULL || *p->symbol <= ' ' || *p->symbol == '{')
			p->symbol = " ";
	}
	for (struct entry *e = w->first[BREEDS]; e; e = e->next) {
		struct breed *b = (struct breed *)(void *)e;

		b->count = b->count > 50 ? 50 : b->count ? b->count : 1;
		b->level = b->level ? b->level : 1;
		b->life = b->life ? b->life : 8 + 6 * b->level;
		b->back_s = b->back_s ? b->back_s : 90;
	}
	for (struct entry *e = w->first[QUESTS]; e; e = e->next) {
		struct quest *q = (struct quest *)(void *)e;

		q->count = q->count ? q->count : 1;
		q->remind = q->remind ? q->remind : q->offer;
	}
	w->name = w->name ? w->name : "somewhere";
	w->welcome = w->welcome ? w->welcome : "";
}

struct world *
world_parse(
    const char *file, const char *text, size_t len, char problem[WORLD_PROBLEM])
{
	struct reader r = {
		.w = calloc(1, sizeof(*r.w)), .file = file, .problem = problem
	};
	size_t at = 0;

	problem[0] = '\0';
	if (r.w == NULL) {
		snprintf(problem, WORLD_PROBLEM, "out of memory");
		return NULL;
	}
	while (at < len && !r.no_memory) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;

		r.line++;
		read_line(&r, text + at, n);
		at += n + 1;
	}
	grant(&r);
	check_all(&r);
	if (r.no_memory)
		snprintf(problem, WORLD_PROBLEM, "out of memory");
	if (r.wrong || r.no_memory) {
		world_free(r.w);
		return NULL;
	}
	fill_in(r.w);
	return r.w;
}

void *
world_find(const struct world *w, enum section s, const char *id)
{
	for (struct entry *e = w->first[s]; e; e = e->next)
		if (strcmp(e->id, id) == 0)
			return e;
	return NULL;
}

void *
world_at(const struct world *w, enum section s, size_t n)
{
	struct entry *e = w->first[s];

	while (e && n--)
		e = e->next;
	return e;
}
