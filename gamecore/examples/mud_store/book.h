/*
 * book.h - the book of characters: an SQLite file.
 *
 * A record is text whose lines begin with a word. The book knows three of them:
 * "character NAME" or "world ID" (a place, a being) begins a record, and "item
 * SERIAL ..." is kept in a table of its own, where a serial can be only once;
 * so no thing is ever in two hands, or in one and on the floor, whatever the
 * game does. All else is the game's.
 */
#ifndef MUD_STORE_BOOK_H
#define MUD_STORE_BOOK_H

#include <stdbool.h>

struct book;

/* Open, or make, the file. Owned (book_close() it); NULL: problem is set. */
struct book *book_open(const char *file, char problem[200]);
void book_close(struct book *b);

/*
 * What the game asks: a line of a word and what belongs to it, and for some a
 * record in the lines below it. Returns the answer, owned (free() it), or
 * NULL: problem says why it cannot be done, for a person.
 *
 *	known NAME                         yes, no
 *	create NAME COST PASSWORD, record  the record, or "taken"
 *	check NAME PASSWORD                the record, or "wrong"
 *	password NAME COST OLD, line: NEW  "changed", "wrong"
 *	fetch NAME                         the record
 *	save, records                      "saved": all of them or none; a
 *	                                   "world ID" alone is forgotten
 *	part N, records                    "kept" for the save; from 0, in order
 *	save N, records                    the last part: all of them or none
 *	world ID                           records of the world behind that id,
 *	                                   as many as fit; "": there are none
 *	pass NAME                          a new pass, in place of the old one
 *	show NAME PASS                     the record, or "wrong"
 *	forget NAME                        "forgotten": its pass is
 *	boot                               the highest serial there is
 *	sums                               "CHARACTERS COINS THINGS"
 */
char *book_ask(struct book *b, const char *question, char problem[200]);

#endif
