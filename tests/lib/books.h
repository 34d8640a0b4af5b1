/*
 * books.h - what players and the ledger game write to each other, so that
 * both sides mean the same sum.
 */
#ifndef TESTS_LIB_BOOKS_H
#define TESTS_LIB_BOOKS_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The longest line of either side. */
#define BOOKS_LINE 512

/* One player's entry: "m KEY NUMBER PADDING CRC". */
struct books_entry {
	uint64_t key, number;
};

/* The game's answer: "a KEY NUMBER SUM SEQUENCE CRC". */
struct books_answer {
	uint64_t key, number, sum, sequence;
};

/* FNV-1a, going on from sum. */
static inline uint64_t
books_sum(uint64_t sum, const char *text, size_t len)
{
	sum ^= 0xcbf29ce484222325u;
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ (uint8_t)text[i]) * 0x100000001b3u;
	return sum;
}

/* Put the sum of what is there behind it. Returns the new length. */
static inline size_t
books_seal(char *line, size_t len)
{
	return len + (size_t)snprintf(line + len, BOOKS_LINE - len,
			 " %08" PRIx32, (uint32_t)books_sum(0, line, len));
}

static inline bool
books_sealed(const char *line, size_t len)
{
	char seal[16];

	if (len < 9)
		return false;
	snprintf(seal, sizeof(seal), " %08" PRIx32,
	    (uint32_t)books_sum(0, line, len - 9));
	return memcmp(line + len - 9, seal, 9) == 0;
}

static inline bool
books_read_entry(const char *line, size_t len, struct books_entry *e)
{
	return books_sealed(line, len) &&
	       sscanf(line, "m %" SCNx64 " %" SCNu64, &e->key, &e->number) == 2;
}

static inline size_t
books_write_answer(
    char *out, uint64_t key, uint64_t number, uint64_t sum, uint64_t sequence)
{
	int n = snprintf(out, BOOKS_LINE,
	    "a %" PRIx64 " %" PRIu64 " %" PRIx64 " %" PRIu64, key, number, sum,
	    sequence);

	return books_seal(out, (size_t)n);
}

static inline bool
books_read_answer(const char *line, size_t len, struct books_answer *a)
{
	return books_sealed(line, len) &&
	       sscanf(line, "a %" SCNx64 " %" SCNu64 " %" SCNx64 " %" SCNu64,
		   &a->key, &a->number, &a->sum, &a->sequence) == 4;
}

#endif
