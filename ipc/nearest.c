/*
 * nearest.c - the word that is the fewest slips away: a letter too many, one
 * missing, a wrong one, or two the wrong way round (Damerau's four).
 */
#include "ipc/nearest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define LETTERS_MAX 64

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Rows of the usual table, three at a time; more than LETTERS_MAX: far. */
static size_t
distance(const char *a, const char *b)
{
	size_t rows[3][LETTERS_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > LETTERS_MAX || m > LETTERS_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *now = rows[i % 3], *last = rows[(i + 2) % 3];
		const size_t *before = rows[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= m; j++) {
			now[j] = least(least(last[j], now[j - 1]) + 1,
			    last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
	}
	return rows[n % 3][m];
}

void
ipc_nearest_init(struct ipc_nearest *n, const char *asked)
{
	size_t len = strlen(asked);

	n->asked = asked;
	n->word[0] = '\0';
	/* One slip in a short word, two in a long one; further is a guess. */
	n->away = len < 3 ? 1 : len < 6 ? 2 : 3;
}

void
ipc_nearest_look(struct ipc_nearest *n, const char *word)
{
	size_t away = distance(n->asked, word);

	if (away >= n->away || strlen(word) >= sizeof(n->word))
		return;
	n->away = away;
	strcpy(n->word, word);
}

const char *
ipc_nearest_say(const struct ipc_nearest *n, char *out, size_t size)
{
	out[0] = '\0';
	if (n->word[0])
		snprintf(out, size, " (did you mean '%s'?)", n->word);
	return out;
}
