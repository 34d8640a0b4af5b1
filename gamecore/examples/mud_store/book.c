/*
 * book.c - the book of characters: questions to it, by table.
 */
#include "book.h"
#include "pass.h"
#include "password.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

enum {
	WORD = 100,
	BUSY_MS = 5000,
	PAGE_BYTES = 256 << 10, /* of the world, in one answer */
	PARTS_MAX = 100,        /* of one save */
};

struct book {
	sqlite3 *db;
	char *problem;
	/* What came of a save before its last part. */
	char *parts;
	size_t n_parts, parts_len;
};

static const char schema[] =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE IF NOT EXISTS characters ("
    " name TEXT PRIMARY KEY COLLATE NOCASE, hash TEXT NOT NULL,"
    " coins INTEGER NOT NULL DEFAULT 0, record TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS items ("
    " serial INTEGER PRIMARY KEY, owner TEXT NOT NULL COLLATE NOCASE,"
    " rank INTEGER NOT NULL, line TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS items_owner ON items (owner);"
    "CREATE TABLE IF NOT EXISTS world ("
    " id TEXT PRIMARY KEY COLLATE NOCASE, record TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS passes ("
    " name TEXT PRIMARY KEY COLLATE NOCASE, hash TEXT NOT NULL,"
    " made INTEGER NOT NULL);";

/* ---- SQLite in three words ----------------------------------------------- */

static void
trouble(struct book *b)
{
	snprintf(b->problem, 200, "the store: %s", sqlite3_errmsg(b->db));
}

/* A statement with its texts; NULL ends them. */
static sqlite3_stmt *
prepare(struct book *b, const char *sql, const char *one, const char *two,
    const char *three)
{
	const char *all[] = { one, two, three };
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(b->db, sql, -1, &st, NULL) != SQLITE_OK) {
		trouble(b);
		return NULL;
	}
	for (int i = 0; i < 3 && all[i]; i++)
		sqlite3_bind_text(st, i + 1, all[i], -1, SQLITE_TRANSIENT);
	return st;
}

/* Do it, for its effect. */
static bool
run(struct book *b, const char *sql, const char *one, const char *two,
    const char *three)
{
	sqlite3_stmt *st = prepare(b, sql, one, two, three);
	bool done = st && sqlite3_step(st) == SQLITE_DONE;

	if (st && !done)
		trouble(b);
	sqlite3_finalize(st);
	return done;
}

/* The first column of the first row, owned; NULL: there is none. */
static char *
get(struct book *b, const char *sql, const char *one)
{
	sqlite3_stmt *st = prepare(b, sql, one, NULL, NULL);
	char *text = NULL;
	int r = st ? sqlite3_step(st) : SQLITE_ERROR;

	if (r == SQLITE_ROW && sqlite3_column_text(st, 0))
		text = strdup((const char *)sqlite3_column_text(st, 0));
	else if (st && r != SQLITE_ROW && r != SQLITE_DONE)
		trouble(b);
	sqlite3_finalize(st);
	return text;
}

/* ---- opening ------------------------------------------------------------- */

struct book *
book_open(const char *file, char problem[200])
{
	struct book *b = calloc(1, sizeof(*b));

	if (b == NULL) {
		snprintf(problem, 200, "out of memory");
		return NULL;
	}
	b->problem = problem;
	if (sqlite3_open(file, &b->db) != SQLITE_OK ||
	    sqlite3_busy_timeout(b->db, BUSY_MS) != SQLITE_OK ||
	    sqlite3_exec(b->db, schema, NULL, NULL, NULL) != SQLITE_OK) {
		snprintf(problem, 200, "%.100s: %s", file,
		    b->db ? sqlite3_errmsg(b->db) : "out of memory");
		book_close(b);
		return NULL;
	}
	return b;
}

void
book_close(struct book *b)
{
	if (b) {
		sqlite3_close(b->db);
		free(b->parts);
	}
	free(b);
}

/* ---- records ------------------------------------------------------------- */

