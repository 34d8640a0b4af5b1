/*
 * book.h - the book of characters: an SQLite file.
 *
 * A record is text whose lines begin with a word. The book knows two of them:
 * "character NAME" begins a record, and "item SERIAL ..." is kept in a table of
 * its own, where a serial can be only once; so no thing is ever in two hands,
 * whatever the game does. All else is the game's.
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
 *	save, records                      "saved": all of them or none
 *	boot                               the highest serial there is
 *	sums                               "CHARACTERS COINS THINGS"
 */
char *book_ask(struct book *b, const char *question, char problem[200]);

#endif
