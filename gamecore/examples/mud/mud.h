/*
 * mud.h - what moves in the world, and which file does what with it.
 *
 * Nothing here runs at the same time as anything else: the world changes only
 * between two calls that wait, so nothing needs a lock. No file of the game
 * opens a file, reads a clock or rolls dice: what it does not get from the
 * stream it asks a worker for.
 */
#ifndef MUD_H
#define MUD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "gamecore/gamecore.h"
#include "text.h"
#include "world.h"

enum {
	NAME_MIN = 3,
	NAME_MAX_LETTERS = 15,
	LINE_BYTES = 400, /* of what a player types */
	ALIASES_MAX = 20,
	PROGRESS_MAX = 64, /* quests one is in or has done */
	CARRY_MAX = 24,    /* things one can carry */
	FLOOR_MAX = 200,   /* things in a place; the oldest goes */
	CROWD = 40, /* among more players nobody is told who comes and goes */
	LEVEL_MAX = 30,
	GRACE_MS = 120 * 1000, /* a character stays after its line is cut */
	PASS_WAIT_MS = 5000,   /* for a page to show what it was given */
	LOGIN_MS = 180 * 1000, /* until one is inside */
	LOGIN_TRIES = 5,       /* wrong passwords */
	LOGIN_PAUSE_MS = 60 * 1000, /* then its address waits */
	ROUND_MS = 2000,
	SAVE_PAUSE_MS = 3000, /* between two saves of all who changed */
};

struct mud;
struct player;

/* Each has a number of its own that no other ever has. */
struct thing {
	struct thing *next;
	uint64_t serial;
	struct kind *kind;
	bool worn;
};

TAILQ_HEAD(bodies, body);
TAILQ_HEAD(players, player);

/* What the store has of it, and what is on its way there: sums of records. */
struct kept {
	uint64_t saved, saving;
};

struct room {
	struct mud *mud;
	const struct place *place;
	struct gc_room *voice;
	struct bodies bodies;
	struct thing *things; /* the newest first */
	long coins;
	struct kept kept;
};

/* Who stands somewhere: a player's character, or a being. */
struct body {
	TAILQ_ENTRY(body) all, here;
	struct mud *mud;
	struct room *room; /* NULL: nowhere */
	char name[48];
	uint64_t number, session;
	struct player *player; /* one of these two */
	struct breed *breed;
	long level, life, life_max, coins;
	struct thing *things;
	struct body *foe;
	bool asleep, dead, resting;
	/* Of a being: */
	size_t nth;  /* of its breed */
	char id[48]; /* under which the store has it */
	struct kept kept;
	bool restored;   /* as the store had it, and not born */
	int64_t back_us; /* dead: when it is born again */
	char grudge[NAME_MAX_LETTERS + 1]; /* whom it fought before that */
	bool looked_up;                    /* it was told that somebody came */
	uint64_t prey;                     /* whom it goes after */
	size_t way_at;
	int64_t sleep_us, talk_us, step_us; /* when it does so next */
};

struct alias {
	char name[16], text[120];
};

struct progress {
	char id[32];
	long count;
	bool done;
};

/* What is not yet shown to a player: see prompt.c. */
enum stale {
	STALE_PROMPT = 1,
	STALE_VITALS = 2,
	STALE_ROOM = 4,
	STALE_THINGS = 8,
	STALE_ALL = 15,
};

struct player {
	TAILQ_ENTRY(player) next;
	struct mud *mud;
	struct body *body;
	struct gc_session *s;
	long experience;
	bool brief, prompt, wizard;
	struct alias aliases[ALIASES_MAX];
	size_t n_aliases;
	struct progress progress[PROGRESS_MAX];
	size_t n_progress;
	char reply[NAME_MAX_LETTERS + 1];
	char place[32]; /* where the record says one was, */
	char foe[48];   /* and fighting whom */
	char pending[LINE_BYTES];
	bool has_pending;
	bool is_line; /* line://: a prompt would be a line of its own */
	bool line_dead, leaving;
	/* How one came in: by a password, a pass, or from another program. */
	enum how { ASKED, BY_PASS, RESUMED } how;
	int64_t cut_us; /* when the line died */
	bool busy;      /* is being asked something: no prompts in between */
	unsigned stale;
	bool is_stale_listed;
	TAILQ_ENTRY(player) in_stale;
	enum { SAVED, TO_SAVE, SAVING } save;
	int64_t talk_us; /* the next shout may come then */
	unsigned aliased;
	char vitals[160]; /* as they were last told */
};

/* Where coins and things came from and went: they must add up. */
struct ledger {
	long made, brought, spent, taken;
};