/* A record with its items, owned. */
static char *
record(struct book *b, const char *name)
{
	return get(b,
	    "SELECT record || coalesce((SELECT group_concat(line, '') FROM"
	    " (SELECT line FROM items WHERE owner = name ORDER BY rank)), '')"
	    " FROM characters WHERE name = ?1",
	    name);
}

static bool
is_word(const char *line, const char *word)
{
	size_t len = strlen(word);

	return strncmp(line, word, len) == 0 && line[len] == ' ';
}

static bool
begins_record(const char *line)
{
	return is_word(line, "character") || is_word(line, "world");
}

static bool
put_item(struct book *b, const char *owner, const char *line, size_t len)
{
	char serial[24], copy[WORD + 2];

	/* Of a copy: sscanf() would look for the end of all records. */
	snprintf(copy, sizeof(copy), "%.*s\n", len > WORD ? 0 : (int)len, line);
	if (sscanf(copy, "item %20[0-9]", serial) != 1) {
		snprintf(b->problem, 200, "not an item: '%.60s'", line);
		return false;
	}
	return run(b,
	    "INSERT OR REPLACE INTO items (serial, owner, line, rank) VALUES"
	    " (?1, ?2, ?3, (SELECT count(*) FROM items WHERE owner = ?2))",
	    serial, owner, copy);
}

/* The lines from *at to the next record: items aside, the rest kept. */
static bool
put_lines(struct book *b, const char *name, const char **at, char *rest,
    char coins[24])
{
	const char *line = *at;
	size_t kept = 0;

	strcpy(coins, "0");
	while (*line && (line == *at || !begins_record(line))) {
		size_t len = strcspn(line, "\n"), all = len + (line[len] != 0);

		if (is_word(line, "item")) {
			if (!put_item(b, name, line, len))
				return false;
		} else {
			memcpy(rest + kept, line, all);
			kept += all;
		}
		if (is_word(line, "coins"))
			snprintf(coins, 24, "%.*s",
			    (int)strspn(line + 6, "0123456789"), line + 6);
		line += all;
	}
	rest[kept] = '\0';
	*at = line;
	return true;
}

static bool
put_character(
    struct book *b, const char *name, const char *rest, const char *coins)
{
	return run(b,
	    "UPDATE characters SET record = ?2, coins = ?3 WHERE name = ?1",
	    name, rest, coins);
}

/* One that is its first line alone is no more. */
static bool
put_world(struct book *b, const char *id, const char *rest)
{
	if (rest[strcspn(rest, "\n")] == '\0' || strchr(rest, '\n')[1] == '\0')
		return run(
		    b, "DELETE FROM world WHERE id = ?1", id, NULL, NULL);
	return run(b,
	    "INSERT OR REPLACE INTO world (id, record) VALUES (?1, ?2)", id,
	    rest, NULL);
}

/* One record of several; *at moves behind it. rest has room for all of them. */
static bool
put_record(struct book *b, const char **at, char *rest)
{
	char line[2 * WORD], id[WORD] = "", coins[24];
	bool is_world = is_word(*at, "world");

	snprintf(line, sizeof(line), "%.*s", (int)sizeof(line) - 1, *at);
	if (sscanf(line,
		is_world ? "world %99[-A-Za-z0-9_/]" : "character %99[A-Za-z]",
		id) != 1) {
		snprintf(b->problem, 200, "not a record: '%.60s'", line);
		return false;
	}
	return run(b, "DELETE FROM items WHERE owner = ?1", id, NULL, NULL) &&
	       put_lines(b, id, at, rest, coins) &&
	       (is_world ? put_world(b, id, rest)
			 : put_character(b, id, rest, coins));
}

