/*
 * ctx.h - one way to leave a stack and go on where another was left.
 *
 * ctx_x86_64.c has it in a dozen instructions; ctx_ucontext.c for every other
 * machine, and where GC_UCONTEXT is defined. Neither makes a system call that
 * the other does not hide. stack.c has the stacks, engine.c decides.
 */
#ifndef GAMECORE_CTX_H
#define GAMECORE_CTX_H

#include <stddef.h>

#if !defined(__x86_64__) || !defined(__LP64__)
#define GC_UCONTEXT 1
#endif

#ifdef GC_UCONTEXT
#include <ucontext.h>
#endif

struct ctx {
#ifdef GC_UCONTEXT
	ucontext_t u;
#else
	void *sp; /* below it: control words, r15 to r12, rbx, rbp, rip */
#endif
};

/* A context that calls entry(arg), which never returns, on this stack. */
void ctx_make(
    struct ctx *c, void *low, size_t size, void (*entry)(void *), void *arg);
/* Leave from, go on with to. Returns when somebody switches back. */
void ctx_switch(struct ctx *from, struct ctx *to);

#endif