struct mud {
	struct gc_net *net;
	struct world *world;
	struct room *rooms; /* one for each place, by its number */
	const char *file;   /* the builders' */
	const char *wizards;
	long hash_cost;
	long pace; /* of time in the world, against that outside */
	bool ready, ending;
	int64_t cut_us;   /* when everybody's line was cut, or 0 */
	struct text gone; /* records of what is no more, for the store */
	size_t gone_saving;
	struct gc_condition *is_ready; /* also when a player has left */
	struct gc_condition *is_stale;
	struct gc_condition *is_saved;
	struct gc_condition *to_save;
	struct bodies bodies;
	struct players players, stale;
	size_t n_players;
	struct kind *relics; /* things whose kind is no more */
	uint64_t serial, number;
	struct ledger coins, things;
	uint64_t doorman, commands;
	int64_t began_us;
};

/* ---- say.c: words to people; each is one line or more, without the end ----
 */
void say(const struct body *to, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* To all in a room but one and another (NULL: nobody). */
void say_room(struct room *r, const struct body *but, const struct body *nor,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
void say_all(struct mud *m, const struct body *but, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "A sleepy guard" at the beginning of a sentence; one of four buffers. */
const char *say_cap(const char *name);
/* A player's words for a text of markup; one of four buffers. */
const char *say_words(const char *words);

/* ---- prompt.c: what stands at the end of it all, and beside it ----------- */
/* Show this soon: once a turn, however much happened in it. */
void prompt_stale(struct player *p, unsigned what);
void prompt_stale_room(struct room *r, unsigned what);
/* A session: shows it. */
int prompt_task(struct gc_session *s, void *mud);
void side_talk(
    struct player *p, const char *channel, const char *from, const char *words);

/* ---- room.c: who is where ------------------------------------------------ */
struct room *room_of(struct mud *m, const struct place *place);
/* Out of one room and into another (NULL: nowhere), without a word. */
void room_put(struct body *b, struct room *r);
/* A step, with the words for it. 0, or -1: it is not possible, and why was
 * said. */
int room_step(struct body *b, enum way way);
bool room_crowded(const struct room *r);
void room_look(struct player *p, bool brief);
struct body *room_find_body(const struct room *r, const char *words);
/* Take the builders' new world; what stands, lies and is carried stays. */
bool room_take_world(struct mud *m, struct world *w);

struct body *body_new(struct mud *m, const char *name);
void body_free(struct body *b);

/* ---- thing.c: what lies around ------------------------------------------- */
struct thing *thing_new(struct mud *m, struct kind *k);
void thing_free(struct mud *m, struct thing *t);
void thing_put(struct thing **list, struct thing *t);
struct thing *thing_take(struct thing **list, struct thing *t);
struct thing *thing_find(struct thing *list, const char *words);
struct thing *thing_of_kind(struct thing *list, const struct kind *k);
struct thing *thing_worn(const struct body *b, long slot);
size_t thing_count(const struct thing *list);
void thing_drop(struct room *r, struct thing *t);
/* A kind by its id, or a relic for one that is no more. */
struct kind *thing_kind(struct mud *m, const char *id);
long thing_armour(const struct body *b);
void coins_make(struct mud *m, long *to, long n);
void coins_spend(struct mud *m, long *from, long n);
void coins_move(long *from, long *to, long n);

/* ---- fight.c ------------------------------------------------------------- */
void fight_begin(struct body *b, struct body *foe);
void fight_stop(struct body *b);
/* A session: a round every two seconds. */
int fight_task(struct gc_session *s, void *mud);
long fight_life_max(long level);
long fight_experience(long level); /* for the level after it */
void fight_reward(struct player *p, long experience);
void fight_heal(struct body *b, long life);

/* ---- being.c ------------------------------------------------------------- */
enum { SAW = 1, FLED, DIED }; /* signals for a being */
bool being_spawn_all(struct mud *m);
/* So long in the world is so long outside, in milliseconds. */
int64_t being_time(const struct mud *m, int64_t ms);
void being_tell_all(struct room *r, int what);

/* ---- walk.c: to a place, by a path that a worker found ------------------- */
/* Waits. The steps as letters, in out; how many, -1: there is no way, or an
 * error of the wait. */
int walk_path(struct gc_session *s, struct room *from, struct room *to,
    char *out, size_t size);
int walk_work(struct gc_net *net); /* the worker */

/* ---- quest.c ------------------------------------------------------------- */
/* Speak with a giver; false: it has nothing for this player. */
bool quest_talk(struct player *p, struct body *giver);
void quest_killed(struct player *p, const struct breed *b);
/* A gift for a giver's quest: true if it was one, and is gone. */
bool quest_given(struct player *p, struct body *giver, struct thing *t);
void quest_list(struct player *p, struct text *out);

/* ---- map.c --------------------------------------------------------------- */
void map_draw(const struct world *w, const struct place *here, int reach,
    struct text *out);
/* [{"x":0,"y":0,"name":"..","symbol":"M","exits":"nesu"}, ...] */
void map_json(const struct world *w, const struct place *here, int reach,
    struct text *out);

/* ---- record.c: a character as text --------------------------------------- */
/* Things as lines of a record, and one of them back at the end of a list. */
void record_write_things(const struct thing *list, struct text *out);
void record_read_thing(
    struct mud *m, struct thing **list, struct body *wearer, char *rest);
void record_write(const struct player *p, struct text *out);
bool record_read(struct player *p, char *text);

/* ---- keep.c: the world as text, so that another program finds it ----------
 */
/* Records of all that is not as the store has it, at the end of out; how
 * many. */
size_t keep_write(struct mud *m, struct text *out);
/* The store has what was last written, or has it not. */
void keep_settle(struct mud *m, bool saved);
/* The store has nothing as it is now. */
void keep_forget(struct mud *m);
/* What the store had; the id of the last record goes to last. Changes text. */
void keep_read(struct mud *m, char *text, char *last, size_t size);
/* This id is no more. */
void keep_gone(struct mud *m, const char *id);
/* "place/square", "being/rat/0" */
void keep_place_id(const struct place *place, char *out, size_t size);
void keep_being_id(const struct body *b, char *out, size_t size);

/* ---- store.c: characters that are not here ------------------------------- */
/* Waits for the store's answer, a view until this session next waits; below
 * 0: an error of the wait, or the store says no. */
ssize_t store_ask(
    struct gc_session *s, const char **answer, const struct text *question);
/* Save this character soon, together with all others that are marked. */
void store_mark(struct player *p);
/* Waits until it is saved. */
void store_wait(struct player *p);
/* Ask for all to be saved, and wait for nothing. */
void store_all(struct mud *m);
int store_task(struct gc_session *s, void *mud);
/* Ask, and wait for nothing. */
void store_tell(struct mud *m, const char *words, const char *name);

/* ---- login.c ------------------------------------------------------------- */
/* A session: a player's whole visit. */
int login_player(struct gc_session *s, void *mud);
struct player *login_find(struct mud *m, const char *name);
bool login_is_name(const char *name);
/* A session: puts out who does not get inside in time. */
int login_doorman(struct gc_session *s, void *mud);
/* Take a character out of the world and save it. Waits. */
void login_leave(struct player *p);

/* ---- commands.c: what players can do, as a table ------------------------- */
#define COMMAND_QUIT 1
/* Waits, or not. 0, COMMAND_QUIT, or an error of a call that waits. */
int command_run(struct player *p, char *line);
struct command {
	const char *name;
	int (*run)(struct player *p, char *rest);
	const char *use, *help;
	enum { GOING, PEOPLE, THINGS, FIGHTS, YOURSELF, WIZARD, TOPICS } topic;
};
extern const struct command commands[];

/* do_move.c */
int do_way(struct player *p, char *rest, enum way way);
int do_look(struct player *p, char *rest), do_go(struct player *p, char *rest);
int do_examine(struct player *p, char *rest);
int do_walk(struct player *p, char *rest), do_map(struct player *p, char *rest);
/* do_thing.c */
int do_get(struct player *p, char *rest), do_drop(struct player *p, char *rest);
int do_give(struct player *p, char *rest), do_list(struct player *p, char *r);
int do_buy(struct player *p, char *rest), do_sell(struct player *p, char *rest);
int do_inventory(struct player *p, char *rest);
int do_wear(struct player *p, char *rest);
int do_remove(struct player *p, char *rest);
int do_eat(struct player *p, char *rest);
/* do_talk.c */
int do_say(struct player *p, char *rest), do_tell(struct player *p, char *rest);
int do_reply(struct player *p, char *rest);
int do_shout(struct player *p, char *rest);
int do_emote(struct player *p, char *rest);
int do_talk(struct player *p, char *rest), do_who(struct player *p, char *rest);
/* do_fight.c */
int do_kill(struct player *p, char *rest), do_flee(struct player *p, char *r);
int do_rest(struct player *p, char *rest);
int do_consider(struct player *p, char *rest);
/* do_self.c */
int do_score(struct player *p, char *rest);
int do_quests(struct player *p, char *rest);
int do_alias(struct player *p, char *rest);
int do_unalias(struct player *p, char *rest);
int do_brief(struct player *p, char *rest);
int do_prompt(struct player *p, char *rest);
int do_colour(struct player *p, char *rest);
int do_wrap(struct player *p, char *rest);
int do_reader(struct player *p, char *rest);
int do_password(struct player *p, char *rest);
int do_save(struct player *p, char *rest), do_quit(struct player *p, char *r);
int do_help(struct player *p, char *rest);
/* do_wizard.c */
int do_reload(struct player *p, char *rest);
int do_audit(struct player *p, char *rest);
int do_goto(struct player *p, char *rest);
/* Ask for the builders' file and take it. Waits. 0, an error of the wait, or
 * GC_EFAILED: problem says why, and the old world stays. */
int wizard_reload(struct gc_session *s, struct mud *m, struct text *problem);

#endif
