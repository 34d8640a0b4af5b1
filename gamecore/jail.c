/*
 * jail.c - --jail: the game keeps what it has open, its memory and the right
 * to copy itself, and nothing else. No file, socket or program any more: who
 * takes the game over has two pipes.
 *
 * What the system refuses of it is left away; needs.c has told the log. The
 * launcher and the workers are other processes and know nothing of it.
 */
#include "gamecore/core.h"
#include "ipc/cage.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <time.h>

#define ALL UINT32_MAX
#define NAMESPACES                                                   \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	    CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_PTRACE)

/* With Landlock's scope no signal leaves the jail; a frozen copy, whose number
 * is another, may then die by abort() as any process may. */
static void
allow_signals(void *calls, const struct gc_net *net, bool scoped)
{
	static const int sends[] = { SCMP_SYS(kill), SCMP_SYS(tgkill) };
	const pid_t ours[] = { net->netd, net->crew };

	for (size_t i = 0; i < 2; i++) {
		if (scoped)
			seccomp_rule_add(calls, SCMP_ACT_ALLOW, sends[i], 0);
		/* Of --foreground, which ends them. */
		if (ours[i])
			seccomp_rule_add(calls, SCMP_ACT_ALLOW, SCMP_SYS(kill),
			    1,
			    SCMP_A0(
				SCMP_CMP_MASKED_EQ, ALL, (unsigned)ours[i]));
	}
}

/* Copies of itself, threads, and the sockets that copies are woken by. */
static void
allow_copies(void *calls)
{
	static const int own[] = { SCMP_SYS(fork), SCMP_SYS(sendmsg),
		SCMP_SYS(sendto), SCMP_SYS(recvmsg), SCMP_SYS(recvfrom),
		SCMP_SYS(shutdown), SCMP_SYS(getdents64) };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (own[i] >= 0)
			seccomp_rule_add(calls, SCMP_ACT_ALLOW, own[i], 0);
	seccomp_rule_add(calls, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
	    SCMP_A0(SCMP_CMP_MASKED_EQ, NAMESPACES, 0));
	seccomp_rule_add(calls, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1,
	    SCMP_A0(SCMP_CMP_MASKED_EQ, ALL, AF_UNIX));
}

/* To lend a pipe its own memory, as stream.c does; it is not given away. */
static void
allow_lending(void *calls)
{
	seccomp_rule_add(calls, SCMP_ACT_ALLOW, SCMP_SYS(vmsplice), 2,
	    SCMP_A2(SCMP_CMP_EQ, 1), SCMP_A3(SCMP_CMP_MASKED_EQ, ALL, 0));
}

void
jail(const struct gc_net *net)
{
	bool children = net->netd || net->crew, scoped = false;
	struct ipc_cage_places places;
	void *calls;

	if (ipc_cage_never())
		return;
	/* What libc reads when first used it reads now. */
	tzset();
	if (ipc_cage_places(&places, false, children))
		scoped = ipc_cage_places_hold(&places) && places.abi >= 6 &&
			 !children;
	calls = ipc_cage_calls(true);
	if (calls == NULL)
		return;
	allow_signals(calls, net, scoped);
	allow_copies(calls);
	allow_lending(calls);
	ipc_cage_calls_hold(calls);
}
