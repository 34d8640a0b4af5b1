/*
 * ctx_x86_64.c - the switch for x86-64 as its psABI wants it (3.2.1): the
 * callee keeps rbx, rbp, r12 to r15, rsp and the control words of the two
 * floating point units. All the rest the compiler has put away by itself.
 *
 * The jump at its end is no ret: the processor would foretell the wrong
 * caller each time. scripts/sessions.py knows the order of the pushes.
 */
#include "gamecore/ctx.h"

#ifndef GC_UCONTEXT

#include <stdint.h>
#include <string.h>

void ctx_swap(void **from, void *to);
void ctx_begin(void);

__asm__(".text\n"
	".p2align 4\n"
	".globl ctx_swap\n"
	".hidden ctx_swap\n"
	".type ctx_swap, @function\n"
	"ctx_swap:\n"
	".cfi_startproc\n"
	"	pushq %rbp\n"
	".cfi_adjust_cfa_offset 8\n"
	"	pushq %rbx\n"
	".cfi_adjust_cfa_offset 8\n"
	"	pushq %r12\n"
	".cfi_adjust_cfa_offset 8\n"
	"	pushq %r13\n"
	".cfi_adjust_cfa_offset 8\n"
	"	pushq %r14\n"
	".cfi_adjust_cfa_offset 8\n"
	"	pushq %r15\n"
	".cfi_adjust_cfa_offset 8\n"
	"	subq $8, %rsp\n"
	".cfi_adjust_cfa_offset 8\n"
	"	stmxcsr (%rsp)\n"
	"	fnstcw 4(%rsp)\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	ldmxcsr (%rsp)\n"
	"	fldcw 4(%rsp)\n"
	"	addq $8, %rsp\n"
	".cfi_adjust_cfa_offset -8\n"
	"	popq %r15\n"
	".cfi_adjust_cfa_offset -8\n"
	"	popq %r14\n"
	".cfi_adjust_cfa_offset -8\n"
	"	popq %r13\n"
	".cfi_adjust_cfa_offset -8\n"
	"	popq %r12\n"
	".cfi_adjust_cfa_offset -8\n"
	"	popq %rbx\n"
	".cfi_adjust_cfa_offset -8\n"
	"	popq %rbp\n"
	".cfi_adjust_cfa_offset -8\n"
	"	popq %rcx\n"
	".cfi_adjust_cfa_offset -8\n"
	".cfi_register %rip, %rcx\n"
	"	jmpq *%rcx\n"
	".cfi_endproc\n"
	".size ctx_swap, . - ctx_swap\n"

	/* The outermost frame: nobody called it. */
	".p2align 4\n"
	".globl ctx_begin\n"
	".hidden ctx_begin\n"
	".type ctx_begin, @function\n"
	"ctx_begin:\n"
	".cfi_startproc\n"
	".cfi_undefined %rip\n"
	"	movq %r12, %rdi\n"
	"	callq *%rbx\n"
	"	ud2\n"
	".cfi_endproc\n"
	".size ctx_begin, . - ctx_begin\n");

void
ctx_switch(struct ctx *from, struct ctx *to)
{
	ctx_swap(&from->sp, to->sp);
}

void
ctx_make(
    struct ctx *c, void *low, size_t size, void (*entry)(void *), void *arg)
{
	/* As the pushes of ctx_swap() would have left it. */
	struct {
		uint32_t mxcsr;
		uint16_t x87, unused;
		uint64_t r15, r14, r13, r12, rbx, rbp, rip;
	} first = { .r12 = (uintptr_t)arg,
		.rbx = (uintptr_t)entry,
		.rip = (uintptr_t)ctx_begin };
	/* The call in ctx_begin finds the stack aligned to 16. */
	uintptr_t top = ((uintptr_t)low + size) & ~(uintptr_t)15;

	__asm__ volatile("stmxcsr %0" : "=m"(first.mxcsr));
	__asm__ volatile("fnstcw %0" : "=m"(first.x87));
	c->sp = (void *)(top - sizeof(first));
	memcpy(c->sp, &first, sizeof(first));
}

#else
typedef int ctx_x86_64_is_not_for_this_machine;
#endif
