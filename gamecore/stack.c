/*
 * stack.c - stacks for sessions.
 *
 * A stack is a private mapping that is touched where it is used: the kernel
 * gives it a page at its top and no more until a function goes deeper. Below
 * it lies what may not be touched, so an overflow ends the process at once
 * instead of writing into the neighbour. The handler here, on a stack of its
 * own, only adds whose stack it was; the fault then happens again and kills
 * as it would have, with its core dump where it belongs.
 */
#include "gamecore/stack.h"

#include "ipc/control.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(from, to) 0
#define VALGRIND_STACK_DEREGISTER(id) (void)(id)
#endif

#ifdef GC_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(at, size) (void)(at)
#define __lsan_register_root_region(at, size) (void)(at)
#define __lsan_unregister_root_region(at, size) (void)(at)
#endif

bool
stack_take(struct stacks *pool, struct stack *s)
{
	char *all;

	if (pool->n_free) {
		*s = pool->free[--pool->n_free];
		return true;
	}
	all = mmap(NULL, STACK_GUARD + pool->size, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (all == MAP_FAILED)
		return false;
	if (mprotect(all + STACK_GUARD, pool->size, PROT_READ | PROT_WRITE) <
	    0) {
		munmap(all, STACK_GUARD + pool->size);
		return false;
	}
	*s = (struct stack){ .low = all + STACK_GUARD, .size = pool->size };
	s->valgrind = VALGRIND_STACK_REGISTER(s->low, s->low + s->size);
	__lsan_register_root_region(s->low, s->size);
	return true;
}

static void
unmap(struct stack *s)
{
	VALGRIND_STACK_DEREGISTER(s->valgrind);
	__lsan_unregister_root_region(s->low, s->size);
	munmap(s->low - STACK_GUARD, STACK_GUARD + s->size);
}

void
stack_put(struct stacks *pool, struct stack *s)
{
	if (s->low == NULL)
		return;
	/* Frames that nobody returned from left their red zones. */
	ASAN_UNPOISON_MEMORY_REGION(s->low, s->size);
	if (pool->n_free < sizeof(pool->free) / sizeof(pool->free[0]))
		pool->free[pool->n_free++] = *s;
	else
		unmap(s);
	s->low = NULL;
}

void
stacks_release(struct stacks *pool)
{
	while (pool->n_free)
		unmap(&pool->free[--pool->n_free]);
}

/* ---- an overflow -------------------------------------------------------- */

/* For the signal handler, which can reach nothing else. */
static struct {
	const struct stack *volatile running;
	volatile sig_atomic_t fd;
	bool prepared;
	struct sigaction before[2];
} watch = { .fd = -1 };

static const int faults[2] = { SIGSEGV, SIGBUS };

static char *
add(char *to, const char *end, const char *text)
{
	while (*text && to < end)
		*to++ = *text++;
	*to = '\0';
	return to;
}

static char *
add_number(char *to, const char *end, uint64_t n)
{
	char digits[21], *d = digits + 20;

	*d = '\0';
	do
		*--d = (char)('0' + n % 10);
	while (n /= 10);
	return add(to, end, d);
}

/* Nothing here may take a lock or memory: the program is as it was. */
static void
blame(const struct stack *s)
{
	static struct ipc_control m = { .type = IPC_CONTROL_LOG,
		.fds = { -1, -1 } };
	const char *end = m.text + sizeof(m.text) - 1;
	char *to = add(m.text, end, "stack_overflow session=\"");

	to = add(to, end, s->name);
	to = add(to, end, "\" number=");
	/* As the game's log has it: without the bit that makes it ours. */
	to = add_number(to, end, s->number & INT64_MAX);
	to = add(to, end, " stack_bytes=");
	add_number(to, end, s->size);
	ipc_control_send((int)watch.fd, &m);
}

static void
on_fault(int number, siginfo_t *info, void *context)
{
	const struct stack *s = watch.running;
	const char *at = info->si_addr;
	int before = errno;

	(void)context;
	if (info->si_code > 0 && s && watch.fd >= 0 && at < s->low &&
	    at >= s->low - STACK_GUARD)
		blame(s);
	for (int i = 0; i < 2; i++)
		if (faults[i] == number)
			sigaction(number, &watch.before[i], NULL);
	/* One that was sent does not come again by itself. */
	if (info->si_code <= 0)
		raise(number);
	errno = before;
}

static void
prepare(void)
{
	static char handler_stack[16 << 10];
	stack_t mine = { .ss_sp = handler_stack,
		.ss_size = sizeof(handler_stack) };
	stack_t there;
	struct sigaction a = { .sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_ONSTACK };

	watch.prepared = true;
	if (sigaltstack(NULL, &there) < 0 ||
	    ((there.ss_flags & SS_DISABLE) && sigaltstack(&mine, NULL) < 0))
		return;
	for (int i = 0; i < 2; i++)
		sigaction(faults[i], &a, &watch.before[i]);
}

void
stack_watch(const struct stack *running, int fd)
{
	if (!watch.prepared)
		prepare();
	watch.running = running;
	watch.fd = fd;
}
