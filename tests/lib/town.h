/*
 * town.h - bin/mud with a small world, and players on plain lines.
 *
 * A hall with a stick and a keeper who sells such, and north of it a yard with
 * a straw dummy that stands long. Ann is a wizard.
 */
#ifndef TESTS_LIB_TOWN_H
#define TESTS_LIB_TOWN_H

#include "tests/lib/kit.h"

#define TOWN_URL "line://127.0.0.1:0"

extern struct kit_proc *town;

/* The world's file, with more behind it. */
void town_write(const char *more);
/* Start the game on the file that is there; an option and its value, or NULL.
 */
void town_start(const char *option, const char *value);
/* Both. */
void town_begin(void);

void town_type(int fd, const char *line);
/* Connect and give a name. */
int town_come(const char *name);
/* A new character, in the hall; one that is known, its password given. */
int town_make(const char *name);
int town_again(const char *name);
/* A new one, who takes the hall's stick. */
int town_make_with_stick(const char *name);
/* From the hall to the yard. */
void town_go_north(int fd);
/* A wizard sees that coins and things add up. */
void town_audit(int wizard);

#endif
