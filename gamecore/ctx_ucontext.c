/*
 * ctx_ucontext.c - the switch where there is no other: POSIX's, which asks
 * the kernel about signals each time and so costs ten times as much.
 */
#include "gamecore/ctx.h"

#ifdef GC_UCONTEXT

#include <stdint.h>
#include <stdlib.h>

/* makecontext() hands over int arguments only: a pointer is two of them. */
static void
begin(unsigned entry_high, unsigned entry_low, unsigned arg_high,
    unsigned arg_low)
{
	uintptr_t entry = (uintptr_t)(((uint64_t)entry_high << 32) | entry_low);
	uintptr_t arg = (uintptr_t)(((uint64_t)arg_high << 32) | arg_low);

	((void (*)(void *))entry)((void *)arg);
	abort(); /* entry never returns: our own defect */
}

void
ctx_switch(struct ctx *from, struct ctx *to)
{
	if (swapcontext(&from->u, &to->u) < 0)
		abort(); /* it fails for a stack too small only */
}

void
ctx_make(
    struct ctx *c, void *low, size_t size, void (*entry)(void *), void *arg)
{
	uint64_t e = (uintptr_t)entry, a = (uintptr_t)arg;

	if (getcontext(&c->u) < 0)
		abort(); /* it cannot on Linux */
	c->u.uc_stack.ss_sp = low;
	c->u.uc_stack.ss_size = size;
	c->u.uc_link = NULL;
	makecontext(&c->u, (void (*)(void))(uintptr_t)begin, 4,
	    (unsigned)(e >> 32), (unsigned)e, (unsigned)(a >> 32), (unsigned)a);
}

#else
typedef int ctx_ucontext_is_not_for_this_machine;
#endif
