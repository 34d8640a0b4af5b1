/*
 * page.h - the game in JSON, for the browser's page and for programs.
 *
 * Each message is an array of commands, each command an array that begins
 * with its name. From the game:
 *
 *   ["hello", {room, width, height, wrap, speed, most}]   on arrival
 *   ["world", [cell, look, ...]]    the whole field; the rest of it is free
 *   ["players", [[id, name, slot, score, bot], ...]]      who plays
 *   ["handshake", name, id]         your name is accepted, perhaps changed
 *   ["reset_world"]                 the field is free again
 *   ["draw", [cell, look, ...]]     what changed in a frame
 *   ["p_joined", id, name, slot, score, bot]
 *   ["p_gameover", id, score, why, killer]    why: wall, stone, corpse, self,
 *                                   snake, head or left; killer: an id, or 0
 *   ["p_score", id, score, digit, cell]
 *   ["top_scores", [[name, score, slot, seconds since 1970], ...]]
 *   ["people", number]              connected to this room
 *   ["chat", name, slot, text]      slot: -1 for one who watches
 *   ["error", text]   ["pong", anything]   ["bye", text]
 *
 * cell is x + y * width. look is one character of world.h; for a part of a
 * snake its slot, 0 to 9, follows. To the game, each message is one command:
 *
 *   ["new_player", name]  once   ["join"]  start a snake
 *   37 38 39 40  left, up, right, down   ["chat", text]   ["ping", anything]
 */
#ifndef SNAKE_PAGE_H
#define SNAKE_PAGE_H

#include "room.h"

/* These append commands; page_begin() and page_end() make them a message. */
void page_begin(struct text *t);
void page_end(struct text *t);
void page_welcome(struct text *t, const struct room *r);
/* The same for a page that has been welcomed: as it is now. */
void page_all(struct text *t, const struct room *r);
void page_handshake(struct text *t, const struct player *p);
void page_reset(struct text *t);
/* What changed since world_seen(); nothing if nothing did. */
void page_draw(struct text *t, const struct room *r);
void page_joined(struct text *t, const struct player *p);
void
page_over(struct text *t, const struct room *r, const struct world_news *news);
void
page_score(struct text *t, const struct room *r, const struct world_news *news);
void page_top(struct text *t, const struct game *g);
void page_people(struct text *t, const struct room *r);
void page_chat(struct text *t, const struct player *p, const char *said);
void page_error(struct text *t, const char *text);
void page_bye(struct text *t);

/* A message from a page: do what it says, or answer with an error. */
void page_got(struct player *p, const char *bytes, size_t len);

#endif