/* All of them or none. */
static bool
put_records(struct book *b, const char *records)
{
	char *rest = malloc(strlen(records) + 1);
	bool done = rest && run(b, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (!done) {
		free(rest);
		return false;
	}
	while (done && *records)
		done = put_record(b, &records, rest);
	if (done)
		done = run(b, "COMMIT", NULL, NULL, NULL);
	if (!done)
		sqlite3_exec(b->db, "ROLLBACK", NULL, NULL, NULL);
	free(rest);
	return done;
}

/* ---- questions ----------------------------------------------------------- */

struct question {
	char name[WORD];
	long cost;
	char *rest;  /* of the line */
	char *below; /* all lines below it */
};

static bool
is_password(struct book *b, const char *name, const char *password)
{
	char *hash =
	    get(b, "SELECT hash FROM characters WHERE name = ?1", name);
	bool is = hash && password_is(password, hash);

	free(hash);
	return is;
}

static char *
on_known(struct book *b, struct question *q)
{
	char *name =
	    get(b, "SELECT name FROM characters WHERE name = ?1", q->name);
	bool known = name != NULL;

	free(name);
	return strdup(known ? "yes" : "no");
}

/* Asked twice, because the first answer was lost, it is made once. */
static char *
on_create(struct book *b, struct question *q)
{
	char hash[PASSWORD_HASHED], *there;

	there = get(b, "SELECT name FROM characters WHERE name = ?1", q->name);
	if (there) {
		free(there);
		return is_password(b, q->name, q->rest) ? record(b, q->name)
							: strdup("taken");
	}
	if (!password_hash(q->rest, q->cost, hash)) {
		snprintf(b->problem, 200, "the password cannot be hashed");
		return NULL;
	}
	if (!run(b,
		"INSERT INTO characters (name, hash, record)"
		" VALUES (?1, ?2, '')",
		q->name, hash, NULL) ||
	    !put_records(b, q->below))
		return NULL;
	return record(b, q->name);
}

static char *
on_check(struct book *b, struct question *q)
{
	return is_password(b, q->name, q->rest) ? record(b, q->name)
						: strdup("wrong");
}

static char *
on_password(struct book *b, struct question *q)
{
	char hash[PASSWORD_HASHED];

	if (!is_password(b, q->name, q->rest))
		return strdup("wrong");
	if (!password_hash(q->below, q->cost, hash) ||
	    !run(
		b, "DELETE FROM passes WHERE name = ?1", q->name, NULL, NULL) ||
	    !run(b, "UPDATE characters SET hash = ?2 WHERE name = ?1", q->name,
		hash, NULL))
		return NULL;
	return strdup("changed");
}

static char *
on_fetch(struct book *b, struct question *q)
{
	char *text = record(b, q->name);

	if (text == NULL)
		snprintf(b->problem, 200, "nobody is called '%.60s'", q->name);
	return text;
}

/* ---- saves in parts ------------------------------------------------------ */

static bool
not_in_order(struct book *b)
{
	snprintf(b->problem, 200, "a part of the save is missing");
	return false;
}

/* The next part waits with those before it; number 0 begins anew. */
static bool
keep_part(struct book *b, const char *number, const char *records)
{
	size_t n = strtoul(number, NULL, 10), len = strlen(records);
	char *more;

	if (n == 0)
		b->n_parts = b->parts_len = 0;
	if (n != b->n_parts || n == PARTS_MAX)
		return not_in_order(b);
	more = realloc(b->parts, b->parts_len + len + 1);
	if (more == NULL)
		return false;
	memcpy(more + b->parts_len, records, len + 1);
	b->parts = more;
	b->parts_len += len;
	b->n_parts++;
	return true;
}

static char *
on_part(struct book *b, struct question *q)
{
	return keep_part(b, q->rest, q->below) ? strdup("kept") : NULL;
}

static char *
on_save(struct book *b, struct question *q)
{
	const char *records = q->below;
	bool saved;

	if (*q->rest) {
		if (!keep_part(b, q->rest, q->below))
			return NULL;
		records = b->parts;
	}
	saved = put_records(b, records);
	free(b->parts);
	b->parts = NULL;
	b->n_parts = b->parts_len = 0;
	return saved ? strdup("saved") : NULL;
}

/* ---- the world ------------------------------------------------------------
 */

/* As many records as fit, in the order of their ids, behind that of the line;
 * "" behind the last. */
static char *
on_world(struct book *b, struct question *q)
{
	sqlite3_stmt *st = prepare(b,
	    "SELECT record || coalesce((SELECT group_concat(line, '') FROM"
	    " (SELECT line FROM items WHERE owner = id ORDER BY rank)), '')"
	    " FROM world WHERE id > ?1 ORDER BY id",
	    q->rest, NULL, NULL);
	char *all = st ? strdup("") : NULL, *more;
	size_t len = 0;

	while (all && len < PAGE_BYTES && sqlite3_step(st) == SQLITE_ROW) {
		const char *one = (const char *)sqlite3_column_text(st, 0);
		size_t n = one ? strlen(one) : 0;

		more = realloc(all, len + n + 1);
		if (more == NULL)
			break;
		all = more;
		memcpy(all + len, one ? one : "", n + 1);
		len += n;
	}
	sqlite3_finalize(st);
	return all;
}

/* ---- passes ---------------------------------------------------------------
 */

/* A name has one pass; whoever has it comes in without a password. */
static char *
on_pass(struct book *b, struct question *q)
{
	char pass[PASS_SIZE], hash[PASS_HASHED];

	/* The clock is SQLite's. */
	if (!pass_make(pass) || !pass_hash(pass, hash) ||
	    !run(b,
		"INSERT OR REPLACE INTO passes (name, hash, made)"
		" SELECT name, ?2, CAST(strftime('%s', 'now') AS INTEGER)"
		" FROM characters WHERE name = ?1",
		q->name, hash, NULL))
		return NULL;
	return strdup(pass);
}

static char *
on_forget(struct book *b, struct question *q)
{
	return run(b, "DELETE FROM passes WHERE name = ?1", q->name, NULL, NULL)
		   ? strdup("forgotten")
		   : NULL;
}

static char *
on_show(struct book *b, struct question *q)
{
	char *hash = get(b,
	    "SELECT hash FROM passes WHERE name = ?1 AND"
	    " made > CAST(strftime('%s', 'now') AS INTEGER) - " PASS_LASTS_S,
	    q->name);
	char shown[PASS_HASHED];
	bool is = hash && pass_hash(q->rest, shown) && pass_same(shown, hash);

	free(hash);
	return is ? record(b, q->name) : strdup("wrong");
}

/* ---- all questions --------------------------------------------------------
 */

static char *
on_boot(struct book *b, struct question *q)
{
	(void)q;
	return get(b, "SELECT coalesce(max(serial), 0) FROM items", NULL);
}

static char *
on_sums(struct book *b, struct question *q)
{
	(void)q;
	return get(b,
	    "SELECT count(*) || ' ' || coalesce(sum(coins), 0) || ' ' ||"
	    " (SELECT count(*) FROM items WHERE owner IN"
	    " (SELECT name FROM characters)) FROM characters",
	    NULL);
}

static const struct {
	const char *word;
	bool name, cost;
	char *(*answer)(struct book *b, struct question *q);
} questions[] = {
	{ "known", true, false, on_known },
	{ "create", true, true, on_create },
	{ "check", true, false, on_check },
	{ "password", true, true, on_password },
	{ "fetch", true, false, on_fetch },
	{ "part", false, false, on_part },
	{ "save", false, false, on_save },
	{ "world", false, false, on_world },
	{ "pass", true, false, on_pass },
	{ "show", true, false, on_show },
	{ "forget", true, false, on_forget },
	{ "boot", false, false, on_boot },
	{ "sums", false, false, on_sums },
};

static char *
next_word(char **rest)
{
	char *word = *rest, *end = word + strcspn(word, " ");

	*rest = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

char *
book_ask(struct book *b, const char *text, char problem[200])
{
	char *copy = strdup(text), *line = copy, *word, *answer = NULL;
	struct question q = { .cost = 0 };

	b->problem = problem;
	snprintf(problem, 200, "not a question for the store");
	if (copy == NULL)
		return NULL;
	q.below = line + strcspn(line, "\n");
	if (*q.below)
		*q.below++ = '\0';
	word = next_word(&line);
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		if (strcmp(word, questions[i].word) != 0)
			continue;
		if (questions[i].name)
			snprintf(q.name, WORD, "%s", next_word(&line));
		if (questions[i].cost)
			q.cost = strtol(next_word(&line), NULL, 10);
		q.rest = line;
		answer = questions[i].answer(b, &q);
		break;
	}
	free(copy);
	return answer;
}
