/*
 * stack.h - stacks for sessions, with a guard below each.
 */
#ifndef GAMECORE_STACK_H
#define GAMECORE_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The address sanitizer has to be told of stacks. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GC_ASAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define GC_ASAN 1
#endif

/* Below each stack, never accessible. More than a page, so that a function
 * with a large array does not step over it. */
#define STACK_GUARD ((size_t)64 << 10)

struct stack {
	char *low; /* NULL: none */
	size_t size;
	unsigned valgrind;
	/* Views: who to blame for an overflow. */
	const char *name;
	uint64_t number;
};

/* Given back stacks are kept for the next one. */
struct stacks {
	struct stack free[64];
	size_t n_free;
	size_t size;
};

/* False: out of memory or of mappings. */
bool stack_take(struct stacks *pool, struct stack *s);
void stack_put(struct stacks *pool, struct stack *s);
void stacks_release(struct stacks *pool);

/*
 * An overflow of the stack that runs now (NULL: the process's own) is told to
 * fd, a control or keeper socket (-1: nobody), before the process dies of it.
 * The first call prepares that, once in a process.
 */
void stack_watch(const struct stack *running, int fd);

#endif
