/*
 * login.c - from the first word to the last: a player's whole visit.
 *
 * Who one is, a password that the store checks, and then play() until the
 * player quits. A line that is cut leaves the character standing for a while;
 * whoever knows its password takes it over, even from a line that still
 * stands: the connection is given to the session that plays already, which
 * never notices.
 */
#include "mud.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TAKEN = 1, /* signal: somebody took the character over */
	FIRST_COINS = 20,
};

/* ---- who tried too often ------------------------------------------------- */

enum { TRIERS_MAX = 256 };

static struct trier {
	char address[64];
	unsigned tries;
	int64_t last_us;
} triers[TRIERS_MAX];

/* The entry of an address, or of the one that is longest ago. */
static struct trier *
trier(const char *address)
{
	struct trier *t = &triers[0];

	for (size_t i = 0; i < TRIERS_MAX; i++) {
		if (strcmp(triers[i].address, address) == 0)
			return &triers[i];
		if (triers[i].last_us < t->last_us)
			t = &triers[i];
	}
	*t = (struct trier){ .last_us = 0 };
	snprintf(t->address, sizeof(t->address), "%s", address);
	return t;
}

static bool
may_try(struct mud *m, const char *address)
{
	const struct trier *t = trier(address);

	return t->tries < LOGIN_TRIES ||
	       gc_now(m->net) - t->last_us > LOGIN_PAUSE_MS * INT64_C(1000);
}

static void
tried(struct mud *m, const char *address)
{
	struct trier *t = trier(address);

	if (gc_now(m->net) - t->last_us > LOGIN_PAUSE_MS * INT64_C(1000))
		t->tries = 0;
	t->tries++;
	t->last_us = gc_now(m->net);
}

/* Without the port; behind a proxy, the real one. */
static void
address_of(const struct gc_peer *peer, char *out, size_t size)
{
	char *colon;

	snprintf(out, size, "%s", *peer->real ? peer->real : peer->address);
	colon = strrchr(out, ':');
	if (colon)
		*colon = '\0';
}

/* ---- names --------------------------------------------------------------- */

bool
login_is_name(const char *name)
{
	static const char *const taken[] = { "all", "someone", "somebody",
		"you", "me", "self", "guard", "wizard", "admin", "quit",
		"system", "the", NULL };
	size_t len = strlen(name);

	if (len < NAME_MIN || len > NAME_MAX_LETTERS)
		return false;
	for (const char *p = name; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')))
			return false;
	for (size_t i = 0; taken[i]; i++)
		if (text_begins(taken[i], name) && strlen(taken[i]) == len)
			return false;
	return true;
}

struct player *
login_find(struct mud *m, const char *name)
{
	struct player *p;

	TAILQ_FOREACH (p, &m->players, next)
		if (text_begins(p->body->name, name) &&
		    strlen(p->body->name) == strlen(name))
			return p;
	return NULL;
}

/* ---- questions to the store ---------------------------------------------- */

/* What is asked with the blank-free words behind it and a last one that may
 * have any letters. The answer is owned, or NULL: *error says why. */
static char *
ask_store(struct gc_session *s, const char *words, const char *last, int *error)
{
	struct text t = { 0 };
	const char *answer;
	char *copy = NULL;
	ssize_t r;

	text_printf(&t, "%s %s", words, last);
	r = store_ask(s, &answer, &t);
	text_release(&t);
	if (r >= 0)
		copy = strdup(answer);
	*error = copy ? 0 : r < 0 ? (int)r : GC_ENO_MEMORY;
	return copy;
}

static bool
is_the_stores(int error)
{
	return error == GC_EFAILED || error == GC_ECRASHED ||
	       error == GC_ETIMEOUT || error == GC_ELIMIT ||
	       error == GC_ENOTHING;
}

/* ---- coming and going ---------------------------------------------------- */

static void
player_free(struct player *p)
{
	struct mud *m = p->mud;

	if (p->is_stale_listed)
		TAILQ_REMOVE(&m->stale, p, in_stale);
	TAILQ_REMOVE(&m->players, p, next);
	m->n_players--;
	body_free(p->body);
	free(p);
	/* Somebody may wait for the name. */
	gc_notify_all(m->is_ready);
	gc_notify_all(m->to_save);
}

static struct player *
player_new(struct mud *m, struct gc_session *s, const char *name, char *record)
{
	struct player *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->body = body_new(m, name);
	if (p->body == NULL) {
		free(p);
		return NULL;
	}
	p->mud = m;
	p->s = s;
	p->body->player = p;
	p->body->session = gc_session_number(s);
	p->prompt = true;
	TAILQ_INSERT_TAIL(&m->players, p, next);
	m->n_players++;
	if (record_read(p, record))
		return p;
	player_free(p);
	return NULL;
}

void
login_leave(struct player *p)
{
	struct mud *m = p->mud;

	p->leaving = true;
	store_mark(p);
	gc_notify_all(m->to_save);
	store_wait(p);
	room_put(p->body, NULL);
	player_free(p);
}

/* Does one of the game's wizards have this name? */
static bool
is_wizard(const struct mud *m, const char *name)
{
	return m->wizards && text_has(m->wizards, name);
}

/* ---- passes ----------------------------------------------------------------
 */

/*
 * A page that lost its line shows what it was given instead of asking its
 * player once more: GMCP Char.Login.Pass "NAME PASS", both ways. It says so in
 * its address (?back), so that nobody else is kept waiting.
 */
static void
give_pass(struct player *p)
{
	struct mud *m = p->mud;
	struct text t = { 0 };
	const struct gc_peer *peer;
	const char *answer;

	/* What was given before is still good. */
	if (p->how != ASKED || gc_session_peer(p->s, &peer) != 0 ||
	    strcmp(peer->transport, "ws") != 0)
		return;
	text_printf(&t, "pass %s", p->body->name);
	if (store_ask(p->s, &answer, &t) > 0) {
		text_release(&t);
		text_printf(&t, "\"%s %s\"", p->body->name, answer);
		gc_side(m->net, gc_session_conn(p->s), "Char.Login.Pass",
		    text_of(&t));
	}
	text_release(&t);
}

/* "NAME PASS" of what was shown: the name and all of it; false: it is none. */
static bool
read_pass(const char *json, char *name, size_t size, char *all, size_t all_size)
{
	size_t len = strlen(json), at;

	if (len < 2 || len - 2 >= all_size || json[0] != '"')
		return false;
	snprintf(all, all_size, "%.*s", (int)len - 2, json + 1);
	at = strcspn(all, " ");
	snprintf(name, size, "%.*s", (int)at, all);
	return at < size && all[at] == ' ' && login_is_name(name) &&
	       all[at + 1 + strspn(all + at + 1, "0123456789abcdef")] == '\0';
}

/* On line:// a prompt would be a line of its own after each answer. */
static void
know_terminal(struct player *p)
{
	const struct gc_peer *peer;

	p->vitals[0] = '\0';
	p->is_line = gc_session_peer(p->s, &peer) == 0 &&
		     strcmp(peer->transport, "line") == 0;
	gc_tag(p->mud->net, gc_session_conn(p->s), p->body->name,
	    strlen(p->body->name));
}

/* The fights that another program was told to end in the middle. */
static void
fight_again(struct player *p)
{
	struct body *b = p->body, *o;

	TAILQ_FOREACH (o, &b->room->bodies, here)
		if (o->breed && strcmp(o->id, p->foe) == 0)
			fight_begin(b, o);
	TAILQ_FOREACH (o, &b->room->bodies, here)
		if (o->breed && !o->foe && strcmp(o->grudge, b->name) == 0)
			fight_begin(o, b);
	if (b->foe)
		say(b, "You are still fighting %s.", b->foe->name);
}

static void
come_in(struct player *p)
{
	struct mud *m = p->mud;
	struct body *b = p->body;
	const struct place *place = world_find(m->world, PLACES, p->place);

	p->wizard = is_wizard(m, b->name);
	gc_session_set_name(p->s, b->name);
	know_terminal(p);
	room_put(b, room_of(m, place ? place : m->world->start));
	if (!room_crowded(b->room))
		say_room(b->room, b, NULL, "{grey}%s comes into the world.{/}",
		    b->name);
	say(b, "%sWelcome, %s. Type {bold}help{/} if you are new here.",
	    p->wizard ? "{yellow}You are a wizard.{/} " : "", b->name);
	room_look(p, false);
	if (p->how == RESUMED)
		fight_again(p);
	being_tell_all(b->room, SAW);
}

/* ---- playing ------------------------------------------------------------- */

/* The line is dead. Stands there until somebody takes over, or too long. */
static int
line_dead(struct player *p)
{
	struct gc_wait w = { .what = GC_FOR_SIGNAL };
	int r;

	p->line_dead = true;
	p->cut_us = gc_now(p->mud->net);
	p->busy = false;
	gc_session_detach(p->s);
	store_mark(p);
	if (p->body->room)
		say_room(p->body->room, p->body, NULL,
		    "{grey}%s stares into nothing.{/}", p->body->name);
	r = gc_wait(p->s, &w, GRACE_MS);
	if (r != GC_FOR_SIGNAL)
		return r == GC_ETIMEOUT ? COMMAND_QUIT : r;
	return 0;
}

static void
taken_over(struct player *p)
{
	bool cut = p->line_dead;

	p->line_dead = false;
	know_terminal(p);
	say(p->body, "You are back in your body, %s.", p->body->name);
	if (cut)
		say(p->body,
		    "{grey}Your line was cut %lld s ago; it stood here and "
		    "waited.{/}",
		    (long long)(gc_now(p->mud->net) - p->cut_us) / 1000000);
	if (p->body->room)
		say_room(p->body->room, p->body, NULL,
		    "{grey}%s looks around with new eyes.{/}", p->body->name);
	room_look(p, true);
	prompt_stale(p, STALE_ALL);
	give_pass(p);
}

static int
hear(struct player *p, const struct gc_wait *w)
{
	char line[LINE_BYTES];

	snprintf(line, sizeof(line), "%.*s", (int)w->len, w->text);
	prompt_stale(p, STALE_PROMPT);
	return command_run(p, line);
}

/* What comes beside the text: a client that just said what it wants. */
static void
beside(struct player *p, const struct gc_event *ev)
{
	if (ev->kind == GC_SIDE &&
	    (gc_side_is(ev->text, "Core.Supports.Set") ||
		gc_side_is(ev->text, "Core.Supports.Add"))) {
		p->vitals[0] = '\0';
		prompt_stale(p, STALE_VITALS | STALE_ROOM | STALE_THINGS);
	}
	if (ev->kind == GC_SIDE && gc_side_is(ev->text, "Char.Items.Inv"))
		prompt_stale(p, STALE_THINGS);
}

static int
next_thing(struct player *p)
{
	struct gc_wait w = { .what = GC_FOR_MESSAGE | GC_FOR_SIGNAL |
				     GC_FOR_EVENT };
	char line[LINE_BYTES];
	int r;

	if (p->has_pending) {
		p->has_pending = false;
		memcpy(line, p->pending, sizeof(line));
		return command_run(p, line);
	}
	r = gc_wait(p->s, &w, -1);
	if (r == GC_FOR_MESSAGE)
		r = hear(p, &w);
	else if (r == GC_FOR_SIGNAL) {
		taken_over(p);
		r = 0;
	} else if (r == GC_FOR_EVENT) {
		beside(p, &w.event);
		r = 0;
	}
	return r;
}

static int
play(struct player *p)
{
	int r = 0;

	while (r == 0) {
		r = next_thing(p);
		if (r == GC_ECLOSED) {
			r = line_dead(p);
			if (r == 0)
				taken_over(p);
		}
	}
	return r;
}

static int
visit(struct player *p)
{
	struct gc_session *s = p->s;
	int r;

	come_in(p);
	give_pass(p);
	r = play(p);
	if (r == COMMAND_QUIT && !p->line_dead)
		store_tell(p->mud, "forget", p->body->name);
	p->busy = true;
	if (r != GC_ESTOPPED && p->body->room)
		say_room(p->body->room, p->body, NULL,
		    "{grey}%s leaves the world.{/}", p->body->name);
	gc_tag(p->mud->net, gc_session_conn(s), "", 0);
	login_leave(p);
	return r == GC_ESTOPPED || r < 0 ? r : 0;
}

/* ---- into a body --------------------------------------------------------- */

/* Nobody of that name may be leaving while its record is fetched, or it would
 * not be the newest. 0, 1: one had to wait for that, or an error. */
static int
wait_for_name(struct gc_session *s, struct mud *m, const char *name)
{
	const struct player *p;
	int r = 0, waited = 0;

	while (r >= 0 && (p = login_find(m, name)) != NULL && p->leaving) {
		waited = 1;
		r = gc_condition_wait(s, m->is_ready, -1);
	}
	return r < 0 ? r : waited;
}

/* Into the body that stands there already, or a new one. */
static int
enter(struct gc_session *s, struct mud *m, const char *name, char *record,
    enum how how)
{
	struct player *p;
	char *newer;
	int r = wait_for_name(s, m, name);

	if (r > 0) {
		newer = ask_store(s, "fetch", name, &r);
		r = newer ? enter(s, m, name, newer, how) : r;
		free(newer);
		return r;
	}
	p = r < 0 ? NULL : login_find(m, name);
	if (r == 0 && p == NULL) {
		p = player_new(m, s, name, record);
		if (p == NULL)
			return GC_ENO_MEMORY;
		p->how = how;
		return visit(p);
	}
	if (r < 0)
		return r;
	if (!p->line_dead)
		say(p->body, "Somebody else takes your body over.");
	r = gc_session_give(s, gc_session_number(p->s));
	if (r != 0)
		return r;
	p->how = how;
	gc_signal(m->net, gc_session_number(p->s), TAKEN, NULL);
	return r;
}

static int
trouble(struct gc_session *s, int error)
{
	if (!is_the_stores(error))
		return error;
	gc_say(s, "The book of names cannot be opened just now. Please try "
		  "again in a while.\n");
	return 0;
}

/* ---- the questions ------------------------------------------------------- */

static int
new_password(struct gc_session *s, char *out, size_t size)
{
	char again[80];
	ssize_t r;

	for (;;) {
		r = gc_ask_hidden(
		    s, "A password, at least 6 letters: ", out, size);
		if (r < 0)
			return (int)r;
		if (r < 6 || r >= (ssize_t)size) {
			gc_say(
			    s, "That is too %s.\n", r < 6 ? "short" : "long");
			continue;
		}
		r = gc_ask_hidden(
		    s, "Once more, to be sure: ", again, sizeof(again));
		if (r < 0)
			return (int)r;
		if (strcmp(out, again) == 0)
			return 0;
		gc_say(s, "These were not the same.\n");
	}
}

static int
be_made(struct gc_session *s, struct mud *m, const char *name)
{
	char password[80], words[80], last[200], *answer;
	int r = new_password(s, password, sizeof(password));

	if (r < 0)
		return r;
	snprintf(words, sizeof(words), "create %s %ld", name, m->hash_cost);
	snprintf(last, sizeof(last), "%s\ncharacter %s\nlevel 1\ncoins %d\n",
	    password, name, FIRST_COINS);
	answer = ask_store(s, words, last, &r);
	if (answer == NULL)
		return trouble(s, r);
	if (strncmp(answer, "character ", 10) == 0)
		r = enter(s, m, name, answer, ASKED);
	else
		gc_say(s, "Somebody else took that name just now.\n");
	free(answer);
	return r;
}

static int
be_known(
    struct gc_session *s, struct mud *m, const char *name, const char *address)
{
	char password[80], words[80], *answer;
	ssize_t r;
	int error;

	snprintf(words, sizeof(words), "check %s", name);
	while (may_try(m, address)) {
		r = gc_ask_hidden(s, "Password: ", password, sizeof(password));
		if (r < 0)
			return (int)r;
		error = wait_for_name(s, m, name);
		if (error < 0)
			return error;
		answer = ask_store(s, words, password, &error);
		if (answer == NULL)
			return trouble(s, error);
		if (strncmp(answer, "character ", 10) == 0) {
			/* As it was written when the name was chosen. */
			snprintf(words, sizeof(words), "%.*s",
			    (int)strcspn(answer + 10, "\n"), answer + 10);
			error = enter(s, m, words, answer, ASKED);
			free(answer);
			return error;
		}
		free(answer);
		tried(m, address);
		gc_say(s, "That is not it.\n");
	}
	gc_say(s,
	    "Too many wrong passwords from your address: come back in "
	    "%d seconds.\n",
	    LOGIN_PAUSE_MS / 1000);
	return 0;
}

/* A name that may be used, as names are written. */
static int
ask_name(struct gc_session *s, char *name, size_t size)
{
	ssize_t r;

	for (;;) {
		r = gc_ask(s, "By what name are you known? ", name, size);
		if (r < 0)
			return (int)r;
		if (r < (ssize_t)size && login_is_name(name))
			break;
		if (r > 0)
			gc_say(s,
			    "A name has %d to %d letters from a to z, and is "
			    "no word that means something here.\n",
			    NAME_MIN, NAME_MAX_LETTERS);
	}
	for (char *p = name; *p; p++)
		*p = (char)(p == name ? toupper((unsigned char)*p)
				      : tolower((unsigned char)*p));
	return 0;
}

static int
introduce(struct gc_session *s, struct mud *m, const char *address)
{
	char name[NAME_MAX_LETTERS + 2], question[100], yes[8], *answer;
	int r;

	for (;;) {
		r = ask_name(s, name, sizeof(name));
		if (r < 0)
			return r;
		answer = ask_store(s, "known", name, &r);
		if (answer == NULL)
			return trouble(s, r);
		r = strcmp(answer, "yes") == 0;
		free(answer);
		if (r)
			return be_known(s, m, name, address);
		snprintf(question, sizeof(question),
		    "Nobody has heard of %s yet. Shall that be your name? "
		    "(y/n) ",
		    name);
		r = (int)gc_ask(s, question, yes, sizeof(yes));
		if (r < 0)
			return r;
		if (yes[0] == 'y' || yes[0] == 'Y')
			return be_made(s, m, name);
	}
}

/* ---- without questions -----------------------------------------------------
 */

/* What the program shows: 0 and that, or there is nothing or an error. */
static int
hear_pass(struct gc_session *s, char *name, size_t size, char *all, size_t n)
{
	struct gc_wait w = { .what = GC_FOR_EVENT | GC_FOR_MESSAGE };
	int r;

	while ((r = gc_wait(s, &w, PASS_WAIT_MS)) == GC_FOR_EVENT)
		if (w.event.kind == GC_SIDE &&
		    gc_side_is(w.event.text, "Char.Login.Pass"))
			return read_pass(gc_side_json(w.event.text), name, size,
				   all, n)
				   ? 0
				   : GC_ENOTHING;
	return r < 0 ? r : GC_ENOTHING;
}

/* A page that was here before. 1: it is not let in so, and is asked. */
static int
show_pass(struct gc_session *s, struct mud *m, const char *address)
{
	char name[NAME_MAX_LETTERS + 1], all[80], *answer;
	int r = hear_pass(s, name, sizeof(name), all, sizeof(all));

	if (r == 0)
		r = wait_for_name(s, m, name);
	answer = r >= 0 ? ask_store(s, "show", all, &r) : NULL;
	if (answer && strncmp(answer, "character ", 10) == 0) {
		snprintf(name, sizeof(name), "%.*s",
		    (int)strcspn(answer + 10, "\n"), answer + 10);
		r = enter(s, m, name, answer, BY_PASS);
	} else if (answer || is_the_stores(r)) {
		gc_side(m->net, gc_session_conn(s), "Char.Login.Pass", "null");
		if (answer)
			tried(m, address);
		r = 1;
	}
	free(answer);
	return r;
}

/* Somebody who was here when all lines were cut, and cannot know why. */
static void
console(struct gc_session *s, const struct mud *m)
{
	int64_t us = gc_now(m->net) - m->cut_us;

	if (m->cut_us && us < GRACE_MS * INT64_C(1000))
		gc_say(s,
		    "{yellow}All lines to this world were cut %lld s "
		    "ago. Were you here? Your\ncharacter stands where it "
		    "stood, with all it has: give its name and "
		    "password.{/}\n",
		    (long long)us / 1000000);
}

/* Known from before a cold start or an upgrade. */
static int
come_back(struct gc_session *s, struct mud *m, const char *name)
{
	char *record;
	int r = wait_for_name(s, m, name);

	if (r < 0)
		return r;
	record = ask_store(s, "fetch", name, &r);
	if (record == NULL)
		return trouble(s, r);
	gc_say(s, "The world shivers for a moment.\n");
	r = enter(s, m, name, record, RESUMED);
	free(record);
	return r;
}

/* A visit ends with r, wherever it was. */
static int
last_words(struct gc_session *s, int r)
{
	if (r == GC_ESTOPPED)
		gc_say(s, "Shutting down...\n");
	if (r == GC_ECANCELLED)
		gc_say(s, "You took too long to come in.\n");
	return r == GC_ECANCELLED ? 0 : r;
}

int
login_player(struct gc_session *s, void *arg)
{
	struct mud *m = arg;
	const struct gc_peer *peer;
	char address[64] = "", name[NAME_MAX_LETTERS + 1] = "";
	int r = 0;

	gc_later(m->net, m->doorman, LOGIN_MS, 0,
	    (void *)(uintptr_t)gc_session_number(s));
	while (!m->ready && r >= 0)
		r = gc_condition_wait(s, m->is_ready, -1);
	if (r >= 0)
		r = gc_session_peer(s, &peer);
	if (r < 0)
		return r;
	address_of(peer, address, sizeof(address));
	if (peer->tag_len && peer->tag_len < sizeof(name))
		memcpy(name, peer->tag, peer->tag_len);
	if (login_is_name(name))
		return come_back(s, m, name);
	if (strcmp(peer->query, "back") == 0 && may_try(m, address)) {
		r = show_pass(s, m, address);
		if (r != 1)
			return last_words(s, r);
	}
	if (!may_try(m, address)) {
		gc_say(s, "Too many wrong passwords from your address: come "
			  "back later.\n");
		return 0;
	}
	gc_say(s, "%s\n", m->world->welcome);
	console(s, m);
	r = introduce(s, m, address);
	return last_words(s, r);
}

/* ---- the doorman --------------------------------------------------------- */

int
login_doorman(struct gc_session *s, void *arg)
{
	struct mud *m = arg;
	struct gc_wait w = { .what = GC_FOR_DUE };
	const struct player *p;
	uint64_t number;
	int r;

	while ((r = gc_wait(s, &w, -1)) == GC_FOR_DUE) {
		number = (uint64_t)(uintptr_t)w.thing;
		TAILQ_FOREACH (p, &m->players, next)
			if (gc_session_number(p->s) == number)
				break;
		if (p == NULL)
			gc_cancel(m->net, number);
	}
	return r;
}
